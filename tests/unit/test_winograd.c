/* The blocked convolutions at every vector level this machine has, against conv_ref and pool_max2. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

static void fill(float *x, size_t count, double low, struct rng *rng)
{
	for (size_t i = 0; i < count; i++)
		x[i] = (float)rng_range(rng, low, 1);
}

/* One layer's data: NHWC and blocked input, weights, what the reference makes of them (NHWC). */
struct example {
	size_t n, height, width, in, out;
	bool pool;
	float *input, *blocked, *kernel, *bias, *want;
	size_t want_count;
};

static struct example example_new(size_t n, const struct winograd_shape *shape)
{
	struct err err = {0};
	struct example e = {.n = n,
	                    .height = shape->height,
	                    .width = shape->width,
	                    .in = shape->in,
	                    .out = shape->out,
	                    .pool = shape->pool};
	size_t pixels = n * e.height * e.width, inputs = pixels * e.in;
	struct rng rng;
	rng_seed(&rng, 7, "winograd", e.height * 1000 + e.in);
	e.input = mem_alloc(inputs, sizeof(float), &err);
	e.blocked = mem_alloc(inputs, sizeof(float), &err);
	e.kernel = mem_alloc(9 * e.in * e.out, sizeof(float), &err);
	e.bias = mem_alloc(e.out, sizeof(float), &err);
	float *plain = mem_alloc(pixels * e.out, sizeof(float), &err);
	fill(e.input, inputs, 0, &rng); /* behind a ReLU nothing is negative */
	fill(e.kernel, 9 * e.in * e.out, -1, &rng);
	fill(e.bias, e.out, -1, &rng);
	if (e.in % 16 == 0)
		nhwc_to_blocked(n, e.height * e.width, e.in, e.input, e.blocked);
	struct conv conv = {.n = n,
	                    .height = e.height,
	                    .width = e.width,
	                    .in = e.in,
	                    .out = e.out,
	                    .size = 3,
	                    .relu = true,
	                    .input = e.input,
	                    .kernel = e.kernel,
	                    .bias = e.bias,
	                    .output = plain};
	conv_ref(&conv);
	e.want = plain;
	e.want_count = pixels * e.out;
	if (e.pool) {
		e.want_count = n * (e.height / 2) * (e.width / 2) * e.out;
		e.want = mem_alloc(e.want_count, sizeof(float), &err);
		pool_max2(n, e.height, e.width, e.out, plain, e.want, 1);
		free(plain);
	}
	return e;
}

static void example_free(struct example *e)
{
	free(e->input);
	free(e->blocked);
	free(e->kernel);
	free(e->bias);
	free(e->want);
}

/* The layer's output in NHWC. */
static float *run(const struct example *e, struct winograd_shape shape, size_t first, size_t n, int threads)
{
	struct err err = {0};
	struct winograd *layer;
	struct winograd_weights weights = {.kernel = e->kernel, .bias = e->bias, .threads = threads};
	assert_ok(winograd_new(&layer, &shape, &weights, &err));
	size_t floats = winograd_workspace(layer, n, threads) / sizeof(float), count = e->want_count / e->n * n;
	float *workspace = canary_new(floats), *output = canary_new(count), *nhwc = canary_new(count);
	const float *input = e->blocked + first * e->height * e->width * e->in;
	winograd_forward(
	    &(struct winograd_run){.layer = layer, .n = n, .input = input, .output = output, .threads = threads},
	    workspace);
	canary_check(workspace, floats);
	canary_check(output, count);
	blocked_to_nhwc(n, count / n / e->out, e->out, output, nhwc);
	canary_check(nhwc, count);
	canary_free(workspace);
	canary_free(output);
	winograd_free(layer);
	return nhwc;
}

static void hold_to_reference(size_t n, struct winograd_shape shape)
{
	struct example e = example_new(n, &shape);
	for (int level = CPU_BASELINE; level <= (int)cpu_features()->level; level++) {
		shape.level = (enum cpu_level)level;
		float *got = run(&e, shape, 0, n, 2);
		assert_close(got, e.want, e.want_count, 2e-5, 3e-5 * sqrt((double)(9 * e.in)));
		assert_true(relative_l2(got, e.want, e.want_count) < 5e-6);
		canary_free(got);
	}
	example_free(&e);
}

static void every_tile_equals_the_reference_at_odd_sizes(void **state)
{
	(void)state;
	static const size_t tiles[] = {2, 3, 4, 6}, sides[][2] = {{1, 1}, {2, 3}, {7, 5}, {9, 9}, {18, 18}, {13, 20}};
	for (size_t t = 0; t < ARRAY_COUNT(tiles); t++)
		for (size_t i = 0; i < ARRAY_COUNT(sides); i++)
			hold_to_reference(2,
			                  (struct winograd_shape){
			                      .height = sides[i][0], .width = sides[i][1], .in = 16, .out = 32, .tile = tiles[t]});
}

