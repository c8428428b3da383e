/* The state of the head's training as numbers and arrays. */
#include <string.h>

#include "nn/checkpoint_internal.h"
#include "nn/head_internal.h"

#define NUMBERS 7
#define ARRAYS 10

struct packed {
	struct checkpoint checkpoint;
	int64_t numbers[NUMBERS];
	struct checkpoint_array arrays[ARRAYS];
};

static void pack(const struct head_state *state, struct packed *packed)
{
	const struct head_trainer *t = state->trainer;
	size_t kernel = t->inputs * t->units, top = t->hidden ? (t->hidden + 1) * t->classes : 0;
	const int64_t numbers[NUMBERS] = {
	    (int64_t)state->identity, (int64_t)state->n_history,  (int64_t)state->step,  checkpoint_bits(state->sum),
	    (int64_t)state->correct,  (int64_t)state->best_epoch, (int64_t)t->adam.steps};
	const struct checkpoint_array arrays[ARRAYS] = {{t->kernel, kernel},
	                                                {t->kernel_moment, kernel},
	                                                {t->kernel_square, kernel},
	                                                {t->bias, t->units},
	                                                {t->bias_moment, t->units},
	                                                {t->bias_square, t->units},
	                                                {t->top, top},
	                                                {t->top_moment, top},
	                                                {t->top_square, top},
	                                                {state->best, state->parameters}};

	memcpy(packed->numbers, numbers, sizeof(numbers));
	memcpy(packed->arrays, arrays, sizeof(arrays));
	packed->checkpoint = (struct checkpoint){.numbers = packed->numbers,
	                                         .n_numbers = NUMBERS,
	                                         .history = state->history,
	                                         .most_epochs = state->epochs,
	                                         .arrays = packed->arrays,
	                                         .n_arrays = ARRAYS};
}

int head_checkpoint_save(const struct head_state *state, const char *path, struct err *err)
{
	struct packed packed;

	pack(state, &packed);
	return nn_checkpoint_save(&packed.checkpoint, path, err);
}

int head_checkpoint_load(struct head_state *state, const char *path, bool *found, struct err *err)
{
	struct packed packed;
	const int64_t *numbers = packed.numbers + CHECKPOINT_EPOCHS;
	int code;

	pack(state, &packed);
	code = nn_checkpoint_load(&packed.checkpoint, path, found, err);
	if (code != OK || !*found)
		return code;
	state->n_history = (size_t)*numbers++;
	state->step = (size_t)*numbers++;
	state->sum = checkpoint_value(*numbers++);
	state->correct = (size_t)*numbers++;
	state->best_epoch = (size_t)*numbers++;
	state->trainer->adam.steps = (size_t)*numbers++;
	return OK;
}
