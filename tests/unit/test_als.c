/* Alternating least squares: held to a float64 solver of the dense normal equations, and to itself. */
#include "als_fixture.h"

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

/* Rows that training never saw, against the dense float64 equations with the same items; weights as among the rows
 * learnt from. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equals_a_float64_solver_for_every_confidence_and_row_length),
	    cmocka_unit_test(loss_never_rises),
	    cmocka_unit_test(conjugate_gradients_run_to_their_end_are_the_exact_solver),
	    cmocka_unit_test(few_steps_of_conjugate_gradients_fall_to_the_same_loss),
	    cmocka_unit_test(new_rows_are_folded_in_exactly),
	    cmocka_unit_test(rows_without_entries_have_zero_factors),
	    cmocka_unit_test(same_bytes_for_any_number_of_threads),
	    cmocka_unit_test(two_tastes_that_never_mix_are_told_apart),
	    cmocka_unit_test(refuses_what_cannot_be_learnt_from),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
