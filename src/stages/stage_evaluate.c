/* evaluate: every artefact on held-out people and playlists → metrics.json, predictions.tsv. */
#include "stages/evaluate_internal.h"

#include <stdlib.h>

static void evaluation_free(struct evaluation *evaluation)
{
	judged_faces_free(&evaluation->faces);
	music_free(&evaluation->music);
	free(evaluation->leaked);
}

int stage_evaluate(struct stage_run *run, struct err *err)
{
	struct evaluation evaluation = {.run = run};
	int code = evaluate_gather(run, err);

	if (code == OK)
		code = evaluate_counts(run, err);
	if (code == OK)
		code = evaluate_leaks(&evaluation, err);
	if (code == OK)
		code = evaluate_emotion(&evaluation, err);
	if (code == OK)
		code = evaluate_external(run, err);
	if (code == OK)
		code = evaluate_cascade(&evaluation, err);
	if (code == OK)
		code = music_load(run, &evaluation.music, err);
	if (code == OK)
		code = evaluate_tags(&evaluation, err);
	if (code == OK)
		code = evaluate_als(&evaluation, err);
	if (code == OK)
		code = evaluate_chain(&evaluation, err);
	if (code == OK) {
		evaluate_honesty(run);
		code = evaluate_headline(run, err);
	}
	evaluation_free(&evaluation);
	return code;
}
