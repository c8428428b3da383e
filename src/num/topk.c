#include "num/num.h"

#include <math.h>

/* The total order: higher score first, then smaller id; what is not a number comes after every number. */
static bool is_better(struct scored a, struct scored b)
{
	if (isnan(a.score) || isnan(b.score)) {
		if (isnan(a.score) && isnan(b.score))
			return a.id < b.id;
		return isnan(b.score);
	}
	return a.score > b.score || (a.score == b.score && a.id < b.id);
}

/* A heap with the worst item on top: items[0 … count) is one but for its place `at`. */
static void sift_down(struct scored *items, size_t count, size_t at)
{
	struct scored moved = items[at];
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_better(items[child], items[child + 1]))
			child++;
		if (!is_better(moved, items[child]))
			break;
		items[at] = items[child];
	}
	items[at] = moved;
}

size_t top_k(struct scored *items, size_t count, size_t k)
{
	if (k > count)
		k = count;
	if (k == 0)
		return 0;
	for (size_t i = k / 2; i-- > 0;)
		sift_down(items, k, i);
	for (size_t i = k; i < count; i++) {
		if (is_better(items[i], items[0])) {
			struct scored worst = items[0];
			items[0] = items[i];
			items[i] = worst;
			sift_down(items, k, 0);
		}
	}
	/* Taking the worst to the end, again and again, leaves the best in front. */
	for (size_t left = k; left-- > 1;) {
		struct scored worst = items[0];
		items[0] = items[left];
		items[left] = worst;
		sift_down(items, left, 0);
	}
	return k;
}
