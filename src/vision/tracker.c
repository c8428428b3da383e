/*
 * Faces in a video: the whole picture every few frames, else only around the faces of the frame before, at sizes near
 * theirs.
 */
#include "vision/vision_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Around a face: its side on every side; sizes between these shares of its own. */
#define MARGIN 1.0
#define SIZE_LEAST 0.75
#define SIZE_MOST 1.35

struct tracker {
	struct detector *whole, *part;
	size_t full_every, frame;
	size_t width, height; /* of the picture before */
	struct detections last, found;
	struct image region; /* owned; `room` bytes */
	size_t room;
};

struct tracker *tracker_new(const struct cascade *cascade, size_t full_every, struct err *err)
{
	struct tracker *tracker = mem_alloc(1, sizeof *tracker, err);
	if (!tracker)
		return NULL;
	tracker->full_every = full_every ? full_every : 1;
	tracker->whole = detector_new(cascade, err);
	tracker->part = tracker->whole ? detector_new(cascade, err) : NULL;
	if (!tracker->part) {
		tracker_free(tracker);
		return NULL;
	}
	return tracker;
}

void tracker_free(struct tracker *tracker)
{
	if (!tracker)
		return;
	detector_free(tracker->whole);
	detector_free(tracker->part);
	detections_free(&tracker->last);
	detections_free(&tracker->found);
	free(tracker->region.pixels);
	free(tracker);
}

static int detections_append(struct detections *out, const struct detection *item, struct err *err)
{
	if (out->count == out->capacity) {
		struct detection *grown = mem_grow(out->items, &out->capacity, out->count + 1, sizeof *grown, err);
		if (!grown)
			return err->code;
		out->items = grown;
	}
	out->items[out->count++] = *item;
	return OK;
}

static struct rect region_around(const struct rect *face, const struct image *image)
{
	int dx = (int)lrint(MARGIN * face->w), dy = (int)lrint(MARGIN * face->h);
	int left = face->x - dx > 0 ? face->x - dx : 0, top = face->y - dy > 0 ? face->y - dy : 0;
	int right = face->x + face->w + dx, bottom = face->y + face->h + dy;
	right = right < (int)image->width ? right : (int)image->width;
	bottom = bottom < (int)image->height ? bottom : (int)image->height;
	return (struct rect){left, top, right - left, bottom - top};
}

static int region_copy(struct tracker *tracker, const struct image *image, const struct rect *at, struct err *err)
{
	size_t row = (size_t)at->w * image->channels, needed = row * (size_t)at->h;
	if (needed > tracker->room) {
		uint8_t *grown = mem_grow(tracker->region.pixels, &tracker->room, needed, 1, err);
		if (!grown)
			return err->code;
		tracker->region.pixels = grown;
	}
	tracker->region.width = (size_t)at->w;
	tracker->region.height = (size_t)at->h;
	tracker->region.channels = image->channels;
	for (size_t y = 0; y < (size_t)at->h; y++)
		memcpy(tracker->region.pixels + y * row,
		       image->pixels + (((size_t)at->y + y) * image->width + (size_t)at->x) * image->channels, row);
	return OK;
}

static bool known_already(const struct detections *out, const struct detection *item)
{
	int x = item->box.x + item->box.w / 2, y = item->box.y + item->box.h / 2;
	for (size_t i = 0; i < out->count; i++) {
		const struct rect *box = &out->items[i].box;
		if (x >= box->x && x < box->x + box->w && y >= box->y && y < box->y + box->h)
			return true;
	}
	return false;
}

static int follow_face(struct tracker *tracker, const struct image *image, const struct detect_options *options,
                       const struct rect *face, struct detections *out, struct err *err)
{
	struct rect at = region_around(face, image);
	struct detect_options near = *options;
	near.min_w = (int)fmax(options->min_w, floor(SIZE_LEAST * face->w));
	near.min_h = (int)fmax(options->min_h, floor(SIZE_LEAST * face->h));
	near.max_w = (int)ceil(SIZE_MOST * face->w);
	near.max_h = (int)ceil(SIZE_MOST * face->h);
	int code = region_copy(tracker, image, &at, err);
	if (code == OK)
		code = detector_find(tracker->part, &tracker->region, &near, &tracker->found, err);
	for (size_t i = 0; code == OK && i < tracker->found.count; i++) {
		struct detection item = tracker->found.items[i];
		item.box.x += at.x;
		item.box.y += at.y;
		if (!known_already(out, &item))
			code = detections_append(out, &item, err);
	}
	return code;
}

static int remember(struct tracker *tracker, const struct detections *out, struct err *err)
{
	int code = OK;
	tracker->last.count = 0;
	for (size_t i = 0; code == OK && i < out->count; i++)
		code = detections_append(&tracker->last, &out->items[i], err);
	return code;
}

int tracker_find(struct tracker *tracker, const struct image *image, const struct detect_options *options,
                 struct detections *out, struct err *err)
{
	bool moved = image->width != tracker->width || image->height != tracker->height;
	bool whole = moved || tracker->last.count == 0 || tracker->frame % tracker->full_every == 0;
	int code = OK;
	if (whole) {
		tracker->frame = 0;
		code = detector_find(tracker->whole, image, options, out, err);
	} else {
		out->count = 0;
		for (size_t i = 0; code == OK && i < tracker->last.count; i++)
			code = follow_face(tracker, image, options, &tracker->last.items[i].box, out, err);
	}
	tracker->frame++;
	tracker->width = image->width;
	tracker->height = image->height;
	return code == OK ? remember(tracker, out, err) : code;
}
