/* From a face to songs: what fits, how various it is, examples with their reasons. */
#include "stages/stage_report_internal.h"

#include <math.h>
#include <string.h>

static void example_songs(struct report *report, const char *caption, const struct json *songs)
{
	static const char *const columns[] = {"song", "why"};

	page_table_start(&report->page, caption, columns, 2);
	for (size_t i = 0; i < json_count(songs); i++) {
		const struct json *song = json_at(songs, i);
		const char *name = report_text(song, "name"), *artist = report_text(song, "artist");
		const char *label = report_text(song, "label"), *seed = report_text(song, "seed"),
		           *similar = report_text(song, "similar"), *title = report_text(song, "title");
		struct strbuf what = {0}, why = {0};

		if (*name)
			strbuf_format(&what, "%s%s%s", name, *artist ? " – " : "", artist);
		else
			strbuf_format(&what, "song %.0f", report_number(song, "id"));
		strbuf_format(&why, "%s%s%s", label, *label && *seed ? " → " : "", seed);
		if (*similar && strcmp(similar, seed) != 0)
			strbuf_format(&why, " → %s (%.2f)", similar, report_number(song, "cosine"));
		strbuf_format(&why, " → playlist %.0f%s%s%s", report_number(song, "playlist"), *title ? " ‘" : "", title,
		              *title ? "’" : "");
		page_table_row(&report->page, (const char *const[]){what.text ? what.text : "", why.text ? why.text : ""});
		report->page.body.failed |= what.failed || why.failed;
		strbuf_free(&what);
		strbuf_free(&why);
	}
	page_table_end(&report->page);
}

static void examples(struct report *report, const struct json *list)
{
	if (!json_count(list))
		return;
	page_heading(&report->page, "Examples, with the reason for each song");
	page_columns_start(&report->page);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *example = json_at(list, i), *scores = json_get(example, "probabilities");
		struct strbuf text = {0};

		strbuf_format(&text, "A face labelled ‘%s’; the model says", report_text(example, "truth"));
		for (size_t c = 0; c < json_count(scores); c++)
			strbuf_format(&text, "%s %s %.0f %%", c ? "," : "", json_key(scores, c),
			              100 * report_number(scores, json_key(scores, c)));
		example_songs(report, text.text ? text.text : "", json_get(example, "songs"));
		report->page.body.failed |= text.failed;
		strbuf_free(&text);
	}
	page_columns_end(&report->page);
}

/* "17.2 % – 20.3 %" */
static const char *share_limits(const struct json *object, const char *key)
{
	static _Thread_local char text[64];
	const struct json *limits = json_get(object, key);

	snprintf(text, sizeof text, "%s\u00a0–\u00a0%s", show_share(json_number(json_at(limits, 0), NAN)),
	         show_share(json_number(json_at(limits, 1), NAN)));
	return json_count(limits) == 2 ? text : "–";
}

static void variety(struct report *report, const struct json *chain)
{
	if (!isfinite(report_number(chain, "coverage")))
		return;
	page_paragraph(&report->page,
	               "Coverage: %s of the %s songs given are different ones, %s of all songs. Repeats: of a list, %s "
	               "stood in the list of the "
	               "face before with the same expression; the song given most often goes to %s of the faces.",
	               show_count(report_number(chain, "different_songs")), show_count(report_number(chain, "songs_given")),
	               show_share(report_number(chain, "coverage")), show_share(report_number(chain, "repeats")),
	               show_share(report_number(chain, "most_given")));
}

void report_chain(struct report *report)
{
	static const char *const columns[] = {"songs chosen by",
	                                      "#playlists that fit", "#95 %"};
	enum { FACE = 1 };
	static const struct {
		const char *key, *label;
	} ways[] = {
	    {"fit_perfect_label", "a perfect label"},
	    {"fit", "the face"},
	    {"fit_no_face", "the tags of all expressions alike"},
	    {"fit_random_songs", "chance"},
	};
	const struct json *chain = report_stage(report, "chain");

	if (!chain)
		return;
	page_section(&report->page, "chain", "From a face to songs");
	page_paragraph(&report->page,
	               "%s held-out faces, %s songs each. A song fits as far as the playlists that hold it carry the tags "
	               "that the settings give to the face's true expression. Intervals by bootstrap over people.",
	               show_count(report_number(chain, "faces")), show_count(report_number(chain, "songs_a_face")));
	page_table_start(&report->page, "Share of their songs' playlists that carry the true expression's tags", columns,
	                 ARRAY_COUNT(columns));
	for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
		char limits[32];
		snprintf(limits, sizeof limits, "%s_95", ways[i].key);
		const char *cells[] = {ways[i].label, show_share(report_number(chain, ways[i].key)),
		                       share_limits(chain, limits)};
		if (i == FACE)
			page_table_row_strong(&report->page, cells);
		else
			page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
	variety(report, chain);
	examples(report, json_get(chain, "examples"));
}
