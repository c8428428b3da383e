/*
 * One step of the head's training: loss, gradient, Adam.
 *
 * With z the standardised example, p = softmax(z · W + b), w the weight of its class and n the examples of the step:
 *   loss  = 1/n Σ w · −ln p[label] + l2 · Σ W²
 * With smoothing s, onehot becomes (1 − s) onehot + s / classes in both.
 *   delta = w / n · (p − onehot(label)),   ∂W = zᵀ · delta + 2 · l2 · W,   ∂b = Σ delta
 * A hidden layer stands between W and p; then ∂W and ∂b come of its signal in place of delta (head_hidden.c).
 * Adam (Kingma & Ba 2015, in Keras' form, where ε is added outside the bias correction), step t:
 *   m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  W ← W − α √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
#include "nn/head_internal.h"

#define BETA1 0.9f
#define BETA2 0.999f
#define EPSILON 1e-7f
/* Deviations below this share of their root mean square count as that share: a feature that is nearly always zero would
 * otherwise outweigh all others on the one picture where it is not. */
#define DEVIATION_FLOOR 0.1
/* Fewer blocks than these are done sooner than threads are woken up. */
#define PARALLEL_BLOCKS 6
#define LINE 16 /* floats of a cache line */
#define LANES 8

static size_t block_width(const struct head_trainer *trainer, size_t block)
{
	size_t left = trainer->inputs - block * HEAD_BLOCK;

	return left < HEAD_BLOCK ? left : HEAD_BLOCK;
}

/* mean[] and deviation[] (into scale[]) of one block of features, two passes in double. */
static int moments_block(size_t own, int thread, void *context, struct err *err)
{
	struct head_trainer *trainer = context;
	const struct head_data *data = trainer->data;
	size_t block = trainer->first + own, first = block * HEAD_BLOCK, width = block_width(trainer, block);
	double mean[HEAD_BLOCK] = {0}, square[HEAD_BLOCK] = {0};

	(void)thread;
	(void)err;
	for (size_t i = 0; i < data->n; i++)
		for (size_t j = 0; j < width; j++)
			mean[j] += (double)data->rows[i * data->inputs + first + j];
	for (size_t j = 0; j < width; j++)
		mean[j] /= (double)data->n;
	for (size_t i = 0; i < data->n; i++) {
		for (size_t j = 0; j < width; j++) {
			double distance = (double)data->rows[i * data->inputs + first + j] - mean[j];
			square[j] += distance * distance;
		}
	}
	for (size_t j = 0; j < width; j++) {
		trainer->mean[first + j] = (float)mean[j];
		trainer->scale[first + j] = (float)sqrt(square[j] / (double)data->n);
	}
	return OK;
}

/* array[inputs][each], of which the ranks have made their features'. */
static int gather_features(const struct head_trainer *trainer, float *array, size_t each, struct err *err)
{
	return trainer->start ? comm_gather(array, trainer->feature, each * sizeof(float), err) : OK;
}

int head_trainer_gather(struct head_trainer *trainer, struct err *err)
{
	float *const arrays[] = {trainer->kernel, trainer->kernel_moment, trainer->kernel_square};
	int code = OK;

	for (size_t i = 0; i < ARRAY_COUNT(arrays) && code == OK; i++)
		code = gather_features(trainer, arrays[i], trainer->units, err);
	return code;
}

/* Below PARALLEL_BLOCKS an exchange takes longer than the work. */
static int share_blocks(struct head_trainer *trainer, struct err *err)
{
	size_t ranks = (size_t)comm_size();

	trainer->end = trainer->blocks;
	if (ranks == 1 || trainer->blocks < PARALLEL_BLOCKS)
		return OK;
	trainer->feature = mem_alloc(ranks + 1, sizeof(*trainer->feature), err);
	if (!trainer->feature || comm_shares(trainer->blocks, 1, NULL, &trainer->start, err) != OK)
		return err->code;
	for (size_t r = 0; r <= ranks; r++)
		trainer->feature[r] = trainer->start[r] == trainer->blocks ? trainer->inputs : trainer->start[r] * HEAD_BLOCK;
	trainer->first = trainer->start[comm_rank()];
	trainer->end = trainer->start[comm_rank() + 1];
	return OK;
}

