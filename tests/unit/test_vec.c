#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vision/train_internal.h"

#define SIDE 8
#define PIXELS (SIDE * SIDE)
#define SAMPLES 5
#define SIZE (12 + SAMPLES * (1 + 2 * PIXELS))

static void vec_fill(uint8_t *bytes)
{
	memset(bytes, 0, SIZE);
	bytes[0] = SAMPLES;
	bytes[4] = PIXELS;
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t p = 0; p < PIXELS; p++)
			bytes[12 + i * (1 + 2 * PIXELS) + 1 + 2 * p] = (uint8_t)(i * 40 + p);
}

static void samples_are_read_in_order(void **state)
{
	(void)state;
	struct err err = {0};
	uint8_t bytes[SIZE], pixels[PIXELS];
	struct vec_file file;
	vec_fill(bytes);
	assert_ok(vec_open(&file, bytes, SIZE, "a.vec", &err));
	assert_int_equal(file.count, SAMPLES);
	assert_int_equal(file.pixels, PIXELS);
	assert_ok(vec_sample(&file, 3, pixels, &err));
	for (size_t p = 0; p < PIXELS; p++)
		assert_int_equal(pixels[p], 120 + p);
}

static void faulty_files_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	uint8_t bytes[SIZE], pixels[PIXELS];
	struct vec_file file;
	vec_fill(bytes);
	for (size_t size = 0; size < SIZE; size++)
		assert_int_equal(vec_open(&file, bytes, size, "a.vec", &err), ERR_DATA);
	bytes[0] = SAMPLES + 1;
	assert_refused(vec_open(&file, bytes, SIZE, "a.vec", &err), ERR_DATA,
	               "a.vec: 6 samples of 64 pixels take 786 bytes");
	memset(bytes, 0xff, 8);
	assert_refused(vec_open(&file, bytes, SIZE, "a.vec", &err), ERR_DATA, "4294967295 samples");
	vec_fill(bytes);
	bytes[12 + 2] = 0x80;
	assert_ok(vec_open(&file, bytes, SIZE, "a.vec", &err));
	assert_refused(vec_sample(&file, 0, pixels, &err), ERR_DATA, "sample 0, pixel 0: -32768 is no grey level");
}

/* Through the reader of a training's sources, where a window of another size is told. */
static void positives_come_from_vec_files(void **state)
{
	(void)state;
	struct err err = {0};
	char folder[] = "/tmp/moodcast_vec_XXXXXX", path[64];
	uint8_t bytes[SIZE];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/p.vec", folder);
	vec_fill(bytes);
	assert_ok(file_write(path, bytes, SIZE, &err));
	char *items[] = {path};
	struct path_list positives = {.items = items, .count = 1}, none = {0};
	struct cascade_sources sources = {
	    .positives = &positives, .backgrounds = &none, .window_w = SIDE, .window_h = SIDE, .held = true, .holdout = 1};
	struct cascade_data data;
	assert_ok(cascade_data_read(&sources, &data, &err));
	assert_int_equal(data.held.crops.count, SAMPLES);
	for (size_t p = 0; p < PIXELS; p++)
		assert_int_equal(data.held.crops.pixels[PIXELS + p], 40 + p);
	assert_int_equal(data.held_crops.count, SAMPLES);
	cascade_data_free(&data);
	sources.window_w = SIDE + 1;
	assert_refused(cascade_data_read(&sources, &data, &err), ERR_DATA,
	               "p.vec: samples of 64 pixels, the window 9×8 has 72");
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples_are_read_in_order),
	    cmocka_unit_test(faulty_files_are_refused),
	    cmocka_unit_test(positives_come_from_vec_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
