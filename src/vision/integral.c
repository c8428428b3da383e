/*
 * Integral pictures (Viola & Jones 2001) and their tilted kin (Lienhart & Maydt 2002).
 *
 *   sum(X, Y)    = Σ I(x, y),  x < X, y < Y
 *   tilted(X, Y) = Σ I(x, y),  y < Y, |x − X + 1| ≤ Y − y − 1
 *
 * All sums are taken modulo 2^32: differences of corners are right as long as the box itself fits.
 */
#include "vision/vision_internal.h"

#include <stdlib.h>
#include <string.h>

static void sum_row(const struct integral *integral, const uint8_t *grey, size_t y)
{
	const uint32_t *above = integral->sum + y * integral->stride;
	const uint32_t *above_squares = integral->squares + y * integral->stride;
	uint32_t *row = integral->sum + (y + 1) * integral->stride;
	uint32_t *row_squares = integral->squares + (y + 1) * integral->stride;
	uint32_t sum = 0, squares = 0;
	row[0] = row_squares[0] = 0;
	for (size_t x = 0; x < integral->width; x++) {
		uint32_t value = grey[x];
		sum += value;
		squares += value * value;
		row[x + 1] = above[x + 1] + sum;
		row_squares[x + 1] = above_squares[x + 1] + squares;
	}
}

/* T(X, Y) = T(X−1, Y−1) + T(X+1, Y−1) − T(X, Y−2) + I(X−1, Y−1) + I(X−1, Y−2). A column outside continues on the
 * diagonal: T(−1, Y) = T(0, Y−1) and T(width+1, Y) = T(width, Y−1), for no pixel lies beyond. */
void tilted_row(const struct tilted_rows *rows, size_t y, size_t width)
{
	const uint32_t *one = rows->one, *two = rows->two;
	uint32_t *row = rows->row;
	if (y == 1) {
		row[0] = 0;
		for (size_t x = 1; x <= width; x++)
			row[x] = rows->now[x - 1];
		return;
	}
	row[0] = one[1];
	for (size_t x = 1; x < width; x++)
		row[x] = one[x - 1] + one[x + 1] - two[x] + rows->now[x - 1] + rows->before[x - 1];
	row[width] = one[width - 1] + rows->now[width - 1] + rows->before[width - 1];
}

void integral_build(const struct integral *integral, const uint8_t *grey, size_t grey_stride)
{
	size_t row = (integral->width + 1) * sizeof(uint32_t);
	memset(integral->sum, 0, row);
	memset(integral->squares, 0, row);
	for (size_t y = 0; y < integral->height; y++)
		sum_row(integral, grey + y * grey_stride, y);
	if (!integral->tilted)
		return;
	memset(integral->tilted, 0, row);
	for (size_t y = 1; y <= integral->height; y++) {
		uint32_t *to = integral->tilted + y * integral->stride, *one = to - integral->stride;
		const uint8_t *now = grey + (y - 1) * grey_stride;
		bool second = y > 1;
		tilted_row(&(struct tilted_rows){one, second ? one - integral->stride : NULL, now,
		                                 second ? now - grey_stride : NULL, to},
		           y, integral->width);
	}
}

static uint32_t tilted_at(const struct integral *integral, const uint8_t *grey, size_t grey_stride, long X, long Y)
{
	uint32_t total = 0;
	for (long y = 0; y < Y; y++)
		for (long x = 0; x < (long)integral->width; x++)
			if (labs(x - X + 1) <= Y - y - 1)
				total += grey[(size_t)y * grey_stride + (size_t)x];
	return total;
}

void integral_ref(const struct integral *integral, const uint8_t *grey, size_t grey_stride)
{
	for (size_t y = 0; y <= integral->height; y++) {
		for (size_t x = 0; x <= integral->width; x++) {
			uint32_t sum = 0, squares = 0;
			for (size_t v = 0; v < y; v++)
				for (size_t u = 0; u < x; u++) {
					uint32_t value = grey[v * grey_stride + u];
					sum += value;
					squares += value * value;
				}
			integral->sum[y * integral->stride + x] = sum;
			integral->squares[y * integral->stride + x] = squares;
			if (integral->tilted)
				integral->tilted[y * integral->stride + x] = tilted_at(integral, grey, grey_stride, (long)x, (long)y);
		}
	}
}
