/* CSV indexes and CSVs of pixels, through the whole first pass. */
#include "fuzz_file.h"
#include "config/config.h"
#include "vision/vision.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const overrides[] = {"faces.layout=csv", "faces.classes="};
	struct err err = {0};
	struct settings *settings = NULL;
	struct face_set *set = NULL;
	struct path_list inputs = {0};
	struct image picture = {0};
	char path[96];
	fuzz_file(path, "csv", bytes, size);
	log_set_level(LOG_QUIET);
	if (faces_pixels_parse(bytes, size, &picture, &err) == OK)
		image_free(&picture);
	if (path_list_add(&inputs, path, &err) == OK &&
	    settings_load(&settings, NULL, overrides, 2, &err) == OK) {
		struct faces_request request = {.settings = &settings->faces, .inputs = &inputs, .seed = 1, .threads = 1};
		if (faces_scan(&set, &request, &err) == OK && set->count == 0)
			abort();
	}
	face_set_free(set);
	settings_free(settings);
	path_list_free(&inputs);
	unlink(path);
	return 0;
}
