/*
 * The head's hidden layer in training: ReLU, inverted dropout (Srivastava et al. 2014), the layer on top.
 *
 * With s = z · kernel + bias, m the mask (0 or 1 / (1 − rate)) and delta = ∂loss/∂logits:
 *   a = max(0, s) · m,   logits = a · T + t
 *   ∂T = aᵀ · delta + 2 · l2 · T,   ∂t = Σ delta,   signal = (delta · Tᵀ) · m where s > 0, else 0
 * The top starts at zero, as a head without a hidden layer does: random numbers below are enough to tell units apart.
 */
#include <math.h>
#include <string.h>

#include "nn/head_internal.h"

void head_drop(const struct head_dropout *dropout, size_t example, size_t n, float *units)
{
	float grown = (float)(1 / (1 - dropout->rate));
	struct rng rng;

	rng_seed(&rng, dropout->seed, "emotion.dropout", (uint64_t)dropout->epoch << 32 | (uint64_t)example);
	for (size_t k = 0; k < n; k++)
		units[k] = rng_unit(&rng) < dropout->rate ? 0 : units[k] * grown;
}

void head_hidden_init(struct head_trainer *trainer)
{
	double deviation = sqrt(2 / (double)trainer->inputs);
	struct rng rng;

	rng_seed(&rng, trainer->seed, "emotion.hidden", 0);
	for (size_t i = 0; i < trainer->inputs * trainer->hidden; i++)
		trainer->kernel[i] = (float)(deviation * rng_normal(&rng));
}

void head_hidden_forward(struct head_trainer *trainer, const size_t *index, size_t count)
{
	size_t hidden = trainer->hidden, classes = trainer->classes;
	struct head_dropout dropout = {trainer->dropout, trainer->seed, trainer->epoch};

	for (size_t i = 0; i < count; i++) {
		float *active = trainer->active + i * hidden;

		head_trainer_sums(trainer, i, active);
		for (size_t k = 0; k < hidden; k++)
			active[k] = active[k] < 0 ? 0 : active[k];
		if (trainer->dropout > 0 && trainer->epoch)
			head_drop(&dropout, index[i], hidden, active);
		memcpy(trainer->delta + i * classes, trainer->top + hidden * classes, classes * sizeof(float));
	}
	gemm_run(&(struct gemm){.m = count,
	                        .n = classes,
	                        .k = hidden,
	                        .alpha = 1,
	                        .beta = 1,
	                        .a = trainer->active,
	                        .lda = hidden,
	                        .b = trainer->top,
	                        .ldb = classes,
	                        .c = trainer->delta,
	                        .ldc = classes});
}

static void top_gradient(struct head_trainer *trainer, size_t count)
{
	size_t hidden = trainer->hidden, classes = trainer->classes;
	float decay = (float)(2 * trainer->l2), *bias = trainer->top_gradient + hidden * classes;

	for (size_t j = 0; j < hidden * classes; j++)
		trainer->top_gradient[j] = decay * trainer->top[j];
	gemm_run(&(struct gemm){.m = hidden,
	                        .n = classes,
	                        .k = count,
	                        .transpose_a = true,
	                        .alpha = 1,
	                        .beta = 1,
	                        .a = trainer->active,
	                        .lda = hidden,
	                        .b = trainer->delta,
	                        .ldb = classes,
	                        .c = trainer->top_gradient,
	                        .ldc = classes});
	memset(bias, 0, classes * sizeof(float));
	for (size_t i = 0; i < count * classes; i++)
		bias[i % classes] += trainer->delta[i];
}

void head_hidden_backward(struct head_trainer *trainer, size_t count)
{
	size_t hidden = trainer->hidden, classes = trainer->classes;
	float grown = trainer->epoch ? (float)(1 / (1 - trainer->dropout)) : 1;

	top_gradient(trainer, count);
	gemm_run(&(struct gemm){.m = count,
	                        .n = hidden,
	                        .k = classes,
	                        .transpose_b = true,
	                        .alpha = 1,
	                        .a = trainer->delta,
	                        .lda = classes,
	                        .b = trainer->top,
	                        .ldb = classes,
	                        .c = trainer->signal,
	                        .ldc = hidden});
	/* What was dropped or below zero gives nothing, and so it learns nothing. */
	for (size_t i = 0; i < count * hidden; i++)
		trainer->signal[i] = trainer->active[i] > 0 ? trainer->signal[i] * grown : 0;
}
