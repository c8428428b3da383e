#include "support/support.h"

#include <string.h>

#include "vision/vision.h"

static void expect_name(const char *path, const char *person, unsigned s, unsigned l, unsigned e, unsigned c)
{
	struct kface_name name;
	if (!kface_name_parse(path, &name))
		fail_msg("%s was not understood", path);
	assert_string_equal(name.person, person);
	assert_int_equal(name.accessory, s);
	assert_int_equal(name.light, l);
	assert_int_equal(name.expression, e);
	assert_int_equal(name.camera, c);
}

static void nested_unpacked_and_flat_names_are_understood(void **state)
{
	(void)state;
	expect_name("faces.zip/19071641.zip/S001/L1/E01/C7.jpg", "19071641", 1, 1, 1, 7);
	expect_name("19071641.zip/S001/L1/E01/C7.txt", "19071641", 1, 1, 1, 7);
	expect_name("High/19071641/S006/L30/E03/C20.jpg", "19071641", 6, 30, 3, 20);
	expect_name("data/19071641.tar.gz/S001/L1/E01/C7.jpg", "19071641", 1, 1, 1, 7);
	expect_name("x/19071641_S001_L01_E02_C07.jpg", "19071641", 1, 1, 2, 7);
	expect_name("19071641_1_30_3_20.jpeg", "19071641", 1, 30, 3, 20);
	expect_name("a_zip/P12_S1_L2_E3_C4.png", "P12", 1, 2, 3, 4);
}

static void padding_and_letter_case_do_not_matter(void **state)
{
	(void)state;
	expect_name("19071641/s1/l001/e1/c007.JPG", "19071641", 1, 1, 1, 7);
	expect_name("19071641/S0001/L10/E003/C20.jpg", "19071641", 1, 10, 3, 20);
}

static void other_names_are_not(void **state)
{
	(void)state;
	static const char *const others[] = {"",
	                                     "C7.jpg",
	                                     "S001/L1/E01/C7.jpg",
	                                     "train/happy/a.jpg",
	                                     "19071641/S001/L1/E01/X7.jpg",
	                                     "19071641/S001/L1/E01/C.jpg",
	                                     "19071641/S001/L1/E01/C7b.jpg",
	                                     "19071641/S000/L1/E01/C7.jpg",
	                                     "19071641/S001/L64/E01/C7.jpg",
	                                     "19071641/001/1/01/7.jpg",
	                                     "High/S001/L1/E01/C7.jpg",
	                                     "/S001/L1/E01/C7.jpg",
	                                     "1_2_3_4_5.jpg",
	                                     "CK+48/happy/S010_004_00000017.png",
	                                     "19071641_S001_L1_E01.jpg",
	                                     "a_19071641_S001_L1_E01_C7.jpg",
	                                     "19071641/S001/L1/E01/C77777777777777777777.jpg"};
	struct kface_name name;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		/* A person before the flat form is not part of it. */
		if (kface_name_parse(others[i], &name))
			fail_msg("%s was taken for %s", others[i], name.person);
	}
}

static const char points[] = "100 110\n80,90\n120\t90\n85;130\n115 130\n60 100\n140 100\n";

static int parse(const char *boxes, unsigned camera, struct kface_text *text, struct err *err)
{
	char all[1000];
	int length = snprintf(all, sizeof all, "%s%s", points, boxes);
	return kface_text_parse(all, (size_t)length, camera, text, err);
}

static const char seven[] =
    "50 40 100 100\n70 80 20 20\n110 80 20 20\n90 95 20 20\n80 120 40 20\n55 90 10 20\n135 90 10 20\n";
static const char six[] = "50 40 100 100\n70 80 20 20\n110 80 20 20\n90 95 20 20\n80 120 40 20\n135 90 10 20\n";
static const char five[] = "50 40 100 100\n110 80 20 20\n90 95 20 20\n80 120 40 20\n135 90 10 20";

