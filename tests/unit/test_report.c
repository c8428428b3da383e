/* Numbers for people, plots and the page. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static void numbers_read_as_people_write_them(void **state)
{
	(void)state;
	assert_string_equal(show_share(0.9314), "93.1\u00a0%");
	assert_string_equal(show_share(NAN), "–");
	assert_string_equal(show_count(115071), "115,071");
	assert_string_equal(show_count(999), "999");
	assert_string_equal(show_count(-1234567), "-1,234,567");
	assert_string_equal(show_number(0.012345), "0.0123");
	assert_string_equal(show_number(4.5678), "4.57");
	assert_string_equal(show_number(12345), "12,345");
	assert_string_equal(show_number(99.96), "100");
	assert_string_equal(show_number(0), "0");
	assert_string_equal(show_number(-0.0000123), "-1.23e-05");
	assert_string_equal(show_number(INFINITY), "–");
	assert_string_equal(show_bytes(58889256), "58.9 MB");
	assert_string_equal(show_bytes(12), "12 B");
	assert_string_equal(show_seconds(0.44), "0.4 s");
	assert_string_equal(show_seconds(59.7), "1 min 00 s");
	assert_string_equal(show_seconds(200), "3 min 20 s");
	assert_string_equal(show_seconds(7500), "2 h 05 min");
}

static void text_is_escaped_wherever_it_stands(void **state)
{
	struct page page = {0};
	const char *const columns[] = {"<b>name", "#value"}, *const cells[] = {"여름 & \"<i>\"", "3.5"};

	(void)state;
	page_section(&page, "a\"b", "<script>alert(1)</script>");
	page_paragraph(&page, "%s", "1 < 2");
	page_warning(&page, "<img src=x>");
	page_tile(&page, "<", ">", "&");
	page_table_start(&page, "<caption>", columns, 2);
	page_table_row(&page, cells);
	page_table_end(&page);
	assert_null(strstr(page.body.text, "<script"));
	assert_null(strstr(page.body.text, "<img"));
	assert_null(strstr(page.body.text, "<i>"));
	assert_null(strstr(page.body.text, "<b>name"));
	assert_non_null(strstr(page.body.text, "여름 &amp; &quot;&lt;i&gt;&quot;"));
	assert_non_null(strstr(page.body.text, "<td class=\"n\">3.5</td>"));
	page_free(&page);
}

static bool have_gnuplot(void)
{
	const char *path = getenv("PATH");
	char file[512];

	while (path && *path) {
		size_t length = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/gnuplot", (int)length, path);
		if (path_exists(file))
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static struct plot two_lines(const double *x, const double *y, size_t count)
{
	return (struct plot){.title = "loss <1>",
	                     .x_label = "it's an epoch",
	                     .y_label = "손실",
	                     .series = {{"train `id` 'x'", PLOT_LINE, x, y, count}, {"b", PLOT_LINE_POINTS, x, y, count}},
	                     .n_series = 2};
}

static void a_plot_is_svg_in_the_ink_of_the_page_and_the_same_each_time(void **state)
{
	struct err err = {0};
	double x[] = {1, 2, 3, 4}, y[] = {3, NAN, 1, 0.5};
	struct plot plot = two_lines(x, y, 4);
	struct strbuf a = {0}, b = {0};

	(void)state;
	if (!have_gnuplot())
		skip();
	assert_ok(plot_draw(&plot, &a, &err));
	assert_ok(plot_draw(&plot, &b, &err));
	assert_string_equal(a.text, b.text);
	assert_memory_equal(a.text, "<svg ", 5);
	assert_non_null(strstr(a.text, "</svg>"));
	assert_non_null(strstr(a.text, "aria-label=\"loss &lt;1&gt;\""));
	assert_non_null(strstr(a.text, "currentColor"));
	assert_null(strstr(a.text, "rgb(1,2,3)"));
	assert_null(strstr(a.text, "<?xml"));
	assert_null(strstr(a.text, "gnuplot_plot_1</title>"));
	/* Nothing in a name is carried out. */
	assert_non_null(strstr(a.text, "train `id` 'x'"));
	assert_non_null(strstr(a.text, "it's an epoch"));
	assert_non_null(strstr(a.text, "손실"));
	strbuf_free(&a);
	strbuf_free(&b);
}

static void bars_carry_their_names(void **state)
{
	struct err err = {0};
	double y[] = {0.18, 0.12, 0.3};
	const char *const ticks[] = {"ALS", "popularity \"x\"", "item-kNN"};
	struct plot plot = {.title = "nDCG", .ticks = ticks, .series = {{NULL, PLOT_BARS, NULL, y, 3}}, .n_series = 1};
	struct strbuf svg = {0};

	(void)state;
	if (!have_gnuplot())
		skip();
	assert_ok(plot_draw(&plot, &svg, &err));
	assert_non_null(strstr(svg.text, "item-kNN"));
	assert_non_null(strstr(svg.text, "popularity 'x'"));
	strbuf_free(&svg);
}

