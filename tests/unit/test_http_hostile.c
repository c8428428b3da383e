/* What no browser sends: trickled headers, false lengths, floods, tricks with paths, a token of another start. */
#include "http_fixture.h"

/* Sends bytes as they are on a connection of its own; what comes back until the server hangs up. */
static struct answer say(const char *bytes, size_t size)
{
	int fd = connect_to(server);
	send_all(fd, bytes, size);
	return receive_all(fd);
}

static void said_is(const char *bytes, int want, const char *part)
{
	struct answer answer = say(bytes, strlen(bytes));
	if (answer.status != want || (part && !strstr(answer.text, part)))
		fail_msg("\"%.60s\": expected %d, \"%s\": %s", bytes, want, part ? part : "",
		         answer.text ? answer.text : "nothing");
	free(answer.text);
}

/* Refused with 400 or hung up upon, never taken; and the next client is served. */
static void said_is_refused(const char *bytes)
{
	struct answer answer = say(bytes, strlen(bytes));
	if (answer.text && answer.status != 400 && answer.status != 413)
		fail_msg("\"%.60s\": %s", bytes, answer.text);
	free(answer.text);
	status_is("GET /healthz", "", "", 0, 200, "ok");
}

/* ---- slow clients ---------------------------------------------------------------------------------------- */

static struct server *hasty_server(double idle, double body)
{
	struct err err = {0};
	struct server *other;
	const struct server_options options = {
	    .listen = "127.0.0.1:0", .threads = 1, .idle_seconds = idle, .body_seconds = body};
	assert_ok(server_start(&other, bundle, &options, &err));
	return other;
}

/* Reads until the end; seconds it took from `start`. */
static double end_after(int fd, double start, struct answer *answer)
{
	*answer = receive_all(fd);
	return clock_seconds() - start;
}

static void a_client_that_says_nothing_is_hung_up_upon(void **state)
{
	(void)state;
	struct server *other = hasty_server(0.4, 10);
	struct answer answer;
	double start = clock_seconds(), seconds = end_after(connect_to(other), start, &answer);
	assert_null(answer.text);
	assert_true(seconds >= 0.4 && seconds < 10);
	server_stop(other);
}

static void headers_that_trickle_do_not_hold_a_connection(void **state)
{
	(void)state;
	struct server *other = hasty_server(0.4, 10);
	int fd = connect_to(other), sent = 0;
	double start = clock_seconds();
	send_all(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 41);
	while (clock_seconds() - start < 10 && send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
		usleep(50000);
		sent++;
	}
	assert_true(sent >= 4);
	assert_true(clock_seconds() - start < 10);
	close(fd);
	server_stop(other);
}

static void a_connection_that_is_used_again_and_again_lives_on(void **state)
{
	(void)state;
	struct server *other = hasty_server(0.4, 10);
	int fd = connect_to(other);
	char block[4096];
	for (int i = 0; i < 6; i++) {
		send_all(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 42);
		assert_true(recv(fd, block, sizeof(block), 0) > 100);
		usleep(200000);
	}
	close(fd);
	server_stop(other);
}

static void a_body_that_stays_away_is_408(void **state)
{
	(void)state;
	struct server *other = hasty_server(10, 0.4);
	int fd = connect_to(other);
	double start = clock_seconds();
	static const char head[] = "POST /api/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n\xFF\xD8";
	send_all(fd, head, sizeof(head) - 1);
	struct answer answer;
	double seconds = end_after(fd, start, &answer);
	assert_int_equal(answer.status, 408);
	assert_true(seconds >= 0.4 && seconds < 10);
	free(answer.text);
	server_stop(other);
}

/* ---- where a request ends -------------------------------------------------------------------------------- */

#define POST_CHUNKED                                                                                                   \
	"POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_body_in_chunks_is_read(void **state)
{
	(void)state;
	said_is(POST_CHUNKED "7\r\n{\"retak\r\n9;name=value\r\ne\": true}\r\n0\r\n\r\n", 200, "liked");
}

static void malformed_chunks_are_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    POST_CHUNKED "zz\r\n{}\r\n0\r\n\r\n",
	    POST_CHUNKED "-2\r\n{}\r\n0\r\n\r\n",
	    POST_CHUNKED "0x2\r\n{}\r\n0\r\n\r\n",
	    POST_CHUNKED "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
	    POST_CHUNKED "2\r\n{}XX0\r\n\r\n",
	    POST_CHUNKED "\r\n{}\r\n0\r\n\r\n",
	};
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
		said_is_refused(bodies[i]);
}

