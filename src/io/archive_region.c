#include "io/archive_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/*
 * A zip walked by its directory. A stored zip inside it is a region of the same file and is walked the same way; a
 * packed one, and any other archive, is a stream that is read from front to back.
 */
#define LOCAL_HEADER 30
#define ENCRYPTED 1
#define STORED 0
#define DEFLATED 8

static bool read_full(int file, uint64_t at, void *out, size_t size)
{
	for (char *to = out; size > 0;) {
		ssize_t got = pread(file, to, size, (off_t)at);
		if (got <= 0)
			return false;
		to += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return true;
}

/* Where the member's bytes begin, by its local header; 0 when there is none or when they would reach into the next
 * member. */
static uint64_t data_start(const struct zip_member *member, const uint8_t *header)
{
	if (memcmp(header, "PK\3\4", 4) != 0)
		return 0;
	uint64_t start = member->at + LOCAL_HEADER + zip_little(header + 26, 2) + zip_little(header + 28, 2);
	return start <= member->end && member->packed <= member->end - start ? start : 0;
}

/* ---- a member as a stream ---------------------------------------------------------------- */

struct zip_stream {
	struct walker *w;
	int file;
	uint64_t at, left;
	bool deflated, ended;
	z_stream z;
	uint8_t *in;
};

static ssize_t stream_stored(struct zip_stream *stream, void *out, size_t room)
{
	size_t size = stream->left < room ? (size_t)stream->left : room;
	if (!read_full(stream->file, stream->at, out, size))
		return -1;
	stream->at += size;
	stream->left -= size;
	return (ssize_t)size;
}

static ssize_t stream_deflated(struct zip_stream *stream, void *out, size_t room)
{
	z_stream *z = &stream->z;
	z->next_out = out;
	z->avail_out = (uInt)room;
	while (z->avail_out > 0 && !stream->ended) {
		if (z->avail_in == 0) {
			ssize_t got = stream_stored(stream, stream->in, READ_BLOCK);
			if (got < 0)
				return -1;
			z->next_in = stream->in;
			z->avail_in = (uInt)got;
		}
		int code = inflate(z, Z_NO_FLUSH);
		stream->ended = code == Z_STREAM_END;
		if (code != Z_OK && code != Z_STREAM_END)
			return -1;
	}
	return (ssize_t)(room - z->avail_out);
}

ssize_t zip_stream_read(struct zip_stream *stream, void *out, size_t room, const char **reason)
{
	ssize_t got = stream->deflated ? stream_deflated(stream, out, room) : stream_stored(stream, out, room);
	*reason = "cut off or damaged";
	if (got > 0 && !walker_counts(stream->w, (uint64_t)got)) {
		*reason = "unpacks to more than is allowed";
		return -1;
	}
	return got;
}

static int stream_open(struct zip_stream *stream, struct walker *w, const struct zip_member *member, uint64_t start,
                       struct err *err)
{
	stream->w = w;
	stream->at = start;
	stream->left = member->packed;
	stream->deflated = member->method == DEFLATED;
	if (!stream->deflated)
		return OK;
	stream->in = mem_alloc(READ_BLOCK, 1, err);
	if (!stream->in)
		return walker_stop(w, err->code);
	if (inflateInit2(&stream->z, -MAX_WBITS) != Z_OK) {
		free(stream->in);
		stream->in = NULL;
		return walker_stop(w, err_set(err, ERR_MEMORY, "out of memory for inflate"));
	}
	return OK;
}

static void stream_close(struct zip_stream *stream)
{
	if (stream->in)
		inflateEnd(&stream->z);
	free(stream->in);
}

/* ---- members --------------------------------------------------------------------------------- */

struct region_walk {
	struct walker *w;
	const struct zip_region *region;
	const char *path;
	int depth;
};

static int region_walk(const struct region_walk *at, bool *usable, struct err *err);

/* Reads the member as it lies there. NULL with a reason, or without one when memory is out. */
static const uint8_t *member_bytes(const struct region_walk *at, const struct zip_member *member, const char **reason,
                                   struct err *err)
{
	struct walker *w = at->w;
	/* The local header repeats the name; its extra field is as a rule short: one read gets everything. */
	size_t guess = LOCAL_HEADER + member->name_length + 64, whole = (size_t)member->packed + guess;
	if (member->end - member->at < whole)
		whole = (size_t)(member->end - member->at);
	if (walker_reserve(w, whole > guess ? whole : guess, err) != OK)
		return NULL;
	*reason = "cut off";
	if (whole < LOCAL_HEADER || !read_full(at->region->file, member->at, w->buffer, whole))
		return NULL;
	*reason = "its local header is damaged, or it overlaps the next member";
	uint64_t start = data_start(member, (const uint8_t *)w->buffer);
	if (start == 0)
		return NULL;
	size_t skip = (size_t)(start - member->at), have = whole > skip ? whole - skip : 0;
	if (have < member->packed) {
		*reason = "cut off";
		if (walker_reserve(w, skip + (size_t)member->packed, err) != OK) {
			*reason = NULL;
			return NULL;
		}
		if (!read_full(at->region->file, start + have, w->buffer + skip + have, (size_t)member->packed - have))
			return NULL;
	}
	*reason = NULL;
	return (const uint8_t *)w->buffer + skip;
}

static int visit_plain_member(const struct region_walk *at, const struct zip_member *member, const char *path,
                              struct err *err)
{
	char text[128];
	if (!walker_wants(at->w, path))
		return OK;
	const char *reason = walker_refuses(at->w, member->packed, member->size, text);
	if (!reason && member->packed > at->w->limit)
		reason = "larger than a member may be";
	const uint8_t *bytes = reason ? NULL : member_bytes(at, member, &reason, err);
	if (!bytes && !reason)
		return walker_stop(at->w, err->code);
	if (reason) {
		walker_skip(at->w, path, reason);
		return OK;
	}
	struct member out = {.path = path,
	                     .bytes = bytes,
	                     .size = (size_t)member->packed,
	                     .full = (size_t)member->size,
	                     .packed = member->method == DEFLATED,
	                     .crc = member->crc,
	                     .has_crc = true};
	return walker_deliver(at->w, &out, err);
}

/* 7z keeps its directory at the end and must seek: it is held in memory. */
static int visit_held(const struct region_walk *at, const struct zip_member *member, const char *path, struct err *err)
{
	char text[128];
	const char *reason = walker_refuses(at->w, member->packed, member->size, text);
	const uint8_t *bytes = reason ? NULL : member_bytes(at, member, &reason, err);
	if (!bytes)
		return reason ? err_set(err, ERR_DATA, "%s", reason) : walker_stop(at->w, err->code);
	struct member held = {.path = path,
	                      .bytes = bytes,
	                      .size = (size_t)member->packed,
	                      .full = (size_t)member->size,
	                      .packed = member->method == DEFLATED,
	                      .crc = member->crc,
	                      .has_crc = true};
	struct unpacker *unpacker = NULL;
	char *buffer = at->w->buffer;
	/* Its members need the walker's buffer. */
	at->w->buffer = NULL;
	at->w->capacity = 0;
	int status = walker_stop(at->w, unpacker_new(&unpacker, err));
	if (status == OK && (status = member_unpack(unpacker, &held, err)) == ERR_MEMORY)
		walker_stop(at->w, status);
	if (status == OK)
		status = archive_walk_bytes(at->w, &held, at->depth + 1, err);
	unpacker_free(unpacker);
	free(buffer);
	return status;
}

static int visit_stream(const struct region_walk *at, const struct zip_member *member, const char *path, uint64_t start,
                        struct err *err)
{
	struct zip_stream stream = {.file = at->region->file};
	int status = stream_open(&stream, at->w, member, start, err);
	if (status == OK)
		status = archive_walk_stream(at->w, &stream, path, at->depth + 1, err);
	stream_close(&stream);
	return status;
}

static int visit_inner_archive(const struct region_walk *at, const struct zip_member *member, const char *path,
                               struct err *err)
{
	uint8_t header[LOCAL_HEADER];
	if (!walker_enters(at->w, path))
		return OK;
	if (at->depth >= MAX_INNER)
		return err_set(err, ERR_DATA, "archives nested more than three deep");
	uint64_t start = read_full(at->region->file, member->at, header, sizeof header) ? data_start(member, header) : 0;
	if (start == 0)
		return err_set(err, ERR_DATA, "its local header is damaged, or it overlaps the next member");
	if (name_ends_with(path, ".7z"))
		return visit_held(at, member, path, err);
	if (member->method == STORED) {
		struct zip_region region = {.file = at->region->file, .start = start, .size = member->packed};
		struct region_walk inner = {.w = at->w, .region = &region, .path = path, .depth = at->depth + 1};
		bool usable;
		int status = region_walk(&inner, &usable, err);
		if (usable || status != OK)
			return status;
	}
	return visit_stream(at, member, path, start, err);
}

static const char *member_refused(const struct zip_member *member, char reason[128])
{
	if (member->link)
		return "a link";
	if (member->flags & ENCRYPTED)
		return "encrypted";
	if (member->method == STORED || member->method == DEFLATED)
		return NULL;
	snprintf(reason, 128, "packed by zip's method %u, which is not read", member->method);
	return reason;
}

static int visit_member(const struct region_walk *at, const char *stored, const struct zip_member *member,
                        struct err *err)
{
	char text[128];
	if (member->name_length > 0 && stored[member->name_length - 1] == '/')
		return OK;
	char *name = name_as_utf8(stored, member->name_length, err);
	char *raw = name ? mem_text(name, err) : NULL;
	const char *reason = raw ? name_clean(name) : NULL;
	char *path = raw ? mem_format(err, "%s%s%s", at->path, at->path[0] ? "/" : "", reason ? raw : name) : NULL;
	int status = path ? OK : walker_stop(at->w, err->code);
	if (path && !reason)
		reason = member_refused(member, text);
	if (path && reason) {
		walker_skip(at->w, path, reason);
	} else if (path && name_is_archive(name)) {
		/* What breaks in it is one skipped member of this one. */
		status = visit_inner_archive(at, member, path, err);
		if (status != OK && !at->w->stopped) {
			walker_skip(at->w, path, err->text);
			*err = (struct err){0};
			status = OK;
		}
	} else if (path) {
		status = visit_plain_member(at, member, path, err);
	}
	free(path);
	free(raw);
	free(name);
	return status;
}

static int region_walk(const struct region_walk *at, bool *usable, struct err *err)
{
	struct zip_directory directory;
	int status = zip_directory_read(at->region, &directory, usable, err);
	if (status != OK)
		return walker_stop(at->w, status);
	for (size_t i = 0; status == OK && i < directory.count; i++) {
		status = walker_stop(at->w, stop_check("reading an archive", err));
		if (status == OK)
			status = visit_member(at, directory.bytes + directory.members[i].name_at, &directory.members[i], err);
	}
	zip_directory_free(&directory);
	return status;
}

int zip_walk_file(struct walker *w, const char *path, const char *below, int depth, bool *done, struct err *err)
{
	*done = false;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return OK; /* the other reader says why */
	off_t size = lseek(file, 0, SEEK_END);
	struct zip_region region = {.file = file, .size = size > 0 ? (uint64_t)size : 0};
	struct region_walk walk = {.w = w, .region = &region, .path = below, .depth = depth};
	int status = region_walk(&walk, done, err);
	close(file);
	return status;
}
