/*
 * Files that other programs read and write. MOODCAST_EXCHANGE names a folder in which tests/cli/open_npy_npz_h5.sh lets
 * NumPy, SciPy and h5py judge what is written here, and from which what they wrote is read; without it the files are
 * written and read back here.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

#define HALVES 3000
#define NAMES 2500

struct place {
	char *folder;
	bool shared;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	const char *folder = getenv("MOODCAST_EXCHANGE");
	place->shared = folder && *folder;
	place->folder = place->shared ? strdup(folder) : scratch_new();
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	if (place->shared)
		free(place->folder);
	else
		scratch_remove(place->folder);
	free(place);
	return 0;
}

static float ramp(size_t i)
{
	return (float)(sin((double)i) * exp((double)i * 0.006 - 11));
}

static void arrays_of_numpy(void **state)
{
	struct place *place = *state;
	struct err err = {0};
	float values[24];
	int64_t whole[2] = {INT64_MIN, INT64_MAX};
	char bytes[] = "abcde\0xyz\0";
	for (size_t i = 0; i < 24; i++)
		values[i] = ramp(i);
	struct npy cube = {.type = NPY_F32, .rank = 3, .dims = {2, 3, 4}, .item = 4, .data = values};
	struct npz_entry entries[] = {
	    {"cube", cube},
	    {"whole", {.type = NPY_I64, .rank = 1, .dims = {2}, .item = 8, .data = whole}},
	    {"scalar", {.type = NPY_F32, .rank = 0, .item = 4, .data = values + 5}},
	    {"bytes", {.type = NPY_BYTES, .rank = 1, .dims = {2}, .item = 5, .data = bytes}},
	    {"nothing", {.type = NPY_F64, .rank = 2, .dims = {0, 3}, .item = 8}},
	};
	assert_ok(npy_save(&cube, scratch_path(place->folder, "cube.npy"), &err));
	assert_ok(npz_save(scratch_path(place->folder, "arrays.npz"), entries, ARRAY_COUNT(entries), &err));
	struct npy back;
	assert_ok(npz_load(&back, scratch_path(place->folder, "arrays.npz"), "cube", &err));
	assert_close(back.data, values, 24, 0, 0);
	npy_free(&back);
}

static void tensors_of_safetensors(void **state)
{
	struct place *place = *state;
	struct err err = {0};
	float values[24];
	int64_t offsets[3] = {0, 1, 3};
	for (size_t i = 0; i < 24; i++)
		values[i] = ramp(i);
	const struct tensor tensors[] = {{"name/bytes", NPY_U8, 1, {3}, "xyz"},
	                                 {"name/offsets", NPY_I64, 1, {3}, offsets},
	                                 {"cube", NPY_F32, 3, {2, 3, 4}, values},
	                                 {"wide", NPY_F32, 1, {16}, values}};
	struct tensor_file *file;
	assert_ok(tensors_save(scratch_path(place->folder, "a.safetensors"), tensors, 4, (const char *[]){"made", "here"},
	                       1, &err));
	assert_ok(tensors_map(&file, scratch_path(place->folder, "a.safetensors"), &err));
	assert_close(tensors_find(file, "cube")->data, values, 24, 0, 0);
	tensors_unmap(file);
}

static void data_sets_of_hdf5(void **state)
{
	struct place *place = *state;
	struct err err = {0};
	struct hdf_file *file;
	const char *path = scratch_path(place->folder, "ours.h5");
	float *values = mem_alloc(HALVES, sizeof *values, &err), *back;
	char **names = mem_alloc(NAMES, sizeof *names, &err), *texts[] = {"", "plain", "한글"};
	for (size_t i = 0; i < HALVES; i++)
		values[i] = ramp(i);
	for (size_t i = 0; i < NAMES; i++)
		names[i] = mem_format(&err, "layer_with_a_long_name_%05zu/kernel:0", i);
	struct hdf_shape shape = {.type = HDF_F16, .rank = 2, .dims = {HALVES / 10, 10}};
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_write(file, "half", &shape, values, 4, &err));
	shape.type = HDF_F32;
	assert_ok(hdf_write(file, "deep/single", &shape, values, 0, &err));
	assert_ok(hdf_write_texts(file, "texts", texts, 3, &err));
	assert_ok(hdf_write_table(file, "table", texts, 3, &err));
	assert_ok(hdf_attr_set_text(file, "/", "backend", "tensorflow", &err));
	assert_ok(hdf_attr_set_number(file, "deep", "number", 0.1, &err));
	assert_ok(hdf_attr_set_texts(file, "deep", "weight_names", names, 3, &err));
	assert_ok(hdf_attr_set_texts(file, "/", "layer_names", names, NAMES, &err));
	assert_ok(hdf_commit(file, &err));
	assert_ok(hdf_open(&file, path, &err));
	assert_ok(hdf_read(file, "half", HDF_F32, HALVES, (void **)&back, NULL, &err));
	assert_close(back, values, HALVES, 0x1p-11, 0x1p-25);
	hdf_close(file);
	for (size_t i = 0; i < NAMES; i++)
		free(names[i]);
	free(names);
	free(values);
	free(back);
}

/* ---- what the others wrote ---------------------------------------------------------------------------- */

