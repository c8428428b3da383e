#include "http_fixture.h"

/* ---- the page and its headers ------------------------------------------------------------------------ */

static void the_page_carries_the_token_and_the_guarding_headers(void **state)
{
	(void)state;
	struct answer answer = ask("GET /", "", "", 0);
	assert_int_equal(answer.status, 200);
	static const char *const wanted[] = {"default-src 'self'", "nosniff",   "no-referrer",
	                                     "camera=(self)",      "text/html", "frame-ancestors 'none'"};
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
		if (!strstr(answer.text, wanted[i]))
			fail_msg("the page is without %s", wanted[i]);
	assert_non_null(strstr(answer.body, server_token(server)));
	assert_null(strstr(answer.body, "{{"));
	free(answer.text);
}

static void every_file_of_the_page_is_there_and_asks_nobody_else(void **state)
{
	(void)state;
	static const char *const files[] = {"/app.js", "/camera.js", "/texts.js", "/style.css", "/icon.svg"};
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		char what[64];
		snprintf(what, sizeof(what), "GET %s", files[i]);
		struct answer answer = ask(what, "", "", 0);
		assert_int_equal(answer.status, 200);
		assert_true(answer.size > 100);
		assert_null(strstr(answer.body, "src=\"http"));
		assert_null(strstr(answer.body, "@import"));
		free(answer.text);
	}
}

static void api_answers_are_never_stored(void **state)
{
	(void)state;
	status_is("GET /healthz", "", "", 0, 200, "no-store");
	status_is("GET /healthz", "", "", 0, 200, "\"status\":\"ok\"");
	status_is("HEAD /healthz", "", "", 0, 200, "no-store");
}

/* ---- pictures ----------------------------------------------------------------------------------------- */

static void a_jpeg_gives_faces_with_scores(void **state)
{
	(void)state;
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	struct json *reply = json_of("POST /api/analyze", "Content-Type: image/jpeg\r\n", jpeg, size);
	const struct json *face = json_at(json_get(reply, "faces"), 0);
	assert_int_equal(json_integer_value(json_get(reply, "width"), 0), 160);
	assert_non_null(face);
	assert_true(bundle_class(bundle, json_text(json_get(face, "label"), "")) < 3);
	assert_int_equal(json_count(json_get(face, "scores")), 3);
	json_free(reply);
	free(jpeg);
}

static void a_png_without_a_face_says_so(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = fixture_picture(100, 80, false);
	uint8_t *png;
	size_t size;
	assert_ok(image_encode_png(&image, &png, &size, &err));
	status_is("POST /api/analyze", "Content-Type: image/png\r\n", png, size, 200, "no face was found");
	free(png);
	image_free(&image);
}

static void a_mood_follows_the_pictures_of_its_session(void **state)
{
	(void)state;
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	struct json *reply = json_of("POST /api/analyze", "X-Moodcast-Session: mood\r\n", jpeg, size);
	assert_string_equal(json_text(json_get(json_get(reply, "mood"), "state"), ""), "changing");
	json_free(reply);
	/* The session's own mood stands for the label. */
	reply = json_of("GET /api/recommend?n=2", "X-Moodcast-Session: mood\r\n", "", 0);
	assert_int_equal(json_count(json_get(reply, "songs")), 2);
	json_free(reply);
	free(jpeg);
}

static void bodies_that_are_no_picture_get_the_right_status(void **state)
{
	(void)state;
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	status_is("POST /api/analyze", "", "", 0, 400, "empty");
	status_is("POST /api/analyze", "Content-Type: image/jpeg\r\n", "hello", 5, 415, "neither a JPEG nor a PNG");
	status_is("POST /api/analyze", "Content-Type: text/plain\r\n", jpeg, size, 415, "neither a JPEG nor a PNG");
	status_is("POST /api/analyze", "Content-Type: image/jpeg\r\n", "\xFF\xD8\xFF\xE0garbage", 11, 400, "error");
	status_is("POST /api/analyze", "Content-Type: image/jpeg\r\n", jpeg, size / 2, 400, "error");
	free(jpeg);
}

static void a_body_above_the_limit_is_read_dropped_and_answered_413(void **state)
{
	(void)state;
	struct err err = {0};
	size_t size = ((size_t)8 << 20) + 1;
	char *body = mem_alloc(size, 1, &err);
	assert_non_null(body);
	body[0] = (char)0xFF;
	body[1] = (char)0xD8;
	status_is("POST /api/analyze", "Content-Type: image/jpeg\r\n", body, size, 413, "8 MB");
	free(body);
}

static void a_small_file_with_too_many_pixels_is_413(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image;
	uint8_t *png;
	size_t size;
	assert_ok(image_new(&image, 6000, 5000, 1, &err));
	memset(image.pixels, 0, (size_t)6000 * 5000);
	assert_ok(image_encode_png(&image, &png, &size, &err));
	assert_true(size < (size_t)8 << 20);
	status_is("POST /api/analyze", "Content-Type: image/png\r\n", png, size, 413, "25 megapixels");
	free(png);
	image_free(&image);
}

