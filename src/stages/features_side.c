#include "stages/features_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the byte order and layout of the machine: a checkpoint is not carried to another one. */
struct header {
	char magic[24], identity[SHA256_HEX + 7];
	uint64_t floats, done;
};
static const char magic[24] = "moodcast features 1\n";

static off_t row_place(const struct features_side *side, size_t row)
{
	return (off_t)(sizeof(struct header) + row * (sizeof(struct features_row) + side->floats * sizeof(float)));
}

static bool read_header(int file, struct header *header)
{
	return pread(file, header, sizeof *header, 0) == (ssize_t)sizeof *header;
}

static int write_header(const struct features_side *side, const struct header *header, struct err *err)
{
	errno = 0;
	if (pwrite(side->file, header, sizeof *header, 0) != (ssize_t)sizeof *header)
		return err_errno(err, "%s: cannot be written; is there room?", side->path);
	return OK;
}

static int start_or_resume(struct features_side *side, const char *identity, struct err *err)
{
	struct header wanted = {.floats = side->floats}, found;
	memcpy(wanted.magic, magic, sizeof magic);
	snprintf(wanted.identity, sizeof wanted.identity, "%s", identity);
	if (read_header(side->file, &found)) {
		wanted.done = found.done;
		if (memcmp(&wanted, &found, sizeof found) == 0) {
			side->done = found.done;
			return OK;
		}
		wanted.done = 0;
	}
	if (ftruncate(side->file, 0) != 0)
		return err_errno(err, "%s: cannot be emptied", side->path);
	return write_header(side, &wanted, err);
}

int features_side_open(struct features_side *out, const char *path, const char *identity, size_t floats,
                       struct err *err)
{
	struct features_side side = {.floats = floats, .path = mem_text(path, err)};
	if (!side.path)
		return ERR_MEMORY;
	side.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (side.file < 0) {
		free(side.path);
		return err_errno(err, "%s: cannot be written", path);
	}
	int code = start_or_resume(&side, identity, err);
	if (code == OK)
		*out = side;
	else
		features_side_close(&side);
	return code;
}

void features_side_close(struct features_side *side)
{
	if (side->path)
		close(side->file);
	free(side->path);
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

int features_side_checkpoint(struct features_side *side, size_t done, struct err *err)
{
	struct header header;
	if (fdatasync(side->file) != 0 || !read_header(side->file, &header))
		return err_errno(err, "%s: cannot be synced to disk", side->path);
	header.done = done;
	int code = write_header(side, &header, err);
	if (code == OK)
		side->done = done;
	return code;
}
