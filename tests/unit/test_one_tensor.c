/*
 * One picture, one tensor: what the network is given for a face is the same to the bit whether the picture came out of
 * an archive through the stages faces and features, from a file through `analyze`, or as the body that the web page
 * posts for an upload; also when it is larger than a frame of faces.h5, and with the preprocessing of configs/real.ini.
 *
 * The Makefile links this test with --wrap=network_plan_forward, so every input of the network passes by here, whoever
 * calls it.
 */
#include "http_fixture.h"

#include "stages/stages.h"

#define FLOATS ((size_t)FIXTURE_SIZE * FIXTURE_SIZE * 3)
#define MAX_SEEN 64

static float *seen[MAX_SEEN]; /* inputs of the network, a picture each, in order */
static size_t n_seen;

void __real_network_plan_forward(const struct plan_run *run, void *workspace);
void __wrap_network_plan_forward(const struct plan_run *run, void *workspace);

void __wrap_network_plan_forward(const struct plan_run *run, void *workspace)
{
	for (size_t i = 0; i < run->n && n_seen < MAX_SEEN; i++) {
		seen[n_seen] = malloc(FLOATS * sizeof(float));
		memcpy(seen[n_seen++], run->input + i * FLOATS, FLOATS * sizeof(float));
	}
	__real_network_plan_forward(run, workspace);
}

static void forget(void)
{
	while (n_seen)
		free(seen[--n_seen]);
}

/* ---- pictures that the fixture's cascade finds faces in ---- */

struct drawn {
	const char *name; /* CLASS/FILE; the ending says how it is stored */
	size_t width, height, channels;
	int quality;
	size_t squares[2][3]; /* left, top, side; side 0 = none */
};
/* Odd sizes, grey and colour, chroma halved by the JPEG, two faces of which the larger counts, a face at the edge whose
 * margin lies outside; the last four do not fit into a frame of 256 × 256, of two not even in one of 640 × 480. */
static const struct drawn pictures[] = {
    {"negative/colour.jpg", 161, 123, 3, 90, {{60, 40, 40}}},
    {"negative/rough.jpg", 200, 151, 3, 30, {{90, 55, 44}}},
    {"neutral/grey.jpg", 157, 129, 1, 85, {{57, 43, 41}}},
    {"neutral/grey.png", 130, 170, 1, 0, {{45, 60, 40}}},
    {"positive/colour.png", 180, 140, 3, 0, {{70, 50, 42}}},
    {"positive/edge.jpg", 150, 110, 3, 95, {{22, 34, 40}}},
    {"positive/two.jpg", 255, 199, 3, 80, {{45, 80, 30}, {160, 70, 60}}},
    {"negative/large.jpg", 700, 500, 3, 85, {{300, 180, 130}}},
    {"negative/tall.png", 270, 640, 1, 0, {{80, 300, 110}}},
    {"neutral/slightly.png", 263, 120, 3, 0, {{150, 40, 50}}},
    {"positive/both.jpg", 511, 300, 1, 90, {{100, 60, 90}, {330, 90, 120}}},
};

static void draw(const struct drawn *drawn, struct image *image, uint8_t **bytes, size_t *size)
{
	struct err err = {0};
	struct rng rng;
	rng_seed(&rng, 5, drawn->name, 0);
	assert_ok(image_new(image, drawn->width, drawn->height, drawn->channels, &err));
	for (size_t i = 0; i < drawn->width * drawn->height * drawn->channels; i++)
		image->pixels[i] = (uint8_t)(10 + rng_below(&rng, 30));
	for (size_t s = 0; s < 2; s++) {
		const size_t *square = drawn->squares[s];
		for (size_t y = square[1]; y < square[1] + square[2]; y++)
			for (size_t x = square[0]; x < square[0] + square[2]; x++)
				for (size_t c = 0; c < drawn->channels; c++)
					image->pixels[(y * drawn->width + x) * drawn->channels + c] =
					    (uint8_t)(190 + 20 * c + rng_below(&rng, 25));
	}
	if (drawn->quality)
		assert_ok(image_encode_jpeg(image, drawn->quality, bytes, size, &err));
	else
		assert_ok(image_encode_png(image, bytes, size, &err));
	image_free(image);
}

