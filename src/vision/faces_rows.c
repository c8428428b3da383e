/*
 * The rows of faces.h5 while they are being made. Pixels are appended to PATH.part behind the place of the HDF5 head;
 * what became of each chosen picture is appended to PATH.rows in blocks, one a person, each written only after its
 * pixels. A run that was killed finds the last whole block and goes on behind it; the library's structures are made at
 * the end, from what both files hold, so that the result does not know how often it was stopped.
 *
 * PATH.rows: a head of 72 bytes (magic, identity of the work in 64 hexadecimal digits), then blocks of
 *   u32 magic, u32 bytes, u64 end of the pixels, u64 xxHash of what follows; then `bytes` bytes of records:
 *   struct row_record, reason.
 */
#include "vision/faces_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_MAGIC "MOODROW2"
#define ROWS_HEAD (sizeof ROWS_MAGIC - 1 + SHA256_HEX - 1)
#define BLOCK_MAGIC 0x4B4C4252u
#define BLOCK_ROWS 1024 /* of pictures of nobody known, or of a very large person */
#define PIXEL_BUFFER ((size_t)1 << 20)
#define LARGE_ROW ((size_t)16 << 10) /* copying it costs more than a call of its own */

struct row_record {
	uint32_t face, size; /* size 0 = skipped */
	int32_t width, height, area[4], box[4];
	uint8_t box_source, lost_box;
	uint16_t reason; /* bytes of it that follow */
};
struct block_head {
	uint32_t magic, bytes;
	uint64_t pixels_end, hash;
};

struct faces_store {
	char *path, *part, *rows_path;
	int pixels, rows;
	uint64_t end, rows_end; /* of what is written */
	uint8_t *buffer;        /* pixels that are not */
	size_t buffered;
	struct strbuf block;
	size_t block_rows;
	uint32_t person;
	uint64_t *sizes;
	size_t n_rows, capacity;
	struct hdf_shape shape;
	int compress;
};

static int write_full(int file, const void *bytes, size_t size, uint64_t at, const char *path, struct err *err)
{
	for (const char *from = bytes; size > 0;) {
		ssize_t put = pwrite(file, from, size, (off_t)at);
		if (put < 0 && errno != EINTR)
			return err_errno(err, "%s: writing failed; is there room?", path);
		if (put > 0) {
			from += put;
			at += (uint64_t)put;
			size -= (size_t)put;
		}
	}
	return OK;
}

/* ---- appending -------------------------------------------------------------------------------- */

static int flush_pixels(struct faces_store *store, struct err *err)
{
	int status = write_full(store->pixels, store->buffer, store->buffered, store->end, store->part, err);
	if (status == OK) {
		store->end += store->buffered;
		store->buffered = 0;
	}
	return status;
}

static int append_pixels(struct faces_store *store, const uint8_t *bytes, size_t size, struct err *err)
{
	int status = OK;
	if (size >= LARGE_ROW || store->buffered + size > PIXEL_BUFFER)
		status = flush_pixels(store, err);
	if (status != OK)
		return status;
	if (size >= LARGE_ROW) {
		status = write_full(store->pixels, bytes, size, store->end, store->part, err);
		store->end += status == OK ? size : 0;
		return status;
	}
	memcpy(store->buffer + store->buffered, bytes, size);
	store->buffered += size;
	return OK;
}

static int note_size(struct faces_store *store, size_t size, struct err *err)
{
	uint64_t *sizes = mem_grow(store->sizes, &store->capacity, store->n_rows + 1, sizeof *sizes, err);
	if (!sizes)
		return err->code;
	store->sizes = sizes;
	sizes[store->n_rows++] = size;
	return OK;
}

int faces_store_flush(struct faces_store *store, struct err *err)
{
	int status = flush_pixels(store, err);
	if (status == OK)
		status = strbuf_check(&store->block, err);
	if (status != OK || store->block.length == 0)
		return status;
	struct block_head head = {.magic = BLOCK_MAGIC,
	                          .bytes = (uint32_t)store->block.length,
	                          .pixels_end = store->end,
	                          .hash = hash64(store->block.text, store->block.length, store->end)};
	status = write_full(store->rows, &head, sizeof head, store->rows_end, store->rows_path, err);
	if (status == OK)
		status = write_full(store->rows, store->block.text, store->block.length, store->rows_end + sizeof head,
		                    store->rows_path, err);
	store->rows_end += sizeof head + store->block.length;
	store->block.length = 0;
	store->block_rows = 0;
	return status;
}

