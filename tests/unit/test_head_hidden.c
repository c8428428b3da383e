/* A head with a hidden layer: PyTorch's steps, central differences with dropout, what is dropped, threads, files. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/tune_internal.h"

enum { N = 6, INPUTS = 10, HIDDEN = 5, CLASSES = 3, STEPS = 10, TOP = (HIDDEN + 1) * CLASSES };

/* As tests/golden/hidden_torch.py draws them. */
static void wave(float *to, size_t count, int which, double scale)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (float)(sin((double)i * (0.37 + 0.11 * which) + which) * scale);
}

static int32_t labels[N] = {0, 2, 1, 0, 2, 1};
static const size_t all[N] = {0, 1, 2, 3, 4, 5};

/* The next line of the golden file. */
static void hold_to_line(FILE *golden, const char *name, const float *values, size_t count, double tolerance)
{
	char word[64];
	double want;

	assert_int_equal(fscanf(golden, "%63s", word), 1);
	assert_string_equal(word, name);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fscanf(golden, "%lf", &want), 1);
		if (fabs((double)values[i] - want) > tolerance * (fabs(want) + 0.01))
			fail_msg("%s: value %zu is %.8g, PyTorch has %.8g", name, i, (double)values[i], want);
	}
}

/* ---- the head alone ---- */

struct alone {
	float rows[N * INPUTS];
	struct head_data data;
	struct head_trainer *trainer;
};

static void alone_new(struct alone *a, double dropout, double smoothing)
{
	struct err err = {0};
	struct head_training training = {.epochs = 1,
	                                 .batch = N,
	                                 .learning_rate = 0.01,
	                                 .l2 = 0.01,
	                                 .dropout = dropout,
	                                 .smoothing = smoothing,
	                                 .seed = 4,
	                                 .threads = 1};

	wave(a->rows, N * INPUTS, 9, 1);
	a->data = (struct head_data){.n = N, .inputs = INPUTS, .classes = CLASSES, .rows = a->rows, .labels = labels};
	assert_ok(head_trainer_new(&a->trainer, &a->data, HIDDEN, &training, &err));
	wave(a->trainer->kernel, INPUTS * HIDDEN, 0, 0.4);
	wave(a->trainer->bias, HIDDEN, 1, 0.1);
	wave(a->trainer->top, HIDDEN * CLASSES, 2, 0.5);
	wave(a->trainer->top + HIDDEN * CLASSES, CLASSES, 3, 0.1);
}

static void ten_steps_of_the_head_are_those_of_pytorch(void **state)
{
	struct err err = {0};
	struct alone a;
	struct head_loss loss;
	float losses[STEPS], kernel[INPUTS * HIDDEN], bias[HIDDEN], top[TOP];
	FILE *golden = fopen("tests/golden/hidden_torch.txt", "r");

	(void)state;
	assert_non_null(golden);
	alone_new(&a, 0, 0);
	for (size_t step = 0; step < STEPS; step++) {
		assert_ok(head_trainer_gradient(a.trainer, all, N, &loss, &err));
		losses[step] = (float)loss.loss;
		if (step == 0) {
			memcpy(kernel, a.trainer->kernel_gradient, sizeof(kernel));
			memcpy(bias, a.trainer->bias_gradient, sizeof(bias));
			memcpy(top, a.trainer->top_gradient, sizeof(top));
		}
		assert_ok(head_trainer_step(a.trainer, &err));
	}
	hold_to_line(golden, "alone_losses", losses, STEPS, 1e-5);
	hold_to_line(golden, "alone_gradient0", kernel, INPUTS * HIDDEN, 1e-4);
	hold_to_line(golden, "alone_gradient1", bias, HIDDEN, 1e-4);
	hold_to_line(golden, "alone_gradient2", top, HIDDEN * CLASSES, 1e-4);
	hold_to_line(golden, "alone_gradient3", top + HIDDEN * CLASSES, CLASSES, 1e-4);
	hold_to_line(golden, "alone_weights0", a.trainer->kernel, INPUTS * HIDDEN, 1e-3);
	hold_to_line(golden, "alone_weights1", a.trainer->bias, HIDDEN, 1e-3);
	hold_to_line(golden, "alone_weights2", a.trainer->top, HIDDEN * CLASSES, 1e-3);
	hold_to_line(golden, "alone_weights3", a.trainer->top + HIDDEN * CLASSES, CLASSES, 1e-3);
	head_trainer_free(a.trainer);
	fclose(golden);
}

