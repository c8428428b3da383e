/*
 * HDF5 attributes. Lists of texts follow Keras: HDF5 keeps an object's attributes in a header of 64 KiB, so a list
 * above 64,512 bytes is stored as NAME0, NAME1 …, cut as evenly as numpy.array_split does, in the smallest number of
 * parts that fit.
 */
#include <stdlib.h>
#include <string.h>

#include "io/hdf_internal.h"

#define HEADER_LIMIT ((size_t)64512)

struct place {
	const struct hdf_file *file;
	const char *object, *name;
};

/* "OBJECT@NAME" for messages; cut where it is very long. */
static const char *place_text(const struct place *place, char text[256])
{
	snprintf(text, 256, "%s attribute %s", place->object, place->name);
	return text;
}

static int attr_fail(const struct place *place, int code, const char *what, struct err *err)
{
	char text[256];
	return hdf_fail(place->file, code, place_text(place, text), what, err);
}

static bool object_there(const struct hdf_file *file, const char *object)
{
	return strcmp(object, "/") == 0 || hdf_has(file, object);
}

bool hdf_attr_has(const struct hdf_file *file, const char *object, const char *name)
{
	return object_there(file, object) && H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0;
}

/* ---- writing ------------------------------------------------------------------------------------ */

struct attr_value {
	hid_t type, space;
	const void *data;
};

static int attr_write(const struct place *place, const struct attr_value *value, struct err *err)
{
	hid_t root = place->file->id;
	if (!object_there(place->file, place->object))
		return err_set(err, ERR_DATA, "%s: no object \"%s\"", place->file->path, place->object);
	if (H5Aexists_by_name(root, place->object, place->name, H5P_DEFAULT) > 0 &&
	    H5Adelete_by_name(root, place->object, place->name, H5P_DEFAULT) < 0)
		return attr_fail(place, ERR_IO, "cannot be replaced", err);
	hid_t attr = H5I_INVALID_HID;
	if (value->type >= 0 && value->space >= 0)
		attr = H5Acreate_by_name(root, place->object, place->name, value->type, value->space, H5P_DEFAULT, H5P_DEFAULT,
		                         H5P_DEFAULT);
	int status = OK;
	if (attr < 0 || (value->data && H5Awrite(attr, value->type, value->data) < 0))
		status = attr_fail(place, ERR_IO, "cannot be written", err);
	if (attr >= 0 && H5Aclose(attr) < 0 && status == OK)
		status = attr_fail(place, ERR_IO, "cannot be written", err);
	return status;
}

int hdf_attr_set_number(struct hdf_file *file, const char *object, const char *name, double number, struct err *err)
{
	struct place place = {file, object, name};
	struct attr_value value = {H5T_IEEE_F64LE, H5Screate(H5S_SCALAR), NULL};
	value.data = &number;
	int status = attr_write(&place, &value, err);
	if (value.space >= 0)
		H5Sclose(value.space);
	return status;
}

/* `scalar`: one text; else a list of `count`, which may be 0. */
static int write_texts(const struct place *place, char *const *texts, size_t count, bool scalar, struct err *err)
{
	size_t width;
	hsize_t dims[1] = {count};
	char *block = NULL;
	struct attr_value value = {.type = hdf_text_type(texts, count, &width)};
	value.space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, dims, NULL);
	int status = OK;
	if (count > 0 && !(block = hdf_text_block(texts, count, width, err)))
		status = err->code;
	value.data = block;
	if (status == OK)
		status = attr_write(place, &value, err);
	free(block);
	if (value.space >= 0)
		H5Sclose(value.space);
	if (value.type >= 0)
		H5Tclose(value.type);
	return status;
}

static int too_large(const struct place *place, size_t bytes, struct err *err)
{
	char text[256];
	return err_set(err, ERR_DATA, "%s: %s: a text of %zu bytes does not fit into an attribute (at most %zu)",
	               place->file->path, place_text(place, text), bytes, HEADER_LIMIT);
}

int hdf_attr_set_text(struct hdf_file *file, const char *object, const char *name, const char *text, struct err *err)
{
	struct place place = {file, object, name};
	char *copy = mem_text(text, err);
	if (!copy)
		return err->code;
	size_t length = strlen(copy);
	int status = length > HEADER_LIMIT ? too_large(&place, length, err) : write_texts(&place, &copy, 1, true, err);
	free(copy);
	return status;
}

static size_t widest(char *const *texts, size_t count)
{
	size_t width = 1;
	for (size_t i = 0; i < count; i++)
		if (strlen(texts[i]) > width)
			width = strlen(texts[i]);
	return width;
}

/* Part i of `count` items in `parts`: the first count % parts have one more. */
static size_t part_start(size_t count, size_t parts, size_t i)
{
	size_t rest = count % parts;
	return i * (count / parts) + (i < rest ? i : rest);
}

