/* A training of ALS under way, for als.c and als_products.c. */
#ifndef MOODCAST_ALS_TRAIN_INTERNAL_H
#define MOODCAST_ALS_TRAIN_INTERNAL_H

#include "recsys/recsys_internal.h"

#define CHUNK_ROWS 512 /* rows of a BLAS call; short enough that float sums over them keep six digits */

struct side {
	size_t rows;
	size_t first, end; /* of this rank, which has no others in `factor` while it trains */
	size_t *start;     /* [ranks + 1] of every rank, in whole chunks; NULL = this process has all */
	float *factor;     /* [rows][f] */
	double *gram;      /* [f][f], of `factor`, without λ */
	const struct csr *pattern;
	const float *weight;
	const char *name;
};

struct training {
	const struct als_options *options;
	size_t factors;
	int threads;
	struct csr transposed;             /* [items][users]; value = confidence − 1 */
	float *weight;                     /* [entries], in the matrix' order */
	double *row_loss;                  /* [items] */
	float *lower;                      /* L [f][f]; NULL for the exact solver */
	float *whitened, *inverse, *chunk; /* inverse: L⁻¹ [f][f]; chunk: [threads][CHUNK_ROWS][f] or [lanes][f][f] */
	double *lanes;  /* [n_lanes][f][f]: partial Gram matrices; lane l takes the chunks l, l + n_lanes … */
	size_t n_lanes; /* by f alone, never by the number of threads */
	struct side user, item;
	double *loss;
	size_t done; /* iterations */
	uint64_t identity;
	double saved; /* when the last checkpoint was written */
	struct progress *progress; /* of this rank's rows in all iterations; NULL = none */
};

/* side->gram from side->factor. */
int als_gram(struct training *t, struct side *side, struct err *err) MUST_CHECK;
/* t->inverse ← L⁻¹, L L' = G + λI of the fixed side, and t->lower ← L where it is wanted. */
int als_whitening(struct training *t, const struct side *fixed, struct err *err) MUST_CHECK;
/* to[r] ← from[r] · matrix, or · matrix', for the rows of the side that are this rank's; `to` may be `from`. */
struct als_product {
	const struct side *side;
	bool transpose;
	const float *matrix, *from;
	float *to;
};
int als_product(struct training *t, const struct als_product *product, struct err *err) MUST_CHECK;

#endif
