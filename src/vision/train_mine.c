/*
 * Negatives: windows of the backgrounds that the cascade so far takes for the object.
 *
 * All pictures are gone through in an order shuffled for the stage, at sizes that grow by 1.25 from a start drawn for
 * the stage. A picture's windows are divided among GRID × GRID offsets; a first round of visits looks at one offset a
 * picture, later rounds at 3, 12 and 48 more, so no window is looked at twice and none is left out in the end. A visit
 * keeps at most so many windows (a reservoir), so that one cluttered picture does not fill the stage. Visits run in
 * parallel in batches and are counted in order: nothing depends on the number of threads, nor of ranks that share a
 * batch.
 */
#include "base/comm.h"
#include "vision/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GRID 8
#define ROUNDS 4
#define STEP 1.25
#define BATCH 32
#define RANK_BATCH 64 /* of each rank that shares: few enough to wait for, enough to be even */

static const size_t round_offsets[ROUNDS + 1] = {0, 1, 4, 16, (size_t)GRID * GRID};

struct visit {
	size_t picture, round, most; /* keep at most so many */
	uint64_t windows, accepted;
	struct crops kept;
};
struct miner {
	uint8_t *pixels;
	struct resize_tap *taps;
	uint32_t *sums;
	struct node_plan *nodes;
};
struct mine_state {
	const struct mining *mining;
	size_t *order; /* [n_backgrounds] */
	size_t offsets[GRID * GRID];
	double first_scale;
	size_t width, height; /* of the largest background */
	struct miner *miners; /* [threads] */
	struct visit *visits; /* [batch] */
	size_t batch;
	size_t *start; /* [ranks + 1]: each rank's visits; NULL = not shared */
};

static void state_free(struct mine_state *state)
{
	for (int t = 0; state->miners && t < state->mining->training->threads; t++) {
		free(state->miners[t].pixels);
		free(state->miners[t].taps);
		free(state->miners[t].sums);
		free(state->miners[t].nodes);
	}
	for (size_t i = 0; state->visits && i < state->batch; i++)
		crops_free(&state->visits[i].kept);
	free(state->visits);
	free(state->start);
	free(state->miners);
	free(state->order);
}

static int miner_new(const struct mine_state *state, struct miner *miner, struct err *err)
{
	size_t plane = (state->width + 1) * (state->height + 1);
	if (!(miner->pixels = mem_alloc(state->width * state->height, 1, err)) ||
	    !(miner->taps = mem_alloc(state->width, sizeof *miner->taps, err)) ||
	    !(miner->sums = mem_alloc(3 * plane, sizeof *miner->sums, err)) ||
	    !(miner->nodes = mem_alloc(state->mining->cascade->n_nodes, sizeof *miner->nodes, err)))
		return err->code;
	return OK;
}

static int state_new(struct mine_state *state, const struct mining *mining, struct err *err)
{
	const struct cascade_training *training = mining->training;
	struct rng rng;
	*state = (struct mine_state){.mining = mining};
	rng_seed(&rng, training->seed, "cascade.mine", mining->stage);
	state->first_scale = pow(STEP, rng_unit(&rng));
	for (size_t i = 0; i < GRID * GRID; i++)
		state->offsets[i] = i;
	rng_shuffle(&rng, state->offsets, GRID * GRID);
	state->batch = comm_size() > 1 ? RANK_BATCH * (size_t)comm_size() : BATCH;
	state->visits = mem_alloc(state->batch, sizeof *state->visits, err);
	state->order = state->visits ? mem_alloc(training->n_backgrounds, sizeof *state->order, err) : NULL;
	state->miners = mem_alloc((size_t)training->threads, sizeof *state->miners, err);
	if (!state->order || !state->miners)
		return err->code;
	for (size_t i = 0; i < training->n_backgrounds; i++) {
		const struct image *image = &training->backgrounds[i];
		state->order[i] = i;
		state->width = image->width > state->width ? image->width : state->width;
		state->height = image->height > state->height ? image->height : state->height;
	}
	rng_shuffle(&rng, state->order, training->n_backgrounds);
	int code = OK;
	for (int t = 0; t < training->threads && code == OK; t++)
		code = miner_new(state, &state->miners[t], err);
	return code;
}

struct layer_scan {
	struct visit *visit;
	const uint8_t *pixels;
	struct integral integral;
	struct window_plan plan;
	struct rng rng;
	uint8_t *crop; /* [window] */
};

