/* The largest dot products of many rows with a few queries, exactly. */
#include "recsys/recsys_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define AT_ONCE 4      /* rows and queries of a kernel call */
#define ROWS_AHEAD 32 /* rows of the order that are fetched before they are needed */

static size_t row_at(const struct row_search *search, size_t place)
{
	return search->order ? (size_t)search->order[place] : place;
}

/* Up to four queries against the rows at place … place + 3. */
static void search_block(const struct row_search *search, size_t place, const float *const *x, struct best_list *best,
                         size_t n_queries)
{
	const float *y[AT_ONCE];
	float out[AT_ONCE * AT_ONCE];
	size_t row[AT_ONCE], rows = search->count - place < AT_ONCE ? search->count - place : AT_ONCE;
	for (size_t r = 0; r < AT_ONCE; r++) {
		row[r] = row_at(search, r < rows ? place + r : place);
		y[r] = search->rows + row[r] * search->dims;
	}
	recsys_kernels()->dots(x, y, search->dims, out, AT_ONCE);
	for (size_t q = 0; q < n_queries; q++)
		for (size_t r = 0; r < rows; r++)
			if (!search->excluded || !search->excluded[row[r]])
				best_offer(&best[q], out[AT_ONCE * q + r], (uint32_t)row[r]);
}

static void fetch_rows(const struct row_search *search, size_t place)
{
	size_t end = place + AT_ONCE < search->count ? place + AT_ONCE : search->count;
	for (; place < end; place++) {
		const float *row = search->rows + row_at(search, place) * search->dims;
		for (size_t k = 0; k < search->dims; k += RECSYS_LANES)
			__builtin_prefetch(row + k, 0, 2);
	}
}

/* What a sum of `dims` rounded products can exceed the product of the lengths by, and the lengths' own rounding. */
static float length_of(const float *x, size_t dims)
{
	double square = 0;
	for (size_t k = 0; k < dims; k++)
		square += (double)x[k] * (double)x[k];
	return (float)(sqrt(square) * (1 + ((double)dims + 4) * FLT_EPSILON));
}

/* Could a row of this length still enter one of the lists? */
static bool may_enter(float norm, const float *lengths, const struct best_list *best, size_t n)
{
	for (size_t q = 0; q < n; q++)
		if (!(norm * lengths[q] < best[q].floor))
			return true;
	return false;
}

static void search_queries(const struct row_search *search, size_t first, size_t n)
{
	const float *x[AT_ONCE];
	float lengths[AT_ONCE];
	for (size_t q = 0; q < AT_ONCE; q++) {
		x[q] = search->queries[first + (q < n ? q : 0)];
		lengths[q] = length_of(x[q], search->dims);
	}
	for (size_t place = 0; place < search->count; place += AT_ONCE) {
		if (search->order && !may_enter(search->norm[place], lengths, search->best + first, n))
			return;
		if (search->order && place + ROWS_AHEAD < search->count)
			fetch_rows(search, place + ROWS_AHEAD);
		search_block(search, place, x, search->best + first, n);
	}
}

void row_search_run(const struct row_search *search)
{
	for (size_t first = 0; first < search->n_queries; first += AT_ONCE)
		search_queries(search, first, search->n_queries - first < AT_ONCE ? search->n_queries - first : AT_ONCE);
}

static int longer_first(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

int row_search_order(const float *rows, size_t count, size_t dims, int32_t *order, float *norm, struct err *err)
{
	struct scored *lengths = mem_alloc(count, sizeof *lengths, err);
	if (!lengths)
		return err->code;
	for (size_t i = 0; i < count; i++)
		lengths[i] = (struct scored){length_of(rows + i * dims, dims), (uint32_t)i};
	qsort(lengths, count, sizeof *lengths, longer_first);
	for (size_t i = 0; i < count; i++) {
		order[i] = (int32_t)lengths[i].id;
		norm[i] = lengths[i].score;
	}
	free(lengths);
	return OK;
}
