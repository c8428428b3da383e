/*
 * Alternating least squares for implicit feedback (Hu, Koren, Volinsky 2008).
 *
 * One iteration is two half-steps: users against fixed items, items against fixed users. A half-step forms the Gram
 * matrix of the fixed side once, G = Y'Y + λI = L L', whitens the fixed factors once, Z = Y L'⁻¹, solves every row in
 * whitened coordinates (als_rows.c, or als_cg.c for conjugate gradients, which start at the last iteration's
 * solutions x' = L' x), and turns the solutions back: x = L'⁻¹ x'. The loss over all cells needs no pass
 * over them:
 *     Σ c (p − s)² = ⟨X'X, Y'Y⟩ + Σ over entries of (c (1 − s)² − s²).
 * Sums over rows run in fixed chunks and a fixed order, whatever the number of threads.
 *
 * Shared among ranks: each machine has rows of both sides to itself, of about the same work, and its ranks solve,
 * whiten and add up these alone, in memory that they have in common, as threads would; what machines gather in a
 * half-step are the whitened factors of the fixed side. All rows come together for a checkpoint and at the end.
 */
#include "base/comm.h"
#include "recsys/als_train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A rise of the loss by more than this share is no rounding any more. */
static const double LOSS_SLACK = 2e-6;

/* ---- iterations ------------------------------------------------------------------------------------------ */

int als_gather(const struct side *side, void *rows, size_t size, struct err *err)
{
	return side->start ? comm_gather_machines(rows, side->start, size, err) : OK;
}

static int whiten(struct training *t, const struct side *fixed, struct err *err)
{
	struct als_product product = {
	    .side = fixed, .transpose = true, .matrix = t->inverse, .from = fixed->factor, .to = t->whitened};
	int code = als_whitening(t, fixed, err);
	if (code == OK)
		code = als_product(t, &product, err);
	return code == OK ? als_gather(fixed, t->whitened, t->factors * sizeof *t->whitened, err) : code;
}

static int half_step(struct training *t, struct side *solved, const struct side *fixed, double *row_loss,
                     struct err *err)
{
	int code = whiten(t, fixed, err);
	struct als_product own = {.side = solved, .matrix = t->lower, .from = solved->factor, .to = solved->factor};
	if (code == OK && t->lower)
		code = als_product(t, &own, err);
	if (code != OK)
		return code;
	struct als_half half = {.pattern = solved->pattern,
	                        .weight = solved->weight,
	                        .fixed = t->whitened,
	                        .factors = t->factors,
	                        .first = solved->first,
	                        .end = solved->end,
	                        .solved = solved->factor,
	                        .row_loss = row_loss,
	                        .side = solved->name,
	                        .iteration = t->done + 1,
	                        .cg_steps = t->lower ? (size_t)t->options->model.cg_steps : 0,
	                        .threads = t->threads,
	                        .progress = t->progress,
	                        .shared = t->shared};
	code = als_solve_rows(&half, err);
	own.matrix = t->inverse;
	if (code == OK)
		code = als_product(t, &own, err);
	if (code == OK && row_loss)
		code = als_gather(solved, row_loss, sizeof *row_loss, err);
	return code == OK ? als_gram(t, solved, err) : code;
}

static double loss_of(const struct training *t)
{
	size_t f = t->factors;
	double all = 0, entries = 0, norms = 0;
	for (size_t i = 0; i < f * f; i++)
		all += t->user.gram[i] * t->item.gram[i];
	for (size_t i = 0; i < t->item.rows; i++)
		entries += t->row_loss[i];
	for (size_t i = 0; i < f; i++)
		norms += t->user.gram[i * f + i] + t->item.gram[i * f + i];
	return all + entries + t->options->model.regularization * norms;
}

static int check_loss(const struct training *t, double loss, struct err *err)
{
	if (!isfinite(loss))
		return err_set(err, ERR_NUMERIC,
		               "als: iteration %zu: the loss is not finite; raise als.regularization or lower als.alpha",
		               t->done + 1);
	if (t->done > 0 && loss > t->loss[t->done - 1] * (1 + LOSS_SLACK))
		return err_set(err, ERR_NUMERIC,
		               "als: iteration %zu: the loss rose from %.9g to %.9g; raise als.regularization or lower "
		               "als.alpha",
		               t->done + 1, t->loss[t->done - 1], loss);
	return OK;
}

