/* From the head to the picture, and how soft spots and shaded colours are made of flat ones. */
#include "vision/drawn_internal.h"

#include <math.h>

#define RADIANS(degrees) ((degrees) * (3.14159265358979323846 / 180))

/* K-FACE's cameras: C1–C13 at eye height from +90° by 15°, C14–C18 from above, C19 and C20 from below. */
void drawn_camera(int camera, double *azimuth, double *elevation)
{
	static const double above[] = {45, 15, 0, -15, -45};

	if (camera <= 13) {
		*azimuth = 90 - 15.0 * (camera - 1);
		*elevation = 0;
	} else if (camera <= 18) {
		*azimuth = above[camera - 14];
		*elevation = 30;
	} else {
		*azimuth = camera == 19 ? 30 : -30;
		*elevation = -15;
	}
}

/* Roll × elevation × azimuth. A camera that moves to the person's left sees the nose move to the left of the picture;
 * one that rises sees it sink. */
void drawn_view_set(struct drawn_view *view, double azimuth, double elevation, double roll)
{
	double ca = cos(RADIANS(azimuth)), sa = sin(RADIANS(azimuth)), ce = cos(RADIANS(elevation)),
	       se = sin(RADIANS(elevation));
	double cr = cos(RADIANS(roll)), sr = sin(RADIANS(roll));
	double level[3][3] = {{ca, 0, -sa}, {se * sa, ce, se * ca}, {ce * sa, -se, ce * ca}};

	for (size_t c = 0; c < 3; c++) {
		view->turn[0][c] = cr * level[0][c] - sr * level[1][c];
		view->turn[1][c] = sr * level[0][c] + cr * level[1][c];
		view->turn[2][c] = level[2][c];
	}
}

struct drawn_point drawn_turn(const struct drawn_view *view, struct drawn_point p)
{
	const double(*t)[3] = view->turn;

	return (struct drawn_point){
		t[0][0] * p.x + t[0][1] * p.y + t[0][2] * p.z,
		t[1][0] * p.x + t[1][1] * p.y + t[1][2] * p.z,
		t[2][0] * p.x + t[2][1] * p.y + t[2][2] * p.z,
	};
}

/* Flatter than a ball across the cheeks, falling back towards forehead and chin. */
struct drawn_point drawn_surface(const struct drawn_person *person, double x, double y, double lift)
{
	double u = x / person->width, bulge = 1 - 0.92 * u * u, fall = y < 0 ? 0.20 * y * y : 0.10 * y * y;

	return (struct drawn_point){x * person->width, y, 0.92 * sqrt(bulge > 0.02 ? bulge : 0.02) - fall + lift};
}

struct drawn_point drawn_project(const struct drawn_view *view, struct drawn_point p)
{
	struct drawn_point turned = drawn_turn(view, p);

	return (struct drawn_point){view->x + view->scale * turned.x, view->y + view->scale * turned.y, turned.z};
}

struct drawn_point drawn_on_face(const struct drawn_scene *scene, double x, double y, double lift)
{
	return drawn_project(&scene->view, drawn_surface(scene->person, x, y, lift));
}

void drawn_path_to(struct drawn_scene *scene, struct drawn_point picture, bool *first)
{
	if (*first)
		canvas_move(scene->canvas, picture.x, picture.y);
	else
		canvas_line(scene->canvas, picture.x, picture.y);
	*first = false;
}

void drawn_path_face(struct drawn_scene *scene, double x, double y, bool *first)
{
	drawn_path_to(scene, drawn_on_face(scene, x, y, 0), first);
}

/* A ring on the skin: what would lie outside the face is drawn at its edge. */
static void ring_path(struct drawn_scene *scene, const struct drawn_spot *spot, double share)
{
	enum { CORNERS = 20 };
	const struct drawn_person *p = scene->person;
	bool first = true;

	for (int i = 0; i < CORNERS; i++) {
		double angle = 2 * 3.14159265358979323846 * i / CORNERS;
		double x = spot->x + share * spot->radius_x * cos(angle), y = spot->y + share * spot->radius_y * sin(angle);
		y = y > p->chin - 0.08 ? p->chin - 0.08 : y;
		double edge = 0.92 * drawn_jaw_width(p, y) / p->width;
		x = x > edge ? edge : x < -edge ? -edge : x;
		drawn_path_to(scene, drawn_on_face(scene, x, y, spot->lift), &first);
	}
	canvas_close(scene->canvas);
}

void drawn_soft_spot(struct drawn_scene *scene, struct drawn_spot spot, struct colour colour)
{
	enum { RINGS = 7 };

	for (int ring = RINGS; ring > 0; ring--) {
		ring_path(scene, &spot, (double)ring / RINGS);
		canvas_fill(scene->canvas, colour_alpha(colour, 1 - pow(1 - colour.a, 1.0 / RINGS)));
	}
}

static double clamp_unit(double x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

struct colour colour_shade(struct colour colour, double factor)
{
	return (struct colour){clamp_unit(colour.r * factor), clamp_unit(colour.g * factor), clamp_unit(colour.b * factor),
	                       colour.a};
}

struct colour colour_mix(struct colour a, struct colour b, double share_b)
{
	double s = 1 - share_b;

	return (struct colour){a.r * s + b.r * share_b, a.g * s + b.g * share_b, a.b * s + b.b * share_b,
	                       a.a * s + b.a * share_b};
}

struct colour colour_alpha(struct colour colour, double alpha)
{
	colour.a = alpha;
	return colour;
}

struct colour colour_random(struct rng *rng, double low, double high)
{
	double grey = rng_range(rng, low, high), reach = rng_range(rng, 0, 0.25);
	struct colour colour = {.a = 1};

	colour.r = clamp_unit(grey + rng_range(rng, -reach, reach));
	colour.g = clamp_unit(grey + rng_range(rng, -reach, reach));
	colour.b = clamp_unit(grey + rng_range(rng, -reach, reach));
	return colour;
}
