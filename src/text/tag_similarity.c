/* The only file of text that needs HDF5. */
#include "text/text.h"

#include "io/io.h"

#include <stdlib.h>

static float *similarity_matrix(const struct vectors *unit, size_t n, struct err *err)
{
	float *matrix = mem_alloc(n, n * sizeof *matrix, err);

	if (!matrix)
		return NULL;
	/* On one thread: how a product is divided must not show in the bytes. */
	blas_threads(1);
	gemm_run(&(struct gemm){
		.m = n, .n = n, .k = unit->size, .transpose_b = true, .alpha = 1,
		.a = unit->data, .lda = unit->size, .b = unit->data, .ldb = unit->size, .c = matrix, .ldc = n,
	});
	/* Exactly symmetric with ones on the diagonal, which rounding alone does not give. */
	for (size_t i = 0; i < n; i++) {
		matrix[i * n + i] = 1;
		for (size_t j = 0; j < i; j++)
			matrix[i * n + j] = matrix[j * n + i];
	}
	return matrix;
}

int tag_similarity_save(const char *path, const struct vectors *unit, char *const *tags, size_t n, struct err *err)
{
	struct hdf_file *file = NULL;
	struct hdf_shape shape = {.type = HDF_F32, .rank = 2, .dims = {n, n}};
	float *matrix = NULL;
	int code = ERR_MEMORY;

	if (n < 1 || n > unit->count)
		return err_set(err, ERR_SETTINGS, "%s: similarity of %zu of %zu tags", path, n, unit->count);
	if (!(matrix = similarity_matrix(unit, n, err)))
		return ERR_MEMORY;
	if ((code = hdf_create(&file, path, err)) != OK ||
	    (code = hdf_write(file, "similarity", &shape, matrix, 0, err)) != OK ||
	    (code = hdf_write_texts(file, "names", tags, n, err)) != OK)
		goto out;
	code = hdf_commit(file, err);
	file = NULL;
out:
	if (file)
		hdf_close(file);
	free(matrix);
	return code;
}
