/*
 * base: what every other library stands on.
 *
 * Status codes and error text, checked memory, seeded random streams, logging and
 * progress, paths and atomic files, hashes, CPU features, a parallel loop that
 * captures errors, and a growing text buffer.
 *
 * Depends on: the C library, OpenMP, libcrypto (SHA-256, Ed25519), xxHash. Includes nothing
 * of the other libraries. Never exits, never prints to stdout, never asserts on input.
 */
#ifndef MOODCAST_BASE_H
#define MOODCAST_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define MOODCAST_VERSION "0.1.0"

/* ---- status and errors -------------------------------------------------------- */

/* name, exit code of the programs, meaning. OK is 0 and only OK is 0. */
#define STATUS_LIST(X)                                                                   \
	X(OK, 0, "done")                                                                     \
	X(ERR_SETTINGS, 2, "settings or arguments")                                          \
	X(ERR_IO, 3, "input or output")                                                      \
	X(ERR_DATA, 4, "malformed data")                                                     \
	X(ERR_NUMERIC, 5, "numeric failure")                                                 \
	X(ERR_STOPPED, 6, "stopped by a signal, checkpoint kept")                            \
	X(ERR_MEMORY, 7, "out of memory")

enum status {
#define STATUS_ENUM(name, exit_code, text) name = exit_code,
	STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

/* One failure: its status and a sentence that names the thing and the place.
 * Initialise with `struct err err = {0};`. */
struct err {
	int code;
	char text[1024];
};

/* Fills *err and returns `code`, so that a failure is one line: return err_set(err, ...). */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set, with the text of errno behind it; always ERR_IO (ERR_MEMORY for ENOMEM). */
int err_errno(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts an outer context in front: "context: text". Returns err->code. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *status_text(int code);

/* ---- memory --------------------------------------------------------------------- */

/* Zeroed memory for count × size bytes, 64-byte aligned, freed by free().
 * count == 0 gives a valid pointer. NULL and ERR_MEMORY in *err on overflow or exhaustion. */
void *mem_alloc(size_t count, size_t size, struct err *err) MUST_CHECK;
/* The same with contents undefined, for a large block that several threads fill from end to end: the first to touch a
 * page has it cleared, which takes one thread longer than the rest of the work. */
void *mem_alloc_unset(size_t count, size_t size, struct err *err) MUST_CHECK;
/* A block of at least `needed` elements; *capacity grows by half again. `old` stays valid on NULL.
 * New elements are zeroed. */
void *mem_grow(void *old, size_t *capacity, size_t needed, size_t size, struct err *err) MUST_CHECK;
char *mem_text(const char *text, struct err *err) MUST_CHECK;
char *mem_format(struct err *err, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);

/* ---- a growing text buffer ---------------------------------------------------------- */

/* Initialise with {0}; `text` is NUL-terminated after the first add. A failed add is
 * remembered in `failed`, so a run of adds is checked once at the end. */
struct strbuf {
	char *text;
	size_t length, capacity;
	bool failed;
};
void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t count);
void strbuf_format(struct strbuf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
int strbuf_check(const struct strbuf *buf, struct err *err) MUST_CHECK;
void strbuf_free(struct strbuf *buf);

/* ---- near misses ---------------------------------------------------------------------- */

/* Levenshtein's distance in bytes; SIZE_MAX for words longer than 160. */
size_t edit_distance(const char *a, const char *b);
/* For "did you mean": the name at most two changes away from `word` (the first of equals), NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names, size_t count);

/* ---- random numbers ---------------------------------------------------------------- */

/* xoshiro256** (Blackman & Vigna 2018), seeded through SplitMix64. One stream a use:
 * the same (seed, stream, index) gives the same numbers on every machine. Never the clock. */
struct rng {
	uint64_t state[4];
};
void rng_seed(struct rng *rng, uint64_t seed, const char *stream, uint64_t index);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* Uniform in [0, 1) with 53 bits. */
double rng_unit(struct rng *rng);
/* Uniform in [low, high). */
double rng_range(struct rng *rng, double low, double high);
/* Standard normal (Box–Muller, one number a call). */
double rng_normal(struct rng *rng);
/* Fisher–Yates over `count` indices. */
void rng_shuffle(struct rng *rng, size_t *indices, size_t count);

/* ---- hashes -------------------------------------------------------------------------- */

#define SHA256_HEX 65
/* Lower-case hex with a final NUL. */
void sha256_bytes(const void *bytes, size_t count, char hex[SHA256_HEX]);
int sha256_file(const char *path, char hex[SHA256_HEX], struct err *err) MUST_CHECK;
/* Ed25519 (RFC 8032) with keys in PEM files; what `openssl pkeyutl -rawin` makes and checks. ERR_IO or ERR_DATA names
 * the key's file. */
#define SIGNATURE_BYTES 64
int signature_make(const char *key_path, const void *bytes, size_t count, unsigned char out[SIGNATURE_BYTES],
                   struct err *err) MUST_CHECK;
/* *good: was it made of these very bytes by the private half of this public key? */
int signature_check(const char *key_path, const void *bytes, size_t count,
                    const unsigned char signature[SIGNATURE_BYTES], bool *good, struct err *err) MUST_CHECK;
/* As sha256_file, for what may take minutes: adds each megabyte to a progress, stops when asked to. */
struct progress;
int sha256_file_watched(const char *path, char hex[SHA256_HEX], struct progress *megabytes, struct err *err) MUST_CHECK;
/* For data: URLs (RFC 4648). */
void strbuf_base64(struct strbuf *buf, const void *bytes, size_t count);
uint64_t hash64(const void *bytes, size_t count, uint64_t seed);

/* ---- time and resources ---------------------------------------------------------------- */

double clock_seconds(void); /* monotonic */
size_t peak_memory_bytes(void);

/* ---- CPU --------------------------------------------------------------------------------- */

enum cpu_level { CPU_BASELINE, CPU_AVX2, CPU_AVX512 };
struct cpu_features {
	bool avx2, fma, f16c;               /* all three: level AVX2 */
	bool avx512f, avx512bw, avx512dq, avx512vl; /* all four, and AVX2's: level AVX512 */
	bool avx512fp16, avx512vnni;
	enum cpu_level level;
};
/* Read once. MOODCAST_CPU=baseline|avx2|avx512 in the environment lowers the level (tests). */
const struct cpu_features *cpu_features(void);
const char *cpu_level_name(enum cpu_level level);

/* ---- threads ------------------------------------------------------------------------------ */

/* settings' `threads`: 0 means every core this process may use. */
int thread_count(int wanted);
/* Calls body(i, thread, context, err) for i in [0, count), `chunk` at a time, on `threads` threads.
 * Returns the failure of the smallest i that failed, else OK; after a failure no further
 * chunk is started. thread is in [0, threads). */
typedef int parallel_body(size_t i, int thread, void *context, struct err *err);
int parallel_for(size_t count, size_t chunk, int threads, parallel_body *body, void *context,
                 struct err *err) MUST_CHECK;

/* Reader → workers → writer, over a ring of slots. `read` runs in a thread of its own and, for each piece of work,
 * claims a slot, fills it and submits it; `work` is called for the slots by `threads` threads at once, `write` in the
 * calling thread in the order of the claims. With one thread, all of it happens in the calling one, slot by slot. What
 * comes out does not depend on the number of threads. The first failure in that order is returned, all before it is
 * written. */
struct pipeline;
struct pipeline_steps {
	size_t slots;
	int threads;
	uint64_t most; /* sum of the weights (bytes, say) of the slots under way; one slot may always be; 0 = any */
	int (*read)(struct pipeline *pipeline, void *context, struct err *err);
	int (*work)(size_t slot, int thread, void *context, struct err *err);
	int (*write)(size_t slot, void *context, struct err *err);
	void *context;
};
int pipeline_run(const struct pipeline_steps *steps, struct err *err) MUST_CHECK;
/* Waits for a free slot. Not OK: the run has failed elsewhere, and the reader returns this. */
int pipeline_claim(struct pipeline *pipeline, uint64_t weight, size_t *slot, struct err *err) MUST_CHECK;
void pipeline_submit(struct pipeline *pipeline); /* the slot claimed last */

/* Set by SIGINT and SIGTERM once signals_install() was called (programs only). Long loops ask. */
void signals_install(void);
bool stop_requested(void);
/* ERR_STOPPED with a sentence when a stop was asked for, else OK. */
int stop_check(const char *what, struct err *err) MUST_CHECK;

/* ---- log and progress ------------------------------------------------------------------- */

/* All of it goes to stderr as "topic: text". */
enum log_level { LOG_QUIET, LOG_WARN, LOG_INFO };
void log_set_level(enum log_level level);
void log_info(const char *topic, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *topic, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* From now on each of them, shown or not, is also appended to PATH as a JSON line of time (UTC), level, topic and text.
 * One file at a time; not for several threads at once. The end adds the failure, if there was one (NULL: none). */
int log_to_file(const char *path, struct err *err) MUST_CHECK;
void log_end_file(const struct err *failure);

/* A bar with rate and time left on a terminal (5 times a second at most), a line each 10 s otherwise.
 * Thread-safe. total 0 = unknown. */
struct progress {
	const char *topic, *unit;
	size_t total, done;
	const char *part_unit; /* of a second count, "people"; NULL = none */
	size_t parts, part_total;
	double started, shown;
	bool terminal, drawn;
};
void progress_start(struct progress *progress, const char *topic, const char *unit, size_t total);
void progress_add(struct progress *progress, size_t count);
void progress_part(struct progress *progress); /* one more of the second count */
void progress_end(struct progress *progress);

/* ---- paths and files ------------------------------------------------------------------------ */

/* "a/b"; an absolute b is returned as it is. Freed by the caller; NULL and *err on failure. */
char *path_join(const char *folder, const char *name, struct err *err) MUST_CHECK;
const char *path_name(const char *path);      /* after the last '/' */
const char *path_extension(const char *path); /* after the last '.', "" without one */
bool path_exists(const char *path);
bool path_is_folder(const char *path);
int folder_make(const char *path, struct err *err) MUST_CHECK; /* with its parents */

struct path_list {
	char **items;
	size_t count, capacity;
};
int path_list_add(struct path_list *list, const char *path, struct err *err) MUST_CHECK;
void path_list_free(struct path_list *list);
/* Adds what a pattern (glob) stands for, sorted; ERR_IO when nothing is there. */
int path_expand(struct path_list *list, const char *pattern, struct err *err) MUST_CHECK;
/* Adds all plain files below a folder, sorted by their bytes, as paths that start with `folder`.
 * Links are not followed. */
int folder_walk(struct path_list *list, const char *folder, struct err *err) MUST_CHECK;

/* The whole of a file, with a NUL behind it. ERR_DATA above `limit` bytes. */
int file_read(const char *path, size_t limit, char **out, size_t *size, struct err *err) MUST_CHECK;

/* Bytes that the file system of a folder still takes from this user. */
int disk_free(const char *folder, uint64_t *out, struct err *err) MUST_CHECK;

/* A file that appears whole or not at all: written as PATH.part, then synced and renamed. */
struct out_file {
	FILE *stream;
	char *path, *part;
};
int out_open(struct out_file *file, const char *path, struct err *err) MUST_CHECK;
/* Checks every write, fsyncs, renames. The struct is closed whatever the result. */
int out_commit(struct out_file *file, struct err *err) MUST_CHECK;
/* Closes and removes the part file; harmless after a commit and on a zeroed struct. */
void out_discard(struct out_file *file);
int file_write(const char *path, const void *bytes, size_t size, struct err *err) MUST_CHECK;
/* Renames PATH.part (written and closed by someone else) to PATH after an fsync; on failure PATH.part is removed. */
int file_commit(const char *path, struct err *err) MUST_CHECK;

#endif
