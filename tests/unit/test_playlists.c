#include "playlists_fixture.h"

/* "a,b" — the row's tags by name, hidden ones in brackets. */
static const char *tags_of(const struct playlists *playlists, size_t r)
{
	static char text[4096];
	size_t at = 0;
	text[0] = '\0';
	for (int64_t i = playlists->tags.start[r]; i < playlists->tags.start[r + 1]; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, playlists->tags.held[i] ? "%s[%s]" : "%s%s", at ? "," : "",
		                       playlists->tag_name.items[playlists->tags.index[i]]);
	return text;
}

static const char *songs_of(const struct playlists *playlists, size_t r)
{
	static char text[4096];
	size_t at = 0;
	text[0] = '\0';
	for (int64_t i = playlists->songs.start[r]; i < playlists->songs.start[r + 1]; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", at ? "," : "",
		                       (long long)playlists->song_id[playlists->songs.index[i]]);
	return text;
}

static void melon_json_and_csv_give_the_same_playlists(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	const char *csv = put(fixture, "a.csv",
	                      "\xef\xbb\xbfplaylist_id,title,tags,songs,like_cnt\r\n"
	                      "30,\"a, b\",Pop|rock|POP,9|5|9,12\r\n"
	                      "10,,,,\r\n");
	assert_ok(playlist_reader_input(fixture->reader, csv, &err));
	struct playlists *from_csv = finish(fixture, 0);
	struct playlist_reader *other;
	assert_ok(playlist_reader_new(&other, plain_normalise, &err));
	const char *json =
	    put(fixture, "a.json",
	        "[{\"id\": 10, \"updt_date\": \"2019-01-01\"}, {\"tags\": [\"Pop\", \"rock\", \"POP\"], \"id\": 30, "
	        "\"plylst_title\": \"a, b\", \"songs\": [9, 5, 9], \"like_cnt\": 12}]");
	assert_ok(playlist_reader_input(other, json, &err));
	struct playlists *from_json;
	assert_ok(playlist_reader_finish(other, 0, 7, &from_json, &err));
	struct playlists *both[] = {from_csv, from_json};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(both[i]->n_playlists, 2);
		assert_int_equal(both[i]->id[0], 10);
		assert_int_equal(both[i]->id[1], 30);
		assert_int_equal(both[i]->likes[1], 12);
		assert_string_equal(both[i]->title.items[1], "a, b");
		assert_string_equal(both[i]->title.items[0], "");
		assert_string_equal(tags_of(both[i], 1), "pop,rock");
		assert_string_equal(songs_of(both[i], 1), "5,9");
		assert_string_equal(tags_of(both[i], 0), "");
	}
	assert_int_equal(playlist_reader_counts(other)->repeated_tags, 1);
	assert_int_equal(playlist_reader_counts(other)->repeated_songs, 1);
	playlists_free(from_csv);
	playlists_free(from_json);
	playlist_reader_free(other);
}

static void the_same_id_in_a_second_input_is_merged_and_twice_in_one_is_skipped(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	const char *first =
	    put(fixture, "a.json",
	        "[{\"id\": 1, \"tags\": [\"b\", \"a\"], \"like_cnt\": 3}, {\"id\": 1, \"tags\": [\"lost\"]}]");
	const char *second =
	    put(fixture, "b.json",
	        "[{\"id\": 1, \"plylst_title\": \"late\", \"tags\": [\"c\", \"a\"], \"songs\": [4], \"like_cnt\": 2}]");
	const char *third = put(fixture, "c.json", "[{\"id\": 1, \"plylst_title\": \"later\", \"like_cnt\": 9}]");
	assert_ok(playlist_reader_input(fixture->reader, first, &err));
	assert_ok(playlist_reader_input(fixture->reader, second, &err));
	assert_ok(playlist_reader_input(fixture->reader, third, &err));
	struct playlists *playlists = finish(fixture, 0);
	const struct playlist_counts *counts = playlist_reader_counts(fixture->reader);
	assert_int_equal(playlists->n_playlists, 1);
	assert_string_equal(tags_of(playlists, 0), "b,a,c");
	assert_string_equal(songs_of(playlists, 0), "4");
	assert_string_equal(playlists->title.items[0], "late");
	assert_int_equal(playlists->likes[0], 9);
	assert_int_equal(counts->merged, 2);
	assert_int_equal(counts->reasons[SKIP_RECORD_TWICE], 1);
	playlists_free(playlists);
}

