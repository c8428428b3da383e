/* moodcast: the runtime. A bundle in, pictures in; faces, expressions and songs out. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "runtime/runtime.h"

struct command {
	struct command_help help;
	size_t least; /* words that are no options */
	size_t most;
	int (*run)(const struct options *options, struct err *err);
};

/* ---- shared -------------------------------------------------------------------------- */

static int open_bundle(struct bundle **out, const struct options *options, struct err *err)
{
	if (options->verify_key)
		return bundle_load_signed(out, options->bundle, options->verify_key, err);
	return bundle_load(out, options->bundle, options->verify, err);
}

static int need_bundle(struct bundle **out, const struct options *options, const char *command, struct err *err)
{
	if (!options->bundle)
		return err_set(err, ERR_SETTINGS,
		               "%s: give --bundle DIR, what the stage `pack` wrote (as in out/sample/bundle)", command);
	return open_bundle(out, options, err);
}

static int print_json(const struct json *object, struct err *err)
{
	char *text;
	int code = json_print(object, 0, &text, err);
	if (code != OK)
		return code;
	puts(text);
	fflush(stdout);
	free(text);
	return OK;
}

static int print_line(struct json *object, struct err *err)
{
	int code = print_json(object, err);
	json_free(object);
	return code;
}

/* Calls `one` for each picture. One that fails is told and the rest go on; the first failure is the program's. */
static int each_picture(const struct options *options, int (*one)(const char *path, void *context, struct err *err),
                        void *context, struct err *err)
{
	size_t failed = 0, count = options->rest.count;
	for (size_t i = 0; i < count; i++) {
		struct err own = {0};
		if (stop_check("moodcast", err) != OK)
			return err->code;
		if (one(options->rest.items[i], context, &own) == OK)
			continue;
		if (failed++ == 0)
			*err = own;
		if (count > 1)
			log_warn("moodcast", "%s", own.text);
	}
	if (failed && count > 1)
		return err_wrap(err, "%zu of %zu pictures failed, the first", failed, count);
	return failed ? err->code : OK;
}

/* ---- detect ------------------------------------------------------------------------------ */

struct detect_run {
	struct detector *detector;
	struct detections found;
	struct detect_options options;
};

static int detect_one(const char *path, void *context, struct err *err)
{
	struct detect_run *run = context;
	struct image image = {0};
	int code = image_load(&image, path, 0, err);
	if (code == OK)
		code = detector_find(run->detector, &image, &run->options, &run->found, err);
	size_t width = image.width, height = image.height;
	image_free(&image);
	struct seen_face *faces = code == OK ? mem_alloc(run->found.count, sizeof(*faces), err) : NULL;
	if (!faces)
		return err->code;
	for (size_t i = 0; i < run->found.count; i++) {
		faces[i].box = run->found.items[i].box;
		faces[i].neighbors = run->found.items[i].neighbors;
	}
	struct json *object = json_object_new();
	json_set_text(object, "image", path);
	json_set_integer(object, "width", (int64_t)width);
	json_set_integer(object, "height", (int64_t)height);
	detections_to_json(faces, run->found.count, object);
	free(faces);
	return print_line(object, err);
}

static int detect_cascade(struct cascade **cascade, struct bundle **bundle, const struct options *options,
                          struct err *err)
{
	if (options->cascade && options->bundle)
		return err_set(err, ERR_SETTINGS, "detect: --cascade and --bundle exclude each other");
	if (options->cascade && (options->verify || options->verify_key))
		return err_set(err, ERR_SETTINGS, "detect: a bundle is checked, a single --cascade has nothing to check it by");
	if (options->cascade)
		return cascade_load(cascade, options->cascade, err);
	if (!options->bundle)
		return err_set(err, ERR_SETTINGS,
		               "detect: give --cascade FILE or --bundle DIR; Debian's opencv-data has "
		               "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml");
	return open_bundle(bundle, options, err);
}

static int run_detect(const struct options *options, struct err *err)
{
	struct cascade *cascade = NULL;
	struct bundle *bundle = NULL;
	struct detect_run run = {.options = {.scale = options->scale,
	                                     .neighbors = (int)options->neighbors,
	                                     .min_w = (int)options->min_size,
	                                     .min_h = (int)options->min_size,
	                                     .threads = thread_count(0)}};
	int code = detect_cascade(&cascade, &bundle, options, err);
	if (code == OK) {
		run.detector = detector_new(bundle ? bundle->cascade : cascade, err);
		code = run.detector ? each_picture(options, detect_one, &run, err) : err->code;
	}
	detector_free(run.detector);
	detections_free(&run.found);
	cascade_free(cascade);
	bundle_free(bundle);
	return code;
}

