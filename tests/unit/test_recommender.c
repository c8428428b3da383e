/* From a label to songs: the steps against brute force, and what must hold for every answer. */
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
	int64_t id[ROWS], likes[ROWS], tag_start[ROWS + 1], song_start[ROWS + 1], tag_count[TAGS], song_id[SONGS], song_album[SONGS];
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

/* ---- data ------------------------------------------------------------------------------------------------ */

static void written_and_mapped_is_what_was_built(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct world *w = world_new();
	struct recommender *built, *mapped;
	struct tensor_file *file;
	char *seeds[] = {"tag2", "tag3"};
	struct recommend_label label = {"positive", 1, seeds, 2};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result a, b;
	(void)state;
	assert_ok(recommender_build(&built, &w->source, &err));
	assert_ok(recommender_write(scratch_path(folder, "r.safetensors"), &w->source, &err));
	assert_ok(tensors_map(&file, scratch_path(folder, "r.safetensors"), &err));
	assert_ok(recommender_map(&mapped, file, &err));
	const struct recommender_view *x = recommender_view(built), *y = recommender_view(mapped);
	assert_int_equal(x->n_playlists, ROWS - 1);
	assert_int_equal(y->n_playlists, ROWS - 1);
	assert_memory_equal(x->tag_vector, y->tag_vector, TAGS * DIMS * sizeof(float));
	assert_memory_equal(x->playlist_factor, y->playlist_factor, (ROWS - 1) * FACTORS * sizeof(float));
	assert_memory_equal(y->song_factor, w->item, sizeof w->item);
	assert_memory_equal(x->tag_playlist, y->tag_playlist, 2 * (ROWS - 1) * sizeof(int32_t));
	for (size_t p = 0; p < ROWS - 1; p++)
		assert_true(y->playlist_id[p] != 1007);
	for (size_t t = 0; t < TAGS; t++)
		assert_true(fabsf(norm_run(DIMS, y->tag_vector + t * DIMS) - 1) < 1e-5f);
	assert_ok(recommend(built, &request, &a, &err));
	assert_ok(recommend(mapped, &request, &b, &err));
	assert_int_equal(a.count, 5);
	assert_same_result(&a, &b);
	recommend_result_free(&a);
	recommend_result_free(&b);
	recommender_free(built);
	recommender_free(mapped);
	tensors_unmap(file);
	world_free(w);
	scratch_remove(folder);
}

static void tags_and_songs_are_found_by_name_and_id(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (size_t t = 0; t < TAGS; t++) {
		assert_int_equal(recommender_tag(r, w->playlists.tag_name.items[t]), t);
		assert_int_equal(recommender_tag(r, w->playlists.tag_display.items[t]), t);
	}
	assert_int_equal(recommender_tag(r, "tag"), TAGS);
	assert_int_equal(recommender_tag(r, ""), TAGS);
	for (size_t s = 0; s < SONGS; s++)
		assert_int_equal(recommender_song(r, w->song_id[s]), s);
	assert_int_equal(recommender_song(r, 5001), SONGS);
	assert_int_equal(recommender_song(r, INT64_MIN), SONGS);
	assert_int_equal(recommender_song(r, INT64_MAX), SONGS);
	recommender_free(r);
	world_free(w);
}

static void what_points_outside_is_refused(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r, *other = NULL;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	struct recommender_view view = *recommender_view(r);
	int32_t playlists[2 * ROWS];
	int64_t start[TAGS + 1], ids[SONGS];
	memcpy(playlists, view.tag_playlist, 2 * (ROWS - 1) * sizeof *playlists);
	memcpy(start, view.tag_start, sizeof start);
	memcpy(ids, view.song_id, sizeof ids);
	view.tag_playlist = playlists;
	view.tag_start = start;
	view.song_id = ids;
	playlists[4] = ROWS - 1;
	assert_refused(recommender_new(&other, &view, "x", &err), ERR_DATA, "x: tag_playlists/index: entry 4 is 59");
	playlists[4] = -1;
	assert_refused(recommender_new(&other, &view, "x", &err), ERR_DATA, "entry 4 is -1");
	playlists[4] = 0;
	start[3] = start[4] + 1;
	assert_refused(recommender_new(&other, &view, "x", &err), ERR_DATA, "tag_playlists/start: falls after entry 3");
	start[3] = start[4];
	ids[9] = ids[8];
	assert_refused(recommender_new(&other, &view, "x", &err), ERR_DATA, "song/id: entry 9");
	w->model.items++;
	assert_refused(recommender_build(&other, &w->source, &err), ERR_DATA, "do not belong");
	assert_null(other);
	recommender_free(r);
	world_free(w);
}