static void pairs_join_by_id_and_open_playlists_of_their_own(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	const char *lists = put(fixture, "a.json", "[{\"id\": 5, \"songs\": [3]}]");
	const char *pairs = put(fixture, "p.csv", "song_id,playlist_id\n7,5\n3,5\n8,6\nx,6\n9,-1\n9\n");
	assert_ok(playlist_reader_input(fixture->reader, lists, &err));
	assert_ok(playlist_reader_pairs(fixture->reader, pairs, &err));
	struct playlists *playlists = finish(fixture, 0);
	const struct playlist_counts *counts = playlist_reader_counts(fixture->reader);
	assert_int_equal(playlists->n_playlists, 2);
	assert_string_equal(songs_of(playlists, 0), "3,7");
	assert_string_equal(songs_of(playlists, 1), "8");
	assert_int_equal(counts->only_pairs, 1);
	assert_int_equal(counts->read[RECORD_PAIR], 6);
	assert_int_equal(counts->reasons[SKIP_PAIR_ID], 2);
	assert_int_equal(counts->reasons[SKIP_PAIR_FIELDS], 1);
	playlists_free(playlists);
}

static void bad_records_are_counted_by_reason_and_listed_with_their_place(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	char long_tag[1100];
	memset(long_tag, 'x', sizeof long_tag);
	long_tag[1099] = '\0';
	struct strbuf text = {0};
	strbuf_format(&text,
	              "[{\"id\": 1, \"songs\": [1, -2, 2.5, \"7\", 9223372036854775808, null], "
	              "\"tags\": [\"ok\", 5, \"a\\nb\", \"  \", \"%s\"]},"
	              "{\"id\": -1}, {\"id\": \"2\"}, 17, {\"id\": 3, \"like_cnt\": -4}, {\"id\": 4, \"like_cnt\": 1.5},"
	              "{\"id\": 5, \"plylst_title\": 6}, {\"id\": 6, \"tags\": \"x\"}, {\"id\": 7, \"songs\": {}}, "
	              "{\"id\": 8, \"songs\": [9223372036854775807]}]",
	              long_tag);
	assert_ok(playlist_reader_input(fixture->reader, put(fixture, "bad.json", text.text), &err));
	strbuf_free(&text);
	const struct playlist_counts *counts = playlist_reader_counts(fixture->reader);
	assert_int_equal(counts->read[RECORD_PLAYLIST], 10);
	assert_int_equal(counts->skipped[RECORD_PLAYLIST], 8);
	assert_int_equal(counts->reasons[SKIP_RECORD_ID], 2);
	assert_int_equal(counts->reasons[SKIP_RECORD_KIND], 1);
	assert_int_equal(counts->reasons[SKIP_RECORD_LIKES], 2);
	assert_int_equal(counts->reasons[SKIP_RECORD_TITLE], 1);
	assert_int_equal(counts->reasons[SKIP_RECORD_LISTS], 2);
	assert_int_equal(counts->reasons[SKIP_SONG_ID], 5);
	assert_int_equal(counts->reasons[SKIP_TAG_KIND], 1);
	assert_int_equal(counts->reasons[SKIP_TAG_CONTROL], 1);
	assert_int_equal(counts->reasons[SKIP_TAG_EMPTY], 1);
	assert_int_equal(counts->reasons[SKIP_TAG_LONG], 1);
	assert_refused(playlist_reader_check(fixture->reader, 0.02, &err), ERR_DATA, "bad.json: element 2: playlist id");
	assert_ok(playlist_reader_check(fixture->reader, 1, &err));
	char *listed;
	size_t size;
	assert_ok(playlist_reader_save_skipped(fixture->reader, scratch_path(fixture->folder, "skipped.tsv"), &err));
	assert_ok(file_read(scratch_path(fixture->folder, "skipped.tsv"), 1 << 20, &listed, &size, &err));
	assert_non_null(strstr(listed, "input\tplace\tvalue\treason\n"));
	assert_non_null(strstr(listed, "bad.json\telement 1\ta b\ttag holds a control character after normalisation\n"));
	assert_non_null(strstr(listed, "bad.json\telement 1\t-2\tsong id is not an integer from 0 to 2^63-1\n"));
	free(listed);
	struct playlists *playlists = finish(fixture, 0);
	assert_string_equal(songs_of(playlists, 0), "1");
	assert_string_equal(songs_of(playlists, 1), "9223372036854775807");
	assert_string_equal(tags_of(playlists, 0), "ok");
	playlists_free(playlists);
}