/* ---- analyze --------------------------------------------------------------------------------- */

struct analyze_run {
	const struct bundle *bundle;
	struct analyzer *analyzer;
	const char *annotate;
};

static int analyze_one(const char *path, void *context, struct err *err)
{
	struct analyze_run *run = context;
	struct image image = {0}, drawn = {0};
	struct analysis analysis = {0};
	int code = image_load(&image, path, 3, err);
	if (code == OK)
		code = analyze_picture(run->analyzer, &image, &analysis, err);
	if (code == OK && run->annotate) {
		code = annotate_picture(&image, &analysis, run->bundle, &drawn, err);
		if (code == OK)
			code = image_save_png(&drawn, run->annotate, err);
	}
	if (code == OK) {
		struct json *object = json_object_new();
		json_set_text(object, "image", path);
		analysis_to_json(&analysis, run->bundle, object);
		code = print_line(object, err);
	}
	image_free(&image);
	image_free(&drawn);
	analysis_free(&analysis);
	return code;
}

static int run_analyze(const struct options *options, struct err *err)
{
	struct bundle *bundle = NULL;
	struct analyze_run run = {.annotate = options->annotate};
	if (options->annotate && options->rest.count != 1)
		return err_set(err, ERR_SETTINGS, "analyze: --annotate takes one picture, there are %zu", options->rest.count);
	int code = need_bundle(&bundle, options, "analyze", err);
	if (code == OK)
		code = analyzer_new(&run.analyzer, bundle, (int)options->threads, err);
	run.bundle = bundle;
	if (code == OK)
		code = each_picture(options, analyze_one, &run, err);
	analyzer_free(run.analyzer);
	bundle_free(bundle);
	return code;
}

/* ---- recommend ---------------------------------------------------------------------------------- */

/* label 0.82 → 신나는 → 여름 (0.71) → playlist 1234 "title" */
static void print_why(const struct json *why)
{
	const char *label = json_text(json_get(why, "label"), NULL), *tag = json_text(json_get(why, "tag"), NULL);
	const char *similar = json_text(json_get(why, "similar"), NULL);
	const struct json *tags = json_get(why, "new_by");
	if (label)
		printf("%s %.2f → ", label, json_number(json_get(why, "probability"), 0));
	if (tag)
		printf("%s → ", tag);
	if (similar && (!tag || strcmp(tag, similar) != 0))
		printf("%s (%.2f) → ", similar, json_number(json_get(why, "cosine"), 0));
	printf("playlist %" PRId64 " \"%s\"", json_integer_value(json_get(why, "playlist"), 0),
	       json_text(json_get(why, "title"), ""));
	for (size_t i = 0; i < json_count(tags); i++)
		printf("%s%s", i ? ", " : " → new song: ", json_text(json_at(tags, i), ""));
	putchar('\n');
}

static void print_songs(const struct json *reply)
{
	const struct json *songs = json_get(reply, "songs"), *notes = json_get(reply, "notes");
	for (size_t i = 0; i < json_count(songs); i++) {
		const struct json *song = json_at(songs, i);
		const char *name = json_text(json_get(song, "name"), ""), *artist = json_text(json_get(song, "artist"), "");
		printf("%2zu. %s%s%s  [%" PRId64 "]\n    ", i + 1, *name ? name : "(no title)", *artist ? " - " : "", artist,
		       json_integer_value(json_get(song, "id"), 0));
		print_why(json_get(song, "why"));
	}
	for (size_t i = 0; i < json_count(notes); i++)
		log_warn("recommend", "%s", json_text(json_at(notes, i), ""));
}

struct recommend_run {
	float scores[MAX_CLASSES];
	struct song_list liked, history;
};

