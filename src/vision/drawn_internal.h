/*
 * Shared by the drawn_*.c files: a person's measures, the head's geometry, the parts that draw.
 *
 * Head coordinates: the unit is half the width of an average head, the origin lies between the eyes inside the head; x
 * to the right of the picture at frontal view (the person's left), y down, z out of the face. A view turns, scales and
 * moves them.
 */
#ifndef MOODCAST_DRAWN_INTERNAL_H
#define MOODCAST_DRAWN_INTERNAL_H

#include "vision/vision.h"

/* ---- whole pictures ---- */

/* K-FACE's S 1–6, L 1–30, E 1–3, C 1–20. */
struct drawn_shot {
	int accessory, light, expression, camera;
};
/* Where things are in a picture, in K-FACE's order. Points: nose, right eye, left eye, right and left mouth corner,
 * right and left ear. Boxes: face, right eye, left eye, nose, mouth, right ear, left ear; `hidden` from this camera.
 * Right and left are the person's own. */
#define DRAWN_MARKS 7
struct drawn_marks {
	double points[DRAWN_MARKS][2];
	struct rect boxes[DRAWN_MARKS];
	bool hidden[DRAWN_MARKS];
};
/* One picture, RGB. *marks may be NULL. ERR_SETTINGS for sizes or a shot outside the ranges above. */
int drawn_face(const struct drawn_faces *faces, size_t person, struct drawn_shot shot, struct image *out,
               struct drawn_marks *marks, struct err *err) MUST_CHECK;
/* K-FACE's text: 7 lines "x<TAB>y", then "x<TAB>y<TAB>w<TAB>h" for each box that is not hidden. */
void drawn_marks_print(const struct drawn_marks *marks, struct strbuf *out);
/* What person number `person` is photographed with: expressions in turn, all different. shots[faces->pictures]. */
void drawn_shots(const struct drawn_faces *faces, size_t person, struct drawn_shot *shots);
/* Faceless pictures number 0, 1, …: walls, leaves, houses, cloth, shelves, lights, clutter, RGB. */
int drawn_background(uint64_t seed, size_t number, size_t width, size_t height, struct image *out,
                     struct err *err) MUST_CHECK;

/* ---- what they are drawn from ---- */

struct drawn_point {
	double x, y, z;
};

enum hair_style {
	HAIR_SHORT,
	HAIR_SIDE,
	HAIR_FRINGE,
	HAIR_BOB,
	HAIR_LONG,
	HAIR_BUN,
	HAIR_CURLY,
	HAIR_BALD,
	HAIR_STYLES
};

struct drawn_person {
	struct colour skin, hair, iris, lips, clothes, frame, hat;
	double width, chin, jaw;               /* factor; y of the chin; exponent of the jaw line, larger = squarer */
	double eye_gap, eye_size, eye_tilt;    /* x of the eyes; half-width; rise of the outer corner */
	double brow_weight, brow_height, brow_arch;
	double nose_length, nose_width;
	double mouth_width, mouth_y, lip;
	double rest_mouth, rest_brow, rest_lid; /* the resting face: adds to every expression */
	double hairline, hair_volume;
	enum hair_style style;
	double beard, moustache; /* opacity, 0 = none */
	double cheeks;           /* redness */
	bool lashes;
};

/* What the face does: 0 = relaxed, 1 = as far as it goes. */
struct drawn_mimic {
	double curve;     /* of the mouth: + up, − down */
	double open, wide, press;
	double brow_drop, brow_knit, squint, cheek;
};

struct drawn_view {
	double turn[3][3]; /* head → camera */
	double scale, x, y;
};

/* All that the drawing parts share for one picture. */
struct drawn_scene {
	struct canvas *canvas;
	struct drawn_view view;
	const struct drawn_person *person;
	struct drawn_mimic mimic;
	struct drawn_shot shot;
	struct rng *rng;
};

