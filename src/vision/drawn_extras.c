/* What is worn, and what lies on the skin: glasses, hats, creases, redness, beards. */
#include "vision/drawn_internal.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static bool wears_glasses(int accessory)
{
	return accessory == 2 || accessory == 3 || accessory == 4 || accessory == 6;
}

static void lens(struct drawn_scene *scene, double side, double half_x, double half_y, double square)
{
	bool first = true;

	for (int i = 0; i < 32; i++) {
		double t = 2 * pi * i / 32, c = cos(t), n = sin(t);
		double x = copysign(pow(fabs(c), square), c), y = copysign(pow(fabs(n), square), n);
		drawn_path_to(scene, drawn_on_face(scene, side * scene->person->eye_gap + half_x * x, 0.03 + half_y * y, 0.16),
		              &first);
	}
	canvas_close(scene->canvas);
}

static void temple(struct drawn_scene *scene, double side, double width, struct colour colour)
{
	const struct drawn_person *p = scene->person;
	struct drawn_point front = drawn_on_face(scene, side * (p->eye_gap + 0.30), -0.04, 0.14);
	struct drawn_point ear = drawn_project(&scene->view, (struct drawn_point){side * 1.02 * p->width, -0.05, -0.05});

	if (side * scene->view.turn[2][0] < -0.1)
		return;
	canvas_move(scene->canvas, front.x, front.y);
	canvas_line(scene->canvas, ear.x, ear.y);
	canvas_stroke(scene->canvas, width, colour);
}

/* S002 thin, S003 and S006 horn-rimmed, S004 sun glasses. */
void drawn_glasses(struct drawn_scene *scene)
{
	int kind = scene->shot.accessory;
	bool horn = kind == 3 || kind == 6, dark = kind == 4;
	double width = scene->view.scale * (horn ? 0.075 : dark ? 0.05 : 0.028);
	struct colour frame = horn ? colour_shade(scene->person->frame, 0.6) : scene->person->frame;

	if (!wears_glasses(kind))
		return;
	for (double side = -1; side < 2; side += 2) {
		struct colour glass = dark ? (struct colour){0.05, 0.05, 0.06, 0.93} : (struct colour){0.85, 0.92, 1, 0.10};
		lens(scene, side, dark ? 0.33 : 0.30, dark ? 0.25 : 0.225, horn ? 0.7 : 0.85);
		canvas_fill(scene->canvas, glass);
		lens(scene, side, dark ? 0.33 : 0.30, dark ? 0.25 : 0.225, horn ? 0.7 : 0.85);
		canvas_stroke(scene->canvas, width, frame);
		temple(scene, side, width, frame);
	}
	bool first = true;
	for (int i = 0; i <= 6; i++) {
		double t = i / 3.0 - 1;
		drawn_path_to(scene, drawn_on_face(scene, 0.13 * t, -0.03 - 0.045 * (1 - t * t), 0.20), &first);
	}
	canvas_stroke(scene->canvas, width, frame);
}

/* S005 and S006: a cap with a brim. */
void drawn_hat(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	struct drawn_point from = drawn_project(&scene->view, (struct drawn_point){1.04 * p->width, -0.56, 0});
	struct drawn_point to = drawn_project(&scene->view, (struct drawn_point){-1.04 * p->width, -0.56, 0});
	struct drawn_point centre = drawn_project(&scene->view, drawn_skull_centre);
	bool first = true;

	if (scene->shot.accessory != 5 && scene->shot.accessory != 6)
		return;
	double start = atan2(from.y - centre.y, from.x - centre.x), end = atan2(to.y - centre.y, to.x - centre.x);
	while (end >= start)
		end -= 2 * pi;
	for (int i = 0; i <= 28; i++)
		drawn_path_to(scene, drawn_skull_outline(scene, start + (end - start) * i / 28, 0.14 + p->hair_volume * 0.6),
		              &first);
	canvas_close(scene->canvas);
	canvas_fill_gradient(scene->canvas, centre.x, centre.y - 1.3 * scene->view.scale, colour_shade(p->hat, 1.15),
	                     centre.x, centre.y - 0.2 * scene->view.scale, colour_shade(p->hat, 0.72));
	first = true;
	for (int i = 0; i <= 32; i++) {
		double t = 2 * pi * i / 32, front = cos(t) > 0 ? cos(t) : 0;
		drawn_path_to(scene,
		              drawn_project(&scene->view, (struct drawn_point){1.06 * p->width * sin(t), -0.60 + 0.04 * front,
		                                                               1.00 * cos(t) + 0.36 * front}),
		              &first);
	}
	canvas_close(scene->canvas);
	canvas_fill(scene->canvas, colour_shade(p->hat, 0.58));
}

