/*
 * Nearest rows by cosine. Rows of length 1, so a cosine is a product and a block of them one matrix product; the best
 * are kept by a threshold scan, in ascending row order, so that ties go to the smaller row by themselves.
 */
#include "base/comm.h"
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

/* Rows of queries a block: enough for the product to run at speed, little enough to stay in cache with its scores. */
enum { BLOCK_ROWS = 32 };

void vectors_free(struct vectors *vectors)
{
	free(vectors->data);
	*vectors = (struct vectors){0};
}

int vectors_unit(const struct vectors *vectors, struct vectors *out, struct err *err)
{
	struct vectors unit = {.count = vectors->count, .size = vectors->size};

	if (!(unit.data = mem_alloc(unit.count, unit.size * sizeof(float), err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < unit.count; i++) {
		const float *from = vectors->data + i * unit.size;
		float *to = unit.data + i * unit.size;
		double sum = 0;
		for (size_t d = 0; d < unit.size; d++)
			sum += (double)from[d] * (double)from[d];
		for (size_t d = 0; sum > 0 && d < unit.size; d++)
			to[d] = (float)((double)from[d] / __builtin_sqrt(sum));
	}
	*out = unit;
	return OK;
}

/* best[0 … *n) falls; an equal score stays behind the ones that came first. */
static void keep_best(struct scored *best, size_t *n, size_t k, float score, uint32_t id)
{
	size_t at = *n < k ? (*n)++ : k - 1;

	for (; at > 0 && best[at - 1].score < score; at--)
		best[at] = best[at - 1];
	best[at] = (struct scored){score, id};
}

static size_t select_best(const float *scores, size_t count, size_t without, size_t k, struct scored *best)
{
	size_t n = 0;
	float least = 0;

	for (size_t i = 0; i < count; i++) {
		if ((n == k && !(scores[i] > least)) || i == without)
			continue;
		keep_best(best, &n, k, scores[i], (uint32_t)i);
		least = best[n - 1].score;
	}
	return n;
}

struct neighbour_search {
	const struct vectors *unit;
	size_t k;
	float *scores; /* [threads][BLOCK_ROWS][count] */
	struct scored *out;
	size_t first; /* row of this rank */
};

static int search_block(size_t block, int thread, void *context, struct err *err)
{
	struct neighbour_search *search = context;
	const struct vectors *unit = search->unit;
	size_t first = search->first + block * BLOCK_ROWS,
	       rows = unit->count - first < BLOCK_ROWS ? unit->count - first : BLOCK_ROWS;
	float *scores = search->scores + (size_t)thread * BLOCK_ROWS * unit->count;
	int code = stop_check("nearest tags", err);

	if (code != OK)
		return code;
	gemm_run(&(struct gemm){
		.m = rows, .n = unit->count, .k = unit->size, .transpose_b = true, .alpha = 1,
		.a = unit->data + first * unit->size, .lda = unit->size, .b = unit->data, .ldb = unit->size,
		.c = scores, .ldc = unit->count,
	});
	for (size_t i = 0; i < rows; i++)
		select_best(scores + i * unit->count, unit->count, first + i, search->k, search->out + (first + i) * search->k);
	return OK;
}

int vectors_neighbours(const struct vectors *unit, size_t k, int threads, struct scored *out, struct err *err)
{
	struct neighbour_search search = {.unit = unit, .k = k, .out = out};
	size_t *start = NULL;

	if (k < 1 || k >= unit->count)
		return err_set(err, ERR_SETTINGS, "neighbours: %zu of %zu tags; 1 … %zu are there", k, unit->count,
		               unit->count ? unit->count - 1 : 0);
	if (threads < 1)
		threads = 1;
	if (comm_shares(unit->count, BLOCK_ROWS, NULL, &start, err) != OK)
		return err->code;
	if (!(search.scores = mem_alloc((size_t)threads * BLOCK_ROWS, unit->count * sizeof(float), err))) {
		free(start);
		return ERR_MEMORY;
	}
	search.first = start[comm_rank()];
	size_t own = start[comm_rank() + 1] - search.first;
	/* One product a thread: how OpenBLAS divides one among its threads must not show in the result. */
	blas_threads(1);
	int code = parallel_for((own + BLOCK_ROWS - 1) / BLOCK_ROWS, 1, threads, search_block, &search, err);
	blas_threads(threads);
	if (code == OK)
		code = comm_gather(out, start, k * sizeof *out, err);
	free(start);
	free(search.scores);
	return code;
}

static bool is_skipped(uint32_t row, const uint32_t *skip, size_t n_skip)
{
	for (size_t s = 0; s < n_skip; s++)
		if (skip[s] == row)
			return true;
	return false;
}

size_t vectors_nearest(const struct vectors *unit, const float *query, const uint32_t *skip, size_t n_skip, size_t k,
                       struct scored *out)
{
	size_t n = 0;

	for (size_t i = 0; i < unit->count && k > 0; i++) {
		float score = dot_run(unit->size, unit->data + i * unit->size, query);
		if ((n < k || score > out[n - 1].score) && !is_skipped((uint32_t)i, skip, n_skip))
			keep_best(out, &n, k, score, (uint32_t)i);
	}
	return n;
}
