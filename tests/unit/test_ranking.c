/* Held-out figures against numbers worked out by hand, and the selection behind them. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"

#define SONGS 300
#define ROWS 6

/* Row 0 trains; rows 1 … 4 are held out with masks 1 … 4; row 5 is held out with nothing hidden. */
struct fixture {
	struct playlists playlists;
	int64_t id[ROWS], likes[ROWS], tag_start[ROWS + 1], song_start[ROWS + 1];
	uint8_t split[ROWS], mask[ROWS], tag_held[ROWS], song_held[64];
	int32_t tag_index[ROWS], song_index[64];
};

/* The songs of a row: `shown` from 10·row upwards, then `hidden`. */
static void add_songs(struct fixture *f, size_t row, size_t shown, size_t hidden)
{
	int64_t at = f->song_start[row];
	for (size_t i = 0; i < shown + hidden; i++, at++) {
		f->song_index[at] = (int32_t)(10 * row + i);
		f->song_held[at] = i >= shown;
	}
	f->song_start[row + 1] = at;
}

static void fixture_init(struct fixture *f)
{
	static const size_t shown[ROWS] = {5, 3, 2, 0, 0, 4}, hidden[ROWS] = {0, 2, 3, 4, 1, 0};
	*f = (struct fixture){0};
	for (size_t row = 0; row < ROWS; row++) {
		f->split[row] = row == 0 ? PLAYLIST_TRAIN : PLAYLIST_HELD_OUT;
		f->mask[row] = (uint8_t)(row % 5);
		f->likes[row] = 3;
		f->tag_index[row] = 0;
		f->tag_held[row] = row == 4 || row == 1;
		f->tag_start[row + 1] = (int64_t)row + 1;
		add_songs(f, row, shown[row], hidden[row]);
	}
	f->playlists = (struct playlists){.n_playlists = ROWS,
	                                  .n_tags = 1,
	                                  .n_songs = SONGS,
	                                  .id = f->id,
	                                  .likes = f->likes,
	                                  .split = f->split,
	                                  .mask = f->mask,
	                                  .tags = {f->tag_start, f->tag_index, f->tag_held},
	                                  .songs = {f->song_start, f->song_index, f->song_held}};
}

static const struct ranking_options options = {.bootstrap = 200, .seed = 1, .threads = 1};
static const struct recsys_evaluation_options contest = {
    .ranking = {.bootstrap = 200, .seed = 1, .threads = 1},
    .recommend = {.tag_weight = 0.3, .sharpness = 1.2, .damping = 0.25, .als_weight = 0.3},
    .als = {.factors = 4, .iterations = 5, .regularization = 0.1, .alpha = 1, .confidence = CONFIDENCE_LOG},
    .item_neighbours = 50};

/* Scores that a test writes down, the same for every playlist. */
static void score_fixed(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                        float *scores)
{
	(void)queries;
	(void)workspace;
	for (size_t q = 0; q < count; q++)
		memcpy(scores + q * SONGS, state, SONGS * sizeof *scores);
}

static void figures_are_those_of_their_definitions(void **state)
{
	struct err err = {0};
	struct fixture f;
	struct ranking_result r;
	float scores[SONGS];
	(void)state;
	fixture_init(&f);
	for (size_t s = 0; s < SONGS; s++)
		scores[s] = -(float)s;
	/* Row 1 hides 13 and 14 and shows 10, 11, 12: by falling score they stand at places 10 and 11. */
	struct ranker ranker = {.name = "fixed", .score = score_fixed, .state = scores};
	assert_ok(ranking_evaluate(&f.playlists, &ranker, &options, &r, &err));
	double ndcg = (1 / log(12) + 1 / log(13)) / (1 / log(2) + 1 / log(3));
	assert_true(fabs(r.mask[1].ndcg - ndcg) < 1e-12);
	assert_true(r.mask[1].recall == 1 && r.mask[1].map == 0);
	assert_int_equal(r.mask[1].playlists, 1);
	/* Row 2 hides 22, 23, 24 and shows 20, 21: places 20, 21, 22. */
	ndcg = (1 / log(22) + 1 / log(23) + 1 / log(24)) / (1 / log(2) + 1 / log(3) + 1 / log(4));
	assert_true(fabs(r.mask[2].ndcg - ndcg) < 1e-12);
	assert_int_equal(r.overall.playlists, 4);
	double mean = (r.mask[1].ndcg + r.mask[2].ndcg + r.mask[3].ndcg + r.mask[4].ndcg) / 4;
	assert_true(fabs(r.overall.ndcg - mean) < 1e-12);
	assert_true(r.overall.ndcg_low <= mean && mean <= r.overall.ndcg_high && r.overall.ndcg_low < r.overall.ndcg_high);
	/* Lists differ by the few songs that each playlist shows: 0 … 102 without 10, 11, 12 and so on. */
	assert_true(fabs(r.coverage - 103.0 / SONGS) < 1e-12);
	/* MAP@10: row 1's two songs brought to places 0 and 2. */
	scores[13] = 3;
	scores[200] = 2;
	scores[14] = 1;
	assert_ok(ranking_evaluate(&f.playlists, &ranker, &options, &r, &err));
	assert_true(fabs(r.mask[1].map - (1.0 + 2.0 / 3) / 2) < 1e-12);
	ndcg = (1 / log(2) + 1 / log(4)) / (1 / log(2) + 1 / log(3));
	assert_true(fabs(r.mask[1].ndcg - ndcg) < 1e-12);
}