/* numpy gives every part the width of the whole list; the first part is a longest one. */
static bool parts_fit(size_t count, size_t width, size_t parts)
{
	return part_start(count, parts, 1) * width <= HEADER_LIMIT;
}

int hdf_attr_set_texts(struct hdf_file *file, const char *object, const char *name, char *const *texts, size_t count,
                       struct err *err)
{
	struct place place = {file, object, name};
	size_t width = widest(texts, count), parts = 1;
	if (width > HEADER_LIMIT)
		return too_large(&place, width, err);
	while (!parts_fit(count, width, parts))
		parts++;
	if (parts == 1)
		return write_texts(&place, texts, count, false, err);
	int status = OK;
	for (size_t i = 0; status == OK && i < parts; i++) {
		size_t from = part_start(count, parts, i), to = part_start(count, parts, i + 1);
		char *numbered = mem_format(err, "%s%zu", name, i);
		if (!numbered)
			return err->code;
		place.name = numbered;
		status = write_texts(&place, texts + from, to - from, false, err);
		free(numbered);
	}
	return status;
}

/* ---- reading -------------------------------------------------------------------------------------- */

static int attr_open(const struct place *place, hid_t *attr, struct err *err)
{
	if (!hdf_attr_has(place->file, place->object, place->name))
		return err_set(err, ERR_DATA, "%s: %s has no attribute \"%s\"", place->file->path, place->object, place->name);
	hid_t id = H5Aopen_by_name(place->file->id, place->object, place->name, H5P_DEFAULT, H5P_DEFAULT);
	if (id < 0)
		return attr_fail(place, ERR_DATA, "cannot be opened", err);
	*attr = id;
	return OK;
}

int hdf_attr_number(const struct hdf_file *file, const char *object, const char *name, double *out, struct err *err)
{
	struct place place = {file, object, name};
	hid_t attr = H5I_INVALID_HID;
	char text[256];
	double number;
	int status = attr_open(&place, &attr, err);
	if (status != OK)
		return status;
	hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
	H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
	if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || space < 0 || H5Sget_simple_extent_npoints(space) != 1)
		status = err_set(err, ERR_DATA, "%s: %s: is not one number", file->path, place_text(&place, text));
	else if (H5Aread(attr, H5T_NATIVE_DOUBLE, &number) < 0)
		status = attr_fail(&place, ERR_DATA, "cannot be read", err);
	else
		*out = number;
	if (space >= 0)
		H5Sclose(space);
	if (type >= 0)
		H5Tclose(type);
	H5Aclose(attr);
	return status;
}

/* Appends the texts of one attribute. Nothing in it (0 elements, or an empty space of whatever type) = no texts. */
static int append_texts(const struct place *place, struct path_list *out, struct err *err)
{
	struct hdf_strings from = {.attribute = true};
	char text[256];
	int status = attr_open(place, &from.object, err);
	if (status != OK)
		return status;
	from.type = H5Aget_type(from.object);
	from.space = H5Aget_space(from.object);
	hssize_t count = from.space < 0 ? -1 : H5Sget_simple_extent_npoints(from.space);
	if (from.type < 0 || count < 0)
		status = attr_fail(place, ERR_DATA, "cannot be read", err);
	else {
		from.count = (size_t)count;
		status = hdf_strings_read(place->file, &from, place_text(place, text), out, err);
	}
	if (from.type >= 0)
		H5Tclose(from.type);
	if (from.space >= 0)
		H5Sclose(from.space);
	H5Aclose(from.object);
	return status;
}

int hdf_attr_text(const struct hdf_file *file, const char *object, const char *name, char **out, struct err *err)
{
	struct place place = {file, object, name};
	struct path_list found = {0};
	char text[256];
	int status = append_texts(&place, &found, err);
	if (status == OK && found.count != 1)
		status = err_set(err, ERR_DATA, "%s: %s: %zu texts, expected one", file->path, place_text(&place, text),
		                 found.count);
	if (status == OK) {
		*out = found.items[0];
		found.items[0] = NULL;
	}
	path_list_free(&found);
	return status;
}

int hdf_attr_texts(const struct hdf_file *file, const char *object, const char *name, struct path_list *out,
                   struct err *err)
{
	struct place place = {file, object, name};
	struct path_list found = {0};
	int status = OK;
	if (hdf_attr_has(file, object, name)) {
		status = append_texts(&place, &found, err);
	} else {
		bool more = true;
		for (size_t part = 0; status == OK && more; part++) {
			char *numbered = mem_format(err, "%s%zu", name, part);
			if (!numbered) {
				status = err->code;
				break;
			}
			more = hdf_attr_has(file, object, numbered);
			place.name = part == 0 && !more ? name : numbered; /* the message names what was asked for */
			if (more || part == 0)
				status = append_texts(&place, &found, err);
			free(numbered);
		}
	}
	if (status == OK)
		*out = found;
	else
		path_list_free(&found);
	return status;
}
