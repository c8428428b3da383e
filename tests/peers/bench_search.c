/* The best 100 songs for playlists out of an als.npz: by bytes and length, against sgemv and selection. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>

enum { WANTED = 100, PLAYLISTS = 30, ROUNDS = 9 }; /* an answer asks for the songs of 30 playlists */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
	qsort(x, n, sizeof *x, compare);
	return x[n / 2];
}

struct search {
	struct als_model model;
	int32_t *order;
	float *norm, *scores, *code_scale, *code_error;
	uint8_t *code;
	const float *queries[PLAYLISTS];
	struct scored fast[PLAYLISTS][2 * WANTED], slow[PLAYLISTS][2 * WANTED];
};

static void search(struct search *s, size_t n)
{
	struct best_list best[PLAYLISTS];
	for (size_t q = 0; q < n; q++)
		best_start(&best[q], s->fast[q], WANTED);
	struct row_sketch sketch = {s->code, s->code_scale, s->code_error};
	row_search_run(&(struct row_search){.sketch = &sketch,
	                                    .rows = s->model.item,
	                                    .count = s->model.items,
	                                    .dims = s->model.factors,
	                                    .order = s->order,
	                                    .norm = s->norm,
	                                    .queries = s->queries,
	                                    .n_queries = n,
	                                    .best = best});
	for (size_t q = 0; q < n; q++)
		best_finish(&best[q]);
}

static void scan(struct search *s, size_t n)
{
	for (size_t q = 0; q < n; q++) {
		struct best_list best;
		best_start(&best, s->slow[q], WANTED);
		gemv_run(s->model.items, s->model.factors, s->model.item, s->model.factors, s->queries[q], s->scores);
		for (size_t i = 0; i < s->model.items; i++)
			best_offer(&best, s->scores[i], (uint32_t)i);
		best_finish(&best);
	}
}

/* The same songs; those whose scores agree with the last one's to the last digits may differ. */
static size_t differences(const struct search *s, size_t n)
{
	size_t missing = 0;
	for (size_t q = 0; q < n; q++)
		for (size_t i = 0; i < WANTED; i++) {
			bool there = s->slow[q][i].score <= s->slow[q][WANTED - 1].score * 1.00001f;
			for (size_t j = 0; j < WANTED; j++)
				there = there || s->fast[q][j].id == s->slow[q][i].id;
			missing += !there;
		}
	return missing;
}

/* Another set of playlists a round. */
static int run(struct search *s, size_t n)
{
	double fast[ROUNDS], slow[ROUNDS], ratio[ROUNDS];
	size_t different = 0, user = 0;
	for (int r = 0; r < ROUNDS; r++) {
		for (size_t q = 0; q < n; user = (user + 97) % s->model.users) {
			const float *x = s->model.user + user * s->model.factors;
			if (norm_run(s->model.factors, x) > 0)
				s->queries[q++] = x;
		}
		double t0 = clock_seconds();
		search(s, n);
		double t1 = clock_seconds();
		scan(s, n);
		slow[r] = clock_seconds() - t1;
		fast[r] = t1 - t0;
		ratio[r] = slow[r] / fast[r];
		different += differences(s, n);
	}
	double f = median(fast, ROUNDS), w = median(slow, ROUNDS), m = median(ratio, ROUNDS);
	printf("search: %zu songs x %zu, %zu playlists: %.2f ms, sgemv %.2f ms, ratio %.1f (%.1f-%.1f); %zu songs differ\n",
	       s->model.items, s->model.factors, n, 1e3 * f, 1e3 * w, m, ratio[0], ratio[ROUNDS - 1], different);
	return OK;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct search s = {0};
	int code = argc == 2 ? als_load(&s.model, argv[1], &err) : err_set(&err, ERR_SETTINGS, "bench_search als.npz");
	blas_threads(1);
	if (code == OK) {
		s.order = mem_alloc(s.model.items, sizeof *s.order, &err);
		s.norm = mem_alloc(s.model.items, sizeof *s.norm, &err);
		s.scores = mem_alloc(s.model.items, sizeof *s.scores, &err);
		size_t blocks = sketch_blocks(s.model.items);
		s.code = mem_alloc(blocks, sketch_steps(s.model.factors) * SKETCH_ROWS * 4, &err);
		s.code_scale = mem_alloc(blocks, SKETCH_ROWS * sizeof *s.code_scale, &err);
		s.code_error = mem_alloc(blocks, SKETCH_ROWS * sizeof *s.code_error, &err);
		code = s.order && s.norm && s.scores && s.code && s.code_scale && s.code_error ? OK : err.code;
	}
	if (code == OK)
		code = row_search_order(s.model.item, s.model.items, s.model.factors, s.order, s.norm, &err);
	if (code == OK)
		sketch_build(s.model.item, s.order, s.model.items, s.model.factors, s.code, s.code_scale, s.code_error);
	if (code == OK)
		code = run(&s, 1);
	if (code == OK)
		code = run(&s, PLAYLISTS);
	if (code != OK)
		fprintf(stderr, "bench_search: %s\n", err.text);
	als_model_free(&s.model);
	free(s.order);
	free(s.norm);
	free(s.scores);
	free(s.code);
	free(s.code_scale);
	free(s.code_error);
	return code;
}
