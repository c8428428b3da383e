/* A catalogue that has songs of after its training among the others. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>
#include <string.h>

struct arrival {
	const struct playlists *known, *fresh;
	const struct als_model *model;
	struct csr tags; /* [fresh songs][known tags] */
	float *factor;   /* [fresh songs][f], zeros for one without a known tag */
	uint8_t *new;    /* [fresh songs]: gets a place */
	size_t *place;   /* [known songs]: where each stands among all */
};

/* Tags of the fresh songs by their known numbers; what is not known is left out. */
static int renumber_tags(struct arrival *a, struct err *err)
{
	struct csr *tags = &a->tags;
	uint32_t *number = mem_alloc(a->fresh->n_tags, sizeof *number, err);
	int code = number ? playlists_song_tags(a->fresh, tags, err) : err->code;
	if (code == OK)
		code = playlists_match_tags(&a->known->tag_name, &a->fresh->tag_name, number, err);
	int64_t kept = 0, first = 0;
	for (size_t s = 0; code == OK && s < tags->rows; s++) {
		for (int64_t e = first; e < tags->start[s + 1]; e++)
			if (number[tags->index[e]] != TAG_UNKNOWN)
				tags->index[kept++] = (int32_t)number[tags->index[e]];
		first = tags->start[s + 1];
		tags->start[s + 1] = kept;
	}
	tags->columns = a->known->n_tags;
	free(number);
	return code;
}

/* Both ascend by id. Returns how many songs there are together; marks the new ones, and finds the places of the known
 * ones. */
static size_t merge_ids(struct arrival *a, struct new_songs *all)
{
	const struct playlists *known = a->known, *fresh = a->fresh;
	size_t f = a->model->factors, k = 0, total = 0;
	for (size_t i = 0; i < fresh->n_songs; i++) {
		while (k < known->n_songs && known->song_id[k] < fresh->song_id[i])
			a->place[k++] = total++;
		bool there = k < known->n_songs && known->song_id[k] == fresh->song_id[i];
		if (there && factor_given(a->model->item + k * f, f))
			continue;
		a->new[i] = factor_given(a->factor + i * f, f);
		all->added += a->new[i];
		all->without_tags += !a->new[i];
		total += a->new[i] && !there;
	}
	while (k < known->n_songs)
		a->place[k++] = total++;
	return total;
}

/* ---- the arrays of all ---------------------------------------------------------------------------------- */

static int alloc_all(const struct arrival *a, struct new_songs *all, size_t songs, struct err *err)
{
	size_t links = (size_t)a->known->songs.start[a->known->n_playlists];
	struct playlists *p = &all->playlists;
	p->n_songs = all->model.items = all->tags.rows = songs;
	p->song_id = mem_alloc(songs, sizeof *p->song_id, err);
	p->song_album = mem_alloc(songs, sizeof *p->song_album, err);
	p->songs.index = mem_alloc(links, sizeof *p->songs.index, err);
	all->model.item = mem_alloc(songs, a->model->factors * sizeof *all->model.item, err);
	all->tags.start = mem_alloc(songs + 1, sizeof *all->tags.start, err);
	all->tags.index = mem_alloc((size_t)a->tags.start[a->tags.rows], sizeof *all->tags.index, err);
	return p->song_id && p->song_album && p->songs.index && all->model.item && all->tags.start && all->tags.index
	           ? OK
	           : err->code;
}

static int add_names(struct new_songs *all, const struct playlists *from, size_t song, struct err *err)
{
	int code = path_list_add(&all->playlists.song_name, from->song_name.items[song], err);
	return code == OK ? path_list_add(&all->playlists.song_artist, from->song_artist.items[song], err) : code;
}

/* Song `at` of all: of the known, of the fresh, or both; what only hidden links had learns its names from where it has
 * any. */
