/* A server over the fixture's bundle, and a client that sends what no library would. */
#ifndef MOODCAST_TESTS_HTTP_FIXTURE_H
#define MOODCAST_TESTS_HTTP_FIXTURE_H

#include "bundle_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/http_internal.h"

static char *folder;
static struct bundle *bundle;
static struct server *server;

static inline int start(void **state)
{
	(void)state;
	struct err err = {0};
	folder = scratch_new();
	fixture_write(folder);
	assert_ok(bundle_load(&bundle, folder, true, &err));
	const struct server_options options = {.listen = "127.0.0.1:0", .threads = 1};
	assert_ok(server_start(&server, bundle, &options, &err));
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	server_stop(server);
	bundle_free(bundle);
	scratch_remove(folder);
	return 0;
}

/* ---- a small client ----------------------------------------------------------------------------- */

struct answer {
	int status;
	char *text; /* head and body */
	const char *body;
	size_t size; /* of the body */
};

static inline int connect_to(const struct server *to)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(to))};
	const struct timeval limit = {.tv_sec = 20};
	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void send_all(int fd, const void *bytes, size_t size)
{
	for (size_t sent = 0; sent < size;) {
		ssize_t count = send(fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
		if (count <= 0)
			return;
		sent += (size_t)count;
	}
}

static inline struct answer receive_all(int fd)
{
	struct strbuf text = {0};
	char block[4096];
	ssize_t count;
	while ((count = recv(fd, block, sizeof(block), 0)) > 0)
		strbuf_add_bytes(&text, block, (size_t)count);
	close(fd);
	struct answer answer = {.text = text.text};
	if (!text.text || sscanf(text.text, "HTTP/1.1 %d", &answer.status) != 1)
		return answer;
	const char *gap = strstr(text.text, "\r\n\r\n");
	answer.body = gap ? gap + 4 : text.text + text.length;
	answer.size = text.length - (size_t)(answer.body - text.text);
	return answer;
}

/* method + path, further header lines (each with \r\n), body. */
static inline void send_request(int fd, const char *what, const char *headers, const void *body, size_t size)
{
	char head[1024];
	const char *host = strstr(headers, "Host:") ? "" : "Host: 127.0.0.1:8080\r\n";
	int length = snprintf(head, sizeof(head), "%s HTTP/1.1\r\n%s%sConnection: close\r\nContent-Length: %zu\r\n\r\n",
	                      what, host, headers, size);
	send_all(fd, head, (size_t)length);
	send_all(fd, body, size);
}

static inline struct answer ask(const char *what, const char *headers, const void *body, size_t size)
{
	int fd = connect_to(server);
	send_request(fd, what, headers, body, size);
	return receive_all(fd);
}

static inline void status_is(const char *what, const char *headers, const void *body, size_t size, int want,
                             const char *part)
{
	struct answer answer = ask(what, headers, body, size);
	if (answer.status != want)
		fail_msg("%s: status %d, expected %d: %s", what, answer.status, want, answer.text ? answer.text : "nothing");
	if (!strstr(answer.text, part))
		fail_msg("%s: \"%s\" does not say \"%s\"", what, answer.text, part);
	free(answer.text);
}

static inline struct json *json_of(const char *what, const char *headers, const void *body, size_t size)
{
	struct err err = {0};
	struct json *value = NULL;
	struct answer answer = ask(what, headers, body, size);
	if (answer.status != 200)
		fail_msg("%s: %s", what, answer.text ? answer.text : "nothing");
	assert_ok(json_load_text(&value, answer.body, answer.size, what, &err));
	free(answer.text);
	return value;
}

static inline uint8_t *face_jpeg(size_t *size)
{
	struct err err = {0};
	struct image image = fixture_picture(160, 120, true);
	uint8_t *jpeg;
	assert_ok(image_encode_jpeg(&image, 90, &jpeg, size, &err));
	image_free(&image);
	return jpeg;
}

#endif
