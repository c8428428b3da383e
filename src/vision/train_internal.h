/*
 * The parts of the trainer: the list of features, the table of their values over a stage's samples, boosting a stage,
 * mining negatives, checkpoints.
 */
#ifndef MOODCAST_VISION_TRAIN_INTERNAL_H
#define MOODCAST_VISION_TRAIN_INTERNAL_H

#include "vision/vision_internal.h"

/* ---- features ------------------------------------------------------------------------------ */

/* How many the set has, and the features in OpenCV's order; `out` holds that many. */
size_t haar_features_count(enum haar_set set, int window_w, int window_h);
void haar_features_list(enum haar_set set, int window_w, int window_h, struct haar_feature *out);

/* ---- samples of a stage ------------------------------------------------------------------------- */

/* Integral pictures of all samples, turned: [corner][lane], so that a feature's value is computed for neighbouring
 * samples at once. Positives come first. Rows of the table of bins are `lanes` bytes long, too. */
#define LANES 64
#define BINS 128
struct samples {
	int window_w, window_h;
	size_t count, positives, lanes; /* lanes: count, rounded up to LANES; samples beyond count have scale 0 */
	int32_t *sum, *tilted;          /* [(h + 1) · (w + 1)][lanes]; tilted NULL when no feature is */
	float *scale;                   /* [lanes] */
};
int samples_new(struct samples *out, const struct crops *positives, const struct crops *negatives, bool tilted,
                struct err *err) MUST_CHECK;
void samples_free(struct samples *samples);
/* values[lanes], in the detector's arithmetic. */
void samples_values(const struct samples *samples, const struct haar_feature *feature, float *values);

/* One feature over all samples: the rows of its 12 corners. */
struct value_row {
	size_t lanes;
	const int32_t *const *corner;
	const float *weight, *scale; /* [3], [lanes] */
};
/* A table a processor level; all give the same bits. */
struct value_kernels {
	void (*values_of)(const struct value_row *row, float *values);
	void (*bin_row)(const float *values, size_t count, size_t lanes, uint8_t *bins);
};
extern const struct value_kernels value_kernels_portable, value_kernels_avx2, value_kernels_avx512;
/* NULL when this processor lacks the level. */
const struct value_kernels *value_kernels_at(enum cpu_level level);

/* bins[end − first][lanes]: every value of the features first … end − 1 as the number of its bin in mean ± 3σ of the
 * feature. */
struct bin_table {
	size_t n_features;
	size_t first, end; /* those of this rank; else all */
	uint8_t *bins;
	struct haar_feature *features; /* borrowed */
};
int bin_table_fill(struct bin_table *table, const struct samples *samples, int threads, struct err *err) MUST_CHECK;

/* ---- the best stump --------------------------------------------------------------------------------- */

/* weights[lanes]: whole numbers whose sum is below 2^31, 0 = trimmed. */
struct stump_search {
	const struct bin_table *table;
	const struct samples *samples;
	const uint32_t *weights;
	const uint32_t
	    *others; /* NULL, or weights against: P = weights and N = others of all samples, whatever their class */
	const uint32_t *active; /* samples with a weight, ascending; NULL = go through all */
	size_t n_active, active_positives;
	int threads;
};
/* P, N: weights of the positives and of the negatives, S = P − N, W = P + N.
 * The feature with the largest S_left²/W_left + S_right²/W_right over all cuts between bins; ties go to the
 * smaller index. */
int stump_search_run(const struct stump_search *search, size_t *feature, struct err *err) MUST_CHECK;

/* ---- boosting a stage --------------------------------------------------------------------------------- */

/* A tree of max_depth splits from the root: a stump has one node. */
#define TREE_DEPTH 4
#define TREE_NODES ((1 << TREE_DEPTH) - 1)
struct weak_node {
	size_t feature; /* in the list of all features */
	float threshold;
	int left, right; /* above 0 a later node, else minus the leaf, as in struct cascade_node */
};
struct weak {
	struct weak_node node[TREE_NODES];
	float leaf[TREE_NODES + 1];
	size_t nodes;
	double hit, false_alarm; /* of the stage up to and with it */
};
struct stage_model {
	struct weak *weak; /* [max_weak_count] */
	size_t count;
	float threshold;
	double hit, false_alarm;
};
struct boost {
	const struct cascade_training *training;
	const struct samples *samples;
	const struct bin_table *table;
};
/* Weak classifiers of training->boost until the false alarm is low enough or max_weak_count of them were added. */
int boost_stage(const struct boost *boost, struct stage_model *out, struct err *err) MUST_CHECK;

/* A line of stages.jsonl; `features` is the list of all. */
void train_log_weak(struct strbuf *log, size_t stage, size_t number, const struct weak *weak,
                    const struct haar_feature *features);

/* ---- negatives -------------------------------------------------------------------------------------------- */

struct mining {
	const struct cascade_training *training;
	const struct cascade *cascade; /* so far; without stages every window passes that is not flat */
	size_t stage;
};
struct mined {
	struct crops crops;
	uint64_t windows, accepted; /* scanned, passed; flat windows are not counted */
};
/* Up to num_neg windows; fewer when the backgrounds have no more. Depends on seed, stage and cascade alone. */
int mine_negatives(const struct mining *mining, struct mined *out, struct err *err) MUST_CHECK;

/* ---- one window-sized picture ---------------------------------------------------------------------------------- */

/* Scratch for judging crops one after the other. */
struct crop_judge {
	struct integral integral;
	uint32_t *memory;
};
int crop_judge_new(struct crop_judge *out, int width, int height, struct err *err) MUST_CHECK;
void crop_judge_free(struct crop_judge *judge);
/* As cascade_window_ref: −1 flat, −k rejected by stage k, 1 passed (also without stages). */
int crop_judge_run(struct crop_judge *judge, const struct cascade *cascade, const uint8_t *pixels, double *sum);
int crops_push(struct crops *crops, const uint8_t *pixels, struct err *err) MUST_CHECK;

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

void cascade_part_free(struct cascade_part *part);
int cascade_part_add(struct cascade_part *part, const struct cascade_sources *sources, const struct image *grey,
                     const double box[4], bool varied, struct err *err) MUST_CHECK;
int cascade_data_faces(const struct cascade_sources *sources, struct cascade_data *data, struct err *err) MUST_CHECK;

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

uint64_t training_identity(const struct cascade_training *training);
int checkpoint_save(const struct cascade_training *training, uint64_t identity, const struct cascade *cascade,
                    const struct cascade_outcome *outcome, struct err *err) MUST_CHECK;
/* *out stays NULL when there is none, or one of another training (told in the log). */
int checkpoint_load(const struct cascade_training *training, uint64_t identity, struct cascade **out,
                    struct cascade_outcome *outcome, struct err *err) MUST_CHECK;

#endif
