#include "stages/stage_report_internal.h"

#include <math.h>
#include <string.h>

static void tile_emotion(struct report *report)
{
	const struct json *test = json_get(report_stage(report, "emotion"), "test");
	char note[128];

	if (!isfinite(report_number(test, "balanced_accuracy")))
		return;
	snprintf(note, sizeof(note), "95 %%: %s; chance %s; %s people", report_limits(test, "balanced_accuracy_95"),
	         show_number(report_number(test, "chance_balanced_accuracy")), show_count(report_number(test, "persons")));
	page_tile(&report->page, show_number(report_number(test, "balanced_accuracy")),
	          "balanced accuracy of the expression, people never seen", note);
}

static void tile_cascade(struct report *report)
{
	const struct json *test = json_get(report_stage(report, "cascade"), "test");
	char note[128];

	if (!isfinite(report_number(test, "found")))
		return;
	snprintf(note, sizeof(note), "%s false detections a picture without a face",
	         show_number(report_number(test, "false_a_picture")));
	page_tile(&report->page, show_share(report_number(test, "found")), "of held-out faces found by the cascade", note);
}

static void tile_tags(struct report *report)
{
	const struct json *test = json_get(report_stage(report, "tags"), "test");
	char note[128];

	if (!isfinite(report_number(test, "hit10")))
		return;
	snprintf(note, sizeof(note), "naming the most frequent tags: %s",
	         show_share(report_number(test, "popularity_hit10")));
	page_tile(&report->page, show_share(report_number(test, "hit10")),
	          "of held-out playlists have a hidden tag among ten guesses", note);
}

/* Of the rankers that do not ship, the one with the highest nDCG@100; NULL when there is none. */
static const char *best_comparator(const struct json *test)
{
	const struct json *rankers = json_get(test, "rankers");
	const char *best = NULL;

	for (size_t i = 0; i < json_count(rankers); i++) {
		const char *name = json_key(rankers, i);
		if (strcmp(name, report_text(test, "shipped")) != 0 &&
		    (!best ||
		     report_number(json_get(rankers, name), "ndcg100") > report_number(json_get(rankers, best), "ndcg100")))
			best = name;
	}
	return best;
}

static void tile_songs(struct report *report)
{
	const struct json *test = json_get(report_stage(report, "als"), "test");
	const char *best = best_comparator(test);
	char note[160];

	if (!isfinite(report_number(test, "ndcg100")) || !best)
		return;
	snprintf(note, sizeof(note), "the most popular songs %s; best comparator, %s: %s",
	         show_number(report_number(test, "popularity_ndcg100")), best,
	         show_number(report_number(json_get(json_get(test, "rankers"), best), "ndcg100")));
	page_tile(&report->page, show_number(report_number(test, "ndcg100")),
	          "nDCG@100: how high hidden songs are ranked; 1 = perfectly", note);
}

static void tile_chain(struct report *report)
{
	const struct json *chain = report_stage(report, "chain");
	char note[160];

	if (!isfinite(report_number(chain, "fit")))
		return;
	snprintf(note, sizeof(note), "songs drawn at random %s, a perfect label %s",
	         show_share(report_number(chain, "fit_random_songs")),
	         show_share(report_number(chain, "fit_perfect_label")));
	page_tile(&report->page, show_share(report_number(chain, "fit")),
	          "of the playlists of songs chosen for a face carry its expression's tags", note);
}

/* What was trained, on what. */
static void tell(struct report *report)
{
	const struct json *faces = report_stage(report, "faces"), *lists = report_stage(report, "playlists");
	const struct json *features = report_stage(report, "features");
	const char *pretrained = report_text(report_stage(report, "emotion"), "pretrained");
	struct strbuf text = {0};

	if (faces)
		strbuf_format(&text, "An expression model for %zu classes from %s %spictures of %s people",
		              json_count(json_get(faces, "classes")), show_count(report_number(faces, "faces")),
		              report_truth(faces, "synthetic") ? "drawn " : "", show_count(report_number(faces, "people")));
	if (features)
		strbuf_format(&text, ", with VGG16 up to %s, %s, as its eye",
		              report_text(report_stage(report, "emotion"), "cut"),
		              strcmp(pretrained, "full") == 0      ? "pretrained"
		              : strcmp(pretrained, "partial") == 0 ? "pretrained in part"
		                                                   : "not pretrained");
	if (faces && lists)
		strbuf_add(&text, "; ");
	if (lists)
		strbuf_format(&text, "%s, a factorisation and tag vectors from %s %splaylists with %s songs and %s tags",
		              faces ? "a song model" : "A song model", show_count(report_number(lists, "playlists")),
		              report_truth(lists, "synthetic") ? "made-up " : "", show_count(report_number(lists, "songs")),
		              show_count(report_number(lists, "tags")));
	if (text.length)
		page_paragraph(&report->page,
		               "%s. Every figure below comes from people and playlists that training did not see.", text.text);
	report->page.body.failed |= text.failed;
	strbuf_free(&text);
}

void report_summary(struct report *report)
{
	const struct json *honesty = json_get(report->metrics, "honesty");

	page_section(&report->page, "summary", "Summary");
	tell(report);
	page_tiles_start(&report->page);
	tile_emotion(report);
	tile_cascade(report);
	tile_tags(report);
	tile_songs(report);
	tile_chain(report);
	page_tiles_end(&report->page);
	page_heading(&report->page, "What to distrust");
	if (report->run->settings->report.faces)
		page_warning(&report->page,
		             "This page shows pictures of people (report.faces): it is for those who may see them.");
	for (size_t i = 0; i < json_count(honesty); i++)
		page_warning(&report->page, json_text(json_at(honesty, i), ""));
	page_paragraph(&report->page,
	               "An expression is not an emotion: the model says how a face looks, not how a person feels. "
	               "It is not for judging people at work or school.");
}
