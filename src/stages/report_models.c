#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- cascade ------------------------------------------------------------------------------------- */

static void stages_table(struct report *report, const struct json *rows)
{
	static const char *const columns[] = {"stage",        "#features",        "#hit rate",
	                                      "#false alarm", "#windows scanned", "#share passed before"};

	page_table_start(&report->page, "Stages of the cascade, on its training windows", columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *line = json_at(rows, i);
		const char *cells[] = {
		    show_count(report_number(line, "stage") + 1), show_count(report_number(line, "weak_classifiers")),
		    show_number(report_number(line, "hit")),    show_number(report_number(line, "false_alarm")),
		    show_count(report_number(line, "windows")), show_number(report_number(line, "acceptance")),
		};
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

static int roc_figure(struct report *report, const struct json *curve, struct err *err)
{
	double wrong[64], found[64];
	size_t count = 0;
	struct plot plot = {.title = "Share of faces found against false detections a picture",
	                    .x_label = "false detections a picture",
	                    .y_label = "share of faces found",
	                    .y_low = 0.9,
	                    .y_high = 1.005};

	for (size_t i = 0; i < json_count(curve) && count < ARRAY_COUNT(wrong); i++, count++) {
		wrong[count] = report_number(json_at(curve, i), "false_a_picture");
		found[count] = report_number(json_at(curve, i), "found");
		while (plot.y_low > 0 && found[count] < plot.y_low)
			plot.y_low = plot.y_low > 0.15 ? plot.y_low - 0.1 : 0;
	}
	if (!count)
		return OK;
	plot.series[0] = (struct plot_series){NULL, PLOT_LINE_POINTS, wrong, found, count};
	plot.n_series = 1;
	page_figures_start(&report->page);
	if (page_figure(&report->page, &plot,
	                "Faces found against false detections, as more neighbouring hits are asked for", err) != OK)
		return err->code;
	page_figures_end(&report->page);
	return OK;
}

/* features.png of the cascade: a mean of many crops shows nobody. */
static int features_figure(struct report *report, struct err *err)
{
	struct page_picture picture = {
	    .alt = "Six faces, the same mean face, each with a Haar feature of light and dark rectangles over it",
	    .caption =
	        "The first features that training chose, over the mean of its crops: the sum under the white part is taken "
	        "from that under the dark part",
	    .large = true};
	char *bytes = NULL, *path = stage_in_path(report->run, "cascade", "features.png", err);
	int code = path ? file_read(path, 16 << 20, &bytes, &picture.size, err) : err->code;

	picture.bytes = bytes;
	if (code == OK)
		code = page_picture(&report->page, &picture, err);
	free(bytes);
	free(path);
	return code;
}

int report_cascade(struct report *report, struct err *err)
{
	const struct json *cascade = report_stage(report, "cascade"), *test = json_get(cascade, "test");
	const struct json *stages = json_get(cascade, "by_stage");
	int code;

	if (!cascade)
		return OK;
	page_section(&report->page, "cascade", "Finding faces");
	if (isfinite(report_number(test, "found")))
		page_paragraph(&report->page,
		               "The cascade finds %s of %s held-out faces, with %s false detections in each of %s pictures "
		               "without a face.",
		               show_share(report_number(test, "found")), show_count(report_number(test, "faces")),
		               show_number(report_number(test, "false_a_picture")),
		               show_count(report_number(test, "backgrounds")));
	if (report_number(test, "crops") > 0)
		page_paragraph(&report->page, "Of %s held-out crops it passes %s.", show_count(report_number(test, "crops")),
		               show_share(report_number(test, "crops_passed")));
	code = roc_figure(report, json_get(test, "curve"), err);
	if (code == OK && json_count(stages))
		stages_table(report, stages);
	if (code == OK && stage_in_folder(report->run, "cascade"))
		code = features_figure(report, err);
	return code == OK ? report_montage(report, err) : code;
}

#define CURVES 7

/* ---- expression ------------------------------------------------------------------------------------ */

static int curves(struct report *report, const struct json *epochs, double *columns, struct err *err)
{
	static const char *const keys[CURVES] = {"epoch",
	                                         "train_loss",
	                                         "validation_loss",
	                                         "validation_calibrated_loss",
	                                         "train_accuracy",
	                                         "validation_accuracy",
	                                         "validation_balanced_accuracy"};
	size_t n = json_count(epochs);
	double *c[CURVES];
	struct plot loss = {.title = "Loss by epoch", .x_label = "epoch", .y_label = "cross-entropy"};
	struct plot accuracy = {
	    .title = "Accuracy by epoch", .x_label = "epoch", .y_label = "share right", .y_low = 0, .y_high = 1};

	for (size_t k = 0; k < CURVES; k++) {
		c[k] = columns + k * n;
		report_column(epochs, keys[k], c[k]);
	}
	loss.series[loss.n_series++] = (struct plot_series){"training", PLOT_LINE_POINTS, c[0], c[1], n};
	loss.series[loss.n_series++] = (struct plot_series){"validation", PLOT_LINE_POINTS, c[0], c[2], n};
	loss.series[loss.n_series++] = (struct plot_series){"calibrated", PLOT_LINE_POINTS, c[0], c[3], n};
	accuracy.series[accuracy.n_series++] = (struct plot_series){"training", PLOT_LINE_POINTS, c[0], c[4], n};
	accuracy.series[accuracy.n_series++] = (struct plot_series){"validation", PLOT_LINE_POINTS, c[0], c[5], n};
	accuracy.series[accuracy.n_series++] = (struct plot_series){"classes alike", PLOT_LINE_POINTS, c[0], c[6], n};
	page_figures_start(&report->page);
	if (page_figure(&report->page, &loss, "Loss; the epoch with the lowest calibrated validation loss was kept", err) !=
	        OK ||
	    page_figure(&report->page, &accuracy, "Accuracy; classes alike: each class counts the same", err) != OK)
		return err->code;
	page_figures_end(&report->page);
	return OK;
}

static int history(struct report *report, const struct json *epochs, struct err *err)
{
	double *columns;
	int code;

	if (!json_count(epochs))
		return OK;
	columns = mem_alloc(CURVES * json_count(epochs), sizeof(*columns), err);
	code = columns ? curves(report, epochs, columns, err) : err->code;
	free(columns);
	return code;
}

/* "0.750 (0.512 – 0.913)" */
static const char *with_limits(const struct json *one, const char *key, char text[64])
{
	char limits[24];

	snprintf(limits, sizeof limits, "%s_95", key);
	snprintf(text, 64, "%s (%s)", show_number(report_number(one, key)), report_limits(one, limits));
	return text;
}

static void classes_table(struct report *report, const struct json *test)
{
	static const char *const columns[] = {"class", "#pictures",   "#precision (95 %)",  "#recall (95 %)",
	                                      "#F1 (95 %)", "#ROC-AUC",    "#true share",        "#share of verdicts"};
	const struct json *classes = json_get(test, "classes");

	page_table_start(&report->page, "By class; intervals by bootstrap over people", columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < json_count(classes); i++) {
		const struct json *one = json_get(classes, json_key(classes, i));
		char precision[64], recall[64], f1[64];
		const char *cells[] = {
		    json_key(classes, i),
		    show_count(report_number(one, "support")),
		    with_limits(one, "precision", precision),
		    with_limits(one, "recall", recall),
		    with_limits(one, "f1", f1),
		    show_number(report_number(one, "auc")),
		    show_share(report_number(one, "true_share")),
		    show_share(report_number(one, "predicted_share")),
		};
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

static void confusion(struct report *report, const struct json *test)
{
	const struct json *rows = json_get(test, "confusion"), *classes = json_get(test, "classes");
	char *names[16];
	double counts[16 * 16];
	size_t n = json_count(rows);

	if (!n || n > ARRAY_COUNT(names) || json_count(classes) != n)
		return;
	for (size_t r = 0; r < n; r++) {
		names[r] = (char *)json_key(classes, r);
		for (size_t c = 0; c < n; c++)
			counts[r * n + c] = json_number(json_at(json_at(rows, r), c), 0);
	}
	page_confusion(&report->page, names, counts, n);
}

void report_verdicts(struct report *report, const struct json *test)
{
	page_columns_start(&report->page);
	classes_table(report, test);
	confusion(report, test);
	page_columns_end(&report->page);
}

static void whole_table(struct report *report, const struct json *test)
{
	static const char *const columns[] = {"figure", "#value", "#95 %"};
	const char *rows[][3] = {
	    {"balanced accuracy (classes counted alike)", show_number(report_number(test, "balanced_accuracy")),
	     report_limits(test, "balanced_accuracy_95")},
	    {"accuracy", show_number(report_number(test, "accuracy")), report_limits(test, "accuracy_95")},
	    {"always the most frequent class: accuracy", show_number(report_number(test, "majority_accuracy")), ""},
	    {"guessing: balanced accuracy", show_number(report_number(test, "chance_balanced_accuracy")), ""},
	    {"macro F1", show_number(report_number(test, "macro_f1")), ""},
	    {"log loss", show_number(report_number(test, "log_loss")), ""},
	    {"calibration error (0 = probabilities mean what they say)",
	     show_number(report_number(test, "calibration_error")), ""},
	};

	page_table_start(&report->page, "Intervals by bootstrap over people", columns, 3);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		page_table_row(&report->page, rows[i]);
	page_table_end(&report->page);
}

static void copies_paragraph(struct report *report, const struct json *test)
{
	const struct json *leaks = json_get(report_stage(report, "faces"), "leaks"),
	                  *without = json_get(test, "without_copies");

	if (!without)
		return;
	page_paragraph(&report->page,
	               "%s of the %s held-out pictures are copies of some that were trained on: the data set holds them "
	               "twice. Without them: "
	               "balanced accuracy %s, accuracy %s (95 %%: %s).",
	               show_count(report_number(leaks, "found")), show_count(report_number(leaks, "held_out")),
	               show_number(report_number(without, "balanced_accuracy")),
	               show_number(report_number(without, "accuracy")), report_limits(without, "accuracy_95"));
}

/* The one figure is what a camera's pictures meet, the other what aligned pictures would: both are told wherever they
 * are known. */
static void ways_paragraph(struct report *report, const struct json *test)
{
	const struct json *found = json_get(test, "found"), *square = json_get(test, "square"),
	                  *of_found = json_get(found, "of_found");
	const struct json *crop = json_get(report_stage(report, "features"), "crop");

	if (!found)
		return;
	page_paragraph(&report->page,
	               "The figures above are with the faces as training was given them, over all pictures: what the "
	               "cascade found in %s, a "
	               "known box in %s, the square in the middle in %s. As the detector alone finds the faces, which is "
	               "what a camera's "
	               "pictures meet: balanced accuracy %s, accuracy %s of %s pictures, the %s in which it finds no face "
	               "counted as wrong.",
	               show_count(report_number(crop, "cascade")), show_count(report_number(crop, "box")),
	               show_count(report_number(crop, "centre")), show_number(report_number(found, "balanced_accuracy")),
	               show_number(report_number(found, "accuracy")), show_count(report_number(found, "pictures")),
	               show_count(report_number(found, "no_face")));
	if (of_found && report_number(found, "no_face") > 0)
		page_paragraph(
		    &report->page,
		    "Of the pictures with a detection alone: balanced accuracy %s, accuracy %s, calibration error %s.",
		    show_number(report_number(of_found, "balanced_accuracy")), show_number(report_number(of_found, "accuracy")),
		    show_number(report_number(of_found, "calibration_error")));
	if (square)
		page_paragraph(&report->page,
		               "With the fixed square in the middle of every picture, as only aligned pictures allow it: "
		               "balanced accuracy %s, accuracy %s.",
		               show_number(report_number(square, "balanced_accuracy")),
		               show_number(report_number(square, "accuracy")));
}

int report_emotion(struct report *report, struct err *err)
{
	const struct json *emotion = report_stage(report, "emotion"), *test = json_get(emotion, "test");

	if (!emotion)
		return OK;
	page_section(&report->page, "expression", "Reading expressions");
	page_paragraph(&report->page, "%s of %s parameters over %s features of %s; epoch %s of %s was kept.",
	               report_number(emotion, "hidden") > 0 ? "Two dense layers" : "A dense layer",
	               show_count(report_number(emotion, "parameters")), show_count(report_number(emotion, "inputs")),
	               report_text(emotion, "cut"), show_count(report_number(emotion, "best_epoch")),
	               show_count(report_number(emotion, "epochs")));
	if (isfinite(report_number(test, "pictures"))) {
		page_paragraph(&report->page, "Held out: %s pictures of %s people.",
		               show_count(report_number(test, "pictures")), show_count(report_number(test, "persons")));
		whole_table(report, test);
		copies_paragraph(report, test);
		ways_paragraph(report, test);
		report_verdicts(report, test);
	}
	if (report_groups(report, emotion, err) != OK)
		return err->code;
	report_external(report, emotion);
	return history(report, json_get(emotion, "history"), err);
}
