/*
 * The kernels of the blocked convolutions, written once over a vector type and compiled three times.
 *
 * The including file defines: vec (a vector of LANES floats), vec_load, vec_store, vec_set (one number in all lanes),
 * vec_add, vec_sub, vec_mul, vec_fma (a·b + c), vec_fnma (c − a·b), vec_max; LANES (4, 8 or 16); ROWS × COLUMNS, the
 * accumulators of the product kernel, rows by vectors; DEPTH, the input channels of a packed panel, such that a panel
 * stays in the first-level cache; and KERNELS, the name of its table. With HALF: vec_load_half (float16 in memory) and
 * vec_store_half.
 *
 * The transforms are in winograd_lines_internal.h.
 */
#include "num/winograd_internal.h"

#include <float.h>

#define INLINE static inline __attribute__((always_inline))
#define PANEL (COLUMNS * LANES)
#define ASKERS 4 /* row groups that call for the next panel, each for its share */

static size_t at_most(size_t value, size_t limit)
{
	return value < limit ? value : limit;
}

/* Row groups of a task: of nearly the same size, since a lone last row would cost as much as several. */
static size_t winograd_groups(size_t rows)
{
	return (rows + ROWS - 1) / ROWS;
}

#include "num/winograd_lines_internal.h"

/* ---- Bᵀ d B: rows first, then columns ---- */

/* from: [side] rows `row` floats apart, of [side][BLOCK]; to: a vector a position, `step` floats apart. */
INLINE void input_tile(line_transform *line, size_t side, const float *from, size_t row, float *to, size_t step)
{
	for (size_t lane = 0; lane < BLOCK; lane += LANES) {
		vec turned[WINOGRAD_SIDE][WINOGRAD_SIDE], in[WINOGRAD_SIDE], out[WINOGRAD_SIDE];
		for (size_t y = 0; y < side; y++) {
			for (size_t x = 0; x < side; x++)
				in[x] = vec_load(from + y * row + x * BLOCK + lane);
			line(in, out);
			for (size_t x = 0; x < side; x++)
				turned[x][y] = out[x];
		}
		for (size_t x = 0; x < side; x++) {
			line(turned[x], out);
			for (size_t y = 0; y < side; y++)
				vec_store(to + (y * side + x) * step + lane, out[y]);
		}
	}
}

static void input_tile_of(size_t tile, const float *from, size_t row, float *to, size_t step)
{
	if (tile == 6)
		input_tile(input_line_6, 8, from, row, to, step);
	else if (tile == 4)
		input_tile(input_line_4, 6, from, row, to, step);
	else if (tile == 3)
		input_tile(input_line_3, 5, from, row, to, step);
	else
		input_tile(input_line_2, 4, from, row, to, step);
}

/* The tile's inputs where some lie beyond the map: zeros there. top and left may be −1. */
static void copy_edge(const struct winograd *layer, const float *map, long top, long left, float *to)
{
	long side = (long)layer->side, height = (long)layer->shape.height, width = (long)layer->shape.width;
	for (long y = top; y < top + side; y++) {
		for (long x = left; x < left + side; x++, to += BLOCK) {
			bool inside = y >= 0 && y < height && x >= 0 && x < width;
			for (size_t lane = 0; lane < BLOCK; lane += LANES)
				vec_store(to + lane, inside ? vec_load(map + (y * width + x) * BLOCK + (long)lane) : vec_set(0.0f));
		}
	}
}

/* A tile's place among the inputs: tasks, and in them row groups, lie one behind the other; a group is
 * [in/BLOCK][rows][BLOCK], the order in which the product reads it. *stride: floats from block to block. */
static float *gather_place(const struct winograd_tiles *tiles, size_t in, size_t tile, size_t *stride)
{
	size_t task = tile / tiles->task * tiles->task, rows = at_most(tiles->task, tiles->count - task);
	size_t groups = winograd_groups(rows), g = ((tile - task + 1) * groups - 1) / rows;
	size_t row = rows * g / groups, count = rows * (g + 1) / groups - row;
	*stride = count * BLOCK;
	return tiles->values + (task + row) * in + (tile - task - row) * BLOCK;
}

