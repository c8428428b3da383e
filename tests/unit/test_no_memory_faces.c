/* Faces, the network, and the program that serves, with memory that runs out. */
#include "bundle_fixture.h"
#include "config/config.h"
#include "failing_memory.h"
#include "runtime/http_internal.h"

#define SIDE FIXTURE_SIZE

static struct {
	char *folder, *zip, *csv, *h5, *features, *film, *pictures, *bundle_folder, *history;
	struct settings *settings, *of_tables;
	struct path_list inputs, tables, pixels;
	struct network *network;
	struct head *head;
	struct bundle *bundle;
	struct image picture;
	char *context; /* the chips as they are with all the memory there is */
	bool same;     /* the last ones were those */
} have;

static char *at(const char *name)
{
	return strdup(scratch_path(have.folder, name));
}

/* Of a picture, as K-FACE has them. */
static const char boxes[] = "100 110\n80 90\n120 90\n85 130\n115 130\n60 100\n140 100\n30 20 60 60\n40 30 9 9\n60 30 9 "
                            "9\n50 40 9 9\n45 60 20 9\n31 30 5 9\n84 30 5 9\n";

static void write_pictures(void)
{
	struct err err = {0};
	struct zip_writer *zip;
	uint8_t *bytes;
	size_t size;
	char name[64];
	have.picture = fixture_picture(120, 100, true);
	assert_ok(image_encode_png(&have.picture, &bytes, &size, &err));
	assert_ok(zip_create(&zip, have.zip, &err));
	for (unsigned person = 0; person < 6; person++)
		for (unsigned expression = 1; expression <= 3; expression++) {
			snprintf(name, sizeof name, "190716%02u/S001/L1/E0%u/C7.png", person, expression);
			assert_ok(zip_add(zip, name, bytes, size, expression == 2, &err));
			snprintf(name, sizeof name, "190716%02u/S001/L1/E0%u/C7.txt", person, expression);
			assert_ok(zip_add(zip, name, boxes, strlen(boxes), false, &err));
		}
	assert_ok(zip_finish(zip, &err));
	assert_ok(folder_make(have.pictures, &err));
	char path[600];
	struct strbuf table = {0};
	strbuf_add(&table, "path,label,subject\n");
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof path, "%s/%d.png", have.pictures, i);
		assert_ok(file_write(path, bytes, size, &err));
		strbuf_format(&table, "pictures/%d.png,%c,p%d\n", i, 'x' + i % 2, i);
	}
	assert_ok(file_write(have.csv, table.text, table.length, &err));
	strbuf_free(&table);
	free(bytes);
	strbuf_add(&table, "emotion,pixels,Usage\n");
	for (int i = 0; i < 12; i++)
		strbuf_format(&table, "%d,%d 2 3 4,%s\n", i % 2, i, i % 3 ? "Training" : "PrivateTest");
	assert_ok(file_write(have.pixels.items[0], table.text, table.length, &err));
	strbuf_free(&table);
	static const char film[] = "YUV4MPEG2 W4 H4 F25:1\nFRAME\n012345678901234567890123FRAME\n012345678901234567890123";
	assert_ok(file_write(have.film, film, strlen(film), &err));
}

static void write_model(void)
{
	struct err err = {0};
	struct map_shape map;
	char a[] = "a", b[] = "b", c[] = "c", *classes[] = {a, b, c};
	assert_ok(vgg16_new(&have.network, CUT_BLOCK1_POOL, &err));
	assert_ok(network_init_missing(have.network, 5, &err));
	assert_ok(network_shape(have.network, SIDE, &map, &err));
	assert_ok(head_new(&have.head, map, map.height, 0, 3, &err));
	const struct keras_model model = {
	    .network = have.network, .head = have.head, .size = SIDE, .classes = classes, .preprocess = "{}"};
	assert_ok(keras_model_save(&model, have.h5, &err));
}

