#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"
#include "vision/vision.h"

/* 2231 → "2,231". */
static const char *grouped(size_t number, char *buffer, size_t size)
{
	char digits[32];
	int length = snprintf(digits, sizeof digits, "%zu", number), at = 0;
	for (int i = 0; i < length && (size_t)at + 2 < size; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			buffer[at++] = ',';
		buffer[at++] = digits[i];
	}
	buffer[at] = '\0';
	return buffer;
}

static int write_headline(struct stage_run *run, const struct face_set *set, struct err *err)
{
	char faces[40], people[40], skipped[40], of[64] = "";
	size_t known;
	if (faces_people(set, &known, err) != OK)
		return err->code;
	if (known > 0)
		snprintf(of, sizeof of, " of %s people", grouped(known, people, sizeof people));
	snprintf(run->headline, sizeof run->headline, "%s faces%s, %zu classes; %s skipped",
	         grouped(set->count, faces, sizeof faces), of, set->classes.names.count,
	         grouped(set->skipped_pictures, skipped, sizeof skipped));
	return OK;
}

/* Pictures of classes that no class of the model stands for. */
static void write_left_out(struct json *metrics, const struct face_set *set)
{
	struct json *left_out = json_set_object(metrics, "left_out");
	for (size_t i = 0; i < set->unknown.names.count; i++)
		json_set_integer(left_out, set->unknown.names.items[i], (int64_t)set->unknown_count[i]);
}

static int save_skips(const struct stage_run *run, const struct face_set *set, struct err *err)
{
	char *path = stage_out_path(run, "skipped.tsv", err);
	int status = path ? faces_save_skips(set, path, err) : err->code;
	free(path);
	return status;
}

/* The work of hours must not end at a full disk. */
static int check_disk(const struct stage_run *run, const struct face_set *set, const struct faces_store *store,
                      struct err *err)
{
	uint64_t needed = faces_disk_estimate(set, &run->settings->faces), have = faces_store_bytes(store), left = 0;
	int status = disk_free(run->out, &left, err);
	if (status != OK)
		return status;
	log_info("faces", "faces.h5 will take about %.3g GB; %.3g GB are free", (double)needed / 1e9, (double)left / 1e9);
	if (needed <= left + have)
		return OK;
	return err_set(err, ERR_IO,
	               "%s: faces.h5 will take about %.3g GB and %.3g GB are free; make room, choose fewer pictures or smaller "
	               "frames (faces.per_person_class, frame_width, frame_height)",
	               run->out, (double)needed / 1e9, (double)left / 1e9);
}

static int fill_store(struct stage_run *run, struct face_set *set, const struct faces_request *request,
                      struct faces_store *store, struct err *err)
{
	int status = check_disk(run, set, store, err);
	if (status == OK)
		status = faces_read_store(set, request, store, err);
	if (status == OK)
		status = save_skips(run, set, err);
	if (status == OK)
		status = faces_check_skips(set, request->settings->max_skipped, err);
	if (status == OK)
		status = faces_split(set, request, err);
	if (status == OK)
		status = faces_check_split(set, err);
	return status;
}

static int build(struct stage_run *run, const struct faces_request *request, struct face_set *set, struct err *err)
{
	bool synthetic = stage_reads_sample(&request->settings->input);
	struct faces_store *store = NULL;
	char *path = stage_out_path(run, "faces.h5", err);
	int status = path ? faces_store_create(&store, path, set, request->settings, err) : err->code;
	if (status == OK && (status = fill_store(run, set, request, store, err)) != OK)
		faces_store_discard(store);
	else if (status == OK)
		status = faces_store_finish(store, set, synthetic, err);
	free(path);
	if (status != OK)
		return status;
	if (faces_metrics(set, run->metrics, err) != OK)
		return err->code;
	if (request->judges)
		write_left_out(run->metrics, set);
	json_set_bool(run->metrics, "synthetic", synthetic);
	return write_headline(run, set, err);
}

int faces_build(struct stage_run *run, const struct path_list *judges, struct err *err)
{
	const struct settings *settings = run->settings;
	struct path_list inputs = {0};
	struct faces_request request = {.settings = &settings->faces,
	                                .inputs = &inputs,
	                                .seed = (uint64_t)settings->run.seed,
	                                .threads = run->threads,
	                                .judges = judges};
	struct face_set *set = NULL;
	int status = stage_expand(run, &settings->faces.input, &inputs, err);
	if (status == OK)
		status = faces_scan(&set, &request, err);
	if (status == OK) {
		log_info("faces", "%zu pictures chosen, %zu classes, layout %s", set->count, set->classes.names.count,
		         faces_layout_name(set));
		status = build(run, &request, set, err);
	}
	face_set_free(set);
	path_list_free(&inputs);
	return status;
}

int stage_faces(struct stage_run *run, struct err *err)
{
	return faces_build(run, NULL, err);
}
