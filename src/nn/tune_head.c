/*
 * The head at the end of the layers that are trained: forward, loss, backward.
 *
 * Loss: mean over the examples of w · Σ −q ln p, w the weight of the label's class, q the label smoothed (a share σ
 * spread over all classes); ∂L/∂logits = w (p − q) / n. A hidden layer and its dropout: head_hidden.c has the formulas.
 */
#include <math.h>
#include <string.h>

#include "nn/tune_internal.h"

#define LEAST_PROBABILITY 1e-30 /* what float32 rounds to zero still has a loss */

int tuner_weights_add(struct tuner *tuner, float *values, size_t count, struct err *err)
{
	struct weights *weights = &tuner->weights[tuner->n_weights];
	if (tuner->options.predict_only)
		return OK;
	if (!(weights->gradient = mem_alloc(count, 3 * sizeof(float), err)))
		return ERR_MEMORY;
	weights->values = values;
	weights->moment = weights->gradient + count;
	weights->square = weights->moment + count;
	weights->count = count;
	tuner->n_weights++;
	return OK;
}

int tuner_head_add(struct tuner *tuner, const struct head *head, struct map_shape map, struct err *err)
{
	size_t batch = tuner->options.batch, below = (head->inputs + 1) * head->hidden,
	       last = head_width(head) * head->classes;
	if (!head->owned || head->map.height != map.height || head->map.width != map.width ||
	    head->map.channels != map.channels)
		return err_set(err, ERR_SETTINGS, "head: it is not one of its own over maps of %zu×%zu×%zu", map.height,
		               map.width, map.channels);
	tuner->inputs = head->inputs;
	tuner->hidden = head->hidden;
	tuner->classes = head->classes;
	tuner->pool = head->average_pool > 1 ? head->average_pool : 1;
	if (!(tuner->rows = mem_alloc(batch * head->inputs, sizeof(float), err)) ||
	    !(tuner->rows_gradient = mem_alloc(batch * head->inputs, sizeof(float), err)) ||
	    !(tuner->active = mem_alloc(batch * head->hidden, sizeof(float), err)) ||
	    !(tuner->active_gradient = mem_alloc(batch * head->hidden, sizeof(float), err)) ||
	    !(tuner->scores = mem_alloc(batch * head->classes, sizeof(float), err)))
		return ERR_MEMORY;
	int code = OK;
	tuner->n_head = head->hidden ? 4 : 2;
	if (head->hidden && (code = tuner_weights_add(tuner, head->owned, head->inputs * head->hidden, err)) == OK)
		code = tuner_weights_add(tuner, head->owned + head->inputs * head->hidden, head->hidden, err);
	if (code == OK)
		code = tuner_weights_add(tuner, head->owned + below, last, err);
	return code == OK ? tuner_weights_add(tuner, head->owned + below + last, head->classes, err) : code;
}

void tuner_drop(struct tuner *tuner, size_t epoch, const size_t *pictures)
{
	tuner->epoch = epoch;
	tuner->pictures = pictures;
}

static bool drops(const struct tuner *tuner)
{
	return tuner->hidden && tuner->options.dropout > 0 && tuner->pictures;
}

/* A dense layer on n examples: its kernel and bias, what comes in and what goes out, and the loss's gradients by
 * both. */
struct dense {
	size_t n, in, out;
	const struct weights *weights; /* kernel, then bias */
	const float *input;            /* [n][in] */
	float *input_gradient;
	float *output; /* [n][out]; backwards: the gradient by it */
};

static void dense_forward(const struct dense *dense)
{
	for (size_t i = 0; i < dense->n; i++)
		memcpy(dense->output + i * dense->out, dense->weights[1].values, dense->out * sizeof(float));
	gemm_run(&(struct gemm){.m = dense->n,
	                        .n = dense->out,
	                        .k = dense->in,
	                        .alpha = 1,
	                        .beta = 1,
	                        .a = dense->input,
	                        .lda = dense->in,
	                        .b = dense->weights->values,
	                        .ldb = dense->out,
	                        .c = dense->output,
	                        .ldc = dense->out});
}

