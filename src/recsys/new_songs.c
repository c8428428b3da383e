/*
 * Songs that no training has seen get a factor by the tags that they stand under: a linear map from tags to factors,
 * learnt from the songs that were trained (Gantner, Drumond, Freudenthaler, Rendle and Schmidt-Thieme 2010). The
 * formula stands in recsys.h.
 */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 4096
#define RIDGE 1.0 /* λ: one song's worth beside all that were trained */

/* ---- which tags a song stands under ------------------------------------------------------------------- */

/* Counts, and where `index` is there writes, the songs of the playlists that hold a tag, each once. */
static int64_t songs_under(const struct csr *holders, const struct playlist_links *songs, size_t tag, uint32_t *last,
                           int32_t *index)
{
	int64_t count = 0;
	for (int64_t h = holders->start[tag]; h < holders->start[tag + 1]; h++) {
		int32_t playlist = holders->index[h];
		for (int64_t e = songs->start[playlist]; e < songs->start[playlist + 1]; e++) {
			int32_t song = songs->index[e];
			if (songs->held[e] || last[song] == tag + 1)
				continue;
			last[song] = (uint32_t)tag + 1;
			if (index)
				index[count] = song;
			count++;
		}
	}
	return count;
}

/* by_tag [t][s], songs in no order. */
static int fill_by_tag(const struct csr *holders, const struct playlists *playlists, struct csr *by_tag,
                       struct err *err)
{
	size_t tags = playlists->n_tags, songs = playlists->n_songs;
	uint32_t *last = mem_alloc(songs, sizeof *last, err);
	*by_tag = (struct csr){.rows = tags, .columns = songs, .start = mem_alloc(tags + 1, sizeof *by_tag->start, err)};
	int code = last && by_tag->start ? OK : err->code;
	for (size_t t = 0; t < tags && code == OK; t++)
		by_tag->start[t + 1] = by_tag->start[t] + songs_under(holders, &playlists->songs, t, last, NULL);
	if (code == OK && !(by_tag->index = mem_alloc((size_t)by_tag->start[tags], sizeof *by_tag->index, err)))
		code = err->code;
	if (code == OK)
		memset(last, 0, songs * sizeof *last);
	for (size_t t = 0; t < tags && code == OK; t++)
		songs_under(holders, &playlists->songs, t, last, by_tag->index + by_tag->start[t]);
	free(last);
	return code;
}

int playlists_song_tags(const struct playlists *playlists, struct csr *out, struct err *err)
{
	struct csr tags = {0}, holders = {0}, by_tag = {0};
	int code = playlist_links_shown(&playlists->tags, playlists->n_playlists, playlists->n_tags, &tags, err);
	if (code == OK)
		code = csr_transpose(&tags, &holders, err);
	if (code == OK)
		code = fill_by_tag(&holders, playlists, &by_tag, err);
	if (code == OK)
		code = csr_transpose(&by_tag, out, err);
	csr_free(&tags);
	csr_free(&holders);
	csr_free(&by_tag);
	return code;
}

/* ---- from tags to factors ------------------------------------------------------------------------------ */

struct song_fold {
	const struct als_model *model;
	const struct csr *known;
	float *unit;   /* [items][f]; zeros where a song was not trained */
	double *sum;   /* [t][f]: Σ of the unit factors of the songs under a tag */
	double *count; /* [t]: how many these are */
	double *idf;   /* [t] */
	double *map;   /* [f][f]: W, row k = the weights of φ_k */
	double length; /* ℓ */
};

static bool scale_to_unit(size_t n, const double *x, float *out)
{
	double square = 0;
	for (size_t k = 0; k < n; k++)
		square += x[k] * x[k];
	for (size_t k = 0; k < n; k++)
		out[k] = square > 0 ? (float)(x[k] / sqrt(square)) : 0;
	return square > 0;
}

/* out ← φ of a song under tags[0 … count); `own` = its unit factor when it is one of those that the means are of, else
 * NULL. False where the tags say nothing. sum[f]: room. */
