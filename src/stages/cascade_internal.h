#ifndef MOODCAST_CASCADE_INTERNAL_H
#define MOODCAST_CASCADE_INTERNAL_H

#include "stages/stages.h"
#include "vision/vision.h"

/* mean_face.png, and features.png for the report, beside the cascade.xml that stands there already. */
int cascade_draw_stage(const struct stage_run *run, const struct crops *crops, struct err *err) MUST_CHECK;

#endif
