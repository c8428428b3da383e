/* emotion.h5 as written and as read back, and the head's examples out of features.h5. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

#define SIZE 32

struct model {
	struct network *network;
	struct head *head;
	struct keras_model keras;
};

static char *class_names[] = {"neutral", "positive", "부정"};

static struct model make_model(int cut, size_t pool, size_t hidden)
{
	struct err err = {0};
	struct model m;
	struct map_shape map;

	assert_ok(vgg16_new(&m.network, cut, &err));
	assert_ok(network_init_missing(m.network, 5, &err));
	assert_ok(network_shape(m.network, SIZE, &map, &err));
	assert_ok(head_new(&m.head, map, pool, hidden, 3, &err));
	for (size_t i = 0; i < head_parameters(m.head); i++)
		m.head->owned[i] = sinf((float)i);
	m.keras = (struct keras_model){.network = m.network,
	                               .head = m.head,
	                               .size = SIZE,
	                               .classes = class_names,
	                               .preprocess = "{\"size\": 32}",
	                               .dropout = hidden ? 0.5 : 0,
	                               .synthetic = true};
	return m;
}

static void free_model(struct model *m)
{
	network_free(m->network);
	head_free(m->head);
}

static void save_and_load(int cut, size_t pool, size_t hidden)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "emotion.h5");
	struct model m = make_model(cut, pool, hidden);
	struct network *network;
	struct head *head;
	struct path_list classes = {0};
	size_t filled;

	assert_ok(keras_model_save(&m.keras, path, &err));
	assert_ok(vgg16_new(&network, cut, &err));
	assert_ok(network_read_keras(network, path, &filled, &err));
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *a = &m.network->layers[i], *b = &network->layers[i];
		if (a->kind != LAYER_CONV)
			continue;
		assert_memory_equal(a->kernel, b->kernel, layer_kernel_count(a) * sizeof(float));
		assert_memory_equal(a->bias, b->bias, a->out * sizeof(float));
	}
	assert_ok(keras_head_load(&head, path, &classes, &err));
	assert_int_equal(head->inputs, m.head->inputs);
	assert_int_equal(head->average_pool, m.head->average_pool);
	assert_memory_equal(&head->map, &m.head->map, sizeof(head->map));
	assert_int_equal(head->hidden, hidden);
	assert_memory_equal(head->owned, m.head->owned, head_parameters(m.head) * sizeof(float));
	assert_int_equal(classes.count, 3);
	assert_string_equal(classes.items[2], "부정");
	path_list_free(&classes);
	head_free(head);
	network_free(network);
	free_model(&m);
	scratch_remove(folder);
}

static void a_saved_model_reads_back_to_the_bit(void **state)
{
	(void)state;
	save_and_load(CUT_BLOCK1_POOL, 0, 0);
	save_and_load(CUT_BLOCK3_POOL, 2, 0);
	save_and_load(CUT_BLOCK3_POOL, 2, 24);
}

static void the_attributes_are_what_keras_asks_for(void **state)
{
	struct err err = {0};
	char *folder = scratch_new(), *text;
	const char *path = scratch_path(folder, "emotion.h5");
	static const char *const want[] = {"block1_conv1/kernel:0", "block1_conv1/bias:0", "block1_conv2/kernel:0",
	                                   "block1_conv2/bias:0"};
	struct model m = make_model(CUT_BLOCK1_POOL, 4, 0);
	struct path_list names = {0};
	struct hdf_file *file;
	struct json *config;

	(void)state;
	assert_ok(keras_model_save(&m.keras, path, &err));
	assert_ok(hdf_open(&file, path, &err));
	assert_ok(hdf_attr_texts(file, "model_weights", "layer_names", &names, &err));
	assert_int_equal(names.count, 4);
	assert_string_equal(names.items[0], "vgg16");
	assert_string_equal(names.items[1], "average_pooling2d_1");
	assert_string_equal(names.items[3], "dense_1");
	path_list_free(&names);
	assert_ok(hdf_attr_texts(file, "model_weights/vgg16", "weight_names", &names, &err));
	assert_int_equal(names.count, ARRAY_COUNT(want));
	for (size_t i = 0; i < ARRAY_COUNT(want); i++)
		assert_string_equal(names.items[i], want[i]);
	path_list_free(&names);
	assert_ok(hdf_attr_texts(file, "model_weights/flatten_1", "weight_names", &names, &err));
	assert_int_equal(names.count, 0);
	path_list_free(&names);
	assert_ok(hdf_attr_text(file, "/", "model_config", &text, &err));
	assert_ok(json_load_text(&config, text, strlen(text), "model_config", &err));
	assert_string_equal(json_text(json_get(config, "class_name"), ""), "Sequential");
	free(text);
	json_free(config);
	hdf_close(file);
	free_model(&m);
	scratch_remove(folder);
}

static void a_head_that_does_not_fit_the_network_is_not_written(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "emotion.h5");
	struct model m = make_model(CUT_BLOCK2_POOL, 0, 0);
	struct network *bare;

	(void)state;
	m.keras.size = SIZE * 2;
	assert_refused(keras_model_save(&m.keras, path, &err), ERR_DATA, "maps of 8×8×128");
	m.keras.size = SIZE;
	err = (struct err){0};
	assert_ok(vgg16_new(&bare, CUT_BLOCK2_POOL, &err));
	m.keras.network = bare;
	assert_refused(keras_model_save(&m.keras, path, &err), ERR_DATA, "block1_conv1");
	assert_false(path_exists(path));
	network_free(bare);
	free_model(&m);
	scratch_remove(folder);
}

static void a_file_that_is_no_such_model_is_refused(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "other.h5");
	struct hdf_file *file;
	struct head *head;

	(void)state;
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_attr_set_text(file, "/", "keras_version", "2.3.1", &err));
	assert_ok(hdf_commit(file, &err));
	assert_refused(keras_head_load(&head, path, NULL, &err), ERR_DATA, "moodcast_cut");
	assert_refused(keras_head_load(&head, scratch_path(folder, "none.h5"), NULL, &err), ERR_IO, "none.h5");
	scratch_remove(folder);
}

/* ---- features.h5 ----------------------------------------------------------------------------------- */

