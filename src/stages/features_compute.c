#include "base/comm.h"
#include "stages/features_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t network_hash(const struct network *network)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < network->count; i++) {
		const struct layer *layer = &network->layers[i];
		if (!layer->kernel)
			continue;
		hash = hash64(layer->kernel, layer_kernel_count(layer) * sizeof(float), hash);
		hash = hash64(layer->bias, layer->out * sizeof(float), hash);
	}
	return hash;
}

size_t features_rows_of(const struct features_job *job)
{
	return job->rows * (1 + job->augment.copies);
}

static void augment_text(const struct augment *a, struct strbuf *text)
{
	strbuf_format(text, "%zu %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %llu\n", a->copies,
	              a->flip, a->grey, a->shift, a->scale, a->rotation, a->brightness, a->contrast, a->gamma, a->blur,
	              a->cutout, (unsigned long long)a->seed);
}

int features_identity(const struct features_job *job, const char *faces_path, const char *cascade_path,
                      char hex[SHA256_HEX], struct err *err)
{
	struct strbuf text = {0};
	struct stat faces;
	char cascade[SHA256_HEX] = "none", *preprocess = NULL;
	int code = stat(faces_path, &faces) == 0 ? OK : err_errno(err, "%s: cannot be read", faces_path);
	if (code == OK && job->cascade)
		code = sha256_file(cascade_path, cascade, err);
	if (code == OK)
		code = preprocess_print(job->preprocess, &preprocess, err);
	if (code == OK) {
		strbuf_format(&text, "%s\n%s\n%s\n", preprocess, network_cut_name(job->network->cut), cascade);
		strbuf_format(&text, "%016llx\n", (unsigned long long)network_hash(job->network));
		if (augment_given(&job->augment))
			augment_text(&job->augment, &text);
		/* A picture archive can be too large to be read twice; its size and time tell it from another one. */
		strbuf_format(&text, "%zu %lld %lld.%09ld\n", job->rows, (long long)faces.st_size,
		              (long long)faces.st_mtim.tv_sec, faces.st_mtim.tv_nsec);
		/* Other kernels round otherwise: one file does not mix two. */
		strbuf_format(&text, "%s %s", cpu_level_name(cpu_features()->level), network_precision_name(job->precision));
		code = strbuf_check(&text, err);
	}
	if (code == OK)
		sha256_bytes(text.text, text.length, hex);
	strbuf_free(&text);
	free(preprocess);
	return code;
}

static void batch_free(struct features_batch *batch)
{
	free(batch->pixels);
	free(batch->tensor);
	free(batch->features);
	free(batch->rows);
}

static int batch_init(struct features_batch *batch, const struct features_job *job, struct err *err)
{
	size_t size = job->preprocess->size;
	size_t map = job->map.height * job->map.width * job->map.channels;
	if (!(batch->pixels = mem_alloc(job->batch, job->frame_height * job->frame_width * 3, err)) ||
	    !(batch->tensor = mem_alloc(job->batch, size * size * 3 * sizeof *batch->tensor, err)) ||
	    !(batch->features = mem_alloc(job->batch, map * sizeof *batch->features, err)) ||
	    !(batch->rows = mem_alloc(job->batch, sizeof *batch->rows, err)))
		return ERR_MEMORY;
	return OK;
}

static int batch_store(const struct features_batch *batch, struct features_side *side, struct err *err)
{
	const float *features = batch->features;
	for (size_t i = 0; i < batch->count; i++) {
		int code = features_side_write(side, batch->first + i, &batch->rows[i], features, err);
		if (code != OK)
			return code;
		features += batch->rows[i].crop < 0 ? 0 : side->floats;
	}
	return OK;
}

/* ---- two batches on their way: one in the network, the next being prepared ---- */

struct pipeline {
	const struct features_job *job;
	const struct features_side *side;
	struct features_workers *workers;
	struct network_plan *plan;
	void *workspace;
	struct features_batch batches[2];
	size_t current;     /* the batch in the network; one of 0 pictures: there are none left */
	size_t *todo;       /* pieces that are not whole */
	struct comm_deal deal; /* of them */
	uint64_t dealt;     /* the last that came here */
	size_t row, end;    /* of its piece: next, and behind its last */
	pthread_t thread;   /* prepares the other batch, when `running` */
	bool running;
	int code; /* how that went */
	struct err err;
};

/* The next piece that nobody has; false when there is none. */
static int take_piece(struct pipeline *pipeline, bool *taken, struct err *err)
{
	if (comm_deal_next(&pipeline->deal, &pipeline->dealt, err) != OK)
		return err->code;
	if ((*taken = pipeline->dealt < pipeline->deal.count)) {
		size_t piece = pipeline->todo[pipeline->dealt];
		pipeline->row = piece * FEATURES_PIECE + pipeline->side->done[piece];
		pipeline->end = features_side_end(pipeline->side, piece);
	}
	return OK;
}

static int batch_prepare(struct pipeline *pipeline, struct features_batch *batch, struct err *err)
{
	const struct features_job *job = pipeline->job;
	bool more = pipeline->row < pipeline->end;
	batch->count = 0;
	if (!more && take_piece(pipeline, &more, err) != OK)
		return err->code;
	if (!more)
		return OK;
	/* a batch holds one copy's pictures, as they stand in faces.h5 */
	size_t row = pipeline->row, left = job->rows - row % job->rows;
	left = left < pipeline->end - row ? left : pipeline->end - row;
	batch->first = row;
	batch->count = left < job->batch ? left : job->batch;
	pipeline->row += batch->count;
	int code = hdf_read_rows(job->faces, "pixels", HDF_U8, row % job->rows, batch->count, batch->pixels, err);
	return code == OK ? features_prepare(pipeline->workers, batch, err) : code;
}

