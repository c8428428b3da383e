#ifndef MOODCAST_FRAME_INTERNAL_H
#define MOODCAST_FRAME_INTERNAL_H

#include "stages/stages.h"

/* *there: is it? ERR_MEMORY when that cannot be asked. */
int file_in(const char *folder, const char *name, bool *there, struct err *err) MUST_CHECK;
/* Hashes every output that the table promises (a missing one is an error) and writes OUT/done, the last file of a
 * stage. */
int done_write(const struct stage *stage, const struct stage_run *run, double seconds, struct err *err) MUST_CHECK;
/* What a stage may need at most, in bytes, by its settings and the sizes of what it reads. */
int stage_memory_need(const struct stage *stage, const struct stage_run *run, double *bytes,
                      struct err *err) MUST_CHECK;
/* Waits until so much of run.memory_mb is free among the stages that share the file PATH; held until the process
 * ends. */
int stage_memory_take(const struct stage *stage, const struct stage_run *run, const char *path,
                      struct err *err) MUST_CHECK;
/* ERR_SETTINGS when FOLDER/done was written with settings that give another result. */
int done_check(const struct stage *stage, const struct settings *settings, const char *folder,
               struct err *err) MUST_CHECK;

#endif
