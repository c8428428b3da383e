/* Building, checking and freeing a cascade in memory. */
#include "vision/vision_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int cascade_new(struct cascade **out, int window_w, int window_h, struct err *err)
{
	if (window_w < WINDOW_LEAST || window_h < WINDOW_LEAST || window_w > WINDOW_MOST || window_h > WINDOW_MOST)
		return err_set(err, ERR_DATA, "window %d×%d: each side must be %d..%d", window_w, window_h, WINDOW_LEAST,
		               WINDOW_MOST);
	struct cascade *cascade = mem_alloc(1, sizeof *cascade, err);
	if (!cascade)
		return err->code;
	cascade->window_w = window_w;
	cascade->window_h = window_h;
	*out = cascade;
	return OK;
}

void cascade_free(struct cascade *cascade)
{
	if (!cascade)
		return;
	free(cascade->features);
	free(cascade->nodes);
	free(cascade->leaves);
	free(cascade->trees);
	free(cascade->stages);
	free(cascade);
}

/* Room for `more` elements behind `count`; the array pointer is replaced only on success. */
static int reserve(void **array, size_t *room, size_t count, size_t more, size_t size, struct err *err)
{
	if (count + more <= *room)
		return OK;
	void *grown = mem_grow(*array, room, count + more, size, err);
	if (!grown)
		return err->code;
	*array = grown;
	return OK;
}

int cascade_add_feature(struct cascade *cascade, const struct haar_feature *feature, struct err *err)
{
	void *array = cascade->features;
	int code = reserve(&array, &cascade->feature_room, cascade->n_features, 1, sizeof *feature, err);
	cascade->features = array;
	if (code == OK)
		cascade->features[cascade->n_features++] = *feature;
	return code;
}

int cascade_add_stage(struct cascade *cascade, float threshold, struct err *err)
{
	if (cascade->n_stages >= CASCADE_STAGES_MOST)
		return err_set(err, ERR_DATA, "more than %d stages", CASCADE_STAGES_MOST);
	void *array = cascade->stages;
	int code = reserve(&array, &cascade->stage_room, cascade->n_stages, 1, sizeof *cascade->stages, err);
	cascade->stages = array;
	if (code == OK)
		cascade->stages[cascade->n_stages++] = (struct cascade_stage){threshold, cascade->n_trees, 0};
	return code;
}

int cascade_add_tree(struct cascade *cascade, const struct cascade_node *nodes, const float *leaves, size_t count,
                     struct err *err)
{
	if (cascade->n_nodes + count > CASCADE_NODES_MOST)
		return err_set(err, ERR_DATA, "more than %d tree nodes", CASCADE_NODES_MOST);
	void *array = cascade->nodes;
	int code = reserve(&array, &cascade->node_room, cascade->n_nodes, count, sizeof *nodes, err);
	cascade->nodes = array;
	if (code != OK)
		return code;
	array = cascade->leaves;
	code = reserve(&array, &cascade->leaf_room, cascade->n_leaves, count + 1, sizeof *leaves, err);
	cascade->leaves = array;
	if (code != OK)
		return code;
	array = cascade->trees;
	code = reserve(&array, &cascade->tree_room, cascade->n_trees, 1, sizeof *cascade->trees, err);
	cascade->trees = array;
	if (code != OK)
		return code;
	memcpy(cascade->nodes + cascade->n_nodes, nodes, count * sizeof *nodes);
	memcpy(cascade->leaves + cascade->n_leaves, leaves, (count + 1) * sizeof *leaves);
	cascade->trees[cascade->n_trees++] = (struct cascade_tree){cascade->n_nodes, count, cascade->n_leaves};
	cascade->n_nodes += count;
	cascade->n_leaves += count + 1;
	cascade->stages[cascade->n_stages - 1].trees++;
	return OK;
}

/* All four corners of a tilted rectangle must lie on the window's grid too: left = x − h, right = x + w, bottom = y + w
 * + h. */
