#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static struct settings *load_text(const char *text, struct err *err)
{
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.ini");
	struct settings *settings = NULL;
	*err = (struct err){0};
	if (file_write(path, text, strlen(text), err) == OK && settings_load(&settings, path, NULL, 0, err) != OK)
		settings = NULL;
	scratch_remove(folder);
	return settings;
}

static void refuse(const char *text, const char *part)
{
	struct err err;
	struct settings *settings = load_text(text, &err);
	assert_null(settings);
	assert_int_equal(err.code, ERR_SETTINGS);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void defaults_hold_where_the_file_is_silent(void **state)
{
	(void)state;
	struct err err;
	struct settings *settings = load_text("[als]\nfactors = 64 # fewer\n", &err);
	assert_non_null(settings);
	assert_int_equal(settings->als.factors, 64);
	assert_int_equal(settings->als.iterations, 15);
	assert_int_equal(settings->als.confidence, CONFIDENCE_BM25);
	assert_string_equal(settings->preprocess.crop.items[0], "cascade");
	settings_free(settings);
}

static void every_wrong_line_is_refused_with_its_place(void **state)
{
	(void)state;
	refuse("[als]\nfactor = 64\n", "a.ini:2: there is no setting als.factor; did you mean als.factors?");
	refuse("[alls]\n", "a.ini:1: there is no section [alls]; did you mean [als]?");
	refuse("[als]\nfactors = 64\nfactors = 32\n", "a.ini:3: als.factors is set twice");
	refuse("[als]\n\nfactors = many\n", "a.ini:3: als.factors: \"many\" is not a whole number");
	refuse("[als]\nfactors = 64x\n", "not a whole number");
	refuse("[als]\nfactors = 99999\n", "a.ini:2: als.factors: 99999 is outside 1..2048");
	refuse("[als]\nregularization = nan\n", "is not a number");
	refuse("[als]\nconfidence = linear\n", "none of raw|log|minmax|bm25");
	refuse("factors = 64\n", "before the first [section]");
	refuse("[als]\nfactors\n", "is not `key = value`");
	refuse("[als]\nfactors = 6\n  4\n", "a.ini:3: an indented line continues a list");
	refuse("[als\n", "is not a [section]");
	refuse("[faces]\ncameras = 7-3\n", "not a number or range");
	refuse("[faces]\nclasses = E01\n", "is not name=value");
	refuse("[preprocess]\nmean = 1, 2\n", "three numbers");
	refuse("[preprocess]\ncrop = cascade, boxes\n", "none of cascade, box, centre");
	refuse("[faces]\ninput = ${MOODCAST_NO_SUCH_VARIABLE}/a.zip\n", "MOODCAST_NO_SUCH_VARIABLE is not set");
	char text[512] = "[report]\ntitle = ";
	memset(text + strlen(text), 'x', 250);
	refuse(text, "a.ini:2: longer than");
}

static void a_list_goes_on_in_indented_lines(void **state)
{
	(void)state;
	struct err err;
	struct settings *settings = load_text("[faces]\ninput = a b.zip,\n\tc.zip\n  d.zip\n\n[run]\nseed = 3\n", &err);
	assert_non_null(settings);
	assert_int_equal(settings->faces.input.count, 3);
	assert_string_equal(settings->faces.input.items[0], "a b.zip");
	assert_string_equal(settings->faces.input.items[2], "d.zip");
	assert_int_equal(settings->run.seed, 3);
	settings_free(settings);
}

static void numbers_maps_and_families_are_read(void **state)
{
	(void)state;
	struct err err;
	struct settings *settings =
	    load_text("[faces]\ncameras = 1, 3-5\nclasses = a=x, b = y\n[recommend]\ntags.x = 여름, 겨울 밤\n", &err);
	assert_non_null(settings);
	assert_true(settings->faces.cameras == (1u << 1 | 1u << 3 | 1u << 4 | 1u << 5));
	assert_int_equal(settings->faces.classes.count, 2);
	assert_string_equal(settings->faces.classes.names[1], "b");
	assert_string_equal(settings->faces.classes.values[1].items[0], "y");
	const struct text_map *tags = &settings->recommend.tags;
	assert_int_equal(tags->count, 4); /* the defaults' three classes stay */
	assert_string_equal(tags->names[3], "x");
	assert_string_equal(tags->values[3].items[1], "겨울 밤");
	settings_free(settings);
}

static void overrides_come_last_and_are_checked_alike(void **state)
{
	(void)state;
	struct err err = {0};
	struct settings *settings = NULL;
	const char *good[] = {"als.factors=32", "recommend.tags.positive=춤", "als.factors=16"};
	assert_ok(settings_load(&settings, NULL, good, 3, &err));
	assert_int_equal(settings->als.factors, 16);
	settings_free(settings);
	const char *bad[] = {"als.factrs=32"};
	assert_refused(settings_load(&settings, NULL, bad, 1, &err), ERR_SETTINGS, "did you mean als.factors?");
	const char *worse[] = {"als"};
	assert_refused(settings_load(&settings, NULL, worse, 1, &err), ERR_SETTINGS, "section.key=value");
}

static char *identity(const char *text, const char *sections)
{
	struct err err;
	struct settings *settings = load_text(text, &err);
	assert_non_null(settings);
	struct strbuf out = {0};
	assert_ok(settings_identity(settings, sections, &out, &err));
	settings_free(settings);
	return out.text;
}

static void an_identity_follows_results_only(void **state)
{
	(void)state;
	char *plain = identity("[als]\nfactors = 64\n", "run als");
	char *same = identity("# a comment\n[run]\nthreads = 2\n[als]\nfactors =   64\n[tags]\nsize = 50\n", "run als");
	char *other = identity("[als]\nfactors = 65\n", "run als");
	assert_string_equal(plain, same);
	assert_string_not_equal(plain, other);
	free(plain), free(same), free(other);
}

static void reads_back_the_same(const char *text)
{
	struct err err;
	struct settings *settings = load_text(text, &err);
	if (!settings)
		fail_msg("%s", err.text);
	struct strbuf first = {0}, second = {0};
	assert_ok(settings_print(settings, SETTINGS_COMMENTED, NULL, &first, &err));
	settings_free(settings);
	settings = load_text(first.text, &err);
	if (!settings)
		fail_msg("%s", err.text);
	assert_ok(settings_print(settings, SETTINGS_COMMENTED, NULL, &second, &err));
	assert_string_equal(first.text, second.text);
	settings_free(settings);
	strbuf_free(&first);
	strbuf_free(&second);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
	(void)state;
	reads_back_the_same("[faces]\ncameras = 4, 3, 7\n[als]\nalpha = 0.3\n[recommend]\ntags.q = a b, c\n");
}

static void lists_longer_than_a_line_read_back_as_the_same(void **state)
{
	(void)state;
	static const char *const starts[] = {"", "#", ";"};
	char word[200], text[2000];
	for (size_t length = 150; length <= 196; length++)
		for (size_t i = 0; i < ARRAY_COUNT(starts); i++) {
			memset(word, 'x', length);
			word[length] = '\0';
			memcpy(word, starts[i], strlen(starts[i]));
			snprintf(text, sizeof text,
			         "[faces]\ninput = a,\n ,%s\n b\n[recommend]\ntags.neutral = a, b,\n ,%s\n c,d\n", i ? "q" : word,
			         word);
			reads_back_the_same(text);
			snprintf(text, sizeof text, "[recommend]\ntags.neutral =\n ,%s\n", word);
			reads_back_the_same(text);
		}
}

static void what_is_no_settings_file_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct settings *settings = NULL;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.ini");
	assert_refused(settings_load(&settings, path, NULL, 0, &err), ERR_IO, "a.ini");
	err = (struct err){0};
	assert_ok(file_write(path, "[als]\0factors = 3\n", 18, &err));
	assert_refused(settings_load(&settings, path, NULL, 0, &err), ERR_SETTINGS, "a.ini: holds a NUL byte");
	scratch_remove(folder);
	refuse("[]\n", "is not a [section]");
	refuse("[als]\nzzzzzzzzzz = 3\n",
	       "a.ini:2: there is no setting als.zzzzzzzzzz; `moodcast-train config` lists them all");
	refuse("[als]\ntrainable = all\n", "did you mean emotion.trainable?");
	refuse("[nothing_like_it]\n", "a.ini:1: there is no section [nothing_like_it]");
	char text[512] = "[als]\n";
	memset(text + strlen(text), 'k', 160);
	strcat(text, " = 1\n");
	refuse(text, "is longer than");
}

