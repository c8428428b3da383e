/*
 * Two pages of words beside the report, from the same figures: a model card (Mitchell et al. 2019; front matter as model
 * hubs read it) and a data statement (Bender & Friedman 2018). What is not known is said to be not known.
 */
#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct json *test_of(const struct report *report, const char *stage)
{
	return json_get(report_stage(report, stage), "test");
}

/* "0.777 (95 %: 0.730 – 0.820)"; "not measured" without a figure. */
static void add_figure(struct strbuf *out, const struct json *object, const char *key, const char *limits)
{
	double value = report_number(object, key);

	if (!isfinite(value))
		strbuf_add(out, "not measured");
	else if (limits && json_count(json_get(object, limits)) == 2)
		strbuf_format(out, "%.3f (95 %%: %s)", value, report_limits(object, limits));
	else
		strbuf_format(out, "%.3f", value);
}

/* A text between quotes of YAML. */
static void add_quoted(struct strbuf *out, const char *text)
{
	strbuf_add(out, "\"");
	for (const char *at = text; *at; at++)
		strbuf_format(out, *at == '"' || *at == '\\' ? "\\%c" : (unsigned char)*at < ' ' ? " " : "%c", *at);
	strbuf_add(out, "\"");
}

/* ---- front matter ----------------------------------------------------------------------------------------------- */

static void add_result(struct strbuf *out, const char *task, const char *data, const char *metric, double value)
{
	if (!isfinite(value))
		return;
	strbuf_format(out, "      - task: {type: %s}\n        dataset: {name: \"%s\", type: held-out}\n", task, data);
	strbuf_format(out, "        metrics: [{type: %s, value: %.4f}]\n", metric, value);
}

static void add_front_matter(const struct report *report, struct strbuf *out)
{
	strbuf_add(out, "---\nmodel_name: ");
	add_quoted(out, report->run->settings->pack.name);
	strbuf_add(out, "\nlibrary_name: moodcast\nlanguage: [ko, en]\nlicense: other\n"
	                "license_name: see-the-data\ntags: [facial-expression-recognition, music-recommendation, vgg16, haar-cascade, "
	                "word2vec, als]\n");
	strbuf_format(out, "synthetic_faces: %s\nsynthetic_playlists: %s\n",
	              report_truth(report_stage(report, "faces"), "synthetic") ? "true" : "false",
	              report_truth(report_stage(report, "playlists"), "synthetic") ? "true" : "false");
	strbuf_add(out, "model-index:\n  - name: ");
	add_quoted(out, report->run->settings->pack.name);
	strbuf_add(out, "\n    results:\n");
	add_result(out, "image-classification", "people not seen in training", "balanced_accuracy",
	           report_number(test_of(report, "emotion"), "balanced_accuracy"));
	add_result(out, "object-detection", "faces of people not seen in training", "recall",
	           report_number(test_of(report, "cascade"), "found"));
	add_result(out, "recommendation", "hidden songs of held-out playlists", "ndcg_at_100",
	           report_number(test_of(report, "als"), "ndcg100"));
	add_result(out, "recommendation", "hidden tags of held-out playlists", "mean_reciprocal_rank",
	           report_number(test_of(report, "tags"), "mrr"));
	strbuf_add(out, "---\n\n");
}

/* ---- the model card ----------------------------------------------------------------------------------------------- */

static void add_parts(const struct report *report, struct strbuf *out)
{
	const struct json *emotion = report_stage(report, "emotion"), *cascade = report_stage(report, "cascade");
	const struct json *als = report_stage(report, "als"), *tags = report_stage(report, "tags");

	strbuf_add(out, "## Parts\n\n");
	if (cascade)
		strbuf_format(out, "- **Face detector**: Haar cascade, %s stages, %s weak classifiers.\n",
		              show_count(report_number(cascade, "stages")), show_count(report_number(cascade, "weak_classifiers")));
	if (emotion)
		strbuf_format(out,
		              "- **Expression**: VGG16 up to %s (pretrained: %s; trained here: %s), dense layer with softmax over %zu "
		              "classes, confidences divided by a temperature of %.2f fitted on validation people.\n",
		              report_text(emotion, "cut"), report_text(emotion, "pretrained"),
		              report_text(emotion, "trainable")[0] ? report_text(emotion, "trainable") : "head",
		              json_count(json_get(emotion, "classes")), report_number(emotion, "temperature"));
	if (tags)
		strbuf_format(out, "- **Tags**: Word2Vec, %s tags in %s dimensions.\n", show_count(report_number(tags, "tags")),
		              show_count(report_number(tags, "dimensions")));
	if (als)
		strbuf_format(out, "- **Songs**: implicit ALS, %s songs, %s factors; shipped ranking: %s.\n",
		              show_count(report_number(als, "songs")), show_count(report_number(als, "factors")),
		              report_text(test_of(report, "als"), "shipped"));
	strbuf_add(out, "\n");
}

