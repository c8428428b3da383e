/*
 * A rectangle of a picture shrunk to bytes by box averages (the AREA kernel of num/resample.c, its reference): output i of an axis of
 * scale s = extent / outputs covers [start + i s, start + (i + 1) s), and a sample k weighs the part of [k, k + 1) in it, over s.
 * Rows first, whole lines at a time, then columns, a pixel's channels at a time; in single precision, always in the same order: the
 * bytes are those of every machine, and differ from the reference by rounding alone.
 */
#include "vision/faces_internal.h"

#include <math.h>
#include <smmintrin.h> /* SSE4.1, which the baseline has */
#include <stdlib.h>
#include <string.h>

/* acc += weight · row, or with `first` acc = weight · row. */
typedef void add_row(float *acc, const uint8_t *row, size_t count, float weight, bool first);

static inline __attribute__((always_inline)) void add_row_body(float *restrict acc, const uint8_t *restrict row,
                                                               size_t count, float weight, bool first)
{
	if (first) {
		for (size_t i = 0; i < count; i++)
			acc[i] = weight * (float)row[i];
		return;
	}
	for (size_t i = 0; i < count; i++)
		acc[i] += weight * (float)row[i];
}

static void add_row_portable(float *acc, const uint8_t *row, size_t count, float weight, bool first)
{
	add_row_body(acc, row, count, weight, first);
}

__attribute__((target("avx2"))) static void add_row_avx2(float *acc, const uint8_t *row, size_t count, float weight,
                                                         bool first)
{
	add_row_body(acc, row, count, weight, first);
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
	float *weights;     /* [out_w][taps]: as many for every output, some of them 0, so that the loops do not branch */
	uint32_t *first;    /* [out_w]: sample, from the left edge of the lines kept */
	size_t left, width; /* columns of the picture that count */
	size_t taps;
};

/* Lends the work arrays out of one block. */
static int prepare(const struct face_shrink *job, struct face_scratch *scratch, struct shrink_work *work,
                   struct err *err)
{
	long last = (long)job->picture->width - 1;
	long left = clip(floor(job->x), 0, last), right = clip(ceil(job->x + job->w) - 1, left, last);
	double scale = job->w / (double)job->out_w;
	work->left = (size_t)left;
	work->width = (size_t)(right - left + 1);
	work->taps = (size_t)ceil(scale) + 1;
	size_t line = (work->width + work->taps + 1) * 3, weights = work->taps * job->out_w;
	uint8_t *grown = mem_grow(scratch->bytes, &scratch->capacity, (line + weights + job->out_w) * sizeof(float), 1, err);
	if (!grown)
		return err->code;
	scratch->bytes = grown;
	work->line = (float *)(void *)grown;
	work->weights = work->line + line;
	work->first = (uint32_t *)(void *)(work->weights + weights);
	memset(work->line + work->width * 3, 0, (work->taps + 1) * 3 * sizeof(float));
	for (size_t i = 0; i < job->out_w; i++) {
		double low = job->x + (double)i * scale, high = job->x + (double)(i + 1) * scale;
		long first = clip(floor(low), left, right);
		work->first[i] = (uint32_t)(first - left);
		for (size_t k = 0; k < work->taps; k++)
			work->weights[i * work->taps + k] = overlap(low, high, first + (long)k, scale);
	}
	return OK;
}

static void average_rows(const struct face_shrink *job, const struct shrink_work *work, size_t y, add_row *add)
{
	double scale = job->h / (double)job->out_h, low = job->y + (double)y * scale, high = job->y + (double)(y + 1) * scale;
	long last = (long)job->picture->height - 1;
	long first = clip(floor(low), 0, last), end = clip(ceil(high) - 1, first, last);
	for (long k = first; k <= end; k++)
		add(work->line, job->picture->pixels + ((size_t)k * job->picture->width + work->left) * 3, work->width * 3,
		    overlap(low, high, k, scale), k == first);
}

/* The sum of the weights is 1 but for rounding: no value leaves a byte. */
static inline __attribute__((always_inline)) void columns_body(const struct shrink_work *work, size_t taps, size_t outputs,
                                                               uint8_t *out)
{
	const __m128i bytes = _mm_setr_epi8(0, 4, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	for (size_t x = 0; x < outputs; x++, out += 3) {
		const float *at = work->line + 3 * (size_t)work->first[x], *weight = work->weights + x * taps;
		/* A pixel's three channels, and the next one's first, which is not used. */
		__m128 sum = _mm_set1_ps(0.5f);
		for (size_t i = 0; i < taps; i++, at += 3)
			sum = _mm_add_ps(sum, _mm_mul_ps(_mm_loadu_ps(at), _mm_set1_ps(weight[i])));
		int pixel = _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm_cvttps_epi32(sum), bytes));
		memcpy(out, &pixel, x + 1 < outputs ? 4 : 3);
	}
}

static void average_columns(const struct shrink_work *work, size_t outputs, uint8_t *out)
{
	switch (work->taps) {
	case 3:
		columns_body(work, 3, outputs, out);
		break;
	case 4:
		columns_body(work, 4, outputs, out);
		break;
	case 5:
		columns_body(work, 5, outputs, out);
		break;
	default:
		columns_body(work, work->taps, outputs, out);
	}
}

int face_shrink_run(const struct face_shrink *job, struct face_scratch *scratch, struct err *err)
{
	struct shrink_work work = {0};
	int status = prepare(job, scratch, &work, err);
	if (status != OK)
		return status;
	add_row *add = cpu_features()->level >= CPU_AVX2 ? add_row_avx2 : add_row_portable;
	for (size_t y = 0; y < job->out_h; y++) {
		average_rows(job, &work, y, add);
		average_columns(&work, job->out_w, job->out + y * job->out_stride);
	}
	return OK;
}

void face_scratch_free(struct face_scratch *scratch)
{
	free(scratch->bytes);
	*scratch = (struct face_scratch){0};
}
