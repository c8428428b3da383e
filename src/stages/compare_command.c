/*
 * Two or more finished runs side by side: the settings and inputs in which they differ, then their figures on held-out
 * people and playlists, then what they cost. A difference from the first run is called larger than noise when its own
 * 95 % interval by the paired bootstrap leaves 0 out, where both runs judged the same held-out people; elsewhere when
 * it exceeds √(h₁² + h₂²), h = half the width of a figure's 95 % interval, as for two independent estimates: over the
 * same playlists that errs on the careful side.
 */
#include "stages/compare_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 16, COLUMN = 26 };

struct compared {
	const char *name;
	struct json *record, *metrics;
	double seconds, peak;
	struct verdicts verdicts;
	bool paired; /* with the first run, over the same people */
	struct interval differences[PAIRED_COUNT];
};

struct figure {
	const char *path, *label; /* path in metrics.json; PATH_95 beside it holds the interval */
	bool less_is_better;
	enum paired_figure paired; /* PAIRED_COUNT: not a figure of people */
};
static const struct figure figures[] = {
    {"emotion.test.balanced_accuracy", "balanced accuracy", false, PAIRED_BALANCED},
    {"emotion.test.accuracy", "accuracy", false, PAIRED_ACCURACY},
    {"emotion.test.macro_f1", "macro F1", false, PAIRED_MACRO_F1},
    {"emotion.test.log_loss", "log loss", true, PAIRED_LOG_LOSS},
    {"emotion.test.calibration_error", "calibration error", true, PAIRED_CALIBRATION},
    {"cascade.test.found", "faces found", false, PAIRED_COUNT},
    {"cascade.test.false_a_picture", "false detections a picture", true, PAIRED_COUNT},
    {"tags.test.mrr", "hidden tags, MRR", false, PAIRED_COUNT},
    {"tags.test.hit10", "hidden tag among ten", false, PAIRED_COUNT},
    {"als.test.ndcg100", "hidden songs, nDCG@100", false, PAIRED_COUNT},
    {"als.test.arena", "Arena score", false, PAIRED_COUNT},
    {"chain.fit", "playlists that fit the face", false, PAIRED_COUNT},
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

static bool larger_than_noise(const struct compared *run, const struct compared *first, const struct figure *figure)
{
	double value = json_number(at_path(run->metrics, figure->path), NAN), half = half_width(run, figure->path);
	double base = json_number(at_path(first->metrics, figure->path), NAN), other = half_width(first, figure->path);
	if (run->paired && figure->paired != PAIRED_COUNT)
		return run->differences[figure->paired].low > 0 || run->differences[figure->paired].high < 0;
	return isfinite(value - base) && isfinite(half + other) && fabs(value - base) > hypot(half, other);
}

/* Columns are counted in letters: "–" and "±" take more bytes than one. */
static void print_padded(const char *text)
{
	int bytes = 0, columns = 0;
	for (; text[bytes]; bytes++)
		columns += ((unsigned char)text[bytes] & 0xC0) != 0x80;
	printf("  %-*s", COLUMN + bytes - columns, text);
}

static const char *verdict_of(const struct compared *run, const struct compared *first, const struct figure *figure)
{
	double value = json_number(at_path(run->metrics, figure->path), NAN);
	double base = json_number(at_path(first->metrics, figure->path), NAN);
	if (run == first || !larger_than_noise(run, first, figure))
		return "";
	return (value > base) != figure->less_is_better ? " better" : " worse";
}

static void print_cell(const struct compared *run, const struct compared *first, const struct figure *figure)
{
	char text[64] = "–";
	double value = json_number(at_path(run->metrics, figure->path), NAN), half = half_width(run, figure->path);
	if (isfinite(half))
		snprintf(text, sizeof text, "%.4g ± %.2g%s", value, half, verdict_of(run, first, figure));
	else if (isfinite(value))
		snprintf(text, sizeof text, "%.4g%s", value, verdict_of(run, first, figure));
	print_padded(text);
}

/* For figures of people, where both runs judged the same ones. */
static void print_differences(const struct compared *runs, size_t count)
{
	bool any = false;
	for (size_t r = 1; r < count; r++)
		any = any || runs[r].paired;
	if (!any)
		return;
	printf("\ndifferences from %s, 95 %% (each draw takes the same of the %zu held-out people for both)\n%-28s",
	       runs[0].name, runs[0].verdicts.people.count, "");
	for (size_t r = 1; r < count; r++)
		printf("  %-*s", COLUMN, runs[r].name);
	for (size_t f = 0; f < ARRAY_COUNT(figures); f++) {
		if (figures[f].paired == PAIRED_COUNT)
			continue;
		printf("\n%-28s", figures[f].label);
		for (size_t r = 1; r < count; r++) {
			const struct interval *difference = &runs[r].differences[figures[f].paired];
			char text[64] = "–";
			if (runs[r].paired)
				snprintf(text, sizeof text, "%+.3f (%+.3f … %+.3f)", difference->value, difference->low,
				         difference->high);
			print_padded(text);
		}
	}
	printf("\n");
}

static void print_figures(const struct compared *runs, size_t count)
{
	printf("\nheld-out figures (± half the 95 %% interval; better, worse: further from %s than noise explains)\n",
	       runs[0].name);
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
static bool first_mention(const struct compared *runs, size_t run, const struct json *stages, size_t stage,
                          const char *line, size_t length)
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
		status =
		    err_set(err, ERR_SETTINGS, "%s: holds no finished run; `make run EXP=%s` makes one", folder, run->name);
	if (status == OK)
		status = json_load_file(&run->record, record, err);
	if (status == OK)
		status = json_load_file(&run->metrics, metrics, err);
	if (status == OK)
		status = load_cost(run, folder, err);
	if (status == OK)
		status = verdicts_load(&run->verdicts, folder, err);
	free(metrics);
	free(record);
	return status;
}

static const char *faces_id(const struct compared *run)
{
	return json_text(json_get(json_get(json_get(run->record, "stages"), "faces"), "id"), "");
}

static int pair_runs(struct compared *runs, size_t count, struct err *err)
{
	int status = OK;
	for (size_t r = 1; status == OK && r < count; r++) {
		runs[r].paired =
		    verdicts_pair(&runs[0].verdicts, &runs[r].verdicts, strcmp(faces_id(&runs[0]), faces_id(&runs[r])) == 0);
		if (runs[r].paired)
			status = verdicts_differ(&runs[0].verdicts, &runs[r].verdicts, runs[r].differences, err);
	}
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
	if (status == OK)
		status = pair_runs(runs, (size_t)argc, err);
	if (status == OK) {
		print_settings(runs, (size_t)argc);
		print_figures(runs, (size_t)argc);
		print_differences(runs, (size_t)argc);
	}
	for (int i = 0; i < argc; i++) {
		json_free(runs[i].record);
		json_free(runs[i].metrics);
		verdicts_free(&runs[i].verdicts);
	}
	return status;
}
