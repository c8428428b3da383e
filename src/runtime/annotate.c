#include "runtime/runtime.h"

#include <stdio.h>
#include <string.h>

struct colour class_colour(const char *label, size_t index)
{
	static const struct {
		const char *label;
		struct colour colour;
	} known[] = {
	    {"neutral", {0.55, 0.56, 0.58, 1}}, {"positive", {0.24, 0.86, 0.35, 1}}, {"negative", {0.12, 0.20, 0.55, 1}}};
	static const struct colour others[] = {{0.90, 0.55, 0.10, 1}, {0.55, 0.25, 0.70, 1}, {0.10, 0.62, 0.65, 1},
	                                       {0.80, 0.20, 0.25, 1}, {0.60, 0.50, 0.10, 1}, {0.85, 0.40, 0.65, 1}};
	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcmp(known[i].label, label) == 0)
			return known[i].colour;
	return others[index % ARRAY_COUNT(others)];
}

const char *class_hangul(const char *label)
{
	static const char *const names[][2] = {{"neutral", "무표정"}, {"positive", "긍정"}, {"negative", "부정"},
	                                       {"happy", "행복"},     {"sad", "슬픔"},      {"angry", "화남"},
	                                       {"surprise", "놀람"},  {"fear", "두려움"},   {"disgust", "불쾌"}};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(names[i][0], label) == 0)
			return names[i][1];
	return NULL;
}

/* Black or white, whichever stands out more (relative luminance, ITU-R BT.709). */
static struct colour text_colour(struct colour c)
{
	double luminance = 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b;
	return luminance > 0.45 ? (struct colour){0, 0, 0, 1} : (struct colour){1, 1, 1, 1};
}

static void draw_face(struct canvas *canvas, const struct analysis *analysis, const struct seen_face *face,
                      const struct bundle *bundle)
{
	struct colour colour = class_colour(bundle->classes[face->label], face->label);
	double shorter = (double)(analysis->width < analysis->height ? analysis->width : analysis->height);
	double line = shorter / 160 < 2 ? 2 : shorter / 160, size = shorter / 24 < 13 ? 13 : shorter / 24;
	const char *label = bundle->classes[face->label], *hangul = class_hangul(label);
	char text[96];
	snprintf(text, sizeof(text), "%s%s%.60s %.0f %%", hangul ? hangul : "", hangul ? " " : "", label,
	         100 * (double)face->scores[face->label]);
	double width = canvas_text_width(canvas, size, text) + size * 0.8, height = size * 1.5;
	double top = face->box.y - height >= 0 ? face->box.y - height : face->box.y;
	double room = (double)analysis->width - width, left = face->box.x - line / 2;
	if (left > room)
		left = room > 0 ? room : 0;
	canvas_rectangle(canvas, face->box.x, face->box.y, face->box.w, face->box.h);
	canvas_stroke(canvas, line, colour);
	canvas_rectangle(canvas, left, top, width, height);
	canvas_fill(canvas, colour);
	canvas_text(canvas, left + size * 0.4, top + size * 0.12, size, text_colour(colour), text);
}

int annotate_picture(const struct image *image, const struct analysis *analysis, const struct bundle *bundle,
                     struct image *out, struct err *err)
{
	struct canvas *canvas;
	int code = canvas_from_image(&canvas, image, err);
	if (code != OK)
		return code;
	for (size_t i = analysis->count; i-- > 0;)
		draw_face(canvas, analysis, &analysis->faces[i], bundle);
	code = canvas_to_image(canvas, out, err);
	canvas_free(canvas);
	return code;
}
