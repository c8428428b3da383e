#include "runtime/http_internal.h"

#include <stdlib.h>
#include <string.h>

/* A server-side camera: one thread reads, analyses, draws and publishes the newest frame; viewers that are slower than
 * it skip frames. A viewer that waits for a frame is suspended and holds no thread. */

#define STREAM_VIEWERS 8
#define STREAM_BOUNDARY "moodcast-frame"

/* One published frame, shared by the viewers that are sending it. */
struct frame {
	atomic_int owners;
	unsigned long number;
	char *bytes; /* with the part's header */
	size_t size;
};
struct viewer {
	struct stream *stream;
	struct MHD_Connection *connection;
	struct frame *frame;
	size_t sent;
	unsigned long seen;
	bool waits;
	struct viewer *next;
};
struct stream {
	struct server *server;
	struct source *source;
	char *what;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct frame *newest;
	unsigned long number;
	struct viewer *viewers;
	size_t n_viewers;
	bool ended;
	char *latest; /* JSON of the newest analysis */
};

static void frame_release(struct frame *frame)
{
	if (frame && atomic_fetch_sub(&frame->owners, 1) == 1) {
		free(frame->bytes);
		free(frame);
	}
}

static struct frame *frame_new(const uint8_t *jpeg, size_t size, struct err *err)
{
	const size_t head = 128, tail = 2;
	struct frame *frame = mem_alloc(1, sizeof(*frame), err);
	if (!frame)
		return NULL;
	frame->bytes = mem_alloc(head + size + tail, 1, err);
	if (!frame->bytes) {
		free(frame);
		return NULL;
	}
	int length = snprintf(frame->bytes, head,
	                      "--" STREAM_BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n", size);
	memcpy(frame->bytes + length, jpeg, size);
	memcpy(frame->bytes + length + size, "\r\n", tail);
	frame->size = (size_t)length + size + tail;
	atomic_init(&frame->owners, 1);
	return frame;
}

/* With the lock held. */
static void wake_viewers(struct stream *stream)
{
	for (struct viewer *viewer = stream->viewers; viewer; viewer = viewer->next)
		if (viewer->waits) {
			viewer->waits = false;
			MHD_resume_connection(viewer->connection);
		}
}

static void publish(struct stream *stream, struct frame *frame, char *json)
{
	pthread_mutex_lock(&stream->lock);
	frame_release(stream->newest);
	free(stream->latest);
	stream->newest = frame;
	stream->latest = json;
	frame->number = ++stream->number;
	wake_viewers(stream);
	pthread_mutex_unlock(&stream->lock);
}

static int latest_json(struct server *server, const struct analysis *analysis, char **out, struct err *err)
{
	struct json *object = json_object_new();
	analysis_to_json(analysis, server->bundle, object);
	pthread_mutex_lock(&server->session_lock);
	struct session *session = &session_slot_find(server, "stream")->session;
	session_see(session, analysis, clock_seconds() - server->started);
	session_to_json(session, server->bundle, json_set_object(object, "mood"));
	pthread_mutex_unlock(&server->session_lock);
	int code = json_print(object, 0, out, err);
	json_free(object);
	return code;
}

static int show_picture(struct stream *stream, const struct image *image, struct err *err)
{
	struct server *server = stream->server;
	struct analysis analysis = {0};
	struct image drawn = {0};
	uint8_t *jpeg = NULL;
	char *json = NULL;
	size_t size;
	double start = clock_seconds();
	pthread_mutex_lock(&server->analyzer_lock);
	int code = analyze_picture(server->analyzer, image, &analysis, err);
	pthread_mutex_unlock(&server->analyzer_lock);
	if (code != OK)
		return code;
	metrics_analysis(&server->metrics, clock_seconds() - start, analysis.count);
	if ((code = annotate_picture(image, &analysis, server->bundle, &drawn, err)) != OK ||
	    (code = image_encode_jpeg(&drawn, 85, &jpeg, &size, err)) != OK ||
	    (code = latest_json(server, &analysis, &json, err)) != OK)
		goto out;
	struct frame *frame = frame_new(jpeg, size, err);
	code = frame ? OK : err->code;
	if (frame) {
		publish(stream, frame, json);
		json = NULL;
		atomic_fetch_add(&server->metrics.stream_frames, 1);
	}
out:
	free(json);
	free(jpeg);
	image_free(&drawn);
	analysis_free(&analysis);
	return code;
}

/* Waits `seconds`, or until the server stops. */
static void stream_wait(struct stream *stream, double seconds)
{
	double end = clock_seconds() + seconds, left;
	pthread_mutex_lock(&stream->lock);
	while (!atomic_load(&stream->server->stopping) && (left = end - clock_seconds()) > 0)
		condition_wait(&stream->wake, &stream->lock, left);
	pthread_mutex_unlock(&stream->lock);
}

/* Reads the next picture, starting again at the end of a film. */
static int read_due(struct stream *stream, struct image *image, struct source_pace *pace, bool *end, struct err *err)
{
	size_t before = pace->dropped;
	int code = source_next_due(stream->source, pace, image, end, err);
	if (code == OK && *end && source_can_rewind(stream->source)) {
		code = source_rewind(stream->source, err);
		pace->due = clock_seconds();
		if (code == OK)
			code = source_next_due(stream->source, pace, image, end, err);
	}
	atomic_fetch_add(&stream->server->metrics.stream_dropped, pace->dropped - before);
	return code;
}

static int stream_run(struct stream *stream, struct err *err)
{
	struct source_pace pace = {.due = clock_seconds()};
	while (!atomic_load(&stream->server->stopping)) {
		struct image image = {0};
		bool end = false;
		int code = read_due(stream, &image, &pace, &end, err);
		if (code != OK || end)
			return code;
		double early = source_early(stream->source, &pace);
		if (early > 0)
			stream_wait(stream, early);
		code = show_picture(stream, &image, err);
		image_free(&image);
		if (code != OK)
			return code;
	}
	return OK;
}

/* stream->source changes under the lock, because stream_stop reads it. */
static int stream_open(struct stream *stream, struct err *err)
{
	struct source *source;
	int code = source_open(&source, stream->what, err);
	if (code != OK)
		return code;
	pthread_mutex_lock(&stream->lock);
	stream->source = source;
	pthread_mutex_unlock(&stream->lock);
	return OK;
}

static void stream_drop_source(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	struct source *source = stream->source;
	stream->source = NULL;
	pthread_mutex_unlock(&stream->lock);
	source_close(source);
}

/* A camera that was unplugged is tried again every second; a file that cannot be read ends the stream. */
static void *stream_loop(void *context)
{
	struct stream *stream = context;
	struct server *server = stream->server;
	bool camera = strncmp(stream->what, "/dev/", 5) == 0;
	while (!atomic_load(&server->stopping)) {
		struct err err = {0};
		int code = stream->source ? stream_run(stream, &err) : stream_open(stream, &err);
		if (code == OK && stream->source && camera)
			continue;
		if (code != OK)
			log_warn("serve", "%s", err.text);
		if (!camera)
			break;
		stream_drop_source(stream);
		stream_wait(stream, 1.0);
	}
	pthread_mutex_lock(&stream->lock);
	stream->ended = true;
	wake_viewers(stream);
	pthread_mutex_unlock(&stream->lock);
	return NULL;
}

/* ---- viewers ----------------------------------------------------------------------------------- */

/* Gives the viewer the newest frame that it has not seen; false when there is none. With the lock held. */
static bool viewer_advance(struct viewer *viewer)
{
	struct stream *stream = viewer->stream;
	frame_release(viewer->frame);
	viewer->frame = NULL;
	viewer->sent = 0;
	if (!stream->newest || stream->newest->number <= viewer->seen)
		return false;
	viewer->frame = stream->newest;
	viewer->seen = stream->newest->number;
	atomic_fetch_add(&stream->newest->owners, 1);
	return true;
}

static ssize_t viewer_read(void *context, uint64_t position, char *buffer, size_t size)
{
	struct viewer *viewer = context;
	struct stream *stream = viewer->stream;
	(void)position;
	if (!viewer->frame || viewer->sent == viewer->frame->size) {
		pthread_mutex_lock(&stream->lock);
		bool ended = stream->ended || atomic_load(&stream->server->stopping);
		if (!viewer_advance(viewer)) {
			if (!ended) {
				viewer->waits = true;
				MHD_suspend_connection(viewer->connection);
			}
			pthread_mutex_unlock(&stream->lock);
			return ended ? MHD_CONTENT_READER_END_OF_STREAM : 0;
		}
		pthread_mutex_unlock(&stream->lock);
	}
	size_t left = viewer->frame->size - viewer->sent;
	if (left > size)
		left = size;
	memcpy(buffer, viewer->frame->bytes + viewer->sent, left);
	viewer->sent += left;
	return (ssize_t)left;
}

static void viewer_free(void *context)
{
	struct viewer *viewer = context;
	struct stream *stream = viewer->stream;
	pthread_mutex_lock(&stream->lock);
	for (struct viewer **link = &stream->viewers; *link; link = &(*link)->next)
		if (*link == viewer) {
			*link = viewer->next;
			stream->n_viewers--;
			break;
		}
	pthread_mutex_unlock(&stream->lock);
	frame_release(viewer->frame);
	free(viewer);
}

struct MHD_Response *stream_response(struct request *request)
{
	struct stream *stream = request->server->stream;
	struct err err = {0};
	struct viewer *viewer = mem_alloc(1, sizeof(*viewer), &err);
	if (!viewer)
		return NULL;
	viewer->stream = stream;
	viewer->connection = request->connection;
	pthread_mutex_lock(&stream->lock);
	bool room = stream->n_viewers < STREAM_VIEWERS;
	if (room) {
		viewer->next = stream->viewers;
		stream->viewers = viewer;
		stream->n_viewers++;
	}
	pthread_mutex_unlock(&stream->lock);
	if (!room) {
		free(viewer);
		return NULL;
	}
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64 << 10, viewer_read, viewer, viewer_free);
	if (!response)
		viewer_free(viewer);
	return response;
}

