#include "io/archive_internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t little(const uint8_t *bytes, size_t count)
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
	return little(tail + at + 12, 4) + little(tail + at + 16, 4) == from + at;
}

bool zip_is_cut(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	enum { TAIL = 20 + 22 + 65535 };
	uint8_t *tail = malloc(TAIL);
	bool cut = false;
	char head[4];
	if (tail && fread(head, 1, 4, file) == 4 && memcmp(head, "PK\3\4", 4) == 0 && fseeko(file, 0, SEEK_END) == 0) {
		off_t size = ftello(file), from = size > TAIL ? size - TAIL : 0;
		size_t got = fseeko(file, from, SEEK_SET) == 0 ? fread(tail, 1, TAIL, file) : 0;
		cut = true;
		for (size_t at = 0; cut && at + 22 <= got; at++)
			cut = !is_own_end(tail, got, at, (uint64_t)from);
	}
	free(tail);
	fclose(file);
	return cut;
}
