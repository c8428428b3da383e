#include "support/support.h"

#include "io/io.h"
#include "text/text.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static char *const tags[] = {"여름", "비 오는 날", "비_오는_날", "a\tb", "a_b", "#1"};
enum { COUNT = 6, SIZE = 5 };

static struct vectors some_vectors(void)
{
	struct err err = {0};
	struct vectors v = {COUNT, SIZE, mem_alloc(COUNT * SIZE, sizeof(float), &err)};
	struct rng rng;

	assert_non_null(v.data);
	rng_seed(&rng, 4, "files", 0);
	for (size_t i = 0; i < COUNT * SIZE; i++)
		v.data[i] = (float)(rng_normal(&rng) * (i % 3 ? 1 : 1e-20));
	/* Numbers that only enough digits bring back, and bytes that look like line feeds and blanks. */
	v.data[0] = FLT_MIN;
	v.data[1] = -FLT_MAX;
	v.data[2] = 0.1f;
	memcpy(&v.data[SIZE], "\n\n \n", 4);
	return v;
}

static void keys_have_no_blank_and_no_twin(void **state)
{
	(void)state;
	struct err err = {0};
	struct path_list keys;
	static const char *const want[] = {"여름", "비_오는_날_", "비_오는_날", "a_b_", "a_b", "#1"};

	assert_ok(word2vec_keys(tags, COUNT, &keys, &err));
	for (size_t i = 0; i < COUNT; i++)
		assert_string_equal(keys.items[i], want[i]);
	path_list_free(&keys);
	assert_refused(word2vec_keys((char *[]){"a", "b\nc"}, 2, &keys, &err), ERR_DATA, "tag 1 holds a line break");
	assert_refused(word2vec_keys((char *[]){""}, 1, &keys, &err), ERR_DATA, "empty");
	assert_refused(word2vec_keys((char *[]){"x", "x"}, 2, &keys, &err), ERR_DATA, "there twice");
}

static void check_same(const struct vectors *v, const struct path_list *keys, const struct vectors *back,
                       const struct path_list *back_keys)
{
	assert_int_equal(back->count, v->count);
	assert_int_equal(back->size, v->size);
	assert_memory_equal(back->data, v->data, v->count * v->size * sizeof(float));
	for (size_t i = 0; i < v->count; i++)
		assert_string_equal(back_keys->items[i], keys->items[i]);
}

static void both_formats_bring_back_the_same_bits(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct vectors v = some_vectors(), back;
	struct path_list keys, back_keys = {0};

	assert_ok(word2vec_keys(tags, COUNT, &keys, &err));
	assert_ok(word2vec_save_text(scratch_path(folder, "t.vec"), &v, keys.items, &err));
	assert_ok(word2vec_load_text(scratch_path(folder, "t.vec"), &back, &back_keys, &err));
	check_same(&v, &keys, &back, &back_keys);
	vectors_free(&back);
	path_list_free(&back_keys);
	assert_ok(word2vec_save_binary(scratch_path(folder, "t.bin"), &v, keys.items, &err));
	assert_ok(word2vec_load_binary(scratch_path(folder, "t.bin"), &back, &back_keys, &err));
	check_same(&v, &keys, &back, &back_keys);
	vectors_free(&back);
	path_list_free(&back_keys);
	vectors_free(&v);
	path_list_free(&keys);
	scratch_remove(folder);
}

static void a_line_feed_behind_a_binary_row_is_read_over(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct vectors v;
	struct path_list keys = {0};
	static const char bytes[] = "2 1\nab \0\0\x80\x3f\ncd \0\0\0\x40\n";

	assert_ok(file_write(scratch_path(folder, "x"), bytes, sizeof bytes - 1, &err));
	assert_ok(word2vec_load_binary(scratch_path(folder, "x"), &v, &keys, &err));
	assert_string_equal(keys.items[1], "cd");
	assert_true(v.data[0] == 1 && v.data[1] == 2);
	vectors_free(&v);
	path_list_free(&keys);
	scratch_remove(folder);
}

struct broken {
	const char *bytes, *says;
	bool binary;
};

