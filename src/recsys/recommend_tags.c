/* First step: from labels and names to weighted tags. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t seeds_wanted(const struct recommend_request *request)
{
	size_t count = request->n_tags;
	for (size_t l = 0; l < request->n_labels; l++)
		count += request->labels[l].n_tags;
	return count;
}

/* *tag ← the known one that is spelt most alike, if any is; either way a note says so. */
static int replace_unknown(struct recommend_work *work, const char *name, size_t *tag, struct err *err)
{
	const struct text_table *display = &work->recommender->view.tag_display;
	*tag = recommender_spelt_like(work->recommender, name);
	if (*tag == work->recommender->view.n_tags)
		return recommend_note(work, err, "tag '%s' is in no playlist that was learnt from", name);
	const int64_t *at = display->offsets + *tag;
	return recommend_note(
	    work, err, "tag '%s' is in no playlist that was learnt from; '%.*s' is spelt most like it and taken instead",
	    name, (int)(at[1] - at[0]), (const char *)display->bytes + at[0]);
}

/* Adds the known ones of `tags`, which share `probability` equally. */
static int add_seeds(struct recommend_work *work, char *const *tags, size_t count, size_t label, double probability,
                     struct err *err)
{
	size_t first = work->n_seeds;
	for (size_t i = 0; i < count; i++) {
		size_t tag = recommender_tag(work->recommender, tags[i]);
		int code = OK;
		if (tag == work->recommender->view.n_tags)
			code = replace_unknown(work, tags[i], &tag, err);
		if (code != OK)
			return code;
		if (tag < work->recommender->view.n_tags)
			work->seeds[work->n_seeds++] = (struct seed_tag){tag, label, 0, probability};
	}
	for (size_t s = first; s < work->n_seeds; s++)
		work->seeds[s].weight = probability / (double)(work->n_seeds - first);
	return OK;
}

static int collect_seeds(struct recommend_work *work, struct err *err)
{
	const struct recommend_request *request = work->request;
	work->seeds = mem_alloc(seeds_wanted(request), sizeof *work->seeds, err);
	if (!work->seeds)
		return err->code;
	int code = add_seeds(work, request->tags, request->n_tags, NO_INDEX, 1, err);
	for (size_t l = 0; l < request->n_labels && code == OK; l++)
		if (request->labels[l].probability > 0)
			code = add_seeds(work, request->labels[l].tags, request->labels[l].n_tags, l,
			                 request->labels[l].probability, err);
	return code;
}

/* What a seed says about a tag: rank 0 is the seed itself, 1 its nearest. The discount keeps the seed ahead where
 * cosines say little because all of them are near 1. */
struct nearness {
	size_t seed, tag, rank;
	double cosine;
};

/* `place`: 1 + index among the label's matches by tag, 0 = not yet there. */
static int add_match(struct recommend_work *work, uint32_t *place, const struct nearness *near, struct err *err)
{
	size_t tag = near->tag;
	double weight = work->seeds[near->seed].weight * near->cosine / log2((double)near->rank + 2);
	if (place[tag] == 0) {
		struct tag_match *grown =
		    mem_grow(work->matches, &work->match_capacity, work->n_matches + 1, sizeof *grown, err);
		if (!grown)
			return err->code;
		work->matches = grown;
		work->matches[work->n_matches++] = (struct tag_match){.tag = tag};
		place[tag] = (uint32_t)work->n_matches;
	}
	struct tag_match *match = &work->matches[place[tag] - 1];
	match->weight += weight;
	if (weight > match->largest) {
		match->largest = weight;
		match->seed = near->seed;
		match->cosine = near->cosine;
	}
	return OK;
}

/* The seed itself, and its nearest tags that some playlist holds. */
static int match_seed(struct recommend_work *work, size_t seed, struct scored *buffer, const uint8_t *excluded,
                      uint32_t *place, struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	size_t own = work->seeds[seed].tag, taken = 0;
	struct best_list best;
	best_start(&best, buffer, work->request->similar_tags + 1);
	row_search_run(&(struct row_search){.rows = view->tag_vector,
	                                    .count = view->n_tags,
	                                    .dims = view->n_dims,
	                                    .excluded = excluded,
	                                    .queries = (const float *[]){view->tag_vector + own * view->n_dims},
	                                    .n_queries = 1,
	                                    .best = &best});
	size_t found = best_finish(&best);
	int code = add_match(work, place, &(struct nearness){seed, own, 0, 1}, err);
	for (size_t i = 0; i < found && taken < work->request->similar_tags && code == OK; i++) {
		double cosine = buffer[i].score < 1 ? buffer[i].score : 1;
		if (buffer[i].id == own || cosine <= 0 || cosine < work->request->min_similarity)
			continue;
		code = add_match(work, place, &(struct nearness){seed, buffer[i].id, ++taken, cosine}, err);
	}
	return code;
}

int recommend_find_tags(struct recommend_work *work, struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	int code = collect_seeds(work, err);
	if (code != OK)
		return code;
	uint8_t *excluded = mem_alloc(view->n_tags, sizeof *excluded, err);
	uint32_t *place = mem_alloc(view->n_tags, sizeof *place, err);
	struct scored *buffer = mem_alloc(2 * (work->request->similar_tags + 1), sizeof *buffer, err);
	if (!excluded || !place || !buffer)
		code = err->code;
	for (size_t t = 0; t < view->n_tags && code == OK; t++)
		excluded[t] = view->tag_start[t] == view->tag_start[t + 1];
	for (size_t s = 0; s < work->n_seeds && code == OK; s++) {
		/* Each label has matches of its own: the next step shares the playlists out among them. */
		if (s > 0 && work->seeds[s].label != work->seeds[s - 1].label)
			memset(place, 0, view->n_tags * sizeof *place);
		code = match_seed(work, s, buffer, excluded, place, err);
	}
	free(excluded);
	free(place);
	free(buffer);
	return code;
}
