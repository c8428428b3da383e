/* VGG16: its description, its initialisation, and the forward pass against the reference kernels layer by layer. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

static struct network *initialised(int cut, uint64_t seed)
{
	struct err err = {0};
	struct network *network;
	assert_ok(vgg16_new(&network, cut, &err));
	assert_ok(network_init_missing(network, seed, &err));
	return network;
}

static void parameters_shapes_and_cost_are_those_of_the_paper(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	struct map_shape map;
	static const size_t sides[] = {75, 37, 18, 9, 4}, maps[] = {64, 128, 256, 512, 512}, layers[] = {3, 6, 10, 14, 18};
	for (int cut = CUT_BLOCK1_POOL; cut <= CUT_BLOCK5_POOL; cut++) {
		assert_ok(vgg16_new(&network, cut, &err));
		assert_int_equal(network->count, layers[cut]);
		assert_int_equal(network_cut_find(network->layers[network->count - 1].name), cut);
		assert_ok(network_shape(network, 150, &map, &err));
		assert_int_equal(map.height, sides[cut]);
		assert_int_equal(map.width, sides[cut]);
		assert_int_equal(map.channels, maps[cut]);
		network_free(network);
	}
	size_t parameters = 0;
	assert_ok(vgg16_new(&network, CUT_BLOCK5_POOL, &err));
	for (size_t i = 0; i < network->count; i++)
		if (network->layers[i].kind == LAYER_CONV)
			parameters += layer_kernel_count(&network->layers[i]) + network->layers[i].out;
	assert_int_equal(parameters, 14714688); /* Keras' own count */
	assert_float_equal(network_flop(network, 224), 30.693e9, 0.01e9);
	assert_null(network_layer(network, "fc1"));
	assert_true(network_layer(network, "block4_conv2") == &network->layers[11]);
	network_free(network);
	assert_int_equal(network_cut_find("block3_conv1"), -1);
}

static void pictures_too_small_for_the_poolings_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	struct map_shape map;
	assert_ok(vgg16_new(&network, CUT_BLOCK5_POOL, &err));
	assert_ok(network_shape(network, 32, &map, &err));
	assert_int_equal(map.height, 1);
	assert_refused(network_shape(network, 31, &map, &err), ERR_SETTINGS, "31 pixels are too small: block5_pool");
	network_free(network);
	assert_refused(vgg16_new(&network, CUT_INPUT + 1, &err), ERR_SETTINGS, "cut number 6");
}

static void initialisation_has_the_deviation_of_he_and_follows_the_seed(void **state)
{
	(void)state;
	struct network *a = initialised(CUT_BLOCK3_POOL, 5), *same = initialised(CUT_BLOCK3_POOL, 5);
	struct network *shorter = initialised(CUT_BLOCK2_POOL, 5), *other = initialised(CUT_BLOCK3_POOL, 6);
	for (size_t i = 0; i < a->count; i++) {
		const struct layer *layer = &a->layers[i];
		size_t count = layer_kernel_count(layer);
		double square = 0;
		if (layer->kind == LAYER_POOL)
			continue;
		for (size_t k = 0; k < count; k++)
			square += (double)layer->kernel[k] * (double)layer->kernel[k];
		assert_float_equal(sqrt(square / (double)count * 9 * (double)layer->in / 2), 1, 0.05);
		assert_memory_equal(layer->kernel, same->layers[i].kernel, count * sizeof(float));
		assert_memory_not_equal(layer->kernel, other->layers[i].kernel, count * sizeof(float));
		if (i < shorter->count)
			assert_memory_equal(layer->kernel, shorter->layers[i].kernel, count * sizeof(float));
		for (size_t o = 0; o < layer->out; o++)
			assert_true(layer->bias[o] == 0);
	}
	assert_string_equal(network_pretrained(a), "none");
	network_free(a);
	network_free(same);
	network_free(shorter);
	network_free(other);
}

