#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "random_cascade.h"

static struct detections find(const struct cascade *cascade, const struct image *image, struct detect_options options)
{
	struct err err = {0};
	struct detections found = {0};
	struct detector *detector = detector_new(cascade, &err);
	assert_non_null(detector);
	assert_ok(detector_find(detector, image, &options, &found, &err));
	detector_free(detector);
	return found;
}

static void assert_equal_lists(const struct detections *a, const struct detections *b)
{
	assert_int_equal(a->count, b->count);
	if (a->count)
		assert_memory_equal(a->items, b->items, a->count * sizeof *a->items);
}

/* One layer at scale 1, every second pixel, the next one skipped when the first stage refuses; of 33 rows of windows
 * OpenCV's two stripes hold 32, so the last even row is not looked at. */
static void raw_hits_are_those_of_the_reference_window(void **state)
{
	(void)state;
	struct err err = {0};
	size_t total = 0;
	for (uint64_t seed = 0; seed < 6; seed++) {
		struct cascade *cascade = random_cascade(seed, 3, true);
		struct image image = random_picture(64, 44, 1, seed);
		struct detections found =
		    find(cascade, &image, (struct detect_options){.scale = 1.5, .max_w = 13, .max_h = 13});
		size_t stride = 65, plane = stride * 45, at = 0;
		uint32_t *memory = mem_alloc(3 * plane, sizeof *memory, &err);
		struct integral integral = {64, 44, stride, memory, memory + plane, memory + 2 * plane};
		integral_ref(&integral, image.pixels, 64);
		for (size_t y = 0; y < 32; y += 2)
			for (size_t x = 0; x + WINDOW < 65; x += 2) {
				double sum = 0;
				int verdict = cascade_window_ref(cascade, &integral, x, y, &sum);
				if (verdict == 0)
					x += 2;
				if (verdict <= 0)
					continue;
				assert_true(at < found.count);
				assert_int_equal(found.items[at].box.x, x);
				assert_int_equal(found.items[at].box.y, y);
				at++;
			}
		assert_int_equal(at, found.count);
		total += at;
		detections_free(&found);
		image_free(&image);
		cascade_free(cascade);
		free(memory);
	}
	assert_true(total > 20);
}

static void threads_and_reuse_change_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = random_cascade(9, 3, true);
	struct detector *detector = detector_new(cascade, &err);
	struct detections reused = {0};
	size_t total = 0;
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct image image = random_picture(150 - 20 * (seed % 3), 90 + 30 * (seed % 2), seed % 2 ? 3 : 1, seed);
		for (int neighbors = 0; neighbors < 3; neighbors += 2) {
			struct detect_options options = {.scale = 1.2, .neighbors = neighbors};
			struct detections one = find(cascade, &image, options);
			options.threads = 3;
			assert_ok(detector_find(detector, &image, &options, &reused, &err));
			assert_equal_lists(&one, &reused);
			total += one.count;
			detections_free(&one);
		}
		image_free(&image);
	}
	assert_true(total > 100);
	detections_free(&reused);
	detector_free(detector);
	cascade_free(cascade);
}

static void colour_is_judged_by_its_grey(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = random_cascade(4, 2, true);
	struct image rgb = random_picture(80, 60, 3, 1), grey;
	assert_ok(image_new(&grey, 80, 60, 1, &err));
	grey_from_rgb(rgb.pixels, 80 * 60, grey.pixels);
	struct detections a = find(cascade, &rgb, (struct detect_options){0}),
	                  b = find(cascade, &grey, (struct detect_options){0});
	assert_true(a.count > 0);
	assert_equal_lists(&a, &b);
	detections_free(&a);
	detections_free(&b);
	image_free(&rgb);
	image_free(&grey);
	cascade_free(cascade);
}

static void small_and_flat_pictures_have_no_faces(void **state)
{
	(void)state;
	static const size_t sizes[][2] = {{1, 1},           {1, 200}, {WINDOW - 1, 300}, {300, WINDOW - 1},
	                                  {WINDOW, WINDOW}, {90, 70}};
	struct cascade *cascade = random_cascade(2, 2, true);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct image image = random_picture(sizes[i][0], sizes[i][1], 1, i);
		memset(image.pixels, 77, sizes[i][0] * sizes[i][1]);
		struct detections found = find(cascade, &image, (struct detect_options){.scale = 1.1});
		assert_int_equal(found.count, 0);
		detections_free(&found);
		image_free(&image);
	}
	cascade_free(cascade);
}

static void size_limits_hold(void **state)
{
	(void)state;
	struct cascade *cascade = random_cascade(5, 2, true);
	struct image image = random_picture(160, 120, 1, 5);
	struct detections found = find(cascade, &image, (struct detect_options){1.1, 0, 20, 20, 40, 40, 1});
	assert_true(found.count > 0);
	for (size_t i = 0; i < found.count; i++)
		assert_in_range(found.items[i].box.w, 20, 40);
	detections_free(&found);
	image_free(&image);
	cascade_free(cascade);
}

static void impossible_options_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = random_cascade(5, 1, true);
	struct image image = random_picture(400, 300, 1, 5);
	struct detector *detector = detector_new(cascade, &err);
	struct detections found = {0};
	const struct detect_options slow = {.scale = 1.0001}, shrinking = {.scale = 0.9},
	                            negative = {.scale = 1.1, .min_w = -1};
	assert_refused(detector_find(detector, &image, &slow, &found, &err), ERR_SETTINGS, "1.0001");
	assert_refused(detector_find(detector, &image, &shrinking, &found, &err), ERR_SETTINGS, "0.9");
	assert_refused(detector_find(detector, &image, &negative, &found, &err), ERR_SETTINGS, "negative");
	detections_free(&found);
	detector_free(detector);
	image_free(&image);
	cascade_free(cascade);
}

static size_t group(struct detection *items, size_t count, int neighbors)
{
	struct err err = {0};
	void *scratch = mem_alloc(detect_group_scratch(count), 1, &err);
	size_t kept = detect_group(items, count, neighbors, scratch);
	free(scratch);
	return kept;
}

static void similar_hits_become_their_mean(void **state)
{
	(void)state;
	struct detection items[] = {
	    {{10, 10, 40, 40}, 1, .5}, {{200, 90, 30, 30}, 1, 3}, {{12, 11, 40, 40}, 1, 2}, {{14, 12, 43, 43}, 1, 1}};
	assert_int_equal(group(items, 4, 2), 1);
	assert_int_equal(items[0].box.x, 12);
	assert_int_equal(items[0].box.y, 11);
	assert_int_equal(items[0].box.w, 41);
	assert_int_equal(items[0].neighbors, 3);
	assert_true(items[0].confidence == 2);
}

static void a_weak_group_inside_a_strong_one_goes(void **state)
{
	(void)state;
	struct detection items[8];
	for (size_t i = 0; i < 8; i++)
		items[i] =
		    i < 6 ? (struct detection){{100, 100, 100, 100}, 1, 0} : (struct detection){{130, 130, 30, 30}, 1, 0};
	assert_int_equal(group(items, 8, 1), 1);
	assert_int_equal(items[0].neighbors, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(raw_hits_are_those_of_the_reference_window),
	    cmocka_unit_test(threads_and_reuse_change_nothing),
	    cmocka_unit_test(colour_is_judged_by_its_grey),
	    cmocka_unit_test(small_and_flat_pictures_have_no_faces),
	    cmocka_unit_test(size_limits_hold),
	    cmocka_unit_test(impossible_options_are_refused),
	    cmocka_unit_test(similar_hits_become_their_mean),
	    cmocka_unit_test(a_weak_group_inside_a_strong_one_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
