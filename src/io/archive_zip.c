#include "io/io.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/*
 * Zip as in PKWARE's APPNOTE 6.3: local header + bytes a member, then the directory, then (where a count or an offset
 * needs it) the zip64 records, then the end record. No field depends on the clock, the user or the machine.
 */
#define DOS_DATE 0x0021 /* 1980-01-01, the first day the format knows */
#define FLAG_UTF8 0x0800
#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define LIMIT_32 0xFFFFFFFFu
#define LIMIT_16 0xFFFFu

struct zip_writer {
	struct out_file file; /* stream NULL = in memory */
	struct strbuf memory;
	struct strbuf directory;
	uint64_t offset, members;
	char *path; /* for messages */
};

static void put(struct strbuf *buf, uint64_t value, size_t bytes)
{
	uint8_t little[8];
	for (size_t i = 0; i < bytes; i++)
		little[i] = (uint8_t)(value >> (8 * i));
	strbuf_add_bytes(buf, little, bytes);
}

static int zip_emit(struct zip_writer *zip, const void *bytes, size_t size, struct err *err)
{
	zip->offset += size;
	if (!zip->file.stream) {
		strbuf_add_bytes(&zip->memory, bytes, size);
		return strbuf_check(&zip->memory, err);
	}
	if (size > 0 && fwrite(bytes, 1, size, zip->file.stream) != size)
		return err_errno(err, "%s: writing failed", zip->path);
	return OK;
}

static struct zip_writer *zip_new(const char *path, struct err *err)
{
	struct zip_writer *zip = mem_alloc(1, sizeof *zip, err);
	if (!zip)
		return NULL;
	zip->path = mem_text(path, err);
	if (!zip->path) {
		free(zip);
		return NULL;
	}
	return zip;
}

int zip_create(struct zip_writer **out, const char *path, struct err *err)
{
	struct zip_writer *zip = zip_new(path, err);
	if (!zip)
		return err->code;
	int status = out_open(&zip->file, path, err);
	if (status != OK) {
		zip_discard(zip);
		return status;
	}
	*out = zip;
	return OK;
}

int zip_create_memory(struct zip_writer **out, struct err *err)
{
	struct zip_writer *zip = zip_new("zip in memory", err);
	if (!zip)
		return err->code;
	*out = zip;
	return OK;
}

void zip_discard(struct zip_writer *zip)
{
	if (!zip)
		return;
	out_discard(&zip->file);
	strbuf_free(&zip->memory);
	strbuf_free(&zip->directory);
	free(zip->path);
	free(zip);
}

/* Raw deflate at a fixed level; *out is NULL, with OK, when it would not be smaller. */
static int deflate_bytes(const void *bytes, size_t size, uint8_t **out, size_t *out_size, struct err *err)
{
	z_stream stream = {0};
	if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, ERR_MEMORY, "out of memory for deflate");
	uint8_t *packed = mem_alloc(size, 1, err);
	if (!packed) {
		deflateEnd(&stream);
		return err->code;
	}
	stream.next_in = (void *)(uintptr_t)bytes;
	stream.avail_in = (uInt)size;
	stream.next_out = packed;
	stream.avail_out = (uInt)size;
	bool smaller = deflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out < size;
	*out_size = stream.total_out;
	deflateEnd(&stream);
	if (!smaller) {
		free(packed);
		packed = NULL;
	}
	*out = packed;
	return OK;
}

struct zip_entry {
	const char *name;
	size_t name_length, size, stored;
	unsigned flags, method;
	uint32_t crc;
	uint64_t offset;
};

static void put_common(struct strbuf *buf, const struct zip_entry *entry, unsigned extra_length)
{
	put(buf, entry->flags, 2);
	put(buf, entry->method, 2);
	put(buf, 0, 2);
	put(buf, DOS_DATE, 2);
	put(buf, entry->crc, 4);
	put(buf, entry->stored, 4);
	put(buf, entry->size, 4);
	put(buf, entry->name_length, 2);
	put(buf, extra_length, 2);
}

static void put_directory(struct strbuf *buf, const struct zip_entry *entry)
{
	bool far = entry->offset >= LIMIT_32;
	put(buf, 0x02014b50, 4);
	put(buf, 3 << 8 | (far ? 45 : 20), 2); /* made by: Unix, so that the mode below counts */
	put(buf, far ? 45 : 20, 2);
	put_common(buf, entry, far ? 12 : 0);
	put(buf, 0, 2); /* comment */
	put(buf, 0, 2); /* disk */
	put(buf, 0, 2); /* internal attributes */
	put(buf, (uint64_t)0100644 << 16, 4);
	put(buf, far ? LIMIT_32 : entry->offset, 4);
	strbuf_add_bytes(buf, entry->name, entry->name_length);
	if (far) {
		put(buf, 1, 2);
		put(buf, 8, 2);
		put(buf, entry->offset, 8);
	}
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 128)
		text++;
	return *text == '\0';
}

