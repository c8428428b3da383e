/* Alternating least squares: held to a float64 solver of the dense normal equations, and to itself. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recsys/recsys_internal.h"

#define USERS 60
#define ITEMS 90

/* Long and short rows, two rows and two columns without entries, likes from 0 upwards. */
static struct csr draw_matrix(uint64_t seed)
{
	struct err err = {0};
	struct rng rng;
	struct csr m = {.rows = USERS, .columns = ITEMS};
	m.start = mem_alloc(USERS + 1, sizeof *m.start, &err);
	m.index = mem_alloc(USERS * ITEMS, sizeof *m.index, &err);
	m.value = mem_alloc(USERS * ITEMS, sizeof *m.value, &err);
	rng_seed(&rng, seed, "test.als", 0);
	size_t at = 0;
	for (size_t u = 0; u < USERS; u++) {
		double density = u % 7 == 0 ? 0.7 : 0.1;
		float likes = (float)rng_below(&rng, 40) * (float)rng_below(&rng, 3);
		for (size_t i = 0; i < ITEMS; i++) {
			bool empty = u == 3 || u == USERS - 1 || i == 0 || i == 50;
			if (rng_unit(&rng) >= density || empty)
				continue;
			m.index[at] = (int32_t)i;
			m.value[at++] = likes;
		}
		m.start[u + 1] = (int64_t)at;
	}
	return m;
}

static struct als_options options_of(long factors, long iterations, int confidence)
{
	return (struct als_options){.model = {.factors = factors,
	                                      .iterations = iterations,
	                                      .regularization = 0.08,
	                                      .alpha = 1,
	                                      .confidence = confidence},
	                            .seed = 7,
	                            .threads = 1};
}

/* ---- the reference: dense, float64 ------------------------------------------------------------------- */

struct dense {
	double weight[USERS][ITEMS]; /* confidence − 1 */
	bool held[USERS][ITEMS];
};

static struct dense *dense_of(const struct csr *m, const struct als_options *options)
{
	struct err err = {0};
	float *weight;
	struct dense *d = mem_alloc(1, sizeof *d, &err);
	assert_ok(als_weights(m, &options->model, &weight, &err));
	for (size_t u = 0; u < USERS; u++) {
		for (int64_t e = m->start[u]; e < m->start[u + 1]; e++) {
			d->weight[u][m->index[e]] = weight[e];
			d->held[u][m->index[e]] = true;
		}
	}
	free(weight);
	return d;
}

static void cell(const struct dense *d, bool users, size_t row, size_t column, double *confidence, double *preference)
{
	size_t u = users ? row : column, i = users ? column : row;
	*confidence = 1 + d->weight[u][i];
	*preference = d->held[u][i] ? 1 : 0;
}

/* One row by its normal equations over ALL columns: Σ c y y' + λ I. */
static void reference_row(const struct dense *d, bool users, size_t row, const double *fixed, size_t f, double *x)
{
	struct err err = {0};
	size_t columns = users ? ITEMS : USERS;
	double *a = mem_alloc(f * f, sizeof *a, &err);
	memset(x, 0, f * sizeof *x);
	for (size_t k = 0; k < f; k++)
		a[k * f + k] = 0.08;
	for (size_t j = 0; j < columns; j++) {
		double c, p;
		const double *y = fixed + j * f;
		cell(d, users, row, j, &c, &p);
		for (size_t k = 0; k < f; k++) {
			x[k] += c * p * y[k];
			for (size_t l = 0; l <= k; l++)
				a[k * f + l] += c * y[k] * y[l];
		}
	}
	assert_ok(cholesky_factor(f, a, &err));
	cholesky_solve(f, a, x);
	free(a);
}

static double reference_loss(const struct dense *d, const double *user, const double *item, size_t f)
{
	double loss = 0;
	for (size_t k = 0; k < USERS * f; k++)
		loss += 0.08 * user[k] * user[k];
	for (size_t k = 0; k < ITEMS * f; k++)
		loss += 0.08 * item[k] * item[k];
	for (size_t u = 0; u < USERS; u++) {
		for (size_t i = 0; i < ITEMS; i++) {
			double c, p, s = 0;
			cell(d, true, u, i, &c, &p);
			for (size_t k = 0; k < f; k++)
				s += user[u * f + k] * item[i * f + k];
			loss += c * (p - s) * (p - s);
		}
	}
	return loss;
}

