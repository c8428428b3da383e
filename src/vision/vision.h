/*
 * vision: faces found and learnt by boosted cascades of Haar features.
 *
 * The cascade model, OpenCV's XML (old form read, new form read and written), a detector that returns
 * the rectangles of OpenCV 4.6's CascadeClassifier::detectMultiScale, a trainer (Viola & Jones 2001; Lienhart,
 * Kuranov & Pisarevsky 2003; Gentle AdaBoost: Friedman, Hastie & Tibshirani 2000), and the evaluation of a cascade.
 *
 * Depends on: base, io (struct image), num (struct rect), expat (cascade_xml.c only).
 * Pictures are 8 bit, [height][width] grey or [height][width][3] RGB; coordinates are pixels from the top left.
 * A window is the size the cascade was trained at. Nothing here prints to stdout or reads the clock.
 */
#ifndef MOODCAST_VISION_H
#define MOODCAST_VISION_H

#include "base/base.h"
#include "io/io.h"
#include "num/num.h"

/* ---- the model ------------------------------------------------------------------------------ */

#define HAAR_RECTS 3

/* Value of a feature in a window = Σ weight · (sum of the pixels in the rectangle) / (area of the norm rectangle · σ).
 * A weight of 0 marks an unused third rectangle. A tilted rectangle starts at its top corner (x, y) and runs w steps
 * down to the right and h steps down to the left. */
struct haar_rect {
	int x, y, w, h;
	float weight;
};
struct haar_feature {
	struct haar_rect rects[HAAR_RECTS];
	bool tilted;
};
/* value < threshold goes left. A child > 0 is a node of the same tree, a child ≤ 0 is the leaf of number −child. */
struct cascade_node {
	int left, right;
	size_t feature;
	float threshold;
};
struct cascade_tree {
	size_t first_node, nodes; /* in cascade.nodes; a stump has one */
	size_t first_leaf;        /* in cascade.leaves; nodes + 1 of them */
};
/* A window passes when the sum of its trees' leaves is ≥ threshold − 1e-5 (OpenCV's tolerance). */
struct cascade_stage {
	float threshold;
	size_t first_tree, trees;
};
/* Read only once loaded; may then be shared by threads. */
struct cascade {
	int window_w, window_h;
	struct haar_feature *features;
	struct cascade_node *nodes;
	float *leaves;
	struct cascade_tree *trees;
	struct cascade_stage *stages;
	size_t n_features, n_nodes, n_leaves, n_trees, n_stages;
	size_t feature_room, node_room, leaf_room, tree_room, stage_room; /* allocated elements */
	size_t max_nodes;                                                 /* of the largest tree: 1 = stumps only */
	bool tilted;                                                      /* some feature is */
};

/* Reads OpenCV's XML, old or new form, by its content. ERR_IO: no such file; ERR_DATA with "file:line: …": not XML, cut
 * off, too deep, another kind of classifier, a feature outside the window, an index out of range or in a cycle, a
 * number that is none. Freed with cascade_free. */
int cascade_load(struct cascade **out, const char *path, struct err *err) MUST_CHECK;
int cascade_parse(struct cascade **out, const void *bytes, size_t size, const char *name, struct err *err) MUST_CHECK;
/* The new form, which OpenCV 4.6 loads; every float reads back as the same bits. */
int cascade_save(const struct cascade *cascade, const char *path, struct err *err) MUST_CHECK;
int cascade_print(const struct cascade *cascade, struct strbuf *out, struct err *err) MUST_CHECK;
/* Structure, index and number checks of a model that was built in memory. */
int cascade_check(const struct cascade *cascade, struct err *err) MUST_CHECK;
void cascade_free(struct cascade *cascade);

/* ---- detection --------------------------------------------------------------------------------- */

