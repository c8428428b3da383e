/* Drawn pictures in archives, and a run of the stage over them. */
#ifndef MOODCAST_TESTS_FACES_FIXTURE_H
#define MOODCAST_TESTS_FACES_FIXTURE_H

#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "vision/vision.h"

/* ---- data sets made here ------------------------------------------------------------------ */

/* Pixels that tell whose picture it is. */
static void picture(unsigned tone, size_t width, size_t height, uint8_t **bytes, size_t *size)
{
	struct err err = {0};
	struct image image = {0};
	assert_ok(image_new(&image, width, height, 3, &err));
	for (size_t i = 0; i < width * height; i++) {
		image.pixels[3 * i] = (uint8_t)tone;
		image.pixels[3 * i + 1] = (uint8_t)(i % width);
		image.pixels[3 * i + 2] = (uint8_t)(i / width);
	}
	assert_ok(image_encode_png(&image, bytes, size, &err));
	image_free(&image);
}

static void add_picture(struct zip_writer *zip, const char *name, unsigned tone, size_t width, size_t height)
{
	struct err err = {0};
	uint8_t *bytes;
	size_t size;
	picture(tone, width, height, &bytes, &size);
	assert_ok(zip_add(zip, name, bytes, size, false, &err));
	free(bytes);
}

/* ---- the whole way ------------------------------------------------------------------------------ */

struct job {
	struct settings *settings;
	struct path_list inputs;
	struct faces_request request;
	struct face_set *set;
	struct strbuf tones; /* first byte of each row, in order */
	size_t rows;
};

static void job_begin(struct job *job, const char *input, const char *const *overrides, size_t n_overrides)
{
	struct err err = {0};
	*job = (struct job){0};
	assert_ok(settings_load(&job->settings, NULL, overrides, n_overrides, &err));
	assert_ok(path_list_add(&job->inputs, input, &err));
	job->request =
	    (struct faces_request){.settings = &job->settings->faces, .inputs = &job->inputs, .seed = 1, .threads = 1};
}

static void job_end(struct job *job)
{
	face_set_free(job->set);
	settings_free(job->settings);
	path_list_free(&job->inputs);
	strbuf_free(&job->tones);
}

static int take_rows(const uint8_t *pixels, size_t first, size_t count, void *context, struct err *err)
{
	struct job *job = context;
	size_t frame = (size_t)(job->settings->faces.frame_width * job->settings->faces.frame_height * 3);
	(void)err;
	assert_int_equal(first, job->rows);
	for (size_t i = 0; i < count; i++)
		strbuf_add_bytes(&job->tones, pixels + i * frame, 1);
	job->rows += count;
	return OK;
}

static int job_run(struct job *job, struct err *err)
{
	int status = faces_scan(&job->set, &job->request, err);
	if (status == OK)
		status = faces_read(job->set, &job->request, take_rows, job, err);
	if (status == OK)
		status = faces_split(job->set, &job->request, err);
	if (status == OK)
		status = faces_check_split(job->set, err);
	return status;
}

static int run(struct job *job, const char *input, const char *const *overrides, size_t n_overrides, struct err *err)
{
	job_begin(job, input, overrides, n_overrides);
	return job_run(job, err);
}

#define OVERRIDES(...) (const char *const[]){__VA_ARGS__}, ARRAY_COUNT(((const char *const[]){__VA_ARGS__}))

static const char *person_of(const struct job *job, size_t i)
{
	uint32_t person = job->set->faces[i].person;
	return person == FACE_NOBODY ? "" : job->set->persons.names.items[person];
}

static size_t people_of(const struct face_set *set)
{
	struct err err = {0};
	size_t people = 0;
	assert_ok(faces_people(set, &people, &err));
	return people;
}

#endif
