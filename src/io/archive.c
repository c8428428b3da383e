#include "io/archive_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/*
 * Every archive is a layer: the outermost reads a file, an inner one pulls its bytes through a
 * callback out of the member of the layer above, so nothing is unpacked to disk. A layer that
 * breaks inside another costs that member only; a broken outermost layer is the caller's error.
 */
#define DEFAULT_MEMBER ((size_t)256 << 20)

struct layer {
	struct walker *w;
	struct archive *archive;
	struct layer *outer; /* whose current member this one is read from; NULL = a file or */
	struct zip_stream *stream; /* a member of a zip whose directory was read */
	const char *path;    /* below the walked root, "" for the root itself */
	int depth;           /* 0 = outermost */
	char *last;          /* the member read last, for messages */
	size_t members;
	char *block;
};

/* ---- names --------------------------------------------------------------------------- */

/* The name as UTF-8 where the archive says so, else its bytes; NULL only without a name. */
static const char *entry_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);
	return name ? name : archive_entry_pathname(entry);
}

/* ---- what went wrong ----------------------------------------------------------------------- */

/* libarchive's sentence, with the two that users meet most said plainly. */
static const char *layer_reason(const struct layer *layer)
{
	const char *text = archive_error_string(layer->archive);
	if (!text || strcasestr(text, "truncat") || strcasestr(text, "end of file") || strcasestr(text, "insufficient"))
		return "cut off";
	if (strcasestr(text, "unrecognized"))
		return "not an archive (zip, tar, tar.gz, tar.zst or 7z)";
	return text;
}

static int layer_failure(const struct layer *layer, struct err *err)
{
	if (!layer->last)
		return err_set(err, ERR_DATA, "%s", layer_reason(layer));
	return err_set(err, ERR_DATA, "%s: %s after %zu members", layer->last, layer_reason(layer), layer->members);
}

/* ---- one member ---------------------------------------------------------------------------------- */

/* Reads the current member whole. *reason is set, and OK returned, when it must be skipped. */
static int member_read(struct walker *w, struct layer *layer, struct archive_entry *entry, size_t *size,
                       const char **reason, struct err *err)
{
	static const char too_large[] = "larger than a member may be";
	bool known = archive_entry_size_is_set(entry);
	if (known && (uint64_t)archive_entry_size(entry) > w->limit) {
		*reason = too_large;
		return OK;
	}
	/* The size in the header is only a hint: a lie must not allocate. */
	size_t step = known ? (size_t)archive_entry_size(entry) + 1 : READ_BLOCK;
	size_t used = 0;
	for (;;) {
		if (walker_reserve(w, used + (step < READ_BLOCK ? step : READ_BLOCK), err) != OK)
			return err->code;
		ssize_t got = archive_read_data(layer->archive, w->buffer + used, w->capacity - used);
		if (got == ARCHIVE_RETRY)
			continue;
		if (got < 0)
			*reason = layer_reason(layer);
		if (got <= 0)
			break;
		used += (size_t)got;
		if (used > w->limit) {
			*reason = too_large;
			break;
		}
	}
	*size = used;
	return OK;
}

static int visit_plain(struct walker *w, struct layer *layer, struct archive_entry *entry, const char *path,
                       struct err *err)
{
	if (!walker_wants(w, path))
		return OK;
	const char *reason = NULL;
	size_t size = 0;
	int status = member_read(w, layer, entry, &size, &reason, err);
	if (status != OK)
		return status;
	if (reason) {
		walker_skip(w, path, reason);
		return OK;
	}
	struct member member = {.path = path, .bytes = w->buffer, .size = size, .full = size};
	return walker_deliver(w, &member, err);
}

/* ---- layers ----------------------------------------------------------------------------------------- */

static int walk_layer(struct walker *w, struct layer *layer, struct err *err);

