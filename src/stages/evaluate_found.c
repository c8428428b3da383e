/*
 * `found` of emotion.test: held-out pictures as whoever points a camera at a face has them. The trained cascade finds the face, the
 * model's preprocessing cuts it out, whatever box or square training was given; a picture without a detection counts as wrong.
 */
#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

#include "stages/features_internal.h"

#define TEST_SPLIT 2
/* Pictures of held-out people, spread evenly over faces.h5. */
#define MAX_PICTURES 1000

struct found {
	struct features_job job;
	struct preprocess preprocess;
	struct network *network;
	struct cascade *cascade;
	struct head *head;
	struct hdf_file *faces;
	struct network_plan *plan;
	struct features_workers *workers;
	struct features_batch batch;
	void *scratch, *head_scratch;
	float *probabilities; /* [batch][classes] */
	size_t *rows;         /* [job.rows] of faces.h5 */
	int32_t *area, *box;  /* [job.rows][4] */
	int32_t *label;       /* of all faces */
	uint8_t *split;
	size_t *counts; /* [3][classes]: pictures, found, right */
};

static void found_free(struct found *f)
{
	features_workers_free(f->workers);
	network_plan_free(f->plan);
	network_free(f->network);
	cascade_free(f->cascade);
	head_free(f->head);
	hdf_close(f->faces);
	free(f->batch.pixels);
	free(f->batch.tensor);
	free(f->batch.features);
	free(f->batch.rows);
	free(f->scratch);
	free(f->head_scratch);
	free(f->probabilities);
	free(f->rows);
	free(f->area);
	free(f->box);
	free(f->label);
	free(f->split);
	free(f->counts);
}

/* The model as it is saved; faces by the cascade alone. */
static int open_model(struct found *f, const struct stage_run *run, struct err *err)
{
	struct hdf_file *file = NULL;
	char *text = NULL, *cut = NULL, *path = stage_in_path(run, "emotion", "emotion.h5", err), *cascade = NULL;
	struct network_source source = {.files = (const char *const *)&path, .n_files = 1, .missing = MISSING_ERROR};
	int code = path ? keras_head_load(&f->head, path, NULL, err) : err->code;

	if (code == OK)
		code = hdf_open(&file, path, err);
	if (code == OK)
		code = hdf_attr_text(file, "/", "moodcast_preprocess", &text, err);
	if (code == OK)
		code = preprocess_parse(&f->preprocess, text, path, err);
	if (code == OK)
		code = hdf_attr_text(file, "/", "moodcast_cut", &cut, err); /* keras_head_load has checked it */
	source.cut = code == OK ? network_cut_find(cut) : -1;
	f->preprocess.crop[0] = CROP_CASCADE;
	f->preprocess.n_crop = 1;
	if (code == OK)
		code = network_load(&f->network, &source, err);
	if (code == OK)
		code = network_shape(f->network, f->preprocess.size, &f->job.map, err);
	if (code == OK && !(cascade = stage_in_path(run, "cascade", "cascade.xml", err)))
		code = err->code;
	if (code == OK)
		code = cascade_load(&f->cascade, cascade, err);
	hdf_close(file);
	free(text);
	free(cut);
	free(cascade);
	free(path);
	return code;
}

static int read_columns(struct found *f, const char *path, struct err *err)
{
	struct hdf_shape pixels, shape[4];
	int code = hdf_open(&f->faces, path, err);

	if (code == OK)
		code = hdf_shape(f->faces, "pixels", &pixels, err);
	if (code == OK && (pixels.rank != 4 || pixels.dims[3] != 3))
		code = err_set(err, ERR_DATA, "%s: pixels is not [n][height][width][3]", path);
	if (code != OK || (code = hdf_read(f->faces, "area", HDF_I32, 4 * pixels.dims[0], (void **)&f->area, &shape[0], err)) != OK ||
	    (code = hdf_read(f->faces, "box", HDF_I32, 4 * pixels.dims[0], (void **)&f->box, &shape[1], err)) != OK ||
	    (code = hdf_read(f->faces, "label", HDF_I32, pixels.dims[0], (void **)&f->label, &shape[2], err)) != OK ||
	    (code = hdf_read(f->faces, "split", HDF_U8, pixels.dims[0], (void **)&f->split, &shape[3], err)) != OK)
		return code;
	for (size_t i = 0; i < ARRAY_COUNT(shape); i++)
		if (shape[i].dims[0] != pixels.dims[0] || shape[i].rank != (i < 2 ? 2 : 1) || (i < 2 && shape[i].dims[1] != 4))
			return err_set(err, ERR_DATA, "%s: area, box, label and split do not have a row a face", path);
	f->job.frame_height = pixels.dims[1];
	f->job.frame_width = pixels.dims[2];
	f->job.rows = pixels.dims[0];
	return OK;
}

