/* The page of a whole run, shared by the command `summary` only. */
#ifndef MOODCAST_STAGES_RUN_PAGE_INTERNAL_H
#define MOODCAST_STAGES_RUN_PAGE_INTERNAL_H

#include "report/report.h"
#include "stages/stages.h"

/* FOLDER/report/index.html, FOLDER/run.json and each stage's `done` → FOLDER/report.html and FOLDER/costs.json. */
int run_page(const char *folder, struct err *err) MUST_CHECK;

#endif
