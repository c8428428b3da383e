/* The paired bootstrap: what it says of two classifiers over the same people, against their own figures and against
 * what is known of drawn ones. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { PERSONS = 60, A_PERSON = 6, N = PERSONS * A_PERSON, CLASSES = 3 };

struct drawn {
	int32_t truth[N];
	float probabilities[N * CLASSES];
	size_t person[N];
};

/* A person's pictures are right with a probability of that person's own; `better` raises everybody's alike. */
static struct judged draw(struct drawn *drawn, double better, uint64_t people, uint64_t pictures)
{
	struct rng of_people, of_pictures;

	rng_seed(&of_people, people, "test.people", 0);
	rng_seed(&of_pictures, pictures, "test.pictures", 0);
	for (size_t person = 0; person < PERSONS; person++) {
		double ability = rng_range(&of_people, 0.1, 0.9) + better;
		for (size_t k = 0; k < A_PERSON; k++) {
			size_t i = person * A_PERSON + k, truth = k % CLASSES;
			bool right = rng_unit(&of_pictures) < ability;
			size_t verdict = right ? truth : (truth + 1 + rng_below(&of_pictures, CLASSES - 1)) % CLASSES;
			float sure = (float)rng_range(&of_pictures, 0.4, 1);
			drawn->truth[i] = (int32_t)truth;
			drawn->person[i] = person;
			for (size_t c = 0; c < CLASSES; c++)
				drawn->probabilities[i * CLASSES + c] = c == verdict ? sure : (1 - sure) / (CLASSES - 1);
		}
	}
	return (struct judged){.n = N, .classes = CLASSES, .truth = drawn->truth, .probabilities = drawn->probabilities,
	                       .person = drawn->person, .persons = PERSONS, .draws = 400, .seed = 1};
}

static struct drawn first, second;

static void near(double got, double want)
{
	if (!(fabs(got - want) < 1e-6))
		fail_msg("got %.9g, expected %.9g", got, want);
}

static void the_differences_are_those_of_the_figures(void **state)
{
	struct err err = {0};
	struct judged a = draw(&first, 0, 3, 1), b = draw(&second, 0.05, 3, 2);
	struct classification of_a, of_b;
	struct interval out[PAIRED_COUNT];

	(void)state;
	b.n = N - 1; /* a picture less of the last person */
	assert_ok(classification_measure(&of_a, &a, &err));
	assert_ok(classification_measure(&of_b, &b, &err));
	assert_ok(classification_paired(&a, &b, out, &err));
	near(out[PAIRED_BALANCED].value, of_b.balanced.value - of_a.balanced.value);
	near(out[PAIRED_ACCURACY].value, of_b.accuracy.value - of_a.accuracy.value);
	near(out[PAIRED_MACRO_F1].value, of_b.macro_f1 - of_a.macro_f1);
	near(out[PAIRED_LOG_LOSS].value, of_b.log_loss - of_a.log_loss);
	near(out[PAIRED_CALIBRATION].value, of_b.calibration - of_a.calibration);
	for (size_t f = 0; f < PAIRED_COUNT; f++)
		assert_true(out[f].low < out[f].value && out[f].value < out[f].high);
	classification_free(&of_a);
	classification_free(&of_b);
}

static void the_same_verdicts_do_not_differ(void **state)
{
	struct err err = {0};
	struct judged a = draw(&first, 0, 3, 1);
	struct interval out[PAIRED_COUNT];

	(void)state;
	assert_ok(classification_paired(&a, &a, out, &err));
	for (size_t f = 0; f < PAIRED_COUNT; f++)
		assert_true(out[f].low == 0 && out[f].value == 0 && out[f].high == 0);
}

static void one_side_against_the_other_is_the_same_the_other_way_round(void **state)
{
	struct err err = {0};
	struct judged a = draw(&first, 0, 3, 1), b = draw(&second, 0.1, 3, 2);
	struct interval there[PAIRED_COUNT], back[PAIRED_COUNT];

	(void)state;
	assert_ok(classification_paired(&a, &b, there, &err));
	assert_ok(classification_paired(&b, &a, back, &err));
	for (size_t f = 0; f < PAIRED_COUNT; f++) {
		near(there[f].value, -back[f].value);
		near(there[f].low, -back[f].high);
		near(there[f].high, -back[f].low);
	}
}

/* Where none is the better one, 0 lies outside about one interval in twenty. */
static void it_is_wrong_about_as_often_as_it_says(void **state)
{
	struct err err = {0};
	struct interval out[PAIRED_COUNT];
	size_t outside = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct judged a = draw(&first, 0, seed, 2 * seed), b = draw(&second, 0, seed, 2 * seed + 1);
		assert_ok(classification_paired(&a, &b, out, &err));
		outside += out[PAIRED_BALANCED].low > 0 || out[PAIRED_BALANCED].high < 0;
	}
	if (outside < 2 || outside > 22)
		fail_msg("0 lies outside %zu of 200 intervals", outside);
}

/* What makes people hard is alike for both: pairing finds what two separate intervals hide. */
static void pairing_finds_what_separate_intervals_hide(void **state)
{
	struct err err = {0};
	struct interval out[PAIRED_COUNT];
	struct classification of_a, of_b;
	size_t paired = 0, separate = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct judged a = draw(&first, 0, seed, seed), b = draw(&second, 0.1, seed, seed);
		assert_ok(classification_measure(&of_a, &a, &err));
		assert_ok(classification_measure(&of_b, &b, &err));
		assert_ok(classification_paired(&a, &b, out, &err));
		paired += out[PAIRED_BALANCED].low > 0;
		separate += of_b.balanced.value - of_a.balanced.value >
		            hypot((of_a.balanced.high - of_a.balanced.low) / 2, (of_b.balanced.high - of_b.balanced.low) / 2);
		classification_free(&of_a);
		classification_free(&of_b);
	}
	if (paired < 36 || paired < separate + 8)
		fail_msg("paired found %zu of 40, separate intervals %zu", paired, separate);
}

static void other_people_are_refused(void **state)
{
	struct err err = {0};
	struct judged a = draw(&first, 0, 3, 1), b = draw(&second, 0, 3, 2);
	struct interval out[PAIRED_COUNT];

	(void)state;
	b.n = N - A_PERSON;
	b.persons = PERSONS - 1;
	assert_refused(classification_paired(&a, &b, out, &err), ERR_DATA, "60 people and 3 classes beside 59 and 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_differences_are_those_of_the_figures),
	    cmocka_unit_test(the_same_verdicts_do_not_differ),
	    cmocka_unit_test(one_side_against_the_other_is_the_same_the_other_way_round),
	    cmocka_unit_test(it_is_wrong_about_as_often_as_it_says),
	    cmocka_unit_test(pairing_finds_what_separate_intervals_hide),
	    cmocka_unit_test(other_people_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