int zip_add(struct zip_writer *zip, const char *name, const void *bytes, size_t size, bool deflate, struct err *err)
{
	struct zip_entry entry = {.name = name, .name_length = strlen(name), .size = size, .stored = size};
	if (size >= LIMIT_32)
		return err_set(err, ERR_DATA, "%s: %s: members of 4 GiB and more are not written", zip->path, name);
	if (entry.name_length == 0 || entry.name_length > LIMIT_16)
		return err_set(err, ERR_DATA, "%s: a member's name has %zu bytes; 1–65535 can be stored", zip->path,
		               entry.name_length);
	uint8_t *packed = NULL;
	size_t packed_size = 0;
	int status = deflate && size > 0 ? deflate_bytes(bytes, size, &packed, &packed_size, err) : OK;
	if (status != OK)
		return status;
	if (packed) {
		entry.stored = packed_size;
		entry.method = METHOD_DEFLATED;
	}
	entry.flags = is_ascii(name) ? 0 : FLAG_UTF8;
	entry.crc = (uint32_t)crc32(0, bytes, (uInt)size);
	entry.offset = zip->offset;
	struct strbuf header = {0};
	put(&header, 0x04034b50, 4);
	put(&header, 20, 2);
	put_common(&header, &entry, 0);
	strbuf_add_bytes(&header, name, entry.name_length);
	put_directory(&zip->directory, &entry);
	zip->members++;
	status = strbuf_check(&header, err);
	if (status == OK)
		status = strbuf_check(&zip->directory, err);
	if (status == OK)
		status = zip_emit(zip, header.text, header.length, err);
	if (status == OK)
		status = zip_emit(zip, packed ? packed : bytes, entry.stored, err);
	strbuf_free(&header);
	free(packed);
	return status;
}

static void put_zip64_end(struct strbuf *buf, const struct zip_writer *zip)
{
	uint64_t at = zip->offset + zip->directory.length;
	put(buf, 0x06064b50, 4);
	put(buf, 44, 8); /* bytes that follow */
	put(buf, 45, 2);
	put(buf, 45, 2);
	put(buf, 0, 4);
	put(buf, 0, 4);
	put(buf, zip->members, 8);
	put(buf, zip->members, 8);
	put(buf, zip->directory.length, 8);
	put(buf, zip->offset, 8);
	put(buf, 0x07064b50, 4); /* locator of the record above */
	put(buf, 0, 4);
	put(buf, at, 8);
	put(buf, 1, 4);
}

static int zip_close(struct zip_writer *zip, struct err *err)
{
	struct strbuf end = {0};
	bool many = zip->members >= LIMIT_16, far = zip->offset >= LIMIT_32 || zip->directory.length >= LIMIT_32;
	if (many || far)
		put_zip64_end(&end, zip);
	put(&end, 0x06054b50, 4);
	put(&end, 0, 2);
	put(&end, 0, 2);
	put(&end, many ? LIMIT_16 : zip->members, 2);
	put(&end, many ? LIMIT_16 : zip->members, 2);
	put(&end, far ? LIMIT_32 : zip->directory.length, 4);
	put(&end, far ? LIMIT_32 : zip->offset, 4);
	put(&end, 0, 2);
	int status = strbuf_check(&end, err);
	if (status == OK)
		status = zip_emit(zip, zip->directory.text, zip->directory.length, err);
	if (status == OK)
		status = zip_emit(zip, end.text, end.length, err);
	strbuf_free(&end);
	return status;
}

int zip_finish(struct zip_writer *zip, struct err *err)
{
	int status = zip_close(zip, err);
	if (status == OK)
		status = out_commit(&zip->file, err);
	zip_discard(zip);
	return status;
}

int zip_finish_memory(struct zip_writer *zip, uint8_t **out, size_t *size, struct err *err)
{
	int status = zip_close(zip, err);
	if (status == OK) {
		*out = (uint8_t *)zip->memory.text;
		*size = zip->memory.length;
		zip->memory = (struct strbuf){0};
	}
	zip_discard(zip);
	return status;
}
