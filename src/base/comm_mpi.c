/*
 * comm on MPI: the only file that knows it.
 *
 * Ranks wait without holding a processor: a request is tested, a few times in a row, then with pauses; a machine may
 * have more ranks than processors, and threads of the same rank work meanwhile. Rank 0 has a desk, a thread that
 * answers what the others ask while it works itself: it deals out numbers (comm_deal), and takes the failure that ends
 * the job, so that one sentence is told, whoever else fails then.
 */
#include "base/comm_internal.h"

#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EAGER_SECONDS 2e-3      /* of waiting that gives way to other threads only */
#define PAUSE_NANOSECONDS 50000 /* between two looks after that */
/* Between two looks at the desk; while nobody comes each pause is longer, up to the next. */
#define DESK_NANOSECONDS 500000
#define DESK_MOST_NANOSECONDS 8000000
#define DESK_SECONDS 5.0        /* within which rank 0 must have ended the job; then the rank that failed does */
#define LEAVE_SECONDS 10        /* for MPICH's connections to be closed */
#define MEET_SECONDS 0.2        /* for what is on its way over them */
#define TOLD_NANOSECONDS 300000000 /* for the launcher to read the sentence */
#define CHUNK_VALUES ((size_t)1 << 22)
#define CHUNK_BYTES ((size_t)1 << 30)

enum tag { TAG_ASK = 1, TAG_NUMBER, TAG_FAILURE, TAG_LEAVE };

static struct {
	bool joined;
	int rank, all; /* all: ranks of the job */
	int size;      /* those who work together now; 1 = this one alone */
	MPI_Comm ranks, desk; /* what is done together; what is asked at the desk */
	MPI_Comm machine, firsts; /* the ranks of this machine; the first of each, for those */
	int host;                 /* the smallest rank on this machine */
	pthread_t thread;     /* rank 0's desk */
	atomic_bool closing;
	pthread_mutex_t told;
	unsigned deals;
	_Atomic uint64_t dealt[2]; /* of the deal under way and of the one before, which someone may still ask about */
} job = {.all = 1, .size = 1, .told = PTHREAD_MUTEX_INITIALIZER};

static int mpi_failed(int code, const char *what, struct err *err)
{
	char text[MPI_MAX_ERROR_STRING] = "";
	int length;
	if (code == MPI_SUCCESS)
		return OK;
	MPI_Error_string(code, text, &length);
	return err_set(err, ERR_IO, "MPI: %s: %s", what, text);
}

static void pause_for(long nanoseconds)
{
	nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

/* Waits for a request that `code` says was started. */
static int wait_for(int code, MPI_Request *request, const char *what, struct err *err)
{
	double started = 0;
	for (int done = 0; code == MPI_SUCCESS;) {
		code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
		if (done || code != MPI_SUCCESS)
			break;
		double now = clock_seconds();
		started = started > 0 ? started : now;
		if (now - started < EAGER_SECONDS)
			sched_yield();
		else
			pause_for(PAUSE_NANOSECONDS);
	}
	return mpi_failed(code, what, err);
}

/* ---- the desk ------------------------------------------------------------------------------------------ */

static uint64_t deal_out(unsigned id)
{
	return atomic_fetch_add(&job.dealt[id % 2], 1);
}

/* Tells the first failure, and ends every rank; whoever comes second waits here for that end. */
static void end_job(int rank, const struct err *failure)
{
	pthread_mutex_lock(&job.told);
	fprintf(stderr, "error: rank %d: %s\n", rank, failure->text);
	fflush(stderr);
	log_end_file(failure);
	/* MPICH's launcher drops what it has not yet read of a rank's sentence when the job is aborted. */
	pause_for(TOLD_NANOSECONDS);
	MPI_Abort(MPI_COMM_WORLD, failure->code);
	for (;;)
		pause();
}

static void answer(const MPI_Status *status)
{
	struct err failure = {0};
	uint64_t id;
	if (status->MPI_TAG == TAG_FAILURE) {
		MPI_Recv(&failure, sizeof failure, MPI_BYTE, status->MPI_SOURCE, TAG_FAILURE, job.desk, MPI_STATUS_IGNORE);
		end_job(status->MPI_SOURCE, &failure);
	}
	MPI_Recv(&id, 1, MPI_UINT64_T, status->MPI_SOURCE, TAG_ASK, job.desk, MPI_STATUS_IGNORE);
	uint64_t number = deal_out((unsigned)id);
	MPI_Send(&number, 1, MPI_UINT64_T, status->MPI_SOURCE, TAG_NUMBER, job.desk);
}

static void *desk_main(void *unused)
{
	long nanoseconds = DESK_NANOSECONDS;
	(void)unused;
	while (!atomic_load(&job.closing)) {
		int there = 0;
		MPI_Status status;
		int code = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, job.desk, &there, &status);
		if (code == MPI_SUCCESS && there && (status.MPI_TAG == TAG_ASK || status.MPI_TAG == TAG_FAILURE)) {
			answer(&status);
			nanoseconds = DESK_NANOSECONDS;
			continue;
		}
		/* Each look costs the thread that computes beside it some microseconds. */
		pause_for(nanoseconds);
		nanoseconds = 2 * nanoseconds < DESK_MOST_NANOSECONDS ? 2 * nanoseconds : DESK_MOST_NANOSECONDS;
	}
	return NULL;
}