static void slopes_are_the_gradient(struct alone *a, float *values, const float *gradient, size_t count)
{
	struct err err = {0};
	struct head_loss loss, up, down;
	float kept[64];

	assert_true(count <= ARRAY_COUNT(kept));
	assert_ok(head_trainer_gradient(a->trainer, all, N, &loss, &err));
	memcpy(kept, gradient, count * sizeof(*kept));
	for (size_t i = 0; i < count; i++) {
		float keep = values[i];
		double slope;

		values[i] = keep + 1e-3f;
		assert_ok(head_trainer_gradient(a->trainer, all, N, &up, &err));
		values[i] = keep - 1e-3f;
		assert_ok(head_trainer_gradient(a->trainer, all, N, &down, &err));
		values[i] = keep;
		slope = (up.loss - down.loss) / 2e-3;
		if (fabs(slope - (double)kept[i]) > 2e-3 * (fabs(slope) + 0.05))
			fail_msg("number %zu: gradient %g, difference %g", i, (double)kept[i], slope);
	}
}

static void with_dropout_the_gradient_is_the_central_difference_of_the_loss(void **state)
{
	struct alone a;
	double full;
	struct err err = {0};
	struct head_loss loss;

	(void)state;
	alone_new(&a, 0.4, 0.1);
	assert_ok(head_trainer_gradient(a.trainer, all, N, &loss, &err));
	full = loss.loss;
	a.trainer->epoch = 3;
	assert_ok(head_trainer_gradient(a.trainer, all, N, &loss, &err));
	assert_true(fabs(full - loss.loss) > 1e-4); /* something is dropped */
	slopes_are_the_gradient(&a, a.trainer->kernel, a.trainer->kernel_gradient, INPUTS * HIDDEN);
	slopes_are_the_gradient(&a, a.trainer->bias, a.trainer->bias_gradient, HIDDEN);
	slopes_are_the_gradient(&a, a.trainer->top, a.trainer->top_gradient, TOP);
	head_trainer_free(a.trainer);
}

static void what_is_dropped_follows_from_seed_epoch_and_picture(void **state)
{
	enum { UNITS = 2000 };
	struct head_dropout dropout = {0.3, 7, 2}, other = dropout;
	float one[UNITS], two[UNITS], x[UNITS];
	size_t left = 0;

	(void)state;
	for (size_t k = 0; k < UNITS; k++)
		x[k] = 1;
#define DROPPED(to, how, picture) (memcpy(to, x, sizeof(x)), head_drop(&(how), picture, UNITS, to))
	DROPPED(one, dropout, 5);
	for (size_t k = 0; k < UNITS; k++) {
		assert_true(one[k] == 0 || one[k] == (float)(1 / 0.7));
		left += one[k] > 0;
	}
	assert_true(left > UNITS * 0.66 && left < UNITS * 0.74);
	DROPPED(two, dropout, 5);
	assert_memory_equal(one, two, sizeof(one));
	DROPPED(two, dropout, 6);
	assert_memory_not_equal(one, two, sizeof(one));
	other.epoch = 3;
	DROPPED(two, other, 5);
	assert_memory_not_equal(one, two, sizeof(one));
	other = (struct head_dropout){0.3, 8, 2};
	DROPPED(two, other, 5);
	assert_memory_not_equal(one, two, sizeof(one));
#undef DROPPED
}

