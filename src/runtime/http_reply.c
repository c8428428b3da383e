#include "runtime/http_internal.h"

#include <stdlib.h>
#include <string.h>

void reply_clear(struct http_reply *reply)
{
	if (!reply->fixed)
		free(reply->body);
	if (reply->ready)
		MHD_destroy_response(reply->ready);
	*reply = (struct http_reply){0};
}

void reply_json(struct http_reply *reply, unsigned status, struct json *value)
{
	struct err err = {0};
	char *text = NULL;
	int code = value ? json_print(value, 0, &text, &err) : ERR_MEMORY;
	json_free(value);
	reply_clear(reply);
	reply->type = "application/json; charset=utf-8";
	if (code != OK) {
		reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		reply->fixed = true;
		reply->body = (char *)(uintptr_t) "{\"error\":\"out of memory\",\"status\":500}";
	} else {
		reply->status = status;
		reply->body = text;
	}
	reply->size = strlen(reply->body);
}

void reply_error(struct http_reply *reply, unsigned status, const char *fmt, ...)
{
	char text[1200];
	va_list arguments;
	va_start(arguments, fmt);
	vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	struct json *object = json_object_new();
	json_set_text(object, "error", text);
	json_set_integer(object, "status", status);
	reply_json(reply, status, object);
}

void reply_failure(struct http_reply *reply, const struct err *err)
{
	switch (err->code) {
	case ERR_SETTINGS:
	case ERR_DATA:
		reply_error(reply, MHD_HTTP_BAD_REQUEST, "%s", err->text);
		return;
	case ERR_MEMORY:
	case ERR_STOPPED:
		reply_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err->text);
		return;
	default:
		log_warn("serve", "%s", err->text);
		reply_error(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", err->text);
	}
}

static void add_headers(struct MHD_Response *response, const struct http_reply *reply, bool api)
{
	static const char *const fixed[][2] = {
	    {"Content-Security-Policy",
	     "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
	     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Permissions-Policy", "camera=(self), microphone=(), geolocation=()"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"X-Frame-Options", "DENY"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
		MHD_add_response_header(response, fixed[i][0], fixed[i][1]);
	MHD_add_response_header(response, "Cache-Control", api ? "no-store" : "no-cache");
	if (reply->type)
		MHD_add_response_header(response, "Content-Type", reply->type);
	if (reply->allow)
		MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->close)
		MHD_add_response_header(response, "Connection", "close");
	if (reply->status == MHD_HTTP_SERVICE_UNAVAILABLE || reply->status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(response, "Retry-After", "1");
}

enum MHD_Result reply_send(struct request *request)
{
	struct http_reply *reply = &request->reply;
	struct MHD_Response *response = reply->ready;
	if (!response && reply->fixed)
		response = MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_PERSISTENT);
	else if (!response)
		response = MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_MUST_FREE);
	if (!response)
		return MHD_NO;
	if (!reply->fixed)
		reply->body = NULL;
	reply->ready = NULL;
	/* Everything but the page's own files is an answer of the moment. */
	add_headers(response, reply, !reply->fixed);
	enum MHD_Result result = MHD_queue_response(request->connection, reply->status, response);
	MHD_destroy_response(response);
	request->answered = true;
	return result;
}
