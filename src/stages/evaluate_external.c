/*
 * evaluate.external: the finished model on another data set.
 *
 * Its pictures go through the stages faces and features themselves, in a folder of their own and under the settings of
 * this experiment, then through the code that judges the held-out people: so nothing can be done otherwise. Only what
 * chooses among the experiment's own pictures (people, lights, …) does not hold there, all of it is held out, and where
 * the face stands in such pictures may be said apart: that belongs to a data set, everything else to the model.
 */
#include "base/comm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/evaluate_internal.h"

#define WORK "external.part"

struct external {
	struct stage_run *run;
	struct settings settings;   /* the run's, shallow, with another input */
	struct path_list classes;   /* the model's */
	struct text_map map;        /* names and lists borrowed, the two arrays owned */
	struct stage_input *inputs; /* the run's, with faces in the work folder */
	char *folder;
	struct json *faces, *features; /* what the two stages said */
};

static void external_free(struct external *external)
{
	path_list_free(&external->classes);
	free(external->map.names);
	free(external->map.values);
	free(external->inputs);
	free(external->folder);
	json_free(external->faces);
	json_free(external->features);
}

/* ---- whose classes are whose ---- */

static bool has_class(const struct external *external, const char *name)
{
	for (size_t i = 0; i < external->classes.count; i++)
		if (strcmp(external->classes.items[i], name) == 0)
			return true;
	return false;
}

static int refuse_class(const struct external *external, const char *theirs, const char *ours, struct err *err)
{
	struct strbuf known = {0};
	for (size_t i = 0; i < external->classes.count; i++)
		strbuf_format(&known, "%s%s", i ? ", " : "", external->classes.items[i]);
	if (strbuf_check(&known, err) == OK)
		(void)err_set(err, ERR_SETTINGS, "evaluate.external_classes: %s=%s: the model has no class '%s'; it has %s",
		              theirs, ours, ours, known.text);
	strbuf_free(&known);
	return err->code;
}

static void map_add(struct text_map *map, char *theirs, const struct text_list *ours)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->names[i], theirs) == 0)
			return;
	map->names[map->count] = theirs;
	map->values[map->count++] = *ours;
}

/* What the setting says; without it, what faces.classes says of the experiment's own pictures, and each class of the
 * model by its own name. */
static int make_map(struct external *external, struct err *err)
{
	const struct text_map *given = &external->run->settings->evaluate.external_classes;
	const struct text_map *own = &external->run->settings->faces.classes;
	size_t room = given->count + own->count + external->classes.count;
	struct text_map *map = &external->map;

	map->count = 0;
	map->names = mem_alloc(room, sizeof(*map->names), err);
	map->values = map->names ? mem_alloc(room, sizeof(*map->values), err) : NULL;
	if (!map->values)
		return err->code;
	for (size_t i = 0; i < given->count; i++) {
		const char *ours = given->values[i].count ? given->values[i].items[0] : "";
		if (!has_class(external, ours))
			return refuse_class(external, given->names[i], ours, err);
		map_add(map, given->names[i], &given->values[i]);
	}
	for (size_t i = 0; !given->count && i < own->count; i++)
		if (own->values[i].count && has_class(external, own->values[i].items[0]))
			map_add(map, own->names[i], &own->values[i]);
	for (size_t i = 0; !given->count && i < external->classes.count; i++)
		map_add(map, external->classes.items[i], &(struct text_list){&external->classes.items[i], 1});
	return OK;
}

static int read_classes(struct external *external, struct err *err)
{
	struct hdf_file *file = NULL;
	char *path = stage_in_path(external->run, "emotion", "emotion.h5", err);
	int code = path ? hdf_open(&file, path, err) : err->code;

	if (code == OK)
		code = hdf_attr_texts(file, "/", "moodcast_classes", &external->classes, err);
	hdf_close(file);
	free(path);
	return code;
}

/* ---- through the two stages ---- */