static void gather(const struct winograd *layer, const float *input, const struct winograd_tiles *tiles, size_t first,
                   size_t last)
{
	const struct winograd_shape *shape = &layer->shape;
	size_t side = layer->side, plane = shape->height * shape->width * BLOCK;
	float edge[WINOGRAD_SIDE * WINOGRAD_SIDE * BLOCK] __attribute__((aligned(64)));
	for (size_t i = first; i < last; i++) {
		size_t tile = tiles->first + i, place = tile % layer->tiles;
		long top = (long)(place / layer->tiles_x * shape->tile) - 1;
		long left = (long)(place % layer->tiles_x * shape->tile) - 1;
		bool inside =
		    top >= 0 && left >= 0 && top + (long)side <= (long)shape->height && left + (long)side <= (long)shape->width;
		const float *picture = input + tile / layer->tiles * (shape->in / BLOCK) * plane;
		size_t stride;
		float *to = gather_place(tiles, shape->in, i, &stride);
		for (size_t block = 0; block < shape->in / BLOCK; block++) {
			const float *from = picture + block * plane;
			if (inside)
				from += (top * (long)shape->width + left) * BLOCK;
			else
				copy_edge(layer, from, top, left, edge);
			input_tile_of(shape->tile, inside ? from : edge, inside ? shape->width * BLOCK : side * BLOCK,
			              to + block * stride, tiles->step);
		}
	}
}

/* ---- the products ---- */

/* C[rows][PANEL] (+)= A · B[depth][PANEL], A being [depth/BLOCK][rows][BLOCK]. While it runs, it calls for a part of
 * the next panel, which comes out of memory (A, from the caches, comes fast enough by itself; calling for it measured
 * slower). B is float, or float16 times a scale, which the last part of the depth takes out. */
struct product {
	const float *a;
	const void *b, *next_b;
	size_t next_bytes; /* of next_b, for each block of channels */
	float *c;
	size_t depth;
	float unscale;
	bool add;
};

#ifdef HALF
#define LOAD_B(b, half) ((half) ? vec_load_half(b) : vec_load(b))
#else
#define LOAD_B(b, half) vec_load(b)
#endif
#define CACHE_LINE 64

INLINE size_t b_size(bool half)
{
	return half ? sizeof(uint16_t) : sizeof(float);
}

INLINE void product_rows(const struct product *product, size_t rows, bool half)
{
	const float *a = product->a;
	const char *b = product->b;
	float *c = product->c;
	vec sum[ROWS][COLUMNS];
#pragma GCC unroll 8
	for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (size_t j = 0; j < COLUMNS; j++)
			sum[r][j] = product->add ? vec_load(c + r * SLICE + j * LANES) : vec_set(0.0f);
	for (size_t block = 0; block < product->depth / BLOCK; block++, a += rows * BLOCK) {
		for (size_t next = 0; next < product->next_bytes; next += CACHE_LINE)
			__builtin_prefetch((const char *)product->next_b + block * product->next_bytes + next);
		for (size_t k = 0; k < BLOCK; k++, b += PANEL * b_size(half)) {
			vec right[COLUMNS];
#pragma GCC unroll 4
			for (size_t j = 0; j < COLUMNS; j++)
				right[j] = LOAD_B((const void *)(b + j * LANES * b_size(half)), half);
#pragma GCC unroll 8
			for (size_t r = 0; r < rows; r++) {
				vec left = vec_set(a[r * BLOCK + k]);
#pragma GCC unroll 4
				for (size_t j = 0; j < COLUMNS; j++)
					sum[r][j] = vec_fma(left, right[j], sum[r][j]);
			}
		}
	}
	vec unscale = vec_set(product->unscale);
#pragma GCC unroll 8
	for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (size_t j = 0; j < COLUMNS; j++)
			vec_store(c + r * SLICE + j * LANES, half ? vec_mul(sum[r][j], unscale) : sum[r][j]);
}

