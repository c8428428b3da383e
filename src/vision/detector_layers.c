/*
 * Which windows a picture has: the scales, the layers (the picture shrunk by each scale), and the bands of rows that
 * threads take. Follows OpenCV 4.6: every second pixel below scale 2, and the rows are those of its stripes.
 */
#include "vision/detector_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MOST 1000
/* Sums of a band, in bytes: they should stay in the second cache while its windows are judged. */
#define BAND_BYTES (384u * 1024)
#define BAND_ROWS_LEAST 16

int detector_scratch(void *pointer, size_t *room, size_t needed, size_t size, struct err *err)
{
	if (needed <= *room)
		return OK;
	void *fresh = mem_alloc(needed, size, err);
	if (!fresh)
		return err->code;
	void *old;
	memcpy(&old, pointer, sizeof old);
	free(old);
	memcpy(pointer, &fresh, sizeof fresh);
	*room = needed;
	return OK;
}

/* ---- which scales ------------------------------------------------------------------------ */

/* The scales at which the window fits the picture. The factor is multiplied in double and kept as float. */
static int fitting_scales(const struct cascade *cascade, const struct geometry *geometry, float *scales, size_t *count,
                          struct err *err)
{
	*count = 0;
	for (double factor = 1;; factor *= geometry->scale) {
		if (rint(cascade->window_w * factor) > (double)geometry->width ||
		    rint(cascade->window_h * factor) > (double)geometry->height)
			return OK;
		if (*count == LAYERS_MOST)
			return err_set(err, ERR_SETTINGS, "a scale step of %g makes more than %d window sizes; take a larger one",
			               geometry->scale, LAYERS_MOST);
		scales[(*count)++] = (float)factor;
	}
}

/* The scale whose window is nearest to the lower limit. */
static float nearest_scale(const struct cascade *cascade, const struct geometry *geometry, const float *scales,
                           size_t count)
{
	double least = INFINITY;
	float nearest = 0;
	for (size_t i = 0; i < count; i++) {
		double dw = geometry->min_w - (int)lrintf((float)cascade->window_w * scales[i]);
		double dh = geometry->min_h - (int)lrintf((float)cascade->window_h * scales[i]);
		if (dw * dw + dh * dh < least) {
			least = dw * dw + dh * dh;
			nearest = scales[i];
		}
	}
	return nearest;
}

/* Of these, the ones between the size limits; when none is, the one nearest to the lower limit. */
static size_t wanted_scales(const struct cascade *cascade, const struct geometry *geometry, float *scales, size_t count)
{
	bool whole = geometry->max_w == 0 || geometry->max_h == 0;
	int max_w = whole ? (int)geometry->width : geometry->max_w, max_h = whole ? (int)geometry->height : geometry->max_h;
	float fallback = nearest_scale(cascade, geometry, scales, count);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		int w = (int)lrintf((float)cascade->window_w * scales[i]);
		int h = (int)lrintf((float)cascade->window_h * scales[i]);
		if (w > max_w || h > max_h)
			break;
		if (w >= geometry->min_w && h >= geometry->min_h)
			scales[kept++] = scales[i];
	}
	if (kept == 0 && count)
		scales[kept++] = fallback;
	return kept;
}

/* ---- layers ----------------------------------------------------------------------------------- */

static size_t windows_along(size_t picture, int window)
{
	return picture + 1 > (size_t)window ? picture + 1 - (size_t)window : 0;
}

/* `stripes` of the first layer, 0 = this is the first; returns them. */
static size_t layer_plan(const struct cascade *cascade, const struct geometry *geometry, struct layer *layer,
                         float scale, size_t stripes)
{
	*layer = (struct layer){.scale = scale, .step = scale >= 2 ? 1 : 2};
	layer->width = (size_t)lrintf((float)geometry->width / scale);
	layer->height = (size_t)lrintf((float)geometry->height / scale);
	size_t columns = windows_along(layer->width, cascade->window_w);
	size_t rows = windows_along(layer->height, cascade->window_h);
	if (stripes == 0)
		stripes = (columns + 31) / 32;
	/* The stripes may end before the last row that has windows. */
	size_t stripe = stripes ? (rows / layer->step + stripes - 1) / stripes : 0;
	stripe = (stripe ? stripe : 1) * layer->step;
	layer->rows = stripes * stripe < rows ? stripes * stripe : rows;
	layer->windows = (columns + layer->step - 1) / layer->step;
	layer->box_w = (int)lrintf((float)cascade->window_w * scale);
	layer->box_h = (int)lrintf((float)cascade->window_h * scale);
	size_t planes = cascade->tilted ? 3 : 2, fit = BAND_BYTES / (planes * sizeof(uint32_t) * (layer->width + 1));
	size_t rows_fit = fit > (size_t)cascade->window_h ? fit - (size_t)cascade->window_h : 0;
	layer->band_rows = (rows_fit > BAND_ROWS_LEAST ? rows_fit : BAND_ROWS_LEAST) / layer->step * layer->step;
	return stripes;
}

