/* From the entries of the matrix to confidences. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>

/* Robertson and Zaragoza 2009, §3.4: the usual constants. */
static const double BM25_K = 1.2, BM25_B = 0.75;

struct bm25 {
	double *idf; /* [items] */
	double mean_length;
};

struct weighting {
	enum confidence confidence;
	struct bm25 bm25;  /* BM25 only */
	double low, high; /* of all entries */
};

static size_t row_length(const struct csr *matrix, size_t u)
{
	return (size_t)(matrix->start[u + 1] - matrix->start[u]);
}

static int bm25_init(struct bm25 *bm25, const struct csr *matrix, struct err *err)
{
	size_t users = 0, entries = (size_t)matrix->start[matrix->rows];
	bm25->idf = mem_alloc(matrix->columns, sizeof *bm25->idf, err);
	if (!bm25->idf)
		return err->code;
	for (size_t u = 0; u < matrix->rows; u++)
		users += row_length(matrix, u) > 0;
	for (size_t e = 0; e < entries; e++)
		bm25->idf[matrix->index[e]] += 1;
	for (size_t i = 0; i < matrix->columns; i++)
		bm25->idf[i] = log1p(((double)users - bm25->idf[i] + 0.5) / (bm25->idf[i] + 0.5));
	bm25->mean_length = users ? (double)entries / (double)users : 1;
	return OK;
}

static double bm25_weight(const struct bm25 *bm25, const struct csr *matrix, size_t u, size_t e)
{
	double length = (double)row_length(matrix, u) / bm25->mean_length;
	double share = (BM25_K + 1) / (1 + BM25_K * (1 - BM25_B + BM25_B * length));
	return (1 + log1p((double)matrix->value[e])) * bm25->idf[matrix->index[e]] * share;
}

static int check_value(const struct csr *matrix, size_t u, size_t e, struct err *err)
{
	float value = matrix->value[e];
	if (value >= 0 && isfinite(value))
		return OK;
	return err_set(err, ERR_DATA, "als: row %zu, column %d: a value of %g is no count of likes", u,
	               (int)matrix->index[e], (double)value);
}

static void value_range(const struct csr *matrix, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (int64_t e = 0; e < matrix->start[matrix->rows]; e++) {
		*low = fmin(*low, (double)matrix->value[e]);
		*high = fmax(*high, (double)matrix->value[e]);
	}
}

static double weight_of(const struct weighting *w, const struct csr *matrix, size_t u, size_t e)
{
	double value = matrix->value[e];
	switch (w->confidence) {
	case CONFIDENCE_LOG:
		return log1p(value);
	case CONFIDENCE_MINMAX:
		return w->high > w->low ? (value - w->low) / (w->high - w->low) : 1;
	case CONFIDENCE_BM25:
		return bm25_weight(&w->bm25, matrix, u, e);
	case CONFIDENCE_RAW:
		break;
	}
	return value;
}

int als_weights_among(const struct csr *learnt, const struct csr *matrix, const struct als_settings *model, float **out,
                      struct err *err)
{
	struct weighting w = {.confidence = model->confidence};
	float *weight = mem_alloc((size_t)matrix->start[matrix->rows], sizeof *weight, err);
	int code = weight ? OK : err->code;
	if (code == OK && model->confidence == CONFIDENCE_BM25)
		code = bm25_init(&w.bm25, learnt, err);
	value_range(learnt, &w.low, &w.high);
	for (size_t u = 0; u < matrix->rows && code == OK; u++) {
		for (size_t e = (size_t)matrix->start[u]; e < (size_t)matrix->start[u + 1] && code == OK; e++) {
			weight[e] = (float)(model->alpha * weight_of(&w, matrix, u, e));
			code = check_value(matrix, u, e, err);
		}
	}
	free(w.bm25.idf);
	if (code != OK) {
		free(weight);
		return code;
	}
	*out = weight;
	return OK;
}

int als_weights(const struct csr *matrix, const struct als_settings *model, float **out, struct err *err)
{
	return als_weights_among(matrix, matrix, model, out, err);
}
