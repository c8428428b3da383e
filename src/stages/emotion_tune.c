#include "base/comm.h"
#include "stages/emotion_internal.h"

#include <stdlib.h>
#include <unistd.h>

int emotion_tune(const struct stage_run *run, const struct emotion_tuning *job, struct head_outcome *outcome,
                 struct err *err)
{
	const struct emotion_settings *settings = &run->settings->emotion;
	char *checkpoint = stage_out_path(run, "tuning.part", err);
	struct tune_training training = {.head = *job->training,
	                                 .epochs = (size_t)settings->tune_epochs,
	                                 .batch = (size_t)settings->tune_batch,
	                                 .rate = settings->tune_rate,
	                                 .schedule = settings->schedule,
	                                 .warmup_steps = (size_t)settings->warmup_steps,
	                                 .optimizer = settings->optimizer,
	                                 .momentum = settings->momentum,
	                                 .clip = settings->clip_norm,
	                                 .checkpoint_steps = (size_t)settings->checkpoint_steps,
	                                 .checkpoint = checkpoint};
	int code;

	if (job->training->sampling) {
		free(checkpoint);
		return err_set(err, ERR_SETTINGS,
		               "emotion.sampling = balanced trains the head only; set it to plain with emotion.trainable = %s",
		               trainable_name(settings->trainable));
	}
	code = checkpoint ? tune_train(job->network, job->head, job->features, &training, outcome, err) : err->code;

	if (code == OK && comm_publishes() && path_exists(checkpoint) && unlink(checkpoint) != 0)
		code = err_errno(err, "%s: cannot be removed", checkpoint);
	free(checkpoint);
	return code;
}
