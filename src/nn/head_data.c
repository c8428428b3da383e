/*
 * The head's examples out of features.h5: read in blocks, averaged as they come.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

#define BLOCK_BYTES ((size_t)32 << 20)

static int features_column(const struct head_features *features, const char *name, enum hdf_type type, void **out,
                           struct err *err)
{
	struct hdf_shape shape;
	void *data;

	if (hdf_read(features->file, name, type, (size_t)1 << 32, &data, &shape, err) != OK)
		return err->code;
	if (shape.rank != 1 || shape.dims[0] != features->n) {
		free(data);
		return err_set(err, ERR_DATA, "%s: %s: expected %zu numbers", features->path, name, features->n);
	}
	*out = data;
	return OK;
}

static int features_check(const struct head_features *features, struct err *err)
{
	if (features->classes.count < 2)
		return err_set(err, ERR_DATA, "%s: attribute classes: needs at least two names", features->path);
	if (features->person.count != features->n)
		return err_set(err, ERR_DATA, "%s: person: expected %zu names, found %zu", features->path, features->n,
		               features->person.count);
	for (size_t i = 0; i < features->n; i++) {
		if (features->label[i] < 0 || (size_t)features->label[i] >= features->classes.count)
			return err_set(err, ERR_DATA, "%s: label: row %zu: %d is outside 0..%zu", features->path, i,
			               (int)features->label[i], features->classes.count - 1);
		if (features->split[i] > 2)
			return err_set(err, ERR_DATA, "%s: split: row %zu: %u is outside 0..2", features->path, i,
			               (unsigned)features->split[i]);
	}
	return OK;
}

static int features_shape(struct head_features *features, struct err *err)
{
	struct hdf_shape shape;

	if (hdf_shape(features->file, "features", &shape, err) != OK)
		return err->code;
	if (shape.rank != 4 || (shape.type != HDF_F32 && shape.type != HDF_F16))
		return err_set(err, ERR_DATA, "%s: features: expected float [n][h][w][c]", features->path);
	features->n = shape.dims[0];
	features->map = (struct map_shape){shape.dims[1], shape.dims[2], shape.dims[3]};
	if (!features->n || !features->map.height || !features->map.width || !features->map.channels)
		return err_set(err, ERR_DATA, "%s: features: is empty", features->path);
	return OK;
}

/* A file from before there were copies has none. */
static int read_copies(struct head_features *features, struct err *err)
{
	void *copy = NULL;

	if (!hdf_has(features->file, "copy")) {
		features->copy = mem_alloc(features->n, 1, err);
		return features->copy ? OK : err->code;
	}
	if (features_column(features, "copy", HDF_U8, &copy, err) != OK)
		return err->code;
	features->copy = copy;
	for (size_t i = 0; i < features->n; i++)
		if (features->copy[i] && features->split[i] != 0)
			return err_set(err, ERR_DATA, "%s: copy: row %zu: a varied copy outside of the training part",
			               features->path, i);
	return OK;
}

static int features_read(struct head_features *features, struct err *err)
{
	struct hdf_file *file = features->file;
	void *label = NULL, *split = NULL;
	double synthetic = 0;

	if (features_shape(features, err) != OK || features_column(features, "label", HDF_I32, &label, err) != OK)
		return err->code;
	features->label = label;
	if (features_column(features, "split", HDF_U8, &split, err) != OK)
		return err->code;
	features->split = split;
	if (read_copies(features, err) != OK)
		return err->code;
	if (hdf_read_texts(file, "person", &features->person, err) != OK ||
	    hdf_attr_texts(file, "/", "classes", &features->classes, err) != OK ||
	    hdf_attr_text(file, "/", "cut", &features->cut, err) != OK ||
	    hdf_attr_text(file, "/", "pretrained", &features->pretrained, err) != OK ||
	    hdf_attr_text(file, "/", "preprocess", &features->preprocess, err) != OK ||
	    hdf_attr_text(file, "/", "weights_sha256", &features->weights_sha256, err) != OK ||
	    hdf_attr_number(file, "/", "synthetic", &synthetic, err) != OK)
		return err_wrap(err, "%s", features->path);
	features->synthetic = synthetic != 0;
	return features_check(features, err);
}

int head_features_open(struct head_features **out, const char *path, struct err *err)
{
	struct head_features *features = mem_alloc(1, sizeof(*features), err);
	int code;

	if (!features)
		return err->code;
	features->path = mem_text(path, err);
	code = features->path ? hdf_open(&features->file, path, err) : err->code;
	if (code == OK)
		code = features_read(features, err);
	if (code != OK) {
		head_features_close(features);
		return code;
	}
	*out = features;
	return OK;
}

