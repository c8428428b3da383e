/* The head as a function: probabilities, and the temperature that the validation part asks for. */
#include "head_fixture.h"

static void prediction_averages_then_flattens_row_column_channel(void **state)
{
	struct err err = {0};
	struct head *head;
	float maps[2 * 5 * 4 * 3], p[4], expected[4], *workspace = canary_new(2 * 2 * 2 * 3);
	struct rng rng;

	(void)state;
	assert_ok(head_new(&head, (struct map_shape){5, 4, 3}, 2, 0, 2, &err));
	assert_int_equal(head->inputs, 2 * 2 * 3);
	assert_int_equal(head_workspace(head, 2), 2 * 12 * sizeof(float));
	rng_seed(&rng, 2, "test.maps", 0);
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++)
		maps[i] = (float)rng_normal(&rng);
	for (size_t i = 0; i < 12 * 2 + 2; i++)
		head->owned[i] = (float)rng_normal(&rng);
	for (size_t i = 0; i < 2; i++) {
		for (size_t c = 0; c < 2; c++) {
			double logit = (double)head->bias[c];
			for (size_t y = 0; y < 4; y++) /* the fifth row is left over */
				for (size_t x = 0; x < 4; x++)
					for (size_t k = 0; k < 3; k++)
						logit += (double)maps[((i * 5 + y) * 4 + x) * 3 + k] / 4 *
						         (double)head->kernel[((y / 2 * 2 + x / 2) * 3 + k) * 2 + c];
			expected[i * 2 + c] = (float)logit;
		}
	}
	softmax_rows(2, 2, expected);
	head_predict(head, 2, maps, workspace, p, 1);
	canary_check(workspace, 24);
	assert_close(p, expected, 4, 1e-4, 1e-6);
	assert_true(fabsf(p[0] + p[1] - 1) < 1e-6f);
	canary_free(workspace);
	head_free(head);
}

static void a_row_is_predicted_alike_alone_and_among_others(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(33, 5000, 7, 1.0, 17);
	struct head *head = flat_head(5000, 7);
	float *all = canary_new(33 * 7), one[7];
	struct rng rng;

	(void)state;
	(void)err;
	rng_seed(&rng, 3, "test.weights", 0);
	for (size_t j = 0; j < 5001 * 7; j++)
		head->owned[j] = (float)(0.02 * rng_normal(&rng));
	head_predict_rows(head, 33, data.rows, all, 2);
	canary_check(all, 33 * 7);
	for (size_t i = 0; i < 33; i++) {
		head_predict_rows(head, 1, data.rows + i * 5000, one, 1);
		assert_memory_equal(one, all + i * 7, sizeof(one));
	}
	canary_free(all);
	head_free(head);
	head_data_free(&data);
}

