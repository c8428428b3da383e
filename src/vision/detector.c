/*
 * Scanning a picture at all sizes: layers (the picture shrunk by each scale, its integral pictures, the cascade's
 * offsets for their stride), then rows of windows in parallel, then grouping. The order of raw hits is layer, row,
 * column, whoever found them.
 *
 * Which windows are looked at follows OpenCV 4.6: every second pixel below scale 2, the column after a window that the
 * first stage refused is left out, and the rows are those of its stripes.
 */
#include "vision/vision_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MOST 1000
#define BAND_ROWS 8 /* scanned rows a task */

struct layer {
	float scale;
	size_t step, rows, columns; /* windows start at row < rows, column < columns */
	struct integral integral;
	struct window_plan plan;
	int box_w, box_h;
};
struct band {
	size_t layer, first, last; /* rows [first, last) */
	int thread;
	size_t hit, hits; /* in the thread's list */
};
struct worker {
	uint8_t *pixels; /* a shrunken picture */
	size_t pixel_room, tap_room, scale_room, hit_room, n_hits;
	struct resize_tap *taps;
	float *scales; /* of the windows of a row */
	struct detection *hits;
};
struct detector {
	const struct cascade *cascade;
	uint8_t *grey;
	uint32_t *sums;
	struct node_plan *nodes;
	struct layer *layers;
	struct band *bands;
	struct worker *workers;
	void *groups;
	size_t grey_room, sum_room, node_room, layer_room, band_room, worker_room, group_room;
	size_t n_layers, n_bands;
	const uint8_t *picture; /* of the current call, grey */
	size_t width, height;
};

void detections_free(struct detections *detections)
{
	free(detections->items);
	*detections = (struct detections){0};
}

struct detector *detector_new(const struct cascade *cascade, struct err *err)
{
	struct detector *detector = mem_alloc(1, sizeof *detector, err);
	if (detector)
		detector->cascade = cascade;
	return detector;
}

void detector_free(struct detector *detector)
{
	if (!detector)
		return;
	for (size_t i = 0; i < detector->worker_room; i++) {
		free(detector->workers[i].pixels);
		free(detector->workers[i].taps);
		free(detector->workers[i].scales);
		free(detector->workers[i].hits);
	}
	free(detector->workers);
	free(detector->grey);
	free(detector->sums);
	free(detector->nodes);
	free(detector->layers);
	free(detector->bands);
	free(detector->groups);
	free(detector);
}

/* Scratch for `needed` elements whose old content is of no use. */
static int scratch(void *pointer, size_t *room, size_t needed, size_t size, struct err *err)
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
static int fitting_scales(const struct detector *detector, double step, float *scales, size_t *count, struct err *err)
{
	const struct cascade *cascade = detector->cascade;
	*count = 0;
	for (double factor = 1;; factor *= step) {
		if (rint(cascade->window_w * factor) > (double)detector->width ||
		    rint(cascade->window_h * factor) > (double)detector->height)
			return OK;
		if (*count == LAYERS_MOST)
			return err_set(err, ERR_SETTINGS, "a scale step of %g makes more than %d window sizes; take a larger one",
			               step, LAYERS_MOST);
		scales[(*count)++] = (float)factor;
	}
}

