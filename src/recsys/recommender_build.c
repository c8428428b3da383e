/* The recommender from what training leaves in memory, and its file. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Strings of the kept rows (`rows` NULL = all), one after the other. */
static int pack_texts(struct recommender *r, const struct path_list *texts, const size_t *rows, size_t count,
                      struct text_table *out, struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += strlen(texts->items[rows ? rows[i] : i]);
	int64_t *offsets = recommender_block(&r->own, count + 1, sizeof *offsets, err);
	uint8_t *bytes = offsets ? recommender_block(&r->own, total, 1, err) : NULL;
	if (!bytes)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		const char *text = texts->items[rows ? rows[i] : i];
		size_t length = strlen(text);
		memcpy(bytes + offsets[i], text, length); /* NOLINT(bugprone-not-null-terminated-result): offsets end it */
		offsets[i + 1] = offsets[i] + (int64_t)length;
	}
	*out = (struct text_table){bytes, offsets, count};
	return OK;
}

static int pack_vectors(struct recommender *r, const struct recommender_source *source, struct err *err)
{
	size_t tags = source->playlists->n_tags, dims = source->dims;
	float *vectors = recommender_block(&r->own, tags, dims * sizeof *vectors, err);
	if (!vectors)
		return err->code;
	for (size_t t = 0; t < tags; t++) {
		const float *from = source->tag_vectors + t * dims;
		double square = 0;
		for (size_t k = 0; k < dims; k++)
			square += (double)from[k] * from[k];
		if (!isfinite(square))
			return err_set(err, ERR_DATA, "recommender: the vector of tag '%s' is not finite",
			               source->playlists->tag_name.items[t]);
		for (size_t k = 0; k < dims && square > 0; k++)
			vectors[t * dims + k] = (float)(from[k] / sqrt(square));
	}
	r->view.tag_vector = vectors;
	return OK;
}

/* Which playlists hold a tag: links of the training rows, turned round; rows rise within a tag. */
static int pack_tag_links(struct recommender *r, const struct playlists *playlists, const size_t *rows, struct err *err)
{
	const struct playlist_links *links = &playlists->tags;
	size_t tags = playlists->n_tags;
	int64_t *start = recommender_block(&r->own, tags + 1, sizeof *start, err);
	if (!start)
		return err->code;
	for (size_t i = 0; i < r->view.n_playlists; i++)
		for (int64_t e = links->start[rows[i]]; e < links->start[rows[i] + 1]; e++)
			start[links->index[e] + 1] += links->held[e] == 0;
	for (size_t t = 0; t < tags; t++)
		start[t + 1] += start[t];
	int32_t *index = recommender_block(&r->own, (size_t)start[tags], sizeof *index, err);
	int64_t *next = mem_alloc(tags, sizeof *next, err);
	if (!index || !next) {
		free(next);
		return err->code;
	}
	memcpy(next, start, tags * sizeof *next);
	for (size_t i = 0; i < r->view.n_playlists; i++)
		for (int64_t e = links->start[rows[i]]; e < links->start[rows[i] + 1]; e++)
			if (!links->held[e])
				index[next[links->index[e]]++] = (int32_t)i;
	free(next);
	r->view.tag_start = start;
	r->view.tag_playlist = index;
	return OK;
}

static int pack_song_links(struct recommender *r, const struct playlists *playlists, const size_t *rows,
                           struct err *err)
{
	const struct playlist_links *links = &playlists->songs;
	size_t count = r->view.n_playlists, at = 0;
	int64_t *start = recommender_block(&r->own, count + 1, sizeof *start, err);
	int32_t *index =
	    start ? recommender_block(&r->own, (size_t)links->start[playlists->n_playlists], sizeof *index, err) : NULL;
	if (!index)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		for (int64_t e = links->start[rows[i]]; e < links->start[rows[i] + 1]; e++)
			if (!links->held[e])
				index[at++] = links->index[e];
		start[i + 1] = (int64_t)at;
	}
	r->view.song_start = start;
	r->playlist_song = index;
	return OK;
}

static int pack_playlists(struct recommender *r, const struct recommender_source *source, const size_t *rows,
                          struct err *err)
{
	size_t count = r->view.n_playlists, f = r->view.n_factors;
	int64_t *id = recommender_block(&r->own, count, sizeof *id, err);
	int64_t *likes = recommender_block(&r->own, count, sizeof *likes, err);
	float *factor = recommender_block(&r->own, count, f * sizeof *factor, err);
	if (!id || !likes || !factor)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		id[i] = source->playlists->id[rows[i]];
		likes[i] = source->playlists->likes[rows[i]];
		memcpy(factor + i * f, source->model->user + rows[i] * f, f * sizeof *factor);
	}
	r->view.playlist_id = id;
	r->view.playlist_likes = likes;
	r->view.playlist_factor = factor;
	return pack_texts(r, &source->playlists->title, rows, count, &r->view.playlist_title, err);
}

