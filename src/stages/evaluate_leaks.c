/*
 * Is a held-out picture also among those trained on? By a perceptual hash, so that a copy that was scaled or compressed
 * again counts as well.
 *
 * Each picture is averaged down to 17 × 16 grey cells. A bit a neighbouring pair says which is lighter (256 bits); two
 * pictures are the same when few bits differ and the cells differ little. Different people in the same room before the
 * same camera differ in far more.
 */
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate_internal.h"

#define COLUMNS 17
#define ROWS 16
#define WORDS (ROWS * (COLUMNS - 1) / 64)
#define MAX_BITS 10
#define MAX_DIFFERENCE 2.0 /* grey levels, mean over the cells */
#define TEST_SPLIT 2
#define MAX_PICTURES ((size_t)1 << 32)
#define MAX_NAMED 20

struct print {
	uint64_t bits[WORDS];
	uint8_t cells[ROWS * COLUMNS];
};

struct leaks {
	struct hdf_file *file;
	size_t count, height, width;
	int32_t *area;
	uint8_t *split;
	struct print *prints; /* [count] */
	size_t *twin;         /* [count] a picture trained on that is the same, SIZE_MAX = none */
	struct progress progress;
};

static void leaks_free(struct leaks *leaks)
{
	if (leaks->file)
		hdf_close(leaks->file);
	free(leaks->area);
	free(leaks->split);
	free(leaks->prints);
	free(leaks->twin);
}

static int leaks_open(struct leaks *leaks, const char *path, struct err *err)
{
	struct hdf_shape pixels, area, split;

	if (hdf_open(&leaks->file, path, err) != OK || hdf_shape(leaks->file, "pixels", &pixels, err) != OK ||
	    hdf_read(leaks->file, "area", HDF_I32, MAX_PICTURES, (void **)&leaks->area, &area, err) != OK ||
	    hdf_read(leaks->file, "split", HDF_U8, MAX_PICTURES, (void **)&leaks->split, &split, err) != OK)
		return err->code;
	if (pixels.rank != 4 || pixels.dims[3] != 3 || area.rank != 2 || area.dims[0] != pixels.dims[0] ||
	    area.dims[1] != 4 || split.dims[0] != pixels.dims[0])
		return err_set(err, ERR_DATA, "%s: pixels, area and split do not fit together", path);
	leaks->count = pixels.dims[0];
	leaks->height = pixels.dims[1];
	leaks->width = pixels.dims[2];
	leaks->prints = mem_alloc(leaks->count, sizeof(*leaks->prints), err);
	leaks->twin = leaks->prints ? mem_alloc(leaks->count, sizeof(*leaks->twin), err) : NULL;
	return leaks->twin ? OK : err->code;
}

/* Mean grey of one cell; a picture smaller than the grid repeats its pixels. */
static uint8_t cell_mean(const struct leaks *leaks, const uint8_t *frame, const int32_t *area, size_t column, size_t row)
{
	size_t w = (size_t)area[2], h = (size_t)area[3], sum = 0;
	size_t x0 = column * w / COLUMNS, x1 = (column + 1) * w / COLUMNS, y0 = row * h / ROWS, y1 = (row + 1) * h / ROWS;

	x1 = x1 > x0 ? x1 : x0 + 1;
	y1 = y1 > y0 ? y1 : y0 + 1;
	for (size_t y = y0; y < y1; y++) {
		const uint8_t *line = frame + (((size_t)area[1] + y) * leaks->width + (size_t)area[0]) * 3;
		for (size_t x = 3 * x0; x < 3 * x1; x++)
			sum += line[x];
	}
	return (uint8_t)(sum / (3 * (x1 - x0) * (y1 - y0)));
}

static int take_print(struct leaks *leaks, size_t picture, const uint8_t *frame, struct err *err)
{
	const int32_t *area = leaks->area + 4 * picture;
	struct print *print = &leaks->prints[picture];

	if (area[0] < 0 || area[1] < 0 || area[2] < 1 || area[3] < 1 || (size_t)area[0] + (size_t)area[2] > leaks->width ||
	    (size_t)area[1] + (size_t)area[3] > leaks->height)
		return err_set(err, ERR_DATA, "faces.h5: area of picture %zu does not lie in its frame", picture);
	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		print->cells[i] = cell_mean(leaks, frame, area, i % COLUMNS, i / COLUMNS);
	for (size_t bit = 0; bit < 64 * WORDS; bit++) {
		const uint8_t *cell = print->cells + bit / (COLUMNS - 1) * COLUMNS + bit % (COLUMNS - 1);
		print->bits[bit / 64] |= (uint64_t)(cell[0] < cell[1]) << bit % 64;
	}
	return OK;
}

