#include "stages/evaluate_internal.h"

#include <stdlib.h>

#include "stages/stored_faces_internal.h"
#include "vision/vision.h"

#define TEST_SPLIT 2
/* Pictures of held-out people, spread evenly over faces.h5, that are searched as a whole. */
#define MAX_PICTURES 1000

struct held_pictures {
	struct face_picture *items;
	size_t count;
};

static void held_pictures_free(struct held_pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++)
		image_free(&pictures->items[i].grey);
	free(pictures->items);
}

static int read_pictures(struct stored_faces *faces, struct held_pictures *out, struct err *err)
{
	size_t held = 0, step, seen = 0;

	for (size_t i = 0; i < faces->count; i++)
		held += faces->split[i] == TEST_SPLIT;
	step = held > MAX_PICTURES ? (held + MAX_PICTURES - 1) / MAX_PICTURES : 1;
	out->items = mem_alloc(held / step + 1, sizeof(*out->items), err);
	if (!out->items)
		return err->code;
	for (size_t i = 0; i < faces->count; i++) {
		struct face_picture *picture = &out->items[out->count];
		if (faces->split[i] != TEST_SPLIT || seen++ % step != 0)
			continue;
		if (stored_faces_picture(faces, i, &picture->grey, err) != OK)
			return err->code;
		out->count++;
		picture->box = stored_faces_box(faces, i);
		picture->assumed = faces->box_source[i] == 0;
	}
	return OK;
}

static int load_faces(const struct stage_run *run, struct held_pictures *out, struct err *err)
{
	struct stored_faces faces = {0};
	char *path;
	int code;

	if (!evaluate_given(run, "faces"))
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? stored_faces_open(&faces, path, err) : err->code;
	if (code == OK)
		code = read_pictures(&faces, out, err);
	stored_faces_close(&faces);
	free(path);
	return code;
}

/* The crops and backgrounds that the stage cascade held out: the same rule, the same seed. */
static int load_holdout(const struct stage_run *run, struct cascade_data *data, struct err *err)
{
	const struct cascade_settings *settings = &run->settings->cascade;
	struct path_list positives = {0}, backgrounds = {0};
	char *faces = NULL;
	int code = stage_expand(run, &settings->positives, &positives, err);

	if (code == OK)
		code = stage_expand(run, &settings->backgrounds, &backgrounds, err);
	if (code == OK && !positives.count) {
		faces = stage_in_path(run, "faces", "faces.h5", err);
		code = faces ? OK : err->code;
	}
	if (code == OK) {
		struct cascade_sources sources = {
		    .positives = &positives,
		    .backgrounds = &backgrounds,
		    .faces_file = faces,
		    .window_w = (int)settings->window_width,
		    .window_h = (int)settings->window_height,
		    .centre = settings->centre,
		    .holdout = settings->holdout,
		    .variation = {.seed = (uint64_t)run->settings->run.seed},
		    .held = true,
		};
		code = cascade_data_read(&sources, data, err);
	}
	free(faces);
	path_list_free(&positives);
	path_list_free(&backgrounds);
	return code;
}

static void record(struct stage_run *run, const struct cascade_test *test, const struct cascade_score *score)
{
	struct json *object = json_set_object(evaluate_stage(run, "cascade"), "test"), *curve;

	json_set_integer(object, "neighbors", test->options.neighbors);
	json_set_integer(object, "crops", (int64_t)score->crops);
	if (score->crops)
		json_set_number(object, "crops_passed", (double)score->crops_passed / (double)score->crops);
	json_set_integer(object, "faces", (int64_t)score->faces);
	if (score->faces)
		json_set_number(object, "found", (double)score->faces_found / (double)score->faces);
	json_set_integer(object, "backgrounds", (int64_t)score->backgrounds);
	if (score->backgrounds)
		json_set_number(object, "false_a_picture", (double)score->false_detections / (double)score->backgrounds);
	if (!score->faces || !score->backgrounds)
		return;
	curve = json_set_array(object, "curve");
	for (size_t i = 0; i < CASCADE_POINTS; i++) {
		struct json *point = json_append_object(curve);
		json_set_integer(point, "neighbors", score->curve[i].neighbors);
		json_set_number(point, "found", score->curve[i].found);
		json_set_number(point, "false_a_picture", score->curve[i].false_a_picture);
	}
}

static int judge(struct stage_run *run, const struct cascade_data *data, const struct held_pictures *pictures,
                 struct err *err)
{
	const struct preprocess_settings *settings = &run->settings->preprocess;
	struct cascade_test test = {
	    .crops = data->held.crops.count ? &data->held.crops : NULL,
	    .backgrounds = data->held.backgrounds,
	    .n_backgrounds = data->held.n_backgrounds,
	    .faces = pictures->items,
	    .n_faces = pictures->count,
	    .options = {.scale = settings->detect_scale,
	                .neighbors = (int)settings->detect_neighbors,
	                .min_w = (int)settings->detect_min_size,
	                .min_h = (int)settings->detect_min_size,
	                .threads = run->threads},
	};
	struct cascade_score score;
	struct cascade *cascade;
	char *path = stage_in_path(run, "cascade", "cascade.xml", err);
	int code = path ? cascade_load(&cascade, path, err) : err->code;

	free(path);
	if (code != OK)
		return code;
	code = cascade_evaluate(cascade, &test, &score, err);
	cascade_free(cascade);
	if (code == OK)
		record(run, &test, &score);
	return code;
}

int evaluate_cascade(struct evaluation *evaluation, struct err *err)
{
	struct stage_run *run = evaluation->run;
	struct held_pictures pictures = {0};
	struct cascade_data data = {0};
	int code;

	if (!evaluate_given(run, "cascade"))
		return OK;
	code = load_faces(run, &pictures, err);
	if (code == OK)
		code = load_holdout(run, &data, err);
	if (code == OK)
		code = judge(run, &data, &pictures, err);
	cascade_data_free(&data);
	held_pictures_free(&pictures);
	return code;
}