/* A file whose tensors do not fit together. */
static void a_file_that_lacks_a_tensor_is_refused(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "r.safetensors");
	float numbers[6] = {1, 0, 0, 1, 1, 1};
	struct tensor tensors[] = {{.name = "tag/vector", .type = NPY_F32, .rank = 2, .dims = {2, 3}, .data = numbers},
	                           {.name = "playlist/factor", .type = NPY_F32, .rank = 2, .dims = {3, 2}, .data = numbers},
	                           {.name = "song/factor", .type = NPY_F32, .rank = 2, .dims = {2, 3}, .data = numbers}};
	struct tensor_file *file;
	struct recommender *r = NULL;
	(void)state;
	assert_ok(tensors_save(path, tensors, 3, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_refused(recommender_map(&r, file, &err), ERR_DATA, "song/factor");
	tensors_unmap(file);
	tensors[2].dims[0] = 3;
	tensors[2].dims[1] = 2;
	assert_ok(tensors_save(path, tensors, 3, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_refused(recommender_map(&r, file, &err), ERR_DATA, "playlist/id");
	assert_null(r);
	tensors_unmap(file);
	scratch_remove(folder);
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

static size_t row_of_playlist(const struct world *w, int64_t id)
{
	for (size_t r = 0; r < ROWS; r++)
		if (w->id[r] == id)
			return r;
	fail_msg("playlist %lld does not exist", (long long)id);
	return 0;
}

/* Songs that score higher for the playlist than this one. */
static size_t rank_of(const struct world *w, size_t row, size_t song)
{
	size_t above = 0;
	float own = dot_run(FACTORS, w->user + row * FACTORS, w->item + song * FACTORS);
	for (size_t s = 0; s < SONGS; s++)
		above += dot_run(FACTORS, w->user + row * FACTORS, w->item + s * FACTORS) > own + 1e-5f;
	return above;
}

static double tag_cosine(const struct world *w, size_t a, size_t b)
{
	return (double)dot_run(DIMS, w->vectors + a * DIMS, w->vectors + b * DIMS) /
	       ((double)norm_run(DIMS, w->vectors + a * DIMS) * (double)norm_run(DIMS, w->vectors + b * DIMS));
}

static bool row_has_tag(const struct world *w, size_t row, size_t tag)
{
	return w->tag_index[2 * row] == (int32_t)tag || w->tag_index[2 * row + 1] == (int32_t)tag;
}

static void every_song_comes_by_the_path_it_names(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *happy[] = {"tag1"}, *sad[] = {"tag8", "tag9"};
	struct recommend_label labels[] = {{"positive", 0.7, happy, 1}, {"negative", 0.3, sad, 2}};
	struct recommend_request request = request_of(labels, 2);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	for (size_t i = 0; i < result.count; i++) {
		const struct recommended_song *song = &result.songs[i];
		const struct recommend_why *why = &song->why;
		size_t row = row_of_playlist(w, why->playlist), s = recommender_song(r, song->id);
		size_t seed = recommender_tag(r, why->seed), similar = recommender_tag(r, why->similar);
		bool positive = strcmp(why->label, "positive") == 0;
		assert_true(row != 7 && row != 5);
		assert_true(positive ? seed == 1 : seed == 8 || seed == 9);
		assert_true(why->probability == (positive ? 0.7 : 0.3));
		assert_true(row_has_tag(w, row, similar));
		assert_true(fabs(why->cosine - tag_cosine(w, seed, similar)) < 1e-5 && why->cosine >= 0.1);
		assert_true(rank_of(w, row, s) < request.songs_per_playlist);
		assert_string_equal(song->name, w->playlists.song_name.items[s]);
		assert_string_equal(song->artist, w->playlists.song_artist.items[s]);
		assert_string_equal(why->title, w->playlists.title.items[row]);
		assert_true(song->named >= 1 && song->votes > 0 && song->closeness == 0);
		assert_true(i == 0 || song->votes <= result.songs[i - 1].votes);
	}
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

/* Songs 3 and 80 pass for new ones of tags 0, 2 and 7: the file says so, and an answer that lists one says by which tags. */
static void a_new_song_says_by_which_tags_it_stands_there(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *built, *mapped;
	struct tensor_file *file;
	char *folder = scratch_new(), *happy[] = {"tag1"};
	int64_t start[SONGS + 1];
	int32_t tags[] = {0, 2, 7};
	struct recommend_label label = {"positive", 1, happy, 1};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	size_t found = 0;
	(void)state;
	for (size_t s = 0; s <= SONGS; s++)
		start[s] = s <= 3 ? 0 : s <= 80 ? 2 : 3;
	const struct csr new_tags = {.rows = SONGS, .columns = TAGS, .start = start, .index = tags};
	w->source.new_tags = &new_tags;
	for (size_t k = 0; k < FACTORS; k++)
		w->item[3 * FACTORS + k] = k == 0 ? 9 : 0; /* nobody fits the first kind better */
	assert_ok(recommender_build(&built, &w->source, &err));
	assert_ok(recommender_write(scratch_path(folder, "r.safetensors"), &w->source, &err));
	assert_ok(tensors_map(&file, scratch_path(folder, "r.safetensors"), &err));
	assert_ok(recommender_map(&mapped, file, &err));
	const struct recommender_view *view = recommender_view(mapped);
	assert_true(view->n_new == 2 && view->new_song[0] == 3 && view->new_song[1] == 80 && view->new_start[2] == 3);
	request.count = 20;
	assert_ok(recommend(mapped, &request, &result, &err));
	for (size_t i = 0; i < result.count; i++) {
		const struct path_list *by = &result.songs[i].why.new_by;
		bool new = recommender_song(mapped, result.songs[i].id) == 3;
		assert_true(by->count == (new ? 2 : 0) || recommender_song(mapped, result.songs[i].id) == 80);
		found += new;
		if (new) {
			assert_string_equal(by->items[0], "Tag0");
			assert_string_equal(by->items[1], "Tag2");
		}
	}
	assert_int_equal(found, 1);
	recommend_result_free(&result);
	recommender_free(mapped);
	tensors_unmap(file);
	/* What points outside is refused. */
	struct recommender_view bad = *recommender_view(built);
	int32_t songs[] = {80, 3};
	bad.new_song = songs;
	assert_refused(recommender_new(&mapped, &bad, "r", &err), ERR_DATA, "r: new_songs/song: entry 1 is 3");
	bad = *recommender_view(built);
	tags[1] = TAGS;
	bad.new_tag = tags;
	assert_refused(recommender_new(&mapped, &bad, "r", &err), ERR_DATA, "r: new_songs/index: entry 1 is 12");
	recommender_free(built);
	scratch_remove(folder);
	world_free(w);
}

/* How many of the answers come from which kind of song. */
static size_t count_kind(const struct recommender *r, const struct recommend_result *result, size_t kind)
{
	size_t count = 0;
	for (size_t i = 0; i < result->count; i++)
		count += recommender_song(r, result->songs[i].id) / 75 == kind;
	return count;
}

static void labels_are_blended_by_their_probability(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *happy[] = {"tag1"}, *sad[] = {"tag8"};
	size_t second[3];
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (size_t i = 0; i < 3; i++) {
		double share = 0.5 * (double)i;
		struct recommend_label labels[] = {{"positive", 1 - share, happy, 1}, {"negative", share, sad, 1}};
		struct recommend_request request = request_of(labels, 2);
		struct recommend_result result;
		request.count = request.choices = 30;
		request.playlists = 30;
		assert_ok(recommend(r, &request, &result, &err));
		second[i] = count_kind(r, &result, 1);
		recommend_result_free(&result);
	}
	assert_true(second[0] < second[1] && second[1] < second[2]);
	assert_true(second[1] >= 10 && second[1] <= 20);
	recommender_free(r);
	world_free(w);
}

static void a_session_never_hears_a_song_twice(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"tag4"};
	int64_t heard[SONGS];
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	request.tags = tags;
	request.n_tags = 1;
	request.history = heard;
	for (size_t round = 0;; round++) {
		request.seed = round;
		assert_ok(recommend(r, &request, &result, &err));
		for (size_t i = 0; i < result.count; i++) {
			assert_null(result.songs[i].why.label);
			for (size_t h = 0; h < request.n_history; h++)
				assert_true(heard[h] != result.songs[i].id);
			heard[request.n_history++] = result.songs[i].id;
		}
		if (result.count < request.count)
			break;
		recommend_result_free(&result);
	}
	/* It goes on to the last song of the catalogue, and says when there is none left. */
	assert_int_equal(request.n_history, SONGS);
	assert_true(result.notes.count > 0 && strstr(result.notes.items[0], "no more candidates"));
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

static void the_seed_chooses_among_the_best(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"Tag4"};
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result whole, first, again;
	size_t different = 0;
	(void)state;
	request.tags = tags;
	request.n_tags = 1;
	assert_ok(recommender_build(&r, &w->source, &err));
	request.count = request.choices;
	assert_ok(recommend(r, &request, &whole, &err));
	request.count = 5;
	assert_ok(recommend(r, &request, &first, &err));
	for (uint64_t seed = 1; seed <= 5; seed++) {
		request.seed = seed;
		assert_ok(recommend(r, &request, &again, &err));
		if (seed == 1)
			assert_same_result(&first, &again);
		for (size_t i = 0; i < again.count; i++) {
			bool among = false;
			for (size_t k = 0; k < whole.count; k++)
				among = among || whole.songs[k].id == again.songs[i].id;
			assert_true(among);
			different += again.songs[i].id != first.songs[i].id;
		}
		recommend_result_free(&again);
	}
	assert_true(different > 0);
	recommend_result_free(&first);
	recommend_result_free(&whole);
	recommender_free(r);
	world_free(w);
}

static double closeness(const struct world *w, const size_t *songs, size_t n, size_t song)
{
	double mean[FACTORS] = {0}, dot = 0, norm = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < FACTORS; k++)
			mean[k] +=
			    (double)w->item[songs[i] * FACTORS + k] / (double)norm_run(FACTORS, w->item + songs[i] * FACTORS);
	for (size_t k = 0; k < FACTORS; k++) {
		dot += mean[k] * (double)w->item[song * FACTORS + k];
		norm += mean[k] * mean[k];
	}
	return dot / (sqrt(norm) * (double)norm_run(FACTORS, w->item + song * FACTORS));
}

static void the_listeners_songs_come_first_in_the_order(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"tag3", "nowhere"};
	int64_t songs[] = {5000 + 3 * 80, 5000 + 3 * 90, 1};
	const size_t rows[] = {80, 90};
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result result;
	(void)state;
	request.tags = tags;
	request.n_tags = 2;
	request.songs = songs;
	request.n_songs = 3;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	assert_int_equal(result.notes.count, 2);
	assert_non_null(strstr(result.notes.items[0], "song 1 "));
	assert_non_null(strstr(result.notes.items[1], "'nowhere'"));
	for (size_t i = 0; i < result.count; i++) {
		size_t song = recommender_song(r, result.songs[i].id);
		assert_true(song != 80 && song != 90);
		assert_true(fabs(result.songs[i].closeness - closeness(w, rows, 2, song)) < 1e-5);
		assert_true(i == 0 || result.songs[i].closeness <= result.songs[i - 1].closeness);
		assert_string_equal(result.songs[i].why.seed, "Tag3");
	}
	recommend_result_free(&result);
	/* Without any known tag the playlists closest to those songs answer. */
	request.n_tags = 0;
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	assert_int_equal(count_kind(r, &result, 1), 5);
	for (size_t i = 0; i < result.count; i++)
		assert_true(!result.songs[i].why.seed && result.songs[i].why.playlist > 0);
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

static void an_unknown_tag_gives_way_to_the_one_spelt_most_like_it_and_a_note_says_so(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"tagg3"}, *meant[] = {"tag3"};
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result result, wanted;
	(void)state;
	request.tags = tags;
	request.n_tags = 1;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.notes.count, 1);
	assert_non_null(strstr(result.notes.items[0], "'tagg3'"));
	assert_non_null(strstr(result.notes.items[0], "'Tag3' is spelt most like it"));
	request.tags = meant;
	assert_ok(recommend(r, &request, &wanted, &err));
	assert_int_equal(wanted.notes.count, 0);
	assert_same_result(&result, &wanted);
	recommend_result_free(&result);
	recommend_result_free(&wanted);
	recommender_free(r);
	world_free(w);
}

static void nothing_known_gives_an_empty_answer_that_says_so(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"없는 태그"};
	struct recommend_label label = {"neutral", 1, tags, 1};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 0);
	assert_int_equal(result.notes.count, 2);
	assert_non_null(strstr(result.notes.items[0], "없는 태그"));
	assert_non_null(strstr(result.notes.items[1], "nothing to go by"));
	recommend_result_free(&result);
	label.probability = 1.5;
	assert_refused(recommend(r, &request, &result, &err), ERR_SETTINGS, "label 'neutral': probability 1.5");
	label.probability = 1;
	request.count = 0;
	assert_refused(recommend(r, &request, &result, &err), ERR_SETTINGS, "at least 1");
	recommender_free(r);
	world_free(w);
}

