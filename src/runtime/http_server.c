#include "runtime/http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POOL_THREADS 4
#define CONNECTION_LIMIT 512
/* In GnuTLS' words. What the system's own policy forbids besides stays forbidden. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct framing_facts *facts = context;
	(void)kind;
	(void)value;
	facts->hosts += strcasecmp(name, "Host") == 0;
	facts->lengths += strcasecmp(name, "Content-Length") == 0;
	facts->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
	return MHD_YES;
}

/* Path, method, origin, size: all that can be refused before the body. */
static void check_request(struct request *request, const char *url, const char *method)
{
	struct server *server = request->server;
	struct MHD_Connection *connection = request->connection;
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0, post = strcmp(method, "POST") == 0;
	struct guard_facts facts = {.host = header_of(connection, "Host"),
	                            .origin = header_of(connection, "Origin"),
	                            .token = header_of(connection, "X-Moodcast-Token"),
	                            .fetch_site = header_of(connection, "Sec-Fetch-Site"),
	                            .own_token = server->token,
	                            .listen_host = server->address,
	                            .post = post,
	                            .api = strncmp(url, "/api/", 5) == 0,
	                            .remote = server->remote};
	struct framing_facts framing = {0};
	MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &framing);
	const char *why = framing_check(&framing);
	if (why) {
		reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, "%s", why);
		request->reply.close = true;
		return;
	}
	unsigned status = guard_check(&facts, &why);
	if (status) {
		reply_error(&request->reply, status, "%s", why);
		return;
	}
	request->route = route_find(url);
	if (!request->route) {
		reply_error(&request->reply, MHD_HTTP_NOT_FOUND, "nothing is at this address");
		return;
	}
	if (!(get && (request->route->methods & METHOD_GET)) && !(post && (request->route->methods & METHOD_POST))) {
		reply_error(&request->reply, MHD_HTTP_METHOD_NOT_ALLOWED, "%.16s cannot be used here", method);
		request->reply.allow = request->route->methods & METHOD_POST ? "POST" : "GET, HEAD";
		return;
	}
	const char *session = header_of(connection, "X-Moodcast-Session");
	if (session && !session_name_valid(session)) {
		reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, "X-Moodcast-Session: 1 to %d letters, digits, '-' or '_'",
		            HTTP_SESSION_NAME);
		return;
	}
	request->has_session = session != NULL;
	if (session)
		snprintf(request->session, sizeof(request->session), "%s", session);
}

static void refuse_size(struct request *request)
{
	free(request->body);
	request->body = NULL;
	request->size = 0;
	reply_error(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE, "the body has more than %zu MB", HTTP_MAX_BODY >> 20);
}

/* Once a reply is decided the rest of the body is read and dropped. MHD_NO ends the connection. */
static enum MHD_Result take_body(struct request *request, const char *data, size_t size)
{
	request->received += size;
	if (request->received > HTTP_MAX_DRAIN)
		return MHD_NO;
	if (request->reply.status)
		return MHD_YES;
	if (request->received > HTTP_MAX_BODY) {
		refuse_size(request);
		return MHD_YES;
	}
	struct err err = {0};
	if (request->size + size > request->capacity) {
		uint8_t *grown = mem_grow(request->body, &request->capacity, request->size + size, 1, &err);
		if (!grown) {
			reply_failure(&request->reply, &err);
			return MHD_YES;
		}
		request->body = grown;
	}
	memcpy(request->body + request->size, data, size);
	request->size += size;
	return MHD_YES;
}

/* The first call: a request of its own, its headers judged. A body announced as far too long is answered at once. */
static enum MHD_Result begin_request(struct server *server, struct MHD_Connection *connection,
                                     const char *const what[2], void **state)
{
	struct err err = {0};
	struct request *request = mem_alloc(1, sizeof(*request), &err);
	if (!request)
		return MHD_NO;
	request->server = server;
	request->connection = connection;
	*state = request;
	atomic_fetch_add(&server->active, 1);
	deadline_body_begins(request);
	check_request(request, what[0], what[1]);
	const char *length = header_of(connection, "Content-Length");
	unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
	if (!request->reply.status && announced > HTTP_MAX_BODY)
		refuse_size(request);
	const char *expect = header_of(connection, "Expect");
	if (request->reply.status && (announced > HTTP_MAX_DRAIN || expect || request->reply.close))
		return reply_send(request);
	return MHD_YES;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
	struct server *server = context;
	struct request *request = *state;
	(void)version;
	if (!request)
		return begin_request(server, connection, (const char *const[2]){url, method}, state);
	if (request->answered)
		return MHD_YES;
	if (*size > 0) {
		size_t taken = *size;
		*size = 0;
		return take_body(request, data, taken);
	}
	if (!request->queued)
		deadline_body_whole(request);
	/* A queued request comes here twice: once to be queued, and again when the worker has answered and resumed it. In
	 * between its reply belongs to the worker. */
	if (!request->queued && !request->reply.status) {
		request->route->answer(request);
		if (request->queued)
			return MHD_YES;
	}
	return reply_send(request);
}

