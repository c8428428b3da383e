/* Shared inside vision: building a model, integral pictures, evaluating windows, and the parts of the trainer. */
#ifndef MOODCAST_VISION_INTERNAL_H
#define MOODCAST_VISION_INTERNAL_H

#include "vision/vision.h"

/* ---- building a model ------------------------------------------------------------------ */

/* The narrowest window that has a norm rectangle, and a bound that keeps all sums of a window exact in a float. */
#define WINDOW_LEAST 3
#define WINDOW_MOST 256
#define CASCADE_STAGES_MOST 4096
#define CASCADE_NODES_MOST 1000000

int cascade_new(struct cascade **out, int window_w, int window_h, struct err *err) MUST_CHECK;
int cascade_add_feature(struct cascade *cascade, const struct haar_feature *feature, struct err *err) MUST_CHECK;
/* Opens a stage; the trees added after it are its own. */
int cascade_add_stage(struct cascade *cascade, float threshold, struct err *err) MUST_CHECK;
/* nodes + 1 leaves. */
int cascade_add_tree(struct cascade *cascade, const struct cascade_node *nodes, const float *leaves, size_t count,
                     struct err *err) MUST_CHECK;
/* Sets max_nodes and tilted, and checks all of it; a fault is told without its place. */
int cascade_finish(struct cascade *cascade, struct err *err) MUST_CHECK;
int haar_feature_check(const struct haar_feature *feature, int window_w, int window_h, struct err *err) MUST_CHECK;
/* The children of one tree: in range, each node reached once from the root, each leaf in range. */
int cascade_tree_check(const struct cascade_node *nodes, size_t count, size_t n_features, struct err *err) MUST_CHECK;

/* ---- XML: a small tree of elements ---------------------------------------------------------- */

struct xml_node {
	const char *name, *text; /* text: of an element without children, "" if it has none */
	const char *type;        /* attribute type_id or NULL */
	size_t line;
	struct xml_node *parent, *first, *last, *next;
};
struct xml_document {
	const char *name; /* of the file, for messages; borrowed */
	struct xml_node *root;
	struct xml_block *blocks;
};
int xml_parse(struct xml_document *out, const void *bytes, size_t size, const char *name, struct err *err) MUST_CHECK;
void xml_free(struct xml_document *document);
/* First child of that name or NULL. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
size_t xml_count(const struct xml_node *node);
/* The child, or "file:line: <parent> has no <name>". */
int xml_need(const struct xml_document *document, const struct xml_node *node, const char *name,
             const struct xml_node **out, struct err *err) MUST_CHECK;
/* Exactly or at most `most` finite numbers of the element's text; *count says how many. */
int xml_numbers(const struct xml_document *document, const struct xml_node *node, double *out, size_t most,
                size_t *count, struct err *err) MUST_CHECK;
/* One number in low..high. */
int xml_integer(const struct xml_document *document, const struct xml_node *node, long low, long high, long *out,
                struct err *err) MUST_CHECK;
int xml_float(const struct xml_document *document, const struct xml_node *node, float *out, struct err *err) MUST_CHECK;
/* The element <rects> and <tilted> of a feature, which both forms share. */
int xml_feature(const struct xml_document *document, const struct xml_node *node, const struct cascade *cascade,
                struct haar_feature *out, struct err *err) MUST_CHECK;
int cascade_read_new(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                     struct err *err) MUST_CHECK;
int cascade_read_old(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                     struct err *err) MUST_CHECK;

/* ---- pixels -------------------------------------------------------------------------------------- */

/* 0.299 R + 0.587 G + 0.114 B in 15-bit fixed point, as cv::cvtColor. */
void grey_from_rgb(const uint8_t *rgb, size_t count, uint8_t *grey);

/* cv::resize INTER_LINEAR_EXACT of one 8-bit channel. `taps`: resize_taps(to_w) elements of scratch. */
struct resize_tap {
	uint32_t near, far; /* columns */
	uint32_t share;     /* of `far`, in 1/256 */
};
struct resize {
	const uint8_t *from;
	size_t from_w, from_h;
	uint8_t *to;
	size_t to_w, to_h;
	struct resize_tap *taps; /* [to_w] scratch */
};
void resize_exact(const struct resize *resize);
/* The same taps as two arrays, for kernels; far is near + 1. */
struct resize_taps {
	uint32_t *near, *share;
};
void resize_taps_fill(const struct resize_taps *taps, size_t from, size_t to);
/* Of row y of `to` rows over `from`. */
struct resize_tap resize_row_tap(size_t y, size_t from, size_t to);

