/* What is read and written piece by piece, and signed, with memory that runs out. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing_memory.h"
#include "io/io.h"
#include "num/num.h"

static struct {
	char *folder, *rows, *around, *zip, *csv, *private_key, *public_key;
} have;

static const float numbers[6] = {1, 2, 3, 4, 5, 6};

static char *at(const char *name)
{
	return strdup(scratch_path(have.folder, name));
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	struct zip_writer *zip;
	have.folder = scratch_new();
	have.rows = at("rows.h5"), have.around = at("around.h5"), have.zip = at("a.zip"), have.csv = at("a.csv");
	have.private_key = at("private.pem"), have.public_key = at("public.pem");
	assert_ok(file_write(have.private_key, EXAMPLE_PRIVATE_PEM, strlen(EXAMPLE_PRIVATE_PEM), &err));
	assert_ok(file_write(have.public_key, EXAMPLE_PUBLIC_PEM, strlen(EXAMPLE_PUBLIC_PEM), &err));
	assert_ok(file_write(have.csv, "a,b\n1,2\n", 8, &err));
	assert_ok(zip_create(&zip, have.zip, &err));
	assert_ok(zip_add(zip, "a.txt", "aaaaaaaaaaaaaaaaaaaaaaaa", 24, true, &err));
	assert_ok(zip_finish(zip, &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *paths[] = {have.rows, have.around, have.zip, have.csv, have.private_key, have.public_key};
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		free(paths[i]);
	scratch_remove(have.folder);
	return 0;
}

/* ---- HDF5 ---- */

static int grow_rows(struct err *err)
{
	const struct hdf_shape shape = {.type = HDF_F32, .rank = 2, .dims = {0, 2}};
	struct hdf_file *file;
	float read[6];
	int code = hdf_create(&file, have.rows, err);
	if (code != OK)
		return code;
	if ((code = hdf_create_rows(file, "rows", &shape, 2, 1, err)) != OK ||
	    (code = hdf_write_rows(file, "rows", 0, 2, numbers, err)) != OK ||
	    (code = hdf_write_rows(file, "rows", 2, 1, numbers + 4, err)) != OK) {
		hdf_close(file);
		return code;
	}
	if ((code = hdf_commit(file, err)) != OK || (code = hdf_open(&file, have.rows, err)) != OK)
		return code;
	code = hdf_read_rows(file, "rows", HDF_F32, 0, 3, read, err);
	hdf_close(file);
	return code == OK && memcmp(read, numbers, sizeof read) != 0 ? err_set(err, ERR_DATA, "other rows") : code;
}

/* Bytes that were appended behind the head, and the file that is made around them. */
static int append_row(const uint8_t *row, size_t size, struct err *err)
{
	static const uint8_t head[HDF_HEAD];
	char part[600];
	snprintf(part, sizeof part, "%s.part", have.around);
	FILE *file = fopen(part, "wb");
	bool good = file && fwrite(head, 1, sizeof head, file) == sizeof head && fwrite(row, 1, size, file) == size;
	good = file && fclose(file) == 0 && good;
	return good ? OK : err_set(err, ERR_IO, "%s", part);
}

static int around_rows(struct err *err)
{
	static const uint8_t row[4] = {1, 2, 3, 4};
	struct hdf_packer *packer;
	struct hdf_file *file;
	const uint8_t *bytes;
	size_t size;
	int code = hdf_packer_new(&packer, 1, err);
	if (code != OK)
		return code;
	if ((code = hdf_pack(packer, row, sizeof row, &bytes, &size, err)) == OK)
		code = append_row(bytes, size, err);
	hdf_packer_free(packer);
	if (code != OK)
		return code;
	const struct hdf_rows rows = {.name = "pixels",
	                              .shape = {.type = HDF_U8, .rank = 2, .dims = {1, 4}},
	                              .compress = 1,
	                              .sizes = &(const uint64_t){size}};
	code = hdf_create_around(&file, have.around, &rows, err);
	return code == OK ? hdf_commit(file, err) : code;
}

/* ---- members, records, arrays ---- */

static int unpack(const struct member *member, void *context, struct err *err)
{
	struct unpacker *unpacker = context;
	struct member own = *member;
	int code = member_unpack(unpacker, &own, err);
	return code == OK && own.size != 24 ? err_set(err, ERR_DATA, "%zu bytes", own.size) : code;
}

static int walk_packed(struct err *err)
{
	struct unpacker *unpacker;
	int code = unpacker_new(&unpacker, err);
	if (code != OK)
		return code;
	const struct member_walk walk = {.deliver = unpack, .context = unpacker, .packed = true};
	code = members_walk(have.zip, &walk, err);
	unpacker_free(unpacker);
	return code;
}

static int take_record(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	(void)fields, (void)context;
	return count == 2 ? OK : err_set(err, ERR_DATA, "line %zu", line);
}

static int read_records(struct err *err)
{
	return csv_read(have.csv, take_record, NULL, err);
}

static int array_in_memory(struct err *err)
{
	const struct npy array = {
	    .type = NPY_F32, .rank = 2, .dims = {3, 2}, .item = 4, .data = (void *)(uintptr_t)numbers};
	struct npy again;
	uint8_t *bytes;
	size_t size;
	int code = npy_bytes(&array, &bytes, &size, err);
	if (code != OK)
		return code;
	if ((code = npy_parse(&again, bytes, size, "array", err)) == OK)
		npy_free(&again);
	free(bytes);
	return code;
}

static int save_json(struct err *err)
{
	struct json *json = NULL;
	int code = json_load_text(&json, "{\"a\":[1,\"b\"]}", 13, "text", err);
	if (code == OK)
		code = json_save(json, scratch_path(have.folder, "a.json"), err);
	json_free(json);
	return code;
}

static int transpose(struct err *err)
{
	static int64_t start[] = {0, 2, 3};
	static int32_t index[] = {0, 1, 1};
	static float value[] = {1, 2, 3};
	const struct csr matrix = {.rows = 2, .columns = 2, .start = start, .index = index, .value = value};
	struct csr out;
	int code = csr_transpose(&matrix, &out, err);
	if (code == OK)
		csr_free(&out);
	return code;
}

/* ---- signatures ---- */

static int sign(struct err *err)
{
	unsigned char signature[SIGNATURE_BYTES];
	char hex[SHA256_HEX];
	bool good = false;
	int code = signature_make(have.private_key, "bytes", 5, signature, err);
	if (code == OK)
		code = signature_check(have.public_key, "bytes", 5, signature, &good, err);
	if (code == OK && !good)
		code = err_set(err, ERR_DATA, "a signature that is not the key's");
	return code == OK ? sha256_file(have.csv, hex, err) : code;
}

static const struct attempt attempts[] = {
    {"hdf_write_rows", grow_rows}, {"hdf_create_around", around_rows}, {"member_unpack", walk_packed},
    {"csv_read", read_records},   {"npy_parse", array_in_memory},     {"json_save", save_json},
    {"csr_transpose", transpose}, {"signature_make", sign},
};

static void pieces(void **state)
{
	(void)state;
	memory_walk(attempts, ARRAY_COUNT(attempts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
