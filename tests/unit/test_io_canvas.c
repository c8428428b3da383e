#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "io/io.h"

static const struct colour red = {1, 0, 0, 1}, blue = {0, 0, 1, 1}, white = {1, 1, 1, 1};

static struct image drawn(struct canvas *canvas)
{
	struct err err = {0};
	struct image image = {0};
	assert_ok(canvas_to_image(canvas, &image, &err));
	canvas_free(canvas);
	return image;
}

static const uint8_t *pixel(const struct image *image, size_t x, size_t y)
{
	return image->pixels + (y * image->width + x) * 3;
}

static void a_picture_goes_through_a_canvas_unchanged(void **state)
{
	(void)state;
	struct err err = {0};
	for (size_t channels = 1; channels <= 3; channels += 2) {
		struct image image = {0};
		assert_ok(image_new(&image, 31, 17, channels, &err));
		struct rng rng;
		rng_seed(&rng, 1, "pixels", 0);
		for (size_t i = 0; i < 31 * 17 * channels; i++)
			image.pixels[i] = (uint8_t)rng_u64(&rng);
		struct canvas *canvas = NULL;
		assert_ok(canvas_from_image(&canvas, &image, &err));
		struct image back = drawn(canvas);
		for (size_t i = 0; i < 31 * 17 * 3; i++)
			assert_int_equal(back.pixels[i], image.pixels[channels == 3 ? i : i / 3]);
		image_free(&image);
		image_free(&back);
	}
}

static void shapes_fill_where_they_are_and_nowhere_else(void **state)
{
	(void)state;
	struct err err = {0};
	struct canvas *canvas = NULL;
	assert_ok(canvas_new(&canvas, 60, 40, &err));
	canvas_rectangle(canvas, 10, 5, 20, 10);
	canvas_fill(canvas, red);
	canvas_ellipse(canvas, 45, 25, 10, 5, 0);
	canvas_fill(canvas, blue);
	struct image image = drawn(canvas);
	assert_memory_equal(pixel(&image, 10, 5), "\xFF\0\0", 3);
	assert_memory_equal(pixel(&image, 29, 14), "\xFF\0\0", 3);
	assert_memory_equal(pixel(&image, 30, 14), "\0\0\0", 3);
	assert_memory_equal(pixel(&image, 9, 5), "\0\0\0", 3);
	assert_memory_equal(pixel(&image, 45, 25), "\0\0\xFF", 3);
	assert_memory_equal(pixel(&image, 45, 32), "\0\0\0", 3);
	image_free(&image);
}

static void transforms_stack_and_end(void **state)
{
	(void)state;
	struct err err = {0};
	struct canvas *canvas = NULL;
	assert_ok(canvas_new(&canvas, 40, 40, &err));
	canvas_push(canvas, 20, 20, 3.14159265358979 / 2, 2, 1);
	canvas_rectangle(canvas, 0, 0, 5, 2); /* turned: 2 left of, 10 below the centre */
	canvas_fill(canvas, red);
	canvas_pop(canvas);
	canvas_rectangle(canvas, 0, 0, 3, 3);
	canvas_fill(canvas, blue);
	struct image image = drawn(canvas);
	assert_memory_equal(pixel(&image, 18, 29), "\xFF\0\0", 3);
	assert_memory_equal(pixel(&image, 25, 21), "\0\0\0", 3);
	assert_memory_equal(pixel(&image, 2, 2), "\0\0\xFF", 3);
	image_free(&image);
}

static void curves_strokes_and_gradients_leave_ink(void **state)
{
	(void)state;
	struct err err = {0};
	struct canvas *canvas = NULL;
	assert_ok(canvas_new(&canvas, 60, 40, &err));
	canvas_move(canvas, 5, 35);
	canvas_curve(canvas, 20, 5, 40, 5, 55, 35);
	canvas_stroke(canvas, 3, white);
	canvas_move(canvas, 0, 0);
	canvas_line(canvas, 20, 0);
	canvas_line(canvas, 20, 4);
	canvas_line(canvas, 0, 4);
	canvas_close(canvas);
	canvas_fill_gradient(canvas, 0, 0, (struct colour){0, 0, 0, 1}, 20, 0, white);
	struct image image = drawn(canvas);
	assert_true(pixel(&image, 30, 12)[0] > 200);
	assert_true(pixel(&image, 30, 30)[0] == 0);
	assert_true(pixel(&image, 2, 1)[0] < 60 && pixel(&image, 18, 1)[0] > 200);
	image_free(&image);
}

static size_t ink(const char *text)
{
	struct err err = {0};
	struct canvas *canvas = NULL;
	assert_ok(canvas_new(&canvas, 200, 60, &err));
	canvas_text(canvas, 4, 4, 32, white, text);
	struct image image = drawn(canvas);
	size_t lit = 0;
	for (size_t i = 0; i < 200 * 60; i++)
		lit += image.pixels[3 * i] > 128;
	image_free(&image);
	return lit;
}

static void hangul_is_written_in_letters_of_its_own(void **state)
{
	(void)state;
	size_t one = ink("가"), other = ink("뷁");
	assert_true(one > 50);
	/* Two missing glyphs would be the same box. */
	assert_int_not_equal(one, other);
	assert_int_equal(ink(""), 0);
	assert_int_equal(ink("긍정 0.82"), ink("긍정 0.82"));
}

static void broken_utf8_is_drawn_without_harm(void **state)
{
	(void)state;
	assert_true(ink("a\xFF\xC0z") > 20);
}

static void impossible_canvases_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct canvas *canvas = NULL;
	assert_refused(canvas_new(&canvas, 0, 5, &err), ERR_DATA, "0 × 5");
	assert_refused(canvas_new(&canvas, 40000, 5, &err), ERR_DATA, "40000 × 5");
	assert_null(canvas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_picture_goes_through_a_canvas_unchanged),
	    cmocka_unit_test(shapes_fill_where_they_are_and_nowhere_else),
	    cmocka_unit_test(transforms_stack_and_end),
	    cmocka_unit_test(curves_strokes_and_gradients_leave_ink),
	    cmocka_unit_test(hangul_is_written_in_letters_of_its_own),
	    cmocka_unit_test(broken_utf8_is_drawn_without_harm),
	    cmocka_unit_test(impossible_canvases_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
