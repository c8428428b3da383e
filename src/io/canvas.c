#include "io/io.h"

#include <cairo.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

/* Opaque pixels of 32 bits, 0xFFRRGGBB as machine words: without alpha there is nothing to premultiply. */
struct canvas {
	cairo_surface_t *surface;
	cairo_t *cairo;
};

static const char font_families[] = "NanumGothic, Noto Sans CJK KR, sans-serif";

int canvas_new(struct canvas **out, size_t width, size_t height, struct err *err)
{
	if (width == 0 || height == 0 || width > 32767 || height > 32767)
		return err_set(err, ERR_DATA, "a canvas of %zu × %zu pixels is not allowed (1 to 32767)", width, height);
	struct canvas *canvas = mem_alloc(1, sizeof *canvas, err);
	if (!canvas)
		return err->code;
	canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
	canvas->cairo = cairo_create(canvas->surface);
	if (cairo_status(canvas->cairo) != CAIRO_STATUS_SUCCESS) {
		canvas_free(canvas);
		return err_set(err, ERR_MEMORY, "out of memory for a canvas of %zu × %zu pixels", width, height);
	}
	*out = canvas;
	return OK;
}

void canvas_free(struct canvas *canvas)
{
	if (!canvas)
		return;
	cairo_destroy(canvas->cairo);
	cairo_surface_destroy(canvas->surface);
	free(canvas);
}

static uint32_t *canvas_row(const struct canvas *canvas, size_t y)
{
	size_t stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
	return (uint32_t *)(void *)(cairo_image_surface_get_data(canvas->surface) + y * stride);
}

int canvas_from_image(struct canvas **out, const struct image *image, struct err *err)
{
	struct canvas *canvas = NULL;
	int status = canvas_new(&canvas, image->width, image->height, err);
	if (status != OK)
		return status;
	cairo_surface_flush(canvas->surface);
	size_t channels = image->channels;
	for (size_t y = 0; y < image->height; y++) {
		const uint8_t *from = image->pixels + y * image->width * channels;
		uint32_t *to = canvas_row(canvas, y);
		for (size_t x = 0; x < image->width; x++, from += channels)
			to[x] = 0xFF000000u | (uint32_t)from[0] << 16 | (uint32_t)from[channels / 2] << 8 | from[channels - 1];
	}
	cairo_surface_mark_dirty(canvas->surface);
	*out = canvas;
	return OK;
}

int canvas_to_image(const struct canvas *canvas, struct image *out, struct err *err)
{
	cairo_status_t state = cairo_status(canvas->cairo);
	if (state != CAIRO_STATUS_SUCCESS)
		return err_set(err, state == CAIRO_STATUS_NO_MEMORY ? ERR_MEMORY : ERR_DATA, "drawing failed: %s",
		               cairo_status_to_string(state));
	cairo_surface_flush(canvas->surface);
	struct image image = {0};
	int status = image_new(&image, (size_t)cairo_image_surface_get_width(canvas->surface),
	                       (size_t)cairo_image_surface_get_height(canvas->surface), 3, err);
	if (status != OK)
		return status;
	uint8_t *to = image.pixels;
	for (size_t y = 0; y < image.height; y++) {
		const uint32_t *from = canvas_row(canvas, y);
		for (size_t x = 0; x < image.width; x++) {
			*to++ = (uint8_t)(from[x] >> 16);
			*to++ = (uint8_t)(from[x] >> 8);
			*to++ = (uint8_t)from[x];
		}
	}
	*out = image;
	return OK;
}

/* ---- paths ------------------------------------------------------------------------------- */

void canvas_move(struct canvas *canvas, double x, double y)
{
	cairo_move_to(canvas->cairo, x, y);
}

void canvas_line(struct canvas *canvas, double x, double y)
{
	cairo_line_to(canvas->cairo, x, y);
}

void canvas_curve(struct canvas *canvas, double x1, double y1, double x2, double y2, double x, double y)
{
	cairo_curve_to(canvas->cairo, x1, y1, x2, y2, x, y);
}

void canvas_close(struct canvas *canvas)
{
	cairo_close_path(canvas->cairo);
}

