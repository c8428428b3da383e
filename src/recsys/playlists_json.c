/* Melon JSON: playlists, and the names of songs. */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- playlists -------------------------------------------------------------------------------------- */

/* SKIP_COUNT = fine. A field that is absent or null says nothing. */
static enum playlist_skip take_count(const struct json *value, int64_t *out, enum playlist_skip otherwise)
{
	*out = 0;
	if (json_kind(value) == JSON_KIND_NULL)
		return SKIP_COUNT;
	*out = json_integer_value(value, -1);
	return *out < 0 ? otherwise : SKIP_COUNT;
}

static bool list_or_nothing(const struct json *value)
{
	return json_kind(value) == JSON_KIND_NULL || json_kind(value) == JSON_KIND_ARRAY;
}

static enum playlist_skip take_record(const struct json *element, struct playlist_record *record)
{
	const struct json *title = json_get(element, "plylst_title");
	if (json_kind(element) != JSON_KIND_OBJECT)
		return SKIP_RECORD_KIND;
	record->id = json_integer_value(json_get(element, "id"), -1);
	if (record->id < 0)
		return SKIP_RECORD_ID;
	if (take_count(json_get(element, "like_cnt"), &record->likes, SKIP_RECORD_LIKES) != SKIP_COUNT)
		return SKIP_RECORD_LIKES;
	record->title = json_text(title, NULL);
	if ((json_kind(title) != JSON_KIND_NULL && !record->title) ||
	    (record->title && strlen(record->title) > PLAYLIST_TITLE_BYTES))
		return SKIP_RECORD_TITLE;
	if (!list_or_nothing(json_get(element, "tags")) || !list_or_nothing(json_get(element, "songs")))
		return SKIP_RECORD_LISTS;
	return SKIP_COUNT;
}

/* What a value was, for skipped.tsv. */
static int skip_value(struct playlist_reader *reader, enum playlist_skip skip, const struct json *value,
                      struct err *err)
{
	struct strbuf text = {0};
	switch (json_kind(value)) {
	case JSON_KIND_NUMBER:
		if (json_is_integer(value))
			strbuf_format(&text, "%lld", (long long)json_integer_value(value, 0));
		else
			strbuf_format(&text, "%.17g", json_number(value, 0));
		break;
	case JSON_KIND_TEXT:
		strbuf_add(&text, json_text(value, ""));
		break;
	default:
		strbuf_add(&text, json_kind(value) == JSON_KIND_NULL   ? "null"
		                  : json_kind(value) == JSON_KIND_BOOL ? "true or false"
		                                                       : "a list");
		break;
	}
	int status = strbuf_check(&text, err);
	if (status == OK)
		reader_skip(reader, skip, text.text);
	strbuf_free(&text);
	return status;
}

static int add_tags(struct playlist_reader *reader, uint32_t entry, const struct json *tags, struct err *err)
{
	int status = OK;
	for (size_t i = 0; status == OK && i < json_count(tags); i++) {
		const char *raw = json_text(json_at(tags, i), NULL);
		reader->counts.read[RECORD_TAG]++;
		status =
		    raw ? reader_add_tag(reader, entry, raw, err) : skip_value(reader, SKIP_TAG_KIND, json_at(tags, i), err);
	}
	return status;
}

static int add_songs(struct playlist_reader *reader, uint32_t entry, const struct json *songs, struct err *err)
{
	int status = OK;
	for (size_t i = 0; status == OK && i < json_count(songs); i++) {
		int64_t id = json_integer_value(json_at(songs, i), -1);
		reader->counts.read[RECORD_SONG]++;
		status = id >= 0 ? reader_add_song(reader, entry, id, err)
		                 : skip_value(reader, SKIP_SONG_ID, json_at(songs, i), err);
	}
	return status;
}

