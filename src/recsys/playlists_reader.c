/* The reader's state: entries, links, spellings, and the account of what was skipped. */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

#define LISTED_LIMIT ((size_t)100000)
#define LISTED_BYTES ((size_t)80)

static const struct {
	const char *text;
	enum playlist_record_kind record;
} skip_table[] = {
#define SKIP_ROW(name, kind, words) {words, kind},
    PLAYLIST_SKIPS(SKIP_ROW)
#undef SKIP_ROW
};

const char *playlist_skip_text(enum playlist_skip skip)
{
	return skip_table[skip].text;
}

const char *playlist_record_text(enum playlist_record_kind kind)
{
	static const char *const names[] = {
#define RECORD_NAME(name, text) text,
	    PLAYLIST_RECORDS(RECORD_NAME)
#undef RECORD_NAME
	};
	return names[kind];
}

int playlist_reader_new(struct playlist_reader **out, tag_normaliser *normalise, struct err *err)
{
	struct playlist_reader *reader = mem_alloc(1, sizeof *reader, err);
	if (!reader)
		return err->code;
	reader->normalise = normalise;
	progress_start(&reader->progress, "playlists", "records", 0);
	*out = reader;
	return OK;
}

int reader_tick(struct playlist_reader *reader, struct err *err)
{
	progress_add(&reader->progress, 1);
	return stop_check("playlists", err);
}

void playlist_reader_free(struct playlist_reader *reader)
{
	if (!reader)
		return;
	progress_end(&reader->progress);
	for (size_t i = 0; i < reader->playlists.count && reader->entries; i++)
		free(reader->entries[i].title);
	free(reader->entries);
	free(reader->spelled);
	free(reader->tag_links.items);
	free(reader->song_links.items);
	id_map_free(&reader->playlists);
	id_map_free(&reader->songs);
	word_map_free(&reader->tags);
	word_map_free(&reader->spellings);
	strbuf_free(&reader->scratch);
	strbuf_free(&reader->skipped);
	for (size_t i = 0; i < RECORD_COUNT; i++)
		free(reader->first_skip[i]);
	free(reader->first_path);
	free(reader);
}

const struct playlist_counts *playlist_reader_counts(const struct playlist_reader *reader)
{
	return &reader->counts;
}

/* ---- skipping ----------------------------------------------------------------------------------- */

/* At most LISTED_BYTES, cut between characters, on one line and in one column. */
static void list_value(struct strbuf *buf, const char *value)
{
	size_t length = strlen(value), kept = length;
	if (length > LISTED_BYTES)
		for (kept = LISTED_BYTES; kept > 0 && ((unsigned char)value[kept] & 0xc0) == 0x80; kept--)
			;
	for (size_t i = 0; i < kept; i++) {
		unsigned char byte = (unsigned char)value[i];
		strbuf_add_bytes(buf, byte < 0x20 || byte == 0x7f ? " " : &value[i], 1);
	}
	if (kept < length)
		strbuf_add(buf, "...");
}

/* "a.csv:3: reason" or "a.json: element 3: reason". Without memory the message does without it. */
static void keep_first(struct playlist_reader *reader, enum playlist_skip skip)
{
	struct err ignored = {0};
	char **first = &reader->first_skip[skip_table[skip].record];
	bool line = strcmp(reader->unit, "line") == 0;
	if (!*first)
		*first = mem_format(&ignored, "%s:%s%s%s%zu: %s", reader->path, line ? "" : " ", line ? "" : reader->unit,
		                    line ? "" : " ", reader->place, playlist_skip_text(skip));
}

void reader_skip(struct playlist_reader *reader, enum playlist_skip skip, const char *value)
{
	reader->counts.reasons[skip]++;
	reader->counts.skipped[skip_table[skip].record]++;
	keep_first(reader, skip);
	if (reader->n_listed == LISTED_LIMIT)
		return;
	reader->n_listed++;
	list_value(&reader->skipped, path_name(reader->path));
	strbuf_format(&reader->skipped, "\t%s %zu\t", reader->unit, reader->place);
	list_value(&reader->skipped, value ? value : "");
	strbuf_format(&reader->skipped, "\t%s\n", playlist_skip_text(skip));
}

int playlist_reader_save_skipped(const struct playlist_reader *reader, const char *path, struct err *err)
{
	struct out_file file;
	int status = strbuf_check(&reader->skipped, err);
	if (status != OK || (status = out_open(&file, path, err)) != OK)
		return status;
	/* Failed writes are seen by out_commit. */
	(void)!fputs("input\tplace\tvalue\treason\n", file.stream);
	if (reader->skipped.length > 0)
		(void)!fwrite(reader->skipped.text, 1, reader->skipped.length, file.stream);
	return out_commit(&file, err);
}