static void score_oracle(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                        float *scores)
{
	const struct fixture *f = state;
	(void)workspace;
	for (size_t q = 0; q < count; q++) {
		size_t row = queries[q].playlist;
		for (size_t s = 0; s < SONGS; s++)
			scores[q * SONGS + s] = 0;
		for (int64_t e = f->song_start[row]; e < f->song_start[row + 1]; e++)
			scores[q * SONGS + (size_t)f->song_index[e]] = 1;
		/* It is told exactly the shown songs. */
		for (size_t i = 0; i < queries[q].n_shown; i++)
			assert_int_equal(queries[q].shown[i], (int32_t)(10 * row + i));
	}
}

static void who_knows_all_gets_one_and_shown_songs_do_not_count(void **state)
{
	struct err err = {0};
	struct fixture f;
	struct ranking_result r;
	(void)state;
	fixture_init(&f);
	struct ranker ranker = {.name = "oracle", .score = score_oracle, .state = &f};
	assert_ok(ranking_evaluate(&f.playlists, &ranker, &options, &r, &err));
	assert_true(fabs(r.overall.ndcg - 1) < 1e-12 && r.overall.recall == 1 && r.overall.map == 1);
	assert_true(r.overall.ndcg_low > 1 - 1e-9 && r.overall.ndcg_high < 1 + 1e-9);
	for (int mask = 1; mask < MASK_COUNT; mask++)
		assert_int_equal(r.mask[mask].playlists, 1);
}

static void not_a_number_is_never_ranked(void **state)
{
	struct err err = {0};
	struct fixture f;
	struct ranking_result r;
	float scores[SONGS];
	(void)state;
	fixture_init(&f);
	for (size_t s = 0; s < SONGS; s++)
		scores[s] = NAN;
	struct ranker ranker = {.name = "fixed", .score = score_fixed, .state = scores};
	assert_ok(ranking_evaluate(&f.playlists, &ranker, &options, &r, &err));
	assert_true(r.overall.ndcg == 0 && r.overall.recall == 0 && r.coverage == 0);
}

/* ---- ALS beside its comparators ---------------------------------------------------------------------- */

/* Two kinds of playlists, each of 40 songs of its own kind; held-out ones hide half. */
struct planted {
	struct playlists playlists;
	int64_t start[201], tag_start[201], likes[200], id[200];
	int32_t index[200 * 20], tag[200];
	uint8_t held[200 * 20], tag_held[200], split[200], mask[200];
};

static void planted_init(struct planted *p)
{
	struct rng rng;
	*p = (struct planted){0};
	rng_seed(&rng, 5, "test.ranking", 0);
	for (size_t row = 0; row < 200; row++) {
		size_t songs[40], kind = row % 2;
		bool held_out = row >= 160;
		for (size_t i = 0; i < 40; i++)
			songs[i] = i;
		rng_shuffle(&rng, songs, 40);
		bool in[40] = {false}, hidden[40] = {false};
		for (size_t i = 0; i < 20; i++)
			in[songs[i]] = true;
		for (size_t i = 0; held_out && i < (row % 3 ? 10 : 20); i++)
			hidden[songs[i]] = true;
		int64_t at = p->start[row];
		for (size_t i = 0; i < 40; i++) {
			if (!in[i])
				continue;
			p->index[at] = (int32_t)(40 * kind + i);
			p->held[at++] = hidden[i];
		}
		p->start[row + 1] = at;
		p->split[row] = held_out ? PLAYLIST_HELD_OUT : PLAYLIST_TRAIN;
		p->mask[row] = held_out ? (row % 3 ? MASK_SONGS_TAGS : MASK_TAGS) : MASK_NONE;
		p->likes[row] = (int64_t)rng_below(&rng, 50);
		p->tag[row] = (int32_t)kind;
		p->tag_start[row + 1] = (int64_t)row + 1;
	}
	p->playlists = (struct playlists){.n_playlists = 200,
	                                  .n_tags = 2,
	                                  .n_songs = 80,
	                                  .id = p->id,
	                                  .likes = p->likes,
	                                  .split = p->split,
	                                  .mask = p->mask,
	                                  .tags = {p->tag_start, p->tag, p->tag_held},
	                                  .songs = {p->start, p->index, p->held}};
}

