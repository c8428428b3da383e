/*
 * Convolution as a matrix product (im2col; Chellapilla, Puri & Simard 2006).
 *
 * A picture's output pixels, row after row, are cut into blocks, and where these are few the output channels into
 * slices. A task gathers the windows of its block, [pixels][size·size·in] with zeros beyond the border, into its
 * thread's scratch, small enough for the caches, and multiplies them by its slice of the kernel, [size·size·in][out],
 * on one BLAS thread. BLAS may round a row differently near the edge of a product; blocks and slices follow from the
 * shape of one picture alone, so a picture's result depends neither on the number of threads nor on the pictures beside
 * it.
 */
#include "num/num.h"

#include <string.h>

#include <omp.h>

#define SCRATCH_BYTES ((size_t)2 << 20)
#define BLOCK_MIN 128 /* pixels: below, packing the kernel costs as much as the product */
#define BLOCK_MAX 512
#define BLOCKS_FEW 4  /* fewer blocks a picture are cut in two by output channels … */
#define SLICE_MIN 128 /* … unless the halves were narrower than this */

struct plan {
	size_t pixels;        /* of one picture */
	size_t depth;         /* size · size · in */
	size_t block, blocks; /* pixels of a block, blocks a picture */
	size_t slice, slices; /* output channels of a slice, slices a block */
};

static size_t divide_up(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

static struct plan conv_plan(const struct conv *conv)
{
	struct plan plan = {.pixels = conv->height * conv->width, .depth = conv->size * conv->size * conv->in, .slices = 1};
	size_t block = SCRATCH_BYTES / (plan.depth * sizeof(float));
	block = block < BLOCK_MIN ? BLOCK_MIN : block > BLOCK_MAX ? BLOCK_MAX : block;
	/* Even blocks: a short last one would keep one thread busy alone. */
	plan.blocks = divide_up(plan.pixels, block);
	plan.block = plan.blocks ? divide_up(plan.pixels, plan.blocks) : 0;
	if (plan.blocks < BLOCKS_FEW && conv->out >= 2 * SLICE_MIN)
		plan.slices = 2;
	plan.slice = divide_up(conv->out, plan.slices);
	return plan;
}

static size_t scratch_floats(const struct plan *plan)
{
	return divide_up(plan->block * plan->depth, 16) * 16;
}

size_t conv_workspace(const struct conv *conv)
{
	struct plan plan = conv_plan(conv);
	return (size_t)(conv->threads < 1 ? 1 : conv->threads) * scratch_floats(&plan) * sizeof(float);
}

/* One kernel row of one window: the source row's pixels x − half … x + half, zeros beyond its ends. */
static void gather_row(const struct conv *conv, const float *row, size_t x, float *out)
{
	size_t half = conv->size / 2, in = conv->in;
	size_t before = x < half ? half - x : 0;
	size_t after = x + half >= conv->width ? x + half + 1 - conv->width : 0;
	size_t inside = conv->size - before - after;

	memset(out, 0, before * in * sizeof *out);
	memcpy(out + before * in, row + (x + before - half) * in, inside * in * sizeof *out);
	memset(out + (before + inside) * in, 0, after * in * sizeof *out);
}

/* out[size · size · in]: the window around output pixel `pixel` of one picture. */
static void gather_window(const struct conv *conv, const float *picture, size_t pixel, float *out)
{
	size_t half = conv->size / 2, row_floats = conv->size * conv->in;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a picture without pixels has no window */
	size_t x = pixel % conv->width, y = pixel / conv->width;

	for (size_t ky = 0; ky < conv->size; ky++, out += row_floats) {
		if (y + ky < half || y + ky - half >= conv->height)
			memset(out, 0, row_floats * sizeof *out);
		else
			gather_row(conv, picture + (y + ky - half) * conv->width * conv->in, x, out);
	}
}

static void add_bias(const struct conv *conv, float *row, size_t first, size_t count)
{
	const float *bias = conv->bias + first;
	if (conv->relu) {
		for (size_t o = 0; o < count; o++) {
			float sum = row[o] + bias[o];
			row[o] = sum > 0.0f ? sum : 0.0f;
		}
	} else {
		for (size_t o = 0; o < count; o++)
			row[o] += bias[o];
	}
}

static void run_task(const struct conv *conv, const struct plan *plan, size_t task, float *scratch)
{
	size_t slice = task % plan->slices * plan->slice, block = task / plan->slices % plan->blocks;
	size_t start = task / plan->slices / plan->blocks * plan->pixels, first = block * plan->block;
	size_t count = plan->pixels - first < plan->block ? plan->pixels - first : plan->block;
	size_t width = conv->out - slice < plan->slice ? conv->out - slice : plan->slice;
	float *output = conv->output + (start + first) * conv->out + slice;

	for (size_t p = 0; p < count; p++)
		gather_window(conv, conv->input + start * conv->in, first + p, scratch + p * plan->depth);
	gemm_run(&(struct gemm){.m = count,
	                        .n = width,
	                        .k = plan->depth,
	                        .alpha = 1,
	                        .a = scratch,
	                        .lda = plan->depth,
	                        .b = conv->kernel + slice,
	                        .ldb = conv->out,
	                        .c = output,
	                        .ldc = conv->out});
	for (size_t p = 0; p < count; p++)
		add_bias(conv, output + p * conv->out, slice, width);
}

void conv_forward(const struct conv *conv, void *workspace)
{
	struct plan plan = conv_plan(conv);
	size_t tasks = conv->n * plan.blocks * plan.slices, scratch = scratch_floats(&plan);
	/* OpenBLAS (OpenMP build) takes one thread inside a parallel region of several; for a region of one it asks
	 * OpenMP's setting of the calling thread. */
	int before = omp_get_max_threads();

	omp_set_num_threads(1);
#pragma omp parallel for schedule(dynamic) num_threads(conv->threads < 1 ? 1 : conv->threads)
	for (size_t task = 0; task < tasks; task++)
		run_task(conv, &plan, task, (float *)workspace + (size_t)omp_get_thread_num() * scratch);
	omp_set_num_threads(before);
}