static void crease(struct drawn_scene *scene, const double (*points)[2], size_t count, double side, double width,
                   double alpha)
{
	bool first = true;

	for (size_t i = 0; i < count; i++)
		drawn_path_face(scene, side * points[i][0], points[i][1], &first);
	canvas_stroke(scene->canvas, width * scene->view.scale,
	              colour_alpha(colour_shade(scene->person->skin, 0.5), alpha));
}

/* From the ears along the jaw, and back above the mouth's corners. */
static void beard_path(struct drawn_scene *scene)
{
	enum { SIDE = 14 };
	const struct drawn_person *p = scene->person;
	bool first = true;

	for (int i = 0; i <= SIDE; i++)
		drawn_path_to(scene, drawn_jaw_edge(scene, 0.25 + (p->chin - 0.27) * i / SIDE, -1), &first);
	for (int i = SIDE; i >= 0; i--)
		drawn_path_to(scene, drawn_jaw_edge(scene, 0.25 + (p->chin - 0.27) * i / SIDE, 1), &first);
	for (int i = 0; i <= 20; i++) {
		double t = 1 - i / 10.0;
		drawn_path_face(scene, 0.80 * t, 0.40 + 0.22 * (1 - t * t * t * t), &first);
	}
	canvas_close(scene->canvas);
}

static void beard(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;

	if (p->beard > 0) {
		beard_path(scene);
		canvas_fill(scene->canvas, colour_alpha(p->hair, 0.5 * p->beard));
		for (double side = -1; side < 2; side += 2)
			drawn_soft_spot(scene, (struct drawn_spot){side * 0.35, 0.98, 0, 0.40, 0.26},
		                colour_alpha(p->hair, 0.4 * p->beard));
	}
	if (p->moustache > 0)
		for (double side = -1; side < 2; side += 2)
			drawn_soft_spot(scene, (struct drawn_spot){side * 0.13, p->mouth_y - 0.13, 0.08, 0.17, 0.06},
		                colour_alpha(p->hair, p->moustache));
}

void drawn_folds(struct drawn_scene *scene)
{
	static const double cheek_line[][2] = {{0.23, 0.50}, {0.33, 0.60}, {0.40, 0.71}, {0.42, 0.82}};
	static const double knit_line[][2] = {{0.075, -0.36}, {0.065, -0.26}, {0.085, -0.16}};
	const struct drawn_person *p = scene->person;
	const struct drawn_mimic *m = &scene->mimic;
	double cheek = m->cheek > 0 ? m->cheek : 0;

	beard(scene);
	for (double side = -1; side < 2; side += 2) {
		struct drawn_point at = drawn_on_face(scene, side * 0.55, 0.48 - 0.05 * cheek, 0);
		if (at.z < 0.15)
			continue;
		drawn_soft_spot(scene, (struct drawn_spot){side * 0.55, 0.48 - 0.05 * cheek, 0, 0.26, 0.20},
		                (struct colour){0.85, 0.30, 0.28, p->cheeks + 0.08 * cheek});
		drawn_soft_spot(scene, (struct drawn_spot){side * 0.52, 0.32, 0, 0.16, 0.09},
		                colour_alpha(colour_shade(p->skin, 1.2), 0.25 + 0.15 * cheek));
		drawn_soft_spot(scene, (struct drawn_spot){side * 0.56, 0.80, 0, 0.20, 0.26},
		                colour_alpha(colour_shade(p->skin, 0.6), 0.22));
		crease(scene, cheek_line, ARRAY_COUNT(cheek_line), side, 0.030, 0.10 + 0.38 * cheek);
		if (m->brow_knit > 0)
			crease(scene, knit_line, ARRAY_COUNT(knit_line), side, 0.026, 0.55 * m->brow_knit);
	}
	drawn_soft_spot(scene, (struct drawn_spot){0, -0.52, 0, 0.45, 0.16},
		                colour_alpha(colour_shade(p->skin, 1.15), 0.35));
}
