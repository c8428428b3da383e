/*
 * Ranks hidden tags. The rank of a tag is 1 + the number of tags, shown ones left out, that score higher or score the
 * same and stand earlier in the vocabulary (which is ordered by count: rank by popularity is then the row itself).
 */
#include "text/text.h"

#include <stdlib.h>

struct question {
	size_t row, hidden;         /* playlist; how many hidden tags */
	size_t rank, popularity;    /* of the best hidden tag; 0 = not to be found */
};

struct ranking {
	const struct tag_corpus *corpus;
	const struct vocabulary *vocabulary;
	const struct vectors *unit;
	struct question *questions;
	float *query;  /* [threads][size] */
	float *scores; /* [threads][count] */
	uint8_t *shown; /* [threads][count]: 1 while a row's tag is shown, zero between questions */
};

static void count_row(const struct tag_corpus *corpus, const struct vocabulary *vocabulary, size_t r, size_t *shown,
                      size_t *hidden)
{
	*shown = *hidden = 0;
	for (int64_t i = corpus->start[r]; i < corpus->start[r + 1]; i++)
		if (corpus->held && corpus->held[i])
			++*hidden;
		else if (vocabulary->row[corpus->index[i]] >= 0)
			++*shown;
}

static size_t find_questions(const struct tag_corpus *corpus, const struct vocabulary *vocabulary,
                             struct question *questions)
{
	size_t n = 0;

	for (size_t r = 0; r < corpus->rows; r++) {
		size_t shown, hidden;
		count_row(corpus, vocabulary, r, &shown, &hidden);
		if (shown == 0 || hidden == 0)
			continue;
		if (questions)
			questions[n] = (struct question){.row = r, .hidden = hidden};
		n++;
	}
	return n;
}

/* Marks (or clears) the shown tags and adds their vectors up. */
static void mark_shown(const struct ranking *g, size_t r, uint8_t mark, uint8_t *shown, float *query)
{
	for (int64_t i = g->corpus->start[r]; i < g->corpus->start[r + 1]; i++) {
		int32_t word = g->vocabulary->row[g->corpus->index[i]];
		if (word < 0 || (g->corpus->held && g->corpus->held[i]))
			continue;
		shown[word] = mark;
		if (mark)
			axpy_run(g->unit->size, 1, g->unit->data + (size_t)word * g->unit->size, query);
	}
}

static size_t rank_by_score(const struct ranking *g, const float *scores, const uint8_t *shown, size_t word)
{
	size_t rank = 1;

	for (size_t i = 0; i < g->unit->count; i++)
		rank += !shown[i] && (scores[i] > scores[word] || (scores[i] == scores[word] && i < word));
	return rank;
}

static size_t rank_by_count(const uint8_t *shown, size_t word)
{
	size_t rank = 1;

	for (size_t i = 0; i < word; i++)
		rank += !shown[i];
	return rank;
}

/* The hidden tag that scores best is the one that ranks best: one pass finds it, one more its rank. */
static void rank_hidden(const struct ranking *g, struct question *q, const float *scores, const uint8_t *shown)
{
	int32_t best = -1, commonest = -1;

	for (int64_t i = g->corpus->start[q->row]; i < g->corpus->start[q->row + 1]; i++) {
		int32_t word = g->vocabulary->row[g->corpus->index[i]];
		if (!g->corpus->held[i] || word < 0 || shown[word])
			continue;
		if (best < 0 || scores[word] > scores[best] || (scores[word] == scores[best] && word < best))
			best = word;
		if (commonest < 0 || word < commonest)
			commonest = word;
	}
	q->rank = best < 0 ? 0 : rank_by_score(g, scores, shown, (size_t)best);
	q->popularity = commonest < 0 ? 0 : rank_by_count(shown, (size_t)commonest);
}

static int answer(size_t i, int thread, void *context, struct err *err)
{
	struct ranking *g = context;
	struct question *q = &g->questions[i];
	size_t count = g->unit->count, size = g->unit->size;
	float *query = g->query + (size_t)thread * size, *scores = g->scores + (size_t)thread * count;
	uint8_t *shown = g->shown + (size_t)thread * count;
	int code = stop_check("ranking hidden tags", err);

	if (code != OK)
		return code;
	for (size_t d = 0; d < size; d++)
		query[d] = 0;
	mark_shown(g, q->row, 1, shown, query);
	/* The query's own length is the same for every tag: the product ranks as the cosine does. */
	gemv_run(count, size, g->unit->data, size, query, scores);
	rank_hidden(g, q, scores, shown);
	mark_shown(g, q->row, 0, shown, query);
	return OK;
}

static int ranking_open(struct ranking *g, size_t n, int threads, struct err *err)
{
	size_t t = (size_t)threads;

	if (!(g->questions = mem_alloc(n, sizeof *g->questions, err)) ||
	    !(g->query = mem_alloc(t * g->unit->size, sizeof(float), err)) ||
	    !(g->scores = mem_alloc(t, g->unit->count * sizeof(float), err)) ||
	    !(g->shown = mem_alloc(t, g->unit->count, err)))
		return ERR_MEMORY;
	find_questions(g->corpus, g->vocabulary, g->questions);
	return OK;
}

static int summarise(const struct question *questions, size_t n, struct tags_evaluation *out, struct err *err)
{
	struct tags_evaluation sum = {.playlists = n};

	if (!(sum.reciprocal = mem_alloc(n, sizeof(double), err)) ||
	    !(sum.popularity_reciprocal = mem_alloc(n, sizeof(double), err))) {
		tags_evaluation_free(&sum);
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < n; i++) {
		const struct question *q = &questions[i];
		sum.hidden += q->hidden;
		sum.reciprocal[i] = q->rank ? 1 / (double)q->rank : 0;
		sum.popularity_reciprocal[i] = q->popularity ? 1 / (double)q->popularity : 0;
		sum.mrr += sum.reciprocal[i] / (double)n;
		sum.popularity_mrr += sum.popularity_reciprocal[i] / (double)n;
		sum.hit10 += (q->rank && q->rank <= 10) / (double)n;
		sum.popularity_hit10 += (q->popularity && q->popularity <= 10) / (double)n;
	}
	*out = sum;
	return OK;
}

int tags_evaluate(const struct tag_corpus *corpus, const struct vocabulary *vocabulary, const struct vectors *unit,
                  int threads, struct tags_evaluation *out, struct err *err)
{
	struct ranking g = {.corpus = corpus, .vocabulary = vocabulary, .unit = unit};

	if (unit->count != vocabulary->count || corpus->kinds != vocabulary->kinds)
		return err_set(err, ERR_DATA, "tags: %zu vectors for a vocabulary of %zu", unit->count, vocabulary->count);
	if (threads < 1)
		threads = 1;
	size_t n = find_questions(corpus, vocabulary, NULL);
	int code = ranking_open(&g, n, threads, err);
	if (code == OK) {
		blas_threads(1);
		code = parallel_for(n, 16, threads, answer, &g, err);
		blas_threads(threads);
	}
	if (code == OK)
		code = summarise(g.questions, n, out, err);
	free(g.questions);
	free(g.query);
	free(g.scores);
	free(g.shown);
	return code;
}

void tags_evaluation_free(struct tags_evaluation *evaluation)
{
	free(evaluation->reciprocal);
	free(evaluation->popularity_reciprocal);
	*evaluation = (struct tags_evaluation){0};
}
