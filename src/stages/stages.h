/*
 * stages: one file a stage: settings → open → call a library → write → metrics. No algorithm here.
 *
 * A stage reads the folders of the stages above it, writes into its own, and knows nothing else.
 * Depends on every library below; only app includes it.
 */
#ifndef MOODCAST_STAGES_H
#define MOODCAST_STAGES_H

#include "base/base.h"
#include "config/config.h"
#include "io/io.h"

struct stage_input {
	const char *stage, *folder;
};
struct stage_run {
	const struct settings *settings;
	const char *out; /* the stage's folder; exists */
	const struct stage_input *inputs;
	size_t n_inputs;
	int threads;          /* resolved: at least 1 */
	bool as_ranks;        /* one process is to leave the files that several ranks leave; then, whether they are such */
	struct json *metrics; /* the stage adds its figures; written as metrics.json by the frame */
	char headline[240];   /* one line for people: the figure that matters */
};

struct stage {
	const char *name, *help;
	int version; /* goes into the identity: raise it when results change */
	const char *sections; /* settings sections it reads, separated by spaces */
	int (*run)(struct stage_run *run, struct err *err);
	/* Its work is shared out among the ranks of a job, which all call `run`, and rank 0 publishes (base/comm.h). Else
	 * rank 0 does it alone. */
	bool shared;
	/* Files it leaves, space-separated, below its folder; a trailing '/' = a folder with all in it, '?' = only where
	 * the settings (or, with '*' in it, several ranks) lead to it. metrics.json is always there. */
	const char *outputs;
	/* NULL = always; else false when the settings give the stage nothing to do ("no faces.input"). */
	bool (*active)(const struct settings *settings);
	/* Does it read this upstream stage under these settings? NULL = always. */
	bool (*uses)(const struct settings *settings, const char *upstream);
};
extern const struct stage stage_table[];
extern const size_t stage_count;
const struct stage *stage_find(const char *name);

/* OUT/name; freed by the caller. */
char *stage_out_path(const struct stage_run *run, const char *name, struct err *err) MUST_CHECK;
/* Folder of the upstream stage, NULL when it was not given. */
const char *stage_in_folder(const struct stage_run *run, const char *stage);
/* FOLDER/name of an upstream stage; NULL and ERR_SETTINGS when --in STAGE=DIR is missing. */
char *stage_in_path(const struct stage_run *run, const char *stage, const char *name, struct err *err) MUST_CHECK;
/* Resolves one input setting: "@sample/x.zip" → the file in that stage's folder; else globs. */
int stage_expand(const struct stage_run *run, const struct text_list *list, struct path_list *out,
                 struct err *err) MUST_CHECK;
/* The files of network.weights, none for "init", and their SHA-256, comma-separated ("" without files). */
int stage_weight_files(const struct stage_run *run, struct path_list *files, struct strbuf *sums,
                       struct err *err) MUST_CHECK;

/* Does the setting name something that the stage `sample` drew? */
bool stage_reads_sample(const struct text_list *input);

/* ---- the frame: one stage as a command, and the plan that make reads ---- */

/* STAGE --config FILE [--set section.key=value]… [--in STAGE=DIR]… --out DIR. Runs the stage, writes its metrics.json,
 * then `done` (sha256 and size of each output, seconds, peak memory). With `done` there already nothing is done. */
int stage_command(const struct stage *stage, int argc, char **argv, struct err *err) MUST_CHECK;
/* --config FILE [--set …]… --store DIR --out PLAN.mk STAGE[:UP,UP]…: the stages that have something to do, their
 * identities and what each reads, as make variables. PLAN.mk keeps its time when nothing changed. */
int plan_command(int argc, char **argv, struct err *err) MUST_CHECK;
/* For people, about a finished experiment: --in evaluate=DIR [--in pack=DIR] --exp NAME: its figures in one line, and
 * what to type next (with a bundle the demo as well). */