static void finish_request(void *context, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode why)
{
	struct server *server = context;
	struct request *request = *state;
	(void)connection;
	(void)why;
	if (!request)
		return;
	deadline_answered(request);
	atomic_fetch_add(&server->metrics.requests, 1);
	if (request->reply.status >= 400)
		atomic_fetch_add(&server->metrics.refused, 1);
	atomic_fetch_sub(&server->active, 1);
	reply_clear(&request->reply);
	free(request->body);
	free(request);
	*state = NULL;
}

/* A zero in the middle would end the text early, and a longer path be taken for a shorter one: such a text stays as it
 * was sent, and is found nowhere. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

/* libmicrohttpd's own remarks: clients that hang up are daily business. */
static void PRINTF_LIKE(2, 0) ignore_log(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

/* ---- start ------------------------------------------------------------------------------------- */

static int try_address(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	int failure = errno;
	close(fd);
	errno = failure;
	return -1;
}

static int open_listener(struct server *server, const char *text, struct err *err)
{
	char port[8];
	snprintf(port, sizeof(port), "%u", server->port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
	int failure = getaddrinfo(server->address, port, &hints, &found);
	if (failure)
		return err_set(err, ERR_SETTINGS, "--listen %s: %s", text, gai_strerror(failure));
	server->listener = try_address(found);
	freeaddrinfo(found);
	if (server->listener < 0)
		return err_errno(err, "--listen %s", text);
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	if (getsockname(server->listener, (struct sockaddr *)&bound, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&bound, size, NULL, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
		return err_errno(err, "--listen %s", text);
	server->port = (unsigned)strtoul(port, NULL, 10);
	return OK;
}

static int check_address(struct server *server, const struct server_options *options, struct err *err)
{
	int code = listen_parse(options->listen, server->address, sizeof(server->address), &server->port, err);
	if (code != OK)
		return code;
	if ((options->cert != NULL) != (options->key != NULL))
		return err_set(err, ERR_SETTINGS, "--cert and --key belong together");
	server->remote = !host_is_loopback(server->address);
	if (server->remote && !(options->allow_remote && options->cert))
		return err_set(err, ERR_SETTINGS,
		               "--listen %s: faces would leave this machine; other addresses than loopback need "
		               "--allow-remote, --cert and --key",
		               options->listen);
	return OK;
}

static int make_token(char token[HTTP_TOKEN], struct err *err)
{
	unsigned char bytes[(HTTP_TOKEN - 1) / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, "serve: no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return OK;
}

/* The page is the file with the token put in once. */
static int make_page(struct server *server, struct err *err)
{
	static const char mark[] = "{{token}}";
	const struct asset *asset = asset_find("/index.html");
	size_t size = (size_t)(asset->end - asset->bytes);
	const char *at = memmem(asset->bytes, size, mark, sizeof(mark) - 1);
	struct strbuf page = {0};
	if (!at)
		return err_set(err, ERR_DATA, "serve: the page that was built in has no place for its token");
	strbuf_add_bytes(&page, asset->bytes, (size_t)(at - asset->bytes));
	strbuf_add(&page, server->token);
	strbuf_add_bytes(&page, at + sizeof(mark) - 1, size - (size_t)(at - asset->bytes) - (sizeof(mark) - 1));
	int code = strbuf_check(&page, err);
	if (code != OK) {
		strbuf_free(&page);
		return code;
	}
	server->page = page.text;
	server->page_size = page.length;
	return OK;
}

static int start_daemon(struct server *server, struct err *err)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[] = {{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)ignore_log, NULL},
	                                   {MHD_OPTION_LISTEN_SOCKET, server->listener, NULL},
	                                   {MHD_OPTION_THREAD_POOL_SIZE, POOL_THREADS, NULL},
	                                   {MHD_OPTION_CONNECTION_LIMIT, CONNECTION_LIMIT, NULL},
	                                   {MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_SECONDS, NULL},
	                                   {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)deadline_connection, server},
	                                   {MHD_OPTION_CONNECTION_MEMORY_LIMIT, 64 << 10, NULL},
	                                   {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)unescape, NULL},
	                                   {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)finish_request, server},
	                                   {server->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, server->cert},
	                                   {server->cert ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, 0, server->key},
	                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)(uintptr_t)TLS_PRIORITIES},
	                                   {MHD_OPTION_END, 0, NULL}};
	server->daemon = MHD_start_daemon(server->cert ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, handle, server,
	                                  MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (!server->daemon)
		return err_set(err, ERR_IO, "serve: the HTTP server does not start%s",
		               server->cert ? "; are certificate and key PEM files that belong together?" : "");
	server->listener = -1; /* the daemon's from here on */
	return OK;
}

