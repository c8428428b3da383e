#include <string.h>

#include "runtime/http_internal.h"
#include "support/support.h"

static const float calm[] = {0.8f, 0.1f, 0.1f}, glad[] = {0.1f, 0.8f, 0.1f};

/* `scores` from `start` on for `seconds`, ten pictures a second; returns the time of the last. */
static double hold(struct session *session, const float *scores, double start, double seconds)
{
	double at = start;
	for (; at <= start + seconds; at += 0.1)
		session_update(session, scores, at);
	return at - 0.1;
}

static void the_first_face_sets_the_mood_but_does_not_settle_it(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	assert_false(session.face);
	session_update(&session, glad, 10);
	assert_true(session.face);
	assert_int_equal(session.label, 1);
	assert_false(session.settled);
	assert_close(session.smoothed, glad, 3, 0, 1e-6);
}

static void a_mood_settles_once_when_it_stands_for_a_while(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	hold(&session, glad, 0, 1.0);
	assert_false(session.settled);
	hold(&session, glad, 1.1, 3.0);
	assert_true(session.settled);
	assert_int_equal(session.moods, 1);
}

static void one_odd_picture_does_not_change_the_label(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	double at = hold(&session, calm, 0, 3.0);
	session_update(&session, glad, at + 0.1);
	session_update(&session, calm, at + 0.2);
	assert_int_equal(session.label, 0);
	assert_true(session.settled);
	assert_int_equal(session.moods, 1);
}

static void another_expression_that_stays_becomes_the_next_mood(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	double at = hold(&session, calm, 0, 3.0);
	hold(&session, glad, at + 0.1, 4.0);
	assert_int_equal(session.label, 1);
	assert_true(session.settled);
	assert_int_equal(session.moods, 2);
}

static void two_classes_that_alternate_never_flicker(void **state)
{
	(void)state;
	struct session session;
	static const float left[] = {0.48f, 0.46f, 0.06f}, right[] = {0.46f, 0.48f, 0.06f};
	session_start(&session, 3);
	session_update(&session, left, 0);
	for (int i = 1; i < 100; i++) {
		session_update(&session, i % 2 ? right : left, i * 0.1);
		assert_int_equal(session.label, 0);
	}
}

static void the_smoothing_does_not_depend_on_the_frame_rate(void **state)
{
	(void)state;
	struct session fast, slow;
	session_start(&fast, 3);
	session_start(&slow, 3);
	session_update(&fast, calm, 0);
	session_update(&slow, calm, 0);
	for (int i = 1; i <= 100; i++)
		session_update(&fast, glad, i * 0.01);
	session_update(&slow, glad, 1.0);
	assert_close(fast.smoothed, slow.smoothed, 3, 1e-4, 1e-5);
}

static void a_face_may_be_lost_for_a_moment(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	double at = hold(&session, glad, 0, 3.0);
	session_update(&session, NULL, at + 0.5);
	assert_true(session.face);
	session_update(&session, NULL, at + 1.5);
	assert_false(session.face);
	assert_false(session.settled);
	session_update(&session, calm, at + 2.0);
	assert_int_equal(session.label, 1);
	session_update(&session, NULL, at + 20);
	session_update(&session, calm, at + 21);
	assert_int_equal(session.label, 0);
}

static void the_face_that_was_there_first_is_followed_by_its_place(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	struct seen_face faces[] = {{.box = {200, 50, 120, 120}, .scores = {0.8f, 0.1f, 0.1f}},
	                            {.box = {20, 50, 80, 80}, .label = 1, .scores = {0.1f, 0.8f, 0.1f}}};
	struct analysis alone = {.count = 1, .faces = faces + 1}, both = {.count = 2, .faces = faces},
	                other = {.count = 1, .faces = faces};
	session_see(&session, &alone, 0);
	for (int i = 1; i < 30; i++) {
		faces[1].box.x = 20 + 4 * i;
		session_see(&session, &both, 0.1 * i);
	}
	assert_int_equal(session.label, 1);
	assert_int_equal(session.box.x, 136);
	/* Gone for longer than a blink: the other one is the next. */
	session_see(&session, &other, 4.2);
	assert_int_equal(session.box.x, 200);
	/* Two strangers do not take over at once. */
	struct analysis none = {.count = 0, .faces = faces};
	faces[0].box.x = 500;
	faces[1].box.x = 700;
	session_see(&session, &both, 4.3);
	assert_int_equal(session.box.x, 200);
	session_see(&session, &none, 4.4);
	session_see(&session, &both, 6);
	assert_int_equal(session.box.x, 500);
}

static void a_clock_that_steps_back_is_harmless(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	hold(&session, glad, 100, 3.0);
	session_update(&session, calm, 5);
	for (size_t i = 0; i < 3; i++)
		assert_in_range((int)(1000 * session.smoothed[i]), 0, 1000);
	assert_int_equal(session.label, 1);
}

static void retake_forgets_the_mood_and_keeps_the_songs(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	double at = hold(&session, glad, 0, 3.0);
	session_saw_song(&session, 7);
	session_judge(&session, 8, VERDICT_LIKE);
	session_retake(&session);
	assert_false(session.face);
	assert_int_equal(session.n_seen, 1);
	assert_int_equal(session.n_liked, 1);
	hold(&session, glad, at + 1, 3.0);
	assert_int_equal(session.moods, 2);
}

