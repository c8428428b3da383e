#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *path_join(const char *folder, const char *name, struct err *err)
{
	if (name[0] == '/' || folder[0] == '\0')
		return mem_text(name, err);
	bool slash = folder[strlen(folder) - 1] == '/';
	return mem_format(err, "%s%s%s", folder, slash ? "" : "/", name);
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

const char *path_extension(const char *path)
{
	const char *dot = strrchr(path_name(path), '.');
	return dot ? dot + 1 : "";
}

bool path_exists(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0;
}

bool path_is_folder(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int folder_make(const char *path, struct err *err)
{
	char *partial = mem_text(path, err);
	if (!partial)
		return err->code;
	int status = OK;
	for (char *slash = partial + 1; status == OK; slash++) {
		if (*slash != '/' && *slash != '\0')
			continue;
		char kept = *slash;
		*slash = '\0';
		if (mkdir(partial, 0777) != 0 && errno != EEXIST)
			status = err_errno(err, "%s: cannot make this folder", partial);
		*slash = kept;
		if (kept == '\0')
			break;
	}
	free(partial);
	if (status == OK && !path_is_folder(path))
		status = err_set(err, ERR_IO, "%s: is not a folder; move it away or choose another", path);
	return status;
}

int path_list_add(struct path_list *list, const char *path, struct err *err)
{
	char **items = mem_grow(list->items, &list->capacity, list->count + 1, sizeof *items, err);
	if (!items)
		return err->code;
	list->items = items;
	if (!(items[list->count] = mem_text(path, err)))
		return err->code;
	list->count++;
	return OK;
}

void path_list_free(struct path_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct path_list){0};
}

int path_expand(struct path_list *list, const char *pattern, struct err *err)
{
	/* A path that exists as it is written wins over its reading as a pattern: names with [ ] are real. */
	if (path_exists(pattern))
		return path_list_add(list, pattern, err);
	glob_t found = {0};
	int status = OK;
	int failure = glob(pattern, 0, NULL, &found);
	if (failure == GLOB_NOSPACE)
		status = err_set(err, ERR_MEMORY, "%s: no memory for what it stands for", pattern);
	else if (failure != 0 || found.gl_pathc == 0)
		status = err_set(err, ERR_IO, "%s: no such file or folder", pattern);
	for (size_t i = 0; status == OK && i < found.gl_pathc; i++)
		status = path_list_add(list, found.gl_pathv[i], err);
	globfree(&found);
	return status;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk_into(struct path_list *list, const char *folder, struct err *err)
{
	DIR *stream = opendir(folder);
	if (!stream)
		return err_errno(err, "%s: cannot be listed", folder);
	int status = OK;
	for (;;) {
		errno = 0;
		struct dirent *entry = status == OK ? readdir(stream) : NULL;
		/* A listing that broke off is not a shorter folder. */
		if (!entry && status == OK && errno != 0)
			status = err_errno(err, "%s: cannot be listed to its end", folder);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		struct stat info;
		char *path = path_join(folder, entry->d_name, err);
		if (!path)
			status = err->code;
		else if (lstat(path, &info) != 0)
			status = err_errno(err, "%s: cannot be looked at", path);
		else if (S_ISDIR(info.st_mode))
			status = walk_into(list, path, err);
		else if (S_ISREG(info.st_mode))
			status = path_list_add(list, path, err);
		free(path);
	}
	closedir(stream);
	return status;
}

int folder_walk(struct path_list *list, const char *folder, struct err *err)
{
	size_t before = list->count;
	int status = walk_into(list, folder, err);
	if (list->items)
		qsort(list->items + before, list->count - before, sizeof *list->items, by_bytes);
	return status;
}
