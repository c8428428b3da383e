/* What the files of the report library share. */
#ifndef MOODCAST_REPORT_INTERNAL_H
#define MOODCAST_REPORT_INTERNAL_H

#include "report/report.h"

extern const char page_style[]; /* the CSS of the page */

/* Runs a program found on PATH with `input` as its standard input and no shell; adds its standard output to `out`.
 * ERR_IO with `remedy` when it is not there, with the first line of its standard error when it fails. */
int program_run(const char *const *arguments, const struct strbuf *input, const char *remedy, struct strbuf *out,
                struct err *err) MUST_CHECK;

/* ---- plot_labels.c ---- */

/* Points of a map in its own units (pixels, y upwards), with their names, the most important first. */
struct plot_points {
	const double *x, *y;
	const char *const *names;
	size_t count;
	double width, height; /* of the map */
};
struct plot_label {
	double x, y, width, height; /* the text's middle; its size, reckoned */
	bool shown;                 /* false: there is no room for it beside its point */
};
void plot_place_labels(const struct plot_points *points, struct plot_label *out);

/* ---- what classification.c and paired.c judge alike ---- */

#define PROBABILITY_FLOOR 1e-12
int classification_check(const struct judged *judged, struct err *err) MUST_CHECK;
size_t classification_verdict(const float *probabilities, size_t classes);
/* Sorts the draws; low and high of the 95 % interval. */
void classification_percentiles(double *drawn, size_t draws, struct interval *interval);

#endif
