/*
 * The kernels of the detector, written once over lanes: included by scan_avx512.c, scan_avx2.c and scan_portable.c
 * after the lanes_*_internal.h of their processor. Lanes are neighbouring windows of a row (or pixels); each lane does
 * the arithmetic of window.c in its order, so the results are the same bits.
 */
#include "vision/scan_internal.h"

#include <string.h>

_Static_assert(SCAN_CHUNK % (LANES * GROUP) == 0, "a chunk is cut into whole groups");

#define BLOCK_MASK ((UINT64_C(1) << LANES) - 1)
#define GROUP_MASK (GROUP * LANES == 64 ? ~UINT64_C(0) : (UINT64_C(1) << (GROUP * LANES % 64)) - 1)
/* With fewer windows of a block left than this, they are judged one at a time. */
#define BLOCK_LEAST 2
/* With more windows of a chunk left than this, its groups are judged whole. */
#define CHUNK_MANY 28

/* ---- pixels ---------------------------------------------------------------------------- */

static void blend_rows(const struct row_blend *blend, uint16_t *restrict out)
{
	const uint8_t *top = blend->top, *bottom = blend->bottom;
	uint16_t far = blend->share, near = (uint16_t)(256 - far);
	for (size_t x = 0; x < blend->width; x++)
		out[x] = (uint16_t)(top[x] * near + bottom[x] * far);
}

static void resample_row(const uint16_t *row, const struct resize_taps *taps, size_t width, uint8_t *out)
{
	for (size_t x = 0; x < width; x += LANES) {
		lanes_int pair = lanes_pairs(row, taps->near + x), left = lanes_low_halves(pair);
		lanes_int slope = lanes_sub(lanes_high_halves(pair), left);
		lanes_int mix = lanes_times(slope, lanes_load(taps->share + x));
		lanes_int sum = lanes_add(lanes_times(left, lanes_int_splat(256)), mix);
		lanes_store_bytes(out + x, lanes_high_halves(lanes_add(sum, lanes_int_splat(32768))));
	}
}

static void integral_row(const uint8_t *grey, size_t width, const struct integral_rows *rows)
{
	lanes_int carry = lanes_int_splat(0), carry_squares = carry;
	for (size_t x = 0; x < width; x += LANES) {
		lanes_int value = lanes_bytes(grey + x);
		lanes_int sum = lanes_add(lanes_prefix(value), carry);
		lanes_int squares = lanes_add(lanes_prefix(lanes_times(value, value)), carry_squares);
		carry = lanes_last(sum);
		carry_squares = lanes_last(squares);
		lanes_store(rows->sum + x + 1, lanes_add(sum, lanes_load(rows->sum_above + x + 1)));
		lanes_store(rows->squares + x + 1, lanes_add(squares, lanes_load(rows->squares_above + x + 1)));
	}
}

static void split_row(const uint32_t *row, size_t count, size_t half, uint32_t *restrict out)
{
	for (size_t i = 0; i < (count + 1) / 2; i++) {
		out[i] = row[2 * i];
		out[half + i] = row[2 * i + 1];
	}
}

/* ---- windows ----------------------------------------------------------------------------- */

static inline lanes_int box_lanes(const uint32_t *at, const int32_t corner[4])
{
	lanes_int top = lanes_sub(lanes_load(at + corner[0]), lanes_load(at + corner[1]));
	return lanes_add(lanes_sub(top, lanes_load(at + corner[2])), lanes_load(at + corner[3]));
}

static inline lanes_float part_lanes(const struct node_plan *node, int rect, const uint32_t *at)
{
	return lanes_mul(lanes_splat(node->weight[rect]), lanes_from_int(box_lanes(at, node->corner + 4 * rect)));
}

/* Which windows lie below the node's threshold. */
static inline lanes_mask node_lanes(const struct node_plan *node, const uint32_t *at, lanes_float scale)
{
	lanes_float value = lanes_plus(part_lanes(node, 0, at), part_lanes(node, 1, at));
	if (node->rects == 3)
		value = lanes_plus(value, part_lanes(node, 2, at));
	return lanes_less(lanes_mul(value, scale), lanes_splat(node->threshold));
}

/* Upright and tilted sums from `offset` on. */
static inline void corners_at(const struct integral *integral, size_t offset, const uint32_t *at[2])
{
	at[0] = integral->sum + offset;
	at[1] = integral->tilted ? integral->tilted + offset : NULL;
}

/* Windows at offset + 0 … blocks·LANES − 1 through a stage of stumps: the bits of those that pass. */
static inline uint64_t stumps_pass(const struct scan *scan, size_t s, size_t offset, const float *scales, int blocks)
{
	const struct window_plan *plan = scan->plan;
	const struct cascade_stage *stage = &plan->cascade->stages[s];
	const struct node_plan *node = plan->nodes + plan->cascade->trees[stage->first_tree].first_node;
	const uint32_t *at[2];
	corners_at(scan->integral, offset, at);
	struct lanes_double sum[GROUP];
	lanes_float scale[GROUP];
	for (int b = 0; b < blocks; b++) {
		sum[b] = lanes_double_zero();
		scale[b] = lanes_load_float(scales + b * LANES);
	}
	for (size_t t = 0; t < stage->trees; t++, node++) {
		const uint32_t *from = at[node->tilted];
		for (int b = 0; b < blocks; b++)
			sum[b] = lanes_add_leaf(sum[b], node_lanes(node, from + b * LANES, scale[b]), node->leaf);
	}
	uint64_t passed = 0;
	for (int b = 0; b < blocks; b++)
		passed |= (uint64_t)lanes_reach(sum[b], stage_limit(stage)) << (b * LANES);
	return passed;
}

