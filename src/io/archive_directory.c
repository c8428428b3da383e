#include "io/archive_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The directory at the end of a zip (PKWARE's APPNOTE 6.3, sections 4.3.12 to 4.3.16): with it a member is found, or
 * passed over, in one step. Whatever does not add up leaves the zip to the reader that goes from front to back.
 */
#define DIRECTORY_LIMIT ((uint64_t)512 << 20)
#define LIMIT_32 0xFFFFFFFFu
#define LIMIT_16 0xFFFFu
#define RECORD 46 /* bytes of a directory entry before its name */

struct directory_place {
	uint64_t offset, size, count; /* from the start of the zip */
};

static bool read_at(const struct zip_region *region, uint64_t offset, void *out, size_t size)
{
	if (offset > region->size || size > region->size - offset)
		return false;
	char *to = out;
	while (size > 0) {
		ssize_t got = pread(region->file, to, size, (off_t)(region->start + offset));
		if (got <= 0)
			return false;
		to += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return true;
}

static bool read_zip64(const struct zip_region *region, const uint8_t *locator, struct directory_place *place)
{
	uint8_t end[56];
	if (memcmp(locator, "PK\6\7", 4) != 0 || !read_at(region, zip_little(locator + 8, 8), end, sizeof end) ||
	    memcmp(end, "PK\6\6", 4) != 0)
		return false;
	place->count = zip_little(end + 32, 8);
	place->size = zip_little(end + 40, 8);
	place->offset = zip_little(end + 48, 8);
	return true;
}

static bool find_directory(const struct zip_region *region, uint8_t *tail, struct directory_place *place)
{
	size_t got = region->size < ZIP_TAIL ? (size_t)region->size : ZIP_TAIL;
	uint64_t from = region->size - got;
	if (!read_at(region, from, tail, got))
		return false;
	size_t at = zip_find_end(tail, got, from);
	if (at == SIZE_MAX)
		return false;
	const uint8_t *end = tail + at;
	*place = (struct directory_place){
	    .offset = zip_little(end + 16, 4), .size = zip_little(end + 12, 4), .count = zip_little(end + 10, 2)};
	bool wide = place->offset == LIMIT_32 || place->size == LIMIT_32 || place->count == LIMIT_16;
	if (wide && (at < 20 || !read_zip64(region, end - 20, place)))
		return false;
	return place->size <= DIRECTORY_LIMIT && place->offset <= region->size &&
	       place->size <= region->size - place->offset && place->count <= place->size / RECORD;
}

/* The 64-bit sizes and offset that stand in the extra field for those of a record that are all ones. */
static bool widen(const uint8_t *extra, size_t length, struct zip_member *member)
{
	uint64_t *wide[3] = {&member->size, &member->packed, &member->at};
	size_t at = 0, size = 0;
	while (at + 4 <= length && zip_little(extra + at, 2) != 1)
		at += 4 + zip_little(extra + at + 2, 2);
	if (at + 4 <= length)
		size = zip_little(extra + at + 2, 2);
	if (size > 0 && at + 4 + size > length)
		return false;
	for (size_t i = 0, used = 0; i < 3; i++) {
		if (*wide[i] != LIMIT_32)
			continue;
		if (used + 8 > size)
			return false;
		*wide[i] = zip_little(extra + at + 4 + used, 8);
		used += 8;
	}
	return true;
}

/* One record; its length, or 0 when it is broken: members lie before the directory. */
static size_t take_record(struct zip_directory *directory, size_t at, const struct zip_region *region,
                          uint64_t members_end)
{
	const uint8_t *record = (const uint8_t *)directory->bytes + at;
	if (directory->size - at < RECORD || memcmp(record, "PK\1\2", 4) != 0)
		return 0;
	size_t name = zip_little(record + 28, 2), extra = zip_little(record + 30, 2);
	size_t length = RECORD + name + extra + zip_little(record + 32, 2);
	if (length > directory->size - at)
		return 0;
	struct zip_member member = {.at = zip_little(record + 42, 4),
	                            .packed = zip_little(record + 20, 4),
	                            .size = zip_little(record + 24, 4),
	                            .crc = (uint32_t)zip_little(record + 16, 4),
	                            .name_at = (uint32_t)(at + RECORD),
	                            .name_length = (uint32_t)name,
	                            .method = (uint16_t)zip_little(record + 10, 2),
	                            .flags = (uint16_t)zip_little(record + 8, 2)};
	/* Made on Unix: the upper half of the attributes is the mode. */
	member.link = record[5] == 3 && (zip_little(record + 40, 2) & S_IFMT) == S_IFLNK;
	if (!widen(record + RECORD + name, extra, &member) || member.at > members_end)
		return 0;
	member.at += region->start;
	directory->members[directory->count++] = member;
	return length;
}

static int by_place(const void *a, const void *b)
{
	const struct zip_member *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->name_at > y->name_at) - (x->name_at < y->name_at);
}

static bool take_records(const struct zip_region *region, const struct directory_place *place,
                         struct zip_directory *directory)
{
	size_t at = 0;
	bool ordered = true;
	while (at < directory->size && directory->count < place->count) {
		size_t length = take_record(directory, at, region, place->offset);
		if (length == 0)
			return false;
		size_t last = directory->count - 1;
		ordered = ordered && (last == 0 || directory->members[last - 1].at <= directory->members[last].at);
		at += length;
	}
	if (directory->count != place->count)
		return false;
	if (!ordered)
		qsort(directory->members, directory->count, sizeof *directory->members, by_place);
	for (size_t i = 0; i < directory->count; i++)
		directory->members[i].end =
		    i + 1 < directory->count ? directory->members[i + 1].at : region->start + place->offset;
	return true;
}

int zip_directory_read(const struct zip_region *region, struct zip_directory *out, bool *usable, struct err *err)
{
	*usable = false;
	*out = (struct zip_directory){0};
	uint8_t head[4], *tail = mem_alloc(ZIP_TAIL, 1, err);
	if (!tail)
		return err->code;
	struct directory_place place = {0};
	bool found = read_at(region, 0, head, sizeof head) && memcmp(head, "PK\3\4", 4) == 0 &&
	             find_directory(region, tail, &place);
	free(tail);
	if (!found)
		return OK;
	struct zip_directory directory = {.size = (size_t)place.size};
	directory.bytes = mem_alloc(directory.size, 1, err);
	directory.members = directory.bytes ? mem_alloc((size_t)place.count, sizeof *directory.members, err) : NULL;
	if (!directory.members) {
		zip_directory_free(&directory);
		return err->code;
	}
	*usable =
	    read_at(region, place.offset, directory.bytes, directory.size) && take_records(region, &place, &directory);
	if (*usable)
		*out = directory;
	else
		zip_directory_free(&directory);
	return OK;
}

void zip_directory_free(struct zip_directory *directory)
{
	free(directory->members);
	free(directory->bytes);
	*directory = (struct zip_directory){0};
}
