#include "vision/faces_read_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/*
 * The second pass: one thread walks the sources and takes the chosen members out as they lie there, others unpack,
 * decode, cut and compress them (faces_decode.c), and the caller's thread puts the rows down in the order of the first
 * pass. Memory follows the pieces under way, not the archive.
 */
#define SLOTS ((size_t)64)
#define LARGE_SLOT ((size_t)4 << 20) /* a slot gives back what a larger member took */

/* ---- settling a row, in order ----------------------------------------------------------------- */

static void count_face(struct read_job *job, const struct face *face)
{
	if (face->person != job->person) {
		job->person = face->person;
		if (face->person != FACE_NOBODY && !job->met[face->person])
			progress_part(&job->progress);
		if (face->person != FACE_NOBODY)
			job->met[face->person] = true;
	}
	progress_add(&job->progress, 1);
}

/* Faces that have a row move to the front of the set, the others leave it: both keep their order. */
static int settle(struct read_job *job, size_t at, const char *reason, bool lost_box, struct err *err)
{
	struct face *faces = job->set->faces, *face = &faces[at];
	int status = OK;
	if (!job->shards) /* else the rank that read it has counted it */
		count_face(job, face);
	if (reason[0]) {
		status = face_set_skip(job->set, face->member, reason, true, err);
		free(face->member);
		face->member = NULL;
		return status;
	}
	if (lost_box)
		status = face_set_skip(job->set, face->member, "the box lies outside the picture", false, err);
	if (job->written != at) {
		faces[job->written] = *face;
		face->member = NULL;
	}
	job->written++;
	return status;
}

static int write_slot(size_t slot_number, void *context, struct err *err)
{
	struct read_job *job = context;
	struct read_slot *slot = &job->slots[slot_number];
	struct face_outcome outcome = {.face = slot->face, .lost_box = slot->lost_box, .reason = slot->reason};
	int status = stop_check("reading pictures", err);
	if (status == OK && job->shards)
		status = faces_shards_row(job, slot, err);
	else if (status == OK && job->store)
		status = faces_store_row(job->store, job->set, &outcome, slot->out, slot->reason[0] ? 0 : slot->out_size, err);
	else if (status == OK && !slot->reason[0])
		status = job->rows(slot->out, job->written, 1, job->context, err);
	if (status == OK && !job->shards)
		status = settle(job, slot->face, slot->reason, slot->lost_box, err);
	if (slot->capacity > LARGE_SLOT) {
		free(slot->bytes);
		slot->bytes = NULL;
		slot->capacity = 0;
	}
	return status;
}

/* A row that an earlier run put down. */
static int replay_row(const struct face_outcome *outcome, void *context, struct err *err)
{
	struct read_job *job = context;
	job->cursor = outcome->face + 1;
	return settle(job, outcome->face, outcome->reason, outcome->lost_box, err);
}

/* ---- walking ---------------------------------------------------------------------------------- */

static const char *below_root(const struct read_job *job, size_t i)
{
	const struct face *face = &job->set->faces[i];
	return face->member + job->set->sources[face->source].skip;
}

static int submit(struct read_job *job, const struct member *member, const char *reason, struct err *err)
{
	size_t number, size = member ? member->size : 0;
	int status = pipeline_claim(job->pipeline, size + job->frame_bytes, &number, err);
	if (status != OK)
		return status;
	struct read_slot *slot = &job->slots[number];
	slot->face = job->cursor++;
	slot->deal = job->shards ? job->shards->dealt : 0;
	slot->reason[0] = '\0';
	slot->lost_box = false;
	if (reason)
		snprintf(slot->reason, sizeof slot->reason, "%.255s", reason);
	if (member) {
		uint8_t *bytes = mem_grow(slot->bytes, &slot->capacity, size + 1, 1, err);
		if (bytes) {
			slot->bytes = bytes;
			slot->member = *member;
			slot->member.bytes = memcpy(bytes, size ? member->bytes : "", size);
			slot->member.path = job->set->faces[slot->face].member;
		} else {
			/* The slot is claimed: it must be settled, and the failure comes out at its place. */
			status = err->code;
			snprintf(slot->reason, sizeof slot->reason, "out of memory");
		}
	}
	pipeline_submit(job->pipeline);
	return status == OK && job->cursor == job->end && job->shards ? faces_shards_next(job, err) : status;
}

