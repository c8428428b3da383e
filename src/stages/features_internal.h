/*
 * The parts of the stage `features`, shared by its files; evaluate_found.c cuts out held-out faces by features_prepare.
 *
 * Rows of faces.h5 go through in batches: cut out of their frame, find the face, preprocess (parallel over pictures),
 * network (parallel inside). While the network runs over one batch, the next is read and cropped. Results go row by row
 * into a side file of fixed records, from which an interrupted run goes on; the final features.h5 is written from it in
 * one go, so its bytes depend neither on where the work was interrupted nor on who did it.
 */
#ifndef MOODCAST_FEATURES_INTERNAL_H
#define MOODCAST_FEATURES_INTERNAL_H

#include "nn/nn.h"
#include "stages/stages.h"
#include "vision/vision.h"

/* ---- the side file --------------------------------------------------------------------- */

#define FEATURES_DROPPED (-1)
#define FEATURES_SKIPPED (-2) /* a copy of a picture that is not trained on */
/* Row r of the side file is copy r / rows of the picture r % rows; copy 0 is the picture as it is.
 * What is known of one row of faces.h5 when it is through. */
struct features_row {
	int32_t crop;    /* enum crop_source, or FEATURES_DROPPED: no source had a face */
	int32_t face[4]; /* x, y, w, h in frame coordinates */
	int32_t unused[3];
};
#define FEATURES_PIECE ((size_t)64) /* rows that one rank takes at a time */
struct features_side {
	int file;
	char *path;
	size_t floats; /* of one row's features */
	size_t rows, pieces;
	uint8_t *done; /* [pieces]: first rows of the piece that are there */
	size_t *noted, n_noted, noted_room; /* pieces with rows that no checkpoint covers */
};
struct features_side_wish {
	const char *path, *identity;
	size_t floats, rows;
};
/* Opens the file or makes it. Work of another identity is thrown away. Together, as is features_side_gather. */
int features_side_open(struct features_side *out, const struct features_side_wish *wish, struct err *err) MUST_CHECK;
size_t features_side_end(const struct features_side *side, size_t piece); /* the row behind its last */
/* features of a dropped row are not touched. */
int features_side_write(struct features_side *side, size_t row, const struct features_row *about, const float *features,
                        struct err *err) MUST_CHECK;
int features_side_read(const struct features_side *side, size_t row, struct features_row *about, float *features,
                       struct err *err) MUST_CHECK; /* features may be NULL */
/* The piece that row end − 1 is of has its rows before `end`. */
int features_side_note(struct features_side *side, size_t end, struct err *err) MUST_CHECK;
/* An interrupted run has no need to compute again what is noted now. */
int features_side_checkpoint(struct features_side *side, struct err *err) MUST_CHECK;
/* All ranks are through: rank 0 can read what they wrote. */
int features_side_gather(struct features_side *side, struct err *err) MUST_CHECK;
void features_side_close(struct features_side *side); /* harmless on a zeroed struct */

/* ---- the work ----------------------------------------------------------------------------- */

struct features_job {
	const struct preprocess *preprocess;
	const struct network *network;
	const struct cascade *cascade; /* NULL: faces come from the box or the centre only */
	const struct hdf_file *faces;
	size_t rows, frame_height, frame_width, batch;
	const int32_t *area, *box; /* [rows][4] */
	const uint8_t *split;      /* [rows] */
	struct augment augment;
	struct map_shape map;      /* of one picture's features */
	int threads;
	int precision; /* enum network_precision */
	double checkpoint_seconds; /* between two of them; 0 = one behind each batch */
};
/* Where pictures were shrunk to the frame of faces.h5, the model is served with pictures that are shrunk to it: sets
 * preprocess->frame_…, but not where pictures were cut around boxes that only an annotation knows. */
int features_served_frame(const struct features_job *job, struct preprocess *preprocess, struct err *err) MUST_CHECK;
size_t features_rows_of(const struct features_job *job); /* pictures and their copies */
/* Everything that decides the features, as a SHA-256. */
int features_identity(const struct features_job *job, const char *faces_path, const char *cascade_path,
                      char hex[SHA256_HEX], struct err *err) MUST_CHECK;
/* The rows that side has not got, pieces being dealt to the ranks. ERR_STOPPED leaves a checkpoint. */
int features_compute(const struct features_job *job, struct features_side *side, struct err *err) MUST_CHECK;

/* One batch on its way. Slots of dropped pictures are closed up by features_prepare: tensor holds `kept` pictures. */
struct features_batch {
	size_t first, count, kept;
	uint8_t *pixels;           /* [batch][frame_height][frame_width][3] */
	float *tensor;             /* [batch][size][size][3] */
	float *features;           /* [batch][map] */
	struct features_row *rows; /* [batch] */
};
struct features_workers;
int features_workers_new(struct features_workers **out, const struct features_job *job, struct err *err) MUST_CHECK;
void features_workers_free(struct features_workers *workers);
int features_prepare(struct features_workers *workers, struct features_batch *batch, struct err *err) MUST_CHECK;

/* ---- the result ------------------------------------------------------------------------------ */

struct features_counts {
	size_t pictures, copies, dropped, crops[CROP_SOURCES]; /* copies apart from pictures */
	struct path_list classes;
	size_t (*by_class)[CROP_SOURCES + 1]; /* crop sources, then dropped */
};
void features_counts_free(struct features_counts *counts);
struct features_result {
	const struct features_job *job;
	const struct features_side *side;
	const char *weights_sha256; /* of each file, comma-separated; "" without files */
	int storage;                /* enum storage_type */
};
/* Writes features.h5 at `path` and counts. ERR_DATA when no picture is left. */
int features_write(const struct features_result *result, const char *path, struct features_counts *counts,
                   struct err *err) MUST_CHECK;
/* Metrics and headline of the stage. */
int features_report(const struct features_job *job, const struct features_counts *counts, struct stage_run *run,
                    struct err *err) MUST_CHECK;

#endif
