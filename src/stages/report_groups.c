/* Reading expressions, on a closer look: folds, reliability, groups, the surest errors. */
#include "stages/stage_report_internal.h"

#include <math.h>
#include <string.h>

#define MAX_BINS 32

static void folds(struct report *report, const struct json *emotion)
{
	const struct json *all = json_get(emotion, "folds"), *balanced = json_get(all, "balanced_accuracy");
	const struct json *accuracy = json_get(all, "accuracy");

	if (isfinite(report_number(balanced, "mean")))
		page_paragraph(&report->page,
		               "Cross-validation by person (%s folds of training and validation people): balanced accuracy %s "
		               "± %s, accuracy %s ± %s.",
		               show_count((double)json_count(json_get(balanced, "each"))),
		               show_number(report_number(balanced, "mean")), show_number(report_number(balanced, "spread")),
		               show_number(report_number(accuracy, "mean")), show_number(report_number(accuracy, "spread")));
}

static int reliability(struct report *report, const struct json *test, struct err *err)
{
	const struct json *bins = json_get(test, "reliability");
	double confidence[MAX_BINS], right[MAX_BINS], ends[] = {0, 1};
	size_t n = json_count(bins) < MAX_BINS ? json_count(bins) : MAX_BINS;
	struct plot plot = {.title = "Share right by probability", .x_label = "probability of the verdict",
	                    .y_label = "share right", .y_low = 0, .y_high = 1, .n_series = 2};

	if (!n)
		return OK;
	for (size_t i = 0; i < n; i++) {
		bool some = report_number(json_at(bins, i), "pictures") > 0;
		confidence[i] = some ? report_number(json_at(bins, i), "confidence") : NAN;
		right[i] = some ? report_number(json_at(bins, i), "right") : NAN;
	}
	plot.series[0] = (struct plot_series){"as it should be", PLOT_LINE, ends, ends, 2};
	plot.series[1] = (struct plot_series){"held out", PLOT_LINE_POINTS, confidence, right, n};
	page_figures_start(&report->page);
	if (page_figure(&report->page, &plot, "Reliability: of the verdicts given with a probability, so many were right",
	                err) != OK)
		return err->code;
	page_figures_end(&report->page);
	return OK;
}

/* "neutral +1.2 %": the class whose share of the verdicts is furthest from the true one. */
static void most_biased(const struct json *group, char *text, size_t size)
{
	const struct json *classes = json_get(group, "classes");
	double most = -1;

	snprintf(text, size, "–");
	for (size_t c = 0; c < json_count(classes); c++) {
		const struct json *one = json_get(classes, json_key(classes, c));
		double off = report_number(one, "predicted_share") - report_number(one, "true_share");
		if (fabs(off) > most) {
			most = fabs(off);
			snprintf(text, size, "%s %+.1f %%", json_key(classes, c), 100 * off);
		}
	}
}

/* Groups with at least `least` and fewer than `most` pictures; returns how many. Only counts without a caption. */
static size_t groups_table(struct report *report, const struct json *by, const char *caption, double least, double most)
{
	static const char *const columns[] = {"group", "#pictures", "#balanced accuracy", "#accuracy",
	                                      "furthest from its share"};
	size_t rows = 0;

	if (caption)
		page_table_start(&report->page, caption, columns, ARRAY_COUNT(columns));
	for (size_t k = 0; k < json_count(by); k++) {
		const struct json *kind = json_get(by, json_key(by, k));
		for (size_t g = 0; g < json_count(kind); g++) {
			const struct json *group = json_get(kind, json_key(kind, g));
			if (report_number(group, "pictures") < least || report_number(group, "pictures") >= most)
				continue;
			rows++;
			if (!caption)
				continue;
			char name[96], bias[96];
			const char *cells[] = {name, show_count(report_number(group, "pictures")),
			                       show_number(report_number(group, "balanced_accuracy")),
			                       show_number(report_number(group, "accuracy")), bias};

			snprintf(name, sizeof(name), "%s %s",
			         strcmp(json_key(by, k), "face_pixels") == 0 ? "face of" : json_key(by, k), json_key(kind, g));
			most_biased(group, bias, sizeof(bias));
			page_table_row(&report->page, cells);
		}
	}
	if (caption)
		page_table_end(&report->page);
	return rows;
}

/* A share of a few pictures says next to nothing: those groups are folded away. */
static void groups(struct report *report, const struct json *test)
{
	const struct json *by = json_get(test, "by");
	enum { FEW = 10 };

	if (groups_table(report, by, NULL, FEW, INFINITY))
		groups_table(report, by, "By camera, light, accessory and size of the face, in pixels", FEW, INFINITY);
	if (groups_table(report, by, NULL, 0, FEW)) {
		page_html(&report->page, "<details><summary>Groups of fewer than ten pictures</summary>\n");
		groups_table(report, by, "What so few say is rough", 0, FEW);
		page_html(&report->page, "</details>\n");
	}
}

static void worst(struct report *report, const struct json *test)
{
	static const char *const columns[] = {"picture", "person", "truth", "verdict", "#probability"};
	const struct json *errors = json_get(test, "worst_errors");

	if (!json_count(errors))
		return;
	page_table_start(&report->page, "Wrong, and sure of it", columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < json_count(errors); i++) {
		const struct json *one = json_at(errors, i);
		const char *cells[] = {report_text(one, "picture"), report_text(one, "person"),
		                       report_text(one, "truth"), report_text(one, "verdict"),
		                       show_number(report_number(one, "probability"))};
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

int report_groups(struct report *report, const struct json *emotion, struct err *err)
{
	const struct json *test = json_get(emotion, "test");
	int code;

	folds(report, emotion);
	code = reliability(report, test, err);
	groups(report, test);
	page_html(&report->page,
	          json_count(json_get(test, "worst_errors")) ? "<details><summary>The surest errors</summary>\n" : "");
	worst(report, test);
	page_html(&report->page, json_count(json_get(test, "worst_errors")) ? "</details>\n" : "");
	return code == OK ? report_worst_pictures(report, test, err) : code;
}
