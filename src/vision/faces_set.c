#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- names -------------------------------------------------------------------------- */

static int names_rehash(struct name_table *table, struct err *err)
{
	size_t n_slots = table->n_slots ? 2 * table->n_slots : 1024;
	uint32_t *slots = mem_alloc(n_slots, sizeof *slots, err);
	if (!slots)
		return err->code;
	for (size_t i = 0; i < table->names.count; i++) {
		const char *name = table->names.items[i];
		size_t at = hash64(name, strlen(name), 0) & (n_slots - 1);
		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(table->slots);
	table->slots = slots;
	table->n_slots = n_slots;
	return OK;
}

/* Open addressing; a slot holds index + 1, 0 = empty. */
int names_intern(struct name_table *table, const char *name, uint32_t *out, struct err *err)
{
	if (2 * (table->names.count + 1) > table->n_slots) {
		int status = names_rehash(table, err);
		if (status != OK)
			return status;
	}
	size_t at = hash64(name, strlen(name), 0) & (table->n_slots - 1);
	while (table->slots[at]) {
		uint32_t found = table->slots[at] - 1;
		if (strcmp(table->names.items[found], name) == 0) {
			*out = found;
			return OK;
		}
		at = (at + 1) & (table->n_slots - 1);
	}
	int status = path_list_add(&table->names, name, err);
	if (status != OK)
		return status;
	table->slots[at] = (uint32_t)table->names.count;
	*out = (uint32_t)table->names.count - 1;
	return OK;
}

bool names_has(const struct name_table *table, const char *name)
{
	if (table->n_slots == 0)
		return false;
	size_t at = hash64(name, strlen(name), 0) & (table->n_slots - 1);
	while (table->slots[at] && strcmp(table->names.items[table->slots[at] - 1], name) != 0)
		at = (at + 1) & (table->n_slots - 1);
	return table->slots[at] != 0;
}

void names_free(struct name_table *table)
{
	path_list_free(&table->names);
	free(table->slots);
	*table = (struct name_table){0};
}

/* ---- the set ------------------------------------------------------------------------------ */

int face_set_skip(struct face_set *set, const char *member, const char *reason, bool picture, struct err *err)
{
	struct face_skip *skips = mem_grow(set->skips, &set->skip_capacity, set->n_skips + 1, sizeof *skips, err);
	if (!skips)
		return err->code;
	set->skips = skips;
	struct face_skip skip = {.member = mem_text(member, err), .reason = mem_text(reason, err), .picture = picture};
	if (!skip.member || !skip.reason) {
		free(skip.member);
		free(skip.reason);
		return err->code;
	}
	skips[set->n_skips++] = skip;
	set->skipped_pictures += picture;
	return OK;
}

void face_set_compact(struct face_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (set->faces[i].member)
			set->faces[kept++] = set->faces[i];
	}
	set->count = kept;
}

void face_set_free(struct face_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		free(set->faces[i].member);
	for (size_t i = 0; i < set->n_sources; i++)
		free(set->sources[i].root);
	for (size_t i = 0; i < set->n_skips; i++) {
		free(set->skips[i].member);
		free(set->skips[i].reason);
	}
	free(set->faces);
	free(set->sources);
	free(set->skips);
	names_free(&set->persons);
	names_free(&set->classes);
	names_free(&set->unknown);
	free(set->unknown_count);
	free(set);
}

/* Photographs deflate to some three quarters at level 1; a face's columns and its chunk in the index take some 400
 * bytes. */
uint64_t faces_disk_estimate(const struct face_set *set, const struct faces_settings *settings)
{
	double frame = 3.0 * (double)settings->frame_width * (double)settings->frame_height;
	return (uint64_t)((double)set->count * (frame * (settings->compress > 0 ? 0.75 : 1) + 400)) + (1 << 20);
}

/* ---- words ----------------------------------------------------------------------------------- */

const char *face_split_name(unsigned split)
{
	static const char *const names[FACE_SPLITS] = {"train", "validation", "test"};
	return split < FACE_SPLITS ? names[split] : "none";
}

const char *faces_layout_name(const struct face_set *set)
{
	switch (set->layouts) {
	case 1u << LAYOUT_KFACE:
		return "kface";
	case 1u << LAYOUT_FOLDERS:
		return "folders";
	case 1u << LAYOUT_CSV:
		return "csv";
	default:
		return "mixed";
	}
}

unsigned faces_split_parse(const char *name)
{
	static const struct {
		const char *name;
		enum face_split split;
	} words[] = {{"train", FACE_TRAIN},     {"training", FACE_TRAIN},        {"valid", FACE_VALIDATION},
	             {"val", FACE_VALIDATION},  {"validation", FACE_VALIDATION}, {"dev", FACE_VALIDATION},
	             {"test", FACE_TEST},       {"testing", FACE_TEST},          {"publictest", FACE_VALIDATION},
	             {"privatetest", FACE_TEST}};
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (strcasecmp(words[i].name, name) == 0)
			return words[i].split;
	}
	return FACE_SPLIT_FREE;
}

int faces_people(const struct face_set *set, size_t *out, struct err *err)
{
	size_t people = 0;
	bool *seen = mem_alloc(set->persons.names.count + 1, sizeof *seen, err);
	if (!seen)
		return err->code;
	for (size_t i = 0; i < set->count; i++) {
		uint32_t person = set->faces[i].person;
		if (person == FACE_NOBODY || seen[person])
			continue;
		seen[person] = true;
		people++;
	}
	free(seen);
	*out = people;
	return OK;
}
