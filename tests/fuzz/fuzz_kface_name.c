/* Names of K-FACE pictures. What is accepted must lie within its ranges. */
#include <string.h>

#include "fuzz_file.h"
#include "vision/vision.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *path = malloc(size + 1);
	struct kface_name name;
	if (!path)
		return 0;
	memcpy(path, bytes, size);
	path[size] = '\0';
	if (kface_name_parse(path, &name) &&
	    (name.accessory < 1 || name.accessory > 63 || name.light < 1 || name.light > 63 || name.expression < 1 ||
	     name.expression > 63 || name.camera < 1 || name.camera > 63 || !memchr(name.person, 0, sizeof name.person) ||
	     name.person[0] == '\0'))
		abort();
	free(path);
	return 0;
}
