/*
 * A rectangle of a picture shrunk to bytes by box averages (the AREA kernel of num/resample.c, its reference): output i
 * of an axis of scale s = extent / outputs covers [start + i s, start + (i + 1) s), and a sample k weighs the part of
 * [k, k + 1) in it, over s. Rows first, whole lines at a time, then columns, a pixel's channels at a time; in single
 * precision, always in the same order: the bytes are those of every machine, and differ from the reference by rounding
 * alone.
 */
#include "vision/faces_internal.h"

#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* line = Σ weight[k] · row k, from the first row to the last. */
struct row_sum {
	float *line;
	const uint8_t *rows;
	size_t stride, count; /* bytes from row to row; values of each */
	const float *weights;
	size_t n;
};
typedef void sum_rows(const struct row_sum *sum);

/* With `onto`, what is in the line already stands in front of the sum. A fixed n is unrolled, and the values run side
 * by side. */
static inline __attribute__((always_inline)) void sum_some(const struct row_sum *sum, size_t from, size_t n, bool onto)
{
	float *restrict line = sum->line;
	const uint8_t *restrict rows = sum->rows + from * sum->stride;
	const float *weights = sum->weights + from;
	size_t stride = sum->stride, count = sum->count;
	for (size_t i = 0; i < count; i++) {
		float value = weights[0] * (float)rows[i];
		if (onto)
			value = line[i] + value;
		for (size_t k = 1; k < n; k++)
			value += weights[k] * (float)rows[k * stride + i];
		line[i] = value;
	}
}

static inline __attribute__((always_inline)) void sum_rows_body(const struct row_sum *sum)
{
	size_t done = sum->n < 4 ? sum->n : 4;
	switch (done) {
	case 1:
		sum_some(sum, 0, 1, false);
		break;
	case 2:
		sum_some(sum, 0, 2, false);
		break;
	case 3:
		sum_some(sum, 0, 3, false);
		break;
	default:
		sum_some(sum, 0, 4, false);
	}
	for (; done + 2 <= sum->n; done += 2)
		sum_some(sum, done, 2, true);
	if (done < sum->n)
		sum_some(sum, done, 1, true);
}

static void sum_rows_portable(const struct row_sum *sum)
{
	sum_rows_body(sum);
}

__attribute__((target("avx2"))) static void sum_rows_avx2(const struct row_sum *sum)
{
	sum_rows_body(sum);
}

#define AVX512 target("avx512f,avx512bw,avx512vl")

