/*
 * Figures of merit of a classifier on pictures of people it never saw.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_internal.h"

#define BINS RELIABILITY_BINS

int classification_check(const struct judged *judged, struct err *err)
{
	if (!judged->n || judged->classes < 2 || !judged->persons)
		return err_set(err, ERR_DATA, "nothing to judge: %zu examples, %zu classes, %zu persons", judged->n,
		               judged->classes, judged->persons);
	for (size_t i = 0; i < judged->n; i++) {
		if (judged->truth[i] < 0 || (size_t)judged->truth[i] >= judged->classes)
			return err_set(err, ERR_DATA, "example %zu: class %d is outside 0..%zu", i, (int)judged->truth[i],
			               judged->classes - 1);
		if (judged->person[i] >= judged->persons)
			return err_set(err, ERR_DATA, "example %zu: person %zu is outside 0..%zu", i, judged->person[i],
			               judged->persons - 1);
		for (size_t c = 0; c < judged->classes; c++) {
			float p = judged->probabilities[i * judged->classes + c];
			if (!(p >= 0 && p <= 1.0001f))
				return err_set(err, ERR_DATA, "example %zu, class %zu: %g is no probability", i, c, (double)p);
		}
	}
	return OK;
}

size_t classification_verdict(const float *probabilities, size_t classes)
{
	size_t best = 0;

	for (size_t c = 1; c < classes; c++)
		if (probabilities[c] > probabilities[best])
			best = c;
	return best;
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void score_classes(struct classification *out)
{
	size_t k = out->classes;

	for (size_t c = 0; c < k; c++) {
		struct class_score *score = &out->scores[c];
		for (size_t other = 0; other < k; other++) {
			score->support += out->confusion[c * k + other];
			score->predicted += out->confusion[other * k + c];
		}
		score->hits = out->confusion[c * k + c];
		score->precision = ratio((double)score->hits, (double)score->predicted);
		score->recall = ratio((double)score->hits, (double)score->support);
		score->f1 = ratio(2 * score->precision * score->recall, score->precision + score->recall);
	}
}

static void average_classes(struct classification *out)
{
	size_t present = 0, most = 0, hits = 0;

	for (size_t c = 0; c < out->classes; c++) {
		const struct class_score *score = &out->scores[c];
		hits += score->hits;
		most = score->support > most ? score->support : most;
		if (!score->support)
			continue;
		present++;
		out->balanced.value += score->recall;
		out->macro_f1 += score->f1;
	}
	out->balanced.value /= (double)present;
	out->macro_f1 /= (double)present;
	out->accuracy.value = (double)hits / (double)out->n;
	out->majority = (double)most / (double)out->n;
	out->chance = 1 / (double)present;
}

/* Log loss, Brier score, and Σ over bins of |share right − mean confidence| · share of the examples in the bin. */
static void score_probabilities(struct classification *out, const struct judged *judged)
{
	double confidence[BINS] = {0}, right[BINS] = {0};

	for (size_t i = 0; i < judged->n; i++) {
		const float *p = judged->probabilities + i * judged->classes;
		size_t truth = (size_t)judged->truth[i], best = classification_verdict(p, judged->classes);
		double largest = (double)p[best];
		size_t bin = largest >= 1 ? BINS - 1 : (size_t)(largest * BINS);

		out->log_loss -= log(fmax((double)p[truth], PROBABILITY_FLOOR));
		for (size_t c = 0; c < judged->classes; c++) {
			double miss = (double)p[c] - (c == truth);
			out->brier += miss * miss;
		}
		out->bins[bin].n++;
		confidence[bin] += largest;
		right[bin] += best == truth;
	}
	out->log_loss /= (double)judged->n;
	out->brier /= (double)judged->n;
	for (size_t b = 0; b < BINS; b++) {
		out->bins[b].confidence = ratio(confidence[b], (double)out->bins[b].n);
		out->bins[b].right = ratio(right[b], (double)out->bins[b].n);
		out->calibration += fabs(right[b] - confidence[b]) / (double)judged->n;
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void classification_percentiles(double *drawn, size_t draws, struct interval *interval)
{
	qsort(drawn, draws, sizeof(*drawn), compare_doubles);
	interval->low = drawn[(size_t)(0.025 * (double)(draws - 1))];
	interval->high = drawn[(size_t)ceil(0.975 * (double)(draws - 1))];
}

struct scored {
	float score;
	bool positive;
};

static int compare_scored(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return (x->score > y->score) - (x->score < y->score);
}

/* The share of (positive, negative) pairs in their order, equal scores counting half (Mann & Whitney 1947). */
static double area_under_curve(struct scored *scored, size_t n)
{
	double positives = 0, negatives = 0, ordered = 0;

	qsort(scored, n, sizeof(*scored), compare_scored);
	for (size_t first = 0, end; first < n; first = end) {
		double up = 0;
		for (end = first; end < n && scored[end].score == scored[first].score; end++)
			up += scored[end].positive;
		ordered += up * (negatives + ((double)(end - first) - up) / 2);
		positives += up;
		negatives += (double)(end - first) - up;
	}
	return positives > 0 && negatives > 0 ? ordered / (positives * negatives) : NAN;
}

static int score_curves(struct classification *out, const struct judged *judged, struct err *err)
{
	struct scored *scored = mem_alloc(judged->n, sizeof(*scored), err);

	for (size_t c = 0; scored && c < judged->classes; c++) {
		for (size_t i = 0; i < judged->n; i++)
			scored[i] = (struct scored){judged->probabilities[i * judged->classes + c], (size_t)judged->truth[i] == c};
		out->scores[c].auc = area_under_curve(scored, judged->n);
	}
	free(scored);
	return err->code;
}

struct resampling {
	size_t classes, persons;
	uint32_t *counts, *hits, *named; /* [persons][classes]: true, rightly named, named */
	uint64_t *sums;                  /* [3][classes]: the same of one draw */
};

enum { DRAWN_BALANCED, DRAWN_ACCURACY, DRAWN_CLASSES, DRAWN_RECALL = 0, DRAWN_PRECISION, DRAWN_F1, DRAWN_A_CLASS };

/* One draw of whole persons; balanced accuracy over the classes that it has. drawn[figure][draws] gets its `d`th
 * column. */
static void resample_once(const struct resampling *r, struct rng *rng, double *drawn, size_t draws, size_t d)
{
	uint64_t *counts = r->sums, *hits = counts + r->classes, *named = hits + r->classes, all = 0, right = 0;
	size_t present = 0;
	double sum = 0;

	memset(r->sums, 0, 3 * r->classes * sizeof(*r->sums));
	for (size_t i = 0; i < r->persons; i++) {
		size_t person = rng_below(rng, r->persons);
		for (size_t c = 0; c < r->classes; c++) {
			counts[c] += r->counts[person * r->classes + c];
			hits[c] += r->hits[person * r->classes + c];
			named[c] += r->named[person * r->classes + c];
		}
	}
	for (size_t c = 0; c < r->classes; c++) {
		double *one = drawn + (DRAWN_CLASSES + DRAWN_A_CLASS * c) * draws + d, hit = (double)hits[c];
		one[DRAWN_RECALL * draws] = ratio(hit, (double)counts[c]);
		one[DRAWN_PRECISION * draws] = ratio(hit, (double)named[c]);
		one[DRAWN_F1 * draws] = ratio(2 * hit, (double)(counts[c] + named[c]));
		all += counts[c];
		right += hits[c];
		present += counts[c] > 0;
		sum += one[DRAWN_RECALL * draws];
	}
	drawn[DRAWN_BALANCED * draws + d] = ratio(sum, (double)present);
	drawn[DRAWN_ACCURACY * draws + d] = ratio((double)right, (double)all);
}

static void count_persons(const struct resampling *r, const struct judged *judged)
{
	for (size_t i = 0; i < judged->n; i++) {
		size_t verdict = classification_verdict(judged->probabilities + i * judged->classes, judged->classes);
		size_t row = judged->person[i] * judged->classes, truth = (size_t)judged->truth[i];
		r->counts[row + truth]++;
		r->hits[row + truth] += verdict == truth;
		r->named[row + verdict]++;
	}
}

static void intervals_of(struct classification *out, double *drawn, size_t draws)
{
	classification_percentiles(drawn + DRAWN_BALANCED * draws, draws, &out->balanced);
	classification_percentiles(drawn + DRAWN_ACCURACY * draws, draws, &out->accuracy);
	for (size_t c = 0; c < out->classes; c++) {
		struct class_score *score = &out->scores[c];
		double *one = drawn + (DRAWN_CLASSES + DRAWN_A_CLASS * c) * draws;
		classification_percentiles(one + DRAWN_RECALL * draws, draws, &score->recall_limits);
		classification_percentiles(one + DRAWN_PRECISION * draws, draws, &score->precision_limits);
		classification_percentiles(one + DRAWN_F1 * draws, draws, &score->f1_limits);
		score->recall_limits.value = score->recall;
		score->precision_limits.value = score->precision;
		score->f1_limits.value = score->f1;
	}
}

static int resample_persons(struct classification *out, const struct judged *judged, struct err *err)
{
	size_t cells = judged->persons * judged->classes, draws = judged->draws > 1 ? judged->draws : 2;
	struct resampling r = {.classes = judged->classes, .persons = judged->persons};
	double *drawn = mem_alloc((DRAWN_CLASSES + DRAWN_A_CLASS * judged->classes) * draws, sizeof(*drawn), err);
	struct rng rng;

	r.counts = drawn ? mem_alloc(3 * cells, sizeof(*r.counts), err) : NULL;
	r.sums = r.counts ? mem_alloc(3 * judged->classes, sizeof(*r.sums), err) : NULL;
	int code = r.sums ? OK : err->code;
	if (code == OK) {
		r.hits = r.counts + cells;
		r.named = r.hits + cells;
		count_persons(&r, judged);
		rng_seed(&rng, judged->seed, "report.bootstrap", 0);
		for (size_t d = 0; d < draws; d++)
			resample_once(&r, &rng, drawn, draws, d);
		intervals_of(out, drawn, draws);
	}
	free(drawn);
	free(r.counts);
	free(r.sums);
	return code;
}

int classification_measure(struct classification *out, const struct judged *judged, struct err *err)
{
	struct classification result = {.n = judged->n, .classes = judged->classes, .persons = judged->persons};
	int code = classification_check(judged, err);

	if (code != OK)
		return code;
	result.scores = mem_alloc(judged->classes, sizeof(*result.scores), err);
	result.confusion =
	    result.scores ? mem_alloc(judged->classes * judged->classes, sizeof(*result.confusion), err) : NULL;
	code = result.confusion ? OK : err->code;
	if (code == OK) {
		for (size_t i = 0; i < judged->n; i++)
			result.confusion[(size_t)judged->truth[i] * judged->classes +
			                 classification_verdict(judged->probabilities + i * judged->classes, judged->classes)]++;
		score_classes(&result);
		average_classes(&result);
		score_probabilities(&result, judged);
		code = score_curves(&result, judged, err);
		if (code == OK)
			code = resample_persons(&result, judged, err);
	}
	if (code != OK) {
		classification_free(&result);
		return code;
	}
	*out = result;
	return OK;
}

void classification_free(struct classification *classification)
{
	free(classification->scores);
	free(classification->confusion);
	*classification = (struct classification){0};
}

static void set_interval(struct json *object, const char *key, const struct interval *interval)
{
	struct json *limits;
	char name[64];

	json_set_number(object, key, interval->value);
	snprintf(name, sizeof(name), "%s_95", key);
	limits = json_set_array(object, name);
	json_append_number(limits, interval->low);
	json_append_number(limits, interval->high);
}

static void reliability_to_json(const struct classification *m, struct json *list)
{
	for (size_t b = 0; b < BINS; b++) {
		struct json *bin = json_append_object(list);
		json_set_integer(bin, "pictures", (int64_t)m->bins[b].n);
		json_set_number(bin, "confidence", m->bins[b].confidence);
		json_set_number(bin, "right", m->bins[b].right);
	}
}

void classification_to_json(const struct classification *classification, char *const *names, struct json *object)
{
	const struct classification *m = classification;
	struct json *classes, *confusion;

	json_set_integer(object, "pictures", (int64_t)m->n);
	json_set_integer(object, "persons", (int64_t)m->persons);
	set_interval(object, "balanced_accuracy", &m->balanced);
	set_interval(object, "accuracy", &m->accuracy);
	json_set_number(object, "macro_f1", m->macro_f1);
	json_set_number(object, "log_loss", m->log_loss);
	json_set_number(object, "brier", m->brier);
	json_set_number(object, "calibration_error", m->calibration);
	json_set_number(object, "majority_accuracy", m->majority);
	json_set_number(object, "chance_balanced_accuracy", m->chance);
	reliability_to_json(m, json_set_array(object, "reliability"));
	classes = json_set_object(object, "classes");
	confusion = json_set_array(object, "confusion");
	for (size_t c = 0; c < m->classes; c++) {
		const struct class_score *score = &m->scores[c];
		struct json *one = json_set_object(classes, names[c]), *row = json_append_array(confusion);

		json_set_integer(one, "support", (int64_t)score->support);
		json_set_integer(one, "predicted", (int64_t)score->predicted);
		set_interval(one, "precision", &score->precision_limits);
		set_interval(one, "recall", &score->recall_limits);
		set_interval(one, "f1", &score->f1_limits);
		json_set_number(one, "auc", score->auc);
		json_set_number(one, "true_share", (double)score->support / (double)m->n);
		json_set_number(one, "predicted_share", (double)score->predicted / (double)m->n);
		for (size_t v = 0; v < m->classes; v++)
			json_append_integer(row, (int64_t)m->confusion[c * m->classes + v]);
	}
}