static double *widen(const float *x, size_t n)
{
	struct err err = {0};
	double *wide = mem_alloc(n, sizeof *wide, &err);
	for (size_t i = 0; i < n; i++)
		wide[i] = x[i];
	return wide;
}

/* Scores of all cells, as float32 for assert_close. */
static float *scores_of(const double *user, const double *item, size_t f)
{
	struct err err = {0};
	float *scores = mem_alloc(USERS * ITEMS, sizeof *scores, &err);
	for (size_t u = 0; u < USERS; u++)
		for (size_t i = 0; i < ITEMS; i++) {
			double s = 0;
			for (size_t k = 0; k < f; k++)
				s += user[u * f + k] * item[i * f + k];
			scores[u * ITEMS + i] = (float)s;
		}
	return scores;
}

/* The state after one iteration, carried on in float64, against the same number of iterations in float32. */
static void check_against_reference(long factors, int confidence)
{
	struct err err = {0};
	struct csr m = draw_matrix(1);
	struct als_options first = options_of(factors, 1, confidence), all = options_of(factors, 6, confidence);
	struct als_model start = {0}, end = {0};
	size_t f = (size_t)factors;
	assert_ok(als_train(&m, &first, &start, &err));
	assert_ok(als_train(&m, &all, &end, &err));
	struct dense *d = dense_of(&m, &all);
	double *user = widen(start.user, USERS * f), *item = widen(start.item, ITEMS * f);
	for (int iteration = 1; iteration < 6; iteration++) {
		for (size_t u = 0; u < USERS; u++)
			reference_row(d, true, u, item, f, user + u * f);
		for (size_t i = 0; i < ITEMS; i++)
			reference_row(d, false, i, user, f, item + i * f);
	}
	double loss = reference_loss(d, user, item, f);
	if (!(fabs(end.loss[5] - loss) <= 2e-5 * loss))
		fail_msg("%ld factors, confidence %d: loss %.9g, reference %.9g", factors, confidence, end.loss[5], loss);
	double *own_user = widen(end.user, USERS * f), *own_item = widen(end.item, ITEMS * f);
	float *scores = scores_of(own_user, own_item, f), *wanted = scores_of(user, item, f);
	assert_close(scores, wanted, USERS * ITEMS, 0, 2e-3);
	double direct = reference_loss(d, own_user, own_item, f);
	if (!(fabs(end.loss[5] - direct) <= 1e-6 * direct))
		fail_msg("the loss of its own factors is %.9g, it says %.9g", direct, end.loss[5]);
	free(scores);
	free(wanted);
	free(own_user);
	free(own_item);
	free(user);
	free(item);
	free(d);
	als_model_free(&start);
	als_model_free(&end);
	csr_free(&m);
}

static void equals_a_float64_solver_for_every_confidence_and_row_length(void **state)
{
	(void)state;
	const long factors[] = {1, 5, 16, 24};
	for (size_t i = 0; i < ARRAY_COUNT(factors); i++)
		for (int confidence = CONFIDENCE_RAW; confidence <= CONFIDENCE_BM25; confidence++)
			check_against_reference(factors[i], confidence);
}

/* ---- properties -------------------------------------------------------------------------------------------- */

static void loss_never_rises(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(2);
	struct als_options options = options_of(20, 40, CONFIDENCE_LOG);
	struct als_model model = {0};
	(void)state;
	assert_ok(als_train(&m, &options, &model, &err));
	for (size_t i = 1; i < model.iterations; i++)
		assert_true(model.loss[i] <= model.loss[i - 1] * (1 + 1e-7));
	assert_true(model.loss[39] < 0.9 * model.loss[0]);
	als_model_free(&model);
	csr_free(&m);
}

static struct als_options descending(long factors, long iterations, long steps)
{
	struct als_options options = options_of(factors, iterations, CONFIDENCE_LOG);
	options.model.solver = SOLVER_CG;
	options.model.cg_steps = steps;
	return options;
}

