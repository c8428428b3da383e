#include "stages/emotion_internal.h"

#include <stdlib.h>
#include <unistd.h>

int emotion_folds(struct stage_run *run, struct head_folds *job, struct err *err)
{
	struct head_fold *folds;
	int code;

	job->count = (size_t)run->settings->emotion.folds;
	if (!job->count)
		return OK;
	if (run->settings->emotion.trainable != TRAIN_HEAD)
		return err_set(err, ERR_SETTINGS, "emotion.folds trains the head only; set it to 0 with emotion.trainable = %s",
		               trainable_name(run->settings->emotion.trainable));
	folds = mem_alloc(job->count, sizeof(*folds), err);
	code = folds ? head_folds(job, folds, err) : err->code;
	if (code == OK)
		emotion_record_folds(run, folds, job->count);
	free(folds);
	return code;
}

static int remove_file(const char *path, struct err *err)
{
	return !path_exists(path) || unlink(path) == 0 ? OK : err_errno(err, "%s: cannot be removed", path);
}

int emotion_checkpoint_remove(const char *path, struct err *err)
{
	int code = remove_file(path, err);

	for (size_t fold = 1; code == OK && fold <= EMOTION_MAX_FOLDS; fold++) {
		char *part = mem_format(err, "%s.fold%zu", path, fold);

		code = part ? remove_file(part, err) : err->code;
		free(part);
	}
	return code;
}
