/* faces.h5 in one file or, by several ranks, in shards. */
#include <stdlib.h>

#include "base/comm.h"
#include "stages/evaluate_internal.h"
#include "vision/vision.h"

static int save_skips(const struct stage_run *run, const struct face_set *set, struct err *err)
{
	char *path = stage_out_path(run, "skipped.tsv", err);
	int status = path ? faces_save_skips(set, path, err) : err->code;
	free(path);
	return status;
}

/* The work of hours must not end at a full disk. */
static int check_disk(const struct stage_run *run, const struct face_set *set, uint64_t have, struct err *err)
{
	uint64_t needed = faces_disk_estimate(set, &run->settings->faces), left = 0;
	int status = disk_free(run->out, &left, err);
	if (status != OK)
		return status;
	log_info("faces", "faces.h5 will take about %.3g GB; %.3g GB are free", (double)needed / 1e9, (double)left / 1e9);
	if (needed <= left + have)
		return OK;
	return err_set(
	    err, ERR_IO,
	    "%s: faces.h5 will take about %.3g GB and %.3g GB are free; make room, choose fewer pictures or smaller "
	    "frames (faces.per_person_class, frame_width, frame_height)",
	    run->out, (double)needed / 1e9, (double)left / 1e9);
}

/* All pictures are read: what was skipped, and whether the rest will do. */
static int settle(const struct stage_run *run, struct face_set *set, const struct faces_request *request,
                  struct err *err)
{
	int status = save_skips(run, set, err);
	if (status == OK)
		status = faces_check_skips(set, request->settings->max_skipped, err);
	if (status == OK)
		status = faces_split(set, request, err);
	if (status == OK)
		status = faces_check_split(set, err);
	return status;
}

static int build_one(struct stage_run *run, const struct faces_request *request, struct face_set *set, const char *path,
                     struct err *err)
{
	struct faces_store *store = NULL;
	int status = faces_store_create(&store, path, set, request->settings, err);
	if (status == OK)
		status = check_disk(run, set, faces_store_bytes(store), err);
	if (status == OK)
		status = faces_read_store(set, request, store, err);
	if (status == OK)
		status = settle(run, set, request, err);
	if (status == OK)
		return faces_store_finish(store, set, stage_reads_sample(&request->settings->input), err);
	faces_store_discard(store);
	return status;
}

/* Every rank reads; what all must wait for, rank 0 does between: a failure of its own ends the others. */
static int build_shards(struct stage_run *run, const struct faces_request *request, struct face_set *set,
                        struct faces_shards *shards, struct err *err)
{
	uint64_t have = 0;
	int status = OK;
	if (comm_publishes() && (status = faces_shards_bytes(shards, &have, err)) == OK)
		status = check_disk(run, set, have, err);
	if (status == OK)
		status = faces_read_shards(set, request, shards, err);
	if (status == OK && comm_publishes())
		status = settle(run, set, request, err);
	if (status == OK)
		status = faces_shards_finish(shards, err);
	if (status == OK && comm_publishes())
		status = faces_shards_join(shards, set, stage_reads_sample(&request->settings->input), err);
	return status;
}

int faces_write(struct stage_run *run, const struct faces_request *request, struct face_set *set, struct err *err)
{
	struct faces_shards *shards = NULL;
	char *path = stage_out_path(run, "faces.h5", err);
	int status = path ? faces_shards_open(&shards, path, set, request->settings, run->as_ranks, err) : err->code;
	if (status == OK)
		status = shards ? build_shards(run, request, set, shards, err) : build_one(run, request, set, path, err);
	run->as_ranks = shards != NULL;
	faces_shards_free(shards);
	free(path);
	return status;
}