static int recommend_request_of(struct recommend_run *run, const struct bundle *bundle, const struct options *options,
                                struct song_request *request, struct err *err)
{
	int code = OK;
	if (options->label && options->scores)
		return err_set(err, ERR_SETTINGS, "recommend: --label and --scores exclude each other");
	if (options->label)
		code = scores_of_label(bundle, options->label, run->scores, err);
	else if (options->scores)
		code = scores_parse(bundle, options->scores, run->scores, err);
	for (size_t i = 0; i < options->songs.count && code == OK; i++)
		code = song_list_add(&run->liked, options->songs.items[i], "--song", err);
	if (code == OK && options->history)
		code = history_read(options->history, &run->history, err);
	*request = (struct song_request){.scores = options->label || options->scores ? run->scores : NULL,
	                                 .tags = options->tags.items,
	                                 .n_tags = options->tags.count,
	                                 .songs = run->liked.items,
	                                 .n_songs = run->liked.count,
	                                 .seen = run->history.items,
	                                 .n_seen = run->history.count,
	                                 .count = (size_t)options->count,
	                                 .seed = (uint64_t)options->seed};
	return code;
}

/* Songs that nobody got to read were not heard. */
static int remember_songs(const char *path, const struct recommend_run *run, const struct json *reply, struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_set(err, ERR_IO, "recommend: the songs could not be printed, so %s is left as it was", path);
	return history_write(path, &run->history, json_get(reply, "songs"), err);
}

static int run_recommend(const struct options *options, struct err *err)
{
	struct bundle *bundle = NULL;
	struct recommend_run run = {0};
	struct song_request request;
	struct json *reply = NULL;
	int code = need_bundle(&bundle, options, "recommend", err);
	if (code == OK)
		code = recommend_request_of(&run, bundle, options, &request, err);
	if (code == OK)
		code = songs_recommend(bundle, &request, &reply, err);
	if (code == OK && options->json)
		code = print_json(reply, err);
	else if (code == OK)
		print_songs(reply);
	if (code == OK && options->history)
		code = remember_songs(options->history, &run, reply, err);
	json_free(reply);
	free(run.liked.items);
	free(run.history.items);
	bundle_free(bundle);
	return code;
}

/* ---- watch --------------------------------------------------------------------------------------- */

/* Korean words where the locale asks for them, as other programs do. */
static bool locale_is(const char *language)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strncmp(value, language, strlen(language)) == 0;
	}
	return false;
}

static int run_watch(const struct options *options, struct err *err)
{
	struct bundle *bundle = NULL;
	const char *plain = getenv("NO_COLOR");
	const struct watch_options wanted = {.source = options->source,
	                                     .realtime = options->realtime,
	                                     .terminal = isatty(STDOUT_FILENO) && !options->json,
	                                     .colour = !plain || !*plain,
	                                     .korean = locale_is("ko"),
	                                     .frames = (unsigned long)options->frames,
	                                     .songs = 5,
	                                     .threads = (int)options->threads};
	if (!options->source)
		return err_set(err, ERR_SETTINGS, "watch: give --source /dev/video0, a file, a folder or - (standard input)");
	int code = need_bundle(&bundle, options, "watch", err);
	if (code == OK)
		code = watch_run(bundle, &wanted, err);
	bundle_free(bundle);
	return code;
}

/* ---- info, serve ---------------------------------------------------------------------------------------- */

static int run_info(const struct options *options, struct err *err)
{
	struct bundle *bundle = NULL;
	struct strbuf text = {0};
	int code = need_bundle(&bundle, options, "info", err);
	if (code == OK)
		code = bundle_describe(bundle, &text, err);
	if (code == OK)
		fputs(text.text, stdout);
	strbuf_free(&text);
	bundle_free(bundle);
	return code;
}

static int run_serve(const struct options *options, struct err *err)
{
	struct bundle *bundle = NULL;
	struct server *server = NULL;
	const struct server_options wanted = {.listen = options->listen ? options->listen : "127.0.0.1:8080",
	                                      .source = options->source,
	                                      .context = options->context,
	                                      .cert = options->cert,
	                                      .key = options->key,
	                                      .allow_remote = options->allow_remote,
	                                      .threads = (int)options->threads};
	double start = clock_seconds();
	int code = need_bundle(&bundle, options, "serve", err);
	if (code == OK)
		code = server_start(&server, bundle, &wanted, err);
	if (code == OK)
		code = sandbox_start(options->source, !options->no_sandbox, err);
	if (code == OK) {
		const char *colon = strrchr(wanted.listen, ':');
		log_info("serve", "http%s://%.*s:%u/ after %.2f s; Ctrl-C ends it", options->cert ? "s" : "",
		         (int)(colon - wanted.listen), wanted.listen, server_port(server), clock_seconds() - start);
		const struct timespec nap = {.tv_nsec = 100 * 1000 * 1000};
		while (!stop_requested())
			nanosleep(&nap, NULL);
		log_info("serve", "stopping");
	}
	server_stop(server);
	bundle_free(bundle);
	return code;
}

