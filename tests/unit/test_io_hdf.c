#include "hdf_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct hdf_shape list(enum hdf_type type, size_t count)
{
	return (struct hdf_shape){.type = type, .rank = 1, .dims = {count}};
}

static void every_type_reads_back_equal_packed_or_not(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	int64_t whole[6] = {INT64_MIN, -1, 0, 1, 255, INT64_MAX};
	int32_t narrow[6] = {INT32_MIN, -1, 0, 1, 255, INT32_MAX};
	uint8_t bytes[6] = {0, 1, 2, 3, 254, 255};
	float single[6] = {0, -0.1f, 3e38f, 1e-38f, INFINITY, 5};
	double real[6] = {0, 0.1, 1e308, -1e-308, 2, 3};
	const void *data[] = {bytes, narrow, whole, single, real};
	const enum hdf_type type[] = {HDF_U8, HDF_I32, HDF_I64, HDF_F32, HDF_F64};
	const size_t size[] = {1, 4, 8, 4, 8};
	char name[32];
	for (int compress = 0; compress <= 6; compress += 6)
		for (size_t i = 0; i < ARRAY_COUNT(type); i++) {
			struct hdf_shape flat = list(type[i], 6), table = {.type = type[i], .rank = 3, .dims = {3, 1, 2}};
			snprintf(name, sizeof name, "deep/er/%zu_%d", i, compress);
			assert_ok(hdf_write(file, name, i % 2 ? &flat : &table, data[i], compress, &err));
		}
	file = reopen(file, path);
	for (int compress = 0; compress <= 6; compress += 6)
		for (size_t i = 0; i < ARRAY_COUNT(type); i++) {
			struct hdf_shape shape;
			void *back;
			snprintf(name, sizeof name, "/deep/er/%zu_%d", i, compress);
			assert_ok(hdf_read(file, name, type[i], 6, &back, &shape, &err));
			assert_memory_equal(back, data[i], 6 * size[i]);
			assert_int_equal(shape.type, type[i]);
			assert_int_equal(shape.rank, i % 2 ? 1 : 3);
			assert_int_equal(shape.dims[0], i % 2 ? 6 : 3);
			free(back);
		}
	hdf_close(file);
	assert_false(path_exists(scratch_path(folder, "a.h5.part")));
	scratch_remove(folder);
}

static void half_precision_is_given_and_taken_as_float(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "half.h5");
	struct hdf_file *file = create(path);
	float values[2000], *back;
	for (int i = 0; i < 2000; i++)
		values[i] = (float)(sin(i) * exp(i * 0.005 - 5));
	values[0] = 1.0f, values[1] = 65504.0f, values[2] = 0x1p-24f, values[3] = -0.0f;
	struct hdf_shape shape = list(HDF_F16, 2000), stored;
	assert_ok(hdf_write(file, "x", &shape, values, 0, &err));
	file = reopen(file, path);
	assert_ok(hdf_read(file, "x", HDF_F16, 2000, (void **)&back, &stored, &err));
	assert_int_equal(stored.type, HDF_F16);
	/* 11 bits of mantissa: half a unit in the last place; below 2^-14 the step is 2^-24. */
	assert_close(back, values, 2000, 0x1p-11, 0x1p-25);
	assert_true(back[1] == 65504.0f && back[2] == 0x1p-24f && back[0] == 1.0f);
	free(back);
	hdf_close(file);
	scratch_remove(folder);
}

static void rows_grow_and_are_read_in_pieces(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "rows.h5");
	struct hdf_file *file = create(path);
	struct hdf_shape shape = {.type = HDF_F32, .rank = 2, .dims = {0, 3}};
	float row[6] = {1, 2, 3, 4, 5, 6}, back[6];
	assert_ok(hdf_create_rows(file, "x", &shape, 4, 1, &err));
	for (size_t i = 0; i < 10; i += 2)
		assert_ok(hdf_write_rows(file, "x", i, 2, row, &err));
	assert_ok(hdf_write_rows(file, "x", 20, 1, row + 3, &err));
	file = reopen(file, path);
	assert_ok(hdf_shape(file, "x", &shape, &err));
	assert_int_equal(shape.dims[0], 21);
	assert_ok(hdf_read_rows(file, "x", HDF_F32, 7, 2, back, &err));
	assert_close(back, (float[]){4, 5, 6, 1, 2, 3}, 6, 0, 0);
	assert_ok(hdf_read_rows(file, "x", HDF_F32, 19, 2, back, &err));
	assert_close(back, (float[]){0, 0, 0, 4, 5, 6}, 6, 0, 0);
	assert_ok(hdf_read_rows(file, "x", HDF_F32, 21, 0, back, &err));
	assert_refused(hdf_read_rows(file, "x", HDF_F32, 20, 2, back, &err), ERR_DATA,
	               "rows.h5: x: rows 20 to 22 asked for, there are 21");
	assert_refused(hdf_read_rows(file, "x", HDF_F32, SIZE_MAX, 2, back, &err), ERR_DATA, "there are 21");
	hdf_close(file);
	scratch_remove(folder);
}

