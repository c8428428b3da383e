#include "stages/features_internal.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define MAX_ROWS ((size_t)1 << 32)

void features_counts_free(struct features_counts *counts)
{
	path_list_free(&counts->classes);
	free(counts->by_class);
	*counts = (struct features_counts){0};
}

/* ---- columns: the kept rows of faces.h5's, under the same name ---- */

struct kept {
	size_t count;
	size_t pictures;          /* of faces.h5 */
	size_t *rows;             /* of the side file, ascending */
	uint8_t *crop, *copy;     /* [count] */
	int32_t *face;            /* [count][4] */
	struct features_row *all; /* [rows of the side file] */
};

static void kept_free(struct kept *kept)
{
	free(kept->rows);
	free(kept->crop);
	free(kept->copy);
	free(kept->face);
	free(kept->all);
}

static int kept_read(const struct features_result *result, struct kept *kept, struct err *err)
{
	size_t rows = features_rows_of(result->job);
	kept->pictures = result->job->rows;
	if (!(kept->copy = mem_alloc(rows, 1, err)))
		return ERR_MEMORY;
	if (!(kept->rows = mem_alloc(rows, sizeof *kept->rows, err)) || !(kept->crop = mem_alloc(rows, 1, err)) ||
	    !(kept->face = mem_alloc(rows, 4 * sizeof *kept->face, err)) ||
	    !(kept->all = mem_alloc(rows, sizeof *kept->all, err)))
		return ERR_MEMORY;
	for (size_t row = 0; row < rows; row++) {
		int code = features_side_read(result->side, row, &kept->all[row], NULL, err);
		if (code != OK)
			return code;
		if (kept->all[row].crop < 0)
			continue;
		kept->copy[kept->count] = (uint8_t)(row / kept->pictures);
		kept->rows[kept->count] = row;
		kept->crop[kept->count] = (uint8_t)kept->all[row].crop;
		memcpy(kept->face + 4 * kept->count++, kept->all[row].face, sizeof kept->all[row].face);
	}
	if (kept->count == 0)
		return err_set(err, ERR_DATA, "no face was found in any of %zu pictures; add box or centre to preprocess.crop",
		               kept->pictures);
	return OK;
}

static int copy_numbers(const struct features_result *result, const struct kept *kept, struct hdf_file *out,
                        const char *name, struct err *err)
{
	struct hdf_shape shape;
	uint8_t *data = NULL, *chosen;
	int code = hdf_shape(result->job->faces, name, &shape, err);
	if (code == OK && (shape.rank != 1 || shape.dims[0] != result->job->rows))
		return err_set(err, ERR_DATA, "faces.h5: %s does not have a number a picture", name);
	enum hdf_type type = strcmp(name, "label") == 0 ? HDF_I32 : HDF_U8;
	size_t size = type == HDF_I32 ? sizeof(int32_t) : 1;
	if (code == OK)
		code = hdf_read(result->job->faces, name, type, MAX_ROWS, (void **)&data, NULL, err);
	if (code != OK)
		return code;
	chosen = mem_alloc(kept->count, size, err);
	for (size_t i = 0; chosen && i < kept->count; i++)
		memcpy(chosen + i * size, data + kept->rows[i] % kept->pictures * size, size);
	code = chosen ? hdf_write(out, name, &(struct hdf_shape){.type = type, .rank = 1, .dims = {kept->count}}, chosen, 0,
	                          err)
	              : ERR_MEMORY;
	free(chosen);
	free(data);
	return code;
}

static int copy_texts(const struct features_result *result, const struct kept *kept, struct hdf_file *out, bool table,
                      struct err *err)
{
	const char *name = table ? "member" : "person";
	struct path_list texts = {0};
	char **chosen = NULL;
	int code = table ? hdf_read_table(result->job->faces, name, &texts, err)
	                 : hdf_read_texts(result->job->faces, name, &texts, err);
	if (code == OK && texts.count != result->job->rows)
		code =
		    err_set(err, ERR_DATA, "faces.h5: %s has %zu texts for %zu pictures", name, texts.count, result->job->rows);
	if (code == OK && !(chosen = mem_alloc(kept->count, sizeof *chosen, err)))
		code = ERR_MEMORY;
	for (size_t i = 0; code == OK && i < kept->count; i++)
		chosen[i] = texts.items[kept->rows[i] % kept->pictures];
	if (code == OK)
		code = table ? hdf_write_table(out, name, chosen, kept->count, err)
		             : hdf_write_texts(out, name, chosen, kept->count, err);
	free(chosen);
	path_list_free(&texts);
	return code;
}

static int write_columns(const struct features_result *result, const struct kept *kept, struct hdf_file *out,
                         struct err *err)
{
	static const char *const numbers[] = {"label", "split", "accessory", "light", "expression", "camera"};
	struct hdf_shape crop = {.type = HDF_U8, .rank = 1, .dims = {kept->count}};
	struct hdf_shape face = {.type = HDF_I32, .rank = 2, .dims = {kept->count, 4}};
	int code = hdf_write(out, "crop", &crop, kept->crop, 0, err);
	if (code == OK)
		code = hdf_write(out, "copy", &crop, kept->copy, 0, err);
	if (code == OK)
		code = hdf_write(out, "face", &face, kept->face, 0, err);
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(numbers); i++)
		code = copy_numbers(result, kept, out, numbers[i], err);
	if (code == OK)
		code = copy_texts(result, kept, out, false, err);
	return code == OK ? copy_texts(result, kept, out, true, err) : code;
}

