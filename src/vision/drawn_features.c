/* Eyes, brows, nose and mouth: what the expressions move. */
#include "vision/drawn_internal.h"

#include <math.h>

enum { STEPS = 20 };

/* Turned so far away that the part does not show. */
static bool hidden_part(const struct drawn_scene *scene, double x, double y)
{
	struct drawn_point here = drawn_surface(scene->person, x, y, 0), normal = {here.x * 0.85, 0.1 * here.y, here.z};

	return drawn_turn(&scene->view, normal).z < 0.12;
}

/* ---- eyes ---- */

struct eye {
	double x, y, side; /* centre; −1 the person's right, +1 the left */
	double half, upper, lower, tilt;
};

static struct eye eye_shape(const struct drawn_scene *scene, double side)
{
	const struct drawn_person *p = scene->person;
	double squint = scene->mimic.squint < -0.3 ? -0.3 : scene->mimic.squint > 0.95 ? 0.95 : scene->mimic.squint;
	double smile = scene->mimic.cheek;

	return (struct eye){
	    .x = side * p->eye_gap,
	    .y = 0,
	    .side = side,
	    .half = p->eye_size,
	    .tilt = p->eye_tilt,
	    .upper = p->eye_size * 0.58 * (1 - 0.55 * squint),
	    .lower = p->eye_size * 0.34 * (1 - 0.35 * squint - 0.75 * smile),
	};
}

/* t in [−1, 1] from the left of the picture to the right; lid −1 upper, +1 lower. */
static double lid_y(const struct eye *eye, double t, int lid)
{
	double height = lid < 0 ? -eye->upper : eye->lower, outer = t * eye->side;

	return eye->y + height * pow(1 - t * t, lid < 0 ? 0.62 : 0.8) - eye->tilt * outer;
}

static void fill_opening(struct drawn_scene *scene, const struct eye *eye, struct colour colour)
{
	bool first = true;

	for (int i = 0; i <= STEPS; i++)
		drawn_path_face(scene, eye->x + eye->half * (2.0 * i / STEPS - 1), lid_y(eye, 2.0 * i / STEPS - 1, -1), &first);
	for (int i = STEPS; i >= 0; i--)
		drawn_path_face(scene, eye->x + eye->half * (2.0 * i / STEPS - 1), lid_y(eye, 2.0 * i / STEPS - 1, 1), &first);
	canvas_fill(scene->canvas, colour);
}

/* A disc cut by the lids. */
static void fill_iris(struct drawn_scene *scene, const struct eye *eye, double radius, struct colour colour)
{
	bool first = true;

	for (int i = 0; i < 2 * STEPS; i++) {
		double angle = 3.14159265358979 * i / STEPS, t = radius * cos(angle) / eye->half;
		double y = eye->y - 0.012 + radius * sin(angle), high = lid_y(eye, t, -1), low = lid_y(eye, t, 1);
		y = y < high ? high : y > low ? low : y;
		drawn_path_face(scene, eye->x + radius * cos(angle), y, &first);
	}
	canvas_fill(scene->canvas, colour);
}

static void stroke_lid(struct drawn_scene *scene, const struct eye *eye, int lid, double away, double width,
                       struct colour colour)
{
	bool first = true;

	for (int i = 0; i <= STEPS; i++) {
		double t = 2.0 * i / STEPS - 1;
		drawn_path_face(scene, eye->x + 1.04 * eye->half * t, lid_y(eye, t, lid) + away, &first);
	}
	canvas_stroke(scene->canvas, width * scene->view.scale, colour);
}

static void draw_eye(struct drawn_scene *scene, double side)
{
	const struct drawn_person *p = scene->person;
	struct eye eye = eye_shape(scene, side);
	double s = scene->view.scale, iris = p->eye_size * 0.50;
	struct colour line = colour_mix(colour_shade(p->skin, 0.30), (struct colour){0.06, 0.04, 0.04, 1}, 0.6);

	if (hidden_part(scene, eye.x, 0))
		return;
	drawn_soft_spot(scene, (struct drawn_spot){eye.x * 0.97, -0.06, 0, 0.34, 0.21},
	                colour_alpha(colour_shade(p->skin, 0.42), 0.42));
	fill_opening(scene, &eye, (struct colour){0.90, 0.88, 0.86, 1});
	fill_iris(scene, &eye, iris, colour_shade(p->iris, 0.65));
	fill_iris(scene, &eye, iris * 0.86, p->iris);
	fill_iris(scene, &eye, iris * 0.48, (struct colour){0.03, 0.03, 0.03, 1});
	struct drawn_point glint = drawn_on_face(scene, eye.x + 0.035, -0.05, 0.02);
	if (eye.upper > 0.06) {
		canvas_ellipse(scene->canvas, glint.x, glint.y, 0.020 * s, 0.020 * s, 0);
		canvas_fill(scene->canvas, (struct colour){1, 1, 1, 0.9});
	}
	stroke_lid(scene, &eye, -1, 0, p->lashes ? 0.050 : 0.034, line);
	stroke_lid(scene, &eye, 1, 0, 0.014, colour_alpha(line, 0.6));
	stroke_lid(scene, &eye, -1, -0.065, 0.016, colour_alpha(colour_shade(p->skin, 0.5), 0.7));
	stroke_lid(
	    scene, &eye, 1, 0.06 + 0.02 * scene->mimic.cheek, 0.018,
	    colour_alpha(colour_shade(p->skin, 0.55), 0.25 + 0.35 * (scene->mimic.cheek > 0 ? scene->mimic.cheek : 0)));
}

