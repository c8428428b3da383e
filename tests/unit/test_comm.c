/* The ranks of a job together. Alone it is the twin for one process; tests/cli/mpi.sh runs it again on 1 … 4 ranks. */
#include "base/comm.h"
#include "support/support.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

static struct err err;

static void every_rank_has_its_number(void **state)
{
	(void)state;
	uint64_t sum = (uint64_t)comm_rank() + 1, ranks = (uint64_t)comm_size();
	assert_in_range(comm_rank(), 0, comm_size() - 1);
	assert_ok(comm_sum_u64(&sum, 1, &err));
	assert_int_equal(sum, ranks * (ranks + 1) / 2);
	assert_int_equal(comm_publishes(), comm_rank() == 0);
}

static void what_a_rank_hands_out_all_have(void **state)
{
	(void)state;
	for (int root = 0; root < comm_size(); root++) {
		char text[100] = "";
		if (comm_rank() == root)
			snprintf(text, sizeof text, "from rank %d", root);
		assert_ok(comm_broadcast(text, sizeof text, root, &err));
		char wanted[100];
		snprintf(wanted, sizeof wanted, "from rank %d", root);
		assert_string_equal(text, wanted);
	}
}

/* The sum in the order of the ranks, in double precision, rounded once. More values than one exchange takes. */
static void sums_are_those_of_the_ranks_in_their_order(void **state)
{
	(void)state;
	size_t count = ((size_t)1 << 22) + 13;
	float *values = mem_alloc(count, sizeof *values, &err);
	assert_non_null(values);
	for (size_t i = 0; i < count; i++)
		values[i] = 1.0f / (float)(i % 1000 + 3) * (float)(comm_rank() + 1);
	assert_ok(comm_sum_float(values, count, &err));
	for (size_t i = 0; i < count; i++) {
		double sum = 0;
		for (int r = 0; r < comm_size(); r++)
			sum += (double)(1.0f / (float)(i % 1000 + 3) * (float)(r + 1));
		if (values[i] != (float)sum)
			fail_msg("value %zu is %.9g, not %.9g", i, (double)values[i], sum);
	}
	free(values);
	double few[3] = {1, 0.1 * comm_rank(), -1}, wanted = 0;
	for (int r = 0; r < comm_size(); r++)
		wanted += 0.1 * r;
	assert_ok(comm_sum_double(few, 3, &err));
	assert_true(few[0] == comm_size() && few[1] == wanted && few[2] == -comm_size());
	assert_ok(comm_sum_float(NULL, 0, &err));
}

static void of_equal_bests_the_smallest_index_wins(void **state)
{
	(void)state;
	int size = comm_size(), rank = comm_rank();
	struct comm_best best = {.score = rank == size - 1 ? 2 : 1, .index = (uint64_t)(100 - rank)};
	assert_ok(comm_best(&best, &err));
	assert_int_equal(best.index, 100 - (size - 1));
	best = (struct comm_best){.score = 7, .index = (uint64_t)(100 - rank)};
	assert_ok(comm_best(&best, &err));
	assert_int_equal(best.index, 100 - (size - 1));
	best = (struct comm_best){.score = -rank, .index = (uint64_t)rank};
	assert_ok(comm_best(&best, &err));
	assert_int_equal(best.index, 0);
}

static void what_each_has_made_all_have(void **state)
{
	(void)state;
	enum { THINGS = 1000 };
	int32_t things[THINGS][3];
	size_t *start = NULL;
	double weight[THINGS];
	for (size_t i = 0; i < THINGS; i++)
		weight[i] = i < 500 ? 9 : 1;
	assert_ok(comm_shares(THINGS, 1, weight, &start, &err));
	memset(things, -1, sizeof things);
	for (size_t i = start[comm_rank()]; i < start[comm_rank() + 1]; i++)
		for (int32_t k = 0; k < 3; k++)
			things[i][k] = (int32_t)(10 * i) + k;
	assert_ok(comm_gather(things, start, sizeof things[0], &err));
	for (int32_t i = 0; i < THINGS; i++)
		for (int32_t k = 0; k < 3; k++)
			assert_int_equal(things[i][k], 10 * i + k);
	free(start);
}

static void shares_weigh_alike_and_end_at_groups(void **state)
{
	(void)state;
	enum { THINGS = 10007, GROUP = 16 };
	double weight[THINGS], all = 0;
	size_t *start = NULL, ranks = (size_t)comm_size();
	for (size_t i = 0; i < THINGS; i++)
		all += weight[i] = (double)(i % 97) * (i < 3000 ? 5 : 1);
	assert_ok(comm_shares(THINGS, GROUP, weight, &start, &err));
	assert_int_equal(start[0], 0);
	assert_int_equal(start[ranks], THINGS);
	for (size_t r = 0; r < ranks; r++) {
		double own = 0;
		assert_true(start[r] <= start[r + 1] && (start[r] % GROUP == 0 || start[r] == THINGS));
		for (size_t i = start[r]; i < start[r + 1]; i++)
			own += weight[i];
		assert_true(own * (double)ranks > 0.9 * all && own * (double)ranks < 1.1 * all);
	}
	free(start);
	assert_ok(comm_shares(2, 1, NULL, &start, &err)); /* more ranks than things */
	assert_int_equal(start[ranks], 2);
	for (size_t r = 0; r < ranks; r++)
		assert_in_range(start[r + 1] - start[r], 0, 2);
	free(start);
	assert_ok(comm_shares(0, 4, NULL, &start, &err));
	assert_int_equal(start[ranks], 0);
	free(start);
}

