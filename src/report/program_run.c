/*
 * Another program as a function from bytes to bytes: files in memory instead of pipes, so neither side can wait for the
 * other.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/report_internal.h"

extern char **environ;

enum { STREAM_IN, STREAM_OUT, STREAM_ERROR, STREAM_COUNT };

static int write_all(int fd, const char *bytes, size_t count, struct err *err)
{
	while (count) {
		ssize_t done = write(fd, bytes, count);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_errno(err, "cannot write to memory");
		bytes += done;
		count -= (size_t)done;
	}
	return lseek(fd, 0, SEEK_SET) == 0 ? OK : err_errno(err, "cannot rewind");
}

static int read_all(int fd, struct strbuf *out, struct err *err)
{
	char chunk[16384];
	ssize_t got;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_errno(err, "cannot rewind");
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "cannot read from memory");
		strbuf_add_bytes(out, chunk, (size_t)got);
	}
	return strbuf_check(out, err);
}

static int spawn(const char *const *arguments, const int *streams, const char *remedy, pid_t *pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	int code = posix_spawn_file_actions_init(&actions);

	if (code != 0)
		return err_set(err, ERR_MEMORY, "%s: %s", arguments[0], strerror(code));
	for (int i = 0; i < STREAM_COUNT && code == 0; i++)
		code = posix_spawn_file_actions_adddup2(&actions, streams[i], i);
	if (code == 0)
		code = posix_spawnp(pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code == ENOENT)
		return err_set(err, ERR_IO, "%s is not installed; %s", arguments[0], remedy);
	return code ? err_set(err, ERR_IO, "%s: %s", arguments[0], strerror(code)) : OK;
}

/* Its exit code, told with the first line that it wrote to standard error. */
static int finish(const char *name, pid_t pid, int error_stream, struct err *err)
{
	struct strbuf said = {0};
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "%s", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	if (read_all(error_stream, &said, err) == OK) {
		const char *text = said.text ? said.text + strspn(said.text, "\n ") : "";
		err_set(err, ERR_IO, "%s failed (status %d): %.*s", name, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		        (int)strcspn(text, "\n"), text);
	}
	strbuf_free(&said);
	return err->code;
}

int program_run(const char *const *arguments, const struct strbuf *input, const char *remedy, struct strbuf *out,
                struct err *err)
{
	int streams[STREAM_COUNT] = {-1, -1, -1}, code = OK;
	pid_t pid;

	for (int i = 0; i < STREAM_COUNT && code == OK; i++) {
		streams[i] = memfd_create(arguments[0], MFD_CLOEXEC);
		if (streams[i] < 0)
			code = err_errno(err, "%s: no file in memory", arguments[0]);
	}
	if (code == OK)
		code = write_all(streams[STREAM_IN], input->text ? input->text : "", input->length, err);
	if (code == OK)
		code = spawn(arguments, streams, remedy, &pid, err);
	if (code == OK)
		code = finish(arguments[0], pid, streams[STREAM_ERROR], err);
	if (code == OK)
		code = read_all(streams[STREAM_OUT], out, err);
	for (int i = 0; i < STREAM_COUNT; i++)
		if (streams[i] >= 0)
			close(streams[i]);
	return code;
}
