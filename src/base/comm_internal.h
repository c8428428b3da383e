/* What comm_machine.c and comm_share.c want of the twins comm.c and comm_mpi.c. */
#ifndef MOODCAST_COMM_INTERNAL_H
#define MOODCAST_COMM_INTERNAL_H

#include "base/comm.h"

/* Bytes of the machine's first rank to its others. Ranks of the machine together. */
int comm_machine_broadcast(void *bytes, size_t count, struct err *err) MUST_CHECK;
/* Are `here` on all of them true? */
int comm_machine_agree(bool *here, struct err *err) MUST_CHECK;
/* The rank from which this one's machine begins, whether they have memory in common or not: the same for all that run
 * on it. */
int comm_host(void);
/* host[r]: the smallest rank on the machine of rank r, which may be several of comm_machines(). Together, once the
 * ranks are there. */
int comm_machine_open(const int *host, struct err *err) MUST_CHECK;

/* A sum in the order of the ranks: each adds up a share of the values, of which it has every rank's. */
struct comm_sum {
	void *values;
	size_t size;   /* of a value: float or double */
	size_t *start; /* [ranks + 1]: the shares */
	int *counts;   /* [4][ranks]: sent, from where, received, to where */
	char *others;  /* [ranks][share] */
	double *total; /* [share] */
};
void comm_add_up(const struct comm_sum *sum, int rank, int ranks);

#endif