static void malformed_files_are_refused_with_their_place(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	struct playlists *playlists;
	assert_refused(playlist_reader_input(fixture->reader, put(fixture, "cut.json", "[{\"id\": 1}, {\"id\""), &err),
	               ERR_DATA, "cut.json: ends inside element 2");
	assert_refused(playlist_reader_input(fixture->reader, put(fixture, "a.csv", "id,title\n1,x\n"), &err), ERR_DATA,
	               "a.csv:1: column \"id\"");
	assert_refused(playlist_reader_input(fixture->reader, put(fixture, "b.csv", "title\nx\n"), &err), ERR_DATA,
	               "no column playlist_id");
	assert_refused(playlist_reader_pairs(fixture->reader, put(fixture, "c.csv", "playlist_id,title\n"), &err), ERR_DATA,
	               "c.csv:1");
	assert_refused(playlist_reader_pairs(fixture->reader, put(fixture, "d.csv", ""), &err), ERR_DATA,
	               "d.csv: is empty");
	assert_refused(playlist_reader_input(fixture->reader, scratch_path(fixture->folder, "absent.csv"), &err), ERR_IO,
	               "absent.csv");
	playlist_reader_free(fixture->reader);
	fixture->reader = NULL;
	assert_ok(playlist_reader_new(&fixture->reader, plain_normalise, &err));
	assert_ok(playlist_reader_input(fixture->reader, put(fixture, "empty.json", "[]"), &err));
	assert_refused(playlist_reader_finish(fixture->reader, 0, 1, &playlists, &err), ERR_DATA,
	               "empty.json: no playlist in it");
}

static void a_csv_row_with_another_field_count_names_its_line(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	assert_ok(playlist_reader_input(
	    fixture->reader, put(fixture, "p.csv", "playlist_id,title,tags,songs,like_cnt\n1,t,a|b,1|2,3\n2,t\n"), &err));
	assert_refused(playlist_reader_check(fixture->reader, 0.02, &err), ERR_DATA,
	               "p.csv:3: row has another number of fields");
}

static void tags_stand_by_falling_count_then_bytes_and_show_their_commonest_spelling(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	const char *path = put(fixture, "a.json",
	                       "[{\"id\": 1, \"tags\": [\"pop\", \"Z\"]}, {\"id\": 2, \"tags\": [\"Pop\", \"b\"]}, "
	                       "{\"id\": 3, \"tags\": [\"Pop\", \"B\", \"a\"]}, {\"id\": 4, \"tags\": [\"b\"]}]");
	assert_ok(playlist_reader_input(fixture->reader, path, &err));
	struct playlists *playlists = finish(fixture, 0);
	static const char *const names[] = {"b", "pop", "a", "z"}, *const shown[] = {"b", "Pop", "a", "Z"};
	static const int64_t counts[] = {3, 3, 1, 1};
	assert_int_equal(playlists->n_tags, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(playlists->tag_name.items[i], names[i]);
		assert_string_equal(playlists->tag_display.items[i], shown[i]);
		assert_int_equal(playlists->tag_count[i], counts[i]);
	}
	assert_string_equal(tags_of(playlists, 2), "pop,b,a");
	playlists_free(playlists);
}

