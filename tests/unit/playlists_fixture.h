/* Playlists put down as text and read back. */
#ifndef MOODCAST_TESTS_PLAYLISTS_FIXTURE_H
#define MOODCAST_TESTS_PLAYLISTS_FIXTURE_H

#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "recsys/recsys.h"

/* Stands in for the text library: lower case, blanks around removed, a byte above 0x7f that opens nothing refused. */
static int plain_normalise(const char *raw, struct strbuf *out, struct err *err)
{
	size_t length = strlen(raw);
	if (strchr(raw, '\xff'))
		return err_set(err, ERR_DATA, "not UTF-8");
	while (length > 0 && *raw == ' ')
		raw++, length--;
	while (length > 0 && raw[length - 1] == ' ')
		length--;
	out->length = 0;
	strbuf_add_bytes(out, raw, length);
	for (size_t i = 0; i < out->length; i++)
		if (out->text[i] >= 'A' && out->text[i] <= 'Z')
			out->text[i] = (char)(out->text[i] + 32);
	return strbuf_check(out, err);
}

struct fixture {
	char *folder;
	struct playlist_reader *reader;
};

static int set_up(void **state)
{
	struct err err = {0};
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->folder = scratch_new();
	*state = fixture;
	return playlist_reader_new(&fixture->reader, plain_normalise, &err);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	playlist_reader_free(fixture->reader);
	scratch_remove(fixture->folder);
	free(fixture);
	return 0;
}

static const char *put(const struct fixture *fixture, const char *name, const char *text)
{
	struct err err = {0};
	const char *path = scratch_path(fixture->folder, name);
	assert_ok(file_write(path, text, strlen(text), &err));
	return path;
}

static struct playlists *finish(struct fixture *fixture, double holdout)
{
	struct err err = {0};
	struct playlists *playlists;
	assert_ok(playlist_reader_finish(fixture->reader, holdout, 7, &playlists, &err));
	return playlists;
}

#endif
