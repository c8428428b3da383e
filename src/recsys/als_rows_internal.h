/* What the solvers of one row of ALS share. */
#ifndef MOODCAST_ALS_ROWS_INTERNAL_H
#define MOODCAST_ALS_ROWS_INTERNAL_H

#include "recsys/recsys_internal.h"

struct row_scratch {
	float *matrix;   /* max(n, f) padded, squared */
	float *vector;   /* right side and solution, padded */
	float *root;     /* √w */
	float *pack;     /* [PACK_ROWS][ld]: √w z of long rows */
	const float **z; /* the row's whitened factors */
	float *descent;  /* [3][padded f]: residual, direction and its image */
};

struct rows_job {
	const struct als_half *half;
	const struct recsys_kernels *kernels;
	struct row_scratch *scratch; /* a thread */
};

struct row {
	size_t n;
	const int32_t *index;
	const float *weight;
	float *x;
};

/* ---- als_rows.c ---- */
struct row als_row_of(const struct als_half *half, size_t i);
/* s->z and s->root of the row. */
void als_gather_row(const struct als_half *half, const struct row *row, const struct row_scratch *s);
/* s->matrix ← Z' W Z, and I in it when `one`; s->vector ← Z' c. Overwrites s->root. */
void als_primal_sums(const struct rows_job *job, const struct row *row, const struct row_scratch *s, bool one);
/* row->x from these; false when they are not positive. */
bool als_solve_sums(const struct rows_job *job, const struct row *row, const struct row_scratch *s);
/* Σ c (1 − s)² − s² over the row's pairs, of the factor in row->x. */
double als_row_loss(const struct rows_job *job, const struct row *row, const struct row_scratch *s);
/* ERR_NUMERIC with iteration and row when the row was not solved or its factor is not finite. */
int als_check_solved(const struct als_half *half, size_t i, const struct row *row, bool solved,
                     struct err *err) MUST_CHECK;

/* ---- als_cg.c ---- */
struct parts;
struct descent;
/* out[f] ← one of the two, Z the whitened factors of the row's pairs. */
enum descent_sum { SUM_IMAGE /* Z' (w ∘ Z v) */, SUM_RESIDUAL /* Z' (c − w ∘ Z v) */ };
typedef int descent_products(const struct descent *descent, const float *v, enum descent_sum kind, float *out,
                             struct err *err);
struct descent {
	const struct rows_job *job;
	const struct row *row;
	const struct row_scratch *s; /* `descent` of it; z and root where als_pair_products takes the sums */
	descent_products *products;
	struct parts *parts; /* of a long row */
};
/* half->cg_steps steps of conjugate gradients from what row->x holds. *positive = false when the equations are not. */
int als_descend(const struct descent *descent, bool *positive, struct err *err) MUST_CHECK;
/* The products by this thread alone; s->z is filled, s->root is overwritten. */
descent_products als_pair_products;

/* ---- als_long_rows.c ---- */
bool als_row_is_long(const struct als_half *half, size_t n);
/* Outside of parallel regions: takes all threads and their scratch. */
int als_solve_long_row(const struct rows_job *job, size_t i, struct err *err) MUST_CHECK;

#endif
