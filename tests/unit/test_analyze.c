#include "bundle_fixture.h"

static char *folder;
static struct bundle *bundle;
static struct analyzer *analyzer;

static int start(void **state)
{
	(void)state;
	struct err err = {0};
	folder = scratch_new();
	fixture_write(folder);
	assert_ok(bundle_load(&bundle, folder, true, &err));
	assert_ok(analyzer_new(&analyzer, bundle, 2, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	analyzer_free(analyzer);
	bundle_free(bundle);
	scratch_remove(folder);
	return 0;
}

static void a_face_is_found_where_it_is_and_scored(void **state)
{
	(void)state;
	struct err err = {0};
	struct analysis analysis;
	struct image image = fixture_picture(200, 160, true);
	assert_ok(analyze_picture(analyzer, &image, &analysis, &err));
	assert_int_equal(analysis.count, 1);
	const struct seen_face *face = &analysis.faces[0];
	assert_true(rect_iou(face->box, (struct rect){60, 40, 80, 80}) > 0.6);
	double sum = 0;
	for (size_t i = 0; i < 3; i++) {
		sum += face->scores[i];
		assert_true(face->scores[face->label] >= face->scores[i]);
	}
	assert_true(sum > 0.9999 && sum < 1.0001);
	analysis_free(&analysis);
	image_free(&image);
}

/* The same figures by hand: preprocessing, network and head called one after the other. */
static void the_scores_are_those_of_the_libraries_called_by_hand(void **state)
{
	(void)state;
	struct err err = {0};
	struct analysis analysis;
	struct map_shape map;
	struct image image = fixture_picture(200, 160, true);
	assert_ok(analyze_picture(analyzer, &image, &analysis, &err));
	assert_ok(network_shape(bundle->network, FIXTURE_SIZE, &map, &err));
	size_t size = map.height * map.width * map.channels;
	float *input = canary_new(FIXTURE_SIZE * FIXTURE_SIZE * 3), *features = canary_new(size), scores[3];
	assert_ok(preprocess_apply(&bundle->preprocess, &image, analysis.faces[0].box, input, &err));
	const struct plan_options options = {.size = FIXTURE_SIZE, .pictures = 1, .threads = 1, .level = CPU_AVX512};
	struct network_plan *plan;
	assert_ok(network_plan_new(&plan, bundle->network, &options, &err));
	const struct forward forward = {bundle->network, 1, FIXTURE_SIZE, 1, input, features};
	void *scratch = mem_alloc(network_plan_workspace(plan, 1, 1), 1, &err),
	     *reference = mem_alloc(network_workspace(&forward), 1, &err),
	     *pool = mem_alloc(head_workspace(bundle->head, 1), 1, &err);
	network_plan_forward(&(struct plan_run){plan, 1, 1, input, features}, scratch);
	head_predict(bundle->head, 1, features, pool, scores, 1);
	assert_close(analysis.faces[0].scores, scores, 3, 0, 0);
	network_forward(&forward, reference);
	head_predict(bundle->head, 1, features, pool, scores, 1);
	assert_close(analysis.faces[0].scores, scores, 3, 1e-3, 1e-4);
	network_plan_free(plan);
	free(reference);
	canary_check(features, size);
	free(scratch);
	free(pool);
	canary_free(input);
	canary_free(features);
	analysis_free(&analysis);
	image_free(&image);
}

static void no_face_is_an_empty_list_and_a_note(void **state)
{
	(void)state;
	struct err err = {0};
	struct analysis analysis;
	struct image image = fixture_picture(200, 160, false);
	struct json *object = json_object_new();
	assert_ok(analyze_picture(analyzer, &image, &analysis, &err));
	assert_int_equal(analysis.count, 0);
	analysis_to_json(&analysis, bundle, object);
	assert_int_equal(json_kind(json_get(object, "faces")), JSON_KIND_ARRAY);
	assert_int_equal(json_count(json_get(object, "faces")), 0);
	assert_string_equal(json_text(json_get(object, "note"), ""), "no face was found");
	json_free(object);
	analysis_free(&analysis);
	image_free(&image);
}

static void pictures_of_all_sizes_may_follow_one_another(void **state)
{
	(void)state;
	struct err err = {0};
	static const size_t sizes[][2] = {{640, 480}, {90, 90}, {41, 41}, {1, 1}, {23, 700}, {320, 240}};
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct analysis analysis;
		struct image image = fixture_picture(sizes[i][0], sizes[i][1], sizes[i][0] > 40 && sizes[i][1] > 40);
		assert_ok(analyze_picture(analyzer, &image, &analysis, &err));
		assert_int_equal(analysis.width, sizes[i][0]);
		analysis_free(&analysis);
		image_free(&image);
	}
}

static void the_annotation_draws_the_box_in_the_class_colour(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = fixture_picture(200, 160, true), drawn;
	struct seen_face face = {.box = {60, 40, 80, 80}, .label = 1, .scores = {0.1f, 0.8f, 0.1f}};
	const struct analysis analysis = {.width = 200, .height = 160, .count = 1, .faces = &face};
	assert_ok(annotate_picture(&image, &analysis, bundle, &drawn, &err));
	assert_int_equal(drawn.width, 200);
	assert_int_equal(drawn.channels, 3);
	struct colour colour = class_colour("positive", 1);
	const uint8_t *edge = drawn.pixels + ((size_t)80 * 200 + 60) * 3, *far = drawn.pixels + (150 * 200 + 10) * 3;
	assert_in_range(edge[1], (int)(colour.g * 255) - 3, (int)(colour.g * 255) + 3);
	assert_true(edge[1] > edge[0] && edge[1] > edge[2]);
	assert_int_equal(far[1], 0);
	image_free(&drawn);
	image_free(&image);
}

static void the_class_colours_are_grey_bright_green_and_dark_blue(void **state)
{
	(void)state;
	struct colour neutral = class_colour("neutral", 0), positive = class_colour("positive", 1),
	              negative = class_colour("negative", 2);
	assert_true(neutral.r > 0.5 && neutral.b - neutral.r < 0.1);
	assert_true(positive.g > 0.8 && positive.r < 0.4);
	assert_true(negative.b > negative.r && negative.b > negative.g && negative.b < 0.7);
}

/* ---- sources --------------------------------------------------------------------------------- */

static size_t read_all(const char *path, size_t *width)
{
	struct err err = {0};
	struct source *source = NULL;
	size_t count = 0;
	bool end_seen = false;
	assert_ok(source_open(&source, path, &err));
	for (;;) {
		struct image image;
		assert_ok(source_next(source, &image, &end_seen, &err));
		if (end_seen)
			break;
		assert_int_equal(image.channels, 3);
		*width = image.width;
		image_free(&image);
		count++;
	}
	source_close(source);
	return count;
}

static void write_bytes(const char *path, const void *bytes, size_t size)
{
	struct err err = {0};
	assert_ok(file_write(path, bytes, size, &err));
}

static void y4m_frames_have_the_colours_of_their_planes(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf file = {0};
	struct source *source;
	struct image image;
	bool over;
	strbuf_add(&file, "YUV4MPEG2 W3 H2 F10:1 Ip C420jpeg\n");
	for (int frame = 0; frame < 2; frame++) {
		static const uint8_t red[] = {81, 81, 81, 81, 81, 81, 90, 90, 240, 240};
		strbuf_add(&file, "FRAME\n");
		strbuf_add_bytes(&file, red, sizeof(red));
	}
	write_bytes(scratch_path(folder, "a.y4m"), file.text, file.length);
	assert_ok(source_open(&source, scratch_path(folder, "a.y4m"), &err));
	assert_true(source_interval(source) > 0.099 && source_interval(source) < 0.101);
	assert_ok(source_next(source, &image, &over, &err));
	assert_int_equal(image.width, 3);
	assert_int_equal(image.height, 2);
	assert_true(image.pixels[0] > 250 && image.pixels[1] < 5 && image.pixels[2] < 5);
	image_free(&image);
	assert_ok(source_next(source, &image, &over, &err));
	assert_false(over);
	image_free(&image);
	assert_ok(source_next(source, &image, &over, &err));
	assert_true(over);
	assert_ok(source_rewind(source, &err));
	assert_ok(source_next(source, &image, &over, &err));
	assert_false(over);
	image_free(&image);
	source_close(source);
	strbuf_free(&file);
}

static void motion_jpeg_gives_every_picture_and_skips_a_damaged_one(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf film = {0};
	struct image image = fixture_picture(64, 48, true);
	uint8_t *jpeg;
	size_t size, width = 0;
	assert_ok(image_encode_jpeg(&image, 90, &jpeg, &size, &err));
	strbuf_add_bytes(&film, jpeg, size);
	strbuf_add_bytes(&film, "\xFF\xD8\xFF\xD9", 4);
	strbuf_add_bytes(&film, jpeg, size);
	strbuf_add_bytes(&film, jpeg, size / 2);
	write_bytes(scratch_path(folder, "film.mjpeg"), film.text, film.length);
	assert_int_equal(read_all(scratch_path(folder, "film.mjpeg"), &width), 2);
	assert_int_equal(width, 64);
	free(jpeg);
	strbuf_free(&film);
	image_free(&image);
}

static void folders_and_single_pictures_are_sources(void **state)
{
	(void)state;
	struct err err = {0};
	struct image image = fixture_picture(64, 48, true);
	size_t width = 0;
	assert_ok(folder_make(scratch_path(folder, "pictures"), &err));
	assert_ok(image_save_png(&image, scratch_path(folder, "pictures/a.png"), &err));
	assert_ok(image_save_png(&image, scratch_path(folder, "pictures/b.PNG"), &err));
	write_bytes(scratch_path(folder, "pictures/c.jpg"), "no picture", 10);
	write_bytes(scratch_path(folder, "pictures/readme.txt"), "text", 4);
	write_bytes(scratch_path(folder, "grey.pgm"), "P5\n# note\n4 2\n255\n01234567", 26);
	assert_int_equal(read_all(scratch_path(folder, "pictures"), &width), 2);
	assert_int_equal(read_all(scratch_path(folder, "pictures/a.png"), &width), 1);
	assert_int_equal(read_all(scratch_path(folder, "grey.pgm"), &width), 1);
	assert_int_equal(width, 4);
	image_free(&image);
}

static void refused_source(const char *name, const char *bytes, int status, const char *part)
{
	struct err err = {0};
	struct source *source = NULL;
	struct image image = {0};
	bool over;
	const char *path = scratch_path(folder, name);
	if (bytes)
		write_bytes(path, bytes, strlen(bytes));
	int code = source_open(&source, path, &err);
	if (code == OK)
		code = source_next(source, &image, &over, &err);
	assert_int_equal(code, status);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	source_close(source);
}

static void bad_sources_are_refused_with_a_sentence(void **state)
{
	(void)state;
	refused_source("nothing.y4m", NULL, ERR_IO, "nothing.y4m");
	refused_source("empty.jpg", "", ERR_DATA, "nothing to read");
	refused_source("text.mjpeg", "hello there", ERR_DATA, "neither Y4M");
	refused_source("deep.y4m", "YUV4MPEG2 W4 H4 F10:1 C422\nFRAME\n", ERR_DATA, "C420");
	refused_source("ten.y4m", "YUV4MPEG2 W4 H4 F10:1 C420p10\nFRAME\n", ERR_DATA, "C420");
	refused_source("huge.y4m", "YUV4MPEG2 W99999 H4 F10:1 C420\nFRAME\n", ERR_DATA, "99999");
	refused_source("lost.y4m", "YUV4MPEG2 W4 H4 F10:1 C420\nFLAME\n", ERR_DATA, "FRAME");
	refused_source("short.ppm", "P6\n4 4\n255\nabc", ERR_DATA, "cut off");
	refused_source("wide.pgm", "P5\n4 0\n255\nabc", ERR_DATA, "sides");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_face_is_found_where_it_is_and_scored),
	    cmocka_unit_test(the_scores_are_those_of_the_libraries_called_by_hand),
	    cmocka_unit_test(no_face_is_an_empty_list_and_a_note),
	    cmocka_unit_test(pictures_of_all_sizes_may_follow_one_another),
	    cmocka_unit_test(the_annotation_draws_the_box_in_the_class_colour),
	    cmocka_unit_test(the_class_colours_are_grey_bright_green_and_dark_blue),
	    cmocka_unit_test(y4m_frames_have_the_colours_of_their_planes),
	    cmocka_unit_test(motion_jpeg_gives_every_picture_and_skips_a_damaged_one),
	    cmocka_unit_test(folders_and_single_pictures_are_sources),
	    cmocka_unit_test(bad_sources_are_refused_with_a_sentence),
	};
	return cmocka_run_group_tests(tests, start, end);
}
