#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/vision_internal.h"

#define NEW_HEAD                                                                                                       \
	"<?xml version=\"1.0\"?>\n<opencv_storage><cascade type_id=\"opencv-cascade-classifier\">\n"                       \
	"<stageType>BOOST</stageType><featureType>HAAR</featureType>\n"
#define NEW_SIZE "<height>24</height><width>20</width><featureParams><maxCatCount>0</maxCatCount></featureParams>\n"
#define FEATURE "<_><rects><_>1 2 6 4 -1.</_><_>3 2 2 4 3.</_></rects><tilted>0</tilted></_>"
#define TILTED "<_><rects><_>8 2 4 3 -1.</_><_>8 2 2 3 2.</_></rects><tilted>1</tilted></_>"
#define TREE "<_><internalNodes>1 0 0 1.5e-2 -1 -2 1 -0.25</internalNodes><leafValues>.5 -.75 1e-3</leafValues></_>"
#define STAGES(limit, trees)                                                                                           \
	"<stages><_><stageThreshold>" limit "</stageThreshold><weakClassifiers>" trees "</weakClassifiers></_></stages>\n"
#define NEW_TAIL "</cascade></opencv_storage>\n"
#define FEATURES(list) "<features>" list "</features>"
#define NEW_GOOD NEW_HEAD NEW_SIZE STAGES("-1.25", TREE) FEATURES(FEATURE TILTED) NEW_TAIL

#define OLD_FEATURE(inner, tilted) "<feature><rects>" inner "</rects><tilted>" tilted "</tilted></feature>"
#define OLD_NODE1                                                                                                      \
	"<_>" OLD_FEATURE("<_>1 2 6 4 -1.</_><_>3 2 2 4 3.</_>",                                                           \
	                  "0") "<threshold>1.5e-2</threshold><left_node>1</left_node><right_val>.5</right_val></_>"
#define OLD_NODE2                                                                                                      \
	"<_>" OLD_FEATURE("<_>8 2 4 3 -1.</_><_>8 2 2 3 2.</_>",                                                           \
	                  "1") "<threshold>-0.25</threshold><left_val>-.75</left_val><right_val>1e-3</right_val></_>"
#define OLD(node1, node2)                                                                                              \
	"<?xml version=\"1.0\"?>\n<opencv_storage><old type_id=\"opencv-haar-classifier\"><size>20 "                       \
	"24</size>\n<stages><_><trees>"                                                                                    \
	"<_>" node1 node2                                                                                                  \
	"</_></trees><stage_threshold>-1.25</stage_threshold><parent>-1</parent><next>-1</next></_></stages>"              \
	"</old></opencv_storage>\n"

static int parse(struct cascade **out, const char *text, struct err *err)
{
	return cascade_parse(out, text, strlen(text), "x.xml", err);
}

static void assert_same(const struct cascade *a, const struct cascade *b)
{
	struct err err = {0};
	struct strbuf x = {0}, y = {0};
	assert_ok(cascade_print(a, &x, &err));
	assert_ok(cascade_print(b, &y, &err));
	assert_string_equal(x.text, y.text);
	strbuf_free(&x);
	strbuf_free(&y);
}

static void new_form_is_read(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade;
	assert_ok(parse(&cascade, NEW_GOOD, &err));
	assert_int_equal(cascade->window_w, 20);
	assert_int_equal(cascade->window_h, 24);
	assert_int_equal(cascade->n_features, 2);
	assert_int_equal(cascade->max_nodes, 2);
	assert_true(cascade->tilted && cascade->features[1].tilted && !cascade->features[0].tilted);
	assert_true(cascade->stages[0].threshold == -1.25f && cascade->leaves[2] == 1e-3f);
	assert_int_equal(cascade->nodes[1].left, -1);
	assert_int_equal(cascade->nodes[0].left, 1);
	cascade_free(cascade);
}

static void old_form_is_the_same_cascade(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *old, *new;
	assert_ok(parse(&old, OLD(OLD_NODE1, OLD_NODE2), &err));
	assert_ok(parse(&new, NEW_GOOD, &err));
	assert_same(old, new);
	cascade_free(old);
	cascade_free(new);
}

static void written_cascades_read_back_bit_for_bit(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade, *again;
	struct rng rng;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "c.xml");
	rng_seed(&rng, 3, "test", 0);
	assert_ok(parse(&cascade, NEW_GOOD, &err));
	for (size_t i = 0; i < 200; i++) {
		struct cascade_node node = {0, -1, i % 2, (float)(rng_normal(&rng) * pow(10, rng_range(&rng, -30, 30)))};
		float leaves[2] = {(float)rng_normal(&rng), (float)rng_normal(&rng)};
		if (i % 20 == 0)
			assert_ok(cascade_add_stage(cascade, (float)rng_normal(&rng), &err));
		assert_ok(cascade_add_tree(cascade, &node, leaves, 1, &err));
	}
	assert_ok(cascade_finish(cascade, &err));
	assert_ok(cascade_save(cascade, path, &err));
	assert_ok(cascade_load(&again, path, &err));
	assert_int_equal(again->n_nodes, cascade->n_nodes);
	for (size_t i = 0; i < cascade->n_nodes; i++)
		assert_memory_equal(&again->nodes[i].threshold, &cascade->nodes[i].threshold, sizeof(float));
	assert_memory_equal(again->leaves, cascade->leaves, cascade->n_leaves * sizeof(float));
	assert_same(cascade, again);
	cascade_free(cascade);
	cascade_free(again);
	scratch_remove(folder);
}

