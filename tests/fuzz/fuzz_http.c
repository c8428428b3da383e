/* What a client sends, byte by byte as it comes: request line, headers, query, body. The server closes or answers in
 * HTTP, and nothing a client can say is a failure of the server's own (500). */
#include <poll.h>

#include "../unit/http_fixture.h"
#include "fuzz_file.h"

/* An end that comes together with the last bytes is not seen by libmicrohttpd before the connection has been idle for
 * long: it is sent when an answer has begun, or none is to be expected. */
static struct answer talk(const uint8_t *bytes, size_t size)
{
	int fd = connect_to(server);
	const struct timeval limit = {.tv_sec = 1};
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	send_all(fd, bytes, size);
	poll(&ready, 1, 5);
	shutdown(fd, SHUT_WR);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return receive_all(fd);
}

static void tidy(void)
{
	end(NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (!server) {
		log_set_level(LOG_QUIET);
		start(NULL);
		atexit(tidy);
	}
	struct answer answer = talk(bytes, size);
	if (answer.text && (answer.status < 100 || answer.status > 599 || answer.status == 500)) {
		fprintf(stderr, "answered: %.200s\n", answer.text);
		abort();
	}
	free(answer.text);
	return 0;
}
