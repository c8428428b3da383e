/* Classification metrics: against figures worked out by hand and by scikit-learn, intervals by what they promise. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static void near(double got, double want)
{
	if (!(fabs(got - want) < 1e-6))
		fail_msg("got %.9g, expected %.9g", got, want);
}

/* Ten examples of three classes; the figures below are scikit-learn 1.2's (balanced_accuracy_score,
 * f1_score(average="macro"), log_loss) for the same arrays. */
static const int32_t truth[] = {0, 0, 0, 0, 0, 1, 1, 1, 2, 2};
static const float probabilities[] = {
    .8f, .1f, .1f, .6f, .3f, .1f, .5f, .2f, .3f, .2f, .7f, .1f, .4f, .3f, .3f,
    .1f, .8f, .1f, .3f, .4f, .3f, .5f, .3f, .2f, .1f, .1f, .8f, .6f, .1f, .3f,
};
static const size_t person[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4};

static struct judged ten(void)
{
	return (struct judged){.n = 10,
	                       .classes = 3,
	                       .truth = truth,
	                       .probabilities = probabilities,
	                       .person = person,
	                       .persons = 5,
	                       .draws = 500,
	                       .seed = 1};
}

/* The definition: every pair of one of class c and one of another, ties half. */
static double pairs_in_order(const struct judged *judged, size_t c)
{
	double right = 0, pairs = 0;

	for (size_t i = 0; i < judged->n; i++) {
		for (size_t j = 0; j < judged->n; j++) {
			float a = judged->probabilities[i * judged->classes + c],
			      b = judged->probabilities[j * judged->classes + c];
			if ((size_t)judged->truth[i] != c || (size_t)judged->truth[j] == c)
				continue;
			right += a > b ? 1 : a == b ? 0.5 : 0;
			pairs++;
		}
	}
	return right / pairs;
}

static void ten_examples_give_the_figures_of_scikit_learn(void **state)
{
	struct err err = {0};
	struct judged judged = ten();
	struct classification m;
	const size_t confusion[] = {4, 1, 0, 1, 2, 0, 1, 0, 1};

	(void)state;
	assert_ok(classification_measure(&m, &judged, &err));
	assert_memory_equal(m.confusion, confusion, sizeof(confusion));
	near(m.accuracy.value, 0.7);
	near(m.balanced.value, (4 / 5. + 2 / 3. + 1 / 2.) / 3);
	near(m.scores[0].precision, 4 / 6.);
	near(m.scores[0].f1, 8 / 11.);
	near(m.scores[2].recall, 0.5);
	for (size_t c = 0; c < 3; c++)
		near(m.scores[c].auc, pairs_in_order(&judged, c));
	near(m.macro_f1, (8 / 11. + 2 / 3. + 2 / 3.) / 3);
	near(m.log_loss, 0.772336844);
	near(m.majority, 0.5);
	near(m.chance, 1 / 3.);
	classification_free(&m);
}

static void an_absent_class_is_not_averaged(void **state)
{
	struct err err = {0};
	struct judged judged = ten();
	struct classification m;

	(void)state;
	judged.n = 8; /* no example of class 2 */
	assert_ok(classification_measure(&m, &judged, &err));
	near(m.balanced.value, (4 / 5. + 2 / 3.) / 2);
	near(m.chance, 0.5);
	near(m.scores[2].recall, 0);
	classification_free(&m);
}

static void perfect_confidence_is_perfectly_calibrated_and_overconfidence_is_not(void **state)
{
	struct err err = {0};
	int32_t labels[8] = {0, 1, 0, 1, 0, 1, 0, 1};
	float sure[16];
	size_t who[8] = {0, 1, 2, 3, 4, 5, 6, 7};
	struct judged judged = {.n = 8,
	                        .classes = 2,
	                        .truth = labels,
	                        .probabilities = sure,
	                        .person = who,
	                        .persons = 8,
	                        .draws = 10,
	                        .seed = 1};
	struct classification m;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		sure[2 * i] = labels[i] == 0;
		sure[2 * i + 1] = labels[i] == 1;
	}
	assert_ok(classification_measure(&m, &judged, &err));
	for (size_t c = 0; c < 2; c++) {
		near(m.scores[c].recall_limits.value, 1);
		near(m.scores[c].recall_limits.high, 1);
		near(m.scores[c].precision_limits.high, 1);
		near(m.scores[c].f1_limits.high, 1);
	}
	near(m.calibration, 0);
	near(m.brier, 0);
	near(m.log_loss, 0);
	classification_free(&m);
	for (size_t i = 0; i < 4; i++)
		labels[i] = 1 - labels[i]; /* half of the sure verdicts are wrong now */
	assert_ok(classification_measure(&m, &judged, &err));
	for (size_t c = 0; c < 2; c++) {
		const struct class_score *score = &m.scores[c];
		near(score->recall_limits.value, score->recall);
		assert_true(score->recall_limits.low < score->recall && score->recall < score->recall_limits.high);
		assert_true(score->precision_limits.low < score->precision && score->precision < score->precision_limits.high);
		assert_true(score->f1_limits.low < score->f1 && score->f1 < score->f1_limits.high);
	}
	near(m.calibration, 0.5);
	near(m.brier, 1);
	classification_free(&m);
}

