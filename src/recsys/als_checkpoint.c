/* The state of a training between two iterations, in a safetensors file. */
#include "recsys/recsys_internal.h"

#include <stdlib.h>
#include <string.h>

int als_checkpoint_save(const struct als_state *state, const char *path, struct err *err)
{
	int64_t header[4] = {0, (int64_t)state->iterations, (int64_t)state->items, (int64_t)state->factors};
	memcpy(&header[0], &state->identity, sizeof state->identity);
	const struct tensor tensors[] = {
	    {.name = "state", .type = NPY_I64, .rank = 1, .dims = {4}, .data = header},
	    /* Doubles as their bits: they come back exactly, whatever types the file format knows. */
	    {.name = "loss", .type = NPY_I64, .rank = 1, .dims = {state->iterations}, .data = state->loss},
	    {.name = "item", .type = NPY_F32, .rank = 2, .dims = {state->items, state->factors}, .data = state->item},
	    {.name = "user", .type = NPY_F32, .rank = 2, .dims = {state->users, state->factors}, .data = state->user},
	};
	return tensors_save(path, tensors, ARRAY_COUNT(tensors) - (state->user ? 0 : 1), NULL, 0, err);
}

/* Is it a state of this problem? Then *loss and *item are its tensors. */
static bool state_matches(const struct tensor_file *file, const struct als_state *state, size_t max_iterations,
                          const struct tensor **loss, const struct tensor **item, const struct tensor **user)
{
	struct err ignored = {0};
	const struct tensor *header;
	if (tensors_need(file, "state", NPY_I64, 1, (size_t[]){4}, &header, &ignored) != OK)
		return false;
	int64_t numbers[4];
	memcpy(numbers, header->data, sizeof numbers);
	if (memcmp(&numbers[0], &state->identity, sizeof state->identity) != 0 || numbers[1] < 1 ||
	    (uint64_t)numbers[1] > max_iterations || (uint64_t)numbers[2] != state->items ||
	    (uint64_t)numbers[3] != state->factors)
		return false;
	if (state->user &&
	    tensors_need(file, "user", NPY_F32, 2, (size_t[]){state->users, state->factors}, user, &ignored) != OK)
		return false;
	return tensors_need(file, "loss", NPY_I64, 1, (size_t[]){(size_t)numbers[1]}, loss, &ignored) == OK &&
	       tensors_need(file, "item", NPY_F32, 2, (size_t[]){state->items, state->factors}, item, &ignored) == OK;
}

int als_checkpoint_load(struct als_state *state, size_t max_iterations, const char *path, struct err *err)
{
	struct tensor_file *file = NULL;
	const struct tensor *loss, *item, *user;
	if (!path_exists(path))
		return OK;
	int code = tensors_map(&file, path, err);
	if (code == ERR_DATA) {
		log_warn("als", "%s: not used: %s", path, err->text);
		*err = (struct err){0};
		return OK;
	}
	if (code != OK)
		return code;
	if (state_matches(file, state, max_iterations, &loss, &item, &user)) {
		state->iterations = loss->dims[0];
		memcpy(state->loss, loss->data, loss->dims[0] * sizeof *state->loss);
		memcpy(state->item, item->data, state->items * state->factors * sizeof *state->item);
		if (state->user)
			memcpy(state->user, user->data, state->users * state->factors * sizeof *state->user);
	}
	tensors_unmap(file);
	return OK;
}
