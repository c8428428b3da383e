/* Third step: from playlists to songs that they vote for. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>

struct vote {
	uint32_t song;
	size_t playlist; /* index among the chosen */
	double weight;
};

/* By song, then by playlist: a total order. */
static int compare_votes(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;
	if (x->song != y->song)
		return x->song < y->song ? -1 : 1;
	return (x->playlist > y->playlist) - (x->playlist < y->playlist);
}

static double closeness_of(const struct recommend_work *work, uint32_t song)
{
	const struct recommender_view *view = &work->recommender->view;
	const float *y = view->song_factor + (size_t)song * view->n_factors;
	double product = 0, song_square = 0, taste_square = 0;
	for (size_t k = 0; k < view->n_factors; k++) {
		product += (double)y[k] * work->taste[k];
		song_square += (double)y[k] * y[k];
		taste_square += (double)work->taste[k] * work->taste[k];
	}
	double cosine = product / sqrt(song_square * taste_square);
	return isfinite(cosine) ? cosine : 0;
}

/* Votes are sorted by song: each run becomes one candidate. */
static void merge_votes(struct recommend_work *work, const struct vote *votes, size_t count)
{
	for (size_t v = 0; v < count; v++) {
		if (v == 0 || votes[v].song != votes[v - 1].song) {
			work->candidates[work->n_candidates++] = (struct candidate){.song = votes[v].song};
			if (work->n_known_songs > 0)
				work->candidates[work->n_candidates - 1].closeness = closeness_of(work, votes[v].song);
		}
		struct candidate *c = &work->candidates[work->n_candidates - 1];
		c->named++;
		c->votes += votes[v].weight;
		if (votes[v].weight > c->largest) {
			c->largest = votes[v].weight;
			c->playlist = votes[v].playlist;
		}
	}
}

/* Factors are not read before they are needed, so they are looked at here: few, where the catalogue has millions. */
static int check_factor(const struct recommender_view *view, size_t playlist, struct err *err)
{
	const float *x = view->playlist_factor + playlist * view->n_factors;
	for (size_t k = 0; k < view->n_factors; k++)
		if (!isfinite(x[k]))
			return err_set(err, ERR_DATA,
			               "recommender: playlist/factor: row %zu, number %zu is not finite; the bundle is damaged",
			               playlist, k);
	return OK;
}

/* lists[i]: the best songs of the whole catalogue for chosen playlist i. */
static int search_songs(const struct recommend_work *work, struct best_list *lists, struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	const float **queries = mem_alloc(work->n_chosen, sizeof *queries, err);
	if (!queries)
		return err->code;
	for (size_t i = 0; i < work->n_chosen; i++) {
		queries[i] = view->playlist_factor + work->chosen[i].playlist * view->n_factors;
		if (check_factor(view, work->chosen[i].playlist, err) != OK) {
			free(queries);
			return err->code;
		}
	}
	struct row_sketch sketch = {view->song_code, view->song_code_scale, view->song_code_error};
	row_search_run(&(struct row_search){.rows = view->song_factor,
	                                    .count = view->n_songs,
	                                    .dims = view->n_factors,
	                                    .order = view->song_order,
	                                    .norm = view->song_norm,
	                                    .sketch = view->song_code ? &sketch : NULL,
	                                    .excluded = work->excluded,
	                                    .queries = queries,
	                                    .n_queries = work->n_chosen,
	                                    .best = lists});
	free(queries);
	return OK;
}

static size_t cast_votes(const struct recommend_work *work, struct best_list *lists, struct vote *votes)
{
	size_t count = 0;
	for (size_t i = 0; i < work->n_chosen; i++) {
		size_t listed = best_finish(&lists[i]);
		for (size_t rank = 0; rank < listed; rank++)
			votes[count++] =
			    (struct vote){lists[i].buffer[rank].id, i, work->chosen[i].weight / log2((double)rank + 2)};
	}
	return count;
}

int recommend_find_songs(struct recommend_work *work, struct err *err)
{
	size_t songs = work->recommender->view.n_songs;
	size_t each = work->request->songs_per_playlist < songs ? work->request->songs_per_playlist : songs;
	struct best_list *lists = mem_alloc(work->n_chosen, sizeof *lists, err);
	struct scored *buffer = mem_alloc(work->n_chosen, 2 * each * sizeof *buffer, err);
	struct vote *votes = mem_alloc(work->n_chosen, each * sizeof *votes, err);
	work->candidates = mem_alloc(work->n_chosen, each * sizeof *work->candidates, err);
	int code = lists && buffer && votes && work->candidates ? OK : err->code;
	for (size_t i = 0; i < work->n_chosen && code == OK; i++)
		best_start(&lists[i], buffer + i * 2 * each, each);
	if (code == OK)
		code = search_songs(work, lists, err);
	if (code == OK) {
		size_t count = cast_votes(work, lists, votes);
		qsort(votes, count, sizeof *votes, compare_votes);
		merge_votes(work, votes, count);
	}
	free(lists);
	free(buffer);
	free(votes);
	return code;
}