/* n examples of two classes, right with probability q; pictures of a person are copies of each other. */
static struct interval draw_interval(size_t persons, size_t copies, double q, uint64_t seed)
{
	struct err err = {0};
	size_t n = persons * copies;
	int32_t *labels = mem_alloc(n, sizeof(*labels), &err);
	float *p = mem_alloc(2 * n, sizeof(*p), &err);
	size_t *who = mem_alloc(n, sizeof(*who), &err);
	struct judged judged = {.n = n,
	                        .classes = 2,
	                        .truth = labels,
	                        .probabilities = p,
	                        .person = who,
	                        .persons = persons,
	                        .draws = 400,
	                        .seed = seed};
	struct classification m;
	struct interval out;
	struct rng rng;

	assert_non_null(who);
	rng_seed(&rng, seed, "test.interval", 0);
	for (size_t i = 0; i < n; i++) {
		who[i] = i / copies;
		if (i % copies == 0) {
			labels[i] = (int32_t)(who[i] % 2);
			p[2 * i + (size_t)labels[i]] = rng_unit(&rng) < q ? 0.9f : 0.1f;
			p[2 * i + 1 - (size_t)labels[i]] = 1 - p[2 * i + (size_t)labels[i]];
		} else {
			labels[i] = labels[i - 1];
			memcpy(p + 2 * i, p + 2 * i - 2, 2 * sizeof(*p));
		}
	}
	assert_ok(classification_measure(&m, &judged, &err));
	out = m.balanced;
	classification_free(&m);
	free(labels);
	free(p);
	free(who);
	return out;
}

static void the_interval_covers_the_truth_about_as_often_as_it_says(void **state)
{
	size_t covered = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct interval interval = draw_interval(120, 1, 0.75, seed);
		covered += interval.low <= 0.75 && 0.75 <= interval.high;
	}
	/* 95 % of 200 is 190; the percentile bootstrap is a little narrow. */
	if (covered < 176 || covered > 200)
		fail_msg("covered %zu of 200", covered);
}

static void more_pictures_of_the_same_people_do_not_narrow_the_interval(void **state)
{
	struct interval one = draw_interval(100, 1, 0.75, 5), ten_copies = draw_interval(100, 10, 0.75, 5);

	(void)state;
	near(one.value, ten_copies.value);
	near(one.low, ten_copies.low);
	near(one.high, ten_copies.high);
	assert_true(one.high - one.low > 0.1);
}

static void the_same_seed_gives_the_same_interval(void **state)
{
	struct interval a = draw_interval(60, 2, 0.6, 9), b = draw_interval(60, 2, 0.6, 9);

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
}

static void what_cannot_be_judged_is_refused(void **state)
{
	struct err err = {0};
	struct judged judged = ten();
	float bad[30];
	int32_t label[10];
	struct classification m;

	(void)state;
	judged.n = 0;
	assert_refused(classification_measure(&m, &judged, &err), ERR_DATA, "nothing to judge");
	judged = ten();
	memcpy(bad, probabilities, sizeof(bad));
	bad[7] = NAN;
	judged.probabilities = bad;
	assert_refused(classification_measure(&m, &judged, &err), ERR_DATA, "example 2, class 1: ");
	judged = ten();
	memcpy(label, truth, sizeof(label));
	label[4] = 3;
	judged.truth = label;
	assert_refused(classification_measure(&m, &judged, &err), ERR_DATA, "example 4: class 3");
	judged = ten();
	judged.persons = 4;
	assert_refused(classification_measure(&m, &judged, &err), ERR_DATA, "person 4");
}

static void the_json_carries_every_figure(void **state)
{
	struct err err = {0};
	struct judged judged = ten();
	struct classification m;
	struct json *root = json_object_new();
	char *names[] = {"neutral", "positive", "negative"};

	(void)state;
	assert_ok(classification_measure(&m, &judged, &err));
	classification_to_json(&m, names, root);
	near(json_number(json_get(root, "accuracy"), -1), 0.7);
	near(json_number(json_at(json_get(root, "balanced_accuracy_95"), 0), -1), m.balanced.low);
	assert_int_equal(json_integer_value(json_at(json_at(json_get(root, "confusion"), 1), 1), -1), 2);
	near(json_number(json_get(json_get(json_get(root, "classes"), "negative"), "true_share"), -1), 0.2);
	json_free(root);
	classification_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_examples_give_the_figures_of_scikit_learn),
	    cmocka_unit_test(an_absent_class_is_not_averaged),
	    cmocka_unit_test(perfect_confidence_is_perfectly_calibrated_and_overconfidence_is_not),
	    cmocka_unit_test(the_interval_covers_the_truth_about_as_often_as_it_says),
	    cmocka_unit_test(more_pictures_of_the_same_people_do_not_narrow_the_interval),
	    cmocka_unit_test(the_same_seed_gives_the_same_interval),
	    cmocka_unit_test(what_cannot_be_judged_is_refused),
	    cmocka_unit_test(the_json_carries_every_figure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
