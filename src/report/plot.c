/*
 * Plots: a gnuplot script from a struct, and gnuplot's SVG made fit to stand inside a page.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_internal.h"

#define WIDTH 480
#define HEIGHT 300
#define LARGE 2
/* Colours that gnuplot is given for ink and grid, replaced afterwards by the colour of the text around the plot. */
#define INK "#010203"
#define GRID "#040506"

/* Told apart by the colour-blind (after Okabe & Ito), at least 3:1 against white and against near-black. */
static const char *const colours[PLOT_MAX_SERIES] = {"#2f7ed8", "#d55e00", "#1a9e6b", "#c2569f",
                                                     "#7d8590", "#a07800", "#6a6fd0", "#3b93a8"};

/* In single quotes gnuplot substitutes nothing; a quote is doubled, a line break would end the command. */
static void add_quoted(struct strbuf *script, const char *text)
{
	strbuf_add(script, "'");
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_add(script, "''");
		else if ((unsigned char)*text < ' ')
			strbuf_add(script, " ");
		else
			strbuf_add_bytes(script, text, 1);
	}
	strbuf_add(script, "'");
}

/* A name as a column of inline data, where it stands in double quotes. */
static void add_name(struct strbuf *script, const char *text)
{
	strbuf_add(script, "\"");
	for (; *text; text++) {
		bool plain = (unsigned char)*text >= ' ' && *text != '"' && *text != '\\';
		strbuf_add_bytes(script, plain ? text : "'", 1);
	}
	strbuf_add(script, "\"");
}

static void add_axis(struct strbuf *script, char axis, const char *label)
{
	if (!label)
		return;
	strbuf_format(script, "set %clabel ", axis);
	add_quoted(script, label);
	strbuf_format(script, " textcolor rgb '%s'\n", INK);
}

static void add_frame(struct strbuf *script, const struct plot *plot)
{
	bool legend = false;

	for (size_t i = 0; i < plot->n_series; i++)
		legend |= plot->series[i].name != NULL;
	strbuf_format(script,
	              "set encoding utf8\nset terminal svg size %d,%d dynamic noenhanced font 'sans-serif,13'\n"
	              "set border 3 lc rgb '%s'\nset tics nomirror out scale 0.5 textcolor rgb '%s'\n"
	              "set grid ytics lc rgb '%s' lw 1 dt 1\nset format y '%%g'\n",
	              plot->large ? LARGE * WIDTH : WIDTH, plot->large ? LARGE * HEIGHT : HEIGHT, INK, INK, GRID);
	if (plot->large)
		strbuf_add(script, "unset tics\nunset border\n");
	if (legend)
		strbuf_format(script, "set key tmargin center horizontal textcolor rgb '%s'\n", INK);
	else
		strbuf_add(script, "unset key\n");
	add_axis(script, 'x', plot->x_label);
	add_axis(script, 'y', plot->y_label);
	if (plot->log_x)
		strbuf_add(script, "set logscale x\n");
	if (plot->log_y)
		strbuf_add(script, "set logscale y\n");
	if (plot->ticks)
		strbuf_add(script, "set yrange [0:*]\n");
	else if (plot->y_low < plot->y_high)
		strbuf_format(script, "set yrange [%.9g:%.9g]\n", plot->y_low, plot->y_high);
	if (plot->ticks)
		strbuf_add(script, "set xtics rotate by -30\nset style data histograms\nset style histogram clustered gap 1\n"
		                   "set style fill solid 0.85 noborder\nset boxwidth 0.9 relative\n");
}

static bool shown(const struct plot *plot, const struct plot_series *series, size_t i)
{
	return isfinite(series->y[i]) && isfinite(series->x[i]) && (!plot->log_x || series->x[i] > 0) &&
	       (!plot->log_y || series->y[i] > 0);
}

