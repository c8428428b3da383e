/* The recommender's data: from a mapped file or from arrays, checked before anything follows an index in it. */
#include "recsys/recsys_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks --------------------------------------------------------------------------------------- */

/* These look at everything, so they are passes without a way out, which run in vectors; what is refused is gone through
 * again for its place. */

/* The first i with x[i + 1] below x[i], or equal to it where that counts; `count` when there is none. */
static size_t first_fall(const int64_t *x, size_t count, bool strictly)
{
	bool falls = false, stays = false;
	for (size_t i = 0; i < count; i++) {
		falls |= x[i + 1] < x[i];
		stays |= x[i + 1] == x[i];
	}
	size_t at = falls || (strictly && stays) ? 0 : count;
	while (at < count && (strictly ? x[at + 1] > x[at] : x[at + 1] >= x[at]))
		at++;
	return at;
}

static int check_ends(const char *file, const char *what, const int64_t *start, size_t count, size_t total,
                      struct err *err)
{
	if (start[0] != 0)
		return err_set(err, ERR_DATA, "%s: %s: does not begin with 0", file, what);
	if ((uint64_t)start[count] != total)
		return err_set(err, ERR_DATA, "%s: %s: ends with %lld where %zu elements follow", file, what,
		               (long long)start[count], total);
	return OK;
}

/* start[0] = 0, rising, start[count] = total. */
static int check_offsets(const char *file, const char *what, const int64_t *start, size_t count, size_t total,
                         struct err *err)
{
	size_t fall = first_fall(start, count, false);
	if (fall < count)
		return err_set(err, ERR_DATA, "%s: %s: falls after entry %zu", file, what, fall);
	return check_ends(file, what, start, count, total, err);
}

static int check_texts(const char *file, const char *what, const struct text_table *table, struct err *err)
{
	return check_offsets(file, what, table->offsets, table->count, (size_t)table->offsets[table->count], err);
}

static int check_indices(const char *file, const char *what, const int32_t *index, size_t count, size_t bound,
                         struct err *err)
{
	uint32_t most = 0; /* below zero is above every bound */
	for (size_t i = 0; i < count; i++)
		most = (uint32_t)index[i] > most ? (uint32_t)index[i] : most;
	for (size_t i = 0; i < count && most >= bound; i++)
		if (index[i] < 0 || (size_t)index[i] >= bound)
			return err_set(err, ERR_DATA, "%s: %s: entry %zu is %ld, outside 0 … %zu", file, what, i, (long)index[i],
			               bound);
	return OK;
}

static int check_song_ids(const char *file, const struct recommender_view *view, struct err *err)
{
	size_t fall = first_fall(view->song_id, view->n_songs - 1, true);
	if (fall < view->n_songs - 1)
		return err_set(err, ERR_DATA, "%s: song/id: entry %zu does not rise", file, fall + 1);
	return OK;
}

/* Is the bit new? */
static bool set_bit(uint8_t *bits, size_t i)
{
	uint8_t bit = (uint8_t)(1u << (i % 8)), before = bits[i / 8];
	bits[i / 8] |= bit;
	return !(before & bit);
}

/* Numbers below n: n of them that are new name each once. */
static bool all_named(const int32_t *order, size_t n, uint8_t *bits)
{
	uint32_t most = 0;
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		most = (uint32_t)order[i] > most ? (uint32_t)order[i] : most;
	for (size_t i = 0; i < n && most < n; i++)
		count += set_bit(bits, (size_t)order[i]);
	return count == n;
}

static bool never_rises(const float *norm, size_t n)
{
	bool good = norm[n - 1] >= 0;
	for (size_t i = 1; i < n; i++)
		good &= norm[i] <= norm[i - 1];
	return good;
}

