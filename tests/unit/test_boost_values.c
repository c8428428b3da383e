/* Values and stumps: those of the detector, the best of all, the same at every level of the CPU. */
#include "boost_fixture.h"

/* The histograms' choice against sums over all samples for every feature and bin. */
static void the_best_stump_is_the_best_of_all(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct samples samples;
	struct rng rng;
	world_new(&world, 120, 6);
	struct crops negatives = {.width = WINDOW, .height = WINDOW};
	for (size_t i = 0; i < 130; i++) {
		uint8_t pixels[PIXELS];
		for (size_t y = 0; y < WINDOW; y++)
			memcpy(pixels + y * WINDOW, world.backgrounds[i % 12].pixels + (y + i / 2) * 120 + i / 2, WINDOW);
		assert_ok(crops_push(&negatives, pixels, &err));
	}
	assert_ok(samples_new(&samples, &world.positives, &negatives, true, &err));
	struct bin_table table = {.n_features = haar_features_count(HAAR_SET_ALL, WINDOW, WINDOW)};
	table.end = table.n_features;
	table.features = mem_alloc(table.n_features, sizeof *table.features, &err);
	table.bins = mem_alloc(table.n_features, samples.lanes, &err);
	uint32_t *weights = mem_alloc(samples.lanes, sizeof *weights, &err),
	         *active = mem_alloc(samples.lanes, sizeof *active, &err);
	haar_features_list(HAAR_SET_ALL, WINDOW, WINDOW, table.features);
	assert_ok(bin_table_fill(&table, &samples, 2, &err));
	rng_seed(&rng, 8, "test.weights", 0);
	struct stump_search search = {&table, &samples, weights, NULL, NULL, 0, 0, 2};
	for (size_t i = 0; i < samples.count; i++) {
		weights[i] = rng_below(&rng, 3) ? (uint32_t)rng_below(&rng, 8000000) : 0;
		if (weights[i]) {
			active[search.n_active++] = (uint32_t)i;
			search.active_positives += i < samples.positives;
		}
	}
	size_t dense = 0, sparse = 0;
	assert_ok(stump_search_run(&search, &dense, &err));
	search.active = active;
	assert_ok(stump_search_run(&search, &sparse, &err));
	assert_int_equal(dense, sparse);
	double best = -1, chosen = -1;
	for (size_t f = 0; f < table.n_features; f++) {
		const uint8_t *bins = table.bins + f * samples.lanes;
		double sum[BINS] = {0}, weight[BINS] = {0}, all_sum = 0, all_weight = 0, left_sum = 0, left_weight = 0,
		       score = 0;
		for (size_t i = 0; i < samples.count; i++) {
			double signed_weight = i < samples.positives ? weights[i] : -(double)weights[i];
			sum[bins[i]] += signed_weight;
			weight[bins[i]] += weights[i];
			all_sum += signed_weight;
			all_weight += weights[i];
		}
		for (size_t b = 0; b + 1 < BINS; b++) {
			left_sum += sum[b];
			left_weight += weight[b];
			double right_sum = all_sum - left_sum, right_weight = all_weight - left_weight;
			if (left_weight > 0 && right_weight > 0)
				score = fmax(score, left_sum * left_sum / left_weight + right_sum * right_sum / right_weight);
		}
		best = fmax(best, score);
		if (f == dense)
			chosen = score;
	}
	assert_true(chosen > best * (1 - 1e-5));
	free(weights);
	free(active);
	free(table.bins);
	free(table.features);
	samples_free(&samples);
	crops_free(&negatives);
	world_free(&world);
}

static void sample_values_are_those_of_the_detector(void **state)
{
	(void)state;
	struct err err = {0};
	struct world world;
	struct samples samples;
	struct crops none = {.width = WINDOW, .height = WINDOW};
	world_new(&world, 70, 7);
	assert_ok(samples_new(&samples, &world.positives, &none, true, &err));
	size_t count = haar_features_count(HAAR_SET_ALL, WINDOW, WINDOW);
	struct haar_feature *features = mem_alloc(count, sizeof *features, &err);
	haar_features_list(HAAR_SET_ALL, WINDOW, WINDOW, features);
	float *values = mem_alloc(samples.lanes, sizeof *values, &err);
	struct crop_judge judge;
	assert_ok(crop_judge_new(&judge, WINDOW, WINDOW, &err));
	for (size_t f = 0; f < count; f += 37) {
		/* A stump whose threshold is the sample's own value: the value itself must go right, the next float left. */
		samples_values(&samples, &features[f], values);
		for (size_t i = 0; i < samples.count; i += 9) {
			struct cascade *cascade;
			double at = 0, above = 0;
			assert_ok(cascade_new(&cascade, WINDOW, WINDOW, &err));
			assert_ok(cascade_add_feature(cascade, &features[f], &err));
			assert_ok(cascade_add_stage(cascade, -9, &err));
			assert_ok(cascade_add_tree(cascade, &(struct cascade_node){0, -1, 0, values[i]}, (const float[2]){1, 2}, 1,
			                           &err));
			assert_int_equal(crop_judge_run(&judge, cascade, world.positives.pixels + i * PIXELS, &at), 1);
			cascade->nodes[0].threshold = nextafterf(values[i], INFINITY);
			assert_int_equal(crop_judge_run(&judge, cascade, world.positives.pixels + i * PIXELS, &above), 1);
			assert_true(at == 2 && above == 1);
			cascade_free(cascade);
		}
	}
	crop_judge_free(&judge);
	free(features);
	free(values);
	samples_free(&samples);
	world_free(&world);
}

/* Odd counts, three rectangles, values that fall outside the bins. */
static void every_level_gives_the_same_values_and_bins(void **state)
{
	(void)state;
	enum { COUNT = 250, ROOM = 256 };
	static int32_t corners[12][ROOM];
	static float scale[ROOM], values[3][ROOM];
	static uint8_t bins[3][ROOM];
	const int32_t *corner[12];
	struct rng rng;
	rng_seed(&rng, 4, "test.values", 0);
	for (size_t i = 0; i < ROOM; i++) {
		scale[i] = i < COUNT ? (float)rng_range(&rng, 1e-5, 1e-3) : 0;
		for (size_t c = 0; c < 12; c++)
			corners[c][i] = (int32_t)rng_below(&rng, 140000);
	}
	for (size_t c = 0; c < 12; c++)
		corner[c] = corners[c];
	for (int third = 0; third < 2; third++) {
		const float weight[3] = {-1, 2.5f, third ? 1.7f : 0};
		for (int l = 0; l < 3; l++) {
			const struct value_kernels *kernels = value_kernels_at((enum cpu_level)l);
			if (!kernels)
				continue;
			kernels->values_of(&(struct value_row){ROOM, corner, weight, scale}, values[l]);
			kernels->bin_row(values[l], COUNT, ROOM, bins[l]);
			assert_memory_equal(values[l], values[0], sizeof values[0]);
			assert_memory_equal(bins[l], bins[0], sizeof bins[0]);
		}
	}
}

int main(void)
{
	log_set_level(LOG_QUIET);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_best_stump_is_the_best_of_all),
	    cmocka_unit_test(sample_values_are_those_of_the_detector),
	    cmocka_unit_test(every_level_gives_the_same_values_and_bins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
