/* bundle.json and a file of chips beside files that are right: refused with a sentence, or a bundle that describes
 * itself and names songs. */
#include <string.h>

#include "../unit/bundle_fixture.h"
#include "fuzz_file.h"
#include "runtime/http_internal.h"

static char *folder;
static struct bundle *sound;

static void tidy(void)
{
	bundle_free(sound);
	scratch_remove(folder);
}

static void begin(const char *card)
{
	struct err err = {0};
	char path[600];
	log_set_level(LOG_QUIET);
	folder = scratch_new();
	fixture_write(folder);
	if (bundle_load(&sound, folder, true, &err) != OK)
		abort();
	snprintf(path, sizeof path, "%s/bundle.json", folder);
	/* The file that is tried lies in memory, its neighbours where they are. */
	if (unlink(path) != 0 || symlink(card, path) != 0)
		abort();
	atexit(tidy);
}

static void use(const struct bundle *bundle)
{
	struct err err = {0};
	struct strbuf text = {0};
	struct json *songs = NULL;
	float scores[MAX_CLASSES];
	if (bundle_describe(bundle, &text, &err) != OK || scores_of_label(bundle, bundle->classes[0], scores, &err) != OK)
		abort();
	const struct song_request request = {.scores = scores, .count = 3, .seed = 1};
	if (songs_recommend(bundle, &request, &songs, &err) != OK && !err.text[0])
		abort();
	json_free(songs);
	strbuf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct bundle *bundle = NULL;
	char path[96], *chips = NULL;
	fuzz_path(path, "bundle.json");
	if (!folder)
		begin(path);
	fuzz_file(path, "bundle.json", bytes, size);
	if (bundle_load(&bundle, folder, false, &err) == OK)
		use(bundle);
	else if (!err.text[0])
		abort();
	bundle_free(bundle);
	err = (struct err){0};
	if (context_load(&chips, sound, path, &err) != OK && !err.text[0])
		abort();
	free(chips);
	unlink(path);
	return 0;
}
