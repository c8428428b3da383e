/*
 * OUT/EXP/report.html: the report with what a run cost and what it was made with put in before its end.
 *
 * Times and machines differ from run to run, the artefacts must not: so index.html of the stage `report` holds figures
 * alone, and the page that people open is made of it and of what each stage's `done` and the plan say. costs.json
 * holds the same numbers.
 */
#include "stages/run_page_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STAGES 32
#define MAX_PAGE ((size_t)1 << 30)

struct costs {
	const char *folder;
	struct json *record, *summary; /* run.json; costs.json */
	const char *stages[MAX_STAGES];
	struct json *done[MAX_STAGES];
	size_t count;
	struct page page;
};

static double bytes_of(const struct json *done)
{
	const struct json *outputs = json_get(done, "outputs");
	double sum = 0;

	for (size_t i = 0; i < json_count(outputs); i++)
		sum += json_number(json_get(json_get(outputs, json_key(outputs, i)), "bytes"), 0);
	return sum;
}

static int costs_load(struct costs *costs, struct err *err)
{
	char *path = path_join(costs->folder, "run.json", err);
	int code = path ? json_load_file(&costs->record, path, err) : err->code;
	const struct json *stages = json_get(costs->record, "stages");

	free(path);
	for (size_t s = 0; code == OK && s < json_count(stages) && s < MAX_STAGES; s++) {
		costs->stages[s] = json_key(stages, s);
		path = mem_format(err, "%s/%s/done", costs->folder, costs->stages[s]);
		code = path ? json_load_file(&costs->done[s], path, err) : err->code;
		costs->count += code == OK;
		free(path);
	}
	return code;
}

static double cost_of(const struct json *done, const char *key)
{
	return json_number(json_get(done, key), 0);
}

static void cost_section(struct costs *costs)
{
	static const char *const columns[] = {"stage",         "#time",    "#peak memory",
	                                      "#left on disk", "#threads", "what it says"};
	double seconds = 0, bytes = 0, peak = 0;
	char time[32], memory[32], size[32];

	page_section(&costs->page, "cost", "Cost");
	page_table_start(&costs->page, "Each stage when it last ran; shared and earlier results cost nothing again",
	                 columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < costs->count; i++) {
		const struct json *done = costs->done[i];
		struct json *one = json_set_object(costs->summary, costs->stages[i]);
		double second = cost_of(done, "seconds"), byte = bytes_of(done), most = cost_of(done, "peak_memory_bytes");
		json_set_number(one, "seconds", second);
		json_set_number(one, "peak_memory_bytes", most);
		json_set_number(one, "bytes", byte);
		snprintf(time, sizeof time, "%s", show_seconds(second));
		snprintf(memory, sizeof memory, "%s", show_bytes(most));
		snprintf(size, sizeof size, "%s", show_bytes(byte));
		page_table_row(&costs->page, (const char *const[]){costs->stages[i], time, memory, size,
		                                                   show_count(cost_of(done, "threads")),
		                                                   json_text(json_get(done, "headline"), "")});
		seconds += second;
		bytes += byte;
		peak = most > peak ? most : peak;
	}
	snprintf(time, sizeof time, "%s", show_seconds(seconds));
	snprintf(memory, sizeof memory, "%s", show_bytes(peak));
	page_table_row_strong(&costs->page, (const char *const[]){"all", time, memory, show_bytes(bytes), "", ""});
	page_table_end(&costs->page);
}

/* Was stage `b` made by the same program on the same machine as stage `a`? A page that memory was too little for is no
 * page. */
static bool same_program(struct costs *costs, size_t a, size_t b)
{
	struct err failure = {0};
	char *texts[2] = {NULL, NULL};

	if (b >= costs->count)
		return false;
	int code = json_print(json_get(costs->done[a], "program"), 0, &texts[0], &failure);
	if (code == OK)
		code = json_print(json_get(costs->done[b], "program"), 0, &texts[1], &failure);
	costs->page.body.failed |= code == ERR_MEMORY;
	bool same = code == OK && strcmp(texts[0], texts[1]) == 0;
	free(texts[0]);
	free(texts[1]);
	return same;
}

/* "OpenBLAS 0.3.21" of "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …": the rest stands in `done`. */
static void library_name(const char *blas, char *out, size_t size)
{
	size_t name = strcspn(blas, " "), version = blas[name] ? strcspn(blas + name + 1, " ") + 1 : 0;

	snprintf(out, size, "%.*s", (int)(name + version), blas);
}

static void program_rows(struct costs *costs)
{
	static const char *const columns[] = {"stage",    "program",      "compiler", "BLAS",
	                                      "its core", "instructions", "#cores",   "processor"};

	page_table_start(&costs->page, "Made with", columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < costs->count; i++) {
		const struct json *program = json_get(costs->done[i], "program");
		char stage[96], blas[64];
		if (i > 0 && same_program(costs, i - 1, i))
			continue;
		snprintf(stage, sizeof stage, "%s%s", costs->stages[i], same_program(costs, i, i + 1) ? " and on" : "");
		library_name(json_text(json_get(program, "blas"), "–"), blas, sizeof blas);
		page_table_row(&costs->page, (const char *const[]){stage, json_text(json_get(program, "version"), "–"),
		                                                   json_text(json_get(program, "compiler"), "–"), blas,
		                                                   json_text(json_get(program, "blas_core"), "–"),
		                                                   json_text(json_get(program, "cpu"), "–"),
		                                                   show_count(cost_of(program, "cores")),
		                                                   json_text(json_get(program, "processor"), "–")});
	}
	page_table_end(&costs->page);
	if (costs->count)
		page_paragraph(&costs->page, "Libraries: %s.",
		               json_text(json_get(json_get(costs->done[costs->count - 1], "program"), "libraries"), "–"));
}

