#include "runtime/http_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LIST_SONGS 12

static void answer_asset(struct request *request, const struct asset *asset)
{
	request->reply = (struct http_reply){.status = MHD_HTTP_OK,
	                                     .type = asset->type,
	                                     .fixed = true,
	                                     .body = (char *)(uintptr_t)asset->bytes,
	                                     .size = (size_t)(asset->end - asset->bytes)};
}

static void answer_script(struct request *request)
{
	answer_asset(request, asset_find(request->route->path));
}

static void answer_page(struct request *request)
{
	struct server *server = request->server;
	request->reply = (struct http_reply){.status = MHD_HTTP_OK,
	                                     .type = "text/html; charset=utf-8",
	                                     .fixed = true,
	                                     .body = server->page,
	                                     .size = server->page_size};
}

static void answer_health(struct request *request)
{
	struct json *object = json_object_new();
	json_set_text(object, "status", "ok");
	json_set_text(object, "bundle", request->server->bundle->name);
	json_set_integer(object, "seconds", (int64_t)(clock_seconds() - request->server->started));
	reply_json(&request->reply, MHD_HTTP_OK, object);
}

static void answer_metrics(struct request *request)
{
	struct strbuf text = {0};
	struct err err = {0};
	metrics_print(request->server, &text);
	if (strbuf_check(&text, &err) != OK) {
		strbuf_free(&text);
		reply_failure(&request->reply, &err);
		return;
	}
	request->reply = (struct http_reply){.status = MHD_HTTP_OK,
	                                     .type = "text/plain; version=0.0.4; charset=utf-8",
	                                     .body = text.text,
	                                     .size = text.length};
}

/* What the page needs to know of bundle and server. */
static void answer_info(struct request *request)
{
	const struct server *server = request->server;
	const struct bundle *bundle = server->bundle;
	struct json *object = json_object_new();
	json_set_text(object, "name", bundle->name);
	json_set_text(object, "source", server->stream ? "server" : "browser");
	struct json *classes = json_set_array(object, "classes");
	for (size_t i = 0; i < bundle->n_classes; i++) {
		struct colour colour = class_colour(bundle->classes[i], i);
		char text[8];
		snprintf(text, sizeof(text), "#%02x%02x%02x", (unsigned)(colour.r * 255 + .5), (unsigned)(colour.g * 255 + .5),
		         (unsigned)(colour.b * 255 + .5));
		struct json *entry = json_append_object(classes);
		json_set_text(entry, "name", bundle->classes[i]);
		json_set_text(entry, "colour", text);
	}
	struct json *honesty = json_set_array(object, "honesty");
	const struct json *sentences = json_get(bundle->card, "honesty");
	for (size_t i = 0; i < json_count(sentences); i++)
		json_append_text(honesty, json_text(json_at(sentences, i), ""));
	reply_json(&request->reply, MHD_HTTP_OK, object);
}

static void answer_context(struct request *request)
{
	request->reply = (struct http_reply){.status = MHD_HTTP_OK,
	                                     .type = "application/json; charset=utf-8",
	                                     .fixed = true,
	                                     .body = request->server->context,
	                                     .size = strlen(request->server->context)};
}

/* ---- pictures -------------------------------------------------------------------------------- */

static bool is_picture(const uint8_t *bytes, size_t size)
{
	return size >= 4 && ((bytes[0] == 0xFF && bytes[1] == 0xD8) || memcmp(bytes, "\x89PNG", 4) == 0);
}

/* The bytes decide. A type that says outright that they are something else is refused as well; curl's default passes.
 */
static bool type_allowed(const char *type)
{
	static const char *const good[] = {"image/", "application/octet-stream", "application/x-www-form-urlencoded"};
	for (size_t i = 0; type && i < ARRAY_COUNT(good); i++)
		if (strncmp(type, good[i], strlen(good[i])) == 0)
			return true;
	return type == NULL;
}

static void answer_analyze(struct request *request)
{
	const char *type = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Type");
	if (request->size == 0)
		reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, "the body is empty; send a JPEG or PNG");
	else if (!type_allowed(type) || !is_picture(request->body, request->size))
		reply_error(&request->reply, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "the body is neither a JPEG nor a PNG");
	else
		work_add(request);
}

/* ---- songs -------------------------------------------------------------------------------------- */

struct song_query {
	const struct bundle *bundle;
	const char *label, *scores, *count, *seed, *again;
	struct path_list tags, songs;
	struct err err;
	const char *unknown;
};

