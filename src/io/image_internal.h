/*
 * Shared by the two readers of pictures.
 */
#ifndef MOODCAST_IMAGE_INTERNAL_H
#define MOODCAST_IMAGE_INTERNAL_H

#include "io/io.h"

/* OpenCV's grey value of a colour. */
uint8_t image_grey(unsigned r, unsigned g, unsigned b);
/* `channels` 0, 1 or 3; the bytes begin with PNG's signature. */
int png_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name,
               struct err *err) MUST_CHECK;

#endif
