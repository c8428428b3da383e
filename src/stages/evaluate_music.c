#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

static void set_limits(struct json *object, const char *key, double low, double high)
{
	struct json *limits = json_set_array(object, key);

	json_append_number(limits, low);
	json_append_number(limits, high);
}

/* ---- tags -------------------------------------------------------------------------------------- */

static int mean_interval(const struct evaluation *evaluation, const double *values, size_t count, const char *key,
                         struct json *object, struct err *err)
{
	const struct settings *settings = evaluation->run->settings;
	double *ones = mem_alloc(count, sizeof(*ones), err), low, high;
	struct rng rng;

	if (!ones)
		return err->code;
	for (size_t i = 0; i < count; i++)
		ones[i] = 1;
	rng_seed(&rng, (uint64_t)settings->run.seed, "evaluate.tags", 0);
	const struct bootstrap interval = {values, ones, count, (size_t)settings->evaluate.bootstrap};
	int code = bootstrap_interval(&interval, &rng, &low, &high, err);
	if (code == OK)
		set_limits(object, key, low, high);
	free(ones);
	return code;
}

static int record_tags(const struct evaluation *evaluation, const struct tags_evaluation *result, struct err *err)
{
	struct json *test = json_set_object(evaluate_stage(evaluation->run, "tags"), "test");

	json_set_integer(test, "playlists", (int64_t)result->playlists);
	json_set_integer(test, "hidden_tags", (int64_t)result->hidden);
	if (!result->playlists)
		return OK;
	json_set_number(test, "mrr", result->mrr);
	json_set_number(test, "hit10", result->hit10);
	json_set_number(test, "popularity_mrr", result->popularity_mrr);
	json_set_number(test, "popularity_hit10", result->popularity_hit10);
	if (mean_interval(evaluation, result->reciprocal, result->playlists, "mrr_95", test, err) != OK)
		return err->code;
	return mean_interval(evaluation, result->popularity_reciprocal, result->playlists, "popularity_mrr_95", test, err);
}

/* The neighbours of one tag, as displayed. */
static void nearest_to(const struct evaluation *evaluation, const struct vectors *unit, const char *name,
                       struct json *list)
{
	const struct music *music = &evaluation->music;
	char *const *names = music->playlists->tag_name.items, *const *display = music->playlists->tag_display.items;
	size_t wanted = (size_t)evaluation->run->settings->tags.neighbours, count;
	struct scored found[20];
	struct json *entry, *near;

	if (wanted > ARRAY_COUNT(found))
		wanted = ARRAY_COUNT(found);
	for (uint32_t row = 0; row < unit->count; row++) {
		if (strcmp(names[music->tag[row]], name) != 0)
			continue;
		if (wanted >= unit->count)
			wanted = unit->count - 1;
		count = vectors_nearest(unit, unit->data + row * unit->size, &row, 1, wanted, found);
		entry = json_append_object(list);
		json_set_text(entry, "tag", display[music->tag[row]]);
		json_set_integer(entry, "playlists", music->playlists->tag_count[music->tag[row]]);
		near = json_set_array(entry, "nearest");
		for (size_t i = 0; i < count; i++) {
			struct json *one = json_append_object(near);
			json_set_text(one, "tag", display[music->tag[found[i].id]]);
			json_set_number(one, "cosine", (double)found[i].score);
		}
		return;
	}
}

static int record_nearest(const struct evaluation *evaluation, const struct vectors *unit, struct err *err)
{
	const struct text_list *tags = &evaluation->run->settings->evaluate.show_tags;
	struct json *list = json_set_array(evaluate_stage(evaluation->run, "tags"), "nearest");
	struct strbuf name = {0};
	int code = OK;

	for (size_t i = 0; code == OK && i < tags->count; i++) {
		code = tag_normalise(tags->items[i], &name, err);
		if (code == OK)
			nearest_to(evaluation, unit, name.text, list);
	}
	strbuf_free(&name);
	return code;
}

/* Where the most frequent tags stand to one another, for the report. */
static int record_map(const struct evaluation *evaluation, const struct vectors *unit, struct err *err)
{
	enum { MAPPED = 60 };
	const struct music *music = &evaluation->music;
	struct json *list = json_set_array(evaluate_stage(evaluation->run, "tags"), "map");
	double x[MAPPED], y[MAPPED];
	size_t count = unit->count < MAPPED ? unit->count : MAPPED;
	int code = vectors_map(unit, count, x, y, err);

	for (size_t i = 0; code == OK && i < count; i++) {
		struct json *one = json_append_object(list);
		json_set_text(one, "tag", music->playlists->tag_display.items[music->tag[i]]);
		json_set_number(one, "x", x[i]);
		json_set_number(one, "y", y[i]);
	}
	return code;
}

int evaluate_tags(struct evaluation *evaluation, struct err *err)
{
	const struct music *music = &evaluation->music;
	const struct playlists *lists = music->playlists;
	struct vocabulary vocabulary = {0};
	struct vectors unit = {0};
	struct tags_evaluation result = {0};
	struct tag_corpus corpus;
	int code;

	if (!lists || !music->vectors.count)
		return OK;
	corpus =
	    (struct tag_corpus){lists->n_playlists, lists->n_tags, lists->tags.start, lists->tags.index, lists->tags.held};
	code = vocabulary_build(&vocabulary, &corpus, (size_t)evaluation->run->settings->tags.min_count, err);
	if (code == OK && (vocabulary.count != music->vectors.count ||
	                   memcmp(vocabulary.tag, music->tag, vocabulary.count * sizeof(*vocabulary.tag)) != 0))
		code =
		    err_set(err, ERR_DATA, "tags.bin and playlists.h5 do not belong together, or tags.min_count was changed");
	if (code == OK)
		code = vectors_unit(&music->vectors, &unit, err);
	if (code == OK)
		code = tags_evaluate(&corpus, &vocabulary, &unit, evaluation->run->threads, &result, err);
	if (code == OK)
		code = record_tags(evaluation, &result, err);
	if (code == OK)
		code = record_nearest(evaluation, &unit, err);
	if (code == OK)
		code = record_map(evaluation, &unit, err);
	tags_evaluation_free(&result);
	vectors_free(&unit);
	vocabulary_free(&vocabulary);
	return code;
}

