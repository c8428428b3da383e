/*
 * Playlists like the one in question vote for the songs and tags that they hold. Whatever two playlists share, a song
 * or a tag, counts by how rare it is, so one table of songs and one of tags serve every mixture of what is shown.
 */
#include "base/comm.h"
#include "recsys/rankers_internal.h"
#include "recsys/recsys_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The training links of one kind, both ways, and what an item counts. */
struct link_side {
	struct csr of_playlist, of_item; /* patterns */
	float *weight;                   /* [items] */
	float *damping;                  /* [items]: n(i)^−δ */
	void *common[2];                 /* the indices of both, where the ranks of a machine have one copy */
};

struct neighbours {
	struct neighbours_options options;
	struct link_side songs, tags;
	float *scale; /* [playlists]: m(p)^−½, zero without a training link */
	const struct popularity *popularity;
};

static size_t row_count(const struct csr *matrix, size_t row)
{
	return (size_t)(matrix->start[row + 1] - matrix->start[row]);
}

/* weight ← share · idf², with N playlists that hold anything of the kind. */
static int weigh_side(struct link_side *side, double share, double damping, struct err *err)
{
	size_t items = side->of_item.rows, holders = 0;
	side->weight = mem_alloc(items, sizeof *side->weight, err);
	side->damping = mem_alloc(items, sizeof *side->damping, err);
	if (!side->weight || !side->damping)
		return err->code;
	for (size_t p = 0; p < side->of_playlist.rows; p++)
		holders += row_count(&side->of_playlist, p) > 0;
	for (size_t i = 0; i < items; i++) {
		double n = (double)row_count(&side->of_item, i), idf = log1p(((double)holders - n + 0.5) / (n + 0.5));
		side->weight[i] = (float)(share * idf * idf);
		side->damping[i] = (float)pow(n > 1 ? n : 1, -damping);
	}
	return OK;
}

static size_t index_bytes(const struct csr *matrix)
{
	return (size_t)matrix->start[matrix->rows] * sizeof *matrix->index;
}

/* Votes are bound by memory: a copy a rank would halve the cache that the processors share. */
static int side_join(struct link_side *side, struct err *err)
{
	struct csr *both[2] = {&side->of_playlist, &side->of_item};
	int code = OK;
	for (size_t i = 0; i < 2 && code == OK; i++) {
		void *index = both[i]->index;
		code = comm_memory_join(&index, index_bytes(both[i]), &side->common[i], err);
		both[i]->index = side->common[i] ? side->common[i] : index;
	}
	return code;
}

static int side_init(struct link_side *side, const struct playlist_links *links, size_t rows, size_t kinds,
                     struct err *err)
{
	int code = playlist_links_shown(links, rows, kinds, &side->of_playlist, err);
	if (code == OK)
		code = csr_transpose(&side->of_playlist, &side->of_item, err);
	return code == OK ? side_join(side, err) : code;
}

static void side_free(struct link_side *side)
{
	struct csr *both[2] = {&side->of_playlist, &side->of_item};
	for (size_t i = 0; i < 2; i++)
		if (side->common[i]) {
			comm_memory_free(side->common[i], index_bytes(both[i]));
			both[i]->index = NULL;
		}
	csr_free(&side->of_playlist);
	csr_free(&side->of_item);
	free(side->weight);
	free(side->damping);
}

static double side_mass(const struct link_side *side, size_t playlist)
{
	double mass = 0;
	for (int64_t e = side->of_playlist.start[playlist]; e < side->of_playlist.start[playlist + 1]; e++)
		mass += (double)side->weight[side->of_playlist.index[e]];
	return mass;
}

static int scale_playlists(struct neighbours *n, size_t playlists, struct err *err)
{
	n->scale = mem_alloc(playlists, sizeof *n->scale, err);
	if (!n->scale)
		return err->code;
	for (size_t p = 0; p < playlists; p++) {
		double mass = side_mass(&n->songs, p) + side_mass(&n->tags, p);
		n->scale[p] = mass > 0 ? (float)(1 / sqrt(mass)) : 0;
	}
	return OK;
}

static int check_options(const struct neighbours_options *o, struct err *err)
{
	if (isfinite(o->tag_weight + o->song_weight + o->sharpness + o->damping) && o->tag_weight >= 0 &&
	    o->song_weight >= 0 && o->sharpness > 0 && o->damping >= 0)
		return OK;
	return err_set(err, ERR_SETTINGS,
	               "neighbours: song weight %g, tag weight %g, sharpness %g and damping %g must be finite and not "
	               "negative, sharpness above 0",
	               o->song_weight, o->tag_weight, o->sharpness, o->damping);
}

