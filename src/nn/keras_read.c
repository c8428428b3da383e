/*
 * Convolution weights from Keras HDF5 files.
 *
 * The layers of a file are those its attribute `layer_names` lists, at the root (weights) or in `model_weights` (a
 * whole model); the weights of a layer's group are those its attribute `weight_names` lists. Groups are never iterated:
 * optimiser states and leftovers may lie beside. With GROUP a layer's group and WEIGHT one of its names, the data set
 * is GROUP/WEIGHT:
 *
 *   block1_conv1/block1_conv1_W_1:0              Keras 1, the published no-top file
 *   block1_conv1/block1_conv1/kernel:0           Keras 2; block1_conv1/kernel:0 in some copies
 *   model_weights/vgg16/block1_conv1/kernel:0    a base nested in a model
 *
 * The layer is the folder of that path nearest its end that VGG16 has; the last part tells kernel from bias.
 */
#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>

/* Where a file keeps the weights of each layer of the network; NULL = nowhere. */
struct places {
	char *kernel[VGG16_LAYERS], *bias[VGG16_LAYERS];
	size_t known; /* weights of any VGG16 layer, also beyond the cut */
};

static void places_free(struct places *places)
{
	for (size_t i = 0; i < VGG16_LAYERS; i++) {
		free(places->kernel[i]);
		free(places->bias[i]);
	}
}

/* The last folder of `path` that is a layer of VGG16, into `name`. */
static bool path_layer(const char *path, char name[64])
{
	bool found = false;
	for (const char *part = path, *slash; (slash = strchr(part, '/')); part = slash + 1) {
		char folder[64];
		if ((size_t)(slash - part) >= sizeof folder)
			continue;
		memcpy(folder, part, (size_t)(slash - part));
		folder[slash - part] = '\0';
		if (vgg16_has_layer(folder)) {
			strcpy(name, folder);
			found = true;
		}
	}
	return found;
}

enum role { ROLE_KERNEL, ROLE_BIAS, ROLE_UNKNOWN };

/* "kernel:0", "block1_conv1_W_1:0" … → what it is. */
static enum role weight_role(const char *path, const char *layer)
{
	static const char *const kernels[] = {"kernel", "W", "W_1"}, *const biases[] = {"bias", "b", "b_1"};
	const char *last = path_name(path);
	size_t prefix = strlen(layer);
	if (strncmp(last, layer, prefix) == 0 && last[prefix] == '_')
		last += prefix + 1;
	size_t length = strcspn(last, ":");
	for (size_t i = 0; i < ARRAY_COUNT(kernels); i++) {
		if (strlen(kernels[i]) == length && strncmp(last, kernels[i], length) == 0)
			return ROLE_KERNEL;
		if (strlen(biases[i]) == length && strncmp(last, biases[i], length) == 0)
			return ROLE_BIAS;
	}
	return ROLE_UNKNOWN;
}

/* Notes `path` when it is a weight of VGG16; takes it over or frees it. */
static int note_weight(struct network *network, struct places *places, char *path, struct err *err)
{
	char name[64];
	if (!path_layer(path, name)) {
		free(path);
		return OK;
	}
	places->known++;
	struct layer *layer = network_layer(network, name);
	enum role role = weight_role(path, name);
	if (!layer || layer->kind != LAYER_CONV || role == ROLE_UNKNOWN) {
		int code = layer ? err_set(err, ERR_DATA, "%s: not a kernel or bias of a convolution", path) : OK;
		free(path);
		return code;
	}
	char **place = (role == ROLE_KERNEL ? places->kernel : places->bias) + (layer - network->layers);
	if (*place) {
		int code = err_set(err, ERR_DATA, "%s and %s are both the %s of %s", *place, path,
		                   role == ROLE_KERNEL ? "kernel" : "bias", name);
		free(path);
		return code;
	}
	*place = path;
	return OK; /* NOLINT(clang-analyzer-unix.Malloc): *place has it */
}