static void broken_files_are_refused_by_row(void **state)
{
	(void)state;
	static const struct broken files[] = {
		{"", "first line", false},
		{"2\n", "first line", false},
		{"-1 4\n", "first line", false},
		{"999999999 100\na 1\n", "cannot be in", false},
		{"1 4294967295\na 1\n", "cannot be in", false}, /* one row alone would take 16 GiB */
		{"2 2\na 1 2\n", "row 2", false},
		{"2 2\na 1 2\nb 1", "row 2", false},
		{"2 2\na 1 2\nb 1 x\n", "row 2: number 2 of 2", false},
		{"2 2\na 1 2\nb 1 2 3\n", "row 2: more than 2", false},
		{"2 2\na 1 nan\nb 1 2\n", "row 1: number 2 is not finite", false},
		{"2 2\na 1 2\na 1 2\n", "there twice", false},
		{"1 2\na 1 2\nb 1 2\n", "behind row 1", false},
		{"1 2\n 1 2\n", "not a key", false},
		{"2 1\nab ....cd ..", "row 2", true},
		{"1 1\nab ....more", "behind row 1", true},
		{"1 1\na\nb ....", "not a key", true},
	};
	char *folder = scratch_new();

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		struct err err = {0};
		struct vectors v;
		struct path_list keys = {0};
		const char *path = scratch_path(folder, "x");
		assert_ok(file_write(path, files[i].bytes, strlen(files[i].bytes), &err));
		if (files[i].binary)
			assert_refused(word2vec_load_binary(path, &v, &keys, &err), ERR_DATA, files[i].says);
		else
			assert_refused(word2vec_load_text(path, &v, &keys, &err), ERR_DATA, files[i].says);
		assert_int_equal(keys.count, 0);
	}
	scratch_remove(folder);
}

static void a_missing_file_is_an_input_error(void **state)
{
	(void)state;
	struct err err = {0};
	struct vectors v;
	struct path_list keys = {0};

	assert_refused(word2vec_load_binary("/nowhere/tags.bin", &v, &keys, &err), ERR_IO, "/nowhere/tags.bin");
}

static void keys_find_their_tags_again(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct path_list keys, back = {0}, fewer;
	char *const plain[] = {"여름", "비 오는 날"};
	const char *path = scratch_path(folder, "tag_keys.tsv");

	assert_ok(word2vec_keys(plain, 2, &keys, &err));
	assert_ok(tag_keys_save(path, keys.items, plain, 2, &err));
	assert_ok(tag_keys_load(path, &keys, &back, &err));
	assert_int_equal(back.count, 2);
	assert_string_equal(back.items[1], "비 오는 날");
	fewer = keys;
	fewer.count = 1;
	assert_refused(tag_keys_load(path, &fewer, &back, &err), ERR_DATA, "more lines");
	assert_ok(file_write(path, "key\ttag\n여름\t여름\nb\tc\n", strlen("key\ttag\n여름\t여름\nb\tc\n"), &err));
	assert_refused(tag_keys_load(path, &keys, &back, &err), ERR_DATA, ":3: key 'b'");
	path_list_free(&keys);
	path_list_free(&back);
	scratch_remove(folder);
}

static void the_similarity_matrix_is_symmetric_and_reads_back(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct vectors v = some_vectors(), unit;
	struct hdf_file *file;
	struct hdf_shape shape;
	struct path_list names = {0};
	void *read;

	v.data[1] = 1; /* the square of FLT_MAX would be all there is of row 0 */
	assert_ok(vectors_unit(&v, &unit, &err));
	assert_ok(tag_similarity_save(scratch_path(folder, "s.h5"), &unit, tags, 4, &err));
	assert_ok(hdf_open(&file, scratch_path(folder, "s.h5"), &err));
	assert_ok(hdf_read(file, "similarity", HDF_F32, 100, &read, &shape, &err));
	assert_ok(hdf_read_texts(file, "names", &names, &err));
	assert_true(shape.rank == 2 && shape.dims[0] == 4 && shape.dims[1] == 4);
	assert_string_equal(names.items[1], tags[1]);
	const float *s = read;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++) {
			double dot = 0;
			for (size_t d = 0; d < SIZE; d++)
				dot += (double)unit.data[i * SIZE + d] * (double)unit.data[j * SIZE + d];
			float want = i == j ? 1 : (float)dot;
			assert_close(&s[i * 4 + j], &want, 1, 0, 1e-6);
			assert_true(s[i * 4 + j] == s[j * 4 + i]);
		}
	hdf_close(file);
	free(read);
	path_list_free(&names);
	vectors_free(&v);
	vectors_free(&unit);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_no_blank_and_no_twin),
		cmocka_unit_test(both_formats_bring_back_the_same_bits),
		cmocka_unit_test(a_line_feed_behind_a_binary_row_is_read_over),
		cmocka_unit_test(broken_files_are_refused_by_row),
		cmocka_unit_test(a_missing_file_is_an_input_error),
		cmocka_unit_test(keys_find_their_tags_again),
		cmocka_unit_test(the_similarity_matrix_is_symmetric_and_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
