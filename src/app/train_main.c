/* moodcast-train: the offline stages, one subcommand each, from one table. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/comm.h"
#include "stages/stages.h"

static int help_command(int argc, char **argv, struct err *err);

static int version_command(int argc, char **argv, struct err *err)
{
	(void)argv;
	if (argc > 0)
		return err_set(err, ERR_SETTINGS, "version: takes no arguments");
	app_print_version("moodcast-train");
	return OK;
}

static int print_settings(const struct stage_options *options, bool plain, struct err *err)
{
	struct settings *settings = NULL;
	struct strbuf text = {0};
	if (!plain)
		strbuf_format(&text,
		              "# Every setting%s. A file in configs/ needs only those that differ from the defaults.\n\n",
		              options->config || options->n_overrides ? " as it stands here" : " with its default");
	int status = settings_load(&settings, options->config, options->overrides, options->n_overrides, err);
	if (status == OK)
		status = settings_print(settings, plain ? SETTINGS_ALL : SETTINGS_COMMENTED, NULL, &text, err);
	if (status == OK)
		fputs(text.text, stdout);
	strbuf_free(&text);
	settings_free(settings);
	return status;
}

static int config_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	struct strbuf text = {0};
	if (argc == 1 && strcmp(argv[0], "--reference") == 0) {
		int written = settings_reference(&text, err);
		if (written == OK)
			fputs(text.text, stdout);
		strbuf_free(&text);
		return written;
	}
	bool plain = argc > 0 && strcmp(argv[0], "--plain") == 0;
	int status = stage_options_parse(&options, argc - plain, argv + plain, err);
	if (status != OK)
		return status;
	if (options.n_words)
		status = err_set(err, ERR_SETTINGS,
		                 "config: \"%s\" is not an option; there are --plain, --reference, --config, --set",
		                 options.words[0]);
	else
		status = print_settings(&options, plain, err);
	stage_options_free(&options);
	return status;
}

struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv, struct err *err);
};
enum { MAX_STAGES = 32 };
static const struct command commands[] = {
    {"help", "help [STAGE]: this text, or a stage's settings", help_command},
    {"config",
     "config [--plain] [--config FILE] [--set …]: all settings as an example with comments, or without; --reference: "
     "SETTINGS.md",
     config_command},
    {"version", "version, compiler, libraries, BLAS core, CPU", version_command},
    {"network", "network --summary | --forward IN.npy [--weights FILE] [--cut block5_pool] [--reference] --out OUT.npy",
     network_command},
    {"plan", "plan --config FILE --store DIR --out PLAN.mk STAGE[:UP,UP]…: what make has to do", plan_command},
    {"status", "status --store DIR PLAN.json [LAST.json]: what a run would do, and why", status_command},
    {"compare", "compare out/A out/B …: settings, figures and cost of finished runs side by side", compare_command},
    {"verify",
     "verify --exp out/EXP [STAGE --config FILE --out DIR]: hashes of all results; STAGE is run again and compared",
     verify_command},
    {"arena",
     "arena VAL.json --in playlists=DIR --in als=DIR --out results.json: 100 songs and 10 tags for each playlist of a "
     "contest",
     arena_command},
    {"summary",
     "summary --in evaluate=DIR [--in pack=DIR] --exp NAME [--out out/EXP]: a finished run in one line, and its "
     "report.html",
     summary_command},
};

/* With the settings of its sections as they stand by default. */
static int stage_help(const struct stage *stage, struct err *err)
{
	struct settings *settings = NULL;
	struct strbuf text = {0};
	strbuf_format(&text, "moodcast-train %s --config FILE [--set section.key=value]… [--in STAGE=DIR]… --out DIR\n%s\n",
	              stage->name, stage->help);
	strbuf_format(&text, "leaves: %s metrics.json\n\nsettings that it reads, with their defaults:\n", stage->outputs);
	int status = settings_load(&settings, NULL, NULL, 0, err);
	if (status == OK)
		status = settings_print(settings, SETTINGS_COMMENTED, stage->sections, &text, err);
	if (status == OK)
		fputs(text.text, stdout);
	strbuf_free(&text);
	settings_free(settings);
	return status;
}

static int refuse_name(const char *name, struct err *err)
{
	const char *names[ARRAY_COUNT(commands) + MAX_STAGES], *nearest;
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		names[count++] = commands[i].name;
	for (size_t i = 0; i < stage_count && count < ARRAY_COUNT(names); i++)
		names[count++] = stage_table[i].name;
	if ((nearest = nearest_name(name, names, count)))
		return err_set(err, ERR_SETTINGS, "%s: no such stage or command; did you mean %s?", name, nearest);
	return err_set(err, ERR_SETTINGS, "%s: no such stage or command; `moodcast-train help` lists them", name);
}

