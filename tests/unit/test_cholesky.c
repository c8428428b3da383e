/* Cholesky: L L' gives the matrix back, and what is solved fits the equations. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

/* G G' + n I for a random G: positive definite. */
static void random_definite(size_t n, double *a)
{
	struct rng rng;
	double *g = calloc(n * n, sizeof *g);
	rng_seed(&rng, 6, "cholesky", n);
	for (size_t i = 0; i < n * n; i++)
		g[i] = rng_normal(&rng);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			a[i * n + j] = i == j ? (double)n : 0;
			for (size_t k = 0; k < n; k++)
				a[i * n + j] += g[i * n + k] * g[j * n + k];
		}
	free(g);
}

static void factors_multiply_back_and_solutions_fit(void **state)
{
	(void)state;
	struct err err = {0};
	static const size_t sizes[] = {1, 2, 7, 64};
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		size_t n = sizes[s];
		double *a = calloc(n * n, sizeof *a), *l = calloc(n * n, sizeof *l), x[64], b[64];
		random_definite(n, a);
		memcpy(l, a, n * n * sizeof *a);
		for (size_t i = 0; i < n; i++)
			for (size_t j = i + 1; j < n; j++)
				l[i * n + j] = NAN; /* the upper triangle is neither read nor written */
		assert_ok(cholesky_factor(n, l, &err));
		for (size_t i = 0; i < n; i++) {
			b[i] = x[i] = (double)i - 3;
			for (size_t j = 0; j <= i; j++) {
				double sum = 0;
				for (size_t k = 0; k <= j; k++)
					sum += l[i * n + k] * l[j * n + k];
				assert_float_equal(sum, a[i * n + j], 1e-9 * (double)n);
			}
		}
		cholesky_solve(n, l, x);
		for (size_t i = 0; i < n; i++) {
			double sum = 0;
			for (size_t j = 0; j < n; j++)
				sum += a[i * n + j] * x[j];
			assert_float_equal(sum, b[i], 1e-9 * (double)n);
		}
		free(a);
		free(l);
	}
}

static void a_pivot_that_is_not_positive_is_named(void **state)
{
	(void)state;
	struct err err;
	double indefinite[] = {1, 0, 0, 2, 1, 0, 0, 0, 1}, none[] = {NAN};
	assert_refused(cholesky_factor(3, indefinite, &err), ERR_NUMERIC, "pivot 1 of 3 is -3");
	assert_refused(cholesky_factor(1, none, &err), ERR_NUMERIC, "pivot 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(factors_multiply_back_and_solutions_fit),
	    cmocka_unit_test(a_pivot_that_is_not_positive_is_named),
	};
	return cmocka_run_group_tests_name("cholesky", tests, NULL, NULL);
}
