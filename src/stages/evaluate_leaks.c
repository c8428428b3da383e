/* Is a held-out picture also among those trained on? By the pictures themselves, not by their names or people. */
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"
#include "stages/stored_faces_internal.h"
#include "vision/vision.h"

#define TEST_SPLIT 2
#define MAX_NAMED 20

/* faces.h5 and what its pictures look like. */
struct looked_at {
	struct stored_faces faces;
	struct picture_print *prints; /* [faces.count] */
};
struct leaks {
	struct looked_at held;
	const struct looked_at *trained; /* &held, or that of another file */
	size_t *twin; /* [held.faces.count] a picture trained on that is the same, SIZE_MAX = none */
	struct progress progress;
};

static void looked_at_free(struct looked_at *looked_at)
{
	stored_faces_close(&looked_at->faces);
	free(looked_at->prints);
}

static int look_at(struct looked_at *out, const char *path, struct err *err)
{
	struct progress progress;

	if (stored_faces_open(&out->faces, path, err) != OK)
		return err->code;
	out->prints = mem_alloc(out->faces.count, sizeof(*out->prints), err);
	int code = out->prints ? OK : err->code;
	progress_start(&progress, "evaluate", "pictures read", out->faces.count);
	for (size_t i = 0; code == OK && i < out->faces.count; i++) {
		struct image picture = {0};
		code = stored_faces_picture(&out->faces, i, &picture, err);
		if (code == OK)
			picture_print_take(&out->prints[i], &picture);
		image_free(&picture);
		if (code == OK)
			code = stop_check("evaluate", err);
		progress_add(&progress, 1);
	}
	progress_end(&progress);
	return code;
}

static int find_twin(size_t picture, int thread, void *context, struct err *err)
{
	struct leaks *leaks = context;
	const struct looked_at *held = &leaks->held, *trained = leaks->trained;

	(void)thread;
	(void)err;
	progress_add(&leaks->progress, 1);
	leaks->twin[picture] = SIZE_MAX;
	for (size_t other = 0; held->faces.split[picture] == TEST_SPLIT && other < trained->faces.count; other++) {
		if (trained->faces.split[other] == TEST_SPLIT ||
		    !picture_print_same(&held->prints[picture], &trained->prints[other]))
			continue;
		leaks->twin[picture] = other;
		break;
	}
	return OK;
}

static int find_twins(struct leaks *leaks, int threads, struct err *err)
{
	leaks->twin = mem_alloc(leaks->held.faces.count, sizeof(*leaks->twin), err);
	if (!leaks->twin)
		return err->code;
	progress_start(&leaks->progress, "evaluate", "pictures compared", leaks->held.faces.count);
	int code = parallel_for(leaks->held.faces.count, 16, threads, find_twin, leaks, err);
	progress_end(&leaks->progress);
	return code;
}

/* `leaks`: how many, and the first of them by name. */
static int record(struct stage_run *run, const struct leaks *leaks, struct err *err)
{
	struct json *object = json_set_object(evaluate_stage(run, "faces"), "leaks"), *pairs;
	struct path_list members = {0};
	size_t found = 0, held = 0, first = 0;

	if (hdf_read_table(leaks->held.faces.file, "member", &members, err) == OK &&
	    members.count != leaks->held.faces.count)
		(void)err_set(err, ERR_DATA, "%s: member does not have a name a face", leaks->held.faces.path);
	if (err->code != OK) {
		path_list_free(&members);
		return err->code;
	}
	pairs = json_set_array(object, "pairs");
	for (size_t i = 0; i < leaks->held.faces.count; i++) {
		held += leaks->held.faces.split[i] == TEST_SPLIT;
		if (leaks->twin[i] == SIZE_MAX)
			continue;
		first = found ? first : i;
		if (found++ < MAX_NAMED) {
			struct json *pair = json_append_array(pairs);
			json_append_text(pair, members.items[i]);
			json_append_text(pair, members.items[leaks->twin[i]]);
		}
	}
	json_set_integer(object, "held_out", (int64_t)held);
	json_set_integer(object, "found", (int64_t)found);
	if (found && run->settings->evaluate.leaks == LEAKS_ERROR)
		err_set(err, ERR_DATA,
		        "%zu of %zu held-out pictures are also among those trained on, the first %s = %s: no figure could be "
		        "trusted; remove them, or set evaluate.leaks = report",
		        found, held, members.items[first], members.items[leaks->twin[first]]);
	else if (found)
		log_warn("evaluate", "%zu of %zu held-out pictures are also among those trained on", found, held);
	path_list_free(&members);
	return err->code;
}

static int keep_rows(struct evaluation *evaluation, const struct leaks *leaks, struct err *err)
{
	size_t count = leaks->held.faces.count, found = 0;

	for (size_t i = 0; i < count; i++)
		found += leaks->twin[i] != SIZE_MAX;
	if (!found)
		return OK;
	evaluation->leaked = mem_alloc(count, sizeof(*evaluation->leaked), err);
	if (!evaluation->leaked)
		return err->code;
	evaluation->n_leaked = count;
	for (size_t i = 0; i < count; i++)
		evaluation->leaked[i] = leaks->twin[i] != SIZE_MAX;
	return OK;
}

int evaluate_leaks(struct evaluation *evaluation, struct err *err)
{
	struct stage_run *run = evaluation->run;
	struct leaks leaks = {.trained = &leaks.held};
	char *path;
	int code;

	if (!evaluate_given(run, "faces") || run->settings->evaluate.leaks == LEAKS_IGNORE)
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? look_at(&leaks.held, path, err) : err->code;
	if (code == OK)
		code = find_twins(&leaks, run->threads, err);
	if (code == OK)
		code = record(run, &leaks, err);
	if (code == OK)
		code = keep_rows(evaluation, &leaks, err);
	looked_at_free(&leaks.held);
	free(leaks.twin);
	free(path);
	return code;
}

int evaluate_trained_on(const struct stage_run *run, const char *path, size_t *out, struct err *err)
{
	struct looked_at trained = {0};
	struct leaks leaks = {.trained = &trained};
	char *own = stage_in_path(run, "faces", "faces.h5", err);
	int code = own ? look_at(&trained, own, err) : err->code;

	if (code == OK)
		code = look_at(&leaks.held, path, err);
	if (code == OK)
		code = find_twins(&leaks, run->threads, err);
	*out = 0;
	for (size_t i = 0; code == OK && i < leaks.held.faces.count; i++)
		*out += leaks.twin[i] != SIZE_MAX;
	looked_at_free(&trained);
	looked_at_free(&leaks.held);
	free(leaks.twin);
	free(own);
	return code;
}