static void put_record(struct faces_store *store, const struct face *face, const struct face_outcome *outcome,
                       size_t size)
{
	struct row_record record = {.face = (uint32_t)outcome->face,
	                            .size = (uint32_t)size,
	                            .width = face->width,
	                            .height = face->height,
	                            .area = {face->area.x, face->area.y, face->area.w, face->area.h},
	                            .box = {face->box.x, face->box.y, face->box.w, face->box.h},
	                            .box_source = face->box_source,
	                            .lost_box = outcome->lost_box,
	                            .reason = (uint16_t)strlen(outcome->reason)};
	strbuf_add_bytes(&store->block, &record, sizeof record);
	strbuf_add_bytes(&store->block, outcome->reason, record.reason);
	store->block_rows++;
}

int faces_store_row(struct faces_store *store, const struct face_set *set, const struct face_outcome *outcome,
                    const uint8_t *bytes, size_t size, struct err *err)
{
	const struct face *face = &set->faces[outcome->face];
	int status = OK;
	if (store->block_rows > 0 && (face->person != store->person || store->block_rows == BLOCK_ROWS))
		status = faces_store_flush(store, err);
	store->person = face->person;
	if (status == OK && size > 0)
		status = append_pixels(store, bytes, size, err);
	if (status == OK && size > 0)
		status = note_size(store, size, err);
	if (status == OK)
		put_record(store, face, outcome, size);
	return status;
}

/* ---- going on behind an earlier run ----------------------------------------------------------------- */

static void restore_face(struct face *face, const struct row_record *record)
{
	face->width = record->width;
	face->height = record->height;
	face->area = (struct rect){record->area[0], record->area[1], record->area[2], record->area[3]};
	face->box = (struct rect){record->box[0], record->box[1], record->box[2], record->box[3]};
	face->box_source = record->box_source;
}

static int replay_record(struct faces_store *store, struct face_set *set, const struct row_record *record,
                         const char *reason, const struct face_replay *replay, struct err *err)
{
	char text[256];
	struct face_outcome outcome = {.face = record->face, .lost_box = record->lost_box, .reason = text};
	snprintf(text, sizeof text, "%.*s", (int)record->reason, reason);
	if (set)
		restore_face(&set->faces[record->face], record);
	int status = record->size > 0 ? note_size(store, record->size, err) : OK;
	return status == OK ? replay->settled(&outcome, replay->context, err) : status;
}

static int replay_block(struct faces_store *store, struct face_set *set, const char *bytes, size_t size,
                        const struct face_replay *replay, struct err *err)
{
	int status = OK;
	for (size_t at = 0; status == OK && at + sizeof(struct row_record) <= size;) {
		struct row_record record;
		memcpy(&record, bytes + at, sizeof record);
		at += sizeof record;
		if ((set && record.face >= set->count) || record.reason > size - at)
			return err_set(err, ERR_DATA, "%s: does not fit the archive; remove it and run again", store->rows_path);
		status = replay_record(store, set, &record, bytes + at, replay, err);
		at += record.reason;
	}
	return status;
}

/* The next whole block behind `at`, or false. */
static bool next_block(const char *bytes, size_t size, size_t at, uint64_t pixels, struct block_head *head)
{
	if (size - at < sizeof *head)
		return false;
	memcpy(head, bytes + at, sizeof *head);
	return head->magic == BLOCK_MAGIC && head->bytes <= size - at - sizeof *head && head->pixels_end <= pixels &&
	       hash64(bytes + at + sizeof *head, head->bytes, head->pixels_end) == head->hash;
}

