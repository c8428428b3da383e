#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

char *stage_out_path(const struct stage_run *run, const char *name, struct err *err)
{
	return path_join(run->out, name, err);
}

const char *stage_in_folder(const struct stage_run *run, const char *stage)
{
	for (size_t i = 0; i < run->n_inputs; i++)
		if (strcmp(run->inputs[i].stage, stage) == 0)
			return run->inputs[i].folder;
	return NULL;
}

char *stage_in_path(const struct stage_run *run, const char *stage, const char *name, struct err *err)
{
	const char *folder = stage_in_folder(run, stage);
	if (!folder) {
		err_set(err, ERR_SETTINGS, "the results of stage %s are needed: --in %s=DIR", stage, stage);
		return NULL;
	}
	return path_join(folder, name, err);
}

static int expand_one(const struct stage_run *run, const char *item, struct path_list *out, struct err *err)
{
	if (item[0] != '@')
		return path_expand(out, item, err);
	char stage[64];
	const char *slash = strchr(item, '/');
	if (!slash || (size_t)(slash - item) > sizeof stage)
		return err_set(err, ERR_SETTINGS, "%s: is not @STAGE/FILE", item);
	snprintf(stage, sizeof stage, "%.*s", (int)(slash - item - 1), item + 1);
	char *path = stage_in_path(run, stage, slash + 1, err);
	if (!path)
		return err->code;
	int status = path_expand(out, path, err);
	free(path);
	return status;
}

int stage_expand(const struct stage_run *run, const struct text_list *list, struct path_list *out, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (expand_one(run, list->items[i], out, err) != OK)
			return err->code;
	return OK;
}

bool stage_reads_sample(const struct text_list *input)
{
	for (size_t i = 0; i < input->count; i++)
		if (strncmp(input->items[i], "@sample/", 8) == 0)
			return true;
	return false;
}
