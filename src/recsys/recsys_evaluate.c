/* ALS beside its comparators, on the same held-out playlists. */
#include "recsys/recsys.h"

#define NEIGHBOURS 50 /* of a song, in both item-kNN comparators */

struct contestants {
	struct csr matrix;
	struct popularity *popularity;
	struct item_knn *cosine, *bm25;
	struct als_ranker *als;
};

static int contestants_init(struct contestants *all, const struct playlists *playlists, const struct als_model *model,
                            int threads, struct err *err)
{
	int code = playlists_matrix(playlists, &all->matrix, err);
	if (code == OK)
		code = popularity_new(&all->popularity, &all->matrix, err);
	if (code == OK)
		code = item_knn_new(&all->cosine, &all->matrix, KNN_COSINE, NEIGHBOURS, threads, err);
	if (code == OK)
		code = item_knn_new(&all->bm25, &all->matrix, KNN_BM25, NEIGHBOURS, threads, err);
	if (code == OK)
		code = als_ranker_new(&all->als, playlists, model, all->popularity, err);
	return code;
}

static void contestants_free(struct contestants *all)
{
	als_ranker_free(all->als);
	item_knn_free(all->bm25);
	item_knn_free(all->cosine);
	popularity_free(all->popularity);
	csr_free(&all->matrix);
}

int recsys_evaluate(const struct playlists *playlists, const struct als_model *model,
                    const struct ranking_options *options, struct recsys_evaluation *out, struct err *err)
{
	struct contestants all = {0};
	struct recsys_evaluation result = {0};
	int code = contestants_init(&all, playlists, model, options->threads, err);
	if (code == OK) {
		const struct knn_ranker cosine = {"item_knn", all.cosine, all.popularity},
		                        bm25 = {"item_knn_bm25", all.bm25, all.popularity};
		const struct ranker rankers[RECSYS_RANKERS] = {als_ranker_of(all.als), popularity_ranker(all.popularity),
		                                               item_knn_ranker(&cosine), item_knn_ranker(&bm25)};
		for (size_t r = 0; r < RECSYS_RANKERS && code == OK; r++) {
			double started = clock_seconds();
			code = ranking_evaluate(playlists, &rankers[r], options, &result.rankers[r], err);
			if (code == OK)
				log_info("evaluate", "%s: nDCG@100 %.4f over %zu held-out playlists, %.1f s", rankers[r].name,
				         result.rankers[r].overall.ndcg, result.rankers[r].overall.playlists,
				         clock_seconds() - started);
			if (result.rankers[r].overall.ndcg > result.rankers[result.best].overall.ndcg)
				result.best = r;
		}
	}
	contestants_free(&all);
	if (code == OK)
		*out = result;
	return code;
}
