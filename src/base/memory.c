#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A cache line and an AVX-512 register are both 64 bytes. */
#define ALIGNMENT 64
/* Large arrays begin at a huge page and ask for such: fewer misses of the address cache. */
#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE ((size_t)4 << 20)

/* *padded: the bytes of the block, whole cache lines. */
static void *block_new(size_t count, size_t size, size_t *padded_out, struct err *err)
{
	size_t bytes, padded;
	if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, ALIGNMENT - 1, &padded)) {
		err_set(err, ERR_MEMORY, "%zu × %zu bytes are more than this machine can address", count, size);
		return NULL;
	}
	padded &= ~(size_t)(ALIGNMENT - 1);
	if (padded == 0)
		padded = ALIGNMENT;
	void *block;
	if (posix_memalign(&block, padded >= LARGE ? HUGE_PAGE : ALIGNMENT, padded) != 0) {
		err_set(err, ERR_MEMORY, "no memory for %zu bytes", padded);
		return NULL;
	}
	if (padded >= LARGE)
		(void)madvise(block, padded, MADV_HUGEPAGE); /* where it is refused, small pages serve */
	*padded_out = padded;
	return block;
}

void *mem_alloc(size_t count, size_t size, struct err *err)
{
	size_t padded;
	void *block = block_new(count, size, &padded, err);
	if (block)
		memset(block, 0, padded);
	return block;
}

void *mem_alloc_unset(size_t count, size_t size, struct err *err)
{
	size_t padded;
	return block_new(count, size, &padded, err);
}

void *mem_grow(void *old, size_t *capacity, size_t needed, size_t size, struct err *err)
{
	if (needed <= *capacity && old)
		return old;
	size_t grown = *capacity + *capacity / 2;
	if (grown < needed)
		grown = needed;
	if (grown < 16)
		grown = 16;
	void *block = mem_alloc(grown, size, err);
	if (!block)
		return NULL;
	if (old)
		memcpy(block, old, *capacity * size);
	free(old);
	*capacity = grown;
	return block;
}

/* A set of faces has hundreds of thousands of names: they are not aligned, which would double what they take. */
static char *text_alloc(size_t length, struct err *err)
{
	char *text = malloc(length + 1);
	if (!text)
		err_set(err, ERR_MEMORY, "no memory for %zu bytes", length + 1);
	return text;
}

char *mem_text(const char *text, struct err *err)
{
	size_t length = strlen(text);
	char *copy = text_alloc(length, err);
	if (copy)
		memcpy(copy, text, length + 1);
	return copy;
}

char *mem_format(struct err *err, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, args);
	char *text = length < 0 ? NULL : text_alloc((size_t)length, err);
	if (length < 0)
		err_set(err, ERR_DATA, "text cannot be formatted: %s", fmt);
	if (text)
		vsnprintf(text, (size_t)length + 1, fmt, again);
	va_end(again);
	va_end(args);
	return text;
}