static enum MHD_Result collect_argument(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct song_query *query = context;
	(void)kind;
	const struct {
		const char *name, **text;
	} texts[] = {{"label", &query->label},
	             {"scores", &query->scores},
	             {"n", &query->count},
	             {"seed", &query->seed},
	             {"again", &query->again}};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (strcmp(texts[i].name, key) != 0)
			continue;
		*texts[i].text = value ? value : "";
		return MHD_YES;
	}
	if (strcmp(key, "tag") == 0 || strcmp(key, "song") == 0) {
		struct path_list *list = strcmp(key, "tag") == 0 ? &query->tags : &query->songs;
		if (list->count >= 64)
			return MHD_YES;
		return path_list_add(list, value ? value : "", &query->err) == OK ? MHD_YES : MHD_NO;
	}
	query->unknown = key;
	return MHD_YES;
}

static int number_argument(const char *name, const char *text, long low, long high, long *out, struct err *err)
{
	if (!text)
		return OK;
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (end == text || *end || errno || number < low || number > high)
		return err_set(err, ERR_SETTINGS, "%s=%s: not a whole number of %ld..%ld", name, text, low, high);
	*out = number;
	return OK;
}

struct song_answer {
	struct song_request request;
	float scores[MAX_CLASSES];
	int64_t liked[SESSION_SONGS + 64];
	struct session session;
	long seed; /* when the query names none */
};

/* What was said in the query; without label, scores, tags and songs the session's own mood stands for it. */
static int query_resolve(const struct song_query *query, struct song_answer *answer, struct err *err)
{
	struct song_request *request = &answer->request;
	long count = LIST_SONGS, seed = answer->seed;
	if (query->unknown)
		return err_set(err, ERR_SETTINGS, "%s: not an argument; label, scores, tag, song, n, seed, again are",
		               query->unknown);
	int code = number_argument("n", query->count, 1, 100, &count, err);
	if (code == OK)
		code = number_argument("seed", query->seed, 0, 2147483647, &seed, err);
	if (code == OK && query->label && query->scores)
		code = err_set(err, ERR_SETTINGS, "label and scores exclude each other");
	if (code == OK && query->label)
		code = scores_of_label(query->bundle, query->label, answer->scores, err);
	else if (code == OK && query->scores)
		code = scores_parse(query->bundle, query->scores, answer->scores, err);
	if (code != OK)
		return code;
	if (query->label || query->scores) {
		request->scores = answer->scores;
	} else if (query->tags.count == 0 && query->songs.count == 0 && answer->session.any) {
		request->scores = answer->session.smoothed;
	}
	size_t n = 0;
	for (size_t i = 0; i < query->songs.count; i++) {
		long id = 0;
		if (number_argument("song", query->songs.items[i], 0, LONG_MAX, &id, err) != OK)
			return err->code;
		answer->liked[n++] = id;
	}
	for (size_t i = 0; i < answer->session.n_liked; i++)
		answer->liked[n++] = answer->session.liked[i];
	request->songs = answer->liked;
	request->n_songs = n;
	request->tags = query->tags.items;
	request->n_tags = query->tags.count;
	request->count = (size_t)count;
	request->seed = (uint64_t)seed;
	return OK;
}

/* again=1 asks for the last list in a new order: its songs may be named again, those that were disliked not. */
static void take_session(struct request *request, bool again, struct song_answer *answer)
{
	struct server *server = request->server;
	session_start(&answer->session, server->bundle->n_classes);
	answer->seed = 1;
	if (!request->has_session)
		return;
	pthread_mutex_lock(&server->session_lock);
	struct session_slot *slot = session_slot_find(server, request->session);
	if (again && slot->last_list <= slot->session.n_seen) {
		slot->session.n_seen -= slot->last_list;
		slot->last_list = 0;
		answer->seed = slot->last_seed;
	} else {
		answer->seed = 1 + (long)slot->session.n_seen;
	}
	for (size_t i = 0; i < slot->session.n_disliked; i++)
		session_saw_song(&slot->session, slot->session.disliked[i]);
	answer->session = slot->session;
	pthread_mutex_unlock(&server->session_lock);
	answer->request.seen = answer->session.seen;
	answer->request.n_seen = answer->session.n_seen;
	answer->request.disliked = answer->session.disliked;
	answer->request.n_disliked = answer->session.n_disliked;
}

static void give_session(struct request *request, const struct json *reply, uint64_t seed)
{
	struct server *server = request->server;
	if (!request->has_session)
		return;
	const struct json *songs = json_get(reply, "songs");
	pthread_mutex_lock(&server->session_lock);
	struct session_slot *slot = session_slot_find(server, request->session);
	size_t before = slot->session.n_seen;
	for (size_t i = 0; i < json_count(songs); i++)
		session_saw_song(&slot->session, json_integer_value(json_get(json_at(songs, i), "id"), 0));
	slot->last_seed = (long)seed;
	slot->last_list = slot->session.n_seen - (before < slot->session.n_seen ? before : slot->session.n_seen);
	pthread_mutex_unlock(&server->session_lock);
}

