/*
 * Winograd convolution, laid out so that what is worked on stays in the caches.
 *
 * A task takes some tiles and a slice of 64 output channels: position by position it multiplies the transformed
 * inputs by the packed kernel, which streams by once, and transforms the products, which fit its thread's second-level
 * cache, into finished outputs. Where the kernel is small, a task transforms its own tiles and does all slices
 * (private); where it is large, a chunk of many tiles is transformed by all threads first, and tasks share it, so that
 * the kernel passes fewer times (shared).
 *
 * Every sum runs over the input channels in one order, so a picture's result depends neither on the number of threads
 * nor on how tiles are grouped.
 */
#include "num/winograd_internal.h"

#include <math.h>
#include <stdlib.h>

#include <omp.h>

#define PRODUCT_BYTES ((size_t)640 << 10) /* products of a task: in the second-level cache */
#define PRIVATE_BYTES ((size_t)4 << 20)   /* inputs of a private task */
#define SHARED_BYTES ((size_t)8 << 20)    /* inputs of a shared chunk: in the last-level cache */
#define PRIVATE_TILES 24                  /* fewer in a task, and reading the kernel takes longer than the products */
#define STEP_PAD 16                       /* positions a power of two apart would fall on the same cache lines */

#define KERNEL_ROWS 16 /* rows that are multiplied while their kernel is read */
#define MANY 32        /* pictures */

#define HALF_TILE 4 /* what the largest tile makes of a float16 kernel's rounding leaves the tolerance */

static const size_t tile_sizes[] = {6, 4, 3, 2};

