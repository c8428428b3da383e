/*
 * Grouping of raw hits as cv::groupRectangles with eps 0.2: classes of similar rectangles (connected components), their
 * means, and no small class inside a stronger one.
 */
#include "vision/vision_internal.h"

#include <math.h>
#include <stdlib.h>

#define GROUP_EPSILON 0.2

/* Scratch: `parent` finds components, `class` numbers them by their first member. */
struct group {
	long x, y, w, h;
	int count;
	double confidence;
	struct rect mean;
};
struct group_scratch {
	size_t *parent, *class;
	struct group *groups;
};

size_t detect_group_scratch(size_t count)
{
	return count * (2 * sizeof(size_t) + sizeof(struct group));
}

static struct group_scratch scratch_split(void *scratch, size_t count)
{
	struct group *groups = scratch;
	size_t *words = (size_t *)(void *)(groups + count);
	return (struct group_scratch){words, words + count, groups};
}

static bool similar(const struct rect *a, const struct rect *b)
{
	int w = a->w < b->w ? a->w : b->w, h = a->h < b->h ? a->h : b->h;
	double delta = GROUP_EPSILON * (w + h) * 0.5;
	return abs(a->x - b->x) <= delta && abs(a->y - b->y) <= delta && abs(a->x + a->w - b->x - b->w) <= delta &&
	       abs(a->y + a->h - b->y - b->h) <= delta;
}

static size_t root_of(size_t *parent, size_t i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

/* Joins under the smaller index, so a component's root is its first member. */
static size_t find_classes(const struct detection *items, size_t count, const struct group_scratch *scratch)
{
	for (size_t i = 0; i < count; i++)
		scratch->parent[i] = i;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			if (!similar(&items[i].box, &items[j].box))
				continue;
			size_t a = root_of(scratch->parent, i), b = root_of(scratch->parent, j);
			scratch->parent[a < b ? b : a] = a < b ? a : b;
		}
	}
	size_t classes = 0;
	for (size_t i = 0; i < count; i++) {
		size_t root = root_of(scratch->parent, i);
		scratch->class[i] = root == i ? classes++ : scratch->class[root];
	}
	return classes;
}

static void sum_classes(const struct detection *items, size_t count, const struct group_scratch *scratch,
                        size_t classes)
{
	for (size_t c = 0; c < classes; c++)
		scratch->groups[c] = (struct group){0};
	for (size_t i = 0; i < count; i++) {
		struct group *group = &scratch->groups[scratch->class[i]];
		group->x += items[i].box.x;
		group->y += items[i].box.y;
		group->w += items[i].box.w;
		group->h += items[i].box.h;
		if (group->count == 0 || items[i].confidence > group->confidence)
			group->confidence = items[i].confidence;
		group->count++;
	}
	for (size_t c = 0; c < classes; c++) {
		struct group *group = &scratch->groups[c];
		float share = 1.f / (float)group->count;
		group->mean = (struct rect){(int)lrintf((float)group->x * share), (int)lrintf((float)group->y * share),
		                            (int)lrintf((float)group->w * share), (int)lrintf((float)group->h * share)};
	}
}

/* Class i goes when class j holds it and is stronger: more than max(3, its count) members, or i has fewer than 3. */
static bool swallowed(const struct group *groups, size_t classes, size_t i, int neighbors)
{
	const struct rect *a = &groups[i].mean;
	for (size_t j = 0; j < classes; j++) {
		if (j == i || groups[j].count <= neighbors)
			continue;
		const struct rect *b = &groups[j].mean;
		int dx = (int)lrint(b->w * GROUP_EPSILON), dy = (int)lrint(b->h * GROUP_EPSILON);
		bool inside = a->x >= b->x - dx && a->y >= b->y - dy && a->x + a->w <= b->x + b->w + dx &&
		              a->y + a->h <= b->y + b->h + dy;
		int least = groups[i].count > 3 ? groups[i].count : 3;
		if (inside && (groups[j].count > least || groups[i].count < 3))
			return true;
	}
	return false;
}

size_t detect_group(struct detection *items, size_t count, int neighbors, void *scratch)
{
	if (neighbors <= 0 || count == 0)
		return count;
	struct group_scratch work = scratch_split(scratch, count);
	size_t classes = find_classes(items, count, &work), kept = 0;
	sum_classes(items, count, &work, classes);
	for (size_t i = 0; i < classes; i++) {
		const struct group *group = &work.groups[i];
		if (group->count > neighbors && !swallowed(work.groups, classes, i, neighbors))
			items[kept++] = (struct detection){group->mean, group->count, group->confidence};
	}
	return kept;
}

size_t detect_clip(struct detection *items, size_t count, int width, int height)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct rect box = items[i].box;
		int right = box.x + box.w < width ? box.x + box.w : width;
		int bottom = box.y + box.h < height ? box.y + box.h : height;
		box.x = box.x > 0 ? box.x : 0;
		box.y = box.y > 0 ? box.y : 0;
		box.w = right - box.x;
		box.h = bottom - box.y;
		if (box.w <= 0 || box.h <= 0)
			continue;
		items[kept] = items[i];
		items[kept++].box = box;
	}
	return kept;
}
