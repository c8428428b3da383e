/* A recommender's data that lead astray: refused when they are mapped, or where they are read, and never followed. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"

enum { TAGS = 2, LISTS = 3, SONGS = 40, FACTORS = 4, BLOCKS = (SONGS + SKETCH_ROWS - 1) / SKETCH_ROWS, LETTERS = 3 };

/* Every array writable, so that a test can damage it. */
struct arrays {
	struct recommender_view view;
	float tag_vector[TAGS * 2], playlist_factor[LISTS * FACTORS], song_factor[SONGS * FACTORS], norm[SONGS];
	float scale[BLOCKS * SKETCH_ROWS], error[BLOCKS * SKETCH_ROWS];
	uint8_t code[BLOCKS * SKETCH_ROWS * FACTORS], bytes[SONGS * LETTERS];
	int64_t tag_text[TAGS + 1], title[LISTS + 1], name[SONGS + 1], artist[SONGS + 1];
	int64_t tag_start[TAGS + 1], song_start[LISTS + 1], playlist_id[LISTS], likes[LISTS], song_id[SONGS], album[SONGS];
	int32_t tag_playlist[TAGS * LISTS], order[SONGS];
};

static void number_texts(int64_t *offsets, size_t count)
{
	for (size_t i = 0; i <= count; i++)
		offsets[i] = (int64_t)(LETTERS * i);
}

static void fill(struct arrays *a)
{
	struct err err = {0};
	struct rng rng;
	memset(a, 0, sizeof *a);
	rng_seed(&rng, 5, "test.damage", 0);
	for (size_t i = 0; i < SONGS * FACTORS; i++)
		a->song_factor[i] = (float)rng_normal(&rng);
	for (size_t i = 0; i < LISTS * FACTORS; i++)
		a->playlist_factor[i] = (float)rng_normal(&rng);
	for (size_t i = 0; i < SONGS; i++) {
		memcpy(a->bytes + LETTERS * i, "가", LETTERS);
		a->song_id[i] = 10 * (int64_t)i;
		a->album[i] = -1;
	}
	for (size_t t = 0; t < TAGS; t++) {
		a->tag_vector[2 * t + t] = 1;
		a->tag_start[t + 1] = (int64_t)(LISTS * (t + 1));
		for (size_t p = 0; p < LISTS; p++)
			a->tag_playlist[LISTS * t + p] = (int32_t)p;
	}
	for (size_t p = 0; p < LISTS; p++)
		a->song_start[p + 1] = 5 * (int64_t)(p + 1);
	number_texts(a->tag_text, TAGS);
	number_texts(a->title, LISTS);
	number_texts(a->name, SONGS);
	number_texts(a->artist, SONGS);
	assert_ok(row_search_order(a->song_factor, SONGS, FACTORS, a->order, a->norm, &err));
	sketch_build(a->song_factor, a->order, SONGS, FACTORS, a->code, a->scale, a->error);
	a->view = (struct recommender_view){.n_tags = TAGS,
	                                    .n_dims = 2,
	                                    .n_playlists = LISTS,
	                                    .n_songs = SONGS,
	                                    .n_factors = FACTORS,
	                                    .tag_vector = a->tag_vector,
	                                    .tag_name = {a->bytes, a->tag_text, TAGS},
	                                    .tag_display = {a->bytes, a->tag_text, TAGS},
	                                    .tag_start = a->tag_start,
	                                    .tag_playlist = a->tag_playlist,
	                                    .playlist_id = a->playlist_id,
	                                    .playlist_likes = a->likes,
	                                    .playlist_title = {a->bytes, a->title, LISTS},
	                                    .playlist_factor = a->playlist_factor,
	                                    .song_start = a->song_start,
	                                    .song_id = a->song_id,
	                                    .song_album = a->album,
	                                    .song_factor = a->song_factor,
	                                    .song_order = a->order,
	                                    .song_norm = a->norm,
	                                    .song_code = a->code,
	                                    .song_code_scale = a->scale,
	                                    .song_code_error = a->error,
	                                    .song_name = {a->bytes, a->name, SONGS},
	                                    .song_artist = {a->bytes, a->artist, SONGS}};
}

static void refused(const struct arrays *a, const char *words)
{
	struct err err = {0};
	struct recommender *r = NULL;
	assert_refused(recommender_new(&r, &a->view, "x", &err), ERR_DATA, words);
	assert_null(r);
}

