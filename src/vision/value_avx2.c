/* The trainer's value kernels for AVX2; this file alone is compiled for it. */
#include "vision/value_kernels_internal.h"

const struct value_kernels value_kernels_avx2 = {values_of, bin_row};