/* Sixteen values of n rows, in the order of sum_some; a fixed n is unrolled. */
static inline __attribute__((always_inline, AVX512)) __m512
sixteen_avx512(const uint8_t *rows, size_t stride, const float *weights, size_t n, __mmask16 lanes)
{
	__m512 value = _mm512_setzero_ps();
	for (size_t k = 0; k < n; k++) {
		__m128i bytes = lanes == 0xffff ? _mm_loadu_si128((const __m128i *)(const void *)(rows + k * stride))
		                                : _mm_maskz_loadu_epi8(lanes, rows + k * stride);
		__m512 part = _mm512_mul_ps(_mm512_set1_ps(weights[k]), _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
		value = k == 0 ? part : _mm512_add_ps(value, part);
	}
	return value;
}

static inline __attribute__((always_inline, AVX512)) void sum_n_avx512(const struct row_sum *sum, size_t n)
{
	float *restrict line = sum->line;
	const uint8_t *restrict rows = sum->rows;
	const float *restrict weights = sum->weights;
	size_t stride = sum->stride, count = sum->count, i = 0;
	for (; i + 16 <= count; i += 16)
		_mm512_storeu_ps(line + i, sixteen_avx512(rows + i, stride, weights, n, 0xffff));
	__mmask16 left = (__mmask16)((1u << (count - i)) - 1);
	if (left)
		_mm512_mask_storeu_ps(line + i, left, sixteen_avx512(rows + i, stride, weights, n, left));
}

__attribute__((AVX512)) static void sum_rows_avx512(const struct row_sum *sum)
{
	switch (sum->n) {
	case 2:
		sum_n_avx512(sum, 2);
		break;
	case 3:
		sum_n_avx512(sum, 3);
		break;
	case 4:
		sum_n_avx512(sum, 4);
		break;
	default:
		sum_n_avx512(sum, sum->n);
	}
}

/* Weight of sample k in the output that covers [low, high). */
static float overlap(double low, double high, long k, double scale)
{
	double from = low > (double)k ? low : (double)k, to = high < (double)k + 1 ? high : (double)k + 1;
	return to > from ? (float)((to - from) / scale) : 0;
}

static long clip(double value, long low, long high)
{
	return value < (double)low ? low : value > (double)high ? high : (long)value;
}

struct shrink_work {
	float *line;        /* [width + taps][3]: the average of the rows of one output line, then zeros */
	float *weights; /* [out_w / group][taps][group][4]: a weight for each channel and one for none. As many for every
	                 * output, some of them 0, so that the loops do not branch */
	float *row_weights; /* of one output line */
	uint32_t *first;    /* [out_w]: sample, from the left edge of the lines kept */
	size_t left, width; /* columns of the picture that count */
	size_t taps, group; /* outputs that run side by side */
};

static float *weights_of(const struct shrink_work *work, size_t x)
{
	return work->weights + (x / work->group * work->taps * work->group + x % work->group) * 4;
}

static void weigh_columns(const struct face_shrink *job, struct shrink_work *work, long right)
{
	double scale = job->w / (double)job->out_w;
	long left = (long)work->left;
	for (size_t i = 0; i < job->out_w; i++) {
		double low = job->x + (double)i * scale, high = job->x + (double)(i + 1) * scale;
		long first = clip(floor(low), left, right);
		work->first[i] = (uint32_t)(first - left);
		for (size_t k = 0; k < work->taps; k++) {
			float *at = weights_of(work, i) + k * work->group * 4;
			at[0] = at[1] = at[2] = at[3] = overlap(low, high, first + (long)k, scale);
		}
	}
}

/* Lends the work arrays out of one block. */
static int prepare(const struct face_shrink *job, struct face_scratch *scratch, struct shrink_work *work,
                   struct err *err)
{
	long last = (long)job->picture->width - 1;
	long left = clip(floor(job->x), 0, last), right = clip(ceil(job->x + job->w) - 1, left, last);
	work->left = (size_t)left;
	work->width = (size_t)(right - left + 1);
	work->taps = (size_t)ceil(job->w / (double)job->out_w) + 1;
	size_t line = (work->width + work->taps + 1) * 3, groups = (job->out_w + work->group - 1) / work->group;
	size_t weights = groups * work->group * work->taps * 4;
	size_t rows = (size_t)ceil(job->h / (double)job->out_h) + 2;
	uint8_t *grown =
	    mem_grow(scratch->bytes, &scratch->capacity, (line + weights + rows + job->out_w) * sizeof(float), 1, err);
	if (!grown)
		return err->code;
	scratch->bytes = grown;
	work->weights = (float *)(void *)grown;
	work->line = work->weights + weights;
	work->row_weights = work->line + line;
	work->first = (uint32_t *)(void *)(work->row_weights + rows);
	memset(work->line + work->width * 3, 0, (work->taps + 1) * 3 * sizeof(float));
	weigh_columns(job, work, right);
	return OK;
}

static void average_rows(const struct face_shrink *job, const struct shrink_work *work, size_t y, sum_rows *sum)
{
	double scale = job->h / (double)job->out_h, low = job->y + (double)y * scale,
	       high = job->y + (double)(y + 1) * scale;
	long last = (long)job->picture->height - 1;
	long first = clip(floor(low), 0, last), end = clip(ceil(high) - 1, first, last);
	size_t stride = job->picture->width * 3;
	for (long k = first; k <= end; k++)
		work->row_weights[k - first] = overlap(low, high, k, scale);
	sum(&(struct row_sum){.line = work->line,
	                      .rows = job->picture->pixels + (size_t)first * stride + work->left * 3,
	                      .stride = stride,
	                      .count = work->width * 3,
	                      .weights = work->row_weights,
	                      .n = (size_t)(end - first + 1)});
}

/* A pixel's three channels out of four sums. The weights add up to 1 but for rounding: no value leaves a byte. */
static inline __attribute__((always_inline)) int pixel_of(__m128 sum)
{
	const __m128i bytes = _mm_setr_epi8(0, 4, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	return _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm_cvttps_epi32(sum), bytes));
}

/* Outputs from x on. A pixel's three channels, and the next one's first, which is not used. */
static inline __attribute__((always_inline)) void columns_from(const struct shrink_work *work, size_t x, size_t outputs,
                                                               uint8_t *out)
{
	size_t taps = work->taps;
	for (; x < outputs; x++) {
		const float *at = work->line + 3 * (size_t)work->first[x], *weight = weights_of(work, x);
		__m128 sum = _mm_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++)
			sum = _mm_add_ps(sum, _mm_mul_ps(_mm_loadu_ps(at + 3 * i), _mm_loadu_ps(weight + 4 * work->group * i)));
		int pixel = pixel_of(sum);
		memcpy(out + 3 * x, &pixel, x + 1 < outputs ? 4 : 3);
	}
}

static void columns_portable(const struct shrink_work *work, size_t outputs, uint8_t *out)
{
	columns_from(work, 0, outputs, out);
}

