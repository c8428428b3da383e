/* HDF5 files that others wrote, or that were damaged: what h5py writes by itself is read, what is inconsistent is
 * refused by name. */
#include "hdf_fixture.h"

#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A data set `name` of `type` and `rank` dimensions; data == NULL leaves it empty. */
static void foreign_set(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, const void *data)
{
	hid_t space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
	hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	assert_true(set >= 0);
	if (data)
		assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
	H5Dclose(set);
	H5Sclose(space);
}

static void texts_of_any_length_and_padding_are_read(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	hid_t out = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	hid_t any = H5Tcopy(H5T_C_S1), padded = H5Tcopy(H5T_C_S1);
	H5Tset_size(any, H5T_VARIABLE);
	H5Tset_size(padded, 6);
	H5Tset_strpad(padded, H5T_STR_SPACEPAD);
	foreign_set(out, "any", any, 1, (hsize_t[]){3}, (const char *[]){"기쁨", "", "a longer text than the others"});
	foreign_set(out, "unset", any, 1, (hsize_t[]){2}, NULL);
	foreign_set(out, "padded", padded, 1, (hsize_t[]){2}, "calm  joyful");
	foreign_set(out, "none", padded, 1, (hsize_t[]){0}, NULL);
	foreign_set(out, "numbers", H5T_NATIVE_INT, 1, (hsize_t[]){2}, (int[]){1, 2});
	H5Tclose(any), H5Tclose(padded), H5Fclose(out);

	struct hdf_file *file;
	assert_ok(hdf_open(&file, path, &err));
	struct path_list texts = {0};
	assert_ok(hdf_read_texts(file, "any", &texts, &err));
	assert_int_equal(texts.count, 3);
	assert_string_equal(texts.items[0], "기쁨");
	assert_string_equal(texts.items[1], "");
	assert_string_equal(texts.items[2], "a longer text than the others");
	path_list_free(&texts);
	assert_ok(hdf_read_texts(file, "unset", &texts, &err));
	assert_int_equal(texts.count, 2);
	assert_string_equal(texts.items[1], "");
	path_list_free(&texts);
	assert_ok(hdf_read_texts(file, "padded", &texts, &err));
	assert_string_equal(texts.items[0], "calm");
	assert_string_equal(texts.items[1], "joyful");
	path_list_free(&texts);
	assert_ok(hdf_read_texts(file, "none", &texts, &err));
	assert_int_equal(texts.count, 0);
	assert_refused(hdf_read_texts(file, "numbers", &texts, &err), ERR_DATA, "numbers: does not hold texts");
	hdf_close(file);
	scratch_remove(folder);
}

static void sets_without_rows_or_of_too_many_dimensions_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	hid_t out = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	foreign_set(out, "one", H5T_NATIVE_FLOAT, 0, NULL, (float[]){3});
	foreign_set(out, "deep", H5T_NATIVE_FLOAT, 9, (hsize_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, (float[]){3});
	H5Fclose(out);

	struct hdf_file *file;
	struct hdf_shape shape;
	float value;
	void *values;
	assert_ok(hdf_open(&file, path, &err));
	assert_refused(hdf_read_rows(file, "one", HDF_F32, 0, 1, &value, &err), ERR_DATA,
	               "one: one single value, expected rows");
	assert_refused(hdf_shape(file, "deep", &shape, &err), ERR_DATA, "deep: 9 dimensions");
	assert_refused(hdf_read(file, "deep", HDF_F32, 9, &values, &shape, &err), ERR_DATA, "deep: 9 dimensions");
	hdf_close(file);

	struct hdf_file *own = create(scratch_path(folder, "b.h5"));
	struct hdf_shape flat = {.type = HDF_F32}, vast = {.type = HDF_F32, .rank = 3, .dims = {SIZE_MAX / 2, 8, 8}};
	assert_refused(hdf_write(own, "flat", &flat, &value, 0, &err), ERR_DATA, "flat: 0 dimensions");
	assert_refused(hdf_write(own, "vast", &vast, &value, 0, &err), ERR_DATA,
	               "vast: more elements than this machine can address");
	hdf_close(own);
	scratch_remove(folder);
}

