/* Rankers, those that ship and those that they are compared with, and their evaluation on held-out playlists. */
#ifndef MOODCAST_RANKERS_INTERNAL_H
#define MOODCAST_RANKERS_INTERNAL_H

#include "recsys/recsys.h"

/* Songs by how many playlists hold them. */
struct popularity {
	size_t songs;
	float *share; /* [songs], playlists with the song / playlists of the most frequent song */
};
int popularity_new(struct popularity **out, const struct csr *matrix, struct err *err) MUST_CHECK;
void popularity_free(struct popularity *popularity);

/* Item k-nearest neighbours: each song keeps its k most similar ones, similarity = product of their columns. A column
 * has, for each playlist that holds the song,
 *     cosine  1, scaled to unit length;
 *     bm25    idf(playlist) · (k₁ + 1) / (1 + k₁ (1 − b + b · n(song) / mean n)), k₁ = 1.2, b = 0.75: here a song is a
 *             document and a playlist a term.
 * Score of a song for a playlist = Σ of its similarity to the playlist's songs (Sarwar et al. 2001). */
enum knn_weighting { KNN_COSINE, KNN_BM25 };
struct item_knn {
	size_t songs, k;
	struct csr neighbours; /* [songs][songs]: row j = the songs that j is a vote for, ascending; value = similarity */
};
int item_knn_new(struct item_knn **out, const struct csr *matrix, enum knn_weighting weighting, size_t k, int threads,
                 struct err *err) MUST_CHECK;
void item_knn_free(struct item_knn *knn);

/* The common interface: scores[count][n_songs] (or n_tags, by target) for up to RANKING_BATCH playlists at once, larger
 * is better, NaN is never ranked. `shown` and `tags` are what the ranker may see of the playlist. Called from several
 * threads, each with `workspace` bytes of its own, all zero before the first call and left so. */
#define RANKING_BATCH 16
enum ranking_target { RANK_SONGS, RANK_TAGS };
struct ranking_query {
	size_t playlist;
	const int32_t *shown, *tags;
	size_t n_shown, n_tags;
};
struct ranker {
	const char *name;
	enum ranking_target target;
	size_t workspace;
	void (*score)(const void *state, const struct ranking_query *queries, size_t count, void *workspace, float *scores);
	const void *state;
};
struct ranker popularity_ranker(const struct popularity *popularity);
/* Songs that no neighbour votes for follow by popularity, as does everything for a playlist that shows no song. */
struct knn_ranker {
	const char *name;
	const struct item_knn *knn;
	const struct popularity *popularity;
};
struct ranker item_knn_ranker(const struct knn_ranker *state);
/* ALS: the playlist's factor as trained from its shown songs. A playlist that shows only tags is folded in: the mean,
 * over its tags, of the mean factor of the training playlists with that tag. One that shows neither is ranked by
 * popularity. */
struct als_ranker;
int als_ranker_new(struct als_ranker **out, const struct playlists *playlists, const struct als_model *model,
                   const struct popularity *popularity, struct err *err) MUST_CHECK;
void als_ranker_free(struct als_ranker *ranker);
/* Those of playlists_guests are asked about by numbers from n_playlists on: with songs by als_fold_in, else as
 * above. */
struct als_guests {
	const struct playlists *playlists;
	const struct csr *learnt; /* what the model was trained on */
	int confidence, threads;
};
int als_ranker_admit(struct als_ranker *ranker, const struct playlists *known, const struct als_guests *guests,
                     struct err *err) MUST_CHECK;
struct ranker als_ranker_of(const struct als_ranker *ranker);

/* Playlist neighbours: training playlists that share songs or tags with the one in question vote for what they hold.
 *     like(q, p) = Σ over shared songs of α idf(i)² + Σ over shared tags of τ idf(t)², divided by √m(p),
 * m(p) = the same sum over all that p holds, idf(i) = ln(1 + (N − n(i) + 0.5) / (n(i) + 0.5)), n(i) = playlists that
 * hold i, N = playlists that hold anything of the kind (Robertson and Zaragoza 2009, eq. 3.15);
 *     score(i | q) = n(i)^−δ Σ over p that hold i of like(q, p)^γ
 * (user-based neighbours: Herlocker et al. 1999; γ: case amplification, Breese et al. 1998). What nobody votes for
 * follows by popularity. The same likeness ranks songs and tags. */
struct neighbours_options {
	double song_weight, tag_weight; /* α, τ */
	double sharpness, damping;      /* γ, δ */
};
struct neighbours;
int neighbours_new(struct neighbours **out, const struct playlists *playlists, const struct neighbours_options *options,
                   const struct popularity *popularity, struct err *err) MUST_CHECK;
void neighbours_free(struct neighbours *neighbours); /* NULL is fine */
struct ranker neighbours_ranker(const struct neighbours *neighbours, const char *name, enum ranking_target target);
/* The song ranker that ships: neighbours / their best score + weight · ALS / its best score, over the songs that some
 * neighbour votes for; neighbours alone for a playlist that shows no song, as ALS knows nothing of it. */
struct blend_ranker {
	const struct neighbours *neighbours;
	const struct als_ranker *als;
	double als_weight;
};
struct ranker blend_ranker_of(const struct blend_ranker *state);

/* ---- evaluation ---- */

int ranking_evaluate(const struct playlists *playlists, const struct ranker *ranker,
                     const struct ranking_options *options, struct ranking_result *out, struct err *err) MUST_CHECK;

#endif
