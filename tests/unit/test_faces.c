#include "faces_fixture.h"

static void add_text(struct zip_writer *zip, const char *name, const char *text)
{
	struct err err = {0};
	assert_ok(zip_add(zip, name, text, strlen(text), true, &err));
}

static const char box_text[] =
    "9 9\n9 9\n9 9\n9 9\n9 9\n9 9\n9 9\n20 10 16 16\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n";

/* people × (L1, L2) × (E01, E02, E03) × C7 of 40 × 30 pixels; a text beside L1. Person p's pictures have tone p. */
static void kface_zip(const char *path, unsigned people)
{
	struct err err = {0};
	struct zip_writer *outer = NULL;
	assert_ok(zip_create(&outer, path, &err));
	for (unsigned p = 0; p < people; p++) {
		struct zip_writer *inner = NULL;
		uint8_t *bytes;
		size_t size;
		char name[64];
		assert_ok(zip_create_memory(&inner, &err));
		for (unsigned k = 0; k < 6; k++) {
			snprintf(name, sizeof name, "S001/L%u/E0%u/C7.png", 1 + k / 3, 1 + k % 3);
			add_picture(inner, name, p, 40, 30);
			snprintf(name, sizeof name, "S001/L1/E0%u/C7.txt", 1 + k % 3);
			if (k < 3)
				add_text(inner, name, box_text);
		}
		assert_ok(zip_finish_memory(inner, &bytes, &size, &err));
		snprintf(name, sizeof name, "190716%02u.zip", p);
		assert_ok(zip_add(outer, name, bytes, size, p % 2, &err));
		free(bytes);
	}
	assert_ok(zip_finish(outer, &err));
}

static void a_nested_kface_archive_is_read_in_its_order(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	char *folder = scratch_new();
	kface_zip(scratch_path(folder, "faces.zip"), 5);
	assert_ok(run(&job, scratch_path(folder, "faces.zip"), NULL, 0, &err));
	assert_int_equal(job.set->count, 30);
	assert_int_equal(job.rows, 30);
	assert_string_equal(faces_layout_name(job.set), "kface");
	for (size_t i = 0; i < 30; i++) {
		const struct face *face = &job.set->faces[i];
		char member[100];
		snprintf(member, sizeof member, "faces.zip/190716%02zu.zip/S001/L%zu/E0%zu/C7.png", i / 6, 1 + i % 6 / 3,
		         1 + i % 3);
		assert_string_equal(face->member, member);
		assert_int_equal(job.tones.text[i], i / 6);
		assert_int_equal(face->label, i % 3);
		assert_int_equal(face->light, 1 + i % 6 / 3);
		assert_int_equal(face->camera, 7);
		assert_int_equal(face->box_source, i % 6 < 3 ? FACE_BOX_KFACE : FACE_BOX_NONE);
		assert_int_equal(face->box.x, i % 6 < 3 ? 20 : 0);
		assert_int_equal(face->area.w, 40);
		assert_int_equal(face->area.h, 30);
	}
	assert_string_equal(job.set->classes.names.items[2], "negative");
	job_end(&job);
	scratch_remove(folder);
}

static void one_persons_archive_and_an_unpacked_tree_name_the_same_person(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	char *folder = scratch_new();
	static const char *const people[] = {"19000001", "19000002", "19000003"};
	for (size_t p = 0; p < 3; p++) {
		for (int e = 1; e <= 3; e++) {
			char name[100];
			uint8_t *bytes;
			size_t size;
			snprintf(name, sizeof name, "High/%s/S001/L1/E0%d", people[p], e);
			assert_ok(folder_make(scratch_path(folder, name), &err));
			picture((unsigned)p, 8, 8, &bytes, &size);
			strcat(name, "/C7.png");
			assert_ok(file_write(scratch_path(folder, name), bytes, size, &err));
			free(bytes);
		}
	}
	assert_ok(run(&job, scratch_path(folder, "High"), NULL, 0, &err));
	assert_int_equal(job.set->count, 9);
	assert_string_equal(person_of(&job, 8), "19000003");
	assert_string_equal(job.set->faces[8].member, "High/19000003/S001/L1/E03/C7.png");
	job_end(&job);
	job_begin(&job, scratch_path(folder, "High/19000001"), OVERRIDES("faces.validation=0", "faces.test=0"));
	assert_ok(job_run(&job, &err));
	assert_string_equal(person_of(&job, 0), "19000001");
	job_end(&job);
	scratch_remove(folder);
}

static void the_choice_by_number_and_class_is_made_before_decoding(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	char *folder = scratch_new();
	kface_zip(scratch_path(folder, "faces.zip"), 4);
	const char *path = scratch_path(folder, "faces.zip");
	assert_ok(run(&job, path, OVERRIDES("faces.lights=2-5", "faces.classes=E01=calm, E3=cross"), &err));
	assert_int_equal(job.set->count, 8);
	assert_int_equal(job.set->not_selected, 16);
	assert_string_equal(job.set->classes.names.items[job.set->faces[1].label], "cross");
	job_end(&job);
	job_begin(&job, path, OVERRIDES("faces.lights=9"));
	assert_refused(job_run(&job, &err), ERR_DATA, "no picture (jpg, png) is chosen of 24");
	job_end(&job);
	job_begin(&job, path, OVERRIDES("faces.expressions=1,2"));
	assert_refused(job_run(&job, &err), ERR_DATA, "class 'negative' has no picture");
	job_end(&job);
	scratch_remove(folder);
}

