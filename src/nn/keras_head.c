/*
 * The head out of a model that keras_write.c wrote.
 */
#include <stdlib.h>
#include <string.h>

#include "nn/keras_internal.h"

#define DENSE "model_weights/" KERAS_DENSE "/" KERAS_DENSE
#define LAST "model_weights/" KERAS_LAST "/" KERAS_LAST
#define MAX_PARAMETERS ((size_t)1 << 30)

/* The features' map follows from the cut and the input's size. */
static int read_map(const struct hdf_file *file, struct map_shape *map, size_t *average_pool, struct err *err)
{
	struct network *network = NULL;
	char *cut = NULL;
	double size, pool;
	int code = OK, position;

	if (hdf_attr_text(file, "/", "moodcast_cut", &cut, err) != OK ||
	    hdf_attr_number(file, "/", "moodcast_size", &size, err) != OK ||
	    hdf_attr_number(file, "/", "moodcast_average_pool", &pool, err) != OK) {
		free(cut);
		return err->code;
	}
	position = network_cut_find(cut);
	if (position < 0 || !(size >= 1 && size <= 4096) || !(pool >= 0 && pool <= 4096))
		code = err_set(err, ERR_DATA, "cut '%s', size %g, average_pool %g: outside of what there is", cut, size, pool);
	free(cut);
	if (code == OK)
		code = vgg16_new(&network, position, err);
	if (code == OK)
		code = network_shape(network, (size_t)size, map, err);
	network_free(network);
	*average_pool = code == OK ? (size_t)pool : 0;
	return code;
}

/* Reads DENSE/name into `to` when it has exactly `count` numbers. */
static int read_dense(const struct hdf_file *file, const char *name, size_t count, float *to, struct err *err)
{
	struct hdf_shape shape;
	size_t found = 1;
	void *data;

	if (hdf_read(file, name, HDF_F32, MAX_PARAMETERS, &data, &shape, err) != OK)
		return err->code;
	for (size_t i = 0; i < shape.rank; i++)
		found *= shape.dims[i];
	if (found == count)
		memcpy(to, data, count * sizeof(float));
	free(data);
	return found == count ? OK : err_set(err, ERR_DATA, "%s: expected %zu numbers, found %zu", name, count, found);
}

/* Units of the hidden layer, 0 without one. */
static int read_hidden(const struct hdf_file *file, size_t *hidden, struct err *err)
{
	struct hdf_shape shape;

	*hidden = 0;
	if (!hdf_has(file, LAST "/kernel:0"))
		return OK;
	if (hdf_shape(file, DENSE "/bias:0", &shape, err) != OK)
		return err->code;
	if (shape.rank != 1 || !shape.dims[0] || shape.dims[0] > HEAD_MAX_HIDDEN)
		return err_set(err, ERR_DATA, DENSE "/bias:0: expected 1..%d numbers", HEAD_MAX_HIDDEN);
	*hidden = shape.dims[0];
	return OK;
}

static int head_read(struct head **out, const struct hdf_file *file, struct path_list *names, struct err *err)
{
	struct map_shape map;
	struct head *head;
	size_t pool = 0, hidden, below;
	int code;

	if (read_map(file, &map, &pool, err) != OK || hdf_attr_texts(file, "/", "moodcast_classes", names, err) != OK ||
	    read_hidden(file, &hidden, err) != OK || head_new(&head, map, pool, hidden, names->count, err) != OK)
		return err->code;
	below = (head->inputs + 1) * hidden;
	code = hidden ? read_dense(file, DENSE "/kernel:0", head->inputs * hidden, head->owned, err) : OK;
	if (code == OK && hidden)
		code = read_dense(file, DENSE "/bias:0", hidden, head->owned + head->inputs * hidden, err);
	if (code == OK)
		code = read_dense(file, hidden ? LAST "/kernel:0" : DENSE "/kernel:0", head_width(head) * head->classes,
		                  head->owned + below, err);
	if (code == OK)
		code = read_dense(file, hidden ? LAST "/bias:0" : DENSE "/bias:0", head->classes,
		                  head->owned + below + head_width(head) * head->classes, err);
	if (code != OK) {
		head_free(head);
		return code;
	}
	*out = head;
	return OK;
}

int keras_head_load(struct head **out, const char *path, struct path_list *classes, struct err *err)
{
	struct path_list names = {0};
	struct hdf_file *file;
	int code;

	if (hdf_open(&file, path, err) != OK)
		return err->code;
	code = head_read(out, file, &names, err);
	hdf_close(file);
	if (code != OK) {
		path_list_free(&names);
		return err_wrap(err, "%s", path);
	}
	if (classes)
		*classes = names;
	else
		path_list_free(&names);
	return OK;
}
