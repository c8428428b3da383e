/* Songs taken out of training, found again by their tags: what recsys.h calls new_songs_evaluate. */
#include "recsys/rankers_internal.h"
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trial {
	const struct playlists *all;
	uint8_t *fresh;                 /* [songs]: taken out; after find_pool only those that can be found */
	struct csr song_tags;           /* of `all`, which shows the new songs too */
	struct playlists learnt, asked; /* `all`, but for the songs: without the new ones; hiding new ones alone */
	struct csr matrix;              /* of learnt */
	struct popularity *popularity;
	struct als_model model; /* of learnt; then with factors by tags */
	float *weight;          /* [tags]: idf² */
	float *length;          /* [songs]: √ Σ of weights of the song's tags */
};

/* By the song's own stream: what is drawn depends on no other song. */
static size_t draw_songs(struct trial *trial, double share, uint64_t seed)
{
	size_t drawn = 0;
	for (size_t s = 0; s < trial->all->n_songs; s++) {
		struct rng rng;
		rng_seed(&rng, seed, "evaluate.new_songs", (uint64_t)trial->all->song_id[s]);
		trial->fresh[s] = rng_unit(&rng) < share;
		drawn += trial->fresh[s];
	}
	return drawn;
}

enum part { LEARNT, ASKED };

/* A shown new song stays in `asked`: it is no answer. */
static bool belongs(enum part part, bool fresh, bool held)
{
	return part == LEARNT ? !fresh : fresh || !held;
}

static int take_part(const struct trial *trial, enum part part, struct playlists *out, struct err *err)
{
	const struct playlist_links *from = &trial->all->songs;
	size_t rows = trial->all->n_playlists, links = (size_t)from->start[rows];
	struct playlist_links kept = {mem_alloc(rows + 1, sizeof *kept.start, err),
	                              mem_alloc(links, sizeof *kept.index, err), mem_alloc(links, sizeof *kept.held, err)};
	*out = *trial->all;
	out->songs = kept;
	if (!kept.start || !kept.index || !kept.held)
		return err->code;
	int64_t at = 0;
	for (size_t r = 0; r < rows; r++) {
		for (int64_t e = from->start[r]; e < from->start[r + 1]; e++) {
			if (!belongs(part, trial->fresh[from->index[e]], from->held[e] != 0))
				continue;
			kept.index[at] = from->index[e];
			kept.held[at++] = from->held[e];
		}
		kept.start[r + 1] = at;
	}
	return OK;
}

static void drop_part(struct playlists *part)
{
	free(part->songs.start);
	free(part->songs.index);
	free(part->songs.held);
}

/* ---- the tags of songs ------------------------------------------------------------------------------- */

/* The rows of the songs that were taken out (fresh = 1), or of the others; the rest is empty. */
static int take_rows(const struct trial *trial, bool fresh, struct csr *out, struct err *err)
{
	const struct csr *from = &trial->song_tags;
	struct csr made = {.rows = from->rows, .columns = from->columns};
	made.start = mem_alloc(from->rows + 1, sizeof *made.start, err);
	made.index = made.start ? mem_alloc((size_t)from->start[from->rows], sizeof *made.index, err) : NULL;
	if (!made.index) {
		csr_free(&made);
		return err->code;
	}
	for (size_t s = 0; s < from->rows; s++) {
		size_t count = trial->fresh[s] == fresh ? (size_t)(from->start[s + 1] - from->start[s]) : 0;
		memcpy(made.index + made.start[s], from->index + from->start[s], count * sizeof *made.index);
		made.start[s + 1] = made.start[s] + (int64_t)count;
	}
	*out = made;
	return OK;
}

/* The new songs' rows of the model, which training left zero. */
static int fold_songs(struct trial *trial, struct err *err)
{
	struct csr known = {0}, fresh = {0};
	float *factors = NULL;
	size_t f = trial->model.factors;
	int code = take_rows(trial, false, &known, err);
	if (code == OK)
		code = take_rows(trial, true, &fresh, err);
	if (code == OK)
		code = als_fold_songs(&trial->model, &known, &fresh, &factors, err);
	for (size_t s = 0; code == OK && s < trial->all->n_songs; s++)
		if (trial->fresh[s])
			memcpy(trial->model.item + s * f, factors + s * f, f * sizeof *factors);
	free(factors);
	csr_free(&known);
	csr_free(&fresh);
	return code;
}