int playlist_reader_check(const struct playlist_reader *reader, double max_skipped, struct err *err)
{
	const struct playlist_counts *counts = &reader->counts;
	for (size_t i = 0; i < RECORD_COUNT; i++)
		if (counts->skipped[i] > 0 && (double)counts->skipped[i] > max_skipped * (double)counts->read[i])
			return err_set(err, ERR_DATA,
			               "%s (the first of %zu unusable among %zu %s, more than the share of %g that "
			               "playlists.max_skipped allows; "
			               "skipped.tsv lists them)",
			               reader->first_skip[i] ? reader->first_skip[i] : "the input", counts->skipped[i],
			               counts->read[i], playlist_record_text(i), max_skipped);
	return OK;
}

int reader_begin(struct playlist_reader *reader, const char *path, const char *unit, struct err *err)
{
	if (!reader->first_path && !(reader->first_path = mem_text(path, err)))
		return err->code;
	reader->path = path;
	reader->unit = unit;
	reader->place = 0;
	reader->input_number++;
	return OK;
}

/* ---- entries -------------------------------------------------------------------------------------- */

int reader_entry(struct playlist_reader *reader, int64_t id, uint32_t *entry, bool *fresh, struct err *err)
{
	struct playlist_entry *entries =
	    mem_grow(reader->entries, &reader->entries_capacity, reader->playlists.count + 1, sizeof *entries, err);
	if (!entries)
		return err->code;
	reader->entries = entries;
	return id_map_add(&reader->playlists, id, entry, fresh, err);
}

int reader_open(struct playlist_reader *reader, const struct playlist_record *record, uint32_t *entry, struct err *err)
{
	uint32_t number;
	bool fresh;
	int status = reader_entry(reader, record->id, &number, &fresh, err);
	if (status != OK)
		return status;
	struct playlist_entry *known = &reader->entries[number];
	*entry = UINT32_MAX;
	if (known->input == reader->input_number) {
		char text[24];
		snprintf(text, sizeof text, "%lld", (long long)record->id);
		reader_skip(reader, SKIP_RECORD_TWICE, text);
		return OK;
	}
	if (!known->title && record->title && record->title[0] && !(known->title = mem_text(record->title, err)))
		return err->code;
	if (record->likes > known->likes)
		known->likes = record->likes;
	reader->counts.merged += known->input != 0;
	known->input = reader->input_number;
	*entry = number;
	return OK;
}

/* ---- links ------------------------------------------------------------------------------------------ */

static int add_link(struct link_list *list, uint32_t playlist, uint32_t item, struct err *err)
{
	struct link *items = mem_grow(list->items, &list->capacity, list->count + 1, sizeof *items, err);
	if (!items)
		return err->code;
	list->items = items;
	items[list->count++] = (struct link){playlist, item};
	return OK;
}

int reader_add_song(struct playlist_reader *reader, uint32_t entry, int64_t id, struct err *err)
{
	uint32_t number;
	bool fresh;
	int status = id_map_add(&reader->songs, id, &number, &fresh, err);
	return status == OK ? add_link(&reader->song_links, entry, number, err) : status;
}

static bool holds_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* What a spelling stands for, found out once. */
static int judge_spelling(struct playlist_reader *reader, const char *raw, struct spelling *spelling, struct err *err)
{
	struct err refusal = {0};
	bool fresh;
	spelling->refused = SKIP_COUNT;
	int status = reader->normalise(raw, &reader->scratch, &refusal);
	if (status == ERR_DATA)
		spelling->refused = SKIP_TAG_KIND;
	else if (status != OK)
		return err_set(err, status, "%s", refusal.text);
	else if (reader->scratch.length == 0)
		spelling->refused = SKIP_TAG_EMPTY;
	else if (holds_control(reader->scratch.text))
		spelling->refused = SKIP_TAG_CONTROL;
	else
		return word_map_add(&reader->tags, reader->scratch.text, &spelling->tag, &fresh, err);
	return OK;
}

int reader_add_tag(struct playlist_reader *reader, uint32_t entry, const char *raw, struct err *err)
{
	uint32_t number;
	bool fresh;
	if (strlen(raw) > PLAYLIST_TAG_BYTES) {
		reader_skip(reader, SKIP_TAG_LONG, raw);
		return OK;
	}
	struct spelling *spelled =
	    mem_grow(reader->spelled, &reader->spelled_capacity, reader->spellings.texts.count + 1, sizeof *spelled, err);
	if (!spelled)
		return err->code;
	reader->spelled = spelled;
	int status = word_map_add(&reader->spellings, raw, &number, &fresh, err);
	if (status != OK)
		return status;
	struct spelling *spelling = &spelled[number];
	if (fresh && (status = judge_spelling(reader, raw, spelling, err)) != OK)
		return status;
	if (spelling->refused != SKIP_COUNT) {
		reader_skip(reader, spelling->refused, raw);
		return OK;
	}
	spelling->count++;
	return add_link(&reader->tag_links, entry, spelling->tag, err);
}
