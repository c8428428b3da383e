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

/* half->cg_steps steps of conjugate gradients from what row->x holds; s->z is filled, s->root is overwritten. False when the equations are not
 * positive. */
bool als_descend_row(const struct rows_job *job, const struct row *row, const struct row_scratch *s);

#endif
