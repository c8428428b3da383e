/*
 * An HDF5 file built around bytes that are in place already.
 *
 * Rows appended to a plain file can be cut back to any row after a crash, which the library's own structures cannot. At
 * the end they become the chunks of a data set without being copied: a file driver of our own (H5FDpublic.h) answers
 * the library's requests for room for raw data with the places where the rows lie, leaves out the writing of these, and
 * puts everything else behind them. What comes out is an ordinary HDF5 file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/hdf_internal.h"

struct around_plan {
	const uint64_t *sizes;
	size_t count;
	uint64_t start, end; /* of the rows in the file */
	bool *no_memory;     /* told by the driver, which has no other word for it */
};

struct around_file {
	H5FD_t pub;
	int descriptor;
	struct around_plan plan;
	haddr_t next, end; /* where the next row lies; the end of what was given out */
	size_t given;      /* rows */
	bool begun;
};

static H5FD_t *around_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
	(void)flags;
	(void)most;
	const struct around_plan *const *plan = H5Pget_driver_info(access);
	int descriptor = plan ? open(name, O_RDWR | O_CLOEXEC) : -1;
	struct around_file *file = descriptor >= 0 ? calloc(1, sizeof *file) : NULL;
	if (!file) {
		if (descriptor >= 0) {
			*(*plan)->no_memory = true;
			close(descriptor);
		}
		return NULL;
	}
	file->descriptor = descriptor;
	file->plan = **plan;
	file->next = file->plan.start;
	return (H5FD_t *)file;
}

static herr_t around_close(H5FD_t *pub)
{
	struct around_file *file = (struct around_file *)pub;
	int code = close(file->descriptor);
	free(file);
	return code == 0 ? 0 : -1;
}

/* No aggregation: every row is asked for by itself. */
static herr_t around_query(const H5FD_t *pub, unsigned long *flags)
{
	(void)pub;
	*flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA;
	return 0;
}

static haddr_t around_alloc(H5FD_t *pub, H5FD_mem_t type, hid_t transfer, hsize_t size)
{
	struct around_file *file = (struct around_file *)pub;
	(void)transfer;
	if (type == H5FD_MEM_DRAW && file->given < file->plan.count) {
		if (size != file->plan.sizes[file->given])
			return HADDR_UNDEF;
		file->given++;
		file->next += size;
		return file->next - size;
	}
	haddr_t at = file->end;
	file->end += size;
	/* The first piece is the superblock, in the room left in front of the rows. */
	if (!file->begun && file->end < file->plan.end)
		file->end = file->plan.end;
	file->begun = true;
	return at;
}

static haddr_t around_eoa(const H5FD_t *pub, H5FD_mem_t type)
{
	(void)type;
	return ((const struct around_file *)pub)->end;
}

static herr_t around_set_eoa(H5FD_t *pub, H5FD_mem_t type, haddr_t end)
{
	(void)type;
	((struct around_file *)pub)->end = end;
	return 0;
}

/* An end of 0 tells the library that the file is new. */
static haddr_t around_eof(const H5FD_t *pub, H5FD_mem_t type)
{
	const struct around_file *file = (const struct around_file *)pub;
	(void)type;
	off_t size = file->begun ? lseek(file->descriptor, 0, SEEK_END) : 0;
	return size < 0 ? HADDR_UNDEF : (haddr_t)size;
}

static herr_t around_read(H5FD_t *pub, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, void *out)
{
	const struct around_file *file = (const struct around_file *)pub;
	(void)type;
	(void)transfer;
	for (char *to = out; size > 0;) {
		ssize_t got = pread(file->descriptor, to, size, (off_t)at);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got == 0) { /* given out and not written yet */
			memset(to, 0, size);
			return 0;
		}
		if (got > 0) {
			to += got;
			at += (haddr_t)got;
			size -= (size_t)got;
		}
	}
	return 0;
}

static herr_t around_write(H5FD_t *pub, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, const void *bytes)
{
	const struct around_file *file = (const struct around_file *)pub;
	(void)transfer;
	if (type == H5FD_MEM_DRAW && at >= file->plan.start && at < file->plan.end)
		return 0;
	for (const char *from = bytes; size > 0;) {
		ssize_t put = pwrite(file->descriptor, from, size, (off_t)at);
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0) {
			from += put;
			at += (haddr_t)put;
			size -= (size_t)put;
		}
	}
	return 0;
}

