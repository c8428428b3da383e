/*
 * bench_network BATCH THREADS ROUNDS PYTHON TORCH_SCRIPT [NODE ONNX_SCRIPT]: VGG16 at 150 pixels by moodcast, by oneDNN
 * (Winograd and direct), by PyTorch and by onnxruntime-node, same weights and pictures, in turns. A turn is as many
 * calls as bring at least 16 pictures, one behind the other as frames come. Prints pictures a second by the clock and
 * by processor time, medians of the rounds, and the ratios, medians of the rounds' own, with the spread.
 */
#include "bench_network.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE 150
#define ROUNDS_MAX 99
#define TURN 16 /* pictures */
#define PAUSE 300000 /* µs */
enum { PRODUCT, HALF, WINOGRAD, DIRECT, TORCH, ONNX, WAYS };
static const char *const way_names[WAYS] = {"moodcast", "moodcast fp16", "oneDNN Winograd", "oneDNN direct", "PyTorch",
                                             "onnxruntime-node"};

struct timing {
	double wall, cpu;
};
struct bench {
	size_t batch, floats; /* floats: of a batch's features */
	int threads, rounds, calls; /* calls: of a turn */
	struct network *network;
	struct network_plan *plan, *half;
	void *workspace;
	struct onednn *onednn[2]; /* Winograd, direct */
	float *input, *features[WAYS];
	FILE *to_peer[WAYS], *from_peer[WAYS]; /* of programs that run for themselves */
	int ways;
	char folder[64];
	struct timing times[WAYS][ROUNDS_MAX];
};