/* ---- songs ---------------------------------------------------------------------------------------- */

/* `places` = how many of a list are judged, for the names of the figures. */
static void record_score(struct json *object, const struct ranking_score *score, const char *places)
{
	char name[32];

	json_set_integer(object, "playlists", (int64_t)score->playlists);
	snprintf(name, sizeof(name), "ndcg%s", places);
	json_set_number(object, name, score->ndcg);
	snprintf(name, sizeof(name), "ndcg%s_95", places);
	set_limits(object, name, score->ndcg_low, score->ndcg_high);
	snprintf(name, sizeof(name), "recall%s", places);
	json_set_number(object, name, score->recall);
	snprintf(name, sizeof(name), "recall%s_95", places);
	set_limits(object, name, score->recall_low, score->recall_high);
	json_set_number(object, "map10", score->map);
	set_limits(object, "map10_95", score->map_low, score->map_high);
}

static void record_ranker(struct json *object, const struct ranking_result *ranker, const char *places)
{
	struct json *masks;

	record_score(object, &ranker->overall, places);
	json_set_number(object, "coverage", ranker->coverage);
	json_set_number(object, "novelty", ranker->novelty);
	masks = json_set_object(object, "masks");
	for (int mask = MASK_SONGS; mask < MASK_COUNT; mask++)
		if (ranker->mask[mask].playlists)
			record_score(json_set_object(masks, playlist_mask_name(mask)), &ranker->mask[mask], places);
}

static double ranker_ndcg(const struct recsys_evaluation *result, const char *name)
{
	for (size_t r = 0; r < result->n_rankers; r++)
		if (strcmp(result->rankers[r].name, name) == 0)
			return result->rankers[r].overall.ndcg;
	return 0;
}

static void record_songs(struct stage_run *run, const struct recsys_evaluation *result)
{
	struct json *test = json_set_object(evaluate_stage(run, "als"), "test");
	struct json *rankers = json_set_object(test, "rankers");

	json_set_text(test, "best", result->rankers[result->best].name);
	json_set_integer(test, "playlists", (int64_t)result->rankers[0].overall.playlists);
	json_set_number(test, "ndcg100", result->rankers[0].overall.ndcg);
	json_set_text(test, "shipped", result->rankers[0].name);
	json_set_number(test, "popularity_ndcg100", ranker_ndcg(result, "popularity"));
	json_set_number(test, "best_ndcg100", result->rankers[result->best].overall.ndcg);
	if (result->tags.overall.playlists) {
		record_ranker(json_set_object(test, "hidden_tags"), &result->tags, "10");
		json_set_number(test, "arena", result->arena);
	}
	for (size_t r = 0; r < result->n_rankers; r++)
		record_ranker(json_set_object(rankers, result->rankers[r].name), &result->rankers[r], "100");
}

static int judge_new_songs(const struct evaluation *evaluation, const struct recsys_evaluation_options *as,
                           struct err *err)
{
	const struct new_songs_options options = {
	    .ranking = as->ranking, .als = as->als, .share = evaluation->run->settings->evaluate.new_songs};
	struct new_songs_evaluation result;
	int code = new_songs_evaluate(evaluation->music.playlists, &evaluation->music.model, &options, &result, err);

	if (code != OK || !result.rankers[0].overall.playlists)
		return code;
	struct json *object = json_set_object(json_get(evaluate_stage(evaluation->run, "als"), "test"), "new_songs");
	struct json *rankers;
	json_set_number(object, "share", options.share);
	json_set_integer(object, "songs", (int64_t)result.songs);
	json_set_integer(object, "playlists", (int64_t)result.rankers[0].overall.playlists);
	rankers = json_set_object(object, "rankers");
	for (size_t r = 0; r < NEW_SONGS_RANKERS; r++)
		record_ranker(json_set_object(rankers, result.rankers[r].name), &result.rankers[r], "100");
	return OK;
}

static bool hides_songs(const struct playlists *lists)
{
	for (int64_t i = 0; i < lists->songs.start[lists->n_playlists]; i++)
		if (lists->songs.held[i])
			return true;
	return false;
}

int evaluate_als(struct evaluation *evaluation, struct err *err)
{
	const struct music *music = &evaluation->music;
	const struct settings *settings = evaluation->run->settings;
	struct recsys_evaluation_options options = {.ranking = {.bootstrap = (size_t)settings->evaluate.bootstrap,
	                                                        .seed = (uint64_t)settings->run.seed,
	                                                        .threads = evaluation->run->threads},
	                                            .recommend = settings->recommend,
	                                            .als = settings->als,
	                                            .item_neighbours = (size_t)settings->evaluate.neighbours};
	struct recsys_evaluation result;
	int code;

	if (!music->playlists || !music->model.factors || !hides_songs(music->playlists))
		return OK;
	code = recsys_evaluate(music->playlists, &music->model, &options, &result, err);
	if (code != OK)
		return code;
	record_songs(evaluation->run, &result);
	return settings->evaluate.new_songs > 0 ? judge_new_songs(evaluation, &options, err) : OK;
}
