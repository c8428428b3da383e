/* Popularity and item-kNN against brute force. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"

#define PLAYLISTS 40
#define SONGS 30

static struct csr draw_matrix(void)
{
	struct err err = {0};
	struct rng rng;
	struct csr m = {.rows = PLAYLISTS, .columns = SONGS};
	m.start = mem_alloc(PLAYLISTS + 1, sizeof *m.start, &err);
	m.index = mem_alloc(PLAYLISTS * SONGS, sizeof *m.index, &err);
	m.value = mem_alloc(PLAYLISTS * SONGS, sizeof *m.value, &err);
	rng_seed(&rng, 1, "test.baselines", 0);
	size_t at = 0;
	for (size_t p = 0; p < PLAYLISTS; p++) {
		for (size_t s = 0; s < SONGS; s++) {
			/* Song 4 is in no playlist; the others in fewer and fewer. */
			if (s == 4 || rng_unit(&rng) >= 0.5 / (1 + 0.1 * (double)s))
				continue;
			m.index[at] = (int32_t)s;
			m.value[at++] = (float)(p % 5); /* likes are no part of these comparators */
		}
		m.start[p + 1] = (int64_t)at;
	}
	return m;
}

static bool holds(const struct csr *m, size_t playlist, size_t song)
{
	for (int64_t e = m->start[playlist]; e < m->start[playlist + 1]; e++)
		if ((size_t)m->index[e] == song)
			return true;
	return false;
}

static size_t playlists_with(const struct csr *m, size_t song)
{
	size_t n = 0;
	for (size_t p = 0; p < m->rows; p++)
		n += holds(m, p, song);
	return n;
}

static void popularity_is_the_share_of_the_most_frequent_song(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix();
	struct popularity *popularity;
	size_t most = 0;
	(void)state;
	assert_ok(popularity_new(&popularity, &m, &err));
	for (size_t s = 0; s < SONGS; s++)
		most = playlists_with(&m, s) > most ? playlists_with(&m, s) : most;
	for (size_t s = 0; s < SONGS; s++)
		assert_true(fabs((double)popularity->share[s] - (double)playlists_with(&m, s) / (double)most) < 1e-6);
	assert_true(popularity->share[4] == 0);
	popularity_free(popularity);
	csr_free(&m);
}

/* The weight of a song in a playlist, straight from the header's formula. */
static double column_weight(const struct csr *m, enum knn_weighting weighting, size_t playlist, size_t song)
{
	if (!holds(m, playlist, song))
		return 0;
	double n = (double)playlists_with(m, song), u = (double)(m->start[playlist + 1] - m->start[playlist]);
	if (weighting == KNN_COSINE)
		return 1 / sqrt(n);
	double songs = SONGS - 1, mean = (double)m->start[m->rows] / songs; /* one song stands in no playlist */
	double idf = log(1 + (songs - u + 0.5) / (u + 0.5));
	return idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * n / mean));
}

static double similarity(const struct csr *m, enum knn_weighting weighting, size_t a, size_t b)
{
	double sum = 0;
	for (size_t p = 0; p < m->rows; p++)
		sum += column_weight(m, weighting, p, a) * column_weight(m, weighting, p, b);
	return sum;
}

static void check_neighbours(const struct csr *m, enum knn_weighting weighting, size_t k)
{
	struct err err = {0};
	struct item_knn *knn;
	assert_ok(item_knn_new(&knn, m, weighting, k, 1, &err));
	assert_ok(csr_check(&knn->neighbours, &err));
	for (size_t a = 0; a < SONGS; a++) {
		size_t kept = (size_t)(knn->neighbours.start[a + 1] - knn->neighbours.start[a]), better = 0, related = 0;
		double worst = 1e9;
		for (int64_t e = knn->neighbours.start[a]; e < knn->neighbours.start[a + 1]; e++) {
			size_t b = (size_t)knn->neighbours.index[e];
			assert_true(b != a);
			double want = similarity(m, weighting, a, b);
			if (!(fabs((double)knn->neighbours.value[e] - want) <= 1e-5 * (1 + want)))
				fail_msg("songs %zu and %zu: %g, brute force %g", a, b, (double)knn->neighbours.value[e], want);
			worst = want < worst ? want : worst;
		}
		for (size_t b = 0; b < SONGS; b++) {
			double s = b == a ? 0 : similarity(m, weighting, a, b);
			related += s > 0;
			better += s > worst + 1e-6;
		}
		assert_int_equal(kept, related < k ? related : k);
		assert_true(better <= kept);
	}
	item_knn_free(knn);
}

