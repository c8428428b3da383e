#include "support/support.h"

#include "text/text.h"
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a corpus with a planted structure: tags of one group of ten meet, groups never do ---- */

enum { GROUPS = 6, IN_GROUP = 10, KINDS = GROUPS * IN_GROUP, ROWS = 3000, PER_ROW = 5 };

struct planted {
	int64_t start[ROWS + 1];
	int32_t index[ROWS * PER_ROW];
	uint8_t held[ROWS * PER_ROW];
	struct tag_corpus corpus;
	struct vocabulary vocabulary;
};

static void planted_fill(struct planted *p)
{
	struct rng rng;

	rng_seed(&rng, 11, "planted", 0);
	for (size_t r = 0; r < ROWS; r++) {
		size_t order[IN_GROUP];
		for (size_t i = 0; i < IN_GROUP; i++)
			order[i] = i;
		rng_shuffle(&rng, order, IN_GROUP);
		size_t group = rng_below(&rng, GROUPS);
		p->start[r + 1] = (int64_t)((r + 1) * PER_ROW);
		for (size_t i = 0; i < PER_ROW; i++) {
			p->index[r * PER_ROW + i] = (int32_t)(group * IN_GROUP + order[i]);
			p->held[r * PER_ROW + i] = r % 10 == 0 && i >= 3;
		}
	}
	p->start[0] = 0;
	p->corpus = (struct tag_corpus){ROWS, KINDS, p->start, p->index, p->held};
}

static struct planted *planted_new(void)
{
	struct err err = {0};
	struct planted *p = mem_alloc(1, sizeof *p, &err);

	assert_non_null(p);
	planted_fill(p);
	assert_ok(vocabulary_build(&p->vocabulary, &p->corpus, 1, &err));
	return p;
}

static void planted_free(struct planted *p)
{
	vocabulary_free(&p->vocabulary);
	free(p);
}

static const struct skipgram_options usual = {
	.size = 24, .window = 3, .negative = 5, .epochs = 6, .alpha = 0.025, .min_alpha = 0.0001, .sample = 0,
	.ns_exponent = 0.75, .seed = 1,
};

static size_t group_of(const struct planted *p, uint32_t row)
{
	return p->vocabulary.tag[row] / IN_GROUP;
}

static void tags_that_meet_become_neighbours(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct vectors vectors, unit;
	struct skipgram_report report;
	enum { K = IN_GROUP - 1 };
	struct scored *near = mem_alloc(KINDS, K * sizeof *near, &err);
	size_t right = 0;

	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &vectors, &report, &err));
	assert_ok(vectors_unit(&vectors, &unit, &err));
	assert_ok(vectors_neighbours(&unit, K, 2, near, &err));
	for (uint32_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < K; j++)
			right += group_of(p, near[i * K + j].id) == group_of(p, i);
	if (right < KINDS * K * 98 / 100)
		fail_msg("%zu of %d neighbours are of the same group", right, KINDS * K);
	/* 3,000 rows of 5 less the 600 hidden, six times over, none dropped. */
	assert_int_equal(report.words, 6 * (ROWS * PER_ROW - ROWS / 10 * 2));
	/* log 2 is what vectors that know nothing have. */
	assert_true(report.loss < 0.9 * log(2));
	free(near);
	vectors_free(&vectors);
	vectors_free(&unit);
	planted_free(p);
}

