/*
 * Training of the last layers, shared by tune.c (gradients), tune_step.c (optimisers), tune_train.c (the loop) and
 * tune_checkpoint.c only.
 */
#ifndef MOODCAST_TUNE_INTERNAL_H
#define MOODCAST_TUNE_INTERNAL_H

#include "nn/head_internal.h"
#include "nn/nn.h"

/* One array that is trained, with its gradient and moments. */
struct weights {
	float *values;
	float *gradient, *moment, *square; /* of SGD, moment is the velocity */
	size_t count;
};

struct stage {
	const struct layer *layer;
	struct map_shape in, out;
	float *map, *gradient; /* [batch] of the layer's output, and ∂L by it */
	/* For the forward pass where channels come in blocks; weights are set anew each step. Else NULL. */
	struct winograd *winograd, *back; /* back: of the turned kernel, for the gradient by the input */
};

struct tuner {
	struct tuner_options options;
	struct stage stages[VGG16_LAYERS];
	struct weights weights[2 * VGG16_LAYERS + 2]; /* kernel and bias of each convolution, then of the head */
	size_t n_stages, n_weights, inputs, classes, pool;
	float *rows, *rows_gradient, *scores; /* [batch][inputs], [batch][classes] */
	float *blocked[2];                    /* [batch]: the largest input or output of a Winograd layer */
	float *turned, *zeros;                /* the largest turned kernel, and its bias */
	void *workspace;
	size_t steps;   /* taken */
	size_t correct; /* of the last gradient's examples */
};

/* The loop between two steps: what a checkpoint keeps besides the tuner's weights and moments. */
struct tune_state {
	struct tuner *tuner;
	uint64_t identity;
	size_t epoch, step; /* 1-based; steps of the epoch that are done */
	double loss;        /* sum over the epoch's examples so far */
	size_t correct;
	struct head_epoch *history; /* [epochs]: those that are complete */
	size_t n_history, epochs;
	float **best; /* as tuner->weights: those of the best epoch */
	double best_calibrated, best_temperature;
	size_t best_epoch;
};
int tune_checkpoint_save(const struct tune_state *state, const char *path, struct err *err) MUST_CHECK;
/* Fills the state and the tuner from PATH; true when there was a state of this identity. What does not fit is left. */
int tune_checkpoint_load(struct tune_state *state, const char *path, bool *found, struct err *err) MUST_CHECK;

#endif
