/*
 * How much can sixteen rows be worth to eight queries? Dot products of bytes, four dimensions of all sixteen rows at a
 * time, then
 *
 *   bound = scale_row · scale_query · (Σ code_row code_query − shift) + a · length_row + b · error_row    (sketch.c)
 *
 * against the query's floor. Sums of bytes are exact and the few float steps have the same order at every level, so the
 * levels agree to the bit.
 */
#include "recsys/recsys_internal.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

static int32_t code_at(const struct sketch_query *query, size_t step)
{
	int32_t four;
	__builtin_memcpy(&four, query->code + 4 * step, sizeof four);
	return four;
}

void sketch_block_ref(const struct sketch_block *block, const struct sketch_query *const *queries, uint16_t *masks)
{
	for (size_t q = 0; q < SKETCH_QUERIES; q++) {
		const struct sketch_query *query = queries[q];
		masks[q] = 0;
		for (size_t r = 0; r < SKETCH_ROWS; r++) {
			int32_t sum = -query->shift;
			for (size_t k = 0; k < 4 * block->steps; k++)
				sum += block->code[64 * (k / 4) + 4 * r + k % 4] * query->code[k];
			float bound = (float)sum * (query->scale * block->scale[r]);
			bound += query->a * block->norm[r];
			bound += query->b * block->error[r];
			masks[q] |= (uint16_t)((bound >= query->floor) << r);
		}
	}
}

/* ---- 128 bits: four rows a vector ---- */

INLINE unsigned compare_128(__m128i sum, const struct sketch_block *block, const struct sketch_query *query, size_t row)
{
	__m128 bound = _mm_mul_ps(_mm_cvtepi32_ps(_mm_sub_epi32(sum, _mm_set1_epi32(query->shift))),
	                          _mm_mul_ps(_mm_set1_ps(query->scale), _mm_loadu_ps(block->scale + row)));
	bound = _mm_add_ps(bound, _mm_mul_ps(_mm_set1_ps(query->a), _mm_loadu_ps(block->norm + row)));
	bound = _mm_add_ps(bound, _mm_mul_ps(_mm_set1_ps(query->b), _mm_loadu_ps(block->error + row)));
	return (unsigned)_mm_movemask_ps(_mm_cmpge_ps(bound, _mm_set1_ps(query->floor)));
}

static void block_base(const struct sketch_block *block, const struct sketch_query *const *queries, uint16_t *masks)
{
	const __m128i ones = _mm_set1_epi16(1);
	for (size_t q = 0; q < SKETCH_QUERIES; q++)
		masks[q] = 0;
	for (size_t row = 0; row < SKETCH_ROWS; row += 4) {
		__m128i sum[SKETCH_QUERIES] = {0};
		for (size_t step = 0; step < block->steps; step++) {
			__m128i codes = _mm_loadu_si128((const __m128i *)(const void *)(block->code + 64 * step + 4 * row));
			for (size_t q = 0; q < SKETCH_QUERIES; q++) {
				__m128i pairs = _mm_maddubs_epi16(codes, _mm_set1_epi32(code_at(queries[q], step)));
				sum[q] = _mm_add_epi32(sum[q], _mm_madd_epi16(pairs, ones));
			}
		}
		for (size_t q = 0; q < SKETCH_QUERIES; q++)
			masks[q] |= (uint16_t)(compare_128(sum[q], block, queries[q], row) << row);
	}
}

/* ---- 256 bits: eight rows ---- */

AVX2 static inline unsigned compare_256(__m256i sum, const struct sketch_block *block, const struct sketch_query *query,
                                        size_t row)
{
	__m256 bound = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_set1_epi32(query->shift))),
	                             _mm256_mul_ps(_mm256_set1_ps(query->scale), _mm256_loadu_ps(block->scale + row)));
	bound = _mm256_add_ps(bound, _mm256_mul_ps(_mm256_set1_ps(query->a), _mm256_loadu_ps(block->norm + row)));
	bound = _mm256_add_ps(bound, _mm256_mul_ps(_mm256_set1_ps(query->b), _mm256_loadu_ps(block->error + row)));
	return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(bound, _mm256_set1_ps(query->floor), _CMP_GE_OQ));
}

