/* What the files of the stage `pack` share. Private to src/stages. */
#ifndef MOODCAST_STAGES_PACK_INTERNAL_H
#define MOODCAST_STAGES_PACK_INTERNAL_H

#include "nn/nn.h"
#include "recsys/recsys.h"
#include "stages/stages.h"

#define PACK_CASCADE "cascade.xml"
#define PACK_EMOTION "emotion.safetensors"
#define PACK_SONGS "recommender.safetensors"
#define PACK_CARD "bundle.json"
#define PACK_SIGNATURE PACK_CARD ".sig"

/* What the network's file says of itself. Freed by pack_facts_free. */
struct pack_facts {
	struct path_list classes;
	char *cut, *pretrained, *preprocess;
	size_t average_pool;
	bool synthetic;
};
void pack_facts_free(struct pack_facts *facts);

/* BUNDLE/NAME of this stage's folder; freed by the caller. */
char *pack_path(const struct stage_run *run, const char *name, struct err *err) MUST_CHECK;

/* pack_models.c: each reads its stages' files and writes one file of the bundle. */
int pack_cascade(const struct stage_run *run, struct err *err) MUST_CHECK;
int pack_emotion(const struct stage_run *run, struct pack_facts *facts, struct err *err) MUST_CHECK;
int pack_songs(const struct stage_run *run, struct err *err) MUST_CHECK;
/* pack_new_songs.c: the source as a file, with the songs of pack.new_songs. */
int pack_recommender(const struct stage_run *run, const struct recommender_source *source, const char *path,
                     struct err *err) MUST_CHECK;

/* pack_card.c: bundle.json, after them, with sums of the files that are there by then. */
int pack_card(const struct stage_run *run, const struct pack_facts *facts, struct err *err) MUST_CHECK;
/* Last of all: the signature of bundle.json, and so by its sums of every file; nothing without pack.sign_key. */
int pack_sign(const struct stage_run *run, struct err *err) MUST_CHECK;

#endif
