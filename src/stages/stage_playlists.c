#include "stages/stages.h"

#include <stdlib.h>
#include <string.h>

#include "recsys/recsys.h"
#include "text/text.h"

/* What a setting's files are read with; playlists is NULL until the reader is finished. */
typedef int read_one(struct playlist_reader *reader, struct playlists *playlists, const char *path, struct err *err);

static int read_input(struct playlist_reader *reader, struct playlists *playlists, const char *path, struct err *err)
{
	(void)playlists;
	return playlist_reader_input(reader, path, err);
}

static int read_pairs(struct playlist_reader *reader, struct playlists *playlists, const char *path, struct err *err)
{
	(void)playlists;
	return playlist_reader_pairs(reader, path, err);
}

struct source {
	const struct text_list *files;
	read_one *read;
};

static int read_source(struct stage_run *run, const struct source *source, struct playlist_reader *reader,
                       struct playlists *playlists, struct err *err)
{
	struct path_list paths = {0};
	int status = source->files->count > 0 ? stage_expand(run, source->files, &paths, err) : OK;
	for (size_t i = 0; status == OK && i < paths.count; i++) {
		log_info("playlists", "reading %s", paths.items[i]);
		status = source->read(reader, playlists, paths.items[i], err);
	}
	path_list_free(&paths);
	return status;
}

/* The list is written before the share is judged: who has too many bad records wants to see them. */
static int check_skips(struct stage_run *run, struct playlist_reader *reader, struct err *err)
{
	char *path = stage_out_path(run, "skipped.tsv", err);
	int status = path ? playlist_reader_save_skipped(reader, path, err) : err->code;
	free(path);
	return status == OK ? playlist_reader_check(reader, run->settings->playlists.max_skipped, err) : status;
}

static int save_market(struct stage_run *run, const struct playlists *playlists, struct err *err)
{
	char *path = stage_out_path(run, "likes.mtx", err);
	int status = path ? playlists_save_market(playlists, path, err) : err->code;
	free(path);
	return status;
}

static int save(struct stage_run *run, const struct playlists *playlists, struct err *err)
{
	char *lists = stage_out_path(run, "playlists.h5", err), *likes = stage_out_path(run, "likes.npz", err);
	int status = lists && likes ? playlists_save(playlists, lists, err) : err->code;
	if (status == OK)
		status = playlists_save_likes(playlists, likes, err);
	if (status == OK && run->settings->playlists.matrix_market)
		status = save_market(run, playlists, err);
	free(lists);
	free(likes);
	return status;
}

static void report_counts(struct json *metrics, const struct playlist_counts *counts)
{
	struct json *read = json_set_object(metrics, "read"), *skipped = json_set_object(metrics, "skipped");
	struct json *reasons = json_set_object(metrics, "skipped_by_reason");
	for (size_t i = 0; i < RECORD_COUNT; i++) {
		json_set_integer(read, playlist_record_text(i), (int64_t)counts->read[i]);
		json_set_integer(skipped, playlist_record_text(i), (int64_t)counts->skipped[i]);
	}
	for (size_t i = 0; i < SKIP_COUNT; i++)
		if (counts->reasons[i] > 0)
			json_set_integer(reasons, playlist_skip_text(i), (int64_t)counts->reasons[i]);
	json_set_integer(metrics, "merged", (int64_t)counts->merged);
	json_set_integer(metrics, "only_pairs", (int64_t)counts->only_pairs);
	json_set_integer(metrics, "repeated_tags", (int64_t)counts->repeated_tags);
	json_set_integer(metrics, "repeated_songs", (int64_t)counts->repeated_songs);
}

static void report(struct stage_run *run, const struct playlists *playlists, const struct playlist_counts *counts)
{
	struct playlist_summary summary = playlists_summary(playlists);
	json_set_integer(run->metrics, "playlists", (int64_t)playlists->n_playlists);
	json_set_integer(run->metrics, "tags", (int64_t)playlists->n_tags);
	json_set_integer(run->metrics, "songs", (int64_t)playlists->n_songs);
	json_set_integer(run->metrics, "playlist_tags", (int64_t)summary.tag_links);
	json_set_integer(run->metrics, "playlist_songs", (int64_t)summary.song_links);
	json_set_integer(run->metrics, "hidden_tags", (int64_t)summary.hidden_tags);
	json_set_integer(run->metrics, "hidden_songs", (int64_t)summary.hidden_songs);
	json_set_integer(run->metrics, "named_songs", (int64_t)summary.named_songs);
	json_set_integer(run->metrics, "liked", (int64_t)summary.liked);
	json_set_integer(run->metrics, "held_out", (int64_t)summary.held_out);
	struct json *masks = json_set_object(run->metrics, "held_out_by_mask");
	for (int mask = MASK_NONE + 1; mask < MASK_COUNT; mask++)
		json_set_integer(masks, playlist_mask_name(mask), (int64_t)summary.by_mask[mask]);
	report_counts(run->metrics, counts);
	json_set_bool(run->metrics, "synthetic", playlists->synthetic);
	size_t skipped = 0;
	for (size_t i = 0; i < RECORD_COUNT; i++)
		skipped += counts->skipped[i];
	snprintf(run->headline, sizeof run->headline,
	         "%zu playlists (%zu held out), %zu tags, %zu songs, %zu playlist-song pairs; %zu merged, %zu skipped",
	         playlists->n_playlists, summary.held_out, playlists->n_tags, playlists->n_songs, summary.song_links,
	         counts->merged, skipped);
}

int stage_playlists(struct stage_run *run, struct err *err)
{
	const struct playlists_settings *settings = &run->settings->playlists;
	const struct source lists = {&settings->input, read_input}, pairs = {&settings->pairs, read_pairs};
	const struct source names = {&settings->song_meta, playlist_reader_names};
	struct playlist_reader *reader = NULL;
	struct playlists *playlists = NULL;
	int status = playlist_reader_new(&reader, tag_normalise, err);
	if (status == OK)
		status = read_source(run, &lists, reader, NULL, err);
	if (status == OK)
		status = read_source(run, &pairs, reader, NULL, err);
	if (status == OK)
		status = check_skips(run, reader, err);
	if (status == OK)
		status = playlist_reader_finish(reader, settings->holdout, (uint64_t)run->settings->run.seed, &playlists, err);
	if (status == OK)
		status = read_source(run, &names, reader, playlists, err);
	if (status == OK)
		status = check_skips(run, reader, err);
	if (status == OK) {
		playlists->synthetic = stage_reads_sample(&settings->input);
		status = save(run, playlists, err);
	}
	if (status == OK)
		report(run, playlists, playlist_reader_counts(reader));
	playlists_free(playlists);
	playlist_reader_free(reader);
	return status;
}
