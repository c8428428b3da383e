/* Choosing the detector's kernels, and what they share. */
#include "vision/scan_internal.h"

#define EVEN_BITS UINT64_C(0x5555555555555555)

static const struct scan_kernels *const tables[] = {
    [CPU_BASELINE] = &scan_kernels_portable,
    [CPU_AVX2] = &scan_kernels_avx2,
    [CPU_AVX512] = &scan_kernels_avx512,
};

const struct scan_kernels *scan_kernels_at(enum cpu_level level)
{
	return level <= cpu_features()->level ? tables[level] : NULL;
}

const struct scan_kernels *scan_kernels(void)
{
	return tables[cpu_features()->level];
}

/* In a run of refused windows the first is visited, the second is not, and so on. Adding a run's first bit carries
 * through the run, which tells runs that begin at an even place from those that begin at an odd one. */
uint64_t scan_visited(uint64_t passed, uint64_t refused, bool *skip)
{
	uint64_t left_out = *skip;
	refused &= ~left_out;
	uint64_t even_first = refused & ~(refused << 1) & EVEN_BITS;
	uint64_t even_runs = refused & ~(refused + even_first);
	uint64_t visited = (even_runs & EVEN_BITS) | (refused & ~even_runs & ~EVEN_BITS);
	*skip = visited >> 63;
	return passed & ~(visited << 1 | left_out);
}

bool scan_window_passes(const struct scan *scan, size_t s, size_t offset, float scale)
{
	const struct cascade *cascade = scan->plan->cascade;
	for (; s < cascade->n_stages; s++)
		if (window_stage_sum(scan->plan, scan->integral, offset, scale, s) < stage_limit(&cascade->stages[s]))
			return false;
	return true;
}

void scan_row_ref(const struct scan *scan, size_t offset, float *scales, uint64_t *passed)
{
	for (size_t x = 0; x < scan->windows; x += SCAN_CHUNK)
		passed[x / SCAN_CHUNK] = 0;
	for (size_t x = 0; x < scan->windows; x++)
		scales[x] = window_scale(scan->plan, scan->integral, offset + x);
	for (size_t x = 0; x < scan->windows; x++) {
		double sum;
		if (scales[x] == 0)
			continue;
		int verdict = window_judge(scan->plan, scan->integral, offset + x, scales[x], &sum);
		if (verdict == 0)
			x++;
		if (verdict > 0)
			passed[x / SCAN_CHUNK] |= UINT64_C(1) << x % SCAN_CHUNK;
	}
}
