/* faces.h5 read picture by picture: for the stages that look at pictures again. */
#ifndef MOODCAST_STORED_FACES_INTERNAL_H
#define MOODCAST_STORED_FACES_INTERNAL_H

#include "io/io.h"
#include "num/num.h"

struct stored_faces {
	struct hdf_file *file;
	char *path;
	size_t count, height, width;  /* rows; of a frame */
	int32_t *area, *box;          /* [count][4] */
	uint8_t *box_source, *split;  /* [count] */
	uint8_t *frame;               /* room for one */
};
/* ERR_DATA names the file and the column that does not fit. `out` starts zeroed and is closed whatever the result. */
int stored_faces_open(struct stored_faces *out, const char *path, struct err *err) MUST_CHECK;
void stored_faces_close(struct stored_faces *faces);
/* The picture of a row without the empty rest of its frame, RGB; freed by image_free. */
int stored_faces_picture(struct stored_faces *faces, size_t row, struct image *out, struct err *err) MUST_CHECK;
/* The known box in that picture; no area when none is known. */
struct rect stored_faces_box(const struct stored_faces *faces, size_t row);

#endif