static int take_playlist(const struct json *element, size_t index, void *context, struct err *err)
{
	struct playlist_reader *reader = context;
	struct playlist_record record = {0};
	uint32_t entry;
	reader->place = index + 1;
	reader->counts.read[RECORD_PLAYLIST]++;
	int status = reader_tick(reader, err);
	if (status != OK)
		return status;
	enum playlist_skip skip = take_record(element, &record);
	if (skip != SKIP_COUNT)
		return skip_value(reader, skip, json_get(element, "id"), err);
	status = reader_open(reader, &record, &entry, err);
	if (status != OK || entry == UINT32_MAX)
		return status;
	status = add_tags(reader, entry, json_get(element, "tags"), err);
	return status == OK ? add_songs(reader, entry, json_get(element, "songs"), err) : status;
}

int reader_read_json(struct playlist_reader *reader, const char *path, struct err *err)
{
	int status = reader_begin(reader, path, "element", err);
	return status == OK ? json_stream(path, take_playlist, reader, err) : status;
}

/* ---- song_meta.json ------------------------------------------------------------------------------------ */

struct naming {
	struct playlist_reader *reader;
	struct playlists *playlists;
};

/* Songs ascend by id. */
static size_t find_song(const struct playlists *playlists, int64_t id)
{
	size_t low = 0, high = playlists->n_songs;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (playlists->song_id[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < playlists->n_songs && playlists->song_id[low] == id ? low : playlists->n_songs;
}

/* Artists, joined with ", ". False when they are no list of texts. */
static bool join_artists(const struct json *basket, struct strbuf *out)
{
	strbuf_add(out, "");
	if (!list_or_nothing(basket))
		return false;
	for (size_t i = 0; i < json_count(basket); i++) {
		const char *artist = json_text(json_at(basket, i), NULL);
		if (!artist)
			return false;
		strbuf_add(out, i > 0 ? ", " : "");
		strbuf_add(out, artist);
	}
	return out->length <= PLAYLIST_TITLE_BYTES;
}

static int replace_text(char **text, const char *with, struct err *err)
{
	char *copy = mem_text(with, err);
	if (!copy)
		return err->code;
	free(*text);
	*text = copy;
	return OK;
}

static int name_song(struct naming *naming, size_t song, const struct json *element, struct err *err)
{
	char **name = &naming->playlists->song_name.items[song], **artist = &naming->playlists->song_artist.items[song];
	const struct json *title = json_get(element, "song_name");
	const char *text = json_kind(title) == JSON_KIND_NULL ? "" : json_text(title, NULL);
	struct strbuf artists = {0};
	bool usable =
	    join_artists(json_get(element, "artist_name_basket"), &artists) && text && strlen(text) <= PLAYLIST_TITLE_BYTES;
	int status = strbuf_check(&artists, err);
	if (status == OK && !usable)
		status = skip_value(naming->reader, SKIP_META_NAME, json_get(element, "id"), err);
	else if (status == OK && !**name && !**artist) {
		naming->playlists->song_album[song] = json_integer_value(json_get(element, "album_id"), -1);
		status = replace_text(name, text, err);
		if (status == OK)
			status = replace_text(artist, artists.text, err);
	}
	strbuf_free(&artists);
	return status;
}

static int take_song(const struct json *element, size_t index, void *context, struct err *err)
{
	struct naming *naming = context;
	struct playlist_reader *reader = naming->reader;
	reader->place = index + 1;
	reader->counts.read[RECORD_META]++;
	int status = reader_tick(reader, err);
	if (status != OK)
		return status;
	int64_t id = json_integer_value(json_get(element, "id"), -1);
	if (id < 0)
		return skip_value(reader, SKIP_META_ID, json_get(element, "id"), err);
	size_t song = find_song(naming->playlists, id);
	return song < naming->playlists->n_songs ? name_song(naming, song, element, err) : OK;
}

int playlist_reader_names(struct playlist_reader *reader, struct playlists *playlists, const char *path,
                          struct err *err)
{
	struct naming naming = {reader, playlists};
	int status = reader_begin(reader, path, "element", err);
	return status == OK ? json_stream(path, take_song, &naming, err) : status;
}
