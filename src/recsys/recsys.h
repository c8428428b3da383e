/*
 * recsys: playlists and the songs in them.
 *
 * Reading and merging playlists, the hold-out, and everything that is learnt from who put which song where.
 * Depends on: base, config, io, num. Never includes text, vision or nn: what it needs of them comes in as a function or
 * an array.
 */
#ifndef MOODCAST_RECSYS_H
#define MOODCAST_RECSYS_H

#include "base/base.h"
#include "config/config.h"
#include "io/io.h"
#include "num/num.h"

/* ---- playlists: reading, merging, hold-out ---- */

enum playlist_split { PLAYLIST_TRAIN = 0, PLAYLIST_HELD_OUT = 2 };
/* What of a held-out playlist is shown: half of its songs, half of its songs and half of its tags, half of its tags,
 * only its title. What is not shown is hidden (held = 1): no training sees it, and it is what evaluation asks for. */
enum playlist_mask { MASK_NONE, MASK_SONGS, MASK_SONGS_TAGS, MASK_TAGS, MASK_TITLE, MASK_COUNT };
const char *playlist_mask_name(int mask); /* "none", "songs", "songs_tags", "tags", "title" */

/* Which tags or songs a playlist has: row r holds index[start[r]] … index[start[r + 1] − 1]. */
struct playlist_links {
	int64_t *start;  /* [p + 1] */
	int32_t *index;  /* [start[p]] */
	uint8_t *held;   /* [start[p]]: 1 = hidden from training */
};

/* All of playlists.h5. Rows ascend by playlist id, songs by song id, tags by falling count, then by bytes. */
struct playlists {
	size_t n_playlists, n_tags, n_songs;
	int64_t *id, *likes;         /* [p]; likes 0 where the input has none */
	uint8_t *split, *mask;       /* [p]; enum playlist_split, playlist_mask */
	struct path_list title;      /* [p], "" where there is none */
	struct playlist_links tags;  /* in the order in which the playlist lists them, each once */
	struct playlist_links songs; /* ascending in a row, each once */
	struct path_list tag_name;   /* [t], normalised, unique */
	struct path_list tag_display; /* [t], the most frequent spelling */
	int64_t *tag_count;          /* [t], links that are not held; 0 for a tag that only hidden links have */
	int64_t *song_id, *song_album; /* [s]; album_id of song_meta, −1 = not known */
	struct path_list song_name, song_artist; /* [s], "" without song_meta */
	bool synthetic;              /* drawn by the stage `sample` */
};

/* Every array is checked: lengths, offsets, index ranges, masks. ERR_DATA names file and data set. */
int playlists_load(struct playlists **out, const char *h5_path, struct err *err) MUST_CHECK;
void playlists_free(struct playlists *playlists); /* NULL is fine */
int playlists_save(const struct playlists *playlists, const char *h5_path, struct err *err) MUST_CHECK;
/* The training part as R [p][s]: one entry a link that is not held, value = likes of the playlist (explicit zeros
 * kept). Freed with csr_free. */
int playlists_matrix(const struct playlists *playlists, struct csr *out, struct err *err) MUST_CHECK;
#define PLAYLIST_LENT 2
/* Others numbered as in `known` (tags by name, songs by id), without what it has not got, titles, names and ids. One of
 * which nothing is known gets the tags under which other asked ones hold its songs: held = PLAYLIST_LENT, may be
 * answered. Freed with playlists_free. */
int playlists_guests(const struct playlists *known, const struct playlists *asked, struct playlists **out,
                     struct err *err) MUST_CHECK;
struct playlist_summary {
	size_t tag_links, song_links, hidden_tags, hidden_songs;
	size_t named_songs, liked; /* songs with a name; playlists with likes */
	size_t held_out, by_mask[MASK_COUNT];
};
struct playlist_summary playlists_summary(const struct playlists *playlists);
/* likes.npz: the same matrix for scipy.sparse.load_npz. */
int playlists_save_likes(const struct playlists *playlists, const char *npz_path, struct err *err) MUST_CHECK;
/* likes.mtx: the same as Matrix Market text. */
int playlists_save_market(const struct playlists *playlists, const char *path, struct err *err) MUST_CHECK;