/* Lines and points: one block of data a series. */
static size_t add_curves(struct strbuf *script, const struct plot *plot)
{
	static const char *const styles[] = {
	    [PLOT_LINE] = "lines", [PLOT_LINE_POINTS] = "linespoints", [PLOT_POINTS] = "points"};
	size_t points = 0;

	for (size_t s = 0; s < plot->n_series; s++) {
		const struct plot_series *series = &plot->series[s];
		strbuf_format(script, "$d%zu << END_OF_DATA\n", s);
		for (size_t i = 0; i < series->count; i++)
			if (shown(plot, series, i) && ++points)
				strbuf_format(script, "%.9g %.9g\n", series->x[i], series->y[i]);
		strbuf_add(script, "END_OF_DATA\n");
	}
	strbuf_add(script, "plot ");
	for (size_t s = 0; s < plot->n_series; s++) {
		const struct plot_series *series = &plot->series[s];
		strbuf_format(script, "%s$d%zu using 1:2 with %s lc rgb '%s' pt 7 ps %s", s ? ", " : "", s,
		              styles[series->style], colours[s], plot->large ? "0.4" : "0.5");
		if (series->style != PLOT_POINTS)
			strbuf_format(script, " lw 2 dt %d", s < 2 ? 1 : 2);
		strbuf_add(script, series->name ? " title " : " notitle");
		if (series->name)
			add_quoted(script, series->name);
	}
	strbuf_add(script, "\n");
	return points;
}

/* Scales `from` to lie between `low` and `high`. */
static void fit(const double *from, size_t count, double low, double high, double *to)
{
	double least = INFINITY, most = -INFINITY;

	for (size_t i = 0; i < count; i++) {
		least = fmin(least, from[i]);
		most = fmax(most, from[i]);
	}
	for (size_t i = 0; i < count; i++)
		to[i] = most > least ? low + (from[i] - least) / (most - least) * (high - low) : (low + high) / 2;
}

/* A map: points where their values put them on the whole drawing, each with its name beside it where there is room. */
static int add_map(struct strbuf *script, const struct plot *plot, size_t *points, struct err *err)
{
	enum { W = LARGE * WIDTH, H = LARGE * HEIGHT, RIM = 40 };
	const struct plot_series *series = &plot->series[0];
	size_t n = series->count;
	struct plot_label *labels = mem_alloc(n, sizeof *labels, err);
	double *x = labels ? mem_alloc(2 * n, sizeof *x, err) : NULL;

	if (x) {
		struct plot moved = *plot;
		fit(series->x, n, RIM, W - RIM, x);
		fit(series->y, n, RIM, H - RIM, x + n);
		plot_place_labels(&(struct plot_points){x, x + n, plot->labels, n, W, H}, labels);
		strbuf_format(
		    script,
		    "set lmargin at screen 0\nset rmargin at screen 1\nset bmargin at screen 0\nset tmargin at screen 1\n"
		    "set xrange [0:%d]\nset yrange [0:%d]\n",
		    W, H);
		for (size_t i = 0; i < n; i++) {
			if (!labels[i].shown)
				continue;
			strbuf_add(script, "set label ");
			add_quoted(script, plot->labels[i]);
			strbuf_format(script, " at %.1f,%.1f center textcolor rgb '%s'\n", labels[i].x, labels[i].y, INK);
		}
		moved.series[0].x = x;
		moved.series[0].y = x + n;
		*points = add_curves(script, &moved);
	}
	free(x);
	free(labels);
	return x ? OK : err->code;
}

/* Bars: one block, a row a tick, a column a series. */
static size_t add_bars(struct strbuf *script, const struct plot *plot)
{
	size_t count = plot->series[0].count;

	strbuf_add(script, "$d << END_OF_DATA\n");
	for (size_t i = 0; i < count; i++) {
		add_name(script, plot->ticks[i]);
		for (size_t s = 0; s < plot->n_series; s++)
			strbuf_format(script, " %.9g", isfinite(plot->series[s].y[i]) ? plot->series[s].y[i] : 0.0);
		strbuf_add(script, "\n");
	}
	strbuf_add(script, "END_OF_DATA\nplot ");
	for (size_t s = 0; s < plot->n_series; s++) {
		strbuf_format(script, "%s$d using %zu:xtic(1) lc rgb '%s'", s ? ", " : "", s + 2, colours[s]);
		strbuf_add(script, plot->series[s].name ? " title " : " notitle");
		if (plot->series[s].name)
			add_quoted(script, plot->series[s].name);
	}
	strbuf_add(script, "\n");
	return count;
}

