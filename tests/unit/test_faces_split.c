#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "vision/vision.h"

struct job {
	struct faces_settings settings;
	struct faces_request request;
	struct face_set *set;
};

/* ---- split ---------------------------------------------------------------------------------------------------- */

/* n people, person i with 1 + i % 5 pictures of random classes; classes 6 : 3 : 1. */
static void made_set(struct job *job, size_t people, uint64_t seed)
{
	struct err err = {0};
	*job = (struct job){.settings = {.validation = 0.1, .test = 0.2}};
	job->request = (struct faces_request){.settings = &job->settings, .seed = seed, .threads = 1};
	struct face_set *set = job->set = calloc(1, sizeof *set);
	set->faces = calloc(people * 5, sizeof *set->faces);
	struct rng rng;
	rng_seed(&rng, 9, "made", 0);
	for (int c = 0; c < 3; c++)
		assert_ok(path_list_add(&set->classes.names, (const char *[]){"a", "b", "c"}[c], &err));
	for (size_t p = 0; p < people; p++) {
		char name[32];
		snprintf(name, sizeof name, "p%03zu", p);
		assert_ok(path_list_add(&set->persons.names, name, &err));
		for (size_t k = 0; k < 1 + p % 5; k++) {
			uint64_t draw = rng_below(&rng, 10);
			set->faces[set->count++] = (struct face){.member = mem_text(name, &err),
			                                         .person = (uint32_t)p,
			                                         .label = draw < 6   ? 0
			                                                  : draw < 9 ? 1
			                                                             : 2,
			                                         .split = FACE_SPLIT_FREE,
			                                         .fixed_split = FACE_SPLIT_FREE};
		}
	}
}

static void the_split_keeps_people_whole_and_classes_in_proportion(void **state)
{
	(void)state;
	struct err err = {0};
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct job job;
		double have[FACE_SPLITS][3] = {{0}}, all[3] = {0}, people[FACE_SPLITS] = {0}, total = 0;
		const double share[FACE_SPLITS] = {0.7, 0.1, 0.2};
		made_set(&job, 200, seed);
		assert_ok(faces_split(job.set, &job.request, &err));
		assert_ok(faces_check_split(job.set, &err));
		uint32_t last = FACE_NOBODY;
		for (size_t i = 0; i < job.set->count; i++) {
			const struct face *face = &job.set->faces[i];
			have[face->split][face->label]++;
			all[face->label]++;
			people[face->split] += face->person != last;
			last = face->person;
			total++;
		}
		for (int p = 0; p < FACE_SPLITS; p++) {
			for (int c = 0; c < 3; c++)
				assert_true(fabs(have[p][c] - share[p] * all[c]) <= 1.5);
			assert_true(fabs(people[p] - share[p] * 200) < 12);
		}
		face_set_free(job.set);
	}
}

static void another_seed_deals_other_people(void **state)
{
	(void)state;
	struct err err = {0};
	struct job one, two, again;
	made_set(&one, 60, 1);
	made_set(&two, 60, 2);
	made_set(&again, 60, 1);
	assert_ok(faces_split(one.set, &one.request, &err));
	assert_ok(faces_split(two.set, &two.request, &err));
	assert_ok(faces_split(again.set, &again.request, &err));
	size_t other = 0;
	for (size_t i = 0; i < one.set->count; i++) {
		other += one.set->faces[i].split != two.set->faces[i].split;
		assert_int_equal(one.set->faces[i].split, again.set->faces[i].split);
	}
	assert_true(other > 20);
	face_set_free(one.set);
	face_set_free(two.set);
	face_set_free(again.set);
}

static void three_people_make_three_parts_and_two_do_not(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	for (size_t people = 1; people <= 8; people++) {
		bool seen[FACE_SPLITS] = {false};
		made_set(&job, people, 1);
		for (size_t i = 0; i < job.set->count; i++)
			job.set->faces[i].label = 0;
		job.set->classes.names.count = 1;
		if (people < 3) {
			assert_refused(faces_split(job.set, &job.request, &err), ERR_DATA,
			               people == 1 ? "of 1 person;" : "of 2 people;");
			assert_non_null(strstr(err.text, "needs at least 3"));
		} else {
			assert_ok(faces_split(job.set, &job.request, &err));
			for (size_t i = 0; i < job.set->count; i++)
				seen[job.set->faces[i].split] = true;
			assert_true(seen[FACE_TRAIN] && seen[FACE_VALIDATION] && seen[FACE_TEST]);
		}
		job.set->classes.names.count = 3;
		face_set_free(job.set);
	}
}

static void a_person_in_two_parts_is_named_and_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	made_set(&job, 30, 1);
	for (size_t i = 0; i < job.set->count; i++)
		job.set->faces[i].fixed_split = i % 2 ? FACE_TRAIN : FACE_TEST;
	assert_ok(faces_split(job.set, &job.request, &err));
	assert_refused(faces_check_split(job.set, &err), ERR_DATA, "person p001 stands in two parts");
	face_set_free(job.set);
}

