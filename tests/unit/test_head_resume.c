/* The head's training stopped and taken up again: k epochs and then the rest are n epochs, to the byte. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/nn.h"

enum { N = 90, INPUTS = 40, CLASSES = 3, EPOCHS = 9, MOST = (INPUTS + 1) * 8 + 9 * CLASSES };

static struct head_data draw(uint64_t seed)
{
	struct err err = {0};
	struct head_data data = {.n = N, .inputs = INPUTS, .classes = CLASSES};
	struct rng rng;

	data.rows = mem_alloc(N * INPUTS, sizeof(float), &err);
	data.labels = mem_alloc(N, sizeof(int32_t), &err);
	assert_non_null(data.labels);
	rng_seed(&rng, seed, "test.resume", 0);
	for (size_t i = 0; i < N; i++) {
		data.labels[i] = (int32_t)(i % 7 == 0 ? 2 : i % 2);
		for (size_t j = 0; j < INPUTS; j++)
			data.rows[i * INPUTS + j] = (float)(rng_normal(&rng) + (j % 3 == (size_t)data.labels[i] ? 0.4 : 0));
	}
	return data;
}

struct log {
	size_t told, stop_at; /* epochs told; 0 = never stops */
	struct head_epoch epochs[EPOCHS];
};

static int tell(const struct head_epoch *epoch, void *context, struct err *err)
{
	struct log *log = context;

	assert_true(log->told < EPOCHS);
	log->epochs[log->told++] = *epoch;
	return log->told == log->stop_at ? err_set(err, ERR_STOPPED, "enough") : OK;
}

struct run {
	size_t hidden, epochs;
	bool sampling;
	int threads;
	const char *checkpoint;
	double rate;
};

/* Trains, and puts the head's numbers into out. */
static int train(const struct run *run, struct log *log, float *out, struct head_outcome *outcome, struct err *err)
{
	struct head_data data = draw(1), validation = draw(2);
	struct head_training training = {.epochs = run->epochs,
	                                 .batch = 16,
	                                 .patience = 99,
	                                 .learning_rate = run->rate,
	                                 .l2 = 1e-3,
	                                 .dropout = run->hidden ? 0.3 : 0,
	                                 .sampling = run->sampling,
	                                 .balance = !run->sampling,
	                                 .standardise = true,
	                                 .seed = 5,
	                                 .threads = run->threads,
	                                 .checkpoint = run->checkpoint,
	                                 .checkpoint_steps = 4,
	                                 .epoch = tell,
	                                 .context = log};
	struct head *head;
	int code = head_new(&head, (struct map_shape){1, 1, INPUTS}, 0, run->hidden, CLASSES, err);

	assert_int_equal(code, OK);
	code = head_train(head, &data, &validation, &training, outcome, err);
	memcpy(out, head->owned, head_parameters(head) * sizeof(*out));
	head_free(head);
	head_data_free(&data);
	head_data_free(&validation);
	return code;
}

static void same_epochs(const struct log *a, const struct log *b)
{
	assert_int_equal(a->told, b->told);
	for (size_t i = 0; i < a->told; i++) {
		assert_int_equal(a->epochs[i].epoch, b->epochs[i].epoch);
		assert_true(a->epochs[i].train_loss == b->epochs[i].train_loss &&
		            a->epochs[i].train_accuracy == b->epochs[i].train_accuracy);
		assert_true(a->epochs[i].validation_calibrated == b->epochs[i].validation_calibrated &&
		            a->epochs[i].temperature == b->epochs[i].temperature && a->epochs[i].best == b->epochs[i].best);
	}
}

static void a_training_that_goes_on_ends_as_one_that_never_stopped(void **state)
{
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "head.part");

	(void)state;
	for (size_t hidden = 0; hidden <= 8; hidden += 8) {
		for (size_t stop = 1; stop < EPOCHS; stop += 3) {
			struct err err = {0};
			struct run run = {hidden, EPOCHS, stop > 3, 1, NULL, 1e-2};
			struct log whole = {0}, part = {.stop_at = stop}, rest = {0};
			struct head_outcome undisturbed, resumed, none;
			float want[MOST] = {0}, got[MOST] = {0};

			assert_ok(train(&run, &whole, want, &undisturbed, &err));
			run.checkpoint = path;
			assert_refused(train(&run, &part, got, &none, &err), ERR_STOPPED, "enough");
			run.threads = 2;
			assert_ok(train(&run, &rest, got, &resumed, &err));
			assert_memory_equal(want, got, sizeof(want));
			same_epochs(&whole, &rest);
			assert_int_equal(undisturbed.best.epoch, resumed.best.epoch);
			/* It is all there: nothing is trained a third time, and the same comes out. */
			memset(got, 0, sizeof(got));
			assert_ok(train(&run, &(struct log){0}, got, &resumed, &err));
			assert_memory_equal(want, got, sizeof(want));
			assert_int_equal(unlink(path), 0);
		}
	}
	scratch_remove(folder);
}

static void more_epochs_go_on_where_fewer_ended(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct run run = {8, EPOCHS, false, 2, NULL, 1e-2},
	           fewer = {8, 4, false, 1, scratch_path(folder, "head.part"), 1e-2};
	struct log whole = {0}, first = {0}, rest = {0};
	struct head_outcome outcome;
	float want[MOST] = {0}, got[MOST] = {0};

	(void)state;
	assert_ok(train(&run, &whole, want, &outcome, &err));
	assert_ok(train(&fewer, &first, got, &outcome, &err));
	assert_int_equal(first.told, 4);
	run.checkpoint = fewer.checkpoint;
	assert_ok(train(&run, &rest, got, &outcome, &err));
	assert_memory_equal(want, got, sizeof(want));
	same_epochs(&whole, &rest);
	scratch_remove(folder);
}

static void a_checkpoint_of_another_training_or_a_damaged_one_is_left_alone(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct run run = {8, EPOCHS, false, 1, NULL, 1e-2},
	           other = {8, 5, false, 1, scratch_path(folder, "head.part"), 2e-2};
	struct head_outcome outcome;
	float want[MOST] = {0}, got[MOST] = {0};
	FILE *file;

	(void)state;
	assert_ok(train(&run, &(struct log){0}, want, &outcome, &err));
	run.checkpoint = other.checkpoint;
	assert_ok(train(&other, &(struct log){0}, got, &outcome, &err));
	assert_ok(train(&run, &(struct log){0}, got, &outcome, &err));
	assert_memory_equal(want, got, sizeof(want));
	assert_int_equal(truncate(run.checkpoint, 300), 0);
	assert_ok(train(&run, &(struct log){0}, got, &outcome, &err));
	assert_memory_equal(want, got, sizeof(want));
	file = fopen(run.checkpoint, "wb");
	assert_non_null(file);
	fputs("nothing of the kind", file);
	assert_int_equal(fclose(file), 0);
	assert_ok(train(&run, &(struct log){0}, got, &outcome, &err));
	assert_memory_equal(want, got, sizeof(want));
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_training_that_goes_on_ends_as_one_that_never_stopped),
	    cmocka_unit_test(more_epochs_go_on_where_fewer_ended),
	    cmocka_unit_test(a_checkpoint_of_another_training_or_a_damaged_one_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
