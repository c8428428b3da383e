#include "vision/faces_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* The first pass as a whole: patterns and classes before the walk, boxes, repeated names and the choice after it. */

/* ---- after the names ----------------------------------------------------------------------------------------- */

static int by_stem(const void *a, const void *b)
{
	const struct face_text *x = a, *y = b;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return strcmp(x->stem, y->stem);
}

static bool of_text(const struct face *face, const struct face_text *text)
{
	size_t length = strlen(text->stem);
	return face->source == text->source && strncmp(face->member, text->stem, length) == 0 &&
	       face->member[length] == '.' && !strchr(face->member + length + 1, '.') &&
	       !strchr(face->member + length, '/');
}

static void take_box(struct face *face, struct face_text *text)
{
	if (face->box_source == FACE_BOX_NONE) {
		face->box = text->box;
		face->box_source = FACE_BOX_KFACE;
	}
	text->used = true;
}

/* A picture and its text lie side by side as a rule: then neither waits for the end of the pass, and texts take no
 * memory. */
void scan_pair_face(struct face_scan *scan, struct face *face)
{
	struct face_text *last = scan->n_texts > 0 ? &scan->texts[scan->n_texts - 1] : NULL;
	if (last && of_text(face, last))
		take_box(face, last);
}

int scan_pair_text(struct face_scan *scan, struct face_text *text, struct err *err)
{
	struct face_set *set = scan->set;
	for (size_t i = set->count; i > 0 && of_text(&set->faces[i - 1], text); i--)
		take_box(&set->faces[i - 1], text);
	if (scan->n_texts > 0 && scan->texts[scan->n_texts - 1].used)
		free(scan->texts[--scan->n_texts].stem);
	struct face_text *texts = mem_grow(scan->texts, &scan->text_capacity, scan->n_texts + 1, sizeof *texts, err);
	if (!texts)
		return err->code;
	scan->texts = texts;
	texts[scan->n_texts++] = *text;
	return OK;
}

static void drop_used_texts(struct face_scan *scan)
{
	size_t kept = 0;
	for (size_t i = 0; i < scan->n_texts; i++) {
		if (scan->texts[i].used)
			free(scan->texts[i].stem);
		else
			scan->texts[kept++] = scan->texts[i];
	}
	scan->n_texts = kept;
}

int scan_attach_boxes(struct face_scan *scan, size_t first, struct err *err)
{
	drop_used_texts(scan);
	if (scan->n_texts == 0)
		return OK;
	qsort(scan->texts, scan->n_texts, sizeof *scan->texts, by_stem);
	for (size_t i = first; i < scan->set->count; i++) {
		struct face *face = &scan->set->faces[i];
		size_t stem = strlen(face->member) - strlen(path_extension(face->member)) - 1;
		struct face_text key = {.stem = mem_format(err, "%.*s", (int)stem, face->member), .source = face->source};
		if (!key.stem)
			return err->code;
		struct face_text *found = bsearch(&key, scan->texts, scan->n_texts, sizeof key, by_stem);
		free(key.stem);
		if (found)
			take_box(face, found);
	}
	drop_used_texts(scan);
	return OK;
}

static int by_member(const void *a, const void *b)
{
	const struct face *x = *(struct face *const *)a, *y = *(struct face *const *)b;
	int order = strcmp(x->member, y->member);
	if (order == 0)
		order = (x->source > y->source) - (x->source < y->source);
	return order ? order : (x > y) - (x < y);
}

int scan_drop_repeated(struct face_scan *scan, size_t first, struct err *err)
{
	struct face_set *set = scan->set;
	size_t count = set->count - first;
	struct face **order = mem_alloc(count, sizeof(struct face *), err);
	if (!order)
		return err->code;
	for (size_t i = 0; i < count; i++)
		order[i] = &set->faces[first + i];
	qsort(order, count, sizeof *order, by_member);
	int status = OK;
	size_t kept = 0;
	for (size_t i = 1; status == OK && i < count; i++) {
		struct face *face = order[i], *first_one = order[kept];
		if (face->source != first_one->source || strcmp(face->member, first_one->member) != 0) {
			kept = i;
			continue;
		}
		if (first_one->box_source == FACE_BOX_NONE) {
			first_one->box = face->box;
			first_one->box_source = face->box_source;
		}
		status = face_set_skip(set, face->member, "a second member of this name", true, err);
		free(face->member);
		face->member = NULL;
	}
	free(order);
	face_set_compact(set);
	return status;
}

/* ---- classes that hold -------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Without a class map the names come in the order of the walk: sorted, they depend on the set alone. */
static int sort_classes(struct face_set *set, struct err *err)
{
	size_t count = set->classes.names.count;
	struct name_table sorted = {0};
	char **order = mem_alloc(count, sizeof *order, err);
	int *moved = mem_alloc(count, sizeof *moved, err);
	int status = order && moved ? OK : err->code;
	if (status == OK && count > 0) {
		memcpy(order, set->classes.names.items, count * sizeof *order);
		qsort(order, count, sizeof *order, by_text);
	}
	for (size_t i = 0; status == OK && i < count; i++) {
		uint32_t old = 0, at = 0;
		status = names_intern(&set->classes, order[i], &old, err);
		if (status == OK)
			status = names_intern(&sorted, order[i], &at, err);
		moved[old] = (int)at;
	}
	for (size_t i = 0; status == OK && i < set->count; i++)
		set->faces[i].label = moved[set->faces[i].label];
	free(order);
	free(moved);
	if (status == OK) {
		names_free(&set->classes);
		set->classes = sorted;
	} else {
		names_free(&sorted);
	}
	return status;
}

