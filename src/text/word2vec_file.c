/*
 * The two formats of word2vec. Text: "V D\n", then "key f f …\n" a row. Binary: "V D\n", then key, one blank, D
 * little-endian float32 a row; a line feed behind a row is optional when reading and not written.
 */
#include "text/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)8 << 30)
/* Smallest row: a key of one byte, a blank, and two bytes a number, the first blank among them (text) or four
 * (binary). */
#define MIN_NUMBER 2
#define MIN_KEY 2

static int open_with_header(struct out_file *file, const char *path, const struct vectors *vectors, struct err *err)
{
	int code = out_open(file, path, err);

	if (code == OK)
		fprintf(file->stream, "%zu %zu\n", vectors->count, vectors->size);
	return code;
}

int word2vec_save_text(const char *path, const struct vectors *vectors, char *const *keys, struct err *err)
{
	struct out_file file = {0};
	int code = open_with_header(&file, path, vectors, err);

	if (code != OK)
		return code;
	for (size_t i = 0; i < vectors->count; i++) {
		fputs(keys[i], file.stream);
		for (size_t d = 0; d < vectors->size; d++)
			fprintf(file.stream, " %.9g", (double)vectors->data[i * vectors->size + d]);
		fputc('\n', file.stream);
	}
	return out_commit(&file, err);
}

int word2vec_save_binary(const char *path, const struct vectors *vectors, char *const *keys, struct err *err)
{
	struct out_file file = {0};
	int code = open_with_header(&file, path, vectors, err);

	if (code != OK)
		return code;
	for (size_t i = 0; i < vectors->count; i++) {
		fputs(keys[i], file.stream);
		fputc(' ', file.stream);
		fwrite(vectors->data + i * vectors->size, sizeof(float), vectors->size, file.stream);
	}
	return out_commit(&file, err);
}

/* A file being read: `at` … `end` is what is left of it. */
struct vector_reader {
	const char *path;
	char *bytes, *at, *end;
	size_t row;
};

static int cut_off(const struct vector_reader *reader, struct err *err)
{
	return err_set(err, ERR_DATA, "%s: row %zu: the file ends in the middle", reader->path, reader->row);
}

static int read_size(struct vector_reader *reader, char stop, size_t *out)
{
	char *end;

	if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9')
		return ERR_DATA;
	errno = 0;
	unsigned long long value = strtoull(reader->at, &end, 10);
	if (errno || value == 0 || value > UINT32_MAX)
		return ERR_DATA;
	if (stop == '\n' && *end == '\r')
		end++;
	if (*end != stop)
		return ERR_DATA;
	reader->at = end + 1;
	*out = (size_t)value;
	return OK;
}

static int read_header(struct vector_reader *reader, struct vectors *out, struct err *err)
{
	if (read_size(reader, ' ', &out->count) != OK || read_size(reader, '\n', &out->size) != OK)
		return err_set(err, ERR_DATA, "%s:1: the first line is not \"rows size\"", reader->path);
	size_t left = (size_t)(reader->end - reader->at);
	/* Refused before anything of that size is allocated; a last row that is cut off is told of by its number. */
	if (out->size > left / MIN_NUMBER || out->count > left / (out->size * MIN_NUMBER + MIN_KEY) + 1)
		return err_set(err, ERR_DATA, "%s:1: %zu rows of %zu numbers cannot be in %zu bytes", reader->path, out->count,
		               out->size, left);
	return OK;
}

/* The key up to the blank behind it. */
static int read_key(struct vector_reader *reader, struct path_list *keys, struct err *err)
{
	char *blank = memchr(reader->at, ' ', (size_t)(reader->end - reader->at));

	if (!blank)
		return cut_off(reader, err);
	*blank = '\0';
	if (blank == reader->at || strlen(reader->at) != (size_t)(blank - reader->at) || strchr(reader->at, '\n'))
		return err_set(err, ERR_DATA, "%s: row %zu: not a key", reader->path, reader->row);
	int code = path_list_add(keys, reader->at, err);
	reader->at = blank + 1;
	return code;
}

