/* What the files of the command `compare` share: the verdicts of a run on held-out people, and two runs paired over
 * them. */
#ifndef MOODCAST_COMPARE_INTERNAL_H
#define MOODCAST_COMPARE_INTERNAL_H

#include "report/report.h"
#include "stages/stages.h"

/* predictions.tsv of a run; n 0 when it judged no faces. */
struct verdicts {
	size_t n;
	struct path_list classes, people; /* people by name, each once, sorted */
	int32_t *truth;                   /* [n] */
	float *probabilities;             /* [n][classes] */
	size_t *person;                   /* [n] index into people */
};
int verdicts_load(struct verdicts *out, const char *run_folder, struct err *err) MUST_CHECK;
void verdicts_free(struct verdicts *verdicts);
/* Same classes and the same people, known by name or by `same_faces` (unknown people are numbered a run)? */
bool verdicts_pair(const struct verdicts *a, const struct verdicts *b, bool same_faces);
int verdicts_differ(const struct verdicts *a, const struct verdicts *b, struct interval out[PAIRED_COUNT],
                    struct err *err) MUST_CHECK;

#endif