/* Two outputs at a time, but for the last ones. */
__attribute__((target("avx2"), always_inline)) static inline void pairs_avx2(const struct shrink_work *work,
                                                                             size_t taps, size_t outputs, uint8_t *out)
{
	size_t x = 0;
	const float *weight = work->weights;
	for (; x + 2 < outputs; x += 2, weight += 8 * taps) {
		const float *a = work->line + 3 * (size_t)work->first[x], *b = work->line + 3 * (size_t)work->first[x + 1];
		__m256 sum = _mm256_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++)
			sum = _mm256_add_ps(
			    sum, _mm256_mul_ps(_mm256_loadu2_m128(b + 3 * i, a + 3 * i), _mm256_loadu_ps(weight + 8 * i)));
		int first = pixel_of(_mm256_castps256_ps128(sum)), second = pixel_of(_mm256_extractf128_ps(sum, 1));
		memcpy(out + 3 * x, &first, 4);
		memcpy(out + 3 * x + 3, &second, 4);
	}
	columns_from(work, x, outputs, out);
}

__attribute__((target("avx2"))) static void columns_avx2(const struct shrink_work *work, size_t outputs, uint8_t *out)
{
	switch (work->taps) {
	case 3:
		pairs_avx2(work, 3, outputs, out);
		break;
	case 4:
		pairs_avx2(work, 4, outputs, out);
		break;
	case 5:
		pairs_avx2(work, 5, outputs, out);
		break;
	default:
		pairs_avx2(work, work->taps, outputs, out);
	}
}

/* Where the samples of four outputs begin. */
static inline __attribute__((always_inline, AVX512)) __m512 four_pixels(const float *const at[4], size_t tap)
{
	__m512 pixels = _mm512_castps128_ps512(_mm_loadu_ps(at[0] + 3 * tap));
	pixels = _mm512_insertf32x4(pixels, _mm_loadu_ps(at[1] + 3 * tap), 1);
	pixels = _mm512_insertf32x4(pixels, _mm_loadu_ps(at[2] + 3 * tap), 2);
	return _mm512_insertf32x4(pixels, _mm_loadu_ps(at[3] + 3 * tap), 3);
}

static inline __attribute__((always_inline, AVX512)) void fours_avx512(const struct shrink_work *work, size_t taps,
                                                                       size_t outputs, uint8_t *out)
{
	const __m128i order = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
	const float *weight = work->weights, *line = work->line;
	const uint32_t *first = work->first;
	size_t x = 0;
	for (; x + 4 <= outputs; x += 4, first += 4, weight += 16 * taps) {
		const float *at[4] = {line + 3 * (size_t)first[0], line + 3 * (size_t)first[1], line + 3 * (size_t)first[2],
		                      line + 3 * (size_t)first[3]};
		__m512 sum = _mm512_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++)
			sum = _mm512_add_ps(sum, _mm512_mul_ps(four_pixels(at, i), _mm512_loadu_ps(weight + 16 * i)));
		__m128i bytes = _mm512_cvtusepi32_epi8(_mm512_cvttps_epi32(sum));
		_mm_mask_storeu_epi8(out + 3 * x, 0x0fff, _mm_shuffle_epi8(bytes, order));
	}
	columns_from(work, x, outputs, out);
}

/* Four outputs at a time, but for the last ones. */
__attribute__((AVX512)) static void columns_avx512(const struct shrink_work *work, size_t outputs, uint8_t *out)
{
	switch (work->taps) {
	case 3:
		fours_avx512(work, 3, outputs, out);
		break;
	case 4:
		fours_avx512(work, 4, outputs, out);
		break;
	default:
		fours_avx512(work, work->taps, outputs, out);
	}
}

struct shrink_kernels {
	sum_rows *rows;
	void (*columns)(const struct shrink_work *work, size_t outputs, uint8_t *out);
	size_t group;
};

/* By enum cpu_level. */
static const struct shrink_kernels *shrink_kernels(void)
{
	static const struct shrink_kernels portable = {sum_rows_portable, columns_portable, 2},
	                                   avx2 = {sum_rows_avx2, columns_avx2, 2},
	                                   avx512 = {sum_rows_avx512, columns_avx512, 4};
	enum cpu_level level = cpu_features()->level;
	return level >= CPU_AVX512 ? &avx512 : level >= CPU_AVX2 ? &avx2 : &portable;
}

int face_shrink_run(const struct face_shrink *job, struct face_scratch *scratch, struct err *err)
{
	const struct shrink_kernels *kernels = shrink_kernels();
	struct shrink_work work = {.group = kernels->group};
	int status = prepare(job, scratch, &work, err);
	if (status != OK)
		return status;
	for (size_t y = 0; y < job->out_h; y++) {
		average_rows(job, &work, y, kernels->rows);
		kernels->columns(&work, job->out_w, job->out + y * job->out_stride);
	}
	return OK;
}

void face_scratch_free(struct face_scratch *scratch)
{
	free(scratch->bytes);
	*scratch = (struct face_scratch){0};
}
