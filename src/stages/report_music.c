#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tags ------------------------------------------------------------------------------------------- */

static void nearest_table(struct report *report, const struct json *nearest)
{
	static const char *const columns[] = {"tag", "#playlists", "nearest tags (cosine)"};

	if (!json_count(nearest))
		return;
	page_table_start(&report->page, "Tags and what stands near them", columns, 3);
	for (size_t i = 0; i < json_count(nearest); i++) {
		const struct json *entry = json_at(nearest, i), *near = json_get(entry, "nearest");
		struct strbuf text = {0};

		for (size_t k = 0; k < json_count(near); k++)
			strbuf_format(&text, "%s%s (%.2f)", k ? ", " : "", report_text(json_at(near, k), "tag"),
			              report_number(json_at(near, k), "cosine"));
		page_table_row(&report->page,
		               (const char *const[]){report_text(entry, "tag"), show_count(report_number(entry, "playlists")),
		                                     text.text ? text.text : ""});
		report->page.body.failed |= text.failed;
		strbuf_free(&text);
	}
	page_table_end(&report->page);
}

static int map_figure(struct report *report, const struct json *map, struct err *err)
{
	enum { MOST = 100 };
	double x[MOST], y[MOST];
	const char *labels[MOST];
	size_t count = json_count(map) < MOST ? json_count(map) : MOST;
	for (size_t i = 0; i < count; i++) {
		x[i] = report_number(json_at(map, i), "x");
		y[i] = report_number(json_at(map, i), "y");
		labels[i] = report_text(json_at(map, i), "tag");
	}
	if (count < 3)
		return OK;
	return page_figure(&report->page,
	                   &(struct plot){.title = "Map of the most frequent tags",
	                                  .large = true,
	                                  .labels = labels,
	                                  .n_series = 1,
	                                  .series = {{.style = PLOT_POINTS, .x = x, .y = y, .count = count}}},
	                   "The most frequent tags along the two directions in which their vectors differ most: what "
	                   "stands near one another is "
	                   "used alike. A point that has no room for its name has none",
	                   err);
}

int report_tags(struct report *report, struct err *err)
{
	static const char *const columns[] = {"guess by", "#mean reciprocal rank", "#95 %", "#a hidden tag among ten"};
	const struct json *tags = report_stage(report, "tags"), *test = json_get(tags, "test");

	if (!tags)
		return OK;
	page_section(&report->page, "tags", "Tags");
	page_paragraph(&report->page, "%s tags have a vector of %s numbers.", show_count(report_number(tags, "tags")),
	               show_count(report_number(tags, "dimensions")));
	if (isfinite(report_number(test, "mrr"))) {
		page_paragraph(&report->page, "For %s held-out playlists, some tags are shown and the hidden ones guessed.",
		               show_count(report_number(test, "playlists")));
		page_table_start(&report->page, "Hidden tags", columns, ARRAY_COUNT(columns));
		page_table_row(&report->page,
		               (const char *const[]){"tag vectors", show_number(report_number(test, "mrr")),
		                                     report_limits(test, "mrr_95"), show_share(report_number(test, "hit10"))});
		page_table_row(&report->page,
		               (const char *const[]){"frequency", show_number(report_number(test, "popularity_mrr")),
		                                     report_limits(test, "popularity_mrr_95"),
		                                     show_share(report_number(test, "popularity_hit10"))});
		page_table_end(&report->page);
	}
	nearest_table(report, json_get(tags, "nearest"));
	return map_figure(report, json_get(tags, "map"), err);
}

/* ---- songs ------------------------------------------------------------------------------------------- */

static void rankers_table(struct report *report, const struct json *test)
{
	static const char *const columns[] = {"ranked by", "#nDCG@100", "#95 %", "#recall@100", "#MAP@10",
	                                      "#coverage", "#novelty"};
	const struct json *rankers = json_get(test, "rankers");

	page_table_start(&report->page,
	                 "Hidden songs of held-out playlists; coverage: share of all songs that stand in some first "
	                 "hundred; novelty: bits, "
	                 "−log₂ of the share of playlists that hold a listed song",
	                 columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < json_count(rankers); i++) {
		const char *name = json_key(rankers, i);
		const struct json *one = json_get(rankers, name);
		const char *cells[] = {name,
		                       show_number(report_number(one, "ndcg100")),
		                       report_limits(one, "ndcg100_95"),
		                       show_number(report_number(one, "recall100")),
		                       show_number(report_number(one, "map10")),
		                       show_share(report_number(one, "coverage")),
		                       show_number(report_number(one, "novelty"))};
		if (strcmp(name, report_text(test, "best")) == 0)
			page_table_row_strong(&report->page, cells);
		else
			page_table_row(&report->page, cells);
	}
	page_table_end(&report->page);
}

