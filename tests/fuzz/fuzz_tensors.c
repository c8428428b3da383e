/* A safetensors file: whatever its header tells, no tensor lies outside it. */
#include "fuzz_file.h"
#include "io/io.h"

static size_t bytes_of(const struct tensor *tensor)
{
	static const size_t wide[] = {[NPY_F32] = 4, [NPY_F64] = 8, [NPY_I32] = 4, [NPY_I64] = 8, [NPY_U8] = 1};
	size_t bytes = wide[tensor->type];
	for (size_t i = 0; i < tensor->rank; i++)
		bytes *= tensor->dims[i];
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct tensor_file *file = NULL;
	char path[96];
	fuzz_file(path, "safetensors", bytes, size);
	if (tensors_map(&file, path, &err) != OK && !err.text[0])
		abort();
	for (size_t i = 0; file && i < tensors_count(file); i++) {
		const struct tensor *tensor = tensors_at(file, i);
		size_t count = bytes_of(tensor);
		if (count > size || tensors_find(file, tensor->name) != tensor)
			abort();
		volatile uint64_t sum = hash64(tensor->data, count, 0);
		(void)sum;
	}
	tensors_unmap(file);
	unlink(path);
	return 0;
}
