/*
 * model_card.md, Markdown under YAML front matter (Mitchell et al., Model Cards for Model Reporting, 2019; the fields
 * are those of the model-index that model hubs read), and data_statement.md (Bender & Friedman, Data Statements, 2018).
 * Both are made of the metrics alone: what is not known is said to be unknown.
 */
#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A YAML scalar in double quotes, which are JSON's rules. */
static void quoted(struct strbuf *out, const char *text)
{
	strbuf_add(out, "\"");
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\')
			strbuf_format(out, "\\%c", byte);
		else if (byte < ' ')
			strbuf_format(out, "\\x%02x", byte);
		else
			strbuf_add_bytes(out, text, 1);
	}
	strbuf_add(out, "\"");
}

/* One line of Markdown: what could begin a structure is escaped. */
static void plain(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_[]<>|#", *text))
			strbuf_add(out, "\\");
		strbuf_add_bytes(out, *text == '\n' ? " " : text, 1);
	}
}

struct merit {
	const char *stage, *part, *key; /* metrics.json STAGE.PART.KEY */
	const char *type, *name;        /* the type is what hubs call it */
};
static const struct merit merits[] = {
    {"emotion", "test", "balanced_accuracy", "balanced_accuracy", "balanced accuracy, people never seen"},
    {"emotion", "test", "accuracy", "accuracy", "accuracy, people never seen"},
    {"emotion", "test", "macro_f1", "f1", "macro F1, people never seen"},
    {"emotion", "test", "calibration_error", "expected_calibration_error", "calibration error"},
    {"cascade", "test", "found", "recall", "held-out faces found"},
    {"cascade", "test", "false_a_picture", "false_positives_per_image", "false detections a picture without a face"},
    {"tags", "test", "mrr", "mrr", "hidden tags of held-out playlists, mean reciprocal rank"},
    {"als", "test", "ndcg100", "ndcg@100", "hidden songs of held-out playlists, nDCG@100"},
    {"als", "test", "arena", "arena_score", "Arena score, 0.85 songs + 0.15 tags"},
    {"emotion", "external", "balanced_accuracy", "balanced_accuracy", "balanced accuracy, another data set"},
    {"emotion", "external", "accuracy", "accuracy", "accuracy, another data set"},
    {"emotion", "external", "macro_f1", "f1", "macro F1, another data set"},
    {"emotion", "external", "calibration_error", "expected_calibration_error", "calibration error, another data set"},
};

static const struct json *test_of(const struct report *report, const struct merit *merit)
{
	return json_get(report_stage(report, merit->stage), merit->part);
}

/* One entry of the model index: the figures on one data set. */
static void add_result(const struct report *report, const char *part, const char *data, struct strbuf *out)
{
	size_t rows = 0;

	strbuf_add(out, "      - task: {type: image-classification, name: \"expression of a face to songs\"}\n"
	                "        dataset: {type: private, name: ");
	quoted(out, data);
	strbuf_add(out, "}\n        metrics:\n");
	for (size_t i = 0; i < ARRAY_COUNT(merits); i++) {
		double value = report_number(test_of(report, &merits[i]), merits[i].key);
		if (strcmp(merits[i].part, part) != 0 || !isfinite(value))
			continue;
		strbuf_format(out, "          - {type: \"%s\", name: \"%s\", value: %.6g}\n", merits[i].type, merits[i].name,
		              value);
		rows++;
	}
	if (!rows)
		strbuf_add(out, "          []\n");
}

static void front_matter(const struct report *report, struct strbuf *out)
{
	const struct json *faces = report_stage(report, "faces"), *classes = json_get(faces, "classes");
	const struct json *external = json_get(report_stage(report, "emotion"), "external");
	bool drawn = report_truth(faces, "synthetic") || report_truth(report_stage(report, "playlists"), "synthetic");

	strbuf_add(out, "---\nmodel_name: ");
	quoted(out, report->run->settings->report.title);
	strbuf_add(out, "\nlibrary_name: moodcast\nlicense: unknown\nlanguage: [ko]\ntags: [facial-expression-recognition, "
	                "face-detection, music-recommendation]\n");
	strbuf_format(out, "synthetic_data: %s\nclasses: [", drawn ? "true" : "false");
	for (size_t i = 0; i < json_count(classes); i++) {
		strbuf_add(out, i ? ", " : "");
		quoted(out, json_text(json_at(classes, i), ""));
	}
	strbuf_add(out, "]\nmodel-index:\n  - name: ");
	quoted(out, report->run->settings->report.title);
	strbuf_add(out, "\n    results:\n");
	add_result(report, "test", "held-out people and playlists of this experiment", out);
	if (external) {
		struct strbuf inputs = {0};
		report_join(json_get(external, "inputs"), &inputs);
		add_result(report, "external", inputs.text ? inputs.text : "", out);
		out->failed |= inputs.failed;
		strbuf_free(&inputs);
	}
	strbuf_add(out, "---\n\n");
}