static void addresses_and_methods_that_are_not_there(void **state)
{
	(void)state;
	status_is("GET /nothing", "", "", 0, 404, "\"status\":404");
	status_is("GET /../etc/passwd", "", "", 0, 404, "error");
	status_is("GET /api/analyze", "", "", 0, 405, "Allow: POST");
	status_is("POST /", "", "x", 1, 405, "Allow: GET");
	status_is("DELETE /api/feedback", "", "", 0, 405, "error");
	status_is("GET /api/stream", "", "", 0, 404, "browser");
}

/* ---- who may ask -------------------------------------------------------------------------------------------- */

static void another_host_name_is_421_and_another_site_403(void **state)
{
	(void)state;
	char own[128], both[256];
	snprintf(own, sizeof(own), "X-Moodcast-Token: %s\r\n", server_token(server));
	snprintf(both, sizeof(both), "Origin: http://127.0.0.1:8080\r\n%s", own);
	status_is("GET /", "Host: evil.example\r\n", "", 0, 421, "host name");
	status_is("GET /", "Host: 127.0.0.1.evil.example:8080\r\n", "", 0, 421, "host name");
	status_is("GET /", "Host: localhost:9000\r\n", "", 0, 200, "moodcast");
	status_is("POST /api/feedback", "Origin: http://evil.example\r\n", "{}", 2, 403, "another site");
	status_is("POST /api/feedback", "Origin: null\r\n", "{}", 2, 403, "another site");
	status_is("GET /api/recommend?label=positive", "Sec-Fetch-Site: cross-site\r\n", "", 0, 403, "another site");
	status_is("POST /api/feedback", "Origin: http://127.0.0.1:8080\r\n", "{}", 2, 403, "X-Moodcast-Token");
	status_is("POST /api/feedback", "X-Moodcast-Token: 0123\r\n", "{}", 2, 403, "token");
	status_is("POST /api/feedback", both, "{\"retake\":true}", 15, 200, "liked");
}

/* ---- songs and feedback ------------------------------------------------------------------------------------------ */

static void a_session_never_hears_a_song_twice(void **state)
{
	(void)state;
	bool heard[FIXTURE_SONGS] = {false};
	for (int round = 0; round < 4; round++) {
		struct json *reply = json_of("GET /api/recommend?label=positive&n=2", "X-Moodcast-Session: twice\r\n", "", 0);
		const struct json *songs = json_get(reply, "songs");
		assert_int_equal(json_count(songs), 2);
		for (size_t i = 0; i < 2; i++) {
			int64_t id = json_integer_value(json_get(json_at(songs, i), "id"), 0) - 100;
			assert_in_range(id, 0, FIXTURE_SONGS - 1);
			assert_false(heard[id]);
			heard[id] = true;
		}
		json_free(reply);
	}
	struct json *reply = json_of("GET /api/recommend?label=positive&n=2", "X-Moodcast-Session: twice\r\n", "", 0);
	assert_int_equal(json_count(json_get(reply, "songs")), 0);
	assert_true(json_count(json_get(reply, "notes")) > 0);
	json_free(reply);
}

