/*
 * Shared inside text only: the inner step of Word2Vec, the tree of hierarchical softmax, and a trainer's data.
 */
#ifndef MOODCAST_TEXT_INTERNAL_H
#define MOODCAST_TEXT_INTERNAL_H

#include "text/text.h"

/* Threads without locks may read a row while another writes it: that is the method (Niu et al., "Hogwild!", 2011). */
#define LOCK_FREE __attribute__((no_sanitize("thread")))

/* ---- the step ------------------------------------------------------------------------------------ */

/* Rows of the two matrices are padded with zeros to a multiple of this many floats and 64-byte aligned. */
#define SKIPGRAM_LANES 16
/* The most outputs of a step; longer lists are several steps. */
#define STEP_OUTPUTS 8
/* word2vec's table of the logistic function: SIGMOID_CELLS values over (−SIGMOID_LIMIT, SIGMOID_LIMIT); beyond it a
 * pair counts as learnt and is left alone. */
#define SIGMOID_LIMIT 6
#define SIGMOID_CELLS 1000
struct sigmoid_table {
	float value[SIGMOID_CELLS], loss[SIGMOID_CELLS]; /* σ(x) and −log σ(x) */
};
void sigmoid_table_fill(struct sigmoid_table *table);

/* One step: an input row predicts every output row o with its label. With g = rate · (label − σ(input · o)) of the rows
 * as they are before the step, input += Σ g o and o += g input. Outputs differ from one another. Sums run over
 * SKIPGRAM_LANES partial sums in one fixed order. Steps follow one another: several inputs that saw the same outputs at
 * once would each miss what the others' steps change, and the nearest words would drift away from gensim's. */
struct skipgram_step {
	float *input;
	float *const *outputs;
	const float *labels; /* [n_outputs], 1 or 0 */
	size_t n_outputs, stride;
	float rate;
	const struct sigmoid_table *table;
	double *loss; /* + Σ −log σ(±x) */
};
typedef void skipgram_step_run(const struct skipgram_step *step);
/* No product is fused with its addition: every level gives the same bytes. */
skipgram_step_run *skipgram_step_choose(enum cpu_level level);
/* Fused where the level can. */
skipgram_step_run *skipgram_fused_choose(enum cpu_level level);
/* The formula with plain loops and double sums. */
void skipgram_step_ref(const struct skipgram_step *step);

/* ---- hierarchical softmax -------------------------------------------------------------------------- */

/* The way to word w: nodes node[start[w]] … node[start[w + 1] − 1] of count − 1, and the label (1 = left) at each. */
struct huffman {
	size_t *start;
	uint32_t *node;
	float *label;
};
/* Counts fall. */
int huffman_build(struct huffman *out, const int64_t *occurrences, size_t count, struct err *err) MUST_CHECK;
void huffman_free(struct huffman *huffman);

/* ---- training ----------------------------------------------------------------------------------------- */

/* Inline, as a pair takes several draws. */
static inline uint32_t alias_pick(const struct alias_table *table, uint64_t random)
{
	uint32_t column = (uint32_t)(((random >> 32) * (uint64_t)table->count) >> 32);
	uint32_t side = (uint32_t)random;

	return side < table->threshold[column] || table->threshold[column] == UINT32_MAX ? column : table->other[column];
}

/* What all threads of a training share; they write into the two matrices alone. */
struct trainer {
	const struct vocabulary *vocabulary;
	const struct skipgram_options *options;
	size_t stride, rows, longest;
	int64_t *start;        /* [rows + 1] */
	uint32_t *word;        /* [start[rows]]: vocabulary rows of the words that are shown and known */
	float *input, *output; /* [count][stride] */
	uint64_t *keep;        /* [count]: kept when a 32-bit draw is below */
	struct alias_table noise;
	struct huffman huffman;
	struct sigmoid_table table;
	skipgram_step_run *step;
	size_t epoch;
	struct worker *workers; /* a thread */
};

/* Draws that are made ahead, their rows being fetched. */
#define NOISE_AHEAD 16
/* One thread's. */
struct worker {
	uint64_t random; /* SplitMix64 */
	uint32_t noise[NOISE_AHEAD];
	size_t next_noise;
	uint32_t *row;    /* [longest]: a sub-sampled row */
	float **inputs;   /* [longest] */
	float **outputs;  /* [most outputs of a prediction] */
	float *labels;    /* the same */
	float *mean, *before; /* [stride]: the one input of CBOW */
	int64_t words, pairs, predictions; /* of this epoch */
	double loss;
};
/* Trains on the rows first … end, `chunk` of this epoch. */
void skipgram_rows(const struct trainer *t, struct worker *w, size_t first, size_t end, uint64_t chunk);

/* What a rank must know to bring its matrices together with those of the others: how they were when that was done
 * last. */
struct share {
	size_t rows, stride;
	float *before; /* [2][rows][stride]; NULL = there are no others */
	float *ranks;  /* [2][rows]: how many changed the row */
};
int share_open(struct share *share, const struct trainer *t, struct err *err) MUST_CHECK;
void share_close(struct share *share);
size_t share_rounds(const struct trainer *t); /* of an epoch; each ends with share_average, together */
int share_average(const struct share *share, const struct trainer *t, struct err *err) MUST_CHECK;

#endif
