/*
 * Numbers as people read them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define SLOTS 8
#define SLOT_SIZE 48
#define NOTHING "–"

static char *next_slot(void)
{
	static _Thread_local char slots[SLOTS][SLOT_SIZE];
	static _Thread_local unsigned at;

	return slots[at++ % SLOTS];
}

/* Writes a whole number with commas between thousands. */
static void write_grouped(char *out, double whole)
{
	char digits[SLOT_SIZE / 2];
	int length = snprintf(digits, sizeof(digits), "%.0f", fabs(whole));
	char *to = out;

	if (length >= (int)sizeof(digits)) {
		snprintf(out, SLOT_SIZE, "%.3g", whole);
		return;
	}
	if (whole < 0 && strcmp(digits, "0") != 0)
		*to++ = '-';
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}

const char *show_count(double count)
{
	char *out = next_slot();

	if (!isfinite(count))
		return NOTHING;
	write_grouped(out, count);
	return out;
}

const char *show_share(double share)
{
	char *out = next_slot();

	if (!isfinite(share))
		return NOTHING;
	snprintf(out, SLOT_SIZE, "%.1f\u00a0%%", 100 * share);
	return out;
}

const char *show_number(double number)
{
	char *out = next_slot();
	double size = fabs(number);

	if (!isfinite(number))
		return NOTHING;
	if (size >= 999.5)
		write_grouped(out, number);
	else if (size == 0)
		snprintf(out, SLOT_SIZE, "0");
	else if (size < 1e-4)
		snprintf(out, SLOT_SIZE, "%.2e", number);
	else
		snprintf(out, SLOT_SIZE, "%.*f",
		         size >= 99.95     ? 0
		         : size >= 9.995   ? 1
		         : size >= 0.9995  ? 2
		         : size >= 0.09995 ? 3
		                           : 4,
		         number);
	return out;
}

const char *show_bytes(double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	char *out = next_slot();
	size_t unit = 0;

	if (!isfinite(bytes))
		return NOTHING;
	while (bytes >= 999.5 && unit + 1 < ARRAY_COUNT(units)) {
		bytes /= 1000;
		unit++;
	}
	snprintf(out, SLOT_SIZE, "%.*f %s", unit && bytes < 99.95 ? 1 : 0, bytes, units[unit]);
	return out;
}

const char *show_seconds(double seconds)
{
	char *out = next_slot();
	long whole;

	if (!isfinite(seconds) || seconds < 0 || seconds > 1e12)
		return NOTHING;
	whole = lround(seconds);
	if (seconds < 9.95)
		snprintf(out, SLOT_SIZE, "%.1f s", seconds);
	else if (whole < 60)
		snprintf(out, SLOT_SIZE, "%ld s", whole);
	else if (whole < 3600)
		snprintf(out, SLOT_SIZE, "%ld min %02ld s", whole / 60, whole % 60);
	else
		snprintf(out, SLOT_SIZE, "%ld h %02ld min", whole / 3600, whole % 3600 / 60);
	return out;
}
