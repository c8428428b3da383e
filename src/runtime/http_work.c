#include "runtime/http_internal.h"

#include <stdlib.h>
#include <string.h>

/* One thread analyses, because one picture already uses every core. Pictures wait in a short queue; when it is full the
 * sender is told at once (503), so that what is answered is never old. Waiting connections are suspended: they hold no
 * thread. */

/* Bytes of a decoded picture that are kept for the next one: 1920 × 1080. */
#define WORK_KEEPS ((size_t)1920 * 1080 * 3)

static void note_mood(struct server *server, const struct request *request, const struct analysis *analysis,
                      struct json *reply)
{
	if (!request->has_session)
		return;
	pthread_mutex_lock(&server->session_lock);
	struct session *session = &session_slot_find(server, request->session)->session;
	session_see(session, analysis, clock_seconds() - server->started);
	session_to_json(session, server->bundle, json_set_object(reply, "mood"));
	pthread_mutex_unlock(&server->session_lock);
}

/* To a hundredth. */
static double milliseconds(double seconds)
{
	return (double)(long)(seconds * 1e5 + .5) / 100;
}

static int analyze_image(struct request *request, const struct image *image, struct json *reply, struct err *err)
{
	struct server *server = request->server;
	struct analysis analysis = {0};
	double start = clock_seconds();
	pthread_mutex_lock(&server->analyzer_lock);
	int code = analyze_picture(server->analyzer, image, &analysis, err);
	pthread_mutex_unlock(&server->analyzer_lock);
	if (code != OK)
		return code;
	double seconds = clock_seconds() - start;
	analysis_to_json(&analysis, server->bundle, reply);
	note_mood(server, request, &analysis, reply);
	json_set_number(reply, "milliseconds", milliseconds(seconds));
	struct json *parts = json_set_object(reply, "parts");
	json_set_number(parts, "decode", milliseconds(request->decode_seconds));
	json_set_number(parts, "detect", milliseconds(analysis.detect_seconds));
	json_set_number(parts, "network", milliseconds(analysis.network_seconds));
	metrics_analysis(&server->metrics, seconds, analysis.count);
	analysis_free(&analysis);
	return OK;
}

/* Few bytes can unfold into many pixels: more than a camera makes are refused by the head, before anything is decoded.
 * The picture lies in the worker's decoder. */
static int decode_picture(struct request *request, struct image *image, struct err *err)
{
	struct image_decoder *decoder = request->server->decoder;
	const struct image_source source = {.bytes = request->body, .size = request->size, .name = "the picture"};
	const struct image_wish wish = {.channels = 3, .max_pixels = HTTP_MAX_PIXELS};
	struct image_head head;
	double start = clock_seconds();
	int code = image_decoder_head(decoder, &source, &head, err);
	if (code == OK && head.height && head.width > HTTP_MAX_PIXELS / head.height) {
		reply_error(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE,
		            "a picture of %zu x %zu; at most %d megapixels are searched", head.width, head.height,
		            HTTP_MAX_PIXELS / 1000000);
		return ERR_DATA;
	}
	if (code == OK)
		code = image_decoder_read(decoder, &source, &wish, image, err);
	request->decode_seconds = clock_seconds() - start;
	if (code != OK)
		reply_failure(&request->reply, err);
	return code;
}

static void answer_picture(struct request *request)
{
	struct err err = {0};
	struct image image = {0};
	if (decode_picture(request, &image, &err) != OK)
		return;
	struct json *reply = json_object_new();
	if (analyze_image(request, &image, reply, &err) != OK) {
		reply_failure(&request->reply, &err);
		json_free(reply);
	} else {
		reply_json(&request->reply, MHD_HTTP_OK, reply);
	}
	image_decoder_trim(request->server->decoder, WORK_KEEPS);
}

static void work_answer(struct request *request)
{
	if (atomic_load(&request->server->stopping))
		reply_error(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
	else
		answer_picture(request);
	free(request->body);
	request->body = NULL;
}

static void *work_loop(void *context)
{
	struct server *server = context;
	for (;;) {
		pthread_mutex_lock(&server->queue_lock);
		while (!server->first && !atomic_load(&server->stopping))
			pthread_cond_wait(&server->queue_filled, &server->queue_lock);
		struct request *request = server->first;
		if (!request) {
			pthread_mutex_unlock(&server->queue_lock);
			return NULL;
		}
		server->first = request->next;
		if (!server->first)
			server->last = NULL;
		server->queued--;
		server->under_way = request;
		pthread_mutex_unlock(&server->queue_lock);
		work_answer(request);
		pthread_mutex_lock(&server->queue_lock);
		server->under_way = NULL;
		pthread_mutex_unlock(&server->queue_lock);
		/* From here on the request belongs to libmicrohttpd's thread again. */
		MHD_resume_connection(request->connection);
	}
}

/* One picture of a session at a time: whoever sends the next one before the answer would only fill the queue with
 * pictures that are old when their turn comes. With the lock held. */
static bool session_waits(const struct server *server, const struct request *request)
{
	if (!request->has_session)
		return false;
	for (const struct request *other = server->first; other; other = other->next)
		if (other->has_session && strcmp(other->session, request->session) == 0)
			return true;
	const struct request *other = server->under_way;
	return other && other->has_session && strcmp(other->session, request->session) == 0;
}

void work_add(struct request *request)
{
	struct server *server = request->server;
	pthread_mutex_lock(&server->queue_lock);
	if (atomic_load(&server->stopping) || server->queued >= server->queue_limit) {
		pthread_mutex_unlock(&server->queue_lock);
		atomic_fetch_add(&server->metrics.busy, 1);
		reply_error(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "busy with other pictures; try again in a moment");
		return;
	}
	if (session_waits(server, request)) {
		pthread_mutex_unlock(&server->queue_lock);
		atomic_fetch_add(&server->metrics.busy, 1);
		reply_error(&request->reply, MHD_HTTP_TOO_MANY_REQUESTS,
		            "the last picture of this session is not answered yet; send one at a time");
		return;
	}
	request->queued = true;
	request->next = NULL;
	/* Suspended before it can be seen by the worker, which may resume it at once. */
	MHD_suspend_connection(request->connection);
	if (server->last)
		server->last->next = request;
	else
		server->first = request;
	server->last = request;
	server->queued++;
	pthread_cond_signal(&server->queue_filled);
	pthread_mutex_unlock(&server->queue_lock);
}

int work_start(struct server *server, struct err *err)
{
	int failure = pthread_create(&server->worker, NULL, work_loop, server);
	if (failure)
		return err_set(err, ERR_MEMORY, "serve: no thread for the analysis: %s", strerror(failure));
	server->worker_runs = true;
	return OK;
}

void work_stop(struct server *server)
{
	if (!server->worker_runs)
		return;
	pthread_mutex_lock(&server->queue_lock);
	pthread_cond_broadcast(&server->queue_filled);
	pthread_mutex_unlock(&server->queue_lock);
	pthread_join(server->worker, NULL);
	server->worker_runs = false;
}
