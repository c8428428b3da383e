/* Whole documents: small files and texts in memory. Big arrays go through json_stream.c. */
#include "io/io.h"

#include <stdlib.h>
#include <string.h>

#include "io/json_internal.h"

#define DOCUMENT_LIMIT ((size_t)256 << 20)

int json_load_text(struct json **out, const char *text, size_t size, const char *name, struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t skip = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
	if (json_parse_value(out, text + skip, size - skip, 1, false, err) != OK)
		return err_wrap(err, "%s", name);
	return OK;
}

int json_load_file(struct json **out, const char *path, struct err *err)
{
	char *text = NULL;
	size_t size = 0;
	int status = file_read(path, DOCUMENT_LIMIT, &text, &size, err);
	if (status != OK)
		return status;
	status = json_load_text(out, text, size, path, err);
	free(text);
	return status;
}
