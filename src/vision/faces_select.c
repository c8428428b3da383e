#include "vision/faces_internal.h"

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

/* group: faces of one person and class, by name. Its stream depends on the person alone, so another person more or less
 * changes nothing here. */
static int draw_group(struct face_set *set, struct face **group, size_t count, size_t limit, uint64_t seed,
                      struct err *err)
{
	size_t *order = mem_alloc(count, sizeof *order, err);
	if (!order)
		return err->code;
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	const char *person = set->persons.names.items[group[0]->person];
	struct rng rng;
	rng_seed(&rng, seed, "faces.pictures", hash64(person, strlen(person), (uint64_t)group[0]->label));
	rng_shuffle(&rng, order, count);
	for (size_t i = limit; i < count; i++)
		drop_face(set, group[order[i]]);
	free(order);
	return OK;
}

static int limit_pictures(struct face_set *set, size_t limit, uint64_t seed, struct err *err)
{
	if (limit == 0)
		return OK;
	struct face **order = mem_alloc(set->count, sizeof(struct face *), err);
	if (!order)
		return err->code;
	for (size_t i = 0; i < set->count; i++)
		order[i] = &set->faces[i];
	qsort(order, set->count, sizeof *order, by_person_class);
	int status = OK;
	for (size_t i = 0, end; status == OK && i < set->count; i = end) {
		uint32_t person = order[i]->person;
		int label = order[i]->label;
		for (end = i + 1; end < set->count && order[end]->person == person && order[end]->label == label;)
			end++;
		/* Nobody is known to be one person: nothing to cap. */
		if (person != FACE_NOBODY && end - i > limit)
			status = draw_group(set, order + i, end - i, limit, seed, err);
	}
	free(order);
	face_set_compact(set);
	return status;
}

int faces_select(struct face_set *set, const struct faces_request *request, struct err *err)
{
	int status = limit_people(set, (size_t)request->settings->people, request->seed, err);
	if (status == OK)
		status = limit_pictures(set, (size_t)request->settings->per_person_class, request->seed, err);
	return status;
}