static struct als_state state_of(const struct training *t)
{
	return (struct als_state){.identity = t->identity,
	                          .iterations = t->done,
	                          .items = t->item.rows,
	                          .factors = t->factors,
	                          .item = t->item.factor,
	                          .loss = t->loss,
	                          .users = t->user.rows,
	                          .user = t->lower ? t->user.factor : NULL};
}

static int save_state(struct training *t, struct err *err)
{
	size_t size = t->factors * sizeof(float);
	int code = als_gather(&t->item, t->item.factor, size, err);
	if (code == OK && t->lower)
		code = als_gather(&t->user, t->user.factor, size, err);
	struct als_state state = state_of(t);
	if (code == OK && comm_publishes())
		code = als_checkpoint_save(&state, t->options->checkpoint, err);
	t->saved = clock_seconds();
	/* A rank that ends here by a stop ends the job; not before it is written. */
	return code == OK ? comm_barrier(err) : code;
}

/* Between half-steps the item factors are those of the last whole iteration: a stop loses no more than half a step.
 * Conjugate gradients need the user factors of that iteration too, and stop between iterations only. */
static int stop_with_checkpoint(struct training *t, struct err *err)
{
	struct err stopped = {0};
	int code = comm_stop_check("als", &stopped);
	if (code == ERR_STOPPED && t->options->checkpoint && t->done > 0 && save_state(t, err) != OK)
		return err->code;
	if (code != OK)
		*err = stopped;
	return code;
}

static int iterate(struct training *t, struct err *err)
{
	int code = stop_with_checkpoint(t, err);
	if (code == OK)
		code = half_step(t, &t->user, &t->item, NULL, err);
	if (code == OK && !t->lower)
		code = stop_with_checkpoint(t, err);
	if (code == OK)
		code = half_step(t, &t->item, &t->user, t->row_loss, err);
	if (code != OK)
		return code;
	double loss = loss_of(t);
	code = check_loss(t, loss, err);
	if (code == OK)
		t->loss[t->done++] = loss;
	return code;
}

static int run_iterations(struct training *t, struct err *err)
{
	size_t wanted = (size_t)t->options->model.iterations;
	while (t->done < wanted) {
		double started = clock_seconds();
		int code = iterate(t, err);
		if (code != OK)
			return code;
		progress_part(t->progress);
		log_info("als", "iteration %zu/%zu: loss %.6g, %.2f s", t->done, wanted, t->loss[t->done - 1],
		         clock_seconds() - started);
		bool due =
		    t->options->checkpoint && t->done < wanted && clock_seconds() - t->saved >= t->options->checkpoint_seconds;
		code = comm_broadcast(&due, sizeof due, 0, err);
		if (code == OK && due)
			code = save_state(t, err);
		if (code != OK)
			return code;
	}
	return OK;
}

static int watched_iterations(struct training *t, struct err *err)
{
	size_t wanted = (size_t)t->options->model.iterations,
	       rows = t->user.end - t->user.first + t->item.end - t->item.first;
	struct progress progress;
	progress_start(&progress, "als", "rows", (wanted - t->done) * rows);
	progress.part_unit = "iterations";
	progress.parts = t->done;
	progress.part_total = wanted;
	t->progress = &progress;
	t->saved = progress.started;
	int code = run_iterations(t, err);
	progress_end(&progress);
	t->progress = NULL;
	return code;
}

/* ---- setting up --------------------------------------------------------------------------------------------- */

/* Small numbers for items that have entries, zeros for the others, as the solver will leave them. */
static void draw_items(struct training *t)
{
	struct rng rng;
	double scale = 0.1 / sqrt((double)t->factors);
	rng_seed(&rng, t->options->seed, "als.items", 0);
	for (size_t i = 0; i < t->item.rows; i++) {
		bool known = t->transposed.start[i + 1] > t->transposed.start[i];
		float *row = t->item.factor + i * t->factors;
		for (size_t k = 0; k < t->factors; k++)
			row[k] = known ? (float)(scale * (2 * rng_unit(&rng) - 1)) : 0;
	}
}

