/* moodcast-train network: the network alone, for comparisons with other programs. */
#include "nn/nn.h"
#include "stages/stages.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE 150
#define MAX_WEIGHT_FILES 16

struct network_options {
	bool summary, reference;
	const char *input, *output;
	const char *weights[MAX_WEIGHT_FILES];
	size_t n_weights;
	int cut, missing, precision;
	long size, seed, threads;
};

static int number_option(const char *name, const char *text, long low, long high, long *out, struct err *err)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text || *end || number < low || number > high)
		return err_set(err, ERR_SETTINGS, "network: %s %s is not a number in %ld..%ld", name, text, low, high);
	*out = number;
	return OK;
}

static int take_cut(struct network_options *options, const char *value, struct err *err)
{
	options->cut = network_cut_find(value);
	if (options->cut < 0)
		return err_set(err, ERR_SETTINGS, "network: --cut %s is not block1_pool … block5_pool", value);
	return OK;
}

static int take_weights(struct network_options *options, const char *value, struct err *err)
{
	if (options->n_weights == MAX_WEIGHT_FILES)
		return err_set(err, ERR_SETTINGS, "network: more than %d weight files", MAX_WEIGHT_FILES);
	options->weights[options->n_weights++] = value;
	return OK;
}

static int take_missing(struct network_options *options, const char *value, struct err *err)
{
	options->missing = strcmp(value, "init") == 0 ? MISSING_INIT : MISSING_ERROR;
	if (options->missing == MISSING_ERROR && strcmp(value, "error") != 0)
		return err_set(err, ERR_SETTINGS, "network: --missing %s is not error or init", value);
	return OK;
}

static int take_precision(struct network_options *options, const char *value, struct err *err)
{
	options->precision = strcmp(value, "fp16") == 0 ? PRECISION_FP16 : PRECISION_FP32;
	if (strcmp(value, network_precision_name(options->precision)) != 0)
		return err_set(err, ERR_SETTINGS, "network: --precision %s is not fp32 or fp16", value);
	return OK;
}

static int take_option(struct network_options *options, const char *name, const char *value, struct err *err)
{
	if (strcmp(name, "--forward") == 0)
		options->input = value;
	else if (strcmp(name, "--out") == 0)
		options->output = value;
	else if (strcmp(name, "--weights") == 0)
		return take_weights(options, value, err);
	else if (strcmp(name, "--cut") == 0)
		return take_cut(options, value, err);
	else if (strcmp(name, "--missing") == 0)
		return take_missing(options, value, err);
	else if (strcmp(name, "--precision") == 0)
		return take_precision(options, value, err);
	else if (strcmp(name, "--size") == 0)
		return number_option(name, value, 1, 4096, &options->size, err);
	else if (strcmp(name, "--seed") == 0)
		return number_option(name, value, 0, LONG_MAX, &options->seed, err);
	else if (strcmp(name, "--threads") == 0)
		return number_option(name, value, 0, 1024, &options->threads, err);
	else
		return err_set(err, ERR_SETTINGS,
		               "network: %s is not known; there are --summary, --forward, --out, --weights, --cut, "
		               "--missing, --size, --seed, --threads, --precision, --reference",
		               name);
	return OK;
}

static int parse(struct network_options *options, int argc, char **argv, struct err *err)
{
	*options = (struct network_options){.cut = CUT_BLOCK5_POOL, .size = DEFAULT_SIZE, .seed = 1};
	for (int i = 0; i < argc; i++) {
		bool *flag = strcmp(argv[i], "--summary") == 0     ? &options->summary
		             : strcmp(argv[i], "--reference") == 0 ? &options->reference
		                                                   : NULL;
		if (flag) {
			*flag = true;
			continue;
		}
		if (i + 1 == argc)
			return err_set(err, ERR_SETTINGS, "network: a value must follow %s", argv[i]);
		int code = take_option(options, argv[i], argv[i + 1], err);
		if (code != OK)
			return code;
		i++;
	}
	if (options->summary == (options->input != NULL))
		return err_set(err, ERR_SETTINGS, "network: either --summary or --forward IN.npy says what to do");
	if (options->input && !options->output)
		return err_set(err, ERR_SETTINGS, "network: --out OUT.npy says where the features go");
	return OK;
}

