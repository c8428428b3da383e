#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

#include "vision/vision.h"

#define TEST_SPLIT 2
/* Pictures of held-out people, spread evenly over faces.h5, that are searched as a whole. */
#define MAX_PICTURES 1000

struct face_rows {
	struct hdf_file *file;
	size_t count, height, width;
	int32_t *area, *box;
	uint8_t *source, *split;
	struct face_picture *pictures;
	size_t n_pictures;
};

static void face_rows_free(struct face_rows *rows)
{
	for (size_t i = 0; i < rows->n_pictures; i++)
		image_free(&rows->pictures[i].grey);
	if (rows->file)
		hdf_close(rows->file);
	free(rows->area);
	free(rows->box);
	free(rows->source);
	free(rows->split);
	free(rows->pictures);
}

static int read_columns(struct face_rows *rows, const char *path, struct err *err)
{
	static const char *const names[] = {"area", "box", "box_source", "split"};
	static const enum hdf_type types[] = {HDF_I32, HDF_I32, HDF_U8, HDF_U8};
	void **columns[] = {(void **)&rows->area, (void **)&rows->box, (void **)&rows->source, (void **)&rows->split};
	struct hdf_shape shape;

	if (hdf_open(&rows->file, path, err) != OK || hdf_shape(rows->file, "pixels", &shape, err) != OK)
		return err->code;
	if (shape.rank != 4 || shape.dims[3] != 3)
		return err_set(err, ERR_DATA, "%s: pixels is not [n][height][width][3]", path);
	rows->count = shape.dims[0];
	rows->height = shape.dims[1];
	rows->width = shape.dims[2];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (hdf_read(rows->file, names[i], types[i], rows->count * 4, columns[i], &shape, err) != OK)
			return err->code;
		if (shape.dims[0] != rows->count || (i < 2 && (shape.rank != 2 || shape.dims[1] != 4)))
			return err_set(err, ERR_DATA, "%s: %s does not have a row a face", path, names[i]);
	}
	return OK;
}

/* The picture of a row without the empty rest of its frame. */
static int cut_picture(struct face_rows *rows, size_t row, const uint8_t *frame, struct err *err)
{
	const int32_t *area = rows->area + 4 * row, *box = rows->box + 4 * row;
	struct face_picture *picture = &rows->pictures[rows->n_pictures];

	if (area[0] < 0 || area[1] < 0 || area[2] < 1 || area[3] < 1 || (size_t)area[0] + (size_t)area[2] > rows->width ||
	    (size_t)area[1] + (size_t)area[3] > rows->height)
		return err_set(err, ERR_DATA, "area of face %zu does not lie in its frame", row);
	if (image_new(&picture->grey, (size_t)area[2], (size_t)area[3], 3, err) != OK)
		return err->code;
	rows->n_pictures++;
	for (size_t y = 0; y < picture->grey.height; y++)
		memcpy(picture->grey.pixels + y * picture->grey.width * 3,
		       frame + (((size_t)area[1] + y) * rows->width + (size_t)area[0]) * 3, picture->grey.width * 3);
	picture->assumed = rows->source[row] == 0;
	if (!picture->assumed)
		picture->box = (struct rect){box[0] - area[0], box[1] - area[1], box[2], box[3]};
	return OK;
}

static int read_pictures(struct face_rows *rows, struct err *err)
{
	size_t held = 0, step, seen = 0;
	uint8_t *frame = mem_alloc(rows->height * rows->width, 3, err);
	int code = frame ? OK : err->code;

	for (size_t i = 0; i < rows->count; i++)
		held += rows->split[i] == TEST_SPLIT;
	step = held > MAX_PICTURES ? (held + MAX_PICTURES - 1) / MAX_PICTURES : 1;
	if (code == OK) {
		rows->pictures = mem_alloc(held / step + 1, sizeof(*rows->pictures), err);
		code = rows->pictures ? OK : err->code;
	}
	for (size_t i = 0; code == OK && i < rows->count; i++) {
		if (rows->split[i] != TEST_SPLIT || seen++ % step != 0)
			continue;
		code = hdf_read_rows(rows->file, "pixels", HDF_U8, i, 1, frame, err);
		if (code == OK)
			code = cut_picture(rows, i, frame, err);
	}
	free(frame);
	return code;
}

static int load_faces(const struct stage_run *run, struct face_rows *rows, struct err *err)
{
	char *path;
	int code;

	if (!evaluate_given(run, "faces"))
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? read_columns(rows, path, err) : err->code;
	if (code == OK)
		code = read_pictures(rows, err);
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

static int judge(struct stage_run *run, const struct cascade_data *data, const struct face_rows *rows, struct err *err)
{
	const struct preprocess_settings *settings = &run->settings->preprocess;
	struct cascade_test test = {
	    .crops = data->held.crops.count ? &data->held.crops : NULL,
	    .backgrounds = data->held.backgrounds,
	    .n_backgrounds = data->held.n_backgrounds,
	    .faces = rows->pictures,
	    .n_faces = rows->n_pictures,
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
	struct face_rows rows = {0};
	struct cascade_data data = {0};
	int code;

	if (!evaluate_given(run, "cascade"))
		return OK;
	code = load_faces(run, &rows, err);
	if (code == OK)
		code = load_holdout(run, &data, err);
	if (code == OK)
		code = judge(run, &data, &rows, err);
	cascade_data_free(&data);
	face_rows_free(&rows);
	return code;
}
