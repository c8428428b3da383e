/* A file of settings. What is refused has a sentence; what is accepted prints as settings that read back and print the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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
	struct err err = {0};
	char path[64];
	snprintf(path, sizeof path, "/tmp/fuzz_settings.%d.ini", (int)getpid());
	char *first = file_write(path, bytes, size, &err) == OK ? printed(path) : NULL;
	if (first && file_write(path, first, strlen(first), &err) == OK) {
		char *second = printed(path);
		if (!second || strcmp(first, second) != 0)
			abort();
		free(second);
	}
	free(first);
	unlink(path);
	return 0;
}
