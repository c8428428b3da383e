/* One picture: a person, seen by a camera, in a light, with an expression and something worn. */
#include "vision/drawn_internal.h"

#include <math.h>

static int check_shot(const struct drawn_faces *faces, struct drawn_shot shot, struct err *err)
{
	if (faces->width < 64 || faces->height < 64 || faces->width > 4096 || faces->height > 4096)
		return err_set(err, ERR_SETTINGS, "drawn faces: %zu × %zu pixels; 64 to 4096 are possible", faces->width,
		               faces->height);
	if (shot.accessory < 1 || shot.accessory > 6 || shot.light < 1 || shot.light > 30 || shot.expression < 1 ||
	    shot.expression > 3 || shot.camera < 1 || shot.camera > 20)
		return err_set(err, ERR_SETTINGS, "drawn faces: S%d L%d E%d C%d is outside S1–6, L1–30, E1–3, C1–20",
		               shot.accessory, shot.light, shot.expression, shot.camera);
	return OK;
}

/* A stream a picture, so that no picture depends on which others are drawn. */
static void seed_shot(struct rng *rng, const struct drawn_faces *faces, size_t person, struct drawn_shot shot)
{
	int number = ((shot.accessory * 31 + shot.light) * 4 + shot.expression) * 21 + shot.camera;

	rng_seed(rng, faces->seed, "sample.shot", (uint64_t)person * 65536 + (uint64_t)number);
}

/* Heads stand near the middle; a person holds the head a little differently each time. */
static void set_view(struct drawn_scene *scene, const struct drawn_faces *faces)
{
	double azimuth, elevation;
	struct rng *rng = scene->rng;

	drawn_camera(scene->shot.camera, &azimuth, &elevation);
	drawn_view_set(&scene->view, azimuth + 3 * rng_normal(rng), elevation + 2.5 * rng_normal(rng),
	               2.5 * rng_normal(rng));
	double side = (double)(faces->height < faces->width ? faces->height : faces->width);
	scene->view.scale = side * rng_range(rng, 0.200, 0.245);
	scene->view.x = (double)faces->width * rng_range(rng, 0.45, 0.55);
	scene->view.y = (double)faces->height * rng_range(rng, 0.41, 0.48);
}

static void draw_head(struct drawn_scene *scene)
{
	drawn_hair_back(scene);
	drawn_body(scene);
	drawn_skull(scene);
	drawn_folds(scene);
	drawn_eyes(scene);
	drawn_mouth(scene);
	drawn_nose(scene);
	drawn_hair_front(scene);
	drawn_brows(scene);
	drawn_glasses(scene);
	drawn_hat(scene);
}

static int finish(struct drawn_scene *scene, const struct image *wall, struct image *out, struct err *err)
{
	struct drawn_light light;
	struct image image = {0};
	int code = canvas_to_image(scene->canvas, &image, err);

	if (code != OK)
		return code;
	drawn_light_set(&light, scene->shot.light, &scene->view, scene->rng);
	drawn_light_apply(&light, &scene->view, wall, &image);
	/* Little light, much noise. */
	code = drawn_camera_noise(&image, rng_range(scene->rng, 0.04, 0.16),
	                          rng_range(scene->rng, 2.0, 4.0) + 2.0 * (1 - light.gain), scene->rng, err);
	if (code == OK)
		*out = image;
	else
		image_free(&image);
	return code;
}

int drawn_face(const struct drawn_faces *faces, size_t person, struct drawn_shot shot, struct image *out,
               struct drawn_marks *marks, struct err *err)
{
	struct drawn_person who;
	struct rng rng;
	struct image wall = {0};
	struct drawn_scene scene = {.person = &who, .shot = shot, .rng = &rng};
	int code = check_shot(faces, shot, err);

	if (code == OK)
		code = canvas_new(&scene.canvas, faces->width, faces->height, err);
	if (code != OK)
		return code;
	drawn_person_draw(&who, faces->seed, person);
	seed_shot(&rng, faces, person, shot);
	drawn_mimic_draw(&scene.mimic, &who, shot.expression, &rng);
	set_view(&scene, faces);
	drawn_wall(scene.canvas, (double)faces->width, (double)faces->height, &rng);
	code = canvas_to_image(scene.canvas, &wall, err);
	draw_head(&scene);
	if (code == OK)
		code = finish(&scene, &wall, out, err);
	canvas_free(scene.canvas);
	image_free(&wall);
	if (code == OK && marks)
		drawn_mark(&scene, marks);
	return code;
}
