/* What the files of the report library share. */
#ifndef MOODCAST_REPORT_INTERNAL_H
#define MOODCAST_REPORT_INTERNAL_H

#include "report/report.h"

extern const char page_style[]; /* the CSS of the page */

/* Runs a program found on PATH with `input` as its standard input and no shell; adds its standard output to `out`.
 * ERR_IO with `remedy` when it is not there, with the first line of its standard error when it fails. */
int program_run(const char *const *arguments, const struct strbuf *input, const char *remedy, struct strbuf *out,
                struct err *err) MUST_CHECK;

#endif
