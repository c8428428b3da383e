#include "base/base.h"

#include <omp.h>
#include <stdatomic.h>

int thread_count(int wanted)
{
	int available = omp_get_num_procs();
	return wanted > 0 ? wanted : available > 0 ? available : 1;
}

int parallel_for(size_t count, size_t chunk, int threads, parallel_body *body, void *context, struct err *err)
{
	if (chunk == 0)
		chunk = 1;
	size_t chunks = count / chunk + (count % chunk != 0), first_failure = SIZE_MAX;
	atomic_size_t failed_chunk = SIZE_MAX;
	struct err failure = {0};

	/* Only chunks behind a failed one are dropped, so the failure of the smallest index is the one that is
	 * kept, on any number of threads. */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads < 1 ? 1 : threads)
	for (size_t c = 0; c < chunks; c++) {
		if (c > atomic_load(&failed_chunk))
			continue;
		size_t end = (c + 1) * chunk < count ? (c + 1) * chunk : count;
		for (size_t i = c * chunk; i < end; i++) {
			struct err own = {0};
			if (body(i, omp_get_thread_num(), context, &own) == OK)
				continue;
#pragma omp critical(moodcast_parallel_failure)
			if (i < first_failure) {
				first_failure = i;
				failure = own;
				atomic_store(&failed_chunk, c);
			}
			break;
		}
	}
	if (first_failure == SIZE_MAX)
		return OK;
	*err = failure;
	return err->code;
}
