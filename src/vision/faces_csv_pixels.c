/*
 * CSV files that hold the pictures themselves, as FER2013's: emotion,pixels,Usage, a square grey picture a row as
 * numbers between spaces. A row is known as FILE.csv/LINE.
 */
#include "vision/faces_read_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum pixel_column { PIXEL_LABEL, PIXEL_PIXELS, PIXEL_SUBJECT, PIXEL_SPLIT, PIXEL_COLUMNS };
#define NO_COLUMN SIZE_MAX
#define HEADER_SEEN 999 /* ends the reading; never leaves this file */

struct pixel_csv {
	const char *file;
	size_t column[PIXEL_COLUMNS], n_columns;
	bool has_header, numbered; /* numbered: FER2013's 0 … 6 */
	struct face_scan *scan;    /* of the first pass, or */
	struct read_job *job;      /* of the second */
};

static size_t find_column(char *const *fields, size_t count, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < n_names; n++) {
			if (strcasecmp(fields[i], names[n]) == 0)
				return i;
		}
	}
	return NO_COLUMN;
}

static int take_header(struct pixel_csv *csv, char *const *fields, size_t count, struct err *err)
{
	static const char *const labels[] = {"emotion", "label"}, *const pixels[] = {"pixels"};
	static const char *const subjects[] = {"subject"}, *const splits[] = {"usage", "split"};
	csv->column[PIXEL_LABEL] = find_column(fields, count, labels, ARRAY_COUNT(labels));
	csv->column[PIXEL_PIXELS] = find_column(fields, count, pixels, 1);
	csv->column[PIXEL_SUBJECT] = find_column(fields, count, subjects, 1);
	csv->column[PIXEL_SPLIT] = find_column(fields, count, splits, ARRAY_COUNT(splits));
	csv->n_columns = count;
	csv->has_header = true;
	if (csv->column[PIXEL_LABEL] == NO_COLUMN || csv->column[PIXEL_PIXELS] == NO_COLUMN)
		return err_set(err, ERR_DATA, "%s:1: the header must name pixels and emotion or label", csv->file);
	csv->numbered = strcasecmp(fields[csv->column[PIXEL_LABEL]], "emotion") == 0;
	return OK;
}

static int peek_header(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	static const char *const pixels[] = {"pixels"}, *const paths[] = {"path"};
	(void)line;
	(void)err;
	*(bool *)context =
	    find_column(fields, count, pixels, 1) != NO_COLUMN && find_column(fields, count, paths, 1) == NO_COLUMN;
	return HEADER_SEEN;
}

/* What else is wrong with the file is told by whoever reads it. */
int faces_csv_has_pixels(const char *path, bool *out, struct err *err)
{
	struct err own = {0};
	*out = false;
	int code = csv_read(path, peek_header, out, &own);
	return code == ERR_MEMORY ? err_set(err, code, "%s", own.text) : OK;
}

static int check_row(struct pixel_csv *csv, char *const *fields, size_t count, size_t line, struct err *err)
{
	if (!csv->has_header)
		return take_header(csv, fields, count, err);
	if (count != csv->n_columns)
		return err_set(err, ERR_DATA, "%s:%zu: %zu fields, the header has %zu", csv->file, line, count, csv->n_columns);
	return OK;
}

static const char *field_of(const struct pixel_csv *csv, char *const *fields, enum pixel_column column)
{
	return csv->column[column] == NO_COLUMN ? "" : fields[csv->column[column]];
}

/* ---- first pass ---------------------------------------------------------------------------- */

static const char *emotion_name(const struct pixel_csv *csv, const char *label)
{
	static const char *const names[] = {"angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"};
	if (csv->numbered && label[0] >= '0' && label[0] <= '6' && label[1] == '\0')
		return names[label[0] - '0'];
	return label;
}

static int scan_row(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	struct pixel_csv *csv = context;
	bool header = !csv->has_header;
	int status = check_row(csv, fields, count, line, err);
	if (status != OK || header)
		return status;
	char path[32];
	snprintf(path, sizeof path, "%zu", line);
	const char *split = field_of(csv, fields, PIXEL_SPLIT), *label = field_of(csv, fields, PIXEL_LABEL);
	struct face_find find = {.path = path,
	                         .label = emotion_name(csv, label),
	                         .person = field_of(csv, fields, PIXEL_SUBJECT),
	                         .split = faces_split_parse(split)};
	if (split[0] && find.split == FACE_SPLIT_FREE)
		scan_skip(csv->scan, path, "the split is none of train, valid, test", true);
	else if (!label[0])
		scan_skip(csv->scan, path, "the label is empty", true);
	else
		scan_add(csv->scan, &find);
	*err = csv->scan->err;
	return csv->scan->status;
}

int scan_csv_pixels(struct face_scan *scan, const char *path, struct err *err)
{
	struct pixel_csv csv = {.file = path, .scan = scan};
	int status = scan_source(scan, path, false, NULL, err);
	if (status != OK)
		return status;
	scan->set->sources[scan->source].pixels = true;
	return csv_read(path, scan_row, &csv, err);
}

/* ---- second pass ------------------------------------------------------------------------------- */

static int read_row(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	struct pixel_csv *csv = context;
	struct read_job *job = csv->job;
	bool header = !csv->has_header;
	int status = check_row(csv, fields, count, line, err);
	if (status != OK || header || job->cursor >= job->source_end)
		return status;
	const struct face *face = &job->set->faces[job->cursor];
	if (strtoull(face->member + job->set->sources[face->source].skip, NULL, 10) != line)
		return OK;
	const char *pixels = field_of(csv, fields, PIXEL_PIXELS);
	struct member member = {.path = face->member, .bytes = pixels, .size = strlen(pixels), .full = strlen(pixels)};
	return faces_submit(job, &member, NULL, err);
}

int faces_csv_pixels_read(struct read_job *job, const struct face_source *source, struct err *err)
{
	struct pixel_csv csv = {.file = source->root, .job = job};
	int status = csv_read(source->root, read_row, &csv, err);
	if (status == OK)
		status = source_unchanged(source, err);
	return status;
}

/* One number 0 … 255 at *text, which moves behind it; −1 when there is none. */
static int next_sample(const char **text, const char *end)
{
	const char *at = *text;
	while (at < end && *at == ' ')
		at++;
	int value = 0, digits = 0;
	for (; at < end && *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
		value = 10 * value + (*at - '0');
	*text = at;
	return digits > 0 && value <= 255 && (at == end || *at == ' ') ? value : -1;
}

int faces_pixels_parse(const void *bytes, size_t size, struct image *out, struct err *err)
{
	const char *text = bytes, *end = text + size;
	size_t count = 0;
	for (const char *at = text; at < end; count++) {
		if (next_sample(&at, end) < 0)
			return err_set(err, ERR_DATA, "sample %zu is no number from 0 to 255", count + 1);
		while (at < end && *at == ' ')
			at++;
	}
	size_t side = (size_t)llround(sqrt((double)count));
	if (count == 0 || side * side != count)
		return err_set(err, ERR_DATA, "%zu samples are no square picture", count);
	struct image image = {0};
	int status = image_new(&image, side, side, 3, err);
	for (size_t i = 0; status == OK && i < count; i++)
		memset(image.pixels + 3 * i, next_sample(&text, end), 3);
	if (status == OK)
		*out = image;
	return status;
}
