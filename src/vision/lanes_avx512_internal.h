/* Sixteen lanes: AVX-512 F, BW, DQ, VL. Included by scan_avx512.c alone, which is compiled for such processors. */
#ifndef MOODCAST_LANES_AVX512_H
#define MOODCAST_LANES_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define LANES 16
#define GROUP 4 /* blocks of LANES windows that share the reading of a node */

typedef __m512i lanes_int;
typedef __m512 lanes_float;
typedef __mmask16 lanes_mask;
struct lanes_double {
	__m512d low, high;
};

static inline lanes_int lanes_load(const uint32_t *from)
{
	return _mm512_loadu_si512(from);
}

static inline void lanes_store(uint32_t *to, lanes_int a)
{
	_mm512_storeu_si512(to, a);
}

static inline lanes_int lanes_bytes(const uint8_t *from)
{
	return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
}

static inline lanes_int lanes_int_splat(int32_t a)
{
	return _mm512_set1_epi32(a);
}

static inline lanes_int lanes_add(lanes_int a, lanes_int b)
{
	return _mm512_add_epi32(a, b);
}

static inline lanes_int lanes_sub(lanes_int a, lanes_int b)
{
	return _mm512_sub_epi32(a, b);
}

static inline lanes_int lanes_times(lanes_int a, lanes_int b)
{
	return _mm512_mullo_epi32(a, b);
}

static inline lanes_float lanes_from_int(lanes_int a)
{
	return _mm512_cvtepi32_ps(a);
}

static inline lanes_float lanes_splat(float a)
{
	return _mm512_set1_ps(a);
}

static inline lanes_float lanes_load_float(const float *from)
{
	return _mm512_loadu_ps(from);
}

static inline void lanes_store_float(float *to, lanes_float a)
{
	_mm512_storeu_ps(to, a);
}

static inline lanes_float lanes_plus(lanes_float a, lanes_float b)
{
	return _mm512_add_ps(a, b);
}

static inline lanes_float lanes_mul(lanes_float a, lanes_float b)
{
	return _mm512_mul_ps(a, b);
}

static inline lanes_mask lanes_all(void)
{
	return 0xffff;
}

static inline lanes_mask lanes_less(lanes_float a, lanes_float b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline lanes_mask lanes_and(lanes_mask a, lanes_mask b)
{
	return (lanes_mask)(a & b);
}

/* b and not a */
static inline lanes_mask lanes_and_not(lanes_mask a, lanes_mask b)
{
	return (lanes_mask)(~a & b);
}

static inline lanes_float lanes_pick(lanes_mask mask, lanes_float yes, lanes_float no)
{
	return _mm512_mask_blend_ps(mask, no, yes);
}

static inline struct lanes_double lanes_double_zero(void)
{
	return (struct lanes_double){_mm512_setzero_pd(), _mm512_setzero_pd()};
}

static inline struct lanes_double lanes_add_wide(struct lanes_double sum, lanes_float a)
{
	__m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
	sum.low = _mm512_add_pd(sum.low, _mm512_cvtps_pd(_mm512_castps512_ps256(a)));
	sum.high = _mm512_add_pd(sum.high, high);
	return sum;
}

/* sum + (mask ? leaf[0] : leaf[1]) */
static inline struct lanes_double lanes_add_leaf(struct lanes_double sum, lanes_mask mask, const double leaf[2])
{
	__m512d left = _mm512_set1_pd(leaf[0]), right = _mm512_set1_pd(leaf[1]);
	sum.low = _mm512_add_pd(sum.low, _mm512_mask_blend_pd((__mmask8)mask, right, left));
	sum.high = _mm512_add_pd(sum.high, _mm512_mask_blend_pd((__mmask8)(mask >> 8), right, left));
	return sum;
}

/* Bits of the lanes whose sum is not below the limit. */
static inline unsigned lanes_reach(struct lanes_double sum, double limit)
{
	__m512d wanted = _mm512_set1_pd(limit);
	return (unsigned)_mm512_cmp_pd_mask(sum.low, wanted, _CMP_NLT_UQ) |
	       (unsigned)_mm512_cmp_pd_mask(sum.high, wanted, _CMP_NLT_UQ) << 8;
}

static inline unsigned lanes_nonzero(lanes_float a)
{
	return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_OQ);
}

static inline __m256 half_scale(__m256i sums, __m256i squares, double area, double flat)
{
	__m512d sum = _mm512_cvtepi32_pd(sums), wide = _mm512_set1_pd(area);
	__m512d spread = _mm512_sub_pd(_mm512_mul_pd(wide, _mm512_cvtepu32_pd(squares)), _mm512_mul_pd(sum, sum));
	__mmask8 valid = _mm512_cmp_pd_mask(spread, _mm512_setzero_pd(), _CMP_GT_OQ);
	__m256 scale = _mm512_cvtpd_ps(_mm512_maskz_div_pd(valid, _mm512_set1_pd(1.0), _mm512_sqrt_pd(spread)));
	valid &= _mm512_cmp_pd_mask(_mm512_mul_pd(wide, _mm512_cvtps_pd(scale)), _mm512_set1_pd(flat), _CMP_LT_OQ);
	return _mm256_maskz_mov_ps(valid, scale);
}

/* (float)(1 / sqrt(area·squares − sum²)), 0 where area times it is not below `flat`; squares are unsigned. */
static inline lanes_float lanes_scale(lanes_int sums, lanes_int squares, double area, double flat)
{
	__m256 low = half_scale(_mm512_castsi512_si256(sums), _mm512_castsi512_si256(squares), area, flat);
	__m256 high = half_scale(_mm512_extracti64x4_epi64(sums, 1), _mm512_extracti64x4_epi64(squares, 1), area, flat);
	return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

/* Inclusive sums from lane 0. */
static inline lanes_int lanes_prefix(lanes_int a)
{
	const __m512i zero = _mm512_setzero_si512();
	a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 15));
	a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 14));
	a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 12));
	return _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 8));
}

static inline lanes_int lanes_last(lanes_int a)
{
	return _mm512_permutexvar_epi32(_mm512_set1_epi32(15), a);
}

/* Lane i: the pair row[at[i]] | row[at[i] + 1] << 16. */
static inline lanes_int lanes_pairs(const uint16_t *row, const uint32_t *at)
{
	return _mm512_i32gather_epi32(_mm512_loadu_si512(at), row, 2);
}

static inline lanes_int lanes_low_halves(lanes_int a)
{
	return _mm512_and_si512(a, _mm512_set1_epi32(0xffff));
}

static inline lanes_int lanes_high_halves(lanes_int a)
{
	return _mm512_srli_epi32(a, 16);
}

static inline void lanes_store_bytes(uint8_t *to, lanes_int a)
{
	_mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8(a));
}

#endif
