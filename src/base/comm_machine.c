/*
 * Memory in common for the ranks of a machine, and work that they take from one another there.
 *
 * The first rank of a machine makes a file that lives in memory alone (memfd_create, Linux); the others open it by
 * /proc and its number. It has no name that could be left behind, ends with its last process, and is not bounded by the
 * size of /dev/shm.
 */
#include "base/comm_internal.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

static struct {
	int machines, own, rank, ranks; /* rank, ranks: on this one */
	int *first; /* [machines + 1] rank of each */
} among = {.machines = 1, .ranks = 1};

/* The next chunk of the loop under way; of the two, the other is made ready for the loop behind it. */
struct counters {
	_Atomic uint64_t next[2];
};
static struct counters *counters;
static unsigned loops;

/* What the first rank tells the others, and what stands at the end of the file: another process' file of that number is
 * not taken. */
struct place {
	int64_t process, descriptor;
	uint64_t bytes, secret;
};

static void *map_file(int file, const struct place *place)
{
	size_t whole = place->bytes + PAGE;
	void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		return NULL;
	return memory;
}

static void *make(struct place *place)
{
	int file = memfd_create("moodcast", MFD_CLOEXEC);
	void *memory = NULL;
	/* A file that finds no room only when it is written to would end the process by a signal. */
	if (file >= 0 && posix_fallocate(file, 0, (off_t)(place->bytes + PAGE)) == 0)
		memory = map_file(file, place);
	*place =
	    (struct place){getpid(), file, place->bytes, (uint64_t)(uintptr_t)memory ^ (uint64_t)(clock_seconds() * 1e9)};
	if (memory)
		memcpy((char *)memory + place->bytes, place, sizeof *place);
	return memory;
}

static void *find(const struct place *place)
{
	char path[64];
	struct stat info;
	snprintf(path, sizeof path, "/proc/%lld/fd/%lld", (long long)place->process, (long long)place->descriptor);
	int file = place->descriptor >= 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (file < 0)
		return NULL;
	bool whole = fstat(file, &info) == 0 && info.st_size == (off_t)(place->bytes + PAGE);
	void *memory = whole ? map_file(file, place) : NULL;
	close(file);
	if (memory && memcmp((char *)memory + place->bytes, place, sizeof *place) != 0) {
		munmap(memory, place->bytes + PAGE);
		memory = NULL;
	}
	return memory;
}

/* *out stays NULL on all ranks of the machine when one of them does not come to it. */
static int share(size_t bytes, void **out, struct err *err)
{
	struct place place = {.descriptor = -1, .bytes = (bytes + PAGE - 1) / PAGE * PAGE};
	bool first = comm_machine_rank() == 0, all;
	void *memory = first ? make(&place) : NULL;
	int code = comm_machine_broadcast(&place, sizeof place, err);
	if (code == OK && !first)
		memory = find(&place);
	all = memory != NULL;
	if (code == OK)
		code = comm_machine_agree(&all, err);
	if (first && place.descriptor >= 0)
		close((int)place.descriptor);
	if (memory && (code != OK || !all)) {
		munmap(memory, place.bytes + PAGE);
		memory = NULL;
	}
	*out = memory;
	return code;
}

int comm_memory_new(size_t bytes, void **out, struct err *err)
{
	if (comm_machine_ranks() == 1) {
		*out = mem_alloc(bytes, 1, err);
		return *out ? OK : err->code;
	}
	int code = share(bytes, out, err);
	return code != OK || *out
	           ? code
	           : err_set(err, ERR_MEMORY, "no memory for %zu bytes that the ranks of a machine have in common", bytes);
}

void comm_memory_free(void *memory, size_t bytes)
{
	if (memory && comm_machine_ranks() > 1)
		munmap(memory, (bytes + PAGE - 1) / PAGE * PAGE + PAGE);
	else
		free(memory);
}

/* ---- which machine ---------------------------------------------------------------------------------------------- */

/* A rank that has work to itself (comm_alone) is on a machine of its own. */
int comm_machine(void)
{
	return comm_size() > 1 ? among.own : 0;
}

int comm_machines(void)
{
	return comm_size() > 1 ? among.machines : 1;
}

int comm_machine_rank(void)
{
	return comm_size() > 1 ? among.rank : 0;
}

int comm_machine_ranks(void)
{
	return comm_size() > 1 ? among.ranks : 1;
}