struct detect_options {
	double scale;     /* step of the window size, > 1; 0 = 1.1 */
	int neighbors;    /* least number of raw hits behind a face less one, as in OpenCV; 0 = raw hits, not grouped */
	int min_w, min_h; /* pixels; 0 = the cascade's window */
	int max_w, max_h; /* 0 = the picture */
	int threads;      /* 0 or 1 = one; the result does not depend on it */
};
struct detection {
	struct rect box;
	int neighbors;     /* raw hits that were grouped into it; 1 when not grouped */
	double confidence; /* margin over the last stage's threshold, the largest of its hits */
};
/* Initialise with {0}; reused from call to call; detections_free leaves it zeroed. */
struct detections {
	struct detection *items;
	size_t count, capacity;
};
void detections_free(struct detections *detections);

/* Owns all scratch: after the first picture of a size nothing is allocated unless a later one has more raw hits. One
 * detector serves one caller at a time. `cascade` is borrowed and must outlive it. NULL and *err without memory. */
struct detector;
struct detector *detector_new(const struct cascade *cascade, struct err *err) MUST_CHECK;
void detector_free(struct detector *detector);
/* The rectangles of OpenCV 4.6's detectMultiScale in its single-thread order. A picture smaller than the window has no
 * faces. ERR_SETTINGS: scale ≤ 1 or so small that more than 1,000 sizes would be scanned, negative sizes. */
int detector_find(struct detector *detector, const struct image *image, const struct detect_options *options,
                  struct detections *out, struct err *err) MUST_CHECK;

/* Faces of a video's frames in order. The whole frame is searched every `full_every` frames, when its size changes and
 * when the frame before had no face; else the surroundings of that frame's faces, at sizes near theirs: a face that
 * appears elsewhere waits for the next whole search, and between them rectangles may differ a little from it. Scratch
 * is kept as by a detector. NULL and *err without memory. */
struct tracker;
struct tracker *tracker_new(const struct cascade *cascade, size_t full_every, struct err *err) MUST_CHECK;
void tracker_free(struct tracker *tracker);
int tracker_find(struct tracker *tracker, const struct image *image, const struct detect_options *options,
                 struct detections *out, struct err *err) MUST_CHECK;

/* ---- training ------------------------------------------------------------------------------------ */

/* The first `count` weak classifiers' (root) features, each over `mean`, grey and as large as the window, enlarged
 * eight times; six in a row. */
int cascade_draw(const struct cascade *cascade, const struct image *mean, size_t count, struct image *out,
                 struct err *err) MUST_CHECK;

/* As opencv_traincascade enumerates them: at 24×24 BASIC has 162,336 features and ALL 261,600. */
enum haar_set { HAAR_SET_BASIC, HAAR_SET_CORE, HAAR_SET_ALL };

/* Window-sized grey pictures, [count][height][width]. */
struct crops {
	int width, height;
	size_t count, capacity;
	uint8_t *pixels;
};
/* Their mean, grey. */
int crops_mean(const struct crops *crops, struct image *out, struct err *err) MUST_CHECK;
void crops_free(struct crops *crops);
/* How positives are cut from pictures and multiplied. A varied copy is shifted, turned and scaled a little, lit from a
 * side, sharpened and given noise, at random: crops that are all alike in these make a cascade that knows no other
 * faces. */
struct crop_variation {
	bool mirror;   /* every second varied copy is a mirror image, and the plain crop gets one */
	size_t copies; /* varied ones beside the plain one */
	uint64_t seed;
};
/* Adds the rectangle `box` (x, y, w, h) of a grey picture, sampled bilinearly as the detector's layers are, its edge
 * repeated; `number` is the crop's own, for its random stream. `variation` NULL = the plain crop alone. */
int crops_add(struct crops *crops, const struct image *grey, const double box[4],
              const struct crop_variation *variation, uint64_t number, struct err *err) MUST_CHECK;

/* What a cascade is trained and judged on, read from archives and folders (names ending in jpg, jpeg, png);
 * crops also from .vec files. A member
 * belongs to the held-out part when a hash of its path and the seed says so: which it is does not depend on the other
 * members. */
