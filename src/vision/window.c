/*
 * Judging one window. The arithmetic is OpenCV 4.6's to the bit: box sums are 32-bit integers turned into floats, each
 * product and sum of a feature is rounded to float from left to right, a stage's leaves are summed in double.
 */
#include "vision/vision_internal.h"

#include <math.h>

static int32_t place(struct grid grid, long x, long y)
{
	long column = grid.half ? (x % 2) * (long)grid.half + x / 2 : x;
	return (int32_t)(y * (long)grid.stride + column);
}

void box_corners(int32_t corner[4], const struct haar_rect *rect, bool tilted, struct grid grid)
{
	long x = rect->x, y = rect->y, w = rect->w, h = rect->h;
	corner[0] = place(grid, x, y);
	corner[1] = tilted ? place(grid, x - h, y + h) : place(grid, x + w, y);
	corner[2] = tilted ? place(grid, x + w, y + w) : place(grid, x, y + h);
	corner[3] = tilted ? place(grid, x + w - h, y + w + h) : place(grid, x + w, y + h);
}

static void node_plan_build(struct node_plan *to, const struct cascade_node *node, const struct haar_feature *feature,
                            struct grid grid)
{
	for (int r = 0; r < HAAR_RECTS; r++) {
		box_corners(to->corner + 4 * r, &feature->rects[r], feature->tilted, grid);
		to->weight[r] = feature->rects[r].weight;
	}
	to->threshold = node->threshold;
	to->left = node->left;
	to->right = node->right;
	to->tilted = feature->tilted;
	to->rects = feature->rects[2].weight != 0 ? 3 : 2;
}

void window_plan_build(struct window_plan *plan, struct grid grid)
{
	const struct cascade *cascade = plan->cascade;
	struct haar_rect norm = {1, 1, cascade->window_w - 2, cascade->window_h - 2, 0};
	box_corners(plan->norm, &norm, false, grid);
	plan->area = (double)norm.w * norm.h;
	plan->grid = grid;
	for (size_t t = 0; t < cascade->n_trees; t++) {
		const struct cascade_tree *tree = &cascade->trees[t];
		const float *leaves = cascade->leaves + tree->first_leaf;
		for (size_t i = tree->first_node; i < tree->first_node + tree->nodes; i++) {
			const struct cascade_node *node = &cascade->nodes[i];
			node_plan_build(&plan->nodes[i], node, &cascade->features[node->feature], grid);
			plan->nodes[i].leaf[0] = node->left > 0 ? 0 : leaves[-node->left];
			plan->nodes[i].leaf[1] = node->right > 0 ? 0 : leaves[-node->right];
		}
	}
}

static inline uint32_t box_sum(const uint32_t *at, const int32_t corner[4])
{
	return at[corner[0]] - at[corner[1]] - at[corner[2]] + at[corner[3]];
}

/* (float)(1 / sqrt(A·Σx² − (Σx)²)) over the norm rectangle of area A. */
static inline float scale_of(const uint32_t *sum, const uint32_t *squares, const int32_t corner[4], double area)
{
	int32_t total = (int32_t)box_sum(sum, corner);
	uint32_t total_squares = box_sum(squares, corner);
	double spread = area * total_squares - (double)total * total;
	if (spread <= 0)
		return 0;
	float scale = (float)(1.0 / sqrt(spread));
	return area * scale < FLAT_LIMIT ? scale : 0;
}

float window_scale(const struct window_plan *plan, const struct integral *integral, size_t offset)
{
	return scale_of(integral->sum + offset, integral->squares + offset, plan->norm, plan->area);
}

static inline float node_value(const struct node_plan *node, const struct integral *integral, size_t offset,
                               float scale)
{
	const uint32_t *at = (node->tilted ? integral->tilted : integral->sum) + offset;
	float value = node->weight[0] * (float)(int32_t)box_sum(at, node->corner) +
	              node->weight[1] * (float)(int32_t)box_sum(at, node->corner + 4);
	if (node->rects == 3)
		value += node->weight[2] * (float)(int32_t)box_sum(at, node->corner + 8);
	return value * scale;
}

