/* Looking rows up, and the texts made of them: identity, effective settings, reference. */
#include "config/config_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const crop_names[] = {"cascade", "box", "centre"};

const char *crop_source_name(int source)
{
	return source >= 0 && (size_t)source < ARRAY_COUNT(crop_names) ? crop_names[source] : "unknown";
}

int crop_source_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(crop_names); i++)
		if (strcmp(crop_names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *network_cut_name(int cut)
{
	static const char *const names[] = {"block1_pool", "block2_pool", "block3_pool",
	                                    "block4_pool", "block5_pool", "input"};
	return cut >= 0 && (size_t)cut < ARRAY_COUNT(names) ? names[cut] : "unknown";
}

const char *network_precision_name(int precision)
{
	return precision == PRECISION_FP16 ? "fp16" : "fp32";
}

const char *trainable_name(int trainable)
{
	static const char *const names[] = {"head", "block5", "block4", "block3", "block2", "all"};
	return trainable >= 0 && (size_t)trainable < ARRAY_COUNT(names) ? names[trainable] : "unknown";
}

int trainable_cut(int trainable, int cut, int *features_cut, struct err *err)
{
	int block = CUT_BLOCK5_POOL - (trainable - TRAIN_BLOCK5); /* the lowest one that is trained, by its pooling */
	*features_cut = trainable == TRAIN_HEAD ? cut : trainable == TRAIN_ALL ? CUT_INPUT : block - 1;
	if (trainable == TRAIN_HEAD || block <= cut)
		return OK;
	return err_set(err, ERR_SETTINGS,
	               "emotion.trainable = %s lies behind network.cut = %s; train a block before it, or cut later",
	               trainable_name(trainable), network_cut_name(cut));
}

const struct setting *schema_find(const char *section, const char *key, const char **member)
{
	*member = NULL;
	for (size_t i = 0; i < schema_count; i++) {
		const struct setting *row = &schema[i];
		if (strcmp(row->section, section) != 0)
			continue;
		size_t length = strlen(row->key);
		if (row->type == SETTING_FAMILY) {
			if (strncmp(key, row->key, length) == 0 && key[length] == '.' && key[length + 1]) {
				*member = key + length + 1;
				return row;
			}
		} else if (strcmp(row->key, key) == 0) {
			return row;
		}
	}
	return NULL;
}

const char *schema_nearest(const char *section, const char *key, char *buffer, size_t size)
{
	char wanted[160], name[160];
	size_t best = 4; /* further away is no help */
	snprintf(wanted, sizeof wanted, "%.60s%s%.90s", section, *key ? "." : "", key);
	buffer[0] = '\0';
	for (size_t i = 0; i < schema_count; i++) {
		snprintf(name, sizeof name, "%s%s%s", schema[i].section, *key ? "." : "", *key ? schema[i].key : "");
		size_t distance = edit_distance(wanted, name);
		if (distance < best) {
			best = distance;
			snprintf(buffer, size, "%s", name);
		}
	}
	for (size_t i = 0; !*buffer && *key && i < schema_count; i++) /* the right key in the wrong section */
		if (strcmp(schema[i].key, key) == 0)
			snprintf(buffer, size, "%s.%s", schema[i].section, key);
	return buffer;
}

/* Is the setting's section, or "section.key", one of the words of `sections`? NULL = all. */
static bool row_wanted(const char *sections, const struct setting *row)
{
	size_t section = strlen(row->section), key = strlen(row->key);
	for (const char *at = sections; at && *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");
		bool same = word >= section && strncmp(at, row->section, section) == 0;
		if (same && (word == section || (word == section + 1 + key && at[section] == '.' &&
		                                 strncmp(at + section + 1, row->key, key) == 0)))
			return true;
		at += word;
	}
	return sections == NULL;
}

int settings_identity(const struct settings *settings, const char *sections, struct strbuf *out, struct err *err)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct setting *row = &schema[i];
		if (!row->affects_result || row->type == SETTING_PATHS || !row_wanted(sections, row))
			continue;
		strbuf_format(out, "%s.%s=", row->section, row->key);
		setting_write(settings, row, out);
		strbuf_add(out, "\n");
	}
	return strbuf_check(out, err);
}

int settings_paths(const struct settings *settings, const char *sections, struct path_list *out, struct err *err)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (schema[i].type != SETTING_PATHS || !row_wanted(sections, &schema[i]))
			continue;
		const struct text_list *list = setting_place(settings, &schema[i]);
		for (size_t k = 0; k < list->count; k++)
			if (path_list_add(out, list->items[k], err) != OK)
				return err->code;
	}
	return OK;
}

/* An entry of a list: behind the last one, or below where the line would be longer than what is read. What would open a
 * comment ("#rain") has no white space in front. */
