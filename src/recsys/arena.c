/* Lists of songs and tags for playlists to be continued, from what each of them shows. */
#include "recsys/rankers_internal.h"
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>

struct lists {
	const struct playlists *playlists, *guests;
	const struct ranker *ranker;
	const size_t *rows;
	size_t count, items, wanted;
	uint32_t *found;  /* [count][wanted] */
	size_t *n_found;  /* [count] */
	size_t most_songs, most_tags;
	struct lists_scratch *scratch; /* a thread */
};

struct lists_scratch {
	float *scores;        /* [RANKING_BATCH][items] */
	int32_t *songs, *tags; /* [RANKING_BATCH][most of a playlist] */
	struct scored *best;  /* [2 · wanted] */
	void *workspace;
};

static size_t shown_of(const struct playlist_links *links, size_t row, int32_t *shown)
{
	size_t count = 0;
	for (int64_t e = links->start[row]; e < links->start[row + 1]; e++)
		if (links->held[e] != 1)
			shown[count++] = links->index[e];
	return count;
}

/* Where a playlist stands: among those that were learnt from, or among the guests. */
static const struct playlists *home_of(const struct lists *lists, size_t *row)
{
	if (*row < lists->playlists->n_playlists)
		return lists->playlists;
	*row -= lists->playlists->n_playlists;
	return lists->guests;
}

static void list_row(const struct lists *lists, size_t at, float *scores, struct lists_scratch *s)
{
	size_t row = lists->rows[at];
	const struct playlists *home = home_of(lists, &row);
	const struct playlist_links *links = lists->ranker->target == RANK_TAGS ? &home->tags : &home->songs;
	struct best_list best;
	for (int64_t e = links->start[row]; e < links->start[row + 1]; e++)
		if (!links->held[e])
			scores[links->index[e]] = NAN;
	best_start(&best, s->best, lists->wanted);
	for (size_t i = 0; i < lists->items; i++)
		best_offer(&best, scores[i], (uint32_t)i);
	lists->n_found[at] = best_finish(&best);
	for (size_t i = 0; i < lists->n_found[at]; i++)
		lists->found[at * lists->wanted + i] = s->best[i].id;
}

static int list_batch(size_t batch, int thread, void *context, struct err *err)
{
	const struct lists *lists = context;
	struct lists_scratch *s = &lists->scratch[thread];
	size_t first = batch * RANKING_BATCH, left = lists->count - first;
	size_t count = left < RANKING_BATCH ? left : RANKING_BATCH;
	struct ranking_query queries[RANKING_BATCH] = {{0}};
	for (size_t q = 0; q < count; q++) {
		int32_t *songs = s->songs + q * lists->most_songs, *tags = s->tags + q * lists->most_tags;
		size_t row = lists->rows[first + q];
		queries[q] = (struct ranking_query){.playlist = row, .shown = songs, .tags = tags};
		const struct playlists *home = home_of(lists, &row);
		queries[q].n_shown = shown_of(&home->songs, row, songs);
		queries[q].n_tags = shown_of(&home->tags, row, tags);
	}
	lists->ranker->score(lists->ranker->state, queries, count, s->workspace, s->scores);
	for (size_t q = 0; q < count; q++)
		list_row(lists, first + q, s->scores + q * lists->items, s);
	return stop_check("arena", err);
}

static size_t most_links(const struct playlist_links *links, size_t rows, size_t least)
{
	int64_t most = (int64_t)least;
	for (size_t r = 0; r < rows; r++)
		most = links->start[r + 1] - links->start[r] > most ? links->start[r + 1] - links->start[r] : most;
	return (size_t)most;
}

static int scratch_init(const struct lists *lists, struct lists_scratch *s, struct err *err)
{
	s->scores = mem_alloc(RANKING_BATCH, lists->items * sizeof *s->scores, err);
	s->songs = mem_alloc(RANKING_BATCH, lists->most_songs * sizeof *s->songs, err);
	s->tags = mem_alloc(RANKING_BATCH, lists->most_tags * sizeof *s->tags, err);
	s->best = mem_alloc(2 * lists->wanted, sizeof *s->best, err);
	s->workspace = mem_alloc(lists->ranker->workspace + 1, 1, err);
	return s->scores && s->songs && s->tags && s->best && s->workspace ? OK : err->code;
}

static void scratch_free(struct lists_scratch *s)
{
	free(s->scores);
	free(s->songs);
	free(s->tags);
	free(s->best);
	free(s->workspace);
}