void drawn_eyes(struct drawn_scene *scene)
{
	draw_eye(scene, -1);
	draw_eye(scene, 1);
}

/* ---- brows ---- */

/* t from 0 (at the nose) to 1 (outside). Frowning pulls the inner end down and in. */
static void brow_point(const struct drawn_scene *scene, double side, double t, double *x, double *y)
{
	const struct drawn_person *p = scene->person;
	const struct drawn_mimic *m = &scene->mimic;
	double inner = p->eye_gap - 1.28 * p->eye_size - 0.055 * m->brow_knit, outer = p->eye_gap + 1.38 * p->eye_size;
	double drop = 0.125 * m->brow_drop * (1 - t) * (1 - 0.35 * t) + 0.035 * m->brow_drop - 0.04 * m->brow_knit * t;

	*x = side * (inner + (outer - inner) * t);
	*y = p->brow_height + drop - p->brow_arch * sin(3.0 * t * (0.55 + 0.45 * t)) + 0.03 * t * t;
}

void drawn_brows(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	struct colour colour = colour_mix(p->hair, colour_shade(p->skin, 0.35), 0.35);

	for (double side = -1; side < 2; side += 2) {
		bool first = true;
		double x, y;
		if (hidden_part(scene, side * p->eye_gap, p->brow_height))
			continue;
		for (int i = 0; i <= STEPS; i++) {
			brow_point(scene, side, (double)i / STEPS, &x, &y);
			drawn_path_face(scene, x, y - 0.5 * p->brow_weight * (1 - 0.55 * i / STEPS), &first);
		}
		for (int i = STEPS; i >= 0; i--) {
			brow_point(scene, side, (double)i / STEPS, &x, &y);
			drawn_path_face(scene, x, y + 0.5 * p->brow_weight * (1 - 0.75 * i / STEPS), &first);
		}
		canvas_fill(scene->canvas, colour_alpha(colour, 0.88));
	}
}

/* ---- nose ---- */

static void draw_nostril(struct drawn_scene *scene, double side)
{
	const struct drawn_person *p = scene->person;
	double y = p->nose_length, s = scene->view.scale, away = scene->view.turn[0][0];
	struct drawn_point hole = drawn_on_face(scene, side * p->nose_width * 0.48, y + 0.045, 0.20);
	struct colour dark = colour_shade(p->skin, 0.30);
	bool first = true;

	if (drawn_turn(&scene->view, (struct drawn_point){side * 0.45, 0, 0.9}).z < 0.05)
		return;
	canvas_ellipse(scene->canvas, hole.x, hole.y, 0.052 * s * (0.4 + 0.6 * fabs(away)), 0.026 * s, 0.25 * side);
	canvas_fill(scene->canvas, colour_alpha(dark, 0.85));
	for (int i = 0; i <= 8; i++) {
		double angle = -1.2 + 2.2 * i / 8;
		drawn_path_to(scene,
		              drawn_on_face(scene, side * (p->nose_width * 0.80 + 0.035 * cos(angle)),
		                            y + 0.005 + 0.065 * sin(angle), 0.12),
		              &first);
	}
	canvas_stroke(scene->canvas, 0.020 * s, colour_alpha(dark, 0.55));
}

/* From the side the ridge of the nose is part of the outline, and reaches back into the face. */
static void draw_ridge(struct drawn_scene *scene)
{
	static const double ridge[][2] = {{-0.16, -0.02}, {0.10, 0.10}, {0.30, 0.19},  {0.44, 0.31},
	                                  {0.54, 0.28},   {0.60, 0.04}, {0.60, -0.12}, {0.10, -0.04}};
	bool first = true;

	for (size_t i = 0; i < ARRAY_COUNT(ridge); i++)
		drawn_path_to(scene, drawn_on_face(scene, 0, ridge[i][0] * scene->person->nose_length / 0.5, ridge[i][1]),
		              &first);
	canvas_close(scene->canvas);
	canvas_fill(scene->canvas, scene->person->skin);
}

