/*
 * For clang-tidy alone (make check-tidy), put in front of every file but the three that define these: what the analyzer cannot see of other
 * files. A call that gives no memory leaves ERR_MEMORY in *err, and err_set leaves and returns its code, so `code = block ? OK : err->code` is OK
 * only with a block; errno's code and that of a failure which gets a context are no OK; no block is empty.
 */
#ifndef MOODCAST_TESTS_ANALYZER_MODEL_H
#define MOODCAST_TESTS_ANALYZER_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static inline int model_err_set(struct err *err, int code)
{
	err->code = code;
	return code;
}

static inline int model_err_wrap(struct err *err)
{
	if (err->code == OK)
		abort();
	return err->code;
}

static inline void *model_given(void *block, struct err *err)
{
	if (!block)
		err->code = ERR_MEMORY;
	return block;
}

static inline void *model_grow(void *old, size_t *capacity, size_t needed, size_t size, struct err *err)
{
	if (needed <= *capacity && old)
		return old;
	void *block = realloc(old, (needed + 16) * size);
	if (!block) {
		err->code = ERR_MEMORY;
		return NULL;
	}
	*capacity = needed + 16;
	return block;
}

/* That what a sentence names is read, and one sentence is not another. */
#define model_text(...) ((void)snprintf(NULL, 0, __VA_ARGS__))

#define err_set(err, code, ...) (model_text(__VA_ARGS__), model_err_set(err, code))
#define err_errno(err, ...) (model_text(__VA_ARGS__), model_err_set(err, ERR_IO))
#define err_wrap(err, ...) (model_text(__VA_ARGS__), model_err_wrap(err))
#define mem_alloc(count, size, err) model_given(calloc((count) + 1, size), err)
#define mem_alloc_unset(count, size, err) model_given(malloc((count) * (size) + 1), err)
#define mem_grow(old, capacity, needed, size, err) model_grow(old, capacity, needed, size, err)
#define mem_text(text, err) model_given(strdup(text), err)
#define mem_format(err, ...) (model_text(__VA_ARGS__), model_given(malloc(1), err))
#define path_join(folder, name, err) model_given(strdup((folder)[0] ? (folder) : (name)), err)

#endif
