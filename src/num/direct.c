/* The first layer's convolution, directly from a few-channel NHWC picture into blocks of 16 channels, and the ways
 * between the two layouts. */
#include "num/winograd_internal.h"

#include <stdlib.h>
#include <string.h>

#include <omp.h>

#define ROWS_MOST 6 /* what a kernel reads past the last pixel's window is at most a row group */

struct direct {
	struct direct_shape shape;
	const struct winograd_kernels *kernels;
	float *kernel, *bias; /* as struct direct_row wants them; bias lies behind the kernel */
};

/* [3][3][in][out] → [slice][3][3 · in][SLICE]. */
static void pack_kernel(const struct direct *layer, const float *kernel)
{
	size_t depth = 9 * layer->shape.in, out = layer->shape.out;
	for (size_t k = 0; k < depth; k++)
		for (size_t o = 0; o < out; o++)
			layer->kernel[(o / SLICE * depth + k) * SLICE + o % SLICE] = kernel[k * out + o];
}

int direct_new(struct direct **out, const struct direct_shape *shape, const struct winograd_weights *weights,
               struct err *err)
{
	if (shape->out == 0 || shape->out % BLOCK || shape->in == 0)
		return err_set(err, ERR_SETTINGS, "direct convolution: %zu → %zu channels: outputs are not a multiple of %d",
		               shape->in, shape->out, BLOCK);
	struct direct *layer = mem_alloc(1, sizeof *layer, err);
	size_t slices = (shape->out + SLICE - 1) / SLICE, count = slices * SLICE * 9 * shape->in;
	if (!layer)
		return ERR_MEMORY;
	layer->shape = *shape;
	layer->kernels = winograd_kernels_of(shape->level);
	layer->kernel = mem_alloc(count + slices * SLICE, sizeof *layer->kernel, err);
	if (!layer->kernel) {
		direct_free(layer);
		return ERR_MEMORY;
	}
	layer->bias = layer->kernel + count;
	pack_kernel(layer, weights->kernel);
	memcpy(layer->bias, weights->bias, shape->out * sizeof *layer->bias);
	*out = layer;
	return OK;
}

void direct_free(struct direct *layer)
{
	if (layer)
		free(layer->kernel);
	free(layer);
}

static size_t padded_row(const struct direct *layer)
{
	return ((layer->shape.width + 2 + ROWS_MOST) * layer->shape.in + BLOCK - 1) / BLOCK * BLOCK;
}

size_t direct_workspace(const struct direct *layer, int threads)
{
	return (size_t)(threads < 1 ? 1 : threads) * DIRECT_ROWS * padded_row(layer) * sizeof(float);
}

/* The row with a zero pixel on either side; a row beyond the picture is all zeros. */
static void pad_row(const struct direct *layer, const float *picture, long y, float *to)
{
	size_t floats = layer->shape.width * layer->shape.in;
	memset(to, 0, padded_row(layer) * sizeof *to);
	if (y >= 0 && y < (long)layer->shape.height)
		memcpy(to + layer->shape.in, picture + (size_t)y * floats, floats * sizeof *to);
}

void direct_forward(const struct direct_run *run, void *workspace)
{
	const struct direct *layer = run->layer;
	size_t height = layer->shape.height, width = layer->shape.width, in = layer->shape.in, out = layer->shape.out;
	size_t padded = padded_row(layer), plane = height * width * BLOCK;

#pragma omp parallel for schedule(static) num_threads(run->threads < 1 ? 1 : run->threads)
	for (size_t i = 0; i < run->n * height; i++) {
		float *rows = (float *)workspace + (size_t)omp_get_thread_num() * DIRECT_ROWS * padded;
		size_t picture = i / height, y = i % height;
		struct direct_row row = {.kernel = layer->kernel,
		                         .bias = layer->bias,
		                         .output = run->output + picture * (out / BLOCK) * plane + y * width * BLOCK,
		                         .width = width,
		                         .in = in,
		                         .out = out,
		                         .plane = plane};
		for (size_t k = 0; k < DIRECT_ROWS; k++) {
			pad_row(layer, run->input + picture * height * width * in, (long)(y + k) - 1, rows + k * padded);
			row.input[k] = rows + k * padded;
		}
		layer->kernels->direct(&row);
	}
}

void blocked_to_nhwc(size_t n, size_t pixels, size_t channels, const float *from, float *to)
{
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < channels; c += BLOCK)
			for (size_t p = 0; p < pixels; p++)
				memcpy(to + (i * pixels + p) * channels + c, from + i * pixels * channels + (c * pixels + p * BLOCK),
				       BLOCK * sizeof *to);
}

void nhwc_to_blocked(size_t n, size_t pixels, size_t channels, const float *from, float *to)
{
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < channels; c += BLOCK)
			for (size_t p = 0; p < pixels; p++)
				memcpy(to + i * pixels * channels + (c * pixels + p * BLOCK), from + (i * pixels + p) * channels + c,
				       BLOCK * sizeof *to);
}
