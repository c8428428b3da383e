#include "support/support.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "io/io.h"

/* A smooth picture with an edge, in which no two channels are alike. */
static struct image picture_new(size_t width, size_t height, size_t channels)
{
	struct err err = {0};
	struct image image = {0};
	assert_ok(image_new(&image, width, height, channels, &err));
	for (size_t y = 0; y < height; y++) {
		for (size_t x = 0; x < width; x++) {
			uint8_t *pixel = image.pixels + (y * width + x) * channels;
			for (size_t c = 0; c < channels; c++)
				pixel[c] = (uint8_t)(40 + c * 50 + x * 60 / width + y * 40 / height + (x > width / 2 ? 25 : 0));
		}
	}
	return image;
}

static void a_png_comes_back_as_it_was(void **state)
{
	(void)state;
	struct err err = {0};
	for (size_t channels = 1; channels <= 3; channels += 2) {
		struct image image = picture_new(37, 23, channels), back = {0};
		uint8_t *bytes;
		size_t size;
		assert_ok(image_encode_png(&image, &bytes, &size, &err));
		assert_ok(image_decode(&back, bytes, size, 0, "x.png", &err));
		assert_int_equal(back.channels, channels);
		assert_int_equal(back.width, 37);
		assert_int_equal(back.height, 23);
		assert_memory_equal(back.pixels, image.pixels, 37 * 23 * channels);
		image_free(&back);
		image_free(&image);
		free(bytes);
	}
}

static void a_saved_png_is_loaded_and_made_grey_or_coloured_on_demand(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.png");
	struct image image = picture_new(9, 5, 3), back = {0};
	assert_ok(image_save_png(&image, path, &err));
	assert_ok(image_load(&back, path, 1, &err));
	assert_int_equal(back.channels, 1);
	for (size_t i = 0; i < 45; i++) {
		const uint8_t *p = image.pixels + 3 * i;
		assert_int_equal(back.pixels[i], (9798 * p[0] + 19235 * p[1] + 3735 * p[2] + 16384) >> 15);
	}
	image_free(&image);
	assert_ok(image_save_png(&back, path, &err));
	assert_ok(image_load(&image, path, 3, &err));
	for (size_t i = 0; i < 135; i++)
		assert_int_equal(image.pixels[i], back.pixels[i / 3]);
	image_free(&image);
	image_free(&back);
	assert_refused(image_load(&back, scratch_path(folder, "none.png"), 0, &err), ERR_IO, "none.png");
	scratch_remove(folder);
}

static void a_jpeg_comes_back_nearly_as_it_was(void **state)
{
	(void)state;
	struct err err = {0};
	for (size_t channels = 1; channels <= 3; channels += 2) {
		struct image image = picture_new(64, 48, channels), back = {0};
		uint8_t *bytes;
		size_t size;
		assert_ok(image_encode_jpeg(&image, 95, &bytes, &size, &err));
		assert_ok(image_decode(&back, bytes, size, 0, "x.jpg", &err));
		assert_int_equal(back.channels, channels);
		double error = 0;
		for (size_t i = 0; i < 64 * 48 * channels; i++)
			error += abs(back.pixels[i] - image.pixels[i]);
		assert_true(error / (64 * 48 * (double)channels) < 2.5);
		image_free(&back);
		assert_ok(image_decode(&back, bytes, size, channels == 1 ? 3 : 1, "x.jpg", &err));
		assert_int_equal(back.channels, channels == 1 ? 3 : 1);
		image_free(&back);
		image_free(&image);
		free(bytes);
	}
}

static void a_picture_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = picture_new(64, 48, 3), back = {0};
	uint8_t *bytes[2];
	size_t size[2];
	assert_ok(image_encode_jpeg(&image, 90, &bytes[0], &size[0], &err));
	assert_ok(image_encode_png(&image, &bytes[1], &size[1], &err));
	for (int kind = 0; kind < 2; kind++) {
		for (size_t cut = 0; cut + 2 < size[kind]; cut++) {
			/* A copy of that size, so that the sanitizers see a read behind it. */
			uint8_t *copy = malloc(cut + 1);
			memcpy(copy, bytes[kind], cut);
			assert_refused(image_decode(&back, copy, cut, 3, "p", &err), ERR_DATA, "p: ");
			free(copy);
		}
		free(bytes[kind]);
	}
	image_free(&image);
}

static void a_cut_jpeg_is_called_truncated(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = picture_new(64, 48, 3), back = {0};
	uint8_t *bytes;
	size_t size;
	assert_ok(image_encode_jpeg(&image, 90, &bytes, &size, &err));
	assert_refused(image_decode(&back, bytes, size * 3 / 4, 3, "a/b.jpg", &err), ERR_DATA, "a/b.jpg: truncated JPEG");
	assert_refused(image_decode(&back, bytes, size - 2, 3, "b.jpg", &err), ERR_DATA, "b.jpg: truncated JPEG");
	free(bytes);
	image_free(&image);
}