static void add_classes(const struct json *test, struct strbuf *out)
{
	const struct json *classes = json_get(test, "classes");

	if (!json_count(classes))
		return;
	strbuf_add(out, "| class | pictures | recall | precision | F1 | true share | share of verdicts |\n|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < json_count(classes); i++) {
		const struct json *one = json_get(classes, json_key(classes, i));

		strbuf_format(out, "| %s | %s | %.3f | %.3f | %.3f | %.1f %% | %.1f %% |\n", json_key(classes, i),
		              show_count(report_number(one, "support")), report_number(one, "recall"), report_number(one, "precision"),
		              report_number(one, "f1"), 100 * report_number(one, "true_share"), 100 * report_number(one, "predicted_share"));
	}
	strbuf_add(out, "\n");
}

static void add_row(struct strbuf *out, const char *name, const struct json *object, const char *key, const char *limits)
{
	strbuf_format(out, "| %s | ", name);
	add_figure(out, object, key, limits);
	strbuf_add(out, " |\n");
}

static void add_figures(const struct report *report, struct strbuf *out)
{
	const struct json *emotion = test_of(report, "emotion"), *als = test_of(report, "als");
	const struct json *chain = report_stage(report, "chain");

	strbuf_add(out, "## Figures\n\nAll from people and playlists that training did not see; the split is by person.\n\n"
	                "| | value |\n|---|---|\n");
	add_row(out, "expression, balanced accuracy", emotion, "balanced_accuracy", "balanced_accuracy_95");
	add_row(out, "guessing", emotion, "chance_balanced_accuracy", NULL);
	add_row(out, "expected calibration error", emotion, "calibration_error", NULL);
	add_row(out, "faces found by the detector", test_of(report, "cascade"), "found", NULL);
	add_row(out, "false detections a picture without a face", test_of(report, "cascade"), "false_a_picture", NULL);
	add_row(out, "songs, nDCG@100", als, "ndcg100", NULL);
	add_row(out, "songs, nDCG@100 by popularity alone", als, "popularity_ndcg100", NULL);
	add_row(out, "hidden tag, mean reciprocal rank", test_of(report, "tags"), "mrr", "mrr_95");
	add_row(out, "face to songs: fit of tags", chain, "fit", NULL);
	add_row(out, "the same for random songs", chain, "fit_random_songs", NULL);
	add_row(out, "the same for perfect labels", chain, "fit_perfect_label", NULL);
	strbuf_add(out, "\n");
	add_classes(emotion, out);
}

static void add_limits(const struct report *report, struct strbuf *out)
{
	const struct json *honesty = json_get(report->metrics, "honesty");

	strbuf_add(out, "## What to distrust\n\n");
	for (size_t i = 0; i < json_count(honesty); i++)
		strbuf_format(out, "- %s\n", json_text(json_at(honesty, i), ""));
	strbuf_add(out, "- An expression is not an emotion: the scores say how a face looks to this network, not how a person feels.\n"
	                "- How well it works for age, gender or skin colour is not known: the data does not tell them.\n\n");
}

static void model_card(const struct report *report, struct strbuf *out)
{
	add_front_matter(report, out);
	strbuf_format(out, "# %s\n\nA face in front of a webcam, its expression, and songs of playlists that carry the tags of that "
	                   "expression.\n\n",
	              report->run->settings->pack.name);
	strbuf_add(out, "## Meant for\n\nA person at their own computer who agreed to the camera and wants music. Frames stay on that "
	                "computer.\n\n## Not meant for\n\nJudging people at work, at school, at borders or in shops; hiring, grading, "
	                "policing, diagnosis; any decision about somebody.\n\n");
	add_parts(report, out);
	add_figures(report, out);
	add_limits(report, out);
	strbuf_add(out, "## More\n\nWhat it was trained on: data_statement.md. Plots, groups, cost and every setting: index.html.\n");
}

/* ---- the data statement ------------------------------------------------------------------------------------------------ */

