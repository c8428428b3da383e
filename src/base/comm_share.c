/* What both twins of comm have in common. */
#include "base/comm_internal.h"

#include <stdlib.h>
#include <string.h>

int comm_shares(size_t count, size_t group, const double *weight, size_t **start, struct err *err)
{
	size_t ranks = (size_t)comm_size(), groups = (count + group - 1) / group, rank = 1;
	size_t *cuts = mem_alloc(ranks + 1, sizeof *cuts, err);
	double all = 0, sum = 0;
	if (!cuts)
		return err->code;
	for (; !weight && rank < ranks; rank++)
		cuts[rank] = groups * rank / ranks * group;
	for (size_t i = 0; weight && i < count; i++)
		all += weight[i];
	/* Rank r begins at the first group that is more than half behind r / ranks of the weight. */
	for (size_t g = 0; weight && g < groups; g++) {
		double own = 0;
		for (size_t i = g * group; i < (g + 1) * group && i < count; i++)
			own += weight[i];
		while (rank < ranks && (sum + own / 2) * (double)ranks > all * (double)rank)
			cuts[rank++] = g * group;
		sum += own;
	}
	while (rank <= ranks)
		cuts[rank++] = count;
	*start = cuts;
	return OK;
}

int comm_memory_join(void **own, size_t bytes, void **out, struct err *err)
{
	void *common = NULL;
	*out = NULL;
	if (comm_machine_ranks() == 1)
		return OK;
	int code = comm_memory_new(bytes, &common, err);
	if (code == OK && comm_machine_rank() == 0)
		memcpy(common, *own, bytes);
	if (code == OK)
		code = comm_machine_barrier(err);
	if (code != OK) {
		comm_memory_free(common, bytes);
		return code;
	}
	free(*own);
	*own = NULL;
	*out = common;
	return OK;
}

int comm_stop_check(const char *what, struct err *err)
{
	uint64_t asked = stop_requested();
	int status = comm_sum_u64(&asked, 1, err);
	/* Whoever is asked from here on stops at the next call, together with the others. */
	if (status != OK || !asked || (status = stop_check(what, err)) != OK)
		return status;
	return err_set(err, ERR_STOPPED, "%s: another rank was stopped by a signal; run the same command again to go on",
	               what);
}

int comm_file_read(const char *path, size_t limit, char **out, size_t *size, struct err *err)
{
	uint64_t length = UINT64_MAX; /* of a file that is not there */
	char *bytes = NULL;
	*out = NULL;
	*size = 0;
	if (comm_rank() == 0 && path_exists(path)) {
		if (file_read(path, limit, &bytes, size, err) != OK)
			return err->code;
		length = *size;
	}
	int status = comm_broadcast(&length, sizeof length, 0, err);
	if (status == OK && length == UINT64_MAX)
		return OK;
	if (status == OK && !bytes && !(bytes = mem_alloc(length + 1, 1, err)))
		status = err->code;
	if (status == OK)
		status = comm_broadcast(bytes, length, 0, err);
	if (status != OK) {
		free(bytes);
		return status;
	}
	*out = bytes;
	*size = length;
	return OK;
}

int comm_best(struct comm_best *best, struct err *err)
{
	size_t *start = NULL, ranks = (size_t)comm_size();
	struct comm_best *all;
	if (ranks == 1)
		return OK;
	if (!(all = mem_alloc(ranks, sizeof *all, err)))
		return err->code;
	all[comm_rank()] = *best;
	int code = comm_shares(ranks, 1, NULL, &start, err);
	if (code == OK)
		code = comm_gather(all, start, sizeof *all, err);
	for (size_t r = 0; code == OK && r < ranks; r++)
		if (all[r].score > best->score || (all[r].score == best->score && all[r].index < best->index))
			*best = all[r];
	free(start);
	free(all);
	return code;
}

static double value_at(const void *values, size_t size, size_t i)
{
	return size == sizeof(float) ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

void comm_add_up(const struct comm_sum *sum, int rank, int ranks)
{
	size_t first = sum->start[rank], share = sum->start[rank + 1] - first;
	for (size_t i = 0; i < share; i++)
		sum->total[i] = 0;
	for (size_t r = 0; r < (size_t)ranks; r++)
		for (size_t i = 0; i < share; i++)
			sum->total[i] += value_at(sum->others + r * share * sum->size, sum->size, i);
	for (size_t i = 0; i < share; i++)
		if (sum->size == sizeof(float))
			((float *)sum->values)[first + i] = (float)sum->total[i];
		else
			((double *)sum->values)[first + i] = sum->total[i];
}
