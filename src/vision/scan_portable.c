/* The detector's kernels for every processor. */
#include "vision/lanes_portable_internal.h"
#include "vision/scan_kernels_internal.h"

const struct scan_kernels scan_kernels_portable = {blend_rows, resample_row, integral_row, split_row, scan_row};
