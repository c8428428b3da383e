/* Keys of word2vec files and the two tab-separated tables beside them. */
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- a set of texts, open addressing ---- */

struct key_set {
	const char **slots;
	size_t mask;
};

static int key_set_open(struct key_set *set, size_t count, struct err *err)
{
	size_t size = 16;

	while (size < 2 * count)
		size *= 2;
	set->mask = size - 1;
	set->slots = mem_alloc(size, sizeof *set->slots, err);
	return set->slots ? OK : ERR_MEMORY;
}

/* The slot that holds `key`, or the empty one where it belongs. */
static const char **key_set_slot(const struct key_set *set, const char *key)
{
	size_t at = (size_t)hash64(key, strlen(key), 0) & set->mask;

	while (set->slots[at] && strcmp(set->slots[at], key) != 0)
		at = (at + 1) & set->mask;
	return &set->slots[at];
}

/* ---- keys ---- */

static int key_text(const char *tag, size_t row, struct strbuf *key, struct err *err)
{
	key->length = 0;
	strbuf_add(key, "");
	if (!*tag)
		return err_set(err, ERR_DATA, "word2vec: tag %zu is empty", row);
	for (const char *c = tag; *c; c++) {
		if (*c == '\n' || *c == '\r')
			return err_set(err, ERR_DATA, "word2vec: tag %zu holds a line break, which the format cannot carry", row);
		strbuf_add_bytes(key, *c == ' ' || *c == '\t' || *c == '\v' || *c == '\f' ? "_" : c, 1);
	}
	return strbuf_check(key, err);
}

/* Tags without white space take their own spelling first, so that only a changed one has to give way. */
static int add_keys(char *const *tags, size_t count, bool changed, struct key_set *set, char **keys, struct err *err)
{
	struct strbuf key = {0};
	int code = OK;

	for (size_t i = 0; i < count && code == OK; i++) {
		code = key_text(tags[i], i, &key, err);
		if (code != OK || (strcmp(key.text, tags[i]) != 0) != changed)
			continue;
		const char **slot = key_set_slot(set, key.text);
		for (; changed && *slot && !key.failed; slot = key_set_slot(set, key.text))
			strbuf_add(&key, "_");
		if (*slot && !changed)
			code = err_set(err, ERR_DATA, "word2vec: tag %zu, '%s', is there twice", i, tags[i]);
		else if ((code = strbuf_check(&key, err)) == OK) {
			*slot = keys[i] = mem_text(key.text, err);
			code = keys[i] ? OK : ERR_MEMORY;
		}
	}
	strbuf_free(&key);
	return code;
}

int word2vec_keys(char *const *tags, size_t count, struct path_list *out, struct err *err)
{
	struct path_list keys = {0};
	struct key_set set = {0};
	int code = ERR_MEMORY;

	if (!(keys.items = mem_alloc(count, sizeof *keys.items, err)))
		return ERR_MEMORY;
	keys.count = keys.capacity = count;
	if (key_set_open(&set, count, err) != OK)
		goto out;
	code = add_keys(tags, count, false, &set, keys.items, err);
	if (code == OK)
		code = add_keys(tags, count, true, &set, keys.items, err);
	if (code == OK) {
		*out = keys;
		keys = (struct path_list){0};
	}
out:
	free(set.slots);
	path_list_free(&keys);
	return code;
}

int tag_keys_save(const char *path, char *const *keys, char *const *tags, size_t count, struct err *err)
{
	struct out_file file = {0};
	int code = out_open(&file, path, err);

	if (code != OK)
		return code;
	fputs("key\ttag\n", file.stream);
	for (size_t i = 0; i < count; i++)
		fprintf(file.stream, "%s\t%s\n", keys[i], tags[i]);
	return out_commit(&file, err);
}

/* Cuts the next line off *text; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text;

	if (!*line)
		return NULL;
	char *end = strchr(line, '\n');
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static int read_tags(const char *path, char *text, const struct path_list *keys, struct path_list *tags,
                     struct err *err)
{
	char *line = next_line(&text);
	int code = OK;

	if (!line || strcmp(line, "key\ttag") != 0)
		return err_set(err, ERR_DATA, "%s:1: the header is not \"key<TAB>tag\"", path);
	for (size_t i = 0; i < keys->count && code == OK; i++) {
		line = next_line(&text);
		char *tab = line ? strchr(line, '\t') : NULL;
		if (!tab)
			return err_set(err, ERR_DATA, "%s:%zu: a line \"key<TAB>tag\" is missing", path, i + 2);
		*tab = '\0';
		if (strcmp(line, keys->items[i]) != 0)
			return err_set(err, ERR_DATA, "%s:%zu: key '%s' where the vectors have '%s'", path, i + 2, line,
			               keys->items[i]);
		code = path_list_add(tags, tab + 1, err);
	}
	if (code == OK && *text)
		return err_set(err, ERR_DATA, "%s:%zu: more lines than the %zu vectors", path, keys->count + 2, keys->count);
	return code;
}

int tag_keys_load(const char *path, const struct path_list *keys, struct path_list *tags, struct err *err)
{
	struct path_list found = {0};
	char *text = NULL;
	size_t size;
	int code = file_read(path, (size_t)1 << 30, &text, &size, err);

	if (code == OK)
		code = read_tags(path, text, keys, &found, err);
	free(text);
	if (code == OK)
		*tags = found;
	else
		path_list_free(&found);
	return code;
}

int tag_neighbours_save(const char *path, char *const *tags, const struct scored *neighbours, size_t count, size_t k,
                        struct err *err)
{
	struct out_file file = {0};
	int code = out_open(&file, path, err);

	if (code != OK)
		return code;
	fputs("tag\tneighbour\tcosine\n", file.stream);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < k; j++) {
			const struct scored *n = &neighbours[i * k + j];
			fprintf(file.stream, "%s\t%s\t%.6f\n", tags[i], tags[n->id], (double)n->score);
		}
	return out_commit(&file, err);
}
