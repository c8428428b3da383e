#include "stages/emotion_internal.h"

#include <string.h>

int emotion_base_load(const struct stage_run *run, const struct head_features *features, struct network **out,
                      struct err *err)
{
	struct path_list files = {0};
	struct strbuf sums = {0};
	struct network_source source = {.cut = run->settings->network.cut,
	                                .missing = run->settings->network.missing,
	                                .seed = (uint64_t)run->settings->run.seed};
	int below, code = trainable_cut(run->settings->emotion.trainable, source.cut, &below, err);

	if (code != OK)
		return code;
	if (strcmp(features->cut, network_cut_name(below)) != 0)
		return err_set(err, ERR_DATA, "%s: ends at %s, not at %s; run the stage features again", features->path,
		               features->cut, network_cut_name(below));
	code = stage_weight_files(run, &files, &sums, err);
	/* The model would pair the head with a base it was not trained on. */
	if (code == OK && strcmp(sums.text, features->weights_sha256) != 0)
		code = err_set(err, ERR_DATA, "%s was made with other network.weights; run the stage features again",
		               features->path);
	if (code == OK) {
		source.files = (const char *const *)files.items;
		source.n_files = files.count;
		code = network_load(out, &source, err);
	}
	path_list_free(&files);
	strbuf_free(&sums);
	return code;
}
