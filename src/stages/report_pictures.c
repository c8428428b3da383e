/*
 * Pictures of people in the report, for those who may see them (report.faces): the errors that were made with the most
 * confidence, and what the cascade finds in held-out pictures.
 */
#include "stages/stage_report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/stored_faces_internal.h"
#include "vision/vision.h"

#define TEST_SPLIT 2
#define SIDE 160 /* pixels of a picture at most */
#define QUALITY 85
#define CELL (SIDE + 8)
#define PAPER 0xe8 /* between them */
#define MONTAGE_COLUMNS 6
#define MONTAGE_ROWS 4

static const struct colour detected = {0, 0.72, 0.45, 1}, known = {1, 0.78, 0, 1};

/* ---- a picture made small, frames drawn over it ---- */

struct thumbnail {
	struct canvas *canvas;
	double scale; /* pixels of it a pixel of the picture */
	struct image image;
};

static void thumbnail_free(struct thumbnail *thumbnail)
{
	canvas_free(thumbnail->canvas);
	image_free(&thumbnail->image);
}

static int thumbnail_make(struct thumbnail *out, const struct image *picture, struct err *err)
{
	struct face_scratch scratch = {0};
	size_t longer = picture->width > picture->height ? picture->width : picture->height;
	struct face_shrink shrink = {
	    .picture = picture, .w = (double)picture->width, .h = (double)picture->height};
	int code;

	out->scale = longer > SIDE ? (double)SIDE / (double)longer : 1;
	shrink.out_w = (size_t)lround(fmax(1, out->scale * shrink.w));
	shrink.out_h = (size_t)lround(fmax(1, out->scale * shrink.h));
	shrink.out_stride = 3 * shrink.out_w;
	code = image_new(&out->image, shrink.out_w, shrink.out_h, 3, err);
	shrink.out = out->image.pixels;
	if (code == OK)
		code = face_shrink_run(&shrink, &scratch, err);
	if (code == OK)
		code = canvas_from_image(&out->canvas, &out->image, err);
	face_scratch_free(&scratch);
	return code;
}

static void thumbnail_frame(struct thumbnail *thumbnail, struct rect box, struct colour colour)
{
	double s = thumbnail->scale;

	if (box.w < 1 || box.h < 1)
		return;
	canvas_rectangle(thumbnail->canvas, s * box.x, s * box.y, s * box.w, s * box.h);
	canvas_stroke(thumbnail->canvas, 2, colour);
}

static int thumbnail_finish(struct thumbnail *thumbnail, struct err *err)
{
	image_free(&thumbnail->image);
	return canvas_to_image(thumbnail->canvas, &thumbnail->image, err);
}

static int open_faces(const struct report *report, struct stored_faces *faces, struct err *err)
{
	char *path = stage_in_path(report->run, "faces", "faces.h5", err);
	int code = path ? stored_faces_open(faces, path, err) : err->code;

	free(path);
	return code;
}

static int show_image(struct report *report, const struct image *image, const struct page_picture *about,
                      struct err *err)
{
	struct page_picture picture = *about;
	uint8_t *bytes = NULL;
	int code = image_encode_jpeg(image, QUALITY, &bytes, &picture.size, err);

	picture.bytes = bytes;
	if (code == OK)
		code = page_picture(&report->page, &picture, err);
	free(bytes);
	return code;
}

/* ---- the surest errors ---- */

/* What is needed to find the picture of a row of features.h5. */
struct error_pictures {
	struct stored_faces faces;
	struct path_list members; /* of faces.h5 */
	int32_t *face;            /* [rows of features.h5][4] what was cropped, in the frame */
	size_t rows;
};

