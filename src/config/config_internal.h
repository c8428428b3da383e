/* Shared by the files of config only: the schema's rows and what is done with one value. */
#ifndef MOODCAST_CONFIG_INTERNAL_H
#define MOODCAST_CONFIG_INTERNAL_H

#include "config/config.h"

#define SETTINGS_LINE_LIMIT 198 /* bytes: libinih's buffer, less its newline and NUL */

enum setting_type {
	SETTING_INTEGER, /* long */
	SETTING_REAL,    /* double */
	SETTING_BOOL,    /* bool: yes | no */
	SETTING_TEXT,    /* char * */
	SETTING_WORDS,   /* struct text_list, split at commas and white space */
	SETTING_TAGS,    /* struct text_list, split at commas only */
	SETTING_PATHS,   /* struct text_list, split at commas only; ${NAME} expanded; not part of an identity */
	SETTING_CHOICE,  /* int: position in `choices` */
	SETTING_NUMBERS, /* number_set: "1, 3-5" */
	SETTING_MAP,     /* struct text_map: "a=b, c=d" */
	SETTING_FAMILY,  /* struct text_map: keys KEY.NAME = list of tags */
};

struct setting {
	const char *section, *key;
	enum setting_type type;
	size_t offset; /* in struct settings */
	const char *normal; /* default, as it would be written */
	double low, high;   /* range of numbers */
	const char *choices; /* "a|b|c" */
	bool affects_result;
	const char *help;
};
extern const struct setting schema[];
extern const size_t schema_count;

/* Parses `text` into the setting's place, replacing what was there. `where` opens messages. */
int setting_set(struct settings *settings, const struct setting *setting, const char *text, const char *where,
                struct err *err) MUST_CHECK;
/* One member of a family. */
int setting_set_member(struct settings *settings, const struct setting *setting, const char *name, const char *text,
                       const char *where, struct err *err) MUST_CHECK;
/* The value as it would be written, in one canonical form. */
void setting_write(const struct settings *settings, const struct setting *setting, struct strbuf *out);
/* No list, which may go on below. */
bool setting_is_single(const struct setting *setting);
/* Both, without the blank at the end of `between` when the text would then read as a comment ("#rain"). */
void setting_join(struct strbuf *out, const char *between, const char *text);
void setting_clear(struct settings *settings, const struct setting *setting);

void *setting_place(const struct settings *settings, const struct setting *setting);
/* Position of `text` among "a|b|c", letter case ignored; −1 when absent. */
int choice_find(const char *choices, const char *text);
/* The i-th of "a|b|c" into a buffer. */
const char *choice_name(const char *choices, int i, char *buffer, size_t size);

/* The schema row of "section.key" (a family also matches section.key.NAME, *member then points at NAME). */
const struct setting *schema_find(const char *section, const char *key, const char **member);
/* "section.key" of the row whose name is nearest in edit distance, "" when none is near. */
const char *schema_nearest(const char *section, const char *key, char *buffer, size_t size);

#endif
