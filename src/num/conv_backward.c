/*
 * Gradients of the convolution and of the pooling, by matrix products.
 *
 * With d = ∂L/∂(sum + bias): ∂L/∂W[ky,kx,i,o] = Σ_p x[p + k, i] · d[p, o], ∂L/∂b[o] = Σ_p d[p, o],
 * ∂L/∂x[q, i] = Σ_k,o d[q − k, o] · W[k, i, o]: a convolution of d with the kernel turned by 180° and transposed. Each
 * window position of the kernel's gradient is one task that goes over all pixels in one order, so the sums depend
 * neither on the number of threads nor on how tasks fall to them.
 */
#include "num/num.h"

#include <string.h>

#include <omp.h>

#define CHUNK_PIXELS 1024 /* gathered at a time for a kernel gradient */

static size_t pixels_of(const struct conv *conv)
{
	return conv->n * conv->height * conv->width;
}

static size_t align_up(size_t floats)
{
	return (floats + 15) / 16 * 16;
}

/* The turned kernel's convolution; its workspace is asked with the same shape. */
static struct conv turned_conv(const struct conv_gradient *g)
{
	struct conv turned = g->conv;
	turned.in = g->conv.out;
	turned.out = g->conv.in;
	turned.relu = false;
	return turned;
}

size_t conv_backward_workspace(const struct conv_gradient *g)
{
	const struct conv *conv = &g->conv;
	struct conv turned = turned_conv(g);
	size_t threads = conv->threads < 1 ? 1 : (size_t)conv->threads;
	size_t kernel = align_up(conv->size * conv->size * conv->in * conv->out) + align_up(conv->in);
	size_t gathered = threads * CHUNK_PIXELS * align_up(conv->in) * sizeof(float);
	size_t scratch = g->input_gradient ? conv_workspace(&turned) : 0;
	size_t delta = conv->relu ? align_up(pixels_of(conv) * conv->out) : 0;
	return (delta + kernel) * sizeof(float) + (gathered > scratch ? gathered : scratch);
}

void relu_backward(size_t count, const float *output, const float *gradient, float *delta, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads < 1 ? 1 : threads)
	for (size_t i = 0; i < count; i++)
		delta[i] = output[i] > 0 ? gradient[i] : 0;
}

static void sum_bias(const struct conv_gradient *g, const float *delta)
{
	size_t pixels = pixels_of(&g->conv), out = g->conv.out;
#pragma omp parallel for schedule(static) num_threads(g->conv.threads < 1 ? 1 : g->conv.threads)
	for (size_t o = 0; o < out; o++) {
		double sum = 0;
		for (size_t p = 0; p < pixels; p++)
			sum += (double)delta[p * out + o];
		g->bias_gradient[o] = (float)sum;
	}
}

/* x[p + k] for `count` pixels from `first` on, zeros beyond the map. */
static void gather_shifted(const struct conv *conv, size_t first, size_t count, size_t k, float *to)
{
	size_t half = conv->size / 2, ky = k / conv->size, kx = k % conv->size;
	for (size_t i = 0; i < count; i++, to += conv->in) {
		size_t x = (first + i) % conv->width + kx, y = (first + i) / conv->width % conv->height + ky;
		size_t picture = (first + i) / (conv->width * conv->height);
		if (x < half || x - half >= conv->width || y < half || y - half >= conv->height) {
			memset(to, 0, conv->in * sizeof *to);
			continue;
		}
		const float *from = conv->input + ((picture * conv->height + y - half) * conv->width + x - half) * conv->in;
		memcpy(to, from, conv->in * sizeof *to);
	}
}

static void kernel_position(const struct conv_gradient *g, const float *delta, size_t k, float *gathered)
{
	const struct conv *conv = &g->conv;
	size_t pixels = pixels_of(conv);
	for (size_t first = 0; first < pixels; first += CHUNK_PIXELS) {
		size_t count = pixels - first < CHUNK_PIXELS ? pixels - first : CHUNK_PIXELS;
		gather_shifted(conv, first, count, k, gathered);
		gemm_run(&(struct gemm){.m = conv->in,
		                        .n = conv->out,
		                        .k = count,
		                        .transpose_a = true,
		                        .alpha = 1,
		                        .beta = first ? 1 : 0,
		                        .a = gathered,
		                        .lda = conv->in,
		                        .b = delta + first * conv->out,
		                        .ldb = conv->out,
		                        .c = g->kernel_gradient + k * conv->in * conv->out,
		                        .ldc = conv->out});
	}
}

