/*
 * For clang-tidy alone (make check-tidy), put in front of every file but those of base: what the analyzer cannot see of other files. A call that
 * gives no memory leaves ERR_MEMORY in *err, and err_set leaves and returns its code, so `code = block ? OK : err->code` is OK only with a block.
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

static inline void *model_given(void *block, struct err *err)
{
	if (!block)
		err->code = ERR_MEMORY;
	return block;
}

#define err_set(err, code, ...) model_err_set(err, code)
#define mem_alloc(count, size, err) model_given(calloc(count, size), err)
#define mem_alloc_unset(count, size, err) model_given(malloc((count) * (size)), err)
#define mem_text(text, err) model_given(strdup(text), err)

#endif
