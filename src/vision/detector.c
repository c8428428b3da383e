/*
 * Scanning a picture at all sizes: bands of rows of shrunken pictures in parallel, then grouping. The order of raw hits
 * is layer, row, column, whoever found them.
 */
#include "vision/detector_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void detections_free(struct detections *detections)
{
	free(detections->items);
	*detections = (struct detections){0};
}

struct detector *detector_new(const struct cascade *cascade, struct err *err)
{
	struct detector *detector = mem_alloc(1, sizeof *detector, err);
	if (!detector)
		return NULL;
	detector->cascade = cascade;
	detector->kernels = scan_kernels();
	detector->scan_row = cascade->max_nodes <= SCAN_TREE_MOST ? detector->kernels->scan_row : scan_row_ref;
	return detector;
}

void detector_free(struct detector *detector)
{
	if (!detector)
		return;
	for (size_t i = 0; i < detector->worker_room; i++) {
		free(detector->workers[i].bytes);
		free(detector->workers[i].blended);
		free(detector->workers[i].words);
		free(detector->workers[i].scales);
		free(detector->workers[i].passed);
		free(detector->workers[i].hits);
	}
	free(detector->workers);
	free(detector->grey);
	free(detector->taps);
	free(detector->plans[0].plan.nodes);
	free(detector->plans[1].plan.nodes);
	free(detector->layers);
	free(detector->bands);
	free(detector->groups);
	free(detector);
}

/* ---- scanning ------------------------------------------------------------------------------------ */

static int hit_add(struct worker *worker, const struct layer *layer, const size_t place[2], double margin,
                   struct err *err)
{
	if (worker->n_hits == worker->hit_room) {
		struct detection *hits = mem_grow(worker->hits, &worker->hit_room, worker->n_hits + 1, sizeof *hits, err);
		if (!hits)
			return err->code;
		worker->hits = hits;
	}
	struct rect box = {(int)lrintf((float)place[0] * layer->scale), (int)lrintf((float)place[1] * layer->scale),
	                   layer->box_w, layer->box_h};
	worker->hits[worker->n_hits++] = (struct detection){box, 1, margin};
	return OK;
}

/* Turns the bits of a row into hits. */
static int row_collect(struct worker *worker, const struct scan *scan, const struct layer *layer, size_t offset,
                       size_t y, struct err *err)
{
	const struct cascade *cascade = scan->plan->cascade;
	size_t last = cascade->n_stages - 1;
	for (size_t w = 0; w * SCAN_CHUNK < scan->windows; w++)
		for (uint64_t bits = worker->passed[w]; bits; bits &= bits - 1) {
			size_t i = w * SCAN_CHUNK + (size_t)__builtin_ctzll(bits);
			double sum = window_stage_sum(scan->plan, scan->integral, offset + i, worker->scales[i], last);
			double margin = sum - (double)stage_limit(&cascade->stages[last]);
			if (hit_add(worker, layer, (const size_t[2]){i * layer->step, y}, margin, err) != OK)
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
	const struct window_plan *plan = &detector->plans[layer->step - 1].plan;
	struct integral integral;
	struct scan scan = {plan, &integral, layer->windows, detector->cascade->max_nodes == 1};
	band->thread = thread;
	band->hit = worker->n_hits;
	detector_band_sums(detector, band, worker, &integral);
	for (size_t y = band->first; y < band->last; y += layer->step) {
		size_t offset = (y - band->first) * plan->grid.stride;
		detector->scan_row(&scan, offset, worker->scales, worker->passed);
		if (row_collect(worker, &scan, layer, offset, y, err) != OK)
			return err->code;
	}
	band->hits = worker->n_hits - band->hit;
	return OK;
}

static int hits_collect(const struct detector *detector, struct detections *out, struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < detector->n_bands; i++)
		count += detector->bands[i].hits;
	int code = detector_scratch(&out->items, &out->capacity, count, sizeof *out->items, err);
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
	detector->picture = image->pixels;
	if (image->channels == 1)
		return OK;
	int code = detector_scratch(&detector->grey, &detector->grey_room, pixels, 1, err);
	if (code != OK)
		return code;
	grey_from_rgb(image->pixels, pixels, detector->grey);
	detector->picture = detector->grey;
	return OK;
}

/* Which thread meets which hits is chance: each has room for all of them, so that the next frame needs no memory. */
static int hits_reserve(struct detector *detector, int threads, size_t count, struct err *err)
{
	for (int i = 0; i < threads && threads > 1 && count > 0; i++) {
		struct worker *worker = &detector->workers[i];
		struct detection *hits = mem_grow(worker->hits, &worker->hit_room, count, sizeof *hits, err);
		if (!hits)
			return err->code;
		worker->hits = hits;
	}
	return OK;
}

int detector_scan(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err)
{
	struct detect_options wanted = *options;
	if (wanted.scale == 0)
		wanted.scale = 1.1;
	int threads = wanted.threads > 1 ? wanted.threads : 1;
	struct geometry geometry = {.width = image->width,
	                            .height = image->height,
	                            .scale = wanted.scale,
	                            .min_w = wanted.min_w,
	                            .min_h = wanted.min_h,
	                            .max_w = wanted.max_w,
	                            .max_h = wanted.max_h};
	int code = options_check(&wanted, image, err);
	if (code == OK)
		code = picture_prepare(detector, image, err);
	if (code == OK)
		code = detector_layers_prepare(detector, &geometry, err);
	if (code == OK)
		code = detector_workers_prepare(detector, threads, err);
	if (code == OK)
		code = parallel_for(detector->n_bands, 1, threads, band_scan, detector, err);
	if (code == OK)
		code = hits_collect(detector, out, err);
	return code == OK ? hits_reserve(detector, threads, out->count, err) : code;
}

int detector_find(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err)
{
	int code = detector_scan(detector, image, options, out, err);
	if (code == OK)
		code = detector_scratch(&detector->groups, &detector->group_room, detect_group_scratch(out->count), 1, err);
	if (code != OK)
		return code;
	out->count = detect_group(out->items, out->count, options->neighbors, detector->groups);
	out->count = detect_clip(out->items, out->count, (int)image->width, (int)image->height);
	return OK;
}
