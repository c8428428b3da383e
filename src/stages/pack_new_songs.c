/* recommender.safetensors, with the songs of pack.new_songs among the others. */
#include "stages/pack_internal.h"
#include "text/text.h"

#include <stdlib.h>

static int read_each(const struct stage_run *run, const struct text_list *files, struct playlist_reader *reader,
                     struct playlists *named, struct err *err)
{
	struct path_list paths = {0};
	int status = files->count > 0 ? stage_expand(run, files, &paths, err) : OK;
	for (size_t i = 0; status == OK && i < paths.count; i++)
		status = named ? playlist_reader_names(reader, named, paths.items[i], err)
		               : playlist_reader_input(reader, paths.items[i], err);
	path_list_free(&paths);
	return status;
}

/* Names by playlists.song_meta, as the known songs have theirs. */
static int read_fresh(const struct stage_run *run, struct playlists **out, struct err *err)
{
	const struct playlists_settings *settings = &run->settings->playlists;
	struct playlist_reader *reader = NULL;
	struct playlists *fresh = NULL;
	int status = playlist_reader_new(&reader, tag_normalise, err);
	if (status == OK)
		status = read_each(run, &run->settings->pack.new_songs, reader, NULL, err);
	if (status == OK)
		status = playlist_reader_check(reader, settings->max_skipped, err);
	if (status == OK)
		status = playlist_reader_finish(reader, 0, 0, &fresh, err);
	if (status == OK)
		status = read_each(run, &settings->song_meta, reader, fresh, err);
	playlist_reader_free(reader);
	if (status != OK) {
		playlists_free(fresh);
		return status;
	}
	*out = fresh;
	return OK;
}

int pack_recommender(const struct stage_run *run, const struct recommender_source *source, const char *path,
                     struct err *err)
{
	struct playlists *fresh = NULL;
	struct new_songs all = {0};
	struct recommender_source whole = *source;
	if (run->settings->pack.new_songs.count == 0)
		return recommender_write(path, source, err);
	int status = read_fresh(run, &fresh, err);
	if (status == OK)
		status = new_songs_admit(&all, source->playlists, source->model, fresh, err);
	if (status == OK) {
		whole.playlists = &all.playlists;
		whole.model = &all.model;
		whole.new_tags = &all.tags;
		log_info("pack",
		         "%zu new songs by their tags; %zu stand under no tag that a trained song has, and are left out",
		         all.added, all.without_tags);
		json_set_integer(run->metrics, "new_songs", (int64_t)all.added);
		json_set_integer(run->metrics, "new_songs_without_tags", (int64_t)all.without_tags);
		status = recommender_write(path, &whole, err);
	}
	new_songs_free(&all);
	playlists_free(fresh);
	return status;
}
