/*
 * The strict reader around libinih, fed one line at a time: libinih as packaged joins an indented line to the value
 * above without a word, cuts lines at 200 bytes and reads on in their tail, keeps "# x" in a value and lets repeats
 * pass. Here an indented line continues a list openly, and each of the others is refused with its place.
 */
#include "config/config_internal.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 49  /* libinih cuts names here without a word */

struct reader {
	struct settings *settings;
	const char *file;
	size_t line;
	char section[64];
	struct strbuf pending; /* the value that is still being read */
	const struct setting *setting;
	char member[128];
	size_t setting_line;
	struct path_list seen; /* "section.key" already given in this file */
	int status;
	struct err *err;
};

static int reader_place(const struct reader *reader, const char *name, size_t line, char *where, size_t size)
{
	return snprintf(where, size, "%s:%zu: %s", reader->file, line, name);
}

static int unknown_setting(const char *place, const char *section, const char *key, struct err *err)
{
	char near[160];
	if (*schema_nearest(section, key, near, sizeof near))
		return err_set(err, ERR_SETTINGS, "%s: there is no setting %s.%s; did you mean %s?", place, section, key, near);
	return err_set(err, ERR_SETTINGS, "%s: there is no setting %s.%s; `moodcast-train config` lists them all", place,
	               section, key);
}

/* Puts the value read so far into its place. */
static int reader_settle(struct reader *reader)
{
	const struct setting *setting = reader->setting;
	if (!setting)
		return OK;
	char name[256], where[768];
	snprintf(name, sizeof name, "%s.%s%s%s", setting->section, setting->key, *reader->member ? "." : "",
	         reader->member);
	reader_place(reader, name, reader->setting_line, where, sizeof where);
	const char *text = reader->pending.text ? reader->pending.text : "";
	int status = strbuf_check(&reader->pending, reader->err);
	if (status == OK)
		status = *reader->member
		             ? setting_set_member(reader->settings, setting, reader->member, text, where, reader->err)
		             : setting_set(reader->settings, setting, text, where, reader->err);
	strbuf_free(&reader->pending);
	reader->setting = NULL;
	return status;
}

static int refuse_repeat(struct reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->seen.count; i++)
		if (strcmp(reader->seen.items[i], name) == 0)
			return err_set(reader->err, ERR_SETTINGS, "%s:%zu: %s is set twice; leave one of the two", reader->file,
			               reader->line, name);
	return path_list_add(&reader->seen, name, reader->err);
}

/* libinih's callback: 1 = go on. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reader *reader = user;
	char place[600], name[256];
	const char *member = NULL;
	if (!key)
		return 1;
	snprintf(place, sizeof place, "%s:%zu", reader->file, reader->line);
	if (!*section) {
		reader->status = err_set(reader->err, ERR_SETTINGS, "%s: %s stands before the first [section]", place, key);
		return 0;
	}
	if (strlen(key) >= NAME_LIMIT) {
		reader->status =
		    err_set(reader->err, ERR_SETTINGS, "%s: the name %s… is longer than %d bytes", place, key, NAME_LIMIT - 1);
		return 0;
	}
	const struct setting *setting = schema_find(section, key, &member);
	if (!setting) {
		reader->status = unknown_setting(place, section, key, reader->err);
		return 0;
	}
	snprintf(name, sizeof name, "%s.%s", section, key);
	reader->status = refuse_repeat(reader, name);
	reader->setting = setting;
	reader->setting_line = reader->line;
	snprintf(reader->member, sizeof reader->member, "%s", member ? member : "");
	strbuf_add(&reader->pending, value);
	return reader->status == OK;
}

/* Cuts "#…" or ";…" behind white space, as libinih would cut the latter, and white space at the end. The ';' of "a = x;
 * b = y", which separates the members of a family, has none in front. */
static void line_trim(char *line)
{
	for (char *c = line; *c; c++)
		if ((*c == '#' || *c == ';') && (c == line || isspace((unsigned char)c[-1]))) {
			*c = '\0';
			break;
		}
	for (size_t length = strlen(line); length > 0 && isspace((unsigned char)line[length - 1]); length--)
		line[length - 1] = '\0';
}

static int continue_list(struct reader *reader, const char *text)
{
	const struct setting *setting = reader->setting;
	if (!setting || setting_is_single(setting))
		return err_set(reader->err, ERR_SETTINGS,
		               "%s:%zu: an indented line continues a list, and there is none above it", reader->file,
		               reader->line);
	strbuf_add(&reader->pending, ", ");
	strbuf_add(&reader->pending, text);
	return OK;
}

static int section_open(struct reader *reader, const char *line)
{
	size_t length = strlen(line);
	char name[64];
	if (line[length - 1] != ']' || length < 3 || length - 2 >= sizeof name)
		return err_set(reader->err, ERR_SETTINGS, "%s:%zu: \"%s\" is not a [section]", reader->file, reader->line,
		               line);
	snprintf(name, sizeof name, "%.*s", (int)(length - 2), line + 1);
	for (size_t i = 0; i < schema_count; i++)
		if (strcmp(schema[i].section, name) == 0) {
			memcpy(reader->section, name, sizeof name);
			return OK;
		}
	char near[160], place[600];
	snprintf(place, sizeof place, "%s:%zu", reader->file, reader->line);
	schema_nearest(name, "", near, sizeof near);
	return err_set(reader->err, ERR_SETTINGS, "%s: there is no section [%s]%s%s%s", place, name,
	               *near ? "; did you mean [" : "", near, *near ? "]?" : "");
}

