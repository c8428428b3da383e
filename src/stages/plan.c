/*
 * The plan of an experiment for make: which stages have something to do, the identity of each, what each reads.
 *
 * identity = sha256(stage, version, the settings of its sections that can change a result, the content hashes of its
 * input files, the identities of the stages it reads), 16 hexadecimal digits of it.
 */
#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#define ID_DIGITS 16
#define MAX_UPSTREAM 16

struct planned {
	const struct stage *stage;
	const char *manifest_up; /* "a,b" as make gave it */
	bool active;
	size_t up[MAX_UPSTREAM], n_up;
	char id[ID_DIGITS + 1];
	struct strbuf identity; /* what the id is the hash of */
};

struct plan {
	const struct settings *settings;
	const char *cache;
	struct planned *stages;
	size_t count;
};

static struct planned *plan_find(struct plan *plan, const char *name, size_t length)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strlen(plan->stages[i].stage->name) == length && strncmp(plan->stages[i].stage->name, name, length) == 0)
			return &plan->stages[i];
	return NULL;
}

static int read_manifest(struct plan *plan, const struct stage_options *options, struct err *err)
{
	for (size_t i = 0; i < options->n_words; i++) {
		char name[64];
		const char *word = options->words[i], *colon = strchr(word, ':');
		snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - word) : (int)strlen(word), word);
		const struct stage *stage = stage_find(name);
		if (!stage)
			return err_set(err, ERR_SETTINGS, "pipeline/stages.mk: there is no stage %s in moodcast-train", name);
		plan->stages[plan->count++] = (struct planned){.stage = stage, .manifest_up = colon ? colon + 1 : "",
		                                               .active = !stage->active || stage->active(plan->settings)};
	}
	return OK;
}

static int add_upstream(struct plan *plan, struct planned *planned, const char *name, size_t length, struct err *err)
{
	struct planned *up = plan_find(plan, name, length);
	if (!up || up >= planned)
		return err_set(err, ERR_SETTINGS, "pipeline/stages.mk: %s reads %.*s, which does not stand above it",
		               planned->stage->name, (int)length, name);
	bool used = up->active && (!planned->stage->uses || planned->stage->uses(plan->settings, up->stage->name));
	size_t at = (size_t)(up - plan->stages);
	for (size_t i = 0; i < planned->n_up; i++)
		used = used && planned->up[i] != at;
	if (used && planned->n_up < MAX_UPSTREAM)
		planned->up[planned->n_up++] = at;
	return OK;
}

/* Upstream stages of the manifest, and those whose files an input setting names as @STAGE/FILE. */
static int link_stage(struct plan *plan, struct planned *planned, const struct path_list *paths, struct err *err)
{
	int status = OK;
	for (const char *at = planned->manifest_up; status == OK && *at; at += strspn(at, ",")) {
		size_t length = strcspn(at, ",");
		status = add_upstream(plan, planned, at, length, err);
		at += length;
	}
	for (size_t i = 0; status == OK && i < paths->count; i++)
		if (paths->items[i][0] == '@')
			status = add_upstream(plan, planned, paths->items[i] + 1, strcspn(paths->items[i] + 1, "/"), err);
	return status;
}

static int add_inputs(const struct plan *plan, const struct path_list *paths, struct strbuf *text, struct err *err)
{
	int status = OK;
	for (size_t i = 0; status == OK && i < paths->count; i++) {
		struct path_list files = {0};
		if (paths->items[i][0] == '@' || strcmp(paths->items[i], "init") == 0) {
			strbuf_format(text, "input %s\n", paths->items[i]);
			continue;
		}
		status = path_expand(&files, paths->items[i], err);
		if (status == ERR_IO)
			(void)err_set(err, ERR_IO,
			              "%s: no such file or folder; data/README.md says how to get the data and where to put them",
			              paths->items[i]);
		for (size_t k = 0; status == OK && k < files.count; k++) {
			char hex[SHA256_HEX];
			status = input_hash(files.items[k], plan->cache, hex, err);
			/* The name counts too: members are known by it in the results. */
			strbuf_format(text, "input %s %s\n", path_name(files.items[k]), hex);
		}
		path_list_free(&files);
	}
	return status;
}

static int identify(struct plan *plan, struct planned *planned, struct err *err)
{
	struct strbuf *text = &planned->identity;
	struct path_list paths = {0};
	char hex[SHA256_HEX];
	strbuf_format(text, "%s %d\n", planned->stage->name, planned->stage->version);
	int status = settings_paths(plan->settings, planned->stage->sections, &paths, err);
	if (status == OK)
		status = link_stage(plan, planned, &paths, err);
	if (status == OK)
		status = settings_identity(plan->settings, planned->stage->sections, text, err);
	if (status == OK)
		status = add_inputs(plan, &paths, text, err);
	for (size_t i = 0; status == OK && i < planned->n_up; i++)
		strbuf_format(text, "reads %s %s\n", plan->stages[planned->up[i]].stage->name, plan->stages[planned->up[i]].id);
	if (status == OK)
		status = strbuf_check(text, err);
	if (status == OK) {
		sha256_bytes(text->text, text->length, hex);
		memcpy(planned->id, hex, ID_DIGITS);
	}
	path_list_free(&paths);
	return status == OK ? OK : err_wrap(err, "%s", planned->stage->name);
}

