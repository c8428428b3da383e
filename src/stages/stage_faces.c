#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
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

static int build(struct stage_run *run, const struct faces_request *request, struct face_set *set, struct err *err)
{
	int status = faces_write(run, request, set, err);
	if (status != OK || !comm_publishes())
		return status;
	if (faces_metrics(set, run->metrics, err) != OK)
		return err->code;
	if (request->judges)
		write_left_out(run->metrics, set);
	json_set_bool(run->metrics, "synthetic", stage_reads_sample(&request->settings->input));
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