/* Integral pictures, (height + 1) rows of `stride` ≥ width + 1; first row and column zero. Sums wrap at 2^32. */
struct integral {
	size_t width, height, stride;
	uint32_t *sum, *squares, *tilted; /* tilted NULL = not wanted */
};
void integral_build(const struct integral *integral, const uint8_t *grey, size_t grey_stride);
/* One row y ≥ 1 of tilted sums: [width + 1], from rows y − 1 and y − 2 and the grey rows y − 1 and y − 2; `two` and
 * `before` are not read for y = 1. */
struct tilted_rows {
	const uint32_t *one, *two;
	const uint8_t *now, *before;
	uint32_t *row;
};
void tilted_row(const struct tilted_rows *rows, size_t y, size_t width);
/* By the definitions, a pixel loop an entry. */
void integral_ref(const struct integral *integral, const uint8_t *grey, size_t grey_stride);

/* ---- windows ----------------------------------------------------------------------------------------- */

/* One node made ready for a stride: 12 corner offsets, 4 a rectangle. */
struct node_plan {
	int32_t corner[4 * HAAR_RECTS];
	float weight[HAAR_RECTS];
	float threshold;
	int32_t left, right; /* child > 0: node; ≤ 0: leaf */
	uint8_t rects, tilted;
	double leaf[2]; /* of a stump: left, right */
};
/* Where column x of a row stands: at x, or, when half > 0, even columns at x / 2 and odd ones at half + x / 2, so that
 * windows two columns apart have neighbouring corners. */
struct grid {
	size_t stride, half;
};
struct window_plan {
	const struct cascade *cascade;
	struct grid grid;
	int32_t norm[4];
	double area;
	struct node_plan *nodes; /* [cascade.n_nodes] */
};
/* Offsets of a box's corners, signs + − − +, in an integral picture of that stride. */
void box_corners(int32_t corner[4], const struct haar_rect *rect, bool tilted, struct grid grid);
/* plan->cascade and plan->nodes are set by the caller. */
void window_plan_build(struct window_plan *plan, struct grid grid);
/* 1/(σ·area) of the window at `offset`, or 0 for windows too flat to judge (σ ≤ 10). */
float window_scale(const struct window_plan *plan, const struct integral *integral, size_t offset);
/* Stages first_stage… of the window: −k = rejected by stage k (so 0 for the first), 1 = passed; *sum is the last
 * stage's. */
int window_judge(const struct window_plan *plan, const struct integral *integral, size_t offset, float scale,
                 double *sum);
/* The same for a whole window from the model itself: −1 also for a flat window. */
int cascade_window_ref(const struct cascade *cascade, const struct integral *integral, size_t x, size_t y, double *sum);
/* Σ leaves of one stage. */
double window_stage_sum(const struct window_plan *plan, const struct integral *integral, size_t offset, float scale,
                        size_t stage);
/* area · scale ≥ 0.1 means σ ≤ 10 grey levels: too flat to judge. */
#define FLAT_LIMIT 0.1
/* OpenCV's tolerance of stage thresholds. */
#define STAGE_EPSILON 1e-5f
static inline float stage_limit(const struct cascade_stage *stage)
{
	return stage->threshold - STAGE_EPSILON;
}

/* ---- positives in .vec files ------------------------------------------------------------------------------ */

struct vec_file {
	const char *name; /* for messages */
	const uint8_t *samples;
	size_t count, pixels; /* samples, pixels a sample */
};
/* Looks at the header; `bytes` and `name` are borrowed. ERR_DATA: cut off, a wrong count, an impossible size. */
int vec_open(struct vec_file *out, const void *bytes, size_t size, const char *name, struct err *err) MUST_CHECK;
/* pixels[file->pixels] of sample i. ERR_DATA: a value outside 0..255. */
int vec_sample(const struct vec_file *file, size_t i, uint8_t *pixels, struct err *err) MUST_CHECK;

/* ---- grouping -------------------------------------------------------------------------------------------- */

/* As detector_find without grouping and clipping: raw hits in the order layer, row, column. */
int detector_scan(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err) MUST_CHECK;
/* Raw hits in → faces out, in place. `scratch`: detect_group_scratch(count) bytes. Returns how many are left. */
size_t detect_group_scratch(size_t count);
size_t detect_group(struct detection *items, size_t count, int neighbors, void *scratch);
/* Clips to the picture and drops what lies outside. */
size_t detect_clip(struct detection *items, size_t count, int width, int height);

#endif