static const struct {
	const char *text, *says;
} bad[] = {
    {"", "not XML"},
    {"<opencv_storage><cascade>", "not XML"},
    {"<a/>", "opencv_storage"},
    {"<!DOCTYPE x [<!ENTITY a \"b\">]><opencv_storage/>", "document type"},
    {NEW_HEAD NEW_SIZE NEW_TAIL, "has no <stages>"},
    {NEW_HEAD "<width>20</width>" NEW_TAIL, "featureParams"},
    {NEW_HEAD NEW_SIZE STAGES("-1", TREE) FEATURES("<_><rects><_>1 2 20 4 -1.</_></rects></_>") NEW_TAIL,
     "outside the window"},
    {NEW_HEAD NEW_SIZE STAGES("-1", TREE) FEATURES("<_><rects><_>1 2 4 4 -1.</_></rects><tilted>1</tilted></_>")
         NEW_TAIL,
     "x.xml:6"},
    {NEW_HEAD NEW_SIZE STAGES("-1", TREE) FEATURES("<_><rects></rects></_>") NEW_TAIL, "0 rectangles"},
    {NEW_HEAD NEW_SIZE STAGES("-1", TREE) FEATURES(FEATURE) NEW_TAIL, "uses feature 1 of 1"},
    {NEW_HEAD NEW_SIZE STAGES("nan", TREE) FEATURES(FEATURE TILTED) NEW_TAIL, "no finite number"},
    {NEW_HEAD NEW_SIZE STAGES("1e300", TREE) FEATURES(FEATURE TILTED) NEW_TAIL, "does not fit a float"},
    {NEW_HEAD NEW_SIZE STAGES("-1", "") FEATURES(FEATURE TILTED) NEW_TAIL, "without weak"},
    {NEW_HEAD NEW_SIZE STAGES("-1", "<_><internalNodes>0 -1 0</internalNodes><leafValues>1 2</leafValues></_>")
         FEATURES(FEATURE) NEW_TAIL,
     "are no tree"},
    {NEW_HEAD NEW_SIZE STAGES("-1", "<_><internalNodes>0 -2 0 1</internalNodes><leafValues>1 2</leafValues></_>")
         FEATURES(FEATURE) NEW_TAIL,
     "leads to leaf 2"},
    {NEW_HEAD NEW_SIZE STAGES("-1",
                              "<_><internalNodes>1 0 0 1 1 -1 0 1</internalNodes><leafValues>1 2 3</leafValues></_>")
         FEATURES(FEATURE) NEW_TAIL,
     "must come later"},
    {NEW_HEAD NEW_SIZE STAGES("-1", "<_><internalNodes>0 -1 0 nan</internalNodes><leafValues>1 2</leafValues></_>")
         FEATURES(FEATURE) NEW_TAIL,
     "no finite number"},
    {NEW_HEAD NEW_SIZE STAGES("-1", "<_><internalNodes>0 -1 0 1e200</internalNodes><leafValues>1 2</leafValues></_>")
         FEATURES(FEATURE) NEW_TAIL,
     "no number"},
    {OLD(OLD_NODE1, ""), "leads to node 1"},
    {OLD(OLD_NODE2, OLD_NODE2), "leads to leaf 3"},
    {"<opencv_storage><c><stageType>BOOST</stageType><featureType>LBP</featureType></c></opencv_storage>", "only HAAR"},
};

static void faulty_files_are_refused_with_their_place(void **state)
{
	(void)state;
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct cascade *cascade = NULL;
		assert_refused(parse(&cascade, bad[i].text, &err), ERR_DATA, bad[i].says);
		assert_non_null(strstr(err.text, "x.xml"));
		assert_null(cascade);
	}
}

static void depth_and_number_of_stages_are_bounded(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = NULL;
	struct strbuf deep = {0}, wide = {0};
	for (int i = 0; i < 100; i++)
		strbuf_add(&deep, "<opencv_storage>");
	assert_refused(parse(&cascade, deep.text, &err), ERR_DATA, "too deep");
	strbuf_add(&wide, NEW_HEAD NEW_SIZE "<stages>");
	for (int i = 0; i < 5000; i++)
		strbuf_add(&wide,
		           "<_><stageThreshold>0</stageThreshold><weakClassifiers><_><internalNodes>0 -1 0 1</internalNodes>"
		           "<leafValues>1 2</leafValues></_></weakClassifiers></_>\n");
	strbuf_add(&wide, "</stages>" FEATURES(FEATURE) NEW_TAIL);
	assert_refused(parse(&cascade, wide.text, &err), ERR_DATA, "more than 4096 stages");
	strbuf_free(&deep);
	strbuf_free(&wide);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	size_t length = strlen(NEW_GOOD) - 1;
	for (size_t size = 0; size < length; size++) {
		struct cascade *cascade = NULL;
		err = (struct err){0};
		assert_int_equal(cascade_parse(&cascade, NEW_GOOD, size, "x.xml", &err), ERR_DATA);
	}
}

static void a_missing_file_is_an_input_error(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = NULL;
	assert_refused(cascade_load(&cascade, "/nowhere/c.xml", &err), ERR_IO, "/nowhere/c.xml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new_form_is_read),
	    cmocka_unit_test(old_form_is_the_same_cascade),
	    cmocka_unit_test(written_cascades_read_back_bit_for_bit),
	    cmocka_unit_test(faulty_files_are_refused_with_their_place),
	    cmocka_unit_test(depth_and_number_of_stages_are_bounded),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(a_missing_file_is_an_input_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