static int check_finite(const struct vector_reader *reader, const float *row, size_t size, struct err *err)
{
	for (size_t d = 0; d < size; d++)
		if (!isfinite(row[d]))
			return err_set(err, ERR_DATA, "%s: row %zu: number %zu is not finite", reader->path, reader->row, d + 1);
	return OK;
}

static int read_row_binary(struct vector_reader *reader, float *row, size_t size, struct err *err)
{
	if ((size_t)(reader->end - reader->at) < size * sizeof(float))
		return cut_off(reader, err);
	memcpy(row, reader->at, size * sizeof(float));
	reader->at += size * sizeof(float);
	if (reader->at < reader->end && *reader->at == '\n')
		reader->at++;
	return check_finite(reader, row, size, err);
}

static int read_row_text(struct vector_reader *reader, float *row, size_t size, struct err *err)
{
	char *line_end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

	if (!line_end)
		return cut_off(reader, err);
	*line_end = '\0';
	for (size_t d = 0; d < size; d++) {
		char *end;
		row[d] = strtof(reader->at, &end);
		if (end == reader->at || end > line_end)
			return err_set(err, ERR_DATA, "%s: row %zu: number %zu of %zu is missing", reader->path, reader->row, d + 1,
			               size);
		reader->at = end;
	}
	if (reader->at[strspn(reader->at, " \r")] != '\0')
		return err_set(err, ERR_DATA, "%s: row %zu: more than %zu numbers", reader->path, reader->row, size);
	reader->at = line_end + 1;
	return check_finite(reader, row, size, err);
}

static int compare_keys(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static int refuse_repeats(const char *path, const struct path_list *keys, struct err *err)
{
	char **sorted = mem_alloc(keys->count, sizeof *sorted, err);
	int code = OK;

	if (!sorted)
		return ERR_MEMORY;
	memcpy(sorted, keys->items, keys->count * sizeof *sorted);
	qsort(sorted, keys->count, sizeof *sorted, compare_keys);
	for (size_t i = 1; i < keys->count && code == OK; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			code = err_set(err, ERR_DATA, "%s: the key '%s' is there twice", path, sorted[i]);
	free(sorted);
	return code;
}

typedef int read_row(struct vector_reader *reader, float *row, size_t size, struct err *err);

static int read_rows(struct vector_reader *reader, read_row *read, struct vectors *vectors, struct path_list *keys,
                     struct err *err)
{
	int code = read_header(reader, vectors, err);

	if (code != OK)
		return code;
	if (!(vectors->data = mem_alloc(vectors->count, vectors->size * sizeof(float), err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < vectors->count && code == OK; i++) {
		reader->row = i + 1;
		code = read_key(reader, keys, err);
		if (code == OK)
			code = read(reader, vectors->data + i * vectors->size, vectors->size, err);
	}
	if (code == OK && reader->at != reader->end)
		code = err_set(err, ERR_DATA, "%s: more bytes behind row %zu, the last", reader->path, vectors->count);
	return code == OK ? refuse_repeats(reader->path, keys, err) : code;
}

static int load(const char *path, read_row *read, struct vectors *out, struct path_list *keys, struct err *err)
{
	struct vector_reader reader = {.path = path};
	struct vectors vectors = {0};
	struct path_list found = {0};
	size_t size;
	int code = file_read(path, MAX_FILE, &reader.bytes, &size, err);

	if (code != OK)
		return code;
	reader.at = reader.bytes;
	reader.end = reader.bytes + size;
	code = read_rows(&reader, read, &vectors, &found, err);
	free(reader.bytes);
	if (code == OK) {
		*out = vectors;
		*keys = found;
	} else {
		vectors_free(&vectors);
		path_list_free(&found);
	}
	return code;
}

int word2vec_load_text(const char *path, struct vectors *out, struct path_list *keys, struct err *err)
{
	return load(path, read_row_text, out, keys, err);
}

int word2vec_load_binary(const char *path, struct vectors *out, struct path_list *keys, struct err *err)
{
	return load(path, read_row_binary, out, keys, err);
}