void drawn_person_draw(struct drawn_person *person, uint64_t seed, size_t number);
void drawn_mimic_draw(struct drawn_mimic *mimic, const struct drawn_person *person, int expression, struct rng *rng);

/* ---- drawn_view.c ---- */
/* Angles in degrees: azimuth + = camera to the person's left, elevation + = from above, roll clockwise. */
void drawn_view_set(struct drawn_view *view, double azimuth, double elevation, double roll);
void drawn_camera(int camera, double *azimuth, double *elevation);
struct drawn_point drawn_turn(const struct drawn_view *view, struct drawn_point p);
/* The point of the face's front at (x, y), `lift` in front of it; then where it falls in the picture (z: towards the
 * camera). */
struct drawn_point drawn_surface(const struct drawn_person *person, double x, double y, double lift);
struct drawn_point drawn_project(const struct drawn_view *view, struct drawn_point p);
struct drawn_point drawn_on_face(const struct drawn_scene *scene, double x, double y, double lift);
/* Starts a new path on the first call (`*first` true), else continues it. */
void drawn_path_to(struct drawn_scene *scene, struct drawn_point picture, bool *first);
void drawn_path_face(struct drawn_scene *scene, double x, double y, bool *first);
/* A soft spot on the face: `colour.a` in the middle, falling to nothing at the rim. */
struct drawn_spot {
	double x, y, lift, radius_x, radius_y; /* head units, as for drawn_surface */
};
void drawn_soft_spot(struct drawn_scene *scene, struct drawn_spot spot, struct colour colour);
struct colour colour_shade(struct colour colour, double factor);
struct colour colour_mix(struct colour a, struct colour b, double share_b);
struct colour colour_alpha(struct colour colour, double alpha);
struct colour colour_random(struct rng *rng, double low, double high);

/* ---- parts ---- */
void drawn_body(struct drawn_scene *scene);      /* shoulders and neck */
void drawn_hair_back(struct drawn_scene *scene); /* what lies behind the head */
void drawn_skull(struct drawn_scene *scene);     /* head and ears */
void drawn_hair_front(struct drawn_scene *scene);
void drawn_hat(struct drawn_scene *scene);
void drawn_eyes(struct drawn_scene *scene);
void drawn_brows(struct drawn_scene *scene);
void drawn_nose(struct drawn_scene *scene);
void drawn_mouth(struct drawn_scene *scene);
void drawn_folds(struct drawn_scene *scene); /* cheeks, creases, beard */
void drawn_glasses(struct drawn_scene *scene);
void drawn_mark(const struct drawn_scene *scene, struct drawn_marks *marks);
/* Skull: an ellipsoid with this centre and these radii. */
extern const struct drawn_point drawn_skull_centre, drawn_skull_radius;
/* Support point of the skull's outline in the direction (cos t, sin t) of the picture, grown by `grow`. */
struct drawn_point drawn_skull_outline(const struct drawn_scene *scene, double t, double grow);
double drawn_jaw_width(const struct drawn_person *person, double y);
/* Where the outline of the lower head runs at height y, on the left (−1) or right (+1) of the picture. */
struct drawn_point drawn_jaw_edge(const struct drawn_scene *scene, double y, double side);

/* ---- drawn_light.c ---- */
struct drawn_light {
	struct drawn_point from; /* unit, camera coordinates */
	double ambient, diffuse, gain;
	struct colour tint;
};
void drawn_light_set(struct drawn_light *light, int number, const struct drawn_view *view, struct rng *rng);
/* Shades the person as a ball around the head; pixels that still are as in `wall`, the picture without the person,
 * evenly. */
void drawn_light_apply(const struct drawn_light *light, const struct drawn_view *view, const struct image *wall,
                       struct image *image);
/* A small blur, the sensor's noise. */
int drawn_camera_noise(struct image *image, double blur, double sigma, struct rng *rng, struct err *err) MUST_CHECK;

/* ---- drawn_background.c ---- */
void drawn_wall(struct canvas *canvas, double width, double height, struct rng *rng); /* behind heads */

#endif
