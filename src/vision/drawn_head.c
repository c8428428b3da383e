/* Everything of the head but eyes, brows, nose and mouth: shoulders, neck, skull, jaw, ears, hair. */
#include "vision/drawn_internal.h"

#include <math.h>

enum { STEPS = 28 };
static const double pi = 3.14159265358979323846;

const struct drawn_point drawn_skull_centre = {0, -0.22, -0.14}, drawn_skull_radius = {1.0, 1.02, 1.10};

/* For an ellipsoid with M = T diag(r²) Tᵀ (T: the view's first two rows) the outline point in direction n is
 * M n / √(nᵀ M n). */
struct drawn_point drawn_skull_outline(const struct drawn_scene *scene, double t, double grow)
{
	const double(*turn)[3] = scene->view.turn;
	double r[3] = {drawn_skull_radius.x * scene->person->width, drawn_skull_radius.y, drawn_skull_radius.z};
	double n[2] = {cos(t), sin(t)}, m[2][2] = {{0}};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			for (size_t k = 0; k < 3; k++)
				m[i][j] += turn[i][k] * turn[j][k] * (r[k] + grow) * (r[k] + grow);
	double mx = m[0][0] * n[0] + m[0][1] * n[1], my = m[1][0] * n[0] + m[1][1] * n[1];
	double length = sqrt(n[0] * mx + n[1] * my);
	struct drawn_point centre = drawn_project(&scene->view, drawn_skull_centre);
	return (struct drawn_point){centre.x + scene->view.scale * mx / length, centre.y + scene->view.scale * my / length,
	                            0};
}

static void fill_outline(struct drawn_scene *scene, double grow, struct colour colour)
{
	bool first = true;

	for (int i = 0; i < 2 * STEPS; i++)
		drawn_path_to(scene, drawn_skull_outline(scene, pi * i / STEPS, grow), &first);
	canvas_close(scene->canvas);
	canvas_fill(scene->canvas, colour);
}

/* A superellipse from the ears down to the chin. */
double drawn_jaw_width(const struct drawn_person *person, double y)
{
	double down = (y + 0.25) / (person->chin + 0.25);

	if (down <= 0)
		return person->width;
	return down >= 1 ? 0 : person->width * pow(1 - pow(down, person->jaw), 1 / 1.9) * (1 - 0.10 * down);
}

void drawn_body(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, x = scene->view.x, turn = 1 - 0.25 * fabs(scene->view.turn[0][2]);
	struct drawn_point neck = drawn_project(&scene->view, (struct drawn_point){0, 0.9, -0.30});
	double shoulder = neck.y + 1.35 * s, half = 2.15 * s * turn, bottom = neck.y + 6 * s;

	canvas_move(scene->canvas, x - 1.15 * half, bottom);
	canvas_curve(scene->canvas, x - 1.15 * half, shoulder + 0.3 * s, x - 0.9 * half, shoulder - 0.15 * s,
	             x - 0.35 * half, shoulder - 0.45 * s);
	canvas_line(scene->canvas, x + 0.35 * half, shoulder - 0.45 * s);
	canvas_curve(scene->canvas, x + 0.9 * half, shoulder - 0.15 * s, x + 1.15 * half, shoulder + 0.3 * s,
	             x + 1.15 * half, bottom);
	canvas_close(scene->canvas);
	canvas_fill_gradient(scene->canvas, x, shoulder - 0.4 * s, p->clothes, x, shoulder + 1.6 * s,
	                     colour_shade(p->clothes, 0.6));
	canvas_move(scene->canvas, neck.x - 0.52 * s, neck.y - 0.3 * s);
	canvas_curve(scene->canvas, neck.x - 0.46 * s, neck.y + 0.5 * s, neck.x - 0.42 * s, neck.y + 0.75 * s, x - 0.72 * s,
	             shoulder - 0.40 * s);
	canvas_curve(scene->canvas, x - 0.4 * s, shoulder - 0.10 * s, x + 0.4 * s, shoulder - 0.10 * s, x + 0.72 * s,
	             shoulder - 0.40 * s);
	canvas_curve(scene->canvas, neck.x + 0.42 * s, neck.y + 0.75 * s, neck.x + 0.46 * s, neck.y + 0.5 * s,
	             neck.x + 0.52 * s, neck.y - 0.3 * s);
	canvas_close(scene->canvas);
	canvas_fill_gradient(scene->canvas, x, neck.y + 0.35 * s, colour_shade(p->skin, 0.58), x, neck.y + 1.1 * s,
	                     colour_shade(p->skin, 0.86));
}