/* ---- machines ---------------------------------------------------------------------------------------------- */

/* host[r] ← the smallest rank on the machine of rank r; job.machine ← its ranks. */
static int find_hosts(int *host)
{
	int code = MPI_Comm_split_type(job.ranks, MPI_COMM_TYPE_SHARED, job.rank, MPI_INFO_NULL, &job.machine);
	job.host = job.rank;
	if (code == MPI_SUCCESS)
		code = MPI_Bcast(&job.host, 1, MPI_INT, 0, job.machine);
	return code == MPI_SUCCESS ? MPI_Allgather(&job.host, 1, MPI_INT, host, 1, MPI_INT, job.ranks) : code;
}

static int find_machines(struct err *err)
{
	int *host = mem_alloc((size_t)job.all, sizeof *host, err);
	if (!host)
		return err->code;
	int code = find_hosts(host);
	if (code == MPI_SUCCESS && comm_machine_open(host, err) != OK) {
		free(host);
		return err->code;
	}
	free(host);
	if (code == MPI_SUCCESS)
		code = MPI_Comm_split(job.ranks, comm_machine_rank() == 0 ? 0 : MPI_UNDEFINED, job.rank, &job.firsts);
	return mpi_failed(code, "the ranks of a machine cannot be told", err);
}

/* ---- joining and leaving ----------------------------------------------------------------------------------- */

/* MPICH and what speaks its PMI, PMIx and Open MPI, each say so in the environment. */
static bool launched(void)
{
	static const char *const signs[] = {"PMI_RANK", "PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE"};
	for (size_t i = 0; i < ARRAY_COUNT(signs); i++)
		if (getenv(signs[i]))
			return true;
	return false;
}

int comm_start(struct err *err)
{
	int threads = 0;
	if (!launched())
		return OK;
	int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &threads);
	if (code != MPI_SUCCESS)
		return mpi_failed(code, "the job cannot be joined", err);
	job.joined = true;
	MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &job.all);
	job.size = job.all;
	if (job.all == 1)
		return OK;
	job.ranks = job.desk = MPI_COMM_WORLD; /* for a failure before they are made */
	if (threads < MPI_THREAD_MULTIPLE)
		return err_set(err, ERR_SETTINGS,
		               "this MPI lets one thread at a time speak; one built with MPI_THREAD_MULTIPLE is needed");
	if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &job.ranks)) != MPI_SUCCESS ||
	    (code = MPI_Comm_dup(MPI_COMM_WORLD, &job.desk)) != MPI_SUCCESS)
		return mpi_failed(code, "a communicator cannot be made", err);
	MPI_Comm_set_errhandler(job.ranks, MPI_ERRORS_RETURN);
	MPI_Comm_set_errhandler(job.desk, MPI_ERRORS_RETURN);
	if (job.rank > 0)
		log_set_level(LOG_QUIET);
	else if (pthread_create(&job.thread, NULL, desk_main, NULL) != 0)
		return err_set(err, ERR_MEMORY, "the thread that answers the other ranks cannot be started");
	return find_machines(err);
}

/* At rank 0's desk; when nothing comes of it, rank 0 is gone or stuck, and this rank tells and ends the job by
 * itself. */
static void report_failure(const struct err *failure)
{
	MPI_Request request;
	double started = clock_seconds();
	int done = 0;
	if (MPI_Isend(failure, sizeof *failure, MPI_BYTE, 0, TAG_FAILURE, job.desk, &request) == MPI_SUCCESS) {
		while (clock_seconds() - started < DESK_SECONDS) {
			if (!done)
				MPI_Test(&request, &done, MPI_STATUS_IGNORE);
			pause_for(PAUSE_NANOSECONDS);
		}
	}
	end_job(job.rank, failure);
}

#ifdef MPICH_VERSION
static void end_at_once(int signal_number)
{
	(void)signal_number;
	_exit(OK);
}

/* A word to and from every other rank, to all at once (a pair after the other left some unmade), then a while of
 * answering: whole connections. */
