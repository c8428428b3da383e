/* What the HDF5 sources share. Apart from io.h so that only they include the library. */
#ifndef MOODCAST_HDF_INTERNAL_H
#define MOODCAST_HDF_INTERNAL_H

#include <hdf5.h>

#include "io/io.h"

/* The most bytes one attribute, or a data set of strings, may take in memory. */
#define HDF_TEXTS_LIMIT ((size_t)1 << 30)

struct hdf_file {
	hid_t id, links; /* the file; link properties that make parent groups */
	char *path;      /* the final name */
	bool created;
	struct path_list *joined; /* data sets whose parts were found in other files */
};

/* A handle without its file yet; hdf_close frees it. */
struct hdf_file *hdf_file_new(const char *path, bool created, struct err *err) MUST_CHECK;
/* "PATH: NAME: what: <the library's innermost description>". Call it right after the failure: every other call of the
 * library empties its error stack. Returns `code`. */
int hdf_fail(const struct hdf_file *file, int code, const char *name, const char *what, struct err *err);
/* Opens a data set; *id is closed by the caller with H5Dclose. ERR_DATA when it is not there. */
int hdf_dataset(const struct hdf_file *file, const char *name, hid_t *id, struct err *err) MUST_CHECK;
/* Closes a data set that was written to: only then the last of its bytes leave the library, which forgets them whether
 * they could be written or not. ERR_IO unless `status` is another failure already. */
int hdf_close_written(const struct hdf_file *file, const char *name, hid_t set, int status, struct err *err) MUST_CHECK;
/* ERR_DATA when the data set is joined from other files and one of them is not there or not what it was: the library
 * itself would give zeros for it. Looked at once a file that is open. */
int hdf_check_joined(const struct hdf_file *file, const char *name, hid_t set, struct err *err) MUST_CHECK;
hid_t hdf_stored_type(enum hdf_type type); /* closed by the caller */
/* Properties of a new data set: no time stamps (same content, same bytes), chunks and filters where `chunk` is not
 * NULL. */
hid_t hdf_creation(size_t rank, const hsize_t *chunk, int compress);
/* What a data set was made by; those below 0 were never open. */
void hdf_close_recipe(hid_t creation, hid_t space, hid_t type);

/* A fixed-length, NUL-padded string type that holds the longest of the texts; cset ASCII when all bytes are, else
 * UTF-8. */
hid_t hdf_text_type(char *const *texts, size_t count, size_t *width);
/* The texts side by side, each padded to `width`; freed by the caller. */
char *hdf_text_block(char *const *texts, size_t count, size_t width, struct err *err) MUST_CHECK;
/* Reads `count` strings of either kind from a data set or an attribute. */
struct hdf_strings {
	hid_t object, type, space;
	size_t count;
	bool attribute;
};
int hdf_strings_read(const struct hdf_file *file, const struct hdf_strings *from, const char *name,
                     struct path_list *out, struct err *err) MUST_CHECK;

#endif
