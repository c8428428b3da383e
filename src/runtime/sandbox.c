#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that was taken over through a hostile picture or request can do what its process may do. After the start
 * that is little: so the kernel is told, by a filter that no thread can take off again. What stands in no table fails
 * with EPERM; what only an attacker would call ends the process. */

/* The sanitizers look into the process with calls of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED                                                                                                      \
	(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer))
#else
#define SANITIZED false
#endif

/* There when the compiler counts which lines run (--coverage): such a program writes a file at its end. */
void __gcov_init(void *) __attribute__((weak));

static const int always[] = {
    /* connections that are there, or come to the listening socket */
    SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
    SCMP_SYS(pselect6),
    /* descriptors that are open */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
    /* memory and threads */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* signals, time, chance, facts of its own */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid),
    SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage),
    SCMP_SYS(uname), SCMP_SYS(sysinfo)};

/* A source on this machine is read as it goes, and fonts are found when the first box is drawn. */
static const int with_files[] = {SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
                                 SCMP_SYS(readlinkat), SCMP_SYS(stat),      SCMP_SYS(lstat),      SCMP_SYS(statx),
                                 SCMP_SYS(getdents64), SCMP_SYS(statfs),    SCMP_SYS(fstatfs),    SCMP_SYS(fadvise64),
                                 SCMP_SYS(getcwd)};

static const int deadly[] = {
    SCMP_SYS(execve),        SCMP_SYS(execveat),     SCMP_SYS(ptrace),           SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(bpf),      SCMP_SYS(io_uring_setup),   SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open), SCMP_SYS(keyctl),     SCMP_SYS(add_key),          SCMP_SYS(request_key),
    SCMP_SYS(mount),         SCMP_SYS(umount2),      SCMP_SYS(pivot_root),       SCMP_SYS(chroot),
    SCMP_SYS(unshare),       SCMP_SYS(setns),        SCMP_SYS(init_module),      SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),    SCMP_SYS(kexec_file_load), SCMP_SYS(open_by_handle_at), SCMP_SYS(pidfd_getfd)};

static const int file_controls[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC};

#define MASKED(argument, mask, value) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value)
#define EQUAL(argument, value) SCMP_CMP(argument, SCMP_CMP_EQ, value, 0)

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int failure = 0;
	for (size_t i = 0; i < count && failure == 0; i++)
		failure = seccomp_rule_add(filter, action, calls[i], 0);
	return failure;
}

/* No thread of this program wants a namespace of its own. */
#define CLONE_NAMESPACES                                                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Calls that are needed, and harmless only with some arguments. */
static int add_careful(scmp_filter_ctx filter)
{
	int failure = 0;
	/* With this flag a socket that is no longer connected, as a listening one after shutdown, is connected anew. */
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, MASKED(3, MSG_FASTOPEN, 0));
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1, MASKED(2, MSG_FASTOPEN, 0));
	/* Memory that holds code was mapped at the start; none is added. */
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, MASKED(2, PROT_EXEC, 0));
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, MASKED(2, PROT_EXEC, 0));
	/* Threads but no processes. What clone3 asks for lies in memory, where no filter can look; told that there is none,
	 * the C library takes clone. */
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	                            MASKED(0, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD));
	failure |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, EQUAL(0, PR_SET_NAME));
	/* abort() */
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, EQUAL(0, (scmp_datum_t)getpid()));
	/* Limits may be read, not set. */
	failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, EQUAL(2, 0));
	for (size_t i = 0; i < ARRAY_COUNT(file_controls); i++)
		failure |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
		                            EQUAL(1, (scmp_datum_t)file_controls[i]));
	return failure;
}

static int add_files(scmp_filter_ctx filter)
{
	int failure = add_all(filter, SCMP_ACT_ALLOW, with_files, ARRAY_COUNT(with_files));
	/* O_TRUNC and O_CREAT change a file even when it is opened to be read. */
	return failure | seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	                                  MASKED(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

/* A camera that comes back is opened again, to be read and written as V4L2 wants it; a filter sees no path. */
static int add_camera(scmp_filter_ctx filter)
{
	const scmp_datum_t flags = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK;
	int failure =
	    seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, MASKED(2, flags, O_RDWR | O_NONBLOCK));
	return failure | seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, MASKED(1, 0xFF00, 'V' << 8));
}

static int fill(scmp_filter_ctx filter, enum sandbox_need need)
{
	/* For all threads, also those that run; and no search through a list at each call. */
	int failure = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	failure |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	failure |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	failure |= add_all(filter, SCMP_ACT_ALLOW, always, ARRAY_COUNT(always));
	failure |= add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_COUNT(deadly));
	failure |= add_careful(filter);
	if (need != SANDBOX_CONNECTIONS)
		failure |= add_files(filter);
	if (need == SANDBOX_CAMERA)
		failure |= add_camera(filter);
	return failure;
}

bool sandbox_possible(void)
{
	return !SANITIZED && !__gcov_init;
}

int sandbox_enter(enum sandbox_need need, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failure = !filter ? -ENOMEM : fill(filter, need) ? -EINVAL : seccomp_load(filter);
	seccomp_release(filter);
	if (failure)
		return err_set(err, ERR_IO, "the kernel takes no filter of system calls (%s)",
		               strerror(failure < 0 ? -failure : failure));
	return OK;
}

int sandbox_start(const char *source, bool wanted, struct err *err)
{
	enum sandbox_need need = SANDBOX_FILES;
	if (!wanted || !sandbox_possible()) {
		log_warn("serve", "no filter of system calls: %s",
		         wanted ? "built with a sanitizer or for coverage" : "--no-sandbox");
		return OK;
	}
	if (!source || strcmp(source, "browser") == 0)
		need = SANDBOX_CONNECTIONS;
	else if (strncmp(source, "/dev/", 5) == 0)
		need = SANDBOX_CAMERA;
	return sandbox_enter(need, err) == OK ? OK : err_wrap(err, "serve: --no-sandbox starts without it");
}