/* The leaf each window falls into. Children come after their parent, so one pass over the nodes reaches them all. */
static inline lanes_float tree_lanes(const struct window_plan *plan, const struct cascade_tree *tree,
                                     const uint32_t *const at[2], lanes_float scale)
{
	const struct node_plan *nodes = plan->nodes + tree->first_node;
	const float *leaves = plan->cascade->leaves + tree->first_leaf;
	lanes_mask reached[SCAN_TREE_MOST];
	lanes_float leaf = lanes_splat(0);
	reached[0] = lanes_all();
	for (size_t n = 0; n < tree->nodes; n++) {
		lanes_mask less = node_lanes(&nodes[n], at[nodes[n].tilted], scale);
		const lanes_mask go[2] = {lanes_and(less, reached[n]), lanes_and_not(less, reached[n])};
		const int32_t child[2] = {nodes[n].left, nodes[n].right};
		for (int side = 0; side < 2; side++) {
			if (child[side] > 0)
				reached[child[side]] = go[side];
			else
				leaf = lanes_pick(go[side], lanes_splat(leaves[-child[side]]), leaf);
		}
	}
	return leaf;
}

static uint64_t trees_pass(const struct scan *scan, size_t s, size_t offset, const float *scales)
{
	const struct window_plan *plan = scan->plan;
	const struct cascade_stage *stage = &plan->cascade->stages[s];
	const struct cascade_tree *tree = plan->cascade->trees + stage->first_tree;
	const uint32_t *at[2];
	corners_at(scan->integral, offset, at);
	lanes_float scale = lanes_load_float(scales);
	struct lanes_double sum = lanes_double_zero();
	for (size_t t = 0; t < stage->trees; t++)
		sum = lanes_add_wide(sum, tree_lanes(plan, tree + t, at, scale));
	return lanes_reach(sum, stage_limit(stage));
}

static uint64_t group_pass(const struct scan *scan, size_t s, size_t offset, const float *scales)
{
	uint64_t passed = 0;
	if (scan->stumps)
		return stumps_pass(scan, s, offset, scales, GROUP);
	for (size_t b = 0; b < GROUP; b++)
		passed |= trees_pass(scan, s, offset + b * LANES, scales + b * LANES) << (b * LANES);
	return passed;
}

/* One stage over a chunk: blocks begin at the first window that is left, so that few are needed. */
static uint64_t chunk_stage(const struct scan *scan, size_t s, size_t offset, const float *scales, uint64_t alive,
                            uint64_t *single)
{
	uint64_t passed = 0;
	while (alive) {
		int b = __builtin_ctzll(alive);
		uint64_t span = alive >> b & BLOCK_MASK, out;
		alive &= ~(span << b);
		if (__builtin_popcountll(span) < BLOCK_LEAST) {
			*single |= span << b;
			continue;
		}
		if (scan->stumps)
			out = stumps_pass(scan, s, offset + (size_t)b, scales + b, 1);
		else
			out = trees_pass(scan, s, offset + (size_t)b, scales + b);
		passed |= (out & span) << b;
	}
	return passed;
}

static uint64_t chunk_groups(const struct scan *scan, size_t s, size_t offset, const float *scales, uint64_t alive)
{
	uint64_t passed = 0;
	for (size_t g = 0; g < SCAN_CHUNK; g += GROUP * LANES)
		if (alive >> g & GROUP_MASK)
			passed |= group_pass(scan, s, offset + g, scales + g) << g;
	return passed & alive;
}

/* The windows of a chunk that pass all stages after the first. */
static uint64_t chunk_finish(const struct scan *scan, size_t offset, const float *scales, uint64_t alive)
{
	size_t stages = scan->plan->cascade->n_stages;
	uint64_t passed = 0;
	for (size_t s = 1; s < stages && alive; s++) {
		uint64_t single = 0;
		if (__builtin_popcountll(alive) >= CHUNK_MANY)
			alive = chunk_groups(scan, s, offset, scales, alive);
		else
			alive = chunk_stage(scan, s, offset, scales, alive, &single);
		for (; single; single &= single - 1) {
			size_t i = (size_t)__builtin_ctzll(single);
			if (scan_window_passes(scan, s, offset + i, scales[i]))
				passed |= single & -single;
		}
	}
	return passed | alive;
}

static uint64_t chunk_scales(const struct scan *scan, size_t offset, float *scales)
{
	const struct window_plan *plan = scan->plan;
	uint64_t rough = 0;
	for (size_t i = 0; i < SCAN_CHUNK; i += LANES) {
		lanes_int sum = box_lanes(scan->integral->sum + offset + i, plan->norm);
		lanes_int squares = box_lanes(scan->integral->squares + offset + i, plan->norm);
		lanes_float scale = lanes_scale(sum, squares, plan->area, FLAT_LIMIT);
		lanes_store_float(scales + i, scale);
		rough |= (uint64_t)lanes_nonzero(scale) << i;
	}
	return rough;
}

static void scan_row(const struct scan *scan, size_t offset, float *scales, uint64_t *passed)
{
	bool skip = false;
	for (size_t x = 0; x < scan->windows; x += SCAN_CHUNK) {
		size_t left = scan->windows - x, first = offset + x;
		uint64_t inside = left < SCAN_CHUNK ? (UINT64_C(1) << left) - 1 : ~UINT64_C(0);
		uint64_t rough = chunk_scales(scan, first, scales + x) & inside;
		uint64_t alive = chunk_groups(scan, 0, first, scales + x, rough);
		alive = scan_visited(alive, ~alive & rough, &skip);
		passed[x / SCAN_CHUNK] = alive ? chunk_finish(scan, first, scales + x, alive) : 0;
	}
}
