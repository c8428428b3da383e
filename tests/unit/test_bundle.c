#include "bundle_fixture.h"

#include <unistd.h>

static char *folder;

static int make_bundle(void **state)
{
	(void)state;
	folder = scratch_new();
	fixture_write(folder);
	return 0;
}

static int drop_bundle(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static void a_bundle_loads_with_classes_models_and_tags(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	assert_ok(bundle_load(&bundle, folder, true, &err));
	assert_string_equal(bundle->name, "fixture");
	assert_int_equal(bundle->n_classes, 3);
	assert_int_equal(bundle_class(bundle, "negative"), 2);
	assert_true(bundle_class(bundle, "angry") == SIZE_MAX);
	assert_int_equal(bundle->head->classes, 3);
	assert_int_equal(bundle->cascade->n_stages, 1);
	assert_string_equal(bundle->tags[2].items[0], "위로");
	assert_int_equal(recommender_view(bundle->recommender)->n_songs, FIXTURE_SONGS);
	bundle_free(bundle);
}

static void its_description_names_classes_songs_and_honesty(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	struct strbuf text = {0};
	assert_ok(bundle_load(&bundle, folder, false, &err));
	assert_ok(bundle_describe(bundle, &text, &err));
	assert_non_null(strstr(text.text, "block1_pool"));
	assert_non_null(strstr(text.text, "8 songs, 4 playlists"));
	assert_non_null(strstr(text.text, "not pretrained"));
	strbuf_free(&text);
	bundle_free(bundle);
}

static void refused_load(int status, const char *part, bool verify)
{
	struct err err = {0};
	struct bundle *bundle = NULL;
	assert_refused(bundle_load(&bundle, folder, verify, &err), status, part);
	assert_null(bundle);
}

static void a_folder_that_is_not_there_is_an_io_error(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	assert_refused(bundle_load(&bundle, "/nowhere/bundle", false, &err), ERR_IO, "/nowhere/bundle");
}

static void a_missing_model_is_an_io_error_with_its_name(void **state)
{
	(void)state;
	assert_int_equal(unlink(scratch_path(folder, "emotion.safetensors")), 0);
	refused_load(ERR_IO, "emotion.safetensors", false);
}

static void a_cut_off_model_is_refused_by_its_size(void **state)
{
	(void)state;
	assert_int_equal(truncate(scratch_path(folder, "recommender.safetensors"), 1000), 0);
	refused_load(ERR_DATA, "recommender.safetensors: 1000 bytes", false);
}

static void one_changed_byte_is_found_only_by_verify(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	FILE *file = fopen(scratch_path(folder, "cascade.xml"), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, -1, SEEK_END), 0);
	assert_int_equal(fputc(' ', file), ' ');
	fclose(file);
	refused_load(ERR_DATA, "cascade.xml: sha256", true);
	assert_ok(bundle_load(&bundle, folder, false, &err));
	bundle_free(bundle);
}

/* Loads the bundle with bundle.json changed by `change`. */
static void with_card(void (*change)(struct json *card), const char *part)
{
	struct err err = {0};
	struct json *card = fixture_card(folder);
	change(card);
	assert_ok(json_save(card, scratch_path(folder, "bundle.json"), &err));
	json_free(card);
	refused_load(ERR_DATA, part, false);
}

static void newer_version(struct json *card)
{
	json_set_integer(card, "version", 2);
}
static void other_format(struct json *card)
{
	json_set_text(card, "format", "zip");
}
static void wrong_cut(struct json *card)
{
	json_set_text(card, "cut", "block9_pool");
}
static void other_cut(struct json *card)
{
	json_set_text(card, "cut", "block2_pool");
}
static void one_class(struct json *card)
{
	json_append_text(json_set_array(card, "classes"), "alone");
}
static void no_pool(struct json *card)
{
	json_set_integer(card, "average_pool", 1);
}
static void huge_pool(struct json *card)
{
	json_set_integer(card, "average_pool", 64);
}
static void no_files(struct json *card)
{
	json_set_object(card, "files");
}
static void no_counts(struct json *card)
{
	json_set_object(json_set_object(card, "recommend"), "tags");
}
static void no_preprocess(struct json *card)
{
	json_set_object(card, "preprocess");
}
static void fourth_class(struct json *card)
{
	json_append_text(json_get(card, "classes"), "surprise");
}