static void a_verdict_replaces_the_one_before(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	session_judge(&session, 8, VERDICT_LIKE);
	session_judge(&session, 8, VERDICT_DISLIKE);
	assert_int_equal(session.n_liked, 0);
	assert_int_equal(session.n_disliked, 1);
	session_judge(&session, 8, VERDICT_NONE);
	assert_int_equal(session.n_disliked, 0);
}

static void a_full_history_drops_the_oldest_song(void **state)
{
	(void)state;
	struct session session;
	session_start(&session, 3);
	for (int64_t i = 0; i < SESSION_SONGS + 3; i++) {
		session_saw_song(&session, i);
		session_saw_song(&session, i);
	}
	assert_int_equal(session.n_seen, SESSION_SONGS);
	assert_int_equal(session.seen[0], 3);
	assert_int_equal(session.seen[SESSION_SONGS - 1], SESSION_SONGS + 2);
}

/* ---- options ---------------------------------------------------------------------------------- */

static void options_are_read_in_both_forms(void **state)
{
	(void)state;
	struct err err = {0};
	struct options options;
	char *words[] = {(char[]){"--tag"}, (char[]){"여름"},       (char[]){"--tag=바다"}, (char[]){"-n"},
	                 (char[]){"5"},     (char[]){"--bundle=x"}, (char[]){"--json"}};
	assert_ok(options_parse(&options, "recommend", words, ARRAY_COUNT(words), &err));
	assert_int_equal(options.tags.count, 2);
	assert_string_equal(options.tags.items[1], "바다");
	assert_int_equal(options.count, 5);
	assert_string_equal(options.bundle, "x");
	assert_true(options.json);
	options_free(&options);
}

static void refused_option(const char *command, char *first, char *second, const char *part)
{
	struct err err = {0};
	struct options options;
	char *words[] = {first, second};
	assert_refused(options_parse(&options, command, words, second ? 2 : 1, &err), ERR_SETTINGS, part);
}

static void wrong_options_are_refused_with_the_nearest_name(void **state)
{
	(void)state;
	refused_option("detect", (char[]){"--neighbours"}, (char[]){"3"}, "did you mean --neighbors");
	refused_option("detect", (char[]){"--neighbors"}, (char[]){"x"}, "not a whole number");
	refused_option("detect", (char[]){"--scale"}, (char[]){"1"}, "outside");
	refused_option("detect", (char[]){"--scale"}, NULL, "needs a value");
	refused_option("detect", (char[]){"--label"}, (char[]){"x"}, "not an option");
	refused_option("recommend", (char[]){"--json=1"}, NULL, "takes no value");
	refused_option("serve", (char[]){"--listne"}, (char[]){"x"}, "did you mean --listen");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	struct err err = {0};
	struct options options;
	char *words[] = {(char[]){"--"}, (char[]){"--scale"}, (char[]){"-"}};
	assert_ok(options_parse(&options, "detect", words, 3, &err));
	assert_int_equal(options.rest.count, 2);
	assert_string_equal(options.rest.items[0], "--scale");
	options_free(&options);
}

/* ---- who may ask ------------------------------------------------------------------------------ */

static void the_guard_judges_every_combination_of_headers(void **state)
{
	(void)state;
	const char *why;
	struct guard_facts facts = {.host = "[::1]:80", .own_token = "abc", .listen_host = "::1", .api = true};
	assert_int_equal(guard_check(&facts, &why), 0);
	facts.host = NULL;
	assert_int_equal(guard_check(&facts, &why), 400);
	facts.host = "192.168.0.7:80";
	assert_int_equal(guard_check(&facts, &why), 421);
	facts.remote = true;
	assert_int_equal(guard_check(&facts, &why), 0);
	facts.host = "name.example:80";
	assert_int_equal(guard_check(&facts, &why), 421);
	facts.listen_host = "name.example";
	assert_int_equal(guard_check(&facts, &why), 0);
	facts.post = true;
	assert_int_equal(guard_check(&facts, &why), 403);
	facts.token = "abd";
	assert_int_equal(guard_check(&facts, &why), 403);
	facts.token = "abc";
	assert_int_equal(guard_check(&facts, &why), 0);
	facts.host = "127.0.0.1:";
	assert_int_equal(guard_check(&facts, &why), 421);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_face_sets_the_mood_but_does_not_settle_it),
	    cmocka_unit_test(a_mood_settles_once_when_it_stands_for_a_while),
	    cmocka_unit_test(one_odd_picture_does_not_change_the_label),
	    cmocka_unit_test(another_expression_that_stays_becomes_the_next_mood),
	    cmocka_unit_test(two_classes_that_alternate_never_flicker),
	    cmocka_unit_test(the_smoothing_does_not_depend_on_the_frame_rate),
	    cmocka_unit_test(a_face_may_be_lost_for_a_moment),
	    cmocka_unit_test(the_face_that_was_there_first_is_followed_by_its_place),
	    cmocka_unit_test(a_clock_that_steps_back_is_harmless),
	    cmocka_unit_test(retake_forgets_the_mood_and_keeps_the_songs),
	    cmocka_unit_test(a_verdict_replaces_the_one_before),
	    cmocka_unit_test(a_full_history_drops_the_oldest_song),
	    cmocka_unit_test(options_are_read_in_both_forms),
	    cmocka_unit_test(wrong_options_are_refused_with_the_nearest_name),
	    cmocka_unit_test(two_dashes_end_the_options),
	    cmocka_unit_test(the_guard_judges_every_combination_of_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