static size_t divide_up(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

const struct winograd_kernels *winograd_kernels_of(enum cpu_level level)
{
	enum cpu_level own = cpu_features()->level;
	level = level < own ? level : own;
	return level == CPU_AVX512 ? &winograd_avx512 : level == CPU_AVX2 ? &winograd_avx2 : &winograd_portable;
}

/* G of Toom–Cook for the points p: row j is (1, p_j, p_j²) / Π_{k≠j}(p_j − p_k); the last, for infinity, (0, 0, 1). */
void winograd_points(size_t tile, double g[WINOGRAD_SIDE][3])
{
	const double root = sqrt(0.5);
	const double points2[7] = {0, 1, -1}, points3[7] = {0, 1, -1, 2},
	             points4[7] = {0, root, -root, 2 * root, -2 * root}, points6[7] = {0, 1, -1, 2, -2, 0.5, -0.5};
	const double *p = tile == 6 ? points6 : tile == 4 ? points4 : tile == 3 ? points3 : points2;
	for (size_t j = 0; j < tile + 1; j++) {
		double divisor = 1;
		for (size_t k = 0; k < tile + 1; k++)
			divisor *= k == j ? 1 : p[j] - p[k];
		for (size_t i = 0; i < 3; i++)
			g[j][i] = (i == 0 ? 1 : i == 1 ? p[j] : p[j] * p[j]) / divisor;
	}
	g[tile + 1][0] = g[tile + 1][1] = 0;
	g[tile + 1][2] = 1;
}

/* ---- the layer ---- */

/* Tiles along one side of a map; a pooled map's odd last line is not needed. */
static size_t tiles_along(size_t side, size_t tile, bool pool)
{
	return divide_up(pool ? side / 2 * 2 : side, tile);
}

/* What a position costs, in rows of its product: the rows, and the time in which its kernel comes out of memory. Ties
 * to the smaller tile, which errs less. */
static size_t cheapest_tile(const struct winograd_shape *shape)
{
	size_t best = 0, best_cost = SIZE_MAX, pictures = shape->pictures ? shape->pictures : MANY;
	for (size_t i = 0; i < ARRAY_COUNT(tile_sizes); i++) {
		size_t tile = tile_sizes[i];
		if ((shape->pool && tile % 2) || (shape->half && tile > HALF_TILE))
			continue;
		size_t rows = tiles_along(shape->height, tile, shape->pool) * tiles_along(shape->width, tile, shape->pool);
		size_t cost = (pictures * rows + KERNEL_ROWS) * (tile + 2) * (tile + 2);
		if (cost <= best_cost) {
			best = tile;
			best_cost = cost;
		}
	}
	return best;
}

static int shape_check(const struct winograd_shape *shape, struct err *err)
{
	if (shape->in == 0 || shape->in % BLOCK || shape->out == 0 || shape->out % BLOCK)
		return err_set(err, ERR_SETTINGS, "winograd: %zu → %zu channels are not multiples of %d", shape->in, shape->out,
		               BLOCK);
	if (shape->height == 0 || shape->width == 0 || (shape->pool && (shape->height < 2 || shape->width < 2)))
		return err_set(err, ERR_SETTINGS, "winograd: a map of %zu×%zu has no output", shape->height, shape->width);
	if (shape->half && !winograd_kernels_of(shape->level)->halve)
		return err_set(err, ERR_SETTINGS,
		               "float16 kernels need a CPU with AVX2 and F16C; use network.precision = fp32");
	bool known = shape->tile == 0;
	for (size_t i = 0; i < ARRAY_COUNT(tile_sizes); i++)
		known |= shape->tile == tile_sizes[i] && !(shape->pool && shape->tile % 2);
	if (!known)
		return err_set(err, ERR_SETTINGS, "winograd: there is no tile of %zu%s", shape->tile,
		               shape->pool ? " with pooling" : "");
	return OK;
}

void winograd_set(struct winograd *layer, const struct winograd_weights *weights)
{
	for (size_t o = 0; o < layer->shape.out; o++)
		layer->bias[o] = weights->bias[o];
#pragma omp parallel for schedule(static) num_threads(weights->threads < 1 ? 1 : weights->threads)
	for (size_t i = 0; i < layer->slices * layer->shape.in; i++)
		layer->kernels->pack(layer, weights->kernel, i / layer->shape.in, i % layer->shape.in);
}

#define HALF_EXPONENT                                                                                                  \
	14 /* largest magnitudes come to 2¹³ … 2¹⁴: the smallest of float16 are far below, none overflows */

/* The packed kernel as float16. Each position of a slice has a power of two of its own, since transforms make positions
 * differ by orders of magnitude. */
static int halve_kernel(struct winograd *layer, struct err *err)
{
	size_t parts = layer->slices * layer->positions, floats = layer->shape.in * SLICE;
	layer->half = mem_alloc(parts * floats, sizeof *layer->half, err);
	layer->unscale = layer->half ? mem_alloc(parts, sizeof *layer->unscale, err) : NULL;
	if (!layer->unscale)
		return err->code;
	for (size_t part = 0; part < parts; part++) {
		const float *from = layer->kernel + part * floats;
		float most = 0;
		int exponent = 0;
		for (size_t i = 0; i < floats; i++)
			most = fmaxf(most, fabsf(from[i]));
		frexpf(most, &exponent);
		layer->kernels->halve(from, floats, ldexpf(1, HALF_EXPONENT - exponent), layer->half + part * floats);
		layer->unscale[part] = ldexpf(1, exponent - HALF_EXPONENT);
	}
	free(layer->kernel);
	layer->kernel = NULL;
	return OK;
}

int winograd_new(struct winograd **out, const struct winograd_shape *shape, const struct winograd_weights *weights,
                 struct err *err)
{
	int code = shape_check(shape, err);
	struct winograd *layer = code == OK ? mem_alloc(1, sizeof *layer, err) : NULL;
	if (!layer)
		return err->code;
	layer->shape = *shape;
	layer->shape.tile = shape->tile ? shape->tile : cheapest_tile(shape);
	layer->kernels = winograd_kernels_of(shape->level);
	layer->side = layer->shape.tile + 2;
	layer->positions = layer->side * layer->side;
	layer->tiles_y = tiles_along(shape->height, layer->shape.tile, shape->pool);
	layer->tiles_x = tiles_along(shape->width, layer->shape.tile, shape->pool);
	layer->tiles = layer->tiles_y * layer->tiles_x;
	layer->slices = divide_up(shape->out, SLICE);
	layer->bias = mem_alloc(layer->slices * SLICE, sizeof *layer->bias, err);
	/* A last slice that is not full keeps its zeros. */
	layer->kernel = (shape->out % SLICE ? mem_alloc : mem_alloc_unset)(layer->slices * layer->positions * shape->in,
	                                                                   SLICE * sizeof *layer->kernel, err);
	if (!layer->bias || !layer->kernel) {
		winograd_free(layer);
		return ERR_MEMORY;
	}
	winograd_set(layer, weights);
	if (shape->half && halve_kernel(layer, err) != OK) {
		winograd_free(layer);
		return ERR_MEMORY;
	}
	*out = layer;
	return OK;
}

void winograd_free(struct winograd *layer)
{
	if (!layer)
		return;
	free(layer->kernel);
	free(layer->half);
	free(layer->unscale);
	free(layer->bias);
	free(layer);
}

/* ---- how the tiles of a call are grouped ---- */

struct grouping {
	bool shared;
	size_t all;        /* tiles of the call */
	size_t chunk;      /* tiles transformed together */
	size_t task;       /* tiles of a task; of a private one, all of its chunk */
	size_t input_step; /* floats between positions */
	size_t product_step;
	size_t input_floats;   /* of one chunk */
	size_t product_floats; /* of one thread */
};

/* `count` in parts of at most `most`, as even as they can be. */
static size_t even_part(size_t count, size_t most)
{
	size_t parts = divide_up(count, most < 1 ? 1 : most);
	return parts < 1 ? 1 : divide_up(count, parts);
}

static struct grouping group_tiles(const struct winograd *layer, size_t n, int threads)
{
	size_t in = layer->shape.in, position_bytes = layer->positions * sizeof(float);
	size_t most = PRODUCT_BYTES / (position_bytes * SLICE), all = n * layer->tiles;
	size_t own = smaller(most, PRIVATE_BYTES / (position_bytes * in));
	struct grouping g = {.all = all, .shared = smaller(own, all / (size_t)threads) < PRIVATE_TILES};
	if (g.shared) {
		g.chunk = even_part(all, SHARED_BYTES / (position_bytes * in));
		g.task = even_part(g.chunk, most);
		/* Enough tasks for every thread. */
		while (divide_up(g.chunk, g.task) * layer->slices < 2 * (size_t)threads && g.task > 6)
			g.task = divide_up(g.task, 2);
	} else {
		/* As many tasks for one thread as for the other. */
		size_t rounds = divide_up(all, own * (size_t)threads);
		g.task = g.chunk = divide_up(all, rounds * (size_t)threads);
	}
	g.input_step = g.chunk * in + STEP_PAD;
	g.product_step = g.task * SLICE + STEP_PAD;
	g.input_floats = layer->positions * g.input_step;
	g.product_floats = layer->positions * g.product_step;
	return g;
}

static size_t workspace_floats(const struct grouping *g, int threads)
{
	return (g->shared ? g->input_floats : (size_t)threads * g->input_floats) + (size_t)threads * g->product_floats;
}

size_t winograd_workspace(const struct winograd *layer, size_t n, int threads)
{
	threads = threads < 1 ? 1 : threads;
	struct grouping g = group_tiles(layer, n, threads);
	return workspace_floats(&g, threads) * sizeof(float);
}

/* ---- the work ---- */

static void run_slice(const struct winograd_run *run, const struct winograd_tiles *inputs,
                      const struct winograd_tiles *products, size_t slice)
{
	const struct winograd *layer = run->layer;
	layer->kernels->multiply(layer, inputs, products, slice);
	layer->kernels->scatter(layer, products, slice, run->output);
}

static void run_private(const struct winograd_run *run, const struct grouping *g, float *inputs, float *products)
{
	const struct winograd *layer = run->layer;
	size_t chunks = divide_up(g->all, g->chunk);
#pragma omp parallel for schedule(dynamic) num_threads(run->threads)
	for (size_t i = 0; i < chunks; i++) {
		size_t thread = (size_t)omp_get_thread_num(), first = i * g->chunk;
		struct winograd_tiles from = {.first = first,
		                              .count = smaller(g->chunk, g->all - first),
		                              .task = g->task,
		                              .step = g->input_step,
		                              .values = inputs + thread * g->input_floats};
		struct winograd_tiles to = {.first = first,
		                            .count = from.count,
		                            .step = g->product_step,
		                            .values = products + thread * g->product_floats};
		layer->kernels->gather(layer, run->input, &from, 0, from.count);
		for (size_t slice = 0; slice < layer->slices; slice++)
			run_slice(run, &from, &to, slice);
	}
}

/* One chunk; called by every thread of a parallel region. */
static void run_chunk(const struct winograd_run *run, const struct grouping *g, const struct winograd_tiles *chunk,
                      float *products)
{
	const struct winograd *layer = run->layer;
	size_t parts = divide_up(chunk->count, g->task);
#pragma omp for schedule(static)
	for (size_t i = 0; i < chunk->count; i++)
		layer->kernels->gather(layer, run->input, chunk, i, i + 1);
#pragma omp for schedule(dynamic)
	for (size_t i = 0; i < parts * layer->slices; i++) {
		size_t part = i % parts * g->task;
		struct winograd_tiles to = {.first = chunk->first + part,
		                            .count = smaller(g->task, chunk->count - part),
		                            .step = g->product_step,
		                            .values = products + (size_t)omp_get_thread_num() * g->product_floats};
		run_slice(run, chunk, &to, i / parts);
	}
}

static void run_shared(const struct winograd_run *run, const struct grouping *g, float *inputs, float *products)
{
#pragma omp parallel num_threads(run->threads)
	for (size_t first = 0; first < g->all; first += g->chunk) {
		struct winograd_tiles chunk = {.first = first,
		                               .count = smaller(g->chunk, g->all - first),
		                               .task = g->task,
		                               .step = g->input_step,
		                               .values = inputs};
		run_chunk(run, g, &chunk, products);
	}
}

void winograd_forward(const struct winograd_run *run, void *workspace)
{
	struct winograd_run checked = *run;
	checked.threads = run->threads < 1 ? 1 : run->threads;
	struct grouping g = group_tiles(run->layer, run->n, checked.threads);
	float *inputs = workspace;
	float *products = inputs + (g.shared ? 1 : (size_t)checked.threads) * g.input_floats;
	if (g.shared)
		run_shared(&checked, &g, inputs, products);
	else
		run_private(&checked, &g, inputs, products);
}