/* 80 and 144 channels end in the middle of a slice, 128 with one. */
static void whole_and_broken_slices_of_channels_equal_the_reference(void **state)
{
	(void)state;
	static const size_t channels[] = {80, 128, 144};
	for (size_t i = 0; i < ARRAY_COUNT(channels); i++)
		hold_to_reference(
		    2, (struct winograd_shape){.height = 9, .width = 7, .in = 48, .out = channels[i], .tile = 4});
}

static void pooling_in_the_output_transform_equals_pooling_behind_it(void **state)
{
	(void)state;
	static const size_t tiles[] = {0, 2, 4, 6}, sides[][2] = {{2, 3}, {9, 9}, {7, 12}, {18, 18}, {37, 37}};
	for (size_t t = 0; t < ARRAY_COUNT(tiles); t++)
		for (size_t i = 0; i < ARRAY_COUNT(sides); i++)
			hold_to_reference(
			    2,
			    (struct winograd_shape){
			        .height = sides[i][0], .width = sides[i][1], .in = 32, .out = 16, .pool = true, .tile = tiles[t]});
}

/* float16 rounds a kernel by at most 2⁻¹¹; what the transforms make of it stays below four times that. */
static void a_float16_kernel_keeps_its_tolerance(void **state)
{
	(void)state;
	static const struct winograd_shape shapes[] = {
	    {.height = 13, .width = 20, .in = 16, .out = 32, .tile = 2},
	    {.height = 13, .width = 20, .in = 400, .out = 80, .tile = 3},
	    {.height = 18, .width = 18, .in = 256, .out = 64, .tile = 4, .pool = true},
	    {.height = 37, .width = 37, .in = 64, .out = 64},
	    {.height = 9, .width = 9, .in = 512, .out = 64, .pool = true, .pictures = 1},
	};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct winograd_shape shape = shapes[i];
		struct example e = example_new(2, &shape);
		shape.half = true;
		for (int level = CPU_AVX2; level <= (int)cpu_features()->level; level++) {
			shape.level = (enum cpu_level)level;
			float *got = run(&e, shape, 0, 2, 1), *again = run(&e, shape, 0, 2, 3);
			double error = relative_l2(got, e.want, e.want_count);
			assert_true(error < 2e-3);
			assert_true(error > 1e-5); /* it is float16 */
			assert_memory_equal(got, again, e.want_count * sizeof(float));
			canary_free(got);
			canary_free(again);
		}
		example_free(&e);
	}
}

/* Kernels of 1e-6 and of 1e6 are both within float16 by their scale. */
static void a_float16_kernel_of_any_magnitude_is_scaled_into_range(void **state)
{
	(void)state;
	struct winograd_shape shape = {.height = 9, .width = 9, .in = 32, .out = 16, .level = CPU_AVX512, .half = true};
	static const float factors[] = {1e-6f, 1e6f, 0};
	for (size_t i = 0; i < ARRAY_COUNT(factors) && cpu_features()->level >= CPU_AVX2; i++) {
		struct example e = example_new(1, &shape);
		for (size_t k = 0; k < 9 * e.in * e.out; k++)
			e.kernel[k] *= factors[i];
		memset(e.bias, 0, e.out * sizeof *e.bias);
		float *got = run(&e, shape, 0, 1, 1);
		struct winograd_shape plain = shape;
		plain.half = false;
		float *want = run(&e, plain, 0, 1, 1);
		if (factors[i] > 0)
			assert_true(relative_l2(got, want, e.want_count) < 2e-3);
		else
			assert_memory_equal(got, want, e.want_count * sizeof(float));
		canary_free(got);
		canary_free(want);
		example_free(&e);
	}
}

static void float16_is_refused_without_f16c(void **state)
{
	(void)state;
	struct err err = {0};
	struct winograd *layer;
	struct winograd_shape shape = {.height = 9, .width = 9, .in = 16, .out = 16, .level = CPU_BASELINE, .half = true};
	struct example e = example_new(1, &shape);
	struct winograd_weights weights = {.kernel = e.kernel, .bias = e.bias, .threads = 1};
	assert_refused(winograd_new(&layer, &shape, &weights, &err), ERR_SETTINGS, "use network.precision = fp32");
	example_free(&e);
}

static void the_maps_of_the_network_equal_the_reference(void **state)
{
	(void)state;
	hold_to_reference(1, (struct winograd_shape){.height = 150, .width = 150, .in = 16, .out = 16, .pool = true});
	hold_to_reference(1, (struct winograd_shape){.height = 75, .width = 75, .in = 64, .out = 16});
	hold_to_reference(1, (struct winograd_shape){.height = 37, .width = 37, .in = 128, .out = 64, .pool = true});
	hold_to_reference(1, (struct winograd_shape){.height = 18, .width = 18, .in = 256, .out = 80});
	hold_to_reference(3, (struct winograd_shape){.height = 9, .width = 9, .in = 512, .out = 64});
	hold_to_reference(3, (struct winograd_shape){.height = 9, .width = 9, .in = 400, .out = 192, .pool = true});
}

