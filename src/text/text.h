/*
 * text: tags as words, and vectors for them.
 *
 * Normalisation of a tag, the vocabulary of a corpus of playlists, Word2Vec, nearest tags by cosine, word2vec's two
 * file formats, an evaluation on hidden tags. Depends on: base, io (files), num (products), utf8proc. Knows nothing of
 * songs or faces.
 *
 * Vectors are row-major float32 [count][size]; row 0 is the most frequent tag. Everything but tag_similarity.c is free
 * of HDF5, so that the runtime can link it.
 */
#ifndef MOODCAST_TEXT_H
#define MOODCAST_TEXT_H

#include "base/base.h"
#include "num/num.h"

/* ---- normalisation ------------------------------------------------------------------- */

/* The form in which two spellings of one tag are equal: full-width ASCII folded to ASCII, case folded, NFC,
 * zero-width and control characters dropped, white space trimmed and each run of it one space. Not NFKC, which
 * would turn the letters of 'ㅠㅠ' into others. *out is replaced (its text is never NULL on success) and may be
 * empty: then the tag says nothing. Idempotent. ERR_DATA, naming the byte, for what is not UTF-8. */
int tag_normalise(const char *raw, struct strbuf *out, struct err *err) MUST_CHECK;

/* ---- corpus and vocabulary ------------------------------------------------------------ */

/* Borrowed rows of tags: one row is one playlist's tags in their order. */
struct tag_corpus {
	size_t rows, kinds;
	const int64_t *start; /* [rows + 1] */
	const int32_t *index; /* [start[rows]], each in [0, kinds) */
	const uint8_t *held;  /* the same count, 1 = hidden: never counted, never trained on; NULL = none */
};
/* ERR_DATA naming the row when the starts do not rise or an index is out of range. */
int tag_corpus_check(const struct tag_corpus *corpus, struct err *err) MUST_CHECK;

/* Tags that occur at least min_count times, by falling count, ties to the smaller tag. */
struct vocabulary {
	size_t count, kinds;
	uint32_t *tag;        /* [count] vocabulary row → tag */
	int32_t *row;         /* [kinds] tag → vocabulary row, −1 when left out */
	int64_t *occurrences; /* [count] */
	int64_t total;        /* their sum */
};
int vocabulary_build(struct vocabulary *out, const struct tag_corpus *corpus, size_t min_count,
                     struct err *err) MUST_CHECK;
void vocabulary_free(struct vocabulary *vocabulary);

/* ---- Word2Vec: skip-gram and CBOW ---------------------------------------------------------------- */

/* Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality" (2013), with
 * gensim's reading of it: the window shrinks by a uniform number of [0, window) at each centre; frequent words are
 * dropped with `sample`; negatives follow count^ns_exponent; the rate falls linearly, by words, from alpha to
 * min_alpha. Hierarchical softmax and the mean of CBOW as in "Efficient Estimation of Word Representations in Vector
 * Space" (2013). */
struct skipgram_options {
	size_t size, negative, epochs;
	size_t window; /* 0 = the whole row, as tags have no order */
	bool cbow;             /* the mean of the window predicts its centre; else every word of it does */
	bool hierarchical;     /* softmax over a Huffman tree instead of negatives */
	bool shared_negatives; /* drawn once for two pairs of a centre */
	bool deterministic;    /* one thread, the same bytes on every machine; else `threads` without locks */
	int threads;
	double alpha, min_alpha;
	double sample; /* 0 = keep every word */
	double ns_exponent;
	uint64_t seed;
};
struct vectors {
	size_t count, size;
	float *data; /* [count][size] */
};
struct skipgram_report {
	int64_t words; /* trained on over all epochs, after sub-sampling */
	int64_t pairs; /* (input, output) pairs with their negatives */
	double seconds, loss; /* loss: mean −log σ per prediction in the last epoch */
};
/* Deterministic: the same corpus and options give the same bytes on every machine, for the same number of ranks.
 * *report may be NULL. ERR_SETTINGS: options outside their range; ERR_DATA: no row has two words; ERR_NUMERIC: a vector
 * that is not finite. */
int skipgram_train(const struct tag_corpus *corpus, const struct vocabulary *vocabulary,
                   const struct skipgram_options *options, struct vectors *out, struct skipgram_report *report,
                   struct err *err) MUST_CHECK;