struct cascade_sources {
	const struct path_list *positives;   /* crops; empty = faces_file */
	const struct path_list *backgrounds; /* pictures without faces; larger ones are shrunk to 1,600 pixels */
	const char *faces_file;              /* faces.h5: training people to train on, test people held out */
	int window_w, window_h;
	double centre;                   /* a face without a box is the central square of this share of the shorter side */
	double holdout;                  /* share of crops and of backgrounds */
	struct crop_variation variation; /* of the training part; its seed is that of the hold-out, too */
	bool train, held;                /* which parts are wanted */
};
struct cascade_part {
	struct crops crops;
	size_t sources; /* crops without their copies */
	struct image *backgrounds;
	size_t n_backgrounds, background_room;
};
struct cascade_data {
	struct cascade_part train, held;
	struct path_list held_crops, held_backgrounds; /* "faces.zip/a/b.png" */
	size_t skipped;                                /* pictures that could not be read */
};
/* ERR_DATA: a source that has no usable picture. */
int cascade_data_read(const struct cascade_sources *sources, struct cascade_data *out, struct err *err) MUST_CHECK;
void cascade_data_free(struct cascade_data *data);
/* "crop<TAB>member" and "background<TAB>member" lines of what was held out. */
int cascade_data_save_holdout(const struct cascade_data *data, const char *path, struct err *err) MUST_CHECK;

/* How weak classifiers are fitted and weighed, as in opencv_traincascade: discrete and real AdaBoost, LogitBoost,
 * Gentle AdaBoost (Friedman, Hastie & Tibshirani 2000). */
enum boost_kind { BOOST_GENTLE, BOOST_DISCRETE, BOOST_REAL, BOOST_LOGIT };

struct cascade_training {
	int window_w, window_h;
	enum haar_set features;
	enum boost_kind boost;
	size_t stages, num_pos, num_neg, max_weak_count;
	size_t max_depth; /* splits on the way to a leaf: 1 = stumps … 4 */
	double min_hit_rate, max_false_alarm, weight_trim_rate;
	double acceptance_ratio; /* training ends when the cascade so far lets through no more of the background windows; 0
	                            = never */
	uint64_t seed;
	/* the result depends neither on it nor on the number of ranks, which share features and backgrounds */
	int threads;
	size_t memory_limit;    /* bytes for the table of feature values of a rank; 0 = 3 GiB */
	const char *checkpoint; /* written after every stage and resumed from when it fits; NULL = none. Left in place at
	                           the end. */
	const struct crops *positives;
	const struct image *backgrounds; /* grey */
	size_t n_backgrounds;
};

/* Why the training ended, all of them valid results. */
enum cascade_end {
	CASCADE_ALL_STAGES,
	CASCADE_ACCEPTANCE_REACHED,
	CASCADE_NEGATIVES_EXHAUSTED,
	CASCADE_POSITIVES_EXHAUSTED,
	CASCADE_STAGE_TOO_HARD
};

struct cascade_outcome {
	enum cascade_end end;
	char reason[320];           /* the sentence with its numbers */
	size_t num_pos;             /* positives a stage, after a possible cut */
	size_t flat_positives;      /* ignored: deviation of grey levels ≤ 10, which no detector looks at */
	size_t duplicate_positives; /* equal to an earlier one, ignored */
	size_t weak;                /* stumps in all */
	size_t resumed;             /* stages taken from the checkpoint */
	uint64_t windows;           /* background windows scanned for the last stage */
	double acceptance;          /* share of them that passed the stages before it */
	struct strbuf log;          /* stages.jsonl: a line a weak classifier and a line a stage */
};
void cascade_outcome_free(struct cascade_outcome *outcome);

