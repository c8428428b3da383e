/*
 * One step of an optimiser along the gradient.
 *
 * Adam as Keras writes it (Kingma & Ba 2015): rate_t = rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ), w ← w − rate_t · m / (√v + ε),
 * β₁ = .9, β₂ = .999, ε = 1e-7. SGD with momentum μ, as Keras: v ← μ v − rate · g, w ← w + v.
 * Clipping (Pascanu, Mikolov & Bengio 2013): the gradient of all weights together is scaled to a norm of at most c.
 */
#include <math.h>

#include "nn/tune_internal.h"

#define BETA1 0.9
#define BETA2 0.999
#define EPSILON 1e-7f
#define PARTS 256 /* of a sum of squares: each is one task, and they are added in order */

struct step {
	float rate, momentum, factor; /* factor: of the gradient */
	int threads;
};

static double square_sum(const struct weights *weights, int threads)
{
	double sums[PARTS] = {0}, sum = 0;
	size_t part = (weights->count + PARTS - 1) / PARTS;
#pragma omp parallel for schedule(static) num_threads(threads)
	for (size_t p = 0; p < PARTS; p++) {
		size_t end = (p + 1) * part < weights->count ? (p + 1) * part : weights->count;
		for (size_t i = p * part; i < end; i++)
			sums[p] += (double)weights->gradient[i] * (double)weights->gradient[i];
	}
	for (size_t p = 0; p < PARTS; p++)
		sum += sums[p];
	return sum;
}

static void adam(const struct weights *weights, const struct step *step)
{
#pragma omp parallel for schedule(static) num_threads(step->threads)
	for (size_t i = 0; i < weights->count; i++) {
		float g = weights->gradient[i] * step->factor;
		float m = weights->moment[i] += (float)(1 - BETA1) * (g - weights->moment[i]);
		float v = weights->square[i] += (float)(1 - BETA2) * (g * g - weights->square[i]);
		weights->values[i] -= step->rate * m / (sqrtf(v) + EPSILON);
	}
}

static void sgd(const struct weights *weights, const struct step *step)
{
#pragma omp parallel for schedule(static) num_threads(step->threads)
	for (size_t i = 0; i < weights->count; i++) {
		float v = step->momentum * weights->moment[i] - step->rate * step->factor * weights->gradient[i];
		weights->moment[i] = v;
		weights->values[i] += v;
	}
}

double tuner_step(struct tuner *tuner, double rate)
{
	const struct tuner_options *options = &tuner->options;
	struct step step = {
	    .momentum = (float)options->momentum, .factor = 1, .threads = options->threads < 1 ? 1 : options->threads};
	double t = (double)++tuner->steps, norm = 0;
	for (size_t i = 0; i < tuner->n_weights; i++)
		norm += square_sum(&tuner->weights[i], step.threads);
	norm = sqrt(norm);
	if (options->clip > 0 && norm > options->clip)
		step.factor = (float)(options->clip / norm);
	bool plain = options->optimizer == OPTIMIZER_SGD;
	step.rate = (float)(plain ? rate : rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t)));
	for (size_t i = 0; i < tuner->n_weights; i++)
		(plain ? sgd : adam)(&tuner->weights[i], &step);
	return norm;
}
