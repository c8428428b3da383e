/* Training of the last layers: PyTorch's ten steps, central differences, threads. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

enum { N = 5, STEPS = 10, HEIGHT = 9, WIDTH = 7, IN = 3, CLASSES = 3, ARRAYS = 6 };

struct example {
	struct network network;
	struct head *head;
	float *maps, *arrays[ARRAYS];
	size_t counts[ARRAYS];
	int32_t labels[N];
	struct tuner *tuner;
};

/* As tests/golden/tune_torch.py draws them. */
static void wave(float *to, size_t count, int which, double scale)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (float)(sin((double)i * (0.37 + 0.11 * which) + which) * scale);
}

static void layer_make(struct layer *layer, size_t in, size_t out, int which, double scale)
{
	struct err err = {0};
	float *kernel = canary_new(9 * in * out), *bias = canary_new(out);
	*layer =
	    (struct layer){.name = "tiny", .kernel_name = "tiny/kernel", .bias_name = "tiny/bias", .in = in, .out = out};
	wave(kernel, 9 * in * out, which, scale);
	wave(bias, out, which + 1, 0.1);
	assert_ok(layer_set(layer, kernel, bias, &err));
	canary_free(kernel);
	canary_free(bias);
}

static void example_new(struct example *e, int threads)
{
	struct err err = {0};
	*e = (struct example){.network = {.count = 3}, .maps = canary_new(N * HEIGHT * WIDTH * IN)};
	layer_make(&e->network.layers[0], IN, 4, 0, 0.4);
	layer_make(&e->network.layers[1], 4, 6, 2, 0.3);
	e->network.layers[2] = (struct layer){.name = "pool", .kind = LAYER_POOL, .in = 6, .out = 6};
	assert_ok(head_new(&e->head, (struct map_shape){HEIGHT / 2, WIDTH / 2, 6}, 2, 0, CLASSES, &err));
	assert_int_equal(e->head->inputs, 12);
	wave(e->head->owned, 12 * CLASSES, 4, 0.5);
	wave(e->head->owned + 12 * CLASSES, CLASSES, 5, 0.1);
	wave(e->maps, N * HEIGHT * WIDTH * IN, 9, 1);
	for (int i = 0; i < N; i++)
		e->labels[i] = i * 2 % CLASSES;
	for (size_t i = 0; i < 2; i++) {
		size_t kernel = layer_kernel_count(&e->network.layers[i]);
		e->arrays[2 * i] = e->network.layers[i].owned, e->counts[2 * i] = kernel;
		e->arrays[2 * i + 1] = e->network.layers[i].owned + kernel, e->counts[2 * i + 1] = e->network.layers[i].out;
	}
	e->arrays[4] = e->head->owned, e->counts[4] = 12 * CLASSES;
	e->arrays[5] = e->head->owned + 12 * CLASSES, e->counts[5] = CLASSES;
	struct tuner_options options = {.map = {HEIGHT, WIDTH, IN}, .batch = N, .threads = threads};
	assert_ok(tuner_new(&e->tuner, &e->network, e->head, &options, &err));
}

static void example_free(struct example *e)
{
	tuner_free(e->tuner);
	for (size_t i = 0; i < e->network.count; i++)
		free(e->network.layers[i].owned);
	head_free(e->head);
	canary_free(e->maps);
}

/* The next line of the golden file against every `step`th value. */
static void hold_to_line(FILE *golden, const char *name, const float *values, size_t count, double tolerance)
{
	char word[64];
	assert_int_equal(fscanf(golden, "%63s", word), 1);
	assert_string_equal(word, name);
	for (size_t i = 0; i < count; i += 5) {
		double want;
		assert_int_equal(fscanf(golden, "%lf", &want), 1);
		if (fabs((double)values[i] - want) > tolerance * (fabs(want) + 0.01))
			fail_msg("%s: value %zu is %.8g, PyTorch has %.8g", name, i, (double)values[i], want);
	}
}

