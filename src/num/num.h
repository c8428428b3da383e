/*
 * num: the numeric kernels that more than one library needs.
 *
 * Matrix products (over OpenBLAS), convolution, pooling, softmax, small Cholesky, compressed rows, top-k,
 * resampling of 8-bit pictures, statistics. The only place that includes BLAS. Depends on: base.
 *
 * Arrays are row-major float32 unless said otherwise. Kernels never allocate: scratch comes from the caller,
 * its size from the *_workspace function. Each fast kernel has a _ref twin, plain C with double sums.
 * BLAS calls stand outside OpenMP regions unless blas_threads(1) was set.
 */
#ifndef MOODCAST_NUM_H
#define MOODCAST_NUM_H

#include "base/base.h"

/* ---- BLAS -------------------------------------------------------------------------------- */

/* The kernel family that OpenBLAS runs: "SkylakeX", "Haswell", "Prescott" … */
const char *blas_core(void);
const char *blas_version(void);
/* The OPENBLAS_CORETYPE this CPU deserves when OpenBLAS chose a family of a lower vector level by itself
 * (cpu_features), else NULL, and NULL when OPENBLAS_CORETYPE is set. The program sets it and starts itself again, once,
 * before any work. */
const char *blas_better_core(void);
void blas_threads(int threads);

/* C[m][n] = alpha * op(A) * op(B) + beta * C; op transposes when asked. lda, ldb, ldc: row strides in elements. */
struct gemm {
	size_t m, n, k;
	bool transpose_a, transpose_b;
	float alpha, beta;
	const float *a, *b;
	float *c;
	size_t lda, ldb, ldc;
};
void gemm_run(const struct gemm *gemm);
void gemm_ref(const struct gemm *gemm);
/* y[m] = A[m][n] x[n]. */
void gemv_run(size_t m, size_t n, const float *a, size_t lda, const float *x, float *y);
float dot_run(size_t n, const float *x, const float *y);
float norm_run(size_t n, const float *x);
void axpy_run(size_t n, float alpha, const float *x, float *y); /* y += alpha x */
/* Lower triangle of C[n][n] = A' A (A [rows][n]) + beta C. */
void syrk_run(size_t n, size_t rows, const float *a, size_t lda, float beta, float *c);

/* ---- network kernels: NHWC activations, HWIO weights --------------------------------------- */

/* 3×3 (or any odd) convolution, stride 1, 'same' zero padding, + bias, optional ReLU.
 * input [n][height][width][in], kernel [size][size][in][out], bias [out], output [n][height][width][out]. */
struct conv {
	size_t n, height, width, in, out, size;
	bool relu;
	const float *input, *kernel, *bias;
	float *output;
	int threads;
};
/* Bytes; the same for any n. A picture's result depends neither on `threads` nor on the other pictures of the call. */
size_t conv_workspace(const struct conv *conv);
void conv_forward(const struct conv *conv, void *workspace);
void conv_ref(const struct conv *conv);
/* 2×2 stride 2 'valid' maximum: [n][h][w][c] → [n][h/2][w/2][c]. */
void pool_max2(size_t n, size_t height, size_t width, size_t channels, const float *input, float *output, int threads);
/* size×size stride size 'valid' average. */
void pool_average(size_t n, size_t height, size_t width, size_t channels, size_t size, const float *input,
                  float *output);
/* Gradients of a convolution: conv.input, conv.output (its result, for the ReLU) and conv.kernel as in the forward
 * pass. conv.bias is not read. Same bytes for any number of threads. */
struct conv_gradient {
	struct conv conv;
	const float *output_gradient; /* [n][height][width][out] */
	float *kernel_gradient;       /* [size][size][in][out] */
	float *bias_gradient;         /* [out] */
	float *input_gradient;        /* [n][height][width][in]; NULL = not wanted */
};
size_t conv_backward_workspace(const struct conv_gradient *gradient); /* bytes */
void conv_backward(const struct conv_gradient *gradient, void *workspace);
/* What a ReLU lets through of a gradient: where its output is above 0. delta may be the gradient itself. */
void relu_backward(size_t count, const float *output, const float *gradient, float *delta, int threads);
/* W[k][i][o] → turned[size² − 1 − k][o][i]: the convolution that takes the gradient back to the input. */
void conv_turn_kernel(const struct conv *conv, float *turned);
/* Of pool_max2: an output's gradient goes to the first of the largest inputs, row by row; the others get 0. */
struct pool_gradient {
	size_t n, height, width, channels; /* of the input */
	const float *input, *output_gradient;
	float *input_gradient;
	int threads;
};
void pool_max2_backward(const struct pool_gradient *gradient);
/* Row-wise, in place, subtracting the maximum first. */
void softmax_rows(size_t rows, size_t columns, float *x);

/* ---- 3×3 convolutions over channel blocks -------------------------------------------------- */

/* Inside a network, maps lie in blocks of 16 channels: [n][channels/16][height][width][16], "blocked". A layer is
 * prepared for one map size: its kernel transformed and packed for the vector level it will run on. Layers are
 * read-only and may be shared by threads. A picture's result depends neither on `threads` nor on the other pictures of
 * the call; between levels it differs by rounding. */
struct winograd_weights {
	const float *kernel; /* [3][3][in][out] */
	const float *bias;   /* [out] */
	int threads;         /* to transform with */
};
/* 'same' zero padding, stride 1, + bias, ReLU and, with `pool`, 2×2 stride 2 'valid' maximum, by Winograd's minimal
 * filtering F(tile×tile, 3×3) (Lavin & Gray 2016). */
