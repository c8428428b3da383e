#include "base/base.h"

#include <string.h>

#define LONGEST 160

size_t edit_distance(const char *a, const char *b)
{
	size_t row[LONGEST + 1], length = strlen(b);
	if (length > LONGEST || strlen(a) > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t change = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			size_t least = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
			row[j + 1] = change < least ? change : least;
		}
	}
	return row[length];
}

const char *nearest_name(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t distance = 3; /* further away is no help */
	for (size_t i = 0; i < count; i++) {
		size_t d = edit_distance(word, names[i]);
		if (d < distance && d < strlen(word)) {
			distance = d;
			best = names[i];
		}
	}
	return best;
}
