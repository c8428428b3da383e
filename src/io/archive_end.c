#include "io/archive_internal.h"

#include <stdlib.h>
#include <string.h>

uint64_t zip_little(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;
	while (count-- > 0)
		value = value << 8 | bytes[count];
	return value;
}

/* Is the end record at tail[at] that of this file, not of a stored zip within it? Then the directory it names ends
 * where it begins, or a zip64 locator stands in front of it. */
static bool is_own_end(const uint8_t *tail, size_t got, size_t at, uint64_t from)
{
	if (at + 22 > got || memcmp(tail + at, "PK\5\6", 4) != 0)
		return false;
	if (at >= 20 && memcmp(tail + at - 20, "PK\6\7", 4) == 0)
		return true;
	return zip_little(tail + at + 12, 4) + zip_little(tail + at + 16, 4) == from + at;
}

size_t zip_find_end(const uint8_t *tail, size_t got, uint64_t from)
{
	for (size_t at = 0; at + 22 <= got; at++) {
		if (is_own_end(tail, got, at, from))
			return at;
	}
	return SIZE_MAX;
}

int zip_is_cut(const char *path, bool *cut, struct err *err)
{
	FILE *file = fopen(path, "rb");
	*cut = false;
	if (!file)
		return OK;
	uint8_t *tail = mem_alloc(ZIP_TAIL, 1, err);
	char head[4];
	if (tail && fread(head, 1, 4, file) == 4 && memcmp(head, "PK\3\4", 4) == 0 && fseeko(file, 0, SEEK_END) == 0) {
		off_t size = ftello(file), from = size > ZIP_TAIL ? size - ZIP_TAIL : 0;
		size_t got = fseeko(file, from, SEEK_SET) == 0 ? fread(tail, 1, ZIP_TAIL, file) : 0;
		*cut = zip_find_end(tail, got, (uint64_t)from) == SIZE_MAX;
	}
	int code = tail ? OK : err->code;
	free(tail);
	fclose(file);
	return code;
}