static void a_disliked_song_leaves_the_list_and_the_others_may_stay(void **state)
{
	(void)state;
	char body[80];
	struct json *reply = json_of("GET /api/recommend?label=negative&n=4", "X-Moodcast-Session: judge\r\n", "", 0);
	int64_t first = json_integer_value(json_get(json_at(json_get(reply, "songs"), 0), "id"), 0);
	json_free(reply);
	int length = snprintf(body, sizeof(body), "{\"song\":%lld,\"verdict\":\"dislike\"}", (long long)first);
	reply = json_of("POST /api/feedback", "X-Moodcast-Session: judge\r\n", body, (size_t)length);
	assert_int_equal(json_integer_value(json_get(reply, "disliked"), 0), 1);
	json_free(reply);
	reply = json_of("GET /api/recommend?label=negative&n=4&again=1", "X-Moodcast-Session: judge\r\n", "", 0);
	const struct json *songs = json_get(reply, "songs");
	assert_int_equal(json_count(songs), 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(json_integer_value(json_get(json_at(songs, i), "id"), 0) != first);
	json_free(reply);
}

static void the_same_question_gets_the_same_songs(void **state)
{
	(void)state;
	struct answer one =
	    ask("GET /api/recommend?scores=positive=.4,negative=.6&tag=%EC%97%AC%EB%A6%84&seed=5", "", "", 0);
	struct answer two =
	    ask("GET /api/recommend?scores=positive=.4,negative=.6&tag=%EC%97%AC%EB%A6%84&seed=5", "", "", 0);
	assert_int_equal(one.status, 200);
	assert_string_equal(one.body, two.body);
	free(one.text);
	free(two.text);
}

static void chips_hold_only_tags_of_the_bundle(void **state)
{
	(void)state;
	struct json *reply = json_of("GET /api/context", "", "", 0);
	const struct json *groups = json_get(reply, "groups");
	assert_int_equal(json_count(groups), 2);
	const struct json *chip = json_at(json_get(json_at(groups, 0), "chips"), 0);
	assert_string_equal(json_text(json_get(chip, "name"), ""), "summer");
	assert_int_equal(json_count(json_get(chip, "tags")), 1);
	chip = json_at(json_get(json_at(groups, 1), "chips"), 0);
	assert_string_equal(json_text(json_get(chip, "name"), ""), "rest");
	assert_int_equal(json_count(json_get(chip, "tags")), 1);
	json_free(reply);
}

static void a_file_of_chips_that_does_not_fit_is_refused_with_its_place(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
	    {"{}", "groups"},
	    {"{\"groups\":[{\"name\":\"a\"}]}", "group 1: \"chips\""},
	    {"{\"groups\":[{\"name\":\"a\",\"chips\":[]}]}", "\"en\""},
	    {"{\"groups\":[{\"name\":\"a\",\"en\":\"A\",\"ko\":\"A\",\"chips\":[{\"name\":\"x\"}]}]}", "chip 1: \"tags\""},
	    {"{\"groups\":[{\"name\":\"a\",\"en\":\"A\",\"ko\":\"A\",\"chips\":[{\"name\":\"x\",\"en\":\"X\",\"ko\":\"X\","
	     "\"tags\":[7]}]}]}",
	     "tag 1 is no text"}};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct err err = {0};
		char *out = NULL;
		const char *path = scratch_path(folder, "chips.json");
		assert_ok(file_write(path, texts[i][0], strlen(texts[i][0]), &err));
		assert_int_equal(context_load(&out, bundle, path, &err), ERR_DATA);
		if (!strstr(err.text, texts[i][1]) || !strstr(err.text, "chips.json"))
			fail_msg("\"%s\" does not say \"%s\"", err.text, texts[i][1]);
	}
}

static void wrong_questions_are_400_with_a_sentence(void **state)
{
	(void)state;
	status_is("GET /api/recommend", "", "", 0, 400, "nothing to start from");
	status_is("GET /api/recommend?label=angry", "", "", 0, 400, "neutral, positive, negative");
	status_is("GET /api/recommend?label=positive&n=0", "", "", 0, 400, "n=0");
	status_is("GET /api/recommend?label=positive&n=ten", "", "", 0, 400, "whole number");
	status_is("GET /api/recommend?label=positive&colour=red", "", "", 0, 400, "colour");
	status_is("GET /api/recommend?label=positive&scores=positive=1", "", "", 0, 400, "exclude");
	status_is("GET /api/recommend?song=abc", "", "", 0, 400, "song=abc");
	status_is("GET /api/recommend?tag=%FF%FE", "", "", 0, 400, "error");
	status_is("GET /api/recommend?label=positive", "X-Moodcast-Session: ../x\r\n", "", 0, 400, "X-Moodcast-Session");
	status_is("POST /api/feedback", "", "{", 1, 400, "error");
	status_is("POST /api/feedback", "", "{\"song\":1}", 10, 400, "verdict");
	status_is("POST /api/feedback", "", "{\"song\":1.5,\"verdict\":\"like\"}", 29, 400, "song");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_page_carries_the_token_and_the_guarding_headers),
	    cmocka_unit_test(every_file_of_the_page_is_there_and_asks_nobody_else),
	    cmocka_unit_test(api_answers_are_never_stored),
	    cmocka_unit_test(a_jpeg_gives_faces_with_scores),
	    cmocka_unit_test(a_png_without_a_face_says_so),
	    cmocka_unit_test(a_mood_follows_the_pictures_of_its_session),
	    cmocka_unit_test(bodies_that_are_no_picture_get_the_right_status),
	    cmocka_unit_test(a_body_above_the_limit_is_read_dropped_and_answered_413),
	    cmocka_unit_test(a_small_file_with_too_many_pixels_is_413),
	    cmocka_unit_test(addresses_and_methods_that_are_not_there),
	    cmocka_unit_test(another_host_name_is_421_and_another_site_403),
	    cmocka_unit_test(a_session_never_hears_a_song_twice),
	    cmocka_unit_test(a_disliked_song_leaves_the_list_and_the_others_may_stay),
	    cmocka_unit_test(the_same_question_gets_the_same_songs),
	    cmocka_unit_test(chips_hold_only_tags_of_the_bundle),
	    cmocka_unit_test(a_file_of_chips_that_does_not_fit_is_refused_with_its_place),
	    cmocka_unit_test(wrong_questions_are_400_with_a_sentence),
	};
	return cmocka_run_group_tests(tests, start, end);
}
