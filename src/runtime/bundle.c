#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JSON_NAME "bundle.json"
#define SIGNATURE_NAME JSON_NAME ".sig"
#define BUNDLE_VERSION 1
#define CARD_LIMIT ((size_t)256 << 20)

static const char *const bundle_files[] = {"cascade.xml", "emotion.safetensors", "recommender.safetensors"};

/* ---- the files are what bundle.json says ------------------------------------------------------- */

static int check_file(const struct bundle *bundle, const char *name, bool verify, struct err *err)
{
	const struct json *entry = json_get(json_get(bundle->card, "files"), name);
	const char *want = json_text(json_get(entry, "sha256"), NULL);
	int64_t bytes = json_integer_value(json_get(entry, "bytes"), -1);
	if (!want || bytes < 0)
		return err_set(err, ERR_DATA, "%s/" JSON_NAME ": files.%s: no sha256 and bytes", bundle->folder, name);
	char *path = path_join(bundle->folder, name, err);
	struct stat facts;
	char found[SHA256_HEX];
	int code = path ? OK : err->code;
	if (code == OK && stat(path, &facts) != 0)
		code = err_errno(err, "%s", path);
	if (code == OK && facts.st_size != bytes)
		code = err_set(err, ERR_DATA, "%s: %lld bytes; " JSON_NAME " says %lld: cut off, or of another bundle", path,
		               (long long)facts.st_size, (long long)bytes);
	if (code == OK && verify)
		code = sha256_file(path, found, err);
	if (code == OK && verify && strcmp(found, want) != 0)
		code = err_set(err, ERR_DATA, "%s: sha256 is %.16s..., " JSON_NAME " says %.16s...: the file was changed", path,
		               found, want);
	free(path);
	return code;
}

/* ---- bundle.json -------------------------------------------------------------------------------- */

static int read_classes(struct bundle *bundle, struct err *err)
{
	const struct json *classes = json_get(bundle->card, "classes");
	bundle->n_classes = json_count(classes);
	if (json_kind(classes) != JSON_KIND_ARRAY || bundle->n_classes < 2 || bundle->n_classes > MAX_CLASSES)
		return err_set(err, ERR_DATA, JSON_NAME ": classes: not a list of 2..%d names", MAX_CLASSES);
	for (size_t i = 0; i < bundle->n_classes; i++) {
		bundle->classes[i] = json_text(json_at(classes, i), NULL);
		if (!bundle->classes[i] || !*bundle->classes[i])
			return err_set(err, ERR_DATA, JSON_NAME ": classes: entry %zu is no name", i);
	}
	return OK;
}

static int read_tags(struct bundle *bundle, const struct json *recommend, struct err *err)
{
	const struct json *tags = json_get(recommend, "tags");
	if (json_kind(tags) != JSON_KIND_OBJECT)
		return err_set(err, ERR_DATA, JSON_NAME ": recommend.tags: absent");
	for (size_t i = 0; i < bundle->n_classes; i++) {
		const struct json *list = json_get(tags, bundle->classes[i]);
		struct class_tags *out = &bundle->tags[i];
		out->items = mem_alloc(json_count(list), sizeof(*out->items), err);
		if (!out->items)
			return err->code;
		for (size_t k = 0; k < json_count(list); k++) {
			const char *text = json_text(json_at(list, k), NULL);
			if (!text)
				return err_set(err, ERR_DATA, JSON_NAME ": recommend.tags.%s: entry %zu is no text", bundle->classes[i],
				               k);
			out->items[out->count] = mem_text(text, err);
			if (!out->items[out->count])
				return err->code;
			out->count++;
		}
	}
	return OK;
}

static int read_count(const struct json *recommend, const char *key, size_t *out, struct err *err)
{
	int64_t value = json_integer_value(json_get(recommend, key), -1);
	if (value < 0 || value > 100000000)
		return err_set(err, ERR_DATA, JSON_NAME ": recommend.%s: not a count", key);
	*out = (size_t)value;
	return OK;
}

