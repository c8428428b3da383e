/* Playlists, tags, songs and what is learnt from them, with memory that runs out. */
#include <string.h>

#include "failing_memory.h"
#include "recsys/rankers_internal.h"
#include "text/text.h"

#define DIMS 4

static struct {
	char *folder, *input, *meta, *csv, *pairs, *h5, *als, *text, *binary, *songs;
	struct playlists *playlists;
	struct csr matrix;
	struct als_model model;
	struct vectors vectors;
	struct recommender *recommender;
} have;

static char *at(const char *name)
{
	return strdup(scratch_path(have.folder, name));
}

static const struct als_options als_options = {
	.model = {.factors = 4, .iterations = 2, .regularization = 0.1, .alpha = 1}, .seed = 1, .threads = 1};
static const struct skipgram_options skipgram_options = {.size = DIMS,
                                                         .negative = 2,
                                                         .epochs = 1,
                                                         .window = 3,
                                                         .deterministic = true,
                                                         .threads = 1,
                                                         .alpha = .02,
                                                         .min_alpha = .001,
                                                         .ns_exponent = .75,
                                                         .seed = 1};

static struct tag_corpus corpus_of(const struct playlists *p)
{
	return (struct tag_corpus){p->n_playlists, p->n_tags, p->tags.start, p->tags.index, p->tags.held};
}

static void train(void)
{
	struct err err = {0};
	const struct tag_corpus corpus = corpus_of(have.playlists);
	struct vocabulary vocabulary;
	struct path_list keys = {0};
	assert_ok(playlists_matrix(have.playlists, &have.matrix, &err));
	assert_ok(als_train(&have.matrix, &als_options, &have.model, &err));
	assert_ok(als_save(&have.model, have.als, &err));
	assert_ok(vocabulary_build(&vocabulary, &corpus, 1, &err));
	struct vectors learnt;
	assert_ok(skipgram_train(&corpus, &vocabulary, &skipgram_options, &learnt, NULL, &err));
	have.vectors = (struct vectors){have.playlists->n_tags, DIMS, calloc(have.playlists->n_tags * DIMS, sizeof(float))};
	for (size_t i = 0; i < learnt.count; i++)
		memcpy(have.vectors.data + vocabulary.tag[i] * DIMS, learnt.data + i * DIMS, DIMS * sizeof(float));
	assert_ok(word2vec_keys(have.playlists->tag_name.items, have.vectors.count, &keys, &err));
	assert_ok(word2vec_save_text(have.text, &have.vectors, keys.items, &err));
	assert_ok(word2vec_save_binary(have.binary, &have.vectors, keys.items, &err));
	path_list_free(&keys);
	vectors_free(&learnt);
	vocabulary_free(&vocabulary);
}

