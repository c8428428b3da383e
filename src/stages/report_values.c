#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINES_BYTES ((size_t)256 << 20)

const struct json *report_stage(const struct report *report, const char *stage)
{
	return json_get(report->metrics, stage);
}

double report_number(const struct json *object, const char *key)
{
	return json_number(json_get(object, key), NAN);
}

const char *report_text(const struct json *object, const char *key)
{
	return json_text(json_get(object, key), "");
}

bool report_truth(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return json_kind(value) == JSON_KIND_BOOL ? json_bool(value, false) : json_number(value, 0) != 0;
}

void report_join(const struct json *texts, struct strbuf *out)
{
	for (size_t i = 0; i < json_count(texts); i++)
		strbuf_format(out, "%s%s", i ? ", " : "", json_text(json_at(texts, i), ""));
}

const char *report_limits(const struct json *object, const char *key)
{
	static _Thread_local char texts[4][64];
	static _Thread_local unsigned at;
	const struct json *limits = json_get(object, key);
	char *text = texts[at++ % ARRAY_COUNT(texts)];

	if (json_count(limits) != 2)
		return "–";
	snprintf(text, sizeof(texts[0]), "%.3f\u00a0–\u00a0%.3f", json_number(json_at(limits, 0), NAN),
	         json_number(json_at(limits, 1), NAN));
	return text;
}

static int parse_lines(const char *path, const char *text, struct json *lines, struct err *err)
{
	char name[512];
	size_t number = 1;

	for (const char *at = text; *at; at += strspn(at, "\n"), number++) {
		struct json *line;
		size_t length = strcspn(at, "\n");

		snprintf(name, sizeof(name), "%s:%zu", path, number);
		if (json_load_text(&line, at, length, name, err) != OK)
			return err->code;
		json_append(lines, line);
		at += length;
	}
	return OK;
}

int report_lines(const struct report *report, const char *stage, const char *file, struct json **out, struct err *err)
{
	struct json *lines;
	char *path, *text = NULL;
	size_t size;
	int code;

	*out = NULL;
	if (!stage_in_folder(report->run, stage))
		return OK;
	lines = json_array_new();
	if (!lines)
		return err_set(err, ERR_MEMORY, "no memory for %s", file);
	path = stage_in_path(report->run, stage, file, err);
	code = path ? file_read(path, MAX_LINES_BYTES, &text, &size, err) : err->code;
	if (code == OK)
		code = parse_lines(path, text, lines, err);
	free(text);
	free(path);
	if (code == OK)
		*out = lines;
	else
		json_free(lines);
	return code;
}

size_t report_column(const struct json *lines, const char *with, const char *key, double *out)
{
	size_t count = 0;

	for (size_t i = 0; i < json_count(lines); i++) {
		const struct json *line = json_at(lines, i);
		if (!with || json_get(line, with))
			out[count++] = report_number(line, key);
	}
	return count;
}
