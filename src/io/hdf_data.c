/* HDF5 data sets of numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/hdf_internal.h"

#define FLAT_CHUNK ((size_t)65536)

/* ---- types ------------------------------------------------------------------------------------ */

/* IEEE 754 binary16: sign at bit 15, 5 bits of exponent at 10 (bias 15), 10 bits of mantissa at 0; the layout h5py
 * gives float16. */
static hid_t half_type(void)
{
	hid_t type = H5Tcopy(H5T_IEEE_F32LE);
	if (type >= 0 &&
	    (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0)) {
		H5Tclose(type);
		type = H5I_INVALID_HID;
	}
	return type;
}

hid_t hdf_stored_type(enum hdf_type type)
{
	switch (type) {
	case HDF_U8:
		return H5Tcopy(H5T_STD_U8LE);
	case HDF_I32:
		return H5Tcopy(H5T_STD_I32LE);
	case HDF_I64:
		return H5Tcopy(H5T_STD_I64LE);
	case HDF_F32:
		return H5Tcopy(H5T_IEEE_F32LE);
	case HDF_F16:
		return half_type();
	case HDF_F64:
		return H5Tcopy(H5T_IEEE_F64LE);
	}
	return H5I_INVALID_HID;
}

static hid_t memory_type(enum hdf_type type)
{
	switch (type) {
	case HDF_U8:
		return H5T_NATIVE_UINT8;
	case HDF_I32:
		return H5T_NATIVE_INT32;
	case HDF_I64:
		return H5T_NATIVE_INT64;
	case HDF_F32:
	case HDF_F16:
		return H5T_NATIVE_FLOAT;
	case HDF_F64:
		return H5T_NATIVE_DOUBLE;
	}
	return H5I_INVALID_HID;
}

static size_t memory_size(enum hdf_type type)
{
	switch (type) {
	case HDF_U8:
		return 1;
	case HDF_I32:
	case HDF_F32:
	case HDF_F16:
		return 4;
	case HDF_I64:
	case HDF_F64:
		return 8;
	}
	return 0;
}

/* The smallest type of ours that holds every value of a stored one. */
static bool type_of(hid_t type, enum hdf_type *out)
{
	size_t size = H5Tget_size(type);
	bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
	switch (H5Tget_class(type)) {
	case H5T_INTEGER:
		if (size > 8 || (size == 8 && !is_signed))
			return false;
		*out = size == 1 && !is_signed ? HDF_U8 : size < 4 || (size == 4 && is_signed) ? HDF_I32 : HDF_I64;
		return true;
	case H5T_FLOAT:
		*out = size == 2 ? HDF_F16 : size == 4 ? HDF_F32 : HDF_F64;
		return size == 2 || size == 4 || size == 8;
	default:
		return false;
	}
}

/* ---- half precision --------------------------------------------------------------------------------- */

/* The library's own conversion to a type of our making is not used: where rounding carries over into the exponent, its
 * version 1.10 forgets to raise it (0.24997 becomes 0.125). */

