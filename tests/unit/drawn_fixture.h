/* A few drawn people. */
#ifndef MOODCAST_TESTS_DRAWN_FIXTURE_H
#define MOODCAST_TESTS_DRAWN_FIXTURE_H

#include "support/support.h"

#include "io/io.h"
#include "recsys/recsys.h"
#include "vision/drawn_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct drawn_faces small = {
    .people = 3, .pictures = 12, .width = 173, .height = 115, .seed = 7, .threads = 2};

static bool same_image(const struct image *a, const struct image *b)
{
	return a->width == b->width && a->height == b->height && !memcmp(a->pixels, b->pixels, a->width * a->height * 3);
}

#endif
