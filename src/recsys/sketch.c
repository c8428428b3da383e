/*
 * The largest dot products by way of bytes: a row is kept as codes of eight bits beside its floats, a query is rounded
 * to seven, and only rows whose bound reaches the last place of a list are multiplied exactly. With ŝ, q̂ the rounded
 * ones,
 *
 *   q·s = q̂·ŝ + (q − q̂)·ŝ + q·(s − ŝ) ≤ q̂·ŝ + |q − q̂| (|s| + |s − ŝ|) + |q| |s − ŝ|        (Cauchy–Schwarz)
 *
 * so nothing that a whole scan finds is missed. Codes lie in the order of falling length, sixteen rows interleaved by
 * four dimensions: a quarter of the floats' memory, read straight through, for all queries of a request at once.
 *
 * Floats lie all over memory, and most rows that enter a list while it fills would leave it again. So a row that passes
 * is bounded once more, by the query's own floats and from both sides, |q·s − q·ŝ| ≤ |q| |s − ŝ|: its query's list
 * holds what rows are worth at least, and a row that may be worth the last place waits in a room of fixed size. At the
 * end those that still may are multiplied, the most promising first, and the list is made anew of them. Where the room
 * does not do (rows that are all alike) rows are multiplied as they come.
 */
#include "recsys/recsys_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW_STEPS 127   /* codes 1 … 255, 128 is zero */
#define QUERY_STEPS 64  /* 2 · 255 · 64 is the most that sixteen bits with a sign hold */
#define CODE_BYTES 16384 /* of the queries of a pass */
#define MOST_QUERIES 32
#define PENDING 4
#define WAITING 512 /* rows of a query */

size_t sketch_steps(size_t dims)
{
	return (dims + 3) / 4;
}

size_t sketch_blocks(size_t count)
{
	return (count + SKETCH_ROWS - 1) / SKETCH_ROWS;
}

static float largest(const float *x, size_t n)
{
	float most = 0;
	for (size_t k = 0; k < n; k++)
		most = fmaxf(most, fabsf(x[k]));
	return most;
}

/* Rounded up by more than the double sums can be off. */
static float up(double length)
{
	return (float)(length * (1 + 4 * FLT_EPSILON));
}

/* x in steps of `scale`. Numbers too small for 24 bits can be more steps than `most` from zero: the error says how far
 * off they are. */
static float in_steps(float x, float scale, float most)
{
	return scale > 0 ? fminf(fmaxf(rintf(x / scale), -most), most) : 0;
}

/* codes[r, k] of block row r; *scale and *error of the row. */
static void code_row(const float *row, size_t dims, uint8_t *to, float *scale, float *error)
{
	double square = 0;
	*scale = largest(row, dims) / ROW_STEPS;
	for (size_t k = 0; k < dims; k++) {
		float code = in_steps(row[k], *scale, ROW_STEPS);
		double off = (double)row[k] - (double)code * (double)*scale;
		square += off * off;
		to[64 * (k / 4) + k % 4] = (uint8_t)(128 + (int)code);
	}
	*error = up(sqrt(square));
}

void sketch_build(const float *rows, const int32_t *order, size_t count, size_t dims, uint8_t *code, float *scale,
                  float *error)
{
	size_t steps = sketch_steps(dims), blocks = sketch_blocks(count);
	memset(code, 128, blocks * steps * 64);
	memset(scale, 0, blocks * SKETCH_ROWS * sizeof *scale);
	memset(error, 0, blocks * SKETCH_ROWS * sizeof *error);
	for (size_t i = 0; i < count; i++)
		code_row(rows + (size_t)order[i] * dims, dims, code + i / SKETCH_ROWS * steps * 64 + 4 * (i % SKETCH_ROWS),
		         scale + i, error + i);
}

/* ---- search ---- */

struct waiting {
	uint32_t row;
	float most;
};

struct sketched {
	struct sketch_query query;
	const float *exact;
	float length, rounding; /* |q|, and what the exact product of a row of length 1 may be off by */
	struct best_list *best;
	struct waiting waiting[WAITING];
	size_t n_waiting;
	uint32_t pending[PENDING];
	size_t n_pending;
	bool at_once, over; /* at_once: the list holds products, no row waits */
};

