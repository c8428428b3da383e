/* The comparators behind the common scoring interface. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>
#include <string.h>

static void score_popularity(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                             float *scores)
{
	const struct popularity *popularity = state;
	(void)queries;
	(void)workspace;
	for (size_t q = 0; q < count; q++)
		memcpy(scores + q * popularity->songs, popularity->share, popularity->songs * sizeof *scores);
}

struct ranker popularity_ranker(const struct popularity *popularity)
{
	return (struct ranker){.name = "popularity", .score = score_popularity, .state = popularity};
}

static void score_knn_one(const struct knn_ranker *ranker, const struct ranking_query *query, float *scores)
{
	const struct csr *neighbours = &ranker->knn->neighbours;
	size_t songs = ranker->knn->songs;
	memset(scores, 0, songs * sizeof *scores);
	for (size_t i = 0; i < query->n_shown; i++) {
		int32_t song = query->shown[i];
		for (int64_t e = neighbours->start[song]; e < neighbours->start[song + 1]; e++)
			scores[neighbours->index[e]] += neighbours->value[e];
	}
	/* Similarities are positive, shares are 0 … 1: what nothing votes for stands between −1 and 0, by popularity. */
	for (size_t i = 0; i < songs; i++)
		if (scores[i] <= 0)
			scores[i] = ranker->popularity->share[i] - 1;
}

static void score_knn(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                      float *scores)
{
	const struct knn_ranker *ranker = state;
	(void)workspace;
	for (size_t q = 0; q < count; q++)
		score_knn_one(ranker, &queries[q], scores + q * ranker->knn->songs);
}

struct ranker item_knn_ranker(const struct knn_ranker *state)
{
	return (struct ranker){.name = state->name, .score = score_knn, .state = state};
}

/* ---- ALS ---------------------------------------------------------------------------------------------- */

enum factor_source { FACTOR_NONE, FACTOR_TRAINED, FACTOR_FOLDED };

struct als_ranker {
	const struct als_model *model;
	const struct popularity *popularity;
	size_t known;    /* p */
	uint8_t *source; /* [p + guests], enum factor_source */
	float *folded;   /* [p + guests][f], where the source says so */
};

static size_t count_shown(const struct playlist_links *links, size_t row)
{
	size_t shown = 0;
	for (int64_t e = links->start[row]; e < links->start[row + 1]; e++)
		shown += links->held[e] == 0;
	return shown;
}

/* sum[t][f], count[t] over the training playlists that have songs. */
static void sum_tag_factors(const struct playlists *playlists, const struct als_model *model, double *sum,
                            size_t *count)
{
	size_t f = model->factors;
	for (size_t p = 0; p < playlists->n_playlists; p++) {
		if (playlists->split[p] != PLAYLIST_TRAIN || count_shown(&playlists->songs, p) == 0)
			continue;
		for (int64_t e = playlists->tags.start[p]; e < playlists->tags.start[p + 1]; e++) {
			double *row = sum + (size_t)playlists->tags.index[e] * f;
			count[playlists->tags.index[e]]++;
			for (size_t k = 0; k < f; k++)
				row[k] += model->user[p * f + k];
		}
	}
}

/* x ← the mean over the playlist's shown tags of their mean factors; false when no such tag has been seen in
 * training. */
struct tag_factors {
	double *sum;
	size_t *count, factors;
};

static bool fold_playlist(const struct tag_factors *means, const struct playlists *playlists, size_t p, float *x)
{
	size_t f = means->factors, known = 0;
	for (int64_t e = playlists->tags.start[p]; e < playlists->tags.start[p + 1]; e++) {
		size_t tag = (size_t)playlists->tags.index[e];
		if (playlists->tags.held[e] == 1 || means->count[tag] == 0)
			continue;
		known++;
		for (size_t k = 0; k < f; k++)
			x[k] += (float)(means->sum[tag * f + k] / (double)means->count[tag]);
	}
	for (size_t k = 0; k < f && known > 0; k++)
		x[k] /= (float)known;
	return known > 0;
}

