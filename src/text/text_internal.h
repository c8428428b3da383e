/*
 * Shared inside text only: the inner step of skip-gram, one implementation a CPU level.
 */
#ifndef MOODCAST_TEXT_INTERNAL_H
#define MOODCAST_TEXT_INTERNAL_H

#include "text/text.h"

/* Rows of the two matrices are padded with zeros to a multiple of this many floats and 64-byte aligned. */
#define SKIPGRAM_LANES 16
/* word2vec's table of the logistic function: SIGMOID_CELLS values over (−SIGMOID_LIMIT, SIGMOID_LIMIT); beyond it a
 * pair counts as learnt and is left alone. */
#define SIGMOID_LIMIT 6
#define SIGMOID_CELLS 1000
struct sigmoid_table {
	float value[SIGMOID_CELLS], loss[SIGMOID_CELLS]; /* σ(x) and −log σ(x) */
};
void sigmoid_table_fill(struct sigmoid_table *table);

/* One step: the input row `input` predicts outputs[0] (label 1) and outputs[1 … n_outputs) (label 0), at rate
 * `rate`. For each output o in turn g = rate · (label − σ(input · o)); the change of the input Σ g o is gathered in
 * `delta` with o as it was before its own change o += g input; the input is changed last. Sums run over SKIPGRAM_LANES
 * partial sums in one fixed order and no product is fused with its addition, so every level gives the same bytes. */
struct skipgram_step {
	float *input, *delta; /* [stride] */
	float **outputs;
	size_t n_outputs, stride;
	float rate;
	const struct sigmoid_table *table;
	double *loss; /* + Σ −log σ(±x) */
};
typedef void skipgram_step_run(const struct skipgram_step *step);
skipgram_step_run *skipgram_step_choose(enum cpu_level level);
/* The formula with plain loops and double sums. */
void skipgram_step_ref(const struct skipgram_step *step);

#endif