static bool read_wanted(const char *path, void *context)
{
	struct read_job *job = context;
	job->asked = job->status == OK && job->cursor < job->source_end && strcmp(path, below_root(job, job->cursor)) == 0;
	return job->asked;
}

/* Nothing is wanted of an archive that the next face does not lie in. */
static bool read_enters(const char *path, void *context)
{
	struct read_job *job = context;
	if (job->status != OK || job->cursor >= job->source_end)
		return false;
	const char *below = below_root(job, job->cursor);
	size_t length = strlen(path);
	return strncmp(below, path, length) == 0 && below[length] == '/';
}

static int read_member(const struct member *member, void *context, struct err *err)
{
	struct read_job *job = context;
	job->asked = false;
	if (job->status == OK)
		return submit(job, member, NULL, err);
	*err = job->err;
	return job->status;
}

/* Either the member just asked for, or an archive with all that was still to come of it. */
static void read_skipped(const char *path, const char *reason, void *context)
{
	struct read_job *job = context;
	size_t length = strlen(path);
	if (job->asked && strcmp(path, below_root(job, job->cursor)) == 0) {
		job->asked = false;
		job->status = submit(job, NULL, reason, &job->err);
		return;
	}
	while (job->status == OK && job->cursor < job->source_end) {
		const char *below = below_root(job, job->cursor);
		if (strncmp(below, path, length) != 0 || below[length] != '/')
			break;
		job->status = submit(job, NULL, reason, &job->err);
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
	int status = file_read(path, FACES_MEMBER_BYTES, &bytes, &member.size, &why);
	member.bytes = bytes;
	member.full = member.size;
	if (status == ERR_MEMORY)
		*err = why;
	else
		status = submit(job, status == OK ? &member : NULL, status == OK ? NULL : why.text, err);
	free(bytes);
	free(path);
	return status;
}

static int read_files(struct read_job *job, const struct face_source *source, struct err *err)
{
	int status = OK;
	while (status == OK && job->cursor < job->source_end) {
		status = stop_check("reading pictures", err);
		if (status == OK)
			status = read_file(job, source, err);
	}
	return status;
}

static int read_source(struct read_job *job, const struct face_source *source, struct err *err)
{
	if (source->pixels)
		return faces_csv_pixels_read(job, source, err);
	if (source->files)
		return read_files(job, source, err);
	struct member_walk walk = faces_walk(job->settings);
	walk.wanted = read_wanted;
	walk.deliver = read_member;
	walk.enters = read_enters;
	walk.skipped = read_skipped;
	walk.context = job;
	walk.packed = true;
	int status = members_walk(source->root, &walk, err);
	if (status == OK && job->status != OK) {
		*err = job->err;
		status = job->status;
	}
	if (status == OK)
		status = source_unchanged(source, err);
	if (status == OK && job->cursor < job->source_end)
		status = err_set(err, ERR_DATA, "%s: changed while it was read: %s was there at first", source->root,
		                 below_root(job, job->cursor));
	return status;
}

int faces_submit(struct read_job *job, const struct member *member, const char *reason, struct err *err)
{
	return submit(job, member, reason, err);
}

static int read_all(struct pipeline *pipeline, void *context, struct err *err)
{
	struct read_job *job = context;
	int status = OK;
	job->pipeline = pipeline;
	while (status == OK && job->cursor < job->n_chosen) {
		uint32_t source = job->set->faces[job->cursor].source;
		job->source_end = job->cursor;
		while (job->source_end < job->n_chosen && job->set->faces[job->source_end].source == source)
			job->source_end++;
		status = read_source(job, &job->set->sources[source], err);
	}
	return status;
}

/* ---- the pass ------------------------------------------------------------------------------------ */

static int job_prepare(struct read_job *job, struct err *err)
{
	uint64_t memory = (uint64_t)job->settings->memory_mb << 20;
	job->frame_bytes = (size_t)job->settings->frame_width * (size_t)job->settings->frame_height * 3;
	job->slot_bytes = memory / 4;
	job->decode_bytes = memory / 2;
	size_t fit = (size_t)(job->slot_bytes / (2 * job->frame_bytes)), least = (size_t)job->threads + 2;
	job->n_slots = fit > SLOTS ? SLOTS : fit;
	if (job->n_slots < least)
		return err_set(
		    err, ERR_SETTINGS,
		    "faces.memory_mb = %ld is too little for %d threads and frames of %ld × %ld; raise it or lower run.threads",
		    job->settings->memory_mb, job->threads, job->settings->frame_width, job->settings->frame_height);
	job->met = mem_alloc(job->set->persons.names.count + 1, sizeof *job->met, err);
	job->slots = job->met ? mem_alloc(job->n_slots, sizeof *job->slots, err) : NULL;
	if (!job->slots)
		return err->code;
	return decoders_new(job, err);
}

static void job_free(struct read_job *job)
{
	for (size_t i = 0; job->slots && i < job->n_slots; i++) {
		free(job->slots[i].bytes);
		free(job->slots[i].out);
	}
	free(job->slots);
	free(job->met);
	decoders_free(job);
}

static int run(struct read_job *job, struct err *err)
{
	struct pipeline_steps steps = {.slots = job->n_slots,
	                               .threads = job->threads,
	                               .most = job->slot_bytes,
	                               .read = read_all,
	                               .work = decode_slot,
	                               .write = write_slot,
	                               .context = job};
	size_t people;
	int status = faces_people(job->set, &people, err);
	if (status != OK)
		return status;
	progress_start(&job->progress, "faces", "pictures", job->set->count);
	job->progress.part_unit = job->shards ? NULL : "people";
	job->progress.part_total = people;
	struct face_replay replay = {.settled = replay_row, .context = job};
	if (job->shards)
		status = faces_shards_begin(job, err);
	else if (job->store)
		status = faces_store_replay(job->store, job->set, &replay, err);
	if (status == OK && job->cursor > 0 && !job->shards)
		log_info("faces", "goes on behind %zu of %zu pictures", job->cursor, job->n_chosen);
	if (status == OK)
		status = pipeline_run(&steps, err);
	if (status == OK && job->store)
		status = faces_store_flush(job->store, err);
	if (status == OK && job->shards)
		status = faces_shards_end(job, &replay, err);
	progress_end(&job->progress);
	return status;
}

static int read_with(struct read_job *job, const struct faces_request *request, struct err *err)
{
	job->settings = request->settings;
	job->threads = request->threads < 1 ? 1 : request->threads;
	job->n_chosen = job->end = job->set->count;
	job->person = FACE_NOBODY;
	int status = job_prepare(job, err);
	if (status == OK)
		status = run(job, err);
	job_free(job);
	malloc_trim(0); /* pictures, before the columns are put together */
	face_set_compact(job->set);
	return status;
}

int faces_read(struct face_set *set, const struct faces_request *request, face_rows *rows, void *context,
               struct err *err)
{
	struct faces_settings plain = *request->settings;
	struct faces_request as_rows = *request;
	struct read_job job = {.set = set, .rows = rows, .context = context};
	plain.compress = 0;
	as_rows.settings = &plain;
	return read_with(&job, &as_rows, err);
}

int faces_read_store(struct face_set *set, const struct faces_request *request, struct faces_store *store,
                     struct err *err)
{
	struct read_job job = {.set = set, .store = store};
	return read_with(&job, request, err);
}

int faces_read_shards(struct face_set *set, const struct faces_request *request, struct faces_shards *shards,
                      struct err *err)
{
	struct read_job job = {.set = set, .shards = shards};
	return read_with(&job, request, err);
}
