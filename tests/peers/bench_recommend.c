/*
 * Songs for a mood out of a whole bundle: as shipped, and with the search replaced by sgemv over every song and
 * selection. All else is the same chain, since the linker puts __wrap_row_search_run in the way of row_search_run
 * (-Wl,--wrap=row_search_run).
 *   bench_recommend BUNDLE         many requests by turns on one thread, and what the process holds in memory
 *   bench_recommend BUNDLE LABEL   loads, answers once with the scan and prints it, as
 *                                  `moodcast recommend --label LABEL --json` does
 */
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"
#include "runtime/runtime.h"

enum { WANTED = 10, ROUNDS = 15 };

static bool scanning;
void __real_row_search_run(const struct row_search *search);
void __wrap_row_search_run(const struct row_search *search);

static void scan(const struct row_search *search)
{
	struct err err = {0};
	float *scores = mem_alloc(search->count, sizeof *scores, &err);
	if (!scores)
		abort();
	for (size_t q = 0; q < search->n_queries; q++) {
		gemv_run(search->count, search->dims, search->rows, search->dims, search->queries[q], scores);
		for (size_t i = 0; i < search->count; i++)
			if (!search->excluded || !search->excluded[i])
				best_offer(&search->best[q], scores[i], (uint32_t)i);
	}
	free(scores);
}

/* Only songs have a sketch: the tags' few vectors are searched as ever. */
void __wrap_row_search_run(const struct row_search *search)
{
	if (scanning && search->sketch)
		scan(search);
	else
		__real_row_search_run(search);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *x)
{
	qsort(x, ROUNDS, sizeof *x, compare);
	return x[ROUNDS / 2];
}

/* A mixture of moods that a face might show. */
static int answer(const struct bundle *bundle, int round, bool by_scan, struct json **out, struct err *err)
{
	float scores[MAX_CLASSES];
	for (size_t i = 0; i < bundle->n_classes; i++)
		scores[i] = i == (size_t)round % bundle->n_classes ? 0.8f : 0.2f / (float)(bundle->n_classes - 1);
	scanning = by_scan;
	return songs_recommend(bundle, &(struct song_request){.scores = scores, .count = WANTED, .seed = (uint64_t)round},
	                       out, err);
}

static size_t differences(const struct json *a, const struct json *b)
{
	const struct json *x = json_get(a, "songs"), *y = json_get(b, "songs");
	size_t different = json_count(x) != json_count(y);
	for (size_t i = 0; i < json_count(x); i++)
		different += json_integer_value(json_get(json_at(x, i), "id"), -1) !=
		             json_integer_value(json_get(json_at(y, i), "id"), -2);
	return different;
}

static void print_memory(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "Rss:", 4) == 0 || strncmp(line, "Anonymous:", 10) == 0)
			printf("memory: %s", line);
	if (file)
		fclose(file);
}

static int run(const struct bundle *bundle, struct err *err)
{
	double fast[ROUNDS], slow[ROUNDS], ratio[ROUNDS];
	size_t different = 0;
	int code = OK;
	for (int r = 0; r < ROUNDS && code == OK; r++) {
		struct json *own = NULL, *other = NULL;
		double t0 = clock_seconds();
		code = answer(bundle, r, false, &own, err);
		double t1 = clock_seconds();
		if (code == OK)
			code = answer(bundle, r, true, &other, err);
		slow[r] = clock_seconds() - t1;
		fast[r] = t1 - t0;
		ratio[r] = slow[r] / fast[r];
		different += differences(own, other);
		json_free(own);
		json_free(other);
	}
	if (code != OK)
		return code;
	const struct recommender_view *view = recommender_view(bundle->recommender);
	double f = median(fast), s = median(slow), m = median(ratio);
	printf("recommend: %zu playlists x %zu songs x %zu factors: %.1f ms, with sgemv and selection %.0f ms, ratio %.1f "
	       "(%.1f-%.1f); "
	       "%zu of %d songs differ\n",
	       view->n_playlists, view->n_songs, view->n_factors, 1e3 * f, 1e3 * s, m, ratio[0], ratio[ROUNDS - 1],
	       different, ROUNDS * WANTED);
	print_memory();
	return OK;
}

/* What `moodcast recommend --label LABEL --json` does. */
static int once(const struct bundle *bundle, const char *label, struct err *err)
{
	float scores[MAX_CLASSES];
	struct json *reply = NULL;
	char *text = NULL;
	int code = scores_of_label(bundle, label, scores, err);
	scanning = true;
	if (code == OK)
		code =
		    songs_recommend(bundle, &(struct song_request){.scores = scores, .count = WANTED, .seed = 1}, &reply, err);
	if (code == OK)
		code = json_print(reply, 0, &text, err);
	if (code == OK)
		puts(text);
	free(text);
	json_free(reply);
	return code;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct bundle *bundle = NULL;
	int code = argc == 2 || argc == 3 ? bundle_load(&bundle, argv[1], false, &err)
	                                  : err_set(&err, ERR_SETTINGS, "bench_recommend BUNDLE [LABEL]");
	blas_threads(1);
	if (code == OK)
		code = argc == 3 ? once(bundle, argv[2], &err) : run(bundle, &err);
	if (code != OK)
		fprintf(stderr, "bench_recommend: %s\n", err.text);
	bundle_free(bundle);
	return code;
}
