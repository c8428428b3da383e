/*
 * A stage by boosting (Friedman, Hastie & Tibshirani 2000): repeat, adding a stump or tree f to F, over the leaf into
 * which x falls
 *
 *   gentle    f = Σ w·y / Σ w                      least squares;             w ← w · exp(−y f)
 *   real      f = ½ ln(p / (1 − p)), p = Σ₊ w / Σ w   least Gini impurity;    w ← w · exp(−y f)
 *   discrete  f = ± ln((1 − e) / e), e = Σ w of the wrong ones, least e;      w ← w · exp(−½ y f)
 *   logit     f = ½ Σ w·z / Σ w, least squares; p = 1 / (1 + exp(−2 F)), w = p(1 − p), z = 1/p or −1/(1 − p), |z| ≤ 10
 *
 * Σ w·y / Σ w splits by least squares as Gini impurity does, so the features of all but logit are ranked alike. It goes
 * on until, with the stage's threshold set so that min_hit_rate of the positives pass, at most max_false_alarm of the
 * negatives do. The feature is chosen by histograms; its threshold is then the best cut among all its values, midway
 * between two of them. Sums of leaves are kept as the detector forms them, so the rates are those that the detector
 * will have.
 */
#include "vision/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weights become whole numbers with this sum (rounding up adds at most half a unit each). */
#define WEIGHT_SUM 2.0e9
/* Above this share of active samples, going through all of them is faster than through a list. */
#define DENSE_SHARE 0.7
/* Bounds of z, p(1 − p) and p. */
#define RESPONSE_MOST 10.0
#define WEIGHT_LEAST 1e-10
#define SHARE_LEAST 1e-5

struct ranked {
	float value;
	uint32_t sample;
};
struct boost_state {
	const struct boost *boost;
	const struct samples *samples;
	enum boost_kind kind;
	double *weights, *sums, *sorted;    /* [count] */
	double *pull;                       /* [count] w·y, or w·z */
	uint32_t *whole, *others, *active;  /* [lanes] */
	uint32_t *part, *part_whole, *part_others; /* [lanes] of the samples at one place of the tree */
	uint8_t *place;                     /* [count] the leaf into which a sample falls so far */
	struct ranked *ranked;           /* [count] */
	float *values;                   /* [lanes] */
	size_t n_active, n_part, part_positives;
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->sample > y->sample) - (x->sample < y->sample);
}

static void state_free(struct boost_state *state)
{
	free(state->weights);
	free(state->sums);
	free(state->sorted);
	free(state->pull);
	free(state->whole);
	free(state->others);
	free(state->active);
	free(state->part);
	free(state->part_whole);
	free(state->part_others);
	free(state->place);
	free(state->ranked);
	free(state->values);
}

/* Before the first round of logit boosting F = 0, so all weights are alike. */
static void logit_weights(struct boost_state *state)
{
	double total = 0;
	for (size_t i = 0; i < state->samples->count; i++) {
		bool positive = i < state->samples->positives;
		double p = 1 / (1 + exp(positive ? -2 * state->sums[i] : 2 * state->sums[i])), z = fmin(1 / p, RESPONSE_MOST);
		state->weights[i] = fmax(p * (1 - p), WEIGHT_LEAST);
		state->pull[i] = positive ? state->weights[i] * z : -state->weights[i] * z;
		total += state->weights[i];
	}
	for (size_t i = 0; i < state->samples->count; i++) {
		state->weights[i] /= total;
		state->pull[i] /= total;
	}
}

static void set_pull(struct boost_state *state)
{
	if (state->kind == BOOST_LOGIT) {
		logit_weights(state);
		return;
	}
	for (size_t i = 0; i < state->samples->count; i++)
		state->pull[i] = i < state->samples->positives ? state->weights[i] : -state->weights[i];
}

