/* Window-sized pictures: keeping and judging them. */
#include "vision/train_internal.h"

#include <stdlib.h>
#include <string.h>

void crops_free(struct crops *crops)
{
	free(crops->pixels);
	crops->pixels = NULL;
	crops->count = crops->capacity = 0;
}

int crops_push(struct crops *crops, const uint8_t *pixels, struct err *err)
{
	size_t size = (size_t)crops->width * (size_t)crops->height;
	if (crops->count == crops->capacity) {
		uint8_t *grown = mem_grow(crops->pixels, &crops->capacity, crops->count + 1, size, err);
		if (!grown)
			return err->code;
		crops->pixels = grown;
	}
	memcpy(crops->pixels + crops->count++ * size, pixels, size);
	return OK;
}

int crop_judge_new(struct crop_judge *out, int width, int height, struct err *err)
{
	size_t stride = (size_t)width + 1, plane = stride * ((size_t)height + 1);
	out->memory = mem_alloc(3 * plane, sizeof *out->memory, err);
	if (!out->memory)
		return err->code;
	out->integral = (struct integral){(size_t)width, (size_t)height,      stride,
	                                  out->memory,   out->memory + plane, out->memory + 2 * plane};
	return OK;
}

void crop_judge_free(struct crop_judge *judge)
{
	free(judge->memory);
	judge->memory = NULL;
}

int crop_judge_run(struct crop_judge *judge, const struct cascade *cascade, const uint8_t *pixels, double *sum)
{
	integral_build(&judge->integral, pixels, judge->integral.width);
	return cascade_window_ref(cascade, &judge->integral, 0, 0, sum);
}
