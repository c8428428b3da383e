#include "base/comm.h"
#include "stages/emotion_internal.h"

#include <math.h>
#include <stdlib.h>

static int history_add(const struct head_epoch *epoch, void *context, struct err *err)
{
	struct emotion_history *history = context;
	struct json *line = json_object_new();
	char *text;
	int code;

	json_set_text(line, "trained", epoch->tuning ? "layers" : "head");
	json_set_integer(line, "epoch", (int64_t)epoch->epoch);
	json_set_number(line, "train_loss", epoch->train_loss);
	json_set_number(line, "train_accuracy", epoch->train_accuracy);
	json_set_number(line, "validation_loss", epoch->validation_loss);
	json_set_number(line, "validation_calibrated_loss", epoch->validation_calibrated);
	json_set_number(line, "temperature", epoch->temperature);
	json_set_number(line, "validation_accuracy", epoch->validation_accuracy);
	json_set_number(line, "validation_balanced_accuracy", epoch->validation_balanced);
	json_set_bool(line, "best", epoch->best);
	code = line ? json_print(line, 0, &text, err) : err_set(err, ERR_MEMORY, "no memory for history.jsonl");
	json_free(line);
	if (code != OK)
		return code;
	fprintf(history->file.stream, "%s\n", text);
	free(text);
	log_info("emotion", "%sepoch %zu/%zu: loss %.4f, validation loss %.4f, balanced accuracy %.3f%s",
	         epoch->tuning ? "with layers, " : "", epoch->epoch, epoch->tuning ? history->tune_epochs : history->epochs,
	         epoch->train_loss, epoch->validation_calibrated, epoch->validation_balanced, epoch->best ? " *" : "");
	return OK;
}

int emotion_history_open(const struct stage_run *run, struct emotion_history *history, struct head_training *training,
                         struct err *err)
{
	if (!comm_publishes())
		return OK;
	char *path = stage_out_path(run, "history.jsonl", err);
	int code = path ? out_open(&history->file, path, err) : err->code;

	free(path);
	training->epoch = history_add;
	training->context = history;
	return code;
}

int emotion_history_end(struct emotion_history *history, int code, struct err *err)
{
	if (code == OK && history->file.stream)
		return out_commit(&history->file, err);
	out_discard(&history->file);
	return code;
}

static void record_examples(struct json *metrics, const struct head_features *features)
{
	static const char *const splits[] = {"train", "validation", "test"};
	struct json *classes = json_set_array(metrics, "classes"), *examples = json_set_object(metrics, "examples");

	for (size_t c = 0; c < features->classes.count; c++) {
		size_t counts[3] = {0};
		struct json *one = json_set_object(examples, features->classes.items[c]);

		json_append_text(classes, features->classes.items[c]);
		for (size_t i = 0; i < features->n; i++)
			if ((size_t)features->label[i] == c && !features->copy[i])
				counts[features->split[i]]++;
		for (size_t s = 0; s < ARRAY_COUNT(splits); s++)
			json_set_integer(one, splits[s], (int64_t)counts[s]);
	}
}

static void record_tuning(struct stage_run *run, const struct emotion_result *result)
{
	const struct emotion_settings *settings = &run->settings->emotion;
	struct json *part = json_set_object(run->metrics, "tuning");

	json_set_text(part, "from", result->features->cut);
	json_set_integer(part, "epochs", (int64_t)result->outcome->tuned);
	json_set_integer(part, "best_epoch", (int64_t)result->outcome->tuned_best);
	json_set_number(part, "rate", settings->tune_rate);
	if (result->outcome->tuned_best == 0)
		log_warn("emotion", "training %s did not lower the validation loss: the head alone is kept",
		         trainable_name(settings->trainable));
}