static void code_query(struct sketched *s, const float *x, size_t dims, int8_t *code)
{
	double square = 0, off_square = 0;
	float scale = largest(x, dims) / QUERY_STEPS;
	int32_t sum = 0;
	memset(code, 0, 4 * sketch_steps(dims));
	for (size_t k = 0; k < dims; k++) {
		float rounded = in_steps(x[k], scale, QUERY_STEPS);
		double off = (double)x[k] - (double)rounded * (double)scale;
		code[k] = (int8_t)rounded;
		sum += code[k];
		square += (double)x[k] * (double)x[k];
		off_square += off * off;
	}
	/* The exact product is itself a sum of rounded floats, and so is the bound. */
	double length = sqrt(square), rounding = ((double)dims + 16) * FLT_EPSILON * length;
	s->exact = x;
	s->length = up(length * (1 + ((double)dims + 16) * FLT_EPSILON));
	s->rounding = up(rounding);
	s->query = (struct sketch_query){.code = code,
	                                 .scale = scale,
	                                 .shift = 128 * sum,
	                                 .a = up(sqrt(off_square) + rounding),
	                                 .b = up(length + sqrt(off_square) + rounding)};
}

/* All products are 0: the first rows that may be named. */
static void offer_zeros(const struct row_search *search, struct sketched *s)
{
	size_t offered = 0;
	for (size_t row = 0; row < search->count && offered < s->best->k; row++)
		if (!search->excluded || !search->excluded[row]) {
			best_offer(s->best, 0, (uint32_t)row);
			offered++;
		}
	s->at_once = s->over = true;
}

static void flush(const struct row_search *search, struct sketched *s)
{
	const float *x[4] = {s->exact, s->exact, s->exact, s->exact}, *y[4];
	float out[16];
	for (size_t i = 0; i < PENDING; i++)
		y[i] = search->rows + (size_t)s->pending[i < s->n_pending ? i : 0] * search->dims;
	recsys_kernels()->dots(x, y, search->dims, out, 4);
	for (size_t i = 0; i < s->n_pending; i++)
		best_offer(s->best, out[i], s->pending[i]);
	s->n_pending = 0;
}

static void multiply(const struct row_search *search, struct sketched *s, uint32_t row)
{
	for (size_t k = 0; k < search->dims; k += RECSYS_LANES)
		__builtin_prefetch(search->rows + (size_t)row * search->dims + k, 0, 2);
	s->pending[s->n_pending++] = row;
	if (s->n_pending == PENDING)
		flush(search, s);
}

/* Rows leave that cannot reach the list any more. */
static void thin_out(struct sketched *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_waiting; i++)
		if (s->waiting[i].most >= s->best->floor)
			s->waiting[kept++] = s->waiting[i];
	s->n_waiting = kept;
}

