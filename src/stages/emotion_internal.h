/* The parts of the stage `emotion`, shared by its files only. */
#ifndef MOODCAST_EMOTION_INTERNAL_H
#define MOODCAST_EMOTION_INTERNAL_H

#include "nn/nn.h"
#include "stages/stages.h"

/* The base that features.h5 was made with, by the settings; ERR_DATA when the files are others by now. */
int emotion_base_load(const struct stage_run *run, const struct head_features *features, struct network **out,
                      struct err *err) MUST_CHECK;

/* history.jsonl, a line an epoch. */
struct emotion_history {
	struct out_file file;
	size_t epochs, tune_epochs; /* at most, for the log; with layers */
};
/* Rank 0 writes; `training` will tell its epochs there. */
int emotion_history_open(const struct stage_run *run, struct emotion_history *history, struct head_training *training,
                         struct err *err) MUST_CHECK;
/* Whole when `code` is OK, else not at all. Returns `code`, or why it cannot be written. */
int emotion_history_end(struct emotion_history *history, int code, struct err *err) MUST_CHECK;
/* Sizes by class and split, the best epoch, the validation figures, and the headline. */
struct emotion_result {
	const struct head_features *features;
	const struct network *network;
	const struct head *head;
	const struct head_outcome *outcome;
};
void emotion_record(struct stage_run *run, const struct emotion_result *result);

/* The head and the layers behind the features' cut, by the settings; the checkpoint lies in the stage's folder until
 * the end. */
struct emotion_tuning {
	const struct head_features *features;
	struct network *network;
	struct head *head;
	const struct head_training *training; /* of the head alone */
};
int emotion_tune(const struct stage_run *run, const struct emotion_tuning *job, struct head_outcome *outcome,
                 struct err *err) MUST_CHECK;

#define EMOTION_MAX_FOLDS 20 /* what emotion.folds allows */
/* emotion.folds of them, when it is not 0. */
int emotion_folds(struct stage_run *run, struct head_folds *job, struct err *err) MUST_CHECK;
/* The files of head_training's checkpoint, of the training and of all folds. */
int emotion_checkpoint_remove(const char *path, struct err *err) MUST_CHECK;
/* `folds`: each fold's figures, their mean and spread (standard deviation). */
void emotion_record_folds(struct stage_run *run, const struct head_fold *folds, size_t count);

#endif
