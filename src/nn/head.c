/*
 * The head as a function: features → class probabilities. Training is in head_train.c.
 */
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

/* Rows below which starting threads costs more than they save. */
#define PARALLEL_ROWS 8
#define HIDDEN_KERNEL "hidden/kernel"
#define HIDDEN_BIAS "hidden/bias"

static int head_shape_set(struct head *head, struct map_shape map, size_t average_pool, struct err *err)
{
	size_t k = average_pool > 1 ? average_pool : 1;

	if (!map.height || !map.width || !map.channels)
		return err_set(err, ERR_SETTINGS, "head: the features have no extent (%zu×%zu×%zu)", map.height, map.width,
		               map.channels);
	if (k > map.height || k > map.width)
		return err_set(err, ERR_SETTINGS, "emotion.average_pool: %zu leaves nothing of a map of %zu×%zu", k, map.height,
		               map.width);
	head->map = map;
	head->average_pool = k;
	head->inputs = (map.height / k) * (map.width / k) * map.channels;
	return OK;
}

size_t head_width(const struct head *head)
{
	return head->hidden ? head->hidden : head->inputs;
}

size_t head_parameters(const struct head *head)
{
	return (head->inputs + 1) * head->hidden + (head_width(head) + 1) * head->classes;
}

int head_new(struct head **out, struct map_shape map, size_t average_pool, size_t hidden, size_t classes,
             struct err *err)
{
	struct head *head;
	int code;

	if (classes < 2)
		return err_set(err, ERR_SETTINGS, "head: needs at least two classes, there are %zu", classes);
	if (hidden > HEAD_MAX_HIDDEN)
		return err_set(err, ERR_SETTINGS, "emotion.hidden: %zu units, at most %d", hidden, HEAD_MAX_HIDDEN);
	head = mem_alloc(1, sizeof(*head), err);
	if (!head)
		return err->code;
	head->hidden = hidden;
	head->classes = classes;
	code = head_shape_set(head, map, average_pool, err);
	if (code == OK) {
		head->owned = mem_alloc(head_parameters(head), sizeof(float), err);
		code = head->owned ? OK : err->code;
	}
	if (code != OK) {
		head_free(head);
		return code;
	}
	head->kernel = head->owned;
	if (hidden) {
		head->hidden_kernel = head->owned;
		head->hidden_bias = head->hidden_kernel + head->inputs * hidden;
		head->kernel = head->hidden_bias + hidden;
	}
	head->bias = head->kernel + head_width(head) * classes;
	*out = head;
	return OK;
}

void head_free(struct head *head)
{
	if (!head)
		return;
	free(head->owned);
	free(head);
}

static int hidden_from_tensors(struct head *head, const struct tensor_file *file, struct err *err)
{
	const struct tensor *kernel, *bias;

	if (tensors_need(file, HIDDEN_KERNEL, NPY_F32, 2, (size_t[]){head->inputs, 0}, &kernel, err) != OK)
		return err->code;
	head->hidden = kernel->dims[1];
	if (!head->hidden || head->hidden > HEAD_MAX_HIDDEN)
		return err_set(err, ERR_DATA, HIDDEN_KERNEL ": %zu units, 1..%d are possible", head->hidden, HEAD_MAX_HIDDEN);
	if (tensors_need(file, HIDDEN_BIAS, NPY_F32, 1, (size_t[]){head->hidden}, &bias, err) != OK)
		return err->code;
	head->hidden_kernel = kernel->data;
	head->hidden_bias = bias->data;
	return OK;
}

int head_from_tensors(struct head **out, const struct tensor_file *file, struct map_shape map, size_t average_pool,
                      struct err *err)
{
	const struct tensor *kernel, *bias;
	struct head *head = mem_alloc(1, sizeof(*head), err);
	int code;

