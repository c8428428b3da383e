#include "stages/run_page_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *input_folder(const struct stage_options *options, const char *stage)
{
	for (size_t i = 0; i < options->n_inputs; i++)
		if (strcmp(options->inputs[i].stage, stage) == 0)
			return options->inputs[i].folder;
	return NULL;
}

static int load_result(struct json **out, const struct stage_options *options, const char *name, struct err *err)
{
	char *path = path_join(input_folder(options, "evaluate"), name, err);
	int status = path ? json_load_file(out, path, err) : err->code;
	free(path);
	return status;
}

/* Figures on drawn data look like any others: the first thing to know stands above them. */
static void print_honesty(const struct json *metrics)
{
	const struct json *honesty = json_get(metrics, "honesty");
	size_t more = json_count(honesty);
	if (more == 0)
		return;
	printf("to be known: %s", json_text(json_at(honesty, 0), ""));
	if (--more > 0)
		printf(" The report says %zu more.", more);
	printf("\n");
}

static int print_summary(const struct stage_options *options, struct err *err)
{
	struct json *done = NULL, *metrics = NULL;
	const char *exp = options->exp;
	int status = options->out ? run_page(options->out, err) : OK;
	if (status == OK)
		status = load_result(&done, options, "done", err);
	if (status == OK)
		status = load_result(&metrics, options, "metrics.json", err);
	if (status == OK) {
		print_honesty(metrics);
		printf("%s: %s\n", exp, json_text(json_get(done, "headline"), ""));
		printf("next: `make report EXP=%s` names the page to open", exp);
		if (input_folder(options, "pack"))
			printf(", `make demo EXP=%s` starts the program for your webcam", exp);
		printf(".\n");
	}
	json_free(metrics);
	json_free(done);
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
