#include "boost_fixture.h"

static struct cascade_training training_of(const struct world *world, enum haar_set set)
{
	return (struct cascade_training){.window_w = WINDOW,
	                                 .window_h = WINDOW,
	                                 .features = set,
	                                 .stages = 4,
	                                 .num_pos = 150,
	                                 .num_neg = 150,
	                                 .max_weak_count = 20,
	                                 .max_depth = 1,
	                                 .min_hit_rate = 0.98,
	                                 .max_false_alarm = 0.5,
	                                 .weight_trim_rate = 0.95,
	                                 .seed = 5,
	                                 .threads = 1,
	                                 .positives = &world->positives,
	                                 .backgrounds = world->backgrounds,
	                                 .n_backgrounds = ARRAY_COUNT(world->backgrounds)};
}

static char *train_text(const struct cascade_training *training, char **log)
{
	struct err err = {0};
	struct cascade *cascade;
	struct cascade_outcome outcome;
	struct strbuf text = {0};
	assert_ok(cascade_train(training, &cascade, &outcome, &err));
	assert_int_equal(cascade->n_stages, training->stages);
	assert_ok(cascade_print(cascade, &text, &err));
	if (log)
		*log = mem_text(outcome.log.text, &err);
	cascade_free(cascade);
	cascade_outcome_free(&outcome);
	return text.text;
}

static void the_planted_object_is_learnt(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world, fresh;
	struct cascade *cascade;
	struct cascade_outcome outcome;
	struct cascade_score score;
	world_new(&world, 250, 1);
	world_new(&fresh, 200, 2);
	struct cascade_training training = training_of(&world, HAAR_SET_ALL);
	assert_ok(cascade_train(&training, &cascade, &outcome, &err));
	assert_int_equal(cascade->n_stages, 4);
	struct cascade_test test = {.crops = &fresh.positives,
	                            .backgrounds = fresh.backgrounds,
	                            .n_backgrounds = 12,
	                            .options = {.scale = 1.2, .neighbors = 3}};
	assert_ok(cascade_evaluate(cascade, &test, &score, &err));
	assert_true((double)score.crops_passed >= 0.85 * 200);
	assert_true(outcome.acceptance < 0.05);
	for (size_t p = 1; p < CASCADE_POINTS; p++)
		assert_true(score.curve[p].false_a_picture <= score.curve[p - 1].false_a_picture);
	cascade_free(cascade);
	cascade_outcome_free(&outcome);
	world_free(&world);
	world_free(&fresh);
}

static void threads_do_not_change_a_byte(void **state)
{
	(void)state;
	struct world world;
	char *log[2];
	world_new(&world, 250, 3);
	struct cascade_training training = training_of(&world, HAAR_SET_CORE);
	char *one = train_text(&training, &log[0]);
	training.threads = 3;
	char *three = train_text(&training, &log[1]);
	assert_string_equal(one, three);
	assert_string_equal(log[0], log[1]);
	training.seed++;
	char *other = train_text(&training, NULL);
	assert_string_not_equal(one, other);
	free(one);
	free(three);
	free(other);
	free(log[0]);
	free(log[1]);
	world_free(&world);
}

/* The log up to and with the line that closes stage `stages` − 1. */
static size_t log_length(const char *log, size_t stages)
{
	const char *at = log;
	for (size_t s = 0; s < stages; s++) {
		at = strstr(at, "\"weak_classifiers\"");
		assert_non_null(at);
		at = strchr(at, '\n') + 1;
	}
	return (size_t)(at - log);
}

static struct cascade cut(const struct cascade *whole, size_t stages)
{
	struct cascade part = *whole;
	part.n_stages = stages;
	part.n_trees = whole->stages[stages].first_tree;
	part.n_nodes = whole->trees[part.n_trees].first_node;
	part.n_leaves = whole->trees[part.n_trees].first_leaf;
	part.n_features = 0;
	for (size_t i = 0; i < part.n_nodes; i++)
		if (whole->nodes[i].feature >= part.n_features)
			part.n_features = whole->nodes[i].feature + 1;
	return part;
}