static int replay_all(struct faces_store *store, struct face_set *set, const struct face_replay *replay,
                      struct err *err)
{
	char *bytes = NULL;
	size_t size = 0, at = ROWS_HEAD;
	off_t pixels = lseek(store->pixels, 0, SEEK_END);
	int status = file_read(store->rows_path, SIZE_MAX / 2, &bytes, &size, err);
	struct block_head head;
	while (status == OK && next_block(bytes, size, at, pixels < 0 ? 0 : (uint64_t)pixels, &head)) {
		status = replay_block(store, set, bytes + at + sizeof head, head.bytes, replay, err);
		at += sizeof head + head.bytes;
		store->end = head.pixels_end;
	}
	free(bytes);
	store->rows_end = at;
	if (status == OK && (ftruncate(store->rows, (off_t)at) != 0 || ftruncate(store->pixels, (off_t)store->end) != 0))
		status = err_errno(err, "%s: cannot be cut back to its last person", store->part);
	return status;
}

int faces_store_replay(struct faces_store *store, struct face_set *set, const struct face_replay *replay,
                       struct err *err)
{
	return replay_all(store, set, replay, err);
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* What the rows depend on. Other settings, another choice or another archive: the rows so far are of no use. */
int faces_work_identity(const struct face_set *set, const struct faces_settings *settings, char hex[SHA256_HEX],
                        struct err *err)
{
	struct strbuf text = {0};
	strbuf_format(&text, "%ld %ld %ld %.17g %.17g %.17g %.17g %d\n", settings->frame_width, settings->frame_height,
	              settings->compress, settings->box_margin, settings->max_megapixels, settings->max_ratio,
	              settings->max_unpacked_gb, settings->scaled);
	for (size_t i = 0; i < set->n_sources; i++)
		strbuf_format(&text, "%s %ju %jd\n", set->sources[i].root, (uintmax_t)set->sources[i].size,
		              (intmax_t)set->sources[i].changed);
	uint64_t hash[2] = {0, 1};
	for (size_t i = 0; i < set->count; i++) {
		const struct face *face = &set->faces[i];
		const int32_t box[6] = {face->box.x, face->box.y,      face->box.w,
		                        face->box.h, face->box_source, (int32_t)face->source};
		for (size_t k = 0; k < 2; k++) {
			hash[k] = hash64(face->member, strlen(face->member), hash[k]);
			hash[k] = hash64(box, sizeof box, hash[k]);
		}
	}
	strbuf_format(&text, "%zu %016jx%016jx", set->count, (uintmax_t)hash[0], (uintmax_t)hash[1]);
	int status = strbuf_check(&text, err);
	if (status == OK)
		sha256_bytes(text.text, text.length, hex);
	strbuf_free(&text);
	return status;
}

/* Does PATH.rows begin as it does for this work? That beginning comes out. */
static bool has_head(int rows, const char *identity, char wanted[ROWS_HEAD])
{
	char found[ROWS_HEAD];
	memcpy(wanted, ROWS_MAGIC, sizeof ROWS_MAGIC - 1);
	memcpy(wanted + sizeof ROWS_MAGIC - 1, identity, SHA256_HEX - 1);
	return pread(rows, found, sizeof found, 0) == (ssize_t)sizeof found && memcmp(wanted, found, sizeof found) == 0;
}

int faces_store_begun(const char *path, const char *identity, bool *begun, struct err *err)
{
	char head[ROWS_HEAD], *rows_path = mem_format(err, "%s.rows.part", path);
	if (!rows_path)
		return err->code;
	int rows = open(rows_path, O_RDONLY | O_CLOEXEC);
	*begun = rows >= 0 && has_head(rows, identity, head);
	if (rows >= 0)
		close(rows);
	free(rows_path);
	return OK;
}

/* Keeps the two files when they are of this work, else empties them. */
static int begin_files(struct faces_store *store, const char *identity, struct err *err)
{
	char wanted[ROWS_HEAD];
	bool same = has_head(store->rows, identity, wanted);
	off_t pixels = lseek(store->pixels, 0, SEEK_END);
	if (same && pixels >= HDF_HEAD)
		return OK;
	if (ftruncate(store->rows, 0) != 0 || ftruncate(store->pixels, 0) != 0 || ftruncate(store->pixels, HDF_HEAD) != 0)
		return err_errno(err, "%s: cannot be written", store->part);
	return write_full(store->rows, wanted, sizeof wanted, 0, store->rows_path, err);
}

/* Killed between the renaming and the end of the work: the rows still lie where they lay. */
static void take_back(const struct faces_store *store)
{
	if (path_exists(store->rows_path) && !path_exists(store->part))
		(void)rename(store->path, store->part);
}

static int open_files(struct faces_store *store, const char *path, struct err *err)
{
	store->path = mem_text(path, err);
	store->part = store->path ? mem_format(err, "%s.part", path) : NULL;
	store->rows_path = store->part ? mem_format(err, "%s.rows.part", path) : NULL;
	store->buffer = store->rows_path ? mem_alloc(PIXEL_BUFFER, 1, err) : NULL;
	if (!store->buffer)
		return err->code;
	take_back(store);
	store->pixels = open(store->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (store->pixels < 0)
		return err_errno(err, "%s: cannot be written", store->part);
	store->rows = open(store->rows_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (store->rows < 0)
		return err_errno(err, "%s: cannot be written", store->rows_path);
	return OK;
}

int faces_store_open(struct faces_store **out, const char *path, const char *identity,
                     const struct faces_settings *settings, struct err *err)
{
	struct faces_store *store = mem_alloc(1, sizeof *store, err);
	if (!store)
		return err->code;
	store->pixels = store->rows = -1;
	store->end = HDF_HEAD;
	store->compress = (int)settings->compress;
	store->shape = (struct hdf_shape){
	    .type = HDF_U8, .rank = 4, .dims = {0, (size_t)settings->frame_height, (size_t)settings->frame_width, 3}};
	int status = open_files(store, path, err);
	if (status == OK)
		status = begin_files(store, identity, err);
	if (status == OK)
		*out = store;
	else
		faces_store_discard(store);
	return status;
}

int faces_store_create(struct faces_store **out, const char *path, const struct face_set *set,
                       const struct faces_settings *settings, struct err *err)
{
	char identity[SHA256_HEX];
	int status = faces_work_identity(set, settings, identity, err);
	return status == OK ? faces_store_open(out, path, identity, settings, err) : status;
}

void faces_store_discard(struct faces_store *store)
{
	if (!store)
		return;
	if (store->pixels >= 0)
		close(store->pixels);
	if (store->rows >= 0)
		close(store->rows);
	free(store->path);
	free(store->part);
	free(store->rows_path);
	free(store->buffer);
	free(store->sizes);
	strbuf_free(&store->block);
	free(store);
}

uint64_t faces_store_bytes(const struct faces_store *store)
{
	off_t end = lseek(store->pixels, 0, SEEK_END);
	return end < 0 ? 0 : (uint64_t)end;
}

/* The library's structures around the rows of the store. */
static int build_file(struct faces_store *store, struct hdf_file **out, struct err *err)
{
	struct hdf_rows rows = {
	    .name = "pixels", .shape = store->shape, .compress = store->compress, .sizes = store->sizes};
	rows.shape.dims[0] = store->n_rows;
	/* Columns of a build that was killed lie behind the rows. */
	if (ftruncate(store->pixels, (off_t)store->end) != 0)
		return err_errno(err, "%s: cannot be cut back to its rows", store->part);
	return hdf_create_around(out, store->path, &rows, err);
}

int faces_store_finish(struct faces_store *store, const struct face_set *set, bool synthetic, struct err *err)
{
	struct hdf_file *file = NULL;
	int status = build_file(store, &file, err);
	if (status == OK && (status = faces_columns_write(file, set, synthetic, err)) != OK) {
		hdf_close(file);
		file = NULL;
	}
	if (status == OK)
		status = hdf_commit(file, err);
	if (status == OK)
		unlink(store->rows_path);
	faces_store_discard(store);
	return status;
}

int faces_store_finish_rows(struct faces_store *store, struct err *err)
{
	struct hdf_file *file = NULL;
	int status = OK;
	if (store->n_rows == 0)
		unlink(store->part);
	else if ((status = build_file(store, &file, err)) == OK)
		status = hdf_commit(file, err);
	faces_store_discard(store);
	return status;
}

size_t faces_store_rows(const struct faces_store *store)
{
	return store->n_rows;
}