static void answer_recommend(struct request *request)
{
	struct song_query query = {.bundle = request->server->bundle};
	struct err err = {0};
	struct json *reply = NULL;
	struct song_answer *answer = mem_alloc(1, sizeof(*answer), &err);
	int code = answer ? OK : err.code;
	if (code != OK)
		goto out;
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, collect_argument, &query);
	if (query.err.code != OK) {
		err = query.err;
		code = err.code;
		goto out;
	}
	take_session(request, query.again && strcmp(query.again, "1") == 0, answer);
	code = query_resolve(&query, answer, &err);
	if (code == OK)
		code = songs_recommend(query.bundle, &answer->request, &reply, &err);
	if (code == OK)
		give_session(request, reply, answer->request.seed);
out:
	if (code == OK)
		reply_json(&request->reply, MHD_HTTP_OK, reply);
	else
		reply_failure(&request->reply, &err);
	path_list_free(&query.tags);
	path_list_free(&query.songs);
	free(answer);
}

/* ---- feedback -------------------------------------------------------------------------------------- */

static int read_feedback(const struct json *body, int64_t *song, enum verdict *verdict, bool *retake, struct err *err)
{
	static const char *const names[] = {"none", "like", "dislike"};
	*retake = json_bool(json_get(body, "retake"), false);
	if (*retake)
		return OK;
	const struct json *id = json_get(body, "song");
	if (!json_is_integer(id))
		return err_set(err, ERR_SETTINGS, "feedback: \"song\" is not a song id");
	*song = json_integer_value(id, 0);
	const char *text = json_text(json_get(body, "verdict"), "");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*verdict = (enum verdict)i;
			return OK;
		}
	return err_set(err, ERR_SETTINGS, "feedback: \"verdict\" is none of like, dislike, none");
}

/* {"song": id, "verdict": "like"|"dislike"|"none"} or {"retake": true}. */
static void answer_feedback(struct request *request)
{
	struct err err = {0};
	struct json *body = NULL;
	int64_t song = 0;
	enum verdict verdict = VERDICT_NONE;
	bool retake = false;
	int code = json_load_text(&body, request->body ? (char *)request->body : "", request->size, "feedback", &err);
	if (code == OK)
		code = read_feedback(body, &song, &verdict, &retake, &err);
	json_free(body);
	if (code != OK) {
		reply_failure(&request->reply, &err);
		return;
	}
	struct server *server = request->server;
	struct json *reply = json_object_new();
	pthread_mutex_lock(&server->session_lock);
	struct session *session = &session_slot_find(server, request->has_session ? request->session : "-")->session;
	if (retake)
		session_retake(session);
	else
		session_judge(session, song, verdict);
	json_set_integer(reply, "liked", (int64_t)session->n_liked);
	json_set_integer(reply, "disliked", (int64_t)session->n_disliked);
	pthread_mutex_unlock(&server->session_lock);
	reply_json(&request->reply, MHD_HTTP_OK, reply);
}

/* ---- the server-side camera --------------------------------------------------------------------------- */

static void answer_stream(struct request *request)
{
	if (!request->server->stream) {
		reply_error(&request->reply, MHD_HTTP_NOT_FOUND,
		            "the camera is the browser's; start with --source for one of the server's");
		return;
	}
	struct MHD_Response *response = stream_response(request);
	if (!response) {
		reply_error(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "too many viewers of the camera");
		return;
	}
	request->reply = (struct http_reply){
	    .status = MHD_HTTP_OK, .ready = response, .type = "multipart/x-mixed-replace; boundary=moodcast-frame"};
}

static void answer_latest(struct request *request)
{
	char *latest = request->server->stream ? stream_latest(request->server) : NULL;
	if (!latest) {
		reply_error(&request->reply, MHD_HTTP_NOT_FOUND, "no picture of a server-side camera yet");
		return;
	}
	request->reply = (struct http_reply){
	    .status = MHD_HTTP_OK, .type = "application/json; charset=utf-8", .body = latest, .size = strlen(latest)};
}

static const struct route routes[] = {
    {"/", METHOD_GET, answer_page},
    {"/index.html", METHOD_GET, answer_page},
    {"/app.js", METHOD_GET, answer_script},
    {"/camera.js", METHOD_GET, answer_script},
    {"/texts.js", METHOD_GET, answer_script},
    {"/style.css", METHOD_GET, answer_script},
    {"/icon.svg", METHOD_GET, answer_script},
    {"/api/analyze", METHOD_POST, answer_analyze},
    {"/api/recommend", METHOD_GET, answer_recommend},
    {"/api/feedback", METHOD_POST, answer_feedback},
    {"/api/info", METHOD_GET, answer_info},
    {"/api/context", METHOD_GET, answer_context},
    {"/api/stream", METHOD_GET, answer_stream},
    {"/api/latest", METHOD_GET, answer_latest},
    {"/healthz", METHOD_GET, answer_health},
    {"/metrics", METHOD_GET, answer_metrics},
};

const struct route *route_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}
