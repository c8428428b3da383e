#include "http_fixture.h"

static void many_pictures_at_once_are_answered_or_refused_honestly(void **state)
{
	(void)state;
	size_t size, answered = 0;
	uint8_t *jpeg = face_jpeg(&size);
	int fds[40];
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = connect_to(server);
		send_request(fds[i], "POST /api/analyze", "Content-Type: image/jpeg\r\n", jpeg, size);
	}
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		struct answer answer = receive_all(fds[i]);
		assert_true(answer.status == 200 || answer.status == 503);
		answered += answer.status == 200;
		free(answer.text);
	}
	assert_true(answered >= 8);
	status_is("GET /metrics", "", "", 0, 200, "moodcast_analysis_seconds_count");
	free(jpeg);
}

static void a_session_that_sends_before_the_answer_is_429(void **state)
{
	(void)state;
	size_t size, count[600] = {0};
	uint8_t *jpeg = face_jpeg(&size);
	int fds[12];
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = connect_to(server);
		send_request(fds[i], "POST /api/analyze", "X-Moodcast-Session: hasty\r\n", jpeg, size);
	}
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		struct answer answer = receive_all(fds[i]);
		assert_in_range(answer.status, 200, 599);
		count[answer.status]++;
		assert_true(answer.status != 429 || strstr(answer.text, "Retry-After"));
		free(answer.text);
	}
	assert_true(count[200] >= 1);
	assert_int_equal(count[200] + count[429], ARRAY_COUNT(fds));
	free(jpeg);
}

static void a_body_that_trickles_is_408(void **state)
{
	(void)state;
	struct err err = {0};
	struct server *other;
	const struct server_options options = {.listen = "127.0.0.1:0", .threads = 1, .body_seconds = 0.3};
	assert_ok(server_start(&other, bundle, &options, &err));
	int fd = connect_to(other);
	static const char head[] = "POST /api/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n\xFF\xD8";
	send_all(fd, head, sizeof(head) - 1);
	for (int i = 0; i < 8; i++) {
		usleep(100000);
		send_all(fd, "x", 1);
	}
	struct answer answer = receive_all(fd);
	assert_int_equal(answer.status, 408);
	assert_int_equal(answer.size, 49);
	free(answer.text);
	server_stop(other);
}

static void clients_that_hang_up_halfway_harm_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int fd = connect_to(server);
		send_all(fd, "POST /api/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n\xFF\xD8", 72);
		close(fd);
	}
	status_is("GET /healthz", "", "", 0, 200, "ok");
}

static void a_server_that_stops_answers_what_is_under_way(void **state)
{
	(void)state;
	struct err err = {0};
	struct server *other;
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	int fds[6];
	const struct server_options options = {.listen = "127.0.0.1:0", .threads = 1};
	assert_ok(server_start(&other, bundle, &options, &err));
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = connect_to(other);
		send_request(fds[i], "POST /api/analyze", "", jpeg, size);
	}
	struct answer first = receive_all(fds[0]);
	assert_int_equal(first.status, 200);
	free(first.text);
	server_stop(other);
	for (size_t i = 1; i < ARRAY_COUNT(fds); i++) {
		struct answer answer = receive_all(fds[i]);
		assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
		free(answer.text);
	}
	free(jpeg);
}

static void a_file_as_camera_is_streamed_with_boxes(void **state)
{
	(void)state;
	struct err err = {0};
	struct server *other;
	struct image image = fixture_picture(160, 120, true);
	char block[8192] = {0}, part[160];
	snprintf(part, sizeof(part), "%s", scratch_path(folder, "camera.png"));
	assert_ok(image_save_png(&image, part, &err));
	const struct server_options options = {.listen = "127.0.0.1:0", .source = part, .threads = 1};
	assert_ok(server_start(&other, bundle, &options, &err));
	int fd = connect_to(other);
	send_request(fd, "GET /api/stream", "", "", 0);
	size_t got = 0;
	ssize_t count;
	while (got < sizeof(block) - 1 && !memmem(block, got, "image/jpeg", 10) &&
	       (count = recv(fd, block + got, sizeof(block) - 1 - got, 0)) > 0)
		got += (size_t)count;
	assert_non_null(strstr(block, "multipart/x-mixed-replace; boundary=moodcast-frame"));
	assert_non_null(memmem(block, got, "image/jpeg", 10));
	server_stop(other);
	close(fd);
	image_free(&image);
}

static void refused_start(const char *listen, const char *source, int status, const char *part)
{
	struct err err = {0};
	struct server *other = NULL;
	const struct server_options options = {.listen = listen, .source = source, .threads = 1};
	assert_refused(server_start(&other, bundle, &options, &err), status, part);
	assert_null(other);
}

static void addresses_that_cannot_be_are_refused(void **state)
{
	(void)state;
	char taken[40];
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", server_port(server));
	refused_start("8080", NULL, ERR_SETTINGS, "ADDRESS:PORT");
	refused_start("127.0.0.1:99999", NULL, ERR_SETTINGS, "ADDRESS:PORT");
	refused_start("0.0.0.0:0", NULL, ERR_SETTINGS, "--allow-remote");
	refused_start("[::]:0", NULL, ERR_SETTINGS, "--allow-remote");
	refused_start(taken, NULL, ERR_IO, "in use");
	refused_start("127.0.0.1:0", "/dev/video99", ERR_IO, "/dev/video99");
	refused_start("127.0.0.1:0", "/nowhere/film.y4m", ERR_IO, "film.y4m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_pictures_at_once_are_answered_or_refused_honestly),
	    cmocka_unit_test(a_session_that_sends_before_the_answer_is_429),
	    cmocka_unit_test(a_body_that_trickles_is_408),
	    cmocka_unit_test(clients_that_hang_up_halfway_harm_nobody),
	    cmocka_unit_test(a_server_that_stops_answers_what_is_under_way),
	    cmocka_unit_test(a_file_as_camera_is_streamed_with_boxes),
	    cmocka_unit_test(addresses_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, start, end);
}
