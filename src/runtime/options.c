#include "runtime/runtime.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_LIST, OPTION_INTEGER, OPTION_NUMBER };

struct option {
	const char *commands; /* words */
	const char *name, *value;
	enum option_kind kind;
	size_t offset;
	double low, high;
	const char *help;
};

#define AT(field) offsetof(struct options, field)
static const struct option option_table[] = {
    {"detect", "--cascade", "FILE", OPTION_TEXT, AT(cascade), 0, 0, "cascade in OpenCV's XML"},
    {"detect analyze recommend info serve watch", "--bundle", "DIR", OPTION_TEXT, AT(bundle), 0, 0,
     "what the stage `pack` wrote"},
    {"detect", "--scale", "X", OPTION_NUMBER, AT(scale), 1.01, 4, "step between window sizes (1.1)"},
    {"detect", "--neighbors", "N", OPTION_INTEGER, AT(neighbors), 0, 1000, "detections that must agree (3)"},
    {"detect", "--min-size", "PIXELS", OPTION_INTEGER, AT(min_size), 0, 100000, "smallest face (30)"},
    {"analyze", "--annotate", "OUT.png", OPTION_TEXT, AT(annotate), 0, 0,
     "the picture with boxes and labels (one picture)"},
    {"recommend", "--label", "LABEL", OPTION_TEXT, AT(label), 0, 0, "an expression class of the bundle"},
    {"recommend", "--scores", "A=P,B=P", OPTION_TEXT, AT(scores), 0, 0, "probabilities of the classes"},
    {"recommend", "--tag", "TAG", OPTION_LIST, AT(tags), 0, 0, "a tag to start from; may be repeated"},
    {"recommend", "--song", "ID", OPTION_LIST, AT(songs), 0, 0, "a song that is liked; may be repeated"},
    {"recommend", "-n", "N", OPTION_INTEGER, AT(count), 1, 1000, "how many songs (10)"},
    {"recommend", "--seed", "N", OPTION_INTEGER, AT(seed), 0, 2147483647, "of the choice among the best (1)"},
    {"recommend", "--history", "FILE", OPTION_TEXT, AT(history), 0, 0,
     "songs not to name again; the new ones are added"},
    {"recommend", "--json", NULL, OPTION_FLAG, AT(json), 0, 0, "one JSON document instead of lines"},
    {"serve", "--listen", "ADDRESS:PORT", OPTION_TEXT, AT(listen), 0, 0,
     "where to listen (127.0.0.1:8080; port 0 = any free one)"},
    {"watch", "--source", "WHAT", OPTION_TEXT, AT(source), 0, 0, "/dev/videoN, FILE, DIR or -"},
    {"watch", "--realtime", NULL, OPTION_FLAG, AT(realtime), 0, 0,
     "a film at its own speed, late pictures dropped (every picture, as fast as it goes)"},
    {"watch", "--frames", "N", OPTION_INTEGER, AT(frames), 1, 2147483647, "end after so many pictures"},
    {"watch", "--json", NULL, OPTION_FLAG, AT(json), 0, 0, "JSON lines also on a terminal"},
    {"serve", "--source", "WHAT", OPTION_TEXT, AT(source), 0, 0, "browser, /dev/videoN, FILE, DIR or - (browser)"},
    {"serve", "--context", "FILE.json", OPTION_TEXT, AT(context), 0, 0,
     "the page's chips: decade, season, activity and their tags (what is built in)"},
    {"serve", "--allow-remote", NULL, OPTION_FLAG, AT(allow_remote), 0, 0,
     "other addresses than loopback; needs --cert and --key"},
    {"serve", "--cert", "FILE", OPTION_TEXT, AT(cert), 0, 0, "TLS certificate (PEM)"},
    {"serve", "--key", "FILE", OPTION_TEXT, AT(key), 0, 0, "TLS private key (PEM)"},
    {"serve", "--no-sandbox", NULL, OPTION_FLAG, AT(no_sandbox), 0, 0,
     "without the filter of system calls (for kernels that have none)"},
    {"detect analyze recommend info serve watch", "--verify", NULL, OPTION_FLAG, AT(verify), 0, 0,
     "check the bundle's sha256 sums first"},
    {"detect analyze recommend info serve watch", "--verify-key", "PUBLIC.pem", OPTION_TEXT, AT(verify_key), 0, 0,
     "only a bundle signed by this Ed25519 key; checks the sums too"},
    {"analyze serve watch", "--threads", "N", OPTION_INTEGER, AT(threads), 0, 1024, "0 = every core (0)"},
    {"detect analyze recommend info serve watch", "--quiet", NULL, OPTION_FLAG, AT(quiet), 0, 0, "warnings only"},
};
#undef AT