static void rows_are_added_and_a_file_given_up_is_gone(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	struct hdf_shape shape = list(HDF_I32, 0);
	assert_ok(hdf_create_rows(file, "x", &shape, 16, 0, &err));
	assert_ok(hdf_write_rows(file, "x", 0, 2, (int32_t[]){1, 2}, &err));
	assert_false(path_exists(path));
	assert_ok(hdf_write_rows(file, "x", 2, 2, (int32_t[]){3, 4}, &err));
	file = reopen(file, path);
	int32_t back[4];
	assert_ok(hdf_read_rows(file, "x", HDF_I32, 0, 4, back, &err));
	assert_memory_equal(back, ((int32_t[]){1, 2, 3, 4}), sizeof back);
	hdf_close(file);
	hdf_close(create(scratch_path(folder, "given_up.h5")));
	assert_false(path_exists(scratch_path(folder, "given_up.h5.part")));
	scratch_remove(folder);
}

static void texts_and_tables_keep_every_byte(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "t.h5");
	struct hdf_file *file = create(path);
	char *texts[] = {"", "a", "한글 태그", "trailing ", "\n\t"};
	struct path_list back = {0};
	assert_ok(hdf_write_texts(file, "g/texts", texts, 5, &err));
	assert_ok(hdf_write_table(file, "g/table", texts, 5, &err));
	assert_ok(hdf_write_texts(file, "no_texts", NULL, 0, &err));
	assert_ok(hdf_write_table(file, "no_table", NULL, 0, &err));
	file = reopen(file, path);
	assert_ok(hdf_read_texts(file, "g/texts", &back, &err));
	assert_int_equal(back.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(back.items[i], texts[i]);
	path_list_free(&back);
	assert_ok(hdf_read_table(file, "g/table", &back, &err));
	assert_int_equal(back.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(back.items[i], texts[i]);
	path_list_free(&back);
	assert_ok(hdf_read_texts(file, "no_texts", &back, &err));
	assert_ok(hdf_read_table(file, "no_table", &back, &err));
	assert_int_equal(back.count, 0);
	assert_refused(hdf_read_table(file, "g/texts", &back, &err), ERR_DATA, "t.h5: no data set \"g/texts/bytes\"");
	hdf_close(file);
	scratch_remove(folder);
}

static void attributes_read_back_and_are_replaced(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), *text, *names[] = {"conv1/kernel:0", "conv1/bias:0"};
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	struct path_list back = {0};
	double number;
	assert_ok(hdf_group(file, "model/conv1", &err));
	assert_ok(hdf_group(file, "model/conv1", &err));
	assert_ok(hdf_attr_set_text(file, "/", "backend", "first", &err));
	assert_ok(hdf_attr_set_text(file, "/", "backend", "텐서", &err));
	assert_ok(hdf_attr_set_text(file, "/", "empty", "", &err));
	assert_ok(hdf_attr_set_number(file, "model", "epoch", 2.5, &err));
	assert_ok(hdf_attr_set_texts(file, "model/conv1", "weight_names", names, 2, &err));
	assert_ok(hdf_attr_set_texts(file, "model", "weight_names", NULL, 0, &err));
	assert_refused(hdf_attr_set_text(file, "absent", "x", "y", &err), ERR_DATA, "no object \"absent\"");
	file = reopen(file, path);
	assert_true(hdf_has(file, "/model/conv1") && hdf_has(file, "model") && !hdf_has(file, "model/x/y") &&
	            !hdf_has(file, "conv1"));
	assert_true(hdf_attr_has(file, "/", "backend") && !hdf_attr_has(file, "/", "other") &&
	            !hdf_attr_has(file, "no", "backend"));
	assert_ok(hdf_attr_text(file, "/", "backend", &text, &err));
	assert_string_equal(text, "텐서");
	free(text);
	assert_ok(hdf_attr_text(file, "/", "empty", &text, &err));
	assert_string_equal(text, "");
	free(text);
	assert_ok(hdf_attr_number(file, "model", "epoch", &number, &err));
	assert_true(number == 2.5);
	assert_ok(hdf_attr_texts(file, "model/conv1", "weight_names", &back, &err));
	assert_int_equal(back.count, 2);
	assert_string_equal(back.items[1], names[1]);
	path_list_free(&back);
	assert_ok(hdf_attr_texts(file, "model", "weight_names", &back, &err));
	assert_int_equal(back.count, 0);
	assert_refused(hdf_attr_texts(file, "model", "layer_names", &back, &err), ERR_DATA,
	               "a.h5: model has no attribute \"layer_names\"");
	assert_refused(hdf_attr_number(file, "/", "backend", &number, &err), ERR_DATA,
	               "/ attribute backend: is not one number");
	assert_refused(hdf_attr_text(file, "model", "epoch", &text, &err), ERR_DATA, "does not hold texts");
	assert_refused(hdf_attr_text(file, "model/conv1", "weight_names", &text, &err), ERR_DATA, "2 texts, expected one");
	hdf_close(file);
	scratch_remove(folder);
}