static int read_recommend(struct bundle *bundle, struct err *err)
{
	const struct json *recommend = json_get(bundle->card, "recommend");
	struct recommend_counts *counts = &bundle->counts;
	int code = read_tags(bundle, recommend, err);
	if (code == OK)
		code = read_count(recommend, "similar_tags", &counts->similar_tags, err);
	if (code == OK)
		code = read_count(recommend, "playlists", &counts->playlists, err);
	if (code == OK)
		code = read_count(recommend, "songs_per_playlist", &counts->songs_per_playlist, err);
	if (code == OK)
		code = read_count(recommend, "choices", &counts->choices, err);
	if (code == OK)
		code = read_count(recommend, "per_artist", &counts->per_artist, err);
	if (code == OK)
		code = read_count(recommend, "per_album", &counts->per_album, err);
	counts->min_similarity = json_number(json_get(recommend, "min_similarity"), -2);
	if (code == OK && (counts->min_similarity < -1 || counts->min_similarity > 1))
		code = err_set(err, ERR_DATA, JSON_NAME ": recommend.min_similarity: not a cosine");
	return code;
}

static int read_card(struct bundle *bundle, struct err *err)
{
	const struct json *card = bundle->card;
	if (strcmp(json_text(json_get(card, "format"), ""), "moodcast-bundle") != 0)
		return err_set(err, ERR_DATA, JSON_NAME ": format is not \"moodcast-bundle\"");
	int64_t version = json_integer_value(json_get(card, "version"), -1);
	if (version != BUNDLE_VERSION)
		return err_set(err, ERR_DATA, JSON_NAME ": version %lld; this program reads version %d", (long long)version,
		               BUNDLE_VERSION);
	bundle->name = json_text(json_get(card, "name"), "");
	bundle->cut = json_text(json_get(card, "cut"), "");
	if (network_cut_find(bundle->cut) < 0)
		return err_set(err, ERR_DATA, JSON_NAME ": cut: \"%s\" is none of block1_pool … block5_pool", bundle->cut);
	const char *precision = json_text(json_get(card, "precision"), "fp32");
	bundle->precision = strcmp(precision, "fp16") == 0 ? PRECISION_FP16 : PRECISION_FP32;
	if (strcmp(precision, network_precision_name(bundle->precision)) != 0)
		return err_set(err, ERR_DATA, JSON_NAME ": precision: \"%s\" is neither fp32 nor fp16", precision);
	int64_t pool = json_integer_value(json_get(card, "average_pool"), -1);
	if (pool < 0 || pool > 1024)
		return err_set(err, ERR_DATA, JSON_NAME ": average_pool: not a size");
	bundle->average_pool = (size_t)pool;
	int code = read_classes(bundle, err);
	if (code != OK)
		return code;
	if (preprocess_from_json(&bundle->preprocess, json_get(card, "preprocess"), err) != OK)
		return err_wrap(err, JSON_NAME);
	return read_recommend(bundle, err);
}

/* ---- models --------------------------------------------------------------------------------------- */

static int load_cascade(struct bundle *bundle, struct err *err)
{
	char *path = path_join(bundle->folder, bundle_files[0], err);
	int code = path ? cascade_load(&bundle->cascade, path, err) : err->code;
	free(path);
	return code;
}

static int load_emotion(struct bundle *bundle, struct err *err)
{
	char *path = path_join(bundle->folder, bundle_files[1], err);
	struct map_shape map;
	int code = path ? tensors_map(&bundle->emotion, path, err) : err->code;
	if (code == OK)
		code = network_from_tensors(&bundle->network, bundle->emotion, network_cut_find(bundle->cut), err);
	if (code == OK)
		code = network_shape(bundle->network, bundle->preprocess.size, &map, err);
	if (code == OK)
		code = head_from_tensors(&bundle->head, bundle->emotion, map, bundle->average_pool, err);
	if (code == OK && bundle->head->classes != bundle->n_classes)
		code = err_set(err, ERR_DATA, "%s: dense/bias has %zu classes, " JSON_NAME " %zu", path, bundle->head->classes,
		               bundle->n_classes);
	/* What would be a wrong setting in training is a wrong file here. */
	if (code == ERR_SETTINGS) {
		code = err->code = ERR_DATA;
		(void)err_wrap(err, "%s", path);
	}
	free(path);
	return code;
}