INLINE void product_any(const struct product *product, size_t rows, bool half)
{
	switch (rows) {
	case 1:
		product_rows(product, 1, half);
		break;
	case 2:
		product_rows(product, 2, half);
		break;
	case 3:
		product_rows(product, 3, half);
		break;
	case 4:
		product_rows(product, 4, half);
		break;
	case 5:
		product_rows(product, 5, half);
		break;
	default:
		product_rows(product, 6, half);
	}
}

static void product_float(const struct product *product, size_t rows)
{
	product_any(product, rows, false);
}

#ifdef HALF
static void product_half(const struct product *product, size_t rows)
{
	product_any(product, rows, true);
}

static void halve(const float *from, size_t count, float scale, uint16_t *to)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store_half(to + i, vec_mul(vec_load(from + i), vec_set(scale)));
}
#else
#define product_half product_float
#endif

/* One position of a slice, its packed panels being `part`, by the rows of one task. Each row group of the inputs asks
 * for its share of the panel behind the current one; panels lie in the order in which they are used. */
static void multiply_position(const struct winograd *layer, size_t part, const float *from, float *to, size_t rows)
{
	size_t in = layer->shape.in, groups = winograd_groups(rows), size = b_size(layer->half);
	size_t share = PANEL / at_most(groups, ASKERS);
	const char *kernel = layer->half ? (const char *)layer->half : (const char *)layer->kernel;
	kernel += part * in * SLICE * size;
	for (size_t first = 0; first < in; first += DEPTH) {
		size_t depth = at_most(DEPTH, in - first);
		bool last = first + depth == in;
		for (size_t panel = 0; panel < SLICE; panel += PANEL, kernel += depth * PANEL * size) {
			for (size_t g = 0; g < groups; g++) {
				size_t row = rows * g / groups, count = rows * (g + 1) / groups - row;
				struct product product = {.a = from + row * in + first * count,
				                          .b = kernel,
				                          .next_b = kernel + depth * (PANEL + g * share) * size,
				                          .next_bytes = (g + 1) * share <= PANEL ? BLOCK * share * size : 0,
				                          .c = to + row * SLICE + panel,
				                          .depth = depth,
				                          .unscale = layer->half && last ? layer->unscale[part] : 1,
				                          .add = first > 0};
				/* NOLINTNEXTLINE(bugprone-branch-clone): the portable kernels have one product for both */
				(layer->half ? product_half : product_float)(&product, count);
			}
		}
	}
}

static void multiply(const struct winograd *layer, const struct winograd_tiles *inputs,
                     const struct winograd_tiles *products, size_t slice)
{
	const float *from = inputs->values + (products->first - inputs->first) * layer->shape.in;
	for (size_t p = 0; p < layer->positions; p++)
		multiply_position(layer, slice * layer->positions + p, from + p * inputs->step,
		                  products->values + p * products->step, products->count);
}

/* ---- Aᵀ M A + bias, ReLU ---- */

/* Values below `least` are lifted to it: 0 makes a ReLU. */
INLINE void output_tile(line_transform *line, size_t tile, const float *from, size_t step, vec bias, vec least, vec *to)
{
	size_t side = tile + 2;
	vec turned[WINOGRAD_SIDE][WINOGRAD_SIDE], in[WINOGRAD_SIDE], out[WINOGRAD_SIDE];
	for (size_t x = 0; x < side; x++) {
		for (size_t y = 0; y < side; y++)
			in[y] = vec_load(from + (y * side + x) * step);
		line(in, out);
		for (size_t y = 0; y < tile; y++)
			turned[y][x] = out[y];
	}
	for (size_t y = 0; y < tile; y++) {
		line(turned[y], out);
		for (size_t x = 0; x < tile; x++)
			to[y * tile + x] = vec_max(vec_add(out[x], bias), least);
	}
}

