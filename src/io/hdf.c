/* HDF5 files: opening, creating, committing; groups. Data sets are in hdf_data.c, texts in hdf_text.c, attributes in
 * hdf_attr.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/hdf_internal.h"

/* ---- the library's error stack ----------------------------------------------------------- */

struct innermost {
	char text[256];
};

/* "file write failed: time = …\n, filename = …, error message = 'No space left on device', buf = …": what a person can
 * use of it. */
static void tell_reason(struct innermost *found, const char *text)
{
	static const char mark[] = "error message = '";
	const char *time = strstr(text, ": time = "), *reason = strstr(text, mark);
	if (time && reason)
		snprintf(found->text, sizeof found->text, "%.*s: %.*s", (int)(time - text), text,
		         (int)strcspn(reason + strlen(mark), "'"), reason + strlen(mark));
	else
		snprintf(found->text, sizeof found->text, "%s", text);
}

static herr_t take_innermost(unsigned n, const H5E_error2_t *entry, void *context)
{
	struct innermost *found = context;
	if (n == 0 && entry->desc)
		tell_reason(found, entry->desc);
	return 0;
}

int hdf_fail(const struct hdf_file *file, int code, const char *name, const char *what, struct err *err)
{
	struct innermost found = {"no reason given"};
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &found);
	return err_set(err, code, "%s: %s%s%s: %s", file->path, name, name[0] ? ": " : "", what, found.text);
}

/* ---- life cycle -------------------------------------------------------------------------------- */

/* Errors are told by us. The library must not close what is left at the program's end: a file that a full disk kept
 * from being closed would be freed twice there. Everything is closed by hdf_close and hdf_commit. */
static void library_begin(void)
{
	static bool begun;
	if (!begun) {
		H5dont_atexit();
		/* Parts of a joined data set lie beside it, wherever else there are files of their names. */
		unsetenv("HDF5_VDS_PREFIX");
	}
	begun = true;
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

struct hdf_file *hdf_file_new(const char *path, bool created, struct err *err)
{
	library_begin();
	struct hdf_file *file = mem_alloc(1, sizeof *file, err);
	if (!file)
		return NULL;
	file->id = H5I_INVALID_HID;
	file->created = created;
	file->path = mem_text(path, err);
	file->joined = file->path ? mem_alloc(1, sizeof *file->joined, err) : NULL;
	file->links = H5Pcreate(H5P_LINK_CREATE);
	if (file->joined && (file->links < 0 || H5Pset_create_intermediate_group(file->links, 1) < 0)) {
		hdf_fail(file, ERR_MEMORY, "", "cannot be prepared", err);
		hdf_close(file);
		return NULL;
	}
	if (!file->joined) {
		hdf_close(file);
		return NULL;
	}
	return file;
}

/* Whatever is still open inside a file is closed with it, so that a failed call cannot keep PATH.part locked. */
static hid_t access_strong(void)
{
	hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	if (access >= 0)
		H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
	return access;
}

static void remove_part(const struct hdf_file *file)
{
	struct err ignored = {0};
	char *part = mem_format(&ignored, "%s.part", file->path);
	if (part)
		unlink(part);
	free(part);
}

void hdf_close(struct hdf_file *file)
{
	if (!file)
		return;
	bool began = file->id >= 0;
	if (began)
		H5Fclose(file->id);
	if (began && file->created)
		remove_part(file);
	if (file->links >= 0)
		H5Pclose(file->links);
	if (file->joined)
		path_list_free(file->joined);
	free(file->joined);
	free(file->path);
	free(file);
}

/* Is there a file that can be read, and is it HDF5? The library's own message would not tell these apart. */
static int look_at(const char *path, struct err *err)
{
	if (path_is_folder(path))
		return err_set(err, ERR_IO, "%s: is a folder, not a file", path);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return err_errno(err, "%s: cannot be read", path);
	close(descriptor);
	library_begin();
	if (H5Fis_hdf5(path) <= 0)
		return err_set(err, ERR_DATA, "%s: is not an HDF5 file", path);
	return OK;
}

int hdf_open(struct hdf_file **out, const char *path, struct err *err)
{
	struct hdf_file *file = NULL;
	int status = look_at(path, err);
	if (status == OK && !(file = hdf_file_new(path, false, err)))
		status = err->code;
	if (status == OK) {
		hid_t access = access_strong();
		file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
		if (file->id < 0)
			status = hdf_fail(file, ERR_DATA, "", "cannot be opened as HDF5", err);
		H5Pclose(access);
	}
	if (status == OK)
		*out = file;
	else
		hdf_close(file);
	return status;
}

/* The library would report a missing folder or a full disk in its own words; errno says it better. */
static int part_writable(const char *part, struct err *err)
{
	int descriptor = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (descriptor < 0)
		return err_errno(err, "%s: cannot be written", part);
	close(descriptor);
	return OK;
}

int hdf_create(struct hdf_file **out, const char *path, struct err *err)
{
	char *part = mem_format(err, "%s.part", path);
	struct hdf_file *file = part ? hdf_file_new(path, true, err) : NULL;
	int status = file ? part_writable(part, err) : err->code;
	if (status == OK) {
		hid_t access = access_strong();
		file->id = H5Fcreate(part, H5F_ACC_TRUNC, H5P_DEFAULT, access);
		if (file->id < 0) {
			status = hdf_fail(file, ERR_IO, "", "cannot be created", err);
			unlink(part);
		}
		H5Pclose(access);
	}
	free(part);
	if (status == OK)
		*out = file;
	else
		hdf_close(file);
	return status;
}

/* Once: the library has let go of half of a file that it could not close, and a second try reads what is gone. */
static int close_whole(struct hdf_file *file, struct err *err)
{
	hid_t id = file->id;
	file->id = H5I_INVALID_HID;
	if (H5Fclose(id) >= 0)
		return OK;
	int status = hdf_fail(file, ERR_IO, "", "writing failed; is there room?", err);
	remove_part(file);
	return status;
}

int hdf_commit(struct hdf_file *file, struct err *err)
{
	int status = OK;
	if (!file->created)
		status = err_set(err, ERR_IO, "%s: was opened for reading and cannot be committed", file->path);
	else if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0)
		status = hdf_fail(file, ERR_IO, "", "writing failed; is there room?", err);
	else
		status = close_whole(file, err);
	if (status == OK)
		status = file_commit(file->path, err);
	hdf_close(file);
	return status;
}

