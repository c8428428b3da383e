/* Keras weight files in each layout that is found, and the refusal of what does not fit. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

/* Two layers of block 1, written as `layout` says. */
struct layout {
	const char *root;      /* where layer_names stands: "/" or "model_weights" */
	const char *nested;    /* the one layer of the file that holds them all, NULL = a group a layer */
	const char *kernel;    /* name below the layer's group, %s = layer */
	const char *bias;
	enum hdf_type type;
};

static const char *const layer_names[2] = {"block1_conv1", "block1_conv2"};
static const size_t layer_in[2] = {3, 64};

static float *values_of(size_t layer)
{
	struct err err = {0};
	struct rng rng;
	size_t count = 9 * layer_in[layer] * 64 + 64;
	float *values = mem_alloc(count, sizeof *values, &err);
	rng_seed(&rng, 11, layer_names[layer], 0);
	for (size_t i = 0; i < count; i++) /* eighths: exact in float16 too */
		values[i] = (float)rng_below(&rng, 64) / 8 - 4;
	return values;
}

static void *converted(const float *values, size_t count, enum hdf_type type)
{
	struct err err = {0};
	if (type != HDF_F64) {
		float *copy = mem_alloc(count, sizeof *copy, &err);
		memcpy(copy, values, count * sizeof *copy);
		return copy;
	}
	double *wide = mem_alloc(count, sizeof *wide, &err);
	for (size_t i = 0; i < count; i++)
		wide[i] = (double)values[i];
	return wide;
}

static void put(struct hdf_file *file, const char *path, struct hdf_shape shape, const float *values)
{
	struct err err = {0};
	size_t count = 1;
	for (size_t i = 0; i < shape.rank; i++)
		count *= shape.dims[i];
	void *data = converted(values, count, shape.type);
	assert_ok(hdf_write(file, path, &shape, data, 0, &err));
	free(data);
}

static const char *join(const char *root, const char *name, char text[256])
{
	snprintf(text, 256, "%s%s%s", strcmp(root, "/") ? root : "", strcmp(root, "/") ? "/" : "", name);
	return text;
}

/* Group, its weight_names and its data sets for one layer; names are collected for a nested group. */
static void write_layer(struct hdf_file *file, const struct layout *layout, size_t layer, char *names[2])
{
	struct err err = {0};
	char group[256], path[512];
	float *values = values_of(layer);
	struct hdf_shape kernel = {.type = layout->type, .rank = 4, .dims = {3, 3, layer_in[layer], 64}};
	struct hdf_shape bias = {.type = layout->type, .rank = 1, .dims = {64}};
	join(layout->root, layout->nested ? layout->nested : layer_names[layer], group);
	for (size_t i = 0; i < 2; i++) {
		char name[128], *place = strstr(i ? layout->bias : layout->kernel, "%s");
		const char *pattern = i ? layout->bias : layout->kernel;
		snprintf(name, sizeof name, "%.*s%s%s", place ? (int)(place - pattern) : 0, pattern,
		         place ? layer_names[layer] : "", place ? place + 2 : pattern);
		names[i] = strdup(name);
		snprintf(path, sizeof path, "%s/%s", group, name);
		put(file, path, i ? bias : kernel, i ? values + 9 * layer_in[layer] * 64 : values);
	}
	if (!layout->nested)
		assert_ok(hdf_attr_set_texts(file, group, "weight_names", names, 2, &err));
	free(values);
}

static void write_file(const char *path, const struct layout *layout, size_t first, size_t count)
{
	struct err err = {0};
	struct hdf_file *file;
	char *names[4], group[256];
	char *layers[3] = {"input_1", (char *)(uintptr_t)layer_names[first], (char *)(uintptr_t)layer_names[1]};
	char *nested[3] = {"input_1", (char *)(uintptr_t)layout->nested, "flatten_1"};
	assert_ok(hdf_create(&file, path, &err));
	for (size_t i = 0; i < 3; i += 2) { /* layers without weights have an empty list */
		assert_ok(hdf_group(file, join(layout->root, nested[i], group), &err));
		assert_ok(hdf_attr_set_texts(file, group, "weight_names", NULL, 0, &err));
	}
	for (size_t i = 0; i < count; i++)
		write_layer(file, layout, first + i, names + 2 * i);
	if (layout->nested)
		assert_ok(hdf_attr_set_texts(file, join(layout->root, layout->nested, group), "weight_names", names, 2 * count,
		                             &err));
	for (size_t i = 0; i < 2 * count; i++)
		free(names[i]);
	assert_ok(hdf_attr_set_texts(file, layout->root, "layer_names", layout->nested ? nested : layers,
	                             layout->nested ? 3 : 1 + count, &err));
	assert_ok(hdf_commit(file, &err));
}

