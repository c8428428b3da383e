/*
 * load_http PORT RATE SECONDS PICTURE.jpg: RATE requests a second whatever becomes of the earlier ones, over kept-alive
 * connections. Nine of ten are pictures, every other one of these in one of 16 sessions; one of ten asks for the page
 * or for songs, as other people would. Times are counted from when a request was due, so that a server which makes its
 * clients wait cannot hide it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"

#define CONNECTIONS 256
#define KINDS 2

enum kind { PICTURE, PLAIN };

struct connection {
	int fd;
	bool busy;
	enum kind kind;
	double due;
	char *out; /* what is still to be sent */
	size_t out_size, sent;
	char head[4096];
	size_t head_size;
	size_t body_left;
	bool in_body;
	int status;
};

struct tally {
	size_t counts[600], broken;
	float *seconds; /* of those that were answered 200 */
	size_t n_seconds;
};

static struct connection connections[CONNECTIONS];
static struct tally tallies[KINDS];
static int poller;
static uint16_t port;
static char *picture;
static size_t picture_size;

static void connection_open(struct connection *connection)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	int one = 1;
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("connect");
		exit(1);
	}
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
}

static void connection_watch(struct connection *connection, bool also_out)
{
	struct epoll_event event = {.events = EPOLLIN | (also_out ? EPOLLOUT : 0), .data.ptr = connection};
	epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static void connection_break(struct connection *connection)
{
	if (connection->busy)
		tallies[connection->kind].broken++;
	close(connection->fd);
	free(connection->out);
	*connection = (struct connection){0};
	connection_open(connection);
}

static void connection_send(struct connection *connection)
{
	while (connection->sent < connection->out_size) {
		ssize_t count = send(connection->fd, connection->out + connection->sent,
		                     connection->out_size - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN) {
			connection_watch(connection, true);
			return;
		}
		if (count <= 0) {
			connection_break(connection);
			return;
		}
		connection->sent += (size_t)count;
	}
	connection_watch(connection, false);
}

static void request_begin(struct connection *connection, size_t number, double due)
{
	static const char *const plain[] = {"/", "/healthz", "/api/recommend?label=positive&n=5", "/app.js"};
	char head[400], session[64] = "";
	enum kind kind = number % 10 == 9 ? PLAIN : PICTURE;
	if (kind == PICTURE && number % 2)
		snprintf(session, sizeof(session), "X-Moodcast-Session: load%zu\r\n", number / 2 % 16);
	int length = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%sContent-Length: %zu\r\n\r\n",
	                      kind == PICTURE ? "POST" : "GET", kind == PICTURE ? "/api/analyze" : plain[number / 10 % 4],
	                      (unsigned)port, session, kind == PICTURE ? picture_size : 0);
	size_t body = kind == PICTURE ? picture_size : 0;
	free(connection->out);
	connection->out = malloc((size_t)length + body);
	memcpy(connection->out, head, (size_t)length);
	memcpy(connection->out + length, picture, body);
	connection->out_size = (size_t)length + body;
	connection->sent = connection->head_size = 0;
	connection->in_body = false;
	connection->busy = true;
	connection->kind = kind;
	connection->due = due;
	connection_send(connection);
}

static void request_end(struct connection *connection)
{
	struct tally *tally = &tallies[connection->kind];
	tally->counts[connection->status]++;
	if (connection->status == 200)
		tally->seconds[tally->n_seconds++] = (float)(clock_seconds() - connection->due);
	connection->busy = false;
}

/* A head is whole with its empty line; its body is counted and dropped. */
static bool take(struct connection *connection, const char *bytes, size_t size)
{
	if (connection->in_body) {
		if (size > connection->body_left)
			return false;
		connection->body_left -= size;
	} else {
		if (connection->head_size + size >= sizeof(connection->head))
			return false;
		memcpy(connection->head + connection->head_size, bytes, size);
		connection->head_size += size;
		connection->head[connection->head_size] = '\0';
		const char *gap = strstr(connection->head, "\r\n\r\n"), *length = strstr(connection->head, "Content-Length: ");
		if (!gap)
			return true;
		if (!length || sscanf(connection->head, "HTTP/1.1 %d", &connection->status) != 1 || connection->status < 100 ||
		    connection->status > 599)
			return false;
		size_t body = strtoul(length + 16, NULL, 10),
		       here = connection->head_size - (size_t)(gap + 4 - connection->head);
		if (here > body)
			return false;
		connection->body_left = body - here;
		connection->in_body = true;
	}
	if (connection->body_left == 0)
		request_end(connection);
	return true;
}

static void connection_read(struct connection *connection)
{
	char block[4000];
	size_t room = connection->in_body ? sizeof(block) : sizeof(connection->head) - 1 - connection->head_size;
	ssize_t count = recv(connection->fd, block, room < sizeof(block) ? room : sizeof(block), MSG_DONTWAIT);
	if (count < 0 && errno == EAGAIN)
		return;
	if (count <= 0 || !connection->busy || !take(connection, block, (size_t)count))
		connection_break(connection);
}

static struct connection *connection_idle(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (!connections[i].busy)
			return &connections[i];
	return NULL;
}

static size_t connections_busy(void)
{
	size_t count = 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		count += connections[i].busy;
	return count;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static void report(const char *name, struct tally *tally)
{
	printf("  %s:", name);
	for (size_t status = 0; status < ARRAY_COUNT(tally->counts); status++)
		if (tally->counts[status])
			printf(" %zu with %zu,", tally->counts[status], status);
	printf(" %zu broken off", tally->broken);
	if (tally->n_seconds) {
		qsort(tally->seconds, tally->n_seconds, sizeof(float), by_value);
		printf("; those with 200 after p50 %.1f, p99 %.1f, at most %.1f ms", 1e3 * tally->seconds[tally->n_seconds / 2],
		       1e3 * tally->seconds[tally->n_seconds * 99 / 100], 1e3 * tally->seconds[tally->n_seconds - 1]);
	}
	printf("\n");
}

static void run(double rate, double seconds)
{
	double start = clock_seconds(), end = start + seconds;
	size_t wanted = (size_t)(rate * seconds), begun = 0;
	struct epoll_event events[64];
	while (begun < wanted || (connections_busy() && clock_seconds() < end + 10)) {
		double due = start + (double)begun / rate;
		struct connection *connection;
		while (begun < wanted && clock_seconds() >= due && (connection = connection_idle()) != NULL) {
			request_begin(connection, begun++, due);
			due = start + (double)begun / rate;
		}
		if (clock_seconds() > end + 10)
			break;
		int count = epoll_wait(poller, events, ARRAY_COUNT(events), 1);
		for (int i = 0; i < count; i++) {
			struct connection *ready = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				connection_send(ready);
			else
				connection_read(ready);
		}
	}
	printf("  %zu of %zu requests begun in %.1f s, %zu without an answer at the end\n", begun, wanted,
	       clock_seconds() - start, connections_busy());
}

int main(int argc, char **argv)
{
	struct err err = {0};
	if (argc != 5) {
		fprintf(stderr, "usage: load_http PORT RATE SECONDS PICTURE.jpg\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[1]);
	double rate = atof(argv[2]), seconds = atof(argv[3]);
	if (file_read(argv[4], 8 << 20, &picture, &picture_size, &err) != OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < KINDS; i++)
		tallies[i].seconds = calloc((size_t)(rate * seconds) + 1, sizeof(float));
	for (size_t i = 0; i < CONNECTIONS; i++)
		connection_open(&connections[i]);
	run(rate, seconds);
	report("pictures", &tallies[PICTURE]);
	report("page, songs", &tallies[PLAIN]);
	return 0;
}
