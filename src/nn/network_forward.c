/*
 * The forward pass. Pictures go through in groups: all layers for one group, then the next, so that scratch is two
 * activation maps of a group, whatever the batch.
 */
#include "nn/nn.h"

#define GROUP 8

static struct map_shape layer_shape(const struct layer *layer, struct map_shape in)
{
	if (layer->kind == LAYER_CONV)
		return (struct map_shape){in.height, in.width, layer->out};
	return (struct map_shape){in.height / 2, in.width / 2, layer->out};
}

static size_t map_floats(struct map_shape map)
{
	return map.height * map.width * map.channels;
}

int network_shape(const struct network *network, size_t size, struct map_shape *out, struct err *err)
{
	struct map_shape map = {size, size, 3};
	for (size_t i = 0; i < network->count; i++) {
		map = layer_shape(&network->layers[i], map);
		if (map.height == 0)
			return err_set(err, ERR_SETTINGS, "pictures of %zu pixels are too small: %s would have no output", size,
			               network->layers[i].name);
	}
	*out = map;
	return OK;
}

static struct conv layer_conv(const struct layer *layer, struct map_shape map, size_t n, int threads)
{
	return (struct conv){.n = n,
	                     .height = map.height,
	                     .width = map.width,
	                     .in = layer->in,
	                     .out = layer->out,
	                     .size = 3,
	                     .relu = true,
	                     .kernel = layer->kernel,
	                     .bias = layer->bias,
	                     .threads = threads};
}

/* What a group needs: floats of the largest map between layers, bytes of the largest convolution's scratch. */
struct room {
	size_t map, scratch;
};

static size_t align_up(size_t count)
{
	return (count + 15) / 16 * 16;
}

static struct room group_room(const struct forward *forward)
{
	struct map_shape map = {forward->size, forward->size, 3};
	struct room room = {0};
	for (size_t i = 0; i < forward->network->count; i++) {
		const struct layer *layer = &forward->network->layers[i];
		struct conv conv = layer_conv(layer, map, 1, forward->threads); /* the same for any number of pictures */
		size_t scratch = layer->kind == LAYER_CONV ? conv_workspace(&conv) : 0;
		room.scratch = scratch > room.scratch ? scratch : room.scratch;
		map = layer_shape(layer, map);
		room.map = map_floats(map) > room.map ? map_floats(map) : room.map;
	}
	room.map = align_up(room.map * (forward->n < GROUP ? forward->n : GROUP));
	return room;
}

size_t network_workspace(const struct forward *forward)
{
	struct room room = group_room(forward);
	return 2 * room.map * sizeof(float) + room.scratch;
}

static void run_layer(const struct layer *layer, struct map_shape map, size_t n, int threads, const float *input,
                      float *output, void *scratch)
{
	if (layer->kind == LAYER_POOL) {
		pool_max2(n, map.height, map.width, map.channels, input, output, threads);
		return;
	}
	struct conv conv = layer_conv(layer, map, n, threads);
	conv.input = input;
	conv.output = output;
	conv_forward(&conv, scratch);
}

void network_forward(const struct forward *forward, void *workspace)
{
	const struct network *network = forward->network;
	struct room room = group_room(forward);
	float *maps[2] = {workspace, (float *)workspace + room.map};
	void *scratch = maps[1] + room.map;
	const float *input = forward->input;
	float *output = forward->output;

	for (size_t first = 0; first < forward->n; first += GROUP) {
		size_t n = forward->n - first < GROUP ? forward->n - first : GROUP;
		struct map_shape map = {forward->size, forward->size, 3};
		const float *from = input;
		input += n * map_floats(map);
		for (size_t i = 0; i < network->count; i++) {
			float *to = i + 1 < network->count ? maps[i % 2] : output;
			run_layer(&network->layers[i], map, n, forward->threads, from, to, scratch);
			map = layer_shape(&network->layers[i], map);
			from = to;
		}
		output += n * map_floats(map);
	}
}

/* ---- description ---- */

static double layer_flop(const struct layer *layer, struct map_shape in)
{
	return 2.0 * (double)layer_kernel_count(layer) * (double)(in.height * in.width);
}

double network_flop(const struct network *network, size_t size)
{
	struct map_shape map = {size, size, 3};
	double flop = 0;
	for (size_t i = 0; i < network->count; i++) {
		flop += layer_flop(&network->layers[i], map);
		map = layer_shape(&network->layers[i], map);
	}
	return flop;
}

/* 14714688 → "14,714,688". */
static const char *number_grouped(size_t number, char text[32])
{
	char *at = text + 31;
	*at = '\0';
	for (size_t digits = 0; digits == 0 || number; digits++, number /= 10) {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + number % 10);
	}
	return at;
}

static void summary_row(struct strbuf *out, const struct layer *layer, struct map_shape in)
{
	static const char *const origins[] = {[ORIGIN_NONE] = "-", [ORIGIN_INIT] = "initialised", [ORIGIN_FILE] = "file"};
	struct map_shape map = layer_shape(layer, in);
	char shape[64], number[32];
	size_t parameters = layer_kernel_count(layer) + layer->out;

	snprintf(shape, sizeof shape, "%zu×%zu×%zu", map.height, map.width, map.channels);
	strbuf_format(out, "%-14s %-17s", layer->name, shape);
	if (layer->kind == LAYER_CONV)
		strbuf_format(out, " %12s %10.1f  %s", number_grouped(parameters, number), layer_flop(layer, in) / 1e6,
		              origins[layer->origin]);
	strbuf_add(out, "\n");
}

int network_summary(const struct network *network, size_t size, struct strbuf *out, struct err *err)
{
	struct map_shape map;
	int code = network_shape(network, size, &map, err);
	if (code != OK)
		return code;
	size_t parameters = 0;
	char number[32];
	map = (struct map_shape){size, size, 3};
	strbuf_format(out, "%-14s %-15s %12s %10s  %s\n", "layer", "output", "parameters", "MFLOP", "weights");
	strbuf_format(out, "%-14s %zu×%zu×%zu\n", "input", size, size, map.channels);
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		summary_row(out, layer, map);
		parameters += layer->kind == LAYER_CONV ? layer_kernel_count(layer) + layer->out : 0;
		map = layer_shape(layer, map);
	}
	strbuf_format(out, "total: %s parameters, %.2f GFLOP a picture\n", number_grouped(parameters, number),
	              network_flop(network, size) / 1e9);
	return strbuf_check(out, err);
}
