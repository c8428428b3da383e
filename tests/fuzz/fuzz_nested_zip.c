/* Archives in archives, with limits; no name that is delivered leads out of the archive. */
#include <string.h>

#include "fuzz_file.h"
#include "io/io.h"

static bool wanted(const char *path, void *context)
{
	(void)context;
	return strlen(path) % 3 != 0;
}

static int deliver(const struct member *member, void *context, struct err *err)
{
	struct member copy = *member;
	if (member->path[0] == '/' || strncmp(member->path, "../", 3) == 0 || strstr(member->path, "/../"))
		abort();
	struct err why = {0};
	if (member_unpack(context, &copy, &why) == ERR_MEMORY)
		return err_set(err, ERR_MEMORY, "%s", why.text);
	uint64_t sum = hash64(copy.bytes, copy.size, 0);
	return sum == 0 ? err_set(err, ERR_STOPPED, "never") : OK;
}

static void skipped(const char *path, const char *reason, void *context)
{
	(void)context;
	if (!path || !reason || !reason[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct unpacker *unpacker = NULL;
	char path[96];
	if (unpacker_new(&unpacker, &err) != OK)
		return 0;
	fuzz_file(path, "zip", bytes, size);
	for (int packed = 0; packed < 2; packed++) {
		struct member_walk walk = {.wanted = wanted,
		                           .deliver = deliver,
		                           .skipped = skipped,
		                           .context = unpacker,
		                           .max_member = 1 << 20,
		                           .max_ratio = 200,
		                           .max_total = (uint64_t)32 << 20,
		                           .packed = packed};
		struct err why = {0};
		if (members_walk(path, &walk, &why) != OK && why.text[0] == '\0')
			abort();
	}
	unpacker_free(unpacker);
	unlink(path);
	return 0;
}
