/*
 * What a finished run cost: time, peak memory and bytes of each stage, from what its stages wrote down, as a page beside the
 * experiment's results. It is no part of the report: these figures differ from run to run, and the report's bytes do not.
 */
#include "report/report.h"
#include "stages/stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double output_bytes(const struct json *done)
{
	const struct json *outputs = json_get(done, "outputs");
	double bytes = 0;

	for (size_t i = 0; i < json_count(outputs); i++)
		bytes += json_number(json_get(json_get(outputs, json_key(outputs, i)), "bytes"), 0);
	return bytes;
}

static void add_row(struct page *page, const char *stage, const struct json *done)
{
	const char *cells[] = {stage,
	                       show_seconds(json_number(json_get(done, "seconds"), NAN)),
	                       show_bytes(json_number(json_get(done, "peak_memory_bytes"), NAN)),
	                       show_bytes(output_bytes(done)),
	                       show_count(json_number(json_get(done, "threads"), NAN)),
	                       json_text(json_get(done, "headline"), "")};

	page_table_row(page, cells);
}

struct cost {
	double seconds, peak, bytes;
};

static int add_stages(struct page *page, const struct json *record, const char *folder, struct cost *cost, struct err *err)
{
	const struct json *stages = json_get(record, "stages");
	int status = OK;

	for (size_t i = 0; status == OK && i < json_count(stages); i++) {
		struct json *done = NULL;
		char *path = mem_format(err, "%s/%s/done", folder, json_key(stages, i));

		status = path ? json_load_file(&done, path, err) : err->code;
		if (status == OK) {
			add_row(page, json_key(stages, i), done);
			cost->seconds += json_number(json_get(done, "seconds"), 0);
			cost->peak = fmax(cost->peak, json_number(json_get(done, "peak_memory_bytes"), 0));
			cost->bytes += output_bytes(done);
		}
		json_free(done);
		free(path);
	}
	return status;
}

/* The program of the last stage: all of a run's were made by one, unless earlier ones were taken over. */
static int add_program(struct page *page, const struct json *record, const char *folder, struct err *err)
{
	const struct json *stages = json_get(record, "stages");
	struct json *done = NULL;
	size_t count = json_count(stages);
	char *path = count ? mem_format(err, "%s/%s/done", folder, json_key(stages, count - 1)) : NULL;
	int status = path ? json_load_file(&done, path, err) : err->code;
	const struct json *program = json_get(done, "program");

	if (status == OK)
		page_paragraph(page, "moodcast %s, compiler %s, %s (core %s), CPU level %s, %s cores.",
		               json_text(json_get(program, "version"), "?"), json_text(json_get(program, "compiler"), "?"),
		               json_text(json_get(program, "blas"), "?"), json_text(json_get(program, "blas_core"), "?"),
		               json_text(json_get(program, "cpu"), "?"), show_count(json_number(json_get(program, "cores"), NAN)));
	json_free(done);
	free(path);
	return status;
}

static int write_page(const char *folder, const struct json *record, struct err *err)
{
	static const char *const columns[] = {"stage", "#time", "#peak memory", "#results", "#threads", "what it says"};
	struct page page = {0};
	struct cost cost = {0};
	char *path = path_join(folder, "cost.html", err);

	page_section(&page, "cost", "Cost");
	page_paragraph(&page, "As measured when each stage last ran; a stage whose settings and inputs did not change was taken over from an "
	                      "earlier run. The figures of merit are in report/index.html.");
	page_table_start(&page, "Time, memory and bytes a stage", columns, ARRAY_COUNT(columns));
	int status = path ? add_stages(&page, record, folder, &cost, err) : err->code;
	const char *total[] = {"all", show_seconds(cost.seconds), show_bytes(cost.peak), show_bytes(cost.bytes), "", "one after another"};
	page_table_row_strong(&page, total);
	page_table_end(&page);
	if (status == OK)
		status = add_program(&page, record, folder, err);
	if (status == OK)
		status = page_finish(&page, "Cost of the run", path, err);
	page_free(&page);
	free(path);
	return status;
}

int cost_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	struct json *record = NULL;
	char *path = NULL;
	int status = stage_options_parse(&options, argc, argv, err);

	if (status != OK)
		return status;
	if (!options.exp)
		status = err_set(err, ERR_SETTINGS, "cost: --exp out/EXP says which run");
	if (status == OK && !(path = path_join(options.exp, "run.json", err)))
		status = err->code;
	if (status == OK)
		status = json_load_file(&record, path, err);
	if (status == OK)
		status = write_page(options.exp, record, err);
	json_free(record);
	free(path);
	stage_options_free(&options);
	return status;
}