static void caps_draw_the_same_people_and_pictures_for_the_same_seed(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), *first = NULL;
	kface_zip(scratch_path(folder, "faces.zip"), 9);
	for (int turn = 0; turn < 3; turn++) {
		struct job job;
		struct strbuf members = {0};
		job_begin(&job, scratch_path(folder, "faces.zip"), OVERRIDES("faces.people=4", "faces.per_person_class=1"));
		job.request.seed = turn == 2 ? 77 : 1;
		assert_ok(job_run(&job, &err));
		assert_int_equal(job.set->count, 12);
		assert_int_equal(people_of(job.set), 4);
		for (size_t i = 0; i < 12; i++)
			strbuf_format(&members, "%s\n", job.set->faces[i].member);
		if (turn == 0)
			first = members.text;
		else if (turn == 1)
			assert_string_equal(first, members.text);
		else
			assert_string_not_equal(first, members.text);
		if (turn > 0)
			strbuf_free(&members);
		job_end(&job);
	}
	free(first);
	scratch_remove(folder);
}

/* ---- what cannot be read -------------------------------------------------------------------------------- */

static void unreadable_members_are_counted_by_reason_and_the_rest_kept(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	struct zip_writer *zip = NULL;
	char *folder = scratch_new(), *table;
	const char *path = scratch_path(folder, "set.zip");
	assert_ok(zip_create(&zip, path, &err));
	for (unsigned i = 0; i < 12; i++) {
		char name[100];
		snprintf(name, sizeof name, "%u0000000/S001/L1/E0%u/C7.png", 10 + i / 3, 1 + i % 3);
		if (i == 1)
			add_text(zip, name, "I am text");
		else
			add_picture(zip, name, i, 10, 10);
		if (i == 2)
			add_picture(zip, name, 99, 10, 10);
	}
	add_text(zip, "100000000/S001/L1/E01/C7.txt", "no numbers");
	add_text(zip, "110000000/S001/L1/E01/C7.txt",
	         "9 9\n9 9\n9 9\n9 9\n9 9\n9 9\n9 9\n200 10 16 16\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n");
	add_text(zip, "../110000000/S001/L1/E02/C7.png", "?");
	assert_ok(zip_finish(zip, &err));
	assert_ok(run(&job, path, NULL, 0, &err));
	assert_int_equal(job.set->count, 11);
	assert_memory_equal(job.tones.text, "\0\2\3\4\5\6\7\10\11\12\13", 11);
	assert_int_equal(job.set->skipped_pictures, 3); /* text, repeated name, unsafe name */
	assert_int_equal(job.set->n_skips, 5);          /* and two texts */
	assert_int_equal(job.set->faces[2].box_source, FACE_BOX_NONE);
	assert_refused(faces_check_skips(job.set, 0.02, &err), ERR_DATA, "3 of 14 pictures");
	assert_ok(faces_check_skips(job.set, 0.3, &err));
	assert_ok(faces_save_skips(job.set, scratch_path(folder, "skipped.tsv"), &err));
	size_t size;
	assert_ok(file_read(scratch_path(folder, "skipped.tsv"), 1 << 20, &table, &size, &err));
	assert_non_null(strstr(table, "set.zip/100000000/S001/L1/E02/C7.png\tis neither JPEG nor PNG, but text\n"));
	assert_non_null(strstr(table, "set.zip/100000000/S001/L1/E03/C7.png\ta second member of this name\n"));
	assert_non_null(strstr(table, "set.zip/100000000/S001/L1/E01/C7.txt\tnot two numbers (line 1)\n"));
	assert_non_null(strstr(table, "C7.png\tname with '..'\n"));
	assert_non_null(strstr(table, "set.zip/110000000/S001/L1/E01/C7.png\tthe box lies outside the picture\n"));
	struct json *metrics = json_object_new();
	assert_ok(faces_metrics(job.set, metrics, &err));
	const struct json *skipped = json_get(metrics, "skipped");
	assert_int_equal(json_integer_value(json_get(skipped, "pictures"), -1), 3);
	assert_int_equal(json_integer_value(json_get(json_get(skipped, "reasons"), "not two numbers"), -1), 1);
	json_free(metrics);
	free(table);
	job_end(&job);
	scratch_remove(folder);
}

