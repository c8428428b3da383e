/* Positives from faces.h5: the box where it is known, else the middle of the picture. */
#include "vision/train_internal.h"

#include <stdlib.h>

#define ROWS_AT_ONCE 64

struct face_table {
	struct hdf_file *file;
	const char *path;
	size_t count, height, width;
	int32_t *area, *box;
	uint8_t *source, *split;
	struct path_list members;
	const struct cascade_sources *sources;
	struct cascade_data *data;
};

static int read_columns(struct face_table *table, struct err *err)
{
	static const char *const names[] = {"area", "box", "box_source", "split"};
	static const enum hdf_type types[] = {HDF_I32, HDF_I32, HDF_U8, HDF_U8};
	void **columns[] = {(void **)&table->area, (void **)&table->box, (void **)&table->source, (void **)&table->split};
	struct hdf_shape shape;
	int code = hdf_shape(table->file, "pixels", &shape, err);
	if (code != OK)
		return code;
	if (shape.rank != 4 || shape.dims[3] != 3 || shape.dims[0] == 0)
		return err_set(err, ERR_DATA, "%s: pixels is not [n][height][width][3]", table->path);
	table->count = shape.dims[0];
	table->height = shape.dims[1];
	table->width = shape.dims[2];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		size_t wanted = table->count * (i < 2 ? 4 : 1);
		code = hdf_read(table->file, names[i], types[i], wanted, columns[i], &shape, err);
		if (code != OK)
			return code;
		if (shape.dims[0] != table->count || (i < 2 && (shape.rank != 2 || shape.dims[1] != 4)))
			return err_set(err, ERR_DATA, "%s: %s does not have a row a face", table->path, names[i]);
	}
	code = hdf_read_table(table->file, "member", &table->members, err);
	if (code == OK && table->members.count != table->count)
		return err_set(err, ERR_DATA, "%s: member does not have a row a face", table->path);
	return code;
}

static void face_box(const struct face_table *table, size_t i, double centre, double box[4])
{
	const int32_t *from = table->source[i] ? table->box + 4 * i : table->area + 4 * i;
	for (int k = 0; k < 4; k++)
		box[k] = from[k];
	if (table->source[i])
		return;
	double side = centre * (box[2] < box[3] ? box[2] : box[3]);
	box[0] += (box[2] - side) / 2;
	box[1] += (box[3] - side) / 2;
	box[2] = box[3] = side;
}

/* `grey` is scratch of the frame's size. */
static int add_face(const struct face_table *table, size_t i, const uint8_t *rgb, struct image *grey, struct err *err)
{
	const struct cascade_sources *sources = table->sources;
	struct cascade_data *data = table->data;
	bool train = table->split[i] == FACE_TRAIN, held = table->split[i] == FACE_TEST;
	if (held && path_list_add(&data->held_crops, table->members.items[i], err) != OK)
		return err->code;
	if (!(train && sources->train) && !(held && sources->held))
		return OK;
	double box[4];
	face_box(table, i, sources->centre, box);
	if (!(box[2] >= 1) || !(box[3] >= 1))
		return err_set(err, ERR_DATA, "%s: face %zu has a box without area", table->path, i);
	grey_from_rgb(rgb, table->width * table->height, grey->pixels);
	return cascade_part_add(train ? &data->train : &data->held, sources, grey, box, train, err);
}

static int add_faces(const struct face_table *table, struct err *err)
{
	size_t size = table->width * table->height;
	struct image grey = {0};
	uint8_t *rows = mem_alloc(ROWS_AT_ONCE, 3 * size, err);
	int code = rows ? image_new(&grey, table->width, table->height, 1, err) : err->code;
	struct progress progress;
	progress_start(&progress, "cascade", "faces read", table->count);
	for (size_t first = 0; first < table->count && code == OK; first += ROWS_AT_ONCE) {
		size_t count = table->count - first < ROWS_AT_ONCE ? table->count - first : ROWS_AT_ONCE;
		code = stop_check("reading faces", err);
		if (code == OK)
			code = hdf_read_rows(table->file, "pixels", HDF_U8, first, count, rows, err);
		for (size_t i = 0; i < count && code == OK; i++)
			code = add_face(table, first + i, rows + i * 3 * size, &grey, err);
		progress_add(&progress, count);
	}
	progress_end(&progress);
	image_free(&grey);
	free(rows);
	return code;
}

int cascade_data_faces(const struct cascade_sources *sources, struct cascade_data *data, struct err *err)
{
	struct face_table table = {.path = sources->faces_file, .sources = sources, .data = data};
	if (!sources->faces_file)
		return err_set(err, ERR_SETTINGS, "the cascade needs positives or the results of stage faces");
	int code = hdf_open(&table.file, sources->faces_file, err);
	if (code != OK)
		return code;
	code = read_columns(&table, err);
	if (code == OK)
		code = add_faces(&table, err);
	hdf_close(table.file);
	free(table.area);
	free(table.box);
	free(table.source);
	free(table.split);
	path_list_free(&table.members);
	return code;
}
