/* From a label to songs: the steps against brute force, and what must hold for every answer. */
#include "recommender_fixture.h"

static size_t row_of_playlist(const struct world *w, int64_t id)
{
	for (size_t r = 0; r < ROWS; r++)
		if (w->id[r] == id)
			return r;
	fail_msg("playlist %lld does not exist", (long long)id);
	return 0;
}

/* Songs that score higher for the playlist than this one. */
static size_t rank_of(const struct world *w, size_t row, size_t song)
{
	size_t above = 0;
	float own = dot_run(FACTORS, w->user + row * FACTORS, w->item + song * FACTORS);
	for (size_t s = 0; s < SONGS; s++)
		above += dot_run(FACTORS, w->user + row * FACTORS, w->item + s * FACTORS) > own + 1e-5f;
	return above;
}

static double tag_cosine(const struct world *w, size_t a, size_t b)
{
	return (double)dot_run(DIMS, w->vectors + a * DIMS, w->vectors + b * DIMS) /
	       ((double)norm_run(DIMS, w->vectors + a * DIMS) * (double)norm_run(DIMS, w->vectors + b * DIMS));
}

static bool row_has_tag(const struct world *w, size_t row, size_t tag)
{
	return w->tag_index[2 * row] == (int32_t)tag || w->tag_index[2 * row + 1] == (int32_t)tag;
}

static void every_song_comes_by_the_path_it_names(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *happy[] = {"tag1"}, *sad[] = {"tag8", "tag9"};
	struct recommend_label labels[] = {{"positive", 0.7, happy, 1}, {"negative", 0.3, sad, 2}};
	struct recommend_request request = request_of(labels, 2);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	for (size_t i = 0; i < result.count; i++) {
		const struct recommended_song *song = &result.songs[i];
		const struct recommend_why *why = &song->why;
		size_t row = row_of_playlist(w, why->playlist), s = recommender_song(r, song->id);
		size_t seed = recommender_tag(r, why->seed), similar = recommender_tag(r, why->similar);
		bool positive = strcmp(why->label, "positive") == 0;
		assert_true(row != 7 && row != 5);
		assert_true(positive ? seed == 1 : seed == 8 || seed == 9);
		assert_true(why->probability == (positive ? 0.7 : 0.3));
		assert_true(row_has_tag(w, row, similar));
		assert_true(fabs(why->cosine - tag_cosine(w, seed, similar)) < 1e-5 && why->cosine >= 0.1);
		assert_true(rank_of(w, row, s) < request.songs_per_playlist);
		assert_string_equal(song->name, w->playlists.song_name.items[s]);
		assert_string_equal(song->artist, w->playlists.song_artist.items[s]);
		assert_string_equal(why->title, w->playlists.title.items[row]);
		assert_true(song->named >= 1 && song->votes > 0 && song->closeness == 0);
		assert_true(i == 0 || song->votes <= result.songs[i - 1].votes);
	}
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

/* How many of the answers come from which kind of song. */
static size_t count_kind(const struct recommender *r, const struct recommend_result *result, size_t kind)
{
	size_t count = 0;
	for (size_t i = 0; i < result->count; i++)
		count += recommender_song(r, result->songs[i].id) / 75 == kind;
	return count;
}

static void labels_are_blended_by_their_probability(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *happy[] = {"tag1"}, *sad[] = {"tag8"};
	size_t second[3];
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (size_t i = 0; i < 3; i++) {
		double share = 0.5 * (double)i;
		struct recommend_label labels[] = {{"positive", 1 - share, happy, 1}, {"negative", share, sad, 1}};
		struct recommend_request request = request_of(labels, 2);
		struct recommend_result result;
		request.count = request.choices = 30;
		request.playlists = 30;
		assert_ok(recommend(r, &request, &result, &err));
		second[i] = count_kind(r, &result, 1);
		recommend_result_free(&result);
	}
	assert_true(second[0] < second[1] && second[1] < second[2]);
	assert_true(second[1] >= 10 && second[1] <= 20);
	recommender_free(r);
	world_free(w);
}

static void a_session_never_hears_a_song_twice(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"tag4"};
	int64_t heard[SONGS];
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	request.tags = tags;
	request.n_tags = 1;
	request.history = heard;
	for (size_t round = 0;; round++) {
		request.seed = round;
		assert_ok(recommend(r, &request, &result, &err));
		for (size_t i = 0; i < result.count; i++) {
			assert_null(result.songs[i].why.label);
			for (size_t h = 0; h < request.n_history; h++)
				assert_true(heard[h] != result.songs[i].id);
			heard[request.n_history++] = result.songs[i].id;
		}
		if (result.count < request.count)
			break;
		recommend_result_free(&result);
	}
	/* It goes on to the last song of the catalogue, and says when there is none left. */
	assert_int_equal(request.n_history, SONGS);
	assert_true(result.notes.count > 0 && strstr(result.notes.items[0], "no more candidates"));
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

static void the_seed_chooses_among_the_best(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"Tag4"};
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result whole, first, again;
	size_t different = 0;
	(void)state;
	request.tags = tags;
	request.n_tags = 1;
	assert_ok(recommender_build(&r, &w->source, &err));
	request.count = request.choices;
	assert_ok(recommend(r, &request, &whole, &err));
	request.count = 5;
	assert_ok(recommend(r, &request, &first, &err));
	for (uint64_t seed = 1; seed <= 5; seed++) {
		request.seed = seed;
		assert_ok(recommend(r, &request, &again, &err));
		if (seed == 1)
			assert_same_result(&first, &again);
		for (size_t i = 0; i < again.count; i++) {
			bool among = false;
			for (size_t k = 0; k < whole.count; k++)
				among = among || whole.songs[k].id == again.songs[i].id;
			assert_true(among);
			different += again.songs[i].id != first.songs[i].id;
		}
		recommend_result_free(&again);
	}
	assert_true(different > 0);
	recommend_result_free(&first);
	recommend_result_free(&whole);
	recommender_free(r);
	world_free(w);
}

