#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "io/io.h"

static void every_type_and_rank_reads_back_equal(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.npy");
	uint8_t data[192];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 37);
	static const struct npy shapes[] = {
	    {.type = NPY_F32, .rank = 3, .dims = {2, 3, 4}, .item = 4},
	    {.type = NPY_F64, .rank = 1, .dims = {24}, .item = 8},
	    {.type = NPY_I32, .rank = 2, .dims = {0, 5}, .item = 4},
	    {.type = NPY_I64, .rank = 0, .item = 8},
	    {.type = NPY_U8, .rank = 2, .dims = {1, 7}, .item = 1},
	    {.type = NPY_BYTES, .rank = 1, .dims = {3}, .item = 5},
	};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct npy array = shapes[i], back;
		size_t bytes = array.item;
		for (size_t j = 0; j < array.rank; j++)
			bytes *= array.dims[j];
		array.data = data;
		assert_ok(npy_save(&array, path, &err));
		assert_ok(npy_load(&back, path, &err));
		assert_int_equal(back.type, array.type);
		assert_int_equal(back.rank, array.rank);
		assert_int_equal(back.item, array.item);
		assert_memory_equal(back.dims, array.dims, array.rank * sizeof(size_t));
		assert_memory_equal(back.data, data, bytes);
		npy_free(&back);
		uint8_t *made;
		size_t size;
		assert_ok(npy_bytes(&array, &made, &size, &err));
		assert_int_equal((size - bytes) % 64, 0);
		assert_int_equal(made[size - bytes - 1], '\n');
		free(made);
	}
	scratch_remove(folder);
}

/* A file with the given header text; `data` bytes of zeros behind it. */
static size_t build(uint8_t *file, int version, const char *header, size_t data)
{
	size_t length = strlen(header), at = 0;
	memcpy(file, "\x93NUMPY", 6);
	file[6] = (uint8_t)version;
	file[7] = 0;
	at = 8;
	for (int i = 0; i < (version == 1 ? 2 : 4); i++)
		file[at++] = (uint8_t)(length >> (8 * i));
	memcpy(file + at, header, length);
	memset(file + at + length, 0, data);
	return at + length + data;
}

static void headers_in_any_order_and_version_are_understood(void **state)
{
	(void)state;
	struct err err = {0};
	uint8_t file[512];
	static const char *const good[] = {
	    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n",
	    "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
	    "{\"descr\": \"<i4\", 'fortran_order':False, 'shape':(6,)}\n",
	    "{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }\n",
	    "{'descr': '|S8', 'fortran_order': False, 'shape': (3,), }\n",
	    "{'descr': '<f8', 'fortran_order': False, 'shape': (1,3), }\n",
	};
	for (int version = 1; version <= 3; version++)
		for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
			struct npy array;
			size_t size = build(file, version, good[i], 24);
			assert_ok(npy_parse(&array, file, size, "x.npy", &err));
			npy_free(&array);
		}
}

static void what_cannot_be_read_is_refused_with_its_reason(void **state)
{
	(void)state;
	struct err err = {0};
	struct npy array;
	uint8_t file[512];
	static const struct {
		const char *header, *says;
	} bad[] = {
	    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "x.npy: holds Python objects"},
	    {"{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }", "big-endian"},
	    {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "Fortran order"},
	    {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", "'<c8' are not read"},
	    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", "records"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", "needs 28 bytes of elements, 24 are there"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "needs 20 bytes"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6, -1), }", "tuple of sizes"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6 1), }", "tuple of sizes"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "tuple of sizes"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "more elements"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,6), }", "dimensions"},
	    {"{'descr': '<f4', 'fortran_order': False, }", "must hold descr"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x", "nothing behind"},
	    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "unexpected 'fortran_order'"},
	    {"{'descr': '|S0', 'fortran_order': False, 'shape': (6,)}", "'|S0' are not read"},
	    {"{'descr': '<f4", "x.npy: "},
	    {"", "dictionary"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		size_t size = build(file, 1, bad[i].header, 24);
		assert_refused(npy_parse(&array, file, size, "x.npy", &err), ERR_DATA, bad[i].says);
	}
	size_t size = build(file, 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, file, cut);
		assert_refused(npy_parse(&array, exact, cut, "cut.npy", &err), ERR_DATA, "cut.npy");
		free(exact);
	}
	file[6] = 9;
	assert_refused(npy_parse(&array, file, size, "x.npy", &err), ERR_DATA, "version 9");
}

static void an_npz_is_the_same_bytes_each_time_and_reads_back(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), hex[2][SHA256_HEX];
	float values[5] = {1, 2, 3, 4, 5};
	int64_t shape[2] = {5, 1};
	struct npz_entry entries[] = {
	    {"data", {.type = NPY_F32, .rank = 1, .dims = {5}, .item = 4, .data = values}},
	    {"shape", {.type = NPY_I64, .rank = 1, .dims = {2}, .item = 8, .data = shape}},
	    {"empty", {.type = NPY_I32, .rank = 1, .dims = {0}, .item = 4, .data = NULL}},
	};
	for (int i = 0; i < 2; i++) {
		const char *path = scratch_path(folder, i ? "b.npz" : "a.npz");
		assert_ok(npz_save(path, entries, 3, &err));
		assert_ok(sha256_file(path, hex[i], &err));
	}
	assert_string_equal(hex[0], hex[1]);
	struct npy back;
	assert_ok(npz_load(&back, scratch_path(folder, "a.npz"), "data", &err));
	assert_memory_equal(back.data, values, sizeof values);
	npy_free(&back);
	entries[1].array.item = 4;
	assert_refused(npz_save(scratch_path(folder, "c.npz"), entries, 3, &err), ERR_DATA, "c.npz: shape: ");
	assert_false(path_exists(scratch_path(folder, "c.npz")));
	assert_false(path_exists(scratch_path(folder, "c.npz.part")));
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_and_rank_reads_back_equal),
	    cmocka_unit_test(headers_in_any_order_and_version_are_understood),
	    cmocka_unit_test(what_cannot_be_read_is_refused_with_its_reason),
	    cmocka_unit_test(an_npz_is_the_same_bytes_each_time_and_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