static void song_meta_names_the_songs_that_occur(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {0};
	assert_ok(
	    playlist_reader_input(fixture->reader, put(fixture, "a.json", "[{\"id\": 1, \"songs\": [5, 2, 8]}]"), &err));
	struct playlists *playlists = finish(fixture, 0);
	const char *meta =
	    put(fixture, "song_meta.json",
	        "[{\"id\": 5, \"song_name\": \"five\", \"artist_name_basket\": [\"A\", \"B\"]}, {\"id\": 99, "
	        "\"song_name\": \"x\"},"
	        "{\"id\": 5, \"song_name\": \"again\"}, {\"id\": 2, \"song_name\": 3}, {\"song_name\": \"y\"}]");
	assert_ok(playlist_reader_names(fixture->reader, playlists, meta, &err));
	assert_string_equal(playlists->song_name.items[1], "five");
	assert_string_equal(playlists->song_artist.items[1], "A, B");
	assert_string_equal(playlists->song_name.items[0], "");
	assert_string_equal(playlists->song_name.items[2], "");
	assert_int_equal(playlist_reader_counts(fixture->reader)->reasons[SKIP_META_NAME], 1);
	assert_int_equal(playlist_reader_counts(fixture->reader)->reasons[SKIP_META_ID], 1);
	playlists_free(playlists);
}

/* ---- real playlists ---------------------------------------------------------------------------------------- */

static void the_real_playlists_are_read_and_joined(void **state)
{
	struct fixture *fixture = *state;
	const char *data = getenv("MOODCAST_DATA");
	if (!data)
		skip();
	struct err err = {0};
	char *folder = path_join(data, "playlists", &err);
	assert_ok(playlist_reader_input(fixture->reader, scratch_path(folder, "melon_train_tags.json"), &err));
	assert_ok(playlist_reader_input(fixture->reader, scratch_path(folder, "melon_full_schema_13042.json"), &err));
	assert_ok(playlist_reader_pairs(fixture->reader, scratch_path(folder, "melon_train_pairs_nolikes.csv.gz"), &err));
	assert_ok(playlist_reader_check(fixture->reader, 0.02, &err));
	struct playlists *playlists = finish(fixture, 0.1);
	const struct playlist_counts *counts = playlist_reader_counts(fixture->reader);
	assert_int_equal(counts->read[RECORD_PLAYLIST], 115071 + 13042);
	assert_int_equal(counts->read[RECORD_PAIR], 811338);
	assert_int_equal(playlists->n_playlists - counts->only_pairs + counts->merged + counts->skipped[RECORD_PLAYLIST],
	                 115071 + 13042);
	struct playlist_summary summary = playlists_summary(playlists);
	assert_int_equal(summary.song_links + counts->repeated_songs, counts->read[RECORD_SONG] + 811338);
	assert_true(summary.held_out > 9000 && summary.held_out < 13000);
	free(folder);
	playlists_free(playlists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(melon_json_and_csv_give_the_same_playlists, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_same_id_in_a_second_input_is_merged_and_twice_in_one_is_skipped, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(pairs_join_by_id_and_open_playlists_of_their_own, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bad_records_are_counted_by_reason_and_listed_with_their_place, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(malformed_files_are_refused_with_their_place, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_csv_row_with_another_field_count_names_its_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tags_stand_by_falling_count_then_bytes_and_show_their_commonest_spelling,
	                                    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(song_meta_names_the_songs_that_occur, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_real_playlists_are_read_and_joined, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