static double closeness(const struct world *w, const size_t *songs, size_t n, size_t song)
{
	double mean[FACTORS] = {0}, dot = 0, norm = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < FACTORS; k++)
			mean[k] +=
			    (double)w->item[songs[i] * FACTORS + k] / (double)norm_run(FACTORS, w->item + songs[i] * FACTORS);
	for (size_t k = 0; k < FACTORS; k++) {
		dot += mean[k] * (double)w->item[song * FACTORS + k];
		norm += mean[k] * mean[k];
	}
	return dot / (sqrt(norm) * (double)norm_run(FACTORS, w->item + song * FACTORS));
}

static void the_listeners_songs_come_first_in_the_order(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"tag3", "nowhere"};
	int64_t songs[] = {5000 + 3 * 80, 5000 + 3 * 90, 1};
	const size_t rows[] = {80, 90};
	struct recommend_request request = request_of(NULL, 0);
	struct recommend_result result;
	(void)state;
	request.tags = tags;
	request.n_tags = 2;
	request.songs = songs;
	request.n_songs = 3;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	assert_int_equal(result.notes.count, 2);
	assert_non_null(strstr(result.notes.items[0], "song 1 "));
	assert_non_null(strstr(result.notes.items[1], "'nowhere'"));
	for (size_t i = 0; i < result.count; i++) {
		size_t song = recommender_song(r, result.songs[i].id);
		assert_true(song != 80 && song != 90);
		assert_true(fabs(result.songs[i].closeness - closeness(w, rows, 2, song)) < 1e-5);
		assert_true(i == 0 || result.songs[i].closeness <= result.songs[i - 1].closeness);
		assert_string_equal(result.songs[i].why.seed, "Tag3");
	}
	recommend_result_free(&result);
	/* Without any known tag the playlists closest to those songs answer. */
	request.n_tags = 0;
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 5);
	assert_int_equal(count_kind(r, &result, 1), 5);
	for (size_t i = 0; i < result.count; i++)
		assert_true(!result.songs[i].why.seed && result.songs[i].why.playlist > 0);
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