/* Long hair hangs from the widest places of the skull's outline. */
void drawn_hair_back(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, grow = p->hair_volume + 0.05, reach = p->style == HAIR_LONG ? 2.1 : 1.35;
	struct colour dark = colour_shade(p->hair, 0.70);
	bool hat = scene->shot.accessory >= 5;

	if (p->style == HAIR_BUN && !hat) {
		struct drawn_point bun = drawn_project(&scene->view, (struct drawn_point){0, -1.22, -0.55});
		canvas_ellipse(scene->canvas, bun.x, bun.y, 0.42 * s, 0.36 * s, 0);
		canvas_fill(scene->canvas, dark);
	}
	if (p->style == HAIR_CURLY && !hat)
		for (int i = 0; i < 26; i++) {
			struct drawn_point at = drawn_skull_outline(scene, pi * (0.90 + 1.2 * i / 25), 0.10);
			double radius = (0.20 + 0.07 * sin(5.1 * i)) * s;
			canvas_ellipse(scene->canvas, at.x, at.y, radius, radius, 0);
			canvas_fill(scene->canvas, dark);
		}
	if (p->style != HAIR_BOB && p->style != HAIR_LONG)
		return;
	struct drawn_point left = drawn_skull_outline(scene, pi, grow), right = drawn_skull_outline(scene, 0, grow);
	double end = left.y + reach * s;
	fill_outline(scene, grow, dark);
	canvas_move(scene->canvas, left.x, left.y);
	canvas_curve(scene->canvas, left.x - 0.08 * s, left.y + 0.5 * reach * s, left.x - 0.05 * s, end - 0.1 * s,
	             left.x + 0.18 * s, end);
	canvas_line(scene->canvas, right.x - 0.18 * s, end);
	canvas_curve(scene->canvas, right.x + 0.05 * s, end - 0.1 * s, right.x + 0.08 * s, right.y + 0.5 * reach * s,
	             right.x, right.y);
	canvas_close(scene->canvas);
	canvas_fill(scene->canvas, dark);
}

static void draw_ear(struct drawn_scene *scene, double side)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, flat = 0.35 + 0.65 * fabs(scene->view.turn[0][2]);
	struct drawn_point ear = drawn_project(&scene->view, (struct drawn_point){side * 1.0 * p->width, 0.12, -0.12});

	canvas_ellipse(scene->canvas, ear.x, ear.y, 0.24 * s * flat, 0.30 * s, 0.14 * side);
	canvas_fill(scene->canvas, colour_shade(p->skin, 0.88));
	canvas_ellipse(scene->canvas, ear.x, ear.y, 0.13 * s * flat, 0.19 * s, 0.14 * side);
	canvas_fill(scene->canvas, colour_alpha(colour_shade(p->skin, 0.55), 0.6));
}

/* A slice of the head at a height is an ellipse, also in the picture: its centre there and its two radii in head units.
 */
static struct drawn_point slice(const struct drawn_scene *scene, double y, double *radius_x, double *radius_y)
{
	const struct drawn_person *p = scene->person;
	const double(*turn)[3] = scene->view.turn;
	double down = (y + 0.25) / (p->chin + 0.25), width = drawn_jaw_width(p, y);
	double middle = 0.30 * down * down, depth = (0.92 - 0.10 * y * y) * (0.84 + 0.16 * width / p->width) - middle;

