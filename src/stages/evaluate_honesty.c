/* What to distrust, in sentences, and the one line for people: both follow from the metrics alone. */
#include "stages/evaluate_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define FEW_PEOPLE 30

static void say(struct json *list, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct json *list, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_append_text(list, text);
}

static double figure(const struct json *object, const char *key)
{
	return json_number(json_get(object, key), NAN);
}

static const struct json *test_of(const struct json *metrics, const char *stage)
{
	return json_get(json_get(metrics, stage), "test");
}

static bool truth_of(const struct json *metrics, const char *stage, const char *key)
{
	const struct json *value = json_get(json_get(metrics, stage), key);

	return json_kind(value) == JSON_KIND_BOOL ? json_bool(value, false) : json_number(value, 0) != 0;
}

static void say_data(const struct json *metrics, struct json *list)
{
	const struct json *emotion = json_get(metrics, "emotion");
	const char *pretrained = json_text(json_get(emotion, "pretrained"), "full");
	bool tuned = strcmp(json_text(json_get(emotion, "trainable"), "head"), "head") != 0;
	double unknown = figure(json_get(metrics, "faces"), "of_unknown_person");

	if (truth_of(metrics, "faces", "synthetic"))
		say(list, "The faces are drawn by a program, not photographed: these figures say that the chain works, not how "
		          "well it reads people.");
	if (truth_of(metrics, "playlists", "synthetic"))
		say(list, "The playlists are made up from planted moods: the songs recommended mean nothing to a listener.");
	if (strcmp(pretrained, "none") == 0)
		say(list, "The network below the head is not pretrained: its filters %s random numbers.",
		    tuned ? "were trained here from" : "are");
	else if (strcmp(pretrained, "partial") == 0)
		say(list, "The network below the head is pretrained only in part: the other layers %s random numbers.",
		    tuned ? "were trained here, from" : "hold");
	if (unknown > 0)
		say(list, "For %.0f pictures it is unknown who they show: a person may stand on both sides of the split.",
		    unknown);
}

static void say_classes(const struct json *test, struct json *list)
{
	const struct json *classes = json_get(test, "classes");

	for (size_t i = 0; i < json_count(classes); i++) {
		const char *name = json_key(classes, i);
		const struct json *one = name ? json_get(classes, name) : NULL;
		double recall = figure(one, "recall"), truth = figure(one, "true_share"), said = figure(one, "predicted_share");

		if (figure(one, "support") > 0 && recall < 0.5)
			say(list, "'%s' is recognised in only %.0f %% of its pictures.", name, 100 * recall);
		if (truth > 0 && said > 1.5 * truth)
			say(list, "The verdicts lean towards '%s': %.0f %% of all verdicts against %.0f %% of the pictures.", name,
			    100 * said, 100 * truth);
	}
}

static void say_emotion(const struct json *metrics, struct json *list)
{
	const struct json *test = test_of(metrics, "emotion");
	double value = figure(test, "balanced_accuracy"), chance = figure(test, "chance_balanced_accuracy");
	double low = json_number(json_at(json_get(test, "balanced_accuracy_95"), 0), NAN), people = figure(test, "persons");

	if (!json_get(metrics, "emotion"))
		return;
	if (!isfinite(value)) {
		say(list, "Nobody was held out: how well expressions are recognised on new people is unknown.");
		return;
	}
	if (low <= chance)
		say(list,
		    "On new people the expression head cannot be told from guessing (balanced accuracy %.2f, chance %.2f).",
		    value, chance);
	else if (value < 0.6)
		say(list, "With each class counted alike, the expression head errs on more than 4 in 10 faces of new people.");
	if (people < FEW_PEOPLE)
		say(list, "Only %.0f people were held out, so the figures for expressions are rough.", people);
	say_classes(test, list);
}

/* What is left of the figure outside of the data that the model was made of. */
static void say_external(const struct json *metrics, struct json *list)
{
	const struct json *emotion = json_get(metrics, "emotion"), *external = json_get(emotion, "external");
	const struct json *test = json_get(emotion, "test"), *limits = json_get(external, "balanced_accuracy_95");
	double outside = figure(external, "balanced_accuracy"), inside = figure(test, "balanced_accuracy");
	const char *name = json_text(json_at(json_get(external, "inputs"), 0), "");

	if (!external)
		return;
	if (json_number(json_at(limits, 0), NAN) <= figure(external, "chance_balanced_accuracy"))
		say(list,
		    "On another data set (%s) the expression head cannot be told from guessing (balanced accuracy %.2f, chance "
		    "%.2f).",
		    name, outside, figure(external, "chance_balanced_accuracy"));
	else if (json_number(json_at(limits, 1), NAN) < inside)
		say(list,
		    "On another data set (%s) the balanced accuracy is %.2f, not %.2f as on people like those trained on.",
		    name, outside, inside);
	if (figure(external, "trained_on") > 0)
		say(list, "Of the other data set's %.0f pictures %.0f were trained on: its figures are too good.",
		    figure(external, "pictures"), figure(external, "trained_on"));
}