int neighbours_new(struct neighbours **out, const struct playlists *playlists, const struct neighbours_options *options,
                   const struct popularity *popularity, struct err *err)
{
	int code = check_options(options, err);
	if (code != OK)
		return code;
	struct neighbours *n = mem_alloc(1, sizeof *n, err);
	if (!n)
		return err->code;
	*n = (struct neighbours){.options = *options, .popularity = popularity};
	size_t rows = playlists->n_playlists;
	code = side_init(&n->songs, &playlists->songs, rows, playlists->n_songs, err);
	if (code == OK)
		code = side_init(&n->tags, &playlists->tags, rows, playlists->n_tags, err);
	if (code == OK)
		code = weigh_side(&n->songs, options->song_weight, options->damping, err);
	if (code == OK)
		code = weigh_side(&n->tags, options->tag_weight, options->damping, err);
	if (code == OK)
		code = scale_playlists(n, rows, err);
	if (code != OK) {
		neighbours_free(n);
		return code;
	}
	*out = n;
	return OK;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	side_free(&neighbours->songs);
	side_free(&neighbours->tags);
	free(neighbours->scale);
	free(neighbours);
}

/* ---- scores ---------------------------------------------------------------------------------------- */

/* Of one thread, in the ranker's workspace; `sum` is zero between questions. */
struct neighbour_votes {
	float *sum;        /* [playlists] */
	uint32_t *touched; /* [playlists] */
	size_t count;
};

static size_t votes_bytes(size_t playlists)
{
	return playlists * (sizeof(float) + sizeof(uint32_t));
}

static void count_shared(const struct link_side *side, const int32_t *shown, size_t n, struct neighbour_votes *votes)
{
	for (size_t i = 0; i < n; i++) {
		int32_t item = shown[i];
		float weight = side->weight[item];
		/* Weights are above zero where they count at all, so a sum of zero has not been touched. */
		for (int64_t e = side->of_item.start[item]; weight > 0 && e < side->of_item.start[item + 1]; e++) {
			int32_t p = side->of_item.index[e];
			if (votes->sum[p] <= 0)
				votes->touched[votes->count++] = (uint32_t)p;
			votes->sum[p] += weight;
		}
	}
}

/* scores += likeness^γ of each neighbour, over what it holds; the votes are zero again afterwards. */
static void cast(const struct neighbours *n, const struct link_side *target, size_t own, struct neighbour_votes *votes,
                 float *scores)
{
	for (size_t v = 0; v < votes->count; v++) {
		size_t p = votes->touched[v];
		float like = (float)pow((double)(votes->sum[p] * n->scale[p]), n->options.sharpness);
		votes->sum[p] = 0;
		if (p == own)
			continue;
		for (int64_t e = target->of_playlist.start[p]; e < target->of_playlist.start[p + 1]; e++)
			scores[target->of_playlist.index[e]] += like;
	}
	votes->count = 0;
}

static struct neighbour_votes find_votes(const struct neighbours *n, const struct ranking_query *query, void *workspace)
{
	size_t playlists = n->songs.of_playlist.rows;
	struct neighbour_votes votes = {workspace, (uint32_t *)(void *)((float *)workspace + playlists), 0};
	count_shared(&n->songs, query->shown, query->n_shown, &votes);
	count_shared(&n->tags, query->tags, query->n_tags, &votes);
	return votes;
}

static void score_songs(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                        float *scores)
{
	const struct neighbours *n = state;
	size_t songs = n->songs.of_item.rows;
	for (size_t q = 0; q < count; q++) {
		float *row = scores + q * songs;
		memset(row, 0, songs * sizeof *row);
		struct neighbour_votes votes = find_votes(n, &queries[q], workspace);
		cast(n, &n->songs, queries[q].playlist, &votes, row);
		/* What nobody votes for stands between −1 and 0, by popularity. */
		for (size_t i = 0; i < songs; i++)
			row[i] = row[i] > 0 ? row[i] * n->songs.damping[i] : n->popularity->share[i] - 1;
	}
}

static void score_tags(const void *state, const struct ranking_query *queries, size_t count, void *workspace,
                       float *scores)
{
	const struct neighbours *n = state;
	size_t tags = n->tags.of_item.rows, playlists = n->tags.of_playlist.rows;
	for (size_t q = 0; q < count; q++) {
		float *row = scores + q * tags;
		memset(row, 0, tags * sizeof *row);
		struct neighbour_votes votes = find_votes(n, &queries[q], workspace);
		cast(n, &n->tags, queries[q].playlist, &votes, row);
		for (size_t i = 0; i < tags; i++)
			row[i] = row[i] > 0 ? row[i] * n->tags.damping[i]
			                    : (float)row_count(&n->tags.of_item, i) / (float)playlists - 1;
	}
}

struct ranker neighbours_ranker(const struct neighbours *neighbours, const char *name, enum ranking_target target)
{
	return (struct ranker){.name = name,
	                       .target = target,
	                       .workspace = votes_bytes(neighbours->songs.of_playlist.rows),
	                       .score = target == RANK_TAGS ? score_tags : score_songs,
	                       .state = neighbours};
}