/* With as many steps as there are factors a half-step is exact, and so is the whole. */
static void conjugate_gradients_run_to_their_end_are_the_exact_solver(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(11);
	struct als_options exact = options_of(12, 8, CONFIDENCE_LOG), steps = descending(12, 8, 40);
	struct als_model wanted = {0}, own = {0};
	(void)state;
	assert_ok(als_train(&m, &exact, &wanted, &err));
	assert_ok(als_train(&m, &steps, &own, &err));
	for (size_t i = 0; i < 8; i++)
		if (!(fabs(own.loss[i] - wanted.loss[i]) <= 1e-5 * wanted.loss[i]))
			fail_msg("iteration %zu: loss %.9g, exact %.9g", i + 1, own.loss[i], wanted.loss[i]);
	assert_close(own.user, wanted.user, USERS * 12, 1e-2, 2e-3);
	assert_close(own.item, wanted.item, ITEMS * 12, 1e-2, 2e-3);
	als_model_free(&wanted);
	als_model_free(&own);
	csr_free(&m);
}

/* Few steps: the loss falls in every iteration and comes to where the exact solver's does. */
static void few_steps_of_conjugate_gradients_fall_to_the_same_loss(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(2);
	struct als_options exact = options_of(20, 40, CONFIDENCE_LOG);
	struct als_model wanted = {0}, own = {0};
	(void)state;
	assert_ok(als_train(&m, &exact, &wanted, &err));
	for (long steps = 1; steps <= 3; steps++) {
		struct als_options few = descending(20, 40, steps);
		assert_ok(als_train(&m, &few, &own, &err));
		for (size_t i = 1; i < own.iterations; i++)
			assert_true(own.loss[i] <= own.loss[i - 1] * (1 + 1e-7));
		if (!(own.loss[39] <= wanted.loss[39] * 1.02))
			fail_msg("%ld steps: loss %.9g, exact %.9g", steps, own.loss[39], wanted.loss[39]);
		als_model_free(&own);
	}
	als_model_free(&wanted);
	csr_free(&m);
}

/* Rows that training never saw, against the dense float64 equations with the same items; weights as among the rows learnt from. */
static void new_rows_are_folded_in_exactly(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(12);
	struct als_model model = {0};
	(void)state;
	for (int confidence = CONFIDENCE_RAW; confidence <= CONFIDENCE_BM25; confidence++) {
		struct als_options options = options_of(12, 5, confidence);
		assert_ok(als_train(&m, &options, &model, &err));
		/* The last 30 rows as if they were new. */
		int64_t start[31];
		struct csr fresh = {30, ITEMS, start, m.index + m.start[30], m.value + m.start[30]};
		for (size_t i = 0; i <= 30; i++)
			start[i] = m.start[30 + i] - m.start[30];
		struct als_fold fold = {.learnt = &m, .fresh = &fresh, .confidence = confidence, .threads = 2};
		float *own, wanted[12];
		assert_ok(als_fold_in(&model, &fold, &own, &err));
		struct dense *d = dense_of(&m, &options);
		double *item = widen(model.item, ITEMS * 12), x[12];
		for (size_t u = 0; u < 30; u++) {
			reference_row(d, true, 30 + u, item, 12, x);
			for (size_t k = 0; k < 12; k++)
				wanted[k] = (float)x[k];
			assert_close(own + u * 12, wanted, 12, 1e-3, 1e-3);
		}
		fresh.columns--;
		free(own);
		assert_refused(als_fold_in(&model, &fold, &own, &err), ERR_DATA, "cannot take in");
		free(item);
		free(d);
		als_model_free(&model);
	}
	csr_free(&m);
}

static void rows_without_entries_have_zero_factors(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(3);
	struct als_options options = options_of(8, 2, CONFIDENCE_RAW);
	struct als_model model = {0};
	(void)state;
	assert_ok(als_train(&m, &options, &model, &err));
	for (size_t k = 0; k < 8; k++) {
		assert_true(model.user[3 * 8 + k] == 0 && model.user[(USERS - 1) * 8 + k] == 0);
		assert_true(model.item[k] == 0 && model.item[50 * 8 + k] == 0);
	}
	als_model_free(&model);
	csr_free(&m);
}

static void assert_same_model(const struct als_model *a, const struct als_model *b)
{
	assert_int_equal(a->iterations, b->iterations);
	assert_memory_equal(a->user, b->user, a->users * a->factors * sizeof(float));
	assert_memory_equal(a->item, b->item, a->items * a->factors * sizeof(float));
	assert_memory_equal(a->loss, b->loss, a->iterations * sizeof(double));
}