/* ---- behind a convolution ---- */

struct behind {
	struct network network;
	struct head *head;
	struct tuner *tuner;
	float maps[N * 4 * 4 * 3], *arrays[6];
	size_t counts[6];
};

static void behind_new(struct behind *b, double dropout)
{
	struct err err = {0};
	float kernel[9 * 3 * 4], bias[4];
	struct tuner_options options = {.map = {4, 4, 3}, .batch = N, .dropout = dropout, .seed = 4, .threads = 2};

	*b = (struct behind){.network = {.count = 2}};
	b->network.layers[0] =
	    (struct layer){.name = "tiny", .kernel_name = "tiny/kernel", .bias_name = "tiny/bias", .in = 3, .out = 4};
	b->network.layers[1] = (struct layer){.name = "pool", .kind = LAYER_POOL, .in = 4, .out = 4};
	wave(kernel, ARRAY_COUNT(kernel), 4, 0.4);
	wave(bias, ARRAY_COUNT(bias), 5, 0.1);
	wave(b->maps, ARRAY_COUNT(b->maps), 9, 1);
	assert_ok(layer_set(&b->network.layers[0], kernel, bias, &err));
	assert_ok(head_new(&b->head, (struct map_shape){2, 2, 4}, 0, HIDDEN, CLASSES, &err));
	b->counts[0] = 16 * HIDDEN, b->counts[1] = HIDDEN, b->counts[2] = HIDDEN * CLASSES, b->counts[3] = CLASSES;
	b->arrays[0] = b->head->owned;
	for (int i = 0; i < 4; i++) {
		wave(b->arrays[i], b->counts[i], i, (double[]){0.4, 0.1, 0.5, 0.1}[i]);
		b->arrays[i + 1] = b->arrays[i] + b->counts[i];
	}
	b->arrays[4] = b->network.layers[0].owned, b->counts[4] = ARRAY_COUNT(kernel);
	b->arrays[5] = b->arrays[4] + b->counts[4], b->counts[5] = 4;
	assert_ok(tuner_new(&b->tuner, &b->network, b->head, &options, &err));
}

static void behind_free(struct behind *b)
{
	tuner_free(b->tuner);
	free(b->network.layers[0].owned);
	head_free(b->head);
}

static void ten_steps_with_a_layer_below_are_those_of_pytorch(void **state)
{
	struct err err = {0};
	struct behind b;
	float losses[STEPS], first[6][128];
	double loss;
	char name[32], word[32];
	FILE *golden = fopen("tests/golden/hidden_torch.txt", "r");

	(void)state;
	assert_non_null(golden);
	behind_new(&b, 0);
	for (size_t step = 0; step < STEPS; step++) {
		assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &loss, &err));
		losses[step] = (float)loss;
		for (size_t i = 0; step == 0 && i < 6; i++)
			memcpy(first[i], tuner_gradient_of(b.tuner, b.arrays[i]), b.counts[i] * sizeof(float));
		tuner_step(b.tuner, 0.01);
	}
	for (int line = 0; line < 9; line++) /* those of the head alone */
		assert_true(fscanf(golden, "%31s%*[^\n]", word) == 1);
	hold_to_line(golden, "behind_losses", losses, STEPS, 1e-4);
	for (size_t i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "behind_gradient%zu", i);
		hold_to_line(golden, name, first[i], b.counts[i], 1e-4);
	}
	for (size_t i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "behind_weights%zu", i);
		hold_to_line(golden, name, b.arrays[i], b.counts[i], 1e-3);
	}
	fclose(golden);
	behind_free(&b);
}

