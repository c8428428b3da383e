/*
 * runtime: the program that serves. One bundle, mapped; a picture in, faces with scores out; a mood, songs out.
 *
 * Depends on: base, io (pictures, JSON, canvas, safetensors), num, vision (cascade, detector), nn (network, head,
 * preprocessing), recsys (recommender), text (normalisation of tags), libmicrohttpd (http_*.c), libseccomp
 * (sandbox.c). Calls nothing that
 * needs HDF5 or libarchive. Pictures stay in memory: never written to a file, never logged.
 *
 * Life cycle: bundle_load → analyzer_new (scratch of one analysis at a time) → analyze_picture …; server_start →
 * server_stop.
 */
#ifndef MOODCAST_RUNTIME_H
#define MOODCAST_RUNTIME_H

#include <pthread.h>

#include "base/base.h"
#include "io/io.h"
#include "nn/nn.h"
#include "recsys/recsys.h"
#include "vision/vision.h"

/* ---- bundle ------------------------------------------------------------------------------ */

#define MAX_CLASSES 32

/* How far the recommender looks; see struct recommend_request. */
struct recommend_counts {
	size_t similar_tags, playlists, songs_per_playlist, choices, per_artist, per_album;
	double min_similarity;
};
/* recommend.tags of one class: the tags that stand for it. */
struct class_tags {
	char **items;
	size_t count;
};
/* What the stage `pack` wrote, mapped and checked. Read-only: shared by all threads. */
struct bundle {
	char *folder;
	bool signature_checked;
	struct json *card;      /* bundle.json */
	const char *name, *cut; /* borrowed from card */
	int precision;          /* enum network_precision */
	size_t n_classes;
	const char *classes[MAX_CLASSES];
	struct class_tags tags[MAX_CLASSES];
	struct preprocess preprocess;
	size_t average_pool; /* 0 or 1 = none */
	struct cascade *cascade;
	struct tensor_file *emotion, *songs;
	struct network *network;
	struct head *head;
	struct recommender *recommender;
	struct recommend_counts counts;
};
/* Loads DIR. Sizes of the files are always held against bundle.json, sha256 sums when `verify`. Missing files: ERR_IO;
 * anything that does not fit: ERR_DATA naming the file. Freed by bundle_free. */
int bundle_load(struct bundle **out, const char *folder, bool verify, struct err *err) MUST_CHECK;
/* The same with sums, and only when bundle.json.sig was made of this very bundle.json by the private half of the
 * Ed25519 key in the PEM file; the sums carry that over to the other files. ERR_DATA when there is no such
 * signature. */
int bundle_load_signed(struct bundle **out, const char *folder, const char *public_key, struct err *err) MUST_CHECK;
void bundle_free(struct bundle *bundle); /* NULL is fine */
/* Position of a class by name, SIZE_MAX for any other name. */
size_t bundle_class(const struct bundle *bundle, const char *label);
/* What it is, in lines for people: classes, files, figures, honesty. */
int bundle_describe(const struct bundle *bundle, struct strbuf *out, struct err *err) MUST_CHECK;

/* ---- one picture --------------------------------------------------------------------------- */

struct seen_face {
	struct rect box;
	int neighbors;
	size_t label;              /* the class of the largest score */
	float scores[MAX_CLASSES]; /* sum 1 */
};
struct analysis {
	size_t width, height, count;
	struct seen_face *faces; /* the sure ones before the others, largest first */
	double detect_seconds, network_seconds; /* the second for all faces together */
};
void analysis_free(struct analysis *analysis);

/* Scratch for one analysis at a time; not shared by threads. */
struct analyzer;
int analyzer_new(struct analyzer **out, const struct bundle *bundle, int threads, struct err *err) MUST_CHECK;
void analyzer_free(struct analyzer *analyzer);
/* A picture larger than the bundle's frame is shrunk into it, as the stage faces does; boxes are those of the picture
 * as it came. Faces by the bundle's cascade, each through preprocessing, network, pooling and head. No face is no
 * error. At most MAX_FACES, the surest and largest. */
#define MAX_FACES 16
int analyze_picture(struct analyzer *analyzer, const struct image *image, struct analysis *out,
                    struct err *err) MUST_CHECK;
/* Adds width, height, faces (x, y, w, h, neighbors, label, scores) and, without a face, "note". */
void analysis_to_json(const struct analysis *analysis, const struct bundle *bundle, struct json *object);
/* The same without label and scores: what `detect` prints. */
void detections_to_json(const struct seen_face *faces, size_t count, struct json *object);
/* Boxes in the class colours with label and probability, drawn over a copy of the picture (RGB). */
int annotate_picture(const struct image *image, const struct analysis *analysis, const struct bundle *bundle,
                     struct image *out, struct err *err) MUST_CHECK;
