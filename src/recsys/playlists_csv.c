/* CSV forms: whole playlists with '|' inside tags and songs, and pairs playlist_id,song_id. Columns are found by the
 * header's names. */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

enum column { COLUMN_ID, COLUMN_TITLE, COLUMN_TAGS, COLUMN_SONGS, COLUMN_LIKES, COLUMN_SONG, COLUMN_COUNT };
static const char *const column_names[] = {"playlist_id", "title", "tags", "songs", "like_cnt", "song_id"};

struct csv_state {
	struct playlist_reader *reader;
	const char *path;
	bool pairs, started;
	size_t fields;
	size_t at[COLUMN_COUNT]; /* SIZE_MAX = not in this file */
};

/* A decimal number from 0 to 2^63 − 1 and nothing else. */
static bool parse_id(const char *text, int64_t *out)
{
	int64_t number = 0;
	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return false;
	*out = number;
	return true;
}

static bool column_allowed(const struct csv_state *state, size_t column)
{
	if (column == COLUMN_ID)
		return true;
	return state->pairs ? column == COLUMN_SONG : column != COLUMN_SONG;
}

static int read_header(struct csv_state *state, char *const *fields, size_t count, size_t line, struct err *err)
{
	state->started = true;
	state->fields = count;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		state->at[i] = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		size_t column = 0;
		while (column < COLUMN_COUNT && strcmp(fields[i], column_names[column]) != 0)
			column++;
		if (column < COLUMN_COUNT && column_allowed(state, column) && state->at[column] == SIZE_MAX)
			state->at[column] = i;
		else
			return err_set(err, ERR_DATA, "%s:%zu: column \"%.80s\": the header row must hold %s, each once",
			               state->path, line, fields[i],
			               state->pairs ? "playlist_id and song_id"
			                            : "playlist_id and any of title, tags, songs, like_cnt");
	}
	size_t needed = state->pairs ? COLUMN_SONG : COLUMN_ID;
	if (state->at[COLUMN_ID] == SIZE_MAX || state->at[needed] == SIZE_MAX)
		return err_set(err, ERR_DATA, "%s:%zu: the header row has no column %s", state->path, line,
		               column_names[state->at[COLUMN_ID] == SIZE_MAX ? (size_t)COLUMN_ID : needed]);
	return OK;
}

static const char *field(const struct csv_state *state, char *const *fields, enum column column)
{
	return state->at[column] == SIZE_MAX ? "" : fields[state->at[column]];
}

/* ---- playlists ------------------------------------------------------------------------------------- */

static int add_part(struct csv_state *state, uint32_t entry, const char *part, enum column column, struct err *err)
{
	struct playlist_reader *reader = state->reader;
	int64_t id;
	reader->counts.read[column == COLUMN_TAGS ? RECORD_TAG : RECORD_SONG]++;
	if (column == COLUMN_TAGS)
		return reader_add_tag(reader, entry, part, err);
	if (parse_id(part, &id))
		return reader_add_song(reader, entry, id, err);
	reader_skip(reader, SKIP_SONG_ID, part);
	return OK;
}

static int add_parts(struct csv_state *state, uint32_t entry, const char *text, enum column column, struct err *err)
{
	struct strbuf part = {0};
	int status = OK;
	for (bool more = *text != '\0'; status == OK && more;) {
		size_t length = strcspn(text, "|");
		part.length = 0;
		strbuf_add_bytes(&part, text, length);
		if ((status = strbuf_check(&part, err)) == OK)
			status = add_part(state, entry, part.text, column, err);
		more = text[length] == '|';
		text += length + more;
	}
	strbuf_free(&part);
	return status;
}

/* The normaliser knows what is UTF-8. */
static int title_usable(struct playlist_reader *reader, const char *title, bool *usable, struct err *err)
{
	struct err refusal = {0};
	int status = reader->normalise(title, &reader->scratch, &refusal);
	*usable = status == OK && strlen(title) <= PLAYLIST_TITLE_BYTES;
	return status == OK || status == ERR_DATA ? OK : err_set(err, status, "%s", refusal.text);
}

