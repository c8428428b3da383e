#include "stages/stage_report_internal.h"

#include <math.h>
#include <string.h>

#define MAX_COLUMNS 16

/* People and pictures by split and class. */
static void split_table(struct report *report, const struct json *faces)
{
	const struct json *splits = json_get(faces, "split"), *classes = json_get(faces, "classes");
	const char *columns[MAX_COLUMNS] = {"part", "#people", "#pictures"}, *cells[MAX_COLUMNS];
	char heads[MAX_COLUMNS][64];
	size_t count = 3;

	for (size_t c = 0; c < json_count(classes) && count < MAX_COLUMNS; c++, count++) {
		snprintf(heads[count], sizeof(heads[count]), "#%s", json_text(json_at(classes, c), ""));
		columns[count] = heads[count];
	}
	page_table_start(&report->page, "Faces; a person is in one part only", columns, count);
	for (size_t s = 0; s < json_count(splits); s++) {
		const char *name = json_key(splits, s);
		const struct json *split = json_get(splits, name), *by_class = json_get(split, "classes");
		char texts[MAX_COLUMNS][32];

		cells[0] = name;
		cells[1] = show_count(report_number(split, "people"));
		cells[2] = show_count(report_number(split, "faces"));
		for (size_t i = 3; i < count; i++) {
			snprintf(texts[i], sizeof(texts[i]), "%s", show_count(report_number(by_class, columns[i] + 1)));
			cells[i] = texts[i];
		}
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

/* An object of counts as a table of two columns; nothing when it is empty. */
static void counts_table(struct report *report, const char *caption, const char *first, const struct json *counts)
{
	const char *columns[] = {first, "#pictures"};

	if (!json_count(counts))
		return;
	page_table_start(&report->page, caption, columns, 2);
	for (size_t i = 0; i < json_count(counts); i++) {
		const char *cells[] = {json_key(counts, i), show_count(report_number(counts, json_key(counts, i)))};
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

static void playlists_table(struct report *report, const struct json *lists)
{
	static const struct {
		const char *key, *label;
	} rows[] = {
	    {"playlists", "playlists"},
	    {"held_out", "of them held out"},
	    {"songs", "songs"},
	    {"tags", "tags"},
	    {"playlist_songs", "playlist–song pairs"},
	    {"hidden_songs", "of them hidden from training"},
	    {"playlist_tags", "playlist–tag pairs"},
	    {"hidden_tags", "of them hidden from training"},
	    {"liked", "playlists with likes"},
	    {"named_songs", "songs with a name"},
	};
	const char *columns[] = {"", "#count"};

	page_table_start(&report->page, "Playlists", columns, 2);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *cells[] = {rows[i].label, show_count(report_number(lists, rows[i].key))};
		if (json_get(lists, rows[i].key))
			page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

static void skipped_records(struct report *report, const struct json *lists)
{
	const struct json *reasons = json_get(lists, "skipped_by_reason");
	const char *columns[] = {"reason", "#records"};

	if (!json_count(reasons))
		return;
	page_table_start(&report->page, "Records of playlists that were skipped (skipped.tsv names each)", columns, 2);
	for (size_t i = 0; i < json_count(reasons); i++) {
		const char *cells[] = {json_key(reasons, i), show_count(report_number(reasons, json_key(reasons, i)))};
		page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

void report_data(struct report *report)
{
	const struct json *faces = report_stage(report, "faces"), *lists = report_stage(report, "playlists");
	const struct json *skipped = json_get(faces, "skipped");

	page_section(&report->page, "data", "Data");
	if (faces) {
		page_columns_start(&report->page);
		split_table(report, faces);
		counts_table(report, "Where the face was cropped from", "source",
		             json_get(report_stage(report, "features"), "crop"));
		page_columns_end(&report->page);
		report_counts(report, faces);
		if (report_number(skipped, "pictures") > 0) {
			page_paragraph(&report->page, "%s pictures (%s) could not be used; skipped.tsv names each.",
			               show_count(report_number(skipped, "pictures")), show_share(report_number(skipped, "share")));
			counts_table(report, "Pictures that were skipped", "reason", json_get(skipped, "reasons"));
		}
	}
	if (lists) {
		page_columns_start(&report->page);
		playlists_table(report, lists);
		skipped_records(report, lists);
		page_columns_end(&report->page);
	}
}