static void train(const struct planted *p, struct als_model *model)
{
	struct err err = {0};
	struct csr m = {.rows = 200, .columns = 80};
	m.start = mem_alloc(201, sizeof *m.start, &err);
	m.index = mem_alloc(4000, sizeof *m.index, &err);
	m.value = mem_alloc(4000, sizeof *m.value, &err);
	int64_t at = 0;
	for (size_t row = 0; row < 200; row++) {
		for (int64_t e = p->start[row]; e < p->start[row + 1]; e++)
			if (!p->held[e]) {
				m.value[at] = (float)p->likes[row];
				m.index[at++] = p->index[e];
			}
		m.start[row + 1] = at;
	}
	struct als_options als = {
	    .model = {.factors = 4, .iterations = 5, .regularization = 0.1, .alpha = 1, .confidence = CONFIDENCE_LOG},
	    .threads = 1};
	assert_ok(als_train(&m, &als, model, &err));
	csr_free(&m);
}

static void als_finds_the_planted_kind_from_songs_and_from_tags(void **state)
{
	struct err err = {0};
	struct planted *p = mem_alloc(1, sizeof *p, &err);
	struct als_model model = {0};
	struct recsys_evaluation all, two;
	struct recsys_evaluation_options threads = contest;
	(void)state;
	planted_init(p);
	train(p, &model);
	assert_ok(recsys_evaluate(&p->playlists, &model, &contest, &all, &err));
	const char *names[RECSYS_RANKERS] = {"blend",    "neighbours",    "als", "popularity",
	                                     "item_knn", "item_knn_bm25", "tags", "als_bm25"};
	assert_int_equal(all.n_rankers, RECSYS_RANKERS);
	for (size_t r = 0; r < RECSYS_RANKERS; r++) {
		assert_string_equal(all.rankers[r].name, names[r]);
		assert_true(all.rankers[r].overall.ndcg <= all.rankers[all.best].overall.ndcg);
	}
	static const size_t by_songs[] = {0, 1, 2, 4, 5, 7}, by_tags[] = {0, 1, 2, 6, 7};
	const struct ranking_score *popularity = all.rankers[3].mask;
	for (size_t i = 0; i < ARRAY_COUNT(by_songs); i++)
		assert_true(all.rankers[by_songs[i]].mask[MASK_SONGS_TAGS].ndcg > popularity[MASK_SONGS_TAGS].ndcg + 0.1);
	/* No song is shown here: only the tag tells the kinds apart, and item-kNN does not read tags. */
	for (size_t i = 0; i < ARRAY_COUNT(by_tags); i++)
		assert_true(all.rankers[by_tags[i]].mask[MASK_TAGS].map > popularity[MASK_TAGS].map + 0.1);
	assert_true(all.rankers[4].mask[MASK_TAGS].ndcg == popularity[MASK_TAGS].ndcg);
	assert_int_equal(all.tags.overall.playlists, 0);
	threads.ranking.threads = 2;
	assert_ok(recsys_evaluate(&p->playlists, &model, &threads, &two, &err));
	for (size_t r = 0; r < RECSYS_RANKERS; r++)
		assert_memory_equal(&all.rankers[r].overall, &two.rankers[r].overall, sizeof all.rankers[r].overall);
	for (size_t r = 0; r < RECSYS_RANKERS; r++) {
		const struct ranking_score *s = &all.rankers[r].overall;
		assert_true(s->ndcg_low <= s->ndcg && s->ndcg <= s->ndcg_high && s->recall_low <= s->recall &&
		            s->recall <= s->recall_high);
		assert_true(s->map_low <= s->map && s->map <= s->map_high && all.rankers[r].coverage > 0 &&
		            all.rankers[r].novelty >= 0);
	}
	/* A model with BM25 confidence is that comparator itself. */
	threads.als.confidence = CONFIDENCE_BM25;
	assert_ok(recsys_evaluate(&p->playlists, &model, &threads, &two, &err));
	assert_int_equal(two.n_rankers, RECSYS_RANKERS - 1);
	als_model_free(&model);
	free(p);
}

