#include "stages/pack_internal.h"

#include <stdlib.h>
#include <string.h>

#include "recsys/recsys.h"
#include "text/text.h"
#include "vision/vision.h"

/* Read and written again, so that what is packed is a cascade that can be read. */
int pack_cascade(const struct stage_run *run, struct err *err)
{
	struct cascade *cascade = NULL;
	char *from = stage_in_path(run, "cascade", "cascade.xml", err),
	     *to = from ? pack_path(run, PACK_CASCADE, err) : NULL;
	int status = to ? cascade_load(&cascade, from, err) : err->code;
	if (status == OK)
		status = cascade_save(cascade, to, err);
	cascade_free(cascade);
	free(from);
	free(to);
	return status;
}

/* ---- network and head -------------------------------------------------------------------------- */

static int read_facts(const char *path, struct pack_facts *facts, struct err *err)
{
	struct hdf_file *file;
	double synthetic = 0;
	int status = hdf_open(&file, path, err);
	if (status != OK)
		return status;
	if ((status = hdf_attr_text(file, "/", "moodcast_cut", &facts->cut, err)) == OK &&
	    (status = hdf_attr_text(file, "/", "moodcast_pretrained", &facts->pretrained, err)) == OK &&
	    (status = hdf_attr_text(file, "/", "moodcast_preprocess", &facts->preprocess, err)) == OK)
		status = hdf_attr_number(file, "/", "moodcast_synthetic", &synthetic, err);
	facts->synthetic = synthetic > 0;
	hdf_close(file);
	if (status == OK && network_cut_find(facts->cut) < 0)
		status = err_set(err, ERR_DATA, "%s: moodcast_cut: \"%s\" is no cut of the network", path, facts->cut);
	return status;
}

static int save_emotion(const char *path, const struct network *network, const struct head *head, struct err *err)
{
	struct tensor tensors[2 * VGG16_LAYERS + HEAD_TENSORS];
	static const char *const metadata[] = {"format", "moodcast-emotion"};
	size_t count = network_tensors(network, tensors);
	count += head_tensors(head, tensors + count);
	return tensors_save(path, tensors, count, metadata, 1, err);
}

int pack_emotion(const struct stage_run *run, struct pack_facts *facts, struct err *err)
{
	struct network *network = NULL;
	struct head *head = NULL;
	char *from = stage_in_path(run, "emotion", "emotion.h5", err),
	     *to = from ? pack_path(run, PACK_EMOTION, err) : NULL;
	int status = to ? read_facts(from, facts, err) : err->code;
	if (status == OK) {
		const struct network_source source = {.cut = network_cut_find(facts->cut),
		                                      .files = (const char *const *)&from,
		                                      .n_files = 1,
		                                      .missing = MISSING_ERROR};
		status = network_load(&network, &source, err);
	}
	if (status == OK)
		status = keras_head_load(&head, from, &facts->classes, err);
	if (status == OK) {
		facts->average_pool = head->average_pool;
		status = save_emotion(to, network, head, err);
	}
	head_free(head);
	network_free(network);
	free(from);
	free(to);
	return status;
}

void pack_facts_free(struct pack_facts *facts)
{
	path_list_free(&facts->classes);
	free(facts->cut);
	free(facts->pretrained);
	free(facts->preprocess);
}

/* ---- tags and songs ------------------------------------------------------------------------------- */

/* Vectors in the order of the playlists' tags; a tag without a vector keeps zeros. */
static int order_vectors(const struct playlists *playlists, const struct vectors *vectors, const struct path_list *tags,
                         float **out, struct err *err)
{
	struct tag_place {
		const char *name;
		size_t row;
	} *places = NULL;
	size_t room = 16;
	while (room < 2 * tags->count)
		room *= 2;
	float *ordered = mem_alloc(playlists->n_tags * vectors->size, sizeof(float), err);
	places = ordered ? mem_alloc(room, sizeof(*places), err) : NULL;
	if (!places) {
		free(ordered);
		return err->code;
	}
	for (size_t i = 0; i < tags->count; i++) {
		size_t at = hash64(tags->items[i], strlen(tags->items[i]), 0) & (room - 1);
		while (places[at].name)
			at = (at + 1) & (room - 1);
		places[at] = (struct tag_place){tags->items[i], i};
	}
	for (size_t i = 0; i < playlists->n_tags; i++) {
		const char *name = playlists->tag_name.items[i];
		size_t at = hash64(name, strlen(name), 0) & (room - 1);
		while (places[at].name && strcmp(places[at].name, name) != 0)
			at = (at + 1) & (room - 1);
		if (places[at].name)
			memcpy(ordered + i * vectors->size, vectors->data + places[at].row * vectors->size,
			       vectors->size * sizeof(float));
	}
	free(places);
	*out = ordered;
	return OK;
}

static int load_vectors(const struct stage_run *run, struct vectors *vectors, struct path_list *tags, struct err *err)
{
	struct path_list keys = {0};
	char *binary = stage_in_path(run, "tags", "tags.bin", err), *names = NULL;
	int status = binary ? word2vec_load_binary(binary, vectors, &keys, err) : err->code;
	if (status == OK) {
		names = stage_in_path(run, "tags", "tag_keys.tsv", err);
		status = names ? tag_keys_load(names, &keys, tags, err) : err->code;
	}
	path_list_free(&keys);
	free(binary);
	free(names);
	return status;
}

int pack_songs(const struct stage_run *run, struct err *err)
{
	struct playlists *playlists = NULL;
	struct vectors vectors = {0};
	struct path_list tags = {0};
	struct als_model model = {0};
	float *ordered = NULL;
	char *lists = stage_in_path(run, "playlists", "playlists.h5", err), *factors = NULL, *to = NULL;
	int status = lists ? playlists_load(&playlists, lists, err) : err->code;
	if (status == OK)
		status = load_vectors(run, &vectors, &tags, err);
	if (status == OK)
		status = order_vectors(playlists, &vectors, &tags, &ordered, err);
	if (status == OK) {
		factors = stage_in_path(run, "als", "als.npz", err);
		status = factors ? als_load(&model, factors, err) : err->code;
	}
	if (status == OK) {
		const struct recommender_source source = {playlists, ordered, vectors.size, &model, NULL};
		to = pack_path(run, PACK_SONGS, err);
		status = to ? pack_recommender(run, &source, to, err) : err->code;
	}
	als_model_free(&model);
	free(ordered);
	vectors_free(&vectors);
	path_list_free(&tags);
	playlists_free(playlists);
	free(lists);
	free(factors);
	free(to);
	return status;
}
