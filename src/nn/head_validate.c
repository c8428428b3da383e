/*
 * The head on the validation part: losses, accuracies, temperature.
 *
 * With l the logits of an example, y its target and a = 1 / temperature (Guo, Pleiss, Sun & Weinberger 2017):
 *   f(a) = Σ (ln Σ exp(a l) − a Σ y_c l_c),   f'(a) = Σ (Σ p_c(a) l_c − Σ y_c l_c),   p(a) = softmax(a l).
 * f is convex, so f' rises, and its zero is found by bisection on the logarithm of a. The targets are Platt's (1999):
 * y = (n + 1) / (n + 2) for the true class, which has n examples, the rest shared by the others. Few examples, all of
 * them right, thus ask for as much confidence as their number bears, and the zero is always finite; a fixed limit of
 * the sharpness would cut off heads whose logits are small, and prefer epochs by the size of their logits. Every
 * example counts alike, since confidence is to hold for pictures as they come; losses are told with the weight of the
 * class, as in training.
 */
#include <math.h>
#include <stdlib.h>

#include "base/comm.h"
#include "nn/head_internal.h"

/* Where the search starts: far outside of what a head that has learnt anything asks for. */
#define SHARPEST 1e6
#define SOFTEST 1e-6
#define BISECTIONS 60
#define LEAST_PROBABILITY 1e-30

int head_judge_new(struct head_judge *judge, const struct head_data *data, struct err *err)
{
	judge->probabilities = mem_alloc(data->n * data->classes, sizeof(float), err);
	judge->logits = judge->probabilities ? mem_alloc(data->n * data->classes, sizeof(double), err) : NULL;
	judge->hits = judge->logits ? mem_alloc(2 * data->classes, sizeof(size_t), err) : NULL;
	judge->share = judge->hits ? mem_alloc(data->classes, sizeof(double), err) : NULL;
	return judge->share ? OK : err->code;
}

void head_judge_free(struct head_judge *judge)
{
	free(judge->probabilities);
	free(judge->logits);
	free(judge->hits);
	free(judge->share);
	*judge = (struct head_judge){0};
}

/* exp(a (l − most)) of an example in share[], their sum returned. */
static double shares_of(const double *l, size_t classes, double a, double *share)
{
	double most = l[0], sum = 0;

	for (size_t c = 1; c < classes; c++)
		most = l[c] > most ? l[c] : most;
	for (size_t c = 0; c < classes; c++) {
		share[c] = exp(a * (l[c] - most));
		sum += share[c];
	}
	return sum;
}

/* Mean of weight · −ln p[label] at sharpness a. */
static double loss_at(const struct head_data *data, const struct head_judge *judge, double a)
{
	double loss = 0, weights = 0;

	for (size_t i = 0; i < data->n; i++) {
		const double *l = judge->logits + i * data->classes;
		size_t label = (size_t)data->labels[i];
		double weight = (double)judge->class_weight[label], most = l[0],
		       sum = shares_of(l, data->classes, a, judge->share);

		for (size_t c = 1; c < data->classes; c++)
			most = l[c] > most ? l[c] : most;
		loss += weight * (a * (most - l[label]) + log(sum));
		weights += weight;
	}
	return loss / weights;
}

/* f'(a); the counts are those of count_hits. */
static double slope_at(const struct head_data *data, const struct head_judge *judge, double a)
{
	const size_t *counts = judge->hits + data->classes;
	double slope = 0;

	for (size_t i = 0; i < data->n; i++) {
		const double *l = judge->logits + i * data->classes;
		size_t label = (size_t)data->labels[i];
		double n = (double)counts[label], rest = 1 / (n + 2) / (double)(data->classes - 1);
		double sum = shares_of(l, data->classes, a, judge->share);

		for (size_t c = 0; c < data->classes; c++)
			slope += (judge->share[c] / sum - (c == label ? (n + 1) / (n + 2) : rest)) * l[c];
	}
	return slope;
}

static double best_sharpness(const struct head_data *data, const struct head_judge *judge)
{
	double low = log(SOFTEST), high = log(SHARPEST);

	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (low + high) / 2;

		if (slope_at(data, judge, exp(middle)) < 0)
			low = middle;
		else
			high = middle;
	}
	return exp((low + high) / 2);
}

/* Accuracy, and the share recognised of each class averaged over the classes that occur. */
static void count_hits(const struct head_data *data, const struct head_judge *judge, struct head_epoch *epoch)
{
	size_t *hits = judge->hits, *counts = judge->hits + data->classes, correct = 0, present = 0;
	double sum = 0;

	for (size_t c = 0; c < 2 * data->classes; c++)
		judge->hits[c] = 0;
	for (size_t i = 0; i < data->n; i++) {
		const float *p = judge->probabilities + i * data->classes;
		size_t label = (size_t)data->labels[i], best = 0;

		for (size_t c = 1; c < data->classes; c++)
			best = p[c] > p[best] ? c : best;
		correct += best == label;
		hits[label] += best == label;
		counts[label]++;
	}
	for (size_t c = 0; c < data->classes; c++) {
		if (counts[c]) {
			sum += (double)hits[c] / (double)counts[c];
			present++;
		}
	}
	epoch->validation_accuracy = (double)correct / (double)data->n;
	epoch->validation_balanced = sum / (double)present;
}

/* Every rank judges some of the examples and gets what the others found. */
static int predict_shared(const struct head *head, const struct head_data *data, struct head_judge *judge,
                          struct err *err)
{
	size_t *start = NULL, first;
	int code = comm_shares(data->n, 1, NULL, &start, err);

	if (code != OK)
		return code;
	first = start[comm_rank()];
	head_predict_rows(head, start[comm_rank() + 1] - first, data->rows + first * data->inputs,
	                  judge->probabilities + first * data->classes, judge->threads);
	code = comm_gather(judge->probabilities, start, data->classes * sizeof(float), err);
	free(start);
	return code;
}

int head_validate(const struct head *head, const struct head_data *data, struct head_judge *judge,
                  struct head_epoch *epoch, struct err *err)
{
	epoch->temperature = 1;
	epoch->validation_loss = epoch->validation_calibrated = epoch->validation_accuracy = epoch->validation_balanced =
	    NAN;
	if (!data || !data->n)
		return OK;
	if (predict_shared(head, data, judge, err) != OK)
		return err->code;
	for (size_t i = 0; i < data->n * data->classes; i++) {
		if (!isfinite(judge->probabilities[i]))
			return err_set(err, ERR_NUMERIC, "epoch %zu: a probability of the validation part is not finite",
			               epoch->epoch);
		judge->logits[i] = log(fmax((double)judge->probabilities[i], LEAST_PROBABILITY));
	}
	count_hits(data, judge, epoch);
	epoch->validation_loss = loss_at(data, judge, 1);
	epoch->temperature = 1 / best_sharpness(data, judge);
	epoch->validation_calibrated = loss_at(data, judge, 1 / epoch->temperature);
	return OK;
}
