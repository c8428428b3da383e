/* The parts of the detector: geometry of the layers, the pixels and sums of a band of rows. */
#ifndef MOODCAST_DETECTOR_INTERNAL_H
#define MOODCAST_DETECTOR_INTERNAL_H

#include "vision/scan_internal.h"

/* The picture shrunk by `scale`. */
struct layer {
	float scale;
	size_t width, height;
	size_t step, rows, windows; /* windows start at row y < rows, y a multiple of step, at columns 0, step, 2·step … */
	size_t band_rows;           /* a multiple of step */
	struct resize_taps taps;    /* [width] */
	int box_w, box_h;
};
struct band {
	size_t layer, first, last; /* rows [first, last) */
	int thread;
	size_t hit, hits; /* in the thread's list */
};
/* What one thread works with: rows of pixels on their way down, and the sums of a band. */
struct worker {
	uint8_t *bytes;
	uint16_t *blended;
	uint32_t *words;
	float *scales; /* of the windows of a row */
	uint64_t *passed;
	size_t byte_room, blended_room, word_room, scale_room, passed_room, hit_room, n_hits;
	struct detection *hits;
};
/* What decides the layers; they are kept while it stays the same. */
struct geometry {
	size_t width, height;
	double scale;
	int min_w, min_h, max_w, max_h;
};
/* The nodes for one step: every layer of that step shares its grid. */
struct step_plan {
	struct window_plan plan;
	size_t node_room;
};
struct detector {
	const struct cascade *cascade;
	const struct scan_kernels *kernels;
	void (*scan_row)(const struct scan *scan, size_t offset, float *scales, uint64_t *passed);
	struct geometry geometry;
	struct step_plan plans[2]; /* step 1, step 2 */
	uint8_t *grey;
	uint32_t *taps;
	struct layer *layers;
	struct band *bands;
	struct worker *workers;
	void *groups;
	size_t grey_room, tap_room, layer_room, band_room, worker_room, group_room;
	size_t n_layers, n_bands, band_height, widest; /* of all layers: sum rows a band, pixels a row */
	const uint8_t *picture;                        /* of the current call, grey */
};

/* Scratch for `needed` elements whose old content is of no use. */
int detector_scratch(void *pointer, size_t *room, size_t needed, size_t size, struct err *err) MUST_CHECK;
/* Layers, plans and bands for `geometry`. */
int detector_layers_prepare(struct detector *detector, const struct geometry *geometry, struct err *err) MUST_CHECK;
int detector_workers_prepare(struct detector *detector, int threads, struct err *err) MUST_CHECK;
/* Sums of rows first … of the layer, as far as windows of the band reach; *out points into the worker. */
void detector_band_sums(const struct detector *detector, const struct band *band, const struct worker *worker,
                        struct integral *out);

#endif
