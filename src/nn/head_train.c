/*
 * The loop of the head's training: epochs of shuffled mini-batches, the validation part after each, the best epoch
 * kept.
 *
 * Without a hidden layer the kernel starts at zero. The problem is convex, so no symmetry has to be broken, and random
 * numbers in the many directions that a small training part never moves would stay in the model as noise.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"
#include "nn/head_internal.h"

/* A loss this many times ln(classes), what guessing costs, is no longer learning. */
#define EXPLODED 1e3
#define AGREE_STEPS 32

struct training {
	struct head *head;
	const struct head_data *train, *validation;
	const struct head_training *settings;
	size_t *order; /* [train->n] */
	struct head_order balanced;
	struct head_judge judge;
	struct head_state state;
	struct progress progress;
};

static int training_check(const struct head *head, const struct head_data *train, const struct head_training *settings,
                          struct err *err)
{
	if (!head->owned)
		return err_set(err, ERR_SETTINGS, "a mapped head cannot be trained");
	if (!train->n)
		return err_set(err, ERR_DATA, "there are no training examples");
	if (!settings->epochs || !settings->batch || !(settings->learning_rate > 0) || !(settings->l2 >= 0))
		return err_set(err, ERR_SETTINGS, "emotion.epochs, batch and learning_rate must be above zero, l2 not below");
	if (settings->dropout > 0 && !head->hidden)
		return err_set(err, ERR_SETTINGS,
		               "emotion.dropout leaves out units of a hidden layer: set emotion.hidden, or it to 0");
	if (settings->focal > 0 && settings->smoothing > 0)
		return err_set(err, ERR_SETTINGS, "emotion.focal and emotion.label_smoothing: one of them must be 0");
	if (settings->sampling && settings->balance)
		return err_set(err, ERR_SETTINGS, "emotion.sampling = balanced shows each class alike often already; set "
		                                  "emotion.class_weights = none");
	return OK;
}

static int labels_check(const struct head_data *data, const struct head *head, struct err *err)
{
	if (data->inputs != head->inputs || data->classes != head->classes)
		return err_set(err, ERR_DATA, "examples of %zu features and %zu classes for a head of %zu and %zu",
		               data->inputs, data->classes, head->inputs, head->classes);
	for (size_t i = 0; i < data->n; i++)
		if (data->labels[i] < 0 || (size_t)data->labels[i] >= data->classes)
			return err_set(err, ERR_DATA, "example %zu has label %d of %zu classes", i, (int)data->labels[i],
			               data->classes);
	return OK;
}

/* What decides the bytes of the result, but for the number of epochs: epoch k is the same in every longer training. */
static uint64_t identity_of(const struct training *t)
{
	const struct head_training *s = t->settings;
	const struct head_data *parts[] = {t->train, t->validation};
	const double numbers[] = {(double)t->head->inputs,
	                          (double)t->head->hidden,
	                          (double)t->head->classes,
	                          (double)s->batch,
	                          (double)s->patience,
	                          s->learning_rate,
	                          s->l2,
	                          s->smoothing,
	                          s->focal,
	                          s->dropout,
	                          s->sampling,
	                          s->balance,
	                          s->standardise,
	                          (double)cpu_features()->level};
	uint64_t hash = hash64(numbers, sizeof(numbers), s->seed);

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		if (!parts[i] || !parts[i]->n)
			continue;
		hash = hash64(parts[i]->rows, parts[i]->n * parts[i]->inputs * sizeof(*parts[i]->rows), hash);
		hash = hash64(parts[i]->labels, parts[i]->n * sizeof(*parts[i]->labels), hash);
	}
	return hash;
}