static void a_cut_archive_and_a_missing_one_are_errors(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	char *folder = scratch_new(), *bytes;
	size_t size;
	const char *path = scratch_path(folder, "faces.zip");
	kface_zip(path, 4);
	assert_ok(file_read(path, 1 << 24, &bytes, &size, &err));
	assert_ok(file_write(path, bytes, size * 2 / 3, &err));
	job_begin(&job, path, NULL, 0);
	assert_refused(job_run(&job, &err), ERR_DATA, "faces.zip: 19071602.zip: cut off");
	job_end(&job);
	job_begin(&job, scratch_path(folder, "none.zip"), NULL, 0);
	assert_refused(job_run(&job, &err), ERR_IO, "none.zip");
	job_end(&job);
	free(bytes);
	scratch_remove(folder);
}

/* ---- faces.h5 ------------------------------------------------------------------------------------------------ */

static void store(const char *input, const char *path, int threads)
{
	struct err err = {0};
	struct job job;
	struct faces_store *out = NULL;
	job_begin(&job, input, OVERRIDES("faces.frame_width=32", "faces.frame_height=24"));
	job.request.threads = threads;
	assert_ok(faces_scan(&job.set, &job.request, &err));
	assert_ok(faces_store_create(&out, path, job.set, job.request.settings, &err));
	assert_ok(faces_read_store(job.set, &job.request, out, &err));
	assert_ok(faces_split(job.set, &job.request, &err));
	assert_ok(faces_store_finish(out, job.set, true, &err));
	job_end(&job);
}

static void the_stored_file_is_the_same_whatever_the_number_of_threads(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), one[SHA256_HEX], two[SHA256_HEX];
	kface_zip(scratch_path(folder, "faces.zip"), 4);
	store(scratch_path(folder, "faces.zip"), scratch_path(folder, "1.h5"), 1);
	store(scratch_path(folder, "faces.zip"), scratch_path(folder, "2.h5"), 2);
	assert_ok(sha256_file(scratch_path(folder, "1.h5"), one, &err));
	assert_ok(sha256_file(scratch_path(folder, "2.h5"), two, &err));
	assert_string_equal(one, two);
	struct hdf_file *file = NULL;
	struct hdf_shape shape;
	struct path_list texts = {0}, members = {0};
	double synthetic;
	assert_ok(hdf_open(&file, scratch_path(folder, "1.h5"), &err));
	assert_ok(hdf_shape(file, "pixels", &shape, &err));
	assert_int_equal(shape.dims[0], 24);
	assert_int_equal(shape.dims[1], 24);
	assert_int_equal(shape.dims[2], 32);
	assert_ok(hdf_read_texts(file, "person", &texts, &err));
	assert_string_equal(texts.items[23], "19071603");
	assert_ok(hdf_read_table(file, "member", &members, &err));
	assert_string_equal(members.items[6], "faces.zip/19071601.zip/S001/L1/E01/C7.png");
	assert_ok(hdf_attr_number(file, "/", "synthetic", &synthetic, &err));
	assert_true(synthetic == 1);
	uint8_t split[24];
	assert_ok(hdf_read_rows(file, "split", HDF_U8, 0, 24, split, &err));
	for (size_t i = 0; i < 24; i++)
		assert_int_equal(split[i], split[i / 6 * 6]);
	hdf_close(file);
	path_list_free(&texts);
	path_list_free(&members);
	scratch_remove(folder);
}

static void real_photographs_are_all_read(void **state)
{
	(void)state;
	const char *data = getenv("MOODCAST_DATA");
	char path[1000];
	snprintf(path, sizeof path, "%s/faces/kface_layout_real.zip", data ? data : "");
	if (!data || !path_exists(path)) {
		print_message("SKIP real_photographs_are_all_read: MOODCAST_DATA is not set\n");
		skip();
	}
	struct err err = {0};
	struct job job;
	job_begin(&job, path, OVERRIDES("faces.frame_width=64", "faces.frame_height=64"));
	assert_ok(faces_scan(&job.set, &job.request, &err));
	assert_int_equal(job.set->count, 2231);
	assert_int_equal(people_of(job.set), 1112);
	assert_ok(faces_check_split(job.set, &err));
	size_t counts[FACE_SPLITS][3] = {{0}};
	for (size_t i = 0; i < job.set->count; i++)
		counts[job.set->faces[i].split][job.set->faces[i].label]++;
	assert_int_equal(counts[0][0] + counts[1][0] + counts[2][0], 1041);
	assert_int_equal(counts[0][2] + counts[1][2] + counts[2][2], 319);
	assert_in_range(counts[FACE_TEST][2], 62, 66);
	job_end(&job);
}

int main(void)
{
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_nested_kface_archive_is_read_in_its_order),
	    cmocka_unit_test(one_persons_archive_and_an_unpacked_tree_name_the_same_person),
	    cmocka_unit_test(the_choice_by_number_and_class_is_made_before_decoding),
	    cmocka_unit_test(caps_draw_the_same_people_and_pictures_for_the_same_seed),
	    cmocka_unit_test(unreadable_members_are_counted_by_reason_and_the_rest_kept),
	    cmocka_unit_test(a_cut_archive_and_a_missing_one_are_errors),
	    cmocka_unit_test(the_stored_file_is_the_same_whatever_the_number_of_threads),
	    cmocka_unit_test(real_photographs_are_all_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
