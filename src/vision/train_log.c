/* Weak classifiers as lines of stages.jsonl. */
#include "vision/train_internal.h"

static void log_node(struct strbuf *log, const struct weak_node *node, const struct haar_feature *feature)
{
	strbuf_format(log, "\"feature\":%zu,\"tilted\":%s,\"rects\":[", node->feature, feature->tilted ? "true" : "false");
	for (int i = 0; i < HAAR_RECTS && (i < 1 || feature->rects[i].weight != 0); i++) {
		const struct haar_rect *r = &feature->rects[i];
		strbuf_format(log, "%s[%d,%d,%d,%d,%g]", i ? "," : "", r->x, r->y, r->w, r->h, (double)r->weight);
	}
	strbuf_format(log, "],\"threshold\":%.9g,", (double)node->threshold);
}

/* A stump's leaves are left and right; a tree's nodes stand in a list, their children numbered as in the XML. */
void train_log_weak(struct strbuf *log, size_t stage, size_t number, const struct weak *weak,
                    const struct haar_feature *features)
{
	strbuf_format(log, "{\"stage\":%zu,\"weak\":%zu,", stage, number);
	if (weak->nodes == 1) {
		log_node(log, &weak->node[0], &features[weak->node[0].feature]);
		strbuf_format(log, "\"left\":%.9g,\"right\":%.9g", (double)weak->leaf[0], (double)weak->leaf[1]);
	} else {
		strbuf_add(log, "\"nodes\":[");
		for (size_t k = 0; k < weak->nodes; k++) {
			strbuf_add(log, k ? ",{" : "{");
			log_node(log, &weak->node[k], &features[weak->node[k].feature]);
			strbuf_format(log, "\"left\":%d,\"right\":%d}", weak->node[k].left, weak->node[k].right);
		}
		strbuf_add(log, "],\"leaves\":[");
		for (size_t k = 0; k <= weak->nodes; k++)
			strbuf_format(log, "%s%.9g", k ? "," : "", (double)weak->leaf[k]);
		strbuf_add(log, "]");
	}
	strbuf_format(log, ",\"hit\":%.6f,\"false_alarm\":%.6f}\n", weak->hit, weak->false_alarm);
}
