/* app: what both programs do first and last. Only here a process is started again or ended. */
#ifndef MOODCAST_APP_H
#define MOODCAST_APP_H

#include "base/base.h"

/* Installs the stop signals; where OpenBLAS took kernels far below this CPU, sets OPENBLAS_CORETYPE and starts the same
 * program again, once. Returns OK, also when that is not possible. */
int app_start(char **argv);
/* Flushes stdout, so that a full disk is an error; prints "error: …" for a failure; returns the exit code. */
int app_finish(const struct err *err);
/* Version, compiler, libraries, BLAS core and CPU, to stdout. */
void app_print_version(const char *program);

#endif