static int write_features(const struct features_result *result, const struct kept *kept, struct hdf_file *out,
                          struct err *err)
{
	const struct map_shape *map = &result->job->map;
	struct hdf_shape shape = {.type = result->storage == STORAGE_FLOAT16 ? HDF_F16 : HDF_F32,
	                          .rank = 4,
	                          .dims = {kept->count, map->height, map->width, map->channels}};
	size_t floats = result->side->floats, block = CHUNK_BYTES / (floats * sizeof(float));
	block = block < 1 ? 1 : block > kept->count ? kept->count : block;
	float *features = mem_alloc(block, floats * sizeof *features, err);
	int code = features ? hdf_create_rows(out, "features", &shape, block, 0, err) : ERR_MEMORY;
	struct progress progress;
	progress_start(&progress, "features", "pictures written", kept->count);
	for (size_t first = 0; code == OK && first < kept->count; first += block) {
		size_t count = kept->count - first < block ? kept->count - first : block;
		struct features_row about;
		for (size_t i = 0; code == OK && i < count; i++)
			code = features_side_read(result->side, kept->rows[first + i], &about, features + i * floats, err);
		if (code == OK)
			code = hdf_write_rows(out, "features", first, count, features, err);
		if (code == OK)
			code = stop_check("features", err);
		progress_add(&progress, count);
	}
	progress_end(&progress);
	free(features);
	return code;
}

/* ---- attributes and counts ---- */

static int write_layers(const struct network *network, struct hdf_file *out, struct err *err)
{
	char *names[VGG16_LAYERS];
	size_t count = 0;
	for (size_t i = 0; i < network->count; i++)
		if (network->layers[i].origin == ORIGIN_FILE)
			names[count++] = (char *)(uintptr_t)network->layers[i].name;
	return hdf_attr_set_texts(out, "/", "pretrained_layers", names, count, err);
}

static int write_attributes(const struct features_result *result, const struct features_counts *counts,
                            struct hdf_file *out, struct err *err)
{
	const struct network *network = result->job->network;
	char *preprocess = NULL;
	double synthetic;
	int code = preprocess_print(result->job->preprocess, &preprocess, err);
	if (code == OK)
		code = hdf_attr_number(result->job->faces, "/", "synthetic", &synthetic, err);
	if (code == OK)
		code = hdf_attr_set_number(out, "/", "synthetic", synthetic, err);
	if (code == OK)
		code = hdf_attr_set_text(out, "/", "preprocess", preprocess, err);
	if (code == OK)
		code = hdf_attr_set_texts(out, "/", "classes", counts->classes.items, counts->classes.count, err);
	if (code == OK)
		code = hdf_attr_set_text(out, "/", "cut", network_cut_name(network->cut), err);
	if (code == OK)
		code = hdf_attr_set_text(out, "/", "precision", network_precision_name(result->job->precision), err);
	if (code == OK)
		code = hdf_attr_set_text(out, "/", "pretrained", network_pretrained(network), err);
	if (code == OK)
		code = hdf_attr_set_text(out, "/", "weights_sha256", result->weights_sha256, err);
	free(preprocess);
	return code == OK ? write_layers(network, out, err) : code;
}

static int count_rows(const struct features_result *result, const struct kept *kept, struct features_counts *counts,
                      struct err *err)
{
	int32_t *labels = NULL;
	int code = hdf_attr_texts(result->job->faces, "/", "classes", &counts->classes, err);
	if (code == OK)
		code = hdf_read(result->job->faces, "label", HDF_I32, result->job->rows, (void **)&labels, NULL, err);
	if (code == OK && !(counts->by_class = mem_alloc(counts->classes.count, sizeof *counts->by_class, err)))
		code = ERR_MEMORY;
	for (size_t row = 0; code == OK && row < result->job->rows; row++) {
		int32_t crop = kept->all[row].crop;
		if (labels[row] < 0 || (size_t)labels[row] >= counts->classes.count)
			code = err_set(err, ERR_DATA, "faces.h5: picture %zu: label %d of %zu classes", row, labels[row],
			               counts->classes.count);
		else
			counts->by_class[labels[row]][crop == FEATURES_DROPPED ? CROP_SOURCES : crop]++;
	}
	free(labels);
	for (size_t i = 0; code == OK && i < kept->count; i++) {
		counts->crops[kept->crop[i]] += kept->copy[i] == 0;
		counts->pictures += kept->copy[i] == 0;
	}
	counts->copies = kept->count - counts->pictures;
	counts->dropped = result->job->rows - counts->pictures;
	return code;
}

int features_write(const struct features_result *result, const char *path, struct features_counts *counts,
                   struct err *err)
{
	struct kept kept = {0};
	struct features_counts found = {0};
	struct hdf_file *out = NULL;
	int code = kept_read(result, &kept, err);
	if (code == OK)
		code = count_rows(result, &kept, &found, err);
	if (code == OK)
		code = hdf_create(&out, path, err);
	if (code == OK)
		code = write_attributes(result, &found, out, err);
	if (code == OK)
		code = write_columns(result, &kept, out, err);
	if (code == OK)
		code = write_features(result, &kept, out, err);
	if (code == OK) {
		code = hdf_commit(out, err);
		out = NULL;
	}
	hdf_close(out);
	kept_free(&kept);
	if (code == OK)
		*counts = found;
	else
		features_counts_free(&found);
	return code;
}
