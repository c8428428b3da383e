/*
 * From a picture to the network's input. Everything that decides what the network sees is in struct preprocess, so
 * training and serving cannot differ.
 */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>

static int read_crop(struct preprocess *out, const struct text_list *names, struct err *err)
{
	if (names->count > CROP_SOURCES)
		return err_set(err, ERR_SETTINGS, "preprocess.crop: %zu sources, at most %d are known", names->count,
		               CROP_SOURCES);
	for (size_t i = 0; i < names->count; i++) {
		out->crop[i] = crop_source_find(names->items[i]);
		if (out->crop[i] < 0)
			return err_set(err, ERR_SETTINGS, "preprocess.crop: \"%s\" is not one of cascade, box, centre",
			               names->items[i]);
	}
	out->n_crop = names->count;
	return OK;
}

static int read_mean(struct preprocess *out, const struct text_list *numbers, struct err *err)
{
	if (numbers->count != ARRAY_COUNT(out->mean))
		return err_set(err, ERR_SETTINGS,
		               "preprocess.mean: %zu numbers, a mean for each of the three channels is needed", numbers->count);
	for (size_t i = 0; i < numbers->count; i++) {
		char *end;
		out->mean[i] = strtod(numbers->items[i], &end);
		if (end == numbers->items[i] || *end)
			return err_set(err, ERR_SETTINGS, "preprocess.mean: \"%s\" is not a number", numbers->items[i]);
	}
	return OK;
}

int preprocess_from_settings(struct preprocess *out, const struct preprocess_settings *settings, struct err *err)
{
	struct preprocess read = {
	    .margin = settings->margin,
	    .centre = settings->centre,
	    .centre_down = settings->centre_down,
	    .size = settings->size < 0 ? 0 : (size_t)settings->size,
	    .kernel = settings->kernel,
	    .channels = settings->channels,
	    .scale = settings->scale,
	    .detect_scale = settings->detect_scale,
	    .detect_neighbors = settings->detect_neighbors < 0 ? SIZE_MAX : (size_t)settings->detect_neighbors,
	    .detect_min_size = settings->detect_min_size < 0 ? 0 : (size_t)settings->detect_min_size,
	};
	int code = read_crop(&read, &settings->crop, err);
	if (code == OK)
		code = read_mean(&read, &settings->mean, err);
	if (code == OK)
		code = preprocess_check(&read, err);
	if (code == OK)
		*out = read;
	return code;
}

static int check_range(const char *field, double value, double low, double high, struct err *err)
{
	if (value >= low && value <= high) /* false for NaN */
		return OK;
	return err_set(err, ERR_SETTINGS, "preprocess.%s: %g is outside %g..%g", field, value, low, high);
}

/* The frame is no setting: it comes from the pictures that were trained on. */
static int check_frame(const struct preprocess *preprocess, struct err *err)
{
	if (preprocess->frame_width == 0 && preprocess->frame_height == 0)
		return OK;
	int code = check_range("frame", (double)preprocess->frame_width, 16, 4096, err);
	return code == OK ? check_range("frame", (double)preprocess->frame_height, 16, 4096, err) : code;
}

static int check_crop(const struct preprocess *preprocess, struct err *err)
{
	if (preprocess->n_crop == 0)
		return err_set(err, ERR_SETTINGS, "preprocess.crop: name at least one of cascade, box, centre");
	for (size_t i = 0; i < preprocess->n_crop; i++)
		for (size_t j = 0; j < i; j++)
			if (preprocess->crop[i] == preprocess->crop[j])
				return err_set(err, ERR_SETTINGS, "preprocess.crop: \"%s\" stands there twice",
				               crop_source_name(preprocess->crop[i]));
	return OK;
}

int preprocess_check(const struct preprocess *preprocess, struct err *err)
{
	const struct {
		const char *field;
		double value, low, high;
	} ranges[] = {
	    {"margin", preprocess->margin, -0.4, 2},
	    {"centre", preprocess->centre, 0.1, 1},
	    {"centre_down", preprocess->centre_down, -0.4, 0.4},
	    {"size", (double)preprocess->size, 32, 512},
	    {"kernel", preprocess->kernel, KERNEL_NEAREST, KERNEL_AREA},
	    {"channels", preprocess->channels, CHANNELS_RGB, CHANNELS_BGR},
	    {"mean", preprocess->mean[0], -1e6, 1e6},
	    {"mean", preprocess->mean[1], -1e6, 1e6},
	    {"mean", preprocess->mean[2], -1e6, 1e6},
	    {"scale", preprocess->scale, 1e-6, 1e6},
	    {"detect_scale", preprocess->detect_scale, 1.01, 4},
	    {"detect_neighbors", (double)preprocess->detect_neighbors, 0, 1000},
	    {"detect_min_size", (double)preprocess->detect_min_size, 8, 10000},
	};
	for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
		int code = check_range(ranges[i].field, ranges[i].value, ranges[i].low, ranges[i].high, err);
		if (code != OK)
			return code;
	}
	int code = check_frame(preprocess, err);
	return code == OK ? check_crop(preprocess, err) : code;
}

