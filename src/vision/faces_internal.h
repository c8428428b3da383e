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
	struct face_text *texts;
	size_t n_texts, text_capacity;
	size_t pictures;              /* names seen, chosen or not */
	struct strbuf unknown_labels; /* a few class names that faces.classes does not have, for the error */
	size_t n_unknown;
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

int names_intern(struct name_table *table, const char *name, uint32_t *out, struct err *err) MUST_CHECK;
void names_free(struct name_table *table);
int face_set_skip(struct face_set *set, const char *member, const char *reason, bool picture,
                  struct err *err) MUST_CHECK;
bool face_box_overlaps(const struct face *face, const struct image *picture);
/* Drops every face with member == NULL, keeping the order. */
void face_set_compact(struct face_set *set);

#endif
