/*
 * NumPy's .npy: "\x93NUMPY", version, header length (2 bytes little endian in version 1, 4 in versions 2 and 3), a
 * Python dictionary with descr, fortran_order and shape, then the elements (numpy.lib.format). Read: C order, little
 * endian, versions 1 to 3.
 */
#include "io/npy_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6
#define ALIGNMENT 64
#define FILE_LIMIT ((size_t)1 << 40)

static const struct {
	const char *descr;
	enum npy_type type;
	size_t item;
} descr_table[] = {
    {"<f4", NPY_F32, 4}, {"<f8", NPY_F64, 8}, {"<i4", NPY_I32, 4},
    {"<i8", NPY_I64, 8}, {"|u1", NPY_U8, 1},  {"|b1", NPY_U8, 1},
};

void npy_free(struct npy *array)
{
	free(array->data);
	*array = (struct npy){0};
}

int npy_data_size(const struct npy *array, size_t *size, struct err *err)
{
	if (array->rank > HDF_MAX_RANK || array->item == 0)
		return err_set(err, ERR_DATA,
		               "an array of %zu dimensions with elements of %zu bytes is not written or read as .npy",
		               array->rank, array->item);
	*size = array->item;
	for (size_t i = 0; i < array->rank; i++)
		if (__builtin_mul_overflow(*size, array->dims[i], size))
			return err_set(err, ERR_DATA, "more elements than this machine can address");
	return OK;
}

/* ---- writing -------------------------------------------------------------------------------------- */

static int descr_of(const struct npy *array, char descr[32], struct err *err)
{
	if (array->type == NPY_BYTES) {
		snprintf(descr, 32, "|S%zu", array->item);
		return OK;
	}
	if (array->type == NPY_TEXT && array->item % 4 == 0) {
		snprintf(descr, 32, "<U%zu", array->item / 4);
		return OK;
	}
	for (size_t i = 0; i < ARRAY_COUNT(descr_table); i++)
		if (descr_table[i].type == array->type && descr_table[i].item == array->item) {
			snprintf(descr, 32, "%s", descr_table[i].descr);
			return OK;
		}
	return err_set(err, ERR_DATA, "elements of %zu bytes do not fit their type", array->item);
}

