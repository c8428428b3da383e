/* From the entries of the matrix to confidences. */
#include "recsys/recsys.h"

#include <math.h>
#include <stdlib.h>

/* Robertson and Zaragoza 2009, §3.4: the usual constants. */
static const double BM25_K = 1.2, BM25_B = 0.75;

struct bm25 {
	double *idf; /* [items] */
	double mean_length;
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

int als_weights(const struct csr *matrix, const struct als_settings *model, float **out, struct err *err)
{
	struct bm25 bm25 = {0};
	float *weight = mem_alloc((size_t)matrix->start[matrix->rows], sizeof *weight, err);
	int code = weight ? OK : err->code;
	if (code == OK && model->confidence == CONFIDENCE_BM25)
		code = bm25_init(&bm25, matrix, err);
	for (size_t u = 0; u < matrix->rows && code == OK; u++) {
		for (size_t e = (size_t)matrix->start[u]; e < (size_t)matrix->start[u + 1] && code == OK; e++) {
			double value = matrix->value[e], g = value;
			if (model->confidence == CONFIDENCE_LOG)
				g = log1p(value);
			if (model->confidence == CONFIDENCE_BM25)
				g = bm25_weight(&bm25, matrix, u, e);
			weight[e] = (float)(model->alpha * g);
			code = check_value(matrix, u, e, err);
		}
	}
	free(bm25.idf);
	if (code != OK) {
		free(weight);
		return code;
	}
	*out = weight;
	return OK;
}
