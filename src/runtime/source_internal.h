/* One kind of source: how the next picture is had. Private to runtime/source_*.c. */
#ifndef MOODCAST_RUNTIME_SOURCE_INTERNAL_H
#define MOODCAST_RUNTIME_SOURCE_INTERNAL_H

#include <stdatomic.h>
#include <stdio.h>

#include "runtime/runtime.h"

/* Bytes of one compressed picture, and pixels of a raw one, that are accepted. */
#define SOURCE_MAX_BYTES ((size_t)32 << 20)
#define SOURCE_MAX_SIDE 8192

struct source_kind {
	int (*next)(struct source *source, struct image *out, bool *end, struct err *err);
	int (*rewind)(struct source *source, struct err *err); /* NULL = cannot */
	void (*close)(struct source *source);
};
struct source {
	const struct source_kind *kind;
	char *name;
	double interval;
	size_t skipped;
	atomic_bool stopped;
	void *state; /* the kind's own */
};

int source_open_folder(struct source *source, struct err *err) MUST_CHECK;
/* Waits until `fd` can be read: 1; 0 when the source was stopped; −1 with errno. */
int source_wait(struct source *source, int fd);
/* Takes over `stream`; tells Y4M, JPEG, PNG and PNM by the first bytes. */
int source_open_stream(struct source *source, FILE *stream, struct err *err) MUST_CHECK;
int source_open_v4l2(struct source *source, struct err *err) MUST_CHECK;

/* ITU-R BT.601 studio range to RGB, 8 bits. Planes of a 4:2:0 picture (chroma (w+1)/2 × (h+1)/2). */
void yuv420_to_rgb(const uint8_t *planes, size_t width, size_t height, uint8_t *rgb);
/* Y0 U Y1 V quadruples; `stride` bytes a row, width even. */
void yuyv_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb);
/* Rows of Y, then rows of U V pairs for every second row; `stride` bytes each. */
void nv12_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb);
void grey_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb);
/* Grey (channels 1) to RGB; takes over *image. */
int image_to_rgb(struct image *image, struct err *err) MUST_CHECK;

#endif
