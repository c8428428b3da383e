#include "stages/evaluate_internal.h"

#include <stdlib.h>

bool evaluate_given(const struct stage_run *run, const char *stage)
{
	return stage_in_folder(run, stage) != NULL;
}

struct json *evaluate_stage(struct stage_run *run, const char *stage)
{
	struct json *object = json_get(run->metrics, stage);

	return object ? object : json_set_object(run->metrics, stage);
}

int evaluate_gather(struct stage_run *run, struct err *err)
{
	static const char *const stages[] = {"faces", "cascade", "features", "emotion", "playlists", "tags", "als"};

	for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
		struct json *metrics;
		char *path;
		int code;

		if (!evaluate_given(run, stages[i]))
			continue;
		path = stage_in_path(run, stages[i], "metrics.json", err);
		code = path ? json_load_file(&metrics, path, err) : err->code;
		free(path);
		if (code != OK)
			return code;
		json_set(run->metrics, stages[i], metrics);
	}
	return OK;
}
