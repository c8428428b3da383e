/*
 * Loaded with LD_PRELOAD: the sockets that the program accepts at their most tiresome. Reading and writing gives one
 * byte at a time (a third of what is asked for after so many calls of a connection that a body of megabytes would never
 * end), and every fourth call fails, by turns with EINTR and with EAGAIN. Who waits for edges (epoll with EPOLLET) may
 * take a short answer for an empty or a full socket and wait for the next one; so the socket is armed anew after each,
 * as if the rest had come, or gone, a moment later. At the end "odd N" is written to stderr, N the calls that were
 * bent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SOCKETS 4096
#define BY_BYTES 65536 /* calls */
static struct {
	int accepted, waits, epoll; /* waits: `event` is armed in `epoll` */
	long calls;
	struct epoll_event event;
} sockets[SOCKETS];
static long turn, bent;

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int bendable(int fd)
{
	return fd >= 0 && fd < SOCKETS && __atomic_load_n(&sockets[fd].accepted, __ATOMIC_SEQ_CST);
}

static int taken(int fd)
{
	if (fd >= 0 && fd < SOCKETS) {
		sockets[fd].waits = 0;
		sockets[fd].calls = 0;
		__atomic_store_n(&sockets[fd].accepted, 1, __ATOMIC_SEQ_CST);
	}
	return fd;
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
	return taken(REAL(int, "accept", int, struct sockaddr *, socklen_t *)(fd, address, length));
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags)
{
	return taken(REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int)(fd, address, length, flags));
}

int close(int fd)
{
	if (fd >= 0 && fd < SOCKETS)
		__atomic_store_n(&sockets[fd].accepted, 0, __ATOMIC_SEQ_CST);
	return REAL(int, "close", int)(fd);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	if (bendable(fd)) {
		sockets[fd].waits = what != EPOLL_CTL_DEL;
		sockets[fd].epoll = epoll;
		if (event)
			sockets[fd].event = *event;
	}
	return REAL(int, "epoll_ctl", int, int, int, struct epoll_event *)(epoll, what, fd, event);
}

static void arm(int fd)
{
	int saved = errno;
	int (*control)(int, int, int, struct epoll_event *) = REAL(int, "epoll_ctl", int, int, int, struct epoll_event *);
	if (sockets[fd].waits)
		control(sockets[fd].epoll, EPOLL_CTL_MOD, fd, &sockets[fd].event);
	errno = saved;
}

static int refused(int fd)
{
	long now = __atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST);
	if (now % 4)
		return 0;
	__atomic_add_fetch(&bent, 1, __ATOMIC_SEQ_CST);
	errno = now % 8 ? EINTR : EAGAIN;
	arm(fd);
	return 1;
}

/* What is left of `count` bytes. */
static size_t few(int fd, size_t count)
{
	if (count < 2)
		return count;
	__atomic_add_fetch(&bent, 1, __ATOMIC_SEQ_CST);
	return __atomic_add_fetch(&sockets[fd].calls, 1, __ATOMIC_SEQ_CST) < BY_BYTES ? 1 : (count + 2) / 3;
}

static ssize_t armed(int fd, ssize_t done)
{
	arm(fd);
	return done;
}

ssize_t recv(int fd, void *bytes, size_t count, int flags)
{
	ssize_t (*real)(int, void *, size_t, int) = REAL(ssize_t, "recv", int, void *, size_t, int);
	if (!bendable(fd))
		return real(fd, bytes, count, flags);
	return refused(fd) ? -1 : armed(fd, real(fd, bytes, few(fd, count), flags));
}

ssize_t read(int fd, void *bytes, size_t count)
{
	ssize_t (*real)(int, void *, size_t) = REAL(ssize_t, "read", int, void *, size_t);
	if (!bendable(fd))
		return real(fd, bytes, count);
	return refused(fd) ? -1 : armed(fd, real(fd, bytes, few(fd, count)));
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) = REAL(ssize_t, "send", int, const void *, size_t, int);
	if (!bendable(fd))
		return real(fd, bytes, count, flags);
	return refused(fd) ? -1 : armed(fd, real(fd, bytes, few(fd, count), flags));
}

ssize_t write(int fd, const void *bytes, size_t count)
{
	ssize_t (*real)(int, const void *, size_t) = REAL(ssize_t, "write", int, const void *, size_t);
	if (!bendable(fd))
		return real(fd, bytes, count);
	return refused(fd) ? -1 : armed(fd, real(fd, bytes, few(fd, count)));
}

/* Some bytes of the first of several blocks. */
static struct iovec first_bytes(int fd, const struct iovec *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (blocks[i].iov_len)
			return (struct iovec){blocks[i].iov_base, few(fd, blocks[i].iov_len)};
	return (struct iovec){0};
}

ssize_t writev(int fd, const struct iovec *blocks, int count)
{
	ssize_t (*real)(int, const struct iovec *, int) = REAL(ssize_t, "writev", int, const struct iovec *, int);
	if (!bendable(fd))
		return real(fd, blocks, count);
	struct iovec one = first_bytes(fd, blocks, (size_t)count);
	return refused(fd) ? -1 : armed(fd, real(fd, &one, 1));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) = REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
	if (!bendable(fd))
		return real(fd, message, flags);
	struct iovec one = first_bytes(fd, message->msg_iov, message->msg_iovlen);
	struct msghdr shorter = *message;
	shorter.msg_iov = &one;
	shorter.msg_iovlen = 1;
	return refused(fd) ? -1 : armed(fd, real(fd, &shorter, flags));
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t count)
{
	ssize_t (*real)(int, int, off64_t *, size_t) = REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
	if (!bendable(to))
		return real(to, from, at, count);
	return refused(to) ? -1 : armed(to, real(to, from, at, few(to, count)));
}

__attribute__((destructor)) static void tell(void)
{
	char line[32];
	int length = snprintf(line, sizeof line, "odd %ld\n", bent);
	if (write(2, line, (size_t)length) < 0)
		_exit(99);
}
