#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* What the first pass puts into the set: sources, skips, pictures of wanted classes. */

static bool has_extension(const char *path, const char *const *extensions, size_t count)
{
	const char *extension = path_extension(path);
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(extension, extensions[i]) == 0)
			return true;
	}
	return false;
}

bool faces_is_picture(const char *path)
{
	static const char *const extensions[] = {"jpg", "jpeg", "png"};
	return has_extension(path, extensions, ARRAY_COUNT(extensions)) && strncmp(path_name(path), "._", 2) != 0 &&
	       strncmp(path, "__MACOSX/", 9) != 0 && !strstr(path, "/__MACOSX/");
}

bool faces_is_archive(const char *path)
{
	static const char *const extensions[] = {"zip", "tar", "tgz", "7z"};
	size_t length = strlen(path);
	return has_extension(path, extensions, ARRAY_COUNT(extensions)) ||
	       (length > 7 && strcasecmp(path + length - 7, ".tar.gz") == 0) ||
	       (length > 8 && strcasecmp(path + length - 8, ".tar.zst") == 0);
}

/* ---- sources and skips ---------------------------------------------------------------------- */

/* The last part of a path, without slashes at its end. */
static char *root_label(const char *root, struct err *err)
{
	size_t length = strlen(root);
	while (length > 1 && root[length - 1] == '/')
		length--;
	size_t start = length;
	while (start > 0 && root[start - 1] != '/')
		start--;
	return mem_format(err, "%.*s", (int)(length - start), root + start);
}

static void source_stamp(const char *path, uint64_t *size, int64_t *changed)
{
	struct stat info;
	*size = 0;
	*changed = 0;
	if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
		return;
	*size = (uint64_t)info.st_size;
	*changed = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
}

int source_unchanged(const struct face_source *source, struct err *err)
{
	uint64_t size;
	int64_t changed;
	source_stamp(source->root, &size, &changed);
	if (size == source->size && changed == source->changed)
		return OK;
	return err_set(err, ERR_DATA,
	               "%s: changed while it was read (%ju bytes, then %ju); wait until it is complete and run again",
	               source->root, (uintmax_t)source->size, (uintmax_t)size);
}

int scan_source(struct face_scan *scan, const char *root, bool files, const char *prefix, struct err *err)
{
	struct face_set *set = scan->set;
	free(scan->label);
	scan->label = prefix ? mem_text(prefix, err) : root_label(root, err);
	if (!scan->label)
		return err->code;
	struct face_source *sources =
	    mem_grow(set->sources, &set->source_capacity, set->n_sources + 1, sizeof *sources, err);
	if (!sources)
		return err->code;
	set->sources = sources;
	struct face_source source = {.root = mem_text(root, err), .files = files, .skip = strlen(scan->label) + 1};
	if (!source.root)
		return err->code;
	source_stamp(root, &source.size, &source.changed);
	scan->source = (uint32_t)set->n_sources;
	sources[set->n_sources++] = source;
	return OK;
}

void scan_fail(struct face_scan *scan, int code)
{
	if (scan->status == OK)
		scan->status = code;
}

void scan_skip(struct face_scan *scan, const char *path, const char *reason, bool picture)
{
	if (scan->status != OK)
		return;
	char *member = mem_format(&scan->err, "%s/%s", scan->label, path);
	scan_fail(scan, member ? face_set_skip(scan->set, member, reason, picture, &scan->err) : scan->err.code);
	free(member);
}

/* ---- classes ----------------------------------------------------------------------------------- */

/* "E01", "e1" → 1; 0 for anything else. */
static unsigned expression_number(const char *text)
{
	char *end;
	if ((text[0] != 'E' && text[0] != 'e') || text[1] < '0' || text[1] > '9')
		return 0;
	unsigned long number = strtoul(text + 1, &end, 10);
	return *end == '\0' && number <= 63 ? (unsigned)number : 0;
}

const char *scan_class(const struct face_scan *scan, const char *label)
{
	const struct text_map *map = &scan->settings->classes;
	if (map->count == 0)
		return label;
	unsigned expression = scan->layout == LAYOUT_KFACE ? expression_number(label) : 0;
	for (size_t i = 0; i < map->count; i++) {
		bool same = strcmp(map->names[i], label) == 0 || (expression && expression_number(map->names[i]) == expression);
		if (same && map->values[i].count > 0)
			return map->values[i].items[0];
	}
	return NULL;
}

#define UNKNOWN_CLASSES 1000 /* folders of something else altogether may have a million names */

static int count_unknown(struct face_set *set, const char *label, struct err *err)
{
	uint32_t at;
	if (set->unknown.names.count >= UNKNOWN_CLASSES && !names_has(&set->unknown, label))
		return OK;
	size_t known = set->unknown.names.count, *counts;
	counts = mem_grow(set->unknown_count, &set->unknown_capacity, known + 1, sizeof *counts, err);
	if (!counts)
		return err->code;
	set->unknown_count = counts;
	int status = names_intern(&set->unknown, label, &at, err);
	if (status != OK)
		return status;
	if (at == known)
		counts[at] = 0;
	counts[at]++;
	return OK;
}

/* ---- adding a picture ------------------------------------------------------------------------------ */

static bool number_wanted(number_set set, unsigned number)
{
	return set == 0 || number == 0 || (set >> number & 1);
}

