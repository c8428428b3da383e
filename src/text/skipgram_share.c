/*
 * Word2Vec on several ranks: each trains a copy of the two matrices on sentences of its own; every SHARE_WORDS words of
 * each rank the copies are brought together. A row becomes what it was plus the mean of the changes of the ranks that
 * changed it: a frequent word's copies are averaged, as in McDonald, Hall and Mann 2010, and what one rank alone has
 * learnt of a rare word is not diluted. The result depends on the number of ranks.
 */
#include "base/comm.h"
#include "text/text_internal.h"

#include <stdlib.h>
#include <string.h>

#define SHARE_WORDS 100000

size_t share_rounds(const struct trainer *t)
{
	size_t words = (size_t)t->start[t->rows] / (size_t)comm_size();
	return comm_size() > 1 && words > SHARE_WORDS ? (words + SHARE_WORDS - 1) / SHARE_WORDS : 1;
}

int share_open(struct share *share, const struct trainer *t, struct err *err)
{
	*share = (struct share){.rows = t->vocabulary->count, .stride = t->stride};
	if (comm_size() == 1)
		return OK;
	if (!(share->before = mem_alloc(2 * share->rows, share->stride * sizeof(float), err)) ||
	    !(share->ranks = mem_alloc(2 * share->rows, sizeof(float), err)))
		return ERR_MEMORY;
	memcpy(share->before, t->input, share->rows * share->stride * sizeof(float));
	return OK; /* outputs start at zero */
}

void share_close(struct share *share)
{
	free(share->before);
	free(share->ranks);
}

/* matrix ← before + changes of all ranks / ranks that changed the row; before ← matrix. */
static int bring_together(const struct share *share, float *matrix, float *before, float *ranks, struct err *err)
{
	size_t stride = share->stride, floats = share->rows * stride;
	for (size_t r = 0; r < share->rows; r++)
		ranks[r] = memcmp(matrix + r * stride, before + r * stride, stride * sizeof(float)) != 0;
	for (size_t i = 0; i < floats; i++)
		matrix[i] -= before[i];
	int code = comm_sum_float(ranks, share->rows, err);
	if (code == OK)
		code = comm_sum_float(matrix, floats, err);
	for (size_t r = 0; r < share->rows && code == OK; r++) {
		float share_of_one = ranks[r] > 1 ? 1 / ranks[r] : 1;
		for (size_t d = 0; d < stride; d++)
			before[r * stride + d] += share_of_one * matrix[r * stride + d];
	}
	if (code == OK)
		memcpy(matrix, before, floats * sizeof *matrix);
	return code;
}

int share_average(const struct share *share, const struct trainer *t, struct err *err)
{
	if (!share->before)
		return OK;
	int code = bring_together(share, t->input, share->before, share->ranks, err);
	if (code == OK)
		code = bring_together(share, t->output, share->before + share->rows * share->stride, share->ranks + share->rows,
		                      err);
	return code;
}
