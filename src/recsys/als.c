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
 */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 512 /* rows of a BLAS call; short enough that float sums over them keep six digits */

/* A rise of the loss by more than this share is no rounding any more. */
static const double LOSS_SLACK = 2e-6;

struct side {
	size_t rows;
	float *factor; /* [rows][f] */
	double *gram;  /* [f][f], of `factor`, without λ */
	const struct csr *pattern;
	const float *weight;
	const char *name;
};

struct training {
	const struct als_options *options;
	size_t factors;
	int threads;
	struct csr transposed;             /* [items][users]; value = confidence − 1 */
	float *weight;                     /* [entries], in the matrix' order */
	double *row_loss;                  /* [items] */
	float *lower;                      /* L [f][f]; NULL for the exact solver */
	float *whitened, *inverse, *chunk; /* inverse: L⁻¹ [f][f]; chunk: [threads][CHUNK_ROWS][f] or [lanes][f][f] */
	double *lanes;  /* [n_lanes][f][f]: partial Gram matrices; lane l takes the chunks l, l + n_lanes … */
	size_t n_lanes; /* by f alone, never by the number of threads */
	struct side user, item;
	double *loss;
	size_t done; /* iterations */
	uint64_t identity;
	double saved; /* when the last checkpoint was written */
};

/* ---- Gram matrices ------------------------------------------------------------------------------- */

struct gram_job {
	const struct side *side;
	size_t factors, chunks, n_lanes;
	float *block;  /* [lanes][f][f] */
	double *lanes; /* [lanes][f][f] */
};

static int gram_lane(size_t lane, int thread, void *context, struct err *err)
{
	struct gram_job *job = context;
	size_t f = job->factors;
	float *block = job->block + lane * f * f;
	double *sum = job->lanes + lane * f * f;
	(void)thread;
	(void)err;
	memset(sum, 0, f * f * sizeof *sum);
	for (size_t c = lane; c < job->chunks; c += job->n_lanes) {
		size_t first = c * CHUNK_ROWS, left = job->side->rows - first;
		syrk_run(f, left < CHUNK_ROWS ? left : CHUNK_ROWS, job->side->factor + first * f, f, 0, block);
		for (size_t i = 0; i < f; i++)
			for (size_t j = 0; j <= i; j++)
				sum[i * f + j] += block[i * f + j];
	}
	return OK;
}

