/* The head: its gradient, its optimiser, its predictions, and that it learns what is there to learn. */
#include "head_fixture.h"

static double accuracy_of(const struct head *head, const struct head_data *data)
{
	struct err err = {0};
	float *p = mem_alloc(data->n * data->classes, sizeof(float), &err);
	size_t correct = 0;

	assert_non_null(p);
	head_predict_rows(head, data->n, data->rows, p, 2);
	for (size_t i = 0; i < data->n; i++) {
		size_t best = 0;
		for (size_t c = 1; c < data->classes; c++)
			best = p[i * data->classes + c] > p[i * data->classes + best] ? c : best;
		correct += best == (size_t)data->labels[i];
	}
	free(p);
	return (double)correct / (double)data->n;
}

/* ---- gradient and optimiser -------------------------------------------------------------------- */

/* The loss of head_step.c's heading in double, for a kernel and bias in standardised units. */
static double plain_loss(const struct head_trainer *t, const size_t *index, size_t count, const double *kernel,
                         const double *bias)
{
	double total = 0, penalty = 0;

	for (size_t i = 0; i < count; i++) {
		const float *row = t->data->rows + index[i] * t->inputs;
		size_t label = (size_t)t->data->labels[index[i]];
		double logit[8] = {0}, sum = 0;

		for (size_t c = 0; c < t->classes; c++) {
			logit[c] = bias[c];
			for (size_t j = 0; j < t->inputs; j++)
				logit[c] += ((double)row[j] - (double)t->mean[j]) * (double)t->scale[j] * kernel[j * t->classes + c];
			sum += exp(logit[c]);
		}
		double loss = 0, nll = log(sum) - logit[label];
		for (size_t c = 0; c < t->classes; c++)
			loss += (t->smoothing / (double)t->classes + (c == label ? 1 - t->smoothing : 0)) * (log(sum) - logit[c]);
		if (t->focal > 0)
			loss = pow(1 - exp(-nll), t->focal) * nll;
		total += (double)t->class_weight[label] * loss;
	}
	for (size_t j = 0; j < t->inputs * t->classes; j++)
		penalty += kernel[j] * kernel[j];
	return total / (double)count + t->l2 * penalty;
}

static void check_gradient(double smoothing, double focal)
{
	struct err err = {0};
	struct head_data data = draw_data(40, 2500, 3, 1.0, 3); /* three blocks of features, the last one partial */
	struct head_training training = usual();
	struct head_trainer *t;
	size_t index[16], total = data.inputs * data.classes;
	double *kernel = mem_alloc(total, sizeof(double), &err), bias[3];
	struct head_loss loss;
	struct rng rng;

	training.smoothing = smoothing;
	training.focal = focal;
	assert_ok(head_trainer_new(&t, &data, 0, &training, &err));
	rng_seed(&rng, 11, "test.weights", 0);
	for (size_t j = 0; j < total; j++)
		kernel[j] = (double)(t->kernel[j] = (float)(0.05 * rng_normal(&rng)));
	for (size_t c = 0; c < 3; c++)
		bias[c] = (double)(t->bias[c] = (float)rng_normal(&rng));
	for (size_t i = 0; i < 16; i++)
		index[i] = (i * 7) % data.n;
	assert_ok(head_trainer_gradient(t, index, 16, &loss, &err));
	assert_true(fabs(loss.loss - plain_loss(t, index, 16, kernel, bias)) < 1e-5);
	for (size_t k = 0; k < 40; k++) {
		size_t j = rng_below(&rng, total);
		double keep = kernel[j], up, down, slope;

		kernel[j] = keep + 1e-5;
		up = plain_loss(t, index, 16, kernel, bias);
		kernel[j] = keep - 1e-5;
		down = plain_loss(t, index, 16, kernel, bias);
		kernel[j] = keep;
		slope = (up - down) / 2e-5;
		if (fabs(slope - (double)t->kernel_gradient[j]) > 1e-5 + 1e-3 * fabs(slope))
			fail_msg("kernel %zu: gradient %g, difference %g", j, (double)t->kernel_gradient[j], slope);
	}
	for (size_t c = 0; c < 3; c++) {
		double keep = bias[c], up, down;

		bias[c] = keep + 1e-5;
		up = plain_loss(t, index, 16, kernel, bias);
		bias[c] = keep - 1e-5;
		down = plain_loss(t, index, 16, kernel, bias);
		bias[c] = keep;
		assert_true(fabs((up - down) / 2e-5 - (double)t->bias_gradient[c]) < 1e-5);
	}
	head_trainer_free(t);
	free(kernel);
	head_data_free(&data);
}

static void the_gradient_is_the_central_difference_of_the_loss(void **state)
{
	(void)state;
	check_gradient(0, 0);
	check_gradient(0.1, 0);
	check_gradient(0, 2);
}

