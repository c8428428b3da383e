/* `faces --describe`: what a faces.h5 holds, counted, and whether a person stands in two parts of it. */
#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#include "vision/vision.h"

enum { COLUMN_LABEL, COLUMN_SPLIT, COLUMN_ACCESSORY, COLUMN_LIGHT, COLUMN_EXPRESSION, COLUMN_CAMERA, COLUMNS };
static const char *const column_names[COLUMNS] = {"label", "split", "accessory", "light", "expression", "camera"};

struct description {
	struct path_list classes, persons;
	int32_t *column[COLUMNS];
	size_t count;
};

struct kind {
	int32_t value[COLUMNS];
};

static int load(struct description *d, const struct hdf_file *file, struct err *err)
{
	int status = hdf_attr_texts(file, "/", "classes", &d->classes, err);
	if (status == OK)
		status = hdf_read_texts(file, "person", &d->persons, err);
	d->count = d->persons.count;
	for (size_t c = 0; status == OK && c < COLUMNS; c++) {
		struct hdf_shape shape;
		void *values = NULL;
		status = hdf_read(file, column_names[c], HDF_I32, d->count, &values, &shape, err);
		d->column[c] = values;
		if (status == OK && (shape.rank != 1 || shape.dims[0] != d->count))
			status = err_set(err, ERR_DATA, "%s has not as many rows as person", column_names[c]);
	}
	for (size_t i = 0; status == OK && i < d->count; i++) {
		if (d->column[COLUMN_LABEL][i] < 0 || (size_t)d->column[COLUMN_LABEL][i] >= d->classes.count ||
		    d->column[COLUMN_SPLIT][i] < 0 || d->column[COLUMN_SPLIT][i] >= FACE_SPLITS)
			status = err_set(err, ERR_DATA, "row %zu has no such class or part", i);
	}
	return status;
}

static int by_kind(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;
	for (size_t c = 0; c < COLUMNS; c++) {
		if (x->value[c] != y->value[c])
			return x->value[c] < y->value[c] ? -1 : 1;
	}
	return 0;
}

/* class<TAB>split<TAB>S<TAB>L<TAB>E<TAB>C<TAB>faces, a line for each combination that occurs. */
static int print_kinds(const struct description *d, struct err *err)
{
	struct kind *kinds = mem_alloc(d->count, sizeof *kinds, err);
	if (!kinds)
		return err->code;
	for (size_t i = 0; i < d->count; i++) {
		for (size_t c = 0; c < COLUMNS; c++)
			kinds[i].value[c] = d->column[c][i];
	}
	qsort(kinds, d->count, sizeof *kinds, by_kind);
	printf("class\tsplit\tS\tL\tE\tC\tfaces\n");
	for (size_t i = 0, end; i < d->count; i = end) {
		const int32_t *value = kinds[i].value;
		for (end = i + 1; end < d->count && by_kind(&kinds[i], &kinds[end]) == 0;)
			end++;
		printf("%s\t%s\t%d\t%d\t%d\t%d\t%zu\n", d->classes.items[value[COLUMN_LABEL]],
		       face_split_name((unsigned)value[COLUMN_SPLIT]), value[COLUMN_ACCESSORY], value[COLUMN_LIGHT],
		       value[COLUMN_EXPRESSION], value[COLUMN_CAMERA], end - i);
	}
	free(kinds);
	return OK;
}

static int print_totals(const struct description *d, struct err *err)
{
	size_t *counts = mem_alloc(d->classes.count * FACE_SPLITS + 1, sizeof *counts, err);
	if (!counts)
		return err->code;
	for (size_t i = 0; i < d->count; i++)
		counts[d->column[COLUMN_LABEL][i] * FACE_SPLITS + d->column[COLUMN_SPLIT][i]]++;
	printf("\nclass\ttrain\tvalidation\ttest\n");
	for (size_t c = 0; c < d->classes.count; c++)
		printf("%s\t%zu\t%zu\t%zu\n", d->classes.items[c], counts[c * FACE_SPLITS], counts[c * FACE_SPLITS + 1],
		       counts[c * FACE_SPLITS + 2]);
	free(counts);
	return OK;
}

struct stand {
	const char *person;
	int32_t split;
};

static int by_person(const void *a, const void *b)
{
	const struct stand *x = a, *y = b;
	int order = strcmp(x->person, y->person);
	return order ? order : (x->split > y->split) - (x->split < y->split);
}

static int check_leak(const struct description *d, struct err *err)
{
	struct stand *stands = mem_alloc(d->count, sizeof *stands, err);
	if (!stands)
		return err->code;
	for (size_t i = 0; i < d->count; i++)
		stands[i] = (struct stand){.person = d->persons.items[i], .split = d->column[COLUMN_SPLIT][i]};
	qsort(stands, d->count, sizeof *stands, by_person);
	size_t people = d->count > 0;
	int status = OK;
	for (size_t i = 1; status == OK && i < d->count; i++) {
		bool same = strcmp(stands[i].person, stands[i - 1].person) == 0;
		people += !same;
		if (same && stands[i].split != stands[i - 1].split)
			status =
			    err_set(err, ERR_DATA, "leak: person %s stands in two parts, %s and %s", stands[i].person,
			            face_split_name((unsigned)stands[i - 1].split), face_split_name((unsigned)stands[i].split));
	}
	if (status == OK)
		printf(
		    "\n%zu faces, %zu people (a face of nobody known counts as one); leak check: nobody stands in two parts\n",
		    d->count, people);
	free(stands);
	return status;
}

int faces_describe_command(const char *folder, struct err *err)
{
	struct description description = {0};
	struct hdf_file *file = NULL;
	char *path = path_join(folder, "faces.h5", err);
	int status = path ? hdf_open(&file, path, err) : err->code;
	if (status == OK && (status = load(&description, file, err)) != OK)
		err_wrap(err, "%s", path);
	hdf_close(file);
	if (status == OK)
		status = print_kinds(&description, err);
	if (status == OK)
		status = print_totals(&description, err);
	if (status == OK && (status = check_leak(&description, err)) != OK)
		err_wrap(err, "%s", path);
	for (size_t c = 0; c < COLUMNS; c++)
		free(description.column[c]);
	path_list_free(&description.classes);
	path_list_free(&description.persons);
	free(path);
	return status;
}
