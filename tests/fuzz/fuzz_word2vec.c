/* Both forms of word2vec's files. What is accepted is as large as it says, and its own writing reads back with the same
 * keys and numbers. */
#include <string.h>

#include "fuzz_file.h"
#include "text/text.h"

typedef int load_file(const char *path, struct vectors *out, struct path_list *keys, struct err *err);
typedef int save_file(const char *path, const struct vectors *vectors, char *const *keys, struct err *err);

static void try_form(const char *path, load_file *load, save_file *save)
{
	struct err err = {0};
	struct vectors first = {0}, second = {0};
	struct path_list keys = {0}, again = {0};
	if (load(path, &first, &keys, &err) != OK) {
		if (!strstr(err.text, path))
			abort();
		return;
	}
	if (keys.count != first.count || save(path, &first, keys.items, &err) != OK ||
	    load(path, &second, &again, &err) != OK || second.count != first.count || second.size != first.size ||
	    memcmp(first.data, second.data, first.count * first.size * sizeof(float)) != 0)
		abort();
	for (size_t i = 0; i < keys.count; i++)
		if (strcmp(keys.items[i], again.items[i]) != 0)
			abort();
	vectors_free(&first);
	vectors_free(&second);
	path_list_free(&keys);
	path_list_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char path[96];
	fuzz_file(path, "bin", bytes, size);
	try_form(path, word2vec_load_binary, word2vec_save_binary);
	fuzz_file(path, "vec", bytes, size);
	try_form(path, word2vec_load_text, word2vec_save_text);
	unlink(path);
	fuzz_path(path, "bin");
	unlink(path);
	return 0;
}
