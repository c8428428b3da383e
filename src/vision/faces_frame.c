#include "vision/faces_internal.h"

#include <limits.h>
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

bool face_box_overlaps(const struct face *face, int width, int height)
{
	const struct rect *box = &face->box;
	return box->x < width && box->y < height && box->x + box->w > 0 && box->y + box->h > 0;
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

struct face_plan face_plan_make(const struct face *face, int width, int height, const struct faces_settings *settings)
{
	int frame_width = (int)settings->frame_width, frame_height = (int)settings->frame_height;
	struct face_plan plan = {.width = width, .height = height, .cut = {.w = width, .h = height}, .shrink = 1};
	bool fits = width <= frame_width && height <= frame_height;
	if (!fits && face->box_source != FACE_BOX_NONE)
		plan.cut = cut_around(face->box, settings->box_margin, width, height);
	double scale = smaller(1, smaller((double)frame_width / plan.cut.w, (double)frame_height / plan.cut.h));
	plan.area = (struct rect){.w = clamp(lrint(plan.cut.w * scale), 1, frame_width),
	                          .h = clamp(lrint(plan.cut.h * scale), 1, frame_height)};
	while (settings->scaled && plan.shrink < 8 && plan.cut.w >= 2 * (int)plan.shrink * plan.area.w &&
	       plan.cut.h >= 2 * (int)plan.shrink * plan.area.h)
		plan.shrink *= 2;
	return plan;
}

int face_place(const struct face_plan *plan, const struct image *picture, struct face_scratch *scratch,
               const struct faces_settings *settings, uint8_t *frame, struct err *err)
{
	size_t frame_width = (size_t)settings->frame_width;
	if (plan->area.w == plan->cut.w && plan->area.h == plan->cut.h) {
		copy_cut(picture, plan->cut, frame_width, frame);
		return OK;
	}
	/* What was decoded at 1/n has sample k where n k … n (k + 1) was. */
	double n = (double)plan->shrink;
	struct face_shrink job = {.picture = picture,
	                          .x = plan->cut.x / n,
	                          .y = plan->cut.y / n,
	                          .w = plan->cut.w / n,
	                          .h = plan->cut.h / n,
	                          .out_w = (size_t)plan->area.w,
	                          .out_h = (size_t)plan->area.h,
	                          .out_stride = frame_width * 3,
	                          .out = frame};
	return face_shrink_run(&job, scratch, err);
}

void face_planned(struct face *face, const struct face_plan *plan)
{
	face->width = plan->width;
	face->height = plan->height;
	face->area = plan->area;
	if (face->box_source != FACE_BOX_NONE)
		face->box = move_box(face->box, plan->cut, plan->area);
}

int face_frame(struct face *face, const struct image *picture, const struct faces_settings *settings,
               struct face_scratch *scratch, uint8_t *frame, struct err *err)
{
	struct faces_settings exact = *settings;
	exact.scaled = false;
	if (face->box_source != FACE_BOX_NONE && !face_box_overlaps(face, (int)picture->width, (int)picture->height))
		return err_set(err, ERR_DATA, "the box lies outside the picture");
	struct face_plan plan = face_plan_make(face, (int)picture->width, (int)picture->height, &exact);
	int status = face_place(&plan, picture, scratch, settings, frame, err);
	if (status == OK)
		face_planned(face, &plan);
	return status;
}

bool picture_fits(const struct image *picture, struct frame_size frame)
{
	return picture->width <= frame.width && picture->height <= frame.height;
}

int picture_shrink(const struct image *picture, struct frame_size frame, struct face_scratch *scratch,
                   struct image *out, struct err *err)
{
	struct faces_settings settings = {.frame_width = (long)frame.width, .frame_height = (long)frame.height};
	const struct face face = {.box_source = FACE_BOX_NONE};
	if (picture->channels != 3 || picture->width > INT_MAX || picture->height > INT_MAX)
		return err_set(err, ERR_DATA, "a picture of %zu×%zu with %zu channels cannot be shrunk", picture->width,
		               picture->height, picture->channels);
	struct face_plan plan = face_plan_make(&face, (int)picture->width, (int)picture->height, &settings);
	out->width = (size_t)plan.area.w;
	out->height = (size_t)plan.area.h;
	out->channels = 3;
	settings.frame_width = plan.area.w; /* no empty rest beside the picture */
	return face_place(&plan, picture, scratch, &settings, out->pixels, err);
}
