#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "random_cascade.h"
#include "vision/detector_internal.h"

static const struct scan_kernels *levels[3];

static struct detections scan_with(struct detector *detector, const struct scan_kernels *kernels, bool reference,
                                   const struct image *image, const struct detect_options *options)
{
	struct err err = {0};
	struct detections found = {0};
	detector->kernels = kernels;
	detector->scan_row = reference ? scan_row_ref : kernels->scan_row;
	assert_ok(detector_scan(detector, image, options, &found, &err));
	return found;
}

/* Stumps and trees, tilted or not, windows one and two columns apart. */
static void every_level_finds_what_the_reference_finds(void **state)
{
	(void)state;
	struct err err = {0};
	size_t total = 0;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct cascade *cascade = random_cascade(seed, 4, seed % 2);
		struct image image = random_picture(331 - 37 * (seed % 4), 150 + 11 * (seed % 3), 1, seed);
		struct detector *detector = detector_new(cascade, &err);
		struct detect_options options = {.scale = 1.15};
		struct detections wanted = scan_with(detector, levels[0], true, &image, &options);
		total += wanted.count;
		for (size_t l = 0; l < ARRAY_COUNT(levels); l++) {
			if (!levels[l])
				continue;
			struct detections found = scan_with(detector, levels[l], false, &image, &options);
			assert_int_equal(found.count, wanted.count);
			for (size_t i = 0; i < found.count; i++)
				assert_memory_equal(&found.items[i].box, &wanted.items[i].box, sizeof wanted.items[i].box);
			detections_free(&found);
		}
		detections_free(&wanted);
		detector_free(detector);
		image_free(&image);
		cascade_free(cascade);
	}
	assert_true(total > 1000);
}

static void visited_windows_are_those_of_a_walk(void **state)
{
	(void)state;
	struct rng rng;
	rng_seed(&rng, 3, "test.visited", 0);
	for (int row = 0; row < 500; row++) {
		bool skip = false, walk = false;
		for (int chunk = 0; chunk < 4; chunk++) {
			uint64_t refused = 0, passed = 0, wanted = 0;
			for (int i = 0; i < 64; i++) {
				uint64_t kind = rng_below(&rng, 8), bit = UINT64_C(1) << i;
				refused |= kind < (uint64_t)(row % 8) ? bit : 0;
				passed |= kind == 7 ? bit : 0;
			}
			passed &= ~refused;
			for (int i = 0; i < 64; i++) {
				uint64_t bit = UINT64_C(1) << i;
				bool visited = !walk;
				walk = visited && (refused & bit);
				wanted |= visited ? passed & bit : 0;
			}
			assert_true(scan_visited(passed, refused, &skip) == wanted);
			assert_int_equal(skip, walk);
		}
	}
}

static void rows_are_resized_as_the_reference_resizes(void **state)
{
	(void)state;
	struct err err = {0};
	for (size_t width = 1; width < 200; width += 13) {
		size_t from_w = 90, from_h = 41, to_h = 29;
		struct image image = random_picture(from_w, from_h, 1, width);
		uint8_t *wanted = mem_alloc(width * to_h, 1, &err), *row = mem_alloc(width + SCAN_SLACK, 1, &err);
		uint16_t *blend = mem_alloc(from_w + SCAN_SLACK, sizeof *blend, &err);
		struct resize_tap *scratch = mem_alloc(width, sizeof *scratch, &err);
		uint32_t *memory = mem_alloc(2 * (width + SCAN_SLACK), sizeof *memory, &err);
		struct resize_taps taps = {memory, memory + width + SCAN_SLACK};
		resize_taps_fill(&taps, from_w, width);
		resize_exact(&(struct resize){image.pixels, from_w, from_h, wanted, width, to_h, scratch});
		for (size_t l = 0; l < ARRAY_COUNT(levels); l++)
			for (size_t y = 0; levels[l] && y < to_h; y++) {
				struct resize_tap tap = resize_row_tap(y, from_h, to_h);
				levels[l]->blend_rows(&(struct row_blend){image.pixels + tap.near * from_w,
				                                          image.pixels + tap.far * from_w, from_w,
				                                          (uint16_t)tap.share},
				                      blend);
				levels[l]->resample_row(blend, &taps, width, row);
				assert_memory_equal(row, wanted + y * width, width);
			}
		image_free(&image);
		free(wanted);
		free(row);
		free(blend);
		free(scratch);
		free(memory);
	}
}

#define SIDE 83
#define STRIDE (SIDE + 1 + SCAN_SLACK)
static void sums_are_those_of_the_definition(void **state)
{
	(void)state;
	static uint32_t wanted[2][10 * (SIDE + 1)], sum[10 * STRIDE], squares[10 * STRIDE], split[2 * STRIDE];
	static uint8_t row[STRIDE];
	struct image image = random_picture(SIDE, 9, 1, 5);
	struct integral integral = {SIDE, 9, SIDE + 1, wanted[0], wanted[1], NULL};
	integral_ref(&integral, image.pixels, SIDE);
	for (size_t l = 0; l < ARRAY_COUNT(levels); l++) {
		if (!levels[l])
			continue;
		memset(sum, 0, sizeof sum);
		memset(squares, 0, sizeof squares);
		for (size_t y = 0; y < 9; y++) {
			struct integral_rows rows = {sum + y * STRIDE, squares + y * STRIDE, sum + (y + 1) * STRIDE,
			                             squares + (y + 1) * STRIDE};
			memcpy(row, image.pixels + y * SIDE, SIDE);
			levels[l]->integral_row(row, SIDE, &rows);
			assert_memory_equal(rows.sum, wanted[0] + (y + 1) * (SIDE + 1), (SIDE + 1) * sizeof *sum);
			assert_memory_equal(rows.squares, wanted[1] + (y + 1) * (SIDE + 1), (SIDE + 1) * sizeof *sum);
			levels[l]->split_row(rows.sum, SIDE + 1, STRIDE, split);
			for (size_t x = 0; x <= SIDE; x++)
				assert_int_equal(split[x % 2 * STRIDE + x / 2], rows.sum[x]);
		}
	}
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_level_finds_what_the_reference_finds),
	    cmocka_unit_test(visited_windows_are_those_of_a_walk),
	    cmocka_unit_test(rows_are_resized_as_the_reference_resizes),
	    cmocka_unit_test(sums_are_those_of_the_definition),
	};
	levels[0] = scan_kernels_at(CPU_BASELINE);
	levels[1] = scan_kernels_at(CPU_AVX2);
	levels[2] = scan_kernels_at(CPU_AVX512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