static int playlist_row(struct csv_state *state, char *const *fields, size_t count, struct err *err)
{
	struct playlist_reader *reader = state->reader;
	struct playlist_record record = {0};
	enum playlist_skip skip = SKIP_COUNT;
	bool title_good = true;
	reader->counts.read[RECORD_PLAYLIST]++;
	if (count != state->fields) {
		reader_skip(reader, SKIP_RECORD_FIELDS, fields[0]);
		return OK;
	}
	const char *id = field(state, fields, COLUMN_ID), *likes = field(state, fields, COLUMN_LIKES);
	record.title = field(state, fields, COLUMN_TITLE);
	int status = title_usable(reader, record.title, &title_good, err);
	if (!parse_id(id, &record.id))
		skip = SKIP_RECORD_ID;
	else if (*likes && !parse_id(likes, &record.likes))
		skip = SKIP_RECORD_LIKES;
	else if (!title_good)
		skip = SKIP_RECORD_TITLE;
	if (status != OK)
		return status;
	if (skip != SKIP_COUNT) {
		reader_skip(reader, skip, id);
		return OK;
	}
	uint32_t entry;
	status = reader_open(reader, &record, &entry, err);
	if (status != OK || entry == UINT32_MAX)
		return status;
	status = add_parts(state, entry, field(state, fields, COLUMN_TAGS), COLUMN_TAGS, err);
	return status == OK ? add_parts(state, entry, field(state, fields, COLUMN_SONGS), COLUMN_SONGS, err) : status;
}

/* ---- pairs ------------------------------------------------------------------------------------------- */

static int pair_row(struct csv_state *state, char *const *fields, size_t count, struct err *err)
{
	struct playlist_reader *reader = state->reader;
	int64_t playlist, song;
	uint32_t entry;
	bool fresh;
	reader->counts.read[RECORD_PAIR]++;
	if (count != state->fields) {
		reader_skip(reader, SKIP_PAIR_FIELDS, fields[0]);
		return OK;
	}
	const char *id = field(state, fields, COLUMN_ID), *other = field(state, fields, COLUMN_SONG);
	bool good = parse_id(id, &playlist);
	if (!good || !parse_id(other, &song)) {
		reader_skip(reader, SKIP_PAIR_ID, good ? other : id);
		return OK;
	}
	int status = reader_entry(reader, playlist, &entry, &fresh, err);
	return status == OK ? reader_add_song(reader, entry, song, err) : status;
}

static int any_row(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	struct csv_state *state = context;
	int status = reader_tick(state->reader, err);
	if (status != OK)
		return status;
	state->reader->place = line;
	if (!state->started)
		return read_header(state, fields, count, line, err);
	return state->pairs ? pair_row(state, fields, count, err) : playlist_row(state, fields, count, err);
}

static int read_rows(struct csv_state *state, struct err *err)
{
	int status = reader_begin(state->reader, state->path, "line", err);
	if (status == OK)
		status = csv_read(state->path, any_row, state, err);
	if (status == OK && !state->started)
		status = err_set(err, ERR_DATA, "%s: is empty; it needs a header row", state->path);
	return status;
}

int reader_read_csv(struct playlist_reader *reader, const char *path, struct err *err)
{
	struct csv_state state = {.reader = reader, .path = path};
	return read_rows(&state, err);
}

int playlist_reader_pairs(struct playlist_reader *reader, const char *path, struct err *err)
{
	struct csv_state state = {.reader = reader, .path = path, .pairs = true};
	return read_rows(&state, err);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);
	return length >= tail && strcmp(text + length - tail, end) == 0;
}

int playlist_reader_input(struct playlist_reader *reader, const char *path, struct err *err)
{
	bool csv = ends_with(path, ".csv") || ends_with(path, ".csv.gz");
	return csv ? reader_read_csv(reader, path, err) : reader_read_json(reader, path, err);
}