static int note_group(const struct hdf_file *file, const char *group, struct network *network, struct places *places,
                      struct err *err)
{
	struct path_list weights = {0};
	if (!hdf_attr_has(file, group, "weight_names") && !hdf_attr_has(file, group, "weight_names0"))
		return err_set(err, ERR_DATA, "layer %s is listed, but its group or the group's weight_names is absent", group);
	int code = hdf_attr_texts(file, group, "weight_names", &weights, err);
	for (size_t i = 0; code == OK && i < weights.count; i++) {
		char *path = path_join(group, weights.items[i], err);
		code = path ? note_weight(network, places, path, err) : ERR_MEMORY;
	}
	path_list_free(&weights);
	return code;
}

/* "conv2d_1, conv2d_2, … and 20 more" */
static void list_names(const struct path_list *names, struct strbuf *out)
{
	size_t shown = names->count > 6 ? 4 : names->count;
	for (size_t i = 0; i < shown; i++)
		strbuf_format(out, "%s%.80s", i ? ", " : "", names->items[i]);
	if (shown < names->count)
		strbuf_format(out, " and %zu more", names->count - shown);
}

static int no_layer_error(const struct path_list *layers, struct err *err)
{
	struct strbuf names = {0};
	list_names(layers, &names);
	int code = err_set(err, ERR_DATA, "holds no convolution of VGG16 (block1_conv1 … block5_conv3); its layers are %s",
	                   names.text ? names.text : "none");
	strbuf_free(&names);
	return code;
}

static int note_layers(const struct hdf_file *file, struct network *network, struct places *places, struct err *err)
{
	const char *root = hdf_has(file, "model_weights") ? "model_weights" : "/";
	struct path_list layers = {0};
	if (!hdf_attr_has(file, root, "layer_names") && !hdf_attr_has(file, root, "layer_names0"))
		return err_set(err, ERR_DATA, "not a Keras weight file: no attribute layer_names at %s", root);
	int code = hdf_attr_texts(file, root, "layer_names", &layers, err);
	for (size_t i = 0; code == OK && i < layers.count; i++) {
		char *group = *root == '/' ? mem_text(layers.items[i], err) : path_join(root, layers.items[i], err);
		code = group ? note_group(file, group, network, places, err) : ERR_MEMORY;
		free(group);
	}
	if (code == OK && places->known == 0)
		code = no_layer_error(&layers, err);
	path_list_free(&layers);
	return code;
}

/* ---- shapes and values ---- */

static const char *shape_text(size_t rank, const size_t *dims, char text[128])
{
	size_t length = 1;
	strcpy(text, "(");
	for (size_t i = 0; i < rank && length < 100; i++)
		length += (size_t)snprintf(text + length, 128 - length, "%s%zu", i ? "," : "", dims[i]);
	snprintf(text + length, 128 - length, ")");
	return text;
}

static bool is_theano_order(const struct layer *layer, const struct hdf_shape *shape)
{
	return shape->rank == 4 && shape->dims[0] == layer->out && shape->dims[1] == layer->in && shape->dims[2] == 3 &&
	       shape->dims[3] == 3;
}

static int check_shape(const struct hdf_file *file, const char *path, const struct layer *layer, size_t rank,
                       const size_t *dims, struct err *err)
{
	struct hdf_shape shape;
	char expected[128], found[128];
	int code = hdf_shape(file, path, &shape, err);
	if (code != OK)
		return code;
	if (shape.type != HDF_F32 && shape.type != HDF_F64 && shape.type != HDF_F16)
		return err_set(err, ERR_DATA, "%s: whole numbers, weights are expected as float32, float64 or float16", path);
	if (shape.rank == rank && memcmp(shape.dims, dims, rank * sizeof *dims) == 0)
		return OK;
	return err_set(err, ERR_DATA, "%s: shape %s, expected %s%s", path, shape_text(shape.rank, shape.dims, found),
	               shape_text(rank, dims, expected),
	               is_theano_order(layer, &shape) ? ": this is Theano's order; use the file in TensorFlow's" : "");
}

