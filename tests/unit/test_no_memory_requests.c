/* Every kind of request, with memory that runs out in the server: it is answered as ever, refused with a sentence, or
 * hung up upon; nothing stays behind, and the next one is answered. And the desk, and a bundle that is signed. */
#include "failing_memory.h"
#include "http_fixture.h"

#define ANSWER ((size_t)1 << 20)

struct question {
	const char *what, *headers;
	const void *body;
	size_t size;
	bool steady; /* the same answer each time */
};
static char *answer, *calm; /* [ANSWER]: the client must not take part in what runs out */

/* Its length; 0 when the server hung up. */
static size_t put(const struct question *question)
{
	size_t length = 0;
	ssize_t got;
	int fd = connect_to(server);
	send_request(fd, question->what, question->headers, question->body, question->size);
	while (length < ANSWER - 1 && (got = recv(fd, answer + length, ANSWER - 1 - length, 0)) > 0)
		length += (size_t)got;
	close(fd);
	answer[length] = '\0';
	return length;
}

static const char *body_of(const char *text)
{
	const char *gap = strstr(text, "\r\n\r\n");
	return gap ? gap : "";
}

static bool is_answer(const struct question *question)
{
	return strncmp(answer, "HTTP/1.1 200", 12) == 0 &&
	       (!question->steady || strcmp(body_of(answer), body_of(calm)) == 0);
}

static size_t blocks(void)
{
	pthread_mutex_lock(&memory_lock);
	size_t live = memory_live;
	pthread_mutex_unlock(&memory_lock);
	return live;
}

/* The server lets go of a connection after its client has. One block, the body of the answer, is freed by
 * libmicrohttpd, which is not seen here. */
static bool all_let_go(void)
{
	for (int wait = 0; wait < 2000 && blocks() > 1; wait++)
		usleep(1000);
	return blocks() <= 1;
}

static bool is_refusal(size_t length)
{
	int status = 0;
	return length == 0 ||
	       (sscanf(answer, "HTTP/1.1 %d", &status) == 1 && status >= 500 && strstr(answer, "\"error\":\""));
}

/* With allocation n failing: was it reached? */
static bool try_question(const struct question *question, long n, bool all_behind)
{
	memory_forget();
	memory_arm(n, all_behind);
	size_t length = put(question);
	bool let_go = all_let_go(), failed = memory_disarm();
	if (!let_go)
		fail_msg("%s: %zu blocks are left behind when allocation %ld fails", question->what, blocks(), n);
	if (!is_refusal(length) && !is_answer(question))
		fail_msg("%s: allocation %ld fails: \"%s\"", question->what, n, answer);
	if (!failed && is_refusal(length))
		fail_msg("%s: refused with memory enough: \"%s\"", question->what, answer);
	return failed;
}

static void walk_question(const struct question *question)
{
	long reached = 0;
	for (int times = 0; times < 2; times++, strcpy(calm, answer))
		if (put(question) == 0 || strncmp(answer, "HTTP/1.1 200", 12) != 0)
			fail_msg("%s: \"%s\"", question->what, answer);
	for (int all_behind = 0; all_behind < 2; all_behind++)
		for (long n = 1; try_question(question, n, all_behind); n++, reached++)
			if (put(question) == 0 || !is_answer(question))
				fail_msg("%s: after allocation %ld had failed: \"%s\"", question->what, n, answer);
	if (reached < 2)
		fail_msg("%s: nothing was allocated", question->what);
}

static void requests(void **state)
{
	(void)state;
	static const char verdict[] = "{\"song\":101,\"verdict\":\"like\"}", retake[] = "{\"retake\":true}";
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	char token[128], listener[160];
	snprintf(token, sizeof(token), "Origin: http://127.0.0.1:8080\r\nX-Moodcast-Token: %s\r\n", server_token(server));
	snprintf(listener, sizeof(listener), "%sX-Moodcast-Session: a\r\n", token);
	const struct question questions[] = {
	    {"POST /api/analyze", "Content-Type: image/jpeg\r\n", jpeg, size, false},
	    {"POST /api/analyze", "X-Moodcast-Session: a\r\n", jpeg, size, false},
	    {"GET /api/recommend?label=positive&n=2", "", "", 0, true},
	    {"GET /api/recommend?scores=positive=.5,negative=.5&tag=%EC%97%AC%EB%A6%84&song=101&n=2&again=1",
	     "X-Moodcast-Session: a\r\n", "", 0, false},
	    {"POST /api/feedback", listener, verdict, sizeof(verdict) - 1, false},
	    {"POST /api/feedback", token, retake, sizeof(retake) - 1, false},
	    {"GET /api/info", "", "", 0, true},
	    {"GET /api/context", "", "", 0, true},
	    {"GET /healthz", "", "", 0, false},
	    {"GET /metrics", "", "", 0, false},
	    {"GET /", "", "", 0, true},
	};
	answer = calloc(2, ANSWER);
	assert_non_null(answer);
	calm = answer + ANSWER;
	for (size_t i = 0; i < ARRAY_COUNT(questions); i++)
		walk_question(&questions[i]);
	free(answer);
	free(jpeg);
}

/* ---- without a server ------------------------------------------------------------------------------------------ */

static int watch_pictures(struct err *err)
{
	const struct watch_options options = {.source = scratch_path(folder, "pictures"), .songs = 2, .threads = 1};
	return watch_run(bundle, &options, err);
}

static int load_signed(struct err *err)
{
	struct bundle *loaded;
	int code = bundle_load_signed(&loaded, folder, scratch_path(folder, "public.pem"), err);
	if (code == OK)
		bundle_free(loaded);
	return code;
}

static void sign_bundle(void)
{
	struct err err = {0};
	unsigned char signature[SIGNATURE_BYTES];
	char *card;
	size_t size;
	assert_ok(file_write(scratch_path(folder, "private.pem"), EXAMPLE_PRIVATE_PEM, strlen(EXAMPLE_PRIVATE_PEM), &err));
	assert_ok(file_write(scratch_path(folder, "public.pem"), EXAMPLE_PUBLIC_PEM, strlen(EXAMPLE_PUBLIC_PEM), &err));
	assert_ok(file_read(scratch_path(folder, "bundle.json"), (size_t)1 << 20, &card, &size, &err));
	assert_ok(signature_make(scratch_path(folder, "private.pem"), card, size, signature, &err));
	assert_ok(file_write(scratch_path(folder, "bundle.json.sig"), signature, sizeof(signature), &err));
	free(card);
}

static const struct attempt attempts[] = {{"watch_run", watch_pictures}, {"bundle_load_signed", load_signed}};

static void desk_and_signature(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = fixture_picture(160, 120, true);
	sign_bundle();
	assert_ok(folder_make(scratch_path(folder, "pictures"), &err));
	assert_ok(image_save_png(&image, scratch_path(folder, "pictures/1.png"), &err));
	assert_ok(image_save_png(&image, scratch_path(folder, "pictures/2.png"), &err));
	image_free(&image);
	int kept = stdout_away();
	memory_walk(attempts, ARRAY_COUNT(attempts));
	stdout_back(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),
	    cmocka_unit_test(desk_and_signature),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, start, end);
}