/* ---- table ------------------------------------------------------------------------------------------------- */

static int run_help(const struct options *options, struct err *err);

static int run_version(const struct options *options, struct err *err)
{
	(void)options;
	(void)err;
	app_print_version("moodcast");
	return OK;
}

static const struct command commands[] = {
    {{"detect", "[--cascade FILE] [--scale 1.1] [--neighbors 3] [--min-size 30] IMAGE…",
      "Finds faces: a JSON line an image."},
     1,
     SIZE_MAX,
     run_detect},
    {{"analyze", "--bundle DIR [--annotate OUT.png] IMAGE…",
      "Finds faces and scores their expression: a JSON line an image."},
     1,
     SIZE_MAX,
     run_analyze},
    {{"recommend", "--bundle DIR [--label L | --scores a=.2,b=.8] [--tag T]… [--song ID]… [-n 10]",
      "Songs for an expression, tags or songs, each with its why."},
     0,
     0,
     run_recommend},
    {{"watch", "--bundle DIR --source /dev/video0|FILE|DIR|- [--realtime]",
      "A camera or film on the desk: a JSON line a picture, bars on a terminal."},
     0,
     0,
     run_watch},
    {{"info", "--bundle DIR", "What a bundle is, what it was trained on, how good it is."}, 0, 0, run_info},
    {{"serve", "--bundle DIR [--listen 127.0.0.1:8080] [--source browser|/dev/video0|FILE|DIR|-]",
      "The web page: camera, expression, songs. Pictures stay in memory."},
     0,
     0,
     run_serve},
    {{"help", "[COMMAND]", "This, or the options of a command."}, 0, 1, run_help},
    {{"version", "", "Version, compiler, libraries."}, 0, 0, run_version},
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].help.name, name) == 0)
			return &commands[i];
	return NULL;
}

static int refuse_command(const char *name, struct err *err)
{
	const char *names[ARRAY_COUNT(commands)];
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		names[i] = commands[i].help.name;
	const char *nearest = nearest_name(name, names, ARRAY_COUNT(commands));
	if (nearest)
		return err_set(err, ERR_SETTINGS, "%s is not a command; did you mean %s?", name, nearest);
	return err_set(err, ERR_SETTINGS, "%s is not a command; `moodcast help` lists them", name);
}

static int run_help(const struct options *options, struct err *err)
{
	struct strbuf text = {0};
	if (options->rest.count) {
		const struct command *command = command_find(options->rest.items[0]);
		if (!command)
			return refuse_command(options->rest.items[0], err);
		options_help(&command->help, &text);
	} else {
		strbuf_add(&text, "moodcast: a face, its expression, music that fits. One bundle, no network.\n\n");
		for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
			strbuf_format(&text, "  moodcast %-10s %s\n", commands[i].help.name, commands[i].help.summary);
		strbuf_add(
		    &text,
		    "\n`moodcast help COMMAND` lists its options. An expression is not an emotion: see the bundle's notes.\n");
	}
	int code = strbuf_check(&text, err);
	if (code == OK)
		fputs(text.text, stdout);
	strbuf_free(&text);
	return code;
}

static int run_command(const struct command *command, char *const *argv, size_t count, struct err *err)
{
	struct options options;
	if (count == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
		char *words[] = {(char *)(uintptr_t)command->help.name};
		const struct options help = {.rest = {.items = words, .count = 1}};
		return run_help(&help, err);
	}
	int code = options_parse(&options, command->help.name, argv, count, err);
	if (code != OK)
		return code;
	if (options.quiet)
		log_set_level(LOG_WARN);
	if (options.rest.count < command->least)
		code = err_set(err, ERR_SETTINGS, "%s: no picture is given", command->help.name);
	else if (options.rest.count > command->most)
		code = err_set(err, ERR_SETTINGS, "%s: \"%s\" is too much; usage: moodcast %s %s", command->help.name,
		               options.rest.items[command->most], command->help.name, command->help.usage);
	else
		code = command->run(&options, err);
	options_free(&options);
	return code;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	if (app_start(argv) != OK)
		return app_finish(&err);
	const char *name = argc > 1 ? argv[1] : "help";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *command = command_find(name);
	/* What is returned counts: a failure that was dealt with may have left its words in err. */
	err.code =
	    command ? run_command(command, argv + 2, argc > 2 ? (size_t)argc - 2 : 0, &err) : refuse_command(name, &err);
	return app_finish(&err);
}