static int read_pair(struct reader *reader, const char *line)
{
	struct strbuf document = {0};
	if (*reader->section)
		strbuf_format(&document, "[%s]\n", reader->section);
	strbuf_format(&document, "%s\n", line);
	int status = strbuf_check(&document, reader->err);
	if (status == OK) {
		reader->status = OK;
		int bad = ini_parse_string(document.text, on_pair, reader);
		status = reader->status;
		if (status == OK && bad)
			status = err_set(reader->err, ERR_SETTINGS, "%s:%zu: \"%s\" is not `key = value`", reader->file,
			                 reader->line, line);
	}
	strbuf_free(&document);
	return status;
}

static int read_line(struct reader *reader, char *line)
{
	bool indented = isspace((unsigned char)*line) != 0;
	if (strlen(line) > SETTINGS_LINE_LIMIT)
		return err_set(reader->err, ERR_SETTINGS,
		               "%s:%zu: longer than %d bytes; continue a list on an indented line below", reader->file,
		               reader->line, SETTINGS_LINE_LIMIT);
	line_trim(line);
	const char *text = line;
	while (isspace((unsigned char)*text))
		text++;
	if (!*text)
		return OK;
	if (indented)
		return continue_list(reader, text);
	int status = reader_settle(reader);
	if (status != OK)
		return status;
	return *text == '[' ? section_open(reader, text) : read_pair(reader, text);
}

static int read_file(struct settings *settings, const char *file, struct err *err)
{
	struct reader reader = {.settings = settings, .file = file, .err = err};
	char *text = NULL;
	size_t size = 0;
	int status = file_read(file, 1 << 20, &text, &size, err);
	if (status != OK)
		return status;
	if (strlen(text) != size)
		status = err_set(err, ERR_SETTINGS, "%s: holds a NUL byte; it is not a settings file", file);
	char *line = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
	while (status == OK && line) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		reader.line++;
		status = read_line(&reader, line);
		line = end ? end + 1 : NULL;
	}
	if (status == OK)
		status = reader_settle(&reader);
	strbuf_free(&reader.pending);
	path_list_free(&reader.seen);
	free(text);
	return status;
}

static int override_set(struct settings *settings, const char *override, struct err *err)
{
	char name[192], place[320];
	const char *equals = strchr(override, '='), *member = NULL;
	if (!equals || equals == override || (size_t)(equals - override) >= sizeof name)
		return err_set(err, ERR_SETTINGS, "--set %s: is not section.key=value", override);
	snprintf(name, sizeof name, "%.*s", (int)(equals - override), override);
	char *dot = strchr(name, '.');
	if (!dot)
		return err_set(err, ERR_SETTINGS, "--set %s: is not section.key=value", override);
	snprintf(place, sizeof place, "--set %s", name);
	*dot = '\0';
	const struct setting *setting = schema_find(name, dot + 1, &member);
	if (!setting)
		return unknown_setting("--set", name, dot + 1, err);
	return member ? setting_set_member(settings, setting, member, equals + 1, place, err)
	              : setting_set(settings, setting, equals + 1, place, err);
}

/* What no single row can say. */
static int settings_check(const struct settings *settings, struct err *err)
{
	const struct preprocess_settings *pre = &settings->preprocess;
	if (pre->mean.count != 3)
		return err_set(err, ERR_SETTINGS, "preprocess.mean: three numbers are needed, %zu given", pre->mean.count);
	for (size_t i = 0; i < 3; i++) {
		char *end;
		(void)!strtod(pre->mean.items[i], &end);
		if (end == pre->mean.items[i] || *end)
			return err_set(err, ERR_SETTINGS, "preprocess.mean: \"%s\" is not a number", pre->mean.items[i]);
	}
	if (pre->crop.count == 0)
		return err_set(err, ERR_SETTINGS, "preprocess.crop: empty; name at least one of cascade, box, centre");
	for (size_t i = 0; i < pre->crop.count; i++)
		if (crop_source_find(pre->crop.items[i]) < 0)
			return err_set(err, ERR_SETTINGS, "preprocess.crop: \"%s\" is none of cascade, box, centre",
			               pre->crop.items[i]);
	if (settings->faces.validation + settings->faces.test > 0.9)
		return err_set(err, ERR_SETTINGS, "faces.validation + faces.test: %g leaves too little to train on",
		               settings->faces.validation + settings->faces.test);
	return OK;
}

int settings_load(struct settings **out, const char *file, const char *const *overrides, size_t n_overrides,
                  struct err *err)
{
	struct settings *settings = mem_alloc(1, sizeof *settings, err);
	if (!settings)
		return err->code;
	int status = OK;
	for (size_t i = 0; status == OK && i < schema_count; i++)
		status = setting_set(settings, &schema[i], schema[i].normal, schema[i].key, err);
	if (status == OK && file)
		status = read_file(settings, file, err);
	for (size_t i = 0; status == OK && i < n_overrides; i++)
		status = override_set(settings, overrides[i], err);
	if (status == OK)
		status = settings_check(settings, err);
	if (status != OK) {
		settings_free(settings);
		return status;
	}
	*out = settings;
	return OK;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < schema_count; i++)
		setting_clear(settings, &schema[i]);
	free(settings);
}
