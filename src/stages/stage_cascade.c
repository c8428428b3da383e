/* cascade: crops or faces.h5, and backgrounds → cascade.xml, stages.jsonl, holdout.tsv. */
#include "base/comm.h"
#include "stages/cascade_internal.h"

#include <stdlib.h>
#include <unistd.h>

struct cascade_stage_run {
	struct path_list positives, backgrounds;
	char *faces_file, *checkpoint;
	struct cascade_data data;
	struct cascade *cascade;
	struct cascade_outcome outcome;
};

static void release(struct cascade_stage_run *stage)
{
	path_list_free(&stage->positives);
	path_list_free(&stage->backgrounds);
	free(stage->faces_file);
	free(stage->checkpoint);
	cascade_data_free(&stage->data);
	cascade_free(stage->cascade);
	cascade_outcome_free(&stage->outcome);
}

static int open_inputs(struct cascade_stage_run *stage, const struct stage_run *run, struct err *err)
{
	const struct cascade_settings *settings = &run->settings->cascade;
	int code = stage_expand(run, &settings->positives, &stage->positives, err);
	if (code == OK)
		code = stage_expand(run, &settings->backgrounds, &stage->backgrounds, err);
	if (code == OK && stage->backgrounds.count == 0)
		return err_set(err, ERR_SETTINGS,
		               "cascade.backgrounds: archives or folders of pictures without faces are needed");
	if (code == OK && stage->positives.count == 0 &&
	    !(stage->faces_file = stage_in_path(run, "faces", "faces.h5", err)))
		return err->code;
	struct cascade_sources sources = {
	    .positives = &stage->positives,
	    .backgrounds = &stage->backgrounds,
	    .faces_file = stage->faces_file,
	    .window_w = (int)settings->window_width,
	    .window_h = (int)settings->window_height,
	    .centre = settings->centre,
	    .holdout = settings->holdout,
	    .train = true,
	    .variation = {settings->mirror, (size_t)settings->copies, (uint64_t)run->settings->run.seed}};
	return code == OK ? cascade_data_read(&sources, &stage->data, err) : code;
}

static int train(struct cascade_stage_run *stage, const struct stage_run *run, struct err *err)
{
	const struct cascade_settings *settings = &run->settings->cascade;
	static const enum haar_set sets[] = {
	    [HAAR_BASIC] = HAAR_SET_BASIC, [HAAR_CORE] = HAAR_SET_CORE, [HAAR_ALL] = HAAR_SET_ALL};
	static const enum boost_kind kinds[] = {
	    [BOOST_DAB] = BOOST_DISCRETE, [BOOST_RAB] = BOOST_REAL, [BOOST_LB] = BOOST_LOGIT, [BOOST_GAB] = BOOST_GENTLE};
	if (!(stage->checkpoint = stage_out_path(run, "checkpoint", err)))
		return err->code;
	struct cascade_training training = {.window_w = (int)settings->window_width,
	                                    .window_h = (int)settings->window_height,
	                                    .features = sets[settings->mode],
	                                    .boost = kinds[settings->boost],
	                                    .stages = (size_t)settings->stages,
	                                    .num_pos = (size_t)settings->num_pos,
	                                    .num_neg = (size_t)settings->num_neg,
	                                    .max_weak_count = (size_t)settings->max_weak_count,
	                                    .max_depth = (size_t)settings->max_depth,
	                                    .min_hit_rate = settings->min_hit_rate,
	                                    .max_false_alarm = settings->max_false_alarm,
	                                    .weight_trim_rate = settings->weight_trim_rate,
	                                    .acceptance_ratio = settings->acceptance_ratio,
	                                    .seed = (uint64_t)run->settings->run.seed,
	                                    .threads = run->threads,
	                                    .memory_limit = (size_t)settings->memory_mb << 20,
	                                    .checkpoint = stage->checkpoint,
	                                    .positives = &stage->data.train.crops,
	                                    .backgrounds = stage->data.train.backgrounds,
	                                    .n_backgrounds = stage->data.train.n_backgrounds};
	log_info("cascade", "%zu positives (%zu with copies), %zu backgrounds; %zu and %zu held out",
	         stage->data.train.sources, stage->data.train.crops.count, stage->data.train.n_backgrounds,
	         stage->data.held_crops.count, stage->data.held_backgrounds.count);
	return cascade_train(&training, &stage->cascade, &stage->outcome, err);
}

static int save(const struct cascade_stage_run *stage, const struct stage_run *run, struct err *err)
{
	const struct strbuf *log = &stage->outcome.log;
	char *xml = stage_out_path(run, "cascade.xml", err), *lines = stage_out_path(run, "stages.jsonl", err);
	char *held = stage_out_path(run, "holdout.tsv", err);
	int code = xml && lines && held ? cascade_save(stage->cascade, xml, err) : err->code;
	if (code == OK)
		code = file_write(lines, log->text, log->length, err);
	if (code == OK)
		code = cascade_data_save_holdout(&stage->data, held, err);
	if (code == OK)
		code = cascade_draw_stage(run, &stage->data.train.crops, err);
	if (code == OK)
		unlink(stage->checkpoint);
	free(xml);
	free(lines);
	free(held);
	return code;
}

static void tell(const struct cascade_stage_run *stage, struct stage_run *run)
{
	static const char *const ends[] = {"all_stages", "acceptance_reached", "negatives_exhausted", "positives_exhausted",
	                                   "stage_too_hard"};
	const struct cascade_outcome *outcome = &stage->outcome;
	struct json *metrics = run->metrics;
	json_set_integer(metrics, "stages", (int64_t)stage->cascade->n_stages);
	json_set_integer(metrics, "weak_classifiers", (int64_t)outcome->weak);
	json_set_integer(metrics, "positives", (int64_t)stage->data.train.sources);
	json_set_integer(metrics, "positives_with_copies", (int64_t)stage->data.train.crops.count);
	json_set_integer(metrics, "positives_a_stage", (int64_t)outcome->num_pos);
	json_set_integer(metrics, "flat_positives", (int64_t)outcome->flat_positives);
	json_set_integer(metrics, "duplicate_positives", (int64_t)outcome->duplicate_positives);
	json_set_integer(metrics, "backgrounds", (int64_t)stage->data.train.n_backgrounds);
	json_set_integer(metrics, "held_out_crops", (int64_t)stage->data.held_crops.count);
	json_set_integer(metrics, "held_out_backgrounds", (int64_t)stage->data.held_backgrounds.count);
	json_set_integer(metrics, "skipped", (int64_t)stage->data.skipped);
	json_set_integer(metrics, "windows_last_stage", (int64_t)outcome->windows);
	json_set_number(metrics, "acceptance_last_stage", outcome->acceptance);
	json_set_text(metrics, "end", ends[outcome->end]);
	json_set_text(metrics, "reason", outcome->reason);
	snprintf(run->headline, sizeof run->headline,
	         "%zu stages, %zu weak classifiers; %.2g of background windows reach the last", stage->cascade->n_stages,
	         outcome->weak, outcome->acceptance);
}

int stage_cascade(struct stage_run *run, struct err *err)
{
	struct cascade_stage_run stage = {0};
	int code = open_inputs(&stage, run, err);
	if (code == OK)
		code = train(&stage, run, err);
	if (code == OK && comm_publishes())
		code = save(&stage, run, err);
	if (code == OK && comm_publishes())
		tell(&stage, run);
	release(&stage);
	return code;
}
