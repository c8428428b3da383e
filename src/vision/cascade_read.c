/* Reading a cascade: which form a file has, what both forms share, and the new form. */
#include "vision/vision_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (64u << 20)

static int read_rect(const struct xml_document *document, const struct xml_node *node, struct haar_rect *out,
                     struct err *err)
{
	double number[5];
	size_t count;
	int code = xml_numbers(document, node, number, 5, &count, err);
	if (code != OK)
		return code;
	bool whole = count == 5;
	for (size_t i = 0; i < 4 && whole; i++)
		whole = number[i] == floor(number[i]) && fabs(number[i]) <= WINDOW_MOST;
	if (!whole)
		return err_set(err, ERR_DATA, "%s:%zu: a rectangle is \"x y w h weight\", x … h whole numbers of the window",
		               document->name, node->line);
	*out = (struct haar_rect){(int)number[0], (int)number[1], (int)number[2], (int)number[3], (float)number[4]};
	return OK;
}

int xml_feature(const struct xml_document *document, const struct xml_node *node, const struct cascade *cascade,
                struct haar_feature *out, struct err *err)
{
	const struct xml_node *rects;
	int code = xml_need(document, node, "rects", &rects, err);
	if (code != OK)
		return code;
	*out = (struct haar_feature){0};
	size_t count = xml_count(rects);
	if (count < 1 || count > HAAR_RECTS)
		return err_set(err, ERR_DATA, "%s:%zu: a feature has %zu rectangles; 1..%d are possible", document->name,
		               rects->line, count, HAAR_RECTS);
	struct haar_rect *rect = out->rects;
	for (const struct xml_node *child = rects->first; child; child = child->next)
		if ((code = read_rect(document, child, rect++, err)) != OK)
			return code;
	const struct xml_node *tilted = xml_child(node, "tilted");
	long turn = 0;
	if (tilted && (code = xml_integer(document, tilted, 0, 1, &turn, err)) != OK)
		return code;
	out->tilted = turn != 0;
	if (haar_feature_check(out, cascade->window_w, cascade->window_h, err) != OK)
		return err_wrap(err, "%s:%zu", document->name, node->line);
	return OK;
}

/* <internalNodes>: "left right feature threshold" a node; <leafValues>: one more than nodes. */
#define TREE_NODES_MOST 256

static int read_tree(const struct xml_document *document, const struct xml_node *node, size_t n_features,
                     struct cascade *cascade, struct err *err)
{
	const struct xml_node *internal, *values;
	double number[4 * TREE_NODES_MOST], leaf[TREE_NODES_MOST + 1];
	struct cascade_node nodes[TREE_NODES_MOST];
	float leaves[TREE_NODES_MOST + 1];
	size_t count, n_leaves;
	int code = xml_need(document, node, "internalNodes", &internal, err);
	if (code == OK)
		code = xml_need(document, node, "leafValues", &values, err);
	if (code == OK)
		code = xml_numbers(document, internal, number, 4 * TREE_NODES_MOST, &count, err);
	if (code == OK)
		code = xml_numbers(document, values, leaf, TREE_NODES_MOST + 1, &n_leaves, err);
	if (code != OK)
		return code;
	if (count == 0 || count % 4 || n_leaves != count / 4 + 1)
		return err_set(err, ERR_DATA, "%s:%zu: %zu numbers of nodes (four each) and %zu leaves are no tree",
		               document->name, internal->line, count, n_leaves);
	for (size_t i = 0; i < count / 4; i++) {
		const double *n = number + 4 * i;
		bool fits = fabs(n[0]) <= TREE_NODES_MOST && fabs(n[1]) <= TREE_NODES_MOST && n[2] >= 0 &&
		            n[2] < CASCADE_NODES_MOST && n[0] == floor(n[0]) && n[1] == floor(n[1]) && n[2] == floor(n[2]);
		if (!fits)
			return err_set(err, ERR_DATA, "%s:%zu: node %zu: left %g, right %g, feature %g are no indices",
			               document->name, internal->line, i, n[0], n[1], n[2]);
		nodes[i] = (struct cascade_node){(int)n[0], (int)n[1], (size_t)n[2], (float)n[3]};
	}
	for (size_t i = 0; i < n_leaves; i++)
		leaves[i] = (float)leaf[i];
	if (cascade_tree_check(nodes, count / 4, n_features, err) != OK)
		return err_wrap(err, "%s:%zu", document->name, internal->line);
	return cascade_add_tree(cascade, nodes, leaves, count / 4, err);
}

