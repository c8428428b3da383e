/*
 * One training step of the head, apart from the loop around it, so that a test can hold the gradient to central
 * differences.
 *
 * A trainer works in units of standardised features: z = (x − mean) · scale, p = softmax(z · kernel + bias). The
 * features are cut into blocks of HEAD_BLOCK; a block's share of the products and its update are one task, and shares
 * are added in the order of the blocks, so the number of threads cannot show. Ranks have blocks of their own, of which
 * they exchange the shares of the logits, not the far larger gradient; nor does their number show.
 *
 * With a hidden layer, kernel and bias are that layer's, and p = softmax(a · top kernel + top bias) with
 * a = max(0, z · kernel + bias) · mask (head_hidden.c).
 */
#ifndef MOODCAST_NN_HEAD_INTERNAL_H
#define MOODCAST_NN_HEAD_INTERNAL_H

#include "nn/nn.h"

#define HEAD_BLOCK 1024

struct adam {
	double learning_rate;
	float step_size; /* learning_rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ) of the step under way */
	size_t steps;
};

struct head_trainer {
	const struct head_data *data;
	size_t inputs, hidden, classes, blocks, batch; /* batch: the most examples a step may have */
	size_t units; /* of the layer behind the features: hidden or, without one, classes */
	size_t first, end;                     /* blocks of this rank */
	size_t *start, *feature; /* [ranks + 1] of each rank: blocks, features; NULL = every rank has all blocks */
	int threads;
	double l2, smoothing, focal, dropout;
	uint64_t seed; /* of the dropout */
	size_t epoch;  /* under way, as the caller says; 0 = nothing is dropped */
	float *mean, *scale;                                     /* [inputs]; 0 and 1 without standardisation */
	float *kernel, *kernel_gradient;                         /* [inputs][units] */
	float *kernel_moment, *kernel_square;                    /* Adam's m and v */
	float *bias, *bias_gradient, *bias_moment, *bias_square; /* [units] */
	float *top, *top_gradient, *top_moment, *top_square; /* [hidden + 1][classes], the bias last; with a hidden layer */
	float *class_weight;                                     /* [classes] */
	float *rows;                                             /* [blocks][batch][HEAD_BLOCK]: the batch, standardised */
	float *shares;   /* [blocks][batch][units]: each block's part of z · kernel */
	float *active;   /* [batch][hidden]: what the hidden layer gives */
	float *delta;    /* [batch][classes]: ∂loss/∂logits */
	float *signal;   /* [batch][units]: ∂loss by z · kernel + bias; without a hidden layer, delta */
	double *penalty; /* [blocks]: Σ kernel² */
	float *block;    /* the memory behind all float arrays */
	struct adam adam;
};

/* Zeros, but for the kernel of a hidden layer: normal numbers of deviation √(2 / inputs) (He et al. 2015). */
int head_trainer_new(struct head_trainer **out, const struct head_data *data, size_t hidden,
                     const struct head_training *training, struct err *err) MUST_CHECK;
void head_trainer_free(struct head_trainer *trainer);

struct head_loss {
	double loss; /* mean of weight · cross-entropy, plus the penalty */
	size_t correct;
};
/* Loss and gradient of the examples data->rows[index[0 … count)], count ≤ batch. */
int head_trainer_gradient(struct head_trainer *trainer, const size_t *index, size_t count, struct head_loss *loss,
                          struct err *err) MUST_CHECK;
/* z · kernel + bias of one example, of the batch under way: out[units]. */
void head_trainer_sums(const struct head_trainer *trainer, size_t example, float *out);
/* Moves all weights by Adam along the gradient just computed. */
int head_trainer_step(struct head_trainer *trainer, struct err *err) MUST_CHECK;
/* The kernel of all blocks with its moments, for every rank: before it is folded or saved. */
int head_trainer_gather(struct head_trainer *trainer, struct err *err) MUST_CHECK;
/* Weights for features as they are, in the order of head->owned: kernel · scale, bias − Σ mean · scale · kernel, and
 * the layer behind a hidden one as it is. */
void head_trainer_fold(const struct head_trainer *trainer, float *parameters);
/* n / (classes · n_c), or ones. ERR_DATA names a class without examples. */
int head_class_weights(const struct head_data *data, bool balance, float *weights, struct err *err) MUST_CHECK;

/* ---- the hidden layer (head_hidden.c) ---- */

/* Which of n units are left out of an example follows from seed, epoch and the example's number alone; the others grow
 * by 1 / (1 − rate), so that nothing has to be scaled when the network serves. In place. */
struct head_dropout {
	double rate;
	uint64_t seed;
	size_t epoch;
};
void head_drop(const struct head_dropout *dropout, size_t example, size_t n, float *units);
void head_hidden_init(struct head_trainer *trainer);
/* From the shares to the logits, in delta. */
void head_hidden_forward(struct head_trainer *trainer, const size_t *index, size_t count);
/* From delta, divided by the number of examples, to the top's gradient and the signal. */
void head_hidden_backward(struct head_trainer *trainer, size_t count);

/* ---- between two steps (head_checkpoint.c) ---- */

struct head_state {
	struct head_trainer *trainer;
	uint64_t identity; /* of the training, whatever the number of its epochs */
	size_t step;       /* steps done of epoch n_history + 1 */
	double sum;        /* of that epoch's losses */
	size_t correct;
	struct head_epoch *history; /* [epochs] */
	size_t n_history, epochs;
	size_t best_epoch; /* 0 = none yet */
	float *best;       /* [parameters] of the head in that epoch, at its temperature */
	size_t parameters;
};
int head_checkpoint_save(const struct head_state *state, const char *path, struct err *err) MUST_CHECK;
/* Fills the state and the trainer from PATH; *found: there was a state of this identity. What does not fit is left. */
int head_checkpoint_load(struct head_state *state, const char *path, bool *found, struct err *err) MUST_CHECK;

/* ---- the order of the examples (head_order.c) ---- */

struct head_order {
	const struct head_data *data; /* borrowed */
	size_t *pile;                 /* [n] examples by class */
	size_t *start;                /* [classes + 1] of each class's pile */
	size_t *next;                 /* [classes] the example that is dealt next */
	size_t *turn;                 /* [classes] */
};
/* Every class must have an example. */
int head_order_new(struct head_order *order, const struct head_data *data, struct err *err) MUST_CHECK;
void head_order_free(struct head_order *order);
/* out[n]: examples of an epoch, each class alike. */
void head_order_balanced(struct head_order *order, uint64_t seed, size_t epoch, size_t *out);
/* out[n]: each example once. */
void head_order_plain(size_t n, uint64_t seed, size_t epoch, size_t *out);

/* ---- the validation part (head_validate.c) ---- */

struct head_judge {
	const float *class_weight; /* [classes], borrowed */
	int threads;
	float *probabilities; /* [n][classes] */
	double *logits;       /* [n][classes]: logarithms of the probabilities */
	size_t *hits;         /* [2][classes]: right, all */
	double *share;        /* [classes], of the example at hand */
};
int head_judge_new(struct head_judge *judge, const struct head_data *data, struct err *err) MUST_CHECK;
void head_judge_free(struct head_judge *judge);
/* Loss, accuracies and temperature of the head as it stands; NaN without examples. */
int head_validate(const struct head *head, const struct head_data *data, struct head_judge *judge,
                  struct head_epoch *epoch, struct err *err) MUST_CHECK;

#endif
