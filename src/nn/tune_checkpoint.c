/* The state of a fine-tuning between two steps, in a safetensors file. */
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
#include "nn/tune_internal.h"

#define NUMBERS 11
#define KINDS 3 /* the weights, gradient with both moments, the best epoch's weights */
#define NAME 32
static const char *const kinds[KINDS] = {"weights", "moments", "best"};

/* Doubles as their bits: they come back exactly, whatever types the file format knows. */
static int64_t bits_of(double value)
{
	int64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static double value_of(int64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static void numbers_of(const struct tune_state *state, int64_t numbers[NUMBERS])
{
	const int64_t all[NUMBERS] = {(int64_t)state->identity,
	                              (int64_t)state->epoch,
	                              (int64_t)state->step,
	                              (int64_t)state->tuner->steps,
	                              bits_of(state->loss),
	                              (int64_t)state->correct,
	                              (int64_t)state->n_history,
	                              (int64_t)state->best_epoch,
	                              bits_of(state->best_calibrated),
	                              bits_of(state->best_temperature),
	                              (int64_t)state->tuner->n_weights};
	memcpy(numbers, all, sizeof all);
}

static const void *array_of(const struct tune_state *state, size_t kind, size_t i)
{
	const struct weights *weights = &state->tuner->weights[i];
	return kind == 0 ? weights->values : kind == 1 ? weights->gradient : state->best[i];
}

static size_t floats_of(const struct tune_state *state, size_t kind, size_t i)
{
	return state->tuner->weights[i].count * (kind == 1 ? 3 : 1);
}

static int save(const struct tune_state *state, const char *path, struct err *err)
{
	size_t n = state->tuner->n_weights, words = state->n_history * sizeof *state->history / sizeof(int64_t);
	struct tensor tensors[2 + KINDS * (2 * VGG16_LAYERS + 2)];
	char names[KINDS * (2 * VGG16_LAYERS + 2)][NAME];
	int64_t numbers[NUMBERS];
	numbers_of(state, numbers);
	tensors[0] = (struct tensor){.name = "state", .type = NPY_I64, .rank = 1, .dims = {NUMBERS}, .data = numbers};
	tensors[1] = (struct tensor){.name = "history", .type = NPY_I64, .rank = 1, .dims = {words}, .data = state->history};
	for (size_t k = 0; k < KINDS * n; k++) {
		snprintf(names[k], NAME, "%s/%zu", kinds[k / n], k % n);
		tensors[2 + k] = (struct tensor){.name = names[k],
		                                 .type = NPY_F32,
		                                 .rank = 1,
		                                 .dims = {floats_of(state, k / n, k % n)},
		                                 .data = array_of(state, k / n, k % n)};
	}
	return tensors_save(path, tensors, 2 + KINDS * n, NULL, 0, err);
}

/* Rank 0 writes; none goes on, or ends by a stop, before that is done. */
int tune_checkpoint_save(const struct tune_state *state, const char *path, struct err *err)
{
	int code = comm_publishes() ? save(state, path, err) : OK;
	return code == OK ? comm_barrier(err) : code;
}

/* Every array of the state, checked before anything is taken. */
static bool state_matches(const struct tensor_file *file, const struct tune_state *state, int64_t numbers[NUMBERS],
                          const struct tensor **found)
{
	struct err ignored = {0};
	size_t n = state->tuner->n_weights;
	if (tensors_need(file, "state", NPY_I64, 1, (size_t[]){NUMBERS}, &found[0], &ignored) != OK)
		return false;
	memcpy(numbers, found[0]->data, NUMBERS * sizeof *numbers);
	size_t words = (size_t)numbers[6] * sizeof *state->history / sizeof(int64_t);
	if ((uint64_t)numbers[0] != state->identity || (size_t)numbers[10] != n || (uint64_t)numbers[6] > state->epochs ||
	    tensors_need(file, "history", NPY_I64, 1, &words, &found[1], &ignored) != OK)
		return false;
	for (size_t k = 0; k < KINDS * n; k++) {
		char name[NAME];
		size_t floats = floats_of(state, k / n, k % n);
		snprintf(name, sizeof name, "%s/%zu", kinds[k / n], k % n);
		if (tensors_need(file, name, NPY_F32, 1, &floats, &found[2 + k], &ignored) != OK)
			return false;
	}
	return true;
}

static void take_numbers(struct tune_state *state, const int64_t numbers[NUMBERS])
{
	state->epoch = (size_t)numbers[1];
	state->step = (size_t)numbers[2];
	state->tuner->steps = (size_t)numbers[3];
	state->loss = value_of(numbers[4]);
	state->correct = (size_t)numbers[5];
	state->n_history = (size_t)numbers[6];
	state->best_epoch = (size_t)numbers[7];
	state->best_calibrated = value_of(numbers[8]);
	state->best_temperature = value_of(numbers[9]);
}

static void state_take(struct tune_state *state, const int64_t numbers[NUMBERS], const struct tensor *const *found)
{
	size_t n = state->tuner->n_weights;
	take_numbers(state, numbers);
	memcpy(state->history, found[1]->data, state->n_history * sizeof *state->history);
	for (size_t k = 0; k < KINDS * n; k++) {
		struct weights *weights = &state->tuner->weights[k % n];
		float *to = k / n == 0 ? weights->values : k / n == 1 ? weights->gradient : state->best[k % n];
		memcpy(to, found[2 + k]->data, floats_of(state, k / n, k % n) * sizeof *to);
	}
}

/* What rank 0 has found, if anything, becomes every rank's state. */
static int hand_out(struct tune_state *state, bool *found, struct err *err)
{
	size_t n = state->tuner->n_weights;
	int64_t numbers[NUMBERS];
	int code = comm_broadcast(found, sizeof *found, 0, err);
	if (code != OK || !*found)
		return code;
	numbers_of(state, numbers);
	code = comm_broadcast(numbers, sizeof numbers, 0, err);
	if (code == OK)
		take_numbers(state, numbers);
	if (code == OK)
		code = comm_broadcast(state->history, state->n_history * sizeof *state->history, 0, err);
	for (size_t k = 0; code == OK && k < KINDS * n; k++)
		code = comm_broadcast((void *)(uintptr_t)array_of(state, k / n, k % n), floats_of(state, k / n, k % n) * sizeof(float), 0, err);
	return code;
}

static int load(struct tune_state *state, const char *path, bool *found, struct err *err)
{
	struct tensor_file *file = NULL;
	const struct tensor *tensors[2 + KINDS * (2 * VGG16_LAYERS + 2)];
	int64_t numbers[NUMBERS];
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
	*found = state_matches(file, state, numbers, tensors);
	if (*found)
		state_take(state, numbers, tensors);
	tensors_unmap(file);
	return OK;
}

int tune_checkpoint_load(struct tune_state *state, const char *path, bool *found, struct err *err)
{
	*found = false;
	int code = comm_publishes() ? load(state, path, found, err) : OK;
	return code == OK ? hand_out(state, found, err) : code;
}
