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
#define MAX_INNER 3
#define READ_BLOCK ((size_t)256 << 10)
#define DEFAULT_MEMBER ((size_t)256 << 20)

struct walker {
	const struct member_walk *walk;
	size_t limit;
	char *buffer; /* one member's content, reused */
	size_t capacity;
	bool stopped; /* the caller, a signal or memory ended the walk: its code comes out unchanged */
};

struct layer {
	struct archive *archive;
	struct layer *outer; /* whose current member this one is read from; NULL = a file */
	const char *path;    /* below the walked root, "" for the root itself */
	int depth;           /* 0 = outermost */
	char *last;          /* the member read last, for messages */
	size_t members;
	char *block;
};

/* ---- names --------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

static bool is_archive_name(const char *name)
{
	static const char *const ends[] = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".7z"};
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (ends_with(name, ends[i]))
			return true;
	}
	return false;
}

/* Removes "." and empty components in place. Returns why the name must not be trusted, or NULL. */
static const char *clean_name(char *name)
{
	if (name[0] == '/' || name[0] == '\\' || (name[0] && name[1] == ':'))
		return "absolute name";
	char *to = name;
	for (char *from = name; *from;) {
		size_t length = strcspn(from, "/");
		if (length == 2 && from[0] == '.' && from[1] == '.')
			return "name with '..'";
		if (length > 0 && !(length == 1 && from[0] == '.')) {
			if (to != name)
				*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
		from += *from == '/';
	}
	*to = '\0';
	return to == name ? "empty name" : NULL;
}

/* The name as UTF-8 where the archive says so, else its bytes; NULL only without a name. */
static const char *entry_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);
	return name ? name : archive_entry_pathname(entry);
}

