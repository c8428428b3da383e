/* JPEGs and PNGs, whole and at a part of their size. What is decoded has the size that its head said. */
#include "fuzz_file.h"
#include "io/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct image_decoder *decoder = NULL;
	struct err err = {0};
	if (image_decoder_new(&decoder, &err) != OK)
		return 0;
	for (size_t shrink = 1; shrink <= 4; shrink *= 4) {
		struct image_source source = {.bytes = bytes, .size = size, .name = "fuzz"};
		struct image_wish wish = {.channels = 3, .max_pixels = 1 << 20, .shrink = shrink};
		struct image_head head;
		struct image image;
		if (image_decoder_head(decoder, &source, &head, &err) != OK ||
		    image_decoder_read(decoder, &source, &wish, &image, &err) != OK)
			continue;
		size_t n = head.jpeg ? shrink : 1;
		if (image.width != (head.width + n - 1) / n || image.height != (head.height + n - 1) / n)
			abort();
		volatile uint8_t last = image.pixels[image.width * image.height * 3 - 1];
		(void)last;
	}
	image_decoder_free(decoder);
	return 0;
}
