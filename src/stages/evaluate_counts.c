/* faces.counts: how many pictures each split × camera × light holds of each class, as faces.h5 says. */
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"

#define MAX_PICTURES ((size_t)1 << 32)
#define NUMBERS 256
#define SPLITS 3

struct columns {
	struct hdf_file *file;
	struct path_list classes;
	size_t n;
	uint8_t *split, *camera, *light; /* [n] */
	int32_t *label;                  /* [n] */
};

static void columns_free(struct columns *columns)
{
	if (columns->file)
		hdf_close(columns->file);
	path_list_free(&columns->classes);
	free(columns->split);
	free(columns->camera);
	free(columns->light);
	free(columns->label);
}

static int read_column(struct columns *columns, const char *path, const char *name, enum hdf_type type, void **out,
                       struct err *err)
{
	struct hdf_shape shape;
	int code = hdf_read(columns->file, name, type, MAX_PICTURES, out, &shape, err);

	if (code != OK)
		return code;
	if (!columns->n)
		columns->n = shape.dims[0];
	if (shape.rank != 1 || shape.dims[0] != columns->n)
		return err_set(err, ERR_DATA, "%s: %s: expected one number a picture", path, name);
	return OK;
}

static int columns_read(struct columns *columns, const char *path, struct err *err)
{
	if (hdf_open(&columns->file, path, err) != OK ||
	    hdf_attr_texts(columns->file, "/", "classes", &columns->classes, err) != OK ||
	    read_column(columns, path, "split", HDF_U8, (void **)&columns->split, err) != OK ||
	    read_column(columns, path, "camera", HDF_U8, (void **)&columns->camera, err) != OK ||
	    read_column(columns, path, "light", HDF_U8, (void **)&columns->light, err) != OK ||
	    read_column(columns, path, "label", HDF_I32, (void **)&columns->label, err) != OK)
		return err->code;
	for (size_t i = 0; i < columns->n; i++)
		if (columns->split[i] >= SPLITS || columns->label[i] < 0 ||
		    (size_t)columns->label[i] >= columns->classes.count)
			return err_set(err, ERR_DATA, "%s: picture %zu: split %d, label %d is none", path, i, columns->split[i],
			               (int)columns->label[i]);
	return OK;
}

static void cell_to_json(const struct columns *columns, const size_t *counts, size_t cell, struct json *list)
{
	static const char *const splits[SPLITS] = {"train", "validation", "test"};
	size_t all = 0;

	for (size_t c = 0; c < columns->classes.count; c++)
		all += counts[c];
	if (!all)
		return;
	struct json *one = json_append_object(list);
	json_set_text(one, "split", splits[cell / NUMBERS / NUMBERS]);
	json_set_integer(one, "camera", (int64_t)(cell / NUMBERS % NUMBERS));
	json_set_integer(one, "light", (int64_t)(cell % NUMBERS));
	struct json *classes = json_set_object(one, "classes");
	for (size_t c = 0; c < columns->classes.count; c++)
		json_set_integer(classes, columns->classes.items[c], (int64_t)counts[c]);
}

static int count_cells(const struct columns *columns, struct json *list, struct err *err)
{
	size_t cells = (size_t)SPLITS * NUMBERS * NUMBERS, classes = columns->classes.count;
	size_t *counts = mem_alloc(cells * classes, sizeof(*counts), err);

	if (!counts)
		return err->code;
	for (size_t i = 0; i < columns->n; i++) {
		size_t cell = ((size_t)columns->split[i] * NUMBERS + columns->camera[i]) * NUMBERS + columns->light[i];
		counts[cell * classes + (size_t)columns->label[i]]++;
	}
	for (size_t cell = 0; cell < cells; cell++)
		cell_to_json(columns, counts + cell * classes, cell, list);
	free(counts);
	return OK;
}

int evaluate_counts(struct stage_run *run, struct err *err)
{
	struct columns columns = {0};

	if (!evaluate_given(run, "faces"))
		return OK;
	char *path = stage_in_path(run, "faces", "faces.h5", err);
	int code = path ? columns_read(&columns, path, err) : err->code;
	if (code == OK)
		code = count_cells(&columns, json_set_array(evaluate_stage(run, "faces"), "counts"), err);
	columns_free(&columns);
	free(path);
	return code;
}
