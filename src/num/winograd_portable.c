/* Vectors of four, for every machine: the compiler turns them into what it has. */
#include <string.h>

typedef float vec __attribute__((vector_size(16)));
#define LANES 4
#define ROWS 6
#define COLUMNS 2
#define DEPTH 256
#define KERNELS winograd_portable

static inline vec vec_load(const float *p)
{
	vec v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void vec_store(float *p, vec v)
{
	memcpy(p, &v, sizeof v);
}

static inline vec vec_set(float x)
{
	return (vec){x, x, x, x};
}

static inline vec vec_max(vec a, vec b)
{
	for (int i = 0; i < 4; i++)
		a[i] = a[i] > b[i] ? a[i] : b[i];
	return a;
}

#define vec_add(a, b) ((a) + (b))
#define vec_sub(a, b) ((a) - (b))
#define vec_mul(a, b) ((a) * (b))
#define vec_fma(a, b, c) ((a) * (b) + (c))
#define vec_fnma(a, b, c) ((c) - (a) * (b))

#include "num/winograd_kernel_internal.h"
