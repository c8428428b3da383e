/* The verdicts of a finished run, as evaluate left them in predictions.tsv: row, person, truth, a probability a
 * class. */
#include "stages/compare_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)1 << 30)
#define FIXED_FIELDS 3 /* before the probabilities */
#define DRAWS 2000
#define SEED 1

struct reading {
	const char *path;
	struct verdicts *verdicts;
	char **person; /* [n] into the text of the file */
	size_t line;
};

void verdicts_free(struct verdicts *verdicts)
{
	path_list_free(&verdicts->classes);
	path_list_free(&verdicts->people);
	free(verdicts->truth);
	free(verdicts->probabilities);
	free(verdicts->person);
	*verdicts = (struct verdicts){0};
}

/* Ends the field at `*at` and steps behind it; NULL behind the last one. */
static char *next_field(char **at)
{
	char *field = *at;

	if (field) {
		char *end = field + strcspn(field, "\t");
		*at = *end ? end + 1 : NULL;
		*end = '\0';
	}
	return field;
}

static int malformed(const struct reading *reading, struct err *err)
{
	return err_set(err, ERR_DATA,
	               "%s:%zu: is no line of row, person, truth and %zu probabilities; run the stage evaluate again",
	               reading->path, reading->line, reading->verdicts->classes.count);
}

static int read_head(struct reading *reading, char *text, struct err *err)
{
	int code = OK;

	for (size_t i = 0; i < FIXED_FIELDS; i++)
		(void)next_field(&text);
	while (code == OK && text)
		code = path_list_add(&reading->verdicts->classes, next_field(&text), err);
	if (code == OK && reading->verdicts->classes.count < 2)
		code = malformed(reading, err);
	return code;
}

static int read_row(struct reading *reading, char *text, struct err *err)
{
	struct verdicts *verdicts = reading->verdicts;
	size_t classes = verdicts->classes.count, class = 0, row = verdicts->n;

	(void)next_field(&text);
	reading->person[row] = next_field(&text);
	const char *truth = next_field(&text);
	while (truth && class < classes && strcmp(verdicts->classes.items[class], truth) != 0)
		class++;
	if (!truth || class == classes)
		return malformed(reading, err);
	verdicts->truth[row] = (int32_t)class;
	for (size_t c = 0; c < classes; c++) {
		char *field = next_field(&text), *end = field;
		if (field)
			verdicts->probabilities[row * classes + c] = strtof(field, &end);
		if (!field || end == field || *end)
			return malformed(reading, err);
	}
	verdicts->n++;
	return text ? malformed(reading, err) : OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int number_people(struct reading *reading, struct err *err)
{
	struct verdicts *verdicts = reading->verdicts;
	size_t n = verdicts->n;
	char **names = mem_alloc(n, sizeof *names, err);
	int code = names ? OK : err->code;

	if (code == OK && n) {
		memcpy(names, reading->person, n * sizeof *names);
		qsort(names, n, sizeof *names, compare_names);
	}
	for (size_t i = 0; code == OK && i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			code = path_list_add(&verdicts->people, names[i], err);
	for (size_t i = 0; code == OK && i < n; i++) {
		char **found =
		    bsearch(&reading->person[i], verdicts->people.items, verdicts->people.count, sizeof(char *), compare_names);
		verdicts->person[i] = (size_t)(found - verdicts->people.items);
	}
	free(names);
	return code;
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
		lines++;
	return lines;
}

static int read_text(struct reading *reading, char *text, struct err *err)
{
	struct verdicts *verdicts = reading->verdicts;
	size_t lines = count_lines(text);
	int code = OK;

	reading->person = mem_alloc(lines, sizeof *reading->person, err);
	verdicts->truth = reading->person ? mem_alloc(lines, sizeof *verdicts->truth, err) : NULL;
	verdicts->person = verdicts->truth ? mem_alloc(lines, sizeof *verdicts->person, err) : NULL;
	if (!verdicts->person)
		return err->code;
	while (code == OK && *text) {
		char *line = text, *end = text + strcspn(text, "\n");
		text = *end ? end + 1 : end;
		*end = '\0';
		code = ++reading->line > 1 ? read_row(reading, line, err) : read_head(reading, line, err);
		if (code == OK && !verdicts->probabilities) {
			verdicts->probabilities = mem_alloc(lines * verdicts->classes.count, sizeof(float), err);
			code = verdicts->probabilities ? OK : err->code;
		}
	}
	return code == OK ? number_people(reading, err) : code;
}

int verdicts_load(struct verdicts *out, const char *run_folder, struct err *err)
{
	struct verdicts verdicts = {0};
	struct reading reading = {.verdicts = &verdicts};
	char *text = NULL, *path = path_join(run_folder, "evaluate/predictions.tsv", err);
	size_t size;
	int code = path ? OK : err->code;

	reading.path = path;
	if (code == OK && path_exists(path)) {
		code = file_read(path, MAX_BYTES, &text, &size, err);
		if (code == OK)
			code = read_text(&reading, text, err);
	}
	free(reading.person);
	free(text);
	free(path);
	if (code == OK)
		*out = verdicts;
	else
		verdicts_free(&verdicts);
	return code;
}

static bool same_names(const struct path_list *a, const struct path_list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

bool verdicts_pair(const struct verdicts *a, const struct verdicts *b, bool same_faces)
{
	if (!a->n || !b->n || !same_names(&a->classes, &b->classes) || !same_names(&a->people, &b->people))
		return false;
	for (size_t i = 0; i < a->people.count && !same_faces; i++)
		if (a->people.items[i][0] == '?')
			return false;
	return true;
}

static struct judged judged_of(const struct verdicts *verdicts)
{
	return (struct judged){.n = verdicts->n, .classes = verdicts->classes.count, .truth = verdicts->truth,
	                       .probabilities = verdicts->probabilities, .person = verdicts->person,
	                       .persons = verdicts->people.count, .draws = DRAWS, .seed = SEED};
}

int verdicts_differ(const struct verdicts *a, const struct verdicts *b, struct interval out[PAIRED_COUNT],
                    struct err *err)
{
	struct judged first = judged_of(a), second = judged_of(b);

	return classification_paired(&first, &second, out, err);
}