static void refuses_a_model_of_another_shape_and_nothing_hidden(void **state)
{
	struct err err = {0};
	struct planted *p = mem_alloc(1, sizeof *p, &err);
	struct als_model model = {0};
	struct recsys_evaluation all;
	(void)state;
	planted_init(p);
	train(p, &model);
	model.items--;
	assert_refused(recsys_evaluate(&p->playlists, &model, &contest, &all, &err), ERR_DATA, "79 songs does not belong");
	model.items++;
	memset(p->held, 0, sizeof p->held);
	assert_refused(recsys_evaluate(&p->playlists, &model, &contest, &all, &err), ERR_DATA,
	               "no held-out playlist hides a song");
	als_model_free(&model);
	free(p);
}

/* ---- playlists that nobody learnt from ---------------------------------------------------------------- */

static int name_tags(struct path_list *list, const char *const *names, size_t n)
{
	struct err err = {0};
	int code = OK;
	for (size_t i = 0; i < n && code == OK; i++)
		code = path_list_add(list, names[i], &err);
	return code;
}

/* Songs 1 and 2 of the first kind; only its tag; only a song that nobody knows but guest 1 holds too; nothing known. */
static void guests_are_answered_by_songs_by_tags_and_by_tags_of_new_songs(void **state)
{
	struct err err = {0};
	struct planted *p = mem_alloc(1, sizeof *p, &err);
	struct als_model model = {0};
	int64_t known_ids[80], ids[] = {101, 102, 9000, 9001}, likes[] = {3, 3, 3, 3};
	int64_t songs_start[] = {0, 2, 3, 4, 5}, tags_start[] = {0, 0, 1, 1, 2};
	int32_t songs[] = {0, 1, 2, 2, 3}, tags[] = {0, 1};
	uint8_t held[5] = {0};
	struct playlists asked = {.n_playlists = 4, .n_tags = 2, .n_songs = 4, .likes = likes, .song_id = ids,
	                          .tags = {tags_start, tags, held}, .songs = {songs_start, songs, held}};
	struct playlists *guests;
	(void)state;
	planted_init(p);
	train(p, &model);
	for (size_t s = 0; s < 80; s++)
		known_ids[s] = 100 + (int64_t)s;
	p->playlists.song_id = known_ids;
	assert_ok(name_tags(&p->playlists.tag_name, (const char *const[]){"even", "odd"}, 2));
	assert_ok(name_tags(&asked.tag_name, (const char *const[]){"odd", "never"}, 2));
	assert_ok(playlists_guests(&p->playlists, &asked, &guests, &err));
	assert_int_equal(guests->songs.start[4], 2);
	assert_int_equal(guests->tags.start[4], 2);
	assert_true(guests->tags.index[0] == 1 && guests->tags.held[0] == 0);
	assert_true(guests->tags.index[1] == 1 && guests->tags.held[1] == PLAYLIST_LENT);
	size_t rows[] = {200, 201, 202, 203, 0};
	struct arena_question question = {.playlists = &p->playlists,
	                                  .model = &model,
	                                  .recommend = contest.recommend,
	                                  .guests = guests,
	                                  .confidence = CONFIDENCE_LOG,
	                                  .rows = rows,
	                                  .count = 5,
	                                  .threads = 2};
	struct arena_answers answers;
	assert_ok(arena_answer(&question, &answers, &err));
	for (size_t row = 0; row < 3; row++)
		for (size_t i = 0; i < 20; i++) {
			uint32_t song = answers.song[row * ARENA_SONGS + i];
			assert_true(row == 0 ? song < 40 && song != 1 && song != 2 : song >= 40);
		}
	/* Its own tag is no answer; a lent one is. */
	assert_int_equal(answers.n_tags[1], 1);
	assert_true(answers.n_tags[2] == 2 && answers.tag[2 * ARENA_TAGS] == 1);
	assert_int_equal(answers.n_songs[3], 80);
	arena_answers_free(&answers);
	playlists_free(guests);
	path_list_free(&p->playlists.tag_name);
	path_list_free(&asked.tag_name);
	als_model_free(&model);
	free(p);
}