/* One decoder for all: what it could not read must not show in what it reads next. */
static void a_decoder_reads_on_after_a_cut_jpeg(void **state)
{
	(void)state;
	struct err err = {0};
	struct image_decoder *decoder;
	struct image image, out;
	struct image_head head;
	uint8_t *bytes;
	size_t size;
	assert_ok(image_new(&image, 40, 24, 3, &err));
	for (size_t i = 0; i < 40 * 24 * 3; i++)
		image.pixels[i] = (uint8_t)(i * 37);
	assert_ok(image_encode_jpeg(&image, 80, &bytes, &size, &err));
	assert_ok(image_decoder_new(&decoder, &err));
	struct image_wish wish = {.channels = 3};
	for (size_t cut = 3; cut < size - 1; cut++) {
		uint8_t *part = mem_alloc(cut, 1, &err);
		memcpy(part, bytes, cut);
		struct image_source damaged = {.bytes = part, .size = cut, .name = "cut"},
		                    whole = {.bytes = bytes, .size = size, .name = "whole"};
		if (image_decoder_head(decoder, &damaged, &head, &err) == OK)
			assert_int_equal(image_decoder_read(decoder, &damaged, &wish, &out, &err), ERR_DATA);
		assert_ok(image_decoder_head(decoder, &whole, &head, &err));
		assert_int_equal(head.width, 40);
		assert_int_equal(head.height, 24);
		assert_ok(image_decoder_read(decoder, &whole, &wish, &out, &err));
		assert_int_equal(out.width, 40);
		free(part);
	}
	image_decoder_free(decoder);
	free(bytes);
	image_free(&image);
}

static void bytes_between_the_markers_of_a_whole_jpeg_do_no_harm(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = picture_new(64, 48, 3), plain = {0}, padded = {0};
	uint8_t *bytes;
	size_t size;
	assert_ok(image_encode_jpeg(&image, 90, &bytes, &size, &err));
	assert_ok(image_decode(&plain, bytes, size, 3, "p", &err));
	uint8_t *longer = malloc(size + 5);
	memcpy(longer, bytes, size - 2);
	memcpy(longer + size - 2, "abcde\xFF\xD9", 7);
	assert_ok(image_decode(&padded, longer, size + 5, 3, "p", &err));
	assert_memory_equal(plain.pixels, padded.pixels, 64 * 48 * 3);
	free(longer);
	free(bytes);
	image_free(&plain);
	image_free(&padded);
	image_free(&image);
}

static void what_is_no_picture_is_called_what_it_is(void **state)
{
	(void)state;
	struct err err = {0};
	struct image back = {0};
	assert_refused(image_decode(&back, "hello, I am text\n", 17, 3, "a.jpg", &err), ERR_DATA,
	               "a.jpg: is neither JPEG nor PNG, but text");
	assert_refused(image_decode(&back, "GIF89a\1\0\1\0", 10, 3, "a.jpg", &err), ERR_DATA, "but a GIF");
	assert_refused(image_decode(&back, "", 0, 3, "a.jpg", &err), ERR_DATA, "a.jpg: is empty");
	assert_refused(image_decode(&back, "\1\2\3\4", 4, 3, "a.jpg", &err), ERR_DATA, "something else");
	assert_refused(image_decode(&back, "x", 1, 2, "a.jpg", &err), ERR_DATA, "channels");
	assert_null(back.pixels);
}

static void a_jpeg_that_claims_to_be_huge_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = picture_new(16, 16, 1), back = {0};
	uint8_t *bytes;
	size_t size;
	assert_ok(image_encode_jpeg(&image, 90, &bytes, &size, &err));
	uint8_t *frame = memmem(bytes, size, "\xFF\xC0", 2);
	assert_non_null(frame);
	memcpy(frame + 5, "\xEA\x60\xEA\x60", 4); /* 60,000 × 60,000 */
	assert_refused(image_decode(&back, bytes, size, 0, "big.jpg", &err), ERR_DATA,
	               "big.jpg: a picture of 60000 × 60000");
	free(bytes);
	image_free(&image);
}

static void impossible_pictures_are_not_made(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = {0};
	assert_refused(image_new(&image, 0, 5, 3, &err), ERR_DATA, "0 × 5");
	assert_refused(image_new(&image, 5, 5, 4, &err), ERR_DATA, "channels");
	assert_refused(image_new(&image, SIZE_MAX, SIZE_MAX, 1, &err), ERR_DATA, "not allowed");
}

