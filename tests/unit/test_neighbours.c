/* Playlist neighbours against their formula, worked out playlist by playlist in double. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recsys/recsys_internal.h"

#define PLAYLISTS 40
#define SONGS 25
#define TAGS 8

struct fixture {
	struct playlists playlists;
	int64_t song_start[PLAYLISTS + 1], tag_start[PLAYLISTS + 1], id[PLAYLISTS], likes[PLAYLISTS];
	int32_t song[PLAYLISTS * SONGS], tag[PLAYLISTS * TAGS];
	uint8_t song_held[PLAYLISTS * SONGS], tag_held[PLAYLISTS * TAGS], split[PLAYLISTS], mask[PLAYLISTS];
	bool has_song[PLAYLISTS][SONGS], has_tag[PLAYLISTS][TAGS]; /* training links */
};

static void fixture_init(struct fixture *f)
{
	struct rng rng;
	*f = (struct fixture){0};
	rng_seed(&rng, 3, "test.neighbours", 0);
	for (size_t p = 0; p < PLAYLISTS; p++) {
		int64_t s = f->song_start[p], t = f->tag_start[p];
		/* Playlist 5 holds nothing; song 4 and tag 2 are in no playlist. */
		for (size_t i = 0; p != 5 && i < SONGS; i++)
			if (i != 4 && rng_unit(&rng) < 0.3) {
				f->song[s] = (int32_t)i;
				f->song_held[s++] = rng_unit(&rng) < 0.2;
				f->has_song[p][i] = !f->song_held[s - 1];
			}
		for (size_t i = 0; p != 5 && i < TAGS; i++)
			if (i != 2 && rng_unit(&rng) < 0.3) {
				f->tag[t] = (int32_t)i;
				f->tag_held[t++] = rng_unit(&rng) < 0.2;
				f->has_tag[p][i] = !f->tag_held[t - 1];
			}
		f->song_start[p + 1] = s;
		f->tag_start[p + 1] = t;
	}
	f->playlists = (struct playlists){.n_playlists = PLAYLISTS, .n_songs = SONGS, .n_tags = TAGS, .id = f->id,
	                                  .likes = f->likes, .split = f->split, .mask = f->mask,
	                                  .songs = {f->song_start, f->song, f->song_held},
	                                  .tags = {f->tag_start, f->tag, f->tag_held}};
}

static const struct neighbours_options options = {
    .song_weight = 1, .tag_weight = 0.5, .sharpness = 1.4, .damping = 0.3};

static double count_of(const struct fixture *f, bool tags, size_t item)
{
	double n = 0;
	for (size_t p = 0; p < PLAYLISTS; p++)
		n += tags ? f->has_tag[p][item] : f->has_song[p][item];
	return n;
}

/* α idf² or τ idf². */
static double weight_of(const struct fixture *f, bool tags, size_t item)
{
	double holders = 0;
	for (size_t p = 0; p < PLAYLISTS; p++) {
		bool any = false;
		for (size_t i = 0; i < (tags ? TAGS : SONGS); i++)
			any = any || (tags ? f->has_tag[p][i] : f->has_song[p][i]);
		holders += any;
	}
	double n = count_of(f, tags, item), idf = log(1 + (holders - n + 0.5) / (n + 0.5));
	return (tags ? options.tag_weight : options.song_weight) * idf * idf;
}

static double like_of(const struct fixture *f, const struct ranking_query *query, size_t p)
{
	double shared = 0, mass = 0;
	for (size_t i = 0; i < SONGS; i++)
		mass += f->has_song[p][i] ? weight_of(f, false, i) : 0;
	for (size_t i = 0; i < TAGS; i++)
		mass += f->has_tag[p][i] ? weight_of(f, true, i) : 0;
	for (size_t i = 0; i < query->n_shown; i++)
		shared += f->has_song[p][query->shown[i]] ? weight_of(f, false, (size_t)query->shown[i]) : 0;
	for (size_t i = 0; i < query->n_tags; i++)
		shared += f->has_tag[p][query->tags[i]] ? weight_of(f, true, (size_t)query->tags[i]) : 0;
	return mass > 0 ? shared / sqrt(mass) : 0;
}

static double score_of(const struct fixture *f, const struct ranking_query *query, bool tags, size_t item)
{
	double votes = 0, n = count_of(f, tags, item);
	for (size_t p = 0; p < PLAYLISTS; p++)
		if (p != query->playlist && (tags ? f->has_tag[p][item] : f->has_song[p][item]))
			votes += pow(like_of(f, query, p), options.sharpness);
	return votes * pow(n > 1 ? n : 1, -options.damping);
}

static void scores_are_those_of_the_formula(void **state)
{
	struct err err = {0};
	struct fixture f;
	struct popularity popularity = {SONGS, (float[SONGS]){0.5f, 0.25f}};
	struct neighbours *n;
	(void)state;
	fixture_init(&f);
	assert_ok(neighbours_new(&n, &f.playlists, &options, &popularity, &err));
	const struct ranking_query queries[] = {
	    {.playlist = 7, .shown = (int32_t[]){1, 9, 20}, .n_shown = 3, .tags = (int32_t[]){0, 5}, .n_tags = 2},
	    {.playlist = 8, .tags = (int32_t[]){6}, .n_tags = 1},
	    {.playlist = 9}};
	struct ranker songs = neighbours_ranker(n, "neighbours", RANK_SONGS), tags = neighbours_ranker(n, "n", RANK_TAGS);
	void *workspace = mem_alloc(songs.workspace, 1, &err);
	/* Twice, as the workspace must be left clean. */
	for (int round = 0; round < 2; round++) {
		float song_scores[3 * SONGS], tag_scores[3 * TAGS];
		songs.score(songs.state, queries, 3, workspace, song_scores);
		tags.score(tags.state, queries, 3, workspace, tag_scores);
		for (size_t q = 0; q < 3; q++) {
			for (size_t i = 0; i < SONGS; i++) {
				double want = score_of(&f, &queries[q], false, i);
				want = want > 0 ? want : (double)popularity.share[i] - 1;
				assert_true(fabs((double)song_scores[q * SONGS + i] - want) < 1e-4 * (1 + fabs(want)));
			}
			for (size_t i = 0; i < TAGS; i++) {
				double want = score_of(&f, &queries[q], true, i);
				want = want > 0 ? want : count_of(&f, true, i) / PLAYLISTS - 1;
				assert_true(fabs((double)tag_scores[q * TAGS + i] - want) < 1e-4 * (1 + fabs(want)));
			}
		}
	}
	free(workspace);
	neighbours_free(n);
}

static void weights_that_mean_nothing_are_refused(void **state)
{
	struct err err = {0};
	struct fixture f;
	struct popularity popularity = {SONGS, (float[SONGS]){0}};
	struct neighbours *n = NULL;
	struct neighbours_options wrong = options;
	(void)state;
	fixture_init(&f);
	wrong.sharpness = 0;
	assert_refused(neighbours_new(&n, &f.playlists, &wrong, &popularity, &err), ERR_SETTINGS, "sharpness 0");
	wrong.sharpness = 1;
	wrong.tag_weight = NAN;
	assert_refused(neighbours_new(&n, &f.playlists, &wrong, &popularity, &err), ERR_SETTINGS, "tag weight");
	assert_null(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scores_are_those_of_the_formula),
	    cmocka_unit_test(weights_that_mean_nothing_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
