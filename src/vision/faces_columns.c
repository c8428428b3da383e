#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>

/* Everything of faces.h5 but the pixels: a few bytes a face, written at the end. */

/* ---- columns ------------------------------------------------------------------------------- */

enum byte_column {
	BYTE_SPLIT,
	BYTE_BOX_SOURCE,
	BYTE_ACCESSORY,
	BYTE_LIGHT,
	BYTE_EXPRESSION,
	BYTE_CAMERA,
	BYTE_COLUMNS
};
enum int_column { INT_LABEL, INT_WIDTH, INT_HEIGHT, INT_COLUMNS };
enum rect_column { RECT_AREA, RECT_BOX, RECT_COLUMNS };

static uint8_t byte_of(const struct face *face, size_t column)
{
	const uint8_t values[BYTE_COLUMNS] = {face->split, face->box_source, face->accessory,
	                                      face->light, face->expression, face->camera};
	return values[column];
}

static int32_t int_of(const struct face *face, size_t column)
{
	const int values[INT_COLUMNS] = {face->label, face->width, face->height};
	return values[column];
}

static int store_bytes(struct hdf_file *file, const struct face_set *set, struct err *err)
{
	static const char *const names[BYTE_COLUMNS] = {"split", "box_source", "accessory",
	                                                "light", "expression", "camera"};
	struct hdf_shape shape = {.type = HDF_U8, .rank = 1, .dims = {set->count}};
	uint8_t *values = mem_alloc(set->count, sizeof *values, err);
	int status = values ? OK : err->code;
	for (size_t c = 0; status == OK && c < BYTE_COLUMNS; c++) {
		for (size_t i = 0; i < set->count; i++)
			values[i] = byte_of(&set->faces[i], c);
		status = hdf_write(file, names[c], &shape, values, 0, err);
	}
	free(values);
	return status;
}

static int store_ints(struct hdf_file *file, const struct face_set *set, struct err *err)
{
	static const char *const names[INT_COLUMNS] = {"label", "width", "height"};
	struct hdf_shape shape = {.type = HDF_I32, .rank = 1, .dims = {set->count}};
	int32_t *values = mem_alloc(set->count, sizeof *values, err);
	int status = values ? OK : err->code;
	for (size_t c = 0; status == OK && c < INT_COLUMNS; c++) {
		for (size_t i = 0; i < set->count; i++)
			values[i] = int_of(&set->faces[i], c);
		status = hdf_write(file, names[c], &shape, values, 0, err);
	}
	free(values);
	return status;
}

static int store_rects(struct hdf_file *file, const struct face_set *set, struct err *err)
{
	static const char *const names[RECT_COLUMNS] = {"area", "box"};
	struct hdf_shape shape = {.type = HDF_I32, .rank = 2, .dims = {set->count, 4}};
	int32_t *values = mem_alloc(set->count, 4 * sizeof *values, err);
	int status = values ? OK : err->code;
	for (size_t c = 0; status == OK && c < RECT_COLUMNS; c++) {
		for (size_t i = 0; i < set->count; i++) {
			const struct face *face = &set->faces[i];
			struct rect rect = c == RECT_AREA ? face->area : face->box;
			const int32_t sides[4] = {rect.x, rect.y, rect.w, rect.h};
			memcpy(values + 4 * i, sides, sizeof sides);
		}
		status = hdf_write(file, names[c], &shape, values, 0, err);
	}
	free(values);
	return status;
}

/* Their names are lent, but for those whom nobody knows. */
static int store_people(struct hdf_file *file, const struct face_set *set, struct err *err)
{
	char **people = mem_alloc(set->count, sizeof *people, err);
	int status = people ? OK : err->code;
	for (size_t i = 0; status == OK && i < set->count; i++) {
		uint32_t person = set->faces[i].person;
		people[i] = person == FACE_NOBODY ? mem_format(err, "?%zu", i) : set->persons.names.items[person];
		status = people[i] ? OK : err->code;
	}
	if (status == OK)
		status = hdf_write_texts(file, "person", people, set->count, err);
	for (size_t i = 0; people && i < set->count; i++) {
		if (set->faces[i].person == FACE_NOBODY)
			free(people[i]);
	}
	free(people);
	return status;
}

static int store_members(struct hdf_file *file, const struct face_set *set, struct err *err)
{
	char **members = mem_alloc(set->count, sizeof *members, err);
	if (!members)
		return err->code;
	for (size_t i = 0; i < set->count; i++)
		members[i] = set->faces[i].member;
	int status = hdf_write_table(file, "member", members, set->count, err);
	free(members);
	return status;
}

int faces_columns_write(struct hdf_file *file, const struct face_set *set, bool synthetic, struct err *err)
{
	const struct path_list *classes = &set->classes.names;
	int status = store_bytes(file, set, err);
	if (status == OK)
		status = store_ints(file, set, err);
	if (status == OK)
		status = store_rects(file, set, err);
	if (status == OK)
		status = store_people(file, set, err);
	if (status == OK)
		status = store_members(file, set, err);
	if (status == OK)
		status = hdf_attr_set_texts(file, "/", "classes", classes->items, classes->count, err);
	if (status == OK)
		status = hdf_attr_set_text(file, "/", "layout", faces_layout_name(set), err);
	if (status == OK)
		status = hdf_attr_set_number(file, "/", "synthetic", synthetic, err);
	return status;
}