/* What a training that was killed after stage k leaves behind leads to the same bytes. */
static void a_resumed_training_ends_with_the_same_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct cascade *whole;
	struct cascade_outcome outcome;
	char *folder = scratch_new(), *log[2];
	world_new(&world, 250, 4);
	struct cascade_training training = training_of(&world, HAAR_SET_ALL);
	training.checkpoint = scratch_path(folder, "checkpoint");
	char *undisturbed = train_text(&training, &log[0]);
	for (size_t stages = 1; stages < 4; stages++) {
		assert_ok(cascade_parse(&whole, undisturbed, strlen(undisturbed), "whole", &err));
		struct cascade part = cut(whole, stages);
		outcome = (struct cascade_outcome){.windows = 1, .acceptance = .5};
		strbuf_add_bytes(&outcome.log, log[0], log_length(log[0], stages));
		assert_ok(checkpoint_save(&training, training_identity(&training), &part, &outcome, &err));
		cascade_outcome_free(&outcome);
		char *resumed = train_text(&training, &log[1]);
		assert_string_equal(undisturbed, resumed);
		assert_string_equal(log[0], log[1]);
		free(resumed);
		free(log[1]);
		cascade_free(whole);
	}
	free(undisturbed);
	free(log[0]);
	world_free(&world);
	scratch_remove(folder);
}

static void a_foreign_checkpoint_is_not_taken(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct cascade *cascade;
	struct cascade_outcome outcome;
	char *folder = scratch_new();
	world_new(&world, 250, 4);
	struct cascade_training training = training_of(&world, HAAR_SET_BASIC);
	training.stages = 1;
	training.checkpoint = scratch_path(folder, "checkpoint");
	free(train_text(&training, NULL));
	training.max_false_alarm = 0.4;
	log_set_level(LOG_QUIET);
	assert_ok(cascade_train(&training, &cascade, &outcome, &err));
	assert_int_equal(outcome.resumed, 0);
	cascade_free(cascade);
	cascade_outcome_free(&outcome);
	assert_ok(file_write(training.checkpoint, "moodcast", 8, &err));
	assert_refused(cascade_train(&training, &cascade, &outcome, &err), ERR_DATA, "no checkpoint");
	world_free(&world);
	scratch_remove(folder);
}

static void impossible_trainings_are_refused_with_numbers(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct cascade *cascade;
	struct cascade_outcome outcome;
	log_set_level(LOG_QUIET);
	world_new(&world, 15, 8);
	struct cascade_training training = training_of(&world, HAAR_SET_BASIC);
	assert_refused(cascade_train(&training, &cascade, &outcome, &err), ERR_DATA, "15 usable positives");
	training.min_hit_rate = 1.5;
	assert_refused(cascade_train(&training, &cascade, &outcome, &err), ERR_SETTINGS, "1.5");
	training = training_of(&world, HAAR_SET_BASIC);
	training.n_backgrounds = 0;
	assert_refused(cascade_train(&training, &cascade, &outcome, &err), ERR_DATA, "0 backgrounds");
	training = training_of(&world, HAAR_SET_ALL);
	training.memory_limit = 1000;
	assert_refused(cascade_train(&training, &cascade, &outcome, &err), ERR_SETTINGS, "the limit is 0 MB");
	world_free(&world);
}

static void too_few_negatives_end_the_training_in_words(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct cascade *cascade;
	struct cascade_outcome outcome;
	world_new(&world, 250, 9);
	struct cascade_training training = training_of(&world, HAAR_SET_ALL);
	training.stages = 30;
	training.n_backgrounds = 1;
	assert_ok(cascade_train(&training, &cascade, &outcome, &err));
	assert_int_equal(outcome.end, CASCADE_NEGATIVES_EXHAUSTED);
	assert_true(cascade->n_stages < 30);
	assert_non_null(strstr(outcome.reason, "negatives exhausted"));
	cascade_free(cascade);
	cascade_outcome_free(&outcome);
	world_free(&world);
}

