#include "support/support.h"

#include "text/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t start[] = {0, 3, 5, 9};
static const int32_t tags[] = {4, 1, 2, 1, 2, 0, 1, 2, 4};
static const uint8_t held[] = {0, 0, 0, 1, 0, 0, 0, 0, 0};
static const struct tag_corpus corpus = {3, 6, start, tags, held};

static void tags_stand_by_falling_count_and_ties_by_number(void **state)
{
	(void)state;
	struct err err = {0};
	struct vocabulary v;
	static const uint32_t order[] = {2, 1, 4, 0};
	static const int64_t counts[] = {3, 2, 2, 1};

	assert_ok(vocabulary_build(&v, &corpus, 1, &err));
	assert_int_equal(v.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(v.tag[i], order[i]);
		assert_int_equal(v.occurrences[i], counts[i]);
		assert_int_equal(v.row[order[i]], i);
	}
	assert_int_equal(v.row[3], -1);
	assert_int_equal(v.row[5], -1);
	assert_int_equal(v.total, 8);
	vocabulary_free(&v);
}

static void rare_tags_are_left_out_and_hidden_ones_never_count(void **state)
{
	(void)state;
	struct err err = {0};
	struct vocabulary v;

	/* Tag 1 occurs three times, once hidden. */
	assert_ok(vocabulary_build(&v, &corpus, 3, &err));
	assert_int_equal(v.count, 1);
	assert_int_equal(v.tag[0], 2);
	assert_int_equal(v.row[1], -1);
	vocabulary_free(&v);
}

static void a_broken_corpus_is_refused_by_row(void **state)
{
	(void)state;
	struct err err = {0};
	struct vocabulary v;
	static const int64_t falling[] = {0, 3, 2, 9};
	static const int32_t outside[] = {4, 1, 2, 1, 6, 0, 1, 2, 4};
	struct tag_corpus broken = corpus;

	broken.start = falling;
	assert_refused(vocabulary_build(&v, &broken, 1, &err), ERR_DATA, "playlist 1");
	broken = corpus;
	broken.index = outside;
	assert_refused(vocabulary_build(&v, &broken, 1, &err), ERR_DATA, "playlist 1 names tag 6 of 6");
}

static void an_alias_table_draws_its_weights(void **state)
{
	(void)state;
	struct err err = {0};
	struct alias_table table;
	static const double weight[] = {5, 0, 1, 3, 0.5, 10, 0.001};
	enum { COUNT = 7, DRAWS = 400000 };
	size_t drawn[COUNT] = {0};
	struct rng rng;
	double sum = 0;

	assert_ok(alias_build(&table, weight, COUNT, &err));
	rng_seed(&rng, 3, "test", 0);
	for (size_t i = 0; i < DRAWS; i++)
		drawn[alias_draw(&table, rng_u64(&rng))]++;
	for (size_t i = 0; i < COUNT; i++)
		sum += weight[i];
	assert_int_equal(drawn[1], 0);
	for (size_t i = 0; i < COUNT; i++) {
		double p = weight[i] / sum, far = fabs((double)drawn[i] - DRAWS * p);
		/* Five standard deviations of a binomial. */
		if (far > 5 * sqrt(DRAWS * p * (1 - p)) + 1)
			fail_msg("%zu was drawn %zu times instead of %.0f", i, drawn[i], DRAWS * p);
	}
	alias_free(&table);
}

static void weights_that_are_no_distribution_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct alias_table table;

	assert_refused(alias_build(&table, (double[]){1, -1}, 2, &err), ERR_NUMERIC, "weight 1");
	assert_refused(alias_build(&table, (double[]){1, NAN}, 2, &err), ERR_NUMERIC, "weight 1");
	assert_refused(alias_build(&table, (double[]){0, 0}, 2, &err), ERR_NUMERIC, "add up to 0");
}

int main(void)
{
	const struct CMUnitTest tests_[] = {
		cmocka_unit_test(tags_stand_by_falling_count_and_ties_by_number),
		cmocka_unit_test(rare_tags_are_left_out_and_hidden_ones_never_count),
		cmocka_unit_test(a_broken_corpus_is_refused_by_row),
		cmocka_unit_test(an_alias_table_draws_its_weights),
		cmocka_unit_test(weights_that_are_no_distribution_are_refused),
	};
	return cmocka_run_group_tests(tests_, NULL, NULL);
}