static herr_t around_truncate(H5FD_t *pub, hid_t transfer, hbool_t closing)
{
	const struct around_file *file = (const struct around_file *)pub;
	(void)transfer;
	(void)closing;
	return ftruncate(file->descriptor, (off_t)file->end) == 0 ? 0 : -1;
}

static const H5FD_class_t around_class = {
    .name = "moodcast-around",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(const struct around_plan *),
    .open = around_open,
    .close = around_close,
    .query = around_query,
    .alloc = around_alloc,
    .get_eoa = around_eoa,
    .set_eoa = around_set_eoa,
    .get_eof = around_eof,
    .read = around_read,
    .write = around_write,
    .truncate = around_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* ---- rows become chunks --------------------------------------------------------------------------- */

/* The rows' index is built from left to right, so that the library needs little of it at hand; left to itself it would
 * keep tens of megabytes of what is done. */
#define INDEX_CACHE ((size_t)128 << 10) /* as stored; in memory five times as much */
static bool limit_cache(hid_t access)
{
	H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};
	if (H5Pget_mdc_config(access, &cache) < 0)
		return false;
	cache.set_initial_size = true;
	cache.initial_size = cache.min_size = cache.max_size = INDEX_CACHE;
	cache.incr_mode = H5C_incr__off;
	cache.flash_incr_mode = H5C_flash_incr__off;
	cache.decr_mode = H5C_decr__off;
	return H5Pset_mdc_config(access, &cache) >= 0;
}

static int create_file(struct hdf_file *file, const char *part, const struct around_plan *plan, struct err *err)
{
	hid_t driver = H5FDregister(&around_class), access = H5Pcreate(H5P_FILE_ACCESS);
	if (driver >= 0 && access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
	    limit_cache(access) && H5Pset_driver(access, driver, &plan) >= 0)
		file->id = H5Fcreate(part, H5F_ACC_TRUNC, H5P_DEFAULT, access);
	int status = OK;
	if (file->id < 0 && *plan->no_memory)
		status = err_set(err, ERR_MEMORY, "%s: no memory to build it around its rows", part);
	else if (file->id < 0)
		status = hdf_fail(file, ERR_IO, "", "cannot be built around its rows", err);
	if (access >= 0)
		H5Pclose(access);
	if (driver >= 0)
		H5FDunregister(driver);
	return status;
}

static int adopt_rows(struct hdf_file *file, const struct hdf_rows *rows, struct err *err)
{
	hid_t set = H5I_INVALID_HID;
	int status = hdf_create_rows(file, rows->name, &rows->shape, 1, rows->compress, err);
	if (status == OK)
		status = hdf_dataset(file, rows->name, &set, err);
	if (status != OK)
		return status;
	/* The library only passes the bytes on to the driver, which does not look at them. */
	static const char nothing[1];
	hsize_t at[HDF_MAX_RANK] = {0};
	for (size_t i = 0; status == OK && i < rows->shape.dims[0]; i++) {
		at[0] = i;
		if (H5Dwrite_chunk(set, H5P_DEFAULT, 0, at, (size_t)rows->sizes[i], nothing) < 0)
			status = hdf_fail(file, ERR_IO, rows->name, "a row cannot be taken over", err);
	}
	return hdf_close_written(file, rows->name, set, status, err);
}

int hdf_create_around(struct hdf_file **out, const char *path, const struct hdf_rows *rows, struct err *err)
{
	bool no_memory = false;
	struct around_plan plan = {.sizes = rows->sizes,
	                           .count = rows->shape.dims[0],
	                           .start = HDF_HEAD,
	                           .end = HDF_HEAD,
	                           .no_memory = &no_memory};
	for (size_t i = 0; i < plan.count; i++)
		plan.end += rows->sizes[i];
	char *part = mem_format(err, "%s.part", path);
	struct hdf_file *file = part ? hdf_file_new(path, true, err) : NULL;
	int status = file ? create_file(file, part, &plan, err) : err->code;
	if (status == OK)
		status = adopt_rows(file, rows, err);
	free(part);
	if (status == OK)
		*out = file;
	else
		hdf_close(file);
	return status;
}
