/*
 * What ALS computes with many rows at once: Gram matrices, whitening, products with L or L⁻¹, in chunks of CHUNK_ROWS
 * rows.
 *
 * Rows shared out among ranks go in whole chunks, so every BLAS call is the one that a single process makes. The
 * chunks' Gram matrices are gathered and added up by every rank in the order of a single process: the bytes are the
 * same for any number of ranks.
 */
#include "base/comm.h"
#include "recsys/als_train_internal.h"

#include <stdlib.h>
#include <string.h>

static size_t chunks_of(size_t rows)
{
	return (rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
}

/* ---- Gram matrices ------------------------------------------------------------------------------- */

struct gram_job {
	const struct side *side;
	size_t factors, chunks, n_lanes, first; /* first: chunk of this rank */
	float *block;  /* [lanes][f][f] */
	double *lanes; /* [lanes][f][f] */
	float *all;    /* [chunks][f][f]: of every rank; NULL = computed as they are added up */
};

static void chunk_gram(const struct gram_job *job, size_t chunk, float *out)
{
	size_t f = job->factors, first = chunk * CHUNK_ROWS, left = job->side->rows - first;
	syrk_run(f, left < CHUNK_ROWS ? left : CHUNK_ROWS, job->side->factor + first * f, f, 0, out);
}

static int own_chunk(size_t i, int thread, void *context, struct err *err)
{
	const struct gram_job *job = context;
	(void)thread;
	(void)err;
	chunk_gram(job, job->first + i, job->all + (job->first + i) * job->factors * job->factors);
	return OK;
}

static int gram_lane(size_t lane, int thread, void *context, struct err *err)
{
	const struct gram_job *job = context;
	size_t f = job->factors;
	double *sum = job->lanes + lane * f * f;
	(void)thread;
	(void)err;
	memset(sum, 0, f * f * sizeof *sum);
	for (size_t c = lane; c < job->chunks; c += job->n_lanes) {
		float *block = job->all ? job->all + c * f * f : job->block + lane * f * f;
		if (!job->all)
			chunk_gram(job, c, block);
		for (size_t i = 0; i < f; i++)
			for (size_t j = 0; j <= i; j++)
				sum[i * f + j] += block[i * f + j];
	}
	return OK;
}

/* job->all, of all ranks. */
static int gather_chunks(struct gram_job *job, int threads, struct err *err)
{
	size_t ranks = (size_t)comm_size(), f = job->factors;
	size_t *start = mem_alloc(ranks + 1, sizeof *start, err);
	if (!start || !(job->all = mem_alloc_unset(job->chunks * f * f, sizeof *job->all, err))) {
		free(start);
		return err->code;
	}
	for (size_t r = 0; r <= ranks; r++)
		start[r] = chunks_of(job->side->start[r]);
	job->first = start[comm_rank()];
	int code = parallel_for(start[comm_rank() + 1] - job->first, 1, threads, own_chunk, job, err);
	if (code == OK)
		code = comm_gather(job->all, start, f * f * sizeof *job->all, err);
	free(start);
	return code;
}

int als_gram(struct training *t, struct side *side, struct err *err)
{
	size_t f = t->factors;
	struct gram_job job = {.side = side,
	                       .factors = f,
	                       .chunks = chunks_of(side->rows),
	                       .n_lanes = t->n_lanes,
	                       .block = t->chunk,
	                       .lanes = t->lanes};
	int code = side->start ? gather_chunks(&job, t->threads, err) : OK;
	if (code == OK)
		code = parallel_for(t->n_lanes, 1, t->threads, gram_lane, &job, err);
	free(job.all);
	if (code != OK)
		return code;
	memset(side->gram, 0, f * f * sizeof *side->gram);
	for (size_t lane = 0; lane < t->n_lanes; lane++)
		for (size_t i = 0; i < f * f; i++)
			side->gram[i] += t->lanes[lane * f * f + i];
	for (size_t i = 0; i < f; i++)
		for (size_t j = i + 1; j < f; j++)
			side->gram[i * f + j] = side->gram[j * f + i];
	return OK;
}

/* Column by column of L X = I. */
int als_whitening(struct training *t, const struct side *fixed, struct err *err)
{
	size_t f = t->factors;
	double *l = mem_alloc(2 * f * f, sizeof *l, err);
	if (!l)
		return err->code;
	double *inverse = l + f * f;
	memcpy(l, fixed->gram, f * f * sizeof *l);
	for (size_t i = 0; i < f; i++)
		l[i * f + i] += t->options->model.regularization;
	int code = cholesky_factor(f, l, err);
	if (code != OK)
		err_wrap(err, "als: iteration %zu: Gram matrix of the %s factors; raise als.regularization", t->done + 1,
		         fixed->name);
	for (size_t j = 0; j < f && code == OK; j++) {
		for (size_t i = j; i < f; i++) {
			double sum = i == j ? 1 : 0;
			for (size_t k = j; k < i; k++)
				sum -= l[i * f + k] * inverse[k * f + j];
			inverse[i * f + j] = sum / l[i * f + i];
		}
	}
	for (size_t i = 0; i < f * f && code == OK; i++)
		t->inverse[i] = (float)inverse[i];
	for (size_t i = 0; i < f && t->lower && code == OK; i++)
		for (size_t j = 0; j <= i; j++)
			t->lower[i * f + j] = (float)l[i * f + j];
	free(l);
	return code;
}

/* ---- products of many rows with L or L⁻¹ ------------------------------------------------------------------ */

struct product_job {
	const struct als_product *product;
	size_t factors;
	float *chunk; /* [threads][CHUNK_ROWS][f] */
};

static int product_chunk(size_t c, int thread, void *context, struct err *err)
{
	const struct product_job *job = context;
	const struct als_product *product = job->product;
	size_t f = job->factors, first = product->side->first + c * CHUNK_ROWS, left = product->side->end - first;
	size_t rows = left < CHUNK_ROWS ? left : CHUNK_ROWS;
	float *chunk = job->chunk + (size_t)thread * CHUNK_ROWS * f;
	struct gemm gemm = {.m = rows, .n = f, .k = f, .transpose_b = product->transpose, .alpha = 1,
	                    .a = product->from + first * f, .lda = f, .b = product->matrix, .ldb = f, .c = chunk, .ldc = f};
	(void)err;
	gemm_run(&gemm);
	memcpy(product->to + first * f, chunk, rows * f * sizeof *chunk);
	return OK;
}

int als_product(struct training *t, const struct als_product *product, struct err *err)
{
	struct product_job job = {product, t->factors, t->chunk};
	return parallel_for(chunks_of(product->side->end - product->side->first), 1, t->threads, product_chunk, &job, err);
}