/* Gathers playlists from any number of inputs. Of a record that cannot be used, or of a single tag or song in it, the
 * reason is counted and the place kept for skipped.tsv; only a file that cannot be read to its end is an error. */
#define PLAYLIST_RECORDS(X)                                                                                            \
	X(RECORD_PLAYLIST, "playlists")                                                                                    \
	X(RECORD_TAG, "tags") X(RECORD_SONG, "songs") X(RECORD_PAIR, "pairs") X(RECORD_META, "song_meta")
enum playlist_record_kind {
#define RECORD_ENUM(name, text) name,
	PLAYLIST_RECORDS(RECORD_ENUM)
#undef RECORD_ENUM
	RECORD_COUNT
};
/* name, what was skipped, the reason in words. */
#define PLAYLIST_SKIPS(X)                                                                \
	X(SKIP_RECORD_KIND, RECORD_PLAYLIST, "playlist is not an object")                    \
	X(SKIP_RECORD_FIELDS, RECORD_PLAYLIST, "row has another number of fields than the header") \
	X(SKIP_RECORD_ID, RECORD_PLAYLIST, "playlist id is not an integer from 0 to 2^63-1") \
	X(SKIP_RECORD_TWICE, RECORD_PLAYLIST, "playlist listed twice in one input")          \
	X(SKIP_RECORD_LIKES, RECORD_PLAYLIST, "likes are not an integer from 0 to 2^63-1")   \
	X(SKIP_RECORD_TITLE, RECORD_PLAYLIST, "title is not a text of at most 4096 bytes in UTF-8") \
	X(SKIP_RECORD_LISTS, RECORD_PLAYLIST, "tags or songs are not a list")                \
	X(SKIP_TAG_KIND, RECORD_TAG, "tag is not a text in UTF-8")                           \
	X(SKIP_TAG_LONG, RECORD_TAG, "tag is longer than 1024 bytes")                        \
	X(SKIP_TAG_EMPTY, RECORD_TAG, "tag is empty after normalisation")                    \
	X(SKIP_TAG_CONTROL, RECORD_TAG, "tag holds a control character after normalisation") \
	X(SKIP_SONG_ID, RECORD_SONG, "song id is not an integer from 0 to 2^63-1")           \
	X(SKIP_PAIR_FIELDS, RECORD_PAIR, "pair has another number of fields than the header") \
	X(SKIP_PAIR_ID, RECORD_PAIR, "id in a pair is not an integer from 0 to 2^63-1")      \
	X(SKIP_META_ID, RECORD_META, "song_meta entry without a usable id")                  \
	X(SKIP_META_NAME, RECORD_META, "song_meta entry without a usable name or artist")
enum playlist_skip {
#define SKIP_ENUM(name, record, text) name,
	PLAYLIST_SKIPS(SKIP_ENUM)
#undef SKIP_ENUM
	SKIP_COUNT
};
const char *playlist_skip_text(enum playlist_skip skip);
const char *playlist_record_text(enum playlist_record_kind kind);

struct playlist_counts {
	size_t read[RECORD_COUNT], skipped[RECORD_COUNT]; /* by kind; a skipped playlist's tags and songs are not counted */
	size_t reasons[SKIP_COUNT];
	size_t merged;         /* records of a playlist that an earlier input had */
	size_t only_pairs;     /* playlists that only a pairs file names */
	size_t repeated_tags, repeated_songs; /* links that were there already */
};

/* The normal form of a tag replaces *out, which has a text on success; an empty one = the tag says nothing. ERR_DATA =
 * not UTF-8. */
typedef int tag_normaliser(const char *raw, struct strbuf *out, struct err *err);

struct playlist_reader;
int playlist_reader_new(struct playlist_reader **out, tag_normaliser *normalise, struct err *err) MUST_CHECK;
void playlist_reader_free(struct playlist_reader *reader); /* NULL is fine */
/* One input, CSV by its name (*.csv, *.csv.gz) with a header row out of playlist_id, title, tags, songs, like_cnt and
 * '|' inside tags and songs; else a Melon JSON array of objects with id and any of plylst_title, tags, songs, like_cnt.
 * A playlist that an earlier input had is merged: union of tags and songs, the larger likes, the first title. */
