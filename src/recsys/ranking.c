/* Held-out evaluation: what share of a playlist's hidden songs a ranker brings to the top. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST_SONGS 100 /* nDCG@100, recall@100 */
#define MAP_SONGS 10

/* The held-out playlists with hidden songs, and what the ranker did with each. */
struct evaluation {
	const struct playlists *playlists;
	const struct ranker *ranker;
	size_t *playlist;            /* [count] */
	size_t count, longest;       /* playlists; songs of the longest one */
	double *ndcg, *recall, *map; /* [count] */
	double discount[LIST_SONGS], ideal[LIST_SONGS + 1];
	struct ranking_scratch *scratch; /* a thread */
};

struct ranking_scratch {
	float *scores;   /* [RANKING_BATCH][songs] */
	int32_t *shown;  /* [RANKING_BATCH][longest playlist] */
	uint8_t *hidden; /* [songs], zero between playlists */
	uint8_t *listed; /* [songs]: stood in some list */
	struct scored best[2 * LIST_SONGS];
};

static size_t links_held(const struct playlist_links *links, size_t row)
{
	size_t held = 0;
	for (int64_t e = links->start[row]; e < links->start[row + 1]; e++)
		held += links->held[e] != 0;
	return held;
}

/* Arena's discount: 1/ln(i + 2) from i = 0. */
static void fill_discounts(struct evaluation *evaluation)
{
	for (size_t i = 0; i < LIST_SONGS; i++) {
		evaluation->discount[i] = 1 / log((double)i + 2);
		evaluation->ideal[i + 1] = evaluation->ideal[i] + evaluation->discount[i];
	}
}

/* Marks the playlist's hidden songs; takes the shown ones out of the race. */
static void mark_songs(const struct evaluation *evaluation, size_t playlist, uint8_t mark, float *scores,
                       struct ranking_scratch *s)
{
	const struct playlist_links *songs = &evaluation->playlists->songs;
	for (int64_t e = songs->start[playlist]; e < songs->start[playlist + 1]; e++) {
		if (songs->held[e])
			s->hidden[songs->index[e]] = mark;
		else
			scores[songs->index[e]] = NAN;
	}
}

static void judge_list(struct evaluation *evaluation, size_t at, size_t listed, const struct ranking_scratch *s)
{
	size_t truth = links_held(&evaluation->playlists->songs, evaluation->playlist[at]), hits = 0;
	double gain = 0, precision = 0;
	for (size_t i = 0; i < listed; i++) {
		if (!s->hidden[s->best[i].id])
			continue;
		hits++;
		gain += evaluation->discount[i];
		if (i < MAP_SONGS)
			precision += (double)hits / (double)(i + 1);
	}
	evaluation->ndcg[at] = gain / evaluation->ideal[truth < LIST_SONGS ? truth : LIST_SONGS];
	evaluation->recall[at] = (double)hits / (double)truth;
	evaluation->map[at] = precision / (double)(truth < MAP_SONGS ? truth : MAP_SONGS);
}

static void judge_playlist(struct evaluation *evaluation, size_t at, float *scores, struct ranking_scratch *s)
{
	size_t songs = evaluation->playlists->n_songs;
	struct best_list best;
	mark_songs(evaluation, evaluation->playlist[at], 1, scores, s);
	best_start(&best, s->best, LIST_SONGS);
	for (size_t i = 0; i < songs; i++)
		best_offer(&best, scores[i], (uint32_t)i);
	size_t listed = best_finish(&best);
	for (size_t i = 0; i < listed; i++)
		s->listed[s->best[i].id] = 1;
	judge_list(evaluation, at, listed, s);
	mark_songs(evaluation, evaluation->playlist[at], 0, scores, s);
}

static struct ranking_query shown_songs(const struct playlists *playlists, size_t playlist, int32_t *shown)
{
	const struct playlist_links *songs = &playlists->songs;
	size_t count = 0;
	for (int64_t e = songs->start[playlist]; e < songs->start[playlist + 1]; e++)
		if (!songs->held[e])
			shown[count++] = songs->index[e];
	return (struct ranking_query){playlist, shown, count};
}

static size_t longest_playlist(const struct playlists *playlists)
{
	int64_t longest = 1;
	for (size_t p = 0; p < playlists->n_playlists; p++) {
		int64_t n = playlists->songs.start[p + 1] - playlists->songs.start[p];
		longest = n > longest ? n : longest;
	}
	return (size_t)longest;
}

static int judge_batch(size_t batch, int thread, void *context, struct err *err)
{
	struct evaluation *evaluation = context;
	struct ranking_scratch *s = &evaluation->scratch[thread];
	size_t first = batch * RANKING_BATCH, left = evaluation->count - first;
	size_t count = left < RANKING_BATCH ? left : RANKING_BATCH;
	struct ranking_query queries[RANKING_BATCH];
	int code = stop_check("evaluate", err);
	if (code != OK)
		return code;
	for (size_t q = 0; q < count; q++)
		queries[q] =
		    shown_songs(evaluation->playlists, evaluation->playlist[first + q], s->shown + q * evaluation->longest);
	evaluation->ranker->score(evaluation->ranker->state, queries, count, s->scores);
	for (size_t q = 0; q < count; q++)
		judge_playlist(evaluation, first + q, s->scores + q * evaluation->playlists->n_songs, s);
	return OK;
}

/* ---- means and intervals ------------------------------------------------------------------------------ */

struct figure {
	const double *value; /* [evaluation->count] */
	double *mean, *low, *high;
};