static void output_tile_of(size_t tile, const float *from, size_t step, const float *bias, float least, vec *to)
{
	if (tile == 6)
		output_tile(output_line_6, 6, from, step, vec_load(bias), vec_set(least), to);
	else if (tile == 4)
		output_tile(output_line_4, 4, from, step, vec_load(bias), vec_set(least), to);
	else if (tile == 3)
		output_tile(output_line_3, 3, from, step, vec_load(bias), vec_set(least), to);
	else
		output_tile(output_line_2, 2, from, step, vec_load(bias), vec_set(least), to);
}

/* The part of the tile that lies inside the map. `to`: the map's plane, at the right lane. */
static void store_tile(const struct winograd *layer, const vec *values, size_t top, size_t left, float *to)
{
	size_t tile = layer->shape.tile, width = layer->shape.width;
	size_t rows = at_most(tile, layer->shape.height - top), columns = at_most(tile, width - left);
	for (size_t y = 0; y < rows; y++)
		for (size_t x = 0; x < columns; x++)
			vec_store(to + ((top + y) * width + left + x) * BLOCK, values[y * tile + x]);
}

static void store_pooled(const struct winograd *layer, const vec *values, size_t top, size_t left, float *to)
{
	size_t tile = layer->shape.tile, height = layer->shape.height / 2, width = layer->shape.width / 2;
	size_t rows = at_most(tile / 2, height - top / 2), columns = at_most(tile / 2, width - left / 2);
	for (size_t y = 0; y < rows; y++)
		for (size_t x = 0; x < columns; x++) {
			const vec *v = values + 2 * y * tile + 2 * x;
			vec_store(to + ((top / 2 + y) * width + left / 2 + x) * BLOCK,
			          vec_max(vec_max(v[0], v[1]), vec_max(v[tile], v[tile + 1])));
		}
}

static void scatter(const struct winograd *layer, const struct winograd_tiles *products, size_t slice, float *output)
{
	const struct winograd_shape *shape = &layer->shape;
	size_t half = shape->pool ? 2 : 1, plane = (shape->height / half) * (shape->width / half) * BLOCK;
	size_t channels = at_most(SLICE, shape->out - slice * SLICE);
	vec values[WINOGRAD_SIDE * WINOGRAD_SIDE];
	for (size_t i = 0; i < products->count; i++) {
		size_t tile = products->first + i, place = tile % layer->tiles;
		size_t top = place / layer->tiles_x * shape->tile, left = place % layer->tiles_x * shape->tile;
		float *picture = output + (tile / layer->tiles * shape->out + slice * SLICE) / BLOCK * plane;
		for (size_t c = 0; c < channels; c += LANES) {
			float *to = picture + c / BLOCK * plane + c % BLOCK;
			output_tile_of(shape->tile, products->values + i * SLICE + c, products->step,
			               layer->bias + slice * SLICE + c, shape->linear ? -FLT_MAX : 0, values);
			if (shape->pool)
				store_pooled(layer, values, top, left, to);
			else
				store_tile(layer, values, top, left, to);
		}
	}
}

/* ---- G g Gᵀ, packed ---- */

/* The place of (position 0, input channel, output channel) in a slice's positions, each in · SLICE floats:
 * [depth block][panel][channel of the block][PANEL]. */
static size_t packed_place(size_t in, size_t channel, size_t out)
{
	size_t first = channel / DEPTH * DEPTH, depth = at_most(DEPTH, in - first);
	return first * SLICE + out / PANEL * depth * PANEL + (channel - first) * PANEL + out % PANEL;
}