static void figures(const struct report *report, struct strbuf *out)
{
	strbuf_add(out, "| figure | value | 95 % |\n|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_COUNT(merits); i++) {
		const struct json *test = test_of(report, &merits[i]);
		double value = report_number(test, merits[i].key);
		char limits[64];
		snprintf(limits, sizeof limits, "%s_95", merits[i].key);
		if (isfinite(value))
			strbuf_format(out, "| %s | %s | %s |\n", merits[i].name, show_number(value), report_limits(test, limits));
	}
	const struct json *chain = report_stage(report, "chain");
	if (isfinite(report_number(chain, "fit")))
		strbuf_format(
		    out,
		    "\nFrom a held-out face to songs: %s of the songs' playlists carry the tags of the true expression; random "
		    "songs %s, a perfect label %s.\n",
		    show_share(report_number(chain, "fit")), show_share(report_number(chain, "fit_random_songs")),
		    show_share(report_number(chain, "fit_perfect_label")));
}

static void classes_of(const struct report *report, struct strbuf *out)
{
	const struct json *classes = json_get(json_get(report_stage(report, "emotion"), "test"), "classes");

	if (!json_count(classes))
		return;
	strbuf_add(out, "\n| class | pictures | recall | precision | F1 | true share | share of verdicts "
	                "|\n|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < json_count(classes); i++) {
		const struct json *one = json_get(classes, json_key(classes, i));
		strbuf_add(out, "| ");
		plain(out, json_key(classes, i));
		strbuf_format(out, " | %s | %s | %s | %s | %s | %s |\n", show_count(report_number(one, "support")),
		              show_number(report_number(one, "recall")), show_number(report_number(one, "precision")),
		              show_number(report_number(one, "f1")), show_share(report_number(one, "true_share")),
		              show_share(report_number(one, "predicted_share")));
	}
}

static void distrust(const struct report *report, struct strbuf *out)
{
	const struct json *honesty = json_get(report->metrics, "honesty");

	for (size_t i = 0; i < json_count(honesty); i++) {
		strbuf_add(out, "- ");
		plain(out, json_text(json_at(honesty, i), ""));
		strbuf_add(out, "\n");
	}
	strbuf_add(
	    out,
	    "- An expression is not an emotion: the scores say how a face looks to this model, not how a person feels.\n");
}

static void model_card(const struct report *report, struct strbuf *out)
{
	const struct json *emotion = report_stage(report, "emotion"), *cascade = report_stage(report, "cascade");
	const struct json *als = report_stage(report, "als"), *tags = report_stage(report, "tags");

	front_matter(report, out);
	strbuf_add(out, "# ");
	plain(out, report->run->settings->report.title);
	strbuf_add(out, "\n\n## What it is\n\n");
	if (cascade)
		strbuf_format(out, "- A cascade of %s stages that finds faces.\n",
		              show_count(report_number(cascade, "stages")));
	if (emotion)
		strbuf_format(out,
		              "- VGG16 up to %s (pretrained: %s; trained here: %s) under a dense layer that scores "
		              "expressions; its confidences "
		              "are divided by a temperature of %.2f, fitted on validation people.\n",
		              report_text(emotion, "cut"), report_text(emotion, "pretrained"),
		              report_text(emotion, "trainable"), report_number(emotion, "temperature"));
	if (tags)
		strbuf_format(out, "- Vectors of %s tags and a factorisation with %s factors that choose songs.\n",
		              show_count(report_number(tags, "tags")), show_count(report_number(als, "factors")));
	strbuf_add(
	    out,
	    "\n## Meant for\n\nTrying music that fits an expression, on one's own machine, with the person's consent.\n\n"
	    "## Not meant for\n\nWork, school, health, or any decision about a person; people who did not agree; "
	    "children.\n\n"
	    "## How good\n\nEvery figure comes from people and playlists that training did not see.\n\n");
	figures(report, out);
	classes_of(report, out);
	strbuf_add(out, "\n## What to distrust\n\n");
	distrust(report, out);
	strbuf_add(out, "\n## Licence\n\nUnknown: it follows from the licences of the faces, playlists and pretrained "
	                "weights that were "
	                "given, which this program does not know. See data_statement.md for what was given.\n");
}

