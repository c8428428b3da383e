#include "app/app.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num/num.h"

int app_start(char **argv)
{
	const char *core = blas_better_core();
	if (core && !getenv("OPENBLAS_CORETYPE")) {
		setenv("OPENBLAS_CORETYPE", core, 1);
		/* On failure this process goes on with the slower kernels; `version` shows which. */
		execv("/proc/self/exe", argv);
		log_warn("moodcast", "could not start again with OPENBLAS_CORETYPE=%s; matrix products will be slow", core);
	}
	signals_install();
	return OK;
}

int app_finish(const struct err *err)
{
	int code = err->code;
	if (code != OK)
		fprintf(stderr, "error: %s\n", err->text);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "error: standard output cannot be written; is there room?\n");
		code = code != OK ? code : ERR_IO;
	}
	return code;
}

void app_print_version(const char *program)
{
	printf("%s %s\n", program, MOODCAST_VERSION);
	printf("compiler  %s\n", __VERSION__);
	printf("blas      %s, core %s\n", blas_version(), blas_core());
	printf("cpu       %s\n", cpu_level_name(cpu_features()->level));
	printf("threads   %d\n", thread_count(0));
}