static void with_a_layer_below_dropout_is_the_trainers(void **state)
{
	static const size_t pictures[N] = {9, 8, 7, 3, 2, 1};
	struct err err = {0};
	struct behind b;
	double full, loss, up, down;

	(void)state;
	behind_new(&b, 0.4);
	assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &full, &err));
	tuner_drop(b.tuner, 2, pictures);
	assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &loss, &err));
	assert_true(fabs(full - loss) > 1e-4);
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < b.counts[i]; k += 3) {
			float keep = b.arrays[i][k];
			double slope, gradient;

			assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &loss, &err));
			gradient = (double)tuner_gradient_of(b.tuner, b.arrays[i])[k];
			b.arrays[i][k] = keep + 3e-4f;
			assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &up, &err));
			b.arrays[i][k] = keep - 3e-4f;
			assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &down, &err));
			b.arrays[i][k] = keep;
			slope = (up - down) / 6e-4;
			if (fabs(slope - gradient) > 3e-3 * (fabs(slope) + 0.2))
				fail_msg("array %zu, number %zu: gradient %g, difference %g", i, k, gradient, slope);
		}
	}
	tuner_drop(b.tuner, 2, NULL);
	assert_ok(tuner_gradient(b.tuner, N, b.maps, labels, &loss, &err));
	assert_true(loss == full);
	behind_free(&b);
}

/* ---- the whole training ---- */

/* Two classes that no line divides: the sign of x · y. */
static struct head_data crossed(size_t n, uint64_t seed)
{
	struct err err = {0};
	struct head_data data = {.n = n, .inputs = 2, .classes = 2};
	struct rng rng;

	data.rows = mem_alloc(n * 2, sizeof(float), &err);
	data.labels = mem_alloc(n, sizeof(int32_t), &err);
	assert_non_null(data.labels);
	rng_seed(&rng, seed, "test.crossed", 0);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < 2; j++)
			data.rows[2 * i + j] = (float)(rng_normal(&rng) + (rng_below(&rng, 2) ? 2 : -2));
		data.labels[i] = data.rows[2 * i] * data.rows[2 * i + 1] > 0;
	}
	return data;
}

static double share_right(const struct head *head, const struct head_data *data)
{
	size_t right = 0;
	float p[2];

	for (size_t i = 0; i < data->n; i++) {
		head_predict_rows(head, 1, data->rows + 2 * i, p, 1);
		right += (p[1] > p[0]) == data->labels[i];
	}
	return (double)right / (double)data->n;
}

static void it_learns_what_no_single_layer_can_and_alike_on_any_number_of_threads(void **state)
{
	struct err err = {0};
	struct head_data train = crossed(400, 1), validation = crossed(100, 2), test = crossed(400, 3);
	float kept[3 * 32 + 33 * 2];
	double plain = 0, hidden = 0;

	(void)state;
	for (int run = 0; run < 4; run++) {
		struct head_training training = {.epochs = 60,
		                                 .batch = 16,
		                                 .learning_rate = 1e-2,
		                                 .dropout = run ? 0.2 : 0,
		                                 .patience = 99,
		                                 .standardise = true,
		                                 .seed = 7,
		                                 .threads = run < 2 ? 1 : run};
		struct head_outcome outcome;
		struct head *head;

		assert_ok(head_new(&head, (struct map_shape){1, 1, 2}, 0, run ? 32 : 0, 2, &err));
		assert_ok(head_train(head, &train, &validation, &training, &outcome, &err));
		if (run == 0)
			plain = share_right(head, &test);
		if (run == 1) {
			hidden = share_right(head, &test);
			memcpy(kept, head->owned, sizeof(kept));
		}
		if (run > 1)
			assert_memory_equal(kept, head->owned, sizeof(kept));
		assert_int_equal(head_parameters(head), run ? 3 * 32 + 33 * 2 : 6);
		head_free(head);
	}
	assert_true(plain < 0.65 && hidden > 0.95);
	head_data_free(&train);
	head_data_free(&validation);
	head_data_free(&test);
}

