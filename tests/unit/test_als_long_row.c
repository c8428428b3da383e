/* ALS where one song stands in every playlist: its row is summed in parts. */
#include "support/support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "recsys/recsys_internal.h"

enum { LISTENERS = 20000, SHELF = 40, EACH = 5 };

/* Everybody holds item 0, a fifth of all pairs, and four others. */
static struct csr hit_matrix(void)
{
	struct err err = {0};
	struct rng rng;
	struct csr m = {.rows = LISTENERS, .columns = SHELF};
	m.start = mem_alloc(LISTENERS + 1, sizeof *m.start, &err);
	m.index = mem_alloc(LISTENERS * EACH, sizeof *m.index, &err);
	m.value = mem_alloc(LISTENERS * EACH, sizeof *m.value, &err);
	rng_seed(&rng, 2, "test.als.hit", 0);
	for (size_t u = 0, at = 0; u < LISTENERS; u++) {
		for (size_t k = 0; k < EACH; k++, at++) {
			m.index[at] = k == 0 ? 0 : (int32_t)(1 + (k - 1) * 9 + rng_below(&rng, 9));
			m.value[at] = (float)(1 + u % 3);
		}
		m.start[u + 1] = (int64_t)at;
	}
	return m;
}

/* Gradient of the loss in the factor of item 0 and the whole loss, cell by cell in float64 (raw confidence). */
static double hit_loss(const struct csr *m, const struct als_model *model, const struct als_settings *settings,
                       double *gradient)
{
	size_t f = model->factors;
	double loss = 0;
	for (size_t k = 0; k < f; k++)
		gradient[k] = settings->regularization * (double)model->item[k];
	for (size_t u = 0; u < LISTENERS; u++)
		for (size_t i = 0; i < SHELF; i++) {
			double score = 0, confidence = 1, wanted = 0;
			for (size_t e = u * EACH; e < (u + 1) * EACH; e++)
				if ((size_t)m->index[e] == i) {
					confidence = 1 + settings->alpha * (double)m->value[e];
					wanted = 1;
				}
			for (size_t k = 0; k < f; k++)
				score += (double)model->user[u * f + k] * (double)model->item[i * f + k];
			loss += confidence * (wanted - score) * (wanted - score);
			for (size_t k = 0; k < f && i == 0; k++)
				gradient[k] -= confidence * (wanted - score) * (double)model->user[u * f + k];
		}
	for (size_t k = 0; k < LISTENERS * f; k++)
		loss += settings->regularization * (double)model->user[k] * (double)model->user[k];
	for (size_t k = 0; k < SHELF * f; k++)
		loss += settings->regularization * (double)model->item[k] * (double)model->item[k];
	return loss;
}

static void a_row_with_a_fifth_of_all_pairs_is_solved_by_all_threads_alike(void **state)
{
	(void)state;
	struct err err = {0};
	struct csr m = hit_matrix();
	struct als_options options = {
	    .model = {.factors = 6, .iterations = 3, .regularization = 0.08, .alpha = 1, .confidence = CONFIDENCE_RAW},
	    .seed = 7,
	    .threads = 1};
	struct als_model one = {0}, three = {0};
	double gradient[6];
	assert_ok(als_train(&m, &options, &one, &err));
	options.threads = 3;
	assert_ok(als_train(&m, &options, &three, &err));
	assert_memory_equal(one.item, three.item, SHELF * 6 * sizeof(float));
	assert_memory_equal(one.user, three.user, LISTENERS * 6 * sizeof(float));
	double loss = hit_loss(&m, &one, &options.model, gradient);
	if (!(fabs(one.loss[2] - loss) <= 1e-6 * loss))
		fail_msg("the loss of its own factors is %.9g, it says %.9g", loss, one.loss[2]);
	/* At its optimum: the sum of confidences, which are 2 to 4, times the users' lengths is in the tens of
	 * thousands. */
	for (size_t k = 0; k < 6; k++)
		assert_true(fabs(gradient[k]) < 0.05);
	als_model_free(&one);
	als_model_free(&three);
	csr_free(&m);
}

/* Its products are taken in parts in every step; enough steps lead to where the exact solution lies. */
static void conjugate_gradients_take_such_a_row_in_parts_too(void **state)
{
	(void)state;
	struct err err = {0};
	struct csr m = hit_matrix();
	struct als_options options = {
	    .model = {.factors = 6, .iterations = 3, .regularization = 0.08, .alpha = 1, .confidence = CONFIDENCE_RAW},
	    .seed = 7,
	    .threads = 2};
	struct als_model exact = {0}, one = {0}, three = {0};
	assert_ok(als_train(&m, &options, &exact, &err));
	options.model.solver = SOLVER_CG;
	options.model.cg_steps = 12;
	options.threads = 1;
	assert_ok(als_train(&m, &options, &one, &err));
	options.threads = 3;
	assert_ok(als_train(&m, &options, &three, &err));
	assert_memory_equal(one.item, three.item, SHELF * 6 * sizeof(float));
	assert_memory_equal(one.user, three.user, LISTENERS * 6 * sizeof(float));
	assert_memory_equal(one.loss, three.loss, 3 * sizeof(double));
	for (size_t k = 0; k < 6; k++)
		assert_true(fabsf(one.item[k] - exact.item[k]) <= 1e-3f * norm_run(6, exact.item));
	assert_true(fabs(one.loss[2] - exact.loss[2]) <= 1e-5 * exact.loss[2]);
	als_model_free(&exact);
	als_model_free(&one);
	als_model_free(&three);
	csr_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_with_a_fifth_of_all_pairs_is_solved_by_all_threads_alike),
	    cmocka_unit_test(conjugate_gradients_take_such_a_row_in_parts_too),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
