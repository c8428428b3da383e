/* What answers are made from: written, mapped, found by name, refused when it contradicts itself. */
#include "recommender_fixture.h"

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

/* Songs 3 and 80 pass for new ones of tags 0, 2 and 7: the file says so, and an answer that lists one says by which
 * tags. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_song_says_by_which_tags_it_stands_there),
	    cmocka_unit_test(an_unknown_tag_gives_way_to_the_one_spelt_most_like_it_and_a_note_says_so),
	    cmocka_unit_test(written_and_mapped_is_what_was_built),
	    cmocka_unit_test(tags_and_songs_are_found_by_name_and_id),
	    cmocka_unit_test(what_points_outside_is_refused),
	    cmocka_unit_test(a_file_that_lacks_a_tensor_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
