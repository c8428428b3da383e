/* Reading expressions on another data set, beside the people that were held out of the experiment's own. */
#include "stages/stage_report_internal.h"

#include <math.h>

static void tell(struct report *report, const struct json *external)
{
	const struct json *faces = json_get(external, "faces"), *crop = json_get(json_get(external, "features"), "crop");
	const struct json *map = json_get(external, "class_map"), *left_out = json_get(faces, "left_out");
	struct strbuf inputs = {0}, classes = {0}, others = {0};
	double pictures = 0;

	report_join(json_get(external, "inputs"), &inputs);
	for (size_t i = 0; i < json_count(map); i++)
		strbuf_format(&classes, "%s%s as %s", i ? ", " : "", json_key(map, i), report_text(map, json_key(map, i)));
	for (size_t i = 0; i < json_count(left_out); i++) {
		double count = report_number(left_out, json_key(left_out, i));
		strbuf_format(&others, "%s%s %s", i ? ", " : "", json_key(left_out, i), show_count(count));
		pictures += count;
	}
	if (inputs.text && classes.text)
		page_paragraph(
		    &report->page,
		    "The finished model on %s: %s pictures, each class of it taken as one of the model's: %s. They are "
		    "prepared as those that the model was made of; the face is what the cascade found in %s of them, a "
		    "known box in %s, a central square in %s.",
		    inputs.text, show_count(report_number(external, "pictures")), classes.text,
		    show_count(report_number(crop, "cascade")), show_count(report_number(crop, "box")),
		    show_count(report_number(crop, "centre")));
	if (others.text)
		page_paragraph(&report->page, "Left out, for no class of the model stands for theirs: %s pictures (%s).",
		               show_count(pictures), others.text);
	if (report_number(json_get(faces, "skipped"), "pictures") + report_number(crop, "dropped") > 0)
		page_paragraph(&report->page, "%s pictures could not be read, and in %s no face was found.",
		               show_count(report_number(json_get(faces, "skipped"), "pictures")),
		               show_count(report_number(crop, "dropped")));
	report->page.body.failed |= inputs.failed || classes.failed || others.failed;
	strbuf_free(&inputs);
	strbuf_free(&classes);
	strbuf_free(&others);
}

static void row(struct report *report, const char *name, const struct json *test, const struct json *external,
                const char *key)
{
	char limits[64];

	snprintf(limits, sizeof limits, "%s_95", key);
	const char *cells[] = {name, show_number(report_number(test, key)), report_limits(test, limits),
	                       show_number(report_number(external, key)), report_limits(external, limits)};
	page_table_row(&report->page, cells);
}

static void beside(struct report *report, const struct json *test, const struct json *external)
{
	static const char *const columns[] = {"figure", "#people held out", "#95 %", "#other data set", "#95 %"};
	static const char *const keys[][2] = {{"balanced_accuracy", "balanced accuracy"},
	                                      {"accuracy", "accuracy"},
	                                      {"chance_balanced_accuracy", "guessing: balanced accuracy"},
	                                      {"majority_accuracy", "always the most frequent class: accuracy"},
	                                      {"calibration_error", "calibration error"},
	                                      {"log_loss", "log loss"}};
	const struct json *classes = json_get(external, "classes");

	page_table_start(&report->page, "Inside and outside; a class that does not occur outside is not counted there",
	                 columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		row(report, keys[i][1], test, external, keys[i][0]);
	for (size_t c = 0; c < json_count(classes); c++) {
		const char *class = json_key(classes, c);
		char name[96];
		snprintf(name, sizeof name, "recall of %s", class);
		if (report_number(json_get(classes, class), "support") > 0)
			row(report, name, json_get(json_get(test, "classes"), class), json_get(classes, class), "recall");
	}
	page_table_end(&report->page);
}

void report_external(struct report *report, const struct json *emotion)
{
	const struct json *external = json_get(emotion, "external");

	if (!isfinite(report_number(external, "pictures")))
		return;
	page_heading(&report->page, "On another data set");
	tell(report, external);
	beside(report, json_get(emotion, "test"), external);
	report_verdicts(report, external);
}
