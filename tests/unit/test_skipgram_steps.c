/* The single step, against its formula and between the levels of the CPU. */
#include "support/support.h"

#include "text/text.h"
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRIDE = 112, OUTPUTS = 6 };

struct step_data {
	float *input, *rows;
	float *outputs[OUTPUTS];
	float labels[OUTPUTS];
	struct sigmoid_table table;
	double loss;
};

static void step_open(struct step_data *d, float scale)
{
	struct err err = {0};
	struct rng rng;

	rng_seed(&rng, 5, "step", 0);
	*d = (struct step_data){.labels = {1, 0, 0, 1}};
	assert_non_null(d->input = mem_alloc(STRIDE, sizeof(float), &err));
	assert_non_null(d->rows = mem_alloc(STRIDE * OUTPUTS, sizeof(float), &err));
	for (size_t i = 0; i < STRIDE; i++)
		d->input[i] = scale * (float)rng_normal(&rng);
	for (size_t i = 0; i < STRIDE * OUTPUTS; i++)
		d->rows[i] = scale * (float)rng_normal(&rng);
	for (size_t k = 0; k < OUTPUTS; k++)
		d->outputs[k] = d->rows + k * STRIDE;
	sigmoid_table_fill(&d->table);
}

static void step_run(struct step_data *d, size_t n_outputs, skipgram_step_run *run)
{
	struct skipgram_step step = {.input = d->input, .outputs = d->outputs, .labels = d->labels,
	                             .n_outputs = n_outputs, .stride = STRIDE, .rate = 0.05f, .table = &d->table,
	                             .loss = &d->loss};
	run(&step);
}

static void step_close(struct step_data *d)
{
	free(d->input);
	free(d->rows);
}

static void every_cpu_level_takes_the_same_step(void **state)
{
	(void)state;
	struct step_data base, other;

	for (int level = CPU_BASELINE; level <= (int)cpu_features()->level; level++)
		for (size_t n = 1; n <= OUTPUTS; n++) {
			step_open(&base, 0.2f);
			step_open(&other, 0.2f);
			step_run(&base, n, skipgram_step_choose(CPU_BASELINE));
			step_run(&other, n, skipgram_step_choose((enum cpu_level)level));
			assert_memory_equal(base.input, other.input, STRIDE * sizeof(float));
			assert_memory_equal(base.rows, other.rows, STRIDE * OUTPUTS * sizeof(float));
			step_close(&base);
			step_close(&other);
		}
}

static void follows_the_reference(skipgram_step_run *run, size_t n)
{
	struct step_data fast, slow;

	step_open(&fast, 0.2f);
	step_open(&slow, 0.2f);
	step_run(&fast, n, run);
	step_run(&slow, n, skipgram_step_ref);
	/* A cell of the sigmoid's table is 0.012 wide: g is off by at most 0.25 × 0.012 × rate. */
	assert_close(fast.input, slow.input, STRIDE, 0, OUTPUTS * 0.25 * 0.012 * 0.05 * 0.9);
	assert_close(fast.rows, slow.rows, STRIDE * OUTPUTS, 0, 0.25 * 0.012 * 0.05 * 0.9);
	assert_true(fabs(fast.loss - slow.loss) < OUTPUTS * 0.012);
	step_close(&fast);
	step_close(&slow);
}

static void the_steps_follow_their_formula(void **state)
{
	(void)state;
	for (int level = CPU_BASELINE; level <= (int)cpu_features()->level; level++)
		for (size_t n = 1; n <= OUTPUTS; n++) {
			follows_the_reference(skipgram_step_choose((enum cpu_level)level), n);
			follows_the_reference(skipgram_fused_choose((enum cpu_level)level), n);
		}
}

static void a_pair_that_is_learnt_is_left_alone(void **state)
{
	(void)state;
	struct step_data d;
	float before[STRIDE];

	step_open(&d, 0.2f);
	for (size_t i = 0; i < STRIDE; i++) {
		for (size_t k = 0; k < OUTPUTS; k++)
			d.outputs[k][i] = d.input[i] * 3;
	}
	memcpy(before, d.input, sizeof before);
	step_run(&d, OUTPUTS, skipgram_step_choose(cpu_features()->level));
	assert_memory_equal(before, d.input, sizeof before);
	step_close(&d);
}

/* The change of a row is the rate times the slope of −Σ log σ, by central differences of the reference's loss. */
static void the_reference_goes_down_the_slope_of_its_loss(void **state)
{
	(void)state;
	struct step_data d, moved;

	step_open(&d, 0.2f);
	step_run(&d, OUTPUTS, skipgram_step_ref);
	for (size_t i = 0; i < STRIDE; i += 13) {
		double loss[2];
		float h = 1e-2f, start = 0;
		for (int side = 0; side < 2; side++) {
			step_open(&moved, 0.2f);
			start = moved.input[i];
			moved.input[i] += side ? h : -h;
			step_run(&moved, OUTPUTS, skipgram_step_ref);
			loss[side] = moved.loss;
			step_close(&moved);
		}
		double slope = (loss[1] - loss[0]) / (2 * (double)h), change = (double)d.input[i] - (double)start;
		assert_true(fabs(change + 0.05 * slope) < 0.05 * (1e-3 + 1e-2 * fabs(slope)));
	}
	step_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cpu_level_takes_the_same_step),
		cmocka_unit_test(the_steps_follow_their_formula),
		cmocka_unit_test(a_pair_that_is_learnt_is_left_alone),
		cmocka_unit_test(the_reference_goes_down_the_slope_of_its_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