static int training_prepare(struct training *t, struct err *err)
{
	struct head_state *state = &t->state;

	if (head_trainer_new(&state->trainer, t->train, t->head->hidden, t->settings, err) != OK)
		return err->code;
	state->parameters = head_parameters(t->head);
	state->epochs = t->settings->epochs;
	if (t->settings->checkpoint)
		state->identity = identity_of(t);
	t->order = mem_alloc(t->train->n, sizeof(*t->order), err);
	state->history = t->order ? mem_alloc(state->epochs, sizeof(*state->history), err) : NULL;
	state->best = state->history ? mem_alloc(state->parameters, sizeof(float), err) : NULL;
	if (!state->best || (t->settings->sampling && head_order_new(&t->balanced, t->train, err) != OK))
		return err->code;
	t->judge.class_weight = state->trainer->class_weight;
	t->judge.threads = t->settings->threads;
	return t->validation ? head_judge_new(&t->judge, t->validation, err) : OK;
}

static void training_free(struct training *t)
{
	head_trainer_free(t->state.trainer);
	free(t->state.history);
	free(t->state.best);
	free(t->order);
	head_order_free(&t->balanced);
	head_judge_free(&t->judge);
}

static int run_step(struct training *t, struct err *err)
{
	struct head_state *state = &t->state;
	size_t n = t->train->n, batch = state->trainer->batch, first = state->step * batch;
	size_t count = n - first < batch ? n - first : batch;
	double limit = EXPLODED * log((double)t->head->classes);
	struct head_loss loss;

	if (head_trainer_gradient(state->trainer, t->order + first, count, &loss, err) != OK)
		return err->code;
	if (!isfinite(loss.loss) || loss.loss > limit)
		return err_set(err, ERR_NUMERIC,
		               "epoch %zu, step %zu: the loss is %g; lower emotion.learning_rate (%g) or standardise",
		               state->n_history + 1, state->step + 1, loss.loss, t->settings->learning_rate);
	if (head_trainer_step(state->trainer, err) != OK)
		return err->code;
	state->sum += loss.loss * (double)count;
	state->correct += loss.correct;
	state->step++;
	return OK;
}

/* Ranks agree on it now and then only: an exchange takes as long as a small step. */
static int asked_to_stop(size_t steps, bool *stop, struct err *err)
{
	uint64_t asked = stop_requested();

	*stop = false;
	if (comm_size() > 1 && (steps % AGREE_STEPS || comm_sum_u64(&asked, 1, err) != OK))
		return steps % AGREE_STEPS ? OK : err->code;
	*stop = asked > 0;
	return OK;
}

/* Before a signal's stop, and each so many steps. */
static int keep_step(const struct training *t, struct err *err)
{
	const struct head_training *settings = t->settings;
	size_t steps = t->state.trainer->adam.steps;
	bool stop;

	if (asked_to_stop(steps, &stop, err) != OK)
		return err->code;
	if (settings->checkpoint && (stop || (settings->checkpoint_steps && steps % settings->checkpoint_steps == 0)) &&
	    (head_trainer_gather(t->state.trainer, err) != OK ||
	     head_checkpoint_save(&t->state, settings->checkpoint, err) != OK))
		return err->code;
	return stop ? comm_stop_check("emotion", err) : OK;
}

/* What is left of a pass over the training part in an order of its own. */
static int run_epoch(struct training *t, struct err *err)
{
	struct head_state *state = &t->state;
	size_t n = t->train->n, batch = state->trainer->batch, number = state->n_history + 1;

	state->trainer->epoch = number;
	if (t->settings->sampling)
		head_order_balanced(&t->balanced, t->settings->seed, number, t->order);
	else
		head_order_plain(n, t->settings->seed, number, t->order);
	while (state->step * batch < n) {
		if (run_step(t, err) != OK || keep_step(t, err) != OK)
			return err->code;
		progress_add(&t->progress, 1);
	}
	return OK;
}

/* Only the last layer's logits are divided: a ReLU below hands on any factor, two layers would square it. */
static void keep_best(struct training *t, double temperature)
{
	struct head_state *state = &t->state;
	size_t last = state->parameters - (head_width(t->head) + 1) * t->head->classes;

	memcpy(state->best, t->head->owned, last * sizeof(float));
	for (size_t i = last; i < state->parameters; i++)
		state->best[i] = (float)((double)t->head->owned[i] / temperature);
}

static bool validated(const struct training *t)
{
	return t->validation && t->validation->n;
}