static void a_list_above_the_header_limit_is_split_and_joined(void **state)
{
	(void)state;
	enum { COUNT = 3001 };
	struct err err = {0};
	char *folder = scratch_new(), *names[COUNT];
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	struct path_list back = {0};
	for (size_t i = 0; i < COUNT; i++)
		names[i] = mem_format(&err, "block%zu/a_rather_long_name_of_a_layer/kernel:%04zu", i % 10, i);
	assert_ok(hdf_attr_set_texts(file, "/", "weight_names", names, COUNT, &err));
	file = reopen(file, path);
	assert_false(hdf_attr_has(file, "/", "weight_names"));
	assert_true(hdf_attr_has(file, "/", "weight_names0") && hdf_attr_has(file, "/", "weight_names1"));
	assert_ok(hdf_attr_texts(file, "/", "weight_names", &back, &err));
	assert_int_equal(back.count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_string_equal(back.items[i], names[i]);
		free(names[i]);
	}
	path_list_free(&back);
	hdf_close(file);
	char *large = mem_alloc(70000, 1, &err);
	memset(large, 'x', 69999);
	file = create(path);
	assert_refused(hdf_attr_set_text(file, "/", "t", large, &err), ERR_DATA, "69999 bytes does not fit");
	hdf_close(file);
	free(large);
	scratch_remove(folder);
}

static void the_same_content_gives_the_same_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), hex[2][SHA256_HEX], *texts[] = {"a", "bc"};
	for (int i = 0; i < 2; i++) {
		const char *path = scratch_path(folder, i ? "b.h5" : "a.h5");
		struct hdf_file *file = create(path);
		struct hdf_shape shape = list(HDF_I32, 100000);
		int32_t *data = mem_alloc(100000, 4, &err);
		for (int j = 0; j < 100000; j++)
			data[j] = j % 1000;
		assert_ok(hdf_write(file, "g/x", &shape, data, 6, &err));
		assert_ok(hdf_write(file, "g/y", &shape, data, 0, &err));
		assert_ok(hdf_write_texts(file, "g/t", texts, 2, &err));
		assert_ok(hdf_attr_set_texts(file, "g", "names", texts, 2, &err));
		assert_ok(hdf_commit(file, &err));
		assert_ok(sha256_file(path, hex[i], &err));
		free(data);
	}
	assert_string_equal(hex[0], hex[1]);
	scratch_remove(folder);
}

static void what_is_not_there_or_not_hdf5_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file;
	struct hdf_shape shape = list(HDF_U8, 10);
	void *data;
	assert_refused(hdf_open(&file, path, &err), ERR_IO, "a.h5");
	assert_refused(hdf_open(&file, folder, &err), ERR_IO, "is a folder");
	assert_refused(hdf_create(&file, scratch_path(folder, "no/a.h5"), &err), ERR_IO, "no/a.h5.part");
	assert_ok(file_write(path, "not at all HDF5", 15, &err));
	assert_refused(hdf_open(&file, path, &err), ERR_DATA, "a.h5: is not an HDF5 file");
	file = create(path);
	assert_ok(hdf_write(file, "x", &shape, "0123456789", 0, &err));
	assert_ok(hdf_write_texts(file, "t", (char *[]){"ab"}, 1, &err));
	assert_refused(hdf_write(file, "x", &shape, "0123456789", 0, &err), ERR_IO, "x: the data set cannot be made: ");
	file = reopen(file, path);
	assert_refused(hdf_shape(file, "y", &shape, &err), ERR_DATA, "a.h5: no data set \"y\"");
	assert_refused(hdf_shape(file, "t", &shape, &err), ERR_DATA, "a.h5: t: not integers or reals");
	assert_refused(hdf_read(file, "x", HDF_U8, 9, &data, NULL, &err), ERR_DATA, "10 elements, at most 9 are read");
	assert_refused(hdf_shape(file, "/", &shape, &err), ERR_DATA, "data set");
	hdf_close(file);
	scratch_remove(folder);
}

