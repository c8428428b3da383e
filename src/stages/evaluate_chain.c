/*
 * The chain from end to end: a face of a person held out → probabilities → songs.
 *
 * A song fits a class by the share of its playlists that carry one of the class's seed tags; a list's score is the mean
 * over its songs for the face's true class, and the figure is the mean over faces. Beside it: the same with the true
 * class instead of the head's probabilities, with all classes alike (no face at all), and with songs drawn at random.
 */
#include "stages/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

/* Faces, spread evenly over the held-out ones, that are taken through the chain: fewer where a recommendation is a
 * longer scan (songs × playlists), so that this part stays below a minute or so. */
#define MAX_FACES 300
#define MIN_FACES 30
#define MAX_SCANNED 1e9
#define MAX_EXAMPLES 2

struct seeds {
	char **tags; /* normalised, one block of pointers a class */
	size_t count;
};

struct chain {
	const struct evaluation *evaluation;
	struct recommender *recommender;
	size_t classes;
	struct seeds *seeds;            /* [classes] */
	struct recommend_label *labels; /* [classes] */
	float *fit;                     /* [classes][songs]: share of the song's playlists with a seed tag */
	struct variety *variety;
};

enum way { WAY_FACE, WAY_TRUTH, WAY_EVEN, WAY_RANDOM, WAY_COUNT };
static const char *const way_names[WAY_COUNT] = {"fit", "fit_perfect_label", "fit_no_face", "fit_random_songs"};

static void chain_free(struct chain *chain)
{
	for (size_t c = 0; chain->seeds && c < chain->classes; c++) {
		for (size_t i = 0; i < chain->seeds[c].count; i++)
			free(chain->seeds[c].tags[i]);
		free(chain->seeds[c].tags);
	}
	recommender_free(chain->recommender);
	free(chain->seeds);
	free(chain->labels);
	free(chain->fit);
	variety_free(chain->variety);
}

static int read_seeds(struct chain *chain, size_t class, const struct text_list *tags, struct err *err)
{
	struct seeds *seeds = &chain->seeds[class];
	struct strbuf name = {0};
	int code = OK;

	seeds->tags = mem_alloc(tags->count, sizeof(*seeds->tags), err);
	if (!seeds->tags)
		return err->code;
	for (size_t i = 0; code == OK && i < tags->count; i++) {
		code = tag_normalise(tags->items[i], &name, err);
		if (code == OK) {
			seeds->tags[seeds->count] = mem_text(name.text, err);
			code = seeds->tags[seeds->count] ? OK : err->code;
			seeds->count += code == OK;
		}
	}
	strbuf_free(&name);
	return code;
}

static int read_labels(struct chain *chain, struct err *err)
{
	const struct text_map *map = &chain->evaluation->run->settings->recommend.tags;
	char *const *classes = chain->evaluation->faces.classes.items;

	chain->seeds = mem_alloc(chain->classes, sizeof(*chain->seeds), err);
	chain->labels = chain->seeds ? mem_alloc(chain->classes, sizeof(*chain->labels), err) : NULL;
	if (!chain->labels)
		return err->code;
	for (size_t c = 0; c < chain->classes; c++) {
		for (size_t i = 0; i < map->count; i++)
			if (strcmp(map->names[i], classes[c]) == 0 && read_seeds(chain, c, &map->values[i], err) != OK)
				return err->code;
		chain->labels[c] = (struct recommend_label){
		    .label = classes[c], .tags = chain->seeds[c].tags, .n_tags = chain->seeds[c].count};
	}
	return OK;
}

/* Does a playlist carry a seed tag of the class? */
static void mark_playlists(const struct chain *chain, size_t class, uint8_t *marked)
{
	const struct playlists *lists = chain->evaluation->music.playlists;
	const struct seeds *seeds = &chain->seeds[class];

	for (size_t p = 0; p < lists->n_playlists; p++) {
		marked[p] = 0;
		for (int64_t i = lists->tags.start[p]; i < lists->tags.start[p + 1]; i++)
			for (size_t s = 0; s < seeds->count; s++)
				marked[p] |= strcmp(lists->tag_name.items[lists->tags.index[i]], seeds->tags[s]) == 0;
	}
}