bool preprocess_uses(const struct preprocess *preprocess, int crop_source)
{
	for (size_t i = 0; i < preprocess->n_crop; i++)
		if (preprocess->crop[i] == crop_source)
			return true;
	return false;
}

bool preprocess_wants_detections(const struct preprocess *preprocess, bool box_known)
{
	for (size_t i = 0; i < preprocess->n_crop; i++) {
		if (preprocess->crop[i] == CROP_CASCADE)
			return true;
		if (preprocess->crop[i] == CROP_CENTRE || box_known)
			return false;
	}
	return false;
}

static bool rect_is_empty(const struct rect *rect)
{
	return !rect || rect->w <= 0 || rect->h <= 0;
}

/* Area first, then upper, then left: a total order but for equal rectangles. */
static bool rect_goes_before(const struct rect *a, const struct rect *b)
{
	long long area_a = (long long)a->w * a->h, area_b = (long long)b->w * b->h;
	if (area_a != area_b)
		return area_a > area_b;
	return a->y != b->y ? a->y < b->y : a->x < b->x;
}

bool preprocess_sure(int neighbors, int most)
{
	return neighbors >= most - neighbors;
}

static const struct rect *surest_detection(const struct face_hints *hints)
{
	const struct rect *best = NULL;
	int most = 0;
	for (size_t i = 0; i < hints->n_detections && hints->neighbors; i++)
		most = hints->neighbors[i] > most ? hints->neighbors[i] : most;
	for (size_t i = 0; i < hints->n_detections; i++) {
		bool sure = !hints->neighbors || preprocess_sure(hints->neighbors[i], most);
		if (sure && !rect_is_empty(&hints->detections[i]) && (!best || rect_goes_before(&hints->detections[i], best)))
			best = &hints->detections[i];
	}
	return best;
}

static struct rect central_square(const struct preprocess *preprocess, size_t width, size_t height)
{
	size_t shorter = width < height ? width : height;
	int side = (int)lround(preprocess->centre * (double)shorter);
	side = side < 1 ? 1 : side;
	int down = (int)lround(preprocess->centre_down * (double)shorter);
	return (struct rect){((int)width - side) / 2, ((int)height - side) / 2 + down, side, side};
}

bool preprocess_choose(const struct preprocess *preprocess, const struct face_hints *hints, struct rect *face,
                       int *source)
{
	struct rect centre = central_square(preprocess, hints->width, hints->height);
	const struct rect *const found[CROP_SOURCES] = {
	    [CROP_CASCADE] = surest_detection(hints),
	    [CROP_BOX] = hints->known,
	    [CROP_CENTRE] = &centre,
	};
	for (size_t i = 0; i < preprocess->n_crop; i++) {
		if (rect_is_empty(found[preprocess->crop[i]]))
			continue;
		*face = *found[preprocess->crop[i]];
		*source = preprocess->crop[i];
		return true;
	}
	return false;
}

/* [pixels] grey → [pixels][3], in place; backwards, so that no value is overwritten before it is read. */
static void replicate_grey(float *tensor, size_t pixels)
{
	for (size_t i = pixels; i-- > 0;) {
		float grey = tensor[i];
		tensor[3 * i] = tensor[3 * i + 1] = tensor[3 * i + 2] = grey;
	}
}

/* RGB 0..255 → the network's channels, (value − mean) · scale. */
static void normalise(const struct preprocess *preprocess, float *tensor, size_t pixels)
{
	bool reverse = preprocess->channels == CHANNELS_BGR;
	for (size_t i = 0; i < pixels; i++) {
		float *pixel = tensor + 3 * i, rgb[3] = {pixel[0], pixel[1], pixel[2]};
		for (size_t c = 0; c < 3; c++)
			pixel[c] = (float)(((double)rgb[reverse ? 2 - c : c] - preprocess->mean[c]) * preprocess->scale);
	}
}

int preprocess_apply(const struct preprocess *preprocess, const struct image *image, struct rect face, float *tensor,
                     struct err *err)
{
	static const enum resample_kernel kernels[] = {
	    [KERNEL_NEAREST] = RESAMPLE_NEAREST, [KERNEL_BILINEAR] = RESAMPLE_BILINEAR, [KERNEL_AREA] = RESAMPLE_AREA};
	if (image->channels != 1 && image->channels != 3)
		return err_set(err, ERR_DATA, "a picture of %zu channels is neither grey nor RGB", image->channels);
	double side = (face.w > face.h ? face.w : face.h) * (1 + 2 * preprocess->margin);
	struct resample resample = {
	    .pixels = image->pixels,
	    .width = image->width,
	    .height = image->height,
	    .channels = image->channels,
	    .x = face.x + (face.w - side) / 2,
	    .y = face.y + (face.h - side) / 2,
	    .w = side,
	    .h = side,
	    .out_w = preprocess->size,
	    .out_h = preprocess->size,
	    .kernel = kernels[preprocess->kernel],
	    .output = tensor,
	};
	int code = resample_run(&resample, err);
	if (code != OK)
		return err_wrap(err, "face at %d,%d of %d×%d", face.x, face.y, face.w, face.h);
	if (image->channels == 1)
		replicate_grey(tensor, preprocess->size * preprocess->size);
	normalise(preprocess, tensor, preprocess->size * preprocess->size);
	return OK;
}