static int pack_order(struct recommender *r, struct err *err)
{
	size_t songs = r->view.n_songs;
	int32_t *order = recommender_block(&r->own, songs, sizeof *order, err);
	float *norm = order ? recommender_block(&r->own, songs, sizeof *norm, err) : NULL;
	if (!norm)
		return err->code;
	r->view.song_order = order;
	r->view.song_norm = norm;
	return row_search_order(r->view.song_factor, songs, r->view.n_factors, order, norm, err);
}

static int pack_codes(struct recommender *r, struct err *err)
{
	size_t blocks = sketch_blocks(r->view.n_songs), steps = sketch_steps(r->view.n_factors);
	uint8_t *code = recommender_block(&r->own, blocks, steps * SKETCH_ROWS * 4, err);
	float *scale = code ? recommender_block(&r->own, blocks, SKETCH_ROWS * sizeof *scale, err) : NULL;
	float *error = scale ? recommender_block(&r->own, blocks, SKETCH_ROWS * sizeof *error, err) : NULL;
	if (!error)
		return err->code;
	sketch_build(r->view.song_factor, r->view.song_order, r->view.n_songs, r->view.n_factors, code, scale, error);
	r->view.song_code = code;
	r->view.song_code_scale = scale;
	r->view.song_code_error = error;
	return OK;
}

static int pack_new_songs(struct recommender *r, const struct csr *tags, struct err *err)
{
	size_t songs = tags ? tags->rows : 0, links = tags ? (size_t)tags->start[songs] : 0, count = 0;
	for (size_t s = 0; s < songs; s++)
		count += tags->start[s + 1] > tags->start[s];
	int32_t *song = recommender_block(&r->own, count, sizeof *song, err);
	int32_t *tag = song ? recommender_block(&r->own, links, sizeof *tag, err) : NULL;
	int64_t *start = tag ? recommender_block(&r->own, count + 1, sizeof *start, err) : NULL;
	if (!start)
		return err->code;
	for (size_t s = 0, i = 0; s < songs; s++) {
		if (tags->start[s + 1] == tags->start[s])
			continue;
		song[i++] = (int32_t)s;
		start[i] = tags->start[s + 1];
	}
	if (links > 0)
		memcpy(tag, tags->index, links * sizeof *tag);
	r->view.n_new = count;
	r->view.new_song = song;
	r->view.new_start = start;
	r->view.new_tag = tag;
	return OK;
}

static int pack_all(struct recommender *r, const struct recommender_source *source, const size_t *rows, struct err *err)
{
	const struct playlists *playlists = source->playlists;
	r->view.n_tags = playlists->n_tags;
	r->view.n_dims = source->dims;
	r->view.n_songs = playlists->n_songs;
	r->view.n_factors = source->model->factors;
	r->view.song_id = playlists->song_id;
	r->view.song_album = playlists->song_album;
	r->view.song_factor = source->model->item;
	int code = pack_vectors(r, source, err);
	if (code == OK)
		code = pack_order(r, err);
	if (code == OK)
		code = pack_codes(r, err);
	if (code == OK)
		code = pack_texts(r, &playlists->tag_name, NULL, playlists->n_tags, &r->view.tag_name, err);
	if (code == OK)
		code = pack_texts(r, &playlists->tag_display, NULL, playlists->n_tags, &r->view.tag_display, err);
	if (code == OK)
		code = pack_tag_links(r, playlists, rows, err);
	if (code == OK)
		code = pack_playlists(r, source, rows, err);
	if (code == OK)
		code = pack_song_links(r, playlists, rows, err);
	if (code == OK)
		code = pack_new_songs(r, source->new_tags, err);
	if (code == OK)
		code = pack_texts(r, &playlists->song_name, NULL, playlists->n_songs, &r->view.song_name, err);
	if (code == OK)
		code = pack_texts(r, &playlists->song_artist, NULL, playlists->n_songs, &r->view.song_artist, err);
	return code;
}

/* *rows ← the training playlists. */
static int training_rows(const struct playlists *playlists, size_t **rows, size_t *count, struct err *err)
{
	size_t *kept = mem_alloc(playlists->n_playlists, sizeof *kept, err), n = 0;
	if (!kept)
		return err->code;
	for (size_t p = 0; p < playlists->n_playlists; p++)
		if (playlists->split[p] == PLAYLIST_TRAIN)
			kept[n++] = p;
	*rows = kept;
	*count = n;
	return OK;
}

