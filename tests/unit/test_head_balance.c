/* Classes that are not alike in number. */
#include "head_fixture.h"

static void balanced_weights_make_each_class_count_alike(void **state)
{
	struct err err = {0};
	int32_t labels[] = {0, 0, 0, 0, 0, 0, 1, 1, 2};
	struct head_data data = {.n = 9, .classes = 3, .labels = labels};
	float w[3];

	(void)state;
	assert_ok(head_class_weights(&data, true, w, &err));
	assert_true(fabsf(w[0] - 0.5f) < 1e-6f && fabsf(w[1] - 1.5f) < 1e-6f && fabsf(w[2] - 3) < 1e-6f);
	assert_ok(head_class_weights(&data, false, w, &err));
	assert_true(w[0] == 1 && w[2] == 1);
}

static void balanced_sampling_shows_classes_alike_and_examples_of_a_class_alike(void **state)
{
	struct err err = {0};
	int32_t labels[100];
	struct head_data data = {.n = 100, .classes = 3, .labels = labels};
	struct head_order order;
	size_t out[100], again[100], shown[100] = {0}, of_class[3] = {0}, least[3] = {100, 100, 100}, most[3] = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++)
		labels[i] = i % 10 == 3 ? 1 : i % 25 == 6 ? 2 : 0;
	assert_ok(head_order_new(&order, &data, &err));
	head_order_balanced(&order, 7, 1, out);
	for (size_t i = 0; i < 100; i++) {
		shown[out[i]]++;
		of_class[labels[out[i]]]++;
		for (size_t c = 0; c < 3; c++) /* in every prefix the classes differ by one turn at most */
			assert_true(of_class[c] + 1 >= of_class[0] && of_class[c] <= of_class[0] + 1);
	}
	for (size_t i = 0; i < 100; i++) {
		least[labels[i]] = shown[i] < least[labels[i]] ? shown[i] : least[labels[i]];
		most[labels[i]] = shown[i] > most[labels[i]] ? shown[i] : most[labels[i]];
	}
	assert_int_equal(most[0], 1);
	assert_int_equal(least[0], 0);
	for (size_t c = 1; c < 3; c++)
		assert_true(least[c] > 1 && most[c] - least[c] <= 1);
	head_order_balanced(&order, 7, 2, again);
	assert_memory_not_equal(out, again, sizeof(out));
	head_order_balanced(&order, 7, 1, again);
	assert_memory_equal(out, again, sizeof(out));
	head_order_free(&order);
}

static void balanced_sampling_finds_the_rare_class_and_refuses_weights_beside_it(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(300, 12, 2, 0.5, 9);
	struct head_training training = usual();
	struct head_outcome outcome;
	size_t found[2] = {0};

	(void)state;
	for (size_t i = 0; i < data.n;
	     i++) /* leaves one in eight of class 1, the others are of class 0 by their features too */
		if (data.labels[i] == 1 && i % 4)
			for (size_t j = 0; j < 6; j++) {
				data.labels[i] = 0;
				data.rows[i * 12 + j] += j % 2 ? -0.5f : 0.5f;
			}
	training.balance = false;
	for (int sampling = 0; sampling < 2; sampling++) {
		struct head *head = flat_head(12, 2);
		float p[600];

		training.sampling = sampling;
		assert_ok(head_train(head, &data, NULL, &training, &outcome, &err));
		head_predict_rows(head, data.n, data.rows, p, 1);
		for (size_t i = 0; i < data.n; i++)
			found[sampling] += data.labels[i] == 1 && p[2 * i + 1] > p[2 * i];
		training.balance = true;
		if (sampling)
			assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_SETTINGS,
			               "class_weights = none");
		training.balance = false;
		head_free(head);
	}
	assert_true(found[1] > found[0]);
	head_data_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(balanced_weights_make_each_class_count_alike),
	    cmocka_unit_test(balanced_sampling_shows_classes_alike_and_examples_of_a_class_alike),
	    cmocka_unit_test(balanced_sampling_finds_the_rare_class_and_refuses_weights_beside_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
