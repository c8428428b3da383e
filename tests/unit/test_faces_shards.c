#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "vision/vision.h"

/* faces.h5 in shards: where they are cut, and that they make up the file that one process writes, however often the
 * work was stopped. */

/* ---- cutting ------------------------------------------------------------------------------------ */

struct drawn_set {
	struct face_set set;
	struct face faces[9000];
};

/* `people` with 1 … most pictures each; every fifth is nobody known. */
static void draw_set(struct drawn_set *drawn, size_t people, size_t most, uint64_t seed)
{
	struct rng rng;
	rng_seed(&rng, seed, "people", 0);
	*drawn = (struct drawn_set){0};
	for (uint32_t p = 0; p < people; p++)
		for (uint64_t left = 1 + rng_below(&rng, most); left > 0 && drawn->set.count < ARRAY_COUNT(drawn->faces);
		     left--)
			drawn->faces[drawn->set.count++].person = p % 5 == 4 ? FACE_NOBODY : p;
	drawn->set.faces = drawn->faces;
}

static void check_cuts(const struct face_set *set, size_t largest_person)
{
	struct err err = {0};
	size_t *start, count;
	assert_ok(faces_shards_cut(set, &start, &count, &err));
	size_t wanted = set->count / 32 < 1 ? 1 : set->count / 32 > 256 ? 256 : set->count / 32;
	assert_in_range(count, 1, wanted);
	assert_int_equal(start[0], 0);
	assert_int_equal(start[count], set->count);
	for (size_t k = 0; k < count; k++) {
		assert_true(start[k] < start[k + 1]);
		assert_true(start[k + 1] - start[k] <= set->count / wanted + 1 + largest_person);
		if (k > 0 && set->faces[start[k]].person != FACE_NOBODY)
			assert_true(set->faces[start[k]].person != set->faces[start[k] - 1].person);
	}
	free(start);
}

static void shards_are_even_and_no_person_stands_in_two(void **state)
{
	(void)state;
	static struct drawn_set drawn;
	static const size_t people[] = {1, 2, 40, 300, 3000}, most[] = {1, 7, 200};
	for (size_t i = 0; i < ARRAY_COUNT(people); i++)
		for (size_t j = 0; j < ARRAY_COUNT(most); j++) {
			draw_set(&drawn, people[i], most[j], i);
			check_cuts(&drawn.set, most[j]);
		}
	draw_set(&drawn, 9000, 1, 1);
	size_t *start, count;
	struct err err = {0};
	assert_ok(faces_shards_cut(&drawn.set, &start, &count, &err));
	assert_int_equal(count, 256);
	free(start);
}

/* ---- a data set made here ------------------------------------------------------------------------ */

static void add_picture(struct zip_writer *zip, const char *name, unsigned tone)
{
	struct err err = {0};
	struct image image = {0};
	uint8_t *bytes;
	size_t size;
	assert_ok(image_new(&image, 12, 9, 3, &err));
	for (size_t i = 0; i < 12 * 9 * 3; i++)
		image.pixels[i] = (uint8_t)(tone * 7 + i);
	assert_ok(image_encode_png(&image, &bytes, &size, &err));
	assert_ok(zip_add(zip, name, bytes, size, false, &err));
	image_free(&image);
	free(bytes);
}

/* 40 people × 2 lights × 3 expressions: 240 pictures, 7 shards. Those of people 12 … 23 are broken, and one of person
 * 30; person 25's archive is no archive. */
static void write_zip(const char *path)
{
	struct err err = {0};
	struct zip_writer *outer = NULL;
	assert_ok(zip_create(&outer, path, &err));
	for (unsigned p = 0; p < 40; p++) {
		struct zip_writer *inner = NULL;
		uint8_t *bytes;
		size_t size;
		char name[64];
		assert_ok(zip_create_memory(&inner, &err));
		for (unsigned k = 0; k < 6; k++) {
			snprintf(name, sizeof name, "S001/L%u/E0%u/C7.png", 1 + k / 3, 1 + k % 3);
			if ((p >= 12 && p < 24) || (p == 30 && k == 2))
				assert_ok(zip_add(inner, name, "no picture", 10, true, &err));
			else
				add_picture(inner, name, 6 * p + k);
		}
		assert_ok(zip_finish_memory(inner, &bytes, &size, &err));
		snprintf(name, sizeof name, "190716%02u.zip", p);
		assert_ok(zip_add(outer, name, bytes, p == 25 ? 1 : size, p % 2, &err));
		free(bytes);
	}
	assert_ok(zip_finish(outer, &err));
}