/* `body` for the blocks of this rank. */
static int each_block(const struct head_trainer *trainer, parallel_body *body, void *context, struct err *err)
{
	return parallel_for(trainer->end - trainer->first, 1, trainer->threads, body, context, err);
}

static int trainer_standardise(struct head_trainer *trainer, struct err *err)
{
	double sum = 0, floor_deviation;

	if (each_block(trainer, moments_block, trainer, err) != OK ||
	    gather_features(trainer, trainer->mean, 1, err) != OK || gather_features(trainer, trainer->scale, 1, err) != OK)
		return err->code;
	for (size_t i = 0; i < trainer->inputs; i++)
		sum += (double)trainer->scale[i] * (double)trainer->scale[i];
	floor_deviation = DEVIATION_FLOOR * sqrt(sum / (double)trainer->inputs);
	if (!isfinite(floor_deviation) || floor_deviation <= 0)
		return err_set(err, ERR_NUMERIC, "the training features do not vary (deviation %g): nothing to learn from",
		               floor_deviation);
	for (size_t i = 0; i < trainer->inputs; i++)
		trainer->scale[i] = (float)(1 / fmax((double)trainer->scale[i], floor_deviation));
	return OK;
}

int head_class_weights(const struct head_data *data, bool balance, float *weights, struct err *err)
{
	for (size_t c = 0; c < data->classes; c++) {
		size_t count = 0;
		for (size_t i = 0; i < data->n; i++)
			count += (size_t)data->labels[i] == c;
		if (!count && data->names)
			return err_set(err, ERR_DATA, "class '%s' has no training examples", data->names[c]);
		if (!count)
			return err_set(err, ERR_DATA, "class %zu has no training examples", c);
		weights[c] = balance ? (float)((double)data->n / ((double)data->classes * (double)count)) : 1;
	}
	return OK;
}

/* All float arrays stand in one block, in the order of the assignments. */
static int trainer_allocate(struct head_trainer *trainer, struct err *err)
{
	size_t inputs = trainer->inputs, units = trainer->units, classes = trainer->classes, batch = trainer->batch;
	size_t top = trainer->hidden ? (trainer->hidden + 1) * classes : 0;
	struct {
		float **array;
		size_t count;
	} parts[] = {
	    {&trainer->mean, inputs},
	    {&trainer->scale, inputs},
	    {&trainer->kernel, inputs * units},
	    {&trainer->kernel_gradient, inputs * units},
	    {&trainer->kernel_moment, inputs * units},
	    {&trainer->kernel_square, inputs * units},
	    {&trainer->bias, units},
	    {&trainer->bias_gradient, units},
	    {&trainer->bias_moment, units},
	    {&trainer->bias_square, units},
	    {&trainer->class_weight, classes},
	    {&trainer->rows, trainer->blocks * batch * HEAD_BLOCK},
	    {&trainer->shares, trainer->blocks * batch * units},
	    {&trainer->delta, batch * classes},
	    {&trainer->top, top},
	    {&trainer->top_gradient, top},
	    {&trainer->top_moment, top},
	    {&trainer->top_square, top},
	    {&trainer->active, batch * trainer->hidden},
	    {&trainer->signal, batch * trainer->hidden},
	};
	size_t total = 0;

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		total += parts[i].count;
	trainer->block = mem_alloc(total, sizeof(float), err);
	trainer->penalty = trainer->block ? mem_alloc(trainer->blocks, sizeof(double), err) : NULL;
	if (!trainer->penalty)
		return err->code;
	total = 0;
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		*parts[i].array = trainer->block + total;
		total += parts[i].count;
	}
	if (!trainer->hidden)
		trainer->signal = trainer->delta;
	return OK;
}