static void print_entry(struct strbuf *out, size_t *column, bool first, const char *text, size_t length)
{
	const char *between = first ? " " : ", ";
	bool bare = *text == '#' || *text == ';';
	if (*column + strlen(between) + length > SETTINGS_LINE_LIMIT) {
		strbuf_add(out, first || *column == SETTINGS_LINE_LIMIT ? "\n" : ",\n");
		*column = 0;
		between = bare ? " ," : " ";
	}
	size_t gap = strlen(between) - (bare && between[strlen(between) - 1] == ' ');
	strbuf_add_bytes(out, between, gap);
	strbuf_add_bytes(out, text, length);
	*column += gap + length;
}

static void print_list(struct strbuf *out, size_t column, const char *text)
{
	for (bool first = true; *text; first = false) {
		size_t length = strcspn(text, ",");
		print_entry(out, &column, first, text, length);
		text += length;
		text += strspn(text, ", ");
	}
}

static void print_value(const struct settings *settings, const struct setting *row, struct strbuf *out)
{
	struct strbuf value = {0};
	strbuf_add(&value, "");
	setting_write(settings, row, &value);
	strbuf_format(out, "%s =", row->key);
	if (value.failed)
		out->failed = true;
	else if (setting_is_single(row))
		setting_join(out, " ", value.text);
	else
		print_list(out, strlen(row->key) + 2, value.text);
	strbuf_add(out, "\n");
	strbuf_free(&value);
}

static void print_family(const struct text_map *map, const struct setting *row, struct strbuf *out)
{
	for (size_t i = 0; i < map->count; i++) {
		size_t column = strlen(row->key) + strlen(map->names[i]) + 3;
		strbuf_format(out, "%s.%s =", row->key, map->names[i]);
		for (size_t k = 0; k < map->values[i].count; k++)
			print_entry(out, &column, k == 0, map->values[i].items[k], strlen(map->values[i].items[k]));
		strbuf_add(out, "\n");
	}
}

static void print_row(const struct settings *settings, const struct setting *row, bool comments, struct strbuf *out)
{
	if (comments) {
		strbuf_format(out, "# %s", row->help);
		if (row->type == SETTING_INTEGER || row->type == SETTING_REAL)
			strbuf_format(out, " (%.10g..%.10g)", row->low, row->high);
		if (row->choices)
			strbuf_format(out, " (%s)", row->choices);
		strbuf_add(out, "\n");
	}
	if (row->type == SETTING_FAMILY)
		print_family(setting_place(settings, row), row, out);
	else
		print_value(settings, row, out);
}

int settings_print(const struct settings *settings, enum settings_view view, const char *sections, struct strbuf *out,
                   struct err *err)
{
	const char *section = "";
	for (size_t i = 0; i < schema_count; i++) {
		if (!row_wanted(sections, &schema[i]) || (view == SETTINGS_OF_RESULTS && !schema[i].affects_result))
			continue;
		if (strcmp(schema[i].section, section) != 0) {
			strbuf_format(out, "%s[%s]\n", *section ? "\n" : "", schema[i].section);
			section = schema[i].section;
		}
		print_row(settings, &schema[i], view == SETTINGS_COMMENTED, out);
	}
	return strbuf_check(out, err);
}

static void reference_row(const struct setting *row, struct strbuf *out)
{
	strbuf_format(out, "| `%s%s` | %s%s%s | ", row->key, row->type == SETTING_FAMILY ? ".NAME" : "",
	              *row->normal ? "`" : "", *row->normal ? row->normal : "empty", *row->normal ? "`" : "");
	if (row->choices) {
		for (const char *c = row->choices; *c; c++)
			strbuf_add_bytes(out, *c == '|' ? " " : c, 1);
	} else if (row->type == SETTING_INTEGER || row->type == SETTING_REAL) {
		strbuf_format(out, "%.10g … %.10g", row->low, row->high);
	} else {
		static const char *const kinds[] = {[SETTING_BOOL] = "yes, no",       [SETTING_TEXT] = "text",
		                                    [SETTING_WORDS] = "words",        [SETTING_TAGS] = "tags",
		                                    [SETTING_PATHS] = "paths",        [SETTING_NUMBERS] = "numbers, ranges",
		                                    [SETTING_MAP] = "name=value, …", [SETTING_FAMILY] = "tags"};
		strbuf_add(out, kinds[row->type]);
	}
	strbuf_format(out, " | %s%s |\n", row->help, row->affects_result ? "" : " (changes no result)");
}

int settings_reference(struct strbuf *out, struct err *err)
{
	const char *section = "";
	strbuf_add(out, "# Settings\n\nWritten by `moodcast-train config --reference` from the one table in "
	                "src/config/schema.c. A file in configs/ holds only "
	                "what differs from the defaults; `SET=\"section.key=value\"` overrides it. A list may go on in "
	                "indented lines below it.\n");
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema[i].section, section) != 0) {
			section = schema[i].section;
			strbuf_format(out, "\n## [%s]\n\n| key | default | values | what it does |\n|---|---|---|---|\n", section);
		}
		reference_row(&schema[i], out);
	}
	return strbuf_check(out, err);
}
