/* Drawn examples for the head, and how it is usually trained. */
#ifndef MOODCAST_TESTS_HEAD_FIXTURE_H
#define MOODCAST_TESTS_HEAD_FIXTURE_H

#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/head_internal.h"

/* n examples of `inputs` features; class c is shifted by `distance` along features c, c + classes, c + 2·classes. */
static struct head_data draw_data(size_t n, size_t inputs, size_t classes, double distance, uint64_t seed)
{
	struct err err = {0};
	struct head_data data = {.n = n, .inputs = inputs, .classes = classes};
	struct rng rng;

	data.rows = mem_alloc(n * inputs, sizeof(float), &err);
	data.labels = mem_alloc(n, sizeof(int32_t), &err);
	assert_non_null(data.labels);
	rng_seed(&rng, seed, "test.head", 0);
	for (size_t i = 0; i < n; i++) {
		data.labels[i] = (int32_t)(i < classes ? i : rng_below(&rng, classes));
		for (size_t j = 0; j < inputs; j++) {
			double mean = j < 3 * classes && j % classes == (size_t)data.labels[i] ? distance : 0;
			data.rows[i * inputs + j] = (float)(mean + rng_normal(&rng));
		}
	}
	return data;
}

__attribute__((unused)) static struct head_training usual(void)
{
	return (struct head_training){.epochs = 10,
	                              .batch = 16,
	                              .patience = 3,
	                              .learning_rate = 1e-2,
	                              .l2 = 1e-3,
	                              .balance = true,
	                              .standardise = true,
	                              .seed = 7,
	                              .threads = 2};
}

static struct head *flat_head(size_t inputs, size_t classes)
{
	struct err err = {0};
	struct head *head;

	assert_ok(head_new(&head, (struct map_shape){1, 1, inputs}, 0, 0, classes, &err));
	return head;
}

#endif
