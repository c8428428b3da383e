#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "vision/vision.h"

/* Where K-FACE's box texts may lie in an archive: each picture finds its own. */

static void add_text(struct zip_writer *zip, const char *name, int left)
{
	struct err err = {0};
	struct strbuf text = {0};
	for (int i = 0; i < 7; i++)
		strbuf_format(&text, "9 9\n");
	strbuf_format(&text, "%d 10 16 16\n", left);
	for (int i = 0; i < 6; i++)
		strbuf_format(&text, "1 1 1 1\n");
	assert_ok(zip_add(zip, name, text.text, text.length, true, &err));
	strbuf_free(&text);
}

#define OTHERS 9

/* Three more people with a picture of each class, so that there are classes and parts. */
static void add_others(struct zip_writer *zip)
{
	struct err err = {0};
	for (int i = 0; i < OTHERS; i++) {
		char name[64];
		snprintf(name, sizeof name, "1907169%d/S001/L1/E0%d/C7.jpg", i / 3, 1 + i % 3);
		assert_ok(zip_add(zip, name, "picture", 7, false, &err));
	}
}

/* The first pass reads names and texts only: what stands for a picture is not opened. */
static struct face_set *scan(const char *const *members, size_t count, const char *const *overrides, size_t n_overrides)
{
	struct err err = {0};
	struct zip_writer *zip = NULL;
	struct settings *settings = NULL;
	struct path_list inputs = {0};
	struct face_set *set = NULL;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "texts.zip");
	assert_ok(zip_create(&zip, path, &err));
	for (size_t i = 0; i < count; i++) {
		const char *mark = strrchr(members[i], '=');
		char name[128];
		snprintf(name, sizeof name, "190716%.*s", mark ? (int)(mark - members[i]) : (int)strlen(members[i]),
		         members[i]);
		if (mark)
			add_text(zip, name, atoi(mark + 1));
		else
			assert_ok(zip_add(zip, name, "picture", 7, false, &err));
	}
	add_others(zip);
	assert_ok(zip_finish(zip, &err));
	assert_ok(settings_load(&settings, NULL, overrides, n_overrides, &err));
	assert_ok(path_list_add(&inputs, path, &err));
	struct faces_request request = {.settings = &settings->faces, .inputs = &inputs, .seed = 1, .threads = 1};
	assert_ok(faces_scan(&set, &request, &err));
	settings_free(settings);
	path_list_free(&inputs);
	scratch_remove(folder);
	return set;
}

/* The left edge of the box of the face whose name ends so; -1 without a box. */
static int left_of(const struct face_set *set, const char *end)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *member = set->faces[i].member;
		size_t length = strlen(member), tail = strlen(end);
		if (length >= tail && strcmp(member + length - tail, end) == 0)
			return set->faces[i].box_source == FACE_BOX_KFACE ? set->faces[i].box.x : -1;
	}
	fail_msg("%s is not in the set", end);
	return -2;
}

#define SCAN(members, ...)                                                                                             \
	scan(members, ARRAY_COUNT(members), (const char *const[]){__VA_ARGS__},                                            \
	     ARRAY_COUNT(((const char *const[]){__VA_ARGS__})))
#define PLAIN "faces.layout=kface"

static void check_three(struct face_set *set)
{
	assert_int_equal(left_of(set, "01/S001/L1/E01/C7.jpg"), 1);
	assert_int_equal(left_of(set, "01/S001/L1/E02/C7.jpg"), 2);
	assert_int_equal(left_of(set, "01/S001/L1/E03/C7.jpg"), 3);
	assert_int_equal(left_of(set, "02/S001/L1/E01/C7.jpg"), 4);
	assert_int_equal(left_of(set, "02/S001/L1/E02/C7.jpg"), -1);
	face_set_free(set);
}

static void texts_are_found_beside_before_and_far_from_their_pictures(void **state)
{
	static const char *const beside[] = {
	    "01/S001/L1/E01/C7.jpg", "01/S001/L1/E01/C7.txt=1", "01/S001/L1/E02/C7.txt=2", "01/S001/L1/E02/C7.jpg",
	    "01/S001/L1/E03/C7.jpg", "01/S001/L1/E03/C7.txt=3", "02/S001/L1/E01/C7.txt=4", "02/S001/L1/E01/C7.jpg",
	    "02/S001/L1/E02/C7.jpg"};
	static const char *const first[] = {
	    "01/S001/L1/E01/C7.txt=1", "01/S001/L1/E02/C7.txt=2", "01/S001/L1/E03/C7.txt=3", "02/S001/L1/E01/C7.txt=4",
	    "01/S001/L1/E01/C7.jpg",   "01/S001/L1/E02/C7.jpg",   "01/S001/L1/E03/C7.jpg",   "02/S001/L1/E01/C7.jpg",
	    "02/S001/L1/E02/C7.jpg"};
	static const char *const last[] = {
	    "01/S001/L1/E01/C7.jpg",   "01/S001/L1/E02/C7.jpg",   "01/S001/L1/E03/C7.jpg",   "02/S001/L1/E01/C7.jpg",
	    "02/S001/L1/E02/C7.jpg",   "02/S001/L1/E01/C7.txt=4", "01/S001/L1/E03/C7.txt=3", "01/S001/L1/E01/C7.txt=1",
	    "01/S001/L1/E02/C7.txt=2"};
	(void)state;
	check_three(SCAN(beside, PLAIN));
	check_three(SCAN(first, PLAIN));
	check_three(SCAN(last, PLAIN));
}

static void one_text_serves_two_pictures_of_its_name_and_the_first_of_two_texts_counts(void **state)
{
	static const char *const members[] = {"01/S001/L1/E01/C7.jpg", "01/S001/L1/E01/C7.txt=5", "01/S001/L1/E01/C7.png",
	                                      "01/S001/L1/E01/C7.txt=6"};
	(void)state;
	struct face_set *set = SCAN(members, PLAIN);
	assert_int_equal(left_of(set, "01/S001/L1/E01/C7.jpg"), 5);
	assert_int_equal(left_of(set, "01/S001/L1/E01/C7.png"), 5);
	face_set_free(set);
}

static void a_name_that_comes_twice_keeps_the_box_that_came_with_the_second(void **state)
{
	static const char *const members[] = {"01/S001/L1/E01/C7.jpg", "01/S001/L1/E02/C7.jpg", "01/S001/L1/E01/C7.jpg",
	                                      "01/S001/L1/E01/C7.txt=5"};
	(void)state;
	struct face_set *set = SCAN(members, PLAIN);
	assert_int_equal(set->count, 2 + OTHERS);
	assert_int_equal(left_of(set, "01/S001/L1/E01/C7.jpg"), 5);
	face_set_free(set);
}

static void a_stem_is_a_whole_name_not_the_beginning_of_one(void **state)
{
	static const char *const members[] = {"01/S001/L1/E01/C1.txt=5", "01/S001/L1/E01/C10.jpg"};
	(void)state;
	struct face_set *set = SCAN(members, PLAIN);
	assert_int_equal(left_of(set, "01/S001/L1/E01/C10.jpg"), -1);
	face_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_found_beside_before_and_far_from_their_pictures),
	    cmocka_unit_test(one_text_serves_two_pictures_of_its_name_and_the_first_of_two_texts_counts),
	    cmocka_unit_test(a_name_that_comes_twice_keeps_the_box_that_came_with_the_second),
	    cmocka_unit_test(a_stem_is_a_whole_name_not_the_beginning_of_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
