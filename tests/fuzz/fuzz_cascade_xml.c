/* Either XML form. What is accepted must find faces without harm, and read back from its own writing. */
#include "fuzz_file.h"
#include "vision/vision.h"

#define SIDE 48

static void use(const struct cascade *cascade)
{
	static uint8_t pixels[SIDE * SIDE];
	struct err err = {0};
	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 2654435761u >> 13);
	struct image image = {.width = SIDE, .height = SIDE, .channels = 1, .pixels = pixels};
	struct detections found = {0};
	struct detector *detector = detector_new(cascade, &err);
	if (detector && detector_find(detector, &image, &(struct detect_options){.scale = 1.5}, &found, &err) != OK)
		abort();
	detections_free(&found);
	detector_free(detector);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct cascade *cascade, *again;
	struct strbuf text = {0};
	if (cascade_parse(&cascade, bytes, size, "fuzz.xml", &err) != OK) {
		if (err.code != ERR_DATA && err.code != ERR_MEMORY)
			abort();
		return 0;
	}
	use(cascade);
	if (cascade_print(cascade, &text, &err) != OK || cascade_parse(&again, text.text, text.length, "own", &err) != OK)
		abort();
	cascade_free(again);
	cascade_free(cascade);
	strbuf_free(&text);
	return 0;
}
