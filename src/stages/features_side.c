/*
 * The side file: a head, then pieces of FEATURES_PIECE rows, each at a multiple of PIECE_ALIGN bytes with the number of
 * its first rows that a checkpoint covers before them. A piece is one rank's from its first row to its last, and shares
 * no page with another: ranks on several machines write to one file.
 */
#include "base/comm.h"
#include "stages/features_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE_ALIGN ((size_t)1 << 16)
#define PIECE_HEAD ((size_t)64) /* the number, and room that keeps the rows aligned */

/* In the byte order and layout of the machine: a checkpoint is not carried to another one. */
struct header {
	char magic[24], identity[SHA256_HEX + 7];
	uint64_t floats, rows;
};
static const char magic[24] = "moodcast features 2\n";

static size_t row_bytes(const struct features_side *side)
{
	return sizeof(struct features_row) + side->floats * sizeof(float);
}

static off_t piece_place(const struct features_side *side, size_t piece)
{
	size_t bytes = PIECE_HEAD + FEATURES_PIECE * row_bytes(side);
	return (off_t)(PIECE_ALIGN + piece * ((bytes + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN));
}

static off_t row_place(const struct features_side *side, size_t row)
{
	return piece_place(side, row / FEATURES_PIECE) + (off_t)(PIECE_HEAD + row % FEATURES_PIECE * row_bytes(side));
}

size_t features_side_end(const struct features_side *side, size_t piece)
{
	size_t end = (piece + 1) * FEATURES_PIECE;
	return end < side->rows ? end : side->rows;
}

static size_t rows_covered(struct features_side *side, size_t piece)
{
	uint64_t done = 0;
	size_t most = features_side_end(side, piece) - piece * FEATURES_PIECE;
	if (pread(side->file, &done, sizeof done, piece_place(side, piece)) != (ssize_t)sizeof done)
		return 0;
	return done < most ? (size_t)done : most;
}

/* Rank 0 throws work of another identity away; for the others it must be what rank 0 has begun. */
static int start_or_resume(struct features_side *side, const char *identity, struct err *err)
{
	struct header wanted = {.floats = side->floats, .rows = side->rows}, found;
	memcpy(wanted.magic, magic, sizeof magic);
	snprintf(wanted.identity, sizeof wanted.identity, "%s", identity);
	bool same = pread(side->file, &found, sizeof found, 0) == (ssize_t)sizeof found &&
	            memcmp(&wanted, &found, sizeof found) == 0;
	for (size_t piece = 0; same && comm_publishes() && piece < side->pieces; piece++)
		side->done[piece] = (uint8_t)rows_covered(side, piece);
	if (same)
		return OK;
	if (!comm_publishes())
		return err_set(err, ERR_DATA, "%s: rank 0 began it with another processor, input or weights than this rank has",
		               side->path);
	errno = 0;
	if (ftruncate(side->file, 0) != 0 || pwrite(side->file, &wanted, sizeof wanted, 0) != (ssize_t)sizeof wanted)
		return err_errno(err, "%s: cannot be written; is there room?", side->path);
	return OK;
}

static int open_file(struct features_side *side, struct err *err)
{
	side->file = open(side->path, O_RDWR | O_CLOEXEC | (comm_publishes() ? O_CREAT : 0), 0666);
	return side->file >= 0 ? OK : err_errno(err, "%s: cannot be written", side->path);
}

int features_side_open(struct features_side *out, const struct features_side_wish *wish, struct err *err)
{
	struct features_side side = {.file = -1,
	                             .floats = wish->floats,
	                             .rows = wish->rows,
	                             .pieces = (wish->rows + FEATURES_PIECE - 1) / FEATURES_PIECE};
	side.path = mem_text(wish->path, err);
	side.done = side.path ? mem_alloc(side.pieces, sizeof *side.done, err) : NULL;
	int code = side.done ? OK : err->code;
	if (code == OK && !comm_publishes())
		code = comm_barrier(err);
	if (code == OK)
		code = open_file(&side, err);
	if (code == OK)
		code = start_or_resume(&side, wish->identity, err);
	if (code == OK && comm_publishes())
		code = comm_barrier(err);
	if (code == OK)
		code = comm_broadcast(side.done, side.pieces * sizeof *side.done, 0, err);
	if (code == OK)
		*out = side;
	else
		features_side_close(&side);
	return code;
}

int features_side_gather(struct features_side *side, struct err *err)
{
	int code = features_side_checkpoint(side, err);
	if (code == OK)
		code = comm_barrier(err);
	if (code != OK || comm_size() == 1)
		return code;
	/* A network file system shows what others wrote to who opens a file after they have synced theirs. */
	close(side->file);
	return open_file(side, err);
}

void features_side_close(struct features_side *side)
{
	if (side->path && side->file >= 0)
		close(side->file);
	free(side->path);
	free(side->done);
	free(side->noted);
	*side = (struct features_side){0};
}

int features_side_write(struct features_side *side, size_t row, const struct features_row *about, const float *features,
                        struct err *err)
{
	struct iovec parts[2] = {{(void *)(uintptr_t)about, sizeof *about},
	                         {(void *)(uintptr_t)features, side->floats * sizeof *features}};
	int n_parts = about->crop == FEATURES_DROPPED ? 1 : 2;
	ssize_t size = (ssize_t)(parts[0].iov_len + (n_parts == 2 ? parts[1].iov_len : 0));
	errno = 0;
	if (pwritev(side->file, parts, n_parts, row_place(side, row)) != size)
		return err_errno(err, "%s: row %zu cannot be written; is there room?", side->path, row);
	return OK;
}

int features_side_read(const struct features_side *side, size_t row, struct features_row *about, float *features,
                       struct err *err)
{
	struct iovec parts[2] = {{about, sizeof *about}, {features, side->floats * sizeof *features}};
	ssize_t size = (ssize_t)(parts[0].iov_len + (features ? parts[1].iov_len : 0));
	errno = 0;
	if (preadv(side->file, parts, features ? 2 : 1, row_place(side, row)) != size)
		return err_errno(err, "%s: row %zu cannot be read back", side->path, row);
	return OK;
}

int features_side_note(struct features_side *side, size_t end, struct err *err)
{
	size_t piece = (end - 1) / FEATURES_PIECE;
	side->done[piece] = (uint8_t)(end - piece * FEATURES_PIECE);
	if (side->n_noted > 0 && side->noted[side->n_noted - 1] == piece)
		return OK;
	size_t *noted = mem_grow(side->noted, &side->noted_room, side->n_noted + 1, sizeof *noted, err);
	if (!noted)
		return err->code;
	side->noted = noted;
	side->noted[side->n_noted++] = piece;
	return OK;
}

/* The rows are on disk before the numbers that cover them. */
int features_side_checkpoint(struct features_side *side, struct err *err)
{
	if (fdatasync(side->file) != 0)
		return err_errno(err, "%s: cannot be synced to disk", side->path);
	for (size_t i = 0; i < side->n_noted; i++) {
		uint64_t done = side->done[side->noted[i]];
		errno = 0;
		if (pwrite(side->file, &done, sizeof done, piece_place(side, side->noted[i])) != (ssize_t)sizeof done)
			return err_errno(err, "%s: cannot be written; is there room?", side->path);
	}
	side->n_noted = 0;
	if (fdatasync(side->file) != 0)
		return err_errno(err, "%s: cannot be synced to disk", side->path);
	return OK;
}
