/*
 * Shared by the readers of archives only.
 */
#ifndef MOODCAST_ARCHIVE_INTERNAL_H
#define MOODCAST_ARCHIVE_INTERNAL_H

#include <sys/types.h>

#include "io/io.h"

#define MAX_INNER 3 /* archives inside an archive */
#define READ_BLOCK ((size_t)256 << 10)

/* One walk: what its caller wants, and what has come out of it so far. */
struct walker {
	const struct member_walk *walk;
	size_t limit;
	char *buffer; /* one member's content, reused */
	size_t capacity;
	struct unpacker *unpacker;
	uint64_t packed_bytes, unpacked_bytes; /* of the files walked; of the members taken out of them */
	bool stopped; /* the caller, a signal or memory ended the walk: its code comes out unchanged */
	bool bomb;    /* it was ended here, for its size: */
	struct err bomb_err; /* in these words, whatever a library between makes of it */
};
void walker_free(struct walker *w);
void walker_skip(const struct walker *w, const char *path, const char *reason);
int walker_stop(struct walker *w, int code); /* marks the walk as ended when code is a failure; returns code */
int walker_reserve(struct walker *w, size_t needed, struct err *err) MUST_CHECK;
bool walker_wants(const struct walker *w, const char *path);
bool walker_enters(const struct walker *w, const char *path);
/* Counts the member against the limits of the walk, unpacks it unless the caller does, and hands it over. */
int walker_deliver(struct walker *w, struct member *member, struct err *err) MUST_CHECK;
/* Counts bytes that were unpacked to get at members; false when they are more than the walk allows. */
bool walker_counts(struct walker *w, uint64_t bytes);
/* Why the member of these sizes must not be unpacked, or NULL. The reason lies in a buffer of the caller's. */
const char *walker_refuses(const struct walker *w, uint64_t packed, uint64_t full, char reason[128]);

/* ---- names ---- */

bool name_ends_with(const char *text, const char *end); /* whatever the case */
bool name_is_archive(const char *name);
/* Removes "." and empty components in place. Returns why the name must not be trusted, or NULL. */
const char *name_clean(char *name);
/* A copy in UTF-8: as it is when it is UTF-8, else from CP949 (Korean Windows), else with U+FFFD for what is
 * neither. */
char *name_as_utf8(const char *bytes, size_t length, struct err *err) MUST_CHECK;

/* ---- zips by their directory ---- */

/* A zip that lies in a file, whole or as a stored member of another one. */
struct zip_region {
	int file;
	uint64_t start, size;
};
struct zip_member {
	uint64_t at, end; /* of its local header, in the file; where the next one starts */
	uint64_t packed, size;
	uint32_t crc, name_at, name_length; /* in the directory's bytes */
	uint16_t method, flags;
	bool link;
};
struct zip_directory {
	struct zip_member *members; /* in the order in which they lie in the file */
	size_t count, capacity;
	char *bytes;
	size_t size;
};
/* *usable false: no zip, or one whose directory does not add up; it is then read from front to back instead. */
int zip_directory_read(const struct zip_region *region, struct zip_directory *out, bool *usable,
                       struct err *err) MUST_CHECK;
void zip_directory_free(struct zip_directory *directory);
/* Walks a zip on disk by its directory; members that are not wanted are neither read nor unpacked. *done false, with
 * OK: not one that can be walked so. */
int zip_walk_file(struct walker *w, const char *path, const char *below, int depth, bool *done,
                  struct err *err) MUST_CHECK;
/* A member as a stream of unpacked bytes. −1 with a reason where it breaks. */
struct zip_stream;
ssize_t zip_stream_read(struct zip_stream *stream, void *out, size_t room, const char **reason);

/* members_walk for a file that is an archive whatever its name says (an .npz is a zip). */
int archive_walk(const char *path, const struct member_walk *walk, struct err *err) MUST_CHECK;
/* The archive whose bytes a stream or the memory holds, one layer below `depth` − 1. */
int archive_walk_stream(struct walker *w, struct zip_stream *stream, const char *path, int depth,
                        struct err *err) MUST_CHECK;
int archive_walk_bytes(struct walker *w, const struct member *held, int depth, struct err *err) MUST_CHECK;
/* A zip ends with a directory record, followed by at most 64 KiB of comment. A file that begins as a zip and
 * lacks it was cut off, even where what is left ends between two members. */
int zip_is_cut(const char *path, bool *cut, struct err *err) MUST_CHECK;
/* Where the end record lies in the last bytes of a zip, got of them from offset `from` on; SIZE_MAX = nowhere. */
#define ZIP_TAIL (20 + 22 + 65535)
size_t zip_find_end(const uint8_t *tail, size_t got, uint64_t from);
uint64_t zip_little(const uint8_t *bytes, size_t count);

#endif
