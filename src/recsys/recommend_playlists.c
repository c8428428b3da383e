/* Second step: from weighted tags, or from the listener's songs, to playlists. */
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* By playlist: Σ of tag weights, and 1 + the heaviest match. */
struct tally {
	double weight;
	uint32_t match;
};

static void count_match(const struct recommend_work *work, size_t match, struct tally *tally)
{
	const struct recommender_view *view = &work->recommender->view;
	const struct tag_match *m = &work->matches[match];
	for (int64_t e = view->tag_start[m->tag]; e < view->tag_start[m->tag + 1]; e++) {
		struct tally *t = &tally[view->tag_playlist[e]];
		t->weight += m->weight;
		if (t->match == 0 || m->weight > work->matches[t->match - 1].weight)
			t->match = (uint32_t)match + 1;
	}
}

static bool has_songs(const struct recommender_view *view, size_t playlist)
{
	return view->song_start[playlist + 1] > view->song_start[playlist];
}

/* Playlists that hold matched tags, by weight × (1 + ln(1 + likes)). */
static void offer_tagged(const struct recommend_work *work, const struct tally *tally, struct best_list *best)
{
	const struct recommender_view *view = &work->recommender->view;
	for (size_t p = 0; p < view->n_playlists; p++) {
		if (tally[p].match == 0 || !has_songs(view, p))
			continue;
		double likes = view->playlist_likes[p] > 0 ? (double)view->playlist_likes[p] : 0;
		best_offer(best, (float)(tally[p].weight * (1 + log1p(likes))), (uint32_t)p);
	}
}

/* Playlists by the cosine of their factor and the listener's taste. */
static void offer_close(const struct recommend_work *work, struct best_list *best)
{
	const struct recommender_view *view = &work->recommender->view;
	size_t f = view->n_factors;
	for (size_t p = 0; p < view->n_playlists; p++) {
		const float *x = view->playlist_factor + p * f;
		double product = 0, square = 0;
		for (size_t k = 0; k < f; k++) {
			product += (double)x[k] * work->taste[k];
			square += (double)x[k] * x[k];
		}
		if (square > 0 && product > 0 && has_songs(view, p))
			best_offer(best, (float)(product / sqrt(square)), (uint32_t)p);
	}
}

/* The playlists of one label (or of the tags asked for by name, or of the listener's songs), best first. */
struct share {
	double probability;
	struct scored *list; /* [2 · wanted] */
	size_t *match;       /* [wanted] */
	size_t count, taken;
};

/* Matches first … end are those of one label. */
static void rank_share(const struct recommend_work *work, size_t first, size_t end, struct tally *tally, size_t wanted,
                       struct share *share)
{
	struct best_list best;
	best_start(&best, share->list, wanted);
	memset(tally, 0, work->recommender->view.n_playlists * sizeof *tally);
	for (size_t m = first; m < end; m++)
		count_match(work, m, tally);
	if (end > first)
		offer_tagged(work, tally, &best);
	else
		offer_close(work, &best);
	share->count = best_finish(&best);
	share->probability = end > first ? work->seeds[work->matches[first].seed].probability : 1;
	for (size_t i = 0; i < share->count; i++) {
		uint32_t match = tally[share->list[i].id].match;
		share->match[i] = match ? match - 1 : NO_INDEX;
	}
}

/* Who takes the next playlist: the largest probability / (2 · taken + 1), which deals in proportion (Sainte-Laguë). */
static struct share *next_share(struct share *shares, size_t count)
{
	struct share *next = NULL;
	double most = 0;
	for (size_t s = 0; s < count; s++) {
		double claim = shares[s].probability / (2 * (double)shares[s].taken + 1);
		if (shares[s].taken < shares[s].count && claim > most) {
			most = claim;
			next = &shares[s];
		}
	}
	return next;
}

static void deal_playlists(struct recommend_work *work, struct share *shares, size_t count, size_t wanted,
                           uint8_t *dealt)
{
	struct share *share;
	while (work->n_chosen < wanted && (share = next_share(shares, count))) {
		size_t i = share->taken++, playlist = share->list[i].id;
		if (dealt[playlist])
			continue;
		dealt[playlist] = 1;
		work->chosen[work->n_chosen++] =
		    (struct chosen_playlist){playlist, share->match[i], share->list[i].score / share->list[0].score};
	}
}

static size_t label_of(const struct recommend_work *work, size_t match)
{
	return work->seeds[work->matches[match].seed].label;
}

/* A run of matches of the same label is one share; without any match the listener's songs are the only one. */
static int rank_shares(struct recommend_work *work, struct share *shares, struct tally *tally, size_t wanted,
                       size_t *count, struct err *err)
{
	size_t first = 0;
	do {
		size_t end = first;
		while (end < work->n_matches && label_of(work, end) == label_of(work, first))
			end++;
		struct share *share = &shares[(*count)++];
		share->list = mem_alloc(2 * wanted, sizeof *share->list, err);
		share->match = mem_alloc(wanted, sizeof *share->match, err);
		if (!share->list || !share->match)
			return err->code;
		rank_share(work, first, end, tally, wanted, share);
		first = end;
	} while (first < work->n_matches);
	return OK;
}

int recommend_find_playlists(struct recommend_work *work, struct err *err)
{
	const struct recommender_view *view = &work->recommender->view;
	size_t wanted = work->request->playlists < view->n_playlists ? work->request->playlists : view->n_playlists;
	size_t count = 0;
	struct tally *tally = mem_alloc_unset(view->n_playlists, sizeof *tally, err);
	uint8_t *dealt = mem_alloc(view->n_playlists, sizeof *dealt, err);
	struct share *shares = mem_alloc(work->request->n_labels + 1, sizeof *shares, err);
	work->chosen = mem_alloc(wanted, sizeof *work->chosen, err);
	int code = tally && dealt && shares && work->chosen ? OK : err->code;
	if (code == OK && (work->n_matches > 0 || work->n_known_songs > 0))
		code = rank_shares(work, shares, tally, wanted, &count, err);
	if (code == OK)
		deal_playlists(work, shares, count, wanted, dealt);
	for (size_t s = 0; s < count; s++) {
		free(shares[s].list);
		free(shares[s].match);
	}
	free(tally);
	free(dealt);
	free(shares);
	return code;
}
