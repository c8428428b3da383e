/*
 * Training of the last layers, shared by tune.c and tune_head.c (gradients), tune_step.c (optimisers), tune_train.c
 * (the loop) and tune_checkpoint.c only.
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

#define MAX_WEIGHTS (2 * VGG16_LAYERS + HEAD_TENSORS)
struct tuner {
	struct tuner_options options;
	struct stage stages[VGG16_LAYERS];
	struct weights weights[MAX_WEIGHTS]; /* kernel and bias of each convolution, then of the head's layers */
	size_t n_stages, n_weights, n_head; /* n_head: of them the head's */
	size_t inputs, hidden, classes, pool;
	float *rows, *rows_gradient, *scores; /* [batch][inputs], [batch][classes] */
	float *active, *active_gradient;      /* [batch][hidden] */
	const size_t *pictures;               /* of the batch, for the dropout; NULL = nothing is dropped */
	size_t epoch;
	float *blocked[2];                    /* [batch]: the largest input or output of a Winograd layer */
	float *turned, *zeros;                /* the largest turned kernel, and its bias */
	void *workspace;
	size_t steps;   /* taken */
	size_t correct; /* of the last gradient's examples */
};

/* The head's part (tune_head.c). */
int tuner_weights_add(struct tuner *tuner, float *values, size_t count, struct err *err) MUST_CHECK;
int tuner_head_add(struct tuner *tuner, const struct head *head, struct map_shape map, struct err *err) MUST_CHECK;
void tuner_head_forward(struct tuner *tuner, size_t n); /* rows → scores */
/* The mean loss; scores become ∂L/∂logits. */
double tuner_head_loss(struct tuner *tuner, size_t n, const int32_t *labels);
void tuner_head_backward(struct tuner *tuner, size_t n); /* → rows_gradient and the head's gradients */

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