static void what_leads_astray_is_refused_with_its_place(void **state)
{
	(void)state;
	static struct arrays a;
	fill(&a);
	a.order[7] = a.order[3];
	refused(&a, "x: song/order: entry 7 ");
	fill(&a);
	a.order[39] = SONGS;
	refused(&a, "x: song/order: entry 39 is 40, not one of 0 … 39");
	fill(&a);
	a.order[0] = -1;
	refused(&a, "x: song/order: entry 0 is -1");
	fill(&a);
	a.norm[12] = a.norm[11] * 2;
	refused(&a, "x: song/norm: entry 12 rises");
	fill(&a);
	a.norm[39] = -1;
	refused(&a, "x: song/norm: entry 39 rises or is no length");
	fill(&a);
	a.norm[0] = NAN;
	refused(&a, "x: song/norm: entry 0");
	fill(&a);
	a.scale[33] = INFINITY;
	refused(&a, "song/code_error: entry 33 ");
	fill(&a);
	a.error[2] = -1;
	refused(&a, "song/code_error: entry 2 ");
	fill(&a);
	a.song_id[39] = a.song_id[38];
	refused(&a, "x: song/id: entry 39 does not rise");
	fill(&a);
	a.song_id[1] = INT64_MAX;
	refused(&a, "x: song/id: entry 2 does not rise");
	fill(&a);
	a.song_start[1] = 11;
	refused(&a, "x: playlist_songs/start: falls after entry 1");
	fill(&a);
	a.tag_text[1] = 7;
	refused(&a, "x: tag/name/offsets: falls after entry 1");
	fill(&a);
	a.tag_text[0] = 1;
	refused(&a, "x: tag/name/offsets: does not begin with 0");
}

/* A request whose answer holds every song. */
static int ask(const struct arrays *a, size_t *count, struct err *err)
{
	struct recommender *r = NULL;
	struct recommend_result result = {0};
	char tag[] = "가", *tags[] = {tag};
	const struct recommend_request request = {.tags = tags,
	                                          .n_tags = 1,
	                                          .count = SONGS,
	                                          .similar_tags = 1,
	                                          .playlists = LISTS,
	                                          .songs_per_playlist = SONGS,
	                                          .choices = SONGS,
	                                          .per_artist = 1};
	int code = recommender_new(&r, &a->view, "x", err);
	if (code == OK)
		code = recommend(r, &request, &result, err);
	*count = result.count;
	recommend_result_free(&result);
	recommender_free(r);
	return code;
}

static void a_text_that_leads_out_of_its_bytes_is_refused_where_it_is_read(void **state)
{
	(void)state;
	static struct arrays a;
	static const int64_t places[] = {-1, INT64_MIN, LETTERS * SONGS + 1, INT64_MAX};
	struct err err = {0};
	size_t count;
	fill(&a);
	assert_ok(ask(&a, &count, &err));
	assert_int_equal(count, SONGS);
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		fill(&a);
		a.name[20] = places[i];
		assert_refused(ask(&a, &count, &err), ERR_DATA, "recommender: song/name/offsets: entry ");
		fill(&a);
		a.artist[20] = places[i];
		assert_refused(ask(&a, &count, &err), ERR_DATA, "recommender: song/artist/offsets: entry ");
		fill(&a);
		for (size_t p = 1; p < LISTS; p++)
			a.title[p] = places[i];
		assert_refused(ask(&a, &count, &err), ERR_DATA, "recommender: playlist/title/offsets: entry ");
		assert_int_equal(count, 0);
	}
	/* Falling, though inside. */
	fill(&a);
	a.name[20] = a.name[21] + LETTERS;
	assert_refused(ask(&a, &count, &err), ERR_DATA, "recommender: song/name/offsets: entry 20 ");
}

static void the_same_text_is_one_that_says_something(void **state)
{
	(void)state;
	static struct arrays a;
	fill(&a);
	a.artist[2] = a.artist[1];
	assert_true(text_table_same(&a.view.song_artist, 5, 6));
	assert_false(text_table_same(&a.view.song_artist, 1, 1));
	a.artist[9] = INT64_MAX;
	assert_false(text_table_same(&a.view.song_artist, 8, 9));
	assert_false(text_table_same(&a.view.song_artist, 9, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_leads_astray_is_refused_with_its_place),
	    cmocka_unit_test(a_text_that_leads_out_of_its_bytes_is_refused_where_it_is_read),
	    cmocka_unit_test(the_same_text_is_one_that_says_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
