#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct analyzer {
	const struct bundle *bundle;
	struct detector *detector;
	struct detections found;
	struct map_shape map;
	struct network_plan *plan;
	int threads;
	float *input, *features; /* [size][size][3], [h][w][c] of one face */
	uint8_t *shrunk;         /* a frame; NULL when pictures are taken as large as they come */
	struct face_scratch shrink_scratch;
	void *network_scratch, *head_scratch;
};

static int analyzer_prepare(struct analyzer *analyzer, struct err *err)
{
	const struct bundle *bundle = analyzer->bundle;
	size_t size = bundle->preprocess.size;
	int code = network_shape(bundle->network, size, &analyzer->map, err);
	if (code != OK)
		return code;
	struct plan_options options = {.size = size,
	                               .pictures = 1,
	                               .threads = analyzer->threads,
	                               .level = CPU_AVX512,
	                               .precision = bundle->precision};
	code = network_plan_new(&analyzer->plan, bundle->network, &options, err);
	if (code != OK)
		return code;
	analyzer->detector = detector_new(bundle->cascade, err);
	if (!analyzer->detector)
		return err->code;
	analyzer->input = mem_alloc(size * size * 3, sizeof(float), err);
	if (!analyzer->input)
		return err->code;
	analyzer->features =
	    mem_alloc(analyzer->map.height * analyzer->map.width * analyzer->map.channels, sizeof(float), err);
	if (!analyzer->features)
		return err->code;
	if (bundle->preprocess.frame_width &&
	    !(analyzer->shrunk = mem_alloc(bundle->preprocess.frame_width * bundle->preprocess.frame_height, 3, err)))
		return err->code;
	analyzer->network_scratch = mem_alloc(network_plan_workspace(analyzer->plan, 1, analyzer->threads), 1, err);
	if (!analyzer->network_scratch)
		return err->code;
	analyzer->head_scratch = mem_alloc(head_workspace(bundle->head, 1), 1, err);
	return analyzer->head_scratch ? OK : err->code;
}

int analyzer_new(struct analyzer **out, const struct bundle *bundle, int threads, struct err *err)
{
	struct analyzer *analyzer = mem_alloc(1, sizeof(*analyzer), err);
	if (!analyzer)
		return err->code;
	analyzer->bundle = bundle;
	analyzer->threads = thread_count(threads);
	int code = analyzer_prepare(analyzer, err);
	if (code != OK) {
		analyzer_free(analyzer);
		return code;
	}
	*out = analyzer;
	return OK;
}

void analyzer_free(struct analyzer *analyzer)
{
	if (!analyzer)
		return;
	network_plan_free(analyzer->plan);
	detector_free(analyzer->detector);
	detections_free(&analyzer->found);
	free(analyzer->input);
	free(analyzer->features);
	free(analyzer->shrunk);
	face_scratch_free(&analyzer->shrink_scratch);
	free(analyzer->network_scratch);
	free(analyzer->head_scratch);
	free(analyzer);
}

void analysis_free(struct analysis *analysis)
{
	free(analysis->faces);
	*analysis = (struct analysis){0};
}

/* The sure ones first, of these the largest, then upper, then left: the order in which training chose its face. */
static int surest_first(const void *a, const void *b, void *most)
{
	const struct detection *first = a, *second = b;
	const struct rect *x = &first->box, *y = &second->box;
	bool sure_x = preprocess_sure(first->neighbors, *(int *)most),
	     sure_y = preprocess_sure(second->neighbors, *(int *)most);
	if (sure_x != sure_y)
		return sure_x ? -1 : 1;
	long long area_x = (long long)x->w * x->h, area_y = (long long)y->w * y->h;
	if (area_x != area_y)
		return area_x > area_y ? -1 : 1;
	if (x->y != y->y)
		return x->y < y->y ? -1 : 1;
	return (x->x > y->x) - (x->x < y->x);
}

static int score_face(struct analyzer *analyzer, const struct image *image, struct seen_face *face, struct err *err)
{
	const struct bundle *bundle = analyzer->bundle;
	int code = preprocess_apply(&bundle->preprocess, image, face->box, analyzer->input, err);
	if (code != OK)
		return code;
	network_plan_forward(&(struct plan_run){.plan = analyzer->plan,
	                                        .n = 1,
	                                        .threads = analyzer->threads,
	                                        .input = analyzer->input,
	                                        .output = analyzer->features},
	                     analyzer->network_scratch);
	head_predict(bundle->head, 1, analyzer->features, analyzer->head_scratch, face->scores, analyzer->threads);
	for (size_t i = 1; i < bundle->n_classes; i++)
		if (face->scores[i] > face->scores[face->label])
			face->label = i;
	/* Written so that a NaN fails too. */
	if (!(face->scores[face->label] > 0))
		return err_set(err, ERR_NUMERIC, "%s: the network gives no probabilities for this face", bundle->folder);
	return OK;
}