struct winograd_shape {
	size_t height, width; /* of the input map */
	size_t in, out;       /* multiples of 16 */
	bool pool;            /* output [n][out/16][height/2][width/2][16] */
	size_t tile;          /* 2, 3, 4 or 6; with pool an even one; 0 = what should be fastest */
	size_t pictures;      /* that calls will bring, for this choice: for few, a tile with a smaller kernel; 0 = many */
	enum cpu_level level; /* at most; CPU_AVX512 = what the CPU has */
	bool linear;          /* without ReLU */
	bool half; /* the kernel is kept in float16 (F16C): half of it to read, sums stay float32; tiles up to 4 */
};
struct winograd;
/* ERR_SETTINGS names a shape that cannot be, and a CPU without F16C when `half` is asked for. Freed by winograd_free;
 * the weights need not outlive the call. */
int winograd_new(struct winograd **out, const struct winograd_shape *shape, const struct winograd_weights *weights,
                 struct err *err) MUST_CHECK;
void winograd_free(struct winograd *layer); /* NULL is fine */
/* Other weights for the same shape; nobody may be using the layer meanwhile. */
void winograd_set(struct winograd *layer, const struct winograd_weights *weights);
struct winograd_run {
	const struct winograd *layer;
	size_t n;
	const float *input; /* blocked */
	float *output;      /* blocked; 64-byte aligned like input */
	int threads;
};
size_t winograd_workspace(const struct winograd *layer, size_t n, int threads); /* bytes */
void winograd_forward(const struct winograd_run *run, void *workspace);

/* The same convolution with ReLU done directly, from NHWC with few channels: a network's first layer. */
struct direct_shape {
	size_t height, width;
	size_t in, out; /* out: a multiple of 16 */
	enum cpu_level level;
};
struct direct;
int direct_new(struct direct **out, const struct direct_shape *shape, const struct winograd_weights *weights,
               struct err *err) MUST_CHECK;
void direct_free(struct direct *layer); /* NULL is fine */
struct direct_run {
	const struct direct *layer;
	size_t n;
	const float *input; /* [n][height][width][in] */
	float *output;      /* blocked */
	int threads;
};
size_t direct_workspace(const struct direct *layer, int threads); /* bytes */
void direct_forward(const struct direct_run *run, void *workspace);

/* [n][channels/16][pixels][16] ↔ [n][pixels][channels]; channels: a multiple of 16. */
void blocked_to_nhwc(size_t n, size_t pixels, size_t channels, const float *from, float *to);
void nhwc_to_blocked(size_t n, size_t pixels, size_t channels, const float *from, float *to);

/* ---- pictures ---------------------------------------------------------------------------------- */

struct rect {
	int x, y, w, h;
};
double rect_iou(struct rect a, struct rect b);

enum resample_kernel { RESAMPLE_NEAREST, RESAMPLE_BILINEAR, RESAMPLE_AREA };
/* Resamples the (real-valued) rectangle x, y, w, h of a picture [height][width][channels] of bytes to
 * [out_h][out_w][channels] float32 0..255. What lies outside the picture repeats its edge. Pixel centres at +0.5.
 * NEAREST: the sample whose square holds the centre; BILINEAR: two taps an axis; AREA: exact box average when
 * shrinking, BILINEAR when enlarging. Same result on every machine. */
struct resample {
	const uint8_t *pixels;
	size_t width, height, channels;
	double x, y, w, h;
	size_t out_w, out_h;
	enum resample_kernel kernel;
	float *output;
};
int resample_run(const struct resample *resample, struct err *err) MUST_CHECK;

/* ---- small dense algebra ---------------------------------------------------------------------------- */

/* Lower Cholesky of a symmetric positive definite A[n][n] (double, lower triangle read), in place.
 * ERR_NUMERIC names the pivot that is not positive. */
int cholesky_factor(size_t n, double *a, struct err *err) MUST_CHECK;
void cholesky_solve(size_t n, const double *l, double *b); /* b ← A⁻¹ b */

/* ---- compressed sparse rows ------------------------------------------------------------------------------ */

struct csr {
	size_t rows, columns;
	int64_t *start; /* [rows + 1] */
	int32_t *index; /* [start[rows]], ascending in a row */
	float *value;   /* the same count; NULL where only the pattern matters */
};
void csr_free(struct csr *matrix);
int csr_transpose(const struct csr *matrix, struct csr *out, struct err *err) MUST_CHECK;
/* Is start monotone, every index in range and ascending? ERR_DATA names the row. */
int csr_check(const struct csr *matrix, struct err *err) MUST_CHECK;

/* ---- selection and statistics ---------------------------------------------------------------------------- */

struct scored {
	float score;
	uint32_t id;
};
/* The k best of count, best first, ties to the smaller id, NaN last; k is cut to count. Returns how many. In place:
 * items[0 … k). */
size_t top_k(struct scored *items, size_t count, size_t k);
double mean_of(const double *x, size_t n);      /* NaN without numbers */
double deviation_of(const double *x, size_t n); /* over n − 1; NaN below two numbers */
/* 2.5 and 97.5 percentiles of the mean over groups drawn with replacement (percentile bootstrap): value[i] summed and
 * weight[i] summed a draw, mean = Σ value / Σ weight; draws without weight are left out. NaN when none is left. */
struct bootstrap {
	const double *value, *weight; /* [groups] */
	size_t groups, draws;
};
int bootstrap_interval(const struct bootstrap *what, struct rng *rng, double *low, double *high,
                       struct err *err) MUST_CHECK;

#endif