static void take_settings(struct external *external)
{
	struct settings *settings = &external->settings;

	*settings = *external->run->settings;
	settings->faces.input = settings->evaluate.external;
	settings->faces.classes = external->map;
	settings->faces.layout = LAYOUT_AUTO;
	settings->faces.accessories = settings->faces.lights = settings->faces.expressions = settings->faces.cameras = 0;
	settings->faces.persons = settings->faces.persons_file = (struct text_list){0};
	settings->faces.people = settings->faces.per_person_class = 0;
	settings->faces.people_share = 1;
	settings->augment.copies = 0;
	if (settings->evaluate.external_crop.count)
		settings->preprocess.crop = settings->evaluate.external_crop;
	if (settings->evaluate.external_centre > 0) {
		settings->preprocess.centre = settings->evaluate.external_centre;
		settings->preprocess.centre_down = 0;
	}
}

static int take_inputs(struct external *external, struct err *err)
{
	const struct stage_run *run = external->run;

	external->folder = stage_out_path(run, WORK, err);
	external->inputs = external->folder ? mem_alloc(run->n_inputs, sizeof(*external->inputs), err) : NULL;
	for (size_t i = 0; external->inputs && i < run->n_inputs; i++) {
		external->inputs[i] = run->inputs[i];
		if (strcmp(run->inputs[i].stage, "faces") == 0)
			external->inputs[i].folder = external->folder;
	}
	return external->inputs ? folder_make(external->folder, err) : err->code;
}

static int run_stages(struct external *external, struct err *err)
{
	struct stage_run run = {.settings = &external->settings,
	                        .out = external->folder,
	                        .inputs = external->inputs,
	                        .n_inputs = external->run->n_inputs,
	                        .threads = external->run->threads};
	int code;

	run.metrics = external->faces = json_object_new();
	external->features = json_object_new();
	if (!external->faces || !external->features)
		return err_set(err, ERR_MEMORY, "no memory for metrics");
	code = faces_build(&run, &external->classes, err);
	if (code == OK)
		code = comm_barrier(err);
	run.metrics = external->features;
	if (code == OK)
		code = stage_features(&run, err);
	return code == OK ? comm_barrier(err) : code;
}

/* An attribute of a features.h5; the preprocessing object without where the face stands. */
static int read_attribute(const struct hdf_file *file, const char *path, const char *name, char **out, struct err *err)
{
	struct preprocess preprocess;
	char *text = NULL;
	int code = hdf_attr_text(file, "/", name, &text, err);

	if (code == OK && strcmp(name, "preprocess") != 0) {
		*out = text;
		return OK;
	}
	if (code == OK)
		code = preprocess_parse(&preprocess, text, path, err);
	if (code == OK) {
		preprocess.n_crop = 1;
		preprocess.crop[0] = CROP_CENTRE;
		preprocess.centre = 1;
		preprocess.centre_down = 0;
		preprocess.frame_width = preprocess.frame_height = 0; /* the stage faces has taken care of it */
		code = preprocess_print(&preprocess, out, err);
	}
	free(text);
	return code;
}

/* The pictures must have come to their features as those that the head was trained on. */
static int check_alike(const struct external *external, const char *path, struct err *err)
{
	static const char *const names[] = {"preprocess", "cut", "weights_sha256", "precision"};
	struct hdf_file *here = NULL, *there = NULL;
	char *own = stage_in_path(external->run, "features", "features.h5", err);
	int code = own ? hdf_open(&here, path, err) : err->code;

	if (code == OK)
		code = hdf_open(&there, own, err);
	for (size_t i = 0; code == OK && i < ARRAY_COUNT(names); i++) {
		char *a = NULL, *b = NULL;
		code = read_attribute(here, path, names[i], &a, err);
		if (code == OK)
			code = read_attribute(there, own, names[i], &b, err);
		if (code == OK && strcmp(a, b) != 0)
			code = err_set(err, ERR_SETTINGS,
			               "%s was made with another '%s' than the settings say; run the stage features again", own,
			               names[i]);
		free(a);
		free(b);
	}
	hdf_close(here);
	hdf_close(there);
	free(own);
	return code;
}

/* ---- what is said of it ---- */

