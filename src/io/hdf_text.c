/* Strings in HDF5 data sets: fixed-length arrays, and tables of bytes + offsets. */
#include <stdlib.h>
#include <string.h>

#include "io/hdf_internal.h"

/* ---- string types ------------------------------------------------------------------------------- */

hid_t hdf_text_type(char *const *texts, size_t count, size_t *width)
{
	bool ascii = true;
	*width = 1; /* HDF5 knows no strings of length 0 */
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(texts[i]);
		*width = length > *width ? length : *width;
		for (size_t j = 0; ascii && j < length; j++)
			ascii = (unsigned char)texts[i][j] < 0x80;
	}
	hid_t type = H5Tcopy(H5T_C_S1);
	if (type >= 0 && (H5Tset_size(type, *width) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
	                  H5Tset_cset(type, ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8) < 0)) {
		H5Tclose(type);
		type = H5I_INVALID_HID;
	}
	return type;
}

char *hdf_text_block(char *const *texts, size_t count, size_t width, struct err *err)
{
	char *block = mem_alloc(count, width, err);
	for (size_t i = 0; block && i < count; i++)
		memcpy(block + i * width, texts[i], strlen(texts[i]));
	return block;
}

static herr_t read_into(const struct hdf_strings *from, hid_t type, void *into)
{
	return from->attribute ? H5Aread(from->object, type, into)
	                       : H5Dread(from->object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into);
}

/* ---- reading both kinds ----------------------------------------------------------------------------- */

static int read_variable(const struct hdf_file *file, const struct hdf_strings *from, const char *name,
                         struct path_list *out, struct err *err)
{
	char **texts = mem_alloc(from->count, sizeof *texts, err);
	if (!texts)
		return err->code;
	/* The file's own type is asked for, so that the character set needs no conversion. */
	hid_t type = H5Tcopy(from->type);
	int status = OK;
	if (type < 0 || read_into(from, type, texts) < 0)
		status = hdf_fail(file, ERR_DATA, name, "its texts cannot be read", err);
	for (size_t i = 0; status == OK && i < from->count; i++)
		status = path_list_add(out, texts[i] ? texts[i] : "", err);
	if (type >= 0) {
		H5Dvlen_reclaim(type, from->space, H5P_DEFAULT, texts);
		H5Tclose(type);
	}
	free(texts);
	return status;
}

static int read_fixed(const struct hdf_file *file, const struct hdf_strings *from, const char *name,
                      struct path_list *out, struct err *err)
{
	size_t width = H5Tget_size(from->type), total;
	if (width == 0 || __builtin_mul_overflow(from->count, width, &total) || total > HDF_TEXTS_LIMIT)
		return err_set(err, ERR_DATA, "%s: %s: %zu texts of %zu bytes are more than is read", file->path, name,
		               from->count, width);
	bool spaces = H5Tget_strpad(from->type) == H5T_STR_SPACEPAD;
	char *block = mem_alloc(total, 1, err), *one = mem_alloc(width + 1, 1, err);
	int status = block && one ? OK : err->code;
	if (status == OK && read_into(from, from->type, block) < 0)
		status = hdf_fail(file, ERR_DATA, name, "its texts cannot be read", err);
	for (size_t i = 0; status == OK && i < from->count; i++) {
		size_t length = strnlen(block + i * width, width);
		memcpy(one, block + i * width, length);
		while (spaces && length > 0 && one[length - 1] == ' ')
			length--;
		one[length] = '\0';
		status = path_list_add(out, one, err);
	}
	free(block);
	free(one);
	return status;
}

int hdf_strings_read(const struct hdf_file *file, const struct hdf_strings *from, const char *name,
                     struct path_list *out, struct err *err)
{
	if (from->count == 0)
		return OK;
	if (H5Tget_class(from->type) != H5T_STRING)
		return err_set(err, ERR_DATA, "%s: %s: does not hold texts", file->path, name);
	if (from->count > HDF_TEXTS_LIMIT / sizeof(char *))
		return err_set(err, ERR_DATA, "%s: %s: %zu texts are more than is read", file->path, name, from->count);
	return H5Tis_variable_str(from->type) > 0 ? read_variable(file, from, name, out, err)
	                                          : read_fixed(file, from, name, out, err);
}

/* ---- data sets of strings ------------------------------------------------------------------------------ */

int hdf_write_texts(struct hdf_file *file, const char *name, char *const *texts, size_t count, struct err *err)
{
	size_t width;
	hsize_t dims[1] = {count};
	hid_t type = hdf_text_type(texts, count, &width), space = H5Screate_simple(1, dims, NULL);
	hid_t creation = hdf_creation(1, NULL, 0), set = H5I_INVALID_HID;
	char *block = hdf_text_block(texts, count, width, err);
	int status = block ? OK : err->code;
	if (status == OK && type >= 0 && space >= 0 && creation >= 0)
		set = H5Dcreate2(file->id, name, type, space, file->links, creation, H5P_DEFAULT);
	if (status == OK && (set < 0 || (count > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) < 0)))
		status = hdf_fail(file, ERR_IO, name, "the texts cannot be written", err);
	free(block);
	if (set >= 0)
		status = hdf_close_written(file, name, set, status, err);
	hdf_close_recipe(creation, space, type);
	return status;
}