static int load_recommender(struct bundle *bundle, struct err *err)
{
	char *path = path_join(bundle->folder, bundle_files[2], err);
	int code = path ? tensors_map(&bundle->songs, path, err) : err->code;
	if (code == OK)
		code = recommender_map(&bundle->recommender, bundle->songs, err);
	free(path);
	return code;
}

/* The card's bytes against its signature: the same bytes are read as JSON afterwards. */
static int check_signature(const struct bundle *bundle, const char *card, size_t size, const char *key, struct err *err)
{
	char *path = path_join(bundle->folder, SIGNATURE_NAME, err), *signature = NULL;
	size_t length = 0;
	bool good = false;
	int code = path ? OK : err->code;
	if (code == OK && !path_exists(path))
		code = err_set(err, ERR_DATA, "%s: is not there: the bundle is not signed, and --verify-key demands it", path);
	if (code == OK)
		code = file_read(path, 4096, &signature, &length, err);
	if (code == OK && length != SIGNATURE_BYTES)
		code = err_set(err, ERR_DATA, "%s: %zu bytes; a signature has %d", path, length, SIGNATURE_BYTES);
	if (code == OK)
		code = signature_check(key, card, size, (const unsigned char *)signature, &good, err);
	if (code == OK && !good)
		code = err_set(err, ERR_DATA,
		               "%s: is not the signature of this " JSON_NAME " by the key of %s: another key signed it, or "
		               "the bundle was changed or packed again since",
		               path, key);
	free(signature);
	free(path);
	return code;
}

static int load_card(struct bundle *bundle, const char *key, struct err *err)
{
	char *path = path_join(bundle->folder, JSON_NAME, err), *text = NULL;
	size_t size = 0;
	int code = path ? OK : err->code;
	if (code == OK && !path_exists(path))
		code = err_set(err, ERR_IO, "%s: is not there; a bundle is the folder out/EXP/bundle that `make run` leaves",
		               path);
	if (code == OK)
		code = file_read(path, CARD_LIMIT, &text, &size, err);
	if (code == OK && key)
		code = check_signature(bundle, text, size, key, err);
	if (code == OK)
		code = json_load_text(&bundle->card, text, size, path, err);
	bundle->signature_checked = key && code == OK;
	free(text);
	free(path);
	return code;
}

static int load_all(struct bundle *bundle, bool verify, const char *key, struct err *err)
{
	int code = load_card(bundle, key, err);
	if (code != OK)
		return code;
	code = read_card(bundle, err);
	if (code != OK)
		return err_wrap(err, "%s", bundle->folder);
	for (size_t i = 0; i < ARRAY_COUNT(bundle_files); i++)
		if ((code = check_file(bundle, bundle_files[i], verify || key, err)) != OK)
			return code;
	if ((code = load_cascade(bundle, err)) != OK || (code = load_emotion(bundle, err)) != OK)
		return code;
	return load_recommender(bundle, err);
}

static int bundle_open(struct bundle **out, const char *folder, bool verify, const char *key, struct err *err)
{
	struct bundle *bundle = mem_alloc(1, sizeof(*bundle), err);
	if (!bundle)
		return err->code;
	bundle->folder = mem_text(folder, err);
	int code = bundle->folder ? load_all(bundle, verify, key, err) : err->code;
	if (code != OK) {
		bundle_free(bundle);
		return code;
	}
	*out = bundle;
	return OK;
}

int bundle_load(struct bundle **out, const char *folder, bool verify, struct err *err)
{
	return bundle_open(out, folder, verify, NULL, err);
}

int bundle_load_signed(struct bundle **out, const char *folder, const char *public_key, struct err *err)
{
	return bundle_open(out, folder, true, public_key, err);
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	recommender_free(bundle->recommender);
	head_free(bundle->head);
	network_free(bundle->network);
	if (bundle->songs)
		tensors_unmap(bundle->songs);
	if (bundle->emotion)
		tensors_unmap(bundle->emotion);
	cascade_free(bundle->cascade);
	for (size_t i = 0; i < MAX_CLASSES; i++) {
		for (size_t k = 0; k < bundle->tags[i].count; k++)
			free(bundle->tags[i].items[k]);
		free(bundle->tags[i].items);
	}
	json_free(bundle->card);
	free(bundle->folder);
	free(bundle);
}

