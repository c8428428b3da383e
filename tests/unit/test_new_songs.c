/* Songs that no training has seen: their tags, their factors by tags held to NumPy, and how well they are found. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"

/* ---- tags of songs ------------------------------------------------------------------------------------ */

static void a_song_stands_under_the_tags_of_the_playlists_that_show_it(void **state)
{
	struct err err = {0};
	/* Playlist 0 holds songs 0, 1 under tags 2, 0; playlist 1 songs 1, 2 (2 hidden) under 1 and a hidden 0; playlist 2
	 * song 3 under none. */
	int64_t song_start[] = {0, 2, 4, 5}, tag_start[] = {0, 2, 4, 4};
	int32_t songs[] = {0, 1, 1, 2, 3}, tags[] = {2, 0, 1, 0};
	uint8_t song_held[] = {0, 0, 0, 1, 0}, tag_held[] = {0, 0, 0, 1};
	const struct playlists p = {.n_playlists = 3,
	                            .n_tags = 3,
	                            .n_songs = 4,
	                            .tags = {tag_start, tags, tag_held},
	                            .songs = {song_start, songs, song_held}};
	static const int64_t start[] = {0, 2, 5, 5, 5};
	static const int32_t index[] = {0, 2, 0, 1, 2};
	struct csr of;
	(void)state;
	assert_ok(playlists_song_tags(&p, &of, &err));
	assert_true(of.rows == 4 && of.columns == 3);
	assert_memory_equal(of.start, start, sizeof start);
	assert_memory_equal(of.index, index, sizeof index);
	assert_ok(csr_check(&of, &err));
	csr_free(&of);
}

/* ---- factors ------------------------------------------------------------------------------------------ */

#define ITEMS 12
#define FACTORS 4
#define TAGS 5

/* Of tests/golden/new_songs_numpy.py, which says the same of y and of the tags. */
static const float expected[3][FACTORS] = {
    {-0.8419786F, 1.2409663F, 2.1829725F, 1.1179638F},
    {0.4205944F, 2.1302848F, 1.8814011F, -0.0972340F},
    {0.0000000F, 0.0000000F, 0.0000000F, 0.0000000F},
};

static bool under(size_t song, size_t tag)
{
	if (tag == 4)
		return song == 2;
	return song != 4 && (song * 7 + tag * 3) % 4 < 2;
}

static void factors_by_tags_are_those_of_the_formula(void **state)
{
	struct err err = {0};
	float y[ITEMS * FACTORS], *found;
	int64_t start[ITEMS + 1] = {0}, fresh_start[] = {0, 2, 4, 4};
	int32_t index[ITEMS * TAGS], fresh_index[] = {0, 4, 1, 2};
	(void)state;
	for (size_t i = 0; i < ITEMS; i++) {
		for (size_t k = 0; k < FACTORS; k++)
			y[i * FACTORS + k] = i == 7 ? 0 : (float)(sin(1 + (double)(i * FACTORS + k)) * (1 + (double)(i % 3)));
		start[i + 1] = start[i];
		for (size_t t = 0; t < TAGS; t++)
			if (under(i, t))
				index[start[i + 1]++] = (int32_t)t;
	}
	const struct als_model model = {.items = ITEMS, .factors = FACTORS, .item = y};
	struct csr known = {.rows = ITEMS, .columns = TAGS, .start = start, .index = index};
	struct csr fresh = {.rows = 3, .columns = TAGS, .start = fresh_start, .index = fresh_index};
	assert_ok(als_fold_songs(&model, &known, &fresh, &found, &err));
	for (size_t i = 0; i < 3 * FACTORS; i++)
		assert_true(fabs((double)found[i] - (double)expected[i / FACTORS][i % FACTORS]) < 2e-6);
	free(found);
	fresh.columns = TAGS - 1;
	assert_refused(als_fold_songs(&model, &known, &fresh, &found, &err), ERR_DATA,
	               "12 songs under 5 tags beside a model of 12 songs");
	fresh.columns = TAGS;
	known.rows = ITEMS - 1;
	assert_refused(als_fold_songs(&model, &known, &fresh, &found, &err), ERR_DATA, "11 songs");
}

/* ---- a world of kinds --------------------------------------------------------------------------------- */

#define KINDS 4
#define KIND_SONGS 30
#define KIND_TAGS 3
#define LISTS 400
#define LIST_LENGTH 12

/* Each playlist holds songs of its kind and two of the kind's tags, which none of another kind has; the last eighth
 * hides half its songs. */
