/* Playlists that nobody learnt from, put in terms of those that were. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>
#include <string.h>

struct named_tag {
	const char *name;
	uint32_t number;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named_tag *)a)->name, ((const struct named_tag *)b)->name);
}

int playlists_match_tags(const struct path_list *known, const struct path_list *asked, uint32_t *number,
                         struct err *err)
{
	struct named_tag *tags = mem_alloc(known->count, sizeof *tags, err);
	if (!tags)
		return err->code;
	for (size_t i = 0; i < known->count; i++)
		tags[i] = (struct named_tag){known->items[i], (uint32_t)i};
	qsort(tags, known->count, sizeof *tags, compare_names);
	for (size_t i = 0; i < asked->count; i++) {
		const struct named_tag wanted = {.name = asked->items[i]};
		const struct named_tag *found = bsearch(&wanted, tags, known->count, sizeof *tags, compare_names);
		number[i] = found ? found->number : TAG_UNKNOWN;
	}
	free(tags);
	return OK;
}

/* Both ascend. */
static void match_songs(const struct playlists *known, const struct playlists *asked, uint32_t *number)
{
	size_t k = 0;
	for (size_t i = 0; i < asked->n_songs; i++) {
		while (k < known->n_songs && known->song_id[k] < asked->song_id[i])
			k++;
		number[i] = k < known->n_songs && known->song_id[k] == asked->song_id[i] ? (uint32_t)k : TAG_UNKNOWN;
	}
}

static int renumber(const struct playlist_links *links, size_t rows, const uint32_t *number, struct playlist_links *out,
                    struct err *err)
{
	out->start = mem_alloc(rows + 1, sizeof *out->start, err);
	out->index = mem_alloc((size_t)links->start[rows], sizeof *out->index, err);
	out->held = mem_alloc((size_t)links->start[rows], sizeof *out->held, err);
	if (!out->start || !out->index || !out->held)
		return err->code;
	int64_t kept = 0;
	for (size_t r = 0; r < rows; r++) {
		for (int64_t e = links->start[r]; e < links->start[r + 1]; e++)
			if (!links->held[e] && number[links->index[e]] != TAG_UNKNOWN)
				out->index[kept++] = (int32_t)number[links->index[e]];
		out->start[r + 1] = kept;
	}
	return OK;
}

/* ---- new songs by their tags ------------------------------------------------------------------------- */

struct lending {
	const struct playlists *asked;
	const struct csr *holders; /* asked playlists of an asked song */
	const uint32_t *tags; /* numbers among the known */
	uint32_t *last; /* [known tags]: 1 + the row that had it last, so that none is lent twice */
};

/* Counts, and where `index` is there writes, the known tags of the playlists that hold the songs of row r. */
static int64_t lend_row(const struct lending *l, size_t r, int32_t *index)
{
	const struct playlist_links *songs = &l->asked->songs, *tags = &l->asked->tags;
	int64_t lent = 0;
	for (int64_t e = songs->start[r]; e < songs->start[r + 1]; e++) {
		int32_t song = songs->index[e];
		for (int64_t h = l->holders->start[song]; h < l->holders->start[song + 1]; h++) {
			int32_t other = l->holders->index[h];
			for (int64_t t = tags->start[other]; t < tags->start[other + 1]; t++) {
				uint32_t tag = l->tags[tags->index[t]];
				if (tag == TAG_UNKNOWN || l->last[tag] == r + 1)
					continue;
				l->last[tag] = (uint32_t)r + 1;
				if (index)
					index[lent] = (int32_t)tag;
				lent++;
			}
		}
	}
	return lent;
}

static bool nothing_known(const struct playlists *guests, size_t r)
{
	return guests->songs.start[r] == guests->songs.start[r + 1] && guests->tags.start[r] == guests->tags.start[r + 1];
}

/* A playlist of new songs alone gets the tags under which others have put these songs. */
static int lend_tags(const struct lending *l, struct playlists *guests, struct err *err)
{
	struct playlist_links *own = &guests->tags, all = {0};
	size_t rows = guests->n_playlists;
	all.start = mem_alloc(rows + 1, sizeof *all.start, err);
	if (!all.start)
		return err->code;
	for (size_t r = 0; r < rows; r++) {
		int64_t count = nothing_known(guests, r) ? lend_row(l, r, NULL) : own->start[r + 1] - own->start[r];
		all.start[r + 1] = all.start[r] + count;
	}
	memset(l->last, 0, guests->n_tags * sizeof *l->last);
	all.index = mem_alloc((size_t)all.start[rows], sizeof *all.index, err);
	all.held = mem_alloc((size_t)all.start[rows], sizeof *all.held, err);
	bool whole = all.index && all.held;
	for (size_t r = 0; whole && r < rows; r++) {
		size_t at = (size_t)all.start[r], count = (size_t)all.start[r + 1] - at;
		bool lent = nothing_known(guests, r);
		if (lent)
			lend_row(l, r, all.index + at);
		else
			memcpy(all.index + at, own->index + own->start[r], count * sizeof *all.index);
		memset(all.held + at, lent ? PLAYLIST_LENT : 0, count);
	}
	struct playlist_links *gone = whole ? own : &all;
	free(gone->start);
	free(gone->index);
	free(gone->held);
	if (whole)
		*own = all;
	return whole ? OK : err->code;
}

static int lend(struct playlists *guests, const struct playlists *asked, const uint32_t *tags, struct err *err)
{
	struct csr holders = {0},
	           pattern = {asked->n_playlists, asked->n_songs, asked->songs.start, asked->songs.index, NULL};
	struct lending l = {asked, &holders, tags, mem_alloc(guests->n_tags, sizeof *l.last, err)};
	int code = l.last ? csr_transpose(&pattern, &holders, err) : err->code;
	if (code == OK)
		code = lend_tags(&l, guests, err);
	free(l.last);
	csr_free(&holders);
	return code;
}

int playlists_guests(const struct playlists *known, const struct playlists *asked, struct playlists **out,
                     struct err *err)
{
	struct playlists *guests = mem_alloc(1, sizeof *guests, err);
	uint32_t *tags = mem_alloc(asked->n_tags, sizeof *tags, err),
	         *songs = mem_alloc(asked->n_songs, sizeof *songs, err);
	size_t rows = asked->n_playlists;
	int code = guests && tags && songs ? OK : err->code;
	if (code == OK) {
		*guests = (struct playlists){.n_playlists = rows, .n_tags = known->n_tags, .n_songs = known->n_songs};
		guests->likes = mem_alloc(rows, sizeof *guests->likes, err);
		code = guests->likes ? playlists_match_tags(&known->tag_name, &asked->tag_name, tags, err) : err->code;
	}
	if (code == OK) {
		memcpy(guests->likes, asked->likes, rows * sizeof *guests->likes);
		match_songs(known, asked, songs);
		code = renumber(&asked->songs, rows, songs, &guests->songs, err);
	}
	if (code == OK)
		code = renumber(&asked->tags, rows, tags, &guests->tags, err);
	if (code == OK)
		code = lend(guests, asked, tags, err);
	free(tags);
	free(songs);
	if (code != OK) {
		playlists_free(guests);
		return code;
	}
	*out = guests;
	return OK;
}
