/*
 * Cross-validation by person over the training and validation parts; held-out people are not touched.
 *
 * People are shuffled from the seed and dealt one by one to 2k parts, each to the part that is furthest behind in the
 * classes of that person's pictures. Fold f is judged on parts 2f and 2f + 1, stops and is calibrated on the part
 * behind them and trains on the rest. Varied copies are trained on only.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

#define PARTS_PER_FOLD 2

struct folds {
	const struct head_features *features;
	const struct head_data *data[2];       /* training, validation part */
	const struct head_training *training;
	size_t k, parts, people, classes;
	size_t *person;                        /* [features->n] number of the person, SIZE_MAX for held-out ones */
	size_t *part;                          /* [people] */
};

struct named_row {
	const char *name;
	size_t row;
};

static int by_name(const void *a, const void *b)
{
	const struct named_row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int number_people(struct folds *folds, struct err *err)
{
	const struct head_features *features = folds->features;
	struct named_row *rows = mem_alloc(features->n, sizeof(*rows), err);
	size_t count = 0;

	folds->person = rows ? mem_alloc(features->n, sizeof(*folds->person), err) : NULL;
	for (size_t i = 0; folds->person && i < features->n; i++) {
		folds->person[i] = SIZE_MAX;
		if (features->split[i] <= 1)
			rows[count++] = (struct named_row){features->person.items[i], i};
	}
	if (folds->person && count)
		qsort(rows, count, sizeof(*rows), by_name);
	for (size_t i = 0; folds->person && i < count; i++) {
		folds->people += i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0;
		folds->person[rows[i].row] = folds->people - 1;
	}
	free(rows);
	if (!folds->person)
		return err->code;
	return folds->people >= folds->parts
	           ? OK
	           : err_set(err, ERR_SETTINGS, "emotion.folds: %zu folds need at least %zu people, there are %zu",
	                     folds->k, folds->parts, folds->people);
}

/* Pictures of each class, of each person [people][classes] and in all [classes]; copies do not count. */
static void count_classes(const struct folds *folds, size_t *of_person, size_t *all)
{
	const struct head_features *features = folds->features;

	for (size_t i = 0; i < features->n; i++) {
		if (folds->person[i] == SIZE_MAX || features->copy[i])
			continue;
		of_person[folds->person[i] * folds->classes + (size_t)features->label[i]]++;
		all[features->label[i]]++;
	}
}

/* The part with the smallest share of what this person brings; the first of equals. */
static size_t part_behind(const struct folds *folds, const size_t *mine, const size_t *all, const size_t *have)
{
	size_t best = 0;
	double least = INFINITY;

	for (size_t p = 0; p < folds->parts; p++) {
		double share = 0;
		for (size_t c = 0; c < folds->classes; c++)
			if (mine[c])
				share += (double)mine[c] * (double)have[p * folds->classes + c] / (double)all[c];
		for (size_t c = 0; c < folds->classes; c++)
			share += 1e-6 * (double)have[p * folds->classes + c];
		if (share < least) {
			least = share;
			best = p;
		}
	}
	return best;
}

static int deal_people(struct folds *folds, struct err *err)
{
	size_t classes = folds->classes;
	size_t *order = mem_alloc(folds->people, sizeof(*order), err);
	size_t *counts = mem_alloc((folds->people + folds->parts + 1) * classes, sizeof(*counts), err);
	size_t *all = counts ? counts + folds->people * classes : NULL, *have = all ? all + classes : NULL;
	struct rng rng;

	folds->part = mem_alloc(folds->people, sizeof(*folds->part), err);
	if (order && counts && folds->part) {
		count_classes(folds, counts, all);
		for (size_t i = 0; i < folds->people; i++)
			order[i] = i;
		rng_seed(&rng, folds->training->seed, "emotion.folds", 0);
		rng_shuffle(&rng, order, folds->people);
		for (size_t i = 0; i < folds->people; i++) {
			const size_t *mine = counts + order[i] * classes;
			size_t part = part_behind(folds, mine, all, have);
			folds->part[order[i]] = part;
			for (size_t c = 0; c < classes; c++)
				have[part * classes + c] += mine[c];
		}
	}
	free(order);
	free(counts);
	return err->code;
}

enum role { ROLE_TRAIN, ROLE_VALIDATION, ROLE_JUDGED, ROLES };

static enum role role_of(const struct folds *folds, size_t fold, size_t row)
{
	size_t part = folds->part[folds->person[row]];

	if (part / PARTS_PER_FOLD == fold)
		return ROLE_JUDGED;
	return part == (fold + 1) * PARTS_PER_FOLD % folds->parts ? ROLE_VALIDATION : ROLE_TRAIN;
}

/* The rows of one role, copied. */
static int gather(const struct folds *folds, size_t fold, enum role role, struct head_data *out, struct err *err)
{
	size_t inputs = folds->data[0]->inputs, most = folds->data[0]->n + folds->data[1]->n, n = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass) {
			*out =
			    (struct head_data){.n = n, .inputs = inputs, .classes = folds->classes, .names = folds->data[0]->names};
			out->rows = mem_alloc(n, inputs * sizeof(float), err);
			out->labels = out->rows ? mem_alloc(most, sizeof(*out->labels), err) : NULL;
			if (!out->labels)
				return err->code;
			n = 0;
		}
		for (size_t d = 0; d < 2; d++) {
			for (size_t i = 0; i < folds->data[d]->n; i++) {
				size_t row = folds->data[d]->index[i];
				if (role_of(folds, fold, row) != role || (role != ROLE_TRAIN && folds->features->copy[row]))
					continue;
				if (pass) {
					memcpy(out->rows + n * inputs, folds->data[d]->rows + i * inputs, inputs * sizeof(float));
					out->labels[n] = folds->data[d]->labels[i];
				}
				n++;
			}
		}
	}
	return n ? OK
	         : err_set(err, ERR_SETTINGS, "emotion.folds: fold %zu would have nobody in one of its parts", fold + 1);
}