int playlist_reader_input(struct playlist_reader *reader, const char *path, struct err *err) MUST_CHECK;
/* CSV playlist_id,song_id (header row, that order or the other): more songs of playlists, and playlists of their own
 * where the id is new. */
int playlist_reader_pairs(struct playlist_reader *reader, const char *path, struct err *err) MUST_CHECK;
/* Orders everything by id and draws the hold-out: of the playlists with at least two songs or two tags each is held out
 * with probability `holdout`, by a random stream of its own id, so the order of inputs does not matter. What is shown:
 * 30 % songs only, 50 % songs and tags, 15 % tags only, 5 % the title only (Kakao Arena); half of the songs and tags
 * that are shown as such. A mask that the playlist cannot take (fewer than two songs or tags, no title) gives way to
 * songs, else tags. Once a reader: takes its links. */
int playlist_reader_finish(struct playlist_reader *reader, double holdout, uint64_t seed, struct playlists **out,
                           struct err *err) MUST_CHECK;
/* Names, artists and albums from a song_meta.json (an array of id, song_name, artist_name_basket, album_id) for the
 * songs that occur; the first entry of a song counts. */
int playlist_reader_names(struct playlist_reader *reader, struct playlists *playlists, const char *path,
                          struct err *err) MUST_CHECK;
const struct playlist_counts *playlist_reader_counts(const struct playlist_reader *reader);
/* ERR_DATA when of one kind of record a larger share than `max_skipped` was skipped. */
int playlist_reader_check(const struct playlist_reader *reader, double max_skipped, struct err *err) MUST_CHECK;
/* skipped.tsv: input, place, value, reason; the first 100,000 of them. */
int playlist_reader_save_skipped(const struct playlist_reader *reader, const char *path, struct err *err) MUST_CHECK;

/* ---- alternating least squares for implicit feedback ---- */

/* Minimises, over user factors x [users][f] and item factors y [items][f] (Hu, Koren, Volinsky 2008, eq. 3),
 *     Σ over ALL cells c (p − x·y)² + λ (Σ |x|² + Σ |y|²),
 * p = 1 and c = 1 + α g(r) where the matrix has an entry, p = 0 and c = 1 elsewhere; λ = regularization, α = alpha.
 * g by als.confidence, r = the entry's value (here: likes of the playlist):
 *     raw   g = r
 *     minmax g = (r − min) / (max − min) over all entries; 1 where they are all alike
 *     log   g = ln(1 + r)
 *     bm25  g = (1 + ln(1 + r)) · idf(i) · (k + 1) / (1 + k (1 − b + b · n(u) / mean n)), k = 1.2, b = 0.75: a user is
 *           a document and an item a term that occurs once in it, n(u) = the user's entries, mean over users that have
 *           any, idf(i) = ln(1 + (U − n(i) + 0.5) / (n(i) + 0.5)), U = users with entries (Robertson and Zaragoza
 *           2009, eq. 3.15).
 * Where r = 0, raw and log leave c = 1: the cell's preference is learnt with no more weight than an empty one's.
 * Every half-step is solved exactly (solver = SOLVER_CHOLESKY), or by `cg_steps` steps of conjugate gradients from the
 * last solution (SOLVER_CG); the loss falls with either. Rows without an entry get zero factors. */
struct als_options {
	struct als_settings model;
	uint64_t seed;             /* of the first item factors */
	int threads;               /* the result depends neither on it nor on the number of ranks, which share the rows */
	/* File that keeps the state of a long training, removed by the caller once the model is saved; NULL = none. A
	 * training that finds one of the same problem goes on from there and ends with the same bytes. */
	const char *checkpoint;
	double checkpoint_seconds; /* at least this long between two of them */
};