/* ---- selection ------------------------------------------------------------------------------------------- */

static void best_of_a_stream_is_the_head_of_the_sorted_list(void **state)
{
	struct rng rng;
	struct scored all[500], buffer[200];
	struct best_list best;
	(void)state;
	rng_seed(&rng, 9, "test.best", 0);
	for (size_t k = 0; k <= 100; k += 20) {
		best_start(&best, buffer, k);
		for (uint32_t i = 0; i < 500; i++) {
			/* Few different scores, some negative: most decisions are ties. */
			all[i] = (struct scored){(float)rng_below(&rng, 12) - 9, i};
			best_offer(&best, all[i].score, i);
		}
		size_t wanted = top_k(all, 500, k);
		assert_int_equal(best_finish(&best), wanted);
		for (size_t i = 0; i < wanted; i++)
			assert_int_equal(buffer[i].id, all[i].id);
	}
}

/* ---- searches by length ---------------------------------------------------------------------------- */

static void a_search_by_length_finds_what_a_whole_scan_finds(void **state)
{
	struct err err = {0};
	enum { ROWS_SEARCHED = 3001, DIMS = 37, QUERIES = 6, BEST = 20 };
	float *rows = mem_alloc(ROWS_SEARCHED * DIMS, sizeof *rows, &err),
	      *norm = mem_alloc(ROWS_SEARCHED, sizeof *norm, &err);
	int32_t *order = mem_alloc(ROWS_SEARCHED, sizeof *order, &err);
	uint8_t *excluded = mem_alloc(ROWS_SEARCHED, sizeof *excluded, &err);
	float queries[QUERIES][DIMS];
	const float *pointers[QUERIES];
	struct rng rng;
	(void)state;
	rng_seed(&rng, 8, "test.search", 0);
	for (size_t i = 0; i < ROWS_SEARCHED; i++) {
		/* Lengths with a long tail; equal rows tie. */
		double length = pow(rng_unit(&rng), 3);
		for (size_t k = 0; k < DIMS; k++)
			rows[i * DIMS + k] = (float)(length * rng_normal(&rng));
		excluded[i] = i % 11 == 0;
	}
	memcpy(rows + 40 * DIMS, rows + 1000 * DIMS, DIMS * sizeof *rows);
	for (size_t q = 0; q < QUERIES; q++) {
		/* The last one is all zeros: every row ties. */
		for (size_t k = 0; k < DIMS; k++)
			queries[q][k] = q + 1 < QUERIES ? (float)rng_normal(&rng) : 0;
		pointers[q] = queries[q];
	}
	assert_ok(row_search_order(rows, ROWS_SEARCHED, DIMS, order, norm, &err));
	struct scored found[2][QUERIES][2 * BEST];
	struct best_list best[2][QUERIES];
	for (int way = 0; way < 2; way++) {
		for (size_t q = 0; q < QUERIES; q++)
			best_start(&best[way][q], found[way][q], BEST);
		row_search_run(&(struct row_search){.rows = rows, .count = ROWS_SEARCHED, .dims = DIMS,
		                                    .order = way ? order : NULL, .norm = norm, .excluded = excluded,
		                                    .queries = pointers, .n_queries = QUERIES, .best = best[way]});
		for (size_t q = 0; q < QUERIES; q++)
			assert_int_equal(best_finish(&best[way][q]), BEST);
	}
	for (size_t q = 0; q < QUERIES; q++)
		assert_memory_equal(found[0][q], found[1][q], BEST * sizeof(struct scored));
	free(rows);
	free(norm);
	free(order);
	free(excluded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_are_those_of_their_definitions),
	    cmocka_unit_test(who_knows_all_gets_one_and_shown_songs_do_not_count),
	    cmocka_unit_test(not_a_number_is_never_ranked),
	    cmocka_unit_test(als_finds_the_planted_kind_from_songs_and_from_tags),
	    cmocka_unit_test(refuses_a_model_of_another_shape_and_nothing_hidden),
	    cmocka_unit_test(guests_are_answered_by_songs_by_tags_and_by_tags_of_new_songs),
	    cmocka_unit_test(best_of_a_stream_is_the_head_of_the_sorted_list),
	    cmocka_unit_test(a_search_by_length_finds_what_a_whole_scan_finds),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
