/*
 * The network prepared for one picture size: kernels transformed and packed, ReLU and pooling inside the convolutions.
 *
 * Early layers have large maps and small kernels, late ones the reverse. So each block (the layers up to a pooling)
 * works on groups of its own size: few pictures where maps should stay in the caches, many where a kernel should be
 * read seldom. A block gathers the outputs of its predecessor's groups until its own group is complete.
 */
#include "nn/nn.h"

#include <stdlib.h>

#define BLOCKS 5
/* Pictures of a group: of 150 pixels, some 150 MB of maps in all. */
static const size_t block_groups[BLOCKS] = {2, 8, 8, 32, 32};

struct step {
	struct direct *direct; /* the first layer; else */
	struct winograd *winograd;
	size_t floats; /* of a picture's output */
};

struct block {
	size_t first, count; /* steps */
	size_t group;
	size_t input, map; /* floats of a picture: the block's input, the largest map inside it */
};

struct network_plan {
	struct step steps[VGG16_LAYERS];
	struct block blocks[BLOCKS];
	size_t n_steps, n_blocks;
	size_t picture;          /* floats of an input picture */
	struct map_shape output; /* of a picture */
};

static size_t map_floats(struct map_shape map)
{
	return map.height * map.width * map.channels;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static int step_new(struct step *step, const struct layer *layer, const struct map_shape *map, bool pool,
                    const struct plan_options *options, struct err *err)
{
	struct winograd_weights weights = {.kernel = layer->kernel, .bias = layer->bias, .threads = options->threads};
	if (layer->in % 16) {
		struct direct_shape shape = {map->height, map->width, layer->in, layer->out, options->level};
		return direct_new(&step->direct, &shape, &weights, err);
	}
	struct winograd_shape shape = {.height = map->height,
	                               .width = map->width,
	                               .in = layer->in,
	                               .out = layer->out,
	                               .pool = pool,
	                               .pictures = options->pictures,
	                               .level = options->level,
	                               .half = options->precision == PRECISION_FP16};
	return winograd_new(&step->winograd, &shape, &weights, err);
}

/* Appends a convolution, with the pooling behind it, if any. */
static int plan_append(struct network_plan *plan, const struct layer *layer, struct map_shape *map, bool pool,
                       const struct plan_options *options, struct err *err)
{
	struct block *block = &plan->blocks[plan->n_blocks];
	struct step *step = &plan->steps[plan->n_steps];
	int code = step_new(step, layer, map, pool, options, err);
	if (code != OK)
		return err_wrap(err, "%s", layer->name);
	plan->n_steps++;
	if (block->count++ == 0) {
		block->first = plan->n_steps - 1;
		block->input = map_floats(*map);
		block->group = block_groups[plan->n_blocks];
	}
	*map = (struct map_shape){map->height / (pool ? 2 : 1), map->width / (pool ? 2 : 1), layer->out};
	step->floats = map_floats(*map);
	if (pool)
		plan->n_blocks++;
	else
		block->map = larger(block->map, step->floats);
	return OK;
}

int network_plan_new(struct network_plan **out, const struct network *network, const struct plan_options *options,
                     struct err *err)
{
	struct map_shape map = {options->size, options->size, 3};
	struct network_plan *plan = NULL;
	int code = network_shape(network, options->size, &map, err);
	if (code == OK && !(plan = mem_alloc(1, sizeof *plan, err)))
		code = ERR_MEMORY;
	if (code != OK)
		return code;
	plan->output = map;
	map = (struct map_shape){options->size, options->size, 3};
	plan->picture = map_floats(map);
	for (size_t i = 0; code == OK && i < network->count; i++) {
		bool pool = i + 1 < network->count && network->layers[i + 1].kind == LAYER_POOL;
		if (network->layers[i].kind == LAYER_CONV)
			code = plan_append(plan, &network->layers[i], &map, pool, options, err);
	}
	if (code == OK)
		*out = plan;
	else
		network_plan_free(plan);
	return code;
}

void network_plan_free(struct network_plan *plan)
{
	for (size_t i = 0; plan && i < plan->n_steps; i++) {
		direct_free(plan->steps[i].direct);
		winograd_free(plan->steps[i].winograd);
	}
	free(plan);
}

/* ---- the way through ---- */

/* Where everything lies for one call. */
struct route {
	const struct network_plan *plan;
	int threads;
	const float *pictures;
	size_t group[BLOCKS];
	float *input[BLOCKS + 1]; /* of each block's group; behind the last, its output */
	float *maps[BLOCKS][2];
	void *scratch;
};

static size_t step_scratch(const struct step *step, size_t n, int threads)
{
	return step->direct ? direct_workspace(step->direct, threads) : winograd_workspace(step->winograd, n, threads);
}

static size_t block_scratch(const struct network_plan *plan, size_t b, size_t group, int threads)
{
	const struct block *block = &plan->blocks[b];
	size_t bytes = 0;
	/* A smaller last group may be cut into other parts. */
	for (size_t i = block->first; i < block->first + block->count; i++)
		for (size_t n = 1; n <= group; n++)
			bytes = larger(bytes, step_scratch(&plan->steps[i], n, threads));
	return bytes;
}

/* Advances *floats by `count` rounded up to whole cache lines; the place before that, NULL without a workspace. */
static float *place(float *workspace, size_t *floats, size_t count)
{
	float *at = workspace ? workspace + *floats : NULL;
	*floats += (count + 15) / 16 * 16;
	return at;
}

/* Lays the route out in the workspace; returns the bytes that it takes. */
static size_t route_lay(struct route *route, size_t n, float *workspace)
{
	const struct network_plan *plan = route->plan;
	size_t floats = 0, scratch = 0;
	for (size_t b = 0; b < plan->n_blocks; b++) {
		const struct block *block = &plan->blocks[b];
		size_t group = route->group[b] = n < block->group ? n : block->group;
		route->input[b] = b ? place(workspace, &floats, group * block->input) : NULL;
		for (size_t i = 0; i < 2; i++)
			route->maps[b][i] = block->count > i + 1 ? place(workspace, &floats, group * block->map) : NULL;
		scratch = larger(scratch, block_scratch(plan, b, group, route->threads));
	}
	size_t last = route->group[plan->n_blocks - 1];
	route->input[plan->n_blocks] = place(workspace, &floats, last * map_floats(plan->output));
	route->scratch = place(workspace, &floats, scratch / sizeof(float));
	return floats * sizeof(float);
}

size_t network_plan_workspace(const struct network_plan *plan, size_t n, int threads)
{
	struct route route = {.plan = plan, .threads = threads < 1 ? 1 : threads};
	return route_lay(&route, n, NULL);
}

static void run_step(const struct route *route, const struct step *step, size_t n, const float *input, float *output)
{
	if (step->direct)
		direct_forward(&(struct direct_run){step->direct, n, input, output, route->threads}, route->scratch);
	else
		winograd_forward(&(struct winograd_run){step->winograd, n, input, output, route->threads}, route->scratch);
}

/* The layers of one block over n pictures. */
static void run_layers(const struct route *route, size_t b, size_t n, const float *input, float *output)
{
	const struct block *block = &route->plan->blocks[b];
	for (size_t i = 0; i < block->count; i++) {
		float *to = i + 1 < block->count ? route->maps[b][i % 2] : output;
		run_step(route, &route->plan->steps[block->first + i], n, input, to);
		input = to;
	}
}

/* Pictures first … first + n − 1, n at most the block's group, through block b and all before it. */
static void run_block(const struct route *route, size_t b, size_t first, size_t n, float *output)
{
	const struct network_plan *plan = route->plan;
	const float *input = route->input[b];
	if (b == 0) {
		input = route->pictures + first * plan->picture;
	} else {
		size_t group = route->group[b - 1];
		for (size_t i = 0; i < n; i += group)
			run_block(route, b - 1, first + i, n - i < group ? n - i : group,
			          route->input[b] + i * plan->blocks[b].input);
	}
	run_layers(route, b, n, input, output);
}

void network_plan_forward(const struct plan_run *run, void *workspace)
{
	const struct network_plan *plan = run->plan;
	struct route route = {.plan = plan, .threads = run->threads < 1 ? 1 : run->threads, .pictures = run->input};
	(void)route_lay(&route, run->n, workspace);
	size_t last = plan->n_blocks - 1, group = route.group[last], floats = map_floats(plan->output);
	for (size_t first = 0; first < run->n; first += group) {
		size_t n = run->n - first < group ? run->n - first : group;
		float *blocked = route.input[plan->n_blocks];
		run_block(&route, last, first, n, blocked);
		blocked_to_nhwc(n, plan->output.height * plan->output.width, plan->output.channels, blocked,
		                run->output + first * floats);
	}
}