static void boxes_are_named_by_what_the_camera_sees(void **state)
{
	(void)state;
	struct err err = {0};
	struct kface_text text;
	assert_ok(parse(seven, 7, &text, &err));
	assert_int_equal(text.box[KFACE_FACE].x, 50);
	assert_int_equal(text.box[KFACE_RIGHT_EAR].x, 55);
	assert_int_equal(text.box[KFACE_LEFT_EAR].x, 135);
	assert_true(text.point[0][0] == 100 && text.point[3][1] == 130 && text.point[6][0] == 140);
	assert_ok(parse(six, 4, &text, &err)); /* no right ear */
	assert_false(text.known[KFACE_RIGHT_EAR]);
	assert_int_equal(text.box[KFACE_LEFT_EAR].x, 135);
	assert_int_equal(text.box[KFACE_MOUTH].w, 40);
	assert_ok(parse(six, 10, &text, &err)); /* no left ear */
	assert_false(text.known[KFACE_LEFT_EAR]);
	assert_int_equal(text.box[KFACE_RIGHT_EAR].x, 135);
	assert_ok(parse(five, 1, &text, &err)); /* neither right eye nor right ear */
	assert_false(text.known[KFACE_RIGHT_EYE]);
	assert_int_equal(text.box[KFACE_LEFT_EYE].x, 110);
	assert_ok(parse(five, 13, &text, &err));
	assert_false(text.known[KFACE_LEFT_EYE]);
	assert_int_equal(text.box[KFACE_RIGHT_EYE].x, 110);
}

static void only_the_face_is_known_where_the_boxes_do_not_fit_the_camera(void **state)
{
	(void)state;
	struct err err = {0};
	struct kface_text text;
	assert_ok(parse(five, 7, &text, &err));
	assert_int_equal(text.box[KFACE_FACE].w, 100);
	for (int part = 1; part < KFACE_PARTS; part++)
		assert_false(text.known[part]);
}

static void separators_blank_lines_and_line_ends_do_not_matter(void **state)
{
	(void)state;
	struct err err = {0};
	struct kface_text text;
	assert_ok(parse("\r\n50.4,40.6; 100\t100 \r\n70 80 20 20\r\n110 80 20 20\r\n90 95 20 20\r\n80 120 40 20\r\n\r\n", 1,
	                &text, &err));
	assert_int_equal(text.box[KFACE_FACE].x, 50);
	assert_int_equal(text.box[KFACE_FACE].y, 41);
}

static void broken_texts_are_refused_with_the_line(void **state)
{
	(void)state;
	struct err err = {0};
	struct kface_text text;
	static const struct {
		const char *boxes, *sentence;
	} cases[] = {{"", "fewer than seven points and five boxes (7 and 0)"},
	             {"50 40 100 100\n1 1 1 1\n1 1 1 1\n1 1 1 1\n", "(7 and 4)"},
	             {"50 40 100\n", "not four numbers (line 8)"},
	             {"50 40 100 100 100\n", "not four numbers (line 8)"},
	             {"50 40 wide 100\n", "not four numbers (line 8)"},
	             {"50 40 nan 100\n", "not four numbers (line 8)"},
	             {"50 40 1e30 100\n", "not four numbers (line 8)"},
	             {"50 40 0 100\n", "box without area (line 8)"},
	             {"50 40 10 -1\n", "box without area (line 8)"},
	             {"1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1\n",
	              "more than seven boxes (line 15)"}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_refused(parse(cases[i].boxes, 7, &text, &err), ERR_DATA, cases[i].sentence);
	assert_refused(kface_text_parse("1 2\n1 2\n1\n", 10, 7, &text, &err), ERR_DATA, "not two numbers (line 3)");
	char large[5000];
	memset(large, ' ', sizeof large);
	assert_refused(kface_text_parse(large, sizeof large, 7, &text, &err), ERR_DATA, "too long");
	assert_refused(kface_text_parse("", 0, 7, &text, &err), ERR_DATA, "(0 and 0)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nested_unpacked_and_flat_names_are_understood),
	    cmocka_unit_test(padding_and_letter_case_do_not_matter),
	    cmocka_unit_test(other_names_are_not),
	    cmocka_unit_test(boxes_are_named_by_what_the_camera_sees),
	    cmocka_unit_test(only_the_face_is_known_where_the_boxes_do_not_fit_the_camera),
	    cmocka_unit_test(separators_blank_lines_and_line_ends_do_not_matter),
	    cmocka_unit_test(broken_texts_are_refused_with_the_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
