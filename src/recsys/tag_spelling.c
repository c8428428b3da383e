/*
 * The known tag that is spelt most like an unknown one: the fewest letters changed, left out or added (Levenshtein
 * 1966), where a Hangul syllable counts as its two or three letters (Unicode 15, 3.12: syllable = 0xAC00 + (lead · 21 +
 * vowel) · 28 + tail), so that 여릅 is one letter from 여름, not one syllable of two.
 */
#include "recsys/recsys_internal.h"

#include <string.h>

#define MOST_LETTERS 64

static size_t decode(const unsigned char *text, size_t left, uint32_t *point)
{
	size_t bytes = *text < 0x80 ? 1 : *text < 0xE0 ? 2 : *text < 0xF0 ? 3 : 4;
	*point = bytes == 1 ? *text : *text & (0x7Fu >> bytes);
	for (size_t i = 1; i < bytes && i < left; i++)
		*point = *point << 6 | (text[i] & 0x3Fu);
	return bytes < left ? bytes : left;
}

/* Letters of the text; 0 when there are too many to be a tag misspelt. */
static size_t letters_of(const char *text, size_t length, uint32_t letters[MOST_LETTERS])
{
	size_t count = 0;
	for (size_t at = 0; at < length;) {
		uint32_t point;
		at += decode((const unsigned char *)text + at, length - at, &point);
		if (count + 3 > MOST_LETTERS)
			return 0;
		if (point < 0xAC00 || point > 0xD7A3) {
			letters[count++] = point;
			continue;
		}
		uint32_t syllable = point - 0xAC00;
		letters[count++] = 0x1100 + syllable / 588;
		letters[count++] = 0x1161 + syllable / 28 % 21;
		if (syllable % 28)
			letters[count++] = 0x11A7 + syllable % 28;
	}
	return count;
}

/* Above `most` it is only known to be above. */
static size_t distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m, size_t most)
{
	size_t row[MOST_LETTERS + 1];
	if ((n > m ? n - m : m - n) > most)
		return most + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t corner = row[0], least = row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = corner + (a[i - 1] != b[j - 1]), above = row[j] + 1, beside = row[j - 1] + 1;
			corner = row[j];
			row[j] = change < above ? change : above;
			row[j] = row[j] < beside ? row[j] : beside;
			least = row[j] < least ? row[j] : least;
		}
		if (least > most)
			return most + 1;
	}
	return row[m];
}

size_t recommender_spelt_like(const struct recommender *recommender, const char *tag)
{
	const struct recommender_view *view = &recommender->view;
	uint32_t wanted[MOST_LETTERS], letters[MOST_LETTERS];
	size_t n = letters_of(tag, strlen(tag), wanted), best = view->n_tags;
	/* One letter in four may be wrong: what is further off is another word. */
	size_t most = n / 4;
	int64_t best_held = 0;
	for (size_t t = 0; t < view->n_tags && n > 0 && most > 0; t++) {
		const int64_t *at = view->tag_name.offsets + t;
		int64_t held = view->tag_start[t + 1] - view->tag_start[t];
		size_t m =
		    held > 0 ? letters_of((const char *)view->tag_name.bytes + at[0], (size_t)(at[1] - at[0]), letters) : 0;
		size_t d = m ? distance(wanted, n, letters, m, most) : most + 1;
		if (d > most || (d == most && best < view->n_tags && held <= best_held))
			continue;
		most = d;
		best = t;
		best_held = held;
	}
	return best;
}
