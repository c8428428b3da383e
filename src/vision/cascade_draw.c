/* The first features of a cascade over the mean of the crops that it learnt from, as Viola & Jones (2001) show
 * theirs. */
#include "vision/vision_internal.h"

#include <stdlib.h>
#include <string.h>

#define PIXEL 8  /* of the window, in pixels of the drawing */
#define MARGIN 8
#define COLUMNS 6

int crops_mean(const struct crops *crops, struct image *out, struct err *err)
{
	size_t size = (size_t)crops->width * (size_t)crops->height;
	if (crops->count == 0)
		return err_set(err, ERR_DATA, "there is no crop to take the mean of");
	if (image_new(out, (size_t)crops->width, (size_t)crops->height, 1, err) != OK)
		return err->code;
	for (size_t k = 0; k < size; k++) {
		uint64_t sum = 0;
		for (size_t i = 0; i < crops->count; i++)
			sum += crops->pixels[i * size + k];
		out->pixels[k] = (uint8_t)((sum + crops->count / 2) / crops->count);
	}
	return OK;
}

static void draw_face(struct canvas *canvas, const struct image *mean)
{
	for (size_t y = 0; y < mean->height; y++)
		for (size_t x = 0; x < mean->width; x++) {
			double grey = mean->pixels[y * mean->width + x] / 255.0;
			/* A little larger than a pixel: no seams between neighbours. */
			canvas_rectangle(canvas, (double)(PIXEL * x), (double)(PIXEL * y), PIXEL + 0.5, PIXEL + 0.5);
			canvas_fill(canvas, (struct colour){grey, grey, grey, 1});
		}
}

static void draw_rect(struct canvas *canvas, const struct haar_rect *r, bool tilted, struct colour colour)
{
	double x = PIXEL * r->x, y = PIXEL * r->y, w = PIXEL * r->w, h = PIXEL * r->h;
	canvas_move(canvas, x, y);
	canvas_line(canvas, x + w, tilted ? y + w : y);
	canvas_line(canvas, tilted ? x + w - h : x + w, tilted ? y + w + h : y + h);
	canvas_line(canvas, tilted ? x - h : x, y + h);
	canvas_close(canvas);
	canvas_fill(canvas, colour);
}

/* What counts against is white, what counts for is dark: the first rectangle covers the others. */
static void draw_feature(struct canvas *canvas, const struct haar_feature *feature)
{
	for (int i = 0; i < HAAR_RECTS && (i < 1 || feature->rects[i].weight != 0); i++)
		draw_rect(canvas, &feature->rects[i], feature->tilted,
		          feature->rects[i].weight < 0 ? (struct colour){1, 1, 1, 0.75} : (struct colour){0.1, 0.1, 0.1, 0.9});
}

int cascade_draw(const struct cascade *cascade, const struct image *mean, size_t count, struct image *out,
                 struct err *err)
{
	struct canvas *canvas = NULL;
	count = count < cascade->n_trees ? count : cascade->n_trees;
	if (count == 0 || mean->channels != 1 || mean->width != (size_t)cascade->window_w ||
	    mean->height != (size_t)cascade->window_h)
		return err_set(err, ERR_DATA, "features of a window of %d×%d cannot be drawn over a face of %zu×%zu",
		               cascade->window_w, cascade->window_h, mean->width, mean->height);
	size_t columns = count < COLUMNS ? count : COLUMNS, rows = (count + columns - 1) / columns;
	size_t step_x = PIXEL * mean->width + MARGIN, step_y = PIXEL * mean->height + MARGIN;
	int code = canvas_new(&canvas, columns * step_x - MARGIN, rows * step_y - MARGIN, err);
	if (code != OK)
		return code;
	canvas_rectangle(canvas, 0, 0, (double)(columns * step_x), (double)(rows * step_y));
	canvas_fill(canvas, (struct colour){1, 1, 1, 1});
	for (size_t i = 0; i < count; i++) {
		canvas_push(canvas, (double)(i % columns * step_x), (double)(i / columns * step_y), 0, 1, 1);
		draw_face(canvas, mean);
		draw_feature(canvas, &cascade->features[cascade->nodes[cascade->trees[i].first_node].feature]);
		canvas_pop(canvas);
	}
	code = canvas_to_image(canvas, out, err);
	canvas_free(canvas);
	return code;
}
