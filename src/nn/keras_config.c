/*
 * model_config: the JSON from which keras.models.load_model builds the layers before it fills in their weights.
 * Field by field what Keras 2.3 writes for Sequential([VGG16(include_top=False), AveragePooling2D, Flatten, Dense]).
 */
#include <math.h>
#include <stdlib.h>

#include "nn/keras_internal.h"

#define INPUT_NAME "input_1"

static void set_null(struct json *object, const char *key)
{
	json_set_number(object, key, NAN);
}

static void set_pair(struct json *object, const char *key, size_t number)
{
	struct json *pair = json_set_array(object, key);

	json_append_integer(pair, (int64_t)number);
	json_append_integer(pair, (int64_t)number);
}

/* {"class_name": kind, "config": {"name": name, "trainable": true, "dtype": "float32", …}}; returns the config. */
static struct json *add_layer(struct json *layers, const char *kind, const char *name, struct json **entry)
{
	struct json *layer = json_append_object(layers);
	struct json *config;

	json_set_text(layer, "class_name", kind);
	config = json_set_object(layer, "config");
	json_set_text(config, "name", name);
	json_set_bool(config, "trainable", true);
	json_set_text(config, "dtype", "float32");
	if (entry)
		*entry = layer;
	return config;
}

/* What Conv2D and Dense share. */
static void set_weighted(struct json *config, const char *activation)
{
	static const char *const none[] = {"kernel_regularizer", "bias_regularizer", "activity_regularizer",
	                                   "kernel_constraint", "bias_constraint"};
	struct json *initializer, *scaling;

	json_set_text(config, "activation", activation);
	json_set_bool(config, "use_bias", true);
	initializer = json_set_object(config, "kernel_initializer");
	json_set_text(initializer, "class_name", "VarianceScaling");
	scaling = json_set_object(initializer, "config");
	json_set_number(scaling, "scale", 1.0);
	json_set_text(scaling, "mode", "fan_avg");
	json_set_text(scaling, "distribution", "uniform");
	set_null(scaling, "seed");
	initializer = json_set_object(config, "bias_initializer");
	json_set_text(initializer, "class_name", "Zeros");
	json_set_object(initializer, "config");
	for (size_t i = 0; i < ARRAY_COUNT(none); i++)
		set_null(config, none[i]);
}

static void set_pooling(struct json *config, size_t size)
{
	set_pair(config, "pool_size", size);
	json_set_text(config, "padding", "valid");
	set_pair(config, "strides", size);
	json_set_text(config, "data_format", "channels_last");
}

static void set_convolution(struct json *config, const struct layer *layer)
{
	json_set_integer(config, "filters", (int64_t)layer->out);
	set_pair(config, "kernel_size", 3);
	set_pair(config, "strides", 1);
	json_set_text(config, "padding", "same");
	json_set_text(config, "data_format", "channels_last");
	set_pair(config, "dilation_rate", 1);
	set_weighted(config, "relu");
}

/* [["name", 0, 0]], with Keras' empty keyword arguments where a layer is called. */
static void add_node(struct json *list, const char *from, bool call)
{
	struct json *node = json_append_array(list);

	json_append_text(node, from);
	json_append_integer(node, 0);
	json_append_integer(node, 0);
	if (call)
		json_append_object(node);
}

static void add_base(struct json *layers, const struct keras_model *model)
{
	const struct network *network = model->network;
	const char *before = INPUT_NAME;
	struct json *base = json_append_object(layers), *config, *inside, *entry, *shape;

	json_set_text(base, "class_name", "Model");
	config = json_set_object(base, "config");
	json_set_text(config, "name", KERAS_BASE);
	inside = json_set_array(config, "layers");
	entry = json_append_object(inside);
	json_set_text(entry, "name", INPUT_NAME);
	json_set_text(entry, "class_name", "InputLayer");
	json_set_array(entry, "inbound_nodes");
	entry = json_set_object(entry, "config");
	shape = json_set_array(entry, "batch_input_shape");
	json_append_number(shape, NAN);
	json_append_integer(shape, (int64_t)model->size);
	json_append_integer(shape, (int64_t)model->size);
	json_append_integer(shape, 3);
	json_set_text(entry, "dtype", "float32");
	json_set_bool(entry, "sparse", false);
	json_set_text(entry, "name", INPUT_NAME);
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		bool pool = layer->kind == LAYER_POOL;
		struct json *own = add_layer(inside, pool ? "MaxPooling2D" : "Conv2D", layer->name, &entry);

		if (pool)
			set_pooling(own, 2);
		else
			set_convolution(own, layer);
		json_set_text(entry, "name", layer->name);
		add_node(json_append_array(json_set_array(entry, "inbound_nodes")), before, true);
		before = layer->name;
	}
	add_node(json_set_array(config, "input_layers"), INPUT_NAME, false);
	add_node(json_set_array(config, "output_layers"), before, false);
}

static void add_dense(struct json *layers, const char *name, size_t units, const char *activation)
{
	struct json *dense = add_layer(layers, "Dense", name, NULL);

	json_set_integer(dense, "units", (int64_t)units);
	set_weighted(dense, activation);
}

static void add_dropout(struct json *layers, double rate)
{
	struct json *dropout = add_layer(layers, "Dropout", KERAS_DROPOUT, NULL);

	json_set_number(dropout, "rate", rate);
	set_null(dropout, "noise_shape");
	set_null(dropout, "seed");
}

int keras_model_config(const struct keras_model *model, char **out, struct err *err)
{
	struct json *root = json_object_new(), *config, *layers;
	int code;

	json_set_text(root, "class_name", "Sequential");
	config = json_set_object(root, "config");
	json_set_text(config, "name", "sequential_1");
	layers = json_set_array(config, "layers");
	add_base(layers, model);
	if (model->head->average_pool > 1)
		set_pooling(add_layer(layers, "AveragePooling2D", KERAS_POOL, NULL), model->head->average_pool);
	json_set_text(add_layer(layers, "Flatten", KERAS_FLATTEN, NULL), "data_format", "channels_last");
	if (model->head->hidden)
		add_dense(layers, KERAS_DENSE, model->head->hidden, "relu");
	if (model->dropout > 0)
		add_dropout(layers, model->dropout);
	add_dense(layers, model->head->hidden ? KERAS_LAST : KERAS_DENSE, model->head->classes, "softmax");
	code = root ? json_print(root, 0, out, err) : err_set(err, ERR_MEMORY, "no memory for the model's description");
	json_free(root);
	return code;
}
