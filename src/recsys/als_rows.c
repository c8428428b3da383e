/*
 * One half-step of ALS, row by row.
 *
 * With the Gram matrix of the fixed side G = Y'Y + λI = L L', whitened factors z_j = L⁻¹ y_j and x' = L' x, the row's
 * normal equations (Hu, Koren, Volinsky 2008, eq. 4) with confidence c_j = 1 + w_j on its pairs become
 *     (I + Z' W Z) x' = Z' c,         Z = the whitened factors of the row's n pairs, W = diag(w).
 * A row with more pairs than factors is solved as it stands (f × f). A shorter one is solved in its own size: x' = Z' s
 * with s = 1 + D A⁻¹ D (1 − K 1),      D = W^½, K = Z Z', A = I + D K D          (n × n, by the push-through identity);
 * written so, a weight of zero needs no special case, and since K ⪯ I nothing large is subtracted from something large.
 * Rows of very many pairs wait until the others are done, and are solved by all threads (als_long_rows.c).
 */
#include "base/comm.h"
#include "recsys/als_rows_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACK_ROWS 64
#define ROWS_SHOWN 256 /* progress is told once for so many */

struct row als_row_of(const struct als_half *half, size_t i)
{
	int64_t start = half->pattern->start[i];
	return (struct row){(size_t)(half->pattern->start[i + 1] - start), half->pattern->index + start,
	                    half->weight + start, half->solved + i * half->factors};
}

/* The factors of the next row are on their way from memory while this one is solved. */
static void prefetch_row(const struct als_half *half, size_t i)
{
	if (i >= half->end)
		return;
	struct row next = als_row_of(half, i);
	size_t n = next.n < 128 ? next.n : 128;
	for (size_t j = 0; j < n; j++) {
		const float *z = half->fixed + (size_t)next.index[j] * half->factors;
		for (size_t k = 0; k < half->factors; k += 16)
			__builtin_prefetch(z + k, 0, 2);
	}
}

/* matrix[n][ld] upper ← K, the four-by-four blocks at the right and bottom edge padded with copies of the last row. */
static void row_products(const struct rows_job *job, const struct row *row, const struct row_scratch *s, size_t ld)
{
	size_t n = row->n;
	for (size_t i = 0; i < n; i += 4) {
		const float *a[4], *b[4];
		for (size_t q = 0; q < 4; q++)
			a[q] = s->z[i + q < n ? i + q : n - 1];
		for (size_t j = i; j < n; j += 4) {
			for (size_t q = 0; q < 4; q++)
				b[q] = s->z[j + q < n ? j + q : n - 1];
			job->kernels->dots(a, b, job->half->factors, s->matrix + i * ld + j, ld);
		}
	}
	for (size_t i = 0; i < n; i++)
		memset(s->matrix + i * ld + n, 0, (ld - n) * sizeof *s->matrix);
}

/* vector ← d ∘ (1 − K 1), matrix ← I + D K D. */
static void dual_system(const struct row *row, const struct row_scratch *s, size_t ld)
{
	size_t n = row->n;
	memset(s->vector, 0, ld * sizeof *s->vector);
	for (size_t i = 0; i < n; i++) {
		float *k = s->matrix + i * ld, sum = 0, d = s->root[i];
		for (size_t j = i + 1; j < n; j++) {
			sum += k[j];
			s->vector[j] += k[j];
		}
		s->vector[i] = d * (1 - (s->vector[i] + sum + k[i]));
		for (size_t j = i; j < n; j++)
			k[j] *= d * s->root[j];
		k[i] += 1;
	}
}

static bool solve_dual(const struct rows_job *job, const struct row *row, const struct row_scratch *s)
{
	size_t n = row->n, ld = recsys_padded(n);
	row_products(job, row, s, ld);
	dual_system(row, s, ld);
	if (job->kernels->cholesky(n, ld, s->matrix) != n)
		return false;
	job->kernels->solve(n, ld, s->matrix, s->vector);
	for (size_t j = 0; j < n; j++)
		s->vector[j] = 1 + s->root[j] * s->vector[j];
	job->kernels->combine(n, s->vector, s->z, job->half->factors, row->x);
	return true;
}

/* matrix ← Z' W Z, and I in it when `one`; vector ← Z' c. */
void als_primal_sums(const struct rows_job *job, const struct row *row, const struct row_scratch *s, bool one)
{
	size_t f = job->half->factors, ld = recsys_padded(f);
	memset(s->matrix, 0, f * ld * sizeof *s->matrix);
	for (size_t i = 0; one && i < f; i++)
		s->matrix[i * ld + i] = 1;
	for (size_t first = 0; first < row->n; first += PACK_ROWS) {
		size_t rows = row->n - first < PACK_ROWS ? row->n - first : PACK_ROWS;
		for (size_t j = 0; j < rows; j++) {
			float *to = s->pack + j * ld;
			for (size_t k = 0; k < f; k++)
				to[k] = s->root[first + j] * s->z[first + j][k];
			memset(to + f, 0, (ld - f) * sizeof *to);
		}
		job->kernels->rank_update(f, ld, rows, s->pack, s->matrix);
	}
	for (size_t j = 0; j < row->n; j++)
		s->root[j] = 1 + row->weight[j];
	memset(s->vector, 0, ld * sizeof *s->vector);
	job->kernels->combine(row->n, s->root, s->z, f, s->vector);
}

bool als_solve_sums(const struct rows_job *job, const struct row *row, const struct row_scratch *s)
{
	size_t f = job->half->factors, ld = recsys_padded(f);
	if (job->kernels->cholesky(f, ld, s->matrix) != f)
		return false;
	job->kernels->solve(f, ld, s->matrix, s->vector);
	memcpy(row->x, s->vector, f * sizeof *row->x);
	return true;
}

