/* playlists.h5. */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

void playlists_free(struct playlists *playlists)
{
	if (!playlists)
		return;
	struct playlist_links *links[] = {&playlists->tags, &playlists->songs};
	for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
		free(links[i]->start);
		free(links[i]->index);
		free(links[i]->held);
	}
	struct path_list *lists[] = {&playlists->title, &playlists->tag_name, &playlists->tag_display,
	                             &playlists->song_name, &playlists->song_artist};
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		path_list_free(lists[i]);
	free(playlists->id);
	free(playlists->likes);
	free(playlists->split);
	free(playlists->mask);
	free(playlists->tag_count);
	free(playlists->song_id);
	free(playlists->song_album);
	free(playlists);
}

/* ---- the file's members, one row each: written and read by the same tables ---------------------------------- */

enum extent { EXTENT_PLAYLISTS, EXTENT_STARTS, EXTENT_TAG_LINKS, EXTENT_SONG_LINKS, EXTENT_TAGS, EXTENT_SONGS };

struct member_array {
	const char *name;
	enum hdf_type type;
	enum extent extent;
	size_t offset; /* of the pointer in struct playlists */
	int compress;
};
struct member_table {
	const char *name;
	enum extent extent;
	size_t offset;
};

/* Starts come before what they count, so that a reader knows each extent in time. */
static const struct member_array arrays[] = {
    {"playlist/id", HDF_I64, EXTENT_PLAYLISTS, offsetof(struct playlists, id), 0},
    {"playlist/likes", HDF_I64, EXTENT_PLAYLISTS, offsetof(struct playlists, likes), 0},
    {"playlist/split", HDF_U8, EXTENT_PLAYLISTS, offsetof(struct playlists, split), 0},
    {"playlist/mask", HDF_U8, EXTENT_PLAYLISTS, offsetof(struct playlists, mask), 0},
    {"tag/count", HDF_I64, EXTENT_TAGS, offsetof(struct playlists, tag_count), 0},
    {"song/id", HDF_I64, EXTENT_SONGS, offsetof(struct playlists, song_id), 0},
    {"song/album", HDF_I64, EXTENT_SONGS, offsetof(struct playlists, song_album), 1},
    {"playlist_tags/start", HDF_I64, EXTENT_STARTS, offsetof(struct playlists, tags.start), 0},
    {"playlist_songs/start", HDF_I64, EXTENT_STARTS, offsetof(struct playlists, songs.start), 0},
    {"playlist_tags/index", HDF_I32, EXTENT_TAG_LINKS, offsetof(struct playlists, tags.index), 1},
    {"playlist_tags/held", HDF_U8, EXTENT_TAG_LINKS, offsetof(struct playlists, tags.held), 1},
    {"playlist_songs/index", HDF_I32, EXTENT_SONG_LINKS, offsetof(struct playlists, songs.index), 1},
    {"playlist_songs/held", HDF_U8, EXTENT_SONG_LINKS, offsetof(struct playlists, songs.held), 1},
};
static const struct member_table tables[] = {
    {"playlist/title", EXTENT_PLAYLISTS, offsetof(struct playlists, title)},
    {"tag/name", EXTENT_TAGS, offsetof(struct playlists, tag_name)},
    {"tag/display", EXTENT_TAGS, offsetof(struct playlists, tag_display)},
    {"song/name", EXTENT_SONGS, offsetof(struct playlists, song_name)},
    {"song/artist", EXTENT_SONGS, offsetof(struct playlists, song_artist)},
};

