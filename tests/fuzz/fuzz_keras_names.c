/*
 * The mapping of a Keras file's names and shapes to layers. The bytes are lines that describe a file, which is then
 * written and read:
 *   L name           a layer of layer_names, with its group
 *   W name T d0 d1 … a weight of the last layer: T = f, d, i or h; at most four sizes
 *   M                layer_names stand at model_weights
 *   A name           an attribute weight_names of the last layer that names a weight which is not there
 */
#include <string.h>

#include "fuzz_file.h"
#include "nn/nn.h"

#define MOST 16
#define MOST_VALUES ((size_t)1 << 17)

struct plan {
	struct hdf_file *file;
	const char *root;
	struct path_list layers, weights;
};

/* Names become paths of HDF5: what that library itself cannot take is not what is looked for. */
static bool name_ok(const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length > 80 || name[0] == '/' || name[0] == '.' || name[length - 1] == '/')
		return false;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || (*c == '/' && (c[1] == '/' || c[1] == '.')))
			return false;
	return true;
}

static void group_of(const struct plan *plan, char out[200])
{
	const char *layer = plan->layers.items[plan->layers.count - 1];
	snprintf(out, 200, "%s%s%s", plan->root, plan->root[0] ? "/" : "", layer);
}

static void close_layer(struct plan *plan)
{
	struct err err = {0};
	char group[200];
	if (plan->layers.count == 0)
		return;
	group_of(plan, group);
	if (!hdf_attr_has(plan->file, group, "weight_names") &&
	    hdf_attr_set_texts(plan->file, group, "weight_names", plan->weights.items, plan->weights.count, &err) != OK)
		return;
	path_list_free(&plan->weights);
}

static void add_layer(struct plan *plan, const char *name)
{
	struct err err = {0};
	char group[200];
	close_layer(plan);
	if (!name_ok(name) || plan->layers.count == MOST || path_list_add(&plan->layers, name, &err) != OK)
		return;
	group_of(plan, group);
	if (!hdf_has(plan->file, group))
		(void)!hdf_group(plan->file, group, &err);
}

static void add_weight(struct plan *plan, char *text)
{
	struct err err = {0};
	char *rest = NULL, *name = strtok_r(text, " ", &rest), *type = name ? strtok_r(NULL, " ", &rest) : NULL;
	struct hdf_shape shape = {.type = type && *type == 'd' ? HDF_F64 : type && *type == 'i' ? HDF_I32 : HDF_F32};
	size_t count = 1;
	for (char *at; type && shape.rank < 4 && (at = strtok_r(NULL, " ", &rest));) {
		size_t dim = (size_t)strtoul(at, NULL, 10);
		shape.dims[shape.rank++] = dim % 1000000000;
		count = dim && count > MOST_VALUES / dim ? MOST_VALUES + 1 : count * dim;
	}
	if (!name || !name_ok(name) || plan->layers.count == 0 || plan->weights.count == MOST || shape.rank == 0 ||
	    count == 0)
		return;
	char group[200], path[300];
	group_of(plan, group);
	snprintf(path, sizeof path, "%s/%s", group, name);
	void *zeros = count <= MOST_VALUES ? calloc(count, sizeof(double)) : NULL;
	/* Of a claim that is too large nothing is stored. */
	int code = hdf_has(plan->file, path) ? OK
	           : zeros                    ? hdf_write(plan->file, path, &shape, zeros, 0, &err)
	                                      : hdf_create_rows(plan->file, path, &shape, 1, 0, &err);
	free(zeros);
	if (code == OK)
		(void)!path_list_add(&plan->weights, name, &err);
}

static void describe(struct plan *plan, char *text)
{
	struct err err = {0};
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == 'M' && plan->layers.count == 0 && !plan->root[0] &&
		    hdf_group(plan->file, "model_weights", &err) == OK)
			plan->root = "model_weights";
		else if (line[0] == 'L' && line[1] == ' ')
			add_layer(plan, line + 2);
		else if (line[0] == 'W' && line[1] == ' ')
			add_weight(plan, line + 2);
		else if (line[0] == 'A' && line[1] == ' ' && plan->weights.count < MOST)
			(void)!path_list_add(&plan->weights, line + 2, &err);
	}
	close_layer(plan);
	(void)!hdf_attr_set_texts(plan->file, plan->root[0] ? plan->root : "/", "layer_names", plan->layers.items,
	                          plan->layers.count, &err);
}

static bool make(const char *path, const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct plan plan = {.root = ""};
	char *text = malloc(size + 1);
	if (!text || hdf_create(&plan.file, path, &err) != OK)
		abort();
	memcpy(text, bytes, size);
	text[size] = '\0';
	describe(&plan, text);
	free(text);
	path_list_free(&plan.layers);
	path_list_free(&plan.weights);
	return hdf_commit(plan.file, &err) == OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct network *network = NULL;
	struct head *head = NULL;
	size_t filled;
	char path[96];
	if (size > 4096)
		return 0;
	fuzz_path(path, "h5");
	log_set_level(LOG_QUIET);
	if (!make(path, bytes, size))
		return 0;
	if (vgg16_new(&network, CUT_BLOCK2_POOL, &err) != OK)
		abort();
	int code = network_read_keras(network, path, &filled, &err);
	if (code != OK && (code != ERR_DATA || !strstr(err.text, path)))
		abort();
	network_free(network);
	err = (struct err){0};
	if (keras_head_load(&head, path, NULL, &err) == OK)
		head_free(head);
	else if (!err.text[0])
		abort();
	unlink(path);
	return 0;
}
