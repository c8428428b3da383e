/* Preprocessing: what the network sees, which face is taken, and that the object survives its JSON form to the bit. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

static struct preprocess usual(void)
{
	return (struct preprocess){.crop = {CROP_CASCADE, CROP_BOX, CROP_CENTRE},
	                           .n_crop = 3,
	                           .margin = 0,
	                           .centre = 0.5,
	                           .size = 32,
	                           .kernel = KERNEL_AREA,
	                           .channels = CHANNELS_RGB,
	                           .scale = 1,
	                           .detect_scale = 1.1,
	                           .detect_neighbors = 3,
	                           .detect_min_size = 30};
}

static struct image picture(size_t width, size_t height, size_t channels)
{
	struct err err = {0};
	struct image image;
	struct rng rng;
	assert_ok(image_new(&image, width, height, channels, &err));
	rng_seed(&rng, 3, "picture", 0);
	for (size_t i = 0; i < width * height * channels; i++)
		image.pixels[i] = (uint8_t)rng_below(&rng, 256);
	return image;
}

static float *apply(const struct preprocess *preprocess, const struct image *image, struct rect face)
{
	struct err err = {0};
	size_t count = preprocess->size * preprocess->size * 3;
	float *tensor = canary_new(count);
	assert_ok(preprocess_apply(preprocess, image, face, tensor, &err));
	canary_check(tensor, count);
	return tensor;
}

static void a_face_of_the_networks_size_goes_through_pixel_by_pixel(void **state)
{
	(void)state;
	struct preprocess preprocess = usual();
	struct image image = picture(50, 40, 3);
	preprocess.channels = CHANNELS_BGR;
	preprocess.mean[0] = 103.939, preprocess.mean[1] = 116.779, preprocess.mean[2] = 123.68;
	preprocess.scale = 0.5;
	float *tensor = apply(&preprocess, &image, (struct rect){9, 4, 32, 32});
	for (size_t y = 0; y < 32; y++)
		for (size_t x = 0; x < 32; x++)
			for (size_t c = 0; c < 3; c++) {
				double sample = image.pixels[((y + 4) * 50 + x + 9) * 3 + 2 - c];
				assert_true(tensor[(y * 32 + x) * 3 + c] == (float)((sample - preprocess.mean[c]) * 0.5));
			}
	canary_free(tensor);
	image_free(&image);
}

static void the_margin_widens_the_square_around_the_faces_middle(void **state)
{
	(void)state;
	struct preprocess preprocess = usual();
	struct image image = picture(100, 90, 3);
	preprocess.margin = 0.25; /* 32 wide → 48; the shorter side is filled up to a square */
	float *widened = apply(&preprocess, &image, (struct rect){30, 34, 32, 20});
	preprocess.margin = 0;
	float *square = apply(&preprocess, &image, (struct rect){22, 20, 48, 48});
	assert_close(widened, square, 32 * 32 * 3, 1e-6, 1e-4);
	canary_free(widened);
	canary_free(square);
	image_free(&image);
}

static void grey_gives_what_the_same_values_in_three_channels_give(void **state)
{
	(void)state;
	struct err err = {0};
	struct preprocess preprocess = usual();
	struct image grey = picture(41, 47, 1), rgb;
	assert_ok(image_new(&rgb, 41, 47, 3, &err));
	for (size_t i = 0; i < 41 * 47 * 3; i++)
		rgb.pixels[i] = grey.pixels[i / 3];
	preprocess.mean[2] = 7;
	for (int kernel = KERNEL_NEAREST; kernel <= KERNEL_AREA; kernel++) {
		struct rect face = {-3, 5, 40, 36};
		preprocess.kernel = kernel;
		float *a = apply(&preprocess, &grey, face), *b = apply(&preprocess, &rgb, face);
		assert_memory_equal(a, b, 32 * 32 * 3 * sizeof *a);
		canary_free(a);
		canary_free(b);
	}
	struct image two = {.width = 1, .height = 1, .channels = 2, .pixels = rgb.pixels};
	float tensor[32 * 32 * 3];
	assert_refused(preprocess_apply(&preprocess, &two, (struct rect){0, 0, 1, 1}, tensor, &err), ERR_DATA,
	               "2 channels");
	assert_refused(preprocess_apply(&preprocess, &grey, (struct rect){1, 2, 0, 0}, tensor, &err), ERR_DATA,
	               "face at 1,2 of 0×0");
	image_free(&grey);
	image_free(&rgb);
}

