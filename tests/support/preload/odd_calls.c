/*
 * Loaded with LD_PRELOAD: the kernel at its most tiresome, always within what POSIX allows. Which of it is told by ODD,
 * words among
 *   short   read and pread of files give a few bytes of what was asked for, three times of four
 *           (sockets: odd_sockets.c)
 *   eintr   every fourth of these calls fails with EINTR first
 *   clock   time, gettimeofday and clock_gettime(CLOCK_REALTIME) step by hours, back and forth, at every call
 * At the end "odd N" is written to stderr, N the calls that were bent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long turn, bent;

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int wanted(const char *word)
{
	const char *words = getenv("ODD");
	return words && strstr(words, word) != NULL;
}

/* Pipes and devices are left alone: between programs of a test, bytes may stand for more than bytes. */
static int bendable(int fd)
{
	struct stat facts;
	int saved = errno;
	int result = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
	errno = saved;
	return result;
}

static int interrupted(int fd)
{
	if (!wanted("eintr") || !bendable(fd) || __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) % 4)
		return 0;
	__atomic_add_fetch(&bent, 1, __ATOMIC_RELAXED);
	errno = EINTR;
	return 1;
}

/* 1 … 7 bytes, or a part of what is large, so that a file of megabytes still ends. */
static size_t shortened(int fd, size_t count)
{
	long now = __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED);
	if (count < 2 || now % 4 == 0 || !wanted("short") || !bendable(fd))
		return count;
	__atomic_add_fetch(&bent, 1, __ATOMIC_RELAXED);
	size_t few = count > 4096 ? count / 3 : 1 + (size_t)now % 7;
	return few < count ? few : count - 1;
}

ssize_t read(int fd, void *bytes, size_t count)
{
	return interrupted(fd) ? -1 : REAL(ssize_t, "read", int, void *, size_t)(fd, bytes, shortened(fd, count));
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at)
{
	return interrupted(fd) ? -1
	                       : REAL(ssize_t, "pread", int, void *, size_t, off_t)(fd, bytes, shortened(fd, count), at);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at)
{
	return interrupted(fd)
	           ? -1
	           : REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, bytes, shortened(fd, count), at);
}

static time_t step(void)
{
	static const time_t steps[] = {0, -7200, 86400, -31536000, 3600};
	__atomic_add_fetch(&bent, 1, __ATOMIC_RELAXED);
	return steps[(size_t)__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) % (sizeof steps / sizeof steps[0])];
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int code = REAL(int, "clock_gettime", clockid_t, struct timespec *)(clock, out);
	if (code == 0 && clock == CLOCK_REALTIME && wanted("clock"))
		out->tv_sec += step();
	return code;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	int code = REAL(int, "gettimeofday", struct timeval *, void *)(out, zone);
	if (code == 0 && wanted("clock"))
		out->tv_sec += step();
	return code;
}

time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

__attribute__((destructor)) static void tell(void)
{
	char line[32];
	int length = snprintf(line, sizeof line, "odd %ld\n", bent);
	if (write(2, line, (size_t)length) < 0)
		_exit(99);
}
