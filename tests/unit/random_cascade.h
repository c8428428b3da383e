/* Cascades and pictures drawn at random, for tests of the detector. */
#ifndef MOODCAST_RANDOM_CASCADE_H
#define MOODCAST_RANDOM_CASCADE_H

#include <math.h>
#include <stdlib.h>

#include "vision/train_internal.h"

#define WINDOW 12

/* Stages of stumps and, when asked for, three-node trees over random features of all kinds, each letting about half of
 * random windows pass. */
static inline struct cascade *random_cascade(uint64_t seed, size_t stages, bool trees)
{
	struct err err = {0};
	struct cascade *cascade;
	struct rng rng;
	size_t count = haar_features_count(HAAR_SET_ALL, WINDOW, WINDOW);
	struct haar_feature *features = mem_alloc(count, sizeof *features, &err);
	haar_features_list(HAAR_SET_ALL, WINDOW, WINDOW, features);
	rng_seed(&rng, seed, "test.cascade", 0);
	assert_ok(cascade_new(&cascade, WINDOW, WINDOW, &err));
	for (size_t s = 0; s < stages; s++) {
		assert_ok(cascade_add_stage(cascade, 0.f, &err));
		for (size_t t = 0; t < 4; t++) {
			bool tree = trees && (s + t) % 3 == 0;
			struct cascade_node nodes[3];
			float leaves[4];
			for (size_t n = 0; n < 3; n++) {
				nodes[n] = (struct cascade_node){0, -1, cascade->n_features, (float)(0.01 * rng_normal(&rng))};
				assert_ok(cascade_add_feature(cascade, &features[rng_below(&rng, count)], &err));
			}
			for (size_t n = 0; n < 4; n++)
				leaves[n] = (float)rng_normal(&rng);
			if (tree) {
				nodes[0].left = 1;
				nodes[0].right = 2;
				nodes[1].left = 0;
				nodes[1].right = -1;
				nodes[2].left = -2;
				nodes[2].right = -3;
			}
			assert_ok(cascade_add_tree(cascade, nodes, leaves, tree ? 3 : 1, &err));
		}
	}
	assert_ok(cascade_finish(cascade, &err));
	free(features);
	return cascade;
}

/* Smooth blobs and noise, so that windows are neither flat nor alike. */
static inline struct image random_picture(size_t width, size_t height, size_t channels, uint64_t seed)
{
	struct err err = {0};
	struct image image;
	struct rng rng;
	rng_seed(&rng, seed, "test.picture", 0);
	assert_ok(image_new(&image, width, height, channels, &err));
	for (size_t i = 0; i < width * height * channels; i++) {
		double x = (double)(i / channels % width), y = (double)(i / channels / width);
		image.pixels[i] = (uint8_t)(128 + 60 * sin(x / 9) * cos(y / 7) + rng_range(&rng, -50, 50));
	}
	return image;
}

#endif