static void threads_and_neighbours_do_not_change_a_bit(void **state)
{
	(void)state;
	static const struct winograd_shape shapes[] = {
	    {.height = 37, .width = 21, .in = 64, .out = 64},                 /* private tasks */
	    {.height = 18, .width = 18, .in = 256, .out = 128, .pool = true}, /* a shared chunk */
	};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct example e = example_new(3, &shapes[i]);
		struct winograd_shape shape = shapes[i];
		shape.level = CPU_AVX512;
		float *one = run(&e, shape, 0, 3, 1);
		for (int threads = 2; threads <= 5; threads++) {
			float *many = run(&e, shape, 0, 3, threads);
			assert_memory_equal(one, many, e.want_count * sizeof *one);
			canary_free(many);
		}
		float *alone = run(&e, shape, 2, 1, 2);
		assert_memory_equal(alone, one + e.want_count / 3 * 2, e.want_count / 3 * sizeof *one);
		canary_free(alone);
		canary_free(one);
		example_free(&e);
	}
}

static void the_direct_convolution_equals_the_reference(void **state)
{
	(void)state;
	static const struct winograd_shape shapes[] = {{.height = 150, .width = 150, .in = 3, .out = 64},
	                                               {.height = 37, .width = 19, .in = 3, .out = 16},
	                                               {.height = 1, .width = 1, .in = 1, .out = 80},
	                                               {.height = 5, .width = 9, .in = 7, .out = 96}};
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct example e = example_new(2, &shapes[i]);
		float *output = canary_new(e.want_count), *nhwc = canary_new(e.want_count);
		for (int level = CPU_BASELINE; level <= (int)cpu_features()->level; level++) {
			struct direct *layer;
			struct direct_shape shape = {e.height, e.width, e.in, e.out, (enum cpu_level)level};
			assert_ok(direct_new(&layer, &shape, &(struct winograd_weights){.kernel = e.kernel, .bias = e.bias}, &err));
			size_t floats = direct_workspace(layer, 3) / sizeof(float);
			float *workspace = canary_new(floats);
			direct_forward(
			    &(struct direct_run){.layer = layer, .n = 2, .input = e.input, .output = output, .threads = 3},
			    workspace);
			canary_check(workspace, floats);
			canary_check(output, e.want_count);
			blocked_to_nhwc(2, e.height * e.width, e.out, output, nhwc);
			assert_close(nhwc, e.want, e.want_count, 1e-5, 1e-5);
			canary_free(workspace);
			direct_free(layer);
		}
		canary_free(output);
		canary_free(nhwc);
		example_free(&e);
	}
}

static void shapes_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct winograd *layer;
	struct direct *first;
	float kernel[9 * 16 * 16] = {0}, bias[16] = {0};
	struct winograd_weights weights = {.kernel = kernel, .bias = bias};
	struct winograd_shape good = {.height = 4, .width = 4, .in = 16, .out = 16}, shape = good;
	shape.in = 17;
	assert_refused(winograd_new(&layer, &shape, &weights, &err), ERR_SETTINGS, "17 → 16 channels");
	shape = good, shape.tile = 5;
	assert_refused(winograd_new(&layer, &shape, &weights, &err), ERR_SETTINGS, "no tile of 5");
	shape = good, shape.tile = 3, shape.pool = true;
	assert_refused(winograd_new(&layer, &shape, &weights, &err), ERR_SETTINGS, "no tile of 3 with pooling");
	shape = good, shape.height = 1, shape.pool = true;
	assert_refused(winograd_new(&layer, &shape, &weights, &err), ERR_SETTINGS, "1×4 has no output");
	assert_refused(direct_new(&first, &(struct direct_shape){4, 4, 3, 10, CPU_AVX512}, &weights, &err), ERR_SETTINGS,
	               "multiple of 16");
	winograd_free(NULL);
	direct_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_tile_equals_the_reference_at_odd_sizes),
	    cmocka_unit_test(whole_and_broken_slices_of_channels_equal_the_reference),
	    cmocka_unit_test(pooling_in_the_output_transform_equals_pooling_behind_it),
	    cmocka_unit_test(a_float16_kernel_keeps_its_tolerance),
	    cmocka_unit_test(a_float16_kernel_of_any_magnitude_is_scaled_into_range),
	    cmocka_unit_test(float16_is_refused_without_f16c),
	    cmocka_unit_test(the_maps_of_the_network_equal_the_reference),
	    cmocka_unit_test(threads_and_neighbours_do_not_change_a_bit),
	    cmocka_unit_test(the_direct_convolution_equals_the_reference),
	    cmocka_unit_test(shapes_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests_name("winograd", tests, NULL, NULL);
}