static int add_song(const struct arrival *a, struct new_songs *all, size_t at, size_t known, size_t fresh,
                    struct err *err)
{
	size_t f = a->model->factors;
	bool old = known < a->known->n_songs, new = fresh < a->fresh->n_songs;
	const struct playlists *named = new && !(old && a->known->song_name.items[known][0]) ? a->fresh : a->known;
	size_t song = named == a->fresh ? fresh : known;
	int64_t tags = new ? a->tags.start[fresh + 1] - a->tags.start[fresh] : 0, *start = all->tags.start;
	all->playlists.song_id[at] = old ? a->known->song_id[known] : a->fresh->song_id[fresh];
	all->playlists.song_album[at] = named->song_album[song];
	memcpy(all->model.item + at * f, new ? a->factor + fresh * f : a->model->item + known * f, f * sizeof *a->factor);
	if (tags > 0)
		memcpy(all->tags.index + start[at], a->tags.index + a->tags.start[fresh],
		       (size_t)tags * sizeof *all->tags.index);
	start[at + 1] = start[at] + tags;
	return add_names(all, named, song, err);
}

static int fill_all(const struct arrival *a, struct new_songs *all, struct err *err)
{
	size_t known = 0, fresh = 0, songs = all->playlists.n_songs;
	int code = OK;
	for (size_t at = 0; at < songs && code == OK; at++) {
		while (fresh < a->fresh->n_songs && !a->new[fresh])
			fresh++;
		bool old = known < a->known->n_songs && a->place[known] == at, more = fresh < a->fresh->n_songs;
		bool new = more && (!old || a->fresh->song_id[fresh] == a->known->song_id[known]);
		code = add_song(a, all, at, old ? known : a->known->n_songs, new ? fresh : a->fresh->n_songs, err);
		known += old;
		fresh += new;
	}
	for (int64_t e = 0; e < a->known->songs.start[a->known->n_playlists]; e++)
		all->playlists.songs.index[e] = (int32_t)a->place[a->known->songs.index[e]];
	return code;
}

static void arrival_free(struct arrival *a)
{
	csr_free(&a->tags);
	free(a->factor);
	free(a->new);
	free(a->place);
}

static int fold_arrival(struct arrival *a, struct err *err)
{
	struct csr tags = {0};
	int code = renumber_tags(a, err);
	if (code == OK)
		code = playlists_song_tags(a->known, &tags, err);
	if (code == OK)
		code = als_fold_songs(a->model, &tags, &a->tags, &a->factor, err);
	csr_free(&tags);
	if (code != OK)
		return code;
	a->new = mem_alloc(a->fresh->n_songs, 1, err);
	a->place = mem_alloc(a->known->n_songs, sizeof *a->place, err);
	return a->new && a->place ? OK : err->code;
}

int new_songs_admit(struct new_songs *out, const struct playlists *known, const struct als_model *model,
                    const struct playlists *fresh, struct err *err)
{
	struct arrival a = {.known = known, .fresh = fresh, .model = model};
	struct new_songs all = {.playlists = *known, .model = *model, .tags = {.columns = known->n_tags}};
	all.playlists.song_id = all.playlists.song_album = NULL;
	all.playlists.song_name = all.playlists.song_artist = (struct path_list){0};
	all.playlists.songs.index = NULL;
	all.model.item = NULL;
	int code = fold_arrival(&a, err);
	if (code == OK)
		code = alloc_all(&a, &all, merge_ids(&a, &all), err);
	if (code == OK)
		code = fill_all(&a, &all, err);
	arrival_free(&a);
	if (code != OK) {
		new_songs_free(&all);
		return code;
	}
	*out = all;
	return OK;
}

void new_songs_free(struct new_songs *all)
{
	free(all->playlists.song_id);
	free(all->playlists.song_album);
	free(all->playlists.songs.index);
	path_list_free(&all->playlists.song_name);
	path_list_free(&all->playlists.song_artist);
	free(all->model.item);
	csr_free(&all->tags);
	*all = (struct new_songs){0};
}
