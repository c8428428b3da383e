/* Every reader and writer of files, with memory that runs out. */
#include <string.h>

#include "config/config.h"
#include "failing_memory.h"
#include "io/io.h"
#include "vision/vision.h"

static struct {
	char *folder;
	char *ini, *png, *zip, *json, *h5, *npy, *npz, *tensors, *xml;
	uint8_t *jpeg;
	size_t jpeg_size;
	struct image picture;
} have;

static char *at(const char *name)
{
	return strdup(scratch_path(have.folder, name));
}

static char *text_file(const char *name, const char *text)
{
	struct err err = {0};
	char *path = at(name);
	assert_ok(file_write(path, text, strlen(text), &err));
	return path;
}

static void zip_inside_a_zip(void)
{
	struct err err = {0};
	struct zip_writer *inner, *outer;
	uint8_t *bytes;
	size_t size;
	assert_ok(zip_create_memory(&inner, &err));
	assert_ok(zip_add(inner, "a.txt", "within", 6, true, &err));
	assert_ok(zip_finish_memory(inner, &bytes, &size, &err));
	assert_ok(zip_create(&outer, have.zip, &err));
	assert_ok(zip_add(outer, "stored.zip", bytes, size, false, &err));
	assert_ok(zip_add(outer, "packed.zip", bytes, size, true, &err));
	assert_ok(zip_add(outer, "b.txt", "beside", 6, true, &err));
	assert_ok(zip_finish(outer, &err));
	free(bytes);
}

static void hdf_file_of_all_kinds(void)
{
	struct err err = {0};
	struct hdf_file *file;
	const float numbers[6] = {1, 2, 3, 4, 5, 6};
	char one[] = "one", two[] = "둘", *texts[] = {one, two};
	const struct hdf_shape shape = {.type = HDF_F32, .rank = 2, .dims = {3, 2}};
	assert_ok(hdf_create(&file, have.h5, &err));
	assert_ok(hdf_write(file, "numbers", &shape, numbers, 0, &err));
	assert_ok(hdf_write_texts(file, "texts", texts, 2, &err));
	assert_ok(hdf_write_table(file, "table", texts, 2, &err));
	assert_ok(hdf_attr_set_texts(file, "/", "names", texts, 2, &err));
	assert_ok(hdf_attr_set_text(file, "/", "name", "x", &err));
	assert_ok(hdf_commit(file, &err));
}

static const float four[4] = {1, 2, 3, 4};
static const struct npy array = {
    .type = NPY_F32, .rank = 2, .dims = {2, 2}, .item = 4, .data = (void *)(uintptr_t)four};
static const struct tensor tensors[] = {{.name = "a", .type = NPY_F32, .rank = 2, .dims = {2, 2}, .data = four},
                                        {.name = "b", .type = NPY_F32, .rank = 1, .dims = {4}, .data = four}};
static const char stump[] =
    "<opencv_storage><cascade "
    "type_id=\"opencv-cascade-classifier\"><stageType>BOOST</stageType><featureType>HAAR</featureType>"
    "<featureParams><maxCatCount>0</maxCatCount></featureParams><height>24</height><width>24</width><stageNum>1</"
    "stageNum><stages><_><maxWeakCount>1</maxWeakCount><stageThreshold>-1</stageThreshold>"
    "<weakClassifiers><_><internalNodes>0 -1 0 0.5</internalNodes><leafValues>-1 "
    "1</leafValues></_></weakClassifiers></_></stages>"
    "<features><_><rects><_>0 0 24 24 -1</_><_>6 6 12 12 "
    "4</_></rects><tilted>0</tilted></_></features></cascade></opencv_storage>";