static struct timing now(void)
{
	struct timespec wall, cpu;
	clock_gettime(CLOCK_MONOTONIC, &wall);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (struct timing){(double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec,
	                       (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec};
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_network: %s\n", what);
	exit(3);
}

static const char *file_in(const struct bench *bench, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", bench->folder, name);
	return path;
}

static void write_inputs(const struct bench *bench)
{
	char path[128];
	FILE *file = fopen(file_in(bench, "weights", path), "wb");
	for (size_t i = 0; file && i < bench->network->count; i++) {
		const struct layer *layer = &bench->network->layers[i];
		fwrite(layer->kernel, sizeof(float), layer_kernel_count(layer), file);
		fwrite(layer->bias, sizeof(float), layer->kind == LAYER_CONV ? layer->out : 0, file);
	}
	if (!file || fclose(file))
		fail("weights cannot be written");
	file = fopen(file_in(bench, "pictures", path), "wb");
	if (!file || fwrite(bench->input, sizeof(float), bench->batch * SIZE * SIZE * 3, file) == 0 || fclose(file))
		fail("pictures cannot be written");
}

static void start_peer(struct bench *bench, int way, const char *program, const char *script)
{
	int in[2], out[2];
	char weights[128], pictures[128], features[128], batch[16], size[16], threads[16];
	if (pipe(in) || pipe(out))
		fail("no pipe");
	snprintf(batch, sizeof batch, "%zu", bench->batch);
	snprintf(size, sizeof size, "%d", SIZE);
	snprintf(threads, sizeof threads, "%d", bench->threads);
	pid_t child = fork();
	if (child < 0)
		fail("no process");
	if (child == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execlp(program, program, script, file_in(bench, "weights", weights), file_in(bench, "pictures", pictures),
		       batch, size, file_in(bench, way == ONNX ? "features.onnx" : "features", features), threads,
		       (char *)NULL);
		_exit(3);
	}
	close(in[0]);
	close(out[1]);
	bench->to_peer[way] = fdopen(in[1], "w");
	bench->from_peer[way] = fdopen(out[0], "r");
}

static struct timing run_peer(struct bench *bench, int way)
{
	struct timing timing;
	fprintf(bench->to_peer[way], "%d %d\n", bench->threads, bench->calls);
	fflush(bench->to_peer[way]);
	if (fscanf(bench->from_peer[way], "%lf %lf", &timing.wall, &timing.cpu) != 2)
		fail("a peer does not answer");
	return timing;
}

static void run_own(struct bench *bench, int way)
{
	if (way == PRODUCT || way == HALF)
		network_plan_forward(&(struct plan_run){.plan = way == HALF ? bench->half : bench->plan,
		                                        .n = bench->batch,
		                                        .threads = bench->threads,
		                                        .input = bench->input,
		                                        .output = bench->features[way]},
		                     bench->workspace);
	else
		onednn_forward(bench->onednn[way - WINOGRAD], bench->input, bench->features[way]);
}

/* Of a turn's call, on average. */
static struct timing run_way(struct bench *bench, int way)
{
	usleep(PAUSE); /* threads of whoever ran before go on spinning for a while */
	if (way == TORCH || way == ONNX)
		return run_peer(bench, way);
	struct timing from = now();
	for (int i = 0; i < bench->calls; i++)
		run_own(bench, way);
	struct timing to = now();
	return (struct timing){(to.wall - from.wall) / bench->calls, (to.cpu - from.cpu) / bench->calls};
}

static void prepare(struct bench *bench, char **peers)
{
	struct err err = {0};
	struct map_shape map;
	struct rng rng;
	struct plan_options options = {
	    .size = SIZE, .pictures = bench->batch, .threads = bench->threads, .level = CPU_AVX512};
	if (vgg16_new(&bench->network, CUT_BLOCK5_POOL, &err) || network_init_missing(bench->network, 1, &err) ||
	    network_shape(bench->network, SIZE, &map, &err) ||
	    network_plan_new(&bench->plan, bench->network, &options, &err))
		fail(err.text);
	options.precision = PRECISION_FP16;
	if (network_plan_new(&bench->half, bench->network, &options, &err))
		fail(err.text);
	size_t bytes = network_plan_workspace(bench->plan, bench->batch, bench->threads);
	size_t half_bytes = network_plan_workspace(bench->half, bench->batch, bench->threads);
	printf("workspace %.0f MB\n", (double)bytes / 1e6);
	bench->workspace = mem_alloc(bytes > half_bytes ? bytes : half_bytes, 1, &err);
	bench->input = mem_alloc(bench->batch * SIZE * SIZE * 3, sizeof(float), &err);
	bench->floats = bench->batch * map.height * map.width * map.channels;
	for (int way = 0; way < WAYS; way++)
		if (!(bench->features[way] = mem_alloc(bench->floats, sizeof(float), &err)))
			fail(err.text);
	if (!bench->workspace || !bench->input)
		fail(err.text);
	rng_seed(&rng, 1, "bench", 0);
	for (size_t i = 0; i < bench->batch * SIZE * SIZE * 3; i++)
		bench->input[i] = (float)rng_range(&rng, -120, 130);
	strcpy(bench->folder, "/tmp/bench_network.XXXXXX");
	if (!mkdtemp(bench->folder))
		fail("no scratch folder");
	write_inputs(bench);
	start_peer(bench, TORCH, peers[0], peers[1]);
	if (bench->ways > ONNX)
		start_peer(bench, ONNX, peers[2], peers[3]);
	for (int i = 0; i < 2; i++)
		bench->onednn[i] = onednn_new(bench->network, bench->batch, SIZE, i == 0);
}

static double error_to(const float *a, const float *b, size_t count)
{
	double difference = 0, square = 0;
	for (size_t i = 0; i < count; i++) {
		difference += pow((double)a[i] - (double)b[i], 2);
		square += pow((double)b[i], 2);
	}
	return sqrt(difference / square);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void print_way(struct bench *bench, int way)
{
	double wall[ROUNDS_MAX], cpu[ROUNDS_MAX], ratio[ROUNDS_MAX], cpu_ratio[ROUNDS_MAX];
	int n = bench->rounds, middle = n / 2;
	for (int r = 0; r < n; r++) {
		struct timing own = bench->times[PRODUCT][r], other = bench->times[way][r];
		wall[r] = other.wall, cpu[r] = other.cpu;
		ratio[r] = other.wall / own.wall, cpu_ratio[r] = other.cpu / own.cpu;
	}
	qsort(wall, (size_t)n, sizeof *wall, by_value);
	qsort(cpu, (size_t)n, sizeof *cpu, by_value);
	qsort(ratio, (size_t)n, sizeof *ratio, by_value);
	qsort(cpu_ratio, (size_t)n, sizeof *cpu_ratio, by_value);
	printf("%-16s %7.1f pictures/s by the clock, %7.1f a core-second | moodcast is %.2f × (%.2f–%.2f), by processor "
	       "time %.2f × (%.2f–%.2f) | error %.1e\n",
	       way_names[way], (double)bench->batch / wall[middle], (double)bench->batch / cpu[middle], ratio[middle],
	       ratio[0], ratio[n - 1], cpu_ratio[middle], cpu_ratio[0], cpu_ratio[n - 1],
	       error_to(bench->features[way], bench->features[PRODUCT], bench->floats));
}

int main(int argc, char **argv)
{
	static struct bench bench;
	char path[128];
	if (argc != 6 && argc != 8)
		fail("BATCH THREADS ROUNDS PYTHON TORCH_SCRIPT [NODE ONNX_SCRIPT]");
	bench.ways = argc == 8 ? WAYS : ONNX;
	bench.batch = (size_t)atoi(argv[1]);
	bench.threads = atoi(argv[2]);
	bench.calls = bench.batch < TURN ? (int)(TURN / bench.batch) : 1;
	bench.rounds = atoi(argv[3]) < ROUNDS_MAX ? atoi(argv[3]) : ROUNDS_MAX;
	omp_set_num_threads(bench.threads);
	prepare(&bench, argv + 4);
	for (int r = -1; r < bench.rounds; r++) /* the first warms up */
		for (int way = 0; way < bench.ways; way++)
			bench.times[way][r < 0 ? 0 : r] = run_way(&bench, way);
	for (int way = TORCH; way < bench.ways; way++) {
		FILE *file = fopen(file_in(&bench, way == ONNX ? "features.onnx" : "features", path), "rb");
		if (!file || fread(bench.features[way], sizeof(float), bench.floats, file) != bench.floats)
			fail("a peer's features cannot be read");
		fclose(file);
	}
	printf("VGG16 at %d pixels, batch %zu, %d thread%s, %d rounds in turns:\n", SIZE, bench.batch, bench.threads,
	       bench.threads > 1 ? "s" : "", bench.rounds);
	for (int way = 0; way < bench.ways; way++)
		print_way(&bench, way);
	static const char *const files[] = {"weights", "pictures", "features", "features.onnx"};
	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		unlink(file_in(&bench, files[i], path));
	rmdir(bench.folder);
	for (int i = 0; i < 2; i++)
		onednn_free(bench.onednn[i]);
	network_plan_free(bench.plan);
	network_free(bench.network);
	return 0;
}