/* What stands in gnuplot's SVG → what a page needs. */
static const struct {
	const char *from, *to;
} replacements[] = {
    {"rgb(1,2,3)", "currentColor"},
    {"rgb(  1,   2,   3)", "currentColor"},
    {"'rgb(  4,   5,   6)'", "'currentColor' stroke-opacity='0.2'"},
    {" color=\"black\"", ""},
    {" color=\"gray\"", ""},
    {" color=\"white\"", ""},
    {" id=\"gnuplot_canvas\"", ""},
};

/* Copies gnuplot's drawing from its first group on, under an <svg> of our own. */
static void add_svg(struct strbuf *out, const char *svg, const struct plot *plot)
{
	const char *at = strstr(svg, "<g id=\"gnuplot_canvas\">");

	strbuf_format(out,
	              "<svg viewBox=\"0 0 %d %d\" xmlns=\"http://www.w3.org/2000/svg\" "
	              "xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\" aria-label=\"",
	              plot->large ? LARGE * WIDTH : WIDTH, plot->large ? LARGE * HEIGHT : HEIGHT);
	html_escape(out, plot->title ? plot->title : "plot");
	strbuf_add(out, "\">");
	while (at && *at) {
		size_t r = 0;
		if (strncmp(at, "<title>gnuplot_plot_", 20) == 0 && strstr(at, "</title>")) {
			at = strstr(at, "</title>") + strlen("</title>");
			continue;
		}
		while (r < ARRAY_COUNT(replacements) && strncmp(at, replacements[r].from, strlen(replacements[r].from)) != 0)
			r++;
		if (r < ARRAY_COUNT(replacements)) {
			strbuf_add(out, replacements[r].to);
			at += strlen(replacements[r].from);
		} else {
			strbuf_add_bytes(out, at++, 1);
		}
	}
}

static int plot_check(const struct plot *plot, struct err *err)
{
	if (!plot->n_series || plot->n_series > PLOT_MAX_SERIES)
		return err_set(err, ERR_DATA, "a plot has 1..%d series, not %zu", PLOT_MAX_SERIES, plot->n_series);
	for (size_t s = 0; s < plot->n_series; s++) {
		bool bars = plot->series[s].style == PLOT_BARS;
		if (bars != (plot->ticks != NULL) || (bars && plot->series[s].count != plot->series[0].count))
			return err_set(err, ERR_DATA, "a plot has bars, alike in number, with names below them, or none");
	}
	for (size_t i = 0; plot->labels && i < plot->series[0].count; i++)
		if (!isfinite(plot->series[0].x[i]) || !isfinite(plot->series[0].y[i]))
			return err_set(err, ERR_DATA, "a map has no place for '%s'", plot->labels[i]);
	return OK;
}

int plot_draw(const struct plot *plot, struct strbuf *out, struct err *err)
{
	static const char *const arguments[] = {"gnuplot", "-d", NULL};
	struct strbuf script = {0}, svg = {0};
	size_t points = 0;
	int code = plot_check(plot, err);

	if (code != OK)
		return code;
	add_frame(&script, plot);
	if (plot->labels)
		code = add_map(&script, plot, &points, err);
	else
		points = plot->ticks ? add_bars(&script, plot) : add_curves(&script, plot);
	if (code == OK)
		code = strbuf_check(&script, err);
	if (code == OK && !points)
		code = err_set(err, ERR_DATA, "a plot without a point");
	if (code == OK)
		code = program_run(arguments, &script, "install the package gnuplot-nox", &svg, err);
	if (code == OK && (!svg.text || !strstr(svg.text, "</svg>")))
		code = err_set(err, ERR_IO, "gnuplot drew no SVG");
	if (code == OK) {
		add_svg(out, svg.text, plot);
		code = strbuf_check(out, err);
	}
	strbuf_free(&script);
	strbuf_free(&svg);
	return code == OK ? OK : err_wrap(err, "plot '%s'", plot->title ? plot->title : "");
}