/* by_directory: read a zip's directory at its end, which needs a whole file to seek in. */
static struct archive *reader_new(bool by_directory, struct err *err)
{
	struct archive *archive = archive_read_new();
	if (!archive) {
		err_set(err, ERR_MEMORY, "out of memory for an archive reader");
		return NULL;
	}
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_format_zip_streamable(archive);
	if (by_directory)
		archive_read_support_format_zip_seekable(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_format_7zip(archive);
	return archive;
}

static la_ssize_t pull_from_outer(struct archive *archive, void *context, const void **bytes)
{
	struct layer *inner = context;
	ssize_t got;
	if (inner->stream) {
		const char *reason = NULL;
		*bytes = inner->block;
		got = zip_stream_read(inner->stream, inner->block, READ_BLOCK, &reason);
		if (got < 0)
			archive_set_error(archive, EIO, "%s", reason);
		return got;
	}
	do {
		got = archive_read_data(inner->outer->archive, inner->block, READ_BLOCK);
	} while (got == ARCHIVE_RETRY);
	*bytes = inner->block;
	if (got < 0)
		archive_set_error(archive, EIO, "%s", layer_reason(inner->outer));
	if (got > 0 && !walker_counts(inner->w, (uint64_t)got)) {
		archive_set_error(archive, EIO, "unpacks to more than is allowed");
		return -1;
	}
	return got < 0 ? -1 : got;
}

/* 7z keeps its directory at the end and must seek: such an inner archive is held in memory. */
static int inner_open_memory(struct walker *w, struct layer *inner, struct archive_entry *entry, char **held,
                             struct err *err)
{
	const char *reason = NULL;
	size_t size = 0;
	int status = member_read(w, inner->outer, entry, &size, &reason, err);
	if (status != OK)
		return status;
	if (reason)
		return err_set(err, ERR_DATA, "%s", reason);
	/* Its members need the walker's buffer. */
	*held = w->buffer;
	w->buffer = NULL;
	w->capacity = 0;
	if (archive_read_open_memory(inner->archive, *held, size) != ARCHIVE_OK)
		return layer_failure(inner, err);
	return OK;
}

static int inner_open_stream(struct walker *w, struct layer *inner, struct err *err)
{
	inner->w = w;
	inner->block = mem_alloc(READ_BLOCK, 1, err);
	if (!inner->block)
		return walker_stop(w, err->code);
	if (archive_read_open2(inner->archive, inner, NULL, pull_from_outer, NULL, NULL) != ARCHIVE_OK)
		return layer_failure(inner, err);
	return OK;
}

int archive_walk_stream(struct walker *w, struct zip_stream *stream, const char *path, int depth, struct err *err)
{
	struct layer layer = {.stream = stream, .path = path, .depth = depth};
	layer.archive = reader_new(false, err);
	if (!layer.archive)
		return walker_stop(w, err->code);
	int status = inner_open_stream(w, &layer, err);
	if (status == OK)
		status = walk_layer(w, &layer, err);
	archive_read_free(layer.archive);
	free(layer.block);
	free(layer.last);
	return status;
}

int archive_walk_bytes(struct walker *w, const struct member *held, int depth, struct err *err)
{
	struct layer layer = {.path = held->path, .depth = depth};
	layer.archive = reader_new(true, err);
	if (!layer.archive)
		return walker_stop(w, err->code);
	int status = OK;
	if (archive_read_open_memory(layer.archive, held->bytes, held->size) != ARCHIVE_OK)
		status = layer_failure(&layer, err);
	if (status == OK)
		status = walk_layer(w, &layer, err);
	archive_read_free(layer.archive);
	free(layer.last);
	return status;
}

/* An archive inside an archive. What breaks in it is one skipped member of the layer above. */
static int visit_inner(struct walker *w, struct layer *layer, struct archive_entry *entry, const char *path,
                       struct err *err)
{
	if (!walker_enters(w, path))
		return OK;
	if (layer->depth >= MAX_INNER) {
		walker_skip(w, path, "archives nested more than three deep");
		return OK;
	}
	struct layer inner = {.outer = layer, .path = path, .depth = layer->depth + 1};
	char *held = NULL;
	inner.archive = reader_new(false, err);
	if (!inner.archive)
		return walker_stop(w, err->code);
	int status = name_ends_with(path, ".7z") ? inner_open_memory(w, &inner, entry, &held, err)
	                                         : inner_open_stream(w, &inner, err);
	if (status == OK)
		status = walk_layer(w, &inner, err);
	archive_read_free(inner.archive);
	free(inner.block);
	free(inner.last);
	free(held);
	if (status != OK && !w->stopped) {
		walker_skip(w, path, err->text);
		*err = (struct err){0};
		status = OK;
	}
	return status;
}

static int visit_entry(struct walker *w, struct layer *layer, struct archive_entry *entry, struct err *err)
{
	const char *stored = entry_name(entry);
	if (archive_entry_filetype(entry) == AE_IFDIR || (stored && name_ends_with(stored, "/")))
		return OK;
	char *name = name_as_utf8(stored ? stored : "", strlen(stored ? stored : ""), err);
	if (!name)
		return walker_stop(w, err->code);
	const char *reason = name_clean(name);
	if (reason)
		strcpy(name, stored ? stored : "");
	else if (archive_entry_filetype(entry) == AE_IFLNK || archive_entry_hardlink(entry))
		reason = "a link";
	else if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != 0)
		reason = "not a plain file";
	char *path = mem_format(err, "%s%s%s", layer->path, layer->path[0] ? "/" : "", name);
	free(layer->last);
	layer->last = name;
	if (!path)
		return walker_stop(w, err->code);
	int status = OK;
	if (reason)
		walker_skip(w, path, reason);
	else if (name_is_archive(name))
		status = visit_inner(w, layer, entry, path, err);
	else
		status = visit_plain(w, layer, entry, path, err);
	free(path);
	return status;
}

static int walk_layer(struct walker *w, struct layer *layer, struct err *err)
{
	for (;;) {
		struct archive_entry *entry = NULL;
		int got = archive_read_next_header(layer->archive, &entry);
		if (got == ARCHIVE_EOF)
			return OK;
		if (got == ARCHIVE_FATAL)
			return layer_failure(layer, err);
		if (got == ARCHIVE_RETRY || !entry)
			continue;
		int status = walker_stop(w, stop_check("reading an archive", err));
		if (status == OK)
			status = visit_entry(w, layer, entry, err);
		if (status != OK)
			return status;
		layer->members++;
	}
}