struct job {
	char *folder;
	struct settings *settings;
	struct path_list inputs;
	struct faces_request request;
	struct face_set *set;
};

static void job_begin(struct job *job, int compress)
{
	struct err err = {0};
	char level[40];
	const char *overrides[] = {"faces.frame_width=16", "faces.frame_height=16", "faces.max_skipped=1", level};
	snprintf(level, sizeof level, "faces.compress=%d", compress);
	*job = (struct job){.folder = scratch_new()};
	assert_ok(settings_load(&job->settings, NULL, overrides, ARRAY_COUNT(overrides), &err));
	write_zip(scratch_path(job->folder, "faces.zip"));
	assert_ok(path_list_add(&job->inputs, scratch_path(job->folder, "faces.zip"), &err));
	job->request =
	    (struct faces_request){.settings = &job->settings->faces, .inputs = &job->inputs, .seed = 1, .threads = 2};
}

static void job_end(struct job *job)
{
	face_set_free(job->set);
	settings_free(job->settings);
	path_list_free(&job->inputs);
	scratch_remove(job->folder);
}

static void scan(struct job *job)
{
	struct err err = {0};
	face_set_free(job->set);
	job->set = NULL;
	assert_ok(faces_scan(&job->set, &job->request, &err));
}

enum part { PART_OPEN, PART_READ, PART_FINISH, PART_JOIN };

/* As far as `until`, as a process that is killed there; true when it was in shards. */
static bool make_shards(struct job *job, const char *path, bool several, enum part until)
{
	struct err err = {0};
	struct faces_shards *shards = NULL;
	scan(job);
	assert_ok(faces_shards_open(&shards, path, job->set, job->request.settings, several, &err));
	bool in_shards = shards != NULL;
	if (shards && until >= PART_READ)
		assert_ok(faces_read_shards(job->set, &job->request, shards, &err));
	if (shards && until >= PART_READ)
		assert_ok(faces_split(job->set, &job->request, &err));
	if (shards && until >= PART_FINISH)
		assert_ok(faces_shards_finish(shards, &err));
	if (shards && until >= PART_JOIN)
		assert_ok(faces_shards_join(shards, job->set, false, &err));
	faces_shards_free(shards);
	return in_shards;
}

static void make_plain(struct job *job, const char *path)
{
	struct err err = {0};
	struct faces_store *store = NULL;
	scan(job);
	assert_ok(faces_store_create(&store, path, job->set, job->request.settings, &err));
	assert_ok(faces_read_store(job->set, &job->request, store, &err));
	assert_ok(faces_split(job->set, &job->request, &err));
	assert_ok(faces_store_finish(store, job->set, false, &err));
}

/* Names and hashes of all files of a folder. */
static char *hashes(const char *folder)
{
	struct err err = {0};
	struct path_list files = {0};
	struct strbuf text = {0};
	char hex[SHA256_HEX];
	assert_ok(folder_walk(&files, folder, &err));
	for (size_t i = 0; i < files.count; i++) {
		assert_ok(sha256_file(files.items[i], hex, &err));
		strbuf_format(&text, "%s %s\n", files.items[i] + strlen(folder), hex);
	}
	path_list_free(&files);
	return text.text;
}

static char *subfolder(const struct job *job, const char *name)
{
	struct err err = {0};
	char *folder = mem_text(scratch_path(job->folder, name), &err);
	assert_ok(folder_make(folder, &err));
	return folder;
}

/* ---- what comes out ---------------------------------------------------------------------------------- */

static void same_set(const struct hdf_file *a, const struct hdf_file *b, const char *name, enum hdf_type type)
{
	struct err err = {0};
	struct hdf_shape shape, other;
	void *x, *y;
	assert_ok(hdf_read(a, name, type, 1 << 24, &x, &shape, &err));
	assert_ok(hdf_read(b, name, type, 1 << 24, &y, &other, &err));
	assert_memory_equal(&shape, &other, sizeof shape);
	size_t size = type == HDF_U8 ? 1 : type == HDF_I64 ? 8 : 4;
	for (size_t i = 0; i < shape.rank; i++)
		size *= shape.dims[i];
	assert_memory_equal(x, y, size);
	free(x);
	free(y);
}