bool scan_selects(const struct faces_settings *settings, const struct face_find *find)
{
	return number_wanted(settings->accessories, find->accessory) && number_wanted(settings->lights, find->light) &&
	       number_wanted(settings->expressions, find->expression) && number_wanted(settings->cameras, find->camera);
}

/* Group 1 of the person pattern on the member's name. */
static int person_by_pattern(const struct face_scan *scan, const char *member, uint32_t *person, struct err *err)
{
	regmatch_t match[2];
	if (!scan->has_person || regexec(&scan->person, member, 2, match, 0) != 0 || match[1].rm_so < 0 ||
	    match[1].rm_eo == match[1].rm_so)
		return OK;
	char *name = mem_format(err, "%.*s", (int)(match[1].rm_eo - match[1].rm_so), member + match[1].rm_so);
	if (!name)
		return err->code;
	int status = names_intern(&scan->set->persons, name, person, err);
	free(name);
	return status;
}

#define TRIM_FACES ((size_t)65536)

/* The people before the one that begins are complete as a rule: in a very large archive their pictures are drawn now,
 * so that the names of millions need not be kept. Someone who comes back is drawn again from what was kept. */
static int trim(struct face_scan *scan, uint32_t person, struct err *err)
{
	struct face_set *set = scan->set;
	if (person == scan->last_person || set->count - scan->trimmed < TRIM_FACES)
		return OK;
	int status = scan_attach_boxes(scan, scan->trimmed, err);
	if (status == OK && scan->settings->per_person_class > 0)
		status = scan_drop_repeated(scan, scan->trimmed, err);
	if (status == OK)
		status = faces_limit_pictures(set, scan->trimmed, scan->request, err);
	scan->trimmed = set->count;
	return status;
}

/* A face, its name and its place in the tables that are made of it take some 410 bytes; a box that waits for its
 * picture, fewer. */
#define FACE_BYTES 500

static int check_memory(const struct face_scan *scan, struct err *err)
{
	uint64_t most = ((uint64_t)scan->settings->memory_mb << 20) / 4 / FACE_BYTES;
	if (scan->set->count + scan->n_texts < most)
		return OK;
	return err_set(err, ERR_SETTINGS,
	               "faces.memory_mb = %ld holds the names of %ju pictures, and more are chosen; choose fewer "
	               "(faces.per_person_class, lights, cameras, people) or raise it",
	               scan->settings->memory_mb, (uintmax_t)most);
}

static int person_of(const struct face_scan *scan, const struct face_find *find, const char *member, uint32_t *person,
                     struct err *err)
{
	*person = FACE_NOBODY;
	if (find->person && find->person[0])
		return names_intern(&scan->set->persons, find->person, person, err);
	return person_by_pattern(scan, member, person, err);
}

static bool is_wanted(const struct face_scan *scan, uint32_t person)
{
	return scan->wanted.names.count == 0 ||
	       (person != FACE_NOBODY && names_has(&scan->wanted, scan->set->persons.names.items[person]));
}

static int keep_face(struct face_scan *scan, const struct face_find *find, const struct face *face, struct err *err)
{
	struct face_set *set = scan->set;
	int status = trim(scan, face->person, err);
	if (status == OK)
		status = check_memory(scan, err);
	if (status != OK)
		return status;
	struct face *faces = mem_grow(set->faces, &set->capacity, set->count + 1, sizeof *faces, err);
	if (!faces)
		return err->code;
	set->faces = faces;
	faces[set->count] = *face;
	faces[set->count].fixed_split = (uint8_t)find->split;
	faces[set->count].accessory = (uint8_t)find->accessory;
	faces[set->count].light = (uint8_t)find->light;
	faces[set->count].expression = (uint8_t)find->expression;
	faces[set->count].camera = (uint8_t)find->camera;
	scan_pair_face(scan, &faces[set->count]);
	set->count++;
	scan->last_person = face->person;
	return OK;
}

static int add_face(struct face_scan *scan, const struct face_find *find, const char *class_name, struct err *err)
{
	struct face face = {
	    .source = scan->source,
	    .split = FACE_SPLIT_FREE,
	    .box_source = find->has_box ? FACE_BOX_CSV : FACE_BOX_NONE,
	    .box = find->box,
	};
	uint32_t label = 0;
	face.member = mem_format(err, "%s/%s", scan->label, find->path);
	int status = face.member ? person_of(scan, find, face.member, &face.person, err) : err->code;
	if (status == OK && !is_wanted(scan, face.person)) {
		scan->set->not_selected++;
		free(face.member);
		return OK;
	}
	if (status == OK)
		status = names_intern(&scan->set->classes, class_name, &label, err);
	face.label = (int)label;
	if (status == OK)
		status = keep_face(scan, find, &face, err);
	if (status != OK)
		free(face.member);
	return status;
}

void scan_add(struct face_scan *scan, const struct face_find *find)
{
	if (scan->status != OK)
		return;
	const char *class_name = scan_class(scan, find->label);
	if (!class_name || !scan_selects(scan->settings, find)) {
		scan->set->not_selected++;
		if (!class_name)
			scan_fail(scan, count_unknown(scan->set, find->label, &scan->err));
		return;
	}
	scan_fail(scan, add_face(scan, find, class_name, &scan->err));
}
