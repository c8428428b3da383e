#include "vision/faces_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- at most so many people ---------------------------------------------------------- */

struct named_person {
	const char *name;
	uint32_t person;
};

static int by_name(const void *a, const void *b)
{
	const struct named_person *x = a, *y = b;
	return strcmp(x->name, y->name);
}

/* People in the order of their names, then shuffled: the choice does not depend on the order of the input. */
static int draw_people(const struct face_set *set, size_t limit, uint64_t seed, bool *chosen, struct err *err)
{
	size_t count = set->persons.names.count;
	struct named_person *people = mem_alloc(count, sizeof *people, err);
	size_t *order = mem_alloc(count, sizeof *order, err);
	int status = people && order ? OK : err->code;
	if (status == OK) {
		for (size_t i = 0; i < count; i++) {
			people[i] = (struct named_person){.name = set->persons.names.items[i], .person = (uint32_t)i};
			order[i] = i;
		}
		qsort(people, count, sizeof *people, by_name);
		struct rng rng;
		rng_seed(&rng, seed, "faces.people", 0);
		rng_shuffle(&rng, order, count);
		for (size_t i = 0; i < count && i < limit; i++)
			chosen[people[order[i]].person] = true;
	}
	free(people);
	free(order);
	return status;
}

static void drop_face(struct face_set *set, struct face *face)
{
	free(face->member);
	face->member = NULL;
	set->not_selected++;
}

/* 0 = no limit. */
static size_t people_limit(const struct face_set *set, const struct faces_settings *settings)
{
	size_t share = (size_t)ceil(settings->people_share * (double)set->persons.names.count - 1e-9);
	size_t limit = (size_t)settings->people;
	return settings->people_share < 1 && (limit == 0 || share < limit) ? share : limit;
}

static int limit_people(struct face_set *set, size_t limit, uint64_t seed, struct err *err)
{
	if (limit == 0 || set->persons.names.count <= limit)
		return OK;
	bool *chosen = mem_alloc(set->persons.names.count, sizeof *chosen, err);
	if (!chosen)
		return err->code;
	int status = draw_people(set, limit, seed, chosen, err);
	for (size_t i = 0; status == OK && i < set->count; i++) {
		struct face *face = &set->faces[i];
		if (face->person != FACE_NOBODY && !chosen[face->person])
			drop_face(set, face);
	}
	free(chosen);
	face_set_compact(set);
	return status;
}

/* ---- at most so many pictures a person and class ------------------------------------------ */

static int by_person_class(const void *a, const void *b)
{
	const struct face *x = *(struct face *const *)a, *y = *(struct face *const *)b;
	if (x->person != y->person)
		return x->person < y->person ? -1 : 1;
	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return strcmp(x->member, y->member);
}

/*
 * A sample of a person's pictures of a class that is even over lights and cameras: again and again a picture is taken
 * from the cell (light, camera) for which n[light] + n[camera] + n[cell], the numbers taken so far, is least; among
 * equals the cell that a shuffle put first, and in a cell the picture that it put first.
 */
#define NUMBERS 64 /* lights and cameras are 0 … 63 */

struct cell {
	unsigned light, camera;
	size_t first, count, taken; /* in the order by cell */
};

struct sample {
	struct face **group; /* by name */
	size_t count;
	struct face **order; /* by cell, shuffled in it */
	struct cell *cells;  /* in the order of the shuffle */
	size_t n_cells;
	size_t *cell_of;     /* [NUMBERS²], cell + 1 */
	size_t light[NUMBERS], camera[NUMBERS];
};

static size_t cell_number(const struct face *face)
{
	return (size_t)(face->light % NUMBERS) * NUMBERS + face->camera % NUMBERS;
}

/* Deals the shuffled pictures to their cells. */
static void fill_cells(struct sample *sample, const size_t *shuffle)
{
	for (size_t i = 0; i < sample->count; i++) {
		const struct face *face = sample->group[shuffle[i]];
		size_t *at = &sample->cell_of[cell_number(face)];
		if (*at == 0) {
			sample->cells[sample->n_cells++] =
			    (struct cell){.light = face->light % NUMBERS, .camera = face->camera % NUMBERS};
			*at = sample->n_cells;
		}
		sample->cells[*at - 1].count++;
	}
	for (size_t c = 1; c < sample->n_cells; c++)
		sample->cells[c].first = sample->cells[c - 1].first + sample->cells[c - 1].count;
	for (size_t i = 0; i < sample->count; i++) {
		struct face *face = sample->group[shuffle[i]];
		struct cell *cell = &sample->cells[sample->cell_of[cell_number(face)] - 1];
		sample->order[cell->first + cell->taken++] = face;
	}
	for (size_t c = 0; c < sample->n_cells; c++)
		sample->cells[c].taken = 0;
}

static struct cell *least_taken(struct sample *sample)
{
	struct cell *best = NULL;
	size_t least = SIZE_MAX;
	for (size_t c = 0; c < sample->n_cells; c++) {
		struct cell *cell = &sample->cells[c];
		size_t have = sample->light[cell->light] + sample->camera[cell->camera] + cell->taken;
		if (cell->taken < cell->count && have < least) {
			best = cell;
			least = have;
		}
	}
	return best;
}

