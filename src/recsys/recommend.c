/*
 * A recommendation: label → tags → playlists → songs, every song with the path that led to it.
 *
 * The steps stand in recommend_tags.c, recommend_playlists.c and recommend_songs.c; here the listener's own songs and
 * history are read, the candidates put in order, and the seeded choice made.
 */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int recommend_note(struct recommend_work *work, struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return path_list_add(work->notes, text, err);
}

static int check_request(const struct recommend_request *request, struct err *err)
{
	if (request->count == 0 || request->playlists == 0 || request->songs_per_playlist == 0)
		return err_set(err, ERR_SETTINGS, "recommend: songs, playlists and songs per playlist must be at least 1");
	if (request->count > 1000000 || request->playlists > 1000000 || request->songs_per_playlist > 1000000 ||
	    request->similar_tags > 1000000 || request->choices > 1000000 || request->per_artist > 1000000 ||
	    request->per_album > 1000000)
		return err_set(err, ERR_SETTINGS, "recommend: no count may be above 1000000");
	if (!(request->min_similarity >= -1 && request->min_similarity <= 1))
		return err_set(err, ERR_SETTINGS, "recommend: min_similarity %g is outside -1 .. 1", request->min_similarity);
	for (size_t l = 0; l < request->n_labels; l++)
		if (!(request->labels[l].probability >= 0 && request->labels[l].probability <= 1))
			return err_set(err, ERR_SETTINGS, "recommend: label '%s': probability %g is outside 0 .. 1",
			               request->labels[l].label, request->labels[l].probability);
	return OK;
}

/* Adds the unit factor of a song to the taste; false when training has never seen it. */
static bool add_taste(struct recommend_work *work, size_t song)
{
	const struct recommender_view *view = &work->recommender->view;
	const float *y = view->song_factor + song * view->n_factors;
	double square = 0;
	for (size_t k = 0; k < view->n_factors; k++)
		square += (double)y[k] * y[k];
	if (!(square > 0))
		return false;
	for (size_t k = 0; k < view->n_factors; k++)
		work->taste[k] += (float)(y[k] / sqrt(square));
	work->n_known_songs++;
	return true;
}

static int read_listener(struct recommend_work *work, struct err *err)
{
	const struct recommender *r = work->recommender;
	const struct recommend_request *request = work->request;
	bool excludes = request->n_history > 0 || request->n_songs > 0;
	work->excluded = excludes ? mem_alloc(r->view.n_songs, sizeof *work->excluded, err) : NULL;
	work->taste = mem_alloc(r->view.n_factors, sizeof *work->taste, err);
	if ((excludes && !work->excluded) || !work->taste)
		return err->code;
	/* Songs of the history that the catalogue does not know need no exclusion. */
	for (size_t i = 0; i < request->n_history; i++) {
		size_t song = recommender_song(r, request->history[i]);
		if (song < r->view.n_songs)
			work->excluded[song] = 1;
	}
	for (size_t i = 0; i < request->n_songs; i++) {
		size_t song = recommender_song(r, request->songs[i]);
		if (song < r->view.n_songs)
			work->excluded[song] = 1;
		if (song < r->view.n_songs && add_taste(work, song))
			continue;
		int code =
		    recommend_note(work, err, "song %lld is in no playlist that was learnt from", (long long)request->songs[i]);
		if (code != OK)
			return code;
	}
	for (size_t k = 0; k < r->view.n_factors && work->n_known_songs > 0; k++)
		work->taste[k] /= (float)work->n_known_songs;
	return OK;
}

/* ---- order and choice -------------------------------------------------------------------------------- */

/* Closest to the listener's songs first (all zero without any), then most votes, then the smaller song. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->closeness != y->closeness)
		return x->closeness > y->closeness ? -1 : 1;
	if (x->votes != y->votes)
		return x->votes > y->votes ? -1 : 1;
	return (x->song > y->song) - (x->song < y->song);
}

static int compare_places(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

struct alike {
	size_t artist, album;
};

/* Songs of the same artist and of the same album among those taken so far; what is not known is shared with nobody. */
static struct alike alike_taken(const struct recommend_work *work, const size_t *places, size_t taken, size_t place)
{
	const struct recommender_view *view = &work->recommender->view;
	uint32_t song = work->candidates[place].song;
	struct alike alike = {0};
	for (size_t i = 0; i < taken; i++) {
		uint32_t before = work->candidates[places[i]].song;
		alike.artist += text_table_same(&view->song_artist, song, before);
		alike.album += view->song_album[song] >= 0 && view->song_album[before] == view->song_album[song];
	}
	return alike;
}

/* Moves those that the artist's or the album's other songs leave no place behind the first `count`, where the others
 * suffice. */
static void spread_out(const struct recommend_work *work, size_t *places, size_t pool, size_t count)
{
	const struct recommend_request *request = work->request;
	size_t taken = 0;
	if (request->per_artist == 0 && request->per_album == 0)
		return;
	for (size_t i = 0; i < pool && taken < count; i++) {
		struct alike alike = alike_taken(work, places, taken, places[i]);
		if ((request->per_artist > 0 && alike.artist >= request->per_artist) ||
		    (request->per_album > 0 && alike.album >= request->per_album))
			continue;
		size_t place = places[i];
		memmove(places + taken + 1, places + taken, (i - taken) * sizeof *places);
		places[taken++] = place;
	}
}