static void ten_steps_are_those_of_pytorch(void **state)
{
	(void)state;
	struct err err = {0};
	struct example e;
	float losses[STEPS * 5] = {0}, *first[ARRAYS];
	char name[32];
	example_new(&e, 2);
	for (size_t step = 0; step < STEPS; step++) {
		double loss;
		assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &loss, &err));
		losses[step * 5] = (float)loss;
		for (size_t i = 0; step == 0 && i < ARRAYS; i++) {
			first[i] = canary_new(e.counts[i]);
			memcpy(first[i], tuner_gradient_of(e.tuner, e.arrays[i]), e.counts[i] * sizeof(float));
		}
		tuner_step(e.tuner, 0.01);
	}
	assert_true(losses[(STEPS - 1) * 5] < losses[0]);
	FILE *golden = fopen("tests/golden/tune_torch.txt", "r");
	assert_non_null(golden);
	hold_to_line(golden, "losses", losses, ARRAY_COUNT(losses), 1e-4);
	for (size_t i = 0; i < ARRAYS; i++) {
		snprintf(name, sizeof name, "gradient%zu", i);
		hold_to_line(golden, name, first[i], e.counts[i], 1e-4);
		canary_free(first[i]);
	}
	for (size_t i = 0; i < ARRAYS; i++) {
		snprintf(name, sizeof name, "weights%zu", i);
		hold_to_line(golden, name, e.arrays[i], e.counts[i], 1e-3);
	}
	fclose(golden);
	example_free(&e);
}

static void threads_do_not_change_a_bit_of_the_training(void **state)
{
	(void)state;
	struct err err = {0};
	struct example one, many;
	double loss, same;
	example_new(&one, 1);
	example_new(&many, 3);
	for (size_t step = 0; step < 3; step++) {
		assert_ok(tuner_gradient(one.tuner, N - 1, one.maps, one.labels, &loss, &err));
		assert_ok(tuner_gradient(many.tuner, N - 1, many.maps, many.labels, &same, &err));
		assert_true(loss == same);
		tuner_step(one.tuner, 0.01);
		tuner_step(many.tuner, 0.01);
	}
	for (size_t i = 0; i < ARRAYS; i++)
		assert_memory_equal(one.arrays[i], many.arrays[i], one.counts[i] * sizeof(float));
	example_free(&one);
	example_free(&many);
}

/* Channels in blocks of 16 go forward by Winograd: the loss is that of the reference, before and after a step. */
static void layers_of_blocks_have_the_loss_of_the_reference(void **state)
{
	(void)state;
	enum { n = 3, side = 6, channels = 16 };
	struct err err = {0};
	struct network network = {.count = 2};
	struct head *head;
	struct tuner *tuner;
	float maps[n * side * side * channels], rows[n * 3 * 3 * channels], scores[n * CLASSES];
	float *map = canary_new(n * side * side * channels);
	const int32_t labels[n] = {0, 2, 1};
	layer_make(&network.layers[0], channels, channels, 6, 0.2);
	network.layers[1] = (struct layer){.name = "pool", .kind = LAYER_POOL, .in = channels, .out = channels};
	assert_ok(head_new(&head, (struct map_shape){3, 3, channels}, 1, 0, CLASSES, &err));
	wave(head->owned, head->inputs * CLASSES, 4, 0.3);
	wave(maps, ARRAY_COUNT(maps), 9, 1);
	struct tuner_options options = {.map = {side, side, channels}, .batch = 4, .threads = 2};
	assert_ok(tuner_new(&tuner, &network, head, &options, &err));
	for (int step = 0; step < 3; step++) {
		double loss, want = 0;
		struct conv conv = {.n = n,
		                    .height = side,
		                    .width = side,
		                    .in = channels,
		                    .out = channels,
		                    .size = 3,
		                    .relu = true,
		                    .input = maps,
		                    .kernel = network.layers[0].kernel,
		                    .bias = network.layers[0].bias,
		                    .output = map};
		conv_ref(&conv);
		pool_max2(n, side, side, channels, map, rows, 1);
		head_predict_rows(head, n, rows, scores, 1);
		for (int i = 0; i < n; i++)
			want -= log((double)scores[i * CLASSES + labels[i]]) / n;
		assert_ok(tuner_gradient(tuner, n, maps, labels, &loss, &err));
		assert_float_equal(loss, want, 1e-5);
		tuner_step(tuner, 0.01);
	}
	tuner_free(tuner);
	head_free(head);
	free(network.layers[0].owned);
	canary_free(map);
}