/* What a class is called in Korean; NULL when no word is known for it. */
const char *class_hangul(const char *label);
/* Neutral grey, positive bright green, negative dark blue; other classes by a fixed palette. */
struct colour class_colour(const char *label, size_t index);

/* ---- songs ----------------------------------------------------------------------------------- */

/* A request in the runtime's own terms: classes by number, tags as typed. */
struct song_request {
	const float *scores; /* [n_classes] or NULL */
	char *const *tags;   /* as typed: normalised here */
	size_t n_tags;
	const int64_t *songs; /* ids the person likes */
	size_t n_songs;
	const int64_t *seen; /* ids not to be named again */
	size_t n_seen;
	const int64_t *disliked; /* ids whose like should sink */
	size_t n_disliked;
	size_t count;
	uint64_t seed;
};
/* The recommendation as JSON: {"songs":[{"id","name","artist","votes","named","closeness","why"}],"notes":[…]}. A pure
 * function of bundle and request. ERR_SETTINGS when there is nothing to start from. */
int songs_recommend(const struct bundle *bundle, const struct song_request *request, struct json **out,
                    struct err *err) MUST_CHECK;
/* "a=.2,b=.8" or a class name → scores [n_classes] that sum to 1. ERR_SETTINGS names what is wrong. */
int scores_parse(const struct bundle *bundle, const char *text, float *scores, struct err *err) MUST_CHECK;
int scores_of_label(const struct bundle *bundle, const char *label, float *scores, struct err *err) MUST_CHECK;

/* Songs by id, as words of the command line or lines of a file. Freed by free(items). */
struct song_list {
	int64_t *items;
	size_t count, capacity;
};
/* ERR_SETTINGS names `place` when text is no id. */
int song_list_add(struct song_list *list, const char *text, const char *place, struct err *err) MUST_CHECK;
/* One id a line; a file that is not there yet is an empty history. ERR_DATA names file and line. */
int history_read(const char *path, struct song_list *list, struct err *err) MUST_CHECK;
/* The old ids, then those of the array "songs" of a recommendation. */
int history_write(const char *path, const struct song_list *old, const struct json *songs, struct err *err) MUST_CHECK;

/* ---- session: one person in front of one camera ------------------------------------------------- */

#define SESSION_SONGS 512

/* Probabilities follow the face with a time constant, the label changes only when another class is ahead by a margin, a
 * mood is settled when its label has stood for a while. No face is a state of its own; the last mood is kept for a
 * moment. A pure function of the calls and their times. */
struct session {
	size_t n_classes;
	struct rect box; /* of the face that is followed, while `any` */
	float smoothed[MAX_CLASSES];
	bool face, settled, any;
	size_t label;
	double updated, label_since, face_seen;
	unsigned long moods; /* raised each time another mood settles */
	size_t settled_label;
	int64_t seen[SESSION_SONGS]; /* songs already named, oldest first */
	size_t n_seen;
	int64_t liked[SESSION_SONGS], disliked[SESSION_SONGS];
	size_t n_liked, n_disliked;
};
void session_start(struct session *session, size_t n_classes);
/* The face that is followed: the one that overlaps its last box most (Jaccard index of 0.3 or more), else, once that
 * face has been gone for a second or was never there, the first. Calls session_update with its scores or without. */
void session_see(struct session *session, const struct analysis *analysis, double seconds);
/* scores [n_classes], or NULL when no face was seen; `seconds` never runs backwards. */
void session_update(struct session *session, const float *scores, double seconds);
/* Forgets the mood (retake), keeps songs and verdicts. */
void session_retake(struct session *session);
void session_saw_song(struct session *session, int64_t song);
enum verdict { VERDICT_NONE, VERDICT_LIKE, VERDICT_DISLIKE };
void session_judge(struct session *session, int64_t song, enum verdict verdict);
void session_to_json(const struct session *session, const struct bundle *bundle, struct json *object);

/* ---- sources: where a server-side camera's pictures come from --------------------------------------- */

struct source;
/* /dev/videoN, a picture (JPEG, PNG, PGM, PPM), *.y4m, *.mjpeg, a folder of pictures, or "-" (told by its first bytes).
 */
int source_open(struct source **out, const char *what, struct err *err) MUST_CHECK;
void source_close(struct source *source);
/* The next picture (RGB). At the end of a finite source *out is left zeroed and *end is true. A damaged picture in a
 * folder or a stream is skipped; ERR_IO when a camera was unplugged. */