static void a_layer_with_nan_is_refused_with_its_place(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	struct strbuf names = {0};
	float kernel[9 * 3 * 64] = {0}, bias[64] = {0};
	assert_ok(vgg16_new(&network, CUT_BLOCK1_POOL, &err));
	kernel[123] = NAN;
	assert_refused(layer_set(&network->layers[0], kernel, bias, &err), ERR_DATA,
	               "block1_conv1/kernel: value 123 of 1728");
	kernel[123] = 0, bias[63] = INFINITY;
	assert_refused(layer_set(&network->layers[0], kernel, bias, &err), ERR_DATA,
	               "block1_conv1/bias: value 63 of 64 is inf");
	assert_int_equal(network_missing(network, &names), 2);
	assert_string_equal(names.text, "block1_conv1, block1_conv2");
	bias[63] = 1;
	assert_ok(layer_set(&network->layers[0], kernel, bias, &err));
	assert_ok(network_init_missing(network, 1, &err));
	assert_true(network->layers[0].bias[63] == 1); /* initialisation leaves what is there */
	assert_string_equal(network_pretrained(network), "partial");
	strbuf_free(&names);
	network_free(network);
}

/* Every layer by conv_ref and plain maxima. */
static float *reference_forward(const struct network *network, size_t size, const float *input)
{
	struct err err = {0};
	size_t side = size;
	float *from = mem_alloc(size * size * 3, sizeof *from, &err);
	memcpy(from, input, size * size * 3 * sizeof *from);
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		float *to = mem_alloc(side * side * layer->out, sizeof *to, &err);
		if (layer->kind == LAYER_CONV) {
			struct conv conv = {.n = 1,
			                    .height = side,
			                    .width = side,
			                    .in = layer->in,
			                    .out = layer->out,
			                    .size = 3,
			                    .relu = true,
			                    .input = from,
			                    .kernel = layer->kernel,
			                    .bias = layer->bias,
			                    .output = to};
			conv_ref(&conv);
		} else {
			pool_max2(1, side, side, layer->out, from, to, 1);
			side /= 2;
		}
		free(from);
		from = to;
	}
	return from;
}

static float *pictures(size_t n, size_t size)
{
	struct err err = {0};
	struct rng rng;
	float *input = mem_alloc(n * size * size * 3, sizeof *input, &err);
	rng_seed(&rng, 9, "pictures", 0);
	for (size_t i = 0; i < n * size * size * 3; i++)
		input[i] = (float)rng_range(&rng, -120, 130);
	return input;
}

static float *run(const struct network *network, size_t n, size_t size, int threads, const float *input, size_t count)
{
	struct forward forward = {.network = network, .n = n, .size = size, .threads = threads, .input = input};
	size_t floats = network_workspace(&forward) / sizeof(float);
	float *workspace = canary_new(floats), *output = canary_new(count);
	forward.output = output;
	network_forward(&forward, workspace);
	canary_check(workspace, floats);
	canary_check(output, count);
	canary_free(workspace);
	return output;
}

static void the_forward_pass_equals_the_reference_kernels(void **state)
{
	(void)state;
	enum { size = 39 };
	struct network *network = initialised(CUT_BLOCK3_POOL, 2);
	float *input = pictures(1, size), *want = reference_forward(network, size, input);
	float *got = run(network, 1, size, 2, input, 4 * 4 * 256);
	assert_true(relative_l2(got, want, 4 * 4 * 256) < 2e-6);
	canary_free(got);
	free(want);
	free(input);
	network_free(network);
}

static float *run_plan(const struct network_plan *plan, size_t n, int threads, const float *input, size_t count)
{
	size_t floats = network_plan_workspace(plan, n, threads) / sizeof(float);
	float *workspace = canary_new(floats), *output = canary_new(count);
	network_plan_forward(&(struct plan_run){plan, n, threads, input, output}, workspace);
	canary_check(workspace, floats);
	canary_check(output, count);
	canary_free(workspace);
	return output;
}