struct world {
	struct playlists playlists;
	int64_t song_start[LISTS + 1], tag_start[LISTS + 1], likes[LISTS], id[LISTS], song_id[KINDS * KIND_SONGS];
	int32_t songs[LISTS * LIST_LENGTH], tags[LISTS * 2];
	uint8_t song_held[LISTS * LIST_LENGTH], tag_held[LISTS * 2], split[LISTS], mask[LISTS];
};

static void fill_list(struct world *w, size_t row, struct rng *rng)
{
	size_t order[KIND_SONGS], kind = row % KINDS, skipped = rng_below(rng, KIND_TAGS);
	bool in[KIND_SONGS] = {false}, held_out = row >= LISTS * 7 / 8;
	int64_t at = w->song_start[row], tag = w->tag_start[row];
	for (size_t i = 0; i < KIND_SONGS; i++)
		order[i] = i;
	rng_shuffle(rng, order, KIND_SONGS);
	for (size_t i = 0; i < LIST_LENGTH; i++)
		in[order[i]] = true;
	for (size_t i = 0; i < KIND_SONGS; i++) {
		if (!in[i])
			continue;
		w->songs[at] = (int32_t)(kind * KIND_SONGS + i);
		w->song_held[at] = held_out && (at & 1);
		at++;
	}
	for (size_t t = 0; t < KIND_TAGS; t++)
		if (t != skipped)
			w->tags[tag++] = (int32_t)(kind * KIND_TAGS + t);
	w->song_start[row + 1] = at;
	w->tag_start[row + 1] = tag;
	w->split[row] = held_out ? PLAYLIST_HELD_OUT : PLAYLIST_TRAIN;
	w->mask[row] = held_out ? MASK_SONGS : MASK_NONE;
	w->likes[row] = (int64_t)rng_below(rng, 20);
	w->id[row] = (int64_t)row;
}

static struct world *world_new(void)
{
	struct err err = {0};
	struct rng rng;
	struct world *w = mem_alloc(1, sizeof *w, &err);
	assert_non_null(w);
	rng_seed(&rng, 3, "test.new_songs", 0);
	for (size_t row = 0; row < LISTS; row++)
		fill_list(w, row, &rng);
	for (size_t s = 0; s < KINDS * KIND_SONGS; s++)
		w->song_id[s] = 1000 + (int64_t)s;
	w->playlists = (struct playlists){.n_playlists = LISTS,
	                                  .n_tags = KINDS * KIND_TAGS,
	                                  .n_songs = KINDS * KIND_SONGS,
	                                  .id = w->id,
	                                  .likes = w->likes,
	                                  .split = w->split,
	                                  .mask = w->mask,
	                                  .song_id = w->song_id,
	                                  .tags = {w->tag_start, w->tags, w->tag_held},
	                                  .songs = {w->song_start, w->songs, w->song_held}};
	return w;
}

static const struct new_songs_options options = {
    .ranking = {.bootstrap = 100, .seed = 1, .threads = 1},
    .als = {.factors = 8, .iterations = 5, .regularization = 0.1, .alpha = 1, .confidence = CONFIDENCE_LOG},
    .share = 0.2};

static void train(const struct world *w, struct als_model *model)
{
	struct err err = {0};
	struct csr m;
	const struct als_options als = {.model = options.als, .seed = 1, .threads = 1};
	assert_ok(playlists_matrix(&w->playlists, &m, &err));
	assert_ok(als_train(&m, &als, model, &err));
	csr_free(&m);
}

static double cosine(const float *a, const float *b, size_t n)
{
	double product = 0, x = 0, y = 0;
	for (size_t k = 0; k < n; k++) {
		product += (double)a[k] * (double)b[k];
		x += (double)a[k] * (double)a[k];
		y += (double)b[k] * (double)b[k];
	}
	return product / sqrt(x * y);
}

