/*
 * The loop over stages (Viola & Jones 2001): positives that the stages before let through, negatives that they mistake,
 * a stage that tells them apart. A stage depends on the seed, its number and the cascade so far, so a training that was
 * killed resumes to the same bytes.
 */
#include "base/comm.h"
#include "vision/train_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POSITIVES_LEAST 20
#define NEGATIVES_LEAST 20
/* With fewer than this share of the wanted samples a stage is not worth training. */
#define POSITIVES_SHARE 0.8
#define NEGATIVES_SHARE 0.25
/* A stage that lets more of its negatives pass than this is no stage. */
#define FALSE_ALARM_MOST 0.95
#define DEFAULT_MEMORY ((size_t)3 << 30)

struct trainer {
	const struct cascade_training *training;
	struct cascade_outcome *outcome;
	struct cascade *cascade;
	struct crops pool, positives;
	struct mined mined;
	size_t tried; /* positives looked at for this stage */
	struct bin_table table;
	size_t table_room;
	struct stage_model model;
	struct crop_judge judge;
	uint64_t identity;
};

void cascade_outcome_free(struct cascade_outcome *outcome)
{
	strbuf_free(&outcome->log);
	*outcome = (struct cascade_outcome){0};
}

static int training_check(const struct cascade_training *training, struct err *err)
{
	const struct crops *crops = training->positives;
	if (training->window_w < 8 || training->window_h < 8 || training->window_w > 100 || training->window_h > 100)
		return err_set(err, ERR_SETTINGS, "window %d×%d: each side must be 8..100", training->window_w,
		               training->window_h);
	if (training->stages < 1 || training->stages > 100 || training->max_weak_count < 1)
		return err_set(err, ERR_SETTINGS,
		               "%zu stages of at most %zu weak classifiers: 1..100 and at least 1 are possible",
		               training->stages, training->max_weak_count);
	if (training->max_depth < 1 || training->max_depth > TREE_DEPTH)
		return err_set(err, ERR_SETTINGS, "max_depth %zu: 1..%d are possible", training->max_depth, TREE_DEPTH);
	if (!(training->min_hit_rate > 0.5 && training->min_hit_rate <= 1) ||
	    !(training->max_false_alarm > 0 && training->max_false_alarm < 1))
		return err_set(err, ERR_SETTINGS, "min_hit_rate %g must be in (0.5, 1], max_false_alarm %g in (0, 1)",
		               training->min_hit_rate, training->max_false_alarm);
	if (!(training->weight_trim_rate > 0.5 && training->weight_trim_rate <= 1))
		return err_set(err, ERR_SETTINGS, "weight_trim_rate %g must be in (0.5, 1]", training->weight_trim_rate);
	if (training->num_neg < NEGATIVES_LEAST || training->threads < 1)
		return err_set(err, ERR_SETTINGS, "num_neg %zu: at least %d", training->num_neg, NEGATIVES_LEAST);
	if (crops->width != training->window_w || crops->height != training->window_h)
		return err_set(err, ERR_SETTINGS, "the positives are %d×%d, the window is %d×%d", crops->width, crops->height,
		               training->window_w, training->window_h);
	size_t usable = 0;
	for (size_t i = 0; i < training->n_backgrounds; i++) {
		const struct image *image = &training->backgrounds[i];
		if (image->channels != 1)
			return err_set(err, ERR_SETTINGS, "background %zu is not grey", i);
		usable += image->width >= (size_t)training->window_w && image->height >= (size_t)training->window_h;
	}
	if (usable == 0)
		return err_set(err, ERR_DATA, "none of %zu backgrounds is as large as the window", training->n_backgrounds);
	return OK;
}

/* ---- positives -------------------------------------------------------------------------------- */

