#include "stages/stored_faces_internal.h"

#include <stdlib.h>
#include <string.h>

static int read_columns(struct stored_faces *faces, struct err *err)
{
	const struct {
		const char *name;
		enum hdf_type type;
		void **place;
		size_t numbers; /* a row */
	} columns[] = {{"area", HDF_I32, (void **)&faces->area, 4},
	               {"box", HDF_I32, (void **)&faces->box, 4},
	               {"box_source", HDF_U8, (void **)&faces->box_source, 1},
	               {"split", HDF_U8, (void **)&faces->split, 1}};
	struct hdf_shape shape;

	for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
		size_t numbers = columns[i].numbers;
		if (hdf_read(faces->file, columns[i].name, columns[i].type, faces->count * numbers, columns[i].place, &shape,
		             err) != OK)
			return err->code;
		if (shape.dims[0] != faces->count || shape.rank != (numbers > 1 ? 2 : 1) ||
		    (numbers > 1 && shape.dims[1] != numbers))
			return err_set(err, ERR_DATA, "%s: %s does not have a row a face", faces->path, columns[i].name);
	}
	return OK;
}

int stored_faces_open(struct stored_faces *out, const char *path, struct err *err)
{
	struct hdf_shape shape;

	out->path = mem_text(path, err);
	if (!out->path || hdf_open(&out->file, path, err) != OK || hdf_shape(out->file, "pixels", &shape, err) != OK)
		return err->code;
	if (shape.rank != 4 || shape.dims[3] != 3)
		return err_set(err, ERR_DATA, "%s: pixels is not [n][height][width][3]", path);
	out->count = shape.dims[0];
	out->height = shape.dims[1];
	out->width = shape.dims[2];
	out->frame = mem_alloc(out->height * out->width, 3, err);
	return out->frame ? read_columns(out, err) : err->code;
}

void stored_faces_close(struct stored_faces *faces)
{
	hdf_close(faces->file);
	free(faces->path);
	free(faces->area);
	free(faces->box);
	free(faces->box_source);
	free(faces->split);
	free(faces->frame);
	*faces = (struct stored_faces){0};
}

int stored_faces_picture(struct stored_faces *faces, size_t row, struct image *out, struct err *err)
{
	const int32_t *area = faces->area + 4 * row;

	if (area[0] < 0 || area[1] < 0 || area[2] < 1 || area[3] < 1 || (size_t)area[0] + (size_t)area[2] > faces->width ||
	    (size_t)area[1] + (size_t)area[3] > faces->height)
		return err_set(err, ERR_DATA, "%s: area of face %zu does not lie in its frame", faces->path, row);
	if (hdf_read_rows(faces->file, "pixels", HDF_U8, row, 1, faces->frame, err) != OK ||
	    image_new(out, (size_t)area[2], (size_t)area[3], 3, err) != OK)
		return err->code;
	for (size_t y = 0; y < out->height; y++)
		memcpy(out->pixels + y * out->width * 3,
		       faces->frame + (((size_t)area[1] + y) * faces->width + (size_t)area[0]) * 3, out->width * 3);
	return OK;
}

struct rect stored_faces_box(const struct stored_faces *faces, size_t row)
{
	const int32_t *area = faces->area + 4 * row, *box = faces->box + 4 * row;

	if (!faces->box_source[row])
		return (struct rect){0};
	return (struct rect){box[0] - area[0], box[1] - area[1], box[2], box[3]};
}
