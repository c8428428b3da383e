#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void an_error_keeps_its_code_and_gains_context(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(err_set(&err, ERR_DATA, "line %d is cut", 7), ERR_DATA);
	assert_int_equal(err_wrap(&err, "%s", "a.csv"), ERR_DATA);
	assert_string_equal(err.text, "a.csv: line 7 is cut");
}

static void a_product_that_overflows_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	assert_null(mem_alloc(SIZE_MAX / 2, 3, &err));
	assert_int_equal(err.code, ERR_MEMORY);
	assert_null(mem_alloc_unset(SIZE_MAX / 2, 3, &err));
}

static void memory_is_zeroed_and_aligned_also_after_growing(void **state)
{
	(void)state;
	struct err err = {0};
	size_t capacity = 0;
	uint8_t *block = mem_grow(NULL, &capacity, 5, 1, &err);
	assert_non_null(block);
	block[4] = 9;
	block = mem_grow(block, &capacity, 1000, 1, &err);
	assert_int_equal((uintptr_t)block % 64, 0);
	assert_int_equal(block[4], 9);
	for (size_t i = 5; i < 1000; i++)
		assert_int_equal(block[i], 0);
	free(block);
}

static void streams_of_one_seed_differ_and_repeat(void **state)
{
	(void)state;
	struct rng a, b, c;
	rng_seed(&a, 1, "faces", 0);
	rng_seed(&b, 1, "faces", 0);
	rng_seed(&c, 1, "faces", 1);
	bool differs = false;
	for (int i = 0; i < 100; i++) {
		uint64_t x = rng_u64(&a);
		assert_true(x == rng_u64(&b));
		differs |= x != rng_u64(&c);
	}
	assert_true(differs);
}

static void random_numbers_have_the_moments_of_their_distribution(void **state)
{
	(void)state;
	struct rng rng;
	rng_seed(&rng, 3, "moments", 0);
	double sum = 0, square = 0, unit = 0;
	size_t counts[7] = {0}, draws = 70000;
	for (size_t i = 0; i < draws; i++) {
		double x = rng_normal(&rng);
		sum += x;
		square += x * x;
		unit += rng_unit(&rng);
		counts[rng_below(&rng, 7)]++;
	}
	assert_true(fabs(sum / (double)draws) < 0.02);
	assert_true(fabs(square / (double)draws - 1) < 0.03);
	assert_true(fabs(unit / (double)draws - 0.5) < 0.01);
	for (size_t i = 0; i < 7; i++)
		assert_true(counts[i] > 9500 && counts[i] < 10500);
}

static void a_shuffle_is_a_permutation(void **state)
{
	(void)state;
	struct rng rng;
	size_t indices[50], seen[50] = {0};
	for (size_t i = 0; i < 50; i++)
		indices[i] = i;
	rng_seed(&rng, 5, "shuffle", 0);
	rng_shuffle(&rng, indices, 50);
	for (size_t i = 0; i < 50; i++)
		seen[indices[i]]++;
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(seen[i], 1);
}