static int measure_fit(struct chain *chain, struct err *err)
{
	const struct playlists *lists = chain->evaluation->music.playlists;
	uint8_t *marked = mem_alloc(lists->n_playlists, 1, err);
	uint32_t *holders = marked ? mem_alloc(lists->n_songs, sizeof(*holders), err) : NULL;

	chain->fit = holders ? mem_alloc(chain->classes * lists->n_songs, sizeof(*chain->fit), err) : NULL;
	for (size_t c = 0; chain->fit && c < chain->classes; c++) {
		float *fit = chain->fit + c * lists->n_songs;

		mark_playlists(chain, c, marked);
		memset(holders, 0, lists->n_songs * sizeof(*holders));
		for (size_t p = 0; p < lists->n_playlists; p++) {
			for (int64_t i = lists->songs.start[p]; i < lists->songs.start[p + 1]; i++) {
				holders[lists->songs.index[i]]++;
				fit[lists->songs.index[i]] += marked[p];
			}
		}
		for (size_t s = 0; s < lists->n_songs; s++)
			fit[s] = holders[s] ? fit[s] / (float)holders[s] : 0;
	}
	free(marked);
	free(holders);
	return chain->fit ? OK : err->code;
}

static void set_labels(struct chain *chain, enum way way, size_t face)
{
	const struct judged_faces *faces = &chain->evaluation->faces;

	for (size_t c = 0; c < chain->classes; c++)
		chain->labels[c].probability = way == WAY_FACE    ? (double)faces->probabilities[face * chain->classes + c]
		                               : way == WAY_TRUTH ? (double)((size_t)faces->data.labels[face] == c)
		                                                  : 1 / (double)chain->classes;
}

static int ask(struct chain *chain, size_t face, struct recommend_result *result, struct err *err)
{
	const struct settings *settings = chain->evaluation->run->settings;
	const struct recommend_settings *asked = &settings->recommend;
	struct recommend_request request = {
	    .labels = chain->labels,
	    .n_labels = chain->classes,
	    .count = (size_t)asked->count,
	    .seed = (uint64_t)settings->run.seed + face,
	    .similar_tags = (size_t)asked->similar_tags,
	    .playlists = (size_t)asked->playlists,
	    .songs_per_playlist = (size_t)asked->songs_per_playlist,
	    .choices = (size_t)asked->choices,
	    .per_artist = (size_t)asked->per_artist,
	    .per_album = (size_t)asked->per_album,
	    .min_similarity = asked->min_similarity,
	};

	return recommend(chain->recommender, &request, result, err);
}