static int gram_of(struct training *t, struct side *side, struct err *err)
{
	size_t f = t->factors, chunks = (side->rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
	struct gram_job job = {side, f, chunks, t->n_lanes, t->chunk, t->lanes};
	int code = parallel_for(t->n_lanes, 1, t->threads, gram_lane, &job, err);
	if (code != OK)
		return code;
	memset(side->gram, 0, f * f * sizeof *side->gram);
	for (size_t lane = 0; lane < t->n_lanes; lane++)
		for (size_t i = 0; i < f * f; i++)
			side->gram[i] += t->lanes[lane * f * f + i];
	for (size_t i = 0; i < f; i++)
		for (size_t j = i + 1; j < f; j++)
			side->gram[i * f + j] = side->gram[j * f + i];
	return OK;
}

/* t->inverse ← L⁻¹, L L' = G + λI, column by column of L X = I. */
static int whitening_matrix(struct training *t, const struct side *fixed, struct err *err)
{
	size_t f = t->factors;
	double *l = mem_alloc(2 * f * f, sizeof *l, err);
	if (!l)
		return err->code;
	double *inverse = l + f * f;
	memcpy(l, fixed->gram, f * f * sizeof *l);
	for (size_t i = 0; i < f; i++)
		l[i * f + i] += t->options->model.regularization;
	int code = cholesky_factor(f, l, err);
	if (code != OK)
		err_wrap(err, "als: iteration %zu: Gram matrix of the %s factors; raise als.regularization", t->done + 1,
		         fixed->name);
	for (size_t j = 0; j < f && code == OK; j++) {
		for (size_t i = j; i < f; i++) {
			double sum = i == j ? 1 : 0;
			for (size_t k = j; k < i; k++)
				sum -= l[i * f + k] * inverse[k * f + j];
			inverse[i * f + j] = sum / l[i * f + i];
		}
	}
	for (size_t i = 0; i < f * f && code == OK; i++)
		t->inverse[i] = (float)inverse[i];
	for (size_t i = 0; i < f && t->lower && code == OK; i++)
		for (size_t j = 0; j <= i; j++)
			t->lower[i * f + j] = (float)l[i * f + j];
	free(l);
	return code;
}

/* ---- products of many rows with L or L⁻¹ ------------------------------------------------------------------ */

struct product_job {
	size_t rows, factors;
	bool transpose;
	const float *matrix, *from;
	float *to;    /* may be `from` */
	float *chunk; /* [threads][CHUNK_ROWS][f] */
};

static int product_chunk(size_t c, int thread, void *context, struct err *err)
{
	struct product_job *job = context;
	size_t f = job->factors, first = c * CHUNK_ROWS, left = job->rows - first;
	size_t rows = left < CHUNK_ROWS ? left : CHUNK_ROWS;
	float *chunk = job->chunk + (size_t)thread * CHUNK_ROWS * f;
	struct gemm gemm = {.m = rows, .n = f, .k = f, .transpose_b = job->transpose, .alpha = 1,
	                    .a = job->from + first * f, .lda = f, .b = job->matrix, .ldb = f, .c = chunk, .ldc = f};
	(void)err;
	gemm_run(&gemm);
	memcpy(job->to + first * f, chunk, rows * f * sizeof *chunk);
	return OK;
}

static int product_rows(struct training *t, struct product_job job, struct err *err)
{
	job.factors = t->factors;
	job.chunk = t->chunk;
	return parallel_for((job.rows + CHUNK_ROWS - 1) / CHUNK_ROWS, 1, t->threads, product_chunk, &job, err);
}

/* ---- iterations ------------------------------------------------------------------------------------------ */

static int half_step(struct training *t, struct side *solved, const struct side *fixed, double *row_loss,
                     struct err *err)
{
	int code = whitening_matrix(t, fixed, err);
	if (code == OK)
		code = product_rows(t,
		                    (struct product_job){.rows = fixed->rows,
		                                         .transpose = true,
		                                         .matrix = t->inverse,
		                                         .from = fixed->factor,
		                                         .to = t->whitened},
		                    err);
	struct product_job own = {.rows = solved->rows, .matrix = t->lower, .from = solved->factor, .to = solved->factor};
	if (code == OK && t->lower)
		code = product_rows(t, own, err);
	if (code != OK)
		return code;
	struct als_half half = {.pattern = solved->pattern,
	                        .weight = solved->weight,
	                        .fixed = t->whitened,
	                        .factors = t->factors,
	                        .solved = solved->factor,
	                        .row_loss = row_loss,
	                        .side = solved->name,
	                        .iteration = t->done + 1,
	                        .cg_steps = t->lower ? (size_t)t->options->model.cg_steps : 0,
	                        .threads = t->threads};
	code = als_solve_rows(&half, err);
	own.matrix = t->inverse;
	if (code == OK)
		code = product_rows(t, own, err);
	return code == OK ? gram_of(t, solved, err) : code;
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
	struct als_state state = state_of(t);
	int code = als_checkpoint_save(&state, t->options->checkpoint, err);
	t->saved = clock_seconds();
	return code;
}

/* Between half-steps the item factors are those of the last whole iteration: a stop loses no more than half a step.
 * Conjugate gradients need the user factors of that iteration too, and stop between iterations only. */
static int stop_with_checkpoint(struct training *t, struct err *err)
{
	if (!stop_requested())
		return OK;
	if (t->options->checkpoint && t->done > 0) {
		int code = save_state(t, err);
		if (code != OK)
			return code;
	}
	return stop_check("als", err);
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
	t->saved = clock_seconds();
	while (t->done < wanted) {
		double started = clock_seconds();
		int code = iterate(t, err);
		if (code != OK)
			return code;
		log_info("als", "iteration %zu/%zu: loss %.6g, %.2f s", t->done, wanted, t->loss[t->done - 1],
		         clock_seconds() - started);
		bool due =
		    t->options->checkpoint && t->done < wanted && clock_seconds() - t->saved >= t->options->checkpoint_seconds;
		if (due && (code = save_state(t, err)) != OK)
			return code;
	}
	return OK;
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

static int allocate(struct training *t, struct err *err)
{
	size_t f = t->factors, users = t->user.rows, items = t->item.rows;
	size_t blocks = (size_t)t->threads * CHUNK_ROWS * f, grams = t->n_lanes * f * f;
	t->user.factor = mem_alloc(users, f * sizeof(float), err);
	t->item.factor = mem_alloc(items, f * sizeof(float), err);
	t->whitened = mem_alloc(users > items ? users : items, f * sizeof(float), err);
	t->user.gram = mem_alloc(f * f, sizeof(double), err);
	t->item.gram = mem_alloc(f * f, sizeof(double), err);
	t->inverse = mem_alloc(f * f, sizeof(float), err);
	t->chunk = mem_alloc(blocks > grams ? blocks : grams, sizeof(float), err);
	t->lanes = mem_alloc(grams, sizeof(double), err);
	t->row_loss = mem_alloc(items, sizeof(double), err);
	t->loss = mem_alloc((size_t)t->options->model.iterations, sizeof(double), err);
	bool descends = t->options->model.solver == SOLVER_CG;
	t->lower = descends ? mem_alloc(f * f, sizeof(float), err) : NULL;
	bool whole = (t->lower || !descends) && t->user.factor && t->item.factor && t->whitened && t->user.gram && t->item.gram && t->inverse &&
	             t->chunk && t->lanes && t->row_loss && t->loss;
	return whole ? OK : err->code;
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
	return allocate(t, err);
}

static int resume_or_draw(struct training *t, const struct csr *matrix, struct err *err)
{
	draw_items(t);
	if (t->options->checkpoint) {
		t->identity = identity_of(matrix, t->options);
		struct als_state state = state_of(t);
		/* The last iteration is never skipped: it gives the user factors. */
		int code = als_checkpoint_load(&state, (size_t)t->options->model.iterations - 1, t->options->checkpoint, err);
		if (code != OK)
			return code;
		t->done = state.iterations;
		if (t->done)
			log_info("als", "going on after iteration %zu", t->done);
	}
	return gram_of(t, &t->item, err);
}

static void training_free(struct training *t)
{
	csr_free(&t->transposed);
	free(t->weight);
	free(t->row_loss);
	free(t->whitened);
	free(t->inverse);
	free(t->lower);
	free(t->chunk);
	free(t->lanes);
	free(t->user.factor);
	free(t->item.factor);
	free(t->user.gram);
	free(t->item.gram);
	free(t->loss);
}

int als_train(const struct csr *matrix, const struct als_options *options, struct als_model *out, struct err *err)
{
	int code = check_options(matrix, options, err);
	if (code != OK)
		return code;
	struct training t = {.options = options,
	                     .factors = (size_t)options->model.factors,
	                     .threads = options->threads < 1 ? 1 : options->threads};
	t.n_lanes = lanes_for(t.factors);
	blas_threads(1);
	code = prepare(&t, matrix, err);
	if (code == OK)
		code = resume_or_draw(&t, matrix, err);
	if (code == OK)
		code = run_iterations(&t, err);
	if (code == OK) {
		*out = (struct als_model){.users = t.user.rows,
		                          .items = t.item.rows,
		                          .factors = t.factors,
		                          .iterations = t.done,
		                          .user = t.user.factor,
		                          .item = t.item.factor,
		                          .loss = t.loss,
		                          .regularization = options->model.regularization,
		                          .alpha = options->model.alpha};
		t.user.factor = t.item.factor = NULL;
		t.loss = NULL;
	}
	training_free(&t);
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
	struct training t = {.options = &options, .factors = model->factors, .threads = fold->threads < 1 ? 1 : fold->threads};
	t.user = (struct side){.rows = fold->fresh->rows, .pattern = fold->fresh, .name = "user"};
	t.item = (struct side){.rows = model->items, .name = "item"};
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
		code = allocate(&t, err);
	if (code == OK) {
		memcpy(t.item.factor, model->item, model->items * t.factors * sizeof *model->item);
		code = gram_of(&t, &t.item, err);
	}
	if (code == OK)
		code = half_step(&t, &t.user, &t.item, NULL, err);
	if (code == OK) {
		*out = t.user.factor;
		t.user.factor = NULL;
	}
	training_free(&t);
	blas_threads(t.threads);
	return code;
}