static void hidden_tags_are_ranked_far_better_than_by_count(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct vectors vectors, unit;
	struct tags_evaluation one, two;

	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &vectors, NULL, &err));
	assert_ok(vectors_unit(&vectors, &unit, &err));
	assert_ok(tags_evaluate(&p->corpus, &p->vocabulary, &unit, 1, &one, &err));
	assert_ok(tags_evaluate(&p->corpus, &p->vocabulary, &unit, 2, &two, &err));
	assert_int_equal(one.playlists, ROWS / 10);
	assert_int_equal(one.hidden, ROWS / 10 * 2);
	/* Seven others of the group are left, two of them hidden: the first of them comes at rank (7 + 1) / (2 + 1) on
	 * average. */
	if (one.mrr < 0.5 || one.hit10 < 0.99)
		fail_msg("MRR %.3f, hit@10 %.3f", one.mrr, one.hit10);
	assert_true(one.popularity_mrr < 0.3);
	assert_true(one.mrr == two.mrr && one.hit10 == two.hit10 && one.popularity_mrr == two.popularity_mrr);
	tags_evaluation_free(&one);
	tags_evaluation_free(&two);
	vectors_free(&vectors);
	vectors_free(&unit);
	planted_free(p);
}

static void a_seed_gives_its_bytes_again_and_another_gives_others(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct skipgram_options other = usual;
	struct vectors a, b, c;

	other.seed = 2;
	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &a, NULL, &err));
	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &b, NULL, &err));
	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &other, &c, NULL, &err));
	assert_memory_equal(a.data, b.data, a.count * a.size * sizeof(float));
	assert_true(memcmp(a.data, c.data, a.count * a.size * sizeof(float)) != 0);
	vectors_free(&a);
	vectors_free(&b);
	vectors_free(&c);
	planted_free(p);
}

static void what_is_hidden_cannot_be_seen_in_the_vectors(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct vectors a, b;

	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &a, NULL, &err));
	for (size_t i = 0; i < ROWS * PER_ROW; i++)
		if (p->held[i])
			p->index[i] = (int32_t)(i % KINDS);
	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &usual, &b, NULL, &err));
	assert_memory_equal(a.data, b.data, a.count * a.size * sizeof(float));
	vectors_free(&a);
	vectors_free(&b);
	planted_free(p);
}

static void sub_sampling_drops_the_share_that_the_formula_says(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct skipgram_options options = usual;
	struct skipgram_report report;
	struct vectors vectors;
	double expected = 0;

	options.sample = 0.003;
	assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &options, &vectors, &report, &err));
	for (size_t i = 0; i < p->vocabulary.count; i++) {
		double count = (double)p->vocabulary.occurrences[i],
		       ratio = options.sample * (double)p->vocabulary.total / count;
		expected += 6 * count * fmin(1, sqrt(ratio) + ratio);
	}
	assert_true(fabs((double)report.words - expected) < 0.01 * expected);
	assert_true(expected < 0.9 * 6 * (double)p->vocabulary.total);
	vectors_free(&vectors);
	planted_free(p);
}

/* ---- every way of training ---- */

/* Share of the ten nearest that are of the tag's own group (nine can be). */
static double own_group(const struct planted *p, const struct vectors *vectors)
{
	struct err err = {0};
	struct vectors unit;
	struct scored near[9];
	size_t own = 0;

	assert_ok(vectors_unit(vectors, &unit, &err));
	for (uint32_t row = 0; row < unit.count; row++) {
		size_t n = vectors_nearest(&unit, unit.data + row * unit.size, &row, 1, 9, near);
		for (size_t i = 0; i < n; i++)
			own += p->vocabulary.tag[near[i].id] / IN_GROUP == p->vocabulary.tag[row] / IN_GROUP;
	}
	vectors_free(&unit);
	return (double)own / (double)(9 * KINDS);
}

static void every_way_of_training_finds_the_groups(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();

	for (unsigned way = 0; way < 32; way++) {
		struct skipgram_options options = usual;
		struct vectors vectors;
		options.cbow = way & 1;
		options.hierarchical = way & 2;
		options.shared_negatives = way & 4;
		options.deterministic = way & 8;
		options.window = way & 16 ? 0 : options.window;
		/* CBOW that is trained for longer learns that a tag never stands beside itself, and its group comes apart. */
		options.epochs = options.cbow ? 5 : 10;
		options.alpha = options.cbow ? 0.025 : 0.05;
		options.threads = 2;
		assert_ok(skipgram_train(&p->corpus, &p->vocabulary, &options, &vectors, NULL, &err));
		double own = own_group(p, &vectors);
		/* Chance is 0.15. The tree over only 60 tags, windows as wide as the playlist: 0.90, give or take 0.005 between
		 * threads. */
		if (!(own > 0.85))
			fail_msg("way %u: %.3f of the neighbours are of the same group", way, own);
		vectors_free(&vectors);
	}
	planted_free(p);
}