static void foreign_arrays_are_read(void **state)
{
	struct place *place = *state;
	struct err err = {0};
	static const char *const good[] = {"v1.npy", "v2.npy", "scalar.npy", "fortran1.npy", "bool.npy"};
	static const char *const bad[] = {"big.npy", "fortran2.npy", "object.npy", "complex.npy"};
	struct npy array;
	if (!path_exists(scratch_path(place->folder, "v1.npy")))
		skip();
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_ok(npy_load(&array, scratch_path(place->folder, good[i]), &err));
		npy_free(&array);
	}
	assert_ok(npy_load(&array, scratch_path(place->folder, "v1.npy"), &err));
	assert_int_equal(array.dims[1], 3);
	assert_true(((float *)array.data)[5] == 5);
	npy_free(&array);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_refused(npy_load(&array, scratch_path(place->folder, bad[i]), &err), ERR_DATA, bad[i]);
}

static void expect_names(const struct hdf_file *file, const char *attribute, size_t count)
{
	struct err err = {0};
	struct path_list names = {0};
	char expected[32];
	assert_ok(hdf_attr_texts(file, "/", attribute, &names, &err));
	assert_int_equal(names.count, count);
	for (size_t i = 0; i < count; i++) {
		snprintf(expected, sizeof expected, "층_%zu", i);
		assert_string_equal(names.items[i], expected);
	}
	path_list_free(&names);
}

static void foreign_hdf5_is_read(void **state)
{
	struct place *place = *state;
	struct err err = {0};
	struct hdf_file *file;
	struct path_list texts = {0};
	float *half;
	char *text;
	double number;
	if (!path_exists(scratch_path(place->folder, "theirs.h5")))
		skip();
	assert_ok(hdf_open(&file, scratch_path(place->folder, "theirs.h5"), &err));
	expect_names(file, "fixed", 4);
	expect_names(file, "variable", 4);
	expect_names(file, "split", 5);
	expect_names(file, "empty", 0);
	expect_names(file, "nothing", 0);
	assert_ok(hdf_attr_text(file, "/", "text", &text, &err));
	assert_string_equal(text, "변수");
	free(text);
	assert_ok(hdf_attr_number(file, "/", "integer", &number, &err));
	assert_true(number == 7);
	assert_ok(hdf_read_texts(file, "words", &texts, &err));
	assert_int_equal(texts.count, 2);
	assert_string_equal(texts.items[1], "둘");
	path_list_free(&texts);
	assert_ok(hdf_read(file, "half", HDF_F32, 100, (void **)&half, NULL, &err));
	assert_true(half[0] == 0.25f && half[1] == -65504.0f && half[2] == 0x1p-24f && isinf(half[3]) && isnan(half[4]));
	free(half);
	assert_ok(hdf_read(file, "big_endian", HDF_F32, 100, (void **)&half, NULL, &err));
	assert_true(half[0] == 1.5f && half[1] == -2.0f);
	free(half);
	assert_refused(hdf_attr_texts(file, "/", "integer", &texts, &err), ERR_DATA, "does not hold texts");
	hdf_close(file);
}

int main(void)
{
	const struct CMUnitTest written[] = {
	    cmocka_unit_test_setup_teardown(arrays_of_numpy, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tensors_of_safetensors, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(data_sets_of_hdf5, set_up, tear_down),
	};
	const struct CMUnitTest foreign[] = {
	    cmocka_unit_test_setup_teardown(foreign_arrays_are_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_hdf5_is_read, set_up, tear_down),
	};
	int failed = cmocka_run_group_tests(written, NULL, NULL);
	/* Without the judges there is nothing foreign to read. */
	if (getenv("MOODCAST_EXCHANGE"))
		failed += cmocka_run_group_tests(foreign, NULL, NULL);
	return failed;
}
