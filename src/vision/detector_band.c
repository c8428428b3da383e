/*
 * The sums of a band of rows, made from the picture row by row: blend two rows of the picture, resample the blend to
 * the layer's width, add to the running sums. A layer is never stored whole: a band's sums stay in the cache while its
 * windows are judged. Sums begin at the band's first row, which no difference of corners notices.
 */
#include "vision/detector_internal.h"

#include <stdlib.h>
#include <string.h>

/* Where things lie in a worker's words. `natural`: running rows in plain order, of which those of a split grid are
 * made; of tilted sums three, taken in turn. */
struct sums_layout {
	size_t plane, natural, total;
	size_t planes;
};

static struct sums_layout layout_of(const struct detector *detector)
{
	size_t stride = 0, natural = detector->widest + 1 + SCAN_SLACK, planes = detector->cascade->tilted ? 3 : 2;
	for (int i = 0; i < 2; i++)
		if (detector->plans[i].plan.grid.stride > stride)
			stride = detector->plans[i].plan.grid.stride;
	struct sums_layout layout = {.natural = natural, .planes = planes};
	layout.plane = stride * (detector->band_height + 1) + SCAN_SLACK;
	layout.total = planes * layout.plane + 5 * natural;
	return layout;
}

int detector_workers_prepare(struct detector *detector, int threads, struct err *err)
{
	size_t wanted = (size_t)threads, row = detector->widest + 2 * SCAN_SLACK;
	if (wanted > detector->worker_room) {
		struct worker *workers = mem_grow(detector->workers, &detector->worker_room, wanted, sizeof *workers, err);
		if (!workers)
			return err->code;
		detector->workers = workers;
	}
	size_t words = layout_of(detector).total, blended = detector->geometry.width + SCAN_SLACK;
	for (size_t i = 0; i < wanted; i++) {
		struct worker *worker = &detector->workers[i];
		worker->n_hits = 0;
		int code = detector_scratch(&worker->bytes, &worker->byte_room, 2 * row, 1, err);
		if (code == OK)
			code = detector_scratch(&worker->blended, &worker->blended_room, blended, sizeof *worker->blended, err);
		if (code == OK)
			code = detector_scratch(&worker->words, &worker->word_room, words, sizeof *worker->words, err);
		if (code == OK)
			code = detector_scratch(&worker->scales, &worker->scale_room, row, sizeof *worker->scales, err);
		if (code == OK)
			code = detector_scratch(&worker->passed, &worker->passed_room, row, sizeof *worker->passed, err);
		if (code != OK)
			return code;
	}
	return OK;
}

struct row_maker {
	const struct detector *detector;
	const struct layer *layer;
	const struct worker *worker;
	uint32_t *natural; /* sum, squares, then three tilted rows */
	size_t natural_room;
	struct grid grid;
	struct integral *out;
};

static void grey_row(const struct row_maker *maker, size_t y, uint8_t *out)
{
	const struct geometry *picture = &maker->detector->geometry;
	const struct layer *layer = maker->layer;
	const uint8_t *from = maker->detector->picture;
	if (layer->width == picture->width && layer->height == picture->height) {
		memcpy(out, from + y * picture->width, picture->width);
		return;
	}
	struct resize_tap tap = resize_row_tap(y, picture->height, layer->height);
	struct row_blend blend = {from + tap.near * picture->width, from + tap.far * picture->width, picture->width,
	                          (uint16_t)tap.share};
	maker->detector->kernels->blend_rows(&blend, maker->worker->blended);
	maker->worker->blended[picture->width] = 0;
	maker->detector->kernels->resample_row(maker->worker->blended, &layer->taps, layer->width, out);
}

/* Row `row` of the band's sums. */
static void sum_rows(const struct row_maker *maker, const uint8_t *grey, size_t row)
{
	const struct scan_kernels *kernels = maker->detector->kernels;
	size_t width = maker->layer->width, at = row * maker->grid.stride;
	struct integral *out = maker->out;
	if (maker->grid.half == 0) {
		size_t above = at - maker->grid.stride;
		kernels->integral_row(grey, width, &(struct integral_rows){out->sum + above, out->squares + above,
		                                                            out->sum + at, out->squares + at});
		out->sum[at] = out->squares[at] = 0;
		return;
	}
	uint32_t *sum = maker->natural, *squares = sum + maker->natural_room;
	kernels->integral_row(grey, width, &(struct integral_rows){sum, squares, sum, squares});
	kernels->split_row(sum, width + 1, maker->grid.half, out->sum + at);
	kernels->split_row(squares, width + 1, maker->grid.half, out->squares + at);
}

static void tilted_rows(const struct row_maker *maker, const uint8_t *const grey[2], size_t row)
{
	uint32_t *ring[3];
	for (size_t i = 0; i < 3; i++)
		ring[i] = maker->natural + (2 + (row + 3 - i) % 3) * maker->natural_room;
	size_t width = maker->layer->width, at = row * maker->grid.stride;
	tilted_row(&(struct tilted_rows){ring[1], ring[2], grey[0], grey[1], ring[0]}, row, width);
	if (maker->grid.half)
		maker->detector->kernels->split_row(ring[0], width + 1, maker->grid.half, maker->out->tilted + at);
	else
		memcpy(maker->out->tilted + at, ring[0], (width + 1) * sizeof *ring[0]);
}

void detector_band_sums(const struct detector *detector, const struct band *band, const struct worker *worker,
                        struct integral *out)
{
	const struct layer *layer = &detector->layers[band->layer];
	struct sums_layout layout = layout_of(detector);
	struct row_maker maker = {detector, layer, worker, worker->words + layout.planes * layout.plane, layout.natural,
	                          detector->plans[layer->step - 1].plan.grid, out};
	size_t row_bytes = detector->widest + 2 * SCAN_SLACK, first_row = maker.grid.stride * sizeof *out->sum;
	*out = (struct integral){layer->width, band->last - band->first + (size_t)detector->cascade->window_h - 1,
	                         maker.grid.stride, worker->words, worker->words + layout.plane,
	                         layout.planes == 3 ? worker->words + 2 * layout.plane : NULL};
	memset(out->sum, 0, first_row);
	memset(out->squares, 0, first_row);
	if (out->tilted)
		memset(out->tilted, 0, first_row);
	memset(maker.natural, 0, 5 * layout.natural * sizeof *maker.natural);
	for (size_t y = 0; y < out->height; y++) {
		uint8_t *now = worker->bytes + y % 2 * row_bytes, *before = worker->bytes + (y + 1) % 2 * row_bytes;
		grey_row(&maker, band->first + y, now);
		sum_rows(&maker, now, y + 1);
		if (out->tilted)
			tilted_rows(&maker, (const uint8_t *const[2]){now, before}, y + 1);
	}
}