static void the_tree_gives_every_word_a_way_of_its_own(void **state)
{
	(void)state;
	struct err err = {0};
	struct huffman tree;
	const int64_t counts[] = {40, 20, 10, 10, 5, 1};
	double shares = 0, bits = 0;

	assert_ok(huffman_build(&tree, counts, ARRAY_COUNT(counts), &err));
	for (size_t w = 0; w < ARRAY_COUNT(counts); w++) {
		size_t length = tree.start[w + 1] - tree.start[w];
		shares += pow(2, -(double)length);
		bits += (double)(counts[w] * (int64_t)length);
		assert_int_equal(tree.node[tree.start[w]], ARRAY_COUNT(counts) - 2); /* the root */
		for (size_t i = tree.start[w]; i < tree.start[w + 1]; i++)
			assert_true(tree.node[i] < ARRAY_COUNT(counts) - 1);
		for (size_t other = 0; other < w; other++) {
			size_t shorter =
			    tree.start[other + 1] - tree.start[other] < length ? tree.start[other + 1] - tree.start[other] : length;
			assert_true(
			    memcmp(tree.label + tree.start[w], tree.label + tree.start[other], shorter * sizeof *tree.label) != 0);
		}
	}
	/* Kraft's sum of a full tree, and the shortest code that there is: joins of 6, 16, 26, 46, 86. */
	assert_true(shares == 1 && bits == 6 + 16 + 26 + 46 + 86);
	huffman_free(&tree);
}

/* ---- refusals ---- */

static void senseless_options_and_corpora_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct planted *p = planted_new();
	struct skipgram_options options = usual;
	struct vectors vectors;

	options.epochs = 0;
	assert_refused(skipgram_train(&p->corpus, &p->vocabulary, &options, &vectors, NULL, &err), ERR_SETTINGS, "epochs");
	options = usual;
	options.min_alpha = 0.5;
	assert_refused(skipgram_train(&p->corpus, &p->vocabulary, &options, &vectors, NULL, &err), ERR_SETTINGS,
	               "min_alpha");
	/* One tag a row: nothing meets. */
	int64_t starts[] = {0, 1, 2};
	int32_t tags[] = {0, 1};
	struct tag_corpus lonely = {2, 2, starts, tags, NULL};
	struct vocabulary v;
	assert_ok(vocabulary_build(&v, &lonely, 1, &err));
	assert_refused(skipgram_train(&lonely, &v, &usual, &vectors, NULL, &err), ERR_DATA,
	               "no playlist was left with two tags");
	vocabulary_free(&v);
	planted_free(p);
}