void canvas_ellipse(struct canvas *canvas, double x, double y, double radius_x, double radius_y, double turn)
{
	/* A scale of zero would break the canvas for good. */
	if (!(radius_x > 0) || !(radius_y > 0))
		return;
	cairo_save(canvas->cairo);
	cairo_translate(canvas->cairo, x, y);
	cairo_rotate(canvas->cairo, turn);
	cairo_scale(canvas->cairo, radius_x, radius_y);
	cairo_new_sub_path(canvas->cairo);
	cairo_arc(canvas->cairo, 0, 0, 1, 0, 2 * M_PI);
	cairo_close_path(canvas->cairo);
	cairo_restore(canvas->cairo);
}

void canvas_rectangle(struct canvas *canvas, double x, double y, double width, double height)
{
	cairo_rectangle(canvas->cairo, x, y, width, height);
}

/* ---- ink ---------------------------------------------------------------------------------- */

void canvas_fill(struct canvas *canvas, struct colour colour)
{
	cairo_set_source_rgba(canvas->cairo, colour.r, colour.g, colour.b, colour.a);
	cairo_fill(canvas->cairo);
}

void canvas_fill_gradient(struct canvas *canvas, double x0, double y0, struct colour from, double x1, double y1,
                          struct colour to)
{
	cairo_pattern_t *pattern = cairo_pattern_create_linear(x0, y0, x1, y1);
	cairo_pattern_add_color_stop_rgba(pattern, 0, from.r, from.g, from.b, from.a);
	cairo_pattern_add_color_stop_rgba(pattern, 1, to.r, to.g, to.b, to.a);
	cairo_set_source(canvas->cairo, pattern);
	cairo_fill(canvas->cairo);
	cairo_pattern_destroy(pattern);
}

void canvas_stroke(struct canvas *canvas, double width, struct colour colour)
{
	cairo_set_line_width(canvas->cairo, width);
	cairo_set_line_cap(canvas->cairo, CAIRO_LINE_CAP_ROUND);
	cairo_set_line_join(canvas->cairo, CAIRO_LINE_JOIN_ROUND);
	cairo_set_source_rgba(canvas->cairo, colour.r, colour.g, colour.b, colour.a);
	cairo_stroke(canvas->cairo);
}

/* Grey anti-aliasing without hinting: the same pixels whatever the desktop's font settings. */
static void layout_settle(PangoLayout *layout)
{
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
	cairo_font_options_destroy(options);
	pango_layout_context_changed(layout);
}

/* One line in the house's fonts; freed by g_object_unref. */
static PangoLayout *line_layout(struct canvas *canvas, double size_px, const char *text)
{
	char *valid = g_utf8_make_valid(text, -1);
	PangoLayout *layout = pango_cairo_create_layout(canvas->cairo);
	PangoFontDescription *font = pango_font_description_from_string(font_families);
	pango_font_description_set_absolute_size(font, size_px * PANGO_SCALE);
	layout_settle(layout);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_single_paragraph_mode(layout, TRUE);
	pango_layout_set_text(layout, valid, -1);
	pango_font_description_free(font);
	g_free(valid);
	return layout;
}

void canvas_text(struct canvas *canvas, double x, double y, double size_px, struct colour colour, const char *text)
{
	PangoLayout *layout = line_layout(canvas, size_px, text);
	cairo_set_source_rgba(canvas->cairo, colour.r, colour.g, colour.b, colour.a);
	cairo_new_path(canvas->cairo);
	cairo_move_to(canvas->cairo, x, y);
	pango_cairo_show_layout(canvas->cairo, layout);
	cairo_new_path(canvas->cairo);
	g_object_unref(layout);
}

double canvas_text_width(struct canvas *canvas, double size_px, const char *text)
{
	PangoLayout *layout = line_layout(canvas, size_px, text);
	int width, height;
	pango_layout_get_size(layout, &width, &height);
	g_object_unref(layout);
	return (double)width / PANGO_SCALE;
}

/* ---- transforms ------------------------------------------------------------------------------ */

void canvas_push(struct canvas *canvas, double x, double y, double turn, double scale_x, double scale_y)
{
	cairo_save(canvas->cairo);
	cairo_translate(canvas->cairo, x, y);
	cairo_rotate(canvas->cairo, turn);
	cairo_scale(canvas->cairo, scale_x, scale_y);
}

void canvas_pop(struct canvas *canvas)
{
	cairo_restore(canvas->cairo);
}
