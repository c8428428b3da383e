/* The shipped ranker beside its comparators, on the same held-out playlists. */
#include "recsys/recsys_internal.h"

struct contestants {
	struct csr matrix;
	struct popularity *popularity;
	struct item_knn *cosine, *bm25;
	struct als_model bm25_model; /* no factors: the model that ships has BM25 confidence itself */
	struct als_ranker *als, *als_bm25;
	struct neighbours *both, *tags;
};

static int neighbours_init(struct contestants *all, const struct playlists *playlists,
                           const struct recommend_settings *recommend, struct err *err)
{
	struct neighbours_options both = {.song_weight = 1,
	                                  .tag_weight = recommend->tag_weight,
	                                  .sharpness = recommend->sharpness,
	                                  .damping = recommend->damping},
	                          tags = both;
	tags.song_weight = 0;
	tags.tag_weight = 1;
	int code = neighbours_new(&all->both, playlists, &both, all->popularity, err);
	return code == OK ? neighbours_new(&all->tags, playlists, &tags, all->popularity, err) : code;
}

static int bm25_init(struct contestants *all, const struct playlists *playlists,
                     const struct recsys_evaluation_options *options, struct err *err)
{
	struct als_options als = {
	    .model = options->als, .seed = options->ranking.seed, .threads = options->ranking.threads};
	if (als.model.confidence == CONFIDENCE_BM25)
		return OK;
	als.model.confidence = CONFIDENCE_BM25;
	log_info("evaluate", "training ALS with BM25 confidence beside the one that ships");
	int code = als_train(&all->matrix, &als, &all->bm25_model, err);
	return code == OK ? als_ranker_new(&all->als_bm25, playlists, &all->bm25_model, all->popularity, err) : code;
}

static int contestants_init(struct contestants *all, const struct playlists *playlists, const struct als_model *model,
                            const struct recsys_evaluation_options *options, struct err *err)
{
	size_t k = options->item_neighbours;
	int threads = options->ranking.threads, code = playlists_matrix(playlists, &all->matrix, err);
	if (code == OK)
		code = popularity_new(&all->popularity, &all->matrix, err);
	if (code == OK)
		code = item_knn_new(&all->cosine, &all->matrix, KNN_COSINE, k, threads, err);
	if (code == OK)
		code = item_knn_new(&all->bm25, &all->matrix, KNN_BM25, k, threads, err);
	if (code == OK)
		code = als_ranker_new(&all->als, playlists, model, all->popularity, err);
	if (code == OK)
		code = bm25_init(all, playlists, options, err);
	return code == OK ? neighbours_init(all, playlists, &options->recommend, err) : code;
}

static void contestants_free(struct contestants *all)
{
	neighbours_free(all->tags);
	neighbours_free(all->both);
	als_ranker_free(all->als_bm25);
	als_model_free(&all->bm25_model);
	als_ranker_free(all->als);
	item_knn_free(all->bm25);
	item_knn_free(all->cosine);
	popularity_free(all->popularity);
	csr_free(&all->matrix);
}

static int judge(const struct playlists *playlists, const struct ranker *ranker, const struct ranking_options *options,
                 struct ranking_result *out, struct err *err)
{
	double started = clock_seconds();
	int code = ranking_evaluate(playlists, ranker, options, out, err);
	if (code == OK)
		log_info("evaluate", "%s of %s: nDCG %.4f over %zu held-out playlists, %.1f s",
		         ranker->target == RANK_TAGS ? "tags" : "songs", ranker->name, out->overall.ndcg,
		         out->overall.playlists, clock_seconds() - started);
	return code;
}

static bool hides_tags(const struct playlists *playlists)
{
	for (int64_t e = 0; e < playlists->tags.start[playlists->n_playlists]; e++)
		if (playlists->tags.held[e])
			return true;
	return false;
}

static int judge_all(const struct contestants *all, const struct playlists *playlists,
                     const struct recsys_evaluation_options *options, struct recsys_evaluation *result, struct err *err)
{
	const struct blend_ranker blend = {all->both, all->als, options->recommend.als_weight};
	const struct knn_ranker cosine = {"item_knn", all->cosine, all->popularity},
	                        bm25 = {"item_knn_bm25", all->bm25, all->popularity};
	struct ranker rankers[RECSYS_RANKERS] = {blend_ranker_of(&blend),
	                                               neighbours_ranker(all->both, "neighbours", RANK_SONGS),
	                                               als_ranker_of(all->als),
	                                               popularity_ranker(all->popularity),
	                                               item_knn_ranker(&cosine),
	                                               item_knn_ranker(&bm25),
	                                               neighbours_ranker(all->tags, "tags", RANK_SONGS)};
	const struct ranker tags = neighbours_ranker(all->both, "neighbours", RANK_TAGS);
	int code = OK;
	result->n_rankers = RECSYS_RANKERS - 1;
	if (all->als_bm25) {
		rankers[result->n_rankers] = als_ranker_of(all->als_bm25);
		rankers[result->n_rankers++].name = "als_bm25";
	}
	for (size_t r = 0; r < result->n_rankers && code == OK; r++) {
		code = judge(playlists, &rankers[r], &options->ranking, &result->rankers[r], err);
		if (code == OK && result->rankers[r].overall.ndcg > result->rankers[result->best].overall.ndcg)
			result->best = r;
	}
	if (code == OK && hides_tags(playlists))
		code = judge(playlists, &tags, &options->ranking, &result->tags, err);
	result->arena = 0.85 * result->rankers[0].overall.ndcg + 0.15 * result->tags.overall.ndcg;
	return code;
}

int recsys_evaluate(const struct playlists *playlists, const struct als_model *model,
                    const struct recsys_evaluation_options *options, struct recsys_evaluation *out, struct err *err)
{
	struct contestants all = {0};
	struct recsys_evaluation result = {0};
	int code = contestants_init(&all, playlists, model, options, err);
	if (code == OK)
		code = judge_all(&all, playlists, options, &result, err);
	contestants_free(&all);
	if (code == OK)
		*out = result;
	return code;
}