static void every_field_that_does_not_fit_is_named(void **state)
{
	(void)state;
	with_card(newer_version, "version 2");
	with_card(other_format, "format");
	with_card(wrong_cut, "block9_pool");
	with_card(other_cut, "block2_conv1");
	with_card(one_class, "classes");
	with_card(fourth_class, "3 classes");
	with_card(no_pool, "dense/kernel");
	with_card(huge_pool, "emotion.safetensors");
	with_card(no_files, "cascade.xml");
	with_card(no_counts, "similar_tags");
	with_card(no_preprocess, "bundle.json");
}

static void a_card_cut_in_the_middle_is_refused(void **state)
{
	(void)state;
	assert_int_equal(truncate(scratch_path(folder, "bundle.json"), 200), 0);
	refused_load(ERR_DATA, "bundle.json", false);
}

/* ---- songs ------------------------------------------------------------------------------------ */

static struct json *recommended(const struct bundle *bundle, const struct song_request *request)
{
	struct err err = {0};
	struct json *reply = NULL;
	assert_ok(songs_recommend(bundle, request, &reply, &err));
	return reply;
}

static int64_t song_at(const struct json *reply, size_t i)
{
	return json_integer_value(json_get(json_at(json_get(reply, "songs"), i), "id"), -1);
}

static void a_label_brings_songs_of_its_tags_with_their_why(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	float scores[MAX_CLASSES];
	assert_ok(bundle_load(&bundle, folder, false, &err));
	assert_ok(scores_of_label(bundle, "negative", scores, &err));
	const struct song_request request = {.scores = scores, .count = 3, .seed = 1};
	struct json *reply = recommended(bundle, &request);
	assert_int_equal(json_count(json_get(reply, "songs")), 3);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(song_at(reply, i), 104, 107);
	const struct json *why = json_get(json_at(json_get(reply, "songs"), 0), "why");
	assert_string_equal(json_text(json_get(why, "label"), ""), "negative");
	assert_string_equal(json_text(json_get(why, "tag"), ""), "위로");
	assert_string_equal(json_text(json_get(why, "title"), ""), "위로가 되는");
	json_free(reply);
	bundle_free(bundle);
}

static void seen_songs_do_not_come_again(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	const int64_t seen[] = {104, 105};
	char *tags[] = {(char[]){"위로"}};
	assert_ok(bundle_load(&bundle, folder, false, &err));
	const struct song_request request = {.tags = tags, .n_tags = 1, .seen = seen, .n_seen = 2, .count = 4, .seed = 1};
	struct json *reply = recommended(bundle, &request);
	assert_int_equal(json_count(json_get(reply, "songs")), 4);
	assert_in_range(song_at(reply, 0), 106, 107);
	for (size_t i = 0; i < 4; i++)
		assert_true(song_at(reply, i) != 104 && song_at(reply, i) != 105);
	json_free(reply);
	bundle_free(bundle);
}

static void a_dislike_sinks_the_songs_that_are_like_it(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	char *tags[] = {(char[]){"여름"}};
	assert_ok(bundle_load(&bundle, folder, false, &err));
	struct song_request request = {.tags = tags, .n_tags = 1, .count = 4, .seed = 1};
	struct json *before = recommended(bundle, &request);
	int64_t first = song_at(before, 0);
	assert_in_range(first, 100, 103);
	request.disliked = request.seen = &first;
	request.n_disliked = request.n_seen = 1;
	struct json *after = recommended(bundle, &request);
	assert_int_equal(json_count(json_get(after, "songs")), 4);
	assert_in_range(song_at(after, 0), 104, 107);
	for (size_t i = 1; i < 4; i++)
		assert_in_range(song_at(after, i), 100, 103);
	json_free(before);
	json_free(after);
	bundle_free(bundle);
}

