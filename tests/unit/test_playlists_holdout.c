/* What is held out, and what is stored. */
#include "playlists_fixture.h"

/* ---- the hold-out ------------------------------------------------------------------------------------- */

/* 4,000 playlists in order of (i * step) mod 4000, some without title, tags or songs. */
static void add_many(struct fixture *fixture, const char *name, size_t step)
{
	struct err err = {0};
	struct strbuf text = {0};
	strbuf_add(&text, "[");
	for (size_t i = 0; i < 4000; i++) {
		size_t id = i * step % 4000;
		strbuf_format(&text, "%s{\"id\": %zu, \"like_cnt\": %zu, \"plylst_title\": \"%s\", \"tags\": [", i ? "," : "",
		              id, id % 50, id % 7 ? "t" : "");
		for (size_t j = 0; j < id % 5; j++)
			strbuf_format(&text, "%s\"tag%zu\"", j ? "," : "", (id * 31 + j * 17) % 200);
		strbuf_add(&text, "], \"songs\": [");
		for (size_t j = 0; j < id % 11; j++)
			strbuf_format(&text, "%s%zu", j ? "," : "", (id * 13 + j * 101) % 3000);
		strbuf_add(&text, "]}");
	}
	strbuf_add(&text, "]");
	assert_ok(playlist_reader_input(fixture->reader, put(fixture, name, text.text), &err));
	strbuf_free(&text);
}

static void a_held_out_playlist_shows_half_of_what_its_mask_says(void **state)
{
	struct fixture *fixture = *state;
	add_many(fixture, "a.json", 1);
	struct playlists *playlists = finish(fixture, 0.5);
	size_t by_mask[MASK_COUNT] = {0}, eligible = 0;
	int64_t *count = calloc(playlists->n_tags, sizeof *count);
	for (size_t r = 0; r < playlists->n_playlists; r++) {
		size_t links[2] = {0}, hidden[2] = {0};
		for (int64_t i = playlists->tags.start[r]; i < playlists->tags.start[r + 1]; i++) {
			links[0]++, hidden[0] += playlists->tags.held[i];
			count[playlists->tags.index[i]] += !playlists->tags.held[i];
		}
		for (int64_t i = playlists->songs.start[r]; i < playlists->songs.start[r + 1]; i++)
			links[1]++, hidden[1] += playlists->songs.held[i];
		int mask = playlists->mask[r];
		bool shows_tags = mask == MASK_NONE || mask == MASK_TAGS || mask == MASK_SONGS_TAGS;
		bool shows_songs = mask == MASK_NONE || mask == MASK_SONGS || mask == MASK_SONGS_TAGS;
		assert_int_equal(playlists->split[r], mask == MASK_NONE ? PLAYLIST_TRAIN : PLAYLIST_HELD_OUT);
		assert_int_equal(hidden[0], mask == MASK_NONE ? 0 : shows_tags ? links[0] - links[0] / 2 : links[0]);
		assert_int_equal(hidden[1], mask == MASK_NONE ? 0 : shows_songs ? links[1] - links[1] / 2 : links[1]);
		if (mask == MASK_SONGS_TAGS)
			assert_true(links[0] >= 2 && links[1] >= 2);
		if (mask != MASK_NONE)
			assert_true(links[0] >= 2 || links[1] >= 2);
		by_mask[mask]++;
		eligible += links[0] >= 2 || links[1] >= 2;
	}
	for (size_t t = 0; t < playlists->n_tags; t++)
		assert_int_equal(playlists->tag_count[t], count[t]);
	double held = (double)(4000 - by_mask[MASK_NONE]), share = held / (double)eligible;
	assert_true(share > 0.46 && share < 0.54);
	/* The fall-backs give songs more than their 30 %. */
	assert_true((double)by_mask[MASK_SONGS] / held > 0.3 && (double)by_mask[MASK_TITLE] / held > 0.02);
	free(count);
	playlists_free(playlists);
}

static void complete_playlists_take_the_masks_in_the_arenas_proportions(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	struct strbuf text = {0};
	for (size_t i = 0; i < 6000; i++)
		strbuf_format(
		    &text, "%s{\"id\": %zu, \"plylst_title\": \"t\", \"tags\": [\"a\", \"b\", \"c\"], \"songs\": [1, 2, 3, 4]}",
		    i ? "," : "[", i);
	strbuf_add(&text, "]");
	assert_ok(playlist_reader_input(fixture->reader, put(fixture, "a.json", text.text), &err));
	strbuf_free(&text);
	struct playlists *playlists = finish(fixture, 0.9);
	struct playlist_summary summary = playlists_summary(playlists);
	static const double expected[MASK_COUNT] = {0, 0.30, 0.50, 0.15, 0.05};
	assert_true(summary.held_out > 5300 && summary.held_out < 5500);
	for (int mask = 1; mask < MASK_COUNT; mask++) {
		double share = (double)summary.by_mask[mask] / (double)summary.held_out;
		assert_true(share > expected[mask] - 0.025 && share < expected[mask] + 0.025);
	}
	playlists_free(playlists);
}

static void file_bytes(const struct playlists *playlists, const char *path, char hex[SHA256_HEX])
{
	struct err err = {0};
	assert_ok(playlists_save(playlists, path, &err));
	assert_ok(sha256_file(path, hex, &err));
}