static void assert_values(const struct network *network, size_t layer)
{
	float *values = values_of(layer);
	size_t count = 9 * layer_in[layer] * 64;
	assert_memory_equal(network->layers[layer].kernel, values, count * sizeof *values);
	assert_memory_equal(network->layers[layer].bias, values + count, 64 * sizeof *values);
	free(values);
}

static const struct layout published = {"/", NULL, "%s_W_1:0", "%s_b_1:0", HDF_F32};

static int load(struct network **network, const char *const *files, size_t n, int missing, int cut, struct err *err)
{
	struct network_source source = {.cut = cut, .files = files, .n_files = n, .missing = missing, .seed = 1};
	return network_load(network, &source, err);
}

static void every_layout_gives_the_same_weights(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	char *folder = scratch_new();
	const struct layout layouts[] = {
	    published,
	    {"/", NULL, "%s/kernel:0", "%s/bias:0", HDF_F32},
	    {"/", NULL, "kernel:0", "bias:0", HDF_F32},
	    {"/", NULL, "%s/kernel", "%s/bias", HDF_F32},
	    {"model_weights", NULL, "%s/kernel:0", "%s/bias:0", HDF_F32},
	    {"model_weights", "vgg16", "%s/kernel:0", "%s/bias:0", HDF_F32},
	    {"/", NULL, "%s_W:0", "%s_b:0", HDF_F64},
	    {"/", NULL, "%s/kernel:0", "%s/bias:0", HDF_F16},
	};
	for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
		const char *path = scratch_path(folder, "weights.h5");
		write_file(path, &layouts[i], 0, 2);
		assert_ok(load(&network, &path, 1, MISSING_ERROR, CUT_BLOCK1_POOL, &err));
		assert_string_equal(network_pretrained(network), "full");
		assert_values(network, 0);
		assert_values(network, 1);
		network_free(network);
	}
	scratch_remove(folder);
}

static void later_files_fill_what_earlier_ones_lack(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	char *folder = scratch_new(), *first = strdup(scratch_path(folder, "a.h5")),
	     *second = strdup(scratch_path(folder, "b.h5"));
	const char *files[] = {first, second};
	write_file(first, &published, 0, 1);
	write_file(second, &published, 1, 1);
	assert_refused(load(&network, files, 1, MISSING_ERROR, CUT_BLOCK1_POOL, &err), ERR_DATA,
	               "no weights for block1_conv2");
	assert_ok(load(&network, files, 2, MISSING_ERROR, CUT_BLOCK1_POOL, &err));
	assert_values(network, 0);
	assert_values(network, 1);
	network_free(network);
	assert_refused(
	    load(&network, files, 2, MISSING_ERROR, CUT_BLOCK2_POOL, &err), ERR_DATA,
	    "no weights for block2_conv1, block2_conv2; set network.missing = init to initialise them, or network.cut = "
	    "block1_pool");
	assert_ok(load(&network, files, 2, MISSING_INIT, CUT_BLOCK2_POOL, &err));
	assert_string_equal(network_pretrained(network), "partial");
	assert_int_equal(network->layers[3].origin, ORIGIN_INIT);
	network_free(network);
	assert_ok(load(&network, NULL, 0, MISSING_ERROR, CUT_BLOCK2_POOL, &err));
	assert_string_equal(network_pretrained(network), "none");
	network_free(network);
	free(first);
	free(second);
	scratch_remove(folder);
}