/* ---- names and groups --------------------------------------------------------------------------- */

/* H5Lexists fails where a parent is missing, so every prefix is asked in turn; on the stack, because "no" must not mean
 * "no memory". */
bool hdf_has(const struct hdf_file *file, const char *name)
{
	char prefix[4096];
	size_t length = strlen(name);
	if (length >= sizeof prefix)
		return false;
	memcpy(prefix, name, length + 1);
	bool found = true;
	for (char *at = prefix + (prefix[0] == '/'); found && *at != '\0'; at++) {
		if (at[1] != '/' && at[1] != '\0')
			continue;
		char kept = at[1];
		at[1] = '\0';
		found = H5Lexists(file->id, prefix, H5P_DEFAULT) > 0 && H5Oexists_by_name(file->id, prefix, H5P_DEFAULT) > 0;
		at[1] = kept;
		if (kept == '/' && found)
			at++;
	}
	return found;
}

int hdf_group(struct hdf_file *file, const char *name, struct err *err)
{
	if (hdf_has(file, name))
		return OK;
	hid_t group = H5Gcreate2(file->id, name, file->links, H5P_DEFAULT, H5P_DEFAULT);
	if (group < 0)
		return hdf_fail(file, ERR_IO, name, "the group cannot be made", err);
	H5Gclose(group);
	return OK;
}

/* ---- how a new data set is made --------------------------------------------------------------------- */

hid_t hdf_creation(size_t rank, const hsize_t *chunk, int compress)
{
	hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
	bool good = creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0;
	if (good && chunk)
		good = H5Pset_chunk(creation, (int)rank, chunk) >= 0;
	if (good && chunk && compress > 0)
		good = H5Pset_shuffle(creation) >= 0 && H5Pset_deflate(creation, (unsigned)compress) >= 0;
	if (!good && creation >= 0) {
		H5Pclose(creation);
		creation = H5I_INVALID_HID;
	}
	return creation;
}

void hdf_close_recipe(hid_t creation, hid_t space, hid_t type)
{
	if (creation >= 0)
		H5Pclose(creation);
	if (space >= 0)
		H5Sclose(space);
	if (type >= 0)
		H5Tclose(type);
}