static void sha256_equals_the_standards_example(void **state)
{
	(void)state;
	char hex[SHA256_HEX];
	sha256_bytes("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static int fail_at(size_t i, int thread, void *context, struct err *err)
{
	(void)thread;
	const size_t *from = context;
	return i >= *from && i % 3 == 0 ? err_set(err, ERR_NUMERIC, "row %zu", i) : OK;
}

static void a_parallel_loop_reports_its_first_failure_on_any_number_of_threads(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 4; threads++) {
		struct err err = {0};
		size_t from = 100;
		assert_int_equal(parallel_for(1000, 5, threads, fail_at, &from, &err), ERR_NUMERIC);
		assert_string_equal(err.text, "row 102");
	}
}

static int count_visit(size_t i, int thread, void *context, struct err *err)
{
	(void)thread, (void)err;
	((uint8_t *)context)[i]++;
	return OK;
}

static void a_parallel_loop_visits_each_index_once(void **state)
{
	(void)state;
	struct err err = {0};
	uint8_t visits[1001] = {0};
	assert_ok(parallel_for(1001, 7, 3, count_visit, visits, &err));
	for (size_t i = 0; i < 1001; i++)
		assert_int_equal(visits[i], 1);
}

static void a_file_appears_whole_or_not_at_all(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "result.txt");
	struct out_file file;
	assert_ok(out_open(&file, path, &err));
	fputs("half", file.stream);
	assert_false(path_exists(path));
	out_discard(&file);
	assert_false(path_exists(path));
	assert_ok(file_write(path, "whole", 5, &err));
	char *text = NULL;
	size_t size = 0;
	assert_ok(file_read(path, 100, &text, &size, &err));
	assert_string_equal(text, "whole");
	free(text);
	assert_refused(file_read(path, 4, &text, &size, &err), ERR_DATA, "larger than 4 bytes");
	scratch_remove(folder);
}

static void a_full_disk_is_an_error_with_the_files_name(void **state)
{
	(void)state;
	struct err err = {0};
	struct out_file file = {0};
	file.stream = fopen("/dev/full", "wb");
	if (!file.stream)
		skip();
	file.path = strdup("/dev/null/x");
	file.part = strdup("/dev/null/x.part");
	fputs("data", file.stream);
	assert_refused(out_commit(&file, &err), ERR_IO, "x.part");
}

static void folders_are_walked_in_the_order_of_their_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	assert_ok(folder_make(scratch_path(folder, "b/c"), &err));
	assert_ok(file_write(scratch_path(folder, "b/c/2"), "", 0, &err));
	assert_ok(file_write(scratch_path(folder, "b/1"), "", 0, &err));
	assert_ok(file_write(scratch_path(folder, "a"), "", 0, &err));
	struct path_list list = {0};
	assert_ok(folder_walk(&list, folder, &err));
	assert_int_equal(list.count, 3);
	assert_string_equal(path_name(list.items[0]), "a");
	assert_string_equal(path_name(list.items[1]), "1");
	assert_string_equal(path_name(list.items[2]), "2");
	path_list_free(&list);
	assert_refused(path_expand(&list, scratch_path(folder, "*.zip"), &err), ERR_IO, "no such file");
	scratch_remove(folder);
}

static void the_nearest_name_is_at_most_two_changes_away(void **state)
{
	(void)state;
	const char *names[] = {"faces", "features", "als"};
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("", "als"), 3);
	assert_string_equal(nearest_name("fases", names, 3), "faces");
	assert_string_equal(nearest_name("featuer", names, 3), "features");
	assert_null(nearest_name("cascade", names, 3));
	/* A word as short as its distance shares nothing with the name. */
	assert_null(nearest_name("x", names, 3));
	char longer[400];
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_true(edit_distance(longer, "als") == SIZE_MAX && edit_distance("als", longer) == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_error_keeps_its_code_and_gains_context),
	    cmocka_unit_test(a_product_that_overflows_is_refused),
	    cmocka_unit_test(memory_is_zeroed_and_aligned_also_after_growing),
	    cmocka_unit_test(streams_of_one_seed_differ_and_repeat),
	    cmocka_unit_test(random_numbers_have_the_moments_of_their_distribution),
	    cmocka_unit_test(a_shuffle_is_a_permutation),
	    cmocka_unit_test(the_nearest_name_is_at_most_two_changes_away),
	    cmocka_unit_test(sha256_equals_the_standards_example),
	    cmocka_unit_test(a_parallel_loop_reports_its_first_failure_on_any_number_of_threads),
	    cmocka_unit_test(a_parallel_loop_visits_each_index_once),
	    cmocka_unit_test(a_file_appears_whole_or_not_at_all),
	    cmocka_unit_test(a_full_disk_is_an_error_with_the_files_name),
	    cmocka_unit_test(folders_are_walked_in_the_order_of_their_bytes),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
