#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

void music_free(struct music *music)
{
	playlists_free(music->playlists);
	vectors_free(&music->vectors);
	free(music->tag);
	als_model_free(&music->model);
	*music = (struct music){0};
}

static int compare_texts(const void *a, const void *b, void *context)
{
	char *const *names = context;

	return strcmp(names[*(const uint32_t *)a], names[*(const uint32_t *)b]);
}

/* Position of `name` in names by the sorted order; count when it is not there. */
static size_t find_name(char *const *names, const uint32_t *order, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(names[order[middle]], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && strcmp(names[order[low]], name) == 0 ? order[low] : count;
}

/* row → tag, by name. */
static int match_tags(struct music *music, const struct path_list *names, const char *path, struct err *err)
{
	const struct path_list *known = &music->playlists->tag_name;
	uint32_t *order = mem_alloc(known->count, sizeof(*order), err);
	int code = OK;

	music->tag = order ? mem_alloc(names->count, sizeof(*music->tag), err) : NULL;
	if (!music->tag) {
		free(order);
		return err->code;
	}
	for (size_t i = 0; i < known->count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, known->count, sizeof(*order), compare_texts, known->items);
	for (size_t i = 0; code == OK && i < names->count; i++) {
		size_t tag = find_name(known->items, order, known->count, names->items[i]);
		if (tag == known->count)
			code = err_set(err, ERR_DATA, "%s: row %zu: tag '%s' is not in playlists.h5", path, i, names->items[i]);
		else
			music->tag[i] = (uint32_t)tag;
	}
	free(order);
	return code;
}

static int load_vectors(const struct stage_run *run, struct music *music, struct err *err)
{
	struct path_list keys = {0}, names = {0};
	char *path = stage_in_path(run, "tags", "tags.bin", err);
	char *key_path = path ? stage_in_path(run, "tags", "tag_keys.tsv", err) : NULL;
	int code = key_path ? word2vec_load_binary(path, &music->vectors, &keys, err) : err->code;

	if (code == OK)
		code = tag_keys_load(key_path, &keys, &names, err);
	if (code == OK)
		code = match_tags(music, &names, key_path, err);
	path_list_free(&names);
	path_list_free(&keys);
	free(key_path);
	free(path);
	return code;
}

static int load_model(const struct stage_run *run, struct music *music, struct err *err)
{
	char *path = stage_in_path(run, "als", "als.npz", err);
	int code = path ? als_load(&music->model, path, err) : err->code;

	free(path);
	return code;
}

int music_load(const struct stage_run *run, struct music *out, struct err *err)
{
	struct music music = {0};
	char *path;
	int code;

	if (!evaluate_given(run, "playlists"))
		return OK;
	path = stage_in_path(run, "playlists", "playlists.h5", err);
	code = path ? playlists_load(&music.playlists, path, err) : err->code;
	free(path);
	if (code == OK && evaluate_given(run, "tags"))
		code = load_vectors(run, &music, err);
	if (code == OK && evaluate_given(run, "als"))
		code = load_model(run, &music, err);
	if (code != OK) {
		music_free(&music);
		return code;
	}
	*out = music;
	return OK;
}

int music_ordered_vectors(const struct music *music, float **out, struct err *err)
{
	size_t size = music->vectors.size;
	float *ordered = mem_alloc(music->playlists->n_tags * size, sizeof(float), err);

	if (!ordered)
		return err->code;
	for (size_t i = 0; i < music->vectors.count; i++)
		memcpy(ordered + music->tag[i] * size, music->vectors.data + i * size, size * sizeof(float));
	*out = ordered;
	return OK;
}
