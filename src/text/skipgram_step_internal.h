/*
 * The step over a vector type of 16 floats, compiled for three instruction sets: gcc and clang lower the type to four,
 * two or one register. Included by two files: skipgram_step.c, built like everything else, and skipgram_fused.c, which
 * the build lets contract a product and a sum into one instruction. Each defines STEP(level), its functions' names.
 */
#include "text/text_internal.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
typedef float lanes __attribute__((vector_size(SKIPGRAM_LANES * sizeof(float))));

/* sums[k] = Σ of the lanes of v[k]: three rounds, each of which adds halves and packs two vectors into one, and a last
 * that adds neighbours. */
INLINE LOCK_FREE void lanes_sums(lanes v[STEP_OUTPUTS], float sums[STEP_OUTPUTS])
{
	for (int i = 0; i < 4; i++)
		v[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
		       __builtin_shufflevector(v[2 * i], v[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30,
		                               31);
	for (int i = 0; i < 2; i++)
		v[i] =
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
	v[0] = __builtin_shufflevector(v[0], v[1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
	       __builtin_shufflevector(v[0], v[1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
	v[0] += __builtin_shufflevector(v[0], v[0], 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
	float flat[SKIPGRAM_LANES];
	memcpy(flat, &v[0], sizeof flat);
	for (int k = 0; k < STEP_OUTPUTS; k++)
		sums[k] = flat[2 * k];
}

/* The cell of x, |x| < SIGMOID_LIMIT, cut as word2vec cuts it. */
INLINE int sigmoid_cell(float x)
{
	int cell = (int)((x + SIGMOID_LIMIT) * ((float)SIGMOID_CELLS / SIGMOID_LIMIT / 2));

	return cell < SIGMOID_CELLS ? cell : SIGMOID_CELLS - 1;
}

/* g[k] ← rate (label − σ(x[k])); returns the losses. A NaN is left alone too: the caller's last check reports it. */
INLINE LOCK_FREE float gradients(const struct skipgram_step *step, size_t n, const float *x, float *g)
{
	float loss = 0;

	for (size_t k = 0; k < n; k++) {
		bool counts = x[k] > -SIGMOID_LIMIT && x[k] < SIGMOID_LIMIT;
		float inside = counts ? x[k] : 0, label = step->labels[k];
		float error = (label - step->table->value[sigmoid_cell(inside)]) * step->rate;
		float own = step->table->loss[sigmoid_cell(label > 0 ? inside : -inside)];
		g[k] = counts ? error : 0;
		loss += counts ? own : 0;
	}
	return loss;
}

INLINE LOCK_FREE void dots(const struct skipgram_step *step, size_t n, float *x)
{
	const lanes *input = (const lanes *)(const void *)step->input;
	lanes sums[STEP_OUTPUTS] = {{0}};

	for (size_t i = 0; i < step->stride / SKIPGRAM_LANES; i++)
		for (size_t k = 0; k < n; k++)
			sums[k] += input[i] * ((const lanes *)(const void *)step->outputs[k])[i];
	lanes_sums(sums, x);
}

/* One column of lanes of all rows at a time. */
INLINE LOCK_FREE void update(const struct skipgram_step *step, size_t n, const float *g)
{
	for (size_t i = 0; i < step->stride / SKIPGRAM_LANES; i++) {
		lanes *input = (lanes *)(void *)step->input + i, before = *input, after = before;
		for (size_t k = 0; k < n; k++) {
			lanes *output = (lanes *)(void *)step->outputs[k] + i, old = *output;
			after += g[k] * old;
			*output = old + g[k] * before;
		}
		*input = after;
	}
}

INLINE LOCK_FREE void step_of(const struct skipgram_step *step, size_t n)
{
	float x[STEP_OUTPUTS], g[STEP_OUTPUTS];

	dots(step, n, x);
	*step->loss += (double)gradients(step, n, x, g);
	update(step, n, g);
}

/* The number of outputs as a constant: loops over them unroll into registers. */
INLINE LOCK_FREE void step_lanes(const struct skipgram_step *step)
{
	switch (step->n_outputs) {
	case 1: step_of(step, 1); break;
	case 2: step_of(step, 2); break;
	case 3: step_of(step, 3); break;
	case 4: step_of(step, 4); break;
	case 5: step_of(step, 5); break;
	case 6: step_of(step, 6); break;
	case 7: step_of(step, 7); break;
	default: step_of(step, STEP_OUTPUTS); break;
	}
}

LOCK_FREE static void STEP(baseline)(const struct skipgram_step *step)
{
	step_lanes(step);
}

__attribute__((target("avx2,fma"))) LOCK_FREE static void STEP(avx2)(const struct skipgram_step *step)
{
	step_lanes(step);
}

__attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl"))) LOCK_FREE static void
STEP(avx512)(const struct skipgram_step *step)
{
	step_lanes(step);
}

static inline skipgram_step_run *STEP(choose)(enum cpu_level level)
{
	switch (level) {
	case CPU_AVX512:
		return STEP(avx512);
	case CPU_AVX2:
		return STEP(avx2);
	case CPU_BASELINE:
		break;
	}
	return STEP(baseline);
}
