/* How good a cascade is on pictures that its training did not see. */
#include "base/comm.h"
#include "vision/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_IOU 0.4
#define CENTRE_SHARE 0.25
#define SIDE_LEAST 0.25
#define SIDE_MOST 0.9

static const int curve_neighbors[CASCADE_POINTS] = {1, 2, 3, 4, 6, 8, 12, 16};

static bool box_central(const struct image *image, const struct rect *box)
{
	double shorter = (double)(image->width < image->height ? image->width : image->height);
	double dx = box->x + box->w / 2.0 - (double)image->width / 2,
	       dy = box->y + box->h / 2.0 - (double)image->height / 2;
	double side = box->w > box->h ? box->w : box->h;
	return fabs(dx) <= CENTRE_SHARE * shorter && fabs(dy) <= CENTRE_SHARE * shorter && side >= SIDE_LEAST * shorter &&
	       side <= SIDE_MOST * shorter;
}

bool face_found(const struct face_picture *picture, const struct detection *detections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (picture->assumed ? box_central(&picture->grey, &detections[i].box)
		                     : rect_iou(detections[i].box, picture->box) >= FOUND_IOU)
			return true;
	return false;
}

static int judge_crops(const struct cascade *cascade, const struct crops *crops, struct cascade_score *score,
                       struct err *err)
{
	struct crop_judge judge;
	size_t size = (size_t)crops->width * (size_t)crops->height;
	if (crops->count && (crops->width != cascade->window_w || crops->height != cascade->window_h))
		return err_set(err, ERR_DATA, "the crops are %d×%d, the cascade's window is %d×%d", crops->width, crops->height,
		               cascade->window_w, cascade->window_h);
	int code = crop_judge_new(&judge, cascade->window_w, cascade->window_h, err);
	if (code != OK)
		return code;
	score->crops = crops->count;
	for (size_t i = 0; i < crops->count; i++) {
		double sum = 0;
		score->crops_passed += crop_judge_run(&judge, cascade, crops->pixels + i * size, &sum) > 0;
	}
	crop_judge_free(&judge);
	return OK;
}

/* One scan a picture: its raw hits are grouped anew for every point of the curve. */
struct scan {
	struct detector *detector;
	const struct detect_options *options;
	struct detections raw, grouped;
	void *scratch;
	size_t scratch_room;
	struct progress progress;
};

static void scan_free(struct scan *scan)
{
	detector_free(scan->detector);
	detections_free(&scan->raw);
	detections_free(&scan->grouped);
	free(scan->scratch);
}

static int scan_picture(struct scan *scan, const struct image *image, struct err *err)
{
	int code = stop_check("evaluating the cascade", err);
	progress_add(&scan->progress, 1);
	if (code == OK)
		code = detector_scan(scan->detector, image, scan->options, &scan->raw, err);
	if (code != OK)
		return code;
	if (scan->raw.count > scan->grouped.capacity) {
		void *grown =
		    mem_grow(scan->grouped.items, &scan->grouped.capacity, scan->raw.count, sizeof *scan->grouped.items, err);
		if (!grown)
			return err->code;
		scan->grouped.items = grown;
	}
	size_t bytes = detect_group_scratch(scan->raw.count);
	if (bytes > scan->scratch_room) {
		void *grown = mem_grow(scan->scratch, &scan->scratch_room, bytes, 1, err);
		if (!grown)
			return err->code;
		scan->scratch = grown;
	}
	return OK;
}

/* The faces of the scanned picture at one operating point. */
static size_t scan_group(struct scan *scan, const struct image *image, int neighbors)
{
	struct detection *items = scan->grouped.items;
	if (scan->raw.count)
		memcpy(items, scan->raw.items, scan->raw.count * sizeof *items);
	size_t count = detect_group(items, scan->raw.count, neighbors, scan->scratch);
	return detect_clip(items, count, (int)image->width, (int)image->height);
}

/* The curve's points, and behind them the operating point. */
static int neighbors_of(const struct cascade_test *test, size_t point)
{
	return point < CASCADE_POINTS ? curve_neighbors[point] : test->options.neighbors;
}

