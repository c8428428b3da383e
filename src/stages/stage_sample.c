/* Draws an input for the whole pipeline, so that it runs where no licensed data is. */
#include "stages/stages.h"

#include "recsys/recsys.h"
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>

static const char notice[] =
    "Everything in this folder was drawn by `moodcast-train sample` from a seed.\n"
    "\n"
    "faces.zip          faces drawn with curves, in K-FACE's folder layout; none of them is a person\n"
    "backgrounds.zip    drawn pictures without faces\n"
    "playlists.json     playlists that nobody made, in Melon's schema, around planted moods\n"
    "song_meta.json     invented songs and artists\n"
    "\n"
    "It stands in for data that may not be passed on, so that the pipeline runs and can be tried on any machine.\n"
    "A model trained on it knows drawings: it says nothing about real faces, and its figures nothing about real "
    "accuracy.\n";

static int draw_pictures(struct stage_run *run, struct drawn_counts *counts, struct err *err)
{
	const struct sample_settings *s = &run->settings->sample;
	uint64_t seed = (uint64_t)run->settings->run.seed;
	struct drawn_faces faces = {.people = (size_t)s->people, .pictures = (size_t)s->pictures, .width = (size_t)s->width,
	                            .height = (size_t)s->height, .seed = seed, .threads = run->threads};
	char *faces_path = stage_out_path(run, "faces.zip", err), *backgrounds_path = NULL;
	int code = faces_path ? drawn_faces_save(faces_path, &faces, counts, err) : err->code;

	if (code == OK && !(backgrounds_path = stage_out_path(run, "backgrounds.zip", err)))
		code = err->code;
	if (code == OK)
		code = drawn_backgrounds_save(backgrounds_path, (size_t)s->backgrounds, seed, run->threads, err);
	free(faces_path);
	free(backgrounds_path);
	return code;
}

static int draw_playlists(struct stage_run *run, struct drawn_playlists_counts *counts, struct err *err)
{
	const struct sample_settings *s = &run->settings->sample;
	struct drawn_playlists wish = {.playlists = (size_t)s->playlists, .songs = (size_t)s->songs,
	                               .seed = (uint64_t)run->settings->run.seed};
	char *playlists = stage_out_path(run, "playlists.json", err);
	char *meta = playlists ? stage_out_path(run, "song_meta.json", err) : NULL;
	int code = meta ? drawn_playlists_save(playlists, meta, &wish, counts, err) : err->code;

	free(playlists);
	free(meta);
	return code;
}

static int write_notice(struct stage_run *run, struct err *err)
{
	char *path = stage_out_path(run, "NOTICE.txt", err);
	int code = path ? file_write(path, notice, strlen(notice), err) : err->code;

	free(path);
	return code;
}

int stage_sample(struct stage_run *run, struct err *err)
{
	const struct sample_settings *s = &run->settings->sample;
	struct drawn_counts pictures = {0};
	struct drawn_playlists_counts links = {0};
	int code = draw_pictures(run, &pictures, err);

	if (code == OK)
		code = draw_playlists(run, &links, err);
	if (code == OK)
		code = write_notice(run, err);
	if (code != OK)
		return code;
	json_set_bool(run->metrics, "synthetic", true);
	json_set_integer(run->metrics, "people", s->people);
	json_set_integer(run->metrics, "pictures", (int64_t)pictures.pictures);
	json_set_integer(run->metrics, "pictures_with_boxes", (int64_t)pictures.marked);
	json_set_integer(run->metrics, "backgrounds", s->backgrounds);
	json_set_integer(run->metrics, "playlists", s->playlists);
	json_set_integer(run->metrics, "songs", s->songs);
	json_set_integer(run->metrics, "playlist_tags", (int64_t)links.tags);
	json_set_integer(run->metrics, "playlist_songs", (int64_t)links.songs);
	snprintf(run->headline, sizeof run->headline,
	         "drawn: %ld people × %ld pictures, %ld backgrounds, %ld playlists; no real person", s->people, s->pictures,
	         s->backgrounds, s->playlists);
	return OK;
}
