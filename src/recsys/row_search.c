/* The largest dot products of many rows with a few queries, exactly. */
#include "recsys/recsys_internal.h"

static void offer_block(const struct row_search *search, size_t row, size_t query, const float out[16])
{
	for (size_t q = 0; q < 4 && query + q < search->n_queries; q++)
		for (size_t r = 0; r < 4 && row + r < search->count; r++)
			if (!search->excluded || !search->excluded[row + r])
				best_offer(&search->best[query + q], out[4 * q + r], (uint32_t)(row + r));
}

void row_search_run(const struct row_search *search)
{
	const struct recsys_kernels *kernels = recsys_kernels();
	for (size_t row = 0; row < search->count; row += 4) {
		const float *y[4];
		for (size_t r = 0; r < 4; r++)
			y[r] = search->rows + (row + r < search->count ? row + r : row) * search->dims;
		for (size_t query = 0; query < search->n_queries; query += 4) {
			const float *x[4];
			float out[16];
			for (size_t q = 0; q < 4; q++)
				x[q] = search->queries[query + q < search->n_queries ? query + q : query];
			kernels->dots(x, y, search->dims, out, 4);
			offer_block(search, row, query, out);
		}
	}
}
