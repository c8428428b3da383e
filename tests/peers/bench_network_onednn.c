/* VGG16 by oneDNN 2.6 (C API): its layouts, its algorithm, ReLU as a post-op. */
#include "bench_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

#define STEPS 64

struct action {
	dnnl_primitive_t primitive;
	dnnl_exec_arg_t args[4];
	int n_args;
};
struct onednn {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_memory_t memories[3 * STEPS];
	struct action actions[STEPS];
	size_t n_memories, n_actions;
	dnnl_memory_t input, output;
	size_t input_bytes, output_bytes;
};

static void must(dnnl_status_t status, const char *what)
{
	if (status == dnnl_success)
		return;
	fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
	exit(3);
}

static dnnl_memory_t memory_new(struct onednn *net, const dnnl_memory_desc_t *md)
{
	dnnl_memory_t memory;
	must(dnnl_memory_create(&memory, md, net->engine, DNNL_MEMORY_ALLOCATE), "memory");
	net->memories[net->n_memories++] = memory;
	return memory;
}

static void memory_fill(dnnl_memory_t memory, const void *values, size_t bytes)
{
	void *at;
	must(dnnl_memory_map_data(memory, &at), "map");
	memcpy(at, values, bytes);
	must(dnnl_memory_unmap_data(memory, at), "unmap");
}

/* Appends primitive(from → to). */
static struct action *append(struct onednn *net, const_dnnl_primitive_desc_t desc, dnnl_memory_t from, dnnl_memory_t to)
{
	struct action *action = &net->actions[net->n_actions++];
	must(dnnl_primitive_create(&action->primitive, desc), "primitive");
	action->args[0] = (dnnl_exec_arg_t){DNNL_ARG_FROM, from};
	action->args[1] = (dnnl_exec_arg_t){DNNL_ARG_TO, to};
	action->n_args = 2;
	return action;
}

static void run(struct onednn *net, const struct action *action)
{
	must(dnnl_primitive_execute(action->primitive, net->stream, action->n_args, action->args), "execute");
}

/* `memory` itself when it already has the layout, else a copy that a reorder will fill. */
static dnnl_memory_t in_layout(struct onednn *net, dnnl_memory_t memory, const dnnl_memory_desc_t *want)
{
	const dnnl_memory_desc_t *have;
	must(dnnl_memory_get_memory_desc(memory, &have), "descriptor");
	if (dnnl_memory_desc_equal(have, want))
		return memory;
	dnnl_memory_t copy = memory_new(net, want);
	dnnl_primitive_desc_t desc;
	must(dnnl_reorder_primitive_desc_create(&desc, have, net->engine, want, net->engine, NULL), "reorder");
	append(net, desc, memory, copy);
	dnnl_primitive_desc_destroy(desc);
	return copy;
}

/* A weight in the wanted layout, reordered now, once. */
static dnnl_memory_t weight_in_layout(struct onednn *net, const float *values, const dnnl_memory_desc_t *plain,
                                      const dnnl_memory_desc_t *want)
{
	dnnl_memory_t memory = memory_new(net, plain);
	memory_fill(memory, values, dnnl_memory_desc_get_size(plain));
	size_t before = net->n_actions;
	dnnl_memory_t ready = in_layout(net, memory, want);
	if (net->n_actions > before)
		run(net, &net->actions[--net->n_actions]);
	dnnl_stream_wait(net->stream);
	return ready;
}

static dnnl_memory_desc_t desc_of(int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
	dnnl_memory_desc_t md;
	must(dnnl_memory_desc_init_by_tag(&md, rank, dims, dnnl_f32, tag), "descriptor");
	return md;
}

static bool conv_desc(struct onednn *net, const struct layer *layer, const dnnl_dim_t map[4], bool winograd,
                      dnnl_primitive_desc_t *out)
{
	dnnl_dim_t to[4] = {map[0], (dnnl_dim_t)layer->out, map[2], map[3]};
	dnnl_dim_t kernel[4] = {(dnnl_dim_t)layer->out, (dnnl_dim_t)layer->in, 3, 3}, ones[2] = {1, 1}, bias[1] = {to[1]};
	dnnl_memory_desc_t src = desc_of(4, map, layer->in == 3 ? dnnl_nhwc : dnnl_format_tag_any);
	dnnl_memory_desc_t dst = desc_of(4, to, dnnl_format_tag_any), weights = desc_of(4, kernel, dnnl_format_tag_any);
	dnnl_memory_desc_t biases = desc_of(1, bias, dnnl_a);
	dnnl_convolution_desc_t desc;
	dnnl_primitive_attr_t attr;
	dnnl_post_ops_t ops;
	must(dnnl_primitive_attr_create(&attr), "attributes");
	must(dnnl_post_ops_create(&ops), "post-ops");
	must(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0), "relu");
	must(dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
	dnnl_status_t status = dnnl_convolution_forward_desc_init(
	    &desc, dnnl_forward_inference, winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, &src, &weights,
	    &biases, &dst, ones, ones, ones);
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(out, &desc, attr, net->engine, NULL);
	dnnl_post_ops_destroy(ops);
	dnnl_primitive_attr_destroy(attr);
	return status == dnnl_success;
}

