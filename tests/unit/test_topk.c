/* The k best equal the front of a full sort, whatever the order and the ties. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

static int by_score_then_id(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void the_front_of_a_full_sort(void **state)
{
	(void)state;
	struct rng rng;
	struct scored items[300], sorted[300];
	rng_seed(&rng, 4, "topk", 0);
	for (size_t round = 0; round < 200; round++) {
		size_t count = rng_below(&rng, 300), k = rng_below(&rng, 320);
		for (size_t i = 0; i < count; i++) /* few different scores: many ties */
			items[i] = (struct scored){(float)rng_below(&rng, 20) - 10, (uint32_t)(count - i)};
		memcpy(sorted, items, sizeof sorted);
		qsort(sorted, count, sizeof *sorted, by_score_then_id);
		size_t got = top_k(items, count, k);
		assert_int_equal(got, k < count ? k : count);
		for (size_t i = 0; i < got; i++) {
			assert_int_equal(items[i].id, sorted[i].id);
			assert_true(items[i].score == sorted[i].score);
		}
	}
}

static void what_is_no_number_comes_last(void **state)
{
	(void)state;
	struct scored items[] = {{NAN, 5}, {1, 1}, {-INFINITY, 2}, {NAN, 3}, {INFINITY, 4}};
	static const uint32_t want[] = {4, 1, 2, 3, 5};
	assert_int_equal(top_k(items, 5, 5), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(items[i].id, want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_front_of_a_full_sort),
	    cmocka_unit_test(what_is_no_number_comes_last),
	};
	return cmocka_run_group_tests_name("topk", tests, NULL, NULL);
}
