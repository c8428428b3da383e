/* Rows as bytes: every level bounds as the reference does, and a search by them finds what a whole scan finds. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

enum { STEPS = 9, BEST = 20, MOST_QUERIES = 40 };

static void every_level_bounds_as_the_reference_does(void **state)
{
	(void)state;
	uint8_t code[STEPS * 64];
	int8_t query_code[SKETCH_QUERIES][STEPS * 4];
	float scale[SKETCH_ROWS], error[SKETCH_ROWS], norm[SKETCH_ROWS];
	struct sketch_query queries[SKETCH_QUERIES];
	const struct sketch_query *pointers[SKETCH_QUERIES];
	uint16_t wanted[SKETCH_QUERIES], got[SKETCH_QUERIES];
	struct rng rng;
	size_t seen = 0;

	rng_seed(&rng, 3, "test.sketch", 0);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof code; i++)
			/* The largest codes too: sums of two products must not run over sixteen bits. */
			code[i] = round % 3 == 0 ? 255 : (uint8_t)(1 + rng_below(&rng, 255));
		for (size_t r = 0; r < SKETCH_ROWS; r++) {
			scale[r] = (float)rng_unit(&rng);
			error[r] = (float)rng_unit(&rng);
			norm[r] = (float)rng_unit(&rng);
		}
		for (size_t q = 0; q < SKETCH_QUERIES; q++) {
			int32_t sum = 0;
			for (size_t k = 0; k < STEPS * 4; k++)
				sum += query_code[q][k] =
				    round % 3 == 0 && q < 2 ? (q ? -64 : 64) : (int8_t)((int)rng_below(&rng, 129) - 64);
			queries[q] = (struct sketch_query){.code = query_code[q], .scale = (float)rng_unit(&rng), .a = 1, .b = 2,
			                                   .floor = (float)(1000 * rng_normal(&rng)), .shift = 128 * sum};
			pointers[q] = &queries[q];
		}
		struct sketch_block block = {.code = code, .steps = STEPS, .scale = scale, .error = error, .norm = norm};
		sketch_block_ref(&block, pointers, wanted);
		seen += wanted[2] != 0 && wanted[2] != 0xFFFF;
		for (int level = CPU_BASELINE; level <= CPU_AVX512 + 1; level++) {
			bool vnni = level > CPU_AVX512;
			sketch_block_kernel *kernel = sketch_block_at(vnni ? CPU_AVX512 : (enum cpu_level)level, vnni);
			if (!kernel)
				continue;
			kernel(&block, pointers, got);
			assert_memory_equal(got, wanted, sizeof got);
		}
	}
	assert_true(seen > 20);
}

struct catalogue {
	size_t count, dims, n_queries;
	float *rows, *norm, *queries, *scale, *error;
	int32_t *order;
	uint8_t *excluded, *code;
};

static void *room(size_t count, size_t size)
{
	struct err err = {0};
	void *block = mem_alloc(count, size, &err);
	assert_ok(block ? OK : err.code);
	return block;
}

static struct catalogue catalogue_new(size_t count, size_t dims, size_t n_queries, uint64_t seed)
{
	struct err err = {0};
	size_t blocks = sketch_blocks(count);
	struct catalogue c = {count, dims, n_queries, room(count, dims * sizeof(float)), room(count, sizeof(float)),
	                      room(n_queries, dims * sizeof(float)), room(blocks, SKETCH_ROWS * sizeof(float)),
	                      room(blocks, SKETCH_ROWS * sizeof(float)), room(count, sizeof(int32_t)), room(count, 1),
	                      room(blocks, sketch_steps(dims) * 64)};
	struct rng rng;
	rng_seed(&rng, seed, "test.sketch", 1);
	for (size_t i = 0; i < count; i++) {
		/* Short and long tails of lengths; a few rows are zero, a few are one another's like. */
		double length = i % 13 == 5 ? 0 : seed % 2 ? pow(rng_unit(&rng), 3) : 1;
		for (size_t k = 0; k < dims; k++)
			c.rows[i * dims + k] = (float)(length * rng_normal(&rng));
		c.excluded[i] = i % 11 == 0;
		if (i > 40 && i % 50 == 0)
			memcpy(c.rows + i * dims, c.rows + (i - 37) * dims, dims * sizeof(float));
	}
	for (size_t q = 0; q < n_queries; q++)
		for (size_t k = 0; k < dims; k++)
			c.queries[q * dims + k] = q % 7 == 6 ? 0 : (float)rng_normal(&rng);
	assert_ok(row_search_order(c.rows, count, dims, c.order, c.norm, &err));
	sketch_build(c.rows, c.order, count, dims, c.code, c.scale, c.error);
	return c;
}