static void each_number_is_dealt_once(void **state)
{
	(void)state;
	for (uint64_t count = 0; count < 300; count += 99) {
		uint64_t taken[300] = {0}, number, last = 0;
		struct comm_deal deal;
		assert_ok(comm_deal_begin(&deal, count, &err));
		for (;;) {
			assert_ok(comm_deal_next(&deal, &number, &err));
			if (number == count)
				break;
			assert_true(number < count && number >= last);
			last = number;
			taken[number]++;
		}
		assert_ok(comm_deal_next(&deal, &number, &err));
		assert_int_equal(number, count);
		assert_ok(comm_sum_u64(taken, ARRAY_COUNT(taken), &err));
		for (size_t i = 0; i < ARRAY_COUNT(taken); i++)
			assert_int_equal(taken[i], i < count);
	}
}

struct taken {
	_Atomic uint32_t *times; /* in memory in common */
	uint64_t own;
};

static int take_one(size_t i, int thread, void *context, struct err *failure)
{
	struct taken *taken = context;
	(void)thread;
	(void)failure;
	atomic_fetch_add(&taken->times[i], 1);
	taken->own++;
	return OK;
}

static void the_ranks_of_a_machine_share_memory_and_loops(void **state)
{
	enum { THINGS = 5000 };
	void *memory;
	uint64_t machines = comm_machine_rank() == 0, last = 0;
	(void)state;
	assert_ok(comm_sum_u64(&machines, 1, &err));
	assert_int_equal(machines, comm_machines());
	assert_in_range(comm_machine(), 0, comm_machines() - 1);
	assert_in_range(comm_machine_rank(), 0, comm_machine_ranks() - 1);
	assert_ok(comm_memory_new(THINGS * sizeof(uint32_t), &memory, &err));
	struct taken taken = {.times = memory};
	for (size_t i = 0; i < THINGS; i++)
		assert_int_equal(taken.times[i], 0);
	assert_ok(comm_machine_barrier(&err));
	/* Loops follow one another without a word between them. */
	for (uint32_t round = 0; round < 20; round++)
		assert_ok(comm_machine_for(THINGS - round, 1 + round % 7, 1, take_one, &taken, &err));
	for (size_t i = 0; i < THINGS; i++)
		last += taken.times[i] != 20 - (i > THINGS - 20 ? i - (THINGS - 20) : 0);
	assert_int_equal(last, 0);
	uint64_t all = taken.own, wanted = 20 * THINGS - 190;
	assert_ok(comm_sum_u64(&all, 1, &err));
	assert_int_equal(all, wanted * (uint64_t)comm_machines());
	assert_ok(comm_machine_barrier(&err));
	comm_memory_free(memory, THINGS * sizeof(uint32_t));
	assert_ok(comm_machine_for(0, 1, 1, take_one, &taken, &err));
}

static void what_a_machine_has_made_all_have(void **state)
{
	enum { THINGS = 777, GROUP = 8 };
	void *memory;
	size_t *start = NULL, ranks = (size_t)comm_machine_ranks();
	(void)state;
	assert_ok(comm_memory_new(THINGS * sizeof(int64_t), &memory, &err));
	assert_ok(comm_machine_shares(THINGS, GROUP, NULL, &start, &err));
	assert_int_equal(start[0], 0);
	assert_int_equal(start[comm_machines()], THINGS);
	int64_t *things = memory;
	for (size_t i = start[comm_machine()] + (size_t)comm_machine_rank(); i < start[comm_machine() + 1]; i += ranks)
		things[i] = 3 * (int64_t)i + 1;
	assert_ok(comm_gather_machines(things, start, sizeof *things, &err));
	for (int64_t i = 0; i < THINGS; i++)
		assert_int_equal(things[i], 3 * i + 1);
	assert_ok(comm_machine_barrier(&err));
	comm_memory_free(memory, THINGS * sizeof(int64_t));
	free(start);
}

/* What the first of a machine changes in its copy, the others see: there is one. */
static void ranks_of_a_machine_join_what_they_hold_alike(void **state)
{
	enum { THINGS = 3000 };
	int32_t *own = mem_alloc(THINGS, sizeof *own, &err);
	void *block = own, *common = NULL;
	(void)state;
	assert_non_null(own);
	for (int32_t i = 0; i < THINGS; i++)
		own[i] = 7 * i - 5;
	assert_ok(comm_memory_join(&block, THINGS * sizeof *own, &common, &err));
	assert_int_equal(common != NULL, comm_machine_ranks() > 1);
	assert_int_equal(block == NULL, comm_machine_ranks() > 1);
	int32_t *things = common ? common : block;
	for (int32_t i = 0; i < THINGS; i++)
		assert_int_equal(things[i], 7 * i - 5);
	assert_ok(comm_machine_barrier(&err));
	if (comm_machine_rank() == 0)
		things[THINGS - 1] = 1;
	assert_ok(comm_machine_barrier(&err));
	assert_int_equal(things[THINGS - 1], 1);
	comm_memory_free(things, THINGS * sizeof *own);
}