static int state_new(struct boost_state *state, const struct boost *boost, struct err *err)
{
	const struct samples *samples = boost->samples;
	*state = (struct boost_state){.boost = boost, .samples = samples, .kind = boost->training->boost};
	if (!(state->weights = mem_alloc(samples->count, sizeof(double), err)) ||
	    !(state->sums = mem_alloc(samples->count, sizeof(double), err)) ||
	    !(state->sorted = mem_alloc(samples->count, sizeof(double), err)) ||
	    !(state->pull = mem_alloc(samples->count, sizeof(double), err)) ||
	    !(state->whole = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->others = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->active = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->part = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->part_whole = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->part_others = mem_alloc(samples->lanes, sizeof(uint32_t), err)) ||
	    !(state->place = mem_alloc(samples->count, 1, err)) ||
	    !(state->ranked = mem_alloc(samples->count, sizeof(struct ranked), err)) ||
	    !(state->values = mem_alloc(samples->lanes, sizeof(float), err))) {
		state_free(state);
		return err->code;
	}
	size_t negatives = samples->count - samples->positives;
	for (size_t i = 0; i < samples->count; i++)
		state->weights[i] = 0.5 / (double)(i < samples->positives ? samples->positives : negatives);
	set_pull(state);
	return OK;
}

/* Leaves out the lightest samples that together hold 1 − rate of the weight. */
static void trim(struct boost_state *state, double rate)
{
	size_t count = state->samples->count, i = 0;
	double limit = 0, dropped = 0;
	if (rate < 1) {
		memcpy(state->sorted, state->weights, count * sizeof *state->sorted);
		qsort(state->sorted, count, sizeof *state->sorted, compare_doubles);
		while (i < count && (dropped += state->sorted[i]) <= 1 - rate)
			i++;
		limit = state->sorted[i < count ? i : count - 1];
	}
	state->n_active = 0;
	for (i = 0; i < count; i++) {
		bool kept = state->weights[i] >= limit;
		/* Logit: W + S/10 and W − S/10, halved, stand for the weights of the two classes; |z| ≤ 10 keeps both ≥ 0. */
		double weight = state->weights[i], other = 0;
		if (state->kind == BOOST_LOGIT) {
			other = 0.5 * fmax(weight - state->pull[i] / RESPONSE_MOST, 0);
			weight -= other;
		}
		state->others[i] = kept ? (uint32_t)lrint(other * WEIGHT_SUM) : 0;
		state->whole[i] = kept ? (uint32_t)lrint(weight * WEIGHT_SUM) : 0;
		if (kept)
			state->active[state->n_active++] = (uint32_t)i;
	}
}

/* The active samples at one place, with their weights; the others weigh nothing. */
static void take_part(struct boost_state *state, uint8_t place)
{
	memset(state->part_whole, 0, state->samples->lanes * sizeof *state->part_whole);
	memset(state->part_others, 0, state->samples->lanes * sizeof *state->part_others);
	state->n_part = state->part_positives = 0;
	for (size_t k = 0; k < state->n_active; k++) {
		uint32_t i = state->active[k];
		if (state->place[i] != place)
			continue;
		state->part[state->n_part++] = i;
		state->part_positives += i < state->samples->positives;
		state->part_whole[i] = state->whole[i];
		state->part_others[i] = state->others[i];
	}
}

static int choose_feature(struct boost_state *state, size_t *feature, struct err *err)
{
	const struct boost *boost = state->boost;
	bool dense = (double)state->n_part > DENSE_SHARE * (double)state->samples->count;
	struct stump_search search = {boost->table,
	                              state->samples,
	                              state->part_whole,
	                              state->kind == BOOST_LOGIT ? state->part_others : NULL,
	                              dense ? NULL : state->part,
	                              state->n_part,
	                              state->part_positives,
	                              boost->training->threads};
	return stump_search_run(&search, feature, err);
}

struct side {
	double sum, weight; /* Σ y·w, Σ w */
};

static double gain(struct side side)
{
	return side.weight > 0 ? side.sum * side.sum / side.weight : 0;
}

