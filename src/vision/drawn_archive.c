/* The drawn pictures in K-FACE's nested zip, and the backgrounds in a plain one. */
#include "vision/drawn_internal.h"

#include <stdlib.h>
#include <string.h>

enum { JPEG_QUALITY = 90, BATCH = 16, BACKGROUND_WIDTH = 320, BACKGROUND_HEIGHT = 240 };

/* ---- which pictures ---- */

enum { LIGHTS = 30, ACCESSORIES = 6, CAMERAS = 20, COMBINATIONS = LIGHTS * ACCESSORIES * CAMERAS };

static const int marked_lights[] = {1, 3, 6, 7};

static bool is_marked(struct drawn_shot shot)
{
	for (size_t i = 0; i < ARRAY_COUNT(marked_lights); i++)
		if (shot.accessory == 1 && shot.light == marked_lights[i])
			return true;
	return false;
}

/* The first two pictures of an expression are plain ones from the front, the rest vary: cameras near the front most
 * often. */
static struct drawn_shot draw_shot(size_t turn, int expression, struct rng *rng)
{
	static const int cameras[] = {7, 7, 7, 6, 8, 5, 9, 4, 10, 15, 16, 17, 19, 20}, plain[] = {1, 1, 2, 3};
	struct drawn_shot shot = {.accessory = 1, .light = 1, .expression = expression, .camera = 7};

	if (turn == 0)
		return shot;
	shot.light = turn == 1 ? plain[rng_below(rng, ARRAY_COUNT(plain))] : 1 + (int)rng_below(rng, LIGHTS);
	if (turn == 1 && shot.light == 1)
		shot.light = 3;
	if (turn > 1)
		shot.camera = cameras[rng_below(rng, ARRAY_COUNT(cameras))];
	if (turn > 2)
		shot.accessory = 2 + (int)rng_below(rng, ACCESSORIES - 1);
	if (turn == 2 && shot.light == 7)
		shot.light = 4;
	return shot;
}

static bool is_taken(const struct drawn_shot *shots, size_t count, struct drawn_shot shot)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(&shots[i], &shot, sizeof shot))
			return true;
	return false;
}

/* The combination behind this one, in a circle through all of them. */
static struct drawn_shot next_shot(struct drawn_shot shot)
{
	int number = ((shot.accessory - 1) * LIGHTS + shot.light - 1) * CAMERAS + shot.camera - 1;

	number = (number + 1) % COMBINATIONS;
	shot.camera = number % CAMERAS + 1;
	shot.light = number / CAMERAS % LIGHTS + 1;
	shot.accessory = number / (CAMERAS * LIGHTS) + 1;
	return shot;
}

void drawn_shots(const struct drawn_faces *faces, size_t person, struct drawn_shot *shots)
{
	struct rng rng;

	rng_seed(&rng, faces->seed, "sample.shots", person);
	for (size_t i = 0; i < faces->pictures; i++) {
		struct drawn_shot shot = draw_shot(i / 3, (int)(i % 3) + 1, &rng);
		while (is_taken(shots, i, shot))
			shot = next_shot(shot);
		shots[i] = shot;
	}
}

/* ---- one person ---- */

static int add_picture(struct zip_writer *zip, const struct drawn_faces *faces, size_t person, struct drawn_shot shot,
                       struct err *err)
{
	struct image image = {0};
	struct drawn_marks marks;
	struct strbuf text = {0};
	uint8_t *jpeg = NULL;
	size_t size;
	char name[64];
	int code = drawn_face(faces, person, shot, &image, &marks, err);

