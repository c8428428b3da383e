#include "stages/pack_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "text/text.h"

static const char card_text[] =
    "A cascade finds faces, a VGG16 base with a dense layer scores their expression, tag vectors and implicit-feedback "
    "factors choose songs. "
    "Meant for: trying music that fits an expression, on one's own machine, with the person's consent. "
    "Not meant for: work, school, or any decision about a person. An expression is not an emotion.";

static int add_file(const struct stage_run *run, const char *name, struct json *files, struct err *err)
{
	char hex[SHA256_HEX], *path = pack_path(run, name, err);
	struct stat facts;
	int status = path ? sha256_file(path, hex, err) : err->code;
	if (status == OK && stat(path, &facts) != 0)
		status = err_errno(err, "%s", path);
	free(path);
	if (status != OK)
		return status;
	struct json *entry = json_set_object(files, name);
	json_set_text(entry, "sha256", hex);
	json_set_integer(entry, "bytes", facts.st_size);
	return OK;
}

/* Seed tags in the form in which the recommender keeps its tags. */
static int add_tags(struct json *list, const struct text_list *tags, struct err *err)
{
	for (size_t i = 0; i < tags->count; i++) {
		struct strbuf normal = {0};
		int status = tag_normalise(tags->items[i], &normal, err);
		if (status == OK && normal.length == 0)
			status = err_set(err, ERR_SETTINGS, "nothing in \"%s\"", tags->items[i]);
		if (status == OK)
			json_append_text(list, normal.text);
		strbuf_free(&normal);
		if (status != OK)
			return status;
	}
	return OK;
}

static int add_recommend(const struct stage_run *run, const struct pack_facts *facts, struct json *card,
                         struct err *err)
{
	const struct recommend_settings *settings = &run->settings->recommend;
	struct json *recommend = json_set_object(card, "recommend"), *tags = json_set_object(recommend, "tags");
	for (size_t i = 0; i < facts->classes.count; i++) {
		const char *label = facts->classes.items[i];
		struct json *list = json_set_array(tags, label);
		size_t k = 0;
		while (k < settings->tags.count && strcmp(settings->tags.names[k], label) != 0)
			k++;
		if (k == settings->tags.count)
			log_warn("pack", "no recommend.tags.%s: that expression will have no songs of its own", label);
		else if (add_tags(list, &settings->tags.values[k], err) != OK)
			return err_wrap(err, "recommend.tags.%s", label);
	}
	json_set_integer(recommend, "similar_tags", settings->similar_tags);
	json_set_integer(recommend, "playlists", settings->playlists);
	json_set_integer(recommend, "songs_per_playlist", settings->songs_per_playlist);
	json_set_integer(recommend, "choices", settings->choices);
	json_set_integer(recommend, "per_artist", settings->per_artist);
	json_set_integer(recommend, "per_album", settings->per_album);
	json_set_integer(recommend, "count", settings->count);
	json_set_number(recommend, "min_similarity", settings->min_similarity);
	return OK;
}

/* `emotion.test` whether it is one key or a key in an object. */
static const struct json *test_of(const struct json *metrics, const char *stage)
{
	char name[64];
	snprintf(name, sizeof(name), "%s.test", stage);
	const struct json *value = json_get(metrics, name);
	return value ? value : json_get(json_get(metrics, stage), "test");
}

static void add_figures(struct json *out, const char *name, const struct json *from)
{
	struct json *object = json_count(from) ? json_set_object(out, name) : NULL;
	for (size_t i = 0; i < json_count(from) && object; i++) {
		const char *key = json_key(from, i);
		const struct json *value = key ? json_get(from, key) : NULL;
		if (json_is_integer(value))
			json_set_integer(object, key, json_integer_value(value, 0));
		else if (json_kind(value) == JSON_KIND_NUMBER)
			json_set_number(object, key, json_number(value, 0));
		else if (json_kind(value) == JSON_KIND_TEXT)
			json_set_text(object, key, json_text(value, ""));
	}
}

