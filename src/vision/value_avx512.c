/* The trainer's value kernels for AVX-512; this file alone is compiled for it. */
#include "vision/value_kernels_internal.h"

const struct value_kernels value_kernels_avx512 = {values_of, bin_row};
