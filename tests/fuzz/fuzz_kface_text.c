/* The text beside a K-FACE picture; its first byte is the camera. A box that is known has an area. */
#include "fuzz_file.h"
#include "vision/vision.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct kface_text text;
	struct err err = {0};
	if (size == 0 || kface_text_parse(bytes + 1, size - 1, bytes[0] % 21, &text, &err) != OK)
		return 0;
	if (!text.known[KFACE_FACE])
		abort();
	for (size_t i = 0; i < KFACE_PARTS; i++) {
		if (text.known[i] && (text.box[i].w <= 0 || text.box[i].h <= 0))
			abort();
	}
	return 0;
}
