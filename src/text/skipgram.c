/*
 * Skip-gram with negative sampling over the rows of a corpus, in their order, on one thread: each step reads what the
 * one before it wrote, which is what makes the result repeatable.
 *
 * A centre word w_i with window b = window − u, u uniform in [0, window), is predicted by each word w_j of its
 * sub-sampled row with 0 < |i − j| ≤ b: input v_{w_j}, outputs v'_{w_i} and `negative` draws from count^ns_exponent (a
 * draw of w_i is left out). A word of count c among N is kept with min(1, √(N s / c) + N s / c), s = sample, drawn anew each epoch.
 */
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trainer {
	const struct tag_corpus *corpus;
	const struct vocabulary *vocabulary;
	const struct skipgram_options *options;
	size_t stride;
	float *input, *output; /* [count][stride] */
	float *delta;          /* [stride] */
	uint32_t *row;         /* [longest row]: vocabulary rows of one sub-sampled row */
	uint64_t *keep;        /* [count]: kept when a 32-bit draw is below */
	float **targets;       /* [negative + 1] */
	struct alias_table noise;
	struct sigmoid_table table;
	skipgram_step_run *step;
	struct rng rng;
	struct skipgram_report report;
	int64_t seen, predictions; /* words before sub-sampling; predictions of this epoch */
	double loss;               /* of this epoch */
};

static int options_check(const struct skipgram_options *o, const struct vocabulary *vocabulary, struct err *err)
{
	if (o->size < 1 || o->window < 1 || o->epochs < 1 || o->negative < 1)
		return err_set(err, ERR_SETTINGS, "skip-gram: size, window, negative and epochs must be at least 1");
	if (!(o->alpha > 0) || !isfinite(o->alpha) || !(o->min_alpha >= 0) || o->min_alpha > o->alpha)
		return err_set(err, ERR_SETTINGS,
		               "skip-gram: alpha %g and min_alpha %g: 0 ≤ min_alpha ≤ alpha, 0 < alpha is needed", o->alpha,
		               o->min_alpha);
	if (!(o->sample >= 0) || !isfinite(o->sample) || !isfinite(o->ns_exponent))
		return err_set(err, ERR_SETTINGS, "skip-gram: sample %g and ns_exponent %g must be finite, sample not negative",
		               o->sample, o->ns_exponent);
	if (vocabulary->count < 2)
		return err_set(err, ERR_DATA,
		               "skip-gram: the vocabulary has %zu tags; at least 2 are needed (lower min_count?)",
		               vocabulary->count);
	return OK;
}

static int64_t longest_row(const struct tag_corpus *corpus)
{
	int64_t longest = 0;

	for (size_t r = 0; r < corpus->rows; r++)
		if (corpus->start[r + 1] - corpus->start[r] > longest)
			longest = corpus->start[r + 1] - corpus->start[r];
	return longest;
}

static void keep_fill(struct trainer *t)
{
	double scaled = t->options->sample * (double)t->vocabulary->total;

	for (size_t i = 0; i < t->vocabulary->count; i++) {
		double ratio = scaled / (double)t->vocabulary->occurrences[i];
		double share = t->options->sample > 0 ? sqrt(ratio) + ratio : 1;
		t->keep[i] = share >= 1 ? UINT64_C(1) << 32 : (uint64_t)(share * 4294967296.0);
	}
}

static int noise_build(struct trainer *t, struct err *err)
{
	size_t count = t->vocabulary->count;
	double *weight = mem_alloc(count, sizeof *weight, err);

	if (!weight)
		return ERR_MEMORY;
	for (size_t i = 0; i < count; i++)
		weight[i] = pow((double)t->vocabulary->occurrences[i], t->options->ns_exponent);
	int code = alias_build(&t->noise, weight, count, err);
	free(weight);
	return code;
}

static int trainer_open(struct trainer *t, struct err *err)
{
	const struct skipgram_options *o = t->options;
	size_t count = t->vocabulary->count;

	t->stride = (o->size + SKIPGRAM_LANES - 1) / SKIPGRAM_LANES * SKIPGRAM_LANES;
	if (!(t->input = mem_alloc(count, t->stride * sizeof(float), err)) ||
	    !(t->output = mem_alloc(count, t->stride * sizeof(float), err)) ||
	    !(t->delta = mem_alloc(t->stride, sizeof(float), err)) ||
	    !(t->row = mem_alloc((size_t)longest_row(t->corpus), sizeof *t->row, err)) ||
	    !(t->keep = mem_alloc(count, sizeof *t->keep, err)) ||
	    !(t->targets = mem_alloc(o->negative + 1, sizeof *t->targets, err)))
		return ERR_MEMORY;
	keep_fill(t);
	sigmoid_table_fill(&t->table);
	t->step = skipgram_step_choose(cpu_features()->level);
	/* Inputs start uniform in [−1, 1) / size, outputs at zero. */
	rng_seed(&t->rng, o->seed, "tags.init", 0);
	for (size_t i = 0; i < count; i++)
		for (size_t d = 0; d < o->size; d++)
			t->input[i * t->stride + d] = (float)(rng_range(&t->rng, -1, 1) / (double)o->size);
	return noise_build(t, err);
}