/* Over the playlists of one mask (0 = all). `own` and `ones`: room for count numbers each. */
static void summarise(const struct evaluation *evaluation, int mask, const struct ranking_options *options, double *own,
                      struct ranking_score *score)
{
	double *ones = own + evaluation->count;
	const struct figure figures[] = {{evaluation->ndcg, &score->ndcg, &score->ndcg_low, &score->ndcg_high},
	                                 {evaluation->recall, &score->recall, &score->recall_low, &score->recall_high},
	                                 {evaluation->map, &score->map, &score->map_low, &score->map_high}};
	for (size_t f = 0; f < ARRAY_COUNT(figures); f++) {
		size_t n = 0;
		for (size_t i = 0; i < evaluation->count; i++)
			if (mask == MASK_NONE || evaluation->playlists->mask[evaluation->playlist[i]] == mask)
				own[n++] = figures[f].value[i];
		score->playlists = n;
		if (n == 0)
			return;
		for (size_t i = 0; i < n; i++)
			ones[i] = 1;
		/* The same draws for every figure and ranker: differences between them are not noise of the draws. */
		struct rng rng;
		rng_seed(&rng, options->seed, "ranking.bootstrap", (uint64_t)mask);
		*figures[f].mean = mean_of(own, n);
		bootstrap_interval(own, ones, n, options->bootstrap, &rng, figures[f].low, figures[f].high);
	}
}

static int collect(struct evaluation *evaluation, struct err *err)
{
	const struct playlists *playlists = evaluation->playlists;
	evaluation->playlist = mem_alloc(playlists->n_playlists, sizeof *evaluation->playlist, err);
	if (!evaluation->playlist)
		return err->code;
	for (size_t p = 0; p < playlists->n_playlists; p++)
		if (playlists->split[p] == PLAYLIST_HELD_OUT && links_held(&playlists->songs, p) > 0)
			evaluation->playlist[evaluation->count++] = p;
	if (evaluation->count == 0)
		return err_set(err, ERR_DATA, "evaluate: no held-out playlist hides a song; raise playlists.holdout");
	evaluation->ndcg = mem_alloc(3 * evaluation->count, sizeof *evaluation->ndcg, err);
	if (!evaluation->ndcg)
		return err->code;
	evaluation->recall = evaluation->ndcg + evaluation->count;
	evaluation->map = evaluation->recall + evaluation->count;
	return OK;
}

static int scratch_init(struct evaluation *evaluation, int threads, struct err *err)
{
	size_t songs = evaluation->playlists->n_songs;
	evaluation->scratch = mem_alloc((size_t)threads, sizeof *evaluation->scratch, err);
	for (int t = 0; evaluation->scratch && t < threads; t++) {
		struct ranking_scratch *s = &evaluation->scratch[t];
		s->scores = mem_alloc(songs, RANKING_BATCH * sizeof *s->scores, err);
		s->shown = mem_alloc(evaluation->longest, RANKING_BATCH * sizeof *s->shown, err);
		s->hidden = mem_alloc(songs, sizeof *s->hidden, err);
		s->listed = mem_alloc(songs, sizeof *s->listed, err);
		if (!s->scores || !s->shown || !s->hidden || !s->listed)
			return err->code;
	}
	return evaluation->scratch ? OK : err->code;
}

static void evaluation_free(struct evaluation *evaluation, int threads)
{
	for (int t = 0; evaluation->scratch && t < threads; t++) {
		free(evaluation->scratch[t].scores);
		free(evaluation->scratch[t].shown);
		free(evaluation->scratch[t].hidden);
		free(evaluation->scratch[t].listed);
	}
	free(evaluation->scratch);
	free(evaluation->playlist);
	free(evaluation->ndcg);
}

static double coverage_of(const struct evaluation *evaluation, int threads)
{
	size_t songs = evaluation->playlists->n_songs, listed = 0;
	for (size_t i = 0; i < songs; i++) {
		bool any = false;
		for (int t = 0; t < threads; t++)
			any = any || evaluation->scratch[t].listed[i];
		listed += any;
	}
	return songs ? (double)listed / (double)songs : 0;
}

int ranking_evaluate(const struct playlists *playlists, const struct ranker *ranker,
                     const struct ranking_options *options, struct ranking_result *out, struct err *err)
{
	struct evaluation evaluation = {.playlists = playlists, .ranker = ranker, .longest = longest_playlist(playlists)};
	struct ranking_result result = {.name = ranker->name};
	int threads = options->threads < 1 ? 1 : options->threads;
	double *numbers = NULL;
	fill_discounts(&evaluation);
	int code = collect(&evaluation, err);
	if (code == OK)
		code = scratch_init(&evaluation, threads, err);
	if (code == OK && !(numbers = mem_alloc(2 * evaluation.count, sizeof *numbers, err)))
		code = err->code;
	if (code == OK)
		code = parallel_for((evaluation.count + RANKING_BATCH - 1) / RANKING_BATCH, 1, threads, judge_batch,
		                    &evaluation, err);
	if (code == OK) {
		summarise(&evaluation, MASK_NONE, options, numbers, &result.overall);
		for (int mask = MASK_SONGS; mask < MASK_COUNT; mask++)
			summarise(&evaluation, mask, options, numbers, &result.mask[mask]);
		result.coverage = coverage_of(&evaluation, threads);
		*out = result;
	}
	free(numbers);
	evaluation_free(&evaluation, threads);
	return code;
}
