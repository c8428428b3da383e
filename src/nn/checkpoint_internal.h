/* What the trainings of the head and of the layers keep of themselves, so that one that was stopped ends with the same
 * bytes. */
#ifndef MOODCAST_NN_CHECKPOINT_INTERNAL_H
#define MOODCAST_NN_CHECKPOINT_INTERNAL_H

#include "nn/nn.h"

/* Doubles as their bits: they come back exactly, whatever types the file format knows. */
int64_t checkpoint_bits(double value);
double checkpoint_value(int64_t bits);

struct checkpoint_array {
	float *values;
	size_t count;
};
/* The first two numbers mean the same everywhere. */
enum { CHECKPOINT_IDENTITY, CHECKPOINT_EPOCHS, CHECKPOINT_OWN };
struct checkpoint {
	int64_t *numbers; /* identity of the training, epochs that are complete, then the training's own */
	size_t n_numbers;
	struct head_epoch *history; /* [most_epochs] */
	size_t most_epochs;
	const struct checkpoint_array *arrays;
	size_t n_arrays;
};
int nn_checkpoint_save(const struct checkpoint *checkpoint, const char *path, struct err *err) MUST_CHECK;
/* Fills numbers, history and arrays from PATH; *found: there was a state of the identity in numbers[0]. What does not
 * fit is left, with nothing changed. */
int nn_checkpoint_load(const struct checkpoint *checkpoint, const char *path, bool *found, struct err *err) MUST_CHECK;

#endif