static int error_pictures_open(const struct report *report, struct error_pictures *out, struct err *err)
{
	struct hdf_file *features = NULL;
	struct hdf_shape shape;
	char *path = stage_in_path(report->run, "features", "features.h5", err);
	int code = path ? hdf_open(&features, path, err) : err->code;

	if (code == OK)
		code = hdf_read(features, "face", HDF_I32, (size_t)1 << 34, (void **)&out->face, &shape, err);
	if (code == OK && (shape.rank != 2 || shape.dims[1] != 4))
		code = err_set(err, ERR_DATA, "%s: face: expected four numbers a row", path);
	if (code == OK) {
		out->rows = shape.dims[0];
		code = open_faces(report, &out->faces, err);
	}
	if (code == OK)
		code = hdf_read_table(out->faces.file, "member", &out->members, err);
	if (code == OK && out->members.count != out->faces.count)
		code = err_set(err, ERR_DATA, "%s: member does not have a name a face", out->faces.path);
	hdf_close(features);
	free(path);
	return code;
}

static void error_pictures_close(struct error_pictures *pictures)
{
	stored_faces_close(&pictures->faces);
	path_list_free(&pictures->members);
	free(pictures->face);
}

static int show_error(struct report *report, struct error_pictures *pictures, const struct json *one, struct err *err)
{
	const char *name = report_text(one, "picture");
	size_t row = 0, feature = (size_t)json_integer_value(json_get(one, "row"), -1);
	struct thumbnail thumbnail = {0};
	struct image picture = {0};
	char caption[512];
	int code;

	while (row < pictures->faces.count && strcmp(pictures->members.items[row], name) != 0)
		row++;
	if (row == pictures->faces.count || feature >= pictures->rows)
		return err_set(err, ERR_DATA, "%s: holds no picture %s; the stages do not belong together",
		               pictures->faces.path, name);
	code = stored_faces_picture(&pictures->faces, row, &picture, err);
	if (code == OK)
		code = thumbnail_make(&thumbnail, &picture, err);
	if (code == OK) {
		const int32_t *face = pictures->face + 4 * feature, *area = pictures->faces.area + 4 * row;
		thumbnail_frame(&thumbnail, (struct rect){face[0] - area[0], face[1] - area[1], face[2], face[3]}, known);
		code = thumbnail_finish(&thumbnail, err);
	}
	snprintf(caption, sizeof(caption), "%s: %s, taken for %s with %s", name, report_text(one, "truth"),
	         report_text(one, "verdict"), show_share(report_number(one, "probability")));
	if (code == OK) {
		struct page_picture about = {.alt = "A face that was misread", .caption = caption};
		code = show_image(report, &thumbnail.image, &about, err);
	}
	thumbnail_free(&thumbnail);
	image_free(&picture);
	return code;
}

int report_worst_pictures(struct report *report, const struct json *test, struct err *err)
{
	const struct json *errors = json_get(test, "worst_errors");
	struct error_pictures pictures = {0};
	int code;

	if (!report->run->settings->report.faces || !json_count(errors))
		return OK;
	code = error_pictures_open(report, &pictures, err);
	page_paragraph(&report->page, "The same in pictures; the frame is what was taken for the face.");
	page_pictures_start(&report->page);
	for (size_t i = 0; code == OK && i < json_count(errors); i++)
		code = show_error(report, &pictures, json_at(errors, i), err);
	page_pictures_end(&report->page);
	error_pictures_close(&pictures);
	return code;
}

/* ---- the montage ---- */

struct montage {
	struct report *report;
	struct stored_faces faces;
	struct cascade *cascade;
	struct detector *detector;
	struct detections found;
	struct image sheet;
	size_t pictures, with_face; /* with_face: at least one detection */
};

static void montage_free(struct montage *montage)
{
	stored_faces_close(&montage->faces);
	detector_free(montage->detector);
	detections_free(&montage->found);
	cascade_free(montage->cascade);
	image_free(&montage->sheet);
}