/* Without files the summary shows the bare network: nothing needs initialising. */
static int load(struct network **out, const struct network_options *options, struct err *err)
{
	if (options->summary && options->n_weights == 0)
		return vgg16_new(out, options->cut, err);
	struct network_source source = {.cut = options->cut,
	                                .files = options->weights,
	                                .n_files = options->n_weights,
	                                .missing = options->missing,
	                                .seed = (uint64_t)options->seed};
	return network_load(out, &source, err);
}

static int summarise(const struct network *network, const struct network_options *options, struct err *err)
{
	struct strbuf text = {0};
	int code = network_summary(network, (size_t)options->size, &text, err);
	if (code == OK)
		fputs(text.text, stdout);
	strbuf_free(&text);
	return code;
}

static int check_input(const struct npy *input, const char *path, struct err *err)
{
	if (input->type != NPY_F32 || input->rank != 4 || input->dims[3] != 3 || input->dims[1] != input->dims[2] ||
	    input->dims[0] == 0)
		return err_set(err, ERR_DATA, "%s: float32 [n][size][size][3] is expected", path);
	const float *values = input->data;
	size_t count = input->dims[0] * input->dims[1] * input->dims[2] * 3;
	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return err_set(err, ERR_DATA, "%s: value %zu is %g, not a finite number", path, i, (double)values[i]);
	return OK;
}

/* By matrix products alone: slower, and what the prepared network is held to. */
static int forward_reference(const struct network *network, const struct plan_run *run, size_t size, double *seconds,
                             struct err *err)
{
	struct forward forward = {.network = network,
	                          .n = run->n,
	                          .size = size,
	                          .threads = run->threads,
	                          .input = run->input,
	                          .output = run->output};
	void *workspace = mem_alloc(network_workspace(&forward), 1, err);
	if (!workspace)
		return ERR_MEMORY;
	double started = clock_seconds();
	network_forward(&forward, workspace);
	*seconds = clock_seconds() - started;
	free(workspace);
	return OK;
}

static int forward_prepared(const struct network *network, struct plan_run *run, const struct plan_options *options,
                            double *seconds, struct err *err)
{
	struct network_plan *plan;
	int code = network_plan_new(&plan, network, options, err);
	if (code != OK)
		return code;
	void *workspace = mem_alloc(network_plan_workspace(plan, run->n, run->threads), 1, err);
	code = workspace ? OK : ERR_MEMORY;
	if (code == OK) {
		double started = clock_seconds();
		run->plan = plan;
		network_plan_forward(run, workspace);
		*seconds = clock_seconds() - started;
	}
	free(workspace);
	network_plan_free(plan);
	return code;
}

static int run_forward(const struct network *network, const struct npy *input, const struct network_options *options,
                       struct err *err)
{
	struct map_shape map;
	size_t size = input->dims[1];
	double seconds = 0;
	int code = network_shape(network, size, &map, err);
	if (code != OK)
		return code;
	struct npy output = {.type = NPY_F32,
	                     .rank = 4,
	                     .dims = {input->dims[0], map.height, map.width, map.channels},
	                     .item = sizeof(float)};
	output.data = mem_alloc(output.dims[0], map.height * map.width * map.channels * sizeof(float), err);
	if (!output.data)
		return ERR_MEMORY;
	struct plan_run run = {.n = input->dims[0],
	                       .threads = thread_count((int)options->threads),
	                       .input = input->data,
	                       .output = output.data};
	struct plan_options prepared = {.size = size,
	                                .pictures = run.n == 1 ? 1 : 0,
	                                .threads = run.threads,
	                                .level = CPU_AVX512,
	                                .precision = options->precision};
	code = options->reference ? forward_reference(network, &run, size, &seconds, err)
	                          : forward_prepared(network, &run, &prepared, &seconds, err);
	if (code == OK) {
		log_info("network", "%zu pictures in %.3f s, %.1f a second", run.n, seconds, (double)run.n / seconds);
		code = npy_save(&output, options->output, err);
	}
	npy_free(&output);
	return code;
}

int network_command(int argc, char **argv, struct err *err)
{
	struct network_options options;
	struct network *network = NULL;
	struct npy input = {0};
	int code = parse(&options, argc, argv, err);
	if (code == OK)
		code = load(&network, &options, err);
	if (code == OK && options.summary)
		code = summarise(network, &options, err);
	else if (code == OK && (code = npy_load(&input, options.input, err)) == OK &&
	         (code = check_input(&input, options.input, err)) == OK)
		code = run_forward(network, &input, &options, err);
	npy_free(&input);
	network_free(network);
	return code;
}
