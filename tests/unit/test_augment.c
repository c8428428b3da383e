/* Varied copies: each variation does what it says, none does nothing, and all follow from the seed alone. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

#define SIZE 40
#define COUNT (SIZE * SIZE * 3)

static const struct preprocess bgr = {.size = SIZE, .channels = CHANNELS_BGR, .mean = {103.939, 116.779, 123.68},
                                      .scale = 0.5};
static const struct augment_draw still = {.zoom = 1, .contrast = 1, .gamma = 1};

static void noise(float *tensor, uint64_t index)
{
	struct rng rng;

	rng_seed(&rng, 5, "test.augment", index);
	for (size_t i = 0; i < COUNT; i++)
		tensor[i] = (float)((rng_range(&rng, 0, 255) - bgr.mean[i % 3]) * bgr.scale);
}

static void apply(struct augment_draw draw, float *tensor)
{
	float *scratch = canary_new(COUNT);

	augment_apply(&draw, &bgr, tensor, scratch);
	canary_check(scratch, COUNT);
	canary_free(scratch);
}

static void without_a_variation_nothing_changes(void **state)
{
	float before[COUNT], after[COUNT];

	(void)state;
	noise(before, 0);
	memcpy(after, before, sizeof before);
	apply(still, after);
	assert_memory_equal(before, after, sizeof before);
}

static void a_mirror_twice_is_the_picture(void **state)
{
	float before[COUNT], after[COUNT];
	struct augment_draw draw = still;

	(void)state;
	draw.flip = true;
	noise(before, 1);
	memcpy(after, before, sizeof before);
	apply(draw, after);
	for (size_t y = 0; y < SIZE; y++)
		for (size_t x = 0; x < SIZE; x++)
			assert_memory_equal(before + (y * SIZE + x) * 3, after + (y * SIZE + SIZE - 1 - x) * 3, 3 * sizeof(float));
	apply(draw, after);
	assert_memory_equal(before, after, sizeof before);
}

static void a_quarter_turn_moves_every_pixel_to_its_place(void **state)
{
	float before[COUNT], after[COUNT];
	struct augment_draw draw = still;

	(void)state;
	draw.turn = acos(0.0);
	noise(before, 2);
	memcpy(after, before, sizeof before);
	apply(draw, after);
	for (size_t y = 0; y < SIZE; y++)
		for (size_t x = 0; x < SIZE; x++)
			for (size_t k = 0; k < 3; k++)
				assert_true(fabsf(after[(y * SIZE + x) * 3 + k] - before[(x * SIZE + SIZE - 1 - y) * 3 + k]) < 1e-3f);
}

static void grey_has_no_colour_and_keeps_its_luma(void **state)
{
	float before[COUNT], after[COUNT];
	struct augment_draw draw = still;

	(void)state;
	draw.grey = true;
	noise(before, 3);
	memcpy(after, before, sizeof before);
	apply(draw, after);
	for (size_t i = 0; i < COUNT; i += 3) {
		double b = before[i] / bgr.scale + bgr.mean[0], g = before[i + 1] / bgr.scale + bgr.mean[1],
		       r = before[i + 2] / bgr.scale + bgr.mean[2], luma = 0.299 * r + 0.587 * g + 0.114 * b;
		for (size_t k = 0; k < 3; k++)
			assert_true(fabs(after[i + k] / bgr.scale + bgr.mean[k] - luma) < 1e-2);
	}
}

/* The mean of all values, and their mean square distance from it, in 0…255. */
static double spread(const float *tensor, double *mean)
{
	double sum = 0, square = 0;

	for (size_t i = 0; i < COUNT; i++)
		sum += tensor[i] / bgr.scale + bgr.mean[i % 3];
	*mean = sum / COUNT;
	for (size_t i = 0; i < COUNT; i++)
		square += pow(tensor[i] / bgr.scale + bgr.mean[i % 3] - *mean, 2);
	return square / COUNT;
}

static void light_blur_and_holes_change_mean_and_spread_as_told(void **state)
{
	float tensor[COUNT];
	double plain_mean, plain, mean;
	struct augment_draw draw;

	(void)state;
	noise(tensor, 4);
	plain = spread(tensor, &plain_mean);
	draw = still;
	draw.contrast = 0.5;
	apply(draw, tensor);
	assert_true(fabs(spread(tensor, &mean) / plain - 0.25) < 1e-3 && fabs(mean - plain_mean) < 1e-2);
	draw = still;
	draw.brightness = 0.1;
	apply(draw, tensor);
	assert_true(fabs(spread(tensor, &mean) / plain - 0.25) < 1e-3 && fabs(mean - plain_mean - 25.5) < 1e-2);
	noise(tensor, 4);
	draw = still;
	draw.gamma = 2;
	apply(draw, tensor);
	spread(tensor, &mean);
	assert_true(mean < plain_mean - 20);
	noise(tensor, 4);
	draw = still;
	draw.blur = 2;
	apply(draw, tensor);
	assert_true(spread(tensor, &mean) < 0.1 * plain && fabs(mean - plain_mean) < 2);
	noise(tensor, 4);
	draw = still;
	draw.hole = 0.5, draw.hole_x = draw.hole_y = 0.5;
	apply(draw, tensor);
	assert_true(fabs(spread(tensor, &mean) / plain - 0.75) < 0.03);
}

static void the_square_moves_and_grows_around_the_face(void **state)
{
	struct augment_draw draw = still;
	struct rect face = {100, 60, 80, 80}, moved = augment_face(&draw, face);

	(void)state;
	assert_memory_equal(&moved, &face, sizeof face);
	draw.right = 0.1, draw.down = -0.05, draw.zoom = 1.5;
	moved = augment_face(&draw, face);
	assert_int_equal(moved.x, 88);
	assert_int_equal(moved.y, 36);
	assert_int_equal(moved.w, 120);
	assert_int_equal(moved.h, 120);
}

static void draws_follow_from_the_seed_and_stay_in_range(void **state)
{
	struct augment augment = {.copies = 2, .flip = 0.5, .shift = 0.1, .scale = 0.2, .rotation = 15, .brightness = 0.1,
	                          .contrast = 0.3, .gamma = 0.2, .blur = 1, .grey = 0.5, .seed = 9};
	size_t flips = 0;

	(void)state;
	for (size_t row = 0; row < 1000; row++) {
		struct augment_draw one = {0}, two = {0}, other = {0};
		augment_draw(&augment, row, 1, &one);
		augment_draw(&augment, row, 1, &two);
		augment_draw(&augment, row, 2, &other);
		assert_memory_equal(&one, &two, sizeof one);
		assert_true(one.right != other.right);
		assert_true(fabs(one.right) <= 0.1 && fabs(one.down) <= 0.1 && fabs(log(one.zoom)) <= log(1.2) + 1e-9);
		assert_true(fabs(one.turn) <= 15 * acos(-1.0) / 180 && fabs(log(one.gamma)) <= log(1.2) + 1e-9);
		flips += one.flip;
	}
	assert_in_range(flips, 440, 560);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_variation_nothing_changes),
	    cmocka_unit_test(a_mirror_twice_is_the_picture),
	    cmocka_unit_test(a_quarter_turn_moves_every_pixel_to_its_place),
	    cmocka_unit_test(grey_has_no_colour_and_keeps_its_luma),
	    cmocka_unit_test(light_blur_and_holes_change_mean_and_spread_as_told),
	    cmocka_unit_test(the_square_moves_and_grows_around_the_face),
	    cmocka_unit_test(draws_follow_from_the_seed_and_stay_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
