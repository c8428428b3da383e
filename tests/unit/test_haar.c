#include "support/support.h"

#include <stdlib.h>

#include "vision/train_internal.h"

static void opencv_counts_are_met_at_24(void **state)
{
	(void)state;
	assert_int_equal(haar_features_count(HAAR_SET_BASIC, 24, 24), 162336);
	assert_int_equal(haar_features_count(HAAR_SET_ALL, 24, 24), 261600);
}

/* A shape of w × h cells fits Σ (W − w·dx + 1) · Σ (H − h·dy + 1) times. */
static size_t upright(int w, int h, int side)
{
	size_t across = 0, down = 0;
	for (int d = 1; w * d <= side; d++)
		across += (size_t)(side - w * d + 1);
	for (int d = 1; h * d <= side; d++)
		down += (size_t)(side - h * d + 1);
	return across * down;
}

static void core_adds_four_strips_and_centre_surround(void **state)
{
	(void)state;
	size_t basic = haar_features_count(HAAR_SET_BASIC, 24, 24);
	assert_int_equal(haar_features_count(HAAR_SET_CORE, 24, 24),
	                 basic + upright(4, 1, 24) + upright(1, 4, 24) + upright(3, 3, 24));
}

static void every_feature_lies_inside_and_has_zero_mean(void **state)
{
	(void)state;
	struct err err = {0};
	size_t count = haar_features_count(HAAR_SET_ALL, 13, 17), tilted = 0;
	struct haar_feature *features = mem_alloc(count, sizeof *features, &err);
	assert_non_null(features);
	haar_features_list(HAAR_SET_ALL, 13, 17, features);
	for (size_t i = 0; i < count; i++) {
		float mean = 0;
		assert_ok(haar_feature_check(&features[i], 13, 17, &err));
		for (int r = 0; r < HAAR_RECTS; r++)
			mean += features[i].rects[r].weight * (float)(features[i].rects[r].w * features[i].rects[r].h);
		assert_true(mean == 0);
		tilted += features[i].tilted;
	}
	assert_true(tilted > 0 && tilted < count);
	free(features);
}

static void the_first_features_come_in_opencv_order(void **state)
{
	(void)state;
	struct err err = {0};
	size_t count = haar_features_count(HAAR_SET_BASIC, 24, 24);
	struct haar_feature *features = mem_alloc(count, sizeof *features, &err);
	assert_non_null(features);
	haar_features_list(HAAR_SET_BASIC, 24, 24, features);
	const int widths[] = {2, 1, 3, 1, 2, 2, 1, 3, 1, 2}, heights[] = {1, 2, 1, 3, 2, 2, 4, 2, 6, 4};
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(features[i].rects[0].w, widths[i]);
		assert_int_equal(features[i].rects[0].h, heights[i]);
	}
	free(features);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opencv_counts_are_met_at_24),
	    cmocka_unit_test(core_adds_four_strips_and_centre_surround),
	    cmocka_unit_test(every_feature_lies_inside_and_has_zero_mean),
	    cmocka_unit_test(the_first_features_come_in_opencv_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