/* One row of LANES-wide neighbours: g[3][3] in double, so that the transform adds no error of its own. */
static void pack_block(const struct winograd *layer, const double g[WINOGRAD_SIDE][3], const float *kernel, float *to)
{
	size_t in = layer->shape.in, out = layer->shape.out, side = layer->side;
	double half[3][WINOGRAD_SIDE][LANES];
	for (size_t x = 0; x < 3; x++)
		for (size_t i = 0; i < side; i++)
			for (size_t l = 0; l < LANES; l++) {
				const float *k = kernel + x * in * out + l;
				half[x][i][l] =
				    g[i][0] * (double)k[0] + g[i][1] * (double)k[3 * in * out] + g[i][2] * (double)k[6 * in * out];
			}
	for (size_t i = 0; i < side; i++)
		for (size_t j = 0; j < side; j++, to += in * SLICE)
			for (size_t l = 0; l < LANES; l++)
				to[l] = (float)(half[0][i][l] * g[j][0] + half[1][i][l] * g[j][1] + half[2][i][l] * g[j][2]);
}

static void pack(const struct winograd *layer, const float *kernel, size_t slice, size_t channel)
{
	size_t in = layer->shape.in, out = layer->shape.out;
	float *packed = layer->kernel + slice * layer->positions * in * SLICE;
	double g[WINOGRAD_SIDE][3];
	winograd_points(layer->shape.tile, g);
	for (size_t o = slice * SLICE; o < at_most((slice + 1) * SLICE, out); o += LANES)
		pack_block(layer, (const double(*)[3])g, kernel + channel * out + o,
		           packed + packed_place(in, channel, o % SLICE));
}

/* ---- the direct convolution of the first layer ---- */

INLINE void direct_pixels(const struct direct_row *row, size_t x, size_t panel, size_t pixels)
{
	size_t depth = DIRECT_ROWS * row->in, in = row->in;
	const float *kernel = row->kernel + panel / SLICE * DIRECT_ROWS * depth * SLICE + panel % SLICE;
	vec sum[ROWS][COLUMNS];
#pragma GCC unroll 8
	for (size_t r = 0; r < pixels; r++)
#pragma GCC unroll 4
		for (size_t j = 0; j < COLUMNS; j++)
			sum[r][j] = vec_load(row->bias + panel + j * LANES);
	for (size_t y = 0; y < DIRECT_ROWS; y++) {
		const float *a = row->input[y] + x * in;
		for (size_t k = 0; k < depth; k++, kernel += SLICE) {
			vec right[COLUMNS];
#pragma GCC unroll 4
			for (size_t j = 0; j < COLUMNS; j++)
				right[j] = vec_load(kernel + j * LANES);
#pragma GCC unroll 8
			for (size_t r = 0; r < pixels; r++) {
				vec left = vec_set(a[r * in + k]);
#pragma GCC unroll 4
				for (size_t j = 0; j < COLUMNS; j++)
					sum[r][j] = vec_fma(left, right[j], sum[r][j]);
			}
		}
	}
#pragma GCC unroll 4
	for (size_t j = 0; j < COLUMNS; j++) {
		size_t c = panel + j * LANES;
		if (c >= row->out)
			break;
		float *to = row->output + c / BLOCK * row->plane + c % BLOCK + x * BLOCK;
#pragma GCC unroll 8
		for (size_t r = 0; r < pixels; r++)
			vec_store(to + r * BLOCK, vec_max(sum[r][j], vec_set(0.0f)));
	}
}

static void direct(const struct direct_row *row)
{
	for (size_t panel = 0; panel < row->out; panel += PANEL) {
		size_t x = 0;
		for (; x + ROWS <= row->width; x += ROWS)
			direct_pixels(row, x, panel, ROWS);
		for (; x < row->width; x++)
			direct_pixels(row, x, panel, 1);
	}
}

const struct winograd_kernels KERNELS = {.gather = gather,
                                         .multiply = multiply,
                                         .scatter = scatter,
                                         .pack = pack,
#ifdef HALF
                                         .halve = halve,
#endif
                                         .direct = direct};
