/* The server's insides, private to runtime/http_*.c: the only files that know libmicrohttpd. */
#ifndef MOODCAST_RUNTIME_HTTP_INTERNAL_H
#define MOODCAST_RUNTIME_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "runtime/runtime.h"

#define HTTP_MAX_BODY ((size_t)8 << 20)
/* A body that is too large is read and dropped up to here, so that its sender can read the answer. */
#define HTTP_MAX_DRAIN ((size_t)64 << 20)
#define HTTP_MAX_PIXELS 25000000
/* A body that is not whole so long after its headers is given up, however steadily its bytes trickle; so are headers
 * so long after the connection was opened or last answered. */
#define HTTP_BODY_SECONDS 20
#define HTTP_IDLE_SECONDS 30
#define HTTP_SESSIONS 64
#define HTTP_SESSION_NAME 64
#define HTTP_TOKEN 33

enum http_method { METHOD_GET = 1, METHOD_POST = 2 };

struct http_reply {
	unsigned status;
	const char *type; /* of the body */
	char *body;       /* freed with the reply unless `fixed` */
	size_t size;
	bool fixed, close;          /* close: nothing more is read from this connection */
	const char *allow;          /* of a 405 */
	struct MHD_Response *ready; /* instead of a body: a stream */
};

struct request {
	struct server *server;
	struct MHD_Connection *connection;
	const struct route *route;
	uint8_t *body;
	size_t size, capacity, received;
	char session[HTTP_SESSION_NAME + 1];
	bool has_session, queued, answered;
	struct http_reply reply;
	double decode_seconds;
	struct request *next; /* in the queue */
};

struct route {
	const char *path;
	int methods;
	/* Fills request->reply, or queues the request (then the reply comes later). */
	void (*answer)(struct request *request);
};
const struct route *route_find(const char *path);

#define LATENCY_BUCKETS 10
struct metrics {
	atomic_ulong requests, refused, busy, timeouts, pictures, faces, no_face, stream_frames, stream_dropped;
	atomic_ulong buckets[LATENCY_BUCKETS + 1]; /* the last: slower */
	atomic_ulong microseconds;
};

struct session_slot {
	char name[HTTP_SESSION_NAME + 1];
	unsigned long used; /* a counter, for the least recently used */
	size_t last_list;   /* how many of session.seen the last list added */
	long last_seed;     /* that it was drawn with */
	struct session session;
};

struct server {
	const struct bundle *bundle;
	struct MHD_Daemon *daemon;
	int listener;
	char address[64];
	unsigned port;
	bool remote;
	char token[HTTP_TOKEN];
	char *context; /* the chips, JSON */
	char *page;    /* index.html with the token in it */
	size_t page_size;
	char *cert, *key;
	double started, body_seconds, idle_seconds;
	atomic_bool stopping;
	atomic_int active; /* requests under way */
	struct metrics metrics;

	pthread_mutex_t queue_lock;
	pthread_cond_t queue_filled;
	struct request *first, *last, *under_way;
	size_t queued, queue_limit;
	pthread_t worker;
	bool worker_runs;

	pthread_mutex_t analyzer_lock;
	struct analyzer *analyzer;
	struct image_decoder *decoder; /* the worker's own */

	pthread_mutex_t session_lock;
	struct session_slot *sessions; /* [HTTP_SESSIONS] */
	unsigned long session_clock;

	pthread_mutex_t client_lock;
	pthread_cond_t client_wake;
	struct client *clients; /* every open connection */
	pthread_t watchman;
	bool watchman_runs;

	struct stream *stream; /* NULL: the browser is the source */
};

/* ---- chips of the page (context.c) ---- */

/* JSON text {"groups":[{"name","en","ko","chips":[{"name","en","ko","tags":[…]}]}]}, only with tags that the bundle
 * knows; `path` NULL = what is built in. ERR_DATA names file, group and chip. */
int context_load(char **out, const struct bundle *bundle, const char *path, struct err *err) MUST_CHECK;

/* ---- replies (http_reply.c) ---- */

/* {"error": sentence, "status": n}; the sentence is formatted. */
void reply_error(struct http_reply *reply, unsigned status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Takes over `value`. */
void reply_json(struct http_reply *reply, unsigned status, struct json *value);
/* The HTTP status of a failure of the libraries: 400 for what the caller sent, 500 else. */
void reply_failure(struct http_reply *reply, const struct err *err);
enum MHD_Result reply_send(struct request *request);
void reply_clear(struct http_reply *reply);

/* ---- who may ask (http_guard.c); pure functions of texts ---- */

struct guard_facts {
	const char *host, *origin, *token, *fetch_site; /* NULL = the header is absent */
	const char *own_token;
	const char *listen_host; /* the address that was bound */
	bool post, api, remote;
};
/* How often the headers come that say to whom a request goes and where it ends. */
struct framing_facts {
	size_t hosts, lengths, encodings;
};
/* NULL = the end of the request is beyond doubt, else what is wrong. Two readers of such a request, as a proxy and this
 * server, may see two different ones in it. */
const char *framing_check(const struct framing_facts *facts);
/* 0 = may pass, else the status and *why. */
unsigned guard_check(const struct guard_facts *facts, const char **why);
/* "host:port", "[::1]:port", a bare ":port" refused. */
int listen_parse(const char *text, char *host, size_t host_size, unsigned *port, struct err *err) MUST_CHECK;
bool host_is_loopback(const char *host);
bool session_name_valid(const char *name);

/* ---- the queue of pictures (http_work.c) ---- */

int work_start(struct server *server, struct err *err) MUST_CHECK;
void work_stop(struct server *server);
/* Suspends the connection and queues the request; a full queue is answered at once with 503. */
void work_add(struct request *request);

/* ---- connections that take too long (http_deadline.c) ---- */

int deadline_start(struct server *server, struct err *err) MUST_CHECK;
void deadline_stop(struct server *server);
/* libmicrohttpd calls it when a connection opens and closes; `context` is the server. */
void deadline_connection(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_ConnectionNotificationCode what);
void deadline_body_begins(struct request *request);
void deadline_body_whole(struct request *request);
void deadline_answered(struct request *request);

/* A condition whose limits no setting of the clock moves; waits no longer than the seconds. */
void condition_new(pthread_cond_t *condition);
void condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, double seconds);

/* ---- sessions (http_session.c); the caller holds no lock ---- */

struct session_slot *session_slot_find(struct server *server, const char *name); /* with session_lock held */

/* ---- metrics (http_metrics.c) ---- */

void metrics_analysis(struct metrics *metrics, double seconds, size_t faces);
void metrics_print(struct server *server, struct strbuf *out);

/* ---- the server-side camera (http_stream.c) ---- */

int stream_start(struct server *server, const char *what, struct err *err) MUST_CHECK;
/* Ends the reading thread and wakes the viewers; stream_free follows once the daemon has ended and no viewer is left.
 */
void stream_stop(struct server *server);
void stream_free(struct server *server);
struct MHD_Response *stream_response(struct request *request); /* NULL: too many viewers, or no memory */
size_t stream_viewers(struct server *server);
/* The last analysis as JSON, NULL before the first. */
char *stream_latest(struct server *server);

/* ---- the page (web_page.c) ---- */

struct asset {
	const char *path, *type;
	const char *bytes, *end;
};
const struct asset *asset_find(const char *path);

#endif
