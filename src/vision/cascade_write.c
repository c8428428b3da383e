/* Writing the new form of OpenCV's XML. "%.9g" gives each float back bit for bit. */
#include "vision/vision_internal.h"

#include <string.h>

static void print_stage(const struct cascade *cascade, const struct cascade_stage *stage, struct strbuf *out)
{
	strbuf_format(out,
	              "    <_>\n      <maxWeakCount>%zu</maxWeakCount>\n      <stageThreshold>%.9g</stageThreshold>\n"
	              "      <weakClassifiers>\n",
	              stage->trees, (double)stage->threshold);
	for (size_t t = stage->first_tree; t < stage->first_tree + stage->trees; t++) {
		const struct cascade_tree *tree = &cascade->trees[t];
		strbuf_add(out, "        <_>\n          <internalNodes>\n           ");
		for (size_t i = tree->first_node; i < tree->first_node + tree->nodes; i++) {
			const struct cascade_node *node = &cascade->nodes[i];
			strbuf_format(out, " %d %d %zu %.9g", node->left, node->right, node->feature, (double)node->threshold);
		}
		strbuf_add(out, "</internalNodes>\n          <leafValues>\n           ");
		for (size_t i = 0; i <= tree->nodes; i++)
			strbuf_format(out, " %.9g", (double)cascade->leaves[tree->first_leaf + i]);
		strbuf_add(out, "</leafValues></_>\n");
	}
	strbuf_add(out, "      </weakClassifiers></_>\n");
}

static void print_feature(const struct haar_feature *feature, struct strbuf *out)
{
	strbuf_add(out, "    <_>\n      <rects>\n");
	for (int i = 0; i < HAAR_RECTS; i++) {
		const struct haar_rect *r = &feature->rects[i];
		if (i == 0 || r->weight != 0)
			strbuf_format(out, "        <_>\n          %d %d %d %d %.9g</_>\n", r->x, r->y, r->w, r->h,
			              (double)r->weight);
	}
	strbuf_format(out, "      </rects>\n      <tilted>%d</tilted></_>\n", feature->tilted ? 1 : 0);
}

int cascade_print(const struct cascade *cascade, struct strbuf *out, struct err *err)
{
	size_t most = 0;
	for (size_t s = 0; s < cascade->n_stages; s++)
		if (cascade->stages[s].trees > most)
			most = cascade->stages[s].trees;
	strbuf_format(
	    out,
	    "<?xml version=\"1.0\"?>\n<opencv_storage>\n"
	    "<cascade type_id=\"opencv-cascade-classifier\"><stageType>BOOST</stageType>\n"
	    "  <featureType>HAAR</featureType>\n  <height>%d</height>\n  <width>%d</width>\n"
	    "  <stageParams>\n    <boostType>GAB</boostType>\n    <maxWeakCount>%zu</maxWeakCount></stageParams>\n"
	    "  <featureParams>\n    <maxCatCount>0</maxCatCount></featureParams>\n"
	    "  <stageNum>%zu</stageNum>\n  <stages>\n",
	    cascade->window_h, cascade->window_w, most, cascade->n_stages);
	for (size_t s = 0; s < cascade->n_stages; s++)
		print_stage(cascade, &cascade->stages[s], out);
	strbuf_add(out, "  </stages>\n  <features>\n");
	for (size_t i = 0; i < cascade->n_features; i++)
		print_feature(&cascade->features[i], out);
	strbuf_add(out, "  </features></cascade>\n</opencv_storage>\n");
	return strbuf_check(out, err);
}

int cascade_save(const struct cascade *cascade, const char *path, struct err *err)
{
	struct strbuf text = {0};
	int code = cascade_print(cascade, &text, err);
	if (code == OK)
		code = file_write(path, text.text, text.length, err);
	strbuf_free(&text);
	return code;
}