static void meet_all(void)
{
	struct err err = {0};
	int there;
	MPI_Request *request = mem_alloc((size_t)job.all, 2 * sizeof *request, &err);
	char *word = mem_alloc((size_t)job.all, 2, &err);
	for (int round = 0; request && word && round < 2; round++) {
		for (int r = 0; r < job.all; r++) {
			MPI_Irecv(word + r, 1, MPI_CHAR, r, TAG_LEAVE, job.ranks, request + r);
			MPI_Isend(word + job.all + r, 1, MPI_CHAR, r, TAG_LEAVE, job.ranks, request + job.all + r);
		}
		for (int i = 0; i < 2 * job.all; i++)
			MPI_Wait(request + i, MPI_STATUS_IGNORE);
	}
	for (double until = clock_seconds() + MEET_SECONDS; clock_seconds() < until; pause_for(PAUSE_NANOSECONDS))
		MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, job.ranks, &there, MPI_STATUS_IGNORE);
	free(request);
	free(word);
}
#endif

/* All ranks are through. MPI_Finalize of MPICH 4.0 over UCX and TCP waits for ever for a connection that is not made
 * yet, when its peer has come further and looks after connections no more; its launcher kills the others when a process
 * ends without MPI_Finalize. So connections are made whole first, and what hangs all the same is given up in the
 * end. */
static void leave(void)
{
#ifdef MPICH_VERSION
	if (job.all > 1) {
		fflush(NULL);
		signal(SIGALRM, end_at_once);
		alarm(LEAVE_SECONDS);
		if (comm_machines() > 1)
			meet_all();
	}
#endif
	MPI_Finalize();
	alarm(0);
}

void comm_finish(const struct err *failure)
{
	struct err err = {0};
	if (job.all > 1 && failure->code != OK) {
		if (job.rank == 0)
			end_job(0, failure);
		report_failure(failure);
	}
	job.size = job.all;
	if (comm_barrier(&err) != OK)
		end_job(job.rank, &err);
	if (job.all > 1 && job.rank == 0) {
		atomic_store(&job.closing, true);
		pthread_join(job.thread, NULL);
	}
	if (job.joined)
		leave();
	job.joined = false;
	job.all = job.size = 1;
}

void comm_alone(void)
{
	job.size = 1;
}

int comm_rank(void)
{
	return job.rank;
}

int comm_size(void)
{
	return job.size;
}

int comm_host(void)
{
	return job.host;
}

/* ---- together -------------------------------------------------------------------------------------------------- */

int comm_barrier(struct err *err)
{
	MPI_Request request;
	return job.size > 1 ? wait_for(MPI_Ibarrier(job.ranks, &request), &request, "waiting for the other ranks", err)
	                    : OK;
}

int comm_machine_barrier(struct err *err)
{
	MPI_Request request;
	return comm_machine_ranks() > 1
	           ? wait_for(MPI_Ibarrier(job.machine, &request), &request, "waiting for the ranks of the machine", err)
	           : OK;
}

int comm_broadcast(void *bytes, size_t count, int root, struct err *err)
{
	for (size_t at = 0; job.size > 1 && at < count; at += CHUNK_BYTES) {
		MPI_Request request;
		size_t part = count - at < CHUNK_BYTES ? count - at : CHUNK_BYTES;
		int code = MPI_Ibcast((char *)bytes + at, (int)part, MPI_BYTE, root, job.ranks, &request);
		if (wait_for(code, &request, "handing out data", err) != OK)
			return err->code;
	}
	return OK;
}

/* start[members + 1] */
struct places {
	int members;
	const size_t *start;
};

static int gather_among(MPI_Comm comm, struct places places, void *all, size_t size, struct err *err)
{
	const size_t *start = places.start;
	int members = places.members;
	MPI_Datatype item;
	MPI_Request request;
	if (size > INT32_MAX || start[members] > INT32_MAX)
		return err_set(err, ERR_SETTINGS, "%zu things of %zu bytes are more than MPI counts", start[members], size);
	int *count = mem_alloc((size_t)members, 2 * sizeof *count, err);
	if (!count)
		return err->code;
	for (int r = 0; r < members; r++) {
		count[r] = (int)(start[r + 1] - start[r]);
		count[members + r] = (int)start[r];
	}
	MPI_Type_contiguous((int)size, MPI_BYTE, &item);
	MPI_Type_commit(&item);
	int code = MPI_Iallgatherv(MPI_IN_PLACE, 0, item, all, count, count + members, item, comm, &request);
	int status = wait_for(code, &request, "gathering what the ranks have made", err);
	MPI_Type_free(&item);
	free(count);
	return status;
}

int comm_gather(void *all, const size_t *start, size_t size, struct err *err)
{
	return job.size > 1 ? gather_among(job.ranks, (struct places){job.size, start}, all, size, err) : OK;
}

int comm_gather_machines(void *all, const size_t *start, size_t size, struct err *err)
{
	int code = comm_machine_barrier(err);
	if (code == OK && comm_machines() > 1 && comm_machine_rank() == 0)
		code = gather_among(job.firsts, (struct places){comm_machines(), start}, all, size, err);
	return code == OK ? comm_machine_barrier(err) : code;
}