void vectors_free(struct vectors *vectors);
/* A copy whose rows have length 1 (a zero row stays zero). */
/* x[count], y[count]: the first `count` unit vectors along their two principal components. */
int vectors_map(const struct vectors *unit, size_t count, double *x, double *y, struct err *err) MUST_CHECK;
int vectors_unit(const struct vectors *vectors, struct vectors *out, struct err *err) MUST_CHECK;

/* Draws i with probability weight[i] / Σ weight from one 64-bit number: Walker's alias method as Vose builds it (1991).
 */
struct alias_table {
	size_t count;
	uint32_t *threshold, *other; /* [count] */
};
/* Weights must be finite, not negative, and not all zero: else ERR_NUMERIC. */
int alias_build(struct alias_table *out, const double *weight, size_t count, struct err *err) MUST_CHECK;
uint32_t alias_draw(const struct alias_table *table, uint64_t random);
void alias_free(struct alias_table *table);

/* ---- nearest tags ---------------------------------------------------------------------------- */

/* For each row of `unit` (rows of length 1) its `k` nearest others by cosine, best first, ties to the smaller row:
 * out [count][k], id = row. k must be below count. Same bytes for any `threads` and ranks. */
int vectors_neighbours(const struct vectors *unit, size_t k, int threads, struct scored *out,
                       struct err *err) MUST_CHECK;
/* The k rows nearest to one vector [size], rows of `skip` left out; returns how many. k < count. */
size_t vectors_nearest(const struct vectors *unit, const float *query, const uint32_t *skip, size_t n_skip, size_t k,
                       struct scored *out);

/* ---- word2vec files ------------------------------------------------------------------------------ */

/* Keys for tags: white space becomes '_'; a key already taken gets further '_' behind it, so that no two tags share
 * one. ERR_DATA for a tag that is empty or holds a line break. */
int word2vec_keys(char *const *tags, size_t count, struct path_list *out, struct err *err) MUST_CHECK;
/* keys[i] names row i. Text: "%.9g" numbers, so that reading gives the same floats. */
int word2vec_save_text(const char *path, const struct vectors *vectors, char *const *keys, struct err *err) MUST_CHECK;
int word2vec_save_binary(const char *path, const struct vectors *vectors, char *const *keys,
                         struct err *err) MUST_CHECK;
/* ERR_DATA names file and row for a cut, malformed or repeated one. Freed by vectors_free and path_list_free. */
int word2vec_load_text(const char *path, struct vectors *out, struct path_list *keys, struct err *err) MUST_CHECK;
int word2vec_load_binary(const char *path, struct vectors *out, struct path_list *keys, struct err *err) MUST_CHECK;

/* Lines "key<TAB>tag" with a header line; loading checks that line i names key i of `keys`. */
int tag_keys_save(const char *path, char *const *keys, char *const *tags, size_t count, struct err *err) MUST_CHECK;
int tag_keys_load(const char *path, const struct path_list *keys, struct path_list *tags, struct err *err) MUST_CHECK;

/* "tag<TAB>neighbour<TAB>cosine" a line, with a header line; neighbours [count][k] as vectors_neighbours gives them. */
int tag_neighbours_save(const char *path, char *const *tags, const struct scored *neighbours, size_t count, size_t k,
                        struct err *err) MUST_CHECK;
/* HDF5 (tag_similarity.c): `similarity` f32 [n][n] cosines of the first n rows and `names`. */
int tag_similarity_save(const char *path, const struct vectors *unit, char *const *tags, size_t n,
                        struct err *err) MUST_CHECK;

/* ---- evaluation on hidden tags --------------------------------------------------------------------- */

/* Every row with a shown and a hidden tag is a question: all tags but the shown ones are ranked by cosine with the
 * sum of the shown ones' unit vectors, and beside it by count alone. A hidden tag outside the vocabulary
 * can never be found. */
struct tags_evaluation {
	size_t playlists, hidden;  /* questions asked; hidden tags in them */
	double mrr, hit10;         /* mean 1 / rank of the best hidden tag; share with one among the first ten */
	double popularity_mrr, popularity_hit10;
	/* Per question, in row order, for intervals; freed by tags_evaluation_free. */
	double *reciprocal, *popularity_reciprocal;
};
/* No question at all is not an error: playlists is 0. Same result for any `threads`. */
int tags_evaluate(const struct tag_corpus *corpus, const struct vocabulary *vocabulary, const struct vectors *unit,
                  int threads, struct tags_evaluation *out, struct err *err) MUST_CHECK;
void tags_evaluation_free(struct tags_evaluation *evaluation);

#endif