static void a_plot_without_points_is_refused(void **state)
{
	struct err err = {0};
	double x[] = {1, 2}, y[] = {NAN, NAN};
	struct plot plot = two_lines(x, y, 2);
	struct strbuf svg = {0};

	(void)state;
	assert_refused(plot_draw(&plot, &svg, &err), ERR_DATA, "without a point");
	plot.n_series = 0;
	assert_refused(plot_draw(&plot, &svg, &err), ERR_DATA, "1..8 series");
	strbuf_free(&svg);
}

/* Where gnuplot put the texts of its SVG, in its pixels. */
static size_t text_places(const char *svg, double x[], double y[], size_t most)
{
	size_t count = 0;

	for (const char *at = svg; count < most && (at = strstr(at, "<text")); at++) {
		const char *group = at;
		while (group > svg && strncmp(group, "translate(", 10) != 0)
			group--;
		if (sscanf(group, "translate(%lf,%lf)", &x[count], &y[count]) == 2)
			count++;
	}
	return count;
}

/* Forty points in two clumps: where names stand they do not overlap, and the first of each clump has its name. */
static void names_on_a_map_keep_clear_of_one_another(void **state)
{
	enum { N = 40 };
	struct err err = {0};
	double x[N], y[N], at_x[N], at_y[N];
	const char *names[N];
	struct plot map = {.title = "map", .large = true, .labels = names, .n_series = 1,
	                   .series = {{.style = PLOT_POINTS, .x = x, .y = y, .count = N}}};
	struct strbuf svg = {0};
	size_t shown;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		x[i] = (double)(i % 2) * 100 + (double)(i / 2 % 5);
		y[i] = (double)(i % 2) * 100 + (double)(i / 10) * 3;
		names[i] = i < 2 ? "먼저" : "산책";
	}
	assert_ok(plot_draw(&map, &svg, &err));
	assert_non_null(strstr(svg.text, "먼저"));
	shown = text_places(svg.text, at_x, at_y, N);
	if (shown < 8 || shown == N)
		fail_msg("%zu of %d names are shown", shown, N);
	for (size_t i = 0; i < shown; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(fabs(at_x[i] - at_x[k]) > 26 || fabs(at_y[i] - at_y[k]) > 13);
	strbuf_free(&svg);
}

static void bars_begin_at_nothing(void **state)
{
	struct err err = {0};
	double y[] = {0.39, 0.41};
	const char *names[] = {"a", "b"};
	struct plot plot = {
	    .title = "bars", .ticks = names, .n_series = 1, .series = {{.style = PLOT_BARS, .y = y, .count = 2}}};
	struct strbuf svg = {0};

	(void)state;
	assert_ok(plot_draw(&plot, &svg, &err));
	assert_non_null(strstr(svg.text, ">0</text>"));
	strbuf_free(&svg);
}

static void a_missing_gnuplot_is_named_with_its_package(void **state)
{
	struct err err = {0};
	double x[] = {1, 2}, y[] = {1, 2};
	struct plot plot = two_lines(x, y, 2);
	struct strbuf svg = {0};
	char *path = mem_text(getenv("PATH"), &err);

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_refused(plot_draw(&plot, &svg, &err), ERR_IO, "gnuplot-nox");
	setenv("PATH", path, 1);
	free(path);
	strbuf_free(&svg);
}

static void the_page_is_one_file_that_asks_for_nothing(void **state)
{
	struct err err = {0};
	char *folder = scratch_new(), *html;
	const char *path = scratch_path(folder, "index.html");
	struct page page = {0};
	char *names[] = {"neutral", "positive"};
	double counts[] = {8, 2, 0, 0};
	size_t size;

	(void)state;
	page_section(&page, "one", "First & last");
	page_confusion(&page, names, counts, 2);
	assert_ok(page_finish(&page, "A <title>", path, &err));
	assert_ok(file_read(path, 1 << 20, &html, &size, &err));
	assert_memory_equal(html, "<!DOCTYPE html>", 15);
	assert_non_null(strstr(html, "<title>A &lt;title&gt;</title>"));
	assert_non_null(strstr(html, "<a href=\"#one\">First &amp; last</a>"));
	assert_null(strstr(html, "http://"));
	assert_null(strstr(html, "https://"));
	assert_null(strstr(html, "<script"));
	assert_non_null(strstr(html, "80.0\u00a0%"));
	free(html);
	page_free(&page);
	scratch_remove(folder);
}

static void a_page_that_cannot_be_written_is_an_error(void **state)
{
	struct err err = {0};
	struct page page = {0};

	(void)state;
	page_paragraph(&page, "x");
	assert_refused(page_finish(&page, "t", "/nonexistent/folder/index.html", &err), ERR_IO, "/nonexistent");
	page_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_read_as_people_write_them),
	    cmocka_unit_test(text_is_escaped_wherever_it_stands),
	    cmocka_unit_test(a_plot_is_svg_in_the_ink_of_the_page_and_the_same_each_time),
	    cmocka_unit_test(bars_carry_their_names),
	    cmocka_unit_test(a_plot_without_points_is_refused),
	    cmocka_unit_test(names_on_a_map_keep_clear_of_one_another),
	    cmocka_unit_test(bars_begin_at_nothing),
	    cmocka_unit_test(a_missing_gnuplot_is_named_with_its_package),
	    cmocka_unit_test(the_page_is_one_file_that_asks_for_nothing),
	    cmocka_unit_test(a_page_that_cannot_be_written_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