	*radius_x = sqrt(turn[0][0] * turn[0][0] * width * width + turn[0][2] * turn[0][2] * depth * depth);
	*radius_y = sqrt(turn[1][0] * turn[1][0] * width * width + turn[1][2] * turn[1][2] * depth * depth);
	return drawn_project(&scene->view, (struct drawn_point){0, y, middle});
}

struct drawn_point drawn_jaw_edge(const struct drawn_scene *scene, double y, double side)
{
	double radius_x, radius_y;
	struct drawn_point centre = slice(scene, y, &radius_x, &radius_y);

	centre.x += side * radius_x * scene->view.scale;
	return centre;
}

/* Together the slices cover the head from any side. */
static void fill_slices(struct drawn_scene *scene)
{
	enum { SLICES = 72 };
	double s = scene->view.scale, step = (scene->person->chin + 0.25) / SLICES, radius_x, radius_y;

	for (int i = 0; i < SLICES; i++) {
		struct drawn_point centre = slice(scene, -0.25 + step * (i + 0.5), &radius_x, &radius_y);
		canvas_ellipse(scene->canvas, centre.x, centre.y, radius_x * s,
		               (radius_y > 1.5 * step ? radius_y : 1.5 * step) * s, 0);
		canvas_fill(scene->canvas, scene->person->skin);
	}
}

void drawn_skull(struct drawn_scene *scene)
{
	bool covered = scene->person->style == HAIR_LONG || scene->person->style == HAIR_BOB;
	double near = scene->view.turn[2][0]; /* > 0: the person's left side is turned to the camera */

	if (!covered)
		draw_ear(scene, near > 0 ? -1 : 1);
	if (!covered && fabs(near) < 0.17)
		draw_ear(scene, near > 0 ? 1 : -1);
	fill_outline(scene, 0, scene->person->skin);
	fill_slices(scene);
	if (!covered && fabs(near) >= 0.17)
		draw_ear(scene, near > 0 ? 1 : -1);
}

/* ---- hair in front ---- */

/* Height of the hair's edge at `angle` around the head, 0 in front, ±π/2 over the ears. */
static double hair_edge(const struct drawn_person *p, double angle)
{
	double side = fabs(angle) / (pi / 2), t = side > 1 ? 1 : side, front = p->hairline;

	switch (p->style) {
	case HAIR_FRINGE:
		front = -0.46;
		break;
	case HAIR_BOB:
	case HAIR_LONG:
		return front + (0.55 - front) * pow(t, 3.2) - 0.22 * (1 - t) * exp(-9 * (angle - 0.25) * (angle - 0.25));
	case HAIR_SIDE:
		front += 0.20 * sin(1.6 * angle + 0.5);
		break;
	case HAIR_CURLY:
		front += 0.05 * sin(14 * angle);
		break;
	default:
		front -= 0.05 * cos(3 * angle);
		break;
	}
	return front + (0.02 - front) * pow(t, 4.0) + (side > 1 ? 0.5 * (side - 1) : 0);
}

/* On the skull's ellipsoid at this angle and height, a little outside. */
static struct drawn_point on_skull(const struct drawn_person *p, double angle, double y)
{
	double v = (y - drawn_skull_centre.y) / drawn_skull_radius.y, ring = v * v < 1 ? sqrt(1 - v * v) : 0;

	return (struct drawn_point){sin(angle) * 1.01 * drawn_skull_radius.x * p->width * ring, y,
	                            drawn_skull_centre.z + cos(angle) * 1.01 * drawn_skull_radius.z * ring};
}

