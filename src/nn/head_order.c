/*
 * The order of an epoch's examples.
 *
 * Balanced: the classes take turns in rounds, in an order drawn anew for each round, and each class deals its examples
 * from a shuffled pile that is shuffled again when it is used up. An epoch is as long as without it, so a common class
 * shows a part of its examples and a rare one shows its own several times; any two examples of a class differ by one
 * showing at most.
 */
#include <stdlib.h>

#include "nn/head_internal.h"

int head_order_new(struct head_order *order, const struct head_data *data, struct err *err)
{
	order->data = data;
	order->pile = mem_alloc(data->n, sizeof(*order->pile), err);
	order->start = order->pile ? mem_alloc(data->classes + 1, sizeof(*order->start), err) : NULL;
	order->next = order->start ? mem_alloc(data->classes, sizeof(*order->next), err) : NULL;
	order->turn = order->next ? mem_alloc(data->classes, sizeof(*order->turn), err) : NULL;
	return order->turn ? OK : err->code;
}

void head_order_free(struct head_order *order)
{
	free(order->pile);
	free(order->start);
	free(order->next);
	free(order->turn);
	*order = (struct head_order){0};
}

/* Each class's examples in the order of the data: an epoch follows from the seed and its number alone. */
static void fill_piles(struct head_order *order)
{
	const struct head_data *data = order->data;
	size_t filled = 0;

	for (size_t c = 0; c < data->classes; c++) {
		order->start[c] = filled;
		for (size_t i = 0; i < data->n; i++)
			if ((size_t)data->labels[i] == c)
				order->pile[filled++] = i;
		order->next[c] = filled;
		order->turn[c] = c;
	}
	order->start[data->classes] = filled;
}

void head_order_balanced(struct head_order *order, uint64_t seed, size_t epoch, size_t *out)
{
	size_t classes = order->data->classes;
	struct rng rng;

	fill_piles(order);
	rng_seed(&rng, seed, "emotion.sampling", epoch);
	for (size_t i = 0; i < order->data->n; i++) {
		size_t c;

		if (i % classes == 0)
			rng_shuffle(&rng, order->turn, classes);
		c = order->turn[i % classes];
		if (order->next[c] == order->start[c + 1]) {
			rng_shuffle(&rng, order->pile + order->start[c], order->start[c + 1] - order->start[c]);
			order->next[c] = order->start[c];
		}
		out[i] = order->pile[order->next[c]++];
	}
}

void head_order_plain(size_t n, uint64_t seed, size_t epoch, size_t *out)
{
	struct rng rng;

	for (size_t i = 0; i < n; i++)
		out[i] = i;
	rng_seed(&rng, seed, "emotion.shuffle", epoch);
	rng_shuffle(&rng, out, n);
}