int hdf_read_texts(const struct hdf_file *file, const char *name, struct path_list *out, struct err *err)
{
	struct hdf_strings from = {0};
	struct path_list found = {0};
	int status = hdf_dataset(file, name, &from.object, err);
	if (status != OK)
		return status;
	from.type = H5Dget_type(from.object);
	from.space = H5Dget_space(from.object);
	hssize_t count = from.space < 0 ? -1 : H5Sget_simple_extent_npoints(from.space);
	if (from.type < 0 || count < 0)
		status = hdf_fail(file, ERR_DATA, name, "its shape cannot be read", err);
	else {
		from.count = (size_t)count;
		status = hdf_strings_read(file, &from, name, &found, err);
	}
	if (from.type >= 0)
		H5Tclose(from.type);
	if (from.space >= 0)
		H5Sclose(from.space);
	H5Dclose(from.object);
	if (status == OK)
		*out = found;
	else
		path_list_free(&found);
	return status;
}

/* ---- tables: NAME/bytes and NAME/offsets ------------------------------------------------------------------ */

struct table_names {
	char *bytes, *offsets;
};

static int table_names(struct table_names *out, const char *name, struct err *err)
{
	out->bytes = mem_format(err, "%s/bytes", name);
	out->offsets = mem_format(err, "%s/offsets", name);
	return out->bytes && out->offsets ? OK : err->code;
}

static void table_names_free(struct table_names *names)
{
	free(names->bytes);
	free(names->offsets);
}

int hdf_write_table(struct hdf_file *file, const char *name, char *const *texts, size_t count, struct err *err)
{
	struct table_names names = {0};
	int64_t *offsets = mem_alloc(count + 1, sizeof *offsets, err);
	int status = offsets ? table_names(&names, name, err) : err->code;
	for (size_t i = 0; status == OK && i < count; i++)
		offsets[i + 1] = offsets[i] + (int64_t)strlen(texts[i]);
	size_t length = status == OK ? (size_t)offsets[count] : 0;
	char *bytes = status == OK ? mem_alloc(length, 1, err) : NULL;
	if (status == OK && !bytes)
		status = err->code;
	for (size_t i = 0; status == OK && i < count; i++)
		memcpy(bytes + offsets[i], texts[i], (size_t)(offsets[i + 1] - offsets[i]));
	struct hdf_shape shape = {.type = HDF_U8, .rank = 1, .dims = {length}};
	if (status == OK)
		status = hdf_write(file, names.bytes, &shape, bytes, 0, err);
	free(bytes);
	shape = (struct hdf_shape){.type = HDF_I64, .rank = 1, .dims = {count + 1}};
	if (status == OK)
		status = hdf_write(file, names.offsets, &shape, offsets, 0, err);
	table_names_free(&names);
	free(offsets);
	return status;
}

struct table {
	uint8_t *bytes;
	int64_t *offsets;
	size_t n_bytes, n_offsets;
};

static int table_split(const struct hdf_file *file, const char *name, const struct table *table, struct path_list *out,
                       struct err *err)
{
	const int64_t *offsets = table->offsets;
	size_t last = table->n_offsets - 1;
	if (offsets[0] != 0 || offsets[last] != (int64_t)table->n_bytes)
		return err_set(err, ERR_DATA, "%s: %s: offsets do not span the %zu bytes", file->path, name, table->n_bytes);
	struct strbuf one = {0};
	int status = OK;
	for (size_t i = 0; status == OK && i < last; i++) {
		if (offsets[i] > offsets[i + 1] || offsets[i + 1] > (int64_t)table->n_bytes) {
			status = err_set(err, ERR_DATA, "%s: %s: text %zu: its offsets are out of order", file->path, name, i);
			break;
		}
		size_t length = (size_t)(offsets[i + 1] - offsets[i]);
		one.length = 0;
		strbuf_add_bytes(&one, table->bytes + offsets[i], length);
		if ((status = strbuf_check(&one, err)) != OK)
			break;
		if (strlen(one.text) != length)
			status = err_set(err, ERR_DATA, "%s: %s: text %zu holds a NUL byte", file->path, name, i);
		else
			status = path_list_add(out, one.text, err);
	}
	strbuf_free(&one);
	return status;
}

int hdf_read_table(const struct hdf_file *file, const char *name, struct path_list *out, struct err *err)
{
	struct table_names names = {0};
	struct table table = {0};
	struct path_list found = {0};
	struct hdf_shape shape;
	void *data;
	int status = table_names(&names, name, err);
	if (status == OK && (status = hdf_read(file, names.bytes, HDF_U8, HDF_TEXTS_LIMIT, &data, &shape, err)) == OK) {
		table.bytes = data;
		table.n_bytes = shape.rank == 1 ? shape.dims[0] : SIZE_MAX;
	}
	if (status == OK &&
	    (status = hdf_read(file, names.offsets, HDF_I64, HDF_TEXTS_LIMIT / 8, &data, &shape, err)) == OK) {
		table.offsets = data;
		table.n_offsets = shape.rank == 1 ? shape.dims[0] : 0;
	}
	if (status == OK && (table.n_bytes == SIZE_MAX || table.n_offsets == 0))
		status = err_set(err, ERR_DATA, "%s: %s: bytes and offsets must be plain lists", file->path, name);
	if (status == OK)
		status = table_split(file, name, &table, &found, err);
	free(table.bytes);
	free(table.offsets);
	table_names_free(&names);
	if (status == OK)
		*out = found;
	else
		path_list_free(&found);
	return status;
}
