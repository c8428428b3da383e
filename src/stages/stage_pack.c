#include "stages/pack_internal.h"

#include <stdlib.h>
#include <sys/stat.h>

char *pack_path(const struct stage_run *run, const char *name, struct err *err)
{
	char *folder = stage_out_path(run, "bundle", err), *path = folder ? path_join(folder, name, err) : NULL;
	free(folder);
	return path;
}

static int add_size(struct stage_run *run, const char *name, double *total, struct err *err)
{
	struct stat facts;
	char *path = pack_path(run, name, err);
	if (!path)
		return err->code;
	int status = stat(path, &facts) == 0 ? OK : err_errno(err, "%s", path);
	if (status == OK) {
		json_set_integer(run->metrics, name, facts.st_size);
		*total += (double)facts.st_size;
	}
	free(path);
	return status;
}

int stage_pack(struct stage_run *run, struct err *err)
{
	struct pack_facts facts = {0};
	double bytes = 0;
	char *folder = stage_out_path(run, "bundle", err);
	int status = folder ? folder_make(folder, err) : err->code;
	if (status == OK)
		status = pack_cascade(run, err);
	if (status == OK)
		status = pack_emotion(run, &facts, err);
	if (status == OK)
		status = pack_songs(run, err);
	if (status == OK)
		status = pack_card(run, &facts, err);
	if (status == OK)
		status = pack_sign(run, err);
	if (status == OK && (status = add_size(run, PACK_CASCADE, &bytes, err)) == OK &&
	    (status = add_size(run, PACK_EMOTION, &bytes, err)) == OK)
		status = add_size(run, PACK_SONGS, &bytes, err);
	if (status == OK)
		snprintf(run->headline, sizeof(run->headline),
		         "bundle \"%s\" of %.1f MB, %zu classes, cut at %s, pretrained: %s%s",
		         run->settings->pack.name, bytes / 1e6, facts.classes.count, facts.cut, facts.pretrained,
		         run->settings->pack.sign_key.count ? ", signed" : "");
	pack_facts_free(&facts);
	free(folder);
	return status;
}