static void hidden_tags(struct report *report, const struct json *test)
{
	const struct json *tags = json_get(test, "hidden_tags");

	if (json_count(tags))
		page_paragraph(&report->page,
		               "Hidden tags of %s playlists: nDCG@10 %s, recall@10 %s. Score of the Kakao Arena task, 0.85 "
		               "songs + 0.15 tags: %s.",
		               show_count(report_number(tags, "playlists")), show_number(report_number(tags, "ndcg10")),
		               show_number(report_number(tags, "recall10")), show_number(report_number(test, "arena")));
}

static void new_songs(struct report *report, const struct json *test)
{
	static const struct {
		const char *key, *name;
	} rows[] = {{"tags", "tags of the playlists it stands in, as factors"},
	            {"shared_tags", "tags shared with the playlist's songs"},
	            {"random", "chance"},
	            {"trained", "trained with it: not new"}};
	static const char *const columns[] = {"new song ranked by", "#nDCG@100", "#95 %", "#recall@100", "#95 %"};
	const struct json *found = json_get(test, "new_songs"), *rankers = json_get(found, "rankers");

	if (!json_count(rankers))
		return;
	page_paragraph(&report->page,
	               "New songs: %s songs were kept from a training wholly and ranked among themselves for the %s "
	               "held-out playlists that hide "
	               "some of them.",
	               show_count(report_number(found, "songs")), show_count(report_number(found, "playlists")));
	page_table_start(&report->page, "Songs that no training has seen", columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct json *one = json_get(rankers, rows[i].key);
		page_table_row(&report->page, (const char *const[]){rows[i].name, show_number(report_number(one, "ndcg100")),
		                                                    report_limits(one, "ndcg100_95"),
		                                                    show_number(report_number(one, "recall100")),
		                                                    report_limits(one, "recall100_95")});
	}
	page_table_end(&report->page);
}

static int rankers_figure(struct report *report, const struct json *rankers, struct err *err)
{
	const char *names[16];
	double ndcg[16];
	size_t count = 0;
	struct plot plot = {.title = "nDCG@100 on hidden songs", .y_label = "nDCG@100", .ticks = names, .n_series = 1};

	for (; count < json_count(rankers) && count < ARRAY_COUNT(names); count++) {
		names[count] = json_key(rankers, count);
		ndcg[count] = report_number(json_get(rankers, names[count]), "ndcg100");
	}
	if (!count)
		return OK;
	plot.series[0] = (struct plot_series){.style = PLOT_BARS, .y = ndcg, .count = count};
	return page_figure(&report->page, &plot, "The shipped ranking beside its comparators", err);
}

static int loss_figure(struct report *report, const struct json *iterations, struct err *err)
{
	struct plot plot = {.title = "ALS loss by iteration", .x_label = "iteration", .y_label = "loss", .n_series = 1};
	size_t n = json_count(iterations);
	double *columns;
	int code;

	if (!n)
		return OK;
	columns = mem_alloc(2 * n, sizeof(*columns), err);
	if (columns) {
		report_column(iterations, "iteration", columns);
		report_column(iterations, "loss", columns + n);
		plot.series[0] = (struct plot_series){NULL, PLOT_LINE_POINTS, columns, columns + n, n};
		code = page_figure(&report->page, &plot, "What ALS minimises, after each iteration", err);
	} else {
		code = err->code;
	}
	free(columns);
	return code;
}

int report_songs(struct report *report, struct err *err)
{
	const struct json *als = report_stage(report, "als"), *test = json_get(als, "test"),
	                  *rankers = json_get(test, "rankers");
	int code;

	if (!als)
		return OK;
	page_section(&report->page, "songs", "Songs");
	if (json_count(rankers)) {
		page_paragraph(
		    &report->page,
		    "For %s held-out playlists, part of the songs is shown and the hidden ones are ranked. Best: %s.",
		    show_count(report_number(test, "playlists")), report_text(test, "best"));
		rankers_table(report, test);
		hidden_tags(report, test);
		new_songs(report, test);
	}
	page_figures_start(&report->page);
	code = rankers_figure(report, rankers, err);
	if (code == OK)
		code = loss_figure(report, json_get(als, "loss_by_iteration"), err);
	page_figures_end(&report->page);
	return code;
}