struct als_model {
	size_t users, items, factors, iterations;
	float *user;  /* [users][factors] */
	float *item;  /* [items][factors] */
	double *loss; /* [iterations]: the sum above after each iteration; NULL in a loaded model */
	double regularization, alpha;
};

struct als_fold {
	const struct csr *learnt, *fresh;
	int confidence; /* as the model was trained */
	int threads;
};

/* g(r) · α for every entry, in the matrix' order; freed by the caller. ERR_DATA for a negative or not finite value. */
int als_weights(const struct csr *matrix, const struct als_settings *model, float **out, struct err *err) MUST_CHECK;
/* Sets BLAS to one thread a call while it runs and to `threads` afterwards. ERR_NUMERIC names iteration and row when
 * equations have no finite solution, or when the loss is not finite or rises by more than rounding can. ERR_STOPPED
 * keeps a checkpoint. */
int als_train(const struct csr *matrix, const struct als_options *options, struct als_model *out,
              struct err *err) MUST_CHECK;
/* Factors [fresh->rows][factors] of new playlists by their songs: one exact half-step, with weights as among the rows
 * learnt from. Freed by the caller; rows without an entry get zeros. ERR_DATA for other columns than the model's
 * songs. */
int als_fold_in(const struct als_model *model, const struct als_fold *fold, float **out, struct err *err) MUST_CHECK;
void als_model_free(struct als_model *model);
/* als.npz as `implicit` keeps its models: user_factors, item_factors, factors, regularization, alpha, iterations and
 * dtype (text, "float32"). */
int als_save(const struct als_model *model, const char *path, struct err *err) MUST_CHECK;
/* ERR_DATA for other shapes or a value that is not finite. Freed with als_model_free. */
int als_load(struct als_model *out, const char *path, struct err *err) MUST_CHECK;
/* loss.jsonl: {"iteration": 1, "loss": …} a line. */
int als_save_loss(const struct als_model *model, const char *path, struct err *err) MUST_CHECK;

/* ---- songs that came after training ---- */

/* Under which tags a song stands, as a pattern [s][t]: those of the playlists that hold it, links that are not held.
 * Freed with csr_free. */
int playlists_song_tags(const struct playlists *playlists, struct csr *out, struct err *err) MUST_CHECK;
/* Factors [fresh->rows][factors] of songs that the model has not seen, by the tags that they stand under: `known`
 * [items][tags] has the tags of the model's songs, `fresh` [rows][tags] those of the others (patterns). With u = y /
 * |y| of a trained song, n(t) trained songs under tag t and N under any, idf(t) = ln(1 + (N − n(t) + 0.5) / (n(t) +
 * 0.5)),
 *     φ(i) = Σ over the tags t of i of idf(t) · mean of u over the other trained songs under t, scaled to length 1,
 *     W    = argmin Σ over trained songs |u − W'φ|² + λ |W|² = (Φ'Φ + λI)⁻¹ Φ'U, λ = 1,
 *     y    = ℓ W'φ / |W'φ|, ℓ = the mean length of the trained songs' factors
 * (a linear map from what is known of an item to its factors: Gantner et al. 2010; ridge: Hoerl and Kennard 1970). A
 * song without a tag that a trained one has gets zeros. Freed by the caller. ERR_DATA for other shapes. Sets BLAS to
 * one thread. */
int als_fold_songs(const struct als_model *model, const struct csr *known, const struct csr *fresh, float **out,
                   struct err *err) MUST_CHECK;

/* What training left, with the new songs among the old ones; the rest is borrowed. For recommender_build. */
struct new_songs {
	struct playlists playlists; /* songs ascend by id; playlists and tags are the known ones */
	struct als_model model;
	struct csr tags;            /* [songs][tags] (pattern): the known tags of the new songs, none of the others */
	/* new songs that got a factor; that stand under no tag of a trained song, and are left out */
	size_t added, without_tags;
};
/* New is a song of `fresh`, read by a playlist reader, that no playlist has shown to the training of `model`. Its tags
 * are those of the fresh playlists that hold it. ERR_DATA when the model is of other playlists. Freed with
 * new_songs_free, before `known` and `model`. */