static inline float tree_leaf(const struct window_plan *plan, const struct cascade_tree *tree,
                              const struct integral *integral, size_t offset, float scale)
{
	const struct node_plan *nodes = plan->nodes + tree->first_node;
	int32_t at = 0;
	do {
		const struct node_plan *node = nodes + at;
		at = node_value(node, integral, offset, scale) < node->threshold ? node->left : node->right;
	} while (at > 0);
	return plan->cascade->leaves[tree->first_leaf + (size_t)-at];
}

/* Choosing the leaf by index, not by branch: which way a window goes cannot be foretold. */
static double stumps_sum(const struct node_plan *node, size_t count, const struct integral *integral, size_t offset,
                         float scale)
{
	double total = 0;
	for (const struct node_plan *end = node + count; node < end; node++)
		total += node->leaf[!(node_value(node, integral, offset, scale) < node->threshold)];
	return total;
}

double window_stage_sum(const struct window_plan *plan, const struct integral *integral, size_t offset, float scale,
                        size_t stage)
{
	const struct cascade_stage *wanted = &plan->cascade->stages[stage];
	const struct cascade_tree *tree = plan->cascade->trees + wanted->first_tree;
	double total = 0;
	if (plan->cascade->max_nodes == 1)
		return stumps_sum(plan->nodes + tree->first_node, wanted->trees, integral, offset, scale);
	for (size_t t = 0; t < wanted->trees; t++)
		total += tree_leaf(plan, tree + t, integral, offset, scale);
	return total;
}

int window_judge(const struct window_plan *plan, const struct integral *integral, size_t offset, float scale,
                 double *sum)
{
	const struct cascade *cascade = plan->cascade;
	double total = 0;
	for (size_t s = 0; s < cascade->n_stages; s++) {
		total = window_stage_sum(plan, integral, offset, scale, s);
		if (total < stage_limit(&cascade->stages[s]))
			return -(int)s;
	}
	*sum = total;
	return 1;
}

static float feature_ref(const struct haar_feature *feature, const struct integral *integral, size_t offset,
                         float scale)
{
	const uint32_t *at = (feature->tilted ? integral->tilted : integral->sum) + offset;
	float value = 0;
	for (int r = 0; r < HAAR_RECTS; r++) {
		int32_t corner[4];
		if (r == 2 && feature->rects[r].weight == 0)
			break;
		box_corners(corner, &feature->rects[r], feature->tilted, (struct grid){integral->stride, 0});
		float part = feature->rects[r].weight * (float)(int32_t)box_sum(at, corner);
		value = r == 0 ? part : value + part;
	}
	return value * scale;
}

int cascade_window_ref(const struct cascade *cascade, const struct integral *integral, size_t x, size_t y, double *sum)
{
	size_t offset = y * integral->stride + x;
	struct haar_rect norm = {1, 1, cascade->window_w - 2, cascade->window_h - 2, 0};
	int32_t corner[4];
	box_corners(corner, &norm, false, (struct grid){integral->stride, 0});
	float scale = scale_of(integral->sum + offset, integral->squares + offset, corner, (double)norm.w * norm.h);
	if (scale == 0)
		return -1;
	for (size_t s = 0; s < cascade->n_stages; s++) {
		const struct cascade_stage *stage = &cascade->stages[s];
		*sum = 0;
		for (size_t t = stage->first_tree; t < stage->first_tree + stage->trees; t++) {
			const struct cascade_tree *tree = &cascade->trees[t];
			int at = 0;
			do {
				const struct cascade_node *node = &cascade->nodes[tree->first_node + (size_t)at];
				float value = feature_ref(&cascade->features[node->feature], integral, offset, scale);
				at = value < node->threshold ? node->left : node->right;
			} while (at > 0);
			*sum += cascade->leaves[tree->first_leaf + (size_t)-at];
		}
		if (*sum < stage_limit(stage))
			return -(int)s;
	}
	return 1;
}