/* A file whose one listed layer is block1_conv1, with tensors as given. */
static void write_odd(const char *path, const char *kernel, struct hdf_shape shape, const float *values, bool bias)
{
	struct err err = {0};
	struct hdf_file *file;
	char *layers[] = {"block1_conv1"}, *names[] = {(char *)(uintptr_t)kernel, "bias:0"}, place[128];
	float zeros[64] = {0};
	assert_ok(hdf_create(&file, path, &err));
	snprintf(place, sizeof place, "block1_conv1/%s", kernel);
	put(file, place, shape, values);
	put(file, "block1_conv1/bias:0", (struct hdf_shape){.type = HDF_F32, .rank = 1, .dims = {64}}, zeros);
	assert_ok(hdf_attr_set_texts(file, "/", "layer_names", layers, 1, &err));
	assert_ok(hdf_attr_set_texts(file, "block1_conv1", "weight_names", names, bias ? 2 : 1, &err));
	assert_ok(hdf_commit(file, &err));
}

static void what_does_not_fit_is_refused_with_file_layer_and_shapes(void **state)
{
	(void)state;
	struct err err;
	struct network *network;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "odd.h5");
	float values[9 * 3 * 64] = {0};
	const struct hdf_shape right = {.type = HDF_F32, .rank = 4, .dims = {3, 3, 3, 64}};

	write_odd(path, "kernel:0", (struct hdf_shape){.type = HDF_F32, .rank = 4, .dims = {64, 3, 3, 3}}, values, true);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA,
	               "shape (64,3,3,3), expected (3,3,3,64): this is Theano's");
	assert_non_null(strstr(err.text, "odd.h5: block1_conv1/kernel:0"));
	write_odd(path, "kernel:0", (struct hdf_shape){.type = HDF_F32, .rank = 4, .dims = {5, 5, 3, 8}}, values, true);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "shape (5,5,3,8), expected (3,3,3,64)");
	write_odd(path, "kernel:0", (struct hdf_shape){.type = HDF_I32, .rank = 4, .dims = {3, 3, 3, 64}}, values, true);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "whole numbers");
	write_odd(path, "gamma:0", right, values, true);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA,
	               "block1_conv1/gamma:0: not a kernel or bias");
	write_odd(path, "kernel:0", right, values, false);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "block1_conv1: has a kernel but no bias");
	values[1000] = NAN;
	write_odd(path, "kernel:0", right, values, true);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA,
	               "block1_conv1/kernel: value 1000 of 1728 is nan");
	scratch_remove(folder);
}

static void files_that_are_no_keras_weights_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	struct hdf_file *file;
	char *folder = scratch_new(), *layers[] = {"dense_1", "lstm_7"};
	const char *path = scratch_path(folder, "other.h5");
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_IO, "other.h5");
	assert_int_equal(file_write(path, "not HDF5 at all", 15, &err), OK);
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "other.h5");
	err = (struct err){0};
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_group(file, "dense_1", &err));
	assert_ok(hdf_commit(file, &err));
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "no attribute layer_names");
	err = (struct err){0};
	assert_ok(hdf_create(&file, path, &err));
	for (size_t i = 0; i < 2; i++) {
		assert_ok(hdf_group(file, layers[i], &err));
		assert_ok(hdf_attr_set_texts(file, layers[i], "weight_names", NULL, 0, &err));
	}
	assert_ok(hdf_attr_set_texts(file, "/", "layer_names", layers, 2, &err));
	assert_ok(hdf_commit(file, &err));
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "holds no convolution of VGG16");
	assert_non_null(strstr(err.text, "its layers are dense_1, lstm_7"));
	scratch_remove(folder);
}

/* Cut at any length it is refused with its name; it never ends the program. */
static void a_truncated_file_is_refused_wherever_it_is_cut(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	char *folder = scratch_new(), *bytes = NULL, *whole = strdup(scratch_path(folder, "whole.h5")),
	     *cut = strdup(scratch_path(folder, "cut.h5"));
	const char *path = cut;
	size_t size;
	write_file(whole, &published, 0, 2);
	assert_ok(file_read(whole, 1 << 24, &bytes, &size, &err));
	for (size_t length = 0; length < size; length += length < 4096 ? 97 : size / 23) {
		assert_ok(file_write(cut, bytes, length, &err));
		assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "cut.h5");
	}
	free(bytes);
	free(whole);
	free(cut);
	scratch_remove(folder);
}

