/* Folders of crops and backgrounds that a cascade is trained on. */
#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "support/support.h"
#include "vision/vision.h"

static char *folder;
static struct path_list crops, backgrounds;

/* White left of the middle, black right of it. */
static void save_picture(const char *name, size_t width, size_t height)
{
	struct err err = {0};
	struct image image;
	char path[1200];
	assert_ok(image_new(&image, width, height, 1, &err));
	for (size_t i = 0; i < width * height; i++)
		image.pixels[i] = i % width < width / 2 ? 255 : 0;
	snprintf(path, sizeof path, "%s", scratch_path(folder, name));
	assert_ok(image_save_png(&image, path, &err));
	image_free(&image);
}

static void save_text(const char *name, const char *text)
{
	struct err err = {0};
	char path[1200];
	snprintf(path, sizeof path, "%s", scratch_path(folder, name));
	assert_ok(file_write(path, text, strlen(text), &err));
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	folder = scratch_new();
	assert_ok(folder_make(scratch_path(folder, "crops"), &err));
	assert_ok(folder_make(scratch_path(folder, "backgrounds"), &err));
	assert_ok(path_list_add(&crops, scratch_path(folder, "crops"), &err));
	assert_ok(path_list_add(&backgrounds, scratch_path(folder, "backgrounds"), &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	path_list_free(&crops);
	path_list_free(&backgrounds);
	crops = backgrounds = (struct path_list){0};
	scratch_remove(folder);
	return 0;
}

static struct cascade_sources sources(double holdout)
{
	return (struct cascade_sources){.positives = &crops,
	                                .backgrounds = &backgrounds,
	                                .window_w = 16,
	                                .window_h = 16,
	                                .centre = 0.5,
	                                .holdout = holdout,
	                                .variation = {.seed = 1},
	                                .train = true,
	                                .held = true};
}

static void a_large_background_is_shrunk_and_a_small_one_kept(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade_data data;
	const struct cascade_sources all = sources(0);
	save_picture("crops/1.png", 30, 30);
	save_picture("backgrounds/1.png", 3200, 801);
	save_picture("backgrounds/2.png", 7, 1600);
	save_picture("backgrounds/3.png", 2, 3201);
	assert_ok(cascade_data_read(&all, &data, &err));
	assert_int_equal(data.train.n_backgrounds, 3);
	static const size_t sides[3][2] = {{1600, 401}, {7, 1600}, {1, 1600}};
	bool seen[3] = {false};
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			const struct image *image = &data.train.backgrounds[i];
			if (image->width != sides[k][0] || image->height != sides[k][1])
				continue;
			seen[k] = true;
			if (k < 2)
				assert_true(image->pixels[0] == 255 && image->pixels[image->width * image->height - 1] == 0);
		}
	assert_true(seen[0] && seen[1] && seen[2]);
	cascade_data_free(&data);
}

static void what_cannot_be_read_is_left_out_and_counted(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade_data data;
	const struct cascade_sources all = sources(0);
	save_picture("crops/1.png", 30, 30);
	save_text("crops/2.png", "no picture");
	save_text("crops/3.txt", "none at all");
	save_picture("backgrounds/1.png", 40, 40);
	save_text("backgrounds/2.jpg", "");
	assert_ok(cascade_data_read(&all, &data, &err));
	assert_int_equal(data.skipped, 2);
	assert_int_equal(data.train.sources, 1);
	assert_int_equal(data.train.n_backgrounds, 1);
	cascade_data_free(&data);
}

static void a_source_without_a_picture_is_named(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade_data data;
	const struct cascade_sources all = sources(0);
	save_picture("crops/1.png", 30, 30);
	save_text("backgrounds/readme.txt", "pictures go here");
	assert_refused(cascade_data_read(&all, &data, &err), ERR_DATA, "backgrounds: has no picture");
	save_text("backgrounds/1.png", "no picture");
	assert_refused(cascade_data_read(&all, &data, &err), ERR_DATA, "1 crops and 0 backgrounds to train on");
}

static bool listed(const char *text, const char *kind, int number)
{
	char line[80];
	snprintf(line, sizeof line, "%s\t%s/%02d.png\n", kind, kind[0] == 'c' ? "crops" : "backgrounds", number);
	return strstr(text, line) != NULL;
}

static void what_is_held_out_is_in_the_list_and_nowhere_else(void **state)
{
	(void)state;
	enum { N = 40 };
	struct err err = {0};
	struct cascade_data data;
	const struct cascade_sources half = sources(0.5);
	for (int i = 0; i < N; i++) {
		char name[40];
		snprintf(name, sizeof name, "crops/%02d.png", i);
		save_picture(name, 20 + (size_t)i, 20);
		snprintf(name, sizeof name, "backgrounds/%02d.png", i);
		save_picture(name, 30 + (size_t)i, 30);
	}
	assert_ok(cascade_data_read(&half, &data, &err));
	assert_int_equal(data.train.sources + data.held.sources, N);
	assert_int_equal(data.train.n_backgrounds + data.held.n_backgrounds, N);
	assert_true(data.held.n_backgrounds > N / 5 && data.train.n_backgrounds > N / 5);
	char *path = strdup(scratch_path(folder, "holdout.tsv")), *text;
	size_t size, crops_listed = 0;
	bool in_held[N] = {false};
	assert_ok(cascade_data_save_holdout(&data, path, &err));
	assert_ok(file_read(path, 1 << 20, &text, &size, &err));
	/* A background is known by its width. */
	for (size_t i = 0; i < data.held.n_backgrounds; i++)
		in_held[data.held.backgrounds[i].width - 30] = true;
	for (int i = 0; i < N; i++) {
		assert_int_equal(listed(text, "background", i), in_held[i]);
		crops_listed += listed(text, "crop", i);
	}
	assert_int_equal(crops_listed, data.held.sources);
	free(text);
	free(path);
	cascade_data_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_large_background_is_shrunk_and_a_small_one_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_cannot_be_read_is_left_out_and_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_source_without_a_picture_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_held_out_is_in_the_list_and_nowhere_else, set_up, tear_down),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