static void dense_backward(const struct dense *dense)
{
	struct gemm product = {.m = dense->in,
	                       .n = dense->out,
	                       .k = dense->n,
	                       .transpose_a = true,
	                       .alpha = 1,
	                       .a = dense->input,
	                       .lda = dense->in,
	                       .b = dense->output,
	                       .ldb = dense->out,
	                       .c = dense->weights->gradient,
	                       .ldc = dense->out};
	gemm_run(&product);
	product = (struct gemm){.m = dense->n,
	                        .n = dense->in,
	                        .k = dense->out,
	                        .transpose_b = true,
	                        .alpha = 1,
	                        .a = dense->output,
	                        .lda = dense->out,
	                        .b = dense->weights->values,
	                        .ldb = dense->out,
	                        .c = dense->input_gradient,
	                        .ldc = dense->in};
	gemm_run(&product);
	for (size_t k = 0; k < dense->out; k++) {
		double sum = 0;
		for (size_t i = 0; i < dense->n; i++)
			sum += (double)dense->output[i * dense->out + k];
		dense->weights[1].gradient[k] = (float)sum;
	}
}

static struct dense hidden_layer(const struct tuner *tuner, size_t n, float *output)
{
	return (struct dense){n,           tuner->inputs,        tuner->hidden, &tuner->weights[tuner->n_weights - 4],
	                      tuner->rows, tuner->rows_gradient, output};
}

static struct dense last_layer(const struct tuner *tuner, size_t n)
{
	const struct weights *weights = &tuner->weights[tuner->n_weights - 2];
	if (tuner->hidden)
		return (struct dense){
		    n, tuner->hidden, tuner->classes, weights, tuner->active, tuner->active_gradient, tuner->scores};
	return (struct dense){n, tuner->inputs, tuner->classes, weights, tuner->rows, tuner->rows_gradient, tuner->scores};
}

static void hidden_forward(struct tuner *tuner, size_t n)
{
	struct head_dropout dropout = {tuner->options.dropout, tuner->options.seed, tuner->epoch};
	struct dense hidden = hidden_layer(tuner, n, tuner->active);
	dense_forward(&hidden);
	for (size_t i = 0; i < n; i++) {
		float *active = tuner->active + i * tuner->hidden;
		for (size_t k = 0; k < tuner->hidden; k++)
			active[k] = active[k] < 0 ? 0 : active[k];
		if (drops(tuner))
			head_drop(&dropout, tuner->pictures[i], tuner->hidden, active);
	}
}

void tuner_head_forward(struct tuner *tuner, size_t n)
{
	if (tuner->hidden)
		hidden_forward(tuner, n);
	struct dense last = last_layer(tuner, n);
	dense_forward(&last);
	softmax_rows(n, tuner->classes, tuner->scores);
}

/* The mean loss; the probabilities become ∂L/∂logits. */
double tuner_head_loss(struct tuner *tuner, size_t n, const int32_t *labels)
{
	const float *weights = tuner->options.class_weight;
	double loss = 0, spread = tuner->options.smoothing / (double)tuner->classes;
	tuner->correct = 0;
	for (size_t i = 0; i < n; i++) {
		float *p = tuner->scores + i * tuner->classes;
		double weight = weights ? (double)weights[labels[i]] : 1;
		size_t best = 0;
		for (size_t k = 1; k < tuner->classes; k++)
			best = p[k] > p[best] ? k : best;
		tuner->correct += best == (size_t)labels[i];
		for (size_t k = 0; k < tuner->classes; k++) {
			double q = spread + (k == (size_t)labels[i] ? 1 - tuner->options.smoothing : 0);
			loss -= q > 0 ? weight * q * log((double)p[k] < LEAST_PROBABILITY ? LEAST_PROBABILITY : (double)p[k]) : 0;
			p[k] = (float)(weight * ((double)p[k] - q) / (double)n);
		}
	}
	return loss / (double)n;
}

void tuner_head_backward(struct tuner *tuner, size_t n)
{
	struct dense last = last_layer(tuner, n);
	dense_backward(&last);
	if (!tuner->hidden)
		return;
	float grown = drops(tuner) ? (float)(1 / (1 - tuner->options.dropout)) : 1;
	for (size_t i = 0; i < n * tuner->hidden; i++)
		tuner->active_gradient[i] = tuner->active[i] > 0 ? tuner->active_gradient[i] * grown : 0;
	struct dense hidden = hidden_layer(tuner, n, tuner->active_gradient);
	dense_backward(&hidden);
}