static void ten_steps_follow_adam_in_keras_form(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(12, 5, 3, 1.0, 4);
	struct head_training training = usual();
	struct head_trainer *t;
	size_t index[] = {0, 1, 2, 3, 4, 5, 6, 7};
	double value[15] = {0}, moment[15] = {0}, square[15] = {0};

	(void)state;
	assert_ok(head_trainer_new(&t, &data, 0, &training, &err));
	for (int step = 1; step <= 10; step++) {
		double rate = 1e-2 * sqrt(1 - pow(.999, step)) / (1 - pow(.9, step));
		struct head_loss loss;

		assert_ok(head_trainer_gradient(t, index, 8, &loss, &err));
		for (size_t j = 0; j < 15; j++) {
			double g = (double)t->kernel_gradient[j];
			moment[j] = .9 * moment[j] + .1 * g;
			square[j] = .999 * square[j] + .001 * g * g;
			value[j] -= rate * moment[j] / (sqrt(square[j]) + 1e-7);
		}
		assert_ok(head_trainer_step(t, &err));
		for (size_t j = 0; j < 15; j++)
			assert_true(fabs(value[j] - (double)t->kernel[j]) < 1e-5);
	}
	head_trainer_free(t);
	head_data_free(&data);
}

static void folding_standardisation_changes_no_logit(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(30, 1500, 4, 1.0, 5);
	struct head_training training = usual();
	struct head_trainer *t;
	struct head *head = flat_head(1500, 4);
	float probabilities[30 * 4], expected[30 * 4];
	struct rng rng;

	(void)state;
	for (size_t i = 0; i < data.n * data.inputs; i++)
		data.rows[i] = data.rows[i] * 3 + 20;
	assert_ok(head_trainer_new(&t, &data, 0, &training, &err));
	rng_seed(&rng, 1, "test.weights", 0);
	for (size_t j = 0; j < 1500 * 4; j++)
		t->kernel[j] = (float)(0.03 * rng_normal(&rng));
	for (size_t i = 0; i < 30; i++) {
		for (size_t c = 0; c < 4; c++) {
			double logit = 0;
			for (size_t j = 0; j < 1500; j++)
				logit += ((double)data.rows[i * 1500 + j] - (double)t->mean[j]) * (double)t->scale[j] *
				         (double)t->kernel[j * 4 + c];
			expected[i * 4 + c] = (float)logit;
		}
	}
	softmax_rows(30, 4, expected);
	head_trainer_fold(t, head->owned);
	head_predict_rows(head, 30, data.rows, probabilities, 2);
	assert_close(probabilities, expected, 120, 1e-4, 1e-5);
	head_free(head);
	head_trainer_free(t);
	head_data_free(&data);
}

/* ---- training ---------------------------------------------------------------------------------------- */

static void training_gives_the_same_bytes_for_any_number_of_threads(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(200, 7000, 3, 1.0, 6), validation = draw_data(60, 7000, 3, 1.0, 7);
	struct head *heads[3];

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct head_training training = usual();
		struct head_outcome outcome;

		training.threads = k + 1;
		heads[k] = flat_head(7000, 3);
		assert_ok(head_train(heads[k], &data, &validation, &training, &outcome, &err));
		assert_memory_equal(heads[0]->owned, heads[k]->owned, 7001 * 3 * sizeof(float));
	}
	for (int k = 0; k < 3; k++)
		head_free(heads[k]);
	head_data_free(&data);
	head_data_free(&validation);
}

static void another_seed_gives_another_kernel(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(100, 20, 3, 1.0, 6);
	struct head *a = flat_head(20, 3), *b = flat_head(20, 3);
	struct head_training training = usual();
	struct head_outcome outcome;

	(void)state;
	assert_ok(head_train(a, &data, NULL, &training, &outcome, &err));
	training.seed = 8;
	assert_ok(head_train(b, &data, NULL, &training, &outcome, &err));
	assert_memory_not_equal(a->owned, b->owned, 60 * sizeof(float));
	head_free(a);
	head_free(b);
	head_data_free(&data);
}

static void it_learns_planted_classes_and_not_noise(void **state)
{
	struct err err = {0};
	struct head_data train = draw_data(600, 60, 3, 1.5, 8), test = draw_data(600, 60, 3, 1.5, 9);
	struct head_data noise = draw_data(600, 60, 3, 0.0, 10);
	struct head *head = flat_head(60, 3);
	struct head_training training = usual();
	struct head_outcome outcome;
	double got;

	(void)state;
	assert_ok(head_train(head, &train, &test, &training, &outcome, &err));
	got = accuracy_of(head, &test);
	/* Bayes' own rule reaches about .93 here. */
	if (got < 0.85)
		fail_msg("accuracy %g", got);
	got = accuracy_of(head, &noise);
	assert_true(got > 0.25 && got < 0.42);
	head_free(head);
	head_data_free(&train);
	head_data_free(&test);
	head_data_free(&noise);
}

