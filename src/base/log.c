#include "base/base.h"

#include <fcntl.h>
#include <omp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

static enum log_level shown_level = LOG_INFO;
static int file = -1; /* of log_to_file */
static bool bar_stands; /* the cursor stands behind a bar */

void log_set_level(enum log_level level)
{
	shown_level = level;
}

static void add_escaped(struct strbuf *line, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_format(line, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			strbuf_format(line, "\\u%04x", (unsigned)*text);
		else
			strbuf_add_bytes(line, text, 1);
	}
}

/* One write(2) a line, so that lines stay whole. What cannot be written is not worth the work that it tells about. */
static void write_record(const char *topic, const char *level, const char *text)
{
	struct strbuf line = {0};
	struct timespec now;
	struct tm utc;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
	strbuf_format(&line, "{\"time\": \"%s.%03ldZ\", \"level\": \"%s\", \"topic\": \"", stamp, now.tv_nsec / 1000000,
	              level);
	add_escaped(&line, topic);
	strbuf_add(&line, "\", \"text\": \"");
	add_escaped(&line, text);
	strbuf_add(&line, "\"}\n");
	ssize_t written = !line.failed ? write(file, line.text, line.length) : 0;
	(void)written;
	strbuf_free(&line);
}

static void log_line(const char *topic, enum log_level level, const char *fmt, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, fmt, args);
	if (shown_level >= level)
#pragma omp critical(moodcast_progress)
	{
		fprintf(stderr, "%s%s: %s%s\n", bar_stands ? CLEAR_LINE : "", topic, level == LOG_WARN ? "warning: " : "",
		        text);
		bar_stands = false;
	}
	if (file >= 0)
		write_record(topic, level == LOG_WARN ? "warning" : "info", text);
}

void log_info(const char *topic, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	log_line(topic, LOG_INFO, fmt, args);
	va_end(args);
}

void log_warn(const char *topic, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	log_line(topic, LOG_WARN, fmt, args);
	va_end(args);
}

int log_to_file(const char *path, struct err *err)
{
	log_end_file(NULL);
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	return file >= 0 ? OK : err_errno(err, "%s: cannot be written", path);
}

void log_end_file(const struct err *failure)
{
	if (file < 0)
		return;
	if (failure && failure->code != OK)
		write_record("error", "error", failure->text);
	close(file);
	file = -1;
}

void progress_start(struct progress *progress, const char *topic, const char *unit, size_t total)
{
	double now = clock_seconds();
	*progress = (struct progress){.topic = topic, .unit = unit, .total = total, .started = now, .shown = now,
	                              .terminal = isatty(STDERR_FILENO) == 1};
}

static void time_left(char *text, size_t size, double seconds)
{
	if (seconds < 90)
		snprintf(text, size, "%.0f s", seconds);
	else if (seconds < 5400)
		snprintf(text, size, "%.0f min", seconds / 60);
	else
		snprintf(text, size, "%.1f h", seconds / 3600);
}

static void progress_draw(const struct progress *progress, double now)
{
	char left[32], bar[25], parts[80] = "";
	bar_stands = progress->terminal;
	double elapsed = now - progress->started, rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
	if (progress->total == 0) {
		fprintf(stderr, "%s%s: %zu %s, %.3g/s%s", progress->terminal ? CLEAR_LINE : "", progress->topic, progress->done,
		        progress->unit, rate, progress->terminal ? "" : "\n");
		return;
	}
	double share = (double)progress->done / (double)progress->total;
	if (progress->part_unit)
		snprintf(parts, sizeof parts, "%zu of %zu %s, ", progress->parts, progress->part_total, progress->part_unit);
	time_left(left, sizeof left, rate > 0 ? (double)(progress->total - progress->done) / rate : 0);
	for (size_t i = 0; i < sizeof bar - 1; i++)
		bar[i] = (double)i < share * (double)(sizeof bar - 1) ? '#' : '.';
	bar[sizeof bar - 1] = '\0';
	if (progress->terminal)
		fprintf(stderr, CLEAR_LINE "%s [%s] %3.0f %%  %zu/%zu %s  %s%.3g/s  %s left", progress->topic, bar, 100 * share,
		        progress->done, progress->total, progress->unit, parts, rate, left);
	else
		fprintf(stderr, "%s: %zu of %zu %s, %s%.3g/s, %s left\n", progress->topic, progress->done, progress->total,
		        progress->unit, parts, rate, left);
}

void progress_add(struct progress *progress, size_t count)
{
#pragma omp critical(moodcast_progress)
	{
		double now = clock_seconds();
		progress->done += count;
		if (shown_level >= LOG_INFO && now - progress->shown >= (progress->terminal ? 0.2 : 10)) {
			progress->shown = now;
			progress->drawn = true;
			progress_draw(progress, now);
		}
	}
}

void progress_part(struct progress *progress)
{
#pragma omp critical(moodcast_progress)
	progress->parts++;
}

void progress_end(struct progress *progress)
{
#pragma omp critical(moodcast_progress)
	{
		if (progress->drawn && progress->terminal)
			fputs(CLEAR_LINE, stderr);
		bar_stands = bar_stands && !progress->drawn;
		progress->drawn = false;
	}
}