static void check_threads(struct als_options options)
{
	struct err err = {0};
	struct csr m = draw_matrix(4);
	struct als_model one = {0}, other = {0};
	assert_ok(als_train(&m, &options, &one, &err));
	for (int threads = 2; threads <= 3; threads++) {
		options.threads = threads;
		assert_ok(als_train(&m, &options, &other, &err));
		assert_same_model(&one, &other);
		als_model_free(&other);
	}
	options.seed++;
	assert_ok(als_train(&m, &options, &other, &err));
	assert_true(memcmp(one.item, other.item, ITEMS * 20 * sizeof(float)) != 0);
	als_model_free(&other);
	als_model_free(&one);
	csr_free(&m);
}

static void same_bytes_for_any_number_of_threads(void **state)
{
	(void)state;
	check_threads(options_of(20, 4, CONFIDENCE_BM25));
	check_threads(descending(20, 4, 2));
}

static void resumed_conjugate_gradients_end_with_the_same_bytes(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(5);
	struct als_options plain = descending(12, 7, 2), part = descending(12, 4, 2);
	struct als_model whole = {0}, half = {0}, resumed = {0};
	(void)state;
	part.checkpoint = scratch_path(folder, "als.checkpoint");
	assert_ok(als_train(&m, &plain, &whole, &err));
	assert_ok(als_train(&m, &part, &half, &err));
	plain.checkpoint = part.checkpoint;
	plain.checkpoint_seconds = 1e9;
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_same_model(&whole, &resumed);
	als_model_free(&resumed);
	/* Another number of steps is another problem. */
	struct als_options other = descending(12, 7, 3), alone = other;
	struct als_model fresh = {0};
	other.checkpoint = part.checkpoint;
	assert_ok(als_train(&m, &other, &resumed, &err));
	assert_ok(als_train(&m, &alone, &fresh, &err));
	assert_same_model(&fresh, &resumed);
	als_model_free(&fresh);
	als_model_free(&whole);
	als_model_free(&half);
	als_model_free(&resumed);
	csr_free(&m);
	scratch_remove(folder);
}

/* Doubles one factor of a checkpoint with 12 factors. */
static void change_checkpoint(const char *path)
{
	struct err err = {0};
	struct tensor_file *file;
	const struct tensor *header;
	float item[ITEMS * 12];
	double loss[8];
	struct als_state kept = {.items = ITEMS, .factors = 12, .item = item, .loss = loss};
	assert_ok(tensors_map(&file, path, &err));
	assert_ok(tensors_need(file, "state", NPY_I64, 1, (size_t[]){4}, &header, &err));
	memcpy(&kept.identity, header->data, sizeof kept.identity);
	tensors_unmap(file);
	assert_ok(als_checkpoint_load(&kept, 8, path, &err));
	assert_int_equal(kept.iterations, 3);
	kept.item[12] *= 2;
	kept.loss[2] *= 10;
	assert_ok(als_checkpoint_save(&kept, path, &err));
}

static void resumed_training_ends_with_the_same_bytes(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(5);
	struct als_options plain = options_of(12, 7, CONFIDENCE_LOG), part = options_of(12, 4, CONFIDENCE_LOG);
	struct als_model whole = {0}, half = {0}, resumed = {0};
	(void)state;
	part.checkpoint = scratch_path(folder, "als.checkpoint");
	assert_ok(als_train(&m, &plain, &whole, &err));
	assert_ok(als_train(&m, &part, &half, &err));
	assert_true(path_exists(part.checkpoint));
	plain.checkpoint = part.checkpoint;
	plain.checkpoint_seconds = 1e9;
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_same_model(&whole, &resumed);
	/* It did go on from there: with another state in the file the end is another. */
	change_checkpoint(part.checkpoint);
	als_model_free(&resumed);
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_true(memcmp(whole.item, resumed.item, ITEMS * 12 * sizeof(float)) != 0);
	als_model_free(&whole);
	als_model_free(&half);
	als_model_free(&resumed);
	csr_free(&m);
	scratch_remove(folder);
}