static bool describe(const struct song_fold *fold, const int32_t *tags, size_t count, const float *own, double *sum,
                     float *out)
{
	size_t f = fold->model->factors;
	memset(sum, 0, f * sizeof *sum);
	for (size_t i = 0; i < count; i++) {
		size_t tag = (size_t)tags[i];
		double others = fold->count[tag] - (own != NULL);
		if (!(others > 0))
			continue;
		const double *all = fold->sum + tag * f;
		double weight = fold->idf[tag] / others;
		for (size_t k = 0; k < f; k++)
			sum[k] += weight * (all[k] - (own ? (double)own[k] : 0));
	}
	return scale_to_unit(f, sum, out);
}

bool factor_given(const float *x, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (x[k] < 0 || x[k] > 0)
			return true;
	return false;
}

/* Unit factors and ℓ, their mean length; then the sums under each tag. */
static void learn_tags(struct song_fold *fold)
{
	const struct als_model *model = fold->model;
	size_t f = model->factors, songs = 0, tagged = 0;
	for (size_t i = 0; i < model->items; i++) {
		const float *y = model->item + i * f;
		float *u = fold->unit + i * f;
		double square = 0;
		for (size_t k = 0; k < f; k++)
			square += (double)y[k] * y[k];
		if (!(square > 0))
			continue;
		songs++;
		fold->length += sqrt(square);
		for (size_t k = 0; k < f; k++)
			u[k] = (float)(y[k] / sqrt(square));
		tagged += fold->known->start[i + 1] > fold->known->start[i];
		for (int64_t e = fold->known->start[i]; e < fold->known->start[i + 1]; e++) {
			size_t tag = (size_t)fold->known->index[e];
			fold->count[tag]++;
			for (size_t k = 0; k < f; k++)
				fold->sum[tag * f + k] += (double)u[k];
		}
	}
	fold->length /= songs > 0 ? (double)songs : 1;
	for (size_t t = 0; t < fold->known->columns; t++)
		fold->idf[t] = log1p(((double)tagged - fold->count[t] + 0.5) / (fold->count[t] + 0.5));
}

/* gram [f][f] += Φ'Φ, cross [f][f] += Φ'U over the songs `first` … of one chunk. */
struct map_room {
	float *phi, *unit;          /* [CHUNK_ROWS][f] */
	float *product;             /* [f][f] */
	double *gram, *cross, *sum; /* [f][f], [f][f], [f] */
};

static void add_product(size_t f, size_t rows, const float *phi, const float *other, float *product, double *to)
{
	gemm_run(&(struct gemm){.m = f,
	                        .n = f,
	                        .k = rows,
	                        .transpose_a = true,
	                        .alpha = 1,
	                        .a = phi,
	                        .b = other,
	                        .c = product,
	                        .lda = f,
	                        .ldb = f,
	                        .ldc = f});
	for (size_t i = 0; i < f * f; i++)
		to[i] += (double)product[i];
}

static void add_chunk(const struct song_fold *fold, size_t first, size_t end, struct map_room *room)
{
	size_t f = fold->model->factors, rows = 0;
	for (size_t i = first; i < end; i++) {
		const int32_t *tags = fold->known->index + fold->known->start[i];
		size_t count = (size_t)(fold->known->start[i + 1] - fold->known->start[i]);
		const float *own = fold->unit + i * f;
		if (!factor_given(own, f) || !describe(fold, tags, count, own, room->sum, room->phi + rows * f))
			continue;
		memcpy(room->unit + rows++ * f, own, f * sizeof *own);
	}
	if (rows == 0)
		return;
	add_product(f, rows, room->phi, room->phi, room->product, room->gram);
	add_product(f, rows, room->phi, room->unit, room->product, room->cross);
}

static void room_free(struct map_room *room)
{
	free(room->phi);
	free(room->unit);
	free(room->product);
	free(room->gram);
	free(room->cross);
	free(room->sum);
}

static int room_init(struct map_room *room, size_t f, struct err *err)
{
	room->phi = mem_alloc(CHUNK_ROWS, f * sizeof *room->phi, err);
	room->unit = mem_alloc(CHUNK_ROWS, f * sizeof *room->unit, err);
	room->product = mem_alloc(f, f * sizeof *room->product, err);
	room->gram = mem_alloc(f, f * sizeof *room->gram, err);
	room->cross = mem_alloc(f, f * sizeof *room->cross, err);
	room->sum = mem_alloc(f, sizeof *room->sum, err);
	return room->phi && room->unit && room->product && room->gram && room->cross && room->sum ? OK : err->code;
}

