/* Held-out evaluation: what share of a playlist's hidden songs or tags a ranker brings to the top. */
#include "base/comm.h"
#include "recsys/rankers_internal.h"
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST_SONGS 100 /* nDCG@100, recall@100 */
#define LIST_TAGS 10
#define MAP_PLACES 10

/* The held-out playlists with hidden items (songs or tags, by the ranker's target), and what the ranker did with
 * each. */
struct evaluation {
	const struct playlists *playlists;
	const struct ranker *ranker;
	const struct playlist_links *links; /* of the target */
	size_t items, list;                 /* of the target; places that are judged */
	size_t *playlist;                   /* [count] */
	size_t count;
	size_t first;                /* of this machine, which judges some of them */
	double *surprise;            /* [items]: −log₂ of the share of playlists that hold it */
	double *ndcg, *recall, *map, *novelty; /* [count], one behind the other; novelty: summed over the list */
	uint64_t *listed;            /* [count] */
	size_t most_songs, most_tags; /* of a playlist */
	double discount[LIST_SONGS], ideal[LIST_SONGS + 1];
	struct ranking_scratch *scratch; /* a thread */
	struct progress progress;
};

struct ranking_scratch {
	float *scores;   /* [RANKING_BATCH][items] */
	int32_t *shown;  /* [RANKING_BATCH][most links of a playlist], songs, then the same for tags */
	void *workspace; /* of the ranker */
	uint8_t *hidden; /* [items], zero between playlists */
	uint8_t *listed; /* [items]: stood in some list */
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

/* Marks the playlist's hidden items; takes the shown ones out of the race. */
static void mark_items(const struct evaluation *evaluation, size_t playlist, uint8_t mark, float *scores,
                       struct ranking_scratch *s)
{
	const struct playlist_links *links = evaluation->links;
	for (int64_t e = links->start[playlist]; e < links->start[playlist + 1]; e++) {
		if (links->held[e])
			s->hidden[links->index[e]] = mark;
		else
			scores[links->index[e]] = NAN;
	}
}

static void judge_list(struct evaluation *evaluation, size_t at, size_t listed, const struct ranking_scratch *s)
{
	size_t truth = links_held(evaluation->links, evaluation->playlist[at]), hits = 0;
	double gain = 0, precision = 0;
	evaluation->listed[at] = listed;
	evaluation->novelty[at] = 0;
	for (size_t i = 0; i < listed; i++) {
		evaluation->novelty[at] += evaluation->surprise[s->best[i].id];
		if (!s->hidden[s->best[i].id])
			continue;
		hits++;
		gain += evaluation->discount[i];
		if (i < MAP_PLACES)
			precision += (double)hits / (double)(i + 1);
	}
	evaluation->ndcg[at] = gain / evaluation->ideal[truth < evaluation->list ? truth : evaluation->list];
	evaluation->recall[at] = (double)hits / (double)truth;
	evaluation->map[at] = precision / (double)(truth < MAP_PLACES ? truth : MAP_PLACES);
}

static void judge_playlist(struct evaluation *evaluation, size_t at, float *scores, struct ranking_scratch *s)
{
	struct best_list best;
	mark_items(evaluation, evaluation->playlist[at], 1, scores, s);
	best_start(&best, s->best, evaluation->list);
	for (size_t i = 0; i < evaluation->items; i++)
		best_offer(&best, scores[i], (uint32_t)i);
	size_t listed = best_finish(&best);
	for (size_t i = 0; i < listed; i++)
		s->listed[s->best[i].id] = 1;
	judge_list(evaluation, at, listed, s);
	mark_items(evaluation, evaluation->playlist[at], 0, scores, s);
}

static size_t take_shown(const struct playlist_links *links, size_t playlist, int32_t *shown)
{
	size_t count = 0;
	for (int64_t e = links->start[playlist]; e < links->start[playlist + 1]; e++)
		if (!links->held[e])
			shown[count++] = links->index[e];
	return count;
}

static size_t most_links(const struct playlist_links *links, size_t rows)
{
	int64_t most = 1;
	for (size_t r = 0; r < rows; r++) {
		int64_t n = links->start[r + 1] - links->start[r];
		most = n > most ? n : most;
	}
	return (size_t)most;
}

/* Query `q` of a batch. */
static struct ranking_query question(const struct evaluation *evaluation, size_t playlist, size_t q,
                                     const struct ranking_scratch *s)
{
	int32_t *songs = s->shown + q * evaluation->most_songs;
	int32_t *tags = s->shown + RANKING_BATCH * evaluation->most_songs + q * evaluation->most_tags;
	size_t n_songs = take_shown(&evaluation->playlists->songs, playlist, songs);
	size_t n_tags = take_shown(&evaluation->playlists->tags, playlist, tags);
	return (struct ranking_query){
	    .playlist = playlist, .shown = songs, .tags = tags, .n_shown = n_songs, .n_tags = n_tags};
}

static int judge_batch(size_t batch, int thread, void *context, struct err *err)
{
	struct evaluation *evaluation = context;
	struct ranking_scratch *s = &evaluation->scratch[thread];
	size_t first = evaluation->first + batch * RANKING_BATCH, left = evaluation->count - first;
	size_t count = left < RANKING_BATCH ? left : RANKING_BATCH;
	struct ranking_query queries[RANKING_BATCH];
	int code = stop_check("evaluate", err);
	if (code != OK)
		return code;
	for (size_t q = 0; q < count; q++)
		queries[q] = question(evaluation, evaluation->playlist[first + q], q, s);
	evaluation->ranker->score(evaluation->ranker->state, queries, count, s->workspace, s->scores);
	for (size_t q = 0; q < count; q++)
		judge_playlist(evaluation, first + q, s->scores + q * evaluation->items, s);
	progress_add(&evaluation->progress, count);
	return OK;
}

/* ---- means and intervals ------------------------------------------------------------------------------ */

struct figure {
	const double *value; /* [evaluation->count] */
	double *mean, *low, *high;
};

/* Over the playlists of one mask (0 = all). `own` and `ones`: room for count numbers each. */
static int summarise(const struct evaluation *evaluation, int mask, const struct ranking_options *options, double *own,
                     struct ranking_score *score, struct err *err)
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
			return OK;
		for (size_t i = 0; i < n; i++)
			ones[i] = 1;
		/* The same draws for every figure and ranker: differences between them are not noise of the draws. */
		struct rng rng;
		rng_seed(&rng, options->seed, "ranking.bootstrap", (uint64_t)mask);
		*figures[f].mean = mean_of(own, n);
		const struct bootstrap interval = {own, ones, n, options->bootstrap};
		if (bootstrap_interval(&interval, &rng, figures[f].low, figures[f].high, err) != OK)
			return err->code;
	}
	return OK;
}