static dnnl_memory_t append_conv(struct onednn *net, const struct layer *layer, dnnl_memory_t from,
                                 const dnnl_dim_t map[4], bool winograd)
{
	dnnl_primitive_desc_t desc;
	/* What it has no Winograd for is done directly. */
	if (!(winograd && conv_desc(net, layer, map, true, &desc)) && !conv_desc(net, layer, map, false, &desc))
		must(dnnl_unimplemented, layer->name);
	if (getenv("BENCH_VERBOSE")) {
		const char *name;
		dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
		fprintf(stderr, "oneDNN: %s: %s\n", layer->name, name);
	}
	from = in_layout(net, from, dnnl_primitive_desc_query_md(desc, dnnl_query_src_md, 0));
	dnnl_memory_t to = memory_new(net, dnnl_primitive_desc_query_md(desc, dnnl_query_dst_md, 0));
	dnnl_dim_t kernel[4] = {(dnnl_dim_t)layer->out, (dnnl_dim_t)layer->in, 3, 3}, bias[1] = {kernel[0]};
	dnnl_memory_desc_t hwio = desc_of(4, kernel, dnnl_hwio), biases = desc_of(1, bias, dnnl_a);
	dnnl_memory_t weights =
	    weight_in_layout(net, layer->kernel, &hwio, dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0));
	dnnl_memory_t added = weight_in_layout(net, layer->bias, &biases, &biases);
	struct action *action = append(net, desc, from, to);
	action->args[2] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, weights};
	action->args[3] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, added};
	action->n_args = 4;
	dnnl_primitive_desc_destroy(desc);
	return to;
}

static dnnl_memory_t append_pool(struct onednn *net, dnnl_memory_t from, const dnnl_dim_t map[4])
{
	dnnl_dim_t to[4] = {map[0], map[1], map[2] / 2, map[3] / 2}, twos[2] = {2, 2}, zeros[2] = {0, 0};
	const dnnl_memory_desc_t *src;
	dnnl_memory_desc_t dst = desc_of(4, to, dnnl_format_tag_any);
	dnnl_pooling_desc_t desc;
	dnnl_primitive_desc_t made;
	must(dnnl_memory_get_memory_desc(from, &src), "descriptor");
	must(dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference, dnnl_pooling_max, src, &dst, twos, twos, zeros,
	                                    zeros),
	     "pooling");
	must(dnnl_primitive_desc_create(&made, &desc, NULL, net->engine, NULL), "pooling");
	dnnl_memory_t result = memory_new(net, dnnl_primitive_desc_query_md(made, dnnl_query_dst_md, 0));
	append(net, made, from, result);
	dnnl_primitive_desc_destroy(made);
	return result;
}

struct onednn *onednn_new(const struct network *network, size_t batch, size_t size, bool winograd)
{
	struct onednn *net = calloc(1, sizeof *net);
	dnnl_dim_t map[4] = {(dnnl_dim_t)batch, 3, (dnnl_dim_t)size, (dnnl_dim_t)size};
	must(dnnl_engine_create(&net->engine, dnnl_cpu, 0), "engine");
	must(dnnl_stream_create(&net->stream, net->engine, dnnl_stream_default_flags), "stream");
	dnnl_memory_desc_t md = desc_of(4, map, dnnl_nhwc);
	net->input = memory_new(net, &md);
	net->input_bytes = dnnl_memory_desc_get_size(&md);
	dnnl_memory_t at = net->input;
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		at = layer->kind == LAYER_CONV ? append_conv(net, layer, at, map, winograd) : append_pool(net, at, map);
		map[1] = (dnnl_dim_t)layer->out;
		map[2] /= layer->kind == LAYER_POOL ? 2 : 1;
		map[3] /= layer->kind == LAYER_POOL ? 2 : 1;
	}
	md = desc_of(4, map, dnnl_nhwc);
	net->output = in_layout(net, at, &md);
	net->output_bytes = dnnl_memory_desc_get_size(&md);
	return net;
}

void onednn_free(struct onednn *net)
{
	for (size_t i = 0; i < net->n_actions; i++)
		dnnl_primitive_destroy(net->actions[i].primitive);
	for (size_t i = 0; i < net->n_memories; i++)
		dnnl_memory_destroy(net->memories[i]);
	dnnl_stream_destroy(net->stream);
	dnnl_engine_destroy(net->engine);
	free(net);
}

void onednn_forward(struct onednn *net, const float *input, float *output)
{
	memory_fill(net->input, input, net->input_bytes);
	for (size_t i = 0; i < net->n_actions; i++)
		run(net, &net->actions[i]);
	dnnl_stream_wait(net->stream);
	void *at;
	must(dnnl_memory_map_data(net->output, &at), "map");
	memcpy(output, at, net->output_bytes);
	must(dnnl_memory_unmap_data(net->output, at), "unmap");
}
