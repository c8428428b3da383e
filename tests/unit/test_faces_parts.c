#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "vision/vision.h"

/* The parts that the second pass of `faces` is made of: the pipeline, shrinking, decoding at a part of the size, the
 * even sample. */

static struct image noise(size_t width, size_t height, uint64_t seed)
{
	struct err err = {0};
	struct image image = {0};
	struct rng rng;
	rng_seed(&rng, seed, "noise", 0);
	assert_ok(image_new(&image, width, height, 3, &err));
	for (size_t i = 0; i < width * height * 3; i++)
		image.pixels[i] = (uint8_t)(128 + 60 * ((i / 3 % width) / 16 % 2) + rng_below(&rng, 40));
	return image;
}

/* ---- shrinking ---------------------------------------------------------------------------- */

static void shrink_both(const struct image *image, double x, double y, double w, double h, size_t out_w, size_t out_h)
{
	struct err err = {0};
	struct face_scratch scratch = {0};
	size_t count = out_w * out_h * 3;
	uint8_t *bytes = calloc(count + 16, 1);
	float *reference = canary_new(count);
	memset(bytes + count, 0xA5, 16);
	struct resample ref = {.pixels = image->pixels,
	                       .width = image->width,
	                       .height = image->height,
	                       .channels = 3,
	                       .x = x,
	                       .y = y,
	                       .w = w,
	                       .h = h,
	                       .out_w = out_w,
	                       .out_h = out_h,
	                       .kernel = RESAMPLE_AREA,
	                       .output = reference};
	struct face_shrink job = {.picture = image, .x = x, .y = y, .w = w, .h = h, .out_w = out_w, .out_h = out_h,
	                          .out_stride = out_w * 3, .out = bytes};
	assert_ok(resample_run(&ref, &err));
	assert_ok(face_shrink_run(&job, &scratch, &err));
	for (size_t i = 0; i < count; i++) {
		double away = (double)bytes[i] - (double)reference[i];
		if (away > 0.501 || away < -0.501)
			fail_msg("%zu × %zu → %zu × %zu, value %zu: %d, reference %g", (size_t)w, (size_t)h, out_w, out_h, i,
			         bytes[i], (double)reference[i]);
	}
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bytes[count + i], 0xA5);
	canary_check(reference, count);
	canary_free(reference);
	free(bytes);
	face_scratch_free(&scratch);
}

static void shrinking_is_the_reference_rounded(void **state)
{
	(void)state;
	struct image image = noise(173, 115, 3);
	shrink_both(&image, 0, 0, 173, 115, 172, 114);
	shrink_both(&image, 0, 0, 173, 115, 64, 43);
	shrink_both(&image, 5, 7, 100, 100, 50, 50);
	shrink_both(&image, 2.5, 0.25, 120.5, 90.75, 31, 17);
	shrink_both(&image, 0, 0, 173, 115, 1, 1);
	shrink_both(&image, 172, 114, 1, 1, 1, 1);
	image_free(&image);
}

/* ---- scaled decoding ------------------------------------------------------------------------- */

static void a_picture_decoded_at_half_its_size_is_near_the_exact_one(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = noise(161, 99, 5), small;
	struct image_decoder *decoder = NULL;
	uint8_t *jpeg = NULL;
	size_t size = 0;
	assert_ok(image_encode_jpeg(&image, 90, &jpeg, &size, &err));
	assert_ok(image_decoder_new(&decoder, &err));
	struct image_source source = {.bytes = jpeg, .size = size, .name = "half"};
	struct image_wish wish = {.channels = 3, .shrink = 2};
	struct image_head head;
	assert_ok(image_decoder_head(decoder, &source, &head, &err));
	assert_int_equal(head.width, 161);
	assert_ok(image_decoder_read(decoder, &source, &wish, &small, &err));
	assert_int_equal(small.width, 81);
	assert_int_equal(small.height, 50);
	double sum = 0;
	for (size_t y = 0; y < 49; y++) {
		for (size_t x = 0; x < 80; x++) {
			const uint8_t *at = image.pixels + (2 * y * 161 + 2 * x) * 3;
			double mean = (at[0] + at[3] + at[161 * 3] + at[161 * 3 + 3]) / 4.0;
			double away = small.pixels[(y * 81 + x) * 3] - mean;
			sum += away < 0 ? -away : away;
		}
	}
	assert_true(sum / (49 * 80) < 12);
	wish = (struct image_wish){.channels = 3, .max_pixels = 161 * 99 - 1};
	assert_refused(image_decoder_read(decoder, &source, &wish, &small, &err), ERR_DATA, "half: a picture of 161 × 99");
	image_decoder_free(decoder);
	image_free(&image);
	free(jpeg);
}

/* ---- the pipeline ------------------------------------------------------------------------------- */

#define PIECES 500
struct line {
	size_t slot_value[8], n_written, fail_work, fail_write;
	size_t written[PIECES];
};

static int read_pieces(struct pipeline *pipeline, void *context, struct err *err)
{
	struct line *line = context;
	for (size_t i = 0; i < PIECES; i++) {
		size_t slot;
		int status = pipeline_claim(pipeline, i % 7, &slot, err);
		if (status != OK)
			return status;
		line->slot_value[slot] = i;
		pipeline_submit(pipeline);
	}
	return OK;
}

