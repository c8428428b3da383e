/* Popularity and item k-nearest neighbours: what ALS has to beat. */
#include "base/comm.h"
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double BM25_K = 1.2, BM25_B = 0.75;

int popularity_new(struct popularity **out, const struct csr *matrix, struct err *err)
{
	struct popularity *popularity = mem_alloc(1, sizeof *popularity, err);
	if (!popularity)
		return err->code;
	popularity->songs = matrix->columns;
	popularity->share = mem_alloc(matrix->columns, sizeof *popularity->share, err);
	if (!popularity->share) {
		popularity_free(popularity);
		return err->code;
	}
	float most = 1;
	for (int64_t e = 0; e < matrix->start[matrix->rows]; e++) {
		float count = popularity->share[matrix->index[e]] += 1;
		most = count > most ? count : most;
	}
	for (size_t i = 0; i < matrix->columns; i++)
		popularity->share[i] /= most;
	*out = popularity;
	return OK;
}

void popularity_free(struct popularity *popularity)
{
	if (!popularity)
		return;
	free(popularity->share);
	free(popularity);
}

/* ---- neighbours -------------------------------------------------------------------------------- */

/* One song's work: sums of products over the playlists it is in, and the best of them. */
struct knn_scratch {
	float *sum;          /* [songs], zero between songs */
	int32_t *touched;    /* [songs] */
	struct scored *best; /* [2k] */
};

struct knn_job {
	const struct csr *by_playlist, *by_song; /* values: the weight of a song in a playlist, the same in both */
	size_t k, first;      /* first: song of this rank */
	struct scored *found; /* [songs][k], by id */
	size_t *count;        /* [songs] */
	struct knn_scratch *scratch;
};

static size_t touch_neighbours(const struct knn_job *job, size_t song, const struct knn_scratch *s)
{
	const struct csr *songs = job->by_song, *playlists = job->by_playlist;
	size_t touched = 0;
	for (int64_t e = songs->start[song]; e < songs->start[song + 1]; e++) {
		int32_t playlist = songs->index[e];
		for (int64_t q = playlists->start[playlist]; q < playlists->start[playlist + 1]; q++) {
			int32_t other = playlists->index[q];
			/* Weights are positive, so a sum of zero has not been touched. */
			if (s->sum[other] <= 0)
				s->touched[touched++] = other;
			s->sum[other] += songs->value[e] * playlists->value[q];
		}
	}
	return touched;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = ((const struct scored *)a)->id, y = ((const struct scored *)b)->id;
	return (x > y) - (x < y);
}

static int find_neighbours(size_t own, int thread, void *context, struct err *err)
{
	struct knn_job *job = context;
	size_t song = job->first + own;
	const struct knn_scratch *s = &job->scratch[thread];
	struct best_list best;
	size_t touched = touch_neighbours(job, song, s);
	(void)err;
	best_start(&best, s->best, job->k);
	for (size_t t = 0; t < touched; t++) {
		size_t other = (size_t)s->touched[t];
		if (other != song)
			best_offer(&best, s->sum[other], (uint32_t)other);
		s->sum[other] = 0;
	}
	job->count[song] = best_finish(&best);
	struct scored *found = job->found + song * job->k;
	memcpy(found, s->best, job->count[song] * sizeof *found);
	qsort(found, job->count[song], sizeof *found, compare_ids);
	return OK;
}

/* Every rank finds those of its share of the songs and gets what the others found. */
static int find_all(struct knn_job *job, size_t songs, int threads, struct err *err)
{
	size_t *start = NULL;
	double *work = mem_alloc(songs, sizeof *work, err);
	for (size_t j = 0; work && j < songs; j++)
		for (int64_t e = job->by_song->start[j]; e < job->by_song->start[j + 1]; e++)
			work[j] += (double)(job->by_playlist->start[job->by_song->index[e] + 1] -
			                    job->by_playlist->start[job->by_song->index[e]]);
	int code = work ? comm_shares(songs, 64, work, &start, err) : err->code;
	free(work);
	if (code != OK)
		return code;
	job->first = start[comm_rank()];
	code = parallel_for(start[comm_rank() + 1] - job->first, 64, threads, find_neighbours, job, err);
	if (code == OK)
		code = comm_gather(job->count, start, sizeof *job->count, err);
	if (code == OK)
		code = comm_gather(job->found, start, job->k * sizeof *job->found, err);
	free(start);
	return code;
}

