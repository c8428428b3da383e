#include "io/io.h"

#include <stdlib.h>
#include <zlib.h>

/*
 * A row as HDF5's filters shuffle and deflate store it: bytes have nothing to shuffle, and deflate is a zlib stream
 * (RFC 1950) at the level given. Done by the caller's threads, each with a packer of its own; the bytes depend on the
 * row and the level alone.
 */
struct hdf_packer {
	z_stream stream;
	uint8_t *bytes;
	size_t capacity;
};

int hdf_packer_new(struct hdf_packer **out, int level, struct err *err)
{
	struct hdf_packer *packer = mem_alloc(1, sizeof *packer, err);
	if (!packer)
		return err->code;
	if (deflateInit(&packer->stream, level) != Z_OK) {
		free(packer);
		return err_set(err, ERR_MEMORY, "out of memory for deflate");
	}
	*out = packer;
	return OK;
}

void hdf_packer_free(struct hdf_packer *packer)
{
	if (!packer)
		return;
	deflateEnd(&packer->stream);
	free(packer->bytes);
	free(packer);
}

int hdf_pack(struct hdf_packer *packer, const void *row, size_t size, const uint8_t **out, size_t *out_size,
             struct err *err)
{
	z_stream *z = &packer->stream;
	deflateReset(z);
	size_t most = deflateBound(z, size);
	uint8_t *grown = mem_grow(packer->bytes, &packer->capacity, most, 1, err);
	if (!grown)
		return err->code;
	packer->bytes = grown;
	z->next_in = (void *)(uintptr_t)row;
	z->avail_in = (uInt)size;
	z->next_out = grown;
	z->avail_out = (uInt)most;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return err_set(err, ERR_NUMERIC, "deflate of %zu bytes does not end", size);
	*out = grown;
	*out_size = z->total_out;
	return OK;
}
