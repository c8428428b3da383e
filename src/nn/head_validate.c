/*
 * The head on the validation part: losses, accuracies, temperature.
 *
 * With l the logits of an example, w its weight and a = 1 / temperature (Guo, Pleiss, Sun & Weinberger 2017): f(a) = Σ w (ln Σ exp(a l) − a l[label]),   f'(a) = Σ w (Σ p_c(a) l_c − l[label]),   p(a) = softmax(a l). f is
 * convex, so f' rises, and its zero is found by bisection on the logarithm of a. The
 * temperature is fitted with w = 1, since confidence is to hold for pictures as they come; losses are told with w the
 * weight of the class, as in training.
 */
#include <math.h>
#include <stdlib.h>

#include "nn/head_internal.h"

/* Few examples, all of them right, would ask for infinite sharpness. */
#define SHARPEST 5.0
#define SOFTEST 0.02
#define BISECTIONS 40
#define LEAST_PROBABILITY 1e-30

int head_judge_new(struct head_judge *judge, const struct head_data *data, struct err *err)
{
	judge->probabilities = mem_alloc(data->n * data->classes, sizeof(float), err);
	judge->logits = judge->probabilities ? mem_alloc(data->n * data->classes, sizeof(double), err) : NULL;
	judge->hits = judge->logits ? mem_alloc(2 * data->classes, sizeof(size_t), err) : NULL;
	return judge->hits ? OK : err->code;
}

void head_judge_free(struct head_judge *judge)
{
	free(judge->probabilities);
	free(judge->logits);
	free(judge->hits);
	*judge = (struct head_judge){0};
}

/* Mean loss at sharpness a, and its slope; `weights_of` [classes], NULL = every example counts alike. */
static double loss_at(const struct head_data *data, const struct head_judge *judge, const float *weights_of, double a,
                      double *slope)
{
	double loss = 0, rise = 0, weights = 0;

	for (size_t i = 0; i < data->n; i++) {
		const double *l = judge->logits + i * data->classes;
		size_t label = (size_t)data->labels[i];
		double weight = weights_of ? (double)weights_of[label] : 1, most = l[0], sum = 0, mean = 0;

		for (size_t c = 1; c < data->classes; c++)
			most = l[c] > most ? l[c] : most;
		for (size_t c = 0; c < data->classes; c++) {
			double share = exp(a * (l[c] - most));
			sum += share;
			mean += share * l[c];
		}
		loss += weight * (a * (most - l[label]) + log(sum));
		rise += weight * (mean / sum - l[label]);
		weights += weight;
	}
	*slope = rise / weights;
	return loss / weights;
}

static double best_sharpness(const struct head_data *data, const struct head_judge *judge)
{
	double low = log(SOFTEST), high = log(SHARPEST), slope;

	for (int i = 0; i < BISECTIONS; i++) {
		double middle = (low + high) / 2;
		loss_at(data, judge, NULL, exp(middle), &slope);
		if (slope < 0)
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

int head_validate(const struct head *head, const struct head_data *data, struct head_judge *judge,
                  struct head_epoch *epoch, struct err *err)
{
	double slope;

	epoch->temperature = 1;
	epoch->validation_loss = epoch->validation_calibrated = epoch->validation_accuracy = epoch->validation_balanced =
	    NAN;
	if (!data || !data->n)
		return OK;
	head_predict_rows(head, data->n, data->rows, judge->probabilities, judge->threads);
	for (size_t i = 0; i < data->n * data->classes; i++) {
		if (!isfinite(judge->probabilities[i]))
			return err_set(err, ERR_NUMERIC, "epoch %zu: a probability of the validation part is not finite",
			               epoch->epoch);
		judge->logits[i] = log(fmax((double)judge->probabilities[i], LEAST_PROBABILITY));
	}
	count_hits(data, judge, epoch);
	epoch->validation_loss = loss_at(data, judge, judge->class_weight, 1, &slope);
	epoch->temperature = 1 / best_sharpness(data, judge);
	epoch->validation_calibrated = loss_at(data, judge, judge->class_weight, 1 / epoch->temperature, &slope);
	return OK;
}
