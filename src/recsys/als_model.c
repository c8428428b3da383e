/* als.npz and loss.jsonl. */
#include "recsys/recsys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void als_model_free(struct als_model *model)
{
	free(model->user);
	free(model->item);
	free(model->loss);
	*model = (struct als_model){0};
}

int als_save(const struct als_model *model, const char *path, struct err *err)
{
	int64_t factors = (int64_t)model->factors, iterations = (int64_t)model->iterations;
	double regularization = model->regularization, alpha = model->alpha;
	/* implicit reads it back as numpy.dtype(str(value)), which a byte string does not survive. */
	uint32_t dtype[] = {'f', 'l', 'o', 'a', 't', '3', '2'};
	const struct npz_entry entries[] = {
	    {"user_factors", {NPY_F32, 2, {model->users, model->factors}, sizeof(float), model->user}},
	    {"item_factors", {NPY_F32, 2, {model->items, model->factors}, sizeof(float), model->item}},
	    {"factors", {NPY_I64, 0, {0}, sizeof factors, &factors}},
	    {"regularization", {NPY_F64, 0, {0}, sizeof regularization, &regularization}},
	    {"alpha", {NPY_F64, 0, {0}, sizeof alpha, &alpha}},
	    {"iterations", {NPY_I64, 0, {0}, sizeof iterations, &iterations}},
	    {"dtype", {NPY_TEXT, 0, {0}, sizeof dtype, dtype}},
	};
	return npz_save(path, entries, ARRAY_COUNT(entries), err);
}

/* Takes the array's data over. */
static int load_factors(const char *path, const char *name, float **out, size_t *rows, size_t *factors, struct err *err)
{
	struct npy array = {0};
	int code = npz_load(&array, path, name, err);
	if (code != OK)
		return code;
	if (array.type != NPY_F32 || array.rank != 2 || array.dims[1] == 0)
		code = err_set(err, ERR_DATA, "%s: %s: not a float32 matrix", path, name);
	for (size_t i = 0; code == OK && i < array.dims[0] * array.dims[1]; i++)
		if (!isfinite(((const float *)array.data)[i]))
			code = err_set(err, ERR_DATA, "%s: %s: row %zu, factor %zu is not finite", path, name, i / array.dims[1],
			               i % array.dims[1]);
	if (code == OK) {
		*out = array.data;
		*rows = array.dims[0];
		*factors = array.dims[1];
		array.data = NULL;
	}
	npy_free(&array);
	return code;
}

static int load_number(const char *path, const char *name, double *out, struct err *err)
{
	struct npy array = {0};
	int code = npz_load(&array, path, name, err);
	if (code != OK)
		return code;
	if (array.rank == 0 && array.type == NPY_F64)
		*out = *(const double *)array.data;
	else if (array.rank == 0 && array.type == NPY_I64)
		*out = (double)*(const int64_t *)array.data;
	else
		code = err_set(err, ERR_DATA, "%s: %s: not a single number", path, name);
	npy_free(&array);
	return code;
}

int als_load(struct als_model *out, const char *path, struct err *err)
{
	struct als_model model = {0};
	size_t item_factors = 0;
	double iterations = 0;
	int code = load_factors(path, "user_factors", &model.user, &model.users, &model.factors, err);
	if (code == OK)
		code = load_factors(path, "item_factors", &model.item, &model.items, &item_factors, err);
	if (code == OK && item_factors != model.factors)
		code = err_set(err, ERR_DATA, "%s: user_factors has %zu factors, item_factors %zu", path, model.factors,
		               item_factors);
	if (code == OK)
		code = load_number(path, "regularization", &model.regularization, err);
	if (code == OK)
		code = load_number(path, "alpha", &model.alpha, err);
	if (code == OK)
		code = load_number(path, "iterations", &iterations, err);
	if (code != OK) {
		als_model_free(&model);
		return code;
	}
	model.iterations = iterations > 0 ? (size_t)iterations : 0;
	*out = model;
	return OK;
}

int als_save_loss(const struct als_model *model, const char *path, struct err *err)
{
	struct strbuf text = {0};
	for (size_t i = 0; model->loss && i < model->iterations; i++)
		strbuf_format(&text, "{\"iteration\": %zu, \"loss\": %.17g}\n", i + 1, model->loss[i]);
	int code = strbuf_check(&text, err);
	if (code == OK)
		code = file_write(path, text.text ? text.text : "", text.length, err);
	strbuf_free(&text);
	return code;
}
