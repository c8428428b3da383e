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
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	atomic_bool all_behind, failed, noting;
} memory;

static void memory_note(void);

static bool memory_fails(void)
{
	if (atomic_load(&memory.noting))
		memory_note();
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

/* ---- where they are made ----------------------------------------------------------------------------- */

/* What a run allocated from places that none before it did: a place is the last MEMORY_FRAMES calls that led to an
 * allocation. */
#define MEMORY_FRAMES 3
/* Frames above them: of this file, or of the nearest caller where the compiler has made one of two. */
#define MEMORY_ABOVE 3
/* Of the places each eighth where a sanitizer makes everything slow. */
#ifdef SANITIZED
#define MEMORY_STEP 8
#else
#define MEMORY_STEP 1
#endif
static uint64_t memory_known[1 << 14];
static struct {
	long first[1 << 12]; /* the number of the first allocation from there */
	size_t count;
} memory_places;

static void memory_note(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	void *frames[MEMORY_ABOVE + MEMORY_FRAMES] = {0};
	backtrace(frames, ARRAY_COUNT(frames));
	uint64_t place = hash64(frames + MEMORY_ABOVE, MEMORY_FRAMES * sizeof *frames, 1) | 1;
	size_t at = (size_t)(place >> 50);
	pthread_mutex_lock(&lock);
	long number = atomic_fetch_add(&memory.count, 1) + 1;
	while (memory_known[at] && memory_known[at] != place)
		at = (at + 1) % ARRAY_COUNT(memory_known);
	if (!memory_known[at]) {
		if (memory_places.count == ARRAY_COUNT(memory_places.first))
			abort(); /* a case too large for this */
		memory_places.first[memory_places.count++] = number;
	}
	memory_known[at] = place;
	pthread_mutex_unlock(&lock);
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

/* Makes something, and lets it go again when that succeeded. */
struct attempt {
	const char *name;
	int (*make)(struct err *err);
};
/* For what can be made without an allocation that was refused: was it, as well as with it? */
typedef bool memory_whole(void);

/* With allocation n failing: was it reached? What goes wrong is told and counted. whole: NULL where it cannot be. */
static bool memory_try(const struct attempt *attempt, memory_whole *whole, long n, bool all_behind, size_t *wrong)
{
	const char *behind = all_behind ? " and all behind it" : "";
	struct err err = {0};
	memory_forget();
	memory_arm(n, all_behind);
	int code = attempt->make(&err);
	bool failed = memory_disarm(), sentence = code == ERR_MEMORY && err.code == ERR_MEMORY && err.text[0];
	*wrong += memory_live > 0;
	if (memory_live)
		print_error("%s: %zu blocks are left behind when allocation %ld%s %s\n", attempt->name, memory_live, n, behind,
		            failed ? "fails" : "does not fail");
	if (failed ? !sentence && !(code == OK && whole && whole()) : code != OK) {
		print_error("%s: allocation %ld%s: status %d, \"%s\"\n", attempt->name, n, behind, code, err.text);
		++*wrong;
	}
	return failed;
}

/* Once without a fault: what libraries keep for the life of the process exists from here on. */
static void memory_calm(const struct attempt *attempt)
{
	struct err err = {0};
	if (attempt->make(&err) != OK)
		fail_msg("%s: %s", attempt->name, err.text);
}

static inline void memory_walk_spared(const struct attempt *attempts, size_t count, memory_whole *whole)
{
	size_t wrong = 0;
	for (size_t i = 0; i < count; i++) {
		memory_calm(&attempts[i]);
		for (int all_behind = 0; all_behind < 2; all_behind++)
			for (long n = 1; memory_try(&attempts[i], whole, n, all_behind, &wrong); n++)
				;
	}
	if (wrong)
		fail_msg("%zu times", wrong);
}

static inline void memory_walk(const struct attempt *attempts, size_t count)
{
	memory_walk_spared(attempts, count, NULL);
}

/* The same for a call that allocates thousands of times: the first from each place that no call before came by, and at
 * each fourth all behind it, too. It must allocate in the same order each time. How many went wrong. */
static inline size_t memory_walk_places(const struct attempt *attempt, memory_whole *whole)
{
	size_t wrong = 0;
	memory_calm(attempt);
	memory_calm(attempt);
	memory_places.count = 0;
	atomic_store(&memory.count, 0);
	atomic_store(&memory.noting, true);
	memory_calm(attempt);
	atomic_store(&memory.noting, false);
	for (size_t i = 0; i < memory_places.count; i += MEMORY_STEP) {
		if (!memory_try(attempt, whole, memory_places.first[i], false, &wrong))
			fail_msg("%s: allocation %ld was not reached again", attempt->name, memory_places.first[i]);
		if (i / MEMORY_STEP % 4 == 0)
			(void)memory_try(attempt, whole, memory_places.first[i], true, &wrong);
	}
	print_message("%s: %zu places\n", attempt->name, memory_places.count);
	return wrong;
}

/* What commands print would stand between the results: away with it; restored by what the first gave. */
static inline int stdout_away(void)
{
	fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	assert_non_null(freopen("/dev/null", "w", stdout));
	return kept;
}

static inline void stdout_back(int kept)
{
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
}

#endif
