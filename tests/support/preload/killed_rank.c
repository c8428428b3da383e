/*
 * Loaded with LD_PRELOAD into one rank: once the file KILL_FILE has become another than it was when the program
 * started, it is killed (SIGKILL) while it waits for the others (KILL=wait), or as it writes its N-th row of features
 * (KILL=row:N).
 */
#include <dlfcn.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct stat before;
static long rows;

__attribute__((constructor)) static void look(void)
{
	const char *file = getenv("KILL_FILE");
	if (!file || stat(file, &before) != 0)
		before = (struct stat){0};
}

static void die(const char *moment)
{
	struct stat now;
	const char *file = getenv("KILL_FILE"), *wish = getenv("KILL");
	if (!file || !wish || strcmp(wish, moment) != 0 || stat(file, &now) != 0)
		return;
	if (now.st_ino != before.st_ino || now.st_size != before.st_size || now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
		kill(getpid(), SIGKILL);
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status)
{
	die("wait");
	return PMPI_Test(request, done, status);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	char moment[32];
	snprintf(moment, sizeof moment, "row:%ld", __atomic_add_fetch(&rows, 1, __ATOMIC_SEQ_CST));
	die(moment);
	return ((ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "pwritev"))(fd, parts, count, at);
}
