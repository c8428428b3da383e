/*
 * Two classifiers on the same people: the difference of their figures, with an interval by the paired bootstrap (Efron
 * & Tibshirani 1993). Each draw takes the same people for both, so that what makes a person easy or hard falls out of
 * the difference.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_internal.h"

/* What a person adds to the figures of one classifier, as a row of numbers; every figure follows from sums of rows.
 * Behind the bins stand three numbers a class: pictures of it, those rightly named, those named so. */
enum {
	PICTURES,
	LOSS,
	BIN_RIGHT,
	BIN_CONFIDENCE = BIN_RIGHT + RELIABILITY_BINS,
	BY_CLASS = BIN_CONFIDENCE + RELIABILITY_BINS
};

struct side {
	const struct judged *judged;
	double *rows, *sum; /* [persons][width], [width] */
	size_t width;
};

static void count_picture(const struct judged *judged, size_t i, double *row)
{
	const float *p = judged->probabilities + i * judged->classes;
	size_t truth = (size_t)judged->truth[i], verdict = classification_verdict(p, judged->classes);
	size_t bin = p[verdict] >= 1 ? RELIABILITY_BINS - 1 : (size_t)((double)p[verdict] * RELIABILITY_BINS);

	row[PICTURES]++;
	row[LOSS] -= log(fmax((double)p[truth], PROBABILITY_FLOOR));
	row[BIN_RIGHT + bin] += verdict == truth;
	row[BIN_CONFIDENCE + bin] += (double)p[verdict];
	row[BY_CLASS + truth]++;
	row[BY_CLASS + judged->classes + truth] += verdict == truth;
	row[BY_CLASS + 2 * judged->classes + verdict]++;
}

static int side_open(struct side *side, const struct judged *judged, struct err *err)
{
	side->judged = judged;
	side->width = BY_CLASS + 3 * judged->classes;
	side->rows = mem_alloc(judged->persons * side->width, sizeof(double), err);
	side->sum = side->rows ? mem_alloc(side->width, sizeof(double), err) : NULL;
	if (!side->sum)
		return err->code;
	for (size_t i = 0; i < judged->n; i++)
		count_picture(judged, i, side->rows + judged->person[i] * side->width);
	return OK;
}

static void side_close(struct side *side)
{
	free(side->rows);
	free(side->sum);
}

static void add_person(const struct side *side, size_t person)
{
	for (size_t i = 0; i < side->width; i++)
		side->sum[i] += side->rows[person * side->width + i];
}

/* The same figures as classification_measure's, of the sums. */
static void figures_of(const struct side *side, double figures[PAIRED_COUNT])
{
	size_t classes = side->judged->classes;
	const double *sum = side->sum, *truth = sum + BY_CLASS, *hits = truth + classes, *named = hits + classes;
	double present = 0, right = 0, recall = 0, f1 = 0, calibration = 0;

	for (size_t c = 0; c < classes; c++) {
		right += hits[c];
		if (truth[c] <= 0)
			continue;
		present++;
		recall += hits[c] / truth[c];
		f1 += 2 * hits[c] / (truth[c] + named[c]);
	}
	for (size_t b = 0; b < RELIABILITY_BINS; b++)
		calibration += fabs(sum[BIN_RIGHT + b] - sum[BIN_CONFIDENCE + b]);
	figures[PAIRED_BALANCED] = recall / present;
	figures[PAIRED_ACCURACY] = right / sum[PICTURES];
	figures[PAIRED_MACRO_F1] = f1 / present;
	figures[PAIRED_LOG_LOSS] = sum[LOSS] / sum[PICTURES];
	figures[PAIRED_CALIBRATION] = calibration / sum[PICTURES];
}

static void difference_of(const struct side *a, const struct side *b, double difference[PAIRED_COUNT])
{
	double first[PAIRED_COUNT], second[PAIRED_COUNT];

	figures_of(a, first);
	figures_of(b, second);
	for (size_t f = 0; f < PAIRED_COUNT; f++)
		difference[f] = second[f] - first[f];
}

/* `rng` NULL: everybody once. */
static void draw_people(const struct side *a, const struct side *b, struct rng *rng)
{
	memset(a->sum, 0, a->width * sizeof(double));
	memset(b->sum, 0, b->width * sizeof(double));
	for (size_t i = 0; i < a->judged->persons; i++) {
		size_t person = rng ? rng_below(rng, a->judged->persons) : i;
		add_person(a, person);
		add_person(b, person);
	}
}

static void resample(const struct side *a, const struct side *b, double *drawn, struct interval out[PAIRED_COUNT])
{
	size_t draws = a->judged->draws;
	double difference[PAIRED_COUNT];
	struct rng rng;

	rng_seed(&rng, a->judged->seed, "report.paired", 0);
	for (size_t d = 0; d < draws; d++) {
		draw_people(a, b, &rng);
		difference_of(a, b, difference);
		for (size_t f = 0; f < PAIRED_COUNT; f++)
			drawn[f * draws + d] = difference[f];
	}
	draw_people(a, b, NULL);
	difference_of(a, b, difference);
	for (size_t f = 0; f < PAIRED_COUNT; f++) {
		classification_percentiles(drawn + f * draws, draws, &out[f]);
		out[f].value = difference[f];
	}
}

int classification_paired(const struct judged *first, const struct judged *second, struct interval out[PAIRED_COUNT],
                          struct err *err)
{
	struct side a = {0}, b = {0};
	double *drawn = NULL;
	int code = classification_check(first, err);

	if (code == OK)
		code = classification_check(second, err);
	if (code == OK && (first->persons != second->persons || first->classes != second->classes || first->draws < 2))
		code =
		    err_set(err, ERR_DATA, "%zu people and %zu classes beside %zu and %zu, %zu draws: there is nothing to pair",
		            first->persons, first->classes, second->persons, second->classes, first->draws);
	if (code == OK)
		code = side_open(&a, first, err);
	if (code == OK)
		code = side_open(&b, second, err);
	if (code == OK) {
		drawn = mem_alloc(PAIRED_COUNT * first->draws, sizeof(*drawn), err);
		code = drawn ? OK : err->code;
	}
	if (code == OK)
		resample(&a, &b, drawn, out);
	free(drawn);
	side_close(&a);
	side_close(&b);
	return code;
}