static void the_first_source_that_has_a_face_wins(void **state)
{
	(void)state;
	struct preprocess preprocess = usual();
	struct rect found[] = {{50, 5, 20, 20}, {9, 9, 30, 30}, {8, 9, 30, 30}, {70, 70, 10, 10}}, known = {1, 2, 30, 40},
	            face;
	struct face_hints hints = {.width = 200, .height = 100, .detections = found, .n_detections = 4, .known = &known};
	int source;
	assert_true(preprocess_choose(&preprocess, &hints, &face, &source));
	assert_int_equal(source, CROP_CASCADE);
	assert_int_equal(face.x, 8); /* the largest; of two equal ones the left */
	hints.neighbors = (int[]){5, 4, 3, 10};
	assert_true(preprocess_choose(&preprocess, &hints, &face, &source));
	assert_int_equal(face.x, 50); /* the largest that has half the neighbours of the surest */
	hints.neighbors = (int[]){5, 5, 5, 10};
	assert_true(preprocess_choose(&preprocess, &hints, &face, &source));
	assert_int_equal(face.x, 8);
	hints.n_detections = 0;
	assert_true(preprocess_choose(&preprocess, &hints, &face, &source));
	assert_int_equal(source, CROP_BOX);
	assert_memory_equal(&face, &known, sizeof face);
	known.w = 0;
	assert_true(preprocess_choose(&preprocess, &hints, &face, &source));
	assert_int_equal(source, CROP_CENTRE);
	assert_memory_equal(&face, (&(struct rect){75, 25, 50, 50}), sizeof face);
	hints.known = NULL;
	preprocess.n_crop = 2;
	assert_false(preprocess_choose(&preprocess, &hints, &face, &source));
}

static void detections_are_wanted_only_where_they_can_matter(void **state)
{
	(void)state;
	struct preprocess preprocess = usual();
	assert_true(preprocess_wants_detections(&preprocess, true));
	preprocess.crop[0] = CROP_BOX, preprocess.crop[1] = CROP_CASCADE;
	assert_false(preprocess_wants_detections(&preprocess, true));
	assert_true(preprocess_wants_detections(&preprocess, false));
	preprocess.crop[0] = CROP_CENTRE, preprocess.crop[2] = CROP_BOX;
	assert_false(preprocess_wants_detections(&preprocess, false));
	preprocess.n_crop = 1;
	assert_false(preprocess_uses(&preprocess, CROP_CASCADE));
	assert_true(preprocess_uses(&preprocess, CROP_CENTRE));
}

static void json_gives_back_every_bit(void **state)
{
	(void)state;
	struct err err = {0};
	struct rng rng;
	rng_seed(&rng, 5, "json", 0);
	for (size_t i = 0; i < 40; i++) {
		struct preprocess preprocess = usual(), back;
		char *text;
		preprocess.margin = i ? rng_range(&rng, -0.4, 2) : 0.1;
		preprocess.mean[0] = i ? rng_range(&rng, -200, 200) : 103.939;
		preprocess.mean[2] = i ? rng_range(&rng, -200, 200) / 3 : 123.68;
		preprocess.scale = i ? exp(rng_range(&rng, -13, 13)) : 1.0 / 255;
		preprocess.frame_width = i % 2 ? 16 + i : 0, preprocess.frame_height = i % 2 ? 4096 - i : 0;
		preprocess.kernel = (int)(i % 3), preprocess.channels = (int)(i % 2), preprocess.n_crop = 1 + i % 3;
		if (preprocess.n_crop < 3)
			preprocess.crop[2] = 0;
		if (preprocess.n_crop < 2)
			preprocess.crop[1] = 0;
		assert_ok(preprocess_print(&preprocess, &text, &err));
		memset(&back, 0, sizeof back);
		assert_ok(preprocess_parse(&back, text, "bundle.json", &err));
		assert_true(back.margin == preprocess.margin && back.centre == preprocess.centre &&
		            back.scale == preprocess.scale);
		assert_memory_equal(back.mean, preprocess.mean, sizeof back.mean);
		assert_memory_equal(back.crop, preprocess.crop, sizeof back.crop);
		assert_true(back.n_crop == preprocess.n_crop && back.size == preprocess.size &&
		            back.kernel == preprocess.kernel && back.channels == preprocess.channels &&
		            back.detect_scale == preprocess.detect_scale && back.detect_neighbors == 3 &&
		            back.detect_min_size == 30 && back.frame_width == preprocess.frame_width &&
		            back.frame_height == preprocess.frame_height);
		free(text);
	}
}

