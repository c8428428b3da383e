#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "vision/vision_internal.h"

#define SIDE 12

/* One stump: a window whose left half is much darker than its right half. */
static struct cascade *edge_cascade(void)
{
	struct err err = {0};
	struct cascade *cascade;
	const struct haar_feature feature = {{{1, 1, 10, 10, -1}, {1, 1, 5, 10, 2}, {0, 0, 0, 0, 0}}, false};
	const struct cascade_node node = {0, -1, 0, -0.8f};
	assert_ok(cascade_new(&cascade, SIDE, SIDE, &err));
	assert_ok(cascade_add_feature(cascade, &feature, &err));
	assert_ok(cascade_add_stage(cascade, 0.5f, &err));
	assert_ok(cascade_add_tree(cascade, &node, (const float[2]){1, -1}, 1, &err));
	assert_ok(cascade_finish(cascade, &err));
	return cascade;
}

/* Grey noise-free ground with such a square, 40 pixels wide, at x, y. */
static void draw(struct image *image, size_t x, size_t y)
{
	memset(image->pixels, 100, image->width * image->height);
	for (size_t v = 0; v < 40; v++)
		for (size_t u = 0; u < 40; u++)
			image->pixels[(y + v) * image->width + x + u] = u < 20 ? 20 : 200;
}

static bool holds(const struct detections *found, int x, int y)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct rect *box = &found->items[i].box;
		if (x >= box->x && x < box->x + box->w && y >= box->y && y < box->y + box->h)
			return true;
	}
	return false;
}

static void a_moving_object_is_followed_and_a_jump_waits_for_the_next_whole_search(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = edge_cascade();
	struct tracker *tracker = tracker_new(cascade, 5, &err);
	struct image image;
	struct detections found = {0};
	const struct detect_options options = {.scale = 1.1, .neighbors = 2, .min_w = 24, .min_h = 24};
	assert_non_null(tracker);
	assert_ok(image_new(&image, 320, 240, 1, &err));
	for (int frame = 0; frame < 8; frame++) {
		draw(&image, 30 + 6 * (size_t)frame, 50);
		assert_ok(tracker_find(tracker, &image, &options, &found, &err));
		assert_true(holds(&found, 50 + 6 * frame, 70));
		assert_int_equal(found.count, 1);
	}
	draw(&image, 250, 180);
	assert_ok(tracker_find(tracker, &image, &options, &found, &err));
	assert_false(holds(&found, 270, 200));
	assert_ok(tracker_find(tracker, &image, &options, &found, &err));
	assert_true(holds(&found, 270, 200));
	detections_free(&found);
	image_free(&image);
	tracker_free(tracker);
	cascade_free(cascade);
}

static void with_a_whole_search_each_frame_it_is_the_detector(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = edge_cascade();
	struct tracker *tracker = tracker_new(cascade, 1, &err);
	struct detector *detector = detector_new(cascade, &err);
	struct image image;
	struct detections a = {0}, b = {0};
	const struct detect_options options = {.scale = 1.2, .neighbors = 1};
	assert_ok(image_new(&image, 200, 150, 1, &err));
	for (size_t frame = 0; frame < 4; frame++) {
		draw(&image, 20 * frame, 30);
		assert_ok(tracker_find(tracker, &image, &options, &a, &err));
		assert_ok(detector_find(detector, &image, &options, &b, &err));
		assert_int_equal(a.count, b.count);
		for (size_t i = 0; i < a.count; i++)
			assert_memory_equal(&a.items[i].box, &b.items[i].box, sizeof a.items[i].box);
	}
	detections_free(&a);
	detections_free(&b);
	image_free(&image);
	tracker_free(tracker);
	detector_free(detector);
	cascade_free(cascade);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_moving_object_is_followed_and_a_jump_waits_for_the_next_whole_search),
	    cmocka_unit_test(with_a_whole_search_each_frame_it_is_the_detector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
