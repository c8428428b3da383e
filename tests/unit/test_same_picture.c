/* Copies of a photograph are known again, other photographs are not taken for them. */
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "vision/drawn_internal.h"

#define WIDTH 240
#define HEIGHT 200

/* A window of a drawn person's picture: so a copy can be moved without an edge. */
static struct image window(size_t person, int expression, size_t x, size_t y)
{
	struct err err = {0};
	const struct drawn_faces faces = {.people = 12, .pictures = 9, .width = 346, .height = 230, .seed = 5};
	struct image whole, out;
	assert_ok(drawn_face(&faces, person, (struct drawn_shot){1, 1, expression, 7}, &whole, NULL, &err));
	assert_ok(image_new(&out, WIDTH, HEIGHT, 3, &err));
	for (size_t row = 0; row < HEIGHT; row++)
		memcpy(out.pixels + row * WIDTH * 3, whole.pixels + ((y + row) * whole.width + x) * 3, WIDTH * 3);
	image_free(&whole);
	return out;
}

static struct picture_print print_of(struct image *image)
{
	struct picture_print print;
	picture_print_take(&print, image);
	image_free(image);
	return print;
}

static struct picture_print original(size_t person)
{
	struct image image = window(person, 1, 50, 15);
	return print_of(&image);
}

static void compressed_again(struct image *image, int quality)
{
	struct err err = {0};
	uint8_t *bytes;
	size_t size;
	assert_ok(image_encode_jpeg(image, quality, &bytes, &size, &err));
	image_free(image);
	assert_ok(image_decode(image, bytes, size, 3, "copy", &err));
	free(bytes);
}

static void scaled(struct image *image, size_t width, size_t height)
{
	struct err err = {0};
	struct face_scratch scratch = {0};
	struct image small;
	assert_ok(image_new(&small, width, height, 3, &err));
	struct face_shrink job = {.picture = image, .w = (double)image->width, .h = (double)image->height,
	                          .out_w = width, .out_h = height, .out_stride = 3 * width, .out = small.pixels};
	assert_ok(face_shrink_run(&job, &scratch, &err));
	face_scratch_free(&scratch);
	image_free(image);
	*image = small;
}

static void relit(struct image *image, double gain, double more)
{
	for (size_t i = 0; i < image->width * image->height * 3; i++) {
		double level = gain * image->pixels[i] + more;
		image->pixels[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
	}
}

static void mirrored(struct image *image)
{
	for (size_t y = 0; y < image->height; y++)
		for (size_t x = 0; x < image->width / 2; x++)
			for (size_t c = 0; c < 3; c++) {
				uint8_t *line = image->pixels + y * image->width * 3, *far = line + (image->width - 1 - x) * 3 + c,
				        kept = *far;
				*far = line[x * 3 + c];
				line[x * 3 + c] = kept;
			}
}

static void copies_are_known_again(void **state)
{
	(void)state;
	for (size_t person = 0; person < 12; person++) {
		struct picture_print first = original(person), second;
		struct image image;
		for (int quality = 90; quality >= 20; quality -= 35) {
			image = window(person, 1, 50, 15);
			compressed_again(&image, quality);
			second = print_of(&image);
			assert_true(picture_print_same(&first, &second) && picture_print_same(&second, &first));
		}
		for (size_t shift = 1; shift < 4; shift++) { /* right, down, both */
			image = window(person, 1, 50 + (shift & 1), 15 + (shift >> 1));
			compressed_again(&image, 90);
			second = print_of(&image);
			assert_true(picture_print_same(&first, &second));
		}
		for (size_t part = 2; part <= 4; part++) { /* a half, three quarters, whole */
			image = window(person, 1, 50, 15);
			scaled(&image, WIDTH * part / 4, HEIGHT * part / 4);
			second = print_of(&image);
			assert_true(picture_print_same(&first, &second));
		}
		image = window(person, 1, 50, 15);
		relit(&image, 0.8, 20);
		second = print_of(&image);
		assert_true(picture_print_same(&first, &second));
	}
}

static void other_people_before_the_same_camera_are_not_the_same(void **state)
{
	(void)state;
	struct picture_print prints[12];
	for (size_t i = 0; i < 12; i++)
		prints[i] = original(i);
	for (size_t i = 0; i < 12; i++)
		for (size_t k = 0; k < 12; k++)
			assert_int_equal(picture_print_same(&prints[i], &prints[k]), i == k);
	struct image image = window(3, 1, 50, 15);
	mirrored(&image);
	struct picture_print other = print_of(&image);
	assert_false(picture_print_same(&prints[3], &other));
}

/* Nothing is to be seen in them: only the very same cells are the same, and nothing is explained by a contrast of
 * zero. */
static void dark_and_plain_pictures_are_like_no_other(void **state)
{
	(void)state;
	struct err err = {0};
	struct picture_print face = original(0), plain[3];
	for (size_t i = 0; i < 3; i++) {
		struct image image;
		assert_ok(image_new(&image, 5 + 40 * i, 7, 1, &err));
		memset(image.pixels, i == 2 ? 9 : 0, image.width * image.height);
		plain[i] = print_of(&image);
		assert_false(picture_print_same(&face, &plain[i]));
		assert_false(picture_print_same(&plain[i], &face));
	}
	assert_true(picture_print_same(&plain[0], &plain[1]));
	assert_false(picture_print_same(&plain[0], &plain[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_are_known_again),
	    cmocka_unit_test(other_people_before_the_same_camera_are_not_the_same),
	    cmocka_unit_test(dark_and_plain_pictures_are_like_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
