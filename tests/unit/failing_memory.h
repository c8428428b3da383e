/*
 * Memory that runs out at a chosen moment: a program linked with -Wl,--wrap (Makefile, test_no_memory*) calls these
 * instead of malloc and its kin wherever our own code allocates. Each walk tries a call with the first allocation
 * failing, then the second, … until none fails, once with that one alone and once with all behind it, too: always
 * ERR_MEMORY with a sentence, and no block left behind. What libraries allocate for themselves is not touched; under
 * AddressSanitizer a leak of theirs is seen as well.
 */
#ifndef MOODCAST_TESTS_FAILING_MEMORY_H
#define MOODCAST_TESTS_FAILING_MEMORY_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);

/* ---- which one fails ------------------------------------------------------------------------------- */

static struct {
	atomic_long count, fail_at; /* 0 = none */
	atomic_bool all_behind, failed;
} memory;

static bool memory_fails(void)
{
	long at = atomic_load(&memory.fail_at), now = at ? atomic_fetch_add(&memory.count, 1) + 1 : 0;
	if (at == 0 || now < at || (now > at && !atomic_load(&memory.all_behind)))
		return false;
	atomic_store(&memory.failed, true);
	errno = ENOMEM;
	return true;
}

static void memory_arm(long fail_at, bool all_behind)
{
	atomic_store(&memory.count, 0);
	atomic_store(&memory.all_behind, all_behind);
	atomic_store(&memory.failed, false);
	atomic_store(&memory.fail_at, fail_at);
}

/* Did one fail? */
static bool memory_disarm(void)
{
	atomic_store(&memory.fail_at, 0);
	return atomic_load(&memory.failed);
}

/* ---- which ones are alive ---------------------------------------------------------------------------- */

#define MEMORY_SLOTS ((size_t)1 << 16)
#define MEMORY_GONE ((void *)1)
static void *memory_slots[MEMORY_SLOTS];
static size_t memory_live, memory_used;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t memory_slot(const void *block)
{
	return (size_t)((uintptr_t)block / 16 * 0x9E3779B97F4A7C15u >> 48);
}

static void *memory_born(void *block)
{
	if (!block || !atomic_load(&memory.fail_at))
		return block;
	pthread_mutex_lock(&memory_lock);
	size_t at = memory_slot(block);
	while (memory_slots[at] && memory_slots[at] != MEMORY_GONE)
		at = (at + 1) % MEMORY_SLOTS;
	memory_used += memory_slots[at] == NULL;
	memory_slots[at] = block;
	memory_live++;
	if (memory_used > MEMORY_SLOTS / 2)
		abort(); /* a case too large for this */
	pthread_mutex_unlock(&memory_lock);
	return block;
}

static void memory_dead(const void *block)
{
	if (!block)
		return;
	pthread_mutex_lock(&memory_lock);
	for (size_t at = memory_slot(block); memory_slots[at]; at = (at + 1) % MEMORY_SLOTS)
		if (memory_slots[at] == block) {
			memory_slots[at] = MEMORY_GONE;
			memory_live--;
			break;
		}
	pthread_mutex_unlock(&memory_lock);
}

static void memory_forget(void)
{
	pthread_mutex_lock(&memory_lock);
	memset(memory_slots, 0, sizeof memory_slots);
	memory_live = memory_used = 0;
	pthread_mutex_unlock(&memory_lock);
}

void *__wrap_malloc(size_t size)
{
	return memory_fails() ? NULL : memory_born(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return memory_fails() ? NULL : memory_born(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (memory_fails())
		return NULL;
	memory_dead(block);
	return memory_born(__real_realloc(block, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
	if (memory_fails())
		return ENOMEM;
	int code = __real_posix_memalign(out, alignment, size);
	if (code == 0)
		memory_born(*out);
	return code;
}

void __wrap_free(void *block)
{
	memory_dead(block);
	__real_free(block);
}

/* The C library's own would allocate past us. */
char *__wrap_strdup(const char *text)
{
	char *copy = __wrap_malloc(strlen(text) + 1);
	return copy ? strcpy(copy, text) : NULL;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

/* Makes something, and lets it go again when that succeeded. */
struct attempt {
	const char *name;
	int (*make)(struct err *err);
};

/* spared: some of what is made is thrown away again, so the result can be whole without it. */
static void memory_walk_one(const struct attempt *attempt, bool all_behind, bool spared)
{
	for (long n = 1;; n++) {
		struct err err = {0};
		memory_forget();
		memory_arm(n, all_behind);
		int code = attempt->make(&err);
		bool failed = memory_disarm();
		if (memory_live)
			fail_msg("%s: %zu blocks are left behind when allocation %ld %s", attempt->name, memory_live, n,
			         failed ? "fails" : "does not fail");
		if (!failed && code != OK)
			fail_msg("%s: %s", attempt->name, err.text);
		if (!failed)
			return;
		if (code == OK && spared)
			continue;
		if (code != ERR_MEMORY || err.code != ERR_MEMORY || !err.text[0])
			fail_msg("%s: allocation %ld fails%s: status %d, \"%s\"", attempt->name, n,
			         all_behind ? " and all behind it" : "", code, err.text);
	}
}

static void memory_walk(const struct attempt *attempts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = {0};
		/* Once without a fault: what libraries keep for the life of the process exists from here on. */
		if (attempts[i].make(&err) != OK)
			fail_msg("%s: %s", attempts[i].name, err.text);
		memory_walk_one(&attempts[i], false, false);
		memory_walk_one(&attempts[i], true, false);
	}
}

#endif
