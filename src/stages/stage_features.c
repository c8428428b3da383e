/* features: faces.h5 + cascade.xml + network weights → features.h5. */
#include "base/comm.h"
#include "stages/features_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ROWS ((size_t)1 << 32)

struct features_stage {
	struct features_job job;
	struct preprocess preprocess;
	struct network *network;
	struct cascade *cascade;
	struct hdf_file *faces;
	struct path_list weights;
	struct strbuf sums; /* of weights */
	char *faces_path, *cascade_path;
	int32_t *area, *box;
	uint8_t *split;
};

static void stage_free(struct features_stage *stage)
{
	network_free(stage->network);
	cascade_free(stage->cascade);
	hdf_close(stage->faces);
	path_list_free(&stage->weights);
	strbuf_free(&stage->sums);
	free(stage->faces_path);
	free(stage->cascade_path);
	free(stage->area);
	free(stage->box);
	free(stage->split);
}

static int open_network(struct features_stage *stage, const struct stage_run *run, struct err *err)
{
	const struct network_settings *settings = &run->settings->network;
	struct network_source source = {.missing = settings->missing, .seed = (uint64_t)run->settings->run.seed};
	int code = trainable_cut(run->settings->emotion.trainable, settings->cut, &source.cut, err);
	if (code != OK || (code = stage_weight_files(run, &stage->weights, &stage->sums, err)) != OK)
		return code;
	source.files = (const char *const *)stage->weights.items;
	source.n_files = stage->weights.count;
	return network_load(&stage->network, &source, err);
}

static int open_cascade(struct features_stage *stage, const struct stage_run *run, struct err *err)
{
	if (!preprocess_uses(&stage->preprocess, CROP_CASCADE))
		return OK;
	if (!stage_in_folder(run, "cascade") && stage->preprocess.n_crop > 1) {
		log_warn("features", "no cascade was trained: faces are taken from the other sources of preprocess.crop");
		return OK;
	}
	char *path = stage_in_path(run, "cascade", "cascade.xml", err);
	int code = path ? cascade_load(&stage->cascade, path, err) : err->code;
	stage->cascade_path = path;
	return code;
}

static bool rectangles(const struct hdf_shape *shape, uint64_t rows)
{
	return shape->rank == 2 && shape->dims[0] == rows && shape->dims[1] == 4;
}

static int open_faces(struct features_stage *stage, const struct stage_run *run, struct err *err)
{
	struct hdf_shape pixels, area, box, split;
	char *path = stage_in_path(run, "faces", "faces.h5", err);
	int code = path ? hdf_open(&stage->faces, path, err) : err->code;
	stage->faces_path = path;
	if (code != OK || (code = hdf_shape(stage->faces, "pixels", &pixels, err)) != OK ||
	    (code = hdf_read(stage->faces, "area", HDF_I32, MAX_ROWS, (void **)&stage->area, &area, err)) != OK ||
	    (code = hdf_read(stage->faces, "box", HDF_I32, MAX_ROWS, (void **)&stage->box, &box, err)) != OK ||
	    (code = hdf_read(stage->faces, "split", HDF_U8, MAX_ROWS, (void **)&stage->split, &split, err)) != OK)
		return code;
	if (pixels.rank != 4 || pixels.dims[3] != 3 || !rectangles(&area, pixels.dims[0]) ||
	    !rectangles(&box, pixels.dims[0]) || split.rank != 1 || split.dims[0] != pixels.dims[0])
		return err_set(err, ERR_DATA, "%s: pixels, area, box and split do not fit together", stage->faces_path);
	stage->job.rows = pixels.dims[0];
	stage->job.frame_height = pixels.dims[1];
	stage->job.frame_width = pixels.dims[2];
	return OK;
}

static int stage_open(struct features_stage *stage, const struct stage_run *run, struct err *err)
{
	int code = preprocess_from_settings(&stage->preprocess, &run->settings->preprocess, err);
	if (code != OK || (code = open_cascade(stage, run, err)) != OK || (code = open_faces(stage, run, err)) != OK ||
	    (code = open_network(stage, run, err)) != OK)
		return code;
	struct features_job *job = &stage->job;
	const struct network_settings *network = &run->settings->network;
	job->preprocess = &stage->preprocess;
	job->network = stage->network, job->precision = network->precision, job->batch = (size_t)network->batch;
	job->cascade = stage->cascade;
	job->faces = stage->faces, job->area = stage->area, job->box = stage->box, job->split = stage->split;
	job->threads = run->threads, job->checkpoint_seconds = (double)run->settings->run.checkpoint_seconds;
	augment_from_settings(&job->augment, &run->settings->augment, (uint64_t)run->settings->run.seed);
	if (stage->network->count > 0 && strcmp(network_pretrained(stage->network), "full") != 0)
		log_warn("features", "the network is %s pretrained",
		         strcmp(network_pretrained(stage->network), "none") ? "only partly" : "not");
	code = features_served_frame(job, &stage->preprocess, err);
	return code == OK ? network_shape(stage->network, stage->preprocess.size, &job->map, err) : code;
}

static int compute_and_write(struct features_stage *stage, const struct stage_run *run, struct features_counts *counts,
                             struct err *err)
{
	const struct map_shape *map = &stage->job.map;
	char identity[SHA256_HEX], *path = stage_out_path(run, "features.h5", err);
	char *side_path = stage_out_path(run, "features.f32.part", err);
	struct features_side side = {0};
	struct features_side_wish wish = {side_path, identity, map->height * map->width * map->channels,
	                                  features_rows_of(&stage->job)};
	int code = path && side_path ? OK : ERR_MEMORY;
	if (code == OK)
		code = features_identity(&stage->job, stage->faces_path, stage->cascade_path, identity, err);
	if (code == OK)
		code = features_side_open(&side, &wish, err);
	if (code == OK)
		code = features_compute(&stage->job, &side, err);
	if (code == OK && comm_publishes()) {
		struct features_result result = {&stage->job, &side, stage->sums.text, run->settings->network.storage};
		code = features_write(&result, path, counts, err);
	}
	features_side_close(&side);
	if (code == OK && comm_publishes() && unlink(side_path) != 0)
		code = err_errno(err, "%s: cannot be removed", side_path);
	free(path);
	free(side_path);
	return code;
}

int stage_features(struct stage_run *run, struct err *err)
{
	struct features_stage stage = {0};
	struct features_counts counts = {0};
	int code = stage_open(&stage, run, err);
	if (code == OK)
		code = compute_and_write(&stage, run, &counts, err);
	if (code == OK && comm_publishes())
		code = features_report(&stage.job, &counts, run, err);
	features_counts_free(&counts);
	stage_free(&stage);
	return code;
}
