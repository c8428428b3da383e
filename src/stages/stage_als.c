/* Implicit-feedback ALS on playlists × songs: factors of both, and the loss of every iteration. */
#include "base/comm.h"
#include "stages/stages.h"

#include "recsys/recsys.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const confidence_names[] = {
    [CONFIDENCE_RAW] = "raw", [CONFIDENCE_LOG] = "log", [CONFIDENCE_MINMAX] = "minmax", [CONFIDENCE_BM25] = "bm25"};

static int load_matrix(const struct stage_run *run, struct csr *matrix, struct err *err)
{
	struct playlists *playlists = NULL;
	char *path = stage_in_path(run, "playlists", "playlists.h5", err);
	int code = path ? playlists_load(&playlists, path, err) : err->code;

	free(path);
	if (code == OK)
		code = playlists_matrix(playlists, matrix, err);
	playlists_free(playlists);
	return code;
}

static int write_files(const struct stage_run *run, const struct als_model *model, struct err *err)
{
	char *factors = stage_out_path(run, "als.npz", err);
	char *loss = factors ? stage_out_path(run, "loss.jsonl", err) : NULL;
	int code = factors && loss ? als_save(model, factors, err) : err->code;

	if (code == OK)
		code = als_save_loss(model, loss, err);
	free(factors);
	free(loss);
	return code;
}

static size_t rows_with_entries(const struct csr *matrix)
{
	size_t rows = 0;
	for (size_t i = 0; i < matrix->rows; i++)
		rows += matrix->start[i + 1] > matrix->start[i];
	return rows;
}

static void record(struct stage_run *run, const struct csr *matrix, const struct als_model *model)
{
	const char *confidence = confidence_names[run->settings->als.confidence];
	double first = model->loss[0], last = model->loss[model->iterations - 1];

	json_set_integer(run->metrics, "playlists", (int64_t)model->users);
	json_set_integer(run->metrics, "playlists_with_songs", (int64_t)rows_with_entries(matrix));
	json_set_integer(run->metrics, "songs", (int64_t)model->items);
	json_set_integer(run->metrics, "pairs", matrix->start[matrix->rows]);
	json_set_integer(run->metrics, "factors", (int64_t)model->factors);
	json_set_integer(run->metrics, "iterations", (int64_t)model->iterations);
	json_set_text(run->metrics, "confidence", confidence);
	json_set_number(run->metrics, "first_loss", first);
	json_set_number(run->metrics, "last_loss", last);
	snprintf(run->headline, sizeof run->headline, "%zu factors, %zu iterations, loss %.3g → %.3g (%s confidence)",
	         model->factors, model->iterations, first, last, confidence);
}

int stage_als(struct stage_run *run, struct err *err)
{
	struct csr matrix = {0};
	struct als_model model = {0};
	char *checkpoint = stage_out_path(run, "als.checkpoint", err);
	int code = checkpoint ? load_matrix(run, &matrix, err) : err->code;

	if (code == OK) {
		const struct als_options options = {.model = run->settings->als,
		                                    .seed = (uint64_t)run->settings->run.seed,
		                                    .threads = run->threads,
		                                    .checkpoint = checkpoint,
		                                    .checkpoint_seconds = (double)run->settings->run.checkpoint_seconds};
		code = als_train(&matrix, &options, &model, err);
	}
	if (code == OK && comm_publishes())
		code = write_files(run, &model, err);
	if (code == OK && comm_publishes()) {
		record(run, &matrix, &model);
		unlink(checkpoint);
	}
	als_model_free(&model);
	csr_free(&matrix);
	free(checkpoint);
	return code;
}
