/*
 * bench_tune block5|all BATCH THREADS STEPS: seconds of a training step (gradient and Adam) of VGG16's last layers with
 * a head of seven classes, at 150 pixels. Prints a line a step, the first (a warm-up) left out.
 */
#include "nn/nn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

static void check(int code, const struct err *err)
{
	if (code == OK)
		return;
	fprintf(stderr, "bench_tune: %s\n", err->text);
	exit(3);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct network *network;
	struct head *head;
	struct tuner *tuner;
	struct rng rng;
	if (argc != 5)
		return 2;
	bool all = strcmp(argv[1], "all") == 0;
	size_t batch = (size_t)atoi(argv[2]), steps = (size_t)atoi(argv[4]);
	struct tuner_options options = {.map = all ? (struct map_shape){150, 150, 3} : (struct map_shape){9, 9, 512},
	                                .batch = batch, .threads = atoi(argv[3])};
	omp_set_num_threads(options.threads);
	blas_threads(options.threads);
	check(vgg16_new(&network, CUT_BLOCK5_POOL, &err), &err);
	check(network_init_missing(network, 1, &err), &err);
	check(network_first_behind(network, all ? "input" : "block4_pool", &options.first, &err), &err);
	check(head_new(&head, (struct map_shape){4, 4, 512}, 0, 0, 7, &err), &err);
	check(tuner_new(&tuner, network, head, &options, &err), &err);
	size_t floats = batch * options.map.height * options.map.width * options.map.channels;
	float *maps = malloc(floats * sizeof *maps);
	int32_t *labels = malloc(batch * sizeof *labels);
	rng_seed(&rng, 1, "bench", 0);
	for (size_t i = 0; i < floats; i++)
		maps[i] = (float)(all ? rng_range(&rng, -120, 130) : rng_range(&rng, 0, 2));
	for (size_t i = 0; i < batch; i++)
		labels[i] = (int32_t)(i % 7);
	for (size_t step = 0; step <= steps; step++) {
		double loss, started = clock_seconds();
		check(tuner_gradient(tuner, batch, maps, labels, &loss, &err), &err);
		tuner_step(tuner, 1e-5);
		if (step)
			printf("%.6f\n", clock_seconds() - started);
	}
	tuner_free(tuner);
	head_free(head);
	network_free(network);
	free(maps);
	free(labels);
	return 0;
}