static void a_song_with_the_tags_of_a_group_lies_near_the_group(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct als_model model = {0};
	struct csr known;
	int64_t start[KINDS + 1] = {0};
	int32_t index[KINDS * KIND_TAGS];
	float *found;
	(void)state;
	train(w, &model);
	assert_ok(playlists_song_tags(&w->playlists, &known, &err));
	for (size_t kind = 0; kind < KINDS; kind++) {
		start[kind + 1] = (int64_t)((kind + 1) * KIND_TAGS);
		for (size_t t = 0; t < KIND_TAGS; t++)
			index[kind * KIND_TAGS + t] = (int32_t)(kind * KIND_TAGS + t);
	}
	const struct csr fresh = {.rows = KINDS, .columns = KINDS * KIND_TAGS, .start = start, .index = index};
	assert_ok(als_fold_songs(&model, &known, &fresh, &found, &err));
	float middle[KINDS][8] = {{0}};
	double length = 0;
	for (size_t s = 0; s < KINDS * KIND_SONGS; s++) {
		const float *y = model.item + s * 8;
		double own = cosine(found + s / KIND_SONGS * 8, y, 8);
		for (size_t other = 1; other < KINDS; other++)
			assert_true(cosine(found + (s / KIND_SONGS + other) % KINDS * 8, y, 8) < own - 0.3);
		for (size_t k = 0; k < 8; k++)
			middle[s / KIND_SONGS][k] += y[k];
		length += sqrt((double)dot_run(8, y, y));
	}
	/* Where the group's middle is, and as long as the others are on average. */
	for (size_t kind = 0; kind < KINDS; kind++) {
		assert_true(cosine(found + kind * 8, middle[kind], 8) > 0.95);
		assert_true(fabs(sqrt((double)dot_run(8, found + kind * 8, found + kind * 8)) - length / (KINDS * KIND_SONGS)) <
		            1e-5);
	}
	free(found);
	csr_free(&known);
	als_model_free(&model);
	free(w);
}

static void new_songs_are_found_by_their_tags_and_not_by_chance(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct als_model model = {0};
	struct new_songs_evaluation one, two;
	struct new_songs_options other = options;
	static const char *const names[NEW_SONGS_RANKERS] = {"tags", "shared_tags", "random", "trained"};
	(void)state;
	train(w, &model);
	assert_ok(new_songs_evaluate(&w->playlists, &model, &options, &one, &err));
	assert_true(one.songs > 5 && one.songs < 60);
	for (size_t r = 0; r < NEW_SONGS_RANKERS; r++) {
		const struct ranking_score *s = &one.rankers[r].overall;
		assert_string_equal(one.rankers[r].name, names[r]);
		assert_true(s->playlists == one.rankers[0].overall.playlists && s->ndcg_low <= s->ndcg &&
		            s->ndcg <= s->ndcg_high);
		/* Fewer than a hundred are ranked, so every ranker lists each new song that the playlist does not show. */
		assert_true(s->recall > 1 - 1e-12);
	}
	double chance = one.rankers[NEW_SONGS_RANDOM].overall.ndcg_high;
	assert_true(one.rankers[NEW_SONGS_BY_TAGS].overall.ndcg > chance + 0.1);
	assert_true(one.rankers[NEW_SONGS_SHARED_TAGS].overall.ndcg > chance + 0.1);
	assert_true(one.rankers[NEW_SONGS_TRAINED].overall.ndcg > chance + 0.1);
	other.ranking.threads = 3;
	assert_ok(new_songs_evaluate(&w->playlists, &model, &other, &two, &err));
	assert_memory_equal(&one, &two, sizeof one);
	other.share = 0;
	assert_ok(new_songs_evaluate(&w->playlists, &model, &other, &two, &err));
	assert_true(two.songs == 0 && two.rankers[0].overall.playlists == 0);
	/* Without tags there is nothing to go by. */
	memset(w->tag_held, 1, sizeof w->tag_held);
	assert_ok(new_songs_evaluate(&w->playlists, &model, &options, &two, &err));
	assert_true(two.songs == 0 && two.rankers[0].overall.playlists == 0);
	als_model_free(&model);
	free(w);
}

/* ---- a catalogue with new songs in it ------------------------------------------------------------------ */

/* Songs 10, 20, 30, 40, 50 are known, 30 by hidden links alone; fresh lists hold 15 (tags b and one unknown), 20 (a),
 * 30 (a), 99 (the unknown tag). */
