/* A planted object, and what a training of it is asked for. */
#ifndef MOODCAST_TESTS_BOOST_FIXTURE_H
#define MOODCAST_TESTS_BOOST_FIXTURE_H

#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/train_internal.h"

#define WINDOW 12
#define PIXELS (WINDOW * WINDOW)

/* A planted object: a dark bar with bright flanks, at random strength, in noise. */
static void draw_object(struct rng *rng, uint8_t *pixels, size_t stride)
{
	double strength = rng_range(rng, 20, 60);
	for (size_t y = 0; y < WINDOW; y++)
		for (size_t x = 0; x < WINDOW; x++) {
			bool bar = y >= 4 && y < 7;
			pixels[y * stride + x] = (uint8_t)(128 + (bar ? -strength : strength / 3) + rng_range(rng, -60, 60));
		}
}

struct world {
	struct crops positives;
	struct image backgrounds[12];
};

static void world_new(struct world *world, size_t positives, uint64_t seed)
{
	struct err err = {0};
	struct rng rng;
	uint8_t pixels[PIXELS];
	rng_seed(&rng, seed, "test.world", 0);
	world->positives = (struct crops){.width = WINDOW, .height = WINDOW};
	for (size_t i = 0; i < positives; i++) {
		draw_object(&rng, pixels, WINDOW);
		assert_ok(crops_push(&world->positives, pixels, &err));
	}
	for (size_t b = 0; b < ARRAY_COUNT(world->backgrounds); b++) {
		struct image *image = &world->backgrounds[b];
		double period = rng_range(&rng, 3, 25), turn = rng_range(&rng, 0, 3), noise = rng_range(&rng, 10, 60);
		assert_ok(image_new(image, 120, 90, 1, &err));
		for (size_t i = 0; i < 120 * 90; i++) {
			double x = (double)(i % 120), y = (double)(i / 120);
			image->pixels[i] =
			    (uint8_t)(128 + 60 * sin((x * cos(turn) + y * sin(turn)) / period) + rng_range(&rng, -noise, noise));
		}
	}
}

static void world_free(struct world *world)
{
	crops_free(&world->positives);
	for (size_t b = 0; b < ARRAY_COUNT(world->backgrounds); b++)
		image_free(&world->backgrounds[b]);
}

#endif