static void report_skip(const struct walker *w, const char *path, const char *reason)
{
	if (w->walk->skipped)
		w->walk->skipped(path, reason, w->walk->context);
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

static int walk_stop(struct walker *w, int code)
{
	if (code != OK)
		w->stopped = true;
	return code;
}

/* ---- one member ---------------------------------------------------------------------------------- */

static int buffer_reserve(struct walker *w, size_t needed, struct err *err)
{
	char *grown = mem_grow(w->buffer, &w->capacity, needed, 1, err);
	if (!grown)
		return walk_stop(w, err->code);
	w->buffer = grown;
	return OK;
}

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
		if (buffer_reserve(w, used + (step < READ_BLOCK ? step : READ_BLOCK), err) != OK)
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

static int member_deliver(struct walker *w, const char *path, const void *bytes, size_t size, struct err *err)
{
	struct member member = {.path = path, .bytes = bytes, .size = size};
	return walk_stop(w, w->walk->deliver(&member, w->walk->context, err));
}

static bool member_wanted(const struct walker *w, const char *path)
{
	return !w->walk->wanted || w->walk->wanted(path, w->walk->context);
}

static int visit_plain(struct walker *w, struct layer *layer, struct archive_entry *entry, const char *path,
                       struct err *err)
{
	if (!member_wanted(w, path))
		return OK;
	const char *reason = NULL;
	size_t size = 0;
	int status = member_read(w, layer, entry, &size, &reason, err);
	if (status != OK)
		return status;
	if (reason) {
		report_skip(w, path, reason);
		return OK;
	}
	return member_deliver(w, path, w->buffer, size, err);
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
	do {
		got = archive_read_data(inner->outer->archive, inner->block, READ_BLOCK);
	} while (got == ARCHIVE_RETRY);
	*bytes = inner->block;
	if (got < 0)
		archive_set_error(archive, EIO, "%s", layer_reason(inner->outer));
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
	inner->block = mem_alloc(READ_BLOCK, 1, err);
	if (!inner->block)
		return walk_stop(w, err->code);
	if (archive_read_open2(inner->archive, inner, NULL, pull_from_outer, NULL, NULL) != ARCHIVE_OK)
		return layer_failure(inner, err);
	return OK;
}

/* An archive inside an archive. What breaks in it is one skipped member of the layer above. */
static int visit_inner(struct walker *w, struct layer *layer, struct archive_entry *entry, const char *path,
                       struct err *err)
{
	if (layer->depth >= MAX_INNER) {
		report_skip(w, path, "archives nested more than three deep");
		return OK;
	}
	struct layer inner = {.outer = layer, .path = path, .depth = layer->depth + 1};
	char *held = NULL;
	inner.archive = reader_new(false, err);
	if (!inner.archive)
		return walk_stop(w, err->code);
	int status =
	    ends_with(path, ".7z") ? inner_open_memory(w, &inner, entry, &held, err) : inner_open_stream(w, &inner, err);
	if (status == OK)
		status = walk_layer(w, &inner, err);
	archive_read_free(inner.archive);
	free(inner.block);
	free(inner.last);
	free(held);
	if (status != OK && !w->stopped) {
		report_skip(w, path, err->text);
		*err = (struct err){0};
		status = OK;
	}
	return status;
}

static int visit_entry(struct walker *w, struct layer *layer, struct archive_entry *entry, struct err *err)
{
	const char *stored = entry_name(entry);
	if (archive_entry_filetype(entry) == AE_IFDIR || (stored && ends_with(stored, "/")))
		return OK;
	char *name = mem_text(stored ? stored : "", err);
	if (!name)
		return walk_stop(w, err->code);
	const char *reason = clean_name(name);
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
		return walk_stop(w, err->code);
	int status = OK;
	if (reason)
		report_skip(w, path, reason);
	else if (is_archive_name(name))
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
		int status = walk_stop(w, stop_check("reading an archive", err));
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
	bool cut = zip_is_cut(path);
	layer.archive = reader_new(!cut, err);
	if (!layer.archive)
		return walk_stop(w, err->code);
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

static int visit_file(struct walker *w, const char *path, const char *below, struct err *err)
{
	if (is_archive_name(path)) {
		int status = walk_archive(w, path, below, 1, err);
		if (status != OK && !w->stopped) {
			report_skip(w, below, err->text);
			*err = (struct err){0};
			status = OK;
		}
		return status;
	}
	if (!member_wanted(w, below))
		return OK;
	char *bytes = NULL;
	size_t size = 0;
	struct err why = {0};
	int status = file_read(path, w->limit, &bytes, &size, &why);
	if (status == ERR_MEMORY) {
		*err = why;
		return walk_stop(w, status);
	}
	if (status != OK) {
		report_skip(w, below, why.text);
		return OK;
	}
	status = member_deliver(w, below, bytes, size, err);
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
		status = walk_stop(w, stop_check("reading a folder", err));
		if (status == OK)
			status = visit_file(w, files.items[i], below, err);
	}
	path_list_free(&files);
	return status;
}

static int walk_one_file(struct walker *w, const char *path, struct err *err)
{
	if (!member_wanted(w, path_name(path)))
		return OK;
	char *bytes = NULL;
	size_t size = 0;
	int status = file_read(path, w->limit, &bytes, &size, err);
	if (status != OK)
		return walk_stop(w, status);
	status = member_deliver(w, path_name(path), bytes, size, err);
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
	status = walk_archive(&w, path, "", 0, err);
	if (status != OK && !w.stopped)
		err_wrap(err, "%s", path);
	free(w.buffer);
	return status;
}

int members_walk(const char *path, const struct member_walk *walk, struct err *err)
{
	if (!path_is_folder(path) && is_archive_name(path))
		return archive_walk(path, walk, err);
	struct walker w = {.walk = walk, .limit = walk->max_member ? walk->max_member : DEFAULT_MEMBER};
	int status = path_is_folder(path) ? walk_folder(&w, path, err) : walk_one_file(&w, path, err);
	free(w.buffer);
	return status;
}