AVX2 static void block_avx2(const struct sketch_block *block, const struct sketch_query *const *queries,
                            uint16_t *masks)
{
	const __m256i ones = _mm256_set1_epi16(1);
	for (size_t q = 0; q < SKETCH_QUERIES; q++)
		masks[q] = 0;
	for (size_t row = 0; row < SKETCH_ROWS; row += 8) {
		__m256i sum[SKETCH_QUERIES] = {0};
		for (size_t step = 0; step < block->steps; step++) {
			__m256i codes = _mm256_loadu_si256((const __m256i *)(const void *)(block->code + 64 * step + 4 * row));
			for (size_t q = 0; q < SKETCH_QUERIES; q++) {
				__m256i pairs = _mm256_maddubs_epi16(codes, _mm256_set1_epi32(code_at(queries[q], step)));
				sum[q] = _mm256_add_epi32(sum[q], _mm256_madd_epi16(pairs, ones));
			}
		}
		for (size_t q = 0; q < SKETCH_QUERIES; q++)
			masks[q] |= (uint16_t)(compare_256(sum[q], block, queries[q], row) << row);
	}
}

/* ---- 512 bits: all sixteen ---- */

AVX512 static inline uint16_t compare_512(__m512i sum, const struct sketch_block *block,
                                          const struct sketch_query *query)
{
	__m512 bound = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_set1_epi32(query->shift))),
	                             _mm512_mul_ps(_mm512_set1_ps(query->scale), _mm512_loadu_ps(block->scale)));
	bound = _mm512_add_ps(bound, _mm512_mul_ps(_mm512_set1_ps(query->a), _mm512_loadu_ps(block->norm)));
	bound = _mm512_add_ps(bound, _mm512_mul_ps(_mm512_set1_ps(query->b), _mm512_loadu_ps(block->error)));
	return _mm512_cmp_ps_mask(bound, _mm512_set1_ps(query->floor), _CMP_GE_OQ);
}

AVX512 static void block_avx512(const struct sketch_block *block, const struct sketch_query *const *queries,
                                uint16_t *masks)
{
	const __m512i ones = _mm512_set1_epi16(1);
	__m512i sum[SKETCH_QUERIES] = {0};
	for (size_t step = 0; step < block->steps; step++) {
		__m512i codes = _mm512_loadu_si512(block->code + 64 * step);
		for (size_t q = 0; q < SKETCH_QUERIES; q++) {
			__m512i pairs = _mm512_maddubs_epi16(codes, _mm512_set1_epi32(code_at(queries[q], step)));
			sum[q] = _mm512_add_epi32(sum[q], _mm512_madd_epi16(pairs, ones));
		}
	}
	for (size_t q = 0; q < SKETCH_QUERIES; q++)
		masks[q] = compare_512(sum[q], block, queries[q]);
}

VNNI static void block_vnni(const struct sketch_block *block, const struct sketch_query *const *queries,
                            uint16_t *masks)
{
	__m512i sum[SKETCH_QUERIES] = {0};
	for (size_t step = 0; step < block->steps; step++) {
		__m512i codes = _mm512_loadu_si512(block->code + 64 * step);
		for (size_t q = 0; q < SKETCH_QUERIES; q++)
			sum[q] = _mm512_dpbusd_epi32(sum[q], codes, _mm512_set1_epi32(code_at(queries[q], step)));
	}
	for (size_t q = 0; q < SKETCH_QUERIES; q++)
		masks[q] = compare_512(sum[q], block, queries[q]);
}

sketch_block_kernel *sketch_block_at(enum cpu_level level, bool vnni)
{
	const struct cpu_features *cpu = cpu_features();
	if (level > cpu->level || (vnni && (level != CPU_AVX512 || !cpu->avx512vnni)))
		return NULL;
	if (vnni)
		return block_vnni;
	return level == CPU_AVX512 ? block_avx512 : level == CPU_AVX2 ? block_avx2 : block_base;
}

sketch_block_kernel *sketch_block_best(void)
{
	const struct cpu_features *cpu = cpu_features();
	return sketch_block_at(cpu->level, cpu->level == CPU_AVX512 && cpu->avx512vnni);
}