static void catalogue_free(struct catalogue *c)
{
	void *owned[] = {c->rows, c->norm, c->queries, c->scale, c->error, c->order, c->excluded, c->code};
	for (size_t i = 0; i < ARRAY_COUNT(owned); i++)
		free(owned[i]);
}

static void search(const struct catalogue *c, bool by_bytes, struct scored (*found)[2 * BEST], size_t *listed)
{
	struct best_list best[MOST_QUERIES];
	const float *pointers[MOST_QUERIES];
	struct row_sketch sketch = {c->code, c->scale, c->error};
	for (size_t q = 0; q < c->n_queries; q++) {
		best_start(&best[q], found[q], BEST);
		pointers[q] = c->queries + q * c->dims;
	}
	row_search_run(&(struct row_search){.rows = c->rows,
	                                    .count = c->count,
	                                    .dims = c->dims,
	                                    .order = by_bytes ? c->order : NULL,
	                                    .norm = c->norm,
	                                    .sketch = by_bytes ? &sketch : NULL,
	                                    .excluded = c->excluded,
	                                    .queries = pointers,
	                                    .n_queries = c->n_queries,
	                                    .best = best});
	for (size_t q = 0; q < c->n_queries; q++)
		listed[q] = best_finish(&best[q]);
}

static void a_search_by_bytes_finds_what_a_whole_scan_finds(void **state)
{
	(void)state;
	static const size_t counts[] = {1, 5, 16, 17, 700, 3001}, widths[] = {1, 3, 37, 128, 513},
	                    queries[] = {1, 8, 9, MOST_QUERIES};
	static struct scored found[2][MOST_QUERIES][2 * BEST];
	size_t listed[2][MOST_QUERIES], try = 0;
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		for (size_t j = 0; j < ARRAY_COUNT(widths); j++, try++) {
			struct catalogue c = catalogue_new(counts[i], widths[j], queries[try % ARRAY_COUNT(queries)], try);
			for (int way = 0; way < 2; way++)
				search(&c, way, found[way], listed[way]);
			for (size_t q = 0; q < c.n_queries; q++) {
				assert_int_equal(listed[0][q], listed[1][q]);
				assert_memory_equal(found[0][q], found[1][q], listed[0][q] * sizeof(struct scored));
			}
			catalogue_free(&c);
		}
}

/* More rows may be worth the last place than can wait: they differ by less than their codes tell, or not at all. */
static void rows_that_are_all_alike_are_multiplied_as_they_come(void **state)
{
	(void)state;
	static struct scored found[2][MOST_QUERIES][2 * BEST];
	size_t listed[2][MOST_QUERIES];
	struct err err = {0};
	struct rng rng;
	for (int same = 0; same < 2; same++) {
		struct catalogue c = catalogue_new(3001, 24, 9, 4);
		rng_seed(&rng, 6, "test.sketch.alike", 0);
		for (size_t i = 24; i < c.count * c.dims; i++)
			c.rows[i] = c.rows[i % 24] + (same ? 0 : (float)(1e-4 * rng_unit(&rng)));
		assert_ok(row_search_order(c.rows, c.count, c.dims, c.order, c.norm, &err));
		sketch_build(c.rows, c.order, c.count, c.dims, c.code, c.scale, c.error);
		for (int way = 0; way < 2; way++)
			search(&c, way, found[way], listed[way]);
		for (size_t q = 0; q < c.n_queries; q++) {
			assert_int_equal(listed[0][q], BEST);
			assert_int_equal(listed[1][q], BEST);
			assert_memory_equal(found[0][q], found[1][q], BEST * sizeof(struct scored));
		}
		catalogue_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_level_bounds_as_the_reference_does),
	    cmocka_unit_test(a_search_by_bytes_finds_what_a_whole_scan_finds),
	    cmocka_unit_test(rows_that_are_all_alike_are_multiplied_as_they_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