static void cmyk_becomes_the_colour_it_prints(void **state)
{
	(void)state;
	struct err err = {0};
	/* Stored inverted: {255,255,255,255} is bare paper, K = 0 all black, C = 0 full cyan. */
	static const uint8_t ink[3][4] = {{255, 255, 255, 255}, {200, 100, 50, 0}, {0, 255, 255, 255}};
	static const int colour[3][3] = {{255, 255, 255}, {0, 0, 0}, {0, 255, 255}};
	for (int k = 0; k < 3; k++) {
		uint8_t cmyk[16 * 16 * 4];
		for (size_t i = 0; i < sizeof cmyk; i++)
			cmyk[i] = ink[k][i % 4];
		unsigned char *bytes = NULL;
		unsigned long size = 0;
		tjhandle handle = tjInitCompress();
		assert_int_equal(tjCompress2(handle, cmyk, 16, 0, 16, TJPF_CMYK, &bytes, &size, TJSAMP_444, 100, 0), 0);
		tjDestroy(handle);
		struct image back = {0};
		assert_ok(image_decode(&back, bytes, size, 0, "cmyk.jpg", &err));
		assert_int_equal(back.channels, 3);
		for (size_t c = 0; c < 3; c++)
			assert_in_range(back.pixels[c] + 3, colour[k][c] + 0, colour[k][c] + 6);
		image_free(&back);
		assert_ok(image_decode(&back, bytes, size, 1, "cmyk.jpg", &err));
		assert_int_equal(back.channels, 1);
		image_free(&back);
		tjFree(bytes);
	}
}

/* ---- PNGs of every kind, written by libpng itself ---------------------------------------- */

struct png_kind {
	int type, depth;
	const uint8_t *row; /* of 2 × 1 pixels, as stored */
	const png_color *palette;
	const uint8_t *transparency;
	int interlace;
};

static void collect(png_structp png, png_bytep bytes, size_t size)
{
	strbuf_add_bytes(png_get_io_ptr(png), bytes, size);
}

static void write_kind(const struct png_kind *kind, struct strbuf *out)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_set_write_fn(png, out, collect, NULL);
	png_set_IHDR(png, info, 2, 1, kind->depth, kind->type, kind->interlace, 0, 0);
	if (kind->palette)
		png_set_PLTE(png, info, kind->palette, 2);
	if (kind->transparency)
		png_set_tRNS(png, info, kind->transparency, 2, NULL);
	png_write_info(png, info);
	png_bytep row = (png_bytep)(uintptr_t)kind->row;
	png_write_image(png, &row);
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
}

static void expect_png(const struct png_kind *kind, size_t channels, const uint8_t *expected)
{
	struct err err = {0};
	struct strbuf bytes = {0};
	struct image image = {0};
	write_kind(kind, &bytes);
	assert_ok(image_decode(&image, bytes.text, bytes.length, 0, "p", &err));
	assert_int_equal(image.channels, channels);
	assert_memory_equal(image.pixels, expected, 2 * channels);
	image_free(&image);
	strbuf_free(&bytes);
}

static void pngs_of_every_kind_become_eight_bit_without_alpha(void **state)
{
	(void)state;
	static const png_color palette[2] = {{10, 20, 30}, {200, 100, 50}};
	static const uint8_t half[2] = {255, 0};
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_GRAY, 1, (const uint8_t *)"\x40", NULL, NULL, 0}, 1,
	           (const uint8_t *)"\x00\xFF");
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_GRAY, 4, (const uint8_t *)"\x1F", NULL, NULL, 0}, 1,
	           (const uint8_t *)"\x11\xFF");
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_GRAY, 16, (const uint8_t *)"\x12\xFF\x80\x00", NULL, NULL, 0}, 1,
	           (const uint8_t *)"\x12\x80");
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_RGB, 16, (const uint8_t *)"\1\0\2\0\3\0\4\0\5\0\6\0", NULL, NULL, 1},
	           3, (const uint8_t *)"\1\2\3\4\5\6");
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_PALETTE, 1, (const uint8_t *)"\x40", palette, NULL, 0}, 3,
	           (const uint8_t[]){10, 20, 30, 200, 100, 50});
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_PALETTE, 1, (const uint8_t *)"\x40", palette, half, 0}, 3,
	           (const uint8_t[]){10, 20, 30, 0, 0, 0});
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_RGBA, 8, (const uint8_t[]){100, 200, 50, 255, 100, 200, 50, 51}, NULL,
	                              NULL, 0},
	           3, (const uint8_t[]){100, 200, 50, 20, 40, 10});
	expect_png(&(struct png_kind){PNG_COLOR_TYPE_GRAY_ALPHA, 8, (const uint8_t[]){100, 255, 100, 0}, NULL, NULL, 0}, 1,
	           (const uint8_t[]){100, 0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_png_comes_back_as_it_was),
	    cmocka_unit_test(a_saved_png_is_loaded_and_made_grey_or_coloured_on_demand),
	    cmocka_unit_test(a_jpeg_comes_back_nearly_as_it_was),
	    cmocka_unit_test(a_picture_cut_anywhere_is_refused),
	    cmocka_unit_test(a_cut_jpeg_is_called_truncated),
	    cmocka_unit_test(bytes_between_the_markers_of_a_whole_jpeg_do_no_harm),
	    cmocka_unit_test(what_is_no_picture_is_called_what_it_is),
	    cmocka_unit_test(a_jpeg_that_claims_to_be_huge_is_refused),
	    cmocka_unit_test(impossible_pictures_are_not_made),
	    cmocka_unit_test(cmyk_becomes_the_colour_it_prints),
	    cmocka_unit_test(pngs_of_every_kind_become_eight_bit_without_alpha),
	    cmocka_unit_test(a_decoder_reads_on_after_a_cut_jpeg),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