int summary_command(int argc, char **argv, struct err *err) MUST_CHECK;

/* --store DIR PLAN.json [LAST.json]: a line a stage: done, or to do and why, against the record of the last finished
 * run. With --exp STAGE instead: ERR_SETTINGS unless all that stands above STAGE is done. */
int status_command(int argc, char **argv, struct err *err) MUST_CHECK;
/* out/A out/B …: settings, inputs, held-out figures and cost of finished runs side by side. */
int compare_command(int argc, char **argv, struct err *err) MUST_CHECK;
/* --exp out/EXP [STAGE --config FILE --out SCRATCH]: ERR_DATA when an output is not what its `done` says, or when
 * STAGE, run again into SCRATCH, leaves other bytes. */
int verify_command(int argc, char **argv, struct err *err) MUST_CHECK;

/* Options that stages and plan share; parsed from argv in place. */
struct stage_options {
	const char *config, *out, *store, *exp, *shares;
	bool as_ranks; /* of stage_run; what several ranks left is to be made again by one process */
	const char **overrides;
	struct stage_input *inputs;
	const char **words; /* what is no option */
	size_t n_overrides, n_inputs, n_words;
};
int stage_options_parse(struct stage_options *out, int argc, char **argv, struct err *err) MUST_CHECK;
void stage_options_free(struct stage_options *options);

/* sha256 over the content of a file, or of every file below a folder with its name; remembered in CACHE (a TSV) by
 * path, size and times, so that an unchanged archive is not read again. */
int input_hash(const char *path, const char *cache, char hex[SHA256_HEX], struct err *err) MUST_CHECK;

/* `network --summary | --forward IN.npy --out OUT.npy`, with --weights FILE (several), --cut, --size, --seed,
 * --threads: the network alone, for comparisons with other programs. argv holds what follows `network`. IN: float32
 * [n][size][size][3], preprocessed; OUT: float32 [n][h][w][c]. */
int network_command(int argc, char **argv, struct err *err) MUST_CHECK;

/* `tags --nearest TAG -n N --in tags=DIR`: prints the N tags nearest to TAG as "tag<TAB>cosine" lines, best first.
 * `folder` holds the results of the stage tags. TAG is normalised first; ERR_SETTINGS when it is not known. */
int tags_nearest_command(const char *folder, const char *tag, long n, struct err *err) MUST_CHECK;

/* QUESTIONS.json [--config FILE] --in playlists=DIR --in als=DIR --out RESULTS.json: continues the playlists of a Melon
 * file with 100 songs and 10 tags each, by what playlists.h5 shows of them. ERR_DATA when it has not got one of
 * them. */
int arena_command(int argc, char **argv, struct err *err) MUST_CHECK;

/* `cascade --draw OUT.png [-n COUNT] --in cascade=DIR`: the first COUNT features, each over the mean of the crops. */
int cascade_draw_file(const char *folder, const char *out, long count, struct err *err) MUST_CHECK;

/* `faces --describe --in faces=DIR`: prints the faces by class, part, S, L, E and C as tab-separated lines, then by
 * class and part, then whether nobody stands in two parts; ERR_DATA when someone does. */
int faces_describe_command(const char *folder, struct err *err) MUST_CHECK;

int stage_sample(struct stage_run *run, struct err *err);
int stage_faces(struct stage_run *run, struct err *err);
int stage_cascade(struct stage_run *run, struct err *err);
int stage_features(struct stage_run *run, struct err *err);
int stage_emotion(struct stage_run *run, struct err *err);
int stage_playlists(struct stage_run *run, struct err *err);
int stage_tags(struct stage_run *run, struct err *err);
int stage_als(struct stage_run *run, struct err *err);
int stage_evaluate(struct stage_run *run, struct err *err);
int stage_report(struct stage_run *run, struct err *err);
int stage_pack(struct stage_run *run, struct err *err);

#endif
