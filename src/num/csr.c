#include "num/num.h"

#include <stdlib.h>

void csr_free(struct csr *matrix)
{
	free(matrix->start);
	free(matrix->index);
	free(matrix->value);
	*matrix = (struct csr){0};
}

static int csr_new(struct csr *out, const struct csr *shape, struct err *err)
{
	size_t count = (size_t)shape->start[shape->rows];
	out->rows = shape->columns;
	out->columns = shape->rows;
	out->start = mem_alloc(out->rows + 1, sizeof *out->start, err);
	out->index = out->start ? mem_alloc(count, sizeof *out->index, err) : NULL;
	if (!out->index)
		return ERR_MEMORY;
	if (shape->value && !(out->value = mem_alloc(count, sizeof *out->value, err)))
		return ERR_MEMORY;
	return OK;
}

/* Counting sort by column; rows are visited in order, so indices come out ascending. */
int csr_transpose(const struct csr *matrix, struct csr *out, struct err *err)
{
	struct csr turned = {0};
	int code = csr_new(&turned, matrix, err);
	if (code != OK) {
		csr_free(&turned);
		return code;
	}
	size_t count = (size_t)matrix->start[matrix->rows];
	for (size_t i = 0; i < count; i++)
		turned.start[matrix->index[i] + 1]++;
	for (size_t c = 0; c < turned.rows; c++)
		turned.start[c + 1] += turned.start[c];
	for (size_t row = 0; row < matrix->rows; row++) {
		for (int64_t i = matrix->start[row]; i < matrix->start[row + 1]; i++) {
			int64_t place = turned.start[matrix->index[i]]++;
			turned.index[place] = (int32_t)row;
			if (turned.value)
				turned.value[place] = matrix->value[i];
		}
	}
	/* Each start has moved to its row's end, the next row's start. */
	for (size_t c = turned.rows; c > 0; c--)
		turned.start[c] = turned.start[c - 1];
	turned.start[0] = 0;
	*out = turned;
	return OK;
}

static int check_row(const struct csr *matrix, size_t row, struct err *err)
{
	int64_t before = -1;
	for (int64_t i = matrix->start[row]; i < matrix->start[row + 1]; i++) {
		int64_t column = matrix->index[i];
		if (column < 0 || (size_t)column >= matrix->columns)
			return err_set(err, ERR_DATA, "row %zu: column %lld is outside 0..%zu", row, (long long)column,
			               matrix->columns - 1);
		if (column <= before)
			return err_set(err, ERR_DATA, "row %zu: column %lld after column %lld, not ascending", row,
			               (long long)column, (long long)before);
		before = column;
	}
	return OK;
}

/* Starts first, all of them: only then are the indices known to lie inside the array. */
int csr_check(const struct csr *matrix, struct err *err)
{
	if (matrix->start[0] != 0)
		return err_set(err, ERR_DATA, "row 0 starts at %lld, not at 0", (long long)matrix->start[0]);
	for (size_t row = 0; row < matrix->rows; row++)
		if (matrix->start[row + 1] < matrix->start[row])
			return err_set(err, ERR_DATA, "row %zu ends at %lld, before its start %lld", row,
			               (long long)matrix->start[row + 1], (long long)matrix->start[row]);
	for (size_t row = 0; row < matrix->rows; row++) {
		int code = check_row(matrix, row, err);
		if (code != OK)
			return code;
	}
	return OK;
}