static bool same_picture(const struct print *a, const struct print *b)
{
	unsigned bits = 0, difference = 0;

	for (size_t w = 0; w < WORDS; w++) {
		bits += (unsigned)__builtin_popcountll(a->bits[w] ^ b->bits[w]);
		if (bits > MAX_BITS)
			return false;
	}
	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		difference += (unsigned)abs(a->cells[i] - b->cells[i]);
	return difference <= MAX_DIFFERENCE * ROWS * COLUMNS;
}

static int find_twin(size_t picture, int thread, void *context, struct err *err)
{
	struct leaks *leaks = context;

	(void)thread;
	(void)err;
	progress_add(&leaks->progress, 1);
	leaks->twin[picture] = SIZE_MAX;
	for (size_t other = 0; leaks->split[picture] == TEST_SPLIT && other < leaks->count; other++) {
		if (leaks->split[other] == TEST_SPLIT || !same_picture(&leaks->prints[picture], &leaks->prints[other]))
			continue;
		leaks->twin[picture] = other;
		break;
	}
	return OK;
}

static int take_prints(struct leaks *leaks, struct err *err)
{
	uint8_t *frame = mem_alloc(leaks->height * leaks->width, 3, err);
	int code = frame ? OK : err->code;
	struct progress progress;

	progress_start(&progress, "evaluate", "pictures read", leaks->count);
	for (size_t i = 0; code == OK && i < leaks->count; i++) {
		code = hdf_read_rows(leaks->file, "pixels", HDF_U8, i, 1, frame, err);
		if (code == OK)
			code = take_print(leaks, i, frame, err);
		if (code == OK)
			code = stop_check("evaluate", err);
		progress_add(&progress, 1);
	}
	progress_end(&progress);
	free(frame);
	return code;
}

/* `leaks`: how many, and the first of them by name. */
static int record(struct stage_run *run, const struct leaks *leaks, struct err *err)
{
	struct json *object = json_set_object(evaluate_stage(run, "faces"), "leaks"), *pairs;
	struct path_list members = {0};
	size_t found = 0, held = 0, first = 0;

	if (hdf_read_table(leaks->file, "member", &members, err) != OK)
		return err->code;
	pairs = json_set_array(object, "pairs");
	for (size_t i = 0; i < leaks->count; i++) {
		held += leaks->split[i] == TEST_SPLIT;
		if (leaks->twin[i] == SIZE_MAX)
			continue;
		first = found ? first : i;
		if (found++ < MAX_NAMED && members.count == leaks->count) {
			struct json *pair = json_append_array(pairs);
			json_append_text(pair, members.items[i]);
			json_append_text(pair, members.items[leaks->twin[i]]);
		}
	}
	json_set_integer(object, "held_out", (int64_t)held);
	json_set_integer(object, "found", (int64_t)found);
	if (found && run->settings->evaluate.leaks == LEAKS_ERROR && members.count == leaks->count)
		err_set(err, ERR_DATA,
		        "%zu of %zu held-out pictures are also among those trained on, the first %s = %s: no figure could be "
		        "trusted; remove them, or set evaluate.leaks = report",
		        found, held, members.items[first], members.items[leaks->twin[first]]);
	else if (found)
		log_warn("evaluate", "%zu of %zu held-out pictures are also among those trained on", found, held);
	path_list_free(&members);
	return err->code;
}

int evaluate_leaks(struct stage_run *run, struct err *err)
{
	struct leaks leaks = {0};
	char *path;
	int code;

	if (!evaluate_given(run, "faces") || run->settings->evaluate.leaks == LEAKS_IGNORE)
		return OK;
	path = stage_in_path(run, "faces", "faces.h5", err);
	code = path ? leaks_open(&leaks, path, err) : err->code;
	if (code == OK)
		code = take_prints(&leaks, err);
	if (code == OK) {
		progress_start(&leaks.progress, "evaluate", "pictures compared", leaks.count);
		code = parallel_for(leaks.count, 16, run->threads, find_twin, &leaks, err);
		progress_end(&leaks.progress);
	}
	if (code == OK)
		code = record(run, &leaks, err);
	leaks_free(&leaks);
	free(path);
	return code;
}
