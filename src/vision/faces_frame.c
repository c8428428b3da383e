#include "vision/faces_internal.h"

#include <math.h>
#include <string.h>

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static int clamp(long value, int low, int high)
{
	return value < low ? low : value > high ? high : (int)value;
}

bool face_box_overlaps(const struct face *face, const struct image *picture)
{
	const struct rect *box = &face->box;
	return box->x < (int)picture->width && box->y < (int)picture->height && box->x + box->w > 0 && box->y + box->h > 0;
}

/* The square around the box, (1 + 2 · margin) as wide as its longer side, clipped to the picture. */
static struct rect cut_around(struct rect box, double margin, int width, int height)
{
	double side = (box.w > box.h ? box.w : box.h) * (1 + 2 * margin);
	double x = box.x + box.w / 2.0 - side / 2, y = box.y + box.h / 2.0 - side / 2;
	int left = clamp((long)floor(x), 0, width - 1), top = clamp((long)floor(y), 0, height - 1);
	int right = clamp((long)ceil(x + side), left + 1, width), bottom = clamp((long)ceil(y + side), top + 1, height);
	return (struct rect){.x = left, .y = top, .w = right - left, .h = bottom - top};
}

static void copy_cut(const struct image *picture, struct rect cut, size_t frame_width, uint8_t *frame)
{
	for (int y = 0; y < cut.h; y++)
		memcpy(frame + (size_t)y * frame_width * 3,
		       picture->pixels + ((size_t)(cut.y + y) * picture->width + (size_t)cut.x) * 3, (size_t)cut.w * 3);
}

static int shrink_cut(const struct image *picture, struct rect cut, struct rect area, size_t frame_width,
                      float *scratch, uint8_t *frame, struct err *err)
{
	struct resample job = {.pixels = picture->pixels,
	                       .width = picture->width,
	                       .height = picture->height,
	                       .channels = 3,
	                       .x = cut.x,
	                       .y = cut.y,
	                       .w = cut.w,
	                       .h = cut.h,
	                       .out_w = (size_t)area.w,
	                       .out_h = (size_t)area.h,
	                       .kernel = RESAMPLE_AREA,
	                       .output = scratch};
	int status = resample_run(&job, err);
	if (status != OK)
		return status;
	const float *from = scratch;
	for (int y = 0; y < area.h; y++) {
		uint8_t *to = frame + (size_t)y * frame_width * 3;
		for (int i = 0; i < 3 * area.w; i++)
			to[i] = (uint8_t)clamp((long)floorf(*from++ + 0.5f), 0, 255);
	}
	return OK;
}

/* The box as the cut and its shrinking move it, clipped to the area. */
static struct rect move_box(struct rect box, struct rect cut, struct rect area)
{
	double scale_x = (double)area.w / cut.w, scale_y = (double)area.h / cut.h;
	int left = clamp(lrint((box.x - cut.x) * scale_x), 0, area.w - 1);
	int top = clamp(lrint((box.y - cut.y) * scale_y), 0, area.h - 1);
	int right = clamp(lrint((box.x + box.w - cut.x) * scale_x), left + 1, area.w);
	int bottom = clamp(lrint((box.y + box.h - cut.y) * scale_y), top + 1, area.h);
	return (struct rect){.x = left, .y = top, .w = right - left, .h = bottom - top};
}

int face_frame(struct face *face, const struct image *picture, const struct faces_settings *settings, float *scratch,
               uint8_t *frame, struct err *err)
{
	int width = (int)picture->width, height = (int)picture->height;
	int frame_width = (int)settings->frame_width, frame_height = (int)settings->frame_height;
	bool has_box = face->box_source != FACE_BOX_NONE;
	if (has_box && !face_box_overlaps(face, picture))
		return err_set(err, ERR_DATA, "the box lies outside the picture");
	struct rect cut = {.w = width, .h = height};
	bool fits = width <= frame_width && height <= frame_height;
	if (!fits && has_box)
		cut = cut_around(face->box, settings->box_margin, width, height);
	double scale = smaller(1, smaller((double)frame_width / cut.w, (double)frame_height / cut.h));
	struct rect area = {.w = clamp(lrint(cut.w * scale), 1, frame_width),
	                    .h = clamp(lrint(cut.h * scale), 1, frame_height)};
	int status = OK;
	if (area.w == cut.w && area.h == cut.h)
		copy_cut(picture, cut, (size_t)frame_width, frame);
	else
		status = shrink_cut(picture, cut, area, (size_t)frame_width, scratch, frame, err);
	if (status != OK)
		return status;
	face->width = width;
	face->height = height;
	face->area = area;
	if (has_box)
		face->box = move_box(face->box, cut, area);
	return OK;
}