/* Deterministic: the same bytes for the same inputs and seed whatever the number of threads and however often it was
 * killed and resumed. ERR_SETTINGS: impossible parameters. ERR_DATA: too few usable positives or no background large
 * enough. ERR_NUMERIC: the first stage cannot be learnt. ERR_STOPPED: the checkpoint is kept. `*out` is freed with
 * cascade_free. */
int cascade_train(const struct cascade_training *training, struct cascade **out, struct cascade_outcome *outcome,
                  struct err *err) MUST_CHECK;

/* ---- evaluation -------------------------------------------------------------------------------------- */

/* A held-out picture with one known face. `assumed`: the box is unknown but the face is in the middle. */
struct face_picture {
	struct image grey;
	struct rect box;
	bool assumed;
};
struct cascade_test {
	const struct crops *crops;       /* held-out positives; may be NULL */
	const struct image *backgrounds; /* held-out pictures without faces */
	size_t n_backgrounds;
	const struct face_picture *faces; /* held-out whole pictures */
	size_t n_faces;
	struct detect_options options; /* scale, sizes, threads; neighbors = the operating point */
};
/* One point of the curve: at least `neighbors` raw hits less one, as in detect_options. */
struct cascade_point {
	int neighbors;
	double found;           /* share of the face pictures whose face was found; 0 without pictures */
	double false_a_picture; /* detections a background picture */
};
#define CASCADE_POINTS 8 /* neighbors 1, 2, 3, 4, 6, 8, 12, 16 */
struct cascade_score {
	size_t crops, crops_passed;                               /* windows judged alone: recall = crops_passed / crops */
	size_t faces, faces_found, backgrounds, false_detections; /* at the operating point */
	struct cascade_point curve[CASCADE_POINTS];
};
/* Found: some detection with IoU ≥ 0.4 with the box; or, when the box is assumed, a detection whose centre lies within
 * a quarter of the picture's shorter side around the picture's centre and whose side is 0.25–0.9 of the shorter side.
 */
bool face_found(const struct face_picture *picture, const struct detection *detections, size_t count);
int cascade_evaluate(const struct cascade *cascade, const struct cascade_test *test, struct cascade_score *score,
                     struct err *err) MUST_CHECK;

/* ---- drawn faces and backgrounds ---- */

/* A stand-in for pictures that may not be passed on: people who do not exist, drawn with curves, in the layout of
 * K-FACE. Each differs in shape, skin, hair, eyes, brows, mouth, resting face and clothes; expressions differ in
 * strength and overlap a little; cameras foreshorten, lights shade, noise and JPEG follow. A face learnt from these is
 * a face drawn like these. */
struct drawn_faces {
	size_t people, pictures; /* pictures a person */
	size_t width, height;    /* pixels; each at least 64 */
	uint64_t seed;
	int threads;
};
struct drawn_counts {
	size_t pictures, marked; /* marked: with a text file */
};
/* faces.zip → ID.zip → S001/L1/E01/C7.jpg (and .txt for S001 with L1, L3, L6, L7). Same bytes for any number of
 * threads. */
int drawn_faces_save(const char *path, const struct drawn_faces *faces, struct drawn_counts *counts,
                     struct err *err) MUST_CHECK;

/* A zip of `count` pictures without faces, 320×240, as background_0001.jpg … */
int drawn_backgrounds_save(const char *path, size_t count, uint64_t seed, int threads, struct err *err) MUST_CHECK;

/* ---- is it the same picture? ---- */

/* A picture of 1 or 3 channels as 17 × 16 grey cells. */
#define PRINT_COLUMNS 17
#define PRINT_ROWS 16
struct picture_print {
	/* clearly, to the right */
	uint64_t rises[PRINT_ROWS * (PRINT_COLUMNS - 1) / 64], falls[PRINT_ROWS * (PRINT_COLUMNS - 1) / 64];
	uint16_t cells[PRINT_ROWS * PRINT_COLUMNS]; /* means, 1/128 grey level */
};
void picture_print_take(struct picture_print *out, const struct image *image);
/* Also when one was compressed again, scaled, made lighter or grey, or moved by a pixel; not when mirrored. */
bool picture_print_same(const struct picture_print *a, const struct picture_print *b);

