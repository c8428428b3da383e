/*
 * A data set joined from those of other files: HDF5's virtual data set, whose sources are named without a folder, so
 * that all of them may be moved together. The library reads zeros where a source is missing; here that is an error that
 * names it.
 */
#include <stdlib.h>
#include <string.h>

#include "io/hdf_internal.h"

/* ---- writing ------------------------------------------------------------------------------- */

/* Rows first … first + part->rows of `all` are those of `part`. */
static bool map_part(hid_t creation, hid_t all, const struct hdf_shape *shape, const char *name,
                     const struct hdf_part *part, size_t first)
{
	hsize_t start[HDF_MAX_RANK] = {first}, size[HDF_MAX_RANK];
	for (size_t i = 0; i < shape->rank; i++)
		size[i] = i == 0 ? part->rows : shape->dims[i];
	hid_t source = H5Screate_simple((int)shape->rank, size, NULL);
	bool good = source >= 0 && H5Sselect_hyperslab(all, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
	            H5Pset_virtual(creation, all, part->file, name, source) >= 0;
	if (source >= 0)
		H5Sclose(source);
	return good;
}

int hdf_create_joined(struct hdf_file *file, const char *name, const struct hdf_shape *shape,
                      const struct hdf_part *parts, size_t count, struct err *err)
{
	hsize_t dims[HDF_MAX_RANK];
	size_t rows = 0;
	for (size_t i = 0; i < shape->rank; i++)
		dims[i] = shape->dims[i];
	hid_t type = hdf_stored_type(shape->type), space = H5Screate_simple((int)shape->rank, dims, NULL);
	hid_t creation = hdf_creation(shape->rank, NULL, 0), set = H5I_INVALID_HID;
	bool good = type >= 0 && space >= 0 && creation >= 0;
	for (size_t i = 0; good && i < count; i++) {
		good = map_part(creation, space, shape, name, &parts[i], rows);
		rows += parts[i].rows;
	}
	if (good)
		set = H5Dcreate2(file->id, name, type, space, file->links, creation, H5P_DEFAULT);
	int status = set < 0 ? hdf_fail(file, ERR_IO, name, "the data set cannot be made", err)
	                     : hdf_close_written(file, name, set, OK, err);
	hdf_close_recipe(creation, space, type);
	return status;
}

/* ---- are the parts there? --------------------------------------------------------------------- */

#define NAME_LIMIT 256

struct joined {
	const struct hdf_file *file;
	const char *name;
	hid_t creation, set;
	hsize_t covered; /* elements that the parts say they hold */
};

/* Is `own` as large as the block that is taken from it? */
static bool fills(hid_t own, hid_t taken)
{
	hsize_t dims[H5S_MAX_RANK], first[H5S_MAX_RANK], last[H5S_MAX_RANK];
	int rank = H5Sget_simple_extent_dims(own, dims, NULL);
	bool same = rank > 0 && rank == H5Sget_simple_extent_ndims(taken) && H5Sget_select_bounds(taken, first, last) >= 0;
	for (int i = 0; same && i < rank; i++)
		same = dims[i] == last[i] - first[i] + 1;
	return same;
}

/* The data set of an open part against the block of the whole that it makes up. */
static int check_set(const struct joined *joined, const struct hdf_file *part, const char *set_name, hid_t taken,
                     struct err *err)
{
	hid_t set = H5Dopen2(part->id, set_name, H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
	int status = OK;
	if (set < 0)
		status = hdf_fail(part, ERR_DATA, set_name, "cannot be opened as a data set", err);
	else if (space < 0 || !fills(space, taken))
		status = err_set(err, ERR_DATA,
		                 "%s: %s has not got the shape that %s was joined with; remove the folder and run again",
		                 part->path, set_name, joined->file->path);
	if (space >= 0)
		H5Sclose(space);
	if (set >= 0)
		H5Dclose(set);
	return status;
}

static int check_file(const struct joined *joined, const char *file_name, const char *set_name, hid_t taken,
                      struct err *err)
{
	const char *path = joined->file->path;
	struct hdf_file *part = NULL;
	char *beside = mem_format(err, "%.*s%s", (int)(path_name(path) - path), path, file_name);
	int status = beside ? OK : err->code;
	if (status == OK && !path_exists(beside))
		status = err_set(
		    err, ERR_DATA,
		    "%s: %s: its part %s is missing; it belongs in the same folder (else remove the folder and run again)",
		    path, joined->name, file_name);
	if (status == OK)
		status = hdf_open(&part, beside, err);
	if (status == OK)
		status = check_set(joined, part, set_name, taken, err);
	hdf_close(part);
	free(beside);
	return status;
}

static int check_part(struct joined *joined, size_t i, struct err *err)
{
	char file_name[NAME_LIMIT], set_name[NAME_LIMIT];
	ssize_t file_length = H5Pget_virtual_filename(joined->creation, i, file_name, sizeof file_name);
	ssize_t set_length = H5Pget_virtual_dsetname(joined->creation, i, set_name, sizeof set_name);
	hid_t taken = H5Pget_virtual_vspace(joined->creation, i);
	hssize_t covered = taken >= 0 ? H5Sget_select_npoints(taken) : -1;
	int status = OK;
	if (file_length < 0 || set_length < 0 || covered < 0)
		status = hdf_fail(joined->file, ERR_DATA, joined->name, "its parts cannot be told", err);
	else if ((size_t)file_length >= sizeof file_name || (size_t)set_length >= sizeof set_name ||
	         strchr(file_name, '/') || strcmp(file_name, ".") == 0 || strchr(file_name, '%'))
		status = err_set(err, ERR_DATA, "%s: %s: has its rows in %s; only files of the same folder are read",
		                 joined->file->path, joined->name, file_name);
	else
		status = check_file(joined, file_name, set_name, taken, err);
	joined->covered += covered > 0 ? (hsize_t)covered : 0;
	if (taken >= 0)
		H5Sclose(taken);
	return status;
}

static int check_parts(struct joined *joined, struct err *err)
{
	size_t count = 0;
	hid_t space = H5Dget_space(joined->set);
	hssize_t all = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
	int status = OK;
	if (all < 0 || H5Pget_virtual_count(joined->creation, &count) < 0)
		status = hdf_fail(joined->file, ERR_DATA, joined->name, "its parts cannot be told", err);
	for (size_t i = 0; status == OK && i < count; i++)
		status = check_part(joined, i, err);
	if (status == OK && joined->covered != (hsize_t)all)
		status = err_set(err, ERR_DATA, "%s: %s: its parts do not make up the whole", joined->file->path, joined->name);
	if (space >= 0)
		H5Sclose(space);
	return status;
}

int hdf_check_joined(const struct hdf_file *file, const char *name, hid_t set, struct err *err)
{
	struct joined joined = {.file = file, .name = name, .set = set, .creation = H5Dget_create_plist(set)};
	int status = OK;
	bool virtual = joined.creation >= 0 && H5Pget_layout(joined.creation) == H5D_VIRTUAL;
	for (size_t i = 0; virtual && i < file->joined->count; i++)
		virtual = strcmp(file->joined->items[i], name) != 0;
	if (virtual && (status = check_parts(&joined, err)) == OK)
		status = path_list_add(file->joined, name, err);
	if (joined.creation >= 0)
		H5Pclose(joined.creation);
	return status;
}
