#include "num/num.h"

#include <math.h>
#include <stdlib.h>

double mean_of(const double *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (double)n : NAN;
}

double deviation_of(const double *x, size_t n)
{
	if (n < 2)
		return NAN;
	double mean = mean_of(x, n), sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sqrt(sum / (double)(n - 1));
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Linear between the neighbours of place share · (n − 1) in ascending order. */
static double percentile(const double *sorted, size_t n, double share)
{
	double place = share * (double)(n - 1);
	size_t below = (size_t)place;
	size_t above = below + 1 < n ? below + 1 : below;
	return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

/* The mean of one draw; NaN when it has no weight. */
static double draw_mean(const double *value, const double *weight, size_t groups, struct rng *rng)
{
	double values = 0, weights = 0;
	for (size_t i = 0; i < groups; i++) {
		size_t group = (size_t)rng_below(rng, groups);
		values += value[group];
		weights += weight[group];
	}
	return weights > 0 ? values / weights : NAN;
}

/* Efron & Tibshirani 1993, §13.3. */
int bootstrap_interval(const struct bootstrap *what, struct rng *rng, double *low, double *high, struct err *err)
{
	double *means = mem_alloc(what->draws, sizeof *means, err);
	size_t count = 0;

	if (!means)
		return err->code;
	*low = *high = NAN;
	for (size_t draw = 0; what->groups && draw < what->draws; draw++) {
		means[count] = draw_mean(what->value, what->weight, what->groups, rng);
		count += isfinite(means[count]) ? 1 : 0;
	}
	if (count) {
		qsort(means, count, sizeof *means, compare_doubles);
		*low = percentile(means, count, 0.025);
		*high = percentile(means, count, 0.975);
	}
	free(means);
	return OK;
}
