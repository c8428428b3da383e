/* Resampling: identities, exact averages, and the three kernels against their definitions. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

enum { W = 23, H = 17, C = 3 };

static void noise(uint8_t *pixels, size_t count)
{
	struct rng rng;
	rng_seed(&rng, 5, "resample", count);
	for (size_t i = 0; i < count; i++)
		pixels[i] = (uint8_t)rng_below(&rng, 256);
}

static float *resample(struct resample r)
{
	struct err err = {0};
	size_t count = r.out_w * r.out_h * r.channels;
	float *output = canary_new(count);
	r.output = output;
	assert_ok(resample_run(&r, &err));
	canary_check(output, count);
	return output;
}

static void the_same_size_copies_every_sample(void **state)
{
	(void)state;
	uint8_t pixels[W * H * C];
	noise(pixels, sizeof pixels);
	for (int kernel = RESAMPLE_NEAREST; kernel <= RESAMPLE_AREA; kernel++) {
		float *out = resample((struct resample){.pixels = pixels,
		                                        .width = W,
		                                        .height = H,
		                                        .channels = C,
		                                        .w = W,
		                                        .h = H,
		                                        .out_w = W,
		                                        .out_h = H,
		                                        .kernel = kernel});
		for (size_t i = 0; i < sizeof pixels; i++)
			assert_true(out[i] == pixels[i]);
		canary_free(out);
	}
}

static void a_rectangle_beyond_the_picture_repeats_its_edge(void **state)
{
	(void)state;
	uint8_t pixels[W * H];
	noise(pixels, sizeof pixels);
	float *out = resample((struct resample){.pixels = pixels, .width = W, .height = H, .channels = 1, .x = -5, .y = -3,
	                                        .w = W + 10, .h = H + 6, .out_w = W + 10, .out_h = H + 6});
	for (int y = 0; y < H + 6; y++) {
		for (int x = 0; x < W + 10; x++) {
			int sx = x - 5 < 0 ? 0 : x - 5 >= W ? W - 1 : x - 5, sy = y - 3 < 0 ? 0 : y - 3 >= H ? H - 1 : y - 3;
			assert_true(out[y * (W + 10) + x] == pixels[sy * W + sx]);
		}
	}
	canary_free(out);
}

static void shrinking_by_area_by_a_whole_number_gives_block_means(void **state)
{
	(void)state;
	uint8_t pixels[12 * 9];
	noise(pixels, sizeof pixels);
	float *out = resample((struct resample){.pixels = pixels, .width = 12, .height = 9, .channels = 1, .w = 12, .h = 9,
	                                        .out_w = 4, .out_h = 3, .kernel = RESAMPLE_AREA});
	for (size_t i = 0; i < 12; i++) {
		double sum = 0;
		for (size_t k = 0; k < 9; k++)
			sum += pixels[(i / 4 * 3 + k / 3) * 12 + i % 4 * 3 + k % 3];
		assert_float_equal(out[i], sum / 9, 1e-4);
	}
	canary_free(out);
}

/* Σ over samples of (length of the sample that the output pixel covers) · value, per axis. */
static double covered(double low, double high, int sample)
{
	double a = low > sample ? low : sample, b = high < sample + 1 ? high : sample + 1;
	return b > a ? b - a : 0;
}

static void shrinking_by_area_weighs_samples_by_what_is_covered(void **state)
{
	(void)state;
	uint8_t pixels[W * H];
	noise(pixels, sizeof pixels);
	struct resample r = {.pixels = pixels,
	                     .width = W,
	                     .height = H,
	                     .channels = 1,
	                     .x = 1.25,
	                     .y = 0.5,
	                     .w = 20.5,
	                     .h = 15,
	                     .out_w = 7,
	                     .out_h = 4,
	                     .kernel = RESAMPLE_AREA};
	float *out = resample(r);
	for (int i = 0; i < 28; i++) {
		double sum = 0, x = r.x + i % 7 * r.w / 7, y = r.y + i / 7 * r.h / 4;
		for (int s = 0; s < W * H; s++)
			sum += pixels[s] * covered(x, x + r.w / 7, s % W) * covered(y, y + r.h / 4, s / W);
		assert_float_equal(out[i], sum / (r.w / 7 * r.h / 4), 1e-3);
	}
	canary_free(out);
}

