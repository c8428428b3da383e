/*
 * For clang-tidy alone (make check-tidy), put in front of every file but those that define these: what the analyzer
 * cannot see of other files. A call that gives no memory leaves ERR_MEMORY in *err, and err_set leaves and returns its
 * code, so `code = block ? OK : err->code` is OK only with a block; errno's code and that of a failure which gets a
 * context are no OK; no block and no text is empty. Expressions and not functions: in a long function the analyzer
 * gives up looking into calls.
 */
#ifndef MOODCAST_TESTS_ANALYZER_MODEL_H
#define MOODCAST_TESTS_ANALYZER_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#ifdef MODEL_STAGES
#include "stages/pack_internal.h"
#include "stages/stages.h"
#endif

#define model_given(type, block, err)                                                                                  \
	({                                                                                                                 \
		type *given_ = block;                                                                                          \
		if (!given_)                                                                                                   \
			(err)->code = ERR_MEMORY;                                                                                  \
		given_;                                                                                                        \
	})
#define model_grow(old, capacity, needed, size, err)                                                                   \
	({                                                                                                                 \
		void *old_ = old;                                                                                              \
		size_t *capacity_ = capacity, needed_ = needed;                                                                \
		if (needed_ > *capacity_ || !old_) {                                                                           \
			old_ = realloc(old_, (needed_ + 16) * (size));                                                             \
			if (old_)                                                                                                  \
				*capacity_ = needed_ + 16;                                                                             \
			else                                                                                                       \
				(err)->code = ERR_MEMORY;                                                                              \
		}                                                                                                              \
		old_;                                                                                                          \
	})
#define model_wrap(err)                                                                                                \
	({                                                                                                                 \
		if ((err)->code == OK)                                                                                         \
			abort();                                                                                                   \
		(err)->code;                                                                                                   \
	})

/* That what a sentence names is read, and one sentence is not another. */
#define model_text(...) ((void)snprintf(NULL, 0, __VA_ARGS__))

#define err_set(err, status, ...) (model_text(__VA_ARGS__), (err)->code = (status))
#define err_errno(err, ...) (model_text(__VA_ARGS__), (err)->code = ERR_IO)
#define err_wrap(err, ...) (model_text(__VA_ARGS__), model_wrap(err))
#define mem_alloc(count, size, err) model_given(void, calloc((count) + 1, size), err)
#define mem_alloc_unset(count, size, err) model_given(void, malloc((count) * (size) + 1), err)
#define mem_grow(old, capacity, needed, size, err) model_grow(old, capacity, needed, size, err)
#define mem_text(text, err) model_given(char, strdup(text), err)
#define mem_format(err, ...) (model_text(__VA_ARGS__), model_given(char, strdup("text"), err))
#define path_join(folder, name, err) model_given(char, strdup((folder)[0] ? (folder) : (name)), err)

#ifdef MODEL_STAGES
#define model_path(name, err) model_given(char, strdup(name), err)
#define stage_out_path(run, name, err) ((void)(run), model_path(name, err))
#define stage_in_path(run, stage, name, err) ((void)(run), (void)(stage), model_path(name, err))
#define pack_path(run, name, err) ((void)(run), model_path(name, err))
#endif

#endif
