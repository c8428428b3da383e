/*
 * What the files of recsys share and nobody else needs: float32 kernels with a fixed order of summation.
 *
 * The kernels keep sixteen partial sums whatever the CPU has, and never contract a product and a sum into one
 * instruction, so their results are the same bits on every machine and for every number of threads.
 */
#ifndef MOODCAST_RECSYS_INTERNAL_H
#define MOODCAST_RECSYS_INTERNAL_H

#include "recsys/rankers_internal.h"
#include "recsys/recsys.h"

#define RECSYS_LANES 16

struct recsys_kernels {
	/* out[4][ld]: out[i][j] = x[i] · y[j] over n elements. */
	void (*dots)(const float *const x[4], const float *const y[4], size_t n, float *out, size_t ld);
	/* out[n] = Σ_j weight[j] y[j][n]. */
	void (*combine)(size_t count, const float *weight, const float *const *y, size_t n, float *out);
	/* Upper triangle of a[n][ld] += P' P, P [rows][ld]; ld a multiple of RECSYS_LANES, P zero beyond column n. */
	void (*rank_update)(size_t n, size_t ld, size_t rows, const float *p, float *a);
	/* a[n][ld] = U' U from its upper triangle, in place, the diagonal kept as 1 / U_jj. Columns n … ld must be zero.
	 * Returns n, or the index of the pivot that is not positive. What stands below the diagonal is overwritten. */
	size_t (*cholesky)(size_t n, size_t ld, float *a);
	/* b[ld] ← (U' U)⁻¹ b; b zero beyond n. */
	void (*solve)(size_t n, size_t ld, const float *u, float *b);
	/* out[j] = x · y[j] over n elements, sixteen rows. */
	void (*project)(const float *x, const float *const y[RECSYS_LANES], size_t n, float *out);
};
/* The table for this CPU, chosen once. */
const struct recsys_kernels *recsys_kernels(void);
/* The table of one level, NULL where this CPU cannot run it; for tests. */
const struct recsys_kernels *recsys_kernels_at(enum cpu_level level);

/* n rounded up to whole vectors. */
size_t recsys_padded(size_t n);

/* Keeps the best of a stream of scores. `buffer` holds 2·k items; what a scan keeps is exactly what sorting all by
 * falling score, ties by rising id, would keep. */
struct best_list {
	struct scored *buffer;
	size_t k, count;
	float floor; /* scores below it cannot enter */
};
void best_start(struct best_list *best, struct scored *buffer, size_t k);
void best_add(struct best_list *best, float score, uint32_t id);
/* Inline, as nearly all scores of a scan are turned away here. An equal one may enter: its id decides when the buffer
 * is cut. */
static inline void best_offer(struct best_list *best, float score, uint32_t id)
{
	if (score >= best->floor)
		best_add(best, score, id);
}
/* Sorts; returns how many (≤ k) stand in buffer, best first. */
size_t best_finish(struct best_list *best);

/* ---- rows as bytes (sketch.c) ---- */

#define SKETCH_ROWS 16
#define SKETCH_QUERIES 8
struct sketch_query {
	const int8_t *code; /* [4 · steps] */
	float scale, a, b, floor;
	int32_t shift; /* 128 Σ code */
};
struct sketch_block {
	const uint8_t *code; /* [steps][SKETCH_ROWS][4] */
	size_t steps;
	const float *scale, *error, *norm; /* [SKETCH_ROWS] */
};
/* masks[q] bit r: row r may reach the floor of query q. */
typedef void sketch_block_kernel(const struct sketch_block *block,
                                 const struct sketch_query *const queries[SKETCH_QUERIES],
                                 uint16_t masks[SKETCH_QUERIES]);
sketch_block_kernel sketch_block_ref;
/* Of one level, at the highest with or without the instruction for byte products; NULL where this CPU has not got
 * it. */
sketch_block_kernel *sketch_block_at(enum cpu_level level, bool vnni);
/* The fastest that this CPU has. */
sketch_block_kernel *sketch_block_best(void);

struct row_sketch {
	const uint8_t *code;        /* [sketch_blocks(count)][sketch_steps(dims)][SKETCH_ROWS][4], rows by falling length */
	/* [sketch_blocks(count)][SKETCH_ROWS] step of a row's codes; length of what rounding took */
	const float *scale, *error;
};
size_t sketch_steps(size_t dims);
size_t sketch_blocks(size_t count);
bool sketch_serves(size_t dims); /* wider rows are searched without */
void sketch_build(const float *rows, const int32_t *order, size_t count, size_t dims, uint8_t *code, float *scale,
                  float *error);

/* For each query the rows with the largest dot products, by its own list (already started). */
struct row_search {
	const float *rows; /* [count][dims] */
	size_t count, dims;
	/* The rows by falling length, and these lengths: the search ends where length × |query| is below the last place of
	 * the list, and finds what a whole scan finds (Teflioudi, Gemulla and Mykytiuk 2015). NULL: every row is looked
	 * at. */
	const int32_t *order;
	const float *norm;
	const struct row_sketch *sketch; /* of these rows in this order; NULL = none */
	const uint8_t *excluded; /* [count], nonzero = never offered; NULL = none */
	const float *const *queries;
	size_t n_queries;
	struct best_list *best; /* [n_queries] */
};
void row_search_run(const struct row_search *search);
void sketch_search(const struct row_search *search); /* the same with a sketch, which is there */
/* order[count], norm[count] of rows [count][dims]; equal lengths by rising row. */
int row_search_order(const float *rows, size_t count, size_t dims, int32_t *order, float *norm,
                     struct err *err) MUST_CHECK;