static void a_request_of_two_lengths_is_refused_and_nothing_behind_it_answered(void **state)
{
	(void)state;
#define SMUGGLED "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
	static const char *const heads[] = {
	    "POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
	    "POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}" SMUGGLED,
	    "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n" SMUGGLED,
	};
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
		struct answer answer = say(heads[i], strlen(heads[i]));
		assert_int_equal(answer.status, 400);
		assert_null(strstr(answer.text, "moodcast_requests_total"));
		free(answer.text);
	}
	said_is_refused("POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n{}");
	said_is_refused("POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}");
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
	(void)state;
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	struct strbuf all = {0};
	strbuf_add(&all, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	strbuf_format(&all, "POST /api/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", size);
	strbuf_add_bytes(&all, (const char *)jpeg, size);
	strbuf_add(&all, "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	struct answer answer = say(all.text, all.length);
	const char *health = strstr(answer.text, "\"status\":\"ok\""), *faces = strstr(answer.text, "\"faces\":[{"),
	           *absent = strstr(answer.text, "\"status\":404");
	assert_non_null(health);
	assert_non_null(faces);
	assert_non_null(absent);
	assert_true(health < faces && faces < absent);
	free(answer.text);
	strbuf_free(&all);
	free(jpeg);
}

/* ---- floods ------------------------------------------------------------------------------------------------ */

static void a_flood_of_headers_ends_and_harms_nobody(void **state)
{
	(void)state;
	struct strbuf many = {0}, one = {0};
	strbuf_add(&many, "GET / HTTP/1.1\r\nHost: localhost\r\n");
	for (int i = 0; i < 100000; i++)
		strbuf_format(&many, "X-%d: %d\r\n", i, i);
	strbuf_add(&one, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
	for (int i = 0; i < 100000; i++)
		strbuf_add(&one, "aaaaaaaaaa");
	const struct strbuf *const floods[] = {&many, &one};
	for (size_t i = 0; i < ARRAY_COUNT(floods); i++) {
		struct answer answer = say(floods[i]->text, floods[i]->length);
		/* The rest of the flood may have torn the connection before the answer was read. */
		assert_true(!answer.text || answer.status == 431 || answer.status == 400);
		free(answer.text);
		status_is("GET /healthz", "", "", 0, 200, "ok");
	}
	strbuf_free(&many);
	strbuf_free(&one);
}

static void a_path_without_end_is_refused(void **state)
{
	(void)state;
	struct strbuf text = {0};
	strbuf_add(&text, "GET /");
	for (int i = 0; i < 20000; i++)
		strbuf_add(&text, "aaaaaaaaaa");
	strbuf_add(&text, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	struct answer answer = say(text.text, text.length);
	assert_true(!answer.text || answer.status == 414 || answer.status == 431);
	free(answer.text);
	strbuf_free(&text);
	status_is("GET /healthz", "", "", 0, 200, "ok");
}

/* ---- paths, hosts, tokens ------------------------------------------------------------------------------------- */

static void tricks_with_paths_find_nothing(void **state)
{
	(void)state;
	static const char *const paths[] = {"/../etc/passwd",
	                                    "/..%2f..%2fetc/passwd",
	                                    "/%2e%2e/%2e%2e/etc/passwd",
	                                    "//etc/passwd",
	                                    "/app.js/",
	                                    "/app.js/../app.js",
	                                    "/./app.js",
	                                    "/APP.JS",
	                                    "/app.js%00.html",
	                                    "/..\\..\\windows\\win.ini",
	                                    "/index.html%2f",
	                                    "/%c0%ae%c0%ae/etc/passwd",
	                                    "/api/../metrics",
	                                    "/page/index.html",
	                                    "/etc/passwd",
	                                    "/bundle.json"};
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		char what[128];
		snprintf(what, sizeof(what), "GET %s", paths[i]);
		struct answer answer = ask(what, "", "", 0);
		if (answer.status != 404 && answer.status != 400)
			fail_msg("%s: status %d", paths[i], answer.status);
		assert_null(strstr(answer.text, "root:"));
		free(answer.text);
	}
}

static void the_host_is_judged_wherever_it_is_named(void **state)
{
	(void)state;
	said_is("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, NULL);
	said_is("GET / HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n", 421, "host name");
	said_is("GET / HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\nConnection: close\r\n\r\n", 421, "host name");
	said_is("GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", 421, "host name");
}

static void a_token_is_worth_nothing_after_a_restart(void **state)
{
	(void)state;
	struct err err = {0};
	struct server *first = server, *second;
	char header[128];
	const struct server_options options = {.listen = "127.0.0.1:0", .threads = 1};
	snprintf(header, sizeof(header), "Origin: http://127.0.0.1:8080\r\nX-Moodcast-Token: %s\r\n", server_token(first));
	status_is("POST /api/feedback", header, "{\"retake\":true}", 15, 200, "liked");
	assert_ok(server_start(&second, bundle, &options, &err));
	assert_string_not_equal(server_token(first), server_token(second));
	server = second;
	status_is("POST /api/feedback", header, "{\"retake\":true}", 15, 403, "not of this start");
	server = first;
	server_stop(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_client_that_says_nothing_is_hung_up_upon),
	    cmocka_unit_test(headers_that_trickle_do_not_hold_a_connection),
	    cmocka_unit_test(a_connection_that_is_used_again_and_again_lives_on),
	    cmocka_unit_test(a_body_that_stays_away_is_408),
	    cmocka_unit_test(a_body_in_chunks_is_read),
	    cmocka_unit_test(malformed_chunks_are_refused),
	    cmocka_unit_test(a_request_of_two_lengths_is_refused_and_nothing_behind_it_answered),
	    cmocka_unit_test(pipelined_requests_are_answered_in_their_order),
	    cmocka_unit_test(a_flood_of_headers_ends_and_harms_nobody),
	    cmocka_unit_test(a_path_without_end_is_refused),
	    cmocka_unit_test(tricks_with_paths_find_nothing),
	    cmocka_unit_test(the_host_is_judged_wherever_it_is_named),
	    cmocka_unit_test(a_token_is_worth_nothing_after_a_restart),
	};
	return cmocka_run_group_tests(tests, start, end);
}
