#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "vision/vision_internal.h"

#define CANARY 0xdeadbeefu

static void fill(uint8_t *pixels, size_t count, uint64_t seed)
{
	struct rng rng;
	rng_seed(&rng, seed, "test", 0);
	for (size_t i = 0; i < count; i++)
		pixels[i] = (uint8_t)rng_below(&rng, 256);
}

static struct integral integral_of(size_t width, size_t height, size_t stride, uint32_t *memory)
{
	size_t plane = stride * (height + 1);
	for (size_t i = 0; i < 3 * plane; i++)
		memory[i] = CANARY;
	return (struct integral){width, height, stride, memory, memory + plane, memory + 2 * plane};
}

static void sums_and_tilted_sums_are_their_definitions(void **state)
{
	(void)state;
	static const size_t sizes[][2] = {{1, 1}, {1, 7}, {9, 1}, {2, 2}, {5, 11}, {13, 6}, {17, 17}};
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		size_t width = sizes[s][0], height = sizes[s][1], stride = width + 4;
		uint8_t pixels[17 * 17];
		uint32_t fast[3 * 21 * 18], slow[3 * 21 * 18];
		fill(pixels, width * height, s);
		struct integral a = integral_of(width, height, stride, fast), b = integral_of(width, height, stride, slow);
		integral_build(&a, pixels, width);
		integral_ref(&b, pixels, width);
		for (size_t i = 0; i < 3 * stride * (height + 1); i++)
			if (fast[i] != slow[i])
				fail_msg("%zu×%zu: entry %zu is %u, by definition %u", width, height, i, fast[i], slow[i]);
	}
}

static void a_picture_of_the_same_size_is_copied(void **state)
{
	(void)state;
	uint8_t from[12 * 5], to[12 * 5];
	struct resize_tap taps[12];
	fill(from, sizeof from, 1);
	resize_exact(&(struct resize){from, 12, 5, to, 12, 5, taps});
	assert_memory_equal(from, to, sizeof from);
}

static void halving_is_the_rounded_mean_of_four(void **state)
{
	(void)state;
	uint8_t from[20 * 14], to[10 * 7];
	struct resize_tap taps[10];
	fill(from, sizeof from, 2);
	resize_exact(&(struct resize){from, 20, 14, to, 10, 7, taps});
	for (size_t y = 0; y < 7; y++)
		for (size_t x = 0; x < 10; x++) {
			const uint8_t *at = from + 2 * y * 20 + 2 * x;
			assert_int_equal(to[y * 10 + x], (at[0] + at[1] + at[20] + at[21] + 2) >> 2);
		}
}

static void resizing_keeps_one_colour_and_the_range(void **state)
{
	(void)state;
	for (size_t width = 1; width < 40; width += 7) {
		uint8_t from[31 * 19], to[40 * 23];
		struct resize_tap taps[40];
		memset(from, 200, sizeof from);
		resize_exact(&(struct resize){from, 31, 19, to, width, 23, taps});
		for (size_t i = 0; i < width * 23; i++)
			assert_int_equal(to[i], 200);
	}
}

static void grey_weighs_the_channels_as_bt601(void **state)
{
	(void)state;
	const uint8_t rgb[] = {255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 10, 10};
	const uint8_t want[] = {255, 0, 76, 150, 29, 10};
	uint8_t grey[6];
	grey_from_rgb(rgb, 6, grey);
	assert_memory_equal(grey, want, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_and_tilted_sums_are_their_definitions),
	    cmocka_unit_test(a_picture_of_the_same_size_is_copied),
	    cmocka_unit_test(halving_is_the_rounded_mean_of_four),
	    cmocka_unit_test(resizing_keeps_one_colour_and_the_range),
	    cmocka_unit_test(grey_weighs_the_channels_as_bt601),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
