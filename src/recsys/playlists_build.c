/*
 * From what the reader gathered to struct playlists: rows by playlist id, songs by id, tags first by their bytes (the
 * hold-out is drawn in that order), at last by falling training count. No result depends on the order of inputs except
 * the order of tags in a row and the first title.
 */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- ranks -------------------------------------------------------------------------------- */

struct keyed_id {
	int64_t id;
	uint32_t number;
};
struct keyed_text {
	const char *text;
	int64_t count;
	uint32_t number;
};

static int by_id(const void *a, const void *b)
{
	const struct keyed_id *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct keyed_text *)a)->text, ((const struct keyed_text *)b)->text);
}

static int by_count(const void *a, const void *b)
{
	const struct keyed_text *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* rank[number] = position of the id among all; sorted (may be NULL) = the ids in order. */
static int rank_ids(const struct id_map *map, uint32_t **rank, int64_t **sorted, struct err *err)
{
	struct keyed_id *keyed = mem_alloc(map->count, sizeof *keyed, err);
	*rank = mem_alloc(map->count, sizeof **rank, err);
	*sorted = mem_alloc(map->count, sizeof **sorted, err);
	if (!keyed || !*rank || !*sorted) {
		free(keyed);
		return err->code;
	}
	for (size_t i = 0; i < map->count; i++)
		keyed[i] = (struct keyed_id){map->ids[i], (uint32_t)i};
	qsort(keyed, map->count, sizeof *keyed, by_id);
	for (size_t i = 0; i < map->count; i++) {
		(*rank)[keyed[i].number] = (uint32_t)i;
		(*sorted)[i] = keyed[i].id;
	}
	free(keyed);
	return OK;
}

static int rank_texts(const struct path_list *texts, const int64_t *count, uint32_t **rank, struct err *err)
{
	struct keyed_text *keyed = mem_alloc(texts->count, sizeof *keyed, err);
	*rank = mem_alloc(texts->count, sizeof **rank, err);
	if (!keyed || !*rank) {
		free(keyed);
		return err->code;
	}
	for (size_t i = 0; i < texts->count; i++)
		keyed[i] = (struct keyed_text){texts->items[i], count ? count[i] : 0, (uint32_t)i};
	qsort(keyed, texts->count, sizeof *keyed, count ? by_count : by_text);
	for (size_t i = 0; i < texts->count; i++)
		(*rank)[keyed[i].number] = (uint32_t)i;
	free(keyed);
	return OK;
}

/* ---- links → compressed rows ---------------------------------------------------------------------- */

/* A counting sort by row that keeps the order of links inside a row. */
static int fill_rows(const struct link_list *links, const uint32_t *row_rank, const uint32_t *item_rank, size_t rows,
                     struct playlist_links *out, struct err *err)
{
	int64_t *next = mem_alloc(rows + 1, sizeof *next, err);
	out->start = mem_alloc(rows + 1, sizeof *out->start, err);
	out->index = mem_alloc(links->count, sizeof *out->index, err);
	out->held = mem_alloc(links->count, sizeof *out->held, err);
	if (!next || !out->start || !out->index || !out->held) {
		free(next);
		return err->code;
	}
	for (size_t i = 0; i < links->count; i++)
		out->start[row_rank[links->items[i].playlist] + 1]++;
	for (size_t r = 0; r < rows; r++)
		next[r + 1] = out->start[r + 1] += out->start[r];
	for (size_t i = 0; i < links->count; i++)
		out->index[next[row_rank[links->items[i].playlist]]++] = (int32_t)item_rank[links->items[i].item];
	free(next);
	return OK;
}

static int by_index(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return x < y ? -1 : x > y;
}

static void sort_rows(struct playlist_links *links, size_t rows)
{
	for (size_t r = 0; r < rows; r++)
		qsort(links->index + links->start[r], (size_t)(links->start[r + 1] - links->start[r]), sizeof *links->index,
		      by_index);
}

/* Keeps the first of equal items in each row; returns in *dropped how many went. */
static int unique_rows(struct playlist_links *links, size_t rows, size_t items, size_t *dropped, struct err *err)
{
	uint32_t *seen = mem_alloc(items, sizeof *seen, err); /* row + 1 where the item occurred last */
	if (!seen)
		return err->code;
	int64_t kept = 0, begin = 0;
	for (size_t r = 0; r < rows; r++) {
		int64_t end = links->start[r + 1];
		for (int64_t i = begin; i < end; i++) {
			int32_t item = links->index[i];
			if (seen[item] == r + 1)
				continue;
			seen[item] = (uint32_t)(r + 1);
			links->index[kept++] = item;
		}
		begin = end;
		links->start[r + 1] = kept;
	}
	*dropped = (size_t)(begin - kept);
	free(seen);
	return OK;
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* Copies of `count` texts at the places of their rank; empty ones where texts, or one of them, is NULL. */
static int place_texts(struct path_list *out, char *const *texts, const uint32_t *rank, size_t count, struct err *err)
{
	out->items = mem_alloc(count, sizeof *out->items, err);
	if (!out->items)
		return err->code;
	out->capacity = out->count = count;
	for (size_t i = 0; i < count; i++) {
		char **into = &out->items[rank ? rank[i] : i];
		if (!(*into = mem_text(texts && texts[i] ? texts[i] : "", err)))
			return err->code;
	}
	return OK;
}

static bool plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* The most frequent spelling of each tag, ties to the smaller bytes; one with control characters is never shown.
 * best[tag] = number of the spelling, UINT32_MAX = none. */
static uint32_t *best_spellings(const struct playlist_reader *reader, struct err *err)
{
	size_t tags = reader->tags.texts.count;
	uint32_t *best = mem_alloc(tags, sizeof *best, err);
	if (!best)
		return NULL;
	memset(best, 0xff, tags * sizeof *best);
	for (size_t i = 0; i < reader->spellings.texts.count; i++) {
		const struct spelling *spelling = &reader->spelled[i];
		char *const *text = reader->spellings.texts.items;
		if (spelling->refused != SKIP_COUNT || !plain(text[i]))
			continue;
		uint32_t *at = &best[spelling->tag];
		if (*at == UINT32_MAX || spelling->count > reader->spelled[*at].count ||
		    (spelling->count == reader->spelled[*at].count && strcmp(text[i], text[*at]) < 0))
			*at = (uint32_t)i;
	}
	return best;
}

/* ---- vocabulary ------------------------------------------------------------------------------------------ */

static int count_training(const struct playlists *playlists, int64_t **out, struct err *err)
{
	const struct playlist_links *tags = &playlists->tags;
	int64_t *count = mem_alloc(playlists->n_tags, sizeof *count, err);
	if (!count)
		return err->code;
	for (int64_t i = 0; i < tags->start[playlists->n_playlists]; i++)
		count[tags->index[i]] += !tags->held[i];
	*out = count;
	return OK;
}

/* Puts the tags into their final order. by_bytes[number of the reader] = index so far. */
static int order_tags(const struct playlist_reader *reader, const uint32_t *by_bytes, struct playlists *playlists,
                      struct err *err)
{
	size_t tags = playlists->n_tags;
	int64_t *count = NULL, *own = mem_alloc(tags, sizeof *own, err);
	uint32_t *rank = NULL, *best = best_spellings(reader, err), *final = mem_alloc(tags, sizeof *final, err);
	char **display = mem_alloc(tags, sizeof *display, err);
	int status = own && best && final && display ? count_training(playlists, &count, err) : err->code;
	for (size_t i = 0; status == OK && i < tags; i++)
		own[i] = count[by_bytes[i]];
	if (status == OK)
		status = rank_texts(&reader->tags.texts, own, &rank, err);
	if (status == OK && !(playlists->tag_count = mem_alloc(tags, sizeof *playlists->tag_count, err)))
		status = err->code;
	for (size_t i = 0; status == OK && i < tags; i++) {
		final[by_bytes[i]] = rank[i];
		playlists->tag_count[rank[i]] = own[i];
		display[i] = best[i] == UINT32_MAX ? reader->tags.texts.items[i] : reader->spellings.texts.items[best[i]];
	}
	for (int64_t i = 0; status == OK && i < playlists->tags.start[playlists->n_playlists]; i++)
		playlists->tags.index[i] = (int32_t) final[playlists->tags.index[i]];
	if (status == OK)
		status = place_texts(&playlists->tag_name, reader->tags.texts.items, rank, tags, err);
	if (status == OK)
		status = place_texts(&playlists->tag_display, display, rank, tags, err);
	free(display);
	free(final);
	free(best);
	free(rank);
	free(own);
	free(count);
	return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------- */

static int build_playlists(struct playlist_reader *reader, const uint32_t *rank, struct playlists *playlists,
                           struct err *err)
{
	size_t count = playlists->n_playlists;
	char **titles = mem_alloc(count, sizeof *titles, err);
	playlists->likes = mem_alloc(count, sizeof *playlists->likes, err);
	playlists->split = mem_alloc(count, 1, err);
	playlists->mask = mem_alloc(count, 1, err);
	int status = titles && playlists->likes && playlists->split && playlists->mask ? OK : err->code;
	for (size_t i = 0; status == OK && i < count; i++) {
		const struct playlist_entry *entry = &reader->entries[i];
		titles[i] = entry->title;
		playlists->likes[rank[i]] = entry->likes;
		reader->counts.only_pairs += entry->input == 0;
	}
	if (status == OK)
		status = place_texts(&playlists->title, titles, rank, count, err);
	free(titles);
	return status;
}

static void drop_links(struct link_list *links)
{
	free(links->items);
	*links = (struct link_list){0};
}

/* The reader's own links go as soon as they stand in rows: they are the most of what a large input takes, and names are
 * still to come. */
static int build_links(struct playlist_reader *reader, const uint32_t *row_rank, const uint32_t *const item_rank[2],
                       struct playlists *playlists, struct err *err)
{
	size_t rows = playlists->n_playlists;
	int status = fill_rows(&reader->tag_links, row_rank, item_rank[0], rows, &playlists->tags, err);
	drop_links(&reader->tag_links);
	if (status == OK)
		status = unique_rows(&playlists->tags, rows, playlists->n_tags, &reader->counts.repeated_tags, err);
	if (status == OK)
		status = fill_rows(&reader->song_links, row_rank, item_rank[1], rows, &playlists->songs, err);
	drop_links(&reader->song_links);
	if (status != OK)
		return status;
	sort_rows(&playlists->songs, rows);
	status = unique_rows(&playlists->songs, rows, playlists->n_songs, &reader->counts.repeated_songs, err);
	if (status == OK)
		status = place_texts(&playlists->song_name, NULL, NULL, playlists->n_songs, err);
	return status == OK ? place_texts(&playlists->song_artist, NULL, NULL, playlists->n_songs, err) : status;
}

int playlist_reader_finish(struct playlist_reader *reader, double holdout, uint64_t seed, struct playlists **out,
                           struct err *err)
{
	uint32_t *row_rank = NULL, *song_rank = NULL, *tag_rank = NULL;
	if (reader->playlists.count == 0)
		return err_set(err, ERR_DATA, "%s: no playlist in it",
		               reader->first_path ? reader->first_path : "playlists.input");
	struct playlists *made = mem_alloc(1, sizeof *made, err);
	if (!made)
		return err->code;
	made->n_playlists = reader->playlists.count;
	made->n_songs = reader->songs.count;
	made->n_tags = reader->tags.texts.count;
	reader->counts.only_pairs = 0;
	made->song_album = mem_alloc(made->n_songs, sizeof *made->song_album, err);
	int status = made->song_album ? OK : err->code;
	for (size_t s = 0; status == OK && s < made->n_songs; s++)
		made->song_album[s] = -1;
	if (status == OK)
		status = rank_ids(&reader->playlists, &row_rank, &made->id, err);
	if (status == OK)
		status = rank_ids(&reader->songs, &song_rank, &made->song_id, err);
	if (status == OK)
		status = rank_texts(&reader->tags.texts, NULL, &tag_rank, err);
	if (status == OK)
		status = build_playlists(reader, row_rank, made, err);
	if (status == OK)
		status = build_links(reader, row_rank, (const uint32_t *const[2]){tag_rank, song_rank}, made, err);
	if (status == OK)
		status = playlists_hold_out(made, holdout, seed, err);
	if (status == OK)
		status = order_tags(reader, tag_rank, made, err);
	free(row_rank);
	free(song_rank);
	free(tag_rank);
	if (status == OK)
		*out = made;
	else
		playlists_free(made);
	return status;
}
