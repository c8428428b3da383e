/*
 * Two or more finished runs side by side: the settings and inputs in which they differ, then their figures on held-out people and
 * playlists, then what they cost. A difference from the first run is called larger than noise when it exceeds
 * √(h₁² + h₂²), h = half the width of a figure's 95 % interval: as for two independent estimates. Runs over the same
 * held-out people are not independent, so the rule errs on the careful side.
 */
#include "stages/stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 16, COLUMN = 24 };

struct compared {
	const char *name;
	struct json *record, *metrics;
	double seconds, peak;
};

struct figure {
	const char *path, *label; /* path in metrics.json; PATH_95 beside it holds the interval */
	bool less_is_better;
};
static const struct figure figures[] = {
    {"emotion.test.balanced_accuracy", "balanced accuracy", false},
    {"emotion.test.accuracy", "accuracy", false},
    {"emotion.test.macro_f1", "macro F1", false},
    {"emotion.test.log_loss", "log loss", true},
    {"emotion.test.calibration_error", "calibration error", true},
    {"cascade.test.found", "faces found", false},
    {"cascade.test.false_a_picture", "false detections a picture", true},
    {"tags.test.mrr", "hidden tags, MRR", false},
    {"tags.test.hit10", "hidden tag among ten", false},
    {"als.test.ndcg100", "hidden songs, nDCG@100", false},
    {"als.test.arena", "Arena score", false},
    {"chain.fit", "playlists that fit the face", false},
};

static const struct json *at_path(const struct json *value, const char *path)
{
	char key[64];
	for (; value && *path; path += strcspn(path, "."), path += *path == '.') {
		snprintf(key, sizeof key, "%.*s", (int)strcspn(path, "."), path);
		value = json_get(value, key);
	}
	return value;
}

/* Half the width of the 95 % interval; NAN without one. */
static double half_width(const struct compared *run, const char *path)
{
	char name[96];
	snprintf(name, sizeof name, "%s_95", path);
	const struct json *interval = at_path(run->metrics, name);
	return (json_number(json_at(interval, 1), NAN) - json_number(json_at(interval, 0), NAN)) / 2;
}

static void print_cell(const struct compared *run, const struct compared *first, const struct figure *figure)
{
	char text[64] = "–";
	double value = json_number(at_path(run->metrics, figure->path), NAN), half = half_width(run, figure->path);
	double base = json_number(at_path(first->metrics, figure->path), NAN), other = half_width(first, figure->path);
	const char *verdict = "";
	if (run != first && isfinite(value - base) && isfinite(half + other) && fabs(value - base) > hypot(half, other))
		verdict = (value > base) != figure->less_is_better ? " better" : " worse";
	if (isfinite(half))
		snprintf(text, sizeof text, "%.4g ± %.2g%s", value, half, verdict);
	else if (isfinite(value))
		snprintf(text, sizeof text, "%.4g", value);
	int bytes = 0, columns = 0;
	for (; text[bytes]; bytes++)
		columns += ((unsigned char)text[bytes] & 0xC0) != 0x80;
	printf("  %-*s", COLUMN + bytes - columns, text);
}

static void print_figures(const struct compared *runs, size_t count)
{
	printf("\nheld-out figures (± half the 95 %% interval; better, worse: further from %s than noise explains)\n", runs[0].name);
	printf("%-28s", "");
	for (size_t r = 0; r < count; r++)
		printf("  %-*s", COLUMN, runs[r].name);
	for (size_t f = 0; f < ARRAY_COUNT(figures); f++) {
		bool any = false;
		for (size_t r = 0; r < count; r++)
			any = any || isfinite(json_number(at_path(runs[r].metrics, figures[f].path), NAN));
		if (!any)
			continue;
		printf("\n%-28s", figures[f].label);
		for (size_t r = 0; r < count; r++)
			print_cell(&runs[r], &runs[0], &figures[f]);
	}
	printf("\n%-28s", "seconds, all its stages");
	for (size_t r = 0; r < count; r++)
		printf("  %-*.1f", COLUMN, runs[r].seconds);
	printf("\n%-28s", "peak memory, MB");
	for (size_t r = 0; r < count; r++)
		printf("  %-*.0f", COLUMN, runs[r].peak / 1e6);
	printf("\n");
}

/* What a run's stages say of `key` ("als.factors=", "input faces.zip "), NULL when none does. */
static const char *value_of(const struct compared *run, const char *key, size_t length)
{
	const struct json *stages = json_get(run->record, "stages");
	for (size_t s = 0; s < json_count(stages); s++) {
		const struct json *lines = json_get(json_get(stages, json_key(stages, s)), "identity");
		for (size_t i = 0; i < json_count(lines); i++) {
			const char *line = json_text(json_at(lines, i), "");
			if (strncmp(line, key, length) == 0)
				return line + length;
		}
	}
	return NULL;
}