/* Of these, the ones between the size limits; when none is, the one nearest to the lower limit. */
static size_t wanted_scales(const struct detector *detector, const struct detect_options *options, float *scales,
                            size_t count)
{
	const struct cascade *cascade = detector->cascade;
	bool whole = options->max_w == 0 || options->max_h == 0;
	int max_w = whole ? (int)detector->width : options->max_w, max_h = whole ? (int)detector->height : options->max_h;
	size_t kept = 0, nearest = 0;
	double least = INFINITY;
	float fallback = 0;
	for (size_t i = 0; i < count; i++) {
		double dw = options->min_w - (int)lrintf((float)cascade->window_w * scales[i]);
		double dh = options->min_h - (int)lrintf((float)cascade->window_h * scales[i]);
		if (dw * dw + dh * dh < least) {
			least = dw * dw + dh * dh;
			nearest = i;
		}
	}
	if (count)
		fallback = scales[nearest];
	for (size_t i = 0; i < count; i++) {
		int w = (int)lrintf((float)cascade->window_w * scales[i]),
		    h = (int)lrintf((float)cascade->window_h * scales[i]);
		if (w > max_w || h > max_h)
			break;
		if (w >= options->min_w && h >= options->min_h)
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

static void layer_plan(const struct detector *detector, struct layer *layer, float scale, size_t stripes)
{
	const struct cascade *cascade = detector->cascade;
	*layer = (struct layer){.scale = scale, .step = scale >= 2 ? 1 : 2};
	layer->integral.width = (size_t)lrintf((float)detector->width / scale);
	layer->integral.height = (size_t)lrintf((float)detector->height / scale);
	layer->integral.stride = (layer->integral.width + 1 + 15) & ~(size_t)15;
	layer->columns = windows_along(layer->integral.width, cascade->window_w);
	size_t rows = windows_along(layer->integral.height, cascade->window_h);
	if (stripes == 0)
		stripes = (layer->columns + 31) / 32;
	/* The stripes may end before the last row that has windows. */
	size_t stripe = stripes ? (rows / layer->step + stripes - 1) / stripes : 0;
	stripe = (stripe ? stripe : 1) * layer->step;
	layer->rows = stripes * stripe < rows ? stripes * stripe : rows;
	layer->box_w = (int)lrintf((float)cascade->window_w * scale);
	layer->box_h = (int)lrintf((float)cascade->window_h * scale);
}

/* Hands out the arenas to the layers and cuts the rows into bands. */
static int layers_place(struct detector *detector, struct err *err)
{
	const struct cascade *cascade = detector->cascade;
	size_t sums = 0, bands = 0, planes = cascade->tilted ? 3 : 2;
	for (size_t i = 0; i < detector->n_layers; i++) {
		const struct layer *layer = &detector->layers[i];
		sums += planes * layer->integral.stride * (layer->integral.height + 1);
		bands += layer->rows / (BAND_ROWS * layer->step) + 1;
	}
	int code = scratch(&detector->sums, &detector->sum_room, sums, sizeof *detector->sums, err);
	if (code == OK)
		code = scratch(&detector->bands, &detector->band_room, bands, sizeof *detector->bands, err);
	if (code == OK)
		code = scratch(&detector->nodes, &detector->node_room, detector->n_layers * cascade->n_nodes,
		               sizeof *detector->nodes, err);
	if (code != OK)
		return code;
	uint32_t *at = detector->sums;
	detector->n_bands = 0;
	for (size_t i = 0; i < detector->n_layers; i++) {
		struct layer *layer = &detector->layers[i];
		size_t plane = layer->integral.stride * (layer->integral.height + 1), rows = BAND_ROWS * layer->step;
		layer->integral.sum = at;
		layer->integral.squares = at + plane;
		layer->integral.tilted = cascade->tilted ? at + 2 * plane : NULL;
		at += planes * plane;
		layer->plan.cascade = cascade;
		layer->plan.nodes = detector->nodes + i * cascade->n_nodes;
		for (size_t y = 0; y < layer->rows && layer->columns; y += rows)
			detector->bands[detector->n_bands++] =
			    (struct band){i, y, y + rows < layer->rows ? y + rows : layer->rows, 0, 0, 0};
	}
	return OK;
}

static int layers_prepare(struct detector *detector, const struct detect_options *options, struct err *err)
{
	float scales[LAYERS_MOST];
	size_t count;
	int code = fitting_scales(detector, options->scale, scales, &count, err);
	if (code != OK)
		return code;
	count = wanted_scales(detector, options, scales, count);
	code = scratch(&detector->layers, &detector->layer_room, count, sizeof *detector->layers, err);
	if (code != OK)
		return code;
	size_t stripes = 0;
	for (size_t i = 0; i < count; i++) {
		layer_plan(detector, &detector->layers[i], scales[i], stripes);
		if (i == 0)
			stripes = (detector->layers[0].columns + 31) / 32;
	}
	detector->n_layers = count;
	return layers_place(detector, err);
}

static int workers_prepare(struct detector *detector, int threads, struct err *err)
{
	size_t wanted = (size_t)threads, area = 0, width = 0;
	if (wanted > detector->worker_room) {
		struct worker *workers = mem_grow(detector->workers, &detector->worker_room, wanted, sizeof *workers, err);
		if (!workers)
			return err->code;
		detector->workers = workers;
	}
	for (size_t i = 0; i < detector->n_layers; i++) {
		const struct integral *integral = &detector->layers[i].integral;
		area = integral->width * integral->height > area ? integral->width * integral->height : area;
		width = integral->width > width ? integral->width : width;
	}
	for (size_t i = 0; i < wanted; i++) {
		struct worker *worker = &detector->workers[i];
		worker->n_hits = 0;
		int code = scratch(&worker->pixels, &worker->pixel_room, area, 1, err);
		if (code == OK)
			code = scratch(&worker->taps, &worker->tap_room, width, sizeof *worker->taps, err);
		if (code == OK)
			code = scratch(&worker->scales, &worker->scale_room, width, sizeof *worker->scales, err);
		if (code != OK)
			return code;
	}
	return OK;
}

static int layer_build(size_t i, int thread, void *context, struct err *err)
{
	(void)err;
	struct detector *detector = context;
	struct layer *layer = &detector->layers[i];
	const struct worker *worker = &detector->workers[thread];
	const struct integral *integral = &layer->integral;
	bool same = integral->width == detector->width && integral->height == detector->height;
	if (!same)
		resize_exact(&(struct resize){detector->picture, detector->width, detector->height, worker->pixels,
		                              integral->width, integral->height, worker->taps});
	integral_build(integral, same ? detector->picture : worker->pixels, integral->width);
	window_plan_build(&layer->plan, integral->stride);
	return OK;
}

/* ---- scanning ------------------------------------------------------------------------------------ */

static int hit_add(struct worker *worker, const struct layer *layer, size_t x, size_t y, double sum, struct err *err)
{
	if (worker->n_hits == worker->hit_room) {
		struct detection *hits = mem_grow(worker->hits, &worker->hit_room, worker->n_hits + 1, sizeof *hits, err);
		if (!hits)
			return err->code;
		worker->hits = hits;
	}
	const struct cascade *cascade = layer->plan.cascade;
	struct rect box = {(int)lrintf((float)x * layer->scale), (int)lrintf((float)y * layer->scale), layer->box_w,
	                   layer->box_h};
	worker->hits[worker->n_hits++] =
	    (struct detection){box, 1, sum - (double)stage_limit(&cascade->stages[cascade->n_stages - 1])};
	return OK;
}

static int row_scan(const struct layer *layer, size_t y, struct worker *worker, struct err *err)
{
	size_t offset = y * layer->integral.stride, step = layer->step;
	for (size_t x = 0; x < layer->columns; x += step)
		worker->scales[x] = window_scale(&layer->plan, &layer->integral, offset + x);
	for (size_t x = 0; x < layer->columns; x += step) {
		double sum;
		if (worker->scales[x] == 0)
			continue;
		int verdict = window_judge(&layer->plan, &layer->integral, offset + x, worker->scales[x], &sum);
		if (verdict == 0)
			x += step;
		if (verdict > 0 && hit_add(worker, layer, x, y, sum, err) != OK)
			return err->code;
	}
	return OK;
}

static int band_scan(size_t i, int thread, void *context, struct err *err)
{
	struct detector *detector = context;
	struct band *band = &detector->bands[i];
	struct worker *worker = &detector->workers[thread];
	const struct layer *layer = &detector->layers[band->layer];
	band->thread = thread;
	band->hit = worker->n_hits;
	for (size_t y = band->first; y < band->last; y += layer->step)
		if (row_scan(layer, y, worker, err) != OK)
			return err->code;
	band->hits = worker->n_hits - band->hit;
	return OK;
}

static int hits_collect(const struct detector *detector, struct detections *out, struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < detector->n_bands; i++)
		count += detector->bands[i].hits;
	int code = scratch(&out->items, &out->capacity, count, sizeof *out->items, err);
	if (code != OK)
		return code;
	out->count = 0;
	for (size_t i = 0; i < detector->n_bands; i++) {
		const struct band *band = &detector->bands[i];
		if (band->hits)
			memcpy(out->items + out->count, detector->workers[band->thread].hits + band->hit,
			       band->hits * sizeof *out->items);
		out->count += band->hits;
	}
	return OK;
}

static int options_check(const struct detect_options *options, const struct image *image, struct err *err)
{
	if (!(options->scale > 1) || !isfinite(options->scale))
		return err_set(err, ERR_SETTINGS, "the scale step is %g; it must be above 1", options->scale);
	if (options->min_w < 0 || options->min_h < 0 || options->max_w < 0 || options->max_h < 0 || options->neighbors < 0)
		return err_set(err, ERR_SETTINGS, "sizes and neighbours of a detection must not be negative");
	if ((image->channels != 1 && image->channels != 3) || image->width > INT32_MAX / 2 || image->height > INT32_MAX / 2)
		return err_set(err, ERR_SETTINGS, "faces are looked for in grey or RGB pictures, not in %zu channels",
		               image->channels);
	return OK;
}

static int picture_prepare(struct detector *detector, const struct image *image, struct err *err)
{
	size_t pixels = image->width * image->height;
	detector->width = image->width;
	detector->height = image->height;
	detector->picture = image->pixels;
	if (image->channels == 1)
		return OK;
	int code = scratch(&detector->grey, &detector->grey_room, pixels, 1, err);
	if (code != OK)
		return code;
	grey_from_rgb(image->pixels, pixels, detector->grey);
	detector->picture = detector->grey;
	return OK;
}

int detector_scan(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err)
{
	struct detect_options wanted = *options;
	if (wanted.scale == 0)
		wanted.scale = 1.1;
	int threads = wanted.threads > 1 ? wanted.threads : 1;
	int code = options_check(&wanted, image, err);
	if (code == OK)
		code = picture_prepare(detector, image, err);
	if (code == OK)
		code = layers_prepare(detector, &wanted, err);
	if (code == OK)
		code = workers_prepare(detector, threads, err);
	if (code == OK)
		code = parallel_for(detector->n_layers, 1, threads, layer_build, detector, err);
	if (code == OK)
		code = parallel_for(detector->n_bands, 1, threads, band_scan, detector, err);
	return code == OK ? hits_collect(detector, out, err) : code;
}

int detector_find(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err)
{
	int code = detector_scan(detector, image, options, out, err);
	if (code == OK)
		code = scratch(&detector->groups, &detector->group_room, detect_group_scratch(out->count), 1, err);
	if (code != OK)
		return code;
	out->count = detect_group(out->items, out->count, options->neighbors, detector->groups);
	out->count = detect_clip(out->items, out->count, (int)image->width, (int)image->height);
	return OK;
}