static void a_file_cut_off_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), *bytes;
	const char *path = scratch_path(folder, "a.h5"), *cut = scratch_path(folder, "cut.h5");
	size_t size;
	struct hdf_file *file = create(path);
	struct hdf_shape shape = list(HDF_U8, 50000);
	void *data = mem_alloc(50000, 1, &err);
	assert_ok(hdf_write(file, "x", &shape, data, 0, &err));
	assert_ok(hdf_commit(file, &err));
	assert_ok(file_read(path, 1 << 20, &bytes, &size, &err));
	assert_ok(file_write(cut, bytes, size - 20000, &err));
	assert_refused(hdf_open(&file, cut, &err), ERR_DATA, "cut.h5: cannot be opened as HDF5: ");
	free(bytes);
	free(data);
	scratch_remove(folder);
}

static void rows_of_other_folders_are_not_read(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "joined.h5");
	static const uint8_t rows[6] = {1, 2, 3, 4, 5, 6};
	static const char *const files[] = {"/etc/part.h5", "../part.h5", "."};
	struct hdf_shape shape = {.type = HDF_U8, .rank = 2, .dims = {3, 2}};
	struct hdf_file *file;
	uint8_t found[12];
	assert_ok(hdf_create(&file, scratch_path(folder, "part.h5"), &err));
	assert_ok(hdf_write(file, "rows", &shape, rows, 0, &err));
	assert_ok(hdf_commit(file, &err));
	shape.dims[0] = 6;
	for (size_t i = 0; i < 2 + ARRAY_COUNT(files); i++) {
		const struct hdf_part parts[] = {{"part.h5", 3}, {i < 2 ? "part.h5" : files[i - 2], 3}};
		assert_ok(hdf_create(&file, path, &err));
		assert_ok(hdf_create_joined(file, "rows", &shape, parts, 2 - (i == 1), &err));
		assert_ok(hdf_commit(file, &err));
		assert_ok(hdf_open(&file, path, &err));
		if (i == 0)
			assert_ok(hdf_read_rows(file, "rows", HDF_U8, 0, 6, found, &err));
		else
			assert_refused(hdf_read_rows(file, "rows", HDF_U8, 0, 6, found, &err), ERR_DATA,
			               i == 1 ? "do not make up the whole" : "only files of the same folder are read");
		hdf_close(file);
	}
	scratch_remove(folder);
}

static void two_real_keras_models_give_their_names_and_weights(void **state)
{
	(void)state;
	const char *data = getenv("MOODCAST_DATA");
	if (!data)
		skip();
	struct err err = {0};
	char *folder = path_join(data, "keras", &err);
	struct path_list files = {0};
	assert_ok(folder_walk(&files, folder, &err));
	size_t weights = 0;
	for (size_t i = 0; i < files.count; i++) {
		struct hdf_file *file;
		struct path_list layers = {0};
		assert_ok(hdf_open(&file, files.items[i], &err));
		const char *root = hdf_has(file, "model_weights") ? "model_weights" : "/";
		assert_ok(hdf_attr_texts(file, root, "layer_names", &layers, &err));
		assert_true(layers.count > 0);
		for (size_t j = 0; j < layers.count; j++) {
			struct path_list names = {0};
			char *group = path_join(strcmp(root, "/") == 0 ? "" : root, layers.items[j], &err);
			assert_ok(hdf_attr_texts(file, group, "weight_names", &names, &err));
			for (size_t k = 0; k < names.count; k++) {
				char *name = path_join(group, names.items[k], &err);
				struct hdf_shape shape;
				void *values;
				assert_ok(hdf_read(file, name, HDF_F32, 10000000, &values, &shape, &err));
				weights++;
				free(values);
				free(name);
			}
			path_list_free(&names);
			free(group);
		}
		path_list_free(&layers);
		hdf_close(file);
	}
	assert_true(weights > 20);
	path_list_free(&files);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_reads_back_equal_packed_or_not),
	    cmocka_unit_test(half_precision_is_given_and_taken_as_float),
	    cmocka_unit_test(rows_grow_and_are_read_in_pieces),
	    cmocka_unit_test(rows_are_added_and_a_file_given_up_is_gone),
	    cmocka_unit_test(texts_and_tables_keep_every_byte),
	    cmocka_unit_test(attributes_read_back_and_are_replaced),
	    cmocka_unit_test(a_list_above_the_header_limit_is_split_and_joined),
	    cmocka_unit_test(the_same_content_gives_the_same_bytes),
	    cmocka_unit_test(what_is_not_there_or_not_hdf5_is_refused),
	    cmocka_unit_test(a_file_cut_off_is_refused),
	    cmocka_unit_test(rows_of_other_folders_are_not_read),
	    cmocka_unit_test(two_real_keras_models_give_their_names_and_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
