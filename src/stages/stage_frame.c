/* What every stage has around it: options, settings, folder, time, metrics.json, `done`. */
#include "base/comm.h"
#include "stages/frame_internal.h"

#include <stdlib.h>

static int write_metrics(const struct stage_run *run, struct err *err)
{
	char *path = stage_out_path(run, "metrics.json", err);
	int status = path ? json_save(run->metrics, path, err) : err->code;
	free(path);
	return status;
}

/* log.jsonl of every attempt, the failed ones too. */
static int start_log(const struct stage_run *run, struct err *err)
{
	char *path = stage_out_path(run, "log.jsonl", err);
	int status = path ? log_to_file(path, err) : err->code;
	free(path);
	return status;
}

static int run_stage(const struct stage *stage, struct stage_run *run, struct err *err)
{
	double started = clock_seconds();
	int status = folder_make(run->out, err);
	if (status == OK && comm_publishes())
		status = start_log(run, err);
	if (status == OK)
		status = stage->run(run, err);
	if (status == OK && comm_publishes())
		status = write_metrics(run, err);
	double seconds = clock_seconds() - started;
	if (status == OK && comm_publishes())
		status = done_write(stage, run, seconds, err);
	if (status == OK)
		log_info(stage->name, "%.1f s: %s", seconds, run->headline);
	else
		err_wrap(err, "%s", stage->name);
	log_end_file(err);
	struct err absent = {0};
	bool logged = false;
	if (status != OK && file_in(run->out, "log.jsonl", &logged, &absent) == OK && logged)
		log_info(stage->name, "its log: %s/log.jsonl", run->out);
	return status;
}

/* What all ranks of a job must agree on before they start. */
struct ranks {
	bool done;
	int threads;
};

static int ask_ranks(const struct stage *stage, const struct settings *settings, const char *out, struct ranks *ranks,
                     struct err *err)
{
	int status = comm_publishes() ? file_in(out, "done", &ranks->done, err) : OK;
	ranks->threads = thread_count((int)settings->run.threads);
	if (status != OK || comm_size() == 1)
		return status;
	status = comm_broadcast(&ranks->done, sizeof ranks->done, 0, err);
	if (status == OK)
		status = comm_threads((int)settings->run.threads, &ranks->threads, err);
	if (status == OK && !ranks->done)
		log_info(stage->name, "%d ranks, %d thread%s on this one", comm_size(), ranks->threads,
		         ranks->threads == 1 ? "" : "s");
	return status;
}

int stage_command(const struct stage *stage, int argc, char **argv, struct err *err)
{
	struct stage_options options;
	struct settings *settings = NULL;
	if (!stage->shared && !comm_publishes())
		return OK;
	if (!stage->shared)
		comm_alone();
	int status = stage_options_parse(&options, argc, argv, err);
	if (status != OK)
		return status;
	if (!options.out)
		status = err_set(err, ERR_SETTINGS, "%s: --out DIR says where the results go", stage->name);
	else if (options.n_words)
		status = err_set(err, ERR_SETTINGS, "%s: \"%s\" is not an option; see `moodcast-train help %s`", stage->name,
		                 options.words[0], stage->name);
	else
		status = settings_load(&settings, options.config, options.overrides, options.n_overrides, err);
	struct ranks ranks = {0};
	if (status == OK)
		status = ask_ranks(stage, settings, options.out, &ranks, err);
	if (status == OK && ranks.done) {
		status = done_check(stage, settings, options.out, err);
		if (status == OK)
			log_info(stage->name, "%s is done already", options.out);
	} else if (status == OK) {
		struct stage_run run = {.settings = settings, .out = options.out, .inputs = options.inputs,
		                        .n_inputs = options.n_inputs, .threads = ranks.threads,
		                        .as_ranks = options.as_ranks,
		                        .metrics = json_object_new()};
		status = run.metrics ? OK : err_set(err, ERR_MEMORY, "no memory for metrics");
		if (status == OK && options.shares && comm_publishes())
			status = stage_memory_take(stage, &run, options.shares, err);
		if (status == OK)
			status = run_stage(stage, &run, err);
		json_free(run.metrics);
	}
	settings_free(settings);
	stage_options_free(&options);
	return status;
}