int new_songs_admit(struct new_songs *out, const struct playlists *known, const struct als_model *model,
                    const struct playlists *fresh, struct err *err) MUST_CHECK;
void new_songs_free(struct new_songs *all);

/* ---- held-out evaluation ---- */

/* Over held-out playlists with hidden songs (or tags) T, by the ranking's first L that the playlist does not show,
 * L = 100 songs or 10 tags:
 *     nDCG@L   Σ over hits at position i (from 0) of 1/ln(i + 2), divided by the same sum over i < min(|T|, L)
 *     recall@L hits among L / |T|
 *     MAP@10   Σ over hits at position i < 10 of (hits up to i) / (i + 1), divided by min(|T|, 10)
 * Means over playlists; intervals are 95 % percentile bootstraps over playlists. */
struct ranking_score {
	size_t playlists; /* 0: all figures are 0 */
	double ndcg, ndcg_low, ndcg_high, recall, recall_low, recall_high, map, map_low, map_high;
};
struct ranking_result {
	const char *name;
	struct ranking_score overall, mask[MASK_COUNT];
	double coverage; /* share of all songs (tags) that stand in some list */
	double novelty;  /* mean over all lists of −log₂ (playlists that hold it / playlists), training part; 1 at least */
};
struct ranking_options {
	size_t bootstrap; /* draws */
	uint64_t seed;
	int threads;
};

/* "blend", "neighbours", "als", "popularity", "item_knn", "item_knn_bm25", "tags" (neighbours by tags alone), and
 * "als_bm25" (ALS with BM25 confidence, trained for the comparison) where the model that ships has another
 * confidence. */
#define RECSYS_RANKERS 8
struct recsys_evaluation {
	struct ranking_result rankers[RECSYS_RANKERS]; /* the first one ships */
	size_t n_rankers;
	size_t best;                                   /* largest overall nDCG@100, ties to the first */
	struct ranking_result tags;                    /* hidden tags by neighbours; no playlists when none is hidden */
	double arena;                                  /* 0.85 nDCG@100 of the shipped one + 0.15 tag nDCG@10 */
};
struct recsys_evaluation_options {
	struct ranking_options ranking;
	struct recommend_settings recommend;
	struct als_settings als; /* as the model was trained */
	size_t item_neighbours; /* of a song, in both item-kNN comparators */
};
/* The shipped ranker beside its comparators, all on the same shown songs and tags. ERR_DATA when the model's shape is
 * not the playlists', or no held-out playlist hides a song. */
int recsys_evaluate(const struct playlists *playlists, const struct als_model *model,
                    const struct recsys_evaluation_options *options, struct recsys_evaluation *out,
                    struct err *err) MUST_CHECK;

/* How well songs are found that nobody has learnt from. A share of the songs, drawn by their ids, is taken out of every
 * playlist; a model is trained without them; they get factors by the tags of the playlists that showed them, and are
 * ranked among themselves for the held-out playlists that hide some of them. */
