/* Playlists as CSV: the first byte tells whether the rest is read as playlists or as pairs. */
#include "fuzz_file.h"
#include "recsys/recsys.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct playlist_reader *reader = NULL;
	struct playlists *playlists = NULL;
	char path[96];
	if (size == 0)
		return 0;
	fuzz_file(path, "csv", bytes + 1, size - 1);
	log_set_level(LOG_QUIET);
	if (playlist_reader_new(&reader, tag_normalise, &err) == OK) {
		int code =
		    bytes[0] == '=' ? playlist_reader_pairs(reader, path, &err) : playlist_reader_input(reader, path, &err);
		if (code != OK && !err.text[0])
			abort();
		if (code == OK && playlist_reader_finish(reader, 0.5, 1, &playlists, &err) == OK &&
		    (size_t)playlists->songs.start[playlists->n_playlists] > size)
			abort();
	}
	playlists_free(playlists);
	playlist_reader_free(reader);
	unlink(path);
	return 0;
}