static int montage_open(struct montage *montage, struct err *err)
{
	char *path = stage_in_path(montage->report->run, "cascade", "cascade.xml", err);
	int code = path ? cascade_load(&montage->cascade, path, err) : err->code;

	free(path);
	if (code == OK)
		code = open_faces(montage->report, &montage->faces, err);
	if (code == OK)
		code = image_new(&montage->sheet, MONTAGE_COLUMNS * CELL, MONTAGE_ROWS * CELL, 3, err);
	if (code == OK) {
		memset(montage->sheet.pixels, PAPER, montage->sheet.width * montage->sheet.height * 3);
		montage->detector = detector_new(montage->cascade, err);
	}
	return err->code;
}

/* Into the middle of the next cell. */
static void montage_place(struct montage *montage, const struct image *small)
{
	size_t left = montage->pictures % MONTAGE_COLUMNS * CELL + (CELL - small->width) / 2;
	size_t top = montage->pictures / MONTAGE_COLUMNS * CELL + (CELL - small->height) / 2;

	for (size_t y = 0; y < small->height; y++)
		memcpy(montage->sheet.pixels + ((top + y) * montage->sheet.width + left) * 3,
		       small->pixels + y * small->width * 3, small->width * 3);
	montage->pictures++;
}

static int montage_add(struct montage *montage, size_t row, struct err *err)
{
	const struct preprocess_settings *settings = &montage->report->run->settings->preprocess;
	struct detect_options options = {.scale = settings->detect_scale,
	                                 .neighbors = (int)settings->detect_neighbors,
	                                 .min_w = (int)settings->detect_min_size,
	                                 .min_h = (int)settings->detect_min_size,
	                                 .threads = montage->report->run->threads};
	struct thumbnail thumbnail = {0};
	struct image picture = {0};
	int code = stored_faces_picture(&montage->faces, row, &picture, err);

	if (code == OK)
		code = detector_find(montage->detector, &picture, &options, &montage->found, err);
	if (code == OK)
		code = thumbnail_make(&thumbnail, &picture, err);
	if (code == OK) {
		thumbnail_frame(&thumbnail, stored_faces_box(&montage->faces, row), known);
		for (size_t i = 0; i < montage->found.count; i++)
			thumbnail_frame(&thumbnail, montage->found.items[i].box, detected);
		code = thumbnail_finish(&thumbnail, err);
	}
	if (code == OK) {
		montage_place(montage, &thumbnail.image);
		montage->with_face += montage->found.count > 0;
	}
	thumbnail_free(&thumbnail);
	image_free(&picture);
	return code;
}

/* Held-out pictures, evenly over faces.h5. */
static int montage_fill(struct montage *montage, struct err *err)
{
	size_t held = 0, step, seen = 0, room = MONTAGE_COLUMNS * MONTAGE_ROWS;

	for (size_t i = 0; i < montage->faces.count; i++)
		held += montage->faces.split[i] == TEST_SPLIT;
	step = held > room ? (held + room - 1) / room : 1;
	for (size_t i = 0; i < montage->faces.count; i++) {
		if (montage->faces.split[i] != TEST_SPLIT || seen++ % step != 0)
			continue;
		if (montage_add(montage, i, err) != OK)
			return err->code;
	}
	/* Rows that stay empty are cut off. */
	if (montage->pictures)
		montage->sheet.height = (montage->pictures + MONTAGE_COLUMNS - 1) / MONTAGE_COLUMNS * CELL;
	return OK;
}

int report_montage(struct report *report, struct err *err)
{
	struct montage montage = {.report = report};
	int code;

	if (!report->run->settings->report.faces || !stage_in_folder(report->run, "faces"))
		return OK;
	code = montage_open(&montage, err);
	if (code == OK)
		code = montage_fill(&montage, err);
	if (code == OK && montage.pictures) {
		char caption[256];
		snprintf(caption, sizeof(caption),
		         "%zu pictures of people held out, spread evenly: green is what the cascade found (something in %zu of "
		         "them), yellow the known box",
		         montage.pictures, montage.with_face);
		struct page_picture about = {
		    .alt = "Held-out pictures with the faces that the cascade found", .caption = caption, .large = true};
		code = show_image(report, &montage.sheet, &about, err);
	}
	montage_free(&montage);
	return code;
}
