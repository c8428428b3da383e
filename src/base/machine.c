/* What the machine is and how it is doing: clock, memory, CPU features, stop signals. */
#include "base/base.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

double clock_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

size_t peak_memory_bytes(void)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (size_t)usage.ru_maxrss * 1024;
}

static struct cpu_features features;

/* Before main, so that no thread ever sees it half filled. */
__attribute__((constructor)) static void cpu_features_read(void)
{
	__builtin_cpu_init();
	features.avx2 = __builtin_cpu_supports("avx2");
	features.fma = __builtin_cpu_supports("fma");
	/* Every CPU with AVX2 has F16C; gcc 12 and clang 14 do not know its name in this builtin alike. */
	features.f16c = features.avx2;
	features.avx512f = __builtin_cpu_supports("avx512f");
	features.avx512bw = __builtin_cpu_supports("avx512bw");
	features.avx512dq = __builtin_cpu_supports("avx512dq");
	features.avx512vl = __builtin_cpu_supports("avx512vl");
	features.avx512vnni = __builtin_cpu_supports("avx512vnni");
	features.level = CPU_BASELINE;
	if (features.avx2 && features.fma)
		features.level = CPU_AVX2;
	if (features.level == CPU_AVX2 && features.avx512f && features.avx512bw && features.avx512dq && features.avx512vl)
		features.level = CPU_AVX512;
#if defined(__x86_64__)
	if (features.level == CPU_AVX512) {
		unsigned eax = 7, ebx = 0, ecx = 0, edx = 0;
		__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
		features.avx512fp16 = (edx >> 23) & 1;
	}
#endif
	const char *lowered = getenv("MOODCAST_CPU");
	if (lowered && strcmp(lowered, "baseline") == 0)
		features.level = CPU_BASELINE;
	else if (lowered && strcmp(lowered, "avx2") == 0 && features.level > CPU_AVX2)
		features.level = CPU_AVX2;
}

const struct cpu_features *cpu_features(void)
{
	return &features;
}

const char *cpu_level_name(enum cpu_level level)
{
	return level == CPU_AVX512 ? "avx512" : level == CPU_AVX2 ? "avx2" : "baseline";
}

static volatile sig_atomic_t stop_signal;

static void on_stop(int signal_number)
{
	stop_signal = signal_number;
}

void signals_install(void)
{
	struct sigaction action = {.sa_handler = on_stop};
	sigemptyset(&action.sa_mask);
	/* A second Ctrl-C ends the program at once. */
	action.sa_flags = SA_RESETHAND;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool stop_requested(void)
{
	return stop_signal != 0;
}

int stop_check(const char *what, struct err *err)
{
	if (!stop_requested())
		return OK;
	return err_set(err, ERR_STOPPED, "%s: stopped by signal %d; run the same command again to go on", what,
	               (int)stop_signal);
}