static void nothing_known_gives_an_empty_answer_that_says_so(void **state)
{
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *tags[] = {"없는 태그"};
	struct recommend_label label = {"neutral", 1, tags, 1};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	(void)state;
	assert_ok(recommender_build(&r, &w->source, &err));
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, 0);
	assert_int_equal(result.notes.count, 2);
	assert_non_null(strstr(result.notes.items[0], "없는 태그"));
	assert_non_null(strstr(result.notes.items[1], "nothing to go by"));
	recommend_result_free(&result);
	label.probability = 1.5;
	assert_refused(recommend(r, &request, &result, &err), ERR_SETTINGS, "label 'neutral': probability 1.5");
	label.probability = 1;
	request.count = 0;
	assert_refused(recommend(r, &request, &result, &err), ERR_SETTINGS, "at least 1");
	recommender_free(r);
	world_free(w);
}

/* Every second song is by the same artist, the others by nobody known. */
static void an_artist_has_so_many_songs_while_there_are_others(void **state)
{
	(void)state;
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *seeds[] = {"tag2", "tag3"};
	struct recommend_label label = {"positive", 1, seeds, 2};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (size_t most = 0; most < 3; most++) {
		request.per_artist = most;
		size_t by_artist = 0, largest = 0;
		for (request.seed = 0; request.seed < 20; request.seed++) {
			assert_ok(recommend(r, &request, &result, &err));
			assert_int_equal(result.count, request.count);
			by_artist = 0;
			for (size_t i = 0; i < result.count; i++)
				by_artist += result.songs[i].artist[0] != '\0';
			largest = by_artist > largest ? by_artist : largest;
			recommend_result_free(&result);
		}
		assert_true(most == 0 ? largest > 2 : largest <= most);
	}
	/* All choices by one artist: the answer is full all the same. */
	for (size_t s = 0; s < SONGS; s++) {
		free(w->playlists.song_artist.items[s]);
		w->playlists.song_artist.items[s] = mem_text("가수", &err);
	}
	recommender_free(r);
	assert_ok(recommender_build(&r, &w->source, &err));
	request.per_artist = 1;
	assert_ok(recommend(r, &request, &result, &err));
	assert_int_equal(result.count, request.count);
	recommend_result_free(&result);
	recommender_free(r);
	world_free(w);
}

/* Only every second song's album is known, and of these every third is of the first one. */
static void an_album_has_so_many_songs_while_there_are_others(void **state)
{
	(void)state;
	struct err err = {0};
	struct world *w = world_new();
	struct recommender *r;
	char *seeds[] = {"tag2", "tag3"};
	struct recommend_label label = {"positive", 1, seeds, 2};
	struct recommend_request request = request_of(&label, 1);
	struct recommend_result result;
	for (size_t s = 0; s < SONGS; s++)
		w->song_album[s] = s % 2 ? -1 : s % 3 ? (int64_t)s : 0;
	assert_ok(recommender_build(&r, &w->source, &err));
	for (request.per_album = 0; request.per_album < 2; request.per_album++) {
		size_t largest = 0;
		for (request.seed = 0; request.seed < 20; request.seed++) {
			size_t of_first = 0;
			assert_ok(recommend(r, &request, &result, &err));
			assert_int_equal(result.count, request.count);
			for (size_t i = 0; i < result.count; i++)
				of_first += w->song_album[recommender_song(r, result.songs[i].id)] == 0;
			largest = of_first > largest ? of_first : largest;
			recommend_result_free(&result);
		}
		assert_true(request.per_album ? largest == 1 : largest > 1);
	}
	recommender_free(r);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_song_comes_by_the_path_it_names),
	    cmocka_unit_test(labels_are_blended_by_their_probability),
	    cmocka_unit_test(a_session_never_hears_a_song_twice),
	    cmocka_unit_test(the_seed_chooses_among_the_best),
	    cmocka_unit_test(the_listeners_songs_come_first_in_the_order),
	    cmocka_unit_test(nothing_known_gives_an_empty_answer_that_says_so),
	    cmocka_unit_test(an_artist_has_so_many_songs_while_there_are_others),
	    cmocka_unit_test(an_album_has_so_many_songs_while_there_are_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
