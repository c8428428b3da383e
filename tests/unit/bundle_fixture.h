/*
 * A whole bundle, made in a scratch folder: a cascade that takes a white square in a dark frame for a face, an
 * untrained network cut at block1_pool, a head that looks at one channel, four playlists with eight songs. Small, and
 * every part of the chain is real.
 */
#ifndef MOODCAST_TESTS_BUNDLE_FIXTURE_H
#define MOODCAST_TESTS_BUNDLE_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/runtime.h"
#include "support/support.h"

/* Fontconfig keeps what it read of the fonts until the process ends. */
const char *__lsan_default_suppressions(void);
__attribute__((weak)) const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\n";
}

#define FIXTURE_SIZE 32
#define FIXTURE_SONGS 8
#define FIXTURE_PLAYLISTS 4
#define FIXTURE_FACTORS 4

/* 4 · (inner square) − (whole window): above the threshold only where a bright square fills the middle. */
static inline void fixture_cascade(const char *path)
{
	struct err err = {0};
	struct haar_feature feature = {.rects = {{0, 0, 24, 24, -1}, {6, 6, 12, 12, 4}}};
	struct cascade_node node = {.left = 0, .right = -1, .feature = 0, .threshold = 1.6f};
	float leaves[2] = {-1, 1};
	struct cascade_tree tree = {0, 1, 0};
	struct cascade_stage stage = {0, 0, 1};
	const struct cascade cascade = {.window_w = 24,
	                                .window_h = 24,
	                                .features = &feature,
	                                .nodes = &node,
	                                .leaves = leaves,
	                                .trees = &tree,
	                                .stages = &stage,
	                                .n_features = 1,
	                                .n_nodes = 1,
	                                .n_leaves = 2,
	                                .n_trees = 1,
	                                .n_stages = 1,
	                                .max_nodes = 1};
	assert_ok(cascade_save(&cascade, path, &err));
}

static inline void fixture_emotion(const char *path)
{
	struct err err = {0};
	struct network *network;
	struct head *head;
	struct map_shape map;
	struct tensor tensors[2 * VGG16_LAYERS + HEAD_TENSORS];
	assert_ok(vgg16_new(&network, CUT_BLOCK1_POOL, &err));
	assert_ok(network_init_missing(network, 7, &err));
	assert_ok(network_shape(network, FIXTURE_SIZE, &map, &err));
	assert_ok(head_new(&head, map, map.height, 0, 3, &err));
	for (size_t i = 0; i < head->inputs; i++)
		for (size_t k = 0; k < 3; k++)
			head->owned[i * 3 + k] = 0.02f * (float)((i + k) % 3) - 0.02f;
	size_t count = network_tensors(network, tensors);
	count += head_tensors(head, tensors + count);
	assert_ok(tensors_save(path, tensors, count, NULL, 0, &err));
	head_free(head);
	network_free(network);
}

/* Playlists 0 and 1 hold 여름 and songs 0–3, playlists 2 and 3 hold 위로 and songs 4–7; song i is of artist i / 2; songs 3
 * and ALBUM_MATE share an album. */
#define ALBUM_MATE 4
static inline void fixture_songs(const char *path)
{
	struct err err = {0};
	int64_t id[] = {10, 11, 12, 13}, likes[] = {5, 9, 3, 4}, tag_start[] = {0, 1, 2, 3, 4},
	        song_start[] = {0, 4, 8, 12, 16};
	uint8_t split[4] = {0}, mask[4] = {0}, tag_held[4] = {0}, song_held[16] = {0};
	int32_t tag_index[] = {0, 0, 1, 1}, song_index[] = {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7};
	int64_t tag_count[] = {2, 2}, song_id[FIXTURE_SONGS], song_album[FIXTURE_SONGS];
	char text[32];
	struct path_list titles = {0}, tags = {0}, names = {0}, artists = {0};
	for (size_t i = 0; i < FIXTURE_SONGS; i++) {
		song_id[i] = 100 + (int64_t)i;
		song_album[i] = i == 3 || i == ALBUM_MATE ? 17 : -1;
		snprintf(text, sizeof(text), "노래 %zu", i);
		assert_ok(path_list_add(&names, text, &err));
		snprintf(text, sizeof(text), "artist %zu", i / 2);
		assert_ok(path_list_add(&artists, text, &err));
	}
	for (size_t i = 0; i < FIXTURE_PLAYLISTS; i++)
		assert_ok(path_list_add(&titles, i < 2 ? "여름 바다" : "위로가 되는", &err));
	assert_ok(path_list_add(&tags, "여름", &err));
	assert_ok(path_list_add(&tags, "위로", &err));
	struct playlists playlists = {.n_playlists = 4,
	                              .n_tags = 2,
	                              .n_songs = FIXTURE_SONGS,
	                              .id = id,
	                              .likes = likes,
	                              .split = split,
	                              .mask = mask,
	                              .title = titles,
	                              .tags = {tag_start, tag_index, tag_held},
	                              .songs = {song_start, song_index, song_held},
	                              .tag_name = tags,
	                              .tag_display = tags,
	                              .tag_count = tag_count,
	                              .song_id = song_id,
	                              .song_album = song_album,
	                              .song_name = names,
	                              .song_artist = artists,
	                              .synthetic = true};
	float vectors[] = {1, 0, 0, 1}, user[4 * FIXTURE_FACTORS] = {0}, item[FIXTURE_SONGS * FIXTURE_FACTORS];
	struct rng rng;
	rng_seed(&rng, 3, "fixture", 0);
	for (size_t i = 0; i < FIXTURE_SONGS * FIXTURE_FACTORS; i++)
		item[i] =
		    (float)(rng_range(&rng, -0.2, 0.2) + (i % FIXTURE_FACTORS == (i / FIXTURE_FACTORS < 4 ? 0 : 1) ? 1 : 0));
	for (size_t p = 0; p < 4; p++)
		user[p * FIXTURE_FACTORS + (p < 2 ? 0 : 1)] = 1;
	struct als_model model = {
	    .users = 4, .items = FIXTURE_SONGS, .factors = FIXTURE_FACTORS, .user = user, .item = item};
	const struct recommender_source source = {&playlists, vectors, 2, &model, NULL};
	assert_ok(recommender_write(path, &source, &err));
	path_list_free(&titles);
	path_list_free(&tags);
	path_list_free(&names);
	path_list_free(&artists);
}

