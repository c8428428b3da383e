/*
 * The step is written once over a vector type of 16 floats and compiled for three instruction sets: gcc and clang lower
 * the type to four, two or one register. The build's -ffp-contract=off keeps the results equal.
 */
#include "text/text_internal.h"

#include <math.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(SKIPGRAM_LANES * sizeof(float))));

void sigmoid_table_fill(struct sigmoid_table *table)
{
	for (size_t i = 0; i < SIGMOID_CELLS; i++) {
		double x = ((double)i / SIGMOID_CELLS * 2 - 1) * SIGMOID_LIMIT;
		table->value[i] = (float)(1 / (1 + exp(-x)));
		table->loss[i] = (float)log1p(exp(-x));
	}
}

/* The cell of x, |x| < SIGMOID_LIMIT, cut as word2vec cuts it. */
static inline size_t sigmoid_cell(float x)
{
	size_t cell = (size_t)((x + SIGMOID_LIMIT) * ((float)SIGMOID_CELLS / SIGMOID_LIMIT / 2));

	return cell < SIGMOID_CELLS ? cell : SIGMOID_CELLS - 1;
}

static inline __attribute__((always_inline)) float sum_lanes(const lanes *v)
{
	float part[SKIPGRAM_LANES];

	memcpy(part, v, sizeof part);
	for (size_t half = SKIPGRAM_LANES / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			part[i] += part[i + half];
	return part[0];
}

static inline __attribute__((always_inline)) void step_lanes(const struct skipgram_step *step)
{
	lanes *input = (lanes *)(void *)step->input, *delta = (lanes *)(void *)step->delta;
	size_t n = step->stride / SKIPGRAM_LANES;

	memset(step->delta, 0, step->stride * sizeof(float));
	for (size_t k = 0; k < step->n_outputs; k++) {
		lanes *output = (lanes *)(void *)step->outputs[k], sum = {0};
		for (size_t i = 0; i < n; i++)
			sum += input[i] * output[i];
		float x = sum_lanes(&sum);
		/* Written so that a NaN is left alone too: the caller's last check reports it. */
		if (!(x > -SIGMOID_LIMIT && x < SIGMOID_LIMIT))
			continue;
		float g = ((k == 0 ? 1.0f : 0.0f) - step->table->value[sigmoid_cell(x)]) * step->rate;
		*step->loss += (double)step->table->loss[sigmoid_cell(k == 0 ? x : -x)];
		for (size_t i = 0; i < n; i++) {
			delta[i] += g * output[i];
			output[i] += g * input[i];
		}
	}
	for (size_t i = 0; i < n; i++)
		input[i] += delta[i];
}

static void step_baseline(const struct skipgram_step *step)
{
	step_lanes(step);
}

__attribute__((target("avx2"))) static void step_avx2(const struct skipgram_step *step)
{
	step_lanes(step);
}

__attribute__((target("avx2,avx512f"))) static void step_avx512(const struct skipgram_step *step)
{
	step_lanes(step);
}

skipgram_step_run *skipgram_step_choose(enum cpu_level level)
{
	switch (level) {
	case CPU_AVX512:
		return step_avx512;
	case CPU_AVX2:
		return step_avx2;
	case CPU_BASELINE:
		break;
	}
	return step_baseline;
}

void skipgram_step_ref(const struct skipgram_step *step)
{
	memset(step->delta, 0, step->stride * sizeof(float));
	for (size_t k = 0; k < step->n_outputs; k++) {
		double x = 0, label = k == 0 ? 1 : 0;
		for (size_t i = 0; i < step->stride; i++)
			x += (double)step->input[i] * (double)step->outputs[k][i];
		if (!(x > -SIGMOID_LIMIT && x < SIGMOID_LIMIT))
			continue;
		float g = (float)((label - 1 / (1 + exp(-x))) * (double)step->rate);
		*step->loss += log1p(exp(label > 0 ? -x : x));
		for (size_t i = 0; i < step->stride; i++) {
			step->delta[i] += g * step->outputs[k][i];
			step->outputs[k][i] += g * step->input[i];
		}
	}
	for (size_t i = 0; i < step->stride; i++)
		step->input[i] += step->delta[i];
}
