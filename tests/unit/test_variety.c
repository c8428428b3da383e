/* How various recommended lists are, on lists that can be counted by hand. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "stages/evaluate_internal.h"

static double figure(const struct json *metrics, const char *key)
{
	return json_number(json_get(metrics, key), -1);
}

static void near(double got, double want)
{
	if (!(fabs(got - want) < 1e-12))
		fail_msg("got %.12g, expected %.12g", got, want);
}

static void lists_are_counted(void **state)
{
	struct err err = {0};
	struct variety *variety = NULL;
	struct json *metrics = json_object_new();
	/* Class 0: the second list repeats 3 and 5 of 4 songs, the third none of 2. Class 1: the second repeats both. */
	const size_t first[] = {3, 4, 5, 6}, second[] = {3, 5, 7, 8}, third[] = {4, 6}, sad[] = {3, 9},
	             sad_again[] = {9, 3};

	(void)state;
	assert_ok(variety_new(&variety, 20, 2, &err));
	variety_add(variety, 0, first, 4);
	variety_add(variety, 1, sad, 2);
	variety_add(variety, 0, second, 4);
	variety_add(variety, 0, third, 2);
	variety_add(variety, 1, sad_again, 2);
	variety_record(variety, metrics);
	near(figure(metrics, "songs_given"), 14);
	near(figure(metrics, "different_songs"), 7);
	near(figure(metrics, "coverage"), 7 / 20.);
	near(figure(metrics, "repeats"), (2 / 4. + 0 / 2. + 2 / 2.) / 3);
	near(figure(metrics, "most_given"), 4 / 5.); /* song 3 */
	variety_free(variety);
	json_free(metrics);
}

static void no_list_leaves_no_figure(void **state)
{
	struct err err = {0};
	struct variety *variety = NULL;
	struct json *metrics = json_object_new();

	(void)state;
	assert_ok(variety_new(&variety, 20, 2, &err));
	variety_add(variety, 1, NULL, 0);
	variety_record(variety, metrics);
	assert_int_equal(json_count(metrics), 0);
	variety_free(variety);
	json_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_are_counted),
	    cmocka_unit_test(no_list_leaves_no_figure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
