/* The state of a fine-tuning as numbers and arrays. */
#include <string.h>

#include "nn/checkpoint_internal.h"
#include "nn/tune_internal.h"

#define NUMBERS 10
#define KINDS 3 /* the weights, gradient with both moments, the best epoch's weights */

struct packed {
	struct checkpoint checkpoint;
	int64_t numbers[NUMBERS];
	struct checkpoint_array arrays[KINDS * MAX_WEIGHTS];
};

static void pack(const struct tune_state *state, struct packed *packed)
{
	const struct tuner *tuner = state->tuner;
	const int64_t numbers[NUMBERS] = {(int64_t)state->identity,
	                                  (int64_t)state->n_history,
	                                  (int64_t)state->epoch,
	                                  (int64_t)state->step,
	                                  (int64_t)tuner->steps,
	                                  checkpoint_bits(state->loss),
	                                  (int64_t)state->correct,
	                                  (int64_t)state->best_epoch,
	                                  checkpoint_bits(state->best_calibrated),
	                                  checkpoint_bits(state->best_temperature)};
	memcpy(packed->numbers, numbers, sizeof numbers);
	for (size_t i = 0; i < tuner->n_weights; i++) {
		const struct weights *weights = &tuner->weights[i];
		struct checkpoint_array *arrays = &packed->arrays[KINDS * i];
		arrays[0] = (struct checkpoint_array){weights->values, weights->count};
		arrays[1] = (struct checkpoint_array){weights->gradient, 3 * weights->count};
		arrays[2] = (struct checkpoint_array){state->best[i], weights->count};
	}
	packed->checkpoint = (struct checkpoint){.numbers = packed->numbers,
	                                         .n_numbers = NUMBERS,
	                                         .history = state->history,
	                                         .most_epochs = state->epochs,
	                                         .arrays = packed->arrays,
	                                         .n_arrays = KINDS * tuner->n_weights};
}

int tune_checkpoint_save(const struct tune_state *state, const char *path, struct err *err)
{
	struct packed packed;
	pack(state, &packed);
	return nn_checkpoint_save(&packed.checkpoint, path, err);
}

int tune_checkpoint_load(struct tune_state *state, const char *path, bool *found, struct err *err)
{
	struct packed packed;
	pack(state, &packed);
	int code = nn_checkpoint_load(&packed.checkpoint, path, found, err);
	if (code != OK || !*found)
		return code;
	const int64_t *numbers = packed.numbers + CHECKPOINT_EPOCHS;
	state->n_history = (size_t)*numbers++;
	state->epoch = (size_t)*numbers++;
	state->step = (size_t)*numbers++;
	state->tuner->steps = (size_t)*numbers++;
	state->loss = checkpoint_value(*numbers++);
	state->correct = (size_t)*numbers++;
	state->best_epoch = (size_t)*numbers++;
	state->best_calibrated = checkpoint_value(*numbers++);
	state->best_temperature = checkpoint_value(*numbers++);
	return OK;
}