	if (!head)
		return err->code;
	code = head_shape_set(head, map, average_pool, err);
	if (code == OK && tensors_find(file, HIDDEN_KERNEL))
		code = hidden_from_tensors(head, file, err);
	if (code == OK)
		code = tensors_need(file, "dense/kernel", NPY_F32, 2, (size_t[]){head_width(head), 0}, &kernel, err);
	if (code == OK)
		code = tensors_need(file, "dense/bias", NPY_F32, 1, (size_t[]){kernel->dims[1]}, &bias, err);
	if (code == OK && kernel->dims[1] < 2)
		code = err_set(err, ERR_DATA, "dense/kernel: needs at least two classes, there are %zu", kernel->dims[1]);
	if (code != OK) {
		head_free(head);
		return code;
	}
	head->classes = kernel->dims[1];
	head->kernel = kernel->data;
	head->bias = bias->data;
	*out = head;
	return OK;
}

static struct tensor matrix_of(const char *name, size_t rows, size_t columns, const float *data)
{
	return (struct tensor){.name = name, .type = NPY_F32, .rank = 2, .dims = {rows, columns}, .data = data};
}

static struct tensor vector_of(const char *name, size_t count, const float *data)
{
	return (struct tensor){.name = name, .type = NPY_F32, .rank = 1, .dims = {count}, .data = data};
}

size_t head_tensors(const struct head *head, struct tensor out[HEAD_TENSORS])
{
	size_t count = 0;

	if (head->hidden) {
		out[count++] = matrix_of(HIDDEN_KERNEL, head->inputs, head->hidden, head->hidden_kernel);
		out[count++] = vector_of(HIDDEN_BIAS, head->hidden, head->hidden_bias);
	}
	out[count++] = matrix_of("dense/kernel", head_width(head), head->classes, head->kernel);
	out[count++] = vector_of("dense/bias", head->classes, head->bias);
	return count;
}

size_t head_workspace(const struct head *head, size_t n)
{
	return head->average_pool > 1 ? n * head->inputs * sizeof(float) : 0;
}

/* logits[c] = bias[c] + Σ x[i] · kernel[i][c], four classes at a time so that their sums stay in registers. */
static void head_logits(const struct head *head, const float *x, float *logits)
{
	for (size_t first = 0; first < head->classes; first += 4) {
		size_t wide = head->classes - first < 4 ? head->classes - first : 4;
		const float *kernel = head->kernel + first;
		double sum[4] = {0};

		for (size_t i = 0; i < head_width(head); i++, kernel += head->classes)
			for (size_t c = 0; c < wide; c++)
				sum[c] += (double)x[i] * (double)kernel[c];
		for (size_t c = 0; c < wide; c++)
			logits[first + c] = (float)(sum[c] + (double)head->bias[first + c]);
	}
}

/* max(0, bias + Σ x[i] · kernel[i]): many units, so the kernel is read row by row, as it lies. */
static void hidden_units(const struct head *head, const float *x, float *units)
{
	double sum[HEAD_MAX_HIDDEN];

	for (size_t k = 0; k < head->hidden; k++)
		sum[k] = (double)head->hidden_bias[k];
	for (size_t i = 0; i < head->inputs; i++) {
		const float *kernel = head->hidden_kernel + i * head->hidden;
		for (size_t k = 0; k < head->hidden; k++)
			sum[k] += (double)x[i] * (double)kernel[k];
	}
	for (size_t k = 0; k < head->hidden; k++)
		units[k] = sum[k] < 0 ? 0 : (float)sum[k]; /* a NaN stays one */
}

static void row_logits(const struct head *head, const float *x, float *logits)
{
	float units[HEAD_MAX_HIDDEN];

	if (head->hidden)
		hidden_units(head, x, units);
	head_logits(head, head->hidden ? units : x, logits);
}

void head_predict_rows(const struct head *head, size_t n, const float *rows, float *probabilities, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && n >= PARALLEL_ROWS)
	for (size_t i = 0; i < n; i++)
		row_logits(head, rows + i * head->inputs, probabilities + i * head->classes);
	softmax_rows(n, head->classes, probabilities);
}

void head_predict(const struct head *head, size_t n, const float *maps, void *workspace, float *probabilities,
                  int threads)
{
	const float *rows = maps;

	if (head->average_pool > 1) {
		pool_average(n, head->map.height, head->map.width, head->map.channels, head->average_pool, maps, workspace);
		rows = workspace;
	}
	head_predict_rows(head, n, rows, probabilities, threads);
}

void head_data_free(struct head_data *data)
{
	free(data->rows);
	free(data->labels);
	free(data->index);
	*data = (struct head_data){0};
}
