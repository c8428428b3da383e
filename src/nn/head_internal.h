/*
 * One training step of the head, apart from the loop around it, so that a test can hold the gradient to central
 * differences.
 *
 * A trainer works in units of standardised features: z = (x − mean) · scale, p = softmax(z · kernel + bias). The
 * features are cut into blocks of HEAD_BLOCK; a block's share of the products and its update are one task, and shares
 * are added in the order of the blocks, so the number of threads cannot show. Ranks have blocks of their own, of which
 * they exchange the shares of the logits, not the far larger gradient; nor does their number show.
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
	size_t inputs, classes, blocks, batch; /* batch: the most examples a step may have */
	size_t first, end;                     /* blocks of this rank */
	size_t *start, *feature;               /* [ranks + 1] of each rank: blocks, features; NULL = every rank has all blocks */
	int threads;
	double l2, smoothing, focal;
	float *mean, *scale;                                     /* [inputs]; 0 and 1 without standardisation */
	float *kernel, *kernel_gradient;                         /* [inputs][classes] */
	float *kernel_moment, *kernel_square;                    /* Adam's m and v */
	float *bias, *bias_gradient, *bias_moment, *bias_square; /* [classes] */
	float *class_weight;                                     /* [classes] */
	float *rows;                                             /* [blocks][batch][HEAD_BLOCK]: the batch, standardised */
	float *shares;   /* [blocks][batch][classes]: each block's part of the logits */
	float *delta;    /* [batch][classes]: ∂loss/∂logits */
	double *penalty; /* [blocks]: Σ kernel² */
	float *block;    /* the memory behind all float arrays */
	struct adam adam;
};

int head_trainer_new(struct head_trainer **out, const struct head_data *data, const struct head_training *training,
                     struct err *err) MUST_CHECK;
void head_trainer_free(struct head_trainer *trainer);

struct head_loss {
	double loss; /* mean of weight · cross-entropy, plus the penalty */
	size_t correct;
};
/* Loss and gradient of the examples data->rows[index[0 … count)], count ≤ batch. */
int head_trainer_gradient(struct head_trainer *trainer, const size_t *index, size_t count, struct head_loss *loss,
                          struct err *err) MUST_CHECK;
/* Moves kernel and bias by Adam along the gradient just computed. */
int head_trainer_step(struct head_trainer *trainer, struct err *err) MUST_CHECK;
/* The kernel of all blocks, for every rank; before it is folded. */
int head_trainer_gather(struct head_trainer *trainer, struct err *err) MUST_CHECK;
/* kernel and bias for features as they are: kernel · scale, bias − Σ mean · scale · kernel. */
void head_trainer_fold(const struct head_trainer *trainer, float *kernel, float *bias);
/* n / (classes · n_c), or ones. ERR_DATA names a class without examples. */
int head_class_weights(const struct head_data *data, bool balance, float *weights, struct err *err) MUST_CHECK;

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