/* Round to nearest, ties to even; beyond 65,504 infinity. */
static uint16_t half_of(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
	if (size > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
	if (size >= 0x47800000) /* 2^16 */
		return (uint16_t)(sign | 0x7c00);
	if (size < 0x38800000) /* below 2^-14: multiples of 2^-24 */
		return (uint16_t)(sign | (uint32_t)rintf(fabsf(value) * 0x1p24f));
	size += 0xfff + (size >> 13 & 1);
	return (uint16_t)(sign | (size - 0x38000000) >> 13);
}

static float float_of(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 0x3ff;
	uint32_t bits = sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13;
	float value;
	if (exponent == 0) {
		value = (float)mantissa * 0x1p-24f;
		return sign ? -value : value;
	}
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* ---- moving values ------------------------------------------------------------------------------------- */

struct transfer {
	const struct hdf_file *file;
	const char *name;
	hid_t set, memory, stored; /* the two spaces, H5S_ALL = whole */
	enum hdf_type type;        /* of the caller's values */
	size_t count;
	const void *from; /* of rows: what is written, or NULL and */
	void *to;         /* where they are read to */
};

static bool stores_halves(hid_t set)
{
	hid_t stored = H5Dget_type(set), half = half_type();
	bool equal = stored >= 0 && half >= 0 && H5Tequal(stored, half) > 0;
	if (stored >= 0)
		H5Tclose(stored);
	if (half >= 0)
		H5Tclose(half);
	return equal;
}

static int write_values(const struct transfer *move, const void *data, struct err *err)
{
	bool halves = (move->type == HDF_F16 || move->type == HDF_F32) && stores_halves(move->set);
	hid_t type = halves ? half_type() : H5Tcopy(memory_type(move->type));
	uint16_t *packed = NULL;
	int status = OK;
	if (halves && !(packed = mem_alloc(move->count, sizeof *packed, err)))
		status = err->code;
	for (size_t i = 0; packed && i < move->count; i++)
		packed[i] = half_of(((const float *)data)[i]);
	if (status == OK && H5Dwrite(move->set, type, move->memory, move->stored, H5P_DEFAULT, halves ? packed : data) < 0)
		status = hdf_fail(move->file, ERR_IO, move->name, "writing failed; is there room?", err);
	free(packed);
	if (type >= 0)
		H5Tclose(type);
	return status;
}

static int read_values(const struct transfer *move, void *data, struct err *err)
{
	bool halves = (move->type == HDF_F16 || move->type == HDF_F32) && stores_halves(move->set);
	hid_t type = halves ? half_type() : H5Tcopy(memory_type(move->type));
	uint16_t *packed = NULL;
	int status = OK;
	if (halves && !(packed = mem_alloc(move->count, sizeof *packed, err)))
		status = err->code;
	if (status == OK &&
	    H5Dread(move->set, type, move->memory, move->stored, H5P_DEFAULT, halves ? (void *)packed : data) < 0)
		status = hdf_fail(move->file, ERR_DATA, move->name, "cannot be read", err);
	for (size_t i = 0; status == OK && packed && i < move->count; i++)
		((float *)data)[i] = float_of(packed[i]);
	free(packed);
	if (type >= 0)
		H5Tclose(type);
	return status;
}

/* ---- shapes ------------------------------------------------------------------------------------- */

static int element_count(const struct hdf_file *file, const char *name, const struct hdf_shape *shape, size_t *count,
                         struct err *err)
{
	*count = 1;
	for (size_t i = 0; i < shape->rank; i++)
		if (__builtin_mul_overflow(*count, shape->dims[i], count) || *count > SIZE_MAX / 8)
			return err_set(err, ERR_DATA, "%s: %s: more elements than this machine can address", file->path, name);
	return OK;
}

static int shape_check(const struct hdf_file *file, const char *name, const struct hdf_shape *shape, struct err *err)
{
	if (shape->rank < 1 || shape->rank > HDF_MAX_RANK)
		return err_set(err, ERR_DATA, "%s: %s: %zu dimensions, expected 1 to %d", file->path, name, shape->rank,
		               HDF_MAX_RANK);
	return OK;
}

int hdf_dataset(const struct hdf_file *file, const char *name, hid_t *id, struct err *err)
{
	if (!hdf_has(file, name))
		return err_set(err, ERR_DATA, "%s: no data set \"%s\"", file->path, name);
	hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
	if (set < 0)
		return hdf_fail(file, ERR_DATA, name, "cannot be opened as a data set", err);
	int status = hdf_check_joined(file, name, set, err);
	if (status == OK)
		*id = set;
	else
		H5Dclose(set);
	return status;
}

int hdf_close_written(const struct hdf_file *file, const char *name, hid_t set, int status, struct err *err)
{
	bool good = H5Dclose(set) >= 0;
	return good || status != OK ? status : hdf_fail(file, ERR_IO, name, "writing failed; is there room?", err);
}

/* Scalars have rank 0. */
static int shape_of(const struct hdf_file *file, const char *name, hid_t set, struct hdf_shape *out, struct err *err)
{
	hsize_t dims[H5S_MAX_RANK];
	size_t count;
	hid_t type = H5Dget_type(set), space = H5Dget_space(set);
	int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
	*out = (struct hdf_shape){0};
	int status = OK;
	if (type < 0 || rank < 0)
		status = hdf_fail(file, ERR_DATA, name, "its shape cannot be read", err);
	else if (rank > HDF_MAX_RANK)
		status =
		    err_set(err, ERR_DATA, "%s: %s: %d dimensions, at most %d are read", file->path, name, rank, HDF_MAX_RANK);
	else if (!type_of(type, &out->type))
		status = err_set(err, ERR_DATA, "%s: %s: not integers or reals of a known size", file->path, name);
	for (int i = 0; status == OK && i < rank; i++)
		out->dims[out->rank++] = (size_t)dims[i];
	if (status == OK)
		status = element_count(file, name, out, &count, err);
	if (type >= 0)
		H5Tclose(type);
	if (space >= 0)
		H5Sclose(space);
	return status;
}

int hdf_shape(const struct hdf_file *file, const char *name, struct hdf_shape *out, struct err *err)
{
	hid_t set = H5I_INVALID_HID;
	struct hdf_shape shape;
	int status = hdf_dataset(file, name, &set, err);
	if (status != OK)
		return status;
	status = shape_of(file, name, set, &shape, err);
	H5Dclose(set);
	if (status == OK)
		*out = shape;
	return status;
}

/* ---- writing --------------------------------------------------------------------------------------- */

struct new_set {
	const char *name;
	const struct hdf_shape *shape;
	size_t chunk_rows; /* 0 = contiguous */
	bool grows;
	int compress;
};

static int create_set(struct hdf_file *file, const struct new_set *wanted, hid_t *out, struct err *err)
{
	hsize_t dims[HDF_MAX_RANK], limit[HDF_MAX_RANK], chunk[HDF_MAX_RANK];
	const struct hdf_shape *shape = wanted->shape;
	for (size_t i = 0; i < shape->rank; i++) {
		dims[i] = limit[i] = shape->dims[i];
		chunk[i] = dims[i] ? dims[i] : 1;
	}
	chunk[0] = wanted->chunk_rows;
	if (wanted->grows)
		limit[0] = H5S_UNLIMITED;
	hid_t type = hdf_stored_type(shape->type);
	hid_t space = H5Screate_simple((int)shape->rank, dims, limit);
	hid_t creation = hdf_creation(shape->rank, wanted->chunk_rows ? chunk : NULL, wanted->compress);
	hid_t set = H5I_INVALID_HID;
	int status = OK;
	if (type >= 0 && space >= 0 && creation >= 0)
		set = H5Dcreate2(file->id, wanted->name, type, space, file->links, creation, H5P_DEFAULT);
	if (set < 0)
		status = hdf_fail(file, ERR_IO, wanted->name, "the data set cannot be made", err);
	else
		*out = set;
	hdf_close_recipe(creation, space, type);
	return status;
}

int hdf_write(struct hdf_file *file, const char *name, const struct hdf_shape *shape, const void *data, int compress,
              struct err *err)
{
	hid_t set = H5I_INVALID_HID;
	size_t count;
	int status = shape_check(file, name, shape, err);
	if (status != OK || (status = element_count(file, name, shape, &count, err)) != OK)
		return status;
	struct new_set wanted = {.name = name, .shape = shape, .compress = compress};
	if (compress > 0 && count > 0)
		wanted.chunk_rows = shape->rank > 1 ? 1 : count < FLAT_CHUNK ? count : FLAT_CHUNK;
	if ((status = create_set(file, &wanted, &set, err)) != OK)
		return status;
	struct transfer move = {.file = file,
	                        .name = name,
	                        .set = set,
	                        .memory = H5S_ALL,
	                        .stored = H5S_ALL,
	                        .type = shape->type,
	                        .count = count};
	if (count > 0)
		status = write_values(&move, data, err);
	return hdf_close_written(file, name, set, status, err);
}

int hdf_create_rows(struct hdf_file *file, const char *name, const struct hdf_shape *shape, size_t chunk_rows,
                    int compress, struct err *err)
{
	hid_t set = H5I_INVALID_HID;
	int status = shape_check(file, name, shape, err);
	if (status != OK)
		return status;
	struct new_set wanted = {
	    .name = name, .shape = shape, .chunk_rows = chunk_rows ? chunk_rows : 1, .grows = true, .compress = compress};
	status = create_set(file, &wanted, &set, err);
	return status == OK ? hdf_close_written(file, name, set, status, err) : status;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

/* The block of `count` rows from `first`, in the file's space and in memory's. */
static int select_rows(hid_t set, const struct hdf_shape *shape, size_t first, size_t count, hid_t space[2])
{
	hsize_t start[HDF_MAX_RANK] = {first}, size[HDF_MAX_RANK];
	for (size_t i = 0; i < shape->rank; i++)
		size[i] = i == 0 ? count : shape->dims[i];
	space[0] = H5Dget_space(set);
	space[1] = H5Screate_simple((int)shape->rank, size, NULL);
	return space[0] >= 0 && space[1] >= 0 && H5Sselect_hyperslab(space[0], H5S_SELECT_SET, start, NULL, size, NULL) >= 0
	           ? 0
	           : -1;
}

static size_t row_values(const struct hdf_shape *shape, size_t rows)
{
	size_t count = rows;
	for (size_t i = 1; i < shape->rank; i++)
		count *= shape->dims[i];
	return count;
}

static int move_rows(struct transfer *move, const struct hdf_shape *shape, size_t first, size_t rows, struct err *err)
{
	hid_t space[2] = {H5I_INVALID_HID, H5I_INVALID_HID};
	int status = OK;
	move->count = row_values(shape, rows);
	if (move->count == 0)
		return OK;
	if (select_rows(move->set, shape, first, rows, space) < 0)
		status = hdf_fail(move->file, ERR_DATA, move->name, "its rows cannot be selected", err);
	move->stored = space[0];
	move->memory = space[1];
	if (status == OK)
		status = move->from ? write_values(move, move->from, err) : read_values(move, move->to, err);
	for (size_t i = 0; i < 2; i++)
		if (space[i] >= 0)
			H5Sclose(space[i]);
	return status;
}

static int has_rows(const struct hdf_file *file, const char *name, const struct hdf_shape *shape, struct err *err)
{
	if (shape->rank == 0)
		return err_set(err, ERR_DATA, "%s: %s: one single value, expected rows", file->path, name);
	return OK;
}

static int grow_to(const struct hdf_file *file, const char *name, hid_t set, struct hdf_shape *shape, size_t rows,
                   struct err *err)
{
	hsize_t dims[HDF_MAX_RANK];
	if (rows <= shape->dims[0])
		return OK;
	shape->dims[0] = rows;
	for (size_t i = 0; i < shape->rank; i++)
		dims[i] = shape->dims[i];
	if (H5Dset_extent(set, dims) < 0)
		return hdf_fail(file, ERR_IO, name, "cannot grow", err);
	return OK;
}

int hdf_write_rows(struct hdf_file *file, const char *name, size_t first, size_t count, const void *data,
                   struct err *err)
{
	struct transfer move = {.file = file, .name = name, .set = H5I_INVALID_HID, .from = data};
	struct hdf_shape shape;
	size_t rows;
	int status = hdf_dataset(file, name, &move.set, err);
	if (status != OK)
		return status;
	if ((status = shape_of(file, name, move.set, &shape, err)) != OK ||
	    (status = has_rows(file, name, &shape, err)) != OK)
		goto out;
	move.type = shape.type;
	if (__builtin_add_overflow(first, count, &rows))
		status = err_set(err, ERR_DATA, "%s: %s: rows %zu + %zu cannot be addressed", file->path, name, first, count);
	else
		status = grow_to(file, name, move.set, &shape, rows, err);
	if (status == OK)
		status = move_rows(&move, &shape, first, count, err);
out:
	return hdf_close_written(file, name, move.set, status, err);
}

int hdf_read_rows(const struct hdf_file *file, const char *name, enum hdf_type type, size_t first, size_t count,
                  void *data, struct err *err)
{
	struct transfer move = {.file = file, .name = name, .set = H5I_INVALID_HID, .type = type, .to = data};
	struct hdf_shape shape;
	int status = hdf_dataset(file, name, &move.set, err);
	if (status != OK)
		return status;
	if ((status = shape_of(file, name, move.set, &shape, err)) != OK ||
	    (status = has_rows(file, name, &shape, err)) != OK)
		goto out;
	if (first > shape.dims[0] || count > shape.dims[0] - first)
		status = err_set(err, ERR_DATA, "%s: %s: rows %zu to %zu asked for, there are %zu", file->path, name, first,
		                 first + count, shape.dims[0]);
	else
		status = move_rows(&move, &shape, first, count, err);
out:
	H5Dclose(move.set);
	return status;
}

int hdf_read(const struct hdf_file *file, const char *name, enum hdf_type type, size_t max_elements, void **out,
             struct hdf_shape *shape, struct err *err)
{
	hid_t set = H5I_INVALID_HID;
	struct hdf_shape found;
	size_t count = 0;
	void *data = NULL;
	int status = hdf_dataset(file, name, &set, err);
	if (status != OK)
		return status;
	if ((status = shape_of(file, name, set, &found, err)) == OK)
		status = element_count(file, name, &found, &count, err);
	if (status == OK && count > max_elements)
		status =
		    err_set(err, ERR_DATA, "%s: %s: %zu elements, at most %zu are read", file->path, name, count, max_elements);
	if (status == OK && !(data = mem_alloc(count, memory_size(type), err)))
		status = err->code;
	struct transfer move = {
	    .file = file, .name = name, .set = set, .memory = H5S_ALL, .stored = H5S_ALL, .type = type, .count = count};
	if (status == OK && count > 0)
		status = read_values(&move, data, err);
	H5Dclose(set);
	if (status != OK) {
		free(data);
		return status;
	}
	*out = data;
	if (shape)
		*shape = found;
	return OK;
}