static void every_kind_of_boosting_learns_the_planted_object(void **state)
{
	(void)state;
	static const enum boost_kind kinds[] = {BOOST_GENTLE, BOOST_DISCRETE, BOOST_REAL, BOOST_LOGIT};
	struct err err = {0};
	struct world world, fresh;
	char *texts[ARRAY_COUNT(kinds)];
	world_new(&world, 250, 1);
	world_new(&fresh, 200, 2);
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		struct cascade_training training = training_of(&world, HAAR_SET_BASIC);
		struct cascade *cascade;
		struct cascade_score score;
		training.boost = kinds[k];
		texts[k] = train_text(&training, NULL);
		for (size_t other = 0; other < k; other++)
			assert_string_not_equal(texts[k], texts[other]);
		assert_ok(cascade_parse(&cascade, texts[k], strlen(texts[k]), "trained", &err));
		struct cascade_test test = {.crops = &fresh.positives, .options = {.scale = 1.2, .neighbors = 3}};
		assert_ok(cascade_evaluate(cascade, &test, &score, &err));
		assert_true((double)score.crops_passed >= 0.8 * 200);
		cascade_free(cascade);
	}
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++)
		free(texts[k]);
	world_free(&world);
	world_free(&fresh);
}

/* What a stage says of itself is held to the detector's own verdict by the trainer, so trees are walked alike in
 * both. */
static void trees_need_fewer_weak_classifiers(void **state)
{
	(void)state;
	static const enum boost_kind kinds[] = {BOOST_GENTLE, BOOST_DISCRETE, BOOST_REAL, BOOST_LOGIT};
	struct err err = {0};
	struct world world, fresh;
	world_new(&world, 250, 1);
	world_new(&fresh, 200, 2);
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		size_t trees[TREE_DEPTH + 1] = {0};
		for (size_t depth = 1; depth <= TREE_DEPTH; depth += depth == 1 ? 1 : 2) {
			struct cascade_training training = training_of(&world, HAAR_SET_BASIC);
			struct cascade *cascade;
			struct cascade_score score;
			training.boost = kinds[k];
			training.max_depth = depth;
			training.stages = 2;
			training.max_false_alarm = 0.05;
			char *text = train_text(&training, NULL);
			assert_ok(cascade_parse(&cascade, text, strlen(text), "trained", &err));
			assert_true(cascade->max_nodes <= ((size_t)1 << depth) - 1 && (depth == 1) == (cascade->max_nodes == 1));
			struct cascade_test test = {.crops = &fresh.positives, .options = {.scale = 1.2, .neighbors = 3}};
			assert_ok(cascade_evaluate(cascade, &test, &score, &err));
			assert_true((double)score.crops_passed >= 0.8 * 200);
			trees[depth] = cascade->n_trees;
			training.threads = 3;
			char *again = train_text(&training, NULL);
			assert_string_equal(text, again);
			free(again);
			free(text);
			cascade_free(cascade);
		}
		assert_true(trees[2] <= trees[1]);
	}
	world_free(&world);
	world_free(&fresh);
}

int main(void)
{
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_planted_object_is_learnt),
	    cmocka_unit_test(every_kind_of_boosting_learns_the_planted_object),
	    cmocka_unit_test(threads_do_not_change_a_byte),
	    cmocka_unit_test(a_resumed_training_ends_with_the_same_bytes),
	    cmocka_unit_test(a_foreign_checkpoint_is_not_taken),
	    cmocka_unit_test(impossible_trainings_are_refused_with_numbers),
	    cmocka_unit_test(too_few_negatives_end_the_training_in_words),
	    cmocka_unit_test(trees_need_fewer_weak_classifiers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
