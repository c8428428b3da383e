/* What a training leaves on the disk: checkpoints to go on from, and the model. */
#include "als_fixture.h"

static void resumed_conjugate_gradients_end_with_the_same_bytes(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(5);
	struct als_options plain = descending(12, 7, 2), part = descending(12, 4, 2);
	struct als_model whole = {0}, half = {0}, resumed = {0};
	(void)state;
	part.checkpoint = scratch_path(folder, "als.checkpoint");
	assert_ok(als_train(&m, &plain, &whole, &err));
	assert_ok(als_train(&m, &part, &half, &err));
	plain.checkpoint = part.checkpoint;
	plain.checkpoint_seconds = 1e9;
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_same_model(&whole, &resumed);
	als_model_free(&resumed);
	/* Another number of steps is another problem. */
	struct als_options other = descending(12, 7, 3), alone = other;
	struct als_model fresh = {0};
	other.checkpoint = part.checkpoint;
	assert_ok(als_train(&m, &other, &resumed, &err));
	assert_ok(als_train(&m, &alone, &fresh, &err));
	assert_same_model(&fresh, &resumed);
	als_model_free(&fresh);
	als_model_free(&whole);
	als_model_free(&half);
	als_model_free(&resumed);
	csr_free(&m);
	scratch_remove(folder);
}

/* Doubles one factor of a checkpoint with 12 factors. */
static void change_checkpoint(const char *path)
{
	struct err err = {0};
	struct tensor_file *file;
	const struct tensor *header;
	float item[ITEMS * 12];
	double loss[8];
	struct als_state kept = {.items = ITEMS, .factors = 12, .item = item, .loss = loss};
	assert_ok(tensors_map(&file, path, &err));
	assert_ok(tensors_need(file, "state", NPY_I64, 1, (size_t[]){4}, &header, &err));
	memcpy(&kept.identity, header->data, sizeof kept.identity);
	tensors_unmap(file);
	assert_ok(als_checkpoint_load(&kept, 8, path, &err));
	assert_int_equal(kept.iterations, 3);
	kept.item[12] *= 2;
	kept.loss[2] *= 10;
	assert_ok(als_checkpoint_save(&kept, path, &err));
}

static void resumed_training_ends_with_the_same_bytes(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(5);
	struct als_options plain = options_of(12, 7, CONFIDENCE_LOG), part = options_of(12, 4, CONFIDENCE_LOG);
	struct als_model whole = {0}, half = {0}, resumed = {0};
	(void)state;
	part.checkpoint = scratch_path(folder, "als.checkpoint");
	assert_ok(als_train(&m, &plain, &whole, &err));
	assert_ok(als_train(&m, &part, &half, &err));
	assert_true(path_exists(part.checkpoint));
	plain.checkpoint = part.checkpoint;
	plain.checkpoint_seconds = 1e9;
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_same_model(&whole, &resumed);
	/* It did go on from there: with another state in the file the end is another. */
	change_checkpoint(part.checkpoint);
	als_model_free(&resumed);
	assert_ok(als_train(&m, &plain, &resumed, &err));
	assert_true(memcmp(whole.item, resumed.item, ITEMS * 12 * sizeof(float)) != 0);
	als_model_free(&whole);
	als_model_free(&half);
	als_model_free(&resumed);
	csr_free(&m);
	scratch_remove(folder);
}

static void checkpoint_keeps_its_state_and_ignores_strangers(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "state");
	float item[6] = {1, 2, 3, 4, 5, 6}, read_item[6] = {0};
	double loss[2] = {3.5, 1.0 / 3}, read_loss[4] = {0};
	struct als_state saved = {.identity = 77, .iterations = 2, .items = 3, .factors = 2, .item = item, .loss = loss};
	struct als_state read = {.identity = 77, .items = 3, .factors = 2, .item = read_item, .loss = read_loss};
	(void)state;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	assert_ok(als_checkpoint_save(&saved, path, &err));
	assert_ok(als_checkpoint_load(&read, 1, path, &err));
	assert_int_equal(read.iterations, 0);
	read.identity = 78;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	read.identity = 77;
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 2);
	assert_memory_equal(read_item, item, sizeof item);
	assert_memory_equal(read_loss, loss, sizeof loss);
	log_set_level(LOG_QUIET);
	read.iterations = 0;
	assert_ok(file_write(path, "not a checkpoint", 16, &err));
	assert_ok(als_checkpoint_load(&read, 4, path, &err));
	assert_int_equal(read.iterations, 0);
	log_set_level(LOG_WARN);
	scratch_remove(folder);
}

static void saved_model_reads_back_the_same(void **state)
{
	struct err err = {0};
	char *folder = scratch_new();
	struct csr m = draw_matrix(6);
	struct als_options options = options_of(5, 2, CONFIDENCE_LOG);
	struct als_model model = {0}, read = {0};
	(void)state;
	assert_ok(als_train(&m, &options, &model, &err));
	assert_ok(als_save(&model, scratch_path(folder, "als.npz"), &err));
	assert_ok(als_load(&read, scratch_path(folder, "als.npz"), &err));
	assert_int_equal(read.users, USERS);
	assert_int_equal(read.items, ITEMS);
	assert_int_equal(read.factors, 5);
	assert_int_equal(read.iterations, 2);
	assert_true(read.regularization == 0.08 && read.alpha == 1);
	assert_memory_equal(read.user, model.user, USERS * 5 * sizeof(float));
	assert_memory_equal(read.item, model.item, ITEMS * 5 * sizeof(float));
	model.item[7] = NAN;
	als_model_free(&read);
	assert_ok(als_save(&model, scratch_path(folder, "nan.npz"), &err));
	assert_refused(als_load(&read, scratch_path(folder, "nan.npz"), &err), ERR_DATA, "item_factors: row 1, factor 2");
	als_model_free(&model);
	csr_free(&m);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resumed_conjugate_gradients_end_with_the_same_bytes),
	    cmocka_unit_test(resumed_training_ends_with_the_same_bytes),
	    cmocka_unit_test(checkpoint_keeps_its_state_and_ignores_strangers),
	    cmocka_unit_test(saved_model_reads_back_the_same),
	};
	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
