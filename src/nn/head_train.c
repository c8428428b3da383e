/*
 * The loop of the head's training: epochs of shuffled mini-batches, the validation part after each, the best epoch
 * kept.
 *
 * The kernel starts at zero. The problem is convex, so no symmetry has to be broken, and random numbers in the many
 * directions that a small training part never moves would stay in the model as noise.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/head_internal.h"

/* A loss this many times ln(classes), what guessing costs, is no longer learning. */
#define EXPLODED 1e3

struct training {
	struct head *head;
	const struct head_data *train, *validation;
	const struct head_training *settings;
	struct head_trainer *trainer;
	size_t *order; /* [train->n] */
	struct head_order balanced;
	struct head_judge judge;
	float *best; /* kernel and bias of the best epoch, at its temperature */
	size_t parameters;
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

static int training_prepare(struct training *t, struct err *err)
{
	if (head_trainer_new(&t->trainer, t->train, t->settings, err) != OK)
		return err->code;
	t->parameters = (t->head->inputs + 1) * t->head->classes;
	t->order = mem_alloc(t->train->n, sizeof(*t->order), err);
	t->best = t->order ? mem_alloc(t->parameters, sizeof(float), err) : NULL;
	if (!t->best || (t->settings->sampling && head_order_new(&t->balanced, t->train, err) != OK))
		return err->code;
	t->judge.class_weight = t->trainer->class_weight;
	t->judge.threads = t->settings->threads;
	return t->validation ? head_judge_new(&t->judge, t->validation, err) : OK;
}

static void training_free(struct training *t)
{
	head_trainer_free(t->trainer);
	free(t->order);
	head_order_free(&t->balanced);
	head_judge_free(&t->judge);
	free(t->best);
}

/* One pass over the training part in an order of its own. */
static int epoch_run(struct training *t, struct head_epoch *epoch, struct err *err)
{
	size_t n = t->train->n, batch = t->trainer->batch, correct = 0;
	double sum = 0, limit = EXPLODED * log((double)t->head->classes);

	if (t->settings->sampling)
		head_order_balanced(&t->balanced, t->settings->seed, epoch->epoch, t->order);
	else
		head_order_plain(n, t->settings->seed, epoch->epoch, t->order);
	for (size_t first = 0; first < n; first += batch) {
		size_t count = n - first < batch ? n - first : batch;
		struct head_loss loss;

		if (head_trainer_gradient(t->trainer, t->order + first, count, &loss, err) != OK)
			return err->code;
		if (!isfinite(loss.loss) || loss.loss > limit)
			return err_set(err, ERR_NUMERIC,
			               "epoch %zu, step %zu: the loss is %g; lower emotion.learning_rate (%g) or standardise",
			               epoch->epoch, first / batch + 1, loss.loss, t->settings->learning_rate);
		if (head_trainer_step(t->trainer, err) != OK || stop_check("emotion", err) != OK)
			return err->code;
		sum += loss.loss * (double)count;
		correct += loss.correct;
	}
	epoch->train_loss = sum / (double)n;
	epoch->train_accuracy = (double)correct / (double)n;
	return OK;
}

static int training_loop(struct training *t, struct head_outcome *outcome, struct err *err)
{
	bool validated = t->validation && t->validation->n;
	size_t patience = t->settings->patience;

	for (size_t number = 1; number <= t->settings->epochs; number++) {
		struct head_epoch epoch = {.epoch = number};

		if (epoch_run(t, &epoch, err) != OK)
			return err->code;
		if (head_trainer_gather(t->trainer, err) != OK)
			return err->code;
		head_trainer_fold(t->trainer, t->head->owned, t->head->owned + t->head->inputs * t->head->classes);
		if (head_validate(t->head, t->validation, &t->judge, &epoch, err) != OK)
			return err->code;
		epoch.best = number == 1 || !validated || epoch.validation_calibrated < outcome->best.validation_calibrated;
		outcome->epochs = number;
		if (epoch.best) {
			outcome->best = epoch;
			for (size_t i = 0; i < t->parameters; i++)
				t->best[i] = (float)((double)t->head->owned[i] / epoch.temperature);
		}
		if (t->settings->epoch && t->settings->epoch(&epoch, t->settings->context, err) != OK)
			return err->code;
		if (validated && patience && number - outcome->best.epoch >= patience && number < t->settings->epochs) {
			outcome->stopped_early = true;
			break;
		}
	}
	memcpy(t->head->owned, t->best, t->parameters * sizeof(float));
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