static int add_evaluation(const struct stage_run *run, struct json *card, struct err *err)
{
	static const char *const stages[] = {"emotion", "cascade", "tags", "als"};
	struct json *metrics = NULL;
	char *path = stage_in_path(run, "evaluate", "metrics.json", err);
	int status = path ? json_load_file(&metrics, path, err) : err->code;
	const struct json *honesty = json_get(metrics, "honesty");
	if (status == OK && json_kind(honesty) != JSON_KIND_ARRAY)
		status = err_set(err, ERR_DATA, "%s: honesty: absent", path);
	if (status == OK) {
		struct json *sentences = json_set_array(card, "honesty"), *figures = json_set_object(card, "metrics");
		for (size_t i = 0; i < json_count(honesty); i++)
			json_append_text(sentences, json_text(json_at(honesty, i), ""));
		json_append_text(sentences, "An expression is not an emotion: the scores say how a face looks to this network, "
		                            "not how a person feels.");
		for (size_t i = 0; i < ARRAY_COUNT(stages); i++)
			add_figures(figures, stages[i], test_of(metrics, stages[i]));
		add_figures(figures, "chain", json_get(metrics, "chain"));
	}
	json_free(metrics);
	free(path);
	return status;
}

static int build_card(const struct stage_run *run, const struct pack_facts *facts, struct json *card, struct err *err)
{
	static const char *const names[] = {PACK_CASCADE, PACK_EMOTION, PACK_SONGS};
	struct preprocess preprocess;
	json_set_text(card, "format", "moodcast-bundle");
	json_set_integer(card, "version", 1);
	json_set_text(card, "name", run->settings->pack.name);
	json_set_text(card, "cut", facts->cut);
	json_set_text(card, "precision", network_precision_name(run->settings->network.precision));
	json_set_integer(card, "average_pool", (int64_t)facts->average_pool);
	json_set_text(card, "pretrained", facts->pretrained);
	json_set_bool(card, "synthetic_faces", facts->synthetic);
	struct json *classes = json_set_array(card, "classes");
	for (size_t i = 0; i < facts->classes.count; i++)
		json_append_text(classes, facts->classes.items[i]);
	int status = preprocess_parse(&preprocess, facts->preprocess, "emotion.h5: moodcast_preprocess", err);
	if (status == OK)
		status = preprocess_to_json(&preprocess, json_set_object(card, "preprocess"), err);
	if (status == OK)
		status = add_recommend(run, facts, card, err);
	struct json *files = json_set_object(card, "files");
	for (size_t i = 0; i < ARRAY_COUNT(names) && status == OK; i++)
		status = add_file(run, names[i], files, err);
	if (status == OK)
		status = add_evaluation(run, card, err);
	json_set_text(card, "card", card_text);
	return status;
}

int pack_card(const struct stage_run *run, const struct pack_facts *facts, struct err *err)
{
	struct json *card = json_object_new();
	char *path = pack_path(run, PACK_CARD, err);
	int status = path ? build_card(run, facts, card, err) : err->code;
	if (status == OK)
		status = json_save(card, path, err);
	json_free(card);
	free(path);
	return status;
}

int pack_sign(const struct stage_run *run, struct err *err)
{
	const struct text_list *keys = &run->settings->pack.sign_key;
	unsigned char signature[SIGNATURE_BYTES];
	char *card = NULL, *from = NULL, *to = NULL;
	size_t size;
	if (keys->count == 0)
		return OK;
	if (keys->count > 1)
		return err_set(err, ERR_SETTINGS, "pack.sign_key: %zu files; one key signs", keys->count);
	from = pack_path(run, PACK_CARD, err);
	to = from ? pack_path(run, PACK_SIGNATURE, err) : NULL;
	int status = to ? file_read(from, 1 << 28, &card, &size, err) : err->code;
	if (status == OK && (status = signature_make(keys->items[0], card, size, signature, err)) != OK)
		err_wrap(err, "pack.sign_key");
	if (status == OK)
		status = file_write(to, signature, sizeof(signature), err);
	free(card);
	free(from);
	free(to);
	return status;
}