static void shifted_and_stretched_features_give_the_same_model(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(150, 40, 3, 1.0, 12), moved = draw_data(150, 40, 3, 1.0, 12);
	struct head *a = flat_head(40, 3), *b = flat_head(40, 3);
	float pa[150 * 3], pb[150 * 3];
	struct head_training training = usual();
	struct head_outcome outcome;

	(void)state;
	for (size_t i = 0; i < moved.n * moved.inputs; i++)
		moved.rows[i] = moved.rows[i] * 8 + 4;
	assert_ok(head_train(a, &data, NULL, &training, &outcome, &err));
	assert_ok(head_train(b, &moved, NULL, &training, &outcome, &err));
	head_predict_rows(a, 150, data.rows, pa, 1);
	head_predict_rows(b, 150, moved.rows, pb, 1);
	assert_close(pb, pa, 450, 1e-2, 1e-3);
	head_free(a);
	head_free(b);
	head_data_free(&data);
	head_data_free(&moved);
}

struct seen {
	size_t calls, best;
	double lowest;
};

static int see_epoch(const struct head_epoch *epoch, void *context, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	assert_int_equal(epoch->epoch, ++seen->calls);
	if (seen->calls == 1 || epoch->validation_calibrated < seen->lowest) {
		seen->lowest = epoch->validation_calibrated;
		seen->best = epoch->epoch;
		assert_true(epoch->best);
	}
	return OK;
}

static void the_epoch_with_the_lowest_calibrated_loss_is_kept_at_its_temperature(void **state)
{
	struct err err = {0};
	/* Few examples of many noisy features: it overfits within a few epochs. */
	struct head_data train = draw_data(40, 400, 3, 0.8, 13), validation = draw_data(90, 400, 3, 0.8, 14);
	struct head *head = flat_head(400, 3);
	struct seen seen = {0};
	struct head_training training = usual();
	struct head_outcome outcome;
	float p[90 * 3], weights[3];
	double loss = 0, sum = 0;

	(void)state;
	training.epochs = 200;
	training.l2 = 0;
	training.epoch = see_epoch;
	training.context = &seen;
	assert_ok(head_train(head, &train, &validation, &training, &outcome, &err));
	assert_true(outcome.stopped_early);
	assert_int_equal(outcome.epochs, seen.calls);
	assert_int_equal(outcome.best.epoch, seen.best);
	assert_int_equal(outcome.epochs, seen.best + training.patience);
	head_predict_rows(head, 90, validation.rows, p, 1);
	assert_ok(head_class_weights(&train, true, weights, &err));
	for (size_t i = 0; i < 90; i++) {
		loss -= (double)weights[validation.labels[i]] * log((double)p[i * 3 + (size_t)validation.labels[i]]);
		sum += (double)weights[validation.labels[i]];
	}
	assert_true(fabs(loss / sum - seen.lowest) < 1e-5);
	head_free(head);
	head_data_free(&train);
	head_data_free(&validation);
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void divergence_is_an_error_with_epoch_and_step(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(64, 50, 3, 1.0, 15);
	struct head *head = flat_head(50, 3);
	struct head_training training = usual();
	struct head_outcome outcome = {.epochs = 99};

	(void)state;
	training.learning_rate = 1e4;
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_NUMERIC, "epoch 1, step 2");
	assert_int_equal(outcome.epochs, 99);
	training.learning_rate = 1e-3;
	training.standardise = false;
	data.rows[5] = NAN;
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_NUMERIC, "the loss is");
	head_free(head);
	head_data_free(&data);
}

static void what_cannot_be_trained_is_refused(void **state)
{
	struct err err = {0};
	struct head_data data = draw_data(20, 10, 3, 1.0, 16);
	struct head *head = flat_head(10, 3), *other;
	struct head_training training = usual();
	struct head_outcome outcome;

	(void)state;
	for (size_t i = 0; i < data.n; i++)
		data.labels[i] = data.labels[i] == 2 ? 0 : data.labels[i];
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_DATA, "class 2 has no training");
	data.labels[3] = 3;
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_DATA, "example 3 has label 3");
	data.labels[3] = 2;
	memset(data.rows, 0, data.n * data.inputs * sizeof(float));
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_NUMERIC, "do not vary");
	data.n = 0;
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_DATA, "no training examples");
	data.n = 20;
	err = (struct err){0};
	assert_refused(head_new(&other, (struct map_shape){4, 4, 8}, 5, 0, 3, &err), ERR_SETTINGS, "average_pool: 5");
	assert_refused(head_new(&other, (struct map_shape){4, 4, 8}, 0, 0, 1, &err), ERR_SETTINGS, "at least two classes");
	head_free(head);
	head_data_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_gradient_is_the_central_difference_of_the_loss),
	    cmocka_unit_test(ten_steps_follow_adam_in_keras_form),
	    cmocka_unit_test(folding_standardisation_changes_no_logit),
	    cmocka_unit_test(training_gives_the_same_bytes_for_any_number_of_threads),
	    cmocka_unit_test(another_seed_gives_another_kernel),
	    cmocka_unit_test(it_learns_planted_classes_and_not_noise),
	    cmocka_unit_test(shifted_and_stretched_features_give_the_same_model),
	    cmocka_unit_test(the_epoch_with_the_lowest_calibrated_loss_is_kept_at_its_temperature),
	    cmocka_unit_test(divergence_is_an_error_with_epoch_and_step),
	    cmocka_unit_test(what_cannot_be_trained_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
