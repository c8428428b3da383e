/* Each call is tried in a child of its own, which has put the filter over itself: what it ended with is what the kernel
 * did. */
#include "bundle_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum outcome { DONE = 0, REFUSED = 1, OTHER = 2, NO_FILTER = 3, KILLED = 100 };

static char *folder;
static int unconnected; /* a socket as a listening one becomes by shutdown */
static struct sockaddr_in elsewhere;

static enum outcome of(long result)
{
	return result >= 0 ? DONE : errno == EPERM ? REFUSED : OTHER;
}

/* What `call` ends with under the filter. */
static enum outcome tried(enum sandbox_need need, enum outcome (*call)(void))
{
	int state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err err = {0};
		const struct rlimit none = {0};
		setrlimit(RLIMIT_CORE, &none);
		_exit(sandbox_enter(need, &err) == OK ? (int)call() : NO_FILTER);
	}
	assert_int_equal(waitpid(child, &state, 0), child);
	if (WIFSIGNALED(state) && WTERMSIG(state) == SIGSYS)
		return KILLED;
	assert_true(WIFEXITED(state));
	return (enum outcome)WEXITSTATUS(state);
}

struct trial {
	const char *name;
	enum outcome (*call)(void);
	enum outcome connections, files, camera;
};

static const char *file(void)
{
	return scratch_path(folder, "cascade.xml");
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

static enum outcome run_a_program(void)
{
	char *const words[] = {(char *)(uintptr_t) "/bin/true", NULL};
	return of(execv(words[0], words));
}
static enum outcome trace(void)
{
	return of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static enum outcome read_the_parent(void)
{
	return of(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static enum outcome new_user_namespace(void)
{
	return of(syscall(SYS_unshare, 0x10000000));
}
static enum outcome internet_socket(void)
{
	return of(socket(AF_INET, SOCK_STREAM, 0));
}
static enum outcome unix_socket(void)
{
	return of(socket(AF_UNIX, SOCK_STREAM, 0));
}
static enum outcome netlink_socket(void)
{
	return of(socket(AF_NETLINK, SOCK_RAW, 0));
}
static enum outcome new_process(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return of(child);
}
static enum outcome signal_the_parent(void)
{
	return of(kill(getppid(), 0));
}
static enum outcome open_to_read(void)
{
	return of(open(file(), O_RDONLY | O_CLOEXEC));
}
static enum outcome open_to_write(void)
{
	return of(open(file(), O_WRONLY));
}
static enum outcome open_to_cut(void)
{
	return of(open(file(), O_RDONLY | O_TRUNC));
}
static enum outcome make_a_file(void)
{
	return of(open(scratch_path(folder, "new"), O_RDONLY | O_CREAT, 0600));
}
static enum outcome make_a_nameless_file(void)
{
	return of(open(folder, O_TMPFILE | O_RDWR, 0600));
}
static enum outcome open_as_a_camera(void)
{
	return of(open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC));
}
static enum outcome remove_a_file(void)
{
	return of(unlink(file()));
}
static enum outcome rename_a_file(void)
{
	return of(rename(file(), file()));
}
static enum outcome make_a_folder(void)
{
	return of(mkdir(scratch_path(folder, "made"), 0700));
}
static enum outcome change_rights(void)
{
	return of(chmod(file(), 0777));
}
static enum outcome map_code(void)
{
	return of(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}
static enum outcome turn_memory_into_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page == MAP_FAILED ? OTHER : of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static enum outcome type_into_the_terminal(void)
{
	return of(ioctl(0, TIOCSTI, "x"));
}
/* Standard input is no camera, so a call that passes the filter fails otherwise. */
static enum outcome ask_a_camera(void)
{
	struct v4l2_capability capability;
	return of(ioctl(0, VIDIOC_QUERYCAP, &capability));
}
static enum outcome raise_a_limit(void)
{
	const struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
	return of(setrlimit(RLIMIT_NOFILE, &limit));
}
static enum outcome become_dumpable(void)
{
	return of(prctl(PR_SET_DUMPABLE, 1));
}
/* Both would connect while they send. */
static enum outcome send_to_elsewhere(void)
{
	return of(
	    sendto(unconnected, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&elsewhere, sizeof(elsewhere)));
}
static enum outcome send_a_message_elsewhere(void)
{
	struct iovec byte = {.iov_base = (char[]){'x'}, .iov_len = 1};
	const struct msghdr message = {
	    .msg_name = &elsewhere, .msg_namelen = sizeof(elsewhere), .msg_iov = &byte, .msg_iovlen = 1};
	return of(sendmsg(unconnected, &message, MSG_FASTOPEN | MSG_NOSIGNAL));
}
/* The kernel itself takes no thread with signal handlers of its own (EINVAL), so none is made where the filter lets
 * this pass. */
static enum outcome thread_in_a_namespace(void)
{
	return of(syscall(SYS_clone, CLONE_THREAD | CLONE_NEWNET, NULL, NULL, NULL, NULL));
}
static enum outcome listen_elsewhere(void)
{
	return of(listen(0, 1));
}

static const struct trial trials[] = {
    {"execve", run_a_program, KILLED, KILLED, KILLED},
    {"ptrace", trace, KILLED, KILLED, KILLED},
    {"process_vm_readv", read_the_parent, KILLED, KILLED, KILLED},
    {"unshare", new_user_namespace, KILLED, KILLED, KILLED},
    {"socket AF_INET", internet_socket, REFUSED, REFUSED, REFUSED},
    {"socket AF_UNIX", unix_socket, REFUSED, REFUSED, REFUSED},
    {"socket AF_NETLINK", netlink_socket, REFUSED, REFUSED, REFUSED},
    {"fork", new_process, REFUSED, REFUSED, REFUSED},
    {"kill", signal_the_parent, REFUSED, REFUSED, REFUSED},
    {"open to read", open_to_read, REFUSED, DONE, DONE},
    {"open to write", open_to_write, REFUSED, REFUSED, REFUSED},
    {"open to cut", open_to_cut, REFUSED, REFUSED, REFUSED},
    {"open to make", make_a_file, REFUSED, REFUSED, REFUSED},
    {"open without a name", make_a_nameless_file, REFUSED, REFUSED, REFUSED},
    {"open as a camera", open_as_a_camera, REFUSED, REFUSED, DONE},
    {"unlink", remove_a_file, REFUSED, REFUSED, REFUSED},
    {"rename", rename_a_file, REFUSED, REFUSED, REFUSED},
    {"mkdir", make_a_folder, REFUSED, REFUSED, REFUSED},
    {"chmod", change_rights, REFUSED, REFUSED, REFUSED},
    {"mmap of code", map_code, REFUSED, REFUSED, REFUSED},
    {"mprotect to code", turn_memory_into_code, REFUSED, REFUSED, REFUSED},
    {"ioctl TIOCSTI", type_into_the_terminal, REFUSED, REFUSED, REFUSED},
    {"ioctl VIDIOC_QUERYCAP", ask_a_camera, REFUSED, REFUSED, OTHER},
    {"setrlimit", raise_a_limit, REFUSED, REFUSED, REFUSED},
    {"prctl PR_SET_DUMPABLE", become_dumpable, REFUSED, REFUSED, REFUSED},
    {"sendto that connects", send_to_elsewhere, REFUSED, REFUSED, REFUSED},
    {"sendmsg that connects", send_a_message_elsewhere, REFUSED, REFUSED, REFUSED},
    {"clone into a namespace", thread_in_a_namespace, REFUSED, REFUSED, REFUSED},
    {"listen", listen_elsewhere, REFUSED, REFUSED, REFUSED},
};

static void need_filter(void)
{
	if (!sandbox_possible())
		skip();
}

static void what_a_server_does_not_need_is_refused_or_deadly(void **state)
{
	(void)state;
	need_filter();
	for (size_t i = 0; i < ARRAY_COUNT(trials); i++) {
		const struct trial *trial = &trials[i];
		const enum outcome wanted[] = {trial->connections, trial->files, trial->camera};
		for (int need = SANDBOX_CONNECTIONS; need <= SANDBOX_CAMERA; need++) {
			enum outcome got = tried((enum sandbox_need)need, trial->call);
			if (got != wanted[need])
				fail_msg("%s, need %d: %d, expected %d", trial->name, need, (int)got, (int)wanted[need]);
		}
	}
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

static int gate[2];

static void *open_later(void *result)
{
	char byte;
	if (read(gate[0], &byte, 1) == 1)
		*(enum outcome *)result = open_to_write();
	return NULL;
}

/* A thread that ran before the filter was there. */
static int child_with_an_old_thread(void)
{
	struct err err = {0};
	pthread_t thread;
	enum outcome result = OTHER;
	if (pipe(gate) != 0 || pthread_create(&thread, NULL, open_later, &result) != 0)
		return OTHER;
	if (sandbox_enter(SANDBOX_CONNECTIONS, &err) != OK)
		return NO_FILTER;
	if (write(gate[1], "x", 1) != 1 || pthread_join(thread, NULL) != 0)
		return OTHER;
	return (int)result;
}

static void threads_that_already_ran_are_under_the_filter_too(void **state)
{
	(void)state;
	int status;
	need_filter();
	pid_t child = fork();
	if (child == 0)
		_exit(child_with_an_old_thread());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), REFUSED);
}

static void *nothing(void *context)
{
	return context;
}

static enum outcome threads_memory_and_time(void)
{
	pthread_t thread;
	size_t sum = 0;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
		return OTHER;
#pragma omp parallel num_threads(3) reduction(+ : sum)
	sum += (size_t)omp_get_num_threads();
	char *large = malloc(64 << 20);
	if (sum != 9 || !large)
		return OTHER;
	memset(large, 1, 64 << 20);
	free(large);
	usleep(1000);
	return clock_seconds() > 0 ? DONE : OTHER;
}

static void threads_memory_and_time_go_on(void **state)
{
	(void)state;
	need_filter();
	assert_int_equal(tried(SANDBOX_CONNECTIONS, threads_memory_and_time), DONE);
}

/* Somebody listens at `elsewhere`, so that only the filter keeps `unconnected` from it. */
static void open_sockets(void)
{
	socklen_t size = sizeof(elsewhere);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	elsewhere = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(listener, (struct sockaddr *)&elsewhere, size), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&elsewhere, &size), 0);
	assert_int_equal(listen(listener, 100), 0);
	unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(listen(unconnected, 1), 0);
	assert_int_equal(shutdown(unconnected, SHUT_RDWR), 0);
}

static int setup(void **state)
{
	(void)state;
	open_sockets();
	folder = scratch_new();
	fixture_cascade(scratch_path(folder, "cascade.xml"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_server_does_not_need_is_refused_or_deadly),
	    cmocka_unit_test(threads_that_already_ran_are_under_the_filter_too),
	    cmocka_unit_test(threads_memory_and_time_go_on),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
