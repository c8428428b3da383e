/*
 * emotion.h5: the whole model in the HDF5 form of Keras ≤ 2.x.
 *
 *   /                attributes keras_version, backend, model_config, moodcast_*
 *   /model_weights   attributes layer_names, backend, keras_version
 *   /model_weights/vgg16              attribute weight_names = block1_conv1/kernel:0, block1_conv1/bias:0, …
 *   /model_weights/vgg16/block1_conv1/kernel:0 …
 *   /model_weights/dense_1            attribute weight_names = dense_1/kernel:0, dense_1/bias:0
 *   /model_weights/dense_2            alike, behind a hidden layer
 * Keras zips each list with the layers of model_config, so their order is the layers' order.
 */
#include <stdlib.h>
#include <string.h>

#include "nn/keras_internal.h"

#define WEIGHTS "model_weights"
#define MAX_TENSORS (2 * VGG16_LAYERS)

/* One array as /model_weights/GROUP/NAME:0. */
static int write_tensor(struct hdf_file *file, const char *group, const char *name, const struct tensor *tensor,
                        struct err *err)
{
	struct hdf_shape shape = {.type = HDF_F32, .rank = tensor->rank};
	char *path = mem_format(err, "%s/%s/%s", WEIGHTS, group, name), *parent = NULL, *slash;
	int code = path ? OK : err->code;

	memcpy(shape.dims, tensor->dims, tensor->rank * sizeof(shape.dims[0]));
	if (code == OK) {
		parent = mem_text(path, err);
		code = parent ? OK : err->code;
	}
	if (code == OK) {
		slash = strrchr(parent, '/');
		*slash = '\0';
		code = hdf_group(file, parent, err);
	}
	if (code == OK)
		code = hdf_write(file, path, &shape, tensor->data, 0, err);
	free(parent);
	free(path);
	return code;
}

/* The group of one Keras layer: its weight_names and the arrays they name. */
static int write_group(struct hdf_file *file, const char *layer, const struct tensor *tensors, size_t count,
                       struct err *err)
{
	struct path_list names = {0};
	char *group = mem_format(err, "%s/%s", WEIGHTS, layer);
	int code = group ? hdf_group(file, group, err) : err->code;

	for (size_t i = 0; code == OK && i < count; i++) {
		char *name = mem_format(err, "%s:0", tensors[i].name);
		code = name ? path_list_add(&names, name, err) : err->code;
		free(name);
	}
	if (code == OK)
		code = hdf_attr_set_texts(file, group, "weight_names", names.items, names.count, err);
	for (size_t i = 0; code == OK && i < count; i++)
		code = write_tensor(file, layer, names.items[i], &tensors[i], err);
	path_list_free(&names);
	free(group);
	return code;
}

/* A Keras layer that may be there, with the arrays of its weights. */
struct group {
	const char *name;
	bool given;
	const struct tensor *tensors;
	size_t count;
};

static const char *const dense_names[] = {KERAS_DENSE "/kernel", KERAS_DENSE "/bias", KERAS_LAST "/kernel",
                                          KERAS_LAST "/bias"};

static int write_weights(struct hdf_file *file, const struct keras_model *model, struct err *err)
{
	struct tensor base[MAX_TENSORS], dense[HEAD_TENSORS];
	size_t count = network_tensors(model->network, base), n_dense = head_tensors(model->head, dense);
	bool hidden = model->head->hidden;
	const struct group groups[] = {
	    {KERAS_BASE, true, base, count},
	    {KERAS_POOL, model->head->average_pool > 1, NULL, 0},
	    {KERAS_FLATTEN, true, NULL, 0},
	    {KERAS_DENSE, hidden, dense, 2},
	    {KERAS_DROPOUT, model->dropout > 0, NULL, 0},
	    {hidden ? KERAS_LAST : KERAS_DENSE, true, dense + n_dense - 2, 2},
	};
	struct path_list names = {0};
	int code = hdf_group(file, WEIGHTS, err);

	for (size_t i = 0; i < n_dense; i++)
		dense[i].name = dense_names[i];
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(groups); i++)
		if (groups[i].given)
			code = path_list_add(&names, groups[i].name, err);
	if (code == OK)
		code = hdf_attr_set_texts(file, WEIGHTS, "layer_names", names.items, names.count, err);
	if (code == OK)
		code = hdf_attr_set_text(file, WEIGHTS, "backend", KERAS_BACKEND, err);
	if (code == OK)
		code = hdf_attr_set_text(file, WEIGHTS, "keras_version", KERAS_VERSION, err);
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(groups); i++)
		if (groups[i].given)
			code = write_group(file, groups[i].name, groups[i].tensors, groups[i].count, err);
	path_list_free(&names);
	return code;
}

static int write_attributes(struct hdf_file *file, const struct keras_model *model, struct err *err)
{
	const struct head *head = model->head;
	char *config;
	int code = keras_model_config(model, &config, err);

	if (code != OK)
		return code;
	code = hdf_attr_set_text(file, "/", "model_config", config, err);
	free(config);
	if (code != OK || hdf_attr_set_text(file, "/", "keras_version", KERAS_VERSION, err) != OK ||
	    hdf_attr_set_text(file, "/", "backend", KERAS_BACKEND, err) != OK ||
	    hdf_attr_set_texts(file, "/", "moodcast_classes", model->classes, head->classes, err) != OK ||
	    hdf_attr_set_text(file, "/", "moodcast_preprocess", model->preprocess, err) != OK ||
	    hdf_attr_set_text(file, "/", "moodcast_pretrained", network_pretrained(model->network), err) != OK ||
	    hdf_attr_set_text(file, "/", "moodcast_cut", network_cut_name(model->network->cut), err) != OK ||
	    hdf_attr_set_number(file, "/", "moodcast_synthetic", model->synthetic, err) != OK ||
	    hdf_attr_set_number(file, "/", "moodcast_size", (double)model->size, err) != OK ||
	    hdf_attr_set_number(file, "/", "moodcast_average_pool", (double)head->average_pool, err) != OK)
		return err->code;
	return OK;
}

static int model_check(const struct keras_model *model, struct err *err)
{
	struct map_shape map;
	struct strbuf missing = {0};

	if (network_missing(model->network, &missing))
		err_set(err, ERR_DATA, "the network lacks the weights of %s",
		        missing.text ? missing.text : "some convolutions");
	strbuf_free(&missing);
	if (err->code != OK)
		return err->code;
	if (network_shape(model->network, model->size, &map, err) != OK)
		return err->code;
	if (memcmp(&map, &model->head->map, sizeof(map)) != 0)
		return err_set(err, ERR_DATA, "the head was trained on maps of %zu×%zu×%zu, the network gives %zu×%zu×%zu",
		               model->head->map.height, model->head->map.width, model->head->map.channels, map.height,
		               map.width, map.channels);
	return OK;
}

int keras_model_save(const struct keras_model *model, const char *path, struct err *err)
{
	struct hdf_file *file;

	if (model_check(model, err) != OK || hdf_create(&file, path, err) != OK)
		return err_wrap(err, "%s", path);
	if (write_attributes(file, model, err) != OK || write_weights(file, model, err) != OK) {
		hdf_close(file);
		return err_wrap(err, "%s", path);
	}
	return hdf_commit(file, err);
}