/* ---- roots ---------------------------------------------------------------------------- */

/* Names flagged as UTF-8 are lost by libarchive in a locale that cannot hold them, whatever the user's is. */
static locale_t utf8_begin(locale_t *before)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	*before = utf8 ? uselocale(utf8) : (locale_t)0;
	return utf8;
}

static void utf8_end(locale_t utf8, locale_t before)
{
	if (!utf8)
		return;
	uselocale(before);
	freelocale(utf8);
}

static int walk_archive(struct walker *w, const char *path, const char *below, int depth, struct err *err)
{
	struct layer layer = {.path = below, .depth = depth};
	/* The directory found in a cut file would be that of a zip stored in it. */
	bool cut, done = false;
	if (zip_is_cut(path, &cut, err) != OK)
		return err->code;
	if (!cut) {
		int walked = zip_walk_file(w, path, below, depth, &done, err);
		if (done || walked != OK)
			return walked;
	}
	layer.archive = reader_new(!cut, err);
	if (!layer.archive)
		return walker_stop(w, err->code);
	int status = OK;
	locale_t before, utf8 = utf8_begin(&before);
	if (archive_read_open_filename(layer.archive, path, READ_BLOCK) != ARCHIVE_OK)
		status = layer_failure(&layer, err);
	if (status == OK)
		status = walk_layer(w, &layer, err);
	utf8_end(utf8, before);
	if (!w->stopped && cut) {
		status = err_set(err, ERR_DATA, "%s%scut off: its directory, the end of the file, is missing; copy it again",
		                 layer.last ? layer.last : "", layer.last ? ": " : "");
	}
	archive_read_free(layer.archive);
	free(layer.last);
	return status;
}

static uint64_t file_bytes(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static int visit_file(struct walker *w, const char *path, const char *below, struct err *err)
{
	w->packed_bytes += file_bytes(path);
	if (name_is_archive(path)) {
		if (!walker_enters(w, below))
			return OK;
		int status = walk_archive(w, path, below, 1, err);
		if (status != OK && !w->stopped) {
			walker_skip(w, below, err->text);
			*err = (struct err){0};
			status = OK;
		}
		return status;
	}
	if (!walker_wants(w, below))
		return OK;
	char *bytes = NULL;
	size_t size = 0;
	struct err why = {0};
	int status = file_read(path, w->limit, &bytes, &size, &why);
	if (status == ERR_MEMORY) {
		*err = why;
		return walker_stop(w, status);
	}
	if (status != OK) {
		walker_skip(w, below, why.text);
		return OK;
	}
	struct member member = {.path = below, .bytes = bytes, .size = size, .full = size};
	status = walker_deliver(w, &member, err);
	free(bytes);
	return status;
}

static int walk_folder(struct walker *w, const char *folder, struct err *err)
{
	struct path_list files = {0};
	int status = folder_walk(&files, folder, err);
	for (size_t i = 0; status == OK && i < files.count; i++) {
		const char *below = files.items[i] + strlen(folder);
		while (*below == '/')
			below++;
		status = walker_stop(w, stop_check("reading a folder", err));
		if (status == OK)
			status = visit_file(w, files.items[i], below, err);
	}
	path_list_free(&files);
	return status;
}

static int walk_one_file(struct walker *w, const char *path, struct err *err)
{
	if (!walker_wants(w, path_name(path)))
		return OK;
	char *bytes = NULL;
	size_t size = 0;
	int status = file_read(path, w->limit, &bytes, &size, err);
	if (status != OK)
		return walker_stop(w, status);
	struct member member = {.path = path_name(path), .bytes = bytes, .size = size, .full = size};
	status = walker_deliver(w, &member, err);
	free(bytes);
	return status;
}

static int check_readable(const char *path, struct err *err)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return err_errno(err, "%s: cannot be read", path);
	fclose(file);
	return OK;
}

int archive_walk(const char *path, const struct member_walk *walk, struct err *err)
{
	struct walker w = {.walk = walk, .limit = walk->max_member ? walk->max_member : DEFAULT_MEMBER};
	int status = check_readable(path, err);
	if (status != OK)
		return status;
	w.packed_bytes = file_bytes(path);
	status = walk_archive(&w, path, "", 0, err);
	if (w.bomb)
		*err = w.bomb_err;
	if (w.bomb || (status != OK && !w.stopped))
		status = err_wrap(err, "%s", path);
	walker_free(&w);
	return status;
}

int members_walk(const char *path, const struct member_walk *walk, struct err *err)
{
	if (!path_is_folder(path) && name_is_archive(path))
		return archive_walk(path, walk, err);
	struct walker w = {.walk = walk, .limit = walk->max_member ? walk->max_member : DEFAULT_MEMBER};
	int status = path_is_folder(path) ? walk_folder(&w, path, err) : walk_one_file(&w, path, err);
	if (w.bomb) {
		*err = w.bomb_err;
		status = err_wrap(err, "%s", path);
	}
	walker_free(&w);
	return status;
}