/* Pictures of this rank, and what was found in each of them; 0 in those of others until they are added up. */
struct tally {
	size_t first, end;
	uint64_t (*counts)[CASCADE_POINTS + 1];
};

static int tally_new(struct tally *tally, size_t pictures, struct err *err)
{
	size_t *start = NULL;
	*tally = (struct tally){.counts = mem_alloc(pictures, sizeof *tally->counts, err)};
	if (!tally->counts || comm_shares(pictures, 1, NULL, &start, err) != OK)
		return err->code;
	tally->first = start[comm_rank()];
	tally->end = start[comm_rank() + 1];
	free(start);
	return OK;
}

static int judge_backgrounds(struct scan *scan, const struct cascade_test *test, struct cascade_score *score,
                             struct err *err)
{
	struct tally tally;
	int code = tally_new(&tally, test->n_backgrounds, err);
	score->backgrounds = test->n_backgrounds;
	for (size_t i = tally.first; i < tally.end && code == OK; i++) {
		const struct image *image = &test->backgrounds[i];
		if ((code = scan_picture(scan, image, err)) != OK)
			err_wrap(err, "held-out background %zu", i);
		for (size_t p = 0; p <= CASCADE_POINTS && code == OK; p++)
			tally.counts[i][p] = scan_group(scan, image, neighbors_of(test, p));
	}
	if (code == OK)
		code = comm_sum_u64(tally.counts[0], (CASCADE_POINTS + 1) * test->n_backgrounds, err);
	for (size_t i = 0; i < test->n_backgrounds && code == OK; i++) {
		score->false_detections += tally.counts[i][CASCADE_POINTS];
		for (size_t p = 0; p < CASCADE_POINTS; p++)
			score->curve[p].false_a_picture += (double)tally.counts[i][p] / (double)test->n_backgrounds;
	}
	free(tally.counts);
	return code;
}

static int judge_faces(struct scan *scan, const struct cascade_test *test, struct cascade_score *score, struct err *err)
{
	uint64_t found[CASCADE_POINTS + 1] = {0};
	size_t *start = NULL;
	int code = comm_shares(test->n_faces, 1, NULL, &start, err);
	score->faces = test->n_faces;
	for (size_t i = start ? start[comm_rank()] : 0; code == OK && i < start[comm_rank() + 1]; i++) {
		const struct face_picture *picture = &test->faces[i];
		if ((code = scan_picture(scan, &picture->grey, err)) != OK)
			err_wrap(err, "held-out face picture %zu", i);
		for (size_t p = 0; p <= CASCADE_POINTS && code == OK; p++) {
			size_t count = scan_group(scan, &picture->grey, neighbors_of(test, p));
			found[p] += face_found(picture, scan->grouped.items, count);
		}
	}
	free(start);
	if (code == OK)
		code = comm_sum_u64(found, ARRAY_COUNT(found), err);
	score->faces_found = found[CASCADE_POINTS];
	for (size_t p = 0; p < CASCADE_POINTS && test->n_faces; p++)
		score->curve[p].found = (double)found[p] / (double)test->n_faces;
	return code;
}

int cascade_evaluate(const struct cascade *cascade, const struct cascade_test *test, struct cascade_score *score,
                     struct err *err)
{
	struct scan scan = {.options = &test->options, .detector = detector_new(cascade, err)};
	if (!scan.detector)
		return err->code;
	*score = (struct cascade_score){0};
	for (size_t p = 0; p < CASCADE_POINTS; p++)
		score->curve[p].neighbors = curve_neighbors[p];
	progress_start(&scan.progress, "evaluate", "pictures scanned", test->n_backgrounds + test->n_faces);
	int code = test->crops ? judge_crops(cascade, test->crops, score, err) : OK;
	if (code == OK)
		code = judge_backgrounds(&scan, test, score, err);
	if (code == OK)
		code = judge_faces(&scan, test, score, err);
	progress_end(&scan.progress);
	scan_free(&scan);
	return code;
}