/* The links that are not held, as a pattern [rows][kinds]; a row keeps its order. Freed with csr_free. */
int playlist_links_shown(const struct playlist_links *links, size_t rows, size_t kinds, struct csr *out,
                         struct err *err) MUST_CHECK;

#define TAG_UNKNOWN UINT32_MAX
/* number[i] ← the number of asked tag i among the known ones, whose names differ; TAG_UNKNOWN = not among them. */
int playlists_match_tags(const struct path_list *known, const struct path_list *asked, uint32_t *number,
                         struct err *err) MUST_CHECK;

/* The recommender: its data, and the tags by their text. */
struct recommender {
	struct recommender_view view;
	uint32_t *slots; /* [n_slots] 0 = empty, else 1 + 2 · tag + (1 = by displayed spelling); linear probing */
	size_t n_slots;  /* a power of two */
	const int32_t *playlist_song; /* of a built one: the file has it for others, no answer reads it */
	struct recommender_blocks {
		void *block[28];
		size_t count;
	} own; /* what a built recommender holds itself */
};
/* A further block of zeros, freed with the others; NULL and *err when there is no memory. */
void *recommender_block(struct recommender_blocks *own, size_t count, size_t size, struct err *err);
void recommender_blocks_free(struct recommender_blocks *own);

/* The tag of some playlist whose spelling is nearest to that of an unknown one, of equals the one that more playlists
 * hold; n_tags when none is near. */
size_t recommender_spelt_like(const struct recommender *recommender, const char *tag);

/* ---- the steps of a recommendation, in their order ---- */

#define NO_INDEX SIZE_MAX

struct seed_tag {
	size_t tag, label; /* label: index into the request, NO_INDEX = asked for by name */
	double weight, probability;
};
struct tag_match {
	size_t tag, seed; /* seed: the one with the largest share of the weight */
	double weight, cosine, largest;
};
struct chosen_playlist {
	size_t playlist, match; /* match: index of the heaviest tag that led here, NO_INDEX = the listener's songs did */
	double weight;          /* the best one of each label weighs 1 */
};
struct candidate {
	uint32_t song;
	size_t named, playlist; /* playlist: index of the chosen one with the largest vote */
	double votes, largest, closeness;
};
struct recommend_work {
	const struct recommender *recommender;
	const struct recommend_request *request;
	struct path_list *notes;
	struct seed_tag *seeds;
	size_t n_seeds;
	struct tag_match *matches;
	size_t n_matches, match_capacity;
	struct chosen_playlist *chosen;
	size_t n_chosen;
	struct candidate *candidates;
	size_t n_candidates;
	uint8_t *excluded; /* [songs]: history and the listener's own; NULL without either */
	float *taste;      /* [f]: mean of the unit factors of the listener's songs */
	size_t n_known_songs;
};
int recommend_find_tags(struct recommend_work *work, struct err *err) MUST_CHECK;
int recommend_find_playlists(struct recommend_work *work, struct err *err) MUST_CHECK;
int recommend_find_songs(struct recommend_work *work, struct err *err) MUST_CHECK;
int recommend_note(struct recommend_work *work, struct err *err, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(3, 4);

/* A checkpoint of a training: the item factors and losses after `iterations` iterations of the problem `identity`. */
struct als_state {
	uint64_t identity;
	size_t iterations, items, factors;
	float *item;  /* [items][factors] */
	double *loss; /* [iterations] */
	size_t users;
	float *user; /* [users][factors], for a solver that starts at the last solution; NULL = not kept */
};
int als_checkpoint_save(const struct als_state *state, const char *path, struct err *err) MUST_CHECK;
/* Fills state->iterations, item, loss and user when `path` holds a checkpoint of the same identity and sizes with at
 * most max_iterations; leaves them alone when there is none or it is of another problem. */
int als_checkpoint_load(struct als_state *state, size_t max_iterations, const char *path, struct err *err) MUST_CHECK;

/* als_weights for rows of their own: means, ranges and counts are those of the matrix that was learnt from. */
int als_weights_among(const struct csr *learnt, const struct csr *matrix, const struct als_settings *model, float **out,
                      struct err *err) MUST_CHECK;

/* One half-step: rows solved against the fixed side. */
struct als_half {
	const struct csr *pattern; /* [rows][columns] */
	const float *weight;       /* [start[rows]]: confidence − 1 */
	const float *fixed;        /* [columns][factors], whitened: z = L⁻¹ y */
	size_t factors;
	size_t first, end; /* rows to solve */
	float *solved;    /* [rows][factors], out, whitened: x' = L' x; conjugate gradients start at what it holds */
	double *row_loss; /* [rows] or NULL: Σ over the row's pairs of c (1 − s)² − s² */
	const char *side; /* "user" or "item", for messages */
	size_t iteration;
	size_t cg_steps; /* of conjugate gradients; 0 = exact */
	int threads;
	bool shared; /* by the ranks of this machine, which have `solved` and `row_loss` in common */
	struct progress *progress; /* of the rows; NULL = none */
};
int als_solve_rows(const struct als_half *half, struct err *err) MUST_CHECK;

/* Is it the factor of a song that was trained or has a tag? Zeros are no factor. */
bool factor_given(const float *x, size_t n);

#endif
