#include "stages/features_internal.h"

#include <stdlib.h>
#include <sys/stat.h>

#define CHECKPOINT_SECONDS 10.0

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
		/* A picture archive can be too large to be read twice; its size and time tell it from another one. */
		strbuf_format(&text, "%zu %lld %lld.%09ld\n", job->rows, (long long)faces.st_size,
		              (long long)faces.st_mtim.tv_sec, faces.st_mtim.tv_nsec);
		/* Other kernels round otherwise: one file does not mix two. */
		strbuf_add(&text, blas_core());
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
		features += batch->rows[i].crop == FEATURES_DROPPED ? 0 : side->floats;
	}
	return OK;
}

static int batch_run(const struct features_job *job, struct features_workers *workers, struct features_batch *batch,
                     void *workspace, struct err *err)
{
	int code = hdf_read_rows(job->faces, "pixels", HDF_U8, batch->first, batch->count, batch->pixels, err);
	if (code == OK)
		code = features_prepare(workers, batch, err);
	if (code == OK)
		network_forward(&(struct forward){.network = job->network,
		                                  .n = batch->kept,
		                                  .size = job->preprocess->size,
		                                  .threads = job->threads,
		                                  .input = batch->tensor,
		                                  .output = batch->features},
		                workspace);
	return code;
}

/* Batches until the end, a failure or a signal; a checkpoint now and then, and one when it was a signal. */
static int run_batches(const struct features_job *job, struct features_side *side, struct features_workers *workers,
                       struct features_batch *batch, void *workspace, struct err *err)
{
	struct progress progress;
	double saved = clock_seconds();
	int code = OK;
	progress_start(&progress, "features", "pictures", job->rows - side->done);
	for (size_t row = side->done; code == OK && row < job->rows; row += batch->count) {
		batch->first = row;
		batch->count = job->rows - row < job->batch ? job->rows - row : job->batch;
		code = batch_run(job, workers, batch, workspace, err);
		if (code == OK)
			code = batch_store(batch, side, err);
		if (code != OK)
			break;
		progress_add(&progress, batch->count);
		bool stopping = stop_requested();
		if (stopping || row + batch->count == job->rows || clock_seconds() - saved >= CHECKPOINT_SECONDS) {
			code = features_side_checkpoint(side, row + batch->count, err);
			saved = clock_seconds();
		}
		if (code == OK && side->done < job->rows)
			code = stop_check("features", err);
	}
	progress_end(&progress);
	return code;
}

int features_compute(const struct features_job *job, struct features_side *side, struct err *err)
{
	struct features_workers *workers = NULL;
	struct features_batch batch = {0};
	struct forward forward = {
	    .network = job->network, .n = job->batch, .size = job->preprocess->size, .threads = job->threads};
	void *workspace = NULL;
	if (side->done > 0)
		log_info("features", "goes on at picture %zu of %zu", side->done, job->rows);
	int code = features_workers_new(&workers, job, err);
	if (code == OK)
		code = batch_init(&batch, job, err);
	if (code == OK && !(workspace = mem_alloc(network_workspace(&forward), 1, err)))
		code = ERR_MEMORY;
	if (code == OK)
		code = run_batches(job, side, workers, &batch, workspace, err);
	free(workspace);
	batch_free(&batch);
	features_workers_free(workers);
	return code;
}
