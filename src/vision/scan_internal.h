/*
 * The detector's kernels: a table a processor level, chosen at run time. Each entry does the arithmetic of its twin in
 * pixels.c, integral.c and window.c bit by bit.
 */
#ifndef MOODCAST_SCAN_INTERNAL_H
#define MOODCAST_SCAN_INTERNAL_H

#include "vision/vision_internal.h"

#define SCAN_CHUNK 64     /* windows, and bits of a mask */
#define SCAN_SLACK 80     /* elements behind a row's end that kernels may read and overwrite */
#define SCAN_TREE_MOST 32 /* nodes; cascades with larger trees are judged window by window */

/* out[x] = top·(256 − share) + bottom·share */
struct row_blend {
	const uint8_t *top, *bottom;
	size_t width;
	uint16_t share;
};
/* row[x + 1] = above[x + 1] + Σ grey[0 … x]; element 0 stays. A row may stand above itself. */
struct integral_rows {
	const uint32_t *sum_above, *squares_above;
	uint32_t *sum, *squares;
};
/* The windows of one row, over integral pictures in the plan's grid. */
struct scan {
	const struct window_plan *plan;
	const struct integral *integral;
	size_t windows;
	bool stumps; /* every tree has one node */
};
struct scan_kernels {
	void (*blend_rows)(const struct row_blend *blend, uint16_t *out);
	/* A blended row to `width` pixels; row[from_w] is read, too, and shared with 0. */
	void (*resample_row)(const uint16_t *row, const struct resize_taps *taps, size_t width, uint8_t *out);
	void (*integral_row)(const uint8_t *grey, size_t width, const struct integral_rows *rows);
	/* Even columns to out, odd ones to out + half. */
	void (*split_row)(const uint32_t *row, size_t count, size_t half, uint32_t *out);
	/* The windows of a row that OpenCV would visit and that pass all stages, as bits; scales[windows, rounded up] are
	 * their window_scale. Trees have at most SCAN_TREE_MOST nodes. */
	void (*scan_row)(const struct scan *scan, size_t offset, float *scales, uint64_t *passed);
};
extern const struct scan_kernels scan_kernels_portable, scan_kernels_avx2, scan_kernels_avx512;
/* Of this processor, or of a level; NULL when the processor lacks it. */
const struct scan_kernels *scan_kernels(void);
const struct scan_kernels *scan_kernels_at(enum cpu_level level);
/* One window at a time, any tree: the twin of every scan_row. */
void scan_row_ref(const struct scan *scan, size_t offset, float *scales, uint64_t *passed);
/* Of 64 windows those that passed the first stage and are visited: a visited window that it refused takes the next one
 * with it. *skip: carried from chunk to chunk, false at a row's start. */
uint64_t scan_visited(uint64_t passed, uint64_t refused, bool *skip);
/* Stages `s` and later. */
bool scan_window_passes(const struct scan *scan, size_t s, size_t offset, float scale);

#endif
