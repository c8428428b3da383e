/* Grey conversion and the exact bilinear resize of 8-bit pictures. */
#include "vision/vision_internal.h"

#include <math.h>
#include <string.h>

/* ITU-R BT.601 weights in 1/32768. */
#define GREY_R 9798u
#define GREY_G 19235u
#define GREY_B 3735u

void grey_from_rgb(const uint8_t *rgb, size_t count, uint8_t *grey)
{
	for (size_t i = 0; i < count; i++)
		grey[i] = (uint8_t)((GREY_R * rgb[3 * i] + GREY_G * rgb[3 * i + 1] + GREY_B * rgb[3 * i + 2] + 16384u) >> 15);
}

/* Destination i looks at f = (i + ½)·step − ½; between k = ⌊f⌋ and k + 1 it mixes in 1/256; outside it repeats the
 * edge. */
static struct resize_tap tap_at(size_t i, size_t from, double step)
{
	double f = step * ((double)i + 0.5) - 0.5;
	double k = floor(f);
	struct resize_tap tap = {0, 0, 0};
	if (k >= (double)from - 1)
		tap.near = tap.far = (uint32_t)(from - 1);
	else if (k >= 0) {
		tap.near = (uint32_t)k;
		tap.far = tap.near + 1;
		tap.share = (uint32_t)lrint((f - k) * 256);
	}
	return tap;
}

/* 1 / (to / from), two roundings, as OpenCV computes it. */
static double step_of(size_t from, size_t to)
{
	return 1.0 / ((double)to / (double)from);
}

static void resize_row(const struct resize *resize, size_t y)
{
	struct resize_tap row = resize_row_tap(y, resize->from_h, resize->to_h);
	const uint8_t *top = resize->from + row.near * resize->from_w;
	const uint8_t *bottom = resize->from + row.far * resize->from_w;
	uint8_t *to = resize->to + y * resize->to_w;
	for (size_t x = 0; x < resize->to_w; x++) {
		struct resize_tap tap = resize->taps[x];
		uint32_t p = top[tap.near] * (256 - tap.share) + top[tap.far] * tap.share;
		uint32_t q = bottom[tap.near] * (256 - tap.share) + bottom[tap.far] * tap.share;
		to[x] = (uint8_t)((p * (256 - row.share) + q * row.share + 32768) >> 16);
	}
}

void resize_exact(const struct resize *resize)
{
	if (resize->from_w == resize->to_w && resize->from_h == resize->to_h) {
		memcpy(resize->to, resize->from, resize->to_w * resize->to_h);
		return;
	}
	double step = step_of(resize->from_w, resize->to_w);
	for (size_t x = 0; x < resize->to_w; x++)
		resize->taps[x] = tap_at(x, resize->from_w, step);
	for (size_t y = 0; y < resize->to_h; y++)
		resize_row(resize, y);
}

struct resize_tap resize_row_tap(size_t y, size_t from, size_t to)
{
	return tap_at(y, from, step_of(from, to));
}

void resize_taps_fill(const struct resize_taps *taps, size_t from, size_t to)
{
	double step = step_of(from, to);
	for (size_t x = 0; x < to; x++) {
		struct resize_tap tap = tap_at(x, from, step);
		taps->near[x] = tap.near;
		taps->share[x] = tap.share;
	}
}
