#include "vision/faces_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A CSV index: rows first, then the files and the archives they point into. */

enum index_column {
	INDEX_PATH,
	INDEX_LABEL,
	INDEX_SUBJECT,
	INDEX_SPLIT,
	INDEX_X,
	INDEX_Y,
	INDEX_W,
	INDEX_H,
	INDEX_COLUMNS
};
static const char *const column_names[INDEX_COLUMNS] = {"path", "label", "subject", "split", "x", "y", "w", "h"};

#define NO_COLUMN SIZE_MAX
#define IS_FILE SIZE_MAX

struct index_row {
	char *path; /* below its archive, or as written */
	char *label, *subject;
	unsigned split;
	struct rect box;
	bool has_box, found;
	size_t archive; /* index into archives, or IS_FILE */
};

struct face_index {
	struct face_scan *scan;
	const char *file;      /* the index itself */
	char *folder, *beside; /* beside: the archive with the index's name, or NULL */
	size_t column[INDEX_COLUMNS], n_columns;
	bool has_header;
	struct index_row *rows;
	size_t count, capacity;
	struct path_list archives;
};

/* ---- rows --------------------------------------------------------------------------------- */

static int take_header(struct face_index *index, char *const *fields, size_t count, struct err *err)
{
	for (size_t c = 0; c < INDEX_COLUMNS; c++) {
		index->column[c] = NO_COLUMN;
		for (size_t i = 0; i < count; i++) {
			if (strcasecmp(fields[i], column_names[c]) == 0)
				index->column[c] = i;
		}
	}
	index->n_columns = count;
	index->has_header = true;
	if (index->column[INDEX_PATH] == NO_COLUMN || index->column[INDEX_LABEL] == NO_COLUMN)
		return err_set(err, ERR_DATA,
		               "%s:1: the header must name path and label (then subject, split, x, y, w, h where known)",
		               index->file);
	size_t sides = 0;
	for (size_t c = INDEX_X; c <= INDEX_H; c++)
		sides += index->column[c] != NO_COLUMN;
	if (sides != 0 && sides != 4)
		return err_set(err, ERR_DATA, "%s:1: the header names %zu of x, y, w, h; a box needs all four", index->file,
		               sides);
	return OK;
}

static const char *field_of(const struct face_index *index, char *const *fields, enum index_column column)
{
	return index->column[column] == NO_COLUMN ? "" : fields[index->column[column]];
}

/* Why the row cannot be used, or NULL. */
static const char *parse_box(const struct face_index *index, char *const *fields, struct index_row *row)
{
	double side[4];
	size_t empty = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *text = field_of(index, fields, INDEX_X + i);
		char *end;
		empty += text[0] == '\0';
		side[i] = strtod(text, &end);
		if (*end != '\0' || !isfinite(side[i]) || fabs(side[i]) > 1e6)
			return "the box is not four numbers";
	}
	if (empty == 4)
		return NULL;
	row->box = (struct rect){
	    .x = (int)lrint(side[0]), .y = (int)lrint(side[1]), .w = (int)lrint(side[2]), .h = (int)lrint(side[3])};
	row->has_box = true;
	return empty > 0 || row->box.w <= 0 || row->box.h <= 0 ? "the box has no area" : NULL;
}

static const char *parse_row(const struct face_index *index, char *const *fields, struct index_row *row)
{
	const char *split = field_of(index, fields, INDEX_SPLIT);
	row->split = faces_split_parse(split);
	if (split[0] && row->split == FACE_SPLIT_FREE)
		return "the split is none of train, valid, test";
	if (!field_of(index, fields, INDEX_PATH)[0])
		return "the path is empty";
	if (!field_of(index, fields, INDEX_LABEL)[0])
		return "the label is empty";
	return parse_box(index, fields, row);
}

/* *out: length of the part of `path` that names an archive with something behind it; 0 = none. */
static int archive_part(const char *path, size_t *out, struct err *err)
{
	*out = 0;
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *part = mem_format(err, "%.*s", (int)(slash - path), path);
		if (!part)
			return err->code;
		bool is_archive = faces_is_archive(part);
		free(part);
		if (is_archive) {
			*out = (size_t)(slash - path);
			return OK;
		}
	}
	return OK;
}

