/* Trainings that write a checkpoint and go on from it, and what they read, with memory that runs out. */
#include <unistd.h>

#include "boost_fixture.h"
#include "failing_memory.h"
#include "nn/nn.h"
#include "recsys/recsys.h"

static struct {
	char *folder, *checkpoint, *faces, *backgrounds, *out;
	struct world world;
	struct path_list positives, negatives, samples;
} have;

static void folder_of_pictures(const char *folder)
{
	struct err err = {0};
	char name[40];
	assert_ok(folder_make(folder, &err));
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%zu.png", i);
		char *path = path_join(folder, name, &err);
		assert_ok(image_save_png(&have.world.backgrounds[i], path, &err));
		free(path);
	}
}

/* Six samples as opencv_createsamples writes them. */
static void file_of_samples(const char *path)
{
	enum { SAMPLES = 6, EACH = 1 + 2 * PIXELS };
	static uint8_t bytes[12 + SAMPLES * EACH] = {SAMPLES, 0, 0, 0, PIXELS & 255, PIXELS >> 8};
	struct err err = {0};
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t p = 0; p < PIXELS; p++)
			bytes[12 + i * EACH + 1 + 2 * p] = (uint8_t)(p * 7 + i);
	assert_ok(file_write(path, bytes, sizeof bytes, &err));
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	have.folder = scratch_new();
	have.checkpoint = strdup(scratch_path(have.folder, "checkpoint"));
	have.out = strdup(scratch_path(have.folder, "out"));
	have.faces = strdup(scratch_path(have.folder, "faces"));
	have.backgrounds = strdup(scratch_path(have.folder, "backgrounds"));
	world_new(&have.world, 40, 1);
	folder_of_pictures(have.faces);
	folder_of_pictures(have.backgrounds);
	assert_ok(path_list_add(&have.positives, have.faces, &err));
	assert_ok(path_list_add(&have.negatives, have.backgrounds, &err));
	assert_ok(path_list_add(&have.samples, scratch_path(have.folder, "samples.vec"), &err));
	file_of_samples(have.samples.items[0]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *paths[] = {have.checkpoint, have.out, have.faces, have.backgrounds};
	world_free(&have.world);
	path_list_free(&have.positives);
	path_list_free(&have.negatives);
	path_list_free(&have.samples);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		free(paths[i]);
	scratch_remove(have.folder);
	return 0;
}

/* Trains to half, which leaves a checkpoint, and from there to the end. */
static int twice(int (*train)(size_t rounds, struct err *err), struct err *err)
{
	unlink(have.checkpoint);
	int code = train(1, err);
	return code == OK ? train(2, err) : code;
}

/* ---- cascade ---- */

static int cascade_rounds(size_t round, struct err *err)
{
	const struct cascade_training training = {.window_w = WINDOW,
	                                          .window_h = WINDOW,
	                                          .features = HAAR_SET_BASIC,
	                                          .stages = 1,
	                                          .num_pos = 30,
	                                          .num_neg = 30,
	                                          .max_weak_count = 2,
	                                          .max_depth = 1,
	                                          .min_hit_rate = 0.9,
	                                          .max_false_alarm = 0.9,
	                                          .weight_trim_rate = 0.95,
	                                          .seed = 5,
	                                          .threads = 1,
	                                          .checkpoint = have.checkpoint,
	                                          .positives = &have.world.positives,
	                                          .backgrounds = have.world.backgrounds,
	                                          .n_backgrounds = ARRAY_COUNT(have.world.backgrounds)};
	struct cascade *cascade;
	struct cascade_outcome outcome;
	int code = cascade_train(&training, &cascade, &outcome, err);
	if (code != OK)
		return code;
	if (outcome.resumed != round - 1)
		code = err_set(err, ERR_DATA, "%zu stages of the checkpoint", outcome.resumed);
	else
		code = cascade_save(cascade, have.out, err);
	cascade_free(cascade);
	cascade_outcome_free(&outcome);
	return code;
}

static int train_cascade(struct err *err)
{
	return twice(cascade_rounds, err);
}

static int read_data(const struct path_list *positives, struct err *err)
{
	const struct cascade_sources sources = {.positives = positives,
	                                        .backgrounds = &have.negatives,
	                                        .window_w = WINDOW,
	                                        .window_h = WINDOW,
	                                        .centre = 0.5,
	                                        .holdout = 0.5,
	                                        .variation = {.seed = 1},
	                                        .train = true,
	                                        .held = true};
	struct cascade_data data;
	int code = cascade_data_read(&sources, &data, err);
	if (code == OK) {
		code = cascade_data_save_holdout(&data, have.out, err);
		cascade_data_free(&data);
	}
	return code;
}

static int read_sources(struct err *err)
{
	return read_data(&have.positives, err);
}

static int read_samples(struct err *err)
{
	return read_data(&have.samples, err);
}

/* ---- head, factors ---- */

static int head_rounds(size_t epochs, struct err *err)
{
	enum { N = 12, INPUTS = 5 };
	float rows[N * INPUTS];
	int32_t labels[N];
	struct head *head;
	struct head_outcome outcome;
	for (size_t i = 0; i < N * INPUTS; i++)
		rows[i] = (float)(i * 7 % 11) + (float)(i / INPUTS % 2);
	for (size_t i = 0; i < N; i++)
		labels[i] = (int32_t)(i % 2);
	const struct head_data data = {.n = N, .inputs = INPUTS, .classes = 2, .rows = rows, .labels = labels};
	const struct head_training training = {.epochs = epochs,
	                                       .batch = 4,
	                                       .learning_rate = .01,
	                                       .standardise = true,
	                                       .balance = true,
	                                       .seed = 1,
	                                       .threads = 1,
	                                       .checkpoint = have.checkpoint,
	                                       .checkpoint_steps = 2};
	int code = head_new(&head, (struct map_shape){1, 1, INPUTS}, 0, 0, 2, err);
	if (code != OK)
		return code;
	code = head_train(head, &data, &data, &training, &outcome, err);
	head_free(head);
	return code;
}

static int train_head(struct err *err)
{
	return twice(head_rounds, err);
}

static int als_rounds(size_t iterations, struct err *err)
{
	static int64_t start[] = {0, 2, 4, 6};
	static int32_t index[] = {0, 1, 1, 2, 0, 3};
	static float value[] = {1, 2, 3, 4, 5, 6};
	const struct csr likes = {.rows = 3, .columns = 4, .start = start, .index = index, .value = value};
	const struct als_options options = {.model = {.factors = 2, .iterations = 2, .regularization = 0.1, .alpha = 1},
	                                    .seed = 1,
	                                    .threads = 1,
	                                    .checkpoint = have.checkpoint};
	struct als_model model;
	float *fresh = NULL;
	int code = als_train(&likes, &options, &model, err);
	if (code != OK)
		return code;
	if (iterations == 2 && (code = als_save_loss(&model, have.out, err)) == OK)
		code = als_fold_in(&model, &(struct als_fold){.learnt = &likes, .fresh = &likes, .threads = 1}, &fresh, err);
	free(fresh);
	als_model_free(&model);
	return code;
}

static int train_factors(struct err *err)
{
	return twice(als_rounds, err);
}

static const struct attempt attempts[] = {
    {"cascade_train", train_cascade},
    {"cascade_data_read", read_sources},
    {"vec_open", read_samples},
    {"head_train", train_head},
    {"als_train", train_factors},
};

static void trainings(void **state)
{
	(void)state;
	memory_walk(attempts, ARRAY_COUNT(attempts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trainings),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
