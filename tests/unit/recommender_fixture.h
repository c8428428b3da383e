/* A small world of playlists, tags and songs, and a request of it. */
#ifndef MOODCAST_TESTS_RECOMMENDER_FIXTURE_H
#define MOODCAST_TESTS_RECOMMENDER_FIXTURE_H

#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys.h"

#define TAGS 12
#define DIMS 7
#define ROWS 60
#define SONGS 150
#define FACTORS 5

/* Tags 0–5 point one way, 6–11 another; playlist r holds two tags of its kind; kinds like different halves of the
 * songs. Row 7 is held out. */
struct world {
	struct playlists playlists;
	struct als_model model;
	struct recommender_source source;
	int64_t id[ROWS], likes[ROWS], tag_start[ROWS + 1], song_start[ROWS + 1], tag_count[TAGS], song_id[SONGS],
	    song_album[SONGS];
	uint8_t split[ROWS], mask[ROWS], tag_held[2 * ROWS], song_held[4 * ROWS];
	int32_t tag_index[2 * ROWS], song_index[4 * ROWS];
	float vectors[TAGS * DIMS], user[ROWS * FACTORS], item[SONGS * FACTORS];
};

static int add_text(struct path_list *list, const char *prefix, size_t i)
{
	struct err err = {0};
	char text[64];
	snprintf(text, sizeof text, "%s%zu", prefix, i);
	return path_list_add(list, text, &err);
}

static void fill_links(struct world *w, struct rng *rng)
{
	for (size_t r = 0; r < ROWS; r++) {
		size_t kind = r % 2;
		w->id[r] = 1000 + (int64_t)r;
		w->likes[r] = (int64_t)rng_below(rng, 100);
		w->split[r] = r == 7 ? PLAYLIST_HELD_OUT : PLAYLIST_TRAIN;
		for (size_t q = 0; q < 2; q++)
			w->tag_index[2 * r + q] = (int32_t)(6 * kind + (r / 2 + q) % 6);
		w->tag_start[r + 1] = 2 * (int64_t)r + 2;
		/* Row 5 has no song. */
		size_t songs = r == 5 ? 0 : 4, at = (size_t)w->song_start[r];
		for (size_t q = 0; q < songs; q++)
			w->song_index[at + q] = (int32_t)(75 * kind + 10 * q + rng_below(rng, 10));
		w->song_start[r + 1] = (int64_t)(at + songs);
		for (size_t k = 0; k < FACTORS && r != 5; k++)
			w->user[r * FACTORS + k] = (float)((k == kind ? 1 : 0) + 0.2 * rng_normal(rng));
	}
}

static struct world *world_new(void)
{
	struct err err = {0};
	struct rng rng;
	struct world *w = mem_alloc(1, sizeof *w, &err);
	int code = OK;
	rng_seed(&rng, 1, "test.recommender", 0);
	fill_links(w, &rng);
	w->playlists = (struct playlists){.n_playlists = ROWS,
	                                  .n_tags = TAGS,
	                                  .n_songs = SONGS,
	                                  .id = w->id,
	                                  .likes = w->likes,
	                                  .split = w->split,
	                                  .mask = w->mask,
	                                  .tags = {w->tag_start, w->tag_index, w->tag_held},
	                                  .songs = {w->song_start, w->song_index, w->song_held},
	                                  .tag_count = w->tag_count,
	                                  .song_id = w->song_id,
	                                  .song_album = w->song_album};
	for (size_t r = 0; r < ROWS && code == OK; r++)
		code = add_text(&w->playlists.title, "제목 ", r);
	for (size_t t = 0; t < TAGS && code == OK; t++) {
		code = add_text(&w->playlists.tag_name, "tag", t);
		code = code == OK ? add_text(&w->playlists.tag_display, "Tag", t) : code;
		for (size_t k = 0; k < DIMS; k++)
			w->vectors[t * DIMS + k] = (float)(3 * (k == t / 6) + 0.8 * rng_normal(&rng));
	}
	for (size_t s = 0; s < SONGS && code == OK; s++) {
		w->song_id[s] = 5000 + 3 * (int64_t)s;
		w->song_album[s] = -1;
		code = add_text(&w->playlists.song_name, "song ", s);
		code = code == OK ? path_list_add(&w->playlists.song_artist, s % 2 ? "가수" : "", &err) : code;
		for (size_t k = 0; k < FACTORS; k++)
			w->item[s * FACTORS + k] = (float)(0.7 * (k == s / 75) + 0.3 * rng_normal(&rng));
	}
	assert_int_equal(code, OK);
	w->model = (struct als_model){.users = ROWS, .items = SONGS, .factors = FACTORS, .user = w->user, .item = w->item};
	w->source = (struct recommender_source){&w->playlists, w->vectors, DIMS, &w->model, NULL};
	return w;
}

static void world_free(struct world *w)
{
	path_list_free(&w->playlists.title);
	path_list_free(&w->playlists.tag_name);
	path_list_free(&w->playlists.tag_display);
	path_list_free(&w->playlists.song_name);
	path_list_free(&w->playlists.song_artist);
	free(w);
}

static struct recommend_request request_of(const struct recommend_label *labels, size_t n_labels)
{
	return (struct recommend_request){.labels = labels,
	                                  .n_labels = n_labels,
	                                  .count = 5,
	                                  .seed = 1,
	                                  .similar_tags = 3,
	                                  .playlists = 6,
	                                  .songs_per_playlist = 10,
	                                  .choices = 12,
	                                  .min_similarity = 0.1};
}

static void assert_same_result(const struct recommend_result *a, const struct recommend_result *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->songs[i].id, b->songs[i].id);
		assert_true(a->songs[i].votes == b->songs[i].votes && a->songs[i].closeness == b->songs[i].closeness);
		assert_string_equal(a->songs[i].name, b->songs[i].name);
		assert_string_equal(a->songs[i].why.title, b->songs[i].why.title);
	}
}

#endif