/* ---- reading face data sets ---- */

/* Pictures of faces with a class and, where known, a person: K-FACE trees and archives, class folders, CSV indexes. A
 * first pass over the names chooses what is wanted and reads K-FACE's text files; a second one decodes the chosen
 * pictures in stored order. Files: kface.c (names and texts), faces_*.c. */

struct faces_settings; /* config/config.h */
struct json;

/* S, L, E, C and the person of a K-FACE picture. */
struct kface_name {
	char person[64];
	unsigned accessory, light, expression, camera; /* 1..63 */
};
/* Accepts "…/19071641.zip/S001/L1/E01/C7.jpg", "…/19071641/S001/L1/E01/C7.jpg" and "…/19071641_S001_L1_E01_C7.jpg",
 * with any zero padding and letter case; in the flat form the letters may be missing. Says no to anything else. */
bool kface_name_parse(const char *path, struct kface_name *out);

enum kface_part {
	KFACE_FACE, KFACE_RIGHT_EYE, KFACE_LEFT_EYE, KFACE_NOSE, KFACE_MOUTH, KFACE_RIGHT_EAR, KFACE_LEFT_EAR, KFACE_PARTS
};
struct kface_text {
	/* nose, right eye, left eye, right and left mouth corner, right ear, left ear: x, y in pixels */
	double point[7][2];
	bool known[KFACE_PARTS];
	struct rect box[KFACE_PARTS];
};
/* The .txt beside a picture: 7 lines "x y", then 5 to 7 lines "x y w h" (the parts this camera sees, in order),
 * separated by space, tab, comma or semicolon. Where the number of boxes does not fit the camera only the face, always
 * first, is known. ERR_DATA: a line with another count of numbers, too few or too many lines, a box without area. */
int kface_text_parse(const void *bytes, size_t size, unsigned camera, struct kface_text *out,
                     struct err *err) MUST_CHECK;

enum face_split { FACE_TRAIN, FACE_VALIDATION, FACE_TEST, FACE_SPLITS };
enum face_box_source { FACE_BOX_NONE, FACE_BOX_KFACE, FACE_BOX_CSV, FACE_BOX_SOURCES };
#define FACE_SPLIT_FREE 255 /* the data set does not say */
#define FACE_NOBODY UINT32_MAX

struct face {
	char *member;    /* "faces.zip/19071641.zip/S001/L1/E01/C7.jpg" */
	uint32_t source; /* index into sources */
	uint32_t person; /* index into persons.names, or FACE_NOBODY: a person of its own */
	int label;       /* index into classes */
	uint8_t split, fixed_split; /* enum face_split; fixed_split: what the data set itself says */
	uint8_t accessory, light, expression, camera, box_source;
	struct rect box;   /* in the picture; once read: in the frame */
	struct rect area;  /* of the picture inside its frame, once read */
	int width, height; /* of the picture, once read */
};
struct face_source {
	char *root;  /* archive, folder, or the folder that single files stand below */
	bool files;  /* each picture is a file of its own */
	bool pixels; /* a CSV that holds the pictures themselves */
	uint64_t size;   /* of the file when it was first looked at, 0 for a folder, */
	int64_t changed; /* and its time of change, ns */
	size_t skip; /* characters of `member` in front of the path below the root */
};
struct face_skip {
	char *member, *reason;
	bool picture; /* false: a text file or an index row that cost no picture */
};
/* Distinct names, numbered in order of arrival. */
struct name_table {
	struct path_list names;
	uint32_t *slots;
	size_t n_slots;
};
struct face_set {
	struct face *faces; /* in stored order; rows once read */
	size_t count, capacity;
	struct face_source *sources;
	size_t n_sources, source_capacity;
	struct name_table persons, classes;
	struct face_skip *skips;
	size_t n_skips, skip_capacity, skipped_pictures;
	size_t not_selected; /* pictures that the settings did not ask for, */
	/* among them those of classes that have no name in the settings: the first such classes, */
	struct name_table unknown;
	size_t *unknown_count, unknown_capacity; /* and the pictures of each */
	unsigned layouts;    /* bit i: enum faces_layout i was met */
};
struct faces_request {
	const struct faces_settings *settings;
	const struct path_list *inputs; /* archives, folders, *.csv */
	uint64_t seed;
	int threads;
	/* NULL, or the classes of a finished model that this set is to judge: the set has these, in this order, with or
	 * without pictures, and every picture is held out. */
	const struct path_list *judges;
};

