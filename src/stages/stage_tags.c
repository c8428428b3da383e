/* Word2Vec on the tags of playlists: vectors, neighbours, similarities. */
#include "base/comm.h"
#include "stages/stages.h"

#include "recsys/recsys.h"
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

enum { SIMILARITY_TAGS = 2000, HEADLINE_TAGS = 3 };

struct tags_work {
	struct playlists *playlists;
	struct vocabulary vocabulary;
	struct vectors vectors, unit;
	struct skipgram_report report;
	char **names; /* [vocabulary.count], borrowed from playlists */
	struct path_list keys;
	struct scored *neighbours; /* [count][k] */
	size_t k;
};

static void work_free(struct tags_work *work)
{
	playlists_free(work->playlists);
	vocabulary_free(&work->vocabulary);
	vectors_free(&work->vectors);
	vectors_free(&work->unit);
	path_list_free(&work->keys);
	free(work->names);
	free(work->neighbours);
}

static int train(struct stage_run *run, struct tags_work *work, struct err *err)
{
	const struct tags_settings *s = &run->settings->tags;
	struct skipgram_options options = {
	    .size = (size_t)s->size, .window = (size_t)s->window, .negative = (size_t)s->negative,
	    .epochs = (size_t)s->epochs, .alpha = s->alpha, .min_alpha = s->min_alpha, .sample = s->sample,
	    .ns_exponent = s->ns_exponent,
	    .cbow = s->model == TAGS_CBOW,
	    .hierarchical = s->output == TAGS_HIERARCHICAL,
	    .shared_negatives = s->negatives == TAGS_SHARED,
	    .deterministic = s->deterministic,
	    .threads = run->threads,
	    .seed = (uint64_t)run->settings->run.seed,
	};
	char *path = stage_in_path(run, "playlists", "playlists.h5", err);
	int code = path ? playlists_load(&work->playlists, path, err) : err->code;

	free(path);
	if (code != OK)
		return code;
	const struct playlists *p = work->playlists;
	struct tag_corpus corpus = {p->n_playlists, p->n_tags, p->tags.start, p->tags.index, p->tags.held};
	code = vocabulary_build(&work->vocabulary, &corpus, (size_t)s->min_count, err);
	return code == OK ? skipgram_train(&corpus, &work->vocabulary, &options, &work->vectors, &work->report, err) : code;
}

static int find_neighbours(struct stage_run *run, struct tags_work *work, struct err *err)
{
	size_t count = work->vocabulary.count, wanted = (size_t)run->settings->tags.neighbours;

	work->k = wanted < count ? wanted : count - 1;
	if (!(work->names = mem_alloc(count, sizeof *work->names, err)) ||
	    !(work->neighbours = mem_alloc(count, work->k * sizeof *work->neighbours, err)))
		return ERR_MEMORY;
	for (size_t i = 0; i < count; i++)
		work->names[i] = work->playlists->tag_name.items[work->vocabulary.tag[i]];
	int code = word2vec_keys(work->names, count, &work->keys, err);
	if (code == OK)
		code = vectors_unit(&work->vectors, &work->unit, err);
	return code == OK ? vectors_neighbours(&work->unit, work->k, run->threads, work->neighbours, err) : code;
}

/* One of the stage's files by its number; the caller goes through them. */
static int write_file(const struct tags_work *work, size_t number, const char *path, struct err *err)
{
	size_t count = work->vocabulary.count, frequent = count < SIMILARITY_TAGS ? count : SIMILARITY_TAGS;

	switch (number) {
	case 0:
		return word2vec_save_text(path, &work->vectors, work->keys.items, err);
	case 1:
		return word2vec_save_binary(path, &work->vectors, work->keys.items, err);
	case 2:
		return tag_keys_save(path, work->keys.items, work->names, count, err);
	case 3:
		return tag_neighbours_save(path, work->names, work->neighbours, count, work->k, err);
	default:
		return tag_similarity_save(path, &work->unit, work->names, frequent, err);
	}
}

static int write_files(struct stage_run *run, const struct tags_work *work, struct err *err)
{
	static const char *names[] = {"tags.vec", "tags.bin", "tag_keys.tsv", "tag_neighbours.tsv", "tag_similarity.h5"};
	int code = OK;

	for (size_t i = 0; i < ARRAY_COUNT(names) && code == OK; i++) {
		char *path = stage_out_path(run, names[i], err);
		code = path ? write_file(work, i, path, err) : err->code;
		free(path);
	}
	return code;
}

/* For people: what lies next to a tag whose meaning everybody knows, else to the most frequent one. */
static void write_headline(struct stage_run *run, const struct tags_work *work)
{
	size_t row = 0, length;

	for (size_t i = 0; i < work->vocabulary.count; i++)
		row = strcmp(work->names[i], "여름") ? row : i;
	snprintf(run->headline, sizeof run->headline, "%zu tags, %zu dimensions; %s →", work->vectors.count,
	         work->vectors.size, work->names[row]);
	for (size_t j = 0; j < work->k && j < HEADLINE_TAGS; j++) {
		const char *near = work->names[work->neighbours[row * work->k + j].id];
		/* A long name is left out rather than cut in the middle of a letter. */
		if ((length = strlen(run->headline)) + strlen(near) + 2 <= sizeof run->headline)
			snprintf(run->headline + length, sizeof run->headline - length, " %s", near);
	}
}

static void record(struct stage_run *run, const struct tags_work *work)
{
	json_set_integer(run->metrics, "tags", (int64_t)work->vectors.count);
	json_set_integer(run->metrics, "dimensions", (int64_t)work->vectors.size);
	json_set_integer(run->metrics, "occurrences", work->vocabulary.total);
	json_set_integer(run->metrics, "words_trained", work->report.words);
	json_set_integer(run->metrics, "pairs_trained", work->report.pairs);
	json_set_number(run->metrics, "loss", work->report.loss);
	write_headline(run, work);
}

int stage_tags(struct stage_run *run, struct err *err)
{
	struct tags_work work = {0};
	int code = train(run, &work, err);

	if (code == OK)
		code = find_neighbours(run, &work, err);
	if (code == OK && comm_publishes())
		code = write_files(run, &work, err);
	if (code == OK && comm_publishes())
		record(run, &work);
	work_free(&work);
	return code;
}
