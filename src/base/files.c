#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int read_stream(FILE *stream, const char *path, size_t limit, char **out, size_t *size, struct err *err)
{
	struct strbuf buf = {0};
	char block[1 << 16];
	strbuf_add_bytes(&buf, "", 0);
	for (size_t got; (got = fread(block, 1, sizeof block, stream)) > 0;) {
		strbuf_add_bytes(&buf, block, got);
		if (buf.length > limit || buf.failed)
			break;
	}
	int status = OK;
	if (ferror(stream))
		status = err_errno(err, "%s: reading failed", path);
	else if (buf.length > limit)
		status = err_set(err, ERR_DATA, "%s: larger than %zu bytes", path, limit);
	else
		status = strbuf_check(&buf, err);
	if (status != OK) {
		strbuf_free(&buf);
		return status;
	}
	*out = buf.text;
	*size = buf.length;
	return OK;
}

int file_read(const char *path, size_t limit, char **out, size_t *size, struct err *err)
{
	FILE *stream = path_is_folder(path) ? NULL : fopen(path, "rb");
	if (!stream)
		return path_is_folder(path) ? err_set(err, ERR_IO, "%s: is a folder, not a file", path)
		                            : err_errno(err, "%s: cannot be read", path);
	int status = read_stream(stream, path, limit, out, size, err);
	fclose(stream);
	return status;
}

int out_open(struct out_file *file, const char *path, struct err *err)
{
	*file = (struct out_file){0};
	file->path = mem_text(path, err);
	file->part = mem_format(err, "%s.part", path);
	if (!file->path || !file->part) {
		out_discard(file);
		return err->code;
	}
	file->stream = fopen(file->part, "wb");
	if (!file->stream) {
		err_errno(err, "%s: cannot be written", file->part);
		out_discard(file);
		return err->code;
	}
	return OK;
}

void out_discard(struct out_file *file)
{
	if (file->stream) {
		fclose(file->stream);
		unlink(file->part);
	}
	free(file->path);
	free(file->part);
	*file = (struct out_file){0};
}

int out_commit(struct out_file *file, struct err *err)
{
	int status = OK;
	if (fflush(file->stream) != 0 || ferror(file->stream) || fsync(fileno(file->stream)) != 0)
		status = err_errno(err, "%s: writing failed; is there room?", file->part);
	if (fclose(file->stream) != 0 && status == OK)
		status = err_errno(err, "%s: writing failed; is there room?", file->part);
	file->stream = NULL;
	if (status == OK && rename(file->part, file->path) != 0)
		status = err_errno(err, "%s: cannot be renamed to %s", file->part, file->path);
	if (status != OK)
		unlink(file->part);
	out_discard(file);
	return status;
}

int disk_free(const char *folder, uint64_t *out, struct err *err)
{
	struct statvfs info;
	if (statvfs(folder, &info) != 0)
		return err_errno(err, "%s: its free space cannot be asked for", folder);
	*out = (uint64_t)info.f_bavail * info.f_frsize;
	return OK;
}

int file_write(const char *path, const void *bytes, size_t size, struct err *err)
{
	struct out_file file;
	int status = out_open(&file, path, err);
	if (status != OK)
		return status;
	/* A short write is seen by out_commit. */
	(void)!fwrite(bytes, 1, size, file.stream);
	return out_commit(&file, err);
}

int file_commit(const char *path, struct err *err)
{
	char *part = mem_format(err, "%s.part", path);
	if (!part)
		return err->code;
	int status = OK, descriptor = open(part, O_RDWR | O_CLOEXEC);
	if (descriptor < 0)
		status = err_errno(err, "%s: cannot be opened", part);
	else if (fsync(descriptor) != 0)
		status = err_errno(err, "%s: writing failed; is there room?", part);
	if (descriptor >= 0)
		close(descriptor);
	if (status == OK && rename(part, path) != 0)
		status = err_errno(err, "%s: cannot be renamed to %s", part, path);
	if (status != OK)
		unlink(part);
	free(part);
	return status;
}