/* Every song once, by lengths that do not rise. */
static int check_song_order(const char *file, const struct recommender_view *view, struct err *err)
{
	size_t bytes = view->n_songs / 8 + 1;
	uint8_t *seen = view->song_order ? mem_alloc(bytes, sizeof *seen, err) : NULL;
	if (!view->song_order)
		return OK;
	if (!seen)
		return err->code;
	int code = OK;
	bool good = all_named(view->song_order, view->n_songs, seen) && never_rises(view->song_norm, view->n_songs);
	memset(seen, 0, bytes);
	for (size_t i = 0; i < view->n_songs && code == OK && !good; i++) {
		int32_t song = view->song_order[i];
		if (song < 0 || (size_t)song >= view->n_songs || !set_bit(seen, (size_t)song))
			code = err_set(err, ERR_DATA, "%s: song/order: entry %zu is %ld, not one of 0 … %zu for the first time",
			               file, i, (long)song, view->n_songs - 1);
		else if (!(view->song_norm[i] >= 0) || (i > 0 && !(view->song_norm[i] <= view->song_norm[i - 1])))
			code = err_set(err, ERR_DATA, "%s: song/norm: entry %zu rises or is no length", file, i);
	}
	free(seen);
	return code;
}

static bool codes_good(const float *scale, const float *error, size_t n)
{
	bool good = true;
	for (size_t i = 0; i < n; i++)
		good &= (fabsf(scale[i]) <= FLT_MAX) & (error[i] >= 0) & (error[i] <= FLT_MAX);
	return good;
}

static int check_song_codes(const char *file, const struct recommender_view *view, struct err *err)
{
	const float *scale = view->song_code_scale, *error = view->song_code_error;
	size_t count = view->song_code ? sketch_blocks(view->n_songs) * SKETCH_ROWS : 0;
	bool good = codes_good(scale, error, count);
	for (size_t i = 0; i < count && !good; i++)
		if (!codes_good(scale + i, error + i, 1))
			return err_set(err, ERR_DATA, "%s: song/code_scale, song/code_error: entry %zu is no step and length", file,
			               i);
	return OK;
}

/* A view without new songs needs no arrays for them. */
static int check_new_songs(const char *file, const struct recommender_view *view, struct err *err)
{
	if (view->n_new == 0)
		return OK;
	for (size_t i = 0; i < view->n_new; i++)
		if (view->new_song[i] < 0 || (size_t)view->new_song[i] >= view->n_songs ||
		    (i > 0 && view->new_song[i] <= view->new_song[i - 1]))
			return err_set(err, ERR_DATA,
			               "%s: new_songs/song: entry %zu is %ld, which does not rise or is outside 0 … %zu", file, i,
			               (long)view->new_song[i], view->n_songs - 1);
	size_t links = (size_t)view->new_start[view->n_new];
	int code = check_offsets(file, "new_songs/start", view->new_start, view->n_new, links, err);
	return code == OK ? check_indices(file, "new_songs/index", view->new_tag, links, view->n_tags, err) : code;
}

/* Everything that does not need the number of elements behind an array. */
static int check_view(const char *file, const struct recommender_view *view, struct err *err)
{
	if (view->n_tags == 0 || view->n_playlists == 0 || view->n_songs == 0 || view->n_dims == 0 || view->n_factors == 0)
		return err_set(err, ERR_DATA, "%s: %zu tags, %zu playlists, %zu songs: at least one of each is needed", file,
		               view->n_tags, view->n_playlists, view->n_songs);
	if (view->n_tags >= UINT32_MAX / 4 || view->n_songs >= UINT32_MAX || view->n_playlists >= UINT32_MAX)
		return err_set(err, ERR_DATA, "%s: more than four thousand million rows", file);
	size_t links = (size_t)view->tag_start[view->n_tags], songs = (size_t)view->song_start[view->n_playlists];
	int code = check_offsets(file, "tag_playlists/start", view->tag_start, view->n_tags, links, err);
	if (code == OK)
		code = check_texts(file, "tag/name/offsets", &view->tag_name, err);
	if (code == OK)
		code = check_texts(file, "tag/display/offsets", &view->tag_display, err);
	if (code == OK)
		code = check_indices(file, "tag_playlists/index", view->tag_playlist, links, view->n_playlists, err);
	if (code == OK)
		code = check_offsets(file, "playlist_songs/start", view->song_start, view->n_playlists, songs, err);
	if (code == OK)
		code = check_song_ids(file, view, err);
	if (code == OK)
		code = check_song_order(file, view, err);
	if (code == OK)
		code = check_new_songs(file, view, err);
	return code == OK ? check_song_codes(file, view, err) : code;
}