static int collect(struct evaluation *evaluation, struct err *err)
{
	const struct playlists *playlists = evaluation->playlists;
	evaluation->playlist = mem_alloc(playlists->n_playlists, sizeof *evaluation->playlist, err);
	if (!evaluation->playlist)
		return err->code;
	for (size_t p = 0; p < playlists->n_playlists; p++)
		if (playlists->split[p] == PLAYLIST_HELD_OUT && links_held(evaluation->links, p) > 0)
			evaluation->playlist[evaluation->count++] = p;
	if (evaluation->count == 0)
		return err_set(err, ERR_DATA, "evaluate: no held-out playlist hides a %s; raise playlists.holdout",
		               evaluation->ranker->target == RANK_TAGS ? "tag" : "song");
	evaluation->listed = mem_alloc(evaluation->count, sizeof *evaluation->listed, err);
	evaluation->ndcg = mem_alloc(4 * evaluation->count, sizeof *evaluation->ndcg, err);
	if (!evaluation->ndcg || !evaluation->listed)
		return err->code;
	evaluation->recall = evaluation->ndcg + evaluation->count;
	evaluation->map = evaluation->recall + evaluation->count;
	evaluation->novelty = evaluation->map + evaluation->count;
	return OK;
}

/* surprise ← −log₂ (max(n, 1) / playlists), n over the links that are not held. */
static int count_surprise(struct evaluation *evaluation, struct err *err)
{
	const struct playlist_links *links = evaluation->links;
	size_t rows = evaluation->playlists->n_playlists;
	double *n = mem_alloc(evaluation->items, sizeof *n, err);
	if (!n)
		return err->code;
	evaluation->surprise = n;
	for (int64_t e = 0; e < links->start[rows]; e++)
		n[links->index[e]] += links->held[e] == 0;
	for (size_t i = 0; i < evaluation->items; i++)
		n[i] = log2((double)rows) - log2(n[i] > 1 ? n[i] : 1);
	return OK;
}

static int scratch_init(struct evaluation *evaluation, int threads, struct err *err)
{
	size_t items = evaluation->items, links = evaluation->most_songs + evaluation->most_tags;
	evaluation->scratch = mem_alloc((size_t)threads, sizeof *evaluation->scratch, err);
	for (int t = 0; evaluation->scratch && t < threads; t++) {
		struct ranking_scratch *s = &evaluation->scratch[t];
		s->scores = mem_alloc(items, RANKING_BATCH * sizeof *s->scores, err);
		s->shown = mem_alloc(links, RANKING_BATCH * sizeof *s->shown, err);
		s->workspace = mem_alloc(evaluation->ranker->workspace, 1, err);
		s->hidden = mem_alloc(items, sizeof *s->hidden, err);
		s->listed = mem_alloc(items, sizeof *s->listed, err);
		if (!s->scores || !s->shown || !s->workspace || !s->hidden || !s->listed)
			return err->code;
	}
	return evaluation->scratch ? OK : err->code;
}

