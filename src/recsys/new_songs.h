/*
 * recsys: songs that came after training. They get a factor by the tags that they stand under, without retraining.
 */
#ifndef MOODCAST_NEW_SONGS_H
#define MOODCAST_NEW_SONGS_H

#include "recsys/recsys.h"

/* Under which tags a song stands, as a pattern [s][t]: those of the playlists that hold it, links that are not held. Freed with csr_free. */
int playlists_song_tags(const struct playlists *playlists, struct csr *out, struct err *err) MUST_CHECK;
/* Factors [fresh->rows][factors] of songs that the model has not seen, by the tags that they stand under: `known` [items][tags] has the tags of
 * the model's songs, `fresh` [rows][tags] those of the others (patterns). With u = y / |y| of a trained song, n(t) trained songs under
 * tag t and N under any, idf(t) = ln(1 + (N − n(t) + 0.5) / (n(t) + 0.5)),
 *     φ(i) = Σ over the tags t of i of idf(t) · mean of u over the other trained songs under t, scaled to length 1,
 *     W    = argmin Σ over trained songs |u − W'φ|² + λ |W|² = (Φ'Φ + λI)⁻¹ Φ'U, λ = 1,
 *     y    = ℓ W'φ / |W'φ|, ℓ = the mean length of the trained songs' factors
 * (a linear map from what is known of an item to its factors: Gantner et al. 2010; ridge: Hoerl and Kennard 1970). A song without a tag
 * that a trained one has gets zeros. Freed by the caller. ERR_DATA for other shapes. Sets BLAS to one thread. */
int als_fold_songs(const struct als_model *model, const struct csr *known, const struct csr *fresh, float **out,
                   struct err *err) MUST_CHECK;

/* ---- a catalogue with new songs in it ---- */

/* What training left, with the new songs among the old ones; the rest is borrowed. For recommender_build. */
struct new_songs {
	struct playlists playlists; /* songs ascend by id; playlists and tags are the known ones */
	struct als_model model;
	struct csr tags;            /* [songs][tags] (pattern): the known tags of the new songs, none of the others */
	size_t added, without_tags; /* new songs that got a factor; that stand under no tag of a trained song, and are left out */
};
/* New is a song of `fresh`, read by a playlist reader, that no playlist has shown to the training of `model`. Its tags are those of the fresh
 * playlists that hold it. ERR_DATA when the model is of other playlists. Freed with new_songs_free, before `known` and `model`. */
int new_songs_admit(struct new_songs *out, const struct playlists *known, const struct als_model *model, const struct playlists *fresh,
                    struct err *err) MUST_CHECK;
void new_songs_free(struct new_songs *all);

/* ---- held-out evaluation ---- */

/* How well songs are found that nobody has learnt from. A share of the songs, drawn by their ids, is taken out of every playlist; a model is
 * trained without them; they get factors by the tags of the playlists that showed them, and are ranked among themselves for the held-out
 * playlists that hide some of them. */
enum new_songs_ranker {
	NEW_SONGS_BY_TAGS,     /* als_fold_songs */
	NEW_SONGS_SHARED_TAGS, /* cosine between the tags (by idf) of the song and those of the playlist's shown songs, else its own tags */
	NEW_SONGS_RANDOM,
	NEW_SONGS_TRAINED,     /* the model that ships, which has learnt from them: what is lost by their being new */
	NEW_SONGS_RANKERS
};
struct new_songs_evaluation {
	size_t songs;                                     /* that were taken out and stand under a known tag */
	struct ranking_result rankers[NEW_SONGS_RANKERS]; /* no playlists when none hides such a song */
};
struct new_songs_options {
	struct ranking_options ranking;
	struct als_settings als; /* as the model was trained */
	double share;
};
int new_songs_evaluate(const struct playlists *playlists, const struct als_model *model, const struct new_songs_options *options,
                       struct new_songs_evaluation *out, struct err *err) MUST_CHECK;

#endif