size_t stream_viewers(struct server *server)
{
	if (!server->stream)
		return 0;
	pthread_mutex_lock(&server->stream->lock);
	size_t count = server->stream->n_viewers;
	pthread_mutex_unlock(&server->stream->lock);
	return count;
}

char *stream_latest(struct server *server)
{
	struct stream *stream = server->stream;
	struct err err = {0};
	pthread_mutex_lock(&stream->lock);
	char *copy = stream->latest ? mem_text(stream->latest, &err) : NULL;
	pthread_mutex_unlock(&stream->lock);
	return copy;
}

/* ---- life cycle ------------------------------------------------------------------------------------ */

int stream_start(struct server *server, const char *what, struct err *err)
{
	struct stream *stream = mem_alloc(1, sizeof(*stream), err);
	if (!stream)
		return err->code;
	condition_new(&stream->wake);
	pthread_mutex_init(&stream->lock, NULL);
	stream->server = server;
	server->stream = stream;
	stream->what = mem_text(what, err);
	if (!stream->what)
		return err->code;
	int code = source_open(&stream->source, what, err);
	if (code != OK)
		return code;
	int failure = pthread_create(&stream->thread, NULL, stream_loop, stream);
	if (failure)
		return err_set(err, ERR_MEMORY, "serve: no thread for %s: %s", what, strerror(failure));
	stream->runs = true;
	return OK;
}

void stream_stop(struct server *server)
{
	struct stream *stream = server->stream;
	if (!stream || !stream->runs)
		return;
	pthread_mutex_lock(&stream->lock);
	if (stream->source)
		source_stop(stream->source);
	pthread_cond_broadcast(&stream->wake);
	wake_viewers(stream);
	pthread_mutex_unlock(&stream->lock);
	pthread_join(stream->thread, NULL);
	stream->runs = false;
}

void stream_free(struct server *server)
{
	struct stream *stream = server->stream;
	if (!stream)
		return;
	source_close(stream->source);
	frame_release(stream->newest);
	free(stream->latest);
	free(stream->what);
	pthread_mutex_destroy(&stream->lock);
	pthread_cond_destroy(&stream->wake);
	free(stream);
	server->stream = NULL;
}