#define ROWS 11
#define MAP_H 4
#define MAP_W 3
#define MAP_C 2
#define MAP (MAP_H * MAP_W * MAP_C)

struct fixture {
	float maps[ROWS][MAP];
	int32_t label[ROWS];
	uint8_t split[ROWS];
};

static struct fixture make_fixture(void)
{
	static const uint8_t splits[ROWS] = {0, 0, 2, 2, 1, 0, 0, 0, 1, 2, 0};
	struct fixture f;

	for (size_t i = 0; i < ROWS; i++) {
		f.label[i] = (int32_t)(i % 3);
		f.split[i] = splits[i];
		for (size_t j = 0; j < MAP; j++)
			f.maps[i][j] = (float)(i * 100 + j);
	}
	return f;
}

static void write_fixture(const char *path, const struct fixture *f)
{
	struct err err = {0};
	char *person[ROWS];
	struct hdf_file *file;
	struct hdf_shape shape = {HDF_F32, 4, {ROWS, MAP_H, MAP_W, MAP_C}};

	for (size_t i = 0; i < ROWS; i++)
		person[i] = i % 2 ? "19071641" : "19071642";
	assert_ok(hdf_create(&file, path, &err));
	assert_ok(hdf_write(file, "features", &shape, f->maps, 0, &err));
	assert_ok(hdf_write(file, "label", &(struct hdf_shape){HDF_I32, 1, {ROWS}}, f->label, 0, &err));
	assert_ok(hdf_write(file, "split", &(struct hdf_shape){HDF_U8, 1, {ROWS}}, f->split, 0, &err));
	assert_ok(hdf_write_texts(file, "person", person, ROWS, &err));
	assert_ok(hdf_attr_set_texts(file, "/", "classes", class_names, 3, &err));
	assert_ok(hdf_attr_set_text(file, "/", "cut", "block3_pool", &err));
	assert_ok(hdf_attr_set_text(file, "/", "pretrained", "none", &err));
	assert_ok(hdf_attr_set_text(file, "/", "preprocess", "{}", &err));
	assert_ok(hdf_attr_set_text(file, "/", "weights_sha256", "", &err));
	assert_ok(hdf_attr_set_number(file, "/", "synthetic", 1, &err));
	assert_ok(hdf_commit(file, &err));
}

static void a_split_is_read_in_order_and_averaged_on_the_way(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "features.h5");
	struct fixture f = make_fixture();
	struct head_features *features;
	static const size_t train[] = {0, 1, 5, 6, 7, 10};
	struct head_data plain, pooled;

	(void)state;
	write_fixture(path, &f);
	assert_ok(head_features_open(&features, path, &err));
	assert_true(features->synthetic);
	assert_ok(head_features_rows(features, 0, 0, &plain, &err));
	assert_ok(head_features_rows(features, 0, 3, &pooled, &err));
	assert_int_equal(plain.n, ARRAY_COUNT(train));
	assert_int_equal(plain.inputs, MAP);
	assert_int_equal(pooled.inputs, MAP_C); /* 4×3 by 3×3: one cell */
	for (size_t i = 0; i < plain.n; i++) {
		assert_int_equal(plain.index[i], train[i]);
		assert_int_equal(plain.labels[i], train[i] % 3);
		assert_memory_equal(plain.rows + i * MAP, f.maps[train[i]], sizeof(f.maps[0]));
		for (size_t c = 0; c < MAP_C; c++) {
			double sum = 0;
			for (size_t j = 0; j < 9; j++)
				sum += (double)f.maps[train[i]][(j / 3 * MAP_W + j % 3) * MAP_C + c];
			assert_true(fabs(sum / 9 - (double)pooled.rows[i * MAP_C + c]) < 1e-3);
		}
	}
	head_data_free(&plain);
	head_data_free(&pooled);
	assert_refused(head_features_rows(features, 0, 5, &plain, &err), ERR_SETTINGS, "average_pool: 5");
	head_features_close(features);
	scratch_remove(folder);
}

static void wrong_features_are_refused_with_the_row(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "features.h5");
	struct fixture f = make_fixture();
	struct head_features *features;
	struct head_data data;

	(void)state;
	f.label[4] = 3;
	write_fixture(path, &f);
	assert_refused(head_features_open(&features, path, &err), ERR_DATA, "label: row 4: 3 is outside 0..2");
	f = make_fixture();
	f.split[9] = 7;
	write_fixture(path, &f);
	assert_refused(head_features_open(&features, path, &err), ERR_DATA, "split: row 9: 7");
	f = make_fixture();
	f.maps[6][2] = NAN;
	write_fixture(path, &f);
	err = (struct err){0};
	assert_ok(head_features_open(&features, path, &err));
	assert_refused(head_features_rows(features, 0, 0, &data, &err), ERR_DATA, "row 6 has a value that is not finite");
	head_features_close(features);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_saved_model_reads_back_to_the_bit),
	    cmocka_unit_test(the_attributes_are_what_keras_asks_for),
	    cmocka_unit_test(a_head_that_does_not_fit_the_network_is_not_written),
	    cmocka_unit_test(a_file_that_is_no_such_model_is_refused),
	    cmocka_unit_test(a_split_is_read_in_order_and_averaged_on_the_way),
	    cmocka_unit_test(wrong_features_are_refused_with_the_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