/* First pass: what there is, of whom, of which class; selection by S, L, E, C, faces.classes, faces.people and
 * faces.per_person_class. ERR_DATA: no picture, a class without one, too few people; ERR_SETTINGS: bad person pattern.
 *
 * A CSV index has a header with path, label and, when known, subject, split, x, y, w, h (box in pixels); other columns
 * are ignored. A path is a file below the index's folder, or a member of an archive there: "pictures.zip/a/b.jpg", or
 * "a/b.jpg" when there is no such file but an archive with the index's own name ("index.zip" beside "index.csv"). In
 * class folders and indexes the parts train, valid, test are honoured; a part that they do not name is drawn from the
 * training part. */
int faces_scan(struct face_set **out, const struct faces_request *request, struct err *err) MUST_CHECK;
void face_set_free(struct face_set *set); /* NULL is fine */

/* Rows `first` … first + count − 1, pixels [count][frame_height][frame_width][3]. */
typedef int face_rows(const uint8_t *pixels, size_t first, size_t count, void *context, struct err *err);
/* Second pass: reads, decodes in parallel, hands over rows in stored order. What cannot be read leaves `faces` and is
 * listed in `skips`. Takes no more than faces.memory_mb. */
int faces_read(struct face_set *set, const struct faces_request *request, face_rows *rows, void *context,
               struct err *err) MUST_CHECK;
/* The same into a store; what an earlier run, killed, left there is kept up to its last whole person. */
struct faces_store;
int faces_read_store(struct face_set *set, const struct faces_request *request, struct faces_store *store,
                     struct err *err) MUST_CHECK;
/* A picture as text: numbers 0 … 255 between spaces, square, grey. Grey becomes RGB. ERR_DATA for anything else. */
int faces_pixels_parse(const void *bytes, size_t size, struct image *out, struct err *err) MUST_CHECK;
/* Memory lent from picture to picture; initialise with {0}. */
struct face_scratch {
	uint8_t *bytes;
	size_t capacity;
};
void face_scratch_free(struct face_scratch *scratch);
/* Cuts, shrinks and places one RGB picture into a zeroed frame [frame_height][frame_width][3]; sets area, width, height
 * and moves box. ERR_DATA: the box lies outside the picture. */
int face_frame(struct face *face, const struct image *picture, const struct faces_settings *settings,
               struct face_scratch *scratch, uint8_t *frame, struct err *err) MUST_CHECK;
/* An RGB picture that is larger than such a frame, shrunk until it fits, as face_frame shrinks one without a box.
 * out->pixels is room for a frame. */
struct frame_size {
	size_t width, height;
};
bool picture_fits(const struct image *picture, struct frame_size frame);
int picture_shrink(const struct image *picture, struct frame_size frame, struct face_scratch *scratch,
                   struct image *out, struct err *err) MUST_CHECK;
/* The box average of a rectangle of an RGB picture, no larger than the rectangle, into rows out_stride bytes apart:
 * resample_run's AREA kernel, rounded. */
struct face_shrink {
	const struct image *picture;
	double x, y, w, h;
	size_t out_w, out_h, out_stride;
	uint8_t *out;
};
int face_shrink_run(const struct face_shrink *job, struct face_scratch *scratch, struct err *err) MUST_CHECK;

