/* JSON texts. What is accepted prints as a text that is read again and prints the same. */
#include <string.h>

#include "fuzz_file.h"
#include "io/io.h"

static char *printed(const char *text, size_t size)
{
	struct err err = {0};
	struct json *root = NULL;
	char *out = NULL;
	if (json_load_text(&root, text, size, "fuzz", &err) != OK) {
		if (!err.text[0])
			abort();
		return NULL;
	}
	if (json_print(root, 0, &out, &err) != OK)
		abort();
	json_free(root);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *first = printed((const char *)bytes, size);
	if (!first)
		return 0;
	char *second = printed(first, strlen(first));
	if (!second || strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	return 0;
}
