#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/io.h"

static void put_file(const char *path, const char *text)
{
	struct err err = {0};
	assert_ok(file_write(path, text, strlen(text), &err));
}

static struct json *parse(const char *text)
{
	struct err err = {0};
	struct json *root;
	assert_ok(json_load_text(&root, text, strlen(text), "text", &err));
	return root;
}

static void a_document_gives_its_values_and_keeps_the_order_of_its_keys(void **state)
{
	(void)state;
	struct json *root =
	    parse("\xef\xbb\xbf{\"z\": 1, \"a\": [true, null, -2.5, \"\\ud55c\"], \"m\": {\"n\": 9007199254740993}}");
	assert_int_equal(json_kind(root), JSON_KIND_OBJECT);
	assert_int_equal(json_count(root), 3);
	assert_string_equal(json_key(root, 0), "z");
	assert_string_equal(json_key(root, 1), "a");
	assert_string_equal(json_key(root, 2), "m");
	assert_null(json_key(root, 3));
	struct json *list = json_get(root, "a");
	assert_int_equal(json_count(list), 4);
	assert_true(json_bool(json_at(list, 0), false));
	assert_int_equal(json_kind(json_at(list, 1)), JSON_KIND_NULL);
	assert_true(json_number(json_at(list, 2), 0) == -2.5);
	assert_false(json_is_integer(json_at(list, 2)));
	assert_string_equal(json_text(json_at(list, 3), ""), "\xed\x95\x9c");
	assert_int_equal(json_integer_value(json_get(json_get(root, "m"), "n"), 0), 9007199254740993);
	json_free(root);
}

static void what_is_absent_or_of_another_kind_gives_the_fallback(void **state)
{
	(void)state;
	struct json *root = parse("{\"n\": 1.5, \"t\": \"x\"}");
	assert_null(json_get(root, "absent"));
	assert_null(json_get(json_get(root, "n"), "key"));
	assert_null(json_at(root, 2));
	assert_string_equal(json_text(json_get(root, "n"), "other"), "other");
	assert_int_equal(json_integer_value(json_get(root, "n"), -7), -7);
	assert_true(json_number(json_get(root, "t"), 4.0) == 4.0);
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_kind(NULL), JSON_KIND_NULL);
	json_free(root);
}

static void a_built_document_reads_back_equal(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *root = json_object_new();
	json_set_text(root, "text", "a \"b\" \\ \n\x01 \x7f 한글");
	json_set_integer(root, "big", INT64_MIN);
	json_set_number(root, "third", 1.0 / 3.0);
	json_set_number(root, "whole", 4.0);
	json_set_number(root, "huge", 1e300);
	json_set_bool(root, "yes", true);
	json_set_text(root, "nothing", NULL);
	struct json *list = json_set_array(root, "list");
	json_append_integer(list, 3);
	json_append_number(list, 0.1);
	json_append_text(list, "x");
	json_set_integer(json_append_object(list), "inner", 5);
	assert_null(json_get(json_append_array(list), "none"));
	char *text, *again;
	for (int indent = 0; indent <= 2; indent += 2) {
		assert_ok(json_print(root, indent, &text, &err));
		struct json *back = parse(text);
		assert_string_equal(json_text(json_get(back, "text"), ""), "a \"b\" \\ \n\x01 \x7f 한글");
		assert_true(json_integer_value(json_get(back, "big"), 0) == INT64_MIN);
		assert_false(json_is_integer(json_get(back, "whole")));
		assert_ok(json_print(back, indent, &again, &err));
		assert_string_equal(text, again);
		json_free(back);
		free(text);
		free(again);
	}
	json_free(root);
}

static void printing_is_compact_or_indented_with_nine_digits(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *root = json_object_new();
	char *text;
	json_set_number(root, "a", 1.0 / 3.0);
	json_append_integer(json_set_array(root, "b"), 1);
	assert_ok(json_print(root, 0, &text, &err));
	assert_string_equal(text, "{\"a\":0.333333333,\"b\":[1]}");
	free(text);
	json_append_integer(json_get(root, "b"), 2);
	json_set_object(json_set_object(root, "c"), "d");
	assert_ok(json_print(root, 2, &text, &err));
	assert_string_equal(text, "{\n  \"a\": 0.333333333,\n  \"b\": [1, 2],\n  \"c\": {\n    \"d\": {}\n  }\n}");
	free(text);
	json_free(root);
}

static void a_number_that_is_not_finite_becomes_null(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *root = json_array_new();
	char *text;
	json_append_number(root, (double)INFINITY);
	json_append_number(root, (double)-INFINITY);
	json_append_number(root, (double)NAN);
	assert_ok(json_print(root, 0, &text, &err));
	assert_string_equal(text, "[null,null,null]");
	free(text);
	json_free(root);
}

static void bytes_that_are_no_text_come_out_as_replacement_characters(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *root = json_array_new();
	char *text;
	json_append_text(root, "a\xff"
	                       "b\xed\xa0\x80");
	assert_ok(json_print(root, 0, &text, &err));
	assert_string_equal(text, "[\"a\xef\xbf\xbd"
	                          "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]");
	json_free(parse(text));
	free(text);
	json_free(root);
}