static void values_that_settings_of_their_kind_cannot_hold_are_refused(void **state)
{
	(void)state;
	refuse("[cascade]\nmirror = maybe\n", "a.ini:2: cascade.mirror: \"maybe\" is neither yes nor no");
	refuse("[preprocess]\nmean = 1, x, 2\n", "preprocess.mean: \"x\" is not a number");
	refuse("[preprocess]\nmean = 1, 2y, 2\n", "preprocess.mean: \"2y\" is not a number");
	refuse("[preprocess]\ncrop =\n", "preprocess.crop: empty");
	refuse("[faces]\nvalidation = 0.5\ntest = 0.45\n", "leaves too little to train on");
	refuse("[als]\nregularization = 1e999\n", "is not a number");
	refuse("[als]\nregularization = -1\n", "is outside");
	refuse("[faces]\ncameras = 64\n", "not a number or range");
	refuse("[faces]\ncameras = 3x\n", "not a number or range");
	refuse("[faces]\nclasses = =calm\n", "is not name=value");
	refuse("[faces]\nclasses = calm=\n", "is not name=value");
}

static void a_byte_order_mark_comments_and_the_environment_are_read(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(setenv("MOODCAST_TEST_FOLDER", "/a b", 1), 0);
	struct settings *settings =
	    load_text("\xEF\xBB\xBF; first\n[faces]\ninput = ${MOODCAST_TEST_FOLDER}/x.zip, y${.zip\n"
	              "classes = calm = E01 ; a remark\n",
	              &err);
	if (!settings)
		fail_msg("%s", err.text);
	assert_int_equal(settings->faces.input.count, 2);
	assert_string_equal(settings->faces.input.items[0], "/a b/x.zip");
	assert_string_equal(settings->faces.input.items[1], "y${.zip");
	settings_free(settings);
	unsetenv("MOODCAST_TEST_FOLDER");
}

