/*
 * The parts of the stage `evaluate`, shared by its files only.
 *
 * Every figure comes from people and playlists that no training saw. A part whose stage was not given is left out.
 */
#ifndef MOODCAST_EVALUATE_INTERNAL_H
#define MOODCAST_EVALUATE_INTERNAL_H

#include "nn/nn.h"
#include "recsys/recsys.h"
#include "stages/stages.h"
#include "text/text.h"

/* The faces of people held out, with what the head says of them. */
struct judged_faces {
	size_t n, persons;
	struct path_list classes;
	struct head_data data; /* labels and rows of features.h5; features themselves are given up */
	size_t *person;        /* [n] */
	float *probabilities;  /* [n][classes] */
	bool synthetic;
	char *pretrained;
};

/* What the music stages left. */
struct music {
	struct playlists *playlists;
	struct vectors vectors; /* as trained; count 0 = the stage tags was not given */
	uint32_t *tag;          /* [vectors.count] row → tag of playlists */
	struct als_model model; /* factors 0 = the stage als was not given */
};

struct evaluation {
	struct stage_run *run;
	struct judged_faces faces; /* n 0 = none */
	/* [n_leaked] rows of faces.h5 that are held out and were trained on; NULL = there are none */
	bool *leaked;
	size_t n_leaked;
	struct music music;        /* playlists NULL = none */
};

bool evaluate_given(const struct stage_run *run, const char *stage);
/* The object of a stage in the metrics; a new one when it has none. */
struct json *evaluate_stage(struct stage_run *run, const char *stage);
/* One object a stage: what it wrote into its metrics.json, with its curves: cascade.by_stage, emotion.history,
 * als.loss_by_iteration. */
int evaluate_gather(struct stage_run *run, struct err *err) MUST_CHECK;

int evaluate_counts(struct stage_run *run, struct err *err) MUST_CHECK; /* faces.counts */
/* faces.leaks; ERR_DATA when a held-out picture was trained on, as evaluate.leaks says. */
int evaluate_leaks(struct evaluation *evaluation, struct err *err) MUST_CHECK;
/* How many pictures of the held-out part of another faces.h5 are also among those trained on here. */
int evaluate_trained_on(const struct stage_run *run, const char *path, size_t *out, struct err *err) MUST_CHECK;
int evaluate_emotion(struct evaluation *evaluation, struct err *err) MUST_CHECK; /* emotion.test, predictions.tsv */
/* `by` and `worst_errors` of emotion.test. */
int evaluate_groups(const struct judged_faces *faces, const struct head_features *features, struct json *test,
                    struct err *err) MUST_CHECK;
/* `without_copies` of emotion.test: the figures without the pictures that evaluate_leaks found. */
int evaluate_unseen(const struct evaluation *evaluation, struct json *test, struct err *err) MUST_CHECK;
/* `found` and `square` of emotion.test: the same pictures through the trained cascade, and cut out in the middle. */
int evaluate_found(struct evaluation *evaluation, struct json *test, struct err *err) MUST_CHECK;
/* The finished model on evaluate.external: emotion.external, external_predictions.tsv, external_skipped.tsv. */
int evaluate_external(struct stage_run *run, struct err *err) MUST_CHECK;
int evaluate_cascade(struct evaluation *evaluation, struct err *err) MUST_CHECK; /* cascade.test */
int evaluate_tags(struct evaluation *evaluation, struct err *err) MUST_CHECK;    /* tags.test, tags.nearest */
int evaluate_als(struct evaluation *evaluation, struct err *err) MUST_CHECK;     /* als.test */
int evaluate_chain(struct evaluation *evaluation, struct err *err) MUST_CHECK;   /* chain */
/* `honesty` and the headline, from the metrics alone. */
void evaluate_honesty(struct stage_run *run);
int evaluate_headline(struct stage_run *run, struct err *err) MUST_CHECK;

/* ---- evaluate_variety.c: lists of songs as they are given, face after face ---- */

struct variety;
int variety_new(struct variety **out, size_t songs, size_t classes, struct err *err) MUST_CHECK;
/* Positions of the songs, each once, that a face of the class got. */
void variety_add(struct variety *variety, size_t class, const size_t *songs, size_t count);
void variety_record(const struct variety *variety, struct json *metrics); /* coverage, repeats, most_given */
void variety_free(struct variety *variety);                               /* NULL is fine */
/* What the model says of the held-out rows of a features.h5: figures into an object of the stage emotion, a table of
 * predictions. `out` starts zeroed and is freed by judged_faces_free whatever the result. */
struct faces_source {
	const char *path;              /* features.h5 */
	const char *name, *predictions; /* "test", "predictions.tsv" */
};
int evaluate_faces(struct stage_run *run, const struct faces_source *source, struct judged_faces *out,
                   struct err *err) MUST_CHECK;

/* ---- stage_faces.c ---- */

/* The stage faces. `judges` not NULL: the classes of a finished model; then all pictures are held out, and those of
 * other classes counted as metrics' left_out. */
int faces_build(struct stage_run *run, const struct path_list *judges, struct err *err) MUST_CHECK;
/* Its pictures: reads them, skips, splits; faces.h5 and skipped.tsv. Together; on rank 0 the set has then what was
 * read. */
struct faces_request;
struct face_set;
int faces_write(struct stage_run *run, const struct faces_request *request, struct face_set *set,
                struct err *err) MUST_CHECK;

int music_load(const struct stage_run *run, struct music *out, struct err *err) MUST_CHECK;
void music_free(struct music *music);
/* Vectors in the order of playlists->tag_name [n_tags][size], zeros where a tag has none; freed by the caller. */
int music_ordered_vectors(const struct music *music, float **out, struct err *err) MUST_CHECK;
void judged_faces_free(struct judged_faces *faces);

#endif
