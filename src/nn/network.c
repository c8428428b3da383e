#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void network_free(struct network *network)
{
	for (size_t i = 0; network && i < network->count; i++)
		free(network->layers[i].owned);
	free(network);
}

struct layer *network_layer(struct network *network, const char *name)
{
	for (size_t i = 0; i < network->count; i++)
		if (strcmp(network->layers[i].name, name) == 0)
			return &network->layers[i];
	return NULL;
}

size_t layer_kernel_count(const struct layer *layer)
{
	return layer->kind == LAYER_CONV ? 9 * layer->in * layer->out : 0;
}

static bool is_all_finite(const float *values, size_t count)
{
	/* By the bits, so that the loop has no order to keep and runs as wide as the machine allows. */
	const uint32_t exponent = 0x7f800000u;
	uint32_t bad = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t bits;
		memcpy(&bits, &values[i], sizeof bits);
		bad |= (bits & exponent) == exponent;
	}
	return !bad;
}

static int check_finite(const char *tensor, const float *values, size_t count, struct err *err)
{
	if (is_all_finite(values, count))
		return OK;
	size_t bad = 0;
	while (isfinite(values[bad]))
		bad++;
	return err_set(err, ERR_DATA, "%s: value %zu of %zu is %g, not a finite number", tensor, bad, count,
	               (double)values[bad]);
}

static int layer_check(const struct layer *layer, const float *kernel, const float *bias, struct err *err)
{
	int code = check_finite(layer->kernel_name, kernel, layer_kernel_count(layer), err);
	return code != OK ? code : check_finite(layer->bias_name, bias, layer->out, err);
}

/* Room for kernel and bias in one block. */
static int layer_allocate(struct layer *layer, struct err *err)
{
	size_t count = layer_kernel_count(layer);
	float *block = mem_alloc(count + layer->out, sizeof *block, err);
	if (!block)
		return ERR_MEMORY;
	free(layer->owned);
	layer->owned = block;
	layer->kernel = block;
	layer->bias = block + count;
	return OK;
}

int layer_set(struct layer *layer, const float *kernel, const float *bias, struct err *err)
{
	int code = layer_check(layer, kernel, bias, err);
	if (code != OK || (code = layer_allocate(layer, err)) != OK)
		return code;
	memcpy(layer->owned, kernel, layer_kernel_count(layer) * sizeof *kernel);
	memcpy(layer->owned + layer_kernel_count(layer), bias, layer->out * sizeof *bias);
	layer->origin = ORIGIN_FILE;
	return OK;
}

static int layer_init(struct layer *layer, uint64_t seed, struct err *err)
{
	int code = layer_allocate(layer, err);
	if (code != OK)
		return code;
	struct rng rng;
	double deviation = sqrt(2.0 / (9.0 * (double)layer->in));
	rng_seed(&rng, seed, layer->kernel_name, 0);
	for (size_t i = 0; i < layer_kernel_count(layer); i++)
		layer->owned[i] = (float)(deviation * rng_normal(&rng));
	layer->origin = ORIGIN_INIT;
	return OK;
}

int network_init_missing(struct network *network, uint64_t seed, struct err *err)
{
	for (size_t i = 0; i < network->count; i++) {
		struct layer *layer = &network->layers[i];
		if (layer->kind != LAYER_CONV || layer->kernel)
			continue;
		int code = layer_init(layer, seed, err);
		if (code != OK)
			return code;
	}
	return OK;
}

size_t network_missing(const struct network *network, struct strbuf *names)
{
	size_t missing = 0;
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		if (layer->kind == LAYER_CONV && !layer->kernel)
			strbuf_format(names, "%s%s", missing++ ? ", " : "", layer->name);
	}
	return missing;
}

const char *network_pretrained(const struct network *network)
{
	size_t convolutions = 0, from_file = 0;
	for (size_t i = 0; i < network->count; i++) {
		convolutions += network->layers[i].kind == LAYER_CONV ? 1 : 0;
		from_file += network->layers[i].origin == ORIGIN_FILE ? 1 : 0;
	}
	return from_file == 0 ? "none" : from_file == convolutions ? "full" : "partial";
}

/* ---- safetensors ---- */

static int layer_borrow(struct layer *layer, const struct tensor_file *file, struct err *err)
{
	const struct tensor *kernel, *bias;
	int code =
	    tensors_need(file, layer->kernel_name, NPY_F32, 4, (size_t[]){3, 3, layer->in, layer->out}, &kernel, err);
	if (code == OK)
		code = tensors_need(file, layer->bias_name, NPY_F32, 1, &layer->out, &bias, err);
	if (code == OK)
		code = layer_check(layer, kernel->data, bias->data, err);
	if (code != OK)
		return code;
	layer->kernel = kernel->data;
	layer->bias = bias->data;
	layer->origin = ORIGIN_FILE;
	return OK;
}

int network_from_tensors(struct network **out, const struct tensor_file *file, int cut, struct err *err)
{
	struct network *network = NULL;
	int code = vgg16_new(&network, cut, err);
	for (size_t i = 0; code == OK && i < network->count; i++)
		if (network->layers[i].kind == LAYER_CONV)
			code = layer_borrow(&network->layers[i], file, err);
	if (code != OK) {
		network_free(network);
		return code;
	}
	*out = network;
	return OK;
}

size_t network_tensors(const struct network *network, struct tensor *out)
{
	size_t count = 0;
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		if (!layer->kernel)
			continue;
		out[count++] = (struct tensor){.name = layer->kernel_name,
		                               .type = NPY_F32,
		                               .rank = 4,
		                               .dims = {3, 3, layer->in, layer->out},
		                               .data = layer->kernel};
		out[count++] = (struct tensor){
		    .name = layer->bias_name, .type = NPY_F32, .rank = 1, .dims = {layer->out}, .data = layer->bias};
	}
	return count;
}