enum new_songs_ranker {
	NEW_SONGS_BY_TAGS,     /* als_fold_songs */
	/* cosine between the tags (by idf) of the song and those of the playlist's shown songs, else its own tags */
	NEW_SONGS_SHARED_TAGS,
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
int new_songs_evaluate(const struct playlists *playlists, const struct als_model *model,
                       const struct new_songs_options *options, struct new_songs_evaluation *out,
                       struct err *err) MUST_CHECK;

/* ---- continuing playlists, as a contest asks ---- */

#define ARENA_SONGS 100
#define ARENA_TAGS 10
struct arena_question {
	const struct playlists *playlists;
	const struct als_model *model;
	struct recommend_settings recommend;
	/* Of playlists_guests; NULL = none. The model was trained with `confidence`. */
	const struct playlists *guests;
	int confidence;
	const size_t *rows; /* [count] playlists to be continued; from n_playlists on: guests */
	size_t count;
	int threads; /* the answer does not depend on it */
};
/* Best first, nothing that the playlist shows; row i of `song` and `tag` continues question.rows[i]. */
struct arena_answers {
	size_t count;
	uint32_t *song, *tag;     /* [count][ARENA_SONGS], [count][ARENA_TAGS] */
	size_t *n_songs, *n_tags; /* [count]: fewer only where there are not so many */
};
/* By the rankers that ship: the blend for songs, neighbours for tags. ERR_DATA when the model is of other playlists. */
int arena_answer(const struct arena_question *question, struct arena_answers *out, struct err *err) MUST_CHECK;
void arena_answers_free(struct arena_answers *answers);

/* ---- recommender: label → tags → playlists → songs ---- */

/* Strings that stand one after the other without NULs: string i is bytes[offsets[i]] … bytes[offsets[i + 1] − 1]. */
struct text_table {
	const uint8_t *bytes;
	const int64_t *offsets; /* [count + 1] */
	size_t count;
};
/* *text, *length of string i < count; false when its offsets lead out of the bytes, as a damaged file's may. */
bool text_table_at(const struct text_table *table, size_t i, const char **text, size_t *length) MUST_CHECK;
/* Are both the same string, and not the empty one, which says nothing? */
bool text_table_same(const struct text_table *table, size_t a, size_t b);

/* Everything the recommender reads, borrowed: from a mapped file or from memory. Training playlists only. */
struct recommender_view {
	size_t n_tags, n_dims, n_playlists, n_songs, n_factors, n_new;
	const float *tag_vector; /* [t][d], unit length, or zero for a tag without a vector */
	struct text_table tag_name, tag_display;
	const int64_t *tag_start;                    /* [t + 1] */
	const int32_t *tag_playlist;                 /* playlists that hold the tag, ascending */
	const int64_t *playlist_id, *playlist_likes; /* [p] */
	struct text_table playlist_title;
	const float *playlist_factor; /* [p][f] */
	const int64_t *song_start;    /* [p + 1]: playlist p has song_start[p + 1] − song_start[p] songs */
	const int64_t *song_id, *song_album; /* [s]; album −1 = not known */
	const float *song_factor;     /* [s][f] */
	const int32_t *song_order;    /* [s] songs by falling length of their factors; NULL: searches look at every song */
	const float *song_norm;       /* [s] these lengths */
	/* The same songs as bytes in that order, sixteen in a block (sketch.c); NULL: searches read the floats. */
	const uint8_t *song_code;                  /* [⌈s/16⌉][⌈f/4⌉][16][4] */
	const float *song_code_scale, *song_code_error; /* [⌈s/16⌉][16] */
	struct text_table song_name, song_artist;
	/* [n_new] songs that came after training, ascending; the tags that gave them their factors */
	const int32_t *new_song, *new_tag;
	const int64_t *new_start;          /* [n_new + 1] */
};

/* What training leaves in memory. */
struct recommender_source {
	const struct playlists *playlists;
	/* [n_tags][dims] in the order of playlists->tag_name, any length; zeros where a tag has none. */
	const float *tag_vectors;
	size_t dims;
	const struct als_model *model;
	const struct csr *new_tags; /* of new_songs_admit; NULL = no new songs */
};

struct recommender;
/* Borrows the file until recommender_free. Shapes and all that leads from one tensor into another are checked: ERR_DATA
 * names the tensor. But for the songs' and playlists' texts: there only the ends are, and each string when it is read
 * (text_table_at). */
int recommender_map(struct recommender **out, const struct tensor_file *file, struct err *err) MUST_CHECK;
/* Copies what it needs and scales the vectors; borrows the model's song factors until recommender_free. */
int recommender_build(struct recommender **out, const struct recommender_source *source, struct err *err) MUST_CHECK;
/* From any arrays, borrowed and checked alike; `name` for messages. */
int recommender_new(struct recommender **out, const struct recommender_view *view, const char *name,
                    struct err *err) MUST_CHECK;
void recommender_free(struct recommender *recommender); /* NULL is fine */
const struct recommender_view *recommender_view(const struct recommender *recommender);
/* recommender.safetensors, whole or not at all. */
int recommender_write(const char *path, const struct recommender_source *source, struct err *err) MUST_CHECK;
/* Index of a tag by its normalised name, else by its displayed spelling; n_tags when unknown. */
size_t recommender_tag(const struct recommender *recommender, const char *tag);
/* Index of a song by its id; n_songs when unknown. */
size_t recommender_song(const struct recommender *recommender, int64_t id);

struct recommend_label {
	const char *label;
	double probability;
	char *const *tags; /* its seed tags, normalised */
	size_t n_tags;
};
struct recommend_request {
	const struct recommend_label *labels; /* all classes: their seeds are blended, not the likeliest alone taken */
	size_t n_labels;
	char *const *tags; /* asked for by name, normalised; together they weigh as much as a label of probability 1 */
	size_t n_tags;
	const int64_t *songs; /* the listener's songs: candidates close to them come first; never recommended themselves */
	size_t n_songs;
	const int64_t *history; /* never recommended */
	size_t n_history;
	size_t count; /* songs wanted */
	uint64_t seed;
	size_t similar_tags, playlists, songs_per_playlist, choices;
	/* songs of one artist, of one album in an answer, as long as there are others; 0 = any number */
	size_t per_artist, per_album;
	double min_similarity;
};

struct recommend_why {
	char *label; /* NULL: the seed was asked for by name, or there was none */
	double probability;
	char *seed, *similar; /* tag as displayed; NULL when no tag led here (only the listener's songs did) */
	double cosine;        /* between the two; 1 when they are the same */
	int64_t playlist;
	char *title;
	struct path_list new_by; /* the song came after training: its tags as displayed, which stand for it; else empty */
};
struct recommended_song {
	int64_t id;
	char *name, *artist;
	double votes;     /* Σ over the playlists that name it of weight / log2(rank + 2); a label's best weighs 1 */
	size_t named;     /* by how many playlists */
	double closeness; /* cosine to the mean of the listener's songs; 0 without any */
	struct recommend_why why; /* the path with the largest vote */
};
struct recommend_result {
	struct recommended_song *songs;
	size_t count;           /* ≤ request.count */
	struct path_list notes; /* sentences: unknown tags and songs, too few candidates */
};
/* The flow, with its weights:
 *   1. for each label, its seed tags share its probability equally; each seed stands for itself and for its
 *      `similar_tags` nearest tags with cosine ≥ min_similarity (and above 0), by seed weight × cosine / log2(rank +
 *      2), rank 0 being the seed;
 *   2. for each label, playlists that hold these tags and have songs, by Σ of tag weights × (1 + ln(1 + likes)); of
 *      them `playlists` are dealt to the labels in proportion to their probabilities. When no tag is known, those
 *      closest to the listener's songs take their place;
 *   3. for each playlist the `songs_per_playlist` best songs of the whole catalogue by ALS (factor · factor), without
 *      history and the listener's songs; each is a vote of playlist weight / log2(rank + 2);
 *   4. candidates by closeness to the listener's songs where given, else by votes; `count` of the best `choices` are
 *      drawn by the seed and given in that order, at most `per_artist` of an artist and `per_album` of an album where
 *      the choices suffice.
 * With neither a known tag nor a known song the result is empty and a note says so. A pure function of data and
 * request. ERR_SETTINGS for counts of zero or values out of range. */
int recommend(const struct recommender *recommender, const struct recommend_request *request,
              struct recommend_result *out, struct err *err) MUST_CHECK;
void recommend_result_free(struct recommend_result *result);

/* ---- drawn playlists ---- */

/* Stand-ins that nobody made: Korean tags around ten planted moods, songs in cells of mood and genre, long-tailed
 * popularity and likes. A few playlists have no title, no tag or no song, as real ones do. */
struct drawn_playlists {
	size_t playlists, songs;
	uint64_t seed;
};
struct drawn_playlists_counts {
	size_t tags, songs; /* links written */
};
/* Melon's train.json and song_meta.json, names invented. Same seed, same bytes. ERR_SETTINGS: fewer than 80 songs. */
int drawn_playlists_save(const char *playlists_path, const char *meta_path, const struct drawn_playlists *wish,
                         struct drawn_playlists_counts *counts, struct err *err) MUST_CHECK;

#endif
