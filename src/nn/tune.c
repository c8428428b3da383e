/*
 * Training of the network's last layers together with the head: forward with every map kept, backward by the kernels'
 * gradients. The head's own part is in tune_head.c.
 */
#include "nn/tune_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t floats_of(struct map_shape map)
{
	return map.height * map.width * map.channels;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void tuner_free(struct tuner *tuner)
{
	if (!tuner)
		return;
	for (size_t i = 0; i < tuner->n_stages; i++) {
		free(tuner->stages[i].map);
		free(tuner->stages[i].gradient);
		winograd_free(tuner->stages[i].winograd);
		winograd_free(tuner->stages[i].back);
	}
	for (size_t i = 0; i < tuner->n_weights; i++)
		free(tuner->weights[i].gradient);
	free(tuner->rows);
	free(tuner->rows_gradient);
	free(tuner->scores);
	free(tuner->active);
	free(tuner->active_gradient);
	free(tuner->blocked[0]);
	free(tuner->blocked[1]);
	free(tuner->turned);
	free(tuner->zeros);
	free(tuner->workspace);
	free(tuner);
}

static struct conv stage_conv(const struct tuner *tuner, size_t i, size_t n, const float *input)
{
	const struct stage *stage = &tuner->stages[i];
	return (struct conv){.n = n,
	                     .height = stage->in.height,
	                     .width = stage->in.width,
	                     .in = stage->layer->in,
	                     .out = stage->layer->out,
	                     .size = 3,
	                     .relu = true,
	                     .input = input,
	                     .kernel = stage->layer->kernel,
	                     .bias = stage->layer->bias,
	                     .output = stage->map,
	                     .threads = tuner->options.threads};
}

static struct winograd_weights stage_weights(const struct tuner *tuner, const struct stage *stage)
{
	return (struct winograd_weights){
	    .kernel = stage->layer->kernel, .bias = stage->layer->bias, .threads = tuner->options.threads};
}

static int stage_prepare(const struct tuner *tuner, struct stage *stage, struct err *err)
{
	const struct layer *layer = stage->layer;
	struct winograd_weights weights = stage_weights(tuner, stage);
	struct winograd_shape shape = {.height = stage->in.height,
	                               .width = stage->in.width,
	                               .in = layer->in,
	                               .out = layer->out,
	                               .pictures = tuner->options.batch,
	                               .level = CPU_AVX512};
	if (layer->in % 16 || layer->out % 16)
		return OK;
	int code = winograd_new(&stage->winograd, &shape, &weights, err);
	if (code != OK || tuner->options.predict_only || stage == tuner->stages)
		return code;
	shape.in = layer->out;
	shape.out = layer->in;
	shape.linear = true;
	weights.bias = tuner->zeros;
	return winograd_new(&stage->back, &shape, &weights, err); /* its weights are set anew each step */
}

static int stage_add(struct tuner *tuner, const struct layer *layer, struct map_shape *map, struct err *err)
{
	struct stage *stage = &tuner->stages[tuner->n_stages++];
	size_t half = layer->kind == LAYER_POOL ? 2 : 1, batch = tuner->options.batch;
	stage->layer = layer;
	stage->in = *map;
	stage->out = *map = (struct map_shape){map->height / half, map->width / half, layer->out};
	if (floats_of(*map) == 0)
		return err_set(err, ERR_SETTINGS, "%s would have no output", layer->name);
	size_t trained = tuner->options.predict_only ? 0 : batch;
	if (!(stage->map = mem_alloc(batch * floats_of(*map), sizeof(float), err)) ||
	    !(stage->gradient = mem_alloc(trained * floats_of(*map), sizeof(float), err)))
		return ERR_MEMORY;
	if (layer->kind == LAYER_POOL)
		return OK;
	if (tuner->options.predict_only)
		return layer->kernel ? stage_prepare(tuner, stage, err)
		                     : err_set(err, ERR_SETTINGS, "%s has no weights", layer->name);
	if (!layer->owned)
		return err_set(err, ERR_SETTINGS, "%s: borrowed or absent weights cannot be trained", layer->name);
	size_t count = layer_kernel_count(layer);
	int code = tuner_weights_add(tuner, layer->owned, count, err);
	if (code == OK)
		code = tuner_weights_add(tuner, layer->owned + count, layer->out, err);
	return code == OK ? stage_prepare(tuner, stage, err) : code;
}

static int workspace_allocate(struct tuner *tuner, struct err *err)
{
	size_t bytes = 0, floats = 0;
	for (size_t i = 0; i < tuner->n_stages; i++) {
		if (tuner->stages[i].layer->kind == LAYER_POOL)
			continue;
		struct conv_gradient g = {.conv = stage_conv(tuner, i, tuner->options.batch, NULL)};
		size_t forward = conv_workspace(&g.conv);
		g.conv.relu = false; /* taken out of the gradient before */
		g.input_gradient = i && !tuner->stages[i].back ? tuner->stages[i - 1].gradient : NULL;
		size_t backward = conv_backward_workspace(&g);
		bytes = larger(bytes, larger(forward, backward));
		if (!tuner->stages[i].winograd)
			continue;
		for (size_t n = 1; n <= tuner->options.batch; n++) {
			bytes = larger(bytes, winograd_workspace(tuner->stages[i].winograd, n, tuner->options.threads));
			if (tuner->stages[i].back)
				bytes = larger(bytes, winograd_workspace(tuner->stages[i].back, n, tuner->options.threads));
		}
		size_t map = larger(floats_of(tuner->stages[i].in), floats_of(tuner->stages[i].out));
		floats = larger(floats, tuner->options.batch * map);
	}
	tuner->workspace = mem_alloc(bytes, 1, err);
	for (size_t i = 0; i < 2; i++)
		tuner->blocked[i] = mem_alloc(floats, sizeof(float), err);
	return tuner->workspace && tuner->blocked[0] && tuner->blocked[1] ? OK : ERR_MEMORY;
}

static int turned_allocate(struct tuner *tuner, const struct network *network, struct err *err)
{
	size_t kernel = 0, channels = 0;
	for (size_t i = tuner->options.first; i < network->count && !tuner->options.predict_only; i++) {
		kernel = larger(kernel, layer_kernel_count(&network->layers[i]));
		channels = larger(channels, network->layers[i].in);
	}
	tuner->turned = mem_alloc(kernel, sizeof(float), err);
	tuner->zeros = tuner->turned ? mem_alloc(channels, sizeof(float), err) : NULL;
	return tuner->zeros ? OK : err->code;
}

int tuner_new(struct tuner **out, const struct network *network, const struct head *head,
              const struct tuner_options *options, struct err *err)
{
	struct tuner *tuner = mem_alloc(1, sizeof *tuner, err);
	struct map_shape map = options->map;
	if (!tuner)
		return ERR_MEMORY;
	tuner->options = *options;
	int code = turned_allocate(tuner, network, err);
	for (size_t i = options->first; code == OK && i < network->count; i++)
		code = stage_add(tuner, &network->layers[i], &map, err);
	if (code == OK)
		code = tuner_head_add(tuner, head, map, err);
	if (code == OK)
		code = workspace_allocate(tuner, err);
	if (code == OK)
		*out = tuner;
	else
		tuner_free(tuner);
	return code;
}

/* ---- forward ---- */

static void forward_winograd(struct tuner *tuner, const struct stage *stage, size_t n, const float *maps)
{
	size_t pixels = stage->in.height * stage->in.width;
	struct winograd_weights weights = stage_weights(tuner, stage);
	winograd_set(stage->winograd, &weights);
	nhwc_to_blocked(n, pixels, stage->in.channels, maps, tuner->blocked[0]);
	winograd_forward(&(struct winograd_run){.layer = stage->winograd,
	                                        .n = n,
	                                        .input = tuner->blocked[0],
	                                        .output = tuner->blocked[1],
	                                        .threads = tuner->options.threads},
	                 tuner->workspace);
	blocked_to_nhwc(n, pixels, stage->out.channels, tuner->blocked[1], stage->map);
}

static void forward_layers(struct tuner *tuner, size_t n, const float *maps)
{
	for (size_t i = 0; i < tuner->n_stages; i++) {
		const struct stage *stage = &tuner->stages[i];
		if (stage->layer->kind == LAYER_POOL) {
			pool_max2(n, stage->in.height, stage->in.width, stage->in.channels, maps, stage->map,
			          tuner->options.threads);
		} else if (stage->winograd) {
			forward_winograd(tuner, stage, n, maps);
		} else {
			struct conv conv = stage_conv(tuner, i, n, maps);
			conv_forward(&conv, tuner->workspace);
		}
		maps = stage->map;
	}
	const struct map_shape *last = &tuner->stages[tuner->n_stages - 1].out;
	pool_average(n, last->height, last->width, last->channels, tuner->pool, maps, tuner->rows);
}

/* ---- backward ---- */

/* The average hands each of its inputs an equal share; what it dropped at the edge gets none. */
static void backward_average(struct tuner *tuner, size_t n)
{
	const struct stage *last = &tuner->stages[tuner->n_stages - 1];
	size_t k = tuner->pool, channels = last->out.channels, rows = last->out.height / k, columns = last->out.width / k;
	float share = 1.0f / (float)(k * k);
	memset(last->gradient, 0, n * floats_of(last->out) * sizeof(float));
	for (size_t i = 0; i < n * rows * k * columns * k; i++) {
		size_t x = i % (columns * k), y = i / (columns * k) % (rows * k), picture = i / (columns * k) / (rows * k);
		const float *from = tuner->rows_gradient + ((picture * rows + y / k) * columns + x / k) * channels;
		float *to = last->gradient + ((picture * last->out.height + y) * last->out.width + x) * channels;
		for (size_t c = 0; c < channels; c++)
			to[c] = share * from[c];
	}
}

/* The gradient by a layer's input, as the convolution of its masked gradient with the turned kernel. */
static void backward_winograd(struct tuner *tuner, const struct stage *stage, size_t n, float *input_gradient)
{
	size_t pixels = stage->in.height * stage->in.width;
	struct conv conv = {.in = stage->layer->in, .out = stage->layer->out, .size = 3, .kernel = stage->layer->kernel,
	                    .threads = tuner->options.threads};
	conv_turn_kernel(&conv, tuner->turned);
	winograd_set(stage->back, &(struct winograd_weights){
	                              .kernel = tuner->turned, .bias = tuner->zeros, .threads = tuner->options.threads});
	nhwc_to_blocked(n, pixels, stage->out.channels, stage->gradient, tuner->blocked[0]);
	winograd_forward(&(struct winograd_run){.layer = stage->back,
	                                        .n = n,
	                                        .input = tuner->blocked[0],
	                                        .output = tuner->blocked[1],
	                                        .threads = tuner->options.threads},
	                 tuner->workspace);
	blocked_to_nhwc(n, pixels, stage->in.channels, tuner->blocked[1], input_gradient);
}

static void backward_conv(struct tuner *tuner, size_t i, size_t n, size_t w, const float *input)
{
	const struct stage *stage = &tuner->stages[i];
	float *input_gradient = i ? tuner->stages[i - 1].gradient : NULL;
	struct conv_gradient g = {.conv = stage_conv(tuner, i, n, input),
	                          .output_gradient = stage->gradient,
	                          .kernel_gradient = tuner->weights[w].gradient,
	                          .bias_gradient = tuner->weights[w + 1].gradient,
	                          .input_gradient = stage->back ? NULL : input_gradient};
	relu_backward(n * floats_of(stage->out), stage->map, stage->gradient, stage->gradient, tuner->options.threads);
	g.conv.relu = false;
	conv_backward(&g, tuner->workspace);
	if (stage->back)
		backward_winograd(tuner, stage, n, input_gradient);
}

static void backward_layers(struct tuner *tuner, size_t n, const float *maps)
{
	size_t w = tuner->n_weights - tuner->n_head; /* behind the weights of the layer at hand */
	for (size_t i = tuner->n_stages; i-- > 0;) {
		const struct stage *stage = &tuner->stages[i];
		const float *input = i ? tuner->stages[i - 1].map : maps;
		float *input_gradient = i ? tuner->stages[i - 1].gradient : NULL;
		if (stage->layer->kind == LAYER_CONV) {
			w -= 2;
			backward_conv(tuner, i, n, w, input);
		} else if (i) {
			pool_max2_backward(&(struct pool_gradient){.n = n,
			                                           .height = stage->in.height,
			                                           .width = stage->in.width,
			                                           .channels = stage->in.channels,
			                                           .input = input,
			                                           .output_gradient = stage->gradient,
			                                           .input_gradient = input_gradient,
			                                           .threads = tuner->options.threads});
		}
	}
}

int tuner_gradient(struct tuner *tuner, size_t n, const float *maps, const int32_t *labels, double *loss,
                   struct err *err)
{
	forward_layers(tuner, n, maps);
	tuner_head_forward(tuner, n);
	*loss = tuner_head_loss(tuner, n, labels);
	if (!isfinite(*loss))
		return err_set(err, ERR_NUMERIC, "step %zu: the loss is %g; a smaller learning rate may help", tuner->steps + 1,
		               *loss);
	tuner_head_backward(tuner, n);
	backward_average(tuner, n);
	backward_layers(tuner, n, maps);
	return OK;
}

size_t tuner_correct(const struct tuner *tuner)
{
	return tuner->correct;
}

void tuner_rows(struct tuner *tuner, size_t n, const float *maps, float *rows)
{
	forward_layers(tuner, n, maps);
	memcpy(rows, tuner->rows, n * tuner->inputs * sizeof *rows);
}

const float *tuner_gradient_of(const struct tuner *tuner, const float *values)
{
	for (size_t i = 0; i < tuner->n_weights; i++)
		if (tuner->weights[i].values == values)
			return tuner->weights[i].gradient;
	return NULL;
}
