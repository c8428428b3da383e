#include "runtime/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Songs by their ids, and the file that remembers what was named. */

int song_list_add(struct song_list *list, const char *text, const char *place, struct err *err)
{
	char *end;
	errno = 0;
	int64_t id = strtoll(text, &end, 10);
	if (end == text || *end || errno || id < 0)
		return err_set(err, ERR_SETTINGS, "%s: \"%.40s\" is not a song id", place, text);
	int64_t *grown = mem_grow(list->items, &list->capacity, list->count + 1, sizeof(*grown), err);
	if (!grown)
		return err->code;
	list->items = grown;
	list->items[list->count++] = id;
	return OK;
}

/* One id a line, empty lines apart; a file that is not there yet is an empty history. */
int history_read(const char *path, struct song_list *list, struct err *err)
{
	char *text, *rest, place[300];
	size_t size, line = 0;
	if (!path_exists(path))
		return OK;
	int code = file_read(path, 64 << 20, &text, &size, err);
	if (code != OK)
		return code;
	rest = text;
	/* Not strtok, which passes over empty lines and would name a wrong one. */
	for (char *word; code == OK && (word = strsep(&rest, "\n")) != NULL;) {
		line++;
		word[strcspn(word, "\r")] = '\0';
		if (!*word)
			continue;
		snprintf(place, sizeof(place), "%.250s:%zu", path, line);
		code = song_list_add(list, word, place, err);
	}
	free(text);
	return code == ERR_SETTINGS ? (err->code = ERR_DATA) : code;
}

int history_write(const char *path, const struct song_list *old, const struct json *songs, struct err *err)
{
	struct strbuf text = {0};
	for (size_t i = 0; i < old->count; i++)
		strbuf_format(&text, "%" PRId64 "\n", old->items[i]);
	for (size_t i = 0; i < json_count(songs); i++)
		strbuf_format(&text, "%" PRId64 "\n", json_integer_value(json_get(json_at(songs, i), "id"), 0));
	int code = strbuf_check(&text, err);
	if (code == OK)
		code = file_write(path, text.text ? text.text : "", text.length, err);
	strbuf_free(&text);
	return code;
}
