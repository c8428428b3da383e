/*
 * Which playlists are held out, and what of them is shown: the masks of the Kakao Arena playlist continuation task, in
 * its proportions. Each playlist has a random stream of its own id, so its fate depends on the seed, its id, and what
 * it holds: adding or reordering other playlists changes nothing.
 */
#include "recsys/playlists_internal.h"

#include <stdlib.h>

static const struct {
	enum playlist_mask mask;
	double share;
} proportions[] = {{MASK_SONGS, 0.30}, {MASK_SONGS_TAGS, 0.50}, {MASK_TAGS, 0.15}, {MASK_TITLE, 0.05}};

const char *playlist_mask_name(int mask)
{
	static const char *const names[MASK_COUNT] = {"none", "songs", "songs_tags", "tags", "title"};
	return mask >= 0 && mask < MASK_COUNT ? names[mask] : "unknown";
}

struct row {
	size_t n_songs, n_tags;
	bool titled;
};

static bool can_take(enum playlist_mask mask, const struct row *row)
{
	switch (mask) {
	case MASK_SONGS:
		return row->n_songs >= 2;
	case MASK_SONGS_TAGS:
		return row->n_songs >= 2 && row->n_tags >= 2;
	case MASK_TAGS:
		return row->n_tags >= 2;
	case MASK_TITLE:
		return row->titled;
	case MASK_NONE:
	case MASK_COUNT:
		break;
	}
	return false;
}

static enum playlist_mask draw_mask(struct rng *rng, const struct row *row)
{
	double u = rng_unit(rng), sum = 0;
	enum playlist_mask mask = MASK_TITLE;
	for (size_t i = 0; i < ARRAY_COUNT(proportions); i++) {
		sum += proportions[i].share;
		if (u < sum) {
			mask = proportions[i].mask;
			break;
		}
	}
	if (can_take(mask, row))
		return mask;
	return can_take(MASK_SONGS, row) ? MASK_SONGS : MASK_TAGS;
}

struct position {
	int32_t index;
	size_t at;
};

static int by_index(const void *a, const void *b)
{
	const struct position *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

struct scratch {
	struct position *positions;
	size_t *order;
};

/* Hides the whole row, or all but a random half of it (the smaller half where the count is odd). */
static void hide(struct playlist_links *links, size_t r, bool show_half, struct rng *rng, struct scratch *scratch)
{
	size_t begin = (size_t)links->start[r], count = (size_t)links->start[r + 1] - begin;
	for (size_t i = 0; i < count; i++) {
		links->held[begin + i] = 1;
		scratch->positions[i] = (struct position){links->index[begin + i], begin + i};
		scratch->order[i] = i;
	}
	if (!show_half || count == 0)
		return;
	qsort(scratch->positions, count, sizeof *scratch->positions, by_index);
	rng_shuffle(rng, scratch->order, count);
	for (size_t i = 0; i < count / 2; i++)
		links->held[scratch->positions[scratch->order[i]].at] = 0;
}

static void hold_out_row(struct playlists *playlists, size_t r, double holdout, uint64_t seed, struct scratch *scratch)
{
	struct rng rng;
	struct row row = {
	    .n_songs = (size_t)(playlists->songs.start[r + 1] - playlists->songs.start[r]),
	    .n_tags = (size_t)(playlists->tags.start[r + 1] - playlists->tags.start[r]),
	    .titled = playlists->title.items[r][0] != '\0',
	};
	if (row.n_songs < 2 && row.n_tags < 2)
		return;
	rng_seed(&rng, seed, "holdout", (uint64_t)playlists->id[r]);
	if (rng_unit(&rng) >= holdout)
		return;
	enum playlist_mask mask = draw_mask(&rng, &row);
	playlists->split[r] = PLAYLIST_HELD_OUT;
	playlists->mask[r] = (uint8_t)mask;
	hide(&playlists->songs, r, mask == MASK_SONGS || mask == MASK_SONGS_TAGS, &rng, scratch);
	hide(&playlists->tags, r, mask == MASK_TAGS || mask == MASK_SONGS_TAGS, &rng, scratch);
}

static size_t longest_row(const struct playlists *playlists)
{
	size_t longest = 0;
	for (size_t r = 0; r < playlists->n_playlists; r++) {
		size_t songs = (size_t)(playlists->songs.start[r + 1] - playlists->songs.start[r]);
		size_t tags = (size_t)(playlists->tags.start[r + 1] - playlists->tags.start[r]);
		size_t longer = songs > tags ? songs : tags;
		longest = longer > longest ? longer : longest;
	}
	return longest;
}

int playlists_hold_out(struct playlists *playlists, double holdout, uint64_t seed, struct err *err)
{
	size_t longest = longest_row(playlists);
	struct scratch scratch = {mem_alloc(longest, sizeof *scratch.positions, err),
	                          mem_alloc(longest, sizeof *scratch.order, err)};
	int status = scratch.positions && scratch.order ? OK : err->code;
	for (size_t r = 0; status == OK && r < playlists->n_playlists; r++)
		hold_out_row(playlists, r, holdout, seed, &scratch);
	free(scratch.positions);
	free(scratch.order);
	return status;
}
