/* A .vec file: whatever its header tells, no sample lies outside it. */
#include "fuzz_file.h"
#include "vision/vision_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct vec_file file;
	if (vec_open(&file, bytes, size, "fuzz.vec", &err) != OK)
		return err.code == ERR_DATA ? 0 : 1;
	uint8_t *pixels = malloc(file.pixels);
	for (size_t i = 0; pixels && i < file.count; i++)
		if (vec_sample(&file, i, pixels, &err) != OK && err.code != ERR_DATA)
			abort();
	free(pixels);
	return 0;
}