int haar_feature_check(const struct haar_feature *feature, int window_w, int window_h, struct err *err)
{
	for (int i = 0; i < HAAR_RECTS; i++) {
		const struct haar_rect *r = &feature->rects[i];
		if (!isfinite(r->weight))
			return err_set(err, ERR_DATA, "rectangle %d has a weight that is no number", i);
		bool sizes = r->x >= 0 && r->y >= 0 && r->w >= 0 && r->h >= 0 && r->x <= window_w && r->y <= window_h &&
		             r->w <= window_w && r->h <= window_h;
		bool inside = sizes && r->x + r->w <= window_w && r->y + r->h <= window_h;
		if (inside && feature->tilted)
			inside = r->x - r->h >= 0 && r->y + r->w + r->h <= window_h;
		if (!inside)
			return err_set(err, ERR_DATA, "%srectangle %d %d %d %d lies outside the window %d×%d",
			               feature->tilted ? "tilted " : "", r->x, r->y, r->w, r->h, window_w, window_h);
	}
	return OK;
}

int cascade_tree_check(const struct cascade_node *nodes, size_t count, size_t n_features, struct err *err)
{
	long reached = 0, leaves = 0;
	for (size_t i = 0; i < count; i++) {
		if (nodes[i].feature >= n_features)
			return err_set(err, ERR_DATA, "node %zu uses feature %zu of %zu", i, nodes[i].feature, n_features);
		if (!isfinite(nodes[i].threshold))
			return err_set(err, ERR_DATA, "node %zu has a threshold that is no number", i);
		const int child[2] = {nodes[i].left, nodes[i].right};
		for (int side = 0; side < 2; side++) {
			if (child[side] > 0 && ((size_t)child[side] >= count || (size_t)child[side] <= i))
				return err_set(err, ERR_DATA, "node %zu leads to node %d: a child must come later, below %zu", i,
				               child[side], count);
			if (child[side] <= 0 && (size_t) - (long)child[side] > count)
				return err_set(err, ERR_DATA, "node %zu leads to leaf %ld of %zu", i, -(long)child[side], count + 1);
			reached += child[side] > 0;
			leaves += child[side] <= 0;
		}
	}
	if (reached != (long)count - 1 || leaves != (long)count + 1)
		return err_set(err, ERR_DATA, "a tree of %zu nodes has %ld links to nodes and %ld to leaves", count, reached,
		               leaves);
	return OK;
}

static int stage_check(const struct cascade *cascade, size_t s, struct err *err)
{
	const struct cascade_stage *stage = &cascade->stages[s];
	if (!isfinite(stage->threshold))
		return err_set(err, ERR_DATA, "stage %zu: the threshold is no number", s);
	if (stage->trees == 0)
		return err_set(err, ERR_DATA, "stage %zu has no weak classifier", s);
	for (size_t t = stage->first_tree; t < stage->first_tree + stage->trees; t++) {
		const struct cascade_tree *tree = &cascade->trees[t];
		if (cascade_tree_check(cascade->nodes + tree->first_node, tree->nodes, cascade->n_features, err) != OK)
			return err_wrap(err, "stage %zu, weak classifier %zu", s, t - stage->first_tree);
	}
	return OK;
}

int cascade_check(const struct cascade *cascade, struct err *err)
{
	if (cascade->n_stages == 0)
		return err_set(err, ERR_DATA, "the cascade has no stage");
	for (size_t i = 0; i < cascade->n_features; i++)
		if (haar_feature_check(&cascade->features[i], cascade->window_w, cascade->window_h, err) != OK)
			return err_wrap(err, "feature %zu", i);
	for (size_t i = 0; i < cascade->n_leaves; i++)
		if (!isfinite(cascade->leaves[i]))
			return err_set(err, ERR_DATA, "leaf %zu is no number", i);
	for (size_t s = 0; s < cascade->n_stages; s++)
		if (stage_check(cascade, s, err) != OK)
			return err->code;
	return OK;
}

int cascade_finish(struct cascade *cascade, struct err *err)
{
	cascade->max_nodes = 0;
	cascade->tilted = false;
	for (size_t i = 0; i < cascade->n_trees; i++)
		if (cascade->trees[i].nodes > cascade->max_nodes)
			cascade->max_nodes = cascade->trees[i].nodes;
	for (size_t i = 0; i < cascade->n_features; i++)
		cascade->tilted = cascade->tilted || cascade->features[i].tilted;
	return cascade_check(cascade, err);
}