/* Deals people to the parts: seeded, and such that χ² between the pictures a part and class has and should have grows
 * least (largest people first). ERR_DATA: too few people, a class without a training picture. */
int faces_split(struct face_set *set, const struct faces_request *request, struct err *err) MUST_CHECK;
/* ERR_DATA naming a person who stands in two parts. */
int faces_check_split(const struct face_set *set, struct err *err) MUST_CHECK;

/* faces.h5 (src/ARCHITECTURE.md): create or take up again, faces_read_store, finish. Until it is finished there are
 * PATH.part and PATH.rows.part. A person who is not known is stored as "?ROW", each picture its own. */
int faces_store_create(struct faces_store **out, const char *path, const struct face_set *set,
                       const struct faces_settings *settings, struct err *err) MUST_CHECK;
int faces_store_finish(struct faces_store *store, const struct face_set *set, bool synthetic,
                       struct err *err) MUST_CHECK;
void faces_store_discard(struct faces_store *store); /* NULL is fine; the files stay */
uint64_t faces_store_bytes(const struct faces_store *store); /* that it has on disk so far */
/*
 * The same in shards, for several ranks (base/comm.h): FACES.0.h5 … beside FACES.h5 hold the pixels, each those of a
 * run of people in stored order, and FACES.h5 joins them and has everything else. How the pictures are cut into shards
 * follows from them alone; the shards are dealt to the ranks as these ask, so the bytes do not depend on how many there
 * are.
 *
 * Together: open, read, finish; then rank 0 alone: join. What is there of shards that were begun is kept, however many
 * ranks began them.
 */
struct faces_shards;
/* *out is NULL when it is for one file: `several` is false on one rank, and no shards of this work were begun. ERR_DATA
 * on the rank that sees other pictures than rank 0. */
int faces_shards_open(struct faces_shards **out, const char *path, const struct face_set *set,
                      const struct faces_settings *settings, bool several, struct err *err) MUST_CHECK;
void faces_shards_free(struct faces_shards *shards); /* NULL is fine; the files stay */
/* That they have on disk so far. */
int faces_shards_bytes(const struct faces_shards *shards, uint64_t *out, struct err *err) MUST_CHECK;
/* As faces_read_store; on rank 0 the set is then what all ranks have read, on the others as it was. */
int faces_read_shards(struct face_set *set, const struct faces_request *request, struct faces_shards *shards,
                      struct err *err) MUST_CHECK;
int faces_shards_finish(struct faces_shards *shards, struct err *err) MUST_CHECK;
int faces_shards_join(struct faces_shards *shards, const struct face_set *set, bool synthetic,
                      struct err *err) MUST_CHECK;
/* Where shards begin, start[*count] = all: at most 256, of at least 32 pictures as a rule, cut between people only.
 * Freed by the caller. */
int faces_shards_cut(const struct face_set *set, size_t **start, size_t *count, struct err *err) MUST_CHECK;
/* Bytes that faces.h5 will take at most, for a check before the work. */
uint64_t faces_disk_estimate(const struct face_set *set, const struct faces_settings *settings);

/* member<TAB>reason lines. */
int faces_save_skips(const struct face_set *set, const char *path, struct err *err) MUST_CHECK;
/* ERR_DATA when more than `limit` of the chosen pictures were skipped. */
int faces_check_skips(const struct face_set *set, double limit, struct err *err) MUST_CHECK;
/* Faces and people by part and class, skips by reason, boxes by source. */
int faces_metrics(const struct face_set *set, struct json *metrics, struct err *err) MUST_CHECK;
int faces_people(const struct face_set *set, size_t *out, struct err *err) MUST_CHECK; /* known ones with a picture */
const char *face_split_name(unsigned split);
const char *faces_layout_name(const struct face_set *set); /* "kface", "folders", "csv" or "mixed" */

#endif
