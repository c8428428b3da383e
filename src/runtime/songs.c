#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/text.h"

/* ---- scores --------------------------------------------------------------------------------------- */

static int unknown_label(const struct bundle *bundle, const char *label, struct err *err)
{
	struct strbuf names = {0};
	for (size_t i = 0; i < bundle->n_classes; i++)
		strbuf_format(&names, "%s%s", i ? ", " : "", bundle->classes[i]);
	int code = err_set(err, ERR_SETTINGS, "\"%.80s\" is not a class of this bundle; there are %s", label,
	                   names.text ? names.text : "none");
	strbuf_free(&names);
	return code;
}

int scores_of_label(const struct bundle *bundle, const char *label, float *scores, struct err *err)
{
	size_t class = bundle_class(bundle, label);
	if (class == SIZE_MAX)
		return unknown_label(bundle, label, err);
	for (size_t i = 0; i < bundle->n_classes; i++)
		scores[i] = i == class;
	return OK;
}

static int score_pair(const struct bundle *bundle, char *pair, float *scores, struct err *err)
{
	char *equal = strchr(pair, '='), *end;
	if (!equal)
		return err_set(err, ERR_SETTINGS, "scores: \"%.80s\" is not class=probability", pair);
	*equal = '\0';
	size_t class = bundle_class(bundle, pair);
	if (class == SIZE_MAX)
		return unknown_label(bundle, pair, err);
	double value = strtod(equal + 1, &end);
	if (end == equal + 1 || *end || !(value >= 0 && value <= 1e6))
		return err_set(err, ERR_SETTINGS, "scores: %s=%.40s: not a number of 0 or more", pair, equal + 1);
	if (scores[class] > 0)
		return err_set(err, ERR_SETTINGS, "scores: %s is given twice", pair);
	scores[class] = (float)value;
	return OK;
}

int scores_parse(const struct bundle *bundle, const char *text, float *scores, struct err *err)
{
	char *copy = mem_text(text, err), *rest = NULL;
	if (!copy)
		return err->code;
	int code = OK;
	double sum = 0;
	memset(scores, 0, bundle->n_classes * sizeof(*scores));
	for (char *pair = strtok_r(copy, ",", &rest); pair && code == OK; pair = strtok_r(NULL, ",", &rest))
		code = score_pair(bundle, pair, scores, err);
	free(copy);
	for (size_t i = 0; i < bundle->n_classes; i++)
		sum += scores[i];
	if (code == OK && sum <= 0)
		code = err_set(err, ERR_SETTINGS, "scores: nothing above 0 in \"%.80s\"", text);
	for (size_t i = 0; i < bundle->n_classes && code == OK; i++)
		scores[i] = (float)(scores[i] / sum);
	return code;
}

/* ---- request ---------------------------------------------------------------------------------------- */

/* What recommend() is asked, and what of it must be freed. */
struct query {
	struct recommend_label labels[MAX_CLASSES];
	struct path_list tags;
	struct recommend_request request;
};

static int query_tags(struct query *query, const struct song_request *request, struct err *err)
{
	for (size_t i = 0; i < request->n_tags; i++) {
		struct strbuf normal = {0};
		int code = tag_normalise(request->tags[i], &normal, err);
		if (code == OK && normal.length == 0)
			code = err_set(err, ERR_SETTINGS, "tag \"%.40s\": nothing in it", request->tags[i]);
		else if (code == ERR_DATA)
			code = err->code = ERR_SETTINGS;
		if (code == OK)
			code = path_list_add(&query->tags, normal.text, err);
		strbuf_free(&normal);
		if (code != OK)
			return code;
	}
	return OK;
}

static int query_build(struct query *query, const struct bundle *bundle, const struct song_request *request,
                       struct err *err)
{
	if (!request->scores && request->n_tags == 0 && request->n_songs == 0)
		return err_set(err, ERR_SETTINGS, "nothing to start from: give a label, scores, a tag or a song");
	int code = query_tags(query, request, err);
	if (code != OK)
		return code;
	for (size_t i = 0; request->scores && i < bundle->n_classes; i++)
		query->labels[i] = (struct recommend_label){bundle->classes[i], request->scores[i], bundle->tags[i].items,
		                                            bundle->tags[i].count};
	const struct recommend_counts *counts = &bundle->counts;
	query->request = (struct recommend_request){.labels = query->labels,
	                                            .n_labels = request->scores ? bundle->n_classes : 0,
	                                            .tags = query->tags.items,
	                                            .n_tags = query->tags.count,
	                                            .songs = request->songs,
	                                            .n_songs = request->n_songs,
	                                            .history = request->seen,
	                                            .n_history = request->n_seen,
	                                            .count = request->count,
	                                            .seed = request->seed,
	                                            .similar_tags = counts->similar_tags,
	                                            .playlists = counts->playlists,
	                                            .songs_per_playlist = counts->songs_per_playlist,
	                                            .choices = counts->choices,
	                                            .per_artist = counts->per_artist,
	                                            .per_album = counts->per_album,
	                                            .min_similarity = counts->min_similarity};
	return OK;
}

