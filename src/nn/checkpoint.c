/* The state of a training between two steps, in a safetensors file: numbers, the epochs so far, arrays. */
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
#include "nn/checkpoint_internal.h"

#define NAME 32

int64_t checkpoint_bits(double value)
{
	int64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

double checkpoint_value(int64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static size_t history_words(size_t epochs)
{
	return epochs * sizeof(struct head_epoch) / sizeof(int64_t);
}

static int save(const struct checkpoint *checkpoint, const char *path, struct err *err)
{
	size_t count = 2 + checkpoint->n_arrays, epochs = (size_t)checkpoint->numbers[CHECKPOINT_EPOCHS];
	struct tensor *tensors = mem_alloc(count, sizeof *tensors, err);
	char(*names)[NAME] = tensors ? mem_alloc(checkpoint->n_arrays, sizeof *names, err) : NULL;
	int code = names ? OK : err->code;
	if (code == OK) {
		tensors[0] = (struct tensor){
		    .name = "state", .type = NPY_I64, .rank = 1, .dims = {checkpoint->n_numbers}, .data = checkpoint->numbers};
		tensors[1] = (struct tensor){.name = "history",
		                             .type = NPY_I64,
		                             .rank = 1,
		                             .dims = {history_words(epochs)},
		                             .data = checkpoint->history};
		for (size_t i = 0; i < checkpoint->n_arrays; i++) {
			const struct checkpoint_array *array = &checkpoint->arrays[i];
			snprintf(names[i], NAME, "array/%zu", i);
			tensors[2 + i] = (struct tensor){
			    .name = names[i], .type = NPY_F32, .rank = 1, .dims = {array->count}, .data = array->values};
		}
		code = tensors_save(path, tensors, count, NULL, 0, err);
	}
	free(names);
	free(tensors);
	return code;
}

/* Rank 0 writes; none goes on, or ends by a stop, before that is done. */
int nn_checkpoint_save(const struct checkpoint *checkpoint, const char *path, struct err *err)
{
	int code = comm_publishes() ? save(checkpoint, path, err) : OK;
	return code == OK ? comm_barrier(err) : code;
}

/* Every array of the state is there and as long as it must be: asked before anything is taken. */
static bool matches(const struct tensor_file *file, const struct checkpoint *checkpoint, const struct tensor **found)
{
	struct err ignored = {0};
	if (tensors_need(file, "state", NPY_I64, 1, &checkpoint->n_numbers, &found[0], &ignored) != OK)
		return false;
	const int64_t *numbers = found[0]->data;
	uint64_t epochs = (uint64_t)numbers[CHECKPOINT_EPOCHS];
	if (numbers[CHECKPOINT_IDENTITY] != checkpoint->numbers[CHECKPOINT_IDENTITY] || epochs > checkpoint->most_epochs)
		return false;
	size_t words = history_words((size_t)epochs);
	if (tensors_need(file, "history", NPY_I64, 1, &words, &found[1], &ignored) != OK)
		return false;
	for (size_t i = 0; i < checkpoint->n_arrays; i++) {
		char name[NAME];
		snprintf(name, sizeof name, "array/%zu", i);
		if (tensors_need(file, name, NPY_F32, 1, &checkpoint->arrays[i].count, &found[2 + i], &ignored) != OK)
			return false;
	}
	return true;
}

static void take(const struct checkpoint *checkpoint, const struct tensor *const *found)
{
	memcpy(checkpoint->numbers, found[0]->data, checkpoint->n_numbers * sizeof *checkpoint->numbers);
	memcpy(checkpoint->history, found[1]->data,
	       (size_t)checkpoint->numbers[CHECKPOINT_EPOCHS] * sizeof *checkpoint->history);
	for (size_t i = 0; i < checkpoint->n_arrays; i++)
		memcpy(checkpoint->arrays[i].values, found[2 + i]->data, checkpoint->arrays[i].count * sizeof(float));
}

static int load(const struct checkpoint *checkpoint, const char *path, bool *found, struct err *err)
{
	struct tensor_file *file = NULL;
	*found = false;
	if (!path_exists(path))
		return OK;
	int code = tensors_map(&file, path, err);
	if (code == ERR_DATA) {
		log_warn("emotion", "%s: not used: %s", path, err->text);
		*err = (struct err){0};
		return OK;
	}
	if (code != OK)
		return code;
	const struct tensor **tensors = mem_alloc(2 + checkpoint->n_arrays, sizeof *tensors, err);
	code = tensors ? OK : err->code;
	*found = tensors && matches(file, checkpoint, tensors);
	if (*found)
		take(checkpoint, tensors);
	free(tensors);
	tensors_unmap(file);
	return code;
}

/* What rank 0 has found, if anything, becomes every rank's state. */
int nn_checkpoint_load(const struct checkpoint *checkpoint, const char *path, bool *found, struct err *err)
{
	*found = false;
	int code = comm_publishes() ? load(checkpoint, path, found, err) : OK;
	if (code == OK)
		code = comm_broadcast(found, sizeof *found, 0, err);
	if (code != OK || !*found)
		return code;
	code = comm_broadcast(checkpoint->numbers, checkpoint->n_numbers * sizeof *checkpoint->numbers, 0, err);
	if (code == OK)
		code = comm_broadcast(checkpoint->history,
		                      (size_t)checkpoint->numbers[CHECKPOINT_EPOCHS] * sizeof *checkpoint->history, 0, err);
	for (size_t i = 0; i < checkpoint->n_arrays && code == OK; i++)
		code = comm_broadcast(checkpoint->arrays[i].values, checkpoint->arrays[i].count * sizeof(float), 0, err);
	return code;
}
