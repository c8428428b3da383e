/*
 * config: every setting there is, and the strict reader of INI files.
 *
 * One table (schema.c) has a row a setting: section, key, type, place in `struct settings`,
 * default, range, whether it can change a result, help. Defaults, range checks, help, the
 * example file and the text that a stage's identity is hashed from all come from it.
 * Depends on: base, libinih (the syntax of one line). Never reads anything but the given file
 * and, for ${NAME} in path settings, the environment.
 */
#ifndef MOODCAST_CONFIG_H
#define MOODCAST_CONFIG_H

#include "base/base.h"

/* A list of words: "a, b c" (commas or white space; for tags commas only). */
struct text_list {
	char **items;
	size_t count;
};

/* name → text ("E01=neutral, E02=positive"), or a family of keys `tags.NAME = a, b`. */
struct text_map {
	char **names;
	struct text_list *values;
	size_t count;
};

/* A set of numbers 1..63 ("1, 3-5"); bit i stands for number i. Empty text = all. */
typedef uint64_t number_set;

enum crop_source { CROP_CASCADE, CROP_BOX, CROP_CENTRE };
enum faces_layout { LAYOUT_AUTO, LAYOUT_KFACE, LAYOUT_FOLDERS, LAYOUT_CSV };
enum haar_mode { HAAR_BASIC, HAAR_CORE, HAAR_ALL };
enum boost_type { BOOST_DAB, BOOST_RAB, BOOST_LB, BOOST_GAB };
enum resize_kernel { KERNEL_NEAREST, KERNEL_BILINEAR, KERNEL_AREA };
enum channel_order { CHANNELS_RGB, CHANNELS_BGR };
enum missing_policy { MISSING_ERROR, MISSING_INIT };
enum storage_type { STORAGE_FLOAT32, STORAGE_FLOAT16 };
enum optimizer { OPTIMIZER_ADAM, OPTIMIZER_SGD };
enum rate_schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE };
enum trainable { TRAIN_HEAD, TRAIN_BLOCK5, TRAIN_BLOCK4, TRAIN_BLOCK3, TRAIN_BLOCK2, TRAIN_ALL };
enum network_precision { PRECISION_FP32, PRECISION_FP16 };
/* CUT_INPUT: before the first layer, where everything is trained. */
enum network_cut { CUT_BLOCK1_POOL, CUT_BLOCK2_POOL, CUT_BLOCK3_POOL, CUT_BLOCK4_POOL, CUT_BLOCK5_POOL, CUT_INPUT };
enum class_weighting { WEIGHTS_NONE, WEIGHTS_BALANCED };
enum emotion_sampling { SAMPLING_PLAIN, SAMPLING_BALANCED };
enum tags_model { TAGS_SKIPGRAM, TAGS_CBOW };
enum tags_output { TAGS_NEGATIVE, TAGS_HIERARCHICAL };
enum tags_negatives { TAGS_FRESH, TAGS_SHARED };
enum als_solver { SOLVER_CHOLESKY, SOLVER_CG };
enum confidence { CONFIDENCE_RAW, CONFIDENCE_LOG, CONFIDENCE_MINMAX, CONFIDENCE_BM25 };

