/*
 * How various the songs are that faces get: how many of all songs somebody gets (coverage), how much of a list the face
 * before with the same expression got too (repeats), and how many faces get the song that is given most.
 */
#include "stages/evaluate_internal.h"

#include <stdlib.h>

struct variety {
	size_t songs, classes, lists, given, pairs;
	double repeated;  /* sum over pairs of lists of the shared part */
	uint32_t *times;  /* [songs]: lists that hold it */
	uint32_t *latest; /* [classes][songs]: the number of the last list of the class that held it, 0 = none */
	uint32_t *number; /* [classes]: lists of the class so far */
};

void variety_free(struct variety *variety)
{
	if (!variety)
		return;
	free(variety->times);
	free(variety->latest);
	free(variety->number);
	free(variety);
}

int variety_new(struct variety **out, size_t songs, size_t classes, struct err *err)
{
	struct variety *variety = mem_alloc(1, sizeof *variety, err);

	if (variety) {
		variety->songs = songs;
		variety->classes = classes;
		variety->times = mem_alloc(songs, sizeof *variety->times, err);
		variety->latest = mem_alloc(songs * classes, sizeof *variety->latest, err);
		variety->number = mem_alloc(classes, sizeof *variety->number, err);
	}
	if (!variety || !variety->times || !variety->latest || !variety->number) {
		variety_free(variety);
		return err->code;
	}
	*out = variety;
	return OK;
}

void variety_add(struct variety *variety, size_t class, const size_t *songs, size_t count)
{
	uint32_t *latest = variety->latest + class * variety->songs, before = variety->number[class]++;
	size_t shared = 0;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		shared += before && latest[songs[i]] == before;
		latest[songs[i]] = before + 1;
		variety->times[songs[i]]++;
	}
	variety->lists++;
	variety->given += count;
	if (before) {
		variety->repeated += (double)shared / (double)count;
		variety->pairs++;
	}
}

void variety_record(const struct variety *variety, struct json *metrics)
{
	size_t different = 0, most = 0;

	if (!variety->lists)
		return;
	for (size_t s = 0; s < variety->songs; s++) {
		different += variety->times[s] > 0;
		most = variety->times[s] > most ? variety->times[s] : most;
	}
	json_set_integer(metrics, "songs_given", (int64_t)variety->given);
	json_set_integer(metrics, "different_songs", (int64_t)different);
	json_set_number(metrics, "coverage", (double)different / (double)variety->songs);
	json_set_number(metrics, "most_given", (double)most / (double)variety->lists);
	if (variety->pairs)
		json_set_number(metrics, "repeats", variety->repeated / (double)variety->pairs);
}
