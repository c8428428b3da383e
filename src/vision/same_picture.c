/*
 * Is it the same photograph, though it was compressed again, scaled, lightened, or moved by a pixel or two?
 *
 * Both are averaged down to 17 × 16 grey cells. First the signs: where a cell is clearly lighter than its neighbour in
 * one picture and clearly darker in the other, they contradict each other; unlike pictures do in dozens of places.
 * Then, as in the first step of an image registration (Lucas & Kanade 1981), what a small change explains is taken out:
 *   b − a = s·∂m/∂x + t·∂m/∂y + z·(x ∂m/∂x + y ∂m/∂y) + u + v·m + r,   m = (a + b) / 2
 * a shift (s, t), a zoom z, brightness u and contrast v by least squares. They are the same when the rest r is small
 * beside the contrast of the paler picture. Two people in the same room before the same camera differ in far more.
 */
#include <math.h>
#include <string.h>

#include "vision/vision.h"

#define COLUMNS PRINT_COLUMNS
#define ROWS PRINT_ROWS
#define UNIT 128.0 /* of a cell a grey level */
#define CLEARLY 384
#define MOST_CONTRADICTIONS 12
#define MOST_LEFT 0.1      /* root mean square of r, in deviations of the paler picture */
#define LEAST_CONTRAST 1.0 /* deviation, grey levels: below it there is nothing to compare */
#define TERMS 5

/* Mean of one cell; a picture smaller than the grid repeats its pixels. */
static uint16_t cell_mean(const struct image *image, size_t column, size_t row)
{
	size_t w = image->width, h = image->height, channels = image->channels;
	size_t x0 = column * w / COLUMNS, x1 = (column + 1) * w / COLUMNS, y0 = row * h / ROWS, y1 = (row + 1) * h / ROWS;
	uint64_t sum = 0, values;

	x1 = x1 > x0 ? x1 : x0 + 1;
	y1 = y1 > y0 ? y1 : y0 + 1;
	for (size_t y = y0; y < y1; y++) {
		const uint8_t *line = image->pixels + y * w * channels;
		for (size_t x = channels * x0; x < channels * x1; x++)
			sum += line[x];
	}
	values = channels * (x1 - x0) * (y1 - y0);
	return values ? (uint16_t)(sum * (uint64_t)UNIT / values) : 0;
}

void picture_print_take(struct picture_print *out, const struct image *image)
{
	*out = (struct picture_print){0};
	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		out->cells[i] = cell_mean(image, i % COLUMNS, i / COLUMNS);
	for (size_t bit = 0; bit < ROWS * (COLUMNS - 1); bit++) {
		const uint16_t *cell = out->cells + bit / (COLUMNS - 1) * COLUMNS + bit % (COLUMNS - 1);
		int step = cell[1] - cell[0];
		out->rises[bit / 64] |= (uint64_t)(step >= CLEARLY) << bit % 64;
		out->falls[bit / 64] |= (uint64_t)(step <= -CLEARLY) << bit % 64;
	}
}

/* What is explained, at one inner cell, and b − a there. */
static double terms_at(const struct picture_print *a, const struct picture_print *b, size_t row, size_t column,
                       double terms[TERMS])
{
	size_t at = row * COLUMNS + column;
	double m[5]; /* here, left, right, above, below */
	static const ptrdiff_t offsets[5] = {0, -1, 1, -COLUMNS, COLUMNS};

	for (size_t i = 0; i < 5; i++) {
		size_t cell = at + (size_t)offsets[i];
		m[i] = (a->cells[cell] + b->cells[cell]) / (2 * UNIT);
	}
	terms[0] = (m[2] - m[1]) / 2;
	terms[1] = (m[4] - m[3]) / 2;
	terms[2] = ((double)column - (COLUMNS - 1) / 2.0) / COLUMNS * terms[0] +
	           ((double)row - (ROWS - 1) / 2.0) / ROWS * terms[1];
	terms[3] = 1;
	terms[4] = m[0];
	return (b->cells[at] - a->cells[at]) / UNIT;
}

/* Of the cells' grey levels. */
static double variance(const struct picture_print *print)
{
	double sum = 0, squares = 0, n = ROWS * COLUMNS;

	for (size_t i = 0; i < ROWS * COLUMNS; i++) {
		double cell = print->cells[i] / UNIT;
		sum += cell;
		squares += cell * cell;
	}
	return (squares - sum * sum / n) / n;
}

static bool little_is_left(const struct picture_print *a, const struct picture_print *b)
{
	double normal[TERMS * TERMS] = {0}, right[TERMS] = {0}, solved[TERMS], left = 0, terms[TERMS];
	double n = (ROWS - 2) * (COLUMNS - 2), contrast = fmin(variance(a), variance(b));
	struct err ignored = {0};

	if (contrast < LEAST_CONTRAST * LEAST_CONTRAST)
		return memcmp(a->cells, b->cells, sizeof(a->cells)) == 0;
	for (size_t row = 1; row + 1 < ROWS; row++) {
		for (size_t column = 1; column + 1 < COLUMNS; column++) {
			double difference = terms_at(a, b, row, column, terms);
			left += difference * difference;
			for (size_t i = 0; i < TERMS; i++) {
				right[i] += terms[i] * difference;
				for (size_t k = 0; k < TERMS; k++)
					normal[i * TERMS + k] += terms[i] * terms[k];
			}
		}
	}
	for (size_t i = 0; i < TERMS; i++)
		normal[i * TERMS + i] += 1e-9 * (normal[i * TERMS + i] + 1);
	memcpy(solved, right, sizeof(solved));
	if (cholesky_factor(TERMS, normal, &ignored) != OK)
		return false;
	cholesky_solve(TERMS, normal, solved);
	for (size_t i = 0; i < TERMS; i++)
		left -= solved[i] * right[i];
	return left / n <= MOST_LEFT * MOST_LEFT * contrast;
}

bool picture_print_same(const struct picture_print *a, const struct picture_print *b)
{
	int contradictions = 0;

	for (size_t w = 0; w < ARRAY_COUNT(a->rises); w++) {
		contradictions += __builtin_popcountll((a->rises[w] & b->falls[w]) | (a->falls[w] & b->rises[w]));
		if (contradictions > MOST_CONTRADICTIONS)
			return false;
	}
	return little_is_left(a, b);
}
