/*
 * report: figures of merit, plots and a page that shows them.
 *
 * Classification metrics with intervals over persons, plots drawn by gnuplot as SVG, and a writer of one self-contained
 * HTML file. Depends on: base, io (JSON), gnuplot (a program, run without a shell). Knows nothing of stages, faces or
 * songs: it gets numbers and texts. Nothing here prints or reads the clock; the same input gives the same bytes.
 */
#ifndef MOODCAST_REPORT_H
#define MOODCAST_REPORT_H

#include "base/base.h"
#include "io/io.h"

/* ---- classification metrics -------------------------------------------------------------- */

struct judged {
	size_t n, classes;
	const int32_t *truth;       /* [n], each in [0, classes) */
	const float *probabilities; /* [n][classes], rows sum to 1; the verdict is the largest, ties to the smaller class */
	const size_t *person;       /* [n] number of the person in [0, persons) */
	size_t persons;
	size_t draws; /* of the bootstrap */
	uint64_t seed;
};
struct interval {
	double value, low, high; /* low … high: 95 % */
};
struct class_score {
	size_t support, predicted, hits;
	double precision, recall, f1; /* 0 where a denominator is 0 */
	struct interval precision_limits, recall_limits, f1_limits;
	double auc; /* area under the ROC curve, this class against the rest; NaN when one of both is empty */
};
#define RELIABILITY_BINS 10
struct reliability {
	size_t n;
	double confidence, right; /* means over the bin; 0 when empty */
};
struct classification {
	size_t n, classes, persons;
	struct class_score *scores; /* [classes] */
	size_t *confusion;          /* [truth][verdict] */
	struct interval balanced;   /* mean recall of the classes that occur */
	struct interval accuracy;
	double macro_f1, log_loss; /* log_loss: mean −ln p[truth], p ≥ 1e-12 */
	double brier;              /* mean Σ (p − onehot)² */
	double majority, chance;   /* accuracy of always naming the most frequent class; 1 / classes that occur */
	struct reliability bins[RELIABILITY_BINS]; /* of the largest probability */
	double calibration;        /* expected calibration error, ten equal bins of the largest probability */
};
/* Intervals by the percentile bootstrap over persons: whole persons are drawn with replacement, since a person's
 * pictures are no independent samples (Efron & Tibshirani 1993). ERR_DATA: nothing to judge, or a number out of range.
 */
int classification_measure(struct classification *out, const struct judged *judged, struct err *err) MUST_CHECK;
void classification_free(struct classification *classification); /* leaves it zeroed */
/* Adds every figure to an object; `names` are the classes'. */
void classification_to_json(const struct classification *classification, char *const *names, struct json *object);

/* The same people judged by two classifiers: how much larger each figure of `second` is, with its 95 % interval by the
 * paired bootstrap over people. persons, classes and their numbers are the same in both, and each person has a picture
 * in both; how many, and what is said of them, need not be the same. `draws` (at least 2) and `seed` are first's. An
 * interval that does not hold 0 is a difference larger than noise. */
enum paired_figure {
	PAIRED_BALANCED,
	PAIRED_ACCURACY,
	PAIRED_MACRO_F1,
	PAIRED_LOG_LOSS,
	PAIRED_CALIBRATION,
	PAIRED_COUNT
};
int classification_paired(const struct judged *first, const struct judged *second, struct interval out[PAIRED_COUNT],
                          struct err *err) MUST_CHECK;

/* ---- plots ---------------------------------------------------------------------------------- */

