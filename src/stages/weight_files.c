#include "stages/stages.h"

#include <string.h>

int stage_weight_files(const struct stage_run *run, struct path_list *files, struct strbuf *sums, struct err *err)
{
	const struct text_list *weights = &run->settings->network.weights;
	bool init = weights->count == 1 && strcmp(weights->items[0], "init") == 0;
	int code = init || weights->count == 0 ? OK : stage_expand(run, weights, files, err);
	for (size_t i = 0; code == OK && i < files->count; i++) {
		char hex[SHA256_HEX];
		code = sha256_file(files->items[i], hex, err);
		strbuf_format(sums, "%s%s", i ? "," : "", code == OK ? hex : "");
	}
	strbuf_add(sums, ""); /* a text, also without files */
	return code == OK ? strbuf_check(sums, err) : code;
}
