/*
 * Feature values of samples and their bins, in plain loops over samples: included by value_portable.c, value_avx2.c and
 * value_avx512.c, which the compiler vectorises for their processors. No loop's result depends on how wide that is.
 */
#include "vision/train_internal.h"

#include <math.h>

/* Range of the bins around the mean, in standard deviations: what lies beyond falls into the end bins. */
#define BIN_RANGE 3.0f

/* values = Σ weight · box, in float from left to right, as node_value does for one window. */
static void values_of(const struct value_row *row, float *restrict values)
{
	size_t lanes = row->lanes;
	const int32_t *const *corner = row->corner;
	const float *weight = row->weight, *scale = row->scale;
	const int32_t *a = corner[0], *b = corner[1], *c = corner[2], *d = corner[3];
	const int32_t *e = corner[4], *f = corner[5], *g = corner[6], *h = corner[7];
	float u = weight[0], v = weight[1];
	for (size_t i = 0; i < lanes; i++)
		values[i] = u * (float)(a[i] - b[i] - c[i] + d[i]) + v * (float)(e[i] - f[i] - g[i] + h[i]);
	if (weight[2] != 0) {
		const int32_t *j = corner[8], *k = corner[9], *l = corner[10], *m = corner[11];
		float w = weight[2];
		for (size_t i = 0; i < lanes; i++)
			values[i] += w * (float)(j[i] - k[i] - l[i] + m[i]);
	}
	for (size_t i = 0; i < lanes; i++)
		values[i] *= scale[i];
}

/* Sums in 16 lanes of fixed order, so that the result is the same however the compiler vectorises. */
#define SUM_LANES 16
static void moments(const float *values, size_t count, size_t lanes, float *mean, float *deviation)
{
	float sum[SUM_LANES] = {0}, squares[SUM_LANES] = {0}, total = 0, total_squares = 0;
	for (size_t i = 0; i < lanes; i += SUM_LANES)
		for (size_t k = 0; k < SUM_LANES; k++) {
			sum[k] += values[i + k];
			squares[k] += values[i + k] * values[i + k];
		}
	for (size_t k = 0; k < SUM_LANES; k++) {
		total += sum[k];
		total_squares += squares[k];
	}
	*mean = total / (float)count;
	float spread = total_squares / (float)count - *mean * *mean;
	*deviation = spread > 0 ? sqrtf(spread) : 0;
}

static void bin_row(const float *values, size_t count, size_t lanes, uint8_t *restrict bins)
{
	float mean, deviation;
	moments(values, count, lanes, &mean, &deviation);
	float low = mean - BIN_RANGE * deviation;
	float scale = deviation > 0 ? BINS / (2 * BIN_RANGE * deviation) : 0;
	for (size_t i = 0; i < lanes; i++) {
		float at = (values[i] - low) * scale;
		at = at > 0 ? at : 0;
		at = at < BINS - 1 ? at : BINS - 1;
		bins[i] = (uint8_t)(int32_t)at;
	}
}