int head_trainer_new(struct head_trainer **out, const struct head_data *data, size_t hidden,
                     const struct head_training *training, struct err *err)
{
	struct head_trainer *trainer = mem_alloc(1, sizeof(*trainer), err);
	int code;

	if (!trainer)
		return err->code;
	trainer->data = data;
	trainer->inputs = data->inputs;
	trainer->hidden = hidden;
	trainer->classes = data->classes;
	trainer->units = hidden ? hidden : data->classes;
	trainer->blocks = (data->inputs + HEAD_BLOCK - 1) / HEAD_BLOCK;
	trainer->batch = training->batch < data->n ? training->batch : data->n;
	trainer->threads = trainer->blocks < PARALLEL_BLOCKS ? 1 : training->threads;
	trainer->l2 = training->l2;
	trainer->smoothing = training->smoothing;
	trainer->focal = training->focal;
	trainer->dropout = training->dropout;
	trainer->seed = training->seed;
	trainer->adam.learning_rate = training->learning_rate;
	code = trainer_allocate(trainer, err);
	if (code == OK)
		code = share_blocks(trainer, err);
	if (code == OK)
		code = head_class_weights(data, training->balance, trainer->class_weight, err);
	for (size_t i = 0; code == OK && i < trainer->inputs; i++)
		trainer->scale[i] = 1;
	if (code == OK && training->standardise)
		code = trainer_standardise(trainer, err);
	if (code != OK) {
		head_trainer_free(trainer);
		return code;
	}
	if (hidden)
		head_hidden_init(trainer);
	*out = trainer;
	return OK;
}

void head_trainer_free(struct head_trainer *trainer)
{
	if (!trainer)
		return;
	free(trainer->block);
	free(trainer->penalty);
	free(trainer->start);
	free(trainer->feature);
	free(trainer);
}

struct step {
	struct head_trainer *trainer;
	const size_t *index;
	size_t count;
};

static void standardise(const float *restrict from, const float *restrict mean, const float *restrict scale,
                        size_t count, float *restrict to)
{
	for (size_t j = 0; j < count; j++)
		to[j] = (from[j] - mean[j]) * scale[j];
}

/* One block of the batch, standardised. A piece of an example is a page or so, where the processor's own look-ahead
 * ends, and the next piece lies elsewhere: its lines are called for while this one is worked on. */
static void gather_block(const struct step *step, size_t block, float *rows)
{
	const struct head_trainer *trainer = step->trainer;
	size_t first = block * HEAD_BLOCK, width = block_width(trainer, block);
	const float *mean = trainer->mean + first, *scale = trainer->scale + first;

	for (size_t i = 0; i < step->count; i++) {
		const float *from = trainer->data->rows + step->index[i] * trainer->inputs + first;
		const float *next =
		    trainer->data->rows + step->index[i + 1 < step->count ? i + 1 : i] * trainer->inputs + first;

		for (size_t j = 0; j < width; j += LINE)
			__builtin_prefetch(next + j);
		standardise(from, mean, scale, width, rows + i * HEAD_BLOCK);
	}
}