static int server_prepare(struct server *server, const struct server_options *options, struct err *err)
{
	size_t size;
	int code;
	pthread_mutex_init(&server->queue_lock, NULL);
	pthread_cond_init(&server->queue_filled, NULL);
	pthread_mutex_init(&server->client_lock, NULL);
	condition_new(&server->client_wake);
	pthread_mutex_init(&server->analyzer_lock, NULL);
	pthread_mutex_init(&server->session_lock, NULL);
	server->queue_limit = options->queue ? options->queue : 8;
	server->started = clock_seconds();
	server->body_seconds = options->body_seconds > 0 ? options->body_seconds : HTTP_BODY_SECONDS;
	server->idle_seconds = options->idle_seconds > 0 ? options->idle_seconds : HTTP_IDLE_SECONDS;
	server->sessions = mem_alloc(HTTP_SESSIONS, sizeof(*server->sessions), err);
	if (!server->sessions)
		return err->code;
	if ((code = check_address(server, options, err)) != OK || (code = make_token(server->token, err)) != OK ||
	    (code = make_page(server, err)) != OK)
		return code;
	if ((code = context_load(&server->context, server->bundle, options->context, err)) != OK)
		return code;
	if (options->cert && ((code = file_read(options->cert, 1 << 20, &server->cert, &size, err)) != OK ||
	                      (code = file_read(options->key, 1 << 20, &server->key, &size, err)) != OK))
		return code;
	if ((code = image_decoder_new(&server->decoder, err)) != OK)
		return code;
	return analyzer_new(&server->analyzer, server->bundle, options->threads, err);
}

int server_start(struct server **out, const struct bundle *bundle, const struct server_options *options,
                 struct err *err)
{
	struct server *server = mem_alloc(1, sizeof(*server), err);
	if (!server)
		return err->code;
	server->bundle = bundle;
	server->listener = -1;
	int code = server_prepare(server, options, err);
	if (code == OK)
		code = open_listener(server, options->listen, err);
	if (code == OK && options->source && strcmp(options->source, "browser") != 0)
		code = stream_start(server, options->source, err);
	if (code == OK)
		code = work_start(server, err);
	if (code == OK)
		code = deadline_start(server, err);
	if (code == OK)
		code = start_daemon(server, err);
	if (code != OK) {
		server_stop(server);
		return code;
	}
	*out = server;
	return OK;
}

/* Gives answers under way two seconds to be sent. */
static void wait_for_answers(struct server *server)
{
	const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
	for (int i = 0; i < 200 && atomic_load(&server->active) > 0; i++)
		nanosleep(&nap, NULL);
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	atomic_store(&server->stopping, true);
	if (server->daemon)
		server->listener = MHD_quiesce_daemon(server->daemon);
	stream_stop(server);
	work_stop(server);
	if (server->daemon) {
		wait_for_answers(server);
		MHD_stop_daemon(server->daemon);
	}
	deadline_stop(server);
	if (server->listener >= 0)
		close(server->listener);
	stream_free(server);
	analyzer_free(server->analyzer);
	image_decoder_free(server->decoder);
	pthread_mutex_destroy(&server->queue_lock);
	pthread_cond_destroy(&server->queue_filled);
	pthread_mutex_destroy(&server->client_lock);
	pthread_cond_destroy(&server->client_wake);
	pthread_mutex_destroy(&server->analyzer_lock);
	pthread_mutex_destroy(&server->session_lock);
	free(server->sessions);
	free(server->page);
	free(server->context);
	free(server->cert);
	free(server->key);
	free(server);
}

unsigned server_port(const struct server *server)
{
	return server->port;
}

const char *server_token(const struct server *server)
{
	return server->token;
}