/* The classes of the model that is to be judged, then those of the map, each once, in its order. */
static int name_classes(struct face_scan *scan, struct err *err)
{
	const struct text_map *map = &scan->settings->classes;
	const struct path_list *judges = scan->request->judges;
	uint32_t ignored;
	int status = OK;
	for (size_t i = 0; judges && status == OK && i < judges->count; i++)
		status = names_intern(&scan->set->classes, judges->items[i], &ignored, err);
	for (size_t i = 0; status == OK && i < map->count; i++) {
		if (map->values[i].count > 0)
			status = names_intern(&scan->set->classes, map->values[i].items[0], &ignored, err);
	}
	return status;
}

/* None of the classes that were met is one that is wanted. */
static int refuse_classes(const struct face_scan *scan, const char *first, struct err *err)
{
	const struct path_list *names = &scan->set->unknown.names;
	struct strbuf list = {0};
	for (size_t i = 0; i < names->count && i < 8; i++)
		strbuf_format(&list, "%s%s", i ? ", " : "", names->items[i]);
	strbuf_add(&list, names->count > 8 ? ", …" : "");
	if (strbuf_check(&list, err) == OK && scan->request->judges)
		(void)err_set(err, ERR_DATA,
		              "%s: none of its classes (%s) is named in evaluate.external_classes; write "
		              "evaluate.external_classes = THEIRS=YOURS, …",
		              first, list.text);
	else if (err->code == OK)
		(void)err_set(err, ERR_DATA,
		              "%s: none of its classes (%s) is named in faces.classes; write faces.classes = THEIRS=YOURS, …, "
		              "or leave it empty to take every folder or label as a class",
		              first, list.text);
	strbuf_free(&list);
	return err->code;
}

static int refuse_empty(const struct face_scan *scan, struct err *err)
{
	const char *first = scan->request->inputs->count ? scan->request->inputs->items[0] : "faces.input";
	if (scan->set->unknown.names.count > 0)
		return refuse_classes(scan, first, err);
	if (scan->set->n_skips > 0)
		return err_set(err, ERR_DATA, "%s: no picture could be used; the first: %s: %s", first,
		               scan->set->skips[0].member, scan->set->skips[0].reason);
	return err_set(err, ERR_DATA,
	               "%s: no picture (jpg, png) is chosen of %zu; see faces.layout, accessories, lights, expressions, "
	               "cameras",
	               first, scan->set->not_selected);
}

static int check_classes(const struct face_set *set, struct err *err)
{
	for (size_t c = 0; c < set->classes.names.count; c++) {
		size_t i = 0;
		while (i < set->count && set->faces[i].label != (int)c)
			i++;
		if (i == set->count)
			return err_set(err, ERR_DATA,
			               "class '%s' has no picture among the %zu chosen; take it out of faces.classes or choose "
			               "more (faces.expressions, faces.input)",
			               set->classes.names.items[c], set->count);
	}
	return OK;
}

/* ---- the pass ----------------------------------------------------------------------------------------------- */

static int compile_pattern(struct face_scan *scan, struct err *err)
{
	const char *pattern = scan->settings->person_pattern;
	if (!pattern || !pattern[0])
		return OK;
	int code = regcomp(&scan->person, pattern, REG_EXTENDED);
	if (code != 0) {
		char text[160];
		regerror(code, &scan->person, text, sizeof text);
		return err_set(err, ERR_SETTINGS, "faces.person_pattern: '%s': %s", pattern, text);
	}
	scan->has_person = true;
	if (scan->person.re_nsub < 1)
		return err_set(err, ERR_SETTINGS, "faces.person_pattern: '%s' has no group; put what names the person in ( )",
		               pattern);
	return OK;
}

static int scan_all(struct face_scan *scan, struct err *err)
{
	int status = compile_pattern(scan, err);
	if (status == OK)
		status = name_classes(scan, err);
	if (status == OK)
		status = faces_persons_wanted(scan->settings, &scan->wanted, err);
	for (size_t i = 0; status == OK && i < scan->request->inputs->count; i++)
		status = scan_input(scan, scan->request->inputs->items[i], err);
	if (status == OK)
		status = faces_persons_found(scan->set, &scan->wanted, err);
	if (status == OK && scan->set->count == 0)
		status = refuse_empty(scan, err);
	if (status == OK)
		status = scan_drop_repeated(scan, 0, err);
	if (status == OK)
		status = scan_attach_boxes(scan, 0, err);
	if (status == OK && scan->settings->classes.count == 0)
		status = sort_classes(scan->set, err);
	if (status == OK)
		status = faces_select(scan->set, scan->request, err);
	if (status == OK && !scan->request->judges)
		status = check_classes(scan->set, err);
	/* A split that cannot be made is told before hours of decoding; the one that counts is made after it. */
	if (status == OK)
		status = faces_split(scan->set, scan->request, err);
	return status;
}

int faces_scan(struct face_set **out, const struct faces_request *request, struct err *err)
{
	struct face_set *set = mem_alloc(1, sizeof *set, err);
	if (!set)
		return err->code;
	struct face_scan scan = {.set = set, .request = request, .settings = request->settings, .last_person = FACE_NOBODY};
	int status = scan_all(&scan, err);
	if (scan.has_person)
		regfree(&scan.person);
	for (size_t i = 0; i < scan.n_texts; i++)
		free(scan.texts[i].stem);
	free(scan.texts);
	free(scan.label);
	names_free(&scan.wanted);
	malloc_trim(0); /* what the lists left behind as they grew would stay with the process to its end */
	if (status == OK)
		*out = set;
	else
		face_set_free(set);
	return status;
}
