/* Faces that folders, patterns of names and CSV indexes describe. */
#include "faces_fixture.h"

static void class_folders_with_parts_on_top_keep_their_parts(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	struct zip_writer *zip = NULL;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "set.zip");
	assert_ok(zip_create(&zip, path, &err));
	for (unsigned i = 0; i < 40; i++) {
		char name[100];
		snprintf(name, sizeof name, "set/%s/%s/p%u.png", i % 4 == 0 ? "Test" : "train", i % 2 ? "sad" : "happy", i);
		if (i % 4 == 0)
			snprintf(name, sizeof name, "set/Test/%s/p%u.png", i % 8 ? "sad" : "happy", i);
		add_picture(zip, name, i, 8, 8);
	}
	add_picture(zip, "top.png", 0, 8, 8);
	assert_ok(zip_finish(zip, &err));
	assert_ok(run(&job, path, OVERRIDES("faces.classes="), &err));
	assert_int_equal(job.set->count, 40);
	assert_string_equal(faces_layout_name(job.set), "folders");
	assert_string_equal(job.set->classes.names.items[0], "happy");
	assert_int_equal(job.set->skipped_pictures, 1);
	size_t parts[FACE_SPLITS] = {0};
	for (size_t i = 0; i < 40; i++) {
		const struct face *face = &job.set->faces[i];
		parts[face->split]++;
		assert_int_equal(face->split == FACE_TEST, strstr(face->member, "/Test/") != NULL);
		assert_string_equal(job.set->classes.names.items[face->label], strstr(face->member, "sad") ? "sad" : "happy");
	}
	/* No part was named validation: a tenth of all is drawn from training. */
	assert_int_equal(parts[FACE_TEST], 10);
	assert_in_range(parts[FACE_VALIDATION], 3, 5);
	job_end(&job);
	job_begin(&job, path, NULL, 0);
	assert_refused(job_run(&job, &err), ERR_DATA, "none of its classes (happy, sad)");
	job_end(&job);
	job_begin(&job, path, OVERRIDES("faces.classes=sad=negative, happy=positive, bored=bored"));
	assert_refused(job_run(&job, &err), ERR_DATA, "class 'bored' has no picture");
	job_end(&job);
	scratch_remove(folder);
}

static void the_person_pattern_finds_people_in_names(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	struct zip_writer *zip = NULL;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "CK.zip");
	assert_ok(zip_create(&zip, path, &err));
	for (unsigned i = 0; i < 30; i++) {
		char name[100];
		snprintf(name, sizeof name, "%s/S%03u_004_%08u.png", i % 2 ? "happy" : "anger", i / 3, i);
		add_picture(zip, name, i, 8, 8);
	}
	assert_ok(zip_finish(zip, &err));
	assert_ok(run(&job, path, OVERRIDES("faces.classes=", "faces.person_pattern=/(S[0-9]+)_"), &err));
	assert_int_equal(people_of(job.set), 10);
	assert_string_equal(person_of(&job, 29), "S009");
	job_end(&job);
	job_begin(&job, path, OVERRIDES("faces.classes=", "faces.person_pattern=S[0-9"));
	assert_refused(job_run(&job, &err), ERR_SETTINGS, "faces.person_pattern: 'S[0-9'");
	job_end(&job);
	job_begin(&job, path, OVERRIDES("faces.classes=", "faces.person_pattern=S[0-9]+"));
	assert_refused(job_run(&job, &err), ERR_SETTINGS, "has no group");
	job_end(&job);
	scratch_remove(folder);
}

static void save_picture(const char *folder, const char *name, unsigned tone)
{
	struct err err = {0};
	uint8_t *bytes;
	size_t size;
	picture(tone, 20, 20, &bytes, &size);
	assert_ok(file_write(scratch_path(folder, name), bytes, size, &err));
	free(bytes);
}