static void checkpoint_keeps_its_state_and_ignores_strangers(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "state");
	float item[6] = {1, 2, 3, 4, 5, 6}, read_item[6] = {0};
	double loss[2] = {3.5, 1.0 / 3}, read_loss[4] = {0};
	struct als_state saved = {.identity = 77, .iterations = 2, .items = 3, .factors = 2, .item = item, .loss = loss};
	struct als_state read = {.identity = 77, .items = 3, .factors = 2, .item = read_item, .loss = read_loss};
	(void)state;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	assert_ok(als_checkpoint_save(&saved, path, &err));
	assert_ok(als_checkpoint_load(&read, 1, path, &err));
	assert_int_equal(read.iterations, 0);
	read.identity = 78;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	read.identity = 77;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 2);
	assert_memory_equal(read_item, item, sizeof item);
	assert_memory_equal(read_loss, loss, sizeof loss);
	log_set_level(LOG_QUIET);
	read.iterations = 0;
	assert_ok(file_write(path, "not a checkpoint", 16, &err));
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	log_set_level(LOG_WARN);
	scratch_remove(folder);
}

static void saved_model_reads_back_the_same(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(6);
	struct als_options options = options_of(5, 2, CONFIDENCE_LOG);
	struct als_model model = {0}, read = {0};
	(void)state;
	assert_ok(als_train(&m, &options, &model, &err));
	assert_ok(als_save(&model, scratch_path(folder, "als.npz"), &err));
	assert_ok(als_load(&read, scratch_path(folder, "als.npz"), &err));
	assert_int_equal(read.users, USERS);
	assert_int_equal(read.items, ITEMS);
	assert_int_equal(read.factors, 5);
	assert_int_equal(read.iterations, 2);
	assert_true(read.regularization == 0.08 && read.alpha == 1);
	assert_memory_equal(read.user, model.user, USERS * 5 * sizeof(float));
	assert_memory_equal(read.item, model.item, ITEMS * 5 * sizeof(float));
	model.item[7] = NAN;
	als_model_free(&read);
	assert_ok(als_save(&model, scratch_path(folder, "nan.npz"), &err));
	assert_refused(als_load(&read, scratch_path(folder, "nan.npz"), &err), ERR_DATA, "item_factors: row 1, factor 2");
	als_model_free(&model);
	csr_free(&m);
	scratch_remove(folder);
}

static void two_tastes_that_never_mix_are_told_apart(void **state)
{
	struct err err = {0};
	struct csr m = {.rows = 20, .columns = 20};
	int64_t start[21] = {0};
	int32_t index[200];
	float value[200];
	size_t at = 0;
	(void)state;
	for (size_t u = 0; u < 20; u++) {
		for (size_t i = u / 10 * 10; i < u / 10 * 10 + 10; i++) {
			/* A tenth of each playlist is missing: the model has to fill it in. */
			if (i % 10 != u % 10) {
				value[at] = 3;
				index[at++] = (int32_t)i;
			}
		}
		start[u + 1] = (int64_t)at;
	}
	m.start = start;
	m.index = index;
	m.value = value;
	struct als_options options = options_of(2, 10, CONFIDENCE_LOG);
	struct als_model model = {0};
	assert_ok(als_train(&m, &options, &model, &err));
	for (size_t u = 0; u < 20; u++) {
		float missing = dot_run(2, model.user + u * 2, model.item + (u / 10 * 10 + u % 10) * 2);
		for (size_t i = 0; i < 10; i++)
			assert_true(missing > 0.5f + dot_run(2, model.user + u * 2, model.item + ((1 - u / 10) * 10 + i) * 2));
	}
	als_model_free(&model);
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

static void refuses_what_cannot_be_learnt_from(void **state)
{
	struct err err = {0};
	struct csr m = draw_matrix(8);
	struct als_options options = options_of(8, 3, CONFIDENCE_RAW);
	struct als_model model = {0};
	(void)state;
	float likes = m.value[5];
	m.value[5] = -1;
	assert_refused(als_train(&m, &options, &model, &err), ERR_DATA, "row 0, column");
	m.value[5] = likes;
	/* Weights so large that their square is not finite. */
	for (int64_t e = m.start[7]; e < m.start[8]; e++)
		m.value[e] = 3e38f;
	assert_refused(als_train(&m, &options, &model, &err), ERR_NUMERIC, "iteration 1, user row 7 (");
	struct csr empty = {.rows = 2, .columns = 2, .start = (int64_t[]){0, 0, 0}, .index = m.index, .value = m.value};
	assert_refused(als_train(&empty, &options, &model, &err), ERR_DATA, "not one playlist");
	for (int64_t e = m.start[7]; e < m.start[8]; e++)
		m.value[e] = 3e38f;
	struct als_options steps = descending(8, 3, 3);
	steps.model.confidence = CONFIDENCE_RAW;
	assert_refused(als_train(&m, &steps, &model, &err), ERR_NUMERIC, "iteration 1, user row 7 (");
	steps.model.cg_steps = 0;
	assert_refused(als_train(&m, &steps, &model, &err), ERR_SETTINGS, "at least one");
	options.model.factors = 0;
	assert_refused(als_train(&m, &options, &model, &err), ERR_SETTINGS, "0 factors");
	assert_null(model.user);
	csr_free(&m);
}

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

static void fill(struct rng *rng, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)rng_normal(rng);
}