enum plot_style { PLOT_LINE, PLOT_LINE_POINTS, PLOT_POINTS, PLOT_BARS };
struct plot_series {
	const char *name; /* NULL = not in the legend */
	enum plot_style style;
	const double *x, *y; /* points that are not finite are left out; x unused for bars */
	size_t count;
};
#define PLOT_MAX_SERIES 8
struct plot {
	const char *title, *x_label, *y_label; /* the title is for screen readers; the page has its caption */
	const char *const *ticks;              /* names below the bars; NULL = numbers */
	struct plot_series series[PLOT_MAX_SERIES];
	size_t n_series;
	bool log_x, log_y;
	const char *const
	    *labels; /* a map of one series: a text beside each point where there is room, the first first; NULL = none */
	bool large; /* twice as wide and high, without numbers on the axes: a map */
	double y_low, y_high; /* both 0 = from the data; bars always start at 0 */
};
/* Runs gnuplot and adds its SVG to `out`: axes and text in the colour of the text around it, series in colours that are
 * told apart by the colour-blind and readable on light and dark. ERR_IO with the name of the package when there is no
 * gnuplot. */
int plot_draw(const struct plot *plot, struct strbuf *out, struct err *err) MUST_CHECK;

/* ---- numbers as people read them ---------------------------------------------------------------- */

/* Each writes into one of eight rotating buffers of the thread. "–" for what is not finite. */
const char *show_share(double share);     /* 0.9314 → "93.1 %" */
const char *show_number(double number);   /* three significant digits: 0.0123, 4.57, 812, 12,300 */
const char *show_count(double count);     /* 115071 → "115,071" */
const char *show_bytes(double bytes);     /* "58.9 MB" */
const char *show_seconds(double seconds); /* "0.4 s", "12 s", "3 min 20 s", "2 h 05 min" */

/* ---- the page -------------------------------------------------------------------------------------- */

/* Everything is added to `body`; a failed add shows in page_finish. Text is escaped unless a name says html. */
struct page {
	struct strbuf body;
	size_t table_columns;    /* of the table under way */
	uint64_t number_columns; /* bit i: column i holds numbers */
};
void page_section(struct page *page, const char *id, const char *title);
void page_heading(struct page *page, const char *title);
void page_paragraph(struct page *page, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A note that stands out: what to distrust. */
void page_warning(struct page *page, const char *text);
void page_list_start(struct page *page);
void page_list_item(struct page *page, const char *text);
void page_list_end(struct page *page);
/* Large figures side by side. */
void page_tiles_start(struct page *page);
void page_tile(struct page *page, const char *figure, const char *label, const char *note);
void page_tiles_end(struct page *page);
/* A header that starts with '#' stands over numbers, which end at the right. Wide tables scroll
 * inside themselves. The first cell of a row is its header. */
void page_table_start(struct page *page, const char *caption, const char *const *columns, size_t count);
void page_table_row(struct page *page, const char *const *cells);
/* As page_table_row, for a row that stands out (the winner, the total). */
void page_table_row_strong(struct page *page, const char *const *cells);
void page_table_end(struct page *page);
/* counts [n][n], rows = truth; cells are shaded by their share of the row. */
void page_confusion(struct page *page, char *const *names, const double *counts, size_t n);
/* Figures stand side by side where there is room. */
void page_figures_start(struct page *page);
int page_figure(struct page *page, const struct plot *plot, const char *caption, struct err *err) MUST_CHECK;
void page_figures_end(struct page *page);
/* A picture inside the page. Small ones stand in a grid of their own. */
struct page_picture {
	const void *bytes; /* of a JPEG or PNG file */
	size_t size;
	const char *alt, *caption;
	bool large; /* as wide as the page */
};
void page_pictures_start(struct page *page);
int page_picture(struct page *page, const struct page_picture *picture, struct err *err) MUST_CHECK;
void page_pictures_end(struct page *page);
/* Tables between them stand side by side where there is room. */
void page_columns_start(struct page *page);
void page_columns_end(struct page *page);
void page_html(struct page *page, const char *html); /* as it is */
void html_escape(struct strbuf *out, const char *text);
/* Writes the file, whole or not at all: head with the styles, title, navigation over the sections, the body. */
int page_finish(const struct page *page, const char *title, const char *path, struct err *err) MUST_CHECK;
void page_free(struct page *page);

#endif
