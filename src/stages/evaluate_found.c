/*
 * The same held-out pictures with the face taken from elsewhere than training took it.
 *
 * `found` of emotion.test: as whoever points a camera at a face has them. The trained cascade finds the face, the
 * model's preprocessing cuts it out, whatever box or square training was given; a picture without a detection counts as
 * wrong. `square`: where training fell back on the square in the middle, with that square in every picture, as no
 * camera has them. Ranks have pictures of their own; what they counted, in whole numbers, is added up.
 */
#include "base/comm.h"
#include "stages/evaluate_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
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
	/* [4][classes]: pictures, found, right, verdicts; then by equal bins of the largest probability its sum, in 2⁻³²,
	 * and the rights: the calibration error is Σ |rights − confidence| / pictures. */
	uint64_t *counts;
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

/* The model as it is saved, faces by that source alone; *skip when there is nothing to say that test does not say. */
static int open_model(struct found *f, const struct stage_run *run, int crop, bool *skip, struct err *err)
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
	/* A square that is a last resort behind boxes says little of the faces, one that stands alone is test's own. */
	*skip = crop == CROP_CENTRE && (f->preprocess.n_crop != 2 || !preprocess_uses(&f->preprocess, CROP_CENTRE) ||
	                                !preprocess_uses(&f->preprocess, CROP_CASCADE));
	f->preprocess.crop[0] = crop;
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
	struct hdf_shape pixels = {0}, shape[4];
	int code = hdf_open(&f->faces, path, err);

	if (code == OK)
		code = hdf_shape(f->faces, "pixels", &pixels, err);
	if (code == OK && (pixels.rank != 4 || pixels.dims[3] != 3))
		code = err_set(err, ERR_DATA, "%s: pixels is not [n][height][width][3]", path);
	if (code != OK ||
	    (code = hdf_read(f->faces, "area", HDF_I32, 4 * pixels.dims[0], (void **)&f->area, &shape[0], err)) != OK ||
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
			return err_set(err, ERR_DATA, "faces.h5: label: row %zu: %d is outside 0..%zu", i, (int)f->label[i],
			               f->head->classes - 1);
		memmove(f->area + 4 * kept, f->area + 4 * i, 4 * sizeof(*f->area));
		memmove(f->box + 4 * kept, f->box + 4 * i, 4 * sizeof(*f->box));
		f->rows[kept++] = i;
	}
	f->job.rows = kept;
	return OK;
}

static size_t n_counts(const struct found *f)
{
	return 4 * f->head->classes + 2 * RELIABILITY_BINS;
}

static int prepare(struct found *f, const struct stage_run *run, struct err *err)
{
	size_t size = f->preprocess.size, map = f->job.map.height * f->job.map.width * f->job.map.channels,
	       classes = f->head->classes;
	size_t batch = (size_t)run->settings->network.batch;
	struct plan_options options = {
	    .size = size, .threads = run->threads, .level = CPU_AVX512, .precision = run->settings->network.precision};

	f->job.preprocess = &f->preprocess;
	f->job.cascade = preprocess_uses(&f->preprocess, CROP_CASCADE) ? f->cascade : NULL;
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
	    !(f->counts = mem_alloc(n_counts(f), sizeof(*f->counts), err)) ||
	    !(f->head_scratch = mem_alloc(head_workspace(f->head, batch), 1, err)))
		return err->code;
	if (features_workers_new(&f->workers, &f->job, err) != OK ||
	    network_plan_new(&f->plan, f->network, &options, err) != OK)
		return err->code;
	f->scratch = mem_alloc(network_plan_workspace(f->plan, batch, run->threads), 1, err);
	return f->scratch ? OK : err->code;
}

static void count_batch(struct found *f)
{
	size_t classes = f->head->classes;
	const float *p = f->probabilities;

	for (size_t i = 0; i < f->batch.count; i++) {
		size_t label = (size_t)f->label[f->rows[f->batch.first + i]], best = 0, bin;

		f->counts[label]++;
		if (f->batch.rows[i].crop < 0)
			continue;
		for (size_t c = 1; c < classes; c++)
			best = p[c] > p[best] ? c : best;
		f->counts[classes + label]++;
		f->counts[2 * classes + label] += best == label;
		f->counts[3 * classes + best]++;
		bin = (size_t)((double)p[best] * RELIABILITY_BINS);
		bin = bin < RELIABILITY_BINS ? bin : RELIABILITY_BINS - 1;
		f->counts[4 * classes + bin] += (uint64_t)((double)p[best] * 0x1p32);
		f->counts[4 * classes + RELIABILITY_BINS + bin] += best == label;
		p += classes;
	}
}

