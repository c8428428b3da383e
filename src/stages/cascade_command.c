/* The first features of a cascade over the mean of its crops: `cascade --draw OUT.png`, and what the stage leaves for
 * the report. */
#include "stages/cascade_internal.h"

#include <stdlib.h>

#define FEATURES_DRAWN 6

int cascade_draw_file(const char *folder, const char *out, long count, struct err *err)
{
	struct cascade *cascade = NULL;
	struct image mean = {0}, drawing = {0};
	char *xml = path_join(folder, "cascade.xml", err), *face = path_join(folder, "mean_face.png", err);
	int code = xml && face ? cascade_load(&cascade, xml, err) : err->code;
	if (code == OK)
		code = image_load(&mean, face, 1, err);
	if (code == OK)
		code = cascade_draw(cascade, &mean, (size_t)count, &drawing, err);
	if (code == OK)
		code = image_save_png(&drawing, out, err);
	image_free(&drawing);
	image_free(&mean);
	cascade_free(cascade);
	free(face);
	free(xml);
	return code;
}

int cascade_draw_stage(const struct stage_run *run, const struct crops *crops, struct err *err)
{
	struct image mean = {0};
	char *face = stage_out_path(run, "mean_face.png", err), *drawing = stage_out_path(run, "features.png", err);
	int code = face && drawing ? crops_mean(crops, &mean, err) : err->code;
	if (code == OK)
		code = image_save_png(&mean, face, err);
	if (code == OK)
		code = cascade_draw_file(run->out, drawing, FEATURES_DRAWN, err);
	image_free(&mean);
	free(face);
	free(drawing);
	return code;
}