/* places[0 … returned): which of the ordered candidates are taken, rising. */
static size_t choose(const struct recommend_work *work, size_t *places, size_t pool)
{
	struct rng rng;
	size_t count = work->request->count < pool ? work->request->count : pool;
	for (size_t i = 0; i < pool; i++)
		places[i] = i;
	rng_seed(&rng, work->request->seed, "recommend", 0);
	rng_shuffle(&rng, places, pool);
	spread_out(work, places, pool, count);
	qsort(places, count, sizeof *places, compare_places);
	return count;
}

/* ---- the answer ------------------------------------------------------------------------------------------ */

static char *copy_text(const struct text_table *table, const char *name, size_t i, struct err *err)
{
	const char *from;
	size_t length;
	if (!text_table_at(table, i, &from, &length)) {
		(void)err_set(err, ERR_DATA, "recommender: %s/offsets: entry %zu leads out of its bytes; the bundle is damaged",
		              name, i);
		return NULL;
	}
	char *text = mem_alloc(length + 1, 1, err);
	if (text)
		memcpy(text, from, length);
	return text;
}

static int explain_tags(const struct recommend_work *work, const struct tag_match *match, struct recommend_why *why,
                        struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	const struct seed_tag *seed = &work->seeds[match->seed];
	why->cosine = match->cosine;
	why->probability = seed->probability;
	why->seed = copy_text(&view->tag_display, "tag/display", seed->tag, err);
	why->similar = copy_text(&view->tag_display, "tag/display", match->tag, err);
	if (!why->seed || !why->similar)
		return err->code;
	if (seed->label != NO_INDEX && !(why->label = mem_text(work->request->labels[seed->label].label, err)))
		return err->code;
	return OK;
}

/* The tags of a song that came after training. */
static int explain_new(const struct recommender_view *view, uint32_t song, struct path_list *tags, struct err *err)
{
	size_t low = 0, high = view->n_new;
	int code = OK;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((uint32_t)view->new_song[middle] < song)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == view->n_new || (uint32_t)view->new_song[low] != song)
		return OK;
	for (int64_t e = view->new_start[low]; e < view->new_start[low + 1] && code == OK; e++) {
		char *tag = copy_text(&view->tag_display, "tag/display", (size_t)view->new_tag[e], err);
		code = tag ? path_list_add(tags, tag, err) : err->code;
		free(tag);
	}
	return code;
}

static int fill_song(const struct recommend_work *work, const struct candidate *c, struct recommended_song *song,
                     struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	const struct chosen_playlist *chosen = &work->chosen[c->playlist];
	*song = (struct recommended_song){
	    .id = view->song_id[c->song], .votes = c->votes, .named = c->named, .closeness = c->closeness};
	song->why.playlist = view->playlist_id[chosen->playlist];
	song->name = copy_text(&view->song_name, "song/name", c->song, err);
	song->artist = copy_text(&view->song_artist, "song/artist", c->song, err);
	song->why.title = copy_text(&view->playlist_title, "playlist/title", chosen->playlist, err);
	if (!song->name || !song->artist || !song->why.title || explain_new(view, c->song, &song->why.new_by, err) != OK)
		return err->code;
	return chosen->match == NO_INDEX ? OK : explain_tags(work, &work->matches[chosen->match], &song->why, err);
}

static int answer(struct recommend_work *work, struct recommend_result *result, struct err *err)
{
	const struct recommend_request *request = work->request;
	size_t pool = request->choices > request->count ? request->choices : request->count;
	pool = pool < work->n_candidates ? pool : work->n_candidates;
	qsort(work->candidates, work->n_candidates, sizeof *work->candidates, compare_candidates);
	size_t *places = mem_alloc(pool, sizeof *places, err);
	result->songs = mem_alloc(pool, sizeof *result->songs, err);
	int code = places && result->songs ? OK : err->code;
	size_t count = code == OK ? choose(work, places, pool) : 0;
	for (size_t i = 0; i < count && code == OK; i++) {
		result->count = i + 1;
		code = fill_song(work, &work->candidates[places[i]], &result->songs[i], err);
	}
	free(places);
	if (code != OK)
		return code;
	if (work->n_matches == 0 && work->n_known_songs == 0)
		return recommend_note(work, err, "neither a tag nor a song of the request is known: nothing to go by");
	if (count < request->count)
		return recommend_note(work, err, "%zu of %zu songs: there are no more candidates", count, request->count);
	return OK;
}

static void work_free(struct recommend_work *work)
{
	free(work->seeds);
	free(work->matches);
	free(work->chosen);
	free(work->candidates);
	free(work->excluded);
	free(work->taste);
}

int recommend(const struct recommender *recommender, const struct recommend_request *request,
              struct recommend_result *out, struct err *err)
{
	struct recommend_result result = {0};
	struct recommend_work work = {.recommender = recommender, .request = request, .notes = &result.notes};
	int code = check_request(request, err);
	if (code == OK)
		code = read_listener(&work, err);
	if (code == OK)
		code = recommend_find_tags(&work, err);
	if (code == OK)
		code = recommend_find_playlists(&work, err);
	if (code == OK)
		code = recommend_find_songs(&work, err);
	if (code == OK)
		code = answer(&work, &result, err);
	work_free(&work);
	if (code != OK) {
		recommend_result_free(&result);
		return code;
	}
	*out = result;
	return OK;
}

void recommend_result_free(struct recommend_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		struct recommended_song *song = &result->songs[i];
		free(song->name);
		free(song->artist);
		free(song->why.label);
		free(song->why.seed);
		free(song->why.similar);
		free(song->why.title);
		path_list_free(&song->why.new_by);
	}
	free(result->songs);
	path_list_free(&result->notes);
	*result = (struct recommend_result){0};
}