struct hashed {
	uint64_t hash;
	size_t index;
};
static int compare_hashed(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* duplicate[i] = an earlier crop has the same pixels. */
static int find_duplicates(const struct crops *crops, bool *duplicate, struct err *err)
{
	size_t size = (size_t)crops->width * (size_t)crops->height;
	struct hashed *hashed = mem_alloc(crops->count, sizeof *hashed, err);
	if (!hashed)
		return err->code;
	for (size_t i = 0; i < crops->count; i++)
		hashed[i] = (struct hashed){hash64(crops->pixels + i * size, size, 0), i};
	qsort(hashed, crops->count, sizeof *hashed, compare_hashed);
	for (size_t i = 1; i < crops->count; i++)
		duplicate[hashed[i].index] =
		    hashed[i].hash == hashed[i - 1].hash &&
		    memcmp(crops->pixels + hashed[i].index * size, crops->pixels + hashed[i - 1].index * size, size) == 0;
	free(hashed);
	return OK;
}

/* The usable positives in the order in which stages take them. */
static int pool_fill(struct trainer *trainer, const bool *duplicate, const size_t *order, struct err *err)
{
	const struct crops *crops = trainer->training->positives;
	size_t size = (size_t)crops->width * (size_t)crops->height;
	const struct cascade empty = {.window_w = crops->width, .window_h = crops->height};
	trainer->pool = (struct crops){.width = crops->width, .height = crops->height};
	for (size_t i = 0; i < crops->count; i++) {
		const uint8_t *pixels = crops->pixels + order[i] * size;
		double sum = 0;
		bool flat = crop_judge_run(&trainer->judge, &empty, pixels, &sum) < 0;
		trainer->outcome->duplicate_positives += duplicate[order[i]];
		trainer->outcome->flat_positives += flat && !duplicate[order[i]];
		if (!flat && !duplicate[order[i]] && crops_push(&trainer->pool, pixels, err) != OK)
			return err->code;
	}
	return OK;
}

static int pool_new(struct trainer *trainer, struct err *err)
{
	const struct crops *crops = trainer->training->positives;
	bool *duplicate = mem_alloc(crops->count, sizeof *duplicate, err);
	size_t *order = mem_alloc(crops->count, sizeof *order, err);
	struct rng rng;
	int code = duplicate && order ? find_duplicates(crops, duplicate, err) : err->code;
	for (size_t i = 0; code == OK && i < crops->count; i++)
		order[i] = i;
	rng_seed(&rng, trainer->training->seed, "cascade.positives", 0);
	if (code == OK) {
		rng_shuffle(&rng, order, crops->count);
		code = pool_fill(trainer, duplicate, order, err);
	}
	free(duplicate);
	free(order);
	return code;
}

/* Each stage may lose 1 − min_hit_rate of its positives, which the pool must replace: it needs
 * num_pos · (1 + (stages − 1)(1 − min_hit_rate)). */
static int set_num_pos(struct trainer *trainer, struct err *err)
{
	const struct cascade_training *training = trainer->training;
	double growth = 1 + (double)(training->stages - 1) * (1 - training->min_hit_rate);
	size_t needed = (size_t)ceil((double)training->num_pos * growth), have = trainer->pool.count;
	trainer->outcome->num_pos = training->num_pos;
	if (needed > have) {
		trainer->outcome->num_pos = (size_t)floor((double)have / growth);
		log_warn("cascade",
		         "%zu positives a stage over %zu stages at a hit rate of %g need %zu samples; there are %zu, so "
		         "each stage takes %zu",
		         training->num_pos, training->stages, training->min_hit_rate, needed, have, trainer->outcome->num_pos);
	}
	if (trainer->outcome->num_pos < POSITIVES_LEAST)
		return err_set(err, ERR_DATA,
		               "%zu usable positives (%zu given, %zu too flat, %zu duplicates) give %zu a stage; at "
		               "least %d are needed",
		               have, training->positives->count, trainer->outcome->flat_positives,
		               trainer->outcome->duplicate_positives, trainer->outcome->num_pos, POSITIVES_LEAST);
	return OK;
}

/* The first num_pos of the pool that the cascade so far lets through. */
static int take_positives(struct trainer *trainer, struct err *err)
{
	size_t size = (size_t)trainer->pool.width * (size_t)trainer->pool.height;
	trainer->positives.count = 0;
	trainer->positives.width = trainer->pool.width;
	trainer->positives.height = trainer->pool.height;
	for (trainer->tried = 0; trainer->tried < trainer->pool.count; trainer->tried++) {
		const uint8_t *pixels = trainer->pool.pixels + trainer->tried * size;
		double sum = 0;
		if (trainer->positives.count == trainer->outcome->num_pos)
			break;
		if (crop_judge_run(&trainer->judge, trainer->cascade, pixels, &sum) > 0 &&
		    crops_push(&trainer->positives, pixels, err) != OK)
			return err->code;
	}
	return OK;
}

/* ---- a stage -------------------------------------------------------------------------------------- */

static int finish(struct trainer *trainer, enum cascade_end end, bool *done)
{
	trainer->outcome->end = end;
	*done = true;
	return OK;
}

/* Positives and negatives for the next stage, or the reason why there is none. */
static int gather(struct trainer *trainer, bool *done, struct err *err)
{
	const struct cascade_training *training = trainer->training;
	struct cascade_outcome *outcome = trainer->outcome;
	size_t stage = trainer->cascade->n_stages;
	int code = take_positives(trainer, err);
	if (code != OK)
		return code;
	if ((double)trainer->positives.count < POSITIVES_SHARE * (double)outcome->num_pos) {
		snprintf(outcome->reason, sizeof outcome->reason,
		         "stage %zu: %zu of %zu positives are left after the stages before "
		         "it, %zu are wanted",
		         stage, trainer->positives.count, trainer->pool.count, outcome->num_pos);
		return finish(trainer, CASCADE_POSITIVES_EXHAUSTED, done);
	}
	crops_free(&trainer->mined.crops);
	code = mine_negatives(&(struct mining){training, trainer->cascade, stage}, &trainer->mined, err);
	if (code != OK)
		return code;
	outcome->windows = trainer->mined.windows;
	outcome->acceptance =
	    (double)trainer->mined.accepted / (double)(trainer->mined.windows ? trainer->mined.windows : 1);
	if (stage > 0 && outcome->acceptance <= training->acceptance_ratio) {
		snprintf(outcome->reason, sizeof outcome->reason,
		         "stage %zu: the acceptance ratio %.3g (%" PRIu64 " of %" PRIu64 " background windows) has reached %g",
		         stage, outcome->acceptance, trainer->mined.accepted, trainer->mined.windows,
		         training->acceptance_ratio);
		return finish(trainer, CASCADE_ACCEPTANCE_REACHED, done);
	}
	double least = fmax(NEGATIVES_LEAST, NEGATIVES_SHARE * (double)training->num_neg);
	if ((double)trainer->mined.crops.count < least) {
		snprintf(outcome->reason, sizeof outcome->reason,
		         "stage %zu: negatives exhausted: %zu of %zu found in %" PRIu64
		         " windows of %zu backgrounds (acceptance ratio %.3g)",
		         stage, trainer->mined.crops.count, training->num_neg, trainer->mined.windows, training->n_backgrounds,
		         outcome->acceptance);
		return finish(trainer, CASCADE_NEGATIVES_EXHAUSTED, done);
	}
	return OK;
}

static int table_check(const struct trainer *trainer, size_t lanes, struct err *err)
{
	size_t limit = trainer->training->memory_limit ? trainer->training->memory_limit : DEFAULT_MEMORY, needed;
	size_t features = trainer->table.end - trainer->table.first;
	if (__builtin_mul_overflow(features, lanes, &needed) || needed > limit)
		return err_set(err, ERR_SETTINGS,
		               "%zu features of %zu samples take %zu MB, the limit is %zu MB; lower num_pos and "
		               "num_neg or take a smaller window or set of features",
		               features, lanes, features * lanes >> 20, limit >> 20);
	return OK;
}

static int table_reserve(struct trainer *trainer, size_t lanes, struct err *err)
{
	size_t needed = (trainer->table.end - trainer->table.first) * lanes;
	if (table_check(trainer, lanes, err) != OK)
		return err->code;
	if (needed <= trainer->table_room)
		return OK;
	free(trainer->table.bins);
	trainer->table_room = 0;
	trainer->table.bins = mem_alloc(needed, 1, err);
	if (!trainer->table.bins)
		return err->code;
	trainer->table_room = needed;
	return OK;
}

static int boost_samples(struct trainer *trainer, struct err *err)
{
	struct samples samples;
	const struct cascade_training *training = trainer->training;
	int code =
	    samples_new(&samples, &trainer->positives, &trainer->mined.crops, training->features == HAAR_SET_ALL, err);
	if (code != OK)
		return code;
	code = table_reserve(trainer, samples.lanes, err);
	if (code == OK)
		code = bin_table_fill(&trainer->table, &samples, training->threads, err);
	if (code == OK)
		code = boost_stage(&(struct boost){training, &samples, &trainer->table}, &trainer->model, err);
	samples_free(&samples);
	return code;
}

static bool same_feature(const struct haar_feature *a, const struct haar_feature *b)
{
	bool same = a->tilted == b->tilted;
	for (int i = 0; i < HAAR_RECTS && same; i++) {
		const struct haar_rect *r = &a->rects[i], *s = &b->rects[i];
		same = r->x == s->x && r->y == s->y && r->w == s->w && r->h == s->h && r->weight == s->weight;
	}
	return same;
}

/* The feature's place in the model, where it may stand already. */
static int model_feature(struct cascade *cascade, const struct haar_feature *feature, size_t *out, struct err *err)
{
	for (*out = 0; *out < cascade->n_features; (*out)++)
		if (same_feature(&cascade->features[*out], feature))
			return OK;
	return cascade_add_feature(cascade, feature, err);
}

static int append_stage(struct trainer *trainer, struct err *err)
{
	struct cascade *cascade = trainer->cascade;
	int code = cascade_add_stage(cascade, trainer->model.threshold, err);
	for (size_t i = 0; i < trainer->model.count && code == OK; i++) {
		const struct weak *weak = &trainer->model.weak[i];
		struct cascade_node nodes[TREE_NODES];
		for (size_t k = 0; k < weak->nodes && code == OK; k++) {
			const struct weak_node *node = &weak->node[k];
			nodes[k] = (struct cascade_node){node->left, node->right, 0, node->threshold};
			code = model_feature(cascade, &trainer->table.features[node->feature], &nodes[k].feature, err);
		}
		if (code == OK)
			code = cascade_add_tree(cascade, nodes, weak->leaf, weak->nodes, err);
	}
	return code == OK ? cascade_finish(cascade, err) : code;
}

/* The stage's rates with the detector itself; they must be those that boosting counted. */
static int verify_stage(struct trainer *trainer, struct err *err)
{
	size_t size = (size_t)trainer->pool.width * (size_t)trainer->pool.height, hits = 0, alarms = 0;
	const struct crops *positives = &trainer->positives, *negatives = &trainer->mined.crops;
	double sum = 0;
	for (size_t i = 0; i < positives->count; i++)
		hits += crop_judge_run(&trainer->judge, trainer->cascade, positives->pixels + i * size, &sum) > 0;
	for (size_t i = 0; i < negatives->count; i++)
		alarms += crop_judge_run(&trainer->judge, trainer->cascade, negatives->pixels + i * size, &sum) > 0;
	double hit = (double)hits / (double)positives->count, alarm = (double)alarms / (double)negatives->count;
	if (hit != trainer->model.hit || alarm != trainer->model.false_alarm)
		return err_set(err, ERR_NUMERIC,
		               "stage %zu: the detector hits %.6f and alarms %.6f, boosting counted %.6f and %.6f",
		               trainer->cascade->n_stages - 1, hit, alarm, trainer->model.hit, trainer->model.false_alarm);
	return OK;
}

static void log_stage(struct trainer *trainer)
{
	struct cascade_outcome *outcome = trainer->outcome;
	const struct stage_model *model = &trainer->model;
	size_t stage = trainer->cascade->n_stages - 1;
	for (size_t i = 0; i < model->count; i++)
		train_log_weak(&outcome->log, stage, i, &model->weak[i], trainer->table.features);
	strbuf_format(
	    &outcome->log,
	    "{\"stage\":%zu,\"weak_classifiers\":%zu,\"threshold\":%.9g,\"hit\":%.6f,"
	    "\"false_alarm\":%.6f,\"positives\":%zu,\"positives_tried\":%zu,\"negatives\":%zu,\"windows\":%" PRIu64
	    ",\"acceptance\":%.9g}\n",
	    stage, model->count, (double)model->threshold, model->hit, model->false_alarm, trainer->positives.count,
	    trainer->tried, trainer->mined.crops.count, outcome->windows, outcome->acceptance);
	log_info("cascade",
	         "stage %zu/%zu: %zu features, hit %.4f, false alarm %.3f; %" PRIu64 " windows scanned, acceptance %.3g",
	         stage + 1, trainer->training->stages, model->count, model->hit, model->false_alarm, outcome->windows,
	         outcome->acceptance);
}

static int train_stage(struct trainer *trainer, bool *done, struct err *err)
{
	size_t stage = trainer->cascade->n_stages;
	int code = gather(trainer, done, err);
	if (code != OK || *done)
		return code;
	code = boost_samples(trainer, err);
	if (code != OK)
		return err_wrap(err, "stage %zu", stage);
	if (trainer->model.false_alarm > FALSE_ALARM_MOST) {
		snprintf(trainer->outcome->reason, sizeof trainer->outcome->reason,
		         "stage %zu: %zu weak classifiers at a hit rate of "
		         "%.4f still let %.3f of the negatives pass",
		         stage, trainer->model.count, trainer->model.hit, trainer->model.false_alarm);
		return finish(trainer, CASCADE_STAGE_TOO_HARD, done);
	}
	code = append_stage(trainer, err);
	if (code == OK)
		code = verify_stage(trainer, err);
	if (code != OK)
		return code;
	log_stage(trainer);
	code = strbuf_check(&trainer->outcome->log, err);
	return code == OK ? checkpoint_save(trainer->training, trainer->identity, trainer->cascade, trainer->outcome, err)
	                  : code;
}

/* ---- the whole -------------------------------------------------------------------------------------------- */

static void trainer_free(struct trainer *trainer)
{
	crops_free(&trainer->pool);
	crops_free(&trainer->positives);
	crops_free(&trainer->mined.crops);
	crop_judge_free(&trainer->judge);
	free(trainer->table.bins);
	free(trainer->table.features);
	free(trainer->model.weak);
	cascade_free(trainer->cascade);
}

static int share_features(struct trainer *trainer, struct err *err)
{
	struct bin_table *table = &trainer->table;
	size_t *start = NULL;
	if (comm_shares(table->n_features, 1, NULL, &start, err) != OK)
		return err->code;
	table->first = start[comm_rank()];
	table->end = start[comm_rank() + 1];
	free(start);
	return OK;
}

static int trainer_new(struct trainer *trainer, struct err *err)
{
	const struct cascade_training *training = trainer->training;
	struct bin_table *table = &trainer->table;
	table->n_features = haar_features_count(training->features, training->window_w, training->window_h);
	if (share_features(trainer, err) != OK || table_check(trainer, training->num_neg, err) != OK)
		return err->code;
	table->features = mem_alloc(table->n_features, sizeof *table->features, err);
	trainer->model.weak = mem_alloc(training->max_weak_count, sizeof *trainer->model.weak, err);
	if (!table->features || !trainer->model.weak)
		return err->code;
	haar_features_list(training->features, training->window_w, training->window_h, table->features);
	int code = crop_judge_new(&trainer->judge, training->window_w, training->window_h, err);
	if (code == OK)
		code = pool_new(trainer, err);
	if (code == OK)
		code = set_num_pos(trainer, err);
	if (code != OK)
		return code;
	trainer->identity = training->checkpoint ? training_identity(training) : 0;
	code = checkpoint_load(training, trainer->identity, &trainer->cascade, trainer->outcome, err);
	if (code == OK && !trainer->cascade)
		code = cascade_new(&trainer->cascade, training->window_w, training->window_h, err);
	if (code == OK && trainer->outcome->resumed)
		log_info("cascade", "resumed after %zu stages", trainer->outcome->resumed);
	return code;
}

static int train_all(struct trainer *trainer, struct err *err)
{
	struct cascade_outcome *outcome = trainer->outcome;
	bool done = false;
	int code = OK;
	outcome->end = CASCADE_ALL_STAGES;
	snprintf(outcome->reason, sizeof outcome->reason, "all %zu stages are trained", trainer->training->stages);
	while (code == OK && !done && trainer->cascade->n_stages < trainer->training->stages)
		code = train_stage(trainer, &done, err);
	if (code == OK && trainer->cascade->n_stages == 0)
		return err_set(err, ERR_NUMERIC, "no stage can be trained: %s", outcome->reason);
	if (code == OK)
		log_info("cascade", "%s", outcome->reason);
	outcome->weak = trainer->cascade->n_trees;
	return code;
}

int cascade_train(const struct cascade_training *training, struct cascade **out, struct cascade_outcome *outcome,
                  struct err *err)
{
	struct trainer trainer = {.training = training, .outcome = outcome};
	*outcome = (struct cascade_outcome){0};
	int code = training_check(training, err);
	if (code == OK)
		code = trainer_new(&trainer, err);
	if (code == OK)
		code = train_all(&trainer, err);
	if (code == OK) {
		*out = trainer.cascade;
		trainer.cascade = NULL;
	} else {
		cascade_outcome_free(outcome);
	}
	trainer_free(&trainer);
	return code;
}
