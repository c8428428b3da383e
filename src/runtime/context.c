#include "runtime/http_internal.h"

#include <stdlib.h>
#include <string.h>

#include "text/text.h"

/* The chips of the page: groups (decade, season, activity) of words in two languages that stand for tags. Read from a
 * file or from the one that is built in; tags that this bundle has never seen are left out, and with its last tag a
 * chip, so that a chip always does something. */

#define CONTEXT_CHIPS 32

static int known_tag(const struct bundle *bundle, const char *tag, bool *known, struct err *err)
{
	struct strbuf normal = {0};
	int code = tag_normalise(tag, &normal, err);
	if (code == OK)
		*known = normal.length && recommender_tag(bundle->recommender, normal.text) <
		                           recommender_view(bundle->recommender)->n_tags;
	strbuf_free(&normal);
	return code;
}

/* name, en, ko from one object to another. */
static int copy_words(const struct json *from, struct json *to, const char *place, struct err *err)
{
	static const char *const keys[] = {"name", "en", "ko"};
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		const char *text = json_text(json_get(from, keys[i]), NULL);
		if (!text || !*text || strlen(text) > 80)
			return err_set(err, ERR_DATA, "%s: \"%s\" is not a text of 1..80 bytes", place, keys[i]);
		json_set_text(to, keys[i], text);
	}
	return OK;
}

/* *kept grows by one when the chip is. What memory was too little for is counted as well: the document then says so
 * when it is printed. */
static int read_chip(const struct bundle *bundle, const struct json *chip, struct json *chips, const char *place,
                     size_t *kept, struct err *err)
{
	size_t n_known = 0;
	const struct json *tags = json_get(chip, "tags");
	if (json_kind(tags) != JSON_KIND_ARRAY || json_count(tags) == 0 || json_count(tags) > CONTEXT_CHIPS)
		return err_set(err, ERR_DATA, "%s: \"tags\" is not a list of 1..%d tags", place, CONTEXT_CHIPS);
	struct json *out = json_object_new(), *names = json_set_array(out, "tags");
	int code = copy_words(chip, out, place, err);
	for (size_t i = 0; i < json_count(tags) && code == OK; i++) {
		const char *tag = json_text(json_at(tags, i), NULL);
		bool known = false;
		code = tag ? known_tag(bundle, tag, &known, err)
		           : err_set(err, ERR_DATA, "%s: tag %zu is no text", place, i + 1);
		if (code == OK && known) {
			json_append_text(names, tag);
			n_known++;
		}
	}
	if (code == OK && n_known) {
		json_append(chips, out);
		(*kept)++;
	} else {
		json_free(out);
	}
	return code;
}

static int read_group(const struct bundle *bundle, const struct json *group, struct json *groups, const char *place,
                      struct err *err)
{
	const struct json *chips = json_get(group, "chips");
	if (json_kind(chips) != JSON_KIND_ARRAY || json_count(chips) > CONTEXT_CHIPS)
		return err_set(err, ERR_DATA, "%s: \"chips\" is not a list of at most %d", place, CONTEXT_CHIPS);
	struct json *out = json_object_new(), *list = json_set_array(out, "chips");
	size_t kept = 0;
	int code = copy_words(group, out, place, err);
	for (size_t i = 0; i < json_count(chips) && code == OK; i++) {
		char where[400];
		snprintf(where, sizeof(where), "%.300s: chip %zu", place, i + 1);
		code = read_chip(bundle, json_at(chips, i), list, where, &kept, err);
	}
	if (code == OK && kept)
		json_append(groups, out);
	else
		json_free(out);
	return code;
}

static int read_groups(const struct bundle *bundle, const struct json *file, const char *name, struct json *out,
                       struct err *err)
{
	const struct json *groups = json_get(file, "groups");
	struct json *kept = json_set_array(out, "groups");
	if (json_kind(groups) != JSON_KIND_ARRAY || json_count(groups) > CONTEXT_CHIPS)
		return err_set(err, ERR_DATA, "%s: \"groups\" is not a list of at most %d", name, CONTEXT_CHIPS);
	int code = OK;
	for (size_t i = 0; i < json_count(groups) && code == OK; i++) {
		char place[320];
		snprintf(place, sizeof(place), "%.240s: group %zu", name, i + 1);
		code = read_group(bundle, json_at(groups, i), kept, place, err);
	}
	return code;
}

int context_load(char **out, const struct bundle *bundle, const char *path, struct err *err)
{
	const struct asset *built_in = asset_find("/context.json");
	struct json *file = NULL, *result = json_object_new();
	int code =
	    path ? json_load_file(&file, path, err)
	         : json_load_text(&file, built_in->bytes, (size_t)(built_in->end - built_in->bytes), "context.json", err);
	if (code == OK)
		code = read_groups(bundle, file, path ? path : "context.json", result, err);
	if (code == OK)
		code = json_print(result, 0, out, err);
	json_free(file);
	json_free(result);
	return code;
}
