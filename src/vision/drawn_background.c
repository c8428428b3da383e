/*
 * Faceless pictures. Each is a ground and two layers out of several kinds of structure, so that a cascade meets edges,
 * spots, bars and textures at every size, also such as look like eyes or mouths by chance.
 */
#include "vision/drawn_internal.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

struct ground {
	struct canvas *canvas;
	double width, height;
	struct rng *rng;
};

static double within(struct ground *g, double low, double high)
{
	return rng_range(g->rng, low, high);
}

static void fill_ground(struct ground *g)
{
	double turn = within(g, 0, 2 * pi), x = g->width * (0.5 + 0.5 * cos(turn)), y = g->height * (0.5 + 0.5 * sin(turn));

	canvas_rectangle(g->canvas, 0, 0, g->width, g->height);
	canvas_fill_gradient(g->canvas, x, y, colour_random(g->rng, 0.15, 0.9), g->width - x, g->height - y,
	                     colour_random(g->rng, 0.15, 0.9));
}

static void leaves(struct ground *g)
{
	struct colour base = {within(g, 0.1, 0.6), within(g, 0.35, 0.7), within(g, 0.1, 0.35), 1};
	double size = within(g, 5, 26);
	int count = (int)(g->width * g->height / (size * size) * 1.6);

	for (int i = 0; i < count; i++) {
		double x = within(g, 0, g->width), y = within(g, 0, g->height), turn = within(g, 0, pi);
		canvas_ellipse(g->canvas, x, y, size * within(g, 0.6, 1.2), size * within(g, 0.2, 0.45), turn);
		canvas_fill(g->canvas, colour_shade(base, within(g, 0.25, 1.4)));
	}
}

static void house(struct ground *g, double left, double width, double top)
{
	struct colour wall = colour_random(g->rng, 0.2, 0.85), glass = colour_random(g->rng, 0.05, 0.9);
	double pitch_x = within(g, 10, 30), pitch_y = within(g, 12, 36), share = within(g, 0.4, 0.75);

	canvas_rectangle(g->canvas, left, top, width, g->height - top);
	canvas_fill(g->canvas, wall);
	for (double y = top + 0.3 * pitch_y; y + share * pitch_y < g->height; y += pitch_y)
		for (double x = left + 0.3 * pitch_x; x + share * pitch_x < left + width; x += pitch_x) {
			canvas_rectangle(g->canvas, x, y, share * pitch_x, share * pitch_y);
			canvas_fill(g->canvas, colour_shade(glass, within(g, 0.6, 1.3)));
		}
}

static void houses(struct ground *g)
{
	for (double left = within(g, -40, 0); left < g->width;) {
		double width = within(g, 40, 140);
		house(g, left, width, within(g, 0, 0.6 * g->height));
		left += width;
	}
}

static void stripes(struct ground *g)
{
	double turn = within(g, 0, pi), pitch = within(g, 5, 40), reach = g->width + g->height;
	struct colour colour = colour_random(g->rng, 0.05, 0.95);
	double c = cos(turn), s = sin(turn);

	for (double at = -reach; at < reach; at += pitch) {
		double x = g->width / 2 - at * s, y = g->height / 2 + at * c;
		canvas_move(g->canvas, x - reach * c, y - reach * s);
		canvas_line(g->canvas, x + reach * c, y + reach * s);
		canvas_stroke(g->canvas, pitch * within(g, 0.15, 0.6),
		              colour_alpha(colour_shade(colour, within(g, 0.7, 1.3)), 0.85));
	}
}

static void bricks(struct ground *g)
{
	struct colour colour = colour_random(g->rng, 0.2, 0.8);
	double width = within(g, 14, 60), height = width * within(g, 0.3, 0.6), gap = within(g, 1, 4);
	int row = 0;

	for (double y = 0; y < g->height; y += height, row++)
		for (double x = row % 2 ? -width / 2 : 0; x < g->width; x += width) {
			canvas_rectangle(g->canvas, x, y, width - gap, height - gap);
			canvas_fill(g->canvas, colour_shade(colour, within(g, 0.75, 1.25)));
		}
}

static void lights(struct ground *g)
{
	int count = (int)within(g, 20, 120);

	for (int i = 0; i < count; i++) {
		double radius = within(g, 2, 28);
		canvas_ellipse(g->canvas, within(g, 0, g->width), within(g, 0, g->height), radius, radius * within(g, 0.8, 1),
		               0);
		canvas_fill(g->canvas, colour_alpha(colour_random(g->rng, 0.05, 1), within(g, 0.3, 0.9)));
	}
}

/* Books, bottles and boxes on boards. */
static void shelves(struct ground *g)
{
	double board = within(g, 35, 90);

	for (double y = board; y < g->height + board; y += board) {
		for (double x = within(g, 0, 10); x < g->width;) {
			double width = within(g, 4, 26), height = board * within(g, 0.4, 0.9);
			canvas_rectangle(g->canvas, x, y - height, width, height);
			canvas_fill(g->canvas, colour_random(g->rng, 0.05, 0.95));
			canvas_rectangle(g->canvas, x, y - height * within(g, 0.5, 0.9), width, within(g, 2, 8));
			canvas_fill(g->canvas, colour_random(g->rng, 0.1, 0.95));
			x += width + (rng_unit(g->rng) < 0.2 ? within(g, 4, 30) : 1);
		}
		canvas_rectangle(g->canvas, 0, y, g->width, 4);
		canvas_fill(g->canvas, colour_random(g->rng, 0.1, 0.5));
	}
}

