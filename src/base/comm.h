/*
 * comm: one stage on several processes ("ranks") at once, each with memory of its own, all with one file system.
 *
 * Every rank runs the whole stage and calls the same library functions. Where these share work out, all of them call
 * the same functions of this header in the same order, and know the same afterwards. Rank 0 alone speaks and publishes.
 * comm.c is the twin for one process; with `make MPI=1` comm_mpi.c stands in its place, the only file that knows MPI.
 * That program, started without a launcher, is one process as well.
 *
 * A failure needs no agreement: the rank that fails ends the job by comm_finish, and its sentence is the one that is
 * told. So what follows a call here may rely on all ranks having come through it.
 *
 * Depends on: base.h; comm_mpi.c on MPI 3 with MPI_THREAD_MULTIPLE.
 */
#ifndef MOODCAST_COMM_H
#define MOODCAST_COMM_H

#include "base/base.h"

/* ---- programs only ---- */

/* Joins the job when a launcher started this process. Before any other function here. */
int comm_start(struct err *err) MUST_CHECK;
/* Leaves it. Without a failure: when all ranks have come here. With one: tells "error: rank N: sentence", unless
 * another failure was told already, ends all ranks with the exit code and does not return; a single process returns,
 * and its caller tells. */
void comm_finish(const struct err *failure);

/* ---- who is there ---- */

int comm_rank(void); /* 0 … comm_size() − 1 */
int comm_size(void);
static inline bool comm_publishes(void)
{
	return comm_rank() == 0;
}
/* What follows is not shared: rank 0 does it, whose comm_size() is 1 from now on, and the others leave. */
void comm_alone(void);
/* As thread_count; 0 shares the processors out among the ranks that may use the same ones. Together. */
int comm_threads(int wanted, int *out, struct err *err) MUST_CHECK;

/* ---- together: every rank calls, in the same order ---- */

int comm_barrier(struct err *err) MUST_CHECK;
int comm_broadcast(void *bytes, size_t count, int root, struct err *err) MUST_CHECK;
/* Each becomes its sum over the ranks, added up in their order in double precision: the same on all of them, and
 * whenever there are as many. */
int comm_sum_float(float *values, size_t count, struct err *err) MUST_CHECK;
int comm_sum_double(double *values, size_t count, struct err *err) MUST_CHECK;
int comm_sum_u64(uint64_t *values, size_t count, struct err *err) MUST_CHECK;
/* The best of all ranks' bests: the largest score, among equals the smallest index. */
struct comm_best {
	double score;
	uint64_t index;
};
int comm_best(struct comm_best *best, struct err *err) MUST_CHECK;
/* all[start[comm_size()]] of `size` bytes each, of which rank r filled start[r] … start[r + 1]: afterwards every rank
 * has all. */
int comm_gather(void *all, const size_t *start, size_t size, struct err *err) MUST_CHECK;

/* Numbers 0 … count − 1, each dealt to one rank, ascending, as they ask. Beginning is done together; asking is not, and
 * at most one thread of a rank asks at a time. *number is `count` when there are none left. */
struct comm_deal {
	uint64_t count;
	unsigned id;
};
int comm_deal_begin(struct comm_deal *deal, uint64_t count, struct err *err) MUST_CHECK;
int comm_deal_next(const struct comm_deal *deal, uint64_t *number, struct err *err) MUST_CHECK;

/* ---- ranks of one machine (comm_machine.c) ----
 * Those that follow one another on a machine share its memory and take work from one another there, as threads do;
 * ranks that are alone on theirs, or find no way to memory in common, are a machine each. */

int comm_machine(void);  /* this rank's: 0 … comm_machines() − 1, in the order of the ranks */
int comm_machines(void);
int comm_machine_rank(void); /* among those of its machine: 0 … comm_machine_ranks() − 1 */
int comm_machine_ranks(void);
/* `bytes` zeros that the ranks of a machine have in common; freed by comm_memory_free on each of them. Together. */
int comm_memory_new(size_t bytes, void **out, struct err *err) MUST_CHECK;
void comm_memory_free(void *memory, size_t bytes);
/* *own, the same on all ranks of the machine, becomes one copy of it in such memory (then *out; *own is freed and
 * NULL). *out stays NULL and *own what it was on a rank that is alone on its machine. Together. */
int comm_memory_join(void **own, size_t bytes, void **out, struct err *err) MUST_CHECK;
/* As parallel_for, by the threads of all ranks of the machine, with the same count on each; when it returns all of them
 * are done. */
int comm_machine_for(size_t count, size_t chunk, int threads, parallel_body *body, void *context,
                     struct err *err) MUST_CHECK;
/* Waits for the ranks of the machine. */
int comm_machine_barrier(struct err *err) MUST_CHECK;
/* As comm_gather, `all` being such memory, of which machine m filled start[m] … start[m + 1]. */
int comm_gather_machines(void *all, const size_t *start, size_t size, struct err *err) MUST_CHECK;
/* As comm_shares: start[comm_machines() + 1], each machine weighing what its ranks would. */
int comm_machine_shares(size_t count, size_t group, const double *weight, size_t **start, struct err *err) MUST_CHECK;

/* ---- on top of these (comm_share.c) ---- */

/* start[comm_size() + 1] for comm_gather: `count` things of weight[i] (NULL = all alike) in as many runs as there are
 * ranks, cut at multiples of `group` only, each of about the same weight. Freed by the caller. */
int comm_shares(size_t count, size_t group, const double *weight, size_t **start, struct err *err) MUST_CHECK;
/* stop_check, with one answer on all ranks: ERR_STOPPED on all when one was asked to stop. Together. */
int comm_stop_check(const char *what, struct err *err) MUST_CHECK;
/* file_read by rank 0, for all. *out stays NULL when there is no such file. Together. */
int comm_file_read(const char *path, size_t limit, char **out, size_t *size, struct err *err) MUST_CHECK;

#endif