int recommender_build(struct recommender **out, const struct recommender_source *source, struct err *err)
{
	const struct playlists *playlists = source->playlists;
	struct recommender packed = {0}, *r = NULL;
	size_t *rows = NULL;
	if (source->model->users != playlists->n_playlists || source->model->items != playlists->n_songs)
		return err_set(err, ERR_DATA,
		               "recommender: factors of %zu playlists and %zu songs do not belong to %zu and %zu",
		               source->model->users, source->model->items, playlists->n_playlists, playlists->n_songs);
	int code = training_rows(playlists, &rows, &packed.view.n_playlists, err);
	if (code == OK)
		code = pack_all(&packed, source, rows, err);
	if (code == OK)
		code = recommender_new(&r, &packed.view, "recommender", err);
	free(rows);
	if (code != OK) {
		recommender_blocks_free(&packed.own);
		return code;
	}
	r->own = packed.own;
	r->playlist_song = packed.playlist_song;
	*out = r;
	return OK;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static struct tensor vector_of(const char *name, enum npy_type type, size_t count, const void *data)
{
	return (struct tensor){.name = name, .type = type, .rank = 1, .dims = {count}, .data = data};
}

static struct tensor matrix_of(const char *name, size_t rows, size_t columns, const float *data)
{
	return (struct tensor){.name = name, .type = NPY_F32, .rank = 2, .dims = {rows, columns}, .data = data};
}

static struct tensor bytes_of(const char *name, const struct text_table *table)
{
	return vector_of(name, NPY_U8, (size_t)table->offsets[table->count], table->bytes);
}

static struct tensor offsets_of(const char *name, const struct text_table *table)
{
	return vector_of(name, NPY_I64, table->count + 1, table->offsets);
}

static int write_tensors(const char *path, const struct recommender *r, struct err *err)
{
	const struct recommender_view *v = &r->view;
	size_t blocks = sketch_blocks(v->n_songs), block = sketch_steps(v->n_factors) * SKETCH_ROWS * 4;
	const struct tensor tensors[] = {
	    matrix_of("tag/vector", v->n_tags, v->n_dims, v->tag_vector),
	    bytes_of("tag/name/bytes", &v->tag_name),
	    offsets_of("tag/name/offsets", &v->tag_name),
	    bytes_of("tag/display/bytes", &v->tag_display),
	    offsets_of("tag/display/offsets", &v->tag_display),
	    vector_of("tag_playlists/start", NPY_I64, v->n_tags + 1, v->tag_start),
	    vector_of("tag_playlists/index", NPY_I32, (size_t)v->tag_start[v->n_tags], v->tag_playlist),
	    vector_of("playlist/id", NPY_I64, v->n_playlists, v->playlist_id),
	    vector_of("playlist/likes", NPY_I64, v->n_playlists, v->playlist_likes),
	    bytes_of("playlist/title/bytes", &v->playlist_title),
	    offsets_of("playlist/title/offsets", &v->playlist_title),
	    matrix_of("playlist/factor", v->n_playlists, v->n_factors, v->playlist_factor),
	    vector_of("playlist_songs/start", NPY_I64, v->n_playlists + 1, v->song_start),
	    vector_of("playlist_songs/index", NPY_I32, (size_t)v->song_start[v->n_playlists], r->playlist_song),
	    vector_of("song/id", NPY_I64, v->n_songs, v->song_id),
	    vector_of("song/album", NPY_I64, v->n_songs, v->song_album),
	    matrix_of("song/factor", v->n_songs, v->n_factors, v->song_factor),
	    vector_of("song/order", NPY_I32, v->n_songs, v->song_order),
	    vector_of("song/norm", NPY_F32, v->n_songs, v->song_norm),
	    {.name = "song/code", .type = NPY_U8, .rank = 2, .dims = {blocks, block}, .data = v->song_code},
	    vector_of("song/code_scale", NPY_F32, blocks * SKETCH_ROWS, v->song_code_scale),
	    vector_of("song/code_error", NPY_F32, blocks * SKETCH_ROWS, v->song_code_error),
	    bytes_of("song/name/bytes", &v->song_name),
	    offsets_of("song/name/offsets", &v->song_name),
	    bytes_of("song/artist/bytes", &v->song_artist),
	    offsets_of("song/artist/offsets", &v->song_artist),
	    vector_of("new_songs/song", NPY_I32, v->n_new, v->new_song),
	    vector_of("new_songs/start", NPY_I64, v->n_new + 1, v->new_start),
	    vector_of("new_songs/index", NPY_I32, (size_t)v->new_start[v->n_new], v->new_tag),
	};
	return tensors_save(path, tensors, ARRAY_COUNT(tensors), NULL, 0, err);
}

int recommender_write(const char *path, const struct recommender_source *source, struct err *err)
{
	struct recommender *r = NULL;
	int code = recommender_build(&r, source, err);
	if (code == OK)
		code = write_tensors(path, r, err);
	recommender_free(r);
	return code;
}
