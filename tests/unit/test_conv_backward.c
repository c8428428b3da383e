/* Gradients against central differences of the reference forward pass, summed in double. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

static float *draw(size_t count, struct rng *rng)
{
	float *x = canary_new(count);
	for (size_t i = 0; i < count; i++)
		x[i] = (float)rng_range(rng, -1, 1);
	return x;
}

/* L = Σ weight · output: its gradient by the output is `weight`. */
static double loss(const struct conv *conv, const float *weight, size_t count)
{
	double sum = 0;
	conv_ref(conv);
	for (size_t i = 0; i < count; i++)
		sum += (double)weight[i] * (double)conv->output[i];
	return sum;
}

/* Some entries of one array moved up and down by h. The loss bends only where a ReLU switches: h is small against
 * the sums. */
static void hold_to_differences(const struct conv *conv, float *values, const float *gradient, size_t count,
                                const float *weight)
{
	const float h = 1.0f / 1024;
	size_t outputs = conv->n * conv->height * conv->width * conv->out, step = count / 23 + 1;
	for (size_t i = 0; i < count; i += step) {
		float kept = values[i];
		values[i] = kept + h;
		double up = loss(conv, weight, outputs);
		values[i] = kept - h;
		double down = loss(conv, weight, outputs);
		values[i] = kept;
		double want = (up - down) / (2 * (double)h);
		if (fabs(want - (double)gradient[i]) > 2e-2 * fabs(want) + 2e-2)
			fail_msg("gradient %zu is %g, the difference says %g", i, (double)gradient[i], want);
	}
}

struct sample {
	struct conv_gradient g;
	float *input, *kernel, *bias, *output, *weight;
	size_t inputs, kernels, outputs;
};

static struct sample sample_new(struct conv conv)
{
	struct rng rng;
	struct sample s = {.inputs = conv.n * conv.height * conv.width * conv.in,
	                   .kernels = conv.size * conv.size * conv.in * conv.out,
	                   .outputs = conv.n * conv.height * conv.width * conv.out};
	rng_seed(&rng, 3, "backward", s.kernels);
	conv.input = s.input = draw(s.inputs, &rng);
	conv.kernel = s.kernel = draw(s.kernels, &rng);
	conv.bias = s.bias = draw(conv.out, &rng);
	conv.output = s.output = draw(s.outputs, &rng);
	s.weight = draw(s.outputs, &rng);
	conv_ref(&conv);
	s.g = (struct conv_gradient){.conv = conv,
	                             .output_gradient = s.weight,
	                             .kernel_gradient = canary_new(s.kernels),
	                             .bias_gradient = canary_new(conv.out),
	                             .input_gradient = canary_new(s.inputs)};
	return s;
}

static void sample_run(struct sample *s)
{
	size_t floats = conv_backward_workspace(&s->g) / sizeof(float);
	float *workspace = canary_new(floats);
	conv_backward(&s->g, workspace);
	canary_check(workspace, floats);
	canary_check(s->g.kernel_gradient, s->kernels);
	canary_check(s->g.bias_gradient, s->g.conv.out);
	if (s->g.input_gradient)
		canary_check(s->g.input_gradient, s->inputs);
	canary_free(workspace);
}

static void sample_free(struct sample *s)
{
	float *blocks[] = {s->input, s->kernel, s->bias, s->output, s->weight, s->g.kernel_gradient, s->g.bias_gradient};
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
		canary_free(blocks[i]);
	if (s->g.input_gradient)
		canary_free(s->g.input_gradient);
}