static void add_split(const struct json *faces, struct strbuf *out)
{
	static const char *const parts[] = {"train", "validation", "test"};
	const struct json *classes = json_get(faces, "classes"), *split = json_get(faces, "split");

	strbuf_add(out, "| part | people | pictures |");
	for (size_t c = 0; c < json_count(classes); c++)
		strbuf_format(out, " %s |", json_text(json_at(classes, c), ""));
	strbuf_add(out, "\n|---|---|---|");
	for (size_t c = 0; c < json_count(classes); c++)
		strbuf_add(out, "---|");
	for (size_t p = 0; p < ARRAY_COUNT(parts); p++) {
		const struct json *part = json_get(split, parts[p]), *counts = json_get(part, "classes");

		strbuf_format(out, "\n| %s | %s | %s |", parts[p], show_count(report_number(part, "people")),
		              show_count(report_number(part, "faces")));
		for (size_t c = 0; c < json_count(classes); c++)
			strbuf_format(out, " %s |", show_count(report_number(counts, json_text(json_at(classes, c), ""))));
	}
	strbuf_add(out, "\n\n");
}

static void add_faces(const struct json *faces, struct strbuf *out)
{
	const struct json *skipped = json_get(faces, "skipped"), *reasons = json_get(skipped, "reasons");

	if (!faces)
		return;
	strbuf_format(out, "## Faces\n\n%s %s of %s people, layout `%s`. %s pictures were left out by the settings, %s could not be used.\n\n",
	              show_count(report_number(faces, "faces")), report_truth(faces, "synthetic") ? "drawings" : "photographs",
	              show_count(report_number(faces, "people")), report_text(faces, "layout"),
	              show_count(report_number(faces, "not_selected")), show_count(report_number(skipped, "pictures")));
	for (size_t i = 0; i < json_count(reasons); i++)
		strbuf_format(out, "- %s: %s\n", json_key(reasons, i), show_count(report_number(reasons, json_key(reasons, i))));
	strbuf_add(out, json_count(reasons) ? "\n" : "");
	add_split(faces, out);
	if (report_truth(faces, "synthetic"))
		strbuf_add(out, "The faces are drawn by a program: nobody is shown, and nothing is learnt about people.\n\n");
	else
		strbuf_add(out, "Who the people are, their age, gender and origin, and how they agreed to the photographs, stands in the terms of "
		                "the data set, not in its files. Expressions were acted or labelled by others; how often the labels are wrong is "
		                "not known. The pictures are personal data: they stay where they lie, and no report shows them unless "
		                "report.faces = yes.\n\n");
}

static void add_playlists(const struct json *lists, struct strbuf *out)
{
	const struct json *reasons = json_get(lists, "skipped_by_reason"), *read = json_get(lists, "read");

	if (!lists)
		return;
	strbuf_format(out, "## Playlists\n\n%s %splaylists with %s songs and %s tags (read: %s playlists, %s song names); %s playlists that came "
	                   "twice were joined. %s playlists are held out, with a part of their songs or tags hidden.\n\n",
	              show_count(report_number(lists, "playlists")), report_truth(lists, "synthetic") ? "made-up " : "",
	              show_count(report_number(lists, "songs")), show_count(report_number(lists, "tags")),
	              show_count(report_number(read, "playlists")), show_count(report_number(read, "song_meta")),
	              show_count(report_number(lists, "merged")), show_count(report_number(lists, "held_out")));
	for (size_t i = 0; i < json_count(reasons); i++)
		strbuf_format(out, "- left out: %s: %s\n", json_key(reasons, i), show_count(report_number(reasons, json_key(reasons, i))));
	strbuf_add(out, json_count(reasons) ? "\n" : "");
	if (report_truth(lists, "synthetic"))
		strbuf_add(out, "Playlists, tags and songs are made by a program from planted moods.\n\n");
	else
		strbuf_add(out, "Tags and titles were written by listeners, mostly in Korean; whose taste they show is not known. A song's place here "
		                "says nothing about the right to play it.\n\n");
}

static void data_statement(const struct report *report, struct strbuf *out)
{
	strbuf_format(out, "# Data behind %s\n\n", report->run->settings->pack.name);
	add_faces(report_stage(report, "faces"), out);
	add_playlists(report_stage(report, "playlists"), out);
	strbuf_add(out, "## Licences\n\nThe data sets have terms of their own, which hold for what is trained on them as well. This statement is "
	                "written by the program from its counts; it cannot know those terms.\n");
}

static int write_text(const struct report *report, const char *name, struct strbuf *text, struct err *err)
{
	char *path = stage_out_path(report->run, name, err);
	int code = path ? strbuf_check(text, err) : err->code;

	if (code == OK)
		code = file_write(path, text->text, text->length, err);
	free(path);
	return code;
}

int report_cards(const struct report *report, struct err *err)
{
	struct strbuf card = {0}, statement = {0};

	model_card(report, &card);
	data_statement(report, &statement);
	int code = write_text(report, "model_card.md", &card, err);
	if (code == OK)
		code = write_text(report, "data_statement.md", &statement, err);
	strbuf_free(&card);
	strbuf_free(&statement);
	return code;
}