static void enlarging_linearly_keeps_a_ramp_a_ramp(void **state)
{
	(void)state;
	uint8_t pixels[16];
	for (size_t i = 0; i < 16; i++)
		pixels[i] = (uint8_t)(10 * i);
	for (int kernel = RESAMPLE_BILINEAR; kernel <= RESAMPLE_AREA; kernel++) {
		float *out = resample((struct resample){.pixels = pixels,
		                                        .width = 16,
		                                        .height = 1,
		                                        .channels = 1,
		                                        .w = 16,
		                                        .h = 1,
		                                        .out_w = 40,
		                                        .out_h = 1,
		                                        .kernel = kernel});
		for (size_t i = 2; i < 38; i++) /* between the outer samples' centres */
			assert_float_equal(out[i], 10 * (((double)i + 0.5) * 0.4 - 0.5), 1e-4);
		canary_free(out);
	}
}

static void nearest_takes_the_sample_that_holds_the_centre(void **state)
{
	(void)state;
	uint8_t pixels[10];
	noise(pixels, sizeof pixels);
	float *out = resample((struct resample){.pixels = pixels, .width = 10, .height = 1, .channels = 1, .w = 10, .h = 1,
	                                        .out_w = 7, .out_h = 1});
	for (size_t i = 0; i < 7; i++)
		assert_true(out[i] == pixels[(size_t)((2 * i + 1) * 10 / 14)]);
	canary_free(out);
}

static void a_constant_picture_stays_constant_anywhere(void **state)
{
	(void)state;
	uint8_t pixels[W * H * C];
	struct rng rng;
	memset(pixels, 201, sizeof pixels);
	rng_seed(&rng, 1, "constant", 0);
	for (size_t i = 0; i < 30; i++) {
		float *out = resample((struct resample){.pixels = pixels, .width = W, .height = H, .channels = C,
		                                        .x = rng_range(&rng, -30, 30), .y = rng_range(&rng, -30, 30),
		                                        .w = rng_range(&rng, 0.1, 80), .h = rng_range(&rng, 0.1, 80),
		                                        .out_w = 9, .out_h = 11, .kernel = (enum resample_kernel)(i % 3)});
		for (size_t k = 0; k < 9 * 11 * C; k++)
			assert_float_equal(out[k], 201, 1e-4);
		canary_free(out);
	}
}

static void impossible_rectangles_are_refused(void **state)
{
	(void)state;
	struct err err;
	uint8_t pixels[4] = {0};
	float out[4];
	struct resample good = {.pixels = pixels,
	                        .width = 2,
	                        .height = 2,
	                        .channels = 1,
	                        .w = 2,
	                        .h = 2,
	                        .out_w = 2,
	                        .out_h = 2,
	                        .output = out},
	                bad;
	bad = good, bad.w = 0;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "rectangle");
	bad = good, bad.x = NAN;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "rectangle");
	bad = good, bad.h = INFINITY;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "rectangle");
	bad = good, bad.width = 0;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "picture of 0×2");
	bad = good, bad.channels = 5;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "5 channels");
	bad = good, bad.out_h = 0;
	assert_refused(resample_run(&bad, &err), ERR_DATA, "output of 2×0");
}

static void overlap_of_rectangles(void **state)
{
	(void)state;
	struct rect a = {0, 0, 10, 10};
	assert_float_equal(rect_iou(a, a), 1, 1e-12);
	assert_float_equal(rect_iou(a, (struct rect){5, 0, 10, 10}), 50.0 / 150, 1e-12);
	assert_float_equal(rect_iou(a, (struct rect){10, 0, 10, 10}), 0, 1e-12);
	assert_float_equal(rect_iou(a, (struct rect){2, 2, 0, 5}), 0, 1e-12);
	assert_float_equal(rect_iou((struct rect){0, 0, 2000000000, 1}, (struct rect){1000000000, 0, 2000000000, 1}),
	                   1.0 / 3, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_size_copies_every_sample),
	    cmocka_unit_test(a_rectangle_beyond_the_picture_repeats_its_edge),
	    cmocka_unit_test(shrinking_by_area_by_a_whole_number_gives_block_means),
	    cmocka_unit_test(shrinking_by_area_weighs_samples_by_what_is_covered),
	    cmocka_unit_test(enlarging_linearly_keeps_a_ramp_a_ramp),
	    cmocka_unit_test(nearest_takes_the_sample_that_holds_the_centre),
	    cmocka_unit_test(a_constant_picture_stays_constant_anywhere),
	    cmocka_unit_test(impossible_rectangles_are_refused),
	    cmocka_unit_test(overlap_of_rectangles),
	};
	return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
