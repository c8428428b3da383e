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

static double gradient_ref(const struct skipgram_step *step, size_t m, size_t k)
{
	double x = 0, label = step->labels[k];

	for (size_t i = 0; i < step->stride; i++)
		x += (double)step->inputs[m][i] * (double)step->outputs[k][i];
	if (!(x > -SIGMOID_LIMIT && x < SIGMOID_LIMIT))
		return 0;
	*step->loss += log1p(exp(label > 0 ? -x : x));
	return (label - 1 / (1 + exp(-x))) * (double)step->rate;
}

void skipgram_step_ref(const struct skipgram_step *step)
{
	double g[STEP_INPUTS][STEP_OUTPUTS], old[STEP_OUTPUTS];

	for (size_t m = 0; m < step->n_inputs; m++)
		for (size_t k = 0; k < step->n_outputs; k++)
			g[m][k] = gradient_ref(step, m, k);
	for (size_t i = 0; i < step->stride; i++) {
		for (size_t k = 0; k < step->n_outputs; k++)
			old[k] = (double)step->outputs[k][i];
		for (size_t m = 0; m < step->n_inputs; m++) {
			double before = (double)step->inputs[m][i], after = before;
			for (size_t k = 0; k < step->n_outputs; k++) {
				after += g[m][k] * old[k];
				step->outputs[k][i] = (float)((double)step->outputs[k][i] + g[m][k] * before);
			}
			step->inputs[m][i] = (float)after;
		}
	}
}
