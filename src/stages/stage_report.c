/* report: metrics.json and *.jsonl of the stages above → index.html, one file that needs nothing else. */
#include "stages/stage_report_internal.h"

#include <stdlib.h>

/* The sections that this stage and those it reads depend on: what else is set cannot have changed a figure. */
static void sections_read(const struct stage_run *run, struct strbuf *out)
{
	strbuf_add(out, stage_find("report")->sections);
	for (size_t i = 0; i < run->n_inputs; i++) {
		const struct stage *stage = stage_find(run->inputs[i].stage);
		strbuf_format(out, " %s", stage ? stage->sections : "");
	}
}

int report_settings(struct report *report, struct err *err)
{
	struct strbuf text = {0}, sections = {0};
	sections_read(report->run, &sections);
	int code = strbuf_check(&sections, err);
	if (code == OK)
		code = settings_print(report->run->settings, SETTINGS_OF_RESULTS, sections.text, &text, err);

	strbuf_free(&sections);
	if (code == OK) {
		page_section(&report->page, "provenance", "Provenance");
		page_paragraph(&report->page, "The settings behind the figures. With the same inputs and the same settings the "
		                              "same figures come out again.");
		page_html(&report->page, "<details><summary>All settings</summary><pre class=\"settings\">");
		html_escape(&report->page.body, text.text ? text.text : "");
		page_html(&report->page, "</pre></details>\n");
	}
	strbuf_free(&text);
	return code;
}

static int report_write(struct report *report, struct err *err)
{
	char *path = stage_out_path(report->run, "index.html", err);
	int code = path ? page_finish(&report->page, report->run->settings->report.title, path, err) : err->code;

	free(path);
	return code;
}

static int report_build(struct report *report, struct err *err)
{
	int code;

	report_summary(report);
	report_data(report);
	code = report_cascade(report, err);
	if (code == OK)
		code = report_emotion(report, err);
	if (code == OK)
		code = report_tags(report, err);
	if (code == OK)
		code = report_songs(report, err);
	if (code != OK)
		return code;
	report_chain(report);
	return report_settings(report, err);
}

int stage_report(struct stage_run *run, struct err *err)
{
	struct report report = {.run = run};
	struct json *metrics = NULL;
	char *path = stage_in_path(run, "evaluate", "metrics.json", err);
	int code = path ? json_load_file(&metrics, path, err) : err->code;

	free(path);
	report.metrics = metrics;
	if (code == OK)
		code = report_build(&report, err);
	if (code == OK)
		code = report_write(&report, err);
	if (code == OK)
		code = report_cards(&report, err);
	if (code == OK) {
		json_set_integer(run->metrics, "bytes", (int64_t)report.page.body.length);
		snprintf(run->headline, sizeof(run->headline), "index.html, %s, model card and data statement",
		         show_bytes((double)report.page.body.length));
	}
	page_free(&report.page);
	json_free(metrics);
	return code;
}
