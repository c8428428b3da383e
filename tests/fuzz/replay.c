/* Runs a fuzz target over the files of its corpus, without a fuzzer: fuzz_NAME FILE…. Exit 0 when none of them brought
 * it down or took more memory than a file of its size can ask for. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MOST_MEMORY 2000000 /* kB; the fuzzer's own limit is 2,500 MB */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	size_t size = 0, room = (size_t)4 << 20;
	uint8_t *bytes = malloc(room);
	if (bytes)
		size = fread(bytes, 1, room, file);
	fclose(file);
	/* In a block of its own size, so that a read behind its end is seen. */
	uint8_t *exact = bytes ? realloc(bytes, size ? size : 1) : NULL;
	if (exact)
		LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return exact ? 0 : 1;
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	struct rusage used;
	if (getrusage(RUSAGE_SELF, &used) == 0 && used.ru_maxrss > MOST_MEMORY) {
		fprintf(stderr, "%s: one of the files took %ld MB\n", argv[0], used.ru_maxrss / 1000);
		failed = 1;
	}
	printf("%d inputs\n", argc - 1);
	return failed;
}
