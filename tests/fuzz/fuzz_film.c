/* Films (Y4M, Motion JPEG) and single pictures as a source: every picture has a size and is whole, its rhythm can be
 * waited for; a second round has no fewer than the first. */
#include "fuzz_file.h"
#include "runtime/runtime.h"

#define MOST 64

static size_t play(struct source *source)
{
	struct err err = {0};
	size_t count = 0;
	for (bool end = false; count < MOST;) {
		struct image image = {0};
		if (source_next(source, &image, &end, &err) != OK) {
			if (!err.text[0] || image.pixels)
				abort();
			break;
		}
		if (end)
			break;
		if (!image.width || !image.height || image.channels != 3)
			abort();
		volatile uint8_t last = image.pixels[image.width * image.height * 3 - 1];
		(void)last;
		image_free(&image);
		count++;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct source *source = NULL;
	char path[96];
	fuzz_file(path, "film", bytes, size);
	log_set_level(LOG_QUIET);
	if (source_open(&source, path, &err) != OK) {
		if (!err.text[0])
			abort();
		unlink(path);
		return 0;
	}
	double interval = source_interval(source);
	if (!(interval >= 0 && interval <= 60))
		abort();
	size_t first = play(source);
	if (source_can_rewind(source) && source_rewind(source, &err) == OK && play(source) != first)
		abort();
	source_close(source);
	unlink(path);
	return 0;
}