static int more_first(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;
	if (x->most != y->most)
		return x->most > y->most ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* From what rows are worth at least to what they are worth. */
static void settle(const struct row_search *search, struct sketched *s)
{
	if (s->at_once)
		return;
	best_finish(s->best);
	thin_out(s);
	qsort(s->waiting, s->n_waiting, sizeof *s->waiting, more_first);
	best_start(s->best, s->best->buffer, s->best->k);
	for (size_t i = 0; i < s->n_waiting && s->waiting[i].most >= s->best->floor; i++) {
		multiply(search, s, s->waiting[i].row);
		if (s->best->count >= s->best->k + s->best->k / 8)
			best_finish(s->best);
	}
	s->n_waiting = 0;
	s->at_once = true;
}

/* r: row of the block. */
static void wait_row(const struct row_search *search, struct sketched *s, const struct sketch_block *block, size_t r,
                     uint32_t row)
{
	double sum = 0;
	for (size_t k = 0; k < search->dims; k++)
		sum += (double)(block->code[64 * (k / 4) + 4 * r + k % 4] - 128) * (double)s->exact[k];
	double product = sum * (double)block->scale[r];
	float off = up((double)s->length * (double)block->error[r] + (double)s->rounding * (double)block->norm[r]);
	float least = (float)product - off, most = (float)product + off;
	if (most < s->best->floor)
		return;
	best_offer(s->best, least, row);
	s->waiting[s->n_waiting++] = (struct waiting){row, most};
	if (s->n_waiting < WAITING)
		return;
	thin_out(s);
	if (s->n_waiting > WAITING / 2)
		settle(search, s);
}

static void take_row(const struct row_search *search, struct sketched *s, const struct sketch_block *block,
                     size_t place, size_t r)
{
	if (place + r >= search->count)
		return;
	uint32_t row = (uint32_t)search->order[place + r];
	if (search->excluded && search->excluded[row])
		return;
	if (s->at_once)
		multiply(search, s, row);
	else
		wait_row(search, s, block, r, row);
}

/* One block for up to SKETCH_QUERIES queries; false when none of them can gain from here on. */
static bool search_group(const struct row_search *search, const struct sketch_block *block, size_t place,
                         struct sketched *s, size_t n)
{
	const struct sketch_query *queries[SKETCH_QUERIES];
	uint16_t masks[SKETCH_QUERIES];
	sketch_block_kernel *kernel = sketch_block_best();
	bool any = false;
	for (size_t q = 0; q < n; q++) {
		s[q].query.floor = s[q].best->floor;
		s[q].over = s[q].over || block->norm[0] * s[q].length < s[q].query.floor;
		any = any || !s[q].over;
	}
	if (!any)
		return false;
	for (size_t q = 0; q < SKETCH_QUERIES; q++)
		queries[q] = &s[q < n ? q : 0].query;
	kernel(block, queries, masks);
	for (size_t q = 0; q < n; q++)
		for (unsigned left = s[q].over ? 0 : masks[q]; left; left &= left - 1)
			take_row(search, &s[q], block, place, (size_t)__builtin_ctz(left));
	return true;
}

static void search_pass(const struct row_search *search, struct sketched *s, size_t n)
{
	const struct row_sketch *sketch = search->sketch;
	size_t steps = sketch_steps(search->dims);
	float norm[SKETCH_ROWS] = {0};
	for (size_t place = 0; place < search->count; place += SKETCH_ROWS) {
		struct sketch_block block = {.code = sketch->code + place * steps * 4,
		                             .steps = steps,
		                             .scale = sketch->scale + place,
		                             .error = sketch->error + place,
		                             .norm = search->norm + place};
		bool any = false;
		if (place + SKETCH_ROWS > search->count) {
			memcpy(norm, search->norm + place, (search->count - place) * sizeof *norm);
			block.norm = norm;
		}
		for (size_t q = 0; q < n; q += SKETCH_QUERIES)
			any = search_group(search, &block, place, s + q, n - q < SKETCH_QUERIES ? n - q : SKETCH_QUERIES) || any;
		if (!any)
			break;
	}
	for (size_t q = 0; q < n; q++) {
		settle(search, &s[q]);
		if (s[q].n_pending)
			flush(search, &s[q]);
	}
}

bool sketch_serves(size_t dims)
{
	return 4 * sketch_steps(dims) <= CODE_BYTES;
}

void sketch_search(const struct row_search *search)
{
	size_t room = 4 * sketch_steps(search->dims),
	       most = CODE_BYTES / room < MOST_QUERIES ? CODE_BYTES / room : MOST_QUERIES;
	for (size_t first = 0; first < search->n_queries; first += most) {
		size_t n = search->n_queries - first < most ? search->n_queries - first : most;
		struct sketched s[MOST_QUERIES] = {0};
		int8_t code[CODE_BYTES];
		for (size_t q = 0; q < n; q++) {
			s[q].best = &search->best[first + q];
			code_query(&s[q], search->queries[first + q], search->dims, code + q * room);
			if (s[q].query.scale == 0)
				offer_zeros(search, &s[q]);
		}
		search_pass(search, s, n);
	}
}