size_t bundle_class(const struct bundle *bundle, const char *label)
{
	for (size_t i = 0; i < bundle->n_classes; i++)
		if (strcmp(bundle->classes[i], label) == 0)
			return i;
	return SIZE_MAX;
}

/* ---- for people --------------------------------------------------------------------------------------- */

static void describe_classes(const struct bundle *bundle, struct strbuf *out)
{
	for (size_t i = 0; i < bundle->n_classes; i++) {
		strbuf_format(out, "  %-10s", bundle->classes[i]);
		for (size_t k = 0; k < bundle->tags[i].count; k++)
			strbuf_format(out, "%s %s", k ? "," : " tags:", bundle->tags[i].items[k]);
		strbuf_add(out, "\n");
	}
}

static void describe_figure(const char *group, const char *key, const struct json *value, struct strbuf *out)
{
	if (json_kind(value) == JSON_KIND_NUMBER)
		strbuf_format(out, "  %s%s%s %.4g\n", group, *group ? "." : "", key, json_number(value, 0));
	else if (json_kind(value) == JSON_KIND_TEXT)
		strbuf_format(out, "  %s%s%s %s\n", group, *group ? "." : "", key, json_text(value, ""));
}

static void describe_metrics(const struct json *metrics, struct strbuf *out)
{
	for (size_t i = 0; i < json_count(metrics); i++) {
		const char *key = json_key(metrics, i);
		const struct json *value = json_get(metrics, key);
		if (json_kind(value) != JSON_KIND_OBJECT)
			describe_figure("", key, value, out);
		for (size_t k = 0; json_kind(value) == JSON_KIND_OBJECT && k < json_count(value); k++)
			describe_figure(key, json_key(value, k), json_get(value, json_key(value, k)), out);
	}
}

int bundle_describe(const struct bundle *bundle, struct strbuf *out, struct err *err)
{
	const struct recommender_view *songs = recommender_view(bundle->recommender);
	const struct json *files = json_get(bundle->card, "files"), *honesty = json_get(bundle->card, "honesty");
	strbuf_format(out, "bundle %s (%s)\n", bundle->name, bundle->folder);
	strbuf_format(out, "network: VGG16 up to %s, input %zu x %zu, %zu classes, %s\n", bundle->cut,
	              bundle->preprocess.size, bundle->preprocess.size, bundle->n_classes,
	              network_precision_name(bundle->precision));
	describe_classes(bundle, out);
	strbuf_format(out, "cascade: window %d x %d, %zu stages, %zu weak classifiers\n", bundle->cascade->window_w,
	              bundle->cascade->window_h, bundle->cascade->n_stages, bundle->cascade->n_trees);
	strbuf_format(out, "music: %zu songs, %zu playlists, %zu tags, %zu factors\n", songs->n_songs, songs->n_playlists,
	              songs->n_tags, songs->n_factors);
	for (size_t i = 0; i < json_count(files); i++) {
		const struct json *entry = json_get(files, json_key(files, i));
		strbuf_format(out, "  %-26s %12lld bytes  sha256 %.16s...\n", json_key(files, i),
		              (long long)json_integer_value(json_get(entry, "bytes"), 0),
		              json_text(json_get(entry, "sha256"), ""));
	}
	strbuf_format(out, "signature: %s\n", bundle->signature_checked ? "of the key that was given"
	                                                                : "not checked (--verify-key)");
	const struct json *metrics = json_get(bundle->card, "metrics");
	if (json_count(metrics))
		strbuf_add(out, "on held-out people and playlists:\n");
	describe_metrics(metrics, out);
	for (size_t i = 0; i < json_count(honesty); i++)
		strbuf_format(out, "%s  - %s\n", i ? "" : "to be known:\n", json_text(json_at(honesty, i), ""));
	return strbuf_check(out, err);
}