static void say_cascade(const struct json *metrics, struct json *list)
{
	const struct json *test = test_of(metrics, "cascade");
	double found = figure(test, "found"), wrong = figure(test, "false_a_picture");

	if (found < 0.85)
		say(list, "The cascade finds only %.0f %% of the faces it was shown; the others are cropped by other means.",
		    100 * found);
	if (wrong > 1)
		say(list, "The cascade sees %.1f faces in a picture that has none.", wrong);
}

static void say_music(const struct json *metrics, struct json *list)
{
	const struct json *songs = test_of(metrics, "als"), *tags = test_of(metrics, "tags"),
	                  *chain = json_get(metrics, "chain");
	const char *best = json_text(json_get(songs, "best"), ""), *shipped = json_text(json_get(songs, "shipped"), "");
	double fit = figure(chain, "fit"), als = figure(json_get(json_get(songs, "rankers"), "als"), "ndcg100");

	if (strcmp(best, shipped) != 0)
		say(list, "On held-out songs the ranking in the bundle, %s, is not the best: nDCG@100 %.3f, %s %.3f.", shipped,
		    figure(songs, "ndcg100"), best, figure(songs, "best_ndcg100"));
	if (als <= figure(songs, "popularity_ndcg100"))
		say(list, "On held-out songs ALS alone (nDCG@100 %.3f) does not beat popularity (%.3f); %s wins with %.3f.",
		    als, figure(songs, "popularity_ndcg100"), best, figure(songs, "best_ndcg100"));
	if (figure(songs, "playlists") < 100)
		say(list, "Only %.0f held-out playlists hide songs, so the figures for songs are rough.",
		    figure(songs, "playlists"));
	if (figure(tags, "mrr") <= figure(tags, "popularity_mrr"))
		say(list, "Hidden tags are guessed no better from the tag vectors than by naming the most frequent tags.");
	if (fit <= figure(chain, "fit_random_songs"))
		say(list, "The songs chosen for a face fit its expression no better than songs drawn at random.");
	else if (fit <= figure(chain, "fit_no_face"))
		say(list, "The songs chosen for a face fit its expression no better than songs chosen without looking at it.");
}

void evaluate_honesty(struct stage_run *run)
{
	struct json *list = json_set_array(run->metrics, "honesty");

	say_data(run->metrics, list);
	say_emotion(run->metrics, list);
	say_external(run->metrics, list);
	say_cascade(run->metrics, list);
	say_music(run->metrics, list);
}

int evaluate_headline(struct stage_run *run, struct err *err)
{
	const struct json *emotion = test_of(run->metrics, "emotion"), *cascade = test_of(run->metrics, "cascade");
	const struct json *external = json_get(json_get(run->metrics, "emotion"), "external");
	const struct json *songs = test_of(run->metrics, "als");
	struct strbuf text = {0};

	if (isfinite(figure(emotion, "balanced_accuracy")))
		strbuf_format(&text, "expression: balanced accuracy %.2f on %.0f people never seen (chance %.2f)",
		              figure(emotion, "balanced_accuracy"), figure(emotion, "persons"),
		              figure(emotion, "chance_balanced_accuracy"));
	if (isfinite(figure(external, "balanced_accuracy")))
		strbuf_format(&text, ", %.2f on another data set", figure(external, "balanced_accuracy"));
	if (isfinite(figure(cascade, "found")))
		strbuf_format(&text, "%scascade finds %.0f %% of faces", text.length ? " · " : "",
		              100 * figure(cascade, "found"));
	if (isfinite(figure(songs, "ndcg100")))
		strbuf_format(&text, "%ssongs: nDCG@100 %.3f against %.3f (popularity)", text.length ? " · " : "",
		              figure(songs, "ndcg100"), figure(songs, "popularity_ndcg100"));
	int code = strbuf_check(&text, err);
	snprintf(run->headline, sizeof(run->headline), "%s", text.length ? text.text : "nothing was held out to judge by");
	strbuf_free(&text);
	return code;
}