static void setting_a_key_again_replaces_its_value_in_place(void **state)
{
	(void)state;
	struct json *root = json_object_new();
	json_set_integer(root, "a", 1);
	json_set_integer(root, "b", 2);
	json_set_text(root, "a", "new");
	assert_int_equal(json_count(root), 2);
	assert_string_equal(json_text(json_at(root, 0), ""), "new");
	json_free(root);
}

static void malformed_documents_are_refused_with_name_and_line(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *root;
	static const char *const bad[] = {
	    "", "{", "[1,\n2", "{\"a\": 1,\n \"a\": 2}", "[1] x", "[99999999999999999999]", "\"\xff\"", "[01]", "nul"};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_refused(json_load_text(&root, bad[i], strlen(bad[i]), "settings.json", &err), ERR_DATA,
		               "settings.json: line ");
	assert_refused(json_load_text(&root, bad[2], strlen(bad[2]), "x", &err), ERR_DATA, "line 2");
	char deep[5000];
	memset(deep, '[', sizeof deep);
	assert_refused(json_load_text(&root, deep, sizeof deep, "deep", &err), ERR_DATA, "deep: line 1");
	assert_refused(json_load_file(&root, "/nowhere/x.json", &err), ERR_IO, "/nowhere/x.json");
}

static void a_missing_document_is_reported_when_it_is_printed(void **state)
{
	(void)state;
	struct err err = {0};
	char *text;
	json_set_integer(NULL, "a", 1);
	json_append_text(NULL, "x");
	assert_null(json_set_object(NULL, "a"));
	assert_refused(json_print(NULL, 0, &text, &err), ERR_MEMORY, "memory");
}

static void a_saved_document_loads_again(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct json *root = json_object_new(), *back;
	json_set_integer(root, "x", 7);
	assert_ok(json_save(root, scratch_path(folder, "a.json"), &err));
	assert_ok(json_load_file(&back, scratch_path(folder, "a.json"), &err));
	assert_int_equal(json_integer_value(json_get(back, "x"), 0), 7);
	assert_false(path_exists(scratch_path(folder, "a.json.part")));
	json_free(back);
	json_free(root);
	scratch_remove(folder);
}

/* ---- streams ------------------------------------------------------------------------------------- */

struct seen {
	size_t count;
	int64_t sum;
	size_t stop_at;
};

static int add_up(const struct json *element, size_t index, void *context, struct err *err)
{
	struct seen *seen = context;
	if (index != seen->count)
		return err_set(err, ERR_NUMERIC, "element %zu came as number %zu", index, seen->count);
	if (seen->stop_at && index + 1 == seen->stop_at)
		return err_set(err, ERR_STOPPED, "enough");
	seen->count++;
	seen->sum += json_integer_value(json_get(element, "n"), 1000000);
	return OK;
}

static void a_stream_delivers_each_element_across_block_borders(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "big.json"), *packed = scratch_path(folder, "big.json.gz");
	struct strbuf text = {0};
	strbuf_add(&text, " [\n");
	for (int i = 0; i < 40000; i++)
		strbuf_format(&text, "%s{\"s\": \"]},\\\"[{\\\\\", \"n\": %d, \"l\": [[], {}]}", i ? ",\n" : "", i);
	strbuf_add(&text, "]\n \n");
	assert_ok(file_write(path, text.text, text.length, &err));
	gzFile file = gzopen(packed, "wb");
	assert_int_equal(gzwrite(file, text.text, (unsigned)text.length), text.length);
	gzclose(file);
	struct seen plain = {0}, unpacked = {0};
	assert_ok(json_stream(path, add_up, &plain, &err));
	assert_ok(json_stream(packed, add_up, &unpacked, &err));
	assert_int_equal(plain.count, 40000);
	assert_int_equal(plain.sum, 40000LL * 39999 / 2);
	assert_int_equal(unpacked.count, 40000);
	assert_int_equal(unpacked.sum, plain.sum);
	strbuf_free(&text);
	scratch_remove(folder);
}

static void a_stream_that_is_cut_off_says_where_and_keeps_what_came_before(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "cut.json");
	struct seen seen = {0};
	put_file(path, "[{\"n\": 1},\n{\"n\": 2},\n{\"n\": ");
	assert_refused(json_stream(path, add_up, &seen, &err), ERR_DATA,
	               "cut.json: ends inside element 3, which begins at line 3");
	assert_int_equal(seen.count, 2);
	seen = (struct seen){0};
	put_file(path, "[{\"n\": 1},\n");
	assert_refused(json_stream(path, add_up, &seen, &err), ERR_DATA, "the file ends after element 1");
	scratch_remove(folder);
}

