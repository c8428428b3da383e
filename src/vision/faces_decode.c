#include "vision/faces_read_internal.h"

#include <stdlib.h>
#include <string.h>

/* One thread's part of the second pass: unpack, decode, cut, shrink, compress. */
#define LARGE_PICTURE ((size_t)16 << 20) /* a decoder gives back what a larger picture took */

/* ---- memory ------------------------------------------------------------------------------- */

/* Large pictures wait for one another; one alone always may, faces.max_megapixels saw to it. */
static void gate_take(struct read_job *job, uint64_t bytes)
{
	pthread_mutex_lock(&job->gate);
	while (job->decoding > 0 && job->decoding + bytes > job->decode_bytes)
		pthread_cond_wait(&job->gate_open, &job->gate);
	job->decoding += bytes;
	pthread_mutex_unlock(&job->gate);
}

static void gate_give(struct read_job *job, uint64_t bytes)
{
	pthread_mutex_lock(&job->gate);
	job->decoding -= bytes;
	pthread_cond_broadcast(&job->gate_open);
	pthread_mutex_unlock(&job->gate);
}

/* A PNG is held twice, with its alpha and without. */
static uint64_t bytes_needed(const struct image_head *head, const struct face_plan *plan)
{
	uint64_t pixels = (uint64_t)head->width * head->height;
	return head->jpeg ? 3 * pixels / (plan->shrink * plan->shrink) : 7 * pixels;
}

int decoders_new(struct read_job *job, struct err *err)
{
	pthread_mutex_init(&job->gate, NULL);
	pthread_cond_init(&job->gate_open, NULL);
	double needed = 7 * job->settings->max_megapixels * 1e6;
	if (needed > (double)job->decode_bytes)
		return err_set(
		    err, ERR_SETTINGS,
		    "faces.max_megapixels = %g: a picture of this size takes more than half of faces.memory_mb = %ld",
		    job->settings->max_megapixels, job->settings->memory_mb);
	job->decoders = mem_alloc((size_t)job->threads, sizeof *job->decoders, err);
	int status = job->decoders ? OK : err->code;
	for (int i = 0; status == OK && i < job->threads; i++) {
		struct face_decoder *decoder = &job->decoders[i];
		status = image_decoder_new(&decoder->images, err);
		if (status == OK)
			status = unpacker_new(&decoder->unpacker, err);
		if (status == OK && job->settings->compress > 0)
			status = hdf_packer_new(&decoder->packer, (int)job->settings->compress, err);
		if (status == OK && !(decoder->frame = mem_alloc(job->frame_bytes, 1, err)))
			status = err->code;
	}
	return status;
}

void decoders_free(struct read_job *job)
{
	for (int i = 0; job->decoders && i < job->threads; i++) {
		struct face_decoder *decoder = &job->decoders[i];
		image_decoder_free(decoder->images);
		unpacker_free(decoder->unpacker);
		hdf_packer_free(decoder->packer);
		face_scratch_free(&decoder->scratch);
		free(decoder->frame);
	}
	free(job->decoders);
	pthread_cond_destroy(&job->gate_open);
	pthread_mutex_destroy(&job->gate);
}

/* ---- one picture ---------------------------------------------------------------------------- */