/* One tensor of the layer as float32, checked; freed by the caller. */
static int read_weight(const struct hdf_file *file, const char *path, const struct layer *layer, bool kernel,
                       float **out, struct err *err)
{
	size_t dims[4] = {3, 3, layer->in, layer->out};
	size_t rank = kernel ? 4 : 1, count = kernel ? layer_kernel_count(layer) : layer->out;
	void *data = NULL;
	int code = check_shape(file, path, layer, rank, kernel ? dims : dims + 3, err);
	if (code == OK)
		code = hdf_read(file, path, HDF_F32, count, &data, NULL, err);
	if (code == OK)
		*out = data;
	return code;
}

static int read_layer(const struct hdf_file *file, const struct places *places, size_t i, struct layer *layer,
                      struct err *err)
{
	float *kernel = NULL, *bias = NULL;
	if (!places->kernel[i] || !places->bias[i])
		return err_set(err, ERR_DATA, "%s: has a %s but no %s", layer->name, places->kernel[i] ? "kernel" : "bias",
		               places->kernel[i] ? "bias" : "kernel");
	int code = read_weight(file, places->kernel[i], layer, true, &kernel, err);
	if (code == OK)
		code = read_weight(file, places->bias[i], layer, false, &bias, err);
	if (code == OK)
		code = layer_set(layer, kernel, bias, err);
	free(kernel);
	free(bias);
	return code;
}

int network_read_keras(struct network *network, const char *path, size_t *filled, struct err *err)
{
	struct hdf_file *file = NULL;
	struct places places = {0};
	size_t taken = 0;
	int code = hdf_open(&file, path, err);
	if (code != OK)
		return code;
	code = note_layers(file, network, &places, err);
	for (size_t i = 0; code == OK && i < network->count; i++) {
		struct layer *layer = &network->layers[i];
		if (layer->kernel || (!places.kernel[i] && !places.bias[i]))
			continue;
		code = read_layer(file, &places, i, layer, err);
		taken++;
	}
	places_free(&places);
	hdf_close(file);
	if (code == OK)
		*filled = taken;
	else if (strncmp(err->text, path, strlen(path)) != 0) /* what the HDF5 layer says names the file already */
		err_wrap(err, "%s", path);
	return code;
}

/* ---- a whole network ---- */

/* The last pooling before the first convolution without weights, NULL when that is in the first block. */
static const char *complete_cut(const struct network *network)
{
	const char *cut = NULL;
	for (size_t i = 0; i < network->count; i++) {
		if (network->layers[i].kind == LAYER_POOL)
			cut = network->layers[i].name;
		else if (!network->layers[i].kernel)
			break;
	}
	return cut;
}

static int missing_error(const struct network *network, const struct network_source *source, const char *names,
                         struct err *err)
{
	const char *cut = complete_cut(network);
	return err_set(err, ERR_DATA, "%s%s no weights for %s; set network.missing = init to initialise them%s%s",
	               source->files[0], source->n_files > 1 ? " and the other weight files have" : " has", names,
	               cut ? ", or network.cut = " : "", cut ? cut : "");
}

/* What no file holds is initialised, when the settings allow that. */
static int complete(struct network *network, const struct network_source *source, struct err *err)
{
	struct strbuf names = {0};
	size_t missing = network_missing(network, &names);
	int code = strbuf_check(&names, err);
	if (code == OK && missing && source->n_files && source->missing != MISSING_INIT)
		code = missing_error(network, source, names.text, err);
	if (code == OK)
		code = network_init_missing(network, source->seed, err);
	strbuf_free(&names);
	return code;
}

int network_load(struct network **out, const struct network_source *source, struct err *err)
{
	struct network *network = NULL;
	int code = vgg16_new(&network, source->cut, err);
	for (size_t i = 0; code == OK && i < source->n_files; i++) {
		size_t filled;
		code = network_read_keras(network, source->files[i], &filled, err);
	}
	if (code == OK)
		code = complete(network, source, err);
	if (code != OK) {
		network_free(network);
		return code;
	}
	*out = network;
	return OK;
}
