/*
 * safetensors: 8 bytes little endian = length of the header; the header, a JSON object name → {dtype, shape,
 * data_offsets}; the data. Offsets count from the end of the header, and the reference reader demands that the tensors
 * follow one another without holes. So the header is padded with spaces until the data begins on 64 bytes, and the
 * tensors are ordered for alignment (see io.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

#define ALIGNMENT 64
#define HEADER_LIMIT ((size_t)100 << 20) /* the reference reader's own */
#define METADATA "__metadata__"

struct tensor_file {
	char *path;
	uint8_t *map;
	size_t size;
	struct json *header; /* the names live here */
	struct tensor *tensors;
	size_t count;
};

static const struct {
	const char *name;
	enum npy_type type;
	size_t item;
} dtypes[] = {{"F32", NPY_F32, 4}, {"F64", NPY_F64, 8}, {"I32", NPY_I32, 4}, {"I64", NPY_I64, 8}, {"U8", NPY_U8, 1}};

static size_t dtype_of_type(enum npy_type type)
{
	size_t i = 0;
	while (i < ARRAY_COUNT(dtypes) && dtypes[i].type != type)
		i++;
	return i;
}

static bool tensor_bytes(const struct tensor *tensor, size_t item, size_t *bytes)
{
	*bytes = item;
	for (size_t i = 0; i < tensor->rank; i++)
		if (__builtin_mul_overflow(*bytes, tensor->dims[i], bytes))
			return false;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------- */

struct planned {
	const struct tensor *tensor;
	size_t bytes, item, position; /* position in the caller's list, the last word of the order */
};

static int by_alignment(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;
	bool loose_x = x->bytes % ALIGNMENT != 0, loose_y = y->bytes % ALIGNMENT != 0;
	if (loose_x != loose_y)
		return loose_x ? 1 : -1;
	if (loose_x && x->item != y->item)
		return x->item > y->item ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

static int plan(struct planned *plans, const struct tensor *tensors, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct tensor *tensor = &tensors[i];
		size_t dtype = dtype_of_type(tensor->type);
		if (dtype == ARRAY_COUNT(dtypes) || tensor->rank > HDF_MAX_RANK)
			return err_set(err, ERR_DATA, "tensor %s: its type or rank has no safetensors form", tensor->name);
		plans[i] = (struct planned){.tensor = tensor, .item = dtypes[dtype].item, .position = i};
		if (!tensor_bytes(tensor, plans[i].item, &plans[i].bytes))
			return err_set(err, ERR_DATA, "tensor %s: more elements than this machine can address", tensor->name);
		if (strcmp(tensor->name, METADATA) == 0)
			return err_set(err, ERR_DATA, "a tensor cannot be named " METADATA);
		for (size_t j = 0; j < i; j++)
			if (strcmp(tensors[j].name, tensor->name) == 0)
				return err_set(err, ERR_DATA, "two tensors are named %s", tensor->name);
	}
	if (count > 0)
		qsort(plans, count, sizeof *plans, by_alignment);
	return OK;
}

struct pairs {
	const char *const *items;
	size_t count;
};

static int print_header(const struct planned *plans, size_t count, const struct pairs *metadata, struct strbuf *out,
                        struct err *err)
{
	struct json *root = json_object_new();
	size_t offset = 0;
	char *text = NULL;
	if (metadata->count > 0) {
		struct json *meta = json_set_object(root, METADATA);
		for (size_t i = 0; i < metadata->count; i++)
			json_set_text(meta, metadata->items[2 * i], metadata->items[2 * i + 1]);
	}
	for (size_t i = 0; i < count; i++) {
		const struct tensor *tensor = plans[i].tensor;
		struct json *entry = json_set_object(root, tensor->name);
		json_set_text(entry, "dtype", dtypes[dtype_of_type(tensor->type)].name);
		struct json *shape = json_set_array(entry, "shape");
		for (size_t j = 0; j < tensor->rank; j++)
			json_append_integer(shape, (int64_t)tensor->dims[j]);
		struct json *span = json_set_array(entry, "data_offsets");
		json_append_integer(span, (int64_t)offset);
		offset += plans[i].bytes;
		json_append_integer(span, (int64_t)offset);
	}
	int status = json_print(root, 0, &text, err);
	json_free(root);
	if (status != OK)
		return status;
	strbuf_add(out, text);
	free(text);
	while ((8 + out->length) % ALIGNMENT != 0 && !out->failed)
		strbuf_add(out, " ");
	return strbuf_check(out, err);
}

static int write_tensors(const char *path, const struct strbuf *header, const struct planned *plans, size_t count,
                         struct err *err)
{
	struct out_file file;
	uint8_t length[8];
	int status = out_open(&file, path, err);
	if (status != OK)
		return status;
	for (size_t i = 0; i < 8; i++)
		length[i] = (uint8_t)((uint64_t)header->length >> (8 * i));
	/* Short writes are seen by out_commit. */
	(void)!fwrite(length, 1, sizeof length, file.stream);
	(void)!fwrite(header->text, 1, header->length, file.stream);
	for (size_t i = 0; i < count; i++)
		if (plans[i].bytes > 0)
			(void)!fwrite(plans[i].tensor->data, 1, plans[i].bytes, file.stream);
	return out_commit(&file, err);
}

int tensors_save(const char *path, const struct tensor *tensors, size_t count, const char *const *metadata_pairs,
                 size_t n_pairs, struct err *err)
{
	struct pairs metadata = {metadata_pairs, n_pairs};
	struct strbuf header = {0};
	struct planned *plans = mem_alloc(count, sizeof *plans, err);
	int status = plans ? plan(plans, tensors, count, err) : err->code;
	if (status == OK)
		status = print_header(plans, count, &metadata, &header, err);
	if (status != OK)
		err_wrap(err, "%s", path);
	else
		status = write_tensors(path, &header, plans, count, err);
	strbuf_free(&header);
	free(plans);
	return status;
}

/* ---- mapping --------------------------------------------------------------------------------------- */

static int map_file(struct tensor_file *file, struct err *err)
{
	struct stat info;
	int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return err_errno(err, "%s: cannot be read", file->path);
	int status = OK;
	if (fstat(descriptor, &info) != 0)
		status = err_errno(err, "%s: cannot be looked at", file->path);
	else if (!S_ISREG(info.st_mode))
		status = err_set(err, ERR_IO, "%s: is not a plain file", file->path);
	else if (info.st_size < 8)
		status = err_set(err, ERR_DATA, "%s: is not a safetensors file: only %lld bytes", file->path,
		                 (long long)info.st_size);
	if (status == OK) {
		void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
		if (map == MAP_FAILED) {
			status = err_errno(err, "%s: cannot be mapped", file->path);
		} else {
			file->map = map;
			file->size = (size_t)info.st_size;
		}
	}
	close(descriptor);
	return status;
}

static bool take_size(const struct json *value, size_t *out)
{
	int64_t number = json_integer_value(value, -1);
	*out = number < 0 ? 0 : (size_t)number;
	return number >= 0;
}

/* One entry of the header → tensor with its data. data_size: bytes behind the header. */
static const char *read_entry(const struct json *entry, const uint8_t *data, size_t data_size, struct tensor *tensor,
                              size_t *begin)
{
	const char *dtype = json_text(json_get(entry, "dtype"), "");
	const struct json *shape = json_get(entry, "shape"), *span = json_get(entry, "data_offsets");
	size_t i = 0, end, bytes;
	while (i < ARRAY_COUNT(dtypes) && strcmp(dtypes[i].name, dtype) != 0)
		i++;
	if (i == ARRAY_COUNT(dtypes))
		return "its dtype is none of F32, F64, I32, I64, U8";
	if (json_kind(shape) != JSON_KIND_ARRAY || json_count(shape) > HDF_MAX_RANK)
		return "its shape is no list of at most 6 sizes";
	tensor->type = dtypes[i].type;
	tensor->rank = json_count(shape);
	for (size_t j = 0; j < tensor->rank; j++)
		if (!take_size(json_at(shape, j), &tensor->dims[j]))
			return "its shape holds something else than sizes";
	if (json_kind(span) != JSON_KIND_ARRAY || json_count(span) != 2 || !take_size(json_at(span, 0), begin) ||
	    !take_size(json_at(span, 1), &end))
		return "its data_offsets are no pair of places";
	if (*begin > end || end > data_size)
		return "its data lies outside the file";
	if (!tensor_bytes(tensor, dtypes[i].item, &bytes) || bytes != end - *begin)
		return "its shape and its data_offsets disagree";
	tensor->data = data + *begin;
	if ((uintptr_t)tensor->data % dtypes[i].item != 0)
		return "its data is not aligned to its elements";
	return NULL;
}

struct ordered {
	struct tensor tensor;
	size_t begin, end;
};

/* Empty tensors share their place with the next one, so the end decides between equal beginnings. */
static int by_place(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return strcmp(x->tensor.name, y->tensor.name);
}

static int no_holes(struct tensor_file *file, struct ordered *ordered, size_t data_size, struct err *err)
{
	size_t reached = 0;
	if (file->count > 0)
		qsort(ordered, file->count, sizeof *ordered, by_place);
	for (size_t i = 0; i < file->count; i++) {
		if (ordered[i].begin != reached)
			return err_set(err, ERR_DATA, "%s: tensor %s begins at %zu, the one before it ends at %zu", file->path,
			               ordered[i].tensor.name, ordered[i].begin, reached);
		reached = ordered[i].end;
		file->tensors[i] = ordered[i].tensor;
	}
	if (reached != data_size)
		return err_set(err, ERR_DATA, "%s: %zu bytes of data, the tensors take %zu; is the file complete?", file->path,
		               data_size, reached);
	return OK;
}

static int read_tensors(struct tensor_file *file, size_t start, struct err *err)
{
	size_t entries = json_count(file->header), data_size = file->size - start;
	struct ordered *ordered = mem_alloc(entries, sizeof *ordered, err);
	file->tensors = mem_alloc(entries, sizeof *file->tensors, err);
	int status = ordered && file->tensors ? OK : err->code;
	for (size_t i = 0; status == OK && i < entries; i++) {
		const char *name = json_key(file->header, i);
		const struct json *entry = json_at(file->header, i);
		struct ordered *next = &ordered[file->count];
		if (strcmp(name, METADATA) == 0)
			continue;
		const char *fault = read_entry(entry, file->map + start, data_size, &next->tensor, &next->begin);
		if (fault)
			status = err_set(err, ERR_DATA, "%s: tensor %s: %s", file->path, name, fault);
		next->tensor.name = name;
		next->end = (size_t)json_integer_value(json_at(json_get(entry, "data_offsets"), 1), 0);
		file->count++;
	}
	if (status == OK)
		status = no_holes(file, ordered, data_size, err);
	free(ordered);
	return status;
}

static int read_header(struct tensor_file *file, struct err *err)
{
	uint64_t length = 0;
	for (size_t i = 8; i-- > 0;)
		length = length << 8 | file->map[i];
	if (length > HEADER_LIMIT || length > file->size - 8)
		return err_set(err, ERR_DATA,
		               "%s: is not a safetensors file, or is cut off: a header of %llu bytes in a file of %zu",
		               file->path, (unsigned long long)length, file->size);
	int status = json_load_text(&file->header, (const char *)file->map + 8, (size_t)length, file->path, err);
	if (status == OK && json_kind(file->header) != JSON_KIND_OBJECT)
		status = err_set(err, ERR_DATA, "%s: its header is no JSON object", file->path);
	return status == OK ? read_tensors(file, 8 + (size_t)length, err) : status;
}

int tensors_map(struct tensor_file **out, const char *path, struct err *err)
{
	struct tensor_file *file = mem_alloc(1, sizeof *file, err);
	if (!file)
		return err->code;
	file->path = mem_text(path, err);
	int status = file->path ? map_file(file, err) : err->code;
	if (status == OK)
		status = read_header(file, err);
	if (status == OK)
		*out = file;
	else
		tensors_unmap(file);
	return status;
}

void tensors_unmap(struct tensor_file *file)
{
	if (!file)
		return;
	if (file->map)
		munmap(file->map, file->size);
	json_free(file->header);
	free(file->tensors);
	free(file->path);
	free(file);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

size_t tensors_count(const struct tensor_file *file)
{
	return file->count;
}

const struct tensor *tensors_at(const struct tensor_file *file, size_t i)
{
	return i < file->count ? &file->tensors[i] : NULL;
}

const char *tensors_metadata(const struct tensor_file *file, const char *name)
{
	return json_text(json_get(json_get(file->header, METADATA), name), NULL);
}

const struct tensor *tensors_find(const struct tensor_file *file, const char *name)
{
	for (size_t i = 0; i < file->count; i++)
		if (strcmp(file->tensors[i].name, name) == 0)
			return &file->tensors[i];
	return NULL;
}

int tensors_need(const struct tensor_file *file, const char *name, enum npy_type type, size_t rank, const size_t *dims,
                 const struct tensor **out, struct err *err)
{
	const struct tensor *tensor = tensors_find(file, name);
	if (!tensor)
		return err_set(err, ERR_DATA, "%s: no tensor \"%s\"", file->path, name);
	if (tensor->type != type)
		return err_set(err, ERR_DATA, "%s: tensor %s: holds another type than %s", file->path, name,
		               dtype_of_type(type) < ARRAY_COUNT(dtypes) ? dtypes[dtype_of_type(type)].name : "asked for");
	if (tensor->rank != rank)
		return err_set(err, ERR_DATA, "%s: tensor %s: %zu dimensions, expected %zu", file->path, name, tensor->rank,
		               rank);
	for (size_t i = 0; i < rank; i++)
		if (dims[i] != 0 && tensor->dims[i] != dims[i])
			return err_set(err, ERR_DATA, "%s: tensor %s: dimension %zu is %zu, expected %zu", file->path, name, i,
			               tensor->dims[i], dims[i]);
	*out = tensor;
	return OK;
}