static void draw_cells(struct face_set *set, struct sample *sample, size_t limit)
{
	for (size_t taken = 0; taken < limit; taken++) {
		struct cell *cell = least_taken(sample);
		cell->taken++;
		sample->light[cell->light]++;
		sample->camera[cell->camera]++;
	}
	for (size_t c = 0; c < sample->n_cells; c++) {
		const struct cell *cell = &sample->cells[c];
		for (size_t i = cell->taken; i < cell->count; i++)
			drop_face(set, sample->order[cell->first + i]);
	}
}

/* group: faces of one person and class, by name. Its stream depends on the person alone, so another person more or less
 * changes nothing here. */
static int draw_group(struct face_set *set, struct face **group, size_t count, const struct faces_request *request,
                      struct err *err)
{
	struct sample sample = {.group = group, .count = count};
	size_t *shuffle = mem_alloc(count, sizeof *shuffle, err);
	sample.order = shuffle ? mem_alloc(count, sizeof(struct face *), err) : NULL;
	sample.cells = sample.order ? mem_alloc(count, sizeof *sample.cells, err) : NULL;
	sample.cell_of = sample.cells ? mem_alloc(NUMBERS * NUMBERS, sizeof *sample.cell_of, err) : NULL;
	if (sample.cell_of) {
		const char *person = set->persons.names.items[group[0]->person];
		struct rng rng;
		for (size_t i = 0; i < count; i++)
			shuffle[i] = i;
		rng_seed(&rng, request->seed, "faces.pictures", hash64(person, strlen(person), (uint64_t)group[0]->label));
		rng_shuffle(&rng, shuffle, count);
		fill_cells(&sample, shuffle);
		draw_cells(set, &sample, (size_t)request->settings->per_person_class);
	}
	int status = sample.cell_of ? OK : err->code;
	free(sample.cell_of);
	free(sample.cells);
	free(sample.order);
	free(shuffle);
	return status;
}

int faces_limit_pictures(struct face_set *set, size_t first, const struct faces_request *request, struct err *err)
{
	size_t limit = (size_t)request->settings->per_person_class, count = set->count - first;
	if (limit == 0 || count == 0)
		return OK;
	struct face **order = mem_alloc(count, sizeof(struct face *), err);
	if (!order)
		return err->code;
	for (size_t i = 0; i < count; i++)
		order[i] = &set->faces[first + i];
	qsort(order, count, sizeof *order, by_person_class);
	int status = OK;
	for (size_t i = 0, end; status == OK && i < count; i = end) {
		uint32_t person = order[i]->person;
		int label = order[i]->label;
		for (end = i + 1; end < count && order[end]->person == person && order[end]->label == label;)
			end++;
		/* Nobody is known to be one person: nothing to cap. */
		if (person != FACE_NOBODY && end - i > limit)
			status = draw_group(set, order + i, end - i, request, err);
	}
	free(order);
	face_set_compact(set);
	return status;
}

int faces_select(struct face_set *set, const struct faces_request *request, struct err *err)
{
	int status = limit_people(set, people_limit(set, request->settings), request->seed, err);
	if (status == OK)
		status = faces_limit_pictures(set, 0, request, err);
	return status;
}

/* ---- people by name ---------------------------------------------------------------------------- */

static int add_name(struct name_table *wanted, char *name, struct err *err)
{
	uint32_t ignored;
	name[strcspn(name, "#\r\n")] = '\0';
	name += strspn(name, " \t");
	for (size_t end = strlen(name); end > 0 && (name[end - 1] == ' ' || name[end - 1] == '\t'); end--)
		name[end - 1] = '\0';
	return name[0] ? names_intern(wanted, name, &ignored, err) : OK;
}

static int add_file(struct name_table *wanted, const char *path, struct err *err)
{
	char *text = NULL;
	size_t size;
	int status = file_read(path, (size_t)64 << 20, &text, &size, err);
	if (status != OK)
		return status;
	for (char *line = text, *next; status == OK && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		status = add_name(wanted, line, err);
	}
	free(text);
	return status;
}

int faces_persons_wanted(const struct faces_settings *settings, struct name_table *wanted, struct err *err)
{
	int status = OK;
	uint32_t ignored;
	struct path_list files = {0};
	for (size_t i = 0; status == OK && i < settings->persons.count; i++)
		status = names_intern(wanted, settings->persons.items[i], &ignored, err);
	for (size_t i = 0; status == OK && i < settings->persons_file.count; i++)
		status = path_expand(&files, settings->persons_file.items[i], err);
	for (size_t i = 0; status == OK && i < files.count; i++)
		status = add_file(wanted, files.items[i], err);
	if (status == OK && files.count > 0 && wanted->names.count == 0)
		status = err_set(err, ERR_SETTINGS, "faces.persons_file: %s names nobody", files.items[0]);
	path_list_free(&files);
	return status;
}

int faces_persons_found(const struct face_set *set, const struct name_table *wanted, struct err *err)
{
	for (size_t i = 0; i < wanted->names.count; i++) {
		if (!names_has(&set->persons, wanted->names.items[i]))
			return err_set(err, ERR_SETTINGS,
			               "faces.persons: '%s' is nobody in the data (or has no picture that is chosen)",
			               wanted->names.items[i]);
	}
	return OK;
}
