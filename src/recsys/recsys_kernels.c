/*
 * The float32 kernels behind ALS and the song search, written once over vectors of sixteen floats and compiled for
 * three levels of CPU. The compiler splits a vector into what the level has; lanes and order of summation stay the
 * same, so the levels agree bit for bit.
 */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <string.h>

#define LANES RECSYS_LANES
#define INLINE static inline __attribute__((always_inline))

typedef float lanes_f32 __attribute__((vector_size(4 * LANES)));

/* Vectors are handed over by address: passing them by value has no stable ABI below AVX-512. */
INLINE void lanes_load(lanes_f32 *v, const float *from)
{
	memcpy(v, from, sizeof *v);
}

INLINE void lanes_load_part(lanes_f32 *v, const float *from, size_t count)
{
	*v = (lanes_f32){0};
	memcpy(v, from, count * sizeof *from);
}

INLINE void lanes_store(float *to, const lanes_f32 *v)
{
	memcpy(to, v, sizeof *v);
}

/* sums[m] = Σ of the lanes of v[m]: four rounds, each of which adds halves and packs two vectors into one. */
INLINE void lanes_sums(lanes_f32 v[LANES], lanes_f32 *sums)
{
	for (int i = 0; i < 8; i++)
		v[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
		       __builtin_shufflevector(v[2 * i], v[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30,
		                               31);
	for (int i = 0; i < 4; i++)
		v[i] =
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
	for (int i = 0; i < 2; i++)
		v[i] =
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
		    __builtin_shufflevector(v[2 * i], v[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
	*sums = __builtin_shufflevector(v[0], v[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
	        __builtin_shufflevector(v[0], v[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

INLINE void dots_step(lanes_f32 sum[16], const lanes_f32 a[4], const lanes_f32 b[4])
{
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			sum[4 * i + j] += a[i] * b[j];
}

INLINE void dots_body(const float *const x[4], const float *const y[4], size_t n, float *out, size_t ld)
{
	lanes_f32 sum[16] = {{0}}, a[4], b[4];
	size_t k = 0;
	for (; k + LANES <= n; k += LANES) {
		for (int i = 0; i < 4; i++) {
			lanes_load(&a[i], x[i] + k);
			lanes_load(&b[i], y[i] + k);
		}
		dots_step(sum, a, b);
	}
	if (k < n) {
		for (int i = 0; i < 4; i++) {
			lanes_load_part(&a[i], x[i] + k, n - k);
			lanes_load_part(&b[i], y[i] + k, n - k);
		}
		dots_step(sum, a, b);
	}
	float flat[16];
	lanes_f32 sums;
	lanes_sums(sum, &sums);
	lanes_store(flat, &sums);
	for (size_t i = 0; i < 4; i++)
		memcpy(out + i * ld, flat + 4 * i, 4 * sizeof *flat);
}

INLINE void project_body(const float *x, const float *const y[LANES], size_t n, float *out)
{
	lanes_f32 sum[LANES] = {{0}}, a, b;
	for (size_t k = 0; k < n; k += LANES) {
		size_t part = n - k < LANES ? n - k : LANES;
		lanes_load_part(&a, x + k, part);
		for (int j = 0; j < LANES; j++) {
			lanes_load_part(&b, y[j] + k, part);
			sum[j] += a * b;
		}
	}
	lanes_f32 sums;
	lanes_sums(sum, &sums);
	lanes_store(out, &sums);
}

/* 8 vectors of the result at a time stay in registers while all rows pass. */
INLINE void combine_body(size_t count, const float *weight, const float *const *y, size_t n, float *out)
{
	size_t k = 0;
	for (; k + 8 * LANES <= n; k += 8 * LANES) {
		lanes_f32 sum[8] = {{0}}, v;
		for (size_t j = 0; j < count; j++) {
			for (int q = 0; q < 8; q++) {
				lanes_load(&v, y[j] + k + (size_t)q * LANES);
				sum[q] += weight[j] * v;
			}
		}
		memcpy(out + k, sum, sizeof sum);
	}
	for (; k < n; k += LANES) {
		size_t part = n - k < LANES ? n - k : LANES;
		lanes_f32 sum = {0}, v;
		for (size_t j = 0; j < count; j++) {
			lanes_load_part(&v, y[j] + k, part);
			sum += weight[j] * v;
		}
		memcpy(out + k, &sum, part * sizeof *out);
	}
}

INLINE void rank_update_body(size_t n, size_t ld, size_t rows, const float *p, float *a)
{
	for (size_t i = 0; i < n; i += 4) {
		size_t high = n - i < 4 ? n - i : 4;
		for (size_t k = i / LANES * LANES; k < n; k += LANES) {
			lanes_f32 sum[4] = {{0}}, v;
			for (size_t r = 0; r < rows; r++) {
				lanes_load(&v, p + r * ld + k);
				for (size_t q = 0; q < 4; q++)
					sum[q] += p[r * ld + i + q] * v;
			}
			for (size_t q = 0; q < high; q++) {
				float *to = a + (i + q) * ld + k;
				lanes_load(&v, to);
				v += sum[q];
				lanes_store(to, &v);
			}
		}
	}
}

/* row −= Σ_q factor[q] above[q], columns from … n. */
INLINE void eliminate(size_t from, size_t n, size_t count, const float *const above[4], const float factor[4],
                      float *row)
{
	lanes_f32 v, u;
	for (size_t k = from / LANES * LANES; k < n; k += LANES) {
		lanes_load(&v, row + k);
		for (size_t q = 0; q < count; q++) {
			lanes_load(&u, above[q] + k);
			v -= factor[q] * u;
		}
		lanes_store(row + k, &v);
	}
}

/* Four rows of U at a time, then all rows below less their part: U is read once for four columns. */
INLINE size_t cholesky_body(size_t n, size_t ld, float *a)
{
	for (size_t j = 0; j < n; j += 4) {
		size_t high = n - j < 4 ? n - j : 4;
		const float *above[4] = {a + j * ld, a + j * ld, a + j * ld, a + j * ld};
		for (size_t p = 0; p < high; p++) {
			float *row = a + (j + p) * ld, factor[4] = {0};
			for (size_t q = 0; q < p; q++)
				factor[q] = above[q][j + p];
			eliminate(j, n, p, above, factor, row);
			float pivot = row[j + p];
			if (!(pivot > 0) || !isfinite(pivot))
				return j + p;
			float inverse = 1.0f / sqrtf(pivot);
			for (size_t k = j + p + 1; k < n; k++)
				row[k] *= inverse;
			row[j + p] = inverse;
			above[p] = row;
		}
		for (size_t i = j + high; i < n; i++) {
			float factor[4] = {above[0][i], above[1][i], above[2][i], above[3][i]};
			eliminate(i, n, 4, above, factor, a + i * ld);
		}
	}
	return n;
}

/* row · b over the columns after j: single steps up to a whole vector, then vectors. */
INLINE float dot_after(size_t j, size_t ld, const float *row, const float *b)
{
	size_t k = j + 1, whole = (k + LANES - 1) / LANES * LANES;
	float sum = 0, flat[LANES];
	for (; k < whole; k++)
		sum += row[k] * b[k];
	lanes_f32 total = {0}, v, w;
	for (; k < ld; k += LANES) {
		lanes_load(&v, row + k);
		lanes_load(&w, b + k);
		total += v * w;
	}
	lanes_store(flat, &total);
	for (int step = LANES / 2; step > 0; step /= 2)
		for (int q = 0; q < step; q++)
			flat[q] += flat[q + step];
	return sum + flat[0];
}

INLINE void solve_body(size_t n, size_t ld, const float *u, float *b)
{
	for (size_t j = 0; j < n; j++) {
		const float *row = u + j * ld;
		float z = b[j] * row[j];
		b[j] = z;
		for (size_t k = j + 1; k < n; k++)
			b[k] -= z * row[k];
	}
	for (size_t j = n; j-- > 0;) {
		const float *row = u + j * ld;
		b[j] = (b[j] - dot_after(j, ld, row, b)) * row[j];
	}
}

/* ---- the three levels ------------------------------------------------------------------------- */

static void dots_base(const float *const x[4], const float *const y[4], size_t n, float *out, size_t ld)
{
	dots_body(x, y, n, out, ld);
}

static void project_base(const float *x, const float *const y[LANES], size_t n, float *out)
{
	project_body(x, y, n, out);
}

static void combine_base(size_t count, const float *weight, const float *const *y, size_t n, float *out)
{
	combine_body(count, weight, y, n, out);
}

static void rank_update_base(size_t n, size_t ld, size_t rows, const float *p, float *a)
{
	rank_update_body(n, ld, rows, p, a);
}

static size_t cholesky_base(size_t n, size_t ld, float *a)
{
	return cholesky_body(n, ld, a);
}

static void solve_base(size_t n, size_t ld, const float *u, float *b)
{
	solve_body(n, ld, u, b);
}

#define AVX2 __attribute__((target("avx2")))

static AVX2 void dots_avx2(const float *const x[4], const float *const y[4], size_t n, float *out, size_t ld)
{
	dots_body(x, y, n, out, ld);
}

static AVX2 void project_avx2(const float *x, const float *const y[LANES], size_t n, float *out)
{
	project_body(x, y, n, out);
}

static AVX2 void combine_avx2(size_t count, const float *weight, const float *const *y, size_t n, float *out)
{
	combine_body(count, weight, y, n, out);
}

static AVX2 void rank_update_avx2(size_t n, size_t ld, size_t rows, const float *p, float *a)
{
	rank_update_body(n, ld, rows, p, a);
}

static AVX2 size_t cholesky_avx2(size_t n, size_t ld, float *a)
{
	return cholesky_body(n, ld, a);
}

static AVX2 void solve_avx2(size_t n, size_t ld, const float *u, float *b)
{
	solve_body(n, ld, u, b);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

static AVX512 void dots_avx512(const float *const x[4], const float *const y[4], size_t n, float *out, size_t ld)
{
	dots_body(x, y, n, out, ld);
}

static AVX512 void project_avx512(const float *x, const float *const y[LANES], size_t n, float *out)
{
	project_body(x, y, n, out);
}

static AVX512 void combine_avx512(size_t count, const float *weight, const float *const *y, size_t n, float *out)
{
	combine_body(count, weight, y, n, out);
}

static AVX512 void rank_update_avx512(size_t n, size_t ld, size_t rows, const float *p, float *a)
{
	rank_update_body(n, ld, rows, p, a);
}

static AVX512 size_t cholesky_avx512(size_t n, size_t ld, float *a)
{
	return cholesky_body(n, ld, a);
}

static AVX512 void solve_avx512(size_t n, size_t ld, const float *u, float *b)
{
	solve_body(n, ld, u, b);
}

static const struct recsys_kernels tables[] = {
    [CPU_BASELINE] = {dots_base, combine_base, rank_update_base, cholesky_base, solve_base, project_base},
    [CPU_AVX2] = {dots_avx2, combine_avx2, rank_update_avx2, cholesky_avx2, solve_avx2, project_avx2},
    [CPU_AVX512] = {dots_avx512, combine_avx512, rank_update_avx512, cholesky_avx512, solve_avx512, project_avx512},
};

const struct recsys_kernels *recsys_kernels_at(enum cpu_level level)
{
	return level <= cpu_features()->level ? &tables[level] : NULL;
}

const struct recsys_kernels *recsys_kernels(void)
{
	return &tables[cpu_features()->level];
}

size_t recsys_padded(size_t n)
{
	return (n + LANES - 1) / LANES * LANES;
}
