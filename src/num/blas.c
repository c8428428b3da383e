#include "num/num.h"

#include <stdlib.h>
#include <string.h>

#include <cblas.h>

const char *blas_core(void)
{
	return openblas_get_corename();
}

const char *blas_version(void)
{
	return openblas_get_config();
}

/* The vector level that a kernel family was written for. Families older than AVX2 share the lowest. */
static enum cpu_level core_level(const char *core)
{
	static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
	static const char *const avx2[] = {"Haswell", "Zen", "Excavator"};
	for (size_t i = 0; i < ARRAY_COUNT(avx512); i++)
		if (strcmp(core, avx512[i]) == 0)
			return CPU_AVX512;
	for (size_t i = 0; i < ARRAY_COUNT(avx2); i++)
		if (strcmp(core, avx2[i]) == 0)
			return CPU_AVX2;
	return CPU_BASELINE;
}

const char *blas_better_core(void)
{
	enum cpu_level level = cpu_features()->level;
	if (getenv("OPENBLAS_CORETYPE") || core_level(blas_core()) >= level)
		return NULL;
	return level == CPU_AVX512 ? "SkylakeX" : "Haswell";
}

void blas_threads(int threads)
{
	openblas_set_num_threads(threads < 1 ? 1 : threads);
}

void gemm_run(const struct gemm *gemm)
{
	cblas_sgemm(CblasRowMajor, gemm->transpose_a ? CblasTrans : CblasNoTrans,
	            gemm->transpose_b ? CblasTrans : CblasNoTrans, (blasint)gemm->m, (blasint)gemm->n, (blasint)gemm->k,
	            gemm->alpha, gemm->a, (blasint)gemm->lda, gemm->b, (blasint)gemm->ldb, gemm->beta, gemm->c,
	            (blasint)gemm->ldc);
}

void gemv_run(size_t m, size_t n, const float *a, size_t lda, const float *x, float *y)
{
	cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint)m, (blasint)n, 1.0f, a, (blasint)lda, x, 1, 0.0f, y, 1);
}

float dot_run(size_t n, const float *x, const float *y)
{
	return cblas_sdot((blasint)n, x, 1, y, 1);
}

float norm_run(size_t n, const float *x)
{
	return cblas_snrm2((blasint)n, x, 1);
}

void axpy_run(size_t n, float alpha, const float *x, float *y)
{
	cblas_saxpy((blasint)n, alpha, x, 1, y, 1);
}

void syrk_run(size_t n, size_t rows, const float *a, size_t lda, float beta, float *c)
{
	cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)n, (blasint)rows, 1.0f, a, (blasint)lda, beta, c,
	            (blasint)n);
}