/* Rounded heaps seen from the side: hills, stones, fruit. */
static void mounds(struct ground *g)
{
	int count = (int)within(g, 12, 60);
	struct colour base = colour_random(g->rng, 0.15, 0.8);

	for (int i = 0; i < count; i++) {
		double radius = within(g, 8, 60), x = within(g, 0, g->width), y = g->height * (0.2 + 0.9 * i / count);
		canvas_ellipse(g->canvas, x, y, radius * within(g, 0.8, 1.8), radius, within(g, -0.4, 0.4));
		struct colour colour = colour_shade(base, within(g, 0.5, 1.5));
		canvas_fill_gradient(g->canvas, x - radius * 0.5, y - radius, colour_shade(colour, 1.25), x + radius * 0.5,
		                     y + radius, colour_shade(colour, 0.45));
	}
}

static void scribble(struct ground *g)
{
	int count = (int)within(g, 15, 90);

	for (int i = 0; i < count; i++) {
		double x = within(g, 0, g->width), y = within(g, 0, g->height), reach = within(g, 10, 120);
		canvas_move(g->canvas, x, y);
		canvas_curve(g->canvas, x + within(g, -reach, reach), y + within(g, -reach, reach),
		             x + within(g, -reach, reach), y + within(g, -reach, reach), x + within(g, -reach, reach),
		             y + within(g, -reach, reach));
		canvas_stroke(g->canvas, within(g, 0.8, 6), colour_alpha(colour_random(g->rng, 0, 1), within(g, 0.4, 1)));
	}
}

static void clutter(struct ground *g)
{
	int count = (int)within(g, 15, 70);

	for (int i = 0; i < count; i++) {
		double x = within(g, 0, g->width), y = within(g, 0, g->height), size = within(g, 4, 70);
		canvas_push(g->canvas, x, y, within(g, 0, pi), 1, within(g, 0.2, 1));
		if (rng_unit(g->rng) < 0.5)
			canvas_rectangle(g->canvas, -size / 2, -size / 2, size, size);
		else
			canvas_ellipse(g->canvas, 0, 0, size / 2, size / 2, 0);
		canvas_fill_gradient(g->canvas, -size / 2, 0, colour_random(g->rng, 0.02, 0.98), size / 2, 0,
		                     colour_random(g->rng, 0.02, 0.98));
		canvas_pop(g->canvas);
	}
}

typedef void layer(struct ground *ground);
static layer *const layers[] = {leaves, houses, stripes, bricks, lights, shelves, mounds, scribble, clutter};

/* A quiet room in half of the cases, else blurred by distance: pale shapes, so that the head stands out. */
void drawn_wall(struct canvas *canvas, double width, double height, struct rng *rng)
{
	struct ground g = {canvas, width, height, rng};
	struct colour wall = colour_mix(colour_random(rng, 0.30, 0.85), colour_random(rng, 0.45, 0.7), 0.5);
	double grey = 0.30 * wall.r + 0.59 * wall.g + 0.11 * wall.b;

	wall = colour_mix(wall, (struct colour){grey, grey, grey, 1}, 0.6);
	canvas_rectangle(canvas, 0, 0, width, height);
	canvas_fill_gradient(canvas, 0, 0, wall, within(&g, 0, width), height, colour_shade(wall, within(&g, 0.6, 1.1)));
	if (rng_unit(rng) < 0.4)
		return;
	int count = (int)within(&g, 2, 12);
	for (int i = 0; i < count; i++) {
		double x = within(&g, -20, width), y = within(&g, -20, height * 0.9), w = within(&g, 12, 110),
		       h = within(&g, 12, 130);
		struct colour colour =
		    colour_alpha(colour_mix(wall, colour_random(rng, 0.05, 0.95), within(&g, 0.15, 0.65)), 0.9);
		if (rng_unit(rng) < 0.7)
			canvas_rectangle(canvas, x, y, w, h);
		else
			canvas_ellipse(canvas, x, y, w / 2, h / 2, within(&g, 0, pi));
		canvas_fill_gradient(canvas, x, y, colour, x + w, y + h, colour_alpha(colour_shade(colour, 0.75), 0.9));
	}
}

int drawn_background(uint64_t seed, size_t number, size_t width, size_t height, struct image *out, struct err *err)
{
	struct ground g = {.width = (double)width, .height = (double)height};
	struct rng rng;
	struct image image = {0};
	int code = canvas_new(&g.canvas, width, height, err);

	if (code != OK)
		return code;
	rng_seed(&rng, seed, "sample.background", number);
	g.rng = &rng;
	fill_ground(&g);
	/* The first layer goes round all kinds, so that a few pictures already show every one. */
	layers[number % ARRAY_COUNT(layers)](&g);
	if (rng_unit(&rng) < 0.8)
		layers[rng_below(&rng, ARRAY_COUNT(layers))](&g);
	if (rng_unit(&rng) < 0.5)
		clutter(&g);
	code = canvas_to_image(g.canvas, &image, err);
	canvas_free(g.canvas);
	if (code == OK)
		code = drawn_camera_noise(&image, within(&g, 0.02, 0.22), within(&g, 1.5, 6), &rng, err);
	if (code == OK)
		*out = image;
	else
		image_free(&image);
	return code;
}
