/* What each setting of Word2Vec does to a training, told from its pairs and vectors. */
#include "support/support.h"

#include "text/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 64, ROWS = 2048, MOST = 5 };

struct trained {
	struct vectors vectors;
	struct skipgram_report report;
};

struct rows {
	int64_t start[ROWS + 1];
	int32_t index[ROWS * MOST];
	struct tag_corpus corpus;
	struct vocabulary vocabulary;
};

static const struct skipgram_options usual = {.size = 20,
                                              .window = 3,
                                              .negative = 5,
                                              .epochs = 2,
                                              .alpha = 0.025,
                                              .min_alpha = 0.0001,
                                              .ns_exponent = 0.75,
                                              .seed = 1,
                                              .deterministic = true,
                                              .threads = 2};

/* Rows of `each` tags that follow one another around a circle; with `common`, tag 0 stands first in all of them. */
static struct rows *rows_new(size_t each, bool common)
{
	struct err err = {0};
	struct rows *r = mem_alloc(1, sizeof *r, &err);
	assert_non_null(r);
	for (size_t i = 0; i < ROWS; i++) {
		r->start[i + 1] = (int64_t)((i + 1) * each);
		for (size_t k = 0; k < each; k++)
			r->index[i * each + k] = common && k == 0 ? 0 : (int32_t)((i + k) % KINDS);
	}
	r->corpus = (struct tag_corpus){ROWS, KINDS, r->start, r->index, NULL};
	assert_ok(vocabulary_build(&r->vocabulary, &r->corpus, 1, &err));
	return r;
}

static void rows_free(struct rows *r)
{
	vocabulary_free(&r->vocabulary);
	free(r);
}

static struct trained train(const struct rows *r, const struct skipgram_options *options)
{
	struct err err = {0};
	struct trained t;
	assert_ok(skipgram_train(&r->corpus, &r->vocabulary, options, &t.vectors, &t.report, &err));
	return t;
}

/* Largest distance of two vectors' elements; frees both. */
static double apart(struct trained a, struct trained b)
{
	double most = 0;
	for (size_t i = 0; i < a.vectors.count; i++)
		for (size_t k = 0; k < a.vectors.size; k++)
			most = fmax(most, fabs((double)a.vectors.data[i * a.vectors.size + k] -
			                       (double)b.vectors.data[i * b.vectors.size + k]));
	vectors_free(&a.vectors);
	vectors_free(&b.vectors);
	return most;
}

static double pairs_a_row(const struct rows *r, size_t window)
{
	struct skipgram_options options = usual;
	options.window = window;
	struct trained t = train(r, &options);
	vectors_free(&t.vectors);
	return (double)t.report.pairs / (double)(options.epochs * ROWS);
}

static void the_window_reaches_so_far_or_over_the_whole_row(void **state)
{
	(void)state;
	struct rows *r = rows_new(MOST, false);
	assert_true(pairs_a_row(r, 1) == 2 * (MOST - 1));
	assert_true(pairs_a_row(r, 0) == MOST * (MOST - 1));
	/* A reach of 1, 2 or 3 takes 8, 14 or 18 pairs of five tags. */
	assert_true(fabs(pairs_a_row(r, 3) - 40.0 / 3) < 0.15);
	rows_free(r);
}

/* How far the vectors have come from where tiny steps leave them. */
static double way_from_start(const struct rows *r, double alpha, double min_alpha)
{
	struct skipgram_options options = usual, none = usual;
	options.alpha = alpha;
	options.min_alpha = min_alpha;
	none.alpha = none.min_alpha = 1e-12;
	return apart(train(r, &options), train(r, &none));
}

/* Small steps move an input by ∫∫ rate(s) rate(t) ds dt over s < t, half the square of ∫ rate: outputs begin at zero
 * and the labels miss by 1/2 all along. A line from alpha to min_alpha has the mean of both. */
static void the_rate_falls_from_alpha_to_min_alpha_along_a_line(void **state)
{
	(void)state;
	struct rows *r = rows_new(3, true);
	double level = way_from_start(r, 1e-4, 1e-4), half = way_from_start(r, 1e-4, 5e-5),
	       all = way_from_start(r, 1e-4, 0);
	if (!(fabs(half / level - 0.75 * 0.75) < 0.02 && fabs(all / level - 0.25) < 0.02))
		fail_msg("%g at the same rate, %g of it to half the rate, %g to none", level, half / level, all / level);
	rows_free(r);
}

static struct trained with_exponent(const struct rows *r, double exponent)
{
	struct skipgram_options options = usual;
	options.ns_exponent = exponent;
	return train(r, &options);
}

/* Tags that are equally frequent (16 to the power of e is exact here) are drawn alike whatever the exponent; one that
 * stands everywhere is not. */
static void negatives_follow_the_counts_to_the_power_of_ns_exponent(void **state)
{
	(void)state;
	struct rows *alike = rows_new(2, false), *apart_rows = rows_new(3, true);
	assert_true(apart(with_exponent(alike, 0.75), with_exponent(alike, 0)) == 0);
	assert_true(apart(with_exponent(alike, 0.75), with_exponent(alike, -0.5)) == 0);
	assert_true(apart(with_exponent(apart_rows, 0.75), with_exponent(apart_rows, 0)) > 1e-3);
	assert_true(apart(with_exponent(apart_rows, 0.75), with_exponent(apart_rows, 0.75)) == 0);
	rows_free(alike);
	rows_free(apart_rows);
}

/* The mean of one word is that word: in rows of two, CBOW takes the steps of skip-gram. */
static void the_mean_of_one_word_is_learnt_as_the_word(void **state)
{
	(void)state;
	struct rows *two = rows_new(2, false), *five = rows_new(MOST, false);
	for (unsigned way = 0; way < 4; way++) {
		struct skipgram_options words = usual, mean = usual;
		words.hierarchical = mean.hierarchical = way & 1;
		words.window = mean.window = way & 2 ? 0 : 1;
		mean.cbow = true;
		assert_true(apart(train(two, &words), train(two, &mean)) < 1e-5);
		assert_true(apart(train(five, &words), train(five, &mean)) > 1e-3);
	}
	rows_free(two);
	rows_free(five);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_window_reaches_so_far_or_over_the_whole_row),
	    cmocka_unit_test(the_rate_falls_from_alpha_to_min_alpha_along_a_line),
	    cmocka_unit_test(negatives_follow_the_counts_to_the_power_of_ns_exponent),
	    cmocka_unit_test(the_mean_of_one_word_is_learnt_as_the_word),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