/* pictures.zip, and each picture as a file of its own. */
static void write_pictures(void)
{
	struct err err = {0};
	struct zip_writer *zip;
	assert_ok(zip_create(&zip, scratch_path(folder, "pictures.zip"), &err));
	for (size_t i = 0; i < ARRAY_COUNT(pictures); i++) {
		struct image image;
		uint8_t *bytes;
		size_t size;
		draw(&pictures[i], &image, &bytes, &size);
		assert_ok(zip_add(zip, pictures[i].name, bytes, size, i % 2, &err));
		assert_ok(file_write(scratch_path(folder, strchr(pictures[i].name, '/') + 1), bytes, size, &err));
		free(bytes);
	}
	assert_ok(zip_finish(zip, &err));
}

/* ---- the offline way ---- */

static void run_stage(int (*stage)(struct stage_run *run, struct err *err), const struct settings *settings,
                      const char *out, const struct stage_input *inputs, size_t n_inputs)
{
	struct err err = {0};
	struct stage_run run = {.settings = settings,
	                        .out = scratch_path(folder, out),
	                        .inputs = inputs,
	                        .n_inputs = n_inputs,
	                        .threads = 2,
	                        .metrics = json_object_new()};
	assert_ok(folder_make(run.out, &err));
	assert_ok(stage(&run, &err));
	json_free(run.metrics);
}

/* The settings say what the fixture's bundle.json says, or what a config says; the small network is the fixture's. */
static struct settings *settings_of(const char *config)
{
	struct err err = {0};
	struct settings *settings;
	char input[1200];
	snprintf(input, sizeof(input), "faces.input=%s", scratch_path(folder, "pictures.zip"));
	const char *const overrides[] = {input,
	                                 "faces.layout=folders",
	                                 "faces.classes=",
	                                 "faces.validation=0",
	                                 "faces.test=0",
	                                 "preprocess.size=32",
	                                 "preprocess.detect_min_size=24",
	                                 "network.weights=init",
	                                 "network.cut=block1_pool",
	                                 "network.batch=3",
	                                 "augment.copies=0",
	                                 "preprocess.crop=cascade",
	                                 "preprocess.margin=0.1",
	                                 "preprocess.centre=0.5",
	                                 "preprocess.kernel=bilinear",
	                                 "preprocess.channels=rgb",
	                                 "preprocess.mean=0,0,0",
	                                 "preprocess.scale=0.0039215686274509803"};
	assert_ok(settings_load(&settings, config, overrides, config ? 11 : ARRAY_COUNT(overrides), &err));
	return settings;
}

/* The preprocessing object goes on as it does in a run: features.h5 → bundle.json. */
static void hand_over_preprocess(void)
{
	struct err err = {0};
	struct hdf_file *file;
	struct json *card, *object;
	char *text;
	assert_ok(hdf_open(&file, scratch_path(folder, "features/features.h5"), &err));
	assert_ok(hdf_attr_text(file, "/", "preprocess", &text, &err));
	hdf_close(file);
	assert_ok(json_load_file(&card, scratch_path(folder, "bundle.json"), &err));
	assert_ok(json_load_text(&object, text, strlen(text), "preprocess", &err));
	json_set(card, "preprocess", object);
	assert_ok(json_save(card, scratch_path(folder, "bundle.json"), &err));
	json_free(card);
	free(text);
}

