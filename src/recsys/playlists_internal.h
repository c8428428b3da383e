/* What the playlists*.c files share: maps that number things in order of first sight, and the reader's state. */
#ifndef MOODCAST_PLAYLISTS_INTERNAL_H
#define MOODCAST_PLAYLISTS_INTERNAL_H

#include "recsys/recsys.h"

/* ---- maps ------------------------------------------------------------------------------ */

/* Open addressing, linear probing, at most half full. A slot holds number + 1, 0 = free. What a number stands for is
 * kept beside. */
struct slots {
	uint32_t *slot;
	size_t size; /* 0 or a power of two */
};
struct id_map {
	struct slots slots;
	int64_t *ids; /* [count], by number */
	size_t count, capacity;
};
struct word_map {
	struct slots slots;
	struct path_list texts; /* by number */
};
/* The number of an id or a text, given at first sight: 0, 1, 2 … *fresh tells whether this was it. */
int id_map_add(struct id_map *map, int64_t id, uint32_t *number, bool *fresh, struct err *err) MUST_CHECK;
void id_map_free(struct id_map *map);
int word_map_add(struct word_map *map, const char *text, uint32_t *number, bool *fresh, struct err *err) MUST_CHECK;
void word_map_free(struct word_map *map);

/* ---- the reader -------------------------------------------------------------------------- */

struct playlist_entry {
	int64_t likes;
	char *title;    /* NULL while no input had one */
	uint32_t input; /* the last one that described it, from 1; 0 = only pairs did */
};
struct link {
	uint32_t playlist, item;
};
struct link_list {
	struct link *items;
	size_t count, capacity;
};
/* A tag as somebody wrote it: which tag it is, how often it occurs. */
struct spelling {
	uint32_t count;
	uint32_t tag;
	enum playlist_skip refused; /* SKIP_COUNT = usable */
};

struct playlist_reader {
	tag_normaliser *normalise;
	struct strbuf scratch;
	struct id_map playlists, songs;
	struct word_map tags, spellings; /* normal forms; original spellings */
	struct playlist_entry *entries;  /* [playlists.count] */
	struct spelling *spelled;        /* [spellings.texts.count] */
	size_t entries_capacity, spelled_capacity;
	struct link_list tag_links, song_links;
	struct playlist_counts counts;
	/* Where the reader is, for skipped.tsv. */
	const char *path; /* of the input being read */
	const char *unit; /* "element" or "line" */
	size_t place;
	uint32_t input_number;
	struct strbuf skipped;
	size_t n_listed;
	char *first_skip[RECORD_COUNT]; /* place and reason of the first of each kind */
	char *first_path;               /* of the first input */
	struct progress progress;
};
/* One more record: counted for who watches, stopped when asked to. */
int reader_tick(struct playlist_reader *reader, struct err *err) MUST_CHECK;

#define PLAYLIST_TITLE_BYTES 4096
#define PLAYLIST_TAG_BYTES 1024

struct playlist_record {
	int64_t id, likes;
	const char *title; /* NULL = none */
};

/* Counts and lists what is skipped at the current place. `value` may be NULL. */
void reader_skip(struct playlist_reader *reader, enum playlist_skip skip, const char *value);
/* The entry of a record, merged where it is there already. *entry = UINT32_MAX where the record is skipped. */
int reader_open(struct playlist_reader *reader, const struct playlist_record *record, uint32_t *entry,
                struct err *err) MUST_CHECK;
/* The entry of an id that a pair names. */
int reader_entry(struct playlist_reader *reader, int64_t id, uint32_t *entry, bool *fresh, struct err *err) MUST_CHECK;
int reader_add_tag(struct playlist_reader *reader, uint32_t entry, const char *raw, struct err *err) MUST_CHECK;
int reader_add_song(struct playlist_reader *reader, uint32_t entry, int64_t id, struct err *err) MUST_CHECK;
int reader_read_json(struct playlist_reader *reader, const char *path, struct err *err) MUST_CHECK;
int reader_read_csv(struct playlist_reader *reader, const char *path, struct err *err) MUST_CHECK;
int reader_begin(struct playlist_reader *reader, const char *path, const char *unit, struct err *err) MUST_CHECK;

/* ---- building ------------------------------------------------------------------------------ */

/* Draws split, mask and held flags of every row. tags.index must be ordered by the bytes of the tags, so that nothing
 * depends on the order of inputs. */
int playlists_hold_out(struct playlists *playlists, double holdout, uint64_t seed, struct err *err) MUST_CHECK;

#endif