int source_next(struct source *source, struct image *out, bool *end, struct err *err) MUST_CHECK;
double source_interval(const struct source *source); /* seconds between pictures; 0 = as they come */
bool source_can_rewind(const struct source *source);
int source_rewind(struct source *source, struct err *err) MUST_CHECK;
/* From any thread: a waiting source_next ends soon, as if the source had ended. */
void source_stop(struct source *source);
size_t source_skipped(const struct source *source);
/* For a source with a rhythm of its own (a film): pictures whose time has passed are dropped, never queued. */
struct source_pace {
	double due; /* clock_seconds() of the next picture; the caller sets it at the start */
	size_t dropped;
};
/* As source_next, but the first picture that is not too late. */
int source_next_due(struct source *source, struct source_pace *pace, struct image *out, bool *end,
                    struct err *err) MUST_CHECK;
/* Seconds until the picture just read is due; 0 or less when it is. */
double source_early(const struct source *source, const struct source_pace *pace);

/* ---- the desk (watch.c) --------------------------------------------------------------------------------- */

struct watch_options {
	const char *source;
	bool realtime; /* a film at its own speed, late pictures dropped; else each picture, as fast as it goes */
	bool terminal; /* a line of bars redrawn in place instead of JSON lines */
	bool colour, korean;
	unsigned long frames; /* ends after so many; 0 = with the source */
	size_t songs;         /* named each time another mood settles */
	int threads;
};
/* Analyses picture after picture until the source ends or a signal asks to stop (both OK). */
int watch_run(const struct bundle *bundle, const struct watch_options *options, struct err *err) MUST_CHECK;

/* ---- arguments (options.c) ----------------------------------------------------------------------------- */

/* A row of one table says which commands take an option, where it goes and what it is for; the reader, the range checks
 * and the help text all come from it. */
struct options {
	const char *cascade, *bundle; /* detect */
	const char *verify_key;
	double scale;
	long neighbors, min_size;
	const char *annotate;       /* analyze */
	const char *label, *scores; /* recommend */
	struct path_list tags, songs;
	long count, seed;
	const char *history;
	bool json, verify, quiet;
	const char *listen, *source, *context; /* serve */
	const char *cert, *key;
	bool allow_remote, no_sandbox;
	bool realtime; /* watch */
	long frames;
	long threads;
	struct path_list rest; /* what is not an option */
};

struct command_help {
	const char *name, *usage, *summary;
};

/* Reads argv[0 … count) (without program and command). ERR_SETTINGS names the option, its range and, when it is
 * misspelt, the nearest name. Texts are borrowed from argv; options_free frees the lists. */
int options_parse(struct options *out, const char *command, char *const *argv, size_t count,
                  struct err *err) MUST_CHECK;
void options_free(struct options *options);
/* "usage", summary and a line an option of that command. */
void options_help(const struct command_help *command, struct strbuf *out);

/* ---- HTTP --------------------------------------------------------------------------------------------- */

struct server_options {
	const char *listen; /* "127.0.0.1:8080"; port 0 = any free one */
	const char *source; /* NULL or "browser" = the browser's camera */
	const char *context; /* JSON of the page's chips; NULL = what is built in */
	const char *cert, *key;
	bool allow_remote;
	int threads;
	size_t queue; /* pictures that may wait; 0 = 8 */
	/* A body must be whole so long after its headers, else 408 (0 = 20); headers so long after the connection was
	 * opened or last answered, else it is closed (0 = 30). */
	double body_seconds, idle_seconds;
};
/* ---- what the process may still do (sandbox.c) ------------------------------------------------------------ */

/* Camera and files: with a source on this machine; then files may be read, and V4L2 devices opened and asked. */
enum sandbox_need { SANDBOX_CONNECTIONS, SANDBOX_FILES, SANDBOX_CAMERA };
/* A seccomp filter over every thread of this process, for good (seccomp(2)): no program, process or socket can be
 * started or opened, no file written, no code mapped. ERR_IO where the kernel takes none. */
int sandbox_enter(enum sandbox_need need, struct err *err) MUST_CHECK;
bool sandbox_possible(void); /* false in a build with a sanitizer or for coverage */
/* As `serve` does it once everything is open: what its source (struct server_options) needs, or a warning when the
 * sandbox is not `wanted` or not possible. */
int sandbox_start(const char *source, bool wanted, struct err *err) MUST_CHECK;

struct server;
/* Listens and answers in threads of its own until server_stop. The bundle must outlive it. */
int server_start(struct server **out, const struct bundle *bundle, const struct server_options *options,
                 struct err *err) MUST_CHECK;
void server_stop(struct server *server); /* answers what is under way, then frees; NULL is fine */
unsigned server_port(const struct server *server);
const char *server_token(const struct server *server);

#endif