struct run_settings {
	long seed, threads, memory_mb, checkpoint_seconds;
};
struct sample_settings {
	long people, pictures, width, height, backgrounds, playlists, songs;
};
struct faces_settings {
	struct text_list input;
	int layout; /* enum faces_layout */
	number_set accessories, lights, expressions, cameras;
	struct text_map classes;
	char *person_pattern;
	struct text_list persons, persons_file;
	long people, per_person_class, frame_width, frame_height, compress, memory_mb;
	double people_share, box_margin, validation, test, max_skipped, max_megapixels, max_ratio, max_unpacked_gb;
	bool scaled;
};
struct cascade_settings {
	struct text_list positives, backgrounds;
	long window_width, window_height, stages, num_pos, num_neg, max_weak_count, max_depth;
	long copies, memory_mb;
	int mode;  /* enum haar_mode */
	int boost; /* enum boost_type */
	double min_hit_rate, max_false_alarm, weight_trim_rate, acceptance_ratio, centre, holdout;
	bool mirror;
};
/* The one preprocessing object: set once, stored with the model, used by training and serving. */
struct preprocess_settings {
	struct text_list crop; /* enum crop_source by name, in order of preference */
	double margin, centre, centre_down;
	long size;
	int kernel;   /* enum resize_kernel */
	int channels; /* enum channel_order */
	struct text_list mean; /* three numbers, in the order of `channels` */
	double scale;
	double detect_scale;
	long detect_neighbors, detect_min_size;
};
struct augment_settings {
	long copies;
	double flip, grey, shift, scale, rotation, brightness, contrast, gamma, blur, cutout;
};
struct network_settings {
	struct text_list weights; /* files; empty or "init" = He initialisation */
	int missing, cut, storage, precision; /* enum missing_policy, network_cut, storage_type, network_precision */
	long batch;
};
struct emotion_settings {
	long average_pool, hidden, epochs, batch, patience, folds;
	double dropout, learning_rate, l2, label_smoothing, focal;
	int class_weights; /* enum class_weighting */
	int sampling; /* enum emotion_sampling */
	int trainable, optimizer, schedule; /* enum trainable, optimizer, rate_schedule */
	long tune_epochs, tune_batch, warmup_steps, checkpoint_steps;
	double tune_rate, momentum, clip_norm;
	bool standardise;
};
struct playlists_settings {
	struct text_list input, pairs, song_meta;
	double holdout, max_skipped;
	bool matrix_market;
};
struct tags_settings {
	int model, output, negatives; /* enum tags_model, tags_output, tags_negatives */
	bool deterministic;
	long size, window, min_count, negative, epochs, neighbours;
	double alpha, min_alpha, sample, ns_exponent;
};
struct als_settings {
	long factors, iterations;
	double regularization, alpha;
	int confidence; /* enum confidence */
	int solver;     /* enum als_solver */
	long cg_steps;
};
struct recommend_settings {
	struct text_map tags; /* recommend.tags.LABEL = tag, tag */
	long similar_tags, playlists, songs_per_playlist, choices, count, per_artist, per_album;
	double min_similarity;
	double tag_weight, sharpness, damping, als_weight; /* of the ranking of songs for a playlist */
};
enum leak_policy { LEAKS_ERROR, LEAKS_REPORT, LEAKS_IGNORE };
struct evaluate_settings {
	long neighbours, bootstrap;
	double new_songs;
	int leaks; /* enum leak_policy */
	struct text_list show_tags;
	struct text_list external; /* another data set of faces */
	struct text_map external_classes;
	struct text_list external_crop; /* empty = preprocess.crop */
	double external_centre;         /* 0 = preprocess.centre */
};
struct report_settings {
	char *title;
	bool faces;
};
struct pack_settings {
	char *name;
	struct text_list new_songs; /* playlists of after training */
	struct text_list sign_key;
};

struct settings {
	struct run_settings run;
	struct sample_settings sample;
	struct faces_settings faces;
	struct cascade_settings cascade;
	struct preprocess_settings preprocess;
	struct augment_settings augment;
	struct network_settings network;
	struct emotion_settings emotion;
	struct playlists_settings playlists;
	struct tags_settings tags;
	struct als_settings als;
	struct recommend_settings recommend;
	struct evaluate_settings evaluate;
	struct report_settings report;
	struct pack_settings pack;
};

/* Defaults, then the file (NULL = none), then "section.key=value" overrides in order.
 * Everything unknown, repeated, out of range or of the wrong kind is ERR_SETTINGS with
 * file:line and, for a misspelt key, "did you mean". *out is set only on success. */
int settings_load(struct settings **out, const char *file, const char *const *overrides,
                  size_t n_overrides, struct err *err) MUST_CHECK;
void settings_free(struct settings *settings);

/* "section.key=value" lines of the settings of `sections` (words, each "section" or "section.key"; NULL = all) that can
 * change a result, in schema order; the text a stage's identity is hashed from. Paths are left out: their contents are
 * hashed instead. */
int settings_identity(const struct settings *settings, const char *sections, struct strbuf *out,
                      struct err *err) MUST_CHECK;
/* Input files of the sections as written, `${NAME}` expanded, globs not: for hashing and checks. */
int settings_paths(const struct settings *settings, const char *sections, struct path_list *out,
                   struct err *err) MUST_CHECK;
/* The effective settings of `sections` (words, NULL = all) as an INI file: all; all with help and range; those that can
 * change a result. */
enum settings_view { SETTINGS_ALL, SETTINGS_COMMENTED, SETTINGS_OF_RESULTS };
int settings_print(const struct settings *settings, enum settings_view view, const char *sections, struct strbuf *out,
                   struct err *err) MUST_CHECK;
/* configs/SETTINGS.md: a Markdown table a section. */
int settings_reference(struct strbuf *out, struct err *err) MUST_CHECK;

const char *network_cut_name(int cut); /* "block1_pool" … */
const char *network_precision_name(int precision); /* "fp32", "fp16" */
const char *trainable_name(int trainable);         /* "head", "block5" … "all" */
/* Where features end so that `trainable` can be trained of a network that ends at `cut`: an enum network_cut.
 * ERR_SETTINGS when there is no such block in it. */
int trainable_cut(int trainable, int cut, int *features_cut, struct err *err) MUST_CHECK;
const char *crop_source_name(int source);
/* Position in {"cascade","box","centre"} or -1. */
int crop_source_find(const char *name);

#endif