static int prepare(const char *config)
{
	struct err err = {0};
	struct settings *settings;
	folder = scratch_new();
	fixture_write(folder);
	write_pictures();
	settings = settings_of(config);
	const struct stage_input inputs[] = {{"faces", strdup(scratch_path(folder, "faces"))}, {"cascade", folder}};
	run_stage(stage_faces, settings, "faces", NULL, 0);
	run_stage(stage_features, settings, "features", inputs, 2);
	free((char *)(uintptr_t)inputs[0].folder);
	settings_free(settings);
	hand_over_preprocess();
	assert_ok(bundle_load(&bundle, folder, true, &err));
	const struct server_options options = {.listen = "127.0.0.1:0", .threads = 2};
	assert_ok(server_start(&server, bundle, &options, &err));
	return 0;
}

static int prepare_fixture(void **state)
{
	(void)state;
	return prepare(NULL);
}

static int prepare_real(void **state)
{
	(void)state;
	setenv("MOODCAST_DATA", "elsewhere", 1); /* the config names it; its inputs are replaced, or not read */
	return prepare("configs/real.ini");
}

static int tidy(void **state)
{
	forget();
	return end(state);
}

/* ---- the two others against it ---- */

static struct image load(const char *name)
{
	struct err err = {0};
	struct image image;
	assert_ok(image_load(&image, scratch_path(folder, name), 3, &err)); /* as `moodcast analyze` does */
	return image;
}

/* The network scores the largest face first; `offline` is the input that the stage features made of that face. */
static void same_tensor(const struct drawn *drawn, const float *offline, const char *way)
{
	if (!n_seen)
		fail_msg("%s: %s finds no face", drawn->name, way);
	for (size_t i = 0; i < FLOATS; i++)
		if (memcmp(&seen[0][i], &offline[i], sizeof(float)) != 0)
			fail_msg("%s: number %zu is %.9g by the stage features, %.9g by %s", drawn->name, i, (double)offline[i],
			         (double)seen[0][i], way);
	forget();
}

static void a_picture_gives_the_same_tensor_in_every_way(void **state)
{
	(void)state;
	struct err err = {0};
	struct analyzer *analyzer;
	float *offline[ARRAY_COUNT(pictures)];
	assert_int_equal(n_seen, ARRAY_COUNT(pictures)); /* the stage kept each of them, in the archive's order */
	memcpy(offline, seen, sizeof(offline));
	n_seen = 0;
	assert_ok(analyzer_new(&analyzer, bundle, 1, &err));
	for (size_t i = 0; i < ARRAY_COUNT(pictures); i++) {
		const struct drawn *drawn = &pictures[i];
		const char *name = strchr(drawn->name, '/') + 1;
		struct image image = load(name);
		struct analysis analysis;
		assert_ok(analyze_picture(analyzer, &image, &analysis, &err));
		same_tensor(drawn, offline[i], "analyze");
		analysis_free(&analysis);
		image_free(&image);

		char *bytes, headers[200];
		size_t size;
		assert_ok(file_read(scratch_path(folder, name), 1 << 20, &bytes, &size, &err));
		snprintf(headers, sizeof(headers),
		         "Content-Type: image/%s\r\nX-Moodcast-Token: %s\r\nOrigin: http://127.0.0.1:8080\r\n",
		         drawn->quality ? "jpeg" : "png", server_token(server));
		json_free(json_of("POST /api/analyze", headers, bytes, size));
		same_tensor(drawn, offline[i], "the page's upload");
		free(bytes);
	}
	/* It can tell pictures apart. */
	for (size_t i = 1; i < ARRAY_COUNT(pictures); i++)
		assert_memory_not_equal(offline[i], offline[i - 1], FLOATS * sizeof(float));
	analyzer_free(analyzer);
	for (size_t i = 0; i < ARRAY_COUNT(pictures); i++)
		free(offline[i]);
}

static void the_same_by_the_config_for_real_photographs(void **state)
{
	assert_int_equal(bundle->preprocess.crop[0], CROP_CASCADE); /* what is served is what was trained on */
	a_picture_gives_the_same_tensor_in_every_way(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_picture_gives_the_same_tensor_in_every_way, prepare_fixture, tidy),
	    cmocka_unit_test_setup_teardown(the_same_by_the_config_for_real_photographs, prepare_real, tidy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
