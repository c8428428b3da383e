#include "base/comm.h"
#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define TEST_SPLIT 2

void judged_faces_free(struct judged_faces *faces)
{
	path_list_free(&faces->classes);
	head_data_free(&faces->data);
	free(faces->person);
	free(faces->probabilities);
	free(faces->pretrained);
	*faces = (struct judged_faces){0};
}

struct named_row {
	const char *name;
	size_t row;
	uint8_t split;
};

static int compare_named(const void *a, const void *b)
{
	const struct named_row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Numbers the test people; ERR_DATA when one of them stands in the other splits too. */
static int number_people(struct judged_faces *faces, const struct head_features *features, struct err *err)
{
	struct named_row *rows = mem_alloc(features->n, sizeof(*rows), err);
	size_t *number = rows ? mem_alloc(features->n, sizeof(*number), err) : NULL;
	int code = number ? OK : err->code;

	for (size_t i = 0; code == OK && i < features->n; i++)
		rows[i] = (struct named_row){features->person.items[i], i, features->split[i]};
	if (code == OK)
		qsort(rows, features->n, sizeof(*rows), compare_named);
	for (size_t i = 0; code == OK && i < features->n; i++) {
		bool same = i && strcmp(rows[i].name, rows[i - 1].name) == 0;
		if (same && (rows[i].split == TEST_SPLIT) != (rows[i - 1].split == TEST_SPLIT))
			code =
			    err_set(err, ERR_DATA, "%s: person '%s' is both in training and held out: no figure could be trusted",
			            features->path, rows[i].name);
		if (rows[i].split == TEST_SPLIT)
			number[rows[i].row] = same ? faces->persons - 1 : faces->persons++;
	}
	if (code == OK) {
		faces->person = mem_alloc(faces->data.n, sizeof(*faces->person), err);
		code = faces->person ? OK : err->code;
	}
	for (size_t i = 0; code == OK && i < faces->data.n; i++)
		faces->person[i] = number[faces->data.index[i]];
	free(number);
	free(rows);
	return code;
}

static int same_classes(const struct path_list *a, const struct path_list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return 0;
	return a->count == b->count;
}

/* What emotion.h5 holds; the network only when its last layers were trained, else the features are already its
 * output. */
struct model {
	struct head *head;
	struct network *network;
	char *pretrained;
	bool tuned;
};

static int model_load(const struct stage_run *run, struct model *model, struct path_list *classes, struct err *err)
{
	struct hdf_file *file = NULL;
	char *path = stage_in_path(run, "emotion", "emotion.h5", err);
	struct network_source source = {.cut = run->settings->network.cut,
	                                .files = (const char *const *)&path,
	                                .n_files = 1,
	                                .missing = MISSING_ERROR};
	int code = path ? keras_head_load(&model->head, path, classes, err) : err->code;

	if (code == OK)
		code = hdf_open(&file, path, err);
	if (code == OK)
		code = hdf_attr_text(file, "/", "moodcast_pretrained", &model->pretrained, err);
	model->tuned = run->settings->emotion.trainable != TRAIN_HEAD;
	if (code == OK && model->tuned)
		code = network_load(&model->network, &source, err);
	hdf_close(file);
	free(path);
	return code;
}

static void model_free(struct model *model)
{
	head_free(model->head);
	network_free(model->network);
	free(model->pretrained);
}

static int predict(struct judged_faces *faces, const struct head_features *features, const struct model *model,
                   int threads, struct err *err)
{
	const struct head *head = model->head;
	int code;

	if (!same_classes(&faces->classes, &features->classes) ||
	    (!model->tuned && memcmp(&head->map, &features->map, sizeof(head->map)) != 0))
		return err_set(err, ERR_DATA, "%s and emotion.h5 do not belong together", features->path);
	if (model->tuned)
		code = tuned_rows(model->network, head, features, TEST_SPLIT, threads, &faces->data, err);
	else
		code = head_features_rows(features, TEST_SPLIT, head->average_pool, &faces->data, err);
	if (code != OK)
		return code;
	faces->n = faces->data.n;
	faces->synthetic = features->synthetic;
	faces->pretrained = mem_text(model->pretrained, err);
	faces->probabilities = faces->pretrained ? mem_alloc(faces->n * head->classes, sizeof(float), err) : NULL;
	if (!faces->probabilities)
		return err->code;
	head_predict_rows(head, faces->n, faces->data.rows, faces->probabilities, threads);
	free(faces->data.rows);
	faces->data.rows = NULL;
	faces->data.names = NULL;
	return number_people(faces, features, err);
}

static int faces_judge(const struct stage_run *run, const char *path, struct judged_faces *faces,
                       struct head_features **features, struct err *err)
{
	struct model model = {0};
	int code = head_features_open(features, path, err);

	if (code == OK)
		code = model_load(run, &model, &faces->classes, err);
	if (code == OK)
		code = predict(faces, *features, &model, run->threads, err);
	model_free(&model);
	return code;
}

/* predictions.tsv: row of features.h5, person, true class, verdict's probability a class. */
static int save_predictions(const struct stage_run *run, const char *name, const struct judged_faces *faces,
                            const struct head_features *features, struct err *err)
{
	struct out_file file = {0};
	char *path = stage_out_path(run, name, err);
	int code = path ? out_open(&file, path, err) : err->code;

	free(path);
	if (code != OK)
		return code;
	fputs("row\tperson\ttruth", file.stream);
	for (size_t c = 0; c < faces->classes.count; c++)
		fprintf(file.stream, "\t%s", faces->classes.items[c]);
	fputc('\n', file.stream);
	for (size_t i = 0; i < faces->n; i++) {
		size_t row = faces->data.index[i];
		fprintf(file.stream, "%zu\t%s\t%s", row, features->person.items[row],
		        faces->classes.items[faces->data.labels[i]]);
		for (size_t c = 0; c < faces->classes.count; c++)
			fprintf(file.stream, "\t%.7g", (double)faces->probabilities[i * faces->classes.count + c]);
		fputc('\n', file.stream);
	}
	return out_commit(&file, err);
}

int evaluate_faces(struct stage_run *run, const struct faces_source *source, struct judged_faces *faces,
                   struct err *err)
{
	struct head_features *features = NULL;
	struct classification measured = {0};
	struct judged judged;
	int code = faces_judge(run, source->path, faces, &features, err);

	if (code == OK && comm_publishes())
		code = save_predictions(run, source->predictions, faces, features, err);
	if (code == OK && faces->n) {
		judged = (struct judged){.n = faces->n,
		                         .classes = faces->classes.count,
		                         .truth = faces->data.labels,
		                         .probabilities = faces->probabilities,
		                         .person = faces->person,
		                         .persons = faces->persons,
		                         .draws = (size_t)run->settings->evaluate.bootstrap,
		                         .seed = (uint64_t)run->settings->run.seed};
		code = classification_measure(&measured, &judged, err);
	}
	if (code == OK && faces->n) {
		struct json *test = json_set_object(evaluate_stage(run, "emotion"), source->name);
		classification_to_json(&measured, faces->classes.items, test);
		code = evaluate_groups(faces, features, test, err);
	}
	classification_free(&measured);
	head_features_close(features);
	return code;
}

int evaluate_emotion(struct evaluation *evaluation, struct err *err)
{
	struct stage_run *run = evaluation->run;
	struct faces_source source = {.name = "test", .predictions = "predictions.tsv"};
	char *path;
	int code;

	if (!evaluate_given(run, "features") || !evaluate_given(run, "emotion"))
		return OK;
	source.path = path = stage_in_path(run, "features", "features.h5", err);
	code = path ? evaluate_faces(run, &source, &evaluation->faces, err) : err->code;
	if (code == OK && evaluation->faces.n)
		code = evaluate_unseen(evaluation, json_get(evaluate_stage(run, "emotion"), source.name), err);
	if (code == OK && evaluation->faces.n)
		code = evaluate_found(evaluation, json_get(evaluate_stage(run, "emotion"), source.name), err);
	free(path);
	return code;
}
