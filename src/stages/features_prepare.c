#include "stages/features_internal.h"

#include <stdlib.h>
#include <string.h>

/* One thread's own: a detector serves one caller at a time. */
struct worker {
	struct detector *detector; /* NULL without a cascade */
	struct detections found;
	struct rect *boxes;
	int *neighbors;
	size_t box_room, neighbor_room;
	uint8_t *pixels; /* room for a frame */
	float *scratch;  /* a tensor; NULL without copies */
};
struct features_workers {
	const struct features_job *job;
	struct features_batch *batch;
	struct worker *items;
	size_t count;
};

void features_workers_free(struct features_workers *workers)
{
	for (size_t i = 0; workers && i < workers->count; i++) {
		detector_free(workers->items[i].detector);
		detections_free(&workers->items[i].found);
		free(workers->items[i].boxes);
		free(workers->items[i].neighbors);
		free(workers->items[i].pixels);
		free(workers->items[i].scratch);
	}
	if (workers)
		free(workers->items);
	free(workers);
}

static int worker_init(struct worker *worker, const struct features_job *job, struct err *err)
{
	worker->pixels = mem_alloc(job->frame_height * job->frame_width, 3, err);
	if (!worker->pixels)
		return ERR_MEMORY;
	size_t size = job->preprocess->size;
	if (augment_given(&job->augment) && !(worker->scratch = mem_alloc(size * size * 3, sizeof(float), err)))
		return ERR_MEMORY;
	if (job->cascade && !(worker->detector = detector_new(job->cascade, err)))
		return ERR_MEMORY;
	return OK;
}

int features_workers_new(struct features_workers **out, const struct features_job *job, struct err *err)
{
	struct features_workers *workers = mem_alloc(1, sizeof *workers, err);
	if (!workers)
		return ERR_MEMORY;
	workers->job = job;
	workers->items = mem_alloc((size_t)job->threads, sizeof *workers->items, err);
	int code = workers->items ? OK : ERR_MEMORY;
	while (code == OK && workers->count < (size_t)job->threads)
		code = worker_init(&workers->items[workers->count++], job, err);
	if (code == OK)
		*out = workers;
	else
		features_workers_free(workers);
	return code;
}

/* The picture without the empty rest of its frame, in the worker's memory. */
static int cut_picture(const struct features_job *job, struct worker *worker, const uint8_t *frame, const int32_t *area,
                       struct image *out, struct err *err)
{
	int64_t right = (int64_t)area[0] + area[2], lower = (int64_t)area[1] + area[3];
	if (area[0] < 0 || area[1] < 0 || area[2] < 1 || area[3] < 1 || right > (int64_t)job->frame_width ||
	    lower > (int64_t)job->frame_height)
		return err_set(err, ERR_DATA, "area %d,%d %d×%d does not lie in the frame of %zu×%zu", area[0], area[1],
		               area[2], area[3], job->frame_width, job->frame_height);
	size_t width = (size_t)area[2];
	*out = (struct image){.width = width, .height = (size_t)area[3], .channels = 3, .pixels = worker->pixels};
	for (size_t y = 0; y < out->height; y++) {
		const uint8_t *line = frame + (((size_t)area[1] + y) * job->frame_width + (size_t)area[0]) * 3;
		memcpy(out->pixels + y * width * 3, line, width * 3);
	}
	return OK;
}

static int detect(const struct features_job *job, struct worker *worker, const struct image *image,
                  struct face_hints *hints, struct err *err)
{
	int smallest = (int)job->preprocess->detect_min_size;
	struct detect_options options = {.scale = job->preprocess->detect_scale,
	                                 .min_w = smallest,
	                                 .min_h = smallest,
	                                 .neighbors = (int)job->preprocess->detect_neighbors,
	                                 .threads = 1};
	int code = detector_find(worker->detector, image, &options, &worker->found, err);
	if (code != OK)
		return code;
	struct rect *boxes = mem_grow(worker->boxes, &worker->box_room, worker->found.count, sizeof *boxes, err);
	if (!boxes)
		return ERR_MEMORY;
	worker->boxes = boxes;
	int *neighbors = mem_grow(worker->neighbors, &worker->neighbor_room, worker->found.count, sizeof *neighbors, err);
	if (!neighbors)
		return ERR_MEMORY;
	worker->neighbors = neighbors;
	for (size_t i = 0; i < worker->found.count; i++) {
		boxes[i] = worker->found.items[i].box;
		neighbors[i] = worker->found.items[i].neighbors;
	}
	hints->detections = boxes;
	hints->neighbors = neighbors;
	hints->n_detections = worker->found.count;
	return OK;
}