/* The nose stands out of the face, so it is drawn as a wedge that also shows beyond the cheek when the head is turned.
 */
void drawn_nose(struct drawn_scene *scene)
{
	static const double wedge[][3] = {{-0.07, -0.12, 0.02}, {-0.075, 0.20, 0.10}, {-0.11, 0.44, 0.26}, {0, 0.52, 0.31},
	                                  {0.11, 0.44, 0.26}, {0.075, 0.20, 0.10}, {0.07, -0.12, 0.02}};
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, stretch = p->nose_length / 0.5, y = p->nose_length;
	bool first = true, sideways = fabs(scene->view.turn[0][2]) > 0.8;

	if (sideways)
		draw_ridge(scene);
	for (size_t i = 0; i < ARRAY_COUNT(wedge); i++)
		drawn_path_to(scene,
		              drawn_on_face(scene, wedge[i][0] * p->nose_width / 0.185, wedge[i][1] * stretch, wedge[i][2]),
		              &first);
	canvas_fill(scene->canvas, colour_alpha(p->skin, 0.75));
	for (double side = -1; side < 2; side += 2) {
		first = true;
		for (int i = 0; i <= 8; i++) {
			double t = i / 8.0;
			drawn_path_to(scene,
			              drawn_on_face(scene, side * (0.085 + 0.035 * t * t), -0.14 + (y + 0.10) * t, 0.03 + 0.14 * t),
			              &first);
		}
		canvas_stroke(scene->canvas, 0.060 * s, colour_alpha(colour_shade(p->skin, 0.62), 0.30));
	}
	drawn_soft_spot(scene, (struct drawn_spot){0, y + 0.07, 0.14, 0.20, 0.075},
	                colour_alpha(colour_shade(p->skin, 0.45), 0.60));
	drawn_soft_spot(scene, (struct drawn_spot){0, y - 0.06, 0.30, 0.10, 0.10},
	                colour_alpha(colour_shade(p->skin, 1.25), 0.45));
	drawn_soft_spot(scene, (struct drawn_spot){0, 0.12, 0.12, 0.05, 0.22},
	                colour_alpha(colour_shade(p->skin, 1.22), 0.35));
	draw_nostril(scene, -1);
	draw_nostril(scene, 1);
}

/* ---- mouth ---- */

/* Heights of the four lip lines at t in [−1, 1]: outside of the upper lip, its inside, inside of the lower lip, its
 * outside. */
static void lip_lines(const struct drawn_scene *scene, double t, double y[4])
{
	const struct drawn_person *p = scene->person;
	const struct drawn_mimic *m = &scene->mimic;
	double round = 1 - t * t, lip = p->lip * (1 - 0.45 * m->press) * (1 - 0.15 * m->wide);
	double bow = 0.20 * lip * exp(-40 * t * t); /* the dip below the nose */

	y[1] = p->mouth_y - 0.155 * m->curve * (t * t - 0.35) - 0.02 * m->open * round;
	y[2] = y[1] + 0.20 * m->open * pow(round > 0 ? round : 0, 0.75);
	y[0] = y[1] - lip * pow(round > 0 ? round : 0, 0.7) + bow;
	y[3] = y[2] + 1.25 * lip * pow(round > 0 ? round : 0, 0.6);
}

static double mouth_half(const struct drawn_scene *scene)
{
	return scene->person->mouth_width * (1 + 0.34 * scene->mimic.wide);
}

/* The band between two of the lip lines, or, when `depth` > 0, at most that far below the first one. */
static void fill_band(struct drawn_scene *scene, int from, int to, double depth, struct colour colour)
{
	double half = mouth_half(scene), y[4];
	bool first = true;

	for (int i = 0; i <= STEPS; i++) {
		lip_lines(scene, 2.0 * i / STEPS - 1, y);
		drawn_path_face(scene, half * (2.0 * i / STEPS - 1), y[from], &first);
	}
	for (int i = STEPS; i >= 0; i--) {
		lip_lines(scene, 2.0 * i / STEPS - 1, y);
		double low = depth > 0 && y[from] + depth < y[to] ? y[from] + depth : y[to];
		drawn_path_face(scene, half * (2.0 * i / STEPS - 1), low, &first);
	}
	canvas_fill(scene->canvas, colour);
}

