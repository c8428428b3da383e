/*
 * opencv_createsamples' .vec files, little endian: int32 count, int32 pixels a sample, two int16 that nobody reads;
 * then for each sample one byte and its pixels as int16, row by row.
 */
#include "vision/vision_internal.h"

#define VEC_HEADER 12u

static uint32_t word_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int vec_open(struct vec_file *out, const void *bytes, size_t size, const char *name, struct err *err)
{
	const uint8_t *at = bytes;
	if (size < VEC_HEADER)
		return err_set(err, ERR_DATA, "%s: %zu bytes are too few for the header of a .vec file", name, size);
	uint64_t count = word_at(at), pixels = word_at(at + 4);
	if (count == 0 || count > INT32_MAX || pixels == 0 || pixels > WINDOW_MOST * WINDOW_MOST)
		return err_set(err, ERR_DATA,
		               "%s: its header tells of %llu samples of %llu pixels; 1..2147483647 of 1..%d are possible", name,
		               (unsigned long long)count, (unsigned long long)pixels, WINDOW_MOST * WINDOW_MOST);
	uint64_t wanted = VEC_HEADER + count * (1 + 2 * pixels);
	if (wanted != size)
		return err_set(err, ERR_DATA,
		               "%s: %llu samples of %llu pixels take %llu bytes, the file has %zu: it is cut off or its count "
		               "is wrong",
		               name, (unsigned long long)count, (unsigned long long)pixels, (unsigned long long)wanted, size);
	*out = (struct vec_file){name, at + VEC_HEADER, (size_t)count, (size_t)pixels};
	return OK;
}

int vec_sample(const struct vec_file *file, size_t i, uint8_t *pixels, struct err *err)
{
	const uint8_t *at = file->samples + i * (1 + 2 * file->pixels) + 1;
	for (size_t p = 0; p < file->pixels; p++) {
		if (at[2 * p + 1] != 0)
			return err_set(err, ERR_DATA, "%s: sample %zu, pixel %zu: %d is no grey level (0..255)", file->name, i, p,
			               (int)(int16_t)(at[2 * p] | at[2 * p + 1] << 8));
		pixels[p] = at[2 * p];
	}
	return OK;
}
