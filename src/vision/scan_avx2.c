/* The detector's kernels for AVX2; this file alone is compiled for it. */
#include "vision/lanes_avx2_internal.h"
#include "vision/scan_kernels_internal.h"

const struct scan_kernels scan_kernels_avx2 = {blend_rows, resample_row, integral_row, split_row, scan_row};
