/* After the first frame of a size a detector asks for no memory: every allocation of the process is counted. */
#include "support/support.h"

#include <stdlib.h>

#include "random_cascade.h"

static size_t allocations;

#ifdef SANITIZED
#define COUNTED false
#else
#define COUNTED true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	*out = __libc_memalign(alignment, size);
	return *out ? 0 : 12;
}
#endif

static void frames_after_the_first_cost_no_memory(void **state)
{
	(void)state;
	struct err err = {0};
	struct cascade *cascade = random_cascade(9, 4, true);
	struct image frame;
	if (!COUNTED) {
		cascade_free(cascade);
		skip();
	}
	frame = random_picture(320, 240, 3, 20);
	for (int threads = 1; threads <= 2; threads++) {
		struct detector *detector = detector_new(cascade, &err);
		struct detections found = {0};
		struct detect_options options = {.scale = 1.2, .neighbors = 2, .threads = threads};
		size_t before = allocations;
		assert_ok(detector_find(detector, &frame, &options, &found, &err));
		assert_true(allocations > before);
		before = allocations;
		for (size_t i = 0; i < 6; i++)
			assert_ok(detector_find(detector, &frame, &options, &found, &err));
		assert_int_equal(allocations, before);
		detections_free(&found);
		detector_free(detector);
	}
	image_free(&frame);
	cascade_free(cascade);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(frames_after_the_first_cost_no_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
