/*
 * Word2Vec over the rows of a corpus. The rows are dealt out in chunks of a fixed size, each with random numbers of its
 * own. Deterministic: one thread takes the chunks in their order, with steps that give the same bytes on every CPU.
 * Else every thread takes chunks and changes the same two matrices without locks (Recht, Re, Wright and Niu 2011).
 * Ranks have two matrices each (skipgram_share.c).
 *
 * A word of count c among N is kept with min(1, √(N s / c) + N s / c), s = sample, drawn anew each epoch.
 */
#include "base/comm.h"
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 256

static int options_check(const struct skipgram_options *o, const struct vocabulary *vocabulary, struct err *err)
{
	if (o->size < 1 || o->epochs < 1 || (o->negative < 1 && !o->hierarchical))
		return err_set(err, ERR_SETTINGS, "skip-gram: size, negative and epochs must be at least 1");
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


/* The words that are shown and known, row by row. */
static int take_words(struct trainer *t, const struct tag_corpus *corpus, struct err *err)
{
	t->rows = corpus->rows;
	if (!(t->start = mem_alloc(corpus->rows + 1, sizeof *t->start, err)) ||
	    !(t->word = mem_alloc((size_t)corpus->start[corpus->rows], sizeof *t->word, err)))
		return ERR_MEMORY;
	for (size_t r = 0; r < corpus->rows; r++) {
		int64_t at = t->start[r];
		for (int64_t i = corpus->start[r]; i < corpus->start[r + 1]; i++) {
			int32_t word = t->vocabulary->row[corpus->index[i]];
			if (word >= 0 && !(corpus->held && corpus->held[i]))
				t->word[at++] = (uint32_t)word;
		}
		t->start[r + 1] = at;
		if ((size_t)(at - t->start[r]) > t->longest)
			t->longest = (size_t)(at - t->start[r]);
	}
	return OK;
}

/* Inputs start uniform in [−1, 1) / size, outputs at zero. */
static void draw_inputs(struct trainer *t)
{
	const struct skipgram_options *o = t->options;
	struct rng rng;

	rng_seed(&rng, o->seed, "tags.init", 0);
	for (size_t i = 0; i < t->vocabulary->count; i++)
		for (size_t d = 0; d < o->size; d++)
			t->input[i * t->stride + d] = (float)(rng_range(&rng, -1, 1) / (double)o->size);
}

static size_t most_outputs(const struct trainer *t)
{
	size_t most = t->options->negative + 1;

	for (size_t i = 0; t->options->hierarchical && i < t->vocabulary->count; i++)
		if (t->huffman.start[i + 1] - t->huffman.start[i] > most)
			most = t->huffman.start[i + 1] - t->huffman.start[i];
	return most;
}

static int workers_open(struct trainer *t, int threads, struct err *err)
{
	size_t most = most_outputs(t);

	if (!(t->workers = mem_alloc((size_t)threads, sizeof *t->workers, err)))
		return ERR_MEMORY;
	for (int i = 0; i < threads; i++) {
		struct worker *w = &t->workers[i];
		if (!(w->row = mem_alloc(t->longest, sizeof *w->row, err)) ||
		    !(w->inputs = mem_alloc(t->longest, sizeof *w->inputs, err)) ||
		    !(w->outputs = mem_alloc(most, sizeof *w->outputs, err)) ||
		    !(w->labels = mem_alloc(most, sizeof *w->labels, err)) ||
		    !(w->mean = mem_alloc(t->stride, sizeof *w->mean, err)) ||
		    !(w->before = mem_alloc(t->stride, sizeof *w->before, err)))
			return ERR_MEMORY;
	}
	return OK;
}

static int trainer_open(struct trainer *t, const struct tag_corpus *corpus, int threads, struct err *err)
{
	const struct skipgram_options *o = t->options;
	enum cpu_level level = cpu_features()->level;
	size_t count = t->vocabulary->count;
	int code = take_words(t, corpus, err);

	if (code != OK)
		return code;
	t->stride = (o->size + SKIPGRAM_LANES - 1) / SKIPGRAM_LANES * SKIPGRAM_LANES;
	if (!(t->input = mem_alloc(count, t->stride * sizeof(float), err)) ||
	    !(t->output = mem_alloc(count, t->stride * sizeof(float), err)) ||
	    !(t->keep = mem_alloc(count, sizeof *t->keep, err)))
		return ERR_MEMORY;
	keep_fill(t);
	sigmoid_table_fill(&t->table);
	t->step = o->deterministic ? skipgram_step_choose(level) : skipgram_fused_choose(level);
	draw_inputs(t);
	code = o->hierarchical ? huffman_build(&t->huffman, t->vocabulary->occurrences, count, err) : noise_build(t, err);
	return code == OK ? workers_open(t, threads, err) : code;
}

static void trainer_close(struct trainer *t, int threads)
{
	for (int i = 0; t->workers && i < threads; i++) {
		struct worker *w = &t->workers[i];
		free(w->row);
		free(w->inputs);
		free(w->outputs);
		free(w->labels);
		free(w->mean);
		free(w->before);
	}
	free(t->workers);
	free(t->start);
	free(t->word);
	free(t->input);
	free(t->output);
	free(t->keep);
	alias_free(&t->noise);
	huffman_free(&t->huffman);
}

struct epoch {
	struct trainer *trainer;
	struct progress *progress;
	struct share share;
	size_t first; /* chunk of this rank, of the round */
};

static int train_chunk(size_t own, int thread, void *context, struct err *err)
{
	struct epoch *epoch = context;
	struct trainer *t = epoch->trainer;
	size_t chunk = epoch->first + own, first = chunk * CHUNK_ROWS,
	       end = first + CHUNK_ROWS < t->rows ? first + CHUNK_ROWS : t->rows;

	skipgram_rows(t, &t->workers[thread], first, end, chunk);
	progress_add(epoch->progress, (end - first) * (size_t)comm_size());
	return stop_check("skip-gram", err);
}

/* What the threads of all ranks counted goes into the report; the loss is that of the epoch. */
static int gather(struct trainer *t, int threads, struct skipgram_report *report, struct err *err)
{
	uint64_t counts[3] = {0};
	double loss = 0;

	for (int i = 0; i < threads; i++) {
		struct worker *w = &t->workers[i];
		counts[0] += (uint64_t)w->words;
		counts[1] += (uint64_t)w->pairs;
		counts[2] += (uint64_t)w->predictions;
		loss += w->loss;
		w->words = w->pairs = w->predictions = 0;
		w->loss = 0;
	}
	int code = comm_sum_u64(counts, ARRAY_COUNT(counts), err);
	if (code == OK)
		code = comm_sum_double(&loss, 1, err);
	report->words += (int64_t)counts[0];
	report->pairs += (int64_t)counts[1];
	report->loss = counts[2] ? loss / (double)counts[2] : 0;
	return code;
}

/* A round is a run of chunks, of which each rank takes a part; one process has one round. */
static int train_epoch(struct epoch *epoch, int threads, struct err *err)
{
	struct trainer *t = epoch->trainer;
	size_t chunks = (t->rows + CHUNK_ROWS - 1) / CHUNK_ROWS, rounds = share_rounds(t);
	size_t rank = (size_t)comm_rank(), ranks = (size_t)comm_size();
	int code = OK;

	for (size_t round = 0; round < rounds && code == OK; round++) {
		size_t from = chunks * round / rounds, count = chunks * (round + 1) / rounds - from;
		epoch->first = from + count * rank / ranks;
		code = parallel_for(from + count * (rank + 1) / ranks - epoch->first, 1, threads, train_chunk, epoch, err);
		if (code == OK)
			code = share_average(&epoch->share, t, err);
	}
	return code;
}

static int train_epochs(struct trainer *t, int threads, struct skipgram_report *report, struct err *err)
{
	struct progress progress;
	struct epoch epoch = {.trainer = t, .progress = &progress};
	int code = share_open(&epoch.share, t, err);

	progress_start(&progress, "tags", "playlists", t->rows * t->options->epochs);
	for (t->epoch = 0; t->epoch < t->options->epochs && code == OK; t->epoch++) {
		code = train_epoch(&epoch, threads, err);
		if (code == OK)
			code = gather(t, threads, report, err);
	}
	progress_end(&progress);
	share_close(&epoch.share);
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
	struct trainer t = {.vocabulary = vocabulary, .options = options};
	struct skipgram_report own = {0};
	int threads = options->deterministic || options->threads < 1 ? 1 : options->threads;
	int code = options_check(options, vocabulary, err);

	if (code == OK)
		code = trainer_open(&t, corpus, threads, err);
	double started = clock_seconds();
	if (code == OK)
		code = train_epochs(&t, threads, &own, err);
	if (code == OK && own.pairs == 0)
		code = err_set(err, ERR_DATA,
		               "skip-gram: no playlist was left with two tags to learn from; tags.sample = 0 drops none of "
		               "the frequent ones, a lower tags.min_count fewer of the rare ones");
	if (code == OK)
		code = take_vectors(&t, out, err);
	own.seconds = clock_seconds() - started;
	if (code == OK)
		log_info("tags", "trained in %.3f s: %.0f words/s, loss %.4f", own.seconds, (double)own.words / own.seconds,
		         own.loss);
	if (code == OK && report)
		*report = own;
	trainer_close(&t, threads);
	return code;
}
