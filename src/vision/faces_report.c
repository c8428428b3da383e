#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- what was skipped ---------------------------------------------------------------- */

/* A tab or a line break in a name must not break the table. */
static void write_field(FILE *stream, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 32 ? ' ' : *text, stream);
}

int faces_save_skips(const struct face_set *set, const char *path, struct err *err)
{
	struct out_file file = {0};
	int status = out_open(&file, path, err);
	if (status != OK)
		return status;
	for (size_t i = 0; i < set->n_skips; i++) {
		write_field(file.stream, set->skips[i].member);
		fputc('\t', file.stream);
		write_field(file.stream, set->skips[i].reason);
		fputc('\n', file.stream);
	}
	return out_commit(&file, err);
}

int faces_check_skips(const struct face_set *set, double limit, struct err *err)
{
	size_t chosen = set->count + set->skipped_pictures;
	if (set->count > 0 && (double)set->skipped_pictures <= limit * (double)chosen)
		return OK;
	const struct face_skip *first = set->skips;
	while (first < set->skips + set->n_skips && !first->picture)
		first++;
	if (first == set->skips + set->n_skips)
		return err_set(err, ERR_DATA, "no picture is left");
	return err_set(err, ERR_DATA,
	               "%zu of %zu pictures could not be read, more than faces.max_skipped = %g allows; the first: %s: %s "
	               "(all: skipped.tsv; what was read is kept, so a higher limit costs no second reading)",
	               set->skipped_pictures, chosen, limit, first->member, first->reason);
}

/* ---- figures ---------------------------------------------------------------------------- */

static int count_parts(const struct face_set *set, struct json *split, struct err *err)
{
	size_t n_classes = set->classes.names.count, n_people = set->persons.names.count;
	size_t *counts =
	    mem_alloc(FACE_SPLITS * (n_classes + 2), sizeof *counts, err); /* a part: faces, people, then a class each */
	bool *seen = counts ? mem_alloc(n_people + 1, sizeof *seen, err) : NULL;
	if (!seen) {
		free(counts);
		return err->code;
	}
	for (size_t i = 0; i < set->count; i++) {
		const struct face *face = &set->faces[i];
		size_t *part = counts + face->split * (n_classes + 2);
		part[0]++;
		part[2 + face->label]++;
		if (face->person == FACE_NOBODY || seen[face->person])
			continue;
		seen[face->person] = true;
		part[1]++;
	}
	for (unsigned p = 0; p < FACE_SPLITS; p++) {
		const size_t *part = counts + p * (n_classes + 2);
		struct json *object = json_set_object(split, face_split_name(p));
		json_set_integer(object, "faces", (int64_t)part[0]);
		json_set_integer(object, "people", (int64_t)part[1]);
		struct json *classes = json_set_object(object, "classes");
		for (size_t c = 0; c < n_classes; c++)
			json_set_integer(classes, set->classes.names.items[c], (int64_t)part[2 + c]);
	}
	free(counts);
	free(seen);
	return OK;
}

/* Reasons of one kind differ in what stands in brackets behind them. */
static void count_reasons(const struct face_set *set, struct json *reasons)
{
	for (size_t i = 0; i < set->n_skips; i++) {
		char kind[128];
		snprintf(kind, sizeof kind, "%.*s", (int)strcspn(set->skips[i].reason, "("), set->skips[i].reason);
		for (size_t end = strlen(kind); end > 0 && kind[end - 1] == ' '; end--)
			kind[end - 1] = '\0';
		json_set_integer(reasons, kind, json_integer_value(json_get(reasons, kind), 0) + 1);
	}
}

int faces_metrics(const struct face_set *set, struct json *metrics, struct err *err)
{
	static const char *const sources[FACE_BOX_SOURCES] = {"none", "kface", "csv"};
	size_t boxes[FACE_BOX_SOURCES] = {0}, people, unknown = 0, chosen = set->count + set->skipped_pictures;
	for (size_t i = 0; i < set->count; i++) {
		boxes[set->faces[i].box_source]++;
		unknown += set->faces[i].person == FACE_NOBODY;
	}
	if (faces_people(set, &people, err) != OK)
		return err->code;
	json_set_integer(metrics, "faces", (int64_t)set->count);
	json_set_integer(metrics, "people", (int64_t)people);
	json_set_integer(metrics, "of_unknown_person", (int64_t)unknown);
	json_set_text(metrics, "layout", faces_layout_name(set));
	struct json *classes = json_set_array(metrics, "classes");
	for (size_t c = 0; c < set->classes.names.count; c++)
		json_append_text(classes, set->classes.names.items[c]);
	if (count_parts(set, json_set_object(metrics, "split"), err) != OK)
		return err->code;
	struct json *skipped = json_set_object(metrics, "skipped");
	json_set_integer(skipped, "pictures", (int64_t)set->skipped_pictures);
	json_set_number(skipped, "share", chosen ? (double)set->skipped_pictures / (double)chosen : 0);
	count_reasons(set, json_set_object(skipped, "reasons"));
	json_set_integer(metrics, "not_selected", (int64_t)set->not_selected);
	struct json *by_source = json_set_object(metrics, "boxes");
	for (size_t s = 0; s < FACE_BOX_SOURCES; s++)
		json_set_integer(by_source, sources[s], (int64_t)boxes[s]);
	return OK;
}
