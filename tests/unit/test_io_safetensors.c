#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "io/io.h"

static void tensors_read_back_aligned_and_without_holes(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.safetensors");
	float values[96];
	uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};
	int64_t offsets[3] = {0, 3, 7};
	int32_t index[5] = {5, 4, 3, 2, 1};
	double real = 0.1;
	for (size_t i = 0; i < 96; i++)
		values[i] = (float)i / 3;
	const struct tensor tensors[] = {
	    {"names/bytes", NPY_U8, 1, {7}, bytes},      {"odd", NPY_I32, 1, {5}, index},
	    {"w", NPY_F32, 2, {6, 16}, values},          {"scalar", NPY_F64, 0, {0}, &real},
	    {"names/offsets", NPY_I64, 1, {3}, offsets}, {"none", NPY_F32, 2, {0, 4}, NULL},
	    {"half", NPY_F32, 1, {48}, values},
	};
	static const char *const metadata[] = {"format", "moodcast", "note", "\"quoted\" 한글"};
	assert_ok(tensors_save(path, tensors, ARRAY_COUNT(tensors), metadata, 2, &err));
	struct tensor_file *file;
	assert_ok(tensors_map(&file, path, &err));
	assert_int_equal(tensors_count(file), ARRAY_COUNT(tensors));
	static const size_t item[] = {1, 4, 4, 8, 8, 4, 4}, size[] = {7, 20, 384, 8, 24, 0, 192};
	for (size_t i = 0; i < ARRAY_COUNT(tensors); i++) {
		const struct tensor *back;
		assert_ok(tensors_need(file, tensors[i].name, tensors[i].type, tensors[i].rank, tensors[i].dims, &back, &err));
		assert_int_equal((uintptr_t)back->data % item[i], 0);
		if (size[i] % 64 == 0)
			assert_int_equal((uintptr_t)back->data % 64, 0);
		if (size[i])
			assert_memory_equal(back->data, tensors[i].data, size[i]);
	}
	assert_string_equal(tensors_metadata(file, "note"), metadata[3]);
	assert_null(tensors_metadata(file, "absent"));
	assert_null(tensors_find(file, "__metadata__"));
	assert_null(tensors_at(file, ARRAY_COUNT(tensors)));
	const struct tensor *tensor;
	assert_refused(tensors_need(file, "v", NPY_F32, 1, (size_t[]){0}, &tensor, &err), ERR_DATA,
	               "a.safetensors: no tensor \"v\"");
	assert_refused(tensors_need(file, "w", NPY_I32, 2, (size_t[]){0, 0}, &tensor, &err), ERR_DATA,
	               "another type than I32");
	assert_refused(tensors_need(file, "w", NPY_F32, 1, (size_t[]){0}, &tensor, &err), ERR_DATA,
	               "2 dimensions, expected 1");
	assert_refused(tensors_need(file, "w", NPY_F32, 2, (size_t[]){6, 17}, &tensor, &err), ERR_DATA,
	               "dimension 1 is 16, expected 17");
	tensors_unmap(file);
	const struct tensor twice[] = {tensors[0], tensors[0]};
	assert_refused(tensors_save(path, twice, 2, NULL, 0, &err), ERR_DATA, "two tensors are named names/bytes");
	scratch_remove(folder);
}

static void map_text(const char *folder, const char *header, size_t data, const char *says)
{
	struct err err = {0};
	struct tensor_file *file;
	uint8_t bytes[1024] = {0};
	size_t length = strlen(header), wanted = says && strcmp(says, "not aligned") == 0 ? 1 : 0;
	const char *path = scratch_path(folder, "bad.safetensors");
	memcpy(bytes + 8, header, length);
	while (length % 8 != wanted)
		bytes[8 + length++] = ' ';
	bytes[0] = (uint8_t)length;
	bytes[1] = (uint8_t)(length >> 8);
	assert_ok(file_write(path, bytes, 8 + length + data, &err));
	if (says)
		assert_refused(tensors_map(&file, path, &err), ERR_DATA, says);
	else {
		assert_ok(tensors_map(&file, path, &err));
		tensors_unmap(file);
	}
}

static void every_lie_of_a_header_is_refused(void **state)
{
	(void)state;
	char *folder = scratch_new();
	struct err err = {0};
	struct tensor_file *file;
	static const struct {
		const char *header, *says;
		size_t data;
	} cases[] = {
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ", NULL, 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ", "9 bytes of data, the tensors take 8",
	     9},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ", "outside the file", 7},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}   ", "disagree", 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", "disagree", 0},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "something else than sizes", 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", "something else than sizes", 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", "no list", 8},
	    {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}", "dtype", 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "outside", 8},
	    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", "no pair", 8},
	    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", "begins at 4, the one before it ends at 0",
	     8},
	    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
	     "offsets\":[4,8]}}",
	     "begins at 4", 8},
	    {"{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}  ", "not aligned", 8},
	    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"a\":{}}", "bad.safetensors: line 1", 8},
	    {"[1]", "no JSON object", 0},
	    {"{\"a\":7}", "tensor a", 0},
	    {"{", "line 1", 0},
	    {"{}", NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		map_text(folder, cases[i].header, cases[i].data, cases[i].says);
	const char *path = scratch_path(folder, "bad.safetensors");
	assert_ok(file_write(path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, &err));
	assert_refused(tensors_map(&file, path, &err), ERR_DATA, "cut off");
	assert_ok(file_write(path, "\x10\0\0\0\0\0\0\0{}", 10, &err));
	assert_refused(tensors_map(&file, path, &err), ERR_DATA, "cut off");
	assert_ok(file_write(path, "abc", 3, &err));
	assert_refused(tensors_map(&file, path, &err), ERR_DATA, "only 3 bytes");
	assert_refused(tensors_map(&file, scratch_path(folder, "absent"), &err), ERR_IO, "absent");
	assert_refused(tensors_map(&file, folder, &err), ERR_IO, "not a plain file");
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tensors_read_back_aligned_and_without_holes),
	    cmocka_unit_test(every_lie_of_a_header_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