static size_t extent_of(const struct playlists *playlists, enum extent extent)
{
	size_t rows = playlists->n_playlists;
	switch (extent) {
	case EXTENT_PLAYLISTS:
		return rows;
	case EXTENT_STARTS:
		return rows + 1;
	case EXTENT_TAG_LINKS:
		return (size_t)playlists->tags.start[rows];
	case EXTENT_SONG_LINKS:
		return (size_t)playlists->songs.start[rows];
	case EXTENT_TAGS:
		return playlists->n_tags;
	case EXTENT_SONGS:
		return playlists->n_songs;
	}
	return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static int write_members(struct hdf_file *file, const struct playlists *playlists, struct err *err)
{
	const char *base = (const char *)playlists;
	int status = OK;
	for (size_t i = 0; status == OK && i < ARRAY_COUNT(arrays); i++) {
		struct hdf_shape shape = {.type = arrays[i].type, .rank = 1, .dims = {extent_of(playlists, arrays[i].extent)}};
		const void *data;
		memcpy(&data, base + arrays[i].offset, sizeof data);
		status = hdf_write(file, arrays[i].name, &shape, data, arrays[i].compress, err);
	}
	for (size_t i = 0; status == OK && i < ARRAY_COUNT(tables); i++) {
		const struct path_list *texts = (const struct path_list *)(base + tables[i].offset);
		status = hdf_write_table(file, tables[i].name, texts->items, texts->count, err);
	}
	return status == OK ? hdf_attr_set_number(file, "/", "synthetic", playlists->synthetic, err) : status;
}

int playlists_save(const struct playlists *playlists, const char *h5_path, struct err *err)
{
	struct hdf_file *file;
	int status = hdf_create(&file, h5_path, err);
	if (status != OK)
		return status;
	status = write_members(file, playlists, err);
	if (status == OK)
		return hdf_commit(file, err);
	hdf_close(file);
	return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static int count_of(const struct hdf_file *file, const char *name, size_t *count, struct err *err)
{
	struct hdf_shape shape;
	int status = hdf_shape(file, name, &shape, err);
	if (status == OK && shape.rank != 1)
		return err_set(err, ERR_DATA, "%s: has %zu dimensions, expected 1", name, shape.rank);
	if (status == OK && shape.dims[0] > INT32_MAX)
		return err_set(err, ERR_DATA, "%s: %zu elements are too many", name, shape.dims[0]);
	if (status == OK)
		*count = shape.dims[0];
	return status;
}

static int starts_check(const struct playlists *playlists, const struct playlist_links *links, const char *name,
                        struct err *err)
{
	if (links->start[0] != 0)
		return err_set(err, ERR_DATA, "%s: does not begin with 0", name);
	for (size_t r = 0; r < playlists->n_playlists; r++)
		if (links->start[r] > links->start[r + 1])
			return err_set(err, ERR_DATA, "%s: row %zu ends before it begins", name, r);
	return OK;
}

static int read_members(const struct hdf_file *file, struct playlists *playlists, struct err *err)
{
	char *base = (char *)playlists;
	int status = OK;
	for (size_t i = 0; status == OK && i < ARRAY_COUNT(arrays); i++) {
		struct hdf_shape shape;
		void *data = NULL;
		size_t expected = extent_of(playlists, arrays[i].extent);
		status = hdf_read(file, arrays[i].name, arrays[i].type, expected, &data, &shape, err);
		memcpy(base + arrays[i].offset, &data, sizeof data);
		if (status == OK && (shape.rank != 1 || shape.dims[0] != expected))
			status = err_set(err, ERR_DATA, "%s: expected a list of %zu", arrays[i].name, expected);
		if (status == OK && arrays[i].extent == EXTENT_STARTS)
			status = starts_check(playlists, data == playlists->tags.start ? &playlists->tags : &playlists->songs,
			                      arrays[i].name, err);
	}
	for (size_t i = 0; status == OK && i < ARRAY_COUNT(tables); i++) {
		struct path_list *texts = (struct path_list *)(base + tables[i].offset);
		status = hdf_read_table(file, tables[i].name, texts, err);
		if (status == OK && texts->count != extent_of(playlists, tables[i].extent))
			status = err_set(err, ERR_DATA, "%s: %zu texts, expected %zu", tables[i].name, texts->count,
			                 extent_of(playlists, tables[i].extent));
	}
	return status;
}

static int links_check(const struct playlists *playlists, const struct playlist_links *links, size_t items,
                       bool ascending, struct err *err)
{
	const char *name = ascending ? "playlist_songs" : "playlist_tags";
	for (size_t r = 0; r < playlists->n_playlists; r++)
		for (int64_t i = links->start[r]; i < links->start[r + 1]; i++) {
			if (links->index[i] < 0 || (size_t)links->index[i] >= items)
				return err_set(err, ERR_DATA, "%s: row %zu: index %d is outside 0..%zu", name, r, links->index[i],
				               items);
			if (ascending && i > links->start[r] && links->index[i - 1] >= links->index[i])
				return err_set(err, ERR_DATA, "%s: row %zu does not ascend", name, r);
			if (links->held[i] > 1 || (links->held[i] && playlists->split[r] != PLAYLIST_HELD_OUT))
				return err_set(err, ERR_DATA, "%s: row %zu hides what its split does not allow", name, r);
		}
	return OK;
}

static int contents_check(const struct playlists *playlists, struct err *err)
{
	for (size_t r = 0; r < playlists->n_playlists; r++) {
		bool held = playlists->split[r] == PLAYLIST_HELD_OUT;
		if ((!held && playlists->split[r] != PLAYLIST_TRAIN) || playlists->mask[r] >= MASK_COUNT ||
		    held != (playlists->mask[r] != MASK_NONE))
			return err_set(err, ERR_DATA, "playlist/split, playlist/mask: row %zu: %u and %u do not go together", r,
			               playlists->split[r], playlists->mask[r]);
		if (playlists->likes[r] < 0 || (r > 0 && playlists->id[r - 1] >= playlists->id[r]))
			return err_set(err, ERR_DATA,
			               "playlist/id, playlist/likes: row %zu: ids must ascend and likes not be negative", r);
	}
	for (size_t s = 1; s < playlists->n_songs; s++)
		if (playlists->song_id[s - 1] >= playlists->song_id[s])
			return err_set(err, ERR_DATA, "song/id: row %zu does not ascend", s);
	int status = links_check(playlists, &playlists->tags, playlists->n_tags, false, err);
	return status == OK ? links_check(playlists, &playlists->songs, playlists->n_songs, true, err) : status;
}

static int read_all(const struct hdf_file *file, struct playlists *playlists, struct err *err)
{
	double synthetic = 0;
	int status = count_of(file, "playlist/id", &playlists->n_playlists, err);
	if (status == OK)
		status = count_of(file, "tag/count", &playlists->n_tags, err);
	if (status == OK)
		status = count_of(file, "song/id", &playlists->n_songs, err);
	if (status == OK)
		status = read_members(file, playlists, err);
	if (status == OK)
		status = contents_check(playlists, err);
	if (status == OK && hdf_attr_has(file, "/", "synthetic"))
		status = hdf_attr_number(file, "/", "synthetic", &synthetic, err);
	playlists->synthetic = synthetic != 0;
	return status;
}

int playlists_load(struct playlists **out, const char *h5_path, struct err *err)
{
	struct hdf_file *file;
	int status = hdf_open(&file, h5_path, err);
	if (status != OK)
		return status;
	struct playlists *made = mem_alloc(1, sizeof *made, err);
	status = made ? read_all(file, made, err) : err->code;
	hdf_close(file);
	if (status == OK) {
		*out = made;
		return OK;
	}
	playlists_free(made);
	/* What the library says names the file already. */
	return strncmp(err->text, h5_path, strlen(h5_path)) == 0 ? status : err_wrap(err, "%s", h5_path);
}
