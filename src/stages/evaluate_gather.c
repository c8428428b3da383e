/* What the stages above left of figures: their metrics.json, and the curves that they wrote line by line. */
#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINES_BYTES ((size_t)256 << 20)

bool evaluate_given(const struct stage_run *run, const char *stage)
{
	return stage_in_folder(run, stage) != NULL;
}

struct json *evaluate_stage(struct stage_run *run, const char *stage)
{
	struct json *object = json_get(run->metrics, stage);

	return object ? object : json_set_object(run->metrics, stage);
}

/* A *.jsonl of a stage, an object a line, as an array under `key` of the stage's figures. */
struct curve {
	const char *stage, *file, *key;
	const char *with; /* only lines that have this; NULL = all */
};
static const struct curve curves[] = {
    {"cascade", "stages.jsonl", "by_stage", "weak_classifiers"},
    {"emotion", "history.jsonl", "history", NULL},
    {"als", "loss.jsonl", "loss_by_iteration", NULL},
};

static int add_lines(const struct curve *curve, const char *path, const char *text, struct json *array, struct err *err)
{
	size_t number = 1;

	for (const char *at = text; *at; at += strspn(at, "\n"), number++) {
		struct json *line;
		size_t length = strcspn(at, "\n");
		char *place = mem_format(err, "%s:%zu", path, number);
		int code = place ? json_load_text(&line, at, length, place, err) : err->code;

		free(place);
		if (code != OK)
			return code;
		if (!curve->with || json_get(line, curve->with))
			json_append(array, line);
		else
			json_free(line);
		at += length;
	}
	return OK;
}

static int gather_curve(struct stage_run *run, const struct curve *curve, struct err *err)
{
	char *path = stage_in_path(run, curve->stage, curve->file, err), *text = NULL;
	size_t size;
	int code = path ? file_read(path, MAX_LINES_BYTES, &text, &size, err) : err->code;

	if (code == OK)
		code = add_lines(curve, path, text, json_set_array(evaluate_stage(run, curve->stage), curve->key), err);
	free(text);
	free(path);
	return code;
}

static int gather_stage(struct stage_run *run, const char *stage, struct err *err)
{
	struct json *metrics;
	char *path = stage_in_path(run, stage, "metrics.json", err);
	int code = path ? json_load_file(&metrics, path, err) : err->code;

	free(path);
	if (code == OK)
		json_set(run->metrics, stage, metrics);
	return code;
}

int evaluate_gather(struct stage_run *run, struct err *err)
{
	static const char *const stages[] = {"faces", "cascade", "features", "emotion", "playlists", "tags", "als"};
	int code = OK;

	for (size_t i = 0; code == OK && i < ARRAY_COUNT(stages); i++)
		if (evaluate_given(run, stages[i]))
			code = gather_stage(run, stages[i], err);
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(curves); i++)
		if (evaluate_given(run, curves[i].stage))
			code = gather_curve(run, &curves[i], err);
	return code;
}
