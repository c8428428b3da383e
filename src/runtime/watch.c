#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The desk's loop: one picture is read, analysed and told before the next one is read, so none ever waits in a queue.
 * Without --realtime a file's own clock counts (picture number × interval), hence the same file gives the same moods on
 * every machine; with it, and for a camera, the clock on the wall does. */

#define BAR_CELLS 12

struct watch {
	const struct bundle *bundle;
	const struct watch_options *options;
	struct analyzer *analyzer;
	struct source *source;
	struct source_pace pace;
	struct session session;
	bool live; /* the clock on the wall */
	double start;
	unsigned long frames, moods;
	bool drawn; /* the terminal's last line is a line of bars */
};

static double watch_seconds(const struct watch *watch)
{
	return watch->live ? clock_seconds() - watch->start
	                   : (double)watch->frames * source_interval(watch->source);
}

/* ---- songs, once for each mood that settles ------------------------------------------------------------- */

/* NULL when the mood is the old one, or when the recommender has nothing to start from. */
static int mood_songs(struct watch *watch, struct json **out, struct err *err)
{
	struct session *session = &watch->session;
	*out = NULL;
	if (!session->settled || session->moods == watch->moods || watch->options->songs == 0)
		return OK;
	watch->moods = session->moods;
	const struct song_request request = {.scores = session->smoothed,
	                                     .seen = session->seen,
	                                     .n_seen = session->n_seen,
	                                     .count = watch->options->songs,
	                                     .seed = 1 + session->n_seen};
	int code = songs_recommend(watch->bundle, &request, out, err);
	const struct json *songs = code == OK ? json_get(*out, "songs") : NULL;
	for (size_t i = 0; i < json_count(songs); i++)
		session_saw_song(session, json_integer_value(json_get(json_at(songs, i), "id"), 0));
	return code;
}

/* ---- a line a picture ------------------------------------------------------------------------------------ */

/* Takes over *reply. */
static int print_json(struct watch *watch, const struct analysis *analysis, double milliseconds, struct json **reply,
                      struct err *err)
{
	struct json *object = json_object_new();
	char *text = NULL;
	json_set_integer(object, "frame", (int64_t)watch->frames);
	json_set_number(object, "seconds", (double)(long long)(watch_seconds(watch) * 1000) / 1000);
	analysis_to_json(analysis, watch->bundle, object);
	session_to_json(&watch->session, watch->bundle, json_set_object(object, "mood"));
	if (*reply)
		json_set(object, "recommendation", *reply);
	*reply = NULL;
	/* Times of the machine would make two runs over one file differ. */
	if (watch->live) {
		json_set_number(object, "milliseconds", (double)(long)(milliseconds * 10) / 10);
		json_set_integer(object, "dropped", (int64_t)watch->pace.dropped);
	}
	int code = json_print(object, 0, &text, err);
	json_free(object);
	if (code == OK && (puts(text) == EOF || fflush(stdout) == EOF))
		code = err_errno(err, "standard output");
	free(text);
	return code;
}

/* `share` of BAR_CELLS cells in eighths of a cell, in the class's colour. */
static void add_bar(const struct watch *watch, struct strbuf *line, size_t class)
{
	static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	const char *label = watch->bundle->classes[class], *hangul = class_hangul(label);
	struct colour colour = class_colour(label, class);
	float share = watch->session.face ? watch->session.smoothed[class] : 0;
	int filled = (int)(share * BAR_CELLS * 8 + .5f);
	strbuf_format(line, " %s ", hangul && watch->options->korean ? hangul : label);
	if (watch->options->colour)
		strbuf_format(line, "\033[38;2;%d;%d;%dm", (int)(colour.r * 255), (int)(colour.g * 255), (int)(colour.b * 255));
	for (int cell = 0; cell < BAR_CELLS; cell++) {
		int part = filled - 8 * cell;
		strbuf_add(line, eighths[part < 0 ? 0 : part > 8 ? 8 : part]);
	}
	strbuf_format(line, "%s%3.0f%%", watch->options->colour ? "\033[0m" : "", 100 * (double)share);
}

static void add_song_lines(const struct json *reply, struct strbuf *line)
{
	const struct json *songs = json_get(reply, "songs");
	for (size_t i = 0; i < json_count(songs); i++) {
		const struct json *song = json_at(songs, i);
		const char *name = json_text(json_get(song, "name"), ""), *artist = json_text(json_get(song, "artist"), "");
		strbuf_format(line, "  %zu. %s%s%s\n", i + 1, *name ? name : "(no title)", *artist ? " - " : "", artist);
	}
}

