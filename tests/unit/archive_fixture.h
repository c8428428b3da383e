/* Archives made for a test, and what a walk over them has seen. */
#ifndef MOODCAST_TESTS_ARCHIVE_FIXTURE_H
#define MOODCAST_TESTS_ARCHIVE_FIXTURE_H

#include "support/support.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

/* ---- a walk that writes down what it sees ---------------------------------------------- */

struct seen {
	struct strbuf members, skipped; /* "path=content;" and "path=reason;" */
	const char *only;               /* wanted: paths that end with it; NULL = all */
	size_t stop_after;              /* 0 = never */
	size_t count;
};

static bool seen_wanted(const char *path, void *context)
{
	const struct seen *seen = context;
	size_t length = strlen(path), end = seen->only ? strlen(seen->only) : 0;
	return !seen->only || (length >= end && strcmp(path + length - end, seen->only) == 0);
}

static int seen_deliver(const struct member *member, void *context, struct err *err)
{
	struct seen *seen = context;
	if (seen->stop_after && ++seen->count == seen->stop_after)
		return err_set(err, ERR_NUMERIC, "enough");
	strbuf_format(&seen->members, "%s=", member->path);
	strbuf_add_bytes(&seen->members, member->bytes, member->size < 40 ? member->size : 40);
	strbuf_add(&seen->members, ";");
	return OK;
}

static void seen_skipped(const char *path, const char *reason, void *context)
{
	struct seen *seen = context;
	strbuf_format(&seen->skipped, "%s=%s;", path, reason);
}

static int walk_all(const char *path, struct seen *seen, struct err *err)
{
	struct member_walk walk = {
	    .wanted = seen_wanted, .deliver = seen_deliver, .skipped = seen_skipped, .context = seen};
	strbuf_add(&seen->members, "");
	strbuf_add(&seen->skipped, "");
	return members_walk(path, &walk, err);
}

static void seen_free(struct seen *seen)
{
	strbuf_free(&seen->members);
	strbuf_free(&seen->skipped);
}

static inline void expect_walk(const char *path, const char *members, const char *skipped)
{
	struct err err = {0};
	struct seen seen = {0};
	assert_ok(walk_all(path, &seen, &err));
	assert_string_equal(seen.members.text, members);
	assert_string_equal(seen.skipped.text, skipped);
	seen_free(&seen);
}

/* ---- zips made here, archives made by libarchive --------------------------------------------- */

struct piece {
	const char *name, *content; /* content NULL = the bytes below */
	const void *bytes;
	size_t size;
};

static void zip_pieces(const struct piece *pieces, size_t count, bool deflate, uint8_t **out, size_t *size)
{
	struct err err = {0};
	struct zip_writer *zip = NULL;
	assert_ok(zip_create_memory(&zip, &err));
	for (size_t i = 0; i < count; i++) {
		const struct piece *piece = &pieces[i];
		const void *bytes = piece->content ? (const void *)piece->content : piece->bytes;
		assert_ok(
		    zip_add(zip, piece->name, bytes, piece->content ? strlen(piece->content) : piece->size, deflate, &err));
	}
	assert_ok(zip_finish_memory(zip, out, size, &err));
}

static void save(const char *path, const void *bytes, size_t size)
{
	struct err err = {0};
	assert_ok(file_write(path, bytes, size, &err));
}

/* kind: "zip" (with data descriptors), "zip-stored", "tar", "tar.gz", "tar.zst", "7z". */
static struct archive *foreign_open(const char *kind, const char *path)
{
	struct archive *archive = archive_write_new();
	assert_non_null(archive);
	if (strncmp(kind, "zip", 3) == 0)
		archive_write_set_format_zip(archive);
	else if (strcmp(kind, "7z") == 0)
		archive_write_set_format_7zip(archive);
	else
		archive_write_set_format_pax_restricted(archive);
	if (strcmp(kind, "zip-stored") == 0)
		archive_write_zip_set_compression_store(archive);
	if (strcmp(kind, "tar.gz") == 0)
		archive_write_add_filter_gzip(archive);
	if (strcmp(kind, "tar.zst") == 0)
		archive_write_add_filter_zstd(archive);
	assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
	return archive;
}

static void foreign_add(struct archive *archive, const char *name, const char *content, int type, const char *link)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, (unsigned)type);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)strlen(content));
	if (link && type == AE_IFLNK)
		archive_entry_set_symlink(entry, link);
	else if (link)
		archive_entry_set_hardlink(entry, link);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	if (content[0])
		assert_int_equal(archive_write_data(archive, content, strlen(content)), strlen(content));
	archive_entry_free(entry);
}

static void foreign_close(struct archive *archive)
{
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static void load(const char *path, char **bytes, size_t *size)
{
	struct err err = {0};
	assert_ok(file_read(path, 1 << 24, bytes, size, &err));
}

#endif