static void strands(struct drawn_scene *scene, double light)
{
	const struct drawn_person *p = scene->person;

	for (int i = 0; i < 16; i++) {
		double angle = -1.25 + 2.5 * i / 15 + rng_range(scene->rng, -0.08, 0.08), top = -1.16,
		       low = hair_edge(p, angle) - 0.02;
		struct drawn_point end = on_skull(p, angle, low);
		bool first = true;
		if (drawn_turn(&scene->view, end).z < 0.2)
			continue;
		for (int k = 0; k <= 6; k++)
			drawn_path_to(
			    scene,
			    drawn_project(&scene->view, on_skull(p, angle * (0.5 + 0.5 * k / 6.0), top + (low - top) * k / 6.0)),
			    &first);
		canvas_stroke(scene->canvas, 0.03 * scene->view.scale,
		              colour_alpha(colour_shade(p->hair, i % 3 ? 0.6 : light), 0.35));
	}
}

/* The edge as far as it faces the camera, then back over the top of the grown outline. */
static void fill_cap(struct drawn_scene *scene, double grow, struct colour colour)
{
	enum { EDGE = 64 };
	const struct drawn_person *p = scene->person;
	struct drawn_point centre = drawn_project(&scene->view, drawn_skull_centre), left = {0}, right = {0};
	bool first = true;

	for (int i = 0; i <= EDGE; i++) {
		double angle = -2.6 + 5.2 * i / EDGE;
		struct drawn_point head = on_skull(p, angle, hair_edge(p, angle));
		struct drawn_point normal = {head.x, 0.4 * (head.y - drawn_skull_centre.y), head.z - drawn_skull_centre.z};
		if (drawn_turn(&scene->view, normal).z < 0)
			continue;
		right = drawn_project(&scene->view, head);
		if (first)
			left = right;
		drawn_path_to(scene, right, &first);
	}
	double from = atan2(right.y - centre.y, right.x - centre.x), to = atan2(left.y - centre.y, left.x - centre.x);
	while (to >= from)
		to -= 2 * pi;
	for (int i = 0; i <= STEPS; i++) {
		double end = 4.0 * (i < STEPS - i ? i : STEPS - i) / STEPS; /* thinner towards the ears */
		drawn_path_to(scene, drawn_skull_outline(scene, from + (to - from) * i / STEPS, grow * (end < 1 ? end : 1)),
		              &first);
	}
	canvas_close(scene->canvas);
	canvas_fill(scene->canvas, colour);
}

/* Hair that hangs in front of the ears, on the sides that face the camera. */
static void curtains(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, reach = p->style == HAIR_LONG ? 1.75 : 1.05;

	for (double side = -1; side < 2; side += 2) {
		struct drawn_point top = drawn_project(&scene->view, (struct drawn_point){side * 0.80 * p->width, -0.62, 0.25});
		struct drawn_point ear = drawn_project(&scene->view, (struct drawn_point){side * 1.04 * p->width, 0.05, 0.02});
		if (side * scene->view.turn[2][0] < -0.35)
			continue;
		canvas_move(scene->canvas, top.x, top.y);
		canvas_curve(scene->canvas, ear.x - side * 0.20 * s, ear.y - 0.3 * s, ear.x - side * 0.22 * s, ear.y + 0.4 * s,
		             ear.x - side * 0.14 * s, ear.y + reach * s);
		canvas_line(scene->canvas, ear.x + side * 0.20 * s, ear.y + reach * s);
		canvas_curve(scene->canvas, ear.x + side * 0.28 * s, ear.y + 0.3 * s, ear.x + side * 0.16 * s, ear.y - 0.5 * s,
		             top.x, top.y - 0.2 * s);
		canvas_close(scene->canvas);
		canvas_fill(scene->canvas, colour_shade(p->hair, 0.88));
	}
}

void drawn_hair_front(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;

	if (p->style == HAIR_BALD) {
		drawn_soft_spot(scene, (struct drawn_spot){0.12, -0.78, 0.05, 0.35, 0.16},
		                colour_alpha(colour_shade(p->skin, 1.3), 0.4));
		return;
	}
	if (p->style == HAIR_BOB || p->style == HAIR_LONG)
		curtains(scene);
	fill_cap(scene, p->hair_volume, p->hair);
	strands(scene, 1.7);
}
