#include "num/num.h"

#include <math.h>

static double dot_double(size_t n, const double *x, const double *y)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

/* Row by row (Cholesky–Banachiewicz): L[i][j] = (A[i][j] − Σ_{k<j} L[i][k] L[j][k]) / L[j][j],
 * L[i][i] = √(A[i][i] − Σ_{k<i} L[i][k]²). */
int cholesky_factor(size_t n, double *a, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		double *row = a + i * n;
		for (size_t j = 0; j < i; j++)
			row[j] = (row[j] - dot_double(j, row, a + j * n)) / a[j * n + j];
		double pivot = row[i] - dot_double(i, row, row);
		if (!(pivot > 0) || !isfinite(pivot))
			return err_set(err, ERR_NUMERIC, "Cholesky: pivot %zu of %zu is %g, not positive", i, n, pivot);
		row[i] = sqrt(pivot);
	}
	return OK;
}

/* L y = b forwards, then L' x = y backwards; the second by columns of L', so rows of L are read in order. */
void cholesky_solve(size_t n, const double *l, double *b)
{
	for (size_t i = 0; i < n; i++)
		b[i] = (b[i] - dot_double(i, l + i * n, b)) / l[i * n + i];
	for (size_t i = n; i-- > 0;) {
		b[i] /= l[i * n + i];
		for (size_t k = 0; k < i; k++)
			b[k] -= l[i * n + k] * b[i];
	}
}
