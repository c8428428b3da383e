#include "support/support.h"

#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void assert_close(const float *a, const float *b, size_t count, double relative, double absolute)
{
	size_t worst = 0;
	double worst_excess = 0;
	for (size_t i = 0; i < count; i++) {
		double allowed = absolute + relative * fabs((double)b[i]);
		double excess = fabs((double)a[i] - (double)b[i]) / (allowed > 0 ? allowed : 1e-300);
		if (!(excess <= worst_excess)) {
			worst = i;
			worst_excess = isnan(excess) ? INFINITY : excess;
		}
	}
	if (worst_excess > 1)
		fail_msg("element %zu of %zu: %.9g, expected %.9g (%.3g times the tolerance)", worst, count, (double)a[worst],
		         (double)b[worst], worst_excess);
}

double relative_l2(const float *a, const float *b, size_t count)
{
	double difference = 0, size = 0;
	for (size_t i = 0; i < count; i++) {
		difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
		size += (double)b[i] * b[i];
	}
	return sqrt(difference) / sqrt(size);
}

char *scratch_new(void)
{
	const char *base = getenv("TMPDIR");
	char path[512];
	snprintf(path, sizeof path, "%s/moodcast-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(path))
		fail_msg("no scratch folder %s", path);
	return strdup(path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

void scratch_remove(char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

const char *scratch_path(const char *folder, const char *name)
{
	static char paths[8][1024];
	static size_t next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

#define CANARY 64

float *canary_new(size_t count)
{
	uint8_t *block = aligned_alloc(64, (2 * CANARY + count * sizeof(float) + 63) / 64 * 64);
	assert_non_null(block);
	memset(block, 0xA5, CANARY);
	memset(block + CANARY, 0xFF, count * sizeof(float)); /* NaN: what was not written is seen */
	memset(block + CANARY + count * sizeof(float), 0xA5, CANARY);
	return (float *)(void *)(block + CANARY);
}

void canary_check(const float *block, size_t count)
{
	const uint8_t *before = (const uint8_t *)block - CANARY, *after = (const uint8_t *)(block + count);
	for (size_t i = 0; i < CANARY; i++)
		if (before[i] != 0xA5 || after[i] != 0xA5)
			fail_msg("a byte %s the block of %zu floats was overwritten", before[i] != 0xA5 ? "before" : "after",
			         count);
}

void canary_free(float *block)
{
	if (block)
		free((uint8_t *)block - CANARY);
}
