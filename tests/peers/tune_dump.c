/* tune_dump FIRST SIZE BATCH FOLDER: the whole of VGG16 with a head of seven classes, a gradient from layer FIRST
 * ("input", "block4_pool") on; all arrays as raw float32 into FOLDER: weights, maps, gradients (kernel and bias of each
 * trained layer, then of the head), loss. */
#include "nn/nn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int code, const struct err *err)
{
	if (code == OK)
		return;
	fprintf(stderr, "tune_dump: %s\n", err->text);
	exit(3);
}

static FILE *create(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	if (!file)
		exit(3);
	return file;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct network *network;
	struct head *head;
	struct tuner *tuner;
	struct map_shape map;
	struct rng rng;
	if (argc != 5)
		return 2;
	size_t size = (size_t)atoi(argv[2]), batch = (size_t)atoi(argv[3]);
	struct tuner_options options = {.batch = batch, .threads = 2};
	check(vgg16_new(&network, CUT_BLOCK5_POOL, &err), &err);
	check(network_init_missing(network, 1, &err), &err);
	check(network_shape(network, size, &map, &err), &err);
	check(head_new(&head, map, 0, 0, 7, &err), &err);
	check(network_first_behind(network, argv[1], &options.first, &err), &err);
	options.map = (struct map_shape){size, size, 3};
	for (size_t i = 0; i < options.first; i++)
		options.map = network->layers[i].kind == LAYER_POOL
		                  ? (struct map_shape){options.map.height / 2, options.map.width / 2, options.map.channels}
		                  : (struct map_shape){options.map.height, options.map.width, network->layers[i].out};
	rng_seed(&rng, 3, "tune_dump", 0);
	size_t weights = head->inputs * head->classes,
	       floats = batch * options.map.height * options.map.width * options.map.channels;
	for (size_t i = 0; i < weights; i++)
		head->owned[i] = (float)rng_range(&rng, -0.05, 0.05);
	float *maps = malloc(floats * sizeof *maps);
	int32_t *labels = malloc(batch * sizeof *labels);
	for (size_t i = 0; i < floats; i++)
		maps[i] = (float)rng_range(&rng, 0, 2);
	for (size_t i = 0; i < batch; i++)
		labels[i] = (int32_t)(i % 7);
	double loss;
	check(tuner_new(&tuner, network, head, &options, &err), &err);
	check(tuner_gradient(tuner, batch, maps, labels, &loss, &err), &err);
	FILE *values = create(argv[4], "weights"), *gradients = create(argv[4], "gradients"),
	     *input = create(argv[4], "maps");
	for (size_t i = options.first; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		size_t kernel = layer_kernel_count(layer);
		if (layer->kind != LAYER_CONV)
			continue;
		fwrite(layer->owned, sizeof(float), kernel + layer->out, values);
		fwrite(tuner_gradient_of(tuner, layer->owned), sizeof(float), kernel, gradients);
		fwrite(tuner_gradient_of(tuner, layer->owned + kernel), sizeof(float), layer->out, gradients);
	}
	fwrite(head->owned, sizeof(float), weights + 7, values);
	fwrite(tuner_gradient_of(tuner, head->owned), sizeof(float), weights, gradients);
	fwrite(tuner_gradient_of(tuner, head->owned + weights), sizeof(float), 7, gradients);
	fwrite(maps, sizeof(float), floats, input);
	if (fclose(values) || fclose(gradients) || fclose(input))
		return 3;
	printf("%.9g %zu %zu %zu\n", loss, options.map.height, options.map.width, options.map.channels);
	tuner_free(tuner);
	head_free(head);
	network_free(network);
	free(maps);
	free(labels);
	return 0;
}