static int set_up(void **state)
{
	(void)state;
	static const char *const overrides[] = {"faces.frame_width=64", "faces.frame_height=64", "faces.layout=csv",
	                                        "faces.classes="};
	struct err err = {0};
	have.folder = scratch_new();
	have.zip = at("faces.zip"), have.csv = at("index.csv"), have.h5 = at("a.h5"), have.film = at("a.y4m"),
	have.pictures = at("pictures");
	have.bundle_folder = at("bundle"), have.history = at("history");
	assert_ok(settings_load(&have.settings, NULL, overrides, 2, &err));
	assert_ok(settings_load(&have.of_tables, NULL, overrides, 4, &err));
	assert_ok(path_list_add(&have.inputs, have.zip, &err));
	assert_ok(path_list_add(&have.tables, have.csv, &err));
	assert_ok(path_list_add(&have.pixels, scratch_path(have.folder, "pixels.csv"), &err));
	write_pictures();
	write_model();
	assert_ok(folder_make(have.bundle_folder, &err));
	fixture_write(have.bundle_folder);
	assert_ok(bundle_load(&have.bundle, have.bundle_folder, true, &err));
	assert_ok(file_write(have.history, "1\n2\n", 4, &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *paths[] = {have.zip,      have.csv,           have.h5,      have.film,
	                 have.pictures, have.bundle_folder, have.history, have.context};
	bundle_free(have.bundle);
	network_free(have.network);
	head_free(have.head);
	image_free(&have.picture);
	path_list_free(&have.inputs);
	path_list_free(&have.tables);
	path_list_free(&have.pixels);
	settings_free(have.settings);
	settings_free(have.of_tables);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		free(paths[i]);
	scratch_remove(have.folder);
	return 0;
}

/* ---- face sets --------------------------------------------------------------------------------------------- */

static int take_rows(const uint8_t *pixels, size_t first, size_t count, void *context, struct err *err)
{
	(void)pixels, (void)first, (void)context, (void)err;
	return count ? OK : err_set(err, ERR_DATA, "no row");
}

static int scan_and_read(const struct path_list *inputs, int threads, struct err *err)
{
	const struct settings *settings = inputs == &have.inputs ? have.settings : have.of_tables;
	const struct faces_request request = {
	    .settings = &settings->faces, .inputs = inputs, .seed = 1, .threads = threads};
	struct face_set *set;
	int code = faces_scan(&set, &request, err);
	if (code != OK)
		return code;
	if ((code = faces_read(set, &request, take_rows, NULL, err)) == OK)
		code = faces_check_split(set, err);
	face_set_free(set);
	return code;
}

static int read_archive(struct err *err)
{
	return scan_and_read(&have.inputs, 1, err);
}

static int read_archive_by_threads(struct err *err)
{
	return scan_and_read(&have.inputs, 2, err);
}

static int read_index(struct err *err)
{
	return scan_and_read(&have.tables, 1, err);
}

static int read_pixels(struct err *err)
{
	return scan_and_read(&have.pixels, 1, err);
}

static int store_faces(struct err *err)
{
	const struct faces_request request = {
	    .settings = &have.settings->faces, .inputs = &have.inputs, .seed = 1, .threads = 1};
	const char *path = scratch_path(have.folder, "faces.h5");
	struct face_set *set;
	struct faces_store *store = NULL;
	int code = faces_scan(&set, &request, err);
	if (code != OK)
		return code;
	code = faces_store_create(&store, path, set, &have.settings->faces, err);
	if (code == OK && (code = faces_read_store(set, &request, store, err)) == OK) {
		code = faces_store_finish(store, set, true, err);
		store = NULL;
	}
	faces_store_discard(store);
	face_set_free(set);
	return code;
}

static int shard_faces(struct err *err)
{
	const struct faces_request request = {
	    .settings = &have.settings->faces, .inputs = &have.inputs, .seed = 1, .threads = 1};
	const char *path = scratch_path(have.folder, "joined.h5");
	struct face_set *set;
	struct faces_shards *shards = NULL;
	struct hdf_file *file = NULL;
	struct hdf_shape shape;
	int code = faces_scan(&set, &request, err);
	if (code != OK)
		return code;
	code = faces_shards_open(&shards, path, set, &have.settings->faces, true, err);
	if (code == OK && (code = faces_read_shards(set, &request, shards, err)) == OK &&
	    (code = faces_shards_finish(shards, err)) == OK)
		code = faces_shards_join(shards, set, true, err);
	faces_shards_free(shards);
	face_set_free(set);
	if (code == OK && (code = hdf_open(&file, path, err)) == OK)
		code = hdf_shape(file, "pixels", &shape, err);
	hdf_close(file);
	return code;
}

static int parse_pixels(struct err *err)
{
	struct image image;
	int code = faces_pixels_parse("1 2 3 4", 7, &image, err);
	if (code == OK)
		image_free(&image);
	return code;
}

static const struct attempt face_attempts[] = {
    {"faces_scan", read_archive},        {"faces_read", read_archive_by_threads}, {"faces_csv", read_index},
    {"faces_csv_pixels", read_pixels},
    {"faces_store_create", store_faces}, {"faces_shards_open", shard_faces},      {"faces_pixels_parse", parse_pixels},
};

static void face_sets(void **state)
{
	(void)state;
	memory_walk(face_attempts, ARRAY_COUNT(face_attempts));
}

/* ---- network ------------------------------------------------------------------------------------------------- */

static int load_network(struct err *err)
{
	const char *const files[] = {have.h5};
	const struct network_source source = {
	    .cut = CUT_BLOCK1_POOL, .files = files, .n_files = 1, .missing = 0, .seed = 1};
	struct network *network;
	int code = network_load(&network, &source, err);
	if (code == OK)
		network_free(network);
	return code;
}

static int init_network(struct err *err)
{
	struct network *network;
	struct strbuf text = {0};
	int code = vgg16_new(&network, CUT_BLOCK1_POOL, err);
	if (code != OK)
		return code;
	if ((code = network_init_missing(network, 1, err)) == OK)
		code = network_summary(network, SIDE, &text, err);
	strbuf_free(&text);
	network_free(network);
	return code;
}

static int plan_network(int precision, struct err *err)
{
	struct network_plan *plan;
	int code = network_plan_new(
	    &plan, have.network,
	    &(struct plan_options){.size = SIDE, .threads = 1, .level = CPU_BASELINE, .precision = precision}, err);
	if (code == OK)
		network_plan_free(plan);
	return code;
}

static int plan_fp32(struct err *err)
{
	return plan_network(PRECISION_FP32, err);
}

static int load_head(struct err *err)
{
	struct head *head;
	struct path_list classes = {0};
	int code = keras_head_load(&head, have.h5, &classes, err);
	if (code == OK)
		head_free(head);
	path_list_free(&classes);
	return code;
}

static int save_model(struct err *err)
{
	char a[] = "a", b[] = "b", c[] = "c", *classes[] = {a, b, c};
	const struct keras_model model = {
	    .network = have.network, .head = have.head, .size = SIDE, .classes = classes, .preprocess = "{}"};
	return keras_model_save(&model, scratch_path(have.folder, "b.h5"), err);
}

static int print_preprocess(struct err *err)
{
	struct preprocess preprocess;
	char *text;
	int code = preprocess_print(&have.bundle->preprocess, &text, err);
	if (code != OK)
		return code;
	code = preprocess_parse(&preprocess, text, "attribute", err);
	free(text);
	return code;
}

static int train_head(struct err *err)
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
	const struct head_training training = {
	    .epochs = 2, .batch = 4, .learning_rate = .01, .standardise = true, .sampling = true, .seed = 1, .threads = 1};
	int code = head_new(&head, (struct map_shape){1, 1, INPUTS}, 0, 4, 2, err);
	if (code != OK)
		return code;
	code = head_train(head, &data, &data, &training, &outcome, err);
	head_free(head);
	return code;
}

static const struct attempt network_attempts[] = {
    {"network_load", load_network}, {"vgg16_new", init_network},      {"network_plan_new", plan_fp32},
    {"keras_head_load", load_head}, {"keras_model_save", save_model}, {"preprocess_parse", print_preprocess},
    {"head_train", train_head},
};

static void network_and_head(void **state)
{
	(void)state;
	memory_walk(network_attempts, ARRAY_COUNT(network_attempts));
}

/* ---- runtime -------------------------------------------------------------------------------------------------- */

static int load_bundle(struct err *err)
{
	struct bundle *bundle;
	struct strbuf text = {0};
	int code = bundle_load(&bundle, have.bundle_folder, true, err);
	if (code != OK)
		return code;
	code = bundle_describe(bundle, &text, err);
	strbuf_free(&text);
	bundle_free(bundle);
	return code;
}

static int analyze(struct err *err)
{
	struct analyzer *analyzer;
	struct analysis analysis = {0};
	struct image drawn = {0};
	int code = analyzer_new(&analyzer, have.bundle, 1, err);
	if (code != OK)
		return code;
	if ((code = analyze_picture(analyzer, &have.picture, &analysis, err)) == OK)
		code = annotate_picture(&have.picture, &analysis, have.bundle, &drawn, err);
	image_free(&drawn);
	analysis_free(&analysis);
	analyzer_free(analyzer);
	return code;
}

static int recommend_songs(struct err *err)
{
	float scores[MAX_CLASSES];
	char summer[] = "여름", *tags[] = {summer};
	const int64_t liked = 101;
	struct json *songs;
	int code = scores_of_label(have.bundle, "positive", scores, err);
	const struct song_request request = {
	    .scores = scores, .tags = tags, .n_tags = 1, .songs = &liked, .n_songs = 1, .count = 3, .seed = 1};
	if (code == OK && (code = songs_recommend(have.bundle, &request, &songs, err)) == OK) {
		struct song_list old = {0};
		char *text = NULL;
		/* A document that memory was too little for says so when it is printed. */
		if ((code = json_print(songs, 0, &text, err)) == OK && (code = history_read(have.history, &old, err)) == OK)
			code = history_write(scratch_path(have.folder, "new_history"), &old, songs, err);
		free(text);
		free(old.items);
		json_free(songs);
	}
	return code;
}

static void compare_context(const char *text)
{
	if (!have.context)
		have.context = strdup(text);
	have.same = strcmp(text, have.context) == 0;
}

static int load_context(struct err *err)
{
	char *text;
	int code = context_load(&text, have.bundle, NULL, err);
	if (code == OK) {
		compare_context(text);
		free(text);
	}
	return code;
}

static int parse_options(struct err *err)
{
	char tag[] = "--tag", summer[] = "여름", song[] = "--song=1", rest[] = "rest", *words[] = {tag, summer, song, rest};
	struct options options;
	int code = options_parse(&options, "recommend", words, ARRAY_COUNT(words), err);
	if (code == OK)
		options_free(&options);
	return code;
}

static int play(const char *what, struct err *err)
{
	struct source *source;
	int code = source_open(&source, what, err);
	for (bool end = false; code == OK && !end;) {
		struct image image;
		code = source_next(source, &image, &end, err);
		if (code == OK)
			image_free(&image);
		else
			source_close(source);
		if (code == OK && end)
			source_close(source);
	}
	return code;
}

static int play_film(struct err *err)
{
	return play(have.film, err);
}

static int play_folder(struct err *err)
{
	return play(have.pictures, err);
}

static int serve(struct err *err)
{
	struct server *server;
	int code = server_start(&server, have.bundle, &(struct server_options){.listen = "127.0.0.1:0", .threads = 1}, err);
	if (code == OK) {
		compare_context(server->context);
		server_stop(server);
	}
	return code;
}

/* A chip without a known tag is left out, whatever memory there was for it. */
static bool context_whole(void)
{
	return have.same;
}

static const struct attempt runtime_attempts[] = {
	{"bundle_load", load_bundle}, {"analyzer_new", analyze}, {"songs_recommend", recommend_songs},
	{"options_parse", parse_options}, {"source_open", play_film}, {"source_open_folder", play_folder},
};
static const struct attempt chip_attempts[] = {{"context_load", load_context}, {"server_start", serve}};

static void runtime(void **state)
{
	(void)state;
	memory_walk(runtime_attempts, ARRAY_COUNT(runtime_attempts));
	memory_walk_spared(chip_attempts, ARRAY_COUNT(chip_attempts), context_whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(face_sets),
		cmocka_unit_test(network_and_head),
		cmocka_unit_test(runtime),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