static struct recommender_source source(void)
{
	return (struct recommender_source){have.playlists, have.vectors.data, DIMS, &have.model, NULL};
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	struct playlist_reader *reader;
	struct drawn_playlists_counts counts;
	static const char csv[] = "playlist_id,title,tags,songs,like_cnt\n1,a,x|y,10|11,3\n2,b,y,11|12,1\n",
	                  pairs[] = "playlist_id,song_id\n1,12\n3,10\n";
	have.folder = scratch_new();
	have.input = at("playlists.json"), have.meta = at("meta.json"), have.csv = at("p.csv"),
	have.pairs = at("pairs.csv");
	have.h5 = at("p.h5"), have.als = at("als.npz"), have.text = at("a.vec"), have.binary = at("a.bin"),
	have.songs = at("songs");
	assert_ok(file_write(have.csv, csv, strlen(csv), &err));
	assert_ok(file_write(have.pairs, pairs, strlen(pairs), &err));
	assert_ok(drawn_playlists_save(have.input, have.meta, &(struct drawn_playlists){30, 80, 1}, &counts, &err));
	assert_ok(playlist_reader_new(&reader, tag_normalise, &err));
	assert_ok(playlist_reader_input(reader, have.input, &err));
	assert_ok(playlist_reader_finish(reader, 0.4, 1, &have.playlists, &err));
	assert_ok(playlist_reader_names(reader, have.playlists, have.meta, &err));
	playlist_reader_free(reader);
	assert_ok(playlists_save(have.playlists, have.h5, &err));
	train();
	const struct recommender_source from = source();
	assert_ok(recommender_write(have.songs, &from, &err));
	assert_ok(recommender_build(&have.recommender, &from, &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *paths[] = {have.input, have.meta, have.csv,    have.pairs, have.h5,
	                 have.als,   have.text, have.binary, have.songs};
	recommender_free(have.recommender);
	playlists_free(have.playlists);
	csr_free(&have.matrix);
	als_model_free(&have.model);
	vectors_free(&have.vectors);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		free(paths[i]);
	scratch_remove(have.folder);
	return 0;
}

/* ---- playlists ------------------------------------------------------------------------------------------- */

static int read_playlists(struct err *err)
{
	struct playlist_reader *reader;
	struct playlists *playlists = NULL;
	int code = playlist_reader_new(&reader, tag_normalise, err);
	if (code != OK)
		return code;
	if ((code = playlist_reader_input(reader, have.csv, err)) == OK &&
	    (code = playlist_reader_pairs(reader, have.pairs, err)) == OK &&
	    (code = playlist_reader_finish(reader, 0.5, 1, &playlists, err)) == OK)
		code = playlist_reader_names(reader, playlists, have.meta, err);
	playlists_free(playlists);
	playlist_reader_free(reader);
	return code;
}

static int read_melon(struct err *err)
{
	struct playlist_reader *reader;
	int code = playlist_reader_new(&reader, tag_normalise, err);
	if (code != OK)
		return code;
	code = playlist_reader_input(reader, have.input, err);
	playlist_reader_free(reader);
	return code;
}

static int load_playlists(struct err *err)
{
	struct playlists *loaded;
	int code = playlists_load(&loaded, have.h5, err);
	if (code == OK)
		playlists_free(loaded);
	return code;
}

static int save_playlists(struct err *err)
{
	int code = playlists_save(have.playlists, scratch_path(have.folder, "b.h5"), err);
	return code == OK ? playlists_save_likes(have.playlists, scratch_path(have.folder, "likes.npz"), err) : code;
}

static int add_guests(struct err *err)
{
	struct playlists *guests;
	int code = playlists_guests(have.playlists, have.playlists, &guests, err);
	if (code == OK)
		playlists_free(guests);
	return code;
}

static const struct attempt playlist_attempts[] = {
	{"playlist_reader_new", read_playlists}, {"playlist_reader_input", read_melon}, {"playlists_load", load_playlists},
	{"playlists_save", save_playlists},      {"playlists_guests", add_guests},
};

static void playlists(void **state)
{
	(void)state;
	memory_walk(playlist_attempts, ARRAY_COUNT(playlist_attempts));
}

/* ---- tags --------------------------------------------------------------------------------------------------- */

static int normalise(struct err *err)
{
	struct strbuf text = {0};
	int code = tag_normalise("  Ｓummer 여름 ", &text, err);
	strbuf_free(&text);
	return code;
}

static int learn_tags(struct err *err)
{
	const struct tag_corpus corpus = corpus_of(have.playlists);
	struct vocabulary vocabulary;
	struct vectors vectors = {0};
	struct tags_evaluation evaluation = {0};
	int code = vocabulary_build(&vocabulary, &corpus, 1, err);
	if (code != OK)
		return code;
	code = skipgram_train(&corpus, &vocabulary, &skipgram_options, &vectors, NULL, err);
	if (code == OK && (code = tags_evaluate(&corpus, &vocabulary, &vectors, 1, &evaluation, err)) == OK)
		tags_evaluation_free(&evaluation);
	vectors_free(&vectors);
	vocabulary_free(&vocabulary);
	return code;
}

static int learn_tags_by_tree(struct err *err)
{
	const struct tag_corpus corpus = corpus_of(have.playlists);
	struct skipgram_options options = skipgram_options;
	struct vocabulary vocabulary;
	struct vectors vectors = {0};
	int code = vocabulary_build(&vocabulary, &corpus, 1, err);
	if (code != OK)
		return code;
	options.hierarchical = options.cbow = true;
	code = skipgram_train(&corpus, &vocabulary, &options, &vectors, NULL, err);
	vectors_free(&vectors);
	vocabulary_free(&vocabulary);
	return code;
}

static int load_text(struct err *err)
{
	struct vectors loaded = {0};
	struct path_list keys = {0};
	int code = word2vec_load_text(have.text, &loaded, &keys, err);
	vectors_free(&loaded);
	path_list_free(&keys);
	return code;
}

static int load_binary(struct err *err)
{
	struct vectors loaded = {0};
	struct path_list keys = {0};
	int code = word2vec_load_binary(have.binary, &loaded, &keys, err);
	vectors_free(&loaded);
	path_list_free(&keys);
	return code;
}

static int tag_files(struct err *err)
{
	struct path_list keys = {0}, tags = {0};
	struct vectors unit = {0};
	char *const *names = have.playlists->tag_name.items;
	const char *path = scratch_path(have.folder, "keys.tsv");
	size_t count = have.vectors.count;
	struct scored *near = malloc(count * 3 * sizeof *near);
	int code = near ? word2vec_keys(names, count, &keys, err) : err_set(err, ERR_MEMORY, "no memory");
	if (code == OK && (code = tag_keys_save(path, keys.items, names, count, err)) == OK &&
	    (code = tag_keys_load(path, &keys, &tags, err)) == OK &&
	    (code = vectors_unit(&have.vectors, &unit, err)) == OK &&
	    (code = vectors_neighbours(&unit, 3, 2, near, err)) == OK)
		code = tag_similarity_save(scratch_path(have.folder, "s.h5"), &unit, names, 4, err);
	free(near);
	vectors_free(&unit);
	path_list_free(&keys);
	path_list_free(&tags);
	return code;
}

static const struct attempt tag_attempts[] = {
    {"tag_normalise", normalise},      {"vocabulary_build", learn_tags},      {"huffman_build", learn_tags_by_tree},
    {"word2vec_load_text", load_text}, {"word2vec_load_binary", load_binary}, {"tag_keys_load", tag_files},
};

static void tags(void **state)
{
	(void)state;
	memory_walk(tag_attempts, ARRAY_COUNT(tag_attempts));
}

/* ---- songs ---------------------------------------------------------------------------------------------------- */

static int train_als(struct err *err)
{
	struct als_model model = {0};
	struct als_options options = als_options;
	int code = als_train(&have.matrix, &options, &model, err);
	if (code == OK)
		code = als_save(&model, scratch_path(have.folder, "b.npz"), err);
	als_model_free(&model);
	return code;
}

static int load_als(struct err *err)
{
	struct als_model model;
	int code = als_load(&model, have.als, err);
	if (code == OK)
		als_model_free(&model);
	return code;
}

static int make_rankers(struct err *err)
{
	struct popularity *popularity = NULL;
	struct item_knn *knn = NULL;
	struct als_ranker *als = NULL;
	struct neighbours *neighbours = NULL;
	const struct neighbours_options options = {1, 1, 1, 0.5};
	struct ranking_result result;
	int code = popularity_new(&popularity, &have.matrix, err);
	if (code != OK)
		return code;
	if ((code = item_knn_new(&knn, &have.matrix, KNN_BM25, 3, 2, err)) == OK &&
	    (code = als_ranker_new(&als, have.playlists, &have.model, popularity, err)) == OK &&
	    (code = neighbours_new(&neighbours, have.playlists, &options, popularity, err)) == OK) {
		const struct ranker ranker = neighbours_ranker(neighbours, "n", RANK_SONGS);
		code = ranking_evaluate(have.playlists, &ranker,
		                        &(struct ranking_options){.bootstrap = 10, .seed = 1, .threads = 2}, &result, err);
	}
	neighbours_free(neighbours);
	als_ranker_free(als);
	item_knn_free(knn);
	popularity_free(popularity);
	return code;
}

static int continue_playlists(struct err *err)
{
	const size_t rows[] = {0, 3};
	const struct arena_question question = {
	    .playlists = have.playlists,
	    .model = &have.model,
	    .recommend = {.tag_weight = 1, .sharpness = 1, .damping = .5, .als_weight = .5},
	    .rows = rows,
	    .count = 2,
	    .threads = 1};
	struct arena_answers answers;
	int code = arena_answer(&question, &answers, err);
	if (code == OK)
		arena_answers_free(&answers);
	return code;
}

static int build_recommender(struct err *err)
{
	const struct recommender_source from = source();
	struct recommender *recommender;
	int code = recommender_build(&recommender, &from, err);
	if (code == OK)
		recommender_free(recommender);
	return code == OK ? recommender_write(scratch_path(have.folder, "b"), &from, err) : code;
}

static int map_recommender(struct err *err)
{
	struct tensor_file *file;
	struct recommender *recommender = NULL;
	int code = tensors_map(&file, have.songs, err);
	if (code != OK)
		return code;
	code = recommender_map(&recommender, file, err);
	recommender_free(recommender);
	tensors_unmap(file);
	return code;
}

static int ask(struct err *err)
{
	char *tag = have.playlists->tag_name.items[0], unknown[] = "nobody", *tags[] = {tag, unknown};
	const struct recommend_label label = {"positive", 1, tags, 2};
	const int64_t song = have.playlists->song_id[3];
	const struct recommend_request request = {.labels = &label,
	                                          .n_labels = 1,
	                                          .songs = &song,
	                                          .n_songs = 1,
	                                          .count = 3,
	                                          .seed = 1,
	                                          .similar_tags = 2,
	                                          .playlists = 4,
	                                          .songs_per_playlist = 4,
	                                          .choices = 8,
	                                          .per_artist = 1};
	struct recommend_result result;
	int code = recommend(have.recommender, &request, &result, err);
	if (code == OK)
		recommend_result_free(&result);
	return code;
}

static int admit_songs(struct err *err)
{
	int64_t id = 999, start[] = {0, 1}, album = -1;
	int32_t first = 0;
	uint8_t shown = 0;
	struct new_songs all;
	struct path_list name = {(char *[]){(char *)"a song"}, 1, 1};
	const struct playlists fresh = {.n_playlists = 1,
	                                .n_tags = 1,
	                                .n_songs = 1,
	                                .song_id = &id,
	                                .song_album = &album,
	                                .tag_name = {have.playlists->tag_name.items, 1, 1},
	                                .song_name = name,
	                                .song_artist = name,
	                                .tags = {start, &first, &shown},
	                                .songs = {start, &first, &shown}};
	int code = new_songs_admit(&all, have.playlists, &have.model, &fresh, err);
	if (code == OK)
		new_songs_free(&all);
	return code;
}

static int judge_new_songs(struct err *err)
{
	const struct new_songs_options options = {
	    .ranking = {.bootstrap = 10, .threads = 1}, .als = als_options.model, .share = 0.5};
	struct new_songs_evaluation found;
	return new_songs_evaluate(have.playlists, &have.model, &options, &found, err);
}

static const struct attempt song_attempts[] = {
	{"new_songs_admit", admit_songs}, {"new_songs_evaluate", judge_new_songs},
	{"als_train", train_als}, {"als_load", load_als}, {"rankers", make_rankers}, {"arena_answer", continue_playlists},
	{"recommender_build", build_recommender}, {"recommender_map", map_recommender}, {"recommend", ask},
};

static void songs(void **state)
{
	(void)state;
	memory_walk(song_attempts, ARRAY_COUNT(song_attempts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(playlists),
		cmocka_unit_test(tags),
		cmocka_unit_test(songs),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