static const char old_stump[] =
    "<opencv_storage><c type_id=\"opencv-haar-classifier\"><size>24 "
    "24</size><stages><_><trees><_><_><feature><rects><_>0 0 24 24 -1.</_>"
    "<_>6 6 12 12 "
    "4.</_></rects><tilted>0</tilted></feature><threshold>0.5</threshold><left_val>-1</left_val><right_val>1</"
    "right_val></_></_>"
    "</trees><stage_threshold>-1</stage_threshold><parent>-1</parent><next>-1</next></_></stages></c></opencv_storage>";

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	have.folder = scratch_new();
	have.ini = text_file(
	    "a.ini", "[faces]\nclasses = a=1, b=2\n  c=3\n[recommend]\ntags.a = one, two\n[playlists]\ninput = x.json\n");
	have.json = text_file("a.json", "[{\"id\": 1, \"tags\": [\"a\", \"b\"]}, {\"id\": 2.5, \"x\": null}]");
	have.xml = text_file("a.xml", stump);
	have.png = at("a.png"), have.zip = at("a.zip"), have.h5 = at("a.h5");
	have.npy = at("a.npy"), have.npz = at("a.npz"), have.tensors = at("a.safetensors");
	assert_ok(image_new(&have.picture, 40, 30, 3, &err));
	for (size_t i = 0; i < 40 * 30 * 3; i++)
		have.picture.pixels[i] = (uint8_t)(i * 7);
	assert_ok(image_save_png(&have.picture, have.png, &err));
	assert_ok(image_encode_jpeg(&have.picture, 80, &have.jpeg, &have.jpeg_size, &err));
	zip_inside_a_zip();
	hdf_file_of_all_kinds();
	assert_ok(npy_save(&array, have.npy, &err));
	assert_ok(npz_save(have.npz, &(struct npz_entry){"a", array}, 1, &err));
	assert_ok(tensors_save(have.tensors, tensors, 2, (const char *const[]){"k", "v"}, 1, &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *paths[] = {have.ini, have.png, have.zip, have.json, have.h5, have.npy, have.npz, have.tensors, have.xml};
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		free(paths[i]);
	free(have.jpeg);
	image_free(&have.picture);
	scratch_remove(have.folder);
	return 0;
}

/* ---- base and config ------------------------------------------------------------------------------------- */

static int read_file(struct err *err)
{
	char *text;
	size_t size;
	int code = file_read(have.json, 1 << 20, &text, &size, err);
	if (code == OK)
		free(text);
	return code;
}

static int write_file(struct err *err)
{
	return file_write(scratch_path(have.folder, "written"), "x", 1, err);
}

static int walk_folder(struct err *err)
{
	struct path_list list = {0};
	int code = folder_walk(&list, have.folder, err);
	if (code == OK)
		code = path_expand(&list, have.ini, err);
	path_list_free(&list);
	return code;
}

static int load_settings(struct err *err)
{
	static const char *const overrides[] = {"recommend.tags.b=x, y", "als.factors=9"};
	struct settings *settings;
	struct strbuf text = {0};
	struct path_list paths = {0};
	int code = settings_load(&settings, have.ini, overrides, 2, err);
	if (code != OK)
		return code;
	code = settings_print(settings, SETTINGS_COMMENTED, NULL, &text, err);
	if (code == OK)
		code = settings_identity(settings, NULL, &text, err);
	if (code == OK)
		code = settings_paths(settings, NULL, &paths, err);
	strbuf_free(&text);
	path_list_free(&paths);
	settings_free(settings);
	return code;
}

static int print_reference(struct err *err)
{
	struct strbuf text = {0};
	int code = settings_reference(&text, err);
	strbuf_free(&text);
	return code;
}

static int parallel(size_t i, int thread, void *context, struct err *err)
{
	(void)i, (void)thread, (void)context;
	void *block = mem_alloc(1, 1, err);
	free(block);
	return block ? OK : err->code;
}

static int run_parallel(struct err *err)
{
	return parallel_for(4, 1, 2, parallel, NULL, err);
}

static const struct attempt base_attempts[] = {
    {"file_read", read_file},
    {"file_write", write_file},
    {"folder_walk", walk_folder},
    {"settings_load", load_settings},
    {"settings_reference", print_reference},
    {"parallel_for", run_parallel},
};

static void files_and_settings(void **state)
{
	(void)state;
	memory_walk(base_attempts, ARRAY_COUNT(base_attempts));
}

/* ---- pictures ---------------------------------------------------------------------------------------------- */

static int load_png(struct err *err)
{
	struct image image;
	int code = image_load(&image, have.png, 1, err);
	if (code == OK)
		image_free(&image);
	return code;
}

static int decode_jpeg(struct err *err)
{
	struct image_decoder *decoder;
	const struct image_source source = {have.jpeg, have.jpeg_size, "a.jpg"};
	struct image image;
	int code = image_decoder_new(&decoder, err);
	if (code != OK)
		return code;
	code = image_decoder_read(decoder, &source, &(struct image_wish){.channels = 3, .shrink = 2}, &image, err);
	image_decoder_free(decoder);
	return code;
}

static int encode(struct err *err)
{
	uint8_t *bytes;
	size_t size;
	int code = image_encode_png(&have.picture, &bytes, &size, err);
	if (code == OK) {
		free(bytes);
		code = image_encode_jpeg(&have.picture, 80, &bytes, &size, err);
	}
	if (code == OK)
		free(bytes);
	return code == OK ? image_save_png(&have.picture, scratch_path(have.folder, "b.png"), err) : code;
}

static int draw(struct err *err)
{
	struct canvas *canvas;
	struct image image;
	int code = canvas_from_image(&canvas, &have.picture, err);
	if (code != OK)
		return code;
	canvas_text(canvas, 1, 1, 9, (struct colour){1, 1, 1, 1}, "가 a");
	code = canvas_to_image(canvas, &image, err);
	canvas_free(canvas);
	if (code == OK)
		image_free(&image);
	return code;
}

static int load_cascade(struct err *err)
{
	struct cascade *cascade;
	struct strbuf text = {0};
	int code = cascade_load(&cascade, have.xml, err);
	if (code != OK)
		return code;
	code = cascade_print(cascade, &text, err);
	strbuf_free(&text);
	cascade_free(cascade);
	return code;
}

static int parse_old_cascade(struct err *err)
{
	struct cascade *cascade;
	int code = cascade_parse(&cascade, old_stump, strlen(old_stump), "old.xml", err);
	if (code == OK)
		cascade_free(cascade);
	return code;
}

static int detect(struct err *err)
{
	struct cascade *cascade;
	struct detections found = {0};
	const struct detect_options options = {.scale = 1.2, .threads = 1};
	int code = cascade_load(&cascade, have.xml, err);
	if (code != OK)
		return code;
	struct detector *detector = detector_new(cascade, err);
	struct tracker *tracker = detector ? tracker_new(cascade, 2, err) : NULL;
	code = tracker ? detector_find(detector, &have.picture, &options, &found, err) : err->code;
	for (size_t frame = 0; frame < 2 && code == OK; frame++)
		code = tracker_find(tracker, &have.picture, &options, &found, err);
	detections_free(&found);
	tracker_free(tracker);
	detector_free(detector);
	cascade_free(cascade);
	return code;
}

static int cut_crops(struct err *err)
{
	struct crops crops = {.width = 24, .height = 24};
	struct image grey, mean;
	int code = image_load(&grey, have.png, 1, err);
	if (code != OK)
		return code;
	const struct crop_variation variation = {.mirror = true, .copies = 2, .seed = 1};
	code = crops_add(&crops, &grey, (const double[4]){2, 2, 20, 20}, &variation, 0, err);
	if (code == OK)
		code = crops_mean(&crops, &mean, err);
	if (code == OK)
		image_free(&mean);
	image_free(&grey);
	crops_free(&crops);
	return code;
}

static const struct attempt picture_attempts[] = {
    {"image_load", load_png},    {"image_decoder_new", decode_jpeg}, {"image_encode", encode},
    {"canvas_from_image", draw}, {"cascade_load", load_cascade},     {"cascade_parse", parse_old_cascade},
    {"detector_new", detect},    {"crops_add", cut_crops},
};

static void pictures_and_cascades(void **state)
{
	(void)state;
	memory_walk(picture_attempts, ARRAY_COUNT(picture_attempts));
}

/* ---- archives and tables ------------------------------------------------------------------------------------- */

static int count_member(const struct member *member, void *context, struct err *err)
{
	(void)member, (void)err;
	(*(size_t *)context)++;
	return OK;
}

static int walk_zip(struct err *err)
{
	size_t members = 0;
	int code = members_walk(
	    have.zip, &(struct member_walk){.deliver = count_member, .context = &members, .max_total = 1 << 20}, err);
	return code == OK && members != 3 ? err_set(err, ERR_DATA, "%zu members", members) : code;
}

static int write_zip(struct err *err)
{
	struct zip_writer *zip;
	int code = zip_create(&zip, scratch_path(have.folder, "b.zip"), err);
	if (code == OK && (code = zip_add(zip, "a", "aaaa", 4, true, err)) != OK)
		zip_discard(zip);
	else if (code == OK)
		code = zip_finish(zip, err);
	return code;
}

static int keep_row(char *const *fields, size_t count, size_t line, void *context, struct err *err)
{
	(void)line;
	return count ? path_list_add(context, fields[0], err) : OK;
}

static int read_csv(struct err *err)
{
	static const char text[] = "path,label\na.png,x\n\"b \"\"q\"\".png\",y\n";
	struct path_list rows = {0};
	int code = csv_read_bytes(text, sizeof text - 1, "a.csv", keep_row, &rows, err);
	path_list_free(&rows);
	return code;
}

static int keep_element(const struct json *element, size_t index, void *context, struct err *err)
{
	(void)element, (void)index, (void)context, (void)err;
	return OK;
}

static int stream_json(struct err *err)
{
	return json_stream(have.json, keep_element, NULL, err);
}

static int load_json(struct err *err)
{
	struct json *root;
	char *text;
	int code = json_load_file(&root, have.json, err);
	if (code != OK)
		return code;
	code = json_print(root, 2, &text, err);
	if (code == OK)
		free(text);
	json_free(root);
	return code;
}

static int load_npy(struct err *err)
{
	struct npy loaded;
	int code = npy_load(&loaded, have.npy, err);
	if (code == OK) {
		npy_free(&loaded);
		code = npz_load(&loaded, have.npz, "a", err);
	}
	if (code == OK)
		npy_free(&loaded);
	return code;
}

static int save_arrays(struct err *err)
{
	int code = npy_save(&array, scratch_path(have.folder, "b.npy"), err);
	if (code == OK)
		code = npz_save(scratch_path(have.folder, "b.npz"), &(struct npz_entry){"a", array}, 1, err);
	return code == OK ? tensors_save(scratch_path(have.folder, "b"), tensors, 2, NULL, 0, err) : code;
}

static int map_tensors(struct err *err)
{
	struct tensor_file *file;
	int code = tensors_map(&file, have.tensors, err);
	if (code == OK)
		tensors_unmap(file);
	return code;
}

static int read_hdf(struct err *err)
{
	struct hdf_file *file;
	struct path_list texts = {0}, table = {0}, names = {0};
	void *numbers = NULL;
	char *name = NULL;
	int code = hdf_open(&file, have.h5, err);
	if (code != OK)
		return code;
	if ((code = hdf_read(file, "numbers", HDF_F64, 100, &numbers, NULL, err)) == OK &&
	    (code = hdf_read_texts(file, "texts", &texts, err)) == OK &&
	    (code = hdf_read_table(file, "table", &table, err)) == OK &&
	    (code = hdf_attr_texts(file, "/", "names", &names, err)) == OK)
		code = hdf_attr_text(file, "/", "name", &name, err);
	free(numbers);
	free(name);
	path_list_free(&texts);
	path_list_free(&table);
	path_list_free(&names);
	hdf_close(file);
	return code;
}

static int write_hdf(struct err *err)
{
	struct hdf_file *file;
	const struct hdf_shape shape = {.type = HDF_F16, .rank = 2, .dims = {2, 2}};
	char one[] = "one", *texts[] = {one};
	int code = hdf_create(&file, scratch_path(have.folder, "b.h5"), err);
	if (code != OK)
		return code;
	if ((code = hdf_write(file, "a/b", &shape, four, 1, err)) == OK &&
	    (code = hdf_write_table(file, "t", texts, 1, err)) == OK &&
	    (code = hdf_write_texts(file, "s", texts, 1, err)) == OK &&
	    (code = hdf_attr_set_texts(file, "/", "n", texts, 1, err)) == OK)
		return hdf_commit(file, err);
	hdf_close(file);
	return code;
}

static const struct attempt table_attempts[] = {
    {"members_walk", walk_zip},   {"zip_create", write_zip},     {"csv_read_bytes", read_csv},
    {"json_stream", stream_json}, {"json_load_file", load_json}, {"npy_load", load_npy},
    {"npy_save", save_arrays},    {"tensors_map", map_tensors},  {"hdf_open", read_hdf},
    {"hdf_create", write_hdf},
};

static void archives_and_tables(void **state)
{
	(void)state;
	memory_walk(table_attempts, ARRAY_COUNT(table_attempts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_settings),
		cmocka_unit_test(pictures_and_cascades),
		cmocka_unit_test(archives_and_tables),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