struct slot {
	size_t picture, copy;
	struct features_row *row;
	float *tensor;
};

static int apply(const struct features_job *job, struct worker *worker, const struct image *image, struct rect face,
                 const struct slot *slot, struct err *err)
{
	struct augment_draw draw;
	int code;

	if (!slot->copy)
		return preprocess_apply(job->preprocess, image, face, slot->tensor, err);
	augment_draw(&job->augment, slot->picture, slot->copy, &draw);
	code = preprocess_apply(job->preprocess, image, augment_face(&draw, face), slot->tensor, err);
	if (code == OK)
		augment_apply(&draw, job->preprocess, slot->tensor, worker->scratch);
	return code;
}

static int find_and_apply(const struct features_job *job, struct worker *worker, const struct image *image,
                          struct face_hints *hints, const struct slot *slot, struct err *err)
{
	bool known = hints->known->w > 0 && hints->known->h > 0;
	struct rect face;
	int source, code = OK;
	if (worker->detector && preprocess_wants_detections(job->preprocess, known))
		code = detect(job, worker, image, hints, err);
	if (code != OK)
		return code;
	if (!preprocess_choose(job->preprocess, hints, &face, &source)) {
		slot->row->crop = FEATURES_DROPPED;
		return OK;
	}
	*slot->row = (struct features_row){.crop = source, .face = {face.x, face.y, face.w, face.h}};
	return apply(job, worker, image, face, slot, err);
}

static int prepare_one(size_t i, int thread, void *context, struct err *err)
{
	struct features_workers *workers = context;
	struct features_batch *batch = workers->batch;
	const struct features_job *job = workers->job;
	struct worker *worker = &workers->items[thread];
	size_t row = (batch->first + i) % job->rows, size = job->preprocess->size;
	struct slot slot = {row, batch->first / job->rows, &batch->rows[i], batch->tensor + i * size * size * 3};
	const int32_t *area = job->area + 4 * row, *box = job->box + 4 * row;
	struct image image;

	batch->rows[i] = (struct features_row){.crop = FEATURES_SKIPPED};
	if (slot.copy && job->split[row] != 0)
		return OK;
	int code =
	    cut_picture(job, worker, batch->pixels + i * job->frame_height * job->frame_width * 3, area, &image, err);
	if (code == OK) {
		struct rect known = {box[0] - area[0], box[1] - area[1], box[2], box[3]};
		struct face_hints hints = {.width = image.width, .height = image.height, .known = &known};
		code = find_and_apply(job, worker, &image, &hints, &slot, err);
		batch->rows[i].face[0] += area[0];
		batch->rows[i].face[1] += area[1];
	}
	return code == OK ? OK : err_wrap(err, "picture %zu", row);
}

int features_prepare(struct features_workers *workers, struct features_batch *batch, struct err *err)
{
	const struct features_job *job = workers->job;
	size_t floats = job->preprocess->size * job->preprocess->size * 3;
	workers->batch = batch;
	int code = parallel_for(batch->count, 1, job->threads, prepare_one, workers, err);
	if (code != OK)
		return code;
	batch->kept = 0;
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->rows[i].crop < 0)
			continue;
		if (batch->kept != i)
			memcpy(batch->tensor + batch->kept * floats, batch->tensor + i * floats, floats * sizeof *batch->tensor);
		batch->kept++;
	}
	return OK;
}
