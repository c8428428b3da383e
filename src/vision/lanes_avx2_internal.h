/* Eight lanes: AVX2. Included by scan_avx2.c alone, which is compiled for such processors. */
#ifndef MOODCAST_LANES_AVX2_H
#define MOODCAST_LANES_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define LANES 8
#define GROUP 2 /* blocks of LANES windows that share the reading of a node */

typedef __m256i lanes_int;
typedef __m256 lanes_float;
typedef __m256 lanes_mask; /* all bits of a lane */
struct lanes_double {
	__m256d low, high;
};

static inline lanes_int lanes_load(const uint32_t *from)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static inline void lanes_store(uint32_t *to, lanes_int a)
{
	_mm256_storeu_si256((__m256i *)(void *)to, a);
}

static inline lanes_int lanes_bytes(const uint8_t *from)
{
	return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)from));
}

static inline lanes_int lanes_int_splat(int32_t a)
{
	return _mm256_set1_epi32(a);
}

static inline lanes_int lanes_add(lanes_int a, lanes_int b)
{
	return _mm256_add_epi32(a, b);
}

static inline lanes_int lanes_sub(lanes_int a, lanes_int b)
{
	return _mm256_sub_epi32(a, b);
}

static inline lanes_int lanes_times(lanes_int a, lanes_int b)
{
	return _mm256_mullo_epi32(a, b);
}

static inline lanes_float lanes_from_int(lanes_int a)
{
	return _mm256_cvtepi32_ps(a);
}

static inline lanes_float lanes_splat(float a)
{
	return _mm256_set1_ps(a);
}

static inline lanes_float lanes_load_float(const float *from)
{
	return _mm256_loadu_ps(from);
}

static inline void lanes_store_float(float *to, lanes_float a)
{
	_mm256_storeu_ps(to, a);
}

static inline lanes_float lanes_plus(lanes_float a, lanes_float b)
{
	return _mm256_add_ps(a, b);
}

static inline lanes_float lanes_mul(lanes_float a, lanes_float b)
{
	return _mm256_mul_ps(a, b);
}

static inline lanes_mask lanes_all(void)
{
	return _mm256_castsi256_ps(_mm256_set1_epi32(-1));
}

static inline lanes_mask lanes_less(lanes_float a, lanes_float b)
{
	return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

static inline lanes_mask lanes_and(lanes_mask a, lanes_mask b)
{
	return _mm256_and_ps(a, b);
}

/* b and not a */
static inline lanes_mask lanes_and_not(lanes_mask a, lanes_mask b)
{
	return _mm256_andnot_ps(a, b);
}

static inline lanes_float lanes_pick(lanes_mask mask, lanes_float yes, lanes_float no)
{
	return _mm256_blendv_ps(no, yes, mask);
}

static inline struct lanes_double lanes_double_zero(void)
{
	return (struct lanes_double){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

static inline struct lanes_double lanes_add_wide(struct lanes_double sum, lanes_float a)
{
	sum.low = _mm256_add_pd(sum.low, _mm256_cvtps_pd(_mm256_castps256_ps128(a)));
	sum.high = _mm256_add_pd(sum.high, _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)));
	return sum;
}

/* sum + (mask ? leaf[0] : leaf[1]); leaves are floats, so choosing before widening gives the same. */
static inline struct lanes_double lanes_add_leaf(struct lanes_double sum, lanes_mask mask, const double leaf[2])
{
	return lanes_add_wide(sum, lanes_pick(mask, lanes_splat((float)leaf[0]), lanes_splat((float)leaf[1])));
}

/* Bits of the lanes whose sum is not below the limit. */
static inline unsigned lanes_reach(struct lanes_double sum, double limit)
{
	__m256d wanted = _mm256_set1_pd(limit);
	return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(sum.low, wanted, _CMP_NLT_UQ)) |
	       (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(sum.high, wanted, _CMP_NLT_UQ)) << 4;
}

static inline unsigned lanes_nonzero(lanes_float a)
{
	return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_NEQ_OQ));
}

static inline __m256d wide_unsigned(__m128i a)
{
	__m128i shifted = _mm_xor_si128(a, _mm_set1_epi32(INT32_MIN));
	return _mm256_add_pd(_mm256_cvtepi32_pd(shifted), _mm256_set1_pd(2147483648.0));
}

static inline __m128 half_scale(__m128i sums, __m128i squares, double area, double flat)
{
	__m256d sum = _mm256_cvtepi32_pd(sums), wide = _mm256_set1_pd(area);
	__m256d spread = _mm256_sub_pd(_mm256_mul_pd(wide, wide_unsigned(squares)), _mm256_mul_pd(sum, sum));
	__m256d valid = _mm256_cmp_pd(spread, _mm256_setzero_pd(), _CMP_GT_OQ);
	__m128 scale = _mm256_cvtpd_ps(
	    _mm256_and_pd(valid, _mm256_div_pd(_mm256_set1_pd(1.0), _mm256_sqrt_pd(spread))));
	__m256d rough = _mm256_cmp_pd(_mm256_mul_pd(wide, _mm256_cvtps_pd(scale)), _mm256_set1_pd(flat), _CMP_LT_OQ);
	return _mm256_cvtpd_ps(_mm256_and_pd(rough, _mm256_cvtps_pd(scale)));
}

/* (float)(1 / sqrt(area·squares − sum²)), 0 where area times it is not below `flat`; squares are unsigned. */
static inline lanes_float lanes_scale(lanes_int sums, lanes_int squares, double area, double flat)
{
	__m128 low = half_scale(_mm256_castsi256_si128(sums), _mm256_castsi256_si128(squares), area, flat);
	__m128 high = half_scale(_mm256_extracti128_si256(sums, 1), _mm256_extracti128_si256(squares, 1), area, flat);
	return _mm256_set_m128(high, low);
}

/* Inclusive sums from lane 0. */
static inline lanes_int lanes_prefix(lanes_int a)
{
	a = _mm256_add_epi32(a, _mm256_slli_si256(a, 4));
	a = _mm256_add_epi32(a, _mm256_slli_si256(a, 8));
	__m256i lower = _mm256_permutevar8x32_epi32(a, _mm256_set1_epi32(3));
	return _mm256_add_epi32(a, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xf0));
}

static inline lanes_int lanes_last(lanes_int a)
{
	return _mm256_permutevar8x32_epi32(a, _mm256_set1_epi32(7));
}

/* Lane i: the pair row[at[i]] | row[at[i] + 1] << 16. */
static inline lanes_int lanes_pairs(const uint16_t *row, const uint32_t *at)
{
	return _mm256_i32gather_epi32((const int *)(const void *)row, lanes_load(at), 2);
}

static inline lanes_int lanes_low_halves(lanes_int a)
{
	return _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
}

static inline lanes_int lanes_high_halves(lanes_int a)
{
	return _mm256_srli_epi32(a, 16);
}

static inline void lanes_store_bytes(uint8_t *to, lanes_int a)
{
	__m128i words = _mm_packus_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
	_mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(words, words));
}

#endif