static void odd_attributes_and_huge_claims_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	struct hdf_file *file;
	char *folder = scratch_new(), *layers[] = {"block1_conv1"}, *names[] = {"kernel:0", "bias:0"};
	const char *path = scratch_path(folder, "odd.h5");
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_attr_set_number(file, "/", "layer_names", 5, &err));
	assert_ok(hdf_commit(file, &err));
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA, "layer_names");
	err = (struct err){0};
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_group(file, "block1_conv1", &err));
	assert_ok(hdf_create_rows(file, "block1_conv1/kernel:0", &(struct hdf_shape){HDF_F32, 4, {1000000000, 3, 3, 64}}, 1,
	                          0, &err));
	assert_ok(hdf_create_rows(file, "block1_conv1/bias:0", &(struct hdf_shape){HDF_F32, 1, {1000000000}}, 64, 0, &err));
	assert_ok(hdf_attr_set_texts(file, "block1_conv1", "weight_names", names, 2, &err));
	assert_ok(hdf_attr_set_texts(file, "/", "layer_names", layers, 1, &err));
	assert_ok(hdf_commit(file, &err));
	assert_refused(load(&network, &path, 1, MISSING_INIT, 0, &err), ERR_DATA,
	               "shape (1000000000,3,3,64), expected (3,3,3,64)");
	scratch_remove(folder);
}

static char *data_file(const char *name)
{
	struct err err = {0};
	const char *data = getenv("MOODCAST_DATA");
	char *path = data && *data ? path_join(data, name, &err) : NULL;
	if (!path || !path_exists(path)) {
		free(path);
		skip();
	}
	return path;
}

static void real_pretrained_blocks_are_read_and_bound_the_cut(void **state)
{
	(void)state;
	struct err err = {0};
	struct network *network;
	char *path = data_file("keras/vgg16_real_blocks1-3.h5");
	const char *files[] = {path};
	assert_ok(load(&network, files, 1, MISSING_ERROR, CUT_BLOCK3_POOL, &err));
	assert_string_equal(network_pretrained(network), "full");
	network_free(network);
	assert_refused(load(&network, files, 1, MISSING_ERROR, CUT_BLOCK5_POOL, &err), ERR_DATA,
	               "no weights for block4_conv1, block4_conv2, block4_conv3, block5_conv1, block5_conv2, block5_conv3");
	assert_non_null(strstr(err.text, "network.cut = block3_pool"));
	assert_ok(load(&network, files, 1, MISSING_INIT, CUT_BLOCK4_POOL, &err));
	assert_string_equal(network_pretrained(network), "partial");
	network_free(network);
	free(path);
}

static void real_models_of_another_kind_are_refused_by_name(void **state)
{
	(void)state;
	struct err err;
	struct network *network;
	static const char *const models[] = {"keras/fer2013_mini_XCEPTION.102-0.66.hdf5", "keras/mini_XCEPTION_KDEF.hdf5"};
	for (size_t i = 0; i < ARRAY_COUNT(models); i++) {
		char *path = data_file(models[i]);
		const char *files[] = {path};
		assert_refused(load(&network, files, 1, MISSING_INIT, CUT_BLOCK5_POOL, &err), ERR_DATA,
		               "holds no convolution of VGG16");
		assert_non_null(strstr(err.text, path_name(path)));
		assert_non_null(strstr(err.text, "conv2d_1"));
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_layout_gives_the_same_weights),
	    cmocka_unit_test(later_files_fill_what_earlier_ones_lack),
	    cmocka_unit_test(what_does_not_fit_is_refused_with_file_layer_and_shapes),
	    cmocka_unit_test(files_that_are_no_keras_weights_are_refused),
	    cmocka_unit_test(a_truncated_file_is_refused_wherever_it_is_cut),
	    cmocka_unit_test(odd_attributes_and_huge_claims_are_refused),
	    cmocka_unit_test(real_pretrained_blocks_are_read_and_bound_the_cut),
	    cmocka_unit_test(real_models_of_another_kind_are_refused_by_name),
	};
	return cmocka_run_group_tests_name("keras_read", tests, NULL, NULL);
}