/* Leaves the chosen rows' areas and boxes, in their order. */
static int choose_rows(struct found *f, struct err *err)
{
	size_t n = f->job.rows, held = 0, seen = 0, kept = 0;

	f->rows = mem_alloc(n, sizeof(*f->rows), err);
	if (!f->rows)
		return err->code;
	for (size_t i = 0; i < n; i++)
		held += f->split[i] == TEST_SPLIT;
	for (size_t i = 0; i < n; i++) {
		bool take = f->split[i] == TEST_SPLIT && (held <= MAX_PICTURES || seen * MAX_PICTURES / held == kept);

		seen += f->split[i] == TEST_SPLIT;
		if (!take)
			continue;
		if (f->label[i] < 0 || (size_t)f->label[i] >= f->head->classes)
			return err_set(err, ERR_DATA, "faces.h5: label: row %zu: %d is outside 0..%zu", i, (int)f->label[i], f->head->classes - 1);
		memmove(f->area + 4 * kept, f->area + 4 * i, 4 * sizeof(*f->area));
		memmove(f->box + 4 * kept, f->box + 4 * i, 4 * sizeof(*f->box));
		f->rows[kept++] = i;
	}
	f->job.rows = kept;
	return OK;
}

static int prepare(struct found *f, const struct stage_run *run, struct err *err)
{
	size_t size = f->preprocess.size, map = f->job.map.height * f->job.map.width * f->job.map.channels, classes = f->head->classes;
	size_t batch = (size_t)run->settings->network.batch;
	struct plan_options options = {.size = size, .threads = run->threads, .level = CPU_AVX512, .precision = run->settings->network.precision};

	f->job.preprocess = &f->preprocess;
	f->job.cascade = f->cascade;
	f->job.area = f->area;
	f->job.box = f->box;
	f->job.threads = run->threads;
	f->job.batch = batch;
	if (memcmp(&f->job.map, &f->head->map, sizeof(f->job.map)) != 0)
		return err_set(err, ERR_DATA, "emotion.h5: network and head do not belong together");
	if (!(f->batch.pixels = mem_alloc(batch, f->job.frame_height * f->job.frame_width * 3, err)) ||
	    !(f->batch.tensor = mem_alloc(batch, size * size * 3 * sizeof(float), err)) ||
	    !(f->batch.features = mem_alloc(batch, map * sizeof(float), err)) ||
	    !(f->batch.rows = mem_alloc(batch, sizeof(*f->batch.rows), err)) ||
	    !(f->probabilities = mem_alloc(batch, classes * sizeof(float), err)) ||
	    !(f->counts = mem_alloc(3 * classes, sizeof(*f->counts), err)) ||
	    !(f->head_scratch = mem_alloc(head_workspace(f->head, batch), 1, err)))
		return err->code;
	if (features_workers_new(&f->workers, &f->job, err) != OK || network_plan_new(&f->plan, f->network, &options, err) != OK)
		return err->code;
	f->scratch = mem_alloc(network_plan_workspace(f->plan, batch, run->threads), 1, err);
	return f->scratch ? OK : err->code;
}

