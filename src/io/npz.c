/*
 * NumPy's .npz: a zip of .npy members (PKWARE APPNOTE 6.3.x), stored, every time 1980-01-01, so that the bytes depend
 * on nothing but the arrays. Sizes and places of 4 GiB and more go into zip64 fields. zlib gives the CRC-32; elements
 * are written where they lie, never copied.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/npy_internal.h"

#define DATE_1980 0x0021 /* day 1, month 1, year 1980 + 0 */
#define LIMIT_32 0xffffffffu
#define VERSION_PLAIN 20 /* APPNOTE 2.0 */
#define VERSION_WIDE 45  /* 4.5: zip64 */
#define MADE_BY_UNIX 0x0300

struct zip_entry {
	char *name; /* with .npy */
	uint32_t crc;
	uint64_t size, offset;
};

struct zip_stream {
	struct out_file file;
	uint64_t offset; /* bytes written so far */
	struct zip_entry *entries;
	size_t count;
};

static void put(struct strbuf *buf, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		strbuf_add_bytes(buf, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

/* A short write is seen by out_commit. */
static void emit(struct zip_stream *zip, const void *bytes, size_t size)
{
	if (size > 0)
		(void)!fwrite(bytes, 1, size, zip->file.stream);
	zip->offset += size;
}

static int emit_record(struct zip_stream *zip, struct strbuf *record, struct err *err)
{
	int status = strbuf_check(record, err);
	if (status == OK)
		emit(zip, record->text, record->length);
	strbuf_free(record);
	return status;
}

/* What the local and the central header have in common, from the needed version to the length of the name. */
static void put_common(struct strbuf *buf, const struct zip_entry *entry, unsigned version)
{
	uint64_t size = entry->size >= LIMIT_32 ? LIMIT_32 : entry->size;
	put(buf, version, 2);
	put(buf, 0x0800, 2); /* names are UTF-8 */
	put(buf, 0, 2);      /* stored */
	put(buf, 0, 2);      /* 00:00:00 */
	put(buf, DATE_1980, 2);
	put(buf, entry->crc, 4);
	put(buf, size, 4);
	put(buf, size, 4);
	put(buf, strlen(entry->name), 2);
}

static int emit_local(struct zip_stream *zip, const struct zip_entry *entry, struct err *err)
{
	struct strbuf buf = {0};
	bool wide = entry->size >= LIMIT_32;
	put(&buf, 0x04034b50, 4);
	put_common(&buf, entry, wide ? VERSION_WIDE : VERSION_PLAIN);
	put(&buf, wide ? 20 : 0, 2);
	strbuf_add(&buf, entry->name);
	if (wide) {
		put(&buf, 1, 2);
		put(&buf, 16, 2);
		put(&buf, entry->size, 8);
		put(&buf, entry->size, 8);
	}
	return emit_record(zip, &buf, err);
}

static int emit_central(struct zip_stream *zip, const struct zip_entry *entry, struct err *err)
{
	struct strbuf buf = {0};
	bool wide_size = entry->size >= LIMIT_32, wide_offset = entry->offset >= LIMIT_32;
	bool wide = wide_size || wide_offset;
	put(&buf, 0x02014b50, 4);
	put(&buf, MADE_BY_UNIX | (wide ? VERSION_WIDE : VERSION_PLAIN), 2);
	put_common(&buf, entry, wide ? VERSION_WIDE : VERSION_PLAIN);
	put(&buf, wide ? 4 + (wide_size ? 16 : 0) + (wide_offset ? 8 : 0) : 0, 2);
	put(&buf, 0, 2); /* comment */
	put(&buf, 0, 2); /* disk */
	put(&buf, 0, 2); /* internal attributes */
	put(&buf, (uint64_t)0100644 << 16, 4);
	put(&buf, wide_offset ? LIMIT_32 : entry->offset, 4);
	strbuf_add(&buf, entry->name);
	if (wide) {
		put(&buf, 1, 2);
		put(&buf, (wide_size ? 16 : 0) + (wide_offset ? 8 : 0), 2);
		if (wide_size) {
			put(&buf, entry->size, 8);
			put(&buf, entry->size, 8);
		}
		if (wide_offset)
			put(&buf, entry->offset, 8);
	}
	return emit_record(zip, &buf, err);
}

static void put_wide_end(struct strbuf *buf, const struct zip_stream *zip, uint64_t directory)
{
	put(buf, 0x06064b50, 4);
	put(buf, 44, 8);
	put(buf, MADE_BY_UNIX | VERSION_WIDE, 2);
	put(buf, VERSION_WIDE, 2);
	put(buf, 0, 4);
	put(buf, 0, 4);
	put(buf, zip->count, 8);
	put(buf, zip->count, 8);
	put(buf, zip->offset - directory, 8);
	put(buf, directory, 8);
	put(buf, 0x07064b50, 4); /* the locator */
	put(buf, 0, 4);
	put(buf, zip->offset, 8);
	put(buf, 1, 4);
}

static int emit_end(struct zip_stream *zip, uint64_t directory, struct err *err)
{
	struct strbuf buf = {0};
	uint64_t size = zip->offset - directory;
	bool wide = directory >= LIMIT_32 || size >= LIMIT_32 || zip->count >= 0xffff;
	if (wide)
		put_wide_end(&buf, zip, directory);
	put(&buf, 0x06054b50, 4);
	put(&buf, 0, 2);
	put(&buf, 0, 2);
	put(&buf, wide ? 0xffff : zip->count, 2);
	put(&buf, wide ? 0xffff : zip->count, 2);
	put(&buf, wide ? LIMIT_32 : size, 4);
	put(&buf, wide ? LIMIT_32 : directory, 4);
	put(&buf, 0, 2);
	return emit_record(zip, &buf, err);
}

static int emit_array(struct zip_stream *zip, const struct npz_entry *from, struct err *err)
{
	struct zip_entry *entry = &zip->entries[zip->count];
	struct strbuf header = {0};
	size_t bytes = 0;
	int status = npy_data_size(&from->array, &bytes, err);
	if (status == OK)
		status = npy_header(&from->array, &header, err);
	if (status == OK && !(entry->name = mem_format(err, "%s.npy", from->name)))
		status = err->code;
	if (status == OK) {
		zip->count++;
		entry->offset = zip->offset;
		entry->size = (uint64_t)header.length + bytes;
		uLong crc = crc32_z(0, (const Bytef *)header.text, header.length);
		entry->crc = (uint32_t)(bytes ? crc32_z(crc, from->array.data, bytes) : crc);
		status = emit_local(zip, entry, err);
	}
	if (status == OK) {
		emit(zip, header.text, header.length);
		emit(zip, from->array.data, bytes);
	}
	strbuf_free(&header);
	return status;
}

int npz_save(const char *path, const struct npz_entry *entries, size_t count, struct err *err)
{
	struct zip_stream zip = {0};
	int status = out_open(&zip.file, path, err);
	if (status != OK)
		return status;
	zip.entries = mem_alloc(count, sizeof *zip.entries, err);
	if (!zip.entries)
		status = err->code;
	for (size_t i = 0; status == OK && i < count; i++)
		if ((status = emit_array(&zip, &entries[i], err)) != OK)
			err_wrap(err, "%s: %s", path, entries[i].name);
	uint64_t directory = zip.offset;
	for (size_t i = 0; status == OK && i < count; i++)
		status = emit_central(&zip, &zip.entries[i], err); /* NOLINT(clang-analyzer-unix.Malloc): freed below */
	if (status == OK)
		status = emit_end(&zip, directory, err);
	if (status == OK)
		status = out_commit(&zip.file, err);
	else
		out_discard(&zip.file);
	for (size_t i = 0; i < zip.count; i++)
		free(zip.entries[i].name);
	free(zip.entries);
	return status;
}
