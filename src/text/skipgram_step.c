/* The step with the same bytes on every CPU, its reference, and the table both use. */
#define STEP(level) step_exact_##level
#include "text/skipgram_step_internal.h"

#include <math.h>

void sigmoid_table_fill(struct sigmoid_table *table)
{
	for (size_t i = 0; i < SIGMOID_CELLS; i++) {
		double x = ((double)i / SIGMOID_CELLS * 2 - 1) * SIGMOID_LIMIT;
		table->value[i] = (float)(1 / (1 + exp(-x)));
		table->loss[i] = (float)log1p(exp(-x));
	}
}

skipgram_step_run *skipgram_step_choose(enum cpu_level level)
{
	return step_exact_choose(level);
}

static double gradient_ref(const struct skipgram_step *step, size_t k)
{
	double x = 0, label = step->labels[k];

	for (size_t i = 0; i < step->stride; i++)
		x += (double)step->input[i] * (double)step->outputs[k][i];
	if (!(x > -SIGMOID_LIMIT && x < SIGMOID_LIMIT))
		return 0;
	*step->loss += log1p(exp(label > 0 ? -x : x));
	return (label - 1 / (1 + exp(-x))) * (double)step->rate;
}

void skipgram_step_ref(const struct skipgram_step *step)
{
	double g[STEP_OUTPUTS];

	for (size_t k = 0; k < step->n_outputs; k++)
		g[k] = gradient_ref(step, k);
	for (size_t i = 0; i < step->stride; i++) {
		double before = (double)step->input[i], after = before;
		for (size_t k = 0; k < step->n_outputs; k++) {
			double old = (double)step->outputs[k][i];
			after += g[k] * old;
			step->outputs[k][i] = (float)(old + g[k] * before);
		}
		step->input[i] = (float)after;
	}
}