static void tag_factors_free(struct tag_factors *means)
{
	free(means->sum);
	free(means->count);
}

static int tag_factors_init(struct tag_factors *means, const struct playlists *playlists, const struct als_model *model,
                            struct err *err)
{
	means->factors = model->factors;
	means->sum = mem_alloc(playlists->n_tags, model->factors * sizeof *means->sum, err);
	means->count = mem_alloc(playlists->n_tags, sizeof *means->count, err);
	if (!means->sum || !means->count)
		return err->code;
	sum_tag_factors(playlists, model, means->sum, means->count);
	return OK;
}

static int find_factors(struct als_ranker *ranker, const struct playlists *playlists, struct err *err)
{
	size_t f = ranker->model->factors;
	struct tag_factors means = {0};
	int code = tag_factors_init(&means, playlists, ranker->model, err);
	ranker->known = playlists->n_playlists;
	ranker->source = mem_alloc(ranker->known, sizeof *ranker->source, err);
	ranker->folded = mem_alloc(ranker->known, f * sizeof *ranker->folded, err);
	if (!ranker->source || !ranker->folded)
		code = err->code;
	for (size_t p = 0; code == OK && p < ranker->known; p++) {
		if (count_shown(&playlists->songs, p) > 0)
			ranker->source[p] = FACTOR_TRAINED;
		else if (fold_playlist(&means, playlists, p, ranker->folded + p * f))
			ranker->source[p] = FACTOR_FOLDED;
	}
	tag_factors_free(&means);
	return code;
}

static int make_room(struct als_ranker *ranker, size_t guests, struct err *err)
{
	size_t f = ranker->model->factors, rows = ranker->known + guests;
	uint8_t *source = mem_alloc(rows, sizeof *source, err);
	float *folded = mem_alloc(rows, f * sizeof *folded, err);
	if (!source || !folded) {
		free(source);
		free(folded);
		return err->code;
	}
	memcpy(source, ranker->source, ranker->known);
	memcpy(folded, ranker->folded, ranker->known * f * sizeof *folded);
	free(ranker->source);
	free(ranker->folded);
	ranker->source = source;
	ranker->folded = folded;
	return OK;
}

int als_ranker_admit(struct als_ranker *ranker, const struct playlists *known, const struct als_guests *guests,
                     struct err *err)
{
	size_t f = ranker->model->factors, count = guests->playlists->n_playlists;
	struct tag_factors means = {0};
	struct csr fresh = {0};
	struct als_fold fold = {guests->learnt, &fresh, guests->confidence, guests->threads};
	float *by_songs = NULL;
	int code = make_room(ranker, count, err);
	if (code == OK)
		code = tag_factors_init(&means, known, ranker->model, err);
	if (code == OK)
		code = playlists_matrix(guests->playlists, &fresh, err);
	if (code == OK)
		code = als_fold_in(ranker->model, &fold, &by_songs, err);
	for (size_t g = 0; code == OK && g < count; g++) {
		float *x = ranker->folded + (ranker->known + g) * f;
		bool songs = count_shown(&guests->playlists->songs, g) > 0;
		if (songs)
			memcpy(x, by_songs + g * f, f * sizeof *x);
		if (songs || fold_playlist(&means, guests->playlists, g, x))
			ranker->source[ranker->known + g] = FACTOR_FOLDED;
	}
	free(by_songs);
	csr_free(&fresh);
	tag_factors_free(&means);
	return code;
}

int als_ranker_new(struct als_ranker **out, const struct playlists *playlists, const struct als_model *model,
                   const struct popularity *popularity, struct err *err)
{
	if (model->users != playlists->n_playlists || model->items != playlists->n_songs)
		return err_set(err, ERR_DATA, "als: a model of %zu playlists and %zu songs does not belong to %zu and %zu",
		               model->users, model->items, playlists->n_playlists, playlists->n_songs);
	struct als_ranker *ranker = mem_alloc(1, sizeof *ranker, err);
	if (!ranker)
		return err->code;
	*ranker = (struct als_ranker){.model = model, .popularity = popularity};
	int code = find_factors(ranker, playlists, err);
	if (code != OK) {
		als_ranker_free(ranker);
		return code;
	}
	*out = ranker;
	return OK;
}