/* NAME/bytes and NAME/offsets as a damaged file might hold them. */
static void put_table(struct hdf_file *file, const char *name, const char *bytes, size_t n_bytes,
                      const int64_t *offsets, size_t rank)
{
	struct err err = {0};
	char set[64];
	struct hdf_shape text = {.type = HDF_U8, .rank = 1, .dims = {n_bytes}};
	struct hdf_shape places = {.type = HDF_I64, .rank = rank, .dims = {rank == 1 ? 4 : 2, 2}};
	snprintf(set, sizeof set, "%s/bytes", name);
	assert_ok(hdf_write(file, set, &text, bytes, 0, &err));
	snprintf(set, sizeof set, "%s/offsets", name);
	assert_ok(hdf_write(file, set, &places, offsets, 0, &err));
}

static void damaged_tables_of_texts_are_refused_by_name(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	put_table(file, "good", "abcdef", 6, (int64_t[]){0, 2, 2, 6}, 1);
	put_table(file, "short", "abcdef", 6, (int64_t[]){0, 2, 4, 5}, 1);
	put_table(file, "late", "abcdef", 6, (int64_t[]){1, 2, 4, 6}, 1);
	put_table(file, "back", "abcdef", 6, (int64_t[]){0, 4, 2, 6}, 1);
	put_table(file, "out", "abcdef", 6, (int64_t[]){0, 9, 9, 6}, 1);
	put_table(file, "nul", "ab\0def", 6, (int64_t[]){0, 2, 4, 6}, 1);
	put_table(file, "square", "abcdef", 6, (int64_t[]){0, 2, 4, 6}, 2);
	file = reopen(file, path);
	struct path_list texts = {0};
	assert_ok(hdf_read_table(file, "good", &texts, &err));
	assert_int_equal(texts.count, 3);
	assert_string_equal(texts.items[0], "ab");
	assert_string_equal(texts.items[1], "");
	assert_string_equal(texts.items[2], "cdef");
	path_list_free(&texts);
	assert_refused(hdf_read_table(file, "short", &texts, &err), ERR_DATA, "short: offsets do not span the 6 bytes");
	assert_refused(hdf_read_table(file, "late", &texts, &err), ERR_DATA, "late: offsets do not span the 6 bytes");
	assert_refused(hdf_read_table(file, "back", &texts, &err), ERR_DATA, "back: text 1: its offsets are out of order");
	assert_refused(hdf_read_table(file, "out", &texts, &err), ERR_DATA, "out: text 0: its offsets are out of order");
	assert_refused(hdf_read_table(file, "nul", &texts, &err), ERR_DATA, "nul: text 1 holds a NUL byte");
	assert_refused(hdf_read_table(file, "square", &texts, &err), ERR_DATA,
	               "square: bytes and offsets must be plain lists");
	assert_refused(hdf_read_table(file, "absent", &texts, &err), ERR_DATA, "no data set \"absent/bytes\"");
	assert_int_equal(texts.count, 0);
	hdf_close(file);
	scratch_remove(folder);
}

static void half_precision_keeps_what_is_no_number(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.h5");
	struct hdf_file *file = create(path);
	const float given[6] = {NAN, INFINITY, -INFINITY, 70000, -1e30f, 65504};
	struct hdf_shape shape = {.type = HDF_F16, .rank = 1, .dims = {6}};
	assert_ok(hdf_write(file, "half", &shape, given, 0, &err));
	file = reopen(file, path);
	float back[6];
	assert_ok(hdf_read_rows(file, "half", HDF_F32, 0, 6, back, &err));
	assert_true(isnan(back[0]));
	assert_true(isinf(back[1]) && back[1] > 0 && isinf(back[2]) && back[2] < 0);
	assert_true(isinf(back[3]) && back[3] > 0 && isinf(back[4]) && back[4] < 0);
	assert_true(back[5] == 65504);
	hdf_close(file);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_of_any_length_and_padding_are_read),
	    cmocka_unit_test(sets_without_rows_or_of_too_many_dimensions_are_refused),
	    cmocka_unit_test(damaged_tables_of_texts_are_refused_by_name),
	    cmocka_unit_test(half_precision_keeps_what_is_no_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
