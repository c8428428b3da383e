#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/io.h"

struct rows {
	struct strbuf text; /* "line[a|b]" a record */
	size_t stop_at;
};

static int take(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	struct rows *rows = context;
	strbuf_format(&rows->text, "%zu[", line);
	for (size_t i = 0; i < count; i++)
		strbuf_format(&rows->text, "%s%s", i ? "|" : "", fields[i]);
	strbuf_add(&rows->text, "]");
	return line == rows->stop_at ? err_set(err, ERR_NUMERIC, "stopped") : OK;
}

static void expect(const char *csv, const char *rows_text)
{
	struct err err = {0};
	struct rows rows = {0};
	strbuf_add(&rows.text, "");
	assert_ok(csv_read_bytes(csv, strlen(csv), "a.csv", take, &rows, &err));
	assert_string_equal(rows.text.text, rows_text);
	strbuf_free(&rows.text);
}

static void records_have_their_fields_and_the_line_they_begin_on(void **state)
{
	(void)state;
	expect("", "");
	expect("a,b\n1,2\n", "1[a|b]2[1|2]");
	expect("a,b\r\n1,2", "1[a|b]2[1|2]");
	expect("a,b\n\n\r\n1,2\n", "1[a|b]4[1|2]");
	expect("\"x\ny\r\nz\",2\nn,m\n", "1[x\ny\r\nz|2]4[n|m]");
	expect("\"\n\n\",1\nz,z\n", "1[\n\n|1]4[z|z]");
	expect(",\n,,\n", "1[|]2[||]");
}

static void quotes_spaces_and_commas_are_kept(void **state)
{
	(void)state;
	expect("\"a,\"\"b\"\"\", c ,\"\"\n", "1[a,\"b\"| c |]");
	expect("여름,\"ㅠㅠ, 바다\"\n", "1[여름|ㅠㅠ, 바다]");
}

static void a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
	(void)state;
	expect("\xEF\xBB\xBFpath,label\n", "1[path|label]");
	expect("\xEF\xBB\xBF\"path\",label\n", "1[path|label]");
}

static void broken_text_is_refused_with_its_line(void **state)
{
	(void)state;
	struct err err = {0};
	struct rows rows = {0};
	static const struct {
		const char *csv, *sentence;
	} cases[] = {{"a\nb,\"never closed\nand on\n", "a.csv:2: cut off inside a quoted field"},
	             {"a\nb\n\"x\"y,z\n", "a.csv:3: a quote stands"},
	             {"a\nb\xB0\xA1,c\n", "a.csv:2: field 1 is not UTF-8"},
	             {"a,\xED\xA0\x80\n", "a.csv:1: field 2 is not UTF-8"},
	             {"a,\xF0\x9F\x98\n", "field 2 is not UTF-8"},
	             {"\xFF\xFE"
	              "a",
	              "a.csv: is UTF-16"}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_refused(csv_read_bytes(cases[i].csv, strlen(cases[i].csv), "a.csv", take, &rows, &err), ERR_DATA,
		               cases[i].sentence);
	assert_refused(csv_read_bytes("a,b\0c\n", 6, "a.csv", take, &rows, &err), ERR_DATA, "a.csv:1: field 2 holds a NUL");
	strbuf_free(&rows.text);
}

static void the_callers_refusal_comes_out_unchanged(void **state)
{
	(void)state;
	struct err err = {0};
	struct rows rows = {.stop_at = 2};
	assert_refused(csv_read_bytes("a\nb\nc\n", 6, "a.csv", take, &rows, &err), ERR_NUMERIC, "stopped");
	assert_string_equal(rows.text.text, "1[a]2[b]");
	strbuf_free(&rows.text);
}

/* Longer than any buffer, quoted newlines included: a file must give what the same bytes in memory give. */
static char *large_csv(size_t *size)
{
	struct strbuf csv = {0};
	struct rng rng;
	rng_seed(&rng, 3, "csv", 0);
	for (int i = 0; i < 20000; i++) {
		strbuf_format(&csv, "%d,\"", i);
		for (uint64_t k = rng_below(&rng, 12); k > 0; k--)
			strbuf_add(&csv, k % 3 ? "가나" : k % 2 ? "\n" : "\"\"");
		strbuf_add(&csv, i % 2 ? "\"\r\n" : "\"\n");
	}
	*size = csv.length;
	return csv.text;
}

static void a_file_plain_or_gzipped_gives_what_memory_gives(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	size_t size;
	char *csv = large_csv(&size);
	struct rows memory = {0}, plain = {0}, zipped = {0};
	assert_ok(csv_read_bytes(csv, size, "m", take, &memory, &err));
	assert_true(memory.text.length > 200000);
	assert_ok(file_write(scratch_path(folder, "a.csv"), csv, size, &err));
	assert_ok(csv_read(scratch_path(folder, "a.csv"), take, &plain, &err));
	assert_string_equal(memory.text.text, plain.text.text);
	gzFile file = gzopen(scratch_path(folder, "a.csv.gz"), "wb");
	assert_int_equal(gzwrite(file, csv, (unsigned)size), size);
	gzclose(file);
	assert_ok(csv_read(scratch_path(folder, "a.csv.gz"), take, &zipped, &err));
	assert_string_equal(memory.text.text, zipped.text.text);
	char *packed;
	size_t packed_size;
	assert_ok(file_read(scratch_path(folder, "a.csv.gz"), 1 << 24, &packed, &packed_size, &err));
	assert_ok(file_write(scratch_path(folder, "cut.csv.gz"), packed, packed_size / 2, &err));
	assert_refused(csv_read(scratch_path(folder, "cut.csv.gz"), take, &zipped, &err), ERR_DATA, "cut.csv.gz: cut off");
	assert_refused(csv_read(scratch_path(folder, "none.csv"), take, &zipped, &err), ERR_IO, "none.csv");
	assert_refused(csv_read(folder, take, &zipped, &err), ERR_IO, "folder");
	free(packed);
	free(csv);
	strbuf_free(&memory.text);
	strbuf_free(&plain.text);
	strbuf_free(&zipped.text);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_have_their_fields_and_the_line_they_begin_on),
	    cmocka_unit_test(quotes_spaces_and_commas_are_kept),
	    cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_field),
	    cmocka_unit_test(broken_text_is_refused_with_its_line),
	    cmocka_unit_test(the_callers_refusal_comes_out_unchanged),
	    cmocka_unit_test(a_file_plain_or_gzipped_gives_what_memory_gives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
