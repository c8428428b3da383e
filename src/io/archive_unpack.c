#include "io/archive_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- one packed member ---------------------------------------------------------------- */

struct unpacker {
	z_stream stream;
	uint8_t *bytes;
	size_t capacity;
};

int unpacker_new(struct unpacker **out, struct err *err)
{
	struct unpacker *unpacker = mem_alloc(1, sizeof *unpacker, err);
	if (!unpacker)
		return err->code;
	if (inflateInit2(&unpacker->stream, -MAX_WBITS) != Z_OK) {
		free(unpacker);
		return err_set(err, ERR_MEMORY, "out of memory for inflate");
	}
	*out = unpacker;
	return OK;
}

void unpacker_free(struct unpacker *unpacker)
{
	if (!unpacker)
		return;
	inflateEnd(&unpacker->stream);
	free(unpacker->bytes);
	free(unpacker);
}

/* Two bits stand for at most 258 bytes (RFC 1951): what claims to unpack to more is not worth the memory. */
#define MOST_INFLATED 1032

static int inflate_member(struct unpacker *unpacker, const struct member *member, struct err *err)
{
	if (member->full / MOST_INFLATED > member->size)
		return err_set(err, ERR_DATA, "%s: damaged (%zu packed bytes cannot unpack to %zu)", member->path, member->size,
		               member->full);
	uint8_t *grown = mem_grow(unpacker->bytes, &unpacker->capacity, member->full + 1, 1, err);
	if (!grown)
		return err->code;
	unpacker->bytes = grown;
	z_stream *z = &unpacker->stream;
	inflateReset(z);
	z->next_in = (void *)(uintptr_t)member->bytes;
	z->avail_in = (uInt)member->size;
	z->next_out = grown;
	z->avail_out = (uInt)(member->full + 1); /* one more than promised: a longer one is seen */
	if (inflate(z, Z_FINISH) != Z_STREAM_END || z->total_out != member->full)
		return err_set(err, ERR_DATA, "%s: damaged (its packed bytes do not unpack to %zu)", member->path,
		               member->full);
	return OK;
}

int member_unpack(struct unpacker *unpacker, struct member *member, struct err *err)
{
	if (member->packed) {
		int status = inflate_member(unpacker, member, err);
		if (status != OK)
			return status;
		member->bytes = unpacker->bytes;
		member->size = member->full;
		member->packed = false;
	}
	if (member->has_crc && (uint32_t)crc32(0, member->bytes, (uInt)member->size) != member->crc)
		return err_set(err, ERR_DATA, "%s: damaged (checksum)", member->path);
	member->has_crc = false;
	return OK;
}

/* ---- the walk's own part --------------------------------------------------------------------- */

#define FREE_BYTES ((uint64_t)64 << 20) /* so much may come out of anything: small texts pack well */

void walker_free(struct walker *w)
{
	free(w->buffer);
	unpacker_free(w->unpacker);
}

void walker_skip(const struct walker *w, const char *path, const char *reason)
{
	if (w->walk->skipped)
		w->walk->skipped(path, reason, w->walk->context);
}

int walker_stop(struct walker *w, int code)
{
	if (code != OK)
		w->stopped = true;
	return code;
}

int walker_reserve(struct walker *w, size_t needed, struct err *err)
{
	char *grown = mem_grow(w->buffer, &w->capacity, needed, 1, err);
	if (!grown)
		return walker_stop(w, err->code);
	w->buffer = grown;
	return OK;
}

bool walker_wants(const struct walker *w, const char *path)
{
	return !w->walk->wanted || w->walk->wanted(path, w->walk->context);
}

bool walker_enters(const struct walker *w, const char *path)
{
	return !w->walk->enters || w->walk->enters(path, w->walk->context);
}

const char *walker_refuses(const struct walker *w, uint64_t packed, uint64_t full, char reason[128])
{
	if (full > w->limit)
		return "larger than a member may be";
	double ratio = w->walk->max_ratio;
	if (ratio <= 0 || full < (1 << 20) || (double)full <= ratio * (double)packed)
		return NULL;
	snprintf(reason, 128, "unpacks to %.0f times its size (at most %g are allowed)",
	         (double)full / (double)(packed + !packed), ratio);
	return reason;
}

/* Against bombs that no single member gives away. */
static int check_total(struct walker *w, struct err *err)
{
	const struct member_walk *walk = w->walk;
	const char *limits = walk->limits ? walk->limits : "the limits of this walk";
	uint64_t total = w->unpacked_bytes;
	int status = OK;
	if (walk->max_total > 0 && total > walk->max_total)
		status = err_set(err, ERR_DATA, "its members unpack to more than the %.4g GB allowed (%s)",
		                 (double)walk->max_total / 1e9, limits);
	else if (walk->max_ratio > 0 && total > FREE_BYTES && (double)total > walk->max_ratio * (double)w->packed_bytes)
		status =
		    err_set(err, ERR_DATA, "its members unpack to more than %g times its size, as those of a zip bomb (%s)",
		            walk->max_ratio, limits);
	if (status != OK && !w->bomb) {
		w->bomb = true;
		w->bomb_err = *err;
	}
	return walker_stop(w, status);
}

bool walker_counts(struct walker *w, uint64_t bytes)
{
	struct err ignored = {0};
	w->unpacked_bytes += bytes;
	return check_total(w, &ignored) == OK;
}

int walker_deliver(struct walker *w, struct member *member, struct err *err)
{
	w->unpacked_bytes += member->full;
	int status = check_total(w, err);
	if (status != OK)
		return status;
	if ((member->packed || member->has_crc) && !w->walk->packed) {
		if (!w->unpacker && unpacker_new(&w->unpacker, err) != OK)
			return walker_stop(w, err->code);
		struct err why = {0};
		status = member_unpack(w->unpacker, member, &why);
		if (status == ERR_DATA) {
			walker_skip(w, member->path, why.text + strlen(member->path) + 2);
			return OK;
		}
		if (status != OK) {
			*err = why;
			return walker_stop(w, status);
		}
	}
	return walker_stop(w, w->walk->deliver(member, w->walk->context, err));
}
