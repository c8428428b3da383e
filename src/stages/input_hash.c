/* Content hashes of the user's inputs, remembered so that a 25 GB archive is read for it once. */
#include "stages/stages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What tells that a file is the one that was hashed: path, size, inode, both times. */
static int stamp_of(const char *path, char *stamp, size_t size, struct err *err)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return err_errno(err, "%s: cannot be looked at", path);
	snprintf(stamp, size, "%jd:%ju:%jd.%09ld:%jd.%09ld", (intmax_t)info.st_size, (uintmax_t)info.st_ino,
	         (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
	return OK;
}

/* Looks for a line "hash<TAB>stamp<TAB>path"; the last one wins. */
static bool cache_find(const char *cache, const char *stamp, const char *path, char hex[SHA256_HEX])
{
	FILE *file = fopen(cache, "r");
	if (!file)
		return false;
	char *line = NULL, wanted[4400];
	size_t room = 0;
	bool found = false;
	snprintf(wanted, sizeof wanted, "%s\t%s\n", stamp, path);
	while (getline(&line, &room, file) > 0)
		if (strlen(line) > SHA256_HEX && line[SHA256_HEX - 1] == '\t' && strcmp(line + SHA256_HEX, wanted) == 0) {
			memcpy(hex, line, SHA256_HEX - 1);
			hex[SHA256_HEX - 1] = '\0';
			found = true;
		}
	free(line);
	fclose(file);
	return found;
}

static void cache_add(const char *cache, const char *stamp, const char *path, const char *hex)
{
	/* Losing a line costs a second reading, nothing else: so a failed write is no error. */
	FILE *file = fopen(cache, "a");
	if (!file)
		return;
	fprintf(file, "%s\t%s\t%s\n", hex, stamp, path);
	fclose(file);
}

/* Files that were not read before, with a word about it: an archive of 25 GB takes a minute. */
static int hash_file(const char *path, const char *what, char hex[SHA256_HEX], struct progress *progress,
                     struct err *err)
{
	struct stat info;
	if (!progress->topic)
		progress_start(progress, what, "MB", stat(path, &info) == 0 ? (size_t)info.st_size / 1000000 : 0);
	return sha256_file_watched(path, hex, progress, err);
}

static int hash_one(const char *path, const char *cache, char hex[SHA256_HEX], struct err *err)
{
	char stamp[160];
	int status = stamp_of(path, stamp, sizeof stamp, err);
	if (status != OK || cache_find(cache, stamp, path, hex))
		return status;
	struct progress progress = {0};
	status = hash_file(path, path_name(path), hex, &progress, err);
	progress_end(&progress);
	if (status == OK)
		cache_add(cache, stamp, path, hex);
	return status;
}

int input_hash(const char *path, const char *cache, char hex[SHA256_HEX], struct err *err)
{
	if (!path_is_folder(path))
		return hash_one(path, cache, hex, err);
	struct path_list files = {0};
	struct strbuf all = {0};
	int status = folder_walk(&files, path, err);
	strbuf_add(&all, "");
	for (size_t i = 0; status == OK && i < files.count; i++) {
		char stamp[160];
		status = stamp_of(files.items[i], stamp, sizeof stamp, err);
		strbuf_format(&all, "%s\t%s\n", files.items[i] + strlen(path), stamp);
	}
	/* A folder of a million pictures has one line in the cache: the stamps of all its files. */
	char stamps[SHA256_HEX];
	if (status == OK && (status = strbuf_check(&all, err)) == OK) {
		sha256_bytes(all.text, all.length, stamps);
		if (!cache_find(cache, stamps, path, hex)) {
			all.length = 0;
			for (size_t i = 0; status == OK && i < files.count; i++) {
				status = sha256_file(files.items[i], hex, err);
				strbuf_format(&all, "%s\t%s\n", files.items[i] + strlen(path), hex);
			}
			if (status == OK && (status = strbuf_check(&all, err)) == OK) {
				sha256_bytes(all.text, all.length, hex);
				cache_add(cache, stamps, path, hex);
			}
		}
	}
	strbuf_free(&all);
	path_list_free(&files);
	return status;
}