/* The reason without the member's own name in front of it. */
static void keep_reason(struct read_slot *slot, const char *member, const char *text)
{
	size_t length = strlen(member);
	if (strncmp(text, member, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		text += length + 2;
	snprintf(slot->reason, sizeof slot->reason, "%.255s", text);
}

/* Where the frame is made: in the row itself, unless it is packed into it. */
static uint8_t *frame_of(const struct read_job *job, struct read_slot *slot, struct face_decoder *decoder,
                         struct err *err)
{
	if (decoder->packer)
		return decoder->frame;
	uint8_t *grown = mem_grow(slot->out, &slot->out_capacity, job->frame_bytes, 1, err);
	if (grown)
		slot->out = grown;
	slot->out_size = job->frame_bytes;
	return grown;
}

/* What of the frame the picture will not cover: to its right and below. */
static void clear_around(const struct read_job *job, const struct rect *area, uint8_t *frame)
{
	size_t stride = (size_t)job->settings->frame_width * 3, covered = (size_t)area->w * 3, rows = (size_t)area->h;
	for (size_t y = 0; covered < stride && y < rows; y++)
		memset(frame + y * stride + covered, 0, stride - covered);
	memset(frame + rows * stride, 0, job->frame_bytes - rows * stride);
}

static int place_picture(struct read_job *job, struct face_decoder *decoder, const struct face_plan *plan,
                         const struct image *picture, uint8_t *frame, struct err *err)
{
	clear_around(job, &plan->area, frame);
	return face_place(plan, picture, &decoder->scratch, job->settings, frame, err);
}

static int decode_picture(struct read_job *job, struct read_slot *slot, struct face_decoder *decoder, struct err *err)
{
	struct face *face = &job->set->faces[slot->face];
	struct image_source source = {.bytes = slot->member.bytes, .size = slot->member.size, .name = face->member};
	struct image_wish wish = {.channels = 3, .max_pixels = (size_t)(job->settings->max_megapixels * 1e6)};
	struct image_head head;
	int status = image_decoder_head(decoder->images, &source, &head, err);
	if (status != OK)
		return status;
	int width = head.width < INT32_MAX ? (int)head.width : INT32_MAX;
	int height = head.height < INT32_MAX ? (int)head.height : INT32_MAX;
	/* A box that is wrong is no reason to lose the picture. */
	slot->lost_box = face->box_source != FACE_BOX_NONE && !face_box_overlaps(face, width, height);
	if (slot->lost_box) {
		face->box_source = FACE_BOX_NONE;
		face->box = (struct rect){0};
	}
	if (width < 1 || height < 1 || (double)width * height > job->settings->max_megapixels * 1e6)
		return err_set(err, ERR_DATA, "a picture of %zu × %zu pixels is not allowed (faces.max_megapixels = %g)",
		               head.width, head.height, job->settings->max_megapixels);
	struct face_plan plan = face_plan_make(face, width, height, job->settings);
	struct image picture;
	uint8_t *frame = frame_of(job, slot, decoder, err);
	if (!frame)
		return err->code;
	wish.shrink = head.jpeg ? plan.shrink : 1;
	plan.shrink = wish.shrink;
	uint64_t needed = bytes_needed(&head, &plan);
	gate_take(job, needed);
	status = image_decoder_read(decoder->images, &source, &wish, &picture, err);
	if (status == OK)
		status = place_picture(job, decoder, &plan, &picture, frame, err);
	image_decoder_trim(decoder->images, LARGE_PICTURE);
	gate_give(job, needed);
	if (status == OK)
		face_planned(face, &plan);
	return status;
}

/* A row of a CSV of pixels. */
static int decode_pixels(struct read_job *job, struct read_slot *slot, struct face_decoder *decoder, struct err *err)
{
	struct face *face = &job->set->faces[slot->face];
	struct image picture = {0};
	int status = faces_pixels_parse(slot->member.bytes, slot->member.size, &picture, err);
	if (status != OK)
		return status;
	struct faces_settings exact = *job->settings;
	exact.scaled = false;
	struct face_plan plan = face_plan_make(face, (int)picture.width, (int)picture.height, &exact);
	uint8_t *frame = frame_of(job, slot, decoder, err);
	status = frame ? place_picture(job, decoder, &plan, &picture, frame, err) : err->code;
	image_free(&picture);
	if (status == OK)
		face_planned(face, &plan);
	return status;
}

static int pack_row(const struct read_job *job, struct read_slot *slot, struct face_decoder *decoder, struct err *err)
{
	const uint8_t *packed;
	int status = hdf_pack(decoder->packer, decoder->frame, job->frame_bytes, &packed, &slot->out_size, err);
	if (status != OK)
		return status;
	uint8_t *grown = mem_grow(slot->out, &slot->out_capacity, slot->out_size, 1, err);
	if (!grown)
		return err->code;
	slot->out = memcpy(grown, packed, slot->out_size);
	return OK;
}

int decode_slot(size_t number, int thread, void *context, struct err *err)
{
	struct read_job *job = context;
	struct read_slot *slot = &job->slots[number];
	struct face_decoder *decoder = &job->decoders[thread];
	if (slot->reason[0])
		return OK;
	int status = member_unpack(decoder->unpacker, &slot->member, err);
	if (status == OK)
		status = job->set->sources[job->set->faces[slot->face].source].pixels
		             ? decode_pixels(job, slot, decoder, err)
		             : decode_picture(job, slot, decoder, err);
	if (status == ERR_DATA) {
		keep_reason(slot, job->set->faces[slot->face].member, err->text);
		return OK;
	}
	return status == OK && decoder->packer ? pack_row(job, slot, decoder, err) : status;
}
