/* The pictures by class × split × camera × light, folded away: by camera and by light alone, then every cell. */
#include "stages/stage_report_internal.h"

#include <stdio.h>
#include <string.h>

#define NUMBERS 256
#define MAX_CLASSES 16
#define SPLITS 3

static const char *const splits[SPLITS] = {"train", "validation", "test"};

static double pictures_of(const struct json *cell)
{
	const struct json *classes = json_get(cell, "classes");
	double sum = 0;

	for (size_t c = 0; c < json_count(classes); c++)
		sum += report_number(classes, json_key(classes, c));
	return sum;
}

/* By `key` alone; nothing when all pictures share one. */
static void by_one(struct report *report, const struct json *cells, const char *key, const char *caption)
{
	const char *columns[] = {key, "#train", "#validation", "#test"};
	double sums[NUMBERS][SPLITS] = {{0}};
	bool there[NUMBERS] = {false};
	size_t kinds = 0;

	for (size_t i = 0; i < json_count(cells); i++) {
		const struct json *cell = json_at(cells, i);
		size_t number = (size_t)report_number(cell, key) % NUMBERS;
		kinds += !there[number];
		there[number] = true;
		for (size_t s = 0; s < SPLITS; s++)
			if (strcmp(report_text(cell, "split"), splits[s]) == 0)
				sums[number][s] += pictures_of(cell);
	}
	if (kinds < 2)
		return;
	page_table_start(&report->page, caption, columns, ARRAY_COUNT(columns));
	for (size_t n = 0; n < NUMBERS; n++) {
		char name[16];
		snprintf(name, sizeof name, "%zu", n);
		if (there[n])
			page_table_row(&report->page, (const char *const[]){name, show_count(sums[n][0]), show_count(sums[n][1]),
			                                                    show_count(sums[n][2])});
	}
	page_table_end(&report->page);
}

static void every_cell(struct report *report, const struct json *cells)
{
	const struct json *classes = json_get(json_at(cells, 0), "classes");
	const char *columns[3 + MAX_CLASSES] = {"part", "#camera", "#light"}, *row[3 + MAX_CLASSES];
	size_t count = 3;
	char heads[MAX_CLASSES][64], texts[3 + MAX_CLASSES][32];

	for (size_t c = 0; c < json_count(classes) && c < MAX_CLASSES; c++, count++) {
		snprintf(heads[c], sizeof heads[c], "#%s", json_key(classes, c));
		columns[count] = heads[c];
	}
	page_table_start(&report->page, "Pictures of each class", columns, count);
	for (size_t i = 0; i < json_count(cells); i++) {
		const struct json *cell = json_at(cells, i), *by_class = json_get(cell, "classes");
		row[0] = report_text(cell, "split");
		for (size_t k = 1; k < count; k++) {
			double number = k < 3 ? report_number(cell, columns[k] + 1) : report_number(by_class, columns[k] + 1);
			snprintf(texts[k], sizeof texts[k], "%s", show_count(number));
			row[k] = texts[k];
		}
		page_table_row(&report->page, row);
	}
	page_table_end(&report->page);
}

void report_counts(struct report *report, const struct json *faces)
{
	const struct json *cells = json_get(faces, "counts");

	if (json_count(cells) <= SPLITS)
		return;
	page_html(&report->page, "<details><summary>By camera, by light, and by part × camera × light</summary>\n");
	page_columns_start(&report->page);
	by_one(report, cells, "camera", "Pictures by camera (numbers as the data set gives them)");
	by_one(report, cells, "light", "Pictures by light");
	page_columns_end(&report->page);
	every_cell(report, cells);
	page_html(&report->page, "</details>\n");
}