static void gradients_equal_central_differences(void **state)
{
	(void)state;
	static const struct conv shapes[] = {
	    {.n = 2, .height = 5, .width = 7, .in = 3, .out = 4, .size = 3, .relu = true, .threads = 2},
	    {.n = 1, .height = 9, .width = 9, .in = 16, .out = 16, .size = 3, .relu = true, .threads = 2},
	    {.n = 3, .height = 1, .width = 1, .in = 2, .out = 5, .size = 3, .threads = 1},
	    {.n = 1, .height = 6, .width = 4, .in = 2, .out = 3, .size = 5, .threads = 3},
	};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct sample s = sample_new(shapes[i]);
		sample_run(&s);
		hold_to_differences(&s.g.conv, s.input, s.g.input_gradient, s.inputs, s.weight);
		hold_to_differences(&s.g.conv, s.kernel, s.g.kernel_gradient, s.kernels, s.weight);
		hold_to_differences(&s.g.conv, s.bias, s.g.bias_gradient, s.g.conv.out, s.weight);
		sample_free(&s);
	}
}

static void threads_do_not_change_a_bit_of_a_gradient(void **state)
{
	(void)state;
	struct conv conv = {.n = 3, .height = 21, .width = 21, .in = 32, .out = 48, .size = 3, .relu = true, .threads = 1};
	struct sample one = sample_new(conv);
	sample_run(&one);
	for (int threads = 2; threads < 5; threads++) {
		conv.threads = threads;
		struct sample many = sample_new(conv);
		sample_run(&many);
		assert_memory_equal(one.g.kernel_gradient, many.g.kernel_gradient, one.kernels * sizeof(float));
		assert_memory_equal(one.g.bias_gradient, many.g.bias_gradient, conv.out * sizeof(float));
		assert_memory_equal(one.g.input_gradient, many.g.input_gradient, one.inputs * sizeof(float));
		sample_free(&many);
	}
	sample_free(&one);
}

static void without_an_input_gradient_the_others_are_the_same(void **state)
{
	(void)state;
	struct conv conv = {.n = 2, .height = 6, .width = 5, .in = 3, .out = 7, .size = 3, .relu = true, .threads = 2};
	struct sample all = sample_new(conv), some = sample_new(conv);
	canary_free(some.g.input_gradient);
	some.g.input_gradient = NULL;
	sample_run(&all);
	sample_run(&some);
	assert_memory_equal(all.g.kernel_gradient, some.g.kernel_gradient, all.kernels * sizeof(float));
	assert_memory_equal(all.g.bias_gradient, some.g.bias_gradient, conv.out * sizeof(float));
	sample_free(&all);
	sample_free(&some);
}

static void a_pooling_sends_its_gradient_to_the_first_largest_input(void **state)
{
	(void)state;
	enum { n = 2, h = 5, w = 7, c = 3, inputs = n * h * w * c, outputs = n * 2 * 3 * c };
	struct rng rng;
	rng_seed(&rng, 4, "pool", 0);
	float *input = draw(inputs, &rng), *weight = draw(outputs, &rng), *gradient = canary_new(inputs);
	for (size_t i = 0; i < inputs; i += 2)
		input[i] = 0.5f; /* ties */
	pool_max2_backward(&(struct pool_gradient){n, h, w, c, input, weight, gradient, 2});
	canary_check(gradient, inputs);
	double sum = 0, want = 0;
	for (size_t i = 0; i < inputs; i++)
		sum += (double)gradient[i];
	for (size_t o = 0; o < outputs; o++) {
		size_t x = o / c % 3, y = o / c / 3 % 2, corner = ((o / c / 6 * h + 2 * y) * w + 2 * x) * c + o % c;
		const size_t places[4] = {corner, corner + c, corner + w * c, corner + w * c + c};
		size_t best = 0;
		for (size_t k = 1; k < 4; k++)
			best = input[places[k]] > input[places[best]] ? k : best;
		assert_true(gradient[places[best]] == weight[o]);
		want += (double)weight[o];
	}
	assert_float_equal(sum, want, 1e-6);
	canary_free(input);
	canary_free(weight);
	canary_free(gradient);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gradients_equal_central_differences),
	    cmocka_unit_test(threads_do_not_change_a_bit_of_a_gradient),
	    cmocka_unit_test(without_an_input_gradient_the_others_are_the_same),
	    cmocka_unit_test(a_pooling_sends_its_gradient_to_the_first_largest_input),
	};
	return cmocka_run_group_tests_name("conv_backward", tests, NULL, NULL);
}
