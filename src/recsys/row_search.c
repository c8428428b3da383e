/* The largest dot products of many rows with a few queries, exactly. */
#include "recsys/recsys_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define AT_ONCE 4      /* rows and queries of a kernel call */
#define ROWS_AHEAD 32 /* rows of the order that are fetched before they are needed */
#define PROBE_ROWS 1024
#define WORTH_JUMPING 8 /* the order is followed to its end when no more than this part of the rows is left */
#define MOST_GROUPS 32  /* of AT_ONCE queries a pass over the rows */

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

/* The first place whose length is too small for every list as it stands; the lists' last places only rise. */
static size_t last_place(const struct row_search *search, size_t from, const float *lengths,
                         const struct best_list *best, size_t n)
{
	size_t low = from, high = search->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (may_enter(search->norm[middle], lengths, best, n))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void take_queries(const struct row_search *search, size_t first, size_t n, const float *x[AT_ONCE])
{
	for (size_t q = 0; q < AT_ONCE; q++)
		x[q] = search->queries[first + (q < n ? q : 0)];
}

/* Four queries along the order. False, with the lists as new, when the end is too far off: jumping from row to row
 * costs several times what passing them in their own order does. */
static bool search_by_length(const struct row_search *search, size_t first, size_t n)
{
	const float *x[AT_ONCE];
	float lengths[AT_ONCE];
	struct best_list *best = search->best + first;
	take_queries(search, first, n, x);
	for (size_t q = 0; q < AT_ONCE; q++)
		lengths[q] = length_of(x[q], search->dims);
	for (size_t place = 0; place < search->count; place += AT_ONCE) {
		if (!may_enter(search->norm[place], lengths, best, n))
			return true;
		if (place == PROBE_ROWS &&
		    last_place(search, place, lengths, best, n) - place > search->count / WORTH_JUMPING) {
			for (size_t q = 0; q < n; q++)
				best_start(&best[q], best[q].buffer, best[q].k);
			return false;
		}
		if (place + ROWS_AHEAD < search->count)
			fetch_rows(search, place + ROWS_AHEAD);
		search_block(search, place, x, best, n);
	}
	return true;
}

/* All rows in their own order, each for all the queries that `done` does not tell to be found. */
static void search_all(const struct row_search *search, const uint8_t *done)
{
	struct row_search plain = *search;
	plain.order = NULL;
	for (size_t place = 0; place < search->count; place += AT_ONCE)
		for (size_t first = 0; first < search->n_queries; first += AT_ONCE) {
			const float *x[AT_ONCE];
			size_t left = search->n_queries - first, n = left < AT_ONCE ? left : AT_ONCE;
			if (done[first / AT_ONCE])
				continue;
			take_queries(search, first, n, x);
			search_block(&plain, place, x, search->best + first, n);
		}
}

static void search_some(const struct row_search *search)
{
	uint8_t done[MOST_GROUPS] = {0};
	bool all = search->order != NULL;
	for (size_t first = 0; search->order && first < search->n_queries; first += AT_ONCE) {
		size_t left = search->n_queries - first;
		done[first / AT_ONCE] = search_by_length(search, first, left < AT_ONCE ? left : AT_ONCE);
		all = all && done[first / AT_ONCE];
	}
	if (!all)
		search_all(search, done);
}

void row_search_run(const struct row_search *search)
{
	if (search->sketch && search->order && sketch_serves(search->dims)) {
		sketch_search(search);
		return;
	}
	for (size_t first = 0; first < search->n_queries; first += MOST_GROUPS * AT_ONCE) {
		struct row_search some = *search;
		size_t left = search->n_queries - first;
		some.queries += first;
		some.best += first;
		some.n_queries = left < MOST_GROUPS * AT_ONCE ? left : MOST_GROUPS * AT_ONCE;
		search_some(&some);
	}
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