static const char good[] =
    "{\"crop\":[\"cascade\",\"centre\"],\"margin\":0.2,\"centre\":0.6,\"size\":150,\"kernel\":\"area\","
    "\"channels\":\"bgr\",\"mean\":[103.939,116.779,123.68],\"scale\":1,\"detect_scale\":1.1,"
    "\"detect_neighbors\":3,\"detect_min_size\":40,\"frame\":[640,480]}";

static void broken_json_is_refused_by_field(void **state)
{
	(void)state;
	struct err err = {0};
	struct preprocess preprocess;
	static const char *const edits[][3] = {
	    {"\"cascade\"", "\"nose\"", "\"crop\" names a source"},
	    {"\"cascade\"", "\"centre\"", "stands there twice"},
	    {"\"margin\":0.2", "\"margin\":\"x\"", "\"margin\" is absent or not a number"},
	    {"\"margin\":0.2", "\"margin\":9", "preprocess.margin: 9 is outside"},
	    {"\"size\":150", "\"size\":150.5", "\"size\" is absent or not a whole number"},
	    {"\"size\":150", "\"size\":100000", "preprocess.size"},
	    {"\"kernel\":\"area\"", "\"kernel\":\"cubic\"", "\"kernel\""},
	    {"\"channels\":\"bgr\",", "", "\"channels\" is absent"},
	    {"103.939,", "", "\"mean\" is absent or not a list of three"},
	    {"\"scale\":1,", "\"scale\":\"nan\",", "preprocess.scale"},
	    {"[640,480]", "[640]", "\"frame\" is not a list of two"},
	    {"[640,480]", "640", "\"frame\" is not a list of two"},
	    {"[640,480]", "[640,0]", "\"frame\" is not a list of two"},
	    {"[640,480]", "[640,9000]", "preprocess.frame: 9000 is outside"},
	};
	assert_ok(preprocess_parse(&preprocess, good, "good", &err));
	assert_int_equal(preprocess.detect_min_size, 40);
	for (size_t i = 0; i < ARRAY_COUNT(edits); i++) {
		char text[512];
		const char *at = strstr(good, edits[i][0]);
		assert_non_null(at);
		snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, edits[i][1], at + strlen(edits[i][0]));
		assert_refused(preprocess_parse(&preprocess, text, "features.h5", &err), ERR_DATA, edits[i][2]);
		assert_non_null(strstr(err.text, "features.h5"));
	}
}

static void settings_become_the_object_or_a_sentence(void **state)
{
	(void)state;
	struct err err = {0};
	struct preprocess preprocess;
	char *crop[] = {"box", "cascade"}, *mean[] = {"1", "2.5", "-3e1"};
	struct preprocess_settings settings = {.crop = {crop, 2},
	                                       .margin = 0.1,
	                                       .centre = 0.5,
	                                       .size = 150,
	                                       .mean = {mean, 3},
	                                       .scale = 2,
	                                       .detect_scale = 1.2,
	                                       .detect_neighbors = 4,
	                                       .detect_min_size = 24};
	assert_ok(preprocess_from_settings(&preprocess, &settings, &err));
	assert_int_equal(preprocess.crop[0], CROP_BOX);
	assert_int_equal(preprocess.n_crop, 2);
	assert_true(preprocess.mean[2] == -30);
	mean[1] = "2.5x";
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "preprocess.mean: \"2.5x\"");
	mean[1] = "2", settings.mean.count = 2;
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "preprocess.mean: 2 numbers");
	settings.mean.count = 3, crop[1] = "ear";
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "\"ear\" is not one of");
	crop[1] = "box";
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "\"box\" stands there twice");
	settings.crop.count = 0;
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "name at least one");
	settings.crop.count = 1, settings.size = -1;
	assert_refused(preprocess_from_settings(&preprocess, &settings, &err), ERR_SETTINGS, "preprocess.size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_face_of_the_networks_size_goes_through_pixel_by_pixel),
	    cmocka_unit_test(the_margin_widens_the_square_around_the_faces_middle),
	    cmocka_unit_test(grey_gives_what_the_same_values_in_three_channels_give),
	    cmocka_unit_test(the_first_source_that_has_a_face_wins),
	    cmocka_unit_test(detections_are_wanted_only_where_they_can_matter),
	    cmocka_unit_test(json_gives_back_every_bit),
	    cmocka_unit_test(broken_json_is_refused_by_field),
	    cmocka_unit_test(settings_become_the_object_or_a_sentence),
	};
	return cmocka_run_group_tests_name("preprocess", tests, NULL, NULL);
}