/* Length of the part of an identity's line that names it; 0 for lines that follow from others. */
static size_t key_length(const char *line)
{
	const char *equals = strchr(line, '=');
	if (strncmp(line, "reads ", 6) == 0)
		return 0;
	if (strncmp(line, "input ", 6) == 0)
		return line[6] == '@' ? 0 : (size_t)(strrchr(line, ' ') - line) + 1;
	return equals ? (size_t)(equals - line) + 1 : 0;
}

static bool print_difference(const struct compared *runs, size_t count, const char *line, size_t length)
{
	bool same = true;
	const char *first = value_of(&runs[0], line, length);
	for (size_t r = 1; r < count; r++) {
		const char *other = value_of(&runs[r], line, length);
		same = same && first && other && strcmp(first, other) == 0;
	}
	if (same)
		return false;
	printf("  %.*s:", (int)length - 1, line);
	for (size_t r = 0; r < count; r++) {
		const char *value = value_of(&runs[r], line, length);
		printf("%s %s", r ? " |" : "", value ? value : "–");
	}
	printf("\n");
	return true;
}

/* Is it the first run and stage in which this key stands? Sections are read by several stages. */
static bool first_mention(const struct compared *runs, size_t run, const struct json *stages, size_t stage, const char *line,
                          size_t length)
{
	for (size_t r = 0; r < run; r++)
		if (value_of(&runs[r], line, length))
			return false;
	for (size_t s = 0; s < stage; s++) {
		const struct json *lines = json_get(json_get(stages, json_key(stages, s)), "identity");
		for (size_t i = 0; i < json_count(lines); i++)
			if (strncmp(json_text(json_at(lines, i), ""), line, length) == 0)
				return false;
	}
	return true;
}

static void print_settings(const struct compared *runs, size_t count)
{
	bool any = false;
	printf("settings and inputs that differ:");
	for (size_t r = 0; r < count; r++)
		printf("%s %s", r ? " |" : "", runs[r].name);
	printf("\n");
	for (size_t r = 0; r < count; r++) {
		const struct json *stages = json_get(runs[r].record, "stages");
		for (size_t s = 0; s < json_count(stages); s++) {
			const struct json *lines = json_get(json_get(stages, json_key(stages, s)), "identity");
			for (size_t i = 0; i < json_count(lines); i++) {
				const char *line = json_text(json_at(lines, i), "");
				size_t length = key_length(line);
				if (length && first_mention(runs, r, stages, s, line, length))
					any = print_difference(runs, count, line, length) || any;
			}
		}
	}
	if (!any)
		printf("  none\n");
}

static int load_cost(struct compared *run, const char *folder, struct err *err)
{
	const struct json *stages = json_get(run->record, "stages");
	int status = OK;
	for (size_t s = 0; status == OK && s < json_count(stages); s++) {
		struct json *done = NULL;
		char *path = mem_format(err, "%s/%s/done", folder, json_key(stages, s));
		status = path ? json_load_file(&done, path, err) : err->code;
		run->seconds += json_number(json_get(done, "seconds"), 0);
		run->peak = fmax(run->peak, json_number(json_get(done, "peak_memory_bytes"), 0));
		json_free(done);
		free(path);
	}
	return status;
}

static int load_run(struct compared *run, const char *folder, struct err *err)
{
	run->name = path_name(folder);
	char *record = path_join(folder, "run.json", err), *metrics = path_join(folder, "metrics.json", err);
	int status = record && metrics ? OK : err->code;
	if (status == OK && !path_exists(record))
		status = err_set(err, ERR_SETTINGS, "%s: holds no finished run; `make run EXP=%s` makes one", folder, run->name);
	if (status == OK)
		status = json_load_file(&run->record, record, err);
	if (status == OK)
		status = json_load_file(&run->metrics, metrics, err);
	if (status == OK)
		status = load_cost(run, folder, err);
	free(metrics);
	free(record);
	return status;
}

int compare_command(int argc, char **argv, struct err *err)
{
	struct compared runs[MAX_RUNS] = {0};
	int status = OK;
	if (argc < 2 || argc > MAX_RUNS)
		return err_set(err, ERR_SETTINGS, "compare: takes 2 to %d folders of finished runs, out/A out/B …", MAX_RUNS);
	for (int i = 0; status == OK && i < argc; i++)
		status = load_run(&runs[i], argv[i], err);
	if (status == OK) {
		print_settings(runs, (size_t)argc);
		print_figures(runs, (size_t)argc);
	}
	for (int i = 0; i < argc; i++) {
		json_free(runs[i].record);
		json_free(runs[i].metrics);
	}
	return status;
}