	if (code == OK)
		code = image_encode_jpeg(&image, JPEG_QUALITY, &jpeg, &size, err);
	snprintf(name, sizeof name, "S%03d/L%d/E%02d/C%d.jpg", shot.accessory, shot.light, shot.expression, shot.camera);
	if (code == OK)
		code = zip_add(zip, name, jpeg, size, false, err);
	if (code == OK && is_marked(shot)) {
		drawn_marks_print(&marks, &text);
		/* In the place of "jpg". NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
		memcpy(name + strlen(name) - 3, "txt", 3);
		code = strbuf_check(&text, err);
		if (code == OK)
			code = zip_add(zip, name, text.text, text.length, true, err);
	}
	strbuf_free(&text);
	free(jpeg);
	image_free(&image);
	return code;
}

struct person_file {
	uint8_t *bytes;
	size_t size, marked;
};

static int draw_person_zip(const struct drawn_faces *faces, size_t person, struct person_file *out, struct err *err)
{
	struct zip_writer *zip = NULL;
	struct drawn_shot *shots = mem_alloc(faces->pictures, sizeof *shots, err);
	int code = shots ? zip_create_memory(&zip, err) : ERR_MEMORY;

	if (code == OK)
		drawn_shots(faces, person, shots);
	for (size_t i = 0; i < faces->pictures && code == OK; i++) {
		code = stop_check("drawing faces", err);
		if (code == OK)
			code = add_picture(zip, faces, person, shots[i], err);
		out->marked += code == OK && is_marked(shots[i]);
	}
	free(shots);
	if (code != OK) {
		zip_discard(zip);
		return code;
	}
	return zip_finish_memory(zip, &out->bytes, &out->size, err);
}

/* ---- batches: drawn in parallel, written in order ---- */

struct batch {
	const struct drawn_faces *faces; /* NULL: backgrounds */
	uint64_t seed;
	size_t first;
	struct person_file files[BATCH];
};

static int draw_member(size_t i, int thread, void *context, struct err *err)
{
	struct batch *batch = context;
	struct image image = {0};
	struct person_file *file = &batch->files[i];

	(void)thread;
	if (batch->faces)
		return draw_person_zip(batch->faces, batch->first + i, file, err);
	int code = stop_check("drawing backgrounds", err);
	if (code == OK)
		code = drawn_background(batch->seed, batch->first + i, BACKGROUND_WIDTH, BACKGROUND_HEIGHT, &image, err);
	if (code == OK)
		code = image_encode_jpeg(&image, JPEG_QUALITY, &file->bytes, &file->size, err);
	image_free(&image);
	return code;
}

/* YYMMDD, rig, order: a day has two rigs with eight people each, a month 28 days. */
static void person_id(size_t person, char id[16])
{
	size_t order = person % 8 + 1, rig = person / 8 % 2 + 1, day = person / 16 % 28, month = person / (16 * 28) + 6;

	snprintf(id, 16, "%02zu%02zu%02zu%zu%zu", (19 + month / 12) % 100, month % 12 + 1, day + 1, rig, order);
}

static void member_name(const struct batch *batch, size_t number, char name[32])
{
	char id[16];

	person_id(number, id);
	if (batch->faces)
		snprintf(name, 32, "%s.zip", id);
	else
		snprintf(name, 32, "background_%04zu.jpg", number + 1);
}

static int write_batch(struct zip_writer *zip, struct batch *batch, size_t count, struct drawn_counts *counts,
                       struct err *err)
{
	int code = OK;

	for (size_t i = 0; i < count; i++) {
		char name[32];
		member_name(batch, batch->first + i, name);
		if (code == OK)
			code = zip_add(zip, name, batch->files[i].bytes, batch->files[i].size, false, err);
		counts->marked += batch->files[i].marked;
		free(batch->files[i].bytes);
		batch->files[i] = (struct person_file){0};
	}
	return code;
}

static int save_all(const char *path, struct batch *batch, size_t count, int threads, struct drawn_counts *counts,
                    struct err *err)
{
	struct zip_writer *zip = NULL;
	struct progress progress;
	int code = zip_create(&zip, path, err);

	if (code != OK)
		return code;
	progress_start(&progress, "sample", batch->faces ? "people" : "backgrounds", count);
	for (; batch->first < count && code == OK; batch->first += BATCH) {
		size_t n = count - batch->first < BATCH ? count - batch->first : BATCH;
		struct err unused = {0};
		code = parallel_for(n, 1, threads, draw_member, batch, err);
		/* After a failure the batch is still freed; what is written of it is discarded with the zip. */
		int written = write_batch(zip, batch, code == OK ? n : 0, counts, code == OK ? err : &unused);
		for (size_t i = 0; i < BATCH; i++)
			free(batch->files[i].bytes);
		memset(batch->files, 0, sizeof batch->files);
		if (code == OK)
			code = written;
		progress_add(&progress, n);
	}
	progress_end(&progress);
	if (code != OK) {
		zip_discard(zip);
		return code;
	}
	return zip_finish(zip, err);
}

int drawn_faces_save(const char *path, const struct drawn_faces *faces, struct drawn_counts *counts, struct err *err)
{
	struct batch batch = {.faces = faces};
	struct drawn_counts drawn = {.pictures = faces->people * faces->pictures};

	if (faces->people < 1 || faces->people > 99999 || faces->pictures < 1 || faces->pictures > COMBINATIONS)
		return err_set(err, ERR_SETTINGS,
		               "drawn faces: %zu people with %zu pictures; 1 to 99999 with 1 to %d are possible", faces->people,
		               faces->pictures, COMBINATIONS);
	int code = save_all(path, &batch, faces->people, faces->threads, &drawn, err);
	if (code == OK)
		*counts = drawn;
	return code;
}

int drawn_backgrounds_save(const char *path, size_t count, uint64_t seed, int threads, struct err *err)
{
	struct batch batch = {.seed = seed};
	struct drawn_counts unused = {0};

	if (count < 1)
		return err_set(err, ERR_SETTINGS, "drawn backgrounds: none asked for");
	return save_all(path, &batch, count, threads, &unused, err);
}
