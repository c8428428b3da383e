#include "runtime/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* libmicrohttpd closes a connection on which nothing moves, but one byte every few seconds keeps it open for ever. So
 * one thread looks at all connections: what must be whole by now and is not is ended, however steadily it trickles. */

enum client_state { CLIENT_SILENT, CLIENT_SENDS, CLIENT_WAITS };

/* One connection. `since`: when it was opened or last answered (silent), or when its headers were whole (sends). */
struct client {
	int fd;
	enum client_state state;
	double since;
	bool ended;
	struct client *next, *previous;
};

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void client_add(struct server *server, struct MHD_Connection *connection, void **slot)
{
	struct err err = {0};
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = info ? mem_alloc(1, sizeof(*client), &err) : NULL;
	*slot = client;
	/* Without memory for it a connection has libmicrohttpd's limit alone. */
	if (!client)
		return;
	client->fd = info->connect_fd;
	client->since = clock_seconds();
	pthread_mutex_lock(&server->client_lock);
	client->next = server->clients;
	if (client->next)
		client->next->previous = client;
	server->clients = client;
	pthread_mutex_unlock(&server->client_lock);
}

/* Called before libmicrohttpd closes the socket: the number in a listed client is never another connection's. */
static void client_remove(struct server *server, struct client *client)
{
	pthread_mutex_lock(&server->client_lock);
	if (client->previous)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	pthread_mutex_unlock(&server->client_lock);
	free(client);
}

void deadline_connection(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		client_add(context, connection, slot);
	} else if (*slot) {
		client_remove(context, *slot);
		*slot = NULL;
	}
}

static void client_set(struct request *request, enum client_state state)
{
	struct client *client = client_of(request->connection);
	if (!client)
		return;
	pthread_mutex_lock(&request->server->client_lock);
	client->state = state;
	client->since = clock_seconds();
	pthread_mutex_unlock(&request->server->client_lock);
}

void deadline_body_begins(struct request *request)
{
	client_set(request, CLIENT_SENDS);
}

void deadline_body_whole(struct request *request)
{
	client_set(request, CLIENT_WAITS);
}

void deadline_answered(struct request *request)
{
	client_set(request, CLIENT_SILENT);
}

/* libmicrohttpd lets nobody answer before the body is whole, so a client that trickles one is told by hand; inside TLS
 * it only sees the end. Whether the words arrive is its own affair. libmicrohttpd then reads an end and cleans up. */
static void client_end(struct server *server, struct client *client)
{
	static const char words[] =
	    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
	    "Content-Length: 49\r\n\r\n{\"error\":\"the body came too slowly\",\"status\":408}";
	if (client->state == CLIENT_SENDS && !server->cert)
		(void)!send(client->fd, words, sizeof(words) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(client->fd, SHUT_RDWR);
	client->ended = true;
	atomic_fetch_add(&server->metrics.timeouts, 1);
}

/* With the lock held. */
static void end_overdue(struct server *server)
{
	double now = clock_seconds();
	for (struct client *client = server->clients; client; client = client->next) {
		double limit = client->state == CLIENT_SILENT ? server->idle_seconds : server->body_seconds;
		if (!client->ended && client->state != CLIENT_WAITS && now - client->since > limit)
			client_end(server, client);
	}
}

static void *deadline_loop(void *context)
{
	struct server *server = context;
	double least = server->idle_seconds < server->body_seconds ? server->idle_seconds : server->body_seconds;
	pthread_mutex_lock(&server->client_lock);
	while (!atomic_load(&server->stopping)) {
		end_overdue(server);
		condition_wait(&server->client_wake, &server->client_lock, least < 8 ? least / 8 : 1);
	}
	pthread_mutex_unlock(&server->client_lock);
	return NULL;
}

int deadline_start(struct server *server, struct err *err)
{
	int failure = pthread_create(&server->watchman, NULL, deadline_loop, server);
	if (failure)
		return err_set(err, ERR_MEMORY, "serve: no thread for the connections: %s", strerror(failure));
	server->watchman_runs = true;
	return OK;
}

void deadline_stop(struct server *server)
{
	if (!server->watchman_runs)
		return;
	pthread_mutex_lock(&server->client_lock);
	pthread_cond_broadcast(&server->client_wake);
	pthread_mutex_unlock(&server->client_lock);
	pthread_join(server->watchman, NULL);
	server->watchman_runs = false;
}

/* ---- waiting with a limit, which the clock's being set does not move ------------------------------ */

void condition_new(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, double seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)seconds;
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(condition, lock, &until);
}
