/* One value: parsed into its place, written back in canonical form, cleared. */
#include "config/config_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void *setting_place(const struct settings *settings, const struct setting *setting)
{
	return (char *)(uintptr_t)settings + setting->offset;
}

int choice_find(const char *choices, const char *text)
{
	size_t length = strlen(text);
	for (int i = 0; *choices; i++) {
		size_t name = strcspn(choices, "|");
		if (name == length && strncasecmp(choices, text, length) == 0)
			return i;
		choices += name + (choices[name] == '|');
	}
	return -1;
}

const char *choice_name(const char *choices, int i, char *buffer, size_t size)
{
	for (; i > 0; i--)
		choices += strcspn(choices, "|") + 1;
	snprintf(buffer, size, "%.*s", (int)strcspn(choices, "|"), choices);
	return buffer;
}

static void list_clear(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){0};
}

static void map_clear(struct text_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->names[i]);
		list_clear(&map->values[i]);
	}
	free(map->names);
	free(map->values);
	*map = (struct text_map){0};
}

void setting_clear(struct settings *settings, const struct setting *setting)
{
	void *place = setting_place(settings, setting);
	switch (setting->type) {
	case SETTING_TEXT:
		free(*(char **)place);
		*(char **)place = NULL;
		break;
	case SETTING_WORDS:
	case SETTING_TAGS:
	case SETTING_PATHS:
		list_clear(place);
		break;
	case SETTING_MAP:
	case SETTING_FAMILY:
		map_clear(place);
		break;
	default:
		break;
	}
}

static int list_add(struct text_list *list, const char *text, size_t length, struct err *err)
{
	size_t capacity = list->count;
	char **items = mem_grow(list->items, &capacity, list->count + 1, sizeof *items, err);
	if (!items)
		return err->code;
	list->items = items;
	if (!(items[list->count] = mem_format(err, "%.*s", (int)length, text)))
		return err->code;
	list->count++;
	return OK;
}

/* Adds the pieces between separators, trimmed, empty ones left out. */
static int list_split(struct text_list *list, const char *text, const char *separators, struct err *err)
{
	while (*text) {
		size_t length = strcspn(text, separators);
		const char *next = text + length + (text[length] != '\0');
		while (length > 0 && isspace((unsigned char)*text))
			text++, length--;
		while (length > 0 && isspace((unsigned char)text[length - 1]))
			length--;
		if (length > 0 && list_add(list, text, length, err) != OK)
			return err->code;
		text = next;
	}
	return OK;
}

/* Replaces ${NAME} by the environment's value. */
static int expand_variables(const char *text, const char *where, struct strbuf *out, struct err *err)
{
	while (*text) {
		const char *open = strstr(text, "${"), *shut = open ? strchr(open, '}') : NULL;
		if (!shut) {
			strbuf_add(out, text);
			break;
		}
		strbuf_add_bytes(out, text, (size_t)(open - text));
		char name[128];
		snprintf(name, sizeof name, "%.*s", (int)(shut - open - 2), open + 2);
		const char *value = getenv(name);
		if (!value || !*value)
			return err_set(err, ERR_SETTINGS, "%s: the environment variable %s is not set; it says where the data are",
			               where, name);
		strbuf_add(out, value);
		text = shut + 1;
	}
	return strbuf_check(out, err);
}

static int set_paths(struct text_list *list, const char *text, const char *where, struct err *err)
{
	struct strbuf expanded = {0};
	strbuf_add(&expanded, "");
	int status = expand_variables(text, where, &expanded, err);
	if (status == OK)
		status = list_split(list, expanded.text, ",", err);
	strbuf_free(&expanded);
	return status;
}

static int map_add(struct text_map *map, const char *name, const char *values, struct err *err)
{
	size_t at = 0;
	while (at < map->count && strcmp(map->names[at], name) != 0)
		at++;
	if (at == map->count) {
		size_t names_room = map->count, values_room = map->count;
		char **names = mem_grow(map->names, &names_room, at + 1, sizeof *names, err);
		if (names)
			map->names = names;
		struct text_list *lists = names ? mem_grow(map->values, &values_room, at + 1, sizeof *lists, err) : NULL;
		if (!lists)
			return err->code;
		map->values = lists;
		if (!(map->names[at] = mem_text(name, err)))
			return err->code;
		map->values[at] = (struct text_list){0};
		map->count++;
	}
	list_clear(&map->values[at]);
	return list_split(&map->values[at], values, ",", err);
}

/* Entries "name = value" between `separators`. */
static int set_map(struct text_map *map, const char *text, const char *separators, const char *where, struct err *err)
{
	struct text_list entries = {0};
	int status = list_split(&entries, text, separators, err);
	for (size_t i = 0; status == OK && i < entries.count; i++) {
		char *name = entries.items[i], *equals = strchr(name, '=');
		if (!equals || equals == name || !equals[1]) {
			status = err_set(err, ERR_SETTINGS, "%s: \"%s\" is not name=value", where, name);
			break;
		}
		char *end = equals;
		while (end > name && isspace((unsigned char)end[-1]))
			end--;
		*end = '\0';
		status = map_add(map, name, equals + 1, err);
	}
	list_clear(&entries);
	return status;
}

static int set_numbers(number_set *out, const char *text, const char *where, struct err *err)
{
	struct text_list parts = {0};
	number_set set = 0;
	int status = list_split(&parts, text, ", \t", err);
	for (size_t i = 0; status == OK && i < parts.count; i++) {
		char *end;
		const char *part = parts.items[i];
		long first = strtol(part, &end, 10), last = first;
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtol(end + 1, &end, 10);
		if (*end || !isdigit((unsigned char)*part) || first < 1 || last > 63 || last < first)
			status = err_set(err, ERR_SETTINGS, "%s: \"%s\" is not a number or range within 1..63, as in 1, 3-5", where,
			                 part);
		for (long n = first; status == OK && n <= last; n++)
			set |= (number_set)1 << n;
	}
	list_clear(&parts);
	if (status == OK)
		*out = set;
	return status;
}

