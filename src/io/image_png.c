#include "io/image_internal.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/*
 * libpng leaves by longjmp. Everything that must survive it lives in one struct, and the functions
 * that call setjmp have no locals of their own that change.
 */
struct png_job {
	png_structp png;
	png_infop info;
	const uint8_t *bytes;
	size_t size, used;
	struct strbuf written;
	char text[200]; /* libpng's sentence */
	size_t width, height, row_bytes;
	uint8_t *rows; /* grey + alpha or RGBA, 8 bit */
	uint8_t **row;
	bool colour;
};

static void png_fail(png_structp png, png_const_charp text)
{
	struct png_job *job = png_get_error_ptr(png);
	snprintf(job->text, sizeof job->text, "%s", text);
	png_longjmp(png, 1);
}

static void png_ignore(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

/* ---- reading ---------------------------------------------------------------------------- */

static void png_pull(png_structp png, png_bytep to, size_t count)
{
	struct png_job *job = png_get_io_ptr(png);
	if (count > job->size - job->used)
		png_error(png, "truncated");
	memcpy(to, job->bytes + job->used, count);
	job->used += count;
}

/* Whatever is stored becomes 8-bit grey + alpha or RGBA. */
static void png_want_8_bit(struct png_job *job)
{
	int type = png_get_color_type(job->png, job->info);
	png_set_strip_16(job->png); /* the high byte, as OpenCV takes it */
	png_set_expand(job->png);   /* palette, 1–4 bit grey, tRNS */
	png_set_interlace_handling(job->png);
	png_set_add_alpha(job->png, 0xFF, PNG_FILLER_AFTER);
	png_read_update_info(job->png, job->info);
	job->colour = type & PNG_COLOR_MASK_COLOR;
	job->row_bytes = png_get_rowbytes(job->png, job->info);
}

static bool png_read_head(struct png_job *job)
{
	if (setjmp(png_jmpbuf(job->png)))
		return false;
	png_set_read_fn(job->png, job, png_pull);
	png_read_info(job->png, job->info);
	job->width = png_get_image_width(job->png, job->info);
	job->height = png_get_image_height(job->png, job->info);
	png_want_8_bit(job);
	return true;
}

static bool png_read_all(struct png_job *job)
{
	if (setjmp(png_jmpbuf(job->png)))
		return false;
	png_read_image(job->png, job->row);
	png_read_end(job->png, NULL);
	return true;
}

static uint8_t over_black(unsigned value, unsigned alpha)
{
	return (uint8_t)((value * alpha + 127) / 255);
}

static void png_convert(const struct png_job *job, struct image *image)
{
	size_t in = job->colour ? 4 : 2, channels = image->channels;
	for (size_t y = 0; y < image->height; y++) {
		const uint8_t *from = job->row[y];
		uint8_t *to = image->pixels + y * image->width * channels;
		for (size_t x = 0; x < image->width; x++, from += in, to += channels) {
			unsigned alpha = from[in - 1];
			uint8_t r = over_black(from[0], alpha);
			uint8_t g = job->colour ? over_black(from[1], alpha) : r;
			uint8_t b = job->colour ? over_black(from[2], alpha) : r;
			if (channels == 1) {
				to[0] = job->colour ? image_grey(r, g, b) : r;
				continue;
			}
			to[0] = r;
			to[1] = g;
			to[2] = b;
		}
	}
}

static int png_failure(const struct png_job *job, const char *name, struct err *err)
{
	bool cut = strstr(job->text, "truncated") || strstr(job->text, "Not enough");
	return err_set(err, ERR_DATA, "%s: %s PNG (%s)", name, cut ? "truncated" : "damaged", job->text);
}

static int png_decode_with(struct png_job *job, struct image *image, size_t channels, const char *name, struct err *err)
{
	if (!png_read_head(job))
		return png_failure(job, name, err);
	if (channels == 0)
		channels = job->colour ? 3 : 1;
	if (image_new(image, job->width, job->height, channels, err) != OK)
		return err_wrap(err, "%s", name);
	job->rows = mem_alloc(job->height, job->row_bytes, err);
	job->row = mem_alloc(job->height, sizeof *job->row, err);
	if (!job->rows || !job->row)
		return err->code;
	for (size_t y = 0; y < job->height; y++)
		job->row[y] = job->rows + y * job->row_bytes;
	if (!png_read_all(job))
		return png_failure(job, name, err);
	png_convert(job, image);
	return OK;
}

int png_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name, struct err *err)
{
	struct png_job job = {.bytes = bytes, .size = size};
	job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, png_fail, png_ignore);
	job.info = job.png ? png_create_info_struct(job.png) : NULL;
	struct image image = {0};
	int status = job.info ? png_decode_with(&job, &image, channels, name, err)
	                      : err_set(err, ERR_MEMORY, "%s: out of memory for a PNG decoder", name);
	png_destroy_read_struct(&job.png, &job.info, NULL);
	free(job.rows);
	free(job.row);
	if (status == OK)
		*out = image;
	else
		image_free(&image);
	return status;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void png_push(png_structp png, png_bytep from, size_t count)
{
	struct png_job *job = png_get_io_ptr(png);
	strbuf_add_bytes(&job->written, from, count);
}

static void png_flushed(png_structp png)
{
	(void)png;
}

static bool png_write_all(struct png_job *job, const struct image *image)
{
	if (setjmp(png_jmpbuf(job->png)))
		return false;
	png_set_write_fn(job->png, job, png_push, png_flushed);
	png_set_IHDR(job->png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
	             image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
	             PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(job->png, job->info);
	png_write_image(job->png, job->row);
	png_write_end(job->png, NULL);
	return true;
}

static int png_encode_with(struct png_job *job, const struct image *image, struct err *err)
{
	job->row = mem_alloc(image->height, sizeof *job->row, err);
	if (!job->row)
		return err->code;
	for (size_t y = 0; y < image->height; y++)
		job->row[y] = image->pixels + y * image->width * image->channels;
	if (!png_write_all(job, image))
		return err_set(err, ERR_DATA, "a picture of %zu × %zu cannot become a PNG: %s", image->width, image->height,
		               job->text);
	return strbuf_check(&job->written, err);
}

int image_encode_png(const struct image *image, uint8_t **out, size_t *size, struct err *err)
{
	struct png_job job = {0};
	job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, png_fail, png_ignore);
	job.info = job.png ? png_create_info_struct(job.png) : NULL;
	int status =
	    job.info ? png_encode_with(&job, image, err) : err_set(err, ERR_MEMORY, "out of memory for a PNG encoder");
	png_destroy_write_struct(&job.png, &job.info);
	free(job.row);
	if (status == OK) {
		*out = (uint8_t *)job.written.text;
		*size = job.written.length;
	} else {
		strbuf_free(&job.written);
	}
	return status;
}