static void people_and_pictures(const struct report *report, struct strbuf *out)
{
	const struct json *faces = report_stage(report, "faces"), *splits = json_get(faces, "split");
	const struct json *skipped = json_get(faces, "skipped"), *reasons = json_get(skipped, "reasons");

	if (!faces)
		return;
	strbuf_format(out,
	              "## Faces\n\n%s %spictures of %s people, layout %s; nobody is in two parts.\n\n| part | people | "
	              "pictures | of each class |\n|---|---|---|---|\n",
	              show_count(report_number(faces, "faces")), report_truth(faces, "synthetic") ? "drawn " : "",
	              show_count(report_number(faces, "people")), report_text(faces, "layout"));
	for (size_t i = 0; i < json_count(splits); i++) {
		const struct json *split = json_get(splits, json_key(splits, i));
		const struct json *counts = json_get(split, "classes");
		strbuf_format(out, "| %s | %s | %s |", json_key(splits, i), show_count(report_number(split, "people")),
		              show_count(report_number(split, "faces")));
		for (size_t c = 0; c < json_count(counts); c++) {
			strbuf_add(out, c ? ", " : " ");
			plain(out, json_key(counts, c));
			strbuf_format(out, " %s", show_count(report_number(counts, json_key(counts, c))));
		}
		strbuf_add(out, " |\n");
	}
	strbuf_format(out, "\nNot chosen by the settings: %s pictures. Skipped: %s pictures.\n\n",
	              show_count(report_number(faces, "not_selected")), show_count(report_number(skipped, "pictures")));
	for (size_t i = 0; i < json_count(reasons); i++) {
		strbuf_add(out, "- ");
		plain(out, json_key(reasons, i));
		strbuf_format(out, ": %s\n%s", show_count(report_number(reasons, json_key(reasons, i))),
		              i + 1 == json_count(reasons) ? "\n" : "");
	}
	strbuf_add(
	    out,
	    report_truth(faces, "synthetic")
	        ? "No real person is in them: a program drew them, and age, gender and origin have no meaning here.\n\n"
	        : "Age, gender and origin of the people are not recorded in the input, so nothing is known of how the "
	          "model treats them differently. The expressions are those that people were asked to show or that "
	          "annotators named, as the data set says.\n\n");
}

static void data_statement(const struct report *report, struct strbuf *out)
{
	const struct json *lists = report_stage(report, "playlists");

	strbuf_add(out, "# Data of ");
	plain(out, report->run->settings->report.title);
	strbuf_add(out, "\n\n");
	people_and_pictures(report, out);
	if (lists) {
		strbuf_format(out,
		              "## Playlists\n\n%s %splaylists with %s songs and %s tags; %s are held out, with part of their "
		              "songs and tags "
		              "hidden.\n\n",
		              show_count(report_number(lists, "playlists")), report_truth(lists, "synthetic") ? "made-up " : "",
		              show_count(report_number(lists, "songs")), show_count(report_number(lists, "tags")),
		              show_count(report_number(lists, "held_out")));
		strbuf_add(out, "Who made them, when, and for whom is not recorded in the input. Songs that many playlists "
		                "hold are known best.\n\n");
	}
	strbuf_add(out, "## Not known\n\nConsent, licence and way of collection are not part of the input; whoever passes "
	                "these models on has "
	                "to know them. The files and their sha256 stand under Records in report.html.\n");
}

static int save(const struct report *report, void make(const struct report *, struct strbuf *), const char *name,
                struct err *err)
{
	struct strbuf text = {0};
	char *path = stage_out_path(report->run, name, err);

	make(report, &text);
	int code = path ? strbuf_check(&text, err) : err->code;
	if (code == OK)
		code = file_write(path, text.text, text.length, err);
	strbuf_free(&text);
	free(path);
	return code;
}

int report_cards(const struct report *report, struct err *err)
{
	int code = save(report, model_card, "model_card.md", err);

	return code == OK ? save(report, data_statement, "data_statement.md", err) : code;
}
