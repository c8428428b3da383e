/*
 * The held-out faces by groups: how often each class is named beside how often it is true, for each camera, light,
 * accessory and size of face; and the errors that were made with the most confidence.
 */
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"

#define WORST 30
#define MAX_GROUP 256
#define MAX_ROWS ((size_t)1 << 32)

static size_t verdict_of(const struct judged_faces *faces, size_t i)
{
	const float *p = faces->probabilities + i * faces->classes.count;
	size_t best = 0;

	for (size_t c = 1; c < faces->classes.count; c++)
		best = p[c] > p[best] ? c : best;
	return best;
}

struct group {
	size_t n, right;
	size_t *truth, *verdict, *hits; /* [classes] each, in one block */
};

static void group_to_json(const struct group *group, const struct judged_faces *faces, struct json *object)
{
	struct json *classes = json_set_object(object, "classes");
	double recall = 0;
	size_t present = 0;

	json_set_integer(object, "pictures", (int64_t)group->n);
	json_set_number(object, "accuracy", (double)group->right / (double)group->n);
	for (size_t c = 0; c < faces->classes.count; c++) {
		struct json *one = json_set_object(classes, faces->classes.items[c]);

		json_set_number(one, "true_share", (double)group->truth[c] / (double)group->n);
		json_set_number(one, "predicted_share", (double)group->verdict[c] / (double)group->n);
		present += group->truth[c] > 0;
		recall += group->truth[c] ? (double)group->hits[c] / (double)group->truth[c] : 0;
	}
	json_set_number(object, "balanced_accuracy", recall / (double)present);
}

/* One column of group numbers [n]; names may be NULL. */
static int by_column(const struct judged_faces *faces, const uint8_t *column, const char *const *names,
                     struct json *object, struct err *err)
{
	size_t classes = faces->classes.count, *counts = mem_alloc(MAX_GROUP * 3 * classes, sizeof(*counts), err);
	struct group groups[MAX_GROUP] = {{0}};

	if (!counts)
		return err->code;
	for (size_t g = 0; g < MAX_GROUP; g++) {
		groups[g].truth = counts + 3 * classes * g;
		groups[g].verdict = groups[g].truth + classes;
		groups[g].hits = groups[g].verdict + classes;
	}
	for (size_t i = 0; i < faces->n; i++) {
		struct group *group = &groups[column[i]];
		size_t truth = (size_t)faces->data.labels[i], verdict = verdict_of(faces, i);

		group->n++;
		group->right += truth == verdict;
		group->truth[truth]++;
		group->verdict[verdict]++;
		group->hits[truth] += truth == verdict;
	}
	for (size_t g = 0; g < MAX_GROUP; g++) {
		char number[24];
		snprintf(number, sizeof(number), "%zu", g);
		if (groups[g].n)
			group_to_json(&groups[g], faces, json_set_object(object, names ? names[g] : number));
	}
	free(counts);
	return OK;
}

static int by_number(const struct judged_faces *faces, const struct head_features *features, const char *name,
                     struct json *object, struct err *err)
{
	struct hdf_shape shape;
	uint8_t *all = NULL, *column;
	int code;

	if (!hdf_has(features->file, name))
		return OK;
	code = hdf_read(features->file, name, HDF_U8, MAX_ROWS, (void **)&all, &shape, err);
	if (code == OK && shape.dims[0] != features->n)
		code = err_set(err, ERR_DATA, "%s: %s: expected %zu numbers", features->path, name, features->n);
	column = code == OK ? mem_alloc(faces->n, 1, err) : NULL;
	for (size_t i = 0; column && i < faces->n; i++)
		column[i] = all[faces->data.index[i]];
	if (column)
		code = by_column(faces, column, NULL, json_set_object(object, name), err);
	free(column);
	free(all);
	return code == OK ? err->code : code;
}

/* By the side of the face in the stored picture, in pixels: what is enlarged lacks detail. */
static int by_resolution(const struct judged_faces *faces, const struct head_features *features, struct json *object,
                         struct err *err)
{
	static const char *const names[MAX_GROUP] = {"below 48", "48 to 95", "96 to 191", "from 192"};
	struct hdf_shape shape;
	int32_t *face = NULL;
	uint8_t *column;
	int code;

	if (!hdf_has(features->file, "face"))
		return OK;
	code = hdf_read(features->file, "face", HDF_I32, MAX_ROWS, (void **)&face, &shape, err);
	if (code == OK && (shape.rank != 2 || shape.dims[0] != features->n || shape.dims[1] != 4))
		code = err_set(err, ERR_DATA, "%s: face: expected four numbers a row", features->path);
	column = code == OK ? mem_alloc(faces->n, 1, err) : NULL;
	for (size_t i = 0; column && i < faces->n; i++) {
		int32_t side = face[4 * faces->data.index[i] + 2];
		column[i] = side < 48 ? 0 : side < 96 ? 1 : side < 192 ? 2 : 3;
	}
	if (column)
		code = by_column(faces, column, names, json_set_object(object, "face_pixels"), err);
	free(column);
	free(face);
	return code == OK ? err->code : code;
}

struct wrong {
	size_t i, verdict;
	float probability;
};

static int by_confidence(const void *a, const void *b)
{
	const struct wrong *x = a, *y = b;

	if (x->probability != y->probability)
		return x->probability < y->probability ? 1 : -1;
	return (x->i > y->i) - (x->i < y->i);
}

static int worst_errors(const struct judged_faces *faces, const struct head_features *features, struct json *list,
                        struct err *err)
{
	bool named = hdf_has(features->file, "member");
	struct path_list members = {0};
	struct wrong *wrong;
	size_t count = 0;

	if (named && hdf_read_table(features->file, "member", &members, err) != OK)
		return err->code;
	wrong = mem_alloc(faces->n, sizeof(*wrong), err);
	if (wrong && named && members.count != features->n)
		(void)err_set(err, ERR_DATA, "%s: member: expected %zu names, found %zu", features->path, features->n,
		              members.count);
	if (err->code != OK)
		goto out;
	for (size_t i = 0; i < faces->n; i++) {
		size_t verdict = verdict_of(faces, i);
		if (verdict != (size_t)faces->data.labels[i])
			wrong[count++] = (struct wrong){i, verdict, faces->probabilities[i * faces->classes.count + verdict]};
	}
	if (count)
		qsort(wrong, count, sizeof(*wrong), by_confidence);
	for (size_t w = 0; w < count && w < WORST; w++) {
		size_t row = faces->data.index[wrong[w].i];
		struct json *one = json_append_object(list);

		json_set_integer(one, "row", (int64_t)row);
		if (named)
			json_set_text(one, "picture", members.items[row]);
		json_set_text(one, "person", features->person.items[row]);
		json_set_text(one, "truth", faces->classes.items[faces->data.labels[wrong[w].i]]);
		json_set_text(one, "verdict", faces->classes.items[wrong[w].verdict]);
		json_set_number(one, "probability", (double)wrong[w].probability);
	}
out:
	free(wrong);
	path_list_free(&members);
	return err->code;
}

int evaluate_groups(const struct judged_faces *faces, const struct head_features *features, struct json *test,
                    struct err *err)
{
	static const char *const columns[] = {"camera", "light", "accessory"};
	struct json *by = json_set_object(test, "by");
	int code = OK;

	for (size_t i = 0; code == OK && i < ARRAY_COUNT(columns); i++)
		code = by_number(faces, features, columns[i], by, err);
	if (code == OK)
		code = by_resolution(faces, features, by, err);
	return code == OK ? worst_errors(faces, features, json_set_array(test, "worst_errors"), err) : code;
}