/* fresh ← those that have a factor now. Returns how many. */
static size_t find_pool(struct trial *trial)
{
	size_t f = trial->model.factors, pool = 0;
	for (size_t s = 0; s < trial->all->n_songs; s++) {
		const float *y = trial->model.item + s * f;
		bool any = false;
		for (size_t k = 0; k < f && !any; k++)
			any = y[k] < 0 || y[k] > 0;
		trial->fresh[s] = trial->fresh[s] && any;
		pool += trial->fresh[s];
	}
	return pool;
}

/* ---- who ranks them --------------------------------------------------------------------------------------- */

static int weigh_tags(struct trial *trial, struct err *err)
{
	const struct csr *tags = &trial->song_tags;
	double songs = 0;
	trial->weight = mem_alloc(tags->columns, sizeof *trial->weight, err);
	trial->length = mem_alloc(tags->rows, sizeof *trial->length, err);
	if (!trial->weight || !trial->length)
		return err->code;
	for (size_t s = 0; s < tags->rows; s++) {
		songs += tags->start[s + 1] > tags->start[s];
		for (int64_t e = tags->start[s]; e < tags->start[s + 1]; e++)
			trial->weight[tags->index[e]]++;
	}
	for (size_t t = 0; t < tags->columns; t++) {
		double n = (double)trial->weight[t], idf = log1p((songs - n + 0.5) / (n + 0.5));
		trial->weight[t] = (float)(idf * idf);
	}
	for (size_t s = 0; s < tags->rows; s++) {
		for (int64_t e = tags->start[s]; e < tags->start[s + 1]; e++)
			trial->length[s] += trial->weight[tags->index[e]];
		trial->length[s] = sqrtf(trial->length[s]);
	}
	return OK;
}

/* profile[t] += idf² · share of a song's tags (sign 1), or back to zero (sign 0). */
static void add_profile(const struct trial *trial, size_t song, float *profile, bool add)
{
	const struct csr *tags = &trial->song_tags;
	for (int64_t e = tags->start[song]; e < tags->start[song + 1]; e++) {
		int32_t tag = tags->index[e];
		profile[tag] = add ? profile[tag] + trial->weight[tag] / trial->length[song] : 0;
	}
}

/* What the playlist's shown songs, but for new ones, stand under; its own tags where there are none. */
static bool describe_playlist(const struct trial *trial, const struct ranking_query *query, float *profile, bool add)
{
	bool any = false;
	for (size_t i = 0; i < query->n_shown; i++) {
		size_t song = (size_t)query->shown[i];
		if (trial->fresh[song] || !(trial->length[song] > 0))
			continue;
		add_profile(trial, song, profile, add);
		any = true;
	}
	for (size_t i = 0; i < query->n_tags && !any; i++)
		profile[query->tags[i]] = add ? trial->weight[query->tags[i]] : 0;
	return any;
}

/* profile · song / |song|: what the playlist's own length would divide by changes no order. */
static void score_shared(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                         float *scores)
{
	const struct trial *trial = state;
	const struct csr *tags = &trial->song_tags;
	float *profile = workspace;
	for (size_t q = 0; q < count; q++) {
		float *row = scores + q * tags->rows;
		describe_playlist(trial, &queries[q], profile, true);
		for (size_t s = 0; s < tags->rows; s++) {
			row[s] = NAN;
			if (!trial->fresh[s])
				continue;
			float sum = 0;
			for (int64_t e = tags->start[s]; e < tags->start[s + 1]; e++)
				sum += profile[tags->index[e]];
			row[s] = sum / trial->length[s];
		}
		describe_playlist(trial, &queries[q], profile, false);
	}
}

static void score_random(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                         float *scores)
{
	const struct trial *trial = state;
	size_t songs = trial->all->n_songs;
	(void)workspace;
	for (size_t q = 0; q < count; q++) {
		struct rng rng;
		rng_seed(&rng, 0, "new_songs.random", (uint64_t)trial->all->id[queries[q].playlist]);
		for (size_t s = 0; s < songs; s++)
			scores[q * songs + s] = trial->fresh[s] ? (float)rng_unit(&rng) : NAN;
	}
}

/* Another ranker's scores, of the new songs alone. */
struct among_new {
	const struct trial *trial;
	struct ranker by;
};