static void trainer_close(struct trainer *t)
{
	free(t->input);
	free(t->output);
	free(t->delta);
	free(t->row);
	free(t->keep);
	free(t->targets);
	alias_free(&t->noise);
}

/* Word `from` predicts word `centre` against fresh negatives. */
static void train_pair(struct trainer *t, uint32_t from, uint32_t centre, float rate)
{
	size_t n = 0;

	t->targets[n++] = t->output + centre * t->stride;
	for (size_t k = 0; k < t->options->negative; k++) {
		uint32_t drawn = alias_draw(&t->noise, rng_u64(&t->rng));
		if (drawn != centre)
			t->targets[n++] = t->output + drawn * t->stride;
	}
	struct skipgram_step step = {
		.input = t->input + from * t->stride, .delta = t->delta, .outputs = t->targets, .n_outputs = n,
		.stride = t->stride, .rate = rate, .table = &t->table, .loss = &t->loss,
	};
	t->step(&step);
	t->predictions += (int64_t)n;
	t->report.pairs++;
}

/* The words of a row that are shown, known and not dropped; counts all known ones as seen. */
static size_t sub_sample(struct trainer *t, size_t r)
{
	size_t n = 0;

	for (int64_t i = t->corpus->start[r]; i < t->corpus->start[r + 1]; i++) {
		int32_t word = t->vocabulary->row[t->corpus->index[i]];
		if ((t->corpus->held && t->corpus->held[i]) || word < 0)
			continue;
		t->seen++;
		if (t->keep[word] > rng_u64(&t->rng) >> 32)
			t->row[n++] = (uint32_t)word;
	}
	return n;
}

static void train_row(struct trainer *t, size_t r)
{
	const struct skipgram_options *o = t->options;
	double all = (double)t->vocabulary->total * (double)o->epochs;
	float rate = (float)(o->alpha - (o->alpha - o->min_alpha) * ((double)t->seen / all));
	size_t n = sub_sample(t, r);

	t->report.words += (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		size_t reach = o->window - (size_t)rng_below(&t->rng, o->window);
		size_t first = i > reach ? i - reach : 0, last = i + reach < n ? i + reach : n - 1;
		for (size_t j = first; j <= last; j++)
			if (j != i)
				train_pair(t, t->row[j], t->row[i], rate);
	}
}

static int train_epochs(struct trainer *t, struct err *err)
{
	struct progress progress;
	int code = OK;

	progress_start(&progress, "tags", "playlists", t->corpus->rows * t->options->epochs);
	for (size_t e = 0; e < t->options->epochs && code == OK; e++) {
		rng_seed(&t->rng, t->options->seed, "tags.epoch", e);
		t->loss = 0;
		t->predictions = 0;
		for (size_t r = 0; r < t->corpus->rows && code == OK; r++) {
			train_row(t, r);
			if (r % 1024 == 1023) {
				progress_add(&progress, 1024);
				code = stop_check("skip-gram", err);
			}
		}
		progress_add(&progress, t->corpus->rows % 1024);
	}
	progress_end(&progress);
	return code;
}

static int take_vectors(const struct trainer *t, struct vectors *out, struct err *err)
{
	struct vectors taken = {.count = t->vocabulary->count, .size = t->options->size};

	if (!(taken.data = mem_alloc(taken.count, taken.size * sizeof(float), err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < taken.count; i++)
		memcpy(taken.data + i * taken.size, t->input + i * t->stride, taken.size * sizeof(float));
	for (size_t i = 0; i < taken.count * taken.size; i++)
		if (!isfinite(taken.data[i])) {
			vectors_free(&taken);
			return err_set(err, ERR_NUMERIC, "skip-gram: the vector of tag %zu is not finite; lower tags.alpha (%g)",
			               i / t->options->size, t->options->alpha);
		}
	*out = taken;
	return OK;
}

int skipgram_train(const struct tag_corpus *corpus, const struct vocabulary *vocabulary,
                   const struct skipgram_options *options, struct vectors *out, struct skipgram_report *report,
                   struct err *err)
{
	struct trainer t = {.corpus = corpus, .vocabulary = vocabulary, .options = options};
	double started = clock_seconds();
	int code = options_check(options, vocabulary, err);

	if (code == OK)
		code = trainer_open(&t, err);
	if (code == OK)
		code = train_epochs(&t, err);
	if (code == OK && t.report.pairs == 0)
		code = err_set(err, ERR_DATA, "skip-gram: no playlist has two tags, so there is nothing to learn from");
	if (code == OK)
		code = take_vectors(&t, out, err);
	if (code == OK && report) {
		t.report.loss = t.predictions ? t.loss / (double)t.predictions : 0;
		t.report.seconds = clock_seconds() - started;
		*report = t.report;
	}
	trainer_close(&t);
	return code;
}