/* What a checkpoint must agree on: everything that the result depends on but the number of iterations. */
static uint64_t identity_of(const struct csr *matrix, const struct als_options *options)
{
	size_t entries = (size_t)matrix->start[matrix->rows];
	double numbers[] = {options->model.regularization, options->model.alpha};
	uint64_t counts[] = {(uint64_t)options->model.factors, (uint64_t)options->model.confidence, options->seed,
	                     matrix->rows, matrix->columns, (uint64_t)options->model.solver,
	                     options->model.solver == SOLVER_CG ? (uint64_t)options->model.cg_steps : 0};
	uint64_t hash = hash64(numbers, sizeof numbers, 0);
	hash = hash64(counts, sizeof counts, hash);
	hash = hash64(matrix->start, (matrix->rows + 1) * sizeof *matrix->start, hash);
	hash = hash64(matrix->index, entries * sizeof *matrix->index, hash);
	return hash64(matrix->value, entries * sizeof *matrix->value, hash);
}

static size_t lanes_for(size_t factors)
{
	size_t fitting = ((size_t)1 << 21) / (factors * factors);
	return fitting < 2 ? 2 : fitting > 32 ? 32 : fitting;
}

static int check_options(const struct csr *matrix, const struct als_options *options, struct err *err)
{
	const struct als_settings *model = &options->model;
	if (model->factors < 1 || model->iterations < 1)
		return err_set(err, ERR_SETTINGS, "als: %ld factors and %ld iterations: at least one of each", model->factors,
		               model->iterations);
	if (!(model->regularization >= 0) || !(model->alpha >= 0) || !isfinite(model->regularization + model->alpha))
		return err_set(err, ERR_SETTINGS, "als: regularization %g and alpha %g must not be negative",
		               model->regularization, model->alpha);
	if (model->solver == SOLVER_CG && model->cg_steps < 1)
		return err_set(err, ERR_SETTINGS, "als: %ld steps of conjugate gradients: at least one", model->cg_steps);
	if (!matrix->value || matrix->rows == 0 || matrix->start[matrix->rows] == 0)
		return err_set(err, ERR_DATA, "als: there is not one playlist with a song to learn from");
	return csr_check(matrix, err);
}

/* Multiplications of a row with n pairs, as its equations are solved (als_rows.c, als_cg.c), and of its share of the
 * products. */
static double row_work(const struct training *t, size_t pairs)
{
	double n = (double)pairs, f = (double)t->factors;
	double products = 3 * f * f;
	if (t->lower)
		return products + f * f + 2 * n * f * (double)(t->options->model.cg_steps + 1);
	return products + 2 * n * f + (n <= f ? n * n * f / 2 + n * n * n / 6 : n * f * f / 2 + f * f * f / 6);
}

static int share_rows(const struct training *t, struct side *side, struct err *err)
{
	side->end = side->rows;
	if (!t->shared)
		return OK;
	double *work = mem_alloc(side->rows, sizeof *work, err);
	if (!work)
		return err->code;
	for (size_t i = 0; i < side->rows; i++)
		work[i] = row_work(t, (size_t)(side->pattern->start[i + 1] - side->pattern->start[i]));
	int code = comm_machine_shares(side->rows, CHUNK_ROWS, work, &side->start, err);
	free(work);
	if (code == OK) {
		side->first = side->start[comm_machine()];
		side->end = side->start[comm_machine() + 1];
	}
	return code;
}

static int prepare(struct training *t, const struct csr *matrix, struct err *err)
{
	struct csr weighted = *matrix;
	int code = als_weights(matrix, &t->options->model, &t->weight, err);
	if (code != OK)
		return code;
	weighted.value = t->weight;
	code = csr_transpose(&weighted, &t->transposed, err);
	if (code != OK)
		return code;
	t->user = (struct side){.rows = matrix->rows, .pattern = matrix, .weight = t->weight, .name = "user"};
	t->item = (struct side){
	    .rows = matrix->columns, .pattern = &t->transposed, .weight = t->transposed.value, .name = "item"};
	code = als_allocate(t, err);
	if (code == OK)
		code = share_rows(t, &t->user, err);
	return code == OK ? share_rows(t, &t->item, err) : code;
}