/* "input faces.zip sha256…" lines of the plan; what a drawn sample holds is known by its settings. */
static void input_rows(struct costs *costs)
{
	static const char *const columns[] = {"stage", "input", "sha256"};
	const struct json *stages = json_get(costs->record, "stages");
	size_t rows = 0;

	for (size_t s = 0; s < costs->count; s++) {
		const struct json *lines = json_get(json_get(stages, costs->stages[s]), "identity");
		for (size_t i = 0; i < json_count(lines); i++) {
			const char *line = json_text(json_at(lines, i), ""), *hash = strrchr(line, ' ');
			char name[256];
			if (strncmp(line, "input ", 6) != 0 || hash <= line + 6)
				continue;
			snprintf(name, sizeof name, "%.*s", (int)(hash - line - 6), line + 6);
			if (rows++ == 0)
				page_table_start(&costs->page, "Input files", columns, ARRAY_COUNT(columns));
			page_table_row(&costs->page, (const char *const[]){costs->stages[s], name, hash + 1});
		}
	}
	if (rows)
		page_table_end(&costs->page);
}

static void identity_rows(struct costs *costs)
{
	static const char *const columns[] = {"stage", "identity", "reads"};
	const struct json *stages = json_get(costs->record, "stages"), *overrides = json_get(costs->record, "overrides");

	if (json_count(overrides)) {
		page_heading(&costs->page, "Settings given on the command line");
		page_list_start(&costs->page);
		for (size_t i = 0; i < json_count(overrides); i++)
			page_list_item(&costs->page, json_text(json_at(overrides, i), ""));
		page_list_end(&costs->page);
	}
	page_table_start(&costs->page, "Results: the identity follows from settings, inputs and what is read", columns, 3);
	for (size_t s = 0; s < costs->count; s++) {
		const struct json *stage = json_get(stages, costs->stages[s]), *reads = json_get(stage, "reads");
		struct strbuf text = {0};
		for (size_t i = 0; i < json_count(reads); i++)
			strbuf_format(&text, "%s%s", i ? ", " : "", json_text(json_at(reads, i), ""));
		page_table_row(&costs->page, (const char *const[]){costs->stages[s], json_text(json_get(stage, "id"), ""),
		                                                   text.text ? text.text : "nothing"});
		costs->page.body.failed |= text.failed;
		strbuf_free(&text);
	}
	page_table_end(&costs->page);
}

/* What a reader of several reports wants to know first: which run this is, and what it took. */
static void lead(const struct costs *costs, struct strbuf *out)
{
	double seconds = 0;

	for (size_t i = 0; i < costs->count; i++)
		seconds += cost_of(costs->done[i], "seconds");
	strbuf_add(out, "<p class=\"lead\">Experiment <b>");
	html_escape(out, path_name(costs->folder));
	strbuf_format(out, "</b>: %zu stages in %s.</p>\n", costs->count, show_seconds(seconds));
}

/* The page of the stage with the sections put in: a link at the end of its navigation and what the run was behind it,
 * the body before its end. */
static int page_save(struct costs *costs, struct err *err)
{
	static const char nav[] = "</nav>", end[] = "</main>";
	char *from = path_join(costs->folder, "report/index.html", err), *to = path_join(costs->folder, "report.html", err);
	char *bytes = NULL;
	size_t size = 0;
	struct strbuf out = {0};
	int code = from && to ? file_read(from, MAX_PAGE, &bytes, &size, err) : err->code;
	const char *links = code == OK ? strstr(bytes, nav) : NULL, *tail = links ? strstr(links, end) : NULL;
	if (code == OK && !tail)
		code = err_set(err, ERR_DATA, "%s: is no report: %s is absent", from, links ? end : nav);
	if (code == OK) {
		strbuf_add_bytes(&out, bytes, (size_t)(links - bytes));
		strbuf_add(&out, "<a href=\"#cost\">Cost</a> <a href=\"#records\">Records</a>");
		strbuf_add(&out, nav);
		lead(costs, &out);
		strbuf_add_bytes(&out, links + strlen(nav), (size_t)(tail - links - strlen(nav)));
		strbuf_add_bytes(&out, costs->page.body.text, costs->page.body.length);
		strbuf_add(&out, tail);
		code = strbuf_check(&out, err);
	}
	if (code == OK)
		code = file_write(to, out.text, out.length, err);
	strbuf_free(&out);
	free(bytes);
	free(from);
	free(to);
	return code;
}

static int costs_save(const struct costs *costs, struct err *err)
{
	char *path = path_join(costs->folder, "costs.json", err);
	int code = path ? json_save(costs->summary, path, err) : err->code;

	free(path);
	return code;
}

int run_page(const char *folder, struct err *err)
{
	struct costs costs = {.folder = folder, .summary = json_object_new()};
	int code = costs_load(&costs, err);

	if (code == OK) {
		cost_section(&costs);
		page_section(&costs.page, "records", "Records");
		program_rows(&costs);
		input_rows(&costs);
		identity_rows(&costs);
		code = strbuf_check(&costs.page.body, err);
	}
	if (code == OK)
		code = page_save(&costs, err);
	if (code == OK)
		code = costs_save(&costs, err);
	for (size_t i = 0; i < MAX_STAGES; i++)
		json_free(costs.done[i]);
	page_free(&costs.page);
	json_free(costs.summary);
	json_free(costs.record);
	return code;
}
