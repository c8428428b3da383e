/* The parts of the page, shared by the files of the stage `report` only. Each adds a section, or nothing when its
 * figures are absent. */
#ifndef MOODCAST_STAGES_REPORT_INTERNAL_H
#define MOODCAST_STAGES_REPORT_INTERNAL_H

#include "report/report.h"
#include "stages/stages.h"

struct report {
	const struct stage_run *run;
	const struct json *metrics; /* of the stage evaluate, which gathered all others */
	struct page page;
};

void report_summary(struct report *report);
void report_data(struct report *report);
/* Part of the above, of the object of the stage faces. */
void report_counts(struct report *report, const struct json *faces);
int report_cascade(struct report *report, struct err *err) MUST_CHECK;
int report_emotion(struct report *report, struct err *err) MUST_CHECK;
int report_tags(struct report *report, struct err *err) MUST_CHECK;
int report_groups(struct report *report, const struct json *emotion, struct err *err) MUST_CHECK;
/* ---- report_pictures.c: faces, and only with report.faces; without it nothing is opened ---- */

/* Held-out pictures with what the cascade found in them. */
int report_montage(struct report *report, struct err *err) MUST_CHECK;
/* The pictures of worst_errors. */
int report_worst_pictures(struct report *report, const struct json *test, struct err *err) MUST_CHECK;

/* A table by class and the confusion of verdicts, side by side. */
void report_verdicts(struct report *report, const struct json *test);
/* The figures on evaluate.external beside those on the people held out; nothing when there was none. */
void report_external(struct report *report, const struct json *emotion);
int report_songs(struct report *report, struct err *err) MUST_CHECK;
void report_chain(struct report *report);
int report_settings(struct report *report, struct err *err) MUST_CHECK;

/* model_card.md and data_statement.md */
int report_cards(const struct report *report, struct err *err) MUST_CHECK;

/* ---- report_values.c ---- */

const struct json *report_stage(const struct report *report, const char *stage);
/* Numbers and texts of an object; NaN and "" when absent. */
double report_number(const struct json *object, const char *key);
const char *report_text(const struct json *object, const char *key);
bool report_truth(const struct json *object, const char *key); /* true, or a number other than 0 */
/* "a.zip, b": the texts of an array. */
void report_join(const struct json *texts, struct strbuf *out);
/* "0.712 – 0.786" of an array of two; "–" when absent. */
const char *report_limits(const struct json *object, const char *key);
/* The numbers `key` of an array of objects, NaN where one has none; returns how many. `out` holds json_count(rows). */
size_t report_column(const struct json *rows, const char *key, double *out);

#endif
