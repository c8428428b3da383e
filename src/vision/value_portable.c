/* The trainer's value kernels for every processor. */
#include "vision/value_kernels_internal.h"

const struct value_kernels value_kernels_portable = {values_of, bin_row};