static void score_among(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                        float *scores)
{
	const struct among_new *among = state;
	size_t songs = among->trial->all->n_songs;
	among->by.score(among->by.state, queries, count, workspace, scores);
	for (size_t i = 0; i < count * songs; i++)
		if (!among->trial->fresh[i % songs])
			scores[i] = NAN;
}

/* ---- the judgement ------------------------------------------------------------------------------------- */

static bool asks(const struct playlists *asked)
{
	for (size_t p = 0; p < asked->n_playlists; p++)
		for (int64_t e = asked->songs.start[p]; e < asked->songs.start[p + 1]; e++)
			if (asked->songs.held[e] && asked->split[p] == PLAYLIST_HELD_OUT)
				return true;
	return false;
}

static int judge(const struct trial *trial, const struct als_model *shipped, const struct ranking_options *options,
                 struct ranking_result *results, struct err *err)
{
	struct als_ranker *by_tags = NULL, *trained = NULL;
	int code = als_ranker_new(&by_tags, &trial->learnt, &trial->model, trial->popularity, err);
	if (code == OK)
		code = als_ranker_new(&trained, trial->all, shipped, trial->popularity, err);
	const struct among_new tags = {trial, code == OK ? als_ranker_of(by_tags) : (struct ranker){0}},
	                       known = {trial, code == OK ? als_ranker_of(trained) : (struct ranker){0}};
	const struct ranker rankers[NEW_SONGS_RANKERS] = {
	    [NEW_SONGS_BY_TAGS] = {.name = "tags", .workspace = tags.by.workspace, .score = score_among, .state = &tags},
	    [NEW_SONGS_SHARED_TAGS] = {.name = "shared_tags",
	                               .workspace = trial->all->n_tags * sizeof(float),
	                               .score = score_shared,
	                               .state = trial},
	    [NEW_SONGS_RANDOM] = {.name = "random", .score = score_random, .state = trial},
	    [NEW_SONGS_TRAINED] = {
	        .name = "trained", .workspace = known.by.workspace, .score = score_among, .state = &known}};
	for (size_t r = 0; r < NEW_SONGS_RANKERS && code == OK; r++)
		code = ranking_evaluate(&trial->asked, &rankers[r], options, &results[r], err);
	als_ranker_free(by_tags);
	als_ranker_free(trained);
	return code;
}

static int train(struct trial *trial, const struct new_songs_options *options, struct err *err)
{
	struct als_options als = {
	    .model = options->als, .seed = options->ranking.seed, .threads = options->ranking.threads};
	int code = take_part(trial, LEARNT, &trial->learnt, err);
	if (code == OK)
		code = playlists_matrix(&trial->learnt, &trial->matrix, err);
	if (code == OK)
		code = popularity_new(&trial->popularity, &trial->matrix, err);
	if (code == OK)
		code = als_train(&trial->matrix, &als, &trial->model, err);
	if (code == OK)
		code = playlists_song_tags(trial->all, &trial->song_tags, err);
	if (code == OK)
		code = fold_songs(trial, err);
	return code == OK ? weigh_tags(trial, err) : code;
}

static void trial_free(struct trial *trial)
{
	drop_part(&trial->learnt);
	drop_part(&trial->asked);
	csr_free(&trial->song_tags);
	csr_free(&trial->matrix);
	popularity_free(trial->popularity);
	als_model_free(&trial->model);
	free(trial->fresh);
	free(trial->weight);
	free(trial->length);
}

int new_songs_evaluate(const struct playlists *playlists, const struct als_model *model,
                       const struct new_songs_options *options, struct new_songs_evaluation *out, struct err *err)
{
	struct new_songs_evaluation result = {0};
	struct trial trial = {.all = playlists, .fresh = mem_alloc(playlists->n_songs, 1, err)};
	int code = trial.fresh ? OK : err->code;
	size_t drawn = code == OK ? draw_songs(&trial, options->share, options->ranking.seed) : 0;
	if (drawn > 0 && drawn < playlists->n_songs) {
		log_info("evaluate", "training ALS without %zu songs, to find them by their tags", drawn);
		code = train(&trial, options, err);
		if (code == OK) {
			result.songs = find_pool(&trial);
			code = take_part(&trial, ASKED, &trial.asked, err);
		}
		if (code == OK && asks(&trial.asked))
			code = judge(&trial, model, &options->ranking, result.rankers, err);
	}
	trial_free(&trial);
	if (code == OK)
		*out = result;
	return code;
}