static void shards_read_as_the_one_file(void **state)
{
	(void)state;
	struct err err = {0};
	for (int compress = 0; compress <= 1; compress++) {
		struct job job;
		struct hdf_file *plain, *joined;
		job_begin(&job, compress);
		char *folder = subfolder(&job, "shards"), *skips;
		size_t size;
		make_plain(&job, scratch_path(job.folder, "plain.h5"));
		size_t rows = job.set->count, n_skips = job.set->n_skips;
		assert_ok(faces_save_skips(job.set, scratch_path(job.folder, "plain.tsv"), &err));
		assert_true(make_shards(&job, scratch_path(folder, "faces.h5"), true, PART_JOIN));
		assert_int_equal(job.set->count, rows);
		assert_int_equal(job.set->n_skips, n_skips);
		assert_ok(faces_save_skips(job.set, scratch_path(job.folder, "shards.tsv"), &err));
		assert_ok(file_read(scratch_path(job.folder, "plain.tsv"), 1 << 20, &skips, &size, &err));
		char *same;
		assert_ok(file_read(scratch_path(job.folder, "shards.tsv"), 1 << 20, &same, &size, &err));
		assert_string_equal(skips, same);
		/* Elsewhere; where the library's own variable points does not count. */
		assert_null(getenv("HDF5_VDS_PREFIX"));
		char *moved = mem_format(&err, "%s/moved", job.folder);
		assert_int_equal(rename(folder, moved), 0);
		assert_ok(hdf_open(&plain, scratch_path(job.folder, "plain.h5"), &err));
		assert_ok(hdf_open(&joined, scratch_path(moved, "faces.h5"), &err));
		static const char *const bytes[] = {"pixels", "split", "box_source", "light", "expression", "member/bytes"};
		static const char *const ints[] = {"area", "box", "label", "width", "height"};
		for (size_t i = 0; i < ARRAY_COUNT(bytes); i++)
			same_set(plain, joined, bytes[i], HDF_U8);
		for (size_t i = 0; i < ARRAY_COUNT(ints); i++)
			same_set(plain, joined, ints[i], HDF_I32);
		same_set(plain, joined, "member/offsets", HDF_I64);
		hdf_close(plain);
		hdf_close(joined);
		/* A run of broken people: its shard has no file. Nothing is left of the work. */
		size_t files = 0;
		for (unsigned k = 0; k < 20; k++) {
			char name[40];
			snprintf(name, sizeof name, "faces.%u.h5", k);
			files += path_exists(scratch_path(moved, name));
			snprintf(name, sizeof name, "faces.%u.h5.rows.part", k);
			assert_false(path_exists(scratch_path(moved, name)));
		}
		assert_int_equal(files, 5);
		free(skips);
		free(same);
		free(moved);
		free(folder);
		job_end(&job);
	}
}

static void a_run_stopped_anywhere_ends_with_the_same_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	job_begin(&job, 1);
	char *whole = subfolder(&job, "whole"), *often = subfolder(&job, "often");
	assert_true(make_shards(&job, scratch_path(whole, "faces.h5"), true, PART_JOIN));
	char *wanted = hashes(whole);
	for (int until = PART_OPEN; until <= PART_FINISH; until++) {
		bool begun = until > PART_OPEN;
		assert_true(make_shards(&job, scratch_path(often, "faces.h5"), true, (enum part)until));
		/* One shard lost, one cut within a person, one without its pixels' end. */
		if (until == PART_READ) {
			assert_int_equal(unlink(scratch_path(often, "faces.0.h5.rows.part")), 0);
			assert_int_equal(truncate(scratch_path(often, "faces.1.h5.rows.part"), 700), 0);
			assert_int_equal(truncate(scratch_path(often, "faces.4.h5.part"), 9000), 0);
		}
		/* One process goes on in the shards that were begun, and only then. */
		assert_int_equal(make_shards(&job, scratch_path(often, "faces.h5"), !begun, PART_JOIN), true);
		char *found = hashes(often);
		assert_string_equal(found, wanted);
		free(found);
		struct path_list files = {0};
		assert_ok(folder_walk(&files, often, &err));
		for (size_t i = 0; i < files.count; i++)
			unlink(files.items[i]);
		path_list_free(&files);
	}
	free(wanted);
	free(whole);
	free(often);
	job_end(&job);
}

