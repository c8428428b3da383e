/* Loaded with LD_PRELOAD: the monotonic clock runs twenty times as fast, so that short work takes long. */
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int (*real)(clockid_t, struct timespec *);
	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int code = real(clock, out);
	if (code == 0 && clock == CLOCK_MONOTONIC) {
		long nanoseconds = 20 * out->tv_nsec;
		out->tv_sec = 20 * out->tv_sec + nanoseconds / 1000000000;
		out->tv_nsec = nanoseconds % 1000000000;
	}
	return code;
}