/* Every second song is by the same artist, the others by nobody known. */
static void an_artist_has_so_many_songs_while_there_are_others(void **state)
{
	(void)state;
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *seeds[] = {"tag2", "tag3"};
	struct recommend_label label = {"positive", 1, seeds, 2};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (size_t most = 0; most < 3; most++) {
		request.per_artist = most;
		size_t by_artist = 0, largest = 0;
		for (request.seed = 0; request.seed < 20; request.seed++) {
			assert_ok(recommend(r, &request, &result, &err));
			assert_int_equal(result.count, request.count);
			by_artist = 0;
			for (size_t i = 0; i < result.count; i++)
				by_artist += result.songs[i].artist[0] != '\0';
			largest = by_artist > largest ? by_artist : largest;
			recommend_result_free(&result);
		}
		assert_true(most == 0 ? largest > 2 : largest <= most);
	}
	/* All choices by one artist: the answer is full all the same. */
	for (size_t s = 0; s < SONGS; s++) {
		free(w->playlists.song_artist.items[s]);
		w->playlists.song_artist.items[s] = mem_text("가수", &err);
	}
	recommender_free(r);
	assert_ok(recommender_build(&r, &w->source, &err));
	request.per_artist = 1;
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, request.count);
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

/* Only every second song's album is known, and of these every third is of the first one. */
static void an_album_has_so_many_songs_while_there_are_others(void **state)
{
	(void)state;
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *seeds[] = {"tag2", "tag3"};
	struct recommend_label label = {"positive", 1, seeds, 2};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	for (size_t s = 0; s < SONGS; s++)
		w->song_album[s] = s % 2 ? -1 : s % 3 ? (int64_t)s : 0;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (request.per_album = 0; request.per_album < 2; request.per_album++) {
		size_t largest = 0;
		for (request.seed = 0; request.seed < 20; request.seed++) {
			size_t of_first = 0;
			assert_ok(recommend(r, &request, &result, &err));
			assert_int_equal(result.count, request.count);
			for (size_t i = 0; i < result.count; i++)
				of_first += w->song_album[recommender_song(r, result.songs[i].id)] == 0;
			largest = of_first > largest ? of_first : largest;
			recommend_result_free(&result);
		}
		assert_true(request.per_album ? largest == 1 : largest > 1);
	}
	recommender_free(r);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_and_mapped_is_what_was_built),
	    cmocka_unit_test(tags_and_songs_are_found_by_name_and_id),
	    cmocka_unit_test(what_points_outside_is_refused),
	    cmocka_unit_test(a_file_that_lacks_a_tensor_is_refused),
	    cmocka_unit_test(every_song_comes_by_the_path_it_names),
	    cmocka_unit_test(a_new_song_says_by_which_tags_it_stands_there),
	    cmocka_unit_test(labels_are_blended_by_their_probability),
	    cmocka_unit_test(a_session_never_hears_a_song_twice),
	    cmocka_unit_test(the_seed_chooses_among_the_best),
	    cmocka_unit_test(the_listeners_songs_come_first_in_the_order),
	    cmocka_unit_test(an_unknown_tag_gives_way_to_the_one_spelt_most_like_it_and_a_note_says_so),
	    cmocka_unit_test(nothing_known_gives_an_empty_answer_that_says_so),
	    cmocka_unit_test(an_artist_has_so_many_songs_while_there_are_others),
	    cmocka_unit_test(an_album_has_so_many_songs_while_there_are_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