static inline void fixture_file(struct json *files, const char *folder, const char *name)
{
	struct err err = {0};
	char hex[SHA256_HEX];
	struct stat facts;
	assert_ok(sha256_file(scratch_path(folder, name), hex, &err));
	assert_int_equal(stat(scratch_path(folder, name), &facts), 0);
	struct json *entry = json_set_object(files, name);
	json_set_text(entry, "sha256", hex);
	json_set_integer(entry, "bytes", facts.st_size);
}

static inline struct json *fixture_card(const char *folder)
{
	struct err err = {0};
	const struct preprocess preprocess = {.crop = {CROP_CASCADE},
	                                      .n_crop = 1,
	                                      .margin = 0.1,
	                                      .centre = 0.5,
	                                      .size = FIXTURE_SIZE,
	                                      .kernel = KERNEL_BILINEAR,
	                                      .channels = CHANNELS_RGB,
	                                      .scale = 1 / 255.0,
	                                      .detect_scale = 1.1,
	                                      .detect_neighbors = 3,
	                                      .detect_min_size = 24};
	static const char *const classes[] = {"neutral", "positive", "negative"}, *const tags[] = {"여름", "여름", "위로"};
	struct json *card = json_object_new();
	json_set_text(card, "format", "moodcast-bundle");
	json_set_integer(card, "version", 1);
	json_set_text(card, "name", "fixture");
	json_set_text(card, "cut", "block1_pool");
	json_set_integer(card, "average_pool", FIXTURE_SIZE / 2);
	assert_ok(preprocess_to_json(&preprocess, json_set_object(card, "preprocess"), &err));
	struct json *names = json_set_array(card, "classes"), *recommend = json_set_object(card, "recommend");
	struct json *lists = json_set_object(recommend, "tags");
	for (size_t i = 0; i < 3; i++) {
		json_append_text(names, classes[i]);
		json_append_text(json_set_array(lists, classes[i]), tags[i]);
	}
	json_set_integer(recommend, "similar_tags", 1);
	json_set_integer(recommend, "playlists", 4);
	json_set_integer(recommend, "songs_per_playlist", 4);
	json_set_integer(recommend, "choices", 4);
	json_set_integer(recommend, "count", 3);
	json_set_number(recommend, "min_similarity", 0.5);
	json_set_integer(recommend, "per_artist", 0);
	json_set_integer(recommend, "per_album", 0);
	struct json *files = json_set_object(card, "files");
	fixture_file(files, folder, "cascade.xml");
	fixture_file(files, folder, "emotion.safetensors");
	fixture_file(files, folder, "recommender.safetensors");
	json_append_text(json_set_array(card, "honesty"), "The faces are drawn, the network is not pretrained.");
	json_set_object(card, "metrics");
	return card;
}

/* The whole bundle in `folder`, which exists. */
static inline void fixture_write(const char *folder)
{
	struct err err = {0};
	fixture_cascade(scratch_path(folder, "cascade.xml"));
	fixture_emotion(scratch_path(folder, "emotion.safetensors"));
	fixture_songs(scratch_path(folder, "recommender.safetensors"));
	struct json *card = fixture_card(folder);
	assert_ok(json_save(card, scratch_path(folder, "bundle.json"), &err));
	json_free(card);
}

/* A black picture; with `face` a white square of 40 pixels in its middle, which the cascade takes for the inside of a
 * face of about 80. */
static inline struct image fixture_picture(size_t width, size_t height, bool face)
{
	struct err err = {0};
	struct image image;
	assert_ok(image_new(&image, width, height, 3, &err));
	memset(image.pixels, 0, width * height * 3);
	for (size_t y = height / 2 - 20; face && y < height / 2 + 20; y++)
		memset(image.pixels + (y * width + width / 2 - 20) * 3, 255, 40 * 3);
	return image;
}

#endif
