#include "stages/features_internal.h"

#include <stdlib.h>

/* Was one that does not fit cut around its known box? Whoever serves the model knows no box: there is nothing to do
 * alike. */
static bool cut_by_box(const int32_t *width, const int32_t *height, const uint8_t *box_source,
                       const struct features_job *job)
{
	for (size_t i = 0; i < job->rows; i++)
		if (box_source[i] && ((size_t)width[i] > job->frame_width || (size_t)height[i] > job->frame_height))
			return true;
	return false;
}

int features_served_frame(const struct features_job *job, struct preprocess *preprocess, struct err *err)
{
	int32_t *width = NULL, *height = NULL;
	uint8_t *source = NULL;
	struct hdf_shape shapes[3];
	int code = hdf_read(job->faces, "width", HDF_I32, job->rows, (void **)&width, &shapes[0], err);
	if (code == OK)
		code = hdf_read(job->faces, "height", HDF_I32, job->rows, (void **)&height, &shapes[1], err);
	if (code == OK)
		code = hdf_read(job->faces, "box_source", HDF_U8, job->rows, (void **)&source, &shapes[2], err);
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(shapes); i++)
		if (shapes[i].rank != 1 || shapes[i].dims[0] != job->rows)
			code = err_set(err, ERR_DATA, "faces.h5: width, height and box_source do not have a row a picture");
	if (code == OK && !cut_by_box(width, height, source, job)) {
		preprocess->frame_width = job->frame_width;
		preprocess->frame_height = job->frame_height;
	}
	free(width);
	free(height);
	free(source);
	return code;
}
