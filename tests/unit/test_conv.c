/* Convolution and pooling against their plain twins, at even and odd sizes. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

struct block {
	float *input, *kernel, *bias;
	size_t output_count;
};

static void fill(float *values, size_t count, struct rng *rng)
{
	for (size_t i = 0; i < count; i++)
		values[i] = (float)rng_normal(rng);
}

static struct block block_new(struct conv *conv)
{
	struct err err = {0};
	struct rng rng;
	size_t inputs = conv->n * conv->height * conv->width * conv->in;
	size_t weights = conv->size * conv->size * conv->in * conv->out;
	struct block block = {mem_alloc(inputs, 4, &err), mem_alloc(weights, 4, &err), mem_alloc(conv->out, 4, &err),
	                      conv->n * conv->height * conv->width * conv->out};
	rng_seed(&rng, 3, "conv", inputs);
	fill(block.input, inputs, &rng);
	fill(block.kernel, weights, &rng);
	fill(block.bias, conv->out, &rng);
	conv->input = block.input;
	conv->kernel = block.kernel;
	conv->bias = block.bias;
	return block;
}

static void block_free(struct block *block)
{
	free(block->input);
	free(block->kernel);
	free(block->bias);
}

static float *run_fast(struct conv conv, size_t count)
{
	size_t floats = conv_workspace(&conv) / sizeof(float);
	float *workspace = canary_new(floats), *output = canary_new(count);
	conv.output = output;
	conv_forward(&conv, workspace);
	canary_check(workspace, floats);
	canary_check(output, count);
	canary_free(workspace);
	return output;
}

static const struct conv shapes[] = {
    {.n = 1, .height = 1, .width = 1, .in = 1, .out = 1, .size = 3},
    {.n = 2, .height = 9, .width = 9, .in = 16, .out = 24, .size = 3, .relu = true},
    {.n = 1, .height = 37, .width = 18, .in = 3, .out = 64, .size = 3, .relu = true},
    {.n = 3, .height = 5, .width = 75, .in = 8, .out = 17, .size = 3},
    {.n = 1, .height = 2, .width = 3, .in = 5, .out = 300, .size = 3, .relu = true},
    {.n = 1, .height = 13, .width = 11, .in = 6, .out = 7, .size = 5},
    {.n = 1, .height = 4, .width = 6, .in = 32, .out = 9, .size = 1, .relu = true},
    {.n = 2, .height = 18, .width = 18, .in = 512, .out = 8, .size = 3, .relu = true},
};

static void fast_convolution_equals_the_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct conv conv = shapes[i];
		struct block block = block_new(&conv);
		float *want = canary_new(block.output_count);
		conv.threads = 2;
		conv.output = want;
		conv_ref(&conv);
		canary_check(want, block.output_count);
		float *got = run_fast(conv, block.output_count);
		double depth = (double)(conv.size * conv.size * conv.in);
		assert_close(got, want, block.output_count, 1e-5, 2e-6 * sqrt(depth));
		canary_free(got);
		canary_free(want);
		block_free(&block);
	}
}

static void relu_leaves_no_negative_and_its_absence_does(void **state)
{
	(void)state;
	for (int relu = 0; relu < 2; relu++) {
		struct conv conv = {.n = 1, .height = 6, .width = 6, .in = 4, .out = 8, .size = 3, .relu = relu, .threads = 1};
		struct block block = block_new(&conv);
		float *got = run_fast(conv, block.output_count);
		size_t negative = 0;
		for (size_t i = 0; i < block.output_count; i++)
			negative += got[i] < 0 ? 1 : 0;
		assert_true(relu ? negative == 0 : negative > 0);
		canary_free(got);
		block_free(&block);
	}
}

static void threads_do_not_change_a_bit(void **state)
{
	(void)state;
	struct conv conv = {.n = 3, .height = 37, .width = 37, .in = 64, .out = 128, .size = 3, .relu = true, .threads = 1};
	struct block block = block_new(&conv);
	float *one = run_fast(conv, block.output_count);
	for (int threads = 2; threads <= 5; threads++) {
		conv.threads = threads;
		float *many = run_fast(conv, block.output_count);
		assert_memory_equal(one, many, block.output_count * sizeof *one);
		canary_free(many);
	}
	canary_free(one);
	block_free(&block);
}

static void a_picture_does_not_depend_on_its_neighbours(void **state)
{
	(void)state;
	static const size_t sides[] = {9, 18, 37};
	for (size_t i = 0; i < ARRAY_COUNT(sides); i++) {
		struct conv conv = {
		    .n = 3, .height = sides[i], .width = sides[i], .in = 64, .out = 256, .size = 3, .threads = 2};
		struct block block = block_new(&conv);
		float *all = run_fast(conv, block.output_count);
		size_t one_input = sides[i] * sides[i] * conv.in, one_output = block.output_count / 3;
		conv.n = 1;
		conv.input = block.input + 2 * one_input;
		float *alone = run_fast(conv, one_output);
		assert_memory_equal(alone, all + 2 * one_output, one_output * sizeof *alone);
		canary_free(alone);
		canary_free(all);
		block_free(&block);
	}
}

static void maximum_pooling_takes_the_largest_of_four_and_drops_odd_edges(void **state)
{
	(void)state;
	enum { n = 2, h = 5, w = 7, c = 3 };
	float input[n * h * w * c], *output = canary_new(n * 2 * 3 * c);
	struct rng rng;
	rng_seed(&rng, 1, "pool", 0);
	fill(input, ARRAY_COUNT(input), &rng);
	pool_max2(n, h, w, c, input, output, 2);
	canary_check(output, n * 2 * 3 * c);
	for (size_t i = 0; i < n * 2 * 3 * c; i++) {
		size_t channel = i % c, x = i / c % 3, y = i / c / 3 % 2, picture = i / c / 6;
		float top = -INFINITY;
		for (size_t k = 0; k < 4; k++)
			top = fmaxf(top, input[((picture * h + 2 * y + k / 2) * w + 2 * x + k % 2) * c + channel]);
		assert_true(output[i] == top);
	}
	canary_free(output);
}

static void average_pooling_takes_the_mean(void **state)
{
	(void)state;
	enum { n = 2, h = 7, w = 6, c = 2 };
	float input[n * h * w * c], *output = canary_new(n * 2 * 2 * c);
	for (size_t i = 0; i < ARRAY_COUNT(input); i++)
		input[i] = (float)(i % c ? 10 : i / c % w); /* channel 0: the column; channel 1: a constant */
	pool_average(n, h, w, c, 3, input, output);
	canary_check(output, n * 2 * 2 * c);
	for (size_t i = 0; i < n * 2 * 2 * c; i++)
		assert_true(output[i] == (i % c ? 10.0f : i / c % 2 ? 4.0f : 1.0f));
	canary_free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fast_convolution_equals_the_reference),
	    cmocka_unit_test(relu_leaves_no_negative_and_its_absence_does),
	    cmocka_unit_test(threads_do_not_change_a_bit),
	    cmocka_unit_test(a_picture_does_not_depend_on_its_neighbours),
	    cmocka_unit_test(maximum_pooling_takes_the_largest_of_four_and_drops_odd_edges),
	    cmocka_unit_test(average_pooling_takes_the_mean),
	};
	return cmocka_run_group_tests_name("conv", tests, NULL, NULL);
}
