/*
 * bench_head FILE ROWS WIDTH CLASSES THREADS EPOCHS: seconds of an epoch of the head (batch 50, Adam) on cached
 * features: float32 rows, then int32 labels, as FILE holds them. Prints a line an epoch, the first (a warm-up) left
 * out.
 */
#include "nn/head_internal.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 50

static void check(int code, const struct err *err)
{
	if (code == OK)
		return;
	fprintf(stderr, "bench_head: %s\n", err->text);
	exit(3);
}

static void *read_array(FILE *file, size_t count, size_t size)
{
	void *array = malloc(count * size);
	if (!array || fread(array, size, count, file) != count) {
		fprintf(stderr, "bench_head: the file is too short, or memory too small\n");
		exit(3);
	}
	return array;
}

/* As head_train's loop: the order is shuffled anew, each step is a gradient and a move. */
static void epoch(struct head_trainer *trainer, size_t *order, size_t number)
{
	size_t n = trainer->data->n;
	struct head_loss loss;
	struct err err = {0};
	struct rng rng;
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	rng_seed(&rng, 1, "emotion.shuffle", number);
	rng_shuffle(&rng, order, n);
	for (size_t first = 0; first < n; first += BATCH) {
		check(head_trainer_gradient(trainer, order + first, n - first < BATCH ? n - first : BATCH, &loss, &err), &err);
		check(head_trainer_step(trainer, &err), &err);
	}
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct head_trainer *trainer;
	if (argc != 7)
		return 2;
	FILE *file = fopen(argv[1], "rb");
	if (!file)
		return 3;
	struct head_data data = {
	    .n = (size_t)atol(argv[2]), .inputs = (size_t)atol(argv[3]), .classes = (size_t)atol(argv[4])};
	struct head_training training = {.epochs = 1, .batch = BATCH, .learning_rate = 1e-3, .threads = atoi(argv[5])};
	data.rows = read_array(file, data.n * data.inputs, sizeof(float));
	data.labels = read_array(file, data.n, sizeof(int32_t));
	fclose(file);
	size_t *order = malloc(data.n * sizeof *order);
	omp_set_num_threads(training.threads);
	blas_threads(1); /* blocks of features are the tasks, as in head_train */
	check(head_trainer_new(&trainer, &data, 0, &training, &err), &err);
	for (size_t i = 0; i <= (size_t)atol(argv[6]); i++) {
		double started = clock_seconds();
		epoch(trainer, order, i + 1);
		if (i)
			printf("%.6f\n", clock_seconds() - started);
	}
	head_trainer_free(trainer);
	head_data_free(&data);
	free(order);
	return 0;
}
