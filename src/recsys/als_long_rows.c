/*
 * Rows of ALS with very many pairs: a song that most playlists hold, a playlist of a whole catalogue. One of them would
 * keep one thread busy while the others have gone home, so all threads solve it together, one such row after the other:
 * what is a sum over its pairs is taken in parts, as many as its length alone says, and the parts are added in their
 * order. The bytes do not depend on the number of threads.
 */
#include "recsys/als_rows_internal.h"

#include <stdlib.h>
#include <string.h>

#define LONG_ROW 8192 /* pairs of a row that is summed in parts */
#define PART_PAIRS 2048
#define MOST_PARTS 64

bool als_row_is_long(const struct als_half *half, size_t n)
{
	return n >= LONG_ROW && n > half->factors;
}

struct parts {
	const struct rows_job *job;
	struct row row;
	size_t count, size; /* size: floats of a part's sums */
	float *sums;        /* [count][size] */
	double loss[MOST_PARTS];
	const float *vector; /* of the products under way */
	enum descent_sum kind;
};

/* Part `part` of the row, its factors in the thread's scratch. */
static struct row gather_part(const struct parts *parts, size_t part, const struct row_scratch *s)
{
	size_t first = parts->row.n * part / parts->count, end = parts->row.n * (part + 1) / parts->count;
	struct row row = {end - first, parts->row.index + first, parts->row.weight + first, parts->row.x};
	als_gather_row(parts->job->half, &row, s);
	return row;
}

/* The first part's sums ← those of all, in their order. */
static void add_parts(const struct parts *parts)
{
	for (size_t part = 1; part < parts->count; part++)
		for (size_t k = 0; k < parts->size; k++)
			parts->sums[k] += parts->sums[part * parts->size + k];
}

/* ---- exactly ------------------------------------------------------------------------------------- */

static int sum_part(size_t part, int thread, void *context, struct err *err)
{
	struct parts *parts = context;
	const struct row_scratch *s = &parts->job->scratch[thread];
	struct row row = gather_part(parts, part, s);
	size_t f = parts->job->half->factors, ld = recsys_padded(f);
	(void)err;
	als_primal_sums(parts->job, &row, s, part == 0);
	memcpy(parts->sums + part * parts->size, s->matrix, f * ld * sizeof *s->matrix);
	memcpy(parts->sums + part * parts->size + f * ld, s->vector, ld * sizeof *s->vector);
	return OK;
}

/* parts->sums: the matrix [f][ld], then the right side [ld]. */
static int solve_exactly(struct parts *parts, bool *solved, struct err *err)
{
	const struct row_scratch *s = &parts->job->scratch[0];
	size_t f = parts->job->half->factors, ld = recsys_padded(f);
	int code = parallel_for(parts->count, 1, parts->job->half->threads, sum_part, parts, err);
	if (code != OK)
		return code;
	add_parts(parts);
	memcpy(s->matrix, parts->sums, f * ld * sizeof *s->matrix);
	memcpy(s->vector, parts->sums + f * ld, ld * sizeof *s->vector);
	*solved = als_solve_sums(parts->job, &parts->row, s);
	return OK;
}

/* ---- by conjugate gradients ------------------------------------------------------------------------ */

static int multiply_part(size_t part, int thread, void *context, struct err *err)
{
	struct parts *parts = context;
	const struct row_scratch *s = &parts->job->scratch[thread];
	struct row row = gather_part(parts, part, s);
	const struct descent own = {parts->job, &row, s, als_pair_products, NULL};
	return als_pair_products(&own, parts->vector, parts->kind, parts->sums + part * parts->size, err);
}

/* What als_pair_products does, by all threads. */
static int products_in_parts(const struct descent *descent, const float *v, enum descent_sum kind, float *out,
                             struct err *err)
{
	struct parts *parts = descent->parts;
	parts->vector = v;
	parts->kind = kind;
	int code = parallel_for(parts->count, 1, parts->job->half->threads, multiply_part, parts, err);
	if (code != OK)
		return code;
	add_parts(parts);
	memcpy(out, parts->sums, parts->job->half->factors * sizeof *out);
	return OK;
}

/* ---- both -------------------------------------------------------------------------------------------- */

static int lose_part(size_t part, int thread, void *context, struct err *err)
{
	struct parts *parts = context;
	const struct row_scratch *s = &parts->job->scratch[thread];
	struct row row = gather_part(parts, part, s);
	(void)err;
	parts->loss[part] = als_row_loss(parts->job, &row, s);
	return OK;
}

int als_solve_long_row(const struct rows_job *job, size_t i, struct err *err)
{
	const struct als_half *half = job->half;
	struct parts parts = {.job = job, .row = als_row_of(half, i)};
	const struct descent descent = {job, &parts.row, &job->scratch[0], products_in_parts, &parts};
	size_t ld = recsys_padded(half->factors);
	bool solved = false;
	parts.count = parts.row.n / PART_PAIRS < MOST_PARTS ? parts.row.n / PART_PAIRS : MOST_PARTS;
	parts.size = half->cg_steps ? ld : (half->factors + 1) * ld;
	parts.sums = mem_alloc(parts.count, parts.size * sizeof *parts.sums, err);
	int code = parts.sums ? OK : err->code;
	if (code == OK)
		code = half->cg_steps ? als_descend(&descent, &solved, err) : solve_exactly(&parts, &solved, err);
	if (code == OK)
		code = als_check_solved(half, i, &parts.row, solved, err);
	if (code == OK && half->row_loss) {
		code = parallel_for(parts.count, 1, half->threads, lose_part, &parts, err);
		for (size_t part = 0; part < parts.count; part++)
			half->row_loss[i] += parts.loss[part];
	}
	free(parts.sums);
	return code;
}