/* Reservoir sampling (Vitter 1985, algorithm R): each passed window is kept with the same probability. */
static int keep_window(struct layer_scan *scan, size_t x, size_t y, struct err *err)
{
	struct visit *visit = scan->visit;
	size_t width = (size_t)visit->kept.width, height = (size_t)visit->kept.height;
	uint64_t place = visit->kept.count;
	visit->accepted++;
	if (visit->kept.count >= visit->most && (place = rng_below(&scan->rng, visit->accepted)) >= visit->most)
		return OK;
	for (size_t row = 0; row < height; row++)
		memcpy(scan->crop + row * width, scan->pixels + (y + row) * scan->integral.width + x, width);
	if (visit->kept.count < visit->most)
		return crops_push(&visit->kept, scan->crop, err);
	memcpy(visit->kept.pixels + place * width * height, scan->crop, width * height);
	return OK;
}

static int scan_offset(struct layer_scan *scan, size_t first_x, size_t first_y, struct err *err)
{
	size_t window_w = (size_t)scan->visit->kept.width, window_h = (size_t)scan->visit->kept.height;
	for (size_t y = first_y; y + window_h <= scan->integral.height; y += GRID) {
		for (size_t x = first_x; x + window_w <= scan->integral.width; x += GRID) {
			size_t offset = y * scan->integral.stride + x;
			float scale = window_scale(&scan->plan, &scan->integral, offset);
			double sum;
			if (scale == 0)
				continue;
			scan->visit->windows++;
			if (window_judge(&scan->plan, &scan->integral, offset, scale, &sum) > 0 &&
			    keep_window(scan, x, y, err) != OK)
				return err->code;
		}
	}
	return OK;
}

static int visit_scales(const struct mine_state *state, struct layer_scan *scan, const struct image *image,
                        struct miner *miner, struct err *err)
{
	size_t window_w = (size_t)scan->visit->kept.width, window_h = (size_t)scan->visit->kept.height;
	for (double scale = state->first_scale;; scale *= STEP) {
		struct integral *integral = &scan->integral;
		integral->width = (size_t)lrint((double)image->width / scale);
		integral->height = (size_t)lrint((double)image->height / scale);
		if (integral->width < window_w || integral->height < window_h)
			return OK;
		resize_exact(&(struct resize){image->pixels, image->width, image->height, miner->pixels, integral->width,
		                              integral->height, miner->taps});
		integral_build(integral, miner->pixels, integral->width);
		for (size_t i = round_offsets[scan->visit->round]; i < round_offsets[scan->visit->round + 1]; i++)
			if (scan_offset(scan, state->offsets[i] % GRID, state->offsets[i] / GRID, err) != OK)
				return err->code;
	}
}

static int visit_run(size_t own, int thread, void *context, struct err *err)
{
	struct mine_state *state = context;
	size_t i = own + (state->start ? state->start[comm_rank()] : 0);
	const struct cascade_training *training = state->mining->training;
	struct visit *visit = &state->visits[i];
	struct miner *miner = &state->miners[thread];
	const struct image *image = &training->backgrounds[visit->picture];
	const struct cascade *cascade = state->mining->cascade;
	size_t stride = image->width + 1, plane = stride * (image->height + 1);
	struct layer_scan scan = {.visit = visit, .pixels = miner->pixels};
	scan.integral = (struct integral){
	    0, 0, stride, miner->sums, miner->sums + plane, cascade->tilted ? miner->sums + 2 * plane : NULL};
	scan.plan = (struct window_plan){.cascade = cascade, .nodes = miner->nodes};
	scan.crop = mem_alloc((size_t)visit->kept.width * (size_t)visit->kept.height, 1, err);
	if (!scan.crop)
		return err->code;
	rng_seed(&scan.rng, training->seed, "cascade.reservoir",
	         (state->mining->stage * ROUNDS + visit->round) * training->n_backgrounds + visit->picture);
	window_plan_build(&scan.plan, (struct grid){stride, 0});
	int code = visit_scales(state, &scan, image, miner, err);
	free(scan.crop);
	return code;
}

/* A round's bound on what one picture may give; the last round takes all it finds. */
static size_t visit_most(const struct cascade_training *training, size_t round)
{
	size_t share = (3 * training->num_neg + training->n_backgrounds - 1) / training->n_backgrounds;
	return round + 1 == ROUNDS ? training->num_neg : share << (2 * round);
}

static int take_visit(const struct cascade_training *training, const struct visit *visit, struct mined *out,
                      struct err *err)
{
	size_t size = (size_t)visit->kept.width * (size_t)visit->kept.height;
	out->windows += visit->windows;
	out->accepted += visit->accepted;
	for (size_t i = 0; i < visit->kept.count && out->crops.count < training->num_neg; i++)
		if (crops_push(&out->crops, visit->kept.pixels + i * size, err) != OK)
			return err->code;
	return OK;
}