/* block5_pool ≤ 1e-5, at every vector level and for one picture as for many. */
static void the_prepared_network_keeps_its_tolerance_at_every_level(void **state)
{
	(void)state;
	enum { size = 75, features = 2 * 2 * 512 };
	struct err err = {0};
	struct network *network = initialised(CUT_BLOCK5_POOL, 2);
	float *input = pictures(1, size), *want = reference_forward(network, size, input);
	for (int level = CPU_BASELINE; level <= (int)cpu_features()->level; level++) {
		for (size_t few = 0; few < 2; few++) {
			struct network_plan *plan;
			assert_ok(network_plan_new(
			    &plan, network, &(struct plan_options){size, few, 2, (enum cpu_level)level, PRECISION_FP32}, &err));
			float *got = run_plan(plan, 1, 2, input, features);
			assert_true(relative_l2(got, want, features) < 1e-5);
			canary_free(got);
			network_plan_free(plan);
		}
	}
	free(want);
	free(input);
	network_free(network);
}

/* block5_pool ≤ 3e-3 with kernels in float16. */
static void the_network_in_float16_keeps_its_tolerance(void **state)
{
	(void)state;
	enum { size = 75, features = 2 * 2 * 512 };
	struct err err = {0};
	struct network *network = initialised(CUT_BLOCK5_POOL, 2);
	float *input = pictures(1, size), *want = reference_forward(network, size, input);
	for (int level = CPU_AVX2; level <= (int)cpu_features()->level; level++) {
		for (size_t few = 0; few < 2; few++) {
			struct network_plan *plan;
			struct plan_options options = {size, few, 2, (enum cpu_level)level, PRECISION_FP16};
			assert_ok(network_plan_new(&plan, network, &options, &err));
			float *got = run_plan(plan, 1, 2, input, features);
			assert_true(relative_l2(got, want, features) < 3e-3);
			canary_free(got);
			network_plan_free(plan);
		}
	}
	struct network_plan *plan;
	assert_refused(
	    network_plan_new(&plan, network, &(struct plan_options){size, 0, 1, CPU_BASELINE, PRECISION_FP16}, &err),
	    ERR_SETTINGS, "float16 kernels need a CPU with AVX2 and F16C");
	free(want);
	free(input);
	network_free(network);
}

static void every_cut_and_size_is_prepared(void **state)
{
	(void)state;
	struct err err = {0};
	static const size_t sizes[] = {32, 37, 50};
	for (int cut = CUT_BLOCK1_POOL; cut <= CUT_BLOCK5_POOL; cut++) {
		size_t size = sizes[cut % 3];
		struct network *network = initialised(cut, 8);
		struct network_plan *plan;
		struct map_shape map;
		assert_ok(network_shape(network, size, &map, &err));
		size_t features = map.height * map.width * map.channels;
		float *input = pictures(2, size), *want = run(network, 2, size, 1, input, 2 * features);
		assert_ok(
		    network_plan_new(&plan, network, &(struct plan_options){size, 0, 1, CPU_AVX512, PRECISION_FP32}, &err));
		float *got = run_plan(plan, 2, 3, input, 2 * features);
		assert_true(relative_l2(got, want, 2 * features) < 1e-5);
		canary_free(got);
		canary_free(want);
		free(input);
		network_plan_free(plan);
		network_free(network);
	}
	struct network *network = initialised(CUT_BLOCK5_POOL, 8);
	struct network_plan *plan;
	assert_refused(network_plan_new(&plan, network, &(struct plan_options){31, 0, 1, CPU_AVX512, PRECISION_FP32}, &err),
	               ERR_SETTINGS, "31 pixels are too small");
	network_free(network);
	network_plan_free(NULL);
}

static void batches_and_threads_do_not_change_a_bit_of_the_prepared_network(void **state)
{
	(void)state;
	enum { size = 48, n = 35, features = 6 * 6 * 256 };
	struct err err = {0};
	struct network *network = initialised(CUT_BLOCK3_POOL, 3);
	struct network_plan *plan;
	assert_ok(network_plan_new(&plan, network, &(struct plan_options){size, 0, 2, CPU_AVX512, PRECISION_FP32}, &err));
	network_free(network); /* the plan lives on */
	float *input = pictures(n, size), *all = run_plan(plan, n, 2, input, n * features);
	float *threads = run_plan(plan, n, 1, input, n * features);
	float *alone = run_plan(plan, 1, 3, input + (n - 1) * size * size * 3, features);
	assert_memory_equal(all, threads, n * features * sizeof(float));
	assert_memory_equal(alone, all + (n - 1) * features, features * sizeof(float));
	canary_free(all);
	canary_free(threads);
	canary_free(alone);
	free(input);
	network_plan_free(plan);
}