int comm_machine_broadcast(void *bytes, size_t count, struct err *err)
{
	MPI_Request request;
	return wait_for(MPI_Ibcast(bytes, (int)count, MPI_BYTE, 0, job.machine, &request), &request, "handing out data",
	                err);
}

int comm_machine_agree(bool *here, struct err *err)
{
	MPI_Request request;
	int all = *here;
	int code = MPI_Iallreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_LAND, job.machine, &request);
	code = wait_for(code, &request, "agreeing with the ranks of the machine", err);
	*here = all;
	return code;
}

int comm_sum_u64(uint64_t *values, size_t count, struct err *err)
{
	for (size_t at = 0; job.size > 1 && at < count; at += CHUNK_VALUES) {
		MPI_Request request;
		size_t part = count - at < CHUNK_VALUES ? count - at : CHUNK_VALUES;
		int code = MPI_Iallreduce(MPI_IN_PLACE, values + at, (int)part, MPI_UINT64_T, MPI_SUM, job.ranks, &request);
		if (wait_for(code, &request, "adding up", err) != OK)
			return err->code;
	}
	return OK;
}

/* ---- sums in the order of the ranks ------------------------------------------------------------------------------ */

static int sum_chunk(struct comm_sum *sum, struct err *err)
{
	MPI_Datatype type = sum->size == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE;
	MPI_Request request;
	int ranks = job.size, share = (int)(sum->start[job.rank + 1] - sum->start[job.rank]), *counts = sum->counts;
	for (int r = 0; r < ranks; r++) {
		counts[r] = (int)(sum->start[r + 1] - sum->start[r]);
		counts[ranks + r] = (int)sum->start[r];
		counts[2 * ranks + r] = share;
		counts[3 * ranks + r] = r * share;
	}
	int code = MPI_Ialltoallv(sum->values, counts, counts + ranks, type, sum->others, counts + 2 * ranks,
	                          counts + 3 * ranks, type, job.ranks, &request);
	if (wait_for(code, &request, "exchanging what is to be added up", err) != OK)
		return err->code;
	comm_add_up(sum, job.rank, job.size);
	return comm_gather(sum->values, sum->start, sum->size, err);
}

static int sum_values(void *values, size_t count, size_t size, struct err *err)
{
	if (job.size == 1 || count == 0)
		return OK;
	size_t most = count < CHUNK_VALUES ? count : CHUNK_VALUES, ranks = (size_t)job.size, share = most / ranks + 2;
	struct comm_sum sum = {.size = size};
	sum.counts = mem_alloc(4 * ranks, sizeof *sum.counts, err);
	sum.others = mem_alloc(ranks * share, size, err);
	sum.total = mem_alloc(share, sizeof *sum.total, err);
	int status = sum.counts && sum.others && sum.total ? OK : err->code;
	for (size_t at = 0; status == OK && at < count; at += most) {
		sum.values = (char *)values + at * size;
		status = comm_shares(count - at < most ? count - at : most, 1, NULL, &sum.start, err);
		if (status == OK)
			status = sum_chunk(&sum, err);
		free(sum.start);
		sum.start = NULL;
	}
	free(sum.counts);
	free(sum.others);
	free(sum.total);
	return status;
}

int comm_sum_float(float *values, size_t count, struct err *err)
{
	return sum_values(values, count, sizeof *values, err);
}

int comm_sum_double(double *values, size_t count, struct err *err)
{
	return sum_values(values, count, sizeof *values, err);
}

/* ---- dealing ---------------------------------------------------------------------------------------- */

int comm_deal_begin(struct comm_deal *deal, uint64_t count, struct err *err)
{
	*deal = (struct comm_deal){.count = count, .id = job.deals++};
	atomic_store(&job.dealt[deal->id % 2], 0);
	return comm_barrier(err);
}

static int ask(unsigned id, uint64_t *number, struct err *err)
{
	MPI_Request request;
	uint64_t question = id;
	int code = MPI_Isend(&question, 1, MPI_UINT64_T, 0, TAG_ASK, job.desk, &request);
	if (wait_for(code, &request, "asking for work", err) != OK)
		return err->code;
	code = MPI_Irecv(number, 1, MPI_UINT64_T, 0, TAG_NUMBER, job.desk, &request);
	return wait_for(code, &request, "being given work", err);
}

int comm_deal_next(const struct comm_deal *deal, uint64_t *number, struct err *err)
{
	int status = OK;
	if (job.rank == 0)
		*number = deal_out(deal->id);
	else
		status = ask(deal->id, number, err);
	if (status == OK && *number > deal->count)
		*number = deal->count;
	return status;
}