/* W = (Φ'Φ + λI)⁻¹ Φ'U, a column at a time. */
static int learn_map(struct song_fold *fold, struct err *err)
{
	size_t f = fold->model->factors, items = fold->model->items;
	struct map_room room = {0};
	int code = room_init(&room, f, err);
	for (size_t first = 0; code == OK && first < items; first += CHUNK_ROWS)
		add_chunk(fold, first, items - first < CHUNK_ROWS ? items : first + CHUNK_ROWS, &room);
	for (size_t k = 0; code == OK && k < f; k++)
		room.gram[k * f + k] += RIDGE;
	if (code == OK)
		code = cholesky_factor(f, room.gram, err);
	for (size_t column = 0; code == OK && column < f; column++) {
		for (size_t k = 0; k < f; k++)
			room.sum[k] = room.cross[k * f + column];
		cholesky_solve(f, room.gram, room.sum);
		for (size_t k = 0; k < f; k++)
			fold->map[k * f + column] = room.sum[k];
	}
	room_free(&room);
	return code;
}

/* out[rows][f] ← ℓ W'φ / |W'φ|. */
static int apply_map(const struct song_fold *fold, const struct csr *fresh, float *out, struct err *err)
{
	size_t f = fold->model->factors;
	double *sum = mem_alloc(f, sizeof *sum, err);
	float *phi = mem_alloc(f, sizeof *phi, err);
	bool room = sum && phi;
	for (size_t i = 0; room && i < fresh->rows; i++) {
		const int32_t *tags = fresh->index + fresh->start[i];
		float *y = out + i * f;
		if (!describe(fold, tags, (size_t)(fresh->start[i + 1] - fresh->start[i]), NULL, sum, phi))
			continue;
		memset(sum, 0, f * sizeof *sum);
		for (size_t k = 0; k < f; k++)
			for (size_t column = 0; column < f; column++)
				sum[column] += (double)phi[k] * fold->map[k * f + column];
		scale_to_unit(f, sum, y);
		for (size_t k = 0; k < f; k++)
			y[k] *= (float)fold->length;
	}
	free(sum);
	free(phi);
	return room ? OK : err->code;
}

static int fold_init(struct song_fold *fold, struct err *err)
{
	size_t f = fold->model->factors, tags = fold->known->columns;
	fold->unit = mem_alloc(fold->model->items, f * sizeof *fold->unit, err);
	fold->sum = mem_alloc(tags, f * sizeof *fold->sum, err);
	fold->count = mem_alloc(tags, sizeof *fold->count, err);
	fold->idf = mem_alloc(tags, sizeof *fold->idf, err);
	fold->map = mem_alloc(f, f * sizeof *fold->map, err);
	return fold->unit && fold->sum && fold->count && fold->idf && fold->map ? OK : err->code;
}

int als_fold_songs(const struct als_model *model, const struct csr *known, const struct csr *fresh, float **out,
                   struct err *err)
{
	struct song_fold fold = {.model = model, .known = known};
	if (known->rows != model->items || known->columns != fresh->columns)
		return err_set(err, ERR_DATA,
		               "new songs: %zu songs under %zu tags beside a model of %zu songs, and others under %zu tags",
		               known->rows, known->columns, model->items, fresh->columns);
	float *factors = mem_alloc(fresh->rows, model->factors * sizeof *factors, err);
	int code = factors ? fold_init(&fold, err) : err->code;
	blas_threads(1);
	if (code == OK) {
		learn_tags(&fold);
		code = learn_map(&fold, err);
	}
	if (code == OK)
		code = apply_map(&fold, fresh, factors, err);
	free(fold.unit);
	free(fold.sum);
	free(fold.count);
	free(fold.idf);
	free(fold.map);
	if (code != OK) {
		free(factors);
		return code;
	}
	*out = factors;
	return OK;
}