static void evaluation_free(struct evaluation *evaluation, int threads)
{
	for (int t = 0; evaluation->scratch && t < threads; t++) {
		free(evaluation->scratch[t].scores);
		free(evaluation->scratch[t].shown);
		free(evaluation->scratch[t].workspace);
		free(evaluation->scratch[t].hidden);
		free(evaluation->scratch[t].listed);
	}
	free(evaluation->scratch);
	free(evaluation->playlist);
	free(evaluation->listed);
	free(evaluation->surprise);
	free(evaluation->ndcg);
}

static int coverage_of(const struct evaluation *evaluation, int threads, double *coverage, struct err *err)
{
	size_t listed = 0;
	uint64_t *lists = mem_alloc(evaluation->items, sizeof *lists, err);
	if (!lists)
		return err->code;
	for (size_t i = 0; i < evaluation->items; i++)
		for (int t = 0; t < threads; t++)
			lists[i] += evaluation->scratch[t].listed[i];
	int code = comm_sum_u64(lists, evaluation->items, err);
	for (size_t i = 0; i < evaluation->items; i++)
		listed += lists[i] > 0;
	free(lists);
	*coverage = evaluation->items ? (double)listed / (double)evaluation->items : 0;
	return code;
}

/* Every machine judges a run of whole batches, which its ranks take as they come. What a rank has not judged is zero
 * there, so the sums are what each has found. */
static int judge_shared(struct evaluation *evaluation, int threads, struct err *err)
{
	size_t *start = NULL;
	int code = comm_machine_shares(evaluation->count, RANKING_BATCH, NULL, &start, err);
	if (code != OK)
		return code;
	evaluation->first = start[comm_machine()];
	size_t own = start[comm_machine() + 1] - evaluation->first;
	free(start);
	code = comm_machine_for((own + RANKING_BATCH - 1) / RANKING_BATCH, 1, threads, judge_batch, evaluation, err);
	if (code == OK)
		code = comm_sum_double(evaluation->ndcg, 4 * evaluation->count, err);
	return code == OK ? comm_sum_u64(evaluation->listed, evaluation->count, err) : code;
}

static double novelty_of(const struct evaluation *evaluation)
{
	double sum = 0;
	size_t places = 0;
	for (size_t i = 0; i < evaluation->count; i++) {
		sum += evaluation->novelty[i];
		places += evaluation->listed[i];
	}
	return places ? sum / (double)places : 0;
}

static struct evaluation evaluation_of(const struct playlists *playlists, const struct ranker *ranker)
{
	bool tags = ranker->target == RANK_TAGS;
	return (struct evaluation){.playlists = playlists,
	                           .ranker = ranker,
	                           .links = tags ? &playlists->tags : &playlists->songs,
	                           .items = tags ? playlists->n_tags : playlists->n_songs,
	                           .list = tags ? LIST_TAGS : LIST_SONGS,
	                           .most_songs = most_links(&playlists->songs, playlists->n_playlists),
	                           .most_tags = most_links(&playlists->tags, playlists->n_playlists)};
}

int ranking_evaluate(const struct playlists *playlists, const struct ranker *ranker,
                     const struct ranking_options *options, struct ranking_result *out, struct err *err)
{
	struct evaluation evaluation = evaluation_of(playlists, ranker);
	struct ranking_result result = {.name = ranker->name};
	int threads = options->threads < 1 ? 1 : options->threads;
	double *numbers = NULL;
	fill_discounts(&evaluation);
	int code = collect(&evaluation, err);
	if (code == OK)
		code = count_surprise(&evaluation, err);
	if (code == OK)
		code = scratch_init(&evaluation, threads, err);
	if (code == OK && !(numbers = mem_alloc(2 * evaluation.count, sizeof *numbers, err)))
		code = err->code;
	progress_start(&evaluation.progress, "evaluate", "playlists", evaluation.count);
	if (code == OK)
		code = judge_shared(&evaluation, threads, err);
	progress_end(&evaluation.progress);
	if (code == OK)
		code = coverage_of(&evaluation, threads, &result.coverage, err);
	if (code == OK)
		code = summarise(&evaluation, MASK_NONE, options, numbers, &result.overall, err);
	for (int mask = MASK_SONGS; code == OK && mask < MASK_COUNT; mask++)
		code = summarise(&evaluation, mask, options, numbers, &result.mask[mask], err);
	if (code == OK) {
		result.novelty = novelty_of(&evaluation);
		*out = result;
	}
	free(numbers);
	evaluation_free(&evaluation, threads);
	return code;
}