/* ---- texts ------------------------------------------------------------------------------------------- */

bool text_table_at(const struct text_table *table, size_t i, const char **text, size_t *length)
{
	int64_t start = table->offsets[i], end = table->offsets[i + 1];
	if (start < 0 || start > end || end > table->offsets[table->count])
		return false;
	*text = (const char *)table->bytes + start;
	*length = (size_t)(end - start);
	return true;
}

bool text_table_same(const struct text_table *table, size_t a, size_t b)
{
	const char *x, *y;
	size_t n, m;
	return text_table_at(table, a, &x, &n) && text_table_at(table, b, &y, &m) && n > 0 && n == m &&
	       memcmp(x, y, n) == 0;
}

/* ---- tags by text ------------------------------------------------------------------------------------ */

static bool text_equal(const struct text_table *table, size_t i, const char *text, size_t length)
{
	return (size_t)(table->offsets[i + 1] - table->offsets[i]) == length &&
	       memcmp(table->bytes + table->offsets[i], text, length) == 0;
}

static const struct text_table *slot_table(const struct recommender *r, uint32_t slot)
{
	return (slot - 1) & 1 ? &r->view.tag_display : &r->view.tag_name;
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t find_slot(const struct recommender *r, const char *text, size_t length)
{
	size_t at = (size_t)hash64(text, length, 0) & (r->n_slots - 1);
	while (r->slots[at] && !text_equal(slot_table(r, r->slots[at]), (r->slots[at] - 1) / 2, text, length))
		at = (at + 1) & (r->n_slots - 1);
	return at;
}

static void add_slots(struct recommender *r, const struct text_table *table, uint32_t display)
{
	for (size_t t = 0; t < table->count; t++) {
		size_t length = (size_t)(table->offsets[t + 1] - table->offsets[t]);
		size_t at = find_slot(r, (const char *)table->bytes + table->offsets[t], length);
		if (!r->slots[at])
			r->slots[at] = 1 + 2 * (uint32_t)t + display;
	}
}

static int index_tags(struct recommender *r, struct err *err)
{
	r->n_slots = 16;
	while (r->n_slots < 4 * r->view.n_tags)
		r->n_slots *= 2;
	r->slots = mem_alloc(r->n_slots, sizeof *r->slots, err);
	if (!r->slots)
		return err->code;
	add_slots(r, &r->view.tag_name, 0);
	add_slots(r, &r->view.tag_display, 1);
	return OK;
}

size_t recommender_tag(const struct recommender *recommender, const char *tag)
{
	uint32_t slot = recommender->slots[find_slot(recommender, tag, strlen(tag))];
	return slot ? (slot - 1) / 2 : recommender->view.n_tags;
}

size_t recommender_song(const struct recommender *recommender, int64_t id)
{
	const int64_t *ids = recommender->view.song_id;
	size_t low = 0, high = recommender->view.n_songs;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < recommender->view.n_songs && ids[low] == id ? low : recommender->view.n_songs;
}

/* ---- life ------------------------------------------------------------------------------------------------ */

int recommender_new(struct recommender **out, const struct recommender_view *view, const char *name, struct err *err)
{
	int code = check_view(name, view, err);
	if (code != OK)
		return code;
	struct recommender *r = mem_alloc(1, sizeof *r, err);
	if (!r)
		return err->code;
	r->view = *view;
	code = index_tags(r, err);
	if (code != OK) {
		recommender_free(r);
		return code;
	}
	*out = r;
	return OK;
}

void *recommender_block(struct recommender_blocks *own, size_t count, size_t size, struct err *err)
{
	void *block = mem_alloc(count, size, err);
	if (block)
		own->block[own->count++] = block;
	return block;
}

void recommender_blocks_free(struct recommender_blocks *own)
{
	for (size_t i = 0; i < own->count; i++)
		free(own->block[i]);
}

void recommender_free(struct recommender *recommender)
{
	if (!recommender)
		return;
	recommender_blocks_free(&recommender->own);
	free(recommender->slots);
	free(recommender);
}

const struct recommender_view *recommender_view(const struct recommender *recommender)
{
	return &recommender->view;
}

/* ---- from a mapped file -------------------------------------------------------------------------------------- */

static int need_numbers(const struct tensor_file *file, const char *name, size_t count, const int64_t **out,
                        struct err *err)
{
	const struct tensor *tensor;
	int code = tensors_need(file, name, NPY_I64, 1, (size_t[]){count}, &tensor, err);
	if (code == OK)
		*out = tensor->data;
	return code;
}

/* NAME/bytes and NAME/offsets of `count` strings; each string's own place is looked at by text_table_at. */
static int need_texts(const struct tensor_file *file, const char *name, size_t count, struct text_table *out,
                      struct err *err)
{
	char bytes_name[64], offsets_name[64];
	const struct tensor *bytes, *offsets;
	snprintf(bytes_name, sizeof bytes_name, "%s/bytes", name);
	snprintf(offsets_name, sizeof offsets_name, "%s/offsets", name);
	int code = tensors_need(file, bytes_name, NPY_U8, 1, (size_t[]){0}, &bytes, err);
	if (code == OK)
		code = tensors_need(file, offsets_name, NPY_I64, 1, (size_t[]){count + 1}, &offsets, err);
	if (code == OK)
		code = check_ends("recommender", offsets_name, offsets->data, count, bytes->dims[0], err);
	if (code == OK)
		*out = (struct text_table){bytes->data, offsets->data, count};
	return code;
}

/* NAME/start and NAME/index, which may be of no use. */
static int need_links(const struct tensor_file *file, const char *name, size_t rows, const int64_t **start,
                      const int32_t **index, struct err *err)
{
	char start_name[64], index_name[64];
	const struct tensor *starts, *indices;
	snprintf(start_name, sizeof start_name, "%s/start", name);
	snprintf(index_name, sizeof index_name, "%s/index", name);
	int code = tensors_need(file, start_name, NPY_I64, 1, (size_t[]){rows + 1}, &starts, err);
	if (code == OK)
		code = tensors_need(file, index_name, NPY_I32, 1, (size_t[]){0}, &indices, err);
	if (code == OK)
		code = check_ends("recommender", start_name, starts->data, rows, indices->dims[0], err);
	if (code == OK)
		*start = starts->data;
	if (code == OK && index)
		*index = indices->data;
	return code;
}

static int need_sizes(const struct tensor_file *file, struct recommender_view *view, struct err *err)
{
	const struct tensor *tags, *playlists, *songs;
	int code = tensors_need(file, "tag/vector", NPY_F32, 2, (size_t[]){0, 0}, &tags, err);
	if (code == OK)
		code = tensors_need(file, "playlist/factor", NPY_F32, 2, (size_t[]){0, 0}, &playlists, err);
	if (code == OK)
		code = tensors_need(file, "song/factor", NPY_F32, 2, (size_t[]){0, playlists->dims[1]}, &songs, err);
	if (code != OK)
		return code;
	view->tag_vector = tags->data;
	view->n_tags = tags->dims[0];
	view->n_dims = tags->dims[1];
	view->playlist_factor = playlists->data;
	view->n_playlists = playlists->dims[0];
	view->n_factors = playlists->dims[1];
	view->song_factor = songs->data;
	view->n_songs = songs->dims[0];
	return OK;
}

static int need_order(const struct tensor_file *file, struct recommender_view *view, struct err *err)
{
	const struct tensor *order, *norm;
	int code = tensors_need(file, "song/order", NPY_I32, 1, (size_t[]){view->n_songs}, &order, err);
	if (code == OK)
		code = tensors_need(file, "song/norm", NPY_F32, 1, (size_t[]){view->n_songs}, &norm, err);
	if (code == OK) {
		view->song_order = order->data;
		view->song_norm = norm->data;
	}
	return code;
}

static int need_codes(const struct tensor_file *file, struct recommender_view *view, struct err *err)
{
	const struct tensor *codes, *scale, *error;
	size_t blocks = sketch_blocks(view->n_songs), block = sketch_steps(view->n_factors) * SKETCH_ROWS * 4;
	int code = tensors_need(file, "song/code", NPY_U8, 2, (size_t[]){blocks, block}, &codes, err);
	if (code == OK)
		code = tensors_need(file, "song/code_scale", NPY_F32, 1, (size_t[]){blocks * SKETCH_ROWS}, &scale, err);
	if (code == OK)
		code = tensors_need(file, "song/code_error", NPY_F32, 1, (size_t[]){blocks * SKETCH_ROWS}, &error, err);
	if (code == OK) {
		view->song_code = codes->data;
		view->song_code_scale = scale->data;
		view->song_code_error = error->data;
	}
	return code;
}

/* A file of before there were any has none. */
static int need_new_songs(const struct tensor_file *file, struct recommender_view *view, struct err *err)
{
	const struct tensor *songs;
	if (!tensors_find(file, "new_songs/song"))
		return OK;
	int code = tensors_need(file, "new_songs/song", NPY_I32, 1, (size_t[]){0}, &songs, err);
	if (code == OK)
		code = need_links(file, "new_songs", songs->dims[0], &view->new_start, &view->new_tag, err);
	if (code == OK) {
		view->new_song = songs->data;
		view->n_new = songs->dims[0];
	}
	return code;
}

static int need_arrays(const struct tensor_file *file, struct recommender_view *view, struct err *err)
{
	int code = need_numbers(file, "playlist/id", view->n_playlists, &view->playlist_id, err);
	if (code == OK)
		code = need_numbers(file, "playlist/likes", view->n_playlists, &view->playlist_likes, err);
	if (code == OK)
		code = need_numbers(file, "song/id", view->n_songs, &view->song_id, err);
	if (code == OK)
		code = need_numbers(file, "song/album", view->n_songs, &view->song_album, err);
	if (code == OK)
		code = need_order(file, view, err);
	if (code == OK)
		code = need_codes(file, view, err);
	if (code == OK)
		code = need_links(file, "tag_playlists", view->n_tags, &view->tag_start, &view->tag_playlist, err);
	if (code == OK)
		code = need_links(file, "playlist_songs", view->n_playlists, &view->song_start, NULL, err);
	return code == OK ? need_new_songs(file, view, err) : code;
}

int recommender_map(struct recommender **out, const struct tensor_file *file, struct err *err)
{
	struct recommender_view view = {0};
	int code = need_sizes(file, &view, err);
	if (code == OK)
		code = need_arrays(file, &view, err);
	if (code == OK)
		code = need_texts(file, "tag/name", view.n_tags, &view.tag_name, err);
	if (code == OK)
		code = need_texts(file, "tag/display", view.n_tags, &view.tag_display, err);
	if (code == OK)
		code = need_texts(file, "playlist/title", view.n_playlists, &view.playlist_title, err);
	if (code == OK)
		code = need_texts(file, "song/name", view.n_songs, &view.song_name, err);
	if (code == OK)
		code = need_texts(file, "song/artist", view.n_songs, &view.song_artist, err);
	return code == OK ? recommender_new(out, &view, "recommender", err) : code;
}