/* v ← μ v − rate · f g, w ← w + v with f = c / |g| where the norm of all gradients is above c. */
static void sgd_with_momentum_and_clipping_follows_its_formula(void **state)
{
	(void)state;
	enum { MOST = 9 * 4 * 6 };
	struct err err = {0};
	struct example e;
	double loss, clip = 0.05, rate = 0.1, momentum = 0.7;
	static double want[ARRAYS][MOST], velocity[ARRAYS][MOST];
	example_new(&e, 2);
	tuner_free(e.tuner);
	struct tuner_options options = {.map = {HEIGHT, WIDTH, IN}, .batch = N, .threads = 2, .optimizer = OPTIMIZER_SGD,
	                                .momentum = momentum, .clip = clip};
	assert_ok(tuner_new(&e.tuner, &e.network, e.head, &options, &err));
	for (size_t step = 0; step < 3; step++) {
		double norm = 0;
		assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &loss, &err));
		for (size_t a = 0; a < ARRAYS; a++)
			for (size_t i = 0; i < e.counts[a]; i++)
				norm += pow((double)tuner_gradient_of(e.tuner, e.arrays[a])[i], 2);
		norm = sqrt(norm);
		assert_true(norm > clip);
		for (size_t a = 0; a < ARRAYS; a++)
			for (size_t i = 0; i < e.counts[a]; i++) {
				double g = (double)tuner_gradient_of(e.tuner, e.arrays[a])[i] * clip / norm;
				velocity[a][i] = momentum * velocity[a][i] - rate * g;
				want[a][i] = (double)e.arrays[a][i] + velocity[a][i];
			}
		assert_float_equal(tuner_step(e.tuner, rate), norm, 1e-6 * norm);
		for (size_t a = 0; a < ARRAYS; a++)
			for (size_t i = 0; i < e.counts[a]; i++)
				assert_float_equal(e.arrays[a][i], want[a][i], 1e-6);
	}
	example_free(&e);
}

/* Smoothed labels and class weights: ∂L/∂b of the head is Σ w (p − q) / n, held to central differences. */
static void weighted_and_smoothed_losses_have_the_gradient_of_central_differences(void **state)
{
	(void)state;
	struct err err = {0};
	struct example e;
	const float weights[CLASSES] = {0.5f, 2, 1.25f};
	double loss, up, down;
	example_new(&e, 1);
	tuner_free(e.tuner);
	struct tuner_options options = {
	    .map = {HEIGHT, WIDTH, IN}, .batch = N, .threads = 1, .smoothing = 0.2, .class_weight = weights};
	assert_ok(tuner_new(&e.tuner, &e.network, e.head, &options, &err));
	assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &loss, &err));
	assert_true(tuner_correct(e.tuner) <= N);
	for (size_t a = 4; a < ARRAYS; a++) { /* the head: its loss has no kinks */
		for (size_t i = 0; i < e.counts[a]; i++) {
			float *value = &e.arrays[a][i], kept = *value, step = 3e-3f;
			assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &loss, &err));
			double gradient = (double)tuner_gradient_of(e.tuner, e.arrays[a])[i];
			*value = kept + step;
			assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &up, &err));
			*value = kept - step;
			assert_ok(tuner_gradient(e.tuner, N, e.maps, e.labels, &down, &err));
			*value = kept;
			assert_float_equal(gradient, (up - down) / (2 * (double)step), 2e-4 + 0.002 * fabs(gradient));
		}
	}
	example_free(&e);
}

static void what_cannot_be_trained_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct example e;
	struct tuner *tuner;
	double loss;
	example_new(&e, 1);
	struct tuner_options options = {.map = {HEIGHT + 2, WIDTH, IN}, .batch = 1, .threads = 1};
	assert_refused(tuner_new(&tuner, &e.network, e.head, &options, &err), ERR_SETTINGS, "head");
	options.map = (struct map_shape){1, 1, IN};
	assert_refused(tuner_new(&tuner, &e.network, e.head, &options, &err), ERR_SETTINGS, "pool would have no output");
	float *owned = e.network.layers[1].owned;
	e.network.layers[1].owned = NULL;
	options.map = (struct map_shape){HEIGHT, WIDTH, IN};
	assert_refused(tuner_new(&tuner, &e.network, e.head, &options, &err), ERR_SETTINGS, "tiny: borrowed");
	e.network.layers[1].owned = owned;
	e.maps[0] = NAN;
	e.head->owned[0] = INFINITY;
	assert_refused(tuner_gradient(e.tuner, N, e.maps, e.labels, &loss, &err), ERR_NUMERIC, "step 1: the loss is");
	assert_null(tuner_gradient_of(e.tuner, e.maps));
	tuner_free(NULL);
	example_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_steps_are_those_of_pytorch),
	    cmocka_unit_test(threads_do_not_change_a_bit_of_the_training),
	    cmocka_unit_test(layers_of_blocks_have_the_loss_of_the_reference),
	    cmocka_unit_test(sgd_with_momentum_and_clipping_follows_its_formula),
	    cmocka_unit_test(weighted_and_smoothed_losses_have_the_gradient_of_central_differences),
	    cmocka_unit_test(what_cannot_be_trained_is_refused),
	};
	return cmocka_run_group_tests_name("tune", tests, NULL, NULL);
}
