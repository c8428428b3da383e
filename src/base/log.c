#include "base/base.h"

#include <omp.h>
#include <unistd.h>

static enum log_level shown_level = LOG_INFO;

void log_set_level(enum log_level level)
{
	shown_level = level;
}

static void log_line(const char *topic, const char *mark, const char *fmt, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, fmt, args);
	fprintf(stderr, "%s: %s%s\n", topic, mark, text);
}

void log_info(const char *topic, const char *fmt, ...)
{
	if (shown_level < LOG_INFO)
		return;
	va_list args;
	va_start(args, fmt);
	log_line(topic, "", fmt, args);
	va_end(args);
}

void log_warn(const char *topic, const char *fmt, ...)
{
	if (shown_level < LOG_WARN)
		return;
	va_list args;
	va_start(args, fmt);
	log_line(topic, "warning: ", fmt, args);
	va_end(args);
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
	double elapsed = now - progress->started, rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
	if (progress->total == 0) {
		fprintf(stderr, "%s%s: %zu %s, %.3g/s%s", progress->terminal ? "\r\033[K" : "", progress->topic, progress->done,
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
		fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %zu/%zu %s  %s%.3g/s  %s left", progress->topic, bar, 100 * share,
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
	if (progress->drawn && progress->terminal)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