/* Redrawn in place; songs stay above it. */
static int print_terminal(struct watch *watch, const struct analysis *analysis, double milliseconds,
                          const struct json *reply, struct err *err)
{
	const struct session *session = &watch->session;
	struct strbuf line = {0};
	strbuf_add(&line, "\r\033[K");
	if (reply) {
		strbuf_format(&line, "%s\n", watch->bundle->classes[session->label]);
		add_song_lines(reply, &line);
	}
	strbuf_add(&line, !session->face ? "-" : session->settled ? "●" : "○");
	for (size_t i = 0; i < watch->bundle->n_classes; i++)
		add_bar(watch, &line, i);
	strbuf_format(&line, "  %zu face%s %.0f ms", analysis->count, analysis->count == 1 ? "" : "s", milliseconds);
	watch->drawn = true;
	int code = strbuf_check(&line, err);
	if (code == OK && (fputs(line.text, stdout) == EOF || fflush(stdout) == EOF))
		code = err_errno(err, "standard output");
	strbuf_free(&line);
	return code;
}

static int watch_picture(struct watch *watch, const struct image *image, struct err *err)
{
	struct analysis analysis = {0};
	struct json *reply = NULL;
	double start = clock_seconds();
	int code = analyze_picture(watch->analyzer, image, &analysis, err);
	if (code != OK)
		return code;
	double milliseconds = (clock_seconds() - start) * 1000;
	session_see(&watch->session, &analysis, watch_seconds(watch));
	code = mood_songs(watch, &reply, err);
	if (code == OK)
		code = watch->options->terminal ? print_terminal(watch, &analysis, milliseconds, reply, err)
		                                : print_json(watch, &analysis, milliseconds, &reply, err);
	watch->frames++;
	json_free(reply);
	analysis_free(&analysis);
	return code;
}

/* ---- the loop --------------------------------------------------------------------------------------------- */

static void nap(double seconds)
{
	const struct timespec time = {.tv_sec = (time_t)seconds,
	                              .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&time, NULL);
}

static bool watch_goes_on(const struct watch *watch)
{
	return !stop_requested() && (watch->options->frames == 0 || watch->frames < watch->options->frames);
}

static int watch_source(struct watch *watch, struct err *err)
{
	while (watch_goes_on(watch)) {
		struct image image = {0};
		bool end = false;
		int code = watch->live ? source_next_due(watch->source, &watch->pace, &image, &end, err)
		                       : source_next(watch->source, &image, &end, err);
		if (code != OK || end)
			return code;
		double early = watch->live ? source_early(watch->source, &watch->pace) : 0;
		if (early > 0)
			nap(early);
		code = watch_picture(watch, &image, err);
		image_free(&image);
		if (code != OK)
			return code;
	}
	return OK;
}

/* A camera that was there at the start and is unplugged is waited for, a second at a time. */
static int watch_loop(struct watch *watch, struct err *err)
{
	bool camera = strncmp(watch->options->source, "/dev/", 5) == 0;
	int code = source_open(&watch->source, watch->options->source, err);
	if (code != OK)
		return code;
	watch->live = camera || watch->options->realtime;
	watch->start = watch->pace.due = clock_seconds();
	code = watch_source(watch, err);
	while (camera && code == ERR_IO && watch_goes_on(watch)) {
		log_warn("watch", "%s; it is tried again every second", err->text);
		source_close(watch->source);
		watch->source = NULL;
		while (!watch->source && watch_goes_on(watch)) {
			struct err own = {0};
			nap(1.0);
			if (source_open(&watch->source, watch->options->source, &own) != OK)
				watch->source = NULL;
		}
		watch->pace.due = clock_seconds();
		code = watch->source ? watch_source(watch, err) : OK;
	}
	return code;
}

int watch_run(const struct bundle *bundle, const struct watch_options *options, struct err *err)
{
	struct watch watch = {.bundle = bundle, .options = options};
	session_start(&watch.session, bundle->n_classes);
	int code = analyzer_new(&watch.analyzer, bundle, options->threads, err);
	if (code == OK)
		code = watch_loop(&watch, err);
	if (watch.drawn)
		putchar('\n');
	/* What was broken off by the signal is no failure. */
	if (stop_requested())
		code = OK;
	if (code == OK && watch.source && source_skipped(watch.source))
		log_warn("watch", "%zu pictures could not be read and were passed over", source_skipped(watch.source));
	source_close(watch.source);
	analyzer_free(watch.analyzer);
	return code;
}