static void neighbours_are_those_of_a_plain_sort(void **state)
{
	(void)state;
	struct err err = {0};
	enum { COUNT = 150, SIZE = 17, K = 12 };
	struct vectors raw = {COUNT, SIZE, canary_new(COUNT * SIZE)}, unit;
	struct scored *fast = mem_alloc(COUNT, K * sizeof *fast, &err), *other = mem_alloc(COUNT, K * sizeof *other, &err);
	struct rng rng;

	rng_seed(&rng, 9, "neighbours", 0);
	for (size_t i = 0; i < COUNT * SIZE; i++)
		raw.data[i] = (float)rng_normal(&rng);
	memcpy(raw.data + 40 * SIZE, raw.data + 30 * SIZE, SIZE * sizeof(float)); /* a tie with every query */
	assert_ok(vectors_unit(&raw, &unit, &err));
	assert_ok(vectors_neighbours(&unit, K, 1, fast, &err));
	assert_ok(vectors_neighbours(&unit, K, 2, other, &err));
	assert_memory_equal(fast, other, COUNT * K * sizeof *fast);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct scored all[COUNT];
		size_t n = 0;
		for (uint32_t j = 0; j < COUNT; j++) {
			double dot = 0;
			for (size_t d = 0; d < SIZE; d++)
				dot += (double)unit.data[i * SIZE + d] * (double)unit.data[j * SIZE + d];
			if (j != i)
				all[n++] = (struct scored){(float)dot, j};
		}
		top_k(all, n, K);
		for (size_t k = 0; k < K; k++) {
			assert_int_equal(fast[i * K + k].id, all[k].id);
			assert_true(fabsf(fast[i * K + k].score - all[k].score) < 1e-6f);
		}
		struct scored single[K];
		assert_int_equal(vectors_nearest(&unit, unit.data + i * SIZE, &i, 1, K, single), K);
		for (size_t k = 0; k < K; k++)
			assert_int_equal(single[k].id, all[k].id);
	}
	assert_refused(vectors_neighbours(&unit, COUNT, 1, fast, &err), ERR_SETTINGS, "150 of 150");
	canary_check(raw.data, COUNT * SIZE);
	canary_free(raw.data);
	vectors_free(&unit);
	free(fast);
	free(other);
}

/* Points of a plane that is turned in five dimensions come back as they were, up to the signs that are fixed. */
static void a_map_keeps_what_lies_in_a_plane(void **state)
{
	(void)state;
	enum { COUNT = 7, D = 5 };
	static const double u[D] = {0.6, 0, 0.8, 0, 0}, v[D] = {0, 1, 0, 0, 0};
	static const double at[COUNT][2] = {{4, 0}, {-4, 0.5}, {0, 1}, {1, -1}, {-1, -0.5}, {2, 0.7}, {-2, -0.7}};
	float data[COUNT * D];
	double x[COUNT], y[COUNT], mean[2] = {0};
	struct err err = {0};
	for (size_t i = 0; i < COUNT; i++) {
		mean[0] += at[i][0] / COUNT;
		mean[1] += at[i][1] / COUNT;
		for (size_t k = 0; k < D; k++)
			data[i * D + k] = (float)(at[i][0] * u[k] + at[i][1] * v[k] + 0.1);
	}
	assert_ok(vectors_map(&(struct vectors){.count = COUNT, .size = D, .data = data}, COUNT, x, y, &err));
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < i; j++) {
			double dx = at[i][0] - at[j][0], dy = at[i][1] - at[j][1];
			assert_true(fabs(hypot(x[i] - x[j], y[i] - y[j]) - hypot(dx, dy)) < 1e-4);
		}
	double wide = 0, high = 0;
	for (size_t i = 0; i < COUNT; i++) {
		wide += x[i] * x[i];
		high += y[i] * y[i];
	}
	assert_true(wide > high);
	/* All alike: one point. */
	for (size_t i = 0; i < COUNT * D; i++)
		data[i] = 0.5f;
	assert_ok(vectors_map(&(struct vectors){.count = COUNT, .size = D, .data = data}, COUNT, x, y, &err));
	assert_true(x[3] == 0 && y[3] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_that_meet_become_neighbours),
		cmocka_unit_test(hidden_tags_are_ranked_far_better_than_by_count),
		cmocka_unit_test(a_seed_gives_its_bytes_again_and_another_gives_others),
		cmocka_unit_test(what_is_hidden_cannot_be_seen_in_the_vectors),
		cmocka_unit_test(sub_sampling_drops_the_share_that_the_formula_says),
		cmocka_unit_test(every_way_of_training_finds_the_groups),
		cmocka_unit_test(the_tree_gives_every_word_a_way_of_its_own),
		cmocka_unit_test(senseless_options_and_corpora_are_refused),
		cmocka_unit_test(neighbours_are_those_of_a_plain_sort),
	    cmocka_unit_test(a_map_keeps_what_lies_in_a_plane),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
