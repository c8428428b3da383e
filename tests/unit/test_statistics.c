/* Means, deviations and bootstrap intervals against what theory says of them. */
#include "support/support.h"

#include <math.h>

#include "num/num.h"

static void mean_and_deviation_of_known_numbers(void **state)
{
	(void)state;
	double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
	assert_float_equal(mean_of(x, 8), 5, 1e-12);
	assert_float_equal(deviation_of(x, 8), sqrt(32.0 / 7), 1e-12);
	assert_true(isnan(mean_of(x, 0)));
	assert_true(isnan(deviation_of(x, 1)));
}

static void the_interval_is_that_of_the_normal_distribution(void **state)
{
	(void)state;
	struct err err = {0};
	enum { groups = 400 };
	double value[groups], weight[groups], low, high;
	struct rng rng;
	rng_seed(&rng, 8, "bootstrap", 0);
	for (size_t i = 0; i < groups; i++) {
		value[i] = 3 + rng_normal(&rng);
		weight[i] = 1;
	}
	double mean = mean_of(value, groups), half = 1.96 * deviation_of(value, groups) / sqrt(groups);
	assert_ok(bootstrap_interval(&(struct bootstrap){value, weight, groups, 4000}, &rng, &low, &high, &err));
	assert_float_equal(low, mean - half, 0.15 * half);
	assert_float_equal(high, mean + half, 0.15 * half);
}

static void heavier_groups_count_more(void **state)
{
	(void)state;
	struct err err = {0};
	double value[] = {90, 0}, weight[] = {90, 10}, low, high; /* 90 right of 90, none right of 10 */
	struct rng rng;
	rng_seed(&rng, 8, "bootstrap", 1);
	assert_ok(bootstrap_interval(&(struct bootstrap){value, weight, 2, 2000}, &rng, &low, &high, &err));
	assert_float_equal(low, 0, 1e-12);
	assert_float_equal(high, 1, 1e-12);
}

static void the_same_stream_gives_the_same_interval(void **state)
{
	(void)state;
	struct err err = {0};
	double value[] = {1, 2, 3, 4, 5, 9}, weight[] = {1, 1, 1, 2, 1, 1}, low[2], high[2];
	for (size_t i = 0; i < 2; i++) {
		struct rng rng;
		rng_seed(&rng, 8, "bootstrap", 2);
		assert_ok(bootstrap_interval(&(struct bootstrap){value, weight, 6, 500}, &rng, &low[i], &high[i], &err));
	}
	assert_true(low[0] == low[1] && high[0] == high[1] && low[0] < high[0]);
}

static void nothing_to_draw_from_gives_no_number(void **state)
{
	(void)state;
	struct err err = {0};
	double zero[] = {0, 0}, low, high;
	struct rng rng;
	rng_seed(&rng, 8, "bootstrap", 3);
	assert_ok(bootstrap_interval(&(struct bootstrap){zero, zero, 0, 100}, &rng, &low, &high, &err));
	assert_true(isnan(low) && isnan(high));
	assert_ok(bootstrap_interval(&(struct bootstrap){zero, zero, 2, 100}, &rng, &low, &high, &err));
	assert_true(isnan(low) && isnan(high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mean_and_deviation_of_known_numbers),
	    cmocka_unit_test(the_interval_is_that_of_the_normal_distribution),
	    cmocka_unit_test(heavier_groups_count_more),
	    cmocka_unit_test(the_same_stream_gives_the_same_interval),
	    cmocka_unit_test(nothing_to_draw_from_gives_no_number),
	};
	return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