/* What a cut is judged by: discrete boosting wants the least Σ w of wrong ones = ½ (W − |S left| − |S right|). */
static double cut_score(enum boost_kind kind, struct side left, struct side right)
{
	return kind == BOOST_DISCRETE ? fabs(left.sum) + fabs(right.sum) : gain(left) + gain(right);
}

static double leaf_of(enum boost_kind kind, struct side side)
{
	double mean = side.sum / side.weight;
	if (kind == BOOST_LOGIT)
		return 0.5 * mean;
	if (kind == BOOST_GENTLE)
		return mean;
	double p = fmin(fmax(0.5 * (1 + mean), SHARE_LEAST), 1 - SHARE_LEAST);
	return 0.5 * log(p / (1 - p));
}

/* The leaves that the samples' sums make; discrete boosting lets all of them vote alike, each for its majority. */
static void set_leaves(enum boost_kind kind, const struct side *sides, struct weak *weak)
{
	size_t leaves = weak->nodes + 1;
	double right = 0, weight = 0;
	for (size_t k = 0; k < leaves; k++) {
		right += fabs(sides[k].sum);
		weight += sides[k].weight;
	}
	double share = fmin(0.5 * (1 + right / weight), 1 - SHARE_LEAST), vote = log(share / (1 - share));
	for (size_t k = 0; k < leaves; k++)
		if (kind == BOOST_DISCRETE)
			weak->leaf[k] = (float)(sides[k].sum < 0 ? -vote : vote);
		else
			weak->leaf[k] = (float)leaf_of(kind, sides[k]);
}

/* A number t with a < t ≤ b, midway if possible. */
static float between(float a, float b)
{
	float middle = a + (b - a) * 0.5f;
	return middle > a ? middle : b;
}

struct cut {
	float threshold;
	struct side left, right;
};

/* Exact: the samples of the part in the order of their values, every cut between two different ones. False: all have
 * one value. */
static bool choose_cut(struct boost_state *state, struct cut *cut)
{
	size_t count = state->n_part;
	struct side all = {0, 0}, left = {0, 0};
	double best = -1;
	for (size_t k = 0; k < count; k++) {
		uint32_t i = state->part[k];
		state->ranked[k] = (struct ranked){state->values[i], i};
		all.sum += state->pull[i];
		all.weight += state->weights[i];
	}
	qsort(state->ranked, count, sizeof *state->ranked, compare_ranked);
	for (size_t k = 0; k + 1 < count; k++) {
		uint32_t i = state->ranked[k].sample;
		left.sum += state->pull[i];
		left.weight += state->weights[i];
		if (!(state->ranked[k].value < state->ranked[k + 1].value))
			continue;
		struct side right = {all.sum - left.sum, all.weight - left.weight};
		double score = cut_score(state->kind, left, right);
		if (score > best) {
			best = score;
			*cut = (struct cut){between(state->ranked[k].value, state->ranked[k + 1].value), left, right};
		}
	}
	return best >= 0;
}

/* A place of the tree that may be split: its samples have `place`, the node above points at it by `link`. */
struct open_place {
	uint8_t place, depth;
	int *link;
};

/* Splits a place in two when its samples can be told apart: the left ones keep it, the right ones get the next
 * number. */
static int split(struct boost_state *state, struct weak *weak, struct side *sides, struct open_place *open,
                 size_t *n_open, struct err *err)
{
	struct open_place from = open[--*n_open];
	struct cut cut = {0};
	size_t feature;
	take_part(state, from.place);
	if (weak->nodes > 0 && (state->part_positives == 0 || state->part_positives == state->n_part))
		return OK;
	if (choose_feature(state, &feature, err) != OK)
		return err->code;
	samples_values(state->samples, &state->boost->table->features[feature], state->values);
	if (!choose_cut(state, &cut))
		return weak->nodes > 0
		           ? OK
		           : err_set(err, ERR_NUMERIC, "no feature tells the %zu samples of the stage apart", state->n_part);
	size_t node = weak->nodes++;
	uint8_t fresh = (uint8_t)weak->nodes;
	for (size_t i = 0; i < state->samples->count; i++)
		if (state->place[i] == from.place && !(state->values[i] < cut.threshold))
			state->place[i] = fresh;
	if (from.link)
		*from.link = (int)node;
	weak->node[node] = (struct weak_node){feature, cut.threshold, -(int)from.place, -(int)fresh};
	sides[from.place] = cut.left;
	sides[fresh] = cut.right;
	if (from.depth + 1u < state->boost->training->max_depth) {
		/* The last one is taken first. */
		open[(*n_open)++] = (struct open_place){fresh, from.depth + 1, &weak->node[node].right};
		open[(*n_open)++] = (struct open_place){from.place, from.depth + 1, &weak->node[node].left};
	}
	return OK;
}

