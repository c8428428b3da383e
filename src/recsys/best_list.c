/* The best k of a stream of scores: a buffer of 2k, cut back to k whenever it is full. */
#include "recsys/recsys_internal.h"

#include <math.h>

void best_start(struct best_list *best, struct scored *buffer, size_t k)
{
	*best = (struct best_list){.buffer = buffer, .k = k, .floor = -INFINITY};
}

static void best_cut(struct best_list *best)
{
	best->count = top_k(best->buffer, best->count, best->k);
	if (best->count == best->k)
		best->floor = best->buffer[best->k - 1].score;
}

void best_add(struct best_list *best, float score, uint32_t id)
{
	if (best->k == 0)
		return;
	best->buffer[best->count++] = (struct scored){score, id};
	if (best->count == 2 * best->k)
		best_cut(best);
}

size_t best_finish(struct best_list *best)
{
	if (best->k > 0)
		best_cut(best);
	return best->count;
}
