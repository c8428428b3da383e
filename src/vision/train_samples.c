/* The samples of a stage and the values of all features on them. */
#include "vision/train_internal.h"

#include <stdlib.h>
#include <string.h>

#define FEATURES_A_TASK 512

static const struct value_kernels *const tables[] = {
    [CPU_BASELINE] = &value_kernels_portable,
    [CPU_AVX2] = &value_kernels_avx2,
    [CPU_AVX512] = &value_kernels_avx512,
};

const struct value_kernels *value_kernels_at(enum cpu_level level)
{
	return level <= cpu_features()->level ? tables[level] : NULL;
}

static const struct value_kernels *value_kernels(void)
{
	return tables[cpu_features()->level];
}

void samples_free(struct samples *samples)
{
	free(samples->sum);
	free(samples->tilted);
	free(samples->scale);
	*samples = (struct samples){0};
}

/* One picture into lane `lane` of the turned tables. */
static void sample_store(struct samples *samples, const struct integral *integral, size_t lane)
{
	size_t corners = (integral->width + 1) * (integral->height + 1);
	for (size_t c = 0; c < corners; c++)
		samples->sum[c * samples->lanes + lane] = (int32_t)integral->sum[c];
	for (size_t c = 0; samples->tilted && c < corners; c++)
		samples->tilted[c * samples->lanes + lane] = (int32_t)integral->tilted[c];
}

int samples_new(struct samples *out, const struct crops *positives, const struct crops *negatives, bool tilted,
                struct err *err)
{
	const struct cascade shape = {.window_w = positives->width, .window_h = positives->height};
	struct window_plan plan = {.cascade = &shape};
	struct crop_judge judge = {0};
	size_t width = (size_t)positives->width, height = (size_t)positives->height;
	size_t corners = (width + 1) * (height + 1), size = width * height;
	*out = (struct samples){.window_w = positives->width,
	                        .window_h = positives->height,
	                        .count = positives->count + negatives->count,
	                        .positives = positives->count};
	out->lanes = (out->count + LANES - 1) / LANES * LANES;
	int code = crop_judge_new(&judge, positives->width, positives->height, err);
	if (code == OK && (!(out->sum = mem_alloc(corners * out->lanes, sizeof *out->sum, err)) ||
	                   !(out->scale = mem_alloc(out->lanes, sizeof *out->scale, err)) ||
	                   (tilted && !(out->tilted = mem_alloc(corners * out->lanes, sizeof *out->tilted, err)))))
		code = err->code;
	window_plan_build(&plan, (struct grid){width + 1, 0});
	for (size_t i = 0; code == OK && i < out->count; i++) {
		const uint8_t *pixels =
		    i < positives->count ? positives->pixels + i * size : negatives->pixels + (i - positives->count) * size;
		integral_build(&judge.integral, pixels, width);
		out->scale[i] = window_scale(&plan, &judge.integral, 0);
		sample_store(out, &judge.integral, i);
	}
	crop_judge_free(&judge);
	if (code != OK)
		samples_free(out);
	return code;
}

void samples_values(const struct samples *samples, const struct haar_feature *feature, float *values)
{
	const int32_t *table = feature->tilted ? samples->tilted : samples->sum, *corner[4 * HAAR_RECTS];
	float weight[HAAR_RECTS];
	for (int r = 0; r < HAAR_RECTS; r++) {
		int32_t at[4];
		box_corners(at, &feature->rects[r], feature->tilted, (struct grid){(size_t)samples->window_w + 1, 0});
		for (int k = 0; k < 4; k++)
			corner[4 * r + k] = table + (size_t)at[k] * samples->lanes;
		weight[r] = feature->rects[r].weight;
	}
	value_kernels()->values_of(&(struct value_row){samples->lanes, corner, weight, samples->scale}, values);
}

struct fill {
	struct bin_table *table;
	const struct samples *samples;
	float *rows; /* [threads][lanes] */
	struct progress *progress;
};

static int fill_task(size_t task, int thread, void *context, struct err *err)
{
	const struct fill *fill = context;
	size_t lanes = fill->samples->lanes, end = (task + 1) * FEATURES_A_TASK;
	size_t own = fill->table->end - fill->table->first;
	float *row = fill->rows + (size_t)thread * lanes;
	if (stop_check("computing feature values", err) != OK)
		return err->code;
	for (size_t f = task * FEATURES_A_TASK; f < end && f < own; f++) {
		samples_values(fill->samples, &fill->table->features[fill->table->first + f], row);
		value_kernels()->bin_row(row, fill->samples->count, lanes, fill->table->bins + f * lanes);
	}
	progress_add(fill->progress, (end < own ? end : own) - task * FEATURES_A_TASK);
	return OK;
}

int bin_table_fill(struct bin_table *table, const struct samples *samples, int threads, struct err *err)
{
	struct progress progress;
	struct fill fill = {table, samples, mem_alloc((size_t)threads * samples->lanes, sizeof(float), err), &progress};
	if (!fill.rows)
		return err->code;
	size_t own = table->end - table->first;
	progress_start(&progress, "cascade", "features computed", own);
	int code = parallel_for((own + FEATURES_A_TASK - 1) / FEATURES_A_TASK, 1, threads, fill_task, &fill, err);
	progress_end(&progress);
	free(fill.rows);
	return code;
}