static int work_piece(size_t slot, int thread, void *context, struct err *err)
{
	struct line *line = context;
	(void)thread;
	size_t value = line->slot_value[slot];
	if (value >= line->fail_work)
		return err_set(err, ERR_NUMERIC, "piece %zu", value);
	for (volatile size_t spin = 0; spin < (value * 7919) % 3000;)
		spin = spin + 1;
	line->slot_value[slot] = value * 2;
	return OK;
}

static int write_piece(size_t slot, void *context, struct err *err)
{
	struct line *line = context;
	if (line->n_written >= line->fail_write)
		return err_set(err, ERR_IO, "full after %zu", line->n_written);
	line->written[line->n_written++] = line->slot_value[slot];
	return OK;
}

static void the_pipeline_keeps_the_order_on_any_number_of_threads(void **state)
{
	(void)state;
	struct err err = {0};
	for (int threads = 1; threads <= 5; threads++) {
		struct line line = {.fail_work = SIZE_MAX, .fail_write = SIZE_MAX};
		struct pipeline_steps steps = {.slots = 8,
		                               .threads = threads,
		                               .most = 11,
		                               .read = read_pieces,
		                               .work = work_piece,
		                               .write = write_piece,
		                               .context = &line};
		assert_ok(pipeline_run(&steps, &err));
		assert_int_equal(line.n_written, PIECES);
		for (size_t i = 0; i < PIECES; i++)
			assert_int_equal(line.written[i], 2 * i);
	}
}

static void the_first_failure_in_order_comes_out_of_the_pipeline(void **state)
{
	(void)state;
	struct err err = {0};
	for (int threads = 1; threads <= 4; threads++) {
		struct line line = {.fail_work = 123, .fail_write = SIZE_MAX};
		struct pipeline_steps steps = {.slots = 8, .threads = threads, .read = read_pieces, .work = work_piece,
		                               .write = write_piece, .context = &line};
		assert_refused(pipeline_run(&steps, &err), ERR_NUMERIC, "piece 123");
		assert_int_equal(line.n_written, 123);
		line = (struct line){.fail_work = SIZE_MAX, .fail_write = 40};
		assert_refused(pipeline_run(&steps, &err), ERR_IO, "full after 40");
	}
}

/* ---- the even sample --------------------------------------------------------------------------------- */

static void a_persons_sample_is_even_over_lights_and_cameras(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct zip_writer *zip = NULL;
	struct image image = noise(16, 16, 1);
	uint8_t *png;
	size_t size;
	assert_ok(image_encode_png(&image, &png, &size, &err));
	assert_ok(zip_create(&zip, scratch_path(folder, "even.zip"), &err));
	/* Light 1 has nine times the pictures of the others. */
	for (unsigned p = 0; p < 4; p++) {
		for (unsigned k = 0; k < 3 * 240; k++) {
			char name[96];
			unsigned shot = k / 3, light = shot < 180 ? 1 : 2 + shot % 5, camera = 1 + shot / 5 % 10,
			         accessory = 1 + shot % 60;
			snprintf(name, sizeof name, "1907160%u/S0%02u/L%u/E0%u/C%u.png", p, accessory, light, 1 + k % 3, camera);
			assert_ok(zip_add(zip, name, png, size, false, &err));
		}
	}
	assert_ok(zip_finish(zip, &err));
	struct settings *settings = NULL;
	struct path_list inputs = {0};
	struct face_set *set = NULL;
	const char *const overrides[] = {"faces.per_person_class=30"};
	assert_ok(settings_load(&settings, NULL, overrides, 1, &err));
	assert_ok(path_list_add(&inputs, scratch_path(folder, "even.zip"), &err));
	struct faces_request request = {.settings = &settings->faces, .inputs = &inputs, .seed = 1, .threads = 1};
	assert_ok(faces_scan(&set, &request, &err));
	assert_int_equal(set->count, 4 * 3 * 30);
	size_t lights[64] = {0}, cameras[64] = {0};
	for (size_t i = 0; i < set->count; i++) {
		lights[set->faces[i].light]++;
		cameras[set->faces[i].camera]++;
	}
	for (unsigned l = 1; l <= 6; l++)
		assert_in_range(lights[l], 48, 72);
	for (unsigned c = 1; c <= 10; c++)
		assert_in_range(cameras[c], 28, 44);
	face_set_free(set);
	settings_free(settings);
	path_list_free(&inputs);
	image_free(&image);
	free(png);
	scratch_remove(folder);
}

int main(void)
{
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shrinking_is_the_reference_rounded),
	    cmocka_unit_test(a_picture_decoded_at_half_its_size_is_near_the_exact_one),
	    cmocka_unit_test(the_pipeline_keeps_the_order_on_any_number_of_threads),
	    cmocka_unit_test(the_first_failure_in_order_comes_out_of_the_pipeline),
	    cmocka_unit_test(a_persons_sample_is_even_over_lights_and_cameras),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