/* ---- dislikes ----------------------------------------------------------------------------------------- */

struct ranked {
	double place;
	size_t index;
};

static int by_place(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* 1 for a song of the same artist or album, else the cosine of the two songs' factors, at least 0. */
static double likeness(const struct recommender_view *view, size_t a, size_t b)
{
	if (text_table_same(&view->song_artist, a, b) ||
	    (view->song_album[a] >= 0 && view->song_album[a] == view->song_album[b]))
		return 1;
	const float *x = view->song_factor + a * view->n_factors, *y = view->song_factor + b * view->n_factors;
	double product = 0, norm_x = 0, norm_y = 0;
	for (size_t k = 0; k < view->n_factors; k++) {
		product += (double)x[k] * y[k];
		norm_x += (double)x[k] * x[k];
		norm_y += (double)y[k] * y[k];
	}
	return norm_x > 0 && norm_y > 0 && product > 0 ? product / sqrt(norm_x * norm_y) : 0;
}

static double dislike_of(const struct bundle *bundle, const struct song_request *request, int64_t song)
{
	const struct recommender_view *view = recommender_view(bundle->recommender);
	size_t at = recommender_song(bundle->recommender, song);
	double worst = 0;
	for (size_t i = 0; i < request->n_disliked && at < view->n_songs; i++) {
		size_t disliked = recommender_song(bundle->recommender, request->disliked[i]);
		double like = disliked < view->n_songs ? likeness(view, at, disliked) : 0;
		if (like > worst)
			worst = like;
	}
	return worst;
}

/* Each song falls by up to as many places as there are candidates, by how much it is like a disliked one. */
static int order_songs(const struct bundle *bundle, const struct song_request *request,
                       const struct recommend_result *result, struct ranked **out, struct err *err)
{
	struct ranked *order = mem_alloc(result->count, sizeof(*order), err);
	if (!order)
		return err->code;
	for (size_t i = 0; i < result->count; i++) {
		double fall = request->n_disliked ? dislike_of(bundle, request, result->songs[i].id) : 0;
		order[i] = (struct ranked){(double)i + fall * (double)result->count, i};
	}
	if (request->n_disliked && result->count)
		qsort(order, result->count, sizeof(*order), by_place);
	*out = order;
	return OK;
}

/* ---- answer ------------------------------------------------------------------------------------------------ */

static void why_to_json(const struct recommend_why *why, struct json *song)
{
	struct json *object = json_set_object(song, "why");
	if (why->label) {
		json_set_text(object, "label", why->label);
		json_set_number(object, "probability", why->probability);
	}
	if (why->seed)
		json_set_text(object, "tag", why->seed);
	if (why->similar) {
		json_set_text(object, "similar", why->similar);
		json_set_number(object, "cosine", why->cosine);
	}
	json_set_integer(object, "playlist", why->playlist);
	if (why->title)
		json_set_text(object, "title", why->title);
	struct json *tags = why->new_by.count > 0 ? json_set_array(object, "new_by") : NULL;
	for (size_t i = 0; i < why->new_by.count; i++)
		json_append_text(tags, why->new_by.items[i]);
}

static void song_to_json(const struct recommended_song *song, struct json *songs)
{
	struct json *object = json_append_object(songs);
	json_set_integer(object, "id", song->id);
	json_set_text(object, "name", song->name ? song->name : "");
	json_set_text(object, "artist", song->artist ? song->artist : "");
	json_set_number(object, "votes", song->votes);
	json_set_integer(object, "named", (int64_t)song->named);
	json_set_number(object, "closeness", song->closeness);
	why_to_json(&song->why, object);
}

static void result_to_json(const struct recommend_result *result, const struct ranked *order, size_t count,
                           struct json *object)
{
	struct json *songs = json_set_array(object, "songs"), *notes = json_set_array(object, "notes");
	for (size_t i = 0; i < result->count && i < count; i++)
		song_to_json(&result->songs[order[i].index], songs);
	for (size_t i = 0; i < result->notes.count; i++)
		json_append_text(notes, result->notes.items[i]);
}

int songs_recommend(const struct bundle *bundle, const struct song_request *request, struct json **out, struct err *err)
{
	struct query query = {0};
	struct recommend_result result = {0};
	struct ranked *order = NULL;
	int code = query_build(&query, bundle, request, err);
	/* Enough to choose from when some of them sink. */
	if (request->n_disliked)
		query.request.count = request->count * 3;
	if (code == OK)
		code = recommend(bundle->recommender, &query.request, &result, err);
	if (code == OK)
		code = order_songs(bundle, request, &result, &order, err);
	if (code == OK) {
		*out = json_object_new();
		result_to_json(&result, order, request->count, *out);
	}
	free(order);
	recommend_result_free(&result);
	path_list_free(&query.tags);
	return code;
}
