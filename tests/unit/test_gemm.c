/* Matrix products: the BLAS calls against plain C with double sums. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

static float *random_floats(size_t count, const char *stream)
{
	struct err err = {0};
	struct rng rng;
	float *values = mem_alloc(count, sizeof *values, &err);
	assert_non_null(values);
	rng_seed(&rng, 7, stream, 0);
	for (size_t i = 0; i < count; i++)
		values[i] = (float)rng_range(&rng, -1, 1);
	return values;
}

static void compare_gemm(struct gemm gemm, size_t a_count, size_t b_count)
{
	size_t count = gemm.m * gemm.ldc;
	float *a = random_floats(a_count, "a"), *b = random_floats(b_count, "b"), *start = random_floats(count, "c");
	float *fast = canary_new(count), *slow = canary_new(count);
	memcpy(fast, start, count * sizeof *fast);
	memcpy(slow, start, count * sizeof *slow);
	gemm.a = a;
	gemm.b = b;
	gemm.c = fast;
	gemm_run(&gemm);
	gemm.c = slow;
	gemm_ref(&gemm);
	assert_close(fast, slow, count, 1e-5, 1e-5 * sqrt((double)gemm.k));
	canary_check(fast, count);
	canary_free(fast);
	canary_free(slow);
	free(a);
	free(b);
	free(start);
}

static void products_of_odd_shapes_equal_the_reference(void **state)
{
	(void)state;
	static const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {17, 33, 65}, {64, 64, 576}, {81, 130, 27}};
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		for (int flags = 0; flags < 4; flags++) {
			struct gemm gemm = {.m = shapes[i][0], .n = shapes[i][1], .k = shapes[i][2], .transpose_a = flags & 1,
			                    .transpose_b = flags & 2, .alpha = 0.75f, .beta = 0.5f};
			gemm.lda = (gemm.transpose_a ? gemm.m : gemm.k) + 2;
			gemm.ldb = (gemm.transpose_b ? gemm.k : gemm.n) + 3;
			gemm.ldc = gemm.n + 1;
			compare_gemm(gemm, (gemm.transpose_a ? gemm.k : gemm.m) * gemm.lda,
			             (gemm.transpose_b ? gemm.n : gemm.k) * gemm.ldb);
		}
	}
}

static void beta_zero_does_not_read_what_was_there(void **state)
{
	(void)state;
	float a[2] = {1, 2}, b[2] = {3, 4}, c[1] = {NAN}, d[1] = {NAN};
	struct gemm gemm = {.m = 1, .n = 1, .k = 2, .alpha = 1, .a = a, .b = b, .c = c, .lda = 2, .ldb = 1, .ldc = 1};
	gemm_run(&gemm);
	gemm.c = d;
	gemm_ref(&gemm);
	assert_true(c[0] == 11.0f);
	assert_true(d[0] == 11.0f);
}

static void vectors_and_triangles_equal_plain_sums(void **state)
{
	(void)state;
	enum { rows = 37, n = 19 };
	float *a = random_floats(rows * n, "a"), *x = random_floats(n, "x"), y[rows], want[rows], c[n * n];
	double square = 0;
	gemv_run(rows, n, a, n, x, y);
	for (size_t i = 0; i < rows; i++) {
		double sum = 0;
		for (size_t j = 0; j < n; j++)
			sum += (double)a[i * n + j] * (double)x[j];
		want[i] = (float)sum;
	}
	assert_close(y, want, rows, 1e-5, 1e-5);
	for (size_t j = 0; j < n; j++)
		square += (double)x[j] * (double)x[j];
	assert_float_equal(dot_run(n, x, x), (float)square, 1e-5);
	assert_float_equal(norm_run(n, x), (float)sqrt(square), 1e-5);
	axpy_run(n, -1, x, x);
	assert_float_equal(norm_run(n, x), 0, 1e-6);

	for (size_t i = 0; i < n * n; i++)
		c[i] = 5;
	syrk_run(n, rows, a, n, 1, c);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			double sum = 5;
			for (size_t r = 0; j <= i && r < rows; r++)
				sum += (double)a[r * n + i] * (double)a[r * n + j];
			assert_float_equal(c[i * n + j], (float)sum, 1e-4); /* above the diagonal nothing is written */
		}
	}
	free(a);
	free(x);
}

static void softmax_rows_sum_to_one_and_survive_large_numbers(void **state)
{
	(void)state;
	float x[] = {1, 2, 3, 1000, 1000, -1000, -80, -81, -82};
	softmax_rows(3, 3, x);
	for (size_t row = 0; row < 3; row++)
		assert_float_equal(x[3 * row] + x[3 * row + 1] + x[3 * row + 2], 1, 1e-6);
	assert_float_equal(x[2], exp(2) / (1 + exp(1) + exp(2)), 1e-6);
	assert_float_equal(x[3], 0.5, 1e-6);
	assert_true(x[5] == 0);
	assert_float_equal(x[6] / x[7], exp(1), 1e-4);
}

static void a_better_core_is_named_only_for_a_weaker_one(void **state)
{
	(void)state;
	char *before = getenv("OPENBLAS_CORETYPE"), *kept = before ? strdup(before) : NULL;
	setenv("OPENBLAS_CORETYPE", "Haswell", 1);
	assert_null(blas_better_core());
	unsetenv("OPENBLAS_CORETYPE");
	const char *better = blas_better_core();
	if (cpu_features()->level == CPU_BASELINE)
		assert_null(better);
	if (strcmp(blas_core(), "SkylakeX") == 0)
		assert_null(better);
	if (strcmp(blas_core(), "Prescott") == 0 && cpu_features()->level == CPU_AVX512)
		assert_string_equal(better, "SkylakeX");
	if (strcmp(blas_core(), "Prescott") == 0 && cpu_features()->level == CPU_AVX2)
		assert_string_equal(better, "Haswell");
	if (kept)
		setenv("OPENBLAS_CORETYPE", kept, 1);
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(products_of_odd_shapes_equal_the_reference),
	    cmocka_unit_test(beta_zero_does_not_read_what_was_there),
	    cmocka_unit_test(vectors_and_triangles_equal_plain_sums),
	    cmocka_unit_test(softmax_rows_sum_to_one_and_survive_large_numbers),
	    cmocka_unit_test(a_better_core_is_named_only_for_a_weaker_one),
	};
	return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
