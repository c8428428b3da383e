/*
 * Walker's alias method, table by Vose, "A linear algorithm for generating random numbers with a given distribution"
 * (1991). Column i holds `threshold` / 2³² of i itself and the rest of `other`; a draw picks a column with the upper
 * half of its number and a side with the lower.
 */
#include "text/text_internal.h"

#include <math.h>
#include <stdlib.h>

#define FULL_COLUMN UINT32_MAX

static int weight_sum(const double *weight, size_t count, double *sum, struct err *err)
{
	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(weight[i]) || weight[i] < 0)
			return err_set(err, ERR_NUMERIC, "weight %zu is %g; it must be finite and not negative", i, weight[i]);
		*sum += weight[i];
	}
	if (!(*sum > 0) || !isfinite(*sum))
		return err_set(err, ERR_NUMERIC, "the %zu weights add up to %g", count, *sum);
	return OK;
}

/* share[i] = weight[i] · count / Σ weight, mean 1. Columns below 1 are filled up from those above. */
static void pair_columns(struct alias_table *table, double *share, uint32_t *stack)
{
	size_t low = 0, high = table->count; /* stack: low ones grow from the front, high ones from the back */

	for (size_t i = 0; i < table->count; i++)
		stack[share[i] < 1 ? low++ : --high] = (uint32_t)i;
	while (low > 0 && high < table->count) {
		uint32_t small = stack[--low], large = stack[high];
		table->threshold[small] = (uint32_t)(share[small] * 4294967295.0);
		table->other[small] = large;
		share[large] -= 1 - share[small];
		if (share[large] < 1) {
			high++;
			stack[low++] = large;
		}
	}
	/* What rounding left over fills its own column. */
	while (low > 0) {
		uint32_t i = stack[--low];
		table->threshold[i] = FULL_COLUMN;
		table->other[i] = i;
	}
	for (; high < table->count; high++) {
		uint32_t i = stack[high];
		table->threshold[i] = FULL_COLUMN;
		table->other[i] = i;
	}
}

int alias_build(struct alias_table *out, const double *weight, size_t count, struct err *err)
{
	struct alias_table table = {.count = count};
	double sum, *share = NULL;
	uint32_t *stack = NULL;
	int code = weight_sum(weight, count, &sum, err);

	if (code != OK)
		return code;
	code = ERR_MEMORY;
	if (!(share = mem_alloc(count, sizeof *share, err)) || !(stack = mem_alloc(count, sizeof *stack, err)) ||
	    !(table.threshold = mem_alloc(count, sizeof *table.threshold, err)) ||
	    !(table.other = mem_alloc(count, sizeof *table.other, err)))
		goto out;
	for (size_t i = 0; i < count; i++)
		share[i] = weight[i] / sum * (double)count;
	pair_columns(&table, share, stack);
	*out = table;
	table = (struct alias_table){0};
	code = OK;
out:
	free(share);
	free(stack);
	alias_free(&table);
	return code;
}

uint32_t alias_draw(const struct alias_table *table, uint64_t random)
{
	return alias_pick(table, random);
}

void alias_free(struct alias_table *table)
{
	free(table->threshold);
	free(table->other);
	*table = (struct alias_table){0};
}
