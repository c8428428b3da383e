/*
 * Shared by the readers of archives only.
 */
#ifndef MOODCAST_ARCHIVE_INTERNAL_H
#define MOODCAST_ARCHIVE_INTERNAL_H

#include "io/io.h"

/* members_walk for a file that is an archive whatever its name says (an .npz is a zip). */
int archive_walk(const char *path, const struct member_walk *walk, struct err *err) MUST_CHECK;
/* A zip ends with a directory record, followed by at most 64 KiB of comment. A file that begins as a zip and
 * lacks it was cut off, even where what is left ends between two members. */
bool zip_is_cut(const char *path);

#endif
