#include "num/num.h"

/* C[i][j] = alpha · Σ_p op(A)[i][p] · op(B)[p][j] + beta · C[i][j]; beta = 0 does not read C, as in BLAS. */
void gemm_ref(const struct gemm *gemm)
{
	size_t step_a = gemm->transpose_a ? gemm->lda : 1, row_a = gemm->transpose_a ? 1 : gemm->lda;
	size_t step_b = gemm->transpose_b ? 1 : gemm->ldb, column_b = gemm->transpose_b ? gemm->ldb : 1;

	for (size_t i = 0; i < gemm->m; i++) {
		for (size_t j = 0; j < gemm->n; j++) {
			const float *a = gemm->a + i * row_a, *b = gemm->b + j * column_b;
			float *c = gemm->c + i * gemm->ldc + j;
			double sum = 0;
			for (size_t p = 0; p < gemm->k; p++)
				sum += (double)a[p * step_a] * (double)b[p * step_b];
			sum *= (double)gemm->alpha;
			if (gemm->beta != 0.0f)
				sum += (double)gemm->beta * (double)*c;
			*c = (float)sum;
		}
	}
}
