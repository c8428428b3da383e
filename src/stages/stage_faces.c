#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#include "vision/vision.h"

static bool is_synthetic(const struct text_list *input)
{
	for (size_t i = 0; i < input->count; i++) {
		if (strncmp(input->items[i], "@sample/", 8) == 0)
			return true;
	}
	return false;
}

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

static void write_headline(struct stage_run *run, const struct face_set *set)
{
	char faces[40], people[40], skipped[40], of[64] = "";
	size_t known = faces_people(set);
	if (known > 0)
		snprintf(of, sizeof of, " of %s people", grouped(known, people, sizeof people));
	snprintf(run->headline, sizeof run->headline, "%s faces%s, %zu classes; %s skipped",
	         grouped(set->count, faces, sizeof faces), of, set->classes.names.count,
	         grouped(set->skipped_pictures, skipped, sizeof skipped));
}

static int save_skips(const struct stage_run *run, const struct face_set *set, struct err *err)
{
	char *path = stage_out_path(run, "skipped.tsv", err);
	int status = path ? faces_save_skips(set, path, err) : err->code;
	free(path);
	return status;
}

static int fill_store(struct stage_run *run, struct face_set *set, const struct faces_request *request,
                      struct faces_store *store, struct err *err)
{
	int status = faces_read(set, request, faces_store_rows, store, err);
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
	bool synthetic = is_synthetic(&request->settings->input);
	struct faces_store *store = NULL;
	char *path = stage_out_path(run, "faces.h5", err);
	if (!path)
		return err->code;
	int status = faces_store_create(&store, path, request->settings, err);
	if (status == OK)
		status = fill_store(run, set, request, store, err);
	if (status == OK)
		status = faces_store_finish(store, set, synthetic, err);
	else
		faces_store_discard(store);
	free(path);
	if (status != OK)
		return status;
	faces_metrics(set, run->metrics);
	json_set_bool(run->metrics, "synthetic", synthetic);
	write_headline(run, set);
	return OK;
}

int stage_faces(struct stage_run *run, struct err *err)
{
	const struct settings *settings = run->settings;
	struct path_list inputs = {0};
	struct faces_request request = {
	    .settings = &settings->faces, .inputs = &inputs, .seed = (uint64_t)settings->run.seed, .threads = run->threads};
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