static int help_command(int argc, char **argv, struct err *err)
{
	if (argc > 0) {
		const struct stage *stage = stage_find(argv[0]);
		return stage ? stage_help(stage, err) : refuse_name(argv[0], err);
	}
	printf("moodcast-train: trains every model from face archives and playlists to a bundle.\n\nstages:\n");
	for (size_t i = 0; i < stage_count; i++)
		printf("  %-10s %s\n", stage_table[i].name, stage_table[i].help);
	printf("each: STAGE --config FILE [--set section.key=value]… [--in STAGE=DIR]… --out DIR\n\nother commands:\n");
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	printf("  %-10s tags --nearest TAG [-n 10] --in tags=DIR: the tags most like one\n", "tags");
	printf("  %-10s faces --describe --in faces=DIR: counts by class, part, S, L, E, C, and the leak check\n", "faces");
	printf("  %-10s cascade --draw OUT.png [-n 12] --in cascade=DIR: its first features over the mean face\n",
	       "cascade");
	printf("\nexit codes:");
#define PRINT_STATUS(name, code, text) printf(" %d %s;", code, text);
	STATUS_LIST(PRINT_STATUS)
#undef PRINT_STATUS
	printf("\n");
	return OK;
}

/* tags --nearest TAG [-n N] --in tags=DIR */
static int nearest_command(int argc, char **argv, struct err *err)
{
	const char *tag = NULL, *folder = NULL;
	char *end;
	long count = 10;
	for (int i = 0; i < argc; i += 2) {
		if (i + 1 >= argc)
			return err_set(err, ERR_SETTINGS, "tags: a value must follow %s", argv[i]);
		if (strcmp(argv[i], "--nearest") == 0)
			tag = argv[i + 1];
		else if (strcmp(argv[i], "--in") == 0 && strncmp(argv[i + 1], "tags=", 5) == 0)
			folder = argv[i + 1] + 5;
		else if (strcmp(argv[i], "-n") == 0 && (count = strtol(argv[i + 1], &end, 10)) >= 1 && !*end)
			continue;
		else
			return err_set(err, ERR_SETTINGS, "tags: %s %s is not understood; tags --nearest TAG [-n 10] --in tags=DIR",
			               argv[i], argv[i + 1]);
	}
	if (!tag || !folder)
		return err_set(err, ERR_SETTINGS, "tags: --nearest TAG and --in tags=DIR belong together");
	return tags_nearest_command(folder, tag, count, err);
}

/* faces --describe --in faces=DIR */
static int describe_command(int argc, char **argv, struct err *err)
{
	const char *folder = NULL;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--describe") == 0)
			continue;
		if (strcmp(argv[i], "--in") == 0 && i + 1 < argc && strncmp(argv[i + 1], "faces=", 6) == 0)
			folder = argv[++i] + 6;
		else
			return err_set(err, ERR_SETTINGS, "faces: %s is not understood; faces --describe --in faces=DIR", argv[i]);
	}
	if (!folder)
		return err_set(err, ERR_SETTINGS, "faces: --describe needs --in faces=DIR, the folder of a finished stage");
	return faces_describe_command(folder, err);
}

/* cascade --draw OUT.png [-n COUNT] --in cascade=DIR */
static int draw_command(int argc, char **argv, struct err *err)
{
	const char *out = NULL, *folder = NULL;
	char *end;
	long count = 12;
	for (int i = 0; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--draw") == 0 && *value)
			out = value;
		else if (strcmp(argv[i], "--in") == 0 && strncmp(value, "cascade=", 8) == 0)
			folder = value + 8;
		else if (strcmp(argv[i], "-n") == 0 && (count = strtol(value, &end, 10)) >= 1 && count <= 600 && !*end)
			continue;
		else
			return err_set(err, ERR_SETTINGS,
			               "cascade: %s %s is not understood; cascade --draw OUT.png [-n 12] --in cascade=DIR", argv[i],
			               value);
	}
	if (!out || !folder)
		return err_set(err, ERR_SETTINGS, "cascade: --draw OUT.png and --in cascade=DIR belong together");
	return cascade_draw_file(folder, out, count, err);
}

static bool has_option(int argc, char **argv, const char *option)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

static bool asks_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int dispatch(int argc, char **argv, struct err *err)
{
	const char *name = argc > 1 ? argv[1] : "help";
	int rest = argc > 2 ? argc - 2 : 0;
	/* The ranks of a job share a stage; anything else is for one. */
	if (!(stage_find(name) && has_option(rest, argv + 2, "--out"))) {
		if (!comm_publishes())
			return OK;
		comm_alone();
	}
	if (asks_help(name))
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	else if (rest > 0 && asks_help(argv[2]))
		return help_command(stage_find(name) ? 1 : 0, argv + 1, err);
	if (strcmp(name, "tags") == 0 && has_option(rest, argv + 2, "--nearest"))
		return nearest_command(rest, argv + 2, err);
	if (strcmp(name, "cascade") == 0 && has_option(rest, argv + 2, "--draw"))
		return draw_command(rest, argv + 2, err);
	if (strcmp(name, "faces") == 0 && has_option(rest, argv + 2, "--describe"))
		return describe_command(rest, argv + 2, err);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(rest, argv + 2, err);
	const struct stage *stage = stage_find(name);
	if (stage)
		return stage_command(stage, rest, argv + 2, err);
	return refuse_name(name, err);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	if (app_start(argv) == OK && comm_start(&err) == OK)
		err.code = dispatch(argc, argv, &err);
	comm_finish(&err);
	return app_finish(&err);
}
