#include "stages/stages.h"

#include <stdlib.h>

static int print_summary(const char *folder, const char *exp, struct err *err)
{
	struct json *done = NULL;
	char *path = path_join(folder, "done", err);
	int status = path ? json_load_file(&done, path, err) : err->code;
	if (status == OK) {
		printf("%s: %s\n", exp, json_text(json_get(done, "headline"), ""));
		printf("next: `make report EXP=%s` names the page to open, `make demo EXP=%s` starts the program for your webcam.\n", exp, exp);
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
	if (options.n_inputs != 1 || !options.exp)
		status = err_set(err, ERR_SETTINGS, "summary: --in evaluate=DIR --exp NAME are needed");
	else
		status = print_summary(options.inputs[0].folder, options.exp, err);
	stage_options_free(&options);
	return status;
}
