#include "stages/stage_report_internal.h"

#include <math.h>

const struct json *report_stage(const struct report *report, const char *stage)
{
	return json_get(report->metrics, stage);
}

double report_number(const struct json *object, const char *key)
{
	return json_number(json_get(object, key), NAN);
}

const char *report_text(const struct json *object, const char *key)
{
	return json_text(json_get(object, key), "");
}

bool report_truth(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return json_kind(value) == JSON_KIND_BOOL ? json_bool(value, false) : json_number(value, 0) != 0;
}

void report_join(const struct json *texts, struct strbuf *out)
{
	for (size_t i = 0; i < json_count(texts); i++)
		strbuf_format(out, "%s%s", i ? ", " : "", json_text(json_at(texts, i), ""));
}

const char *report_limits(const struct json *object, const char *key)
{
	static _Thread_local char texts[4][64];
	static _Thread_local unsigned at;
	const struct json *limits = json_get(object, key);
	char *text = texts[at++ % ARRAY_COUNT(texts)];

	if (json_count(limits) != 2)
		return "–";
	snprintf(text, sizeof(texts[0]), "%.3f\u00a0–\u00a0%.3f", json_number(json_at(limits, 0), NAN),
	         json_number(json_at(limits, 1), NAN));
	return text;
}

size_t report_column(const struct json *rows, const char *key, double *out)
{
	for (size_t i = 0; i < json_count(rows); i++)
		out[i] = report_number(json_at(rows, i), key);
	return json_count(rows);
}