/* No rank can open anything: the first finds no memory to share, or another no way to it. */
static void memory_that_one_rank_has_no_way_to_is_refused_to_all(void **state)
{
	static const char refusal[] = "no memory for 100 bytes that the ranks";
	(void)state;
	for (int blind = 0; comm_machine_ranks() > 1 && blind < comm_machine_ranks(); blind++) {
		struct rlimit usual, none;
		void *memory = &usual, *own = mem_alloc(100, 1, &err), *block = own;
		assert_non_null(own);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
		none = (struct rlimit){0, usual.rlim_max};
		assert_ok(comm_machine_barrier(&err));
		assert_int_equal(setrlimit(RLIMIT_NOFILE, blind == comm_machine_rank() ? &none : &usual), 0);
		assert_refused(comm_memory_new(100, &memory, &err), ERR_MEMORY, refusal);
		assert_null(memory);
		assert_refused(comm_memory_join(&block, 100, &memory, &err), ERR_MEMORY, refusal);
		assert_null(memory);
		assert_ptr_equal(block, own);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
		err = (struct err){0};
		assert_ok(comm_memory_new(100, &memory, &err));
		comm_memory_free(memory, 100);
		free(own);
	}
}

static void rank_0_reads_a_file_for_all(void **state)
{
	(void)state;
	char *folder = comm_publishes() ? scratch_new() : NULL, path[512] = "", *bytes = NULL;
	size_t size = 9;
	if (folder)
		snprintf(path, sizeof path, "%s", scratch_path(folder, "a"));
	assert_ok(comm_file_read(path[0] ? path : "where/only/rank/0/looks", 100, &bytes, &size, &err));
	assert_null(bytes);
	if (folder)
		assert_ok(file_write(path, "12345", 5, &err));
	assert_ok(comm_file_read(path[0] ? path : "where/only/rank/0/looks", 100, &bytes, &size, &err));
	assert_int_equal(size, 5);
	assert_memory_equal(bytes, "12345", 5);
	free(bytes);
	if (folder)
		scratch_remove(folder);
}

static void nobody_stops_unasked_and_threads_are_shared_out(void **state)
{
	(void)state;
	int threads = 0;
	assert_ok(comm_stop_check("a test", &err));
	assert_ok(comm_threads(3, &threads, &err));
	assert_int_equal(threads, 3);
	assert_ok(comm_threads(0, &threads, &err));
	assert_in_range(threads, 1, thread_count(0));
	assert_ok(comm_barrier(&err));
}

/* The signal comes to one rank at any moment, also while it waits for the others' answers: they leave the loop in the
 * same round. */
static void all_ranks_stop_in_the_same_round(void **state)
{
	(void)state;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
	const struct itimerspec soon = {.it_value.tv_nsec = 20 * 1000 * 1000};
	timer_t timer;
	uint64_t rounds = 0, sum;
	int code;
	signals_install();
	if (comm_rank() == comm_size() - 1) {
		assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
		assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
	}
	/* The pause lets the signal in: ThreadSanitizer keeps it back from one call into the C library to the next. */
	for (; (code = comm_stop_check("a test", &err)) == OK; rounds++)
		usleep(20);
	assert_int_equal(code, ERR_STOPPED);
	sum = rounds;
	assert_ok(comm_sum_u64(&sum, 1, &err));
	assert_int_equal(sum, rounds * (uint64_t)comm_size());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_rank_has_its_number),
	    cmocka_unit_test(what_a_rank_hands_out_all_have),
	    cmocka_unit_test(sums_are_those_of_the_ranks_in_their_order),
	    cmocka_unit_test(of_equal_bests_the_smallest_index_wins),
	    cmocka_unit_test(what_each_has_made_all_have),
	    cmocka_unit_test(shares_weigh_alike_and_end_at_groups),
	    cmocka_unit_test(each_number_is_dealt_once),
	    cmocka_unit_test(the_ranks_of_a_machine_share_memory_and_loops),
	    cmocka_unit_test(what_a_machine_has_made_all_have),
	    cmocka_unit_test(ranks_of_a_machine_join_what_they_hold_alike),
	    cmocka_unit_test(memory_that_one_rank_has_no_way_to_is_refused_to_all),
	    cmocka_unit_test(rank_0_reads_a_file_for_all),
	    cmocka_unit_test(nobody_stops_unasked_and_threads_are_shared_out),
	    cmocka_unit_test(all_ranks_stop_in_the_same_round),
	};
	if (comm_start(&err) != OK) {
		fprintf(stderr, "error: %s\n", err.text);
		return err.code;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	comm_finish(failed ? &(struct err){ERR_DATA, "a test failed"} : &(struct err){0});
	return failed;
}
