/* What npy.c lends to npz.c. */
#ifndef MOODCAST_NPY_INTERNAL_H
#define MOODCAST_NPY_INTERNAL_H

#include "io/io.h"

/* Bytes of the data; ERR_DATA where rank or sizes make no sense. */
int npy_data_size(const struct npy *array, size_t *size, struct err *err) MUST_CHECK;
/* Appends magic, version, length and the padded header of a version 1 file. */
int npy_header(const struct npy *array, struct strbuf *out, struct err *err) MUST_CHECK;

#endif