static void a_packed_stream_that_is_cut_off_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "cut.json.gz");
	struct strbuf text = {0};
	strbuf_add(&text, "[");
	for (int i = 0; i < 5000; i++)
		strbuf_format(&text, "{\"n\": %d},", i * 7919 % 10007);
	strbuf_add(&text, "{}]");
	gzFile file = gzopen(path, "wb");
	gzwrite(file, text.text, (unsigned)text.length);
	gzclose(file);
	char *bytes;
	size_t size;
	assert_ok(file_read(path, SIZE_MAX / 2, &bytes, &size, &err));
	assert_ok(file_write(path, bytes, size / 2, &err));
	struct seen seen = {0};
	assert_refused(json_stream(path, add_up, &seen, &err), ERR_DATA, "cut.json.gz");
	free(bytes);
	strbuf_free(&text);
	scratch_remove(folder);
}

static void malformed_streams_name_file_element_and_line(void **state)
{
	(void)state;
	struct err err = {0};
	struct seen seen = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "bad.json");
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {"{\"n\": 1}", "line 1: not a JSON array"},
	    {"", "not a JSON array"},
	    {"[{\"n\": 1},\n\n {\"n\": 1,\n \"x\" 2}]", "bad.json: element 2: line 4"},
	    {"[{\"n\": 1},]", "expected a value behind the comma"},
	    {"[,]", "element 1: line 1: a value is missing"},
	    {"[{\"n\": 1} {\"n\": 1}]", "element 1"},
	    {"[{\"n\": 1}] 2", "expected nothing behind the array"},
	    {"[{\"n\": 1]}", "element 1"},
	    {"[}", "a value is missing"},
	    {"[\"abc", "ends inside element 1"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		put_file(path, cases[i].text);
		seen = (struct seen){0};
		assert_refused(json_stream(path, add_up, &seen, &err), ERR_DATA, cases[i].says);
	}
	assert_refused(json_stream(scratch_path(folder, "absent.json"), add_up, &seen, &err), ERR_IO, "absent.json");
	assert_refused(json_stream(folder, add_up, &seen, &err), ERR_IO, "folder");
	put_file(path, " [ ] ");
	seen = (struct seen){0};
	assert_ok(json_stream(path, add_up, &seen, &err));
	assert_int_equal(seen.count, 0);
	scratch_remove(folder);
}

static void a_callback_that_stops_the_stream_is_heard_with_its_place(void **state)
{
	(void)state;
	struct err err = {0};
	struct seen seen = {.stop_at = 2};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.json");
	put_file(path, "[{\"n\": 1},\n{\"n\": 2},{\"n\": 3}]");
	assert_refused(json_stream(path, add_up, &seen, &err), ERR_STOPPED, "a.json: element 2 (line 2): enough");
	assert_int_equal(seen.count, 1);
	scratch_remove(folder);
}

static int keep_lenient(const struct json *element, size_t index, void *context, struct err *err)
{
	int *good = context;
	(void)index, (void)err;
	*good += json_integer_value(json_get(element, "a"), 0) == 5 && json_is_integer(json_get(element, "a"));
	*good += json_kind(json_get(element, "b")) == JSON_KIND_NUMBER && !json_is_integer(json_get(element, "b"));
	*good += json_get(element, "c") && json_kind(json_get(element, "c")) == JSON_KIND_NULL;
	return OK;
}

static void one_integer_beyond_64_bits_or_one_nul_does_not_lose_a_stream(void **state)
{
	(void)state;
	struct err err = {0};
	int good = 0;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.json");
	put_file(path, "[{\"a\": 5, \"b\": 9223372036854775808, \"c\": \"x\\u0000y\", \"a\": 5}]");
	assert_ok(json_stream(path, keep_lenient, &good, &err));
	assert_int_equal(good, 3);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_document_gives_its_values_and_keeps_the_order_of_its_keys),
	    cmocka_unit_test(what_is_absent_or_of_another_kind_gives_the_fallback),
	    cmocka_unit_test(a_built_document_reads_back_equal),
	    cmocka_unit_test(printing_is_compact_or_indented_with_nine_digits),
	    cmocka_unit_test(a_number_that_is_not_finite_becomes_null),
	    cmocka_unit_test(bytes_that_are_no_text_come_out_as_replacement_characters),
	    cmocka_unit_test(setting_a_key_again_replaces_its_value_in_place),
	    cmocka_unit_test(malformed_documents_are_refused_with_name_and_line),
	    cmocka_unit_test(a_missing_document_is_reported_when_it_is_printed),
	    cmocka_unit_test(a_saved_document_loads_again),
	    cmocka_unit_test(a_stream_delivers_each_element_across_block_borders),
	    cmocka_unit_test(a_stream_that_is_cut_off_says_where_and_keeps_what_came_before),
	    cmocka_unit_test(a_packed_stream_that_is_cut_off_is_refused),
	    cmocka_unit_test(malformed_streams_name_file_element_and_line),
	    cmocka_unit_test(a_callback_that_stops_the_stream_is_heard_with_its_place),
	    cmocka_unit_test(one_integer_beyond_64_bits_or_one_nul_does_not_lose_a_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
