/* Another program as a function: what it says, what it is given, how it fails. */
#include <stdlib.h>
#include <string.h>

#include "report/report_internal.h"
#include "support/support.h"

static int run(const char *script, const struct strbuf *input, struct strbuf *out, struct err *err)
{
	const char *arguments[] = {"sh", "-c", script, NULL};
	return program_run(arguments, input, "install it", out, err);
}

static void more_than_a_pipe_holds_goes_in_and_comes_out(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf input = {0}, out = {0};
	for (int i = 0; i < 100000; i++)
		strbuf_format(&input, "%d\n", i);
	assert_ok(run("cat; echo end", &input, &out, &err));
	assert_int_equal(out.length, input.length + 4);
	assert_memory_equal(out.text, input.text, input.length);
	assert_string_equal(out.text + input.length, "end\n");
	strbuf_free(&input);
	strbuf_free(&out);
}

static void nothing_goes_in_and_out(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf input = {0}, out = {0};
	assert_ok(run("cat", &input, &out, &err));
	assert_int_equal(out.length, 0);
	strbuf_free(&out);
}

static void a_failure_is_told_with_the_first_line_of_its_words(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf input = {0}, out = {0};
	static const char fails[] = "echo half; printf '\\n  line 3: no such terminal\\nmore\\n' >&2; exit 3";
	assert_refused(run(fails, &input, &out, &err), ERR_IO, "sh failed (status 3): line 3: no such terminal");
	assert_null(strstr(err.text, "more"));
	assert_int_equal(out.length, 0);
	assert_refused(run("exit 4", &input, &out, &err), ERR_IO, "sh failed (status 4)");
	assert_refused(run("kill -9 $$", &input, &out, &err), ERR_IO, "sh failed (status -1)");
	strbuf_free(&out);
}

static void a_program_that_is_not_there_is_named_with_the_remedy(void **state)
{
	(void)state;
	struct err err = {0};
	struct strbuf input = {0}, out = {0};
	const char *arguments[] = {"no-such-program-here", NULL};
	assert_refused(program_run(arguments, &input, "make deps installs it", &out, &err), ERR_IO,
	               "no-such-program-here is not installed; make deps installs it");
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(more_than_a_pipe_holds_goes_in_and_comes_out),
	    cmocka_unit_test(nothing_goes_in_and_out),
	    cmocka_unit_test(a_failure_is_told_with_the_first_line_of_its_words),
	    cmocka_unit_test(a_program_that_is_not_there_is_named_with_the_remedy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