/* What all ranks have kept, one visit behind the other. */
static int gather_visits(struct mine_state *state, size_t count, struct err *err)
{
	const struct cascade_training *training = state->mining->training;
	size_t size = (size_t)training->window_w * (size_t)training->window_h, total = 0, ranks = (size_t)comm_size();
	uint64_t *numbers = mem_alloc(count, 3 * sizeof *numbers, err);
	size_t *start = numbers ? mem_alloc(ranks + 1, sizeof *start, err) : NULL;
	for (size_t i = state->start[comm_rank()]; start && i < state->start[comm_rank() + 1]; i++) {
		const struct visit *visit = &state->visits[i];
		memcpy(numbers + 3 * i, (uint64_t[]){visit->windows, visit->accepted, visit->kept.count}, 3 * sizeof *numbers);
	}
	int code = start ? comm_sum_u64(numbers, 3 * count, err) : err->code;
	for (size_t i = 0, r = 0; code == OK && r <= ranks; r++) {
		for (; i < state->start[r]; i++)
			total += numbers[3 * i + 2];
		start[r] = total;
	}
	uint8_t *pixels = code == OK ? mem_alloc_unset(total, size, err) : NULL;
	for (size_t i = state->start[comm_rank()], at = pixels ? start[comm_rank()] : 0;
	     pixels && i < state->start[comm_rank() + 1]; i++) {
		memcpy(pixels + at * size, state->visits[i].kept.pixels, state->visits[i].kept.count * size);
		at += state->visits[i].kept.count;
	}
	code = pixels ? comm_gather(pixels, start, size, err) : err->code;
	for (size_t i = 0, at = 0; code == OK && i < count; at += numbers[3 * i++ + 2]) {
		struct visit *visit = &state->visits[i];
		visit->windows = numbers[3 * i];
		visit->accepted = numbers[3 * i + 1];
		visit->kept.count = 0;
		for (size_t k = 0; code == OK && k < numbers[3 * i + 2]; k++)
			code = crops_push(&visit->kept, pixels + (at + k) * size, err);
	}
	free(pixels);
	free(numbers);
	free(start);
	return code;
}

static int share_visits(struct mine_state *state, size_t count, struct err *err)
{
	free(state->start);
	state->start = NULL;
	int code = comm_shares(count, 1, NULL, &state->start, err);
	if (code == OK)
		code = parallel_for(state->start[comm_rank() + 1] - state->start[comm_rank()], 1,
		                    state->mining->training->threads, visit_run, state, err);
	return code == OK ? gather_visits(state, count, err) : code;
}

static int batch_run(struct mine_state *state, size_t first, size_t count, struct mined *out, struct err *err)
{
	const struct cascade_training *training = state->mining->training;
	for (size_t i = 0; i < count; i++) {
		struct visit *visit = &state->visits[i];
		size_t round = (first + i) / training->n_backgrounds;
		visit->picture = state->order[(first + i) % training->n_backgrounds];
		visit->round = round;
		visit->most = visit_most(training, round);
		visit->windows = visit->accepted = 0;
		visit->kept.width = training->window_w;
		visit->kept.height = training->window_h;
		visit->kept.count = 0;
	}
	int code = comm_size() > 1 ? share_visits(state, count, err)
	                           : parallel_for(count, 1, training->threads, visit_run, state, err);
	for (size_t i = 0; i < count && code == OK && out->crops.count < training->num_neg; i++)
		code = take_visit(training, &state->visits[i], out, err);
	return code;
}

int mine_negatives(const struct mining *mining, struct mined *out, struct err *err)
{
	const struct cascade_training *training = mining->training;
	struct mine_state *state = mem_alloc(1, sizeof *state, err);
	*out = (struct mined){.crops = {.width = training->window_w, .height = training->window_h}};
	if (!state)
		return err->code;
	int code = state_new(state, mining, err);
	struct progress progress;
	progress_start(&progress, "cascade", "negatives found", training->num_neg);
	size_t total = ROUNDS * training->n_backgrounds;
	for (size_t first = 0; first < total && code == OK && out->crops.count < training->num_neg; first += state->batch) {
		code = stop_check("mining negatives", err);
		if (code == OK)
			code = batch_run(state, first, total - first < state->batch ? total - first : state->batch, out, err);
		progress_add(&progress, out->crops.count - progress.done);
	}
	progress_end(&progress);
	state_free(state);
	free(state);
	if (code != OK)
		crops_free(&out->crops);
	return code;
}
