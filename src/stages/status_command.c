/*
 * What a run would do and why: a plan beside the record of the last finished run. A stage is to do when its folder has
 * no `done`; the reason is the difference between the two lists of what its identity is made of (src/stages/plan.c).
 */
#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

struct run_state {
	const struct json *now, *last; /* "stages" of the plan and of the last run; last may be NULL */
	const char *store;
};

enum stage_state { STAGE_NOT_BEGUN, STAGE_BEGUN, STAGE_DONE };

static int stage_look(const struct run_state *state, const char *name, enum stage_state *out, struct err *err)
{
	const char *id = json_text(json_get(json_get(state->now, name), "id"), "");
	char *folder = mem_format(err, "%s/%s-%s", state->store, name, id);
	char *done = folder ? path_join(folder, "done", err) : NULL;
	if (done)
		*out = path_exists(done) ? STAGE_DONE : path_exists(folder) ? STAGE_BEGUN : STAGE_NOT_BEGUN;
	free(folder);
	free(done);
	return done ? OK : err->code;
}

/* Length of what a line is about: "als.factors=", "input faces.zip ", "reads tags ", "als 1" (a stage's version) up to
 * the blank; all of an input whose contents follow from another line: "input @sample/faces.zip", "input init". */
static size_t subject(const char *line)
{
	if (strncmp(line, "input @", 7) == 0 || strcmp(line, "input init") == 0)
		return strlen(line);
	const char *equals = strchr(line, '='), *blank = strrchr(line, ' ');
	if (strncmp(line, "input ", 6) != 0 && strncmp(line, "reads ", 6) != 0 && equals)
		return (size_t)(equals - line) + 1;
	return blank ? (size_t)(blank - line) + 1 : strlen(line);
}

static const char *same_subject(const struct json *lines, const char *line)
{
	size_t length = subject(line);
	for (size_t i = 0; i < json_count(lines); i++) {
		const char *other = json_text(json_at(lines, i), "");
		if (subject(other) == length && strncmp(other, line, length) == 0)
			return other + length;
	}
	return NULL;
}

/* Without the mark that ends it. */
static int subject_name(const char *line)
{
	size_t length = subject(line);
	return (int)(line[length] != '\0' || line[length - 1] == '=' ? length - 1 : length);
}

static void say_change(struct strbuf *out, const char *line, const char *before)
{
	size_t length = subject(line);
	const char *mark = out->length ? ", " : "";
	if (strncmp(line, "reads ", 6) == 0)
		strbuf_format(out, "%sreads another %.*s", mark, subject_name(line) - 6, line + 6);
	else if (strncmp(line, "input ", 6) == 0)
		strbuf_format(out, "%s%.*s %s", mark, subject_name(line) - 6, line + 6, before ? "has changed" : "is new");
	else if (line[length - 1] == '=')
		strbuf_format(out, "%s%.*s: %s%s%s%s", mark, subject_name(line), line, line + length,
		              before ? " (was " : " (new)", before ? before : "", before ? ")" : "");
	else
		strbuf_format(out, "%sthe program's version of it: %s (was %s)", mark, line + length, before ? before : "none");
}

static void say_reasons(struct strbuf *out, const struct json *stage, const struct json *before)
{
	const struct json *lines = json_get(stage, "identity"), *old = json_get(before, "identity");
	for (size_t i = 0; i < json_count(lines); i++) {
		const char *line = json_text(json_at(lines, i), ""), *was = same_subject(old, line);
		if (!was || strcmp(was, line + subject(line)) != 0)
			say_change(out, line, was);
	}
	for (size_t i = 0; i < json_count(old); i++) {
		const char *line = json_text(json_at(old, i), "");
		if (!same_subject(lines, line))
			strbuf_format(out, "%s%.*s is gone", out->length ? ", " : "", subject_name(line), line);
	}
}

static int print_stage(const struct run_state *state, const char *name, struct err *err)
{
	const struct json *stage = json_get(state->now, name), *before = json_get(state->last, name);
	struct strbuf why = {0};
	enum stage_state found = STAGE_NOT_BEGUN;

	if (stage_look(state, name, &found, err) != OK)
		return err->code;
	bool done = found == STAGE_DONE;
	if (!done && before)
		say_reasons(&why, stage, before);
	if (!done && why.length == 0)
		strbuf_add(&why, before ? "its results are not there" : "has not run yet");
	if (found == STAGE_BEGUN)
		strbuf_add(&why, "; begun, goes on from there");
	int code = strbuf_check(&why, err);
	if (code == OK)
		printf("%-10s %s %s%s%s\n", name, json_text(json_get(stage, "id"), ""), done ? "done" : "to do",
		       done ? "" : ": ", why.text ? why.text : "");
	strbuf_free(&why);
	return code;
}

/* All stages above the one named must be done. */
static int check_from(const struct run_state *state, const char *from, struct err *err)
{
	enum stage_state found = STAGE_NOT_BEGUN;
	if (!json_get(state->now, from))
		return err_set(err, ERR_SETTINGS, "FROM=%s: is no stage of this experiment; `make status` lists them", from);
	for (size_t i = 0; strcmp(json_key(state->now, i), from) != 0; i++) {
		const char *name = json_key(state->now, i);
		if (stage_look(state, name, &found, err) != OK)
			return err->code;
		if (found != STAGE_DONE)
			return err_set(err, ERR_SETTINGS,
			               "FROM=%s: %s stands before it and is to do; run without FROM, or see `make status`", from,
			               name);
	}
	return OK;
}

static int with_plan(const struct stage_options *options, struct err *err)
{
	struct json *plan = NULL, *last = NULL;
	const char *before = options->n_words > 1 ? options->words[1] : NULL;
	int status = json_load_file(&plan, options->words[0], err);
	if (status == OK && before && path_exists(before))
		status = json_load_file(&last, before, err);
	struct run_state states = {json_get(plan, "stages"), json_get(last, "stages"), options->store};
	if (status == OK && options->exp)
		status = check_from(&states, options->exp, err);
	else
		for (size_t i = 0; status == OK && i < json_count(states.now); i++)
			status = print_stage(&states, json_key(states.now, i), err);
	json_free(last);
	json_free(plan);
	return status;
}

int status_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	int status = stage_options_parse(&options, argc, argv, err);
	if (status != OK)
		return status;
	if (!options.store || options.n_words == 0)
		status = err_set(err, ERR_SETTINGS, "status: --store DIR PLAN.json [LAST.json] are needed");
	else
		status = with_plan(&options, err);
	stage_options_free(&options);
	return status;
}
