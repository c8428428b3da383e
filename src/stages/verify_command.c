/*
 * Are a run's results what they were? Every output is hashed and held to its `done`; on request one stage is run again
 * into a folder of its own and must leave the same bytes.
 */
#include "stages/stages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int check_output(const char *folder, const char *name, const char *wanted, const char *what, struct err *err)
{
	char hex[SHA256_HEX], *path = path_join(folder, name, err);
	int status = path ? sha256_file(path, hex, err) : err->code;
	if (status == OK && strcmp(hex, wanted) != 0)
		status = err_set(err, ERR_DATA, "%s: sha256 %.12s…, %s %.12s…; remove %s and run again", path, hex, what,
		                 wanted, folder);
	free(path);
	return status;
}

/* Every file that DONE names, in `folder`. */
static int check_outputs(const struct json *done, const char *folder, const char *what, size_t *files, struct err *err)
{
	const struct json *outputs = json_get(done, "outputs");
	int status = OK;
	for (size_t i = 0; status == OK && i < json_count(outputs); i++, ++*files) {
		const char *name = json_key(outputs, i);
		status = check_output(folder, name, json_text(json_get(json_get(outputs, name), "sha256"), ""), what, err);
	}
	return status;
}

static int load_done(struct json **out, const char *folder, struct err *err)
{
	char *path = path_join(folder, "done", err);
	int status = path ? json_load_file(out, path, err) : err->code;
	free(path);
	return status;
}

static int run_again(char **argv, const char *stage, struct err *err)
{
	pid_t child = fork();
	int state = 0;
	if (child < 0)
		return err_errno(err, "%s: cannot be started again", stage);
	if (child == 0) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	while (waitpid(child, &state, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "%s: cannot be waited for", stage);
	if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
		return err_set(err, WIFEXITED(state) && WEXITSTATUS(state) < 8 ? WEXITSTATUS(state) : ERR_IO,
		               "%s: did not run to its end a second time; its own words stand above", stage);
	return OK;
}

/* STAGE --config … --set … --in UP=DIR … --out AGAIN, with the overrides that the run had. */
static int rerun(const struct stage_options *options, const char *stage, const struct json *record, bool as_ranks,
                 struct err *err)
{
	const struct json *overrides = json_get(record, "overrides");
	const struct json *reads = json_get(json_get(json_get(record, "stages"), stage), "reads");
	size_t room = 10 + 2 * json_count(overrides) + 2 * json_count(reads), n = 0;
	char **argv = mem_alloc(room, sizeof *argv, err), **ins = mem_alloc(json_count(reads), sizeof *ins, err);
	int status = argv && ins ? OK : err->code;
	if (status == OK) {
		argv[n++] = (char *)(uintptr_t) "moodcast-train";
		argv[n++] = (char *)(uintptr_t)stage;
		argv[n++] = (char *)(uintptr_t) "--config";
		argv[n++] = (char *)(uintptr_t)options->config;
		for (size_t i = 0; i < json_count(overrides); i++) {
			argv[n++] = (char *)(uintptr_t) "--set";
			argv[n++] = (char *)(uintptr_t)json_text(json_at(overrides, i), "");
		}
	}
	for (size_t i = 0; status == OK && i < json_count(reads); i++) {
		const char *up = json_text(json_at(reads, i), "");
		ins[i] = mem_format(err, "%s=%s/%s", up, options->exp, up);
		argv[n++] = (char *)(uintptr_t) "--in";
		argv[n++] = ins[i];
		status = ins[i] ? OK : err->code;
	}
	if (status == OK) {
		argv[n++] = (char *)(uintptr_t) "--out";
		argv[n++] = (char *)(uintptr_t)options->out;
		argv[n++] = as_ranks ? (char *)(uintptr_t) "--as-ranks" : NULL;
		argv[n++] = (char *)(uintptr_t) "yes";
		argv[n] = NULL;
		status = run_again(argv, stage, err);
	}
	for (size_t i = 0; ins && i < json_count(reads); i++)
		free(ins[i]);
	free(ins);
	free(argv);
	return status;
}

static int verify_stage(const struct stage_options *options, const char *stage, const struct json *record, bool again,
                        struct err *err)
{
	struct json *done = NULL;
	size_t files = 0;
	char *folder = path_join(options->exp, stage, err);
	int status = folder ? load_done(&done, folder, err) : err->code;
	if (status == OK)
		status = check_outputs(done, folder, "was", &files, err);
	if (status == OK)
		printf("%-10s %zu files as they were written\n", stage, files);
	if (status == OK && again)
		status = rerun(options, stage, record, json_bool(json_get(done, "as_ranks"), false), err);
	if (status == OK && again)
		status = check_outputs(done, options->out, "the first time", &files, err);
	if (status == OK && again)
		printf("%-10s run again: the same bytes\n", stage);
	json_free(done);
	free(folder);
	return status;
}

static int verify_run(const struct stage_options *options, struct err *err)
{
	struct json *record = NULL;
	const char *again = options->n_words ? options->words[0] : NULL;
	char *path = path_join(options->exp, "run.json", err);
	int status = path ? OK : err->code;
	if (status == OK && !path_exists(path))
		status = err_set(err, ERR_SETTINGS, "%s: holds no finished run; `make run EXP=%s` makes one", options->exp,
		                 path_name(options->exp));
	if (status == OK)
		status = json_load_file(&record, path, err);
	const struct json *stages = json_get(record, "stages");
	if (status == OK && again && !json_get(stages, again))
		status = err_set(err, ERR_SETTINGS, "STAGE=%s: the run in %s has no such stage", again, options->exp);
	for (size_t i = 0; status == OK && i < json_count(stages); i++) {
		const char *stage = json_key(stages, i);
		status = verify_stage(options, stage, record, again && strcmp(again, stage) == 0, err);
	}
	json_free(record);
	free(path);
	return status;
}

int verify_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	int status = stage_options_parse(&options, argc, argv, err);
	if (status != OK)
		return status;
	if (!options.exp || (options.n_words && (!options.config || !options.out)))
		status = err_set(err, ERR_SETTINGS,
		                 "verify: --exp out/EXP [STAGE --config FILE --out SCRATCH] are needed; a STAGE is run again");
	else
		status = verify_run(&options, err);
	stage_options_free(&options);
	return status;
}
