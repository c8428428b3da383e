#include "support/support.h"

#include "text/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static void check(const char *raw, const char *want)
{
	struct err err = {0};
	struct strbuf out = {0};

	assert_ok(tag_normalise(raw, &out, &err));
	assert_string_equal(out.text, want);
	strbuf_free(&out);
}

static void case_and_width_are_folded(void **state)
{
	(void)state;
	check("ＯＳＴ", "ost");
	check("Ｋ－ＰＯＰ！", "k-pop!");
	check("R&B", "r&b");
	check("ÉTÉ", "été");
	check("STRASSE", "strasse");
	check("Straße", "strasse");
}

static void a_syllable_typed_as_letters_is_composed(void **state)
{
	(void)state;
	check("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글");
	check("e\u0301te\u0301", "été");
}

static void letters_that_nfkc_would_change_stay(void **state)
{
	(void)state;
	check("ㅠㅠ", "ㅠㅠ");
	check("ㅋㅋㅋ", "ㅋㅋㅋ");
	check("①위", "①위");
	check("ﬁne", "fine"); /* full case folding itself splits the ligature */
}

static void invisible_characters_go_and_white_space_is_one_blank(void **state)
{
	(void)state;
	check("\u200b여\u200d름\ufeff", "여름");
	check("  비 \t 오는\n\u3000\u00a0날  ", "비 오는 날");
	check("a\a" "b", "ab");
	check("\u200b \t", "");
	check("", "");
	/* What stood between two blanks may go, but its blanks still become one. */
	check("a \u200b b", "a b");
}

static void what_is_not_utf8_is_refused_with_its_byte(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf out = {0};

	strbuf_add(&out, "before");
	assert_refused(tag_normalise("ab\xff"
	                             "c",
	                             &out, &err),
	               ERR_DATA, "byte 3");
	assert_refused(tag_normalise("\xec\x97", &out, &err), ERR_DATA, "byte 1");
	assert_refused(tag_normalise("\xed\xa0\x80", &out, &err), ERR_DATA, "not UTF-8"); /* a surrogate */
	assert_string_equal(out.text, "before");
	strbuf_free(&out);
}

/* Every character there is, alone, and beside a letter and a combining mark. */
static void normalising_twice_changes_nothing(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf once = {0}, twice = {0};

	for (utf8proc_int32_t point = 1; point < 0x30000; point += point < 0x3000 || point > 0xd7ff ? 1 : 7) {
		utf8proc_uint8_t bytes[4];
		char raw[16];
		if (!utf8proc_codepoint_valid(point))
			continue;
		int n = (int)utf8proc_encode_char(point, bytes);
		snprintf(raw, sizeof raw, "A%.*s\u0301", n, (char *)bytes);
		assert_ok(tag_normalise(raw, &once, &err));
		assert_ok(tag_normalise(once.text, &twice, &err));
		if (strcmp(once.text, twice.text) != 0)
			fail_msg("U+%04X: '%s' became '%s'", (unsigned)point, once.text, twice.text);
	}
	strbuf_free(&once);
	strbuf_free(&twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_and_width_are_folded),
		cmocka_unit_test(a_syllable_typed_as_letters_is_composed),
		cmocka_unit_test(letters_that_nfkc_would_change_stay),
		cmocka_unit_test(invisible_characters_go_and_white_space_is_one_blank),
		cmocka_unit_test(what_is_not_utf8_is_refused_with_its_byte),
		cmocka_unit_test(normalising_twice_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