/* Rows of the first machine become all machines'. */
static int spread(const struct training *t, float *rows, size_t count, struct err *err)
{
	size_t *start = mem_alloc((size_t)comm_machines() + 1, sizeof *start, err);
	if (!start)
		return err->code;
	for (int m = 1; m <= comm_machines(); m++)
		start[m] = count;
	int code = t->shared ? comm_gather_machines(rows, start, t->factors * sizeof *rows, err) : OK;
	free(start);
	return code;
}

/* The last iteration is never skipped: it gives the user factors. Rank 0 reads for all. */
static int load_state(struct training *t, struct als_state *state, struct err *err)
{
	int code = OK;
	if (comm_publishes())
		code = als_checkpoint_load(state, (size_t)t->options->model.iterations - 1, t->options->checkpoint, err);
	if (code == OK)
		code = comm_broadcast(&state->iterations, sizeof state->iterations, 0, err);
	if (code != OK || state->iterations == 0)
		return code;
	code = comm_broadcast(state->loss, state->iterations * sizeof *state->loss, 0, err);
	if (code == OK)
		code = spread(t, state->item, state->items, err);
	return code == OK && state->user ? spread(t, state->user, state->users, err) : code;
}

static int resume_or_draw(struct training *t, const struct csr *matrix, struct err *err)
{
	if (comm_machine_rank() == 0)
		draw_items(t);
	if (t->shared && comm_machine_barrier(err) != OK)
		return err->code;
	if (t->options->checkpoint) {
		t->identity = identity_of(matrix, t->options);
		struct als_state state = state_of(t);
		int code = load_state(t, &state, err);
		if (code != OK)
			return code;
		t->done = state.iterations;
		if (t->done)
			log_info("als", "going on after iteration %zu", t->done);
	}
	return als_gram(t, &t->item, err);
}

int als_train(const struct csr *matrix, const struct als_options *options, struct als_model *out, struct err *err)
{
	int code = check_options(matrix, options, err);
	if (code != OK)
		return code;
	struct training t = {.options = options,
	                     .factors = (size_t)options->model.factors,
	                     .threads = options->threads < 1 ? 1 : options->threads,
	                     .shared = comm_size() > 1};
	t.n_lanes = lanes_for(t.factors);
	blas_threads(1);
	code = prepare(&t, matrix, err);
	if (code == OK)
		code = resume_or_draw(&t, matrix, err);
	if (code == OK)
		code = watched_iterations(&t, err);
	if (code == OK)
		code = als_take_model(&t, out, err);
	als_training_free(&t);
	blas_threads(t.threads);
	return code;
}

int als_fold_in(const struct als_model *model, const struct als_fold *fold, float **out, struct err *err)
{
	const struct als_options options = {.model = {.factors = (long)model->factors,
	                                              .iterations = 1,
	                                              .regularization = model->regularization,
	                                              .alpha = model->alpha,
	                                              .confidence = fold->confidence}};
	struct training t = {
	    .options = &options, .factors = model->factors, .threads = fold->threads < 1 ? 1 : fold->threads};
	t.user = (struct side){.rows = fold->fresh->rows, .end = fold->fresh->rows, .pattern = fold->fresh, .name = "user"};
	t.item = (struct side){.rows = model->items, .end = model->items, .name = "item"};
	t.n_lanes = lanes_for(t.factors);
	if (fold->fresh->columns != model->items || fold->learnt->columns != model->items)
		return err_set(err, ERR_DATA, "als: a model of %zu songs cannot take in playlists over %zu", model->items,
		               fold->fresh->columns);
	blas_threads(1);
	int code = csr_check(fold->fresh, err);
	if (code == OK)
		code = als_weights_among(fold->learnt, fold->fresh, &options.model, &t.weight, err);
	t.user.weight = t.weight;
	if (code == OK)
		code = als_allocate(&t, err);
	if (code == OK) {
		memcpy(t.item.factor, model->item, model->items * t.factors * sizeof *model->item);
		code = als_gram(&t, &t.item, err);
	}
	if (code == OK)
		code = half_step(&t, &t.user, &t.item, NULL, err);
	if (code == OK) {
		*out = t.user.factor;
		t.user.factor = NULL;
	}
	als_training_free(&t);
	blas_threads(t.threads);
	return code;
}
