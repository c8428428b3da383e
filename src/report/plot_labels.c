/* Where the names of a map's points stand, so that none lies over another. */
#include <math.h>

#include "report/report_internal.h"

#define EM 13.0 /* the plot's font size */
#define GAP 5.0

/* About what the text takes: a letter of Latin somewhat more than half its size, Hangul all of it. */
static double text_width(const char *text)
{
	double width = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		width += c < 0x80 ? 0.6 * EM : (c & 0xC0) == 0x80 ? 0 : EM;
	}
	return width;
}

static bool boxes_meet(const struct plot_label *a, const struct plot_label *b)
{
	return fabs(a->x - b->x) < (a->width + b->width) / 2 + 2 && fabs(a->y - b->y) < (a->height + b->height) / 2;
}

static bool is_free(const struct plot_label *all, size_t count, size_t i, const struct plot_points *points)
{
	const struct plot_label *one = &all[i];

	if (one->x - one->width / 2 < 0 || one->x + one->width / 2 > points->width || one->y - one->height / 2 < 0 ||
	    one->y + one->height / 2 > points->height)
		return false;
	for (size_t k = 0; k < i; k++)
		if (all[k].shown && boxes_meet(one, &all[k]))
			return false;
	for (size_t k = 0; k < count; k++) {
		struct plot_label dot = {.x = points->x[k], .y = points->y[k], .width = 2, .height = 2};
		if (k != i && boxes_meet(one, &dot))
			return false;
	}
	return true;
}

void plot_place_labels(const struct plot_points *points, struct plot_label *out)
{
	/* Beside the point, in the order in which a reader expects it: above, below, right, left, then the corners. */
	static const double across[] = {0, 0, 1, -1, 0.8, -0.8, 0.8, -0.8}, up[] = {1, -1, 0, 0, 1, 1, -1, -1};

	for (size_t i = 0; i < points->count; i++) {
		struct plot_label *one = &out[i];
		*one = (struct plot_label){.width = text_width(points->names[i]), .height = 1.15 * EM};
		for (size_t k = 0; k < ARRAY_COUNT(up) && !one->shown; k++) {
			one->x = points->x[i] + across[k] * (one->width / 2 + GAP);
			one->y = points->y[i] + up[k] * (one->height / 2 + GAP - 1);
			one->shown = is_free(out, points->count, i, points);
		}
	}
}
