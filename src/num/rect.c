#include "num/num.h"

/* Length that [a, a + length_a) and [b, b + length_b) share. */
static double shared_length(int a, int length_a, int b, int length_b)
{
	double low = a > b ? a : b;
	double end_a = (double)a + length_a, end_b = (double)b + length_b;
	double length = (end_a < end_b ? end_a : end_b) - low;
	return length > 0 ? length : 0;
}

double rect_iou(struct rect a, struct rect b)
{
	if (a.w <= 0 || a.h <= 0 || b.w <= 0 || b.h <= 0)
		return 0;
	double both = shared_length(a.x, a.w, b.x, b.w) * shared_length(a.y, a.h, b.y, b.h);
	return both / ((double)a.w * a.h + (double)b.w * b.h - both);
}
