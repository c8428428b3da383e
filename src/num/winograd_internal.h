/*
 * The parts of the blocked convolutions (Winograd and direct), shared by their files only.
 *
 * winograd.c lays out the work and calls one table of kernels; winograd_avx512.c, winograd_avx2.c and
 * winograd_portable.c each fill such a table from one source, winograd_kernel_internal.h, compiled for its level.
 */
#ifndef MOODCAST_WINOGRAD_INTERNAL_H
#define MOODCAST_WINOGRAD_INTERNAL_H

#include "num/num.h"

#define BLOCK 16        /* channels that lie side by side in a blocked map */
#define SLICE 64        /* output channels that one task multiplies */
#define WINOGRAD_SIDE 8 /* the largest side of a tile's input: 6 + 2 */
#define DIRECT_ROWS 3   /* rows of a 3×3 window */

struct winograd {
	struct winograd_shape shape;
	const struct winograd_kernels *kernels;
	size_t side, positions;         /* of a tile's input: tile + 2, and its square */
	size_t tiles_y, tiles_x, tiles; /* of one picture */
	size_t slices;
	float *kernel; /* [slice][position] of packed panels: see winograd_pack; NULL when they are float16: */
	uint16_t *half;
	float *unscale; /* [slice][position]: what products of the float16 kernel are multiplied by */
	float *bias;    /* [slices · SLICE] */
};

/* Transformed inputs, or products [count][SLICE], of `count` tiles, from tile `first` of the call on; the positions lie
 * `step` floats apart. Inputs are ordered for tasks of `task` tiles. */
struct winograd_tiles {
	size_t first, count, task, step;
	float *values;
};

/* One output row of a direct convolution. */
struct direct_row {
	const float *input[DIRECT_ROWS]; /* padded rows, [width + 2][in] */
	const float *kernel;             /* [slice][3][3 · in][SLICE] */
	const float *bias;               /* [slices · SLICE] */
	float *output;                   /* the row in the first block; blocks are `plane` floats apart */
	size_t width, in, out, plane;
};

struct winograd_kernels {
	/* The transformed inputs of tiles first … last − 1 of `tiles`. */
	void (*gather)(const struct winograd *layer, const float *input, const struct winograd_tiles *tiles, size_t first,
	               size_t last);
	/* products[position] = inputs[position] · kernel[position] of one slice, for the tiles of products: one task of
	 * inputs. */
	void (*multiply)(const struct winograd *layer, const struct winograd_tiles *inputs,
	                 const struct winograd_tiles *products, size_t slice);
	/* Inverse transform, bias, ReLU and pooling of one slice into the blocked output. */
	void (*scatter)(const struct winograd *layer, const struct winograd_tiles *products, size_t slice, float *output);
	/* Transforms the kernels [3][3][in][out] of one input channel and one slice into the packed form. */
	void (*pack)(const struct winograd *layer, const float *kernel, size_t slice, size_t channel);
	/* to[i] = from[i] · scale in float16, to the nearest. NULL where there is no F16C. */
	void (*halve)(const float *from, size_t count, float scale, uint16_t *to);
	void (*direct)(const struct direct_row *row);
};
extern const struct winograd_kernels winograd_portable, winograd_avx2, winograd_avx512;
/* The table of the level, or of the CPU's when that is lower. */
const struct winograd_kernels *winograd_kernels_of(enum cpu_level level);
/* The matrix G of F(tile, 3): [tile + 2][3]. */
void winograd_points(size_t tile, double g[WINOGRAD_SIDE][3]);

#endif