static void kernels_equal_plain_sums(void **state)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	struct rng rng;
	(void)state;
	rng_seed(&rng, 1, "test.kernels", 0);
	for (size_t n = 1; n < 150; n += 7) {
		float *x = canary_new(4 * n), *y = canary_new(4 * n), *out = canary_new(16), *sum = canary_new(n), wanted[16],
		      total[150];
		fill(&rng, x, 4 * n);
		fill(&rng, y, 4 * n);
		const float *xs[4] = {x, x + n, x + 2 * n, x + 3 * n}, *ys[4] = {y, y + n, y + 2 * n, y + 3 * n};
		kernels->dots(xs, ys, n, out, 4);
		for (size_t i = 0; i < 16; i++) {
			double dot = 0;
			for (size_t k = 0; k < n; k++)
				dot += (double)xs[i / 4][k] * ys[i % 4][k];
			wanted[i] = (float)dot;
		}
		assert_close(out, wanted, 16, 1e-5, 1e-4);
		kernels->combine(4, wanted, ys, n, sum);
		for (size_t k = 0; k < n; k++)
			total[k] = wanted[0] * y[k] + wanted[1] * y[n + k] + wanted[2] * y[2 * n + k] + wanted[3] * y[3 * n + k];
		assert_close(sum, total, n, 1e-5, 1e-4);
		canary_check(out, 16);
		canary_check(sum, n);
		canary_free(x);
		canary_free(y);
		canary_free(out);
		canary_free(sum);
	}
}

static void cholesky_solves_what_rank_update_builds(void **state)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	struct err err = {0};
	struct rng rng;
	(void)state;
	rng_seed(&rng, 2, "test.kernels", 0);
	for (size_t n = 1; n < 70; n += 5) {
		size_t ld = recsys_padded(n), rows = n + 3;
		float *p = mem_alloc(rows * ld, sizeof *p, &err), *a = canary_new(n * ld), *b = canary_new(ld);
		double *dense = mem_alloc(n * n, sizeof *dense, &err), right[70];
		float want[70];
		memset(a, 0, n * ld * sizeof *a);
		memset(b, 0, ld * sizeof *b);
		for (size_t r = 0; r < rows; r++)
			fill(&rng, p + r * ld, n);
		fill(&rng, b, n);
		for (size_t i = 0; i < n; i++) {
			right[i] = b[i];
			a[i * ld + i] = 2;
			for (size_t j = 0; j <= i; j++) {
				dense[i * n + j] = i == j ? 2 : 0;
				for (size_t r = 0; r < rows; r++)
					dense[i * n + j] += (double)p[r * ld + i] * p[r * ld + j];
			}
		}
		kernels->rank_update(n, ld, rows, p, a);
		assert_int_equal(kernels->cholesky(n, ld, a), n);
		kernels->solve(n, ld, a, b);
		assert_ok(cholesky_factor(n, dense, &err));
		cholesky_solve(n, dense, right);
		for (size_t i = 0; i < n; i++)
			want[i] = (float)right[i];
		assert_close(b, want, n, 1e-4, 2e-5);
		canary_check(a, n * ld);
		canary_check(b, ld);
		canary_free(a);
		canary_free(b);
		free(p);
		free(dense);
	}
}