void drawn_mouth(struct drawn_scene *scene)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, half = mouth_half(scene), y[4];
	struct colour line = colour_mix(colour_shade(p->lips, 0.35), (struct colour){0.15, 0.05, 0.05, 1}, 0.4);
	bool first = true;

	if (drawn_turn(&scene->view, (struct drawn_point){0, 0, 1}).z < -0.05)
		return;
	lip_lines(scene, 0, y);
	drawn_soft_spot(scene, (struct drawn_spot){0, y[3] + 0.07, 0, 0.24, 0.06},
	                colour_alpha(colour_shade(p->skin, 0.5), 0.5));
	if (scene->mimic.open > 0) {
		fill_band(scene, 1, 2, 0, (struct colour){0.22, 0.06, 0.07, 1});
		fill_band(scene, 1, 2, 0.085, (struct colour){0.93, 0.91, 0.88, 1});
	}
	fill_band(scene, 0, 1, 0, colour_shade(p->lips, 0.88));
	fill_band(scene, 2, 3, 0, p->lips);
	drawn_soft_spot(scene, (struct drawn_spot){0, y[2] + 0.6 * (y[3] - y[2]), 0.03, 0.15, 0.025},
	                colour_alpha(colour_shade(p->lips, 1.5), 0.45));
	for (int i = 0; i <= STEPS; i++) {
		lip_lines(scene, 2.0 * i / STEPS - 1, y);
		drawn_path_face(scene, 1.05 * half * (2.0 * i / STEPS - 1), y[1], &first);
	}
	canvas_stroke(scene->canvas, 0.026 * s, colour_alpha(line, 0.9));
}

/* ---- where things are ---- */

static struct rect box_around(const struct drawn_point *p, double half_x, double half_y)
{
	return (struct rect){(int)floor(p->x - half_x), (int)floor(p->y - half_y), (int)ceil(2 * half_x),
	                     (int)ceil(2 * half_y)};
}

/* Which boxes each of K-FACE's cameras hides. Indices as in struct drawn_marks. */
static void mark_hidden(int camera, bool hidden[DRAWN_MARKS])
{
	bool from_left = camera <= 6 || camera == 14 || camera == 15 || camera == 19;
	bool from_front = camera == 7 || camera == 16;

	hidden[1] = camera == 1 || camera == 2;
	hidden[2] = camera == 12 || camera == 13;
	hidden[5] = from_left;
	hidden[6] = !from_left && !from_front;
}

void drawn_mark(const struct drawn_scene *scene, struct drawn_marks *marks)
{
	const struct drawn_person *p = scene->person;
	double s = scene->view.scale, half = mouth_half(scene), corner[4], across = fabs(scene->view.turn[0][0]);
	double wide = 0.35 + 0.65 * across;

	lip_lines(scene, 1, corner);
	struct drawn_point at[DRAWN_MARKS] = {
	    drawn_on_face(scene, 0, p->nose_length, 0.30),
	    drawn_on_face(scene, -p->eye_gap, 0, 0),
	    drawn_on_face(scene, p->eye_gap, 0, 0),
	    drawn_on_face(scene, -half, corner[1], 0),
	    drawn_on_face(scene, half, corner[1], 0),
	    drawn_project(&scene->view, (struct drawn_point){-p->width, 0.12, -0.12}),
	    drawn_project(&scene->view, (struct drawn_point){p->width, 0.12, -0.12}),
	};
	struct drawn_point middle = drawn_on_face(scene, 0, 0.36, -0.45), mouth = drawn_on_face(scene, 0, p->mouth_y, 0);
	*marks = (struct drawn_marks){0};
	for (size_t i = 0; i < DRAWN_MARKS; i++) {
		marks->points[i][0] = at[i].x;
		marks->points[i][1] = at[i].y;
	}
	marks->boxes[0] = box_around(&middle, 1.12 * s, 1.12 * s);
	marks->boxes[0].h = marks->boxes[0].w;
	marks->boxes[1] = box_around(&at[1], 0.27 * s * wide, 0.16 * s);
	marks->boxes[2] = box_around(&at[2], 0.27 * s * wide, 0.16 * s);
	marks->boxes[3] = box_around(&at[0], 0.28 * s, 0.22 * s);
	marks->boxes[4] = box_around(&mouth, (half + 0.06) * s * wide, 0.22 * s);
	marks->boxes[5] = box_around(&at[5], 0.18 * s, 0.30 * s);
	marks->boxes[6] = box_around(&at[6], 0.18 * s, 0.30 * s);
	mark_hidden(scene->shot.camera, marks->hidden);
}

void drawn_marks_print(const struct drawn_marks *marks, struct strbuf *out)
{
	for (size_t i = 0; i < DRAWN_MARKS; i++)
		strbuf_format(out, "%d\t%d\n", (int)lround(marks->points[i][0]), (int)lround(marks->points[i][1]));
	for (size_t i = 0; i < DRAWN_MARKS; i++)
		if (!marks->hidden[i])
			strbuf_format(out, "%d\t%d\t%d\t%d\n", marks->boxes[i].x, marks->boxes[i].y, marks->boxes[i].w,
			              marks->boxes[i].h);
}