static int set_number(const struct setting *setting, void *place, const char *text, const char *where, struct err *err)
{
	char *end;
	errno = 0;
	double real = setting->type == SETTING_REAL ? strtod(text, &end) : 0;
	long integer = setting->type == SETTING_INTEGER ? strtol(text, &end, 10) : 0;
	double value = setting->type == SETTING_REAL ? real : (double)integer;
	if (end == text || *end || errno == ERANGE || !isfinite(value))
		return err_set(err, ERR_SETTINGS, "%s: \"%s\" is not a%s number", where, text,
		               setting->type == SETTING_REAL ? "" : " whole");
	if (value < setting->low || value > setting->high)
		return err_set(err, ERR_SETTINGS, "%s: %s is outside %.10g..%.10g", where, text, setting->low, setting->high);
	if (setting->type == SETTING_REAL)
		*(double *)place = real;
	else
		*(long *)place = integer;
	return OK;
}

static int set_bool(bool *out, const char *text, const char *where, struct err *err)
{
	bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
	if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return err_set(err, ERR_SETTINGS, "%s: \"%s\" is neither yes nor no", where, text);
	*out = yes;
	return OK;
}

int setting_set(struct settings *settings, const struct setting *setting, const char *text, const char *where,
                struct err *err)
{
	void *place = setting_place(settings, setting);
	setting_clear(settings, setting);
	switch (setting->type) {
	case SETTING_INTEGER:
	case SETTING_REAL:
		return set_number(setting, place, text, where, err);
	case SETTING_BOOL:
		return set_bool(place, text, where, err);
	case SETTING_TEXT:
		return (*(char **)place = mem_text(text, err)) ? OK : err->code;
	case SETTING_WORDS:
		return list_split(place, text, ", \t", err);
	case SETTING_TAGS:
		return list_split(place, text, ",", err);
	case SETTING_PATHS:
		return set_paths(place, text, where, err);
	case SETTING_NUMBERS:
		return set_numbers(place, text, where, err);
	case SETTING_MAP:
		return set_map(place, text, ",", where, err);
	case SETTING_FAMILY:
		return set_map(place, text, ";", where, err);
	case SETTING_CHOICE:
		break;
	}
	int choice = choice_find(setting->choices, text);
	if (choice < 0)
		return err_set(err, ERR_SETTINGS, "%s: \"%s\" is none of %s", where, text, setting->choices);
	*(int *)place = choice;
	return OK;
}

int setting_set_member(struct settings *settings, const struct setting *setting, const char *name, const char *text,
                       const char *where, struct err *err)
{
	if (!*name)
		return err_set(err, ERR_SETTINGS, "%s: a name must follow %s.%s.", where, setting->section, setting->key);
	return map_add(setting_place(settings, setting), name, text, err);
}

bool setting_is_single(const struct setting *setting)
{
	enum setting_type type = setting->type;
	return type == SETTING_INTEGER || type == SETTING_REAL || type == SETTING_BOOL || type == SETTING_CHOICE ||
	       type == SETTING_TEXT;
}

void setting_join(struct strbuf *out, const char *between, const char *text)
{
	strbuf_add_bytes(out, between, *text == '#' || *text == ';' ? strcspn(between, " ") : strlen(between));
	strbuf_add(out, text);
}

static void list_write(const struct text_list *list, const char *between, struct strbuf *out)
{
	for (size_t i = 0; i < list->count; i++)
		setting_join(out, i ? between : "", list->items[i]);
}

static void map_write(const struct text_map *map, const char *between, struct strbuf *out)
{
	for (size_t i = 0; i < map->count; i++) {
		setting_join(out, i ? between : "", map->names[i]);
		strbuf_add(out, "=");
		list_write(&map->values[i], ",", out);
	}
}

static void numbers_write(number_set set, struct strbuf *out)
{
	const char *between = "";
	for (int n = 1; n < 64; n++) {
		int last = n;
		if (!(set >> n & 1))
			continue;
		while (last < 63 && (set >> (last + 1) & 1))
			last++;
		strbuf_format(out, last > n ? "%s%d-%d" : "%s%d", between, n, last);
		between = ", ";
		n = last;
	}
}

void setting_write(const struct settings *settings, const struct setting *setting, struct strbuf *out)
{
	const void *place = setting_place(settings, setting);
	char name[64];
	switch (setting->type) {
	case SETTING_INTEGER:
		strbuf_format(out, "%ld", *(const long *)place);
		break;
	case SETTING_REAL:
		strbuf_format(out, "%.12g", *(const double *)place);
		break;
	case SETTING_BOOL:
		strbuf_add(out, *(const bool *)place ? "yes" : "no");
		break;
	case SETTING_TEXT:
		strbuf_add(out, *(char *const *)place);
		break;
	case SETTING_WORDS:
	case SETTING_TAGS:
	case SETTING_PATHS:
		list_write(place, ", ", out);
		break;
	case SETTING_NUMBERS:
		numbers_write(*(const number_set *)place, out);
		break;
	case SETTING_MAP:
		map_write(place, ", ", out);
		break;
	case SETTING_FAMILY:
		map_write(place, "; ", out);
		break;
	case SETTING_CHOICE:
		strbuf_add(out, choice_name(setting->choices, *(const int *)place, name, sizeof name));
		break;
	}
}