/* value ← the weight of song j in playlist u: each song's column by the formulas of the header. */
static int weigh_columns(struct csr *by_song, size_t playlists, enum knn_weighting weighting, struct err *err)
{
	size_t songs = by_song->rows;
	double *length = mem_alloc(playlists, sizeof *length, err); /* songs of a playlist */
	if (!length)
		return err->code;
	int64_t entries = by_song->start[songs];
	for (int64_t e = 0; e < entries; e++)
		length[by_song->index[e]] += 1;
	size_t present = 0;
	for (size_t j = 0; j < songs; j++)
		present += by_song->start[j + 1] > by_song->start[j];
	double mean = present ? (double)entries / (double)present : 1;
	for (size_t j = 0; j < songs; j++) {
		double n = (double)(by_song->start[j + 1] - by_song->start[j]);
		double share = (BM25_K + 1) / (1 + BM25_K * (1 - BM25_B + BM25_B * n / mean));
		for (int64_t e = by_song->start[j]; e < by_song->start[j + 1]; e++) {
			double u = length[by_song->index[e]], idf = log1p(((double)present - u + 0.5) / (u + 0.5));
			by_song->value[e] = (float)(weighting == KNN_COSINE ? 1 / sqrt(n) : idf * share);
		}
	}
	free(length);
	return OK;
}

/* Rows of `found` become the rows of a compressed matrix. */
static int pack_neighbours(const struct knn_job *job, size_t songs, struct csr *out, struct err *err)
{
	struct csr packed = {.rows = songs, .columns = songs};
	packed.start = mem_alloc(songs + 1, sizeof *packed.start, err);
	if (!packed.start)
		return err->code;
	for (size_t j = 0; j < songs; j++)
		packed.start[j + 1] = packed.start[j] + (int64_t)job->count[j];
	packed.index = mem_alloc((size_t)packed.start[songs], sizeof *packed.index, err);
	packed.value = mem_alloc((size_t)packed.start[songs], sizeof *packed.value, err);
	if (!packed.index || !packed.value) {
		csr_free(&packed);
		return err->code;
	}
	for (size_t j = 0; j < songs; j++) {
		for (size_t q = 0; q < job->count[j]; q++) {
			size_t at = (size_t)packed.start[j] + q;
			packed.index[at] = (int32_t)job->found[j * job->k + q].id;
			packed.value[at] = job->found[j * job->k + q].score;
		}
	}
	*out = packed;
	return OK;
}

static void job_free(struct knn_job *job, int threads)
{
	for (int t = 0; job->scratch && t < threads; t++) {
		free(job->scratch[t].sum);
		free(job->scratch[t].touched);
		free(job->scratch[t].best);
	}
	free(job->scratch);
	free(job->found);
	free(job->count);
}

static int job_init(struct knn_job *job, size_t songs, int threads, struct err *err)
{
	job->found = mem_alloc(songs, job->k * sizeof *job->found, err);
	job->count = mem_alloc(songs, sizeof *job->count, err);
	job->scratch = mem_alloc((size_t)threads, sizeof *job->scratch, err);
	bool whole = job->found && job->count && job->scratch;
	for (int t = 0; whole && t < threads; t++) {
		struct knn_scratch *s = &job->scratch[t];
		s->sum = mem_alloc(songs, sizeof *s->sum, err);
		s->touched = mem_alloc(songs, sizeof *s->touched, err);
		s->best = mem_alloc(2 * job->k, sizeof *s->best, err);
		whole = s->sum && s->touched && s->best;
	}
	return whole ? OK : err->code;
}

static int fill_neighbours(struct csr *out, const struct csr *matrix, enum knn_weighting weighting, size_t k,
                           int threads, struct err *err)
{
	struct csr by_song = {0}, by_playlist = {0};
	struct knn_job job = {&by_playlist, &by_song, k, 0, NULL, NULL, NULL};
	int code = csr_transpose(matrix, &by_song, err);
	if (code == OK)
		code = weigh_columns(&by_song, matrix->rows, weighting, err);
	if (code == OK)
		code = csr_transpose(&by_song, &by_playlist, err);
	if (code == OK)
		code = job_init(&job, by_song.rows, threads, err);
	if (code == OK)
		code = find_all(&job, by_song.rows, threads, err);
	if (code == OK)
		code = pack_neighbours(&job, by_song.rows, out, err);
	job_free(&job, threads);
	csr_free(&by_song);
	csr_free(&by_playlist);
	return code;
}

int item_knn_new(struct item_knn **out, const struct csr *matrix, enum knn_weighting weighting, size_t k, int threads,
                 struct err *err)
{
	if (k == 0)
		return err_set(err, ERR_SETTINGS, "item_knn: at least one neighbour");
	struct item_knn *knn = mem_alloc(1, sizeof *knn, err);
	if (!knn)
		return err->code;
	knn->songs = matrix->columns;
	knn->k = k < matrix->columns ? k : matrix->columns > 0 ? matrix->columns : 1;
	int code = fill_neighbours(&knn->neighbours, matrix, weighting, knn->k, threads < 1 ? 1 : threads, err);
	if (code != OK) {
		item_knn_free(knn);
		return code;
	}
	*out = knn;
	return OK;
}

void item_knn_free(struct item_knn *knn)
{
	if (!knn)
		return;
	csr_free(&knn->neighbours);
	free(knn);
}