static void *prepare_next(void *context)
{
	struct pipeline *pipeline = context;
	pipeline->code = batch_prepare(pipeline, &pipeline->batches[1 - pipeline->current], &pipeline->err);
	return NULL;
}

/* Begins to prepare the batch behind the current one; without a thread to spare, does it at once. */
static void pipeline_start(struct pipeline *pipeline)
{
	pipeline->code = OK;
	pipeline->running = pthread_create(&pipeline->thread, NULL, prepare_next, pipeline) == 0;
	if (!pipeline->running)
		(void)prepare_next(pipeline);
}

/* The prepared batch becomes the current one. */
static int pipeline_turn(struct pipeline *pipeline, struct err *err)
{
	if (pipeline->running)
		pthread_join(pipeline->thread, NULL);
	pipeline->running = false;
	pipeline->current = 1 - pipeline->current;
	if (pipeline->code != OK)
		*err = pipeline->err;
	return pipeline->code;
}

static int list_pieces(struct pipeline *pipeline, struct err *err)
{
	const struct features_side *side = pipeline->side;
	size_t count = 0;
	if (!(pipeline->todo = mem_alloc(side->pieces, sizeof *pipeline->todo, err)))
		return err->code;
	for (size_t piece = 0; piece < side->pieces; piece++)
		if (piece * FEATURES_PIECE + side->done[piece] < features_side_end(side, piece))
			pipeline->todo[count++] = piece;
	return comm_deal_begin(&pipeline->deal, count, err);
}

static int pipeline_init(struct pipeline *pipeline, const struct features_job *job, const struct features_side *side,
                         struct err *err)
{
	struct plan_options options = {
	    .size = job->preprocess->size, .threads = job->threads, .level = CPU_AVX512, .precision = job->precision};
	*pipeline = (struct pipeline){.job = job, .side = side};
	int code = list_pieces(pipeline, err);
	if (code == OK)
		code = features_workers_new(&pipeline->workers, job, err);
	for (size_t i = 0; code == OK && i < 2; i++)
		code = batch_init(&pipeline->batches[i], job, err);
	if (code != OK || job->network->count == 0)
		return code;
	code = network_plan_new(&pipeline->plan, job->network, &options, err);
	if (code == OK &&
	    !(pipeline->workspace = mem_alloc(network_plan_workspace(pipeline->plan, job->batch, job->threads), 1, err)))
		code = ERR_MEMORY;
	return code;
}

static void pipeline_free(struct pipeline *pipeline)
{
	free(pipeline->workspace);
	free(pipeline->todo);
	network_plan_free(pipeline->plan);
	for (size_t i = 0; i < 2; i++)
		batch_free(&pipeline->batches[i]);
	features_workers_free(pipeline->workers);
}

/* The current batch through the network and into the side file, the next one being prepared meanwhile. */
static int run_batch(struct pipeline *pipeline, struct features_side *side, struct err *err)
{
	const struct features_job *job = pipeline->job;
	const struct features_batch *batch = &pipeline->batches[pipeline->current];
	pipeline_start(pipeline);
	if (pipeline->plan)
		network_plan_forward(&(struct plan_run){.plan = pipeline->plan,
		                                        .n = batch->kept,
		                                        .threads = job->threads,
		                                        .input = batch->tensor,
		                                        .output = batch->features},
		                     pipeline->workspace);
	else /* everything is trained: the features are the pictures */
		memcpy(batch->features, batch->tensor, batch->kept * side->floats * sizeof(float));
	int code = batch_store(batch, side, err);
	struct err next = {0};
	int next_code = pipeline_turn(pipeline, &next);
	if (code == OK && next_code != OK)
		*err = next;
	return code == OK ? next_code : code;
}

/* Batches until there are none, a failure or a signal; a checkpoint now and then, and one when it was a signal. */
static int run_batches(struct pipeline *pipeline, struct features_side *side, struct progress *progress,
                       struct err *err)
{
	double saved = clock_seconds();
	int code = batch_prepare(pipeline, &pipeline->batches[0], err);
	while (code == OK && pipeline->batches[pipeline->current].count > 0) {
		const struct features_batch *batch = &pipeline->batches[pipeline->current];
		size_t count = batch->count, end = batch->first + count;
		uint64_t dealt = pipeline->dealt;
		code = run_batch(pipeline, side, err);
		if (code == OK)
			code = features_side_note(side, end, err);
		if (code != OK)
			break;
		/* What is dealt to others between two of this rank's pieces is on its way, too. */
		progress_add(progress, count + (pipeline->dealt > dealt ? (pipeline->dealt - dealt - 1) * FEATURES_PIECE : 0));
		bool stopping = stop_requested();
		if (stopping || clock_seconds() - saved >= pipeline->job->checkpoint_seconds) {
			code = features_side_checkpoint(side, err);
			saved = clock_seconds();
		}
		if (code == OK && pipeline->batches[pipeline->current].count > 0)
			code = stop_check("features", err);
	}
	return code;
}

int features_compute(const struct features_job *job, struct features_side *side, struct err *err)
{
	struct pipeline pipeline;
	struct progress progress;
	size_t done = 0;
	for (size_t piece = 0; piece < side->pieces; piece++)
		done += side->done[piece];
	if (done > 0)
		log_info("features", "goes on at picture %zu of %zu", done, side->rows);
	progress_start(&progress, "features", "pictures", side->rows - done);
	int code = pipeline_init(&pipeline, job, side, err);
	if (code == OK)
		code = run_batches(&pipeline, side, &progress, err);
	progress_end(&progress);
	pipeline_free(&pipeline);
	return code == OK ? features_side_gather(side, err) : code;
}