static size_t round_up(size_t value, size_t to)
{
	return (value + to - 1) / to * to;
}

/* The grid of the widest layer serves all of one step. An odd number of cache lines a row keeps the corners of a
 * window from meeting in the same cache set. */
static int plan_prepare(struct detector *detector, size_t step, struct err *err)
{
	struct step_plan *to = &detector->plans[step - 1];
	struct grid grid = {0, 0};
	for (size_t i = 0; i < detector->n_layers; i++) {
		const struct layer *layer = &detector->layers[i];
		if (layer->step != step)
			continue;
		size_t columns = round_up(layer->width + 1, step) / step + SCAN_SLACK;
		grid.stride = columns > grid.stride ? columns : grid.stride;
	}
	if (grid.stride == 0 || detector->cascade->n_nodes == 0)
		return OK;
	if (step == 2)
		grid.half = round_up(grid.stride, 16);
	grid.stride = round_up(step * round_up(grid.stride, 16), 32) + 16;
	if (to->plan.nodes && to->plan.grid.stride == grid.stride && to->plan.grid.half == grid.half)
		return OK;
	int code =
	    detector_scratch(&to->plan.nodes, &to->node_room, detector->cascade->n_nodes, sizeof *to->plan.nodes, err);
	if (code != OK)
		return code;
	to->plan.cascade = detector->cascade;
	window_plan_build(&to->plan, grid);
	return OK;
}

static int bands_prepare(struct detector *detector, struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < detector->n_layers; i++)
		count += detector->layers[i].rows / detector->layers[i].band_rows + 1;
	int code = detector_scratch(&detector->bands, &detector->band_room, count, sizeof *detector->bands, err);
	if (code != OK)
		return code;
	detector->n_bands = detector->band_height = detector->widest = 0;
	for (size_t i = 0; i < detector->n_layers; i++) {
		const struct layer *layer = &detector->layers[i];
		for (size_t y = 0; y < layer->rows && layer->windows; y += layer->band_rows) {
			size_t last = y + layer->band_rows < layer->rows ? y + layer->band_rows : layer->rows;
			size_t height = last - y + (size_t)detector->cascade->window_h;
			detector->bands[detector->n_bands++] = (struct band){.layer = i, .first = y, .last = last};
			detector->band_height = height > detector->band_height ? height : detector->band_height;
		}
		detector->widest = layer->width > detector->widest ? layer->width : detector->widest;
	}
	return OK;
}

static int taps_prepare(struct detector *detector, struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < detector->n_layers; i++)
		total += 2 * (detector->layers[i].width + SCAN_SLACK);
	int code = detector_scratch(&detector->taps, &detector->tap_room, total, sizeof *detector->taps, err);
	if (code != OK)
		return code;
	if (total)
		memset(detector->taps, 0, total * sizeof *detector->taps);
	uint32_t *at = detector->taps;
	for (size_t i = 0; i < detector->n_layers; i++) {
		struct layer *layer = &detector->layers[i];
		layer->taps = (struct resize_taps){at, at + layer->width + SCAN_SLACK};
		at += 2 * (layer->width + SCAN_SLACK);
		resize_taps_fill(&layer->taps, detector->geometry.width, layer->width);
	}
	return OK;
}

static int layers_list(struct detector *detector, const struct geometry *geometry, struct err *err)
{
	float scales[LAYERS_MOST];
	size_t count, stripes = 0;
	int code = fitting_scales(detector->cascade, geometry, scales, &count, err);
	if (code != OK)
		return code;
	count = wanted_scales(detector->cascade, geometry, scales, count);
	code = detector_scratch(&detector->layers, &detector->layer_room, count, sizeof *detector->layers, err);
	if (code != OK)
		return code;
	for (size_t i = 0; i < count; i++)
		stripes = layer_plan(detector->cascade, geometry, &detector->layers[i], scales[i], stripes);
	detector->n_layers = count;
	return OK;
}

static bool same_geometry(const struct geometry *a, const struct geometry *b)
{
	return a->width == b->width && a->height == b->height && a->scale == b->scale && a->min_w == b->min_w &&
	       a->min_h == b->min_h && a->max_w == b->max_w && a->max_h == b->max_h;
}

int detector_layers_prepare(struct detector *detector, const struct geometry *geometry, struct err *err)
{
	if (same_geometry(geometry, &detector->geometry))
		return OK;
	detector->geometry = (struct geometry){0};
	int code = layers_list(detector, geometry, err);
	if (code == OK)
		code = plan_prepare(detector, 1, err);
	if (code == OK)
		code = plan_prepare(detector, 2, err);
	if (code == OK)
		code = bands_prepare(detector, err);
	if (code != OK)
		return code;
	detector->geometry = *geometry;
	code = taps_prepare(detector, err);
	if (code != OK)
		detector->geometry = (struct geometry){0};
	return code;
}