static void say_left_out(const struct json *left_out)
{
	struct strbuf text = {0};
	int64_t pictures = 0;

	for (size_t i = 0; i < json_count(left_out); i++) {
		const char *name = json_key(left_out, i);
		int64_t count = json_integer_value(json_get(left_out, name), 0);
		pictures += count;
		strbuf_format(&text, "%s%s %lld", i ? ", " : "", name, (long long)count);
	}
	if (pictures && !text.failed)
		log_warn("evaluate", "external: %lld pictures are left out, for no class of the model stands for theirs: %s",
		         (long long)pictures, text.text);
	strbuf_free(&text);
}

/* Beside the figures: which files, whose class was taken for which, and what the two stages said. */
static void record(struct external *external, struct json *object)
{
	const struct text_list *inputs = &external->settings.faces.input;
	struct json *list = json_set_array(object, "inputs"), *classes;

	for (size_t i = 0; i < inputs->count; i++)
		json_append_text(list, path_name(inputs->items[i]));
	classes = json_set_object(object, "class_map");
	for (size_t i = 0; i < external->map.count; i++)
		json_set_text(classes, external->map.names[i], external->map.values[i].items[0]);
	say_left_out(json_get(external->faces, "left_out"));
	json_set(object, "faces", external->faces);
	json_set(object, "features", external->features);
	external->faces = external->features = NULL;
}

/* The pictures themselves are not kept: that they were judged is enough. */
static int tidy(const struct external *external, struct err *err)
{
	struct path_list files = {0};
	char *from = path_join(external->folder, "skipped.tsv", err);
	char *to = from ? stage_out_path(external->run, "external_skipped.tsv", err) : NULL;
	int code = !to ? err->code : rename(from, to) == 0 ? OK : err_errno(err, "%s: cannot be renamed", from);

	free(from);
	free(to);
	if (code == OK)
		code = folder_walk(&files, external->folder, err);
	for (size_t i = 0; code == OK && i < files.count; i++)
		code = unlink(files.items[i]) == 0 ? OK : err_errno(err, "%s: cannot be removed", files.items[i]);
	path_list_free(&files);
	if (code == OK && rmdir(external->folder) != 0)
		code = err_errno(err, "%s: cannot be removed", external->folder);
	return code;
}

/* Data sets overlap: what was trained on tells nothing. */
static int record_trained_on(const struct external *external, struct json *object, struct err *err)
{
	size_t count;
	char *path;
	int code;

	if (external->run->settings->evaluate.leaks == LEAKS_IGNORE || !comm_publishes())
		return OK;
	path = path_join(external->folder, "faces.h5", err);
	code = path ? evaluate_trained_on(external->run, path, &count, err) : err->code;
	if (code == OK)
		json_set_integer(object, "trained_on", (int64_t)count);
	free(path);
	return code;
}

static int judge(struct external *external, struct err *err)
{
	struct judged_faces faces = {0};
	struct faces_source source = {.name = "external", .predictions = "external_predictions.tsv"};
	char *path = path_join(external->folder, "features.h5", err);
	int code = path ? check_alike(external, path, err) : err->code;

	source.path = path;
	if (code == OK)
		code = evaluate_faces(external->run, &source, &faces, err);
	if (code == OK) {
		struct json *object = json_get(json_get(external->run->metrics, "emotion"), "external");
		record(external, object);
		code = record_trained_on(external, object, err);
	}
	if (code == OK)
		code = comm_barrier(err);
	if (code == OK && comm_publishes())
		code = tidy(external, err);
	judged_faces_free(&faces);
	free(path);
	return code;
}

int evaluate_external(struct stage_run *run, struct err *err)
{
	struct external external = {.run = run};
	int code;

	if (!run->settings->evaluate.external.count)
		return OK;
	if (!evaluate_given(run, "faces") || !evaluate_given(run, "features") || !evaluate_given(run, "emotion"))
		return err_set(err, ERR_SETTINGS,
		               "evaluate.external: there is no expression model that could be judged; it wants "
		               "the stages faces, features and emotion (faces.input)");
	code = read_classes(&external, err);
	if (code == OK)
		code = make_map(&external, err);
	if (code == OK) {
		take_settings(&external);
		code = take_inputs(&external, err);
	}
	if (code == OK)
		code = run_stages(&external, err);
	if (code == OK)
		code = judge(&external, err);
	external_free(&external);
	return code == OK ? OK : err_wrap(err, "evaluate.external");
}