static int read_stage(const struct xml_document *document, const struct xml_node *node, size_t n_features,
                      struct cascade *cascade, struct err *err)
{
	const struct xml_node *limit, *weak;
	float threshold;
	int code = xml_need(document, node, "stageThreshold", &limit, err);
	if (code == OK)
		code = xml_need(document, node, "weakClassifiers", &weak, err);
	if (code == OK)
		code = xml_float(document, limit, &threshold, err);
	if (code != OK)
		return code;
	if (cascade_add_stage(cascade, threshold, err) != OK)
		return err_wrap(err, "%s:%zu", document->name, node->line);
	for (const struct xml_node *tree = weak->first; tree; tree = tree->next)
		if ((code = read_tree(document, tree, n_features, cascade, err)) != OK)
			return code;
	if (!weak->first)
		return err_set(err, ERR_DATA, "%s:%zu: a stage without weak classifiers", document->name, weak->line);
	return OK;
}

static int need_word(const struct xml_document *document, const struct xml_node *root, const char *name,
                     const char *word, struct err *err)
{
	const struct xml_node *node;
	int code = xml_need(document, root, name, &node, err);
	if (code != OK)
		return code;
	const char *at = node->text + strspn(node->text, " \t\r\n");
	size_t length = strcspn(at, " \t\r\n");
	if (length == strlen(word) && strncmp(at, word, length) == 0)
		return OK;
	return err_set(err, ERR_DATA, "%s:%zu: <%s> is \"%.*s\"; only %s is read", document->name, node->line, name,
	               (int)(length < 24 ? length : 24), at, word);
}

static int read_window(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                       struct err *err)
{
	const struct xml_node *width, *height, *params;
	long w, h;
	int code = need_word(document, root, "stageType", "BOOST", err);
	if (code == OK)
		code = need_word(document, root, "featureType", "HAAR", err);
	if (code == OK)
		code = xml_need(document, root, "featureParams", &params, err);
	if (code == OK)
		code = xml_need(document, root, "width", &width, err);
	if (code == OK)
		code = xml_need(document, root, "height", &height, err);
	if (code == OK)
		code = xml_integer(document, width, WINDOW_LEAST, WINDOW_MOST, &w, err);
	if (code == OK)
		code = xml_integer(document, height, WINDOW_LEAST, WINDOW_MOST, &h, err);
	return code == OK ? cascade_new(out, (int)w, (int)h, err) : code;
}

int cascade_read_new(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                     struct err *err)
{
	struct cascade *cascade = NULL;
	const struct xml_node *stages, *features;
	int code = read_window(document, root, &cascade, err);
	if (code == OK)
		code = xml_need(document, root, "stages", &stages, err);
	if (code == OK)
		code = xml_need(document, root, "features", &features, err);
	if (code != OK)
		goto out;
	for (const struct xml_node *node = features->first; node; node = node->next) {
		struct haar_feature feature;
		if ((code = xml_feature(document, node, cascade, &feature, err)) != OK ||
		    (code = cascade_add_feature(cascade, &feature, err)) != OK)
			goto out;
	}
	for (const struct xml_node *node = stages->first; node && code == OK; node = node->next)
		code = read_stage(document, node, cascade->n_features, cascade, err);
	if (code == OK) {
		*out = cascade;
		cascade = NULL;
	}
out:
	cascade_free(cascade);
	return code;
}

/* The first element below <opencv_storage> is the cascade, whatever its name; the old form keeps its size in <size>. */
int cascade_parse(struct cascade **out, const void *bytes, size_t size, const char *name, struct err *err)
{
	struct xml_document document;
	struct cascade *cascade = NULL;
	int code = xml_parse(&document, bytes, size, name, err);
	if (code != OK)
		return code;
	const struct xml_node *root = document.root ? document.root->first : NULL;
	if (!root || strcmp(document.root->name, "opencv_storage") != 0)
		code = err_set(err, ERR_DATA, "%s:1: no cascade: the root is not <opencv_storage> with an element in it", name);
	else if (xml_child(root, "size"))
		code = cascade_read_old(&document, root, &cascade, err);
	else
		code = cascade_read_new(&document, root, &cascade, err);
	if (code == OK && (code = cascade_finish(cascade, err)) != OK)
		err_wrap(err, "%s", name);
	xml_free(&document);
	if (code != OK)
		cascade_free(cascade);
	else
		*out = cascade;
	return code;
}

int cascade_load(struct cascade **out, const char *path, struct err *err)
{
	char *bytes;
	size_t size;
	int code = file_read(path, FILE_MOST, &bytes, &size, err);
	if (code != OK)
		return code;
	code = cascade_parse(out, bytes, size, path, err);
	free(bytes);
	return code;
}