/* Drawn data are made only for experiments that ask for them. */
static int drop_unread_sample(struct plan *plan, struct err *err)
{
	struct path_list paths = {0};
	int status = settings_paths(plan->settings, NULL, &paths, err);
	bool wanted = false;
	for (size_t i = 0; i < paths.count; i++)
		wanted = wanted || strncmp(paths.items[i], "@sample/", 8) == 0;
	struct planned *sample = plan_find(plan, "sample", 6);
	if (sample)
		sample->active = wanted;
	path_list_free(&paths);
	return status;
}

static void plan_write(const struct plan *plan, struct strbuf *out)
{
	strbuf_add(out,
	           "# Written by `moodcast-train plan`; what a stage's identity is made of: src/stages/plan.c.\nPLAN :=");
	for (size_t i = 0; i < plan->count; i++)
		if (plan->stages[i].active)
			strbuf_format(out, " %s", plan->stages[i].stage->name);
	strbuf_add(out, "\n");
	for (size_t i = 0; i < plan->count; i++) {
		const struct planned *planned = &plan->stages[i];
		if (!planned->active)
			continue;
		strbuf_format(out, "ID_%s := %s\nUP_%s :=", planned->stage->name, planned->id, planned->stage->name);
		for (size_t k = 0; k < planned->n_up; k++)
			strbuf_format(out, " %s", plan->stages[planned->up[k]].stage->name);
		strbuf_add(out, "\n");
	}
}

static int add_lines(struct json *array, const char *text, struct err *err)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		char *line = mem_format(err, "%.*s", (int)strcspn(text, "\n"), text);
		if (!line)
			return err->code;
		json_append_text(array, line);
		free(line);
	}
	return OK;
}

/* PLAN.mk's fellow for programs, PLAN.json: of each stage what its identity is made of. */
static int record_write(const struct plan *plan, const struct stage_options *options, struct err *err)
{
	struct json *root = json_object_new(), *overrides = json_set_array(root, "overrides"),
	            *stages = json_set_object(root, "stages");
	size_t stem = strlen(options->out);
	for (size_t i = 0; i < options->n_overrides; i++)
		json_append_text(overrides, options->overrides[i]);
	int status = OK;
	for (size_t i = 0; status == OK && i < plan->count; i++) {
		const struct planned *planned = &plan->stages[i];
		if (!planned->active)
			continue;
		struct json *stage = json_set_object(stages, planned->stage->name), *reads = json_set_array(stage, "reads");
		json_set_text(stage, "id", planned->id);
		for (size_t k = 0; k < planned->n_up; k++)
			json_append_text(reads, plan->stages[planned->up[k]].stage->name);
		status = add_lines(json_set_array(stage, "identity"), planned->identity.text, err);
	}
	if (stem > 3 && strcmp(options->out + stem - 3, ".mk") == 0)
		stem -= 3;
	char *path = status == OK ? mem_format(err, "%.*s.json", (int)stem, options->out) : NULL;
	if (status == OK)
		status = path ? json_save(root, path, err) : err->code;
	free(path);
	json_free(root);
	return status;
}

/* make includes the file: it must keep its time when nothing changed, or make would start again for ever. */
static int write_if_changed(const char *path, const struct strbuf *text, struct err *err)
{
	char *old = NULL;
	size_t size = 0;
	struct err absent = {0};
	bool same = file_read(path, 1 << 20, &old, &size, &absent) == OK && size == text->length &&
	            memcmp(old, text->text, size) == 0;
	free(old);
	return same ? OK : file_write(path, text->text, text->length, err);
}

static int plan_make(struct plan *plan, const struct stage_options *options, struct err *err)
{
	int status = read_manifest(plan, options, err);
	if (status == OK)
		status = drop_unread_sample(plan, err);
	for (size_t i = 0; status == OK && i < plan->count; i++)
		if (plan->stages[i].active)
			status = identify(plan, &plan->stages[i], err);
	struct strbuf text = {0};
	plan_write(plan, &text);
	if (status == OK)
		status = strbuf_check(&text, err);
	if (status == OK)
		status = record_write(plan, options, err);
	if (status == OK)
		status = write_if_changed(options->out, &text, err);
	strbuf_free(&text);
	return status;
}

int plan_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	struct settings *settings = NULL;
	int status = stage_options_parse(&options, argc, argv, err);
	if (status != OK)
		return status;
	if (!options.out || !options.store || !options.config)
		status = err_set(err, ERR_SETTINGS, "plan: --config FILE --store DIR --out PLAN.mk are needed");
	if (status == OK)
		status = settings_load(&settings, options.config, options.overrides, options.n_overrides, err);
	if (status == OK)
		status = folder_make(options.store, err);
	struct plan plan = {.settings = settings};
	char *cache = status == OK ? path_join(options.store, "inputs.tsv", err) : NULL;
	plan.cache = cache;
	if (status == OK)
		plan.stages = mem_alloc(options.n_words + 1, sizeof *plan.stages, err);
	if (status == OK)
		status = cache && plan.stages ? plan_make(&plan, &options, err) : err->code;
	for (size_t i = 0; i < plan.count; i++)
		strbuf_free(&plan.stages[i].identity);
	free(plan.stages);
	free(cache);
	settings_free(settings);
	stage_options_free(&options);
	return status;
}
