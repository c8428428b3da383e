/* `tags --nearest TAG`: the tags nearest to one, from the results of the stage tags. */
#include "stages/stages.h"

#include "text/text.h"

#include <stdlib.h>
#include <string.h>

struct tag_lookup {
	struct vectors vectors, unit;
	struct path_list keys, tags;
};

static int lookup_load(struct tag_lookup *lookup, const char *folder, struct err *err)
{
	char *vectors = path_join(folder, "tags.bin", err), *keys = vectors ? path_join(folder, "tag_keys.tsv", err) : NULL;
	int code = keys ? word2vec_load_binary(vectors, &lookup->vectors, &lookup->keys, err) : err->code;

	if (code == OK)
		code = tag_keys_load(keys, &lookup->keys, &lookup->tags, err);
	if (code == OK)
		code = vectors_unit(&lookup->vectors, &lookup->unit, err);
	free(vectors);
	free(keys);
	return code;
}

static void lookup_free(struct tag_lookup *lookup)
{
	vectors_free(&lookup->vectors);
	vectors_free(&lookup->unit);
	path_list_free(&lookup->keys);
	path_list_free(&lookup->tags);
}

static int find_row(const struct tag_lookup *lookup, const char *folder, const char *tag, uint32_t *row,
                    struct err *err)
{
	struct strbuf wanted = {0};
	int code = tag_normalise(tag, &wanted, err);

	for (size_t i = 0; i < lookup->tags.count && code == OK; i++)
		if (!strcmp(lookup->tags.items[i], wanted.text)) {
			*row = (uint32_t)i;
			strbuf_free(&wanted);
			return OK;
		}
	strbuf_free(&wanted);
	return code == OK ? err_set(err, ERR_SETTINGS, "%s: no tag '%s' among %zu", folder, tag, lookup->tags.count) : code;
}

static int print_nearest(const struct tag_lookup *lookup, uint32_t row, size_t n, struct err *err)
{
	size_t k = n < lookup->unit.count ? n : lookup->unit.count - 1;
	struct scored *nearest = mem_alloc(k, sizeof *nearest, err);

	if (!nearest)
		return ERR_MEMORY;
	size_t found = vectors_nearest(&lookup->unit, lookup->unit.data + row * lookup->unit.size, &row, 1, k, nearest);
	for (size_t i = 0; i < found; i++)
		printf("%s\t%.6f\n", lookup->tags.items[nearest[i].id], (double)nearest[i].score);
	free(nearest);
	return OK;
}

int tags_nearest_command(const char *folder, const char *tag, long n, struct err *err)
{
	struct tag_lookup lookup = {0};
	uint32_t row = 0;

	if (n < 1)
		return err_set(err, ERR_SETTINGS, "tags: -n %ld; at least 1 is needed", n);
	int code = lookup_load(&lookup, folder, err);
	if (code == OK)
		code = find_row(&lookup, folder, tag, &row, err);
	if (code == OK)
		code = print_nearest(&lookup, row, (size_t)n, err);
	lookup_free(&lookup);
	return code;
}