static void neighbours_are_the_most_similar_columns(void **state)
{
	struct csr m = draw_matrix();
	(void)state;
	check_neighbours(&m, KNN_COSINE, 5);
	check_neighbours(&m, KNN_BM25, 5);
	check_neighbours(&m, KNN_COSINE, 100);
	csr_free(&m);
}

static void threads_do_not_change_neighbours(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix();
	struct item_knn *one, *two;
	(void)state;
	assert_ok(item_knn_new(&one, &m, KNN_BM25, 7, 1, &err));
	assert_ok(item_knn_new(&two, &m, KNN_BM25, 7, 2, &err));
	size_t n = (size_t)one->neighbours.start[SONGS];
	assert_memory_equal(one->neighbours.start, two->neighbours.start, (SONGS + 1) * sizeof *one->neighbours.start);
	assert_memory_equal(one->neighbours.index, two->neighbours.index, n * sizeof *one->neighbours.index);
	assert_memory_equal(one->neighbours.value, two->neighbours.value, n * sizeof *one->neighbours.value);
	item_knn_free(one);
	item_knn_free(two);
	csr_free(&m);
}

static void knn_ranks_by_votes_and_the_rest_by_popularity(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix();
	struct item_knn *knn;
	struct popularity *popularity;
	float scores[2 * SONGS];
	(void)state;
	assert_ok(item_knn_new(&knn, &m, KNN_COSINE, 3, 1, &err));
	assert_ok(popularity_new(&popularity, &m, &err));
	struct knn_ranker state_of = {"item_knn", knn, popularity};
	struct ranker ranker = item_knn_ranker(&state_of);
	struct ranking_query queries[2] = {{.playlist = 0, .shown = (int32_t[]){2, 9}, .n_shown = 2}, {.playlist = 1}};
	ranker.score(ranker.state, queries, 2, NULL, scores);
	for (size_t s = 0; s < SONGS; s++) {
		double votes = 0;
		for (size_t q = 0; q < 2; q++) {
			size_t shown = (size_t)queries[0].shown[q];
			for (int64_t e = knn->neighbours.start[shown]; e < knn->neighbours.start[shown + 1]; e++)
				votes += (size_t)knn->neighbours.index[e] == s ? (double)knn->neighbours.value[e] : 0;
		}
		double want = votes > 0 ? votes : (double)popularity->share[s] - 1;
		assert_true(fabs((double)scores[s] - want) < 1e-6);
		assert_true(scores[SONGS + s] == popularity->share[s] - 1);
	}
	item_knn_free(knn);
	popularity_free(popularity);
	csr_free(&m);
}

static void no_neighbour_at_all_is_refused(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix();
	struct item_knn *knn = NULL;
	(void)state;
	assert_refused(item_knn_new(&knn, &m, KNN_COSINE, 0, 1, &err), ERR_SETTINGS, "at least one neighbour");
	assert_null(knn);
	csr_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(popularity_is_the_share_of_the_most_frequent_song),
	    cmocka_unit_test(neighbours_are_the_most_similar_columns),
	    cmocka_unit_test(threads_do_not_change_neighbours),
	    cmocka_unit_test(knn_ranks_by_votes_and_the_rest_by_popularity),
	    cmocka_unit_test(no_neighbour_at_all_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
