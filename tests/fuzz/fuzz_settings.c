/* A file of settings. What is refused has a sentence; what is accepted prints as settings that read back and print the
 * same. */
#include <string.h>

#include "fuzz_file.h"
#include "config/config.h"

/* NULL when refused. */
static char *printed(const char *path)
{
	struct err err = {0};
	struct settings *settings = NULL;
	struct strbuf text = {0};
	if (settings_load(&settings, path, NULL, 0, &err) != OK) {
		if (!err.text[0])
			abort();
		return NULL;
	}
	if (settings_print(settings, SETTINGS_ALL, NULL, &text, &err) != OK)
		abort();
	settings_free(settings);
	return text.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char path[96];
	fuzz_file(path, "ini", bytes, size);
	char *first = printed(path);
	if (first) {
		fuzz_file(path, "ini", (const uint8_t *)first, strlen(first));
		char *second = printed(path);
		if (!second || strcmp(first, second) != 0)
			abort();
		free(second);
	}
	free(first);
	unlink(path);
	return 0;
}
