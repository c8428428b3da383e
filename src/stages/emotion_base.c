#include "stages/emotion_internal.h"

#include <stdlib.h>
#include <string.h>

/* The files of network.weights; "init" stands for none. */
static int weight_files(const struct stage_run *run, struct path_list *out, struct err *err)
{
	const struct text_list *weights = &run->settings->network.weights;

	if (weights->count == 1 && strcmp(weights->items[0], "init") == 0)
		return OK;
	return weights->count ? stage_expand(run, weights, out, err) : OK;
}

/* The model would pair the head with a base it was not trained on. */
static int check_same_files(const struct path_list *files, const struct head_features *features, struct err *err)
{
	struct strbuf found = {0};
	int code = OK;

	for (size_t i = 0; code == OK && i < files->count; i++) {
		char hex[SHA256_HEX];
		code = sha256_file(files->items[i], hex, err);
		strbuf_format(&found, "%s%s", i ? "," : "", code == OK ? hex : "");
	}
	if (code == OK)
		code = strbuf_check(&found, err);
	if (code == OK && strcmp(found.text ? found.text : "", features->weights_sha256) != 0)
		code = err_set(err, ERR_DATA, "%s was made with other network.weights; run the stage features again",
		               features->path);
	strbuf_free(&found);
	return code;
}

int emotion_base_load(const struct stage_run *run, const struct head_features *features, struct network **out,
                      struct err *err)
{
	struct path_list files = {0};
	struct network_source source = {.cut = run->settings->network.cut,
	                                .missing = run->settings->network.missing,
	                                .seed = (uint64_t)run->settings->run.seed};
	int below, code = trainable_cut(run->settings->emotion.trainable, source.cut, &below, err);

	if (code != OK)
		return code;
	if (strcmp(features->cut, network_cut_name(below)) != 0)
		return err_set(err, ERR_DATA, "%s: ends at %s, not at %s; run the stage features again", features->path,
		               features->cut, network_cut_name(below));
	code = weight_files(run, &files, err);
	if (code == OK)
		code = check_same_files(&files, features, err);
	if (code == OK) {
		source.files = (const char *const *)files.items;
		source.n_files = files.count;
		code = network_load(out, &source, err);
	}
	path_list_free(&files);
	return code;
}
