#include "io/archive_internal.h"

#include <string.h>

struct npz_search {
	const char *path, *name;
	struct npy *out;
	bool found;
};

static bool npz_wanted(const char *path, void *context)
{
	const struct npz_search *search = context;
	size_t length = strlen(search->name);
	return !search->found && strncmp(path, search->name, length) == 0 && strcmp(path + length, ".npy") == 0;
}

static int npz_found(const struct member *member, void *context, struct err *err)
{
	struct npz_search *search = context;
	int status = npy_parse(search->out, member->bytes, member->size, member->path, err);
	if (status != OK)
		return err_wrap(err, "%s", search->path);
	search->found = true;
	return OK;
}

static void npz_skipped(const char *path, const char *reason, void *context)
{
	const struct npz_search *search = context;
	log_warn("npz", "%s: %s: %s", search->path, path, reason);
}

int npz_load(struct npy *out, const char *path, const char *name, struct err *err)
{
	struct npy array = {0};
	struct npz_search search = {.path = path, .name = name, .out = &array};
	/* Factor matrices are far larger than any picture. */
	struct member_walk walk = {.wanted = npz_wanted,
	                           .deliver = npz_found,
	                           .skipped = npz_skipped,
	                           .context = &search,
	                           .max_member = (size_t)1 << 40};
	int status = archive_walk(path, &walk, err);
	if (status == OK && !search.found)
		status = err_set(err, ERR_DATA, "%s: holds no array '%s'", path, name);
	if (status == OK)
		*out = array;
	else if (search.found)
		npy_free(&array);
	return status;
}