/* Σ c (1 − s)² − s² over the row's pairs, s = x · y = x' · z: what the pairs add to the sum of s² over all cells. */
double als_row_loss(const struct rows_job *job, const struct row *row, const struct row_scratch *s)
{
	const float *x[4] = {row->x, row->x, row->x, row->x}, *z[4];
	double loss = 0;
	for (size_t j = 0; j < row->n; j += 4) {
		float out[16];
		for (size_t q = 0; q < 4; q++)
			z[q] = s->z[j + q < row->n ? j + q : row->n - 1];
		job->kernels->dots(x, z, job->half->factors, out, 4);
		for (size_t q = 0; q < 4 && j + q < row->n; q++) {
			double score = out[q], miss = 1 - score;
			loss += (1 + (double)row->weight[j + q]) * miss * miss - score * score;
		}
	}
	return loss;
}

static bool row_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

void als_gather_row(const struct als_half *half, const struct row *row, const struct row_scratch *s)
{
	for (size_t j = 0; j < row->n; j++) {
		s->z[j] = half->fixed + (size_t)row->index[j] * half->factors;
		s->root[j] = sqrtf(row->weight[j]);
	}
}

int als_check_solved(const struct als_half *half, size_t i, const struct row *row, bool solved, struct err *err)
{
	if (solved && row_finite(row->x, half->factors))
		return OK;
	return err_set(err, ERR_NUMERIC,
	               "als: iteration %zu, %s row %zu (%zu pairs): its equations have no finite solution; "
	               "raise als.regularization or lower als.alpha",
	               half->iteration, half->side, i, row->n);
}

static bool solve_primal(const struct rows_job *job, const struct row *row, const struct row_scratch *s)
{
	als_primal_sums(job, row, s, true);
	return als_solve_sums(job, row, s);
}

static int solve_row(size_t own, int thread, void *context, struct err *err)
{
	struct rows_job *job = context;
	const struct als_half *half = job->half;
	size_t i = half->first + own;
	const struct row_scratch *s = &job->scratch[thread];
	struct row row = als_row_of(half, i);
	size_t left = half->end - i, ranks = half->shared ? (size_t)comm_machine_ranks() : 1;
	/* The machine's other ranks are as far. */
	if (half->progress && own % ROWS_SHOWN == 0)
		progress_add(half->progress, ranks * (left < ROWS_SHOWN ? left : ROWS_SHOWN));
	if (half->row_loss)
		half->row_loss[i] = 0;
	if (row.n == 0) {
		memset(row.x, 0, half->factors * sizeof *row.x);
		return OK;
	}
	if (als_row_is_long(half, row.n))
		return OK;
	als_gather_row(half, &row, s);
	prefetch_row(half, i + 1);
	bool solved;
	int code = OK;
	if (half->cg_steps)
		code = als_descend(&(struct descent){job, &row, s, als_pair_products, NULL}, &solved, err);
	else
		solved = row.n <= half->factors ? solve_dual(job, &row, s) : solve_primal(job, &row, s);
	if (code == OK)
		code = als_check_solved(half, i, &row, solved, err);
	if (code == OK && half->row_loss)
		half->row_loss[i] = als_row_loss(job, &row, s);
	return code;
}

/* The threads of one rank solve a long row together; the ranks of a machine take them in turn. */
static int solve_long_rows(const struct rows_job *job, struct err *err)
{
	const struct als_half *half = job->half;
	size_t seen = 0, ranks = half->shared ? (size_t)comm_machine_ranks() : 1;
	size_t rank = half->shared ? (size_t)comm_machine_rank() : 0;
	int code = OK;
	for (size_t i = half->first; i < half->end && code == OK; i++)
		if (als_row_is_long(half, als_row_of(half, i).n) && seen++ % ranks == rank)
			code = als_solve_long_row(job, i, err);
	return code == OK && half->shared ? comm_machine_barrier(err) : code;
}

static void scratch_free(struct row_scratch *s)
{
	free(s->matrix);
	free(s->vector);
	free(s->root);
	free(s->pack);
	free(s->z);
	free(s->descent);
}

static int scratch_init(struct row_scratch *s, size_t factors, size_t longest, struct err *err)
{
	size_t ld = recsys_padded(factors);
	s->matrix = mem_alloc(ld * ld, sizeof *s->matrix, err);
	s->vector = mem_alloc(ld, sizeof *s->vector, err);
	s->root = mem_alloc(longest, sizeof *s->root, err);
	s->pack = mem_alloc(PACK_ROWS * ld, sizeof *s->pack, err);
	s->z = mem_alloc(longest, sizeof *s->z, err);
	s->descent = mem_alloc(3 * ld, sizeof *s->descent, err);
	return s->matrix && s->vector && s->root && s->pack && s->z && s->descent ? OK : err->code;
}

int als_solve_rows(const struct als_half *half, struct err *err)
{
	size_t longest = 0;
	for (size_t i = half->first; i < half->end; i++) {
		size_t n = als_row_of(half, i).n;
		longest = n > longest ? n : longest;
	}
	struct rows_job job = {half, recsys_kernels(), NULL};
	job.scratch = mem_alloc((size_t)half->threads, sizeof *job.scratch, err);
	if (!job.scratch)
		return err->code;
	int code = OK;
	for (int t = 0; t < half->threads && code == OK; t++)
		code = scratch_init(&job.scratch[t], half->factors, longest, err);
	if (code == OK)
		code = (half->shared ? comm_machine_for : parallel_for)(half->end - half->first, 64, half->threads, solve_row,
		                                                        &job, err);
	if (code == OK)
		code = solve_long_rows(&job, err);
	for (int t = 0; t < half->threads; t++)
		scratch_free(&job.scratch[t]);
	free(job.scratch);
	return code;
}
