/* The detector's kernels for AVX-512; this file alone is compiled for it. */
#include "vision/lanes_avx512_internal.h"
#include "vision/scan_kernels_internal.h"

const struct scan_kernels scan_kernels_avx512 = {blend_rows, resample_row, integral_row, split_row, scan_row};