static void batches_and_threads_do_not_change_a_bit(void **state)
{
	(void)state;
	enum { size = 33, n = 19, features = 4 * 4 * 256 };
	struct network *network = initialised(CUT_BLOCK3_POOL, 3);
	float *input = pictures(n, size), *all = run(network, n, size, 2, input, n * features);
	float *threads = run(network, n, size, 1, input, n * features);
	float *alone = run(network, 1, size, 2, input + (n - 1) * size * size * 3, features);
	assert_memory_equal(all, threads, n * features * sizeof(float));
	assert_memory_equal(alone, all + (n - 1) * features, features * sizeof(float));
	canary_free(all);
	canary_free(threads);
	canary_free(alone);
	free(input);
	network_free(network);
}

static void weights_saved_as_tensors_come_back_borrowed(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "weights.safetensors");
	struct network *network = initialised(CUT_BLOCK2_POOL, 4), *mapped;
	struct tensor tensors[2 * VGG16_LAYERS];
	struct tensor_file *file;
	size_t count = network_tensors(network, tensors);
	assert_int_equal(count, 8);
	assert_ok(tensors_save(path, tensors, count, NULL, 0, &err));
	assert_ok(tensors_map(&file, path, &err));
	assert_ok(network_from_tensors(&mapped, file, CUT_BLOCK2_POOL, &err));
	for (size_t i = 0; i < network->count; i++) {
		assert_null(mapped->layers[i].owned);
		assert_memory_equal(network->layers[i].kernel, mapped->layers[i].kernel,
		                    layer_kernel_count(&network->layers[i]) * sizeof(float));
	}
	network_free(mapped);
	assert_refused(network_from_tensors(&mapped, file, CUT_BLOCK3_POOL, &err), ERR_DATA, "block3_conv1/kernel");
	tensors_unmap(file);
	network_free(network);
	scratch_remove(folder);
}

static void the_summary_names_layers_shapes_parameters_and_cost(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf text = {0};
	struct network *network;
	assert_ok(vgg16_new(&network, CUT_BLOCK5_POOL, &err));
	assert_ok(network_summary(network, 150, &text, &err));
	assert_non_null(strstr(text.text, "block5_pool    4×4×512"));
	assert_non_null(strstr(text.text, "2,359,808")); /* a 512 → 512 convolution */
	assert_non_null(strstr(text.text, "total: 14,714,688 parameters"));
	strbuf_free(&text);
	network_free(network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_shapes_and_cost_are_those_of_the_paper),
	    cmocka_unit_test(pictures_too_small_for_the_poolings_are_refused),
	    cmocka_unit_test(initialisation_has_the_deviation_of_he_and_follows_the_seed),
	    cmocka_unit_test(a_layer_with_nan_is_refused_with_its_place),
	    cmocka_unit_test(the_forward_pass_equals_the_reference_kernels),
	    cmocka_unit_test(the_prepared_network_keeps_its_tolerance_at_every_level),
	    cmocka_unit_test(the_network_in_float16_keeps_its_tolerance),
	    cmocka_unit_test(every_cut_and_size_is_prepared),
	    cmocka_unit_test(batches_and_threads_do_not_change_a_bit_of_the_prepared_network),
	    cmocka_unit_test(batches_and_threads_do_not_change_a_bit),
	    cmocka_unit_test(weights_saved_as_tensors_come_back_borrowed),
	    cmocka_unit_test(the_summary_names_layers_shapes_parameters_and_cost),
	};
	return cmocka_run_group_tests_name("vgg16", tests, NULL, NULL);
}
