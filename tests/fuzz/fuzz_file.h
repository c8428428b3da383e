/*
 * What the fuzz targets share: the entry, and the bytes as a file for readers that take a path. The file lies in memory
 * where the machine has a folder for that: thousands of inputs a second are no load for a disk.
 */
#ifndef MOODCAST_TESTS_FUZZ_FILE_H
#define MOODCAST_TESTS_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A name of this process' own, the same at every call with the same name. */
static inline void fuzz_path(char path[96], const char *name)
{
	snprintf(path, 96, "%s/moodcast_fuzz.%d.%s", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid(),
	         name);
}

static inline void fuzz_file(char path[96], const char *name, const uint8_t *bytes, size_t size)
{
	fuzz_path(path, name);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		exit(1); /* a full disk is no finding */
	}
}

#endif
