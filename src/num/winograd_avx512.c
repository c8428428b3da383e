/* Compiled for x86-64-v4; called only where cpu_features() says so. */
#include <immintrin.h>

typedef __m512 vec;
#define LANES 16
#define ROWS 6 /* 24 sums, 4 loads and a broadcast of 32 registers */
#define COLUMNS 4
#define DEPTH 128 /* · 64 columns · 4 bytes = 32 KB */
#define KERNELS winograd_avx512
#define vec_load(p) _mm512_loadu_ps(p)
#define vec_store(p, v) _mm512_storeu_ps(p, v)
#define vec_set(x) _mm512_set1_ps(x)
#define vec_add(a, b) _mm512_add_ps(a, b)
#define vec_sub(a, b) _mm512_sub_ps(a, b)
#define vec_mul(a, b) _mm512_mul_ps(a, b)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_fnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define vec_max(a, b) _mm512_max_ps(a, b)
#define HALF
#define vec_load_half(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define vec_store_half(p, v) \
	_mm256_storeu_si256((__m256i *)(void *)(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))

#include "num/winograd_kernel_internal.h"