static void count_batch(struct found *f)
{
	size_t classes = f->head->classes;
	const float *p = f->probabilities;

	for (size_t i = 0; i < f->batch.count; i++) {
		size_t label = (size_t)f->label[f->rows[f->batch.first + i]], best = 0;

		f->counts[label]++;
		if (f->batch.rows[i].crop < 0)
			continue;
		for (size_t c = 1; c < classes; c++)
			best = p[c] > p[best] ? c : best;
		f->counts[classes + label]++;
		f->counts[2 * classes + label] += best == label;
		p += classes;
	}
}

static int judge_batch(struct found *f, size_t first, struct err *err)
{
	struct features_batch *batch = &f->batch;
	size_t frame = f->job.frame_height * f->job.frame_width * 3, left = f->job.rows - first;

	batch->first = first;
	batch->count = left < f->job.batch ? left : f->job.batch;
	for (size_t i = 0; i < batch->count; i++)
		if (hdf_read_rows(f->faces, "pixels", HDF_U8, f->rows[first + i], 1, batch->pixels + i * frame, err) != OK)
			return err->code;
	if (features_prepare(f->workers, batch, err) != OK || stop_check("evaluate", err) != OK)
		return err->code;
	if (batch->kept) {
		network_plan_forward(&(struct plan_run){f->plan, batch->kept, f->job.threads, batch->tensor, batch->features}, f->scratch);
		head_predict(f->head, batch->kept, batch->features, f->head_scratch, f->probabilities, f->job.threads);
	}
	count_batch(f);
	return OK;
}

static int judge_all(struct found *f, struct err *err)
{
	struct progress progress;
	int code = OK;

	progress_start(&progress, "evaluate", "pictures as the detector finds them", f->job.rows);
	for (size_t first = 0; code == OK && first < f->job.rows; first += f->job.batch) {
		code = judge_batch(f, first, err);
		progress_add(&progress, f->batch.count);
	}
	progress_end(&progress);
	return code;
}

/* accuracy and balanced accuracy of `right` pictures among `of`, by class. */
static void add_figures(struct json *object, const size_t *right, const size_t *of, size_t classes)
{
	double sum = 0, all = 0, hits = 0, present = 0;

	for (size_t c = 0; c < classes; c++) {
		hits += (double)right[c];
		all += (double)of[c];
		present += of[c] > 0;
		sum += of[c] ? (double)right[c] / (double)of[c] : 0;
	}
	json_set_number(object, "accuracy", hits / all);
	json_set_number(object, "balanced_accuracy", sum / present);
}

static void record(const struct found *f, const struct path_list *names, struct json *test)
{
	size_t classes = f->head->classes, found = 0;
	const size_t *all = f->counts, *seen = all + classes, *right = seen + classes;
	struct json *object = json_set_object(test, "found"), *recall;

	for (size_t c = 0; c < classes; c++)
		found += seen[c];
	json_set_integer(object, "pictures", (int64_t)f->job.rows);
	json_set_integer(object, "no_face", (int64_t)(f->job.rows - found));
	add_figures(object, right, all, classes);
	recall = json_set_object(object, "recall");
	for (size_t c = 0; c < classes; c++)
		if (all[c])
			json_set_number(recall, names->items[c], (double)right[c] / (double)all[c]);
	if (found)
		add_figures(json_set_object(object, "of_found"), right, seen, classes);
	log_info("evaluate", "as the detector finds them: no face in %zu of %zu pictures, balanced accuracy %.3f",
	         f->job.rows - found, f->job.rows, json_number(json_get(object, "balanced_accuracy"), 0));
}

int evaluate_found(struct evaluation *evaluation, struct json *test, struct err *err)
{
	const struct stage_run *run = evaluation->run;
	struct found f = {0};
	char *path;
	int code;

	if (!evaluate_given(run, "faces") || !evaluate_given(run, "cascade"))
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? open_model(&f, run, err) : err->code;
	if (code == OK)
		code = read_columns(&f, path, err);
	if (code == OK)
		code = choose_rows(&f, err);
	if (code == OK && f.job.rows)
		code = prepare(&f, run, err);
	if (code == OK)
		code = judge_all(&f, err);
	if (code == OK && f.job.rows)
		record(&f, &evaluation->faces.classes, test);
	free(path);
	found_free(&f);
	return code;
}
