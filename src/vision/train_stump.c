/*
 * The best stump over all features, by histograms of the weights over the bins of each feature.
 *
 * Weights are whole numbers (their sum is below 2^31), so sums do not depend on their order. A row of bins is read
 * once: positives into one histogram, negatives into another, each in two halves that alternate, because adding twice
 * to one bin in a row would wait for the store.
 */
#include "base/comm.h"
#include "vision/train_internal.h"

#include <stdlib.h>
#include <string.h>

#define FEATURES_A_TASK 1024

struct best {
	float score;
	size_t feature;
};
struct search_state {
	const struct stump_search *search;
	struct best *best; /* [tasks] */
};
struct histogram {
	uint32_t half[2][BINS];
};

static void histogram_all(struct histogram *to, const uint8_t *bins, const uint32_t *weights, size_t count)
{
	size_t i = 0;
	memset(to, 0, sizeof *to);
	for (; i + 4 <= count; i += 4) {
		to->half[0][bins[i]] += weights[i];
		to->half[1][bins[i + 1]] += weights[i + 1];
		to->half[0][bins[i + 2]] += weights[i + 2];
		to->half[1][bins[i + 3]] += weights[i + 3];
	}
	for (; i < count; i++)
		to->half[0][bins[i]] += weights[i];
}

static void histogram_some(struct histogram *to, const uint8_t *bins, const uint32_t *weights, const uint32_t *active,
                           size_t count)
{
	size_t i = 0;
	memset(to, 0, sizeof *to);
	for (; i + 2 <= count; i += 2) {
		to->half[0][bins[active[i]]] += weights[active[i]];
		to->half[1][bins[active[i + 1]]] += weights[active[i + 1]];
	}
	if (i < count)
		to->half[0][bins[active[i]]] += weights[active[i]];
}

/* Running totals: after bin b, what lies left of the cut behind it. */
static void accumulate(const struct histogram *from, int32_t *restrict total)
{
	uint32_t sum = 0;
	for (size_t b = 0; b < BINS; b++) {
		sum += from->half[0][b] + from->half[1][b];
		total[b] = (int32_t)sum;
	}
}

/* The largest (P−N)²/(P+N), left plus right, over the cuts. An empty side counts nothing: its numerator is 0. */
#define SCORE_LANES 16
static float best_cut(const int32_t *positive, const int32_t *negative)
{
	float most[SCORE_LANES] = {0};
	int32_t p = positive[BINS - 1], n = negative[BINS - 1];
	for (size_t b = 0; b < BINS; b += SCORE_LANES) {
		for (size_t k = 0; k < SCORE_LANES; k++) {
			int32_t left_p = positive[b + k], left_n = negative[b + k];
			float left = (float)(left_p - left_n), left_w = (float)(left_p + left_n);
			float right = (float)(p - left_p - n + left_n), right_w = (float)(p - left_p + n - left_n);
			left_w = left_w > 1 ? left_w : 1;
			right_w = right_w > 1 ? right_w : 1;
			float score = left * left / left_w + right * right / right_w;
			most[k] = score > most[k] ? score : most[k];
		}
	}
	float best = most[0];
	for (size_t k = 1; k < SCORE_LANES; k++)
		best = most[k] > best ? most[k] : best;
	return best;
}

static float feature_score(const struct stump_search *search, const uint8_t *bins)
{
	struct histogram histogram;
	int32_t positive[BINS], negative[BINS];
	const struct samples *samples = search->samples;
	size_t first = samples->positives;
	if (search->others)
		histogram_all(&histogram, bins, search->weights, samples->count);
	else if (search->active)
		histogram_some(&histogram, bins, search->weights, search->active, search->active_positives);
	else
		histogram_all(&histogram, bins, search->weights, first);
	accumulate(&histogram, positive);
	if (search->others)
		histogram_all(&histogram, bins, search->others, samples->count);
	else if (search->active)
		histogram_some(&histogram, bins, search->weights, search->active + search->active_positives,
		               search->n_active - search->active_positives);
	else
		histogram_all(&histogram, bins + first, search->weights + first, samples->count - first);
	accumulate(&histogram, negative);
	return best_cut(positive, negative);
}

static int search_task(size_t task, int thread, void *context, struct err *err)
{
	(void)thread;
	const struct search_state *state = context;
	const struct bin_table *table = state->search->table;
	struct best best = {-1, SIZE_MAX};
	size_t end = (task + 1) * FEATURES_A_TASK;
	if (stop_check("boosting", err) != OK)
		return err->code;
	for (size_t f = task * FEATURES_A_TASK; f < end && f < table->end - table->first; f++) {
		float score = feature_score(state->search, table->bins + f * state->search->samples->lanes);
		if (score > best.score)
			best = (struct best){score, table->first + f};
	}
	state->best[task] = best;
	return OK;
}

int stump_search_run(const struct stump_search *search, size_t *feature, struct err *err)
{
	size_t tasks = (search->table->end - search->table->first + FEATURES_A_TASK - 1) / FEATURES_A_TASK;
	struct search_state state = {search, mem_alloc(tasks, sizeof *state.best, err)};
	if (!state.best)
		return err->code;
	int code = parallel_for(tasks, 1, search->threads, search_task, &state, err);
	struct best best = {-1, SIZE_MAX};
	for (size_t i = 0; code == OK && i < tasks; i++)
		if (state.best[i].score > best.score)
			best = state.best[i];
	free(state.best);
	struct comm_best all = {(double)best.score, best.feature};
	if (code == OK)
		code = comm_best(&all, err);
	if (code == OK)
		*feature = all.index;
	return code;
}