static int row_in_archive(struct face_index *index, struct index_row *row, const char *archive, const char *below,
                          struct err *err)
{
	size_t at = 0;
	while (at < index->archives.count && strcmp(index->archives.items[at], archive) != 0)
		at++;
	int status = at < index->archives.count ? OK : path_list_add(&index->archives, archive, err);
	row->archive = at;
	row->path = status == OK ? mem_text(below, err) : NULL;
	return row->path ? OK : err->code;
}

/* Sets path and archive. *reason is set when there is nothing at the path. */
static int locate(struct face_index *index, const char *path, struct index_row *row, const char **reason,
                  struct err *err)
{
	size_t part;
	if (archive_part(path, &part, err) != OK)
		return err->code;
	char *full =
	    part ? mem_format(err, "%s/%.*s", index->folder, (int)part, path) : path_join(index->folder, path, err);
	if (!full)
		return err->code;
	if (part && path[0] == '/')
		memmove(full, full + strlen(index->folder) + 1, part + 1);
	int status = OK;
	bool exists = path_exists(full);
	if (part && exists) {
		status = row_in_archive(index, row, full, path + part + 1, err);
	} else if (exists) {
		row->archive = IS_FILE;
		row->path = mem_text(path, err);
		status = row->path ? OK : err->code;
	} else if (index->beside && !part) {
		status = row_in_archive(index, row, index->beside, path, err);
	} else {
		*reason = part ? "no such archive" : "no such file";
	}
	free(full);
	return status;
}

static int keep_row(struct face_index *index, char *const *fields, struct index_row *row, struct err *err)
{
	struct index_row *rows = mem_grow(index->rows, &index->capacity, index->count + 1, sizeof *rows, err);
	if (!rows)
		return err->code;
	index->rows = rows;
	row->label = mem_text(field_of(index, fields, INDEX_LABEL), err);
	row->subject = row->label ? mem_text(field_of(index, fields, INDEX_SUBJECT), err) : NULL;
	if (!row->subject) {
		free(row->label);
		return err->code;
	}
	rows[index->count++] = *row;
	return OK;
}

static int take_row(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	struct face_index *index = context;
	if (!index->has_header)
		return take_header(index, fields, count, err);
	if (count != index->n_columns)
		return err_set(err, ERR_DATA, "%s:%zu: %zu fields, the header has %zu", index->file, line, count,
		               index->n_columns);
	struct index_row row = {0};
	const char *path = field_of(index, fields, INDEX_PATH);
	const char *reason = parse_row(index, fields, &row);
	int status = reason ? OK : locate(index, path, &row, &reason, err);
	if (reason) {
		scan_skip(index->scan, path, reason, true);
		return OK;
	}
	if (status == OK)
		status = keep_row(index, fields, &row, err);
	if (status != OK)
		free(row.path);
	return status;
}

/* ---- pictures ---------------------------------------------------------------------------------- */

static void add_row(struct face_index *index, struct index_row *row)
{
	struct face_find find = {.path = row->path,
	                         .label = row->label,
	                         .person = row->subject,
	                         .split = row->split,
	                         .box = row->box,
	                         .has_box = row->has_box};
	row->found = true;
	scan_add(index->scan, &find);
}

struct index_walk {
	struct face_index *index;
	struct index_row **rows; /* of one archive, by path */
	size_t count;
};

static int by_row_path(const void *a, const void *b)
{
	const struct index_row *x = *(struct index_row *const *)a, *y = *(struct index_row *const *)b;
	int order = strcmp(x->path, y->path);
	return order ? order : (x > y) - (x < y);
}

static int path_against_row(const void *path, const void *row)
{
	return strcmp(path, (*(struct index_row *const *)row)->path);
}

