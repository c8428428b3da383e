/* A .npy in memory, and the same bytes as an .npz whose array is called a. What is accepted is as large as it says. */
#include "fuzz_file.h"
#include "io/io.h"

static void touch(struct npy *array)
{
	size_t count = array->item;
	for (size_t i = 0; i < array->rank; i++)
		count *= array->dims[i];
	volatile uint64_t sum = hash64(array->data, count, 0);
	(void)sum;
	npy_free(array);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct npy array;
	char path[96];
	if (npy_parse(&array, bytes, size, "fuzz", &err) == OK)
		touch(&array);
	else if (!err.text[0])
		abort();
	if (size < 2 || bytes[0] != 'P')
		return 0;
	err = (struct err){0};
	fuzz_file(path, "npz", bytes, size);
	if (npz_load(&array, path, "a", &err) == OK)
		touch(&array);
	else if (!err.text[0])
		abort();
	unlink(path);
	return 0;
}