void als_ranker_free(struct als_ranker *ranker)
{
	if (!ranker)
		return;
	free(ranker->source);
	free(ranker->folded);
	free(ranker);
}

/* Four songs pass against all queries while they are in the cache. */
static void score_songs(const struct als_model *model, const float *const *factors, size_t count, float *scores)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	size_t f = model->factors, songs = model->items;
	for (size_t i = 0; i < songs; i += 4) {
		const float *y[4];
		for (size_t r = 0; r < 4; r++)
			y[r] = model->item + (i + r < songs ? i + r : i) * f;
		for (size_t q = 0; q < count; q += 4) {
			const float *x[4];
			float out[16];
			for (size_t r = 0; r < 4; r++)
				x[r] = factors[q + r < count ? q + r : q];
			kernels->dots(x, y, f, out, 4);
			for (size_t r = 0; r < 4 && q + r < count; r++)
				memcpy(scores + (q + r) * songs + i, out + 4 * r, (songs - i < 4 ? songs - i : 4) * sizeof *out);
		}
	}
}

static void score_als(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                      float *scores)
{
	const struct als_ranker *ranker = state;
	size_t f = ranker->model->factors;
	const float *factors[RANKING_BATCH];
	for (size_t q = 0; q < count; q++) {
		size_t p = queries[q].playlist;
		/* One without a factor may have no row of its own: its scores are put in place below. */
		factors[q] = ranker->source[p] == FACTOR_FOLDED ? ranker->folded + p * f
		             : ranker->source[p] == FACTOR_NONE ? ranker->model->item
		                                                : ranker->model->user + p * f;
	}
	score_songs(ranker->model, factors, count, scores);
	for (size_t q = 0; q < count; q++)
		if (ranker->source[queries[q].playlist] == FACTOR_NONE)
			score_popularity(ranker->popularity, &queries[q], 1, workspace, scores + q * ranker->model->items);
}

struct ranker als_ranker_of(const struct als_ranker *ranker)
{
	return (struct ranker){.name = "als", .score = score_als, .state = ranker};
}

/* ---- neighbours and ALS --------------------------------------------------------------------------------- */

static float largest(const float *x, size_t n)
{
	float most = 0;
	for (size_t i = 0; i < n; i++)
		most = x[i] > most ? x[i] : most;
	return most;
}

/* votes ← votes / most + weight · scores / their most, where there are votes. */
static void blend_row(const struct blend_ranker *ranker, const float *scores, size_t songs, float *votes)
{
	float most = largest(votes, songs), most_als = largest(scores, songs);
	float weight = most_als > 0 ? (float)ranker->als_weight / most_als : 0;
	for (size_t i = 0; i < songs; i++)
		if (votes[i] > 0)
			votes[i] = votes[i] / most + weight * (scores[i] > 0 ? scores[i] : 0);
}

static size_t votes_workspace(const struct blend_ranker *ranker)
{
	size_t bytes = neighbours_ranker(ranker->neighbours, "", RANK_SONGS).workspace;
	return (bytes + 63) / 64 * 64;
}

static void score_blend(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                        float *scores)
{
	const struct blend_ranker *ranker = state;
	struct ranker votes = neighbours_ranker(ranker->neighbours, "", RANK_SONGS);
	size_t songs = ranker->als->model->items;
	float *als = (float *)(void *)((char *)workspace + votes_workspace(ranker));
	votes.score(votes.state, queries, count, workspace, scores);
	score_als(ranker->als, queries, count, workspace, als);
	for (size_t q = 0; q < count; q++)
		if (queries[q].n_shown > 0)
			blend_row(ranker, als + q * songs, songs, scores + q * songs);
}

struct ranker blend_ranker_of(const struct blend_ranker *state)
{
	return (struct ranker){.name = "blend",
	                       .workspace =
	                           votes_workspace(state) + RANKING_BATCH * state->als->model->items * sizeof(float),
	                       .score = score_blend,
	                       .state = state};
}
