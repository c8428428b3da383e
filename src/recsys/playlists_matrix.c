/* Playlists as a matrix, and in figures. */
#include <stdlib.h>

#include "recsys/playlists_internal.h"
#include "recsys/recsys_internal.h"

struct playlist_summary playlists_summary(const struct playlists *playlists)
{
	size_t rows = playlists->n_playlists;
	struct playlist_summary summary = {
	    .tag_links = (size_t)playlists->tags.start[rows],
	    .song_links = (size_t)playlists->songs.start[rows],
	};
	for (size_t i = 0; i < summary.tag_links; i++)
		summary.hidden_tags += playlists->tags.held[i];
	for (size_t i = 0; i < summary.song_links; i++)
		summary.hidden_songs += playlists->songs.held[i];
	for (size_t s = 0; s < playlists->n_songs; s++)
		summary.named_songs += playlists->song_name.items[s][0] != '\0';
	for (size_t r = 0; r < rows; r++) {
		summary.liked += playlists->likes[r] > 0;
		summary.held_out += playlists->split[r] == PLAYLIST_HELD_OUT;
		summary.by_mask[playlists->mask[r]]++;
	}
	return summary;
}

int playlist_links_shown(const struct playlist_links *links, size_t rows, size_t kinds, struct csr *out,
                         struct err *err)
{
	struct csr made = {.rows = rows, .columns = kinds};
	made.start = mem_alloc(rows + 1, sizeof *made.start, err);
	made.index = made.start ? mem_alloc((size_t)links->start[rows], sizeof *made.index, err) : NULL;
	if (!made.index) {
		csr_free(&made);
		return err->code;
	}
	int64_t kept = 0;
	for (size_t r = 0; r < rows; r++) {
		for (int64_t e = links->start[r]; e < links->start[r + 1]; e++)
			if (!links->held[e])
				made.index[kept++] = links->index[e];
		made.start[r + 1] = kept;
	}
	*out = made;
	return OK;
}

/* ---- the training matrix -------------------------------------------------------------------------------------------
 */

int playlists_matrix(const struct playlists *playlists, struct csr *out, struct err *err)
{
	const struct playlist_links *songs = &playlists->songs;
	size_t rows = playlists->n_playlists, links = (size_t)songs->start[rows];
	struct csr made = {.rows = rows, .columns = playlists->n_songs};
	made.start = mem_alloc(rows + 1, sizeof *made.start, err);
	made.index = mem_alloc(links, sizeof *made.index, err);
	made.value = mem_alloc(links, sizeof *made.value, err);
	if (!made.start || !made.index || !made.value) {
		csr_free(&made);
		return err->code;
	}
	int64_t kept = 0;
	for (size_t r = 0; r < rows; r++) {
		for (int64_t i = songs->start[r]; i < songs->start[r + 1]; i++)
			if (!songs->held[i]) {
				made.index[kept] = songs->index[i];
				made.value[kept++] = (float)playlists->likes[r];
			}
		made.start[r + 1] = kept;
	}
	*out = made;
	return OK;
}

/* scipy.sparse.save_npz: indptr has the type of indices while it fits. */
static int narrow_starts(const struct csr *matrix, int32_t **out, struct err *err)
{
	if (matrix->start[matrix->rows] > INT32_MAX)
		return err_set(err, ERR_DATA, "likes: %lld links are more than 32-bit places can count",
		               (long long)matrix->start[matrix->rows]);
	int32_t *starts = mem_alloc(matrix->rows + 1, sizeof *starts, err);
	if (!starts)
		return err->code;
	for (size_t r = 0; r <= matrix->rows; r++)
		starts[r] = (int32_t)matrix->start[r];
	*out = starts;
	return OK;
}

int playlists_save_likes(const struct playlists *playlists, const char *npz_path, struct err *err)
{
	struct csr matrix;
	int32_t *starts = NULL;
	int status = playlists_matrix(playlists, &matrix, err);
	if (status != OK)
		return status;
	status = narrow_starts(&matrix, &starts, err);
	if (status == OK) {
		size_t links = (size_t)matrix.start[matrix.rows];
		int64_t shape[2] = {(int64_t)matrix.rows, (int64_t)matrix.columns};
		char format[] = "csr";
		struct npz_entry entries[] = {
		    {"indices", {.type = NPY_I32, .rank = 1, .dims = {links}, .item = 4, .data = matrix.index}},
		    {"indptr", {.type = NPY_I32, .rank = 1, .dims = {matrix.rows + 1}, .item = 4, .data = starts}},
		    {"format", {.type = NPY_BYTES, .rank = 0, .item = 3, .data = format}},
		    {"shape", {.type = NPY_I64, .rank = 1, .dims = {2}, .item = 8, .data = shape}},
		    {"data", {.type = NPY_F32, .rank = 1, .dims = {links}, .item = 4, .data = matrix.value}},
		};
		status = npz_save(npz_path, entries, ARRAY_COUNT(entries), err);
	}
	free(starts);
	csr_free(&matrix);
	return status;
}

/* Matrix Market exchange format (Boisvert, Pozo and Remington 1996): 1-based "row column value" lines. */
int playlists_save_market(const struct playlists *playlists, const char *path, struct err *err)
{
	struct csr matrix;
	struct out_file out = {0};
	int status = playlists_matrix(playlists, &matrix, err);
	if (status != OK)
		return status;
	status = out_open(&out, path, err);
	if (status == OK) {
		fprintf(out.stream,
		        "%%%%MatrixMarket matrix coordinate real general\n%% playlists x songs: like counts, training "
		        "part\n%zu %zu %lld\n",
		        matrix.rows, matrix.columns, (long long)matrix.start[matrix.rows]);
		for (size_t r = 0; r < matrix.rows; r++)
			for (int64_t e = matrix.start[r]; e < matrix.start[r + 1]; e++)
				fprintf(out.stream, "%zu %d %.9g\n", r + 1, matrix.index[e] + 1, (double)matrix.value[e]);
		status = out_commit(&out, err);
	}
	out_discard(&out);
	csr_free(&matrix);
	return status;
}