static int grow(struct boost_state *state, struct weak *weak, struct err *err)
{
	struct open_place open[TREE_DEPTH + 1] = {{0}};
	struct side sides[TREE_NODES + 1] = {{0}};
	size_t n_open = 1;
	int code = OK;
	weak->nodes = 0;
	memset(state->place, 0, state->samples->count);
	trim(state, state->boost->training->weight_trim_rate);
	while (n_open > 0 && code == OK)
		code = split(state, weak, sides, open, &n_open, err);
	if (code == OK)
		set_leaves(state->kind, sides, weak);
	return code;
}

static int reweigh(struct boost_state *state, const struct weak *weak, struct err *err)
{
	size_t count = state->samples->count;
	double total = 0, step = state->kind == BOOST_DISCRETE ? 0.5 : 1;
	for (size_t i = 0; i < count; i++) {
		float leaf = weak->leaf[state->place[i]];
		state->sums[i] += leaf;
		state->weights[i] *= exp(step * (i < state->samples->positives ? -(double)leaf : (double)leaf));
		total += state->weights[i];
	}
	if (!(total > 0) || !isfinite(total))
		return err_set(err, ERR_NUMERIC, "the weights of the samples add up to %g", total);
	for (size_t i = 0; i < count; i++)
		state->weights[i] /= total;
	set_pull(state);
	return OK;
}

/* The threshold that lets min_hit_rate of the positives pass, and what passes then, judged as the detector judges. */
static void set_threshold(struct boost_state *state, struct stage_model *model, struct weak *weak)
{
	size_t positives = state->samples->positives, count = state->samples->count, hits = 0, alarms = 0;
	double rate = state->boost->training->min_hit_rate;
	memcpy(state->sorted, state->sums, positives * sizeof *state->sorted);
	qsort(state->sorted, positives, sizeof *state->sorted, compare_doubles);
	size_t lost = (size_t)floor((1 - rate) * (double)positives + 1e-9);
	model->threshold = (float)state->sorted[lost < positives ? lost : positives - 1];
	struct cascade_stage stage = {.threshold = model->threshold};
	double limit = stage_limit(&stage);
	for (size_t i = 0; i < count; i++)
		if (state->sums[i] >= limit)
			*(i < positives ? &hits : &alarms) += 1;
	model->hit = weak->hit = (double)hits / (double)positives;
	model->false_alarm = weak->false_alarm = (double)alarms / (double)(count - positives);
}

int boost_stage(const struct boost *boost, struct stage_model *out, struct err *err)
{
	struct boost_state state;
	const struct cascade_training *training = boost->training;
	int code = state_new(&state, boost, err);
	if (code != OK)
		return code;
	struct progress progress;
	progress_start(&progress, "cascade", "features chosen for the stage", 0);
	out->count = 0;
	while (out->count < training->max_weak_count) {
		struct weak weak = {0};
		if ((code = grow(&state, &weak, err)) != OK || (code = reweigh(&state, &weak, err)) != OK)
			break;
		set_threshold(&state, out, &weak);
		out->weak[out->count++] = weak;
		progress_add(&progress, 1);
		if (out->false_alarm <= training->max_false_alarm)
			break;
	}
	progress_end(&progress);
	state_free(&state);
	return code;
}
