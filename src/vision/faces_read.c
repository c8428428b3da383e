#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * The second pass: the walk gives the chosen members in the order of the first one, a batch of them is decoded in
 * parallel, and the rows that came out move together before they are handed on. Memory follows the batch, not the
 * archive.
 */
#define BATCH_BYTES ((size_t)64 << 20)
#define BATCH_PICTURES ((size_t)256)

struct read_slot {
	uint8_t *bytes;
	size_t size, capacity, face;
	char reason[256]; /* why there is no row; "" = there is one */
	bool lost_box;
};

struct read_job {
	struct face_set *set;
	const struct faces_settings *settings;
	int threads;
	face_rows *rows;
	void *context;
	struct read_slot *slots;
	size_t n_slots, used, frame_bytes;
	uint8_t *pixels;           /* [n_slots][frame_height][frame_width][3] */
	float *scratch;            /* [threads][frame_height][frame_width][3] */
	size_t cursor, source_end; /* next chosen face, and the first of the next source */
	size_t written;
	struct progress progress;
	int status; /* what a callback without a result ran into */
	struct err err;
};

/* ---- decoding ------------------------------------------------------------------------------ */

/* The reason without the member's own name in front of it. */
static void keep_reason(struct read_slot *slot, const char *member, const char *text)
{
	size_t length = strlen(member);
	if (strncmp(text, member, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		text += length + 2;
	snprintf(slot->reason, sizeof slot->reason, "%.255s", text);
}

static int decode_slot(size_t i, int thread, void *context, struct err *err)
{
	struct read_job *job = context;
	struct read_slot *slot = &job->slots[i];
	struct face *face = &job->set->faces[slot->face];
	uint8_t *frame = job->pixels + i * job->frame_bytes;
	memset(frame, 0, job->frame_bytes);
	slot->reason[0] = '\0';
	struct image picture = {0};
	int status = image_decode(&picture, slot->bytes, slot->size, 3, face->member, err);
	/* A box that is wrong is no reason to lose the picture. */
	slot->lost_box = status == OK && face->box_source != FACE_BOX_NONE && !face_box_overlaps(face, &picture);
	if (slot->lost_box) {
		face->box_source = FACE_BOX_NONE;
		face->box = (struct rect){0};
	}
	if (status == OK)
		status =
		    face_frame(face, &picture, job->settings, job->scratch + (size_t)thread * job->frame_bytes, frame, err);
	image_free(&picture);
	if (status == ERR_DATA) {
		keep_reason(slot, face->member, err->text);
		status = OK;
	}
	return status;
}

static int skip_face(struct read_job *job, size_t i, const char *reason, struct err *err)
{
	struct face *face = &job->set->faces[i];
	int status = face_set_skip(job->set, face->member, reason, true, err);
	free(face->member);
	face->member = NULL;
	progress_add(&job->progress, 1);
	return status;
}

/* Rows move to the front of the batch, faces to the front of the set: both keep their order. */
static int flush_batch(struct read_job *job, struct err *err)
{
	struct face *faces = job->set->faces;
	int status = parallel_for(job->used, 1, job->threads, decode_slot, job, err);
	size_t kept = 0, first = job->written;
	for (size_t i = 0; status == OK && i < job->used; i++) {
		struct read_slot *slot = &job->slots[i];
		if (slot->reason[0]) {
			status = skip_face(job, slot->face, slot->reason, err);
			continue;
		}
		if (slot->lost_box)
			status = face_set_skip(job->set, faces[slot->face].member, "the box lies outside the picture", false, err);
		if (kept != i)
			memcpy(job->pixels + kept * job->frame_bytes, job->pixels + i * job->frame_bytes, job->frame_bytes);
		if (job->written != slot->face) {
			faces[job->written] = faces[slot->face];
			faces[slot->face].member = NULL;
		}
		job->written++;
		kept++;
		progress_add(&job->progress, 1);
	}
	job->used = 0;
	if (status == OK && kept > 0)
		status = job->rows(job->pixels, first, kept, job->context, err);
	return status;
}

/* ---- walking ---------------------------------------------------------------------------------- */

static const char *below_root(const struct read_job *job, size_t i)
{
	const struct face *face = &job->set->faces[i];
	return face->member + job->set->sources[face->source].skip;
}

static bool read_wanted(const char *path, void *context)
{
	struct read_job *job = context;
	if (job->cursor >= job->source_end || strcmp(path, below_root(job, job->cursor)) != 0)
		return false;
	job->cursor++;
	return true;
}

static int read_member(const struct member *member, void *context, struct err *err)
{
	struct read_job *job = context;
	if (job->status != OK) {
		*err = job->err;
		return job->status;
	}
	struct read_slot *slot = &job->slots[job->used];
	uint8_t *bytes = mem_grow(slot->bytes, &slot->capacity, member->size + 1, 1, err);
	if (!bytes)
		return err->code;
	slot->bytes = bytes;
	if (member->size > 0)
		memcpy(bytes, member->bytes, member->size);
	slot->size = member->size;
	slot->face = job->cursor - 1;
	if (++job->used < job->n_slots)
		return OK;
	return flush_batch(job, err);
}

/* Either the member just asked for, or an archive with all that was still to come of it. */
static void read_skipped(const char *path, const char *reason, void *context)
{
	struct read_job *job = context;
	size_t length = strlen(path);
	struct face *faces = job->set->faces;
	if (job->cursor > 0 && faces[job->cursor - 1].member && strcmp(path, below_root(job, job->cursor - 1)) == 0) {
		if (job->status == OK)
			job->status = skip_face(job, job->cursor - 1, reason, &job->err);
		return;
	}
	while (job->status == OK && job->cursor < job->source_end) {
		const char *below = below_root(job, job->cursor);
		if (strncmp(below, path, length) != 0 || below[length] != '/')
			break;
		job->status = skip_face(job, job->cursor++, reason, &job->err);
	}
}

static int read_file(struct read_job *job, const struct face_source *source, struct err *err)
{
	char *path = path_join(source->root, below_root(job, job->cursor), err);
	if (!path)
		return err->code;
	char *bytes = NULL;
	struct member member = {.path = path};
	struct err why = {0};
	int status = file_read(path, (size_t)256 << 20, &bytes, &member.size, &why);
	job->cursor++;
	member.bytes = bytes;
	if (status == OK)
		status = read_member(&member, job, err);
	else if (status == ERR_MEMORY)
		*err = why;
	else
		status = skip_face(job, job->cursor - 1, why.text, err);
	free(bytes);
	free(path);
	return status;
}

static int read_source(struct read_job *job, const struct face_source *source, struct err *err)
{
	int status = OK;
	if (source->files) {
		while (status == OK && job->cursor < job->source_end) {
			status = stop_check("reading pictures", err);
			if (status == OK)
				status = read_file(job, source, err);
		}
		return status;
	}
	struct member_walk walk = {.wanted = read_wanted, .deliver = read_member, .skipped = read_skipped, .context = job};
	status = members_walk(source->root, &walk, err);
	if (status == OK && job->status != OK) {
		*err = job->err;
		status = job->status;
	}
	if (status == OK && job->cursor < job->source_end)
		status = err_set(err, ERR_DATA, "%s: changed while it was read: %s was there at first", source->root,
		                 below_root(job, job->cursor));
	return status;
}

static int read_all(struct read_job *job, struct err *err)
{
	struct face_set *set = job->set;
	int status = OK;
	while (status == OK && job->cursor < set->count) {
		uint32_t source = set->faces[job->cursor].source;
		job->source_end = job->cursor;
		while (job->source_end < set->count && set->faces[job->source_end].source == source)
			job->source_end++;
		status = read_source(job, &set->sources[source], err);
	}
	if (status == OK && job->used > 0)
		status = flush_batch(job, err);
	return status;
}

static int job_prepare(struct read_job *job, struct err *err)
{
	size_t frame = (size_t)job->settings->frame_width * (size_t)job->settings->frame_height * 3;
	size_t fit = BATCH_BYTES / frame;
	job->frame_bytes = frame;
	job->n_slots = fit < 1 ? 1 : fit > BATCH_PICTURES ? BATCH_PICTURES : fit;
	job->slots = mem_alloc(job->n_slots, sizeof *job->slots, err);
	job->pixels = job->slots ? mem_alloc(job->n_slots, frame, err) : NULL;
	job->scratch = job->pixels ? mem_alloc((size_t)job->threads, frame * sizeof(float), err) : NULL;
	return job->scratch ? OK : err->code;
}

int faces_read(struct face_set *set, const struct faces_request *request, face_rows *rows, void *context,
               struct err *err)
{
	struct read_job job = {.set = set,
	                       .settings = request->settings,
	                       .threads = request->threads < 1 ? 1 : request->threads,
	                       .rows = rows,
	                       .context = context};
	int status = job_prepare(&job, err);
	if (status == OK) {
		progress_start(&job.progress, "faces", "pictures", set->count);
		status = read_all(&job, err);
		progress_end(&job.progress);
	}
	for (size_t i = 0; job.slots && i < job.n_slots; i++)
		free(job.slots[i].bytes);
	free(job.slots);
	free(job.pixels);
	free(job.scratch);
	face_set_compact(set);
	return status;
}
