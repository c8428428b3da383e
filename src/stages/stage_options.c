#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

void stage_options_free(struct stage_options *options)
{
	for (size_t i = 0; i < options->n_inputs; i++)
		free((char *)(uintptr_t)options->inputs[i].stage);
	free(options->overrides);
	free(options->inputs);
	free(options->words);
	*options = (struct stage_options){0};
}

static int add_input(struct stage_options *options, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || !equals[1])
		return err_set(err, ERR_SETTINGS, "--in %s: is not STAGE=DIR", text);
	char *stage = mem_format(err, "%.*s", (int)(equals - text), text);
	if (!stage)
		return err->code;
	options->inputs[options->n_inputs++] = (struct stage_input){stage, equals + 1};
	return OK;
}

static int take_option(struct stage_options *options, const char *name, const char *value, struct err *err)
{
	if (!value)
		return err_set(err, ERR_SETTINGS, "%s: a value must follow", name);
	if (strcmp(name, "--config") == 0)
		options->config = value;
	else if (strcmp(name, "--out") == 0)
		options->out = value;
	else if (strcmp(name, "--store") == 0)
		options->store = value;
	else if (strcmp(name, "--exp") == 0)
		options->exp = value;
	else if (strcmp(name, "--shares") == 0)
		options->shares = value;
	else if (strcmp(name, "--as-ranks") == 0)
		options->as_ranks = strcmp(value, "yes") == 0;
	else if (strcmp(name, "--set") == 0)
		options->overrides[options->n_overrides++] = value;
	else if (strcmp(name, "--in") == 0)
		return add_input(options, value, err);
	else
		return err_set(err, ERR_SETTINGS, "%s: no such option; there are --config, --set, --in, --out", name);
	return OK;
}

int stage_options_parse(struct stage_options *out, int argc, char **argv, struct err *err)
{
	struct stage_options options = {0};
	size_t room = (size_t)argc + 1;
	options.overrides = mem_alloc(room, sizeof *options.overrides, err);
	options.inputs = mem_alloc(room, sizeof *options.inputs, err);
	options.words = mem_alloc(room, sizeof *options.words, err);
	int status = options.overrides && options.inputs && options.words ? OK : err->code;
	for (int i = 0; status == OK && i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			options.words[options.n_words++] = argv[i];
		else {
			status = take_option(&options, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err);
			i++;
		}
	}
	if (status != OK) {
		stage_options_free(&options);
		return status;
	}
	*out = options;
	return OK;
}
