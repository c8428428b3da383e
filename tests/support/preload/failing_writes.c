/*
 * Loaded with LD_PRELOAD: the n-th write (write, pwrite, pwritev, as the C library's own streams make them too where
 * they come through these names; fwrite and fflush are counted as such) or the n-th fsync or fdatasync to a file below
 * FAIL_UNDER, or the n-th rename to a name there, fails as on a full or dying disk. FAIL=write:N, fsync:N or rename:N;
 * kill:N kills the process at that write. With FAIL_COUNT=FILE the calls are counted there instead.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long writes, syncs, renames;

static int below(const char *path)
{
	const char *folder = getenv("FAIL_UNDER");
	/* The log may be lost without a word. */
	return folder && strncmp(path, folder, strlen(folder)) == 0 && !strstr(path, "log.jsonl");
}

static int under(int fd)
{
	char link[64], path[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	path[length < 0 ? 0 : length] = '\0';
	return below(path);
}

/* `here`: is it a file of those that may fail? */
static int counted(int here, const char *kind, long *count)
{
	const char *wish = getenv("FAIL");
	size_t length = strlen(kind);
	if (here && *kind == 'w' && wish && strncmp(wish, "kill:", 5) == 0 && *count + 1 == atol(wish + 5))
		raise(SIGKILL);
	return here && __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) && wish && strncmp(wish, kind, length) == 0 &&
	       wish[length] == ':' && atol(wish + length + 1) == *count;
}

static int fails(int fd, const char *kind, long *count)
{
	int saved = errno, now = counted(under(fd), kind, count);
	errno = saved;
	return now;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *bytes, size_t count)
{
	if (fails(fd, "write", &writes)) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	if (fails(fd, "write", &writes)) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
	if (fails(fd, "write", &writes)) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	if (fails(fd, "write", &writes)) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t)(fd, parts, count, at);
}

/* Streams write inside the C library, past any shim: what a failed flush there leads to is had by pointing the stream
 * at /dev/full. */
int fflush(FILE *stream)
{
	if (stream && fails(fileno(stream), "write", &writes)) {
		int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
		if (full >= 0) {
			dup2(full, fileno(stream));
			close(full);
		}
		if (REAL(int, "fflush", FILE *)(stream) == 0) {
			errno = ENOSPC;
			return EOF;
		}
		return EOF;
	}
	return REAL(int, "fflush", FILE *)(stream);
}

int fsync(int fd)
{
	if (fails(fd, "fsync", &syncs)) {
		errno = EIO;
		return -1;
	}
	return REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd)
{
	if (fails(fd, "fsync", &syncs)) {
		errno = EIO;
		return -1;
	}
	return REAL(int, "fdatasync", int)(fd);
}

int rename(const char *from, const char *to)
{
	if (counted(below(to), "rename", &renames)) {
		errno = EIO;
		return -1;
	}
	return REAL(int, "rename", const char *, const char *)(from, to);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("FAIL_COUNT");
	FILE *file = path ? fopen(path, "w") : NULL;
	if (file) {
		fprintf(file, "%ld %ld %ld\n", writes, syncs, renames);
		fclose(file);
	}
}
