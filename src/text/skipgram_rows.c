/*
 * From the rows of a corpus to steps.
 *
 * A centre word w_i with reach b = window − u, u uniform in [0, window), goes with the words w_j of its sub-sampled row
 * with 0 < |i − j| ≤ b. Skip-gram: each w_j's input row predicts w_i; CBOW: the mean of their input rows does, and its
 * change is added to each of them. What is predicted is w_i against `negative` words of count^ns_exponent (a draw that
 * is w_i or was drawn before is left out), or every turn on w_i's way down the Huffman tree. Shared negatives (Ji,
 * Satish, Li and Dubey 2016) are drawn once for all pairs of a centre word instead of once a pair; other than theirs,
 * the pairs are still learnt from one after the other.
 */
#include "text/text_internal.h"

#include <string.h>

/* SplitMix64 (Steele, Lea and Flood 2014), inline: a pair takes several numbers. */
static inline uint64_t draw(struct worker *w)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline void fetch(const float *row, size_t stride)
{
	for (size_t i = 0; i < stride; i += SKIPGRAM_LANES)
		__builtin_prefetch(row + i, 1, 3);
}

static inline uint32_t draw_ahead(const struct trainer *t, struct worker *w)
{
	uint32_t drawn = alias_pick(&t->noise, draw(w));

	fetch(t->output + drawn * t->stride, t->stride);
	return drawn;
}

static inline uint32_t next_noise(const struct trainer *t, struct worker *w)
{
	uint32_t *place = &w->noise[w->next_noise], drawn = *place;

	*place = draw_ahead(t, w);
	w->next_noise = (w->next_noise + 1) % NOISE_AHEAD;
	return drawn;
}

/* The outputs that stand for `centre`, the word itself first. */
static size_t negative_outputs(const struct trainer *t, struct worker *w, uint32_t centre)
{
	size_t n = 0;

	w->labels[n] = 1;
	w->outputs[n++] = t->output + centre * t->stride;
	for (size_t k = 0; k < t->options->negative; k++) {
		float *row = t->output + next_noise(t, w) * t->stride;
		bool there = false;
		for (size_t i = 0; i < n; i++)
			there |= w->outputs[i] == row;
		if (there)
			continue;
		w->labels[n] = 0;
		w->outputs[n++] = row;
	}
	return n;
}

static size_t tree_outputs(const struct trainer *t, struct worker *w, uint32_t centre)
{
	size_t first = t->huffman.start[centre], n = t->huffman.start[centre + 1] - first;

	for (size_t k = 0; k < n; k++) {
		w->outputs[k] = t->output + t->huffman.node[first + k] * t->stride;
		w->labels[k] = t->huffman.label[first + k];
	}
	return n;
}

static void predict(const struct trainer *t, struct worker *w, float *input, size_t n, float rate)
{
	for (size_t k = 0; k < n; k += STEP_OUTPUTS) {
		struct skipgram_step step = {
			.input = input, .outputs = w->outputs + k, .labels = w->labels + k,
			.n_outputs = n - k < STEP_OUTPUTS ? n - k : STEP_OUTPUTS,
			.stride = t->stride, .rate = rate, .table = &t->table, .loss = &w->loss,
		};
		t->step(&step);
	}
	w->predictions += (int64_t)n;
}

static size_t outputs_of(const struct trainer *t, struct worker *w, uint32_t centre)
{
	return t->options->hierarchical ? tree_outputs(t, w, centre) : negative_outputs(t, w, centre);
}

/* Σ g of the mean goes to each of its words whole, as in word2vec. */
LOCK_FREE static void train_mean(const struct trainer *t, struct worker *w, size_t count, uint32_t centre, float rate)
{
	memset(w->mean, 0, t->stride * sizeof *w->mean);
	for (size_t m = 0; m < count; m++)
		for (size_t i = 0; i < t->stride; i++)
			w->mean[i] += w->inputs[m][i];
	for (size_t i = 0; i < t->stride; i++)
		w->before[i] = w->mean[i] /= (float)count;
	predict(t, w, w->mean, outputs_of(t, w, centre), rate);
	for (size_t m = 0; m < count; m++)
		for (size_t i = 0; i < t->stride; i++)
			w->inputs[m][i] += w->mean[i] - w->before[i];
}

/* `count` inputs stand in w->inputs. */
static void train_centre(const struct trainer *t, struct worker *w, size_t count, uint32_t centre, float rate)
{
	if (count == 0)
		return;
	w->pairs += (int64_t)count;
	if (t->options->cbow) {
		train_mean(t, w, count, centre, rate);
		return;
	}
	bool kept = t->options->hierarchical || t->options->shared_negatives;
	for (size_t m = 0, n = 0; m < count; m++) {
		if (m == 0 || !kept)
			n = outputs_of(t, w, centre);
		predict(t, w, w->inputs[m], n, rate);
	}
}

/* The words of a row that are not dropped. */
static size_t sub_sample(const struct trainer *t, struct worker *w, size_t r)
{
	size_t n = 0;

	for (int64_t i = t->start[r]; i < t->start[r + 1]; i++) {
		uint32_t word = t->word[i];
		if (t->keep[word] <= draw(w) >> 32)
			continue;
		fetch(t->input + word * t->stride, t->stride);
		fetch(t->output + word * t->stride, t->stride);
		w->row[n++] = word;
	}
	return n;
}

static void train_row(const struct trainer *t, struct worker *w, size_t r)
{
	const struct skipgram_options *o = t->options;
	double share = (double)t->epoch + (double)t->start[r] / (double)t->start[t->rows];
	float rate = (float)(o->alpha - (o->alpha - o->min_alpha) * (share / (double)o->epochs));
	size_t n = sub_sample(t, w, r);

	w->words += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		/* The largest window is the whole row and never shrinks. */
		size_t reach = o->window ? o->window - (size_t)(((draw(w) >> 32) * o->window) >> 32) : n;
		size_t first = i > reach ? i - reach : 0, last = i + reach < n ? i + reach : n - 1, count = 0;
		for (size_t j = first; j <= last; j++)
			if (j != i)
				w->inputs[count++] = t->input + w->row[j] * t->stride;
		train_centre(t, w, count, w->row[i], rate);
	}
}

void skipgram_rows(const struct trainer *t, struct worker *w, size_t first, size_t end, uint64_t chunk)
{
	struct rng rng;

	rng_seed(&rng, t->options->seed, "tags.epoch", (uint64_t)t->epoch << 32 | chunk);
	w->random = rng_u64(&rng);
	w->next_noise = 0;
	for (size_t i = 0; i < NOISE_AHEAD && !t->options->hierarchical; i++)
		w->noise[i] = draw_ahead(t, w);
	for (size_t r = first; r < end; r++)
		train_row(t, w, r);
}