static void the_order_of_input_changes_no_byte(void **state)
{
	struct fixture *fixture = *state, other = {.folder = fixture->folder};
	struct err err = {0};
	char hex[3][SHA256_HEX];
	add_many(fixture, "a.json", 1);
	struct playlists *playlists = finish(fixture, 0.3);
	file_bytes(playlists, scratch_path(fixture->folder, "a.h5"), hex[0]);
	playlists_free(playlists);
	assert_ok(playlist_reader_new(&other.reader, plain_normalise, &err));
	add_many(&other, "b.json", 1237);
	playlists = finish(&other, 0.3);
	file_bytes(playlists, scratch_path(fixture->folder, "b.h5"), hex[1]);
	playlists_free(playlists);
	assert_ok(playlist_reader_finish(other.reader, 0.3, 8, &playlists, &err));
	file_bytes(playlists, scratch_path(fixture->folder, "c.h5"), hex[2]);
	playlists_free(playlists);
	playlist_reader_free(other.reader);
	assert_string_equal(hex[0], hex[1]);
	assert_string_not_equal(hex[0], hex[2]);
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static void what_is_saved_loads_equal(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	add_many(fixture, "a.json", 1);
	struct playlists *playlists = finish(fixture, 0.3), *back;
	const char *path = scratch_path(fixture->folder, "a.h5");
	playlists->synthetic = true;
	assert_ok(playlists_save(playlists, path, &err));
	assert_ok(playlists_load(&back, path, &err));
	size_t rows = playlists->n_playlists;
	assert_int_equal(back->n_playlists, rows);
	assert_int_equal(back->n_tags, playlists->n_tags);
	assert_int_equal(back->n_songs, playlists->n_songs);
	assert_true(back->synthetic);
	assert_memory_equal(back->id, playlists->id, rows * 8);
	assert_memory_equal(back->likes, playlists->likes, rows * 8);
	assert_memory_equal(back->mask, playlists->mask, rows);
	assert_memory_equal(back->songs.start, playlists->songs.start, (rows + 1) * 8);
	assert_memory_equal(back->songs.index, playlists->songs.index, (size_t)playlists->songs.start[rows] * 4);
	assert_memory_equal(back->tags.held, playlists->tags.held, (size_t)playlists->tags.start[rows]);
	assert_memory_equal(back->tag_count, playlists->tag_count, playlists->n_tags * 8);
	for (size_t i = 0; i < playlists->n_tags; i++)
		assert_string_equal(back->tag_name.items[i], playlists->tag_name.items[i]);
	playlists_free(playlists);
	playlists_free(back);
}

static void the_training_matrix_holds_what_is_shown_with_its_likes(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	struct csr matrix;
	add_many(fixture, "a.json", 1);
	struct playlists *playlists = finish(fixture, 0.5);
	assert_ok(playlists_matrix(playlists, &matrix, &err));
	assert_ok(csr_check(&matrix, &err));
	struct playlist_summary summary = playlists_summary(playlists);
	assert_int_equal(matrix.start[matrix.rows], summary.song_links - summary.hidden_songs);
	for (size_t r = 0; r < matrix.rows; r++)
		for (int64_t i = matrix.start[r]; i < matrix.start[r + 1]; i++)
			assert_true(matrix.value[i] == (float)playlists->likes[r]);
	csr_free(&matrix);
	playlists_free(playlists);
}

static void a_file_that_contradicts_itself_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	struct playlists *playlists, *back;
	const char *path = scratch_path(fixture->folder, "bad.h5");
	assert_ok(playlist_reader_input(
	    fixture->reader, put(fixture, "a.json", "[{\"id\": 1, \"songs\": [5, 2], \"tags\": [\"a\"]}, {\"id\": 2}]"),
	    &err));
	playlists = finish(fixture, 0);
	static const struct {
		const char *says;
		size_t what;
	} cases[] = {{"playlist_songs: row 0: index 7", 0},        {"playlist/id, playlist/likes: row 1", 1},
	             {"playlist/split, playlist/mask: row 0", 2},  {"playlist_tags/start: row 1 ends", 3},
	             {"playlist_songs: row 0 does not ascend", 4}, {"playlist_tags: row 0 hides", 5}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int32_t index = playlists->songs.index[1];
		size_t what = cases[i].what;
		playlists->songs.index[1] = what == 0 ? 7 : what == 4 ? 0 : index;
		playlists->id[1] = what == 1 ? 1 : 2;
		playlists->split[0] = what == 2 ? 1 : 0;
		playlists->tags.start[1] = what == 3 ? 2 : 1;
		playlists->tags.held[0] = what == 5;
		assert_ok(playlists_save(playlists, path, &err));
		assert_refused(playlists_load(&back, path, &err), ERR_DATA, cases[i].says);
		playlists->songs.index[1] = index;
	}
	assert_ok(file_write(path, "x", 1, &err));
	assert_refused(playlists_load(&back, path, &err), ERR_DATA, "bad.h5: is not an HDF5 file");
	assert_refused(playlists_load(&back, scratch_path(fixture->folder, "no.h5"), &err), ERR_IO, "no.h5");
	playlists_free(playlists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_held_out_playlist_shows_half_of_what_its_mask_says, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(complete_playlists_take_the_masks_in_the_arenas_proportions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_order_of_input_changes_no_byte, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_saved_loads_equal, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_training_matrix_holds_what_is_shown_with_its_likes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_file_that_contradicts_itself_is_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
