/*
 * Fine-tuning: the head alone first, on what the untouched layers give (a convex problem with a sure end), then head
 * and layers together by small steps from there. A head of noise would only wreck the layers behind it.
 *
 * The epoch with the lowest calibrated loss on the validation people is kept; the head alone counts as epoch 0, so that
 * fine-tuning which does not help leaves no trace.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
#include "nn/tune_internal.h"

#define EXPLODED 1e3 /* times ln(classes), what guessing costs: no longer learning */
#define ROWS_AT_ONCE 32

/* Rows of features.h5 on their way to the layers, `batch` at a time. */
struct reader {
	const struct head_features *features;
	size_t batch, map; /* map: floats of a row */
	float *maps;       /* [batch][map] */
	int32_t *labels;   /* [batch] */
};

struct tune_job {
	struct network *network;
	struct head *head;
	const struct head_features *features;
	const struct tune_training *training;
	struct reader reader;
	size_t first;                   /* layer */
	size_t *train, n_train, *order; /* rows of features.h5; [n_train]: their order in an epoch */
	size_t steps_an_epoch;
	float *class_weight;
	struct head_data validation;
	struct head_judge judge;
	struct tune_state state;
	struct progress progress;
};

/* ---- rows ---- */

static int rows_of(const struct head_features *features, int split, size_t **rows, size_t *count, struct err *err)
{
	*count = 0;
	if (!(*rows = mem_alloc(features->n, sizeof **rows, err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < features->n; i++)
		if (features->split[i] == split)
			(*rows)[(*count)++] = i;
	return OK;
}

static int reader_new(struct reader *reader, const struct head_features *features, size_t batch, struct err *err)
{
	size_t map = features->map.height * features->map.width * features->map.channels;
	*reader = (struct reader){.features = features, .batch = batch, .map = map};
	reader->maps = mem_alloc(batch, map * sizeof(float), err);
	reader->labels = reader->maps ? mem_alloc(batch, sizeof *reader->labels, err) : NULL;
	return reader->labels ? OK : ERR_MEMORY;
}

static void reader_free(struct reader *reader)
{
	free(reader->maps);
	free(reader->labels);
}

static int read_maps(const struct reader *reader, const size_t *rows, size_t n, struct err *err)
{
	const struct head_features *features = reader->features;
	for (size_t i = 0; i < n; i++) {
		int code = hdf_read_rows(features->file, "features", HDF_F32, rows[i], 1, reader->maps + i * reader->map, err);
		if (code != OK)
			return err_wrap(err, "%s", features->path);
		reader->labels[i] = features->label[rows[i]];
	}
	return OK;
}

/* What the layers as they are now give the head, of some rows. data->index is there already. */
static int fill_rows(const struct reader *reader, struct tuner *tuner, struct head_data *data, struct err *err)
{
	size_t batch = reader->batch, *start = NULL;
	struct progress progress;
	int code = comm_shares(data->n, batch, NULL, &start, err);
	progress_start(&progress, "emotion", "pictures through the layers",
	               start ? start[comm_rank() + 1] - start[comm_rank()] : 0);
	for (size_t first = start ? start[comm_rank()] : 0; code == OK && start && first < start[comm_rank() + 1];
	     first += batch) {
		size_t n = data->n - first < batch ? data->n - first : batch;
		code = read_maps(reader, data->index + first, n, err);
		if (code == OK)
			code = stop_check("emotion", err);
		if (code == OK)
			tuner_rows(tuner, n, reader->maps, data->rows + first * data->inputs);
		progress_add(&progress, n);
	}
	progress_end(&progress);
	for (size_t i = 0; i < data->n; i++)
		data->labels[i] = reader->features->label[data->index[i]];
	if (code == OK)
		code = comm_gather(data->rows, start, data->inputs * sizeof *data->rows, err);
	free(start);
	return code;
}

static int data_new(struct head_data *data, const struct head *head, const struct head_features *features, int split,
                    struct err *err)
{
	*data = (struct head_data){.inputs = head->inputs, .classes = head->classes, .names = features->classes.items};
	int code = rows_of(features, split, &data->index, &data->n, err);
	if (code != OK)
		return code;
	data->rows = mem_alloc(data->n, data->inputs * sizeof(float), err);
	data->labels = data->rows ? mem_alloc(data->n, sizeof *data->labels, err) : NULL;
	return data->labels ? OK : err->code;
}

/* ---- the head alone ---- */

static int train_head(struct tune_job *job, struct head_outcome *outcome, struct err *err)
{
	struct head_data train;
	int code = data_new(&train, job->head, job->features, 0, err);
	if (code == OK)
		code = fill_rows(&job->reader, job->state.tuner, &train, err);
	if (code == OK)
		code = fill_rows(&job->reader, job->state.tuner, &job->validation, err);
	if (code == OK)
		code = head_train(job->head, &train, &job->validation, &job->training->head, outcome, err);
	if (code == OK)
		code = head_class_weights(&train, job->training->head.balance, job->class_weight, err);
	head_data_free(&train);
	return code;
}

/* ---- epochs ---- */

struct step_result {
	double loss;
	size_t correct;
	bool stop; /* someone was asked to */
};

static double rate_of(const struct tune_job *job)
{
	const struct tune_training *training = job->training;
	double done = (double)job->state.tuner->steps, all = (double)(training->epochs * job->steps_an_epoch);
	double rate = training->rate;
	if (training->schedule == SCHEDULE_COSINE)
		rate *= 0.5 * (1 + cos(acos(-1) * done / all)); /* Loshchilov & Hutter 2017, without restarts */
	if (done < (double)training->warmup_steps)
		rate *= (done + 1) / (double)training->warmup_steps;
	return rate;
}

/* The mean over the examples of all ranks, of which this one has `own` of n. The sum is made in the order of the ranks:
 * the result is the same on all of them and whenever there are as many, but for another number the roundings differ. */
static int share_gradient(struct tune_job *job, size_t own, size_t n, struct step_result *result, struct err *err)
{
	struct tuner *tuner = job->state.tuner;
	double numbers[] = {result->loss * (double)own, (double)result->correct, (double)result->stop};
	float part = (float)((double)own / (double)n);
	int code = comm_sum_double(numbers, ARRAY_COUNT(numbers), err);
	*result = (struct step_result){numbers[0] / (double)n, (size_t)numbers[1], numbers[2] > 0};
	for (size_t i = 0; code == OK && i < tuner->n_weights; i++) {
		float *gradient = tuner->weights[i].gradient;
		for (size_t k = 0; k < tuner->weights[i].count; k++)
			gradient[k] = own ? gradient[k] * part : 0;
		code = comm_sum_float(gradient, tuner->weights[i].count, err);
	}
	return code;
}

static int run_step(struct tune_job *job, bool *stop, struct err *err)
{
	struct tune_state *state = &job->state;
	size_t batch = job->training->batch, first = state->step * batch, rank = (size_t)comm_rank(),
	       ranks = (size_t)comm_size();
	size_t n = job->n_train - first < batch ? job->n_train - first : batch, rows[256];
	size_t from = n * rank / ranks, own = n * (rank + 1) / ranks - from;
	double limit = EXPLODED * log((double)job->head->classes);
	struct step_result result = {.stop = stop_requested()};
	for (size_t i = 0; i < own; i++)
		rows[i] = job->train[job->order[first + from + i]];
	int code = read_maps(&job->reader, rows, own, err);
	tuner_drop(state->tuner, state->epoch, job->order + first + from);
	if (code == OK && own > 0)
		code = tuner_gradient(state->tuner, own, job->reader.maps, job->reader.labels, &result.loss, err);
	result.correct = own > 0 ? tuner_correct(state->tuner) : 0;
	if (code == OK && ranks > 1)
		code = share_gradient(job, own, n, &result, err);
	double loss = result.loss;
	*stop = result.stop;
	if (code == OK && loss > limit)
		code = err_set(err, ERR_NUMERIC, "the loss is %g", loss);
	if (code == ERR_NUMERIC)
		return err_wrap(err, "epoch %zu, step %zu (lower emotion.tune_rate or set emotion.clip_norm)", state->epoch,
		                state->step + 1);
	if (code != OK)
		return code;
	tuner_step(state->tuner, rate_of(job));
	state->loss += loss * (double)n;
	state->correct += result.correct;
	state->step++;
	return OK;
}

static void shuffle(struct tune_job *job)
{
	struct rng rng;
	for (size_t i = 0; i < job->n_train; i++)
		job->order[i] = i;
	rng_seed(&rng, job->training->head.seed, "emotion.tune", job->state.epoch);
	rng_shuffle(&rng, job->order, job->n_train);
}

static int run_steps(struct tune_job *job, struct err *err)
{
	const struct tune_training *training = job->training;
	struct tune_state *state = &job->state;
	int code = OK;
	shuffle(job);
	while (code == OK && state->step < job->steps_an_epoch) {
		bool stop;
		code = run_step(job, &stop, err);
		progress_add(&job->progress, 1);
		if (code == OK &&
		    (stop || (training->checkpoint_steps && state->tuner->steps % training->checkpoint_steps == 0)))
			code = tune_checkpoint_save(state, training->checkpoint, err);
		if (code == OK && stop)
			code = comm_stop_check("emotion", err);
	}
	return code;
}

/* The validation people after an epoch; keeps its weights when they are the best so far. */
static int close_epoch(struct tune_job *job, struct err *err)
{
	struct tune_state *state = &job->state;
	struct head_epoch epoch = {.epoch = state->epoch, .tuning = true};
	int code = fill_rows(&job->reader, state->tuner, &job->validation, err);
	if (code == OK)
		code = head_validate(job->head, &job->validation, &job->judge, &epoch, err);
	if (code != OK)
		return code;
	epoch.train_loss = state->loss / (double)job->n_train;
	epoch.train_accuracy = (double)state->correct / (double)job->n_train;
	epoch.best = !job->validation.n || epoch.validation_calibrated < state->best_calibrated;
	if (epoch.best) {
		state->best_epoch = epoch.epoch;
		state->best_calibrated = epoch.validation_calibrated;
		state->best_temperature = epoch.temperature;
		for (size_t i = 0; i < state->tuner->n_weights; i++)
			memcpy(state->best[i], state->tuner->weights[i].values, state->tuner->weights[i].count * sizeof(float));
	}
	state->history[state->n_history++] = epoch;
	progress_part(&job->progress);
	state->epoch++;
	state->step = state->correct = 0;
	state->loss = 0;
	code = tune_checkpoint_save(state, job->training->checkpoint, err);
	return code == OK && job->training->head.epoch ? job->training->head.epoch(&epoch, job->training->head.context, err)
	                                               : code;
}

static int tell_history(const struct tune_job *job, struct err *err)
{
	int code = OK;
	for (size_t i = 0; code == OK && i < job->state.n_history && job->training->head.epoch; i++)
		code = job->training->head.epoch(&job->state.history[i], job->training->head.context, err);
	return code;
}

static bool out_of_patience(const struct tune_job *job)
{
	const struct tune_state *state = &job->state;
	size_t patience = job->training->head.patience;
	return job->validation.n && patience && state->n_history >= state->best_epoch + patience;
}

/* As if no epoch were spared by patience. */
static void expect(struct tune_job *job)
{
	const struct tune_state *state = &job->state;
	size_t left = job->training->epochs - state->n_history;
	progress_start(&job->progress, "emotion", "steps", left ? left * job->steps_an_epoch - state->step : 0);
	job->progress.part_unit = "epochs";
	job->progress.parts = state->n_history;
	job->progress.part_total = job->training->epochs;
}

static int run_epochs(struct tune_job *job, struct err *err)
{
	struct tune_state *state = &job->state;
	bool found;
	int code = tune_checkpoint_load(state, job->training->checkpoint, &found, err);
	if (code == OK && found) {
		log_info("emotion", "goes on at epoch %zu, step %zu of the fine-tuning", state->epoch, state->step + 1);
		code = tell_history(job, err);
	}
	expect(job);
	while (code == OK && state->n_history < job->training->epochs && !out_of_patience(job)) {
		code = run_steps(job, err);
		if (code == OK)
			code = close_epoch(job, err);
	}
	progress_end(&job->progress);
	return code;
}

/* The best epoch's weights, the head's divided by its temperature. */
static void take_best(struct tune_job *job)
{
	const struct tuner *tuner = job->state.tuner;
	for (size_t i = 0; i < tuner->n_weights; i++) {
		double divisor = i + 2 >= tuner->n_weights ? job->state.best_temperature : 1;
		for (size_t k = 0; k < tuner->weights[i].count; k++)
			tuner->weights[i].values[k] = (float)((double)job->state.best[i][k] / divisor);
	}
}

/* ---- all together ---- */

static uint64_t identity_of(const struct tune_job *job)
{
	const struct tune_training *t = job->training;
	const double numbers[] = {(double)t->epochs,
	                          (double)t->batch,
	                          (double)t->schedule,
	                          (double)t->warmup_steps,
	                          t->rate,
	                          (double)t->optimizer,
	                          t->momentum,
	                          t->clip,
	                          t->head.smoothing,
	                          t->head.dropout,
	                          t->head.balance,
	                          (double)t->head.patience,
	                          (double)t->head.seed,
	                          (double)cpu_features()->level};
	uint64_t hash = hash64(numbers, sizeof numbers, job->n_train);
	hash = hash64(job->features->weights_sha256, strlen(job->features->weights_sha256), hash);
	for (size_t i = 0; i < job->state.tuner->n_weights; i++)
		hash = hash64(job->state.tuner->weights[i].values, job->state.tuner->weights[i].count * sizeof(float), hash);
	return hash;
}

static int job_check(const struct tune_training *training, struct err *err)
{
	if (training->head.focal > 0)
		return err_set(err, ERR_SETTINGS, "emotion.focal needs emotion.trainable = head; set it to 0");
	if (!training->batch || training->batch > 256 || !training->epochs || !(training->rate > 0))
		return err_set(err, ERR_SETTINGS, "emotion.tune_batch must be 1 … 256, tune_epochs and tune_rate above 0");
	return OK;
}

static int job_prepare(struct tune_job *job, struct err *err)
{
	const struct head_features *features = job->features;
	const struct tune_training *training = job->training;
	struct tune_state *state = &job->state;
	job->class_weight = mem_alloc(job->head->classes, sizeof(float), err);
	struct tuner_options options = {.first = job->first,
	                                .map = features->map,
	                                .batch = training->batch,
	                                .optimizer = training->optimizer,
	                                .momentum = training->momentum,
	                                .clip = training->clip,
	                                .smoothing = training->head.smoothing,
	                                .dropout = training->head.dropout,
	                                .seed = training->head.seed,
	                                .class_weight = job->class_weight,
	                                .threads = training->head.threads};
	if (!job->class_weight || rows_of(features, 0, &job->train, &job->n_train, err) != OK)
		return err->code;
	if (job->n_train == 0)
		return err_set(err, ERR_DATA, "%s: there are no training examples", features->path);
	job->steps_an_epoch = (job->n_train + training->batch - 1) / training->batch;
	if (!(job->order = mem_alloc(job->n_train, sizeof *job->order, err)) ||
	    reader_new(&job->reader, features, training->batch, err) != OK ||
	    !(state->history = mem_alloc(training->epochs, sizeof *state->history, err)))
		return ERR_MEMORY;
	int code = data_new(&job->validation, job->head, features, 1, err);
	job->judge.class_weight = job->class_weight;
	job->judge.threads = training->head.threads;
	if (code == OK)
		code = head_judge_new(&job->judge, &job->validation, err);
	return code == OK ? tuner_new(&state->tuner, job->network, job->head, &options, err) : code;
}

/* The head alone is epoch 0, and the best so far. */
static int state_begin(struct tune_job *job, const struct head_outcome *outcome, struct err *err)
{
	struct tune_state *state = &job->state;
	size_t n = state->tuner->n_weights;
	state->identity = identity_of(job);
	state->epochs = job->training->epochs;
	state->epoch = 1;
	state->best_calibrated = outcome->best.validation_calibrated;
	state->best_temperature = 1;
	if (!(state->best = mem_alloc(n, sizeof *state->best, err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const struct weights *weights = &state->tuner->weights[i];
		if (!(state->best[i] = mem_alloc(weights->count, sizeof(float), err)))
			return ERR_MEMORY;
		memcpy(state->best[i], weights->values, weights->count * sizeof(float));
	}
	return OK;
}

static void job_free(struct tune_job *job)
{
	struct tune_state *state = &job->state;
	for (size_t i = 0; state->best && i < state->tuner->n_weights; i++)
		free(state->best[i]);
	free(state->best);
	free(state->history);
	tuner_free(state->tuner);
	head_judge_free(&job->judge);
	head_data_free(&job->validation);
	free(job->train);
	free(job->order);
	reader_free(&job->reader);
	free(job->class_weight);
}

int tune_train(struct network *network, struct head *head, const struct head_features *features,
               const struct tune_training *training, struct head_outcome *outcome, struct err *err)
{
	struct tune_job job = {.network = network, .head = head, .features = features, .training = training};
	struct head_outcome found = {0};
	int code = job_check(training, err);
	if (code == OK)
		code = network_first_behind(network, features->cut, &job.first, err);
	if (code == OK)
		code = job_prepare(&job, err);
	if (code == OK)
		code = train_head(&job, &found, err);
	if (code == OK)
		code = state_begin(&job, &found, err);
	if (code == OK)
		code = run_epochs(&job, err);
	if (code == OK) {
		take_best(&job);
		*outcome = found;
		outcome->tuned = job.state.n_history;
		outcome->tuned_best = job.state.best_epoch;
		outcome->stopped_early = job.state.n_history < training->epochs;
		if (job.state.best_epoch > 0)
			outcome->best = job.state.history[job.state.best_epoch - 1];
	}
	job_free(&job);
	return code;
}

int tuned_rows(const struct network *network, const struct head *head, const struct head_features *features, int split,
               int threads, struct head_data *out, struct err *err)
{
	struct tuner_options options = {
	    .map = features->map, .batch = ROWS_AT_ONCE, .predict_only = true, .threads = threads};
	struct reader reader = {0};
	struct tuner *tuner = NULL;
	int code = network_first_behind(network, features->cut, &options.first, err);
	if (code == OK)
		code = reader_new(&reader, features, options.batch, err);
	if (code == OK)
		code = tuner_new(&tuner, network, head, &options, err);
	if (code == OK)
		code = data_new(out, head, features, split, err);
	if (code == OK)
		code = fill_rows(&reader, tuner, out, err);
	tuner_free(tuner);
	reader_free(&reader);
	return code;
}
