#include "text/text.h"

#include <stdlib.h>

int tag_corpus_check(const struct tag_corpus *corpus, struct err *err)
{
	if (corpus->kinds > INT32_MAX || corpus->rows > INT32_MAX)
		return err_set(err, ERR_DATA, "tags: %zu playlists with %zu tags are more than can be numbered", corpus->rows,
		               corpus->kinds);
	if (corpus->start[0] != 0)
		return err_set(err, ERR_DATA, "tags: the first playlist starts at %lld instead of 0",
		               (long long)corpus->start[0]);
	for (size_t r = 0; r < corpus->rows; r++) {
		if (corpus->start[r + 1] < corpus->start[r])
			return err_set(err, ERR_DATA, "tags: playlist %zu ends before it starts", r);
		for (int64_t i = corpus->start[r]; i < corpus->start[r + 1]; i++)
			if (corpus->index[i] < 0 || (size_t)corpus->index[i] >= corpus->kinds)
				return err_set(err, ERR_DATA, "tags: playlist %zu names tag %d of %zu", r, corpus->index[i],
				               corpus->kinds);
	}
	return OK;
}

struct counted_tag {
	int64_t count;
	uint32_t tag;
};

static int by_falling_count(const void *left, const void *right)
{
	const struct counted_tag *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return (a->tag > b->tag) - (a->tag < b->tag);
}

static struct counted_tag *count_tags(const struct tag_corpus *corpus, struct err *err)
{
	struct counted_tag *counted = mem_alloc(corpus->kinds, sizeof *counted, err);

	if (!counted)
		return NULL;
	for (size_t t = 0; t < corpus->kinds; t++)
		counted[t].tag = (uint32_t)t;
	for (int64_t i = 0; i < corpus->start[corpus->rows]; i++)
		if (!corpus->held || !corpus->held[i])
			counted[corpus->index[i]].count++;
	qsort(counted, corpus->kinds, sizeof *counted, by_falling_count);
	return counted;
}

int vocabulary_build(struct vocabulary *out, const struct tag_corpus *corpus, size_t min_count, struct err *err)
{
	struct vocabulary built = {.kinds = corpus->kinds};
	struct counted_tag *counted = NULL;
	int code = tag_corpus_check(corpus, err);

	if (code != OK)
		return code;
	code = ERR_MEMORY;
	if (!(counted = count_tags(corpus, err)))
		goto out;
	int64_t least = min_count > 1 ? (int64_t)min_count : 1;
	while (built.count < built.kinds && counted[built.count].count >= least)
		built.count++;
	if (!(built.tag = mem_alloc(built.count, sizeof *built.tag, err)) ||
	    !(built.occurrences = mem_alloc(built.count, sizeof *built.occurrences, err)) ||
	    !(built.row = mem_alloc(built.kinds, sizeof *built.row, err)))
		goto out;
	for (size_t t = 0; t < built.kinds; t++)
		built.row[t] = -1;
	for (size_t r = 0; r < built.count; r++) {
		built.tag[r] = counted[r].tag;
		built.occurrences[r] = counted[r].count;
		built.row[counted[r].tag] = (int32_t)r;
		built.total += counted[r].count;
	}
	*out = built;
	built = (struct vocabulary){0};
	code = OK;
out:
	free(counted);
	vocabulary_free(&built);
	return code;
}

void vocabulary_free(struct vocabulary *vocabulary)
{
	free(vocabulary->tag);
	free(vocabulary->row);
	free(vocabulary->occurrences);
	*vocabulary = (struct vocabulary){0};
}
