/*
 * A rectangle of a picture shrunk to bytes by box averages (the AREA kernel of num/resample.c, its reference): output i of an axis of
 * scale s = extent / outputs covers [start + i s, start + (i + 1) s), and a sample k weighs the part of [k, k + 1) in it, over s.
 * Rows first, whole lines at a time, then columns, a pixel's channels at a time; in single precision, always in the same order: the
 * bytes are those of every machine, and differ from the reference by rounding alone.
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

/* With `onto`, what is in the line already stands in front of the sum. A fixed n is unrolled, and the values run side by side. */
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
	float *weights;     /* [out_w / 2][taps][2][4]: two outputs at a time, a weight for each channel and one for none. As many for
	                     * every output, some of them 0, so that the loops do not branch */
	float *row_weights; /* of one output line */
	uint32_t *first;    /* [out_w]: sample, from the left edge of the lines kept */
	size_t left, width; /* columns of the picture that count */
	size_t taps;
};

static void weigh_columns(const struct face_shrink *job, struct shrink_work *work, long right)
{
	double scale = job->w / (double)job->out_w;
	long left = (long)work->left;
	for (size_t i = 0; i < job->out_w; i++) {
		double low = job->x + (double)i * scale, high = job->x + (double)(i + 1) * scale;
		long first = clip(floor(low), left, right);
		work->first[i] = (uint32_t)(first - left);
		for (size_t k = 0; k < work->taps; k++) {
			float *at = work->weights + ((i / 2 * work->taps + k) * 2 + i % 2) * 4;
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
	size_t line = (work->width + work->taps + 1) * 3, weights = (job->out_w + 1) / 2 * work->taps * 8;
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
	double scale = job->h / (double)job->out_h, low = job->y + (double)y * scale, high = job->y + (double)(y + 1) * scale;
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
		const float *at = work->line + 3 * (size_t)work->first[x], *weight = work->weights + (x / 2 * taps * 2 + x % 2) * 4;
		__m128 sum = _mm_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++)
			sum = _mm_add_ps(sum, _mm_mul_ps(_mm_loadu_ps(at + 3 * i), _mm_loadu_ps(weight + 8 * i)));
		int pixel = pixel_of(sum);
		memcpy(out + 3 * x, &pixel, x + 1 < outputs ? 4 : 3);
	}
}

static void columns_portable(const struct shrink_work *work, size_t outputs, uint8_t *out)
{
	columns_from(work, 0, outputs, out);
}

/* Two outputs at a time, but for the last ones. */
__attribute__((target("avx2"), always_inline)) static inline void pairs_avx2(const struct shrink_work *work, size_t taps,
                                                                             size_t outputs, uint8_t *out)
{
	size_t x = 0;
	const float *weight = work->weights;
	for (; x + 2 < outputs; x += 2, weight += 8 * taps) {
		const float *a = work->line + 3 * (size_t)work->first[x], *b = work->line + 3 * (size_t)work->first[x + 1];
		__m256 sum = _mm256_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++)
			sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu2_m128(b + 3 * i, a + 3 * i), _mm256_loadu_ps(weight + 8 * i)));
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

int face_shrink_run(const struct face_shrink *job, struct face_scratch *scratch, struct err *err)
{
	struct shrink_work work = {0};
	int status = prepare(job, scratch, &work, err);
	if (status != OK)
		return status;
	bool wide = cpu_features()->level >= CPU_AVX2;
	for (size_t y = 0; y < job->out_h; y++) {
		average_rows(job, &work, y, wide ? sum_rows_avx2 : sum_rows_portable);
		(wide ? columns_avx2 : columns_portable)(&work, job->out_w, job->out + y * job->out_stride);
	}
	return OK;
}

void face_scratch_free(struct face_scratch *scratch)
{
	free(scratch->bytes);
	*scratch = (struct face_scratch){0};
}
