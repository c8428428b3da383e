/* `arena QUESTIONS.json`: a results.json for the playlists that a contest asks about. */
#include "stages/stages.h"

#include "recsys/recsys.h"
#include "text/text.h"

#include <stdlib.h>

struct arena {
	struct playlists *playlists, *asked,
	    *guests; /* guests: the asked ones in terms of the others; NULL = all are known */
	struct als_model model;
	size_t *rows; /* [asked->n_playlists] as arena_question has them */
};

static int read_questions(struct arena *arena, const char *path, struct err *err)
{
	struct playlist_reader *reader = NULL;
	int code = playlist_reader_new(&reader, tag_normalise, err);

	if (code == OK)
		code = playlist_reader_input(reader, path, err);
	if (code == OK)
		code = playlist_reader_check(reader, 0, err);
	if (code == OK)
		code = playlist_reader_finish(reader, 0, 0, &arena->asked, err);
	playlist_reader_free(reader);
	return code;
}

/* Both ascend by id. What playlists.h5 shows of a playlist that it has goes before what the file shows; one that it has
 * not got is a guest. */
static int find_rows(struct arena *arena, struct err *err)
{
	const struct playlists *known = arena->playlists, *asked = arena->asked;
	size_t row = 0, fresh = 0;

	arena->rows = mem_alloc(asked->n_playlists, sizeof *arena->rows, err);
	if (!arena->rows)
		return err->code;
	for (size_t i = 0; i < asked->n_playlists; i++) {
		while (row < known->n_playlists && known->id[row] < asked->id[i])
			row++;
		bool there = row < known->n_playlists && known->id[row] == asked->id[i];
		arena->rows[i] = there ? row : known->n_playlists + i;
		fresh += !there;
	}
	if (!fresh)
		return OK;
	log_info("arena", "%zu of %zu playlists were not learnt from: folded in by their songs and tags", fresh,
	         asked->n_playlists);
	return playlists_guests(known, asked, &arena->guests, err);
}

static int save_answers(const struct arena *arena, const struct arena_answers *answers, const char *path,
                        struct err *err)
{
	const struct playlists *lists = arena->playlists;
	struct json *all = json_array_new();

	for (size_t i = 0; i < answers->count; i++) {
		struct json *one = json_append_object(all), *list;
		json_set_integer(one, "id", arena->asked->id[i]);
		list = json_set_array(one, "songs");
		for (size_t k = 0; k < answers->n_songs[i]; k++)
			json_append_integer(list, lists->song_id[answers->song[i * ARENA_SONGS + k]]);
		list = json_set_array(one, "tags");
		for (size_t k = 0; k < answers->n_tags[i]; k++)
			json_append_text(list, lists->tag_display.items[answers->tag[i * ARENA_TAGS + k]]);
	}
	int code = json_save(all, path, err);
	json_free(all);
	return code;
}

static int arena_load(struct arena *arena, const struct stage_run *run, const char *questions, struct err *err)
{
	char *lists = stage_in_path(run, "playlists", "playlists.h5", err);
	char *model = lists ? stage_in_path(run, "als", "als.npz", err) : NULL;
	int code = model ? playlists_load(&arena->playlists, lists, err) : err->code;

	if (code == OK)
		code = als_load(&arena->model, model, err);
	if (code == OK)
		code = read_questions(arena, questions, err);
	if (code == OK)
		code = find_rows(arena, err);
	free(lists);
	free(model);
	return code;
}

static int answer_all(const struct settings *settings, const struct stage_options *options, struct err *err)
{
	struct arena arena = {0};
	struct arena_answers answers = {0};
	struct stage_run run = {.inputs = options->inputs, .n_inputs = options->n_inputs};
	int code = arena_load(&arena, &run, options->words[0], err);

	if (code == OK) {
		const struct arena_question question = {.playlists = arena.playlists,
		                                        .model = &arena.model,
		                                        .recommend = settings->recommend,
		                                        .guests = arena.guests,
		                                        .confidence = settings->als.confidence,
		                                        .rows = arena.rows,
		                                        .count = arena.asked->n_playlists,
		                                        .threads = thread_count((int)settings->run.threads)};
		code = arena_answer(&question, &answers, err);
	}
	if (code == OK)
		code = save_answers(&arena, &answers, options->out, err);
	if (code == OK)
		printf("%s: %zu playlists answered\n", options->out, answers.count);
	arena_answers_free(&answers);
	als_model_free(&arena.model);
	playlists_free(arena.playlists);
	playlists_free(arena.asked);
	playlists_free(arena.guests);
	free(arena.rows);
	return code;
}

int arena_command(int argc, char **argv, struct err *err)
{
	struct stage_options options;
	struct settings *settings = NULL;
	int code = stage_options_parse(&options, argc, argv, err);

	if (code != OK)
		return code;
	if (options.n_words != 1 || !options.out)
		code = err_set(err, ERR_SETTINGS,
		               "arena: QUESTIONS.json [--config FILE] --in playlists=DIR --in als=DIR --out RESULTS.json");
	if (code == OK)
		code = settings_load(&settings, options.config, options.overrides, options.n_overrides, err);
	if (code == OK)
		code = answer_all(settings, &options, err);
	settings_free(settings);
	stage_options_free(&options);
	return code;
}