/* The validation part after an epoch; keeps the head when it is the best so far. */
static int close_epoch(struct training *t, struct err *err)
{
	struct head_state *state = &t->state;
	struct head_epoch epoch = {.epoch = state->n_history + 1,
	                           .train_loss = state->sum / (double)t->train->n,
	                           .train_accuracy = (double)state->correct / (double)t->train->n};

	if (head_trainer_gather(state->trainer, err) != OK)
		return err->code;
	head_trainer_fold(state->trainer, t->head->owned);
	if (head_validate(t->head, t->validation, &t->judge, &epoch, err) != OK)
		return err->code;
	epoch.best = !state->best_epoch || !validated(t) ||
	             epoch.validation_calibrated < state->history[state->best_epoch - 1].validation_calibrated;
	if (epoch.best) {
		state->best_epoch = epoch.epoch;
		keep_best(t, epoch.temperature);
	}
	state->history[state->n_history++] = epoch;
	progress_part(&t->progress);
	state->step = state->correct = 0;
	state->sum = 0;
	if (t->settings->checkpoint && head_checkpoint_save(state, t->settings->checkpoint, err) != OK)
		return err->code;
	return t->settings->epoch ? t->settings->epoch(&epoch, t->settings->context, err) : OK;
}

static int go_on(struct training *t, struct err *err)
{
	struct head_state *state = &t->state;
	bool found;
	int code;

	if (!t->settings->checkpoint)
		return OK;
	code = head_checkpoint_load(state, t->settings->checkpoint, &found, err);
	if (code == OK && found)
		log_info("emotion", "goes on at epoch %zu, step %zu", state->n_history + 1, state->step + 1);
	for (size_t i = 0; code == OK && i < state->n_history && t->settings->epoch; i++)
		code = t->settings->epoch(&state->history[i], t->settings->context, err);
	return code;
}

static bool out_of_patience(const struct training *t)
{
	size_t patience = t->settings->patience;

	return validated(t) && patience && t->state.n_history >= t->state.best_epoch + patience;
}

/* As if no epoch were spared by patience. */
static void expect(struct training *t)
{
	const struct head_state *state = &t->state;
	size_t batch = state->trainer->batch, steps = (t->train->n + batch - 1) / batch;

	progress_start(&t->progress, "emotion", "steps", (state->epochs - state->n_history) * steps - state->step);
	t->progress.part_unit = "epochs";
	t->progress.parts = state->n_history;
	t->progress.part_total = state->epochs;
}

static int training_loop(struct training *t, struct head_outcome *outcome, struct err *err)
{
	struct head_state *state = &t->state;
	int code = go_on(t, err);

	expect(t);
	while (code == OK && state->n_history < state->epochs && !out_of_patience(t)) {
		code = run_epoch(t, err);
		if (code == OK)
			code = close_epoch(t, err);
	}
	progress_end(&t->progress);
	if (code != OK)
		return code;
	*outcome = (struct head_outcome){.epochs = state->n_history,
	                                 .best = state->history[state->best_epoch - 1],
	                                 .stopped_early = state->n_history < state->epochs};
	memcpy(t->head->owned, state->best, state->parameters * sizeof(float));
	return OK;
}

int head_train(struct head *head, const struct head_data *train, const struct head_data *validation,
               const struct head_training *training, struct head_outcome *outcome, struct err *err)
{
	struct training t = {.head = head, .train = train, .validation = validation, .settings = training};
	struct head_outcome result = {0};
	int code = training_check(head, train, training, err);

	if (code == OK)
		code = labels_check(train, head, err);
	if (code == OK && validation && validation->n)
		code = labels_check(validation, head, err);
	if (code != OK)
		return code;
	/* The blocks are the tasks; a BLAS with threads of its own would also make the sums depend on their number. */
	blas_threads(1);
	code = training_prepare(&t, err);
	if (code == OK)
		code = training_loop(&t, &result, err);
	blas_threads(training->threads);
	training_free(&t);
	if (code == OK)
		*outcome = result;
	return code;
}