/* Of another artist and far away, as the test above shows: what they have in common is the album. */
static void a_dislike_sinks_the_rest_of_the_album(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	char *tags[] = {(char[]){"여름"}};
	int64_t disliked[] = {103, 102}, seen = 103;
	assert_ok(bundle_load(&bundle, folder, false, &err));
	struct song_request request = {
	    .tags = tags, .n_tags = 1, .count = 4, .seed = 1, .seen = &seen, .n_seen = 1, .n_disliked = 1};
	for (size_t i = 0; i < 2; i++) {
		request.disliked = &disliked[i];
		struct json *reply = recommended(bundle, &request);
		assert_int_equal(json_count(json_get(reply, "songs")), 4);
		assert_int_equal(song_at(reply, i == 0 ? 3 : 0), 100 + ALBUM_MATE);
		json_free(reply);
	}
	bundle_free(bundle);
}

static void scores_are_read_and_scaled_to_one(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	float scores[MAX_CLASSES];
	const float want[] = {0, 0.25f, 0.75f};
	assert_ok(bundle_load(&bundle, folder, false, &err));
	assert_ok(scores_parse(bundle, "positive=.2,negative=.6", scores, &err));
	assert_close(scores, want, 3, 1e-6, 0);
	assert_refused(scores_parse(bundle, "positiv=.2", scores, &err), ERR_SETTINGS, "neutral, positive, negative");
	assert_refused(scores_parse(bundle, "positive", scores, &err), ERR_SETTINGS, "class=probability");
	assert_refused(scores_parse(bundle, "positive=nan", scores, &err), ERR_SETTINGS, "positive=nan");
	assert_refused(scores_parse(bundle, "positive=-1", scores, &err), ERR_SETTINGS, "positive=-1");
	assert_refused(scores_parse(bundle, "positive=0", scores, &err), ERR_SETTINGS, "nothing above 0");
	assert_refused(scores_parse(bundle, "positive=.1,positive=.2", scores, &err), ERR_SETTINGS, "twice");
	bundle_free(bundle);
}

static void nothing_to_start_from_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	struct json *reply = NULL;
	const struct song_request request = {.count = 3};
	assert_ok(bundle_load(&bundle, folder, false, &err));
	assert_refused(songs_recommend(bundle, &request, &reply, &err), ERR_SETTINGS, "nothing to start from");
	assert_null(reply);
	bundle_free(bundle);
}

#define WITH_BUNDLE(name) cmocka_unit_test_setup_teardown(name, make_bundle, drop_bundle)
/* `test_bundle --write DIR` leaves the bundle there, for the tests of the program and of the page. */
static void write_fixture(void **state)
{
	(void)state;
	fixture_write(folder);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		const struct CMUnitTest writing[] = {cmocka_unit_test(write_fixture)};
		folder = argv[2];
		return cmocka_run_group_tests(writing, NULL, NULL);
	}
	const struct CMUnitTest tests[] = {
	    WITH_BUNDLE(a_bundle_loads_with_classes_models_and_tags),
	    WITH_BUNDLE(its_description_names_classes_songs_and_honesty),
	    WITH_BUNDLE(a_folder_that_is_not_there_is_an_io_error),
	    WITH_BUNDLE(a_missing_model_is_an_io_error_with_its_name),
	    WITH_BUNDLE(a_cut_off_model_is_refused_by_its_size),
	    WITH_BUNDLE(one_changed_byte_is_found_only_by_verify),
	    WITH_BUNDLE(every_field_that_does_not_fit_is_named),
	    WITH_BUNDLE(a_card_cut_in_the_middle_is_refused),
	    WITH_BUNDLE(a_label_brings_songs_of_its_tags_with_their_why),
	    WITH_BUNDLE(seen_songs_do_not_come_again),
	    WITH_BUNDLE(a_dislike_sinks_the_songs_that_are_like_it),
	    WITH_BUNDLE(a_dislike_sinks_the_rest_of_the_album),
	    WITH_BUNDLE(scores_are_read_and_scaled_to_one),
	    WITH_BUNDLE(nothing_to_start_from_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
