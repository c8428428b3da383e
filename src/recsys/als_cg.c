/*
 * Conjugate gradients for a row of ALS (Hestenes and Stiefel 1952; for implicit feedback: Takács, Pilászy and Tikk
 * 2011), matrix-free and in the whitened coordinates of als_rows.c:
 *     A x' = b,   A = I + Z' W Z,   b = Z' c,   A v = v + Z' (w ∘ Z v).
 * Whitening preconditions with the Gram matrix of the whole fixed side: A is the identity but for as many eigenvalues
 * as the row has pairs. A start at the last iteration's solution keeps the row's share of the loss from rising,
 * whatever the number of steps: each step goes to the least loss along its direction.
 */
#include "recsys/als_rows_internal.h"

/* |A⁻¹ r| ≤ |r|, since A ⪰ I: below this share of |x|² the squared residual is rounding. */
static const float RESIDUAL_SHARE = 1e-13f;

/* root[j] ← z_j · v. */
static void project(const struct rows_job *job, const struct row *row, const struct row_scratch *s, const float *v)
{
	const float *z[16];
	float out[16];
	for (size_t first = 0; first < row->n; first += 16) {
		size_t rows = row->n - first < 16 ? row->n - first : 16;
		for (size_t q = 0; q < 16; q++)
			z[q] = s->z[q < rows ? first + q : row->n - 1];
		job->kernels->project(v, z, job->half->factors, out);
		for (size_t q = 0; q < rows; q++)
			s->root[first + q] = out[q];
	}
}

int als_pair_products(const struct descent *descent, const float *v, enum descent_sum kind, float *out, struct err *err)
{
	const struct row *row = descent->row;
	const struct row_scratch *s = descent->s;
	(void)err;
	project(descent->job, row, s, v);
	for (size_t j = 0; j < row->n; j++)
		s->root[j] = kind == SUM_IMAGE ? s->root[j] * row->weight[j] : 1 + row->weight[j] - row->weight[j] * s->root[j];
	descent->job->kernels->combine(row->n, s->root, s->z, descent->job->half->factors, out);
	return OK;
}

/* residual ← b − A x = Z' (c − w ∘ Z x) − x. */
static int first_residual(const struct descent *descent, float *residual, struct err *err)
{
	int code = descent->products(descent, descent->row->x, SUM_RESIDUAL, residual, err);
	for (size_t k = 0; k < descent->job->half->factors; k++)
		residual[k] -= descent->row->x[k];
	return code;
}

/* image ← A v. */
static int apply(const struct descent *descent, const float *v, float *image, struct err *err)
{
	int code = descent->products(descent, v, SUM_IMAGE, image, err);
	for (size_t k = 0; k < descent->job->half->factors; k++)
		image[k] += v[k];
	return code;
}

static double dot_wide(size_t n, const float *a, const float *b)
{
	double sum = 0;
	for (size_t k = 0; k < n; k++)
		sum += (double)a[k] * b[k];
	return sum;
}

int als_descend(const struct descent *descent, bool *positive, struct err *err)
{
	const struct als_half *half = descent->job->half;
	size_t f = half->factors, ld = recsys_padded(f);
	float *residual = descent->s->descent, *direction = residual + ld, *image = direction + ld, *x = descent->row->x;
	int code = first_residual(descent, residual, err);
	if (code != OK)
		return code;
	for (size_t k = 0; k < f; k++)
		direction[k] = residual[k];
	double square = dot_wide(f, residual, residual), curvature = 1;
	for (size_t step = 0; step < half->cg_steps && square > (double)RESIDUAL_SHARE * dot_wide(f, x, x); step++) {
		code = apply(descent, direction, image, err);
		if (code != OK)
			return code;
		curvature = dot_wide(f, direction, image);
		if (!(curvature > 0))
			break;
		float length = (float)(square / curvature);
		for (size_t k = 0; k < f; k++) {
			x[k] += length * direction[k];
			residual[k] -= length * image[k];
		}
		double next = dot_wide(f, residual, residual);
		float turn = (float)(next / square);
		for (size_t k = 0; k < f; k++)
			direction[k] = residual[k] + turn * direction[k];
		square = next;
	}
	*positive = curvature > 0;
	return OK;
}