static void a_head_saved_as_tensors_and_mapped_predicts_the_same(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "head.safetensors");
	struct head_data data = draw_data(9, 32, 3, 1.0, 18);
	struct head *head = flat_head(32, 3), *mapped;
	struct tensor tensors[HEAD_TENSORS];
	struct tensor_file *file;
	float a[27], b[27];

	(void)state;
	for (size_t j = 0; j < 33 * 3; j++)
		head->owned[j] = (float)j / 50 - 1;
	assert_int_equal(head_tensors(head, tensors), 2);
	assert_ok(tensors_save(path, tensors, 2, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_refused(head_from_tensors(&mapped, file, (struct map_shape){1, 1, 31}, 0, &err), ERR_DATA, "dense/kernel");
	assert_ok(head_from_tensors(&mapped, file, (struct map_shape){1, 1, 32}, 0, &err));
	head_predict_rows(head, 9, data.rows, a, 1);
	head_predict_rows(mapped, 9, data.rows, b, 1);
	assert_memory_equal(a, b, sizeof(a));
	head_free(mapped);
	tensors_unmap(file);
	head_free(head);
	head_data_free(&data);
	scratch_remove(folder);
}

/* Logits are the noisy features themselves, stretched: how sure the head is, is then known. */
static struct head_epoch judge_stretched(const struct head_data *data, float stretch)
{
	struct err err = {0};
	struct head *head = flat_head(data->inputs, data->classes);
	float weights[] = {1, 1, 1};
	struct head_judge judge = {.class_weight = weights, .threads = 1};
	struct head_epoch epoch = {.epoch = 1};

	for (size_t j = 0; j < 9; j++)
		head->owned[j * 3 + j % 3] = stretch;
	assert_ok(head_judge_new(&judge, data, &err));
	assert_ok(head_validate(head, data, &judge, &epoch, &err));
	head_judge_free(&judge);
	head_free(head);
	return epoch;
}

static void a_head_ten_times_too_sure_is_cooled_ten_times_as_much(void **state)
{
	struct head_data data = draw_data(500, 9, 3, 0.7, 21);
	struct head_epoch plain = judge_stretched(&data, 0.5f), sure = judge_stretched(&data, 5.0f);

	(void)state;
	/* For unit noise and means 0.7 apart the true logits are 0.7 times the features. */
	assert_true(fabs(plain.temperature - 0.5 / 0.7) < 0.12);
	assert_true(fabs(sure.temperature / plain.temperature - 10) < 0.01);
	assert_true(fabs(sure.validation_calibrated - plain.validation_calibrated) < 1e-5);
	assert_true(sure.validation_loss > 2 * sure.validation_calibrated);
	assert_true(plain.validation_calibrated <= plain.validation_loss);
	assert_true(sure.validation_accuracy == plain.validation_accuracy);
	head_data_free(&data);
}

static void a_head_a_hundred_times_too_unsure_is_sharpened_without_a_limit(void **state)
{
	struct head_data data = draw_data(500, 9, 3, 0.7, 21);
	struct head_epoch plain = judge_stretched(&data, 0.5f), faint = judge_stretched(&data, 0.005f);

	(void)state;
	assert_true(fabs(plain.temperature / faint.temperature - 100) < 1);
	assert_true(fabs(faint.validation_calibrated - plain.validation_calibrated) < 1e-3);
	head_data_free(&data);
}

/* Nobody wrong: −ln of Platt's target (n + 1) / (n + 2) is the least that the mean loss can be asked to reach. */
static void no_error_among_few_examples_asks_for_as_much_confidence_as_their_number_bears(void **state)
{
	struct head_data few = draw_data(12, 9, 3, 40, 5), many = draw_data(300, 9, 3, 40, 5);
	struct head_epoch a = judge_stretched(&few, 1), b = judge_stretched(&many, 1);

	(void)state;
	assert_true(a.validation_accuracy == 1 && b.validation_accuracy == 1);
	assert_true(a.validation_calibrated > 0.05 && a.validation_calibrated < 0.3);
	assert_true(b.validation_calibrated > 0.002 && b.validation_calibrated < 0.02);
	head_data_free(&few);
	head_data_free(&many);
}

static void without_examples_the_temperature_is_one(void **state)
{
	struct err err = {0};
	struct head *head = flat_head(4, 3);
	struct head_data none = {.inputs = 4, .classes = 3};
	struct head_judge judge = {0};
	struct head_epoch epoch = {0};

	(void)state;
	assert_ok(head_validate(head, &none, &judge, &epoch, &err));
	assert_true(epoch.temperature == 1 && isnan(epoch.validation_calibrated) && isnan(epoch.validation_balanced));
	head_free(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prediction_averages_then_flattens_row_column_channel),
	    cmocka_unit_test(a_row_is_predicted_alike_alone_and_among_others),
	    cmocka_unit_test(a_head_saved_as_tensors_and_mapped_predicts_the_same),
	    cmocka_unit_test(a_head_ten_times_too_sure_is_cooled_ten_times_as_much),
	    cmocka_unit_test(a_head_a_hundred_times_too_unsure_is_sharpened_without_a_limit),
	    cmocka_unit_test(no_error_among_few_examples_asks_for_as_much_confidence_as_their_number_bears),
	    cmocka_unit_test(without_examples_the_temperature_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
