/*
 * The form that haartraining wrote: each node of each tree carries its own feature. Stage trees (<parent>, <next>)
 * are read as the plain chain of their stages, as OpenCV does.
 */
#include "vision/vision_internal.h"

#include <stdlib.h>

#define OLD_NODES_MOST 256

struct old_tree {
	struct cascade_node nodes[OLD_NODES_MOST];
	float leaves[OLD_NODES_MOST + 1];
	size_t n_nodes, n_leaves;
};

/* One side of a node: <left_val>v</left_val> makes a new leaf, <left_node>i</left_node> leads to a node. */
static int read_side(const struct xml_document *document, const struct xml_node *node, bool is_left,
                     struct old_tree *tree, int *child, struct err *err)
{
	const char *value = is_left ? "left_val" : "right_val", *link = is_left ? "left_node" : "right_node";
	const struct xml_node *at = xml_child(node, link);
	long target;
	if (at) {
		int code = xml_integer(document, at, 1, OLD_NODES_MOST - 1, &target, err);
		*child = (int)target;
		return code;
	}
	int code = xml_need(document, node, value, &at, err);
	if (code != OK)
		return code;
	*child = -(int)tree->n_leaves;
	if (tree->n_leaves > OLD_NODES_MOST)
		return err_set(err, ERR_DATA, "%s:%zu: too many leaves in a tree", document->name, at->line);
	return xml_float(document, at, &tree->leaves[tree->n_leaves++], err);
}

static int read_node(const struct xml_document *document, const struct xml_node *node, struct cascade *cascade,
                     struct old_tree *tree, struct err *err)
{
	const struct xml_node *feature_node, *threshold;
	struct haar_feature feature;
	if (tree->n_nodes == OLD_NODES_MOST)
		return err_set(err, ERR_DATA, "%s:%zu: more than %d nodes in a tree", document->name, node->line,
		               OLD_NODES_MOST);
	struct cascade_node *out = &tree->nodes[tree->n_nodes++];
	out->feature = cascade->n_features;
	int code = xml_need(document, node, "feature", &feature_node, err);
	if (code == OK)
		code = xml_need(document, node, "threshold", &threshold, err);
	if (code == OK)
		code = xml_feature(document, feature_node, cascade, &feature, err);
	if (code == OK)
		code = cascade_add_feature(cascade, &feature, err);
	if (code == OK)
		code = xml_float(document, threshold, &out->threshold, err);
	if (code == OK)
		code = read_side(document, node, true, tree, &out->left, err);
	if (code == OK)
		code = read_side(document, node, false, tree, &out->right, err);
	return code;
}

static int read_tree(const struct xml_document *document, const struct xml_node *node, struct cascade *cascade,
                     struct old_tree *tree, struct err *err)
{
	tree->n_nodes = tree->n_leaves = 0;
	for (const struct xml_node *child = node->first; child; child = child->next) {
		int code = read_node(document, child, cascade, tree, err);
		if (code != OK)
			return code;
	}
	if (cascade_tree_check(tree->nodes, tree->n_nodes, cascade->n_features, err) != OK)
		return err_wrap(err, "%s:%zu", document->name, node->line);
	return cascade_add_tree(cascade, tree->nodes, tree->leaves, tree->n_nodes, err);
}

static int read_stage(const struct xml_document *document, const struct xml_node *node, struct cascade *cascade,
                      struct old_tree *tree, struct err *err)
{
	const struct xml_node *trees, *limit;
	float threshold;
	int code = xml_need(document, node, "trees", &trees, err);
	if (code == OK)
		code = xml_need(document, node, "stage_threshold", &limit, err);
	if (code == OK)
		code = xml_float(document, limit, &threshold, err);
	if (code != OK)
		return code;
	if (cascade_add_stage(cascade, threshold, err) != OK)
		return err_wrap(err, "%s:%zu", document->name, node->line);
	for (const struct xml_node *child = trees->first; child && code == OK; child = child->next)
		code = read_tree(document, child, cascade, tree, err);
	return code;
}

static int read_size(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                     struct err *err)
{
	const struct xml_node *size;
	double number[2];
	size_t count;
	int code = xml_need(document, root, "size", &size, err);
	if (code == OK)
		code = xml_numbers(document, size, number, 2, &count, err);
	if (code != OK)
		return code;
	for (size_t i = 0; i < count; i++)
		if (!(number[i] >= WINDOW_LEAST && number[i] <= WINDOW_MOST) || number[i] != (int)number[i])
			count = 0;
	if (count != 2)
		return err_set(err, ERR_DATA, "%s:%zu: <size> must be two whole numbers %d..%d", document->name, size->line,
		               WINDOW_LEAST, WINDOW_MOST);
	return cascade_new(out, (int)number[0], (int)number[1], err);
}

int cascade_read_old(const struct xml_document *document, const struct xml_node *root, struct cascade **out,
                     struct err *err)
{
	struct cascade *cascade = NULL;
	const struct xml_node *stages;
	struct old_tree *tree = mem_alloc(1, sizeof *tree, err);
	if (!tree)
		return err->code;
	int code = read_size(document, root, &cascade, err);
	if (code == OK)
		code = xml_need(document, root, "stages", &stages, err);
	if (code != OK)
		goto out;
	for (const struct xml_node *node = stages->first; node && code == OK; node = node->next)
		code = read_stage(document, node, cascade, tree, err);
	if (code == OK) {
		*out = cascade;
		cascade = NULL;
	}
out:
	cascade_free(cascade);
	free(tree);
	return code;
}