/* Position in playlists.h5 of a song id; ids ascend. */
static size_t song_row(const struct playlists *lists, int64_t id)
{
	size_t low = 0, high = lists->n_songs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lists->song_id[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static double score_songs(const struct chain *chain, size_t class, const size_t *rows, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)chain->fit[class * chain->evaluation->music.playlists->n_songs + rows[i]];
	return count ? sum / (double)count : 0;
}

static double score_random(const struct chain *chain, size_t class, size_t face)
{
	const struct settings *settings = chain->evaluation->run->settings;
	size_t songs = chain->evaluation->music.playlists->n_songs, count = (size_t)settings->recommend.count;
	struct rng rng;
	double sum = 0;

	rng_seed(&rng, (uint64_t)settings->run.seed, "evaluate.random_songs", face);
	for (size_t i = 0; i < count; i++)
		sum += (double)chain->fit[class * songs + rng_below(&rng, songs)];
	return sum / (double)count;
}

static void record_example(const struct chain *chain, size_t face, const struct recommend_result *result,
                           struct json *list)
{
	const struct judged_faces *faces = &chain->evaluation->faces;
	struct json *example = json_append_object(list), *scores, *songs;

	json_set_text(example, "truth", faces->classes.items[faces->data.labels[face]]);
	scores = json_set_object(example, "probabilities");
	for (size_t c = 0; c < chain->classes; c++)
		json_set_number(scores, faces->classes.items[c], (double)faces->probabilities[face * chain->classes + c]);
	songs = json_set_array(example, "songs");
	for (size_t i = 0; i < result->count && i < 5; i++) {
		const struct recommended_song *song = &result->songs[i];
		struct json *one = json_append_object(songs);

		json_set_integer(one, "id", song->id);
		json_set_text(one, "name", song->name ? song->name : "");
		json_set_text(one, "artist", song->artist ? song->artist : "");
		if (song->why.label)
			json_set_text(one, "label", song->why.label);
		json_set_text(one, "seed", song->why.seed ? song->why.seed : "");
		json_set_text(one, "similar", song->why.similar ? song->why.similar : "");
		json_set_number(one, "cosine", song->why.cosine);
		json_set_integer(one, "playlist", song->why.playlist);
		json_set_text(one, "title", song->why.title ? song->why.title : "");
	}
}

/* Sums over the faces of each person: the pictures of one person are no independent samples. */
struct chain_sums {
	double *fit[WAY_COUNT], *faces; /* [persons] */
	size_t *rows;                   /* [settings' count] songs of one list */
	size_t empty;
	size_t examples[64]; /* shown so far, by class */
};

static void sums_free(struct chain_sums *sums)
{
	for (size_t way = 0; way < WAY_COUNT; way++)
		free(sums->fit[way]);
	free(sums->faces);
	free(sums->rows);
}

static int sums_open(struct chain_sums *sums, const struct chain *chain, struct err *err)
{
	size_t persons = chain->evaluation->faces.persons;

	for (size_t way = 0; way < WAY_COUNT; way++)
		if (!(sums->fit[way] = mem_alloc(persons, sizeof(double), err)))
			return err->code;
	sums->faces = mem_alloc(persons, sizeof(double), err);
	sums->rows = mem_alloc((size_t)chain->evaluation->run->settings->recommend.count, sizeof *sums->rows, err);
	return sums->faces && sums->rows ? OK : err->code;
}

static int run_way(struct chain *chain, enum way way, size_t face, struct chain_sums *sums, struct json *examples,
                   struct err *err)
{
	const struct judged_faces *faces = &chain->evaluation->faces;
	size_t class = (size_t)faces->data.labels[face];
	struct recommend_result result;

	set_labels(chain, way, face);
	if (ask(chain, face, &result, err) != OK)
		return err->code;
	for (size_t i = 0; i < result.count; i++)
		sums->rows[i] = song_row(chain->evaluation->music.playlists, result.songs[i].id);
	sums->fit[way][faces->person[face]] += score_songs(chain, class, sums->rows, result.count);
	if (way == WAY_FACE) {
		sums->empty += result.count == 0;
		variety_add(chain->variety, class, sums->rows, result.count);
		if (class < ARRAY_COUNT(sums->examples) && sums->examples[class]++ < MAX_EXAMPLES)
			record_example(chain, face, &result, examples);
	}
	recommend_result_free(&result);
	return OK;
}

static int run_face(struct chain *chain, size_t face, struct chain_sums *sums, struct json *examples, struct err *err)
{
	const struct judged_faces *faces = &chain->evaluation->faces;
	size_t person = faces->person[face];

	for (enum way way = WAY_FACE; way < WAY_RANDOM; way++)
		if (run_way(chain, way, face, sums, examples, err) != OK)
			return err->code;
	sums->fit[WAY_RANDOM][person] += score_random(chain, (size_t)faces->data.labels[face], face);
	sums->faces[person]++;
	return OK;
}

static int record_ways(const struct chain *chain, const struct chain_sums *sums, struct json *metrics,
                       struct err *err)
{
	const struct settings *settings = chain->evaluation->run->settings;
	size_t persons = chain->evaluation->faces.persons;
	double faces = 0, low, high;

	for (size_t person = 0; person < persons; person++)
		faces += sums->faces[person];
	json_set_integer(metrics, "faces", (int64_t)faces);
	json_set_integer(metrics, "songs_a_face", settings->recommend.count);
	json_set_integer(metrics, "without_songs", (int64_t)sums->empty);
	for (size_t way = 0; way < WAY_COUNT; way++) {
		char name[32];
		struct rng rng;
		double sum = 0;

		for (size_t person = 0; person < persons; person++)
			sum += sums->fit[way][person];
		json_set_number(metrics, way_names[way], sum / faces);
		rng_seed(&rng, (uint64_t)settings->run.seed, "evaluate.chain", way);
		struct bootstrap people = {sums->fit[way], sums->faces, persons, (size_t)settings->evaluate.bootstrap};
		if (bootstrap_interval(&people, &rng, &low, &high, err) != OK)
			return err->code;
		snprintf(name, sizeof name, "%s_95", way_names[way]);
		struct json *limits = json_set_array(metrics, name);
		json_append_number(limits, low);
		json_append_number(limits, high);
	}
	return OK;
}

static size_t faces_wanted(const struct chain *chain)
{
	double scan = (double)chain->evaluation->music.playlists->n_songs *
	              (double)chain->evaluation->run->settings->recommend.playlists * (double)WAY_RANDOM;
	double faces = MAX_SCANNED / scan;

	return faces > MAX_FACES ? MAX_FACES : faces < MIN_FACES ? MIN_FACES : (size_t)faces;
}

static int run_faces(struct chain *chain, struct chain_sums *sums, struct json *examples, struct err *err)
{
	const struct judged_faces *faces = &chain->evaluation->faces;
	size_t most = faces_wanted(chain), step = faces->n > most ? faces->n / most : 1;
	struct progress progress;

	progress_start(&progress, "evaluate", "faces to songs", (faces->n + step - 1) / step);
	for (size_t face = 0; face < faces->n; face += step) {
		if (run_face(chain, face, sums, examples, err) != OK || stop_check("evaluate", err) != OK)
			return err->code;
		progress_add(&progress, 1);
	}
	progress_end(&progress);
	return OK;
}

static int run_chain(struct chain *chain, struct err *err)
{
	struct json *metrics = evaluate_stage(chain->evaluation->run, "chain");
	struct json *examples = json_set_array(metrics, "examples");
	struct chain_sums sums = {0};
	int code = variety_new(&chain->variety, chain->evaluation->music.playlists->n_songs, chain->classes, err);

	if (code == OK)
		code = sums_open(&sums, chain, err);
	if (code == OK)
		code = run_faces(chain, &sums, examples, err);
	if (code == OK)
		code = record_ways(chain, &sums, metrics, err);
	if (code == OK)
		variety_record(chain->variety, metrics);
	sums_free(&sums);
	return code;
}

int evaluate_chain(struct evaluation *evaluation, struct err *err)
{
	const struct music *music = &evaluation->music;
	struct chain chain = {.evaluation = evaluation, .classes = evaluation->faces.classes.count};
	float *vectors = NULL;
	int code;

	if (!evaluation->faces.n || !music->playlists || !music->vectors.count || !music->model.factors)
		return OK;
	code = music_ordered_vectors(music, &vectors, err);
	if (code == OK) {
		struct recommender_source source = {music->playlists, vectors, music->vectors.size, &music->model, NULL};
		code = recommender_build(&chain.recommender, &source, err);
	}
	if (code == OK)
		code = read_labels(&chain, err);
	if (code == OK)
		code = measure_fit(&chain, err);
	if (code == OK)
		code = run_chain(&chain, err);
	chain_free(&chain);
	free(vectors);
	return code;
}