static void dropout_without_a_hidden_layer_is_refused(void **state)
{
	struct err err = {0};
	struct head_data data = crossed(20, 1);
	struct head_training training = {
	    .epochs = 1, .batch = 4, .learning_rate = 0.1, .dropout = 0.5, .seed = 1, .threads = 1};
	struct head_outcome outcome;
	struct head *head;

	(void)state;
	assert_ok(head_new(&head, (struct map_shape){1, 1, 2}, 0, 0, 2, &err));
	assert_refused(head_train(head, &data, NULL, &training, &outcome, &err), ERR_SETTINGS, "set emotion.hidden");
	head_free(head);
	assert_refused(head_new(&head, (struct map_shape){1, 1, 2}, 0, HEAD_MAX_HIDDEN + 1, 2, &err), ERR_SETTINGS,
	               "emotion.hidden");
	head_data_free(&data);
}

/* ---- files ---- */

static void a_hidden_head_mapped_from_tensors_predicts_the_same(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "head.safetensors");
	struct tensor tensors[HEAD_TENSORS];
	struct tensor_file *file;
	struct head *head, *mapped;
	float rows[N * INPUTS], a[N * CLASSES], b[N * CLASSES];

	(void)state;
	wave(rows, N * INPUTS, 9, 1);
	assert_ok(head_new(&head, (struct map_shape){1, 1, INPUTS}, 0, HIDDEN, CLASSES, &err));
	wave(head->owned, head_parameters(head), 2, 0.7);
	for (size_t i = 0; i < N; i++) { /* by the formula */
		double units[HIDDEN];

		for (size_t k = 0; k < HIDDEN; k++) {
			units[k] = (double)head->hidden_bias[k];
			for (size_t j = 0; j < INPUTS; j++)
				units[k] += (double)rows[i * INPUTS + j] * (double)head->hidden_kernel[j * HIDDEN + k];
		}
		for (size_t c = 0; c < CLASSES; c++) {
			double logit = (double)head->bias[c];
			for (size_t k = 0; k < HIDDEN; k++)
				logit += fmax(0, units[k]) * (double)head->kernel[k * CLASSES + c];
			a[i * CLASSES + c] = (float)logit;
		}
	}
	softmax_rows(N, CLASSES, a);
	head_predict_rows(head, N, rows, b, 2);
	assert_close(b, a, N * CLASSES, 1e-5, 1e-6);
	assert_int_equal(head_tensors(head, tensors), 4);
	assert_ok(tensors_save(path, tensors, 4, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_refused(head_from_tensors(&mapped, file, (struct map_shape){1, 1, INPUTS + 1}, 0, &err), ERR_DATA,
	               "hidden/kernel");
	assert_ok(head_from_tensors(&mapped, file, (struct map_shape){1, 1, INPUTS}, 0, &err));
	head_predict_rows(mapped, N, rows, a, 1);
	assert_memory_equal(a, b, sizeof(a));
	head_free(mapped);
	tensors_unmap(file);
	tensors[0].dims[1] = 0;
	tensors[1].dims[0] = 0;
	assert_ok(tensors_save(path, tensors, 4, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_refused(head_from_tensors(&mapped, file, (struct map_shape){1, 1, INPUTS}, 0, &err), ERR_DATA,
	               "hidden/kernel: 0 units");
	tensors_unmap(file);
	head_free(head);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_steps_of_the_head_are_those_of_pytorch),
	    cmocka_unit_test(with_dropout_the_gradient_is_the_central_difference_of_the_loss),
	    cmocka_unit_test(what_is_dropped_follows_from_seed_epoch_and_picture),
	    cmocka_unit_test(ten_steps_with_a_layer_below_are_those_of_pytorch),
	    cmocka_unit_test(with_a_layer_below_dropout_is_the_trainers),
	    cmocka_unit_test(it_learns_what_no_single_layer_can_and_alike_on_any_number_of_threads),
	    cmocka_unit_test(dropout_without_a_hidden_layer_is_refused),
	    cmocka_unit_test(a_hidden_head_mapped_from_tensors_predicts_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