static void new_songs_stand_among_the_known_ones(void **state)
{
	struct err err = {0};
	int64_t ids[] = {10, 20, 30, 40, 50}, albums[] = {1, 2, -1, 4, 5}, song_start[] = {0, 2, 5},
	        tag_start[] = {0, 1, 2};
	int32_t songs[] = {0, 1, 2, 3, 4}, tags[] = {0, 1};
	uint8_t song_held[] = {0, 0, 1, 0, 0}, tag_held[] = {0, 0};
	char *names[] = {(char *)"ten", (char *)"twenty", (char *)"", (char *)"forty", (char *)"fifty"},
	     *tag_names[] = {(char *)"a", (char *)"b"};
	float user[] = {1, 0, 0, 1}, item[] = {2, 0, 1, 0.1F, 0, 0, 0, 3, 0.1F, 2};
	const struct playlists known = {.n_playlists = 2,
	                                .n_tags = 2,
	                                .n_songs = 5,
	                                .song_id = ids,
	                                .song_album = albums,
	                                .song_name = {names, 5, 5},
	                                .song_artist = {names, 5, 5},
	                                .tag_name = {tag_names, 2, 2},
	                                .tags = {tag_start, tags, tag_held},
	                                .songs = {song_start, songs, song_held}};
	const struct als_model model = {.users = 2, .items = 5, .factors = 2, .user = user, .item = item};
	int64_t fresh_ids[] = {15, 20, 30, 99}, fresh_albums[] = {7, 8, 9, 10}, fresh_song_start[] = {0, 1, 3, 4},
	        fresh_tag_start[] = {0, 2, 3, 4};
	int32_t fresh_songs[] = {0, 1, 2, 3}, fresh_tags[] = {0, 1, 2, 1};
	uint8_t shown[4] = {0};
	char *fresh_names[] = {(char *)"fifteen", (char *)"other", (char *)"thirty", (char *)"none"},
	     *fresh_tag_names[] = {(char *)"b", (char *)"unknown", (char *)"a"};
	const struct playlists fresh = {.n_playlists = 3,
	                                .n_tags = 3,
	                                .n_songs = 4,
	                                .song_id = fresh_ids,
	                                .song_album = fresh_albums,
	                                .song_name = {fresh_names, 4, 4},
	                                .song_artist = {fresh_names, 4, 4},
	                                .tag_name = {fresh_tag_names, 3, 3},
	                                .tags = {fresh_tag_start, fresh_tags, shown},
	                                .songs = {fresh_song_start, fresh_songs, shown}};
	static const int64_t all_ids[] = {10, 15, 20, 30, 40, 50}, all_albums[] = {1, 7, 2, 9, 4, 5},
	                     start[] = {0, 0, 1, 1, 2, 2, 2};
	static const char *const all_names[] = {"ten", "fifteen", "twenty", "thirty", "forty", "fifty"};
	static const int32_t links[] = {0, 2, 3, 4, 5}, by[] = {1, 0};
	struct new_songs all;
	(void)state;
	assert_ok(new_songs_admit(&all, &known, &model, &fresh, &err));
	assert_true(all.added == 2 && all.without_tags == 1);
	assert_true(all.playlists.n_songs == 6 && all.model.items == 6 && all.tags.rows == 6 && all.tags.columns == 2);
	assert_memory_equal(all.playlists.song_id, all_ids, sizeof all_ids);
	assert_memory_equal(all.playlists.song_album, all_albums, sizeof all_albums);
	assert_memory_equal(all.playlists.songs.index, links, sizeof links);
	assert_memory_equal(all.tags.start, start, sizeof start);
	assert_memory_equal(all.tags.index, by, sizeof by);
	for (size_t s = 0; s < 6; s++)
		assert_string_equal(all.playlists.song_name.items[s], all_names[s]);
	for (size_t k = 0; k < 2; k++) {
		assert_true(all.model.item[0 * 2 + k] == item[0 * 2 + k] && all.model.item[2 * 2 + k] == item[1 * 2 + k]);
		assert_true(all.model.item[4 * 2 + k] == item[3 * 2 + k]);
	}
	/* Tag a is that of songs along the first direction, b that of those along the second. */
	assert_true(all.model.item[1 * 2 + 1] > fabsf(all.model.item[1 * 2]) &&
	            all.model.item[3 * 2] > fabsf(all.model.item[3 * 2 + 1]));
	new_songs_free(&all);
	const struct als_model other = {.users = 2, .items = 3, .factors = 2, .user = user, .item = item};
	assert_refused(new_songs_admit(&all, &known, &other, &fresh, &err), ERR_DATA, "beside a model of 3 songs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_song_stands_under_the_tags_of_the_playlists_that_show_it),
	    cmocka_unit_test(factors_by_tags_are_those_of_the_formula),
	    cmocka_unit_test(a_song_with_the_tags_of_a_group_lies_near_the_group),
	    cmocka_unit_test(new_songs_are_found_by_their_tags_and_not_by_chance),
	    cmocka_unit_test(new_songs_stand_among_the_known_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
