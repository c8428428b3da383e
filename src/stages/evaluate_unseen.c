/*
 * `without_copies` of emotion.test: where evaluate.leaks = report lets held-out pictures stand that were also trained
 * on, the figures of the others alone. A head that has seen a picture is no judge of how it does on new ones.
 */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "stages/evaluate_internal.h"

static int read_members(const struct stage_run *run, const char *stage, const char *name, struct path_list *out,
                        struct err *err)
{
	struct hdf_file *file = NULL;
	char *path = stage_in_path(run, stage, name, err);
	int code = path ? hdf_open(&file, path, err) : err->code;

	if (code == OK)
		code = hdf_read_table(file, "member", out, err);
	hdf_close(file);
	free(path);
	return code;
}

/* features.h5 holds the pictures of faces.h5 in their order, without those that have no face; behind them, copies of
 * training pictures. */
static int spread_leaked(const struct evaluation *evaluation, uint8_t *leaked, const struct path_list *faces,
                         const struct path_list *features, struct err *err)
{
	size_t face = 0, row = 0;

	for (; row < features->count && face < faces->count; face++)
		if (strcmp(faces->items[face], features->items[row]) == 0)
			leaked[row++] = face < evaluation->n_leaked && evaluation->leaked[face];
	for (size_t i = 0; i < evaluation->faces.n; i++)
		if (evaluation->faces.data.index[i] >= row)
			return err_set(err, ERR_DATA, "features.h5 and faces.h5 do not hold the same pictures");
	return OK;
}

/* The pictures that were not trained on, their people numbered anew. */
struct unseen {
	size_t n, persons;
	int32_t *truth;
	float *probabilities;
	size_t *person, *number; /* number: [judged people] new number + 1, 0 = none yet */
};

static int keep_unseen(const struct judged_faces *faces, const uint8_t *leaked, struct unseen *out, struct err *err)
{
	size_t classes = faces->classes.count;

	if (!(out->truth = mem_alloc(faces->n, sizeof(*out->truth), err)) ||
	    !(out->probabilities = mem_alloc(faces->n * classes, sizeof(float), err)) ||
	    !(out->person = mem_alloc(faces->n, sizeof(*out->person), err)) ||
	    !(out->number = mem_alloc(faces->persons, sizeof(*out->number), err)))
		return err->code;
	for (size_t i = 0; i < faces->n; i++) {
		size_t *number = &out->number[faces->person[i]];
		if (leaked[faces->data.index[i]])
			continue;
		if (!*number)
			*number = ++out->persons;
		out->truth[out->n] = faces->data.labels[i];
		out->person[out->n] = *number - 1;
		memcpy(out->probabilities + out->n * classes, faces->probabilities + i * classes, classes * sizeof(float));
		out->n++;
	}
	return OK;
}

static int measure(const struct stage_run *run, const struct judged_faces *faces, const struct unseen *unseen,
                   struct json *object, struct err *err)
{
	struct classification measured = {0};
	const struct judged judged = {.n = unseen->n,
	                              .classes = faces->classes.count,
	                              .truth = unseen->truth,
	                              .probabilities = unseen->probabilities,
	                              .person = unseen->person,
	                              .persons = unseen->persons,
	                              .draws = (size_t)run->settings->evaluate.bootstrap,
	                              .seed = (uint64_t)run->settings->run.seed};
	int code = classification_measure(&measured, &judged, err);

	if (code == OK)
		classification_to_json(&measured, faces->classes.items, object);
	classification_free(&measured);
	return code;
}

int evaluate_unseen(const struct evaluation *evaluation, struct json *test, struct err *err)
{
	struct path_list faces = {0}, features = {0};
	struct unseen unseen = {0};
	uint8_t *leaked = NULL;
	int code;

	if (!evaluation->leaked)
		return OK;
	code = read_members(evaluation->run, "faces", "faces.h5", &faces, err);
	if (code == OK)
		code = read_members(evaluation->run, "features", "features.h5", &features, err);
	if (code == OK && !(leaked = mem_alloc(features.count, sizeof(*leaked), err)))
		code = err->code;
	if (code == OK)
		code = spread_leaked(evaluation, leaked, &faces, &features, err);
	if (code == OK)
		code = keep_unseen(&evaluation->faces, leaked, &unseen, err);
	if (code == OK && unseen.n && unseen.n < evaluation->faces.n)
		code = measure(evaluation->run, &evaluation->faces, &unseen, json_set_object(test, "without_copies"), err);
	path_list_free(&faces);
	path_list_free(&features);
	free(leaked);
	free(unseen.truth);
	free(unseen.probabilities);
	free(unseen.person);
	free(unseen.number);
	return code;
}
