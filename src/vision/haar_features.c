/*
 * The over-complete set of Haar features (Viola & Jones 2001; tilted ones: Lienhart & Maydt 2002), in
 * opencv_traincascade's order.
 *
 * A shape is a grid of unit cells; a feature is the shape at (x, y) with cells of dx × dy pixels. In a tilted shape a
 * step along the first axis goes down to the right, along the second down to the left. All features have zero mean: a
 * three-cell feature weighs its middle by 3, as the cascades that OpenCV ships do (its trainer writes 2 since 2019,
 * which mixes brightness into the value).
 */
#include "vision/train_internal.h"

struct cell {
	int x, y, w, h; /* in cells */
	float weight;
};
struct shape {
	enum haar_set from; /* the smallest set that has it */
	bool tilted;
	int w, h; /* cells */
	struct cell parts[2];
};

/* The whole weighs −1 and comes first. */
static const struct shape shapes[] = {
    {HAAR_SET_BASIC, false, 2, 1, {{1, 0, 1, 1, 2}}},
    {HAAR_SET_BASIC, false, 1, 2, {{0, 1, 1, 1, 2}}},
    {HAAR_SET_BASIC, false, 3, 1, {{1, 0, 1, 1, 3}}},
    {HAAR_SET_BASIC, false, 1, 3, {{0, 1, 1, 1, 3}}},
    {HAAR_SET_CORE, false, 4, 1, {{1, 0, 2, 1, 2}}},
    {HAAR_SET_CORE, false, 1, 4, {{0, 1, 1, 2, 2}}},
    {HAAR_SET_BASIC, false, 2, 2, {{0, 0, 1, 1, 2}, {1, 1, 1, 1, 2}}},
    {HAAR_SET_CORE, false, 3, 3, {{1, 1, 1, 1, 9}}},
    {HAAR_SET_ALL, true, 2, 1, {{0, 0, 1, 1, 2}}},
    {HAAR_SET_ALL, true, 1, 2, {{0, 0, 1, 1, 2}}},
    {HAAR_SET_ALL, true, 3, 1, {{1, 0, 1, 1, 3}}},
    {HAAR_SET_ALL, true, 1, 3, {{0, 1, 1, 1, 3}}},
    {HAAR_SET_ALL, true, 4, 1, {{1, 0, 2, 1, 2}}},
    {HAAR_SET_ALL, true, 1, 4, {{0, 1, 1, 2, 2}}},
};

struct place {
	int x, y, dx, dy;
};

static bool fits(const struct shape *shape, struct place p, int window_w, int window_h)
{
	int w = shape->w * p.dx, h = shape->h * p.dy;
	if (shape->tilted)
		return p.x + w <= window_w && p.y + w + h <= window_h && p.x >= h;
	return p.x + w <= window_w && p.y + h <= window_h;
}

static struct haar_rect place_cell(const struct cell *cell, struct place p, bool tilted)
{
	int u = cell->x * p.dx, v = cell->y * p.dy;
	int x = tilted ? p.x + u - v : p.x + u, y = tilted ? p.y + u + v : p.y + v;
	return (struct haar_rect){x, y, cell->w * p.dx, cell->h * p.dy, cell->weight};
}

static struct haar_feature place_shape(const struct shape *shape, struct place p)
{
	struct cell whole = {0, 0, shape->w, shape->h, -1};
	struct haar_feature feature = {.tilted = shape->tilted};
	feature.rects[0] = place_cell(&whole, p, shape->tilted);
	for (int i = 0; i < 2; i++)
		if (shape->parts[i].weight != 0)
			feature.rects[i + 1] = place_cell(&shape->parts[i], p, shape->tilted);
	return feature;
}

/* All shapes of the set that fit at one place; `out` may be NULL. */
static size_t shapes_at(enum haar_set set, struct place p, const int window[2], struct haar_feature *out)
{
	size_t count = 0;
	for (size_t s = 0; s < ARRAY_COUNT(shapes); s++) {
		if (shapes[s].from > set || !fits(&shapes[s], p, window[0], window[1]))
			continue;
		if (out)
			out[count] = place_shape(&shapes[s], p);
		count++;
	}
	return count;
}

static size_t enumerate(enum haar_set set, const int window[2], struct haar_feature *out)
{
	size_t count = 0;
	struct place p;
	for (p.x = 0; p.x < window[0]; p.x++)
		for (p.y = 0; p.y < window[1]; p.y++)
			for (p.dx = 1; p.dx <= window[0]; p.dx++)
				for (p.dy = 1; p.dy <= window[1]; p.dy++)
					count += shapes_at(set, p, window, out ? out + count : NULL);
	return count;
}

size_t haar_features_count(enum haar_set set, int window_w, int window_h)
{
	return enumerate(set, (const int[2]){window_w, window_h}, NULL);
}

void haar_features_list(enum haar_set set, int window_w, int window_h, struct haar_feature *out)
{
	enumerate(set, (const int[2]){window_w, window_h}, out);
}
