/* Melon's JSON of playlists: read as an input, then once more as names of songs. */
#include "fuzz_file.h"
#include "recsys/recsys.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct playlist_reader *reader = NULL;
	struct playlists *playlists = NULL;
	char path[96];
	fuzz_file(path, "json", bytes, size);
	log_set_level(LOG_QUIET);
	if (playlist_reader_new(&reader, tag_normalise, &err) == OK && playlist_reader_input(reader, path, &err) == OK &&
	    playlist_reader_finish(reader, 0.5, 1, &playlists, &err) == OK) {
		for (size_t r = 1; r < playlists->n_playlists; r++)
			if (playlists->id[r] <= playlists->id[r - 1])
				abort();
		if (playlist_reader_names(reader, playlists, path, &err) != OK && !err.text[0])
			abort();
	}
	playlists_free(playlists);
	playlist_reader_free(reader);
	unlink(path);
	return 0;
}
