/*
 * A map of tags: their vectors along the two directions in which they differ most (principal components, Pearson 1901),
 * found by orthogonal iteration on the covariance; signs are fixed so that the same vectors always give the same map.
 */
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 300

static void centred_covariance(const struct vectors *unit, size_t count, double *mean, double *covariance)
{
	size_t d = unit->size;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < d; k++)
			mean[k] += (double)unit->data[i * d + k] / (double)count;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < d; j++) {
			double x = (double)unit->data[i * d + j] - mean[j];
			for (size_t k = 0; k < d; k++)
				covariance[j * d + k] += x * ((double)unit->data[i * d + k] - mean[k]);
		}
}

static double product(const double *a, const double *b, size_t n)
{
	double sum = 0;
	for (size_t k = 0; k < n; k++)
		sum += a[k] * b[k];
	return sum;
}

/* axis ← C axis, less its part along the one before, unit length; stays zero when nothing is left. */
static void step_axis(const double *covariance, size_t d, double *axis, const double *before, double *scratch)
{
	for (size_t j = 0; j < d; j++)
		scratch[j] = product(covariance + j * d, axis, d);
	double along = before ? product(scratch, before, d) : 0;
	for (size_t j = 0; j < d && before; j++)
		scratch[j] -= along * before[j];
	double length = sqrt(product(scratch, scratch, d));
	for (size_t j = 0; j < d; j++)
		axis[j] = length > 1e-12 ? scratch[j] / length : 0;
}

static void fix_sign(double *axis, size_t d)
{
	size_t most = 0;
	for (size_t k = 1; k < d; k++)
		if (fabs(axis[k]) > fabs(axis[most]))
			most = k;
	for (size_t k = 0; axis[most] < 0 && k < d; k++)
		axis[k] = k == most ? axis[k] : -axis[k];
	axis[most] = fabs(axis[most]);
}

int vectors_map(const struct vectors *unit, size_t count, double *x, double *y, struct err *err)
{
	size_t d = unit->size;
	double *room = mem_alloc(d * d + 4 * d, sizeof *room, err);
	if (!room)
		return err->code;
	double *covariance = room, *mean = room + d * d, *first = mean + d, *second = first + d, *scratch = second + d;
	centred_covariance(unit, count, mean, covariance);
	for (size_t k = 0; k < d; k++) {
		first[k] = 1 + (double)k / (double)d;
		second[k] = k % 2 ? 1 : -1;
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		step_axis(covariance, d, first, NULL, scratch);
		step_axis(covariance, d, second, first, scratch);
	}
	fix_sign(first, d);
	fix_sign(second, d);
	for (size_t i = 0; i < count; i++) {
		x[i] = y[i] = 0;
		for (size_t k = 0; k < d; k++) {
			double off = (double)unit->data[i * d + k] - mean[k];
			x[i] += off * first[k];
			y[i] += off * second[k];
		}
	}
	free(room);
	return OK;
}