static void cholesky_names_the_pivot_that_is_not_positive(void **state)
{
	float a[6 * 16] = {0};
	(void)state;
	for (size_t i = 0; i < 6; i++)
		a[i * 16 + i] = i == 4 ? -1 : 1;
	assert_int_equal(recsys_kernels()->cholesky(6, 16, a), 4);
}

static void every_cpu_level_gives_the_same_bits(void **state)
{
	struct rng rng;
	const float *rows[16];
	float projected[16], other_projected[16], x[4][77], y[4][77], base[16], other[16], sum[77], other_sum[77], a[2][77 * 80], b[2][80];
	const float *xs[4] = {x[0], x[1], x[2], x[3]}, *ys[4] = {y[0], y[1], y[2], y[3]};
	const struct recsys_kernels *lowest = recsys_kernels_at(CPU_BASELINE);
	(void)state;
	rng_seed(&rng, 3, "test.kernels", 0);
	fill(&rng, x[0], 4 * 77);
	fill(&rng, y[0], 4 * 77);
	lowest->dots(xs, ys, 77, base, 4);
	lowest->combine(4, base, ys, 77, sum);
	for (int j = 0; j < 16; j++)
		rows[j] = y[j % 4];
	lowest->project(x[0], rows, 77, projected);
	for (int j = 0; j < 4; j++)
		assert_true(projected[j] == base[j] && projected[j + 12] == base[j]);
	if (!recsys_kernels_at(CPU_AVX2))
		skip();
	for (enum cpu_level level = CPU_AVX2; level <= CPU_AVX512 && recsys_kernels_at(level); level++) {
		const struct recsys_kernels *kernels = recsys_kernels_at(level);
		const struct recsys_kernels *both[2] = {lowest, kernels};
		kernels->dots(xs, ys, 77, other, 4);
		kernels->combine(4, base, ys, 77, other_sum);
		kernels->project(x[0], rows, 77, other_projected);
		assert_memory_equal(projected, other_projected, sizeof projected);
		assert_memory_equal(base, other, sizeof base);
		assert_memory_equal(sum, other_sum, sizeof sum);
		for (int k = 0; k < 2; k++) {
			float p[4 * 80] = {0};
			memset(a[k], 0, sizeof a[k]);
			memset(b[k], 0, sizeof b[k]);
			for (size_t i = 0; i < 77; i++) {
				a[k][i * 80 + i] = 1;
				b[k][i] = x[1][i];
				for (size_t r = 0; r < 4; r++)
					p[r * 80 + i] = y[r][i];
			}
			both[k]->rank_update(77, 80, 4, p, a[k]);
			assert_int_equal(both[k]->cholesky(77, 80, a[k]), 77);
			both[k]->solve(77, 80, a[k], b[k]);
		}
		assert_memory_equal(b[0], b[1], sizeof b[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equals_a_float64_solver_for_every_confidence_and_row_length),
	    cmocka_unit_test(loss_never_rises),
	    cmocka_unit_test(conjugate_gradients_run_to_their_end_are_the_exact_solver),
	    cmocka_unit_test(few_steps_of_conjugate_gradients_fall_to_the_same_loss),
	    cmocka_unit_test(resumed_conjugate_gradients_end_with_the_same_bytes),
	    cmocka_unit_test(new_rows_are_folded_in_exactly),
	    cmocka_unit_test(rows_without_entries_have_zero_factors),
	    cmocka_unit_test(same_bytes_for_any_number_of_threads),
	    cmocka_unit_test(resumed_training_ends_with_the_same_bytes),
	    cmocka_unit_test(checkpoint_keeps_its_state_and_ignores_strangers),
	    cmocka_unit_test(saved_model_reads_back_the_same),
	    cmocka_unit_test(two_tastes_that_never_mix_are_told_apart),
	    cmocka_unit_test(refuses_what_cannot_be_learnt_from),
	    cmocka_unit_test(kernels_equal_plain_sums),
	    cmocka_unit_test(cholesky_solves_what_rank_update_builds),
	    cmocka_unit_test(cholesky_names_the_pivot_that_is_not_positive),
	    cmocka_unit_test(every_cpu_level_gives_the_same_bits),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
