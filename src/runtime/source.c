#include "runtime/source_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int source_wait(struct source *source, int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	while (!atomic_load(&source->stopped) && !stop_requested()) {
		int count = poll(&ready, 1, 200);
		if (count != 0 && !(count < 0 && errno == EINTR))
			return count < 0 ? -1 : 1;
	}
	return 0;
}

/* Standard input as a stream that can be stopped while it waits. */
static ssize_t patient_read(void *cookie, char *buffer, size_t size)
{
	int ready = source_wait(cookie, STDIN_FILENO);
	return ready > 0 ? read(STDIN_FILENO, buffer, size) : ready;
}

static int open_standard_input(struct source *source, struct err *err)
{
	cookie_io_functions_t functions = {.read = patient_read};
	FILE *stream = fopencookie(source, "rb", functions);
	return stream ? source_open_stream(source, stream, err) : err_errno(err, "standard input");
}

int source_open(struct source **out, const char *what, struct err *err)
{
	struct source *source = mem_alloc(1, sizeof(*source), err);
	if (!source)
		return err->code;
	source->name = mem_text(strcmp(what, "-") == 0 ? "standard input" : what, err);
	int code = source->name ? OK : err->code;
	if (code != OK)
		goto out;
	if (strncmp(what, "/dev/video", 10) == 0) {
		code = source_open_v4l2(source, err);
	} else if (strcmp(what, "-") == 0) {
		code = open_standard_input(source, err);
	} else if (path_is_folder(what)) {
		code = source_open_folder(source, err);
	} else {
		FILE *stream = fopen(what, "rb");
		code = stream ? source_open_stream(source, stream, err) : err_errno(err, "%s", what);
	}
out:
	if (code != OK) {
		source_close(source);
		return code;
	}
	*out = source;
	return OK;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->kind)
		source->kind->close(source);
	free(source->name);
	free(source);
}

int source_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	*out = (struct image){0};
	*end = false;
	return source->kind->next(source, out, end, err);
}

double source_interval(const struct source *source)
{
	return source->interval;
}

bool source_can_rewind(const struct source *source)
{
	return source->kind->rewind != NULL;
}

int source_rewind(struct source *source, struct err *err)
{
	if (!source->kind->rewind)
		return err_set(err, ERR_IO, "%s: cannot be read again from the start", source->name);
	return source->kind->rewind(source, err);
}

void source_stop(struct source *source)
{
	atomic_store(&source->stopped, true);
}

size_t source_skipped(const struct source *source)
{
	return source->skipped;
}

/* ---- rhythm --------------------------------------------------------------------------------- */

int source_next_due(struct source *source, struct source_pace *pace, struct image *out, bool *end, struct err *err)
{
	for (;;) {
		int code = source_next(source, out, end, err);
		if (code != OK || *end || source->interval <= 0)
			return code;
		pace->due += source->interval;
		if (pace->due + source->interval >= clock_seconds() || atomic_load(&source->stopped))
			return OK;
		image_free(out);
		pace->dropped++;
	}
}

double source_early(const struct source *source, const struct source_pace *pace)
{
	return source->interval > 0 ? pace->due - source->interval - clock_seconds() : 0;
}

/* ---- a folder of pictures, in the order of their names ------------------------------------- */

struct folder_state {
	struct path_list files;
	size_t at;
};

static bool is_picture(const char *path)
{
	static const char *const known[] = {"jpg", "jpeg", "png"};
	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcasecmp(path_extension(path), known[i]) == 0)
			return true;
	return false;
}

static int folder_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	struct folder_state *state = source->state;
	while (state->at < state->files.count) {
		const char *path = state->files.items[state->at++];
		if (!is_picture(path))
			continue;
		struct err own = {0};
		int code = image_load(out, path, 3, &own);
		if (code == OK)
			return OK;
		if (code == ERR_MEMORY)
			return err_set(err, code, "%s", own.text);
		log_warn("source", "%s", own.text);
		source->skipped++;
	}
	*end = true;
	return OK;
}

static int folder_rewind(struct source *source, struct err *err)
{
	(void)err;
	((struct folder_state *)source->state)->at = 0;
	return OK;
}

static void folder_close(struct source *source)
{
	struct folder_state *state = source->state;
	path_list_free(&state->files);
	free(state);
}

int source_open_folder(struct source *source, struct err *err)
{
	static const struct source_kind kind = {folder_next, folder_rewind, folder_close};
	struct folder_state *state = mem_alloc(1, sizeof(*state), err);
	if (!state)
		return err->code;
	source->state = state;
	source->kind = &kind;
	source->interval = 1.0;
	int code = folder_walk(&state->files, source->name, err);
	if (code != OK)
		return code;
	for (size_t i = 0; i < state->files.count; i++)
		if (is_picture(state->files.items[i]))
			return OK;
	return err_set(err, ERR_DATA, "%s: no .jpg, .jpeg or .png below this folder", source->name);
}