/* In LANES sums, always the same ones: a single sum would wait for each addition. */
static double square_sum(const float *values, size_t count)
{
	double lanes[LANES] = {0}, sum = 0;
	size_t i = 0;

	for (; i + LANES <= count; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			lanes[k] += (double)values[i + k] * (double)values[i + k];
	for (size_t k = 0; k < LANES; k++)
		sum += lanes[k];
	for (; i < count; i++)
		sum += (double)values[i] * (double)values[i];
	return sum;
}

/* Gathers and standardises one block of the batch, and adds up its share of the logits and of the penalty. */
static int forward_block(size_t own, int thread, void *context, struct err *err)
{
	const struct step *step = context;
	struct head_trainer *trainer = step->trainer;
	size_t block = trainer->first + own, first = block * HEAD_BLOCK, width = block_width(trainer, block),
	       units = trainer->units;
	float *rows = trainer->rows + block * trainer->batch * HEAD_BLOCK;
	const float *kernel = trainer->kernel + first * units;

	(void)thread;
	(void)err;
	gather_block(step, block, rows);
	gemm_run(&(struct gemm){.m = step->count,
	                        .n = units,
	                        .k = width,
	                        .alpha = 1,
	                        .a = rows,
	                        .lda = HEAD_BLOCK,
	                        .b = kernel,
	                        .ldb = units,
	                        .c = trainer->shares + block * trainer->batch * units,
	                        .ldc = units});
	trainer->penalty[block] = square_sum(kernel, width * units);
	return OK;
}

/* Σ (1 − q)^γ (−ln q) with q = p[label] and nll = −ln q; delta holds weight · (p − onehot) and is multiplied by
 * (1 − q)^γ + γ q (1 − q)^(γ−1) nll, which is what the chain rule leaves. */
static double focal_delta(double gamma, double nll, double weight, float *delta, size_t classes)
{
	double q = exp(-nll), rest = fmax(1 - q, 1e-12), factor = pow(rest, gamma) + gamma * q * pow(rest, gamma - 1) * nll;

	for (size_t c = 0; c < classes; c++)
		delta[c] = (float)(factor * (double)delta[c]);
	return weight * pow(rest, gamma) * nll;
}

void head_trainer_sums(const struct head_trainer *trainer, size_t example, float *out)
{
	for (size_t u = 0; u < trainer->units; u++) {
		double sum = (double)trainer->bias[u];
		for (size_t b = 0; b < trainer->blocks; b++)
			sum += (double)trainer->shares[(b * trainer->batch + example) * trainer->units + u];
		out[u] = (float)sum;
	}
}

/* One example: from its logits in delta, its loss and delta = w · (p − onehot), before the division by n. */
static double example_delta(struct head_trainer *trainer, size_t i, size_t label, bool *correct)
{
	size_t classes = trainer->classes, best = 0;
	float *delta = trainer->delta + i * classes;
	double weight = (double)trainer->class_weight[label], most, sum = 0, at_label, spread, logits = 0, target, loss;

	for (size_t c = 1; c < classes; c++)
		best = delta[c] > delta[best] ? c : best;
	most = (double)delta[best];
	at_label = (double)delta[label];
	for (size_t c = 0; c < classes; c++)
		sum += exp((double)delta[c] - most);
	spread = trainer->smoothing / (double)classes;
	for (size_t c = 0; c < classes; c++) {
		logits += (double)delta[c];
		target = spread + (c == label ? 1 - trainer->smoothing : 0);
		delta[c] = (float)(weight * (exp((double)delta[c] - most) / sum - target));
	}
	*correct = best == label;
	loss = most + log(sum) - (1 - trainer->smoothing) * at_label - spread * logits;
	if (trainer->focal > 0)
		return focal_delta(trainer->focal, most + log(sum) - at_label, weight, delta, classes);
	return weight * loss;
}

static int backward_block(size_t own, int thread, void *context, struct err *err)
{
	const struct step *step = context;
	struct head_trainer *trainer = step->trainer;
	size_t block = trainer->first + own, first = block * HEAD_BLOCK, width = block_width(trainer, block),
	       units = trainer->units;
	float *gradient = trainer->kernel_gradient + first * units;
	float decay = (float)(2 * trainer->l2);

	(void)thread;
	(void)err;
	for (size_t j = 0; j < width * units; j++)
		gradient[j] = decay * trainer->kernel[first * units + j];
	gemm_run(&(struct gemm){.m = width,
	                        .n = units,
	                        .k = step->count,
	                        .transpose_a = true,
	                        .alpha = 1,
	                        .beta = 1,
	                        .a = trainer->rows + block * trainer->batch * HEAD_BLOCK,
	                        .lda = HEAD_BLOCK,
	                        .b = trainer->signal,
	                        .ldb = units,
	                        .c = gradient,
	                        .ldc = units});
	return OK;
}

int head_trainer_gradient(struct head_trainer *trainer, const size_t *index, size_t count, struct head_loss *loss,
                          struct err *err)
{
	struct step step = {trainer, index, count};
	size_t classes = trainer->classes, units = trainer->units;
	double sum = 0, penalty = 0;
	bool correct;

	loss->correct = 0;
	if (each_block(trainer, forward_block, &step, err) != OK)
		return err->code;
	if (trainer->start &&
	    (comm_gather(trainer->shares, trainer->start, trainer->batch * trainer->units * sizeof(float), err) != OK ||
	     comm_gather(trainer->penalty, trainer->start, sizeof(double), err) != OK))
		return err->code;
	if (trainer->hidden)
		head_hidden_forward(trainer, index, count);
	for (size_t i = 0; i < count; i++) {
		if (!trainer->hidden)
			head_trainer_sums(trainer, i, trainer->delta + i * classes);
		sum += example_delta(trainer, i, (size_t)trainer->data->labels[index[i]], &correct);
		loss->correct += correct;
	}
	for (size_t i = 0; i < count * classes; i++)
		trainer->delta[i] /= (float)count;
	if (trainer->hidden)
		head_hidden_backward(trainer, count);
	memset(trainer->bias_gradient, 0, units * sizeof(float));
	for (size_t i = 0; i < count * units; i++)
		trainer->bias_gradient[i % units] += trainer->signal[i];
	for (size_t b = 0; b < trainer->blocks; b++)
		penalty += trainer->penalty[b];
	penalty += square_sum(trainer->top, trainer->hidden * classes);
	loss->loss = sum / (double)count + trainer->l2 * penalty;
	return each_block(trainer, backward_block, &step, err);
}

struct parameters {
	size_t count;
	const float *gradient;
	float *value, *moment, *square;
};

static void adam_update(const struct adam *adam, const struct parameters *p)
{
	const float *restrict gradient = p->gradient;
	float *restrict value = p->value, *restrict moment = p->moment, *restrict square = p->square;
	float step_size = adam->step_size;

	for (size_t i = 0; i < p->count; i++) {
		float g = gradient[i];
		moment[i] = BETA1 * moment[i] + (1 - BETA1) * g;
		square[i] = BETA2 * square[i] + (1 - BETA2) * g * g;
		value[i] -= step_size * moment[i] / (sqrtf(square[i]) + EPSILON);
	}
}

static int update_block(size_t own, int thread, void *context, struct err *err)
{
	const struct head_trainer *trainer = context;
	size_t block = trainer->first + own, first = block * HEAD_BLOCK * trainer->units;
	struct parameters part = {block_width(trainer, block) * trainer->units, trainer->kernel_gradient + first,
	                          trainer->kernel + first, trainer->kernel_moment + first, trainer->kernel_square + first};

	(void)thread;
	(void)err;
	adam_update(&trainer->adam, &part);
	return OK;
}

int head_trainer_step(struct head_trainer *trainer, struct err *err)
{
	struct adam *adam = &trainer->adam;
	double t = (double)++adam->steps;
	struct parameters bias = {trainer->units, trainer->bias_gradient, trainer->bias, trainer->bias_moment,
	                          trainer->bias_square};
	struct parameters top = {trainer->hidden ? (trainer->hidden + 1) * trainer->classes : 0, trainer->top_gradient,
	                         trainer->top, trainer->top_moment, trainer->top_square};

	adam->step_size = (float)(adam->learning_rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t)));
	adam_update(adam, &bias);
	adam_update(adam, &top);
	return each_block(trainer, update_block, trainer, err);
}

void head_trainer_fold(const struct head_trainer *trainer, float *parameters)
{
	size_t units = trainer->units;
	float *kernel = parameters, *bias = kernel + trainer->inputs * units;

	for (size_t c = 0; c < units; c++) {
		double sum = (double)trainer->bias[c];
		for (size_t i = 0; i < trainer->inputs; i++) {
			double folded = (double)trainer->kernel[i * units + c] * (double)trainer->scale[i];
			kernel[i * units + c] = (float)folded;
			sum -= folded * (double)trainer->mean[i];
		}
		bias[c] = (float)sum;
	}
	if (trainer->hidden)
		memcpy(bias + units, trainer->top, (trainer->hidden + 1) * trainer->classes * sizeof(float));
}