static void sum_kernel(const struct conv_gradient *g, const float *delta, float *gathered)
{
	const struct conv *conv = &g->conv;
	int before = omp_get_max_threads();
	omp_set_num_threads(1); /* as conv_forward: one BLAS thread a task */
#pragma omp parallel for schedule(dynamic) num_threads(conv->threads < 1 ? 1 : conv->threads)
	for (size_t k = 0; k < conv->size * conv->size; k++)
		kernel_position(g, delta, k, gathered + (size_t)omp_get_thread_num() * CHUNK_PIXELS * align_up(conv->in));
	omp_set_num_threads(before);
}

#define TURN 16 /* channels a side of a square that is transposed at once: whole cache lines on both sides */

static void transpose_square(const float *from, size_t in, size_t out, size_t i0, size_t o0, float *to)
{
	for (size_t i = i0; i < i0 + TURN && i < in; i++)
		for (size_t o = o0; o < o0 + TURN && o < out; o++)
			to[o * in + i] = from[i * out + o];
}

void conv_turn_kernel(const struct conv *conv, float *turned)
{
	size_t positions = conv->size * conv->size, in = conv->in, out = conv->out;
#pragma omp parallel for schedule(static) num_threads(conv->threads < 1 ? 1 : conv->threads)
	for (size_t k = 0; k < positions; k++)
		for (size_t i = 0; i < in; i += TURN)
			for (size_t o = 0; o < out; o += TURN)
				transpose_square(conv->kernel + k * in * out, in, out, i, o, turned + (positions - 1 - k) * in * out);
}

void conv_backward(const struct conv_gradient *g, void *workspace)
{
	const struct conv *conv = &g->conv;
	float *masked = workspace, *turned = masked + (conv->relu ? align_up(pixels_of(conv) * conv->out) : 0);
	const float *delta = conv->relu ? masked : g->output_gradient;
	float *zeros = turned + align_up(conv->size * conv->size * conv->in * conv->out);
	float *rest = zeros + align_up(conv->in);

	if (conv->relu)
		relu_backward(pixels_of(conv) * conv->out, conv->output, g->output_gradient, masked, conv->threads);
	sum_bias(g, delta);
	sum_kernel(g, delta, rest);
	if (!g->input_gradient)
		return;
	struct conv back = turned_conv(g);
	conv_turn_kernel(conv, turned);
	memset(zeros, 0, conv->in * sizeof *zeros);
	back.input = delta;
	back.kernel = turned;
	back.bias = zeros;
	back.output = g->input_gradient;
	conv_forward(&back, rest);
}

/* ---- pooling ---- */

/* The gradient of each output goes to the first largest of its four inputs. */
static void pool_pixel(const struct pool_gradient *g, size_t corner, size_t output)
{
	size_t c = g->channels, row = g->width * c;
	for (size_t i = 0; i < c; i++) {
		const size_t places[4] = {corner + i, corner + c + i, corner + row + i, corner + row + c + i};
		size_t best = 0;
		for (size_t k = 1; k < 4; k++)
			best = g->input[places[k]] > g->input[places[best]] ? k : best;
		g->input_gradient[places[best]] = g->output_gradient[output + i];
	}
}

void pool_max2_backward(const struct pool_gradient *g)
{
	size_t rows = g->height / 2, columns = g->width / 2, row = g->width * g->channels;
#pragma omp parallel for schedule(static) num_threads(g->threads < 1 ? 1 : g->threads)
	for (size_t picture = 0; picture < g->n; picture++) {
		size_t first = picture * g->height * row;
		memset(g->input_gradient + first, 0, g->height * row * sizeof *g->input_gradient);
		for (size_t y = 0; y < rows; y++)
			for (size_t x = 0; x < columns; x++)
				pool_pixel(g, first + 2 * y * row + 2 * x * g->channels,
				           ((picture * rows + y) * columns + x) * g->channels);
	}
}
