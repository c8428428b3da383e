/* Random likes, and what a training of them is asked for. */
#ifndef MOODCAST_TESTS_ALS_FIXTURE_H
#define MOODCAST_TESTS_ALS_FIXTURE_H

#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recsys/recsys_internal.h"

#define USERS 60
#define ITEMS 90

/* Long and short rows, two rows and two columns without entries, likes from 0 upwards. */
static inline struct csr draw_matrix(uint64_t seed)
{
	struct err err = {0};
	struct rng rng;
	struct csr m = {.rows = USERS, .columns = ITEMS};
	m.start = mem_alloc(USERS + 1, sizeof *m.start, &err);
	m.index = mem_alloc(USERS * ITEMS, sizeof *m.index, &err);
	m.value = mem_alloc(USERS * ITEMS, sizeof *m.value, &err);
	rng_seed(&rng, seed, "test.als", 0);
	size_t at = 0;
	for (size_t u = 0; u < USERS; u++) {
		double density = u % 7 == 0 ? 0.7 : 0.1;
		float likes = (float)rng_below(&rng, 40) * (float)rng_below(&rng, 3);
		for (size_t i = 0; i < ITEMS; i++) {
			bool empty = u == 3 || u == USERS - 1 || i == 0 || i == 50;
			if (rng_unit(&rng) >= density || empty)
				continue;
			m.index[at] = (int32_t)i;
			m.value[at++] = likes;
		}
		m.start[u + 1] = (int64_t)at;
	}
	return m;
}

static inline struct als_options options_of(long factors, long iterations, int confidence)
{
	return (struct als_options){.model = {.factors = factors,
	                                      .iterations = iterations,
	                                      .regularization = 0.08,
	                                      .alpha = 1,
	                                      .confidence = confidence},
	                            .seed = 7,
	                            .threads = 1};
}

static inline struct als_options descending(long factors, long iterations, long steps)
{
	struct als_options options = options_of(factors, iterations, CONFIDENCE_LOG);
	options.model.solver = SOLVER_CG;
	options.model.cg_steps = steps;
	return options;
}

static inline void assert_same_model(const struct als_model *a, const struct als_model *b)
{
	assert_int_equal(a->iterations, b->iterations);
	assert_memory_equal(a->user, b->user, a->users * a->factors * sizeof(float));
	assert_memory_equal(a->item, b->item, a->items * a->factors * sizeof(float));
	assert_memory_equal(a->loss, b->loss, a->iterations * sizeof(double));
}

#endif
