/* A training of ALS under way, for als.c and als_products.c. */
#ifndef MOODCAST_ALS_TRAIN_INTERNAL_H
#define MOODCAST_ALS_TRAIN_INTERNAL_H

#include "recsys/recsys_internal.h"

#define CHUNK_ROWS 512 /* rows of a BLAS call; short enough that float sums over them keep six digits */

struct side {
	size_t rows;
	size_t first, end; /* of this machine, whose ranks have no others in `factor` while they train */
	size_t *start;     /* [machines + 1] of every machine, in whole chunks; NULL = this process has all */
	/* [rows][f]; with `start` in memory that the ranks of a machine have in common, as what else they make of rows */
	float *factor;
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
	float *grams;                      /* [chunks of the longer side][f][f] of several ranks; else NULL */
	float *lower;                      /* L [f][f]; NULL for the exact solver */
	float *whitened, *inverse, *chunk; /* inverse: L⁻¹ [f][f]; chunk: [threads][CHUNK_ROWS][f] or [lanes][f][f] */
	double *lanes;  /* [n_lanes][f][f]: partial Gram matrices; lane l takes the chunks l, l + n_lanes … */
	size_t n_lanes; /* by f alone, never by the number of threads */
	struct side user, item;
	double *loss;
	bool shared; /* with other ranks */
	size_t done; /* iterations */
	uint64_t identity;
	double saved; /* when the last checkpoint was written */
	struct progress *progress; /* of this machine's rows in all iterations; NULL = none */
};

/* als_memory.c: room for t, whose sides know their rows; all that t holds; the model, which then owns what it needs. */
int als_allocate(struct training *t, struct err *err) MUST_CHECK;
void als_training_free(struct training *t);
int als_take_model(struct training *t, struct als_model *out, struct err *err) MUST_CHECK;
/* Rows of `rows` that the machines have made, `size` bytes each, become all machines'. */
int als_gather(const struct side *side, void *rows, size_t size, struct err *err) MUST_CHECK;
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
