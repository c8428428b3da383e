/*
 * Shared by faces_read.c, faces_decode.c and the pixel CSV only: one second pass.
 */
#ifndef MOODCAST_FACES_READ_INTERNAL_H
#define MOODCAST_FACES_READ_INTERNAL_H

#include <pthread.h>

#include "base/comm.h"
#include "vision/faces_internal.h"

#define FACES_MEMBER_BYTES ((size_t)256 << 20) /* the most that one picture's file may have */

/* A picture under way: as it came, then as its row. */
struct read_slot {
	uint8_t *bytes;
	size_t capacity, face, deal; /* deal: of its shard */
	struct member member; /* its bytes lie in `bytes` */
	uint8_t *out;         /* the row, packed where the settings want it */
	size_t out_size, out_capacity;
	char reason[256]; /* why there is no row; "" = there is one */
	bool lost_box;
};

/* What a thread decodes with. */
struct face_decoder {
	struct image_decoder *images;
	struct unpacker *unpacker;
	struct hdf_packer *packer;
	struct face_scratch scratch;
	uint8_t *frame;
};

struct faces_shards {
	char *path;             /* of the file that joins them */
	char work[SHA256_HEX];
	const struct faces_settings *settings;
	size_t count, *start;   /* faces of the set as it was chosen; [count + 1] */
	size_t *settled, *rows; /* [count]: faces that an earlier run is done with; rows, once all is read */
	size_t *todo, n_todo;   /* those that are not whole, */
	struct comm_deal deal;  /* which are dealt out */
	size_t dealt;           /* the one being read: its place in `todo`; n_todo = there are none left */
	struct faces_store *store; /* the one being written, of */
	size_t written;            /* this place */
};

struct read_job {
	struct face_set *set;
	const struct faces_settings *settings;
	int threads;
	face_rows *rows; /* where rows go: to a caller, or */
	void *context;
	struct faces_store *store; /* or into one store, or */
	struct faces_shards *shards;
	struct pipeline *pipeline;
	struct read_slot *slots;
	size_t n_slots, frame_bytes;
	uint64_t slot_bytes, decode_bytes; /* shares of faces.memory_mb */
	struct face_decoder *decoders;     /* [threads] */
	pthread_mutex_t gate;              /* of the memory of pictures being decoded */
	pthread_cond_t gate_open;
	uint64_t decoding;
	size_t n_chosen, cursor, source_end; /* faces; the next one to read; the first of the next source */
	size_t end;                          /* behind the last one of the shard */
	size_t written;                      /* faces with a row so far */
	uint32_t person;
	bool *met;  /* [people] */
	bool asked; /* the walk was told to deliver the face at the cursor */
	struct progress progress;
	int status; /* what a callback without a result ran into */
	struct err err;
};

int decoders_new(struct read_job *job, struct err *err) MUST_CHECK;
void decoders_free(struct read_job *job);
int decode_slot(size_t slot, int thread, void *context, struct err *err); /* a step of the pipeline */
/* Gives the face at the cursor to the pipeline: its bytes, or why there are none. */
int faces_submit(struct read_job *job, const struct member *member, const char *reason, struct err *err) MUST_CHECK;
/* Shards: the first one; the one behind the shard at whose end the cursor is; a row of the one that is read; how it
 * ended. */
int faces_shards_begin(struct read_job *job, struct err *err) MUST_CHECK;
int faces_shards_next(struct read_job *job, struct err *err) MUST_CHECK;
int faces_shards_row(struct read_job *job, const struct read_slot *slot, struct err *err) MUST_CHECK;
int faces_shards_end(struct read_job *job, const struct face_replay *replay, struct err *err) MUST_CHECK;
int faces_csv_pixels_read(struct read_job *job, const struct face_source *source, struct err *err) MUST_CHECK;

#endif
