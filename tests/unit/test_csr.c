/* Compressed rows: transposition against a dense table, refusals of broken arrays. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "num/num.h"

static struct csr random_matrix(size_t rows, size_t columns, double share, bool values)
{
	struct err err = {0};
	struct rng rng;
	struct csr matrix = {.rows = rows, .columns = columns};
	matrix.start = mem_alloc(rows + 1, sizeof *matrix.start, &err);
	matrix.index = mem_alloc(rows * columns, sizeof *matrix.index, &err);
	matrix.value = values ? mem_alloc(rows * columns, sizeof *matrix.value, &err) : NULL;
	rng_seed(&rng, 2, "csr", rows * columns);
	int64_t count = 0;
	for (size_t row = 0; row < rows; row++) {
		for (size_t column = 0; column < columns; column++) {
			if (rng_unit(&rng) >= share)
				continue;
			matrix.index[count] = (int32_t)column;
			if (values)
				matrix.value[count] = (float)rng_normal(&rng);
			count++;
		}
		matrix.start[row + 1] = count;
	}
	return matrix;
}

static float *dense(const struct csr *matrix, bool turned)
{
	struct err err = {0};
	float *table = mem_alloc(matrix->rows * matrix->columns, sizeof *table, &err);
	for (size_t row = 0; row < matrix->rows; row++)
		for (int64_t i = matrix->start[row]; i < matrix->start[row + 1]; i++) {
			size_t column = (size_t)matrix->index[i];
			table[turned ? column * matrix->rows + row : row * matrix->columns + column] =
			    matrix->value ? matrix->value[i] : 1;
		}
	return table;
}

static void a_transpose_holds_the_same_values_turned(void **state)
{
	(void)state;
	struct err err = {0};
	static const size_t shapes[][2] = {{1, 1}, {5, 9}, {40, 3}, {0, 4}, {4, 0}};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		for (int values = 0; values < 2; values++) {
			struct csr matrix = random_matrix(shapes[i][0], shapes[i][1], 0.3, values), turned;
			assert_ok(csr_transpose(&matrix, &turned, &err));
			assert_ok(csr_check(&turned, &err));
			assert_int_equal(turned.rows, matrix.columns);
			assert_int_equal(turned.columns, matrix.rows);
			assert_int_equal(turned.value != NULL, values);
			float *want = dense(&matrix, true), *got = dense(&turned, false);
			assert_memory_equal(want, got, matrix.rows * matrix.columns * sizeof *want);
			free(want);
			free(got);
			csr_free(&turned);
			csr_free(&matrix);
		}
	}
}

static void two_transposes_give_the_matrix_back(void **state)
{
	(void)state;
	struct err err = {0};
	struct csr matrix = random_matrix(31, 17, 0.2, true), once, twice;
	assert_ok(csr_transpose(&matrix, &once, &err));
	assert_ok(csr_transpose(&once, &twice, &err));
	size_t count = (size_t)matrix.start[31];
	assert_memory_equal(matrix.start, twice.start, 32 * sizeof *matrix.start);
	assert_memory_equal(matrix.index, twice.index, count * sizeof *matrix.index);
	assert_memory_equal(matrix.value, twice.value, count * sizeof *matrix.value);
	csr_free(&matrix);
	csr_free(&once);
	csr_free(&twice);
}

static void broken_rows_are_named(void **state)
{
	(void)state;
	struct err err;
	int64_t start[] = {0, 2, 3};
	int32_t index[] = {0, 2, 1};
	struct csr matrix = {.rows = 2, .columns = 3, .start = start, .index = index};
	assert_int_equal(csr_check(&matrix, &err), OK);
	index[1] = 3;
	assert_refused(csr_check(&matrix, &err), ERR_DATA, "row 0: column 3 is outside 0..2");
	index[1] = 0;
	assert_refused(csr_check(&matrix, &err), ERR_DATA, "not ascending");
	index[1] = 2, index[2] = -1;
	assert_refused(csr_check(&matrix, &err), ERR_DATA, "row 1: column -1");
	index[2] = 1, start[1] = 4;
	assert_refused(csr_check(&matrix, &err), ERR_DATA, "row 1 ends at 3, before its start 4");
	start[1] = 2, start[0] = 1;
	assert_refused(csr_check(&matrix, &err), ERR_DATA, "row 0 starts at 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_transpose_holds_the_same_values_turned),
	    cmocka_unit_test(two_transposes_give_the_matrix_back),
	    cmocka_unit_test(broken_rows_are_named),
	};
	return cmocka_run_group_tests_name("csr", tests, NULL, NULL);
}