/* Is `word` one of the space-separated `words`? */
static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *p = words; (p = strstr(p, word)) != NULL; p += length) {
		if ((p == words || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0'))
			return true;
	}
	return false;
}

static const struct option *option_find(const char *command, const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_COUNT(option_table); i++) {
		const struct option *option = &option_table[i];
		if (has_word(option->commands, command) && strlen(option->name) == length &&
		    memcmp(option->name, name, length) == 0)
			return option;
	}
	return NULL;
}

static int refuse_unknown(const char *command, const char *name, size_t length, struct err *err)
{
	const char *names[ARRAY_COUNT(option_table)];
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_COUNT(option_table); i++)
		if (has_word(option_table[i].commands, command))
			names[count++] = option_table[i].name;
	char word[40];
	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	const char *nearest = nearest_name(word, names, count);
	if (nearest)
		return err_set(err, ERR_SETTINGS, "%s: %.*s is not an option; did you mean %s?", command, (int)length, name,
		               nearest);
	return err_set(err, ERR_SETTINGS, "%s: %.*s is not an option; `moodcast help %s` lists them", command, (int)length,
	               name, command);
}

static int number_of(const struct option *option, const char *text, double *out, struct err *err)
{
	char *end;
	errno = 0;
	double value = option->kind == OPTION_INTEGER ? (double)strtol(text, &end, 10) : strtod(text, &end);
	if (end == text || *end || errno || !isfinite(value))
		return err_set(err, ERR_SETTINGS, "%s %s: not %s", option->name, text,
		               option->kind == OPTION_INTEGER ? "a whole number" : "a number");
	if (value < option->low || value > option->high)
		return err_set(err, ERR_SETTINGS, "%s %s: outside %g..%.10g", option->name, text, option->low, option->high);
	*out = value;
	return OK;
}

static int option_store(struct options *out, const struct option *option, const char *value, struct err *err)
{
	char *field = (char *)out + option->offset;
	double number;
	int code;
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return OK;
	case OPTION_TEXT:
		if (*(const char **)field)
			return err_set(err, ERR_SETTINGS, "%s is given twice", option->name);
		if (!*value)
			return err_set(err, ERR_SETTINGS, "%s: empty", option->name);
		*(const char **)field = value;
		return OK;
	case OPTION_LIST:
		return path_list_add((struct path_list *)field, value, err);
	case OPTION_INTEGER:
		code = number_of(option, value, &number, err);
		if (code == OK)
			*(long *)field = (long)number;
		return code;
	case OPTION_NUMBER:
		code = number_of(option, value, &number, err);
		if (code == OK)
			*(double *)field = number;
		return code;
	}
	return OK;
}

static int parse_all(struct options *out, const char *command, char *const *argv, size_t count, struct err *err)
{
	bool plain = false;
	for (size_t i = 0; i < count; i++) {
		const char *word = argv[i];
		if (plain || word[0] != '-' || word[1] == '\0') {
			if (path_list_add(&out->rest, word, err) != OK)
				return err->code;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			plain = true;
			continue;
		}
		const char *equal = word[1] == '-' ? strchr(word, '=') : NULL;
		size_t length = equal ? (size_t)(equal - word) : strlen(word);
		const struct option *option = option_find(command, word, length);
		if (!option)
			return refuse_unknown(command, word, length, err);
		if (option->kind == OPTION_FLAG && equal)
			return err_set(err, ERR_SETTINGS, "%s takes no value", option->name);
		const char *value = equal ? equal + 1 : NULL;
		if (option->kind != OPTION_FLAG && !value) {
			if (++i == count)
				return err_set(err, ERR_SETTINGS, "%s needs a value: %s", option->name, option->value);
			value = argv[i];
		}
		if (option_store(out, option, value, err) != OK)
			return err->code;
	}
	return OK;
}

int options_parse(struct options *out, const char *command, char *const *argv, size_t count, struct err *err)
{
	struct options options = {.scale = 1.1, .neighbors = 3, .min_size = 30, .count = 10, .seed = 1};
	int code = parse_all(&options, command, argv, count, err);
	if (code != OK) {
		options_free(&options);
		return code;
	}
	*out = options;
	return OK;
}

void options_free(struct options *options)
{
	path_list_free(&options->tags);
	path_list_free(&options->songs);
	path_list_free(&options->rest);
}

void options_help(const struct command_help *command, struct strbuf *out)
{
	strbuf_format(out, "usage: moodcast %s %s\n\n%s\n", command->name, command->usage, command->summary);
	bool first = true;
	for (size_t i = 0; i < ARRAY_COUNT(option_table); i++) {
		const struct option *option = &option_table[i];
		if (!has_word(option->commands, command->name))
			continue;
		char left[64];
		snprintf(left, sizeof(left), "%s%s%s", option->name, option->value ? " " : "",
		         option->value ? option->value : "");
		strbuf_format(out, "%s  %-24s %s\n", first ? "\n" : "", left, option->help);
		first = false;
	}
}
