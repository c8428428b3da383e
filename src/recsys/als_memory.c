/* What a training of ALS holds, and what of it becomes the model. Ranks of one machine have what they make of rows in
 * common. */
#include "base/comm.h"
#include "recsys/als_train_internal.h"

#include <stdlib.h>
#include <string.h>

/* What the ranks of a machine write together. */
struct common {
	void **memory;
	size_t bytes;
};
enum { COMMON = 5 };

static void list_common(struct training *t, struct common out[COMMON])
{
	size_t f = t->factors, users = t->user.rows, items = t->item.rows, most = users > items ? users : items;
	size_t chunks = t->shared ? (most + CHUNK_ROWS - 1) / CHUNK_ROWS : 0;
	const struct common all[COMMON] = {{(void **)&t->user.factor, users * f * sizeof(float)},
	                                   {(void **)&t->item.factor, items * f * sizeof(float)},
	                                   {(void **)&t->whitened, most * f * sizeof(float)},
	                                   {(void **)&t->row_loss, items * sizeof(double)},
	                                   {(void **)&t->grams, chunks * f * f * sizeof(float)}};
	memcpy(out, all, sizeof all);
}

static int allocate_common(struct training *t, struct err *err)
{
	struct common all[COMMON];
	list_common(t, all);
	for (size_t i = 0; i < COMMON; i++) {
		if (!t->shared)
			*all[i].memory = mem_alloc(all[i].bytes, 1, err);
		else if (comm_memory_new(all[i].bytes, all[i].memory, err) != OK)
			return err->code;
		if (!*all[i].memory)
			return err->code;
	}
	return OK;
}

static void free_common(struct training *t)
{
	struct common all[COMMON];
	list_common(t, all);
	for (size_t i = 0; i < COMMON; i++)
		if (t->shared)
			comm_memory_free(*all[i].memory, all[i].bytes);
		else
			free(*all[i].memory);
}

int als_allocate(struct training *t, struct err *err)
{
	size_t f = t->factors;
	size_t blocks = (size_t)t->threads * CHUNK_ROWS * f, grams = t->n_lanes * f * f;
	if (allocate_common(t, err) != OK)
		return err->code;
	t->user.gram = mem_alloc(f * f, sizeof(double), err);
	t->item.gram = mem_alloc(f * f, sizeof(double), err);
	t->inverse = mem_alloc(f * f, sizeof(float), err);
	t->chunk = mem_alloc(blocks > grams ? blocks : grams, sizeof(float), err);
	t->lanes = mem_alloc(grams, sizeof(double), err);
	t->loss = mem_alloc((size_t)t->options->model.iterations, sizeof(double), err);
	bool descends = t->options->model.solver == SOLVER_CG;
	t->lower = descends ? mem_alloc(f * f, sizeof(float), err) : NULL;
	bool whole =
	    (t->lower || !descends) && t->user.gram && t->item.gram && t->inverse && t->chunk && t->lanes && t->loss;
	return whole ? OK : err->code;
}

void als_training_free(struct training *t)
{
	csr_free(&t->transposed);
	free_common(t);
	free(t->weight);
	free(t->inverse);
	free(t->lower);
	free(t->chunk);
	free(t->lanes);
	free(t->user.start);
	free(t->item.start);
	free(t->user.gram);
	free(t->item.gram);
	free(t->loss);
}

/* The factors of a side, for the model to own. */
static int take_factors(struct training *t, struct side *side, float **out, struct err *err)
{
	size_t size = t->factors * sizeof(float);
	if (!t->shared) {
		*out = side->factor;
		side->factor = NULL;
		return OK;
	}
	*out = mem_alloc_unset(side->rows, size, err);
	if (!*out || als_gather(side, side->factor, size, err) != OK)
		return err->code;
	memcpy(*out, side->factor, side->rows * size);
	return OK;
}

int als_take_model(struct training *t, struct als_model *out, struct err *err)
{
	struct als_model model = {.users = t->user.rows,
	                          .items = t->item.rows,
	                          .factors = t->factors,
	                          .iterations = t->done,
	                          .regularization = t->options->model.regularization,
	                          .alpha = t->options->model.alpha};
	int code = take_factors(t, &t->user, &model.user, err);
	if (code == OK)
		code = take_factors(t, &t->item, &model.item, err);
	if (code != OK) {
		als_model_free(&model);
		return code;
	}
	model.loss = t->loss;
	t->loss = NULL;
	*out = model;
	return OK;
}