static int judge_batch(struct found *f, size_t first, size_t end, struct err *err)
{
	struct features_batch *batch = &f->batch;
	size_t frame = f->job.frame_height * f->job.frame_width * 3, left = end - first;

	batch->first = first;
	batch->count = left < f->job.batch ? left : f->job.batch;
	for (size_t i = 0; i < batch->count; i++)
		if (hdf_read_rows(f->faces, "pixels", HDF_U8, f->rows[first + i], 1, batch->pixels + i * frame, err) != OK)
			return err->code;
	if (features_prepare(f->workers, batch, err) != OK || stop_check("evaluate", err) != OK)
		return err->code;
	if (batch->kept) {
		network_plan_forward(&(struct plan_run){f->plan, batch->kept, f->job.threads, batch->tensor, batch->features},
		                     f->scratch);
		head_predict(f->head, batch->kept, batch->features, f->head_scratch, f->probabilities, f->job.threads);
	}
	count_batch(f);
	return OK;
}

static int judge_pictures(struct found *f, struct err *err)
{
	size_t *start = NULL;
	struct progress progress;
	int code = comm_shares(f->job.rows, 1, NULL, &start, err);
	size_t begin = start ? start[comm_rank()] : 0, end = start ? start[comm_rank() + 1] : 0;

	progress_start(&progress, "evaluate", "pictures judged", end - begin);
	for (size_t first = begin; code == OK && first < end; first += f->job.batch) {
		code = judge_batch(f, first, end, err);
		progress_add(&progress, f->batch.count);
	}
	progress_end(&progress);
	free(start);
	return code == OK ? comm_sum_u64(f->counts, n_counts(f), err) : code;
}

/* accuracy and balanced accuracy of `right` pictures among `of`, by class. */
static void add_figures(struct json *object, const uint64_t *right, const uint64_t *of, size_t classes)
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

static void add_by_class(struct json *object, const struct found *f, const struct path_list *names,
                         const uint64_t *part, const uint64_t *of)
{
	for (size_t c = 0; c < f->head->classes; c++)
		if (of[c])
			json_set_number(object, names->items[c], (double)part[c] / (double)of[c]);
}

/* Of the pictures with a face: how often each class is named, against how often it is there, and how far the
 * probabilities are off. */
static void add_verdicts(const struct found *f, const struct path_list *names, size_t found, struct json *object)
{
	size_t classes = f->head->classes;
	struct json *predicted = json_set_object(object, "predicted_share"), *truth = json_set_object(object, "true_share");
	const uint64_t *confidence = f->counts + 4 * classes, *rights = confidence + RELIABILITY_BINS;
	double error = 0;

	for (size_t c = 0; c < classes; c++) {
		json_set_number(predicted, names->items[c], (double)f->counts[3 * classes + c] / (double)found);
		json_set_number(truth, names->items[c], (double)f->counts[classes + c] / (double)found);
	}
	for (size_t bin = 0; bin < RELIABILITY_BINS; bin++)
		error += fabs((double)rights[bin] - (double)confidence[bin] * 0x1p-32);
	json_set_number(object, "calibration_error", error / (double)found);
}

static void record(const struct found *f, const struct path_list *names, struct json *object)
{
	size_t classes = f->head->classes, found = 0;
	const uint64_t *all = f->counts, *seen = all + classes, *right = seen + classes;

	for (size_t c = 0; c < classes; c++)
		found += seen[c];
	json_set_integer(object, "pictures", (int64_t)f->job.rows);
	json_set_integer(object, "no_face", (int64_t)(f->job.rows - found));
	add_figures(object, right, all, classes);
	add_by_class(json_set_object(object, "recall"), f, names, right, all);
	if (found) {
		struct json *of_found = json_set_object(object, "of_found");
		add_figures(of_found, right, seen, classes);
		add_verdicts(f, names, found, of_found);
	}
}

static int judge_way(struct evaluation *evaluation, int crop, const char *name, struct json *test, struct err *err)
{
	const struct stage_run *run = evaluation->run;
	struct found f = {0};
	bool skip = false;
	char *path = stage_in_path(run, "faces", "faces.h5", err);
	int code = path ? open_model(&f, run, crop, &skip, err) : err->code;

	if (code == OK && !skip)
		code = read_columns(&f, path, err);
	if (code == OK && !skip)
		code = choose_rows(&f, err);
	if (code == OK && f.job.rows)
		code = prepare(&f, run, err);
	if (code == OK && f.job.rows)
		code = judge_pictures(&f, err);
	if (code == OK && f.job.rows) {
		struct json *object = json_set_object(test, name);
		record(&f, &evaluation->faces.classes, object);
		log_info("evaluate", "%s: no face in %lld of %zu pictures, balanced accuracy %.3f",
		         crop == CROP_CASCADE ? "as the detector finds them" : "with the square in the middle",
		         (long long)json_integer_value(json_get(object, "no_face"), 0), f.job.rows,
		         json_number(json_get(object, "balanced_accuracy"), 0));
	}
	free(path);
	found_free(&f);
	return code;
}

int evaluate_found(struct evaluation *evaluation, struct json *test, struct err *err)
{
	if (!evaluate_given(evaluation->run, "faces") || !evaluate_given(evaluation->run, "cascade"))
		return OK;
	int code = judge_way(evaluation, CROP_CASCADE, "found", test, err);
	return code == OK ? judge_way(evaluation, CROP_CENTRE, "square", test, err) : code;
}