void head_features_close(struct head_features *features)
{
	if (!features)
		return;
	if (features->file)
		hdf_close(features->file);
	path_list_free(&features->classes);
	path_list_free(&features->person);
	free(features->path);
	free(features->label);
	free(features->split);
	free(features->copy);
	free(features->cut);
	free(features->pretrained);
	free(features->preprocess);
	free(features->weights_sha256);
	free(features);
}

static int data_allocate(struct head_data *data, const struct head_features *features, int split, struct err *err)
{
	for (size_t i = 0; i < features->n; i++)
		data->n += features->split[i] == split;
	data->rows = mem_alloc(data->n, data->inputs * sizeof(float), err);
	if (!data->rows)
		return err_wrap(err, "%s: %zu examples of %zu features do not fit; set emotion.average_pool or network.cut",
		                features->path, data->n, data->inputs);
	data->labels = mem_alloc(data->n, sizeof(*data->labels), err);
	data->index = data->labels ? mem_alloc(data->n, sizeof(*data->index), err) : NULL;
	return data->index ? OK : err->code;
}

struct reading {
	const struct head_features *features;
	size_t pool, inputs, block; /* block: rows read at once */
	struct progress *progress;
	float *maps;                /* [block][h][w][c]; NULL without an average */
};

/* Rows first … first + count − 1 of the file, which are all of the split. */
static int read_run(const struct reading *reading, size_t first, size_t count, float *rows, struct err *err)
{
	const struct head_features *features = reading->features;
	const struct map_shape *map = &features->map;

	for (size_t done = 0; done < count; done += reading->block) {
		size_t n = count - done < reading->block ? count - done : reading->block;
		float *to = rows + done * reading->inputs;

		if (hdf_read_rows(features->file, "features", HDF_F32, first + done, n, reading->maps ? reading->maps : to,
		                  err) != OK ||
		    stop_check("emotion", err) != OK)
			return err->code;
		if (reading->maps)
			pool_average(n, map->height, map->width, map->channels, reading->pool, reading->maps, to);
		for (size_t i = 0; i < n * reading->inputs; i++)
			if (!isfinite(to[i]))
				return err_set(err, ERR_DATA, "%s: features: row %zu has a value that is not finite", features->path,
				               first + done + i / reading->inputs);
		progress_add(reading->progress, n);
	}
	return OK;
}

static int read_split(const struct reading *reading, int split, struct head_data *data, struct err *err)
{
	const struct head_features *features = reading->features;
	size_t filled = 0;

	for (size_t first = 0, end; first < features->n; first = end) {
		end = first + 1;
		if (features->split[first] != split)
			continue;
		while (end < features->n && features->split[end] == split)
			end++;
		if (read_run(reading, first, end - first, data->rows + filled * data->inputs, err) != OK)
			return err->code;
		for (size_t i = first; i < end; i++, filled++) {
			data->labels[filled] = features->label[i];
			data->index[filled] = i;
		}
	}
	return OK;
}

int head_features_rows(const struct head_features *features, int split, size_t average_pool, struct head_data *out,
                       struct err *err)
{
	const struct map_shape *map = &features->map;
	size_t k = average_pool > 1 ? average_pool : 1, size = map->height * map->width * map->channels;
	struct head_data data = {.inputs = (map->height / k) * (map->width / k) * map->channels,
	                         .classes = features->classes.count,
	                         .names = features->classes.items};
	struct progress progress;
	struct reading reading = {.features = features, .pool = k, .inputs = data.inputs, .progress = &progress};
	int code;

	if (!data.inputs)
		return err_set(err, ERR_SETTINGS, "emotion.average_pool: %zu leaves nothing of a map of %zu×%zu", k,
		               map->height, map->width);
	reading.block = BLOCK_BYTES / (size * sizeof(float)) + 1;
	code = data_allocate(&data, features, split, err);
	if (code == OK && k > 1) {
		reading.maps = mem_alloc(reading.block, size * sizeof(float), err);
		code = reading.maps ? OK : err->code;
	}
	progress_start(&progress, "emotion", "features read", data.n);
	if (code == OK)
		code = read_split(&reading, split, &data, err);
	progress_end(&progress);
	free(reading.maps);
	if (code != OK) {
		head_data_free(&data);
		return code;
	}
	*out = data;
	return OK;
}
