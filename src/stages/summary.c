#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

static const char *input_folder(const struct stage_options *options, const char *stage)
{
	for (size_t i = 0; i < options->n_inputs; i++)
		if (strcmp(options->inputs[i].stage, stage) == 0)
			return options->inputs[i].folder;
	return NULL;
}

static int print_summary(const struct stage_options *options, struct err *err)
{
	struct json *done = NULL;
	const char *exp = options->exp;
	char *path = path_join(input_folder(options, "evaluate"), "done", err);
	int status = path ? json_load_file(&done, path, err) : err->code;
	if (status == OK) {
		printf("%s: %s\n", exp, json_text(json_get(done, "headline"), ""));
		printf("next: `make report EXP=%s` names the page to open", exp);
		if (input_folder(options, "pack"))
			printf(", `make demo EXP=%s` starts the program for your webcam", exp);
		printf(".\n");
	}
	json_free(done);
	free(path);
	return status;
}

int summary_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	int status = stage_options_parse(&options, argc, argv, err);
	if (status != OK)
		return status;
	if (!input_folder(&options, "evaluate") || !options.exp)
		status = err_set(err, ERR_SETTINGS, "summary: --in evaluate=DIR --exp NAME are needed");
	else
		status = print_summary(&options, err);
	stage_options_free(&options);
	return status;
}
