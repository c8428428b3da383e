/* The kernels below the solver, and that every level of the CPU gives the same bits. */
#include "als_fixture.h"

static void fill(struct rng *rng, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)rng_normal(rng);
}

static void kernels_equal_plain_sums(void **state)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	struct rng rng;
	(void)state;
	rng_seed(&rng, 1, "test.kernels", 0);
	for (size_t n = 1; n < 150; n += 7) {
		float *x = canary_new(4 * n), *y = canary_new(4 * n), *out = canary_new(16), *sum = canary_new(n), wanted[16],
		      total[150];
		fill(&rng, x, 4 * n);
		fill(&rng, y, 4 * n);
		const float *xs[4] = {x, x + n, x + 2 * n, x + 3 * n}, *ys[4] = {y, y + n, y + 2 * n, y + 3 * n};
		kernels->dots(xs, ys, n, out, 4);
		for (size_t i = 0; i < 16; i++) {
			double dot = 0;
			for (size_t k = 0; k < n; k++)
				dot += (double)xs[i / 4][k] * ys[i % 4][k];
			wanted[i] = (float)dot;
		}
		assert_close(out, wanted, 16, 1e-5, 1e-4);
		kernels->combine(4, wanted, ys, n, sum);
		for (size_t k = 0; k < n; k++)
			total[k] = wanted[0] * y[k] + wanted[1] * y[n + k] + wanted[2] * y[2 * n + k] + wanted[3] * y[3 * n + k];
		assert_close(sum, total, n, 1e-5, 1e-4);
		canary_check(out, 16);
		canary_check(sum, n);
		canary_free(x);
		canary_free(y);
		canary_free(out);
		canary_free(sum);
	}
}

static void cholesky_solves_what_rank_update_builds(void **state)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	struct err err = {0};
	struct rng rng;
	(void)state;
	rng_seed(&rng, 2, "test.kernels", 0);
	for (size_t n = 1; n < 70; n += 5) {
		size_t ld = recsys_padded(n), rows = n + 3;
		float *p = mem_alloc(rows * ld, sizeof *p, &err), *a = canary_new(n * ld), *b = canary_new(ld);
		double *dense = mem_alloc(n * n, sizeof *dense, &err), right[70];
		float want[70];
		memset(a, 0, n * ld * sizeof *a);
		memset(b, 0, ld * sizeof *b);
		for (size_t r = 0; r < rows; r++)
			fill(&rng, p + r * ld, n);
		fill(&rng, b, n);
		for (size_t i = 0; i < n; i++) {
			right[i] = b[i];
			a[i * ld + i] = 2;
			for (size_t j = 0; j <= i; j++) {
				dense[i * n + j] = i == j ? 2 : 0;
				for (size_t r = 0; r < rows; r++)
					dense[i * n + j] += (double)p[r * ld + i] * p[r * ld + j];
			}
		}
		kernels->rank_update(n, ld, rows, p, a);
		assert_int_equal(kernels->cholesky(n, ld, a), n);
		kernels->solve(n, ld, a, b);
		assert_ok(cholesky_factor(n, dense, &err));
		cholesky_solve(n, dense, right);
		for (size_t i = 0; i < n; i++)
			want[i] = (float)right[i];
		assert_close(b, want, n, 1e-4, 2e-5);
		canary_check(a, n * ld);
		canary_check(b, ld);
		canary_free(a);
		canary_free(b);
		free(p);
		free(dense);
	}
}

static void cholesky_names_the_pivot_that_is_not_positive(void **state)
{
	float a[6 * 16] = {0};
	(void)state;
	for (size_t i = 0; i < 6; i++)
		a[i * 16 + i] = i == 4 ? -1 : 1;
	assert_int_equal(recsys_kernels()->cholesky(6, 16, a), 4);
}

static void every_cpu_level_gives_the_same_bits(void **state)
{
	struct rng rng;
	const float *rows[16];
	float projected[16], other_projected[16], x[4][77], y[4][77], base[16], other[16], sum[77], other_sum[77],
	    a[2][77 * 80], b[2][80];
	const float *xs[4] = {x[0], x[1], x[2], x[3]}, *ys[4] = {y[0], y[1], y[2], y[3]};
	const struct recsys_kernels *lowest = recsys_kernels_at(CPU_BASELINE);
	(void)state;
	rng_seed(&rng, 3, "test.kernels", 0);
	fill(&rng, x[0], 4 * 77);
	fill(&rng, y[0], 4 * 77);
	lowest->dots(xs, ys, 77, base, 4);
	lowest->combine(4, base, ys, 77, sum);
	for (int j = 0; j < 16; j++)
		rows[j] = y[j % 4];
	lowest->project(x[0], rows, 77, projected);
	for (int j = 0; j < 4; j++)
		assert_true(projected[j] == base[j] && projected[j + 12] == base[j]);
	if (!recsys_kernels_at(CPU_AVX2))
		skip();
	for (enum cpu_level level = CPU_AVX2; level <= CPU_AVX512 && recsys_kernels_at(level); level++) {
		const struct recsys_kernels *kernels = recsys_kernels_at(level);
		const struct recsys_kernels *both[2] = {lowest, kernels};
		kernels->dots(xs, ys, 77, other, 4);
		kernels->combine(4, base, ys, 77, other_sum);
		kernels->project(x[0], rows, 77, other_projected);
		assert_memory_equal(projected, other_projected, sizeof projected);
		assert_memory_equal(base, other, sizeof base);
		assert_memory_equal(sum, other_sum, sizeof sum);
		for (int k = 0; k < 2; k++) {
			float p[4 * 80] = {0};
			memset(a[k], 0, sizeof a[k]);
			memset(b[k], 0, sizeof b[k]);
			for (size_t i = 0; i < 77; i++) {
				a[k][i * 80 + i] = 1;
				b[k][i] = x[1][i];
				for (size_t r = 0; r < 4; r++)
					p[r * 80 + i] = y[r][i];
			}
			both[k]->rank_update(77, 80, 4, p, a[k]);
			assert_int_equal(both[k]->cholesky(77, 80, a[k]), 77);
			both[k]->solve(77, 80, a[k], b[k]);
		}
		assert_memory_equal(b[0], b[1], sizeof b[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kernels_equal_plain_sums),
	    cmocka_unit_test(cholesky_solves_what_rank_update_builds),
	    cmocka_unit_test(cholesky_names_the_pivot_that_is_not_positive),
	    cmocka_unit_test(every_cpu_level_gives_the_same_bits),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
