/*
 * Shared by the faces_*.c files only: how the first pass collects pictures.
 */
#ifndef MOODCAST_FACES_INTERNAL_H
#define MOODCAST_FACES_INTERNAL_H

#include <regex.h>

#include "config/config.h"
#include "vision/vision.h"

/* A box read from a K-FACE text, waiting for its picture. */
struct face_text {
	char *stem; /* member path without its extension */
	uint32_t source;
	bool used; /* its picture has the box */
	struct rect box;
};

struct face_scan {
	struct face_set *set;
	const struct faces_request *request;
	const struct faces_settings *settings;
	regex_t person;
	bool has_person;
	uint32_t source; /* being walked */
	int layout;      /* enum faces_layout of it */
	char *label;     /* what its members' names begin with */
	struct name_table wanted; /* people; empty = all */
	uint32_t last_person;
	size_t trimmed; /* faces before it are drawn already */
	struct face_text *texts; /* whose pictures have not come yet, and the last one */
	size_t n_texts, text_capacity;
	size_t pictures;              /* names seen, chosen or not */
	int status; /* what a callback without a result ran into */
	struct err err;
};

/* A picture as its layout describes it. */
struct face_find {
	const char *path;   /* below the source's root */
	const char *label;  /* class as the data set calls it */
	const char *person; /* NULL or "" = not known: the pattern is tried */
	unsigned split;     /* enum face_split or FACE_SPLIT_FREE */
	unsigned accessory, light, expression, camera;
	struct rect box;
	bool has_box;
};

bool faces_is_picture(const char *path); /* by extension; not the ._ files and __MACOSX of a Mac's zip */
bool faces_is_archive(const char *path);
/* Adds the picture when its class is wanted. Failures are kept in scan->status. */
void scan_add(struct face_scan *scan, const struct face_find *find);
void scan_skip(struct face_scan *scan, const char *path, const char *reason, bool picture);
/* Registers root as the source of what follows; prefix NULL = the root's own name. */
int scan_source(struct face_scan *scan, const char *root, bool files, const char *prefix, struct err *err) MUST_CHECK;
/* Whether a class name of the data set is wanted, and as what. NULL = not. */
const char *scan_class(const struct face_scan *scan, const char *label);
void scan_fail(struct face_scan *scan, int code); /* keeps the first failure; its text is in scan->err */
bool scan_selects(const struct faces_settings *settings, const struct face_find *find); /* by S, L, E, C */
unsigned faces_split_parse(const char *name); /* enum face_split or FACE_SPLIT_FREE */
/* One archive, folder or index. */
int scan_input(struct face_scan *scan, const char *input, struct err *err) MUST_CHECK;
int scan_csv(struct face_scan *scan, const char *path, struct err *err) MUST_CHECK;
/* People and pictures drawn by seed where the settings cap them. */
int faces_select(struct face_set *set, const struct faces_request *request, struct err *err) MUST_CHECK;
/* Pictures a person and class, among the faces from `first` on: of a very large archive, while it is still read. */
int faces_limit_pictures(struct face_set *set, size_t first, const struct faces_request *request,
                         struct err *err) MUST_CHECK;
/* The people that faces.persons and persons_file name; none = all. */
int faces_persons_wanted(const struct faces_settings *settings, struct name_table *wanted, struct err *err) MUST_CHECK;
int faces_persons_found(const struct face_set *set, const struct name_table *wanted, struct err *err) MUST_CHECK;
/* The same name twice in one source, among the faces from `first` on: the first is kept. */
int scan_drop_repeated(struct face_scan *scan, size_t first, struct err *err) MUST_CHECK;
/* Boxes out of K-FACE's texts: a new face, or a new text (whose stem it takes when OK), beside what came just before;
 * and what lay apart, for the faces from `first` on. */
void scan_pair_face(struct face_scan *scan, struct face *face);
int scan_pair_text(struct face_scan *scan, struct face_text *text, struct err *err) MUST_CHECK;
int scan_attach_boxes(struct face_scan *scan, size_t first, struct err *err) MUST_CHECK;

/* What became of a chosen picture: reason "" = it has a row. */
struct face_outcome {
	size_t face; /* index into the set as it was chosen */
	bool lost_box;
	const char *reason;
};
struct face_replay {
	int (*settled)(const struct face_outcome *outcome, void *context, struct err *err);
	void *context;
};
/* Goes through what an earlier run stored, in order, and cuts the files back to it. `set` (may be NULL) gets what it
 * says of the faces. */
int faces_store_replay(struct faces_store *store, struct face_set *set, const struct face_replay *replay,
                       struct err *err) MUST_CHECK;
int faces_store_row(struct faces_store *store, const struct face_set *set, const struct face_outcome *outcome,
                    const uint8_t *bytes, size_t size, struct err *err) MUST_CHECK;
int faces_store_flush(struct faces_store *store, struct err *err) MUST_CHECK; /* makes what there is survive a kill */
/* faces_store_create in two steps: what the rows of this work depend on, and the files of a store that go by it. */
int faces_work_identity(const struct face_set *set, const struct faces_settings *settings, char hex[SHA256_HEX],
                        struct err *err) MUST_CHECK;
int faces_store_open(struct faces_store **out, const char *path, const char *identity,
                     const struct faces_settings *settings, struct err *err) MUST_CHECK;
/* By an earlier run. */
int faces_store_begun(const char *path, const char *identity, bool *begun, struct err *err) MUST_CHECK;
/* The rows alone become PATH; without rows there is no such file. PATH.rows.part stays. Frees whatever the result. */
int faces_store_finish_rows(struct faces_store *store, struct err *err) MUST_CHECK;
size_t faces_store_rows(const struct faces_store *store);
int faces_columns_write(struct hdf_file *file, const struct face_set *set, bool synthetic, struct err *err) MUST_CHECK;

/* A walk with the limits of the settings. */
struct member_walk faces_walk(const struct faces_settings *settings);
/* ERR_DATA when the archive is not the one of the first pass any more. */
int source_unchanged(const struct face_source *source, struct err *err) MUST_CHECK;
int faces_csv_has_pixels(const char *path, bool *out, struct err *err) MUST_CHECK;
int scan_csv_pixels(struct face_scan *scan, const char *path, struct err *err) MUST_CHECK;

int names_intern(struct name_table *table, const char *name, uint32_t *out, struct err *err) MUST_CHECK;
bool names_has(const struct name_table *table, const char *name);
void names_free(struct name_table *table);
int face_set_skip(struct face_set *set, const char *member, const char *reason, bool picture,
                  struct err *err) MUST_CHECK;
bool face_box_overlaps(const struct face *face, int width, int height);

/* What becomes of a picture of this size: the part that is cut out, where it comes to lie in the frame, and at which
 * part of its size (1, 2, 4, 8) it may be decoded. */
struct face_plan {
	int width, height;
	struct rect cut, area;
	size_t shrink;
};
struct face_plan face_plan_make(const struct face *face, int width, int height, const struct faces_settings *settings);
int face_place(const struct face_plan *plan, const struct image *picture, struct face_scratch *scratch,
               const struct faces_settings *settings, uint8_t *frame, struct err *err) MUST_CHECK;
void face_planned(struct face *face,
                  const struct face_plan *plan); /* writes sizes, area and the moved box into the face */

/* Drops every face with member == NULL, keeping the order. */
void face_set_compact(struct face_set *set);

#endif
