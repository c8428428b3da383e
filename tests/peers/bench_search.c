/* The best 100 songs for playlists out of an als.npz: by length with an early end, against sgemv and selection. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>

enum { WANTED = 100, QUERIES = 200 };

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
	float *norm, *scores;
	struct scored fast[2 * WANTED], slow[2 * WANTED];
};

static void by_length(struct search *s, const float *query)
{
	struct best_list best;
	best_start(&best, s->fast, WANTED);
	row_search_run(&(struct row_search){.rows = s->model.item, .count = s->model.items, .dims = s->model.factors,
	                                    .order = s->order, .norm = s->norm, .queries = &query, .n_queries = 1,
	                                    .best = &best});
	best_finish(&best);
}

static void whole(struct search *s, const float *query)
{
	struct best_list best;
	best_start(&best, s->slow, WANTED);
	gemv_run(s->model.items, s->model.factors, s->model.item, s->model.factors, query, s->scores);
	for (size_t i = 0; i < s->model.items; i++)
		best_offer(&best, s->scores[i], (uint32_t)i);
	best_finish(&best);
}

/* The same songs; two whose scores agree to the last digits may change places. */
static size_t differences(const struct search *s)
{
	size_t missing = 0;
	for (size_t i = 0; i < WANTED; i++) {
		bool there = s->slow[i].score <= s->slow[WANTED - 1].score * 1.00001f;
		for (size_t j = 0; j < WANTED; j++)
			there = there || s->fast[j].id == s->slow[i].id;
		missing += !there;
	}
	return missing;
}

static int run(struct search *s, struct err *err)
{
	double fast[QUERIES], slow[QUERIES];
	size_t count = 0, different = 0, step = s->model.users / QUERIES + 1;
	for (size_t u = 0; u < s->model.users && count < QUERIES; u += step) {
		const float *query = s->model.user + u * s->model.factors;
		if (!(norm_run(s->model.factors, query) > 0))
			continue;
		double t0 = clock_seconds();
		by_length(s, query);
		double t1 = clock_seconds();
		whole(s, query);
		slow[count] = clock_seconds() - t1;
		fast[count++] = t1 - t0;
		different += differences(s);
	}
	if (count == 0)
		return err_set(err, ERR_DATA, "no playlist has a factor");
	double f = median(fast, count), w = median(slow, count);
	printf("search: %zu songs x %zu: %.3f ms by length, %.3f ms whole, ratio %.1f (95 %% of queries within %.3f ms); "
	       "%zu songs differ over %zu queries\n",
	       s->model.items, s->model.factors, 1e3 * f, 1e3 * w, w / f, 1e3 * fast[count * 95 / 100], different, count);
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
		code = s.order && s.norm && s.scores ? OK : err.code;
	}
	if (code == OK)
		code = row_search_order(s.model.item, s.model.items, s.model.factors, s.order, s.norm, &err);
	if (code == OK)
		code = run(&s, &err);
	if (code != OK)
		fprintf(stderr, "bench_search: %s\n", err.text);
	als_model_free(&s.model);
	free(s.order);
	free(s.norm);
	free(s.scores);
	return code;
}
