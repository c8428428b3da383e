/* The twin of comm_mpi.c for one process: what it has is what all have. */
#include "base/comm_internal.h"

#include <stdlib.h>

/* Several of this program would do the same work over one another. */
int comm_start(struct err *err)
{
	static const char *const sizes[] = {"PMI_SIZE", "OMPI_COMM_WORLD_SIZE"};
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		const char *size = getenv(sizes[i]);
		if (size && atoi(size) > 1)
			return err_set(err, ERR_SETTINGS,
			               "this program was built for one process, and started as %s; build with `make MPI=1`", size);
	}
	return OK;
}

void comm_finish(const struct err *failure)
{
	(void)failure;
}

int comm_rank(void)
{
	return 0;
}

int comm_size(void)
{
	return 1;
}

void comm_alone(void)
{
}

int comm_barrier(struct err *err)
{
	(void)err;
	return OK;
}

int comm_broadcast(void *bytes, size_t count, int root, struct err *err)
{
	(void)bytes;
	(void)count;
	(void)root;
	(void)err;
	return OK;
}

int comm_sum_float(float *values, size_t count, struct err *err)
{
	(void)values;
	(void)count;
	(void)err;
	return OK;
}

int comm_sum_double(double *values, size_t count, struct err *err)
{
	(void)values;
	(void)count;
	(void)err;
	return OK;
}

int comm_sum_u64(uint64_t *values, size_t count, struct err *err)
{
	(void)values;
	(void)count;
	(void)err;
	return OK;
}

int comm_gather(void *all, const size_t *start, size_t size, struct err *err)
{
	(void)all;
	(void)start;
	(void)size;
	(void)err;
	return OK;
}

static uint64_t dealt;

int comm_deal_begin(struct comm_deal *deal, uint64_t count, struct err *err)
{
	(void)err;
	*deal = (struct comm_deal){.count = count};
	dealt = 0;
	return OK;
}

int comm_deal_next(const struct comm_deal *deal, uint64_t *number, struct err *err)
{
	(void)err;
	*number = dealt < deal->count ? dealt++ : deal->count;
	return OK;
}

/* ---- one machine of one rank ---- */

int comm_host(void)
{
	return 0;
}

int comm_machine_broadcast(void *bytes, size_t count, struct err *err)
{
	(void)bytes;
	(void)count;
	(void)err;
	return OK;
}

int comm_machine_agree(bool *here, struct err *err)
{
	(void)here;
	(void)err;
	return OK;
}

int comm_machine_barrier(struct err *err)
{
	(void)err;
	return OK;
}

int comm_gather_machines(void *all, const size_t *start, size_t size, struct err *err)
{
	return comm_gather(all, start, size, err);
}
