/* Is a held-out picture also among those trained on? By the pictures themselves, not by their names or people. */
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"
#include "stages/stored_faces_internal.h"
#include "vision/vision.h"

#define TEST_SPLIT 2
#define MAX_NAMED 20

struct leaks {
	struct stored_faces faces;
	struct picture_print *prints; /* [count] */
	size_t *twin;                 /* [count] a picture trained on that is the same, SIZE_MAX = none */
};

static void leaks_free(struct leaks *leaks)
{
	stored_faces_close(&leaks->faces);
	free(leaks->prints);
	free(leaks->twin);
}

static int leaks_open(struct leaks *leaks, const char *path, struct err *err)
{
	if (stored_faces_open(&leaks->faces, path, err) != OK)
		return err->code;
	leaks->prints = mem_alloc(leaks->faces.count, sizeof(*leaks->prints), err);
	leaks->twin = leaks->prints ? mem_alloc(leaks->faces.count, sizeof(*leaks->twin), err) : NULL;
	return leaks->twin ? OK : err->code;
}

static int find_twin(size_t picture, int thread, void *context, struct err *err)
{
	struct leaks *leaks = context;

	(void)thread;
	(void)err;
	leaks->twin[picture] = SIZE_MAX;
	for (size_t other = 0; leaks->faces.split[picture] == TEST_SPLIT && other < leaks->faces.count; other++) {
		if (leaks->faces.split[other] == TEST_SPLIT || !picture_print_same(&leaks->prints[picture], &leaks->prints[other]))
			continue;
		leaks->twin[picture] = other;
		break;
	}
	return OK;
}

static int take_prints(struct leaks *leaks, struct err *err)
{
	for (size_t i = 0; i < leaks->faces.count; i++) {
		struct image picture = {0};
		if (stored_faces_picture(&leaks->faces, i, &picture, err) != OK)
			return err->code;
		picture_print_take(&leaks->prints[i], &picture);
		image_free(&picture);
		if (stop_check("evaluate", err) != OK)
			return err->code;
	}
	return OK;
}

/* `leaks`: how many, and the first of them by name. */
static int record(struct stage_run *run, const struct leaks *leaks, struct err *err)
{
	struct json *object = json_set_object(evaluate_stage(run, "faces"), "leaks"), *pairs;
	struct path_list members = {0};
	size_t found = 0, held = 0, first = 0;

	if (hdf_read_table(leaks->faces.file, "member", &members, err) == OK && members.count != leaks->faces.count)
		(void)err_set(err, ERR_DATA, "%s: member does not have a name a face", leaks->faces.path);
	if (err->code != OK) {
		path_list_free(&members);
		return err->code;
	}
	pairs = json_set_array(object, "pairs");
	for (size_t i = 0; i < leaks->faces.count; i++) {
		held += leaks->faces.split[i] == TEST_SPLIT;
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

int evaluate_leaks(struct stage_run *run, struct err *err)
{
	struct leaks leaks = {0};
	char *path;
	int code;

	if (!evaluate_given(run, "faces") || run->settings->evaluate.leaks == LEAKS_IGNORE)
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? leaks_open(&leaks, path, err) : err->code;
	if (code == OK)
		code = take_prints(&leaks, err);
	if (code == OK)
		code = parallel_for(leaks.faces.count, 16, run->threads, find_twin, &leaks, err);
	if (code == OK)
		code = record(run, &leaks, err);
	leaks_free(&leaks);
	free(path);
	return code;
}