static void save_text(const char *folder, const char *name, const char *text)
{
	struct err err = {0};
	assert_ok(file_write(scratch_path(folder, name), text, strlen(text), &err));
}

static void an_index_names_files_and_members_with_boxes_people_and_parts(void **state)
{
	(void)state;
	struct err err = {0};
	struct job job;
	struct zip_writer *zip = NULL;
	char *folder = scratch_new();
	save_picture(folder, "a.png", 1);
	save_picture(folder, "b.png", 2);
	assert_ok(zip_create(&zip, scratch_path(folder, "index.zip"), &err));
	add_picture(zip, "in/d.png", 4, 20, 20);
	add_picture(zip, "in/c.png", 3, 20, 20);
	add_picture(zip, "in/unlisted.png", 9, 20, 20);
	assert_ok(zip_finish(zip, &err));
	save_text(folder, "index.csv",
	          "\xEF\xBB\xBF"
	          "label,path,note,subject,split,x,y,w,h\r\n"
	          "up,b.png,n,ann,train,2,3,10,10\r\n"
	          "down,a.png,\"a, b\",bea,valid,,,,\r\n"
	          "down,in/c.png,n,cora,test,1,1,5,5\r\n"
	          "down,in/d.png,n,ann,train,1,1,5,5\r\n"
	          "up,index.zip/in/c.png,n,cora,test,1,1,5,5\r\n"
	          "up,gone.png,n,dora,train,1,1,5,5\r\n"
	          "up,b.png,n,dora,later,1,1,5,5\r\n"
	          "up,b.png,n,dora,train,1,1,5,\r\n");
	assert_ok(run(&job, scratch_path(folder, "index.csv"), OVERRIDES("faces.classes="), &err));
	assert_int_equal(job.set->count, 4);
	assert_memory_equal(job.tones.text, "\2\1\4\3", 4); /* files as listed, then the archive as stored */
	assert_string_equal(person_of(&job, 0), "ann");
	assert_int_equal(job.set->faces[0].split, FACE_TRAIN);
	assert_int_equal(job.set->faces[1].split, FACE_VALIDATION);
	assert_int_equal(job.set->faces[3].split, FACE_TEST);
	assert_int_equal(job.set->faces[0].box_source, FACE_BOX_CSV);
	assert_int_equal(job.set->faces[0].box.y, 3);
	assert_int_equal(job.set->faces[1].box_source, FACE_BOX_NONE);
	assert_string_equal(job.set->faces[3].member, "index.zip/in/c.png");
	/* gone; an unknown part; a box of three numbers; listed twice */
	assert_int_equal(job.set->skipped_pictures, 4);
	job_end(&job);
	scratch_remove(folder);
}

static void a_broken_index_is_refused_with_its_line(void **state)
{
	(void)state;
	struct err err = {0};
	static const struct {
		const char *csv, *sentence;
	} cases[] = {{"", "index.csv: is empty"},
	             {"file,label\n", "index.csv:1: the header must name path and label"},
	             {"path,label,x,y\n", "index.csv:1: the header names 2 of x, y, w, h"},
	             {"path,label\na.png,up\nb.png\n", "index.csv:3: 1 fields, the header has 2"}};
	char *folder = scratch_new();
	save_picture(folder, "a.png", 1);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct job job;
		save_text(folder, "index.csv", cases[i].csv);
		job_begin(&job, scratch_path(folder, "index.csv"), OVERRIDES("faces.classes="));
		assert_refused(job_run(&job, &err), ERR_DATA, cases[i].sentence);
		job_end(&job);
	}
	scratch_remove(folder);
}

int main(void)
{
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(class_folders_with_parts_on_top_keep_their_parts),
	    cmocka_unit_test(the_person_pattern_finds_people_in_names),
	    cmocka_unit_test(an_index_names_files_and_members_with_boxes_people_and_parts),
	    cmocka_unit_test(a_broken_index_is_refused_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