static bool index_wanted(const char *path, void *context)
{
	struct index_walk *walk = context;
	struct index_row **found = bsearch(path, walk->rows, walk->count, sizeof *walk->rows, path_against_row);
	if (!found)
		return false;
	while (found > walk->rows && strcmp(found[-1]->path, path) == 0)
		found--;
	if (!(*found)->found)
		add_row(walk->index, *found);
	return false;
}

static int index_nothing(const struct member *member, void *context, struct err *err)
{
	(void)member;
	(void)context;
	(void)err;
	return OK;
}

static void index_skipped(const char *path, const char *reason, void *context)
{
	struct index_walk *walk = context;
	scan_skip(walk->index->scan, path, reason, false);
}

static int walk_index_archive(struct face_index *index, size_t archive, struct err *err)
{
	struct index_walk walk = {.index = index};
	walk.rows = mem_alloc(index->count, sizeof(struct index_row *), err);
	if (!walk.rows)
		return err->code;
	for (size_t i = 0; i < index->count; i++) {
		if (index->rows[i].archive == archive)
			walk.rows[walk.count++] = &index->rows[i];
	}
	qsort(walk.rows, walk.count, sizeof *walk.rows, by_row_path);
	int status = scan_source(index->scan, index->archives.items[archive], false, NULL, err);
	struct member_walk members = {
	    .wanted = index_wanted, .deliver = index_nothing, .skipped = index_skipped, .context = &walk};
	if (status == OK)
		status = members_walk(index->archives.items[archive], &members, err);
	for (size_t i = 0; status == OK && i < walk.count; i++) {
		bool twice = i > 0 && strcmp(walk.rows[i]->path, walk.rows[i - 1]->path) == 0;
		if (!walk.rows[i]->found)
			scan_skip(index->scan, walk.rows[i]->path, twice ? "listed twice" : "not in the archive", true);
	}
	free(walk.rows);
	return status;
}

/* ---- the index ------------------------------------------------------------------------------------- */

static int find_surroundings(struct face_index *index, struct err *err)
{
	static const char *const ends[] = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".7z"};
	size_t folder = (size_t)(path_name(index->file) - index->file), stem = strlen(index->file);
	index->folder =
	    folder ? mem_format(err, "%.*s", (int)(folder > 1 ? folder - 1 : folder), index->file) : mem_text(".", err);
	if (!index->folder)
		return err->code;
	if (stem > 3 && strcasecmp(index->file + stem - 3, ".gz") == 0)
		stem -= 3;
	if (stem > 4 && strncasecmp(index->file + stem - 4, ".csv", 4) == 0)
		stem -= 4;
	for (size_t i = 0; i < ARRAY_COUNT(ends) && !index->beside; i++) {
		char *archive = mem_format(err, "%.*s%s", (int)stem, index->file, ends[i]);
		if (!archive)
			return err->code;
		if (path_exists(archive))
			index->beside = archive;
		else
			free(archive);
	}
	return OK;
}

static int scan_index(struct face_index *index, struct err *err)
{
	int status = find_surroundings(index, err);
	if (status == OK)
		status = scan_source(index->scan, index->folder, true, NULL, err);
	if (status == OK)
		status = csv_read(index->file, take_row, index, err);
	if (status == OK && !index->has_header)
		status = err_set(err, ERR_DATA, "%s: is empty; its first line must name path and label", index->file);
	for (size_t i = 0; status == OK && i < index->count; i++) {
		if (index->rows[i].archive == IS_FILE)
			add_row(index, &index->rows[i]);
	}
	for (size_t a = 0; status == OK && a < index->archives.count; a++)
		status = walk_index_archive(index, a, err);
	if (status == OK && index->scan->status != OK) {
		*err = index->scan->err;
		status = index->scan->status;
	}
	return status;
}

int scan_csv(struct face_scan *scan, const char *path, struct err *err)
{
	struct face_index index = {.scan = scan, .file = path};
	int status = scan_index(&index, err);
	for (size_t i = 0; i < index.count; i++) {
		free(index.rows[i].path);
		free(index.rows[i].label);
		free(index.rows[i].subject);
	}
	free(index.rows);
	free(index.folder);
	free(index.beside);
	path_list_free(&index.archives);
	return status;
}