/* The picture as the stage faces would have stored it: what was trained on so and what is served so are the same. */
static int fit_picture(struct analyzer *analyzer, const struct image *image, struct image *out, struct err *err)
{
	const struct preprocess *preprocess = &analyzer->bundle->preprocess;
	struct frame_size frame = {preprocess->frame_width, preprocess->frame_height};
	*out = *image;
	if (!analyzer->shrunk || picture_fits(image, frame))
		return OK;
	out->pixels = analyzer->shrunk;
	return picture_shrink(image, frame, &analyzer->shrink_scratch, out, err);
}

static int find_faces(struct analyzer *analyzer, const struct image *image, struct err *err)
{
	const struct preprocess *preprocess = &analyzer->bundle->preprocess;
	struct detections *found = &analyzer->found;
	struct detect_options options = {.scale = preprocess->detect_scale,
	                                 .neighbors = (int)preprocess->detect_neighbors,
	                                 .min_w = (int)preprocess->detect_min_size,
	                                 .min_h = (int)preprocess->detect_min_size,
	                                 .threads = analyzer->threads};
	int most = 0, code = detector_find(analyzer->detector, image, &options, found, err);
	if (code != OK)
		return code;
	for (size_t i = 0; i < found->count; i++)
		most = found->items[i].neighbors > most ? found->items[i].neighbors : most;
	if (found->count)
		qsort_r(found->items, found->count, sizeof(*found->items), surest_first, &most);
	return OK;
}

/* From the fitted picture's pixels to the picture's own. */
static struct rect box_as_seen(struct rect box, const struct image *fitted, const struct image *image)
{
	double across = (double)image->width / (double)fitted->width, down = (double)image->height / (double)fitted->height;
	return (struct rect){(int)lround(box.x * across), (int)lround(box.y * down), (int)lround(box.w * across),
	                     (int)lround(box.h * down)};
}

int analyze_picture(struct analyzer *analyzer, const struct image *image, struct analysis *out, struct err *err)
{
	struct detections *found = &analyzer->found;
	struct image fitted;
	double start = clock_seconds();
	int code = fit_picture(analyzer, image, &fitted, err);
	if (code == OK)
		code = find_faces(analyzer, &fitted, err);
	if (code != OK)
		return code;
	double found_at = clock_seconds();
	struct analysis analysis = {
	    .detect_seconds = found_at - start,
	    .width = image->width, .height = image->height, .count = found->count < MAX_FACES ? found->count : MAX_FACES};
	analysis.faces = mem_alloc(analysis.count, sizeof(*analysis.faces), err);
	if (!analysis.faces)
		return err->code;
	for (size_t i = 0; i < analysis.count && code == OK; i++) {
		struct seen_face *face = &analysis.faces[i];
		face->box = found->items[i].box;
		face->neighbors = found->items[i].neighbors;
		code = score_face(analyzer, &fitted, face, err);
		face->box = box_as_seen(face->box, &fitted, image);
	}
	analysis.network_seconds = clock_seconds() - found_at;
	if (code != OK)
		analysis_free(&analysis);
	else
		*out = analysis;
	return code;
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static struct json *face_to_json(const struct seen_face *face, struct json *array)
{
	struct json *object = json_append_object(array);
	json_set_integer(object, "x", face->box.x);
	json_set_integer(object, "y", face->box.y);
	json_set_integer(object, "w", face->box.w);
	json_set_integer(object, "h", face->box.h);
	json_set_integer(object, "neighbors", face->neighbors);
	return object;
}

void detections_to_json(const struct seen_face *faces, size_t count, struct json *object)
{
	struct json *array = json_set_array(object, "faces");
	for (size_t i = 0; i < count; i++)
		(void)face_to_json(&faces[i], array);
}

void analysis_to_json(const struct analysis *analysis, const struct bundle *bundle, struct json *object)
{
	json_set_integer(object, "width", (int64_t)analysis->width);
	json_set_integer(object, "height", (int64_t)analysis->height);
	struct json *array = json_set_array(object, "faces");
	for (size_t i = 0; i < analysis->count; i++) {
		const struct seen_face *face = &analysis->faces[i];
		struct json *entry = face_to_json(face, array);
		json_set_text(entry, "label", bundle->classes[face->label]);
		struct json *scores = json_set_object(entry, "scores");
		for (size_t k = 0; k < bundle->n_classes; k++)
			json_set_number(scores, bundle->classes[k], face->scores[k]);
	}
	if (analysis->count == 0)
		json_set_text(object, "note", "no face was found");
}
