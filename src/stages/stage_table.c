/* The stages, one row each, in the order in which data flows; pipeline/stages.mk says what reads what. */
#include "stages/stages.h"

#include <string.h>

static bool faces_given(const struct settings *settings)
{
	return settings->faces.input.count > 0;
}

static bool cascade_given(const struct settings *settings)
{
	return settings->cascade.backgrounds.count > 0 && (settings->cascade.positives.count > 0 || faces_given(settings));
}

static bool playlists_given(const struct settings *settings)
{
	return settings->playlists.input.count > 0;
}

static bool all_given(const struct settings *settings)
{
	return faces_given(settings) && cascade_given(settings) && playlists_given(settings);
}

static bool cascade_uses(const struct settings *settings, const char *upstream)
{
	return strcmp(upstream, "faces") != 0 || settings->cascade.positives.count == 0;
}

const struct stage stage_table[] = {
    {.name = "sample",
     .version = 2,
     .sections = "run sample",
     .run = stage_sample,
     .help = "draws stand-in faces, backgrounds and playlists from a seed",
     .outputs = "faces.zip backgrounds.zip playlists.json song_meta.json NOTICE.txt"},
    {.name = "faces",
     .version = 2,
     .sections = "run faces",
     .run = stage_faces,
     .shared = true,
     .active = faces_given,
     .help = "reads face archives into faces.h5, split by person",
     .outputs = "faces.h5 faces.*.h5? skipped.tsv"},
    {.name = "cascade",
     .version = 2,
     .sections = "run cascade",
     .run = stage_cascade,
     .shared = true,
     .active = cascade_given,
     .uses = cascade_uses,
     .help = "trains the Haar cascade (AdaBoost: discrete, real, gentle, logit)",
     .outputs = "cascade.xml stages.jsonl holdout.tsv mean_face.png features.png"},
    {.name = "features",
     .version = 6,
     .sections = "run preprocess augment network emotion.trainable",
     .run = stage_features,
     .shared = true,
     .active = faces_given,
     .help = "crops the faces and runs VGG16 over them",
     .outputs = "features.h5"},
    {.name = "emotion",
     .version = 5,
     .sections = "run emotion network preprocess",
     .run = stage_emotion,
     .shared = true,
     .active = faces_given,
     .help = "trains the expression head on the features",
     .outputs = "emotion.h5 history.jsonl"},
    {.name = "playlists",
     .version = 2,
     .sections = "run playlists",
     .run = stage_playlists,
     .active = playlists_given,
     .help = "reads playlists into playlists.h5 and the likes matrix",
     .outputs = "playlists.h5 likes.npz likes.mtx? skipped.tsv"},
    {.name = "tags",
     .version = 4,
     .sections = "run tags",
     .run = stage_tags,
     .shared = true,
     .active = playlists_given,
     .help = "trains Word2Vec on the playlists' tags",
     .outputs = "tags.vec tags.bin tag_keys.tsv tag_neighbours.tsv tag_similarity.h5"},
    {.name = "als",
     .version = 3,
     .sections = "run als",
     .run = stage_als,
     .shared = true,
     .active = playlists_given,
     .help = "factorises playlists × songs (implicit ALS)",
     .outputs = "als.npz loss.jsonl"},
    {.name = "evaluate",
     .version = 13,
     .sections = "run evaluate recommend als cascade preprocess network emotion.trainable",
     .run = stage_evaluate,
     .shared = true,
     .help = "judges every model on held-out people and playlists",
     .outputs = "predictions.tsv? external_predictions.tsv? external_skipped.tsv?"},
    {.name = "report",
     .version = 13,
     .sections = "report preprocess.detect_scale preprocess.detect_neighbors preprocess.detect_min_size",
     .run = stage_report,
     .help = "writes one HTML page, a model card and a data statement",
     .outputs = "index.html model_card.md data_statement.md"},
    {.name = "pack",
     .version = 7,
     .sections = "pack playlists.song_meta playlists.max_skipped recommend emotion network preprocess",
     .run = stage_pack,
     .active = all_given,
     .help = "bundles the models for the runtime",
     .outputs = "bundle/"},
};
const size_t stage_count = ARRAY_COUNT(stage_table);

const struct stage *stage_find(const char *name)
{
	for (size_t i = 0; i < stage_count; i++)
		if (strcmp(stage_table[i].name, name) == 0)
			return &stage_table[i];
	return NULL;
}