static void what_is_left_of_other_work_goes(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	job_begin(&job, 0);
	char *folder = subfolder(&job, "out");
	assert_true(make_shards(&job, scratch_path(folder, "faces.h5"), true, PART_FINISH));
	assert_ok(file_write(scratch_path(folder, "faces.77.h5"), "of more shards", 14, &err));
	assert_ok(file_write(scratch_path(folder, "faces.x.h5"), "not ours", 8, &err));
	assert_ok(file_write(scratch_path(folder, "faces.h5.rows.part"), "of one process", 14, &err));
	assert_ok(folder_make(scratch_path(folder, "inside"), &err));
	assert_ok(file_write(scratch_path(folder, "inside/faces.78.h5"), "another's", 9, &err));
	assert_true(make_shards(&job, scratch_path(folder, "faces.h5"), true, PART_OPEN));
	assert_true(path_exists(scratch_path(folder, "inside/faces.78.h5")));
	assert_false(path_exists(scratch_path(folder, "faces.77.h5")));
	assert_false(path_exists(scratch_path(folder, "faces.h5.rows.part")));
	assert_true(path_exists(scratch_path(folder, "faces.0.h5")));
	/* Other frames: one process has no use for these shards. */
	job.settings->faces.frame_width = 18;
	assert_false(make_shards(&job, scratch_path(folder, "faces.h5"), false, PART_OPEN));
	assert_false(path_exists(scratch_path(folder, "faces.0.h5")));
	assert_false(path_exists(scratch_path(folder, "faces.0.h5.rows.part")));
	assert_true(path_exists(scratch_path(folder, "faces.x.h5")));
	free(folder);
	job_end(&job);
}

/* ---- shards that are not there ----------------------------------------------------------------------------- */

static void expect_refused(const char *path, const char *part)
{
	struct err err = {0};
	struct hdf_file *file;
	struct hdf_shape shape;
	uint8_t row[16 * 16 * 3];
	assert_ok(hdf_open(&file, path, &err));
	assert_refused(hdf_shape(file, "pixels", &shape, &err), ERR_DATA, part);
	assert_refused(hdf_read_rows(file, "pixels", HDF_U8, 0, 1, row, &err), ERR_DATA, part);
	assert_ok(hdf_shape(file, "label", &shape, &err));
	hdf_close(file);
}

static void a_shard_that_is_missing_or_another_is_named(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	job_begin(&job, 1);
	char *folder = subfolder(&job, "out"), *bytes;
	size_t size;
	const char *path = scratch_path(folder, "faces.h5"), *shard = scratch_path(folder, "faces.4.h5");
	assert_true(make_shards(&job, path, true, PART_JOIN));
	assert_ok(file_read(shard, 1 << 24, &bytes, &size, &err));
	assert_int_equal(unlink(shard), 0);
	expect_refused(path, "pixels: its part faces.4.h5 is missing");
	assert_ok(file_write(shard, bytes, size / 2, &err));
	expect_refused(path, "faces.4.h5: ");
	assert_ok(file_write(shard, "", 0, &err));
	expect_refused(path, "faces.4.h5: is not an HDF5 file");
	free(bytes);
	assert_ok(file_read(scratch_path(folder, "faces.6.h5"), 1 << 24, &bytes, &size, &err));
	assert_ok(file_write(shard, bytes, size, &err));
	expect_refused(path, "faces.4.h5: pixels has not got the shape");
	free(bytes);
	free(folder);
	job_end(&job);
}

int main(void)
{
	setenv("HDF5_VDS_PREFIX", "/elsewhere", 1);
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shards_are_even_and_no_person_stands_in_two),
	    cmocka_unit_test(shards_read_as_the_one_file),
	    cmocka_unit_test(a_run_stopped_anywhere_ends_with_the_same_bytes),
	    cmocka_unit_test(what_is_left_of_other_work_goes),
	    cmocka_unit_test(a_shard_that_is_missing_or_another_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