static int judge(const struct head *head, const struct head_data *data, int threads, struct head_fold *out,
                 struct err *err)
{
	size_t classes = head->classes;
	float *p = mem_alloc(data->n * classes, sizeof(float), err);
	size_t *counts = p ? mem_alloc(2 * classes, sizeof(*counts), err) : NULL, right = 0, present = 0;

	if (counts) {
		head_predict_rows(head, data->n, data->rows, p, threads);
		for (size_t i = 0; i < data->n; i++) {
			size_t best = 0, label = (size_t)data->labels[i];
			for (size_t c = 1; c < classes; c++)
				best = p[i * classes + c] > p[i * classes + best] ? c : best;
			counts[classes + label]++;
			counts[label] += best == label;
			right += best == label;
		}
		*out = (struct head_fold){.n = data->n, .accuracy = (double)right / (double)data->n, .least_recall = 1};
		for (size_t c = 0; c < classes; c++) {
			double recall = counts[classes + c] ? (double)counts[c] / (double)counts[classes + c] : 1;
			present += counts[classes + c] > 0;
			out->balanced += counts[classes + c] ? recall : 0;
			out->least_recall = fmin(out->least_recall, recall);
		}
		out->balanced /= (double)present;
	}
	free(counts);
	free(p);
	return err->code;
}

static int run_fold(const struct folds *folds, size_t fold, const struct head *like, struct head_fold *out,
                    struct err *err)
{
	struct head_data data[ROLES] = {{0}};
	struct head_training training = *folds->training;
	struct head_outcome outcome;
	struct head *head = NULL;
	char *checkpoint = NULL;
	int code = head_new(&head, like->map, like->average_pool, like->hidden, like->classes, err);

	training.epoch = NULL;
	if (code == OK && training.checkpoint) {
		checkpoint = mem_format(err, "%s.fold%zu", training.checkpoint, fold + 1);
		training.checkpoint = checkpoint;
		code = checkpoint ? OK : err->code;
	}
	for (int role = 0; code == OK && role < ROLES; role++)
		code = gather(folds, fold, (enum role)role, &data[role], err);
	if (code == OK)
		code = head_train(head, &data[ROLE_TRAIN], &data[ROLE_VALIDATION], &training, &outcome, err);
	if (code == OK)
		code = judge(head, &data[ROLE_JUDGED], training.threads, out, err);
	for (int role = 0; role < ROLES; role++)
		head_data_free(&data[role]);
	head_free(head);
	free(checkpoint);
	return code == OK ? OK : err_wrap(err, "fold %zu", fold + 1);
}

int head_folds(const struct head_folds *job, struct head_fold *out, struct err *err)
{
	struct folds folds = {.features = job->features,
	                      .data = {job->train, job->validation},
	                      .training = job->training,
	                      .k = job->count,
	                      .parts = PARTS_PER_FOLD * job->count,
	                      .classes = job->train->classes};
	int code = job->count >= 2 ? number_people(&folds, err)
	                           : err_set(err, ERR_SETTINGS, "emotion.folds: %zu: at least two are needed", job->count);

	if (code == OK)
		code = deal_people(&folds, err);
	for (size_t fold = 0; code == OK && fold < job->count; fold++)
		code = run_fold(&folds, fold, job->head, &out[fold], err);
	free(folds.person);
	free(folds.part);
	return code;
}