/* False when a machine's ranks do not follow one another. */
static bool number_machines(const int *host)
{
	among.machines = 0;
	for (int r = 0; r < comm_size(); r++) {
		if (host[r] != r && (r == 0 || host[r] != host[r - 1]))
			return false;
		if (host[r] == r)
			among.first[among.machines++] = r;
		if (r == comm_rank())
			among.own = among.machines - 1;
	}
	among.first[among.machines] = comm_size();
	return true;
}

static void take_place(void)
{
	among.rank = comm_rank() - among.first[among.own];
	among.ranks = among.first[among.own + 1] - among.first[among.own];
}

/* Each rank is a machine. */
static void part(void)
{
	for (int r = 0; r <= comm_size(); r++)
		among.first[r] = r;
	among.machines = comm_size();
	among.own = comm_rank();
	take_place();
}

int comm_machine_open(const int *host, struct err *err)
{
	void *memory = NULL;
	if (!(among.first = mem_alloc((size_t)comm_size() + 1, sizeof *among.first, err)))
		return err->code;
	if (number_machines(host))
		take_place();
	else
		part();
	int code = among.ranks > 1 ? share(sizeof *counters, &memory, err) : OK;
	uint64_t without = among.ranks > 1 && !memory;
	if (code == OK)
		code = comm_sum_u64(&without, 1, err);
	if (without > 0) {
		comm_memory_free(memory, sizeof *counters);
		memory = NULL;
		part();
	}
	counters = memory;
	return code;
}

/* ---- loops ------------------------------------------------------------------------------------------------- */

struct loop {
	_Atomic uint64_t *next;
	size_t count, chunk;
	parallel_body *body;
	void *context;
};

/* One thread's part: chunks, as long as there are some. */
static int take_chunks(size_t part, int thread, void *context, struct err *err)
{
	const struct loop *loop = context;
	int code = OK;
	(void)part;
	for (size_t first; code == OK && (first = atomic_fetch_add(loop->next, 1) * loop->chunk) < loop->count;) {
		size_t end = first + loop->chunk < loop->count ? first + loop->chunk : loop->count;
		for (size_t i = first; i < end && code == OK; i++)
			code = loop->body(i, thread, loop->context, err);
	}
	return code;
}

int comm_machine_for(size_t count, size_t chunk, int threads, parallel_body *body, void *context, struct err *err)
{
	if (comm_machine_ranks() == 1)
		return parallel_for(count, chunk, threads, body, context, err);
	struct loop loop = {&counters->next[loops % 2], count, chunk ? chunk : 1, body, context};
	/* All have left the loop before this one, in which the other counter was used, and none has reached the next. */
	atomic_store(&counters->next[++loops % 2], 0);
	int workers = threads < 1 ? 1 : threads, code = parallel_for((size_t)workers, 1, workers, take_chunks, &loop, err);
	return code == OK ? comm_machine_barrier(err) : code;
}

int comm_machine_shares(size_t count, size_t group, const double *weight, size_t **start, struct err *err)
{
	size_t *cuts = NULL;
	int code = comm_shares(count, group, weight, &cuts, err);
	for (int m = 1; code == OK && m <= comm_machines() && comm_size() > 1; m++)
		cuts[m] = cuts[among.first[m]];
	*start = cuts;
	return code;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

struct processors {
	uint64_t hash; /* of the set that this rank may use */
	int32_t host, count;
};

static struct processors processors_here(void)
{
	cpu_set_t set;
	struct processors own = {.host = comm_host(), .count = thread_count(0)};
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		own.count = CPU_COUNT(&set);
	own.hash = hash64(&set, sizeof set, 0);
	return own;
}

/* Launchers bind ranks to processors of their own, or to none: those with the very same set share it. */
int comm_threads(int wanted, int *out, struct err *err)
{
	size_t *start = NULL, sharing = 1, ranks = (size_t)comm_size();
	*out = thread_count(wanted);
	if (wanted > 0 || ranks == 1)
		return OK;
	struct processors own = processors_here(), *all = mem_alloc(ranks, sizeof *all, err);
	int code = all ? comm_shares(ranks, 1, NULL, &start, err) : err->code;
	if (code == OK) {
		all[comm_rank()] = own;
		code = comm_gather(all, start, sizeof *all, err);
	}
	for (size_t r = 0; code == OK && r < ranks; r++)
		sharing += r != (size_t)comm_rank() && all[r].hash == own.hash && all[r].host == own.host;
	if (code == OK)
		*out = (size_t)own.count > sharing ? own.count / (int)sharing : 1;
	free(start);
	free(all);
	return code;
}