void emotion_record(struct stage_run *run, const struct emotion_result *result)
{
	const struct head_features *features = result->features;
	const struct head *head = result->head;
	const struct head_outcome *outcome = result->outcome;
	const struct head_epoch *best = &outcome->best;
	struct json *metrics = run->metrics, *part;

	record_examples(metrics, features);
	json_set_text(metrics, "cut", network_cut_name(result->network->cut));
	json_set_text(metrics, "trainable", trainable_name(run->settings->emotion.trainable));
	if (run->settings->emotion.trainable != TRAIN_HEAD)
		record_tuning(run, result);
	json_set_text(metrics, "pretrained", network_pretrained(result->network));
	json_set_bool(metrics, "synthetic", features->synthetic);
	part = json_set_array(metrics, "feature_map");
	json_append_integer(part, (int64_t)head->map.height);
	json_append_integer(part, (int64_t)head->map.width);
	json_append_integer(part, (int64_t)head->map.channels);
	json_set_integer(metrics, "average_pool", (int64_t)head->average_pool);
	json_set_integer(metrics, "inputs", (int64_t)head->inputs);
	if (head->hidden) {
		json_set_integer(metrics, "hidden", (int64_t)head->hidden);
		json_set_number(metrics, "dropout", run->settings->emotion.dropout);
	}
	json_set_integer(metrics, "parameters", (int64_t)head_parameters(head));
	json_set_integer(metrics, "epochs", (int64_t)outcome->epochs);
	json_set_integer(metrics, "best_epoch", (int64_t)best->epoch);
	json_set_bool(metrics, "stopped_early", outcome->stopped_early);
	json_set_number(metrics, "train_loss", best->train_loss);
	json_set_number(metrics, "train_accuracy", best->train_accuracy);
	json_set_number(metrics, "temperature", best->temperature);
	part = json_set_object(metrics, "validation");
	json_set_number(part, "loss", best->validation_loss);
	json_set_number(part, "calibrated_loss", best->validation_calibrated);
	json_set_number(part, "accuracy", best->validation_accuracy);
	json_set_number(part, "balanced_accuracy", best->validation_balanced);
	if (isfinite(best->validation_balanced))
		snprintf(run->headline, sizeof(run->headline),
		         "%zu classes from %zu features: best epoch %zu of %zu, validation balanced accuracy %.3f",
		         head->classes, head->inputs, best->epoch, outcome->epochs, best->validation_balanced);
	else
		snprintf(run->headline, sizeof(run->headline),
		         "%zu classes from %zu features: %zu epochs, nobody to validate on", head->classes, head->inputs,
		         outcome->epochs);
}

static void fold_summary(struct json *object, const char *name, const double *values, size_t count)
{
	struct json *part = json_set_object(object, name), *list = json_set_array(part, "each");
	double sum = 0, square = 0;

	for (size_t i = 0; i < count; i++) {
		json_append_number(list, values[i]);
		sum += values[i];
	}
	for (size_t i = 0; i < count; i++)
		square += (values[i] - sum / (double)count) * (values[i] - sum / (double)count);
	json_set_number(part, "mean", sum / (double)count);
	json_set_number(part, "spread", sqrt(square / (double)(count - 1)));
}

void emotion_record_folds(struct stage_run *run, const struct head_fold *folds, size_t count)
{
	struct json *object = json_set_object(run->metrics, "folds");
	double accuracy[EMOTION_MAX_FOLDS], balanced[EMOTION_MAX_FOLDS], least[EMOTION_MAX_FOLDS], mean = 0;

	for (size_t i = 0; i < count && i < EMOTION_MAX_FOLDS; i++) {
		accuracy[i] = folds[i].accuracy;
		balanced[i] = folds[i].balanced;
		least[i] = folds[i].least_recall;
		mean += folds[i].balanced / (double)count;
		log_info("emotion", "fold %zu/%zu: %zu pictures, balanced accuracy %.3f", i + 1, count, folds[i].n,
		         balanced[i]);
	}
	fold_summary(object, "accuracy", accuracy, count);
	fold_summary(object, "balanced_accuracy", balanced, count);
	fold_summary(object, "least_recall", least, count);
	log_info("emotion", "%zu folds by person: balanced accuracy %.3f", count, mean);
}
