/* The step as fast as the CPU has it; built with -ffp-contract=fast. */
#define STEP(level) step_fused_##level
#include "text/skipgram_step_internal.h"

skipgram_step_run *skipgram_fused_choose(enum cpu_level level)
{
	return step_fused_choose(level);
}