int npy_header(const struct npy *array, struct strbuf *out, struct err *err)
{
	char descr[32];
	struct strbuf dict = {0};
	size_t ignored;
	int status = npy_data_size(array, &ignored, err);
	if (status != OK || (status = descr_of(array, descr, err)) != OK)
		return status;
	strbuf_format(&dict, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (size_t i = 0; i < array->rank; i++)
		strbuf_format(&dict, "%s%zu%s", i ? " " : "", array->dims[i],
		              i + 1 < array->rank || array->rank == 1 ? "," : "");
	strbuf_add(&dict, "), }");
	while ((MAGIC_BYTES + 4 + dict.length + 1) % ALIGNMENT != 0 && !dict.failed)
		strbuf_add(&dict, " ");
	strbuf_add(&dict, "\n");
	if ((status = strbuf_check(&dict, err)) == OK) {
		uint8_t start[4] = {1, 0, (uint8_t)(dict.length & 0xff), (uint8_t)(dict.length >> 8)};
		strbuf_add_bytes(out, MAGIC, MAGIC_BYTES);
		strbuf_add_bytes(out, start, sizeof start);
		strbuf_add_bytes(out, dict.text, dict.length);
		status = strbuf_check(out, err);
	}
	strbuf_free(&dict);
	return status;
}

int npy_bytes(const struct npy *array, uint8_t **out, size_t *size, struct err *err)
{
	struct strbuf buf = {0};
	size_t bytes = 0;
	int status = npy_data_size(array, &bytes, err);
	if (status == OK && (status = npy_header(array, &buf, err)) == OK) {
		if (bytes > 0)
			strbuf_add_bytes(&buf, array->data, bytes);
		status = strbuf_check(&buf, err);
	}
	if (status != OK) {
		strbuf_free(&buf);
		return status;
	}
	*out = (uint8_t *)buf.text;
	*size = buf.length;
	return OK;
}

int npy_save(const struct npy *array, const char *path, struct err *err)
{
	struct strbuf header = {0};
	struct out_file file;
	size_t bytes = 0;
	int status = npy_data_size(array, &bytes, err);
	if (status == OK)
		status = npy_header(array, &header, err);
	if (status != OK) {
		strbuf_free(&header);
		return err_wrap(err, "%s", path);
	}
	if ((status = out_open(&file, path, err)) == OK) {
		/* Short writes are seen by out_commit. */
		(void)!fwrite(header.text, 1, header.length, file.stream);
		if (bytes > 0)
			(void)!fwrite(array->data, 1, bytes, file.stream);
		status = out_commit(&file, err);
	}
	strbuf_free(&header);
	return status;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

struct header {
	const char *at, *end; /* the dictionary's text */
	struct npy array;
	bool fortran, has_descr, has_order, has_shape;
};

static void skip_blanks(struct header *header)
{
	while (header->at < header->end && isspace((unsigned char)*header->at))
		header->at++;
}

static bool take(struct header *header, const char *token)
{
	size_t length = strlen(token);
	skip_blanks(header);
	if ((size_t)(header->end - header->at) < length || memcmp(header->at, token, length) != 0)
		return false;
	header->at += length;
	return true;
}

/* A quoted word of at most 31 bytes. */
static bool take_word(struct header *header, char word[32])
{
	size_t length = 0;
	skip_blanks(header);
	if (header->at == header->end || (*header->at != '\'' && *header->at != '"'))
		return false;
	char quote = *header->at++;
	while (header->at < header->end && *header->at != quote && length < 31)
		word[length++] = *header->at++;
	word[length] = '\0';
	if (header->at == header->end || *header->at != quote)
		return false;
	header->at++;
	return true;
}

static bool take_size(struct header *header, size_t *size)
{
	skip_blanks(header);
	if (header->at == header->end || !isdigit((unsigned char)*header->at))
		return false;
	*size = 0;
	while (header->at < header->end && isdigit((unsigned char)*header->at))
		if (__builtin_mul_overflow(*size, 10, size) ||
		    __builtin_add_overflow(*size, (size_t)(*header->at++ - '0'), size))
			return false;
	return true;
}

static int take_shape(struct header *header, struct err *err)
{
	struct npy *array = &header->array;
	if (!take(header, "("))
		return err_set(err, ERR_DATA, "its shape is not a tuple");
	for (bool separated = true; !take(header, ")"); separated = take(header, ",")) {
		if (array->rank == HDF_MAX_RANK)
			return err_set(err, ERR_DATA, "more than %d dimensions", HDF_MAX_RANK);
		if (!separated || !take_size(header, &array->dims[array->rank++]))
			return err_set(err, ERR_DATA, "its shape is not a tuple of sizes");
	}
	header->has_shape = true;
	return OK;
}

static int take_descr(struct header *header, struct err *err)
{
	char descr[32];
	struct npy *array = &header->array;
	if (!take_word(header, descr))
		return err_set(err, ERR_DATA, "its elements are records; only plain numbers and byte strings are read");
	header->has_descr = true;
	for (size_t i = 0; i < ARRAY_COUNT(descr_table); i++)
		if (strcmp(descr, descr_table[i].descr) == 0) {
			array->type = descr_table[i].type;
			array->item = descr_table[i].item;
			return OK;
		}
	char *end;
	unsigned long width =
	    descr[0] == '|' && descr[1] == 'S' && isdigit((unsigned char)descr[2]) ? strtoul(descr + 2, &end, 10) : 0;
	if (width > 0 && *end == '\0') {
		array->type = NPY_BYTES;
		array->item = width;
		return OK;
	}
	if (strchr(descr, 'O'))
		return err_set(err, ERR_DATA, "holds Python objects ('%s'); save it as numbers", descr);
	if (descr[0] == '>')
		return err_set(err, ERR_DATA, "is big-endian ('%s'); save it with .astype(a.dtype.newbyteorder('<'))", descr);
	return err_set(err, ERR_DATA, "elements of type '%s' are not read; <f4, <f8, <i4, <i8, |u1, |b1 and |S are", descr);
}

static int take_entry(struct header *header, struct err *err)
{
	char key[32];
	if (!take_word(header, key) || !take(header, ":"))
		return err_set(err, ERR_DATA, "its header is not a NumPy dictionary");
	if (strcmp(key, "descr") == 0)
		return take_descr(header, err);
	if (strcmp(key, "shape") == 0 && !header->has_shape)
		return take_shape(header, err);
	if (strcmp(key, "fortran_order") == 0) {
		header->has_order = true;
		header->fortran = take(header, "True");
		if (header->fortran || take(header, "False"))
			return OK;
	}
	return err_set(err, ERR_DATA, "its header has an unexpected '%s'", key);
}

static int parse_dictionary(struct header *header, struct err *err)
{
	if (!take(header, "{"))
		return err_set(err, ERR_DATA, "its header is not a NumPy dictionary");
	while (!take(header, "}")) {
		int status = take_entry(header, err);
		if (status != OK)
			return status;
		if (!take(header, ",")) {
			if (!take(header, "}"))
				return err_set(err, ERR_DATA, "its header is not a NumPy dictionary");
			break;
		}
	}
	skip_blanks(header);
	if (header->at != header->end || !header->has_descr || !header->has_order || !header->has_shape)
		return err_set(err, ERR_DATA, "its header must hold descr, fortran_order and shape, and nothing behind them");
	if (header->fortran && header->array.rank > 1)
		return err_set(err, ERR_DATA, "is in Fortran order; save it with numpy.ascontiguousarray");
	return OK;
}

/* Finds the dictionary's text and where the elements begin. */
static int find_header(const uint8_t *bytes, size_t size, struct header *header, size_t *start, struct err *err)
{
	if (size < MAGIC_BYTES + 4 || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0)
		return err_set(err, ERR_DATA, "is not a .npy file");
	unsigned version = bytes[6];
	size_t field = version == 1 ? 2 : 4, length = 0;
	if (version < 1 || version > 3)
		return err_set(err, ERR_DATA, ".npy version %u is not known", version);
	if (size < MAGIC_BYTES + 2 + field)
		return err_set(err, ERR_DATA, "ends inside its header");
	for (size_t i = field; i-- > 0;)
		length = length << 8 | bytes[MAGIC_BYTES + 2 + i];
	size_t at = MAGIC_BYTES + 2 + field;
	if (length > size - at)
		return err_set(err, ERR_DATA, "ends inside its header");
	header->at = (const char *)bytes + at;
	header->end = header->at + length;
	*start = at + length;
	return OK;
}

int npy_parse(struct npy *out, const void *bytes, size_t size, const char *name, struct err *err)
{
	struct header header = {0};
	size_t start = 0, expected = 0;
	if (find_header(bytes, size, &header, &start, err) != OK || parse_dictionary(&header, err) != OK ||
	    npy_data_size(&header.array, &expected, err) != OK)
		return err_wrap(err, "%s", name);
	if (size - start != expected)
		return err_set(err, ERR_DATA, "%s: its shape needs %zu bytes of elements, %zu are there", name, expected,
		               size - start);
	header.array.data = mem_alloc(expected, 1, err);
	if (!header.array.data)
		return err_wrap(err, "%s", name);
	if (expected > 0)
		memcpy(header.array.data, (const uint8_t *)bytes + start, expected);
	*out = header.array;
	return OK;
}

int npy_load(struct npy *out, const char *path, struct err *err)
{
	char *bytes = NULL;
	size_t size = 0;
	int status = file_read(path, FILE_LIMIT, &bytes, &size, err);
	if (status != OK)
		return status;
	status = npy_parse(out, bytes, size, path, err);
	free(bytes);
	return status;
}