static int find_lists(struct lists *lists, int threads, struct err *err)
{
	const struct playlists *of[] = {lists->playlists, lists->guests};
	lists->most_songs = lists->most_tags = 1;
	for (size_t i = 0; i < ARRAY_COUNT(of) && of[i]; i++) {
		lists->most_songs = most_links(&of[i]->songs, of[i]->n_playlists, lists->most_songs);
		lists->most_tags = most_links(&of[i]->tags, of[i]->n_playlists, lists->most_tags);
	}
	lists->scratch = mem_alloc((size_t)threads, sizeof *lists->scratch, err);
	int code = lists->scratch ? OK : err->code;
	for (int t = 0; t < threads && code == OK; t++)
		code = scratch_init(lists, &lists->scratch[t], err);
	if (code == OK)
		code = parallel_for((lists->count + RANKING_BATCH - 1) / RANKING_BATCH, 1, threads, list_batch, lists, err);
	for (int t = 0; t < threads && lists->scratch; t++)
		scratch_free(&lists->scratch[t]);
	free(lists->scratch);
	return code;
}

struct arena_models {
	struct csr matrix;
	struct popularity *popularity;
	struct als_ranker *als;
	struct neighbours *neighbours;
};

static int models_init(struct arena_models *all, const struct arena_question *question, struct err *err)
{
	const struct playlists *playlists = question->playlists;
	const struct recommend_settings *settings = &question->recommend;
	const struct als_guests guests = {question->guests, &all->matrix, question->confidence, question->threads};
	const struct neighbours_options options = {.song_weight = 1,
	                                           .tag_weight = settings->tag_weight,
	                                           .sharpness = settings->sharpness,
	                                           .damping = settings->damping};
	int code = playlists_matrix(playlists, &all->matrix, err);
	if (code == OK)
		code = popularity_new(&all->popularity, &all->matrix, err);
	if (code == OK)
		code = als_ranker_new(&all->als, playlists, question->model, all->popularity, err);
	if (code == OK && question->guests)
		code = als_ranker_admit(all->als, playlists, &guests, err);
	return code == OK ? neighbours_new(&all->neighbours, playlists, &options, all->popularity, err) : code;
}

static int answers_alloc(struct arena_answers *answers, size_t count, struct err *err)
{
	answers->count = count;
	answers->song = mem_alloc(count, ARENA_SONGS * sizeof *answers->song, err);
	answers->tag = mem_alloc(count, ARENA_TAGS * sizeof *answers->tag, err);
	answers->n_songs = mem_alloc(count, sizeof *answers->n_songs, err);
	answers->n_tags = mem_alloc(count, sizeof *answers->n_tags, err);
	return answers->song && answers->tag && answers->n_songs && answers->n_tags ? OK : err->code;
}

void arena_answers_free(struct arena_answers *answers)
{
	free(answers->song);
	free(answers->tag);
	free(answers->n_songs);
	free(answers->n_tags);
	*answers = (struct arena_answers){0};
}

int arena_answer(const struct arena_question *question, struct arena_answers *out, struct err *err)
{
	const struct playlists *playlists = question->playlists;
	int threads = question->threads < 1 ? 1 : question->threads;
	struct arena_models all = {0};
	struct arena_answers answers = {0};
	int code = models_init(&all, question, err);
	if (code == OK)
		code = answers_alloc(&answers, question->count, err);
	const struct blend_ranker blend = {all.neighbours, all.als, question->recommend.als_weight};
	for (int target = RANK_SONGS; target <= RANK_TAGS && code == OK; target++) {
		bool songs = target == RANK_SONGS;
		struct ranker ranker = songs ? blend_ranker_of(&blend) : neighbours_ranker(all.neighbours, "", RANK_TAGS);
		struct lists lists = {.playlists = playlists,
		                      .guests = question->guests,
		                      .ranker = &ranker,
		                      .rows = question->rows,
		                      .count = question->count,
		                      .items = songs ? playlists->n_songs : playlists->n_tags,
		                      .wanted = songs ? ARENA_SONGS : ARENA_TAGS,
		                      .found = songs ? answers.song : answers.tag,
		                      .n_found = songs ? answers.n_songs : answers.n_tags};
		code = find_lists(&lists, threads, err);
	}
	neighbours_free(all.neighbours);
	als_ranker_free(all.als);
	popularity_free(all.popularity);
	csr_free(&all.matrix);
	if (code != OK) {
		arena_answers_free(&answers);
		return code;
	}
	*out = answers;
	return OK;
}