static void layers_behind_the_cut_cannot_be_trained(void **state)
{
	(void)state;
	struct err err = {0};
	int cut = -1;
	assert_ok(trainable_cut(TRAIN_HEAD, CUT_BLOCK3_POOL, &cut, &err));
	assert_int_equal(cut, CUT_BLOCK3_POOL);
	assert_ok(trainable_cut(TRAIN_ALL, CUT_BLOCK3_POOL, &cut, &err));
	assert_int_equal(cut, CUT_INPUT);
	assert_ok(trainable_cut(TRAIN_BLOCK4, CUT_BLOCK5_POOL, &cut, &err));
	assert_int_equal(cut, CUT_BLOCK3_POOL);
	assert_refused(trainable_cut(TRAIN_BLOCK5, CUT_BLOCK3_POOL, &cut, &err), ERR_SETTINGS,
	               "emotion.trainable = block5 lies behind network.cut = block3_pool");
	assert_string_equal(trainable_name(-1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_hold_where_the_file_is_silent),
	    cmocka_unit_test(every_wrong_line_is_refused_with_its_place),
	    cmocka_unit_test(a_list_goes_on_in_indented_lines),
	    cmocka_unit_test(numbers_maps_and_families_are_read),
	    cmocka_unit_test(overrides_come_last_and_are_checked_alike),
	    cmocka_unit_test(an_identity_follows_results_only),
	    cmocka_unit_test(what_is_printed_reads_back_as_the_same),
	    cmocka_unit_test(lists_longer_than_a_line_read_back_as_the_same),
	    cmocka_unit_test(what_is_no_settings_file_is_refused),
	    cmocka_unit_test(values_that_settings_of_their_kind_cannot_hold_are_refused),
	    cmocka_unit_test(a_byte_order_mark_comments_and_the_environment_are_read),
	    cmocka_unit_test(layers_behind_the_cut_cannot_be_trained),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
