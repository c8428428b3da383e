/* Compiled for x86-64-v3; called only where cpu_features() says so. */
#include <immintrin.h>

typedef __m256 vec;
#define LANES 8
#define ROWS 6 /* 12 sums, 2 loads and a broadcast of 16 registers */
#define COLUMNS 2
#define DEPTH 256 /* · 16 columns · 4 bytes = 16 KB */
#define KERNELS winograd_avx2
#define vec_load(p) _mm256_loadu_ps(p)
#define vec_store(p, v) _mm256_storeu_ps(p, v)
#define vec_set(x) _mm256_set1_ps(x)
#define vec_add(a, b) _mm256_add_ps(a, b)
#define vec_sub(a, b) _mm256_sub_ps(a, b)
#define vec_mul(a, b) _mm256_mul_ps(a, b)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_fnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define vec_max(a, b) _mm256_max_ps(a, b)
#define HALF
#define vec_load_half(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define vec_store_half(p, v) \
	_mm_storeu_si128((__m128i *)(void *)(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))

#include "num/winograd_kernel_internal.h"
