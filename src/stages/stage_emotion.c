/* emotion: features.h5 → emotion.h5 (a model that Keras opens), history.jsonl. */
#include "base/comm.h"
#include "stages/emotion_internal.h"

#include <stdlib.h>

struct emotion {
	struct head_features *features;
	struct head_data train, validation;
	struct network *base;
	struct head *head;
	struct preprocess preprocess;
	char *checkpoint;
};

static void emotion_free(struct emotion *emotion)
{
	head_features_close(emotion->features);
	head_data_free(&emotion->train);
	head_data_free(&emotion->validation);
	network_free(emotion->base);
	head_free(emotion->head);
	free(emotion->checkpoint);
}

static int emotion_open(const struct stage_run *run, struct emotion *emotion, struct err *err)
{
	size_t pool = (size_t)run->settings->emotion.average_pool;
	struct map_shape map;
	char *path = stage_in_path(run, "features", "features.h5", err);
	int code = path ? head_features_open(&emotion->features, path, err) : err->code;

	free(path);
	if (code == OK)
		code = preprocess_parse(&emotion->preprocess, emotion->features->preprocess, emotion->features->path, err);
	if (code == OK)
		code = emotion_base_load(run, emotion->features, &emotion->base, err);
	if (code == OK)
		code = network_shape(emotion->base, emotion->preprocess.size, &map, err);
	if (code == OK)
		code = head_new(&emotion->head, map, pool, (size_t)run->settings->emotion.hidden,
		                emotion->features->classes.count, err);
	if (code != OK || run->settings->emotion.trainable != TRAIN_HEAD)
		return code;
	code = head_features_rows(emotion->features, 0, pool, &emotion->train, err);
	if (code == OK)
		code = head_features_rows(emotion->features, 1, pool, &emotion->validation, err);
	return code;
}

static struct head_training emotion_training(const struct stage_run *run, const struct emotion *emotion)
{
	const struct emotion_settings *settings = &run->settings->emotion;

	return (struct head_training){
	    .epochs = (size_t)settings->epochs,
	    .batch = (size_t)settings->batch,
	    .patience = (size_t)settings->patience,
	    .learning_rate = settings->learning_rate,
	    .l2 = settings->l2,
	    .smoothing = settings->label_smoothing,
	    .focal = settings->focal,
	    .dropout = settings->dropout,
	    .sampling = settings->sampling == SAMPLING_BALANCED,
	    .balance = settings->class_weights == WEIGHTS_BALANCED,
	    .standardise = settings->standardise,
	    .seed = (uint64_t)run->settings->run.seed,
	    .threads = run->threads,
	    .checkpoint = emotion->checkpoint,
	    .checkpoint_steps = (size_t)settings->checkpoint_steps,
	};
}

static int emotion_train(const struct stage_run *run, struct emotion *emotion, struct head_outcome *outcome,
                         struct err *err)
{
	struct head_training training = emotion_training(run, emotion);
	struct emotion_history history = {.epochs = training.epochs,
	                                  .tune_epochs = (size_t)run->settings->emotion.tune_epochs};
	int code = emotion_history_open(run, &history, &training, err);

	if (code != OK)
		return code;
	if (run->settings->emotion.trainable == TRAIN_HEAD)
		code = head_train(emotion->head, &emotion->train, &emotion->validation, &training, outcome, err);
	else
		code = emotion_tune(run, &(struct emotion_tuning){emotion->features, emotion->base, emotion->head, &training},
		                    outcome, err);
	return emotion_history_end(&history, code, err);
}

static int emotion_cross_validate(struct stage_run *run, const struct emotion *emotion, struct err *err)
{
	struct head_training training = emotion_training(run, emotion);
	struct head_folds job = {.features = emotion->features,
	                         .train = &emotion->train,
	                         .validation = &emotion->validation,
	                         .head = emotion->head,
	                         .training = &training};

	return emotion_folds(run, &job, err);
}

static int emotion_save(const struct stage_run *run, const struct emotion *emotion, struct err *err)
{
	const struct head_features *features = emotion->features;
	struct keras_model model = {
	    .network = emotion->base,
	    .head = emotion->head,
	    .size = emotion->preprocess.size,
	    .classes = features->classes.items,
	    .preprocess = features->preprocess,
	    .dropout = run->settings->emotion.dropout,
	    .synthetic = features->synthetic,
	};
	char *path = stage_out_path(run, "emotion.h5", err);
	int code = path ? keras_model_save(&model, path, err) : err->code;

	free(path);
	return code;
}

int stage_emotion(struct stage_run *run, struct err *err)
{
	struct emotion emotion = {0};
	struct head_outcome outcome;
	int code = emotion_open(run, &emotion, err);

	if (code == OK && !(emotion.checkpoint = stage_out_path(run, "head.part", err)))
		code = err->code;
	if (code == OK)
		code = emotion_cross_validate(run, &emotion, err);
	if (code == OK)
		code = emotion_train(run, &emotion, &outcome, err);
	if (code == OK && comm_publishes())
		code = emotion_save(run, &emotion, err);
	if (code == OK && comm_publishes())
		code = emotion_checkpoint_remove(emotion.checkpoint, err);
	if (code == OK && comm_publishes())
		emotion_record(run, &(struct emotion_result){emotion.features, emotion.base, emotion.head, &outcome});
	emotion_free(&emotion);
	return code;
}
