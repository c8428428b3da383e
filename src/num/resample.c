/*
 * Resampling as a separable filter: an axis of an output pixel is a run of source samples with weights.
 *
 * With scale s = extent / outputs and output i, in source coordinates whose sample k covers [k, k + 1):
 *   NEAREST   the one sample that holds the centre, start + (i + ½) s
 *   BILINEAR  position u = start + (i + ½) s − ½; samples ⌊u⌋ and ⌊u⌋ + 1 with weights 1 − f and f, f = u − ⌊u⌋
 *   AREA      s > 1: samples that [start + i s, start + (i + 1) s) covers, by the covered length over s; else BILINEAR
 * Sums are kept in double in a fixed order, so every machine gives the same bytes.
 */
#include "num/num.h"

#include <math.h>

/* Samples first … first + count − 1 (beyond the picture = its edge) with weights head, body …, body, tail. */
struct taps {
	long first, count;
	double head, body, tail;
};

struct axis {
	double start, extent;
	size_t outputs;
};

static struct taps nearest_taps(const struct axis *axis, size_t i)
{
	double centre = axis->start + ((double)i + 0.5) * axis->extent / (double)axis->outputs;
	return (struct taps){.first = (long)floor(centre), .count = 1, .head = 1};
}

static struct taps bilinear_taps(const struct axis *axis, size_t i)
{
	double u = axis->start + ((double)i + 0.5) * axis->extent / (double)axis->outputs - 0.5;
	double f = u - floor(u);
	return (struct taps){.first = (long)floor(u), .count = 2, .head = 1 - f, .tail = f};
}

static struct taps area_taps(const struct axis *axis, size_t i)
{
	double scale = axis->extent / (double)axis->outputs;
	double low = axis->start + (double)i * scale, high = axis->start + (double)(i + 1) * scale;
	long first = (long)floor(low), last = (long)ceil(high) - 1;
	if (last <= first)
		return (struct taps){.first = first, .count = 1, .head = 1};
	return (struct taps){.first = first,
	                     .count = last - first + 1,
	                     .head = ((double)(first + 1) - low) / scale,
	                     .body = 1 / scale,
	                     .tail = (high - (double)last) / scale};
}

static struct taps axis_taps(enum resample_kernel kernel, const struct axis *axis, size_t i)
{
	if (kernel == RESAMPLE_NEAREST)
		return nearest_taps(axis, i);
	if (kernel == RESAMPLE_AREA && axis->extent > (double)axis->outputs)
		return area_taps(axis, i);
	return bilinear_taps(axis, i);
}

static double tap_weight(const struct taps *taps, long i)
{
	return i == 0 ? taps->head : i == taps->count - 1 ? taps->tail : taps->body;
}

static size_t clamp_sample(long sample, long last)
{
	return (size_t)(sample < 0 ? 0 : sample > last ? last : sample);
}

/* Weighted sum of the rectangle rows × columns, all channels. */
static void resample_pixel(const struct resample *r, const struct taps *rows, const struct taps *columns, float *out)
{
	double sum[4] = {0};
	for (long j = 0; j < rows->count; j++) {
		const uint8_t *line = r->pixels + clamp_sample(rows->first + j, (long)r->height - 1) * r->width * r->channels;
		double line_weight = tap_weight(rows, j);
		for (long i = 0; i < columns->count; i++) {
			const uint8_t *sample = line + clamp_sample(columns->first + i, (long)r->width - 1) * r->channels;
			double weight = line_weight * tap_weight(columns, i);
			for (size_t c = 0; c < r->channels; c++)
				sum[c] += weight * sample[c];
		}
	}
	for (size_t c = 0; c < r->channels; c++)
		out[c] = (float)sum[c];
}

static int resample_check(const struct resample *r, struct err *err)
{
	double limit = 1e6;
	if (r->width == 0 || r->height == 0 || r->channels == 0 || r->channels > 4)
		return err_set(err, ERR_DATA, "resample: a picture of %zu×%zu with %zu channels", r->width, r->height,
		               r->channels);
	if (r->out_w == 0 || r->out_h == 0)
		return err_set(err, ERR_DATA, "resample: an output of %zu×%zu", r->out_w, r->out_h);
	/* Negated, so that NaN is refused too. */
	if (!(r->w > 0 && r->h > 0 && r->w <= limit && r->h <= limit && fabs(r->x) <= limit && fabs(r->y) <= limit))
		return err_set(err, ERR_DATA, "resample: rectangle %g,%g %g×%g", r->x, r->y, r->w, r->h);
	if (r->kernel != RESAMPLE_NEAREST && r->kernel != RESAMPLE_BILINEAR && r->kernel != RESAMPLE_AREA)
		return err_set(err, ERR_DATA, "resample: kernel number %d", (int)r->kernel);
	return OK;
}

int resample_run(const struct resample *r, struct err *err)
{
	int code = resample_check(r, err);
	if (code != OK)
		return code;
	struct axis across = {.start = r->x, .extent = r->w, .outputs = r->out_w};
	struct axis down = {.start = r->y, .extent = r->h, .outputs = r->out_h};
	float *out = r->output;
	for (size_t y = 0; y < r->out_h; y++) {
		struct taps rows = axis_taps(r->kernel, &down, y);
		for (size_t x = 0; x < r->out_w; x++, out += r->channels) {
			struct taps columns = axis_taps(r->kernel, &across, x);
			resample_pixel(r, &rows, &columns, out);
		}
	}
	return OK;
}
