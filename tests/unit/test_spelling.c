/* Tags that nobody has used are taken for those spelt most alike, letter by letter also within a Hangul syllable. */
#include <string.h>

#include "recsys/recsys_internal.h"
#include "support/support.h"

/* A catalogue of tags alone: how many playlists hold each is what `held` says. */
static size_t spelt(const char *const *tags, const int64_t *held, size_t count, const char *wanted)
{
	uint8_t bytes[1024];
	int64_t offsets[32] = {0}, start[32] = {0};
	for (size_t t = 0; t < count; t++) {
		size_t length = strlen(tags[t]);
		memcpy(bytes + offsets[t], tags[t], length);
		offsets[t + 1] = offsets[t] + (int64_t)length;
		start[t + 1] = start[t] + held[t];
	}
	struct recommender r = {.view = {.n_tags = count, .tag_start = start, .tag_name = {bytes, offsets, count}}};
	return recommender_spelt_like(&r, wanted);
}

static void a_letter_of_a_syllable_is_less_than_the_syllable(void **state)
{
	(void)state;
	static const char *const tags[] = {"여름", "여행", "겨울", "summer", "드라이브", "드라이빙"};
	static const int64_t held[] = {5, 50, 5, 3, 2, 9};
	assert_int_equal(spelt(tags, held, 6, "여릅"), 0); /* one of five letters */
	assert_int_equal(spelt(tags, held, 6, "겨룰"), 2);
	assert_int_equal(spelt(tags, held, 6, "sumer"), 3);
	assert_int_equal(spelt(tags, held, 6, "드라이부"), 4);
	/* As near to both: the one that more playlists hold. */
	assert_int_equal(spelt(tags, held, 6, "드라이비"), 5);
}

static void what_is_far_off_or_unused_is_not_taken(void **state)
{
	(void)state;
	static const char *const tags[] = {"여름", "록", "a"};
	static const int64_t held[] = {0, 4, 4};
	assert_int_equal(spelt(tags, held, 3, "여릅"), 3); /* no playlist holds it */
	assert_int_equal(spelt(tags, held, 3, "락"), 3);   /* one of three letters is another word */
	assert_int_equal(spelt(tags, held, 3, "b"), 3);
	assert_int_equal(spelt(tags, held, 3, ""), 3);
	/* Longer than any tag, and cut in the middle of a letter. */
	char text[400];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(spelt(tags, held, 3, text), 3);
	assert_int_equal(spelt(tags, held, 3, "\xEC\x97"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_letter_of_a_syllable_is_less_than_the_syllable),
	    cmocka_unit_test(what_is_far_off_or_unused_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