static void a_class_nobody_trains_on_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	made_set(&job, 30, 1);
	for (size_t i = 0; i < job.set->count; i++) {
		struct face *face = &job.set->faces[i];
		face->label = face->person == 0 ? 2 : face->label % 2;
		face->fixed_split = face->person == 0 ? FACE_TEST : face->person == 1 ? FACE_VALIDATION : FACE_TRAIN;
	}
	assert_refused(faces_split(job.set, &job.request, &err), ERR_DATA, "class 'c' has no picture in the training part");
	face_set_free(job.set);
}

/* ---- frame ------------------------------------------------------------------------------------------------------- */

static void frame_of(struct face *face, size_t width, size_t height, uint8_t *frame)
{
	struct err err = {0};
	struct faces_settings settings = {.frame_width = 32, .frame_height = 24, .box_margin = 0.5};
	struct image image = {0};
	assert_ok(image_new(&image, width, height, 3, &err));
	for (size_t i = 0; i < width * height * 3; i++)
		image.pixels[i] = (uint8_t)(i / 3 % width + 2 * (i / 3 / width));
	struct face_scratch scratch = {0};
	memset(frame, 0, 32 * 24 * 3);
	assert_ok(face_frame(face, &image, &settings, &scratch, frame, &err));
	face_scratch_free(&scratch);
	image_free(&image);
}

static void a_picture_that_fits_is_copied_top_left(void **state)
{
	(void)state;
	uint8_t frame[32 * 24 * 3];
	struct face face = {.box_source = FACE_BOX_CSV, .box = {3, 4, 5, 6}};
	frame_of(&face, 30, 20, frame);
	assert_int_equal(face.area.w, 30);
	assert_int_equal(face.area.h, 20);
	assert_int_equal(face.box.x, 3);
	assert_int_equal(face.box.h, 6);
	for (int y = 0; y < 24; y++) {
		for (int x = 0; x < 32; x++)
			assert_int_equal(frame[(y * 32 + x) * 3], x < 30 && y < 20 ? x + 2 * y : 0);
	}
}

static void a_larger_picture_is_shrunk_whole_without_a_box(void **state)
{
	(void)state;
	uint8_t frame[32 * 24 * 3];
	struct face face = {.box_source = FACE_BOX_NONE};
	frame_of(&face, 64, 24, frame);
	assert_int_equal(face.area.w, 32);
	assert_int_equal(face.area.h, 12);
	assert_int_equal(face.width, 64);
	/* The mean of 2 × 2 pixels. */
	for (int y = 0; y < 12; y++) {
		for (int x = 0; x < 32; x++)
			assert_int_equal(frame[(y * 32 + x) * 3], (int)floor(2 * x + 0.5 + 4 * y + 1 + 0.5));
	}
	assert_int_equal(frame[12 * 32 * 3], 0);
}

static void a_larger_picture_is_cut_around_its_box(void **state)
{
	(void)state;
	uint8_t frame[32 * 24 * 3];
	/* 20 wide with margin .5: the square 40 × 40 from (30, 15), shrunk to 24 × 24. */
	struct face face = {.box_source = FACE_BOX_KFACE, .box = {40, 25, 20, 20}};
	frame_of(&face, 100, 80, frame);
	assert_int_equal(face.area.w, 24);
	assert_int_equal(face.area.h, 24);
	assert_int_equal(face.box.x, 6);
	assert_int_equal(face.box.y, 6);
	assert_int_equal(face.box.w, 12);
	/* A small face at the corner: its cut, clipped, fits as it is. */
	face = (struct face){.box_source = FACE_BOX_KFACE, .box = {-2, 1, 8, 8}};
	frame_of(&face, 100, 80, frame);
	assert_int_equal(face.area.w, 10);
	assert_int_equal(face.area.h, 13);
	assert_int_equal(frame[(3 * 32 + 4) * 3], 4 + 2 * 3);
	assert_int_equal(face.box.x, 0);
	assert_int_equal(face.box.w, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_split_keeps_people_whole_and_classes_in_proportion),
	    cmocka_unit_test(another_seed_deals_other_people),
	    cmocka_unit_test(three_people_make_three_parts_and_two_do_not),
	    cmocka_unit_test(a_person_in_two_parts_is_named_and_refused),
	    cmocka_unit_test(a_class_nobody_trains_on_is_refused),
	    cmocka_unit_test(a_picture_that_fits_is_copied_top_left),
	    cmocka_unit_test(a_larger_picture_is_shrunk_whole_without_a_box),
	    cmocka_unit_test(a_larger_picture_is_cut_around_its_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
